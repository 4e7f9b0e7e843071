//! The lines that are not decisions.

use std::io::Write;

use doorward_core::Timestamp;
use doorward_core::decision::{DecisionId, put_text};

/// What is recorded of a finished response.
#[derive(Clone, Copy, Debug)]
pub struct AccessRecord {
    /// The decision that the response belongs to; absent on our own endpoints.
    pub decision: Option<DecisionId>,
    /// The status.
    pub status: u16,
    /// Bytes of the body that were handed over.
    pub bytes: u64,
    /// The whole response was handed over.
    pub complete: bool,
    /// From the request's head to the end of the response, in microseconds.
    pub duration_us: u64,
}

/// What is recorded of a permitted call that could not be passed on.
#[derive(Clone, Copy, Debug)]
pub struct FaultRecord<'a> {
    /// The decision that permitted it.
    pub decision: DecisionId,
    /// A fixed code: `upstream_timeout`.
    pub code: &'a str,
    /// What went wrong, for the operator.
    pub cause: &'a str,
}

impl AccessRecord {
    /// Appends the record as one JSON line.
    pub(super) fn write_json(&self, at: Timestamp, out: &mut Vec<u8>) {
        put(
            out,
            format_args!("{{\"kind\":\"access\",\"ts\":\"{at}\",\"decision_id\":"),
        );
        match self.decision {
            Some(id) => put(out, format_args!("\"{id}\"")),
            None => put(out, format_args!("null")),
        }
        put(
            out,
            format_args!(
                ",\"status\":{},\"bytes\":{},\"complete\":{},\"duration_us\":{}}}\n",
                self.status, self.bytes, self.complete, self.duration_us
            ),
        );
    }
}

impl FaultRecord<'_> {
    /// Appends the record as one JSON line.
    pub(super) fn write_json(&self, at: Timestamp, out: &mut Vec<u8>) {
        let id = self.decision;
        put(
            out,
            format_args!("{{\"kind\":\"fault\",\"ts\":\"{at}\",\"decision_id\":\"{id}\""),
        );
        for (name, text) in [("code", self.code), ("cause", self.cause)] {
            put(out, format_args!(",\"{name}\":\""));
            put_text(out, text);
            out.push(b'"');
        }
        out.extend_from_slice(b"}\n");
    }
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a vector cannot fail.
    let _written = out.write_fmt(text);
}
