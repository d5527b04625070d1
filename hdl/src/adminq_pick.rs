//! Which step the admin queue takes: the first that is possible. Combinational.
//!
//! Contract §9.1. It also tells the core when it may execute the next command.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::adminq_types::{
    AdminqStep, AdminqTell, CtlRecord, JOB_AVAIL, JOB_DESC, JOB_FLAGS, JOB_RING,
};
use crate::block_default;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminqPick {
    /// The queue is live.
    pub live: Signal<In, Bit>,
    /// READY.
    pub ready: Signal<In, Bit>,
    /// `admin_kick`.
    pub kick: Signal<In, Bit>,
    /// No step is under way.
    pub idle: Signal<In, Bit>,
    /// Jobs of the reader.
    pub read_count: Signal<In, Bits<16>>,
    /// One more is on its way there.
    pub read_pending: Signal<In, Bit>,
    /// Jobs of the writer.
    pub write_count: Signal<In, Bits<16>>,
    /// A control word is to come.
    pub record_valid: Signal<In, Bit>,
    /// Which.
    pub record: Signal<In, CtlRecord>,
    /// Control words that have come.
    pub words: Signal<In, Bits<16>>,
    /// The core's admin state is Idle.
    pub adm_idle: Signal<In, Bit>,
    /// It is Scatter.
    pub adm_scatter: Signal<In, Bit>,
    /// Slot `exec` is gathered.
    pub gathered: Signal<In, Bit>,
    /// It has no room for an answer.
    pub mute: Signal<In, Bit>,
    /// It is bad.
    pub bad: Signal<In, Bit>,
    // The numbers of `adminq_count`.
    pub avail: Signal<In, Bits<16>>,
    pub fetch: Signal<In, Bits<16>>,
    pub exec: Signal<In, Bits<16>>,
    pub answered: Signal<In, Bits<16>>,
    pub elem: Signal<In, Bits<16>>,
    pub elem_done: Signal<In, Bits<16>>,
    pub told: Signal<In, Bits<16>>,
    pub idx_read: Signal<In, Bit>,
    pub tell: Signal<In, AdminqTell>,
    pub broken: Signal<In, Bit>,
    pub scattering: Signal<In, Bit>,
    /// A step is picked.
    pub pick: Signal<Out, Bit>,
    /// It; Rest if none is possible.
    pub step: Signal<Out, AdminqStep>,
    /// Its slot.
    pub slot: Signal<Out, Bits<4>>,
    /// It pops a control record, and the word at the head.
    pub pop: Signal<Out, Bit>,
    /// It clears `admin_kick`.
    pub kick_clear: Signal<Out, Bit>,
    /// Slot of entry `exec`.
    pub exec_slot: Signal<Out, Bits<4>>,
    /// The core's admin state goes from Idle to Exec.
    pub exec_begin: Signal<Out, Bit>,
    room: Signal<Local, Bit>,
    jobs: Signal<Local, Bits<16>>,
    wanted: Signal<Local, Bits<16>>,
    control: Signal<Local, Bit>,
    waiting: Signal<Local, Bit>,
    ahead: Signal<Local, Bits<16>>,
    choice: Signal<Local, AdminqStep>,
    slot_mask: Constant<Bits<4>>,
    slots: Constant<Bits<16>>,
    most_jobs: Constant<Bits<16>>,
    one16: Constant<Bits<16>>,
    two16: Constant<Bits<16>>,
    job_avail: Constant<Bits<3>>,
    job_ring: Constant<Bits<3>>,
    job_desc: Constant<Bits<3>>,
    job_flags: Constant<Bits<3>>,
}

impl AdminqPick {
    /// The block for the slots of `p`.
    ///
    /// # Panics
    /// If they are not 4, 8 or 16.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        let slots = p.admin_slots as u64;
        assert!(
            matches!(slots, 4 | 8 | 16),
            "admin_slots of profile {}: {slots}, not 4, 8 or 16",
            p.name
        );
        block_default!(
            live, ready, kick, idle, read_count, read_pending, write_count, record_valid, record, words, adm_idle,
            adm_scatter, gathered, mute, bad, avail, fetch, exec, answered, elem, elem_done, told, idx_read, tell, broken,
            scattering, pick, step, slot, pop, kick_clear, exec_slot, exec_begin, room, jobs, wanted, control, waiting,
            ahead, choice;
            slot_mask = slots - 1,
            slots = slots,
            most_jobs = 2u64,
            one16 = 1u64,
            two16 = 2u64,
            job_avail = JOB_AVAIL,
            job_ring = JOB_RING,
            job_desc = JOB_DESC,
            job_flags = JOB_FLAGS
        )
    }
}

impl Logic for AdminqPick {
    #[hdl_gen]
    fn update(&mut self) {
        self.exec_slot.next = self.exec.val().get_bits::<4>(0) & self.slot_mask.val();
        // A step may push two jobs to the reader.
        self.jobs.next = self.read_count.val();
        if self.read_pending.val() {
            self.jobs.next = self.read_count.val() + self.one16.val();
        }
        self.room.next = (self.jobs.val() <= self.most_jobs.val())
            & (self.write_count.val() <= self.most_jobs.val());
        self.wanted.next = self.one16.val();
        if self.record.val().kind == self.job_desc.val() {
            self.wanted.next = self.two16.val();
        }
        self.control.next = self.record_valid.val() & (self.words.val() >= self.wanted.val());
        // A command waits for its turn in the core.
        self.waiting.next =
            self.adm_idle.val() & self.gathered.val() & (self.exec.val() != self.fetch.val());
        self.exec_begin.next = self.live.val()
            & self.ready.val()
            & self.waiting.val()
            & !self.mute.val()
            & !self.bad.val();
        self.ahead.next = self.fetch.val() - self.told.val();
        self.choice.next = AdminqStep::Rest;
        self.slot.next = self.exec.val().get_bits::<4>(0) & self.slot_mask.val();
        if self.broken.val() {
            self.choice.next = AdminqStep::Broken;
        } else if self.control.val() {
            self.slot.next = self.record.val().slot;
            if self.record.val().kind == self.job_avail.val() {
                self.choice.next = AdminqStep::Avail;
            }
            if self.record.val().kind == self.job_ring.val() {
                self.choice.next = AdminqStep::Ring;
            }
            if self.record.val().kind == self.job_desc.val() {
                self.choice.next = AdminqStep::Desc;
            }
            if self.record.val().kind == self.job_flags.val() {
                self.choice.next = AdminqStep::Flags;
            }
        } else if self.adm_scatter.val() & !self.scattering.val() {
            self.choice.next = AdminqStep::Answer;
        } else if self.waiting.val() & self.bad.val() & (self.told.val() == self.exec.val()) {
            self.choice.next = AdminqStep::Bad;
        } else if self.waiting.val() & self.mute.val() & !self.bad.val() {
            self.choice.next = AdminqStep::Mute;
        } else if self.elem.val() != self.answered.val() {
            self.choice.next = AdminqStep::Elem;
            self.slot.next = self.elem.val().get_bits::<4>(0) & self.slot_mask.val();
        } else if (self.tell.val() == AdminqTell::Idle) & (self.elem_done.val() != self.told.val())
        {
            self.choice.next = AdminqStep::Index;
        } else if self.tell.val() == AdminqTell::Marked {
            self.choice.next = AdminqStep::Told;
        } else if self.kick.val() & !self.idx_read.val() {
            self.choice.next = AdminqStep::Kick;
        } else if (self.fetch.val() != self.avail.val()) & (self.ahead.val() < self.slots.val()) {
            self.choice.next = AdminqStep::Entry;
            self.slot.next = self.fetch.val().get_bits::<4>(0) & self.slot_mask.val();
        }
        self.step.next = self.choice.val();
        self.pick.next = self.live.val()
            & self.idle.val()
            & self.room.val()
            & (self.choice.val() != AdminqStep::Rest);
        self.pop.next = self.live.val()
            & self.idle.val()
            & self.room.val()
            & !self.broken.val()
            & self.control.val();
        self.kick_clear.next = self.live.val()
            & self.idle.val()
            & self.room.val()
            & (self.choice.val() == AdminqStep::Kick);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::{HYPER, TINY};

    #[test]
    fn adminq_pick_lints_clean() {
        crate::util::assert_lint_clean("adminq_pick_tiny", AdminqPick::new(&TINY));
        crate::util::assert_lint_clean("adminq_pick_hyper", AdminqPick::new(&HYPER));
    }
}
