//! The slots' engine: all events but those of the admin block and AUX, in three stages with registers between them.
//!
//! Timing: contract §3. Contexts are read until busy cycle 4 (`addr.rs`); stage A works in 4, B in 5, C in 6, and in cycle 7 all
//! effects stand in a register and count. WARM: `engine_write.rs`.
//! Reset: no mover owned. The stage registers need none: they are looked at in cycle 7 only.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{CoreEv, CtxCmd, DevRec, MsiRec, SlotRec, VqCnt, VqRec};
use crate::engine_write::EngineWrite;
use crate::owners::Owners;
use crate::stage_a::StageA;
use crate::stage_c::StageC;
use crate::step_types::{Effects, StepA, StepB};
use crate::walk::Walk;

/// See the file's text.
#[derive(LogicBlock)]
pub struct Engine {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// The event at work is the engine's.
    pub mine: Signal<In, Bit>,
    /// Last busy cycle of any event.
    pub last: Signal<In, Bit>,
    /// Busy cycle.
    pub cycle: Signal<In, Bits<7>>,
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// The fault FIFO is full.
    pub fault_full: Signal<In, Bit>,
    /// Access to the context memories.
    pub ctx: Signal<Out, CtxCmd>,
    /// Device read.
    pub dev: Signal<In, DevRec>,
    /// Virtqueue read.
    pub vq: Signal<In, VqRec>,
    /// Its counters.
    pub cnt: Signal<In, VqCnt>,
    /// Its MSI slot.
    pub msi: Signal<In, MsiRec>,
    /// MSI slot of the device's configuration.
    pub cmsi: Signal<In, MsiRec>,
    /// Owner of the page read.
    pub page: Signal<In, Bits<18>>,
    /// Slot read.
    pub slot: Signal<In, SlotRec>,
    /// `fx` counts at the end of this cycle.
    pub commit: Signal<Out, Bit>,
    /// What the event does.
    pub fx: Signal<Out, Effects>,
    /// WARM ends.
    pub warm_begin: Signal<Out, Bit>,
    /// A slot owns the transmit mover.
    pub tx_owned: Signal<Out, Bit>,
    /// Which.
    pub tx_owner: Signal<Out, Bits<3>>,
    /// The receive mover is owned, or works on a DISCARD with owner none.
    pub rx_owned: Signal<Out, Bit>,
    /// The latter.
    pub rx_nobody: Signal<Out, Bit>,
    /// The slot that owns it, otherwise.
    pub rx_owner: Signal<Out, Bits<3>>,
    stage_a: StageA,
    walk: Walk,
    stage_c: StageC,
    owners: Owners,
    reg_a: DFF<StepA>,
    reg_b: DFF<StepB>,
    reg_c: DFF<Effects>,
    writer: EngineWrite,
}

impl Engine {
    /// `devices`: the highest member id.
    #[must_use]
    pub fn new(devices: u32) -> Self {
        block_default!(
            clock, reset, mine, last, cycle, ev, fault_full, ctx, dev, vq, cnt, msi, cmsi, page, slot, commit, fx,
            warm_begin, tx_owned, tx_owner, rx_owned, rx_nobody, rx_owner, walk, stage_c, owners, reg_a, reg_b, reg_c, writer; ;
            stage_a = StageA::new(devices)
        )
    }
}

impl Logic for Engine {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, reg_a, reg_b, reg_c);
        clock!(self, clock, owners);
        self.fx.next = self.reg_c.q.val();
        // Owners of the movers.
        self.owners.reset.next = self.reset.val();
        self.owners.commit.next = self.writer.commit.val();
        self.owners.fx.next = self.reg_c.q.val();
        self.owners.client.next = self.ev.val().client;
        self.tx_owned.next = self.owners.tx_owned.val();
        self.tx_owner.next = self.owners.tx_owner.val();
        self.rx_owned.next = self.owners.rx_owned.val();
        self.rx_nobody.next = self.owners.rx_nobody.val();
        self.rx_owner.next = self.owners.rx_owner.val();
        // Stage A.
        self.stage_a.ev.next = self.ev.val();
        self.stage_a.dev.next = self.dev.val();
        self.stage_a.vq.next = self.vq.val();
        self.stage_a.msi.next = self.msi.val();
        self.stage_a.page.next = self.page.val();
        self.stage_a.slot.next = self.slot.val();
        self.reg_a.d.next = self.stage_a.step.val();
        // Stage B.
        self.walk.act.next = self.reg_a.q.val().act;
        self.walk.slot.next = self.reg_a.q.val().slot;
        self.walk.size.next = self.vq.val().size;
        self.walk.indirect.next = self.stage_a.indirect.val();
        self.walk.tx_can.next = !self.owners.other_tx.val() & self.ev.val().tx_room;
        self.reg_b.d.next = self.walk.step.val();
        // Stage C.
        self.stage_c.ev.next = self.ev.val();
        self.stage_c.a.next = self.reg_a.q.val();
        self.stage_c.b.next = self.reg_b.q.val();
        self.stage_c.dev.next = self.dev.val();
        self.stage_c.vq.next = self.vq.val();
        self.stage_c.vq_id.next = self.stage_a.vq_addr.val();
        self.stage_c.cnt.next = self.cnt.val();
        self.stage_c.msi.next = self.msi.val();
        self.stage_c.cmsi.next = self.cmsi.val();
        self.stage_c.running.next = self.stage_a.running.val();
        self.stage_c.alive.next = self.stage_a.alive.val();
        self.stage_c.event_idx.next = self.stage_a.event_idx.val();
        self.stage_c.asid.next = self.stage_a.asid.val();
        self.stage_c.had_tx.next = self.owners.has_tx.val();
        self.stage_c.had_rx.next = self.owners.has_rx.val();
        self.stage_c.fault_full.next = self.fault_full.val();
        self.reg_c.d.next = self.stage_c.fx.val();
        // Contexts.
        self.writer.mine.next = self.mine.val();
        self.writer.last.next = self.last.val();
        self.writer.cycle.next = self.cycle.val();
        self.writer.ev.next = self.ev.val();
        self.writer.fx.next = self.reg_c.q.val();
        self.writer.slot.next = self.slot.val();
        self.writer.dev_addr.next = self.stage_a.dev_addr.val();
        self.writer.vq_addr.next = self.stage_a.vq_addr.val();
        self.writer.tx_owned.next = self.owners.tx_owned.val();
        self.writer.tx_owner.next = self.owners.tx_owner.val();
        self.ctx.next = self.writer.ctx.val();
        self.commit.next = self.writer.commit.val();
        self.warm_begin.next = self.writer.warm_begin.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_lints_clean() {
        crate::util::assert_lint_clean("engine", Engine::new(8));
    }
}
