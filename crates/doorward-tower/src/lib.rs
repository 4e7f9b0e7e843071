#![doc = include_str!("../README.md")]
//!
//! # In this crate
//!
//! What it is: [`GuardLayer`] and the service that it makes, [`Guard`]; what a guarded service
//! finds in the extensions of its requests, [`Admitted`] and a
//! [`Principal`](doorward_core::Principal); and with the feature `axum` extractors for handlers.
//!
//! What it never does: authenticate or decide, which is the gate's; route; open sockets; hold a
//! body in memory that no rule judges; pass anything on without a permit.
//!
//! Where to start: [`GuardLayer::new`]; inside, `service.rs` is one call.

mod admitted;
mod answer;
mod arrival;
mod body;
#[cfg(feature = "axum")]
mod extract;
mod judged;
mod layer;
mod passed_on;
mod service;

pub use admitted::Admitted;
pub use arrival::Arrived;
pub use body::{AnswerBody, BodyError, GuardedBody};
#[cfg(feature = "axum")]
pub use extract::{Caller, Unguarded};
pub use layer::GuardLayer;
pub use service::Guard;
