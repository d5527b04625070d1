//! Goes through the 64 bytes of a device's configuration: from the command, or into the answer.
//!
//! Timing: `go`; two cycles for each of the 8 words; `done` in the last. Reset: idle.

use rust_hdl::prelude::*;

use crate::admin_types::{CFG_MERGE, CFG_READ, DATA_WORD};
use crate::block_default;

/// One byte each of a 64-bit mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct ByteMask {
    pub b0: Bits<8>,
    pub b1: Bits<8>,
    pub b2: Bits<8>,
    pub b3: Bits<8>,
    pub b4: Bits<8>,
    pub b5: Bits<8>,
    pub b6: Bits<8>,
    pub b7: Bits<8>,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminCfg {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Begin.
    pub go: Signal<In, Bit>,
    /// The last cycle.
    pub done: Signal<Out, Bit>,
    /// `CFG_*`.
    pub mode: Signal<In, Bits<2>>,
    /// `CFG_MERGE`: bit n takes byte n.
    pub chosen: Signal<In, Bits<64>>,
    /// Word wanted from the command buffer.
    pub cmd_addr: Signal<Out, Bits<4>>,
    /// The word of the cycle before.
    pub cmd_data: Signal<In, Bits<64>>,
    /// Word of the configuration accessed.
    pub cfg_word: Signal<Out, Bits<3>>,
    /// The word of the cycle before.
    pub cfg: Signal<In, Bits<64>>,
    /// Write it.
    pub cfg_we: Signal<Out, Bit>,
    /// New word.
    pub cfg_data: Signal<Out, Bits<64>>,
    /// Write `cfg` to word `ans_addr` of the answer.
    pub ans_we: Signal<Out, Bit>,
    /// Word of the answer.
    pub ans_addr: Signal<Out, Bits<4>>,
    active: DFF<Bit>,
    look: DFF<Bit>,
    at: DFF<Bits<3>>,
    at4: Signal<Local, Bits<4>>,
    at6: Signal<Local, Bits<6>>,
    here: Signal<Local, Bits<64>>,
    bytes: Signal<Local, Bits<8>>,
    spread: Signal<Local, ByteMask>,
    mask: Signal<Local, Bits<64>>,
    unused_bytes: Signal<Local, Bits<56>>,
    reads: Signal<Local, Bit>,
    first: Constant<Bits<3>>,
    last: Constant<Bits<3>>,
    one: Constant<Bits<3>>,
    to_bits: Constant<Bits<6>>,
    write_word: Constant<Bits<4>>,
    merge_word: Constant<Bits<4>>,
    answer_word: Constant<Bits<4>>,
    merge: Constant<Bits<2>>,
    read: Constant<Bits<2>>,
    no_mask: Constant<ByteMask>,
    all_bytes: Constant<Bits<8>>,
    all: Constant<Bits<64>>,
}

impl Default for AdminCfg {
    fn default() -> Self {
        block_default!(
            clock, reset, go, done, mode, chosen, cmd_addr, cmd_data, cfg_word, cfg, cfg_we, cfg_data, ans_we, ans_addr,
            active, look, at, at4, at6, here, bytes, spread, mask, unused_bytes, reads;
            first = 0u64,
            last = 7u64,
            one = 1u64,
            to_bits = 3u64,
            // DEV_CREATE has the configuration at byte 32 of its data, CONFIG_SET at byte 8, the answer of CONFIG_GET at 8.
            write_word = DATA_WORD + 4,
            merge_word = DATA_WORD + 1,
            answer_word = 2u64,
            merge = CFG_MERGE,
            read = CFG_READ,
            no_mask = ByteMask::default(),
            all_bytes = 0xffu64,
            all = u64::MAX
        )
    }
}

impl Logic for AdminCfg {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, active, look, at);
        // Bytes to take in this word.
        self.at4.next = bit_cast::<4, 3>(self.at.q.val());
        self.at6.next = bit_cast::<6, 3>(self.at.q.val()) << self.to_bits.val();
        self.here.next = self.chosen.val() >> self.at6.val();
        self.bytes.next = self.here.val().get_bits::<8>(0);
        self.unused_bytes.next = self.here.val().get_bits::<56>(8);
        self.spread.next = self.no_mask.val();
        if self.bytes.val().get_bit(0) {
            self.spread.next.b0 = self.all_bytes.val();
        }
        if self.bytes.val().get_bit(1) {
            self.spread.next.b1 = self.all_bytes.val();
        }
        if self.bytes.val().get_bit(2) {
            self.spread.next.b2 = self.all_bytes.val();
        }
        if self.bytes.val().get_bit(3) {
            self.spread.next.b3 = self.all_bytes.val();
        }
        if self.bytes.val().get_bit(4) {
            self.spread.next.b4 = self.all_bytes.val();
        }
        if self.bytes.val().get_bit(5) {
            self.spread.next.b5 = self.all_bytes.val();
        }
        if self.bytes.val().get_bit(6) {
            self.spread.next.b6 = self.all_bytes.val();
        }
        if self.bytes.val().get_bit(7) {
            self.spread.next.b7 = self.all_bytes.val();
        }
        self.mask.next = self.all.val();
        self.cmd_addr.next = self.write_word.val() + self.at4.val();
        if self.mode.val() == self.merge.val() {
            self.mask.next = self.spread.val().into();
            self.cmd_addr.next = self.merge_word.val() + self.at4.val();
        }
        self.reads.next = self.mode.val() == self.read.val();
        self.done.next =
            self.active.q.val() & self.look.q.val() & (self.at.q.val() == self.last.val());
        self.cfg_word.next = self.at.q.val();
        self.cfg_we.next = self.active.q.val() & self.look.q.val() & !self.reads.val();
        self.cfg_data.next =
            (self.cfg.val() & !self.mask.val()) | (self.cmd_data.val() & self.mask.val());
        self.ans_we.next = self.active.q.val() & self.look.q.val() & self.reads.val();
        self.ans_addr.next = self.answer_word.val() + self.at4.val();
        if self.active.q.val() {
            self.look.d.next = !self.look.q.val();
            if self.look.q.val() {
                self.at.d.next = self.at.q.val() + self.one.val();
                if self.at.q.val() == self.last.val() {
                    self.active.d.next = false;
                }
            }
        }
        if self.go.val() {
            self.active.d.next = true;
            self.look.d.next = false;
            self.at.d.next = self.first.val();
        }
        if self.reset.val() {
            self.active.d.next = false;
            self.look.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_cfg_lints_clean() {
        crate::util::assert_lint_clean("admin_cfg", AdminCfg::default());
    }
}
