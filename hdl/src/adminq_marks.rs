//! What is to come on B of the admin queue's writes, and the marks between them: a mark passes when all writes before it are done.
//!
//! Contract §9.3. Timing: `count` and `none` are functions of state, `pass_*` say what happens at the edge.
//! Reset, and every cycle that is not live: nothing is expected, not broken; the number of B still to come stays right but at reset.

use rust_hdl::prelude::*;

use crate::adminq_types::{MARK_ANS, MARK_ELEM, MARK_IDX, MARK_NONE};
use crate::block_default;
use crate::fifo::Fifo;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminqMarks {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// The queue is live.
    pub live: Signal<In, Bit>,
    /// Another B or mark.
    pub push: Signal<In, Bit>,
    /// `MARK_*`; none is a B.
    pub mark: Signal<In, Bits<2>>,
    /// B and marks that are to pass.
    pub count: Signal<Out, Bits<16>>,
    /// A write is granted.
    pub asked: Signal<In, Bit>,
    /// A B arrives.
    pub b_valid: Signal<In, Bit>,
    /// It is bad.
    pub b_bad: Signal<In, Bit>,
    /// An answer is written.
    pub pass_ans: Signal<Out, Bit>,
    /// A used element is written.
    pub pass_elem: Signal<Out, Bit>,
    /// `used.idx` is written.
    pub pass_idx: Signal<Out, Bit>,
    /// A write went wrong.
    pub broken: Signal<Out, Bit>,
    /// No B is still to come.
    pub none: Signal<Out, Bit>,
    records: Fifo<Bits<2>, 5>,
    answers: Fifo<Bit, 5>,
    r_broken: DFF<Bit>,
    out: DFF<Bits<8>>,
    head: Signal<Local, Bit>,
    settles: Signal<Local, Bit>,
    unused: Signal<Local, Bit>,
    mark_none: Constant<Bits<2>>,
    mark_ans: Constant<Bits<2>>,
    mark_elem: Constant<Bits<2>>,
    mark_idx: Constant<Bits<2>>,
    zero: Constant<Bits<8>>,
    one: Constant<Bits<8>>,
}

impl Default for AdminqMarks {
    fn default() -> Self {
        block_default!(
            clock, reset, live, push, mark, count, asked, b_valid, b_bad, pass_ans, pass_elem, pass_idx, broken, none,
            records, answers, r_broken, out, head, settles, unused;
            mark_none = MARK_NONE,
            mark_ans = MARK_ANS,
            mark_elem = MARK_ELEM,
            mark_idx = MARK_IDX,
            zero = 0u64,
            one = 1u64
        )
    }
}

impl Logic for AdminqMarks {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, r_broken, out);
        clock!(self, clock, records, answers);
        self.records.reset.next = self.reset.val() | !self.live.val();
        self.records.push.next = self.push.val();
        self.records.push_data.next = self.mark.val();
        self.count.next = self.records.count.val();
        self.answers.reset.next = self.reset.val() | !self.live.val();
        self.answers.push.next = self.b_valid.val();
        self.answers.push_data.next = self.b_bad.val();
        self.unused.next = self.answers.count.val().any();
        self.broken.next = self.r_broken.q.val();
        self.none.next = self.out.q.val() == self.zero.val();
        // The head: a write with its B, or a mark.
        self.head.next = self.live.val() & !self.r_broken.q.val() & self.records.valid.val();
        self.settles.next = self.head.val()
            & (self.records.data.val() == self.mark_none.val())
            & self.answers.valid.val();
        self.answers.pop.next = self.settles.val();
        self.records.pop.next = self.settles.val()
            | (self.head.val() & (self.records.data.val() != self.mark_none.val()));
        self.pass_ans.next = self.head.val() & (self.records.data.val() == self.mark_ans.val());
        self.pass_elem.next = self.head.val() & (self.records.data.val() == self.mark_elem.val());
        self.pass_idx.next = self.head.val() & (self.records.data.val() == self.mark_idx.val());
        if self.settles.val() & self.answers.data.val() {
            self.r_broken.d.next = true;
        }
        if self.asked.val() & !self.b_valid.val() {
            self.out.d.next = self.out.q.val() + self.one.val();
        }
        if self.b_valid.val() & !self.asked.val() & (self.out.q.val() != self.zero.val()) {
            self.out.d.next = self.out.q.val() - self.one.val();
        }
        if self.reset.val() | !self.live.val() {
            self.r_broken.d.next = false;
        }
        if self.reset.val() {
            self.out.d.next = self.zero.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adminq_marks_lint_clean() {
        crate::util::assert_lint_clean("adminq_marks", AdminqMarks::default());
    }
}
