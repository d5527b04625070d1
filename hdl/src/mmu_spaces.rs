//! The ASID table as the MMU reads it.
//!
//! Timing: `space` is the entry of `asid` a cycle later, as it stood before the edge. Reset: nothing; the sweep clears it.

use crate::block_default;
use crate::types::AsidEntry;
use rust_hdl::prelude::*;

/// 2^`AA` address spaces.
#[derive(LogicBlock)]
pub struct MmuSpaces<const AA: usize> {
    pub clock: Signal<In, Clock>,
    pub asid: Signal<In, Bits<17>>,
    pub space: Signal<Out, AsidEntry>,
    pub we: Signal<In, Bit>,
    pub write_asid: Signal<In, Bits<17>>,
    pub entry: Signal<In, AsidEntry>,
    pub sweep: Signal<In, Bit>,
    pub sweep_index: Signal<In, Bits<18>>,
    ram: RAM<AsidEntry, AA>,
    no_space: Constant<AsidEntry>,
}

impl<const AA: usize> Default for MmuSpaces<AA> {
    fn default() -> Self {
        block_default!(
            clock, asid, space, we, write_asid, entry, sweep, sweep_index, ram; no_space = AsidEntry::default()
        )
    }
}

impl<const AA: usize> Logic for MmuSpaces<AA> {
    #[hdl_gen]
    fn update(&mut self) {
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();
        self.ram.read_address.next = self.asid.val().get_bits::<AA>(0);
        self.space.next = self.ram.read_data.val();
        self.ram.write_enable.next = self.we.val() || self.sweep.val();
        self.ram.write_address.next = self.write_asid.val().get_bits::<AA>(0);
        self.ram.write_data.next = self.entry.val();
        if self.sweep.val() {
            self.ram.write_address.next = self.sweep_index.val().get_bits::<AA>(0);
            self.ram.write_data.next = self.no_space.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::assert_lint_clean;

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("mmu-spaces", MmuSpaces::<13>::default());
    }
}
