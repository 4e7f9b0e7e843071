//! How often callers may call: rates and quotas, at the edge and beyond.

use crate::door::{Door, Home, text};
use crate::peer::Recorder;

const LIMITS: &str = r#"
[limits.day]
calls = 5
per = "day"
by = "subject"
[limits.shared]
calls = 4
per = "1h"
[[route]]
path = "/by-key"
scopes = ["orders:read"]
limit = { calls = 3, per = "1h" }
cors = { origins = ["https://app.example"] }
[[route]]
path = "/shared/a"
scopes = ["orders:read"]
limit = "shared"
[[route]]
path = "/shared/b"
scopes = ["orders:read"]
limit = ["shared", { calls = 1, per = "1h", by = ["subject", "route"] }]
[[route]]
path = "/quota"
scopes = ["orders:read"]
limit = "day"
[[route]]
path = "/public"
public = true
limit = { calls = 3, per = "1h" }
cors = { origins = ["https://app.example"] }
[[route]]
path = "/admin"
scopes = ["admin"]
limit = { calls = 1, per = "1h", by = "route" }
[[route]]
path = "/profile"
methods = ["POST"]
scopes = ["orders:read"]
body = { members = ["/name"] }
limit = { calls = 2, per = "1h" }
[[route]]
path = "/free"
scopes = ["orders:read"]
"#;

struct Stand {
    upstream: Recorder,
    door: Door,
    keys: [String; 2],
}

impl Stand {
    fn new() -> Self {
        let upstream = Recorder::start();
        let home = Home::before(upstream.port, LIMITS);
        let keys = ["alice", "bob"].map(|name| {
            home.key_with(&["--name", name, "--scope", "orders:read", "--owner", name])
                .0
        });
        Self {
            upstream,
            keys,
            door: home.serve(),
        }
    }

    /// The statuses of some calls with the key of a number.
    fn calls(&self, path: &str, key: usize, times: usize) -> Vec<u16> {
        let call = |_| self.door.bearer(path, &self.keys[key]).status;
        (0..times).map(call).collect()
    }
}

#[test]
fn r115_a_key_calls_as_often_as_its_limit_says_and_then_hears_when_to_come_back() {
    let stand = Stand::new();
    for left in ["2", "1", "0"] {
        let answer = stand.door.bearer("/by-key", &stand.keys[0]);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.one("ratelimit-policy"), "\"route\";q=3;w=3600");
        let said = answer.one("ratelimit");
        assert!(
            said.starts_with(&format!("\"route\";r={left};t=")),
            "{said}"
        );
    }
    let refused = stand.door.bearer("/by-key", &stand.keys[0]);
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!(refused.json()["code"], "rate_limited");
    let wait: u64 = refused.one("retry-after").parse().unwrap();
    assert!(
        (1190..=1200).contains(&wait),
        "a third of an hour, not {wait}"
    );
    assert!(refused.one("ratelimit").starts_with("\"route\";r=0;t="));
    let record = stand.door.decision(&refused.decision_id());
    assert_eq!(record["reason"], "rate_limited");
    assert_eq!(record["failed_check"], "allowed");
    assert_eq!(record["detail"], "route: 3 calls per 3600 s by credential");
    assert_eq!(text(&record, "subject"), "alice");
    assert_eq!(
        stand.calls("/by-key", 1, 3),
        [200, 200, 200],
        "others are not concerned"
    );
    assert_eq!(
        stand.upstream.heads().len(),
        6,
        "refused calls reach nobody"
    );
    let free = stand.door.bearer("/free", &stand.keys[0]);
    assert!(free.all("ratelimit").is_empty());
}

#[test]
fn r115_k09_refused_calls_cost_nothing() {
    let stand = Stand::new();
    // Without a credential, with a wrong one, without the right scope, with a bad body.
    for _ in 0..5 {
        assert_eq!(stand.door.curl("/by-key", &[]).status, 401);
        assert_eq!(stand.door.bearer("/by-key", "dw-sk-live-wrong").status, 401);
        assert_eq!(stand.door.bearer("/admin", &stand.keys[0]).status, 403);
    }
    let post = |body: &str| {
        let key = format!("Authorization: Bearer {}", stand.keys[0]);
        let json = "Content-Type: application/json";
        let answer = stand
            .door
            .curl("/profile", &["-H", &key, "-H", json, "-d", body]);
        answer.status
    };
    for _ in 0..3 {
        assert_eq!(post("{\"role\":\"admin\"}"), 403);
        assert_eq!(post("{"), 400);
    }
    assert_eq!(stand.calls("/by-key", 0, 4), [200, 200, 200, 429]);
    assert_eq!([post("{}"), post("{}"), post("{}")], [200, 200, 429]);
    // Preflights show no credential, and do not use up what belongs to callers.
    let ask = |path| {
        let args = ["-X", "OPTIONS", "-H", "Origin: https://app.example", "-H"];
        let args = [&args[..], &["Access-Control-Request-Method: GET"]].concat();
        stand.door.curl(path, &args).status
    };
    for _ in 0..5 {
        assert_eq!(ask("/by-key"), 204);
    }
    assert_eq!(stand.calls("/by-key", 1, 3), [200, 200, 200]);
}

#[test]
fn r115_routes_share_a_named_limit_and_the_narrowest_of_several_counts() {
    let stand = Stand::new();
    assert_eq!(stand.calls("/shared/b", 0, 3), [200, 429, 429]);
    // What the second limit refused, the first has not counted.
    assert_eq!(stand.calls("/shared/a", 0, 4), [200, 200, 200, 429]);
    let both = stand.door.bearer("/shared/b", &stand.keys[1]);
    let policy = "\"shared\";q=4;w=3600, \"route-1\";q=1;w=3600";
    assert_eq!(both.one("ratelimit-policy"), policy);
}

#[test]
fn r115_public_routes_and_their_preflights_are_counted_by_address() {
    let stand = Stand::new();
    let call = || stand.door.curl("/public", &[]).status;
    assert_eq!([call(), call()], [200, 200]);
    let preflight = ["-X", "OPTIONS", "-H", "Origin: https://app.example", "-H"];
    let preflight = [&preflight[..], &["Access-Control-Request-Method: GET"]].concat();
    assert_eq!(stand.door.curl("/public", &preflight).status, 204);
    assert_eq!(call(), 429);
    // A header of the caller's is not its address.
    let told = stand
        .door
        .curl("/public", &["-H", "X-Forwarded-For: 198.51.100.9"]);
    assert_eq!(told.status, 429);
    assert_eq!(stand.door.curl("/public", &preflight).status, 429);
    assert_eq!(stand.upstream.heads().len(), 2);
}

#[test]
fn r115_many_callers_at_once_get_exactly_what_there_is() {
    let stand = Stand::new();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| stand.calls("/shared/a", 0, 3)))
            .collect();
        threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect()
    });
    let passed = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(passed, 4, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)));
}

#[test]
fn r115_a_quota_outlives_the_server_and_a_reload_resets_no_limit() {
    let mut stand = Stand::new();
    assert_eq!(stand.calls("/quota", 0, 3), [200, 200, 200]);
    assert_eq!(stand.calls("/by-key", 0, 4), [200, 200, 200, 429]);
    let config = stand.door.read("doorward.toml");
    stand
        .door
        .write("doorward.toml", &format!("{config}\n# changed\n"));
    stand.door.until_said("configuration reloaded", 1);
    assert_eq!(stand.calls("/by-key", 0, 1), [429]);
    stand.door.stop();
    stand.door.restart();
    assert_eq!(stand.calls("/quota", 0, 3), [200, 200, 429]);
    // After a power cut, what was written last still counts.
    crate::wait::until("the quota is written", || {
        stand
            .door
            .read("data/quotas.json")
            .contains(":5}")
            .then_some(())
    });
    stand.door.kill();
    stand.door.restart();
    assert_eq!(stand.calls("/quota", 0, 1), [429]);
    assert_eq!(stand.calls("/quota", 1, 1), [200]);
}

#[test]
fn r115_check_and_explain_know_limits() {
    let stand = Stand::new();
    let url = stand.door.url("/shared/a");
    let header = format!("Authorization: Bearer {}", stand.keys[0]);
    let said = stand.door.json(&["explain", &url, "-H", &header]);
    let needs = text(&said, "rule_needs");
    assert!(
        needs.ends_with("; at most shared: 4 calls per 3600 s by credential"),
        "{needs}"
    );
    let checked = |more: &str, at_route: &str| {
        let routes = format!("{more}\n[[route]]\npath = \"/x\"\n{at_route}\n");
        let home = Home::before(3000, &routes);
        let ran = home.run(&["check"]);
        (ran.code, format!("{}{}", ran.out, ran.err))
    };
    let known = "scopes = []\n";
    for (wrong, named) in [
        ("limit = \"none\"", "there is no [limits.none]"),
        ("limit = 5", "`limit` is an integer"),
        ("limit = { per = \"1m\" }", "does not say how many"),
        ("limit = { calls = 5 }", "per"),
        ("limit = { calls = 0, per = \"1m\" }", "calls"),
        ("limit = { calls = 5, per = \"0s\" }", "is no span"),
        ("limit = { calls = 5, per = \"60d\" }", "is no span"),
        (
            "limit = { calls = 5, per = \"1m\", by = \"ip\" }",
            "what is counted",
        ),
        (
            "limit = { calls = 5, per = \"1m\", by = [] }",
            "what is counted",
        ),
        ("limit = { calls = 5, per = \"1m\", burst = 6 }", "`burst`"),
        ("limit = { calls = 5, per = \"day\", burst = 2 }", "`burst`"),
        (
            "limit = { calls = 5, per = \"day\", by = \"address\" }",
            "for strangers",
        ),
        (
            "limit = { calls = 5, per = \"1m\", bye = \"route\" }",
            "Did you mean `by`?",
        ),
    ] {
        let (code, said) = checked("", &format!("{known}{wrong}"));
        assert_eq!(code, 1, "{wrong} {said}");
        assert!(
            said.contains(named) && said.contains("doorward.toml:"),
            "{wrong}: {said}"
        );
    }
    let public = "public = true\nlimit = { calls = 5, per = \"1m\", by = \"subject\" }";
    let (code, said) = checked("", public);
    assert!(
        code == 1 && said.contains("on a public route nobody is"),
        "{said}"
    );
    let (code, said) = checked("[limits.\"a b\"]\ncalls = 1\nper = \"1m\"", known);
    assert!(code == 1 && said.contains("cannot be the name"), "{said}");
    let (code, said) = checked("[limits]\nconections = 5", known);
    assert!(
        code == 1 && said.contains("Did you mean `connections`?"),
        "{said}"
    );
}
