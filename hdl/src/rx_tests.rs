//! Tests of the receive mover.

use super::*;
use std::collections::{BTreeMap, VecDeque};

use shoal_abi::{mmu, stream};

use crate::util::{assert_lint_clean, number, settle};

#[test]
fn rx_lints_clean() {
    assert_lint_clean("rx_64", Rx::<64, 8, 6, 3, 3, 8, 3, 4, 16, 7>::default());
    assert_lint_clean("rx_128", Rx::<128, 16, 8, 5, 5, 32, 5, 6, 64, 9>::default());
    assert_lint_clean(
        "rx_512",
        Rx::<512, 64, 12, 8, 7, 128, 7, 8, 256, 11>::default(),
    );
}

/// A packet: its bytes, whether it is an answer, whose it is.
#[derive(Clone)]
struct Packet {
    data: Vec<u8>,
    answer: bool,
    to: Option<u64>,
    /// A beat without bytes comes behind it.
    empty_tail: bool,
}

/// An op of a slot.
#[derive(Clone, Copy)]
enum Op {
    Discard,
    /// va, len, end.
    Data(u64, u64, bool),
}

/// What surrounds the mover.
#[derive(Clone, Copy)]
struct World {
    /// Most cycles that a translation takes more than 3; answers come in any order.
    mmu_wait: u64,
    /// Cycles from the last beat of a burst to its response.
    b_wait: u64,
    /// Of 8 cycles so many have a beat of the stream, a beat taken, a grant.
    pace: u64,
    /// Cycles from a header to its entry in the order FIFO.
    order_wait: u64,
    /// Addresses here and above do not translate.
    fault_from: u64,
    /// Bursts here and above come with a bad response.
    bad_from: u64,
    /// The core takes no result before this cycle.
    busy_until: u64,
}

const READY: World = World {
    mmu_wait: 0,
    b_wait: 3,
    pace: 8,
    order_wait: 7,
    fault_from: u64::MAX,
    bad_from: u64::MAX,
    busy_until: 0,
};

/// Slot, bytes, ended, cause, iova.
type Done = (u64, u64, bool, u32, u64);

/// What came out.
#[derive(Default, PartialEq, Debug)]
struct Seen {
    memory: BTreeMap<u64, u8>,
    /// Address, beats.
    bursts: Vec<(u64, u64)>,
    done: Vec<Done>,
}

/// What has to come out: the contract, packet by packet.
fn expected(packets: &[Packet], ops: &[(u64, Op)], world: World, bus: u64) -> Seen {
    let mut seen = Seen::default();
    let mut queues: BTreeMap<u64, VecDeque<Op>> = BTreeMap::new();
    for &(slot, op) in ops {
        queues.entry(slot).or_default().push_back(op);
    }
    for p in packets {
        let Some(slot) = p.to else { continue };
        let mut data = p.data.clone();
        if !p.answer {
            for (n, v) in [(10, 1), (11, 0)] {
                if let Some(b) = data.get_mut(n) {
                    *b = v;
                }
            }
        }
        let (mut at, mut skip, mut ended) = (0, false, false);
        let mut fault = (0, 0);
        while !ended {
            let op = queues.get_mut(&slot).and_then(VecDeque::pop_front);
            let mut sum = 0;
            match op.expect("an op") {
                Op::Discard => ended = true,
                Op::Data(mut va, len, end) => {
                    let mut rem = len;
                    while rem > 0 && at < data.len() {
                        let n = rem.min(256 - va % 256).min((data.len() - at) as u64);
                        if va >= world.fault_from {
                            skip = true;
                            if fault.0 == 0 {
                                fault = (mmu::CAUSE_WRITE_PAGE, va);
                            }
                        } else if !skip {
                            if va >= world.bad_from && fault.0 == 0 {
                                fault = (mmu::CAUSE_WRITE_ACCESS, va);
                            }
                            for i in 0..n {
                                seen.memory.insert(va + i, data[at + i as usize]);
                            }
                            seen.bursts
                                .push((va / bus * bus, (va % bus + n).div_ceil(bus)));
                        }
                        (va, rem, sum, at) = (va + n, rem - n, sum + n, at + n as usize);
                    }
                    ended = end || at == data.len();
                }
            }
            seen.done
                .push((slot, sum, ended, u32::from(fault.0), fault.1));
            fault = (0, 0);
        }
    }
    seen
}

/// Cycles in which beats were taken, and cycles in all.
type Times = (Vec<u64>, u64);

/// Runs the mover until it is idle again; the epoch changes all the time, and both counts must come back to 0.
fn run<
    const W: usize,
    const WB: usize,
    const BA: usize,
    const PA: usize,
    const IA: usize,
    const NI: usize,
    const EA: usize,
    const SW: usize,
    const NS: usize,
    const OA: usize,
>(
    mut rx: Rx<W, WB, BA, PA, IA, NI, EA, SW, NS, OA>,
    packets: &[Packet],
    ops: &[(u64, Op)],
    world: World,
) -> (Seen, Times) {
    rx.connect_all();
    rx.reset.next = true;
    crate::edge!(rx);
    rx.reset.next = false;
    let mut seed = 99_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    // Beats: packet, bytes, last.
    let mut beats: VecDeque<(usize, Vec<u8>, bool)> = VecDeque::new();
    for (n, p) in packets.iter().enumerate() {
        let all: Vec<_> = p.data.chunks(WB).collect();
        for (i, b) in all.iter().enumerate() {
            beats.push_back((n, b.to_vec(), i + 1 == all.len() && !p.empty_tail));
        }
        if p.empty_tail || all.is_empty() {
            beats.push_back((n, Vec::new(), true));
        }
    }
    let user = |n: usize| stream::TUSER_ANSWER.put(u64::from(packets[n].answer)) | n as u64;
    let mut ops: VecDeque<_> = ops.iter().copied().collect();
    let mut held = vec![0_usize; NS];
    let mut heads = 0;
    let mut orders: VecDeque<(u64, Option<u64>)> = VecDeque::new();
    let mut asked: Vec<(u64, MmuReq)> = Vec::new();
    let mut load: Option<(u64, u64, bool)> = None;
    let mut responses: VecDeque<(u64, bool)> = VecDeque::new();
    let mut counts = [0_i64; 2];
    let mut seen = Seen::default();
    let mut times = Vec::new();
    for n in 0..30_000_u64 {
        settle(&mut rx);
        let over = beats.is_empty() && heads == packets.len() && orders.is_empty();
        if over && rx.idle.val() {
            assert_eq!(counts, [0, 0], "every access that started has ended");
            assert!(ops.is_empty() && responses.is_empty() && load.is_none());
            return (seen, (times, n));
        }
        rx.epoch.next = n % 11 > 5;
        // Stream.
        rx.s_axis_tvalid.next = false;
        if random(8) < world.pace && !beats.is_empty() {
            let (p, bytes, last) = &beats[0];
            rx.s_axis_tvalid.next = true;
            // What tkeep does not cover is anything.
            let mut data: Bits<W> = crate::util::ones();
            let mut keep: Bits<WB> = 0.into();
            for (i, b) in bytes.iter().enumerate() {
                keep = keep.replace_bit(i, true);
                for k in 0..8 {
                    data = data.replace_bit(8 * i + k, b >> k & 1 == 1);
                }
            }
            rx.s_axis_tdata.next = data;
            rx.s_axis_tkeep.next = keep;
            rx.s_axis_tlast.next = *last;
            rx.s_axis_tdest.next = (3 + *p as u64).into();
            rx.s_axis_tid.next = (5 + *p as u64).into();
            rx.s_axis_tuser.next = user(*p).into();
        }
        // Core: headers, order, ops, results.
        rx.head_pop.next = rx.head_valid.val();
        if rx.head_valid.val() {
            let head = rx.head.val();
            assert_eq!(number(head.dest), 3 + heads as u128);
            assert_eq!(number(head.tid), 5 + heads as u128);
            assert_eq!(number(head.tuser) as u64, user(heads));
            orders.push_back((n + world.order_wait, packets[heads].to));
            heads += 1;
        }
        rx.order_push.next = orders.front().is_some_and(|o| o.0 <= n);
        if rx.order_push.next {
            let (_, to) = orders.pop_front().unwrap();
            rx.order_none.next = to.is_none();
            rx.order_slot.next = to.unwrap_or(0).into();
        }
        rx.op_push.next = ops.front().is_some_and(|o| held[o.0 as usize] < 8);
        if rx.op_push.next {
            let (slot, op) = ops.pop_front().unwrap();
            held[slot as usize] += 1;
            rx.op_slot.next = slot.into();
            rx.op.next = match op {
                Op::Discard => RxOp {
                    discard: true,
                    ..RxOp::default()
                },
                Op::Data(va, len, end) => RxOp {
                    asid: 7u64.into(),
                    va: va.into(),
                    len: len.into(),
                    end,
                    ..RxOp::default()
                },
            };
        }
        rx.done_pop.next = rx.done_valid.val() && n >= world.busy_until;
        if rx.done_pop.next {
            let d = rx.done.val();
            seen.done.push((
                number(d.slot) as u64,
                number(d.bytes) as u64,
                d.ended,
                number(d.cause) as u32,
                number(d.iova) as u64,
            ));
        }
        // MMU.
        rx.mmu_taken.next = false;
        rx.mmu_rsp_valid.next = false;
        if let Some(i) = asked.iter().position(|&(at, _)| at <= n) {
            let (_, req) = asked.remove(i);
            let va = number(req.va) as u64;
            rx.mmu_rsp_valid.next = true;
            rx.mmu_rsp.next = MmuRsp {
                tag: req.tag,
                addr: va.into(),
                ..MmuRsp::default()
            };
            if va >= world.fault_from {
                rx.mmu_rsp.next.cause = u64::from(mmu::CAUSE_WRITE_PAGE).into();
                rx.mmu_rsp.next.addr = 0u64.into();
            }
        }
        if rx.mmu_req_valid.val() {
            assert!(rx.mmu_req.val().write && number(rx.mmu_req.val().asid) == 7);
            rx.mmu_taken.next = true;
            asked.push((n + 3 + random(world.mmu_wait + 1), rx.mmu_req.val()));
        }
        // W and B.
        rx.b_valid.next = responses.front().is_some_and(|r| r.0 <= n);
        if rx.b_valid.next {
            rx.b_bad.next = responses.pop_front().unwrap().1;
        }
        rx.w_beat_take.next = load.is_some() && random(8) < world.pace;
        settle(&mut rx);
        if rx.s_axis_tvalid.val() && rx.s_axis_tready.val() {
            beats.pop_front();
        }
        if let (true, Some((a, left, bad))) = (rx.w_beat_take.next, load) {
            times.push(n);
            let (strb, data) = (rx.w_beat_strb.val(), rx.w_beat_data.val());
            for i in 0..WB {
                let byte = (0..8).fold(0, |b, k| b | u8::from(data.get_bit(8 * i + k)) << k);
                if strb.get_bit(i) {
                    assert_eq!(seen.memory.insert(a + i as u64, byte), None);
                } else {
                    assert_eq!(byte, 0);
                }
            }
            load = (left > 1).then_some((a + WB as u64, left - 1, bad));
            if left == 1 {
                responses.push_back((n + world.b_wait, bad));
            }
        }
        rx.w_grant.next = rx.w_req.val() && load.is_none() && random(8) < world.pace;
        if rx.w_grant.next {
            let a = number(rx.w_addr.val()) as u64;
            let len = number(rx.w_len.val()) as u64 + 1;
            assert_eq!(a % WB as u64, 0);
            load = Some((a, len, a >= world.bad_from));
            seen.bursts.push((a, len));
        }
        settle(&mut rx);
        for (up, epoch, step) in [
            (rx.start.val(), rx.epoch.val(), 1),
            (rx.end_b.val(), rx.end_b_epoch.val(), -1),
            (rx.skip.val(), rx.skip_epoch.val(), -1),
        ] {
            counts[usize::from(epoch)] += i64::from(up) * step;
        }
        assert!(counts[0] >= 0 && counts[1] >= 0, "{counts:?}");
        if rx.cut.op_pop.val() {
            held[number(rx.cut.slot_next.val()) as usize] -= 1;
        }
        crate::edge!(rx);
    }
    panic!("not idle: {seen:x?}");
}

/// `bytes` bytes for slot `to`.
fn packet(bytes: usize, to: u64) -> Packet {
    Packet {
        data: (0..bytes).map(|n| (n * 5 + bytes + 1) as u8).collect(),
        answer: bytes % 2 == 1,
        to: Some(to),
        empty_tail: false,
    }
}

/// The packets go where the contract says, on a bus of any width.
fn check(packets: &[Packet], ops: &[(u64, Op)], world: World) -> Seen {
    let want = expected(packets, ops, world, 8);
    let (seen, _) = run(
        Rx::<64, 8, 6, 3, 3, 8, 3, 4, 16, 7>::default(),
        packets,
        ops,
        world,
    );
    assert_eq!(seen, want);
    let (wide, _) = run(
        Rx::<128, 16, 6, 3, 3, 8, 3, 4, 16, 7>::default(),
        packets,
        ops,
        world,
    );
    assert_eq!(wide, expected(packets, ops, world, 16));
    want
}

#[test]
fn a_packet_fills_a_buffer_at_any_address() {
    for (bytes, va) in [
        (64, 0x1000),
        (1, 0x1003),
        (11, 0x1007),
        (12, 0x1009),
        (300, 0x10f1),
        (1518, 0x2042),
        (513, 0x20ff),
    ] {
        let seen = check(&[packet(bytes, 5)], &[(5, Op::Data(va, 2048, true))], READY);
        assert_eq!(seen.done, [(5, bytes as u64, true, 0, 0)]);
        assert_eq!(seen.memory.len(), bytes);
    }
}

#[test]
fn slots_take_their_packets_in_the_order_of_the_stream() {
    let to = [3, 9, 3, 1, 9, 9, 15, 3];
    let packets: Vec<_> = to
        .iter()
        .enumerate()
        .map(|(n, &slot)| packet(40 + 91 * n, slot))
        .collect();
    // The ops come slot by slot.
    let mut ops = Vec::new();
    for slot in [15, 1, 9, 3] {
        for (n, _) in to.iter().enumerate().filter(|(_, &s)| s == slot) {
            ops.push((slot, Op::Data(0x1_0000 + 0x1009 * n as u64, 1500, true)));
        }
    }
    let seen = check(&packets, &ops, READY);
    assert!(seen.done.iter().map(|d| d.0).eq(to));
}

#[test]
fn a_packet_goes_through_the_buffers_of_its_chain() {
    // What goes beyond an op is told with it; the packet's end, wherever it is, too.
    let ops = [
        (2, Op::Data(0x1001, 20, false)),
        (2, Op::Data(0x2003, 0, false)),
        (2, Op::Data(0x3007, 300, false)),
        (2, Op::Data(0x5000, 100, true)),
        (2, Op::Data(0x6000, 64, false)),
        (2, Op::Data(0x7000, 100, true)),
    ];
    let seen = check(&[packet(401, 2), packet(64, 2), packet(7, 2)], &ops, READY);
    let done: Vec<_> = seen.done.iter().map(|d| (d.1, d.2)).collect();
    assert_eq!(
        done,
        [
            (20, false),
            (0, false),
            (300, false),
            (81, true),
            (64, true),
            (7, true)
        ]
    );
}

#[test]
fn what_a_chain_does_not_hold_is_thrown_away() {
    let ops = [
        (2, Op::Data(0x1001, 20, true)),
        (2, Op::Data(0x2000, 64, false)),
        (2, Op::Discard),
        (2, Op::Discard),
        (2, Op::Data(0x3000, 0, true)),
        (2, Op::Data(0x4000, 64, true)),
    ];
    let mut packets: Vec<_> = [900, 700, 77, 30, 64].map(|n| packet(n, 2)).into();
    // And what is nobody's.
    for (n, bytes) in [(0, 3), (2, 900), (4, 64)] {
        let nobody = Packet {
            to: None,
            ..packet(bytes, 0)
        };
        packets.insert(n, nobody);
    }
    let seen = check(&packets, &ops, READY);
    assert_eq!(seen.done.len(), 6);
    assert_eq!(seen.memory.len(), 20 + 64 + 64);
}

#[test]
fn a_last_beat_may_be_empty() {
    let mut packets = [packet(64, 1), packet(0, 1), packet(16, 1), packet(9, 1)];
    packets[0].empty_tail = true;
    packets[2].empty_tail = true;
    let ops = [
        (1, Op::Data(0x1001, 200, true)),
        (1, Op::Data(0x2001, 200, true)),
        (1, Op::Data(0x3001, 8, true)),
        (1, Op::Data(0x4001, 200, true)),
    ];
    let seen = check(&packets, &ops, READY);
    let bytes: Vec<_> = seen.done.iter().map(|d| d.1).collect();
    assert_eq!(bytes, [64, 0, 8, 9]);
}

#[test]
fn a_fault_ends_the_writes_of_its_packet_alone() {
    let ops = [
        (1, Op::Data(0x1000, 100, true)),
        // The second op does not translate, the third would.
        (1, Op::Data(0x2001, 600, false)),
        (1, Op::Data(0x9_0010, 300, false)),
        (1, Op::Data(0x3000, 1000, true)),
        (4, Op::Data(0x4000, 100, true)),
        (4, Op::Data(0x9_0000, 1000, true)),
        (4, Op::Data(0x5000, 100, true)),
    ];
    let packets = [(90, 1), (1500, 1), (90, 4), (999, 4), (90, 4)].map(|(n, s)| packet(n, s));
    let cause = u32::from(mmu::CAUSE_WRITE_PAGE);
    for mmu_wait in [0, 40] {
        let world = World {
            fault_from: 0x9_0000,
            mmu_wait,
            ..READY
        };
        let seen = check(&packets, &ops, world);
        assert_eq!(seen.done[2], (1, 300, false, cause, 0x9_0010));
        // What is behind it is skipped; the fault is told once.
        assert_eq!(seen.done[3], (1, 600, true, 0, 0));
        assert_eq!(seen.done[5], (4, 999, true, cause, 0x9_0000));
        assert_eq!(seen.memory.len(), 90 + 600 + 90 + 90);
    }
}

#[test]
fn a_bad_response_is_the_fault_of_its_op() {
    let ops = [
        (1, Op::Data(0x1000, 300, false)),
        (1, Op::Data(0x9_0010, 600, true)),
        (1, Op::Data(0x2000, 600, true)),
    ];
    let world = World {
        bad_from: 0x9_0100,
        b_wait: 30,
        ..READY
    };
    let seen = check(&[packet(900, 1), packet(600, 1)], &ops, world);
    let cause = u32::from(mmu::CAUSE_WRITE_ACCESS);
    // The burst's first byte; all bytes have gone out.
    assert_eq!(seen.done[1], (1, 600, true, cause, 0x9_0100));
    assert_eq!(seen.done[2], (1, 600, true, 0, 0));
    assert_eq!(seen.memory.len(), 1500);
}

/// `count` packets, each with a buffer at any address.
fn mixed(count: usize) -> (Vec<Packet>, Vec<(u64, Op)>) {
    let mut seed = 7_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    let (mut packets, mut ops) = (Vec::new(), Vec::new());
    for n in 0..count as u64 {
        let slot = random(3);
        let bytes = 1 + random([20, 90, 300, 900][n as usize % 4]);
        let mut p = packet(bytes as usize, slot);
        let va = 0x1000 * (n + 1) + random(300);
        match random(8) {
            0 => p.to = None,
            1 => ops.push((slot, Op::Discard)),
            2 => ops.push((slot, Op::Data(va, random(bytes) + 1, true))),
            3 if bytes > 1 => {
                let part = 1 + random(bytes - 1);
                ops.push((slot, Op::Data(va, part, false)));
                ops.push((slot, Op::Data(va + 2048, bytes - part, random(2) == 0)));
            }
            _ => ops.push((slot, Op::Data(va, 1000, true))),
        }
        packets.push(p);
    }
    (packets, ops)
}

#[test]
fn everything_around_may_stall() {
    let (packets, ops) = mixed(60);
    for (mmu_wait, b_wait, pace) in [(0, 1, 8), (50, 40, 8), (9, 9, 3), (3, 90, 7)] {
        let world = World {
            mmu_wait,
            b_wait,
            pace,
            ..READY
        };
        check(&packets, &ops, world);
    }
    let world = World {
        mmu_wait: 9,
        pace: 6,
        fault_from: 0x2_0000,
        bad_from: 0x1_0000,
        ..READY
    };
    check(&packets, &ops, world);
    let wide = Rx::<512, 64, 4, 2, 2, 4, 2, 2, 4, 5>::default();
    let (seen, _) = run(wide, &packets, &ops, world);
    assert_eq!(seen, expected(&packets, &ops, world, 64));
}

#[test]
fn no_result_is_lost_while_the_core_is_busy() {
    // The done FIFO holds 16, the expectations 8.
    let packets: Vec<_> = (0..60).map(|n| packet(20 + n, 1)).collect();
    let ops: Vec<_> = (0..60)
        .map(|n| (1, Op::Data(0x1000 + 256 * n, 250, true)))
        .collect();
    let world = World {
        busy_until: 1500,
        ..READY
    };
    let seen = check(&packets, &ops, world);
    assert_eq!(seen.done.len(), 60);
}

#[test]
fn beats_follow_one_another_and_packets_with_two_cycles_between() {
    let packets: Vec<_> = (0..20).map(|_| packet(1518, 1)).collect();
    for va in [0x1000, 0x1042] {
        let ops: Vec<_> = (0..20)
            .map(|n| (1, Op::Data(va + 0x1000 * n, 2048, true)))
            .collect();
        let world = World {
            mmu_wait: 20,
            b_wait: 20,
            ..READY
        };
        let mid = Rx::<512, 64, 8, 5, 5, 32, 5, 6, 64, 9>::default();
        let (seen, (times, _)) = run(mid, &packets, &ops, world);
        assert_eq!(seen, expected(&packets, &ops, world, 64));
        // The first packets are written as they enter.
        let warm = 4 * times.len() / 20;
        let idle: Vec<_> = times.windows(2).map(|t| t[1] - t[0] - 1).collect();
        let late: Vec<_> = idle[warm..].iter().filter(|n| **n > 0).collect();
        assert!(
            late.len() <= 16 && late.iter().all(|n| **n == 2),
            "{late:?}"
        );
    }
}

/// The mover out of reset, ready.
fn tiny() -> Rx<64, 8, 6, 3, 3, 8, 3, 4, 16, 7> {
    let mut rx = Rx::default();
    rx.connect_all();
    rx.reset.next = true;
    crate::edge!(rx);
    rx.reset.next = false;
    crate::edge!(rx);
    rx
}

/// Offers beats for 100 cycles, `each` a packet; how many were taken.
fn offer(rx: &mut Rx<64, 8, 6, 3, 3, 8, 3, 4, 16, 7>, each: usize) -> usize {
    let mut taken = 0;
    for _ in 0..100 {
        rx.s_axis_tvalid.next = true;
        rx.s_axis_tkeep.next = 0xffu64.into();
        rx.s_axis_tlast.next = (taken + 1) % each == 0;
        settle(rx);
        taken += usize::from(rx.s_axis_tready.val());
        crate::edge!(*rx);
    }
    rx.s_axis_tvalid.next = false;
    settle(rx);
    taken
}

#[test]
fn so_many_packets_and_beats_are_held_and_no_more() {
    let mut rx = tiny();
    assert!(rx.idle.val());
    // Whole packets.
    assert_eq!(offer(&mut rx, 3), 22);
    assert!(!rx.idle.val() && !rx.s_axis_tready.val());
    // One leaves, whose order says nobody: the rest of the last one enters.
    rx.order_push.next = true;
    rx.order_none.next = true;
    crate::edge!(rx);
    rx.order_push.next = false;
    for _ in 0..12 {
        crate::edge!(rx);
    }
    assert!(rx.s_axis_tready.val());
    // Beats.
    let mut rx = tiny();
    assert_eq!(offer(&mut rx, 1000), 64);
    assert!(!rx.s_axis_tready.val());
    // A reset empties it.
    rx.reset.next = true;
    crate::edge!(rx);
    rx.reset.next = false;
    crate::edge!(rx);
    assert!(rx.idle.val() && rx.s_axis_tready.val() && !rx.head_valid.val());
    assert_eq!(offer(&mut rx, 1), 8);
}

#[test]
fn the_stations_follow_one_another_as_the_contract_says() {
    let mut rx = tiny();
    assert_eq!(offer(&mut rx, 1000), 64);
    // Cycle 0: order and op are pushed. 1: Free. 2: Wait. 3: Fetch. 4: Cut. 5: the request is up.
    rx.order_push.next = true;
    rx.order_slot.next = 6u64.into();
    rx.op_push.next = true;
    rx.op_slot.next = 6u64.into();
    rx.op.next = RxOp {
        va: 0x1000u64.into(),
        len: 64u64.into(),
        end: true,
        ..RxOp::default()
    };
    crate::edge!(rx);
    rx.order_push.next = false;
    rx.op_push.next = false;
    for cycle in 1..5 {
        assert!(!rx.mmu_req_valid.val(), "cycle {cycle}");
        crate::edge!(rx);
    }
    assert!(rx.mmu_req_valid.val() && number(rx.mmu_req.val().va) == 0x1000);
    rx.mmu_taken.next = true;
    crate::edge!(rx);
    rx.mmu_taken.next = false;
    assert!(!rx.mmu_req_valid.val());
    rx.mmu_rsp_valid.next = true;
    rx.mmu_rsp.next.addr = 0x5000u64.into();
    settle(&mut rx);
    assert!(rx.start.val() && !rx.w_req.val());
    crate::edge!(rx);
    rx.mmu_rsp_valid.next = false;
    settle(&mut rx);
    assert!(rx.w_req.val() && number(rx.w_addr.val()) == 0x5000);
    assert_eq!(number(rx.w_len.val()), 7);
    rx.w_grant.next = true;
    crate::edge!(rx);
    rx.w_grant.next = false;
    for _ in 0..8 {
        rx.w_beat_take.next = true;
        settle(&mut rx);
        assert_eq!(number(rx.w_beat_strb.val()), 0xff);
        crate::edge!(rx);
    }
    rx.w_beat_take.next = false;
    // A response is heard in its cycle, and ends the access in the next one.
    rx.b_valid.next = true;
    settle(&mut rx);
    assert!(!rx.end_b.val());
    crate::edge!(rx);
    rx.b_valid.next = false;
    settle(&mut rx);
    assert!(rx.end_b.val() && !rx.done_valid.val());
    crate::edge!(rx);
    assert!(!rx.end_b.val() && !rx.done_valid.val());
}
