//! A virtqueue is bound to a chain slot that was free, and begins with a look, or with a ring read if it is known to have more.
//!
//! Combinational. Stage A; contract §3.4. Whether it is bound, the events say that bind: `ready.rs`, `doorbell.rs`.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{SlotFate, SlotRec, SlotState, VqRec};
use crate::step_types::{SlotAct, StepA};

/// See the file's text.
#[derive(LogicBlock)]
pub struct Bind {
    /// The slot's number.
    pub number: Signal<In, Bits<8>>,
    /// The slot, free.
    pub slot: Signal<In, SlotRec>,
    /// Virtqueue context.
    pub vq_id: Signal<In, Bits<18>>,
    /// The virtqueue.
    pub vq: Signal<In, VqRec>,
    /// What follows if it is bound.
    pub step: Signal<Out, StepA>,
    act: Signal<Local, SlotAct>,
    slot_next: Signal<Local, SlotRec>,
    vq_next: Signal<Local, VqRec>,
    no_step: Constant<StepA>,
    none_left: Constant<Bits<4>>,
    no_chain: Constant<Bits<4>>,
}

impl Default for Bind {
    fn default() -> Self {
        block_default!(
            number, slot, vq_id, vq, step, act, slot_next, vq_next;
            no_step = StepA::default(), none_left = 0u64, no_chain = 0u64
        )
    }
}

impl Logic for Bind {
    #[hdl_gen]
    fn update(&mut self) {
        self.vq_next.next = self.vq.val();
        self.vq_next.next.queued = false;
        self.vq_next.next.busy = true;
        self.vq_next.next.slot = self.number.val();
        self.slot_next.next = self.slot.val();
        self.slot_next.next.state = SlotState::Look;
        self.slot_next.next.fate = SlotFate::Normal;
        self.slot_next.next.delivering = false;
        self.slot_next.next.kept = false;
        self.slot_next.next.left = self.none_left.val();
        self.slot_next.next.visit = self.no_chain.val();
        self.slot_next.next.dev = self.vq.val().owner;
        self.slot_next.next.vq = self.vq_id.val();
        self.act.next = SlotAct::Look;
        if self.vq.val().avail_cache != self.vq.val().last_avail {
            self.act.next = SlotAct::ReadRing;
        }
        self.step.next = self.no_step.val();
        self.step.next.act = self.act.val();
        self.step.next.slot = self.slot_next.val();
        self.step.next.vq = self.vq_next.val();
        self.step.next.vq_we = true;
        self.step.next.bind = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bind_lints_clean() {
        crate::util::assert_lint_clean("bind", Bind::default());
    }
}
