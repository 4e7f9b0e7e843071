//! Orders, restarts and renewals.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::authority::{Authority, LONG};
use super::caller::shake;
use super::front::{respond, with_body};
use super::{HOST, home};
use crate::door::{Door, eventually, files};
use crate::peer::Recorder;
use crate::wait::until;

/// The certificate that a door shows, once it does.
fn shown(door: &Door, root: &str) -> Vec<u8> {
    until("a certificate of the authority is shown", || {
        shake(root, door.port("main"), HOST)
            .ok()
            .map(|seen| seen.leaf)
    })
}

fn is_ready(door: &Door) -> bool {
    door.admin("/readyz").status == 200
}

#[test]
fn r110_a_certificate_is_ordered_shown_kept_sealed_and_used_again_after_a_restart() {
    let Some(authority) = Authority::start(LONG) else {
        return;
    };
    let upstream = Recorder::start();
    let mut door = home(&authority, upstream.port, "").serve();
    authority.sees(&door);
    let root = authority.root();
    let first = shown(&door, &root);
    eventually("the door is ready", || is_ready(&door));
    // It serves calls over it.
    let key = door.key("orders:read");
    let call =
        format!("GET /orders HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n\r\n");
    let answer = shake(&root, door.port("main"), HOST)
        .unwrap()
        .say(call.as_bytes());
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(upstream.heads().len(), 1);
    // What was asked of the authority is what was configured.
    let asked = authority.front.asked();
    let account = asked
        .iter()
        .find(|one| !one.payload["contact"].is_null())
        .unwrap();
    assert_eq!(account.payload["contact"][0], "mailto:ops@example.com");
    assert_eq!(account.payload["termsOfServiceAgreed"], true);
    let metrics = door.admin("/metrics").text();
    let lines = [
        format!("doorward_acme_certificates_total{{host=\"{HOST}\"}} 1\n"),
        format!("doorward_acme_failures_total{{host=\"{HOST}\"}} 0\n"),
        format!("doorward_acme_certificate_seconds_left{{host=\"{HOST}\"}} 7"),
    ];
    for line in lines {
        assert!(metrics.contains(&line), "{line} {metrics}");
    }
    // No private key lies about: not as PEM, not as the DER that both kinds of key begin with.
    let naked: &[&[u8]] = &[
        b"PRIVATE KEY",
        b"key_pkcs8",
        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01],
    ];
    for (path, bytes) in files(&door.path("data")) {
        // The chain's public keys name their algorithm too, but in PEM.
        for part in naked {
            let found = bytes.windows(part.len()).any(|window| window == *part);
            assert!(!found, "{path:?}");
        }
    }
    let orders = authority.front.count("/order-plz");
    assert_eq!(orders, 1, "{:?}", authority.front.asked());
    door.stop();
    // The authority is not even asked.
    authority.front.instead(|_| Some(respond(500, "", "")));
    door.restart();
    assert_eq!(shake(&root, door.port("main"), HOST).unwrap().leaf, first);
    assert!(is_ready(&door));
    assert_eq!(authority.front.count("/order-plz"), 1);
}

#[test]
fn a_certificate_is_renewed_before_it_ends_and_open_connections_stay() {
    let Some(authority) = Authority::start(18) else {
        return;
    };
    let upstream = Recorder::start();
    let door = home(&authority, upstream.port, "").serve();
    authority.sees(&door);
    let root = authority.root();
    let first = shown(&door, &root);
    let mut open = shake(&root, door.port("main"), HOST).unwrap();
    // Every handshake on the way is with one of the two, and works.
    let second = until("another certificate is shown", || {
        let seen = shake(&root, door.port("main"), HOST).unwrap();
        (seen.leaf != first).then_some(seen.leaf)
    });
    assert_ne!(first, second);
    let answer = open.say(format!("GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes());
    assert!(answer.starts_with(b"HTTP/1.1 401"), "{answer:?}");
    assert_eq!(
        authority.front.count("/sign-me-up"),
        1,
        "one account for both"
    );
}

#[test]
fn the_authority_says_when_to_renew_and_hears_what_is_replaced() {
    let Some(authority) = Authority::start(LONG) else {
        return;
    };
    let upstream = Recorder::start();
    let base = format!("https://127.0.0.1:{}/renewal", authority.front.port);
    let windows = AtomicUsize::new(0);
    authority.front.instead(move |asked| {
        asked.path.starts_with("/renewal/").then(|| {
            // The first certificate is to be renewed now, the next one in a long time.
            let year = if windows.fetch_add(1, Ordering::SeqCst) == 0 { 2020 } else { 2099 };
            let window = serde_json::json!({ "suggestedWindow": {
                "start": format!("{year}-01-02T04:00:00Z"), "end": format!("{year}-01-03T04:00:00Z"),
            }});
            respond(200, "Retry-After: 21600\r\n", &window.to_string())
        })
    });
    authority
        .front
        .change(move |asked, answer| match asked.path.as_str() {
            "/dir" => with_body(&answer, |body| {
                let mut directory: serde_json::Value = serde_json::from_str(body).unwrap();
                directory["renewalInfo"] = base.clone().into();
                directory.to_string()
            }),
            // Pebble does not know of it, so the answer says it here (RFC 9773 section 5).
            "/order-plz" if !asked.payload["replaces"].is_null() => with_body(&answer, |body| {
                let mut order: serde_json::Value = serde_json::from_str(body).unwrap();
                order["replaces"] = asked.payload["replaces"].clone();
                order.to_string()
            }),
            _ => answer,
        });
    let door = home(&authority, upstream.port, "").serve();
    authority.sees(&door);
    let root = authority.root();
    let first = shown(&door, &root);
    until("another certificate is shown", || {
        (shown(&door, &root) != first).then_some(())
    });
    let asked = authority.front.asked();
    let name = asked
        .iter()
        .find_map(|one| one.path.strip_prefix("/renewal/"))
        .unwrap();
    let orders: Vec<_> = asked
        .iter()
        .filter(|one| one.path == "/order-plz")
        .collect();
    assert_eq!(orders.len(), 2, "{orders:?}");
    assert!(orders[0].payload["replaces"].is_null());
    assert_eq!(orders[1].payload["replaces"], name);
}

#[test]
fn r110_callers_who_need_certificates_do_not_keep_the_authority_out() {
    let Some(authority) = Authority::start(LONG) else {
        return;
    };
    let upstream = Recorder::start();
    let more = "client_certificates = \"required\"\nclient_ca = \"self\"";
    let door = home(&authority, upstream.port, more).serve();
    authority.sees(&door);
    eventually("the door is ready", || is_ready(&door));
    // A caller without one is still refused: in TLS 1.3 when it first reads.
    let caller = shake(&authority.root(), door.port("main"), HOST);
    let get = format!("GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let answer = caller.map(|mut seen| seen.say(get.as_bytes()));
    assert!(answer.is_err() || answer.is_ok_and(|bytes| bytes.is_empty()));
}
