//! The least a driver does: identify the device, wait until it is ready, and compare its limits with the profile.

use shoal_abi::regs::{
    ABI, CAP_ASIDS, CAP_DEVICES, CAP_DOORBELL_PAGES, CAP_QUEUES, MAGIC, MAGIC_VALUE, READY,
};
use shoal_abi::ABI_VERSION;

use super::{Outcome, Params, Scenario, ScenarioError};
use crate::host::{HostError, SharedHost};

/// Cycles until the device must be ready, for each of its virtqueue contexts and devices.
const READY_CYCLES: u64 = 64;

/// See the module.
pub(super) struct Probe;

impl Scenario for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn about(&self) -> &'static str {
        "identify the device, wait until it is ready, read its limits"
    }

    fn run(
        &self,
        host: &SharedHost,
        params: &Params,
        outcome: &mut Outcome,
    ) -> Result<(), ScenarioError> {
        let mut host = host.borrow_mut();
        let p = params.profile;
        let start = host.cycle();
        let bound = READY_CYCLES * u64::from(p.queues + p.devices + p.asids + 64);
        while host.read32(READY.offset)? & 1 == 0 {
            if host.cycle() - start > bound {
                return Err(HostError::Timeout {
                    what: "READY",
                    cycles: bound,
                }
                .into());
            }
        }
        outcome.note("ready after", format!("{} cycles", host.cycle() - start));
        for (reg, expected) in [
            (MAGIC, MAGIC_VALUE),
            (ABI, ABI_VERSION),
            (CAP_DEVICES, p.devices),
            (CAP_QUEUES, p.queues),
            (CAP_ASIDS, p.asids),
            (CAP_DOORBELL_PAGES, p.doorbell_pages),
        ] {
            let found = host.read32(reg.offset)?;
            if found != expected {
                let name = reg.name;
                return Err(ScenarioError::check(format!(
                    "{name} is {found:#x}, not {expected:#x}"
                )));
            }
        }
        host.run(1000)?;
        Ok(())
    }
}
