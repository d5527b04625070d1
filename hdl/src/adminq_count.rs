//! The numbers of the admin queue: how far entries are fetched, executed, answered and told of.
//!
//! Contract §9. Timing: what a step or a mark changes is changed at the edge. Reset (every cycle that is not live): all 0.

use rust_hdl::prelude::*;

use crate::adminq_types::{AdminqAct, AdminqTell};
use crate::block_default;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminqCount {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous; also in every cycle that is not live.
    pub reset: Signal<In, Bit>,
    /// `act` takes effect.
    pub commit: Signal<In, Bit>,
    /// What a step comes to.
    pub act: Signal<In, AdminqAct>,
    /// An answer is written.
    pub pass_ans: Signal<In, Bit>,
    /// A used element is written.
    pub pass_elem: Signal<In, Bit>,
    /// `used.idx` is written.
    pub pass_idx: Signal<In, Bit>,
    /// The core's admin state goes from Scatter to Idle.
    pub answer_done: Signal<In, Bit>,
    /// `avail.idx` as last read.
    pub avail: Signal<Out, Bits<16>>,
    /// Entries whose ring read has been pushed.
    pub fetch: Signal<Out, Bits<16>>,
    /// Entries done with execution and scatter.
    pub exec: Signal<Out, Bits<16>>,
    /// Entries whose answer is written.
    pub answered: Signal<Out, Bits<16>>,
    /// Used elements pushed.
    pub elem: Signal<Out, Bits<16>>,
    /// Used elements written.
    pub elem_done: Signal<Out, Bits<16>>,
    /// Entries that the driver has been told of.
    pub told: Signal<Out, Bits<16>>,
    /// A read of `avail.idx` is under way.
    pub idx_read: Signal<Out, Bit>,
    /// How far the driver has been told.
    pub tell: Signal<Out, AdminqTell>,
    /// The answer of entry `exec` is being written.
    pub scattering: Signal<Out, Bit>,
    /// Bytes of it that have been pushed.
    pub written: Signal<Out, Bits<8>>,
    r_avail: DFF<Bits<16>>,
    r_fetch: DFF<Bits<16>>,
    r_exec: DFF<Bits<16>>,
    r_answered: DFF<Bits<16>>,
    r_elem: DFF<Bits<16>>,
    r_elem_done: DFF<Bits<16>>,
    r_idx: DFF<Bits<16>>,
    r_told: DFF<Bits<16>>,
    r_idx_read: DFF<Bit>,
    r_tell: DFF<AdminqTell>,
    r_scattering: DFF<Bit>,
    r_written: DFF<Bits<8>>,
    unused_act: Signal<Local, Bits<{ <AdminqAct as Synth>::BITS }>>,
    one: Constant<Bits<16>>,
    zero: Constant<Bits<16>>,
    zero8: Constant<Bits<8>>,
}

impl Default for AdminqCount {
    fn default() -> Self {
        block_default!(
            clock, reset, commit, act, pass_ans, pass_elem, pass_idx, answer_done, avail, fetch, exec, answered, elem,
            elem_done, told, idx_read, tell, scattering, written, r_avail, r_fetch, r_exec, r_answered, r_elem, r_elem_done,
            r_idx, r_told, r_idx_read, r_tell, r_scattering, r_written, unused_act;
            one = 1u64, zero = 0u64, zero8 = 0u64
        )
    }
}

impl Logic for AdminqCount {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            r_avail,
            r_fetch,
            r_exec,
            r_answered,
            r_elem,
            r_elem_done,
            r_idx,
            r_told,
            r_idx_read,
            r_tell,
            r_scattering,
            r_written
        );
        self.unused_act.next = self.act.val().into();
        self.avail.next = self.r_avail.q.val();
        self.fetch.next = self.r_fetch.q.val();
        self.exec.next = self.r_exec.q.val();
        self.answered.next = self.r_answered.q.val();
        self.elem.next = self.r_elem.q.val();
        self.elem_done.next = self.r_elem_done.q.val();
        self.told.next = self.r_told.q.val();
        self.idx_read.next = self.r_idx_read.q.val();
        self.tell.next = self.r_tell.q.val();
        self.scattering.next = self.r_scattering.q.val();
        self.written.next = self.r_written.q.val();
        // Marks.
        if self.pass_ans.val() {
            self.r_answered.d.next = self.r_answered.q.val() + self.one.val();
        }
        if self.pass_elem.val() {
            self.r_elem_done.d.next = self.r_elem_done.q.val() + self.one.val();
        }
        if self.pass_idx.val() {
            self.r_tell.d.next = AdminqTell::Marked;
        }
        if self.answer_done.val() {
            self.r_scattering.d.next = false;
        }
        // Steps.
        if self.commit.val() {
            if self.act.val().avail_set {
                self.r_avail.d.next = self.act.val().number;
                self.r_idx_read.d.next = false;
            }
            if self.act.val().idx_read {
                self.r_idx_read.d.next = true;
            }
            if self.act.val().fetched {
                self.r_fetch.d.next = self.r_fetch.q.val() + self.one.val();
            }
            if self.act.val().executed {
                self.r_exec.d.next = self.r_exec.q.val() + self.one.val();
            }
            if self.act.val().elem_done {
                self.r_elem.d.next = self.r_elem.q.val() + self.one.val();
            }
            if self.act.val().idx_set {
                self.r_idx.d.next = self.act.val().number;
                self.r_tell.d.next = AdminqTell::Wait;
            }
            if self.act.val().told_set {
                self.r_told.d.next = self.r_idx.q.val();
                self.r_tell.d.next = AdminqTell::Flags;
            }
            if self.act.val().tell_over {
                self.r_tell.d.next = AdminqTell::Idle;
            }
            if self.act.val().scatter_begin {
                self.r_scattering.d.next = true;
            }
            if self.act.val().written_set {
                self.r_written.d.next = self.act.val().written;
            }
        }
        if self.reset.val() {
            self.r_avail.d.next = self.zero.val();
            self.r_fetch.d.next = self.zero.val();
            self.r_exec.d.next = self.zero.val();
            self.r_answered.d.next = self.zero.val();
            self.r_elem.d.next = self.zero.val();
            self.r_elem_done.d.next = self.zero.val();
            self.r_idx.d.next = self.zero.val();
            self.r_told.d.next = self.zero.val();
            self.r_idx_read.d.next = false;
            self.r_tell.d.next = AdminqTell::Idle;
            self.r_scattering.d.next = false;
            self.r_written.d.next = self.zero8.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adminq_count_lints_clean() {
        crate::util::assert_lint_clean("adminq_count", AdminqCount::default());
    }
}
