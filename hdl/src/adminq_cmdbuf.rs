//! The commands under way: 16 words of 8 bytes a slot, in two copies. The one is read to join bytes to a word, the other by the
//! execution of a command, which pieces of later ones therefore never disturb.
//!
//! Timing: the bytes of `put` are in two cycles later; a word read stands one cycle after its address. Bytes at and behind `pos`
//! read 0. Reset: none is needed.

use rust_hdl::prelude::*;

use crate::adminq_types::{DataRecord, ReadWord};
use crate::block_default;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminqCmdBuf {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Takes the bytes that `record` says of `word`; not in two cycles running.
    pub put: Signal<In, Bit>,
    /// Which bytes, and where they go; they do not leave the word there.
    pub record: Signal<In, DataRecord>,
    /// Word.
    pub word: Signal<In, ReadWord>,
    /// Slot of the command that is executed.
    pub exec_slot: Signal<In, Bits<4>>,
    /// Its bytes, 0..=128.
    pub exec_pos: Signal<In, Bits<8>>,
    /// Word to read of it.
    pub read_addr: Signal<In, Bits<4>>,
    /// The word of the cycle before.
    pub read_data: Signal<Out, Bits<64>>,
    joined: RAM<Bits<64>, 8>,
    executed: RAM<Bits<64>, 8>,
    putting: DFF<Bit>,
    at: DFF<Bits<8>>,
    joins: DFF<Bit>,
    fresh: DFF<Bits<64>>,
    read_valid: DFF<Bit>,
    place: Signal<Local, Bits<8>>,
    source: Signal<Local, Bits<8>>,
    pos: Signal<Local, Bits<7>>,
    low_bits: Signal<Local, Bits<6>>,
    len_bits: Signal<Local, Bits<7>>,
    in_word: Signal<Local, Bits<3>>,
    in_bits: Signal<Local, Bits<6>>,
    shifted: Signal<Local, Bits<64>>,
    unused_part: Signal<Local, Bits<64>>,
    part: Signal<Local, Bits<64>>,
    whole: Signal<Local, Bits<64>>,
    read_pos: Signal<Local, Bits<8>>,
    unused_bits: Signal<Local, Bit>,
    all: Constant<Bits<64>>,
    none: Constant<Bits<64>>,
    none3: Constant<Bits<3>>,
    to_bits6: Constant<Bits<6>>,
    to_bits7: Constant<Bits<7>>,
    to_bytes: Constant<Bits<8>>,
    slot_shift: Constant<Bits<8>>,
}

impl Default for AdminqCmdBuf {
    fn default() -> Self {
        block_default!(
            clock, put, record, word, exec_slot, exec_pos, read_addr, read_data, joined, executed, putting, at, joins, fresh,
            read_valid, place, source, pos, low_bits, len_bits, in_word, in_bits, shifted, unused_part, part, whole,
            read_pos, unused_bits;
            all = u64::MAX, none = 0u64, none3 = 0u64, to_bits6 = 3u64, to_bits7 = 3u64, to_bytes = 3u64, slot_shift = 4u64
        )
    }
}

impl Logic for AdminqCmdBuf {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, putting, at, joins, fresh, read_valid);
        self.joined.read_clock.next = self.clock.val();
        self.joined.write_clock.next = self.clock.val();
        self.executed.read_clock.next = self.clock.val();
        self.executed.write_clock.next = self.clock.val();
        self.unused_bits.next = self.record.val().mark | self.word.val().bad;
        // Cycle 1 of a put: its bytes in place, and the word that they join.
        self.pos.next = self.record.val().pos;
        self.low_bits.next = bit_cast::<6, 3>(self.record.val().low) << self.to_bits6.val();
        self.len_bits.next = bit_cast::<7, 4>(self.record.val().len) << self.to_bits7.val();
        self.in_word.next = self.pos.val().get_bits::<3>(0);
        self.in_bits.next = bit_cast::<6, 3>(self.in_word.val()) << self.to_bits6.val();
        self.shifted.next = self.word.val().data >> self.low_bits.val();
        self.unused_part.next = self.all.val() << self.len_bits.val();
        self.part.next = self.shifted.val() & !self.unused_part.val();
        self.place.next = (bit_cast::<8, 4>(self.record.val().slot) << self.slot_shift.val())
            | bit_cast::<8, 4>(self.pos.val().get_bits::<4>(3));
        self.putting.d.next = self.put.val();
        self.at.d.next = self.place.val();
        self.joins.d.next = self.in_word.val() != self.none3.val();
        self.fresh.d.next = self.part.val() << self.in_bits.val();
        self.joined.read_address.next = self.place.val();
        // Cycle 2: write. A word's first bytes replace whatever an earlier command left there.
        self.whole.next = self.fresh.q.val();
        if self.joins.q.val() {
            self.whole.next = self.fresh.q.val() | self.joined.read_data.val();
        }
        self.joined.write_address.next = self.at.q.val();
        self.joined.write_enable.next = self.putting.q.val();
        self.joined.write_data.next = self.whole.val();
        self.executed.write_address.next = self.at.q.val();
        self.executed.write_enable.next = self.putting.q.val();
        self.executed.write_data.next = self.whole.val();
        // Reading.
        self.source.next = (bit_cast::<8, 4>(self.exec_slot.val()) << self.slot_shift.val())
            | bit_cast::<8, 4>(self.read_addr.val());
        self.executed.read_address.next = self.source.val();
        self.read_pos.next = bit_cast::<8, 4>(self.read_addr.val()) << self.to_bytes.val();
        self.read_valid.d.next = self.read_pos.val() < self.exec_pos.val();
        self.read_data.next = self.none.val();
        if self.read_valid.q.val() {
            self.read_data.next = self.executed.read_data.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adminq_cmdbuf_lints_clean() {
        crate::util::assert_lint_clean("adminq_cmdbuf", AdminqCmdBuf::default());
    }
}
