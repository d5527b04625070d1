//! The core: owns all contexts and handles events, normal ones in a pipeline, exclusive ones alone.
//!
//! `sources` picks, `event_in` makes the event. A normal one goes through `pipe`, and the `engine` works on it; `event` holds an
//! exclusive one for `admin`, `aux` or `warm`. All work over the memories of `ctx`, and an event's effects leave through the
//! ports below, all at the edge that ends its cycle in stage 7, or its last busy cycle. Timing: contract §3.
//! Ports named `*_pop` are in the pick cycle, `*_push`, `*_set`, `*_inc` and `raise_*` in that last cycle.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::admin::Admin;
use crate::aux::Aux;
use crate::block_default;
use crate::ctx::Ctx;
use crate::ctx_types::{CtxCmd, SlotRec};
use crate::engine::Engine;
use crate::event::EventHold;
use crate::event_in::EventIn;
use crate::fifo::Fifo;
use crate::mmu_types::MmuCounts;
use crate::outlet::Outlet;
use crate::parked::Parked;
use crate::pipe::{EventPipe, SlotKey};
use crate::slots::Slots;
use crate::sources::Sources;
use crate::sweep::Sweep;
use crate::types::{AsidEntry, Comp, CtlOp, InvCmd, Message, RxDone, RxHead, RxOp, TxDone, TxOp};
use crate::warm::WarmSlots;

/// See the file's text. Address bits of the context memories as in `Ctx`.
#[derive(LogicBlock)]
pub struct Core<
    const VQ: usize,
    const DEV: usize,
    const PAGE: usize,
    const ASID: usize,
    const SLOT: usize,
> {
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
    /// Completion FIFO: valid.
    pub comp_valid: Signal<In, Bit>,
    /// Completion FIFO: head.
    pub comp: Signal<In, Comp>,
    /// Completion FIFO: pop.
    pub comp_pop: Signal<Out, Bit>,
    /// Clear `may` of slot `may_slot`: its message is not sent ahead.
    pub may_clear: Signal<Out, Bit>,
    /// Slot.
    pub may_slot: Signal<Out, Bits<8>>,
    // Transmit mover.
    /// Push `tx_op`.
    pub tx_op_push: Signal<Out, Bit>,
    /// Op.
    pub tx_op: Signal<Out, TxOp>,
    /// Ops in its op FIFO.
    pub tx_op_count: Signal<In, Bits<16>>,
    /// Its done FIFO: valid.
    pub tx_done_valid: Signal<In, Bit>,
    /// Its done FIFO: head.
    pub tx_done: Signal<In, TxDone>,
    /// Its done FIFO: pop.
    pub tx_done_pop: Signal<Out, Bit>,
    // Receive mover.
    /// Its header FIFO: valid.
    pub rx_head_valid: Signal<In, Bit>,
    /// Its header FIFO: head.
    pub rx_head: Signal<In, RxHead>,
    /// Its header FIFO: pop.
    pub rx_head_pop: Signal<Out, Bit>,
    /// Push into its order FIFO,
    pub rx_order_push: Signal<Out, Bit>,
    /// *none*,
    pub rx_order_none: Signal<Out, Bit>,
    /// or this slot.
    pub rx_order_slot: Signal<Out, Bits<8>>,
    /// Push `rx_op` into its op FIFO of slot `rx_op_slot`.
    pub rx_op_push: Signal<Out, Bit>,
    /// Slot.
    pub rx_op_slot: Signal<Out, Bits<8>>,
    /// Op.
    pub rx_op: Signal<Out, RxOp>,
    /// Its done FIFO: valid.
    pub rx_done_valid: Signal<In, Bit>,
    /// Its done FIFO: head.
    pub rx_done: Signal<In, RxDone>,
    /// Its done FIFO: pop.
    pub rx_done_pop: Signal<Out, Bit>,
    /// It is idle.
    pub rx_idle: Signal<In, Bit>,
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
    // Messages.
    /// Push `msg` into the message FIFO.
    pub msg_push: Signal<Out, Bit>,
    /// Message.
    pub msg: Signal<Out, Message>,
    /// The message epoch changes.
    pub msg_flip: Signal<Out, Bit>,
    /// The message FIFO holds at most 56.
    pub msg_room: Signal<In, Bit>,
    /// The count of the message epoch that is not current is 0.
    pub msg_old_zero: Signal<In, Bit>,
    /// So are both.
    pub msg_none: Signal<In, Bit>,
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
    /// Counters of the MMU.
    pub mmu_counts: Signal<In, MmuCounts>,
    // Fault queue and messages.
    /// FQ_CTRL enable.
    pub fq_enable: Signal<In, Bit>,
    /// ENGINE_CTRL single.
    pub single: Signal<In, Bit>,
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
    /// An exclusive event is picked: it sees the registers as they stand.
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
    contexts: Ctx<VQ, DEV, PAGE, ASID, SLOT>,
    slots: Slots<SLOT>,
    event_in: EventIn,
    pipe: EventPipe,
    warm_slots: WarmSlots,
    engine: Engine,
    aux: Aux,
    admin: Admin,
    ready_fifo: Fifo<Bits<18>, VQ>,
    parked: Parked<VQ>,
    outlet: Outlet,
    alone: Signal<Local, CtxCmd>,
    bind_key: Signal<Local, SlotKey>,
    new_slot: Signal<Local, SlotRec>,
    comp_slot: Signal<Local, Bits<8>>,
    picks: Signal<Local, Bit>,
    no_key: Constant<SlotKey>,
    admin_slot: Constant<Bits<8>>,
}

impl<
        const VQ: usize,
        const DEV: usize,
        const PAGE: usize,
        const ASID: usize,
        const SLOT: usize,
    > Core<VQ, DEV, PAGE, ASID, SLOT>
{
    /// The core of `profile`, whose address widths are `VQ` (`vq_aw`), `DEV` (`dev_aw`), `PAGE` (2^`PAGE` >= doorbell pages)
    /// and `ASID` (`asid_aw`).
    #[must_use]
    pub fn new(profile: &Profile) -> Self {
        block_default!(
            clock, reset, ctl_op_push, ctl_op, ctl_op_empty, comp_valid, comp, comp_pop, may_clear, may_slot, tx_op_push, tx_op, tx_op_count,
            tx_done_valid, tx_done, tx_done_pop, rx_head_valid, rx_head, rx_head_pop, rx_order_push, rx_order_none,
            rx_order_slot, rx_op_push, rx_op_slot, rx_op, rx_done_valid, rx_done, rx_done_pop, rx_idle, mmu_idle, inv_pending, inv_set, inv, asid_we, asid_addr, asid_data, sweep,
            sweep_index, other_zero, all_zero, msg_push, msg, msg_flip, msg_room, msg_old_zero, msg_none, ready, warm, warm_clear, restore, db_valid, db_page, db_index, db_pop,
            live, kick_clear, adm_idle, adm_scatter, exec_begin, answer_done, cmd_addr, cmd_data, answer_len, ans_at,
            ans_data, adminq_quiet, mmu_counts, fq_enable, single, fq_base, fq_log2, fq_head, fq_tail, msix_any, msix_v, msix_addr,
            msix_data, msix_clear, msix_clear_v, pick, raise_fq, fq_tail_inc, fq_lost_inc, cnt_doorbells_inc,
            cnt_tx_packets_inc, cnt_rx_packets_inc, cnt_rx_drops_inc, cnt_interrupts_inc, cnt_faults_inc, sources,
            ready_fifo, parked, alone, bind_key, new_slot, comp_slot, picks;
            no_key = SlotKey::default(), admin_slot = profile.admin_slot() as u64;
            contexts = Ctx::new(u64::from(profile.devices)), sweeper = Sweep::new(VQ), engine = Engine::new(profile), admin = Admin::new(profile),
            holder = EventHold::new(profile), event_in = EventIn::new(profile), pipe = EventPipe::new(profile),
            slots = Slots::new(profile), warm_slots = WarmSlots::new(profile), aux = Aux::new(profile),
            outlet = Outlet::new(profile)
        )
    }
}

impl<
        const VQ: usize,
        const DEV: usize,
        const PAGE: usize,
        const ASID: usize,
        const SLOT: usize,
    > Logic for Core<VQ, DEV, PAGE, ASID, SLOT>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(
            self, clock, sources, holder, pipe, sweeper, contexts, slots, engine, aux, admin,
            ready_fifo, parked
        );
        self.sources.reset.next = self.reset.val();
        self.holder.reset.next = self.reset.val();
        self.pipe.reset.next = self.reset.val();
        self.sweeper.reset.next = self.reset.val();
        self.slots.reset.next = self.reset.val();
        self.engine.reset.next = self.reset.val();
        self.aux.reset.next = self.reset.val();
        self.admin.reset.next = self.reset.val();
        // Sources.
        self.comp_slot.next = self.comp.val().slot;
        self.sources.free.next = self.holder.idle.val()
            & self.sweeper.ready.val()
            & !self.pipe.held.val()
            & self.msg_room.val();
        self.sources.pipe_any.next = self.pipe.any.val();
        self.sources.pipe_rdy.next = self.pipe.rdy.val();
        self.sources.single.next = self.single.val();
        self.sources.all_free.next = self.slots.all_free.val();
        self.sources.comp_valid.next = self.comp_valid.val();
        self.sources.comp_alone.next = self.comp_slot.val() >= self.admin_slot.val();
        self.sources.tx_done.next = self.tx_done_valid.val();
        self.sources.rx_done.next = self.rx_done_valid.val();
        self.sources.rx_head.next = self.rx_head_valid.val();
        self.sources.rx_free_valid.next = self.slots.rx_free_valid.val();
        self.sources.adm_req.next = self.admin.req.val();
        self.sources.db_valid.next = self.db_valid.val();
        self.sources.ready_valid.next = self.ready_fifo.valid.val() | self.parked.due.val();
        self.sources.free_valid.next = self.slots.free_valid.val();
        self.sources.aux_idle.next = self.aux.idle.val();
        self.sources.fault_valid.next = self.aux.fault_valid.val();
        self.sources.msix_any.next = self.msix_any.val();
        self.sources.some_wait.next = self.slots.some_wait.val();
        self.sources.tx_room.next = self.outlet.tx_room.val();
        self.sources.warm.next = self.warm.val();
        self.sources.warm_started.next = self.sweeper.warm_started.val();
        // The event.
        self.picks.next = self.sources.pick.val() | self.sources.pick_alone.val();
        self.event_in.pick.next = self.picks.val();
        self.event_in.src.next = self.sources.src.val();
        self.event_in.direct.next = self.sources.direct.val();
        self.event_in.comp.next = self.comp.val();
        self.event_in.tx_done.next = self.tx_done.val();
        self.event_in.rx_done.next = self.rx_done.val();
        self.event_in.rx_head.next = self.rx_head.val();
        self.event_in.db_page.next = self.db_page.val();
        self.event_in.db_index.next = self.db_index.val();
        self.event_in.ready_vq.next = self.ready_fifo.data.val();
        if self.parked.due.val() {
            self.event_in.ready_vq.next = self.parked.vq.val();
        }
        self.event_in.free_slot.next = self.slots.free_slot.val();
        self.event_in.wait_slot.next = self.slots.wait_slot.val();
        self.event_in.rx_free_slot.next = self.slots.rx_free_slot.val();
        self.event_in.warm.next = self.warm.val();
        self.event_in.inv_pending.next = self.inv_pending.val();
        self.event_in.other_zero.next = self.other_zero.val();
        self.event_in.msg_old_zero.next = self.msg_old_zero.val();
        self.event_in.live.next = self.live.val();
        self.comp_pop.next = self.event_in.comp_pop.val();
        self.tx_done_pop.next = self.event_in.tx_done_pop.val();
        self.rx_done_pop.next = self.event_in.rx_done_pop.val();
        self.rx_head_pop.next = self.event_in.rx_head_pop.val();
        self.db_pop.next = self.event_in.db_pop.val();
        self.holder.pick.next = self.sources.pick_alone.val();
        self.holder.next_ev.next = self.event_in.ev.val();
        self.holder.adm_exec.next = self.admin.exec.val();
        self.kick_clear.next = self.sweeper.flush.val();
        // The pipeline.
        self.pipe.pick.next = self.sources.pick.val();
        self.pipe.next_ev.next = self.event_in.ev.val();
        self.pipe.warm.next = self.warm.val();
        self.pipe.tx_room.next = self.outlet.tx_room.val();
        self.pipe.fq_enable.next = self.fq_enable.val();
        self.pipe.slot_key.next = self.contexts.slot_key.val();
        self.pipe.page_owner.next = self.contexts.page.val();
        self.pipe.vq_base.next = self.contexts.vq_base.val();
        self.pipe.vq_owner.next = self.contexts.vq_owner.val();
        self.pipe.rebind.next = self.engine.ctx.val().slot_we;
        self.pipe.rebind_slot.next = self.engine.ctx.val().slot_addr;
        self.new_slot.next = self.engine.ctx.val().slot;
        self.bind_key.next = self.no_key.val();
        self.bind_key.next.dev = self.new_slot.val().dev;
        self.bind_key.next.vq = self.new_slot.val().vq;
        self.pipe.rebind_key.next = self.bind_key.val();
        // READY, sweep, warm reset.
        self.sweeper.quiet.next = self.holder.idle.val()
            & !self.pipe.any.val()
            & !self.sources.some.val()
            & self.slots.all_free.val()
            & self.slots.rx_all_free.val()
            & self.admin.idle.val()
            & self.adminq_quiet.val()
            & self.aux.idle.val()
            & !self.engine.tx_held.val()
            & self.outlet.tx_idle.val()
            & self.ctl_op_empty.val()
            & self.mmu_idle.val()
            & self.rx_idle.val()
            & self.all_zero.val()
            & self.msg_none.val();
        self.sweeper.warm.next = self.warm.val();
        self.sweeper.warm_begin.next = self.warm_slots.ends.val();
        self.ready.next = self.sweeper.ready.val();
        self.sweep.next = self.sweeper.sweep.val();
        self.sweep_index.next = self.sweeper.sweep_index.val();
        self.restore.next = self.sweeper.restore.val();
        self.warm_clear.next = self.sweeper.restore.val();
        self.warm_slots.busy.next = self.holder.warm_busy.val();
        self.warm_slots.last.next = self.holder.last.val();
        self.warm_slots.step.next = self.holder.step.val();
        self.warm_slots.slot.next = self.contexts.slot.val();
        // Contexts.
        self.alone.next = self.admin.ctx.val();
        if self.holder.warm_busy.val() {
            self.alone.next = self.warm_slots.ctx.val();
        }
        self.contexts.sweep.next = self.sweeper.sweep.val();
        self.contexts.sweep_index.next = self.sweeper.sweep_index.val();
        self.contexts.sweep_slots.next = self.sweeper.sweep_slots.val();
        self.contexts.alone.next = self.holder.adm_busy.val() | self.holder.warm_busy.val();
        self.contexts.adm.next = self.alone.val();
        self.contexts.eng.next = self.engine.ctx.val();
        self.contexts.key_slot.next = self.pipe.key_slot.val();
        self.contexts.page_at.next = self.pipe.page.val();
        self.contexts.base_dev.next = self.pipe.base_dev.val();
        self.contexts.own_vq.next = self.pipe.own_vq.val();
        self.contexts.slot_at.next = self.pipe.slot.val();
        self.contexts.dev_at.next = self.pipe.dev.val();
        self.contexts.vq_at.next = self.pipe.vq.val();
        self.contexts.asid_we.next = self.holder.adm_commit.val() & self.admin.asid_we.val();
        self.contexts.asid_addr.next = self.admin.asid_addr.val();
        self.contexts.asid_data.next = self.admin.asid_data.val();
        // Slots.
        self.slots.flush.next = self.sweeper.flush.val();
        self.slots.sweep.next = self.sweeper.sweep.val();
        self.slots.sweep_index.next = self.sweeper.sweep_index.val();
        self.slots.commit.next = self.engine.commit.val();
        self.slots.fx.next = self.engine.fx.val();
        self.slots.alone_free.next = self.warm_slots.free_push.val()
            | (self.holder.adm_busy.val() & self.admin.free_push.val());
        self.slots.alone_slot.next = self.admin.free_slot.val();
        if self.holder.warm_busy.val() {
            self.slots.alone_slot.next = self.warm_slots.free_slot.val();
        }
        self.slots.free_pop.next = self.event_in.free_pop.val();
        self.slots.rx_free_pop.next = self.event_in.rx_head_pop.val();
        self.slots.wait_pop.next = self.event_in.wait_pop.val();
        self.slots.tx_held.next = self.engine.tx_held.val();
        self.slots.tx_holder.next = self.engine.tx_holder.val();
        // Engine.
        self.engine.ev4.next = self.pipe.ev4.val();
        self.engine.dev4.next = self.pipe.dev4.val();
        self.engine.vq4.next = self.pipe.vq4.val();
        self.engine.valid5.next = self.pipe.valid5.val();
        self.engine.ev5.next = self.pipe.ev5.val();
        self.engine.valid6.next = self.pipe.valid6.val();
        self.engine.ev6.next = self.pipe.ev6.val();
        self.engine.vq6.next = self.pipe.vq6.val();
        self.engine.valid7.next = self.pipe.valid7.val();
        self.engine.slot7.next = self.pipe.slot7.val();
        self.engine.dev7.next = self.pipe.dev7.val();
        self.engine.vq7.next = self.pipe.vq7.val();
        self.engine.fault_full.next = self.aux.fault_full.val();
        self.engine.dev.next = self.contexts.dev.val();
        self.engine.vq.next = self.contexts.vq.val();
        self.engine.cnt.next = self.contexts.cnt.val();
        self.engine.msi.next = self.contexts.msi.val();
        self.engine.cmsi.next = self.contexts.cmsi.val();
        self.engine.slot.next = self.contexts.slot.val();
        // AUX.
        self.aux.flush.next = self.sweeper.flush.val();
        self.aux.fault_push.next = self.engine.commit.val() & self.engine.fx.val().fault_push;
        self.aux.fault.next = self.engine.fx.val().fault;
        self.aux.pick.next = self.sources.pick_alone.val();
        self.aux.fault_pop.next = self.event_in.fault_pop.val();
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
        self.admin.mmu_counts.next = self.mmu_counts.val();
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
        // Ready FIFO and parked FIFO.
        self.ready_fifo.reset.next = self.reset.val() | self.sweeper.flush.val();
        self.ready_fifo.pop.next = self.event_in.ready_pop.val() & !self.parked.due.val();
        self.ready_fifo.push.next = self.outlet.ready_push.val();
        self.ready_fifo.push_data.next = self.outlet.ready_vq.val();
        self.parked.reset.next = self.reset.val() | self.sweeper.flush.val();
        self.parked.pop.next = self.event_in.ready_pop.val();
        self.parked.push.next = self.engine.commit.val() & self.engine.fx.val().park_push;
        self.parked.push_vq.next = self.engine.fx.val().ready_vq;
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
        self.outlet.adm_msg_push.next = self.admin.msg_push.val();
        self.outlet.adm_msg.next = self.admin.msg.val();
        self.msg_push.next = self.outlet.msg_push.val();
        self.msg.next = self.outlet.msg.val();
        self.msg_flip.next = self.holder.adm_commit.val() & self.admin.msg_flip.val();
        self.may_clear.next = self.holder.adm_commit.val() & self.admin.may_clear.val();
        self.may_slot.next = self.admin.may_slot.val();
        self.outlet.tx_op_count.next = self.tx_op_count.val();
        self.ctl_op_push.next = self.outlet.ctl_op_push.val();
        self.ctl_op.next = self.outlet.ctl_op.val();
        self.tx_op_push.next = self.outlet.tx_op_push.val();
        self.tx_op.next = self.outlet.tx_op.val();
        self.rx_order_push.next = self.outlet.rx_order_push.val();
        self.rx_order_none.next = self.outlet.rx_order_none.val();
        self.rx_order_slot.next = self.outlet.rx_order_slot.val();
        self.rx_op_push.next = self.outlet.rx_op_push.val();
        self.rx_op_slot.next = self.outlet.rx_op_slot.val();
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
        self.pick.next = self.sources.pick_alone.val();
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
#[path = "core_tests.rs"]
mod tests;
