//! Runs the fuzz targets on stable Rust: every seed, then seeded random mutations of the seeds.
//!
//! It finds what a mutation of a few bytes finds. libFuzzer with coverage finds more: see
//! `fuzz/Cargo.toml`. An input that breaks a target is written to `fuzz/artifacts`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to people"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

#[path = "../../../fuzz/targets/mod.rs"]
mod targets;

const MAX_INPUT: usize = 4096;
/// Pieces that break parsers more often than random bytes do.
const PIECES: &[&str] = &[
    "%2e",
    "%2F",
    "%00",
    "..",
    "/",
    "//",
    ";",
    "\\",
    ".",
    "=",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\\u0000",
    "null",
    "1e400",
    "-1",
    "\n",
    "\r\n",
    "\0",
    "\u{feff}",
    "é",
    "_",
    "dw_sk_live_",
    "$",
    "{*",
    "[[route]]",
    "\"alg\":\"none\"",
    "\"crit\":[]",
    "'''",
    "#",
];

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seconds: u64 = match arguments.as_slice() {
        [flag, number] if flag == "--seconds" => number.parse()?,
        _ => 20,
    };
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let share = Duration::from_secs(seconds) / u32::try_from(targets::ALL.len())?;
    let mut passed = true;
    for target in targets::ALL {
        let seeds = read_seeds(&fuzz.join("seeds").join(target.name))?;
        match exercise(target, &seeds, share) {
            Ok(runs) => println!("{:16} {} seeds, {runs} inputs", target.name, seeds.len()),
            Err(input) => {
                passed = false;
                let folder = fuzz.join("artifacts").join(target.name);
                std::fs::create_dir_all(&folder)?;
                let file = folder.join("smoke");
                std::fs::write(&file, &input)?;
                eprintln!("{:16} FAILED: {}", target.name, file.display());
            }
        }
    }
    Ok(passed)
}

fn read_seeds(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    files
        .into_iter()
        .map(|file| Ok(std::fs::read(file)?))
        .collect()
}

/// Runs a target; gives how often, or the input that broke it.
fn exercise(target: &targets::Target, seeds: &[Vec<u8>], share: Duration) -> Result<u64, Vec<u8>> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut runs = 0;
    let mut attempt = |input: &[u8]| {
        runs += 1;
        catch_unwind(AssertUnwindSafe(|| targets::run(target.name, input)))
            .map_err(|_| input.to_vec())
    };
    for seed in seeds {
        attempt(seed)?;
    }
    attempt(b"")?;
    let end = Instant::now() + share;
    while Instant::now() < end {
        for _ in 0..64 {
            attempt(&mutate(seeds, &mut dice))?;
        }
    }
    Ok(runs)
}

fn mutate(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut input = dice.pick(seeds).cloned().unwrap_or_default();
    for _ in 0..=dice.below(6) {
        let at = dice.below(input.len() + 1);
        let end = (at + 1 + dice.below(8)).min(input.len());
        match dice.below(7) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            1 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = u8::try_from(dice.below(256)).unwrap_or(0);
                }
            }
            2 => drop(input.drain(at.min(end)..end)),
            3 => {
                let piece = dice.pick(PIECES).copied().unwrap_or_default();
                input.splice(at..at, piece.bytes());
            }
            4 => {
                let copy = input.get(at..end).unwrap_or_default().to_vec();
                input.splice(at..at, copy);
            }
            5 => {
                let other = dice.pick(seeds).cloned().unwrap_or_default();
                let from = dice.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(other.get(from..).unwrap_or_default());
            }
            _ => input.truncate(at),
        }
    }
    input.truncate(MAX_INPUT);
    input
}

/// Repeatable numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % end.max(1)
    }

    fn pick<'t, T>(&mut self, of: &'t [T]) -> Option<&'t T> {
        let at = self.below(of.len());
        of.get(at)
    }
}
