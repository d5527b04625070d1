//! Measurements: cycles of each kind of request and of each admin command, the matrix of packets against its walls, and the
//! speed of the simulation.
//!
//! Cycles are counted in a world without stalls, so that they are the device's own; speed is measured in the ordinary one.
//! `requests` has a driver for each device; the matrix (`matrix`, `rows`) has bare rings in memory (`layout`, `rings`) behind
//! devices that `farm` creates, what `watch` sees at the ports, and the walls of `wall`.

mod admin;
mod beside;
mod farm;
mod figures;
mod layout;
mod matrix;
mod plot;
mod queue;
mod requests;
mod rings;
mod row;
mod rows;
mod sink;
mod speed;
mod traffic;
mod wall;
mod watch;

pub use admin::{admin, provision, CommandCycles, COMMAND_LATENCIES};
pub use beside::nonblocking_over_blocking;
pub use farm::World;
pub use figures::{Figures, LATENCY};
pub use matrix::{quick, Case, Choice, Direction, Translations, IN_FLIGHT, MOST_VISIBLE};
pub use plot::plot;
pub use requests::{requests, RequestCycles, REQUEST_LATENCIES};
pub use row::Row;
pub use rows::{rows, steps, Skipped, Steps};
pub use speed::{speed, Speed};
pub use wall::{packet_bytes, Load, Walls};

pub(crate) use farm::Farm;
pub(crate) use layout::refusal;
pub(crate) use rings::{Refill, Rings};
pub(crate) use row::jain;
pub(crate) use rows::percentile;
pub(crate) use sink::{SharedSink, TX};

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
pub(crate) struct Bench {
    pub(crate) host: SharedHost,
    pub(crate) mgmtdev: Mgmtdev<SharedHost>,
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
            // Some of what a request does alone is done beside others in a stream, but a buffer of the stream may lie on two pages
            // whose entries the one alone need not read, and the ring's first entries come with the index. Packets are received one by one.
            assert!(b.each <= (b.alone + 3 * 250) as f64, "{b:?}");
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
        // Four commands in a row cost less than one alone.
        let each = provision(&TINY, Mode::Model, 8).unwrap();
        assert!((500..4 * create(250)).contains(&each), "{each}");
    }

    fn world(link: Option<crate::env::LinkSettings>) -> World {
        World {
            latency: 100,
            jitter: 20,
            link,
        }
    }

    #[test]
    fn every_kind_of_row_is_measured_and_none_is_better_than_its_walls() {
        use crate::env::{LinkSettings, LinkSpeed};
        let choice = Choice {
            frames: vec![64, 1518],
            batches: vec![1, 8],
            active: vec![1, 5],
            ..Choice::default()
        };
        let cases = choice.cases(&TINY, 32);
        let link = LinkSettings::new(LinkSpeed::Gen3x16);
        let (rows, skipped) = rows(
            &TINY,
            Mode::Model,
            world(Some(link)),
            &cases,
            48,
            true,
            &mut |_| {},
        )
        .unwrap();
        assert_eq!((rows.len(), skipped.len()), (cases.len(), 0));
        for (row, case) in rows.iter().zip(&cases) {
            assert_eq!((row.frame, row.active), (case.frame, case.active));
            assert!(row.wall_share > 0.0 && row.wall_share <= 1.0, "{row:?}");
            // Both halves of a descriptor and what is sent: no device reads less, however much it finds at a time.
            let sent = if case.direction == Direction::Tx {
                packet_bytes(case.frame).div_ceil(8) as f64
            } else {
                0.0
            };
            assert!(row.read_beats_per_packet >= 2.0 + sent, "{row:?}");
            let link_bytes = row.link_use.unwrap() * row.cycles_per_packet;
            assert!(link_bytes >= row.pcie_wall.unwrap(), "{row:?}");
            if case.translations == Translations::Cold {
                assert!(row.walks_per_packet >= 0.95, "{row:?}");
            }
            assert!(row.blocking_cycles_per_packet.is_some(), "{row:?}");
            if case.open() <= 48 {
                assert!(row.p50_cycles.unwrap() <= row.p99_cycles.unwrap());
                assert!(row.p50_cycles.unwrap() > 2 * 100, "{row:?}");
            }
        }
    }

    #[test]
    fn one_device_with_warm_translations_does_not_walk_and_its_steps_are_short() {
        use shoal_abi::profile::MID;
        let case = Case::new(64, Direction::Tx, 8, 1, Translations::Warm, 8);
        let (rows, _) = rows(
            &MID,
            Mode::Model,
            world(None),
            &[case],
            32,
            false,
            &mut |_| {},
        )
        .unwrap();
        assert_eq!(rows[0].walks_per_packet, 0.0, "{:?}", rows[0]);
        assert_eq!((rows[0].pcie_wall, rows[0].link_use), (None, None));
        let steps = steps(&MID, Mode::Model, world(None)).unwrap();
        assert!((5..=16).contains(&steps.doorbell_to_dma), "{steps:?}");
        // The event has been read before.
        assert!((1..=8).contains(&steps.used_to_msi), "{steps:?}");
        assert!(steps.jain > 0.9 && steps.jain <= 1.0, "{steps:?}");
    }

    #[test]
    fn one_thing_at_a_time_is_slower() {
        use shoal_abi::profile::MID;
        let case = Case::new(64, Direction::Tx, 1, 32, Translations::Cold, 32);
        let (rows, _) = rows(
            &MID,
            Mode::Model,
            world(None),
            &[case],
            64,
            true,
            &mut |_| {},
        )
        .unwrap();
        let slower = |cycles: Option<f64>| cycles.unwrap() / rows[0].cycles_per_packet;
        assert!(slower(rows[0].blocking_cycles_per_packet) > 2.0, "{rows:?}");
        assert!(slower(rows[0].single_cycles_per_packet) > 10.0, "{rows:?}");
        let gain = nonblocking_over_blocking(&MID, Mode::Model, world(None)).unwrap();
        assert!(gain > 5.0, "{gain}");
    }

    #[test]
    fn a_row_that_needs_too_much_memory_is_left_out_with_its_reason() {
        let case = Case::new(1518, Direction::Tx, 32, 131_072, Translations::Warm, 1);
        let large = Profile {
            devices: 131_072,
            queues: 262_144,
            doorbell_pages: 131_072,
            asids: 131_072,
            ..TINY
        };
        let why = super::layout::refusal(&large, &case).unwrap();
        assert!(why.contains("memory"), "{why}");
        assert!(super::layout::refusal(&TINY, &case)
            .unwrap()
            .contains("room for 8 devices"));
        let small = Case::new(64, Direction::Tx, 1, 131_072, Translations::Warm, 1);
        assert_eq!(super::layout::refusal(&large, &small), None);
    }
}
