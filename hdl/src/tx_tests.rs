//! Tests of the transmit mover.

use super::*;
use std::collections::VecDeque;

use shoal_abi::mmu;

use crate::util::{assert_lint_clean, number};
use shoal_abi::stream;

#[test]
fn tx_lints_clean() {
    assert_lint_clean("tx_64", Tx::<64, 8, 5, 4, 16, 6, 4>::default());
    assert_lint_clean("tx_128", Tx::<128, 16, 7, 6, 64, 7, 6>::default());
    assert_lint_clean("tx_512", Tx::<512, 64, 9, 7, 128, 9, 8>::default());
}

#[test]
fn the_side_band_has_the_abi_layout() {
    let user = TxUser::default();
    assert_eq!(user.get_my_offset_tag(), stream::TUSER_TAG.lsb as usize);
    assert_eq!(
        user.get_my_offset_writable(),
        stream::TUSER_WRITABLE.lsb as usize
    );
    assert_eq!(user.get_my_offset_typ(), stream::TUSER_TYPE.lsb as usize);
    assert_eq!(
        user.get_my_offset_answer(),
        stream::TUSER_ANSWER.lsb as usize
    );
    assert_eq!(user.get_my_offset_abort(), stream::TUSER_ABORT.lsb as usize);
    assert_eq!(TxUser::BITS, 64);
}

/// A packet: its ops' bytes {va, len}, and whether the core gives it up.
#[derive(Clone, Default)]
struct Packet {
    parts: Vec<(u64, u64)>,
    abort: bool,
}

/// What surrounds the mover.
#[derive(Clone, Copy)]
struct World {
    /// Most cycles that a translation takes; answers come in any order.
    mmu_wait: u64,
    /// Cycles from a grant to the first beat.
    read_wait: u64,
    /// Of 8 cycles so many have tready, arready, a beat to give.
    pace: u64,
    /// Addresses here and above do not translate.
    fault_from: u64,
    /// Beats here and above come with a bad response.
    bad_from: u64,
    /// The core takes no end of a packet before this cycle.
    busy_until: u64,
}

const READY: World = World {
    mmu_wait: 0,
    read_wait: 1,
    pace: 8,
    fault_from: u64::MAX,
    bad_from: u64::MAX,
    busy_until: 0,
};

/// What came out.
#[derive(Default)]
struct Seen {
    packets: Vec<(Vec<u8>, u64)>,
    done: Vec<TxDone>,
    cycles: u64,
    reads: Vec<Read>,
}

/// What is asked of the memory: address, beats, bytes a beat.
type Read = (u64, u64, u64);

/// The bursts {va, bytes} of `len` bytes at `va` on a bus of `bus` bytes.
fn bursts(mut va: u64, len: u64, bus: u64) -> Vec<(u64, u64)> {
    let end = va + len;
    let mut all = Vec::new();
    while va < end {
        let mut n = (end - va).min(256 - va % 256);
        let tail = (va + n) % bus;
        if n > tail && tail > 0 && tail + 48 <= bus {
            n -= tail;
        }
        all.push((va, n));
        va += n;
    }
    all
}

/// How the burst of `n` bytes at `va` is read.
fn read_of(va: u64, n: u64, bus: u64) -> Read {
    let beats = (va % bus + n).div_ceil(bus);
    let mut size = 1;
    while beats == 1 && va / size != (va + n - 1) / size {
        size *= 2;
    }
    let size = if beats == 1 { size } else { bus };
    (va / size * size, beats, size)
}

/// The reads of `packets`: a packet's parts behind a fault are not read.
fn reads_of(packets: &[Packet], bus: u64, fault_from: u64) -> Vec<Read> {
    let of_packet = |p: &Packet| {
        let all = p.parts.iter().flat_map(|&(va, len)| bursts(va, len, bus));
        let good = all.take_while(|b| b.0 < fault_from);
        good.map(|(va, n)| read_of(va, n, bus)).collect::<Vec<_>>()
    };
    packets.iter().flat_map(of_packet).collect()
}

/// Byte at address a of the memory.
fn byte(a: u64) -> u8 {
    (a.wrapping_mul(7) ^ (a >> 8)) as u8
}

/// Runs the mover until every packet has ended; the epoch changes all the time, and both counts must come back to 0.
fn run<const W: usize, const WB: usize>(packets: &[Packet], world: World) -> Seen {
    let mut tx = Tx::<W, WB, 5, 4, 16, 6, 4>::default();
    tx.connect_all();
    tx.reset.next = true;
    crate::edge!(tx);
    tx.reset.next = false;
    let mut ops: VecDeque<TxOp> = VecDeque::new();
    for (n, p) in packets.iter().enumerate() {
        let side = TxOp {
            tag: (0x1230 + n as u64 % 16).into(),
            writable: (77 + n as u64).into(),
            abort: p.abort,
            ..TxOp::default()
        };
        // Every second packet ends in an op of its own.
        let alone = p.parts.is_empty() || n % 2 == 1;
        for (i, &(va, len)) in p.parts.iter().enumerate() {
            ops.push_back(TxOp {
                data: true,
                end: !alone && i + 1 == p.parts.len(),
                va: va.into(),
                len: len.into(),
                ..side
            });
        }
        if alone {
            ops.push_back(TxOp { end: true, ..side });
        }
    }
    let mut seed = 99_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    let mut asked: Vec<(u64, MmuReq)> = Vec::new();
    let mut beats: VecDeque<(u64, u64, u64, bool)> = VecDeque::new();
    let mut counts = [0_i64; 2];
    let mut seen = Seen::default();
    let mut packet = Vec::new();
    for n in 0..20_000_u64 {
        if seen.done.len() == packets.len() && seen.packets.len() == packets.len() {
            assert_eq!(counts, [0, 0], "every access that started has ended");
            assert_eq!(
                seen.reads,
                reads_of(packets, WB as u64, world.fault_from),
                "each read asks for what its burst needs"
            );
            return seen;
        }
        tx.op_push.next = number(tx.op_count.val()) < 32 && !ops.is_empty();
        if tx.op_push.next {
            tx.op.next = ops.pop_front().unwrap();
        }
        tx.epoch.next = n % 11 > 5;
        let stream = random(8) < world.pace;
        tx.m_axis_tready.next = stream;
        tx.done_pop.next = tx.done_valid.val() & (n >= world.busy_until);
        if tx.done_pop.next {
            seen.done.push(tx.done.val());
        }
        tx.ar_grant.next = false;
        tx.mmu_taken.next = false;
        tx.mmu_rsp_valid.next = false;
        if let Some(i) = asked.iter().position(|&(at, _)| at <= n) {
            let (_, req) = asked.remove(i);
            let va = number(req.va) as u64;
            tx.mmu_rsp_valid.next = true;
            tx.mmu_rsp.next = MmuRsp {
                tag: req.tag,
                addr: va.into(),
                ..MmuRsp::default()
            };
            if va >= world.fault_from {
                tx.mmu_rsp.next.cause = u64::from(mmu::CAUSE_READ_PAGE).into();
                tx.mmu_rsp.next.addr = 0u64.into();
            }
        }
        tx.r_valid.next = false;
        tx.r_last.next = false;
        if beats.front().is_some_and(|b| b.0 <= n) && random(8) < world.pace {
            let (_, a, size, last) = beats.pop_front().unwrap();
            let base = a - a % WB as u64;
            let mut data: Bits<W> = 0.into();
            for i in 0..W {
                // On the other lanes comes anything.
                let at = base + i as u64 / 8;
                let asked = (a..a + size).contains(&at);
                let value = if asked { byte(at) } else { !byte(at) };
                data = data.replace_bit(i, value >> (i % 8) & 1 == 1);
            }
            tx.r_data.next = data;
            tx.r_bad.next = a >= world.bad_from;
            tx.r_valid.next = true;
            tx.r_last.next = last;
        }
        crate::util::settle(&mut tx);
        if tx.mmu_req_valid.val() {
            tx.mmu_taken.next = true;
            asked.push((n + 3 + random(world.mmu_wait + 1), tx.mmu_req.val()));
        }
        if tx.ar_req.val() && random(8) < world.pace {
            tx.ar_grant.next = true;
            let a = number(tx.ar_addr.val()) as u64;
            let size = 1 << number(tx.ar_size.val());
            assert_eq!(a % size, 0);
            let len = number(tx.ar_len.val()) as u64;
            for k in 0..=len {
                beats.push_back((n + 1 + world.read_wait, a + k * size, size, k == len));
            }
            seen.reads.push((a, len + 1, size));
        }
        crate::util::settle(&mut tx);
        for (up, epoch, step) in [
            (tx.start.val(), tx.epoch.val(), 1),
            (tx.end_r.val(), tx.end_r_epoch.val(), -1),
            (tx.skip_end.val(), tx.skip_epoch.val(), -1),
        ] {
            if up {
                counts[usize::from(epoch)] += step;
                assert!(counts[usize::from(epoch)] >= 0, "cycle {n}");
            }
        }
        if tx.m_axis_tvalid.val() && stream {
            let keep = tx.m_axis_tkeep.val();
            let data = tx.m_axis_tdata.val();
            let bytes = (0..WB).filter(|&i| keep.get_bit(i)).count();
            assert!((0..bytes).all(|i| keep.get_bit(i)));
            packet.extend((0..bytes).map(|i| number(data.get_bits::<8>(8 * i)) as u8));
            if tx.m_axis_tlast.val() {
                let user = number(tx.m_axis_tuser.val()) as u64;
                seen.packets.push((std::mem::take(&mut packet), user));
                seen.cycles = n;
            } else {
                assert_eq!(bytes, WB);
            }
        } else if !tx.m_axis_tvalid.val() {
            assert_eq!(tx.m_axis_tkeep.val(), Bits::<WB>::from(0));
        }
        crate::edge!(tx);
    }
    panic!(
        "not all packets ended: {} of {}",
        seen.done.len(),
        packets.len()
    );
}

fn packet(parts: &[(u64, u64)]) -> Packet {
    Packet {
        parts: parts.to_vec(),
        abort: false,
    }
}

fn bytes_of(p: &Packet) -> Vec<u8> {
    let all = p.parts.iter().flat_map(|&(va, len)| va..va + len);
    all.map(byte).collect()
}

/// All of `packets` come out whole.
fn check<const W: usize, const WB: usize>(packets: &[Packet], world: World) -> Seen {
    let seen = run::<W, WB>(packets, world);
    for (n, p) in packets.iter().enumerate() {
        let (data, user) = &seen.packets[n];
        assert!(*data == bytes_of(p), "packet {n}: {:x?}", p.parts);
        let tag = 0x1230 + n as u64 % 16;
        let expected = if p.abort {
            1 << 57
        } else {
            (77 + n as u64) << 16
        };
        assert_eq!(*user, tag | expected, "packet {n}");
        let want = TxDone {
            slot: (n as u64 % 16).into(),
            ..TxDone::default()
        };
        assert_eq!(seen.done[n], want);
    }
    seen
}

fn mixed() -> Vec<Packet> {
    let mut all = vec![
        packet(&[(0x1000, 64)]),
        packet(&[(0x1003, 1)]),
        packet(&[(0x10ff, 2), (0x2001, 300), (0x3007, 9), (0x40f0, 32)]),
        packet(&[]),
        packet(&[
            (0x1001, 7),
            (0x1002, 6),
            (0x1003, 5),
            (0x1004, 12),
            (0x100f, 17),
        ]),
        packet(&[(0x50f9, 1500)]),
        packet(&[(0x6000, 256), (0x6100, 256)]),
        packet(&[(0x6000, 4096)]),
        packet(&[(0x7001, 8)]),
    ];
    all[4].abort = true;
    all
}

#[test]
fn scattered_buffers_leave_as_packed_packets() {
    check::<64, 8>(&mixed(), READY);
    check::<128, 16>(&mixed(), READY);
}

#[test]
fn answers_may_come_in_any_order() {
    let world = World {
        mmu_wait: 60,
        read_wait: 20,
        ..READY
    };
    check::<64, 8>(&mixed(), world);
}

#[test]
fn everything_around_may_stall() {
    let world = World {
        mmu_wait: 9,
        pace: 3,
        ..READY
    };
    check::<64, 8>(&mixed(), world);
    check::<128, 16>(&mixed(), world);
}

#[test]
fn a_fault_voids_its_packet_alone() {
    // The second part does not translate, the third would.
    let packets = [
        packet(&[(0x1000, 100)]),
        packet(&[(0x2001, 600), (0x9_0010, 700), (0x3000, 600)]),
        packet(&[(0x4001, 100)]),
        packet(&[(0x9_0000, 8)]),
        packet(&[]),
    ];
    for mmu_wait in [0, 40] {
        let world = World {
            fault_from: 0x9_0000,
            mmu_wait,
            ..READY
        };
        let seen = run::<64, 8>(&packets, world);
        for n in [0, 2, 4] {
            assert_eq!(seen.packets[n].0, bytes_of(&packets[n]));
            assert_eq!(seen.packets[n].1 >> 16, 77 + n as u64);
            assert_eq!(number(seen.done[n].cause), 0);
        }
        // What came before the fault went out.
        assert_eq!(seen.packets[1].0, bytes_of(&packets[1])[..600]);
        assert!(seen.packets[3].0.is_empty());
        for (n, iova) in [(1, 0x9_0010), (3, 0x9_0000)] {
            assert_eq!(seen.packets[n].1, (0x1230 + n as u64) | 1 << 57);
            assert_eq!(number(seen.done[n].cause), u128::from(mmu::CAUSE_READ_PAGE));
            assert_eq!(number(seen.done[n].iova), iova);
            assert_eq!(number(seen.done[n].slot), n as u128);
        }
    }
}

#[test]
fn a_fault_ends_a_long_chain_at_once() {
    // 8 MiB are 32,768 bursts; an end of its own, with the data, and parts behind the fault.
    let long = 8 << 20;
    let packets = [
        packet(&[(0x9_0000, long)]),
        packet(&[(0x9_0080, long)]),
        packet(&[(0x1000, 100), (0x9_0000, long), (0x2000, long), (0x3000, 9)]),
        packet(&[(0x4001, 100)]),
    ];
    for mmu_wait in [0, 40] {
        let world = World {
            fault_from: 0x9_0000,
            mmu_wait,
            ..READY
        };
        let seen = run::<64, 8>(&packets, world);
        assert!(seen.cycles < 1000, "{} cycles", seen.cycles);
        for (n, want) in [(0, 0), (1, 0), (2, 100), (3, 100)] {
            assert_eq!(seen.packets[n].0, bytes_of(&packets[n])[..want]);
            assert_eq!(number(seen.done[n].cause) != 0, n < 3);
        }
    }
}

#[test]
fn a_bad_beat_voids_its_packet_and_its_bytes_go_out() {
    let packets = [
        packet(&[(0x1000, 100), (0x9_0010, 300), (0x1000, 9)]),
        packet(&[(0x2000, 10)]),
    ];
    let world = World {
        bad_from: 0x9_0100,
        ..READY
    };
    let seen = run::<64, 8>(&packets, world);
    assert_eq!(seen.packets[0], (bytes_of(&packets[0]), 0x1230 | 1 << 57));
    assert_eq!(
        number(seen.done[0].cause),
        u128::from(mmu::CAUSE_READ_ACCESS)
    );
    // The burst's first byte, not the beat's.
    assert_eq!(number(seen.done[0].iova), 0x9_0100);
    assert_eq!(seen.packets[1].0, bytes_of(&packets[1]));
    assert_eq!(number(seen.done[1].cause), 0);
}

#[test]
fn small_packets_leave_close_together() {
    // One beat each, as at the widest bus.
    let packets: Vec<_> = (0..64).map(|n| packet(&[(0x1000 + 16 * n, 16)])).collect();
    let world = World {
        read_wait: 8,
        ..READY
    };
    // Half of them bring an op of its own for the end.
    let seen = run::<128, 16>(&packets, world);
    assert!(seen.cycles < 40 + 64 * 3, "{} cycles", seen.cycles);
    println!("{} cycles for {} packets", seen.cycles, packets.len());
}

#[test]
fn no_end_is_lost_while_the_core_is_busy() {
    let packets: Vec<_> = (0..40).map(|n| packet(&[(0x1000 + 16 * n, 16)])).collect();
    let world = World {
        busy_until: 1000,
        ..READY
    };
    let seen = run::<64, 8>(&packets, world);
    assert_eq!(seen.done.len(), packets.len());
}

#[test]
fn a_short_tail_is_read_by_itself() {
    let reads = |parts: &[(u64, u64)]| check::<512, 64>(&[packet(parts)], READY).reads;
    assert_eq!(reads(&[(0x1040, 72)]), [(0x1040, 1, 64), (0x1080, 1, 8)]);
    // 16 bytes are short, 17 are not.
    assert_eq!(reads(&[(0x1000, 80)]), [(0x1000, 1, 64), (0x1040, 1, 16)]);
    assert_eq!(reads(&[(0x1000, 81)]), [(0x1000, 2, 64)]);
    assert_eq!(reads(&[(0x10f0, 17)]), [(0x10f0, 1, 16), (0x1100, 1, 1)]);
    assert_eq!(reads(&[(0x103f, 9)]), [(0x103f, 1, 1), (0x1040, 1, 8)]);
    // What begins in the beat of its end is no tail.
    assert_eq!(reads(&[(0x1040, 12)]), [(0x1040, 1, 16)]);
    assert_eq!(reads(&[(0x1044, 8)]), [(0x1040, 1, 16)]);
    assert_eq!(reads(&[(0x101f, 2)]), [(0x1000, 1, 64)]);
    assert_eq!(reads(&[(0x1001, 300)]), [(0x1000, 4, 64), (0x1100, 1, 64)]);
    // A narrower bus has no short tail, and reads single beats as narrow.
    let seen = check::<128, 16>(&[packet(&[(0x1000, 17), (0x2009, 6)])], READY);
    assert_eq!(seen.reads, [(0x1000, 2, 16), (0x2008, 1, 8)]);
}

#[test]
fn random_buffers_come_out_whole() {
    let mut seed = 7_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    let mut part = |most: u64| (0x1000 + random(0x8000), 1 + random(most));
    let mut packets = Vec::new();
    for n in 0..40 {
        let most = [20, 90, 140, 600][n % 4];
        packets.push(packet(&[part(most), part(most), part(40)]));
    }
    let world = World {
        mmu_wait: 9,
        pace: 6,
        ..READY
    };
    check::<512, 64>(&packets, world);
    check::<128, 16>(&packets, world);
    check::<64, 8>(&packets, world);
}
