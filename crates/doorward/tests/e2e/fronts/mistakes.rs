//! What is wrong with a listener for forward-auth is said before it serves; and which listener is
//! said to be the door's.

use crate::door::{BASE, Home, ONE_ROUTE};
use crate::fronts::servers::LISTENERS;

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
        (
            "kind = \"forward-auth\"\ndialect = \"spop\"\ntrusted_peers = [\"10.0.0.1\"]\n\
             tls = \"off\"\nclient_certificate_header = \"haproxy\"\nclient_ca = \"self\"",
            "is the caller's own",
        ),
        (
            "kind = \"forward-auth\"\ndialect = \"nginx\"\ntrusted_peers = [\"10.0.0.1\"]\n\
             client_certificate_header = \"nginx\"",
            "whose client certificates count",
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

/// Callers and verifiers of assertions cannot use a listener that answers other servers only.
#[test]
fn the_url_of_the_ready_file_is_that_of_the_reverse_proxy() {
    let (_, rest) = BASE.split_once("[admin]").unwrap();
    let rest = format!("[admin]{rest}").replace("{upstream}", "1");
    let proxy = "[listener.last]\naddress = \"127.0.0.1:0\"\n";
    let home = Home::new(&format!("{LISTENERS}{proxy}{rest}{ONE_ROUTE}"));
    let door = home.serve();
    let port = door.port("last");
    assert_eq!(door.ready["url"], format!("https://localhost:{port}"));
    let alone = Home::new(&format!("{LISTENERS}{rest}{ONE_ROUTE}")).serve();
    let port = alone.port("nginx");
    assert_eq!(alone.ready["url"], format!("http://localhost:{port}"));
}
