//! The expectations of the receive mover: what is to come, in order, before the core is told of an op; and the done FIFO.
//!
//! Spec: virtio 1.4 §2.7.13.2 (data before the used ring: an op counts when all writes before it are answered).
//! Timing: contract §8 *Expectations*. One record a cycle; responses come in the order of the bursts.
//! Reset: empty, no fault.

use rust_hdl::prelude::*;
use shoal_abi::mmu;

use crate::block_default;
use crate::fifo::Fifo;
use crate::types::RxDone;

/// A record: a burst, a fault, or else a mark, at which the core is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct RxRecord {
    /// A burst whose response comes.
    pub burst: Bit,
    /// A translation that has failed.
    pub failed: Bit,
    /// Burst: it started in this epoch.
    pub epoch: Bit,
    /// Fault: its cause.
    pub cause: Bits<12>,
    /// Burst, fault: first byte.
    pub va: Bits<64>,
    /// Mark: slot of the op.
    pub slot: Bits<8>,
    /// Mark: bytes of the op.
    pub sum: Bits<32>,
    /// Mark: the packet is used up.
    pub ended: Bit,
}

/// See the file's text. 2^`EA` records; `SW` bits of a slot number.
#[derive(LogicBlock)]
pub struct RxExpect<const EA: usize, const SW: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// No record fits.
    pub full: Signal<Out, Bit>,
    /// Puts one in.
    pub push: Signal<In, Bit>,
    /// It.
    pub record: Signal<In, RxRecord>,
    /// A response is accepted at this edge.
    pub b_valid: Signal<In, Bit>,
    /// It is not OKAY.
    pub b_bad: Signal<In, Bit>,
    /// An access ends with its response.
    pub end_b: Signal<Out, Bit>,
    /// Its epoch.
    pub end_b_epoch: Signal<Out, Bit>,
    /// The done FIFO holds something.
    pub done_valid: Signal<Out, Bit>,
    /// Its head.
    pub done: Signal<Out, RxDone>,
    /// Takes it.
    pub done_pop: Signal<In, Bit>,
    /// Nothing is to come and the core knows all.
    pub quiet: Signal<Out, Bit>,
    records: Fifo<RxRecord, EA>,
    responses: Fifo<Bit, EA>,
    results: Fifo<RxDone, SW>,
    fault: DFF<Bits<12>>,
    iova: DFF<Bits<64>>,
    here: Signal<Local, RxRecord>,
    answered: Signal<Local, Bit>,
    marks: Signal<Local, Bit>,
    fails: Signal<Local, Bit>,
    fresh: Signal<Local, Bits<12>>,
    result: Signal<Local, RxDone>,
    depth: Constant<Bits<16>>,
    done_depth: Constant<Bits<16>>,
    no_cause: Constant<Bits<12>>,
    no_iova: Constant<Bits<64>>,
    write_access: Constant<Bits<12>>,
    no_done: Constant<RxDone>,
}

impl<const EA: usize, const SW: usize> Default for RxExpect<EA, SW> {
    fn default() -> Self {
        block_default!(
            clock, reset, full, push, record, b_valid, b_bad, end_b, end_b_epoch, done_valid, done, done_pop, quiet, records,
            responses, results, fault, iova, here, answered, marks, fails, fresh, result;
            depth = 1u64 << EA,
            done_depth = 1u64 << SW,
            no_cause = u64::from(mmu::CAUSE_NONE),
            no_iova = 0u64,
            write_access = u64::from(mmu::CAUSE_WRITE_ACCESS),
            no_done = RxDone::default()
        )
    }
}

impl<const EA: usize, const SW: usize> Logic for RxExpect<EA, SW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, fault, iova);
        clock!(self, clock, records, responses, results);
        self.full.next = self.records.count.val() == self.depth.val();
        // The head: a burst waits for its response, a mark for room.
        self.here.next = self.records.data.val();
        self.answered.next =
            self.records.valid.val() & self.here.val().burst & self.responses.valid.val();
        self.fails.next = self.records.valid.val() & self.here.val().failed;
        self.marks.next = self.records.valid.val()
            & !self.here.val().burst
            & !self.here.val().failed
            & (self.results.count.val() != self.done_depth.val());
        self.records.reset.next = self.reset.val();
        self.records.push.next = self.push.val();
        self.records.push_data.next = self.record.val();
        self.records.pop.next = self.answered.val() | self.fails.val() | self.marks.val();
        self.responses.reset.next = self.reset.val();
        self.responses.push.next = self.b_valid.val();
        self.responses.push_data.next = self.b_bad.val();
        self.responses.pop.next = self.answered.val();
        self.end_b.next = self.answered.val();
        self.end_b_epoch.next = self.here.val().epoch;
        // The first fault since the last mark.
        self.fresh.next = self.no_cause.val();
        if self.fails.val() {
            self.fresh.next = self.here.val().cause;
        }
        if self.answered.val() & self.responses.data.val() {
            self.fresh.next = self.write_access.val();
        }
        if (self.fault.q.val() == self.no_cause.val()) & (self.fresh.val() != self.no_cause.val()) {
            self.fault.d.next = self.fresh.val();
            self.iova.d.next = self.here.val().va;
        }
        // Done FIFO.
        self.result.next = self.no_done.val();
        self.result.next.slot = self.here.val().slot;
        self.result.next.bytes = self.here.val().sum;
        self.result.next.ended = self.here.val().ended;
        self.result.next.cause = self.fault.q.val();
        self.result.next.iova = self.iova.q.val();
        self.results.reset.next = self.reset.val();
        self.results.push.next = self.marks.val();
        self.results.push_data.next = self.result.val();
        self.results.pop.next = self.done_pop.val();
        self.done_valid.next = self.results.valid.val();
        self.done.next = self.results.data.val();
        self.quiet.next = !self.records.valid.val() & !self.results.valid.val();
        if self.reset.val() | self.marks.val() {
            self.fault.d.next = self.no_cause.val();
            self.iova.d.next = self.no_iova.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rx_expect_lints_clean() {
        crate::util::assert_lint_clean("rx_expect", RxExpect::<3, 4>::default());
        crate::util::assert_lint_clean("rx_expect_7", RxExpect::<7, 8>::default());
    }
}
