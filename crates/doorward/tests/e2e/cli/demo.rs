//! `doorward demo` and `doorward protect`: what a person tries first.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;

use crate::curl::{self, Answer};
use crate::door::{Home, signal, text};
use crate::peer::{Recorder, httpbin};
use crate::wait::until;

/// The first of some ports that are free now, away from those that systems hand out.
pub(super) fn free_ports(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 12_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    loop {
        let first = start + NEXT.fetch_add(count, Ordering::Relaxed);
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if (first..first + count).all(free) {
            return first;
        }
    }
}

pub(super) struct Demo {
    child: Child,
    out: BufReader<ChildStdout>,
    pub(super) says: Value,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _gone = self.child.wait();
    }
}

impl Demo {
    pub(super) fn start(port: u16) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        command.args(["demo", "--json", "--port", &port.to_string()]);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let says = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
        Self { child, out, says }
    }

    fn call(&self, what: &str, args: &[String]) -> Answer {
        let mut curl = curl::command(Some(Path::new(&text(&self.says, "ca_file"))));
        let call = &self.says[what];
        curl.args(["-X", &text(call, "method")]).args(args);
        curl.arg(format!("{}{}", text(&self.says, "url"), text(call, "path")));
        curl::run(curl).unwrap()
    }

    fn bearer(&self, what: &str, credential: &str) -> Answer {
        let line = format!("Authorization: Bearer {}", text(&self.says, credential));
        self.call(what, &["-H".to_owned(), line])
    }

    /// Everything that the contract says.
    fn keeps_its_word(&self) {
        assert_eq!(self.call("public", &[]).status, 200);
        assert_eq!(self.call("read", &[]).status, 401);
        assert_eq!(self.call("write", &[]).status, 401);
        for credential in ["api_key", "jwt"] {
            assert_eq!(self.bearer("read", credential).status, 200, "{credential}");
            let written = self.bearer("write", credential).status;
            assert!((200..300).contains(&written), "{credential} {written}");
        }
        assert_eq!(self.bearer("read", "readonly_api_key").status, 200);
        assert_eq!(self.bearer("write", "readonly_api_key").status, 403);
        for credential in ["expired_api_key", "expired_jwt"] {
            for what in ["read", "write"] {
                let got = self.bearer(what, credential);
                assert_eq!(got.status, 401, "{credential}");
                assert_eq!(got.json()["code"], "credential_expired", "{credential}");
            }
        }
        let basic = &self.says["basic"];
        let user = format!("{}:{}", text(basic, "username"), text(basic, "password"));
        let user = ["-u".to_owned(), user];
        assert_eq!(self.call("read", &user).status, 200);
        let forged = text(&self.says, "api_key").replace("_live_", "_test_");
        let forged = ["-H".to_owned(), format!("X-API-Key: {forged}")];
        assert_eq!(self.call("read", &forged).status, 401);
        let admin = text(&self.says, "admin_url");
        let mut metrics = curl::command(None);
        metrics.arg(format!("{admin}/metrics"));
        assert_eq!(curl::run(metrics).unwrap().status, 200);
        // The sample API itself is open: that is what the door is for.
        let mut open = curl::command(None);
        let read = text(&self.says["read"], "path");
        open.arg(format!("{}{read}", text(&self.says, "upstream_url")));
        assert_eq!(curl::run(open).unwrap().status, 200);
    }
}

#[test]
fn two_demos_run_side_by_side_and_keep_their_word() {
    let (one, two) = (free_ports(3), free_ports(3));
    let (mut first, second) = (Demo::start(one), Demo::start(two));
    let port = |demo: &Demo| text(&demo.says, "url");
    assert_eq!(port(&first), format!("https://localhost:{one}"));
    assert_eq!(port(&second), format!("https://localhost:{two}"));
    for (demo, other) in [(&first, &second), (&second, &first)] {
        demo.keeps_its_word();
        let key = format!("X-API-Key: {}", text(&other.says, "api_key"));
        let got = demo.call("read", &["-H".to_owned(), key]);
        assert_eq!(got.status, 401, "a key of the other demo");
        let token = format!("Authorization: Bearer {}", text(&other.says, "jwt"));
        assert_eq!(demo.call("read", &["-H".to_owned(), token]).status, 401);
    }
    let config = PathBuf::from(text(&first.says, "config_file"));
    assert!(config.exists());
    signal(first.child.id(), "TERM");
    let ended = until("the demo ends", || first.child.try_wait().unwrap());
    assert!(ended.success());
    let mut rest = String::new();
    first.out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "it prints one line and nothing more");
    assert!(!config.exists(), "its state is removed");
    second.keeps_its_word();
    let readme = include_str!("../../../../../README.md");
    assert!(readme.contains("cargo run --release -- demo"));
}

#[test]
fn the_demo_prints_lines_that_do_what_they_say() {
    let port = free_ports(3);
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.args(["demo", "--port", &port.to_string()]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut tried = Vec::new();
    let mut wanted = None;
    for line in lines.by_ref().map_while(Result::ok) {
        if line.starts_with("Ctrl-C") {
            break;
        }
        if let Some(says) = line.strip_prefix("# ") {
            wanted = says.split(' ').next().and_then(|n| n.parse::<u16>().ok());
        } else if let (Some(call), Some(status)) = (line.strip_prefix("curl "), wanted) {
            let shell = format!("curl -q -sS --noproxy '*' {call}");
            let out = Command::new("sh").args(["-c", &shell]).output().unwrap();
            let got = Answer::parse(&out.stdout).unwrap();
            assert_eq!(got.status, status, "{line}");
            tried.push(status);
        } else if let Some(rest) = line.strip_prefix("doorward explain") {
            let shell = format!("{} explain{rest}", env!("CARGO_BIN_EXE_doorward"));
            let out = Command::new("sh").args(["-c", &shell]).output().unwrap();
            assert_eq!(out.status.code(), Some(1), "{line}");
            assert!(String::from_utf8_lossy(&out.stdout).contains("insufficient_scope"));
        }
    }
    signal(child.id(), "INT");
    let ended = until("the demo ends", || child.try_wait().unwrap());
    assert!(ended.success());
    tried.sort_unstable();
    tried.dedup();
    assert!(
        tried.contains(&200) && tried.contains(&401) && tried.contains(&403),
        "{tried:?}"
    );
}

#[test]
fn a_demo_removes_what_killed_demos_left_and_nothing_else() {
    use std::os::unix::fs::PermissionsExt;
    let temp = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        let port = free_ports(3).to_string();
        command.args(["demo", "--json", "--port", &port]);
        command.env("TMPDIR", temp.path());
        Demo::spawn(command)
    };
    let folder = |demo: &Demo| {
        let file = text(&demo.says, "config_file");
        Path::new(&file).parent().unwrap().to_owned()
    };
    let (mut killed, living) = (start(), start());
    let (left, kept) = (folder(&killed), folder(&living));
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    assert!(left.exists(), "a killed demo removes nothing itself");
    // Names that look like a demo's.
    let mine = temp.path().join("mine");
    std::fs::create_dir(&mine).unwrap();
    std::fs::write(mine.join("lock"), "").unwrap();
    std::os::unix::fs::symlink(&mine, temp.path().join("doorward-demo-0123456789abcdef")).unwrap();
    let open = temp.path().join("doorward-demo-0123456789abcdee");
    let other = temp.path().join("doorward-demo-notes");
    for (path, mode) in [(&open, 0o755), (&other, 0o700)] {
        std::fs::create_dir(path).unwrap();
        std::fs::write(path.join("lock"), "").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let third = start();
    assert!(!left.exists(), "the dead demo's state stays");
    for path in [&kept, &folder(&third), &mine.join("lock"), &open, &other] {
        assert!(path.exists(), "{}", path.display());
    }
    assert_eq!(living.bearer("read", "api_key").status, 200);
}

#[test]
fn protect_with_any_port_says_which_it_is() {
    let upstream = Recorder::start();
    let home = Home::new("");
    std::fs::remove_file(home.path("doorward.toml")).unwrap();
    let url = format!("http://127.0.0.1:{}", upstream.port);
    for (name, args) in [("a.toml", &["--json"][..]), ("b.toml", &[])] {
        let mut command = home.command(&["protect", &url, "--port", "0", "--config", name]);
        let state = format!("state.dir=data-{name}");
        command.args(["--set", &state]).args(args);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("https://localhost:") {
            assert!(out.read_line(&mut said).unwrap() > 0, "{said}");
        }
        let door = said.split("https://localhost:").nth(1).unwrap();
        let port: String = door.chars().take_while(char::is_ascii_digit).collect();
        assert_ne!(port, "0", "{said}");
        let ca = home.run(&["ca", "--path", "--config", name, "--set", &state]);
        let ca = home.path(ca.out.trim());
        let mut curl = curl::command(Some(&ca));
        curl.arg(format!("https://localhost:{port}/"));
        assert_eq!(curl::run(curl).unwrap().status, 401, "it answers there");
        if name == "a.toml" {
            let says: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
            let mut curl = curl::command(None);
            curl.arg(format!("{}/healthz", text(&says, "admin_url")));
            assert_eq!(curl::run(curl).unwrap().status, 200);
        }
        signal(child.id(), "TERM");
        until("it ends", || child.try_wait().unwrap());
    }
    let unserved = [
        "protect",
        &url,
        "--port",
        "0",
        "--no-serve",
        "--config",
        "c.toml",
    ];
    let says = home.json(&unserved);
    assert_eq!(says["url"], Value::Null, "{says}");
}

#[test]
fn a_port_that_is_taken_is_said() {
    let port = free_ports(3);
    for offset in 0..3 {
        let taken = TcpListener::bind(("127.0.0.1", port + offset)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        command.args(["demo", "--json", "--port", &port.to_string()]);
        let ran = crate::door::finish(command);
        assert_eq!(ran.code, 1, "{ran:?}");
        let said: Value = serde_json::from_str(&ran.out).unwrap();
        assert!(text(&said, "error").contains("port"), "{ran:?}");
        drop(taken);
    }
}

#[test]
fn protect_puts_a_door_before_an_api_that_runs() {
    let Some(upstream) = httpbin() else { return };
    let home = Home::new("");
    std::fs::remove_file(home.path("doorward.toml")).unwrap();
    let port = free_ports(2);
    let url = format!("http://127.0.0.1:{upstream}");
    let mut command = home.command(&["protect", &url, "--json", "--ready-file", "ready.json"]);
    command.args(["--port", &port.to_string()]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let says: Value = serde_json::from_str(&line).unwrap();
    until("it serves", || {
        home.path("ready.json").exists().then_some(())
    });
    let ca = home.path(home.run(&["ca", "--path"]).out.trim());
    let call = |args: &[&str], path: &str| {
        let mut curl = curl::command(Some(&ca));
        curl.args(args)
            .arg(format!("https://localhost:{port}{path}"));
        curl::run(curl).unwrap().status
    };
    let key = format!("X-API-Key: {}", text(&says, "api_key"));
    assert_eq!(call(&[], "/get"), 401);
    assert_eq!(call(&["-H", &key], "/get"), 200);
    assert_eq!(call(&["-H", &key, "-X", "POST"], "/post"), 200);
    assert_eq!(call(&["-H", &key, "-X", "TRACE"], "/get"), 400);
    signal(child.id(), "TERM");
    assert!(until("it ends", || child.try_wait().unwrap()).success());
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let again = home.run(&["protect", &url, "--no-serve"]);
    assert_eq!(again.code, 1, "an existing configuration is overwritten");
    assert!(again.err.contains("doorward serve"), "{again:?}");
    use std::os::unix::fs::PermissionsExt;
    let mode = |name: &str| {
        std::fs::metadata(home.path(name))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("doorward.toml") & 0o077, 0);
    assert_eq!(mode("doorward-data") & 0o077, 0);
}
