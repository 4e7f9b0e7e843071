//! New configurations while calls are being answered: all of one, never half of two.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::door::{BASE, Door, Home};
use crate::peer::{Recorder, read_head};
use crate::wait::until;

fn config(port: u16, routes: &str) -> String {
    format!("{}{routes}", BASE.replace("{upstream}", &port.to_string()))
}

fn route(path: &str, rest: &str) -> String {
    format!("[[route]]\npath = \"{path}\"\n{rest}\n")
}

fn stand(routes: &str) -> (Recorder, Door) {
    let upstream = Recorder::start();
    let door = Home::new(&config(upstream.port, routes)).serve();
    (upstream, door)
}

#[test]
fn r122_a_new_configuration_counts_on_hangup_and_when_the_file_changes() {
    let (upstream, door) = stand(&route("/a", "public = true"));
    assert_eq!(door.curl("/a", &[]).status, 200);
    let new = config(upstream.port, &route("/b", "public = true"));
    door.write("doorward.toml", &new);
    door.signal("HUP");
    until("the new configuration counts", || {
        (door.curl("/b", &[]).status == 200).then_some(())
    });
    assert_eq!(door.curl("/a", &[]).status, 401);
    let newer = config(upstream.port, &route("/c", "public = true"));
    door.write("doorward.toml", &newer);
    until("the change is noticed", || {
        (door.curl("/c", &[]).status == 200).then_some(())
    });
    assert_eq!(door.curl("/b", &[]).status, 401);
}

#[test]
fn r122_a_wrong_configuration_is_said_and_the_old_one_stays() {
    let (upstream, door) = stand(&route("/a", "public = true"));
    let good = config(upstream.port, &route("/b", "public = true"));
    let base = BASE.replace("{upstream}", &upstream.port.to_string());
    let wrong = [
        (format!("{base}{}", route("/b", "publik = true")), "publik"),
        (
            format!("{base}{}", route("/b", "")),
            "does not say what it needs",
        ),
        (base.clone(), "no route"),
        ("[[[".to_owned(), "doorward.toml:1"),
        (String::new(), "no upstream"),
        (
            good.replace("[listener.plain]", "[listener.other]"),
            "needs a restart",
        ),
        (
            good.replace("dir = \"data\"", "dir = \"other\""),
            "needs a restart",
        ),
        (
            format!(
                "{good}[trusted_issuer.x]\nissuer = \"https://x.example\"\naudience = [\"a\"]\nalgorithms = [\"none\"]\n"
            ),
            "none",
        ),
    ];
    for (text, word) in &wrong {
        door.write("doorward.toml", text);
        door.signal("HUP");
        until(word, || {
            let said = door.read("stderr.log");
            let (_, last) = said.rsplit_once("reload refused, the old configuration stays")?;
            last.contains(word).then_some(())
        });
        assert_eq!(door.curl("/a", &[]).status, 200);
        assert_eq!(door.curl("/b", &[]).status, 401);
    }
    door.write("doorward.toml", &good);
    door.signal("HUP");
    until("a good one counts", || {
        (door.curl("/b", &[]).status == 200).then_some(())
    });
}

#[test]
fn r101_two_hundred_reloads_decide_nothing_by_half() {
    // In every version of the policy `/x` is refused one way or another, and `/y` is allowed.
    let versions = [
        format!(
            "{}{}",
            route("/x", "scopes = [\"never\"]"),
            route("/y", "public = true")
        ),
        route("/y", "public = true"),
        format!(
            "{}{}",
            route("/{*any}", "scopes = [\"never\"]"),
            route("/y", "public = true")
        ),
        format!(
            "{}{}",
            route("/y", "public = true"),
            route("/x", "accept = [\"jwt\"]\nscopes = []")
        ),
    ];
    let (upstream, door) = stand(&versions[0]);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ask = |path: &'static str, wanted: &'static [u16]| {
            let (door, stop) = (&door, &stop);
            move || {
                let mut stream: Option<TcpStream> = None;
                let mut calls = 0_u32;
                while !stop.load(Ordering::Relaxed) || calls == 0 {
                    let status = call(door, &mut stream, path);
                    assert!(wanted.contains(&status), "{path} {status}");
                    calls += 1;
                }
                calls
            }
        };
        let refused = scope.spawn(ask("/x", &[401]));
        let allowed = scope.spawn(ask("/y", &[200]));
        for n in 1..=200 {
            let text = config(upstream.port, &versions[n % versions.len()]);
            door.write("doorward.toml", &text);
            door.signal("HUP");
            door.until_said("configuration reloaded", n);
        }
        stop.store(true, Ordering::Relaxed);
        let calls = (refused.join().unwrap(), allowed.join().unwrap());
        assert!(calls.0 > 200 && calls.1 > 200, "{calls:?}");
    });
    let said = door.read("stderr.log");
    assert!(!said.contains("refused, the old"), "{said}");
}

/// One call on a kept connection of the plain listener.
fn call(door: &Door, stream: &mut Option<TcpStream>, path: &str) -> u16 {
    let open = || TcpStream::connect(("127.0.0.1", door.port("plain"))).unwrap();
    let connection = stream.get_or_insert_with(open);
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let sent = connection.write_all(head.as_bytes());
    let mut reader = std::io::BufReader::new(connection.try_clone().unwrap());
    let head = sent.ok().and_then(|()| read_head(&mut reader));
    let Some(head) = head else {
        *stream = None;
        return call(door, stream, path);
    };
    let length = crate::peer::header(&head, "content-length").unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn r130_a_stopping_server_finishes_what_it_began() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let upstream = Recorder::answering(move |head| {
        let body = "a".repeat(1000);
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{body}");
        if head.starts_with("GET /slow") {
            wait.lock().unwrap().recv().unwrap();
        }
        if head.starts_with("GET /never") {
            answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nstart".to_owned();
        }
        answer.into_bytes()
    });
    let public = route("/{*any}", "public = true");
    let mut door = Home::new(&config(upstream.port, &public)).serve();
    let plain = door.port("plain");
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| door.curl("/slow", &[]));
        until("the call is under way", || {
            (!upstream.heads().is_empty()).then_some(())
        });
        door.signal("TERM");
        until("it takes no new calls", || {
            let refused = TcpStream::connect(("127.0.0.1", plain)).is_err();
            refused.then_some(())
        });
        go.send(()).unwrap();
        let got = slow.join().unwrap();
        assert_eq!((got.status, got.body.len()), (200, 1000), "{got:?}");
    });
    assert!(door.wait().success());
    // What never ends is ended by the deadline.
    let limits = format!("[limits]\ndrain = \"1s\"\n{public}");
    let mut door = Home::new(&config(upstream.port, &limits)).serve();
    let mut stuck = TcpStream::connect(("127.0.0.1", door.port("plain"))).unwrap();
    write!(stuck, "GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut first = [0; 1];
    stuck.read_exact(&mut first).unwrap();
    let begun = std::time::Instant::now();
    door.stop();
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "the deadline did not hold"
    );
}
