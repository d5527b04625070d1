//! READY, the sweep that clears the contexts, and the warm reset that leads to another sweep.
//!
//! Timing: contract §3.1. Reset: READY = 0, index 0, no warm reset begun.

use rust_hdl::prelude::*;

use crate::block_default;

/// See the file's text.
#[derive(LogicBlock)]
pub struct Sweep {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// A warm reset is going on.
    pub warm: Signal<In, Bit>,
    /// The WARM event ends.
    pub warm_begin: Signal<In, Bit>,
    /// Nothing is at work or in flight and nothing requests.
    pub quiet: Signal<In, Bit>,
    /// READY.
    pub ready: Signal<Out, Bit>,
    /// A sweep cycle.
    pub sweep: Signal<Out, Bit>,
    /// Entry that it clears.
    pub sweep_index: Signal<Out, Bits<18>>,
    /// The sweep clears slots as well.
    pub sweep_slots: Signal<Out, Bit>,
    /// `warm_started`.
    pub warm_started: Signal<Out, Bit>,
    /// FIFOs and `admin_kick` are emptied.
    pub flush: Signal<Out, Bit>,
    /// End of a warm reset.
    pub restore: Signal<Out, Bit>,
    done: DFF<Bit>,
    started: DFF<Bit>,
    index: DFF<Bits<18>>,
    enter: Signal<Local, Bit>,
    leave: Signal<Local, Bit>,
    last: Constant<Bits<18>>,
    one: Constant<Bits<18>>,
    zero: Constant<Bits<18>>,
}

impl Sweep {
    /// The sweep takes 2^`vq_aw` cycles.
    #[must_use]
    pub fn new(vq_aw: usize) -> Self {
        block_default!(
            clock, reset, warm, warm_begin, quiet, ready, sweep, sweep_index, sweep_slots, warm_started, flush, restore,
            done, started, index, enter, leave;
            last = (1u64 << vq_aw) - 1, one = 1u64, zero = 0u64
        )
    }
}

impl Logic for Sweep {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, done, started, index);
        self.enter.next = self.done.q.val() & self.started.q.val() & self.quiet.val();
        self.leave.next = !self.done.q.val() & (self.index.q.val() == self.last.val());
        self.ready.next = self.done.q.val();
        self.sweep.next = !self.done.q.val();
        self.sweep_index.next = self.index.q.val();
        self.sweep_slots.next = !self.warm.val();
        self.warm_started.next = self.started.q.val();
        self.flush.next = self.enter.val();
        self.restore.next = self.leave.val() & self.started.q.val();
        if self.warm_begin.val() {
            self.started.d.next = true;
        }
        if !self.done.q.val() {
            self.index.d.next = self.index.q.val() + self.one.val();
        }
        if self.leave.val() {
            self.done.d.next = true;
            self.started.d.next = false;
        }
        if self.enter.val() {
            self.done.d.next = false;
            self.index.d.next = self.zero.val();
        }
        if self.reset.val() {
            self.done.d.next = false;
            self.started.d.next = false;
            self.index.d.next = self.zero.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweep_lints_clean() {
        crate::util::assert_lint_clean("sweep", Sweep::new(5));
    }
}
