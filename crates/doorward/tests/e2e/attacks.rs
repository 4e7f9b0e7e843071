//! Attacks that have really happened, tried on the door from outside.

mod headers;
mod keys;
mod paths;
mod raw;
mod tokens;
