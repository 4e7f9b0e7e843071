//! R096: somebody else's id, in every place and every spelling.

use super::Stand;
use crate::peer::{Recorder, httpbin};

#[test]
fn r096_the_path_names_its_caller() {
    let upstream = Recorder::start();
    let stand = Stand::before(upstream.port, "");
    for path in ["alice", "%61lice", "a%6C%69ce"] {
        let path = format!("/anything/users/{path}/orders");
        assert_eq!(stand.alice(&path, &[]).status, 200, "{path}");
        assert_eq!(stand.alice(&path, &["-X", "DELETE"]).status, 200, "{path}");
        assert_eq!(stand.staff(&path, &[]).status, 200, "{path}");
    }
    let passed = upstream.heads().len();
    for path in [
        "bob",
        "%62ob",
        "Alice",
        "alice%20x",
        "alice,bob",
        "*",
        "0",
        "alice@x",
    ] {
        let path = format!("/anything/users/{path}/orders");
        for http in ["--http1.1", "--http2"] {
            let answer = stand.alice(&path, &[http]);
            assert_eq!(answer.status, 403, "{path} {answer:?}");
            assert_eq!(answer.json()["code"], "forbidden");
        }
    }
    for path in [
        "%2562ob",
        "bob%2f..%2falice",
        "bob/../alice",
        "alice%00",
        "./alice",
        "alice;x=bob",
        "alice.",
    ] {
        let path = format!("/anything/users/{path}/orders");
        assert_eq!(stand.alice(&path, &[]).status, 400, "{path}");
    }
    assert_eq!(upstream.heads().len(), passed, "nothing of it went on");
    let refused = stand.alice("/anything/users/bob/orders", &[]);
    assert_eq!(stand.reason(&refused), "owner_mismatch");
    assert_eq!(stand.staff("/anything/users/bob/orders", &[]).status, 200);
}

#[test]
fn r096_the_query_names_its_caller_once() {
    let upstream = Recorder::start();
    let stand = Stand::before(upstream.port, "");
    for query in [
        "user=alice",
        "x=1&user=alice",
        "user=%61lice",
        "%75ser=alice",
    ] {
        let answer = stand.alice(&format!("/anything/list?{query}"), &[]);
        assert_eq!(answer.status, 200, "{query} {answer:?}");
    }
    let passed = upstream.heads().len();
    for query in [
        "",
        "x=1",
        "user=bob",
        "user=%62ob",
        "user=alice&user=bob",
        "user=bob&user=alice",
        "user=alice&user=alice",
        "user=alice&%75ser=bob",
        "user=alice;user=bob",
        "user=alice&User=bob",
        "user=alice&user%5B%5D=bob",
        "user[]=alice",
        "user=alice&user%00=bob",
        "user=Alice",
        "user=alice%20",
        "user=",
        "user",
        "user=alice%",
        "users=alice",
        "user=alice&%2575ser=bob",
    ] {
        let answer = stand.alice(&format!("/anything/list?{query}"), &["-g"]);
        assert_eq!(answer.status, 403, "{query} {answer:?}");
    }
    assert_eq!(upstream.heads().len(), passed);
    assert_eq!(
        stand
            .staff("/anything/list?user=bob&user=carol", &[])
            .status,
        200
    );
}

#[test]
fn r096_the_body_names_its_caller() {
    let Some(port) = httpbin() else { return };
    let stand = Stand::before(port, "");
    let sent = r#"{ "user_id" : "alice", "sum": 1.50, "note": "é" }"#;
    for http in ["--http1.1", "--http2"] {
        for more in [&[][..], &["-H", "Transfer-Encoding: chunked"]] {
            if http == "--http2" && !more.is_empty() {
                continue;
            }
            let mut args = vec![http, "-H", "Content-Type: application/json"];
            args.extend(more);
            args.extend(["--data-binary", sent]);
            let answer = stand.alice("/anything/orders", &args);
            assert_eq!(answer.status, 200, "{answer:?}");
            let seen = answer.json();
            assert_eq!(seen["data"], sent, "byte for byte");
            assert_eq!(seen["headers"]["Content-Length"], sent.len().to_string());
            assert!(seen["headers"].get("Transfer-Encoding").is_none());
        }
    }
    for (body, status) in [
        (r#"{"user_id":"bob"}"#, 403),
        (r#"{"user_id":"\u0062ob"}"#, 403),
        (r#"{"user_id":"alice","user_id":"bob"}"#, 403),
        (r#"{"user_id":"bob","user_id":"alice"}"#, 403),
        (r#"{"user_id":"alice","us\u0065r_id":"bob"}"#, 403),
        (r#"{"user_id":"alice","USER_ID":"bob"}"#, 403),
        (r#"{"user_id":"alice","userId":"bob"}"#, 403),
        (r#"{"user_id":["alice"]}"#, 403),
        (r#"{"user_id":{"$ne":null}}"#, 403),
        (r#"{"user_id":null}"#, 403),
        (r#"{"id":"alice"}"#, 403),
        (r#"[{"user_id":"alice"}]"#, 403),
        ("", 403),
        (r#"{"user_id":"alice"}{"user_id":"bob"}"#, 400),
        (r#"{"user_id":"alice"} x"#, 400),
        ("\u{feff}{\"user_id\":\"alice\"}", 400),
        (r#"{"user_id":"alice""#, 400),
        ("user_id=alice", 400),
    ] {
        let answer = stand.sends("POST", "/anything/orders", body);
        assert_eq!(answer.status, status, "{body} {answer:?}");
    }
    let nested = format!(
        "{{\"user_id\":\"alice\",\"x\":{}{}}}",
        "[".repeat(40),
        "]".repeat(40)
    );
    assert_eq!(stand.sends("POST", "/anything/orders", &nested).status, 400);
    let bobs = ["--json", r#"{"user_id":"bob"}"#];
    assert_eq!(stand.staff("/anything/orders", &bobs).status, 200);
}

#[test]
fn r096_every_named_place_must_hold_the_caller() {
    let upstream = Recorder::start();
    let stand = Stand::before(upstream.port, "");
    let send = |path: &str, query: &str, body: &str| {
        let body = format!("{{\"user_id\":\"{body}\"}}");
        let path = format!("/anything/all/{path}?user={query}");
        stand.sends("POST", &path, &body).status
    };
    assert_eq!(send("alice", "alice", "alice"), 200);
    assert_eq!(send("bob", "alice", "alice"), 403);
    assert_eq!(send("alice", "bob", "alice"), 403);
    assert_eq!(send("alice", "alice", "bob"), 403);
    assert_eq!(upstream.heads().len(), 1);
    // Nobody is exempt where nobody is named.
    let bobs = ["--json", r#"{"user_id":"bob"}"#];
    assert_eq!(stand.staff("/anything/all/bob?user=bob", &bobs).status, 403);
    // Who may not call at all hears that first.
    assert_eq!(stand.door.curl("/anything/all/bob", &bobs).status, 401);
}

#[test]
fn r096_not_even_a_slow_body_of_another_is_begun_at_the_upstream() {
    let upstream = Recorder::start();
    let stand = Stand::before(upstream.port, "");
    let large = format!("{{\"pad\":\"{}\",\"user_id\":\"bob\"}}", "x".repeat(60_000));
    for chunked in [&[][..], &["-H", "Transfer-Encoding: chunked"]] {
        let mut args = vec!["--http1.1", "-H", "Content-Type: application/json"];
        args.extend(chunked);
        args.extend(["--data-binary", &large]);
        assert_eq!(stand.alice("/anything/orders", &args).status, 403);
    }
    assert!(upstream.heads().is_empty());
}
