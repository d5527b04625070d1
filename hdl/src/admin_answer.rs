//! The answer buffer: header and result of a command, and the piece of it that goes to memory next.
//!
//! Timing: `piece` stands six cycles after the last change of the buffer, `written` or `len`. Reset: none is needed.

use rust_hdl::prelude::*;

use crate::block_default;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminAnswer {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Writes `data` to word `addr`.
    pub we: Signal<In, Bit>,
    /// Word.
    pub addr: Signal<In, Bits<4>>,
    /// Data.
    pub data: Signal<In, Bits<64>>,
    /// First byte of the piece.
    pub written: Signal<In, Bits<8>>,
    /// Bytes of the piece, 1..=8.
    pub len: Signal<In, Bits<4>>,
    /// It; other bytes 0.
    pub piece: Signal<Out, Bits<64>>,
    ram: RAM<Bits<64>, 4>,
    turn: DFF<Bit>,
    low: DFF<Bits<64>>,
    high: DFF<Bits<64>>,
    at: Signal<Local, Bits<4>>,
    in_word: Signal<Local, Bits<3>>,
    in_bits: Signal<Local, Bits<7>>,
    high_bits: Signal<Local, Bits<7>>,
    len_bits: Signal<Local, Bits<7>>,
    joined: Signal<Local, Bits<64>>,
    unused_part: Signal<Local, Bits<64>>,
    unused_top: Signal<Local, Bit>,
    one: Constant<Bits<4>>,
    all: Constant<Bits<64>>,
    word_bits: Constant<Bits<7>>,
    to_bits: Constant<Bits<7>>,
}

impl Default for AdminAnswer {
    fn default() -> Self {
        block_default!(
            clock, we, addr, data, written, len, piece, ram, turn, low, high, at, in_word, in_bits, high_bits, len_bits,
            joined, unused_part, unused_top;
            one = 1u64, all = u64::MAX, word_bits = 64u64, to_bits = 3u64
        )
    }
}

impl Logic for AdminAnswer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, turn, low, high);
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();
        self.ram.write_address.next = self.addr.val();
        self.ram.write_data.next = self.data.val();
        self.ram.write_enable.next = self.we.val();
        // The two words that the piece can lie in, in turn.
        self.at.next = self.written.val().get_bits::<4>(3);
        self.unused_top.next = self.written.val().get_bit(7);
        self.turn.d.next = !self.turn.q.val();
        self.ram.read_address.next = self.at.val();
        if self.turn.q.val() {
            self.ram.read_address.next = self.at.val() + self.one.val();
            self.low.d.next = self.ram.read_data.val();
        } else {
            self.high.d.next = self.ram.read_data.val();
        }
        self.in_word.next = self.written.val().get_bits::<3>(0);
        self.in_bits.next = bit_cast::<7, 3>(self.in_word.val()) << self.to_bits.val();
        self.high_bits.next = self.word_bits.val() - self.in_bits.val();
        self.len_bits.next = bit_cast::<7, 4>(self.len.val()) << self.to_bits.val();
        self.joined.next =
            (self.low.q.val() >> self.in_bits.val()) | (self.high.q.val() << self.high_bits.val());
        self.unused_part.next = self.all.val() << self.len_bits.val();
        self.piece.next = self.joined.val() & !self.unused_part.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_answer_lints_clean() {
        crate::util::assert_lint_clean("admin_answer", AdminAnswer::default());
    }
}
