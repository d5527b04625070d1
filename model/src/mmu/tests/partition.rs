//! §5.3: which way of a set a leaf goes into.

use super::*;

/// Page `k` of set 3 of T0 for ASID 3: 4 KiB pages, four sets.
fn page(k: u64) -> Request {
    read(k << 14)
}

fn bench() -> Bench {
    let mut b = Bench::new(&TINY, MODE_SV39);
    for k in 0..8 {
        b.map(k << 14, 0x10_0000 + (k << 14));
    }
    b
}

/// The request is answered without a walk; one that is not fills an entry, so ask for what should be there first.
fn hits(b: &mut Bench, request: Request) -> bool {
    let (a, cycles) = b.translate(request);
    assert_eq!(a.cause, 0);
    cycles == 3
}

#[test]
fn ways_are_filled_in_turn() {
    let mut b = bench();
    for k in 0..5 {
        assert!(!hits(&mut b, page(k)));
    }
    for k in 1..5 {
        assert!(hits(&mut b, page(k)), "{k}");
    }
    assert!(!hits(&mut b, page(0)), "the fifth took its way");
    assert!(!hits(&mut b, page(1)), "and the sixth that of the next");
    // The sets of other arrays have turns of their own.
    b.map_at(2, 1, GIB, 0x4000_0000, LEAF);
    assert!(!hits(&mut b, read(GIB)));
    assert!(!hits(&mut b, page(6)));
    for k in [4, 0, 1, 6] {
        assert!(hits(&mut b, page(k)), "{k}");
    }
}

#[test]
fn pages_in_a_row_fill_every_set_evenly() {
    let mut b = bench();
    let entries = TINY.iotlb_pages() as u64;
    for k in 0..entries {
        b.map(k << 12, 0x100_0000 + (k << 12));
        assert!(!hits(&mut b, read(k << 12)));
    }
    for k in 0..entries {
        assert!(hits(&mut b, read(k << 12)), "{k}");
    }
}

#[test]
fn super_pages_of_one_set_have_four_ways() {
    for (level, set, pages) in [(1, 2 * MIB2, 4), (2, 2 * GIB, 4)] {
        let mut b = Bench::new(&TINY, MODE_SV39);
        for k in 0..pages {
            b.map_at(2, level, k * set, k * set, LEAF);
            assert!(!hits(&mut b, read(k * set)));
        }
        for k in 0..pages {
            assert!(hits(&mut b, read(k * set + 0x1_2345)));
        }
        b.map_at(2, level, pages * set, pages * set, LEAF);
        assert!(!hits(&mut b, read(pages * set)));
        assert!(hits(&mut b, read(set)));
        assert!(!hits(&mut b, read(0)));
    }
}

#[test]
fn the_set_is_that_of_page_xor_asid() {
    // Page 1 of ASID 2 is in the set of pages 0, 4, 8 and 12 of ASID 3; its page 0 is not.
    for (va, gone) in [(0x1000, true), (0, false), (0x2000, false), (0x5000, true)] {
        let mut b = bench();
        b.bind(2, entry(MODE_SV39));
        for k in 0..4 {
            assert!(!hits(&mut b, page(k)));
        }
        b.map(va, 0x20_0000);
        let other = Request {
            asid: 2,
            ..read(va)
        };
        assert!(!hits(&mut b, other));
        assert_eq!(hits(&mut b, page(0)), !gone, "{va:#x}");
    }
    // P0 has four entries for 2 MiB each, chosen in the same way.
    for (va, reads) in [(MIB2, 2), (2 * MIB2, 1)] {
        let mut b = Bench::new(&TINY, MODE_SV39);
        b.bind(2, entry(MODE_SV39));
        for at in [0, 0x1000, va] {
            b.map(at, 0x20_0000);
        }
        b.translate(read(0));
        b.translate(Request {
            asid: 2,
            ..read(va)
        });
        b.translate(read(0x1000));
        assert_eq!(b.reads.len(), reads, "{va:#x}");
    }
}

#[test]
fn with_partition_an_address_space_has_one_way() {
    let mut b = bench();
    b.bind(2, entry(MODE_SV39));
    b.i.partition = true;
    // ASID 2: its page 1 is in set 3 too.
    let other = Request {
        asid: 2,
        ..read(0x1000)
    };
    b.map(0x1000, 0x20_0000);
    assert!(!hits(&mut b, other));
    for k in 0..5 {
        assert!(!hits(&mut b, page(k)));
        assert!(hits(&mut b, page(k)));
        assert!(hits(&mut b, other), "way 2 is another's");
    }
    assert!(
        !hits(&mut b, page(3)),
        "each took the way of the one before"
    );
}

#[test]
fn turns_go_on_under_partition() {
    let mut b = bench();
    b.i.partition = true;
    assert!(!hits(&mut b, page(0)), "in way 3; way 1 is next now");
    b.i.partition = false;
    for k in 1..3 {
        assert!(!hits(&mut b, page(k)), "ways 1 and 2");
    }
    assert!(hits(&mut b, page(0)));
    assert!(!hits(&mut b, page(3)), "way 3");
    assert!(!hits(&mut b, page(0)));
}

#[test]
fn a_leaf_that_permits_nothing_takes_a_way() {
    let mut b = bench();
    for k in 0..4 {
        assert!(!hits(&mut b, page(k)));
    }
    b.map_at(2, 0, 9 << 14, 0, PTE_V | PTE_X | PTE_A);
    assert_eq!(b.cause(page(9)), CAUSE_READ_PAGE);
    assert!(!hits(&mut b, page(0)), "way 0 was taken");
    b.map_at(2, 0, 10 << 14, 0, LEAF & !PTE_A);
    assert_eq!(b.cause(page(10)), CAUSE_READ_PAGE);
    assert!(hits(&mut b, page(2)), "a page fault takes none");
}
