//! A packet has begun to enter (RXP): an answer to a chain, a packet for a receive queue, or one to throw away.
//!
//! Combinational. Stage A; contract §3.7. Every packet gets its entry in the order FIFO here. What waits for a queue that is
//! being served is counted in the queue's record, which an event has at hand whatever slot serves it.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::block_default;
use crate::ctx_types::{CoreEv, DevRec, SlotFate, SlotRec, SlotState, VqRec};
use crate::step_types::{SlotAct, StepA};

/// See the file's text.
#[derive(LogicBlock)]
pub struct Receive {
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// The slot of its tag, or the receive slot that is free.
    pub slot: Signal<In, SlotRec>,
    /// The device: the slot's, or `tdest`.
    pub dev: Signal<In, DevRec>,
    /// The virtqueue: the slot's, or `tid` of the device.
    pub vq: Signal<In, VqRec>,
    /// Its context.
    pub vq_id: Signal<In, Bits<18>>,
    /// The slot is alive.
    pub alive: Signal<In, Bit>,
    /// The device is running.
    pub running: Signal<In, Bit>,
    /// The virtqueue is of the kind Receive.
    pub receive: Signal<In, Bit>,
    /// What follows.
    pub step: Signal<Out, StepA>,
    act: Signal<Local, SlotAct>,
    slot_next: Signal<Local, SlotRec>,
    vq_next: Signal<Local, VqRec>,
    number: Signal<Local, Bits<8>>,
    gen: Signal<Local, Bits<13>>,
    tag: Signal<Local, Bits<16>>,
    chain_tag: Signal<Local, Bits<16>>,
    tid: Signal<Local, Bits<16>>,
    dest: Signal<Local, Bits<20>>,
    waits: Signal<Local, Bit>,
    early: Signal<Local, Bit>,
    answered: Signal<Local, Bit>,
    member: Signal<Local, Bit>,
    in_device: Signal<Local, Bit>,
    accepts: Signal<Local, Bit>,
    binds: Signal<Local, Bit>,
    takes: Signal<Local, Bit>,
    place: Signal<Local, Bits<8>>,
    drop: Signal<Local, Bit>,
    n_drop: Signal<Local, Bit>,
    no_step: Constant<StepA>,
    chain_slots: Constant<Bits<8>>,
    slot_shift: Constant<Bits<16>>,
    last_device: Constant<Bits<20>>,
    no_device: Constant<Bits<20>>,
    none_left: Constant<Bits<4>>,
    no_chain: Constant<Bits<4>>,
    zero9: Constant<Bits<9>>,
    one9: Constant<Bits<9>>,
    zero32: Constant<Bits<32>>,
}

impl Receive {
    /// `p`: its devices and slots.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            ev, slot, dev, vq, vq_id, alive, running, receive, step, act, slot_next, vq_next, number, gen, tag, chain_tag, tid, dest,
            waits, early, answered, member, in_device, accepts, binds, takes, place, drop, n_drop;
            no_step = StepA::default(), last_device = u64::from(p.devices), chain_slots = p.chain_slots as u64,
            slot_shift = p.slot_w as u64, no_device = 0u64, none_left = 0u64, no_chain = 0u64, zero9 = 0u64, one9 = 1u64, zero32 = 0u64
        )
    }
}

impl Logic for Receive {
    #[hdl_gen]
    fn update(&mut self) {
        self.act.next = SlotAct::Nothing;
        self.slot_next.next = self.slot.val();
        self.vq_next.next = self.vq.val();
        self.binds.next = false;
        self.takes.next = false;
        self.drop.next = false;
        self.n_drop.next = false;
        self.tag.next = self.ev.val().tag;
        self.number.next = self.ev.val().slot;
        self.place.next = self.ev.val().slot;
        self.gen.next = self.slot.val().gen;
        self.chain_tag.next = (bit_cast::<16, 13>(self.gen.val()) << self.slot_shift.val())
            | bit_cast::<16, 8>(self.number.val());
        self.dest.next = self.ev.val().dest;
        self.tid.next = self.ev.val().index;
        // The chain's packet has left, or its end has not been seen yet.
        self.waits.next = self.slot.val().state == SlotState::Answer;
        self.early.next = (self.slot.val().state == SlotState::TxEnd)
            & (self.slot.val().fate == SlotFate::Normal)
            & !self.slot.val().delivering
            & (self.slot.val().wsum != self.zero32.val());
        self.answered.next = (self.waits.val() | self.early.val())
            & (self.number.val() < self.chain_slots.val())
            & (self.chain_tag.val() == self.tag.val())
            & (bit_cast::<20, 18>(self.slot.val().dev) == self.dest.val())
            & (self.vq.val().pend == self.zero9.val())
            & !self.ev.val().warm;
        self.member.next = self.dev.val().exists
            & (self.dest.val() != self.no_device.val())
            & (self.dest.val() <= self.last_device.val());
        self.in_device.next =
            self.member.val() & (self.tid.val() < bit_cast::<16, 4>(self.dev.val().vq_count));
        self.accepts.next =
            self.in_device.val() & self.running.val() & self.vq.val().ready & self.receive.val();
        if self.ev.val().answer {
            self.takes.next = self.answered.val() & self.alive.val();
            if self.answered.val() & self.waits.val() {
                self.act.next = SlotAct::Release;
                if self.alive.val() {
                    self.act.next = SlotAct::Deliver;
                }
            }
        } else if self.accepts.val() {
            self.takes.next = true;
            if self.vq.val().busy {
                self.place.next = self.vq.val().slot;
            } else {
                self.binds.next = true;
                self.vq_next.next.busy = true;
                self.vq_next.next.slot = self.number.val();
                self.slot_next.next.state = SlotState::Look;
                self.slot_next.next.fate = SlotFate::Normal;
                self.slot_next.next.delivering = true;
                self.slot_next.next.kept = false;
                self.slot_next.next.left = self.none_left.val();
                self.slot_next.next.visit = self.no_chain.val();
                self.slot_next.next.dev = self.dest.val().get_bits::<18>(0);
                self.slot_next.next.vq = self.vq_id.val();
                self.act.next = SlotAct::Look;
                if self.vq.val().avail_cache != self.vq.val().last_avail {
                    self.act.next = SlotAct::ReadRing;
                }
            }
        } else {
            self.n_drop.next = !self.ev.val().warm;
            self.drop.next = self.in_device.val() & !self.ev.val().warm;
        }
        if self.takes.val() {
            self.vq_next.next.pend = self.vq.val().pend + self.one9.val();
        }
        self.step.next = self.no_step.val();
        self.step.next.act = self.act.val();
        self.step.next.slot = self.slot_next.val();
        self.step.next.vq = self.vq_next.val();
        self.step.next.vq_we = self.takes.val();
        self.step.next.bind = self.binds.val();
        self.step.next.rx_back = !self.binds.val();
        self.step.next.order_push = true;
        self.step.next.order_none = !self.takes.val();
        self.step.next.order_slot = self.place.val();
        self.step.next.drop = self.drop.val();
        self.step.next.n_drop = self.n_drop.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receive_lints_clean() {
        crate::util::assert_lint_clean("receive", Receive::new(&shoal_abi::profile::TINY));
    }
}
