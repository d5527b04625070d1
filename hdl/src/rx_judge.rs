//! What *Issue* of the receive mover does with its item: combinational.
//!
//! A block of its own, so that the request to the arbiter does not hang together with what its grant does.
//! Timing: contract §8 *Issue*; everything is a function of the inputs.

use rust_hdl::prelude::*;
use shoal_abi::mmu;

use crate::asks::Answer;
use crate::block_default;
use crate::rx_items::RxItem;

/// See the file's text.
#[derive(LogicBlock)]
pub struct RxJudge {
    /// There is an item.
    pub valid: Signal<In, Bit>,
    /// It.
    pub item: Signal<In, RxItem>,
    /// It has its answer.
    pub answered: Signal<In, Bit>,
    /// The answer.
    pub answer: Signal<In, Answer>,
    /// A burst of the packet before it has failed.
    pub skip: Signal<In, Bit>,
    /// Beats of a burst are being loaded.
    pub loading: Signal<In, Bit>,
    /// The packet's last beat has been taken.
    pub ended: Signal<In, Bit>,
    /// The expectations are full.
    pub full: Signal<In, Bit>,
    /// It asks the W arbiter.
    pub asks: Signal<Out, Bit>,
    /// It goes on without asking.
    pub passes: Signal<Out, Bit>,
    /// Its translation has failed.
    pub faulted: Signal<Out, Bit>,
    /// It is skipped.
    pub skipped: Signal<Out, Bit>,
    /// Beats are thrown away up to the end of the packet.
    pub clears: Signal<Out, Bit>,
    /// The packet is through.
    pub through: Signal<Out, Bit>,
    /// The core is to be told.
    pub tells: Signal<Out, Bit>,
    good: Signal<Local, Bit>,
    ready: Signal<Local, Bit>,
    alone: Signal<Local, Bit>,
    room: Signal<Local, Bit>,
    fails: Signal<Local, Bit>,
    leaves: Signal<Local, Bit>,
    finishes: Signal<Local, Bit>,
    marks: Signal<Local, Bit>,
    no_cause: Constant<Bits<12>>,
}

impl Default for RxJudge {
    fn default() -> Self {
        block_default!(
            valid, item, answered, answer, skip, loading, ended, full, asks, passes, faulted, skipped, clears, through, tells,
            good, ready, alone, room, fails, leaves, finishes, marks;
            no_cause = u64::from(mmu::CAUSE_NONE)
        )
    }
}

impl Logic for RxJudge {
    #[hdl_gen]
    fn update(&mut self) {
        self.room.next = !self.full.val();
        // A burst.
        self.good.next = self.answer.val().cause == self.no_cause.val();
        self.ready.next = self.valid.val() & self.item.val().burst & self.answered.val();
        self.fails.next = self.ready.val() & !self.good.val() & self.room.val();
        self.leaves.next = self.ready.val() & self.good.val() & self.skip.val();
        self.asks.next = self.ready.val() & self.good.val() & !self.skip.val() & self.room.val();
        // The end of a packet, or of an op within it: not before all beats before it.
        self.alone.next = self.valid.val() & !self.item.val().burst & !self.loading.val();
        self.finishes.next = self.alone.val()
            & self.item.val().fin
            & self.ended.val()
            & (self.room.val() | !self.item.val().marked);
        self.marks.next = self.alone.val() & !self.item.val().fin & self.room.val();
        // What is left of a packet at its end, or behind a fault, has no place to go to.
        self.clears.next = !self.loading.val()
            & !self.ended.val()
            & (self.skip.val() | (self.valid.val() & self.item.val().fin));
        self.faulted.next = self.fails.val();
        self.skipped.next = self.leaves.val();
        self.through.next = self.finishes.val();
        self.tells.next = self.marks.val() | (self.finishes.val() & self.item.val().marked);
        self.passes.next =
            self.fails.val() | self.leaves.val() | self.finishes.val() | self.marks.val();
    }
}
