//! Entry of the receive mover: counts the bytes of each beat and packet, and fixes `num_buffers` of network packets.
//!
//! Spec: virtio 1.4 §5.1.6.4.1 (`num_buffers` is 1 without MRG_RXBUF).
//! Timing: contract §8. A beat accepted at an edge stands in the FIFO in the next cycle; so does what its packet's first beat says
//! of it in the header FIFO, and what its last beat says in the length FIFO.
//! Reset: not ready; the next beat is the first of a packet, and there is no other.

use rust_hdl::prelude::*;
use shoal_abi::{ring, stream};

use crate::block_default;
use crate::types::RxHead;
use crate::util::{ones, wide};

/// What stands beside the data of a beat in the input FIFO.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct RxSide {
    /// Valid bytes, from byte 0 on; the others are 0.
    pub bytes: Bits<7>,
    /// Last beat of the packet.
    pub last: Bit,
}

/// See the file's text. `W`: data width, bits; `WB`: bytes.
#[derive(LogicBlock)]
pub struct RxIn<const W: usize, const WB: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Data.
    pub s_axis_tdata: Signal<In, Bits<W>>,
    /// Byte enables; looked at on the last beat only.
    pub s_axis_tkeep: Signal<In, Bits<WB>>,
    /// Last beat of a packet.
    pub s_axis_tlast: Signal<In, Bit>,
    /// A beat is offered.
    pub s_axis_tvalid: Signal<In, Bit>,
    /// Member id.
    pub s_axis_tdest: Signal<In, Bits<20>>,
    /// Virtqueue index within the device.
    pub s_axis_tid: Signal<In, Bits<16>>,
    /// Side band, see `shoal_abi::stream`.
    pub s_axis_tuser: Signal<In, Bits<64>>,
    /// The FIFO has room.
    pub s_axis_tready: Signal<Out, Bit>,
    /// Beats in the FIFO.
    pub count: Signal<In, Bits<16>>,
    /// Puts a beat into the FIFO.
    pub push: Signal<Out, Bit>,
    /// Its data.
    pub data: Signal<Out, Bits<W>>,
    /// Its side band.
    pub side: Signal<Out, RxSide>,
    /// It is the first of its packet.
    pub head_push: Signal<Out, Bit>,
    /// The packet's side band.
    pub head: Signal<Out, RxHead>,
    /// It is the last.
    pub len_push: Signal<Out, Bit>,
    /// The packet's bytes.
    pub len: Signal<Out, Bits<32>>,
    /// Bytes that have entered of the packet that is entering.
    pub entered: Signal<Out, Bits<32>>,
    /// A packet is through.
    pub through: Signal<In, Bit>,
    /// No packet has begun to enter that is not through.
    pub empty: Signal<Out, Bit>,
    up: DFF<Bit>,
    beat: DFF<Bits<2>>,
    answer: DFF<Bit>,
    packets: DFF<Bits<16>>,
    bytes_in: DFF<Bits<32>>,
    begins: Signal<Local, Bit>,
    total: Signal<Local, Bits<32>>,
    is_answer: Signal<Local, Bit>,
    accept: Signal<Local, Bit>,
    ready: Signal<Local, Bit>,
    past_keep: Signal<Local, Bits<WB>>,
    first_gap: Signal<Local, Bits<WB>>,
    bytes: Signal<Local, Bits<7>>,
    bytes16: Signal<Local, Bits<16>>,
    bits: Signal<Local, Bits<16>>,
    unused: Signal<Local, Bits<W>>,
    fixed: Signal<Local, Bits<W>>,
    one_byte: Constant<Bits<WB>>,
    all_data: Constant<Bits<W>>,
    header_mask: Constant<Bits<W>>,
    header_value: Constant<Bits<W>>,
    header_beat: Constant<Bits<2>>,
    no_beat: Constant<Bits<2>>,
    one_beat: Constant<Bits<2>>,
    late_beat: Constant<Bits<2>>,
    full_beat: Constant<Bits<7>>,
    byte_shift: Constant<Bits<16>>,
    beats: Constant<Bits<16>>,
    most_packets: Constant<Bits<16>>,
    one16: Constant<Bits<16>>,
    none16: Constant<Bits<16>>,
    none32: Constant<Bits<32>>,
    answer_bit: Constant<Bits<6>>,
    no_side: Constant<RxSide>,
    no_head: Constant<RxHead>,
    gap_bytes: [Constant<Bits<7>>; WB],
}

impl<const W: usize, const WB: usize> RxIn<W, WB> {
    /// The block for an input FIFO of `beats` beats and for `packets` packets.
    #[must_use]
    pub fn new(beats: u64, packets: u64) -> Self {
        let field = 8 * (ring::NET_HDR_NUM_BUFFERS % WB);
        block_default!(
            clock, reset, s_axis_tdata, s_axis_tkeep, s_axis_tlast, s_axis_tvalid, s_axis_tdest, s_axis_tid,
            s_axis_tuser, s_axis_tready, count, push, data, side, head_push, head, len_push, len, entered, through, empty, up, beat,
            answer, packets, bytes_in, begins, total, is_answer, accept, ready,
            past_keep, first_gap, bytes, bytes16, bits, unused, fixed;
            one_byte = 1u64,
            all_data = ones::<W>(),
            header_mask = !wide::<W>(0xffff << field),
            header_value = wide::<W>(1 << field),
            header_beat = (ring::NET_HDR_NUM_BUFFERS / WB) as u64,
            no_beat = 0u64,
            one_beat = 1u64,
            late_beat = 3u64,
            full_beat = WB as u64,
            byte_shift = 3u64,
            beats = beats,
            most_packets = packets,
            one16 = 1u64,
            none16 = 0u64,
            none32 = 0u64,
            answer_bit = u64::from(stream::TUSER_ANSWER.lsb),
            no_side = RxSide::default(),
            no_head = RxHead::default();
            gap_bytes = std::array::from_fn(|n| Constant::new((n as u64).into()))
        )
    }
}

impl<const W: usize, const WB: usize> Logic for RxIn<W, WB> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, up, beat, answer, packets, bytes_in);
        self.up.d.next = true;
        self.ready.next = self.up.q.val()
            & (self.count.val() < self.beats.val())
            & (self.packets.q.val() < self.most_packets.val());
        self.accept.next = self.ready.val() & self.s_axis_tvalid.val();
        // Contiguous ones of tkeep from bit 0: the place of its lowest zero, as one bit; none in a full beat.
        self.past_keep.next = self.s_axis_tkeep.val() + self.one_byte.val();
        self.first_gap.next = self.past_keep.val() & !self.s_axis_tkeep.val();
        self.bytes.next = self.full_beat.val();
        if self.s_axis_tlast.val() {
            for i in 0..WB {
                if self.first_gap.val().get_bit(i) {
                    self.bytes.next = self.gap_bytes[i].val();
                }
            }
        }
        self.bytes16.next = bit_cast::<16, 7>(self.bytes.val());
        self.bits.next = self.bytes16.val() << self.byte_shift.val();
        self.unused.next = self.all_data.val() << self.bits.val();
        // The first beat decides for its packet.
        self.is_answer.next = self.answer.q.val();
        self.begins.next = self.accept.val() & (self.beat.q.val() == self.no_beat.val());
        if self.beat.q.val() == self.no_beat.val() {
            self.is_answer.next = self
                .s_axis_tuser
                .val()
                .get_bit(self.answer_bit.val().index());
        }
        self.fixed.next = self.s_axis_tdata.val();
        if !self.is_answer.val() & (self.beat.q.val() == self.header_beat.val()) {
            self.fixed.next =
                (self.s_axis_tdata.val() & self.header_mask.val()) | self.header_value.val();
        }
        if self.accept.val() {
            self.answer.d.next = self.is_answer.val();
            if self.beat.q.val() != self.late_beat.val() {
                self.beat.d.next = self.beat.q.val() + self.one_beat.val();
            }
            if self.s_axis_tlast.val() {
                self.beat.d.next = self.no_beat.val();
            }
        }
        // Bytes of the packet, and packets.
        self.total.next = self.bytes_in.q.val() + bit_cast::<32, 16>(self.bytes16.val());
        if self.accept.val() {
            self.bytes_in.d.next = self.total.val();
            if self.s_axis_tlast.val() {
                self.bytes_in.d.next = self.none32.val();
            }
        }
        if self.begins.val() & !self.through.val() {
            self.packets.d.next = self.packets.q.val() + self.one16.val();
        }
        if self.through.val() & !self.begins.val() {
            self.packets.d.next = self.packets.q.val() - self.one16.val();
        }
        // Outputs.
        self.s_axis_tready.next = self.ready.val();
        self.push.next = self.accept.val();
        self.data.next = self.fixed.val() & !self.unused.val();
        self.side.next = self.no_side.val();
        self.side.next.bytes = self.bytes.val();
        self.side.next.last = self.s_axis_tlast.val();
        self.head_push.next = self.begins.val();
        self.head.next = self.no_head.val();
        self.head.next.dest = self.s_axis_tdest.val();
        self.head.next.tid = self.s_axis_tid.val();
        self.head.next.tuser = self.s_axis_tuser.val();
        self.len_push.next = self.accept.val() & self.s_axis_tlast.val();
        self.len.next = self.total.val();
        self.entered.next = self.bytes_in.q.val();
        self.empty.next = self.packets.q.val() == self.none16.val();
        if self.reset.val() {
            self.up.d.next = false;
            self.beat.d.next = self.no_beat.val();
            self.answer.d.next = false;
            self.packets.d.next = self.none16.val();
            self.bytes_in.d.next = self.none32.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rx_in_lints_clean() {
        crate::util::assert_lint_clean("rx_in_64", RxIn::<64, 8>::new(64, 8));
        crate::util::assert_lint_clean("rx_in_128", RxIn::<128, 16>::new(256, 32));
        crate::util::assert_lint_clean("rx_in_512", RxIn::<512, 64>::new(4096, 256));
    }
}
