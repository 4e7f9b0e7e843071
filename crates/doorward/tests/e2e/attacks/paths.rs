//! Paths, methods and hosts in disguise: what is judged is what the upstream gets.

use crate::curl;
use crate::door::{Door, Home};
use crate::peer::{Recorder, header};

const ROUTES: &str = r#"
[[route]]
path = "/public/{*rest}"
public = true
[[route]]
path = "/admin/{*rest}"
scopes = ["admin"]
[[route]]
path = "/orders"
methods = ["GET"]
scopes = ["orders:read"]
[[route]]
path = "/orders"
methods = ["DELETE"]
scopes = ["orders:delete"]
[[route]]
path = "/shared"
methods = ["POST"]
scopes = ["orders:read"]
[route.cors]
origins = ["https://app.example"]
[[route]]
hosts = ["inner.example"]
path = "/only-here"
public = true
"#;

fn stand() -> (Recorder, Door, String) {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ROUTES);
    let key = home.key("orders:read");
    (upstream, home.serve(), key)
}

fn refused(door: &Door, path: &str) {
    let got = door.curl(path, &[]);
    assert!(
        matches!(got.status, 400 | 401 | 403),
        "{path} passed: {got:?}"
    );
}

#[test]
fn g01_r098_dot_segments_reach_nothing() {
    let (upstream, door, _) = stand();
    for dots in [
        "..",
        "%2e%2e",
        "%2E%2e",
        ".%2e",
        "%2e.",
        "..%2f",
        "%2e%2e%2f",
        ".",
    ] {
        for path in [
            format!("/public/{dots}/admin/x"),
            format!("/public/a/{dots}/{dots}/admin/x"),
            format!("/public/{dots}"),
            format!("/{dots}/admin/x"),
        ] {
            let got = door.curl(&path, &[]);
            assert_eq!(got.status, 400, "{path} {got:?}");
        }
    }
    assert!(upstream.heads().is_empty(), "{:?}", upstream.heads());
}

#[test]
fn g02_path_parameters_reach_nothing() {
    let (upstream, door, _) = stand();
    for path in [
        "/public/a;x",
        "/public/..;/admin/x",
        "/public;/../admin/x",
        "/public/%3Bx",
        "/public/%3bx",
        "/admin;x/y",
        "/public/a;jsessionid=1/b",
    ] {
        refused(&door, path);
    }
    assert!(upstream.heads().is_empty(), "{:?}", upstream.heads());
}

#[test]
fn g03_encoded_separators_reach_nothing() {
    let (upstream, door, _) = stand();
    for code in [
        "%2f",
        "%2F",
        "%5c",
        "%5C",
        "\\",
        "%00",
        "%252f",
        "%252e",
        "%25%32%66",
        "%0a",
        "%0d",
        "%7f",
    ] {
        for path in [
            format!("/public/..{code}admin/x"),
            format!("/public{code}..{code}admin/x"),
            format!("/public/a{code}b"),
        ] {
            refused(&door, &path);
        }
    }
    for broken in [
        "/public/%",
        "/public/%2",
        "/public/%zz",
        "/public/%c0%ae",
        "/public/%ff",
    ] {
        assert_eq!(door.curl(broken, &[]).status, 400, "{broken}");
    }
    assert!(upstream.heads().is_empty(), "{:?}", upstream.heads());
}

#[test]
fn g04_slashes_stars_and_fragments_reach_nothing() {
    let (upstream, door, _) = stand();
    for path in [
        "//admin/x",
        "/public//../admin/x",
        "//public/x",
        "/public//x",
        "/public/x./y",
        "/public/x%20/y",
    ] {
        refused(&door, path);
    }
    // A final slash is another path, and no route has it.
    refused(&door, "/orders/");
    assert!(upstream.heads().is_empty(), "{:?}", upstream.heads());
    // A star is a letter like others.
    assert_eq!(door.curl("/public/*", &["-g"]).status, 200);
    assert_eq!(upstream.heads().len(), 1);
}

#[test]
fn g05_case_makes_no_second_address() {
    let (upstream, door, key) = stand();
    let send = ["-H", &format!("X-API-Key: {key}")];
    for path in ["/Orders", "/ORDERS", "/%4frders", "/Public/x", "/aDmin/x"] {
        let got = door.curl(path, &send);
        assert!(matches!(got.status, 400 | 403), "{path} {got:?}");
    }
    assert!(upstream.heads().is_empty());
    // What needs no encoding is decoded before it is matched, and forwarded decoded.
    assert_eq!(door.curl("/%6frders", &send).status, 200);
    assert!(upstream.heads()[0].starts_with("GET /orders HTTP/1.1"));
    for host in ["inner.example", "INNER.example", "Inner.Example:8443"] {
        let got = door.curl("/only-here", &["-H", &format!("Host: {host}")]);
        assert_eq!(got.status, 200, "{host} {got:?}");
    }
    for host in [
        "inner.example.",
        "inner.example.evil",
        "xinner.example",
        "localhost",
    ] {
        let got = door.curl("/only-here", &["-H", &format!("Host: {host}")]);
        assert!(matches!(got.status, 400 | 401), "{host} {got:?}");
    }
}

#[test]
fn g06_the_query_is_not_part_of_the_path() {
    let (upstream, door, _) = stand();
    for path in [
        "/admin/x?/public/x",
        "/admin/x?a=/public/",
        "/admin/x#/public/x",
        "/admin/x%3f/public/x",
    ] {
        refused(&door, path);
    }
    assert!(upstream.heads().is_empty(), "{:?}", upstream.heads());
}

#[test]
fn g21_only_true_preflights_are_answered_and_never_forwarded() {
    let (upstream, door, _) = stand();
    let options = |path: &str, more: &[&str]| {
        let args = [&["-X", "OPTIONS"][..], more].concat();
        door.curl(path, &args)
    };
    let origin = ["-H", "Origin: https://app.example"];
    let ask = ["-H", "Access-Control-Request-Method: POST"];
    for (path, more) in [
        ("/shared", vec![]),
        ("/shared", origin.to_vec()),
        ("/shared", ask.to_vec()),
        ("/orders", [&origin[..], &ask].concat()),
        ("/admin/x", [&origin[..], &ask].concat()),
    ] {
        let got = options(path, &more);
        assert!(matches!(got.status, 401 | 403), "{path} {more:?} {got:?}");
        assert!(got.all("access-control-allow-origin").is_empty());
    }
    let got = options("/shared", &[&origin[..], &ask].concat());
    assert!(matches!(got.status, 200 | 204), "{got:?}");
    assert_eq!(
        got.one("access-control-allow-origin"),
        "https://app.example"
    );
    let other = ["-H", "Origin: https://evil.example"];
    let got = options("/shared", &[&other[..], &ask].concat());
    assert_eq!(got.status, 403, "{got:?}");
    assert!(got.all("access-control-allow-origin").is_empty(), "{got:?}");
    assert!(upstream.heads().is_empty(), "{:?}", upstream.heads());
}

#[test]
fn g21_g23_r097_methods_in_disguise_change_nothing() {
    let (upstream, door, key) = stand();
    let send = format!("X-API-Key: {key}");
    let call = |method: &str, more: &[&str]| {
        let mut curl = curl::command(Some(&door.ca()));
        curl.args(["-X", method, "-H", &send, "--max-time", "10"]);
        if method == "HEAD" {
            curl.arg("-I");
        }
        curl.args(more).arg(door.url("/orders"));
        curl::run(curl).unwrap().status
    };
    assert_eq!(call("DELETE", &[]), 403);
    for method in ["OPTIONS", "PUT", "PATCH", "PROPFIND", "QUERY"] {
        assert_eq!(call(method, &[]), 403, "{method}");
    }
    for method in ["TRACE", "get", "Delete"] {
        assert_eq!(call(method, &[]), 400, "{method}");
    }
    assert!(upstream.heads().is_empty());
    // HEAD is judged as GET is, and stays a HEAD.
    assert_eq!(call("HEAD", &[]), 200);
    assert!(upstream.heads().pop().unwrap().starts_with("HEAD /orders "));
    for name in [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X_HTTP_Method_Override",
        "x-http.method-override",
    ] {
        let more = ["-H", &format!("{name}: DELETE")];
        assert_eq!(call("GET", &more), 200, "{name}");
        let head = upstream.heads().pop().unwrap();
        assert!(head.starts_with("GET /orders"), "{head}");
        assert!(!head.to_lowercase().contains("override"), "{head}");
        assert!(!head.to_lowercase().contains("x-http-method"), "{head}");
        assert_eq!(header(&head, "x-doorward-method"), Some("api_key"));
    }
}

#[test]
fn g22_nobody_is_exempt_by_what_they_say_they_are() {
    let (upstream, door, _) = stand();
    for line in [
        "User-Agent: kube-probe/1.30",
        "User-Agent: GoogleHC/1.0",
        "User-Agent: ELB-HealthChecker/2.0",
        "X-Forwarded-For: 127.0.0.1",
        "X-Real-IP: 127.0.0.1",
        "X-Original-URL: /public/x",
        "X-Rewrite-URL: /public/x",
        "X-Forwarded-Uri: /public/x",
        "X-Forwarded-Prefix: /public",
        "X-Doorward-Subject: admin",
        "Referer: https://localhost/public/x",
    ] {
        let got = door.curl("/orders", &["-H", line]);
        assert_eq!(got.status, 401, "{line} {got:?}");
    }
    assert!(upstream.heads().is_empty());
}

#[test]
fn g34_the_operators_pages_are_not_at_the_door() {
    let (upstream, door, key) = stand();
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(door.curl(path, &[]).status, 401, "{path}");
        let got = door.curl(path, &["-H", &format!("X-API-Key: {key}")]);
        assert_eq!(got.status, 403, "{path}");
        assert_eq!(door.admin(path).status, 200, "{path}");
    }
    let address = door.ready["admin"]["address"].as_str().unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    // A page that rebinds its own name to this address reads nothing.
    let mut curl = curl::command(None);
    curl.args(["-H", "Host: evil.example"]);
    let got = curl::run({
        curl.arg(format!("http://{address}/metrics"));
        curl
    });
    assert_eq!(got.unwrap().status, 421);
    assert!(upstream.heads().is_empty());
}

#[test]
fn r095_what_no_route_covers_is_refused() {
    let (upstream, door, key) = stand();
    let with_key = ["-H", &format!("X-API-Key: {key}")];
    for path in ["/", "/nothing", "/orders/1", "/.well-known/other"] {
        let stranger = door.curl(path, &[]);
        assert_eq!(stranger.status, 401, "{path} {stranger:?}");
        let known = door.curl(path, &with_key);
        assert_eq!(known.status, 403, "{path} {known:?}");
        let record = door.decision(&known.decision_id());
        assert_eq!(record["reason"], "no_rule", "{record}");
    }
    assert!(upstream.heads().is_empty());
}
