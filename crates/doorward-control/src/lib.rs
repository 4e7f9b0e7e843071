//! What operators and other servers see of Doorward: health, metrics, records, public keys.
//!
//! What it is: the admin listener's and the key set's answers as functions from a request's head
//! to a response; counters; and the log of decisions, written by a thread of its own.
//!
//! What it never does: listening, deciding who may enter, answering with a secret, blocking a
//! call on a disk.
//!
//! Where to start: [`DecisionLog`], [`Metrics`], [`AdminService`], [`JwksEndpoint`],
//! [`OAuthService`].

mod admin;
mod answer;
pub mod browser;
mod decision_log;
mod jwks;
mod metrics;
mod oauth;

pub use admin::{AdminService, Check, Probe};
pub use decision_log::{
    AccessRecord, DecisionLog, FaultRecord, LogError, OnFailure, Settings, Target,
};
pub use jwks::{JWKS_PATH, JwksEndpoint, PublishError};
pub use metrics::{
    CertificateGauge, CertificateGauges, InFlight, IssuerMetrics, Loaded, Metrics, ServerGauge,
    UpstreamGauge, UpstreamGauges,
};
pub use oauth::OAuthService;
