//! Names in certificates that could stand for somebody else.

use rcgen::SanType;

use super::pki::{Ca, call, reason, san_dns, san_uri};
use crate::door::{Door, Home};
use crate::peer::{Recorder, header};

const CONFIG: &str = r#"
[listener.main]
address = "127.0.0.1:0"
client_certificates = "optional"
client_ca = ["ours", "partners"]
[client_ca.ours]
file = "ours.pem"
[client_ca.partners]
file = "partners.pem"
several_names = true
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
[[client_certificate]]
ca = "ours"
dns = "admin.example"
subject = "admin"
scopes = ["all"]
[[client_certificate]]
ca = "ours"
uri = "spiffe://example.org/admin"
scopes = ["all"]
[[client_certificate]]
ca = "ours"
email = "admin@example.org"
roles = ["boss"]
scopes = []
[[client_certificate]]
ca = "partners"
dns = "partner.example"
subject = "partner"
scopes = ["all"]
[[client_certificate]]
ca = "partners"
dns = "second.example"
subject = "second"
scopes = ["all"]
[roles]
boss = ["all"]
[[route]]
path = "/all"
accept = ["mtls"]
scopes = ["all"]
[[route]]
path = "/ours"
accept = ["mtls:ours"]
scopes = []
"#;

fn world() -> (Door, Recorder, Ca, Ca) {
    let upstream = Recorder::start();
    let home = Home::new(&CONFIG.replace("{upstream}", &upstream.port.to_string()));
    let (ours, partners) = (Ca::new("Ours"), Ca::new("Partners"));
    home.write("ours.pem", &ours.pem);
    home.write("partners.pem", &partners.pem);
    (home.serve(), upstream, ours, partners)
}

#[test]
fn g28_no_trick_with_a_name_makes_somebody_else_of_a_caller() {
    let (door, upstream, ours, _) = world();
    const EMAIL: u8 = 0x81;
    const DNS: u8 = 0x82;
    const URI: u8 = 0x86;
    for (names, why) in [
        (
            &[(DNS, &b"admin.example\0.evil.example"[..])][..],
            "certificate_name",
        ),
        (&[(DNS, b"*.example")], "certificate_name"),
        (&[(DNS, b"*")], "certificate_name"),
        (&[(DNS, b"admin.example\n")], "certificate_name"),
        (
            &[(DNS, "\u{430}dmin.example".as_bytes())],
            "certificate_name",
        ),
        (&[(DNS, b"")], "certificate_name"),
        (
            &[(DNS, b"admin.example"), (DNS, b"evil.example\0")],
            "certificate_name",
        ),
        (
            &[(DNS, b"admin.example"), (DNS, b"evil.example")],
            "certificate_several_names",
        ),
        (
            &[(DNS, b"admin.example"), (DNS, b"admin.example")],
            "certificate_several_names",
        ),
        (
            &[(DNS, b"admin.example.evil.example")],
            "certificate_unmapped",
        ),
        (&[(DNS, b"evil.admin.example")], "certificate_unmapped"),
        // Of another kind: a URI is not a DNS name.
        (&[(URI, b"dns:admin.example")], "certificate_unmapped"),
        (&[(DNS, b"spiffe")], "certificate_unmapped"),
        (&[(URI, b"spiffe://example.org/admin/")], "certificate_name"),
        (
            &[(URI, b"spiffe://example.org/admin%00")],
            "certificate_name",
        ),
        (&[(URI, b"SPIFFE://example.org/admin")], "certificate_name"),
        (
            &[(URI, b"spiffe://example.org/Admin")],
            "certificate_unmapped",
        ),
        (
            &[(EMAIL, b"admin@example.org@evil.example")],
            "certificate_name",
        ),
        (&[(EMAIL, b"Admin@example.org")], "certificate_unmapped"),
        // Two names that stand for two callers.
        (
            &[(DNS, b"admin.example"), (EMAIL, b"admin@example.org")],
            "certificate_two_callers",
        ),
    ] {
        let answer = call(&door, "/all", &ours.raw(names), &[]);
        assert_eq!(answer.status, 401, "{names:?} {answer:?}");
        assert_eq!(reason(&door, &answer), why, "{names:?}");
    }
    assert!(upstream.heads().is_empty());
    // The common name is nobody's.
    let common = ours.leaf(1, |params| {
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "admin.example");
    });
    assert_eq!(
        reason(&door, &call(&door, "/all", &common, &[])),
        "certificate_unmapped"
    );
}

#[test]
fn g35_a_name_counts_for_the_authority_that_it_is_written_for() {
    let (door, upstream, ours, partners) = world();
    let dns = |ca: &Ca, names: &[&str]| {
        ca.leaf(1, |params| {
            params.subject_alt_names = names.iter().map(|name| san_dns(name)).collect();
        })
    };
    let subject = |upstream: &Recorder| {
        let head = upstream.heads().pop().unwrap();
        header(&head, "x-doorward-subject").unwrap().to_owned()
    };
    // A partner signs the name of one of ours.
    let stolen = call(&door, "/all", &dns(&partners, &["admin.example"]), &[]);
    assert_eq!(
        (stolen.status, reason(&door, &stolen).as_str()),
        (401, "certificate_unmapped")
    );
    assert_eq!(
        call(&door, "/all", &dns(&ours, &["Admin.Example"]), &[]).status,
        200
    );
    assert_eq!(subject(&upstream), "admin");
    let many = dns(&partners, &["partner.example", "other.example"]);
    assert_eq!(call(&door, "/all", &many, &[]).status, 200);
    assert_eq!(subject(&upstream), "partner");
    let both = dns(&partners, &["partner.example", "second.example"]);
    let refused = call(&door, "/all", &both, &[]);
    assert_eq!(reason(&door, &refused), "certificate_two_callers");
    // Several names are allowed there, several SPIFFE ids never.
    let ids = partners.leaf(1, |params| {
        let id = |name: &str| san_uri(&format!("spiffe://example.org/{name}"));
        params.subject_alt_names = vec![id("a"), id("b")];
    });
    let refused = call(&door, "/all", &ids, &[]);
    assert_eq!(reason(&door, &refused), "certificate_several_names");
    // By e-mail address, with a role; the route takes only our own authority.
    let mail = ours.leaf(1, |params| {
        let mail = "admin@example.org".try_into().unwrap();
        params.subject_alt_names = vec![SanType::Rfc822Name(mail)];
    });
    assert_eq!(call(&door, "/all", &mail, &[]).status, 200);
    assert_eq!(subject(&upstream), "admin@example.org");
    assert_eq!(call(&door, "/ours", &mail, &[]).status, 200);
    let foreign = call(&door, "/ours", &many, &[]);
    assert_eq!(
        (foreign.status, reason(&door, &foreign).as_str()),
        (401, "issuer_not_accepted")
    );
}

#[test]
fn a_configuration_that_leaves_open_who_calls_is_refused() {
    let ours = Ca::new("Ours");
    let check = |from: &str, to: &str| {
        let config = CONFIG.replace("{upstream}", "1");
        assert!(config.contains(from), "{from}");
        let home = Home::new(&config.replacen(from, to, 1));
        home.write("ours.pem", &ours.pem);
        home.write("partners.pem", &ours.pem);
        let ran = home.run(&["check", "doorward.toml"]);
        assert_eq!(ran.code, 1, "{to} {ran:?}");
        format!("{}{}", ran.out, ran.err)
    };
    for (from, to, said) in [
        (
            "dns = \"admin.example\"",
            "dns = \"*.example\"",
            "not a plain name",
        ),
        (
            "dns = \"admin.example\"",
            "dns = \"b\u{fc}ro.example\"",
            "not a plain name",
        ),
        ("dns = \"admin.example\"", "", "exactly one of"),
        (
            "dns = \"admin.example\"",
            "dns = \"a\"\nuri = \"urn:a:b\"",
            "exactly one of",
        ),
        (
            "dns = \"second.example\"",
            "dns = \"partner.example\"",
            "two callers",
        ),
        ("ca = \"ours\"\n", "", "whose certificates"),
        ("ca = \"ours\"\n", "ca = \"nobody\"\n", "whose certificates"),
        (
            "client_ca = [\"ours\", \"partners\"]",
            "",
            "whose client certificates count",
        ),
        (
            "client_ca = [\"ours\",",
            "client_ca = [\"other\",",
            "[client_ca.other]",
        ),
        ("client_certificates = \"optional\"", "", "no effect"),
        (
            "client_certificates = \"optional\"",
            "client_certificates = \"off\"",
            "nobody could call",
        ),
        (
            "client_certificates = \"optional\"",
            "client_certificates = \"maybe\"",
            "optional",
        ),
        (
            "client_certificates = \"optional\"",
            "tls = \"off\"\nclient_certificates = \"optional\"",
            "without TLS",
        ),
        (
            "client_certificates = \"optional\"",
            "client_certificate_header = \"nginx\"",
            "anybody could write",
        ),
        (
            "several_names = true",
            "stale_crl = \"accept\"",
            "without `crl`",
        ),
        (
            "[client_ca.ours]",
            "[client_ca.self]",
            "name of an authority",
        ),
        ("\"mtls:ours\"", "\"mtls:nobody\"", "not a method"),
        (
            "scopes = [\"all\"]\n[[client",
            "[[client",
            "what the caller may do",
        ),
    ] {
        let found = check(from, to);
        assert!(found.contains(said), "{to}: {found}");
    }
}
