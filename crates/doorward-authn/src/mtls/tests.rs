use std::sync::Arc;
use std::time::Duration;

use doorward_core::client_certificate::{ClientCertificates, Standing};
use doorward_core::{Clock, ScopeSet, Timestamp};
use doorward_crypto::digest::sha256;
use doorward_crypto::entropy::OsEntropy;
use doorward_crypto::proof::authority::IssuingAuthority;
use doorward_crypto::proof::certificate_header::HeaderForm;
use doorward_crypto::proof::chain::Authority;
use doorward_store::IssuedCertificateRecord;
use http::{HeaderMap, HeaderValue};

use super::{
    IssuedIndex, ListenerCertificates, NOT_ISSUED, OWN_AUTHORITY, TrustedAuthority, credential_id,
};
use crate::testing::StillClock;

struct World {
    judge: ListenerCertificates,
    issued: Arc<IssuedIndex>,
    record: IssuedCertificateRecord,
    der: Vec<u8>,
}

fn world() -> World {
    let (clock, entropy) = (Arc::new(StillClock::default()), OsEntropy::new());
    let now = clock.now();
    let (made, certificate, _) = IssuingAuthority::generate(now, &entropy).unwrap();
    let leaf = made.issue("billing", Duration::from_secs(3600), now, &entropy);
    let leaf = leaf.unwrap();
    let thumbprint = sha256(&leaf.der);
    let record = IssuedCertificateRecord {
        id: credential_id(&thumbprint).as_str().to_owned(),
        thumbprint,
        name: "billing".to_owned(),
        subject: "billing".to_owned(),
        scopes: ScopeSet::EMPTY,
        roles: Vec::new(),
        created_at: now,
        expires_at: leaf.expires_at,
        revoked_at: None,
    };
    let authority = Authority::from_der(OWN_AUTHORITY, &[certificate.as_slice().into()]);
    let trusted = TrustedAuthority {
        authority: authority.unwrap(),
        several_names: false,
    };
    let issued = Arc::new(IssuedIndex::default());
    let judge = ListenerCertificates::new(
        vec![Arc::new(trusted)],
        Some(HeaderForm::Haproxy),
        Arc::clone(&issued),
        clock,
    );
    World {
        judge,
        issued,
        record,
        der: leaf.der,
    }
}

fn revoked_at(standing: &Standing) -> Option<Timestamp> {
    match standing {
        Standing::Trusted(trusted) => Some(trusted.validity.revoked_at),
        Standing::Refused { .. } | Standing::Unknown { .. } => None,
    }
}

#[test]
fn r035_a_revocation_is_never_behind_what_is_remembered() {
    use base64::Engine as _;
    let mut world = world();
    let mut headers = HeaderMap::new();
    let text = base64::engine::general_purpose::STANDARD.encode(&world.der);
    headers.insert("x-ssl-client-cert", HeaderValue::try_from(text).unwrap());
    let both = |world: &World| {
        let shaken = world.judge.of_handshake(&[&world.der]).standing;
        let written = world.judge.of_headers(&headers).unwrap().standing.clone();
        assert_eq!(shaken, written);
        shaken
    };
    let unknown = both(&world);
    assert!(matches!(unknown, Standing::Refused { reason, .. } if reason == &NOT_ISSUED));
    let before = world.judge.generation();
    world.issued.insert(&world.record);
    let issued = world.judge.generation();
    assert_ne!(before, issued);
    assert_eq!(revoked_at(&both(&world)), Some(Timestamp::MAX));
    // Said to be later than now: revoked is revoked.
    world.record.revoked_at = Some(Timestamp::from_secs(i64::MAX / 2000));
    world.issued.insert(&world.record);
    assert_ne!(world.judge.generation(), issued);
    assert!(revoked_at(&both(&world)).is_some_and(|at| at < Timestamp::MAX));
    world.issued.remove(&world.record.id);
    assert!(matches!(both(&world), Standing::Refused { .. }));
    world.issued.replace(std::slice::from_ref(&world.record));
    assert!(revoked_at(&both(&world)).is_some());
}

#[test]
fn two_listeners_never_share_what_they_found() {
    let (one, two) = (world(), world());
    assert_ne!(one.judge.generation(), two.judge.generation());
    one.issued.insert(&one.record);
    two.issued.insert(&two.record);
    let foreign = two.judge.of_handshake(&[&one.der]);
    assert!(matches!(foreign.standing, Standing::Refused { .. }));
    assert_eq!(foreign.thumbprint, Some(one.record.thumbprint));
    let empty = two.judge.of_handshake(&[b"garbage"]);
    assert_eq!(empty.thumbprint, None);
}
