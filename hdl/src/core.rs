//! The core: owns all contexts and handles one event at a time.
//!
//! `sources` picks, `event` holds what was picked, `engine`, `admin` or `aux` works on it over the memories of `ctx`, and its
//! effects leave through the ports below, all at the edge that ends the event's last busy cycle. Timing: contract §3.
//! Ports named `*_pop` are in the pick cycle, `*_push`, `*_set`, `*_inc` and `raise_*` in the last busy cycle.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::admin::Admin;
use crate::aux::Aux;
use crate::block_default;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::event::EventHold;
use crate::fifo::Fifo;
use crate::outlet::Outlet;
use crate::slots::Slots;
use crate::sources::Sources;
use crate::sweep::Sweep;
use crate::types::{AsidEntry, CtlOp, EvB, EvR, EvX, InvCmd, RxDone, RxHead, RxOp, TxDone, TxOp};

/// See the file's text. Address bits of the context memories as in `Ctx`.
#[derive(LogicBlock)]
pub struct Core<const VQ: usize, const DEV: usize, const PAGE: usize, const ASID: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    // Control unit.
    /// Push `ctl_op`.
    pub ctl_op_push: Signal<Out, Bit>,
    /// Op.
    pub ctl_op: Signal<Out, CtlOp>,
    /// Its op FIFO is empty.
    pub ctl_op_empty: Signal<In, Bit>,
    /// It is idle.
    pub ctl_idle: Signal<In, Bit>,
    /// Translation event FIFO: valid.
    pub x_valid: Signal<In, Bit>,
    /// Translation event FIFO: head.
    pub x: Signal<In, EvX>,
    /// Translation event FIFO: pop.
    pub x_pop: Signal<Out, Bit>,
    /// Read event FIFO: valid.
    pub evr_valid: Signal<In, Bit>,
    /// Read event FIFO: head.
    pub evr: Signal<In, EvR>,
    /// Read event FIFO: pop.
    pub evr_pop: Signal<Out, Bit>,
    /// Write event FIFO: valid.
    pub evb_valid: Signal<In, Bit>,
    /// Write event FIFO: head.
    pub evb: Signal<In, EvB>,
    /// Write event FIFO: pop.
    pub evb_pop: Signal<Out, Bit>,
    // Transmit mover.
    /// Push `tx_op`. An event that pushes DATA and END pushes END one cycle later, which nobody can see.
    pub tx_op_push: Signal<Out, Bit>,
    /// Op.
    pub tx_op: Signal<Out, TxOp>,
    /// Ops in its op FIFO.
    pub tx_op_count: Signal<In, Bits<16>>,
    /// Its issue side is idle.
    pub tx_issue_idle: Signal<In, Bit>,
    /// Its done register is full.
    pub tx_done_valid: Signal<In, Bit>,
    /// It.
    pub tx_done: Signal<In, TxDone>,
    /// Empties it.
    pub tx_done_pop: Signal<Out, Bit>,
    // Receive mover.
    /// Give it `rx_op`.
    pub rx_op_set: Signal<Out, Bit>,
    /// Op.
    pub rx_op: Signal<Out, RxOp>,
    /// Its state is Free.
    pub rx_free: Signal<In, Bit>,
    /// So it is, and a packet has begun to arrive.
    pub rx_head_valid: Signal<In, Bit>,
    /// Side band of the packet's first beat.
    pub rx_head: Signal<In, RxHead>,
    /// Its done register is full.
    pub rx_done_valid: Signal<In, Bit>,
    /// It.
    pub rx_done: Signal<In, RxDone>,
    /// Empties it.
    pub rx_done_pop: Signal<Out, Bit>,
    // MMU and epochs.
    /// The MMU is idle.
    pub mmu_idle: Signal<In, Bit>,
    /// An invalidation is pending.
    pub inv_pending: Signal<In, Bit>,
    /// Start `inv`.
    pub inv_set: Signal<Out, Bit>,
    /// Invalidation.
    pub inv: Signal<Out, InvCmd>,
    /// Write `asid_data` at `asid_addr`.
    pub asid_we: Signal<Out, Bit>,
    /// ASID.
    pub asid_addr: Signal<Out, Bits<17>>,
    /// Entry.
    pub asid_data: Signal<Out, AsidEntry>,
    /// Sweep cycle: clear entry `sweep_index` of every table.
    pub sweep: Signal<Out, Bit>,
    /// Entry, modulo the table's size.
    pub sweep_index: Signal<Out, Bits<18>>,
    /// The count of the other epoch is 0.
    pub other_zero: Signal<In, Bit>,
    /// Both epoch counts are 0.
    pub all_zero: Signal<In, Bit>,
    // Registers.
    /// READY.
    pub ready: Signal<Out, Bit>,
    /// A warm reset is going on.
    pub warm: Signal<In, Bit>,
    /// It ends: clear `warm`.
    pub warm_clear: Signal<Out, Bit>,
    /// It ends: the registers get their reset values.
    pub restore: Signal<Out, Bit>,
    /// Doorbell FIFO: valid.
    pub db_valid: Signal<In, Bit>,
    /// Doorbell FIFO: page.
    pub db_page: Signal<In, Bits<18>>,
    /// Doorbell FIFO: index.
    pub db_index: Signal<In, Bits<16>>,
    /// Doorbell FIFO: pop.
    pub db_pop: Signal<Out, Bit>,
    /// The admin queue is live.
    pub live: Signal<In, Bit>,
    /// Empty `admin_kick`.
    pub kick_clear: Signal<Out, Bit>,
    // Admin queue.
    /// The admin state is Idle.
    pub adm_idle: Signal<Out, Bit>,
    /// It is Scatter.
    pub adm_scatter: Signal<Out, Bit>,
    /// A command is there: Idle to Exec.
    pub exec_begin: Signal<In, Bit>,
    /// Its answer is on its way: Scatter to Idle.
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
    /// Nothing of the queue is in flight.
    pub adminq_quiet: Signal<In, Bit>,
    // Fault queue and messages.
    /// FQ_CTRL enable.
    pub fq_enable: Signal<In, Bit>,
    /// FQ_BASE.
    pub fq_base: Signal<In, Bits<64>>,
    /// log2(records).
    pub fq_log2: Signal<In, Bits<3>>,
    /// FQ_HEAD.
    pub fq_head: Signal<In, Bits<16>>,
    /// FQ_TAIL.
    pub fq_tail: Signal<In, Bits<16>>,
    /// A vector is requested and unmasked.
    pub msix_any: Signal<In, Bit>,
    /// The lowest of them.
    pub msix_v: Signal<In, Bits<2>>,
    /// Its address.
    pub msix_addr: Signal<In, Bits<64>>,
    /// Its data.
    pub msix_data: Signal<In, Bits<32>>,
    /// Clear the request of vector `msix_clear_v`.
    pub msix_clear: Signal<Out, Bit>,
    /// Vector.
    pub msix_clear_v: Signal<Out, Bits<2>>,
    /// An event is picked.
    pub pick: Signal<Out, Bit>,
    /// Raise the fault queue's vector.
    pub raise_fq: Signal<Out, Bit>,
    /// FQ_TAIL goes on.
    pub fq_tail_inc: Signal<Out, Bit>,
    /// FQ_LOST += 1.
    pub fq_lost_inc: Signal<Out, Bit>,
    /// CNT_DOORBELLS += 1.
    pub cnt_doorbells_inc: Signal<Out, Bit>,
    /// CNT_TX_PACKETS += 1.
    pub cnt_tx_packets_inc: Signal<Out, Bit>,
    /// CNT_RX_PACKETS += 1.
    pub cnt_rx_packets_inc: Signal<Out, Bit>,
    /// CNT_RX_DROPS += 1.
    pub cnt_rx_drops_inc: Signal<Out, Bit>,
    /// CNT_INTERRUPTS += 1.
    pub cnt_interrupts_inc: Signal<Out, Bit>,
    /// CNT_FAULTS += 1.
    pub cnt_faults_inc: Signal<Out, Bit>,
    sources: Sources,
    holder: EventHold,
    sweeper: Sweep,
    contexts: Ctx<VQ, DEV, PAGE, ASID>,
    slots: Slots,
    engine: Engine,
    aux: Aux,
    admin: Admin,
    ready_fifo: Fifo<Bits<18>, VQ>,
    outlet: Outlet,
}

impl<const VQ: usize, const DEV: usize, const PAGE: usize, const ASID: usize>
    Core<VQ, DEV, PAGE, ASID>
{
    /// The core of `profile`, whose address widths are `VQ` (`vq_aw`), `DEV` (`dev_aw`), `PAGE` (2^`PAGE` >= doorbell pages)
    /// and `ASID` (`asid_aw`).
    #[must_use]
    pub fn new(profile: &Profile) -> Self {
        block_default!(
            clock, reset, ctl_op_push, ctl_op, ctl_op_empty, ctl_idle, x_valid, x, x_pop, evr_valid, evr, evr_pop,
            evb_valid, evb, evb_pop, tx_op_push, tx_op, tx_op_count, tx_issue_idle, tx_done_valid, tx_done, tx_done_pop,
            rx_op_set, rx_op, rx_free, rx_head_valid, rx_head, rx_done_valid, rx_done, rx_done_pop, mmu_idle,
            inv_pending, inv_set, inv, asid_we, asid_addr, asid_data, sweep, sweep_index, other_zero, all_zero, ready,
            warm, warm_clear, restore, db_valid, db_page, db_index, db_pop, live, kick_clear, adm_idle,
            adm_scatter, exec_begin, answer_done, cmd_addr, cmd_data, answer_len, ans_at, ans_data, adminq_quiet, fq_enable, fq_base, fq_log2, fq_head, fq_tail, msix_any, msix_v,
            msix_addr, msix_data, msix_clear, msix_clear_v, pick, raise_fq,
            fq_tail_inc, fq_lost_inc, cnt_doorbells_inc, cnt_tx_packets_inc, cnt_rx_packets_inc, cnt_rx_drops_inc,
            cnt_interrupts_inc, cnt_faults_inc, sources, holder, contexts, slots, aux,
            ready_fifo, outlet; ;
            sweeper = Sweep::new(VQ), engine = Engine::new(profile.devices), admin = Admin::new(profile)
        )
    }
}

impl<const VQ: usize, const DEV: usize, const PAGE: usize, const ASID: usize> Logic
    for Core<VQ, DEV, PAGE, ASID>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self, clock, sources, holder, sweeper, contexts, slots, engine, aux, admin, ready_fifo,
            outlet
        );
        self.sources.reset.next = self.reset.val();
        self.holder.reset.next = self.reset.val();
        self.sweeper.reset.next = self.reset.val();
        self.slots.reset.next = self.reset.val();
        self.engine.reset.next = self.reset.val();
        self.aux.reset.next = self.reset.val();
        self.admin.reset.next = self.reset.val();
        self.outlet.reset.next = self.reset.val();
        // Sources.
        self.sources.free.next = self.holder.idle.val() & self.sweeper.ready.val();
        self.sources.evr_valid.next = self.evr_valid.val();
        self.sources.evb_valid.next = self.evb_valid.val();
        self.sources.x_valid.next = self.x_valid.val();
        self.sources.tx_done.next = self.tx_done_valid.val();
        self.sources.rx_done.next = self.rx_done_valid.val();
        self.sources.rx_head.next = self.rx_head_valid.val();
        self.sources.rx_beat.next = self.rx_head.val();
        self.sources.rx_owned.next = self.engine.rx_owned.val();
        self.sources.rx_idle.next = self.slots.rx_idle.val();
        self.sources.adm_req.next = self.admin.req.val();
        self.sources.db_valid.next = self.db_valid.val();
        self.sources.ready_valid.next = self.ready_fifo.valid.val();
        self.sources.some_idle.next = self.slots.some_idle.val();
        self.sources.aux_idle.next = self.aux.idle.val();
        self.sources.fault_valid.next = self.aux.fault_valid.val();
        self.sources.msix_any.next = self.msix_any.val();
        self.sources.some_wait.next = self.slots.some_wait.val();
        self.sources.tx_room.next = self.outlet.tx_room.val();
        self.sources.warm.next = self.warm.val();
        self.sources.warm_started.next = self.sweeper.warm_started.val();
        // The event.
        self.holder.pick.next = self.sources.pick.val();
        self.holder.src.next = self.sources.src.val();
        self.holder.evr.next = self.evr.val();
        self.holder.evb.next = self.evb.val();
        self.holder.x.next = self.x.val();
        self.holder.tx_done.next = self.tx_done.val();
        self.holder.rx_done.next = self.rx_done.val();
        self.holder.rx_head.next = self.rx_head.val();
        self.holder.db_page.next = self.db_page.val();
        self.holder.db_index.next = self.db_index.val();
        self.holder.ready_vq.next = self.ready_fifo.data.val();
        self.holder.idle_slot.next = self.slots.idle_slot.val();
        self.holder.wait_slot.next = self.slots.wait_slot.val();
        self.holder.tx_owner.next = self.engine.tx_owner.val();
        self.holder.rx_owner.next = self.engine.rx_owner.val();
        self.holder.rx_nobody.next = self.engine.rx_nobody.val();
        self.holder.warm.next = self.warm.val();
        self.holder.tx_room.next = self.outlet.tx_room.val();
        self.holder.fq_enable.next = self.fq_enable.val();
        self.holder.inv_pending.next = self.inv_pending.val();
        self.holder.other_zero.next = self.other_zero.val();
        self.holder.adm_exec.next = self.admin.exec.val();
        self.holder.live.next = self.live.val();
        self.evr_pop.next = self.holder.evr_pop.val();
        self.evb_pop.next = self.holder.evb_pop.val();
        self.x_pop.next = self.holder.x_pop.val();
        self.tx_done_pop.next = self.holder.tx_done_pop.val();
        self.rx_done_pop.next = self.holder.rx_done_pop.val();
        self.db_pop.next = self.holder.db_pop.val();
        self.kick_clear.next = self.sweeper.flush.val();
        // READY, sweep, warm reset.
        self.sweeper.quiet.next = self.holder.idle.val()
            & !self.sources.some.val()
            & self.slots.all_idle.val()
            & self.admin.idle.val()
            & self.adminq_quiet.val()
            & self.aux.idle.val()
            & !self.engine.tx_owned.val()
            & !self.engine.rx_owned.val()
            & self.outlet.tx_idle.val()
            & self.ctl_op_empty.val()
            & self.ctl_idle.val()
            & self.mmu_idle.val()
            & self.tx_issue_idle.val()
            & self.rx_free.val()
            & self.all_zero.val();
        self.sweeper.warm.next = self.warm.val();
        self.sweeper.warm_begin.next = self.engine.warm_begin.val();
        self.ready.next = self.sweeper.ready.val();
        self.sweep.next = self.sweeper.sweep.val();
        self.sweep_index.next = self.sweeper.sweep_index.val();
        self.restore.next = self.sweeper.restore.val();
        self.warm_clear.next = self.sweeper.restore.val();
        // Contexts.
        self.contexts.sweep.next = self.sweeper.sweep.val();
        self.contexts.sweep_index.next = self.sweeper.sweep_index.val();
        self.contexts.sweep_slots.next = self.sweeper.sweep_slots.val();
        self.contexts.adm_busy.next = self.holder.adm_busy.val();
        self.contexts.adm.next = self.admin.ctx.val();
        self.contexts.eng.next = self.engine.ctx.val();
        self.contexts.asid_we.next = self.holder.adm_commit.val() & self.admin.asid_we.val();
        self.contexts.asid_addr.next = self.admin.asid_addr.val();
        self.contexts.asid_data.next = self.admin.asid_data.val();
        // Slots.
        self.slots.slot_we.next = self.contexts.slot_we.val();
        self.slots.slot_addr.next = self.contexts.slot_addr.val();
        self.slots.slot_data.next = self.contexts.slot_data.val();
        self.slots.tx_owned.next = self.engine.tx_owned.val();
        self.slots.tx_owner.next = self.engine.tx_owner.val();
        // Engine.
        self.engine.mine.next = self.holder.eng_busy.val();
        self.engine.last.next = self.holder.last.val();
        self.engine.cycle.next = self.holder.step.val();
        self.engine.ev.next = self.holder.ev.val();
        self.engine.fault_full.next = self.aux.fault_full.val();
        self.engine.dev.next = self.contexts.dev.val();
        self.engine.vq.next = self.contexts.vq.val();
        self.engine.cnt.next = self.contexts.cnt.val();
        self.engine.msi.next = self.contexts.msi.val();
        self.engine.cmsi.next = self.contexts.cmsi.val();
        self.engine.page.next = self.contexts.page.val();
        self.engine.slot.next = self.contexts.slot.val();
        // AUX.
        self.aux.flush.next = self.sweeper.flush.val();
        self.aux.fault_push.next = self.engine.commit.val() & self.engine.fx.val().fault_push;
        self.aux.fault.next = self.engine.fx.val().fault;
        self.aux.pick.next = self.sources.pick.val();
        self.aux.fault_pop.next = self.holder.fault_pop.val();
        self.aux.commit.next = self.holder.aux_commit.val();
        self.aux.src.next = self.holder.ev.val().src;
        self.aux.ev_warm.next = self.holder.ev.val().warm;
        self.aux.fq_enable.next = self.fq_enable.val();
        self.aux.fq_base.next = self.fq_base.val();
        self.aux.fq_log2.next = self.fq_log2.val();
        self.aux.fq_head.next = self.fq_head.val();
        self.aux.fq_tail.next = self.fq_tail.val();
        self.aux.msix_v.next = self.msix_v.val();
        self.aux.msix_addr.next = self.msix_addr.val();
        self.aux.msix_data.next = self.msix_data.val();
        // Admin.
        self.admin.clear.next = self.sweeper.sweep.val();
        self.admin.live.next = self.live.val();
        self.admin.exec_begin.next = self.exec_begin.val();
        self.admin.answer_done.next = self.answer_done.val();
        self.admin.cmd_data.next = self.cmd_data.val();
        self.admin.ans_at.next = self.ans_at.val();
        self.adm_idle.next = self.admin.idle.val();
        self.adm_scatter.next = self.admin.scatter.val();
        self.cmd_addr.next = self.admin.cmd_addr.val();
        self.answer_len.next = self.admin.answer_len.val();
        self.ans_data.next = self.admin.ans_data.val();
        self.admin.start.next = self.holder.adm_start.val();
        self.admin.busy.next = self.holder.adm_busy.val();
        self.admin.commit.next = self.holder.adm_commit.val();
        self.admin.ev.next = self.holder.ev.val();
        self.admin.dev.next = self.contexts.dev.val();
        self.admin.vq.next = self.contexts.vq.val();
        self.admin.cnt.next = self.contexts.cnt.val();
        self.admin.msi.next = self.contexts.msi.val();
        self.admin.cmsi.next = self.contexts.cmsi.val();
        self.admin.page.next = self.contexts.page.val();
        self.admin.slot.next = self.contexts.slot.val();
        self.admin.cfg.next = self.contexts.cfg.val();
        self.admin.asid.next = self.contexts.asid.val();
        self.admin.tx_owned.next = self.engine.tx_owned.val();
        self.admin.tx_owner.next = self.engine.tx_owner.val();
        // Ready FIFO.
        self.ready_fifo.reset.next = self.reset.val() | self.sweeper.flush.val();
        self.ready_fifo.pop.next = self.holder.ready_pop.val();
        self.ready_fifo.push.next = self.outlet.ready_push.val();
        self.ready_fifo.push_data.next = self.outlet.ready_vq.val();
        // Ops.
        self.outlet.eng_commit.next = self.engine.commit.val();
        self.outlet.fx.next = self.engine.fx.val();
        self.outlet.adm_busy.next = self.holder.adm_busy.val();
        self.outlet.adm_commit.next = self.holder.adm_commit.val();
        self.outlet.adm_op_push.next = self.admin.op_push.val();
        self.outlet.adm_op.next = self.admin.op.val();
        self.outlet.adm_ready_push.next = self.admin.ready_push.val();
        self.outlet.adm_ready_vq.next = self.admin.ready_vq.val();
        self.outlet.aux_op_push.next = self.aux.op_push.val();
        self.outlet.aux_op.next = self.aux.op.val();
        self.outlet.tx_op_count.next = self.tx_op_count.val();
        self.ctl_op_push.next = self.outlet.ctl_op_push.val();
        self.ctl_op.next = self.outlet.ctl_op.val();
        self.tx_op_push.next = self.outlet.tx_op_push.val();
        self.tx_op.next = self.outlet.tx_op.val();
        self.rx_op_set.next = self.outlet.rx_op_set.val();
        self.rx_op.next = self.outlet.rx_op.val();
        // MMU.
        self.inv_set.next = self.holder.adm_commit.val() & self.admin.inv_set.val();
        self.inv.next = self.admin.inv.val();
        self.asid_we.next = self.holder.adm_commit.val() & self.admin.asid_we.val();
        self.asid_addr.next = self.admin.asid_addr.val();
        self.asid_data.next = self.admin.asid_data.val();
        // Registers.
        self.msix_clear.next = self.aux.msix_clear.val();
        self.msix_clear_v.next = self.aux.msix_clear_v.val();
        self.pick.next = self.sources.pick.val();
        self.raise_fq.next = self.aux.raise_fq.val();
        self.fq_tail_inc.next = self.aux.fq_tail_inc.val();
        self.fq_lost_inc.next =
            self.aux.fq_lost_inc.val() | (self.engine.commit.val() & self.engine.fx.val().fq_lost);
        self.cnt_doorbells_inc.next = self.engine.commit.val() & self.engine.fx.val().n_doorbell;
        self.cnt_tx_packets_inc.next = self.engine.commit.val() & self.engine.fx.val().n_tx;
        self.cnt_rx_packets_inc.next = self.engine.commit.val() & self.engine.fx.val().n_rx;
        self.cnt_rx_drops_inc.next = self.engine.commit.val() & self.engine.fx.val().n_drop;
        self.cnt_interrupts_inc.next = (self.engine.commit.val() & self.engine.fx.val().n_irq)
            | (self.holder.adm_commit.val() & self.admin.cnt_interrupts_inc.val());
        self.cnt_faults_inc.next = self.engine.commit.val() & self.engine.fx.val().n_fault;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::{MID, TINY};

    #[test]
    fn core_lints_clean() {
        crate::util::assert_lint_clean("core_tiny", Core::<5, 4, 4, 4>::new(&TINY));
        crate::util::assert_lint_clean("core_mid", Core::<14, 13, 13, 13>::new(&MID));
    }
}
