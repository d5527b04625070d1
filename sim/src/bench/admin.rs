//! Cycles of every admin command that provisioning uses, from its submission to its used element.

use serde::Serialize;
use shoal_abi::cmd as abi;
use shoal_abi::mmu::MODE_BARE;
use shoal_abi::profile::Profile;
use shoal_abi::ring::{
    REQUIRED_FEATURES, S_ACKNOWLEDGE, S_DRIVER, S_DRIVER_OK, S_FEATURES_OK, TYPE_NET,
};
use shoal_driver::cmd::{self, Binding, Cmd, DevCreate, VqSetup};
use shoal_driver::Msi;

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
