//! Many commands at a time, and when what happens.

use super::*;

#[test]
fn a_step_takes_four_cycles_and_the_reader_two_before_it_asks() {
    let mut b = Bench::new(&TINY);
    b.run(1);
    assert!(!b.regs.admin_kick, "taken at the pick edge");
    for _ in 1..8 {
        b.tick();
    }
    // Picked in 0, the job pushed at the end of 3, popped in 4.
    assert_eq!(b.read_at, [(DRIVER, 5)]);
}

#[test]
fn commands_are_executed_in_order_while_others_are_read() {
    for p in [&TINY, &MID] {
        let mut b = Bench::new(p);
        for n in 0..4 {
            b.command(n);
        }
        b.run(2000);
        assert_eq!((b.used_idx(), b.counted, b.faulted), (4, 4, false));
        for n in 0..4_u16 {
            let bytes = [n as u8 + 1; COMMAND_BYTES];
            assert_eq!(b.executed[usize::from(n)].0, bytes);
            assert_eq!(b.used(n), (u32::from(2 * n), ANSWER as u32));
            let answer = ANSWERS + 256 * u64::from(n);
            assert_eq!(b.get(answer, ANSWER + 1), [&bytes[..ANSWER], &[0]].concat());
        }
        let asked = |addr| b.read_at.iter().find(|r| r.0 == addr).map(|r| r.1);
        let last = asked(COMMANDS + 256 * 3).expect("read");
        assert!(last < b.executed[0].1 + u64::from(b.exec), "{last}");
        assert!(b.q.quiet());
        assert!(!b.raised.is_empty() && b.raised.iter().all(|v| *v == 1 << 1));
    }
}

#[test]
fn no_more_commands_are_read_than_there_are_slots() {
    let mut b = Bench::new(&TINY);
    b.exec = u32::MAX;
    // Chains of one descriptor: more of them than slots fit the table.
    for n in 0..SIZE {
        let at = DESC + DESC_BYTES * u64::from(n);
        b.desc(at, ANSWERS + 256 * u64::from(n), ANSWER, DESC_F_WRITE, 0);
        b.available(n);
    }
    b.run(1000);
    let entries = b.read_at.iter().filter(|r| r.0 >= DESC && r.0 < DRIVER);
    assert_eq!(entries.count(), 2 * TINY.admin_slots);
    assert_eq!((b.executed.len(), b.used_idx()), (1, 0));
}

#[test]
fn a_slot_is_used_again_once_the_driver_was_told() {
    let mut b = Bench::new(&TINY);
    for n in 0..20 {
        b.command(n);
        if n % 4 == 3 {
            b.run(2000);
            assert_eq!(b.used_idx(), n + 1);
        }
    }
    assert_eq!((b.executed.len(), b.counted), (20, 20));
    assert_eq!(b.executed[19].0, [20; COMMAND_BYTES]);
}

#[test]
fn a_driver_that_wants_no_interrupt_gets_none() {
    let mut b = Bench::new(&TINY);
    b.put(DRIVER, &AVAIL_F_NO_INTERRUPT.to_le_bytes());
    b.command(0);
    b.run(600);
    assert_eq!((b.used_idx(), b.raised.len()), (1, 0));
}

#[test]
fn a_command_begins_only_when_the_answer_before_has_been_taken() {
    let mut b = Bench::new(&TINY);
    (b.exec, b.latency) = (0, 3);
    for n in 0..4 {
        b.command(n);
    }
    b.regs.admin_kick = true;
    let mut begun = 0;
    for _ in 0..1500 {
        b.stalled = !b.cycle.is_multiple_of(50);
        b.tick();
        if b.executed.len() > begun {
            // Three words each, one in 50 cycles.
            let answers = (0..4).map(|n| b.get(ANSWERS + 256 * n, ANSWER));
            let whole = answers.filter(|a| a.iter().all(|b| *b != 0)).count();
            assert_eq!(whole, begun, "cycle {}", b.cycle);
            begun = b.executed.len();
        }
    }
    assert_eq!(begun, 4);
}
