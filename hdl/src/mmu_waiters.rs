//! The waiters: translations that wait for a walk, and the orphans among them that have no walker yet.
//!
//! Timing: contract §5.2, §5.3. A miss takes a waiter and is placed, or becomes an orphan, at one edge; in a cycle without
//! a miss the first orphan is placed. `last` and the RAM address of the waiter that `turn` answers belong to the cycle;
//! what it kept is there in the next. Reset: nobody waits.

use crate::block_default;
use crate::fifo::Fifo;
use crate::mmu_pick::{BitNumber, Lowest};
use crate::mmu_types::{Place, Waiter};
use rust_hdl::prelude::*;

/// `NQ` <= 64 waiters with numbers of `QW` bits; walkers have numbers of `WW` bits.
#[derive(LogicBlock)]
pub struct MmuWaiters<const NQ: usize, const QW: usize, const WW: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// A miss takes a waiter.
    pub miss: Signal<In, Bit>,
    pub miss_waiter: Signal<In, Waiter>,
    pub miss_place: Signal<In, Place>,
    /// A waiter to place: the miss, else the first orphan.
    pub place_valid: Signal<Out, Bit>,
    pub place: Signal<Out, Place>,
    /// It is placed, with `walker`.
    pub placed: Signal<In, Bit>,
    pub walker: Signal<In, Bits<WW>>,
    /// The walker that answers next; `answer` if it does now.
    pub turn: Signal<In, Bits<WW>>,
    pub answer: Signal<In, Bit>,
    /// No waiter of `turn` is left after this one.
    pub last: Signal<Out, Bit>,
    /// A cycle later: what the waiter answered kept.
    pub waiter: Signal<Out, Waiter>,
    /// Nobody waits.
    pub empty: Signal<Out, Bit>,
    in_use: DFF<Bits<NQ>>,
    joined: DFF<Bits<NQ>>,
    owners: [DFF<Bits<WW>>; NQ],
    kept: RAM<Waiter, QW>,
    orphans: Fifo<Place, QW>,
    first_free: Lowest<NQ>,
    free_number: BitNumber<NQ, QW>,
    first_member: Lowest<NQ>,
    member_number: BitNumber<NQ, QW>,
    number: Signal<Local, Bits<QW>>,
    newcomer: Signal<Local, Place>,
    orphan: Signal<Local, Place>,
    chosen: Signal<Local, Place>,
    orphan_waiter: Signal<Local, Bits<8>>,
    orphan_bit: Signal<Local, Bits<NQ>>,
    settled: Signal<Local, Bits<NQ>>,
    taken: Signal<Local, Bits<NQ>>,
    freed: Signal<Local, Bits<NQ>>,
    mine: Signal<Local, Bits<NQ>>,
    members: Signal<Local, Bits<NQ>>,
    unused: Signal<Local, Bit>,
    nobody: Constant<Bits<NQ>>,
    bits: [Constant<Bits<NQ>>; NQ],
    numbers: [Constant<Bits<8>>; NQ],
}

impl<const NQ: usize, const QW: usize, const WW: usize> Default for MmuWaiters<NQ, QW, WW> {
    fn default() -> Self {
        block_default!(
            clock, reset, miss, miss_waiter, miss_place, place_valid, place, placed, walker, turn, answer, last, waiter,
            empty, in_use, joined, kept, orphans, first_free, free_number, first_member, member_number, number, newcomer,
            orphan, chosen, orphan_waiter, orphan_bit, settled, taken, freed, mine, members, unused;
            nobody = 0;
            owners = std::array::from_fn(|_| DFF::default()),
            bits = std::array::from_fn(|i| Constant::new((1_u64 << i).into())),
            numbers = std::array::from_fn(|i| Constant::new((i as u64).into()))
        )
    }
}

impl<const NQ: usize, const QW: usize, const WW: usize> Logic for MmuWaiters<NQ, QW, WW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, in_use, joined);
        clock!(self, clock, orphans);
        self.kept.read_clock.next = self.clock.val();
        self.kept.write_clock.next = self.clock.val();
        // The waiter that a miss would take.
        self.first_free.among.next = !self.in_use.q.val();
        self.free_number.one_hot.next = self.first_free.one_hot.val();
        self.number.next = self.free_number.number.val();
        self.kept.write_address.next = self.free_number.number.val();
        self.kept.write_data.next = self.miss_waiter.val();
        self.kept.write_enable.next = self.miss.val();
        // Whom to place.
        self.newcomer.next = self.miss_place.val();
        self.newcomer.next.waiter = bit_cast::<8, QW>(self.number.val());
        self.orphan.next = self.orphans.data.val();
        self.orphan_waiter.next = self.orphans.data.val().waiter;
        self.chosen.next = self.orphan.val();
        if self.miss.val() {
            self.chosen.next = self.newcomer.val();
        }
        self.place.next = self.chosen.val();
        self.place_valid.next = self.miss.val() || self.orphans.valid.val();
        self.orphans.reset.next = self.reset.val();
        self.orphans.push_data.next = self.newcomer.val();
        self.orphans.push.next = self.miss.val() && !self.placed.val();
        self.orphans.pop.next = !self.miss.val() && self.placed.val();
        self.unused.next = self.orphans.count.val().any();
        // Who belongs to the walker that answers.
        self.orphan_bit.next = self.nobody.val();
        self.mine.next = self.nobody.val();
        for i in 0..NQ {
            if self.orphan_waiter.val() == self.numbers[i].val() {
                self.orphan_bit.next = self.orphan_bit.val() | self.bits[i].val();
            }
            if self.owners[i].q.val() == self.turn.val() {
                self.mine.next = self.mine.val() | self.bits[i].val();
            }
        }
        self.members.next = self.mine.val() & self.joined.q.val();
        self.first_member.among.next = self.members.val();
        self.last.next = self.first_member.single.val();
        self.member_number.one_hot.next = self.first_member.one_hot.val();
        self.kept.read_address.next = self.member_number.number.val();
        self.waiter.next = self.kept.read_data.val();
        // Changes.
        self.taken.next = self.nobody.val();
        if self.miss.val() {
            self.taken.next = self.first_free.one_hot.val();
        }
        self.settled.next = self.nobody.val();
        if self.placed.val() {
            self.settled.next = self.orphan_bit.val();
            if self.miss.val() {
                self.settled.next = self.first_free.one_hot.val();
            }
        }
        self.freed.next = self.nobody.val();
        if self.answer.val() {
            self.freed.next = self.first_member.one_hot.val();
        }
        self.in_use.d.next = (self.in_use.q.val() & !self.freed.val()) | self.taken.val();
        self.joined.d.next = (self.joined.q.val() & !self.freed.val()) | self.settled.val();
        self.empty.next = self.in_use.q.val() == self.nobody.val();
        for i in 0..NQ {
            self.owners[i].clock.next = self.clock.val();
            self.owners[i].d.next = self.owners[i].q.val();
            if self.settled.val().get_bit(i) {
                self.owners[i].d.next = self.walker.val();
            }
        }
        if self.reset.val() {
            self.in_use.d.next = self.nobody.val();
            self.joined.d.next = self.nobody.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::assert_lint_clean;

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("mmu-waiters", MmuWaiters::<8, 3, 2>::default());
        assert_lint_clean("mmu-waiters-64", MmuWaiters::<64, 6, 5>::default());
    }
}
