//! Priority: the lowest bit of a vector, and the number of a bit. Combinational.
//!
//! Apart, so that a block can choose between two picks before it numbers the one it takes.

use crate::block_default;
use rust_hdl::prelude::*;

/// The lowest bit set of `N` <= 64.
#[derive(LogicBlock)]
pub struct Lowest<const N: usize> {
    pub among: Signal<In, Bits<N>>,
    /// That bit alone.
    pub one_hot: Signal<Out, Bits<N>>,
    /// There is one.
    pub found: Signal<Out, Bit>,
    /// No other bit is set.
    pub single: Signal<Out, Bit>,
    minus: Signal<Local, Bits<N>>,
    one: Constant<Bits<N>>,
    none: Constant<Bits<N>>,
}

impl<const N: usize> Default for Lowest<N> {
    fn default() -> Self {
        block_default!(among, one_hot, found, single, minus; one = 1, none = 0)
    }
}

impl<const N: usize> Logic for Lowest<N> {
    #[hdl_gen]
    fn update(&mut self) {
        // In two's complement -x keeps the lowest bit of x and inverts all above it.
        self.minus.next = !self.among.val() + self.one.val();
        self.one_hot.next = self.among.val() & self.minus.val();
        self.found.next = self.among.val().any();
        self.single.next = (self.among.val() & !self.minus.val()) == self.none.val();
    }
}

/// The number of the one bit set of `N` <= 64, in `W` bits; 0 if there is none.
#[derive(LogicBlock)]
pub struct BitNumber<const N: usize, const W: usize> {
    pub one_hot: Signal<In, Bits<N>>,
    pub number: Signal<Out, Bits<W>>,
    sum: Signal<Local, Bits<W>>,
    none: Constant<Bits<N>>,
    masks: [Constant<Bits<N>>; W],
    weights: [Constant<Bits<W>>; W],
}

impl<const N: usize, const W: usize> Default for BitNumber<N, W> {
    fn default() -> Self {
        let mask = |k: usize| {
            (0..N)
                .filter(|i| i >> k & 1 == 1)
                .fold(0, |m, i| m | 1_u64 << i)
        };
        block_default!(
            one_hot, number, sum; none = 0;
            masks = std::array::from_fn(|k| Constant::new(mask(k).into())),
            weights = std::array::from_fn(|k| Constant::new((1_u64 << k).into()))
        )
    }
}

impl<const N: usize, const W: usize> Logic for BitNumber<N, W> {
    #[hdl_gen]
    fn update(&mut self) {
        self.sum.next = 0.into();
        for k in 0..W {
            if (self.one_hot.val() & self.masks[k].val()) != self.none.val() {
                self.sum.next = self.sum.val() | self.weights[k].val();
            }
        }
        self.number.next = self.sum.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::{assert_lint_clean, settle};

    #[test]
    fn they_are_lint_clean() {
        assert_lint_clean("mmu-lowest", Lowest::<64>::default());
        assert_lint_clean("mmu-lowest-4", Lowest::<4>::default());
        assert_lint_clean("mmu-bit-number", BitNumber::<64, 6>::default());
        assert_lint_clean("mmu-bit-number-4", BitNumber::<4, 2>::default());
    }

    #[test]
    fn the_lowest_bit_is_found_and_numbered() {
        let (mut low, mut number) = (Lowest::<64>::default(), BitNumber::<64, 6>::default());
        low.connect_all();
        number.connect_all();
        for at in 0..64 {
            let bit = 1_u64 << at;
            for set in [bit, bit | 1 << 63, !(bit - 1)] {
                low.among.next = set.into();
                settle(&mut low);
                assert_eq!((low.one_hot.val(), low.found.val()), (bit.into(), true));
            }
            assert_eq!(low.single.val(), at == 63);
            number.one_hot.next = bit.into();
            settle(&mut number);
            assert_eq!(number.number.val(), at);
        }
        low.among.next = 0.into();
        settle(&mut low);
        assert_eq!((low.one_hot.val(), low.found.val()), (0.into(), false));
    }
}
