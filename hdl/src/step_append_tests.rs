//! Tests of the steps of an event: receive visits that go on with entries read later (contract §3.5, §3.6 step 4).

use super::receives::{done, packet, used, visit};
use super::visits::ring_word;
use super::*;

/// A descriptor of its own for the next packet.
fn plain(w: &mut World) -> Effects {
    w.desc(0x5000, 1600, WRITE, 0)
}

/// Heads of the visit.
fn heads(w: &World) -> Vec<u64> {
    let all = number_of(w.slot.heads);
    let head = |i| (all >> (16 * i) & 0xffff) as u64;
    (0..n(w.slot.visit)).map(head).collect()
}

/// An op that looks, or reads the ring from `va` on; with `b`.
fn reads(w: &World, fx: &Effects, state: SlotState, va: u64, b: bool) {
    assert!(w.slot.state == state && fx.op_push && n(fx.op.kind) == CTL_RD && !fx.rx_free_push);
    assert_eq!((n(fx.op.va), fx.op.two), (va, b));
}

#[test]
fn a_visit_goes_on_with_a_ring_read_of_what_is_known() {
    // Eight are offered, six stand in the words of the first read.
    let mut w = World::receiving(SlotState::Ring, 9);
    w.vq.avail_cache = 8u64.into();
    w.slot.b_read = true;
    w.slot.byte_a = 4u64.into();
    w.comp(ring_word(&[7, 7, 1, 2], 0), ring_word(&[3, 4, 5, 6], 0));
    assert_eq!(heads(&w), [1, 2, 3, 4, 5, 6]);
    let mut fx = Effects::default();
    for i in 0..6_u64 {
        assert_eq!((n(w.slot.index), n(w.slot.chain)), (i + 1, i));
        fx = plain(&mut w);
        assert!(fx.rx_push && fx.rx_op.end && n(w.vq.pend) == 8 - i);
    }
    reads(&w, &fx, SlotState::Ring, DRIVER + 4 + 12, false);
    // Two packets end meanwhile, one of them badly: that is kept, and so are the lengths.
    done(&mut w, 101, true, 0);
    let fx = done(&mut w, 102, true, mmu::CAUSE_WRITE_PAGE);
    assert!(!fx.op_push && n(w.slot.left) == 4 && w.slot.kept && w.slot.state == SlotState::Ring);
    w.slot.count = 3u64.into();
    w.slot.indirect = true;
    w.slot.desc_base = 0x99u64.into();
    let fx = w.comp(ring_word(&[7, 0, 6, 6], 0), 0);
    assert_eq!(heads(&w), [1, 2, 3, 4, 5, 6, 7, 0]);
    assert!(w.slot.kept && w.slot.state == SlotState::Desc && n(fx.op.va) == DESC + 7 * 16);
    assert_eq!((n(w.slot.left), n(w.slot.chain)), (4, 6));
    assert_eq!((n(w.slot.ended), n(w.slot.used_len)), (2, 101));
    assert!(n(w.slot.count) == 0 && !w.slot.indirect && n(w.slot.entries) == SIZE);
    let fx = plain(&mut w);
    assert_eq!(n(fx.op.va), DESC);
    // Eight are enough, though one more packet waits.
    let fx = plain(&mut w);
    assert!(!fx.op_push && w.slot.state == SlotState::TxEnd);
    assert_eq!((n(w.slot.left), n(w.vq.pend)), (6, 1));
    w.slot.kept = false;
    let mut fx = Effects::default();
    for i in 2..8 {
        fx = done(&mut w, 101 + i, true, 0);
    }
    assert!(n(fx.op.kind) == CTL_TELL && (0..8).all(|i| used(&fx, i) == 101 + u64::from(i)));
    assert_eq!((n(fx.op.tell.count), n(fx.op.tell.last_avail)), (8, 8));
    assert_eq!(number_of(fx.op.tell.heads) >> 64, 0x0000_0007_0006_0005);
    // The next visit begins with none, behind them.
    let fx = w.comp(0, 0);
    reads(&w, &fx, SlotState::Look, DRIVER + 2, true);
    assert_eq!((n(w.slot.visit), n(fx.op.va_b)), (0, DRIVER + 4));
    let fx = w.comp(field(2, 9), field(4, 5));
    assert!(n(fx.op.va) == DESC + 5 * 16 && heads(&w) == [5]);
    assert_eq!((n(w.slot.chain), n(w.slot.used_len)), (0, 0));
    assert_eq!((n(w.slot.ended), number(w.slot.used_more)), (0, 0));
}

#[test]
fn a_visit_goes_on_with_a_look_behind_its_entries_up_to_the_used_rings_end() {
    let mut w = World::receiving(SlotState::Ring, 9);
    w.vq.last_avail = 65535u64.into();
    w.vq.used_idx = 3u64.into();
    w.slot.byte_a = 2u64.into();
    w.comp(field(2, 1), 0);
    assert_eq!(heads(&w), [1]);
    // The ring wraps; index and entry stand in one beat, which holds two of the three that are new.
    let fx = plain(&mut w);
    reads(&w, &fx, SlotState::Look, DRIVER + 2, true);
    assert_eq!((n(fx.op.va_b), n(w.slot.left)), (DRIVER + 4, 1));
    let fx = w.comp(field(2, 3), ring_word(&[9, 3, 2, 3], 0));
    assert!(w.slot.state == SlotState::Desc && n(fx.op.va) == DESC + 2 * 16);
    assert_eq!((heads(&w), n(w.vq.avail_cache)), (vec![1, 2, 3], 3));
    let fx = plain(&mut w);
    assert_eq!(n(fx.op.va), DESC + 3 * 16);
    let fx = plain(&mut w);
    reads(&w, &fx, SlotState::Ring, DRIVER + 8, false);
    w.comp(ring_word(&[4, 7, 7, 7], 0), 0);
    assert_eq!(heads(&w), [1, 2, 3, 4]);
    // The index alone, then the ring, as far as the used ring goes.
    let fx = plain(&mut w);
    reads(&w, &fx, SlotState::Look, DRIVER + 2, false);
    let fx = w.comp(field(2, 7), 0);
    reads(&w, &fx, SlotState::Ring, DRIVER + 10, true);
    w.comp(ring_word(&[4, 5, 6, 7], 0), ring_word(&[7, 7, 7, 7], 0));
    assert_eq!(heads(&w), [1, 2, 3, 4, 5]);
    let fx = plain(&mut w);
    assert!(!fx.op_push && w.slot.state == SlotState::TxEnd && n(w.vq.pend) == 4);
    assert_eq!((n(w.slot.left), n(w.slot.visit)), (5, 5));
}

#[test]
fn new_heads_stand_behind_the_old_ones() {
    for m in 0..8_u64 {
        for (offset, last, used) in [(4, 65533, 0), (0, 2, 0), (2, 7, 65535 - 7), (6, 0, 3)] {
            for offered in [1, 2, 3, 8 - m] {
                let room = SIZE - used % SIZE;
                if m >= room || offered + m > SIZE {
                    continue;
                }
                let mut w = World::receiving(SlotState::Ring, 1);
                let p = (last + m) % SIZE;
                let at = DRIVER + offset + 4 + 2 * p;
                w.vq.last_avail = last.into();
                w.vq.avail_cache = ((last + m + offered) % 65536).into();
                w.vq.used_idx = used.into();
                w.slot.visit = m.into();
                w.slot.heads = u128_bits(0x000f_000e_000d_000c_000b_000a_0009_0008);
                w.slot.byte_a = (at % 8).into();
                w.slot.b_read = true;
                let skipped = at % 8 / 2;
                let mut entries = vec![0x7777; skipped as usize];
                entries.extend([6, 5, 4, 3, 2, 1, 0, 7]);
                w.comp(ring_word(&entries, 0), ring_word(&entries, 1));
                let new = [offered, SIZE - p, room - m, 8 - skipped, 8 - m];
                let new = new.into_iter().min().unwrap_or(0);
                let all = (8..8 + m).chain((0..new).map(|i| 6 - i));
                assert_eq!(heads(&w), all.collect::<Vec<_>>(), "{m} {offset} {last}");
                assert_eq!((n(w.slot.chain), n(w.slot.index)), (m, 6));
            }
        }
    }
}

fn u128_bits(value: u128) -> Bits<128> {
    (0..128).fold(Bits::default(), |bits: Bits<128>, i| {
        bits.replace_bit(i, value >> i & 1 == 1)
    })
}

#[test]
fn a_look_that_finds_no_more_ends_the_visit() {
    for (gone, cause) in [(0, 0), (2, 0), (2, mmu::CAUSE_WRITE_PAGE)] {
        let mut w = visit(2, 3);
        plain(&mut w);
        let fx = plain(&mut w);
        reads(&w, &fx, SlotState::Look, DRIVER + 2, false);
        for _ in 0..gone {
            let fx = done(&mut w, 60, true, cause);
            assert!(!fx.op_push && !fx.fault_push && w.slot.state == SlotState::Look);
        }
        let fx = w.comp(field(2, 2), 0);
        assert!(!fx.n_drop && fx.rx_push == (cause != 0) && fx.fault_push == (cause != 0));
        if gone == 0 {
            assert!(!fx.op_push && w.slot.state == SlotState::TxEnd && n(w.slot.left) == 2);
            assert!(w.slot.fate == SlotFate::Normal);
            done(&mut w, 60, true, 0);
            assert!(done(&mut w, 60, true, 0).op_push);
        }
        if cause == 0 {
            assert!(w.slot.state == SlotState::Tell && n(w.slot.visit) == 2);
            let fx = w.comp(0, 0);
            reads(&w, &fx, SlotState::Look, DRIVER + 2, false);
            assert_eq!((n(w.slot.visit), n(w.vq.last_avail)), (0, 2));
            // Of the next visit, that is an empty ring.
            let fx = w.comp(field(2, 2), 0);
            assert!(fx.n_drop && fx.rx_op.discard && w.slot.state == SlotState::RxDisc);
        }
    }
}

#[test]
fn an_index_that_goes_back_fails_behind_the_packets_under_way() {
    // last_avail, what is read, then whether it fails. The visit has two.
    for (last, idx, fails) in [
        (0, 1, true),
        (0, 0, true),
        (0, 65535, true),
        (0, SIZE + 1, true),
        (65535, 0, true),
        (65535, 65535, true),
        (65535, 1, false),
        (65535, 2, false),
        (0, SIZE, false),
    ] {
        let mut w = World::receiving(SlotState::Desc, 3);
        w.vq.last_avail = last.into();
        w.vq.avail_cache = ((last + 2) % 65536).into();
        w.slot.visit = 2u64.into();
        w.slot.chain = 1u64.into();
        w.slot.left = 1u64.into();
        plain(&mut w);
        assert!(w.slot.state == SlotState::Look && n(w.slot.left) == 2);
        let cache = w.vq.avail_cache;
        let fx = w.comp(field(2, idx), 0);
        assert!(!fx.fault_push && !fx.rx_push, "{last} {idx}");
        assert_eq!(w.slot.kept, fails, "{last} {idx}");
        if fails {
            assert!(w.slot.fate == SlotFate::Fail && w.vq.avail_cache == cache);
            done(&mut w, 60, true, 0);
            let fx = done(&mut w, 60, true, 0);
            assert!(fx.fault_push && fx.rx_op.discard && n(w.vq.used_idx) == 0);
            assert_eq!(n(fx.fault.cause), u64::from(mmu::CAUSE_AVAIL_JUMP));
        } else {
            assert_eq!(n(w.vq.avail_cache), idx);
        }
    }
    // A fault that the visit has kept is the one that is reported.
    let mut w = visit(1, 2);
    plain(&mut w);
    done(&mut w, 60, true, mmu::CAUSE_WRITE_PAGE);
    let fx = w.comp(field(2, 0), 0);
    assert!(fx.fault_push && fx.fault.write && n(fx.fault.iova) == 0x7777);
}

#[test]
fn a_bad_entry_ends_what_is_taken_and_fails_when_it_is_the_first() {
    let mut w = visit(1, 5);
    plain(&mut w);
    // The look's word ends behind the second of the ring; the fourth is bad.
    w.comp(field(2, 4), ring_word(&[0, 0, 0, 2], 0));
    assert_eq!(heads(&w), [1, 2]);
    let fx = plain(&mut w);
    reads(&w, &fx, SlotState::Ring, DRIVER + 8, false);
    w.comp(ring_word(&[3, SIZE, 4, 5], 0), 0);
    assert_eq!(heads(&w), [1, 2, 3]);
    let fx = plain(&mut w);
    reads(&w, &fx, SlotState::Ring, DRIVER + 10, false);
    let fx = w.comp(ring_word(&[3, SIZE, 4, 5], 0), 0);
    assert!(!fx.op_push && !fx.fault_push && w.slot.kept);
    assert!(w.slot.state == SlotState::TxEnd && w.slot.fate == SlotFate::Fail);
    assert_eq!((n(w.slot.left), n(w.vq.pend)), (3, 2));
    for i in 0..3 {
        let fx = done(&mut w, 60, true, 0);
        assert_eq!((fx.fault_push, fx.rx_push), (i == 2, i == 2));
        assert!(i < 2 || n(fx.fault.cause) == u64::from(mmu::CAUSE_DESC_INDEX));
    }
    assert!(w.slot.state == SlotState::RxDisc && n(w.vq.used_idx) == 0);
}

#[test]
fn a_chain_of_several_descriptors_may_be_followed_by_entries_read_again() {
    let mut w = visit(3, 2);
    w.desc(0x6000, 100, WRITE | NEXT, 3);
    done(&mut w, 100, false, 0);
    let fx = plain(&mut w);
    assert!(fx.rx_push && fx.rx_op.end && n(w.slot.visit) == 1);
    reads(&w, &fx, SlotState::Ring, DRIVER + 6, true);
    let fx = done(&mut w, 7, true, 0);
    assert!(fx.n_rx && !fx.op_push);
    w.comp(ring_word(&[7, 7, 7, 5], 0), ring_word(&[6, 7, 7, 7], 0));
    assert_eq!(heads(&w), [1, 5, 6]);
    // Another such one is left to the next visit: nothing is under way.
    let fx = w.desc(0x6000, 100, WRITE | NEXT, 3);
    assert!(n(fx.op.kind) == CTL_TELL && n(fx.op.tell.count) == 1 && used(&fx, 0) == 107);
}

#[test]
fn a_queue_that_dies_in_the_middle_of_a_visit_waits_for_its_packets() {
    let mut w = visit(1, 2);
    plain(&mut w);
    w.vq.ready = false;
    let fx = w.comp(field(2, 2), 0);
    assert!(!fx.op_push && !fx.rx_push && w.slot.state == SlotState::TxEnd);
    assert!(w.slot.fate == SlotFate::Abort && n(w.slot.left) == 1);
    assert!(done(&mut w, 60, true, 0).rx_op.discard);
}

#[test]
fn every_visit_begins_with_no_chain() {
    // A chain slot and a receive slot that had one before.
    let mut w = World::new(&TINY);
    w.slot.visit = 3u64.into();
    let fx = w.source(SRC_RDY);
    assert!(n(w.slot.visit) == 0 && n(fx.op.va_b) == DRIVER + 4);
    let mut w = World::receiving(SlotState::Idle, 0);
    w.vq.busy = false;
    w.slot.visit = 3u64.into();
    let fx = w.event(CoreEv {
        spare: RX_SLOT.into(),
        ..packet()
    });
    assert!(n(w.slot.visit) == 0 && n(fx.op.va_b) == DRIVER + 4);
    // A receive slot that has thrown packets away.
    let mut w = World::receiving(SlotState::RxDisc, 1);
    w.slot.visit = 3u64.into();
    let fx = done(&mut w, 0, true, 0);
    assert!(n(w.slot.visit) == 0 && n(fx.op.va_b) == DRIVER + 4);
}
