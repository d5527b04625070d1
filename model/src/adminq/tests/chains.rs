//! What chains look like: pieces, indirect tables, little room, none.

use super::*;

/// The bytes of a command that differ all.
fn bytes() -> [u8; COMMAND_BYTES] {
    std::array::from_fn(|n| n as u8 + 1)
}

#[test]
fn command_and_answer_come_in_pieces_from_anywhere() {
    for p in [&TINY, &MID] {
        let mut b = Bench::new(p);
        let cuts = [3, 0, 17, 60, 70];
        let all = bytes();
        let (mut at, mut n) = (0, 0_u16);
        for len in cuts {
            let addr = COMMANDS + 128 * u64::from(n) + 5;
            let there = &all[at..(at + len).min(COMMAND_BYTES)];
            b.put(addr, there);
            b.desc(
                DESC + DESC_BYTES * u64::from(n),
                addr,
                len,
                DESC_F_NEXT,
                n + 1,
            );
            (at, n) = (at + len, n + 1);
        }
        for (len, flags) in [(5, DESC_F_NEXT), (0, DESC_F_NEXT), (100, 0)] {
            let addr = ANSWERS + 256 * u64::from(n) + 3;
            b.desc(
                DESC + DESC_BYTES * u64::from(n),
                addr,
                len,
                flags | DESC_F_WRITE,
                n + 1,
            );
            n += 1;
        }
        b.available(0);
        b.run(1500);
        assert_eq!(b.executed.len(), 1, "{}", p.name);
        assert_eq!(b.executed[0].0, all);
        let first = ANSWERS + 256 * 5 + 3;
        assert_eq!(b.get(first, 6), [&all[..5], &[0]].concat());
        let rest = b.get(first + 512, ANSWER - 5 + 1);
        assert_eq!(rest, [&all[5..ANSWER], &[0]].concat());
        assert_eq!((b.used_idx(), b.used(0)), (1, (0, ANSWER as u32)));
    }
}

#[test]
fn bytes_that_a_chain_does_not_bring_are_zero_also_in_a_slot_used_before() {
    let mut b = Bench::new(&TINY);
    for n in 0..4 {
        b.command(n);
    }
    b.run(2000);
    b.put(COMMANDS, &[9; 10]);
    b.desc(DESC, COMMANDS, 10, DESC_F_NEXT, 1);
    b.desc(DESC + DESC_BYTES, ANSWERS, 4, DESC_F_WRITE, 0);
    b.available(0);
    b.run(600);
    let mut short = [0; COMMAND_BYTES];
    short[..10].fill(9);
    assert_eq!((b.executed.len(), b.executed[4].0), (5, short));
    assert_eq!(
        (b.used_idx(), b.used(4)),
        (5, (0, 4)),
        "all that there is room for"
    );
}

#[test]
fn an_indirect_table_is_a_chain_of_its_own() {
    let mut b = Bench::new(&TINY);
    let table = 0x4008;
    b.put(COMMANDS, &bytes());
    b.desc(
        DESC + 3 * DESC_BYTES,
        table,
        2 * DESC_BYTES as usize,
        DESC_F_INDIRECT,
        0,
    );
    b.desc(table, COMMANDS, COMMAND_BYTES, DESC_F_NEXT, 1);
    b.desc(table + DESC_BYTES, ANSWERS, ANSWER, DESC_F_WRITE, 0);
    b.available(3);
    b.run(600);
    assert_eq!(b.executed[0].0, bytes());
    assert_eq!((b.used_idx(), b.used(0)), (1, (3, ANSWER as u32)));
}

#[test]
fn a_command_without_room_for_an_answer_is_passed_over() {
    let mut b = Bench::new(&TINY);
    b.command(0);
    b.desc(DESC + 2 * DESC_BYTES, COMMANDS, COMMAND_BYTES, 0, 0);
    b.available(2);
    b.command(2);
    b.run(1500);
    assert_eq!((b.used_idx(), b.used(1), b.executed.len()), (3, (2, 0), 2));
    assert_eq!(b.executed[1].0, [3; COMMAND_BYTES]);
}

#[test]
fn a_passed_over_command_does_not_end_the_answer_of_the_next() {
    let mut b = Bench::new(&TINY);
    b.exec = 5;
    b.command(0);
    b.desc(DESC + 2 * DESC_BYTES, COMMANDS, COMMAND_BYTES, 0, 0);
    b.available(2);
    b.command(2);
    b.regs.admin_kick = true;
    // The used element of the first command holds the writer up, and the mark of the second behind it.
    while b.executed.is_empty() || b.core != Core::Idle {
        b.tick();
    }
    b.stalled = true;
    for _ in 0..300 {
        b.tick();
    }
    assert_eq!((b.executed.len(), b.core), (2, Core::Scatter));
    b.stalled = false;
    b.run(1000);
    assert_eq!(
        (b.executed.len(), b.used_idx(), b.used(2)),
        (2, 3, (4, ANSWER as u32))
    );
    assert_eq!(b.get(ANSWERS + 512, ANSWER), [3; ANSWER]);
}
