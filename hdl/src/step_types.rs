//! What the steps of an event hand to one another inside the engine.
//!
//! An event goes through three stages of pure functions with registers between them: what arrived (`StepA`), the walk along
//! the chain (`StepB`), then the op, the fault or the release that follows (`Effects`), which all count at the edge that ends
//! stage 7.

use rust_hdl::prelude::*;

use crate::ctx_types::{CtxCmd, SlotRec, VqRec};
use crate::types::{CtlOp, FaultRec, Message, RxOp, TxOp};

/// What is to be done with the slot of an event; contract §3.5 to §3.8 name these.
#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
pub enum SlotAct {
    /// Nothing at all.
    Nothing,
    /// The slot's record changes, no more.
    Keep,
    /// *release*, of a slot without packets.
    Release,
    /// *leave*.
    Leave,
    /// *finish*.
    Finish,
    /// *abort*.
    Abort,
    /// *fail*, with the fault in the slot.
    Fail,
    /// *report*.
    Report,
    /// *look*; the slot's state is set already.
    Look,
    /// WR avail_event.
    WriteRearm,
    /// *ring read*.
    ReadRing,
    /// *desc read* of the descriptor `index`.
    ReadDesc,
    /// The walk's tests, from the first.
    Walk,
    /// The walk's step 6.
    SendTx,
    /// The walk's step 7.
    NextDesc,
    /// *sent*: no chain is at hand.
    Sent,
    /// *deliver*.
    Deliver,
    /// *discard*(dry).
    Dry,
    /// *tell*.
    Tell,
}

/// Stage A: what arrived, and what it means.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct StepA {
    /// What to do with the slot.
    pub act: SlotAct,
    /// The slot, changed.
    pub slot: SlotRec,
    /// The virtqueue, changed.
    pub vq: VqRec,
    /// The virtqueue is to be written.
    pub vq_we: Bit,
    /// A slot is bound: inflight += 1.
    pub bind: Bit,
    /// *enqueue* (doorbell).
    pub enqueue: Bit,
    /// The virtqueue waits until its device is not early any more.
    pub park: Bit,
    /// The slot was taken from the free list in vain.
    pub give_back: Bit,
    /// The receive slot was taken from its free list in vain.
    pub rx_back: Bit,
    /// A packet gets its entry in the order FIFO,
    pub order_push: Bit,
    /// *none*,
    pub order_none: Bit,
    /// or this slot.
    pub order_slot: Bits<8>,
    /// The queue's MSI slot: pending = 1.
    pub pending: Bit,
    /// kicks += 1.
    pub kick: Bit,
    /// The queue's message.
    pub message: Bit,
    /// It has gone out already, and counts now.
    pub sent: Bit,
    /// Added to chains.
    pub chains: Bits<4>,
    /// drops += 1.
    pub drop: Bit,
    /// CNT_DOORBELLS += 1.
    pub n_doorbell: Bit,
    /// CNT_TX_PACKETS += 1.
    pub n_tx: Bit,
    /// CNT_RX_PACKETS += 1.
    pub n_rx: Bit,
    /// CNT_RX_DROPS += 1.
    pub n_drop: Bit,
}

/// Stage B: the walk has gone on.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct StepB {
    /// What is left to do.
    pub act: SlotAct,
    /// The slot, changed.
    pub slot: SlotRec,
    /// The slot has to wait for the transmit mover: it is in state WaitTx.
    pub tx_wait: Bit,
    /// Transmit op with data {addr, len}.
    pub tx_data: Bit,
    /// Transmit op with end.
    pub tx_end: Bit,
    /// Generation of the op's chain.
    pub tx_gen: Bits<13>,
    /// The slot owns the transmit mover: data without end.
    pub tx_take: Bit,
    /// Receive op {addr, len}.
    pub rx_push: Bit,
    /// With end.
    pub rx_end: Bit,
}

/// Everything an event of the engine does.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Effects {
    /// Changes of the contexts.
    pub ctx: CtxCmd,
    /// Push `op` to the control unit.
    pub op_push: Bit,
    /// The op.
    pub op: CtlOp,
    /// Push `tx_op` to the transmit mover.
    pub tx_push: Bit,
    /// The op.
    pub tx_op: TxOp,
    /// Push `rx_op` into the slot's op FIFO at the receive mover.
    pub rx_push: Bit,
    /// The op.
    pub rx_op: RxOp,
    /// The transmit mover has no owner.
    pub tx_free: Bit,
    /// The slot owns the transmit mover.
    pub tx_take: Bit,
    /// Push an entry into the order FIFO:
    pub order_push: Bit,
    /// *none*,
    pub order_none: Bit,
    /// or this slot.
    pub order_slot: Bits<8>,
    /// The event's slot: takes, waits, is free.
    pub owner: Bits<8>,
    /// Push the slot into the free list.
    pub free_push: Bit,
    /// It: the event's.
    pub free_slot: Bits<8>,
    /// Push `rx_free_slot` into the receive free list.
    pub rx_free_push: Bit,
    /// It: the event's, or what a packet has taken in vain.
    pub rx_free_slot: Bits<8>,
    /// Push the slot into the waiting FIFO.
    pub wait_push: Bit,
    /// The slot owns the transmit mover and waits for room.
    pub owner_waits: Bit,
    /// Push the virtqueue into the ready FIFO.
    pub ready_push: Bit,
    /// Push the virtqueue into the parked FIFO.
    pub park_push: Bit,
    /// Virtqueue context.
    pub ready_vq: Bits<18>,
    /// Push `msg` into the message FIFO.
    pub msg_push: Bit,
    /// The message.
    pub msg: Message,
    /// Push `fault` into the fault FIFO.
    pub fault_push: Bit,
    /// The record.
    pub fault: FaultRec,
    /// FQ_LOST += 1.
    pub fq_lost: Bit,
    /// CNT_DOORBELLS += 1.
    pub n_doorbell: Bit,
    /// CNT_TX_PACKETS += 1.
    pub n_tx: Bit,
    /// CNT_RX_PACKETS += 1.
    pub n_rx: Bit,
    /// CNT_RX_DROPS += 1.
    pub n_drop: Bit,
    /// CNT_INTERRUPTS += 1.
    pub n_irq: Bit,
    /// CNT_FAULTS += 1.
    pub n_fault: Bit,
}
