//! A virtqueue comes out of the ready FIFO (RDY) and is bound to the first slot of the free list.
//!
//! Combinational. Stage A; contract §3.4.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{CoreEv, SlotFate, SlotRec, SlotState, VqRec};
use crate::step_types::{SlotAct, StepA};

/// See the file's text.
#[derive(LogicBlock)]
pub struct Ready {
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// The slot, free.
    pub slot: Signal<In, SlotRec>,
    /// The virtqueue.
    pub vq: Signal<In, VqRec>,
    /// Its device is running.
    pub running: Signal<In, Bit>,
    /// It is of the kind Receive.
    pub receive: Signal<In, Bit>,
    /// What follows.
    pub step: Signal<Out, StepA>,
    act: Signal<Local, SlotAct>,
    slot_next: Signal<Local, SlotRec>,
    vq_next: Signal<Local, VqRec>,
    binds: Signal<Local, Bit>,
    no_step: Constant<StepA>,
    none_left: Constant<Bits<4>>,
    no_chain: Constant<Bits<4>>,
}

impl Default for Ready {
    fn default() -> Self {
        block_default!(
            ev, slot, vq, running, receive, step, act, slot_next, vq_next, binds;
            no_step = StepA::default(), none_left = 0u64, no_chain = 0u64
        )
    }
}

impl Logic for Ready {
    #[hdl_gen]
    fn update(&mut self) {
        self.act.next = SlotAct::Nothing;
        self.slot_next.next = self.slot.val();
        self.vq_next.next = self.vq.val();
        self.vq_next.next.queued = false;
        self.binds.next = false;
        if self.vq.val().ready & !self.receive.val() & self.running.val() {
            if self.vq.val().busy {
                self.vq_next.next.again = true;
            } else {
                self.binds.next = true;
                self.vq_next.next.busy = true;
                self.vq_next.next.slot = self.ev.val().slot;
                self.slot_next.next.state = SlotState::Look;
                self.slot_next.next.fate = SlotFate::Normal;
                self.slot_next.next.delivering = false;
                self.slot_next.next.kept = false;
                self.slot_next.next.left = self.none_left.val();
                self.slot_next.next.visit = self.no_chain.val();
                self.slot_next.next.dev = self.vq.val().owner;
                self.slot_next.next.vq = self.ev.val().id;
                self.act.next = SlotAct::Look;
                if self.vq.val().avail_cache != self.vq.val().last_avail {
                    self.act.next = SlotAct::ReadRing;
                }
            }
        }
        self.step.next = self.no_step.val();
        self.step.next.act = self.act.val();
        self.step.next.slot = self.slot_next.val();
        self.step.next.vq = self.vq_next.val();
        self.step.next.vq_we = true;
        self.step.next.bind = self.binds.val();
        self.step.next.give_back = !self.binds.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_lints_clean() {
        crate::util::assert_lint_clean("ready", Ready::default());
    }
}
