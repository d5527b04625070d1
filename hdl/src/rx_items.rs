//! The item ring of the receive mover, from *Cut* to *Issue*.
//!
//! An item stands in two queues at once: that of `asks` up to `asked`, `items` up to `gone`.
//! Timing: contract §8. Reset: empty.

use rust_hdl::prelude::*;

use crate::asks::{Answer, Ask, Asks};
use crate::block_default;
use crate::fifo::Fifo;
use crate::types::{MmuReq, MmuRsp};

/// Of an item, for Issue: a burst, the end of a packet, or else the end of an op within it.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct RxItem {
    /// It is a burst.
    pub burst: Bit,
    /// The packet ends here; what is left of it is thrown away.
    pub fin: Bit,
    /// With `fin`: the core is told.
    pub marked: Bit,
    /// No burst: slot of the op.
    pub slot: Bits<8>,
    /// No burst: bytes that its bursts hold.
    pub sum: Bits<32>,
    /// Burst: first byte.
    pub va: Bits<64>,
    /// Burst: bytes, 1..=256.
    pub bytes: Bits<9>,
}

/// See the file's text. The ring has `NI` = 2^`IA` places.
#[derive(LogicBlock)]
pub struct RxItems<const IA: usize, const NI: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// The ring is not full.
    pub room: Signal<Out, Bit>,
    /// Appends an item.
    pub put: Signal<In, Bit>,
    /// It, for Ask.
    pub put_ask: Signal<In, Ask>,
    /// It, for Issue.
    pub put_item: Signal<In, RxItem>,
    /// Asks the MMU.
    pub mmu_req_valid: Signal<Out, Bit>,
    /// What for.
    pub mmu_req: Signal<Out, MmuReq>,
    /// The MMU has taken the request.
    pub mmu_taken: Signal<In, Bit>,
    /// An answer is up.
    pub mmu_rsp_valid: Signal<In, Bit>,
    /// It.
    pub mmu_rsp: Signal<In, MmuRsp>,
    /// Epoch of this cycle.
    pub epoch: Signal<In, Bit>,
    /// An access starts at this edge.
    pub start: Signal<Out, Bit>,
    /// There is an item at `gone`.
    pub valid: Signal<Out, Bit>,
    /// It.
    pub item: Signal<Out, RxItem>,
    /// It has its answer.
    pub answered: Signal<Out, Bit>,
    /// The answer.
    pub answer: Signal<Out, Answer>,
    /// `gone` goes on.
    pub pass: Signal<In, Bit>,
    asks: Asks<IA, NI>,
    items: Fifo<RxItem, IA>,
    shut: Signal<Local, Bit>,
    size: Constant<Bits<16>>,
}

impl<const IA: usize, const NI: usize> Default for RxItems<IA, NI> {
    fn default() -> Self {
        block_default!(
            clock, reset, room, put, put_ask, put_item, mmu_req_valid, mmu_req, mmu_taken, mmu_rsp_valid, mmu_rsp, epoch, start,
            valid, item, answered, answer, pass, items, shut;
            size = NI as u64;
            asks = Asks::new(true)
        )
    }
}

impl<const IA: usize, const NI: usize> Logic for RxItems<IA, NI> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, asks, items);
        self.shut.next = self.items.count.val() == self.size.val();
        self.room.next = !self.shut.val();
        self.asks.reset.next = self.reset.val();
        self.asks.put.next = self.put.val();
        self.asks.put_ask.next = self.put_ask.val();
        self.asks.mmu_taken.next = self.mmu_taken.val();
        self.asks.mmu_rsp_valid.next = self.mmu_rsp_valid.val();
        self.asks.mmu_rsp.next = self.mmu_rsp.val();
        self.asks.epoch.next = self.epoch.val();
        self.asks.pass.next = self.pass.val();
        self.mmu_req_valid.next = self.asks.mmu_req_valid.val();
        self.mmu_req.next = self.asks.mmu_req.val();
        self.start.next = self.asks.start.val();
        self.valid.next = self.asks.valid.val();
        self.answered.next = self.asks.answered.val();
        self.answer.next = self.asks.answer.val();
        self.items.reset.next = self.reset.val();
        self.items.push.next = self.put.val();
        self.items.push_data.next = self.put_item.val();
        self.items.pop.next = self.pass.val();
        self.item.next = self.items.data.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rx_items_lints_clean() {
        crate::util::assert_lint_clean("rx_items", RxItems::<3, 8>::default());
        crate::util::assert_lint_clean("rx_items_7", RxItems::<7, 128>::default());
    }
}
