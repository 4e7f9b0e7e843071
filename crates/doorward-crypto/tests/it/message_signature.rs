//! RFC 9421: the vectors of its appendix B, and what they do not say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_core::body::BodyDigest as _;
use doorward_core::net::ClientAddress;
use doorward_core::request::{Arrival, ManagedHeaders, Transport};
use doorward_core::{RequestHead, Secret};
use doorward_crypto::jose::b64;
use doorward_crypto::message_signature::{
    Component, ContentDigest, Covered, DigestAlgorithm, InputError, PrivateKey, SignatureAlgorithm,
    SignatureParams, SignatureVerifier, Signatures, signature_base,
};
use serde_json::Value;

use crate::vectors::load;

fn head(target: &str, fields: &[(&str, &str)]) -> RequestHead {
    let mut request = http::Request::post(target);
    for (name, value) in fields {
        let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request = request.header(*name, value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let arrival = Arrival {
        client: ClientAddress::new("192.0.2.1".parse().unwrap()),
        transport: Transport::Tls,
    };
    RequestHead::canonicalise(parts, arrival, &ManagedHeaders::default()).unwrap()
}

/// The base for one label, or why there is none.
fn base(head: &RequestHead, label: &str) -> Result<String, String> {
    let signatures = Signatures::parse(head.headers()).map_err(|e| e.to_string())?;
    let signatures = signatures.expect("there is a signature");
    let (covered, _) = signatures.of(label).map_err(|e| e.to_string())?;
    signature_base(head, &covered).map_err(|e| e.to_string())
}

fn verifier(keys: &Value, kid: &str) -> SignatureVerifier {
    let keys = keys["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == kid).unwrap();
    let mut public = key.clone();
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        public.as_object_mut().unwrap().remove(private);
    }
    let algorithm = match kid {
        "test-key-rsa-pss" => SignatureAlgorithm::RsaPssSha512,
        "test-key-ecc-p256" => SignatureAlgorithm::EcdsaP256Sha256,
        "test-key-ed25519" => SignatureAlgorithm::Ed25519,
        _ => {
            let secret = b64::decode(key["k"].as_str().unwrap()).unwrap();
            return SignatureVerifier::shared(&Secret::new(secret)).unwrap();
        }
    };
    SignatureVerifier::from_text(&public.to_string(), algorithm).unwrap()
}

#[test]
fn r028_appendix_b_of_rfc_9421_verifies() {
    let (Some(keys), Some(file)) = (
        load("rfc9421/keys.jwks.json"),
        load("rfc9421/rfc9421-appendix-b.json"),
    ) else {
        return;
    };
    let (top, _body) = file["test_request"]
        .as_str()
        .unwrap()
        .split_once("\n\n")
        .unwrap();
    let mut fields: Vec<(&str, &str)> = top
        .lines()
        .skip(1)
        .map(|line| line.split_once(": ").unwrap())
        .collect();
    let plain = fields.len();
    let mut requests = 0;
    for case in file["cases"].as_array().unwrap() {
        let title = case["title"].as_str().unwrap();
        fields.truncate(plain);
        fields.extend(
            case["fields"]
                .as_str()
                .unwrap()
                .lines()
                .map(|line| line.split_once(": ").unwrap()),
        );
        let wanted = case["signature_base"].as_str().unwrap();
        let head = head("/foo?param=Value&Pet=dog", &fields);
        let signatures = Signatures::parse(head.headers()).unwrap().unwrap();
        let label = signatures.tags().next().unwrap().0.to_owned();
        let Ok((covered, signature)) = signatures.of(&label) else {
            assert!(title.contains("Response"), "{title}");
            continue;
        };
        requests += 1;
        assert_eq!(signature_base(&head, &covered).unwrap(), wanted, "{title}");
        let verifier = verifier(&keys, covered.params().keyid.as_deref().unwrap());
        verifier.verify(wanted.as_bytes(), signature).unwrap();
        let mut altered = signature.to_vec();
        altered[7] ^= 1;
        assert!(verifier.verify(wanted.as_bytes(), &altered).is_err());
        let other = wanted.replace("2021", "2022").replace("keyid", "keyxd");
        assert!(verifier.verify(other.as_bytes(), signature).is_err());
    }
    assert_eq!(requests, 5);
}

/// A signature as a header has it, whatever the header covers.
fn bytes_of(fields: &str) -> Vec<u8> {
    let (_, rest) = fields.split_once("\nSignature: ").unwrap();
    let (_, text) = rest.split_once("=:").unwrap();
    STANDARD.decode(text.split_once(':').unwrap().0).unwrap()
}

/// Appendix B.2.4: we read no responses, but its key and algorithm are ours.
#[test]
fn r028_appendix_b_the_signature_of_a_response_fits_its_key_and_is_no_request() {
    let (Some(keys), Some(file)) = (
        load("rfc9421/keys.jwks.json"),
        load("rfc9421/rfc9421-appendix-b.json"),
    ) else {
        return;
    };
    let cases = file["cases"].as_array().unwrap();
    let response = |case: &&Value| case["title"].as_str().unwrap().contains("Response");
    let case = cases.iter().find(response).unwrap();
    let (base, fields) = (
        case["signature_base"].as_str().unwrap(),
        case["fields"].as_str().unwrap(),
    );
    let verifier = verifier(&keys, "test-key-ecc-p256");
    let signature = bytes_of(fields);
    verifier.verify(base.as_bytes(), &signature).unwrap();
    let other = base.replace("200", "201");
    assert!(verifier.verify(other.as_bytes(), &signature).is_err());
}

/// Appendix B.3: a request on its way through a proxy that ends TLS, and signs what it adds.
#[test]
fn r028_appendix_b_the_request_behind_a_tls_proxy_verifies() {
    let (Some(keys), Some(file)) = (
        load("rfc9421/keys.jwks.json"),
        load("rfc9421/rfc9421-appendix-b.json"),
    ) else {
        return;
    };
    let parts = file["tls_proxy_example"].as_array().unwrap();
    let (wanted, request) = (
        parts[2].as_str().unwrap().trim_end(),
        parts[4].as_str().unwrap(),
    );
    let (top, _body) = request.split_once("\n\n").unwrap();
    let fields: Vec<_> = top
        .lines()
        .skip(1)
        .map(|line| line.split_once(": ").unwrap())
        .collect();
    let behind = head("/foo?param=Value&Pet=dog", &fields);
    assert_eq!(base(&behind, "ttrp").unwrap(), wanted);
    let signatures = Signatures::parse(behind.headers()).unwrap().unwrap();
    let (_, signature) = signatures.of("ttrp").unwrap();
    let verifier = verifier(&keys, "test-key-ecc-p256");
    verifier.verify(wanted.as_bytes(), signature).unwrap();
    // In front of the proxy it is another request: another host, and no certificate in a header.
    let before: Vec<_> = fields
        .iter()
        .filter(|(name, _)| *name != "Client-Cert")
        .map(|(name, value)| match *name {
            "Host" => (*name, "example.com"),
            _ => (*name, *value),
        })
        .collect();
    assert!(base(&head("/foo?param=Value&Pet=dog", &before), "ttrp").is_err());
}

/// Appendix B.4: what a message may go through, and what it may not.
#[test]
fn r034_appendix_b_only_harmless_transformations_keep_a_signature_good() {
    let Some(keys) = load("rfc9421/keys.jwks.json") else {
        return;
    };
    let verifier = verifier(&keys, "test-key-ed25519");
    let fits = |method: &str, target: &str, fields: &[(&str, &str)]| {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in fields.iter().chain(&[
            (
                "signature-input",
                "transform=(\"@method\" \"@path\" \"@authority\" \"accept\");created=1618884473;\
                 keyid=\"test-key-ed25519\"",
            ),
            (
                "signature",
                "transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/\
                 LXlh5QMFFQ6cpLt2m0pmj3NDA==:",
            ),
        ]) {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let arrival = Arrival {
            client: ClientAddress::new("192.0.2.1".parse().unwrap()),
            transport: Transport::Tls,
        };
        let head = RequestHead::canonicalise(parts, arrival, &ManagedHeaders::default()).unwrap();
        let signatures = Signatures::parse(head.headers()).unwrap().unwrap();
        let (covered, signature) = signatures.of("transform").unwrap();
        let base = signature_base(&head, &covered).unwrap();
        verifier.verify(base.as_bytes(), signature).is_ok()
    };
    let target = "/demo?name1=Value1&Name2=value2";
    let host = ("host", "example.org");
    let (json, any) = (("accept", "application/json"), ("accept", "*/*"));
    assert!(fits("GET", target, &[host, json, any]));
    let more = [host, ("accept-language", "en-US,en;q=0.5"), json, any];
    assert!(fits(
        "GET",
        "/demo?name1=Value1&Name2=value2&param=added",
        &more
    ));
    assert!(fits(
        "GET",
        target,
        &[host, ("accept", "application/json, */*")]
    ));
    assert!(fits(
        "GET",
        target,
        &[
            ("referer", "x"),
            host,
            ("accept", "  application/json"),
            any
        ]
    ));
    assert!(!fits("POST", target, &[host, json, any]));
    assert!(!fits("GET", target, &[("host", "example.com"), json, any]));
    assert!(!fits("GET", target, &[host, any, json]));
    assert!(!fits("GET", "/other", &[host, json, any]));
}

const VALUES: &[(&str, &str, &str)] = &[
    ("@method", "/a", "POST"),
    ("@scheme", "/a", "https"),
    ("@authority", "/a", "api.example"),
    ("@path", "/a", "/a"),
    ("@path", "/", "/"),
    ("@query", "/a", "?"),
    ("@query", "/a?", "?"),
    ("@query", "/a?x=1&x=2", "?x=1&x=2"),
    ("@query", "/a?queryString", "?queryString"),
    ("@request-target", "/a?x=%7e", "/a?x=%7e"),
    ("@target-uri", "/a?x=1", "https://api.example/a?x=1"),
    // What the caller spelled is what is signed, although ours is another spelling.
    ("@path", "/%61%7e", "/%61%7e"),
    ("@target-uri", "/%61?b=%62", "https://api.example/%61?b=%62"),
    ("x-empty", "/", ""),
    ("x-two", "/", "one, two"),
    ("\"x-dict\";key=\"a\"", "/", "1"),
    ("\"x-dict\";key=\"b\"", "/", "2;x=1;y=2"),
    ("\"x-dict\";key=\"d\"", "/", "(5 6);valid"),
    ("\"x-two\";bs", "/", ":b25l:, :dHdv:"),
    ("\"priority\";sf", "/", "u=1, i"),
    ("\"@query-param\";name=\"qux\"", "/p?param=value&qux=", ""),
    (
        "\"@query-param\";name=\"var\"",
        "/p?var=this%20is%20a%20big%0Amultiline%20value",
        "this%20is%20a%20big%0Amultiline%20value",
    ),
    (
        "\"@query-param\";name=\"bar\"",
        "/p?bar=with+plus+whitespace",
        "with%20plus%20whitespace",
    ),
    (
        "\"@query-param\";name=\"fa%C3%A7ade%22%3A%20\"",
        "/p?fa%C3%A7ade%22%3A%20=something",
        "something",
    ),
];

fn with(target: &str, component: &str) -> RequestHead {
    let component = if component.starts_with('"') {
        component.to_owned()
    } else {
        format!("\"{component}\"")
    };
    let input = format!("sig=({component});keyid=\"k\"");
    head(
        target,
        &[
            ("host", "API.example:443"),
            ("x-empty", ""),
            ("x-two", "  one "),
            ("x-two", "two\t"),
            (
                "x-dict",
                "a=1,    b=2;x=1;y=2, c=(a   b   c), d=(5   6);valid",
            ),
            ("x-high", "caf\u{e9}"),
            ("priority", "u=1,  i=?1"),
            ("signature-input", &input),
            ("signature", "sig=:AAAA:"),
        ],
    )
}

#[test]
fn r028_components_have_the_values_of_section_two() {
    for (component, target, value) in VALUES {
        let base = base(&with(target, component), "sig").unwrap();
        let line = base.lines().next().unwrap();
        let (_, found) = line.split_once(": ").unwrap();
        assert_eq!(found, *value, "{component} {target}");
        assert_eq!(base.lines().count(), 2, "{base}");
    }
}

#[test]
fn r029_components_that_have_no_value_cannot_be_covered() {
    for (component, target) in [
        ("x-absent", "/"),
        ("x-high", "/"),
        ("\"x-two\";sf", "/"),
        ("\"x-dict\";key=\"zz\"", "/"),
        ("\"@query-param\";name=\"x\"", "/"),
        ("\"@query-param\";name=\"x\"", "/?x=1&x=2"),
        ("\"@query-param\";name=\"x\"", "/?x=1&%78=2"),
        ("@status", "/"),
        ("@signature-params", "/"),
        ("@METHOD", "/"),
        ("X-Two", "/"),
        ("x two", "/"),
        ("", "/"),
        ("\"@method\";req", "/"),
        ("\"x-two\";req", "/"),
        ("\"x-two\";tr", "/"),
        ("\"x-two\";bs;sf", "/"),
        ("\"x-two\";bs=?0", "/"),
        ("\"x-dict\";bs;key=\"a\"", "/"),
        ("\"x-two\";unknown", "/"),
        ("\"@path\";sf", "/"),
        ("\"@query-param\"", "/?x=1"),
        ("\"x-two\" \"x-two\"", "/"),
    ] {
        let found = base(&with(target, component), "sig");
        assert!(found.is_err(), "{component} {target} {found:?}");
    }
}

#[test]
fn r033_headers_that_say_two_things_are_refused() {
    let parse = |input: &str, signature: &str| {
        let mut headers = http::HeaderMap::new();
        headers.insert("signature-input", input.parse().unwrap());
        headers.insert("signature", signature.parse().unwrap());
        Signatures::parse(&headers)
    };
    for (input, signature) in [
        ("sig=(), sig=()", "sig=:AAAA:"),
        ("sig=()", "sig=:AAAA:, sig=:AAAB:"),
        ("sig=();created=1;created=1", "sig=:AAAA:"),
        ("sig=(", "sig=:AAAA:"),
        ("sig=()", "sig=:AAA:"),
    ] {
        assert_eq!(parse(input, signature).err(), Some(InputError::Dictionary));
    }
    let many: Vec<String> = (0..9).map(|n| format!("s{n}=()")).collect();
    assert!(parse(&many.join(", "), "s1=:AAAA:").is_err());
    let long = format!("sig=(\"{}\")", "x".repeat(9000));
    assert!(parse(&long, "sig=:AAAA:").is_err());
    for (input, signature) in [
        ("sig=1", "sig=:AAAA:"),
        ("sig=()", "other=:AAAA:"),
        ("sig=()", "sig=\"AAAA\""),
        ("sig=();created=\"1\"", "sig=:AAAA:"),
        ("sig=();created=1.5", "sig=:AAAA:"),
        ("sig=();keyid=1", "sig=:AAAA:"),
        ("sig=();unknown=1", "sig=:AAAA:"),
        ("sig=(1)", "sig=:AAAA:"),
    ] {
        let parsed = parse(input, signature).unwrap().unwrap();
        assert!(parsed.of("sig").is_err(), "{input} {signature}");
    }
}

/// Keys of appendix B as OpenSSL writes them.
fn pem(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n")
}

#[test]
fn r032_what_one_key_signs_no_other_algorithm_verifies() {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair as RsaPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;
    let rsa = RsaPair::generate(KeySize::Rsa2048).unwrap();
    let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&rsa).unwrap();
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(rsa.public_key()).unwrap();
    let (private, public) = (
        pem("PRIVATE KEY", private.as_ref()),
        pem("PUBLIC KEY", public.as_ref()),
    );
    let (pss, v15) = (
        SignatureAlgorithm::RsaPssSha512,
        SignatureAlgorithm::RsaV15Sha256,
    );
    for (signs, verifies) in [(pss, pss), (v15, v15), (pss, v15), (v15, pss)] {
        let made = PrivateKey::from_pem(&private, signs)
            .unwrap()
            .sign(b"base")
            .unwrap();
        let key = SignatureVerifier::from_text(&public, verifies).unwrap();
        assert_eq!(key.verify(b"base", &made).is_ok(), signs == verifies);
    }
    for wrong in [
        SignatureAlgorithm::Ed25519,
        SignatureAlgorithm::EcdsaP256Sha256,
        SignatureAlgorithm::EcdsaP384Sha384,
        SignatureAlgorithm::HmacSha256,
    ] {
        assert!(SignatureVerifier::from_text(&public, wrong).is_err());
        assert!(PrivateKey::from_pem(&private, wrong).is_err());
    }
    let short = Secret::new(vec![1; 31]);
    assert!(SignatureVerifier::shared(&short).is_err());
    assert!(PrivateKey::shared(&short).is_err());
}

#[test]
fn r028_a_signed_request_is_read_back_as_it_was_meant() {
    let names = ["@method", "@authority", "content-type", "\"x-two\";bs"];
    let components = names.map(|name| Component::parse(name).unwrap()).to_vec();
    let params = SignatureParams {
        created: Some(1_618_884_473),
        nonce: Some("a \"quoted\" \\ nonce".to_owned()),
        keyid: Some("ck_1".to_owned()),
        ..SignatureParams::default()
    };
    let covered = Covered::new(components, &params).unwrap();
    let input = format!("sig={}", covered.list());
    let mut headers = http::HeaderMap::new();
    headers.insert("signature-input", input.parse().unwrap());
    headers.insert("signature", "sig=:AAAA:".parse().unwrap());
    let read = Signatures::parse(&headers).unwrap().unwrap();
    let (again, signature) = read.of("sig").unwrap();
    assert_eq!((again, signature), (covered, &[0_u8, 0, 0][..]));
    let hostile = SignatureParams {
        nonce: Some("line\nbreak".to_owned()),
        ..SignatureParams::default()
    };
    assert!(Covered::new(Vec::new(), &hostile).is_err());
}

#[test]
fn r031_a_digest_is_checked_piece_by_piece() {
    let field = |text: &str| {
        let mut headers = http::HeaderMap::new();
        headers.insert("content-digest", text.parse().unwrap());
        ContentDigest::parse(&headers)
    };
    let body = b"{\"hello\": \"world\"}";
    // From RFC 9421 section 2.5 and appendix B.2.
    let known = [
        "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:",
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    ];
    let check = |digest: &ContentDigest, parts: &[&[u8]]| {
        let mut running = digest.begin();
        parts.iter().for_each(|part| running.update(part));
        running.matches()
    };
    for text in known {
        let digest = field(text).unwrap().unwrap();
        assert!(check(&digest, &[body]));
        assert!(check(&digest, &[&body[..5], b"", &body[5..]]));
        assert!(!check(&digest, &[&body[..17]]));
        assert!(!check(&digest, &[body, b"\n"]));
        assert!(!check(&digest, &[]));
        assert_eq!(digest.to_field(), text);
    }
    // All of them must fit, and unknown ones do not count.
    let both = field(&known.join(", ")).unwrap().unwrap();
    assert!(check(&both, &[body]));
    let one_wrong = known.join(", ").replace("WZDP", "AAAA");
    assert!(!check(&field(&one_wrong).unwrap().unwrap(), &[body]));
    let extra = format!("md5=:AAAA:, {}", known[0]);
    assert!(check(&field(&extra).unwrap().unwrap(), &[body]));
    for wrong in [
        "",
        "md5=:AAAA:",
        "sha-256=:AAAA:",
        "sha-256=\"x\"",
        "sha-256",
        "sha-256=(1)",
    ] {
        assert!(field(wrong).is_err(), "{wrong}");
    }
    let twice = format!("{}, {}", known[0], known[0]);
    assert!(field(&twice).is_err());
    let made = ContentDigest::of(DigestAlgorithm::Sha256, body);
    assert_eq!(made.to_field(), known[0]);
}
