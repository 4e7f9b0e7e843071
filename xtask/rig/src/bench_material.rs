//! Makes what the benchmark needs: signed tokens of a foreign issuer, and API keys by the million.
//!
//! `bench-material tokens FOLDER COUNT` writes `rs256.txt`, `es256.txt` and `eddsa.txt`, one value
//! of the `Authorization` header in each line, and `jwks.json`.
//! `bench-material keys STATE COUNT FILE` puts keys into the state folder of a stopped server and
//! writes some of them to FILE in the same form.
#![expect(clippy::print_stderr, reason = "it talks to people")]

use std::process::ExitCode;

use anyhow::{Result, bail};

mod bench_keys;
mod bench_tokens;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["tokens", folder, count] => bench_tokens::write(folder.as_ref(), count.parse()?),
        ["keys", state, count, file] => {
            bench_keys::fill(state.as_ref(), count.parse()?, file.as_ref())
        }
        _ => bail!("usage: bench-material tokens FOLDER COUNT | keys STATE COUNT FILE"),
    }
}
