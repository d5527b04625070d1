//! The op FIFOs of the receive mover: one of up to 8 ops for each slot, all in one RAM.
//!
//! Timing: contract §8. An op pushed at an edge is there in the next cycle; the one taken in a cycle is at `op` in the next one.
//! A push takes two cycles inside: in the second the slot's count of pushes is known, which is the op's place.
//! Reset: all empty.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::counts::Counts;
use crate::types::RxOp;

/// See the file's text. `SW` bits a slot number, `NS` = 2^`SW` slots, `OA` = `SW` + 3.
#[derive(LogicBlock)]
pub struct RxOps<const SW: usize, const NS: usize, const OA: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Puts `push_op` into the FIFO of `push_slot`, which is not full.
    pub push: Signal<In, Bit>,
    /// Which.
    pub push_slot: Signal<In, Bits<8>>,
    /// The op.
    pub push_op: Signal<In, RxOp>,
    /// Whose FIFO is looked at in the next cycle.
    pub slot_next: Signal<In, Bits<8>>,
    /// It holds an op.
    pub valid: Signal<Out, Bit>,
    /// Takes it.
    pub pop: Signal<In, Bit>,
    /// What was at the head in the cycle before.
    pub op: Signal<Out, RxOp>,
    came: DFF<Bit>,
    came_slot: DFF<Bits<8>>,
    came_op: DFF<RxOp>,
    slot: DFF<Bits<8>>,
    places: Counts<SW, NS>,
    puts: Counts<SW, NS>,
    takes: Counts<SW, NS>,
    ops: RAM<RxOp, OA>,
    passes: DFF<Bit>,
    passed: DFF<RxOp>,
    put_next: Signal<Local, Bits<4>>,
    take_next: Signal<Local, Bits<4>>,
    place: Signal<Local, Bits<4>>,
    first: Signal<Local, Bits<4>>,
    came_low: Signal<Local, Bits<SW>>,
    slot_low: Signal<Local, Bits<SW>>,
    place_low: Signal<Local, Bits<4>>,
    first_low: Signal<Local, Bits<4>>,
    write_at: Signal<Local, Bits<OA>>,
    read_at: Signal<Local, Bits<OA>>,
    comes: Signal<Local, Bit>,
    one: Constant<Bits<4>>,
    place_mask: Constant<Bits<4>>,
    place_bits: Constant<Bits<OA>>,
}

impl<const SW: usize, const NS: usize, const OA: usize> Default for RxOps<SW, NS, OA> {
    fn default() -> Self {
        assert_eq!(OA, SW + 3, "places of the receive op FIFOs");
        block_default!(
            clock, reset, push, push_slot, push_op, slot_next, valid, pop, op, came, came_slot, came_op, slot, places, puts,
            takes, ops, passes, passed, put_next, take_next, place, first, came_low, slot_low,
            place_low, first_low, write_at, read_at, comes;
            one = 1u64, place_mask = 7u64, place_bits = 3u64
        )
    }
}

impl<const SW: usize, const NS: usize, const OA: usize> Logic for RxOps<SW, NS, OA> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, came, came_slot, came_op, slot, passes, passed);
        clock!(self, clock, places, puts, takes);
        self.ops.read_clock.next = self.clock.val();
        self.ops.write_clock.next = self.clock.val();
        // A push: its slot's count is looked up, and goes up in the cycle behind.
        self.came.d.next = self.push.val();
        self.came_slot.d.next = self.push_slot.val();
        self.came_op.d.next = self.push_op.val();
        self.places.reset.next = self.reset.val();
        self.places.at.next = self.push_slot.val();
        self.place.next = self.places.count.val();
        self.put_next.next = self.place.val() + self.one.val();
        self.places.put.next = self.came.q.val();
        self.places.put_slot.next = self.came_slot.q.val();
        self.places.put_count.next = self.put_next.val();
        // The same counts for the slot at hand.
        self.slot.d.next = self.slot_next.val();
        self.puts.reset.next = self.reset.val();
        self.puts.at.next = self.slot_next.val();
        self.puts.put.next = self.came.q.val();
        self.puts.put_slot.next = self.came_slot.q.val();
        self.puts.put_count.next = self.put_next.val();
        self.first.next = self.takes.count.val();
        self.take_next.next = self.first.val() + self.one.val();
        self.takes.reset.next = self.reset.val();
        self.takes.at.next = self.slot_next.val();
        self.takes.put.next = self.pop.val();
        self.takes.put_slot.next = self.slot.q.val();
        self.takes.put_count.next = self.take_next.val();
        self.comes.next = self.came.q.val() & (self.came_slot.q.val() == self.slot.q.val());
        self.valid.next = self.comes.val() | (self.puts.count.val() != self.first.val());
        // The ops, by slot and place.
        self.came_low.next = self.came_slot.q.val().get_bits::<SW>(0);
        self.slot_low.next = self.slot.q.val().get_bits::<SW>(0);
        self.place_low.next = self.place.val() & self.place_mask.val();
        self.first_low.next = self.first.val() & self.place_mask.val();
        self.write_at.next = (bit_cast::<OA, SW>(self.came_low.val()) << self.place_bits.val())
            | bit_cast::<OA, 4>(self.place_low.val());
        self.read_at.next = (bit_cast::<OA, SW>(self.slot_low.val()) << self.place_bits.val())
            | bit_cast::<OA, 4>(self.first_low.val());
        self.ops.write_address.next = self.write_at.val();
        self.ops.write_data.next = self.came_op.q.val();
        self.ops.write_enable.next = self.came.q.val();
        self.ops.read_address.next = self.read_at.val();
        // The RAM would still show the old word there.
        self.passes.d.next = self.came.q.val() & (self.write_at.val() == self.read_at.val());
        self.passed.d.next = self.came_op.q.val();
        self.op.next = self.ops.read_data.val();
        if self.passes.q.val() {
            self.op.next = self.passed.q.val();
        }
        if self.reset.val() {
            self.came.d.next = false;
            self.passes.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use std::collections::VecDeque;

    #[test]
    fn rx_ops_lints_clean() {
        crate::util::assert_lint_clean("rx_ops_4", RxOps::<4, 16, 7>::default());
        crate::util::assert_lint_clean("rx_ops_8", RxOps::<8, 256, 11>::default());
    }

    #[test]
    fn every_slot_has_a_queue_of_its_own() {
        let mut o = RxOps::<4, 16, 7>::default();
        o.connect_all();
        o.reset.next = true;
        edge!(o);
        o.reset.next = false;
        let mut queues: Vec<VecDeque<u64>> = vec![VecDeque::new(); 16];
        let mut seed = 5_u64;
        let (mut slot, mut popped) = (0, None);
        for n in 0..3000_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Few slots, so that pushes and pops meet in one.
            let to = (seed >> 33 & 3) as usize;
            let next = (seed >> 40 & 3) as usize;
            o.slot_next.next = (next as u64).into();
            o.pop.next = o.valid.val() && seed >> 50 & 3 != 0;
            assert_eq!(o.valid.val(), !queues[slot].is_empty(), "cycle {n}");
            if let Some(va) = popped.take() {
                assert_eq!(o.op.val().va, va, "cycle {n}");
            }
            if o.pop.next {
                popped = queues[slot].pop_front();
            }
            o.push.next = seed >> 60 & 3 != 0 && queues[to].len() < 8;
            o.push_slot.next = (to as u64).into();
            o.push_op.next.va = n.into();
            if o.push.next {
                queues[to].push_back(n);
            }
            slot = next;
            edge!(o);
        }
    }
}
