//! Cycles of every admin command that provisioning uses, from its submission to its used element, and of devices created one
//! after another, with as many commands in flight as the admin queue has room for.

use serde::Serialize;
use shoal_abi::cmd as abi;
use shoal_abi::mmu::MODE_BARE;
use shoal_abi::profile::Profile;
use shoal_abi::ring::{
    REQUIRED_FEATURES, S_ACKNOWLEDGE, S_DRIVER, S_DRIVER_OK, S_FEATURES_OK, TYPE_NET,
};
use shoal_driver::cmd::{self, Binding, Cmd, DevCreate, VqSetup};
use shoal_driver::{Msi, Pipeline};

use super::figures::LATENCY;
use super::{smooth, Bench, BenchError};
use crate::lockstep::Mode;

/// Latencies of host memory that are measured, cycles.
pub const COMMAND_LATENCIES: [u32; 2] = [100, 250];

/// Cycles that a command may take.
const LIMIT: u64 = 1_000_000;

/// A measurement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandCycles {
    /// The command.
    pub command: &'static str,
    /// Cycles of a host memory access.
    pub latency: u32,
    /// Cycles from its submission to its used element.
    pub cycles: u64,
}

/// Measures every command at every latency.
///
/// # Errors
/// When the device refuses a command, or a check fails.
pub fn admin(profile: &'static Profile, mode: Mode) -> Result<Vec<CommandCycles>, BenchError> {
    let mut all = Vec::new();
    for latency in COMMAND_LATENCIES {
        let bench = smooth(profile, mode, latency)?;
        for c in life() {
            all.push(CommandCycles {
                command: c.name(),
                latency,
                cycles: time(&bench, &c)?,
            });
        }
        bench.finish()?;
    }
    Ok(all)
}

/// Cycles a device of creating `devices` of them in a row: ASID_SET, DEV_CREATE and two VQ_SETUP each, with host memory
/// [`LATENCY`] cycles away. They are destroyed again, beside the count.
///
/// # Errors
/// When the device refuses a command, or a check fails.
pub fn provision(profile: &'static Profile, mode: Mode, devices: u32) -> Result<u64, BenchError> {
    let devices = devices.clamp(1, profile.devices);
    let bench = smooth(profile, mode, LATENCY)?;
    let mut pipeline = Pipeline::new(&bench.mgmtdev);
    let start = bench.host.cycle();
    for n in 0..devices {
        for c in creation(n) {
            pipeline.push(c)?;
        }
    }
    pipeline.drain()?;
    let cycles = bench.host.cycle() - start;
    for n in 0..devices {
        pipeline.push(Cmd::new(abi::DEV_DESTROY, u64::from(n) + 1))?;
    }
    pipeline.drain()?;
    drop(pipeline);
    bench.finish()?;
    Ok(cycles / u64::from(devices))
}

/// The commands that create the `n`th device: a network device with an address space of its own.
fn creation(n: u32) -> [Cmd; 4] {
    let binding = Binding {
        mode: MODE_BARE,
        ..Binding::default()
    };
    let create = DevCreate {
        device_type: TYPE_NET,
        vq_count: 2,
        vq_base: 2 * n,
        features: REQUIRED_FEATURES,
        asids: [n; abi::GROUPS as usize],
        doorbell_page: n,
        config: vec![0; abi::CONFIG_BYTES],
    };
    let queue = |vq_index| VqSetup {
        vq_index,
        size: 64,
        ready: true,
        desc: 0x1000,
        driver: 0x2000,
        device: 0x3000,
        ..VqSetup::default()
    };
    [
        cmd::asid_set(n, binding),
        cmd::dev_create(n + 1, &create),
        cmd::vq_setup(n + 1, &queue(0)),
        cmd::vq_setup(n + 1, &queue(1)),
    ]
}

/// The life of a device without traffic, each command once.
fn life() -> Vec<Cmd> {
    const ID: u32 = 1;
    let of = |opcode| Cmd::new(opcode, ID.into());
    let status = |s: u8| of(abi::STATUS_SET).put("status", s.into());
    let msi = Some(Msi {
        address: 0xfee0_0000,
        data: 0x40,
    });
    let create = DevCreate {
        device_type: TYPE_NET,
        vq_count: 2,
        features: REQUIRED_FEATURES,
        config: vec![0; abi::CONFIG_BYTES],
        ..DevCreate::default()
    };
    let queue = VqSetup {
        vq_index: 1,
        size: 64,
        ready: true,
        desc: 0x1000,
        driver: 0x2000,
        device: 0x3000,
        msi,
        ..VqSetup::default()
    };
    let mode = |flags: u8| of(abi::DEV_MODE_SET).put("flags", flags.into());
    let up = S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK;
    vec![
        Cmd::new(abi::CAPS, 0),
        cmd::asid_set(
            0,
            Binding {
                mode: MODE_BARE,
                ..Binding::default()
            },
        ),
        cmd::dev_create(ID, &create),
        of(abi::FEATURES_GET),
        of(abi::FEATURES_SET).put("driver_features", REQUIRED_FEATURES),
        of(abi::CONFIG_GET),
        cmd::config_set(ID, 0, &[2, 0, 0, 0, 0, 1]),
        status(up),
        cmd::msi_set(ID, abi::CONFIG_MSI, msi, false),
        cmd::vq_setup(ID, &queue),
        of(abi::STATUS_GET),
        status(up | S_DRIVER_OK),
        cmd::iotlb_invalidate(Some(0), Some((0, 4096))),
        mode(abi::MODE_STOPPED),
        cmd::of_vq(abi::VQ_STATE_GET, ID, 1),
        mode(0),
        cmd::of_vq(abi::STATS_GET, ID, 1),
        cmd::of_vq(abi::VQ_RESET, ID, 1),
        of(abi::DEV_DESTROY),
    ]
}

fn time(bench: &Bench, c: &Cmd) -> Result<u64, BenchError> {
    let start = bench.host.cycle();
    let mut ticket = bench.mgmtdev.submit(c)?;
    while bench.host.cycle() - start < LIMIT {
        match bench.mgmtdev.poll(c, ticket)? {
            Ok(_) => return Ok(bench.host.cycle() - start),
            Err(again) => ticket = again,
        }
        bench.host.step()?;
    }
    Err(BenchError::Failed(format!(
        "{} did not complete within {LIMIT} cycles",
        c.name()
    )))
}
