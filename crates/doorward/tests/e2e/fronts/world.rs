//! A door, servers that ask it, and an API that keeps and echoes what it got.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::curl::Answer;
use crate::door::{BASE, Door, Home};
use crate::fronts::servers::{Front, LISTENERS, RUN, start_one};
use crate::peer::Recorder;
use crate::wait::until;

const ROUTES: &str = r#"
[[route]]
path = "/orders"
methods = ["GET", "HEAD"]
scopes = ["orders:read"]
[[route]]
path = "/orders"
methods = ["POST"]
scopes = ["orders:write"]
[[route]]
path = "/orders/{id}"
scopes = ["orders:read"]
[[route]]
path = "/files/{*rest}"
scopes = ["files:read"]
[[route]]
path = "/public"
public = true
[[route]]
path = "/public/{*rest}"
methods = ["GET"]
public = true
[[route]]
path = "/hosted"
hosts = ["api.example"]
scopes = ["orders:read"]
[[route]]
path = "/linked"
scopes = ["orders:read"]
key_in_query = "api_key"
[[route]]
path = "/limited"
scopes = ["orders:read"]
max_body = 1000
[[route]]
path = "/judged"
methods = ["POST"]
scopes = ["orders:read"]
[route.body]
members = ["/name"]
[[route]]
path = "/shared"
scopes = ["orders:read"]
cors = { origins = ["https://app.example"], headers = ["x-api-key"] }
"#;

/// Everything that runs.
pub(super) struct World {
    /// Before the door: they stop asking before it stops answering.
    pub(super) fronts: Vec<Front>,
    pub(super) door: Door,
    pub(super) api: Recorder,
    /// May `orders:read` and `files:read`.
    pub(super) key: String,
    /// May `other`.
    pub(super) weak: String,
    pub(super) old: String,
    marks: AtomicUsize,
}

impl World {
    /// The one that is running, or a new one.
    pub(super) fn shared() -> Arc<Self> {
        static RUNNING: Mutex<Weak<World>> = Mutex::new(Weak::new());
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.upgrade().unwrap_or_else(|| {
            let world = Arc::new(Self::new());
            *running = Arc::downgrade(&world);
            world
        })
    }

    /// A world of one's own.
    pub(super) fn new() -> Self {
        Self::with(&RUN)
    }

    /// A world of one's own, with the servers of these dialects.
    pub(super) fn with(dialects: &[&'static str]) -> Self {
        let api = Recorder::answering(|head| {
            let (length, body) = (head.len(), head);
            let body = if head.starts_with("HEAD ") { "" } else { body };
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
        });
        let base = BASE.replace("{upstream}", &api.port.to_string());
        let home = Home::new(&format!("{base}{LISTENERS}{ROUTES}"));
        let scopes = ["--scope", "orders:read", "--scope", "files:read", "--name"];
        let old = home
            .key_with(&[&scopes[..], &["old", "--expires", "1s"]].concat())
            .0;
        let key = home.key_with(&[&scopes[..], &["good"]].concat()).0;
        let weak = home.key_with(&["--scope", "other", "--name", "weak"]).0;
        home.until_key_is("old", "expired");
        let door = home.serve();
        let start = |dialect: &&'static str| start_one(&door, dialect, api.port, &str::to_owned);
        Self {
            fronts: dialects.iter().filter_map(start).collect(),
            door,
            api,
            key,
            weak,
            old,
            marks: AtomicUsize::new(0),
        }
    }

    /// A request's bytes: lines, with the keys in the place of `KEY`, `WEAK` and `OLD`.
    pub(super) fn fill(&self, lines: &[&str]) -> Vec<u8> {
        let head = lines.join("\r\n");
        let head = head.replace("KEY", &self.key).replace("WEAK", &self.weak);
        let head = head.replace("OLD", &self.old);
        format!("{head}\r\n\r\n").into_bytes()
    }

    /// Sends lines as a request to a port.
    pub(super) fn send(&self, port: u16, lines: &[&str]) -> Option<Answer> {
        // From another address than the fronts have. To Envoy, 127.0.0.1 is the machine's own.
        send_from([127, 0, 0, 2], port, &self.fill(lines))
    }

    /// The requests that have reached the API so far.
    pub(super) fn reached(&self) -> usize {
        self.api.count()
    }

    /// Puts a mark into the log: the records of what was sent before it are before it.
    pub(super) fn mark(&self) {
        let host = format!("Host: mark-{}", self.marks.fetch_add(1, Relaxed));
        let request = ["GET /nothing HTTP/1.1", &host, "Connection: close"];
        self.send(self.door.port("plain"), &request);
    }

    /// The records of decisions between all the marks so far, from the first on.
    pub(super) fn records(&self) -> Vec<Vec<Value>> {
        self.mark();
        let marks = self.marks.load(Relaxed);
        let last = format!("\"mark-{}\"", marks - 1);
        let log = until("the decisions are recorded", || {
            let log = self.door.read("decisions.jsonl");
            let end = log.find(&last)?;
            log[end..].contains('\n').then_some(log)
        });
        let mut between = vec![Vec::new()];
        for line in log.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            if record["host"]
                .as_str()
                .is_some_and(|host| host.starts_with("mark-"))
            {
                between.push(Vec::new());
            } else if record["kind"] == "decision" {
                between.last_mut().unwrap().push(record);
            }
        }
        between
    }
}

/// Sends bytes and reads an answer, to its end or to that of the connection; none when there is
/// no answer.
pub(super) fn send(port: u16, bytes: &[u8]) -> Option<Answer> {
    send_from([127, 0, 0, 1], port, bytes)
}

fn send_from(address: [u8; 4], port: u16, bytes: &[u8]) -> Option<Answer> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    socket.connect(&to.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).unwrap();
    let _written = stream.write_all(bytes);
    let mut read = Vec::new();
    let mut some = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut some) {
        read.extend_from_slice(&some[..length]);
        let answer = Answer::parse(&read);
        if answer.as_ref().is_some_and(is_whole) {
            return answer;
        }
    }
    Answer::parse(&read)
}

fn is_whole(answer: &Answer) -> bool {
    let length = answer.all("content-length");
    let length = length.first().and_then(|text| text.parse::<usize>().ok());
    length.is_some_and(|length| answer.body.len() >= length)
}
