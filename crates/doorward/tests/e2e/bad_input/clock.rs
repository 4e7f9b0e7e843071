//! Clocks that jump, with libfaketime.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::door::{Door, Home, ONE_ROUTE};
use crate::mint::{Draft, jwks};
use crate::peer::{Recorder, python};
use crate::wait::until;

/// The library that tells programs another time; a loud word when it is not there.
fn library() -> Option<PathBuf> {
    let found = Command::new("sh")
        .args(["-c", "ls /usr/lib/*/faketime/libfaketimeMT.so.1 /usr/lib/faketime/libfaketimeMT.so.1 2>/dev/null"])
        .output()
        .unwrap();
    let path = String::from_utf8_lossy(&found.stdout)
        .lines()
        .next()
        .map(PathBuf::from);
    if path.is_none() {
        eprintln!("SKIPPED: libfaketime is not installed; clocks do not jump");
    }
    path
}

/// A door whose clock a test sets; its monotonic clock is the machine's.
fn door(library: &std::path::Path, rest: &str) -> (Recorder, Door) {
    let upstream = Recorder::start();
    let mut home = Home::before(upstream.port, &format!("{rest}{ONE_ROUTE}"));
    home.write("clock", "+0");
    let clock = home.path("clock").display().to_string();
    home.env = vec![
        ("LD_PRELOAD".to_owned(), library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE".to_owned(), clock),
        ("FAKETIME_NO_CACHE".to_owned(), "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC".to_owned(), "1".to_owned()),
    ];
    if rest.contains("keys.json") {
        home.write("keys.json", &jwks(&["ES256"]));
    }
    (upstream, home.serve())
}

fn jump(door: &Door, by: &str) {
    fs::write(door.path("clock"), by).unwrap();
}

fn status(door: &Door, credential: &str) -> u16 {
    door.bearer("/get", credential).status
}

#[test]
fn r127_what_ends_before_a_jump_forward_is_over_after_it() {
    let Some(library) = library() else { return };
    let (_upstream, door) = door(&library, "");
    let (short, _) = door.key_with(&["--name", "s", "--scope", "orders:read", "--expires", "30m"]);
    let (long, _) = door.key_with(&["--name", "l", "--scope", "orders:read", "--expires", "2h"]);
    let (early, _) = door.key_with(&[
        "--name",
        "e",
        "--scope",
        "orders:read",
        "--not-before",
        "30m",
    ]);
    let (token, _) = door.token(&["--sub", "b", "--scope", "orders:read", "--ttl", "30m"]);
    for credential in [&short, &long, &token] {
        assert_eq!(status(&door, credential), 200);
    }
    assert_eq!(status(&door, &early), 401);
    jump(&door, "+1h");
    for credential in [&short, &token] {
        let got = door.bearer("/get", credential);
        assert_eq!(got.status, 401, "{got:?}");
        assert_eq!(got.json()["code"], "credential_expired");
    }
    assert_eq!((status(&door, &long), status(&door, &early)), (200, 200));
    assert_eq!(door.admin("/readyz").status, 200, "a jump is no outage");
}

#[test]
fn r127_what_was_revoked_stays_revoked_when_the_clock_is_set_back() {
    let Some(library) = library() else { return };
    let (_upstream, mut door) = door(&library, "");
    let (key, id) = door.key_with(&["--name", "k", "--scope", "orders:read"]);
    let (token, jti) = door.token(&["--sub", "b", "--scope", "orders:read"]);
    let kept = door.key("orders:read");
    assert_eq!((status(&door, &key), status(&door, &token)), (200, 200));
    door.json(&["key", "revoke", &id]);
    door.revoke_token(&jti);
    for by in ["-1h", "+1h", "-30d", "+0"] {
        jump(&door, by);
        assert_eq!(
            (status(&door, &key), status(&door, &token)),
            (401, 401),
            "{by}"
        );
    }
    assert_eq!(status(&door, &kept), 200);
    jump(&door, "-1h");
    door.kill();
    door.restart();
    assert_eq!((status(&door, &key), status(&door, &token)), (401, 401));
    assert_eq!(status(&door, &kept), 200);
}

#[test]
fn r127_r007_the_leeway_is_what_it_is_said_to_be_at_both_edges() {
    let Some(library) = library() else { return };
    if python().is_none() {
        return;
    }
    let issuer = "[trusted_issuer.p]\nissuer = \"https://partner.example\"\n\
                  audience = [\"https://api.example\"]\njwks_file = \"keys.json\"\nleeway = \"30s\"\n";
    let (_upstream, door) = door(&library, issuer);
    // Ten seconds for slow machines on either side of an edge.
    let now = crate::mint::now();
    let base = Draft::new("https://partner.example", "ES256");
    let ends = base.clone().claim("exp", now + 100).sign();
    let starts = base.clone().claim("nbf", now + 100).sign();
    until("the key set is read", || {
        (status(&door, &ends) == 200).then_some(())
    });
    assert_eq!(status(&door, &starts), 401);
    jump(&door, "+60s");
    assert_eq!(status(&door, &starts), 401, "40 s before its time");
    jump(&door, "+80s");
    assert_eq!((status(&door, &ends), status(&door, &starts)), (200, 200));
    jump(&door, "+110s");
    assert_eq!(status(&door, &ends), 200, "10 s after its time");
    jump(&door, "+131s");
    assert_eq!(status(&door, &ends), 401, "more than 30 s after its time");
}
