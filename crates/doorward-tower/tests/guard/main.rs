//! A guarded service as its callers, and its attackers, see it.

#![cfg(test)]

mod attacks;
mod bodies;
mod cors;
mod extractors;
mod service;
mod signed;
mod socket;
mod world;

#[path = "../../examples/axum/app.rs"]
mod app;
#[path = "../../examples/axum/door.rs"]
mod door;
