//! One array of the IOTLB: 4 ways, each a RAM, for pages of one size.
//!
//! Timing: contract §5.1, §5.3. `index` is read at the edge that ends the cycle of the take; in the next one the entries are
//! compared with `key`, so that `hit` and `ppn` are there in L1. A fill reads whose turn it is in the set at the edge, and
//! writes at the next one; a clear acts at the edge, instead of such a write. A read at the edge of a write gives the entry
//! before it. Reset: nothing to write; the entries stay.

use crate::block_default;
use crate::mmu_types::{TlbEntry, TlbKey};
use rust_hdl::prelude::*;
use shoal_abi::profile::TLB_WAYS;

/// One way of 2^`A` entries.
#[derive(LogicBlock)]
pub struct MmuWay<const A: usize> {
    pub clock: Signal<In, Clock>,
    /// Entry to read.
    pub index: Signal<In, Bits<17>>,
    /// What the entry read a cycle ago is compared with.
    pub key: Signal<In, TlbKey>,
    pub hit: Signal<Out, Bit>,
    pub ppn: Signal<Out, Bits<44>>,
    pub we: Signal<In, Bit>,
    pub fill_index: Signal<In, Bits<17>>,
    pub entry: Signal<In, TlbEntry>,
    /// Clears the entry `clear_index` (modulo the size).
    pub clear: Signal<In, Bit>,
    pub clear_index: Signal<In, Bits<18>>,
    ram: RAM<TlbEntry, A>,
    permits: Signal<Local, Bit>,
    no_entry: Constant<TlbEntry>,
}

impl<const A: usize> Default for MmuWay<A> {
    fn default() -> Self {
        block_default!(
            clock, index, key, hit, ppn, we, fill_index, entry, clear, clear_index, ram, permits;
            no_entry = TlbEntry::default()
        )
    }
}

impl<const A: usize> Logic for MmuWay<A> {
    #[hdl_gen]
    fn update(&mut self) {
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();
        self.ram.read_address.next = self.index.val().get_bits::<A>(0);
        self.ram.write_address.next = self.fill_index.val().get_bits::<A>(0);
        self.ram.write_data.next = self.entry.val();
        self.ram.write_enable.next = self.we.val() || self.clear.val();
        if self.clear.val() {
            self.ram.write_address.next = self.clear_index.val().get_bits::<A>(0);
            self.ram.write_data.next = self.no_entry.val();
        }
        self.permits.next = self.ram.read_data.val().readable;
        if self.key.val().write {
            self.permits.next = self.ram.read_data.val().writable;
        }
        self.hit.next = self.ram.read_data.val().valid
            && !self.key.val().flushing
            && (self.ram.read_data.val().asid == self.key.val().asid)
            && (self.ram.read_data.val().generation == self.key.val().generation)
            && (self.ram.read_data.val().page == self.key.val().page)
            && self.permits.val();
        self.ppn.next = self.ram.read_data.val().ppn;
    }
}

/// The array, 2^`A` sets.
#[derive(LogicBlock)]
pub struct MmuArray<const A: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// Set to read.
    pub index: Signal<In, Bits<17>>,
    /// What the set read a cycle ago is compared with.
    pub key: Signal<In, TlbKey>,
    /// A way matches.
    pub hit: Signal<Out, Bit>,
    /// Page number of the first that does.
    pub ppn: Signal<Out, Bits<44>>,
    /// Puts `entry` into the set `fill_index`.
    pub fill: Signal<In, Bit>,
    pub fill_index: Signal<In, Bits<17>>,
    pub entry: Signal<In, TlbEntry>,
    /// An address space fills only its way.
    pub partition: Signal<In, Bit>,
    /// Clears the set `clear_index` (modulo the size).
    pub clear: Signal<In, Bit>,
    pub clear_index: Signal<In, Bits<18>>,
    ways: [MmuWay<A>; TLB_WAYS],
    turns: RAM<Bits<2>, A>,
    write: DFF<Bit>,
    write_index: DFF<Bits<17>>,
    written: DFF<TlbEntry>,
    asid: Signal<Local, Bits<17>>,
    way: Signal<Local, Bits<2>>,
    found: Signal<Local, Bit>,
    first: Signal<Local, Bits<44>>,
    one: Constant<Bits<2>>,
    numbers: [Constant<Bits<2>>; TLB_WAYS],
}

impl<const A: usize> Default for MmuArray<A> {
    fn default() -> Self {
        block_default!(
            clock, reset, index, key, hit, ppn, fill, fill_index, entry, partition, clear, clear_index, ways, turns, write,
            write_index, written, asid, way, found, first; one = 1; numbers = std::array::from_fn(|i| Constant::new((i as u64).into()))
        )
    }
}

impl<const A: usize> Logic for MmuArray<A> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, write, write_index, written);
        self.turns.read_clock.next = self.clock.val();
        self.turns.write_clock.next = self.clock.val();
        self.write.d.next = self.fill.val();
        self.write_index.d.next = self.fill_index.val();
        self.written.d.next = self.entry.val();
        self.turns.read_address.next = self.fill_index.val().get_bits::<A>(0);
        self.turns.write_address.next = self.write_index.q.val().get_bits::<A>(0);
        self.turns.write_data.next = self.turns.read_data.val() + self.one.val();
        self.turns.write_enable.next = self.write.q.val() || self.clear.val();
        if self.clear.val() {
            self.turns.write_address.next = self.clear_index.val().get_bits::<A>(0);
            self.turns.write_data.next = 0.into();
        }
        self.asid.next = self.written.q.val().asid;
        self.way.next = self.turns.read_data.val();
        if self.partition.val() {
            self.way.next = self.asid.val().get_bits::<2>(0);
        }
        self.found.next = false;
        self.first.next = 0.into();
        for i in 0..TLB_WAYS {
            self.ways[i].clock.next = self.clock.val();
            self.ways[i].index.next = self.index.val();
            self.ways[i].key.next = self.key.val();
            self.ways[i].we.next = self.write.q.val() && (self.way.val() == self.numbers[i].val());
            self.ways[i].fill_index.next = self.write_index.q.val();
            self.ways[i].entry.next = self.written.q.val();
            self.ways[i].clear.next = self.clear.val();
            self.ways[i].clear_index.next = self.clear_index.val();
            if self.ways[i].hit.val() && !self.found.val() {
                self.first.next = self.ways[i].ppn.val();
                self.found.next = true;
            }
        }
        self.hit.next = self.found.val();
        self.ppn.next = self.first.val();
        if self.reset.val() {
            self.write.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use crate::util::{assert_lint_clean, number};

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("mmu-way", MmuWay::<10>::default());
        assert_lint_clean("mmu-array", MmuArray::<1>::default());
        assert_lint_clean("mmu-array-7", MmuArray::<7>::default());
    }

    fn fresh() -> MmuArray<1> {
        let mut a = MmuArray::default();
        a.connect_all();
        a.reset.next = true;
        a.clear.next = true;
        edge!(a);
        a.clear_index.next = 1.into();
        edge!(a);
        a.clear.next = false;
        a.reset.next = false;
        a
    }

    fn fill(a: &mut MmuArray<1>, asid: u64, page: u64, ppn: u64) {
        a.fill.next = true;
        a.fill_index.next = ((page ^ asid) & 1).into();
        a.entry.next = TlbEntry {
            valid: true,
            readable: true,
            asid: asid.into(),
            page: page.into(),
            ppn: ppn.into(),
            ..TlbEntry::default()
        };
        edge!(*a);
        a.fill.next = false;
        edge!(*a);
    }

    fn look(a: &mut MmuArray<1>, key: TlbKey) -> Option<u128> {
        a.index.next = ((number(key.page) ^ number(key.asid)) as u64 & 1).into();
        a.key.next = key;
        edge!(*a);
        a.hit.val().then(|| number(a.ppn.val()))
    }

    fn key(asid: u64, page: u64) -> TlbKey {
        TlbKey {
            asid: asid.into(),
            page: page.into(),
            ..TlbKey::default()
        }
    }

    #[test]
    fn an_entry_matches_in_all_of_its_key_and_the_first_way_wins() {
        let mut a = fresh();
        assert_eq!(look(&mut a, key(2, 8)), None);
        fill(&mut a, 2, 8, 100);
        fill(&mut a, 2, 8, 101);
        assert_eq!(look(&mut a, key(2, 8)), Some(100));
        for (k, what) in [
            (key(4, 8), "asid"),
            (key(2, 10), "page"),
            (
                TlbKey {
                    generation: 1.into(),
                    ..key(2, 8)
                },
                "generation",
            ),
            (
                TlbKey {
                    write: true,
                    ..key(2, 8)
                },
                "write",
            ),
            (
                TlbKey {
                    flushing: true,
                    ..key(2, 8)
                },
                "flushing",
            ),
        ] {
            assert_eq!(look(&mut a, k), None, "{what}");
        }
    }

    #[test]
    fn the_ways_take_turns_unless_they_are_parted() {
        let mut a = fresh();
        for page in 0..5 {
            fill(&mut a, 0, 2 * page, page);
        }
        assert_eq!(look(&mut a, key(0, 0)), None);
        assert_eq!(look(&mut a, key(0, 8)), Some(4));
        a.partition.next = true;
        for page in 5..8 {
            fill(&mut a, 0, 2 * page, page);
        }
        assert_eq!(look(&mut a, key(0, 8)), None);
        for page in [1, 2, 3, 7] {
            assert_eq!(look(&mut a, key(0, 2 * page)), Some(u128::from(page)));
        }
        // A parted fill counts too: the next one is the ninth.
        a.partition.next = false;
        fill(&mut a, 0, 16, 8);
        assert_eq!(look(&mut a, key(0, 14)), None);
        assert_eq!(look(&mut a, key(0, 16)), Some(8));
    }
}
