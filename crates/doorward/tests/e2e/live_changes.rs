//! Changes while the server runs, and what is left of them when it dies.

mod crash;
mod credentials;
mod reload;
