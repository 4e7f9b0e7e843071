//! The `doorward` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    doorward::command::run(std::env::args_os())
}
