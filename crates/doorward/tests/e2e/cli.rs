//! The command line, as a person and as a script meet it.

mod check;
mod commands;
mod demo;
mod documented;
mod explain;
mod guide;
mod issuer;
mod set;
mod token;
