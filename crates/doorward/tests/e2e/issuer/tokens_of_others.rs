//! Introspection and revocation: a token is its client's and its audience's business.

use super::{ROUTES, Registered, add, refused, token};
use crate::curl::Answer;
use crate::door::{Door, Home, text};
use crate::peer::Recorder;

struct World {
    _upstream: Recorder,
    owner: Registered,
    other: Registered,
    door: Door,
}

fn serve() -> World {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ROUTES);
    let owner = add(&home, "owner", &["--scope", "orders:read"]);
    let other = add(&home, "other", &["--scope", "orders:read"]);
    World {
        door: home.serve(),
        _upstream: upstream,
        owner,
        other,
    }
}

fn ask(door: &Door, path: &str, client: &Registered, token: &str) -> Answer {
    let form = format!("token={token}");
    door.curl(path, &["-u", &client.pair(), "--data", &form])
}

const INTROSPECT: &str = "/oauth2/introspect";
const REVOKE: &str = "/oauth2/revoke";
const INACTIVE: &str = "{\"active\":false}";

#[test]
fn r055_i15_only_its_client_and_its_audience_are_told_of_a_token() {
    let world = serve();
    let door = &world.door;
    let bearer = text(&token(door, &world.owner, ""), "access_token");
    let own = ask(door, INTROSPECT, &world.owner, &bearer);
    assert_eq!(own.one("cache-control"), "no-store");
    let said = own.json();
    assert_eq!(said["active"], true, "{said}");
    assert_eq!(said["client_id"], "owner");
    assert_eq!(said["sub"], "owner");
    assert_eq!(said["scope"], "orders:read");
    assert_eq!(said["aud"], "https://api.example");
    assert_eq!(said["iss"], "https://door.example");
    let foreign = ask(door, INTROSPECT, &world.other, &bearer);
    assert_eq!(foreign.text(), INACTIVE);
    // A resource server is known by the id that tokens for it have as their audience.
    let api = add(door, "api", &[]);
    let maker = add(
        door,
        "maker",
        &[
            "--scope",
            "orders:read",
            "--audience",
            "urn:x",
            "--audience",
            "api",
        ],
    );
    let for_api = text(&token(door, &maker, "&resource=api"), "access_token");
    assert_eq!(ask(door, INTROSPECT, &api, &for_api).json()["active"], true);
    assert_eq!(ask(door, INTROSPECT, &api, &bearer).text(), INACTIVE);
}

#[test]
fn r055_what_is_not_a_live_token_of_ours_is_inactive_and_nothing_more() {
    let world = serve();
    let door = &world.door;
    let bearer = text(&token(door, &world.owner, ""), "access_token");
    let (cut, _) = bearer.split_at(bearer.len() - 2);
    let key = door.key("orders:read");
    let mut parts: Vec<&str> = bearer.split('.').collect();
    parts[2] = "";
    let unsigned = parts.join(".");
    for wrong in [cut, "x", "a.b.c", &key, &unsigned, &format!("{bearer}A")] {
        let answer = ask(door, INTROSPECT, &world.owner, wrong);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, INACTIVE),
            "{wrong}"
        );
    }
    let missing = door.curl(INTROSPECT, &["-u", &world.owner.pair(), "--data", "x=1"]);
    refused(&missing, 400, "invalid_request");
    door.revoke_token(&bearer);
    assert_eq!(
        ask(door, INTROSPECT, &world.owner, &bearer).text(),
        INACTIVE
    );
}

#[test]
fn r055_who_does_not_authenticate_is_told_nothing() {
    let world = serve();
    let door = &world.door;
    let bearer = text(&token(door, &world.owner, ""), "access_token");
    door.json(&[
        "client",
        "add",
        "app",
        "--public",
        "--redirect-uri",
        "http://127.0.0.1/cb",
    ]);
    let form = format!("token={bearer}");
    refused(
        &door.curl(INTROSPECT, &["--data", &form]),
        401,
        "invalid_client",
    );
    refused(
        &door.curl(INTROSPECT, &["-u", "owner:wrong", "--data", &form]),
        401,
        "invalid_client",
    );
    let public = format!("{form}&client_id=app");
    refused(
        &door.curl(INTROSPECT, &["--data", &public]),
        401,
        "invalid_client",
    );
    refused(
        &door.curl(REVOKE, &["--data", &form]),
        401,
        "invalid_client",
    );
}

#[test]
fn r054_a_client_ends_its_own_tokens_at_once_and_no_others() {
    let world = serve();
    let door = &world.door;
    let bearer = text(&token(door, &world.owner, ""), "access_token");
    assert_eq!(door.bearer("/x", &bearer).status, 200);
    let foreign = ask(door, REVOKE, &world.other, &bearer);
    assert_eq!(
        foreign.status, 200,
        "what others have is not told: {foreign:?}"
    );
    assert_eq!(door.bearer("/x", &bearer).status, 200, "it has no effect");
    for unknown in ["x", "a.b.c"] {
        assert_eq!(ask(door, REVOKE, &world.owner, unknown).status, 200);
    }
    for _ in 0..20 {
        let bearer = text(&token(door, &world.owner, ""), "access_token");
        assert_eq!(door.bearer("/x", &bearer).status, 200);
        let done = ask(door, REVOKE, &world.owner, &bearer);
        assert_eq!(done.status, 200, "{done:?}");
        assert_eq!(
            door.bearer("/x", &bearer).status,
            401,
            "on the next request"
        );
    }
}

#[test]
fn r054_a_revocation_outlives_a_crash() {
    let mut world = serve();
    let bearer = text(&token(&world.door, &world.owner, ""), "access_token");
    assert_eq!(ask(&world.door, REVOKE, &world.owner, &bearer).status, 200);
    world.door.kill();
    world.door.restart();
    assert_eq!(world.door.bearer("/x", &bearer).status, 401);
}
