//! The admin commands of the core: `adminq` says when one is there, `admin_exec` runs it, its answer waits here to be written.
//!
//! `admin_state` goes from event to event, `admin_answer` holds the answer, `admin_stats` completes that of MMU_STATS_GET. Only wiring here. Contract §9, §10.
//!
//! How an event of the admin goes:
//!
//! * The core picks it in cycle t: source ADM when `req` is 1, or a completion of the admin slot.
//! * `start` is 1 in cycle t+1, `busy` in t+1..=t+N, `commit` in t+N (N = 7; N = 127 if the source is ADM and `exec` was 1 in
//!   cycle t). `ev` stands still from t+1 to t+N and shows the pick cycle: what another unit said (`ev.live`,
//!   `ev.inv_pending`, `ev.other_zero`) is to be read there. `ev.src` is COMP or ADM.
//! * While `busy`, the block alone owns the context memories through `ctx` (one address a memory; data one cycle after the
//!   address; a read in the same cycle as a write at that address gives the old record). Outside `busy`, `ctx` is ignored.
//!   Only the core looks at contexts, at `queued` and at the ready FIFO, so they may change in any busy cycle.
//! * `ready_push` may be 1 in any busy cycle: puts `ready_vq` into the ready FIFO. `queued` in the record is the block's work.
//! * So may the free list: `free_push` puts `free_slot` into it. `inflight`, `busy` and `again` are the block's work.
//! * Everything below "effects" counts in the cycle of `commit` only (at the edge that ends it); what is shown before is ignored.
//! * The block's own state changes at the commit edge too, but for the poll timer's countdown, `exec_begin`, `answer_done`, and
//!   Scatter, which ends when the queue is not live.
//! * `clear` is 1 in every sweep cycle (READY = 0): LIST_USE sets back. It comes after port reset and in a warm reset, only when
//!   the block is idle.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::admin_answer::AdminAnswer;
use crate::admin_exec::AdminExec;
use crate::admin_state::AdminState;
use crate::admin_stats::AdminStats;
use crate::block_default;
use crate::ctx_types::{CoreEv, CtxCmd, DevRec, MsiRec, SlotRec, VqCnt, VqRec};
use crate::mmu_types::MmuCounts;
use crate::types::{AsidEntry, CtlOp, InvCmd, Message};

/// See the file's text.
#[derive(LogicBlock)]
pub struct Admin {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Sweep: back to the first state.
    pub clear: Signal<In, Bit>,
    /// The admin queue is live.
    pub live: Signal<In, Bit>,
    /// A command is there: Idle to Exec.
    pub exec_begin: Signal<In, Bit>,
    /// The answer is on its way: Scatter to Idle.
    pub answer_done: Signal<In, Bit>,
    /// Word wanted of the command.
    pub cmd_addr: Signal<Out, Bits<4>>,
    /// The word of the cycle before.
    pub cmd_data: Signal<In, Bits<64>>,
    /// Bytes of the answer.
    pub answer_len: Signal<Out, Bits<8>>,
    /// Place in the answer, bytes.
    pub ans_at: Signal<In, Bits<7>>,
    /// The answer's bytes from the `ans_at` of the cycle before on.
    pub ans_data: Signal<Out, Bits<64>>,
    /// Counters of the MMU.
    pub mmu_counts: Signal<In, MmuCounts>,
    /// Source ADM requests.
    pub req: Signal<Out, Bit>,
    /// The state is Exec.
    pub exec: Signal<Out, Bit>,
    /// The state is Idle.
    pub idle: Signal<Out, Bit>,
    /// The state is Scatter.
    pub scatter: Signal<Out, Bit>,
    /// First busy cycle.
    pub start: Signal<In, Bit>,
    /// A busy cycle.
    pub busy: Signal<In, Bit>,
    /// Last busy cycle.
    pub commit: Signal<In, Bit>,
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// Access of this cycle.
    pub ctx: Signal<Out, CtxCmd>,
    /// Device.
    pub dev: Signal<In, DevRec>,
    /// Virtqueue.
    pub vq: Signal<In, VqRec>,
    /// Its counters.
    pub cnt: Signal<In, VqCnt>,
    /// Its MSI slot.
    pub msi: Signal<In, MsiRec>,
    /// MSI slot of the device's configuration.
    pub cmsi: Signal<In, MsiRec>,
    /// Owner of the doorbell page, 0 none.
    pub page: Signal<In, Bits<18>>,
    /// Slot.
    pub slot: Signal<In, SlotRec>,
    /// Configuration word.
    pub cfg: Signal<In, Bits<64>>,
    /// ASID entry.
    pub asid: Signal<In, AsidEntry>,
    /// Put `free_slot` into the free list.
    pub free_push: Signal<Out, Bit>,
    /// Chain slot.
    pub free_slot: Signal<Out, Bits<8>>,
    /// Push `ready_vq` into the ready FIFO.
    pub ready_push: Signal<Out, Bit>,
    /// Virtqueue context.
    pub ready_vq: Signal<Out, Bits<18>>,
    /// Push `op` to the control unit.
    pub op_push: Signal<Out, Bit>,
    /// The op.
    pub op: Signal<Out, CtlOp>,
    /// Push `msg` into the message FIFO.
    pub msg_push: Signal<Out, Bit>,
    /// Message.
    pub msg: Signal<Out, Message>,
    /// The message epoch changes.
    pub msg_flip: Signal<Out, Bit>,
    /// Start the invalidation `inv`.
    pub inv_set: Signal<Out, Bit>,
    /// It.
    pub inv: Signal<Out, InvCmd>,
    /// Write `asid_data` at `asid_addr`.
    pub asid_we: Signal<Out, Bit>,
    /// ASID.
    pub asid_addr: Signal<Out, Bits<17>>,
    /// Entry.
    pub asid_data: Signal<Out, AsidEntry>,
    /// CNT_INTERRUPTS += 1.
    pub cnt_interrupts_inc: Signal<Out, Bit>,
    /// The MSI slot of a virtqueue changes that is bound to slot `may_slot`: no message of that is sent ahead.
    pub may_clear: Signal<Out, Bit>,
    /// Slot.
    pub may_slot: Signal<Out, Bits<8>>,
    turns: AdminState,
    answer: AdminAnswer,
    stats: AdminStats,
    run: AdminExec,
    unused_busy: Signal<Local, Bit>,
}

impl Admin {
    /// The block for a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, clear, live, exec_begin, answer_done, cmd_addr, cmd_data, answer_len, ans_at, ans_data, mmu_counts, req, exec,
            idle, scatter, start, busy, commit, ev, ctx, dev, vq, cnt, msi, cmsi, page, slot, cfg, asid, free_push, free_slot,
            ready_push, ready_vq, op_push, op, msg_push, msg, msg_flip, inv_set, inv, asid_we, asid_addr, asid_data, cnt_interrupts_inc, may_clear, may_slot, turns, answer, stats,
            unused_busy;
            ;
            run = AdminExec::new(p)
        )
    }
}

impl Logic for Admin {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, turns, answer, stats, run);
        self.unused_busy.next = self.busy.val();
        // From event to event.
        self.turns.reset.next = self.reset.val();
        self.turns.clear.next = self.clear.val();
        self.turns.live.next = self.live.val();
        self.turns.exec_begin.next = self.exec_begin.val();
        self.turns.answer_done.next = self.answer_done.val();
        self.turns.start.next = self.start.val();
        self.turns.commit.next = self.commit.val();
        self.turns.ev.next = self.ev.val();
        self.turns.run_done.next = self.run.done.val();
        self.turns.run_follow.next = self.run.follow.val();
        self.turns.run_op.next = self.run.op.val();
        self.turns.run_msg.next = self.run.msg.val();
        self.req.next = self.turns.req.val();
        self.exec.next = self.turns.exec.val();
        self.idle.next = self.turns.idle.val();
        self.scatter.next = self.turns.scatter.val();
        self.op_push.next = self.turns.op_push.val();
        self.op.next = self.turns.op.val();
        self.msg_push.next = self.turns.msg_push.val();
        self.msg.next = self.turns.msg.val();
        self.msg_flip.next = self.run.msg_flip.val();
        // Answer buffer.
        self.answer.we.next = self.run.ans_we.val() | self.turns.ans_we.val() | self.stats.we.val();
        self.answer.addr.next = self.run.ans_addr.val();
        self.answer.data.next = self.run.ans_data.val();
        if self.turns.ans_we.val() {
            self.answer.addr.next = self.turns.ans_addr.val();
            self.answer.data.next = self.turns.ans_data.val();
        }
        if self.stats.we.val() {
            self.answer.addr.next = self.stats.addr.val();
            self.answer.data.next = self.stats.data.val();
        }
        self.stats.reset.next = self.reset.val();
        self.stats.start.next = self.start.val();
        self.stats.commit.next = self.commit.val();
        self.stats.take.next = self.commit.val() & self.run.mmu_stats.val();
        self.stats.counts.next = self.mmu_counts.val();
        self.answer.read_at.next = self.ans_at.val();
        self.ans_data.next = self.answer.read_data.val();
        self.answer_len.next = self.run.len.val();
        // Execution.
        self.run.reset.next = self.reset.val();
        self.run.clear.next = self.clear.val();
        self.run.go.next = self.turns.run_go.val();
        self.run.poll.next = self.turns.run_poll.val();
        self.run.commit.next = self.commit.val();
        self.run.inv_pending.next = self.ev.val().inv_pending;
        self.run.other_zero.next = self.ev.val().other_zero;
        self.run.msg_old_zero.next = self.ev.val().msg_old_zero;
        self.run.cmd_data.next = self.cmd_data.val();
        self.cmd_addr.next = self.run.cmd_addr.val();
        self.run.dev.next = self.dev.val();
        self.run.vq.next = self.vq.val();
        self.run.cnt.next = self.cnt.val();
        self.run.msi.next = self.msi.val();
        self.run.cmsi.next = self.cmsi.val();
        self.run.page.next = self.page.val();
        self.run.slot.next = self.slot.val();
        self.run.cfg.next = self.cfg.val();
        self.run.asid.next = self.asid.val();
        self.ctx.next = self.run.ctx.val();
        self.free_push.next = self.run.free_push.val();
        self.free_slot.next = self.run.free_slot.val();
        self.ready_push.next = self.run.ready_push.val();
        self.ready_vq.next = self.run.ready_vq.val();
        self.inv_set.next = self.run.inv_set.val();
        self.inv.next = self.run.inv.val();
        self.asid_we.next = self.run.asid_we.val();
        self.asid_addr.next = self.run.asid_addr.val();
        self.asid_data.next = self.run.asid_data.val();
        self.cnt_interrupts_inc.next = self.run.cnt_interrupts_inc.val();
        self.may_clear.next = self.run.may_clear.val();
        self.may_slot.next = self.run.may_slot.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_lints_clean() {
        crate::util::assert_lint_clean("admin", Admin::new(&shoal_abi::profile::TINY));
    }
}

#[cfg(test)]
#[path = "admin_bench.rs"]
mod bench;
#[cfg(test)]
#[path = "admin_tests.rs"]
mod command_tests;
#[cfg(test)]
#[path = "admin_share_tests.rs"]
mod share_tests;
