//! Tokens that are bound to a certificate (RFC 8705 section 3).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::pki::{Ca, call, in_days, reason};
use crate::door::Home;
use crate::mint::{Draft, jwks};
use crate::peer::{Recorder, header, python};

const CONFIG: &str = r#"
[listener.main]
address = "127.0.0.1:0"
client_certificates = "optional"
client_ca = "clients"
[client_ca.clients]
file = "clients.pem"
crl = ["clients.crl"]
[listener.plain]
address = "127.0.0.1:0"
tls = "off"
[admin]
enabled = false
[issuer]
url = "https://door.example"
[state]
dir = "data"
[log]
decisions = "decisions.jsonl"
[upstream.default]
url = "http://127.0.0.1:{upstream}"
[trusted_issuer.partner]
issuer = "https://partner.example"
audience = ["https://api.example"]
jwks_file = "partner.json"
[[route]]
path = "/{*path}"
scopes = ["orders:read"]
"#;

fn thumbprint(der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(doorward_crypto::digest::sha256(der))
}

#[test]
fn r037_a_bound_token_is_worth_nothing_without_its_certificate() {
    if python().is_none() {
        return;
    }
    let upstream = Recorder::start();
    let home = Home::new(&CONFIG.replace("{upstream}", &upstream.port.to_string()));
    let ca = Ca::new("Clients");
    home.write("clients.pem", &ca.pem);
    home.write("clients.crl", &ca.list(&[66], 3600));
    home.write("partner.json", &jwks(&["ES256"]));
    let door = home.serve();
    // Nobody maps it: it is a binding, not a credential.
    let pair = ca.uri("urn:example:anything");
    let token = |cnf: Value| {
        Draft::new("https://partner.example", "ES256")
            .claim("cnf", cnf)
            .sign()
    };
    let bound_to = |der: &[u8]| token(json!({ "x5t#S256": thumbprint(der) }));
    let good = bound_to(&pair.der);
    let send = |token: &str| format!("Authorization: Bearer {token}");
    // Twice, so that the second answer comes from what is remembered.
    for _ in 0..2 {
        for version in ["--http1.1", "--http2"] {
            let answer = call(&door, "/a", &pair, &[version, "-H", &send(&good)]);
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let head = upstream.heads().pop().unwrap();
        assert_eq!(header(&head, "x-doorward-subject"), Some("partner"));
        assert_eq!(header(&head, "x-doorward-method"), Some("jwt"));
        let other = ca.uri("urn:example:anything");
        let stolen = [
            door.curl("/a", &["-H", &send(&good)]),
            call(&door, "/a", &other, &["-H", &send(&good)]),
        ];
        for answer in stolen {
            assert_eq!(answer.status, 401, "{answer:?}");
            assert_eq!(reason(&door, &answer), "certificate_not_the_tokens");
            let challenges = answer.all("www-authenticate");
            assert!(
                challenges[0].contains("error=\"invalid_token\""),
                "{answer:?}"
            );
        }
    }
    let plain = super::pki::curl(None, &["-H", &send(&good), &door.plain("/a")]).unwrap();
    assert_eq!(plain.status, 401, "{plain:?}");
    // Not the hash of the certificate, but of something that anybody can know or choose.
    let hash = thumbprint(&pair.der);
    for cnf in [
        json!({}),
        json!(hash),
        json!(null),
        json!([hash]),
        json!({ "x5t#S256": hash, "jkt": hash }),
        json!({ "x5t#S256": hash, "kid": "1" }),
        json!({ "jkt": hash }),
        json!({ "jwk": {} }),
        json!({ "x5t": hash }),
        json!({ "X5T#S256": hash }),
        json!({ "x5t#S256": [hash] }),
        json!({ "x5t#S256": null }),
        json!({ "x5t#S256": "" }),
        json!({ "x5t#S256": hash[..42] }),
        json!({ "x5t#S256": format!("{hash}=") }),
        json!({ "x5t#S256": format!(" {hash}") }),
    ] {
        let mut draft = Draft::new("https://partner.example", "ES256");
        draft.claims["cnf"] = cnf.clone();
        let answer = call(&door, "/a", &pair, &["-H", &send(&draft.sign())]);
        assert_eq!(answer.status, 401, "{cnf} {answer:?}");
        assert_eq!(reason(&door, &answer), "jwt_bound", "{cnf}");
    }
    // An unbound token needs none, and is not harmed by one.
    let free = Draft::new("https://partner.example", "ES256").sign();
    assert_eq!(call(&door, "/a", &pair, &["-H", &send(&free)]).status, 200);
    assert_eq!(door.curl("/a", &["-H", &send(&free)]).status, 200);
    // A certificate that is not live or not trusted keeps no token alive.
    let old = ca.leaf(1, in_days(-1));
    let revoked = ca.leaf(66, |_| ());
    let stranger = Ca::new("Clients").leaf(1, |_| ());
    for (pair, why) in [
        (&old, "credential_expired"),
        (&revoked, "credential_revoked"),
        (&stranger, "certificate_untrusted"),
    ] {
        let answer = call(&door, "/a", pair, &["-H", &send(&bound_to(&pair.der))]);
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(reason(&door, &answer), why);
    }
}
