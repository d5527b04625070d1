//! §5.1: what is taken when, and what a look-up finds.

use super::*;
use shoal_abi::profile::MID;

#[test]
fn bare_and_off_are_answered_three_cycles_after_the_take() {
    let mut b = Bench::new(&TINY, MODE_BARE);
    let (a, cycles) = b.translate(write(0xffff_1234_5678_9abc));
    assert_eq!(
        (a.cause, a.address, a.user),
        (0, 0xffff_1234_5678_9abc, USER)
    );
    assert_eq!(cycles, 3);
    let off = Request { asid: 9, ..read(0) };
    let (a, cycles) = b.translate(off);
    assert_eq!((a.cause, a.address, a.user), (CAUSE_ASID_OFF, 0, 0));
    assert_eq!(cycles, 3);
    assert_eq!(b.m.outputs().counters, [0, 0, 0, 0, 0, 1]);
}

#[test]
fn pasid_is_zero_unless_it_is_valid() {
    let mut b = Bench::new(&TINY, MODE_BARE);
    b.bind(
        ASID,
        AsidEntry {
            pasid_valid: false,
            ..entry(MODE_BARE)
        },
    );
    assert_eq!(b.translate(read(0)).0.user, 0);
}

#[test]
fn one_look_up_is_taken_a_cycle_in_turn() {
    let mut b = Bench::new(&TINY, MODE_BARE);
    for n in 0..2 {
        for c in [2, 0, 1] {
            b.ask(c, read(n));
        }
    }
    b.run(12);
    let order = [0, 1, 2, 0, 1, 2];
    let taken: Vec<_> = (0..).zip(order).collect();
    assert_eq!(b.taken, taken);
    let answered: Vec<_> = (3..).zip(order).collect();
    assert_eq!(b.answered(), answered);
    assert_eq!(b.count(WAITS), 0, "in every cycle one was taken");

    b.ask(1, read(0));
    b.step();
    b.ask(0, read(0));
    b.ask(2, read(0));
    b.run(2);
    assert_eq!(b.taken[6..], [(12, 1), (13, 2), (14, 0)], "after 1 comes 2");
}

#[test]
fn hits_of_three_page_sizes_are_answered_in_t_plus_3() {
    for (p, mode, top, high) in [
        (&TINY, MODE_SV39, 2, 0xffff_ffe0_0000_0000),
        (&MID, MODE_SV48, 3, 0x7abc_0000_0000),
    ] {
        let mut b = Bench::new(p, mode);
        for (level, size, pa) in [
            (0, 4096, 0xab_cdef_0000),
            (1, MIB2, 0x12_3460_0000),
            (2, GIB, 0x80_4000_0000),
        ] {
            let va = high + (u64::from(level) << 31) + 5 * size;
            b.map_at(top, level, va, pa, LEAF);
            let first = b.translate(read(va + 0x123)).0;
            assert_eq!((first.address, first.user), (pa + 0x123, USER));
            for at in [0, size / 2 + 7, size - 1] {
                let (a, cycles) = b.translate(write(va + at));
                assert_eq!((a.address, a.user, cycles), (pa + at, USER, 3), "{at:#x}");
            }
            assert!(b.reads.is_empty());
            for other in [va - 1, va + size] {
                assert_ne!(b.cause(read(other)), 0, "{other:#x} is another page");
            }
        }
        assert_eq!((b.count(HITS), b.count(MISSES)), (9, 9));
    }
}

#[test]
fn a_leaf_of_level_3_is_walked_to_every_time() {
    let mut b = Bench::new(&TINY, MODE_SV48);
    b.map_at(3, 3, 1 << 39, 1 << 39, LEAF);
    for n in 1..4 {
        let (a, cycles) = b.translate(read((1 << 39) + 0x12_3456_7890));
        assert_eq!((a.address, cycles), ((1 << 39) + 0x12_3456_7890, 6 + 4));
        assert_eq!((b.count(HITS), b.count(MISSES)), (0, n));
    }
}

#[test]
fn an_entry_that_does_not_permit_the_access_is_a_miss() {
    for flags in [LEAF & !PTE_W, LEAF & !PTE_D] {
        let mut b = Bench::new(&TINY, MODE_SV39);
        b.map_at(2, 0, 0x5000, 0x9000, flags);
        assert_eq!(b.cause(read(0x5000)), 0);
        assert_eq!(b.cause(write(0x5000)), CAUSE_WRITE_PAGE, "{flags:#x}");
        assert_eq!(b.reads.len(), 1, "the walk starts at the last table");
        assert_eq!(b.translate(read(0x5000)).1, 3);
        b.map(0x5000, 0x9000);
        assert_eq!(b.cause(write(0x5000)), 0, "faults are not cached");
        assert_eq!(b.translate(write(0x5000)).1, 3);
        assert_eq!(b.count(FAULTS), 1);
    }
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.map_at(2, 0, 0x5000, 0x9000, PTE_V | PTE_X | PTE_A);
    for _ in 0..2 {
        assert_eq!(b.cause(read(0x5000)), CAUSE_READ_PAGE, "X gives no right");
        assert_eq!(b.cause(write(0x5000)), CAUSE_WRITE_PAGE);
    }
    assert_eq!((b.count(HITS), b.count(MISSES)), (0, 4));
}

#[test]
fn addresses_that_are_not_sign_extended_fault_without_a_walk() {
    for (mode, sign) in [(MODE_SV39, 38), (MODE_SV48, 47)] {
        let mut b = Bench::new(&TINY, mode);
        for va in [1 << sign, 1 << 63, u64::MAX << (sign + 1)] {
            let (a, cycles) = b.translate(write(va));
            assert_eq!((a.cause, cycles), (CAUSE_WRITE_PAGE, 3), "{va:#x}");
            assert!(b.reads.is_empty());
        }
        assert_eq!(b.count(MISSES), 0);
        assert_eq!(b.cause(read(u64::MAX << sign)), CAUSE_READ_PAGE);
        assert!(!b.reads.is_empty());
    }
}

#[test]
fn a_binding_counts_from_the_cycle_after_its_edge() {
    for (early, cause) in [(1, CAUSE_NONE), (0, CAUSE_ASID_OFF)] {
        let mut b = Bench::new(&TINY, MODE_OFF);
        b.i.set_asid = Some((ASID, entry(MODE_BARE)));
        b.run(early);
        b.ask(0, read(0x1000));
        b.run(6);
        assert_eq!(b.answers[0].2.cause, cause, "{early}");
    }
}

#[test]
fn an_entry_counts_from_the_cycle_after_eval() {
    // Of a walk taken in 0 the Evals are in 6, 10 and 14; the second finds the last table.
    for (taken, reads) in [(10, 2), (11, 1)] {
        let mut b = Bench::new(&TINY, MODE_SV39);
        b.map(0x5000, 0x9000);
        b.map(0x6000, 0xa000);
        b.ask(0, read(0x5000));
        b.run(taken);
        b.ask(1, read(0x6000));
        b.settle();
        assert_eq!(b.taken, [(0, 0), (taken, 1)]);
        assert_eq!(b.answers[1].2.address, 0xa000);
        assert_eq!(b.reads.iter().filter(|r| r.1 == 1).count(), reads);
    }
}

#[test]
fn no_look_up_is_taken_beyond_the_waiters() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.grants = false;
    for n in 0..12_u64 {
        b.ask(n as usize % 3, read(n * GIB));
    }
    b.run(20);
    let taken: Vec<_> = (0..8).map(|n| (n, n as usize % 3)).collect();
    assert_eq!(b.taken, taken, "one for each of the 8 waiters");
    assert_eq!(b.count(WAITS), 12);
    assert_eq!((b.count(MISSES), b.count(WALKS)), (8, 4));
}

#[test]
fn look_ups_in_the_stages_count_as_waiters() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.bind(5, entry(MODE_BARE));
    b.grants = false;
    for n in 0..7 {
        b.ask(0, read(n * GIB));
    }
    b.run(10);
    assert_eq!(b.taken.len(), 7);
    for _ in 0..3 {
        b.ask(2, Request { asid: 5, ..read(0) });
    }
    b.run(10);
    // Each holds the last waiter in L1 and L2.
    assert_eq!(b.taken[7..], [(10, 2), (13, 2), (16, 2)]);
    assert_eq!(
        b.answered(),
        [(13, 2), (16, 2), (19, 2)],
        "under the misses"
    );
    assert_eq!(b.count(WAITS), 4);
}

#[test]
fn walk_answers_in_the_stages_do_not_count_as_waiters() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.grants = false;
    for n in 0..9 {
        b.ask(0, read(n * GIB));
    }
    b.run(20);
    assert_eq!(b.taken.len(), 8);
    b.grants = true;
    b.step();
    b.grants = false;
    b.run(8);
    // Granted in 20, Eval 23, Done 24: the walk answer is taken, and its waiter is free from 25 on.
    assert_eq!(b.taken[8..], [(25, 0)]);
    assert_eq!(b.answered(), [(27, 0)]);
}

#[test]
fn with_blocking_a_request_waits_for_the_answer_before_it() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.map(0x5000, 0x9000);
    b.i.blocking = true;
    b.ask(0, read(0x5000));
    b.ask(0, read(0x5008));
    b.ask(1, read(0x5010));
    b.settle();
    let taken: Vec<u64> = b.taken.iter().map(|t| t.0).collect();
    let answered: Vec<u64> = b.answers.iter().map(|a| a.0).collect();
    assert_eq!((taken.len(), answered.len()), (3, 3));
    // The answer's own cycle still counts.
    assert_eq!((taken[1], taken[2]), (answered[0] + 1, answered[1] + 1));
}
