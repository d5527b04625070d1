//! Where the effects of the engine, the admin block and AUX leave the core.
//!
//! Timing: in stage 7, or in the last busy cycle of an exclusive event. Combinational. Contract §3.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::block_default;
use crate::step_types::Effects;
use crate::types::{CtlOp, Message, RxOp, TxOp};

/// Room that the transmit op FIFO must have for an event to push: those on their way before it may push too.
const TX_ROOM: u64 = 8;

/// See the file's text.
#[derive(LogicBlock)]
pub struct Outlet {
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
    /// The transmit op FIFO has room for what an event may push (contract §3.6).
    pub tx_room: Signal<Out, Bit>,
    /// It is empty.
    pub tx_idle: Signal<Out, Bit>,
    /// Push an entry into the order FIFO:
    pub rx_order_push: Signal<Out, Bit>,
    /// *none*,
    pub rx_order_none: Signal<Out, Bit>,
    /// or this slot.
    pub rx_order_slot: Signal<Out, Bits<8>>,
    /// Push `rx_op` into the op FIFO of slot `rx_op_slot`.
    pub rx_op_push: Signal<Out, Bit>,
    /// Slot.
    pub rx_op_slot: Signal<Out, Bits<8>>,
    /// Op.
    pub rx_op: Signal<Out, RxOp>,
    /// The admin block's message counts at the commit.
    pub adm_msg_push: Signal<In, Bit>,
    /// It.
    pub adm_msg: Signal<In, Message>,
    /// Push into the message FIFO.
    pub msg_push: Signal<Out, Bit>,
    /// Message.
    pub msg: Signal<Out, Message>,
    /// Push into the ready FIFO.
    pub ready_push: Signal<Out, Bit>,
    /// Virtqueue context.
    pub ready_vq: Signal<Out, Bits<18>>,
    limit: Constant<Bits<16>>,
    none: Constant<Bits<16>>,
}

impl Outlet {
    /// The block for a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            eng_commit, fx, adm_busy, adm_commit, adm_op_push, adm_op, adm_ready_push, adm_ready_vq, aux_op_push,
            aux_op, tx_op_count, ctl_op_push, ctl_op, tx_op_push, tx_op, tx_room, tx_idle,
            rx_order_push, rx_order_none, rx_order_slot, rx_op_push, rx_op_slot, rx_op, adm_msg_push, adm_msg, msg_push, msg, ready_push,
            ready_vq;
            limit = p.tx_ops as u64 - TX_ROOM, none = 0u64
        )
    }
}

impl Logic for Outlet {
    #[hdl_gen]
    fn update(&mut self) {
        // Room of the transmit mover.
        self.tx_room.next = self.tx_op_count.val() <= self.limit.val();
        self.tx_idle.next = self.tx_op_count.val() == self.none.val();
        self.tx_op_push.next = self.eng_commit.val() & self.fx.val().tx_push;
        self.tx_op.next = self.fx.val().tx_op;
        self.rx_order_push.next = self.eng_commit.val() & self.fx.val().order_push;
        self.rx_order_none.next = self.fx.val().order_none;
        self.rx_order_slot.next = self.fx.val().order_slot;
        self.rx_op_push.next = self.eng_commit.val() & self.fx.val().rx_push;
        self.rx_op_slot.next = self.fx.val().owner;
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
        self.msg_push.next = (self.eng_commit.val() & self.fx.val().msg_push)
            | (self.adm_commit.val() & self.adm_msg_push.val());
        self.msg.next = self.fx.val().msg;
        if self.adm_busy.val() {
            self.msg.next = self.adm_msg.val();
        }
        self.ready_push.next = (self.eng_commit.val() & self.fx.val().ready_push)
            | (self.adm_busy.val() & self.adm_ready_push.val());
        self.ready_vq.next = self.fx.val().ready_vq;
        if self.adm_busy.val() {
            self.ready_vq.next = self.adm_ready_vq.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlet_lints_clean() {
        crate::util::assert_lint_clean("outlet", Outlet::new(&shoal_abi::profile::TINY));
    }
}
