//! What is wrong with a listener for forward-auth is said before it serves.

use crate::door::{BASE, Home, ONE_ROUTE};

#[test]
fn g07_r113_a_listener_without_peers_does_not_start() {
    let base = BASE.replace("{upstream}", "1");
    for (written, said) in [
        (
            "kind = \"forward-auth\"\ndialect = \"nginx\"",
            "`trusted_peers` is empty",
        ),
        (
            "kind = \"forward-auth\"\ndialect = \"nginx\"\ntrusted_peers = []",
            "`trusted_peers` is empty",
        ),
        (
            "kind = \"forward-auth\"\ndialect = \"nginx\"\ntrusted_peers = [\"0.0.0.0/0\"]",
            "holds everybody",
        ),
        (
            "kind = \"forward-auth\"\ndialect = \"nginx\"\ntrusted_peers = [\"10.0.0.1\", \"::/0\"]",
            "holds everybody",
        ),
        (
            "kind = \"forward-auth\"\ntrusted_peers = [\"10.0.0.1\"]",
            "`dialect` is missing",
        ),
        (
            "kind = \"forward-auth\"\ndialect = \"apache\"\ntrusted_peers = [\"10.0.0.1\"]",
            "is not known",
        ),
        (
            "kind = \"forward-auth\"\ndialect = \"caddy\"\ntrusted_peers = [\"10.0.0.1\"]\n\
             path_prefix = \"/x\"",
            "`path_prefix` is for",
        ),
        (
            "kind = \"forward-auth\"\ndialect = \"envoy\"\ntrusted_peers = [\"10.0.0.1\"]\n\
             path_prefix = \"/x/\"",
            "is not the beginning of a path",
        ),
        (
            "kind = \"forward-auth\"\ndialect = \"envoy\"\ntrusted_peers = [\"10.0.0.1\"]\n\
             path_prefix = \"/%2e\"",
            "is not the beginning of a path",
        ),
        (
            "kind = \"forward-auth\"\ndialect = \"envoy\"\ntrusted_peers = [\"10.0.0.1\"]\n\
             cache = \"31s\"",
            "`cache` is not",
        ),
        (
            "kind = \"forward-auth\"\ndialect = \"envoy\"\ntrusted_peers = [\"10.0.0.1\"]\n\
             tls = \"off\"\ntrusted_terminators = [\"10.0.0.1\"]",
            "`trusted_terminators` is for",
        ),
        (
            "kind = \"forward-auth\"\ndialect = \"nginx\"\ntrusted_peers = [\"10.0.0.1\"]\n\
             client_certificates = \"required\"",
            "certificates are not known",
        ),
        ("dialect = \"nginx\"", "is for listeners for forward-auth"),
        (
            "trusted_peers = [\"10.0.0.1\"]",
            "is for listeners for forward-auth",
        ),
    ] {
        let listener = format!("[listener.asked]\naddress = \"127.0.0.1:0\"\n{written}\n");
        let home = Home::new(&format!("{base}{listener}{ONE_ROUTE}"));
        for command in ["check", "serve"] {
            let ran = home.run(&[command]);
            assert_eq!(ran.code, 1, "{written} {ran:?}");
            let all = format!("{}{}", ran.out, ran.err);
            assert!(all.contains(said), "{written} {all}");
        }
    }
}
