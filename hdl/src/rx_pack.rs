//! Data path of the receive mover: cuts the byte stream of a packet into the beats of write bursts.
//!
//! Timing: contract §8. The beat on offer is a function of state; `beat_take` says that the write channel has it.
//! Reset: accumulator empty, no packet ended.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::util::ones;

/// See the file's text. `W`: data width, bits; `WB`: bytes.
#[derive(LogicBlock)]
pub struct RxPack<const W: usize, const WB: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// The input FIFO holds a beat.
    pub head_valid: Signal<In, Bit>,
    /// Data of its head.
    pub head_data: Signal<In, Bits<W>>,
    /// Bytes of its head.
    pub head_bytes: Signal<In, Bits<7>>,
    /// Its head is the last of its packet.
    pub head_last: Signal<In, Bit>,
    /// Takes the head.
    pub pop: Signal<Out, Bit>,
    /// Throw beats away up to the end of the packet.
    pub discard: Signal<In, Bit>,
    /// Empties the accumulator: the next beat starts a packet.
    pub clear: Signal<In, Bit>,
    /// The packet's last beat has been taken.
    pub ended: Signal<Out, Bit>,
    /// The write channel takes the beat.
    pub beat_take: Signal<In, Bit>,
    /// First byte lane of the burst in this beat.
    pub lane: Signal<In, Bits<16>>,
    /// Bytes of the burst in this beat.
    pub chunk: Signal<In, Bits<16>>,
    /// Beat data.
    pub beat_data: Signal<Out, Bits<W>>,
    /// Beat byte enables.
    pub beat_strb: Signal<Out, Bits<WB>>,
    acc: DFF<Bits<W>>,
    acc_bytes: DFF<Bits<16>>,
    packet_ended: DFF<Bit>,
    want: Signal<Local, Bit>,
    take: Signal<Local, Bit>,
    take_last: Signal<Local, Bit>,
    added: Signal<Local, Bits<W>>,
    added_bytes: Signal<Local, Bits<16>>,
    acc_bits: Signal<Local, Bits<16>>,
    free_bits: Signal<Local, Bits<16>>,
    joined: Signal<Local, Bits<16>>,
    low: Signal<Local, Bits<W>>,
    high: Signal<Local, Bits<W>>,
    out_bits: Signal<Local, Bits<16>>,
    stay_bits: Signal<Local, Bits<16>>,
    lane_bits: Signal<Local, Bits<16>>,
    unused: Signal<Local, Bits<W>>,
    out_low: Signal<Local, Bits<W>>,
    unused_strb: Signal<Local, Bits<WB>>,
    strb: Signal<Local, Bits<WB>>,
    rest: Signal<Local, Bits<W>>,
    no_data: Constant<Bits<W>>,
    all_data: Constant<Bits<W>>,
    all_strb: Constant<Bits<WB>>,
    beat_width: Constant<Bits<16>>,
    byte_shift: Constant<Bits<16>>,
    none16: Constant<Bits<16>>,
}

impl<const W: usize, const WB: usize> Default for RxPack<W, WB> {
    fn default() -> Self {
        block_default!(
            clock, reset, head_valid, head_data, head_bytes, head_last, pop, discard, clear, ended, beat_take, lane, chunk,
            beat_data, beat_strb, acc, acc_bytes, packet_ended, want, take, take_last, added, added_bytes, acc_bits, free_bits,
            joined, low, high, out_bits, stay_bits, lane_bits, unused, out_low, unused_strb, strb, rest;
            no_data = 0u64,
            all_data = ones::<W>(),
            all_strb = ones::<WB>(),
            beat_width = W as u64,
            byte_shift = 3u64,
            none16 = 0u64
        )
    }
}

impl<const W: usize, const WB: usize> Logic for RxPack<W, WB> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, acc, acc_bytes, packet_ended);
        // One FIFO beat joins the accumulator if that does not hold what this write beat needs.
        self.want.next = self.head_valid.val()
            & !self.packet_ended.q.val()
            & (self.acc_bytes.q.val() < self.chunk.val());
        self.added.next = self.no_data.val();
        self.added_bytes.next = self.none16.val();
        if self.want.val() {
            self.added.next = self.head_data.val();
            self.added_bytes.next = bit_cast::<16, 7>(self.head_bytes.val());
        }
        self.acc_bits.next = self.acc_bytes.q.val() << self.byte_shift.val();
        self.free_bits.next = self.beat_width.val() - self.acc_bits.val();
        self.joined.next = self.acc_bytes.q.val() + self.added_bytes.val();
        self.low.next = self.acc.q.val() | (self.added.val() << self.acc_bits.val());
        self.high.next = self.added.val() >> self.free_bits.val();
        // A burst was cut from what is there: they hold the bytes of its beat.
        self.out_bits.next = self.chunk.val() << self.byte_shift.val();
        self.stay_bits.next = self.beat_width.val() - self.out_bits.val();
        self.lane_bits.next = self.lane.val() << self.byte_shift.val();
        self.unused.next = self.all_data.val() << self.out_bits.val();
        self.out_low.next = self.low.val() & !self.unused.val();
        self.unused_strb.next = self.all_strb.val() << self.chunk.val();
        self.strb.next = !self.unused_strb.val();
        self.rest.next =
            (self.low.val() >> self.out_bits.val()) | (self.high.val() << self.stay_bits.val());
        // Outputs.
        self.beat_data.next = self.out_low.val() << self.lane_bits.val();
        self.beat_strb.next = self.strb.val() << self.lane.val();
        self.ended.next = self.packet_ended.q.val();
        // State.
        self.take.next = (self.beat_take.val() & self.want.val())
            | (self.discard.val() & self.head_valid.val() & !self.packet_ended.q.val());
        self.take_last.next = self.take.val() & self.head_last.val();
        self.pop.next = self.take.val();
        if self.beat_take.val() {
            self.acc.d.next = self.rest.val();
            self.acc_bytes.d.next = self.joined.val() - self.chunk.val();
        }
        if self.take_last.val() {
            self.packet_ended.d.next = true;
        }
        if self.clear.val() {
            self.acc.d.next = self.no_data.val();
            self.acc_bytes.d.next = self.none16.val();
            self.packet_ended.d.next = false;
        }
        if self.reset.val() {
            self.acc.d.next = self.no_data.val();
            self.acc_bytes.d.next = self.none16.val();
            self.packet_ended.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rx_pack_lints_clean() {
        crate::util::assert_lint_clean("rx_pack_64", RxPack::<64, 8>::default());
        crate::util::assert_lint_clean("rx_pack_128", RxPack::<128, 16>::default());
        crate::util::assert_lint_clean("rx_pack_512", RxPack::<512, 64>::default());
    }
}
