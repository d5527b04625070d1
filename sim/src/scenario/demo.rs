//! A fleet that is provisioned while it works: TCP between pairs of network devices, block devices written and read back;
//! then half of the devices are destroyed and created again as the other type while the rest goes on working.

use shoal_abi::profile::Profile;

use super::fleet::{Fleet, Kind};
use super::{Outcome, Params, Scenario, ScenarioError};
use crate::host::SharedHost;

/// Devices unless the user chooses, if the profile has that many.
const DEVICES: u32 = 64;

/// How much traffic.
#[derive(Clone, Copy, Debug)]
struct Load {
    /// Bytes of TCP in the first round, over all pairs.
    tcp_total: u64,
    /// Least bytes of TCP for each pair.
    tcp_least: u64,
    /// Bytes for each block device.
    blk: u64,
    /// Bytes for each pair and each block device in the second round; 0: no second round.
    second: u64,
}

/// See the module.
pub(super) struct Demo;

/// Two network devices and a block device for some packets: the least that uses everything.
pub(super) struct Smoke;

impl Scenario for Demo {
    fn name(&self) -> &'static str {
        "demo"
    }

    fn about(&self) -> &'static str {
        "a fleet of net and block devices: provisioning under load, TCP, block I/O, half of it created anew"
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
        let load = Load {
            tcp_total: 4 << 20,
            tcp_least: 32 << 10,
            blk: 1 << 20,
            second: 64 << 10,
        };
        run(host, params, &mix(devices), load, outcome)
    }
}

impl Scenario for Smoke {
    fn name(&self) -> &'static str {
        "smoke"
    }

    fn about(&self) -> &'static str {
        "two network devices and a block device for some packets"
    }

    fn run(
        &self,
        host: &SharedHost,
        params: &Params,
        outcome: &mut Outcome,
    ) -> Result<(), ScenarioError> {
        let load = Load {
            tcp_total: 16 << 10,
            tcp_least: 0,
            blk: 32 << 10,
            second: 0,
        };
        run(
            host,
            params,
            &[Kind::Net, Kind::Net, Kind::Blk],
            load,
            outcome,
        )
    }
}

/// Three network devices to one block device, the network devices in pairs.
fn mix(devices: u32) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = (0..devices)
        .map(|n| if n % 4 == 3 { Kind::Blk } else { Kind::Net })
        .collect();
    let nets = kinds.iter().filter(|&&k| k == Kind::Net).count();
    if nets % 2 == 1 {
        if let Some(odd) = kinds.iter_mut().rev().find(|k| **k == Kind::Net) {
            *odd = Kind::Blk;
        }
    }
    kinds
}

fn check_limits(profile: &Profile, kinds: &[Kind]) -> Result<(), ScenarioError> {
    let queues: u32 = kinds
        .iter()
        .map(|k| if *k == Kind::Net { 2 } else { 1 })
        .sum();
    let devices = kinds.len() as u32;
    for (what, wanted, there) in [
        ("devices", devices, profile.devices),
        ("virtqueues", queues, profile.queues),
        ("address spaces", devices, profile.asids),
        ("doorbell pages", devices, profile.doorbell_pages),
    ] {
        if wanted > there {
            return Err(ScenarioError::Params(format!(
                "the scenario needs {wanted} {what}, profile {} has {there}",
                profile.name
            )));
        }
    }
    Ok(())
}

/// The work of some devices: transfers {from, to} and block devices.
#[derive(Debug, Default)]
struct Work {
    transfers: Vec<(u32, u32)>,
    blks: Vec<u32>,
    waiting: Option<u32>,
}

impl Work {
    /// Device `number` is there: starts its block traffic, or its transfer as soon as it has a partner.
    fn add(
        &mut self,
        fleet: &mut Fleet,
        number: u32,
        kind: Kind,
        bytes: (u64, u64),
        seed: u64,
    ) -> Result<(), ScenarioError> {
        if kind == Kind::Blk {
            self.blks.push(number);
            return fleet.write_and_read(number, bytes.1, seed ^ u64::from(number));
        }
        let Some(partner) = self.waiting.take() else {
            self.waiting = Some(number);
            return Ok(());
        };
        // Every second pair sends the other way round.
        let (from, to) = if self.transfers.len().is_multiple_of(2) {
            (partner, number)
        } else {
            (number, partner)
        };
        self.transfers.push((from, to));
        fleet.transfer(from, to, bytes.0, seed ^ u64::from(from))
    }

    fn check(&self, fleet: &mut Fleet, blk_bytes: u64) -> Result<(), ScenarioError> {
        self.transfers
            .iter()
            .try_for_each(|&(from, to)| fleet.check_transfer(from, to))?;
        self.blks
            .iter()
            .try_for_each(|&n| fleet.check_blk(n, blk_bytes))
    }
}

fn run(
    host: &SharedHost,
    params: &Params,
    kinds: &[Kind],
    load: Load,
    outcome: &mut Outcome,
) -> Result<(), ScenarioError> {
    check_limits(params.profile, kinds)?;
    let start = host.cycle();
    let mut fleet = Fleet::new(host)?;
    outcome.note("ready", format!("after {} cycles", host.cycle() - start));

    let pairs = kinds.iter().filter(|&&k| k == Kind::Net).count() as u64 / 2;
    let tcp = (load.tcp_total.div_ceil(pairs.max(1))).max(load.tcp_least);
    let mut first = Work::default();
    let start = host.cycle();
    for (number, &kind) in (0..).zip(kinds) {
        fleet.create(number, kind, outcome)?;
        first.add(&mut fleet, number, kind, (tcp, load.blk), params.seed)?;
    }
    let each = (host.cycle() - start) / (kinds.len() as u64).max(1);
    outcome.note(
        "provisioning",
        format!("{each} cycles a device, driver included, under load"),
    );
    fleet.finish_traffic(outcome)?;
    first.check(&mut fleet, load.blk)?;
    outcome.note("first round", format!("{} cycles", host.cycle() - start));

    if load.second > 0 {
        let start = host.cycle();
        second_round(&mut fleet, &first, params, load.second, outcome)?;
        outcome.note("second round", format!("{} cycles", host.cycle() - start));
    }
    let (tcp, blk) = fleet.checked;
    outcome.note(
        "checked by SHA-256",
        format!("{tcp} bytes of TCP, {blk} bytes of block devices"),
    );
    fleet.end(outcome)
}

/// Every second pair and every second block device goes and comes back as the other type; the others work on meanwhile.
fn second_round(
    fleet: &mut Fleet,
    first: &Work,
    params: &Params,
    bytes: u64,
    outcome: &mut Outcome,
) -> Result<(), ScenarioError> {
    let seed = params.seed.rotate_left(32) ^ 0x5eed;
    let mut work = Work::default();
    let mut again: Vec<(u32, Kind)> = Vec::new();
    let odd = |n: &usize| n % 2 == 1;
    for (n, &(from, to)) in first.transfers.iter().enumerate() {
        if odd(&n) {
            again.extend([(from, Kind::Blk), (to, Kind::Blk)]);
        } else {
            // The other way round this time.
            work.transfers.push((to, from));
            fleet.transfer(to, from, bytes, seed ^ u64::from(to))?;
        }
    }
    let mut blks: Vec<u32> = Vec::new();
    for (n, &number) in first.blks.iter().enumerate() {
        if odd(&n) {
            blks.push(number);
        } else {
            work.blks.push(number);
            fleet.write_and_read(number, bytes, seed ^ u64::from(number))?;
        }
    }
    // Network devices come in pairs.
    for (n, &number) in blks.iter().enumerate() {
        let alone = n + 1 == blks.len() && blks.len() % 2 == 1;
        again.push((number, if alone { Kind::Blk } else { Kind::Net }));
    }
    for &(number, _) in &again {
        fleet.destroy(number, outcome)?;
    }
    for &(number, kind) in &again {
        fleet.create(number, kind, outcome)?;
        work.add(fleet, number, kind, (bytes, bytes), seed)?;
    }
    fleet.finish_traffic(outcome)?;
    work.check(fleet, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::{MID, TINY};

    #[test]
    fn a_mix_has_pairs_of_network_devices_and_fits_its_profile() {
        let count = |n| {
            let m = mix(n);
            let nets = m.iter().filter(|&&k| k == Kind::Net).count();
            (nets, m.len() - nets)
        };
        assert_eq!(count(64), (48, 16));
        assert_eq!(count(1), (0, 1));
        for n in 1..40 {
            let (nets, blks) = count(n);
            assert!(nets % 2 == 0 && nets + blks == n as usize, "{n}");
        }
        assert!(check_limits(&TINY, &mix(8)).is_ok());
        let e = check_limits(&TINY, &mix(64)).unwrap_err();
        assert_eq!(
            e.to_string(),
            "the scenario needs 64 devices, profile tiny has 8"
        );
        assert!(check_limits(&MID, &mix(4096)).is_ok());
    }

    #[cfg(feature = "model")]
    #[test]
    fn smoke_passes_on_the_model_and_moves_what_it_says() {
        use crate::host::{Host, HostSettings};
        use crate::lockstep::Mode;
        use crate::setup::Setup;

        for seed in 1..4 {
            let setup = Setup::new(&TINY, seed, Mode::Model, Vec::new());
            let settings = HostSettings {
                max_cycles: 5_000_000,
                ..HostSettings::new(seed)
            };
            let host = SharedHost::new(Host::new(&setup, settings).unwrap());
            let params = Params {
                profile: &TINY,
                seed,
                devices: None,
                time: None,
            };
            let mut outcome = Outcome::default();
            Smoke.run(&host, &params, &mut outcome).unwrap();
            assert_eq!(
                (
                    outcome.vdevs_created,
                    outcome.vdevs_destroyed,
                    outcome.faults
                ),
                (3, 3, 0)
            );
            let report = host.finish().unwrap();
            assert!(report.check.failure.is_none());
            let c = report.counters;
            assert!(
                c.packets_tx >= 16 + 24 && c.blk_reads == c.blk_writes && c.blk_reads > 0,
                "{c:?}"
            );
        }
    }
}
