//! Ask, the second station of both movers: requests to the MMU for the items of the ring, and the answers, which come in any order.
//!
//! What the MMU answers stands in a RAM, under the item's place in the ring, and one bit a place says that it is there.
//! Timing: contract §7 and §8 *Ask*. The RAM reads a cycle late, so it is read at the place that `gone` has in the next cycle.
//! Reset: empty.

use rust_hdl::prelude::*;
use shoal_abi::mmu;

use crate::block_default;
use crate::fifo::Fifo;
use crate::types::{MmuReq, MmuRsp};

/// Of an item: what is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Ask {
    /// It is a burst; otherwise nothing is asked.
    pub burst: Bit,
    /// Address space.
    pub asid: Bits<17>,
    /// First byte.
    pub va: Bits<64>,
}

/// What the MMU said of a burst.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Answer {
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
pub struct Asks<const IA: usize, const NI: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Appends an item; the ring is not full.
    pub put: Signal<In, Bit>,
    /// It.
    pub put_ask: Signal<In, Ask>,
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
    /// There is an item at `gone`, that is between `gone` and `asked`.
    pub valid: Signal<Out, Bit>,
    /// It has its answer.
    pub answered: Signal<Out, Bit>,
    /// The answer.
    pub answer: Signal<Out, Answer>,
    /// `gone` goes on.
    pub pass: Signal<In, Bit>,
    asks: Fifo<Ask, IA>,
    answers: RAM<Answer, IA>,
    here: DFF<Bits<NI>>,
    asked: DFF<Bits<IA>>,
    gone: DFF<Bits<IA>>,
    between: DFF<Bits<16>>,
    fresh: DFF<Bit>,
    fresh_answer: DFF<Answer>,
    up: Signal<Local, Bit>,
    goes: Signal<Local, Bit>,
    good: Signal<Local, Bit>,
    tag: Signal<Local, Bits<10>>,
    unused: Signal<Local, Bit>,
    place: Signal<Local, Bits<IA>>,
    gone_next: Signal<Local, Bits<IA>>,
    heard: Signal<Local, Answer>,
    there: Signal<Local, Bits<NI>>,
    arrives: Signal<Local, Bits<NI>>,
    leaves: Signal<Local, Bits<NI>>,
    no_bits: Constant<Bits<NI>>,
    bit0: Constant<Bits<NI>>,
    one_place: Constant<Bits<IA>>,
    first_place: Constant<Bits<IA>>,
    one16: Constant<Bits<16>>,
    none16: Constant<Bits<16>>,
    no_cause: Constant<Bits<12>>,
    no_req: Constant<MmuReq>,
    no_answer: Constant<Answer>,
}

impl<const IA: usize, const NI: usize> Asks<IA, NI> {
    /// The block for accesses that write, or for those that read.
    #[must_use]
    pub fn new(write: bool) -> Self {
        assert_eq!(NI, 1 << IA, "places of the item ring");
        block_default!(
            clock, reset, put, put_ask, mmu_req_valid, mmu_req, mmu_taken, mmu_rsp_valid, mmu_rsp, epoch, start, valid,
            answered, answer, pass, asks, answers, here, asked, gone, between, fresh, fresh_answer, up, goes, good, tag, unused,
            place, gone_next, heard, there, arrives, leaves;
            no_bits = 0u64,
            bit0 = 1u64,
            one_place = 1u64,
            first_place = 0u64,
            one16 = 1u64,
            none16 = 0u64,
            no_cause = u64::from(mmu::CAUSE_NONE),
            no_req = MmuReq { write, ..MmuReq::default() },
            no_answer = Answer::default()
        )
    }
}

impl<const IA: usize, const NI: usize> Logic for Asks<IA, NI> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, here, asked, gone, between, fresh, fresh_answer);
        clock!(self, clock, asks);
        self.answers.read_clock.next = self.clock.val();
        self.answers.write_clock.next = self.clock.val();
        self.asks.reset.next = self.reset.val();
        self.asks.push.next = self.put.val();
        self.asks.push_data.next = self.put_ask.val();
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
        self.tag.next = self.mmu_rsp.val().tag;
        self.unused.next = self.tag.val().any();
        self.place.next = self.tag.val().get_bits::<IA>(0);
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
    fn asks_lints_clean() {
        crate::util::assert_lint_clean("asks", Asks::<4, 16>::new(true));
        crate::util::assert_lint_clean("asks_7", Asks::<7, 128>::new(false));
    }
}
