//! `shoal run`: a scenario against a device, with every check.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use shoal_abi::profile::{Profile, MID};

use super::output::{check_wave, check_writable, table};
use super::results::Results;
use super::{
    failure_code, plusargs, profile, progress, CliError, DutArg, LinkArg, BAD_INPUT, FAILED, OK,
};
use shoal::env::EnvSettings;
use shoal::host::{Host, HostError, HostSettings, RunReport, SharedHost};
use shoal::scenario::{self, Outcome, Params, Scenario, ScenarioError};
use shoal::setup::Setup;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Scenario: demo, smoke, hyperscale, noisy, shares, churn, probe; `list` says what they do
    #[arg(default_value = "demo")]
    scenario: String,
    /// Profile of the device
    #[arg(long, default_value = MID.name, value_parser = profile)]
    profile: &'static Profile,
    /// Managed devices to use; of churn, to create one after the other
    #[arg(long, visible_alias = "n")]
    devices: Option<u32>,
    /// Seconds to go on for, instead of a number of devices (churn)
    #[arg(long, value_name = "SECONDS", conflicts_with = "devices")]
    time: Option<u64>,
    /// Seed of every random choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What to run
    #[arg(long, value_enum, default_value_t = DutArg::Lockstep)]
    dut: DutArg,
    /// Cycles of a host memory access
    #[arg(long, value_name = "CYCLES")]
    latency: Option<u32>,
    /// PCIe link between device and host memory
    #[arg(long, value_enum, default_value_t = LinkArg::None)]
    link: LinkArg,
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

impl RunArgs {
    #[cfg(feature = "breaks")]
    fn break_name(&self) -> Option<&str> {
        self.break_name.as_deref()
    }

    #[cfg(not(feature = "breaks"))]
    fn break_name(&self) -> Option<&str> {
        None
    }
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
        time: args.time.map(Duration::from_secs),
    };
    check(&args, scenario)?;
    let mut setup = Setup::new(
        args.profile,
        args.seed,
        args.dut.into(),
        plusargs(args.break_name())?,
    );
    setup.scenario = scenario.name().to_owned();
    let host =
        Host::new(&setup, settings(&args, scenario, &params)).map_err(CliError::bad_input)?;

    let mut outcome = Outcome::default();
    let (result, report) = drive(scenario, host, &params, &mut outcome)?;
    finish(&args, &setup, &outcome, result, report)
}

/// Refuses what could only fail later.
fn check(args: &RunArgs, scenario: &dyn Scenario) -> Result<(), CliError> {
    if let Some(n) = args.devices {
        let most = scenario.most_devices(args.profile);
        if n == 0 || n > most {
            return Err(CliError::bad_input(format!(
                "--devices {n}: {} with profile {} has 1..={most}",
                args.scenario, args.profile.name
            )));
        }
    }
    if args.time.is_some() && !scenario.is_timed() {
        return Err(CliError::bad_input(format!(
            "--time: {} ends by itself; leave it out",
            args.scenario
        )));
    }
    if args.time == Some(0) {
        return Err(CliError::bad_input("--time 0: at least 1"));
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

fn settings(args: &RunArgs, scenario: &dyn Scenario, params: &Params) -> HostSettings {
    let mut env = EnvSettings::new(args.seed);
    scenario.world(params, &mut env);
    if let Some(latency) = args.latency {
        env.axi.latency = latency;
    }
    env.axi.link = args.link.settings(64);
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
    let bar = progress::show(&mut host, scenario.name());
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
    report: RunReport,
) -> Result<u8, CliError> {
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
    // After a failed check the scenario has only heard that the run is over.
    let why = match (&report.check.failure, &result) {
        (None, Err(e)) => Some(format!("scenario {}: {e}", setup.scenario)),
        _ => None,
    };
    let results = Results {
        json: args.json.as_deref(),
        record: args.record.as_deref(),
        out: &args.out,
    };
    results.write(setup, outcome, report, code, why)?;
    Ok(code)
}

/// A host that cannot be made because of what the user asked for.
impl From<HostError> for CliError {
    fn from(e: HostError) -> Self {
        Self::failed(e)
    }
}
