//! Processes: started, measured from outside, ended.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A server that ends with us.
pub(super) struct Server {
    child: Child,
    name: String,
}

impl Server {
    /// Starts a server; what it says goes to a file.
    pub(super) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let log = std::fs::File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            child,
            name: name.to_owned(),
        })
    }

    /// Waits until a GET of `path` is answered with 200.
    pub(super) fn wait_for_answer(&mut self, address: SocketAddr, path: &str) -> Result<()> {
        self.wait_until(|| answers(address, path))
            .with_context(|| format!("no 200 for {path}"))
    }

    /// Waits until a connection is taken.
    pub(super) fn wait_for_listener(&mut self, address: SocketAddr) -> Result<()> {
        self.wait_until(|| TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok())
            .with_context(|| format!("no listener at {address}"))
    }

    fn wait_until(&mut self, ready: impl Fn() -> bool) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended: {status}", self.name);
            }
            if ready() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        bail!("{} is not ready in time", self.name)
    }

    /// Processor seconds that it and its children have used, user and system.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        let mut ticks = 0;
        for stat in family(self.child.id())? {
            // utime and stime are the 14th and 15th fields of proc(5), 11 and 12 after the name.
            ticks += field(&stat, 11)? + field(&stat, 12)?;
        }
        Ok(to_f64(ticks) / 100.0)
    }

    /// Resident memory of it and its children, in bytes.
    pub(super) fn resident_bytes(&self) -> Result<f64> {
        let mut pages = 0;
        for stat in family(self.child.id())? {
            pages += field(&stat, 21)?;
        }
        Ok(to_f64(pages) * 4096.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let _asked = Command::new("kill").args(["-TERM", &pid]).status();
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// The `stat` lines of a process and its children, from after the name.
fn family(pid: u32) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str()?.parse::<u32>().ok());
        let Some(number) = number else { continue };
        let Ok(stat) = std::fs::read_to_string(path.join("stat")) else {
            continue;
        };
        let Some((_, rest)) = stat.rsplit_once(") ") else {
            continue;
        };
        let rest = rest.to_owned();
        if number == pid || field(&rest, 1)? == u64::from(pid) {
            lines.push(rest);
        }
    }
    if lines.is_empty() {
        bail!("process {pid} is gone");
    }
    Ok(lines)
}

fn field(stat: &str, nth: usize) -> Result<u64> {
    let text = stat.split(' ').nth(nth).context("a short /proc/PID/stat")?;
    Ok(text.trim().parse()?)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "ticks and pages are far below 2^52"
)]
fn to_f64(number: u64) -> f64 {
    number as f64
}

fn answers(address: SocketAddr, path: &str) -> bool {
    let second = Duration::from_secs(1);
    let Ok(mut stream) = TcpStream::connect_timeout(&address, second) else {
        return false;
    };
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let mut head = [0; 12];
    stream.set_read_timeout(Some(second)).is_ok()
        && stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut head).is_ok()
        && &head == b"HTTP/1.1 200"
}
