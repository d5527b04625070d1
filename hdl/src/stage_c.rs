//! Stage C of the engine: the fault, the op or the release that ends the event, and all its effects in one record.
//!
//! Combinational; stage 6 of the pipeline.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::block_default;
use crate::ctx_types::{CoreEv, CtxCmd, DevRec, MsiRec, SlotRec, VqCnt, VqRec};
use crate::fail::FailStep;
use crate::ops::SlotOps;
use crate::release::Release;
use crate::step_types::{Effects, SlotAct, StepA, StepB};
use crate::types::{Message, RxOp, TxOp};

/// See the file's text.
#[derive(LogicBlock)]
pub struct StageC {
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// Stage A.
    pub a: Signal<In, StepA>,
    /// Stage B.
    pub b: Signal<In, StepB>,
    /// Device read.
    pub dev: Signal<In, DevRec>,
    /// Virtqueue read.
    pub vq: Signal<In, VqRec>,
    /// Its context.
    pub vq_id: Signal<In, Bits<18>>,
    /// Its counters.
    pub cnt: Signal<In, VqCnt>,
    /// Its MSI slot.
    pub msi: Signal<In, MsiRec>,
    /// MSI slot of the device's configuration.
    pub cmsi: Signal<In, MsiRec>,
    /// The device is running.
    pub running: Signal<In, Bit>,
    /// The slot is alive.
    pub alive: Signal<In, Bit>,
    /// EVENT_IDX is negotiated.
    pub event_idx: Signal<In, Bit>,
    /// ASID of the virtqueue's buffers.
    pub asid: Signal<In, Bits<17>>,
    /// What the cost of the visit is added to.
    pub due: Signal<In, Bits<64>>,
    /// The cost.
    pub cost: Signal<In, Bits<64>>,
    /// The slot owned the transmit mover before the event.
    pub had_tx: Signal<In, Bit>,
    /// The fault FIFO is full.
    pub fault_full: Signal<In, Bit>,
    /// An abort ends the packet that the slot had begun: the transmit mover has no owner.
    pub tx_abort: Signal<Out, Bit>,
    /// What the event does.
    pub fx: Signal<Out, Effects>,
    fail: FailStep,
    ops: SlotOps,
    ending: Release,
    ctx: Signal<Local, CtxCmd>,
    msi_next: Signal<Local, MsiRec>,
    cmsi_next: Signal<Local, MsiRec>,
    slot: Signal<Local, SlotRec>,
    tag_gen: Signal<Local, Bits<13>>,
    msg: Signal<Local, Message>,
    act: Signal<Local, SlotAct>,
    tx_op: Signal<Local, TxOp>,
    rx_op: Signal<Local, RxOp>,
    vq_after: Signal<Local, VqRec>,
    chain_slot: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
    no_fx: Constant<Effects>,
    no_ctx: Constant<CtxCmd>,
    no_tx: Constant<TxOp>,
    no_msg: Constant<Message>,
    no_rx: Constant<RxOp>,
    chain_slots: Constant<Bits<8>>,
    slot_shift: Constant<Bits<16>>,
}

impl StageC {
    /// `p`: its slots and data beats.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            ev, a, b, dev, vq, vq_id, cnt, msi, cmsi, running, alive, event_idx, asid, due, cost, had_tx, fault_full, tx_abort,
            fx, fail, ending, ctx, msi_next, cmsi_next, slot, tag_gen, msg, act, tx_op, rx_op, vq_after, chain_slot, ends;
            no_fx = Effects::default(), no_ctx = CtxCmd::default(), no_tx = TxOp::default(), no_msg = Message::default(), no_rx = RxOp::default(),
            chain_slots = p.chain_slots as u64, slot_shift = p.slot_w as u64;
            ops = SlotOps::new(p)
        )
    }
}

impl Logic for StageC {
    #[hdl_gen]
    fn update(&mut self) {
        self.chain_slot.next = self.ev.val().slot < self.chain_slots.val();
        // Faults.
        self.fail.act.next = self.b.val().act;
        self.fail.slot.next = self.b.val().slot;
        self.fail.dev.next = self.dev.val();
        self.fail.vq.next = self.vq.val();
        self.fail.cmsi.next = self.cmsi.val();
        self.fail.asid.next = self.asid.val();
        self.fail.alive.next = self.alive.val();
        self.fail.owns_tx.next = self.b.val().tx_take | (self.had_tx.val() & !self.b.val().tx_end);
        self.vq_after.next = self.a.val().vq;
        self.fail.pend.next = self.vq_after.val().pend;
        self.fail.tx_room.next = self.ev.val().tx_room;
        self.fail.fault_room.next = self.ev.val().fq_enable & !self.fault_full.val();
        // Ops.
        self.act.next = self.fail.act_next.val();
        self.ops.act.next = self.fail.act_next.val();
        self.ops.number.next = self.ev.val().slot;
        self.ops.chain_slot.next = self.chain_slot.val();
        self.ops.slot.next = self.fail.slot_next.val();
        self.ops.vq.next = self.a.val().vq;
        self.ops.msi.next = self.msi.val();
        self.ops.asid.next = self.asid.val();
        self.ops.asid_rings.next = self.dev.val().asid2;
        self.ops.event_idx.next = self.event_idx.val();
        // Releases and counters.
        self.ending.step.next = self.a.val();
        self.ending.act.next = self.fail.act_next.val();
        self.ending.chain_slot.next = self.chain_slot.val();
        self.ending.alive.next = self.alive.val();
        self.ending.running.next = self.running.val();
        self.ending.spends.next = self.b.val().rx_end | self.fail.discard.val();
        self.ending.reported.next = self.fail.reported.val();
        self.ending.dev.next = self.dev.val();
        self.ending.cnt.next = self.cnt.val();
        self.ending.due.next = self.due.val();
        self.ending.cost.next = self.cost.val();
        // Contexts.
        self.msi_next.next = self.msi.val();
        self.msi_next.next.pending = true;
        self.cmsi_next.next = self.cmsi.val();
        self.cmsi_next.next.pending = true;
        self.ctx.next = self.no_ctx.val();
        self.ctx.next.dev = self.ending.dev_next.val();
        self.ctx.next.dev_we = self.ending.dev_we.val();
        self.ctx.next.vq = self.ending.vq_next.val();
        self.ctx.next.vq_we = self.ending.vq_we.val();
        self.ctx.next.cnt = self.ending.cnt_next.val();
        self.ctx.next.cnt_we = self.ending.cnt_we.val();
        self.ctx.next.msi = self.msi_next.val();
        self.ctx.next.msi_we = self.a.val().pending;
        self.ctx.next.cmsi = self.cmsi_next.val();
        self.ctx.next.cmsi_we = self.fail.cfg_pending.val();
        self.ctx.next.slot = self.ops.slot_next.val();
        self.ctx.next.slot_we = self.b.val().act != SlotAct::Nothing;
        // Messages.
        self.msg.next = self.no_msg.val();
        self.msg.next.address = self.msi.val().address;
        self.msg.next.data = self.msi.val().data;
        if self.fail.cfg_message.val() {
            self.msg.next.address = self.cmsi.val().address;
            self.msg.next.data = self.cmsi.val().data;
        }
        // Mover ops.
        self.slot.next = self.b.val().slot;
        // The event may have gone on to the next chain.
        self.tag_gen.next = self.slot.val().gen;
        if self.b.val().tx_end {
            self.tag_gen.next = self.b.val().tx_gen;
        }
        self.tx_op.next = self.no_tx.val();
        self.ends.next = self.b.val().tx_end | self.fail.tx_abort.val();
        self.tx_abort.next = self.fail.tx_abort.val();
        self.tx_op.next.data = self.b.val().tx_data;
        self.tx_op.next.end = self.ends.val();
        self.tx_op.next.abort = self.fail.tx_abort.val();
        self.tx_op.next.dest = bit_cast::<20, 18>(self.slot.val().dev);
        self.tx_op.next.tid = bit_cast::<16, 4>(self.vq.val().index);
        self.tx_op.next.tag = (bit_cast::<16, 13>(self.tag_gen.val()) << self.slot_shift.val())
            | bit_cast::<16, 8>(self.ev.val().slot);
        self.tx_op.next.typ = self.dev.val().typ;
        self.tx_op.next.writable = self.slot.val().wsum;
        self.tx_op.next.asid = self.asid.val();
        self.tx_op.next.va = self.slot.val().addr;
        self.tx_op.next.len = self.slot.val().len;
        self.rx_op.next = self.no_rx.val();
        self.rx_op.next.discard = true;
        if self.b.val().rx_push {
            self.rx_op.next.discard = false;
            self.rx_op.next.asid = self.asid.val();
            self.rx_op.next.va = self.slot.val().addr;
            self.rx_op.next.len = self.slot.val().len;
            self.rx_op.next.end = self.b.val().rx_end;
        }
        // All of it.
        self.fx.next = self.no_fx.val();
        self.fx.next.ctx = self.ctx.val();
        self.fx.next.op_push = self.ops.op_push.val();
        self.fx.next.op = self.ops.op.val();
        self.fx.next.tx_push = self.b.val().tx_data | self.ends.val();
        self.fx.next.tx_op = self.tx_op.val();
        self.fx.next.rx_push = self.b.val().rx_push | self.fail.discard.val();
        self.fx.next.rx_op = self.rx_op.val();
        self.fx.next.tx_free = self.ends.val();
        self.fx.next.tx_take = self.b.val().tx_take & !self.fail.tx_abort.val();
        self.fx.next.wait_push = self.b.val().tx_wait & !self.had_tx.val();
        self.fx.next.owner_waits =
            (self.b.val().tx_wait & self.had_tx.val()) | self.fail.tx_wait.val();
        self.fx.next.order_push = self.a.val().order_push;
        self.fx.next.order_none = self.a.val().order_none;
        self.fx.next.order_slot = self.a.val().order_slot;
        self.fx.next.owner = self.ev.val().slot;
        self.fx.next.free_push = self.ending.free_push.val();
        self.fx.next.free_slot = self.ev.val().slot;
        self.fx.next.rx_free_push = self.ending.rx_free_push.val();
        self.fx.next.rx_free_slot = self.ev.val().slot;
        if self.a.val().rx_back {
            self.fx.next.rx_free_slot = self.ev.val().spare;
        }
        self.fx.next.ready_push = self.ending.ready_push.val();
        self.fx.next.ready_vq = self.vq_id.val();
        self.fx.next.park_push = self.a.val().park;
        self.fx.next.fault_push = self.fail.fault_push.val();
        self.fx.next.fault = self.fail.record.val();
        self.fx.next.fq_lost = self.fail.fault_lost.val();
        self.fx.next.n_doorbell = self.a.val().n_doorbell;
        self.fx.next.n_tx = self.a.val().n_tx;
        self.fx.next.n_rx = self.a.val().n_rx;
        self.fx.next.n_drop = self.a.val().n_drop | (self.act.val() == SlotAct::Dry);
        self.fx.next.n_irq = self.a.val().message | self.a.val().sent | self.fail.cfg_message.val();
        self.fx.next.msg_push = self.a.val().message | self.fail.cfg_message.val();
        self.fx.next.msg = self.msg.val();
        self.fx.next.n_fault = self.fail.reported.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stage_c_lints_clean() {
        crate::util::assert_lint_clean("stage_c", StageC::new(&shoal_abi::profile::TINY));
    }
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod step_tests;
