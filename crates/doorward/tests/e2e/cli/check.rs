//! `doorward check`: all mistakes at once, each with its line and what to do.

use crate::door::Home;

const WRONG: &str = r#"[listener.main]
adress = "127.0.0.1:0"
tls = "maybe"

[admin]
address = "0.0.0.0:9000"

[issuer]
url = "http://door.example/"

[upstream.default]
url = "http://127.0.0.1:3000/path"
connect_timeout = "fast"

[limits]
streams = 0

[basic]
passes = 1

[api_key]
prefix = "Not-A-Prefix"
environments = ["prod"]

[roles]
clerk = ["orders:read", "two words"]

[trusted_issuer.partner]
issuer = "https://partner.example"
leeway = "5m"
jwks_url = "https://partner.example/keys"
jwks_file = "keys.json"

[[route]]
path = "orders"
scopes = ["orders:read"]

[[route]]
path = "/forgotten"

[[route]]
path = "/both"
public = true
scopes = ["x"]

[[route]]
path = "/who"
accept = ["password"]
scopes = []

[telemetry]
on = true
"#;

const GOLDEN: &[(u32, &str)] = &[
    (2, "listener.main: `adress` is not a known key"),
    (3, "listener.main: `tls = \"maybe\"` is not known"),
    (
        6,
        "admin: `address = \"0.0.0.0:9000\"` is not a loopback address",
    ),
    (
        9,
        "issuer: `url = \"http://door.example/\"` is not an issuer identifier",
    ),
    (
        12,
        "upstream.default: `url = \"http://127.0.0.1:3000/path\"` is not the address of an API",
    ),
    (
        13,
        "upstream.default: `connect_timeout = \"fast\"` is not a time span",
    ),
    (16, "limits: `streams` is 0, which is out of bounds"),
    (19, "basic: `passes` is 1, which is out of bounds"),
    (
        22,
        "api_key: `prefix = \"Not-A-Prefix\"` cannot start a key",
    ),
    (23, "api_key: `prod` is not an environment"),
    (
        26,
        "roles.clerk: `scopes` has `two words`, which is not a scope",
    ),
    (28, "trusted_issuer.partner: `audience` is missing"),
    (
        28,
        "trusted_issuer.partner: the keys are said to be in two places",
    ),
    (28, "trusted_issuer.partner: `leeway` is over 60s"),
    (35, "route: `path`"),
    (38, "route: the route does not say what it needs"),
    (41, "route: a public route asks nothing of its callers"),
    (48, "route: `password` is not a method"),
    (51, "`telemetry` is not a known key"),
];

#[test]
fn r122_check_finds_every_mistake_at_once() {
    let home = Home::new(WRONG);
    let ran = home.run(&["check"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for (line, message) in GOLDEN {
        let start = format!("doorward.toml:{line}: error: {message}");
        let (_, rest) = ran
            .out
            .split_once(&start)
            .unwrap_or_else(|| panic!("missing: {start}\n{}", ran.out));
        let fix = rest.lines().nth(1).unwrap();
        assert!(
            fix.starts_with("  fix: ") && fix.len() > 12,
            "{start}: {fix}"
        );
    }
    assert!(ran.out.contains("Did you mean `address`?"), "{}", ran.out);
    let lines: Vec<u32> = ran
        .out
        .lines()
        .filter_map(|line| {
            line.strip_prefix("doorward.toml:")?
                .split(':')
                .next()?
                .parse()
                .ok()
        })
        .collect();
    assert!(lines.is_sorted(), "{lines:?}");
    let value = home.run(&["check", "--json"]);
    assert_eq!(value.code, 1);
    let value: serde_json::Value = serde_json::from_str(&value.out).unwrap();
    assert_eq!(value["ok"], false);
    let found = value["diagnostics"].as_array().unwrap();
    assert!(found.len() >= GOLDEN.len(), "{value}");
    for (line, message) in GOLDEN {
        let known = found.iter().any(|one| {
            one["line"] == *line && one["message"].as_str().unwrap().starts_with(message)
        });
        assert!(known, "{line} {message}");
    }
    // Serving says the same, and opens nothing.
    let served = home.run(&["serve"]);
    assert_eq!(served.code, 1);
    assert!(served.err.contains("doorward.toml:38: error"), "{served:?}");
    assert!(!home.path("doorward-data").exists());
}

#[test]
fn r122_broken_syntax_has_its_line_too() {
    let home = Home::new("[listener.main]\naddress = \"127.0.0.1:0\n\n[[route]\npath = 1\n");
    let ran = home.run(&["check"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("doorward.toml:2: error"), "{ran:?}");
    let home = Home::new("a = 1\na = 2\n");
    let ran = home.run(&["check"]);
    assert!(ran.out.contains("doorward.toml:2: error"), "{ran:?}");
    let nul = Home::new("a = \"\0\"\n");
    assert_eq!(nul.run(&["check"]).code, 1);
    std::fs::write(nul.path("doorward.toml"), [0xff, 0xfe, 0x00]).unwrap();
    assert_eq!(nul.run(&["check"]).code, 1);
}

#[test]
fn g29_two_routes_for_one_operation_are_refused() {
    let twice = "[[route]]\npath = \"/a/{x}\"\nscopes = [\"s\"]\n[[route]]\npath = \"/a/{y}\"\npublic = true\n";
    let home = Home::before(1, twice);
    let ran = home.run(&["check"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("/a/{"), "{ran:?}");
}

#[test]
fn plain_http_on_a_network_is_warned_about() {
    let open = "[listener.open]\naddress = \"0.0.0.0:0\"\ntls = \"off\"\n";
    let home = Home::before(1, &format!("{open}{}", crate::door::ONE_ROUTE));
    let ran = home.run(&["check"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("warning: listener.open: plain HTTP"),
        "{ran:?}"
    );
}

/// The lines that have errors.
fn errors(text: &str) -> Vec<String> {
    let home = Home::new(text);
    let ran = home.run(&["check"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let errors = ran.out.lines().filter(|line| line.contains(": error: "));
    errors.map(str::to_owned).collect()
}

const GOOD: &str = "[upstream.a]\nurl = \"http://127.0.0.1:3000\"\n\
                    [upstream.b]\nurl = \"http://127.0.0.1:3001\"\n\
                    [listener.main]\naddress = \"127.0.0.1:0\"\n\
                    cert = \"cert.pem\"\nkey = \"key.pem\"\n\
                    [trusted_issuer.partner]\nissuer = \"https://partner.example\"\n\
                    audience = [\"https://api.example\"]\nleeway = \"5s\"\n\
                    [[route]]\npath = \"/x\"\nscopes = [\"s\"]\nupstream = \"b\"\n\
                    accept = [\"jwt:partner\"]\n\
                    [route.cors]\norigins = [\"https://app.example\"]\n";

#[test]
fn r122_a_syntax_error_is_reported_alone() {
    assert_eq!(Home::new(GOOD).run(&["check"]).code, 0);
    for (right, wrong) in [
        ("cert = ", "cert "),
        ("[[route]]", "[[route]"),
        ("\"key.pem\"", "\"key.pem"),
        ("[\"s\"]", "[\"s\""),
    ] {
        let found = errors(&GOOD.replacen(right, wrong, 1));
        assert_eq!(found.len(), 1, "{wrong}: {found:?}");
        assert!(!found[0].contains("does not say"), "{found:?}");
    }
}

#[test]
fn r122_a_misspelt_key_is_reported_alone() {
    for (right, wrong) in [
        ("scopes = ", "scope = "),
        ("path = ", "pth = "),
        ("url = ", "ulr = "),
        ("key = ", "kye = "),
        ("cert = ", "crt = "),
        ("audience = ", "audeince = "),
        ("upstream = ", "upstraem = "),
        ("[[route]]", "[[routes]]"),
        ("origins = ", "origin = "),
        ("issuer = ", "isuer = "),
    ] {
        let mut text = GOOD.replacen(right, wrong, 1);
        if wrong == "[[routes]]" {
            text = text.replace("[route.cors]", "[routes.cors]");
        }
        let found = errors(&text);
        assert_eq!(found.len(), 1, "{wrong}: {found:?}");
        assert!(found[0].contains("is not a known key"), "{found:?}");
    }
    // What is broken is not also said to be missing by those that name it.
    for (right, wrong) in [("http://127.0.0.1:3001", "tcp://x"), ("\"5s\"", "\"soon\"")] {
        let found = errors(&GOOD.replacen(right, wrong, 1));
        assert_eq!(found.len(), 1, "{wrong}: {found:?}");
    }
    // Two mistakes are two.
    let found = errors(
        &GOOD
            .replacen("scopes = ", "scope = ", 1)
            .replacen("key = ", "kye = ", 1),
    );
    assert_eq!(found.len(), 2, "{found:?}");
    let found = errors(&GOOD.replacen("scopes = [\"s\"]", "zzz = 1", 1));
    assert_eq!(found.len(), 2, "{found:?}");
}
