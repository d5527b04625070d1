//! The `shoal` command.
//!
//! Bad input is one line on standard error that names it, and exit code 2; nothing is left half-written.
#![forbid(unsafe_code)]

mod abi;
mod bench;
mod bench_table;
mod conform;
mod gen;
mod guest;
mod output;
mod progress;
mod replay;
mod results;
mod run;
mod serve;
mod shown;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use shoal_abi::profile::{by_name, Profile, PROFILES};

use shoal::env::{LinkSettings, LinkSpeed};
use shoal::lockstep::{Failure, Mode};

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
#[command(
    name = "shoal",
    version,
    subcommand_required = true,
    arg_required_else_help = false
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario
    Run(run::RunArgs),
    /// Serve the device to other programs
    #[command(subcommand, arg_required_else_help = false)]
    Serve(serve::ServeArgs),
    /// Run Linux in QEMU with the device, and its tools in it
    Guest(guest::GuestArgs),
    /// Run a recorded run again, from its record alone
    Replay(replay::ReplayArgs),
    /// Write the Verilog of a profile
    Gen(gen::GenArgs),
    /// Print registers, commands, ports and limits
    Abi(abi::AbiArgs),
    /// Test what the standard requires, and that hostile tenants do not hurt a neighbour
    Conform(conform::ConformArgs),
    /// Measure cycles of requests and commands, packets against their walls, and speed
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

/// The PCIe link between device and host memory, on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LinkArg {
    /// 16 lanes of 8 GT/s at 250 MHz
    Gen3x16,
    /// 16 lanes of 16 GT/s at 250 MHz
    Gen4x16,
    /// As wide as one likes
    None,
}

impl LinkArg {
    fn speed(self) -> Option<LinkSpeed> {
        match self {
            Self::Gen3x16 => Some(LinkSpeed::Gen3x16),
            Self::Gen4x16 => Some(LinkSpeed::Gen4x16),
            Self::None => None,
        }
    }

    fn name(self) -> &'static str {
        self.speed().map_or("none", LinkSpeed::name)
    }

    /// The link, with completions of so many bytes.
    fn settings(self, completion: u64) -> Option<LinkSettings> {
        self.speed().map(|speed| LinkSettings {
            completion,
            ..LinkSettings::new(speed)
        })
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
        Self {
            message: message.to_string(),
            code: BAD_INPUT,
        }
    }

    fn failed(message: impl ToString) -> Self {
        Self {
            message: message.to_string(),
            code: FAILED,
        }
    }
}

/// The exit code of a run that ended with `failure`.
fn failure_code(failure: Option<&Failure>) -> u8 {
    match failure {
        None => OK,
        Some(Failure::Violation(_)) => VIOLATED,
        // A reference that panics has no opinion of the outputs: that is not equal either.
        Some(Failure::Divergence(_) | Failure::Panic { .. }) => DIVERGED,
    }
}

/// What tells the RTL of the fault `name`, if one is asked for.
#[cfg(feature = "breaks")]
fn plusargs(name: Option<&str>) -> Result<Vec<String>, CliError> {
    let Some(name) = name else {
        return Ok(Vec::new());
    };
    let known = verilated::BREAKS.iter().map(|b| b.0);
    if known.clone().any(|n| n == name) {
        return Ok(vec![format!("+break_{name}")]);
    }
    let names = known.collect::<Vec<_>>().join(", ");
    Err(CliError::bad_input(format!(
        "--break {name}: no such break; there are {names}"
    )))
}

#[cfg(not(feature = "breaks"))]
fn plusargs(_: Option<&str>) -> Result<Vec<String>, CliError> {
    Ok(Vec::new())
}

/// A profile by its name, for clap.
fn profile(name: &str) -> Result<&'static Profile, String> {
    by_name(name).ok_or_else(|| {
        let names: Vec<_> = PROFILES.iter().map(|p| p.name).collect();
        format!("no such profile; there are {}", names.join(", "))
    })
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
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
        Command::Serve(args) => serve::main(args),
        Command::Guest(args) => guest::main(args),
        Command::Replay(args) => replay::main(args),
        Command::Gen(args) => gen::main(args),
        Command::Abi(args) => abi::main(args),
        Command::Conform(args) => conform::main(args),
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
        assert!(
            e.contains("huge") && e.contains("tiny") && !e.contains('\n'),
            "{e}"
        );
        let e = error(&["shoal", "run", "--seed", "x"]);
        assert!(e.contains("'x'") && !e.contains('\n'), "{e}");
        let e = error(&["shoal", "frobnicate"]);
        assert!(e.contains("frobnicate") && !e.contains('\n'), "{e}");
    }

    #[cfg(feature = "breaks")]
    #[test]
    fn an_unknown_break_is_named_in_one_line_with_those_that_there_are() {
        let args = Args::try_parse_from(["shoal", "run", "--break", "nonsense"]).unwrap();
        let Command::Run(args) = args.command else {
            panic!("a run")
        };
        let e = run::main(args).unwrap_err();
        assert_eq!(e.code, BAD_INPUT);
        assert!(
            e.message.contains("nonsense") && e.message.contains("used_first"),
            "{e:?}"
        );
        assert!(!e.message.contains('\n'));
    }

    #[test]
    fn each_way_to_fail_has_its_exit_code() {
        use shoal::lockstep::Divergence;
        use shoal::monitor::Violation;
        let d = Divergence {
            cycle: 1,
            seed: 1,
            ports: Vec::new(),
            transfers: Vec::new(),
        };
        let panic = Failure::Panic {
            cycle: 1,
            message: String::new(),
        };
        let violation = Failure::Violation(Violation::device(1, "axi4", "rule", "numbers"));
        assert_eq!(failure_code(None), 0);
        assert_eq!(failure_code(Some(&Failure::Divergence(Box::new(d)))), 3);
        assert_eq!(failure_code(Some(&panic)), 3);
        assert_eq!(failure_code(Some(&violation)), 4);
    }
}
