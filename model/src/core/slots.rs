//! Slots: what each chain in flight waits for, and the ops of the control unit that it has done for it.
//!
//! Timing: TIMING.md §3.4, §3.5. One control op at a time a slot, with up to two accesses and one completion.

use super::ctx::VqCtx;
use super::Core;
use crate::ctl::{AccessA, AccessB, Completion, CtlOp, Kind, Tell};
use crate::descriptor::{Desc, Walk};
use crate::messages::Message;
use shoal_abi::profile::VISIT_CHAINS;
use shoal_abi::ring::*;

/// State of a slot: what it waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SlotState {
    #[default]
    Idle,
    Look,
    Rearm,
    Look2,
    Ring,
    Desc,
    WaitTx,
    TxEnd,
    Answer,
    RxData,
    RxDisc,
    Tell,
}

/// How a slot goes on when its mover has come to an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Disposition {
    /// With the used element.
    #[default]
    Complete,
    /// Aborting: without a trace.
    Leave,
    /// Failing: with a fault record.
    Report,
    /// There was no buffer: the queue is looked at again.
    Dry,
}

/// A fault: what a record says of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fault {
    pub(super) cause: u16,
    pub(super) iova: u64,
    pub(super) write: bool,
    pub(super) asid: u32,
}

/// A control op in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Access {
    a: u64,
    b: Option<u64>,
    pub(super) asid: u32,
    pub(super) write: bool,
}

impl Access {
    /// The 16 bits read at access a.
    pub(super) fn half_a(&self, c: &Completion) -> u16 {
        half(c.a, self.a)
    }

    /// The 16 bits read at access b, if there is one.
    pub(super) fn half_b(&self, c: &Completion) -> Option<u16> {
        self.b.map(|va| half(c.b, va))
    }

    /// The fields of 16 bits from access a to the end of its word.
    pub(super) fn halves_a(&self, c: &Completion) -> impl Iterator<Item = u16> {
        halves(c.a, self.a)
    }

    /// Those from access b on; none without it.
    pub(super) fn halves_b(&self, c: &Completion) -> impl Iterator<Item = u16> {
        let word = c.b;
        self.b.into_iter().flat_map(move |va| halves(word, va))
    }
}

/// The fields of 16 bits from `va` to the end of its word.
fn halves(word: u64, va: u64) -> impl Iterator<Item = u16> {
    (va % 8..7).step_by(2).map(move |at| half(word, at))
}

/// The 16 bits at `va` of its word.
fn half(word: u64, va: u64) -> u16 {
    (word >> (8 * (va % 8))) as u16
}

/// A slot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    pub(super) state: SlotState,
    pub(super) vq: u32,
    /// The device that it was last bound to.
    pub(super) dev: u32,
    pub(super) access: Access,
    /// The chains of the visit and the one at hand.
    pub(super) heads: [u16; VISIT_CHAINS],
    pub(super) m: usize,
    pub(super) j: usize,
    /// Packets of the visit that a mover has; of a dry queue, packets still to be thrown away.
    pub(super) left: u16,
    /// Ends of received packets that have been seen in the visit.
    pub(super) k: usize,
    /// Packets for the slot in the order of the receive mover that no op has ended.
    pub(super) pend: u16,
    pub(super) walk: Walk,
    pub(super) desc: Desc,
    pub(super) readable: u64,
    pub(super) writable: u64,
    /// The first writable descriptor of the chain.
    pub(super) start: Option<Walk>,
    /// The chain takes received bytes.
    pub(super) delivers: bool,
    /// Bytes received, by chain.
    pub(super) used_len: [u32; VISIT_CHAINS],
    pub(super) generation: u16,
    /// What ends the packet of a slot that waits for the transmit mover; nothing: it goes on.
    pub(super) ends: bool,
    pub(super) disposition: Disposition,
    /// The first fault of the visit.
    pub(super) kept: Option<Fault>,
}

impl Core {
    /// TIMING.md §3.4: queue `v` is looked at with slot `s`, which goes back if there is nothing to do.
    pub(super) fn on_ready(&mut self, v: u32, s: usize) {
        let vq = self.ctx.vq[v as usize];
        let serves = vq.ready && !self.ctx.is_receive(v) && self.ctx.running(vq.owner);
        if serves && !vq.busy && self.early(vq.owner) {
            self.ctx.parked.push(v);
            self.free.push(s);
            return;
        }
        self.ctx.vq[v as usize].queued = false;
        if !serves {
            self.free.push(s);
        } else if vq.busy {
            self.ctx.vq[v as usize].again = true;
            self.free.push(s);
        } else {
            self.bind(s, v);
            self.begin(s);
        }
    }

    /// A visit begins.
    pub(super) fn begin(&mut self, s: usize) {
        self.slots[s].m = 0;
        self.more(s);
    }

    /// Entries for the visit: *ring read* if more are known to be available, else *look*.
    pub(super) fn more(&mut self, s: usize) {
        let vq = &self.ctx.vq[self.slots[s].vq as usize];
        if vq.avail_cache != vq.last_avail.wrapping_add(self.slots[s].m as u16) {
            self.read_ring(s);
        } else {
            self.look_at(s, SlotState::Look);
        }
    }

    pub(super) fn bind(&mut self, s: usize, v: u32) {
        let vq = &mut self.ctx.vq[v as usize];
        (vq.busy, vq.slot) = (true, s);
        let d = vq.owner;
        let inflight = &mut self.ctx.dev[d as usize].inflight;
        *inflight = inflight.saturating_add(1);
        let generation = self.slots[s].generation;
        self.slots[s] = Slot {
            vq: v,
            dev: d,
            generation,
            delivers: self.p.is_rx_slot(s),
            ..Slot::default()
        };
        self.fx.own.bound = Some((s, d));
    }

    pub(super) fn release(&mut self, s: usize) {
        let (v, d) = (self.slots[s].vq, self.slots[s].dev);
        self.slots[s].state = SlotState::Idle;
        if self.is_chain(s) {
            self.free.push(s);
        } else {
            self.rx_free.push(s);
        }
        let inflight = &mut self.ctx.dev[d as usize].inflight;
        *inflight = inflight.saturating_sub(1);
        let vq = &mut self.ctx.vq[v as usize];
        vq.busy = false;
        if std::mem::take(&mut vq.again) && vq.ready {
            self.ctx.enqueue(v);
        }
    }

    pub(super) fn is_chain(&self, s: usize) -> bool {
        s < self.p.chain_slots
    }

    pub(super) fn alive(&self, s: usize) -> bool {
        self.ctx.usable(self.slots[s].dev) && self.ctx.vq[self.slots[s].vq as usize].ready
    }

    pub(super) fn negotiated(&self, s: usize, feature: u32) -> bool {
        self.ctx.dev[self.slots[s].dev as usize].driver >> feature & 1 == 1
    }

    fn ring_asid(&self, s: usize) -> u32 {
        self.ctx.dev[self.slots[s].dev as usize].asid[2]
    }

    pub(super) fn buffer_asid(&self, s: usize) -> u32 {
        let group = usize::from(self.ctx.vq[self.slots[s].vq as usize].group);
        self.ctx.dev[self.slots[s].dev as usize]
            .asid
            .get(group)
            .copied()
            .unwrap_or(0)
    }

    /// Reads the word of `a` and perhaps that of `b`.
    fn read(&mut self, s: usize, state: SlotState, asid: u32, a: u64, b: Option<u64>) {
        self.slots[s].state = state;
        self.slots[s].access = Access {
            a,
            b,
            asid,
            write: false,
        };
        self.fx.ctl = Some(CtlOp {
            kind: Kind::Read,
            slot: s as u16,
            asid,
            a: AccessA {
                va: a,
                ..AccessA::default()
            },
            b: b.map(|va| AccessB { va, data: 0 }),
            ..CtlOp::default()
        });
    }

    /// Writes avail_event: a doorbell is wanted with the next entry.
    pub(super) fn rearm(&mut self, s: usize) {
        let asid = self.ring_asid(s);
        let vq = &self.ctx.vq[self.slots[s].vq as usize];
        let behind = USED_RING + USED_ELEM_BYTES * u64::from(vq.size);
        let a = AccessA {
            va: vq.device.wrapping_add(behind),
            len: 2,
            data: u64::from(vq.last_avail),
        };
        self.slots[s].state = SlotState::Rearm;
        self.slots[s].access = Access {
            a: a.va,
            b: None,
            asid,
            write: true,
        };
        self.fx.ctl = Some(CtlOp {
            kind: Kind::Write,
            slot: s as u16,
            asid,
            a,
            ..CtlOp::default()
        });
    }

    /// Where the next available entry behind those of the visit stands.
    fn entry_at(&self, s: usize) -> u64 {
        let vq = &self.ctx.vq[self.slots[s].vq as usize];
        let behind = vq.last_avail.wrapping_add(self.slots[s].m as u16);
        let entry = u64::from(behind % vq.size.max(1));
        vq.driver.wrapping_add(AVAIL_RING + 2 * entry)
    }

    /// *look*: avail.idx, and the next entry if it is in the same beat.
    pub(super) fn look_at(&mut self, s: usize, state: SlotState) {
        let beat = self.p.beat_bytes() as u64;
        let driver = self.ctx.vq[self.slots[s].vq as usize].driver;
        let (idx, entry) = (driver.wrapping_add(AVAIL_IDX), self.entry_at(s));
        let b = (idx / beat == entry / beat).then_some(entry);
        self.read(s, state, self.ring_asid(s), idx, b);
    }

    /// *ring read*: the next entry, and the word behind it if it is wanted too.
    pub(super) fn read_ring(&mut self, s: usize) {
        let va = self.entry_at(s);
        let vq = &self.ctx.vq[self.slots[s].vq as usize];
        let here = 4 - va % 8 / 2;
        let more = u64::from(in_a_row(vq, self.slots[s].m)) > here;
        let b = more.then(|| (va & !7).wrapping_add(8));
        self.read(s, SlotState::Ring, self.ring_asid(s), va, b);
    }

    /// *desc read*: the descriptor at which the walk stands.
    pub(super) fn read_desc(&mut self, s: usize) {
        let w = self.slots[s].walk;
        let va = w.table.wrapping_add(DESC_BYTES * u64::from(w.index));
        let asid = if w.indirect {
            self.buffer_asid(s)
        } else {
            self.ring_asid(s)
        };
        self.read(s, SlotState::Desc, asid, va, Some(va.wrapping_add(8)));
    }

    /// *tell*: the chains of the visit are used.
    pub(super) fn tell(&mut self, s: usize) {
        let asid = self.ring_asid(s);
        let event_idx = self.negotiated(s, F_EVENT_IDX);
        let receive = !self.is_chain(s);
        let slot = &mut self.slots[s];
        let vq = &self.ctx.vq[slot.vq as usize];
        let m = slot.m as u16;
        slot.state = SlotState::Tell;
        self.fx.ctl = Some(CtlOp {
            kind: Kind::Tell,
            slot: s as u16,
            asid,
            tell: Tell {
                device: vq.device,
                driver: vq.driver,
                size: vq.size,
                used_idx: vq.used_idx,
                last_avail: vq.last_avail.wrapping_add(m),
                m: m as u8,
                heads: slot.heads,
                used_len: slot.used_len,
                event_idx,
                receive,
                hint: vq.msi.valid && !vq.msi.mask,
                message: Message {
                    address: vq.msi.address,
                    data: vq.msi.data,
                },
            },
            ..CtlOp::default()
        });
        // What comes back is used_event or the flags, and avail.idx.
        let at = if event_idx {
            AVAIL_RING + 2 * u64::from(vq.size)
        } else {
            0
        };
        slot.access = Access {
            a: vq.driver.wrapping_add(at),
            b: (!receive).then(|| vq.driver.wrapping_add(AVAIL_IDX)),
            asid,
            write: true,
        };
    }
}

/// Entries behind the first `m` that are available before the ring wraps around.
pub(super) fn in_a_row(vq: &VqCtx, m: usize) -> u16 {
    let size = vq.size.max(1);
    let next = vq.last_avail.wrapping_add(m as u16);
    let available = vq.avail_cache.wrapping_sub(next);
    available.min(size - next % size)
}
