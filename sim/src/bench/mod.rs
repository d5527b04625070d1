//! Measurements: cycles of each kind of request and of each admin command, and the speed of the simulation.
//!
//! Cycles are counted in a world without stalls, so that they are the device's own; speed is measured in the ordinary one.

mod admin;
mod queue;
mod requests;
mod speed;

pub use admin::{admin, CommandCycles, COMMAND_LATENCIES};
pub use requests::{requests, RequestCycles, REQUEST_LATENCIES};
pub use speed::{speed, Speed};

use shoal_abi::profile::Profile;
use shoal_driver::{Mgmtdev, Options};

use crate::env::EnvSettings;
use crate::host::{Host, HostError, HostSettings, SharedHost};
use crate::lockstep::Mode;
use crate::setup::Setup;

/// Seed of every measurement.
const SEED: u64 = 1;

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The simulation.
    #[error("{0}")]
    Host(#[from] HostError),
    /// The driver.
    #[error("driver: {0}")]
    Driver(#[from] shoal_driver::Error),
    /// The device, its reference or the record of the run.
    #[error("{0}")]
    Failed(String),
}

/// A host with a probed device, `latency` cycles from its memory and with nothing else in its way.
fn smooth(profile: &'static Profile, mode: Mode, latency: u32) -> Result<Bench, BenchError> {
    let mut env = EnvSettings::smooth(SEED, latency);
    (env.blk.delay, env.blk.jitter) = (0, 0);
    let setup = Setup::new(profile, SEED, mode, Vec::new());
    let host = Host::new(
        &setup,
        HostSettings {
            env,
            ..HostSettings::new(SEED)
        },
    )?;
    Bench::new(host)
}

/// A host and the driver of its device.
struct Bench {
    host: SharedHost,
    mgmtdev: Mgmtdev<SharedHost>,
}

impl Bench {
    fn new(host: Host) -> Result<Self, BenchError> {
        let host = SharedHost::new(host);
        let mgmtdev = Mgmtdev::probe(host.clone(), Options::default())?;
        Ok(Self { host, mgmtdev })
    }

    /// Ends the run; a check that failed is an error.
    fn finish(self) -> Result<crate::host::RunReport, BenchError> {
        drop(self.mgmtdev);
        let report = self.host.finish()?;
        match &report.check.failure {
            Some(failure) => Err(BenchError::Failed(failure.to_string())),
            None => Ok(report),
        }
    }
}

#[cfg(all(test, feature = "model"))]
mod tests {
    use super::*;
    use shoal_abi::profile::TINY;

    #[test]
    fn every_request_and_command_is_measured_and_a_slower_memory_costs_more() {
        let requests = requests(&TINY, Mode::Model, &mut |_| {}).unwrap();
        let (fast, slow): (Vec<_>, Vec<_>) = requests
            .iter()
            .filter(|r| r.latency != 100)
            .partition(|r| r.latency == 0);
        assert_eq!((fast.len(), slow.len()), (6, 6));
        for (a, b) in fast.iter().zip(&slow) {
            assert_eq!((a.request, a.bytes), (b.request, b.bytes));
            assert!(a.alone + 250 < b.alone && a.each < b.each, "{a:?} {b:?}");
            // Some of what a request does alone is done beside others in a stream.
            assert!(b.each <= b.alone as f64, "{b:?}");
            // 64 bits a cycle at most.
            assert!(a.each > f64::from(a.bytes) / 8.0, "{a:?}");
        }
        let commands = admin(&TINY, Mode::Model).unwrap();
        assert!(commands.len() > 2 * 12);
        let create = |latency| {
            commands
                .iter()
                .find(|c| c.command == "DEV_CREATE" && c.latency == latency)
                .unwrap()
                .cycles
        };
        assert!(create(100) > 300 && create(250) > create(100) + 300);
    }
}
