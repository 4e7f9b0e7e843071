//! `cargo xtask first-command`: runs the README's first command as it stands, and calls the door.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command;

/// A port that is rarely taken; the demo takes it and the next two.
const PORT: &str = "18443";

/// Ends the demo, also when a check failed.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _sent = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ended = self.0.wait();
    }
}

/// Builds and runs the demo, and sees that a key opens the door and nothing does not.
pub(crate) fn run() -> Result<()> {
    let mut demo = Command::new(command::cargo())
        .args(["run", "--release", "--", "demo", "--json", "--port", PORT])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let out = demo.stdout.take().context("the demo has no output")?;
    let demo = Demo(demo);
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    let said: Value = serde_json::from_str(&line).with_context(|| format!("not JSON: {line:?}"))?;
    let key = text(&said, "readonly_api_key")?;
    let bearer = format!("Authorization: Bearer {key}");
    for (headers, expected) in [(&[][..], "401"), (&["-H", &bearer], "200")] {
        let status = call(&said, headers)?;
        ensure!(status == expected, "{status} instead of {expected}");
    }
    println!("the README's first command works: 401 without a key, 200 with one");
    drop(demo);
    Ok(())
}

fn call(said: &Value, headers: &[&str]) -> Result<String> {
    let path = said.pointer("/read/path").and_then(Value::as_str);
    let url = format!("{}{}", text(said, "url")?, path.context("no path")?);
    let output = Command::new("curl")
        .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert"])
        .arg(text(said, "ca_file")?)
        .args(headers)
        .arg(url)
        .output()
        .context("cannot run curl")?;
    Ok(String::from_utf8(output.stdout)?)
}

fn text<'v>(said: &'v Value, name: &str) -> Result<&'v str> {
    said.get(name)
        .and_then(Value::as_str)
        .with_context(|| format!("the demo says no {name}"))
}
