//! A FIFO over a RAM, first word shown: what is pushed at an edge is at the head in the next cycle.
//!
//! Timing: `valid`, `data` and `count` are functions of state. The RAM reads a cycle late, so its read address is the
//! head of the next cycle, and a word pushed into an empty queue goes round the RAM through `head`.
//! Push and pop at the same edge are allowed; a push when full and a pop when empty do nothing.

use crate::block_default;
use rust_hdl::prelude::*;

/// Holds 2^`AW` items of type `D`; `AW` below 20.
#[derive(LogicBlock)]
pub struct Fifo<D: Synth, const AW: usize> {
    pub clock: Signal<In, Clock>,
    /// Empties the queue.
    pub reset: Signal<In, Bit>,
    pub push: Signal<In, Bit>,
    pub push_data: Signal<In, D>,
    pub pop: Signal<In, Bit>,
    /// Not empty.
    pub valid: Signal<Out, Bit>,
    /// The head; anything when empty.
    pub data: Signal<Out, D>,
    /// Items held, 0..=2^AW, modulo 2^16: of no use where AW is 16 or more.
    pub count: Signal<Out, Bits<16>>,
    ram: RAM<D, AW>,
    wr_ptr: DFF<Bits<AW>>,
    rd_ptr: DFF<Bits<AW>>,
    items: DFF<Bits<20>>,
    head: DFF<D>,
    bypass: DFF<Bit>,
    put: Signal<Local, Bit>,
    take: Signal<Local, Bit>,
    rd_next: Signal<Local, Bits<AW>>,
    ptr_one: Constant<Bits<AW>>,
    one: Constant<Bits<20>>,
    zero: Constant<Bits<20>>,
    depth: Constant<Bits<20>>,
}

impl<D: Synth, const AW: usize> Default for Fifo<D, AW> {
    fn default() -> Self {
        block_default!(
            clock, reset, push, push_data, pop, valid, data, count, ram, wr_ptr, rd_ptr, items, head, bypass, put,
            take, rd_next; ptr_one = 1, one = 1, zero = 0, depth = 1 << AW
        )
    }
}

impl<D: Synth, const AW: usize> Logic for Fifo<D, AW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, wr_ptr, rd_ptr, items, head, bypass);
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();
        self.put.next = self.push.val() && (self.items.q.val() != self.depth.val());
        self.take.next = self.pop.val() && (self.items.q.val() != self.zero.val());
        self.rd_next.next = self.rd_ptr.q.val();
        if self.take.val() {
            self.rd_next.next = self.rd_ptr.q.val() + self.ptr_one.val();
        }
        self.rd_ptr.d.next = self.rd_next.val();
        if self.put.val() {
            self.wr_ptr.d.next = self.wr_ptr.q.val() + self.ptr_one.val();
        }
        if self.put.val() && !self.take.val() {
            self.items.d.next = self.items.q.val() + self.one.val();
        }
        if self.take.val() && !self.put.val() {
            self.items.d.next = self.items.q.val() - self.one.val();
        }
        self.ram.read_address.next = self.rd_next.val();
        self.ram.write_address.next = self.wr_ptr.q.val();
        self.ram.write_data.next = self.push_data.val();
        self.ram.write_enable.next = self.put.val();
        // The RAM would still show the old word there.
        self.bypass.d.next = self.put.val() && (self.wr_ptr.q.val() == self.rd_next.val());
        self.head.d.next = self.push_data.val();
        self.valid.next = self.items.q.val() != self.zero.val();
        self.count.next = self.items.q.val().get_bits::<16>(0);
        self.data.next = self.ram.read_data.val();
        if self.bypass.q.val() {
            self.data.next = self.head.q.val();
        }
        if self.reset.val() {
            self.wr_ptr.d.next = 0.into();
            self.rd_ptr.d.next = 0.into();
            self.items.d.next = 0.into();
            self.bypass.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use crate::types::Comp;
    use crate::util::assert_lint_clean;
    use std::collections::VecDeque;

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("fifo", Fifo::<Bits<8>, 4>::default());
        assert_lint_clean("fifo-struct", Fifo::<Comp, 3>::default());
    }

    #[test]
    fn it_does_what_a_queue_does_in_every_cycle() {
        let mut fifo = Fifo::<Bits<8>, 2>::default();
        fifo.connect_all();
        fifo.reset.next = true;
        edge!(fifo);
        fifo.reset.next = false;
        let mut queue = VecDeque::new();
        // A fixed linear congruential sequence.
        let mut seed = 12345_u64;
        for n in 0..600_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (push, pop) = (seed >> 40 & 3 != 0, seed >> 50 & 7 < 2 + n / 100);
            fifo.push.next = push;
            fifo.push_data.next = (n & 255).into();
            fifo.pop.next = pop;
            edge!(fifo);
            let full = queue.len() == 4;
            if pop {
                queue.pop_front();
            }
            if push && !full {
                queue.push_back(n & 255);
            }
            assert_eq!(fifo.valid.val(), !queue.is_empty(), "cycle {n}");
            assert_eq!(fifo.count.val(), queue.len() as u64, "cycle {n}");
            if let Some(head) = queue.front() {
                assert_eq!(fifo.data.val(), *head, "cycle {n}");
            }
        }
    }
}
