//! A folder with a configuration, the commands run there, and a server that serves it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::curl::{self, Answer};
use crate::wait::{until, within};

/// Listeners, issuer and log that most tests use; `{upstream}` is a port.
pub(crate) const BASE: &str = r#"
[listener.main]
address = "127.0.0.1:0"
[listener.plain]
address = "127.0.0.1:0"
tls = "off"
[admin]
address = "127.0.0.1:0"
[issuer]
url = "https://door.example"
audience = "https://api.example"
[state]
dir = "data"
[log]
decisions = "decisions.jsonl"
[upstream.default]
url = "http://127.0.0.1:{upstream}"
"#;

/// One route for everything: the scope `orders:read`.
pub(crate) const ONE_ROUTE: &str = r#"
[[route]]
path = "/{*path}"
scopes = ["orders:read"]
"#;

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A folder with a configuration.
pub(crate) struct Home {
    folder: TempDir,
    /// More environment for what runs here.
    pub(crate) env: Vec<(String, String)>,
}

impl Home {
    /// Writes a configuration into a new folder.
    pub(crate) fn new(config: &str) -> Self {
        let home = Self {
            folder: TempDir::new().unwrap(),
            env: Vec::new(),
        };
        home.write("doorward.toml", config);
        home
    }

    /// [`BASE`] before an upstream, and routes.
    pub(crate) fn before(port: u16, rest: &str) -> Self {
        let base = BASE.replace("{upstream}", &port.to_string());
        Self::new(&format!("{base}{rest}"))
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file: all of it or nothing.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let temporary = self.path(&format!("{name}.new"));
        fs::write(&temporary, text).unwrap();
        fs::rename(temporary, self.path(name)).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The binary, run in this folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        command.args(args).current_dir(self.folder.path());
        command.env_remove("DOORWARD_CONFIG");
        command.envs(self.env.iter().cloned());
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        finish(self.command(args))
    }

    /// Runs a command to its end, with standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.command(args);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut to = child.stdin.take().unwrap();
        to.write_all(input.as_bytes()).unwrap();
        drop(to);
        ran(&child.wait_with_output().unwrap())
    }

    /// Runs a command with `--json` that must work, and parses what it prints.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        parse(args, &self.run(&[args, &["--json"]].concat()))
    }

    /// Creates a key with scopes.
    pub(crate) fn key(&self, scopes: &str) -> String {
        self.key_with(&["--name", "test", "--scope", scopes]).0
    }

    /// Creates a key; its text and its id.
    pub(crate) fn key_with(&self, args: &[&str]) -> (String, String) {
        let made = self.json(&[&["key", "create"], args].concat());
        (text(&made, "key"), text(&made, "id"))
    }

    /// Revokes a token, given whole or by its id.
    pub(crate) fn revoke_token(&self, token: &str) -> Value {
        // An id may begin like an option.
        let args = ["token", "revoke", "--json", "--", token];
        parse(&args, &self.run(&args))
    }

    /// Waits until a key's time has come.
    pub(crate) fn until_key_is(&self, name: &str, state: &str) {
        until(state, || {
            let shown = self.json(&["key", "show", name]);
            (shown["state"] == state).then_some(())
        });
    }

    /// Adds a user with a password.
    pub(crate) fn user(&self, name: &str, password: &str, scopes: &str) {
        let args = ["user", "add", name, "--scope", scopes];
        let ran = self.run_with(&args, password);
        assert_eq!(ran.code, 0, "{ran:?}");
    }

    /// Issues a token of our own; the token and its id.
    pub(crate) fn token(&self, args: &[&str]) -> (String, String) {
        let made = self.json(&[&["token", "issue"], args].concat());
        (text(&made, "token"), text(&made, "jti"))
    }

    /// Serves it.
    pub(crate) fn serve(self) -> Door {
        self.serve_with(&[])
    }

    /// Serves it with more arguments.
    pub(crate) fn serve_with(self, args: &[&str]) -> Door {
        let (child, ready) = self.start(args);
        Door {
            home: self,
            child: Some(child),
            ready,
        }
    }

    fn start(&self, args: &[&str]) -> (Child, Value) {
        let ready = self.path("ready.json");
        let _old = fs::remove_file(&ready);
        let mut command = self.command(&[&["serve", "--ready-file", "ready.json"], args].concat());
        let log = |name| {
            let mut options = File::options();
            options.append(true).create(true);
            Stdio::from(options.open(self.path(name)).unwrap())
        };
        command.stdout(log("stdout.log")).stderr(log("stderr.log"));
        let mut child = command.spawn().unwrap();
        let found = until("the server is ready", || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "{}", self.read("stderr.log"));
            ready.exists().then(|| self.read("ready.json"))
        });
        (child, serde_json::from_str(&found).unwrap())
    }
}

/// Runs a command to its end.
pub(crate) fn finish(mut command: Command) -> Ran {
    ran(&command.output().unwrap())
}

fn ran(out: &std::process::Output) -> Ran {
    Ran {
        code: out.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&out.stdout).into_owned(),
        err: String::from_utf8_lossy(&out.stderr).into_owned(),
    }
}

/// Parses what a command printed, which must have worked.
pub(crate) fn parse(args: &[&str], ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{args:?} {ran:?}");
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("no JSON: {args:?} {ran:?}"))
}

/// A member of an object that is text.
pub(crate) fn text(value: &Value, name: &str) -> String {
    let found = value.get(name).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("no {name} in {value}"))
        .to_owned()
}

/// A running server and its folder.
pub(crate) struct Door {
    home: Home,
    child: Option<Child>,
    pub(crate) ready: Value,
}

impl std::ops::Deref for Door {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _killed = child.kill();
            let _gone = child.wait();
        }
    }
}

impl Door {
    /// The address of a path on the TLS listener.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port("main"))
    }

    /// The address of a path on the plain listener.
    pub(crate) fn plain(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port("plain"))
    }

    /// The port of a listener.
    pub(crate) fn port(&self, listener: &str) -> u16 {
        let port = self.ready["listeners"][listener]["port"].as_u64();
        u16::try_from(port.unwrap()).unwrap()
    }

    /// Reads a page of the admin listener.
    pub(crate) fn admin(&self, path: &str) -> Answer {
        let mut curl = curl::command(None);
        curl.arg(format!("{}{path}", text(&self.ready, "admin_url")));
        curl::run(curl).unwrap()
    }

    /// Where the CA of the server is.
    pub(crate) fn ca(&self) -> PathBuf {
        self.path(&text(&self.ready, "ca_file"))
    }

    /// Calls a path over TLS with more arguments for curl.
    pub(crate) fn curl(&self, path: &str, args: &[&str]) -> Answer {
        self.try_curl(path, args).unwrap_or_else(|error| {
            let alive = std::path::Path::new(&format!("/proc/{}", self.pid())).exists();
            let said = self.read("stderr.log");
            panic!("{path} {args:?}: no answer; alive: {alive}\n{said}\n{error}")
        })
    }

    /// As [`Door::curl`], where there may be no answer.
    pub(crate) fn try_curl(&self, path: &str, args: &[&str]) -> Result<Answer, String> {
        let mut curl = curl::command(Some(&self.ca()));
        curl.args(args).arg(self.url(path));
        curl::run(curl)
    }

    /// Calls with a bearer token or key.
    pub(crate) fn bearer(&self, path: &str, token: &str) -> Answer {
        self.curl(path, &["-H", &format!("Authorization: Bearer {token}")])
    }

    /// Calls with user and password.
    pub(crate) fn basic(&self, path: &str, user: &str, password: &str) -> Answer {
        self.curl(path, &["-u", &format!("{user}:{password}")])
    }

    /// The id of the server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for the server's end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        until("the server ends", || child.try_wait().unwrap())
    }

    /// Stops the server like an operator.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Stops the server like a power cut.
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        self.wait();
    }

    /// Serves again.
    pub(crate) fn restart(&mut self) {
        assert!(self.child.is_none());
        let (child, ready) = self.home.start(&[]);
        self.child = Some(child);
        self.ready = ready;
    }

    /// The record of a decision, once it is written.
    pub(crate) fn decision(&self, id: &str) -> Value {
        self.record(id, "decision")
    }

    /// The record of one kind that belongs to a decision.
    pub(crate) fn record(&self, id: &str, kind: &str) -> Value {
        until("the record is written", || {
            let log = self.read("decisions.jsonl");
            log.lines()
                .filter(|line| line.contains(id))
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .find(|record| record["kind"] == kind)
        })
    }

    /// Waits until standard error says something.
    pub(crate) fn until_said(&self, words: &str, times: usize) {
        until(words, || {
            let said = self.read("stderr.log").matches(words).count();
            (said >= times).then_some(())
        });
    }

    /// Kilobytes of memory that the server holds.
    pub(crate) fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.unwrap().parse().unwrap()
    }
}

/// Sends a signal to a process that a test started.
pub(crate) fn signal(pid: u32, name: &str) {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(pid.to_string());
    assert!(kill.status().unwrap().success());
}

/// Every file of a folder and below, with its bytes.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.push((entry.path(), fs::read(entry.path()).unwrap_or_default()));
        }
    }
    found
}

/// Waits until a server answers a call as it should.
pub(crate) fn eventually(what: &str, mut call: impl FnMut() -> bool) {
    within(crate::wait::PATIENCE, what, || call().then_some(()));
}
