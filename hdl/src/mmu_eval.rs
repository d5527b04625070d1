//! State Eval of the walkers: what a PTE that has come means, and what of it the arrays and walk caches keep.
//!
//! Timing: contract §5.3. A beat of walker w at an edge makes the next cycle the Eval of w; `down` and `over` belong to it and
//! the writes happen at the edge that ends it. What a walk needs here and how it ended stand in RAMs, one entry a walker.
//! Reset: no Eval.

use crate::block_default;
use crate::mmu_pte::MmuPte;
use crate::mmu_types::{Place, PteAt, PwcEntry, TlbEntry, Walk, WalkResult};
use rust_hdl::prelude::*;

/// The stage; `WW` bits of a walker's number.
#[derive(LogicBlock)]
pub struct MmuEval<const WW: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// `start_walker` takes the walk `place`.
    pub start: Signal<In, Bit>,
    pub start_walker: Signal<In, Bits<WW>>,
    pub place: Signal<In, Place>,
    /// The PTE of `beat_walker`, which is at `beat_level`, has come.
    pub beat: Signal<In, Bit>,
    pub beat_walker: Signal<In, Bits<WW>>,
    pub beat_level: Signal<In, Bits<2>>,
    pub r_data: Signal<In, Bits<64>>,
    pub r_bad: Signal<In, Bit>,
    /// Epoch of translations taken now.
    pub mep: Signal<In, Bit>,
    /// Nothing is written into the arrays.
    pub frozen: Signal<In, Bit>,
    /// The walk goes on at `next_at`, `next_level`.
    pub down: Signal<Out, Bit>,
    pub next_at: Signal<Out, PteAt>,
    pub next_level: Signal<Out, Bits<2>>,
    /// The walk has ended.
    pub over: Signal<Out, Bit>,
    /// Whose result to read; it is there a cycle later.
    pub turn: Signal<In, Bits<WW>>,
    pub result: Signal<Out, WalkResult>,
    /// Writes: arrays of 4 KiB, 2 MiB, 1 GiB pages; caches of last tables and of those above.
    pub fill0: Signal<Out, Bit>,
    pub fill1: Signal<Out, Bit>,
    pub fill2: Signal<Out, Bit>,
    pub entry: Signal<Out, TlbEntry>,
    pub table_fill0: Signal<Out, Bit>,
    pub table_fill1: Signal<Out, Bit>,
    pub table_entry: Signal<Out, PwcEntry>,
    pub index0: Signal<Out, Bits<17>>,
    pub index1: Signal<Out, Bits<17>>,
    pub index2: Signal<Out, Bits<17>>,
    valid: DFF<Bit>,
    walker: DFF<Bits<WW>>,
    level: DFF<Bits<2>>,
    pte: DFF<Bits<64>>,
    bad: DFF<Bit>,
    walks: RAM<Walk, WW>,
    results: RAM<WalkResult, WW>,
    meaning: MmuPte,
    walk: Signal<Local, Walk>,
    vpn: Signal<Local, Bits<36>>,
    asid: Signal<Local, Bits<17>>,
    at: Signal<Local, PteAt>,
    keep: Signal<Local, Bit>,
    leaf: Signal<Local, Bit>,
    made: Signal<Local, TlbEntry>,
    pointed: Signal<Local, PwcEntry>,
    no_walk: Constant<Walk>,
    no_at: Constant<PteAt>,
    no_entry: Constant<TlbEntry>,
    no_table: Constant<PwcEntry>,
    level0: Constant<Bits<2>>,
    level1: Constant<Bits<2>>,
    level2: Constant<Bits<2>>,
    one: Constant<Bits<2>>,
}

impl<const WW: usize> Default for MmuEval<WW> {
    fn default() -> Self {
        block_default!(
            clock, reset, start, start_walker, place, beat, beat_walker, beat_level, r_data, r_bad, mep, frozen, down,
            next_at, next_level, over, turn, result, fill0, fill1, fill2, entry, table_fill0, table_fill1, table_entry,
            index0, index1, index2, valid, walker, level, pte, bad, walks, results, meaning, walk, vpn, asid, at, keep,
            leaf, made, pointed;
            no_walk = Walk::default(), no_at = PteAt::default(), no_entry = TlbEntry::default(),
            no_table = PwcEntry::default(), level0 = 0, level1 = 1, level2 = 2, one = 1
        )
    }
}

impl<const WW: usize> Logic for MmuEval<WW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, valid, walker, level, pte, bad);
        self.walks.read_clock.next = self.clock.val();
        self.walks.write_clock.next = self.clock.val();
        self.results.read_clock.next = self.clock.val();
        self.results.write_clock.next = self.clock.val();
        self.walk.next = self.no_walk.val();
        self.walk.next.asid = self.place.val().asid;
        self.walk.next.vpn = self.place.val().vpn;
        self.walk.next.mep = self.place.val().mep;
        self.walk.next.generation = self.place.val().generation;
        self.walks.write_address.next = self.start_walker.val();
        self.walks.write_data.next = self.walk.val();
        self.walks.write_enable.next = self.start.val();
        self.walks.read_address.next = self.beat_walker.val();
        self.valid.d.next = self.beat.val();
        self.walker.d.next = self.beat_walker.val();
        self.level.d.next = self.beat_level.val();
        self.pte.d.next = self.r_data.val();
        self.bad.d.next = self.r_bad.val();
        // Eval.
        self.meaning.level.next = self.level.q.val();
        self.meaning.pte.next = self.pte.q.val();
        self.meaning.bad.next = self.bad.q.val();
        self.down.next = self.valid.q.val() && self.meaning.down.val();
        self.over.next = self.valid.q.val() && !self.meaning.down.val();
        self.vpn.next = self.walks.read_data.val().vpn;
        self.asid.next = self.walks.read_data.val().asid;
        self.at.next = self.no_at.val();
        self.at.next.base = self.meaning.ppn.val();
        self.at.next.index = self.vpn.val().get_bits::<9>(0);
        if self.level.q.val() == self.level2.val() {
            self.at.next.index = self.vpn.val().get_bits::<9>(9);
        } else if self.level.q.val() != self.level1.val() {
            self.at.next.index = self.vpn.val().get_bits::<9>(18);
        }
        self.next_at.next = self.at.val();
        self.next_level.next = self.level.q.val() - self.one.val();
        self.results.write_address.next = self.walker.q.val();
        self.results.write_data.next = self.meaning.result.val();
        self.results.write_enable.next = self.valid.q.val() && !self.meaning.down.val();
        self.results.read_address.next = self.turn.val();
        self.result.next = self.results.read_data.val();
        // A walk of before an invalidation leaves nothing behind it.
        self.keep.next = self.valid.q.val()
            && !self.frozen.val()
            && (self.walks.read_data.val().mep == self.mep.val());
        self.leaf.next = self.keep.val() && self.meaning.result.val().leaf;
        self.fill0.next = self.leaf.val() && (self.level.q.val() == self.level0.val());
        self.fill1.next = self.leaf.val() && (self.level.q.val() == self.level1.val());
        self.fill2.next = self.leaf.val() && (self.level.q.val() == self.level2.val());
        self.table_fill0.next =
            self.keep.val() && self.meaning.down.val() && (self.level.q.val() == self.level1.val());
        self.table_fill1.next =
            self.keep.val() && self.meaning.down.val() && (self.level.q.val() == self.level2.val());
        self.made.next = self.no_entry.val();
        self.made.next.valid = true;
        self.made.next.readable = self.meaning.result.val().readable;
        self.made.next.writable = self.meaning.result.val().writable;
        self.made.next.asid = self.asid.val();
        self.made.next.generation = self.walks.read_data.val().generation;
        self.made.next.page = self.vpn.val();
        self.made.next.ppn = self.meaning.ppn.val();
        self.pointed.next = self.no_table.val();
        self.pointed.next.valid = true;
        self.pointed.next.asid = self.asid.val();
        self.pointed.next.generation = self.walks.read_data.val().generation;
        self.pointed.next.page = self.vpn.val().get_bits::<27>(9);
        self.pointed.next.base = self.meaning.ppn.val();
        if self.level.q.val() == self.level1.val() {
            self.made.next.page = bit_cast::<36, 27>(self.vpn.val().get_bits::<27>(9));
        } else if self.level.q.val() != self.level0.val() {
            self.made.next.page = bit_cast::<36, 18>(self.vpn.val().get_bits::<18>(18));
            self.pointed.next.page = bit_cast::<27, 18>(self.vpn.val().get_bits::<18>(18));
        }
        self.entry.next = self.made.val();
        self.table_entry.next = self.pointed.val();
        self.index0.next = self.vpn.val().get_bits::<17>(0) ^ self.asid.val();
        self.index1.next = self.vpn.val().get_bits::<17>(9) ^ self.asid.val();
        self.index2.next = self.vpn.val().get_bits::<17>(18) ^ self.asid.val();
        if self.reset.val() {
            self.valid.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::assert_lint_clean;

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("mmu-eval", MmuEval::<2>::default());
        assert_lint_clean("mmu-eval-5", MmuEval::<5>::default());
    }
}
