//! A walk cache: which table serves a region, direct mapped.
//!
//! Timing: as an IOTLB array (`mmu_array`). Reset: nothing; the entries stay.

use crate::block_default;
use crate::mmu_types::{PwcEntry, TlbKey};
use rust_hdl::prelude::*;

/// 2^`A` entries.
#[derive(LogicBlock)]
pub struct MmuPwc<const A: usize> {
    pub clock: Signal<In, Clock>,
    /// Entry to read.
    pub index: Signal<In, Bits<17>>,
    /// What the entry read a cycle ago is compared with.
    pub key: Signal<In, TlbKey>,
    pub hit: Signal<Out, Bit>,
    /// Page number of the table.
    pub base: Signal<Out, Bits<44>>,
    /// Puts `entry` at `fill_index`.
    pub fill: Signal<In, Bit>,
    pub fill_index: Signal<In, Bits<17>>,
    pub entry: Signal<In, PwcEntry>,
    /// Clears the entry `clear_index` (modulo the size).
    pub clear: Signal<In, Bit>,
    pub clear_index: Signal<In, Bits<18>>,
    ram: RAM<PwcEntry, A>,
    page: Signal<Local, Bits<36>>,
    no_entry: Constant<PwcEntry>,
}

impl<const A: usize> Default for MmuPwc<A> {
    fn default() -> Self {
        block_default!(
            clock, index, key, hit, base, fill, fill_index, entry, clear, clear_index, ram, page;
            no_entry = PwcEntry::default()
        )
    }
}

impl<const A: usize> Logic for MmuPwc<A> {
    #[hdl_gen]
    fn update(&mut self) {
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();
        self.ram.read_address.next = self.index.val().get_bits::<A>(0);
        self.ram.write_address.next = self.fill_index.val().get_bits::<A>(0);
        self.ram.write_data.next = self.entry.val();
        self.ram.write_enable.next = self.fill.val() || self.clear.val();
        if self.clear.val() {
            self.ram.write_address.next = self.clear_index.val().get_bits::<A>(0);
            self.ram.write_data.next = self.no_entry.val();
        }
        self.page.next = self.key.val().page;
        self.hit.next = self.ram.read_data.val().valid
            && !self.key.val().flushing
            && (self.ram.read_data.val().asid == self.key.val().asid)
            && (self.ram.read_data.val().generation == self.key.val().generation)
            && (self.ram.read_data.val().page == self.page.val().get_bits::<27>(0));
        self.base.next = self.ram.read_data.val().base;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use crate::util::{assert_lint_clean, number};

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("mmu-pwc", MmuPwc::<1>::default());
        assert_lint_clean("mmu-pwc-7", MmuPwc::<7>::default());
    }

    #[test]
    fn a_region_finds_its_table_until_it_is_cleared() {
        let mut p = MmuPwc::<2>::default();
        p.connect_all();
        p.fill.next = true;
        p.fill_index.next = 3.into();
        p.entry.next = PwcEntry {
            valid: true,
            asid: 4.into(),
            generation: 2.into(),
            page: 7.into(),
            base: 99.into(),
        };
        edge!(p);
        p.fill.next = false;
        p.index.next = 3.into();
        let key = TlbKey {
            asid: 4.into(),
            generation: 2.into(),
            page: 7.into(),
            ..TlbKey::default()
        };
        let mut hit = |key: TlbKey, clear: bool| {
            p.key.next = key;
            p.clear.next = clear;
            p.clear_index.next = 7.into();
            edge!(p);
            p.hit.val().then(|| number(p.base.val()))
        };
        assert_eq!(hit(key, false), Some(99));
        assert_eq!(
            hit(
                TlbKey {
                    asid: 5.into(),
                    ..key
                },
                false
            ),
            None
        );
        assert_eq!(
            hit(
                TlbKey {
                    generation: 3.into(),
                    ..key
                },
                false
            ),
            None
        );
        assert_eq!(
            hit(
                TlbKey {
                    page: 8.into(),
                    ..key
                },
                false
            ),
            None
        );
        assert_eq!(
            hit(
                TlbKey {
                    flushing: true,
                    ..key
                },
                false
            ),
            None
        );
        // A read at the edge of the clear still gives the entry.
        assert_eq!(hit(key, true), Some(99));
        assert_eq!(hit(key, false), None);
    }
}
