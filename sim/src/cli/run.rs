//! `shoal run`: a scenario against a device, with every check.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use shoal_abi::profile::{Profile, MID};

use super::output::{check_wave, check_writable, print_failure, table, write_whole};
use super::{failure_code, profile, CliError, DutArg, BAD_INPUT, DIVERGED, FAILED, OK, VIOLATED};
use crate::env::EnvSettings;
use crate::host::{Host, HostError, HostSettings, RunReport, SharedHost};
use crate::record::Recording;
use crate::replay;
use crate::scenario::{self, Outcome, Params, Scenario, ScenarioError};
use crate::setup::Setup;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Scenario; `list` shows them
    #[arg(default_value = "demo")]
    scenario: String,
    /// Profile of the device
    #[arg(long, default_value = MID.name, value_parser = profile)]
    profile: &'static Profile,
    /// Managed devices to use
    #[arg(long)]
    devices: Option<u32>,
    /// Seed of every random choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What to run
    #[arg(long, value_enum, default_value_t = DutArg::Lockstep)]
    dut: DutArg,
    /// Cycles of a host memory access
    #[arg(long, value_name = "CYCLES")]
    latency: Option<u32>,
    /// Cycles after which the run fails
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    max_cycles: u64,
    /// Waveform of the whole run, .fst or .vcd
    #[arg(long, value_name = "FILE")]
    wave: Option<PathBuf>,
    /// Numbers of the run as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Folder for the replay file and the waveform of a failed run
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Keep the replay file of a good run too
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Do not record the run: no replay file, no waveform of a failure
    #[arg(long, conflicts_with = "record")]
    no_record: bool,
    /// Put a fault into the RTL; a wrong name lists them
    #[cfg(feature = "breaks")]
    #[arg(long = "break", value_name = "NAME")]
    break_name: Option<String>,
}

/// The numbers of a run.
#[derive(Debug, Serialize)]
struct Numbers {
    scenario: String,
    profile: &'static str,
    seed: u64,
    dut: &'static str,
    result: &'static str,
    cycles: u64,
    compared_cycles: u64,
    compared_ports: usize,
    divergences: u64,
    monitor_violations: u64,
    vdevs_created: u64,
    vdevs_destroyed: u64,
    packets_tx: u64,
    packets_rx: u64,
    bytes_tx: u64,
    bytes_rx: u64,
    blk_reads: u64,
    blk_writes: u64,
    interrupts: u64,
    faults: u64,
    sim_hz: f64,
    wall_s: f64,
}

pub(super) fn main(args: RunArgs) -> Result<u8, CliError> {
    if args.scenario == "list" {
        table(
            &scenario::all()
                .iter()
                .map(|s| (s.name().into(), s.about().into()))
                .collect::<Vec<_>>(),
        );
        return Ok(OK);
    }
    let scenario = scenario::by_name(&args.scenario).ok_or_else(|| {
        CliError::bad_input(format!(
            "no scenario `{}`; `shoal run list` shows them",
            args.scenario
        ))
    })?;
    let params = Params {
        profile: args.profile,
        seed: args.seed,
        devices: args.devices,
    };
    check(&args)?;
    let mut setup = Setup::new(args.profile, args.seed, args.dut.into(), plusargs(&args)?);
    setup.scenario = scenario.name().to_owned();
    let host =
        Host::new(&setup, settings(&args, scenario, &params)).map_err(CliError::bad_input)?;

    let mut outcome = Outcome::default();
    let (result, report) = drive(scenario, host, &params, &mut outcome)?;
    finish(&args, &setup, &outcome, result, report)
}

/// Refuses what could only fail later.
fn check(args: &RunArgs) -> Result<(), CliError> {
    if let Some(n) = args.devices {
        if n == 0 || n > args.profile.devices {
            return Err(CliError::bad_input(format!(
                "--devices {n}: profile {} has 1..={}",
                args.profile.name, args.profile.devices
            )));
        }
    }
    if args.max_cycles == 0 {
        return Err(CliError::bad_input("--max-cycles 0: at least 1"));
    }
    if let Some(path) = &args.wave {
        check_wave(path)?;
    }
    for path in args.json.iter().chain(&args.record) {
        check_writable(path)?;
    }
    if !args.no_record {
        check_writable(&args.out.join("x"))?;
    }
    Ok(())
}

#[cfg(feature = "breaks")]
fn plusargs(args: &RunArgs) -> Result<Vec<String>, CliError> {
    let Some(name) = &args.break_name else {
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
fn plusargs(_args: &RunArgs) -> Result<Vec<String>, CliError> {
    Ok(Vec::new())
}

fn settings(args: &RunArgs, scenario: &dyn Scenario, params: &Params) -> HostSettings {
    let mut env = EnvSettings::new(args.seed);
    scenario.world(params, &mut env);
    if let Some(latency) = args.latency {
        env.axi.latency = latency;
    }
    HostSettings {
        env,
        max_cycles: args.max_cycles,
        record_dir: (!args.no_record).then(|| args.out.clone()),
        wave: args.wave.clone(),
        ..HostSettings::new(args.seed)
    }
}

/// Runs the scenario under a progress bar and ends the host.
fn drive(
    scenario: &dyn Scenario,
    mut host: Host,
    params: &Params,
    outcome: &mut Outcome,
) -> Result<(Result<(), ScenarioError>, RunReport), CliError> {
    let bar = ProgressBar::new_spinner().with_message(scenario.name());
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {msg} {human_pos} cycles {per_sec} {elapsed}")
    {
        bar.set_style(style);
    }
    let in_host = bar.clone();
    host.set_progress(Box::new(move |cycle| in_host.set_position(cycle)));
    let shared = SharedHost::new(host);
    let result = scenario.run(&shared, params, outcome);
    bar.finish_and_clear();
    let report = shared.finish().map_err(CliError::failed)?;
    Ok((result, report))
}

fn finish(
    args: &RunArgs,
    setup: &Setup,
    outcome: &Outcome,
    result: Result<(), ScenarioError>,
    mut report: RunReport,
) -> Result<u8, CliError> {
    let recording = report.check.recording.take();
    let code = match (failure_code(report.check.failure.as_ref()), &result) {
        (OK, Err(ScenarioError::Params(_))) => BAD_INPUT,
        (OK, Err(_)) => FAILED,
        (code, _) => code,
    };
    if code == BAD_INPUT {
        return Err(CliError::bad_input(
            result.err().map_or(String::new(), |e| e.to_string()),
        ));
    }
    let numbers = numbers(setup, outcome, &report, code);
    print_summary(&numbers, outcome);
    if let Some(path) = &args.json {
        let mut text = serde_json::to_string_pretty(&numbers).map_err(CliError::failed)?;
        text.push('\n');
        write_whole(path, text.as_bytes())?;
    }
    print_failure(&report.check);
    // After a failed check the scenario has only heard that the run is over.
    if let (None, Err(e)) = (&report.check.failure, &result) {
        eprintln!("scenario {}: {e}", setup.scenario);
    }
    match recording {
        Some(Err(e)) => eprintln!("the run was not recorded: {e}"),
        Some(Ok(recording)) => keep(args, setup, recording, &report, code),
        None => {}
    }
    Ok(code)
}

/// Keeps the record of a failed run, makes the waveform of the failure, and says where they are.
fn keep(args: &RunArgs, setup: &Setup, recording: Recording, report: &RunReport, code: u8) {
    if !recording.is_complete {
        eprintln!(
            "the record ends after {} cycles: its limit is reached",
            recording.cycles
        );
    }
    let stem = format!(
        "shoal-{}-{}-{}",
        setup.scenario, setup.profile.name, setup.seed
    );
    let path = match &args.record {
        Some(path) => path.clone(),
        None if code != OK => args.out.join(format!("{stem}.rec")),
        None => return,
    };
    match recording.keep(&path) {
        Ok(path) => eprintln!("replay file: {}", path.display()),
        Err(e) => return eprintln!("replay file {}: {e}", path.display()),
    }
    if let Some(failure) = &report.check.failure {
        wave(
            setup,
            &path,
            &args.out.join(format!("{stem}.fst")),
            failure.cycle(),
        );
    }
}

/// Makes the waveform around a failure and says where it is.
pub(super) fn wave(setup: &Setup, record: &Path, path: &Path, cycle: u64) {
    match replay::wave_around(record, setup, path, cycle) {
        Ok(cycles) => eprintln!("waveform: {} ({cycles} cycles)", path.display()),
        Err(e) => eprintln!("no waveform: {e}"),
    }
}

fn numbers(setup: &Setup, outcome: &Outcome, report: &RunReport, code: u8) -> Numbers {
    let (check, c) = (&report.check, &report.counters);
    Numbers {
        scenario: setup.scenario.clone(),
        profile: setup.profile.name,
        seed: setup.seed,
        dut: setup.mode.name(),
        result: match code {
            OK => "ok",
            DIVERGED => "divergence",
            VIOLATED => "violation",
            _ => "failed",
        },
        cycles: check.cycles,
        compared_cycles: check.compared_cycles,
        compared_ports: check.compared_ports,
        divergences: u64::from(code == DIVERGED),
        monitor_violations: u64::from(code == VIOLATED),
        vdevs_created: outcome.vdevs_created,
        vdevs_destroyed: outcome.vdevs_destroyed,
        packets_tx: c.packets_tx,
        packets_rx: c.packets_rx,
        bytes_tx: c.bytes_tx,
        bytes_rx: c.bytes_rx,
        blk_reads: c.blk_reads,
        blk_writes: c.blk_writes,
        interrupts: c.interrupts,
        faults: outcome.faults,
        sim_hz: report.sim_hz(),
        wall_s: report.wall.as_secs_f64(),
    }
}

fn print_summary(n: &Numbers, outcome: &Outcome) {
    let row = |name: &str, value: String| (name.to_owned(), value);
    let mut rows = vec![
        row("scenario", format!("{} ({})", n.scenario, n.result)),
        row(
            "device",
            format!("profile {}, {}, seed {}", n.profile, n.dut, n.seed),
        ),
        row(
            "cycles",
            format!(
                "{} in {:.2} s, {:.0} kHz",
                n.cycles,
                n.wall_s,
                n.sim_hz / 1e3
            ),
        ),
        row(
            "compared",
            format!("{} ports in {} cycles", n.compared_ports, n.compared_cycles),
        ),
        row(
            "vdevs",
            format!(
                "{} created, {} destroyed",
                n.vdevs_created, n.vdevs_destroyed
            ),
        ),
        row(
            "packets",
            format!(
                "{} out ({} bytes), {} in ({} bytes)",
                n.packets_tx, n.bytes_tx, n.packets_rx, n.bytes_rx
            ),
        ),
        row(
            "block",
            format!("{} reads, {} writes", n.blk_reads, n.blk_writes),
        ),
        row("interrupts", n.interrupts.to_string()),
        row("faults", n.faults.to_string()),
    ];
    rows.extend(outcome.notes.iter().cloned());
    table(&rows);
}

/// A host that cannot be made because of what the user asked for.
impl From<HostError> for CliError {
    fn from(e: HostError) -> Self {
        Self::failed(e)
    }
}
