use doorward_core::client_certificate::NameKind;
use rcgen::{CertificateParams, CustomExtension, KeyPair, SanType, date_time_ymd};

use super::{Certificate, CertificateError, moment, name, renewal_name};
use crate::asn1::Reader;

fn with(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2051, 3, 1);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

/// A certificate whose subject alternative names are these bytes.
fn with_names(names: &[(u8, &[u8])]) -> Vec<u8> {
    let mut content = Vec::new();
    for (tag, text) in names {
        content.extend([*tag, u8::try_from(text.len()).unwrap()]);
        content.extend(*text);
    }
    let mut der = vec![0x30, u8::try_from(content.len()).unwrap()];
    der.extend(content);
    let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], der);
    with(|params| params.custom_extensions = vec![extension])
}

fn read(names: &[(u8, &[u8])]) -> Result<Vec<String>, CertificateError> {
    let certificate = Certificate::parse(&with_names(names))?;
    Ok(certificate
        .names()?
        .iter()
        .map(ToString::to_string)
        .collect())
}

#[test]
fn names_of_every_kind_are_read() {
    assert_eq!(
        read(&[
            (0x82, b"Billing.Example"),
            (0x86, b"spiffe://example.org/ns/pay/sa/billing"),
            (0x81, b"ops@example.org"),
            (0x87, &[192, 0, 2, 1]),
        ])
        .unwrap(),
        [
            "dns:billing.example",
            "uri:spiffe://example.org/ns/pay/sa/billing",
            "email:ops@example.org"
        ]
    );
    let none = Certificate::parse(&with(|_| ())).unwrap();
    assert!(none.names().unwrap().is_empty());
}

#[test]
fn g28_a_name_that_can_be_read_in_two_ways_spoils_the_certificate() {
    for (tag, text) in [
        (0x82, &b"admin.example\0.evil.example"[..]),
        (0x82, b"\0"),
        (0x82, b""),
        (0x82, b"*.example"),
        (0x82, b"ad*min.example"),
        (0x82, "b\u{fc}ro.example".as_bytes()),
        (0x82, b"\xff\xfe.example"),
        (0x82, b"admin.example "),
        (0x82, b"admin.example."),
        (0x82, b"admin..example"),
        (0x82, b"-admin.example"),
        (0x86, b"spiffe://example.org/a\0b"),
        (0x86, b"spiffe://example.org/*"),
        (0x86, b"spiffe://example.org/../b"),
        (0x86, b"spiffe://example.org/a//b"),
        (0x86, b"spiffe://example.org/a/"),
        (0x86, b"spiffe://Example.org/a"),
        (0x86, b"SPIFFE://example.org/a"),
        (0x86, b"spiffe://example.org:80/a"),
        (0x86, b"spiffe://user@example.org/a"),
        (0x86, b"spiffe://example.org/a?b"),
        (0x86, b"spiffe:///a"),
        (0x86, b"/no/scheme"),
        (0x81, b"ops@example.org@evil.example"),
        (0x81, b"\"ops@a\"@evil.example"),
        (0x81, b"ops"),
        (0x81, b"ops@example.org\0"),
    ] {
        let good = (0x82, &b"good.example"[..]);
        let at = String::from_utf8_lossy(text).into_owned();
        assert_eq!(read(&[(tag, text)]), Err(CertificateError::Name), "{at:?}");
        assert_eq!(
            read(&[good, (tag, text)]),
            Err(CertificateError::Name),
            "{at:?}"
        );
    }
    let many: Vec<_> = (0..20).map(|_| (0x82_u8, &b"abc"[..])).collect();
    assert_eq!(read(&many).unwrap().len(), 20);
}

#[test]
fn too_many_names_and_two_lists_of_names_are_refused() {
    let params = |count: usize| {
        with(|params| {
            let name = |n: usize| SanType::DnsName(format!("n{n}.example").try_into().unwrap());
            params.subject_alt_names = (0..count).map(name).collect();
        })
    };
    let names = |der: &[u8]| Certificate::parse(der).unwrap().names().map(<[_]>::len);
    assert_eq!(names(&params(64)), Ok(64));
    assert_eq!(names(&params(65)), Err(CertificateError::ManyNames));
    let empty = CustomExtension::from_oid_content(&[2, 5, 29, 17], vec![0x30, 0]);
    let twice = with(|params| {
        params.subject_alt_names = vec![SanType::DnsName("a.example".try_into().unwrap())];
        params.custom_extensions = vec![empty];
    });
    // webpki refuses the whole; were it not to, the names would be.
    assert!(Certificate::parse(&twice).map_or(true, |c| c.names().is_err()));
}

#[test]
fn the_validity_is_what_the_certificate_says() {
    let read = Certificate::parse(&with(|_| ())).unwrap();
    assert_eq!(
        read.validity.not_before.to_string(),
        "2026-01-01T00:00:00.000Z"
    );
    assert_eq!(
        read.validity.not_after.to_string(),
        "2051-03-01T00:00:01.000Z"
    );
}

#[test]
fn only_certificates_are_read() {
    let der = with(|_| ());
    assert!(Certificate::parse(&der).is_ok());
    for bad in [&b""[..], b"0", &der[..der.len() - 1], &der[1..]] {
        assert_eq!(Certificate::parse(bad), Err(CertificateError::Malformed));
    }
    let longer = [der.as_slice(), b"\0"].concat();
    assert_eq!(
        Certificate::parse(&longer),
        Err(CertificateError::Malformed)
    );
}

#[test]
fn times_have_one_form() {
    let at = |tag: u8, text: &str| {
        let mut der = vec![tag, u8::try_from(text.len()).unwrap()];
        der.extend(text.as_bytes());
        moment(&mut Reader(&der)).map(|moment| moment.to_string())
    };
    let known = |text: &str| Some(text.to_owned());
    assert_eq!(at(0x17, "700101000000Z"), known("1970-01-01T00:00:00.000Z"));
    assert_eq!(at(0x17, "491231235959Z"), known("2049-12-31T23:59:59.000Z"));
    assert_eq!(at(0x17, "500101000000Z"), known("1950-01-01T00:00:00.000Z"));
    assert_eq!(
        at(0x18, "20240229120000Z"),
        known("2024-02-29T12:00:00.000Z")
    );
    for (tag, bad) in [
        (0x17, "7001010000Z"),
        (0x17, "700101000000+0000"),
        (0x17, "701301000000Z"),
        (0x17, "700100000000Z"),
        (0x17, "7001012x0000Z"),
        (0x18, "20240229120000.5Z"),
        (0x18, "240229120000Z"),
        (0x16, "700101000000Z"),
    ] {
        assert_eq!(at(tag, bad), None, "{bad}");
    }
}

#[test]
fn names_in_a_configuration_are_read_by_the_same_rules() {
    assert!(name(NameKind::Dns, b"API.example").is_some_and(|name| &*name.text == "api.example"));
    assert_eq!(name(NameKind::Uri, b"spiffe://a/*"), None);
    assert!(name(NameKind::Uri, b"urn:example:billing").is_some());
}

#[test]
fn the_name_of_a_certificate_at_its_authority_is_its_key_id_and_serial() {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(vec![0xc0, 0xff, 0xee]);
    let issuer = rcgen::Issuer::new(params, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.serial_number = Some(rcgen::SerialNumber::from(vec![0x87, 0x65]));
    let without = params.signed_by(&key, &issuer).unwrap();
    assert_eq!(renewal_name(without.der()), None);
    params.use_authority_key_identifier_extension = true;
    let with = params.signed_by(&key, &issuer).unwrap();
    // The zero that keeps the number positive belongs to it (RFC 9773 section 4.1).
    let expected: (&[u8], &[u8]) = (&[0xc0, 0xff, 0xee], &[0, 0x87, 0x65]);
    assert_eq!(renewal_name(with.der()), Some(expected));
    assert_eq!(renewal_name(b"x"), None);
}
