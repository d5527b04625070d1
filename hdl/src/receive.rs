//! A packet stands at the receive mover (RXP): an answer to a chain, a packet for a receive queue, or one to throw away.
//!
//! Combinational. Stage A; contract §3.7.

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
    /// The slot of its tag, or the receive slot.
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
    answered: Signal<Local, Bit>,
    member: Signal<Local, Bit>,
    in_device: Signal<Local, Bit>,
    binds: Signal<Local, Bit>,
    take: Signal<Local, Bit>,
    discard: Signal<Local, Bit>,
    drop: Signal<Local, Bit>,
    n_drop: Signal<Local, Bit>,
    no_step: Constant<StepA>,
    chain_slots: Constant<Bits<8>>,
    slot_shift: Constant<Bits<16>>,
    last_device: Constant<Bits<20>>,
    no_device: Constant<Bits<20>>,
    none_left: Constant<Bits<4>>,
    zero32: Constant<Bits<32>>,
}

impl Receive {
    /// `p`: its devices and slots.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            ev, slot, dev, vq, vq_id, alive, running, receive, step, act, slot_next, vq_next, number, gen, tag, chain_tag, tid, dest,
            answered, member, in_device, binds, take, discard, drop, n_drop;
            no_step = StepA::default(), last_device = u64::from(p.devices), chain_slots = p.chain_slots as u64,
            slot_shift = p.slot_w as u64, no_device = 0u64, none_left = 0u64, zero32 = 0u64
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
        self.take.next = false;
        self.discard.next = false;
        self.drop.next = false;
        self.n_drop.next = false;
        self.tag.next = self.ev.val().tag;
        self.number.next = self.ev.val().slot;
        self.gen.next = self.slot.val().gen;
        self.chain_tag.next = (bit_cast::<16, 13>(self.gen.val()) << self.slot_shift.val())
            | bit_cast::<16, 8>(self.number.val());
        self.dest.next = self.ev.val().dest;
        self.tid.next = self.ev.val().index;
        self.answered.next = (self.slot.val().state == SlotState::Answer)
            & (self.number.val() < self.chain_slots.val())
            & (self.chain_tag.val() == self.tag.val())
            & (bit_cast::<20, 18>(self.slot.val().dev) == self.dest.val())
            & !self.ev.val().warm;
        self.member.next = self.dev.val().exists
            & (self.dest.val() != self.no_device.val())
            & (self.dest.val() <= self.last_device.val());
        self.in_device.next =
            self.member.val() & (self.tid.val() < bit_cast::<16, 4>(self.dev.val().vq_count));
        if self.ev.val().answer {
            self.discard.next = !self.answered.val() | !self.alive.val();
            if self.answered.val() & !self.alive.val() {
                self.act.next = SlotAct::Release;
            } else if self.answered.val() {
                // Deliver from the chain's first writable descriptor on.
                self.act.next = SlotAct::ReadDesc;
                self.take.next = true;
                self.slot_next.next.delivering = true;
                self.slot_next.next.used_len = self.zero32.val();
                self.slot_next.next.desc_base = self.slot.val().w_base;
                self.slot_next.next.entries = self.slot.val().w_entries;
                self.slot_next.next.index = self.slot.val().w_index;
                self.slot_next.next.indirect = self.slot.val().w_indirect;
                self.slot_next.next.count = self.slot.val().w_count;
            }
        } else if self.in_device.val()
            & self.running.val()
            & self.vq.val().ready
            & self.receive.val()
        {
            self.act.next = SlotAct::Look;
            self.binds.next = true;
            self.take.next = true;
            self.vq_next.next.busy = true;
            self.vq_next.next.slot = self.number.val();
            self.slot_next.next.state = SlotState::Look;
            self.slot_next.next.fate = SlotFate::Normal;
            self.slot_next.next.delivering = true;
            self.slot_next.next.kept = false;
            self.slot_next.next.left = self.none_left.val();
            self.slot_next.next.dev = self.dest.val().get_bits::<18>(0);
            self.slot_next.next.vq = self.vq_id.val();
        } else {
            self.discard.next = true;
            self.n_drop.next = !self.ev.val().warm;
            self.drop.next = self.in_device.val() & !self.ev.val().warm;
        }
        self.step.next = self.no_step.val();
        self.step.next.act = self.act.val();
        self.step.next.slot = self.slot_next.val();
        self.step.next.vq = self.vq_next.val();
        self.step.next.vq_we = self.binds.val();
        self.step.next.bind = self.binds.val();
        self.step.next.rx_take = self.take.val();
        self.step.next.discard = self.discard.val();
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
