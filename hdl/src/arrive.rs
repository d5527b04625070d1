//! A completion reaches its slot: descriptor words are stored, the first fault of the op is recorded.
//!
//! Combinational; contract §3.5, "first rule for every completion".

use rust_hdl::prelude::*;
use shoal_abi::mmu;

use crate::block_default;
use crate::ctx_types::{CoreEv, SlotRec, SlotState, SRC_CTLB, SRC_CTLX};

/// See the file's text.
#[derive(LogicBlock)]
pub struct Arrive {
    /// A completion.
    pub ev: Signal<In, CoreEv>,
    /// Its slot.
    pub slot: Signal<In, SlotRec>,
    /// The slot, with what arrived.
    pub slot_next: Signal<Out, SlotRec>,
    /// The op's completions are all in.
    pub complete: Signal<Out, Bit>,
    /// The 16-bit field that was asked for, if the op was a read of one.
    pub field: Signal<Out, Bits<16>>,
    state: Signal<Local, SlotState>,
    faulted: Signal<Local, Bit>,
    is_desc: Signal<Local, Bit>,
    is_write: Signal<Local, Bit>,
    iova: Signal<Local, Bits<64>>,
    shift: Signal<Local, Bits<64>>,
    data: Signal<Local, Bits<64>>,
    lane: Signal<Local, Bits<64>>,
    src_x: Constant<Bits<4>>,
    src_b: Constant<Bits<4>>,
    read_access: Constant<Bits<12>>,
    write_access: Constant<Bits<12>>,
    lane_mask: Constant<Bits<64>>,
    byte_shift: Constant<Bits<64>>,
}

impl Default for Arrive {
    fn default() -> Self {
        block_default!(
            ev, slot, slot_next, complete, field, state, faulted, is_desc, is_write, iova, shift, data, lane;
            src_x = SRC_CTLX, src_b = SRC_CTLB,
            read_access = u64::from(mmu::CAUSE_READ_ACCESS), write_access = u64::from(mmu::CAUSE_WRITE_ACCESS),
            lane_mask = 6u64, byte_shift = 3u64
        )
    }
}

impl Logic for Arrive {
    #[hdl_gen]
    fn update(&mut self) {
        self.state.next = self.slot.val().state;
        self.data.next = self.ev.val().data;
        self.is_desc.next = self.state.val() == SlotState::Desc;
        self.is_write.next = (self.state.val() == SlotState::Rearm)
            | (self.state.val() == SlotState::UsedElem)
            | (self.state.val() == SlotState::UsedIdx);
        // Ring fields are aligned to 2 bytes: the op's address says where in the word they stand.
        self.iova.next = self.slot.val().iova;
        self.shift.next = (self.iova.val() & self.lane_mask.val()) << self.byte_shift.val();
        self.lane.next = self.data.val() >> self.shift.val();
        self.field.next = self.lane.val().get_bits::<16>(0);
        self.slot_next.next = self.slot.val();
        // A fault: the first one counts.
        self.faulted.next = (self.ev.val().src == self.src_x.val()) | self.ev.val().bad;
        if self.faulted.val() & !self.slot.val().fault {
            self.slot_next.next.fault = true;
            self.slot_next.next.f_write = self.is_write.val();
            self.slot_next.next.f_ring = !self.is_desc.val() | !self.slot.val().indirect;
            if self.ev.val().src == self.src_x.val() {
                self.slot_next.next.cause = self.ev.val().cause;
                self.slot_next.next.iova = self.ev.val().iova;
            } else if self.ev.val().src == self.src_b.val() {
                self.slot_next.next.cause = self.write_access.val();
            } else {
                self.slot_next.next.cause = self.read_access.val();
            }
        }
        // Descriptor words: they may come in any order (virtio 1.4 §2.7.5).
        self.complete.next = !self.is_desc.val();
        if self.is_desc.val() {
            if self.ev.val().word {
                self.slot_next.next.got1 = true;
                self.slot_next.next.len = self.data.val().get_bits::<32>(0);
                self.slot_next.next.flags = self.data.val().get_bits::<16>(32);
                self.slot_next.next.next_index = self.data.val().get_bits::<16>(48);
                self.complete.next = self.slot.val().got0;
            } else {
                self.slot_next.next.got0 = true;
                self.slot_next.next.addr = self.data.val();
                self.complete.next = self.slot.val().got1;
            }
        }
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
