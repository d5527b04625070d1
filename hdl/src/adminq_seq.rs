//! The sequencer of the admin queue: one step in four cycles.
//!
//! Contract §9.1. Timing: picked in cycle t; t+1 the second word of a descriptor, and the slot's address; t+2 the slot, and what
//! the step comes to; at the edge that ends t+3 all of that takes effect. Of two read jobs the second one follows a cycle
//! later, which nobody can see: the reader takes a job at most every other cycle, and `pending` counts it as pushed.
//! Reset (every cycle that is not live): idle, a step under way is dropped.

use rust_hdl::prelude::*;

use crate::adminq_act::AdminqActs;
use crate::adminq_types::{
    AdminqAct, AdminqSlot, AdminqStep, CtlRecord, ReadJob, ReadWord, WriteJob, JOB_DATA,
};
use crate::block_default;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminqSeq {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous; also in every cycle that is not live.
    pub reset: Signal<In, Bit>,
    /// A step is picked.
    pub pick: Signal<In, Bit>,
    /// It.
    pub step: Signal<In, AdminqStep>,
    /// Its slot.
    pub slot: Signal<In, Bits<4>>,
    /// Control record at the head.
    pub record: Signal<In, CtlRecord>,
    /// Control word at the head.
    pub word: Signal<In, ReadWord>,
    /// Pop the second word of a descriptor.
    pub word_pop: Signal<Out, Bit>,
    /// No step is under way.
    pub idle: Signal<Out, Bit>,
    /// Used elements written.
    pub elem_done: Signal<In, Bits<16>>,
    pub fetch: Signal<In, Bits<16>>,
    pub elem: Signal<In, Bits<16>>,
    pub written: Signal<In, Bits<8>>,
    /// Descriptor table.
    pub adm_desc: Signal<In, Bits<64>>,
    /// Available ring.
    pub adm_driver: Signal<In, Bits<64>>,
    /// Used ring.
    pub adm_device: Signal<In, Bits<64>>,
    /// Entries.
    pub adm_size: Signal<In, Bits<16>>,
    /// Bytes of the answer.
    pub answer_len: Signal<In, Bits<8>>,
    /// Slot at work.
    pub slot_addr: Signal<Out, Bits<4>>,
    /// It, two cycles after the pick.
    pub slot_data: Signal<In, AdminqSlot>,
    /// The effects of `act` are due at this edge.
    pub commit: Signal<Out, Bit>,
    /// What the step comes to.
    pub act: Signal<Out, AdminqAct>,
    /// Push `read_job`.
    pub read_push: Signal<Out, Bit>,
    /// Job for the reader.
    pub read_job: Signal<Out, ReadJob>,
    /// A read job follows the one that was pushed.
    pub pending: Signal<Out, Bit>,
    /// Push `write_job`.
    pub write_push: Signal<Out, Bit>,
    /// Job for the writer.
    pub write_job: Signal<Out, WriteJob>,
    acts: AdminqActs,
    phase: DFF<Bits<2>>,
    r_step: DFF<AdminqStep>,
    r_slot: DFF<Bits<4>>,
    low: DFF<Bits<3>>,
    word0: DFF<ReadWord>,
    word1: DFF<ReadWord>,
    seen_done: DFF<Bits<16>>,
    r_act: DFF<AdminqAct>,
    follows: DFF<Bit>,
    due: Signal<Local, Bit>,
    no_job: Constant<ReadJob>,
    job_data: Constant<Bits<3>>,
    phase0: Constant<Bits<2>>,
    phase1: Constant<Bits<2>>,
    phase2: Constant<Bits<2>>,
    phase3: Constant<Bits<2>>,
}

impl Default for AdminqSeq {
    fn default() -> Self {
        block_default!(
            clock, reset, pick, step, slot, record, word, word_pop, idle, elem_done, fetch, elem, written, adm_desc,
            adm_driver, adm_device, adm_size, answer_len, slot_addr, slot_data, commit, act, read_push, read_job, pending,
            write_push, write_job, acts, phase, r_step, r_slot, low, word0, word1, seen_done, r_act, follows, due;
            no_job = ReadJob::default(),
            job_data = JOB_DATA,
            phase0 = 0u64,
            phase1 = 1u64,
            phase2 = 2u64,
            phase3 = 3u64
        )
    }
}

impl Logic for AdminqSeq {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, phase, r_step, r_slot, low, word0, word1, seen_done, r_act, follows
        );
        // Functions of state.
        self.idle.next = self.phase.q.val() == self.phase0.val();
        self.pending.next = self.follows.q.val();
        self.slot_addr.next = self.r_slot.q.val();
        self.act.next = self.r_act.q.val();
        self.due.next = (self.phase.q.val() == self.phase3.val()) & !self.reset.val();
        self.commit.next = self.due.val();
        self.word_pop.next =
            (self.phase.q.val() == self.phase1.val()) & (self.r_step.q.val() == AdminqStep::Desc);
        // What the step comes to.
        self.acts.step.next = self.r_step.q.val();
        self.acts.slot.next = self.slot_data.val();
        self.acts.word0.next = self.word0.q.val().data;
        self.acts.word1.next = self.word1.q.val().data;
        self.acts.bad.next = self.word0.q.val().bad
            | (self.word1.q.val().bad & (self.r_step.q.val() == AdminqStep::Desc));
        self.acts.low.next = self.low.q.val();
        self.acts.fetch.next = self.fetch.val();
        self.acts.elem.next = self.elem.val();
        self.acts.elem_done.next = self.seen_done.q.val();
        self.acts.adm_desc.next = self.adm_desc.val();
        self.acts.adm_driver.next = self.adm_driver.val();
        self.acts.adm_device.next = self.adm_device.val();
        self.acts.adm_size.next = self.adm_size.val();
        self.acts.answer_len.next = self.answer_len.val();
        self.acts.written.next = self.written.val();
        // Cycle by cycle.
        if self.pick.val() {
            self.r_step.d.next = self.step.val();
            self.r_slot.d.next = self.slot.val();
            self.low.d.next = self.record.val().low;
            self.word0.d.next = self.word.val();
            self.seen_done.d.next = self.elem_done.val();
            self.phase.d.next = self.phase1.val();
        }
        if self.phase.q.val() == self.phase1.val() {
            self.word1.d.next = self.word.val();
            self.phase.d.next = self.phase2.val();
        }
        if self.phase.q.val() == self.phase2.val() {
            self.r_act.d.next = self.acts.act.val();
            self.phase.d.next = self.phase3.val();
        }
        if self.phase.q.val() == self.phase3.val() {
            self.phase.d.next = self.phase0.val();
        }
        // Jobs.
        self.read_job.next = self.no_job.val();
        self.read_job.next.slot = self.r_slot.q.val();
        self.read_job.next.kind = self.r_act.q.val().job_kind;
        self.read_job.next.va = self.r_act.q.val().job_va;
        self.read_push.next = (self.due.val()
            & (self.r_act.q.val().data_push | self.r_act.q.val().job_push))
            | self.follows.q.val();
        if self.r_act.q.val().data_push & !self.follows.q.val() {
            self.read_job.next.kind = self.job_data.val();
            self.read_job.next.va = self.r_act.q.val().data_va;
            self.read_job.next.len = self.r_act.q.val().data_len;
            self.read_job.next.pos = self.r_act.q.val().data_pos;
        }
        self.follows.d.next =
            self.due.val() & self.r_act.q.val().data_push & self.r_act.q.val().job_push;
        self.write_push.next = self.due.val() & self.r_act.q.val().write_push;
        self.write_job.next = self.r_act.q.val().job;
        if self.reset.val() {
            self.phase.d.next = self.phase0.val();
            self.follows.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adminq_seq_lints_clean() {
        crate::util::assert_lint_clean("adminq_seq", AdminqSeq::default());
    }
}
