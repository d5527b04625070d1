//! `shoal bench`: cycles per second of each kind of run, with the device idle behind a polling register bus.

use clap::Args;
use shoal_abi::profile::{Profile, TINY};
use shoal_abi::regs::READY;

use super::output::table;
use super::{profile, CliError, FAILED, OK};
use crate::host::{Host, HostSettings};
use crate::lockstep::Mode;
use crate::setup::Setup;

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Profile of the device
    #[arg(long, default_value = TINY.name, value_parser = profile)]
    profile: &'static Profile,
    /// Cycles of each run
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1000..))]
    cycles: u64,
}

pub(super) fn main(args: BenchArgs) -> Result<u8, CliError> {
    let mut rows = Vec::new();
    let mut measured = 0;
    for mode in [Mode::Model, Mode::Rtl, Mode::Lockstep] {
        let rate = measure(args.profile, mode, args.cycles);
        measured += usize::from(rate.is_ok());
        let text = rate.map_or_else(|e| e, |hz| format!("{:.1} kHz", hz / 1e3));
        rows.push((mode.name().to_owned(), text));
    }
    table(&rows);
    Ok(if measured > 0 { OK } else { FAILED })
}

fn measure(profile: &'static Profile, mode: Mode, cycles: u64) -> Result<f64, String> {
    let setup = Setup::new(profile, 1, mode, Vec::new());
    let mut host = Host::new(&setup, HostSettings::new(1)).map_err(|e| e.to_string())?;
    let mut ended = Ok(0);
    while host.cycle() < cycles && ended.is_ok() {
        ended = host.read32(READY.offset);
    }
    let report = host.finish().map_err(|e| e.to_string())?;
    match &report.check.failure {
        Some(failure) => Err(failure.to_string().replace('\n', " ")),
        None => ended.map(|_| report.sim_hz()).map_err(|e| e.to_string()),
    }
}
