//! Tests of the MMU against a small page table worked by hand.

use super::*;
use crate::edge;
use crate::util::{assert_lint_clean, number, settle};
use shoal_abi::mmu;

type Small = Mmu<4, 4>;

#[test]
fn it_is_lint_clean() {
    assert_lint_clean("mmu", Small::default());
    assert_lint_clean("mmu-mid", Mmu::<13, 8>::default());
}

/// Out of reset and swept, with space 3 in `mode` and its root table at page 0x80.
fn fresh(mode: u8) -> Small {
    let mut m = Small::default();
    m.connect_all();
    m.reset.next = true;
    edge!(m);
    m.reset.next = false;
    m.sweep.next = true;
    for i in 0..16_u64 {
        m.sweep_index.next = i.into();
        edge!(m);
    }
    m.sweep.next = false;
    m.asid_we.next = true;
    m.asid_addr.next = 3.into();
    m.asid_data.next = AsidEntry {
        mode: u64::from(mode).into(),
        pasid_valid: true,
        pasid: 0x54321.into(),
        ppn: 0x80.into(),
    };
    edge!(m);
    m.asid_we.next = false;
    settle(&mut m);
    m
}

/// Asks for client 1 and answers walks from `pte`; the answer, the cycles from the request, and the PTEs read.
fn ask(
    m: &mut Small,
    asid: u64,
    va: u64,
    write: bool,
    pte: impl Fn(u64) -> u64,
) -> (MmuRsp, u32, u32) {
    m.req1_valid.next = true;
    m.req1.next = MmuReq {
        asid: asid.into(),
        va: va.into(),
        write,
    };
    settle(m);
    let (mut cycles, mut reads) = (0, 0);
    while !m.rsp1_valid.val() {
        m.ar_grant.next = m.ar_req.val();
        let fetch = m.ar_req.val().then(|| number(m.ar_addr.val()) as u64);
        edge!(*m);
        m.ar_grant.next = false;
        cycles += 1;
        if let Some(at) = fetch {
            m.r_valid.next = true;
            m.r_data.next = pte(at).into();
            edge!(*m);
            m.r_valid.next = false;
            cycles += 1;
            reads += 1;
        }
        settle(m);
        assert!(cycles < 100);
    }
    let rsp = m.rsp.val();
    m.req1_valid.next = false;
    edge!(*m);
    (rsp, cycles, reads)
}

const LEAF: u64 = mmu::PTE_V | mmu::PTE_R | mmu::PTE_W | mmu::PTE_A | mmu::PTE_D;

/// Root 0x80 -> 0x81 -> 0x82 -> page 0x1234 for 0x4020_1000; 0x4040_0000 is a 2 MiB page.
fn tables(at: u64) -> u64 {
    match at {
        0x80008 => 0x81 << 10 | mmu::PTE_V,
        0x81008 => 0x82 << 10 | mmu::PTE_V,
        0x81010 => 0x200 << 10 | LEAF,
        0x82008 => 0x1234 << 10 | LEAF,
        0x82010 => 0x1235 << 10 | (LEAF & !mmu::PTE_D),
        0x82018 => 0x1236 << 10 | (LEAF & !mmu::PTE_A),
        0x80010 => 0x0001 << 10 | LEAF,
        _ => 0,
    }
}

#[test]
fn off_and_bare_answer_three_cycles_after_the_request() {
    let mut m = fresh(mmu::MODE_BARE);
    let (rsp, cycles, _) = ask(&mut m, 3, 0xffff_1234_5678_9abc, true, tables);
    assert_eq!(
        (number(rsp.addr), cycles, number(rsp.cause)),
        (0xffff_1234_5678_9abc, 3, 0)
    );
    assert_eq!(number(rsp.user), 0x15_4321);
    let (rsp, cycles, _) = ask(&mut m, 4, 0x1000, false, tables);
    assert_eq!(
        (
            number(rsp.addr),
            cycles,
            number(rsp.cause),
            number(rsp.user)
        ),
        (0, 3, 256, 0)
    );
}

#[test]
fn walks_fill_the_iotlb_and_faults_do_not() {
    let mut m = fresh(mmu::MODE_SV39);
    let (rsp, _, reads) = ask(&mut m, 3, 0x4020_1abc, true, tables);
    assert_eq!(
        (number(rsp.addr), reads, number(rsp.cause)),
        (0x123_4abc, 3, 0)
    );
    let (rsp, cycles, reads) = ask(&mut m, 3, 0x4020_1000, false, tables);
    assert_eq!((number(rsp.addr), reads, cycles), (0x123_4000, 0, 3));
    // A 2 MiB page fills one 4 KiB entry.
    let (rsp, _, reads) = ask(&mut m, 3, 0x4040_5678, false, tables);
    assert_eq!((number(rsp.addr), reads), (0x20_5678, 2));
    assert_eq!(ask(&mut m, 3, 0x4040_5000, true, tables).2, 0);
    // D clear: read yes, write no, also after the read filled the entry.
    assert_eq!(
        number(ask(&mut m, 3, 0x4020_2000, false, tables).0.cause),
        0
    );
    assert_eq!(
        number(ask(&mut m, 3, 0x4020_2000, true, tables).0.cause),
        15
    );
    for (va, what) in [
        (0x4020_3000, "A clear"),
        (0x4020_4000, "not valid"),
        (0x8000_0000, "misaligned 1 GiB page"),
        (0x40_0000_0000, "not canonical"),
    ] {
        for _ in 0..2 {
            assert_eq!(
                number(ask(&mut m, 3, va, false, tables).0.cause),
                13,
                "{what}"
            );
        }
    }
    // Another space does not see the entry.
    assert_eq!(
        number(ask(&mut m, 2, 0x4020_1000, false, tables).0.cause),
        256
    );
}

fn invalidate(m: &mut Small, inv: InvCmd) {
    m.inv_set.next = true;
    m.inv.next = inv;
    edge!(*m);
    m.inv_set.next = false;
    let mut cycles = 0;
    while m.inv_pending.val() {
        cycles += 1;
        assert_eq!(
            m.inv_done.val(),
            cycles == 34,
            "Idle, two for each of 16 entries, InvDone"
        );
        edge!(*m);
    }
    assert_eq!(cycles, 34);
}

#[test]
fn an_invalidation_drops_what_it_names() {
    let mut m = fresh(mmu::MODE_SV39);
    let both = [0x4020_1000, 0x4040_5000];
    let reads = |m: &mut Small| both.map(|va| ask(m, 3, va, false, tables).2);
    assert_eq!(reads(&mut m), [3, 2]);
    assert_eq!(reads(&mut m), [0, 0]);
    invalidate(
        &mut m,
        InvCmd {
            kind: 1.into(),
            asid: 4.into(),
            ..InvCmd::default()
        },
    );
    assert_eq!(reads(&mut m), [0, 0]);
    let range = |iova: u64, len: u64| InvCmd {
        kind: 2.into(),
        asid: 3.into(),
        iova: iova.into(),
        len: len.into(),
    };
    invalidate(&mut m, range(0x4020_2000, 0x20_3000));
    assert_eq!(reads(&mut m), [0, 0]);
    invalidate(&mut m, range(0x4020_2000, 0x20_4000));
    assert_eq!(reads(&mut m), [0, 2]);
    invalidate(&mut m, range(0x5000_0000, (1 << 48) + 4096));
    assert_eq!(reads(&mut m), [3, 2]);
    invalidate(&mut m, InvCmd::default());
    assert_eq!(reads(&mut m), [3, 2]);
}
