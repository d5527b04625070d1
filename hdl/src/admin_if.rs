//! The ports by which the admin block sits in the core, and a stand-in behind them that never asks for anything.
//!
//! `admin.rs` has exactly these ports. How an event of the admin goes:
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

use crate::block_default;
use crate::ctx_types::{CoreEv, CtxCmd, DevRec, MsiRec, SlotRec, VqCnt, VqRec};
use crate::types::{AsidEntry, CtlOp, InvCmd};

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminStub {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Sweep: back to the first state of the queue.
    pub clear: Signal<In, Bit>,
    // Requests; seen in every cycle.
    /// `admin_kick`.
    pub kick: Signal<In, Bit>,
    /// The admin queue is live.
    pub live: Signal<In, Bit>,
    /// A warm reset is going on.
    pub warm: Signal<In, Bit>,
    /// Source ADM requests (contract §3, table).
    pub req: Signal<Out, Bit>,
    /// The state is Exec: an ADM event picked now takes 127 cycles.
    pub exec: Signal<Out, Bit>,
    /// The state is Idle.
    pub idle: Signal<Out, Bit>,
    // The event.
    /// First busy cycle.
    pub start: Signal<In, Bit>,
    /// A busy cycle.
    pub busy: Signal<In, Bit>,
    /// Last busy cycle.
    pub commit: Signal<In, Bit>,
    /// The event.
    pub ev: Signal<In, CoreEv>,
    // Registers of the admin queue; they do not change once the queue is live.
    /// Descriptor table.
    pub adm_desc: Signal<In, Bits<64>>,
    /// Available ring.
    pub adm_driver: Signal<In, Bits<64>>,
    /// Used ring.
    pub adm_device: Signal<In, Bits<64>>,
    /// Entries.
    pub adm_size: Signal<In, Bits<16>>,
    // The context memories, one cycle after `ctx`.
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
    pub page: Signal<In, Bits<17>>,
    /// Slot.
    pub slot: Signal<In, SlotRec>,
    /// Configuration word.
    pub cfg: Signal<In, Bits<64>>,
    /// ASID entry at `asid_addr` of the cycle before.
    pub asid: Signal<In, AsidEntry>,
    /// A slot owns the transmit mover.
    pub tx_owned: Signal<In, Bit>,
    /// Which, if so.
    pub tx_owner: Signal<In, Bits<3>>,
    /// Push `ready_vq` into the ready FIFO.
    pub ready_push: Signal<Out, Bit>,
    /// Virtqueue context.
    pub ready_vq: Signal<Out, Bits<18>>,
    // Effects, in the cycle of `commit`.
    /// Push `op` to the control unit (client 5).
    pub op_push: Signal<Out, Bit>,
    /// The op.
    pub op: Signal<Out, CtlOp>,
    /// Start the invalidation `inv`.
    pub inv_set: Signal<Out, Bit>,
    /// It.
    pub inv: Signal<Out, InvCmd>,
    /// Write `asid_data` at `asid_addr`.
    pub asid_we: Signal<Out, Bit>,
    /// ASID; also the read address, in any cycle.
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
    no_ctx: Constant<CtxCmd>,
    no_op: Constant<CtlOp>,
    no_inv: Constant<InvCmd>,
    no_asid: Constant<AsidEntry>,
    none18: Constant<Bits<18>>,
    none17: Constant<Bits<17>>,
}

impl Default for AdminStub {
    fn default() -> Self {
        block_default!(
            clock, reset, clear, kick, live, warm, req, exec, idle, start, busy, commit, ev, adm_desc, adm_driver,
            adm_device, adm_size, ctx, dev, vq, cnt, msi, cmsi, page, slot, cfg, asid, tx_owned, tx_owner, ready_push,
            ready_vq, op_push, op, inv_set, inv, asid_we, asid_addr, asid_data, needs_reset_set, raise_config,
            raise_queue, cnt_admin_inc, cnt_interrupts_inc;
            no_ctx = CtxCmd::default(), no_op = CtlOp::default(), no_inv = InvCmd::default(),
            no_asid = AsidEntry::default(), none18 = 0u64, none17 = 0u64
        )
    }
}

impl Logic for AdminStub {
    #[hdl_gen]
    fn update(&mut self) {
        self.req.next = false;
        self.exec.next = false;
        self.idle.next = true;
        self.ctx.next = self.no_ctx.val();
        self.ready_push.next = false;
        self.ready_vq.next = self.none18.val();
        self.op_push.next = false;
        self.op.next = self.no_op.val();
        self.inv_set.next = false;
        self.inv.next = self.no_inv.val();
        self.asid_we.next = false;
        self.asid_addr.next = self.none17.val();
        self.asid_data.next = self.no_asid.val();
        self.needs_reset_set.next = false;
        self.raise_config.next = false;
        self.raise_queue.next = false;
        self.cnt_admin_inc.next = false;
        self.cnt_interrupts_inc.next = false;
    }
}
