//! The write side of the admin queue: answers, used elements and `used.idx`, a word at a time.
//!
//! Contract §9.3. Timing: `w_req`, `w_addr`, `w_data` and `w_strb` are functions of state; a grant acts at the edge.
//! `ans_at` is the place in the answer of what comes next, `ans_data` the 8 bytes from there, a cycle later: in the cycle after a
//! grant they are still the old ones, but there is no grant then, the arbiter has an owner.
//! Reset (every cycle that is not live): idle.

use rust_hdl::prelude::*;

use crate::adminq_types::{WriteJob, MARK_ANS, MARK_NONE};
use crate::block_default;
use crate::fifo::Fifo;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminqWriter {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous; also in every cycle that is not live.
    pub reset: Signal<In, Bit>,
    /// Push `job`.
    pub push: Signal<In, Bit>,
    /// Job.
    pub job: Signal<In, WriteJob>,
    /// Jobs that wait.
    pub count: Signal<Out, Bits<16>>,
    /// Asks for a write of one word.
    pub w_req: Signal<Out, Bit>,
    pub w_grant: Signal<In, Bit>,
    /// Its address.
    pub w_addr: Signal<Out, Bits<64>>,
    /// Data in place, 0 without strobe.
    pub w_data: Signal<Out, Bits<64>>,
    pub w_strb: Signal<Out, Bits<8>>,
    /// Place in the answer, bytes.
    pub ans_at: Signal<Out, Bits<7>>,
    /// The answer's bytes from the `ans_at` of the cycle before on.
    pub ans_data: Signal<In, Bits<64>>,
    /// The answer is written, but for the B of its writes.
    pub answer_done: Signal<Out, Bit>,
    /// B and marks that are to pass: how many.
    pub out_count: Signal<In, Bits<16>>,
    /// Another one.
    pub out_push: Signal<Out, Bit>,
    /// `MARK_*`; none is a B.
    pub out_mark: Signal<Out, Bits<2>>,
    jobs: Fifo<WriteJob, 2>,
    running: DFF<Bit>,
    cur: DFF<WriteJob>,
    va: Signal<Local, Bits<64>>,
    left: Signal<Local, Bits<8>>,
    at: Signal<Local, Bits<7>>,
    room: Signal<Local, Bit>,
    marking: Signal<Local, Bit>,
    offset: Signal<Local, Bits<3>>,
    to_va: Signal<Local, Bits<4>>,
    left4: Signal<Local, Bits<4>>,
    piece: Signal<Local, Bits<4>>,
    piece_bits: Signal<Local, Bits<7>>,
    offset_bits: Signal<Local, Bits<6>>,
    spare: Signal<Local, Bits<64>>,
    bytes: Signal<Local, Bits<64>>,
    spare_strb: Signal<Local, Bits<8>>,
    strb: Signal<Local, Bits<8>>,
    mark_none: Constant<Bits<2>>,
    mark_ans: Constant<Bits<2>>,
    most: Constant<Bits<16>>,
    align: Constant<Bits<64>>,
    all64: Constant<Bits<64>>,
    all8: Constant<Bits<8>>,
    word4: Constant<Bits<4>>,
    word8: Constant<Bits<8>>,
    none8: Constant<Bits<8>>,
    to_bits6: Constant<Bits<6>>,
    to_bits7: Constant<Bits<7>>,
}

impl Default for AdminqWriter {
    fn default() -> Self {
        block_default!(
            clock, reset, push, job, count, w_req, w_grant, w_addr, w_data, w_strb, ans_at, ans_data, answer_done,
            out_count, out_push, out_mark, jobs, running, cur, va, left, at, room, marking, offset, to_va, left4,
            piece, piece_bits, offset_bits, spare, bytes, spare_strb, strb;
            mark_none = MARK_NONE,
            mark_ans = MARK_ANS,
            most = 32u64,
            align = !7_u64,
            all64 = u64::MAX,
            all8 = 0xffu64,
            word4 = 8u64,
            word8 = 8u64,
            none8 = 0u64,
            to_bits6 = 3u64,
            to_bits7 = 3u64
        )
    }
}

impl Logic for AdminqWriter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, running, cur);
        clock!(self, clock, jobs);
        self.jobs.reset.next = self.reset.val();
        self.jobs.push.next = self.push.val();
        self.jobs.push_data.next = self.job.val();
        self.count.next = self.jobs.count.val();
        // The word that is asked for.
        self.va.next = self.cur.q.val().va;
        self.left.next = self.cur.q.val().len;
        self.at.next = self.cur.q.val().at;
        self.room.next = self.out_count.val() < self.most.val();
        // A function of state, kept apart from what a grant does.
        self.w_req.next = self.running.q.val()
            & !self.reset.val()
            & (self.out_count.val() < self.most.val())
            & (self.cur.q.val().len != self.none8.val());
        self.w_addr.next = self.va.val() & self.align.val();
        self.offset.next = self.va.val().get_bits::<3>(0);
        self.to_va.next = self.word4.val() - bit_cast::<4, 3>(self.offset.val());
        self.left4.next = self.word4.val();
        if self.left.val() < self.word8.val() {
            self.left4.next = self.left.val().get_bits::<4>(0);
        }
        self.piece.next = self.to_va.val();
        if self.left4.val() < self.to_va.val() {
            self.piece.next = self.left4.val();
        }
        self.piece_bits.next = bit_cast::<7, 4>(self.piece.val()) << self.to_bits7.val();
        self.offset_bits.next = bit_cast::<6, 3>(self.offset.val()) << self.to_bits6.val();
        self.bytes.next = self.cur.q.val().data;
        if self.cur.q.val().answer {
            self.bytes.next = self.ans_data.val();
        }
        self.spare.next = self.all64.val() << self.piece_bits.val();
        self.w_data.next = (self.bytes.val() & !self.spare.val()) << self.offset_bits.val();
        self.spare_strb.next = self.all8.val() << self.piece.val();
        self.strb.next = !self.spare_strb.val();
        self.w_strb.next = self.strb.val() << self.offset.val();
        // The answer's bytes come a cycle late: those of the next job are looked up in advance.
        self.ans_at.next = self.cur.q.val().at;
        if !self.running.q.val() {
            self.ans_at.next = self.jobs.data.val().at;
        } else if self.w_grant.val() {
            self.ans_at.next = self.at.val() + bit_cast::<7, 4>(self.piece.val());
        }
        // What is to pass.
        self.marking.next = self.running.q.val()
            & !self.reset.val()
            & self.room.val()
            & (self.left.val() == self.none8.val())
            & (self.cur.q.val().mark != self.mark_none.val());
        self.out_push.next = self.w_grant.val() | self.marking.val();
        self.out_mark.next = self.mark_none.val();
        if self.left.val() == self.none8.val() {
            self.out_mark.next = self.cur.q.val().mark;
        }
        // The mark of a chain without room for an answer ends no execution.
        self.answer_done.next = self.marking.val()
            & (self.cur.q.val().mark == self.mark_ans.val())
            & self.cur.q.val().answer;
        // From job to job.
        self.jobs.pop.next = !self.running.q.val();
        if self.running.q.val() {
            if self.left.val() == self.none8.val() {
                if self.marking.val() | (self.cur.q.val().mark == self.mark_none.val()) {
                    self.running.d.next = false;
                }
            } else if self.w_grant.val() {
                self.cur.d.next.va = self.va.val() + bit_cast::<64, 4>(self.piece.val());
                self.cur.d.next.len = self.left.val() - bit_cast::<8, 4>(self.piece.val());
                self.cur.d.next.at = self.at.val() + bit_cast::<7, 4>(self.piece.val());
                self.cur.d.next.data = self.bytes.val() >> self.piece_bits.val();
            }
        } else if self.jobs.valid.val() {
            self.cur.d.next = self.jobs.data.val();
            self.running.d.next = true;
        }
        if self.reset.val() {
            self.running.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adminq_writer_lints_clean() {
        crate::util::assert_lint_clean("adminq_writer", AdminqWriter::default());
    }
}
