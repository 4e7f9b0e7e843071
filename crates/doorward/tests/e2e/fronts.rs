//! Servers of others that ask us about calls and pass allowed ones on, run with the configuration
//! of `examples/`.

mod attacks;
mod disguises;
mod grpc;
mod keeping;
mod mistakes;
pub(crate) mod process;
mod same_decision;
pub(crate) mod servers;
mod spop;
pub(crate) mod tower;
mod world;
