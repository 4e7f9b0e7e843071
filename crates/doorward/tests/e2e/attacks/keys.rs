//! Attacks on the key desk and on passwords, as far as they are visible from outside.

use std::time::{Duration, Instant};

use crate::door::{Home, ONE_ROUTE, files};
use crate::peer::Recorder;

fn home() -> (Recorder, Home) {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ONE_ROUTE);
    (upstream, home)
}

#[test]
fn k01_a_keys_text_is_never_part_of_a_statement() {
    let (upstream, home) = home();
    let good = home.key("orders:read");
    let door = home.serve();
    for text in [
        "dw_sk_live_' OR '1'='1",
        "dw_sk_live_x'; DROP TABLE api_key; --",
        "' UNION SELECT 1 --",
        "dw_sk_live_%",
        "dw_sk_live_________________________________",
        "dw_sk_live_*",
        "dw_sk_live_../../doorward.db",
        "dw_%s%s%s%n",
    ] {
        for line in [
            format!("X-API-Key: {text}"),
            format!("Authorization: Bearer {text}"),
        ] {
            let got = door.curl("/get", &["-H", &line]);
            assert_eq!(got.status, 401, "{line} {got:?}");
        }
    }
    assert!(upstream.heads().is_empty());
    let line = format!("X-API-Key: {good}");
    assert_eq!(door.curl("/get", &["-H", &line]).status, 200);
}

#[test]
fn k04_every_scope_is_enforced_for_every_operation() {
    let scopes = [
        "orders:read",
        "orders:write",
        "invoices:read",
        "payroll:read",
    ];
    let routes: String = scopes
        .iter()
        .enumerate()
        .map(|(n, scope)| format!("[[route]]\npath = \"/{n}\"\nscopes = [\"{scope}\"]\n"))
        .collect();
    let all = "[[route]]\npath = \"/all\"\nscopes = [\"orders:read\", \"orders:write\"]\n";
    let roles = "[roles]\nclerk = [\"invoices:read\"]\n";
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, &format!("{roles}{routes}{all}"));
    let keys = scopes.map(|scope| home.key(scope));
    let both = home.key("orders:read orders:write");
    let (clerk, _) = home.key_with(&["--name", "clerk", "--role", "clerk"]);
    let (nobody, _) = home.key_with(&["--name", "none", "--role", "no-such-role"]);
    let door = home.serve();
    let call = |path: &str, key: &str| {
        let line = format!("X-API-Key: {key}");
        door.curl(path, &["-H", &line]).status
    };
    for (have, key) in keys.iter().enumerate() {
        for need in 0..scopes.len() {
            let wanted = if have == need { 200 } else { 403 };
            assert_eq!(call(&format!("/{need}"), key), wanted, "{have} {need}");
        }
        assert_eq!(call("/all", key), 403, "one of two scopes is not enough");
    }
    assert_eq!(call("/all", &both), 200);
    assert_eq!(call("/2", &clerk), 200);
    assert_eq!(call("/0", &clerk), 403);
    assert_eq!(call("/2", &nobody), 403);
}

#[test]
fn k05_a_stranger_cannot_tell_why_a_key_is_refused() {
    let (_upstream, home) = home();
    let (revoked, id) = home.key_with(&["--name", "r", "--scope", "orders:read"]);
    home.json(&["key", "revoke", &id]);
    let (early, _) = home.key_with(&["--name", "e", "--not-before", "1h"]);
    let (other, _) = home.key_with(&["--name", "t", "--env", "test"]);
    let (far, _) = home.key_with(&["--name", "f", "--cidr", "203.0.113.0/24"]);
    let door = home.serve();
    let mut answers = Vec::new();
    for key in [
        revoked.as_str(),
        &early,
        &other,
        &far,
        "dw_sk_live_nonsense",
        &revoked.replace("_live_", "_test_"),
    ] {
        for line in [
            format!("X-API-Key: {key}"),
            format!("Authorization: Bearer {key}"),
        ] {
            let got = door.curl("/get", &["-H", &line]);
            let id = got.decision_id();
            let same = |text: &str| text.replace(&id, "ID");
            let headers: Vec<_> = got
                .headers
                .iter()
                .filter(|(name, _)| name != "date")
                .map(|(name, value)| (name.clone(), same(value)))
                .collect();
            answers.push((got.status, headers, same(&got.text())));
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
}

#[test]
fn k08_an_edited_kind_or_environment_is_refused() {
    let (upstream, home) = home();
    let live = home.key("orders:read");
    let (test, _) = home.key_with(&["--name", "t", "--scope", "orders:read", "--env", "test"]);
    let door = home.serve();
    for edited in [
        test.replace("_test_", "_live_"),
        live.replace("_sk_", "_rk_"),
        live.replace("_sk_", "_ak_"),
        live.replace("_sk_", "_pk_"),
        live.replace("_live_", "_LIVE_"),
        live.replace("dw_", "dx_"),
        live.to_uppercase(),
        format!("{live}0"),
        live.chars().skip(1).collect(),
        test,
    ] {
        let got = door.curl("/get", &["-H", &format!("X-API-Key: {edited}")]);
        assert_eq!(got.status, 401, "{got:?}");
    }
    assert!(upstream.heads().is_empty());
}

#[test]
fn k12_r021_no_usable_secret_is_at_rest() {
    let (_upstream, home) = home();
    let mut secrets: Vec<String> = (0..5).map(|_| home.key("orders:read")).collect();
    let (rotated, id) = home.key_with(&["--name", "rotated", "--scope", "orders:read"]);
    let after = home.json(&["key", "rotate", &id]);
    secrets.extend([rotated, after["key"].as_str().unwrap().to_owned()]);
    let made = home.json(&["user", "add", "gerd", "--generate"]);
    secrets.push(made["password"].as_str().unwrap().to_owned());
    home.user("alice", "a-password-of-alice", "orders:read");
    secrets.push("a-password-of-alice".to_owned());
    secrets.push(home.token(&["--sub", "billing"]).0);
    let mut door = home.serve();
    for secret in &secrets {
        door.bearer("/get", secret);
        door.basic("/get", "gerd", secret);
    }
    let shown = [
        door.run(&["key", "list"]).out,
        door.run(&["key", "list", "--json"]).out,
        door.run(&["key", "show", &id]).out,
        door.run(&["user", "list", "--json"]).out,
    ];
    for secret in &secrets {
        assert!(!shown.concat().contains(secret.as_str()), "shown again");
    }
    let search = |when: &str| {
        let written = files(&door.path(""));
        assert!(
            written
                .iter()
                .any(|(path, _)| path.ends_with("doorward.db"))
        );
        for (path, bytes) in &written {
            for secret in &secrets {
                // Also without its checksum: that can be worked out.
                let text = &secret.as_bytes()[..secret.len().min(32)];
                let found = bytes.windows(text.len()).any(|window| window == text);
                assert!(!found, "{when}: {secret} in {}", path.display());
            }
        }
    };
    search("while it runs");
    door.stop();
    let written = files(&door.path(""));
    let private = written
        .iter()
        .any(|(_, bytes)| String::from_utf8_lossy(bytes).contains("\"d\":"));
    assert!(!private, "a private signing key is readable");
}

#[test]
fn g25_an_empty_secret_is_nobodys() {
    let (upstream, home) = home();
    home.user("alice", "a-password-of-alice", "orders:read");
    home.user("bob", "a-password-of-bob", "orders:read");
    let door = home.serve();
    // Where the owner has been before, wrong passwords are not held against the name.
    let good = || door.basic("/get", "alice", "a-password-of-alice").status;
    assert_eq!(good(), 200);
    for (user, password) in [
        ("alice", ""),
        ("", ""),
        ("", "a-password-of-alice"),
        ("nobody", ""),
        ("nobody", "x"),
        ("alice ", "a-password-of-alice"),
        ("ALICE", "a-password-of-alice"),
        ("alice", "A-password-of-alice"),
        ("alice", "a-password-of-alice "),
        ("bob", "a-password-of-bo"),
    ] {
        let got = door.basic("/get", user, password);
        assert_eq!(got.status, 401, "{user:?} {password:?} {got:?}");
    }
    for line in [
        "X-API-Key;",
        "Authorization: Bearer",
        "Authorization;",
        "Authorization: Bearer  ",
    ] {
        let got = door.curl("/get", &["-H", line]);
        assert_eq!(got.status, 401, "{line} {got:?}");
    }
    assert_eq!(upstream.heads().len(), 1);
    assert_eq!(good(), 200);
}

#[test]
fn g26_r027_an_unknown_user_costs_what_a_known_one_costs() {
    let (_upstream, home) = home();
    for n in 0..8 {
        home.user(&format!("alice{n}"), "a-password-of-alice", "orders:read");
    }
    let door = home.serve();
    let time = |user: &str| {
        let start = Instant::now();
        let got = door.basic("/get", user, "wrong-password-wrong");
        assert_eq!(got.status, 401, "{got:?}");
        start.elapsed()
    };
    // The smallest of a few, taken in turns: what other programs take away is never negative.
    // Each name is tried once, so that none is slowed down. An answer without a hash takes a
    // twentieth of one with; which hash it is, the method's own tests count.
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    for n in 0..8 {
        known = known.min(time(&format!("alice{n}")));
        unknown = unknown.min(time(&format!("nobody{n}")));
    }
    assert!(
        known < unknown * 3 && unknown < known * 3,
        "known {known:?}, unknown {unknown:?}"
    );
}

#[test]
fn r117_a_storm_of_logins_starves_nobody() {
    let upstream = Recorder::start();
    let basic = "[basic]\nqueue = 2\nworkers = 1\n";
    let home = Home::before(upstream.port, &format!("{basic}{ONE_ROUTE}"));
    let key = home.key("orders:read");
    home.user("alice", "a-password-of-alice", "orders:read");
    let door = home.serve();
    let line = format!("X-API-Key: {key}");
    let statuses = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..24)
            .map(|n| {
                let door = &door;
                scope.spawn(move || door.basic("/get", &format!("user{n}"), "wrong-password-1"))
            })
            .collect();
        for _ in 0..10 {
            let start = Instant::now();
            assert_eq!(door.curl("/get", &["-H", &line]).status, 200);
            assert!(
                start.elapsed() < Duration::from_secs(5),
                "a key had to wait"
            );
        }
        let answers = callers.into_iter().map(|caller| caller.join().unwrap());
        answers.collect::<Vec<_>>()
    });
    for got in &statuses {
        assert!(matches!(got.status, 401 | 429 | 503), "{got:?}");
        if got.status != 401 {
            assert!(got.one("retry-after").parse::<u32>().unwrap() >= 1);
        }
    }
    assert!(
        statuses.iter().any(|got| got.status != 401),
        "the queue has no bound"
    );
}

#[test]
fn r078_guesses_are_slowed_down_and_the_owner_is_not_locked_out() {
    let (_upstream, home) = home();
    home.user("alice", "a-password-of-alice", "orders:read");
    let door = home.serve();
    // The owner has been here before.
    assert_eq!(
        door.basic("/get", "alice", "a-password-of-alice").status,
        200
    );
    let mut last = 0;
    for n in 0..40 {
        last = door
            .basic("/get", "alice", &format!("wrong-password-{n}"))
            .status;
        if last == 429 {
            break;
        }
        assert_eq!(last, 401);
    }
    assert_eq!(last, 429, "forty guesses in a row");
    // A success that is remembered needs no check.
    assert_eq!(
        door.basic("/get", "alice", "a-password-of-alice").status,
        200
    );
}
