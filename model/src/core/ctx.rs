//! Contexts of devices, virtqueues and doorbell pages, and the ready FIFO.
//!
//! Timing: TIMING.md §3.2. Only the core touches them, one event at a time, so an event changes them when it is computed.

use super::late::Late;
use super::share::Share;
use shoal_abi::cmd::{CONFIG_BYTES, GROUPS};
use shoal_abi::profile::Profile;
use shoal_abi::ring::{S_DRIVER_OK, S_NEEDS_RESET, TYPE_NET};

/// A message slot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Msi {
    pub(crate) address: u64,
    pub(crate) data: u32,
    pub(crate) mask: bool,
    pub(crate) valid: bool,
    pub(crate) pending: bool,
}

/// A managed device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DevCtx {
    pub(crate) exists: bool,
    pub(crate) kind: u16,
    pub(crate) status: u8,
    pub(crate) offered: u64,
    pub(crate) driver: u64,
    pub(crate) vq_base: u32,
    pub(crate) vq_count: u16,
    /// By virtqueue group.
    pub(crate) asid: [u32; GROUPS as usize],
    pub(crate) page: u32,
    pub(crate) stopped: bool,
    pub(crate) generation: u8,
    /// Slots bound.
    pub(crate) inflight: u16,
    pub(crate) config: [u8; CONFIG_BYTES],
    pub(crate) msi: Msi,
    pub(crate) share: Share,
}

impl Default for DevCtx {
    fn default() -> Self {
        Self {
            exists: false,
            kind: 0,
            status: 0,
            offered: 0,
            driver: 0,
            vq_base: 0,
            vq_count: 0,
            asid: [0; GROUPS as usize],
            page: 0,
            stopped: false,
            generation: 0,
            inflight: 0,
            config: [0; CONFIG_BYTES],
            msi: Msi::default(),
            share: Share::default(),
        }
    }
}

/// A virtqueue.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct VqCtx {
    /// Member id, 0 none.
    pub(crate) owner: u32,
    /// Index within the device.
    pub(crate) index: u16,
    pub(crate) ready: bool,
    pub(crate) size: u16,
    pub(crate) desc: u64,
    pub(crate) driver: u64,
    pub(crate) device: u64,
    pub(crate) last_avail: u16,
    pub(crate) used_idx: u16,
    pub(crate) avail_cache: u16,
    pub(crate) group: u8,
    pub(crate) queued: bool,
    pub(crate) busy: bool,
    /// The slot that it is bound to, if busy.
    pub(crate) slot: usize,
    pub(crate) again: bool,
    pub(crate) kicks: u32,
    pub(crate) chains: u32,
    pub(crate) interrupts: u32,
    pub(crate) drops: u32,
    pub(crate) faults: u32,
    pub(crate) msi: Msi,
}

/// All contexts.
#[derive(Clone, Debug)]
pub(crate) struct Contexts {
    /// By member id; that of 0, which no device has, stays empty.
    pub(crate) dev: Vec<DevCtx>,
    pub(crate) vq: Vec<VqCtx>,
    /// Owner of each doorbell page, a member id, 0 none.
    pub(crate) pages: Vec<u32>,
    /// Virtqueues to be looked at.
    pub(crate) ready: Late<u32>,
    /// Those of devices that were early.
    pub(crate) parked: Late<u32>,
    /// Every device counts as dead: a warm reset goes on (as the event being handled sees it).
    pub(crate) warm: bool,
}

impl Contexts {
    pub(crate) fn new(p: &Profile) -> Self {
        Self {
            dev: vec![DevCtx::default(); p.devices as usize + 1],
            vq: vec![VqCtx::default(); 1 << p.vq_aw],
            pages: vec![0; p.doorbell_pages as usize],
            ready: Late::new(1 << p.vq_aw),
            parked: Late::new(1 << p.vq_aw),
            warm: false,
        }
    }

    /// The end of a sweep.
    pub(crate) fn clear(&mut self) {
        self.dev.fill(DevCtx::default());
        self.vq.fill(VqCtx::default());
        self.pages.fill(0);
    }

    pub(crate) fn usable(&self, d: u32) -> bool {
        let d = &self.dev[d as usize];
        d.exists && d.status & (S_DRIVER_OK | S_NEEDS_RESET) == S_DRIVER_OK && !self.warm
    }

    pub(crate) fn running(&self, d: u32) -> bool {
        self.usable(d) && !self.dev[d as usize].stopped
    }

    /// A receive queue: a net device's with an even index.
    pub(crate) fn is_receive(&self, v: u32) -> bool {
        let v = &self.vq[v as usize];
        self.dev[v.owner as usize].kind == TYPE_NET && v.index.is_multiple_of(2)
    }

    /// The context of queue `index` of device `d`, if it has one.
    pub(crate) fn vq_of(&self, d: u32, index: u16) -> Option<u32> {
        let d = self.dev.get(d as usize)?;
        (d.exists && index < d.vq_count).then(|| d.vq_base + u32::from(index))
    }

    pub(crate) fn enqueue(&mut self, v: u32) {
        let vq = &mut self.vq[v as usize];
        if !vq.queued {
            vq.queued = true;
            self.ready.push(v);
        }
    }

    /// Looks at every ready queue of kind Out, if the device runs.
    pub(crate) fn enqueue_all(&mut self, d: u32) {
        if !self.running(d) {
            return;
        }
        let dev = &self.dev[d as usize];
        for v in dev.vq_base..dev.vq_base + u32::from(dev.vq_count) {
            if self.vq[v as usize].ready && !self.is_receive(v) {
                self.enqueue(v);
            }
        }
    }
}
