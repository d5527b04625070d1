//! A doorbell (DB): its page says whose it is (virtio 1.4 §2.9, §4.1.5.2).
//!
//! Combinational. Stage A; contract §3.3. A *direct* one has taken a slot from the free list: an idle virtqueue of a device that is not
//! early is bound to it at once, else the slot goes back.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{CoreEv, DevRec, VqRec};
use crate::step_types::StepA;

/// See the file's text.
#[derive(LogicBlock)]
pub struct Doorbell {
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// Owner of the page, 0 none.
    pub owner: Signal<In, Bits<18>>,
    /// The owner.
    pub dev: Signal<In, DevRec>,
    /// Its virtqueue, if there are so many.
    pub vq: Signal<In, VqRec>,
    /// The device is running.
    pub running: Signal<In, Bit>,
    /// The virtqueue is of the kind Receive.
    pub receive: Signal<In, Bit>,
    /// The device is early.
    pub early: Signal<In, Bit>,
    /// What follows if it is bound to the event's slot.
    pub bound: Signal<In, StepA>,
    /// What follows.
    pub step: Signal<Out, StepA>,
    index: Signal<Local, Bits<16>>,
    hit: Signal<Local, Bit>,
    wanted: Signal<Local, Bit>,
    binds: Signal<Local, Bit>,
    no_step: Constant<StepA>,
    nobody: Constant<Bits<18>>,
}

impl Default for Doorbell {
    fn default() -> Self {
        block_default!(
            ev, owner, dev, vq, running, receive, early, bound, step, index, hit, wanted, binds;
            no_step = StepA::default(), nobody = 0u64
        )
    }
}

impl Logic for Doorbell {
    #[hdl_gen]
    fn update(&mut self) {
        self.index.next = self.ev.val().index;
        self.hit.next = (self.owner.val() != self.nobody.val())
            & (self.index.val() < bit_cast::<16, 4>(self.dev.val().vq_count))
            & self.vq.val().ready
            & !self.ev.val().warm;
        self.wanted.next = self.hit.val() & self.running.val() & !self.receive.val();
        self.binds.next = self.wanted.val()
            & self.ev.val().direct
            & !self.vq.val().queued
            & !self.vq.val().busy
            & !self.early.val();
        self.step.next = self.no_step.val();
        self.step.next.vq = self.vq.val();
        self.step.next.vq_we = self.hit.val();
        self.step.next.enqueue = self.wanted.val();
        self.step.next.give_back = self.ev.val().direct;
        if self.binds.val() {
            self.step.next = self.bound.val();
        }
        self.step.next.kick = self.hit.val();
        self.step.next.n_doorbell = !self.ev.val().warm;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doorbell_lints_clean() {
        crate::util::assert_lint_clean("doorbell", Doorbell::default());
    }
}
