//! The admin queue beside the core: takes commands from the available ring and tells of them in the used ring, several at a time.
//!
//! Spec: virtio 1.4 §2.13, §2.7.13. Contract §9. The core executes the commands, one at a time and in ring order: it reads the
//! one whose turn it is through `cmd_addr`, and its answer is read through `ans_at`.
//!
//! ```text
//!  pick -> seq -> reader -> AR      R -> control words -> pick
//!          |  \-> writer -> W       R -> data words -> data side -> command buffers -> core
//!          slots, count             B -> marks -> count
//! ```
//! `adminq_pick` chooses a step, `adminq_seq` takes it, `adminq_count` and `adminq_slots` keep what it changes. Only wiring here.
//! Reset, and every cycle that is not live: all of it but the numbers of words and B still to come.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::adminq_cmdbuf::AdminqCmdBuf;
use crate::adminq_count::AdminqCount;
use crate::adminq_data::AdminqData;
use crate::adminq_marks::AdminqMarks;
use crate::adminq_pick::AdminqPick;
use crate::adminq_reader::AdminqReader;
use crate::adminq_seq::AdminqSeq;
use crate::adminq_slots::AdminqSlots;
use crate::adminq_types::ReadWord;
use crate::adminq_words::AdminqWords;
use crate::adminq_writer::AdminqWriter;
use crate::block_default;

/// See the file's text.
#[derive(LogicBlock)]
pub struct Adminq {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    // Registers.
    /// The queue is live.
    pub live: Signal<In, Bit>,
    /// READY.
    pub ready: Signal<In, Bit>,
    /// `admin_kick`.
    pub kick: Signal<In, Bit>,
    /// Clear it.
    pub kick_clear: Signal<Out, Bit>,
    /// Descriptor table.
    pub adm_desc: Signal<In, Bits<64>>,
    /// Available ring.
    pub adm_driver: Signal<In, Bits<64>>,
    /// Used ring.
    pub adm_device: Signal<In, Bits<64>>,
    /// Entries.
    pub adm_size: Signal<In, Bits<16>>,
    /// A step is picked: it sees the vectors as they stand now.
    pub pick: Signal<Out, Bit>,
    /// device_status |= NEEDS_RESET.
    pub needs_reset_set: Signal<Out, Bit>,
    /// Raise the configuration vector.
    pub raise_config: Signal<Out, Bit>,
    /// Raise the queue's vector.
    pub raise_queue: Signal<Out, Bit>,
    /// CNT_ADMIN += 1.
    pub cnt_admin_inc: Signal<Out, Bit>,
    // The core.
    /// Its admin state is Idle.
    pub adm_idle: Signal<In, Bit>,
    /// Its admin state is Scatter.
    pub adm_scatter: Signal<In, Bit>,
    /// Idle to Exec at this edge.
    pub exec_begin: Signal<Out, Bit>,
    /// Scatter to Idle at this edge.
    pub answer_done: Signal<Out, Bit>,
    /// Word wanted of the command that is executed.
    pub cmd_addr: Signal<In, Bits<4>>,
    /// The word of the cycle before.
    pub cmd_data: Signal<Out, Bits<64>>,
    /// Bytes of the answer.
    pub answer_len: Signal<In, Bits<8>>,
    /// Place in the answer, bytes.
    pub ans_at: Signal<Out, Bits<7>>,
    /// The answer's bytes from the `ans_at` of the cycle before on.
    pub ans_data: Signal<In, Bits<64>>,
    /// Nothing of the queue is in flight.
    pub quiet: Signal<Out, Bit>,
    // Reads.
    pub ar_req: Signal<Out, Bit>,
    pub ar_grant: Signal<In, Bit>,
    pub ar_addr: Signal<Out, Bits<64>>,
    /// A word of command bytes, else a control word.
    pub ar_word: Signal<Out, Bit>,
    /// 64-bit lane of the control word that comes next.
    pub ctl_lane: Signal<Out, Bits<3>>,
    /// That of the word of command bytes that comes next.
    pub data_lane: Signal<Out, Bits<3>>,
    /// A control word arrives.
    pub ctl_r_valid: Signal<In, Bit>,
    /// A word of command bytes arrives.
    pub data_r_valid: Signal<In, Bit>,
    /// The word that arrives.
    pub r_data: Signal<In, Bits<64>>,
    pub r_bad: Signal<In, Bit>,
    // Writes.
    pub w_req: Signal<Out, Bit>,
    pub w_grant: Signal<In, Bit>,
    pub w_addr: Signal<Out, Bits<64>>,
    pub w_data: Signal<Out, Bits<64>>,
    pub w_strb: Signal<Out, Bits<8>>,
    pub b_valid: Signal<In, Bit>,
    pub b_bad: Signal<In, Bit>,
    chooser: AdminqPick,
    seq: AdminqSeq,
    count: AdminqCount,
    slots: AdminqSlots,
    reader: AdminqReader,
    ctl_words: AdminqWords<6>,
    data_words: AdminqWords<5>,
    gather: AdminqData,
    commands: AdminqCmdBuf,
    writer: AdminqWriter,
    marks: AdminqMarks,
    stop: Signal<Local, Bit>,
    r_word: Signal<Local, ReadWord>,
    unused: Signal<Local, Bit>,
    no_word: Constant<ReadWord>,
}

impl Adminq {
    /// The block for the slots of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, live, ready, kick, kick_clear, adm_desc, adm_driver, adm_device, adm_size, pick, needs_reset_set,
            raise_config, raise_queue, cnt_admin_inc, adm_idle, adm_scatter, exec_begin, answer_done, cmd_addr, cmd_data,
            answer_len, ans_at, ans_data, quiet, ar_req, ar_grant, ar_addr, ar_word, ctl_lane, data_lane, ctl_r_valid,
            data_r_valid, r_data, r_bad, w_req, w_grant, w_addr, w_data, w_strb, b_valid, b_bad, seq, count, slots,
            reader, ctl_words, data_words, gather, commands, writer, marks, stop, r_word, unused;
            no_word = ReadWord::default();
            chooser = AdminqPick::new(p)
        )
    }
}

impl Logic for Adminq {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self, clock, seq, count, slots, reader, ctl_words, data_words, gather, commands,
            writer, marks
        );
        self.stop.next = self.reset.val() | !self.live.val();
        self.seq.reset.next = self.stop.val();
        self.count.reset.next = self.stop.val();
        self.slots.reset.next = self.stop.val();
        self.reader.reset.next = self.stop.val();
        self.gather.reset.next = self.stop.val();
        self.writer.reset.next = self.stop.val();
        self.ctl_words.reset.next = self.reset.val();
        self.ctl_words.live.next = self.live.val();
        self.data_words.reset.next = self.reset.val();
        self.data_words.live.next = self.live.val();
        self.marks.reset.next = self.reset.val();
        self.marks.live.next = self.live.val();
        self.quiet.next =
            self.ctl_words.none.val() & self.data_words.none.val() & self.marks.none.val();
        // The next step.
        self.chooser.live.next = self.live.val();
        self.chooser.ready.next = self.ready.val();
        self.chooser.kick.next = self.kick.val();
        self.chooser.idle.next = self.seq.idle.val();
        self.chooser.read_count.next = self.reader.count.val();
        self.chooser.read_pending.next = self.seq.pending.val();
        self.chooser.write_count.next = self.writer.count.val();
        self.chooser.record_valid.next = self.reader.ctl_valid.val();
        self.chooser.record.next = self.reader.ctl.val();
        self.chooser.words.next = self.ctl_words.count.val();
        self.chooser.adm_idle.next = self.adm_idle.val();
        self.chooser.adm_scatter.next = self.adm_scatter.val();
        self.chooser.gathered.next = self.slots.gathered.val();
        self.chooser.mute.next = self.slots.mute.val();
        self.chooser.bad.next = self.slots.bad.val();
        self.chooser.avail.next = self.count.avail.val();
        self.chooser.fetch.next = self.count.fetch.val();
        self.chooser.exec.next = self.count.exec.val();
        self.chooser.answered.next = self.count.answered.val();
        self.chooser.elem.next = self.count.elem.val();
        self.chooser.elem_done.next = self.count.elem_done.val();
        self.chooser.told.next = self.count.told.val();
        self.chooser.idx_read.next = self.count.idx_read.val();
        self.chooser.tell.next = self.count.tell.val();
        self.chooser.broken.next = self.marks.broken.val();
        self.chooser.scattering.next = self.count.scattering.val();
        self.pick.next = self.chooser.pick.val();
        self.kick_clear.next = self.chooser.kick_clear.val();
        self.exec_begin.next = self.chooser.exec_begin.val();
        // The step at work.
        self.seq.pick.next = self.chooser.pick.val();
        self.seq.step.next = self.chooser.step.val();
        self.seq.slot.next = self.chooser.slot.val();
        self.seq.record.next = self.reader.ctl.val();
        self.seq.word.next = self.ctl_words.word.val();
        self.seq.elem_done.next = self.count.elem_done.val();
        self.seq.fetch.next = self.count.fetch.val();
        self.seq.elem.next = self.count.elem.val();
        self.seq.written.next = self.count.written.val();
        self.seq.adm_desc.next = self.adm_desc.val();
        self.seq.adm_driver.next = self.adm_driver.val();
        self.seq.adm_device.next = self.adm_device.val();
        self.seq.adm_size.next = self.adm_size.val();
        self.seq.answer_len.next = self.answer_len.val();
        self.seq.slot_data.next = self.slots.data.val();
        self.needs_reset_set.next = self.seq.commit.val() & self.seq.act.val().fault;
        self.raise_config.next = self.seq.commit.val() & self.seq.act.val().fault;
        self.raise_queue.next = self.seq.commit.val() & self.seq.act.val().raise;
        self.cnt_admin_inc.next = self.seq.commit.val() & self.seq.act.val().elem_done;
        // What it changes.
        self.count.commit.next = self.seq.commit.val();
        self.count.act.next = self.seq.act.val();
        self.count.pass_ans.next = self.marks.pass_ans.val();
        self.count.pass_elem.next = self.marks.pass_elem.val();
        self.count.pass_idx.next = self.marks.pass_idx.val();
        self.count.answer_done.next = self.writer.answer_done.val();
        self.slots.addr.next = self.seq.slot_addr.val();
        self.slots.we.next = self.seq.commit.val() & self.seq.act.val().slot_we;
        self.slots.slot.next = self.seq.act.val().slot;
        self.slots.clear.next = self.seq.commit.val() & self.seq.act.val().fetched;
        self.slots.spoil.next = self.seq.commit.val() & self.seq.act.val().spoil;
        self.slots.silence.next = self.seq.commit.val() & self.seq.act.val().mute;
        self.slots.data_slot.next = self.gather.slot.val();
        self.slots.data_mark.next = self.gather.mark.val();
        self.slots.data_bad.next = self.gather.bad.val();
        self.slots.exec_slot.next = self.chooser.exec_slot.val();
        // Reads.
        self.reader.push.next = self.seq.read_push.val();
        self.reader.job.next = self.seq.read_job.val();
        self.reader.ar_grant.next = self.ar_grant.val();
        self.reader.ctl_pop.next = self.chooser.pop.val();
        self.reader.data_pop.next = self.gather.record_pop.val();
        self.ar_req.next = self.reader.ar_req.val();
        self.ar_addr.next = self.reader.ar_addr.val();
        self.ar_word.next = self.reader.ar_word.val();
        self.r_word.next = self.no_word.val();
        self.r_word.next.data = self.r_data.val();
        self.r_word.next.bad = self.r_bad.val();
        self.ctl_words.asked.next = self.reader.asked_ctl.val();
        self.ctl_words.asked_lane.next = self.reader.asked_lane.val();
        self.ctl_words.r_valid.next = self.ctl_r_valid.val();
        self.ctl_words.r.next = self.r_word.val();
        self.ctl_words.pop.next = self.chooser.pop.val() | self.seq.word_pop.val();
        self.ctl_lane.next = self.ctl_words.lane.val();
        self.data_words.asked.next = self.reader.asked_data.val();
        self.data_words.asked_lane.next = self.reader.asked_lane.val();
        self.data_words.r_valid.next = self.data_r_valid.val();
        self.data_words.r.next = self.r_word.val();
        self.data_words.pop.next = self.gather.word_pop.val();
        self.data_lane.next = self.data_words.lane.val();
        self.unused.next = self.ctl_words.valid.val() | self.data_words.count.val().any();
        // Command bytes.
        self.gather.record_valid.next = self.reader.data_valid.val();
        self.gather.record.next = self.reader.data.val();
        self.gather.word_valid.next = self.data_words.valid.val();
        self.gather.word.next = self.data_words.word.val();
        self.commands.put.next = self.gather.word_pop.val();
        self.commands.record.next = self.reader.data.val();
        self.commands.word.next = self.data_words.word.val();
        self.commands.exec_slot.next = self.chooser.exec_slot.val();
        self.commands.exec_pos.next = self.slots.exec_pos.val();
        self.commands.read_addr.next = self.cmd_addr.val();
        self.cmd_data.next = self.commands.read_data.val();
        // Writes.
        self.writer.push.next = self.seq.write_push.val();
        self.writer.job.next = self.seq.write_job.val();
        self.writer.w_grant.next = self.w_grant.val();
        self.writer.ans_data.next = self.ans_data.val();
        self.writer.out_count.next = self.marks.count.val();
        self.w_req.next = self.writer.w_req.val();
        self.w_addr.next = self.writer.w_addr.val();
        self.w_data.next = self.writer.w_data.val();
        self.w_strb.next = self.writer.w_strb.val();
        self.ans_at.next = self.writer.ans_at.val();
        self.answer_done.next = self.writer.answer_done.val();
        self.marks.push.next = self.writer.out_push.val();
        self.marks.mark.next = self.writer.out_mark.val();
        self.marks.asked.next = self.w_grant.val();
        self.marks.b_valid.next = self.b_valid.val();
        self.marks.b_bad.next = self.b_bad.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::{HYPER, TINY};

    #[test]
    fn adminq_lints_clean() {
        crate::util::assert_lint_clean("adminq_tiny", Adminq::new(&TINY));
        crate::util::assert_lint_clean("adminq_hyper", Adminq::new(&HYPER));
    }
}

#[cfg(test)]
#[path = "adminq_tests.rs"]
mod queue_tests;
