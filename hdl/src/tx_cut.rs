//! Cut, the first station of the transmit mover: takes ops and cuts their bytes into bursts of at most 256 bytes.
//!
//! Spec: AXI4 (bursts stay within 4 KiB); virtio 1.4 §2.7.13 (device-readable buffers).
//! Timing: contract §7 *Cut*. One item a cycle, while the item ring has room. Of each burst it says how much is a short tail,
//! which is read as less than a beat.
//! Reset: no op at work.

use rust_hdl::prelude::*;

use crate::asks::Ask;
use crate::block_default;
use crate::tx_items::{TxBurst, TxItem};
use crate::types::TxOp;

/// Bytes of the address window that one burst stays in.
pub const BURST_WINDOW: u64 = 256;

/// A tail is short if a beat has at least so many bytes beside it.
pub const SPARED: u64 = 48;

/// See the file's text.
#[derive(LogicBlock)]
pub struct TxCut {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// An op waits.
    pub op_valid: Signal<In, Bit>,
    /// It.
    pub op: Signal<In, TxOp>,
    /// Takes it.
    pub op_pop: Signal<Out, Bit>,
    /// The item ring is not full.
    pub room: Signal<In, Bit>,
    /// The op at work is behind a fault of its own packet: it counts as one without data.
    pub faulted: Signal<In, Bit>,
    /// Puts an item into the ring.
    pub put: Signal<Out, Bit>,
    /// What is asked of the MMU for it.
    pub ask: Signal<Out, Ask>,
    /// What is asked of the AR arbiter.
    pub burst: Signal<Out, TxBurst>,
    /// What the packer has to know.
    pub item: Signal<Out, TxItem>,
    full: DFF<Bit>,
    work: DFF<TxOp>,
    va: DFF<Bits<64>>,
    rest: DFF<Bits<32>>,
    low: Signal<Local, Bits<8>>,
    window: Signal<Local, Bits<16>>,
    window32: Signal<Local, Bits<32>>,
    some: Signal<Local, Bit>,
    last: Signal<Local, Bit>,
    rest16: Signal<Local, Bits<16>>,
    reach: Signal<Local, Bits<16>>,
    tail: Signal<Local, Bits<16>>,
    cuts: Signal<Local, Bit>,
    bytes16: Signal<Local, Bits<16>>,
    bytes32: Signal<Local, Bits<32>>,
    bytes64: Signal<Local, Bits<64>>,
    bytes: Signal<Local, Bits<9>>,
    ends: Signal<Local, Bit>,
    puts: Signal<Local, Bit>,
    over: Signal<Local, Bit>,
    pop: Signal<Local, Bit>,
    burst_window: Constant<Bits<16>>,
    beat_mask: Constant<Bits<16>>,
    short_tail: Constant<Bits<16>>,
    none16: Constant<Bits<16>>,
    none32: Constant<Bits<32>>,
    no_op: Constant<TxOp>,
    no_ask: Constant<Ask>,
    no_burst: Constant<TxBurst>,
    no_item: Constant<TxItem>,
}

impl TxCut {
    /// The block for beats of `beat_bytes` bytes, a power of two.
    #[must_use]
    pub fn new(beat_bytes: u64) -> Self {
        block_default!(
            clock, reset, op_valid, op, op_pop, room, faulted, put, ask, burst, item, full, work, va, rest, low, window, window32,
            some, last, rest16, reach, tail, cuts, bytes16, bytes32, bytes64, bytes, ends, puts, over, pop;
            burst_window = BURST_WINDOW,
            beat_mask = beat_bytes - 1,
            short_tail = beat_bytes.saturating_sub(SPARED),
            none16 = 0u64,
            none32 = 0u64,
            no_op = TxOp::default(),
            no_ask = Ask::default(),
            no_burst = TxBurst::default(),
            no_item = TxItem::default()
        )
    }
}

impl Logic for TxCut {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, full, work, va, rest);
        // The next burst: up to the end of its window.
        self.low.next = self.va.q.val().get_bits::<8>(0);
        self.window.next = self.burst_window.val() - bit_cast::<16, 8>(self.low.val());
        self.window32.next = bit_cast::<32, 16>(self.window.val());
        self.some.next = (self.rest.q.val() != self.none32.val()) & !self.faulted.val();
        self.last.next = (self.rest.q.val() <= self.window32.val()) | self.faulted.val();
        // Only the last can have a tail: the others end where their window does.
        self.rest16.next = self.rest.q.val().get_bits::<16>(0);
        self.reach.next = bit_cast::<16, 8>(self.low.val()) + self.rest16.val();
        self.tail.next = self.reach.val() & self.beat_mask.val();
        self.cuts.next = self.last.val()
            & (self.tail.val() != self.none16.val())
            & (self.tail.val() <= self.short_tail.val())
            & (self.rest16.val() > self.tail.val());
        self.bytes16.next = self.window.val();
        if self.last.val() {
            self.bytes16.next = self.rest16.val();
        }
        self.bytes32.next = bit_cast::<32, 16>(self.bytes16.val());
        self.bytes64.next = bit_cast::<64, 32>(self.bytes32.val());
        self.bytes.next = self.bytes32.val().get_bits::<9>(0);
        self.ends.next = self.work.q.val().end & self.last.val();
        // An op without bytes and end is over at once.
        self.puts.next =
            self.full.q.val() & self.room.val() & (self.some.val() | self.work.q.val().end);
        self.over.next =
            self.last.val() & (self.puts.val() | (!self.some.val() & !self.work.q.val().end));
        self.pop.next = self.op_valid.val() & (!self.full.q.val() | self.over.val());
        // Outputs.
        self.op_pop.next = self.pop.val();
        self.put.next = self.puts.val();
        self.ask.next = self.no_ask.val();
        self.ask.next.burst = self.some.val();
        self.ask.next.asid = self.work.q.val().asid;
        self.ask.next.va = self.va.q.val();
        self.burst.next = self.no_burst.val();
        self.burst.next.burst = self.some.val();
        self.burst.next.end = self.ends.val();
        self.burst.next.low = self.low.val();
        self.burst.next.bytes = self.bytes.val();
        if self.cuts.val() {
            self.burst.next.tail = self.tail.val().get_bits::<9>(0);
        }
        self.item.next = self.no_item.val();
        self.item.next.end = self.ends.val();
        self.item.next.abort = self.work.q.val().abort;
        self.item.next.dest = self.work.q.val().dest;
        self.item.next.tid = self.work.q.val().tid;
        self.item.next.tag = self.work.q.val().tag;
        self.item.next.typ = self.work.q.val().typ;
        self.item.next.writable = self.work.q.val().writable;
        self.item.next.va = self.va.q.val();
        self.item.next.bytes = self.bytes.val();
        if self.puts.val() {
            self.va.d.next = self.va.q.val() + self.bytes64.val();
            self.rest.d.next = self.rest.q.val() - self.bytes32.val();
        }
        if self.over.val() {
            self.full.d.next = false;
        }
        if self.pop.val() {
            self.full.d.next = true;
            self.work.d.next = self.op.val();
            self.va.d.next = self.op.val().va;
            self.rest.d.next = self.none32.val();
            if self.op.val().data {
                self.rest.d.next = self.op.val().len;
            }
        }
        if self.reset.val() {
            self.full.d.next = false;
            self.work.d.next = self.no_op.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tx_cut_lints_clean() {
        crate::util::assert_lint_clean("tx_cut", TxCut::new(16));
        crate::util::assert_lint_clean("tx_cut_64", TxCut::new(64));
    }
}
