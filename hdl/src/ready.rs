//! A virtqueue comes out of the ready FIFO or the parked FIFO (RDY) and is bound to the first slot of the free list, or parked.
//!
//! Combinational. Stage A; contract §3.4.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::VqRec;
use crate::step_types::StepA;

/// See the file's text.
#[derive(LogicBlock)]
pub struct Ready {
    /// The virtqueue.
    pub vq: Signal<In, VqRec>,
    /// What follows if it is bound.
    pub bound: Signal<In, StepA>,
    /// Its device is running.
    pub running: Signal<In, Bit>,
    /// It is of the kind Receive.
    pub receive: Signal<In, Bit>,
    /// The device is early.
    pub early: Signal<In, Bit>,
    /// What follows.
    pub step: Signal<Out, StepA>,
    vq_next: Signal<Local, VqRec>,
    goes: Signal<Local, Bit>,
    parks: Signal<Local, Bit>,
    no_step: Constant<StepA>,
}

impl Default for Ready {
    fn default() -> Self {
        block_default!(
            vq, bound, running, receive, early, step, vq_next, goes, parks;
            no_step = StepA::default()
        )
    }
}

impl Logic for Ready {
    #[hdl_gen]
    fn update(&mut self) {
        self.goes.next = self.vq.val().ready & !self.receive.val() & self.running.val();
        self.vq_next.next = self.vq.val();
        self.vq_next.next.queued = false;
        self.parks.next = self.goes.val() & !self.vq.val().busy & self.early.val();
        if self.parks.val() {
            self.vq_next.next.queued = true;
        }
        if self.goes.val() & self.vq.val().busy {
            self.vq_next.next.again = true;
        }
        self.step.next = self.no_step.val();
        self.step.next.vq = self.vq_next.val();
        self.step.next.vq_we = true;
        self.step.next.park = self.parks.val();
        self.step.next.give_back = true;
        if self.goes.val() & !self.vq.val().busy & !self.early.val() {
            self.step.next = self.bound.val();
        }
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
