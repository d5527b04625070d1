//! Shares: devices that always have packets to send, more of them than can be served at a time. First with weights 1, 2, 4
//! and 8, then with every fourth held to a rate; each must get what it was given.

use shoal_abi::cmd::{MAX_INTERVAL, MAX_WEIGHT};
use shoal_driver::cmd::{sched_set, Pace, Sched};
use shoal_driver::{Mgmtdev, Options};

use super::leftover::{self, no_member};
use super::patience::Patience;
use super::{Outcome, Params, Scenario, ScenarioError};
use crate::bench::{refusal, Bench, Case, Direction, Farm, Refill, Rings, Translations, TX};
use crate::host::SharedHost;

/// Weights, by device modulo their number.
const WEIGHTS: [u8; 4] = [1, 2, 4, MAX_WEIGHT];
const CLASSES: u32 = WEIGHTS.len() as u32;
/// The class that is paced in the second part.
const PACED: u32 = CLASSES - 1;
/// A chain of it costs so many times what it took without.
const SLOWER: u32 = 4;
/// Bytes of a frame with FCS.
const FRAME: u32 = 64;
/// Packets of a doorbell, and batches that a ring holds.
const BATCH: u32 = 8;
const QUEUED: u32 = 8;
/// Packets a device on average, before and while the shares are measured.
const BEFORE: u64 = 32;
const MEASURED: u64 = 128;
/// A weight's packets may be so much off, a part of what it is to have.
const TOLERANCE: f64 = 0.2;
/// A paced device's packets may be so much above its rate, and on average below it.
const ABOVE: f64 = 0.02;
const BELOW: f64 = 0.1;
/// Cycles in which some packet must come back.
const PATIENCE: u64 = 2_000_000;
/// Cycles after which every message has arrived and every command is counted.
const SETTLE_CYCLES: u64 = 20_000;

/// See the module.
pub(super) struct Shares;

impl Scenario for Shares {
    fn name(&self) -> &'static str {
        "shares"
    }

    fn about(&self) -> &'static str {
        "devices that always have work get turns by weight, and no more than a rate"
    }

    fn run(
        &self,
        host: &SharedHost,
        params: &Params,
        outcome: &mut Outcome,
    ) -> Result<(), ScenarioError> {
        // More than there are slots: they wait for their turns.
        let most = CLASSES * params.profile.chain_slots as u32;
        let devices = params.devices.unwrap_or(most.min(params.profile.devices));
        let case = Case {
            frame: FRAME,
            direction: Direction::Tx,
            batch: BATCH,
            active: devices,
            translations: Translations::Warm,
            queued: QUEUED,
        };
        let least = 2 * params.profile.chain_slots as u32;
        if devices < least {
            let why = format!(
                "{devices} devices of profile {}: shares needs {least}, twice as many as are served at a time (--profile mid has enough)",
                params.profile.name
            );
            return Err(ScenarioError::Params(why));
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
        let weight = |device: u32| WEIGHTS[(device % CLASSES) as usize];
        set(&farm, devices, |device| Sched {
            weight: weight(device),
            pace: None,
        })?;
        let part = Part::run(&mut farm, case, "by weight")?;
        by_weight(&part, outcome)?;
        // Cycles a chain of one device of the class to be paced.
        let free = part.cycles as f64 / part.mean(PACED);
        let interval = (free * f64::from(SLOWER)) as u32;
        let burst = interval * u32::from(MAX_WEIGHT);
        if burst > MAX_INTERVAL {
            let why = format!("--devices {devices}: too many, a chain takes {interval} cycles");
            return Err(ScenarioError::Params(why));
        }
        set(&farm, devices, |device| Sched {
            weight: MAX_WEIGHT,
            pace: (device % CLASSES == PACED).then_some(Pace { interval, burst }),
        })?;
        let part = Part::run(&mut farm, case, "paced")?;
        by_rate(&part, interval, outcome)?;
        let Bench { mgmtdev, .. } = farm.destroy()?;
        outcome.vdevs_destroyed += u64::from(devices);
        leftover::no_fault(&mgmtdev, outcome)?;
        host.run(SETTLE_CYCLES)?;
        no_member(&mgmtdev, devices)?;
        leftover::nothing(host, &mgmtdev, pages)
    }
}

fn set(farm: &Farm, devices: u32, sched: impl Fn(u32) -> Sched) -> Result<(), ScenarioError> {
    for device in 0..devices {
        let command = sched_set(device + 1, sched(device));
        farm.bench.mgmtdev.exec(&command)?;
    }
    Ok(())
}

/// What each device has sent in a time.
struct Part {
    packets: Vec<u32>,
    cycles: u64,
}

impl Part {
    fn run(farm: &mut Farm, case: Case, what: &'static str) -> Result<Self, ScenarioError> {
        let mut rings = farm.begin_with(case, Refill::All)?;
        farm.set_fast(false);
        let host = farm.bench.host.clone();
        let mut patience = Patience::new("packet came back", PATIENCE);
        let [before, end] = [BEFORE, BEFORE + MEASURED].map(|n| n * u64::from(case.active));
        let sent =
            |rings: &Rings| -> Vec<u32> { (0..case.active).map(|d| rings.done(d, TX)).collect() };
        let mut start = None;
        while rings.returned < end {
            farm.step(&mut rings)?;
            let now = host.cycle();
            if start.is_none() && rings.returned >= before {
                start = Some((now, sent(&rings)));
            }
            patience.look(now, rings.returned, true)?;
            host.borrow_mut().set_step(what, rings.returned, end);
        }
        let cycles = host.cycle();
        let (began, first) = start.unwrap_or_default();
        let packets = sent(&rings)
            .iter()
            .zip(&first)
            .map(|(n, before)| n - before)
            .collect();
        farm.drain(&mut rings)?;
        farm.set_fast(true);
        Ok(Self {
            packets,
            cycles: cycles - began,
        })
    }

    fn of(&self, class: u32) -> impl Iterator<Item = u32> + '_ {
        let devices = self.packets.iter().skip(class as usize);
        devices.step_by(CLASSES as usize).copied()
    }

    /// Packets of a device of the class.
    fn mean(&self, class: u32) -> f64 {
        let (sum, n) = self.of(class).fold((0, 0), |(s, n), p| (s + p, n + 1));
        f64::from(sum) / f64::from(n)
    }
}

/// Chains that a turn of a device with this weight has on average: it also ends where the ring wraps, and with the second word of
/// entries that it reads.
fn a_turn(weight: u8) -> f64 {
    let entries = BATCH * QUEUED;
    let (mut at, mut turns) = (0, 0);
    while at < entries {
        // Two entries of the first word are the ring's flags and index.
        let words = 8 - (at + 2) % 4;
        at += u32::from(weight).min(words).min(entries - at);
        turns += 1;
    }
    f64::from(entries) / f64::from(turns)
}

fn by_weight(part: &Part, outcome: &mut Outcome) -> Result<(), ScenarioError> {
    let one = part.mean(0) / f64::from(WEIGHTS[0]);
    let shares = [0, 1, 2, 3].map(|class| part.mean(class) / one);
    let text: Vec<_> = shares.iter().map(|s| format!("{s:.2}")).collect();
    outcome.note(
        "packets by weight 1, 2, 4, 8",
        format!(
            "{} to one another, in {} cycles",
            text.join(" : "),
            part.cycles
        ),
    );
    for (name, share) in ["share_1", "share_2", "share_4", "share_8"]
        .into_iter()
        .zip(shares)
    {
        outcome.figure(name, share);
    }
    for (weight, share) in WEIGHTS.into_iter().zip(shares) {
        let off = (share / a_turn(weight) - 1.0).abs();
        if off > TOLERANCE {
            let why = format!("weight {weight} sends {share:.2} times what weight 1 does");
            return Err(ScenarioError::check(why));
        }
    }
    Ok(())
}

fn by_rate(part: &Part, interval: u32, outcome: &mut Outcome) -> Result<(), ScenarioError> {
    let due = part.cycles as f64 / f64::from(interval);
    let most = part.of(PACED).max().unwrap_or_default();
    let mean = part.mean(PACED);
    outcome.note(
        "paced devices",
        format!(
            "{mean:.1} packets each, at most {most}, of {due:.1} that a rate of one in {interval} cycles allows; others {:.1}",
            (0..PACED).map(|class| part.mean(class)).sum::<f64>() / f64::from(PACED)
        ),
    );
    outcome.figure("paced_packets", mean);
    outcome.figure("paced_most", most);
    outcome.figure("paced_due", due);
    // What was saved up, and a visit that had begun.
    let allowed = due * (1.0 + ABOVE) + 2.0 * f64::from(MAX_WEIGHT);
    if f64::from(most) > allowed || mean < due * (1.0 - BELOW) {
        let why = format!("paced to {due:.1} packets, a device sends {most}, on average {mean:.1}");
        return Err(ScenarioError::check(why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_has_its_weight_but_for_what_the_ring_cuts() {
        assert_eq!([1, 2, 4].map(a_turn), [1.0, 2.0, 4.0]);
        assert_eq!(a_turn(8), 64.0 / 9.0, "6, seven times 8, and 2");
    }
}
