//! Tests of the steps of an event: a chain on its way to the transmit mover, its end, and doorbells.

use super::*;

#[test]
fn a_descriptor_is_one_op_of_the_transmit_mover() {
    // Readable, more follows: data, and the slot keeps the mover.
    let mut w = World::at(&TINY, SlotState::Desc);
    let fx = w.desc(0x5000, 100, NEXT, 2);
    assert!(fx.tx_push && fx.tx_op.data && !fx.tx_op.end && fx.tx_take && w.owns_tx);
    assert_eq!(
        (
            n(fx.tx_op.va),
            n(fx.tx_op.len),
            n(fx.tx_op.asid),
            n(fx.tx_op.dest)
        ),
        (0x5000, 100, 5, 2)
    );
    assert!(fx.op_push && n(fx.op.va) == DESC + 32 && n(fx.op.va_b) == DESC + 40);
    // The last: data with end, and nobody has it.
    let fx = w.desc(0x6000, 8, 0, 0);
    assert!(fx.tx_push && fx.tx_op.data && fx.tx_op.end && !fx.tx_op.abort && fx.tx_free);
    assert!(!fx.op_push && w.slot.state == SlotState::TxEnd && !w.owns_tx);
    // Device-writable descriptors: no data; the last ends the packet and says how many bytes.
    let mut w = World::at(&TINY, SlotState::Desc);
    let fx = w.desc(0x5000, 100, NEXT | WRITE, 2);
    assert!(!fx.tx_push && !w.owns_tx && fx.op_push);
    assert_eq!((n(w.slot.w_index), n(w.slot.w_count)), (0, 0));
    let fx = w.desc(0x5000, 1, WRITE, 0);
    assert!(fx.tx_push && !fx.tx_op.data && fx.tx_op.end && fx.tx_free && !fx.tx_take);
    assert_eq!(n(fx.tx_op.writable), 101);
    // An empty one is no op, but the packet ends all the same.
    let mut w = World::at(&TINY, SlotState::Desc);
    w.other_tx = true;
    let fx = w.desc(0x5000, 0, NEXT, 2);
    assert!(!fx.tx_push && !w.owns_tx && w.slot.state == SlotState::Desc);
    w.other_tx = false;
    let fx = w.desc(0x5000, 0, 0, 0);
    assert!(fx.tx_push && !fx.tx_op.data && fx.tx_op.end);
}

#[test]
fn a_bad_next_behind_data_ends_the_packet_at_once() {
    let mut w = World::at(&TINY, SlotState::Desc);
    let fx = w.desc(0x5000, 100, NEXT, SIZE);
    assert!(fx.tx_push && fx.tx_op.data && fx.tx_op.end && fx.tx_op.abort);
    assert!(!w.owns_tx && !fx.op_push && !fx.fault_push && w.slot.state == SlotState::TxEnd);
    assert_eq!(n(w.slot.left), 1);
    let fx = w.source(SRC_TXD);
    assert!(fx.fault_push && fx.free_push && !fx.n_tx);
    assert_eq!(n(fx.fault.cause), u64::from(mmu::CAUSE_DESC_INDEX));
    // Without data there is nothing to end.
    let mut w = World::at(&TINY, SlotState::Desc);
    let fx = w.desc(0x5000, 100, NEXT | WRITE, SIZE);
    assert!(!fx.tx_push && fx.fault_push && fx.free_push);
}

#[test]
fn the_walk_refuses_bad_chains_in_order() {
    let indirect = |len, addr: u64, flags, inside| {
        let mut w = World::at(&TINY, SlotState::Desc).with_features();
        w.slot.indirect = inside;
        let fx = w.desc(addr, len, flags | INDIRECT, 0);
        (n(fx.fault.cause) * u64::from(fx.fault_push)) as u16
    };
    assert_eq!(indirect(32, 0x5000, 0, false), 0);
    assert_eq!(indirect(32, 0x5000, NEXT, false), mmu::CAUSE_INDIRECT);
    assert_eq!(indirect(0, 0x5000, 0, true), mmu::CAUSE_INDIRECT);
    assert_eq!(indirect(0, 0x5000, 0, false), mmu::CAUSE_INDIRECT_TABLE);
    assert_eq!(indirect(24, 0x5000, 0, false), mmu::CAUSE_INDIRECT_TABLE);
    assert_eq!(indirect(32, 0x5004, 0, false), mmu::CAUSE_INDIRECT_TABLE);
    let direct = |count: u64, seen, rsum: u64, flags| {
        let mut w = World::at(&TINY, SlotState::Desc);
        w.slot.count = count.into();
        w.slot.seen_write = seen;
        w.slot.rsum = rsum.into();
        let fx = w.desc(0x5000, 16, flags, 1);
        (n(fx.fault.cause) * u64::from(fx.fault_push)) as u16
    };
    let most = u64::from(ring::MAX_CHAIN_BYTES) - 16;
    assert_eq!(direct(SIZE - 1, false, most, NEXT), 0);
    assert_eq!(direct(SIZE, true, most + 1, 0), mmu::CAUSE_CHAIN_LONG);
    assert_eq!(direct(0, true, most + 1, 0), mmu::CAUSE_DESC_ORDER);
    assert_eq!(direct(0, false, most + 1, 0), mmu::CAUSE_CHAIN_BYTES);
    assert_eq!(
        direct(0, false, u64::from(u32::MAX) - 3, 0),
        mmu::CAUSE_CHAIN_BYTES
    );
}

#[test]
fn a_slot_waits_for_the_transmit_mover_in_its_own_way() {
    // Another slot has it: the waiting FIFO, again and again.
    let mut w = World::at(&TINY, SlotState::Desc);
    w.other_tx = true;
    let fx = w.desc(0x5000, 100, NEXT, 2);
    assert!(fx.wait_push && !fx.owner_waits && !fx.tx_push && !fx.op_push && !fx.tx_take);
    assert!(w.slot.state == SlotState::WaitTx);
    assert_eq!((n(w.slot.count), n(w.slot.rsum)), (1, 100));
    let fx = w.source(SRC_TXW);
    assert!(fx.wait_push && !fx.tx_push && w.slot.state == SlotState::WaitTx);
    w.other_tx = false;
    let fx = w.source(SRC_TXW);
    assert!(fx.tx_push && fx.tx_take && !fx.wait_push && w.slot.state == SlotState::Desc);
    assert_eq!((n(w.slot.count), n(w.slot.rsum)), (1, 100));
    // The owner waits for room alone.
    w.room = false;
    let fx = w.desc(0x6000, 100, 0, 0);
    assert!(!fx.wait_push && fx.owner_waits && !fx.tx_push && !fx.tx_free && w.owns_tx);
    w.room = true;
    let fx = w.source(SRC_TXW);
    assert!(fx.tx_push && fx.tx_op.end && fx.tx_free && w.slot.state == SlotState::TxEnd);
}

#[test]
fn an_abort_owes_only_what_the_slot_owns() {
    // Nothing.
    let mut w = World::at(&TINY, SlotState::Desc);
    w.dev.status = 0u64.into();
    let fx = w.desc(0x5000, 100, NEXT, 2);
    assert!(!fx.tx_push && !fx.op_push && !fx.rx_push && fx.free_push && n(w.dev.inflight) == 0);
    // Waiting, too.
    let mut w = World::at(&TINY, SlotState::WaitTx);
    w.vq.ready = false;
    let fx = w.source(SRC_TXW);
    assert!(!fx.tx_push && !fx.wait_push && fx.free_push);
    // A packet begun, at once or when there is room.
    for room in [true, false] {
        let mut w = World::at(&TINY, SlotState::Desc);
        w.desc(0x5000, 100, NEXT, 2);
        w.vq.ready = false;
        w.room = room;
        let mut fx = w.desc(0x5000, 100, NEXT, 2);
        if !room {
            assert!(!fx.tx_push && fx.owner_waits && !fx.wait_push && w.owns_tx);
            assert!(w.slot.state == SlotState::WaitTx);
            w.room = true;
            fx = w.source(SRC_TXW);
        }
        assert!(fx.tx_push && !fx.tx_op.data && fx.tx_op.end && fx.tx_op.abort && fx.tx_free);
        assert!(!w.owns_tx && !fx.free_push && !fx.op_push && !fx.owner_waits);
        assert!(w.slot.state == SlotState::TxEnd && w.slot.fate == SlotFate::Abort);
        let fx = w.source(SRC_TXD);
        assert!(fx.free_push && !fx.n_tx && w.slot.state == SlotState::Idle);
    }
}

#[test]
fn a_packet_sent_is_answered_or_done() {
    for (writable, alive, state) in [
        (0u64, true, SlotState::Tell),
        (5, true, SlotState::Answer),
        (5, false, SlotState::Idle),
    ] {
        let mut w = World::at(&TINY, SlotState::TxEnd);
        w.slot.left = 1u64.into();
        w.slot.wsum = writable.into();
        w.vq.ready = alive;
        let fx = w.source(SRC_TXD);
        assert!(fx.n_tx && w.slot.state == state && !fx.tx_free);
    }
    let mut w = World::at(&TINY, SlotState::TxEnd);
    w.slot.left = 1u64.into();
    let fx = w.event(CoreEv {
        src: SRC_TXD.into(),
        cause: u64::from(mmu::CAUSE_READ_ACCESS).into(),
        iova: 0x77u64.into(),
        ..CoreEv::default()
    });
    assert!(fx.fault_push && !fx.n_tx && fx.free_push);
    assert_eq!((n(fx.fault.asid), n(fx.fault.iova)), (5, 0x77));
}

#[test]
fn a_doorbell_enqueues_once() {
    let mut w = World::new(&TINY);
    let fx = w.source(SRC_DB);
    assert!(fx.ready_push && n(fx.ready_vq) == 9 && fx.n_doorbell && !fx.ctx.slot_we);
    let fx = w.source(SRC_DB);
    assert!(!fx.ready_push && n(w.cnt.kicks) == 2 && !fx.free_push);
}
