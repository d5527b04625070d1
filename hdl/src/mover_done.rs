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
    /// Its slot.
    pub slot: Signal<In, SlotRec>,
    /// Its virtqueue.
    pub vq: Signal<In, VqRec>,
    /// It is a receive slot.
    pub receive_slot: Signal<In, Bit>,
    /// It is alive.
    pub alive: Signal<In, Bit>,
    /// What follows.
    pub step: Signal<Out, StepA>,
    fate: Signal<Local, SlotFate>,
    act: Signal<Local, SlotAct>,
    slot_next: Signal<Local, SlotRec>,
    vq_next: Signal<Local, VqRec>,
    failed: Signal<Local, Bit>,
    rxd: Signal<Local, Bit>,
    whole: Signal<Local, Bit>,
    over: Signal<Local, Bit>,
    in_part: Signal<Local, Bit>,
    thrown: Signal<Local, Bit>,
    used: Signal<Local, Bits<32>>,
    bytes: Signal<Local, Bits<32>>,
    element: Signal<Local, Bits<119>>,
    place: Signal<Local, Bits<7>>,
    left: Signal<Local, Bits<4>>,
    n_tx: Signal<Local, Bit>,
    n_rx: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
    no_step: Constant<StepA>,
    src_txd: Constant<Bits<4>>,
    src_rxd: Constant<Bits<4>>,
    no_cause: Constant<Bits<12>>,
    one9: Constant<Bits<9>>,
    zero9: Constant<Bits<9>>,
    one4: Constant<Bits<4>>,
    zero4: Constant<Bits<4>>,
    zero32: Constant<Bits<32>>,
    numbers: [Constant<Bits<4>>; 7],
    places: [Constant<Bits<7>>; 7],
}

impl Default for MoverDone {
    fn default() -> Self {
        block_default!(
            ev, slot, vq, receive_slot, alive, step, fate, act, slot_next, vq_next, failed, rxd, whole, over, in_part,
            thrown, used, bytes, element, place, left, n_tx, n_rx, ends;
            no_step = StepA::default(), src_txd = SRC_TXD, src_rxd = SRC_RXD, no_cause = 0u64,
            one9 = 1u64, zero9 = 0u64, one4 = 1u64, zero4 = 0u64, zero32 = 0u64;
            numbers = std::array::from_fn(|i| Constant::new((i as u64 + 1).into())),
            places = std::array::from_fn(|i| Constant::new((17 * i as u64).into()))
        )
    }
}

impl Logic for MoverDone {
    #[hdl_gen]
    fn update(&mut self) {
        self.fate.next = self.slot.val().fate;
        self.act.next = SlotAct::Keep;
        self.slot_next.next = self.slot.val();
        self.vq_next.next = self.vq.val();
        self.failed.next = self.ev.val().cause != self.no_cause.val();
        self.left.next = self.slot.val().left - self.one4.val();
        self.n_tx.next = false;
        self.n_rx.next = false;
        self.ends.next = false;
        // What it is: the end of a packet, of a descriptor's bytes, of what is thrown away.
        self.rxd.next = self.ev.val().src == self.src_rxd.val();
        self.in_part.next = self.rxd.val() & (self.slot.val().state == SlotState::RxData);
        self.thrown.next = self.rxd.val() & (self.slot.val().state == SlotState::RxDisc);
        self.whole.next = (self.ev.val().src == self.src_txd.val())
            | (self.rxd.val() & !self.in_part.val() & !self.thrown.val());
        self.over.next = self.whole.val()
            & (self.slot.val().state == SlotState::TxEnd)
            & (self.left.val() == self.zero4.val());
        // The bytes that a chain has got: the first one all of them, those behind it from one packet.
        self.bytes.next = self.ev.val().bytes;
        self.used.next = self.slot.val().used_len + self.bytes.val();
        self.element.next = bit_cast::<119, 17>(self.bytes.val().get_bits::<17>(0));
        self.place.next = self.places[0].val();
        for i in 0..7 {
            if self.slot.val().ended == self.numbers[i].val() {
                self.place.next = self.places[i].val();
            }
        }
        if self.whole.val() {
            self.slot_next.next.left = self.left.val();
            self.ends.next = self.over.val();
            if self.rxd.val() {
                self.slot_next.next.ended = self.slot.val().ended + self.one4.val();
                if self.slot.val().ended == self.zero4.val() {
                    self.slot_next.next.used_len = self.used.val();
                } else {
                    self.slot_next.next.used_more =
                        self.slot.val().used_more | (self.element.val() << self.place.val());
                }
            }
            self.n_tx.next =
                !self.rxd.val() & (self.fate.val() == SlotFate::Normal) & !self.failed.val();
            self.n_rx.next = self.rxd.val()
                & self.receive_slot.val()
                & (self.fate.val() == SlotFate::Normal)
                & !self.failed.val();
        } else if self.thrown.val() {
            if (self.fate.val() == SlotFate::Abort) | !self.alive.val() {
                self.act.next = SlotAct::Leave;
            } else if self.slot.val().left != self.zero4.val() {
                self.act.next = SlotAct::Dry;
                self.slot_next.next.left = self.left.val();
            } else if self.vq.val().pend == self.zero9.val() {
                self.act.next = SlotAct::Leave;
            } else {
                // *finish*: the next visit.
                self.slot_next.next.state = SlotState::Look;
                self.slot_next.next.visit = self.zero4.val();
                self.act.next = SlotAct::Look;
                if self.vq.val().avail_cache != self.vq.val().last_avail {
                    self.act.next = SlotAct::ReadRing;
                }
            }
        } else if self.in_part.val() {
            self.slot_next.next.used_len = self.used.val();
            if self.ev.val().ended {
                self.vq_next.next.pend = self.vq.val().pend - self.one9.val();
            }
            if !self.alive.val() {
                self.act.next = SlotAct::Abort;
            } else if self.failed.val() {
                self.act.next = SlotAct::Fail;
            } else if self.ev.val().ended {
                self.ends.next = true;
                self.n_rx.next = self.receive_slot.val();
            } else {
                self.act.next = SlotAct::NextDesc;
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
        if (self.whole.val() | self.in_part.val()) & self.failed.val() & !self.slot.val().kept {
            self.slot_next.next.kept = true;
            self.slot_next.next.cause = self.ev.val().cause;
            self.slot_next.next.iova = self.ev.val().iova;
            self.slot_next.next.f_write = self.rxd.val();
            self.slot_next.next.f_ring = false;
        }
        if self.ends.val() {
            // *done*
            if self.fate.val() == SlotFate::Abort {
                self.act.next = SlotAct::Leave;
            } else if self.fate.val() == SlotFate::Fail {
                self.act.next = SlotAct::Report;
            } else if self.slot.val().kept | self.failed.val() {
                self.act.next = SlotAct::Fail;
            } else if !self.alive.val() {
                self.act.next = SlotAct::Leave;
            } else if self.slot.val().delivering | (self.slot.val().wsum == self.zero32.val()) {
                self.act.next = SlotAct::Tell;
            } else if self.vq.val().pend != self.zero9.val() {
                self.act.next = SlotAct::Deliver;
            } else {
                self.slot_next.next.state = SlotState::Answer;
            }
        }
        self.step.next = self.no_step.val();
        self.step.next.act = self.act.val();
        self.step.next.slot = self.slot_next.val();
        self.step.next.vq = self.vq_next.val();
        self.step.next.vq_we = self.in_part.val() & self.ev.val().ended;
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
