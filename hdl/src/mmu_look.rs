//! The look-up of the MMU: what the ASID entry and the IOTLB entry say about a request. Combinational.
//!
//! Contract §5, state L2: mode, sign bits, IOTLB.

use crate::block_default;
use crate::types::{AsidEntry, MmuReq, MmuRsp};
use rust_hdl::prelude::*;
use shoal_abi::mmu;

/// Entry of the IOTLB: one 4 KiB page.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TlbEntry {
    /// The entry holds a translation.
    pub valid: Bit,
    /// Readable.
    pub readable: Bit,
    /// Writable.
    pub writable: Bit,
    /// Address space.
    pub asid: Bits<17>,
    /// Virtual page number, address bits 47:12.
    pub vpn: Bits<36>,
    /// Physical page number.
    pub ppn: Bits<44>,
}

/// A physical address in the parts that the MMU puts together.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct PageAddr {
    /// Offset in the page.
    pub low: Bits<12>,
    /// Page number.
    pub ppn: Bits<44>,
    /// 0.
    pub high: Bits<8>,
}

/// The PASID side band.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Pasid {
    /// PASID, 0 if not valid.
    pub pasid: Bits<20>,
    /// Valid.
    pub valid: Bit,
}

/// The look-up.
#[derive(LogicBlock)]
pub struct MmuLook {
    pub req: Signal<In, MmuReq>,
    pub space: Signal<In, AsidEntry>,
    pub tlb: Signal<In, TlbEntry>,
    /// A walk is needed; `rsp` then holds the side band only.
    pub miss: Signal<Out, Bit>,
    /// The IOTLB answers.
    pub hit: Signal<Out, Bit>,
    /// Sv48.
    pub sv48: Signal<Out, Bit>,
    /// Page number of the root table.
    pub root: Signal<Out, Bits<44>>,
    pub rsp: Signal<Out, MmuRsp>,
    va: Signal<Local, Bits<64>>,
    sign39: Signal<Local, Bits<26>>,
    sign48: Signal<Local, Bits<17>>,
    canonical: Signal<Local, Bit>,
    found: Signal<Local, Bit>,
    pasid: Signal<Local, Pasid>,
    page: Signal<Local, PageAddr>,
    ans: Signal<Local, MmuRsp>,
    no_answer: Constant<MmuRsp>,
    no_pasid: Constant<Pasid>,
    no_page: Constant<PageAddr>,
    off: Constant<Bits<2>>,
    bare: Constant<Bits<2>>,
    mode_sv48: Constant<Bits<2>>,
    asid_off: Constant<Bits<12>>,
    read_page: Constant<Bits<12>>,
    write_page: Constant<Bits<12>>,
}

impl Default for MmuLook {
    fn default() -> Self {
        block_default!(
            req, space, tlb, miss, hit, sv48, root, rsp, va, sign39, sign48, canonical, found, pasid, page, ans;
            no_answer = MmuRsp::default(), no_pasid = Pasid::default(), no_page = PageAddr::default(),
            off = u64::from(mmu::MODE_OFF), bare = u64::from(mmu::MODE_BARE), mode_sv48 = u64::from(mmu::MODE_SV48),
            asid_off = u64::from(mmu::CAUSE_ASID_OFF), read_page = u64::from(mmu::CAUSE_READ_PAGE),
            write_page = u64::from(mmu::CAUSE_WRITE_PAGE)
        )
    }
}

impl Logic for MmuLook {
    #[hdl_gen]
    fn update(&mut self) {
        self.va.next = self.req.val().va;
        self.root.next = self.space.val().ppn;
        self.sv48.next = self.space.val().mode == self.mode_sv48.val();
        self.sign39.next = self.va.val().get_bits::<26>(38);
        self.sign48.next = self.va.val().get_bits::<17>(47);
        self.canonical.next = self.sign39.val().all() || !self.sign39.val().any();
        if self.space.val().mode == self.mode_sv48.val() {
            self.canonical.next = self.sign48.val().all() || !self.sign48.val().any();
        }
        self.found.next = self.tlb.val().valid
            && (self.tlb.val().asid == self.req.val().asid)
            && (self.tlb.val().vpn == self.va.val().get_bits::<36>(12));
        if self.req.val().write {
            self.found.next = self.found.val() && self.tlb.val().writable;
        } else {
            self.found.next = self.found.val() && self.tlb.val().readable;
        }
        self.pasid.next = self.no_pasid.val();
        if self.space.val().pasid_valid {
            self.pasid.next.pasid = self.space.val().pasid;
            self.pasid.next.valid = true;
        }
        self.page.next = self.no_page.val();
        self.page.next.low = self.va.val().get_bits::<12>(0);
        self.page.next.ppn = self.tlb.val().ppn;
        self.ans.next = self.no_answer.val();
        self.hit.next = false;
        self.miss.next = false;
        if self.space.val().mode == self.off.val() {
            self.ans.next.cause = self.asid_off.val();
        } else if self.space.val().mode == self.bare.val() {
            self.ans.next.addr = self.va.val();
            self.ans.next.user = self.pasid.val().into();
        } else if !self.canonical.val() {
            self.ans.next.cause = self.read_page.val();
            if self.req.val().write {
                self.ans.next.cause = self.write_page.val();
            }
        } else {
            self.ans.next.user = self.pasid.val().into();
            if self.found.val() {
                self.hit.next = true;
                self.ans.next.addr = self.page.val().into();
            } else {
                self.miss.next = true;
            }
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
        assert_lint_clean("mmu-look", MmuLook::default());
    }
}
