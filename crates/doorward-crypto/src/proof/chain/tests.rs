use doorward_core::Timestamp;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, date_time_ymd,
};

use super::{Authority, AuthorityError, ChainError};

fn at(text: &str) -> Timestamp {
    let day: i64 = text.parse().unwrap();
    Timestamp::from_secs(1_767_225_600 + day * 86_400)
}

/// 2026, counted in days from its first.
const START: (i32, u8, u8) = (2026, 1, 1);

fn params(name: &str, ca: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.not_before = date_time_ymd(START.0, START.1, START.2);
    params.not_after = date_time_ymd(2027, 1, 1);
    if ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    }
    params
}

struct Ca {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = params(name, true);
        let certificate = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    fn below(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    fn leaf(&self, serial: u8, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = params("leaf", false);
        params.serial_number = Some(SerialNumber::from(vec![serial]));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        leaf.der().to_vec()
    }

    fn list(&self, revoked: &[u8], until: (u8, u8)) -> Vec<u8> {
        let revoke = |serial: &u8| RevokedCertParams {
            serial_number: SerialNumber::from(vec![*serial]),
            revocation_time: date_time_ymd(2026, 2, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2026, until.0, until.1),
            crl_number: SerialNumber::from(vec![1]),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(revoke).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }

    fn authority(&self) -> Authority {
        Authority::from_pem("clients", self.certificate.pem().as_bytes()).unwrap()
    }
}

fn untrusted(found: &Result<super::Vouched, ChainError>) -> bool {
    matches!(found, Err(ChainError::Untrusted(_)))
}

#[test]
fn r035_only_the_configured_authority_vouches() {
    let (ours, theirs) = (Ca::new("CA"), Ca::new("CA"));
    let (good, bad) = (ours.leaf(1, |_| ()), theirs.leaf(1, |_| ()));
    let authority = ours.authority();
    let vouched = authority.vouch(&[&good], at("10")).unwrap();
    assert_eq!(vouched.known_until, Timestamp::MAX);
    assert_eq!(vouched.validity.revoked_at, Timestamp::MAX);
    assert!(untrusted(&authority.vouch(&[&bad], at("10"))));
    // What a stranger puts beside it changes nothing.
    assert!(untrusted(
        &authority.vouch(&[&bad, theirs.certificate.der()], at("10"))
    ));
    assert!(untrusted(&authority.vouch(&[&bad, &good], at("10"))));
    assert!(matches!(
        authority.vouch(&[], at("10")),
        Err(ChainError::Certificate(_))
    ));
}

#[test]
fn r035_a_certificate_for_servers_or_an_authority_is_not_a_clients() {
    let ca = Ca::new("CA");
    let server = ca.leaf(1, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let below = ca.below(params("below", true));
    let authority = ca.authority();
    assert!(untrusted(&authority.vouch(&[&server], at("10"))));
    assert!(untrusted(
        &authority.vouch(&[below.certificate.der()], at("10"))
    ));
    // Somebody's leaf is not an authority.
    let not_a_ca = ca.below(params("not a ca", false));
    let leaf = not_a_ca.leaf(1, |_| ());
    assert!(untrusted(
        &authority.vouch(&[&leaf, not_a_ca.certificate.der()], at("10"))
    ));
}

#[test]
fn r007_the_validity_is_that_of_all_who_vouch() {
    let ca = Ca::new("CA");
    let mut short = params("below", true);
    short.not_after = date_time_ymd(2026, 6, 1);
    let below = ca.below(short);
    let leaf = below.leaf(1, |params| params.not_before = date_time_ymd(2026, 3, 1));
    let chain: [&[u8]; 2] = [&leaf, below.certificate.der()];
    // Judged at whatever time: it is told when it is valid, and judged elsewhere.
    for day in ["-100", "70", "100"] {
        let found = ca.authority().vouch(&chain, at(day)).unwrap().validity;
        assert_eq!(found.not_before.to_string(), "2026-03-01T00:00:00.000Z");
        assert_eq!(found.not_after.to_string(), "2026-06-01T00:00:01.000Z");
    }
    assert!(untrusted(&ca.authority().vouch(&chain, at("200"))));
    assert!(untrusted(&ca.authority().vouch(&chain[..1], at("70"))));
}

#[test]
fn r035_what_is_on_the_list_is_revoked_since_then() {
    let ca = Ca::new("CA");
    let mut authority = ca.authority();
    authority
        .add_revocation_lists(&ca.list(&[2], (4, 1)))
        .unwrap();
    let good = authority.vouch(&[&ca.leaf(1, |_| ())], at("10")).unwrap();
    assert_eq!(good.validity.revoked_at, Timestamp::MAX);
    assert_eq!(good.known_until.to_string(), "2026-04-01T00:00:00.000Z");
    let gone = authority.vouch(&[&ca.leaf(2, |_| ())], at("60")).unwrap();
    assert_eq!(
        gone.validity.revoked_at.to_string(),
        "2026-02-01T00:00:00.000Z"
    );
    // Also where the list's clock is ahead of ours.
    let gone = authority.vouch(&[&ca.leaf(2, |_| ())], at("10")).unwrap();
    assert_eq!(gone.validity.revoked_at, at("10"));
}

#[test]
fn r035_a_list_that_is_stale_foreign_or_missing_makes_nothing_known() {
    let never = Timestamp::from_millis(i64::MIN);
    let (ca, other) = (Ca::new("CA"), Ca::new("CA"));
    let leaf = ca.leaf(1, |_| ());
    let judged = |lists: &[Vec<u8>], stale: bool| {
        let mut authority = ca.authority().accepting_stale_lists(stale);
        for list in lists {
            authority.add_revocation_lists(list).unwrap();
        }
        authority.vouch(&[&leaf], at("10")).unwrap().known_until
    };
    // Of the same name, and signed with another key.
    assert_eq!(judged(&[other.list(&[], (4, 1))], false), never);
    assert_eq!(judged(&[other.list(&[], (4, 1))], true), never);
    let third = Ca::new("third");
    assert_eq!(judged(&[third.list(&[], (4, 1))], false), never);
    let (old, new) = (ca.list(&[], (2, 1)), ca.list(&[1], (5, 1)));
    let old_until = at("31");
    assert_eq!(judged(std::slice::from_ref(&old), false), old_until);
    assert_eq!(judged(std::slice::from_ref(&old), true), Timestamp::MAX);
    // The newest list counts, in whatever order.
    let mut authority = ca.authority();
    authority.add_revocation_lists(&new).unwrap();
    authority.add_revocation_lists(&old).unwrap();
    let found = authority.vouch(&[&leaf], at("10")).unwrap();
    assert!(found.validity.revoked_at < Timestamp::MAX);
}

#[test]
fn a_list_covers_intermediates_too() {
    let ca = Ca::new("CA");
    let mut middle = params("below", true);
    middle.serial_number = Some(SerialNumber::from(vec![9]));
    let below = ca.below(middle);
    let leaf = below.leaf(1, |_| ());
    let chain: [&[u8]; 2] = [&leaf, below.certificate.der()];
    let judge = |lists: &[Vec<u8>]| {
        let mut authority = ca.authority();
        for list in lists {
            authority.add_revocation_lists(list).unwrap();
        }
        authority.vouch(&chain, at("10")).unwrap()
    };
    let (of_ca, of_below) = (ca.list(&[], (4, 1)), below.list(&[], (3, 1)));
    let both = judge(&[of_ca.clone(), of_below.clone()]);
    assert_eq!(both.known_until, at("59"));
    let one = judge(std::slice::from_ref(&of_below));
    assert_eq!(one.known_until, Timestamp::from_millis(i64::MIN));
    let revoked = judge(&[ca.list(&[9], (4, 1)), of_below]);
    assert!(revoked.validity.revoked_at < Timestamp::MAX);
}

#[test]
fn files_that_are_something_else_are_refused() {
    let ca = Ca::new("CA");
    let of = |pem: &str| Authority::from_pem("a", pem.as_bytes()).err();
    assert_eq!(of(""), Some(AuthorityError::Nothing));
    assert_eq!(of("garbage"), Some(AuthorityError::Nothing));
    let broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    assert_eq!(of(broken), Some(AuthorityError::Certificate));
    let mut authority = ca.authority();
    for bad in [&b""[..], b"garbage", b"0\0", ca.certificate.der()] {
        let found = authority.add_revocation_lists(bad);
        assert_eq!(found, Err(AuthorityError::RevocationList));
    }
    assert_eq!(authority.subjects().count(), 1);
}
