//! Stage A of the engine: the contexts of the event, and what the event means for them.
//!
//! Combinational; good from busy cycle 4 on, see `addr.rs`.

use rust_hdl::prelude::*;

use crate::addr::CtxAddr;
use crate::arrive::Arrive;
use crate::block_default;
use crate::ctx_types::{
    CoreEv, DevRec, MsiRec, SlotRec, VqRec, SRC_CTLB, SRC_CTLR, SRC_CTLX, SRC_DB, SRC_RDY, SRC_RXD,
    SRC_RXP, SRC_TXD, SRC_TXW,
};
use crate::doorbell::Doorbell;
use crate::life::Life;
use crate::mover_done::MoverDone;
use crate::ready::Ready;
use crate::receive::Receive;
use crate::slot_step::SlotStep;
use crate::step_types::StepA;

/// See the file's text.
#[derive(LogicBlock)]
pub struct StageA {
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// Device read.
    pub dev: Signal<In, DevRec>,
    /// Virtqueue read.
    pub vq: Signal<In, VqRec>,
    /// Its MSI slot.
    pub msi: Signal<In, MsiRec>,
    /// Owner of the page read.
    pub page: Signal<In, Bits<18>>,
    /// Slot read.
    pub slot: Signal<In, SlotRec>,
    /// Device to read.
    pub dev_addr: Signal<Out, Bits<18>>,
    /// Virtqueue to read.
    pub vq_addr: Signal<Out, Bits<18>>,
    /// The device is running.
    pub running: Signal<Out, Bit>,
    /// The slot is alive.
    pub alive: Signal<Out, Bit>,
    /// EVENT_IDX is negotiated.
    pub event_idx: Signal<Out, Bit>,
    /// INDIRECT_DESC is negotiated.
    pub indirect: Signal<Out, Bit>,
    /// ASID of the virtqueue's buffers.
    pub asid: Signal<Out, Bits<17>>,
    /// What the event means.
    pub step: Signal<Out, StepA>,
    addr: CtxAddr,
    life: Life,
    arrive: Arrive,
    slot_step: SlotStep,
    mover_done: MoverDone,
    packet: Receive,
    ready: Ready,
    doorbell: Doorbell,
    no_step: Constant<StepA>,
    src_ctlr: Constant<Bits<4>>,
    src_ctlb: Constant<Bits<4>>,
    src_ctlx: Constant<Bits<4>>,
    src_txd: Constant<Bits<4>>,
    src_rxd: Constant<Bits<4>>,
    src_rxp: Constant<Bits<4>>,
    src_db: Constant<Bits<4>>,
    src_rdy: Constant<Bits<4>>,
    src_txw: Constant<Bits<4>>,
}

impl StageA {
    /// `devices`: the highest member id.
    #[must_use]
    pub fn new(devices: u32) -> Self {
        block_default!(
            ev, dev, vq, msi, page, slot, dev_addr, vq_addr, running, alive, event_idx, indirect, asid, step, addr,
            life, arrive, slot_step, mover_done, ready, doorbell;
            no_step = StepA::default(), src_ctlr = SRC_CTLR, src_ctlb = SRC_CTLB, src_ctlx = SRC_CTLX,
            src_txd = SRC_TXD, src_rxd = SRC_RXD, src_rxp = SRC_RXP, src_db = SRC_DB, src_rdy = SRC_RDY,
            src_txw = SRC_TXW;
            packet = Receive::new(devices)
        )
    }
}

impl Logic for StageA {
    #[hdl_gen]
    fn update(&mut self) {
        // Addresses.
        self.addr.ev.next = self.ev.val();
        self.addr.slot.next = self.slot.val();
        self.addr.dev.next = self.dev.val();
        self.addr.vq.next = self.vq.val();
        self.addr.page.next = self.page.val();
        self.dev_addr.next = self.addr.dev_addr.val();
        self.vq_addr.next = self.addr.vq_addr.val();
        // What the device may do.
        self.life.dev.next = self.dev.val();
        self.life.vq.next = self.vq.val();
        self.life.warm.next = self.ev.val().warm;
        self.running.next = self.life.running.val();
        self.alive.next = self.life.alive.val();
        self.event_idx.next = self.life.event_idx.val();
        self.indirect.next = self.life.indirect.val();
        self.asid.next = self.life.asid.val();
        // Completions of control ops.
        self.arrive.ev.next = self.ev.val();
        self.arrive.slot.next = self.slot.val();
        self.slot_step.client.next = self.ev.val().client;
        self.slot_step.slot.next = self.arrive.slot_next.val();
        self.slot_step.complete.next = self.arrive.complete.val();
        self.slot_step.field.next = self.arrive.field.val();
        self.slot_step.vq.next = self.vq.val();
        self.slot_step.msi.next = self.msi.val();
        self.slot_step.alive.next = self.life.alive.val();
        self.slot_step.event_idx.next = self.life.event_idx.val();
        // Movers.
        self.mover_done.ev.next = self.ev.val();
        self.mover_done.slot.next = self.slot.val();
        self.mover_done.vq.next = self.vq.val();
        self.mover_done.alive.next = self.life.alive.val();
        // Packets.
        self.packet.ev.next = self.ev.val();
        self.packet.slot.next = self.slot.val();
        self.packet.dev.next = self.dev.val();
        self.packet.vq.next = self.vq.val();
        self.packet.vq_id.next = self.addr.vq_addr.val();
        self.packet.alive.next = self.life.alive.val();
        self.packet.running.next = self.life.running.val();
        self.packet.receive.next = self.life.receive.val();
        // The ready FIFO.
        self.ready.ev.next = self.ev.val();
        self.ready.slot.next = self.slot.val();
        self.ready.vq.next = self.vq.val();
        self.ready.running.next = self.life.running.val();
        self.ready.receive.next = self.life.receive.val();
        // Doorbells.
        self.doorbell.ev.next = self.ev.val();
        self.doorbell.page.next = self.page.val();
        self.doorbell.dev.next = self.dev.val();
        self.doorbell.vq.next = self.vq.val();
        self.doorbell.running.next = self.life.running.val();
        self.doorbell.receive.next = self.life.receive.val();
        // Whose event it is.
        self.step.next = self.no_step.val();
        if (self.ev.val().src == self.src_ctlr.val())
            | (self.ev.val().src == self.src_ctlb.val())
            | (self.ev.val().src == self.src_ctlx.val())
        {
            self.step.next = self.slot_step.step.val();
        } else if (self.ev.val().src == self.src_txd.val())
            | (self.ev.val().src == self.src_rxd.val())
            | (self.ev.val().src == self.src_txw.val())
        {
            self.step.next = self.mover_done.step.val();
        } else if self.ev.val().src == self.src_rxp.val() {
            self.step.next = self.packet.step.val();
        } else if self.ev.val().src == self.src_rdy.val() {
            self.step.next = self.ready.step.val();
        } else if self.ev.val().src == self.src_db.val() {
            self.step.next = self.doorbell.step.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stage_a_lints_clean() {
        crate::util::assert_lint_clean("stage_a", StageA::new(8));
    }
}
