//! The command buffer: what is gathered of the readable part of a command, as 16 words of 8 bytes.
//!
//! Timing: the bytes of `put` are in two cycles later; a word read stands one cycle after its address, not in a cycle of
//! `put`. Bytes at and behind `pos` read 0. Reset: none is needed.

use rust_hdl::prelude::*;

use crate::block_default;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminCmdBuf {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Bytes gathered, 0..=128.
    pub pos: Signal<In, Bits<8>>,
    /// Takes `put_len` bytes of `put_data`, from byte `put_low` on, to byte `put_pos`.
    pub put: Signal<In, Bit>,
    /// Where to; the bytes do not leave the word there.
    pub put_pos: Signal<In, Bits<7>>,
    /// First byte in the data, 0..8.
    pub put_low: Signal<In, Bits<3>>,
    /// Bytes, 1..=8.
    pub put_len: Signal<In, Bits<4>>,
    /// Data.
    pub put_data: Signal<In, Bits<64>>,
    /// Word to read.
    pub read_addr: Signal<In, Bits<4>>,
    /// The word of the cycle before.
    pub read_data: Signal<Out, Bits<64>>,
    ram: RAM<Bits<64>, 4>,
    putting: DFF<Bit>,
    at: DFF<Bits<4>>,
    joins: DFF<Bit>,
    fresh: DFF<Bits<64>>,
    read_valid: DFF<Bit>,
    low_bits: Signal<Local, Bits<6>>,
    len_bits: Signal<Local, Bits<7>>,
    in_word: Signal<Local, Bits<3>>,
    in_bits: Signal<Local, Bits<6>>,
    shifted: Signal<Local, Bits<64>>,
    unused_part: Signal<Local, Bits<64>>,
    part: Signal<Local, Bits<64>>,
    read_pos: Signal<Local, Bits<8>>,
    all: Constant<Bits<64>>,
    none: Constant<Bits<64>>,
    none3: Constant<Bits<3>>,
    to_bits6: Constant<Bits<6>>,
    to_bits7: Constant<Bits<7>>,
    to_bytes: Constant<Bits<8>>,
}

impl Default for AdminCmdBuf {
    fn default() -> Self {
        block_default!(
            clock, pos, put, put_pos, put_low, put_len, put_data, read_addr, read_data, ram, putting, at, joins, fresh,
            read_valid, low_bits, len_bits, in_word, in_bits, shifted, unused_part, part, read_pos;
            all = u64::MAX, none = 0u64, none3 = 0u64, to_bits6 = 3u64, to_bits7 = 3u64, to_bytes = 3u64
        )
    }
}

impl Logic for AdminCmdBuf {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, putting, at, joins, fresh, read_valid);
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();
        // Cycle 1 of a put: its bytes in place, and the word that they join.
        self.low_bits.next = bit_cast::<6, 3>(self.put_low.val()) << self.to_bits6.val();
        self.len_bits.next = bit_cast::<7, 4>(self.put_len.val()) << self.to_bits7.val();
        self.in_word.next = self.put_pos.val().get_bits::<3>(0);
        self.in_bits.next = bit_cast::<6, 3>(self.in_word.val()) << self.to_bits6.val();
        self.shifted.next = self.put_data.val() >> self.low_bits.val();
        self.unused_part.next = self.all.val() << self.len_bits.val();
        self.part.next = self.shifted.val() & !self.unused_part.val();
        self.putting.d.next = self.put.val();
        self.at.d.next = self.put_pos.val().get_bits::<4>(3);
        self.joins.d.next = self.in_word.val() != self.none3.val();
        self.fresh.d.next = self.part.val() << self.in_bits.val();
        self.ram.read_address.next = self.read_addr.val();
        if self.put.val() {
            self.ram.read_address.next = self.put_pos.val().get_bits::<4>(3);
        }
        // Cycle 2: write. A word's first bytes replace whatever an earlier command left there.
        self.ram.write_address.next = self.at.q.val();
        self.ram.write_enable.next = self.putting.q.val();
        self.ram.write_data.next = self.fresh.q.val();
        if self.joins.q.val() {
            self.ram.write_data.next = self.fresh.q.val() | self.ram.read_data.val();
        }
        // Reading.
        self.read_pos.next = bit_cast::<8, 4>(self.read_addr.val()) << self.to_bytes.val();
        self.read_valid.d.next = self.read_pos.val() < self.pos.val();
        self.read_data.next = self.none.val();
        if self.read_valid.q.val() {
            self.read_data.next = self.ram.read_data.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_cmdbuf_lints_clean() {
        crate::util::assert_lint_clean("admin_cmdbuf", AdminCmdBuf::default());
    }
}
