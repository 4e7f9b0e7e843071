//! `doorward key set` and `doorward user set`: a change counts on the next request.

use serde_json::{Value, json};

use crate::door::{Door, Home};
use crate::peer::Recorder;

const PASSWORD: &str = "a-password-of-alice";
const ROUTES: &str = r#"
[roles]
clerk = ["orders:write"]
[[route]]
path = "/read"
scopes = ["orders:read"]
[[route]]
path = "/write"
scopes = ["orders:write"]
"#;

fn stand() -> (Recorder, Door) {
    let upstream = Recorder::start();
    let door = Home::before(upstream.port, ROUTES).serve();
    (upstream, door)
}

/// What `/read` and `/write` answer.
fn answers(call: impl Fn(&str) -> u16) -> (u16, u16) {
    (call("/read"), call("/write"))
}

/// The last record of the audit log.
fn audited(door: &Door) -> Value {
    let log = door.read("data/audit.jsonl");
    serde_json::from_str(log.lines().last().unwrap()).unwrap()
}

#[test]
fn r025_a_keys_new_rights_count_on_the_next_request() {
    let (_upstream, door) = stand();
    let (key, id) = door.key_with(&["--name", "k", "--scope", "orders:read"]);
    let now = || answers(|path| door.bearer(path, &key).status);
    assert_eq!(now(), (200, 403));
    let set = |args: &[&str]| {
        let said = door.json(&[&["key", "set", &id], args].concat());
        assert_eq!(said["servers_told"], 1, "{said}");
        let record = audited(&door);
        assert_eq!(record["action"], "set", "{record}");
        assert_eq!(record["entity"], "api_key", "{record}");
        assert_eq!(record["id"], id.as_str(), "{record}");
        (said, record["detail"].clone())
    };
    let (said, detail) = set(&["--scope", "orders:write"]);
    assert_eq!(now(), (403, 200), "the old scopes are gone");
    assert_eq!(said["scopes"], json!(["orders:write"]));
    assert_eq!(detail, json!({ "scopes": "orders:write" }));
    set(&["--no-scope", "--role", "clerk"]);
    assert_eq!(now(), (403, 200), "a role grants it");
    let (said, _) = set(&["--no-role", "--scope", "orders:read orders:write"]);
    assert_eq!(said["roles"], json!([]));
    assert_eq!(now(), (200, 200));
    set(&["--cidr", "192.0.2.0/24"]);
    assert_eq!(now(), (401, 401), "from another address");
    let (said, detail) = set(&["--no-cidr", "--name", "renamed", "--expires", "never"]);
    assert_eq!(now(), (200, 200));
    assert_eq!(
        (&said["name"], &said["expires_at"]),
        (&json!("renamed"), &Value::Null)
    );
    assert_eq!(
        detail,
        json!({ "name": "renamed", "cidrs": [], "expires_at": "never" })
    );
    // By name as well, and what is not given stays.
    let said = door.json(&["key", "set", "renamed", "--expires", "1s"]);
    assert_eq!(said["scopes"], json!(["orders:read", "orders:write"]));
    door.until_key_is(&id, "expired");
    assert_eq!(now(), (401, 401));
    set(&["--expires", "1h"]);
    assert_eq!(now(), (200, 200), "the operator gave it more time");
}

#[test]
fn r024_no_change_revives_a_key_that_was_revoked_or_replaced() {
    let (_upstream, door) = stand();
    let scope = ["--name", "k", "--scope", "orders:read"];
    let (revoked, revoked_id) = door.key_with(&scope);
    door.json(&["key", "revoke", &revoked_id]);
    let (_, replaced_id) = door.key_with(&scope);
    let new = door.json(&["key", "rotate", &replaced_id, "--overlap", "0s"]);
    for (id, says) in [
        (&revoked_id, "was revoked"),
        (&replaced_id, "was replaced by"),
    ] {
        let ran = door.run(&["key", "set", id, "--expires", "never"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(says), "{ran:?}");
        let record = audited(&door);
        assert_eq!(record["outcome"], "refused", "{record}");
    }
    assert_eq!(door.bearer("/read", &revoked).status, 401);
    door.until_key_is(&replaced_id, "expired");
    let ran = door.run(&["key", "set", &replaced_id, "--scope", "x"]);
    assert!(ran.err.contains(new["id"].as_str().unwrap()), "{ran:?}");
    let later = ["--name", "later", "--not-before", "2h", "--expires", "3h"];
    let (_, later) = door.key_with(&later);
    let ran = door.run(&["key", "set", &later, "--expires", "1h"]);
    assert_eq!(ran.code, 1, "it would end before it starts: {ran:?}");
}

#[test]
fn r027_a_users_new_rights_count_on_the_next_request() {
    let (_upstream, door) = stand();
    door.user("alice", PASSWORD, "orders:read");
    let now = || answers(|path| door.basic(path, "alice", PASSWORD).status);
    // Twice, so that the password is remembered.
    assert_eq!((now(), now()), ((200, 403), (200, 403)));
    let set = |args: &[&str]| {
        let said = door.json(&[&["user", "set", "alice"], args].concat());
        assert_eq!(said["servers_told"], 1, "{said}");
        let record = audited(&door);
        assert_eq!(record["action"], "set", "{record}");
        assert_eq!(
            (&record["entity"], &record["id"]),
            (&json!("user"), &json!("alice"))
        );
        said
    };
    let said = set(&["--scope", "orders:write"]);
    assert_eq!(now(), (403, 200));
    assert_eq!(said["scopes"], json!(["orders:write"]));
    assert!(said.get("password_hash").is_none(), "{said}");
    set(&["--role", "clerk"]);
    assert_eq!(
        set(&["--no-scope"])["roles"],
        json!(["clerk"]),
        "roles stay"
    );
    assert_eq!(now(), (403, 200));
    set(&["--no-role"]);
    assert_eq!(now(), (403, 403));
    // A user who is shut out stays so.
    door.json(&["user", "disable", "alice"]);
    set(&["--scope", "orders:read"]);
    assert_eq!(now(), (401, 401));
}

#[test]
fn what_cannot_be_changed_is_said() {
    let home = Home::before(1, ROUTES);
    let id = home.key_with(&["--name", "k"]).1;
    for (args, code) in [
        (&["key", "set", "nobody", "--scope", "a"][..], 1),
        (&["user", "set", "nobody", "--scope", "a"], 1),
        (&["key", "set", &id, "--name", ""], 1),
        (&["key", "set", &id], 2),
        (&["user", "set", "alice"], 2),
        (&["key", "set", &id, "--scope", "a", "--no-scope"], 2),
        (&["key", "set", &id, "--cidr", "x"], 2),
        (&["key", "set", &id, "--expires", "0s"], 2),
    ] {
        let ran = home.run(args);
        assert_eq!(ran.code, code, "{args:?} {ran:?}");
    }
    let warned = home.run(&["key", "set", &id, "--scope", "oders:read"]);
    assert!(warned.err.contains("no route needs"), "{warned:?}");
    let rotated = home.json(&["key", "rotate", "k"]);
    assert_eq!(
        rotated["replaces"],
        id.as_str(),
        "by name as well: {rotated}"
    );
}
