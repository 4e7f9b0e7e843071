//! Pebble, the names that it looks up, and the way from it to the door.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use rcgen::{ExtendedKeyUsagePurpose, SanType};
use tempfile::TempDir;

use super::front::Front;
use crate::client_certificates::pki::Ca;
use crate::curl;
use crate::door::Door;
use crate::fronts::process::{Server, find, free_port};

/// How long certificates live that no test waits for.
pub(super) const LONG: u64 = 90 * 86_400;

/// An authority on this machine.
pub(super) struct Authority {
    folder: TempDir,
    pebble: Option<Server>,
    /// What stands between the door and Pebble.
    pub(super) front: Front,
    /// The authority of Pebble's own server, PEM.
    pub(super) ca: String,
    management: u16,
    /// The door's port; zero while the authority does not get through to it.
    validates: Arc<AtomicU16>,
}

impl Authority {
    /// Starts one whose certificates live so many seconds; `None` where Pebble is not installed.
    pub(super) fn start(life: u64) -> Option<Self> {
        let pebble = find("pebble")?;
        let folder = TempDir::new().unwrap();
        let ca = Ca::new("authority's server");
        let server = ca.leaf(1, |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        });
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", &ca.pem);
        write("server.pem", &server.cert);
        write("server.key", &server.key);
        let (port, management) = (free_port(), free_port());
        let validates = Arc::new(AtomicU16::new(0));
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": "server.pem",
            "privateKey": "server.key",
            "httpPort": 1,
            "tlsPort": forward(&validates),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "certificateValidityPeriod": life,
        }});
        write("pebble.json", &config.to_string());
        let front = Front::start((&server, &ca), port);
        let mut authority = Self {
            pebble: None,
            front,
            ca: ca.pem,
            management,
            validates,
            folder,
        };
        authority.run(&pebble, port);
        Some(authority)
    }

    fn run(&mut self, pebble: &Path, port: u16) {
        let names = format!("127.0.0.1:{}", names());
        // Neither sleeps nor bad nonces by chance: tests ask for what they want.
        let args = [
            "PEBBLE_VA_NOSLEEP=1",
            "PEBBLE_WFE_NONCEREJECT=0",
            "PEBBLE_AUTHZREUSE=0",
            &pebble.display().to_string(),
            "-config",
            "pebble.json",
            "-dnsserver",
            &names,
        ];
        let env = Path::new("/usr/bin/env");
        self.pebble = Some(Server::start(env, &args, self.folder.path(), port));
    }

    /// The address of the directory.
    pub(super) fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.front.port)
    }

    /// Lets the authority see a door.
    pub(super) fn sees(&self, door: &Door) {
        self.sees_port(door.port("main"));
    }

    /// Lets the authority see whoever listens on a port; nobody on port 0.
    pub(super) fn sees_port(&self, port: u16) {
        self.validates.store(port, Ordering::SeqCst);
    }

    /// The root of what it issues, PEM.
    pub(super) fn root(&self) -> String {
        let mut curl = curl::command(Some(&self.folder.path().join("ca.pem")));
        curl.arg(format!("https://127.0.0.1:{}/roots/0", self.management));
        curl::run(curl).unwrap().text()
    }
}

/// Passes connections of the validating authority on to a door.
fn forward(to: &Arc<AtomicU16>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let to = Arc::clone(to);
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let port = to.load(Ordering::SeqCst);
            let far = (port != 0).then(|| TcpStream::connect(("127.0.0.1", port)));
            if let Some(Ok(far)) = far {
                copy(&near, &far);
                copy(&far, &near);
            }
        }
    });
    port
}

fn copy(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let _copied = std::io::copy(&mut from, &mut to);
        let _flushed = to.flush();
        let _closed = to.shutdown(Shutdown::Write);
    });
}

/// Answers every question for an address with 127.0.0.1; returns the port.
fn names() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut packet = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            let answer = answer(&packet[..length]);
            let _sent = answer.map(|answer| socket.send_to(&answer, from));
        }
    });
    port
}

/// The answer to one question (RFC 1035 section 4).
fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let end = 12 + question.get(12..)?.iter().position(|byte| *byte == 0)? + 5;
    let is_a = question.get(end - 4..end)? == [0, 1, 0, 1];
    let mut answer = question.get(..end)?.to_vec();
    // A response without error, recursion available; one question, and for A one answer.
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[4..12].copy_from_slice(&[0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
    if is_a {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}
