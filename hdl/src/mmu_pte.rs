//! What a page table entry means for a walk. Combinational.
//!
//! Contract §5.3, state Eval; format: RISC-V privileged specification, Sv39 and Sv48.

use crate::block_default;
use crate::mmu_types::WalkResult;
use rust_hdl::prelude::*;
use shoal_abi::mmu;

/// A page table entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Pte {
    /// Valid.
    pub v: Bit,
    /// Readable.
    pub r: Bit,
    /// Writable.
    pub w: Bit,
    /// Executable.
    pub x: Bit,
    /// User, global; ignored.
    pub ug: Bits<2>,
    /// Accessed.
    pub a: Bit,
    /// Dirty.
    pub d: Bit,
    /// For software.
    pub rsw: Bits<2>,
    /// Page number.
    pub ppn: Bits<44>,
    /// Must be 0.
    pub reserved: Bits<10>,
}

/// The evaluation.
#[derive(LogicBlock)]
pub struct MmuPte {
    /// Level of the table, 0 the last.
    pub level: Signal<In, Bits<2>>,
    pub pte: Signal<In, Bits<64>>,
    /// The read was answered with an error.
    pub bad: Signal<In, Bit>,
    /// The entry points to the next table, at page number `ppn`.
    pub down: Signal<Out, Bit>,
    pub ppn: Signal<Out, Bits<44>>,
    /// How the walk ends, unless `down`.
    pub result: Signal<Out, WalkResult>,
    p: Signal<Local, Pte>,
    low_ppn: Signal<Local, Bits<44>>,
    leaf: Signal<Local, Bit>,
    refuse: Signal<Local, Bit>,
    good: Signal<Local, Bit>,
    out: Signal<Local, WalkResult>,
    unused: Signal<Local, Bit>,
    no_result: Constant<WalkResult>,
    no_pte: Constant<Pte>,
    level0: Constant<Bits<2>>,
    level1: Constant<Bits<2>>,
    level2: Constant<Bits<2>>,
    low_ppn0: Constant<Bits<44>>,
    low_ppn1: Constant<Bits<44>>,
    low_ppn2: Constant<Bits<44>>,
    low_ppn3: Constant<Bits<44>>,
    no_bits: Constant<Bits<44>>,
    reserved0: Constant<Bits<10>>,
}

impl Default for MmuPte {
    fn default() -> Self {
        // The layout of the struct is that of the ABI.
        let pte = Pte::default();
        assert_eq!(
            pte.get_my_offset_ppn(),
            mmu::PTE_PPN_LSB as usize,
            "PTE layout"
        );
        assert_eq!(1 << pte.get_my_offset_d(), mmu::PTE_D, "PTE layout");
        assert_eq!(
            0x3ff << pte.get_my_offset_reserved(),
            mmu::PTE_RESERVED,
            "PTE layout"
        );
        block_default!(
            level, pte, bad, down, ppn, result, p, low_ppn, leaf, refuse, good, out, unused;
            no_result = WalkResult::default(), no_pte = pte, level0 = 0, level1 = 1, level2 = 2,
            low_ppn0 = 0, low_ppn1 = (1 << 9) - 1, low_ppn2 = (1 << 18) - 1, low_ppn3 = (1 << 27) - 1, no_bits = 0,
            reserved0 = 0
        )
    }
}

impl Logic for MmuPte {
    #[hdl_gen]
    fn update(&mut self) {
        self.p.next = self.no_pte.val();
        self.p.next.v = self.pte.val().get_bit(0);
        self.p.next.r = self.pte.val().get_bit(1);
        self.p.next.w = self.pte.val().get_bit(2);
        self.p.next.x = self.pte.val().get_bit(3);
        self.p.next.ug = self.pte.val().get_bits::<2>(4);
        self.p.next.a = self.pte.val().get_bit(6);
        self.p.next.d = self.pte.val().get_bit(7);
        self.p.next.rsw = self.pte.val().get_bits::<2>(8);
        self.p.next.ppn = self.pte.val().get_bits::<44>(10);
        self.p.next.reserved = self.pte.val().get_bits::<10>(54);
        self.ppn.next = self.p.val().ppn;
        // Page number bits below a leaf of this level come from the address.
        self.low_ppn.next = self.low_ppn3.val();
        if self.level.val() == self.level0.val() {
            self.low_ppn.next = self.low_ppn0.val();
        } else if self.level.val() == self.level1.val() {
            self.low_ppn.next = self.low_ppn1.val();
        } else if self.level.val() == self.level2.val() {
            self.low_ppn.next = self.low_ppn2.val();
        }
        self.leaf.next = self.p.val().r || self.p.val().x;
        self.unused.next = self.p.val().ug.any() || self.p.val().rsw.any();
        self.refuse.next = !self.p.val().v
            || (self.p.val().w && !self.p.val().r)
            || (self.p.val().reserved != self.reserved0.val());
        if self.leaf.val() {
            if ((self.p.val().ppn & self.low_ppn.val()) != self.no_bits.val()) || !self.p.val().a {
                self.refuse.next = true;
            }
        } else if self.level.val() == self.level0.val() {
            self.refuse.next = true;
        }
        self.good.next = !self.bad.val() && !self.refuse.val();
        self.down.next = self.good.val() && !self.leaf.val();
        self.out.next = self.no_result.val();
        self.out.next.table_access = self.bad.val();
        if self.good.val() {
            self.out.next.leaf = self.leaf.val();
            self.out.next.readable = self.p.val().r;
            self.out.next.writable = self.p.val().w && self.p.val().d;
            self.out.next.level = self.level.val();
            self.out.next.ppn = self.p.val().ppn;
        }
        self.result.next = self.out.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::{assert_lint_clean, number, settle};
    use shoal_abi::mmu::{PTE_A, PTE_D, PTE_R, PTE_V, PTE_W, PTE_X};

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("mmu-pte", MmuPte::default());
    }

    #[test]
    fn an_entry_is_a_page_a_table_or_a_fault() {
        let mut m = MmuPte::default();
        m.connect_all();
        let mut eval = |level: u64, pte: u64| {
            (m.level.next, m.pte.next) = (level.into(), pte.into());
            settle(&mut m);
            let r = m.result.val();
            (m.down.val(), r.leaf, r.readable, r.writable)
        };
        let page = |ppn: u64, flags: u64| ppn << 10 | PTE_V | PTE_A | flags;
        let (table, fault) = ((true, false, false, false), (false, false, false, false));
        assert_eq!(
            eval(0, page(1, PTE_R | PTE_W | PTE_D)),
            (false, true, true, true)
        );
        assert_eq!(eval(0, page(1, PTE_R | PTE_W)), (false, true, true, false));
        assert_eq!(eval(0, page(1, PTE_X)), (false, true, false, false));
        assert_eq!(eval(1, page(0x200, PTE_R)), (false, true, true, false));
        assert_eq!(eval(2, page(0x200, PTE_R)), fault, "misaligned");
        assert_eq!(eval(3, page(1 << 26, PTE_R)), fault, "misaligned");
        assert_eq!(eval(0, page(1, PTE_W | PTE_D)), fault, "W without R");
        assert_eq!(eval(0, page(1, PTE_R) & !PTE_A), fault, "A clear");
        assert_eq!(eval(0, page(1, PTE_R) | 1 << 54), fault, "reserved");
        assert_eq!(eval(0, PTE_R | PTE_A), fault, "not valid");
        assert_eq!(eval(1, PTE_V), table);
        assert_eq!(eval(0, PTE_V), fault, "a table at the last level");
        m.bad.next = true;
        settle(&mut m);
        let r = m.result.val();
        assert!(r.table_access && !r.leaf && !m.down.val() && number(r.ppn) == 0);
    }
}
