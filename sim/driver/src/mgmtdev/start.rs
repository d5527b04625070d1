//! The steps that bring the management device up (virtio 1.4 §3.1.1, §4.1.5.1).

use shoal_abi::{regs, ring};

use super::{Options, ADMIN_VECTOR, CONFIG_VECTOR};
use crate::admin::AdminQueue;
use crate::error::{Error, Result};
use crate::platform::Platform;

pub(super) fn expect<P: Platform>(platform: &P, reg: regs::Reg, wanted: u32) -> Result<()> {
    let found = platform.read32(reg.offset);
    if found == wanted {
        Ok(())
    } else {
        Err(Error::Identity {
            register: reg.name,
            found: found.into(),
            wanted: wanted.into(),
        })
    }
}

/// Writes device_status, keeping queue_select, which shares its register.
pub(super) fn set_status<P: Platform>(platform: &P, status: u8) {
    let r = regs::STATUS_QUEUE_SELECT.offset;
    let keep = platform.read32(r) & 0xffff_0000;
    platform.write32(r, keep | u32::from(status));
}

fn wait_for<P: Platform>(
    platform: &P,
    what: &str,
    cycles: u64,
    done: impl Fn() -> bool,
) -> Result<()> {
    let end = platform.now().saturating_add(cycles);
    while !done() {
        if platform.now() >= end {
            return Err(Error::Timeout {
                what: what.to_string(),
                cycles,
            });
        }
        platform.wait()?;
    }
    Ok(())
}

pub(super) fn reset<P: Platform>(platform: &P, cycles: u64) -> Result<()> {
    let ready = || platform.read32(regs::READY.offset) & 1 == 1;
    // device_status is writable only while the device is ready.
    wait_for(platform, "the first sweep of the contexts", cycles, ready)?;
    // The end of the reset shows as a change of the status to 0, so it must not be 0 before.
    set_status(platform, ring::S_ACKNOWLEDGE);
    platform.write32(regs::STATUS_QUEUE_SELECT.offset, 0);
    // virtio 1.4 §2.4.2: a driver waits until the status reads 0 before it goes on.
    wait_for(platform, "the reset of the mgmtdev", cycles, || {
        ready() && platform.read32(regs::STATUS_QUEUE_SELECT.offset) & 0xff == 0
    })
}

pub(super) fn negotiate<P: Platform>(platform: &P) -> Result<()> {
    let mut offered = 0;
    for select in 0..2u32 {
        platform.write32(regs::DEVICE_FEATURE_SELECT.offset, select);
        offered |= u64::from(platform.read32(regs::DEVICE_FEATURE.offset)) << (32 * select);
    }
    let wanted = regs::MGMT_FEATURES;
    if offered & wanted != wanted {
        return Err(Error::Identity {
            register: regs::DEVICE_FEATURE.name,
            found: offered,
            wanted,
        });
    }
    for select in 0..2u32 {
        platform.write32(regs::DRIVER_FEATURE_SELECT.offset, select);
        platform.write32(
            regs::DRIVER_FEATURE.offset,
            (wanted >> (32 * select)) as u32,
        );
    }
    let status = ring::S_ACKNOWLEDGE | ring::S_DRIVER | ring::S_FEATURES_OK;
    set_status(platform, status);
    let r = regs::STATUS_QUEUE_SELECT;
    let found = platform.read32(r.offset) & 0xff;
    if found != u32::from(status) {
        return Err(Error::Identity {
            register: r.name,
            found: found.into(),
            wanted: status.into(),
        });
    }
    Ok(())
}

pub(super) fn start_admin_queue<P: Platform>(
    platform: &P,
    options: Options,
) -> Result<AdminQueue<P>> {
    let size = options.admin_queue_size;
    if !size.is_power_of_two() || !(2..=regs::ADMIN_QUEUE_SIZE).contains(&size) {
        return Err(Error::Argument {
            what: "admin queue size",
            value: size.into(),
            rule: "a power of two, 2..=64",
        });
    }
    let admin = AdminQueue::new(platform.clone(), size)?;
    let index = platform.read32(regs::ADMIN_QUEUE.offset) & 0xffff;
    platform.write32(regs::CONFIG_VECTOR_NUM_QUEUES.offset, CONFIG_VECTOR.into());
    let select = regs::STATUS_QUEUE_SELECT.offset;
    platform.write32(select, platform.read32(select) & 0xff | index << 16);
    let sized = u32::from(size) | u32::from(ADMIN_VECTOR) << 16;
    platform.write32(regs::QUEUE_SIZE_VECTOR.offset, sized);
    // virtio 1.4 §4.1.5.1.2.1: a vector that could not be mapped reads back as NO_VECTOR.
    expect(platform, regs::QUEUE_SIZE_VECTOR, sized)?;
    let (desc, driver, device) = admin.areas();
    for (lo, hi, addr) in [
        (regs::QUEUE_DESC_LO, regs::QUEUE_DESC_HI, desc),
        (regs::QUEUE_DRIVER_LO, regs::QUEUE_DRIVER_HI, driver),
        (regs::QUEUE_DEVICE_LO, regs::QUEUE_DEVICE_HI, device),
    ] {
        platform.write32(lo.offset, addr as u32);
        platform.write32(hi.offset, (addr >> 32) as u32);
    }
    platform.write32(regs::QUEUE_ENABLE_NOTIFY_OFF.offset, 1);
    Ok(admin)
}
