//! Cut, the first station of the receive mover: goes through the packets in the order of the stream, and cuts their bytes, as the
//! ops of their slots say, into bursts of at most 256 bytes.
//!
//! Spec: AXI4 (bursts stay within 4 KiB); virtio 1.4 §2.7.13 (device-writable buffers).
//! Timing: contract §8 *Cut*. One item a cycle, while the item ring has room.
//! Reset: to Free.

use rust_hdl::prelude::*;

use crate::asks::Ask;
use crate::block_default;
use crate::rx_items::RxItem;
use crate::tx_cut::BURST_WINDOW;
use crate::types::RxOp;

/// Whose packet it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct RxOrder {
    /// Nobody's: it is thrown away, and nobody is told.
    pub nobody: Bit,
    /// This slot's.
    pub slot: Bits<8>,
}

#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
enum RxCutState {
    Free,
    Wait,
    Fetch,
    Cut,
    Drop,
    Rest,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct RxCut {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// A packet waits.
    pub order_valid: Signal<In, Bit>,
    /// Whose it is.
    pub order: Signal<In, RxOrder>,
    /// Takes it.
    pub order_pop: Signal<Out, Bit>,
    /// The slot at hand in the next cycle.
    pub slot_next: Signal<Out, Bits<8>>,
    /// An op of the slot at hand waits.
    pub op_valid: Signal<In, Bit>,
    /// Takes it.
    pub op_pop: Signal<Out, Bit>,
    /// What was taken in the cycle before.
    pub op: Signal<In, RxOp>,
    /// The packet has entered whole.
    pub len_valid: Signal<In, Bit>,
    /// Its bytes.
    pub len: Signal<In, Bits<32>>,
    /// The packet is cut.
    pub len_pop: Signal<Out, Bit>,
    /// Bytes that have entered of the packet that is entering.
    pub entered: Signal<In, Bits<32>>,
    /// The item ring is not full.
    pub room: Signal<In, Bit>,
    /// Puts an item into the ring.
    pub put: Signal<Out, Bit>,
    /// What is asked of the MMU for it.
    pub ask: Signal<Out, Ask>,
    /// What Issue has to know.
    pub item: Signal<Out, RxItem>,
    state: DFF<RxCutState>,
    slot: DFF<Bits<8>>,
    asid: DFF<Bits<17>>,
    va: DFF<Bits<64>>,
    rem: DFF<Bits<32>>,
    ends: DFF<Bit>,
    sum: DFF<Bits<32>>,
    done: DFF<Bits<32>>,
    marked: DFF<Bit>,
    low: Signal<Local, Bits<8>>,
    window: Signal<Local, Bits<16>>,
    window32: Signal<Local, Bits<32>>,
    most: Signal<Local, Bits<32>>,
    total: Signal<Local, Bits<32>>,
    there: Signal<Local, Bits<32>>,
    enough: Signal<Local, Bit>,
    bytes: Signal<Local, Bits<32>>,
    bytes64: Signal<Local, Bits<64>>,
    over: Signal<Local, Bit>,
    used: Signal<Local, Bit>,
    at_cut: Signal<Local, Bit>,
    at_drop: Signal<Local, Bit>,
    cuts: Signal<Local, Bit>,
    marks: Signal<Local, Bit>,
    finishes: Signal<Local, Bit>,
    burst_window: Constant<Bits<16>>,
    none32: Constant<Bits<32>>,
    no_ask: Constant<Ask>,
    no_item: Constant<RxItem>,
}

impl Default for RxCut {
    fn default() -> Self {
        block_default!(
            clock, reset, order_valid, order, order_pop, slot_next, op_valid, op_pop, op, len_valid, len, len_pop, entered,
            room, put, ask, item, state, slot, asid, va, rem, ends, sum, done, marked, low, window, window32, most, total, there,
            enough, bytes, bytes64, over, used, at_cut, at_drop, cuts, marks, finishes;
            burst_window = BURST_WINDOW,
            none32 = 0u64,
            no_ask = Ask::default(),
            no_item = RxItem::default()
        )
    }
}

impl Logic for RxCut {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, slot, asid, va, rem, ends, sum, done, marked);
        // The next burst: up to the end of its window or of its buffer, and no more than is there.
        self.low.next = self.va.q.val().get_bits::<8>(0);
        self.window.next = self.burst_window.val() - bit_cast::<16, 8>(self.low.val());
        self.window32.next = bit_cast::<32, 16>(self.window.val());
        self.most.next = self.window32.val();
        if self.rem.q.val() < self.window32.val() {
            self.most.next = self.rem.q.val();
        }
        self.total.next = self.entered.val();
        if self.len_valid.val() {
            self.total.next = self.len.val();
        }
        self.there.next = self.total.val() - self.done.q.val();
        self.enough.next = self.there.val() >= self.most.val();
        self.bytes.next = self.there.val();
        if self.enough.val() {
            self.bytes.next = self.most.val();
        }
        self.bytes64.next = bit_cast::<64, 32>(self.bytes.val());
        // What is put into the ring.
        self.over.next = self.len_valid.val() & (self.there.val() == self.none32.val());
        self.used.next = self.rem.q.val() == self.none32.val();
        self.at_cut.next = self.room.val() & (self.state.q.val() == RxCutState::Cut);
        self.at_drop.next = self.room.val() & (self.state.q.val() == RxCutState::Drop);
        self.finishes.next = self.at_drop.val() | (self.at_cut.val() & self.over.val());
        self.marks.next =
            self.at_cut.val() & !self.over.val() & self.used.val() & !self.ends.q.val();
        self.cuts.next = self.at_cut.val()
            & !self.over.val()
            & !self.used.val()
            & (self.len_valid.val() | self.enough.val());
        self.put.next = self.finishes.val() | self.marks.val() | self.cuts.val();
        self.ask.next = self.no_ask.val();
        self.ask.next.burst = self.cuts.val();
        self.ask.next.asid = self.asid.q.val();
        self.ask.next.va = self.va.q.val();
        self.item.next = self.no_item.val();
        self.item.next.burst = self.cuts.val();
        self.item.next.fin = self.finishes.val();
        self.item.next.marked = self.at_cut.val() | self.marked.q.val();
        self.item.next.slot = self.slot.q.val();
        self.item.next.sum = self.sum.q.val();
        self.item.next.va = self.va.q.val();
        self.item.next.bytes = self.bytes.val().get_bits::<9>(0);
        // Where it goes on.
        self.order_pop.next = false;
        self.op_pop.next = false;
        self.len_pop.next = false;
        self.slot_next.next = self.slot.q.val();
        match self.state.q.val() {
            RxCutState::Free => {
                self.marked.d.next = false;
                if self.order_valid.val() {
                    self.order_pop.next = true;
                    self.slot_next.next = self.order.val().slot;
                    self.state.d.next = RxCutState::Wait;
                    if self.order.val().nobody {
                        self.state.d.next = RxCutState::Drop;
                    }
                }
            }
            RxCutState::Wait => {
                if self.op_valid.val() {
                    self.op_pop.next = true;
                    self.state.d.next = RxCutState::Fetch;
                }
            }
            RxCutState::Fetch => {
                self.asid.d.next = self.op.val().asid;
                self.va.d.next = self.op.val().va;
                self.rem.d.next = self.op.val().len;
                self.ends.d.next = self.op.val().end;
                self.sum.d.next = self.none32.val();
                self.state.d.next = RxCutState::Cut;
                if self.op.val().discard {
                    self.marked.d.next = true;
                    self.state.d.next = RxCutState::Drop;
                }
            }
            RxCutState::Cut => {
                if self.room.val() {
                    if self.over.val() {
                        self.len_pop.next = true;
                        self.done.d.next = self.none32.val();
                        self.state.d.next = RxCutState::Free;
                    } else if self.used.val() {
                        self.state.d.next = RxCutState::Wait;
                        if self.ends.q.val() {
                            self.marked.d.next = true;
                            self.state.d.next = RxCutState::Drop;
                        }
                    }
                }
                if self.cuts.val() {
                    self.va.d.next = self.va.q.val() + self.bytes64.val();
                    self.sum.d.next = self.sum.q.val() + self.bytes.val();
                    self.done.d.next = self.done.q.val() + self.bytes.val();
                    self.rem.d.next = self.rem.q.val() - self.bytes.val();
                }
            }
            RxCutState::Drop => {
                if self.room.val() {
                    self.state.d.next = RxCutState::Rest;
                }
            }
            RxCutState::Rest => {
                if self.len_valid.val() {
                    self.len_pop.next = true;
                    self.done.d.next = self.none32.val();
                    self.state.d.next = RxCutState::Free;
                }
            }
            _ => {
                self.state.d.next = RxCutState::Free;
            }
        }
        self.slot.d.next = self.slot_next.val();
        if self.reset.val() {
            self.state.d.next = RxCutState::Free;
            self.done.d.next = self.none32.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rx_cut_lints_clean() {
        crate::util::assert_lint_clean("rx_cut", RxCut::default());
    }
}
