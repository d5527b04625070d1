//! A completion reaches its slot: the 16-bit fields of its words, the descriptor, its fault.
//!
//! Combinational; contract §3.5.

use rust_hdl::prelude::*;
use shoal_abi::mmu;

use crate::block_default;
use crate::ctx_types::{CoreEv, SlotRec, SlotState};

/// See the file's text.
#[derive(LogicBlock)]
pub struct Arrive {
    /// A completion.
    pub ev: Signal<In, CoreEv>,
    /// Its slot.
    pub slot: Signal<In, SlotRec>,
    /// The slot, with what arrived.
    pub slot_next: Signal<Out, SlotRec>,
    /// The op has failed.
    pub fault: Signal<Out, Bit>,
    /// The 16-bit field at the address of access a.
    pub field_a: Signal<Out, Bits<16>>,
    /// The 16-bit field at the address of access b.
    pub field_b: Signal<Out, Bits<16>>,
    state: Signal<Local, SlotState>,
    faulted: Signal<Local, Bit>,
    is_desc: Signal<Local, Bit>,
    is_write: Signal<Local, Bit>,
    word_a: Signal<Local, Bits<64>>,
    word_b: Signal<Local, Bits<64>>,
    byte_a: Signal<Local, Bits<64>>,
    byte_b: Signal<Local, Bits<64>>,
    shift_a: Signal<Local, Bits<64>>,
    shift_b: Signal<Local, Bits<64>>,
    shifted_a: Signal<Local, Bits<64>>,
    shifted_b: Signal<Local, Bits<64>>,
    no_cause: Constant<Bits<12>>,
    read_access: Constant<Bits<12>>,
    read_page: Constant<Bits<12>>,
    bits_shift: Constant<Bits<64>>,
}

impl Default for Arrive {
    fn default() -> Self {
        block_default!(
            ev, slot, slot_next, fault, field_a, field_b, state, faulted, is_desc, is_write, word_a, word_b,
            byte_a, byte_b, shift_a, shift_b, shifted_a, shifted_b;
            no_cause = 0u64, read_access = u64::from(mmu::CAUSE_READ_ACCESS),
            read_page = u64::from(mmu::CAUSE_READ_PAGE), bits_shift = 3u64
        )
    }
}

impl Logic for Arrive {
    #[hdl_gen]
    fn update(&mut self) {
        self.state.next = self.slot.val().state;
        self.is_desc.next = self.state.val() == SlotState::Desc;
        // A visit is told by writes, and the reads behind them.
        self.is_write.next = (self.state.val() == SlotState::Rearm)
            | ((self.state.val() == SlotState::Tell)
                & (self.ev.val().cause != self.read_access.val())
                & (self.ev.val().cause != self.read_page.val()));
        // Fields: the addresses of the op say where in the words they stand.
        self.word_a.next = self.ev.val().a;
        self.word_b.next = self.ev.val().b;
        self.byte_a.next = bit_cast::<64, 3>(self.slot.val().byte_a);
        self.byte_b.next = bit_cast::<64, 3>(self.slot.val().byte_b);
        self.shift_a.next = self.byte_a.val() << self.bits_shift.val();
        self.shift_b.next = self.byte_b.val() << self.bits_shift.val();
        self.shifted_a.next = self.word_a.val() >> self.shift_a.val();
        self.shifted_b.next = self.word_b.val() >> self.shift_b.val();
        self.field_a.next = self.shifted_a.val().get_bits::<16>(0);
        self.field_b.next = self.shifted_b.val().get_bits::<16>(0);
        self.slot_next.next = self.slot.val();
        if self.is_desc.val() {
            self.slot_next.next.addr = self.word_a.val();
            self.slot_next.next.len = self.word_b.val().get_bits::<32>(0);
            self.slot_next.next.flags = self.word_b.val().get_bits::<16>(32);
            self.slot_next.next.next_index = self.word_b.val().get_bits::<16>(48);
        }
        self.faulted.next = self.ev.val().cause != self.no_cause.val();
        if self.faulted.val() & !self.slot.val().kept {
            self.slot_next.next.kept = true;
            self.slot_next.next.cause = self.ev.val().cause;
            self.slot_next.next.iova = self.ev.val().iova;
            self.slot_next.next.f_write = self.is_write.val();
            self.slot_next.next.f_ring = !self.is_desc.val() | !self.slot.val().indirect;
        }
        self.fault.next = self.faulted.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrive_lints_clean() {
        crate::util::assert_lint_clean("arrive", Arrive::default());
    }
}
