//! A real browser, and apps written with other people's libraries.
//!
//! The pictures it takes stay in `target/pictures`, for people to look at.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use super::{PASSWORD, ROUTES};
use crate::door::{BASE, Home, finish, text};
use crate::peer::Recorder;

/// Chromium and the modules, where they are installed.
fn tools() -> Option<(PathBuf, PathBuf)> {
    let chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists());
    let modules = std::env::var_os("DOORWARD_TEST_BROWSER_MODULES").map(PathBuf::from);
    if chromium.is_none() || modules.is_none() {
        eprintln!("SKIPPED: chromium, or DOORWARD_TEST_BROWSER_MODULES, is missing; see .ci/run");
    }
    Some((chromium?, modules?))
}

/// A port that is free now. The issuer's address has to be known before the server starts.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[test]
fn r070_r082_chromium_signs_in_and_openid_client_gets_what_was_allowed() {
    let Some((chromium, modules)) = tools() else {
        return;
    };
    let upstream = Recorder::start();
    let port = free_port();
    let issuer = format!("https://localhost:{port}");
    let base = BASE
        .replacen("127.0.0.1:0", &format!("127.0.0.1:{port}"), 1)
        .replace("https://door.example", &issuer)
        .replace("{upstream}", &upstream.port.to_string());
    let home = Home::new(&format!("{base}{ROUTES}"));
    home.user("alice", PASSWORD, "orders:read orders:write");
    let web = [
        "client",
        "add",
        "web",
        "--public",
        "--name",
        "The Corner Shop",
    ];
    let more = ["--redirect-uri", "https://shop.example/callback"];
    let scope = ["--scope", "openid orders:read orders:write"];
    home.json(&[&web[..], &more, &scope].concat());
    let door = home.serve();
    let pictures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../pictures");
    std::fs::create_dir_all(&pictures).unwrap();
    let mut node = Command::new("node");
    node.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/e2e/node/sign_in.mjs"
    ))
    .env("ISSUER", &issuer)
    .env("MODULES", modules)
    .env("PICTURES", &pictures)
    .env("CHROMIUM", chromium)
    .env("PASSWORD", PASSWORD)
    .env("NODE_EXTRA_CA_CERTS", door.ca());
    let ran = finish(node);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["faults"], serde_json::json!([]), "{told}");
    assert_eq!(
        (&told["sub"], &told["scope"]),
        (&"alice".into(), &"openid orders:read".into())
    );
    assert_eq!(told["form"], serde_json::json!(["code", "iss"]));
    let token = text(&told, "access_token");
    assert_eq!(door.bearer("/x", &token).status, 200);
    let header = format!("Authorization: Bearer {token}");
    let deleted = door.curl("/x", &["-X", "DELETE", "-H", &header]);
    assert_eq!(deleted.status, 403, "it was left out: {deleted:?}");
}
