//! The record of every finished response.

use std::time::Duration;

use doorward_core::decision::DecisionId;
use http::StatusCode;

use crate::fault::Fault;

/// What is recorded of one response, when its last byte was handed over or it was given up.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// The decision that the response belongs to; absent on our own endpoints.
    pub decision: Option<DecisionId>,
    /// The status.
    pub status: StatusCode,
    /// Bytes of the body that were handed over.
    pub bytes_out: u64,
    /// The whole response was handed over.
    pub complete: bool,
    /// From the request's head to the end of the response.
    pub duration: Duration,
}

/// Takes a record of every finished response, and the causes of failures.
pub trait AccessLog: Send + Sync {
    /// Takes one record. Called on the data path: it must not block.
    fn finished(&self, access: &Access);

    /// Hears why a permitted call could not be passed on. The caller never hears this.
    fn failed(&self, _decision: DecisionId, _fault: &Fault) {}
}
