//! §5.4: how long an invalidation takes, what it drops, and what it waits for.

use super::*;
use shoal_abi::profile::MID;

const BARE: u32 = 5;

fn bare() -> Request {
    Request {
        asid: BARE,
        ..read(0)
    }
}

/// ASID 3 with pages 5 and 6 in the IOTLB and an ASID that is bare; an invalidation takes effect at the end of cycle 0
/// of the test.
fn invalidating(what: Invalidate) -> Bench {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.bind(BARE, entry(MODE_BARE));
    for page in [5, 6] {
        b.map(page << 12, page << 16);
        b.translate(read(page << 12));
    }
    b.settle();
    b.restart();
    b.i.invalidate = Some(what);
    b.step();
    b
}

/// The cycle of InvDone, from now on.
fn done(b: &mut Bench) -> u64 {
    for _ in 0..500 {
        if b.step().flips {
            return b.cycle - 1;
        }
    }
    panic!("the invalidation does not end");
}

#[test]
fn each_state_takes_its_cycles() {
    for (p, flush) in [(&TINY, 4), (&MID, 128)] {
        let mut b = Bench::new(p, MODE_SV39);
        // Idle, Gen, Bump, Flip, Drain, Done.
        assert_eq!(b.invalidate(Invalidate::Asid(ASID)), 6);
        assert!(b.m.outputs().idle);
        // Idle, Flush, Flip, Drain, Done.
        assert_eq!(b.invalidate(Invalidate::All), 4 + flush);
    }
}

#[test]
fn nothing_is_taken_in_gen() {
    // In Gen (cycle 2) of the invalidation of an ASID; one of everything has no Gen.
    for (what, taken) in [(Invalidate::Asid(ASID), 3), (Invalidate::All, 2)] {
        let mut b = invalidating(what);
        b.run(1);
        b.ask(0, bare());
        let waits = b.count(WAITS);
        b.settle();
        assert_eq!(b.taken, [(taken, 0)]);
        assert_eq!(b.answered(), [(taken + 3, 0)]);
        assert_eq!(u64::from(b.count(WAITS) - waits), taken - 2);
    }
}

#[test]
fn a_walk_answer_waits_for_gen_to_pass() {
    // One read from P0, taken in cycle 0: Done in 7. Gen is two cycles after the one with the effect edge.
    for (effect, answered) in [(4, 10), (5, 11), (6, 10)] {
        let mut b = Bench::new(&TINY, MODE_SV39);
        b.map(0x5000, 0x9000);
        b.map(0x6000, 0xa000);
        b.translate(read(0x5000));
        b.settle();
        b.restart();
        b.ask(2, read(0x6000));
        b.run(effect);
        b.i.invalidate = Some(Invalidate::Asid(1));
        b.settle();
        assert_eq!(b.answered(), [(answered, 2)], "{effect}");
    }
}

#[test]
fn a_generation_hides_its_asid_from_the_cycle_after_bump() {
    for (cycle, hit) in [(1, true), (3, true), (4, false), (5, false)] {
        let mut b = invalidating(Invalidate::Asid(ASID));
        b.run(cycle - 1);
        b.ask(1, read(0x5123));
        b.settle();
        assert_eq!(b.taken, [(cycle, 1)]);
        assert_eq!(b.answers[0].2.address, 0x5_0123);
        assert_eq!(b.reads.is_empty(), hit, "{cycle}");
        assert!(hit || b.reads.len() == 3, "the walk caches are hidden too");
    }
}

#[test]
fn a_flush_hides_everything_from_its_first_cycle() {
    // Flush is in cycles 2 to 5, Flip in 6.
    for (cycle, hit) in [(1, true), (2, false), (3, false), (5, false), (6, false)] {
        let mut b = invalidating(Invalidate::All);
        b.run(cycle - 1);
        b.ask(1, read(0x6123));
        b.settle();
        assert_eq!(b.taken, [(cycle, 1)]);
        assert_eq!(b.reads.is_empty(), hit, "{cycle}");
        assert!(hit || b.reads.len() == 3, "the walk caches are hidden too");
    }
}

#[test]
fn other_address_spaces_keep_their_entries() {
    let mut b = invalidating(Invalidate::Asid(BARE));
    done(&mut b);
    assert_eq!(b.translate(read(0x5000)).1, 3);
    b.invalidate(Invalidate::All);
    assert_ne!(b.translate(read(0x5000)).1, 3);
}

#[test]
fn a_generation_that_wraps_flushes_everything() {
    let mut b = invalidating(Invalidate::Asid(9));
    done(&mut b);
    for _ in 2..8 {
        assert_eq!(b.invalidate(Invalidate::Asid(9)), 6);
        assert_eq!(b.translate(read(0x5000)).1, 3);
    }
    // Three bits: the eighth is 0 again, and there are 4 sets.
    assert_eq!(b.invalidate(Invalidate::Asid(9)), 6 + 4);
    b.translate(read(0x5000));
    assert_eq!(b.reads.len(), 3);
    assert_eq!(b.invalidate(Invalidate::Asid(9)), 6);
}

#[test]
fn drain_waits_for_answers_of_the_old_epoch() {
    // Flip is in cycle 4. What is taken up to then is answered before Drain ends, what is taken later is not waited for.
    for (taken, end) in [(1, 6), (3, 8), (4, 9), (5, 6)] {
        let mut b = invalidating(Invalidate::Asid(ASID));
        b.run(taken - 1);
        b.ask(0, bare());
        assert_eq!(done(&mut b), end, "{taken}");
        assert_eq!(b.taken, [(taken, 0)]);
    }
}

#[test]
fn drain_waits_for_waiters_while_others_go_on() {
    let mut b = invalidating(Invalidate::Asid(ASID));
    b.grants = false;
    b.map(0x7000, 0x9000);
    b.ask(0, read(0x7000));
    b.run(50);
    assert!(b.m.outputs().pending);
    // The same page again: another epoch, another walk. And hits of what needs none.
    b.ask(1, read(0x7010));
    b.ask(2, bare());
    b.run(5);
    assert_eq!(b.answered(), [(54 + 1, 2)]);
    assert_eq!((b.count(WALKS), b.count(MERGED)), (4, 0));
    b.grants = true;
    let end = done(&mut b);
    let answer = b.answers.iter().find(|a| a.1 == 0).expect("answered");
    assert_eq!(answer.2.address, 0x9000);
    assert_eq!(end, answer.0 + 2, "Drain sees it a cycle later");
    b.settle();
    assert_eq!(b.answers.last().map(|a| a.2.address), Some(0x9010));
    // The walk of the old epoch was walker 0 and has left nothing; that of the new one has.
    b.map(0x8000, 0xa000);
    b.translate(read(0x8000));
    assert_eq!(b.reads.len(), 1);
    assert_eq!(b.translate(read(0x7000)).1, 3);
}

#[test]
fn what_a_walk_of_the_old_epoch_finds_is_not_kept() {
    // Three reads; the last Eval moves through Flush, Flip, Drain and beyond.
    for latency in 0..12 {
        let mut b = Bench::new(&TINY, MODE_SV39);
        b.map(0x5000, 0x9000);
        b.latency = 2;
        b.ask(0, read(0x5000));
        b.run(9 - latency / 2);
        b.latency = 2 + latency;
        b.i.invalidate = Some(Invalidate::All);
        let end = done(&mut b);
        b.settle();
        assert_eq!(b.answers[0].2.address, 0x9000);
        assert!(b.answers[0].0 < end);
        b.latency = 2;
        b.translate(read(0x5000));
        assert_eq!(b.reads.len(), 3, "{latency}");
    }
}

#[test]
fn what_a_walk_of_the_new_epoch_finds_is_kept_in_drain() {
    let mut b = invalidating(Invalidate::Asid(ASID));
    b.latency = 60;
    b.map_at(2, 2, GIB, GIB, LEAF);
    b.ask(0, read(2 * GIB));
    b.run(10);
    b.latency = 2;
    b.ask(1, read(GIB));
    b.run(20);
    assert!(b.m.outputs().pending && b.answered().len() == 1);
    b.ask(1, read(GIB + 0x1234));
    b.run(4);
    assert_eq!(b.answered()[1], (31 + 3, 1));
    assert!(b.m.outputs().pending);
    b.settle();
}

#[test]
fn an_epoch_goes_round_many_times() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.map(0x5000, 0x9000);
    for n in 0..40 {
        b.i.invalidate = Some(match n % 3 {
            0 => Invalidate::All,
            _ => Invalidate::Asid(ASID),
        });
        b.ask(n % 3, read(0x5000));
        done(&mut b);
        b.settle();
        b.translate(read(0x5000));
        assert_eq!(b.answers[0].2.address, 0x9000);
    }
}

#[test]
fn asid_set_leaves_entries_alone() {
    let mut b = invalidating(Invalidate::Asid(BARE));
    done(&mut b);
    b.settle();
    b.bind(
        ASID,
        AsidEntry {
            pasid: 0x77,
            ..entry(MODE_SV48)
        },
    );
    let (a, cycles) = b.translate(read(0x5000));
    assert_eq!(
        (a.address, a.user, cycles),
        (0x5_0000, USER_PASID_VALID | 0x77, 3)
    );
}

#[test]
fn idle_means_that_nothing_is_under_way() {
    let mut b = Bench::new(&TINY, MODE_SV39);
    b.ask(0, read(0));
    let busy: Vec<bool> = (0..12).map(|_| !b.step().idle).collect();
    let answer = b.answers[0].0;
    for (cycle, busy) in (0..).zip(busy) {
        assert_eq!(busy, cycle > 0 && cycle <= answer, "cycle {cycle}");
    }
}

#[test]
fn a_reset_forgets_what_is_under_way() {
    let mut b = invalidating(Invalidate::All);
    b.grants = false;
    for c in 0..3 {
        b.ask(c, read(c as u64 * GIB));
    }
    b.run(4);
    b.i.reset = true;
    b.asks = Default::default();
    b.step();
    assert_eq!(
        b.m.outputs(),
        Out {
            idle: true,
            ..Out::default()
        }
    );
    b.run(10);
    assert!(b.answers.is_empty());
    b.grants = true;
    b.m.tick(&In {
        swept: true,
        ..In::default()
    });
    b.bind(ASID, entry(MODE_SV39));
    for c in [2, 0] {
        b.ask(c, read(0x5000));
    }
    b.settle();
    assert_eq!(b.taken, [(0, 0), (1, 2)]);
    assert_eq!((b.reads.len(), b.reads[0].1), (3, 0));
}
