//! The engine's writes to the contexts: those of an event's effects, and those of WARM, which frees slots one by one.
//!
//! WARM goes through the chain slots four busy cycles each (16 to 31, and again later, when nothing is left): a slot without
//! an op in flight is free. Its virtqueue and device need no care, they will be swept. Contract §3.1.
//! Combinational.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{CoreEv, CtxCmd, SlotRec, SlotState, SRC_WARM};
use crate::step_types::Effects;

/// See the file's text.
#[derive(LogicBlock)]
pub struct EngineWrite {
    /// The event at work is the engine's.
    pub mine: Signal<In, Bit>,
    /// Last busy cycle of any event.
    pub last: Signal<In, Bit>,
    /// Busy cycle.
    pub cycle: Signal<In, Bits<7>>,
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// Its effects.
    pub fx: Signal<In, Effects>,
    /// Slot read.
    pub slot: Signal<In, SlotRec>,
    /// Device of the event.
    pub dev_addr: Signal<In, Bits<18>>,
    /// Virtqueue of the event.
    pub vq_addr: Signal<In, Bits<18>>,
    /// A slot owns the transmit mover.
    pub tx_owned: Signal<In, Bit>,
    /// Which.
    pub tx_owner: Signal<In, Bits<3>>,
    /// `fx` counts at the end of this cycle.
    pub commit: Signal<Out, Bit>,
    /// WARM ends.
    pub warm_begin: Signal<Out, Bit>,
    /// Access to the context memories.
    pub ctx: Signal<Out, CtxCmd>,
    commits: Signal<Local, Bit>,
    is_warm: Signal<Local, Bit>,
    at: Signal<Local, Bits<3>>,
    phase: Signal<Local, Bits<5>>,
    held: Signal<Local, Bit>,
    frees: Signal<Local, Bit>,
    freed: Signal<Local, SlotRec>,
    src_warm: Constant<Bits<4>>,
    no_ctx: Constant<CtxCmd>,
    write_phase: Constant<Bits<5>>,
}

impl Default for EngineWrite {
    fn default() -> Self {
        block_default!(
            mine, last, cycle, ev, fx, slot, dev_addr, vq_addr, tx_owned, tx_owner, commit, warm_begin, ctx, commits,
            is_warm, at, phase, held, frees, freed;
            src_warm = SRC_WARM, no_ctx = CtxCmd::default(), write_phase = 0x13u64
        )
    }
}

impl Logic for EngineWrite {
    #[hdl_gen]
    fn update(&mut self) {
        self.is_warm.next = self.mine.val() & (self.ev.val().src == self.src_warm.val());
        self.commits.next = self.mine.val() & self.last.val() & !self.is_warm.val();
        self.commit.next = self.commits.val();
        self.warm_begin.next = self.is_warm.val() & self.last.val();
        self.at.next = self.ev.val().client;
        if self.is_warm.val() {
            self.at.next = bit_cast::<3, 2>(self.cycle.val().get_bits::<2>(2));
        }
        // The slot was read two cycles before the last of its four.
        self.phase.next = self.cycle.val().get_bits::<5>(0);
        self.held.next = self.tx_owned.val() & (self.tx_owner.val() == self.at.val());
        self.frees.next = self.is_warm.val()
            & ((self.phase.val() & self.write_phase.val()) == self.write_phase.val())
            & ((self.slot.val().state == SlotState::Answer)
                | ((self.slot.val().state == SlotState::WaitTx) & !self.held.val()));
        self.freed.next = self.slot.val();
        self.freed.next.state = SlotState::Idle;
        self.ctx.next = self.no_ctx.val();
        if self.commits.val() {
            self.ctx.next = self.fx.val().ctx;
        }
        if self.frees.val() {
            self.ctx.next.slot = self.freed.val();
            self.ctx.next.slot_we = true;
        }
        self.ctx.next.slot_addr = self.at.val();
        self.ctx.next.dev_addr = self.dev_addr.val();
        self.ctx.next.vq_addr = self.vq_addr.val();
        self.ctx.next.page_addr = self.ev.val().id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_write_lints_clean() {
        crate::util::assert_lint_clean("engine_write", EngineWrite::default());
    }
}
