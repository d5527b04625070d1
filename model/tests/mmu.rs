//! Translations through the whole device: TRANSLATE, invalidation, counters, MMU_CTRL.

mod common;
use common::Host;
use shoal_abi::cmd::*;
use shoal_abi::mmu::*;
use shoal_abi::profile::{MID, TINY};
use shoal_abi::regs::*;

const ROOT: u64 = 0x8_0000;
const LEAF: u64 = PTE_V | PTE_R | PTE_W | PTE_A | PTE_D;
const COUNTERS: [Reg; 5] = [
    CNT_TLB_HITS,
    CNT_TLB_MISSES,
    CNT_WALKS,
    CNT_WALKS_MERGED,
    CNT_MMU_FAULTS,
];

fn pte(h: &mut Host, table: u64, index: u64, target: u64, flags: u64) {
    let pte = target >> 12 << PTE_PPN_LSB | flags;
    h.poke(table + 8 * index, &pte.to_le_bytes());
}

/// Address and cause.
fn translate(h: &mut Host, asid: u64, iova: u64, write: bool) -> (u64, u16) {
    let flags = u64::from(write);
    let args = [("asid", asid), ("iova", iova), ("flags", flags)];
    let x = h.cmd(TRANSLATE, 0, &args);
    let address = x[..8].iter().rev().fold(0, |v, b| v << 8 | u64::from(*b));
    (address, u16::from_le_bytes([x[8], x[9]]))
}

fn counters(h: &mut Host) -> [u32; 5] {
    COUNTERS.map(|r| h.bar_read(r.offset))
}

#[test]
fn translations_walk_hit_and_are_forgotten() {
    for p in [&TINY, &MID] {
        let mut h = Host::new(p, 3);
        h.start();
        pte(&mut h, ROOT, 1, ROOT + 0x1000, PTE_V);
        pte(&mut h, ROOT + 0x1000, 0, ROOT + 0x2000, PTE_V);
        pte(&mut h, ROOT + 0x1000, 1, 0x4_0060_0000, LEAF);
        for k in 0..8 {
            pte(&mut h, ROOT + 0x2000, k, 0x50_0000 + (k << 12), LEAF);
        }
        let flags = u64::from(MODE_SV39);
        for asid in [2, 3] {
            h.cmd(
                ASID_SET,
                0,
                &[("asid", asid), ("flags", flags), ("root", ROOT)],
            );
        }
        let page = 1 << 30;
        assert_eq!(translate(&mut h, 2, page + 0x3123, false), (0x50_3123, 0));
        assert_eq!(translate(&mut h, 2, page + 0x3456, true), (0x50_3456, 0));
        assert_eq!(translate(&mut h, 2, page + 0x4000, true), (0x50_4000, 0));
        let big = translate(&mut h, 2, page + 0x2f_fff8, false);
        assert_eq!(big, (0x4_006f_fff8, 0));
        let big = translate(&mut h, 2, page + 0x20_1234, true);
        assert_eq!(big, (0x4_0060_1234, 0));
        assert_eq!(translate(&mut h, 2, 0, true), (0, CAUSE_WRITE_PAGE));
        assert_eq!(counters(&mut h), [2, 4, 4, 0, 1]);

        // A changed entry is not seen before the invalidation, of a range that names another page too.
        pte(&mut h, ROOT + 0x2000, 3, 0x77_0000, LEAF);
        assert_eq!(translate(&mut h, 2, page + 0x3000, false), (0x50_3000, 0));
        h.cmd(IOTLB_INVALIDATE, 0, &[("kind", 1), ("asid", 3)]);
        assert_eq!(translate(&mut h, 2, page + 0x3000, false), (0x50_3000, 0));
        let range = [("kind", 2), ("asid", 2), ("iova", 0), ("len", 4096)];
        h.cmd(IOTLB_INVALIDATE, 0, &range);
        assert_eq!(translate(&mut h, 2, page + 0x3000, false), (0x77_0000, 0));
        pte(&mut h, ROOT + 0x2000, 3, 0x78_0000, LEAF);
        h.cmd(IOTLB_INVALIDATE, 0, &[]);
        assert_eq!(translate(&mut h, 2, page + 0x3000, false), (0x78_0000, 0));
        assert_eq!(counters(&mut h), [4, 6, 6, 0, 1]);
    }
}

#[test]
fn mmu_ctrl_is_restored_by_a_warm_reset_and_counters_stay() {
    let mut h = Host::new(&TINY, 9);
    h.start();
    h.bar_write(MMU_CTRL.offset, 0xffff_ffff);
    assert_eq!(h.bar_read(MMU_CTRL.offset), MMU_PARTITION | MMU_BLOCKING);
    assert_eq!(translate(&mut h, 1, 0, false), (0, CAUSE_ASID_OFF));
    h.bar_write(STATUS_QUEUE_SELECT.offset, 0);
    h.until("end of the warm reset", 10_000, |h| {
        h.bar_read(STATUS_QUEUE_SELECT.offset) == 0 && h.bar_read(READY.offset) == 1
    });
    assert_eq!(h.bar_read(MMU_CTRL.offset), 0);
    assert_eq!(counters(&mut h), [0, 0, 0, 0, 1]);
}
