//! Return side of the transmit mover: cuts the bytes of each burst out of its beats and packs them into full beats.
//!
//! Timing: contract §7. A beat taken at an edge stands in the output FIFO in the next cycle; END leaves with the rest.
//! Reset: accumulator empty, nothing reserved, done register empty.

use rust_hdl::prelude::*;
use shoal_abi::mmu;

use crate::block_default;
use crate::tx_issue::{TxItem, OUT_DEPTH};
use crate::types::TxDone;
use crate::util::ones;

/// What stands beside the data of a beat in the output FIFO.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TxSide {
    /// Valid bytes, from byte 0 on.
    pub bytes: Bits<7>,
    /// Last beat of the packet.
    pub last: Bit,
    /// Member id.
    pub dest: Bits<20>,
    /// Virtqueue index within the device.
    pub tid: Bits<16>,
    /// Chain tag.
    pub tag: Bits<16>,
    /// Virtio device type.
    pub typ: Bits<8>,
    /// Last beat: device-writable bytes of the chain.
    pub writable: Bits<32>,
    /// Last beat: the packet is void.
    pub abort: Bit,
}

/// See the file's text. `W`: data width, bits.
#[derive(LogicBlock)]
pub struct TxPack<const W: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// The in-flight FIFO holds an item.
    pub item_valid: Signal<In, Bit>,
    /// Its head.
    pub item: Signal<In, TxItem>,
    /// Takes it.
    pub item_pop: Signal<Out, Bit>,
    /// Beats newly reserved at this edge.
    pub reserve: Signal<In, Bits<16>>,
    /// Beats asked for and not yet here.
    pub reserved: Signal<Out, Bits<16>>,
    /// Beats in the output FIFO.
    pub out_count: Signal<In, Bits<16>>,
    /// A beat of the mover has arrived.
    pub r_valid: Signal<In, Bit>,
    /// Its data.
    pub r_data: Signal<In, Bits<W>>,
    /// Its response was not OKAY.
    pub r_bad: Signal<In, Bit>,
    /// Puts a beat into the output FIFO.
    pub out_push: Signal<Out, Bit>,
    /// Its data.
    pub out_data: Signal<Out, Bits<W>>,
    /// Its side band.
    pub out_side: Signal<Out, TxSide>,
    /// The done register is full.
    pub done_valid: Signal<Out, Bit>,
    /// It.
    pub done: Signal<Out, TxDone>,
    /// Empties it.
    pub done_pop: Signal<In, Bit>,
    acc: DFF<Bits<W>>,
    acc_bytes: DFF<Bits<16>>,
    taken: DFF<Bits<16>>,
    reserved_beats: DFF<Bits<16>>,
    bad: DFF<Bit>,
    bad_iova: DFF<Bits<64>>,
    done_full: DFF<Bit>,
    done_reg: DFF<TxDone>,
    take: Signal<Local, Bit>,
    finish: Signal<Local, Bit>,
    room: Signal<Local, Bits<16>>,
    item_iova: Signal<Local, Bits<64>>,
    start16: Signal<Local, Bits<16>>,
    offset: Signal<Local, Bits<16>>,
    avail: Signal<Local, Bits<16>>,
    todo: Signal<Local, Bits<16>>,
    chunk: Signal<Local, Bits<16>>,
    offset_bits: Signal<Local, Bits<16>>,
    chunk_bits: Signal<Local, Bits<16>>,
    acc_bits: Signal<Local, Bits<16>>,
    high_bits: Signal<Local, Bits<16>>,
    raw: Signal<Local, Bits<W>>,
    unused: Signal<Local, Bits<W>>,
    fresh: Signal<Local, Bits<W>>,
    low: Signal<Local, Bits<W>>,
    high: Signal<Local, Bits<W>>,
    total: Signal<Local, Bits<16>>,
    rest: Signal<Local, Bits<16>>,
    broken: Signal<Local, Bit>,
    no_side: Constant<TxSide>,
    no_done: Constant<TxDone>,
    no_data: Constant<Bits<W>>,
    all_data: Constant<Bits<W>>,
    out_depth: Constant<Bits<16>>,
    beat_bytes: Constant<Bits<16>>,
    full_beat: Constant<Bits<7>>,
    beat_bits: Constant<Bits<16>>,
    beat_mask: Constant<Bits<16>>,
    byte_shift: Constant<Bits<16>>,
    one: Constant<Bits<16>>,
    none16: Constant<Bits<16>>,
    none32: Constant<Bits<32>>,
    no_iova: Constant<Bits<64>>,
    no_cause: Constant<Bits<12>>,
    read_access: Constant<Bits<12>>,
}

impl<const W: usize> Default for TxPack<W> {
    fn default() -> Self {
        let beat_bytes = W as u64 / 8;
        block_default!(
            clock, reset, item_valid, item, item_pop, reserve, reserved, out_count, r_valid, r_data, r_bad, out_push,
            out_data, out_side, done_valid, done, done_pop, acc, acc_bytes, taken, reserved_beats, bad, bad_iova,
            done_full, done_reg, take, finish, room, item_iova, start16, offset, avail, todo, chunk, offset_bits, chunk_bits,
            acc_bits, high_bits, raw, unused, fresh, low, high, total, rest, broken;
            no_side = TxSide::default(),
            no_done = TxDone::default(),
            no_data = 0u64,
            all_data = ones::<W>(),
            out_depth = OUT_DEPTH,
            beat_bytes = beat_bytes,
            full_beat = beat_bytes,
            beat_bits = W as u64,
            beat_mask = beat_bytes - 1,
            byte_shift = 3u64,
            one = 1u64,
            none16 = 0u64,
            none32 = 0u64,
            no_iova = 0u64,
            no_cause = u64::from(mmu::CAUSE_NONE),
            read_access = u64::from(mmu::CAUSE_READ_ACCESS)
        )
    }
}

impl<const W: usize> Logic for TxPack<W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            acc,
            acc_bytes,
            taken,
            reserved_beats,
            bad,
            bad_iova,
            done_full,
            done_reg
        );
        // What the beat at hand holds of the burst at the head: the first beat starts within.
        self.take.next = self.r_valid.val() & self.item_valid.val() & !self.item.val().end;
        self.item_iova.next = self.item.val().iova;
        self.start16.next = bit_cast::<16, 8>(self.item_iova.val().get_bits::<8>(0));
        self.offset.next = self.none16.val();
        if self.taken.q.val() == self.none16.val() {
            self.offset.next = self.start16.val() & self.beat_mask.val();
        }
        self.avail.next = self.beat_bytes.val() - self.offset.val();
        self.todo.next = self.item.val().bytes - self.taken.q.val();
        self.chunk.next = self.avail.val();
        if self.todo.val() < self.avail.val() {
            self.chunk.next = self.todo.val();
        }
        self.offset_bits.next = self.offset.val() << self.byte_shift.val();
        self.chunk_bits.next = self.chunk.val() << self.byte_shift.val();
        self.raw.next = self.r_data.val() >> self.offset_bits.val();
        self.unused.next = self.all_data.val() << self.chunk_bits.val();
        self.fresh.next = self.raw.val() & !self.unused.val();
        // Behind what the accumulator holds.
        self.acc_bits.next = self.acc_bytes.q.val() << self.byte_shift.val();
        self.high_bits.next = self.beat_bits.val() - self.acc_bits.val();
        self.low.next = self.acc.q.val() | (self.fresh.val() << self.acc_bits.val());
        self.high.next = self.fresh.val() >> self.high_bits.val();
        self.total.next = self.acc_bytes.q.val() + self.chunk.val();
        self.rest.next = self.total.val() - self.beat_bytes.val();
        // END: the last beat needs a place that no burst has reserved.
        self.room.next = self.out_count.val() + self.reserved_beats.q.val();
        self.finish.next = self.item_valid.val()
            & self.item.val().end
            & !self.done_full.q.val()
            & (self.room.val() < self.out_depth.val());
        self.broken.next = self.item.val().abort
            | self.bad.q.val()
            | (self.item.val().cause != self.no_cause.val());
        // Outputs.
        self.item_pop.next = self.finish.val();
        self.reserved.next = self.reserved_beats.q.val();
        self.done_valid.next = self.done_full.q.val();
        self.done.next = self.done_reg.q.val();
        self.out_push.next = self.finish.val();
        self.out_data.next = self.low.val();
        self.out_side.next = self.no_side.val();
        self.out_side.next.bytes = self.full_beat.val();
        self.out_side.next.dest = self.item.val().dest;
        self.out_side.next.tid = self.item.val().tid;
        self.out_side.next.tag = self.item.val().tag;
        self.out_side.next.typ = self.item.val().typ;
        self.reserved_beats.d.next = self.reserved_beats.q.val() + self.reserve.val();
        if self.done_pop.val() {
            self.done_full.d.next = false;
        }
        if self.take.val() {
            self.reserved_beats.d.next =
                self.reserved_beats.q.val() + self.reserve.val() - self.one.val();
            self.acc.d.next = self.low.val();
            self.acc_bytes.d.next = self.total.val();
            if self.total.val() > self.beat_bytes.val() {
                self.out_push.next = true;
                self.acc.d.next = self.high.val();
                self.acc_bytes.d.next = self.rest.val();
            }
            if self.r_bad.val() & !self.bad.q.val() {
                self.bad.d.next = true;
                self.bad_iova.d.next = self.item_iova.val();
            }
            self.taken.d.next = self.taken.q.val() + self.chunk.val();
            if self.chunk.val() == self.todo.val() {
                self.item_pop.next = true;
                self.taken.d.next = self.none16.val();
            }
        }
        if self.finish.val() {
            self.out_data.next = self.acc.q.val();
            self.out_side.next.bytes = self.acc_bytes.q.val().get_bits::<7>(0);
            self.out_side.next.last = true;
            self.out_side.next.abort = self.broken.val();
            if !self.broken.val() {
                self.out_side.next.writable = self.item.val().writable;
            }
            self.done_full.d.next = true;
            self.done_reg.d.next = self.no_done.val();
            self.done_reg.d.next.cause = self.no_cause.val();
            if self.item.val().cause != self.no_cause.val() {
                self.done_reg.d.next.cause = self.item.val().cause;
                self.done_reg.d.next.iova = self.item_iova.val();
            } else if self.bad.q.val() {
                self.done_reg.d.next.cause = self.read_access.val();
                self.done_reg.d.next.iova = self.bad_iova.q.val();
            }
            self.acc.d.next = self.no_data.val();
            self.acc_bytes.d.next = self.none16.val();
            self.bad.d.next = false;
            self.bad_iova.d.next = self.no_iova.val();
        }
        if self.reset.val() {
            self.acc.d.next = self.no_data.val();
            self.acc_bytes.d.next = self.none16.val();
            self.taken.d.next = self.none16.val();
            self.reserved_beats.d.next = self.none16.val();
            self.bad.d.next = false;
            self.bad_iova.d.next = self.no_iova.val();
            self.done_full.d.next = false;
            self.done_reg.d.next = self.no_done.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tx_pack_lints_clean() {
        crate::util::assert_lint_clean("tx_pack_64", TxPack::<64>::default());
        crate::util::assert_lint_clean("tx_pack_128", TxPack::<128>::default());
        crate::util::assert_lint_clean("tx_pack_512", TxPack::<512>::default());
    }
}
