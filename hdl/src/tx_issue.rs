//! Issue, the third station of the transmit mover: asks the AR arbiter for the bursts, in order, as their answers are there.
//!
//! Timing: contract §7 *Issue*, §1 (ends). A burst with a tail is granted twice, and ends with the tail. It says of every item
//! what became of it, and keeps the epochs of the bursts granted and not yet ended.
//! Reset: nothing held, nothing skipped.

use rust_hdl::prelude::*;

use crate::asks::Answer;
use crate::block_default;
use crate::fifo::Fifo;
use crate::tx_items::TxBurst;
use crate::tx_judge::TxJudge;

/// What became of an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TxFate {
    /// It is a burst whose beats come.
    pub issued: Bit,
    /// Cause of its fault, 0 none.
    pub cause: Bits<12>,
}

/// A read that is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TxRead {
    /// Its burst ends with it.
    pub ends: Bit,
    /// Epoch of that.
    pub epoch: Bit,
}

/// See the file's text. At most 2^`BA` beats are held, and so many reads under way.
#[derive(LogicBlock)]
pub struct TxIssue<const BA: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// There is an item.
    pub valid: Signal<In, Bit>,
    /// It.
    pub burst: Signal<In, TxBurst>,
    /// It has its answer.
    pub answered: Signal<In, Bit>,
    /// The answer.
    pub answer: Signal<In, Answer>,
    /// An item with an end is put into the ring.
    pub put_end: Signal<In, Bit>,
    /// A burst has faulted, and its packet's end is not in the ring.
    pub faulted: Signal<Out, Bit>,
    /// The item is done with here.
    pub pass: Signal<Out, Bit>,
    /// With `pass`: what became of it.
    pub fate: Signal<Out, TxFate>,
    /// Asks the AR arbiter.
    pub ar_req: Signal<Out, Bit>,
    /// Address, a multiple of the size.
    pub ar_addr: Signal<Out, Bits<64>>,
    /// PASID valid and PASID.
    pub ar_user: Signal<Out, Bits<22>>,
    /// Beats - 1.
    pub ar_len: Signal<Out, Bits<8>>,
    /// log2(bytes a beat): the bus, or less of a single beat.
    pub ar_size: Signal<Out, Bits<3>>,
    /// The arbiter takes the burst at this edge.
    pub ar_grant: Signal<In, Bit>,
    /// A beat leaves the beat FIFO.
    pub beat_pop: Signal<In, Bit>,
    /// The last beat of a burst is accepted.
    pub last: Signal<In, Bit>,
    /// An access ends with it.
    pub end_r: Signal<Out, Bit>,
    /// Its epoch.
    pub end_r_epoch: Signal<Out, Bit>,
    /// An access ends by being skipped.
    pub skip_end: Signal<Out, Bit>,
    /// Its epoch.
    pub skip_epoch: Signal<Out, Bit>,
    judge: TxJudge,
    reads: Fifo<TxRead, BA>,
    tails: DFF<Bit>,
    skip: DFF<Bit>,
    ends: DFF<Bits<16>>,
    held: DFF<Bits<16>>,
    granted: Signal<Local, Bit>,
    goes: Signal<Local, Bit>,
    ends_out: Signal<Local, Bit>,
    taken: Signal<Local, Bits<16>>,
    read: Signal<Local, TxRead>,
    ended: Signal<Local, TxRead>,
    unused: Signal<Local, Bit>,
    spare: Signal<Local, Bits<64>>,
    one16: Constant<Bits<16>>,
    none16: Constant<Bits<16>>,
    no_fate: Constant<TxFate>,
    no_read: Constant<TxRead>,
}

impl<const BA: usize> TxIssue<BA> {
    /// The block for beats of `beat_bytes` bytes, a power of two, of which `beat_count` are held.
    #[must_use]
    pub fn new(beat_bytes: u64, beat_count: u64) -> Self {
        block_default!(
            clock, reset, valid, burst, answered, answer, put_end, faulted, pass, fate, ar_req, ar_addr, ar_user, ar_len, ar_size, ar_grant, beat_pop,
            last, end_r, end_r_epoch, skip_end, skip_epoch, reads, tails, skip, ends, held, granted, goes, ends_out, taken, read, ended, unused, spare;
            one16 = 1u64,
            none16 = 0u64,
            no_fate = TxFate::default(),
            no_read = TxRead::default();
            judge = TxJudge::new(beat_bytes, beat_count)
        )
    }
}

impl<const BA: usize> Logic for TxIssue<BA> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, tails, skip, ends, held);
        clock!(self, clock, reads);
        self.judge.valid.next = self.valid.val();
        self.judge.burst.next = self.burst.val();
        self.judge.answered.next = self.answered.val();
        self.judge.answer.next = self.answer.val();
        self.judge.tails.next = self.tails.q.val();
        self.judge.skip.next = self.skip.q.val();
        self.judge.held.next = self.held.q.val();
        self.granted.next = self.judge.asks.val() & self.ar_grant.val();
        self.goes.next = self.judge.passes.val() | (self.granted.val() & !self.judge.more.val());
        self.ends_out.next = self.goes.val() & self.burst.val().end;
        if self.granted.val() {
            self.tails.d.next = self.judge.more.val();
        }
        // Outputs.
        self.pass.next = self.goes.val();
        self.fate.next = self.no_fate.val();
        self.fate.next.issued = self.judge.asks.val();
        if self.judge.faulted.val() {
            self.fate.next.cause = self.answer.val().cause;
        }
        self.spare.next = bit_cast::<64, 16>(self.judge.spare.val());
        self.ar_req.next = self.judge.asks.val();
        self.ar_addr.next = (self.answer.val().addr + bit_cast::<64, 9>(self.judge.behind.val()))
            & !self.spare.val();
        self.ar_user.next = bit_cast::<22, 21>(self.answer.val().user);
        self.ar_len.next = self.judge.len.val();
        self.ar_size.next = self.judge.size.val();
        self.skip_end.next = self.judge.skipped.val();
        self.skip_epoch.next = self.answer.val().epoch;
        if self.judge.faulted.val() {
            self.skip.d.next = true;
        }
        if self.ends_out.val() {
            self.skip.d.next = false;
        }
        // Ends of packets in the ring that are not yet issued.
        if self.put_end.val() & !self.ends_out.val() {
            self.ends.d.next = self.ends.q.val() + self.one16.val();
        }
        if !self.put_end.val() & self.ends_out.val() {
            self.ends.d.next = self.ends.q.val() - self.one16.val();
        }
        self.faulted.next = self.skip.q.val() & (self.ends.q.val() == self.none16.val());
        // Beats asked for and not yet packed.
        self.taken.next = self.held.q.val();
        if self.granted.val() & !self.tails.q.val() {
            self.taken.next = self.judge.want.val();
        }
        self.held.d.next = self.taken.val();
        if self.beat_pop.val() {
            self.held.d.next = self.taken.val() - self.one16.val();
        }
        // Reads under way.
        self.read.next = self.no_read.val();
        self.read.next.ends = !self.judge.more.val();
        self.read.next.epoch = self.answer.val().epoch;
        self.reads.reset.next = self.reset.val();
        self.reads.push.next = self.granted.val();
        self.reads.push_data.next = self.read.val();
        self.reads.pop.next = self.last.val();
        self.ended.next = self.reads.data.val();
        self.end_r.next = self.last.val() & self.reads.valid.val() & self.ended.val().ends;
        self.end_r_epoch.next = self.ended.val().epoch;
        self.unused.next = self.reads.count.val().any();
        if self.reset.val() {
            self.tails.d.next = false;
            self.skip.d.next = false;
            self.ends.d.next = self.none16.val();
            self.held.d.next = self.none16.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tx_issue_lints_clean() {
        crate::util::assert_lint_clean("tx_issue", TxIssue::<4>::new(16, 64));
        crate::util::assert_lint_clean("tx_issue_64", TxIssue::<7>::new(64, 512));
    }
}
