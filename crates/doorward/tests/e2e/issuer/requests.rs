//! What is sent to the token endpoint and is not a request for a token.

use super::{ROUTES, Registered, add, post, refused};
use crate::curl;
use crate::door::{Door, Home};
use crate::peer::Recorder;

const FORM: &str = "grant_type=client_credentials";

fn serve() -> (Recorder, Registered, Door) {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ROUTES);
    let client = add(&home, "reporting", &["--scope", "orders:read"]);
    (upstream, client, home.serve())
}

#[test]
fn r049_only_the_registered_way_to_authenticate_is_accepted() {
    let (_upstream, basic, door) = serve();
    let post_client = add(
        &door,
        "poster",
        &["--secret-post", "--scope", "orders:read"],
    );
    let public = door.json(&[
        "client",
        "add",
        "app",
        "--public",
        "--redirect-uri",
        "http://127.0.0.1/cb",
    ]);
    assert!(public.get("client_secret").is_none());
    let in_body = |client: &Registered| {
        format!(
            "{FORM}&client_id={}&client_secret={}",
            client.id, client.secret
        )
    };
    refused(&post(&door, &in_body(&basic), &[]), 401, "invalid_client");
    refused(
        &post(&door, FORM, &["-u", &post_client.pair()]),
        401,
        "invalid_client",
    );
    assert_eq!(post(&door, &in_body(&post_client), &[]).status, 200);
    // A name alone is not enough where there is a secret, and a secret is too much where there is none.
    for id in ["reporting", "poster"] {
        let form = format!("{FORM}&client_id={id}");
        refused(&post(&door, &form, &[]), 401, "invalid_client");
    }
    refused(&post(&door, FORM, &["-u", "app:x"]), 401, "invalid_client");
    refused(&post(&door, FORM, &["-u", "app:"]), 401, "invalid_client");
    let named = format!("{FORM}&client_id=app");
    refused(&post(&door, &named, &[]), 400, "unauthorized_client");
}

#[test]
fn r049_i07_wrong_secrets_unknown_clients_and_those_of_others_are_one_answer() {
    let (_upstream, client, door) = serve();
    let other = add(&door, "other", &["--scope", "orders:write"]);
    let (cut, _) = client.secret.split_at(client.secret.len() - 1);
    let pairs = [
        format!("reporting:{}", other.secret),
        format!("other:{}", client.secret),
        format!("reporting:{cut}"),
        format!("reporting:{}x", client.secret),
        format!("reporting:{}", client.secret.to_uppercase()),
        format!("Reporting:{}", client.secret),
        format!("nobody:{}", client.secret),
        "reporting:".to_owned(),
        ":x".to_owned(),
        format!("a b:{}", client.secret),
        format!("reporting:{}", "x".repeat(5000)),
    ];
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for pair in &pairs {
        let answer = post(&door, FORM, &["-u", pair]);
        refused(&answer, 401, "invalid_client");
        assert!(answer.one("www-authenticate").starts_with("Basic "));
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "which part was wrong is not told");
    for header in [
        "Authorization: Bearer x.y.z",
        "Authorization: Basic",
        "Authorization: Basic !!!",
        "Authorization: Basic bm9jb2xvbg==",
    ] {
        refused(&post(&door, FORM, &["-H", header]), 401, "invalid_client");
    }
}

#[test]
fn r049_two_ways_to_authenticate_at_once_are_refused() {
    let (_upstream, client, door) = serve();
    let pair = client.pair();
    for more in [
        format!("client_id=reporting&client_secret={}", client.secret),
        "client_assertion=a.b.c&client_assertion_type=x".to_owned(),
        "client_id=other".to_owned(),
    ] {
        let form = format!("{FORM}&{more}");
        refused(&post(&door, &form, &["-u", &pair]), 400, "invalid_request");
    }
    let same = format!("{FORM}&client_id=reporting");
    assert_eq!(
        post(&door, &same, &["-u", &pair]).status,
        200,
        "the same name twice is no second way"
    );
}

#[test]
fn r049_a_secret_in_the_query_is_refused_and_so_is_everything_else_there() {
    let (_upstream, client, door) = serve();
    let secret = format!("client_id=reporting&client_secret={}", client.secret);
    for query in [secret.as_str(), FORM, "x"] {
        let path = format!("/oauth2/token?{query}");
        let answer = door.curl(&path, &["--data", FORM, "-u", &client.pair()]);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(!answer.text().contains(&client.secret));
    }
}

#[test]
fn i33_i28_what_is_not_one_form_is_refused() {
    let (_upstream, client, door) = serve();
    let pair = client.pair();
    let send = |args: &[&str]| door.curl("/oauth2/token", &[&["-u", &pair], args].concat());
    for form in [
        "grant_type=client_credentials&grant_type=client_credentials",
        "grant_type=client_credentials&grant%5Ftype=password",
        "grant_type=client_credentials&scope=a&scope=b",
        "grant_type=client_credentials&x=%ff",
        "grant_type=client_credentials&x=%00",
        "grant_type=client_credentials&x=%4",
        "grant_type=",
        "scope=orders:read",
        "",
    ] {
        refused(&send(&["--data", form]), 400, "invalid_request");
    }
    for kind in [
        "application/json",
        "text/plain",
        "multipart/form-data",
        "application/x-www-form-urlencoded; charset=utf-16",
        "",
    ] {
        let header = format!("Content-Type: {kind}");
        refused(
            &send(&["--data", FORM, "-H", &header]),
            400,
            "invalid_request",
        );
    }
    let large = format!("{FORM}&x={}", "a".repeat(20_000));
    refused(&send(&["--data", &large]), 413, "invalid_request");
    let chunked = send(&["--data", &large, "-H", "Transfer-Encoding: chunked"]);
    refused(&chunked, 413, "invalid_request");
    let many: String = (0..70).map(|n| format!("&p{n}=1")).collect();
    refused(
        &send(&["--data", &format!("{FORM}{many}")]),
        400,
        "invalid_request",
    );
    for method in ["GET", "PUT", "DELETE", "HEAD"] {
        let args: &[&str] = if method == "HEAD" {
            &["-I"]
        } else {
            &["-X", method]
        };
        let answer = send(args);
        assert_eq!(answer.status, 405, "{method} {answer:?}");
        assert_eq!(answer.one("allow"), "POST");
    }
    assert_eq!(send(&["--data", FORM]).status, 200, "it still works");
}

#[test]
fn i26_nothing_that_was_sent_comes_back_in_an_error() {
    let (_upstream, client, door) = serve();
    for (name, error) in [
        ("grant_type", "unsupported_grant_type"),
        ("scope", "invalid_scope"),
        ("resource", "invalid_target"),
    ] {
        let rest = if name == "grant_type" {
            String::new()
        } else {
            format!("{FORM}&")
        };
        let form = format!("{rest}{name}=canary-scope%3D1");
        let answer = post(&door, &form, &["-u", &client.pair()]);
        refused(&answer, 400, error);
        assert!(!answer.text().contains("canary"), "{answer:?}");
    }
}

#[test]
fn secrets_are_not_taken_over_plain_http_from_a_network() {
    let upstream = Recorder::start();
    let home = Home::before(upstream.port, ROUTES);
    let client = add(&home, "reporting", &["--scope", "orders:read"]);
    let open = "listener.plain.address=0.0.0.0:0";
    let door = home.serve_with(&["--set", open]);
    let mut curl = curl::command(None);
    curl.args(["-u", &client.pair(), "--data", FORM]);
    curl.arg(door.plain("/oauth2/token"));
    let answer = curl::run(curl).unwrap();
    refused(&answer, 400, "invalid_request");
    assert_eq!(post(&door, FORM, &["-u", &client.pair()]).status, 200);
}
