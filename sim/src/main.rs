//! The `shoal` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    shoal::cli::main(std::env::args_os())
}
