//! The answer of a look-up or of a walk. Combinational.
//!
//! Contract §5.1, L2, and §5.3, Done.

use crate::block_default;
use crate::mmu_look::Verdict;
use crate::mmu_types::{PageAddr, WalkResult};
use crate::types::{MmuReq, MmuRsp};
use rust_hdl::prelude::*;
use shoal_abi::mmu;

/// The answer.
#[derive(LogicBlock)]
pub struct MmuAnswer {
    /// A look-up.
    pub look: Signal<In, Bit>,
    /// A walk answer.
    pub walk: Signal<In, Bit>,
    pub req: Signal<In, MmuReq>,
    /// PASID valid and PASID.
    pub user: Signal<In, Bits<21>>,
    /// Look-up: what becomes of it, and which array has it; the first counts.
    pub verdict: Signal<In, Verdict>,
    pub hit0: Signal<In, Bit>,
    pub hit1: Signal<In, Bit>,
    pub ppn0: Signal<In, Bits<44>>,
    pub ppn1: Signal<In, Bits<44>>,
    pub ppn2: Signal<In, Bits<44>>,
    /// Walk answer: how the walk ended.
    pub result: Signal<In, WalkResult>,
    /// There is an answer: not for a miss.
    pub valid: Signal<Out, Bit>,
    /// It is a fault.
    pub fault: Signal<Out, Bit>,
    /// 0 without an answer.
    pub rsp: Signal<Out, MmuRsp>,
    va: Signal<Local, Bits<64>>,
    permitted: Signal<Local, Bit>,
    refused: Signal<Local, Bit>,
    level: Signal<Local, Bits<2>>,
    ppn: Signal<Local, Bits<44>>,
    low_ppn: Signal<Local, Bits<44>>,
    page: Signal<Local, PageAddr>,
    ans: Signal<Local, MmuRsp>,
    no_answer: Constant<MmuRsp>,
    no_page: Constant<PageAddr>,
    level0: Constant<Bits<2>>,
    level1: Constant<Bits<2>>,
    level2: Constant<Bits<2>>,
    low_ppn0: Constant<Bits<44>>,
    low_ppn1: Constant<Bits<44>>,
    low_ppn2: Constant<Bits<44>>,
    low_ppn3: Constant<Bits<44>>,
    asid_off: Constant<Bits<12>>,
    table_access: Constant<Bits<12>>,
    read_page: Constant<Bits<12>>,
    write_page: Constant<Bits<12>>,
}

impl Default for MmuAnswer {
    fn default() -> Self {
        block_default!(
            look, walk, req, user, verdict, hit0, hit1, ppn0, ppn1, ppn2, result, valid, fault, rsp, va, permitted,
            refused, level, ppn, low_ppn, page, ans;
            no_answer = MmuRsp::default(), no_page = PageAddr::default(), level0 = 0, level1 = 1, level2 = 2,
            low_ppn0 = 0, low_ppn1 = (1 << 9) - 1, low_ppn2 = (1 << 18) - 1, low_ppn3 = (1 << 27) - 1,
            asid_off = u64::from(mmu::CAUSE_ASID_OFF), table_access = u64::from(mmu::CAUSE_TABLE_ACCESS),
            read_page = u64::from(mmu::CAUSE_READ_PAGE), write_page = u64::from(mmu::CAUSE_WRITE_PAGE)
        )
    }
}

impl Logic for MmuAnswer {
    #[hdl_gen]
    fn update(&mut self) {
        self.va.next = self.req.val().va;
        self.permitted.next = self.result.val().leaf && self.result.val().readable;
        if self.req.val().write {
            self.permitted.next = self.result.val().leaf && self.result.val().writable;
        }
        // Which page, and how large.
        self.level.next = self.level2.val();
        self.ppn.next = self.ppn2.val();
        if self.walk.val() {
            self.level.next = self.result.val().level;
            self.ppn.next = self.result.val().ppn;
        } else if self.hit0.val() {
            self.level.next = self.level0.val();
            self.ppn.next = self.ppn0.val();
        } else if self.hit1.val() {
            self.level.next = self.level1.val();
            self.ppn.next = self.ppn1.val();
        }
        self.low_ppn.next = self.low_ppn3.val();
        if self.level.val() == self.level0.val() {
            self.low_ppn.next = self.low_ppn0.val();
        } else if self.level.val() == self.level1.val() {
            self.low_ppn.next = self.low_ppn1.val();
        } else if self.level.val() == self.level2.val() {
            self.low_ppn.next = self.low_ppn2.val();
        }
        self.page.next = self.no_page.val();
        self.page.next.low = self.va.val().get_bits::<12>(0);
        self.page.next.ppn = self.ppn.val()
            | (bit_cast::<44, 36>(self.va.val().get_bits::<36>(12)) & self.low_ppn.val());
        self.refused.next = (self.walk.val() && !self.permitted.val())
            || (self.look.val() && (self.verdict.val().off || self.verdict.val().sign));
        self.ans.next = self.no_answer.val();
        if self.refused.val() {
            self.ans.next.cause = self.read_page.val();
            if self.req.val().write {
                self.ans.next.cause = self.write_page.val();
            }
            if self.walk.val() && self.result.val().table_access {
                self.ans.next.cause = self.table_access.val();
            }
            if self.look.val() && self.verdict.val().off {
                self.ans.next.cause = self.asid_off.val();
            }
        } else if self.walk.val() || (self.look.val() && !self.verdict.val().miss) {
            self.ans.next.user = self.user.val();
            self.ans.next.addr = self.page.val().into();
            if self.look.val() && self.verdict.val().bare {
                self.ans.next.addr = self.va.val();
            }
        }
        if self.walk.val() || (self.look.val() && !self.verdict.val().miss) {
            self.ans.next.tag = self.req.val().tag;
        }
        self.rsp.next = self.ans.val();
        self.fault.next = self.refused.val();
        self.valid.next = self.walk.val() || (self.look.val() && !self.verdict.val().miss);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::{assert_lint_clean, number, settle};

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("mmu-answer", MmuAnswer::default());
    }

    fn with(write: bool) -> MmuAnswer {
        let mut m = MmuAnswer::default();
        m.connect_all();
        m.req.next = MmuReq {
            va: 0xffff_abcd_ef12_3456.into(),
            write,
            ..MmuReq::default()
        };
        m.user.next = 7.into();
        m
    }

    fn rsp(m: &mut MmuAnswer) -> (u128, u128, u128) {
        settle(m);
        assert_eq!(m.fault.val(), number(m.rsp.val().cause) != 0);
        let r = m.rsp.val();
        (number(r.cause), number(r.addr), number(r.user))
    }

    #[test]
    fn low_bits_come_from_the_address_as_far_as_the_page_reaches() {
        let mut m = with(false);
        m.look.next = true;
        m.verdict.next = Verdict {
            hit: true,
            ..Verdict::default()
        };
        (m.ppn0.next, m.ppn1.next, m.ppn2.next) =
            (0x111.into(), 0x22200.into(), 0x3_0000_0000_u64.into());
        (m.hit0.next, m.hit1.next) = (true, true);
        assert_eq!(rsp(&mut m), (0, 0x11_1456, 7));
        m.hit0.next = false;
        assert_eq!(rsp(&mut m), (0, 0x2232_3456, 7));
        m.hit1.next = false;
        assert_eq!(rsp(&mut m), (0, 0x3000_2f12_3456, 7));
        m.verdict.next = Verdict {
            bare: true,
            ..Verdict::default()
        };
        assert_eq!(rsp(&mut m), (0, 0xffff_abcd_ef12_3456, 7));
        m.verdict.next = Verdict {
            miss: true,
            ..Verdict::default()
        };
        assert_eq!(rsp(&mut m), (0, 0, 0));
        assert!(!m.valid.val());
        m.look.next = false;
        m.walk.next = true;
        m.result.next = WalkResult {
            leaf: true,
            readable: true,
            level: 3.into(),
            ppn: (0x5_u64 << 27).into(),
            ..WalkResult::default()
        };
        assert_eq!(
            rsp(&mut m),
            (0, 0xabcd_ef12_3456 & ((1 << 39) - 1) | 5 << 39, 7)
        );
        assert!(m.valid.val());
    }

    #[test]
    fn a_fault_has_its_cause_and_nothing_else() {
        for (write, page) in [(false, 13), (true, 15)] {
            let mut m = with(write);
            m.look.next = true;
            m.verdict.next = Verdict {
                off: true,
                ..Verdict::default()
            };
            assert_eq!(rsp(&mut m), (256, 0, 0));
            m.verdict.next = Verdict {
                sign: true,
                ..Verdict::default()
            };
            assert_eq!(rsp(&mut m), (page, 0, 0));
            (m.look.next, m.walk.next) = (false, true);
            assert_eq!(rsp(&mut m), (page, 0, 0));
            m.result.next = WalkResult {
                table_access: true,
                ..WalkResult::default()
            };
            assert_eq!(rsp(&mut m), (265, 0, 0));
            m.result.next = WalkResult {
                leaf: true,
                readable: write,
                writable: !write,
                ..WalkResult::default()
            };
            assert_eq!(rsp(&mut m), (page, 0, 0));
        }
    }
}
