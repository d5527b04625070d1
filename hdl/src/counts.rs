//! A count of 4 bits for each slot, over a RAM, modulo 16: all are 0 after a reset.
//!
//! Timing: `count` is that of the slot that was `at` in the cycle before, with whatever was set in that cycle. The RAM reads a
//! cycle late and shows the old word at the edge of a write: what is set goes round it. Reset: one bit a slot says that its
//! word has been written since.

use rust_hdl::prelude::*;

use crate::block_default;

/// See the file's text. `SW` bits a slot number, `NS` = 2^`SW` slots.
#[derive(LogicBlock)]
pub struct Counts<const SW: usize, const NS: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// The slot whose count is shown in the next cycle.
    pub at: Signal<In, Bits<8>>,
    /// The count.
    pub count: Signal<Out, Bits<4>>,
    /// Sets a count.
    pub put: Signal<In, Bit>,
    /// Of this slot.
    pub put_slot: Signal<In, Bits<8>>,
    /// To this.
    pub put_count: Signal<In, Bits<4>>,
    ram: RAM<Bits<4>, SW>,
    known: DFF<Bits<NS>>,
    shown: DFF<Bits<4>>,
    from_ram: DFF<Bit>,
    place: Signal<Local, Bits<SW>>,
    put_place: Signal<Local, Bits<SW>>,
    mask: Signal<Local, Bits<NS>>,
    put_mask: Signal<Local, Bits<NS>>,
    passes: Signal<Local, Bit>,
    one: Constant<Bits<NS>>,
    none: Constant<Bits<NS>>,
    zero: Constant<Bits<4>>,
}

impl<const SW: usize, const NS: usize> Default for Counts<SW, NS> {
    fn default() -> Self {
        assert!(NS == 1 << SW && SW <= 8, "{NS} slots of {SW} bits");
        block_default!(
            clock, reset, at, count, put, put_slot, put_count, ram, known, shown, from_ram, place, put_place, mask, put_mask,
            passes;
            one = 1u64, none = 0u64, zero = 0u64
        )
    }
}

impl<const SW: usize, const NS: usize> Logic for Counts<SW, NS> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, known, shown, from_ram);
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();
        self.place.next = self.at.val().get_bits::<SW>(0);
        self.put_place.next = self.put_slot.val().get_bits::<SW>(0);
        self.ram.read_address.next = self.place.val();
        self.ram.write_address.next = self.put_place.val();
        self.ram.write_data.next = self.put_count.val();
        self.ram.write_enable.next = self.put.val();
        self.mask.next = self.one.val() << self.place.val();
        self.put_mask.next = self.none.val();
        if self.put.val() {
            self.put_mask.next = self.one.val() << self.put_place.val();
        }
        self.known.d.next = self.known.q.val() | self.put_mask.val();
        // What is shown next: what is set now, what the RAM reads, or 0.
        self.passes.next = self.put.val() & (self.place.val() == self.put_place.val());
        self.from_ram.d.next = (self.known.q.val() & self.mask.val()).any() & !self.passes.val();
        self.shown.d.next = self.zero.val();
        if self.passes.val() {
            self.shown.d.next = self.put_count.val();
        }
        self.count.next = self.shown.q.val();
        if self.from_ram.q.val() {
            self.count.next = self.ram.read_data.val();
        }
        if self.reset.val() {
            self.known.d.next = self.none.val();
            self.shown.d.next = self.zero.val();
            self.from_ram.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;

    #[test]
    fn counts_lints_clean() {
        crate::util::assert_lint_clean("counts_4", Counts::<4, 16>::default());
        crate::util::assert_lint_clean("counts_8", Counts::<8, 256>::default());
    }

    #[test]
    fn every_count_is_what_was_set_last_and_0_after_a_reset() {
        let mut c = Counts::<4, 16>::default();
        c.connect_all();
        let mut want = [0_u64; 16];
        let mut seed = 5_u64;
        for n in 0..600_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (at, slot, count) = (seed >> 33 & 15, seed >> 40 & 15, seed >> 50 & 15);
            c.reset.next = n % 150 == 0;
            c.at.next = at.into();
            c.put.next = seed >> 60 & 1 == 0;
            c.put_slot.next = slot.into();
            c.put_count.next = count.into();
            if c.put.next {
                want[slot as usize] = count;
            }
            if c.reset.next {
                want = [0; 16];
            }
            edge!(c);
            assert_eq!(c.count.val(), want[at as usize], "cycle {n}");
        }
    }
}
