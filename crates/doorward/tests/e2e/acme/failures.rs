//! Authorities that are down, refuse, or do not get through; and a door that dies in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::authority::{Authority, LONG};
use super::caller::{shake, validate};
use super::front::{problem, respond};
use super::{HOST, home};
use crate::door::{Door, eventually};
use crate::peer::Recorder;
use crate::wait::until;

fn is_ready(door: &Door) -> bool {
    door.admin("/readyz").status == 200
}

fn said(door: &Door, words: &str) {
    door.until_said(words, 1);
}

#[test]
fn a_directory_that_is_down_at_the_start_is_asked_again_until_it_is_up() {
    let Some(authority) = Authority::start(LONG) else {
        return;
    };
    let upstream = Recorder::start();
    authority.front.instead(|_| Some(respond(503, "", "down")));
    let door = home(&authority, upstream.port, "").serve();
    authority.sees(&door);
    said(
        &door,
        "no new certificate for api.example.com: the answer is 503",
    );
    said(
        &door,
        "it has none, and handshakes for it are refused; tried again in 200ms",
    );
    said(&door, "tried again in 400ms");
    assert!(validate(door.port("main"), Some(HOST), &["http/1.1"]).is_err());
    let report = door.admin("/readyz");
    assert_eq!(report.status, 503);
    let checks = &report.json()["checks"];
    assert_eq!(checks["certificates"], "a host has no certificate yet");
    assert_eq!(door.admin("/healthz").status, 200);
    authority.front.instead(|_| None);
    eventually("the door is ready", || is_ready(&door));
    assert!(shake(&authority.root(), door.port("main"), HOST).is_ok());
    let metrics = door.admin("/metrics").text();
    let none = format!("doorward_acme_failures_total{{host=\"{HOST}\"}} 0\n");
    assert!(!metrics.contains(&none), "{metrics}");
}

#[test]
fn the_old_certificate_stays_in_use_while_the_authority_refuses_and_its_end_is_told() {
    let Some(authority) = Authority::start(9) else {
        return;
    };
    let upstream = Recorder::start();
    let door = home(&authority, upstream.port, "").serve();
    authority.sees(&door);
    let root = authority.root();
    let first = until("a certificate is shown", || {
        shake(&root, door.port("main"), HOST)
            .ok()
            .map(|seen| seen.leaf)
    });
    let limit = |_: &super::front::Asked| Some(problem(429, "rateLimited", "too many\r\n\x1b[31m"));
    authority.front.instead(limit);
    said(&door, "the one that it has stays in use");
    said(&door, "the one that it has is over");
    // What an authority says is no command for a terminal.
    assert!(!door.read("stderr.log").contains('\x1b'));
    let report = door.admin("/readyz");
    let checks = &report.json()["checks"];
    assert_eq!(
        checks["certificates"],
        "the certificate of a host has ended"
    );
    assert_eq!(report.status, 503);
    let seen = validate(door.port("main"), Some(HOST), &["http/1.1"]).unwrap();
    assert_eq!(seen.leaf, first);
    let metrics = door.admin("/metrics").text();
    let over = format!("doorward_acme_certificate_seconds_left{{host=\"{HOST}\"}} -");
    assert!(metrics.contains(&over), "{metrics}");
}

#[test]
fn an_authority_that_does_not_get_through_is_told_of_and_asked_again() {
    let Some(authority) = Authority::start(LONG) else {
        return;
    };
    // Somebody else answers at the name's address: a door without this challenge.
    let upstream = Recorder::start();
    let stranger = home(&authority, upstream.port, "").serve();
    let door = home(&authority, upstream.port, "").serve();
    authority.sees(&stranger);
    authority.sees_port(upstream.port);
    said(
        &door,
        "the authority must reach this listener at port 443 of api.example.com",
    );
    said(&door, "(API error: ");
    drop(stranger);
    authority.sees(&door);
    eventually("the door is ready", || is_ready(&door));
}

#[test]
fn changed_terms_are_told_and_not_accepted_unseen() {
    let Some(authority) = Authority::start(LONG) else {
        return;
    };
    let upstream = Recorder::start();
    authority.front.instead(|asked| {
        let wanted = asked.path == "/order-plz";
        wanted.then(|| problem(403, "userActionRequired", "the terms have changed"))
    });
    let door = home(&authority, upstream.port, "").serve();
    authority.sees(&door);
    said(
        &door,
        "the terms have changed (urn:ietf:params:acme:error:userActionRequired)",
    );
    assert!(validate(door.port("main"), Some(HOST), &["http/1.1"]).is_err());
    assert_eq!(authority.front.count("/sign-me-up"), 1);
}

#[test]
fn an_account_that_the_authority_lost_is_made_anew() {
    let Some(authority) = Authority::start(LONG) else {
        return;
    };
    let upstream = Recorder::start();
    let orders = AtomicUsize::new(0);
    authority.front.instead(move |asked| {
        let first = asked.path == "/order-plz" && orders.fetch_add(1, Ordering::SeqCst) == 0;
        first.then(|| problem(400, "accountDoesNotExist", "who are you?"))
    });
    let door = home(&authority, upstream.port, "").serve();
    authority.sees(&door);
    eventually("the door is ready", || is_ready(&door));
    assert_eq!(authority.front.count("/sign-me-up"), 2);
}

#[test]
fn a_bad_nonce_is_no_failure() {
    let Some(authority) = Authority::start(LONG) else {
        return;
    };
    let upstream = Recorder::start();
    let posts = AtomicUsize::new(0);
    // Every other signed request.
    authority.front.instead(move |asked| {
        let odd = asked.method == "POST" && posts.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        let bad = || {
            let body = r#"{"type":"urn:ietf:params:acme:error:badNonce","status":400}"#;
            respond(400, "", body)
        };
        odd.then(bad)
    });
    let door = home(&authority, upstream.port, "").serve();
    authority.sees(&door);
    eventually("the door is ready", || is_ready(&door));
    assert!(!door.read("stderr.log").contains("no new certificate"));
}

#[test]
fn a_door_that_dies_in_the_middle_of_an_order_orders_anew() {
    let Some(authority) = Authority::start(LONG) else {
        return;
    };
    let upstream = Recorder::start();
    let dying = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&dying);
    // The certificate is made, and the answer never comes.
    authority.front.change(move |asked, answer| {
        let lost = asked.path.starts_with("/finalize-order/") && seen.load(Ordering::SeqCst);
        if lost { String::new() } else { answer }
    });
    let mut door = home(&authority, upstream.port, "").serve();
    authority.sees(&door);
    until("the order is finalized", || {
        (authority.front.count("/finalize-order/") > 0).then_some(())
    });
    door.kill();
    dying.store(false, Ordering::SeqCst);
    door.restart();
    authority.sees(&door);
    eventually("the door is ready", || is_ready(&door));
    assert!(shake(&authority.root(), door.port("main"), HOST).is_ok());
    assert_eq!(
        authority.front.count("/sign-me-up"),
        1,
        "the account was kept"
    );
}
