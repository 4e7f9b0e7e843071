//! A gate with a small rule table, a running proxy, and upstreams to put behind it.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use doorward_core::credential::{CredentialId, Method, Place, Presented};
use doorward_core::decision::{Decision, DecisionId, DecisionIds, Journal, NotRecorded};
use doorward_core::gate::{Authenticator, Gate, Parts, RevocationFeed, Verdict};
use doorward_core::limit::{Counted, Exceeded, Limiter, Standing};
use doorward_core::net::Cidrs;
use doorward_core::policy::{
    Accept, Access as Who, Binding, Cors, Forwarding, Guarded, Policy, Rule,
};
use doorward_core::rejection::{Denied, Misplaced, Reason, Rejection};
use doorward_core::request::{ManagedHeaders, RequestFault};
use doorward_core::scope::ScopeSet;
use doorward_core::verified::{Grants, Identity, Principal, Validity, Verified};
use doorward_core::{Clock, Entropy, RequestHead, Timestamp};
use doorward_proxy::{
    Access, AccessLog, Assertion, Door, Drain, Fault, Limits, Listener, OwnEndpoints, Snapshot,
    TlsServer, Upstream, UpstreamConfig, WebSocketKeys, serve,
};
use http::{HeaderValue, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes; reached only when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Fixed;
impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_700_000_000)
    }
    fn monotonic_micros(&self) -> u64 {
        0
    }
}
impl Entropy for Fixed {
    fn fill(&self, into: &mut [u8]) {
        into.fill(7);
    }
}

struct Quiet;
impl Journal for Quiet {
    fn record(&self, _: &Decision<'_>) -> Result<(), NotRecorded> {
        Ok(())
    }
}

impl Limiter for Quiet {
    fn look(&self, _: &Counted<'_>) -> Result<(), Exceeded> {
        Ok(())
    }
    fn take(&self, _: &Counted<'_>) -> Result<Vec<Standing>, Exceeded> {
        Ok(Vec::new())
    }
}

impl RevocationFeed for Quiet {
    fn is_fresh(&self) -> bool {
        true
    }
}

const WRONG: Reason = Reason {
    code: "wrong",
    meaning: "",
    fix: "",
};

/// Knows the key `good` in `X-API-Key`, in `Authorization: Key`, and in the query.
struct Keys;
impl Authenticator for Keys {
    fn method(&self) -> Method {
        Method::ApiKey
    }
    fn find<'h>(
        &self,
        head: &'h RequestHead,
        query_key: Option<&str>,
    ) -> Result<Option<Presented<'h>>, Misplaced> {
        let text = |name: &str| head.headers().get(name).and_then(|v| v.to_str().ok());
        let query = query_key.and_then(|key| {
            head.query()?
                .split('&')
                .find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
        });
        let found = text("x-api-key")
            .map(|text| (Place::Header, text))
            .or_else(|| {
                Some((
                    Place::Authorization,
                    text("authorization")?.strip_prefix("Key ")?,
                ))
            })
            .or(query.map(|text| (Place::Query, text)));
        Ok(found.map(|(place, text)| Presented::new(Method::ApiKey, place, text)))
    }
    fn verify<'a>(&'a self, presented: Presented<'a>, _: &'a RequestHead) -> Verdict<'a> {
        let subject = match presented.expose() {
            "good" => "alice",
            "strange" => "jo\u{e9}, a\r\nX-Doorward-Scopes: admin",
            _ => return Verdict::Now(Err(Rejection::invalid(&WRONG))),
        };
        let grants = Grants {
            scopes: ScopeSet::parse("read write").unwrap(),
            issuer: Some("https://issuer.test".into()),
            ..Grants::default()
        };
        let identity = Identity {
            method: Method::ApiKey,
            credential_id: CredentialId::new("key_1"),
            subject: subject.into(),
            grants: grants.into(),
        };
        Verdict::Now(Ok(Verified::assertion(identity, Validity::ALWAYS)))
    }
    fn challenge(&self, realm: &str) -> doorward_core::challenge::Challenge {
        doorward_core::challenge::Challenge::new("Bearer", realm)
    }
}

/// Paths that begin with `/public` are public, all others are guarded.
pub(crate) struct Table {
    public: Arc<Rule>,
    guarded: Arc<Rule>,
}

impl Policy for Table {
    fn rule_for(&self, head: &RequestHead) -> Result<Option<Arc<Rule>>, RequestFault> {
        let rule = if head.path().starts_with("/public") {
            &self.public
        } else {
            &self.guarded
        };
        Ok(Some(Arc::clone(rule)))
    }
    fn rule_for_preflight(&self, head: &RequestHead) -> Result<Option<Arc<Rule>>, RequestFault> {
        self.rule_for(head)
    }
    fn decide(&self, _: &Rule, _: &Principal, _: &RequestHead) -> Result<(), Denied> {
        Ok(())
    }
    fn decide_body(&self, _: &Rule, _: Option<&Principal>, body: &[u8]) -> Result<(), Rejection> {
        let bad = body.starts_with(b"bad");
        (!bad)
            .then_some(())
            .ok_or(Rejection::Denied(Denied::NoRule))
    }
}

struct Jwks;
impl OwnEndpoints for Jwks {
    fn answer(&self, head: &RequestHead) -> Option<Response<Bytes>> {
        (head.path() == "/.well-known/jwks.json")
            .then(|| Response::new(Bytes::from_static(b"{\"keys\":[]}")))
    }
}

/// A handshake that is always the same.
struct Agreed;
impl WebSocketKeys for Agreed {
    fn make(&self) -> Option<(HeaderValue, HeaderValue)> {
        Some((HeaderValue::from_static("k"), HeaderValue::from_static("a")))
    }
}

struct Signer;
impl Assertion for Signer {
    fn assertion(&self, principal: &Principal, audience: &str) -> Option<HeaderValue> {
        let subject = &principal.identity().subject;
        HeaderValue::try_from(format!("signed.{subject}.{audience}")).ok()
    }
}

#[derive(Default)]
pub(crate) struct Log {
    pub(crate) finished: Mutex<Vec<Access>>,
    pub(crate) failed: Mutex<Vec<String>>,
}
impl AccessLog for Log {
    fn finished(&self, access: &Access) {
        self.finished.lock().unwrap().push(*access);
    }
    fn failed(&self, _: DecisionId, fault: &Fault) {
        self.failed.lock().unwrap().push(fault.to_string());
    }
}

/// What a test may choose.
pub(crate) struct Setup {
    pub(crate) upstream: UpstreamConfig,
    pub(crate) forwarding: Forwarding,
    pub(crate) binding: Binding,
    pub(crate) cors: Option<Cors>,
    pub(crate) query_key: Option<Box<str>>,
    pub(crate) limits: Limits,
    pub(crate) tls: Option<Arc<TlsServer>>,
    pub(crate) trusted: Vec<&'static str>,
    pub(crate) introducers: Option<Cidrs>,
    pub(crate) deadline: Duration,
}

impl Setup {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self {
            upstream: UpstreamConfig::new(format!("http://{address}")),
            forwarding: Forwarding {
                upstream: "u".into(),
                pass_credential: false,
                max_body: None,
                websocket: doorward_core::policy::WebSocketBounds::NONE,
                timeout: PATIENCE,
            },
            binding: Binding::default(),
            cors: None,
            query_key: None,
            limits: Limits::default(),
            tls: None,
            trusted: Vec::new(),
            introducers: None,
            deadline: PATIENCE,
        }
    }

    fn snapshot(&self, log: &Arc<Log>) -> Snapshot {
        let rule = |access| {
            Arc::new(Rule {
                name: "rule".into(),
                route: "route".into(),
                access,
                binding: self.binding.clone(),
                forwarding: self.forwarding.clone(),
                cors: self.cors.clone(),
                limits: Vec::new(),
            })
        };
        let guarded = Guarded {
            accepts: vec![Accept {
                method: Method::ApiKey,
                issuer: None,
            }],
            scopes: ScopeSet::EMPTY,
            query_key: self.query_key.clone(),
            signing: doorward_core::policy::Signing::NOTHING,
        };
        let gate = Gate::new(Parts {
            clock: Arc::new(Fixed),
            policy: Arc::new(Table {
                public: rule(Who::Public),
                guarded: rule(Who::Guarded(guarded)),
            }),
            methods: vec![Arc::new(Keys)],
            limiter: Arc::new(Quiet),
            feed: Arc::new(Quiet),
            journal: Arc::new(Quiet),
            ids: Arc::new(DecisionIds::new(&Fixed)),
            managed: ManagedHeaders::new(["x-tenant"], ["x-api-key"]),
            realm: "test".into(),
        });
        let upstream = Upstream::new(self.upstream.clone()).unwrap();
        Snapshot {
            endings: Arc::default(),
            gate: Arc::new(gate),
            upstreams: BTreeMap::from([(Arc::from("u"), Arc::new(upstream))]),
            own: Some(Arc::new(Jwks)),
            assertion: Some(Arc::new(Signer)),
            websocket: Some(Arc::new(Agreed)),
            access: Arc::<Log>::clone(log),
            limits: self.limits.clone(),
            forward_auth: HashMap::new(),
            trusted_terminators: vec![Cidrs::parse(self.trusted.iter().copied()).unwrap()],
            client_certificates: Vec::new(),
        }
    }

    pub(crate) fn start(self) -> Proxy {
        let log = Arc::new(Log::default());
        let door = Arc::new(Door::new(self.snapshot(&log)));
        let mut listener = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        if let Some(peers) = &self.introducers {
            listener = listener.introduced_by(peers.clone());
        }
        let address = listener.address();
        let (stop, stopped) = watch::channel(false);
        let drain = Drain::new(stopped, self.deadline);
        let running = tokio::spawn(serve(listener, self.tls.clone(), Arc::clone(&door), drain));
        Proxy {
            address,
            door,
            log,
            stop,
            running,
        }
    }
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) door: Arc<Door>,
    pub(crate) log: Arc<Log>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) running: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and reads all that comes until the connection closes.
    pub(crate) async fn send(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        read_all(&mut stream).await
    }

    /// Sends a GET with header lines, on a connection of its own.
    pub(crate) async fn get(&self, path: &str, headers: &str) -> String {
        self.send(format!(
            "GET {path} HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n{headers}\r\n"
        ))
        .await
    }
}

pub(crate) async fn read_all(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // A reset after the answer ends it as well.
    let _end = timeout(PATIENCE, stream.read_to_end(&mut all))
        .await
        .expect("the connection was not closed");
    String::from_utf8_lossy(&all).into_owned()
}

/// Reads until `end` has come.
pub(crate) async fn read_until<S: tokio::io::AsyncRead + Unpin>(
    stream: &mut S,
    end: &str,
) -> String {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(end) {
        let read = timeout(PATIENCE, stream.read_buf(&mut all)).await;
        let read = read.expect("nothing came").unwrap();
        assert!(read > 0, "closed: {}", String::from_utf8_lossy(&all));
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// An upstream whose connections are served by a function.
pub(crate) struct Behind {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
}

pub(crate) async fn behind<F, R>(serve: F) -> Behind
where
    F: Fn(TcpStream, usize) -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let number = count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream, number));
        }
    });
    Behind {
        address,
        connections,
    }
}

/// An upstream that answers every request with the bytes of the request.
pub(crate) async fn echo() -> Behind {
    behind(|mut stream, _| async move {
        let mut seen = Vec::new();
        while let Some(request) = next_request(&mut stream, &mut seen).await {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                request.len()
            );
            let answer = [head.as_bytes(), &request].concat();
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// An upstream that answers every request with the same bytes.
pub(crate) async fn canned(answer: &'static str) -> Behind {
    behind(move |mut stream, _| async move {
        let mut seen = Vec::new();
        while next_request(&mut stream, &mut seen).await.is_some() {
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// Reads one request; `None` when the connection closes before it is complete.
pub(crate) async fn next_request(stream: &mut TcpStream, seen: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some(length) = complete(seen) {
            return Some(seen.drain(..length).collect());
        }
        if stream.read_buf(seen).await.ok()? == 0 {
            return None;
        }
    }
}

/// The length of the request at the start of some bytes, when it is complete.
fn complete(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        let rest = &bytes[end..];
        let mut at = 0;
        loop {
            let line = rest[at..].windows(2).position(|two| two == b"\r\n")? + at;
            let size = std::str::from_utf8(&rest[at..line]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            at = line + 2;
            if size == 0 {
                let trailers = rest[line..]
                    .windows(4)
                    .position(|four| four == b"\r\n\r\n")?;
                return Some(end + line + trailers + 4);
            }
            at += size + 2;
            if rest.len() < at {
                return None;
            }
        }
    }
    let length = head.split("content-length: ").nth(1).map_or(0, |rest| {
        rest.split("\r\n").next().unwrap().parse().unwrap()
    });
    (bytes.len() >= end + length).then_some(end + length)
}

pub(crate) fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no status: {answer:?}"))
}

/// The part after the head, in lower case where a test compares header names.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// All values of a header in a head.
pub(crate) fn values<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.split("\r\n\r\n")
        .next()
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .collect()
}
