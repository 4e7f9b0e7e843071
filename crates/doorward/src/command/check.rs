//! `doorward check`

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::cli::Check;
use crate::config::diagnostic::{Report, Severity};
use crate::config::document::Origin;
use crate::{config, output};

/// Reports every mistake. Exit code 1 when the configuration cannot be used.
pub(super) fn run(args: &Check) -> Result<ExitCode> {
    let reading = config::load(&args.config, &args.sets);
    let file = args.config.to_string_lossy();
    let usable = reading.config.is_some();
    if args.json {
        let mistakes: Vec<_> = reading.diagnostics.sorted().into_iter().map(|d| {
            json!({
                "severity": match d.severity { Severity::Error => "error", Severity::Warning => "warning" },
                "file": file,
                "line": match d.origin { Origin::Line(line) => Some(line), _ => None },
                "message": d.message,
                "fix": d.fix,
            })
        }).collect();
        output::json(&json!({ "ok": usable, "diagnostics": mistakes }));
    } else {
        output::write(
            &Report {
                file: &file,
                diagnostics: &reading.diagnostics,
            }
            .to_string(),
        );
        if let Some(config) = &reading.config {
            let (rules, upstreams) = (config.policy.rules().len(), config.upstreams.len());
            output::line(format_args!(
                "{file}: good (rules: {rules}, upstreams: {upstreams})"
            ));
        }
    }
    Ok(ExitCode::from(u8::from(!usable)))
}
