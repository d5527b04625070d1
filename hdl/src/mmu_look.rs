//! What the ASID entry and the matches of the arrays say about a look-up. Combinational.
//!
//! Contract §5.1, L2: mode, sign bits, IOTLB. All of it is known once the entries are compared, in L1.

use crate::block_default;
use crate::mmu_types::Pasid;
use crate::types::AsidEntry;
use rust_hdl::prelude::*;
use shoal_abi::mmu;

/// What becomes of a look-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Verdict {
    /// The address space is off.
    pub off: Bit,
    /// The address is the physical one.
    pub bare: Bit,
    /// The upper bits are not those of the sign.
    pub sign: Bit,
    /// The IOTLB answers.
    pub hit: Bit,
    /// A walk is needed.
    pub miss: Bit,
    /// It starts at level 3, else at level 2.
    pub sv48: Bit,
}

/// The look-up.
#[derive(LogicBlock)]
pub struct MmuLook {
    pub va: Signal<In, Bits<64>>,
    pub space: Signal<In, AsidEntry>,
    /// An array has a matching entry.
    pub hit: Signal<In, Bit>,
    pub verdict: Signal<Out, Verdict>,
    /// PASID valid and PASID.
    pub user: Signal<Out, Bits<21>>,
    sign39: Signal<Local, Bits<26>>,
    sign48: Signal<Local, Bits<17>>,
    canonical: Signal<Local, Bit>,
    pasid: Signal<Local, Pasid>,
    out: Signal<Local, Verdict>,
    no_pasid: Constant<Pasid>,
    no_verdict: Constant<Verdict>,
    off: Constant<Bits<2>>,
    bare: Constant<Bits<2>>,
    mode_sv48: Constant<Bits<2>>,
}

impl Default for MmuLook {
    fn default() -> Self {
        block_default!(
            va, space, hit, verdict, user, sign39, sign48, canonical, pasid, out;
            no_pasid = Pasid::default(), no_verdict = Verdict::default(), off = u64::from(mmu::MODE_OFF),
            bare = u64::from(mmu::MODE_BARE), mode_sv48 = u64::from(mmu::MODE_SV48)
        )
    }
}

impl Logic for MmuLook {
    #[hdl_gen]
    fn update(&mut self) {
        self.sign39.next = self.va.val().get_bits::<26>(38);
        self.sign48.next = self.va.val().get_bits::<17>(47);
        self.canonical.next = self.sign39.val().all() || !self.sign39.val().any();
        if self.space.val().mode == self.mode_sv48.val() {
            self.canonical.next = self.sign48.val().all() || !self.sign48.val().any();
        }
        self.pasid.next = self.no_pasid.val();
        if self.space.val().pasid_valid {
            self.pasid.next.pasid = self.space.val().pasid;
            self.pasid.next.valid = true;
        }
        self.user.next = self.pasid.val().into();
        self.out.next = self.no_verdict.val();
        self.out.next.sv48 = self.space.val().mode == self.mode_sv48.val();
        if self.space.val().mode == self.off.val() {
            self.out.next.off = true;
        } else if self.space.val().mode == self.bare.val() {
            self.out.next.bare = true;
        } else if !self.canonical.val() {
            self.out.next.sign = true;
        } else {
            self.out.next.hit = self.hit.val();
            self.out.next.miss = !self.hit.val();
        }
        self.verdict.next = self.out.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::{assert_lint_clean, number, settle};

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("mmu-look", MmuLook::default());
    }

    #[test]
    fn the_mode_comes_first_and_then_the_sign() {
        let mut m = MmuLook::default();
        m.connect_all();
        let mut look = |mode: u8, va: u64, hit: bool| {
            m.space.next = AsidEntry {
                mode: u64::from(mode).into(),
                pasid: 0x54321.into(),
                ..AsidEntry::default()
            };
            (m.va.next, m.hit.next) = (va.into(), hit);
            settle(&mut m);
            let v = m.verdict.val();
            assert_eq!(number(m.user.val()), 0, "PASID not valid");
            (v.off, v.bare, v.sign, v.hit, v.miss)
        };
        let only = |n: usize| (n == 0, n == 1, n == 2, n == 3, n == 4);
        for hit in [false, true] {
            assert_eq!(look(mmu::MODE_OFF, u64::MAX >> 1, hit), only(0));
            assert_eq!(look(mmu::MODE_BARE, u64::MAX >> 1, hit), only(1));
            assert_eq!(look(mmu::MODE_SV39, 1 << 38, hit), only(2));
            assert_eq!(look(mmu::MODE_SV48, 1 << 47, hit), only(2));
            let found = only(4 - usize::from(hit));
            assert_eq!(look(mmu::MODE_SV48, 1 << 38, hit), found);
            assert_eq!(look(mmu::MODE_SV39, (1 << 38) - 1, hit), found);
            assert_eq!(look(mmu::MODE_SV39, u64::MAX << 38, hit), found);
        }
    }
}
