//! A wire that remembers what went over it to the door.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::strict::{self, Whole};

/// The bytes of one connection, of the side that called.
type Bytes = Arc<Mutex<Vec<u8>>>;

/// Listens, and passes everything on to a port.
pub(super) struct Tap {
    pub(super) port: u16,
    kept: Arc<Mutex<Vec<Bytes>>>,
}

impl Tap {
    pub(super) fn before(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&kept);
        std::thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                let bytes = Bytes::default();
                all.lock().unwrap().push(Arc::clone(&bytes));
                // The door may be gone: then the caller is, too.
                let Ok(door) = TcpStream::connect(("127.0.0.1", to)) else {
                    continue;
                };
                let (back, answers) = (caller.try_clone().unwrap(), door.try_clone().unwrap());
                std::thread::spawn(move || carry(caller, door, Some(&bytes)));
                std::thread::spawn(move || carry(answers, back, None));
            }
        });
        Self { port, kept }
    }

    /// What a strict reader finds in it.
    pub(super) fn read(&self) -> Vec<Whole> {
        let kept = self.kept.lock().unwrap();
        let read = kept
            .iter()
            .map(|bytes| strict::read(&bytes.lock().unwrap()).0);
        read.flatten().collect()
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, kept: Option<&Bytes>) {
    let mut some = [0; 8192];
    while let Ok(length @ 1..) = from.read(&mut some) {
        if let Some(kept) = kept {
            kept.lock().unwrap().extend_from_slice(&some[..length]);
        }
        if to.write_all(&some[..length]).is_err() {
            break;
        }
    }
    let _ended = to.shutdown(Shutdown::Both);
    let _ended = from.shutdown(Shutdown::Both);
}
