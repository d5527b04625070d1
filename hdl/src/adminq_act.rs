//! What a step of the admin queue comes to: jobs, numbers, the slot, faults. Combinational.
//!
//! Spec: virtio 1.4 §2.7.6, §2.7.8 (rings). Contract §9.1.

use rust_hdl::prelude::*;
use shoal_abi::ring;

use crate::adminq_types::{
    AdminqAct, AdminqSlot, AdminqStep, WriteJob, JOB_AVAIL, JOB_DESC, JOB_FLAGS, JOB_MARK,
    JOB_RING, MARK_ANS, MARK_ELEM, MARK_IDX,
};
use crate::adminq_walk::AdminqWalk;
use crate::block_default;

/// A used element (virtio 1.4 §2.7.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct UsedElemWord {
    pub id: Bits<32>,
    pub len: Bits<32>,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminqActs {
    /// The step.
    pub step: Signal<In, AdminqStep>,
    /// Its slot as it stands.
    pub slot: Signal<In, AdminqSlot>,
    /// Control word, first one.
    pub word0: Signal<In, Bits<64>>,
    /// Second one.
    pub word1: Signal<In, Bits<64>>,
    /// One of them is bad.
    pub bad: Signal<In, Bit>,
    /// First byte that counts in `word0`.
    pub low: Signal<In, Bits<3>>,
    /// Entries whose ring read has been pushed.
    pub fetch: Signal<In, Bits<16>>,
    /// Used elements pushed.
    pub elem: Signal<In, Bits<16>>,
    /// Used elements written, as the step saw them.
    pub elem_done: Signal<In, Bits<16>>,
    /// Descriptor table.
    pub adm_desc: Signal<In, Bits<64>>,
    /// Available ring.
    pub adm_driver: Signal<In, Bits<64>>,
    /// Used ring.
    pub adm_device: Signal<In, Bits<64>>,
    /// Entries, a power of two.
    pub adm_size: Signal<In, Bits<16>>,
    /// Bytes of the answer.
    pub answer_len: Signal<In, Bits<8>>,
    /// Those that have been pushed.
    pub written: Signal<In, Bits<8>>,
    /// What the step comes to.
    pub act: Signal<Out, AdminqAct>,
    walk: AdminqWalk,
    low_bits: Signal<Local, Bits<6>>,
    shifted: Signal<Local, Bits<64>>,
    half: Signal<Local, Bits<16>>,
    jump: Signal<Local, Bits<16>>,
    mask: Signal<Local, Bits<16>>,
    avail_at: Signal<Local, Bits<16>>,
    used_at: Signal<Local, Bits<16>>,
    avail_place: Signal<Local, Bits<64>>,
    used_place: Signal<Local, Bits<64>>,
    head_place: Signal<Local, Bits<64>>,
    elem_word: Signal<Local, UsedElemWord>,
    job: Signal<Local, WriteJob>,
    fresh: Signal<Local, AdminqSlot>,
    slot_next: Signal<Local, AdminqSlot>,
    spoiled: Signal<Local, Bit>,
    pos: Signal<Local, Bits<8>>,
    no_act: Constant<AdminqAct>,
    no_job: Constant<WriteJob>,
    no_slot: Constant<AdminqSlot>,
    no_elem: Constant<UsedElemWord>,
    job_avail: Constant<Bits<3>>,
    job_ring: Constant<Bits<3>>,
    job_desc: Constant<Bits<3>>,
    job_flags: Constant<Bits<3>>,
    job_mark: Constant<Bits<3>>,
    mark_ans: Constant<Bits<2>>,
    mark_elem: Constant<Bits<2>>,
    mark_idx: Constant<Bits<2>>,
    to_bits: Constant<Bits<6>>,
    one16: Constant<Bits<16>>,
    none16: Constant<Bits<16>>,
    none8: Constant<Bits<8>>,
    elem_bytes: Constant<Bits<8>>,
    idx_bytes: Constant<Bits<8>>,
    no_interrupt: Constant<Bits<16>>,
    avail_idx: Constant<Bits<64>>,
    avail_ring: Constant<Bits<64>>,
    used_idx: Constant<Bits<64>>,
    used_ring: Constant<Bits<64>>,
    entry_shift: Constant<Bits<64>>,
    elem_shift: Constant<Bits<64>>,
    desc_shift: Constant<Bits<64>>,
}

impl Default for AdminqActs {
    fn default() -> Self {
        block_default!(
            step, slot, word0, word1, bad, low, fetch, elem, elem_done, adm_desc, adm_driver, adm_device, adm_size,
            answer_len, written, act, walk, low_bits, shifted, half, jump, mask, avail_at, used_at, avail_place,
            used_place, head_place, elem_word, job, fresh, slot_next, spoiled, pos;
            no_act = AdminqAct::default(),
            no_job = WriteJob::default(),
            no_slot = AdminqSlot::default(),
            no_elem = UsedElemWord::default(),
            job_avail = JOB_AVAIL,
            job_ring = JOB_RING,
            job_desc = JOB_DESC,
            job_flags = JOB_FLAGS,
            job_mark = JOB_MARK,
            mark_ans = MARK_ANS,
            mark_elem = MARK_ELEM,
            mark_idx = MARK_IDX,
            to_bits = 3u64,
            one16 = 1u64,
            none16 = 0u64,
            none8 = 0u64,
            elem_bytes = ring::USED_ELEM_BYTES,
            idx_bytes = 2u64,
            no_interrupt = u64::from(ring::AVAIL_F_NO_INTERRUPT),
            avail_idx = ring::AVAIL_IDX,
            avail_ring = ring::AVAIL_RING,
            used_idx = ring::USED_IDX,
            used_ring = ring::USED_RING,
            entry_shift = 1u64,
            elem_shift = u64::from(ring::USED_ELEM_BYTES.trailing_zeros()),
            desc_shift = u64::from(ring::DESC_BYTES.trailing_zeros())
        )
    }
}

impl Logic for AdminqActs {
    #[hdl_gen]
    fn update(&mut self) {
        // The 16 bits of a ring that were asked for.
        self.low_bits.next = bit_cast::<6, 3>(self.low.val()) << self.to_bits.val();
        self.shifted.next = self.word0.val() >> self.low_bits.val();
        self.half.next = self.shifted.val().get_bits::<16>(0);
        self.jump.next = self.half.val() - self.fetch.val();
        // Places in the rings.
        self.mask.next = self.adm_size.val() - self.one16.val();
        self.avail_at.next = self.fetch.val() & self.mask.val();
        self.used_at.next = self.elem.val() & self.mask.val();
        self.avail_place.next = self.adm_driver.val()
            + self.avail_ring.val()
            + (bit_cast::<64, 16>(self.avail_at.val()) << self.entry_shift.val());
        self.used_place.next = self.adm_device.val()
            + self.used_ring.val()
            + (bit_cast::<64, 16>(self.used_at.val()) << self.elem_shift.val());
        self.head_place.next =
            self.adm_desc.val() + (bit_cast::<64, 16>(self.half.val()) << self.desc_shift.val());
        self.elem_word.next = self.no_elem.val();
        self.elem_word.next.id = bit_cast::<32, 16>(self.slot.val().head);
        self.elem_word.next.len = bit_cast::<32, 8>(self.slot.val().used_len);
        self.fresh.next = self.no_slot.val();
        self.fresh.next.head = self.half.val();
        self.fresh.next.desc_table = self.adm_desc.val();
        self.fresh.next.entries = bit_cast::<32, 16>(self.adm_size.val());
        // The chain.
        self.walk.kept.next = self.step.val() == AdminqStep::Answer;
        self.walk.slot.next = self.slot.val();
        self.walk.word0.next = self.word0.val();
        self.walk.word1.next = self.word1.val();
        self.walk.size.next = self.adm_size.val();
        self.walk.answer_len.next = self.answer_len.val();
        self.pos.next = self.slot.val().pos;
        self.walk.written.next = self.written.val();
        // The step.
        self.act.next = self.no_act.val();
        self.job.next = self.no_job.val();
        self.slot_next.next = self.slot.val();
        self.spoiled.next = false;
        match self.step.val() {
            AdminqStep::Broken => {
                self.act.next.fault = true;
            }
            AdminqStep::Bad => {
                self.act.next.fault = true;
            }
            AdminqStep::Avail => {
                self.act.next.number = self.half.val();
                self.act.next.avail_set = true;
                self.act.next.fault = self.bad.val() | (self.jump.val() > self.adm_size.val());
            }
            AdminqStep::Ring => {
                self.slot_next.next = self.fresh.val();
                self.act.next.slot_we = true;
                self.act.next.job_push = true;
                self.act.next.job_kind = self.job_desc.val();
                self.act.next.job_va = self.head_place.val();
                self.spoiled.next = self.bad.val() | (self.half.val() >= self.adm_size.val());
            }
            AdminqStep::Flags => {
                self.act.next.tell_over = true;
                self.act.next.raise = !self.bad.val()
                    & ((self.half.val() & self.no_interrupt.val()) == self.none16.val());
                self.act.next.fault = self.bad.val();
            }
            AdminqStep::Mute => {
                self.slot_next.next.used_len = self.none8.val();
                self.act.next.slot_we = true;
                self.act.next.executed = true;
                self.act.next.write_push = true;
                self.job.next.mark = self.mark_ans.val();
            }
            AdminqStep::Elem => {
                self.act.next.elem_done = true;
                self.act.next.write_push = true;
                self.job.next.va = self.used_place.val();
                self.job.next.len = self.elem_bytes.val();
                self.job.next.data = self.elem_word.val().into();
                self.job.next.mark = self.mark_elem.val();
            }
            AdminqStep::Index => {
                self.act.next.number = self.elem_done.val();
                self.act.next.idx_set = true;
                self.act.next.write_push = true;
                self.job.next.va = self.adm_device.val() + self.used_idx.val();
                self.job.next.len = self.idx_bytes.val();
                self.job.next.data = bit_cast::<64, 16>(self.elem_done.val());
                self.job.next.mark = self.mark_idx.val();
            }
            AdminqStep::Told => {
                self.act.next.told_set = true;
                self.act.next.job_push = true;
                self.act.next.job_kind = self.job_flags.val();
                self.act.next.job_va = self.adm_driver.val();
            }
            AdminqStep::Kick => {
                self.act.next.idx_read = true;
                self.act.next.job_push = true;
                self.act.next.job_kind = self.job_avail.val();
                self.act.next.job_va = self.adm_driver.val() + self.avail_idx.val();
            }
            AdminqStep::Entry => {
                self.act.next.fetched = true;
                self.act.next.job_push = true;
                self.act.next.job_kind = self.job_ring.val();
                self.act.next.job_va = self.avail_place.val();
            }
            _ => {}
        }
        if (self.step.val() == AdminqStep::Desc) | (self.step.val() == AdminqStep::Answer) {
            self.act.next.scatter_begin = self.step.val() == AdminqStep::Answer;
            self.slot_next.next = self.walk.slot_next.val();
            self.act.next.slot_we = true;
            self.act.next.data_push = self.walk.act.val().gather;
            self.act.next.data_va = self.word0.val();
            self.act.next.data_len = self.walk.act.val().gather_len;
            self.act.next.data_pos = self.pos.val().get_bits::<7>(0);
            self.act.next.job_push = self.walk.act.val().follow | self.walk.act.val().complete;
            self.act.next.job_kind = self.job_desc.val();
            if self.walk.act.val().complete {
                self.act.next.job_kind = self.job_mark.val();
            }
            self.act.next.job_va = self.walk.act.val().desc_va;
            self.act.next.mute = self.walk.act.val().mute;
            self.act.next.fault = self.walk.act.val().fault;
            self.act.next.write_push = self.walk.act.val().scatter;
            self.job.next.answer = true;
            self.job.next.va = self.walk.slot_next.val().va;
            self.job.next.len = self.walk.act.val().scatter_len;
            self.job.next.at = self.walk.act.val().scatter_at;
            if self.walk.act.val().ends {
                self.job.next.mark = self.mark_ans.val();
            }
            self.act.next.executed = self.walk.act.val().ends;
            self.act.next.written_set = self.walk.act.val().scatter;
            self.act.next.written = self.walk.act.val().written;
            self.spoiled.next = self.walk.act.val().illegal;
            if self.bad.val() & (self.step.val() == AdminqStep::Desc) {
                self.act.next.data_push = false;
                self.act.next.mute = false;
                self.act.next.fault = false;
                self.act.next.write_push = false;
                self.act.next.executed = false;
                self.act.next.written_set = false;
                self.spoiled.next = true;
            }
        }
        // A bad chain stops the queue when its turn comes; one whose command has run, at once.
        if self.spoiled.val() {
            self.act.next.spoil = true;
            self.act.next.job_push = true;
            self.act.next.job_kind = self.job_mark.val();
            if (self.step.val() == AdminqStep::Desc) & self.slot.val().wseen {
                self.act.next.fault = true;
            }
        }
        self.act.next.job = self.job.val();
        self.act.next.slot = self.slot_next.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adminq_acts_lint_clean() {
        crate::util::assert_lint_clean("adminq_act", AdminqActs::default());
    }
}
