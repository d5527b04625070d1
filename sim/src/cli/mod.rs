//! The command line of `shoal`.
//!
//! Bad input is one line on standard error that names it, and exit code 2; nothing is left half-written.

mod abi;
mod bench;
mod gen;
mod output;
mod replay;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use shoal_abi::profile::{by_name, Profile, PROFILES};

use crate::lockstep::Mode;

/// Everything held.
const OK: u8 = 0;
/// The scenario failed, or the system did.
const FAILED: u8 = 1;
/// Bad input.
const BAD_INPUT: u8 = 2;
/// Device and reference differ.
const DIVERGED: u8 = 3;
/// A monitor saw a broken rule.
const VIOLATED: u8 = 4;

/// Runs the Shoal device in a simulated host.
#[derive(Debug, Parser)]
#[command(name = "shoal", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario
    Run(run::RunArgs),
    /// Run a recorded run again, from its record alone
    Replay(replay::ReplayArgs),
    /// Write the Verilog of a profile
    Gen(gen::GenArgs),
    /// Print registers, commands, ports and limits
    Abi(abi::AbiArgs),
    /// Measure cycles per second
    Bench(bench::BenchArgs),
}

/// Which devices a run has, on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DutArg {
    /// RTL compared with the model on every port and cycle
    Lockstep,
    /// RTL alone
    Rtl,
    /// The model alone
    Model,
}

impl From<DutArg> for Mode {
    fn from(arg: DutArg) -> Self {
        match arg {
            DutArg::Lockstep => Self::Lockstep,
            DutArg::Rtl => Self::Rtl,
            DutArg::Model => Self::Model,
        }
    }
}

/// Why a command did not do its work: one line, and the exit code.
#[derive(Debug)]
struct CliError {
    message: String,
    code: u8,
}

impl CliError {
    fn bad_input(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: BAD_INPUT }
    }

    fn failed(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: FAILED }
    }
}

/// A profile by its name, for clap.
fn profile(name: &str) -> Result<&'static Profile, String> {
    by_name(name).ok_or_else(|| {
        let names: Vec<_> = PROFILES.iter().map(|p| p.name).collect();
        format!("no such profile; there are {}", names.join(", "))
    })
}

/// Runs the command line `args`, the program's name first.
pub fn main(args: impl IntoIterator<Item = std::ffi::OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(e) if !e.use_stderr() => {
            // Help and version are no errors.
            let _ = e.print();
            return ExitCode::from(OK);
        }
        Err(e) => {
            eprintln!("{}", one_line(&e));
            return ExitCode::from(BAD_INPUT);
        }
    };
    let result = match args.command {
        Command::Run(args) => run::main(args),
        Command::Replay(args) => replay::main(args),
        Command::Gen(args) => gen::main(args),
        Command::Abi(args) => abi::main(args),
        Command::Bench(args) => bench::main(args),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(e) => {
            eprintln!("error: {}", e.message.replace('\n', " "));
            ExitCode::from(e.code)
        }
    }
}

/// clap's message without its usage and hints.
fn one_line(e: &clap::Error) -> String {
    let text = e.render().to_string();
    let mut lines = text.lines().take_while(|l| !l.is_empty()).map(str::trim);
    let first = lines.next().unwrap_or("error: bad arguments").to_owned();
    lines.fold(first, |all, l| all + " " + l)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(args: &[&str]) -> String {
        one_line(&Args::try_parse_from(args).unwrap_err())
    }

    #[test]
    fn bad_arguments_are_named_in_one_line() {
        let e = error(&["shoal", "run", "--profile", "huge"]);
        assert!(e.contains("huge") && e.contains("tiny") && !e.contains('\n'), "{e}");
        let e = error(&["shoal", "run", "--seed", "x"]);
        assert!(e.contains("'x'") && !e.contains('\n'), "{e}");
        let e = error(&["shoal", "frobnicate"]);
        assert!(e.contains("frobnicate") && !e.contains('\n'), "{e}");
    }
}
