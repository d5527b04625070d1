//! The answer buffer: header and result of a command, as 16 words of 8 bytes, and the side from which they are read.
//!
//! Timing: `read_data` holds the 8 bytes from byte `read_at` of the cycle before on, across words; what a write puts in is seen
//! from the next cycle on. Reset: none is needed.

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
    /// First byte wanted.
    pub read_at: Signal<In, Bits<7>>,
    /// The bytes from there on; those beyond the last word are anything.
    pub read_data: Signal<Out, Bits<64>>,
    even: RAM<Bits<64>, 3>,
    odd: RAM<Bits<64>, 3>,
    low_bits: DFF<Bits<7>>,
    from_odd: DFF<Bit>,
    word: Signal<Local, Bits<3>>,
    is_odd: Signal<Local, Bit>,
    in_word: Signal<Local, Bits<3>>,
    low: Signal<Local, Bits<64>>,
    high: Signal<Local, Bits<64>>,
    high_bits: Signal<Local, Bits<7>>,
    one: Constant<Bits<3>>,
    word_bits: Constant<Bits<7>>,
    to_bits: Constant<Bits<7>>,
}

impl Default for AdminAnswer {
    fn default() -> Self {
        block_default!(
            clock, we, addr, data, read_at, read_data, even, odd, low_bits, from_odd, word, is_odd, in_word, low, high,
            high_bits;
            one = 1u64, word_bits = 64u64, to_bits = 3u64
        )
    }
}

impl Logic for AdminAnswer {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, low_bits, from_odd);
        self.even.read_clock.next = self.clock.val();
        self.even.write_clock.next = self.clock.val();
        self.even.write_address.next = self.addr.val().get_bits::<3>(1);
        self.even.write_data.next = self.data.val();
        self.even.write_enable.next = self.we.val() & !self.addr.val().get_bit(0);
        self.odd.read_clock.next = self.clock.val();
        self.odd.write_clock.next = self.clock.val();
        self.odd.write_address.next = self.addr.val().get_bits::<3>(1);
        self.odd.write_data.next = self.data.val();
        self.odd.write_enable.next = self.we.val() & self.addr.val().get_bit(0);
        // The two words in which the bytes lie: one of each RAM.
        self.word.next = self.read_at.val().get_bits::<3>(4);
        self.is_odd.next = self.read_at.val().get_bit(3);
        self.in_word.next = self.read_at.val().get_bits::<3>(0);
        self.odd.read_address.next = self.word.val();
        self.even.read_address.next = self.word.val();
        if self.is_odd.val() {
            self.even.read_address.next = self.word.val() + self.one.val();
        }
        self.from_odd.d.next = self.is_odd.val();
        self.low_bits.d.next = bit_cast::<7, 3>(self.in_word.val()) << self.to_bits.val();
        self.low.next = self.even.read_data.val();
        self.high.next = self.odd.read_data.val();
        if self.from_odd.q.val() {
            self.low.next = self.odd.read_data.val();
            self.high.next = self.even.read_data.val();
        }
        self.high_bits.next = self.word_bits.val() - self.low_bits.q.val();
        self.read_data.next =
            (self.low.val() >> self.low_bits.q.val()) | (self.high.val() << self.high_bits.val());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use crate::util::number;

    #[test]
    fn admin_answer_lints_clean() {
        crate::util::assert_lint_clean("admin_answer", AdminAnswer::default());
    }

    #[test]
    fn eight_bytes_can_be_read_from_any_byte_on() {
        let mut a = AdminAnswer::default();
        a.connect_all();
        let bytes: Vec<u8> = (0..128u8)
            .map(|n| n.wrapping_mul(3).wrapping_add(1))
            .collect();
        a.we.next = true;
        for (n, word) in bytes.chunks(8).enumerate() {
            a.addr.next = (n as u64).into();
            a.data.next = u64::from_le_bytes(word.try_into().expect("8 bytes")).into();
            edge!(a);
        }
        a.we.next = false;
        for at in 0..=120 {
            a.read_at.next = (at as u64).into();
            edge!(a);
            let want = u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
            assert_eq!(number(a.read_data.val()) as u64, want, "from {at}");
        }
    }
}
