//! Issue, the third station of the receive mover: asks the W arbiter for the bursts, in order, as their answers are there; and Load:
//! which bytes of a burst each of its beats holds.
//!
//! Timing: contract §8 *Issue*, *Load*, §1 (ends). The next burst asks while the one before is being loaded.
//! Reset: nothing being loaded, nothing skipped.

use rust_hdl::prelude::*;

use crate::asks::Answer;
use crate::block_default;
use crate::rx_expect::RxRecord;
use crate::rx_items::RxItem;
use crate::rx_judge::RxJudge;

/// See the file's text.
#[derive(LogicBlock)]
pub struct RxIssue {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// There is an item.
    pub valid: Signal<In, Bit>,
    /// It.
    pub item: Signal<In, RxItem>,
    /// It has its answer.
    pub answered: Signal<In, Bit>,
    /// The answer.
    pub answer: Signal<In, Answer>,
    /// The item is done with here.
    pub pass: Signal<Out, Bit>,
    /// An access ends by being skipped.
    pub skip: Signal<Out, Bit>,
    /// Its epoch.
    pub skip_epoch: Signal<Out, Bit>,
    /// The packet's last beat has been taken.
    pub ended: Signal<In, Bit>,
    /// Throw beats away up to it.
    pub discard: Signal<Out, Bit>,
    /// The packet is through.
    pub through: Signal<Out, Bit>,
    /// The expectations are full.
    pub full: Signal<In, Bit>,
    /// Puts `record` into them.
    pub push: Signal<Out, Bit>,
    /// What is to come.
    pub record: Signal<Out, RxRecord>,
    /// Asks the W arbiter.
    pub w_req: Signal<Out, Bit>,
    /// Address, a multiple of the beat.
    pub w_addr: Signal<Out, Bits<64>>,
    /// PASID valid and PASID.
    pub w_user: Signal<Out, Bits<22>>,
    /// Beats - 1.
    pub w_len: Signal<Out, Bits<8>>,
    /// The arbiter takes the burst at this edge.
    pub w_grant: Signal<In, Bit>,
    /// The write channel takes a beat at this edge.
    pub beat_take: Signal<In, Bit>,
    /// First byte lane of the burst in the beat.
    pub lane: Signal<Out, Bits<16>>,
    /// Bytes of the burst in the beat.
    pub chunk: Signal<Out, Bits<16>>,
    judge: RxJudge,
    skips: DFF<Bit>,
    loading: DFF<Bit>,
    offset: DFF<Bits<16>>,
    left: DFF<Bits<16>>,
    granted: Signal<Local, Bit>,
    va: Signal<Local, Bits<64>>,
    low16: Signal<Local, Bits<16>>,
    start_lane: Signal<Local, Bits<16>>,
    bytes16: Signal<Local, Bits<16>>,
    reach: Signal<Local, Bits<16>>,
    last_beat: Signal<Local, Bits<16>>,
    avail: Signal<Local, Bits<16>>,
    part: Signal<Local, Bits<16>>,
    beat_size: Constant<Bits<16>>,
    beat_mask: Constant<Bits<16>>,
    beat_shift: Constant<Bits<16>>,
    beat_align: Constant<Bits<64>>,
    one16: Constant<Bits<16>>,
    none16: Constant<Bits<16>>,
    no_record: Constant<RxRecord>,
}

impl RxIssue {
    /// The block for beats of `beat_bytes` bytes, a power of two.
    #[must_use]
    pub fn new(beat_bytes: u64) -> Self {
        block_default!(
            clock, reset, valid, item, answered, answer, pass, skip, skip_epoch, ended, discard, through, full, push, record,
            w_req, w_addr, w_user, w_len, w_grant, beat_take, lane, chunk, judge, skips, loading, offset, left, granted, va,
            low16, start_lane, bytes16, reach, last_beat, avail, part;
            beat_size = beat_bytes,
            beat_mask = beat_bytes - 1,
            beat_shift = u64::from(beat_bytes.trailing_zeros()),
            beat_align = !(beat_bytes - 1),
            one16 = 1u64,
            none16 = 0u64,
            no_record = RxRecord::default()
        )
    }
}

impl Logic for RxIssue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, skips, loading, offset, left);
        self.judge.valid.next = self.valid.val();
        self.judge.item.next = self.item.val();
        self.judge.answered.next = self.answered.val();
        self.judge.answer.next = self.answer.val();
        self.judge.skip.next = self.skips.q.val();
        self.judge.loading.next = self.loading.q.val();
        self.judge.ended.next = self.ended.val();
        self.judge.full.next = self.full.val();
        self.granted.next = self.judge.asks.val() & self.w_grant.val();
        self.pass.next = self.judge.passes.val() | self.granted.val();
        self.skip.next = self.judge.skipped.val();
        self.skip_epoch.next = self.answer.val().epoch;
        self.discard.next = self.judge.clears.val();
        self.through.next = self.judge.through.val();
        // The burst in beats.
        self.va.next = self.item.val().va;
        self.low16.next = bit_cast::<16, 8>(self.va.val().get_bits::<8>(0));
        self.start_lane.next = self.low16.val() & self.beat_mask.val();
        self.bytes16.next = bit_cast::<16, 9>(self.item.val().bytes);
        self.reach.next = self.start_lane.val() + self.bytes16.val() - self.one16.val();
        self.last_beat.next = self.reach.val() >> self.beat_shift.val();
        self.w_req.next = self.judge.asks.val();
        self.w_addr.next = self.answer.val().addr & self.beat_align.val();
        self.w_user.next = bit_cast::<22, 21>(self.answer.val().user);
        self.w_len.next = self.last_beat.val().get_bits::<8>(0);
        // What is to come for it.
        self.push.next = self.granted.val() | self.judge.faulted.val() | self.judge.tells.val();
        self.record.next = self.no_record.val();
        self.record.next.burst = self.judge.asks.val();
        self.record.next.failed = self.judge.faulted.val();
        self.record.next.epoch = self.answer.val().epoch;
        self.record.next.cause = self.answer.val().cause;
        self.record.next.va = self.va.val();
        self.record.next.slot = self.item.val().slot;
        self.record.next.sum = self.item.val().sum;
        self.record.next.ended = self.item.val().fin;
        if self.judge.faulted.val() {
            self.skips.d.next = true;
        }
        if self.judge.through.val() {
            self.skips.d.next = false;
        }
        // Load: the beat at hand.
        self.lane.next = self.offset.q.val();
        self.avail.next = self.beat_size.val() - self.offset.q.val();
        self.part.next = self.avail.val();
        if self.left.q.val() <= self.avail.val() {
            self.part.next = self.left.q.val();
        }
        self.chunk.next = self.part.val();
        if self.beat_take.val() {
            self.offset.d.next = self.none16.val();
            self.left.d.next = self.left.q.val() - self.part.val();
            if self.left.q.val() <= self.avail.val() {
                self.loading.d.next = false;
            }
        }
        if self.granted.val() {
            self.loading.d.next = true;
            self.offset.d.next = self.start_lane.val();
            self.left.d.next = self.bytes16.val();
        }
        if self.reset.val() {
            self.skips.d.next = false;
            self.loading.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rx_issue_lints_clean() {
        crate::util::assert_lint_clean("rx_issue", RxIssue::new(16));
        crate::util::assert_lint_clean("rx_issue_64", RxIssue::new(64));
    }
}
