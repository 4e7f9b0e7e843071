//! Upstreams that keep what they saw: one of our own, and servers of others.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::strict::{self, End, Whole};
use crate::fronts::process::{Server, find, free_port};
use crate::peer::python;

/// A request as an upstream saw it, to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    pub(super) decision: String,
    pub(super) method: String,
    pub(super) path: String,
    /// Not every server tells.
    pub(super) length: Option<usize>,
}

/// An upstream.
pub(super) struct Witness {
    pub(super) port: u16,
    kept: Kept,
}

enum Kept {
    Here(Arc<Mutex<Diary>>),
    File(
        PathBuf,
        #[expect(dead_code, reason = "runs until it is dropped")] Server,
    ),
}

/// What our own upstream keeps.
#[derive(Default)]
struct Diary {
    seen: Vec<Seen>,
    doubtful: Vec<String>,
}

impl Witness {
    /// One that reads nothing but strict HTTP, and keeps what is not.
    pub(super) fn own() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let diary = Arc::new(Mutex::new(Diary::default()));
        let kept = Arc::clone(&diary);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let diary = Arc::clone(&diary);
                std::thread::spawn(move || serve(stream, &diary));
            }
        });
        Self {
            port,
            kept: Kept::Here(kept),
        }
    }

    /// Gunicorn.
    pub(super) fn gunicorn(folder: &Path) -> Option<Self> {
        std::fs::write(
            folder.join("witness.py"),
            include_str!("../python/witness.py"),
        )
        .unwrap();
        let port = free_port();
        let bind = format!("127.0.0.1:{port}");
        let settings = "-m gunicorn --worker-class gthread --threads 32 --keep-alive 75 \
            --log-level critical witness:app --bind";
        let mut args: Vec<&str> = settings.split_whitespace().collect();
        args.push(&bind);
        Some(Self::file(&python()?, &args, folder, port))
    }

    /// The server of Node.
    pub(super) fn node(folder: &Path) -> Option<Self> {
        let program = find("node")?;
        std::fs::write(
            folder.join("witness.js"),
            include_str!("../node/witness.js"),
        )
        .unwrap();
        let port = free_port();
        let args = ["witness.js", &port.to_string()];
        Some(Self::file(&program, &args, folder, port))
    }

    /// Apache, which keeps what it saw in its access log.
    pub(super) fn apache(folder: &Path) -> Option<Self> {
        let program = find("apache2")?;
        let port = free_port();
        let text = include_str!("../apache/witness.conf")
            .replace("{port}", &port.to_string())
            .replace("{folder}", folder.to_str().unwrap());
        std::fs::write(folder.join("witness.conf"), text).unwrap();
        let file = folder.join("witness.conf");
        let args = ["-X", "-f", file.to_str().unwrap()];
        Some(Self::file(&program, &args, folder, port))
    }

    fn file(program: &Path, args: &[&str], folder: &Path, port: u16) -> Self {
        let server = Server::start(program, args, folder, port);
        Self {
            port,
            kept: Kept::File(folder.join("witness.log"), server),
        }
    }

    /// What it has seen so far, and what it could not read.
    pub(super) fn seen(&self) -> (Vec<Seen>, Vec<String>) {
        match &self.kept {
            Kept::Here(diary) => {
                let diary = diary.lock().unwrap();
                (diary.seen.clone(), diary.doubtful.clone())
            }
            Kept::File(path, _) => {
                let text = std::fs::read_to_string(path).unwrap_or_default();
                let end = text.rfind('\n').map_or(0, |at| at + 1);
                let read = text[..end].lines().map(parse);
                let (mut seen, mut doubtful) = (Vec::new(), Vec::new());
                for line in read {
                    match line {
                        Ok(Some(one)) => seen.push(one),
                        Ok(None) => {}
                        Err(text) => doubtful.push(text),
                    }
                }
                (seen, doubtful)
            }
        }
    }
}

/// A line of a witness: decision, method, path, length or `-`, and the status: 0, 400, 408 or 413
/// where a request did not come to its end. What names no decision is doubtful.
fn parse(line: &str) -> Result<Option<Seen>, String> {
    let [decision, method, path, length, status] = line.split(' ').collect::<Vec<_>>()[..] else {
        return Err(line.to_owned());
    };
    match (decision, status) {
        (_, "0") => Ok(None),
        ("" | "-", _) => Err(line.to_owned()),
        (_, "400" | "408" | "413") => Ok(None),
        _ => Ok(Some(Seen {
            decision: decision.into(),
            method: method.into(),
            path: path.split('?').next().unwrap_or(path).into(),
            length: length.parse().ok(),
        })),
    }
}

fn serve(mut stream: TcpStream, diary: &Mutex<Diary>) {
    let _set = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let mut bytes = Vec::new();
    let mut some = [0; 8192];
    while let Ok(length @ 1..) = stream.read(&mut some) {
        bytes.extend_from_slice(&some[..length]);
        let (whole, taken, end) = strict::read(&bytes);
        let rest = bytes.split_off(taken);
        bytes = rest;
        let mut answers = String::new();
        {
            let mut diary = diary.lock().unwrap();
            for request in whole {
                answers += &answer(&request);
                diary.seen.push(request.into());
            }
            if end == End::Doubtful {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                diary.doubtful.push(text);
            }
        }
        if end == End::Doubtful || stream.write_all(answers.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(request: &Whole) -> String {
    let body = format!("seen:{}", request.path);
    let length = body.len();
    let body = if request.method == "HEAD" { "" } else { &body };
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
}

impl From<Whole> for Seen {
    fn from(request: Whole) -> Self {
        Self {
            decision: request.decision.unwrap_or_default(),
            method: request.method,
            path: request.path,
            length: Some(request.length),
        }
    }
}
