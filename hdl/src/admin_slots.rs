//! Releases the chain slots of a device, or of one virtqueue, that wait for the card: contract §10, drains, and *release* of §3.2.
//!
//! Timing: `go`; two cycles a slot, two more for each that is released; `done` in the last.
//! Reset: idle.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{SlotRec, SlotState, VqRec, RX_SLOT};

#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
enum AdminSlotsState {
    Idle,
    ReadSlot,
    FreeSlot,
    ReadVq,
    FreeVq,
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
    /// Device whose slots are meant.
    pub member: Signal<In, Bits<18>>,
    /// Only the slots of `vq_id`.
    pub by_vq: Signal<In, Bit>,
    /// Virtqueue context.
    pub vq_id: Signal<In, Bits<18>>,
    /// A slot owns the transmit mover.
    pub tx_owned: Signal<In, Bit>,
    /// Which.
    pub tx_owner: Signal<In, Bits<3>>,
    /// Slot of the cycle before.
    pub slot: Signal<In, SlotRec>,
    /// Slot accessed.
    pub slot_addr: Signal<Out, Bits<3>>,
    /// Write it.
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
    at: DFF<Bits<3>>,
    freed: DFF<Bits<18>>,
    meant: Signal<Local, Bit>,
    waits: Signal<Local, Bit>,
    frees: Signal<Local, Bit>,
    looked: Signal<Local, Bit>,
    first: Constant<Bits<3>>,
    one: Constant<Bits<3>>,
    last: Constant<Bits<3>>,
}

impl Default for AdminSlots {
    fn default() -> Self {
        block_default!(
            clock, reset, go, done, member, by_vq, vq_id, tx_owned, tx_owner, slot, slot_addr, slot_we, slot_data, vq,
            vq_addr, vq_we, vq_data, ready_push, unbind, state, at, freed, meant, waits, frees,
            looked;
            first = 0u64,
            one = 1u64,
            last = RX_SLOT - 1
        )
    }
}

impl Logic for AdminSlots {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, at, freed);
        // Outputs are kept apart from the state's next value: they do not depend on `go`.
        self.meant.next = self.slot.val().dev == self.member.val();
        if self.by_vq.val() {
            self.meant.next = self.slot.val().vq == self.vq_id.val();
        }
        self.waits.next = (self.slot.val().state == SlotState::Answer)
            | ((self.slot.val().state == SlotState::WaitTx)
                & !(self.tx_owned.val() & (self.tx_owner.val() == self.at.q.val())));
        self.frees.next = self.meant.val() & self.waits.val();
        self.done.next = (self.at.q.val() == self.last.val())
            & ((self.state.q.val() == AdminSlotsState::FreeVq)
                | ((self.state.q.val() == AdminSlotsState::FreeSlot) & !self.frees.val()));
        self.slot_addr.next = self.at.q.val();
        self.slot_we.next = (self.state.q.val() == AdminSlotsState::FreeSlot) & self.frees.val();
        self.unbind.next = (self.state.q.val() == AdminSlotsState::FreeSlot) & self.frees.val();
        self.slot_data.next = self.slot.val();
        self.slot_data.next.state = SlotState::Idle;
        self.vq_addr.next = self.freed.q.val();
        self.vq_we.next = self.state.q.val() == AdminSlotsState::FreeVq;
        self.vq_data.next = self.vq.val();
        self.vq_data.next.busy = false;
        self.vq_data.next.again = false;
        if self.vq.val().again & self.vq.val().ready {
            self.vq_data.next.queued = true;
        }
        self.ready_push.next = (self.state.q.val() == AdminSlotsState::FreeVq)
            & self.vq.val().again
            & self.vq.val().ready
            & !self.vq.val().queued;
        self.looked.next = false;
        match self.state.q.val() {
            AdminSlotsState::Idle => {}
            AdminSlotsState::ReadSlot => {
                self.state.d.next = AdminSlotsState::FreeSlot;
            }
            AdminSlotsState::FreeSlot => {
                if self.frees.val() {
                    self.freed.d.next = self.slot.val().vq;
                    self.state.d.next = AdminSlotsState::ReadVq;
                } else {
                    self.looked.next = true;
                }
            }
            AdminSlotsState::ReadVq => {
                self.state.d.next = AdminSlotsState::FreeVq;
            }
            AdminSlotsState::FreeVq => {
                self.looked.next = true;
            }
            _ => {
                self.state.d.next = AdminSlotsState::Idle;
            }
        }
        if self.looked.val() {
            self.at.d.next = self.at.q.val() + self.one.val();
            self.state.d.next = AdminSlotsState::ReadSlot;
            if self.at.q.val() == self.last.val() {
                self.state.d.next = AdminSlotsState::Idle;
            }
        }
        if self.go.val() {
            self.at.d.next = self.first.val();
            self.state.d.next = AdminSlotsState::ReadSlot;
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
        crate::util::assert_lint_clean("admin_slots", AdminSlots::default());
    }
}
