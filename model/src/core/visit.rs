//! Visits: a slot serves up to 8 chains of its queue, sends what they say and tells of them together.
//!
//! Timing: TIMING.md §3.5 (*heads*, *chain*, Tell) and §3.6 (*sent*, *done*).

use super::ctx::VqCtx;
use super::slots::{in_a_row, Disposition, Fault, SlotState};
use super::{Core, Env};
use crate::ctl::Completion;
use crate::descriptor::Walk;
use crate::regs::Counter;
use crate::tx::TxDone;
use shoal_abi::mmu::{CAUSE_DESC_INDEX, CAUSE_NONE};
use shoal_abi::profile::VISIT_CHAINS;
use shoal_abi::ring::*;
use shoal_abi::stream::TUSER_TAG;

/// Chains that a visit can have: their used elements stand in a row.
pub(super) fn most_chains(vq: &VqCtx) -> usize {
    let size = vq.size.max(1);
    usize::from(size - vq.used_idx % size).min(VISIT_CHAINS)
}

impl Core {
    /// *heads*: the visit begins, or goes on, with the entries that have been read.
    pub(super) fn take_heads(&mut self, s: usize, entries: impl Iterator<Item = u16>, env: &Env) {
        let vq = &self.ctx.vq[self.slots[s].vq as usize];
        let (mut heads, had) = (self.slots[s].heads, self.slots[s].m);
        let cap = if self.is_chain(s) {
            self.ctx.dev[vq.owner as usize].share.weight.into()
        } else {
            VISIT_CHAINS
        };
        let room = most_chains(vq).min(cap).saturating_sub(had);
        let most = usize::from(in_a_row(vq, had)).min(room);
        let mut m = had;
        for (head, entry) in heads[had..]
            .iter_mut()
            .zip(entries)
            .take(most)
            .take_while(|(_, entry)| *entry < vq.size)
        {
            *head = entry;
            m += 1;
        }
        if m == had {
            return self.fail_ring(s, CAUSE_DESC_INDEX, env);
        }
        let slot = &mut self.slots[s];
        (slot.heads, slot.m) = (heads, m);
        if had > 0 {
            slot.j = had;
            return self.start_chain(s);
        }
        (slot.j, slot.left, slot.kept) = (0, 0, None);
        (slot.k, slot.used_len) = (0, [0; VISIT_CHAINS]);
        slot.disposition = Disposition::Complete;
        self.start_chain(s);
    }

    /// *chain*: the walk along the chain at hand starts.
    pub(super) fn start_chain(&mut self, s: usize) {
        let generations = crate::ones(TUSER_TAG.width as usize - self.p.slot_w) as u16;
        let has_generation = self.is_chain(s);
        let slot = &mut self.slots[s];
        let vq = &self.ctx.vq[slot.vq as usize];
        if has_generation {
            slot.generation = slot.generation.wrapping_add(1) & generations;
        }
        slot.walk = Walk {
            table: vq.desc,
            n: u32::from(vq.size),
            index: u32::from(slot.heads[slot.j]),
            indirect: false,
            count: 0,
        };
        (slot.readable, slot.writable, slot.start) = (0, 0, None);
        self.read_desc(s);
    }

    /// The end of the chain at hand has been pushed to the transmit mover.
    pub(super) fn end_chain(&mut self, s: usize, env: &Env) {
        let slot = &mut self.slots[s];
        slot.left += 1;
        if slot.j + 1 < slot.m {
            slot.j += 1;
            self.start_chain(s);
        } else {
            self.sent(s, env);
        }
    }

    /// *sent*: the mover gets no more of this visit.
    pub(super) fn sent(&mut self, s: usize, env: &Env) {
        if self.slots[s].left > 0 {
            self.slots[s].state = SlotState::TxEnd;
        } else {
            self.done(s, env);
        }
    }

    /// TXD: the last beat of a packet has been pushed.
    pub(super) fn on_transmit_done(&mut self, done: &TxDone, env: &Env) {
        let s = usize::from(done.slot);
        if !self.is_chain(s) {
            return;
        }
        let asid = self.buffer_asid(s);
        let slot = &mut self.slots[s];
        slot.left = slot.left.saturating_sub(1);
        if done.cause != CAUSE_NONE {
            slot.kept.get_or_insert(Fault {
                cause: done.cause,
                iova: done.iova,
                write: false,
                asid,
            });
        } else if slot.disposition == Disposition::Complete {
            self.fx.count(Counter::TxPackets);
        }
        if slot.state == SlotState::TxEnd && slot.left == 0 {
            self.done(s, env);
        }
    }

    /// *done*: all packets of the visit have ended.
    pub(super) fn done(&mut self, s: usize, env: &Env) {
        let slot = &self.slots[s];
        if slot.disposition != Disposition::Complete {
            return self.dispose(s);
        }
        if let Some(fault) = slot.kept {
            self.fail(s, fault, env);
        } else if !self.alive(s) {
            self.leave(s);
        } else if slot.delivers || slot.writable == 0 {
            self.tell(s);
        } else if slot.pend == 1 {
            self.deliver(s);
        } else {
            self.slots[s].state = SlotState::Answer;
        }
    }

    /// The driver has been told of the visit.
    pub(super) fn on_told(&mut self, s: usize, c: &Completion) {
        let access = self.slots[s].access;
        let event_idx = self.negotiated(s, F_EVENT_IDX);
        let m = self.slots[s].m as u16;
        let vq = &mut self.ctx.vq[self.slots[s].vq as usize];
        vq.used_idx = vq.used_idx.wrapping_add(m);
        vq.last_avail = vq.last_avail.wrapping_add(m);
        vq.chains = vq.chains.wrapping_add(u32::from(m));
        if self.is_chain(s) {
            let share = &mut self.ctx.dev[self.slots[s].dev as usize].share;
            share.charge(m, self.clock.time);
        }
        let vq = &mut self.ctx.vq[self.slots[s].vq as usize];
        if let Some(idx) = access.half_b(c) {
            if idx.wrapping_sub(vq.last_avail) <= vq.size {
                vq.avail_cache = idx;
            }
        }
        if c.sent {
            vq.interrupts = vq.interrupts.wrapping_add(1);
            self.fx.count(Counter::Interrupts);
            return self.finish(s);
        }
        let half = access.half_a(c);
        let notify = if event_idx {
            vq.used_idx.wrapping_sub(half).wrapping_sub(1) < m
        } else {
            half & AVAIL_F_NO_INTERRUPT == 0
        };
        if vq.msi.valid && notify && !vq.msi.mask {
            vq.interrupts = vq.interrupts.wrapping_add(1);
            self.fx.send(&vq.msi);
        }
        vq.msi.pending |= vq.msi.valid && notify && vq.msi.mask;
        self.finish(s);
    }
}
