//! Tests of the steps of an event: the visits of a queue.

use super::*;

/// Words of a ring whose entry i is `entries[i]`.
pub(super) fn ring_word(entries: &[u64], word: usize) -> u64 {
    (0..4).fold(0, |v, i| {
        v | entries.get(4 * word + i).copied().unwrap_or(0) << (16 * i)
    })
}

#[test]
fn a_visit_takes_what_the_words_hold_and_the_rings_allow() {
    // driver's offset, last_avail, offered, used_idx, entry that is bad: does b follow, chains.
    for (offset, last, offered, used, bad, b, visit) in [
        (4, 0, 1, 0, 8, false, 1),
        (4, 0, 4, 0, 8, false, 4),
        (4, 0, 5, 0, 8, true, 5),
        (4, 0, 8, 0, 8, true, 8),
        (4, 0, 8, 0, 3, true, 3),
        (4, 1, 7, 0, 8, true, 7),
        (4, 5, 8, 0, 8, false, 3),
        (4, 0, 8, 5, 8, true, 3),
        (0, 0, 8, 0, 8, true, 6),
        (0, 0, 2, 0, 8, false, 2),
        (6, 0, 8, 0, 8, true, 7),
        (6, 3, 5, 0, 8, true, 5),
    ] {
        let mut w = World::new(&TINY);
        w.vq.driver = (DRIVER + offset).into();
        w.vq.last_avail = last.into();
        w.vq.avail_cache = (last + offered).into();
        w.vq.used_idx = used.into();
        let fx = w.source(SRC_RDY);
        let at = DRIVER + offset + 4 + 2 * (last % SIZE);
        assert!(w.slot.state == SlotState::Ring && n(fx.op.va) == at);
        assert_eq!(fx.op.two, b, "{offset} {last} {offered}");
        assert_eq!(n(fx.op.va_b), if b { (at & !7) + 8 } else { 0 });
        // The ring's entries from the word of the first one on.
        let skipped = (at % 8 / 2) as usize;
        let mut entries: Vec<u64> = vec![7; skipped];
        entries.extend((0..8).map(|i| if i == bad { SIZE } else { 7 - i % 4 }));
        let fx = w.comp(
            ring_word(&entries, 0),
            if b { ring_word(&entries, 1) } else { 0 },
        );
        assert_eq!(n(w.slot.visit), visit, "{offset} {last} {offered} {used}");
        for i in 0..visit {
            let head = number_of(w.slot.heads) >> (16 * i) & 0xffff;
            assert_eq!(head, u128::from(7 - i % 4));
        }
        assert!(n(fx.op.va) == DESC + 7 * 16 && w.slot.state == SlotState::Desc);
    }
    // A receive slot asks for as many.
    let mut w = World::receiving(SlotState::Look, 1);
    w.vq.driver = (DRIVER + 4).into();
    let fx = w.comp(8, 0);
    assert!(w.slot.state == SlotState::Ring && fx.op.two);
    w.comp(ring_word(&[1, 2, 3, 4], 0), ring_word(&[5, 6, 7, 0], 0));
    assert_eq!(n(w.slot.visit), 8);
}

/// A visit of `visit` chains whose first descriptor is on its way: heads 1, 2, 3, ...
fn visit(chains: u64) -> World {
    let mut w = World::at(&TINY, SlotState::Ring);
    w.vq.avail_cache = chains.into();
    w.slot.b_read = true;
    w.comp(ring_word(&[1, 2, 3, 4], 0), ring_word(&[5, 6, 7, 0], 0));
    assert_eq!(n(w.slot.visit), chains);
    w
}

#[test]
fn the_chains_of_a_visit_follow_one_another() {
    let mut w = visit(3);
    for i in 1..=3 {
        let fx = w.desc(0x5000 * i, 100, 0, 0);
        assert!(fx.tx_op.data && fx.tx_op.end && !fx.tx_op.abort && fx.tx_free && !w.owns_tx);
        assert_eq!(
            (n(fx.tx_op.tag), n(fx.tx_op.va)),
            (i << 4 | SLOT, 0x5000 * i)
        );
        assert_eq!((n(w.slot.left), fx.op_push), (i, i < 3));
        if i < 3 {
            assert!(n(fx.op.va) == DESC + 16 * (i + 1) && w.slot.state == SlotState::Desc);
            assert_eq!((n(w.slot.count), n(w.slot.rsum)), (0, 0));
        }
    }
    assert!(w.slot.state == SlotState::TxEnd);
    for i in (0..3).rev() {
        let fx = w.source(SRC_TXD);
        assert!(fx.n_tx && n(w.slot.left) == i && fx.op_push == (i == 0));
    }
    assert!(w.slot.state == SlotState::Tell);
}

#[test]
fn a_chain_that_is_not_plain_has_a_visit_of_its_own() {
    for flags in [NEXT, WRITE, INDIRECT] {
        // The first: it is the visit.
        let mut w = visit(3).with_features();
        w.desc(0x5000, 32, flags, 1);
        assert_eq!(n(w.slot.visit), 1);
        // A later one is left to the next visit, whether the others have left or not.
        for gone in [false, true] {
            let mut w = visit(3).with_features();
            w.desc(0x5000, 100, 0, 0);
            if gone {
                let fx = w.source(SRC_TXD);
                assert!(fx.n_tx && !fx.op_push && w.slot.state == SlotState::Desc);
            }
            let fx = w.desc(0x5000, 32, flags, 1);
            assert!(!fx.tx_push && n(w.slot.visit) == 1);
            assert_eq!(fx.op_push, gone);
            if !gone {
                assert!(w.slot.state == SlotState::TxEnd);
                assert!(w.source(SRC_TXD).op_push);
            }
            assert!(w.slot.state == SlotState::Tell);
        }
    }
    // An empty one and one that is too long, too.
    for len in [0, u64::from(ring::MAX_CHAIN_BYTES) + 1] {
        let mut w = visit(2);
        w.desc(0x5000, 100, 0, 0);
        let fx = w.desc(0x5000, len, 0, 0);
        assert!(!fx.tx_push && !fx.fault_push && n(w.slot.visit) == 1);
    }
}

#[test]
fn the_first_fault_of_a_visit_is_kept_until_all_its_packets_have_left() {
    let failed = |cause: u16, iova: u64| CoreEv {
        src: SRC_TXD.into(),
        cause: u64::from(cause).into(),
        iova: iova.into(),
        ..CoreEv::default()
    };
    let mut w = visit(3);
    w.desc(0x5000, 100, 0, 0);
    let fx = w.event(failed(mmu::CAUSE_READ_PAGE, 0x5000));
    assert!(!fx.n_tx && !fx.fault_push && w.slot.state == SlotState::Desc && w.slot.kept);
    w.desc(0x6000, 100, 0, 0);
    w.desc(0x7000, 100, 0, 0);
    let fx = w.event(failed(mmu::CAUSE_READ_ACCESS, 0x6000));
    assert!(!fx.fault_push && w.slot.state == SlotState::TxEnd);
    let fx = w.source(SRC_TXD);
    assert!(fx.n_tx && fx.fault_push && fx.free_push && n(w.vq.used_idx) == 0);
    assert_eq!(
        (n(fx.fault.cause), n(fx.fault.iova), n(fx.fault.asid)),
        (13, 0x5000, 5)
    );
    // A descriptor that cannot be read waits for the packet before it.
    let mut w = visit(3);
    w.desc(0x5000, 100, 0, 0);
    let fx = w.event(CoreEv {
        src: SRC_COMP.into(),
        ..failed(mmu::CAUSE_READ_PAGE, 0x1234)
    });
    assert!(!fx.fault_push && !fx.tx_push && w.slot.state == SlotState::TxEnd);
    let fx = w.source(SRC_TXD);
    assert!(!fx.n_tx && fx.fault_push && fx.free_push);
    assert_eq!((n(fx.fault.iova), n(fx.fault.asid)), (0x1234, 7));
    // The next visit begins without a fault.
    assert!(w.slot.kept);
    let mut next = World::new(&TINY);
    next.slot = w.slot;
    next.source(SRC_RDY);
    assert!(!next.slot.kept && n(next.slot.left) == 0);
}

#[test]
fn an_abort_waits_for_the_packets_under_way() {
    let mut w = visit(3);
    w.desc(0x5000, 100, 0, 0);
    w.vq.ready = false;
    let fx = w.desc(0x6000, 100, 0, 0);
    assert!(!fx.tx_push && !fx.free_push && w.slot.state == SlotState::TxEnd);
    let fx = w.source(SRC_TXD);
    assert!(!fx.n_tx && fx.free_push && w.slot.state == SlotState::Idle);
}
