//! A server between the door and Pebble: it records what is asked, answers in Pebble's place, holds
//! requests back, and changes answers. Pebble takes the addresses in its answers from the Host
//! header, so all requests come through here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use serde_json::Value;

use crate::client_certificates::pki::{Ca, Pair};
use crate::peer::{header, read_head};

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    /// What was signed, of a POST.
    pub(super) payload: Value,
}

/// What is answered in Pebble's place, if anything. It may wait.
type Instead = Box<dyn Fn(&Asked) -> Option<String> + Send + Sync>;
/// How Pebble's answer is changed.
type Change = Box<dyn Fn(&Asked, String) -> String + Send + Sync>;

struct Script {
    instead: Mutex<Arc<Instead>>,
    change: Mutex<Arc<Change>>,
    asked: Mutex<Vec<Asked>>,
}

/// The server.
pub(super) struct Front {
    pub(super) port: u16,
    script: Arc<Script>,
}

impl Front {
    /// Starts before a Pebble on a port.
    pub(super) fn start((server, ca): (&Pair, &Ca), pebble: u16) -> Self {
        let script = Arc::new(Script {
            instead: Mutex::new(Arc::new(Box::new(|_| None))),
            change: Mutex::new(Arc::new(Box::new(|_, answer| answer))),
            asked: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let configs = (Arc::new(server_config(server)), Arc::new(client_config(ca)));
        let known = Arc::clone(&script);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, configs) = (Arc::clone(&known), configs.clone());
                std::thread::spawn(move || relay(stream, &script, &configs, pebble));
            }
        });
        Self { port, script }
    }

    /// Answers in Pebble's place from now on, where the function gives an answer.
    pub(super) fn instead(
        &self,
        answer: impl Fn(&Asked) -> Option<String> + Send + Sync + 'static,
    ) {
        *self.script.instead.lock().unwrap() = Arc::new(Box::new(answer));
    }

    /// Changes Pebble's answers from now on.
    pub(super) fn change(&self, change: impl Fn(&Asked, String) -> String + Send + Sync + 'static) {
        *self.script.change.lock().unwrap() = Arc::new(Box::new(change));
    }

    /// What was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.script.asked.lock().unwrap().clone()
    }

    /// How many requests came for what begins like this in Pebble.
    pub(super) fn count(&self, path: &str) -> usize {
        let asked = self.asked();
        asked
            .iter()
            .filter(|one| one.path.starts_with(path))
            .count()
    }
}

/// An answer with a problem document (RFC 8555 section 6.7).
pub(super) fn problem(status: u16, kind: &str, detail: &str) -> String {
    let body = serde_json::json!({
        "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail, "status": status,
    });
    respond(status, "Replay-Nonce: none\r\n", &body.to_string())
}

/// An answer.
pub(super) fn respond(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

/// Replaces the body of an answer.
pub(super) fn with_body(answer: &str, change: impl Fn(&str) -> String) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let body = change(body);
    let lines = head.split("\r\n").filter(|line| {
        let name = line.split(':').next().unwrap_or_default();
        !name.eq_ignore_ascii_case("content-length")
    });
    let head: Vec<&str> = lines.collect();
    format!(
        "{}\r\nContent-Length: {}\r\n\r\n{body}",
        head.join("\r\n"),
        body.len()
    )
}

type Configs = (Arc<ServerConfig>, Arc<ClientConfig>);

fn relay(stream: TcpStream, script: &Script, configs: &Configs, pebble: u16) {
    let tls = ServerConnection::new(Arc::clone(&configs.0)).unwrap();
    let mut near = BufReader::new(StreamOwned::new(tls, stream));
    let Some((head, body)) = read_request(&mut near) else {
        return;
    };
    let asked = Asked::of(&head, &body);
    script.asked.lock().unwrap().push(asked.clone());
    let instead = Arc::clone(&script.instead.lock().unwrap());
    let answer = instead(&asked).or_else(|| {
        let answer = ask(&configs.1, pebble, &head, &body)?;
        let change = Arc::clone(&script.change.lock().unwrap());
        Some(change(&asked, answer))
    });
    if let Some(answer) = answer {
        let near = near.get_mut();
        let _written = near.write_all(answer.as_bytes());
        near.conn.send_close_notify();
        let _flushed = near.flush();
    }
}

fn read_request(from: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let head = read_head(from)?;
    let length = header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn ask(config: &Arc<ClientConfig>, pebble: u16, head: &str, body: &[u8]) -> Option<String> {
    let name = "127.0.0.1".try_into().unwrap();
    let tls = ClientConnection::new(Arc::clone(config), name).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", pebble)).ok()?;
    let mut far = StreamOwned::new(tls, stream);
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    far.write_all(head.as_bytes()).ok()?;
    far.write_all(body).ok()?;
    let mut answer = Vec::new();
    // Without a close_notify it is whole as well.
    let _end = far.read_to_end(&mut answer);
    String::from_utf8(answer).ok()
}

impl Asked {
    fn of(head: &str, body: &[u8]) -> Self {
        let mut first = head.split(' ');
        let mut next = || first.next().unwrap_or_default().to_owned();
        let jws: Value = serde_json::from_slice(body).unwrap_or_default();
        let base64 = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let payload = jws["payload"]
            .as_str()
            .and_then(|text| base64.decode(text).ok());
        Self {
            method: next(),
            path: next(),
            payload: payload
                .and_then(|bytes| serde_json::from_slice(&bytes).ok())
                .unwrap_or_default(),
        }
    }
}

fn server_config(pair: &Pair) -> ServerConfig {
    let chain = CertificateDer::pem_slice_iter(pair.cert.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

fn client_config(ca: &Ca) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for der in CertificateDer::pem_slice_iter(ca.pem.as_bytes()) {
        roots.add(der.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}
