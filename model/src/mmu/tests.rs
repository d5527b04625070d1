//! Translations against page tables in a tiny memory.

use super::*;
use shoal_abi::profile::{DATA_WORDS, MID, TINY};
use shoal_abi::regs::{CNT_TLB_HITS, CNT_TLB_MISSES, RESP_SLVERR};
use std::collections::HashMap;

const ROOT: u64 = 0x1000;
const LEAF: u64 = PTE_V | PTE_R | PTE_W | PTE_A | PTE_D;

struct Bench {
    p: &'static Profile,
    mmu: Mmu,
    regs: Regs,
    mem: HashMap<u64, u64>,
    bad: Option<u64>,
    walks: usize,
}

impl Bench {
    fn new(p: &'static Profile, mode: u8) -> Self {
        let mut mmu = Mmu::new(p);
        mmu.set_asid(
            3,
            AsidEntry {
                mode,
                pasid_valid: true,
                pasid: 0x45,
                root: ROOT,
            },
        );
        Self {
            p,
            mmu,
            regs: Regs::new(),
            mem: HashMap::new(),
            bad: None,
            walks: 0,
        }
    }

    fn tick(&mut self, request: Option<Request>, r: Option<RBeat>, granted: bool) {
        self.mmu.tick(
            self.p,
            || [None, request, None],
            granted,
            r.as_ref(),
            &mut self.regs,
        );
    }

    /// The answer, and the cycles from the one in which the request is taken to it.
    fn translate(&mut self, va: u64, write: bool) -> (Answer, u32) {
        let request = Some(Request { asid: 3, va, write });
        let mut beat = None;
        for cycle in 0..200 {
            if let Some(a) = self.mmu.answer(1) {
                assert!(self.mmu.answer(0).is_none());
                self.tick(request, None, false);
                assert!(self.mmu.idle());
                return (a, cycle);
            }
            let r = beat.take();
            let ar = self.mmu.walk();
            if let Some(a) = ar {
                assert_eq!((a.len, a.size, a.user), (0, 3, 0));
                self.walks += 1;
                let mut data = [0xdead_dead_dead_dead; DATA_WORDS];
                let lane = (a.addr / 8) as usize % self.p.lanes();
                data[lane] = self.mem.get(&a.addr).copied().unwrap_or(0);
                let resp = if self.bad == Some(a.addr) {
                    RESP_SLVERR
                } else {
                    0
                };
                beat = Some(RBeat {
                    id: Id::unpack(a.id),
                    data,
                    resp,
                    last: true,
                });
            }
            self.tick(request, r, ar.is_some());
        }
        panic!("no answer for {va:#x}");
    }

    fn cause(&mut self, va: u64, write: bool) -> u16 {
        let (a, _) = self.translate(va, write);
        if a.cause != 0 {
            assert_eq!((a.address, a.user), (0, 0));
        }
        a.cause
    }

    /// Table entry: `index` in the table at `table`.
    fn pte(&mut self, table: u64, index: u64, target: u64, flags: u64) {
        self.mem
            .insert(table + 8 * index, target >> 12 << PTE_PPN_LSB | flags);
    }

    /// Maps with 4 KiB pages; `levels` tables from ROOT on at 0x1000, 0x2000, ...
    fn map(&mut self, levels: u64, va: u64, pa: u64, flags: u64) {
        for level in (0..levels).rev() {
            let table = ROOT + 0x1000 * (levels - 1 - level);
            let index = va >> (12 + 9 * level) & 0x1ff;
            if level == 0 {
                self.pte(table, index, pa, flags);
            } else {
                self.pte(table, index, table + 0x1000, PTE_V);
            }
        }
    }

    fn count(&self, r: shoal_abi::regs::Reg) -> u32 {
        self.regs.read(self.p, r.offset).expect("a counter")
    }
}

#[test]
fn bare_is_answered_three_cycles_after_it_is_taken() {
    let mut b = Bench::new(&TINY, MODE_BARE);
    let (a, cycles) = b.translate(0xffff_1234_5678_9abc, true);
    assert_eq!(
        (a.cause, a.address, a.user),
        (0, 0xffff_1234_5678_9abc, USER_PASID_VALID | 0x45)
    );
    assert_eq!(cycles, 3);
}

#[test]
fn walk_fills_the_iotlb_and_a_hit_takes_three_cycles() {
    for (p, mode, levels, va) in [
        (&TINY, MODE_SV39, 3, 0x3f_8765_4000_u64),
        (&MID, MODE_SV48, 4, 0x7abc_8765_5000),
    ] {
        let mut b = Bench::new(p, mode);
        b.map(levels, va, 0xab_cdef_0000, LEAF);
        assert_eq!(b.translate(va + 0x123, false).0.address, 0xab_cdef_0123);
        assert_eq!(b.walks as u64, levels);
        let (a, cycles) = b.translate(va + 0xfff, true);
        assert_eq!(
            (a.address, a.user, cycles),
            (0xab_cdef_0fff, USER_PASID_VALID | 0x45, 3)
        );
        assert_eq!((b.count(CNT_TLB_HITS), b.count(CNT_TLB_MISSES)), (1, 1));
    }
}

#[test]
fn super_pages_take_their_low_bits_from_the_iova() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.pte(ROOT, 1, 0x40_0000_0000, LEAF);
    assert_eq!(b.translate(0x4765_4321, false).0.address, 0x40_0765_4321);
    assert_eq!(b.walks, 1);
    b.translate(0x4765_4000, false);
    assert_eq!(b.walks, 1, "the 4 KiB piece is cached");
    b.translate(0x4765_5000, false);
    assert_eq!(b.walks, 2, "its neighbour is not");
    b.pte(ROOT, 2, 0x40_0000_1000, LEAF);
    assert_eq!(b.cause(0x8000_0000, false), CAUSE_READ_PAGE, "misaligned");
}

#[test]
fn every_fault_has_its_cause_and_is_not_cached() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    let va = 0x1234_5000;
    assert_eq!(b.cause(va, false), CAUSE_READ_PAGE, "no root entry");
    assert_eq!(b.cause(va, true), CAUSE_WRITE_PAGE);
    for flags in [
        0,
        LEAF & !PTE_V,
        LEAF & !PTE_R,
        LEAF & !PTE_A,
        LEAF | 1 << 54,
        LEAF | 1 << 63,
        PTE_V | PTE_X | PTE_A,
        PTE_V,
    ] {
        b.map(3, va, 0x9000, flags);
        assert_eq!(b.cause(va, false), CAUSE_READ_PAGE, "{flags:#x}");
    }
    for flags in [LEAF & !PTE_W, LEAF & !PTE_D] {
        b.map(3, va, 0x9000, flags);
        assert_eq!(b.cause(va, false), 0);
        assert_eq!(b.cause(va, true), CAUSE_WRITE_PAGE, "{flags:#x}");
    }
    b.map(3, va, 0x9000, LEAF);
    assert_eq!(b.cause(va, true), 0, "found on a new walk");
    assert_eq!(
        b.cause(0x40_0000_0000, false),
        CAUSE_READ_PAGE,
        "bit 38 is not extended"
    );
    b.map(3, 0xffff_ffff_ffff_f000, 0x9000, LEAF);
    assert_eq!(b.cause(0xffff_ffff_ffff_f000, false), 0);
    b.bad = Some(ROOT);
    assert_eq!(b.cause(0, false), CAUSE_TABLE_ACCESS);
    b.mmu.set_asid(3, AsidEntry::default());
    assert_eq!(b.cause(va, true), CAUSE_ASID_OFF);
}

#[test]
fn invalidation_drops_what_it_names_and_takes_its_time() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    for n in 0..4 {
        b.map(3, 0x1000 * n, 0x9000 + 0x1000 * n, LEAF);
        b.translate(0x1000 * n, false);
    }
    let cases = [
        (Invalidate::Asid(2), 0b0000),
        (
            Invalidate::Range {
                asid: 2,
                iova: 0,
                len: 0x10_0000,
            },
            0b0000,
        ),
        (
            Invalidate::Range {
                asid: 3,
                iova: 0x1000,
                len: 0x2000,
            },
            0b0110,
        ),
        (
            Invalidate::Range {
                asid: 3,
                iova: 1 << 50,
                len: (1 << 48) + 0x1000,
            },
            0b1111,
        ),
        (Invalidate::Asid(3), 0b1111),
        (Invalidate::All, 0b1111),
    ];
    for (what, gone) in cases {
        b.mmu.invalidate(what);
        let mut cycles = 0;
        while b.mmu.invalidating() {
            assert_eq!(b.mmu.flips(), cycles == 1 + 2 * 16);
            b.tick(None, None, false);
            cycles += 1;
        }
        // Idle, two cycles an entry, InvDone.
        assert_eq!(cycles, 2 + 2 * 16);
        for n in 0..4 {
            let before = b.walks;
            b.translate(0x1000 * n, false);
            assert_eq!(b.walks != before, gone >> n & 1 == 1, "{what:?} page {n}");
        }
    }
}

#[test]
fn requests_are_taken_in_turn() {
    let mut mmu = Mmu::new(&TINY);
    let mut regs = Regs::new();
    let r = Some(Request::default());
    let mut order = Vec::new();
    for _ in 0..24 {
        order.extend((0..3).filter(|c| mmu.answer(*c).is_some()));
        mmu.tick(&TINY, || [r, None, r], false, None, &mut regs);
    }
    assert_eq!(order, [0, 2, 0, 2, 0, 2]);
}
