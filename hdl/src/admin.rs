//! The admin queue and its commands.
//!
//! `admin_queue` goes from the available ring to the used ring, `admin_desc` along the chain, `admin_ring` says which access that takes, `admin_cmdbuf` and `admin_answer` hold a command and its
//! answer, `admin_exec` runs it. Only wiring here. Contract §9, §10.
//!
//! How an event of the admin goes:
//!
//! * The core picks it in cycle t: source ADM when `req` is 1, or a completion (CTLR, CTLB, CTLX) whose client is 5.
//! * `start` is 1 in cycle t+1, `busy` in t+1..=t+N, `commit` in t+N (N = 7; N = 127 if the source is ADM and `exec` was 1 in
//!   cycle t). `ev` stands still from t+1 to t+N and shows the pick cycle: what another unit said (`ev.warm`,
//!   `ev.inv_pending`, `ev.other_zero`) is to be read there. `ev.src` is 0, 1, 2 or 6.
//! * While `busy`, the block alone owns the context memories through `ctx` (one address a memory; data one cycle after the
//!   address; a read in the same cycle as a write at that address gives the old record). Outside `busy`, `ctx` is ignored.
//!   Only the core looks at contexts, at `queued` and at the ready FIFO, so they may change in any busy cycle.
//! * `ready_push` may be 1 in any busy cycle: puts `ready_vq` into the ready FIFO. `queued` in the record is the block's work.
//! * Writing a slot record whose state is Idle frees the slot. `inflight`, `busy` and `again` are the block's work.
//! * Everything below "effects" counts in the cycle of `commit` only (at the edge that ends it); what is shown before is ignored.
//! * The block's own state (queue indices, poll timer, the ADM state) should change at the commit edge too, the poll timer's
//!   countdown apart. Chain of an ADM kick: `admin_kick` is cleared by the core at the pick edge if `idle` was 1.
//! * `clear` is 1 in every sweep cycle (READY = 0): queue indices 0, LIST_USE sets back. It comes after port reset and in a warm
//!   reset, only when the block is idle.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::admin_answer::AdminAnswer;
use crate::admin_cmdbuf::AdminCmdBuf;
use crate::admin_desc::AdminDesc;
use crate::admin_exec::AdminExec;
use crate::admin_queue::AdminQueue;
use crate::admin_ring::AdminRing;
use crate::block_default;
use crate::ctx_types::{CoreEv, CtxCmd, DevRec, MsiRec, SlotRec, VqCnt, VqRec};
use crate::types::{AsidEntry, CtlOp, InvCmd};

/// See the file's text.
#[derive(LogicBlock)]
pub struct Admin {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Sweep: back to the first state of the queue.
    pub clear: Signal<In, Bit>,
    /// `admin_kick`.
    pub kick: Signal<In, Bit>,
    /// The admin queue is live.
    pub live: Signal<In, Bit>,
    /// A warm reset is going on.
    pub warm: Signal<In, Bit>,
    /// Source ADM requests.
    pub req: Signal<Out, Bit>,
    /// The state is Exec.
    pub exec: Signal<Out, Bit>,
    /// The state is Idle.
    pub idle: Signal<Out, Bit>,
    /// First busy cycle.
    pub start: Signal<In, Bit>,
    /// A busy cycle.
    pub busy: Signal<In, Bit>,
    /// Last busy cycle.
    pub commit: Signal<In, Bit>,
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// Descriptor table.
    pub adm_desc: Signal<In, Bits<64>>,
    /// Available ring.
    pub adm_driver: Signal<In, Bits<64>>,
    /// Used ring.
    pub adm_device: Signal<In, Bits<64>>,
    /// Entries.
    pub adm_size: Signal<In, Bits<16>>,
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
    /// A slot owns the transmit mover.
    pub tx_owned: Signal<In, Bit>,
    /// Which, if so.
    pub tx_owner: Signal<In, Bits<3>>,
    /// Push `ready_vq` into the ready FIFO.
    pub ready_push: Signal<Out, Bit>,
    /// Virtqueue context.
    pub ready_vq: Signal<Out, Bits<18>>,
    /// Push `op` to the control unit.
    pub op_push: Signal<Out, Bit>,
    /// The op.
    pub op: Signal<Out, CtlOp>,
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
    /// device_status |= NEEDS_RESET.
    pub needs_reset_set: Signal<Out, Bit>,
    /// Raise the configuration vector.
    pub raise_config: Signal<Out, Bit>,
    /// Raise the admin queue's vector.
    pub raise_queue: Signal<Out, Bit>,
    /// CNT_ADMIN += 1.
    pub cnt_admin_inc: Signal<Out, Bit>,
    /// CNT_INTERRUPTS += 1.
    pub cnt_interrupts_inc: Signal<Out, Bit>,
    queue: AdminQueue,
    chain: AdminDesc,
    ring: AdminRing,
    command: AdminCmdBuf,
    answer: AdminAnswer,
    run: AdminExec,
    unused_busy: Signal<Local, Bit>,
}

impl Admin {
    /// The block for a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, clear, kick, live, warm, req, exec, idle, start, busy, commit, ev, adm_desc, adm_driver,
            adm_device, adm_size, ctx, dev, vq, cnt, msi, cmsi, page, slot, cfg, asid, tx_owned, tx_owner, ready_push,
            ready_vq, op_push, op, inv_set, inv, asid_we, asid_addr, asid_data, needs_reset_set, raise_config,
            raise_queue, cnt_admin_inc, cnt_interrupts_inc, queue, chain, ring, command, answer, unused_busy;
            ;
            run = AdminExec::new(p)
        )
    }
}

impl Logic for Admin {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, queue, chain, command, answer, run);
        self.unused_busy.next = self.busy.val();
        // Queue.
        self.queue.reset.next = self.reset.val();
        self.queue.clear.next = self.clear.val();
        self.queue.kick.next = self.kick.val();
        self.queue.live.next = self.live.val();
        self.queue.warm.next = self.warm.val();
        self.queue.start.next = self.start.val();
        self.queue.commit.next = self.commit.val();
        self.queue.ev.next = self.ev.val();
        self.queue.adm_size.next = self.adm_size.val();
        self.queue.run_done.next = self.run.done.val();
        self.queue.run_follow.next = self.run.follow.val();
        self.queue.run_op.next = self.run.op.val();
        self.queue.len.next = self.run.len.val();
        self.queue.ring_op.next = self.ring.op.val();
        self.queue.ring_low.next = self.ring.low.val();
        self.queue.ring_piece.next = self.ring.piece.val();
        self.queue.ring_two.next = self.ring.two.val();
        self.queue.piece.next = self.answer.piece.val();
        self.req.next = self.queue.req.val();
        self.exec.next = self.queue.exec.val();
        self.idle.next = self.queue.idle.val();
        self.op_push.next = self.queue.op_push.val();
        self.op.next = self.queue.op.val();
        self.needs_reset_set.next = self.queue.needs_reset_set.val();
        self.raise_config.next = self.queue.raise_config.val();
        self.raise_queue.next = self.queue.raise_queue.val();
        self.cnt_admin_inc.next = self.queue.cnt_admin_inc.val();
        // Chain.
        self.chain.begin_at.next = self.queue.desc_begin.val();
        self.chain.head.next = self.queue.desc_head.val();
        self.chain.adm_desc.next = self.adm_desc.val();
        self.chain.adm_size.next = self.adm_size.val();
        self.chain.take.next = self.queue.desc_take.val();
        self.chain.word.next = self.ev.val().word;
        self.chain.data.next = self.ev.val().data;
        self.chain.walk.next = self.queue.desc_walk.val();
        self.chain.follow.next = self.queue.desc_follow.val();
        self.queue.desc_addr.next = self.chain.addr.val();
        self.queue.desc_len.next = self.chain.len.val();
        self.queue.is_table.next = self.chain.is_table.val();
        self.queue.writable.next = self.chain.writable.val();
        self.queue.has_next.next = self.chain.has_next.val();
        self.queue.illegal.next = self.chain.illegal.val();
        self.queue.next_illegal.next = self.chain.next_illegal.val();
        // Rings.
        self.ring.kind.next = self.queue.kind.val();
        self.ring.adm_driver.next = self.adm_driver.val();
        self.ring.adm_device.next = self.adm_device.val();
        self.ring.adm_size.next = self.adm_size.val();
        self.ring.last_avail.next = self.queue.last_avail.val();
        self.ring.used_idx.next = self.queue.used_idx.val();
        self.ring.head.next = self.queue.head.val();
        self.ring.desc_table.next = self.chain.desc_table.val();
        self.ring.index.next = self.chain.index.val();
        self.ring.va.next = self.queue.va.val();
        self.ring.left.next = self.queue.left.val();
        self.ring.pos.next = self.queue.pos.val();
        self.ring.written.next = self.queue.written.val();
        self.ring.len.next = self.run.len.val();
        // Command buffer.
        self.command.pos.next = self.queue.pos.val();
        self.command.put.next = self.queue.put.val();
        self.command.put_pos.next = self.queue.put_pos.val();
        self.command.put_low.next = self.queue.put_low.val();
        self.command.put_len.next = self.queue.put_len.val();
        self.command.put_data.next = self.queue.put_data.val();
        self.command.read_addr.next = self.run.cmd_addr.val();
        // Answer buffer.
        self.answer.written.next = self.queue.written.val();
        self.answer.len.next = self.queue.piece_len.val();
        self.answer.we.next = self.run.ans_we.val() | self.queue.ans_we.val();
        self.answer.addr.next = self.run.ans_addr.val();
        self.answer.data.next = self.run.ans_data.val();
        if self.queue.ans_we.val() {
            self.answer.addr.next = self.queue.ans_addr.val();
            self.answer.data.next = self.queue.ans_data.val();
        }
        // Execution.
        self.run.reset.next = self.reset.val();
        self.run.clear.next = self.clear.val();
        self.run.go.next = self.queue.run_go.val();
        self.run.poll.next = self.queue.run_poll.val();
        self.run.commit.next = self.commit.val();
        self.run.inv_pending.next = self.ev.val().inv_pending;
        self.run.other_zero.next = self.ev.val().other_zero;
        self.run.cmd_data.next = self.command.read_data.val();
        self.run.dev.next = self.dev.val();
        self.run.vq.next = self.vq.val();
        self.run.cnt.next = self.cnt.val();
        self.run.msi.next = self.msi.val();
        self.run.cmsi.next = self.cmsi.val();
        self.run.page.next = self.page.val();
        self.run.slot.next = self.slot.val();
        self.run.cfg.next = self.cfg.val();
        self.run.asid.next = self.asid.val();
        self.run.tx_owned.next = self.tx_owned.val();
        self.run.tx_owner.next = self.tx_owner.val();
        self.ctx.next = self.run.ctx.val();
        self.ready_push.next = self.run.ready_push.val();
        self.ready_vq.next = self.run.ready_vq.val();
        self.inv_set.next = self.run.inv_set.val();
        self.inv.next = self.run.inv.val();
        self.asid_we.next = self.run.asid_we.val();
        self.asid_addr.next = self.run.asid_addr.val();
        self.asid_data.next = self.run.asid_data.val();
        self.cnt_interrupts_inc.next = self.run.cnt_interrupts_inc.val();
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
