//! Packets from the streams: receive queues and answers.
//!
//! Timing: TIMING.md §3.7.

use super::slots::{Disposition, Fault, SlotState};
use super::{Core, Env};
use crate::regs::Counter;
use crate::rx::{RxDone, RxOp};
use crate::tx::Side;
use shoal_abi::mmu::CAUSE_NONE;
use shoal_abi::profile::VISIT_CHAINS;
use shoal_abi::stream::{TUSER_ANSWER, TUSER_TAG};

impl Core {
    /// RXP: a packet has begun to enter; `free` is the receive slot that it may take.
    pub(super) fn on_packet(&mut self, head: &Side, free: usize, env: &Env) {
        let entry = if self.ctx.warm {
            None
        } else if TUSER_ANSWER.get(head.user) == 1 {
            self.on_answer(head)
        } else {
            self.on_receive_packet(head, free, env)
        };
        if entry != Some(free) {
            self.rx_free.push(free);
        }
        self.fx.order = Some(entry.map(|s| s as u16));
    }

    /// Gives the chain slot that takes the answer.
    fn on_answer(&mut self, head: &Side) -> Option<usize> {
        let tag = TUSER_TAG.get(head.user);
        let s = Some(self.slot_of_tag(tag)).filter(|&s| self.is_chain(s))?;
        let slot = &self.slots[s];
        let waits = match slot.state {
            SlotState::Answer => true,
            // The end of its packet has not been seen yet.
            SlotState::TxEnd => {
                slot.disposition == Disposition::Complete && !slot.delivers && slot.writable > 0
            }
            _ => false,
        };
        let answer = slot.state == SlotState::Answer;
        if !waits || self.tag(s) != tag || slot.dev != head.dest || slot.pend != 0 {
            return None;
        }
        if !self.alive(s) {
            if answer {
                self.release(s);
            }
            return None;
        }
        self.slots[s].pend = 1;
        if answer {
            self.deliver(s);
        }
        Some(s)
    }

    /// *deliver*: the answer goes to the writable part of the chain.
    pub(super) fn deliver(&mut self, s: usize) {
        let slot = &mut self.slots[s];
        slot.delivers = true;
        (slot.m, slot.j, slot.k, slot.left) = (1, 0, 0, 0);
        slot.used_len = [0; VISIT_CHAINS];
        slot.walk = slot.start.unwrap_or(slot.walk);
        self.read_desc(s);
    }

    /// Gives the receive slot that takes the packet.
    fn on_receive_packet(&mut self, head: &Side, free: usize, env: &Env) -> Option<usize> {
        let member = (1..=env.p.devices).contains(&head.dest);
        let found = if member {
            self.ctx.vq_of(head.dest, head.tid)
        } else {
            None
        };
        let taken = found.filter(|&v| {
            self.ctx.running(head.dest) && self.ctx.vq[v as usize].ready && self.ctx.is_receive(v)
        });
        let Some(v) = taken else {
            self.fx.count(Counter::RxDrops);
            if let Some(v) = found {
                self.count_drop(v);
            }
            return None;
        };
        let vq = &self.ctx.vq[v as usize];
        if vq.busy {
            let s = vq.slot;
            self.slots[s].pend = self.slots[s].pend.saturating_add(1);
            return Some(s);
        }
        self.bind(free, v);
        self.slots[free].pend = 1;
        self.begin(free);
        Some(free)
    }

    fn count_drop(&mut self, v: u32) {
        let drops = &mut self.ctx.vq[v as usize].drops;
        *drops = drops.wrapping_add(1);
    }

    /// *dry*: a receive slot found no buffer.
    pub(super) fn dry(&mut self, s: usize) {
        let slot = &mut self.slots[s];
        slot.left = slot.pend.min(VISIT_CHAINS as u16);
        self.discard(s, Disposition::Dry);
    }

    /// *discard*: the next packet of the slot is thrown away.
    pub(super) fn discard(&mut self, s: usize, how: Disposition) {
        self.fx.rx = Some((s as u16, RxOp::Discard));
        let slot = &mut self.slots[s];
        slot.pend = slot.pend.saturating_sub(1);
        slot.disposition = how;
        slot.state = SlotState::RxDisc;
        if how == Disposition::Dry {
            slot.left = slot.left.saturating_sub(1);
            self.fx.count(Counter::RxDrops);
            self.count_drop(self.slots[s].vq);
        }
    }

    /// RXD: the end of an op of the receive mover, or of a packet.
    pub(super) fn on_receive_done(&mut self, done: &RxDone, env: &Env) {
        let s = usize::from(done.slot);
        if s >= self.slots.len() {
            return;
        }
        match self.slots[s].state {
            SlotState::RxDisc => self.on_discarded(s),
            SlotState::RxData => self.on_part(s, done, env),
            _ => self.on_packet_end(s, done, env),
        }
    }

    fn on_discarded(&mut self, s: usize) {
        let slot = &self.slots[s];
        if slot.disposition != Disposition::Dry || !self.alive(s) {
            self.leave(s);
        } else if slot.left > 0 {
            self.discard(s, Disposition::Dry);
        } else {
            self.finish(s);
        }
    }

    /// An op that does not end the chain.
    fn on_part(&mut self, s: usize, done: &RxDone, env: &Env) {
        let slot = &mut self.slots[s];
        slot.used_len[0] = slot.used_len[0].wrapping_add(done.bytes);
        if done.ended {
            slot.pend = slot.pend.saturating_sub(1);
        }
        if !self.alive(s) {
            self.abort(s, env);
        } else if done.cause != CAUSE_NONE {
            let fault = self.write_fault(s, done);
            self.fail(s, fault, env);
        } else if done.ended {
            if !self.is_chain(s) {
                self.fx.count(Counter::RxPackets);
            }
            (self.slots[s].left, self.slots[s].m) = (0, 1);
            self.done(s, env);
        } else {
            self.next_desc(s, env);
        }
    }

    /// The end of a packet whose chain ends with it.
    fn on_packet_end(&mut self, s: usize, done: &RxDone, env: &Env) {
        let fault = self.write_fault(s, done);
        let receive = !self.is_chain(s);
        let slot = &mut self.slots[s];
        if let Some(len) = slot.used_len.get_mut(slot.k) {
            *len = len.wrapping_add(done.bytes);
        }
        slot.k += 1;
        slot.left = slot.left.saturating_sub(1);
        if done.cause != CAUSE_NONE {
            slot.kept.get_or_insert(fault);
        } else if receive && slot.disposition == Disposition::Complete {
            self.fx.count(Counter::RxPackets);
        }
        if slot.state == SlotState::TxEnd && slot.left == 0 {
            self.done(s, env);
        }
    }

    fn write_fault(&self, s: usize, done: &RxDone) -> Fault {
        Fault {
            cause: done.cause,
            iova: done.iova,
            write: true,
            asid: self.buffer_asid(s),
        }
    }
}
