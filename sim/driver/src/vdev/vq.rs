//! Queue operations of `vdpa_config_ops`.
//!
//! Addresses, size, state and message are kept here until `set_vq_ready(true)` sends them in one VQ_SETUP.

use shoal_abi::{cmd as abi, ring};

use super::{Vdev, Vq, GROUP_CONTROL, GROUP_DATA};
use crate::cmd::{self, VqSetup, VqState, VqStats};
use crate::error::{Error, Result};
use crate::msi::Msi;
use crate::platform::Platform;

impl<P: Platform> Vdev<P> {
    fn with_vq<T>(&self, idx: u16, f: impl FnOnce(&mut Vq) -> T) -> Result<T> {
        let mut state = self.state();
        let rule = "an index of a queue of the device";
        let q = state.vqs.get_mut(usize::from(idx)).ok_or(Error::Argument {
            what: "queue index",
            value: idx.into(),
            rule,
        })?;
        Ok(f(q))
    }

    fn vq(&self, idx: u16) -> Result<Vq> {
        self.with_vq(idx, |q| *q)
    }

    fn change_idle(&self, idx: u16, f: impl FnOnce(&mut Vq)) -> Result<()> {
        self.with_vq(idx, |q| {
            if q.ready {
                return Err(Error::State("the queue is ready: stop it first"));
            }
            f(q);
            Ok(())
        })?
    }

    /// Number of queues.
    #[must_use]
    pub fn vq_count(&self) -> u16 {
        self.config().vq_count()
    }

    /// IOVAs of descriptor table, available ring and used ring.
    ///
    /// # Errors
    /// `Argument` for a bad index or alignment, `State` when the queue is ready.
    pub fn set_vq_address(&self, idx: u16, desc: u64, driver: u64, device: u64) -> Result<()> {
        for (what, value, align) in [
            ("descriptor table IOVA", desc, ring::DESC_BYTES),
            ("available ring IOVA", driver, 2),
            ("used ring IOVA", device, 4),
        ] {
            if value % align != 0 {
                return Err(Error::Argument {
                    what,
                    value,
                    rule: "aligned as virtio 1.4 §2.7 says",
                });
            }
        }
        self.change_idle(idx, |q| {
            (q.desc, q.driver, q.device) = (desc, driver, device)
        })
    }

    /// Entries of the queue.
    ///
    /// # Errors
    /// `Argument` for a bad index or size, `State` when the queue is ready.
    pub fn set_vq_num(&self, idx: u16, num: u16) -> Result<()> {
        if !num.is_power_of_two() || num < 2 || num > self.get_vq_num_max() {
            return Err(Error::Argument {
                what: "queue size",
                value: num.into(),
                rule: "a power of two, 2 up to get_vq_num_max",
            });
        }
        self.change_idle(idx, |q| q.size = num)
    }

    /// Rings the doorbell. It does not sleep and does not fail: a queue that is not there or not ready is no harm.
    pub fn kick_vq(&self, idx: u16) {
        self.kick_vq_with_data(idx.into());
    }

    /// The same with NOTIFICATION_DATA: queue index in bits 15:0, next available index in bits 31:16 (virtio 1.4 §2.9).
    pub fn kick_vq_with_data(&self, data: u32) {
        self.platform().post_write32(self.doorbell(), data);
    }

    /// Turns interrupts of a queue on (with a message of its own) or off.
    ///
    /// # Errors
    /// `Argument`, `Exhausted`, and what the device answers.
    pub fn set_vq_cb(&self, idx: u16, on: bool) -> Result<()> {
        let old = self.vq(idx)?;
        let msi = match (old.msi, on) {
            (Some(m), true) => Some(m),
            (None, true) => Some(self.mgmtdev().pools().msis.alloc()?),
            (_, false) => None,
        };
        if old.ready && old.msi != msi {
            self.exec(&cmd::msi_set(self.id(), idx, msi, false))?;
        }
        self.with_vq(idx, |q| q.msi = msi)?;
        if let (Some(m), None) = (old.msi, msi) {
            self.mgmtdev().pools().msis.free(m);
        }
        Ok(())
    }

    /// Masks or unmasks a queue's message; one that arose while masked is sent on unmasking.
    ///
    /// # Errors
    /// `State` without a message, and what the device answers.
    pub fn mask_vq_cb(&self, idx: u16, masked: bool) -> Result<()> {
        let msi = self
            .vq(idx)?
            .msi
            .ok_or(Error::State("the queue has no interrupt message"))?;
        self.exec(&cmd::msi_set(self.id(), idx, Some(msi), masked))
            .map(|_| ())
    }

    /// The message of a queue (Linux `get_vq_irq`).
    #[must_use]
    pub fn vq_msi(&self, idx: u16) -> Option<Msi> {
        self.vq(idx).ok().and_then(|q| q.msi)
    }

    /// Interrupts of a queue since the last call.
    #[must_use]
    pub fn take_vq_interrupts(&self, idx: u16) -> u64 {
        self.vq_msi(idx)
            .map_or(0, |m| self.platform().take(m.address, m.data))
    }

    /// Starts a queue (one VQ_SETUP with everything set before) or stops it. When it returns after a stop, the device does
    /// not touch the queue any more, and `get_vq_state` says where it stopped.
    ///
    /// # Errors
    /// `Argument`, `State` without a size, and what the device answers.
    pub fn set_vq_ready(&self, idx: u16, ready: bool) -> Result<()> {
        let q = self.vq(idx)?;
        match (q.ready, ready) {
            (false, true) => {
                if q.size == 0 {
                    return Err(Error::State("set_vq_num comes before set_vq_ready"));
                }
                let setup = VqSetup {
                    vq_index: idx,
                    size: q.size,
                    group: self.buffer_group(idx) as u8,
                    ready: true,
                    last_avail: q.avail_index,
                    // With nothing in flight both indices are the same; Linux keeps only one of them.
                    used_idx: q.avail_index,
                    desc: q.desc,
                    driver: q.driver,
                    device: q.device,
                    msi: q.msi,
                };
                self.exec(&cmd::vq_setup(self.id(), &setup))?;
                self.with_vq(idx, |q| q.ready = true)
            }
            (true, false) => {
                let avail_index = self.stop_vq(idx)?;
                self.with_vq(idx, |q| (q.ready, q.avail_index) = (false, avail_index))
            }
            _ => Ok(()),
        }
    }

    /// VQ_RESET forgets the ring state and VQ_STATE_GET is stable only while stopped, so the state is read in a short stop.
    fn stop_vq(&self, idx: u16) -> Result<u16> {
        let suspended = self.state().suspended;
        let needs_reset = self.get_status()? & ring::S_NEEDS_RESET != 0;
        let stop = !suspended && !needs_reset;
        if stop {
            self.set_stopped(true)?;
        }
        let state = self.device_vq_state(idx);
        let done = state.and_then(|s| {
            self.exec_retry(&cmd::of_vq(abi::VQ_RESET, self.id(), idx))
                .map(|_| s.last_avail)
        });
        if stop {
            self.set_stopped(false)?;
        }
        done
    }

    /// True between `set_vq_ready(true)` and the next stop or reset.
    #[must_use]
    pub fn get_vq_ready(&self, idx: u16) -> bool {
        self.vq(idx).is_ok_and(|q| q.ready)
    }

    /// Next available index from which the queue will go on.
    ///
    /// # Errors
    /// `Argument`; `State` when the queue is ready.
    pub fn set_vq_state(&self, idx: u16, avail_index: u16) -> Result<()> {
        self.change_idle(idx, |q| q.avail_index = avail_index)
    }

    /// Next available index. Stable only while the queue is stopped or the device suspended.
    ///
    /// # Errors
    /// `Argument`, and what the device answers.
    pub fn get_vq_state(&self, idx: u16) -> Result<u16> {
        let q = self.vq(idx)?;
        if q.ready {
            Ok(self.device_vq_state(idx)?.last_avail)
        } else {
            Ok(q.avail_index)
        }
    }

    /// Both indices, size and readiness as the device has them.
    ///
    /// # Errors
    /// What the device answers.
    pub fn device_vq_state(&self, idx: u16) -> Result<VqState> {
        let r = self.exec(&cmd::of_vq(abi::VQ_STATE_GET, self.id(), idx))?;
        Ok(VqState::from(&r))
    }

    /// Counters of a queue (`vdpa dev vstats show`).
    ///
    /// # Errors
    /// What the device answers.
    pub fn get_vendor_vq_stats(&self, idx: u16) -> Result<VqStats> {
        let r = self.exec(&cmd::of_vq(abi::STATS_GET, self.id(), idx))?;
        Ok(VqStats::from(&r))
    }

    /// {offset in BAR0, bytes} of the queue's doorbell: a page that belongs to this device alone.
    #[must_use]
    pub fn get_vq_notification(&self, _idx: u16) -> (u32, u32) {
        (self.doorbell(), shoal_abi::regs::DOORBELL_PAGE_BYTES)
    }

    /// Alignment that rings should have, bytes.
    #[must_use]
    pub fn get_vq_align(&self) -> u32 {
        ring::DESC_BYTES as u32
    }

    /// Largest queue, entries.
    #[must_use]
    pub fn get_vq_num_max(&self) -> u16 {
        self.mgmtdev().caps().max_vq_size
    }

    /// Group of the queue's buffers.
    #[must_use]
    pub fn get_vq_group(&self, idx: u16) -> u32 {
        self.buffer_group(idx) as u32
    }

    /// Group of the queue's rings.
    #[must_use]
    pub fn get_vq_desc_group(&self, _idx: u16) -> u32 {
        super::GROUP_RINGS as u32
    }

    /// The device types here have no control queue; one would be the odd queue at the end of a net device.
    fn buffer_group(&self, idx: u16) -> usize {
        let is_net = self.config().device_type() == ring::TYPE_NET;
        if is_net && self.vq_count() % 2 == 1 && idx + 1 == self.vq_count() {
            GROUP_CONTROL
        } else {
            GROUP_DATA
        }
    }
}
