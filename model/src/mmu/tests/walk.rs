//! §5.2 and §5.3: where walks start, who joins them, and when they answer.

use super::*;
use shoal_abi::profile::MID;

/// Cycle of the answer of a walk of `reads` reads, taken in cycle 0, that nothing holds up.
fn walked(b: &Bench, reads: u64) -> u64 {
    // L1, L2; Req, the memory, Eval for each read; Done; and three cycles as for any answer.
    3 + reads * (b.latency + 2) + 3
}

#[test]
fn a_walk_reads_one_entry_a_level_and_takes_its_time() {
    for (p, mode, top) in [(&TINY, MODE_SV39, 2), (&MID, MODE_SV48, 3)] {
        let mut b = Bench::new(p, mode);
        let va = 0x3f_8765_4000;
        let last = b.map_at(top, 0, va, 0xab_cdef_0000, LEAF);
        for latency in [2, 5] {
            b.latency = latency;
            b.invalidate(Invalidate::All);
            let (a, cycles) = b.translate(read(va + 0x321));
            assert_eq!(a.address, 0xab_cdef_0321);
            assert_eq!(cycles, walked(&b, u64::from(top) + 1));
            let granted: Vec<_> = b.reads.iter().map(|r| (r.0, r.1)).collect();
            let every: Vec<_> = (0..=u64::from(top))
                .map(|n| (3 + n * (latency + 2), 0))
                .collect();
            assert_eq!(granted, every, "walker 0");
            assert_eq!(b.reads[0].2, ROOT + 8 * (va >> (12 + 9 * top) & 0x1ff));
            assert_eq!(b.addresses().last(), Some(&last));
        }
        assert_eq!((b.count(WALKS), b.count(MISSES)), (2, 2));
    }
}

#[test]
fn walks_start_at_the_lowest_table_that_is_known() {
    let mut b = Bench::new(&TINY, MODE_SV48);
    let va = 0x1234_5678_9000;
    let steps = [
        (va, 4),
        (va ^ 0x1000, 1),
        (va ^ MIB2, 2),
        (va ^ MIB2 ^ 0x1000, 1),
        (va ^ GIB, 4),
        (va ^ (1 << 39), 4),
    ];
    for (va, _) in steps {
        b.map_at(3, 0, va, va & 0xffff_f000, LEAF);
    }
    for (va, reads) in steps {
        let (a, cycles) = b.translate(read(va));
        assert_eq!(a.address, va & 0xffff_f000);
        assert_eq!((b.reads.len() as u64, cycles), (reads, walked(&b, reads)));
    }
    // P0 has four entries, direct mapped: another table in the same place drives out the first.
    let other = va ^ (MIB2 << 2);
    b.map_at(3, 0, other, 0x5000, LEAF);
    b.translate(read(other));
    b.map_at(3, 0, va ^ 0x2000, 0x6000, LEAF);
    let (_, cycles) = b.translate(read(va ^ 0x2000));
    assert_eq!(b.reads.len(), 2, "P1 still knows the table above");
    assert_eq!(cycles, walked(&b, 2));
}

#[test]
fn a_second_miss_joins_the_walk_of_its_page() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.map_at(2, 0, 0x5000, 0x9000, LEAF & !PTE_W);
    b.ask(0, read(0x5010));
    b.ask(1, write(0x5020));
    b.ask(2, read(0x5030));
    b.settle();
    let done = walked(&b, 3);
    assert_eq!(b.reads.len(), 3, "one walk");
    assert_eq!(b.answered(), [(done, 0), (done + 1, 1), (done + 2, 2)]);
    assert_eq!(b.answers[0].2.address, 0x9010);
    assert_eq!(b.answers[1].2.cause, CAUSE_WRITE_PAGE, "judged for each");
    assert_eq!(b.answers[2].2.address, 0x9030);
    assert_eq!(b.m.outputs().counters, [0, 3, 1, 2, 0, 1]);
}

#[test]
fn a_miss_joins_in_eval_but_not_in_done() {
    // The last Eval of three reads is in cycle 14; L2 of a look-up taken in 12 is in the same cycle.
    for (taken, joins) in [(12, true), (13, false)] {
        let mut b = Bench::new(&TINY, MODE_SV39);
        b.map(0x5000, 0x9000);
        b.ask(0, read(0x5000));
        b.run(taken);
        b.ask(1, read(0x5000));
        b.settle();
        assert_eq!(b.taken[1], (taken, 1));
        assert_eq!(b.count(MERGED) == 1, joins);
        let first = walked(&b, 3);
        // The later one starts at the last table, which it found in P0.
        let second = if joins {
            first + 1
        } else {
            taken + walked(&b, 1)
        };
        assert_eq!(b.answered(), [(first, 0), (second, 1)]);
    }
}

#[test]
fn orphans_start_in_order_when_walkers_are_idle() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.latency = 40;
    // Six pages of six root entries without table: one read each, four walkers.
    for n in 0..6 {
        b.ask(0, read(n * GIB));
    }
    b.settle();
    let order: Vec<_> = b.reads.iter().map(|r| (r.1, (r.2 - ROOT) / 8)).collect();
    assert_eq!(
        order,
        [(0, 0), (1, 1), (2, 2), (3, 3), (0, 4), (1, 5)],
        "walker, root entry"
    );
    // Granted in 3; beat in 43, Eval 44, Done 45, Idle 46: placed in it, in Req from 47.
    let granted: Vec<_> = b.reads.iter().map(|r| r.0).collect();
    assert_eq!(granted, [3, 4, 5, 6, 47, 48]);
    assert_eq!((b.count(WALKS), b.count(MERGED)), (6, 0));
}

#[test]
fn an_orphan_joins_a_walk_that_another_orphan_started() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.latency = 40;
    for n in [0, 1, 2, 3, 4, 4] {
        b.ask(0, read(n * GIB));
    }
    b.settle();
    assert_eq!(b.reads.len(), 5);
    assert_eq!((b.count(WALKS), b.count(MERGED)), (5, 1));
    // The head is placed in 46, the one behind it in 47.
    let first = b.answers[4].0;
    assert_eq!(first, 47 + 42 + 3);
    assert_eq!(b.answers[5].0, first + 1);
}

#[test]
fn a_miss_is_placed_before_older_orphans() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.latency = 40;
    for n in 0..5 {
        b.ask(0, read(n * GIB));
    }
    // Walker 0 is Idle in 46; this one is in L2 then.
    b.run(44);
    b.ask(1, read(7 * GIB));
    b.settle();
    assert_eq!(b.taken.last(), Some(&(44, 1)));
    let late: Vec<_> = b.reads[4..]
        .iter()
        .map(|r| (r.0, r.1, (r.2 - ROOT) / 8))
        .collect();
    assert_eq!(late, [(47, 0, 7), (48, 1, 4)]);
}

#[test]
fn the_lowest_walker_asks_and_beats_may_come_in_any_order() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    for n in 0..3 {
        b.map_at(2, 2, n * GIB, n * GIB, LEAF);
    }
    b.grants = false;
    b.latency = 100;
    for c in 0..3 {
        b.ask(c, read(c as u64 * GIB));
    }
    b.run(10);
    b.grants = true;
    b.run(3);
    let granted: Vec<_> = b.reads.iter().map(|r| (r.0, r.1)).collect();
    assert_eq!(granted, [(10, 0), (11, 1), (12, 2)]);
    // All are out; the beats come in 20, 21, 22 for walkers 2, 0, 1.
    for (d, at) in b.due.iter_mut().zip([21, 22, 20]) {
        d.0 = at;
    }
    b.settle();
    // A beat in 20: Eval 21, Done 22, answer 25.
    assert_eq!(b.answered(), [(25, 2), (26, 0), (27, 1)]);
}

#[test]
fn walk_answers_go_before_look_ups_and_the_lowest_walker_first() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.bind(5, entry(MODE_BARE));
    b.latency = 30;
    for n in 0..3 {
        b.map_at(2, 2, n * GIB, n * GIB, LEAF);
        b.ask(0, read(n * GIB));
    }
    b.ask(0, read(2 * GIB + 0x10));
    // Walks 0, 1 and 2 are granted in 3, 4, 5. Hold back the first two: all three are done within three cycles.
    b.run(10);
    for (d, at) in b.due.iter_mut().zip([42, 41, 40]) {
        d.0 = at;
    }
    b.run(32);
    // Done: walker 2 in 42, walker 1 in 43, walker 0 in 44.
    for _ in 0..3 {
        b.ask(1, Request { asid: 5, ..read(0) });
    }
    let waits = b.count(WAITS);
    b.settle();
    let walks: Vec<_> = b.answers[..4].iter().map(|a| (a.0, a.2.address)).collect();
    assert_eq!(
        walks,
        [(45, 2 * GIB), (46, GIB), (47, 0), (48, 2 * GIB + 0x10)]
    );
    assert_eq!(b.taken[4..], [(46, 1), (47, 1), (48, 1)]);
    assert_eq!(b.count(WAITS) - waits, 4);
}

#[test]
fn every_bad_entry_has_its_cause_on_every_level() {
    let mut b = Bench::new(&TINY, MODE_SV48);
    let va = 0x1234_5678_9000;
    let bad_anywhere = [
        0,
        LEAF & !PTE_V,
        LEAF & !PTE_R,
        PTE_V | PTE_W,
        LEAF & !PTE_A,
        LEAF | 1 << 54,
        LEAF | 1 << 63,
        PTE_V | 1 << 60,
    ];
    for level in 0..4 {
        b.next_table = ROOT + 0x1000;
        b.mem.clear();
        for flags in bad_anywhere {
            b.map_at(3, level, va, 0, flags);
            assert_eq!(b.cause(read(va)), CAUSE_READ_PAGE, "{level} {flags:#x}");
            assert_eq!(b.cause(write(va)), CAUSE_WRITE_PAGE, "{level} {flags:#x}");
        }
        if level > 0 {
            b.map_at(3, level, va, 0x1000, LEAF);
            assert_eq!(b.cause(read(va)), CAUSE_READ_PAGE, "misaligned, {level}");
            b.map_at(3, level, va, 0x800 << (9 * level), LEAF);
            assert_eq!(b.cause(read(va)), CAUSE_READ_PAGE, "misaligned, {level}");
        } else {
            b.map_at(3, 0, va, 0x1000, PTE_V);
            assert_eq!(b.cause(read(va)), CAUSE_READ_PAGE, "a table on level 0");
        }
        let at = b.map_at(3, level, va, 0, LEAF);
        b.bad = Some(at);
        assert_eq!(b.cause(write(va)), CAUSE_TABLE_ACCESS);
        assert_eq!(b.cause(read(va)), CAUSE_TABLE_ACCESS);
        b.bad = None;
        assert_eq!(b.translate(read(va)).0.cause, 0, "not cached");
        b.invalidate(Invalidate::Asid(ASID));
    }
}

#[test]
fn beats_that_no_walker_waits_for_are_ignored() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.map(0x5000, 0x9000);
    b.grants = false;
    b.ask(0, read(0x5000));
    let walker = Id::Walker(0).pack(b.p);
    for n in 0..64_u16 {
        let mut i = In {
            requests: [b.asks[0].front().copied(), None, None],
            r: Some(Beat {
                id: n,
                data: [LEAF; DATA_WORDS],
                resp: 0,
            }),
            ..In::default()
        };
        // The walker is in Req from cycle 3 on, and granted in 40 with a beat for it in the same cycle.
        i.granted = n == 40;
        if i.granted {
            i.r = Some(Beat {
                id: walker,
                ..Beat::default()
            });
        }
        if b.m.tick(&i).is_some() {
            b.asks[0].clear();
        }
        let id = (n == 40).then_some(walker);
        b.due.extend(id.map(|id| (0, id, ROOT)));
    }
    b.grants = true;
    b.settle();
    assert_eq!(b.answers.last().map(|a| a.2.address), Some(0x9000));
}
