//! Programs of others that tests start: they end when their standard input closes, so nothing
//! stays behind when a test dies.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// The Python of the tests; a loud word on standard error when there is none.
pub(crate) fn python() -> Option<PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
        let named = std::env::var_os("DOORWARD_TEST_PYTHON").map(PathBuf::from);
        let known = cache.map(|cache| cache.join("doorward-ci/venv/bin/python"));
        [named, known].into_iter().flatten().find(|python| {
            let mut asked = Command::new(python);
            asked.args([
                "-c",
                "import httpbin, gunicorn, jwt, websockets, cryptography",
            ]);
            asked.stderr(Stdio::null());
            asked.status().is_ok_and(|status| status.success())
        })
    });
    if found.is_none() {
        eprintln!(
            "SKIPPED: no Python with httpbin, gunicorn, websockets, PyJWT and cryptography; \
             set DOORWARD_TEST_PYTHON or run .ci/run"
        );
    }
    found.clone()
}

/// The Python of the tests, where it has these modules as well.
pub(crate) fn python_with(modules: &str) -> Option<PathBuf> {
    let python = python()?;
    let mut asked = Command::new(&python);
    asked.args(["-c", &format!("import {modules}")]);
    asked.stderr(Stdio::null());
    if asked.status().is_ok_and(|status| status.success()) {
        return Some(python);
    }
    eprintln!("SKIPPED: the Python of the tests cannot import {modules}; run .ci/run");
    None
}

/// A program that is told by lines and answers by lines.
pub(crate) struct Peer {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts a Python program.
    pub(crate) fn python(source: &str, args: &[&str]) -> Option<Self> {
        let mut command = Command::new(python()?);
        command.arg("-c").arg(source).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Some(Self {
            to: child.stdin.take(),
            from: BufReader::new(child.stdout.take().unwrap()),
            child,
        })
    }

    /// Says a line and reads the answer.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        let to = self.to.as_mut().unwrap();
        writeln!(to, "{line}").unwrap();
        to.flush().unwrap();
        self.line()
    }

    /// Reads a line.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the program ended");
        line.trim_end().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.to.take());
        let _gone = self.child.wait();
    }
}

/// The port of httpbin under gunicorn, one for all tests. It ends when this process does.
pub(crate) fn httpbin() -> Option<u16> {
    static RUNNING: OnceLock<Option<(u16, Mutex<Peer>)>> = OnceLock::new();
    let running = RUNNING.get_or_init(|| {
        let mut peer = Peer::python(include_str!("python/upstream.py"), &[])?;
        let port = peer.line().parse().unwrap();
        Some((port, Mutex::new(peer)))
    });
    running.as_ref().map(|(port, _)| *port)
}

/// An upstream of a few lines that keeps the bytes it got and answers each request the same.
pub(crate) struct Recorder {
    pub(crate) port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    /// Answers every request with `HTTP/1.1 200 OK`.
    pub(crate) fn start() -> Self {
        Self::answering(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec())
    }

    /// Answers the first head of a connection with these bytes and hangs up.
    pub(crate) fn hanging_up(answer: Vec<u8>) -> Self {
        Self::with(move |_| answer.clone(), true)
    }

    /// Answers every head with the bytes that a function makes.
    pub(crate) fn answering(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::with(answer, false)
    }

    fn with(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static, once: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&heads), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &seen, &*answer, once));
            }
        });
        Self { port, heads }
    }

    /// How many requests there were so far.
    pub(crate) fn count(&self) -> usize {
        self.heads.lock().unwrap().len()
    }

    /// The heads of the requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<String>>,
    answer: &dyn Fn(&str) -> Vec<u8>,
    once: bool,
) {
    let _set = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(head) = read_head(&mut reader) {
        let length = header(&head, "content-length").and_then(|text| text.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        seen.lock().unwrap().push(head.clone());
        if stream.write_all(&answer(&head)).is_err() || once {
            return;
        }
    }
}

/// Reads to the end of a head; `None` at the end of the connection.
pub(crate) fn read_head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head).ok()? == 0 {
            return None;
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// A header of a head.
pub(crate) fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.split("\r\n").find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
