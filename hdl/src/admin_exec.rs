//! Runs admin commands: `admin_steps` with all that it needs, on the context memories.
//!
//! Contract §10. Timing: `go` in the first cycle of an execute event or a poll event; `done` says what follows. The context
//! memories belong to this block from `go` to `done`. Effects stand from `done` to `commit`.
//! Reset: at rest; LIST_USE sets {LIST_QUERY, LIST_USE}, also with `clear`.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;
use shoal_abi::{cmd, ring};

use crate::admin_cfg::AdminCfg;
use crate::admin_check::AdminCheck;
use crate::admin_plan::AdminPlan;
use crate::admin_plan_vq::AdminPlanVq;
use crate::admin_reply::AdminReply;
use crate::admin_slots::AdminSlots;
use crate::admin_steps::AdminSteps;
use crate::admin_types::{AdminOps, Plan, VQS_CHECK};
use crate::admin_vqs::AdminVqs;
use crate::admin_words::AdminWords;
use crate::block_default;
use crate::ctx_types::{CtxCmd, DevRec, MsiRec, SlotRec, VqCnt, VqRec};
use crate::types::{AsidEntry, CtlOp, InvCmd, Message, CTL_XL};

/// Two 64-bit words.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct WordPair {
    pub lo: Bits<64>,
    pub hi: Bits<64>,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminExec {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Sweep.
    pub clear: Signal<In, Bit>,
    /// Begin.
    pub go: Signal<In, Bit>,
    /// It is a poll event.
    pub poll: Signal<In, Bit>,
    /// Last cycle of the event.
    pub commit: Signal<In, Bit>,
    /// The MMU's invalidation is pending.
    pub inv_pending: Signal<In, Bit>,
    /// The count of the epoch that is not current is 0.
    pub other_zero: Signal<In, Bit>,
    /// The count of the other message epoch is 0.
    pub msg_old_zero: Signal<In, Bit>,
    /// Done; the last cycle.
    pub done: Signal<Out, Bit>,
    /// `NEXT_*`, with `done`.
    pub follow: Signal<Out, Bits<3>>,
    /// Op for the control unit, with `done`.
    pub op: Signal<Out, CtlOp>,
    /// Message, for NEXT_MSI.
    pub msg: Signal<Out, Message>,
    /// The message epoch changes.
    pub msg_flip: Signal<Out, Bit>,
    /// Bytes of the answer.
    pub len: Signal<Out, Bits<8>>,
    /// Word wanted from the command buffer.
    pub cmd_addr: Signal<Out, Bits<4>>,
    /// The word of the cycle before.
    pub cmd_data: Signal<In, Bits<64>>,
    /// Write a word of the answer.
    pub ans_we: Signal<Out, Bit>,
    /// Which.
    pub ans_addr: Signal<Out, Bits<4>>,
    /// It.
    pub ans_data: Signal<Out, Bits<64>>,
    /// Access to the context memories.
    pub ctx: Signal<Out, CtxCmd>,
    pub dev: Signal<In, DevRec>,
    pub vq: Signal<In, VqRec>,
    pub cnt: Signal<In, VqCnt>,
    pub msi: Signal<In, MsiRec>,
    pub cmsi: Signal<In, MsiRec>,
    pub page: Signal<In, Bits<18>>,
    pub slot: Signal<In, SlotRec>,
    pub cfg: Signal<In, Bits<64>>,
    pub asid: Signal<In, AsidEntry>,
    /// Put `free_slot` into the free list.
    pub free_push: Signal<Out, Bit>,
    pub free_slot: Signal<Out, Bits<8>>,
    /// Put `ready_vq` into the ready FIFO.
    pub ready_push: Signal<Out, Bit>,
    pub ready_vq: Signal<Out, Bits<18>>,
    /// Effects.
    pub inv_set: Signal<Out, Bit>,
    pub inv: Signal<Out, InvCmd>,
    pub asid_we: Signal<Out, Bit>,
    pub asid_addr: Signal<Out, Bits<17>>,
    pub asid_data: Signal<Out, AsidEntry>,
    pub cnt_interrupts_inc: Signal<Out, Bit>,
    /// `may` of slot `may_slot` is to be cleared.
    pub may_clear: Signal<Out, Bit>,
    /// Slot.
    pub may_slot: Signal<Out, Bits<8>>,
    /// The MMU's counters go into the answer.
    pub mmu_stats: Signal<Out, Bit>,
    words: AdminWords,
    ops: AdminOps,
    check: AdminCheck,
    planner: AdminPlan,
    vq_planner: AdminPlanVq,
    steps: AdminSteps,
    slots: AdminSlots,
    vqs: AdminVqs,
    config_pass: AdminCfg,
    reply: AdminReply,
    use_own: DFF<Bits<128>>,
    use_managed: DFF<Bits<128>>,
    config_slot: Signal<Local, Bit>,
    wanted: Signal<Local, WordPair>,
    access: Signal<Local, CtxCmd>,
    unused_plan: Signal<Local, Bits<{ <Plan as Synth>::BITS }>>,
    no_access: Constant<CtxCmd>,
    no_pair: Constant<WordPair>,
    no_op: Constant<CtlOp>,
    no_cnt: Constant<VqCnt>,
    no_msi: Constant<MsiRec>,
    nobody: Constant<Bits<18>>,
    type_net: Constant<Bits<8>>,
    managed_group: Constant<Bits<16>>,
    config_msi: Constant<Bits<16>>,
    lists: Constant<Bits<128>>,
    vqs_check: Constant<Bits<3>>,
    admin_slot: Constant<Bits<8>>,
    kind_xl: Constant<Bits<2>>,
    no_msg: Constant<Message>,
    write_bit: Constant<Bits<6>>,
}

impl AdminExec {
    /// The block for a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, clear, go, poll, commit, inv_pending, other_zero, msg_old_zero, done, follow, op, msg, msg_flip, len, cmd_addr, cmd_data,
            ans_we, ans_addr, ans_data, ctx, dev, vq, cnt, msi, cmsi, page, slot, cfg, asid, free_push, free_slot,
            ready_push, ready_vq, inv_set, inv, asid_we, asid_addr, asid_data, cnt_interrupts_inc, may_clear, may_slot, mmu_stats, words, ops, planner,
            vq_planner, steps, vqs, config_pass, use_own, use_managed, config_slot,
            wanted, access, unused_plan;
            no_access = CtxCmd::default(),
            no_pair = WordPair::default(),
            no_op = CtlOp::default(),
            no_cnt = VqCnt::default(),
            no_msi = MsiRec::default(),
            nobody = 0u64,
            type_net = u64::from(ring::TYPE_NET),
            managed_group = u64::from(cmd::GROUP_MANAGED),
            config_msi = u64::from(cmd::CONFIG_MSI),
            lists = (1u64 << cmd::LIST_QUERY) | (1 << cmd::LIST_USE),
            vqs_check = VQS_CHECK,
            admin_slot = p.admin_slot() as u64,
            kind_xl = CTL_XL,
            no_msg = Message::default(),
            write_bit = 32u64;
            check = AdminCheck::new(p),
            slots = AdminSlots::new(p),
            reply = AdminReply::new(p)
        )
    }
}

impl Logic for AdminExec {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, use_own, use_managed);
        clock!(self, clock, words, steps, slots, vqs, config_pass);
        self.config_slot.next = self.ops.flags.val().config_set
            | ((self.ops.flags.val().msi_set | self.ops.flags.val().msi_get)
                & (self.words.d0.val().get_bits::<16>(0) == self.config_msi.val()));
        self.unused_plan.next = self.steps.plan.val().into();
        // The words of the command.
        self.words.reset.next = self.reset.val();
        self.words.go.next = self.steps.words_go.val();
        self.words.data.next = self.cmd_data.val();
        self.cmd_addr.next = self.words.addr.val();
        if self.steps.in_cfg.val() {
            self.cmd_addr.next = self.config_pass.cmd_addr.val();
        }
        self.ops.opcode.next = self.words.opcode.val();
        // Tests.
        self.check.flags.next = self.ops.flags.val();
        self.check.opcode.next = self.words.opcode.val();
        self.check.group.next = self.words.group.val();
        self.check.member.next = self.words.member.val();
        self.check.d0.next = self.words.d0.val();
        self.check.d1.next = self.words.d1.val();
        self.check.d2.next = self.words.d2.val();
        self.check.d3.next = self.words.d3.val();
        self.check.msi_address.next = self.words.msi_address.val();
        self.check.use_own.next = self.use_own.q.val();
        self.check.use_managed.next = self.use_managed.q.val();
        self.check.dev.next = self.steps.dev.val();
        self.check.vq_taken.next = self.steps.vq.val().ready | self.steps.vq.val().busy;
        // Plan.
        self.planner.flags.next = self.ops.flags.val();
        self.planner.managed.next = self.words.group.val() == self.managed_group.val();
        self.planner.phase.next = self.steps.phase.val();
        self.planner.was_stopped.next = self.steps.was_stopped.val();
        self.planner.d0.next = self.words.d0.val();
        self.planner.d1.next = self.words.d1.val();
        self.planner.d2.next = self.words.d2.val();
        self.planner.d3.next = self.words.d3.val();
        self.planner.dev.next = self.steps.dev.val();
        self.planner.msi.next = self.steps.msi.val();
        self.vq_planner.flags.next = self.ops.flags.val();
        self.vq_planner.phase.next = self.steps.phase.val();
        self.vq_planner.d0.next = self.words.d0.val();
        self.vq_planner.d1.next = self.words.d1.val();
        self.vq_planner.d2.next = self.words.d2.val();
        self.vq_planner.d3.next = self.words.d3.val();
        self.vq_planner.used_idx.next = self.words.used_idx.val();
        self.vq_planner.msi_mask.next = self.words.msi_mask.val();
        self.vq_planner.msi_valid.next = self.words.msi_valid.val();
        self.vq_planner.msi_address.next = self.words.msi_address.val();
        self.vq_planner.msi_data.next = self.words.msi_data.val();
        self.vq_planner.config_slot.next = self.config_slot.val();
        self.vq_planner.dev.next = self.steps.dev.val();
        self.vq_planner.vq.next = self.steps.vq.val();
        self.vq_planner.cnt.next = self.steps.cnt.val();
        self.vq_planner.msi.next = self.steps.msi.val();
        self.vq_planner.dev_plan.next = self.planner.plan.val();
        self.vq_planner.dev_msi.next = self.planner.msi_next.val();
        // Steps.
        self.steps.reset.next = self.reset.val();
        self.steps.clear.next = self.clear.val();
        self.steps.go.next = self.go.val();
        self.steps.poll.next = self.poll.val();
        self.steps.commit.next = self.commit.val();
        self.steps.inv_pending.next = self.inv_pending.val();
        self.steps.other_zero.next = self.other_zero.val();
        self.steps.msg_old_zero.next = self.msg_old_zero.val();
        self.msg_flip.next = self.steps.msg_flip.val();
        self.steps.flags.next = self.ops.flags.val();
        self.steps.index.next = self.words.d0.val().get_bits::<16>(0);
        self.steps.config_slot.next = self.config_slot.val();
        self.steps.words_done.next = self.words.done.val();
        self.steps.pre_ok.next = self.check.pre_ok.val();
        self.steps.pre_status.next = self.check.pre_status.val();
        self.steps.pre_qualifier.next = self.check.pre_qualifier.val();
        self.steps.ok.next = self.check.ok.val();
        self.steps.bad_status.next = self.check.status.val();
        self.steps.bad_qualifier.next = self.check.qualifier.val();
        self.steps.plan_in.next = self.vq_planner.plan.val();
        self.steps.dev_next.next = self.planner.dev_next.val();
        self.steps.vq_next.next = self.vq_planner.vq_next.val();
        self.steps.cnt_next.next = self.vq_planner.cnt_next.val();
        self.steps.msi_next.next = self.vq_planner.msi_next.val();
        self.steps.base_in.next = self.planner.base.val();
        self.steps.count_in.next = self.planner.count.val();
        self.steps.page_in.next = self.planner.page.val();
        self.steps.ctx_dev.next = self.dev.val();
        self.steps.ctx_vq.next = self.vq.val();
        self.steps.ctx_cnt.next = self.cnt.val();
        self.steps.ctx_msi.next = self.msi.val();
        self.steps.ctx_cmsi.next = self.cmsi.val();
        self.steps.ctx_page.next = self.page.val();
        self.steps.ctx_asid.next = self.asid.val();
        self.steps.vqs_done.next = self.vqs.done.val();
        self.steps.vqs_taken.next = self.vqs.taken.val();
        self.steps.slots_done.next = self.slots.done.val();
        self.steps.unbind.next = self.slots.unbind.val();
        self.steps.cfg_done.next = self.config_pass.done.val();
        self.steps.last.next = self.reply.last.val();
        self.steps.len_in.next = self.reply.len.val();
        self.done.next = self.steps.done.val();
        self.follow.next = self.steps.follow.val();
        self.len.next = self.steps.len.val();
        // Passes over slots, virtqueues and configuration.
        self.slots.reset.next = self.reset.val();
        self.slots.go.next = self.steps.slots_go.val();
        self.slots.base.next = self.steps.base.val();
        self.slots.count.next = self.steps.count.val();
        self.slots.by_vq.next = self.steps.plan.val().by_vq;
        self.slots.vq_id.next = self.steps.vq_id.val();
        self.slots.slot.next = self.slot.val();
        self.slots.vq.next = self.vq.val();
        self.vqs.reset.next = self.reset.val();
        self.vqs.go.next = self.steps.vqs_go.val();
        self.vqs.mode.next = self.steps.plan.val().vqs_mode;
        if self.steps.vqs_check.val() {
            self.vqs.mode.next = self.vqs_check.val();
        }
        self.vqs.base.next = self.steps.base.val();
        self.vqs.count.next = self.steps.count.val();
        self.vqs.member.next = self.words.member.val().get_bits::<18>(0);
        self.vqs.is_net.next = self.steps.dev.val().typ == self.type_net.val();
        self.vqs.running.next = self.steps.plan.val().running;
        self.vqs.vq.next = self.vq.val();
        self.config_pass.reset.next = self.reset.val();
        self.config_pass.go.next = self.steps.cfg_go.val();
        self.config_pass.mode.next = self.steps.plan.val().cfg_mode;
        self.config_pass.chosen.next = self.words.d0.val();
        self.config_pass.cmd_data.next = self.cmd_data.val();
        self.config_pass.cfg.next = self.cfg.val();
        // Context memories: whoever is at work.
        self.access.next = self.no_access.val();
        self.access.next.dev_addr = self.words.member.val().get_bits::<18>(0);
        self.access.next.vq_addr = self.steps.vq_id.val();
        self.access.next.page_addr = self.steps.page.val();
        self.access.next.slot_addr = self.slots.slot_addr.val();
        self.access.next.cfg_word = self.config_pass.cfg_word.val();
        self.access.next.dev_we = self.steps.dev_write.val() & self.steps.plan.val().dev_we;
        self.access.next.cmsi_we = self.steps.dev_write.val() & self.steps.plan.val().cmsi_we;
        self.access.next.page_we = self.steps.dev_write.val() & self.steps.plan.val().page_we;
        self.access.next.vq_we = self.steps.vq_write.val() & self.steps.plan.val().vq_we;
        self.access.next.msi_we = self.steps.vq_write.val() & self.steps.plan.val().msi_we;
        self.access.next.cnt_we = self.steps.vq_write.val() & self.steps.plan.val().cnt_we;
        self.access.next.slot_we = self.slots.slot_we.val();
        self.access.next.cfg_we = self.config_pass.cfg_we.val();
        self.access.next.dev = self.steps.dev.val();
        self.access.next.vq = self.steps.vq.val();
        self.access.next.cnt = self.steps.cnt.val();
        self.access.next.msi = self.steps.msi.val();
        self.access.next.cmsi = self.steps.msi.val();
        self.access.next.slot = self.slots.slot_data.val();
        self.access.next.cfg = self.config_pass.cfg_data.val();
        self.access.next.page = self.nobody.val();
        if self.steps.plan.val().page_own {
            self.access.next.page = self.words.member.val().get_bits::<18>(0);
        }
        self.free_push.next = self.slots.slot_we.val();
        self.free_slot.next = self.slots.slot_addr.val();
        self.ready_push.next = self.steps.vq_write.val() & self.steps.plan.val().ready_push;
        self.ready_vq.next = self.steps.vq_id.val();
        if self.steps.in_slots.val() {
            self.access.next.vq_addr = self.slots.vq_addr.val();
            self.access.next.vq_we = self.slots.vq_we.val();
            self.access.next.vq = self.slots.vq_data.val();
            self.ready_push.next = self.slots.ready_push.val();
            self.ready_vq.next = self.slots.vq_addr.val();
        }
        if self.steps.in_vqs.val() {
            self.access.next.vq_addr = self.vqs.vq_addr.val();
            self.access.next.vq_we = self.vqs.vq_we.val();
            self.access.next.vq = self.vqs.vq_data.val();
            self.access.next.cnt_we = self.vqs.cnt_clear.val();
            self.access.next.cnt = self.no_cnt.val();
            self.access.next.msi_we = self.vqs.msi_clear.val();
            self.access.next.msi = self.no_msi.val();
            self.ready_push.next = self.vqs.ready_push.val();
            self.ready_vq.next = self.vqs.vq_addr.val();
        }
        self.ctx.next = self.access.val();
        // Answer.
        self.reply.flags.next = self.ops.flags.val();
        self.reply.managed.next = self.words.group.val() == self.managed_group.val();
        self.reply.status.next = self.steps.status.val();
        self.reply.qualifier.next = self.steps.qualifier.val();
        self.reply.asid_id.next = self.words.d0.val().get_bits::<32>(0);
        self.reply.asid.next = self.steps.asid.val();
        self.reply.dev.next = self.steps.dev.val();
        self.reply.vq.next = self.steps.vq.val();
        self.reply.cnt.next = self.steps.cnt.val();
        self.reply.msi.next = self.steps.msi.val();
        self.reply.at.next = self.steps.at.val();
        self.ans_we.next = self.steps.answer.val() | self.config_pass.ans_we.val();
        self.ans_addr.next = self.config_pass.ans_addr.val();
        self.ans_data.next = self.cfg.val();
        if self.steps.answer.val() {
            self.ans_addr.next = self.steps.at.val();
            self.ans_data.next = self.reply.word.val();
        }
        // The op that has to come first, the translation; the message.
        self.op.next = self.no_op.val();
        self.op.next.slot = self.admin_slot.val();
        self.op.next.kind = self.kind_xl.val();
        self.op.next.msi = self.words.d0.val().get_bit(self.write_bit.val().index());
        self.op.next.asid = self.words.d0.val().get_bits::<17>(0);
        self.op.next.va = self.words.d1.val();
        self.msg.next = self.no_msg.val();
        self.msg.next.address = self.steps.msi.val().address;
        self.msg.next.data = self.steps.msi.val().data;
        // Effects.
        self.inv_set.next = self.steps.plan.val().inv;
        self.inv.next = self.planner.inv.val();
        self.asid_we.next = self.steps.plan.val().asid;
        self.asid_addr.next = self.words.d0.val().get_bits::<17>(0);
        self.asid_data.next = self.planner.asid.val();
        self.cnt_interrupts_inc.next = self.steps.plan.val().interrupt;
        self.may_clear.next = self.steps.plan.val().may_clear;
        self.may_slot.next = self.steps.vq.val().slot;
        self.mmu_stats.next = self.steps.plan.val().mmu_stats;
        self.wanted.next = self.no_pair.val();
        self.wanted.next.lo = self.words.d0.val();
        self.wanted.next.hi = self.words.d1.val();
        if self.steps.plan.val().use_own {
            self.use_own.d.next = self.wanted.val().into();
        }
        if self.steps.plan.val().use_managed {
            self.use_managed.d.next = self.wanted.val().into();
        }
        if self.reset.val() | self.clear.val() {
            self.use_own.d.next = self.lists.val();
            self.use_managed.d.next = self.lists.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_exec_lints_clean() {
        crate::util::assert_lint_clean("admin_exec", AdminExec::new(&shoal_abi::profile::TINY));
    }
}
