//! What cannot be gone on with, and what comes late.

use super::*;

/// The first command is good, `spoil` makes a second one, the third is good again.
fn second(spoil: impl FnOnce(&mut Bench)) -> Bench {
    let mut b = Bench::new(&TINY);
    b.command(0);
    spoil(&mut b);
    b.command(2);
    b.run(2000);
    b
}

#[test]
fn a_chain_that_breaks_a_rule_stops_the_queue_once_those_before_it_were_told_of() {
    type Spoil = fn(&mut Bench);
    let broken: [(&str, Spoil); 8] = [
        ("head", |b| b.available(SIZE)),
        ("next", |b| {
            b.desc(DESC + 2 * DESC_BYTES, COMMANDS, 8, DESC_F_NEXT, SIZE);
            b.available(2);
        }),
        ("loop", |b| {
            b.desc(DESC + 2 * DESC_BYTES, COMMANDS, 8, DESC_F_NEXT, 2);
            b.available(2);
        }),
        ("nested", |b| {
            b.desc(DESC + 2 * DESC_BYTES, 0x4000, 16, DESC_F_INDIRECT, 0);
            b.desc(0x4000, 0x4000, 16, DESC_F_INDIRECT, 0);
            b.available(2);
        }),
        ("table", |b| {
            b.desc(DESC + 2 * DESC_BYTES, 0x4004, 16, DESC_F_INDIRECT, 0);
            b.available(2);
        }),
        ("entry read", |b| {
            // The entry before it lies in another word.
            b.bad.push(DRIVER + AVAIL_RING + 4);
            b.command(1);
        }),
        ("descriptor read", |b| {
            b.bad.push(DESC + 2 * DESC_BYTES + 8);
            b.command(1);
        }),
        ("command read", |b| {
            b.bad.push(COMMANDS + 256 + 64);
            b.command(1);
        }),
    ];
    for (name, spoil) in broken {
        let at_once = name == "entry read";
        let b = if at_once {
            // Entries 2 and 3 are in the word that fails: a good command more is before them.
            let mut b = Bench::new(&TINY);
            b.command(0);
            b.desc(DESC + 6 * DESC_BYTES, ANSWERS, ANSWER, DESC_F_WRITE, 0);
            b.available(6);
            spoil(&mut b);
            b.run(2000);
            b
        } else {
            second(spoil)
        };
        let before = 1 + usize::from(at_once);
        assert!(b.faulted, "{name}");
        assert_eq!(
            (b.executed.len(), b.used_idx()),
            (before, before as u16),
            "{name}"
        );
        assert_eq!(
            b.raised.last(),
            Some(&(1 << 2)),
            "{name}: the config vector"
        );
        assert!(b.q.quiet(), "{name}");
    }
}

#[test]
fn a_readable_descriptor_behind_a_writable_one_stops_the_queue_when_the_answer_gets_there() {
    let b = second(|b| {
        b.desc(
            DESC + 2 * DESC_BYTES,
            ANSWERS,
            4,
            DESC_F_WRITE | DESC_F_NEXT,
            3,
        );
        b.desc(DESC + 3 * DESC_BYTES, COMMANDS, 8, 0, 0);
        b.available(2);
    });
    assert!(b.faulted);
    assert_eq!(b.executed.len(), 2);
}

#[test]
fn a_failed_write_stops_the_queue_and_nothing_behind_it_is_told() {
    for at in [ANSWERS + 256, DEVICE & !7, (DEVICE + USED_RING) & !7] {
        let mut b = Bench::new(&TINY);
        b.bad.push(at);
        b.command(0);
        b.command(1);
        b.run(2000);
        assert!(b.faulted, "{at:#x}");
        let told = u16::from(at == ANSWERS + 256 && b.used_idx() == 1);
        assert!(at == DEVICE & !7 || b.used_idx() == told, "{at:#x}");
        assert!(!b.raised.is_empty() && b.raised.last() == Some(&(1 << 2)));
    }
}

#[test]
fn more_entries_than_the_ring_has_stop_the_queue() {
    let mut b = Bench::new(&TINY);
    b.put(DRIVER + AVAIL_IDX, &(SIZE + 1).to_le_bytes());
    b.run(100);
    assert!(b.faulted && b.executed.is_empty());
}

#[test]
fn what_comes_while_the_queue_is_not_live_is_dropped_and_counted() {
    let mut b = Bench::new(&TINY);
    b.latency = 100;
    for n in 0..4 {
        b.command(n);
    }
    b.run(300);
    assert!(!b.reads.is_empty() && !b.q.quiet());
    b.regs.status |= S_NEEDS_RESET;
    let under_way = b.reads.len();
    assert!(b.q.read_request(&b.regs).is_none());
    while !b.q.quiet() {
        b.tick();
    }
    assert!(b.reads.is_empty() && b.writes.is_empty() && under_way > 0);
    // As after a reset: the ring begins anew.
    b.regs.status = S_DRIVER_OK;
    (b.avail, b.core) = (0, Core::Idle);
    b.executed.clear();
    b.command(0);
    b.run(1500);
    assert_eq!(
        (b.executed.len(), b.used_idx(), b.used(0)),
        (1, 1, (0, ANSWER as u32))
    );
}

#[test]
fn a_step_is_dropped_if_the_queue_stops_before_its_effects() {
    let mut b = Bench::new(&TINY);
    b.run(3);
    b.regs.status |= S_NEEDS_RESET;
    b.tick();
    b.regs.status = S_DRIVER_OK;
    for _ in 0..20 {
        b.tick();
    }
    assert!(b.read_at.is_empty(), "picked in 0, not live in 3");
}
