//! `shoal bench`: cycles of requests and commands, and speed of the simulation.

use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use shoal_abi::profile::{Profile, TINY};

use super::output::{check_writable, table, write_whole};
use super::{profile, CliError, DutArg, OK};
use crate::bench::{self, CommandCycles, RequestCycles, Speed};

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Profile of the device
    #[arg(long, default_value = TINY.name, value_parser = profile)]
    profile: &'static Profile,
    /// Device of the cycle counts
    #[arg(long, value_enum, default_value_t = DutArg::Lockstep)]
    dut: DutArg,
    /// Cycles of each run for speed; 0 leaves speed out
    #[arg(long, default_value_t = 400_000)]
    cycles: u64,
    /// All numbers as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Numbers {
    profile: &'static str,
    requests: Vec<RequestCycles>,
    commands: Vec<CommandCycles>,
    speed: Option<Speed>,
}

pub(super) fn main(args: BenchArgs) -> Result<u8, CliError> {
    if let Some(path) = &args.json {
        check_writable(path)?;
    }
    let bar = ProgressBar::new_spinner();
    let mut told = |what: String| {
        bar.set_message(what);
        bar.tick();
    };
    let mode = args.dut.into();
    let requests = bench::requests(args.profile, mode, &mut told).map_err(CliError::failed)?;
    told("admin commands".into());
    let commands = bench::admin(args.profile, mode).map_err(CliError::failed)?;
    told("speed".into());
    let speed = match args.cycles {
        0 => None,
        cycles => Some(bench::speed(args.profile, cycles).map_err(CliError::failed)?),
    };
    bar.finish_and_clear();
    let numbers = Numbers {
        profile: args.profile.name,
        requests,
        commands,
        speed,
    };
    match &args.json {
        Some(path) => {
            let text = serde_json::to_string_pretty(&numbers).map_err(CliError::failed)?;
            write_whole(path, (text + "\n").as_bytes())?;
            if path.as_os_str() != "-" {
                print(&numbers);
            }
        }
        None => print(&numbers),
    }
    Ok(OK)
}

fn print(n: &Numbers) {
    let latencies = |all: &[u32]| {
        all.iter()
            .map(|l| format!("{:>20}", format!("latency {l}")))
            .collect::<String>()
    };
    let mut rows = vec![(
        format!("profile {}, cycles alone / each in a stream", n.profile),
        latencies(&bench::REQUEST_LATENCIES),
    )];
    for row in n
        .requests
        .iter()
        .filter(|r| r.latency == bench::REQUEST_LATENCIES[0])
    {
        let same = n
            .requests
            .iter()
            .filter(|r| (r.request, r.bytes) == (row.request, row.bytes));
        let cells = same.map(|r| format!("{:>20}", format!("{} / {:.1}", r.alone, r.each)));
        rows.push((
            format!("{}, {} bytes", row.request, row.bytes),
            cells.collect(),
        ));
    }
    rows.push((String::new(), String::new()));
    rows.push((
        "cycles of a command".into(),
        latencies(&bench::COMMAND_LATENCIES),
    ));
    let each = n.commands.len() / bench::COMMAND_LATENCIES.len();
    for (k, row) in n.commands.iter().enumerate().take(each) {
        let cells = n
            .commands
            .iter()
            .skip(k)
            .step_by(each)
            .map(|c| format!("{:>20}", c.cycles));
        rows.push((row.command.to_owned(), cells.collect()));
    }
    if let Some(s) = &n.speed {
        rows.push((String::new(), String::new()));
        rows.push(("RTL alone".into(), format!("{:>12.1} kHz", s.bare_hz / 1e3)));
        let what = format!(
            "lockstep, {} ports a cycle, monitors, record",
            s.compared_ports
        );
        rows.push((
            what,
            format!("{:>12.1} kHz, {:.3} of that", s.lockstep_hz / 1e3, s.ratio),
        ));
        rows.push((
            "model alone".into(),
            format!("{:>12.1} kHz", s.model_hz / 1e3),
        ));
    }
    table(&rows);
}
