//! HTTP/2 frame by frame, as RFC 9113 wants it.

use std::process::Command;

use serde_json::json;

use super::{ROUTE, connect, flood};
use crate::door::Home;
use crate::peer::{Recorder, python_with};

#[test]
fn r110_g15_broken_frames_end_their_stream_or_connection() {
    let Some(python) = python_with("h2, hyperframe, hpack") else {
        return;
    };
    let upstream = Recorder::start();
    let limits = "[limits]\nidle = \"20s\"\nbody_idle = \"20s\"\n";
    let home = Home::before(upstream.port, &format!("{limits}{ROUTE}"));
    let key = home.key("orders:read");
    let door = home.serve();
    let mut command = Command::new(python);
    command.args(["-c", include_str!("../python/http2_frames.py")]);
    command.args([&door.port("plain").to_string(), "/x", &key]);
    let out = command.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let said: serde_json::Value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text} {}", String::from_utf8_lossy(&out.stderr)));
    assert_eq!(said["wrong"], json!({}), "{said:#}");
    assert!(said["cases"].as_u64().unwrap() >= 100, "{said}");
    // It is the library's: fewer is better news, more is not.
    assert!(said["inexact"].as_u64().unwrap() <= 16, "{said}");
    for head in upstream.heads() {
        let lower = head.to_ascii_lowercase();
        assert!(
            !lower.contains("what") && !lower.contains("upgrade") && !lower.contains(":path"),
            "{head}"
        );
    }
    let _alive = connect(&door);
    assert_eq!(door.bearer("/x", &key).status, 200);
}

#[test]
fn r107_g32_resets_that_the_server_is_made_to_send_end_the_connection() {
    // CVE-2025-8671: a stream's window that grows by nothing makes the server reset it.
    flood::survives("resets of ours", |door| {
        let mut stream = flood::http2(door, &[]);
        let took = flood::flood(&mut stream, 200_000, |n| {
            let id = 2 * n + 1;
            let head = flood::request("POST", "/sink");
            let ask = flood::frame(flood::HEADERS, flood::END_HEADERS, id, &head);
            [ask, flood::frame(8, 0, id, &[0; 4])].concat()
        });
        assert!(took < 200_000, "nobody stopped it");
        stream
    });
}

#[test]
fn r107_g32_frames_that_do_nothing_cost_nothing() {
    let data = flood::frame(0, 0, 1, &[]);
    let priority = flood::frame(2, 0, 1, &[0, 0, 0, 0, 1]);
    let unknown = flood::frame(0x77, 0, 0, &[0; 64]);
    let window = flood::frame(8, 0, 1, &[0, 0, 0, 1]);
    for (name, frame) in [
        ("empty DATA", data),
        ("PRIORITY", priority),
        ("unknown", unknown),
        ("WINDOW_UPDATE", window),
    ] {
        flood::survives(name, |door| {
            let mut stream = flood::http2(door, &[]);
            let head = flood::request("POST", "/sink");
            let ask = flood::frame(flood::HEADERS, flood::END_HEADERS, 1, &head);
            std::io::Write::write_all(&mut stream, &ask).unwrap();
            let many = frame.repeat(1000);
            flood::flood(&mut stream, 300, |_| many.clone());
            stream
        });
    }
}
