//! Calls with curl, and their answers.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What curl got.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) version: String,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start: String = self.text().chars().take(2000).collect();
        write!(
            f,
            "{} {} {:?} {start}",
            self.version, self.status, self.headers
        )
    }
}

impl Answer {
    /// Every value of a header, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The one value of a header.
    pub(crate) fn one(&self, name: &str) -> &str {
        match *self.all(name) {
            [value] => value,
            ref others => panic!("{name}: {others:?} in {self:?}"),
        }
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The id of the decision in a problem.
    pub(crate) fn decision_id(&self) -> String {
        self.json()["decision_id"].as_str().unwrap().to_owned()
    }

    /// Parses what `curl -i` prints.
    pub(crate) fn parse(mut rest: &[u8]) -> Option<Self> {
        loop {
            let end = rest.windows(4).position(|four| four == b"\r\n\r\n")?;
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest = &rest[end + 4..];
            let mut lines = head.split("\r\n");
            let mut first = lines.next()?.splitn(3, ' ');
            let version = first.next()?.to_owned();
            let status: u16 = first.next()?.trim().parse().ok()?;
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            let headers = lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect();
            return Some(Self {
                version,
                status,
                headers,
                body: rest.to_vec(),
            });
        }
    }
}

/// A curl command that trusts a CA and touches no path.
pub(crate) fn command(ca: Option<&Path>) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["-q", "-sS", "--path-as-is", "--noproxy", "*"]);
    curl.args(["--max-time", "60"]);
    if let Some(ca) = ca {
        curl.arg("--cacert").arg(ca);
    }
    curl
}

/// Runs curl; `Err` is what it said when there was no answer.
pub(crate) fn run(mut curl: Command) -> Result<Answer, String> {
    let out = curl.args(["-i", "-v"]).output().expect("curl is installed");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    match Answer::parse(&out.stdout) {
        Some(answer) if out.status.success() => Ok(answer),
        other => Err(format!("{said} {other:?}")),
    }
}
