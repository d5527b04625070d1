//! The item ring of the transmit mover, from *Cut* to *Pack*, and Ask, its second station.
//!
//! An item stands in three queues at once, each with what one station has to know of it: `asks` up to `asked`, `bursts` up to
//! `gone`, `items` up to `head`. What the MMU answers stands beside them in a RAM, under the item's place in the ring,
//! and one bit a place says that it is there.
//! Timing: contract §7 *Ask*. The RAM reads a cycle late, so it is read at the place that `gone` has in the next cycle.
//! Reset: empty.

use rust_hdl::prelude::*;
use shoal_abi::mmu;

use crate::block_default;
use crate::fifo::Fifo;
use crate::types::{MmuReq, MmuRsp};

/// Of an item, for Ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TxAsk {
    /// It is a burst; otherwise only an end.
    pub burst: Bit,
    /// Address space.
    pub asid: Bits<17>,
    /// First byte.
    pub va: Bits<64>,
}

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

/// What the MMU said of a burst.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TxAnswer {
    /// Cause, 0 none.
    pub cause: Bits<12>,
    /// Physical address of its first byte.
    pub addr: Bits<64>,
    /// PASID valid and PASID.
    pub user: Bits<21>,
    /// The access belongs to this epoch.
    pub epoch: Bit,
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
    pub put_ask: Signal<In, TxAsk>,
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
    pub answer: Signal<Out, TxAnswer>,
    /// `gone` goes on.
    pub pass: Signal<In, Bit>,
    /// The item at `head`, if `gone` is beyond it.
    pub item: Signal<Out, TxItem>,
    /// `head` goes on.
    pub item_pop: Signal<In, Bit>,
    asks: Fifo<TxAsk, IA>,
    bursts: Fifo<TxBurst, IA>,
    items: Fifo<TxItem, IA>,
    answers: RAM<TxAnswer, IA>,
    here: DFF<Bits<NI>>,
    asked: DFF<Bits<IA>>,
    gone: DFF<Bits<IA>>,
    between: DFF<Bits<16>>,
    fresh: DFF<Bit>,
    fresh_answer: DFF<TxAnswer>,
    up: Signal<Local, Bit>,
    goes: Signal<Local, Bit>,
    good: Signal<Local, Bit>,
    place: Signal<Local, Bits<IA>>,
    gone_next: Signal<Local, Bits<IA>>,
    heard: Signal<Local, TxAnswer>,
    there: Signal<Local, Bits<NI>>,
    arrives: Signal<Local, Bits<NI>>,
    leaves: Signal<Local, Bits<NI>>,
    no_bits: Constant<Bits<NI>>,
    bit0: Constant<Bits<NI>>,
    one_place: Constant<Bits<IA>>,
    first_place: Constant<Bits<IA>>,
    one16: Constant<Bits<16>>,
    none16: Constant<Bits<16>>,
    size: Constant<Bits<16>>,
    no_cause: Constant<Bits<12>>,
    no_req: Constant<MmuReq>,
    no_answer: Constant<TxAnswer>,
    shut: Signal<Local, Bit>,
}

impl<const IA: usize, const NI: usize> Default for TxItems<IA, NI> {
    fn default() -> Self {
        assert_eq!(NI, 1 << IA, "places of the item ring");
        block_default!(
            clock, reset, room, put, put_ask, put_burst, put_item, mmu_req_valid, mmu_req, mmu_taken, mmu_rsp_valid, mmu_rsp,
            epoch, start, valid, burst, answered, answer, pass, item, item_pop, asks, bursts, items, answers, here, asked,
            gone, between, fresh, fresh_answer, up, goes, good, place, gone_next, heard, there, arrives, leaves, shut;
            no_bits = 0u64,
            bit0 = 1u64,
            one_place = 1u64,
            first_place = 0u64,
            one16 = 1u64,
            none16 = 0u64,
            size = NI as u64,
            no_cause = u64::from(mmu::CAUSE_NONE),
            no_req = MmuReq::default(),
            no_answer = TxAnswer::default()
        )
    }
}

impl<const IA: usize, const NI: usize> Logic for TxItems<IA, NI> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, here, asked, gone, between, fresh, fresh_answer);
        clock!(self, clock, asks, bursts, items);
        self.answers.read_clock.next = self.clock.val();
        self.answers.write_clock.next = self.clock.val();
        // The ring's places are those of the queue that keeps its items longest.
        self.shut.next = self.items.count.val() == self.size.val();
        self.room.next = !self.shut.val();
        self.asks.reset.next = self.reset.val();
        self.asks.push.next = self.put.val();
        self.asks.push_data.next = self.put_ask.val();
        self.bursts.reset.next = self.reset.val();
        self.bursts.push.next = self.put.val();
        self.bursts.push_data.next = self.put_burst.val();
        self.bursts.pop.next = self.pass.val();
        self.items.reset.next = self.reset.val();
        self.items.push.next = self.put.val();
        self.items.push_data.next = self.put_item.val();
        self.items.pop.next = self.item_pop.val();
        self.item.next = self.items.data.val();
        // Ask.
        self.up.next = self.asks.valid.val() & self.asks.data.val().burst;
        self.goes.next =
            self.asks.valid.val() & (!self.asks.data.val().burst | self.mmu_taken.val());
        self.asks.pop.next = self.goes.val();
        self.mmu_req_valid.next = self.up.val();
        self.mmu_req.next = self.no_req.val();
        if self.up.val() {
            self.mmu_req.next.asid = self.asks.data.val().asid;
            self.mmu_req.next.va = self.asks.data.val().va;
            self.mmu_req.next.tag = bit_cast::<10, IA>(self.asked.q.val());
        }
        if self.goes.val() {
            self.asked.d.next = self.asked.q.val() + self.one_place.val();
        }
        // Answers.
        self.good.next = self.mmu_rsp.val().cause == self.no_cause.val();
        self.start.next = self.mmu_rsp_valid.val() & self.good.val();
        self.place.next = self.mmu_rsp.val().tag.get_bits::<IA>(0);
        self.heard.next = self.no_answer.val();
        self.heard.next.cause = self.mmu_rsp.val().cause;
        self.heard.next.addr = self.mmu_rsp.val().addr;
        self.heard.next.user = self.mmu_rsp.val().user;
        self.heard.next.epoch = self.epoch.val();
        self.answers.write_address.next = self.place.val();
        self.answers.write_data.next = self.heard.val();
        self.answers.write_enable.next = self.mmu_rsp_valid.val();
        self.arrives.next = self.no_bits.val();
        if self.mmu_rsp_valid.val() {
            self.arrives.next = self.bit0.val() << self.place.val();
        }
        // The item at `gone`.
        self.gone_next.next = self.gone.q.val();
        self.leaves.next = self.no_bits.val();
        if self.pass.val() {
            self.gone_next.next = self.gone.q.val() + self.one_place.val();
            self.leaves.next = self.bit0.val() << self.gone.q.val();
        }
        self.gone.d.next = self.gone_next.val();
        self.here.d.next = (self.here.q.val() | self.arrives.val()) & !self.leaves.val();
        self.answers.read_address.next = self.gone_next.val();
        // The RAM would still show the old word there.
        self.fresh.d.next = self.mmu_rsp_valid.val() & (self.place.val() == self.gone_next.val());
        self.fresh_answer.d.next = self.heard.val();
        self.there.next = self.here.q.val() >> self.gone.q.val();
        self.answered.next = self.there.val().get_bit(0);
        self.answer.next = self.answers.read_data.val();
        if self.fresh.q.val() {
            self.answer.next = self.fresh_answer.q.val();
        }
        self.valid.next = self.between.q.val() != self.none16.val();
        self.burst.next = self.bursts.data.val();
        if self.goes.val() & !self.pass.val() {
            self.between.d.next = self.between.q.val() + self.one16.val();
        }
        if self.pass.val() & !self.goes.val() {
            self.between.d.next = self.between.q.val() - self.one16.val();
        }
        if self.reset.val() {
            self.here.d.next = self.no_bits.val();
            self.asked.d.next = self.first_place.val();
            self.gone.d.next = self.first_place.val();
            self.between.d.next = self.none16.val();
            self.fresh.d.next = false;
        }
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
