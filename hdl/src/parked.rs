//! Queues that wait until their device is not early any more, looked at again one by one, every eight cycles.
//!
//! Contract §3 (parked FIFO, parked timer, source RDY). Timing: `due` and `vq` are functions of state; a pop sets the timer to 7.
//! Reset: empty, and the timer at 0.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::fifo::Fifo;

/// Cycles from the one behind a pop to the one in which the next queue is due.
const PARKED_CYCLES: u64 = 7;

/// See the file's text. `VQ`: address bits of a virtqueue context.
#[derive(LogicBlock)]
pub struct Parked<const VQ: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Pushes `push_vq`.
    pub push: Signal<In, Bit>,
    /// Virtqueue context.
    pub push_vq: Signal<In, Bits<18>>,
    /// A queue is to be looked at.
    pub due: Signal<Out, Bit>,
    /// It.
    pub vq: Signal<Out, Bits<18>>,
    /// An RDY is picked: takes the queue if it is due.
    pub pop: Signal<In, Bit>,
    waiting: Fifo<Bits<18>, VQ>,
    timer: DFF<Bits<3>>,
    takes: Signal<Local, Bit>,
    none: Constant<Bits<3>>,
    one: Constant<Bits<3>>,
    cycles: Constant<Bits<3>>,
}

impl<const VQ: usize> Default for Parked<VQ> {
    fn default() -> Self {
        block_default!(
            clock, reset, push, push_vq, due, vq, pop, waiting, timer, takes;
            none = 0u64, one = 1u64, cycles = PARKED_CYCLES
        )
    }
}

impl<const VQ: usize> Logic for Parked<VQ> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, timer);
        clock!(self, clock, waiting);
        // A function of state, kept apart from the pop, which depends on it.
        self.due.next = self.waiting.valid.val() & (self.timer.q.val() == self.none.val());
        self.takes.next =
            self.pop.val() & self.waiting.valid.val() & (self.timer.q.val() == self.none.val());
        self.waiting.reset.next = self.reset.val();
        self.waiting.push.next = self.push.val();
        self.waiting.push_data.next = self.push_vq.val();
        self.waiting.pop.next = self.takes.val();
        self.vq.next = self.waiting.data.val();
        if self.timer.q.val() != self.none.val() {
            self.timer.d.next = self.timer.q.val() - self.one.val();
        }
        if self.takes.val() {
            self.timer.d.next = self.cycles.val();
        }
        if self.reset.val() {
            self.timer.d.next = self.none.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;

    #[test]
    fn parked_lints_clean() {
        crate::util::assert_lint_clean("parked_tiny", Parked::<5>::default());
        crate::util::assert_lint_clean("parked_hyper", Parked::<18>::default());
    }

    #[test]
    fn one_queue_is_due_every_eight_cycles_in_the_order_of_parking() {
        let mut p = Parked::<5>::default();
        p.connect_all();
        p.reset.next = true;
        edge!(p);
        p.reset.next = false;
        // Without a queue a pick takes nothing, and the timer stays at 0.
        p.pop.next = true;
        edge!(p);
        for vq in [3_u64, 9, 4] {
            p.pop.next = false;
            p.push.next = true;
            p.push_vq.next = vq.into();
            edge!(p);
        }
        p.push.next = false;
        let mut taken = Vec::new();
        for cycle in 0..40_u64 {
            p.pop.next = true;
            crate::util::settle(&mut p);
            // What is parked again goes behind the others.
            p.push.next = p.due.val() && taken.is_empty();
            p.push_vq.next = p.vq.val();
            if p.due.val() {
                taken.push((cycle, crate::util::number(p.vq.val())));
            }
            edge!(p);
        }
        assert_eq!(taken, [(0, 3), (8, 9), (16, 4), (24, 3)]);
        // Due for as long as nobody picks it.
        p.pop.next = false;
        p.push.next = true;
        edge!(p);
        p.push.next = false;
        for _ in 0..20 {
            edge!(p);
        }
        assert!(p.due.val());
        p.reset.next = true;
        edge!(p);
        assert!(!p.due.val());
    }
}
