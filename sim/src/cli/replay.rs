//! `shoal replay`: a recorded run again, without its environment.

use std::path::PathBuf;

use clap::Args;

use super::output::{check_wave, table};
use super::{CliError, DutArg, DIVERGED, OK, VIOLATED};
use crate::dut::rtl_hash;
use crate::lockstep::{Failure, Mode};
use crate::record::Reader;
use crate::replay;
use crate::setup::Setup;

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
    let record = Reader::open(&args.file)
        .map_err(|e| CliError::bad_input(format!("{}: {e}", args.file.display())))?;
    if let Some(path) = &args.wave {
        check_wave(path)?;
    }
    let mode = Mode::from(args.dut);
    let setup = Setup::of_record(&record, mode);
    let hash = rtl_hash(setup.profile);
    if mode != Mode::Model && record.header().rtl != hash {
        let recorded = &record.header().rtl;
        eprintln!("note: recorded with RTL {recorded}, this build has {hash}: the run may differ");
    }
    let report = replay::replay(&args.file, &setup).map_err(CliError::bad_input)?;
    table(&[
        ("scenario".into(), setup.scenario.clone()),
        ("device".into(), format!("profile {}, {}, seed {}", setup.profile.name, mode.name(), setup.seed)),
        ("cycles".into(), report.cycles.to_string()),
        (
            "compared".into(),
            format!("{} ports in {} cycles", report.compared_ports, report.compared_cycles),
        ),
    ]);
    if let Some(failure) = &report.failure {
        eprintln!("{failure}");
    }
    if let Some(path) = &args.wave {
        let (from, to) = match &report.failure {
            Some(f) => {
                (f.cycle().saturating_sub(replay::WAVE_BEFORE), f.cycle() + replay::WAVE_AFTER)
            }
            None => (0, u64::MAX),
        };
        let cycles =
            replay::wave(&args.file, &setup, path, from, to).map_err(CliError::bad_input)?;
        eprintln!("waveform: {} ({cycles} cycles)", path.display());
    }
    Ok(match report.failure {
        None => OK,
        Some(Failure::Violation(_)) => VIOLATED,
        Some(Failure::Divergence(_) | Failure::Panic { .. }) => DIVERGED,
    })
}
