//! The slots' engine: stages 4..7 of the pipeline, pure functions with registers between them.
//!
//! Stage A (`stage_a.rs`) works on the contexts in stage 4, B (`walk.rs`) in 5, C (`stage_c.rs`) in 6; in stage 7 all effects
//! stand in a register and count. The contexts as read go along with the event.
//! Timing: contract §3. Reset: no mover owned, `time` 0. The stage registers need none: what is invalid does nothing.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::block_default;
use crate::ctx_types::{CoreEv, CtxCmd, DevRec, MsiRec, SlotRec, VqCnt, VqRec};
use crate::owners::Owners;
use crate::share::ShareCost;
use crate::stage_a::StageA;
use crate::stage_c::StageC;
use crate::step_types::{Effects, StepA, StepB};
use crate::walk::Walk;

/// The contexts of an event as they were read, and what follows from them.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct EventCtx {
    /// Device.
    pub dev: DevRec,
    /// Virtqueue.
    pub vq: VqRec,
    /// Its counters.
    pub cnt: VqCnt,
    /// Its MSI slot.
    pub msi: MsiRec,
    /// MSI slot of the device's configuration.
    pub cmsi: MsiRec,
    /// ASID of the virtqueue's buffers.
    pub asid: Bits<17>,
    /// The device is running.
    pub running: Bit,
    /// The slot is alive.
    pub alive: Bit,
    /// EVENT_IDX is negotiated.
    pub event_idx: Bit,
    /// INDIRECT_DESC is negotiated.
    pub indirect: Bit,
    /// What the cost of a visit is added to.
    pub due: Bits<64>,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct Engine {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    // Where the events are.
    /// Stage 4: event, device, virtqueue.
    pub ev4: Signal<In, CoreEv>,
    pub dev4: Signal<In, Bits<18>>,
    pub vq4: Signal<In, Bits<18>>,
    /// Stage 5.
    pub valid5: Signal<In, Bit>,
    pub ev5: Signal<In, CoreEv>,
    /// Stage 6.
    pub valid6: Signal<In, Bit>,
    pub ev6: Signal<In, CoreEv>,
    pub vq6: Signal<In, Bits<18>>,
    /// Stage 7: slot, device, virtqueue.
    pub valid7: Signal<In, Bit>,
    pub slot7: Signal<In, Bits<8>>,
    pub dev7: Signal<In, Bits<18>>,
    pub vq7: Signal<In, Bits<18>>,
    // What stage 3 has read.
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
    /// Slot.
    pub slot: Signal<In, SlotRec>,
    /// The fault FIFO is full, with what stage 7 pushes.
    pub fault_full: Signal<In, Bit>,
    // Stage 7.
    /// `fx` counts at the end of this cycle.
    pub commit: Signal<Out, Bit>,
    /// What the event does.
    pub fx: Signal<Out, Effects>,
    /// What it writes into the contexts.
    pub ctx: Signal<Out, CtxCmd>,
    // The owner as effects have made it.
    /// A slot holds the transmit mover.
    pub tx_held: Signal<Out, Bit>,
    /// Which.
    pub tx_holder: Signal<Out, Bits<8>>,
    stage_a: StageA,
    walk: Walk,
    share: ShareCost,
    stage_c: StageC,
    owners: Owners,
    reg_a: DFF<StepA>,
    ctx5: DFF<EventCtx>,
    reg_a6: DFF<StepA>,
    reg_b: DFF<StepB>,
    ctx6: DFF<EventCtx>,
    cost6: DFF<Bits<64>>,
    had_tx6: DFF<Bit>,
    reg_c: DFF<Effects>,
    /// `time` of the cycle before: the leaving cycle of the event in stage 4.
    left_at: DFF<Bits<64>>,
    a_ctx: Signal<Local, EventCtx>,
    dev5: Signal<Local, DevRec>,
    b_take: Signal<Local, Bit>,
    b_end: Signal<Local, Bit>,
    unused: Signal<Local, Bit>,
    one_cycle: Constant<Bits<64>>,
    last_time: Constant<Bits<64>>,
    no_ctx: Constant<CtxCmd>,
    no_event: Constant<EventCtx>,
}

impl Engine {
    /// The block for a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, ev4, dev4, vq4, valid5, ev5, valid6, ev6, vq6, valid7, slot7, dev7, vq7, dev, vq, cnt, msi,
            cmsi, slot, fault_full, commit, fx, ctx, tx_held, tx_holder, walk, share, owners,
            reg_a, ctx5, reg_a6, reg_b, ctx6, cost6, had_tx6, reg_c, left_at, a_ctx, dev5, b_take, b_end, unused;
            one_cycle = 1u64, last_time = u64::MAX, no_ctx = CtxCmd::default(), no_event = EventCtx::default();
            stage_a = StageA::new(p), stage_c = StageC::new(p)
        )
    }
}

impl Logic for Engine {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, reg_a, ctx5, reg_a6, reg_b, ctx6, cost6, had_tx6, reg_c, left_at);
        clock!(self, clock, owners);
        self.left_at.d.next = self.left_at.q.val() + self.one_cycle.val();
        if self.reset.val() {
            self.left_at.d.next = self.last_time.val();
        }
        // Stage 4.
        self.stage_a.ev.next = self.ev4.val();
        self.stage_a.dev_id.next = self.dev4.val();
        self.stage_a.vq_id.next = self.vq4.val();
        self.stage_a.dev.next = self.dev.val();
        self.stage_a.vq.next = self.vq.val();
        self.stage_a.msi.next = self.msi.val();
        self.stage_a.slot.next = self.slot.val();
        self.stage_a.now.next = self.left_at.q.val();
        self.reg_a.d.next = self.stage_a.step.val();
        self.a_ctx.next = self.no_event.val();
        self.a_ctx.next.dev = self.dev.val();
        self.a_ctx.next.vq = self.vq.val();
        self.a_ctx.next.cnt = self.cnt.val();
        self.a_ctx.next.msi = self.msi.val();
        self.a_ctx.next.cmsi = self.cmsi.val();
        self.a_ctx.next.asid = self.stage_a.asid.val();
        self.a_ctx.next.running = self.stage_a.running.val();
        self.a_ctx.next.alive = self.stage_a.alive.val();
        self.a_ctx.next.event_idx = self.stage_a.event_idx.val();
        self.a_ctx.next.indirect = self.stage_a.indirect.val();
        self.a_ctx.next.due = self.stage_a.due.val();
        self.ctx5.d.next = self.a_ctx.val();
        // Stage 5.
        self.walk.act.next = self.reg_a.q.val().act;
        self.walk.slot.next = self.reg_a.q.val().slot;
        self.walk.vq.next = self.reg_a.q.val().vq;
        self.walk.indirect.next = self.ctx5.q.val().indirect;
        self.walk.tx_can.next = !self.owners.b_other.val() & self.ev5.val().tx_room;
        self.reg_a6.d.next = self.reg_a.q.val();
        self.reg_b.d.next = self.walk.step.val();
        self.ctx6.d.next = self.ctx5.q.val();
        self.share.chains.next = self.reg_a.q.val().chains;
        self.dev5.next = self.ctx5.q.val().dev;
        self.share.interval.next = self.dev5.val().interval;
        self.cost6.d.next = self.share.cost.val();
        self.had_tx6.d.next = self.owners.b_has.val();
        self.b_take.next = self.valid5.val() & self.walk.step.val().tx_take;
        self.b_end.next = self.valid5.val() & self.walk.step.val().tx_end;
        // Stage 6.
        self.stage_c.ev.next = self.ev6.val();
        self.stage_c.a.next = self.reg_a6.q.val();
        self.stage_c.b.next = self.reg_b.q.val();
        self.stage_c.dev.next = self.ctx6.q.val().dev;
        self.stage_c.vq.next = self.ctx6.q.val().vq;
        self.stage_c.vq_id.next = self.vq6.val();
        self.stage_c.cnt.next = self.ctx6.q.val().cnt;
        self.stage_c.msi.next = self.ctx6.q.val().msi;
        self.stage_c.cmsi.next = self.ctx6.q.val().cmsi;
        self.stage_c.running.next = self.ctx6.q.val().running;
        self.stage_c.alive.next = self.ctx6.q.val().alive;
        self.stage_c.event_idx.next = self.ctx6.q.val().event_idx;
        self.stage_c.asid.next = self.ctx6.q.val().asid;
        self.stage_c.due.next = self.ctx6.q.val().due;
        self.stage_c.cost.next = self.cost6.q.val();
        self.stage_c.had_tx.next = self.had_tx6.q.val();
        self.stage_c.fault_full.next = self.fault_full.val();
        self.reg_c.d.next = self.stage_c.fx.val();
        self.unused.next = self.ctx6.q.val().indirect | self.ev5.val().live;
        // Stage 7.
        self.commit.next = self.valid7.val();
        self.fx.next = self.reg_c.q.val();
        self.ctx.next = self.no_ctx.val();
        if self.valid7.val() {
            self.ctx.next = self.reg_c.q.val().ctx;
        }
        self.ctx.next.slot_addr = self.slot7.val();
        self.ctx.next.dev_addr = self.dev7.val();
        self.ctx.next.vq_addr = self.vq7.val();
        // Owner of the transmit mover.
        self.owners.reset.next = self.reset.val();
        self.owners.b_slot.next = self.ev5.val().slot;
        self.owners.b_take.next = self.b_take.val();
        self.owners.b_end.next = self.b_end.val();
        self.owners.c_end.next = self.valid6.val() & self.stage_c.tx_abort.val();
        self.owners.commit.next = self.valid7.val();
        self.owners.fx.next = self.reg_c.q.val();
        self.tx_held.next = self.owners.tx_held.val();
        self.tx_holder.next = self.owners.tx_holder.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_lints_clean() {
        crate::util::deep(|| {
            crate::util::assert_lint_clean("engine", Engine::new(&shoal_abi::profile::TINY));
        });
    }
}
