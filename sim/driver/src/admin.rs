//! The admin queue, driver side: a split virtqueue of `struct virtio_admin_cmd` with many commands in flight (virtio 1.4 §2.13).
//!
//! Each command has a slot of DMA memory: its readable part, its writable part, and room for an indirect table. The
//! framing is free: one descriptor for each part, or any split of them, in the table or in an indirect one.

use std::sync::Mutex;

use shoal_abi::ring::{
    AVAIL_IDX, AVAIL_RING, DESC_BYTES, DESC_F_INDIRECT, DESC_F_NEXT, DESC_F_WRITE, USED_ELEM_BYTES,
    USED_IDX, USED_RING,
};

use crate::error::{Error, Result};
use crate::lock;
use crate::platform::{Dma, DmaBuf};

/// Bytes of each part that a slot has room for.
pub const PART_BYTES: usize = 256;
const INDIRECT_DESCS: usize = 32;
const SLOT_BYTES: usize = 2 * PART_BYTES + INDIRECT_DESCS * DESC_BYTES as usize;

/// How a command is cut into descriptors. The default is one descriptor for each part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Framing {
    /// Bytes of the first descriptors of the readable part; a last one takes the rest.
    pub readable: Vec<usize>,
    /// The same of the writable part.
    pub writable: Vec<usize>,
    /// All of them in an indirect table.
    pub indirect: bool,
}

/// A command in flight. It holds its slot until it is polled to its end or [`AdminQueue::forget`] is called.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    head: u16,
}

/// A finished command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// `len` of the used element.
    pub used: usize,
    /// The whole writable part as it stands in memory; the device wrote the first `used` bytes.
    pub writable: Vec<u8>,
}

#[derive(Debug)]
struct Slot {
    descs: Vec<u16>,
    writable: usize,
    used: Option<u32>,
    forgotten: bool,
}

#[derive(Debug)]
struct State {
    free: Vec<u16>,
    slots: Vec<Option<Slot>>,
    avail_idx: u16,
    used_idx: u16,
}

/// The admin queue.
#[derive(Debug)]
pub struct AdminQueue<D> {
    dma: D,
    size: u16,
    rings: DmaBuf,
    buffers: DmaBuf,
    state: Mutex<State>,
}

impl<D: Dma> AdminQueue<D> {
    /// A queue of `size` entries, a power of two, in fresh memory.
    ///
    /// # Errors
    /// `Platform` when memory runs out.
    pub fn new(dma: D, size: u16) -> Result<Self> {
        let n = u64::from(size);
        let avail = n * DESC_BYTES;
        let used = (avail + AVAIL_RING + n * 2 + 2).next_multiple_of(4);
        let rings = dma.alloc((used + USED_RING + n * USED_ELEM_BYTES + 2) as usize)?;
        let buffers = dma.alloc(usize::from(size) * SLOT_BYTES)?;
        let state = State {
            free: (0..size).rev().collect(),
            slots: (0..size).map(|_| None).collect(),
            avail_idx: 0,
            used_idx: 0,
        };
        Ok(Self {
            dma,
            size,
            rings,
            buffers,
            state: Mutex::new(state),
        })
    }

    /// Entries.
    #[must_use]
    pub fn size(&self) -> u16 {
        self.size
    }

    /// Platform addresses of descriptor table, available ring, used ring.
    #[must_use]
    pub fn areas(&self) -> (u64, u64, u64) {
        let n = u64::from(self.size);
        let avail = self.rings.addr + n * DESC_BYTES;
        (
            self.rings.addr,
            avail,
            (avail + AVAIL_RING + n * 2 + 2).next_multiple_of(4),
        )
    }

    /// Commands in flight or not yet polled.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        lock(&self.state).slots.iter().flatten().count()
    }

    /// Puts a command into the queue; the caller rings the doorbell. `writable` is the bytes of the writable part.
    ///
    /// # Errors
    /// `QueueFull`; `Framing` when the parts or the pieces do not fit; `BadUsed`.
    pub fn submit(&self, readable: &[u8], writable: usize, framing: &Framing) -> Result<Ticket> {
        let mut state = lock(&self.state);
        let pieces: Vec<(usize, usize, bool)> = pieces(readable.len(), &framing.readable)
            .map(|(at, n)| (at, n, false))
            .chain(pieces(writable, &framing.writable).map(|(at, n)| (PART_BYTES + at, n, true)))
            .collect();
        let most = if framing.indirect {
            INDIRECT_DESCS
        } else {
            usize::from(self.size)
        };
        if readable.len() > PART_BYTES
            || writable > PART_BYTES
            || pieces.is_empty()
            || pieces.len() > most
        {
            return Err(Error::Framing {
                readable: readable.len(),
                writable,
                descriptors: pieces.len(),
            });
        }
        let needed = if framing.indirect { 1 } else { pieces.len() };
        if state.free.len() < needed {
            // Forgotten commands may have ended since.
            self.reap(&mut state)?;
        }
        if state.free.len() < needed {
            return Err(Error::QueueFull);
        }
        let left = state.free.len() - needed;
        let descs = state.free.split_off(left);
        let head = descs[0];
        let slot = self.slot(head);
        // Old contents of the writable part would hide a device that does not write it.
        self.dma.write(slot, readable);
        self.dma
            .write(slot + PART_BYTES as u64, &[0xff; PART_BYTES]);
        let table = slot + 2 * PART_BYTES as u64;
        for (n, &(at, len, write)) in pieces.iter().enumerate() {
            let last = n + 1 == pieces.len();
            let index = if framing.indirect { n as u16 } else { descs[n] };
            let next = match (last, framing.indirect) {
                (true, _) => 0,
                (false, true) => n as u16 + 1,
                (false, false) => descs[n + 1],
            };
            let flags = if last { 0 } else { DESC_F_NEXT } | if write { DESC_F_WRITE } else { 0 };
            let base = if framing.indirect {
                table
            } else {
                self.rings.addr
            };
            self.desc(base, index, slot + at as u64, len, flags, next);
        }
        if framing.indirect {
            let len = pieces.len() * DESC_BYTES as usize;
            self.desc(self.rings.addr, head, table, len, DESC_F_INDIRECT, 0);
        }
        state.slots[usize::from(head)] = Some(Slot {
            descs,
            writable,
            used: None,
            forgotten: false,
        });

        let (_, avail, _) = self.areas();
        let entry = u64::from(state.avail_idx % self.size);
        self.dma
            .write(avail + AVAIL_RING + 2 * entry, &head.to_le_bytes());
        state.avail_idx = state.avail_idx.wrapping_add(1);
        self.dma
            .write(avail + AVAIL_IDX, &state.avail_idx.to_le_bytes());
        Ok(Ticket { head })
    }

    /// The completion of `ticket`, which is then used up, or the ticket again.
    ///
    /// # Errors
    /// `BadUsed` when the device returned something that is not in flight.
    pub fn poll(&self, ticket: Ticket) -> Result<std::result::Result<Completion, Ticket>> {
        let mut state = lock(&self.state);
        self.reap(&mut state)?;
        let index = usize::from(ticket.head);
        let Some(used) = state.slots[index].as_ref().and_then(|s| s.used) else {
            return Ok(Err(ticket));
        };
        let slot = state.slots[index].take().expect("the slot was just seen");
        let mut writable = vec![0; slot.writable];
        self.dma
            .read(self.slot(ticket.head) + PART_BYTES as u64, &mut writable);
        state.free.extend(slot.descs);
        Ok(Ok(Completion {
            used: used as usize,
            writable,
        }))
    }

    /// Gives up on a command: its slot is reused when the device has returned it, not before.
    pub fn forget(&self, ticket: Ticket) {
        let mut state = lock(&self.state);
        let index = usize::from(ticket.head);
        match state.slots[index].take() {
            Some(slot) if slot.used.is_some() => state.free.extend(slot.descs),
            slot => {
                state.slots[index] = slot.map(|s| Slot {
                    forgotten: true,
                    ..s
                })
            }
        }
    }

    fn reap(&self, state: &mut State) -> Result<()> {
        let (_, _, used) = self.areas();
        let idx = self.dma.read_u16(used + USED_IDX);
        while state.used_idx != idx {
            let entry = u64::from(state.used_idx % self.size);
            let elem = self
                .dma
                .read_u64(used + USED_RING + USED_ELEM_BYTES * entry);
            let (id, len) = (elem as u32, (elem >> 32) as u32);
            let index = id as usize;
            let Some(Some(slot)) = state.slots.get_mut(index) else {
                return Err(Error::BadUsed { id, len });
            };
            if slot.used.is_some() {
                return Err(Error::BadUsed { id, len });
            }
            slot.used = Some(len);
            if slot.forgotten {
                if let Some(slot) = state.slots[index].take() {
                    state.free.extend(slot.descs);
                }
            }
            state.used_idx = state.used_idx.wrapping_add(1);
        }
        Ok(())
    }

    fn slot(&self, head: u16) -> u64 {
        self.buffers.addr + u64::from(head) * SLOT_BYTES as u64
    }

    fn desc(&self, table: u64, index: u16, addr: u64, len: usize, flags: u16, next: u16) {
        let mut d = [0; DESC_BYTES as usize];
        d[0..8].copy_from_slice(&addr.to_le_bytes());
        d[8..12].copy_from_slice(&(len as u32).to_le_bytes());
        d[12..14].copy_from_slice(&flags.to_le_bytes());
        d[14..16].copy_from_slice(&next.to_le_bytes());
        self.dma.write(table + u64::from(index) * DESC_BYTES, &d);
    }

    /// Gives the memory back. The device must have stopped using the queue.
    pub fn release(self) {
        self.dma.free(self.rings);
        self.dma.free(self.buffers);
    }
}

/// {offset, bytes} of each descriptor of a part of `total` bytes; empty pieces are left out.
fn pieces(total: usize, cuts: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    let mut out = Vec::new();
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let n = cut.min(total - at);
        if n > 0 {
            out.push((at, n));
            at += n;
        }
    }
    out.into_iter()
}
