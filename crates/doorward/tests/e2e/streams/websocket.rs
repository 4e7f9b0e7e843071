//! WebSocket through the door as it is without it, and bounds on its messages.

use std::process::Command;

use serde_json::{Value, json};

use super::ROUTE;
use crate::door::{Door, Home};
use crate::peer::{Peer, python_with};

/// A server that echoes in order, and a door before it.
fn echo(routes: &str) -> Option<(Peer, u16, Door, String)> {
    python_with("h2, wsproto")?;
    let mut peer = Peer::python(include_str!("../python/websocket_echo.py"), &[])?;
    let port = peer.line().parse().unwrap();
    let home = Home::before(port, routes);
    let key = home.key("orders:read");
    Some((peer, port, home.serve(), key))
}

/// Runs a Python program to its end; the JSON that it prints.
fn run(source: &str, args: &[&str]) -> Value {
    let mut command = Command::new(python_with("h2, wsproto").unwrap());
    let out = command.arg("-c").arg(source).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let why = String::from_utf8_lossy(&out.stderr);
    serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said} {why}"))
}

/// `DOORWARD_TEST_ALL=1` runs the large cases as well.
#[test]
fn r109_websocket_cases_end_the_same_alone_and_through_the_door() {
    let Some((_peer, alone, door, key)) = echo(ROUTE) else {
        return;
    };
    let ports = [alone, door.port("plain")].map(|port| port.to_string());
    let mut args = vec![&*ports[0], &*ports[1], &*key];
    if std::env::var_os("DOORWARD_TEST_ALL").is_some() {
        args.push("all");
    }
    let said = run(include_str!("../python/websocket_cases.py"), &args);
    assert!(said["cases"].as_u64().unwrap() >= 300, "{said}");
    assert_eq!(said["different"], json!({}));
    // The server does judge: good ends, mistakes of framing, and of UTF-8.
    for code in ["03e8", "03ea", "03ef"] {
        assert!(said["closed_with"][code].as_u64() > Some(50), "{said}");
    }
}

#[test]
fn r109_a_message_over_the_routes_bound_ends_the_websocket_with_1009() {
    let routes = "[[route]]\npath = \"/bounded\"\nscopes = [\"orders:read\"]\n\
                  websocket = { max_frame = 1000, max_message = 5000, idle = \"50s\" }\n\
                  [[route]]\npath = \"/small\"\nscopes = [\"orders:read\"]\n\
                  websocket = { max_frame = 999 }\n\
                  [[route]]\npath = \"/free\"\nscopes = [\"orders:read\"]\n";
    let Some((_peer, _, door, key)) = echo(routes) else {
        return;
    };
    let port = door.port("plain");
    let call = |path: &str| {
        let url = format!("ws://127.0.0.1:{port}/{path}");
        let args = [&*url, &*key, "4000", "5000", "5001"];
        run(include_str!("../python/websocket_bounds.py"), &args)
    };
    assert_eq!(call("bounded"), json!({"came": [4000, 5000], "code": 1009}));
    assert_eq!(call("small"), json!({"came": [], "code": 1009}));
    assert_eq!(
        call("free"),
        json!({"came": [4000, 5000, 5001], "code": null})
    );
}

#[test]
fn r109_bounds_of_websockets_that_are_none_are_refused() {
    for (table, why) in [
        ("{ max_frames = 1 }", "max_frames"),
        ("{ max_frame = 0 }", "max_frame"),
        ("{ max_message = \"1M\" }", "max_message"),
        ("{ idle = 5 }", "idle"),
        ("5", "websocket"),
    ] {
        let route = format!("[[route]]\npath = \"/a\"\nscopes = []\nwebsocket = {table}\n");
        let ran = Home::before(1, &route).run(&["check"]);
        let said = format!("{}{}", ran.out, ran.err);
        assert!(ran.code != 0 && said.contains(why), "{table}: {said}");
    }
}
