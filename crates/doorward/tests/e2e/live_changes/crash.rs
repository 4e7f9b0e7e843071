//! Power cuts: nothing that was acknowledged is lost, nothing that was revoked comes back.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::door::{Door, Home, ONE_ROUTE};
use crate::peer::{Peer, Recorder};
use crate::wait::until;

fn stand() -> (Recorder, Door) {
    let upstream = Recorder::start();
    let door = Home::before(upstream.port, ONE_ROUTE).serve();
    (upstream, door)
}

#[test]
fn r125_a_killed_server_loses_nothing_and_revives_nothing() {
    let (_upstream, mut door) = stand();
    let mut live = Vec::new();
    let mut dead = Vec::new();
    for round in 0..3 {
        for n in 0..3 {
            let name = format!("k{round}{n}");
            let (key, id) = door.key_with(&["--name", &name, "--scope", "orders:read"]);
            assert_eq!(door.bearer("/get", &key).status, 200);
            if n == 0 {
                door.json(&["key", "revoke", &id]);
                dead.push(key);
            } else {
                live.push(key);
            }
        }
        let (token, jti) = door.token(&["--sub", "b", "--scope", "orders:read"]);
        door.revoke_token(&jti);
        dead.push(token);
        let (token, _) = door.token(&["--sub", "b", "--scope", "orders:read"]);
        live.push(token);
        door.json(&["signing-key", "rotate"]);
        door.kill();
        door.restart();
        for credential in &live {
            assert_eq!(door.bearer("/get", credential).status, 200);
        }
        for credential in &dead {
            assert_eq!(door.bearer("/get", credential).status, 401);
        }
    }
}

#[test]
fn r125_a_killed_command_leaves_all_or_nothing() {
    let (_upstream, mut door) = stand();
    let (key, id) = door.key_with(&["--name", "k", "--scope", "orders:read"]);
    let mut revoked_for_sure = false;
    for n in 0..12_u64 {
        let mut child = door.command(&["key", "revoke", &id]).spawn().unwrap();
        // Killed a little later each time, from the very start to after the end.
        let killed = std::time::Instant::now();
        until("its moment", || {
            (killed.elapsed().as_millis() >= u128::from(n * 6)).then_some(())
        });
        let _late = child.kill();
        let ended = child.wait().unwrap();
        revoked_for_sure |= ended.success();
        let shown = door.json(&["key", "show", &id]);
        let stored = shown["revoked_at"].is_string();
        assert!(
            stored || !revoked_for_sure,
            "an acknowledged revocation is lost: {shown}"
        );
        if stored {
            until("the server hears of it within a second or so", || {
                (door.bearer("/get", &key).status == 401).then_some(())
            });
        } else {
            assert_eq!(door.bearer("/get", &key).status, 200);
        }
    }
    door.kill();
    door.restart();
    let shown = door.json(&["key", "show", &id]);
    let wanted = if shown["revoked_at"].is_string() {
        401
    } else {
        200
    };
    assert_eq!(door.bearer("/get", &key).status, wanted);
}

#[test]
fn a_server_that_is_not_told_notices_within_a_second_or_so() {
    let (_upstream, door) = stand();
    let (key, id) = door.key_with(&["--name", "k", "--scope", "orders:read"]);
    assert_eq!(door.bearer("/get", &key).status, 200);
    // Without its socket the server cannot be told.
    let sockets = std::fs::read_dir(door.path("data/run")).unwrap();
    for socket in sockets {
        std::fs::remove_file(socket.unwrap().path()).unwrap();
    }
    let said = door.json(&["key", "revoke", &id]);
    assert_eq!(said["servers_told"], 0, "{said}");
    crate::wait::within(std::time::Duration::from_secs(3), "it notices", || {
        (door.bearer("/get", &key).status == 401).then_some(())
    });
}

#[test]
fn r101_changes_under_load_are_never_seen_half() {
    let (_upstream, door) = stand();
    let steady = door.key("orders:read");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let mut calls = 0;
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(door.bearer("/get", &steady).status, 200);
                calls += 1;
            }
            calls
        });
        for n in 0..15 {
            let name = format!("k{n}");
            let (key, id) = door.key_with(&["--name", &name, "--scope", "orders:read"]);
            assert_eq!(door.bearer("/get", &key).status, 200);
            door.json(&["key", "revoke", &id]);
            assert_eq!(door.bearer("/get", &key).status, 401);
        }
        stop.store(true, Ordering::Relaxed);
        assert!(caller.join().unwrap() > 0);
    });
}

#[test]
fn r129_many_commands_at_once_all_count() {
    let (_upstream, door) = stand();
    let keys: Vec<String> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..8)
            .map(|n| {
                let door = &door;
                scope.spawn(move || {
                    let name = format!("k{n}");
                    let (key, _) = door.key_with(&["--name", &name, "--scope", "orders:read"]);
                    assert_eq!(door.bearer("/get", &key).status, 200, "{name}");
                    key
                })
            })
            .collect();
        makers
            .into_iter()
            .map(|maker| maker.join().unwrap())
            .collect()
    });
    assert_eq!(
        door.json(&["key", "list"]).as_array().unwrap().len(),
        keys.len()
    );
}

#[test]
fn r126_a_change_that_cannot_be_stored_is_not_claimed() {
    if crate::peer::python().is_none() {
        return;
    }
    let (_upstream, door) = stand();
    let (key, id) = door.key_with(&["--name", "k", "--scope", "orders:read"]);
    let database = door.path("data/doorward.db");
    let script = "import sqlite3,sys\n\
                  c=sqlite3.connect(sys.argv[1],isolation_level=None)\n\
                  c.execute('BEGIN IMMEDIATE')\nprint('held',flush=True)\nsys.stdin.read()";
    let mut lock = Peer::python(script, &[database.to_str().unwrap()]).unwrap();
    assert_eq!(lock.line(), "held");
    let ran = door.run(&["key", "revoke", &id]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err.contains("lock") || ran.err.contains("busy"),
        "{ran:?}"
    );
    assert_eq!(
        door.bearer("/get", &key).status,
        200,
        "a writer stops no reader"
    );
    drop(lock);
    door.json(&["key", "revoke", &id]);
    assert_eq!(door.bearer("/get", &key).status, 401);
}
