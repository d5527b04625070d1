//! A payload mover is done with an op of a slot (TXD, RXD), or there is room for a slot that waits for it (TXW).
//!
//! Combinational. Stage A; contract §3.6 and §3.7. Pushing END for an abort or a fault that had to wait is *abort* or *fail* again.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{CoreEv, SlotFate, SlotRec, SlotState, VqRec, SRC_RXD, SRC_TXD};
use crate::step_types::{SlotAct, StepA};

/// See the file's text.
#[derive(LogicBlock)]
pub struct MoverDone {
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// Its slot: the packet's, the receive mover's owner, or one that waits.
    pub slot: Signal<In, SlotRec>,
    /// Its virtqueue.
    pub vq: Signal<In, VqRec>,
    /// It is the receive slot.
    pub receive_slot: Signal<In, Bit>,
    /// It is alive.
    pub alive: Signal<In, Bit>,
    /// What follows.
    pub step: Signal<Out, StepA>,
    fate: Signal<Local, SlotFate>,
    act: Signal<Local, SlotAct>,
    slot_next: Signal<Local, SlotRec>,
    rx_free: Signal<Local, Bit>,
    failed: Signal<Local, Bit>,
    left: Signal<Local, Bits<4>>,
    n_tx: Signal<Local, Bit>,
    n_rx: Signal<Local, Bit>,
    whole: Signal<Local, Bit>,
    no_step: Constant<StepA>,
    src_txd: Constant<Bits<4>>,
    src_rxd: Constant<Bits<4>>,
    no_cause: Constant<Bits<12>>,
    one4: Constant<Bits<4>>,
    zero4: Constant<Bits<4>>,
    zero32: Constant<Bits<32>>,
}

impl Default for MoverDone {
    fn default() -> Self {
        block_default!(
            ev, slot, vq, receive_slot, alive, step, fate, act, slot_next, rx_free, failed, left, n_tx, n_rx, whole;
            no_step = StepA::default(), src_txd = SRC_TXD, src_rxd = SRC_RXD, no_cause = 0u64,
            one4 = 1u64, zero4 = 0u64, zero32 = 0u64
        )
    }
}

impl Logic for MoverDone {
    #[hdl_gen]
    fn update(&mut self) {
        self.fate.next = self.slot.val().fate;
        self.act.next = SlotAct::Keep;
        self.slot_next.next = self.slot.val();
        self.failed.next = self.ev.val().cause != self.no_cause.val();
        self.left.next = self.slot.val().left - self.one4.val();
        self.rx_free.next = false;
        self.n_tx.next = false;
        self.n_rx.next = false;
        // The packet has gone to the slot as a whole.
        self.whole.next = false;
        if self.ev.val().src == self.src_txd.val() {
            self.slot_next.next.left = self.left.val();
            self.n_tx.next = (self.fate.val() == SlotFate::Normal) & !self.failed.val();
            if self.failed.val() & !self.slot.val().kept {
                self.slot_next.next.kept = true;
                self.slot_next.next.cause = self.ev.val().cause;
                self.slot_next.next.iova = self.ev.val().iova;
                self.slot_next.next.f_write = false;
                self.slot_next.next.f_ring = false;
            }
            if (self.slot.val().state == SlotState::TxEnd) & (self.left.val() == self.zero4.val()) {
                // *done*
                if self.fate.val() == SlotFate::Abort {
                    self.act.next = SlotAct::Release;
                } else if self.fate.val() == SlotFate::Fail {
                    self.act.next = SlotAct::Report;
                } else if self.slot.val().kept | self.failed.val() {
                    self.act.next = SlotAct::Fail;
                } else if !self.alive.val() {
                    self.act.next = SlotAct::Release;
                } else if self.slot.val().wsum == self.zero32.val() {
                    self.act.next = SlotAct::Tell;
                    self.slot_next.next.used_len = self.zero32.val();
                } else {
                    self.slot_next.next.state = SlotState::Answer;
                }
            }
        } else if self.ev.val().src == self.src_rxd.val() {
            if self.ev.val().unowned {
                self.act.next = SlotAct::Nothing;
                self.rx_free.next = true;
            } else if self.slot.val().state == SlotState::RxDisc {
                self.rx_free.next = true;
                if self.fate.val() == SlotFate::Fail {
                    self.act.next = SlotAct::Report;
                } else if (self.fate.val() == SlotFate::Abort) | !self.alive.val() {
                    self.act.next = SlotAct::Release;
                } else {
                    self.whole.next = true;
                }
            } else {
                self.rx_free.next = self.ev.val().ended;
                self.slot_next.next.used_len = self.slot.val().used_len + self.ev.val().bytes;
                if !self.alive.val() {
                    self.act.next = SlotAct::Abort;
                } else if self.ev.val().cause != self.no_cause.val() {
                    self.act.next = SlotAct::Fail;
                    self.slot_next.next.kept = true;
                    self.slot_next.next.cause = self.ev.val().cause;
                    self.slot_next.next.iova = self.ev.val().iova;
                    self.slot_next.next.f_write = true;
                    self.slot_next.next.f_ring = false;
                } else if self.ev.val().ended {
                    self.whole.next = true;
                } else {
                    self.act.next = SlotAct::NextDesc;
                }
            }
        } else if !self.alive.val() {
            self.act.next = SlotAct::Abort;
        } else if self.fate.val() == SlotFate::Abort {
            self.act.next = SlotAct::Abort;
        } else if self.fate.val() == SlotFate::Fail {
            self.act.next = SlotAct::Fail;
        } else {
            self.act.next = SlotAct::SendTx;
        }
        if self.whole.val() {
            self.act.next = SlotAct::Tell;
            self.n_rx.next = self.receive_slot.val();
        }
        self.step.next = self.no_step.val();
        self.step.next.act = self.act.val();
        self.step.next.slot = self.slot_next.val();
        self.step.next.vq = self.vq.val();
        self.step.next.rx_free = self.rx_free.val();
        self.step.next.n_tx = self.n_tx.val();
        self.step.next.n_rx = self.n_rx.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mover_done_lints_clean() {
        crate::util::assert_lint_clean("mover_done", MoverDone::default());
    }
}
