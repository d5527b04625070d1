//! What a page table entry means for a request. Combinational.
//!
//! Contract §5, state WalkEval; format: RISC-V privileged specification, Sv39 and Sv48.

use crate::block_default;
use crate::mmu_look::{PageAddr, TlbEntry};
use crate::types::{MmuReq, MmuRsp};
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
pub struct MmuEval {
    pub req: Signal<In, MmuReq>,
    /// Level of the table, 0 the last.
    pub level: Signal<In, Bits<2>>,
    pub pte: Signal<In, Bits<64>>,
    /// The read was answered with an error.
    pub bad: Signal<In, Bit>,
    /// Side band of the address space.
    pub user: Signal<In, Bits<21>>,
    /// The entry points to the next table.
    pub down: Signal<Out, Bit>,
    /// The entry translates: fill the IOTLB.
    pub fill: Signal<Out, Bit>,
    pub entry: Signal<Out, TlbEntry>,
    /// The answer, unless `down`.
    pub rsp: Signal<Out, MmuRsp>,
    p: Signal<Local, Pte>,
    va: Signal<Local, Bits<64>>,
    low_ppn: Signal<Local, Bits<44>>,
    ppn: Signal<Local, Bits<44>>,
    leaf: Signal<Local, Bit>,
    refuse: Signal<Local, Bit>,
    good: Signal<Local, Bit>,
    page: Signal<Local, PageAddr>,
    ans: Signal<Local, MmuRsp>,
    made: Signal<Local, TlbEntry>,
    unused: Signal<Local, Bit>,
    no_answer: Constant<MmuRsp>,
    no_pte: Constant<Pte>,
    no_entry: Constant<TlbEntry>,
    no_page: Constant<PageAddr>,
    level0: Constant<Bits<2>>,
    level1: Constant<Bits<2>>,
    level2: Constant<Bits<2>>,
    low_ppn0: Constant<Bits<44>>,
    low_ppn1: Constant<Bits<44>>,
    low_ppn2: Constant<Bits<44>>,
    low_ppn3: Constant<Bits<44>>,
    no_bits: Constant<Bits<44>>,
    reserved0: Constant<Bits<10>>,
    table_access: Constant<Bits<12>>,
    read_page: Constant<Bits<12>>,
    write_page: Constant<Bits<12>>,
}

impl Default for MmuEval {
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
            req, level, pte, bad, user, down, fill, entry, rsp, p, va, low_ppn, ppn, leaf, refuse, good, page, ans, made,
            unused;
            no_answer = MmuRsp::default(), no_pte = pte, no_entry = TlbEntry::default(), no_page = PageAddr::default(),
            level0 = 0, level1 = 1, level2 = 2,
            low_ppn0 = 0, low_ppn1 = (1 << 9) - 1, low_ppn2 = (1 << 18) - 1, low_ppn3 = (1 << 27) - 1, no_bits = 0,
            reserved0 = 0, table_access = u64::from(mmu::CAUSE_TABLE_ACCESS),
            read_page = u64::from(mmu::CAUSE_READ_PAGE), write_page = u64::from(mmu::CAUSE_WRITE_PAGE)
        )
    }
}

impl Logic for MmuEval {
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
        self.va.next = self.req.val().va;
        // Page number bits below a leaf of this level come from the address.
        self.low_ppn.next = self.low_ppn3.val();
        if self.level.val() == self.level0.val() {
            self.low_ppn.next = self.low_ppn0.val();
        } else if self.level.val() == self.level1.val() {
            self.low_ppn.next = self.low_ppn1.val();
        } else if self.level.val() == self.level2.val() {
            self.low_ppn.next = self.low_ppn2.val();
        }
        self.ppn.next = self.p.val().ppn;
        self.leaf.next = self.p.val().r || self.p.val().x;
        self.unused.next = self.p.val().ug.any() || self.p.val().rsw.any() || self.va.val().any();
        self.refuse.next = !self.p.val().v
            || (self.p.val().w && !self.p.val().r)
            || (self.p.val().reserved != self.reserved0.val());
        if self.leaf.val() {
            if ((self.ppn.val() & self.low_ppn.val()) != self.no_bits.val()) || !self.p.val().a {
                self.refuse.next = true;
            }
            if self.req.val().write {
                if !self.p.val().w || !self.p.val().d {
                    self.refuse.next = true;
                }
            } else if !self.p.val().r {
                self.refuse.next = true;
            }
        } else if self.level.val() == self.level0.val() {
            self.refuse.next = true;
        }
        self.good.next = !self.bad.val() && !self.refuse.val();
        self.down.next = self.good.val() && !self.leaf.val();
        self.fill.next = self.good.val() && self.leaf.val();
        self.page.next = self.no_page.val();
        self.page.next.low = self.va.val().get_bits::<12>(0);
        self.page.next.ppn = self.ppn.val()
            | (bit_cast::<44, 36>(self.va.val().get_bits::<36>(12)) & self.low_ppn.val());
        self.made.next = self.no_entry.val();
        self.made.next.valid = true;
        self.made.next.readable = self.p.val().r;
        self.made.next.writable = self.p.val().w && self.p.val().d;
        self.made.next.asid = self.req.val().asid;
        self.made.next.vpn = self.va.val().get_bits::<36>(12);
        self.made.next.ppn = self.page.val().ppn;
        self.entry.next = self.made.val();
        self.ans.next = self.no_answer.val();
        if self.bad.val() {
            self.ans.next.cause = self.table_access.val();
        } else if self.refuse.val() {
            self.ans.next.cause = self.read_page.val();
            if self.req.val().write {
                self.ans.next.cause = self.write_page.val();
            }
        } else {
            self.ans.next.addr = self.page.val().into();
            self.ans.next.user = self.user.val();
        }
        self.rsp.next = self.ans.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::assert_lint_clean;

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("mmu-eval", MmuEval::default());
    }
}
