//! Slow callers as slowhttptest makes them: they are cut off, and others are served meanwhile.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::flood::{served, stand};
use crate::door::Door;
use crate::wait::until;

/// Starts slowhttptest with fifty connections.
fn start(door: &Door, args: &[&str], url: &str) -> Option<Child> {
    let mut command = Command::new("slowhttptest");
    command.args(["-c", "50", "-r", "50", "-i", "1", "-l", "60", "-p", "10"]);
    command.args(args).args(["-u", url]);
    command.current_dir(door.path(""));
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let started = command.spawn().ok();
    if started.is_none() {
        eprintln!("SKIPPED: no slowhttptest; run .ci/run");
    }
    started
}

/// Runs it to its end, and calls meanwhile; what it says.
fn attack(args: &[&str]) -> Option<String> {
    let door = stand();
    let (path, args) = args.split_last().unwrap();
    let url = format!("http://127.0.0.1:{}{path}", door.port("plain"));
    let mut running = start(&door, args, &url)?;
    let mut calls = 0;
    while running.try_wait().unwrap().is_none() {
        served(&door);
        calls += 1;
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(calls > 0);
    let out = running.wait_with_output().unwrap();
    served(&door);
    Some(String::from_utf8_lossy(&out.stdout).into_owned())
}

fn is_cut_off(args: &[&str]) {
    if let Some(said) = attack(args) {
        assert!(said.contains("No open connections left"), "{args:?} {said}");
    }
}

#[test]
fn r108_g32_slowhttptest_heads_are_cut_off() {
    is_cut_off(&["-H", "/short"]);
}

#[test]
fn r108_g32_slowhttptest_bodies_are_cut_off() {
    is_cut_off(&["-B", "-s", "8192", "/sink"]);
}

#[test]
fn r108_g32_slowhttptest_ranges_are_answered() {
    is_cut_off(&["-R", "/short"]);
}

#[test]
fn r108_g32_slowhttptest_readers_are_cut_off() {
    let door = stand();
    let url = format!("http://127.0.0.1:{}/zeros", door.port("plain"));
    // A byte a second, for longer than anybody waits here.
    let Some(mut running) = start(&door, &["-X", "-w", "10", "-y", "20", "-z", "1"], &url) else {
        return;
    };
    until("the readers have come", || {
        (sockets(door.port("plain")) >= 40).then_some(())
    });
    served(&door);
    // SECURITY: closed is not enough: the system would keep what they have not read.
    until("nothing is left of them", || {
        (sockets(door.port("plain")) == 0).then_some(())
    });
    served(&door);
    running.kill().unwrap();
    running.wait().unwrap();
}

/// How many sockets the system has at a local port, whether a process has them or not.
fn sockets(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!(":{port:04X}");
    let is_open = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        let (here, state) = (fields.next().unwrap_or(""), fields.nth(1).unwrap_or(""));
        // Neither the one that listens, nor those that wait for stray segments.
        here.ends_with(&local) && state != "0A" && state != "06"
    };
    table.lines().filter(is_open).count()
}
