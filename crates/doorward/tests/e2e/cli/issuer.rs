//! `doorward issuer add`: an address from which no keys would be fetched is refused at once.

use crate::door::{Home, ONE_ROUTE};

const AUDIENCE: [&str; 2] = ["--audience", "https://api.example"];

#[test]
fn r118_addresses_that_are_never_fetched_are_refused_at_once() {
    let home = Home::before(1, ONE_ROUTE);
    for (url, reason) in [
        ("https://169.254.169.254", "inside the network"),
        ("https://[fe80::1]", "inside the network"),
        ("https://[::ffff:10.0.0.1]", "inside the network"),
        ("https://127.0.0.1:9443", "inside the network"),
        ("https://localhost", "inside the network"),
        ("https://keys.localhost.", "inside the network"),
        ("https://10.1.2.3", "inside the network"),
        ("https://0x7f000001", "is not an https address"),
        ("https://127.1", "is not an https address"),
        ("https://2130706433", "is not an https address"),
        (
            "https://admin:hunter22@issuer.example",
            "user name or password",
        ),
        ("http://issuer.example", "is not https"),
        ("http://127.0.0.1:9000", "is not https"),
        ("file:///etc/passwd", "is not an https address"),
    ] {
        let given = [
            [&["issuer", "add", url][..], &AUDIENCE].concat(),
            [
                &["issuer", "add", "https://issuer.example", "--jwks-url", url][..],
                &AUDIENCE,
            ]
            .concat(),
        ];
        for args in given {
            let ran = home.run(&args);
            assert_eq!(ran.code, 1, "{args:?} {ran:?}");
            assert!(ran.err.contains(reason), "{args:?} {ran:?}");
            assert!(!ran.err.contains("hunter22"), "{ran:?}");
        }
    }
    assert_eq!(home.json(&["issuer", "list"]), serde_json::json!([]));
}

#[test]
fn r118_what_the_configuration_lists_is_taken() {
    let allow = "[outbound]\nallow = [\"127.0.0.0/8\"]\n";
    let home = Home::before(1, &format!("{allow}{ONE_ROUTE}"));
    for url in [
        "http://127.0.0.1:9000",
        "https://127.0.0.2",
        "https://localhost",
    ] {
        let args = ["issuer", "add", "https://issuer.example", "--jwks-url", url];
        let ran = home.run(&[&args[..], &AUDIENCE].concat());
        assert_eq!(ran.code, 0, "{url} {ran:?}");
    }
    let private = ["issuer", "add", "https://10.0.0.1"];
    assert_eq!(home.run(&[&private[..], &AUDIENCE].concat()).code, 1);
    let public = ["issuer", "add", "https://other.example"];
    assert_eq!(home.run(&[&public[..], &AUDIENCE].concat()).code, 0);
}
