//! `cargo xtask bench`: what a request costs, as ratios within one run.
//!
//! It measures the release binary from outside: processor time of the server's processes divided
//! by requests, memory, time to the first answer. There is no number for a run that did not
//! happen: what is missing is an error.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::json;

mod fronts;
mod gate;
mod load;
mod material;
mod process;
mod stand;

/// How long and how often is measured.
pub(crate) struct Plan {
    /// Alternating rounds.
    pub(crate) rounds: usize,
    /// Seconds of load in each.
    pub(crate) seconds: u32,
    /// API keys in the large state.
    pub(crate) keys: u32,
    /// The one front that is measured, for trying out.
    pub(crate) only: Option<String>,
}

/// One number.
pub(crate) struct Measurement {
    name: String,
    unit: &'static str,
    target: Option<Target>,
    samples: Vec<f64>,
}

/// What a number should be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

impl Measurement {
    /// Takes the samples of all rounds.
    pub(crate) fn new(name: &str, unit: &'static str, samples: Vec<f64>) -> Self {
        Self {
            name: name.to_owned(),
            unit,
            target: None,
            samples,
        }
    }

    /// Sets what it should be.
    pub(crate) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    fn value(&self) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
        let lower = sorted.get(sorted.len().saturating_sub(1) / 2).copied();
        f64::midpoint(upper, lower.unwrap_or(upper))
    }

    /// The distance of the extremes, as a part of the median.
    fn spread(&self) -> f64 {
        let most = self.samples.iter().copied().fold(f64::MIN, f64::max);
        let least = self.samples.iter().copied().fold(f64::MAX, f64::min);
        (most - least) / self.value()
    }

    fn met(&self) -> Option<bool> {
        self.target.map(|target| match target {
            Target::AtMost(bound) => self.value() <= bound,
            Target::AtLeast(bound) => self.value() >= bound,
        })
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "name": self.name,
            "value": self.value(),
            "unit": self.unit,
            "target": self.target.map(|target| match target {
                Target::AtMost(bound) | Target::AtLeast(bound) => bound,
            }),
            "met": self.met(),
            "runs": self.samples.len(),
            "spread": self.spread(),
        })
    }
}

/// Runs a suite.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Result<()> {
    let mut plan = Plan {
        rounds: 3,
        seconds: 5,
        keys: 1_000_000,
        only: None,
    };
    let mut json_file = None;
    let mut suite = "gate";
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().copied().context("a value is missing");
        match *argument {
            "--json" => json_file = Some(value()?),
            "--rounds" => plan.rounds = value()?.parse()?,
            "--seconds" => plan.seconds = value()?.parse()?,
            "--only" => plan.only = Some(value()?.to_owned()),
            "--keys" => plan.keys = value()?.parse()?,
            "gate" => suite = "gate",
            "fronts" => suite = "fronts",
            other => bail!("there is no suite or option `{other}`"),
        }
    }
    if plan.rounds < 3 {
        println!("!!! fewer than 3 rounds: the numbers are for trying out the harness only");
    }
    println!(
        "bench {suite}: {} rounds of {} s",
        plan.rounds, plan.seconds
    );
    let measurements = match suite {
        "fronts" => fronts::run(root, &plan)?,
        _ => gate::run(root, &plan)?,
    };
    print_table(&measurements);
    if let Some(file) = json_file {
        let list: Vec<_> = measurements.iter().map(Measurement::to_json).collect();
        let text = serde_json::to_string_pretty(&list)?;
        std::fs::write(file, format!("{text}\n")).with_context(|| file.to_owned())?;
        println!("wrote {file}");
    }
    Ok(())
}

fn print_table(measurements: &[Measurement]) {
    println!(
        "\n{:44} {:>12} {:8} {:>10} {:4} {:>7}",
        "name", "value", "unit", "target", "met", "spread"
    );
    for measurement in measurements {
        let target = match measurement.target {
            Some(Target::AtMost(bound)) => format!("<= {bound}"),
            Some(Target::AtLeast(bound)) => format!(">= {bound}"),
            None => String::new(),
        };
        let met = match measurement.met() {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        println!(
            "{:44} {:>12.3} {:8} {target:>10} {met:4} {:>6.1}%",
            measurement.name,
            measurement.value(),
            measurement.unit,
            measurement.spread() * 100.0,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Measurement, Target};

    #[test]
    fn a_measurement_is_a_median_with_a_spread() {
        let odd = Measurement::new("m", "x", vec![3.0, 1.0, 2.0]).target(Target::AtMost(2.0));
        assert!((odd.value() - 2.0).abs() < 1e-9);
        assert!((odd.spread() - 1.0).abs() < 1e-9);
        assert_eq!(odd.met(), Some(true));
        let even = Measurement::new("m", "x", vec![4.0, 2.0]).target(Target::AtLeast(3.5));
        assert!((even.value() - 3.0).abs() < 1e-9);
        assert_eq!(even.met(), Some(false));
    }
}
