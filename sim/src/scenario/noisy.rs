//! A noisy neighbour: one device whose transmit ring is always full beside many that send a packet now and then. The same
//! packets go at the same times without it and with it; what differs is what it costs the others.

use std::collections::VecDeque;

use shoal_driver::{Mgmtdev, Options};

use super::leftover::{self, no_member};
use super::patience::Patience;
use super::{Outcome, Params, Scenario, ScenarioError};
use crate::bench::{
    jain, percentile, refusal, Bench, Case, Direction, Farm, Refill, Translations, TX,
};
use crate::env::Dice;
use crate::host::SharedHost;

/// Devices unless the user chooses, if the profile has that many.
const DEVICES: u32 = 4096;
/// Bytes of a frame with FCS.
const FRAME: u32 = 256;
/// Packets that a ring holds.
const RING: u32 = 64;
/// Packets of the others in all, at least, and of each.
const PACKETS: u32 = 256;
const EACH: u32 = 2;
/// Cycles between two packets of the others, on average.
const GAP: u32 = 1000;
/// Cycles in which a packet of the others must come back.
const PATIENCE: u64 = 2_000_000;
/// Cycles after which every message has arrived and every command is counted.
const SETTLE_CYCLES: u64 = 20_000;
/// Random choices of their own.
const DICE: u64 = 101;
/// Packets between two words about the progress.
const STAGE: usize = 64;

/// See the module.
pub(super) struct Noisy;

impl Scenario for Noisy {
    fn name(&self) -> &'static str {
        "noisy"
    }

    fn about(&self) -> &'static str {
        "one device floods, the others send a little: their latency without it and with it"
    }

    fn run(
        &self,
        host: &SharedHost,
        params: &Params,
        outcome: &mut Outcome,
    ) -> Result<(), ScenarioError> {
        let devices = params
            .devices
            .unwrap_or(DEVICES.min(params.profile.devices));
        let case = Case {
            frame: FRAME,
            direction: Direction::Tx,
            batch: 1,
            active: devices,
            translations: Translations::Warm,
            queued: RING,
        };
        if devices < 2 {
            let why = "--devices 1: noisy needs one that floods and one that does not";
            return Err(ScenarioError::Params(why.into()));
        }
        if let Some(why) = refusal(params.profile, &case) {
            return Err(ScenarioError::Params(format!("--devices {devices}: {why}")));
        }
        let mgmtdev = Mgmtdev::probe(host.clone(), Options::default())?;
        host.run(SETTLE_CYCLES)?;
        let pages = host.borrow().mem().pages_in_use();
        let axi = host.borrow_mut().env().axi.settings_mut().clone();
        let bench = Bench {
            host: host.clone(),
            mgmtdev,
        };
        let mut farm = Farm::over(bench, axi, devices, &[case])?;
        outcome.vdevs_created += u64::from(devices);
        let plan = Plan::new(params.seed, devices);
        let alone = plan.run(&mut farm, case, false)?;
        let beside = plan.run(&mut farm, case, true)?;
        report(&alone, &beside, outcome);
        let Bench { mgmtdev, .. } = farm.destroy()?;
        outcome.vdevs_destroyed += u64::from(devices);
        leftover::no_fault(&mgmtdev, outcome)?;
        host.run(SETTLE_CYCLES)?;
        no_member(&mgmtdev, devices)?;
        leftover::nothing(host, &mgmtdev, pages)
    }
}

/// Who sends when.
struct Plan {
    devices: u32,
    flooder: u32,
    /// Cycle from the start, and device, in order.
    packets: Vec<(u64, u32)>,
}

/// What came of a run of the plan.
struct Part {
    /// Cycles of each packet of the others, in order of size.
    latencies: Vec<u64>,
    /// Mean of each of the others.
    means: Vec<u32>,
    /// Packets of each of the others that were back when the last was sent.
    served: Vec<u32>,
    /// Packets of the others, and of the device that floods.
    others: u64,
    flood: u64,
    cycles: u64,
}

impl Plan {
    fn new(seed: u64, devices: u32) -> Self {
        let mut dice = Dice::new(seed, DICE);
        let flooder = dice.index(devices as usize) as u32;
        let each = PACKETS.div_ceil(devices - 1).max(EACH);
        let length = (devices - 1) * each * GAP;
        let others = (0..devices).filter(|d| *d != flooder);
        let mut packets: Vec<(u64, u32)> = others
            .flat_map(|device| (0..each).map(move |_| device))
            .map(|device| (dice.up_to(length).into(), device))
            .collect();
        packets.sort_unstable();
        Self {
            devices,
            flooder,
            packets,
        }
    }

    /// Sends the packets of the others, beside the flood or not, and waits for all of them.
    fn run(&self, farm: &mut Farm, case: Case, floods: bool) -> Result<Part, ScenarioError> {
        let refill = match floods {
            true => Refill::Only(self.flooder),
            false => Refill::Nobody,
        };
        let mut rings = farm.begin_with(case, refill)?;
        farm.set_fast(false);
        let host = farm.bench.host.clone();
        let mut patience = Patience::new("packet of the others came back", PATIENCE);
        let start = host.cycle();
        let mut left = VecDeque::from(self.packets.clone());
        let mut served = Vec::new();
        let total = self.packets.len() as u64;
        let mut others = 0;
        while others < total {
            let now = host.cycle() - start;
            while left.front().is_some_and(|p| p.0 <= now) {
                let Some((_, device)) = left.pop_front() else {
                    break;
                };
                if left.len().is_multiple_of(STAGE) {
                    let done = total - left.len() as u64;
                    let (what, before) = match floods {
                        true => ("with the flood", total),
                        false => ("without", 0),
                    };
                    let text = format!("{what} {done} of {total}");
                    let mut host = host.borrow_mut();
                    host.set_step(text, before + done, 2 * total);
                }
                if !rings.promise(device, TX) {
                    // Its ring is full: a little later.
                    let later = now + u64::from(GAP);
                    let at = left.partition_point(|p| p.0 <= later);
                    left.insert(at, (later, device));
                }
            }
            farm.step(&mut rings)?;
            others = rings.returned - u64::from(rings.done(self.flooder, TX));
            if left.is_empty() && served.is_empty() {
                served = self.others().map(|d| rings.done(d, TX)).collect();
            }
            patience.look(host.cycle(), others, others < total - left.len() as u64)?;
        }
        let cycles = host.cycle() - start;
        let flood = rings.done(self.flooder, TX).into();
        farm.drain(&mut rings)?;
        let mut sums = vec![(0, 0); self.devices as usize];
        let mut latencies = Vec::new();
        for l in rings.latencies.iter().filter(|l| l.device != self.flooder) {
            latencies.push(l.cycles);
            let (sum, n) = &mut sums[l.device as usize];
            (*sum, *n) = (*sum + l.cycles, *n + 1);
        }
        latencies.sort_unstable();
        let mean = |(sum, n): &(u64, u64)| sum.checked_div(*n).map(|m| m as u32);
        Ok(Part {
            latencies,
            means: sums.iter().filter_map(mean).collect(),
            served,
            others,
            flood,
            cycles,
        })
    }

    fn others(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.devices).filter(|d| *d != self.flooder)
    }
}

impl Part {
    fn of_100(&self, percent: usize) -> u64 {
        percentile(&self.latencies, percent).unwrap_or_default()
    }

    fn text(&self) -> String {
        format!(
            "{} packets in {} cycles; p50 {}, p99 {}, max {} cycles from doorbell to message",
            self.others,
            self.cycles,
            self.of_100(50),
            self.of_100(99),
            self.of_100(100)
        )
    }
}

fn report(alone: &Part, beside: &Part, outcome: &mut Outcome) {
    let ratio = beside.of_100(99) as f64 / alone.of_100(99).max(1) as f64;
    let share = beside.flood as f64 / (beside.flood + beside.others) as f64;
    outcome.note("others without flood", alone.text());
    outcome.note("others with flood", beside.text());
    outcome.note("p99 with / without", format!("{ratio:.2}"));
    outcome.note(
        "flood",
        format!("{} packets, {:.1} % of all", beside.flood, share * 100.0),
    );
    let fairness = |p: &Part| (jain(&p.served), jain(&p.means));
    let (packets, latency) = fairness(beside);
    let (packets_alone, latency_alone) = fairness(alone);
    outcome.note(
        "Jain's index of the others",
        format!("{packets:.4} of packets, {latency:.4} of mean latencies (without flood {packets_alone:.4}, {latency_alone:.4})"),
    );
    for (name, value) in [
        ("others_packets", beside.others),
        ("others_p50", beside.of_100(50)),
        ("others_p99", beside.of_100(99)),
        ("others_max", beside.of_100(100)),
        ("others_packets_alone", alone.others),
        ("others_p50_alone", alone.of_100(50)),
        ("others_p99_alone", alone.of_100(99)),
        ("others_max_alone", alone.of_100(100)),
        ("flood_packets", beside.flood),
        ("window_cycles", beside.cycles),
    ] {
        outcome.figure(name, value);
    }
    for (name, value) in [
        ("p99_ratio", ratio),
        ("flood_share", share),
        ("jain", packets),
        ("jain_alone", packets_alone),
        ("jain_latency", latency),
        ("jain_latency_alone", latency_alone),
    ] {
        outcome.figure(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_the_seeds_and_every_other_device_sends_as_much() {
        let plan = Plan::new(3, 8);
        assert_eq!(plan.packets, Plan::new(3, 8).packets);
        assert_ne!(plan.packets, Plan::new(4, 8).packets);
        for device in 0..8 {
            let n = plan.packets.iter().filter(|p| p.1 == device).count();
            assert_eq!(n, if device == plan.flooder { 0 } else { 37 });
        }
        assert!(plan.packets.is_sorted());
        assert_eq!(Plan::new(1, 4096).packets.len(), 2 * 4095);
    }
}
