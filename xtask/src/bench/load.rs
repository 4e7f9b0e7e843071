//! Load from wrk: one thread, 64 connections unless told otherwise.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::process::Server;
use crate::command;

/// What is asked of a server.
pub(super) struct Load {
    /// Where.
    pub(super) address: SocketAddr,
    /// What.
    pub(super) path: String,
    /// The credential.
    pub(super) credential: Credential,
}

/// Where the `Authorization` header comes from.
pub(super) enum Credential {
    /// None.
    None,
    /// The same for every request.
    Fixed(String),
    /// A file with one for each request, in turn.
    Lines(PathBuf),
}

/// What a round gave.
pub(super) struct Round {
    /// Processor microseconds of the server for each request.
    pub(super) cpu_us: f64,
    /// Requests in a second.
    pub(super) per_second: f64,
    /// Microseconds in which half of the requests are answered.
    pub(super) p50_us: f64,
    /// Microseconds in which 99 of 100 are.
    pub(super) p99_us: f64,
}

/// Enough to keep every core busy.
const MANY: u32 = 64;

/// The Host header is known only when wrk calls `init`.
const SCRIPT: &str = r#"
local lines = {}
init = function(args)
  for line in io.lines(os.getenv("BENCH_LINES")) do
    lines[#lines + 1] = wrk.format("GET", nil, { ["Host"] = wrk.headers["Host"], ["Authorization"] = line })
  end
end
local n = 0
request = function()
  n = n % #lines + 1
  return lines[n]
end
"#;

impl Load {
    /// Runs a round against a server.
    pub(super) fn run(&self, server: &Server, seconds: u32) -> Result<Round> {
        self.run_over(MANY, server, seconds)
    }

    /// Runs a round over so many connections.
    pub(super) fn run_over(
        &self,
        connections: u32,
        server: &Server,
        seconds: u32,
    ) -> Result<Round> {
        let wrk = command::find("wrk").context("wrk is not installed")?;
        let mut wrk = Command::new(wrk);
        wrk.args(["-t1", "--latency", &format!("-c{connections}")]);
        wrk.arg(format!("-d{seconds}s"));
        let script =
            std::env::temp_dir().join(format!("doorward-bench-{}.lua", std::process::id()));
        match &self.credential {
            Credential::None => {}
            Credential::Fixed(value) => {
                wrk.args(["-H", &format!("Authorization: {value}")]);
            }
            Credential::Lines(file) => {
                std::fs::write(&script, SCRIPT)?;
                wrk.env("BENCH_LINES", file).arg("-s").arg(&script);
            }
        }
        wrk.arg(format!("http://{}{}", self.address, self.path));
        let before = server.cpu_seconds()?;
        let output = wrk.output()?;
        let used = server.cpu_seconds()? - before;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "wrk failed: {text}{said}");
        for trouble in ["Non-2xx", "Socket errors"] {
            if let Some(line) = text.lines().find(|line| line.contains(trouble)) {
                bail!("{}: {}; no number for it", self.path, line.trim());
            }
        }
        let requests = number(&text, " requests in ", true)?;
        ensure!(
            requests > 0.0 && used > 0.0,
            "{}: nothing happened",
            self.path
        );
        Ok(Round {
            cpu_us: used * 1e6 / requests,
            per_second: number(&text, "Requests/sec:", false)?,
            p50_us: micros(word(&text, " 50%", false)?)?,
            p99_us: micros(word(&text, " 99%", false)?)?,
        })
    }
}

/// The number before or after a mark.
fn number(text: &str, mark: &str, before: bool) -> Result<f64> {
    Ok(word(text, mark, before)?.parse()?)
}

/// A time of wrk's in microseconds.
fn micros(text: &str) -> Result<f64> {
    for (unit, factor) in [("us", 1.0), ("ms", 1e3), ("s", 1e6)] {
        if let Some(number) = text.strip_suffix(unit) {
            return Ok(number.parse::<f64>()? * factor);
        }
    }
    bail!("wrk's output is not understood")
}

/// The word before or after a mark.
fn word<'t>(text: &'t str, mark: &str, before: bool) -> Result<&'t str> {
    let (left, right) = text
        .split_once(mark)
        .context("wrk's output is not understood")?;
    let word = if before {
        left.split_whitespace().next_back()
    } else {
        right.split_whitespace().next()
    };
    word.context("wrk's output is not understood")
}

#[cfg(test)]
mod tests {
    use super::{micros, number, word};

    #[test]
    fn output_of_wrk_is_read() {
        let text =
            "Running 5s test\n  1234 requests in 5.00s, 1.00MB read\nRequests/sec:  246.80\n";
        assert!((number(text, " requests in ", true).unwrap() - 1234.0).abs() < 1e-9);
        assert!((number(text, "Requests/sec:", false).unwrap() - 246.8).abs() < 1e-9);
        let text = "    Latency   1.02ms  1.50ms  9.00ms   93.50%\n    Req/Sec  1.00k  2.00  3.00k  71.99%\n     \
                    50%  740.00us\n     99%    3.47ms\n";
        let time = |mark| micros(word(text, mark, false).unwrap()).unwrap();
        assert!((time(" 50%") - 740.0).abs() < 1e-9);
        assert!((time(" 99%") - 3470.0).abs() < 1e-9);
        assert!(micros("1m").is_err());
    }
}
