//! What `doorward check` says about `[acme]`.

use crate::door::{Home, ONE_ROUTE};

const LISTENER: &str = "[listener.main]\naddress = \"0.0.0.0:443\"\ntls = \"acme\"\n";
const GOOD: &str = r#"
[acme]
directory = "https://acme.example/directory"
terms_accepted = true
domains = ["api.example.com"]
"#;

fn check(text: &str) -> (i32, String) {
    let upstream = "[upstream.default]\nurl = \"http://127.0.0.1:1\"\n";
    let home = Home::new(&format!("{text}\n{upstream}{ONE_ROUTE}"));
    let ran = home.run(&["check"]);
    (ran.code, format!("{}{}", ran.out, ran.err))
}

#[test]
fn a_good_section_is_good_and_a_loopback_listener_is_warned_of() {
    let (code, said) = check(&format!("{LISTENER}{GOOD}"));
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("warning"), "{said}");
    let (code, said) = check(&format!(
        "{}{GOOD}",
        LISTENER.replace("0.0.0.0", "127.0.0.1")
    ));
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("doorward.toml:1: warning: listener.main: the authority"),
        "{said}"
    );
}

#[test]
fn every_mistake_is_told_with_its_line_and_what_to_do() {
    // GOOD starts at line 4: [acme] is 5, directory 6, terms 7, domains 8.
    for (from, to, at, what) in [
        (
            "terms_accepted = true",
            "terms_accepted = false",
            7,
            "terms of service are not accepted",
        ),
        (
            "terms_accepted = true\n",
            "",
            5,
            "terms of service are not accepted",
        ),
        (
            "terms_accepted",
            "terms_acepted",
            7,
            "Did you mean `terms_accepted`?",
        ),
        (
            "https://acme.example/directory",
            "http://acme.example/directory",
            6,
            "https only",
        ),
        (
            "https://acme.example/directory",
            "https://127.0.0.1/directory",
            6,
            "inside the network",
        ),
        (
            "https://acme.example/directory",
            "https://a:secret@b.example/",
            6,
            "user name or password",
        ),
        (
            "directory = \"https://acme.example/directory\"\n",
            "",
            5,
            "`directory` is missing",
        ),
        ("[\"api.example.com\"]", "[]", 8, "`domains` names no host"),
        (
            "domains = [\"api.example.com\"]\n",
            "",
            5,
            "`domains` is missing",
        ),
        (
            "\"api.example.com\"",
            "\"*.example.com\"",
            8,
            "a wildcard needs DNS-01",
        ),
        (
            "\"api.example.com\"",
            "\"192.0.2.7\"",
            8,
            "is not a host name",
        ),
        (
            "\"api.example.com\"",
            "\"https://api.example.com\"",
            8,
            "is not a host name",
        ),
        (
            "\"api.example.com\"",
            "\"b\u{fc}cher.example\"",
            8,
            "begins with xn--",
        ),
        (
            "\"api.example.com\"",
            "\"localhost\"",
            8,
            "not the full DNS name",
        ),
        (
            "\"api.example.com\"",
            "\"a.example\", \"A.example\"",
            8,
            "`a.example` twice",
        ),
        (
            "domains =",
            "contact = [\"ops@example.com\"]\ndomains =",
            8,
            "`contact` has",
        ),
        (
            "domains =",
            "contact = [\"mailto:a@b.c?bcc=x@y.z\"]\ndomains =",
            8,
            "`contact` has",
        ),
        (
            "domains =",
            "retry = \"2d\"\ndomains =",
            8,
            "`retry` is out of bounds",
        ),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let (code, said) = check(&format!("{LISTENER}{text}"));
        assert_eq!(code, 1, "{to}: {said}");
        assert!(said.contains(what), "{to}: {said}");
        assert!(
            said.contains(&format!("doorward.toml:{at}: error: ")),
            "{to}: {said}"
        );
        assert!(
            said.contains("  fix: ") && !said.contains("secret"),
            "{to}: {said}"
        );
        assert_eq!(said.matches("error: ").count(), 1, "{to}: {said}");
    }
}

#[test]
fn section_and_listener_need_each_other() {
    let (code, said) = check(LISTENER);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("doorward.toml:3: error: listener.main: tls = \"acme\" without [acme]"),
        "{said}"
    );
    let (code, said) = check(GOOD);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("doorward.toml:2: error: acme: no listener uses it"),
        "{said}"
    );
    let names = format!("{LISTENER}names = [\"api.example.com\"]\n{GOOD}");
    let (code, said) = check(&names);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("doorward.toml:4: error: listener.main: `names` is for"),
        "{said}"
    );
    let files = format!("{LISTENER}cert = \"a.pem\"\nkey = \"a.key\"\n{GOOD}");
    let (code, said) = check(&files);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("TLS is said in two ways"), "{said}");
}
