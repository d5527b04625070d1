//! Tests of the steps of an event: answers of the card to chains.

use super::*;

/// A packet with the answer bit, for which receive slot 8 was taken.
fn answer(tag: u64, dest: u64) -> CoreEv {
    CoreEv {
        src: SRC_RXP.into(),
        answer: true,
        tag: tag.into(),
        dest: dest.into(),
        spare: 8u64.into(),
        ..CoreEv::default()
    }
}

/// Where the packet goes; the receive slot is not needed.
fn entry(fx: &Effects) -> Option<u64> {
    assert!(fx.order_push && fx.rx_free_push && n(fx.rx_free_slot) == 8 && !fx.n_drop);
    (!fx.order_none).then(|| n(fx.order_slot))
}

/// A chain of a readable and a writable descriptor that has been pushed, and its tag.
fn pushed() -> (World, u64) {
    let mut w = World::at(&TINY, SlotState::Ring);
    w.comp(2, 0);
    let fx = w.desc(0x5000, 100, NEXT, 2);
    w.desc(0x6000, 8, WRITE, 0);
    assert!(w.slot.state == SlotState::TxEnd);
    (w, n(fx.tx_op.tag))
}

#[test]
fn a_tag_is_generation_and_slot_and_the_generation_wraps() {
    for p in [&TINY, &HYPER] {
        let generations = 1u64 << (16 - p.slot_w);
        for gen in [0, 1, generations - 2, generations - 1, generations, 8191] {
            let mut w = World::at(p, SlotState::Ring);
            w.slot.gen = gen.into();
            w.comp(2, 0);
            let fx = w.desc(0x5000, 100, NEXT, 2);
            let tag = ((gen + 1) << w.slot_w | SLOT) & 0xffff;
            assert_eq!(n(fx.tx_op.tag), tag, "{gen}");
            w.desc(0x6000, 8, WRITE, 0);
            w.source(SRC_TXD);
            assert!(w.slot.state == SlotState::Answer);
            for (tag, dest) in [(tag ^ 0x8000, 2), (tag ^ 1 << w.slot_w, 2), (tag, 3)] {
                let fx = w.event(answer(tag, dest));
                assert!(entry(&fx).is_none() && !fx.ctx.slot_we && !fx.ctx.vq_we);
            }
            let fx = w.event(answer(tag, 2));
            assert_eq!(entry(&fx), Some(SLOT));
            assert!(!fx.rx_push && fx.op_push && n(fx.op.va) == DESC + 32);
            assert!(w.slot.delivering && w.slot.state == SlotState::Desc && n(w.vq.pend) == 1);
        }
    }
}

#[test]
fn an_answer_goes_to_the_writable_descriptors_and_is_told() {
    let (mut w, tag) = pushed();
    w.source(SRC_TXD);
    w.event(answer(tag, 2));
    let fx = w.desc(0x6000, 8, WRITE, 0);
    assert!(fx.rx_push && fx.rx_op.end && !fx.rx_op.discard && !fx.op_push);
    assert_eq!(
        (n(fx.rx_op.va), n(fx.rx_op.len), n(fx.rx_op.asid)),
        (0x6000, 8, 5)
    );
    assert!(w.slot.state == SlotState::TxEnd && n(w.vq.pend) == 0 && n(w.slot.left) == 1);
    // No second one.
    assert!(entry(&w.event(answer(tag, 2))).is_none());
    let fx = w.event(CoreEv {
        src: SRC_RXD.into(),
        bytes: 6u64.into(),
        ended: true,
        ..CoreEv::default()
    });
    assert!(n(fx.op.kind) == CTL_TELL && !fx.n_rx && w.slot.state == SlotState::Tell);
    assert_eq!(
        (n(fx.op.tell.used_len), number(fx.op.tell.used_more)),
        (6, 0)
    );
    assert_eq!(number_of(fx.op.tell.heads) & 0xffff, 2);
}

#[test]
fn an_answer_may_come_before_the_end_of_its_packet_is_seen() {
    let (mut w, tag) = pushed();
    let fx = w.event(answer(tag, 2));
    assert_eq!(entry(&fx), Some(SLOT));
    assert!(!fx.op_push && !fx.ctx.slot_we && n(w.vq.pend) == 1);
    // The next one with that tag is nobody's.
    assert!(entry(&w.event(answer(tag, 2))).is_none());
    assert_eq!(n(w.vq.pend), 1);
    let fx = w.source(SRC_TXD);
    assert!(fx.n_tx && fx.op_push && n(fx.op.va) == DESC + 32);
    assert!(w.slot.delivering && w.slot.state == SlotState::Desc);
    // A packet that could not be read: the answer is thrown away.
    let (mut w, tag) = pushed();
    w.event(answer(tag, 2));
    let fx = w.event(CoreEv {
        src: SRC_TXD.into(),
        cause: u64::from(mmu::CAUSE_READ_ACCESS).into(),
        ..CoreEv::default()
    });
    assert!(fx.fault_push && fx.rx_push && fx.rx_op.discard && !fx.free_push);
    assert!(w.slot.state == SlotState::RxDisc && n(w.vq.pend) == 0);
    let fx = w.source(SRC_RXD);
    assert!(fx.free_push && !fx.rx_free_push && !fx.n_drop && w.slot.state == SlotState::Idle);
    // Chains without writable descriptors have none.
    let mut w = World::at(&TINY, SlotState::Ring);
    w.comp(2, 0);
    let fx = w.desc(0x5000, 100, 0, 0);
    assert!(w.slot.state == SlotState::TxEnd);
    assert!(entry(&w.event(answer(n(fx.tx_op.tag), 2))).is_none());
}

#[test]
fn an_answer_to_a_dead_chain_frees_it_and_is_thrown_away() {
    let mut w = World::at(&TINY, SlotState::Answer);
    w.vq.ready = false;
    let fx = w.event(answer(SLOT, 2));
    assert!(entry(&fx).is_none() && fx.free_push && n(fx.free_slot) == SLOT && !fx.op_push);
    // One whose packet is still on its way stays.
    let (mut w, tag) = pushed();
    w.vq.ready = false;
    let fx = w.event(answer(tag, 2));
    assert!(entry(&fx).is_none() && !fx.free_push && w.slot.state == SlotState::TxEnd);
    // A warm reset frees the slots itself.
    let mut w = World::at(&TINY, SlotState::Answer);
    let fx = w.event(CoreEv {
        warm: true,
        ..answer(SLOT, 2)
    });
    assert!(entry(&fx).is_none() && !fx.free_push && w.slot.state == SlotState::Answer);
    // A tag of no chain slot.
    let mut w = World::at(&TINY, SlotState::Answer);
    w.number = RX_SLOT;
    let fx = w.event(answer(RX_SLOT, 2));
    assert!(entry(&fx).is_none() && !fx.ctx.slot_we);
}

#[test]
fn a_chain_that_dies_throws_its_answer_away() {
    let (mut w, tag) = pushed();
    w.source(SRC_TXD);
    w.event(answer(tag, 2));
    w.vq.ready = false;
    let fx = w.desc(0x6000, 8, WRITE, 0);
    assert!(fx.rx_push && fx.rx_op.discard && !fx.free_push && n(w.vq.pend) == 0);
    assert!(w.slot.state == SlotState::RxDisc && w.slot.fate == SlotFate::Abort);
    assert!(w.source(SRC_RXD).free_push);
}
