//! Takes the words of a command out of the command buffer, once for an execute event.
//!
//! Timing: `go`, then a word a cycle; `done` is 1 in the cycle before all outputs stand.
//! Reset: idle.

use rust_hdl::prelude::*;
use shoal_abi::cmd;

use crate::admin_types::DATA_WORD;
use crate::block_default;

/// Words taken: the header and 7 of data. What lies behind is configuration space.
const WORDS: u64 = DATA_WORD + 7;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminWords {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Begin.
    pub go: Signal<In, Bit>,
    /// The outputs stand from the next cycle on.
    pub done: Signal<Out, Bit>,
    /// Word wanted from the command buffer.
    pub addr: Signal<Out, Bits<4>>,
    /// The word of the cycle before.
    pub data: Signal<In, Bits<64>>,
    /// Opcode.
    pub opcode: Signal<Out, Bits<16>>,
    /// Group type.
    pub group: Signal<Out, Bits<16>>,
    /// Member id.
    pub member: Signal<Out, Bits<64>>,
    /// Data bytes 0..8.
    pub d0: Signal<Out, Bits<64>>,
    /// Data bytes 8..16.
    pub d1: Signal<Out, Bits<64>>,
    /// Data bytes 16..24.
    pub d2: Signal<Out, Bits<64>>,
    /// Data bytes 24..32.
    pub d3: Signal<Out, Bits<64>>,
    /// VQ_SETUP: used_idx.
    pub used_idx: Signal<Out, Bits<16>>,
    /// VQ_SETUP: message masked.
    pub msi_mask: Signal<Out, Bit>,
    /// VQ_SETUP: message valid.
    pub msi_valid: Signal<Out, Bit>,
    /// VQ_SETUP: message address.
    pub msi_address: Signal<Out, Bits<64>>,
    /// VQ_SETUP: message data.
    pub msi_data: Signal<Out, Bits<32>>,
    active: DFF<Bit>,
    index: DFF<Bits<4>>,
    taking: DFF<Bit>,
    at: DFF<Bits<4>>,
    r_opcode: DFF<Bits<16>>,
    r_group: DFF<Bits<16>>,
    r_member: DFF<Bits<64>>,
    r_d0: DFF<Bits<64>>,
    r_d1: DFF<Bits<64>>,
    r_d2: DFF<Bits<64>>,
    r_d3: DFF<Bits<64>>,
    r_used: DFF<Bits<16>>,
    r_mask: DFF<Bit>,
    r_valid: DFF<Bit>,
    r_address: DFF<Bits<64>>,
    r_data: DFF<Bits<32>>,
    mask_bit: Constant<Bits<6>>,
    valid_bit: Constant<Bits<6>>,
    one: Constant<Bits<4>>,
    first: Constant<Bits<4>>,
    last: Constant<Bits<4>>,
    w_member: Constant<Bits<4>>,
    w_d0: Constant<Bits<4>>,
    w_d1: Constant<Bits<4>>,
    w_d2: Constant<Bits<4>>,
    w_d3: Constant<Bits<4>>,
    w_d4: Constant<Bits<4>>,
    w_d5: Constant<Bits<4>>,
    w_d6: Constant<Bits<4>>,
}

impl Default for AdminWords {
    fn default() -> Self {
        block_default!(
            clock, reset, go, done, addr, data, opcode, group, member, d0, d1, d2, d3, used_idx, msi_mask, msi_valid,
            msi_address, msi_data, active, index, taking, at, r_opcode, r_group, r_member, r_d0, r_d1, r_d2, r_d3,
            r_used, r_mask, r_valid, r_address, r_data;
            mask_bit = 32 + u64::from(cmd::MSI_MASK.trailing_zeros()),
            valid_bit = 32 + u64::from(cmd::MSI_VALID.trailing_zeros()),
            one = 1u64,
            first = 0u64,
            last = WORDS - 1,
            w_member = DATA_WORD - 1,
            w_d0 = DATA_WORD,
            w_d1 = DATA_WORD + 1,
            w_d2 = DATA_WORD + 2,
            w_d3 = DATA_WORD + 3,
            w_d4 = DATA_WORD + 4,
            w_d5 = DATA_WORD + 5,
            w_d6 = DATA_WORD + 6
        )
    }
}

impl Logic for AdminWords {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, active, index, taking, at, r_opcode, r_group, r_member, r_d0, r_d1, r_d2,
            r_d3, r_used, r_mask, r_valid, r_address, r_data
        );
        self.addr.next = self.index.q.val();
        self.taking.d.next = self.active.q.val();
        self.at.d.next = self.index.q.val();
        if self.active.q.val() {
            self.index.d.next = self.index.q.val() + self.one.val();
            if self.index.q.val() == self.last.val() {
                self.active.d.next = false;
            }
        }
        if self.go.val() {
            self.active.d.next = true;
            self.index.d.next = self.first.val();
        }
        self.done.next = self.taking.q.val() & (self.at.q.val() == self.last.val());
        if self.taking.q.val() {
            if self.at.q.val() == self.first.val() {
                self.r_opcode.d.next = self.data.val().get_bits::<16>(0);
                self.r_group.d.next = self.data.val().get_bits::<16>(16);
            }
            if self.at.q.val() == self.w_member.val() {
                self.r_member.d.next = self.data.val();
            }
            if self.at.q.val() == self.w_d0.val() {
                self.r_d0.d.next = self.data.val();
            }
            if self.at.q.val() == self.w_d1.val() {
                self.r_d1.d.next = self.data.val();
            }
            if self.at.q.val() == self.w_d2.val() {
                self.r_d2.d.next = self.data.val();
            }
            if self.at.q.val() == self.w_d3.val() {
                self.r_d3.d.next = self.data.val();
            }
            if self.at.q.val() == self.w_d4.val() {
                self.r_used.d.next = self.data.val().get_bits::<16>(0);
                self.r_mask.d.next = self.data.val().get_bit(self.mask_bit.val().index());
                self.r_valid.d.next = self.data.val().get_bit(self.valid_bit.val().index());
            }
            if self.at.q.val() == self.w_d5.val() {
                self.r_address.d.next = self.data.val();
            }
            if self.at.q.val() == self.w_d6.val() {
                self.r_data.d.next = self.data.val().get_bits::<32>(0);
            }
        }
        self.opcode.next = self.r_opcode.q.val();
        self.group.next = self.r_group.q.val();
        self.member.next = self.r_member.q.val();
        self.d0.next = self.r_d0.q.val();
        self.d1.next = self.r_d1.q.val();
        self.d2.next = self.r_d2.q.val();
        self.d3.next = self.r_d3.q.val();
        self.used_idx.next = self.r_used.q.val();
        self.msi_mask.next = self.r_mask.q.val();
        self.msi_valid.next = self.r_valid.q.val();
        self.msi_address.next = self.r_address.q.val();
        self.msi_data.next = self.r_data.q.val();
        if self.reset.val() {
            self.active.d.next = false;
            self.taking.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_words_lints_clean() {
        crate::util::assert_lint_clean("admin_words", AdminWords::default());
    }
}
