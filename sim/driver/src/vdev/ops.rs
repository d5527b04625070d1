//! Device operations of `vdpa_config_ops`: status, features, configuration, address spaces.

use shoal_abi::{cmd as abi, regs, ring};

use super::Vdev;
use crate::cmd::{self, Sched};
use crate::error::{Error, Result};
use crate::msi::Msi;
use crate::platform::{Perm, Platform};
use crate::space::AddressSpace;

impl<P: Platform> Vdev<P> {
    /// Virtio device type.
    #[must_use]
    pub fn get_device_id(&self) -> u32 {
        self.config().device_type().into()
    }

    /// Vendor of the device.
    #[must_use]
    pub fn get_vendor_id(&self) -> u32 {
        regs::MAGIC_VALUE
    }

    /// Features offered.
    #[must_use]
    pub fn get_device_features(&self) -> u64 {
        self.inner.features
    }

    /// Sets the driver's features; they are judged when FEATURES_OK is set.
    ///
    /// # Errors
    /// What the device answers, which refuses once FEATURES_OK is set.
    pub fn set_driver_features(&self, features: u64) -> Result<()> {
        let c = self
            .simple(abi::FEATURES_SET)
            .put("driver_features", features);
        self.exec(&c).map(|_| ())
    }

    /// The driver's features as last set.
    ///
    /// # Errors
    /// What the device answers.
    pub fn get_driver_features(&self) -> Result<u64> {
        Ok(self
            .exec(&self.simple(abi::FEATURES_GET))?
            .get("driver_features"))
    }

    /// Device status.
    ///
    /// # Errors
    /// What the device answers.
    pub fn get_status(&self) -> Result<u8> {
        Ok(self.exec(&self.simple(abi::STATUS_GET))?.get("status") as u8)
    }

    /// Writes the device status and returns it as it then stands: FEATURES_OK may be missing. 0 resets.
    ///
    /// # Errors
    /// What the device answers.
    pub fn set_status(&self, status: u8) -> Result<u8> {
        if status == 0 {
            return self.reset().map(|()| 0);
        }
        // Linux parents get their interrupts ready when DRIVER_OK rises.
        if status & ring::S_DRIVER_OK != 0 {
            self.send_config_msi()?;
        }
        let c = self.simple(abi::STATUS_SET).put("status", status.into());
        let now = self.exec(&c)?.get("status") as u8;
        self.state().status = now;
        Ok(now)
    }

    /// Resets the device. Mappings, configuration, addresses and sizes of queues and allotted messages stay; queues are not
    /// ready and their state is 0.
    ///
    /// # Errors
    /// What the device answers.
    pub fn reset(&self) -> Result<()> {
        self.exec_retry(&self.simple(abi::STATUS_SET))?;
        let mut state = self.state();
        (state.status, state.suspended, state.config_msi_set) = (0, false, false);
        for q in &mut state.vqs {
            (q.ready, q.avail_index) = (false, 0);
        }
        Ok(())
    }

    /// Stops the device: when it returns no descriptor is being processed and ring state is stable.
    ///
    /// # Errors
    /// What the device answers.
    pub fn suspend(&self) -> Result<()> {
        self.set_stopped(true)?;
        self.state().suspended = true;
        Ok(())
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// What the device answers.
    pub fn resume(&self) -> Result<()> {
        self.set_stopped(false)?;
        self.state().suspended = false;
        Ok(())
    }

    pub(super) fn set_stopped(&self, stopped: bool) -> Result<()> {
        let flags = if stopped { abi::MODE_STOPPED } else { 0 };
        let c = self.simple(abi::DEV_MODE_SET).put("flags", flags.into());
        self.exec_retry(&c).map(|_| ())
    }

    /// Bytes of the configuration space.
    #[must_use]
    pub fn get_config_size(&self) -> usize {
        self.config().config_size()
    }

    fn config_range(&self, offset: usize, len: usize) -> Result<()> {
        match offset.checked_add(len) {
            Some(end) if end <= abi::CONFIG_BYTES => Ok(()),
            _ => Err(Error::Argument {
                what: "configuration offset",
                value: offset as u64,
                rule: "range inside the configuration space",
            }),
        }
    }

    /// Reads configuration bytes from `offset` and returns the generation they belong to.
    ///
    /// # Errors
    /// `Argument` for a range outside, and what the device answers.
    pub fn get_config(&self, offset: usize, buf: &mut [u8]) -> Result<u32> {
        self.config_range(offset, buf.len())?;
        let r = self.exec(&self.simple(abi::CONFIG_GET))?;
        buf.copy_from_slice(&r.bytes("config")[offset..offset + buf.len()]);
        Ok(r.get("generation") as u32)
    }

    /// Changes configuration bytes from `offset`. This is the provisioner's door (`vdpa dev set`); a virtio driver may change
    /// no byte of the device types here.
    ///
    /// # Errors
    /// `Argument` for a range outside, and what the device answers.
    pub fn set_config(&self, offset: usize, bytes: &[u8]) -> Result<()> {
        self.config_range(offset, bytes.len())?;
        self.exec(&cmd::config_set(self.id(), offset, bytes))
            .map(|_| ())
    }

    /// Configuration generation.
    ///
    /// # Errors
    /// What the device answers.
    pub fn get_generation(&self) -> Result<u32> {
        Ok(self.exec(&self.simple(abi::STATUS_GET))?.get("generation") as u32)
    }

    /// Turns the configuration interrupt on or off.
    ///
    /// # Errors
    /// `Exhausted`, and what the device answers.
    pub fn set_config_cb(&self, on: bool) -> Result<()> {
        let (old, running) = {
            let s = self.state();
            (s.config_msi, s.status & ring::S_DRIVER_OK != 0)
        };
        let msi = match (old, on) {
            (Some(m), true) => Some(m),
            (None, true) => Some(self.mgmtdev().pools().msis.alloc()?),
            (_, false) => None,
        };
        {
            let mut s = self.state();
            s.config_msi = msi;
            s.config_msi_set &= old == msi;
        }
        if !on && old.is_some() || running {
            self.send_config_msi()?;
        }
        if let (Some(m), None) = (old, msi) {
            self.mgmtdev().pools().msis.free(m);
        }
        Ok(())
    }

    fn send_config_msi(&self) -> Result<()> {
        let (msi, set) = {
            let s = self.state();
            (s.config_msi, s.config_msi_set)
        };
        if !set {
            self.exec(&cmd::msi_set(self.id(), abi::CONFIG_MSI, msi, false))?;
            self.state().config_msi_set = true;
        }
        Ok(())
    }

    /// The configuration message.
    #[must_use]
    pub fn config_msi(&self) -> Option<Msi> {
        self.state().config_msi
    }

    /// Configuration interrupts since the last call.
    #[must_use]
    pub fn take_config_interrupts(&self) -> u64 {
        self.config_msi()
            .map_or(0, |m| self.platform().take(m.address, m.data))
    }

    /// Address space `asid` of this device (an index, as in Linux, not the ASID on the card).
    fn space(&self, asid: usize) -> Result<&AddressSpace<P>> {
        let rule = "an address space of the device";
        self.spaces().get(asid).ok_or(Error::Argument {
            what: "asid",
            value: asid as u64,
            rule,
        })
    }

    /// Address space that a group uses.
    #[must_use]
    pub fn group_asid(&self, group: usize) -> Option<usize> {
        self.state().group_space.get(group).copied()
    }

    /// Lets a group use another address space of the device.
    ///
    /// # Errors
    /// `Argument`, and what the device answers, which refuses while it runs.
    pub fn set_group_asid(&self, group: usize, asid: usize) -> Result<()> {
        let card = self.space(asid)?.asid();
        if group >= abi::GROUPS as usize {
            return Err(Error::Argument {
                what: "group",
                value: group as u64,
                rule: "0 data, 1 control, 2 rings",
            });
        }
        self.exec(&cmd::group_asid_set(self.id(), group as u32, card))?;
        self.state().group_space[group] = asid;
        Ok(())
    }

    /// First and last usable IOVA of an address space.
    ///
    /// # Errors
    /// `Argument`.
    pub fn get_iova_range(&self, asid: usize) -> Result<(u64, u64)> {
        Ok(self.space(asid)?.iova_range())
    }

    /// Sets the device's share of turns and its rate, from full credit on.
    ///
    /// # Errors
    /// What the device answers: EINVAL for a weight, interval or burst out of range.
    pub fn set_sched(&self, sched: Sched) -> Result<()> {
        self.exec(&cmd::sched_set(self.id(), sched)).map(|_| ())
    }

    /// The device's share as it stands.
    ///
    /// # Errors
    /// What the device answers.
    pub fn sched(&self) -> Result<Sched> {
        let r = self.exec(&self.simple(abi::SCHED_GET))?;
        Ok(Sched::from(&r))
    }

    /// Maps a range of an address space; see [`AddressSpace::dma_map`].
    ///
    /// # Errors
    /// As there.
    pub fn dma_map(&self, asid: usize, iova: u64, bytes: u64, pa: u64, perm: Perm) -> Result<()> {
        self.space(asid)?.dma_map(iova, bytes, pa, perm)
    }

    /// Unmaps a range; see [`AddressSpace::dma_unmap`].
    ///
    /// # Errors
    /// As there.
    pub fn dma_unmap(&self, asid: usize, iova: u64, bytes: u64) -> Result<()> {
        self.space(asid)?.dma_unmap(iova, bytes)
    }

    /// Empties an address space; see [`AddressSpace::reset_map`].
    ///
    /// # Errors
    /// As there.
    pub fn reset_map(&self, asid: usize) -> Result<()> {
        self.space(asid)?.reset_map()
    }
}
