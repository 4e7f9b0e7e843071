//! A client gets a token for itself, and calls with it.

use super::{ROUTES, Registered, add, post, refused, token};
use crate::door::{Door, Home, files, text};
use crate::peer::Recorder;

fn serve() -> (Recorder, Registered, Door) {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ROUTES);
    let client = add(&home, "reporting", &["--scope", "orders:read"]);
    (upstream, client, home.serve())
}

#[test]
fn r065_a_client_calls_with_a_token_for_itself_and_gets_no_refresh_token() {
    let (_upstream, client, door) = serve();
    let got = token(&door, &client, "");
    assert_eq!(got["token_type"], "Bearer");
    assert_eq!(got["expires_in"], 600);
    assert_eq!(got["scope"], "orders:read");
    assert!(got.get("refresh_token").is_none());
    let bearer = text(&got, "access_token");
    let answer = door.bearer("/x", &bearer);
    assert_eq!(answer.status, 200, "{answer:?}");
    let record = door.decision(answer.one("doorward-decision"));
    assert_eq!(record["subject"], "reporting", "the subject is the client");
    let header = format!("Authorization: Bearer {bearer}");
    let deleted = door.curl("/x", &["-X", "DELETE", "-H", &header]);
    assert_eq!(deleted.status, 403, "{deleted:?}");
    let jti = door.read("decisions.jsonl");
    assert!(jti.contains("\"kind\":\"token\""), "{jti}");
}

#[test]
fn r056_a_token_is_never_stored_and_its_revocation_counts_on_the_next_call() {
    let (_upstream, client, door) = serve();
    let form = "grant_type=client_credentials";
    let answer = post(&door, form, &["-u", &client.pair()]);
    assert_eq!(answer.one("cache-control"), "no-store");
    assert_eq!(answer.one("pragma"), "no-cache");
    let bearer = text(&answer.json(), "access_token");
    assert_eq!(door.bearer("/x", &bearer).status, 200);
    door.revoke_token(&bearer);
    assert_eq!(door.bearer("/x", &bearer).status, 401);
}

#[test]
fn r061_a_token_carries_what_was_asked_for_of_what_was_registered() {
    let (_upstream, client, door) = serve();
    let admin = add(&door, "admin", &["--scope", "orders:write people:read"]);
    let all = token(&door, &admin, "");
    assert_eq!(
        all["scope"], "orders:read orders:write",
        "implied; not a user's to give"
    );
    let less = token(&door, &admin, "&scope=orders:read");
    assert_eq!(less["scope"], "orders:read");
    let written = token(&door, &admin, "&scope=orders:write");
    assert_eq!(written["scope"], "orders:read orders:write");
    for more in [
        "orders:write",
        "people:read",
        "orders:rea",
        "nothing",
        "a%22b",
        "orders:read%20x",
    ] {
        let form = format!("grant_type=client_credentials&scope={more}");
        let answer = post(&door, &form, &["-u", &client.pair()]);
        refused(&answer, 400, "invalid_scope");
    }
    let form = "grant_type=client_credentials&scope=people:read";
    refused(
        &post(&door, form, &["-u", &admin.pair()]),
        400,
        "invalid_scope",
    );
}

#[test]
fn r053_i15_a_token_is_for_the_resource_that_was_asked_for_and_no_other() {
    let (_upstream, client, door) = serve();
    let both = [
        "--scope",
        "orders:read",
        "--audience",
        "https://api.example",
        "--audience",
        "https://b.example",
    ];
    let other = add(&door, "other", &both);
    let own = token(&door, &other, "");
    assert_eq!(door.bearer("/x", &text(&own, "access_token")).status, 200);
    let foreign = token(&door, &other, "&resource=https%3A%2F%2Fb.example");
    let answer = door.bearer("/x", &text(&foreign, "access_token"));
    assert_eq!(answer.status, 401, "it is not for us");
    for unknown in ["https://b.example", "https://api.example/", "x"] {
        let form = format!("grant_type=client_credentials&resource={unknown}");
        let answer = post(&door, &form, &["-u", &client.pair()]);
        refused(&answer, 400, "invalid_target");
    }
}

#[test]
fn r026_a_rotated_secret_works_for_its_overlap_and_a_removed_client_is_gone() {
    let (_upstream, client, door) = serve();
    let rotated = door.json(&["client", "rotate", "reporting", "--overlap", "1h"]);
    let fresh = Registered {
        id: client.id.clone(),
        secret: text(&rotated, "client_secret"),
    };
    assert_ne!(fresh.secret, client.secret);
    token(&door, &client, "");
    token(&door, &fresh, "");
    let last = door.json(&["client", "rotate", "reporting", "--overlap", "1ms"]);
    let last = Registered {
        id: client.id.clone(),
        secret: text(&last, "client_secret"),
    };
    let form = "grant_type=client_credentials";
    for old in [&client, &fresh] {
        refused(
            &post(&door, form, &["-u", &old.pair()]),
            401,
            "invalid_client",
        );
    }
    token(&door, &last, "");
    door.json(&["client", "remove", "reporting"]);
    refused(
        &post(&door, form, &["-u", &last.pair()]),
        401,
        "invalid_client",
    );
}

#[test]
fn r021_no_secret_and_no_token_is_on_the_disk() {
    let (_upstream, client, mut door) = serve();
    let bearer = text(&token(&door, &client, ""), "access_token");
    let wrong = format!("reporting:{}x", client.secret);
    let form = "grant_type=client_credentials";
    refused(&post(&door, form, &["-u", &wrong]), 401, "invalid_client");
    door.stop();
    let canaries = [client.secret.as_bytes(), bearer.as_bytes()];
    for (path, bytes) in files(&door.path("")) {
        for canary in canaries {
            let found = bytes.windows(canary.len()).any(|part| part == canary);
            assert!(!found, "{} holds a secret", path.display());
        }
    }
}

#[test]
fn r065_a_client_cannot_be_named_like_a_user_nor_a_user_like_a_client() {
    let home = Home::before(1, ROUTES);
    home.user("alice", "a long password indeed", "orders:read");
    let ran = home.run(&["client", "add", "alice"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("user"), "{ran:?}");
    add(&home, "shop", &[]);
    let ran = home.run(&["user", "add", "shop", "--generate"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    home.write("staff.htpasswd", "shop:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=\n");
    let ran = home.run(&["user", "import", "staff.htpasswd"]);
    assert_eq!(ran.code, 1, "{ran:?}");
}
