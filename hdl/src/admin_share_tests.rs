//! SCHED_SET, SCHED_GET and MMU_STATS_GET, on the real context memories.

use super::bench::*;
use super::*;
use shoal_abi::cmd;

fn sched(weight: u8, flags: u8, interval: u32, burst: u32) -> Vec<u8> {
    // What is reserved does not count.
    let mut data = vec![weight, flags, 0xff, 0xff];
    data.extend(interval.to_le_bytes());
    data.extend(burst.to_le_bytes());
    data.extend([0xff; 4]);
    data
}

fn shares(weight: u8, paced: u8, interval: u32, burst: u32) -> Answer {
    let mut data = vec![weight, paced, 0, 0];
    data.extend(interval.to_le_bytes());
    data.extend(burst.to_le_bytes());
    data.extend([0; 4]);
    (0, 0, data, 24)
}

#[test]
fn shares_are_read_back_as_they_were_set() {
    let mut b = Bench::new();
    b.use_all();
    assert_eq!(
        b.member(cmd::SCHED_GET, 1, &[]),
        refused(cmd::EINVAL, cmd::Q_INVALID_MEMBER)
    );
    assert_eq!(b.create(1, 2, 1, 0), DONE);
    assert_eq!(b.create(2, 2, 1, 1), DONE);
    let new = shares(cmd::MAX_WEIGHT, 0, 0, 0);
    assert_eq!(b.member(cmd::SCHED_GET, 1, &[]), new);
    let most = cmd::MAX_INTERVAL;
    for (data, want) in [
        (sched(1, 1, 1, 0), shares(1, 1, 1, 0)),
        (sched(8, 1, most, most), shares(8, 1, most, most)),
        // Undefined flags are not kept, and the fields of a pace only with one.
        (sched(3, 0xff, 0x0012_3456, 7), shares(3, 1, 0x0012_3456, 7)),
        (sched(4, 0xfe, u32::MAX, u32::MAX), shares(4, 0, 0, 0)),
        (sched(5, 1, 77, 88), shares(5, 1, 77, 88)),
    ] {
        assert_eq!(b.member(cmd::SCHED_SET, 1, &data), DONE);
        assert_eq!(b.member(cmd::SCHED_GET, 1, &[]), want);
        assert_eq!(b.member(cmd::SCHED_GET, 2, &[]), new);
    }
    // In any state; a reset leaves them, and a device of the same number begins anew.
    b.start(1);
    assert_eq!(b.member(cmd::SCHED_SET, 1, &sched(6, 1, 99, 9)), DONE);
    assert_eq!(b.member(cmd::STATUS_SET, 1, &[0]).0, cmd::OK);
    assert_eq!(b.member(cmd::SCHED_GET, 1, &[]), shares(6, 1, 99, 9));
    assert_eq!(b.member(cmd::DEV_DESTROY, 1, &[]), DONE);
    assert_eq!(b.create(1, 2, 1, 0), DONE);
    assert_eq!(b.member(cmd::SCHED_GET, 1, &[]), new);
}

#[test]
fn shares_that_are_out_of_range_change_nothing() {
    let mut b = Bench::new();
    b.use_all();
    assert_eq!(b.create(1, 2, 1, 0), DONE);
    assert_eq!(b.member(cmd::SCHED_SET, 1, &sched(2, 1, 30, 40)), DONE);
    for data in [
        sched(0, 0, 0, 0),
        sched(9, 0, 0, 0),
        sched(0x18, 1, 1, 1),
        sched(1, 1, 0, 0),
        sched(1, 1, cmd::MAX_INTERVAL + 1, 0),
        sched(1, 1, u32::MAX, 0),
        sched(1, 1, 1, cmd::MAX_INTERVAL + 1),
        sched(1, 1, 1, u32::MAX),
    ] {
        assert_eq!(
            b.member(cmd::SCHED_SET, 1, &data),
            refused(cmd::EINVAL, cmd::Q_INVALID_FIELD)
        );
    }
    assert_eq!(b.member(cmd::SCHED_GET, 1, &[]), shares(2, 1, 30, 40));
    // The member is judged before the fields.
    assert_eq!(
        b.member(cmd::SCHED_SET, 2, &sched(0, 0, 0, 0)),
        refused(cmd::EINVAL, cmd::Q_INVALID_MEMBER)
    );
    assert_eq!(
        b.command(cmd::SCHED_SET, cmd::GROUP_SELF, 1, &sched(1, 0, 0, 0)),
        refused(cmd::EINVAL, cmd::Q_INVALID_OPCODE)
    );
}

#[test]
fn a_new_pace_has_full_credit() {
    let mut b = Bench::new();
    b.use_all();
    assert_eq!(b.create(1, 2, 1, 0), DONE);
    assert_eq!(b.member(cmd::SCHED_SET, 1, &sched(2, 1, 30, 40)), DONE);
    let device = |b: &mut Bench| {
        b.ctx.alone.next = false;
        b.ctx.eng.next = CtxCmd::default();
        b.ctx.dev_at.next = 1u64.into();
        crate::edge!(b.ctx);
        b.ctx.dev.val()
    };
    let before = device(&mut b);
    b.ctx.eng.next = CtxCmd {
        dev_addr: 1u64.into(),
        dev_we: true,
        dev: DevRec {
            tat: 123_456u64.into(),
            ..before
        },
        ..CtxCmd::default()
    };
    crate::edge!(b.ctx);
    assert_eq!(device(&mut b).tat, 123_456u64);
    // One that is refused leaves it.
    let (status, ..) = b.member(cmd::SCHED_SET, 1, &sched(0, 1, 30, 40));
    assert_eq!(status, cmd::EINVAL);
    assert_eq!(device(&mut b).tat, 123_456u64);
    assert_eq!(b.member(cmd::SCHED_SET, 1, &sched(2, 1, 30, 40)), DONE);
    assert!(device(&mut b) == before && before.tat == 0u64);
}

#[test]
fn the_counters_of_the_mmu_are_those_of_the_pick_cycle() {
    let mut b = Bench::new();
    b.use_all();
    for _ in 0..2 {
        let (status, _, counts, len) = b.command(cmd::MMU_STATS_GET, 0, 0, &[]);
        assert_eq!((status, len), (0, 32));
        let field = |n: usize| u32::from_le_bytes(counts[4 * n..4 * n + 4].try_into().unwrap());
        // A command is picked 127 cycles before its effect edge.
        assert_eq!(u64::from(field(0)), b.committed - 127);
        for n in 1..6 {
            assert_eq!(field(n), field(0).wrapping_mul(1 + n as u32), "{n}");
        }
    }
    // No other answer has them.
    let (.., list, _) = b.command(cmd::LIST_QUERY, 0, 0, &[]);
    assert_eq!(list[0..8], cmd::LIST_SELF[0].to_le_bytes());
    assert_eq!(
        b.command(cmd::MMU_STATS_GET, cmd::GROUP_MANAGED, 1, &[]),
        refused(cmd::EINVAL, cmd::Q_INVALID_OPCODE)
    );
}
