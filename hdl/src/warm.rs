//! WARM: goes through the chain slots, four busy cycles each, and frees those in state Answer.
//!
//! Their virtqueues and devices need no care: they will be swept. Contract §3.1.
//! Timing: slot k in busy cycles 4k..4k+3; it is read in the first three and written in the last. Combinational.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::block_default;
use crate::ctx_types::{CtxCmd, SlotRec, SlotState};

/// See the file's text.
#[derive(LogicBlock)]
pub struct WarmSlots {
    /// The event at work is WARM.
    pub busy: Signal<In, Bit>,
    /// Last busy cycle of an exclusive event.
    pub last: Signal<In, Bit>,
    /// Busy cycle.
    pub step: Signal<In, Bits<11>>,
    /// Slot of the cycle before.
    pub slot: Signal<In, SlotRec>,
    /// WARM ends.
    pub ends: Signal<Out, Bit>,
    /// Access to the context memories.
    pub ctx: Signal<Out, CtxCmd>,
    /// Put `free_slot` into the free list.
    pub free_push: Signal<Out, Bit>,
    /// Chain slot.
    pub free_slot: Signal<Out, Bits<8>>,
    at: Signal<Local, Bits<9>>,
    at_slot: Signal<Local, Bits<8>>,
    phase: Signal<Local, Bits<2>>,
    frees: Signal<Local, Bit>,
    freed: Signal<Local, SlotRec>,
    no_ctx: Constant<CtxCmd>,
    chain_slots: Constant<Bits<9>>,
    write_phase: Constant<Bits<2>>,
}

impl WarmSlots {
    /// The block for a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            busy, last, step, slot, ends, ctx, free_push, free_slot, at, at_slot, phase, frees, freed;
            no_ctx = CtxCmd::default(), chain_slots = p.chain_slots as u64, write_phase = 3u64
        )
    }
}

impl Logic for WarmSlots {
    #[hdl_gen]
    fn update(&mut self) {
        self.ends.next = self.busy.val() & self.last.val();
        self.at.next = self.step.val().get_bits::<9>(2);
        self.at_slot.next = self.step.val().get_bits::<8>(2);
        self.phase.next = self.step.val().get_bits::<2>(0);
        self.frees.next = self.busy.val()
            & (self.phase.val() == self.write_phase.val())
            & (self.at.val() < self.chain_slots.val())
            & (self.slot.val().state == SlotState::Answer);
        self.freed.next = self.slot.val();
        self.freed.next.state = SlotState::Idle;
        self.ctx.next = self.no_ctx.val();
        self.ctx.next.slot_addr = self.at_slot.val();
        self.ctx.next.slot_we = self.frees.val();
        self.ctx.next.slot = self.freed.val();
        self.free_push.next = self.frees.val();
        self.free_slot.next = self.at_slot.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_lints_clean() {
        let p = &shoal_abi::profile::TINY;
        crate::util::assert_lint_clean("warm", WarmSlots::new(p));
    }
}
