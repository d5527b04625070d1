//! Measures the rows of a matrix, and the figures that traffic gives.

use std::time::Instant;

use shoal_abi::profile::Profile;

use super::beside::Slow;
use super::farm::{Farm, World, PATIENCE};
use super::layout::refusal;
use super::matrix::{Case, Direction, Translations};
use super::rings::Rings;
use super::row::{jain, Row};
use super::wall::Walls;
use super::watch::Counts;
use super::BenchError;
use crate::lockstep::Mode;

/// Packets that pass before a window with every memory access at its latency, at least.
const SETTLE: u64 = 16;
/// Packets a queue of which fairness is judged.
const FAIR: u64 = 4;
/// Devices, and packets of each, of the figure of fairness.
const FAIR_DEVICES: u32 = 16;
const FAIR_PACKETS: u64 = 8;
/// Packets that go alone before the one whose steps are timed.
const ALONE: usize = 4;
/// Cycles after which a device that has nothing to do is at rest.
const REST: u64 = 20_000;

/// A row that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    /// The row.
    pub row: String,
    /// Why.
    pub reason: String,
}

/// Measures `cases`, each over `packets` packets, and if `beside` says so again with one translation at a time and with one chain
/// slot. `told` hears what comes next.
///
/// # Errors
/// When the device does not do what it is asked, or a check fails.
pub fn rows(
    profile: &'static Profile,
    mode: Mode,
    world: World,
    cases: &[Case],
    packets: u64,
    beside: bool,
    told: &mut dyn FnMut(String),
) -> Result<(Vec<Row>, Vec<Skipped>), BenchError> {
    let (mut rows, mut skipped) = (Vec::new(), Vec::new());
    let mut left = cases.to_vec();
    left.retain(|case| match refusal(profile, case) {
        None => true,
        Some(reason) => {
            let row = name(case);
            skipped.push(Skipped { row, reason });
            false
        }
    });
    // Rows of as many devices use the same ones.
    while let Some(active) = left.first().map(|c| c.active) {
        let (these, others): (Vec<_>, Vec<_>) = left.iter().partition(|c| c.active == active);
        left = others;
        told(format!("creating {active} devices"));
        let mut farm = Farm::new(profile, mode, world, active, &these)?;
        for case in these {
            told(name(&case));
            let mut row = farm.row(profile, &world, case, packets)?;
            if beside {
                for (slow, cycles) in [
                    (Slow::Mmu, &mut row.blocking_cycles_per_packet),
                    (Slow::Engine, &mut row.single_cycles_per_packet),
                ] {
                    told(format!("{}, one at a time", name(&case)));
                    *cycles = Some(farm.slowly(profile, &world, case, slow)?);
                }
            }
            rows.push(row);
        }
        farm.finish()?;
    }
    // In the order that was asked for.
    let place = |r: &Row| {
        cases.iter().position(|c| {
            (c.frame, c.direction, c.batch) == (r.frame, r.direction, r.batch)
                && (c.active, c.translations) == (r.active, r.translations)
        })
    };
    rows.sort_by_key(place);
    Ok((rows, skipped))
}

/// The value that `percent` of 100 of the `sorted` ones do not exceed.
pub(crate) fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let at = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(at - 1).copied()
}

/// A row in words.
#[must_use]
pub fn name(case: &Case) -> String {
    format!(
        "{} bytes {}, batch {}, {} active, {}",
        case.frame,
        case.direction.name(),
        case.batch,
        case.active,
        case.translations.name()
    )
}

impl Farm {
    pub(super) fn row(
        &mut self,
        profile: &Profile,
        world: &World,
        case: Case,
        packets: u64,
    ) -> Result<Row, BenchError> {
        let (started, first) = (Instant::now(), self.bench.host.cycle());
        let mut rings = self.begin(case)?;
        if case.translations == Translations::Warm {
            // Every translation once; more than the IOTLB holds make no difference.
            self.run(
                &mut rings,
                case.open().min(4 * profile.iotlb_pages() as u64),
            )?;
        }
        self.set_fast(false);
        let slow = self.bench.host.cycle();
        self.run(&mut rings, case.open().min(packets).max(SETTLE))?;
        self.sink.borrow_mut().served.fill(0);
        rings.latencies.clear();
        let (from, before, link) = self.now();
        self.run(&mut rings, packets)?;
        let (to, after, link_after) = self.now();

        let n = (after.packets() - before.packets()) as f64;
        let cycles = (to - from) as f64;
        let walls = Walls::of(
            &case.load(),
            profile.beat_bytes() as u64,
            world.link.as_ref(),
        );
        let each = |a: u64, b: u64| (b - a) as f64 / n;
        let beats = (
            each(before.read_beats, after.read_beats),
            each(before.write_beats, after.write_beats),
        );
        let cycles_per_packet = cycles / n;
        let mut latencies: Vec<u64> = rings
            .latencies
            .iter()
            .filter(|l| l.began >= slow)
            .map(|l| l.cycles)
            .collect();
        latencies.sort_unstable();
        // Fewer than are open at once: the quick ones alone would be seen.
        if packets < case.open() {
            latencies.clear();
        }
        let of_100 = |p: usize| percentile(&latencies, p);
        let served = self.sink.borrow().served.clone();
        let total = self.bench.host.cycle() - first;
        Ok(Row {
            frame: case.frame,
            direction: case.direction,
            batch: case.batch,
            queued: case.queued,
            active: case.active,
            translations: case.translations,
            ring: "split",
            packets: n as u64,
            cycles_per_packet,
            blocking_cycles_per_packet: None,
            single_cycles_per_packet: None,
            reads_per_packet: each(before.reads, after.reads),
            read_beats_per_packet: beats.0,
            writes_per_packet: each(before.writes, after.writes),
            write_beats_per_packet: beats.1,
            bus_use: beats.0.max(beats.1) / cycles_per_packet,
            link_use: world.link.map(|l| {
                let bytes = (link_after.0 - link.0).max(link_after.1 - link.1) as f64;
                bytes / cycles / l.speed.bytes_a_cycle()
            }),
            port_wall: walls.port,
            pcie_wall: world.link.map(|_| walls.pcie),
            wall_share: walls.tighter() / cycles_per_packet,
            p50_cycles: of_100(50),
            p99_cycles: of_100(99),
            walks_per_packet: each(before.walks, after.walks),
            jain: (packets >= FAIR * u64::from(case.queues()))
                .then(|| jain(&served[1..=case.active as usize])),
            cycles: total,
            sim_hz: total as f64 / started.elapsed().as_secs_f64().max(1e-9),
        })
    }

    fn now(&self) -> (u64, Counts, (u64, u64)) {
        let mut host = self.bench.host.borrow_mut();
        let link = host.env().axi.link_bytes();
        (host.cycle(), self.watch.borrow().counts, link)
    }
}

/// Figures that the matrix does not show, cycles.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Steps {
    /// From the acceptance of a doorbell's data to the first AR, of an idle device with warm translations.
    pub doorbell_to_dma: u64,
    /// From the response to the write of the used index to the message's AW.
    pub used_to_msi: u64,
    /// Jain's index of the packets of 16 devices (all, if there are fewer) with the same load, in a window of 8 packets each.
    pub jain: f64,
}

/// Measures them.
///
/// # Errors
/// As [`rows`].
pub fn steps(profile: &'static Profile, mode: Mode, world: World) -> Result<Steps, BenchError> {
    let alone = Case::new(64, Direction::Tx, 1, 1, Translations::Warm, 1);
    let quiet = World { jitter: 0, ..world };
    let mut farm = Farm::new(profile, mode, quiet, 1, &[alone])?;
    let mut rings = farm.begin(alone)?;
    farm.run(&mut rings, 1)?;
    farm.set_fast(false);
    let mut last = (0, 0);
    for _ in 0..ALONE {
        last = farm.one(&mut rings)?;
    }
    farm.finish()?;

    let devices = FAIR_DEVICES.min(profile.devices);
    let fair = Case::new(64, Direction::Tx, 1, devices, Translations::Warm, devices);
    let mut farm = Farm::new(profile, mode, world, devices, &[fair])?;
    let packets = FAIR_PACKETS * u64::from(devices);
    let row = farm.row(profile, &world, fair, packets)?;
    farm.finish()?;
    Ok(Steps {
        doorbell_to_dma: last.0,
        used_to_msi: last.1,
        jain: row.jain.unwrap_or_default(),
    })
}

impl Farm {
    /// Times the steps of a packet that goes alone, on an idle device: doorbell to AR, used index to message.
    fn one(&self, rings: &mut Rings) -> Result<(u64, u64), BenchError> {
        rings.is_held = true;
        self.step_until(rings, Rings::is_due)?;
        for _ in 0..REST {
            self.step(rings)?;
        }
        self.watch.borrow_mut().forget_steps();
        rings.is_held = false;
        self.step_until(rings, |_| self.watch.borrow().message.is_some())?;
        let w = self.watch.borrow();
        match (w.doorbell, w.first_read, w.index_written, w.message) {
            (Some(rung), Some(read), Some(index), Some(message)) => {
                Ok((read.saturating_sub(rung), message.saturating_sub(index)))
            }
            steps => Err(BenchError::Failed(format!(
                "a packet alone did not take every step: {steps:?}"
            ))),
        }
    }

    fn step_until(
        &self,
        rings: &mut Rings,
        mut done: impl FnMut(&Rings) -> bool,
    ) -> Result<(), BenchError> {
        for _ in 0..PATIENCE {
            if done(rings) {
                return Ok(());
            }
            self.step(rings)?;
        }
        Err(BenchError::Failed(format!(
            "nothing came back within {PATIENCE} cycles"
        )))
    }
}
