//! Doorward: the guard at an API's door.
//!
//! What it is: the command line, the configuration, and the wiring of everything else. It is a
//! library so that the tests and the fuzzer reach its parsers; the binary calls
//! [`command::run`] and nothing else.
//!
//! What it never does: judge a call. That is the gate's, in `doorward-core`.
//!
//! Where to start: [`cli`], then [`command`], then [`wiring`].

pub mod acme;
pub mod cli;
pub mod clock;
pub mod command;
pub mod config;
pub mod control_socket;
pub mod desk;
pub mod outbound;
pub mod output;
pub mod sample_api;
pub mod state;
pub mod wiring;
