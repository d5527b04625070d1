//! Stage A of the engine: the meaning of an event for its contexts, which were read before.
//!
//! Combinational; stage 4 of the pipeline.

use rust_hdl::prelude::*;
use shoal_abi::cmd;
use shoal_abi::profile::Profile;

use crate::arrive::Arrive;
use crate::bind::Bind;
use crate::block_default;
use crate::ctx_types::{
    CoreEv, DevRec, MsiRec, SlotRec, SlotState, VqRec, SRC_COMP, SRC_DB, SRC_RDY, SRC_RXD, SRC_RXP,
    SRC_TXD, SRC_TXW,
};
use crate::doorbell::Doorbell;
use crate::heads::Heads;
use crate::life::Life;
use crate::mover_done::MoverDone;
use crate::ready::Ready;
use crate::receive::Receive;
use crate::share::ShareDue;
use crate::slot_step::SlotStep;
use crate::step_types::StepA;

/// See the file's text.
#[derive(LogicBlock)]
pub struct StageA {
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// Member id. DB: owner of the page, 0 none.
    pub dev_id: Signal<In, Bits<18>>,
    /// Virtqueue context.
    pub vq_id: Signal<In, Bits<18>>,
    /// Device read.
    pub dev: Signal<In, DevRec>,
    /// Virtqueue read.
    pub vq: Signal<In, VqRec>,
    /// Its MSI slot.
    pub msi: Signal<In, MsiRec>,
    /// Slot read.
    pub slot: Signal<In, SlotRec>,
    /// `time` in the event's leaving cycle.
    pub now: Signal<In, Bits<64>>,
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
    /// What the cost of a visit is added to.
    pub due: Signal<Out, Bits<64>>,
    /// What the event means.
    pub step: Signal<Out, StepA>,
    life: Life,
    share: ShareDue,
    arrive: Arrive,
    visit: Heads,
    slot_step: SlotStep,
    mover_done: MoverDone,
    packet: Receive,
    bound: Bind,
    ready: Ready,
    doorbell: Doorbell,
    receive_slot: Signal<Local, Bit>,
    looked: Signal<Local, Bit>,
    avail: Signal<Local, Bits<16>>,
    cap: Signal<Local, Bits<4>>,
    most_chains: Constant<Bits<4>>,
    chain_slots: Constant<Bits<8>>,
    no_step: Constant<StepA>,
    src_comp: Constant<Bits<4>>,
    src_txd: Constant<Bits<4>>,
    src_rxd: Constant<Bits<4>>,
    src_rxp: Constant<Bits<4>>,
    src_db: Constant<Bits<4>>,
    src_rdy: Constant<Bits<4>>,
    src_txw: Constant<Bits<4>>,
}

impl StageA {
    /// `p`: its devices and slots.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            ev, dev_id, vq_id, dev, vq, msi, slot, now, running, alive, event_idx, indirect, asid, due, step, life, share, arrive, visit, looked, avail, cap,
            slot_step, mover_done, bound, ready, doorbell, receive_slot;
            chain_slots = p.chain_slots as u64, most_chains = u64::from(cmd::MAX_WEIGHT), no_step = StepA::default(), src_comp = SRC_COMP,
            src_txd = SRC_TXD, src_rxd = SRC_RXD, src_rxp = SRC_RXP, src_db = SRC_DB, src_rdy = SRC_RDY,
            src_txw = SRC_TXW;
            packet = Receive::new(p)
        )
    }
}

impl Logic for StageA {
    #[hdl_gen]
    fn update(&mut self) {
        self.receive_slot.next = self.ev.val().slot >= self.chain_slots.val();
        // What the device may do.
        self.life.dev.next = self.dev.val();
        self.life.vq.next = self.vq.val();
        self.life.warm.next = self.ev.val().warm;
        self.running.next = self.life.running.val();
        self.alive.next = self.life.alive.val();
        self.event_idx.next = self.life.event_idx.val();
        self.indirect.next = self.life.indirect.val();
        self.asid.next = self.life.asid.val();
        // What it may do now, and how much.
        self.share.dev.next = self.dev.val();
        self.share.now.next = self.now.val();
        self.due.next = self.share.due.val();
        self.cap.next = self.dev.val().weight;
        if self.receive_slot.val() {
            self.cap.next = self.most_chains.val();
        }
        // Completions of control ops.
        self.arrive.ev.next = self.ev.val();
        self.arrive.slot.next = self.slot.val();
        self.looked.next = self.slot.val().state != SlotState::Ring;
        self.avail.next = self.vq.val().avail_cache;
        if self.slot.val().state != SlotState::Ring {
            self.avail.next = self.arrive.field_a.val();
        }
        self.visit.slot.next = self.slot.val();
        self.visit.looked.next = self.looked.val();
        self.visit.word_a.next = self.ev.val().a;
        self.visit.word_b.next = self.ev.val().b;
        self.visit.avail.next = self.avail.val();
        self.visit.vq.next = self.vq.val();
        self.visit.cap.next = self.cap.val();
        self.slot_step.heads.next = self.visit.heads.val();
        self.slot_step.head_first.next = self.visit.first.val();
        self.slot_step.heads_bad.next = self.visit.bad.val();
        self.slot_step.visit.next = self.visit.count.val();
        self.slot_step.receive_slot.next = self.receive_slot.val();
        self.slot_step.slot.next = self.arrive.slot_next.val();
        self.slot_step.sent.next = self.ev.val().sent;
        self.slot_step.fault.next = self.arrive.fault.val();
        self.slot_step.field_a.next = self.arrive.field_a.val();
        self.slot_step.field_b.next = self.arrive.field_b.val();
        self.slot_step.vq.next = self.vq.val();
        self.slot_step.msi.next = self.msi.val();
        self.slot_step.alive.next = self.life.alive.val();
        self.slot_step.event_idx.next = self.life.event_idx.val();
        // Movers.
        self.mover_done.ev.next = self.ev.val();
        self.mover_done.slot.next = self.slot.val();
        self.mover_done.vq.next = self.vq.val();
        self.mover_done.receive_slot.next = self.receive_slot.val();
        self.mover_done.alive.next = self.life.alive.val();
        // Packets.
        self.packet.ev.next = self.ev.val();
        self.packet.slot.next = self.slot.val();
        self.packet.dev.next = self.dev.val();
        self.packet.vq.next = self.vq.val();
        self.packet.vq_id.next = self.vq_id.val();
        self.packet.alive.next = self.life.alive.val();
        self.packet.running.next = self.life.running.val();
        self.packet.receive.next = self.life.receive.val();
        // The slot that a queue out of the ready FIFO or of a direct doorbell is bound to.
        self.bound.number.next = self.ev.val().slot;
        self.bound.slot.next = self.slot.val();
        self.bound.vq_id.next = self.vq_id.val();
        self.bound.vq.next = self.vq.val();
        // The ready FIFO and the parked FIFO.
        self.ready.bound.next = self.bound.step.val();
        self.ready.vq.next = self.vq.val();
        self.ready.running.next = self.life.running.val();
        self.ready.receive.next = self.life.receive.val();
        self.ready.early.next = self.share.early.val();
        // Doorbells.
        self.doorbell.ev.next = self.ev.val();
        self.doorbell.owner.next = self.dev_id.val();
        self.doorbell.dev.next = self.dev.val();
        self.doorbell.vq.next = self.vq.val();
        self.doorbell.early.next = self.share.early.val();
        self.doorbell.bound.next = self.bound.step.val();
        self.doorbell.running.next = self.life.running.val();
        self.doorbell.receive.next = self.life.receive.val();
        // Whose event it is.
        self.step.next = self.no_step.val();
        if self.ev.val().src == self.src_comp.val() {
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
        crate::util::assert_lint_clean("stage_a", StageA::new(&shoal_abi::profile::TINY));
    }
}
