//! Releases the chain slots of a device, or of one virtqueue, that wait for the card: contract §10, drains, and *release* of §3.2.
//!
//! Goes through the virtqueues, in index order: one that is busy says which slot it is bound to.
//! Timing: `go`; two cycles a virtqueue, three for one that is bound to a chain slot; `done` in the last. Reset: idle.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::block_default;
use crate::ctx_types::{SlotRec, SlotState, VqRec};

#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
enum AdminSlotsState {
    Idle,
    ReadVq,
    ReadSlot,
    FreeSlot,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminSlots {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Begin.
    pub go: Signal<In, Bit>,
    /// The last cycle.
    pub done: Signal<Out, Bit>,
    /// First virtqueue context.
    pub base: Signal<In, Bits<18>>,
    /// Contexts, 1..=8.
    pub count: Signal<In, Bits<4>>,
    /// Only `vq_id`.
    pub by_vq: Signal<In, Bit>,
    /// Virtqueue context.
    pub vq_id: Signal<In, Bits<18>>,
    /// Slot of the cycle before.
    pub slot: Signal<In, SlotRec>,
    /// Slot accessed.
    pub slot_addr: Signal<Out, Bits<8>>,
    /// Write it, and put it into the free list.
    pub slot_we: Signal<Out, Bit>,
    /// New record.
    pub slot_data: Signal<Out, SlotRec>,
    /// Virtqueue of the cycle before.
    pub vq: Signal<In, VqRec>,
    /// Virtqueue accessed.
    pub vq_addr: Signal<Out, Bits<18>>,
    /// Write it.
    pub vq_we: Signal<Out, Bit>,
    /// New record.
    pub vq_data: Signal<Out, VqRec>,
    /// Put `vq_addr` into the ready FIFO.
    pub ready_push: Signal<Out, Bit>,
    /// One slot less is bound to the device.
    pub unbind: Signal<Out, Bit>,
    state: DFF<AdminSlotsState>,
    at: DFF<Bits<4>>,
    following: Signal<Local, Bits<4>>,
    is_last: Signal<Local, Bit>,
    bound: Signal<Local, Bit>,
    frees: Signal<Local, Bit>,
    looked: Signal<Local, Bit>,
    first: Constant<Bits<4>>,
    one: Constant<Bits<4>>,
    chain_slots: Constant<Bits<8>>,
}

impl AdminSlots {
    /// The block for a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, go, done, base, count, by_vq, vq_id, slot, slot_addr, slot_we, slot_data, vq, vq_addr, vq_we,
            vq_data, ready_push, unbind, state, at, following, is_last, bound, frees, looked;
            first = 0u64,
            one = 1u64,
            chain_slots = p.chain_slots as u64
        )
    }
}

impl Logic for AdminSlots {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, at);
        // Outputs are kept apart from the state's next value: they do not depend on `go`.
        self.following.next = self.at.q.val() + self.one.val();
        self.is_last.next = self.by_vq.val() | (self.following.val() == self.count.val());
        self.vq_addr.next = self.base.val() + bit_cast::<18, 4>(self.at.q.val());
        if self.by_vq.val() {
            self.vq_addr.next = self.vq_id.val();
        }
        // The virtqueue is addressed in all of its cycles, so its record stands from the second on.
        self.bound.next = self.vq.val().busy & (self.vq.val().slot < self.chain_slots.val());
        self.slot_addr.next = self.vq.val().slot;
        self.frees.next = (self.state.q.val() == AdminSlotsState::FreeSlot)
            & (self.slot.val().state == SlotState::Answer);
        self.looked.next = (self.state.q.val() == AdminSlotsState::FreeSlot)
            | ((self.state.q.val() == AdminSlotsState::ReadSlot) & !self.bound.val());
        self.done.next = self.is_last.val()
            & ((self.state.q.val() == AdminSlotsState::FreeSlot)
                | ((self.state.q.val() == AdminSlotsState::ReadSlot) & !self.bound.val()));
        self.slot_we.next = self.frees.val();
        self.unbind.next = self.frees.val();
        self.slot_data.next = self.slot.val();
        self.slot_data.next.state = SlotState::Idle;
        self.vq_we.next = self.frees.val();
        self.vq_data.next = self.vq.val();
        self.vq_data.next.busy = false;
        self.vq_data.next.again = false;
        if self.vq.val().again & self.vq.val().ready {
            self.vq_data.next.queued = true;
        }
        self.ready_push.next =
            self.frees.val() & self.vq.val().again & self.vq.val().ready & !self.vq.val().queued;
        match self.state.q.val() {
            AdminSlotsState::Idle => {}
            AdminSlotsState::ReadVq => {
                self.state.d.next = AdminSlotsState::ReadSlot;
            }
            AdminSlotsState::ReadSlot => {
                self.state.d.next = AdminSlotsState::FreeSlot;
            }
            AdminSlotsState::FreeSlot => {}
            _ => {
                self.state.d.next = AdminSlotsState::Idle;
            }
        }
        if self.looked.val() {
            self.at.d.next = self.following.val();
            self.state.d.next = AdminSlotsState::ReadVq;
            if self.is_last.val() {
                self.state.d.next = AdminSlotsState::Idle;
            }
        }
        if self.go.val() {
            self.at.d.next = self.first.val();
            self.state.d.next = AdminSlotsState::ReadVq;
        }
        if self.reset.val() {
            self.state.d.next = AdminSlotsState::Idle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_slots_lints_clean() {
        let p = &shoal_abi::profile::TINY;
        crate::util::assert_lint_clean("admin_slots", AdminSlots::new(p));
    }
}
