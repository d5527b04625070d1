//! What the sources must know of the slots in every cycle: which are idle, which wait for the transmit mover.
//!
//! Timing: follows the slot memory at the edge of a write. Reset: all idle.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{SlotRec, SlotState};

/// See the file's text.
#[derive(LogicBlock)]
pub struct Slots {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// A slot is written at this edge.
    pub slot_we: Signal<In, Bit>,
    /// Which.
    pub slot_addr: Signal<In, Bits<3>>,
    /// With what.
    pub slot_data: Signal<In, SlotRec>,
    /// A slot owns the transmit mover.
    pub tx_owned: Signal<In, Bit>,
    /// Which.
    pub tx_owner: Signal<In, Bits<3>>,
    /// All slots are idle.
    pub all_idle: Signal<Out, Bit>,
    /// The receive slot is idle.
    pub rx_idle: Signal<Out, Bit>,
    /// A chain slot is idle.
    pub some_idle: Signal<Out, Bit>,
    /// The lowest of them.
    pub idle_slot: Signal<Out, Bits<3>>,
    /// A chain slot waits for the transmit mover and no other slot has it.
    pub some_wait: Signal<Out, Bit>,
    /// The lowest of them.
    pub wait_slot: Signal<Out, Bits<3>>,
    idle: DFF<Bits<8>>,
    waits: DFF<Bits<8>>,
    mask: Signal<Local, Bits<8>>,
    owner_mask: Signal<Local, Bits<8>>,
    free: Signal<Local, Bits<8>>,
    eligible: Signal<Local, Bits<8>>,
    one: Constant<Bits<8>>,
    all: Constant<Bits<8>>,
    none: Constant<Bits<8>>,
    chains: Constant<Bits<8>>,
    receiver: Constant<Bits<8>>,
    slot0: Constant<Bits<3>>,
    slot1: Constant<Bits<3>>,
    slot2: Constant<Bits<3>>,
    slot3: Constant<Bits<3>>,
}

impl Default for Slots {
    fn default() -> Self {
        block_default!(
            clock, reset, slot_we, slot_addr, slot_data, tx_owned, tx_owner, all_idle, rx_idle, some_idle, idle_slot,
            some_wait, wait_slot, idle, waits, mask, owner_mask, free, eligible;
            one = 1u64, all = 0xffu64, none = 0u64, chains = 0x0fu64, receiver = 0x10u64, slot0 = 0u64, slot1 = 1u64,
            slot2 = 2u64, slot3 = 3u64
        )
    }
}

impl Logic for Slots {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, idle, waits);
        self.mask.next = self.one.val() << self.slot_addr.val();
        if self.slot_we.val() {
            self.idle.d.next = self.idle.q.val() & !self.mask.val();
            self.waits.d.next = self.waits.q.val() & !self.mask.val();
            if self.slot_data.val().state == SlotState::Idle {
                self.idle.d.next = self.idle.q.val() | self.mask.val();
            }
            if self.slot_data.val().state == SlotState::WaitTx {
                self.waits.d.next = self.waits.q.val() | self.mask.val();
            }
        }
        self.free.next = self.idle.q.val() & self.chains.val();
        self.owner_mask.next = self.chains.val();
        if self.tx_owned.val() {
            self.owner_mask.next = self.one.val() << self.tx_owner.val();
        }
        self.eligible.next = self.waits.q.val() & self.owner_mask.val();
        self.all_idle.next = self.idle.q.val() == self.all.val();
        self.rx_idle.next = (self.idle.q.val() & self.receiver.val()).any();
        self.some_idle.next = self.free.val() != self.none.val();
        self.some_wait.next = self.eligible.val() != self.none.val();
        self.idle_slot.next = self.slot3.val();
        if self.free.val().get_bit(0) {
            self.idle_slot.next = self.slot0.val();
        } else if self.free.val().get_bit(1) {
            self.idle_slot.next = self.slot1.val();
        } else if self.free.val().get_bit(2) {
            self.idle_slot.next = self.slot2.val();
        }
        self.wait_slot.next = self.slot3.val();
        if self.eligible.val().get_bit(0) {
            self.wait_slot.next = self.slot0.val();
        } else if self.eligible.val().get_bit(1) {
            self.wait_slot.next = self.slot1.val();
        } else if self.eligible.val().get_bit(2) {
            self.wait_slot.next = self.slot2.val();
        }
        if self.reset.val() {
            self.idle.d.next = self.all.val();
            self.waits.d.next = self.none.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_lints_clean() {
        crate::util::assert_lint_clean("slots", Slots::default());
    }
}
