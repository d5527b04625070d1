//! Where the effects of the engine, the admin block and AUX leave the core.
//!
//! An event may give the transmit mover DATA and END at once: END follows one cycle later. The mover cannot reach it before
//! that, and `tx_room` and `tx_idle` count it as pushed, so nobody can tell (contract §3, §3.6).
//! Timing: in the last busy cycle, END as said. Reset: no END to follow.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::step_types::Effects;
use crate::types::{CtlOp, RxOp, TxOp};

/// See the file's text.
#[derive(LogicBlock)]
pub struct Outlet {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// `fx` counts.
    pub eng_commit: Signal<In, Bit>,
    /// Effects of the engine's event.
    pub fx: Signal<In, Effects>,
    /// An event of the admin block is at work.
    pub adm_busy: Signal<In, Bit>,
    /// It ends.
    pub adm_commit: Signal<In, Bit>,
    /// The admin block's op counts at the commit.
    pub adm_op_push: Signal<In, Bit>,
    /// It.
    pub adm_op: Signal<In, CtlOp>,
    /// The admin block enqueues `adm_ready_vq`.
    pub adm_ready_push: Signal<In, Bit>,
    /// Virtqueue context.
    pub adm_ready_vq: Signal<In, Bits<18>>,
    /// AUX pushes.
    pub aux_op_push: Signal<In, Bit>,
    /// Op.
    pub aux_op: Signal<In, CtlOp>,
    /// Ops in the transmit mover's FIFO.
    pub tx_op_count: Signal<In, Bits<16>>,
    /// Push to the control unit.
    pub ctl_op_push: Signal<Out, Bit>,
    /// Op.
    pub ctl_op: Signal<Out, CtlOp>,
    /// Push to the transmit mover.
    pub tx_op_push: Signal<Out, Bit>,
    /// Op.
    pub tx_op: Signal<Out, TxOp>,
    /// The transmit op FIFO has room for what an event may push.
    pub tx_room: Signal<Out, Bit>,
    /// It is empty.
    pub tx_idle: Signal<Out, Bit>,
    /// Give the receive mover `rx_op`.
    pub rx_op_set: Signal<Out, Bit>,
    /// Op.
    pub rx_op: Signal<Out, RxOp>,
    /// Push into the ready FIFO.
    pub ready_push: Signal<Out, Bit>,
    /// Virtqueue context.
    pub ready_vq: Signal<Out, Bits<18>>,
    end_pending: DFF<Bit>,
    end_op: DFF<TxOp>,
    load: Signal<Local, Bits<16>>,
    no_tx: Constant<TxOp>,
    limit: Constant<Bits<16>>,
    none: Constant<Bits<16>>,
    one: Constant<Bits<16>>,
}

impl Default for Outlet {
    fn default() -> Self {
        block_default!(
            clock, reset, eng_commit, fx, adm_busy, adm_commit, adm_op_push, adm_op, adm_ready_push, adm_ready_vq,
            aux_op_push, aux_op, tx_op_count, ctl_op_push, ctl_op, tx_op_push, tx_op, tx_room, tx_idle, rx_op_set,
            rx_op, ready_push, ready_vq, end_pending, end_op, load;
            no_tx = TxOp::default(), limit = 5u64, none = 0u64, one = 1u64
        )
    }
}

impl Logic for Outlet {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, end_pending, end_op);
        // Room of the transmit mover.
        self.load.next = self.tx_op_count.val();
        if self.end_pending.q.val() {
            self.load.next = self.tx_op_count.val() + self.one.val();
        }
        self.tx_room.next = self.load.val() <= self.limit.val();
        self.tx_idle.next = self.load.val() == self.none.val();
        // Its ops: DATA, END, or one after the other.
        self.end_op.d.next = self.fx.val().tx_op;
        self.end_op.d.next.end = true;
        self.end_pending.d.next =
            self.eng_commit.val() & self.fx.val().tx_data & self.fx.val().tx_end;
        self.tx_op_push.next = (self.eng_commit.val()
            & (self.fx.val().tx_data | self.fx.val().tx_end))
            | self.end_pending.q.val();
        self.tx_op.next = self.fx.val().tx_op;
        self.tx_op.next.end = !self.fx.val().tx_data;
        if self.end_pending.q.val() {
            self.tx_op.next = self.end_op.q.val();
        }
        // The others take one op an event.
        self.rx_op_set.next = self.eng_commit.val() & self.fx.val().rx_set;
        self.rx_op.next = self.fx.val().rx_op;
        self.ctl_op_push.next = (self.eng_commit.val() & self.fx.val().op_push)
            | (self.adm_commit.val() & self.adm_op_push.val())
            | self.aux_op_push.val();
        self.ctl_op.next = self.fx.val().op;
        if self.adm_busy.val() {
            self.ctl_op.next = self.adm_op.val();
        } else if self.aux_op_push.val() {
            self.ctl_op.next = self.aux_op.val();
        }
        self.ready_push.next = (self.eng_commit.val() & self.fx.val().ready_push)
            | (self.adm_busy.val() & self.adm_ready_push.val());
        self.ready_vq.next = self.fx.val().ready_vq;
        if self.adm_busy.val() {
            self.ready_vq.next = self.adm_ready_vq.val();
        }
        if self.reset.val() {
            self.end_pending.d.next = false;
            self.end_op.d.next = self.no_tx.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlet_lints_clean() {
        crate::util::assert_lint_clean("outlet", Outlet::default());
    }
}
