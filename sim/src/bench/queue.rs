//! A bare virtqueue in a device's address space: chains go in, used elements are counted. No virtio driver, no interrupts.

use shoal_abi::ring::{
    AVAIL_F_NO_INTERRUPT, AVAIL_IDX, AVAIL_RING, DESC_BYTES, DESC_F_NEXT, DESC_F_WRITE, USED_IDX,
};
use shoal_driver::{Dma, Perm, Vdev};

use super::BenchError;
use crate::env::PAGE_BYTES;
use crate::host::SharedHost;

/// Entries of a queue.
pub(super) const ENTRIES: u16 = 64;
/// Bytes of memory of a queue: one large page.
const MEMORY: u64 = 2 << 20;
/// Offsets of the rings in it.
const DRIVER_AREA: u64 = 0x1000;
const DEVICE_AREA: u64 = 0x2000;
/// Offset of the buffers, and bytes of each.
const BUFFERS: u64 = 0x1_0000;
const BUFFER_BYTES: u64 = 0x2000;

/// A part of a chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) bytes: u32,
    pub(super) is_writable: bool,
}

/// A queue that is ready.
pub(super) struct Queue {
    host: SharedHost,
    vdev: Vdev<SharedHost>,
    index: u16,
    pa: u64,
    iova: u64,
    avail: u16,
    next_desc: u16,
}

impl Queue {
    /// Sets up queue `index` of `vdev`.
    pub(super) fn new(
        host: &SharedHost,
        vdev: &Vdev<SharedHost>,
        index: u16,
    ) -> Result<Self, BenchError> {
        let pages = 2 * MEMORY / PAGE_BYTES;
        let memory = host
            .borrow()
            .mem()
            .alloc(pages)
            .map_err(|e| BenchError::Failed(e.to_string()))?;
        let pa = memory.next_multiple_of(MEMORY);
        let iova = (u64::from(index) + 1) << 30;
        vdev.dma_map(0, iova, MEMORY, pa, Perm::Rw)?;
        host.write(pa + DRIVER_AREA, &AVAIL_F_NO_INTERRUPT.to_le_bytes());
        vdev.set_vq_num(index, ENTRIES)?;
        vdev.set_vq_address(index, iova, iova + DRIVER_AREA, iova + DEVICE_AREA)?;
        vdev.set_vq_ready(index, true)?;
        Ok(Self {
            host: host.clone(),
            vdev: vdev.clone(),
            index,
            pa,
            iova,
            avail: 0,
            next_desc: 0,
        })
    }

    /// Makes a chain of `parts` available, its readable bytes beginning with `header`. Its descriptors must be free.
    pub(super) fn offer(&mut self, parts: &[Part], header: &[u8]) {
        let head = self.next_desc;
        let buffer = BUFFERS + u64::from(head) * BUFFER_BYTES;
        let mut offset = buffer;
        self.host.write(self.pa + buffer, header);
        for (n, part) in parts.iter().enumerate() {
            let at = self.next_desc;
            self.next_desc = (at + 1) % ENTRIES;
            let more = n + 1 < parts.len();
            let flags = if more { DESC_F_NEXT } else { 0 }
                | if part.is_writable { DESC_F_WRITE } else { 0 };
            let mut desc = [0; DESC_BYTES as usize];
            desc[..8].copy_from_slice(&(self.iova + offset).to_le_bytes());
            desc[8..12].copy_from_slice(&part.bytes.to_le_bytes());
            desc[12..14].copy_from_slice(&flags.to_le_bytes());
            desc[14..].copy_from_slice(&self.next_desc.to_le_bytes());
            self.host.write(self.pa + u64::from(at) * DESC_BYTES, &desc);
            offset += u64::from(part.bytes).next_multiple_of(16);
        }
        let driver = self.pa + DRIVER_AREA;
        self.host.write(
            driver + AVAIL_RING + 2 * u64::from(self.avail % ENTRIES),
            &head.to_le_bytes(),
        );
        self.avail = self.avail.wrapping_add(1);
        self.host
            .write(driver + AVAIL_IDX, &self.avail.to_le_bytes());
    }

    /// Rings the doorbell.
    pub(super) fn kick(&self) {
        self.vdev.kick_vq(self.index);
    }

    /// Chains that are available and not used yet.
    pub(super) fn open(&self) -> u16 {
        self.avail
            .wrapping_sub(self.host.read_u16(self.pa + DEVICE_AREA + USED_IDX))
    }

    /// Steps until at most `open` chains are open; cycles that took.
    pub(super) fn wait(&self, open: u16) -> Result<u64, BenchError> {
        let start = self.host.cycle();
        self.host
            .run_until("the end of a request", 10_000_000, 1, || {
                self.open() <= open
            })?;
        Ok(self.host.cycle() - start)
    }
}
