//! Pack, the last station of the transmit mover: cuts the bytes of each burst out of its beats and packs them into full beats.
//!
//! Timing: contract §7 *Pack*. One beat a cycle, while the output FIFO holds at most two; the end of a packet takes a cycle.
//! Reset: accumulator empty, no fault, at the first beat of a burst.

use rust_hdl::prelude::*;
use shoal_abi::mmu;

use crate::block_default;
use crate::tx_issue::TxFate;
use crate::tx_items::TxItem;
use crate::types::TxDone;
use crate::util::ones;

/// Beats in the output FIFO up to which one more is packed.
pub const OUT_LOW: u64 = 2;

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
    /// There is an item.
    pub item_valid: Signal<In, Bit>,
    /// It.
    pub item: Signal<In, TxItem>,
    /// What became of it.
    pub fate: Signal<In, TxFate>,
    /// Takes it.
    pub item_pop: Signal<Out, Bit>,
    /// The beat FIFO holds a beat.
    pub beat_valid: Signal<In, Bit>,
    /// Its data.
    pub beat_data: Signal<In, Bits<W>>,
    /// Its response was not OKAY.
    pub beat_bad: Signal<In, Bit>,
    /// Takes it.
    pub beat_pop: Signal<Out, Bit>,
    /// Beats in the output FIFO.
    pub out_count: Signal<In, Bits<16>>,
    /// Puts a beat into the output FIFO.
    pub out_push: Signal<Out, Bit>,
    /// Its data.
    pub out_data: Signal<Out, Bits<W>>,
    /// Its side band.
    pub out_side: Signal<Out, TxSide>,
    /// Items in the done FIFO.
    pub done_count: Signal<In, Bits<16>>,
    /// A packet has ended: puts `done` into the done FIFO.
    pub done_push: Signal<Out, Bit>,
    /// How.
    pub done: Signal<Out, TxDone>,
    at_end: DFF<Bit>,
    acc: DFF<Bits<W>>,
    acc_bytes: DFF<Bits<16>>,
    taken: DFF<Bits<16>>,
    fault: DFF<Bits<12>>,
    fault_iova: DFF<Bits<64>>,
    rerr: DFF<Bit>,
    rerr_iova: DFF<Bits<64>>,
    room: Signal<Local, Bit>,
    take: Signal<Local, Bit>,
    ending: Signal<Local, Bit>,
    finish: Signal<Local, Bit>,
    item_va: Signal<Local, Bits<64>>,
    start16: Signal<Local, Bits<16>>,
    offset: Signal<Local, Bits<16>>,
    avail: Signal<Local, Bits<16>>,
    todo: Signal<Local, Bits<16>>,
    chunk: Signal<Local, Bits<16>>,
    whole: Signal<Local, Bit>,
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
    cause: Signal<Local, Bits<12>>,
    cause_iova: Signal<Local, Bits<64>>,
    broken: Signal<Local, Bit>,
    slot: Signal<Local, Bits<16>>,
    no_side: Constant<TxSide>,
    no_done: Constant<TxDone>,
    no_data: Constant<Bits<W>>,
    all_data: Constant<Bits<W>>,
    done_depth: Constant<Bits<16>>,
    out_low: Constant<Bits<16>>,
    beat_bytes: Constant<Bits<16>>,
    full_beat: Constant<Bits<7>>,
    beat_bits: Constant<Bits<16>>,
    beat_mask: Constant<Bits<16>>,
    byte_shift: Constant<Bits<16>>,
    slot_mask: Constant<Bits<16>>,
    none16: Constant<Bits<16>>,
    no_iova: Constant<Bits<64>>,
    no_cause: Constant<Bits<12>>,
    read_access: Constant<Bits<12>>,
}

impl<const W: usize> TxPack<W> {
    /// The block for slot numbers of `slot_w` bits.
    #[must_use]
    pub fn new(slot_w: usize) -> Self {
        let beat_bytes = W as u64 / 8;
        block_default!(
            clock, reset, item_valid, item, fate, item_pop, beat_valid, beat_data, beat_bad, beat_pop, out_count, out_push,
            out_data, out_side, done_count, done_push, done, at_end, acc, acc_bytes, taken, fault, fault_iova, rerr, rerr_iova, room, take,
            ending, finish, item_va, start16, offset, avail, todo, chunk, whole, offset_bits, chunk_bits, acc_bits, high_bits,
            raw, unused, fresh, low, high, total, rest, cause, cause_iova, broken, slot;
            no_side = TxSide::default(),
            no_done = TxDone::default(),
            no_data = 0u64,
            all_data = ones::<W>(),
            out_low = OUT_LOW,
            done_depth = 1u64 << slot_w,
            beat_bytes = beat_bytes,
            full_beat = beat_bytes,
            beat_bits = W as u64,
            beat_mask = beat_bytes - 1,
            byte_shift = 3u64,
            slot_mask = (1u64 << slot_w) - 1,
            none16 = 0u64,
            no_iova = 0u64,
            no_cause = u64::from(mmu::CAUSE_NONE),
            read_access = u64::from(mmu::CAUSE_READ_ACCESS)
        )
    }
}

impl<const W: usize> Logic for TxPack<W> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, at_end, acc, acc_bytes, taken, fault, fault_iova, rerr, rerr_iova);
        // Phase End holds for whatever has no beats to come.
        self.room.next = self.item_valid.val()
            & (self.out_count.val() <= self.out_low.val())
            & (self.done_count.val() != self.done_depth.val());
        self.ending.next = self.room.val() & (self.at_end.q.val() | !self.fate.val().issued);
        self.take.next =
            self.room.val() & !self.at_end.q.val() & self.fate.val().issued & self.beat_valid.val();
        self.finish.next = self.ending.val() & self.item.val().end;
        // What the beat at hand holds of the burst at the head: the first beat starts within.
        self.item_va.next = self.item.val().va;
        self.start16.next = bit_cast::<16, 8>(self.item_va.val().get_bits::<8>(0));
        self.offset.next = self.none16.val();
        if self.taken.q.val() == self.none16.val() {
            self.offset.next = self.start16.val() & self.beat_mask.val();
        }
        self.avail.next = self.beat_bytes.val() - self.offset.val();
        self.todo.next = bit_cast::<16, 9>(self.item.val().bytes) - self.taken.q.val();
        self.chunk.next = self.avail.val();
        self.whole.next = self.todo.val() <= self.avail.val();
        if self.whole.val() {
            self.chunk.next = self.todo.val();
        }
        self.offset_bits.next = self.offset.val() << self.byte_shift.val();
        self.chunk_bits.next = self.chunk.val() << self.byte_shift.val();
        self.raw.next = self.beat_data.val() >> self.offset_bits.val();
        self.unused.next = self.all_data.val() << self.chunk_bits.val();
        self.fresh.next = self.raw.val() & !self.unused.val();
        // Behind what the accumulator holds.
        self.acc_bits.next = self.acc_bytes.q.val() << self.byte_shift.val();
        self.high_bits.next = self.beat_bits.val() - self.acc_bits.val();
        self.low.next = self.acc.q.val() | (self.fresh.val() << self.acc_bits.val());
        self.high.next = self.fresh.val() >> self.high_bits.val();
        self.total.next = self.acc_bytes.q.val() + self.chunk.val();
        self.rest.next = self.total.val() - self.beat_bytes.val();
        // The packet's fault: of a translation, that of the item at hand included, before one of a beat.
        self.cause.next = self.fault.q.val();
        self.cause_iova.next = self.fault_iova.q.val();
        if (self.fault.q.val() == self.no_cause.val())
            & (self.fate.val().cause != self.no_cause.val())
        {
            self.cause.next = self.fate.val().cause;
            self.cause_iova.next = self.item_va.val();
        }
        self.broken.next =
            self.item.val().abort | self.rerr.q.val() | (self.cause.val() != self.no_cause.val());
        self.slot.next = self.item.val().tag & self.slot_mask.val();
        // Outputs.
        self.item_pop.next = self.ending.val();
        self.beat_pop.next = self.take.val();
        self.out_push.next = self.finish.val();
        self.out_data.next = self.low.val();
        self.out_side.next = self.no_side.val();
        self.out_side.next.bytes = self.full_beat.val();
        self.out_side.next.dest = self.item.val().dest;
        self.out_side.next.tid = self.item.val().tid;
        self.out_side.next.tag = self.item.val().tag;
        self.out_side.next.typ = self.item.val().typ;
        self.done_push.next = self.finish.val();
        self.done.next = self.no_done.val();
        self.done.next.slot = self.slot.val().get_bits::<8>(0);
        if self.take.val() {
            self.acc.d.next = self.low.val();
            self.acc_bytes.d.next = self.total.val();
            if self.total.val() > self.beat_bytes.val() {
                self.out_push.next = true;
                self.acc.d.next = self.high.val();
                self.acc_bytes.d.next = self.rest.val();
            }
            if self.beat_bad.val() & !self.rerr.q.val() {
                self.rerr.d.next = true;
                self.rerr_iova.d.next = self.item_va.val();
            }
            self.taken.d.next = self.taken.q.val() + self.chunk.val();
            if self.whole.val() {
                self.taken.d.next = self.none16.val();
                self.at_end.d.next = self.item.val().end;
                self.item_pop.next = !self.item.val().end;
            }
        }
        if self.ending.val() {
            self.at_end.d.next = false;
            self.fault.d.next = self.cause.val();
            self.fault_iova.d.next = self.cause_iova.val();
        }
        if self.finish.val() {
            self.out_data.next = self.acc.q.val();
            self.out_side.next.bytes = self.acc_bytes.q.val().get_bits::<7>(0);
            self.out_side.next.last = true;
            self.out_side.next.abort = self.broken.val();
            if !self.broken.val() {
                self.out_side.next.writable = self.item.val().writable;
            }
            if self.cause.val() != self.no_cause.val() {
                self.done.next.cause = self.cause.val();
                self.done.next.iova = self.cause_iova.val();
            } else if self.rerr.q.val() {
                self.done.next.cause = self.read_access.val();
                self.done.next.iova = self.rerr_iova.q.val();
            }
            self.acc.d.next = self.no_data.val();
            self.acc_bytes.d.next = self.none16.val();
            self.fault.d.next = self.no_cause.val();
            self.fault_iova.d.next = self.no_iova.val();
            self.rerr.d.next = false;
        }
        if self.reset.val() {
            self.at_end.d.next = false;
            self.acc.d.next = self.no_data.val();
            self.acc_bytes.d.next = self.none16.val();
            self.taken.d.next = self.none16.val();
            self.fault.d.next = self.no_cause.val();
            self.fault_iova.d.next = self.no_iova.val();
            self.rerr.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tx_pack_lints_clean() {
        crate::util::assert_lint_clean("tx_pack_64", TxPack::<64>::new(4));
        crate::util::assert_lint_clean("tx_pack_128", TxPack::<128>::new(6));
        crate::util::assert_lint_clean("tx_pack_512", TxPack::<512>::new(8));
    }
}
