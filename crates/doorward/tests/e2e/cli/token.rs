//! `doorward token revoke`: what cannot be the id of a token is not taken for one.

use crate::door::Home;
use crate::mint::Draft;
use crate::peer::python;

const PARTNER: &str = "https://partner.example";
const CONFIG: &str = r#"
[trusted_issuer.partner]
issuer = "https://partner.example"
audience = ["https://api.example"]
jwks_file = "keys.json"
[[route]]
path = "/{*path}"
scopes = []
"#;

fn home() -> Home {
    Home::before(1, CONFIG)
}

fn revoke(home: &Home, args: &[&str]) -> crate::door::Ran {
    home.run(&[&["token", "revoke"], args].concat())
}

#[test]
fn r019_what_cannot_be_an_id_revokes_nothing_and_is_said() {
    let home = home();
    let (key, _) = home.key_with(&["--name", "k"]);
    let (token, jti) = home.token(&["--sub", "x"]);
    let cut = &jti[..jti.len() - 1];
    let long = format!("{jti}A");
    let space = format!("{jti} ");
    let no_id = "eyJhbGciOiJFUzI1NiJ9.eyJleHAiOjk5OTk5OTk5OTl9.AAAA";
    let damaged = format!("{}.AAAA.AAAA", token.split('.').next().unwrap());
    for wrong in [
        "",
        "nonsense",
        "a b",
        &key,
        cut,
        &long,
        &space,
        no_id,
        &damaged,
        "3q2u8r5w1y7t4e6i",
        "======================",
        "../../etc/passwd",
    ] {
        let ran = revoke(&home, &["--", wrong]);
        assert_eq!(ran.code, 1, "{wrong:?} {ran:?}");
        assert!(ran.err.len() > 20, "{ran:?}");
        assert!(!ran.err.contains(&key), "the key is shown: {ran:?}");
    }
    let audit = home.read("data/audit.jsonl");
    assert!(!audit.contains("\"revoke\""), "{audit}");
    assert_eq!(revoke(&home, &["--", &jti]).code, 0);
    assert_eq!(revoke(&home, &["--", &token]).code, 0);
}

#[test]
fn r019_the_id_of_another_issuers_token_is_its_own_and_so_is_its_trust() {
    let home = home();
    for id in ["7f1c-42", "a.b.c", "urn:token:9"] {
        let ran = revoke(&home, &["--issuer", PARTNER, id]);
        assert_eq!(ran.code, 0, "{id} {ran:?}");
    }
    let long = "a".repeat(257);
    for id in ["", "a b", "a\nb", &long] {
        let ran = revoke(&home, &["--issuer", PARTNER, id]);
        assert_eq!(ran.code, 1, "{id:?} {ran:?}");
    }
    let ran = revoke(&home, &["--issuer", "https://nobody.example", "7f1c-42"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    if python().is_none() {
        return;
    }
    let whole = Draft::new(PARTNER, "ES256").claim("jti", "j-1").sign();
    let said = home.revoke_token(&whole);
    assert_eq!(
        (&said["jti"], &said["issuer"]),
        (&"j-1".into(), &PARTNER.into())
    );
    let stranger = Draft::new("https://nobody.example", "ES256").claim("jti", "j-1");
    let stranger = stranger.sign();
    let ran = revoke(&home, &["--", &stranger]);
    assert_eq!(ran.code, 1, "nobody trusts its issuer: {ran:?}");
    let ran = revoke(&home, &["--issuer", "https://door.example", "--", &whole]);
    assert_eq!(ran.code, 1, "the token says another issuer: {ran:?}");
}
