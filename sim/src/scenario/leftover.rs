//! What may be left at the end of a scenario: nothing, on either side.

use shoal_abi::cmd as abi;
use shoal_abi::regs::{Reg, CNT_FAULTS, FQ_LOST};
use shoal_driver::cmd::Cmd;
use shoal_driver::{Error, Mgmtdev, Platform};

use super::{Outcome, ScenarioError};
use crate::host::SharedHost;

/// Member ids that are asked for, about.
const ASKED: usize = 256;

/// Fails unless all devices of `mgmtdev` are gone: no id in use but the driver's own vectors, `pages` host pages in use as
/// before the first device, no fault, no refused access.
pub(super) fn nothing<P: Platform>(
    host: &SharedHost,
    mgmtdev: &Mgmtdev<P>,
    pages: u64,
) -> Result<(), ScenarioError> {
    for r in [CNT_FAULTS, FQ_LOST] {
        expect_register(mgmtdev, r, 0)?;
    }
    let left = {
        let p = mgmtdev.pools();
        let ids = [&p.members, &p.vqs, &p.asids, &p.pasids, &p.doorbell_pages];
        ids.iter().map(|p| p.in_use()).sum::<u32>() + p.msis.in_use()
    };
    let host = host.borrow();
    let counters = host.counters();
    let vectors = mgmtdev.vectors().len() as u64;
    expect("ids in use", left.into(), vectors)?;
    expect("host pages in use", host.mem().pages_in_use(), pages)?;
    expect("memory accesses refused", counters.dma_errors, 0)?;
    expect("malformed transactions", counters.malformed, 0)
}

/// Fails when a device faulted.
pub(super) fn no_fault<P: Platform>(
    mgmtdev: &Mgmtdev<P>,
    outcome: &mut Outcome,
) -> Result<(), ScenarioError> {
    let faults = mgmtdev.take_faults();
    outcome.faults += faults.len() as u64;
    match faults.first() {
        Some(f) => Err(ScenarioError::check(format!("a device faulted: {f}"))),
        None => Ok(()),
    }
}

/// Fails if the device still knows one of the members 1..=`members`; of many, some are asked for.
pub(super) fn no_member<P: Platform>(
    mgmtdev: &Mgmtdev<P>,
    members: u32,
) -> Result<(), ScenarioError> {
    let some = (1..=members).step_by((members as usize / ASKED).max(1));
    for id in some.chain([members]) {
        match mgmtdev.exec(&Cmd::new(abi::STATUS_GET, id.into())) {
            Err(Error::Command { status, .. })
                if (status.status, status.qualifier) == (abi::EINVAL, abi::Q_INVALID_MEMBER) => {}
            Err(e) => return Err(e.into()),
            Ok(_) => {
                return Err(ScenarioError::check(format!(
                    "member {id} is still there after its destruction"
                )))
            }
        }
    }
    Ok(())
}

/// Fails unless register `r` is `wanted`.
pub(super) fn expect_register<P: Platform>(
    mgmtdev: &Mgmtdev<P>,
    r: Reg,
    wanted: u64,
) -> Result<(), ScenarioError> {
    let found = mgmtdev.platform().read32(r.offset);
    expect(r.name, found.into(), wanted)
}

/// Fails unless `found` is `wanted`.
pub(super) fn expect(what: &str, found: u64, wanted: u64) -> Result<(), ScenarioError> {
    if found == wanted {
        return Ok(());
    }
    Err(ScenarioError::check(format!(
        "{what}: {found}, not {wanted}"
    )))
}
