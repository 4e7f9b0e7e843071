//! Secrets are sent wherever a caller can put one, and then looked for wherever we write.

use crate::curl;
use crate::door::{Door, Home, files};
use crate::peer::Recorder;

const ROUTES: &str = r#"
[[route]]
path = "/orders/{id}"
scopes = ["orders:read"]
[[route]]
path = "/by-query"
scopes = ["orders:read"]
key_in_query = "key"
[[route]]
path = "/public/{*rest}"
public = true
"#;

struct Canaries {
    key: String,
    foreign_key: String,
    long_key: String,
    token: String,
    password: String,
    cookie: String,
    code: String,
}

impl Canaries {
    fn new(home: &Home) -> Self {
        let key = home.key("orders:read");
        Self {
            // Longer than any pattern of fixed length would expect.
            long_key: format!("{key}{}", "CANARYx9".repeat(40)),
            foreign_key: key.replace("dw_", "sk_live_CANARY"),
            token: home.token(&["--sub", "billing"]).0,
            password: "CANARY-password-of-alice".to_owned(),
            cookie: "CANARY-session-cookie-0123456789-abcdefghijklmnop".to_owned(),
            code: "CANARY-oauth-code-0123456789-abcdefghijklmnopqrst".to_owned(),
            key,
        }
    }

    fn all(&self) -> [&str; 7] {
        [
            &self.key,
            &self.foreign_key,
            &self.long_key,
            &self.token,
            &self.password,
            &self.cookie,
            &self.code,
        ]
    }
}

/// Sends a canary in every place of a request.
fn everywhere(door: &Door, canary: &str) -> Vec<String> {
    let header = |name: &str| vec!["-H".to_owned(), format!("{name}: {canary}")];
    let mut calls: Vec<(String, Vec<String>)> = Vec::new();
    for name in [
        "Authorization",
        "X-API-Key",
        "Cookie",
        "Proxy-Authorization",
        "X-Anything",
        "Referer",
        "User-Agent",
        "Origin",
        "X-Doorward-Subject",
        "Accept",
    ] {
        calls.push(("/orders/1".to_owned(), header(name)));
        calls.push(("/public/x".to_owned(), header(name)));
    }
    for scheme in [
        "Bearer",
        "bearer ",
        "Basic",
        "Digest",
        "DPoP",
        "Token",
        "ApiKey",
        "Bearer Bearer",
    ] {
        let line = format!("Authorization: {scheme} {canary}");
        calls.push(("/orders/1".to_owned(), vec!["-H".to_owned(), line]));
    }
    for (user, password) in [("alice", canary), (canary, "x"), (canary, canary)] {
        let user = ["-u".to_owned(), format!("{user}:{password}")];
        calls.push(("/orders/1".to_owned(), user.to_vec()));
    }
    for path in [
        format!("/orders/{canary}"),
        format!("/public/{canary}"),
        format!("/nothing/{canary}/x"),
        format!("/{canary}/../x"),
        format!("/orders/1;{canary}"),
        format!("/by-query?key={canary}"),
        format!("/by-query?key={canary}&key={canary}"),
        format!("/orders/1?access_token={canary}"),
        format!("/orders/1?api_key={canary}"),
        format!("/orders/1?other={canary}"),
        format!("/public/x?other={canary}"),
    ] {
        // A short word in a path cannot be told from a name; keys and tokens are never short.
        let short = canary.len() <= 40 && !path.contains('?');
        if !short {
            calls.push((path, Vec::new()));
        }
    }
    let body = ["--data-binary".to_owned(), format!("secret={canary}")];
    calls.push(("/orders/1".to_owned(), body.to_vec()));
    calls.push(("/public/x".to_owned(), body.to_vec()));
    let mut answers = Vec::new();
    for (path, args) in calls {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        for version in ["--http1.1", "--http2"] {
            let mut all = vec![version];
            all.extend(&args);
            // What curl itself refuses to send has no answer.
            if let Ok(got) = door.try_curl(&path, &all) {
                answers.push(format!("{path} {args:?}\n{:?}{}", got.headers, got.text()));
            }
        }
    }
    answers
}

#[test]
fn r120_k11_no_secret_is_written_or_answered() {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ROUTES);
    let canaries = Canaries::new(&home);
    home.user("alice", &canaries.password, "orders:read");
    let mut door = home.serve();
    for canary in canaries.all() {
        for answer in everywhere(&door, canary) {
            let (sent, got) = answer.split_once('\n').unwrap();
            assert!(!got.contains(canary), "answered to {sent}: {got}");
        }
    }
    let pages = ["/metrics", "/healthz", "/readyz"].map(|page| door.admin(page).text());
    let explained = door.run(&[
        "explain",
        "https://localhost/orders/1",
        "-H",
        &format!("Authorization: Bearer {}", canaries.key),
        "--json",
    ]);
    assert_eq!(explained.code, 0, "{explained:?}");
    let said = format!("{pages:?}{explained:?}");
    upstream_is_not_down(&door);
    assert!(door.stop().success());
    let mut written = files(&door.path(""));
    written.retain(|(path, _)| !path.ends_with("header.txt"));
    let log = String::from_utf8(door.read("decisions.jsonl").into_bytes()).unwrap();
    assert!(log.lines().count() > 500, "nothing was recorded");
    for canary in canaries.all() {
        // What is left when the ends are cut off is still a secret.
        let core = canary[4..canary.len().min(44)].to_lowercase();
        assert!(!said.to_lowercase().contains(&core), "{canary} is shown");
        for (path, bytes) in &written {
            let text = bytes.to_ascii_lowercase();
            let found = text.windows(core.len()).position(|w| w == core.as_bytes());
            if let Some(at) = found {
                let around = &bytes[at.saturating_sub(300)..bytes.len().min(at + 100)];
                let around = String::from_utf8_lossy(around);
                panic!("{core} is in {}: {around}", path.display());
            }
        }
    }
}

fn upstream_is_not_down(door: &Door) {
    let mut plain = curl::command(None);
    plain.arg(door.plain("/public/x"));
    assert_eq!(curl::run(plain).unwrap().status, 200);
}

#[test]
fn r121_records_are_single_lines_of_clean_json() {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ROUTES);
    let odd = "evil\u{1b}[31m\u{9b}name\u{2028}{\"kind\":\"decision\"}";
    let odd_key = home.run(&["key", "create", "--name", odd, "--json"]);
    assert_eq!(odd_key.code, 1, "{odd_key:?}");
    let (key, _) = home.key_with(&["--name", "q\"uote\\ \u{e9}", "--scope", "orders:read"]);
    let door = home.serve();
    door.bearer("/orders/1", &key);
    for path in [
        "/orders/%1b[31m",
        "/orders/%0d%0a{\"kind\":1}",
        "/orders/%22%5c",
        "/orders/\u{e9}",
    ] {
        door.curl(path, &["-g", "-H", &format!("X-API-Key: {key}")]);
    }
    door.curl("/orders/1", &["-u", "a\u{1b}[31mb\":x"]);
    let last = door.curl("/nothing", &[]);
    door.decision(&last.decision_id());
    let audit = door.read("data/audit.jsonl");
    assert!(audit.lines().count() >= 1, "no audit");
    let log = format!("{audit}{}", door.read("decisions.jsonl"));
    for line in log.lines() {
        let record: serde_json::Value = serde_json::from_str(line).expect(line);
        assert!(
            record["kind"].is_string() && record["ts"].is_string(),
            "{line}"
        );
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
        if record["kind"] != "access" {
            for name in [
                "decision_id",
                "outcome",
                "failed_check",
                "reason",
                "method",
                "credential_id",
                "subject",
                "route",
                "rule",
                "latency_us",
            ] {
                assert!(record.get(name).is_some(), "{name} is not in {line}");
            }
        }
    }
}
