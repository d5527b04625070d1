//! The item ring of the transmit mover, from *Cut* to *Pack*.
//!
//! An item stands in three queues at once, each with what one station has to know of it: that of `asks` up to `asked`, `bursts` up
//! to `gone`, `items` up to `head`.
//! Timing: contract §7. Reset: empty.

use rust_hdl::prelude::*;

use crate::asks::{Answer, Ask, Asks};
use crate::block_default;
use crate::fifo::Fifo;
use crate::types::{MmuReq, MmuRsp};

/// Of an item, for Issue.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TxBurst {
    /// It is a burst; otherwise only an end.
    pub burst: Bit,
    /// The packet ends behind it.
    pub end: Bit,
    /// Low bits of its first byte's address.
    pub low: Bits<8>,
    /// Bytes, 1..=256.
    pub bytes: Bits<9>,
    /// Those at its end that are a read of their own.
    pub tail: Bits<9>,
}

/// Of an item, for Pack.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TxItem {
    /// The packet ends behind it.
    pub end: Bit,
    /// With `end`: the packet is void.
    pub abort: Bit,
    /// Member id.
    pub dest: Bits<20>,
    /// Virtqueue index within the device.
    pub tid: Bits<16>,
    /// Chain tag.
    pub tag: Bits<16>,
    /// Virtio device type.
    pub typ: Bits<8>,
    /// With `end`: device-writable bytes of the chain.
    pub writable: Bits<32>,
    /// Burst: first byte.
    pub va: Bits<64>,
    /// Burst: bytes, 1..=256.
    pub bytes: Bits<9>,
}

/// See the file's text. The ring has `NI` = 2^`IA` places.
#[derive(LogicBlock)]
pub struct TxItems<const IA: usize, const NI: usize> {
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
    pub put_burst: Signal<In, TxBurst>,
    /// It, for Pack.
    pub put_item: Signal<In, TxItem>,
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
    pub burst: Signal<Out, TxBurst>,
    /// It has its answer.
    pub answered: Signal<Out, Bit>,
    /// The answer.
    pub answer: Signal<Out, Answer>,
    /// `gone` goes on.
    pub pass: Signal<In, Bit>,
    /// The item at `head`, if `gone` is beyond it.
    pub item: Signal<Out, TxItem>,
    /// `head` goes on.
    pub item_pop: Signal<In, Bit>,
    asks: Asks<IA, NI>,
    bursts: Fifo<TxBurst, IA>,
    items: Fifo<TxItem, IA>,
    shut: Signal<Local, Bit>,
    size: Constant<Bits<16>>,
}

impl<const IA: usize, const NI: usize> Default for TxItems<IA, NI> {
    fn default() -> Self {
        block_default!(
            clock, reset, room, put, put_ask, put_burst, put_item, mmu_req_valid, mmu_req, mmu_taken, mmu_rsp_valid, mmu_rsp,
            epoch, start, valid, burst, answered, answer, pass, item, item_pop, bursts, items, shut;
            size = NI as u64;
            asks = Asks::new(false)
        )
    }
}

impl<const IA: usize, const NI: usize> Logic for TxItems<IA, NI> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, asks, bursts, items);
        // The ring's places are those of the queue that keeps its items longest.
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
        self.bursts.reset.next = self.reset.val();
        self.bursts.push.next = self.put.val();
        self.bursts.push_data.next = self.put_burst.val();
        self.bursts.pop.next = self.pass.val();
        self.burst.next = self.bursts.data.val();
        self.items.reset.next = self.reset.val();
        self.items.push.next = self.put.val();
        self.items.push_data.next = self.put_item.val();
        self.items.pop.next = self.item_pop.val();
        self.item.next = self.items.data.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tx_items_lints_clean() {
        crate::util::assert_lint_clean("tx_items", TxItems::<4, 16>::default());
        crate::util::assert_lint_clean("tx_items_7", TxItems::<7, 128>::default());
    }
}
