//! The steps of an execute event, and the records they work on.
//!
//! An execute event takes the command's words, reads the device, then the virtqueue, lets `admin_check` judge, takes the plan of
//! `admin_plan` into registers, and goes through it: look, write the virtqueue, release slots, configuration, write the
//! device, go through the virtqueues, answer. A poll event looks whether a drain or an invalidation is over.
//! Timing: at most 115 cycles from `go` to `done`; a poll takes 3. Reset: at rest, phase 0.

use rust_hdl::prelude::*;
use shoal_abi::cmd;

use crate::admin_types::{OpFlags, Plan, NEXT_EXEC, NEXT_POLL, NEXT_SCATTER};
use crate::block_default;
use crate::ctx_types::{DevRec, MsiRec, VqCnt, VqRec};
use crate::types::AsidEntry;

#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
enum AdminStep {
    Rest,
    Load,
    DevAddr,
    DevData,
    Pre,
    VqAddr,
    VqData,
    Judge,
    Look,
    Looked,
    VqWrite,
    Slots,
    Cfg,
    DevWrite,
    Vqs,
    Answer,
    Finish,
    PollAddr,
    PollData,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminSteps {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Forget the drain.
    pub clear: Signal<In, Bit>,
    /// Begin.
    pub go: Signal<In, Bit>,
    /// It is a poll event.
    pub poll: Signal<In, Bit>,
    /// The event ends: the plan has had its effect.
    pub commit: Signal<In, Bit>,
    /// The last cycle.
    pub done: Signal<Out, Bit>,
    /// `NEXT_*`, with `done`.
    pub follow: Signal<Out, Bits<3>>,
    /// Phase of the drain.
    pub phase: Signal<Out, Bits<2>>,
    /// The device was stopped before the drain.
    pub was_stopped: Signal<Out, Bit>,
    /// The MMU's invalidation is pending.
    pub inv_pending: Signal<In, Bit>,
    /// The count of the epoch that is not current is 0.
    pub other_zero: Signal<In, Bit>,
    /// The count of the other message epoch is 0.
    pub msg_old_zero: Signal<In, Bit>,
    /// The message epoch changes at the commit.
    pub msg_flip: Signal<Out, Bit>,
    /// The command; stands after `words_done`.
    pub flags: Signal<In, OpFlags>,
    /// The index field of its data.
    pub index: Signal<In, Bits<16>>,
    /// The MSI slot is that of the configuration.
    pub config_slot: Signal<In, Bit>,
    /// Take the words of the command.
    pub words_go: Signal<Out, Bit>,
    /// They will stand.
    pub words_done: Signal<In, Bit>,
    /// `admin_check`.
    pub pre_ok: Signal<In, Bit>,
    pub pre_status: Signal<In, Bits<16>>,
    pub pre_qualifier: Signal<In, Bits<16>>,
    pub ok: Signal<In, Bit>,
    pub bad_status: Signal<In, Bits<16>>,
    pub bad_qualifier: Signal<In, Bits<16>>,
    /// `admin_plan`.
    pub plan_in: Signal<In, Plan>,
    pub dev_next: Signal<In, DevRec>,
    pub vq_next: Signal<In, VqRec>,
    pub cnt_next: Signal<In, VqCnt>,
    pub msi_next: Signal<In, MsiRec>,
    pub base_in: Signal<In, Bits<18>>,
    pub count_in: Signal<In, Bits<4>>,
    pub page_in: Signal<In, Bits<18>>,
    /// What the context memories give.
    pub ctx_dev: Signal<In, DevRec>,
    pub ctx_vq: Signal<In, VqRec>,
    pub ctx_cnt: Signal<In, VqCnt>,
    pub ctx_msi: Signal<In, MsiRec>,
    pub ctx_cmsi: Signal<In, MsiRec>,
    pub ctx_page: Signal<In, Bits<18>>,
    pub ctx_asid: Signal<In, AsidEntry>,
    /// The passes.
    pub vqs_go: Signal<Out, Bit>,
    pub vqs_check: Signal<Out, Bit>,
    pub vqs_done: Signal<In, Bit>,
    pub vqs_taken: Signal<In, Bit>,
    pub slots_go: Signal<Out, Bit>,
    pub slots_done: Signal<In, Bit>,
    pub unbind: Signal<In, Bit>,
    pub cfg_go: Signal<Out, Bit>,
    pub cfg_done: Signal<In, Bit>,
    /// Where the event stands.
    pub in_vqs: Signal<Out, Bit>,
    pub in_slots: Signal<Out, Bit>,
    pub in_cfg: Signal<Out, Bit>,
    pub vq_write: Signal<Out, Bit>,
    pub dev_write: Signal<Out, Bit>,
    pub answer: Signal<Out, Bit>,
    /// Word of the answer.
    pub at: Signal<Out, Bits<4>>,
    /// Its last one.
    pub last: Signal<In, Bits<4>>,
    /// Its bytes.
    pub len_in: Signal<In, Bits<8>>,
    /// Bytes of the answer, from the end of the event on.
    pub len: Signal<Out, Bits<8>>,
    /// Status of the answer.
    pub status: Signal<Out, Bits<16>>,
    /// Qualifier.
    pub qualifier: Signal<Out, Bits<16>>,
    /// The plan at work; nothing after the event.
    pub plan: Signal<Out, Plan>,
    /// The records at work.
    pub dev: Signal<Out, DevRec>,
    pub vq: Signal<Out, VqRec>,
    pub cnt: Signal<Out, VqCnt>,
    pub msi: Signal<Out, MsiRec>,
    pub asid: Signal<Out, AsidEntry>,
    pub vq_id: Signal<Out, Bits<18>>,
    pub base: Signal<Out, Bits<18>>,
    pub count: Signal<Out, Bits<4>>,
    pub page: Signal<Out, Bits<18>>,
    step: DFF<AdminStep>,
    r_phase: DFF<Bits<2>>,
    polls: DFF<Bits<16>>,
    flipped: DFF<Bit>,
    flips: DFF<Bit>,
    drained: Signal<Local, Bit>,
    r_was_stopped: DFF<Bit>,
    r_plan: DFF<Plan>,
    r_dev: DFF<DevRec>,
    r_vq: DFF<VqRec>,
    r_cnt: DFF<VqCnt>,
    r_msi: DFF<MsiRec>,
    r_asid: DFF<AsidEntry>,
    r_vq_id: DFF<Bits<18>>,
    r_base: DFF<Bits<18>>,
    r_count: DFF<Bits<4>>,
    r_page: DFF<Bits<18>>,
    page_taken: DFF<Bit>,
    r_status: DFF<Bits<16>>,
    r_qualifier: DFF<Bits<16>>,
    r_at: DFF<Bits<4>>,
    r_len: DFF<Bits<8>>,
    is_first: Signal<Local, Bit>,
    over: Signal<Local, Bit>,
    more: Signal<Local, Bits<16>>,
    unused_flags: Signal<Local, Bits<{ <OpFlags as Synth>::BITS }>>,
    no_plan: Constant<Plan>,
    phase0: Constant<Bits<2>>,
    phase1: Constant<Bits<2>>,
    phase2: Constant<Bits<2>>,
    none16: Constant<Bits<16>>,
    nobody: Constant<Bits<18>>,
    one16: Constant<Bits<16>>,
    most_polls: Constant<Bits<16>>,
    none4: Constant<Bits<4>>,
    one4: Constant<Bits<4>>,
    scatter: Constant<Bits<3>>,
    to_poll: Constant<Bits<3>>,
    exec: Constant<Bits<3>>,
    okay: Constant<Bits<16>>,
    q_okay: Constant<Bits<16>>,
    eagain: Constant<Bits<16>>,
    q_tryagain: Constant<Bits<16>>,
    ebusy: Constant<Bits<16>>,
    q_noresource: Constant<Bits<16>>,
}

impl Default for AdminSteps {
    fn default() -> Self {
        block_default!(
            clock, reset, clear, go, poll, commit, done, follow, phase, was_stopped, inv_pending, other_zero, msg_old_zero, msg_flip, flags,
            index, config_slot, words_go, words_done, pre_ok, pre_status, pre_qualifier, ok, bad_status, bad_qualifier,
            plan_in, dev_next, vq_next, cnt_next, msi_next, base_in, count_in, page_in, ctx_dev, ctx_vq, ctx_cnt,
            ctx_msi, ctx_cmsi, ctx_page, ctx_asid, vqs_go, vqs_check, vqs_done, vqs_taken, slots_go, slots_done, unbind,
            cfg_go, cfg_done, in_vqs, in_slots, in_cfg, vq_write, dev_write, answer, at, last, len_in, len, status,
            qualifier, plan, dev, vq, cnt, msi, asid, vq_id, base, count, page, step, r_phase, polls, flipped, flips, drained, r_was_stopped,
            r_plan, r_dev, r_vq, r_cnt, r_msi, r_asid, r_vq_id, r_base, r_count, r_page, page_taken, r_status,
            r_qualifier, r_at, r_len, is_first, over, more, unused_flags;
            no_plan = Plan::default(),
            phase0 = 0u64,
            phase1 = 1u64,
            phase2 = 2u64,
            none16 = 0u64,
            nobody = 0u64,
            one16 = 1u64,
            most_polls = u64::from(cmd::DRAIN_POLLS),
            none4 = 0u64,
            one4 = 1u64,
            scatter = NEXT_SCATTER,
            to_poll = NEXT_POLL,
            exec = NEXT_EXEC,
            okay = u64::from(cmd::OK),
            q_okay = u64::from(cmd::Q_OK),
            eagain = u64::from(cmd::EAGAIN),
            q_tryagain = u64::from(cmd::Q_TRYAGAIN),
            ebusy = u64::from(cmd::EBUSY),
            q_noresource = u64::from(cmd::Q_NORESOURCE)
        )
    }
}

impl Logic for AdminSteps {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            step,
            r_phase,
            polls,
            flipped,
            flips,
            r_was_stopped,
            r_plan,
            r_dev,
            r_vq,
            r_cnt,
            r_msi,
            r_asid,
            r_vq_id,
            r_base,
            r_count,
            r_page,
            page_taken,
            r_status,
            r_qualifier,
            r_at,
            r_len
        );
        self.unused_flags.next = self.flags.val().into();
        // Outputs are kept apart from the steps below: none depends on `go` or on how far a pass is.
        self.done.next =
            (self.step.q.val() == AdminStep::Finish) | (self.step.q.val() == AdminStep::PollData);
        self.words_go.next = self.go.val() & !self.poll.val();
        self.vqs_go.next = ((self.step.q.val() == AdminStep::Judge)
            & (self.ok.val() | (self.r_phase.q.val() != self.phase0.val()))
            & self.plan_in.val().vqs_check)
            | ((self.step.q.val() == AdminStep::DevWrite) & self.r_plan.q.val().vqs);
        self.slots_go.next = (self.step.q.val() == AdminStep::VqWrite) & self.r_plan.q.val().slots;
        self.cfg_go.next = (self.step.q.val() == AdminStep::VqWrite)
            & self.r_plan.q.val().cfg
            & !self.r_plan.q.val().slots;
        self.vqs_check.next = self.step.q.val() == AdminStep::Look;
        self.in_vqs.next =
            (self.step.q.val() == AdminStep::Look) | (self.step.q.val() == AdminStep::Vqs);
        self.in_slots.next = self.step.q.val() == AdminStep::Slots;
        self.in_cfg.next = self.step.q.val() == AdminStep::Cfg;
        self.vq_write.next = self.step.q.val() == AdminStep::VqWrite;
        self.dev_write.next = self.step.q.val() == AdminStep::DevWrite;
        self.answer.next = self.step.q.val() == AdminStep::Answer;
        self.phase.next = self.r_phase.q.val();
        self.was_stopped.next = self.r_was_stopped.q.val();
        self.at.next = self.r_at.q.val();
        self.len.next = self.r_len.q.val();
        self.status.next = self.r_status.q.val();
        self.qualifier.next = self.r_qualifier.q.val();
        self.plan.next = self.r_plan.q.val();
        self.dev.next = self.r_dev.q.val();
        self.vq.next = self.r_vq.q.val();
        self.cnt.next = self.r_cnt.q.val();
        self.msi.next = self.r_msi.q.val();
        self.asid.next = self.r_asid.q.val();
        self.vq_id.next = self.r_vq_id.q.val();
        self.base.next = self.r_base.q.val();
        self.count.next = self.r_count.q.val();
        self.page.next = self.r_page.q.val();
        // A drain is over when nothing is bound any more; an invalidation, when no access of the old epoch is left.
        // Behind a drain, the messages that it may have left have gone out, too.
        self.drained.next = self.ctx_dev.val().inflight == self.none4.val();
        if self.flags.val().vq_reset {
            self.drained.next = !self.ctx_vq.val().busy;
        }
        self.over.next = self.drained.val() & self.flipped.q.val() & self.msg_old_zero.val();
        if self.flags.val().invalidate {
            self.over.next = !self.inv_pending.val() & self.other_zero.val();
        }
        self.more.next = self.polls.q.val() + self.one16.val();
        self.follow.next = self.r_plan.q.val().follow;
        if self.step.q.val() == AdminStep::Finish {
            self.r_phase.d.next = self.phase0.val();
            self.polls.d.next = self.none16.val();
        }
        if self.step.q.val() == AdminStep::PollData {
            self.follow.next = self.to_poll.val();
            if self.over.val() {
                self.follow.next = self.exec.val();
                if self.flags.val().invalidate {
                    self.follow.next = self.scatter.val();
                } else {
                    self.r_phase.d.next = self.phase1.val();
                }
            } else if !self.flags.val().invalidate & self.drained.val() & !self.flipped.q.val() {
                self.flipped.d.next = self.msg_old_zero.val();
                self.flips.d.next = self.msg_old_zero.val();
            } else if !self.flags.val().invalidate {
                self.polls.d.next = self.more.val();
                if self.more.val() == self.most_polls.val() {
                    self.r_phase.d.next = self.phase2.val();
                    self.follow.next = self.exec.val();
                }
            }
        }
        self.is_first.next = self.r_phase.q.val() == self.phase0.val();
        self.msg_flip.next = self.flips.q.val();
        if self.commit.val() {
            self.flips.d.next = false;
            self.r_plan.d.next = self.no_plan.val();
        }
        match self.step.q.val() {
            AdminStep::Rest => {
                if self.go.val() {
                    self.r_plan.d.next = self.no_plan.val();
                    self.r_status.d.next = self.okay.val();
                    self.r_qualifier.d.next = self.q_okay.val();
                    self.r_at.d.next = self.none4.val();
                    self.step.d.next = AdminStep::Load;
                    if self.poll.val() {
                        self.step.d.next = AdminStep::PollAddr;
                    } else {
                        self.flipped.d.next = false;
                    }
                }
            }
            AdminStep::Load => {
                if self.words_done.val() {
                    self.step.d.next = AdminStep::DevAddr;
                }
            }
            AdminStep::DevAddr => {
                self.step.d.next = AdminStep::DevData;
            }
            AdminStep::DevData => {
                self.r_dev.d.next = self.ctx_dev.val();
                self.step.d.next = AdminStep::Pre;
            }
            AdminStep::Pre => {
                self.r_vq_id.d.next =
                    self.r_dev.q.val().vq_base + bit_cast::<18, 16>(self.index.val());
                self.r_page.d.next = self.page_in.val();
                self.step.d.next = AdminStep::VqAddr;
                if self.is_first.val() & !self.pre_ok.val() {
                    self.r_status.d.next = self.pre_status.val();
                    self.r_qualifier.d.next = self.pre_qualifier.val();
                    self.step.d.next = AdminStep::Answer;
                }
            }
            AdminStep::VqAddr => {
                self.step.d.next = AdminStep::VqData;
            }
            AdminStep::VqData => {
                self.r_vq.d.next = self.ctx_vq.val();
                self.r_cnt.d.next = self.ctx_cnt.val();
                self.r_msi.d.next = self.ctx_msi.val();
                if self.config_slot.val() {
                    self.r_msi.d.next = self.ctx_cmsi.val();
                }
                self.r_asid.d.next = self.ctx_asid.val();
                self.page_taken.d.next = self.ctx_page.val() != self.nobody.val();
                self.step.d.next = AdminStep::Judge;
            }
            AdminStep::Judge => {
                if self.is_first.val() & !self.ok.val() {
                    self.r_status.d.next = self.bad_status.val();
                    self.r_qualifier.d.next = self.bad_qualifier.val();
                    self.step.d.next = AdminStep::Answer;
                } else {
                    self.r_plan.d.next = self.plan_in.val();
                    self.r_dev.d.next = self.dev_next.val();
                    self.r_vq.d.next = self.vq_next.val();
                    self.r_cnt.d.next = self.cnt_next.val();
                    self.r_msi.d.next = self.msi_next.val();
                    self.r_base.d.next = self.base_in.val();
                    self.r_count.d.next = self.count_in.val();
                    if self.is_first.val() {
                        self.r_was_stopped.d.next = self.r_dev.q.val().stopped;
                    }
                    if self.plan_in.val().again {
                        self.r_status.d.next = self.eagain.val();
                        self.r_qualifier.d.next = self.q_tryagain.val();
                    }
                    self.step.d.next = AdminStep::VqWrite;
                    if self.plan_in.val().vqs_check {
                        self.step.d.next = AdminStep::Look;
                    }
                }
            }
            AdminStep::Look => {
                if self.vqs_done.val() {
                    self.step.d.next = AdminStep::Looked;
                }
            }
            AdminStep::Looked => {
                self.step.d.next = AdminStep::VqWrite;
                if self.vqs_taken.val() | self.page_taken.q.val() {
                    self.r_plan.d.next = self.no_plan.val();
                    self.r_status.d.next = self.ebusy.val();
                    self.r_qualifier.d.next = self.q_noresource.val();
                    self.step.d.next = AdminStep::Answer;
                }
            }
            AdminStep::VqWrite => {
                self.step.d.next = AdminStep::Cfg;
                if self.r_plan.q.val().slots {
                    self.step.d.next = AdminStep::Slots;
                }
            }
            AdminStep::Slots => {
                // The commands that release slots leave the configuration alone.
                if self.unbind.val() {
                    self.r_dev.d.next.inflight = self.r_dev.q.val().inflight - self.one4.val();
                }
                if self.slots_done.val() {
                    self.step.d.next = AdminStep::DevWrite;
                }
            }
            AdminStep::Cfg => {
                if self.cfg_done.val() | !self.r_plan.q.val().cfg {
                    self.step.d.next = AdminStep::DevWrite;
                }
            }
            AdminStep::DevWrite => {
                self.step.d.next = AdminStep::Answer;
                if self.r_plan.q.val().vqs {
                    self.step.d.next = AdminStep::Vqs;
                }
            }
            AdminStep::Vqs => {
                if self.vqs_done.val() {
                    self.step.d.next = AdminStep::Answer;
                }
            }
            AdminStep::Answer => {
                self.r_len.d.next = self.len_in.val();
                self.r_at.d.next = self.r_at.q.val() + self.one4.val();
                if self.r_at.q.val() == self.last.val() {
                    self.step.d.next = AdminStep::Finish;
                }
            }
            AdminStep::Finish => {
                self.step.d.next = AdminStep::Rest;
            }
            AdminStep::PollAddr => {
                self.step.d.next = AdminStep::PollData;
            }
            AdminStep::PollData => {
                self.step.d.next = AdminStep::Rest;
            }
            _ => {
                self.step.d.next = AdminStep::Rest;
            }
        }
        if self.reset.val() | self.clear.val() {
            self.step.d.next = AdminStep::Rest;
            self.r_phase.d.next = self.phase0.val();
            self.polls.d.next = self.none16.val();
            self.flipped.d.next = false;
            self.flips.d.next = false;
            self.r_plan.d.next = self.no_plan.val();
        }
    }
}

#[cfg(test)]
#[path = "admin_steps_tests.rs"]
mod tests;
