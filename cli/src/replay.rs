//! `shoal replay`: a recorded run again, without its environment.

use std::path::PathBuf;

use clap::Args;

use super::output::{check_wave, print_failure, table};
use super::{failure_code, CliError, DutArg, FAILED, OK};
use shoal::lockstep::Mode;
use shoal::replay;
use shoal::setup::Setup;

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// Replay file
    file: PathBuf,
    /// What to run
    #[arg(long, value_enum, default_value_t = DutArg::Lockstep)]
    dut: DutArg,
    /// Waveform: around the failure, or of the whole run when nothing fails
    #[arg(long, value_name = "FILE")]
    wave: Option<PathBuf>,
}

pub(super) fn main(args: ReplayArgs) -> Result<u8, CliError> {
    let record = replay::open(&args.file).map_err(CliError::bad_input)?;
    if let Some(path) = &args.wave {
        check_wave(path)?;
    }
    let mode = Mode::from(args.dut);
    let setup = Setup::of_record(&record, mode);
    let replayed = replay::replay(&args.file, &setup).map_err(CliError::bad_input)?;
    let report = &replayed.check;
    table(&[
        ("scenario".into(), setup.scenario.clone()),
        (
            "device".into(),
            format!(
                "profile {}, {}, seed {}",
                setup.profile.name,
                mode.name(),
                setup.seed
            ),
        ),
        ("cycles".into(), report.cycles.to_string()),
        (
            "compared".into(),
            format!(
                "{} ports in {} cycles",
                report.compared_ports, report.compared_cycles
            ),
        ),
        (
            "digest".into(),
            format!(
                "{:016x}, {}",
                report.digest,
                match replayed.recorded {
                    None => "not in the record",
                    Some(_) if replayed.is_same() => "as recorded",
                    Some(_) => "ANOTHER than recorded",
                }
            ),
        ),
    ]);
    print_failure(report);
    if let Some(path) = &args.wave {
        let (from, to) = match &report.failure {
            Some(f) => (
                f.cycle().saturating_sub(replay::WAVE_BEFORE),
                f.cycle() + replay::WAVE_AFTER,
            ),
            None => (0, u64::MAX),
        };
        let cycles =
            replay::wave(&args.file, &setup, path, from, to).map_err(CliError::bad_input)?;
        eprintln!("waveform: {} ({cycles} cycles)", path.display());
    }
    Ok(match failure_code(report.failure.as_ref()) {
        OK if !replayed.is_same() => FAILED,
        code => code,
    })
}
