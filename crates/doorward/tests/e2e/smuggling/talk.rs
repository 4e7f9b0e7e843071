//! Sending many cases at once, each on a connection of its own.

use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a server may say nothing before it is left. Whoever is left too early on a slow
/// machine has tried less; only what must be answered is waited for.
const QUIET: Duration = Duration::from_millis(500);
/// How long what must be answered is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many connections at a time. They share the connections that go on from here.
const AT_ONCE: usize = 48;
/// More is not read of an answer.
const MOST: usize = 1 << 20;

/// What is sent on one connection.
#[derive(Default)]
pub(super) struct Message {
    pub(super) bytes: Vec<u8>,
    /// How many answers there must be.
    pub(super) answers: usize,
}

/// Sends bytes and reads until the other side ends the connection, or says nothing more.
pub(super) fn send(port: u16, message: &Message) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(QUIET)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut read = Vec::new();
    // Who refuses may have ended before all is written.
    let _written = stream.write_all(&message.bytes);
    let mut some = [0; 8192];
    let start = Instant::now();
    while read.len() < MOST {
        match stream.read(&mut some) {
            Ok(0) => break,
            Ok(length) => read.extend_from_slice(&some[..length]),
            Err(error) => {
                let is_quiet = matches!(error.kind(), WouldBlock | TimedOut);
                let is_answered = count(&read) >= message.answers;
                if !is_quiet || is_answered || start.elapsed() > PATIENCE {
                    break;
                }
            }
        }
    }
    let _ended = stream.shutdown(Shutdown::Both);
    read
}

fn count(answer: &[u8]) -> usize {
    String::from_utf8_lossy(answer).matches("seen:").count()
}

/// Sends numbered messages; the answers, in order.
pub(super) fn send_all(port: u16, messages: &[Message]) -> Vec<Vec<u8>> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(vec![Vec::new(); messages.len()]);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((number, message)) = {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    messages.get(number).map(|message| (number, message))
                } {
                    let answer = send(port, message);
                    answers.lock().unwrap()[number] = answer;
                }
            });
        }
    });
    answers.into_inner().unwrap()
}
