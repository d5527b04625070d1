//! Tests of the steps of an event: packets for receive queues.

use super::visits::ring_word;
use super::*;

/// A packet for the queue, for which receive slot 8 was taken.
pub(super) fn packet() -> CoreEv {
    CoreEv {
        src: SRC_RXP.into(),
        dest: 2u64.into(),
        spare: 8u64.into(),
        ..CoreEv::default()
    }
}

/// A packet that joins those that wait.
fn join(w: &mut World) {
    let pend = n(w.vq.pend);
    let (slot, number) = (w.slot, w.number);
    w.number = 8;
    let fx = w.event(packet());
    assert!(fx.order_push && !fx.order_none && n(fx.order_slot) == RX_SLOT);
    assert!(fx.rx_free_push && n(fx.rx_free_slot) == 8 && !fx.op_push && !fx.ctx.slot_we);
    assert!(w.slot == slot && n(w.vq.pend) == pend + 1 && n(w.dev.inflight) == 1);
    w.number = number;
}

/// The mover is done with `bytes` of a packet.
pub(super) fn done(w: &mut World, bytes: u64, ended: bool, cause: u16) -> Effects {
    w.event(CoreEv {
        src: SRC_RXD.into(),
        bytes: bytes.into(),
        ended,
        cause: u64::from(cause).into(),
        iova: 0x7777u64.into(),
        ..CoreEv::default()
    })
}

/// A visit of `visit` chains, heads 1, 2, 3, ..., for `pend` packets: the first descriptor is on its way.
pub(super) fn visit(visit: u64, pend: u64) -> World {
    let mut w = World::receiving(SlotState::Ring, pend);
    w.vq.avail_cache = visit.into();
    w.slot.b_read = true;
    w.comp(ring_word(&[1, 2, 3, 4], 0), ring_word(&[5, 6, 7, 0], 0));
    assert!(n(w.slot.visit) == visit && w.slot.state == SlotState::Desc);
    w
}

pub(super) fn used(fx: &Effects, i: u32) -> u64 {
    let more = number(fx.op.tell.used_more);
    if i == 0 {
        n(fx.op.tell.used_len)
    } else {
        (more >> (17 * (i - 1)) & 0x1_ffff) as u64
    }
}

#[test]
fn a_packet_binds_a_receive_slot_or_joins_it() {
    for known in [false, true] {
        let mut w = World::receiving(SlotState::Idle, 0);
        w.vq.busy = false;
        w.dev.inflight = 0u64.into();
        w.vq.avail_cache = u64::from(known).into();
        w.slot = SlotRec::default();
        let fx = w.event(CoreEv {
            spare: RX_SLOT.into(),
            ..packet()
        });
        assert!(fx.order_push && !fx.order_none && n(fx.order_slot) == RX_SLOT);
        assert!(!fx.rx_free_push && fx.op_push && !fx.rx_push);
        let state = [SlotState::Look, SlotState::Ring][usize::from(known)];
        assert!(w.slot.state == state && w.slot.delivering && w.vq.busy);
        assert_eq!(
            (n(w.vq.pend), n(w.vq.slot), n(w.dev.inflight)),
            (1, RX_SLOT, 1)
        );
        assert_eq!((n(w.slot.dev), n(w.slot.vq)), (2, 9));
        join(&mut w);
        join(&mut w);
    }
}

#[test]
fn a_packet_for_nobody_is_thrown_away() {
    for (what, counts, drops) in [
        (0, true, 1),  // stopped
        (1, true, 1),  // not ready
        (2, true, 0),  // no such queue
        (3, true, 0),  // no device
        (4, false, 0), // warm
        (5, true, 1),  // no receive queue
    ] {
        let mut w = World::receiving(SlotState::Idle, 0);
        w.vq.busy = false;
        let mut ev = packet();
        match what {
            0 => w.dev.stopped = true,
            1 => w.vq.ready = false,
            2 => ev.index = 2u64.into(),
            3 => w.dev.exists = false,
            4 => ev.warm = true,
            _ => w.dev.typ = u64::from(ring::TYPE_BLK).into(),
        }
        let fx = w.event(ev);
        assert!(fx.order_push && fx.order_none && fx.rx_free_push && n(fx.rx_free_slot) == 8);
        assert!(!fx.op_push && !fx.ctx.slot_we && !fx.ctx.vq_we && !fx.rx_push);
        assert_eq!((fx.n_drop, n(w.cnt.drops)), (counts, drops), "{what}");
    }
}

#[test]
fn a_visit_takes_several_packets_and_tells_each_length() {
    let mut w = visit(8, 3);
    for i in 1..=4 {
        let fx = w.desc(0x5000 * i, 1600, WRITE, 0);
        assert!(fx.rx_push && fx.rx_op.end && !fx.rx_op.discard && !fx.tx_push);
        assert_eq!((n(fx.rx_op.va), n(fx.rx_op.len)), (0x5000 * i, 1600));
        assert_eq!(n(w.slot.left), i);
        if i == 1 {
            // One more comes meanwhile.
            join(&mut w);
        }
        assert_eq!((n(w.vq.pend), fx.op_push), (4 - i, i < 4));
    }
    // None is left: the other chains stay.
    assert!(w.slot.state == SlotState::TxEnd && n(w.slot.visit) == 4);
    for i in 1..=4 {
        let fx = done(&mut w, 0x1_0000 + i, true, 0);
        assert!(fx.n_rx && !fx.n_tx && fx.op_push == (i == 4) && n(w.slot.left) == 4 - i);
        if i == 4 {
            let t = fx.op.tell;
            assert_eq!((n(t.count), n(t.last_avail), t.receive), (4, 4, true));
            for i in 0..4 {
                assert_eq!(used(&fx, i), 0x1_0001 + u64::from(i));
            }
            assert!(!fx.op.two && number(t.used_more) >> 51 == 0);
        }
    }
    let fx = w.comp(0, 0);
    assert!(fx.rx_free_push && !fx.free_push && n(w.vq.used_idx) == 4 && !w.vq.busy);
    assert_eq!((n(w.cnt.chains), n(w.dev.inflight)), (4, 0));
    // Eight of them.
    let mut w = visit(8, 9);
    for _ in 0..8 {
        w.desc(0x5000, 1600, WRITE, 0);
    }
    assert!(w.slot.state == SlotState::TxEnd && n(w.vq.pend) == 1);
    let mut fx = Effects::default();
    for i in 0..8 {
        fx = done(&mut w, 0x1_fff0 + i, true, 0);
    }
    assert!((0..8).all(|i| used(&fx, i) == 0x1_fff0 + u64::from(i)));
}

#[test]
fn an_end_may_be_seen_while_the_next_descriptor_is_read() {
    let mut w = visit(2, 2);
    w.desc(0x5000, 1600, WRITE, 0);
    let fx = done(&mut w, 60, true, 0);
    assert!(fx.n_rx && !fx.op_push && w.slot.state == SlotState::Desc && n(w.slot.left) == 0);
    // The next chain is not plain: the visit ends here.
    let fx = w.desc(0x6000, 1600, WRITE | NEXT, 3);
    assert!(n(fx.op.kind) == CTL_TELL && n(fx.op.tell.count) == 1 && used(&fx, 0) == 60);
    assert!(!fx.rx_push && n(w.vq.pend) == 1);
    // What waits gets the next visit, of the chain left.
    let fx = w.comp(0, 0);
    assert!(!fx.rx_free_push && w.slot.state == SlotState::Ring && w.vq.busy);
    assert_eq!((n(fx.op.va), n(w.vq.last_avail)), (DRIVER + 4 + 2, 1));
    w.comp(ring_word(&[0, 2], 0), 0);
    assert_eq!(
        (n(w.slot.visit), n(w.slot.ended), n(w.slot.used_len)),
        (1, 0, 0)
    );
    // Several descriptors: the mover says how far it came with each.
    let fx = w.desc(0x6000, 1600, WRITE | NEXT, 3);
    assert!(fx.rx_push && !fx.rx_op.end && !fx.op_push && w.slot.state == SlotState::RxData);
    assert_eq!(n(w.vq.pend), 1);
    let fx = done(&mut w, 1600, false, 0);
    assert!(fx.op_push && n(fx.op.va) == DESC + 3 * 16 && !fx.n_rx);
    let fx = w.desc(0x7000, 0, WRITE | NEXT, 4);
    assert!(!fx.rx_push && n(fx.op.va) == DESC + 4 * 16);
    let fx = w.desc(0x8000, 0, WRITE, 0);
    assert!(fx.rx_push && fx.rx_op.end && n(fx.rx_op.len) == 0 && n(w.vq.pend) == 0);
    assert!(w.slot.state == SlotState::TxEnd);
    let fx = done(&mut w, 7, true, 0);
    assert!(fx.n_rx && n(fx.op.kind) == CTL_TELL && used(&fx, 0) == 1607);
}

#[test]
fn a_packet_may_end_in_the_middle_of_a_chain() {
    let mut w = visit(2, 2);
    w.desc(0x6000, 1600, WRITE | NEXT, 3);
    assert_eq!(n(w.slot.visit), 1);
    let fx = done(&mut w, 100, true, 0);
    assert!(fx.n_rx && n(fx.op.kind) == CTL_TELL && used(&fx, 0) == 100);
    assert_eq!((n(w.vq.pend), n(fx.op.tell.count)), (1, 1));
    // Nothing more is known to be there: a look.
    w.vq.avail_cache = 1u64.into();
    let fx = w.comp(0, 0);
    assert!(w.slot.state == SlotState::Look && n(fx.op.va) == DRIVER + 2 && !fx.rx_free_push);
}

#[test]
fn chains_that_are_not_plain_end_a_visit() {
    for (len, flags) in [
        (1 << 17, WRITE),
        (0, WRITE),
        (64, 0),
        (64, WRITE | NEXT),
        (64, INDIRECT),
    ] {
        let mut w = visit(3, 3).with_features();
        w.desc(0x5000, 100, WRITE, 0);
        let fx = w.desc(0x6000, len, flags, 1);
        assert!(!fx.rx_push && !fx.op_push && !fx.fault_push && w.slot.state == SlotState::TxEnd);
        assert_eq!((n(w.slot.visit), n(w.vq.pend)), (1, 2));
    }
    let mut w = visit(3, 3);
    w.desc(0x5000, 100, WRITE, 0);
    assert!(w.desc(0x6000, (1 << 17) - 1, WRITE, 0).rx_push && n(w.slot.visit) == 3);
}

#[test]
fn without_buffers_up_to_eight_packets_are_thrown_away_before_the_next_look() {
    let mut w = World::receiving(SlotState::Look, 10);
    let mut fx = w.comp(0, 0);
    for i in 1..=8_u64 {
        assert!(fx.rx_push && fx.rx_op.discard && fx.n_drop && !fx.op_push && !fx.rx_free_push);
        assert!(w.slot.state == SlotState::RxDisc && w.slot.fate == SlotFate::Normal);
        assert_eq!((n(w.cnt.drops), n(w.vq.pend)), (i, 10 - i));
        fx = done(&mut w, 0, true, 0);
        assert!(!fx.n_rx);
    }
    assert!(!fx.rx_push && !fx.n_drop && w.slot.state == SlotState::Look);
    assert!(fx.op_push && n(fx.op.va) == DRIVER + 2 && n(w.vq.pend) == 2);
    // Two more, then nothing waits.
    w.comp(0, 0);
    assert_eq!(n(w.slot.left), 1);
    done(&mut w, 0, true, 0);
    // One that comes behind them is not among them.
    join(&mut w);
    let fx = done(&mut w, 0, true, 0);
    assert!(w.slot.state == SlotState::Look && fx.op_push);
    w.comp(0, 0);
    let fx = done(&mut w, 0, true, 0);
    assert!(fx.rx_free_push && n(w.cnt.drops) == 11 && w.slot.state == SlotState::Idle);
}

#[test]
fn a_fault_ends_the_visit_and_what_waits_is_thrown_away() {
    // Of a write of the second packet.
    let mut w = visit(3, 5);
    for _ in 0..3 {
        w.desc(0x5000, 1600, WRITE, 0);
    }
    // No more buffers for the two that wait.
    w.comp(field(2, 3), 0);
    assert!(done(&mut w, 60, true, 0).n_rx);
    let fx = done(&mut w, 60, true, mmu::CAUSE_WRITE_PAGE);
    assert!(!fx.n_rx && !fx.fault_push && w.slot.kept && w.slot.state == SlotState::TxEnd);
    let fx = done(&mut w, 60, true, 0);
    assert!(fx.n_rx && fx.fault_push && fx.fault.write && fx.rx_push && fx.rx_op.discard);
    assert_eq!((n(fx.fault.iova), n(fx.fault.asid)), (0x7777, 5));
    assert!(!fx.n_drop && n(w.vq.pend) == 1 && w.slot.state == SlotState::RxDisc);
    let fx = done(&mut w, 0, true, 0);
    assert!(fx.rx_push && fx.rx_op.discard && !fx.rx_free_push && n(w.vq.pend) == 0);
    let fx = done(&mut w, 0, true, 0);
    assert!(!fx.rx_push && fx.rx_free_push && !w.vq.busy && n(w.vq.used_idx) == 0);
    // A bad second chain waits for the first packet.
    let mut w = visit(3, 2);
    w.desc(0x5000, 1600, WRITE, 0);
    let fx = w.event(CoreEv {
        src: SRC_COMP.into(),
        cause: u64::from(mmu::CAUSE_READ_PAGE).into(),
        iova: 0x1234u64.into(),
        ..CoreEv::default()
    });
    assert!(!fx.fault_push && !fx.rx_push && w.slot.state == SlotState::TxEnd);
    let fx = done(&mut w, 60, true, 0);
    assert!(!fx.n_rx && fx.fault_push && !fx.fault.write && fx.rx_push && fx.rx_op.discard);
    assert_eq!((n(fx.fault.iova), n(fx.fault.asid)), (0x1234, 7));
    // A bad descriptor behind the first of a chain: the packet is in the mover.
    let mut w = visit(1, 1);
    w.desc(0x6000, 1600, WRITE | NEXT, SIZE);
    let fx = done(&mut w, 1600, false, 0);
    assert!(fx.fault_push && fx.rx_push && fx.rx_op.discard && n(w.vq.pend) == 0);
    assert_eq!(n(fx.fault.cause), u64::from(mmu::CAUSE_DESC_INDEX));
    assert!(done(&mut w, 0, true, 0).rx_free_push);
    // A fault of the descriptor that the packet ended in.
    let mut w = visit(1, 1);
    w.desc(0x6000, 1600, WRITE | NEXT, 2);
    let fx = done(&mut w, 60, true, mmu::CAUSE_WRITE_ACCESS);
    assert!(fx.fault_push && !fx.rx_push && fx.rx_free_push && !fx.n_rx);
}

#[test]
fn an_abort_throws_away_what_waits() {
    for (state, ended) in [
        (SlotState::Look, false),
        (SlotState::Desc, false),
        (SlotState::RxData, false),
        (SlotState::RxData, true),
        (SlotState::RxDisc, true),
        (SlotState::Tell, false),
    ] {
        let mut w = World::receiving(state, 3);
        w.vq.ready = false;
        let moves = matches!(state, SlotState::RxData | SlotState::RxDisc);
        let mut fx = if moves {
            done(&mut w, 10, ended, 0)
        } else {
            w.comp(0, 0)
        };
        let waited = if state == SlotState::RxData && ended {
            2
        } else {
            3
        };
        for i in 1..=waited {
            assert!(fx.rx_push && fx.rx_op.discard && !fx.rx_free_push && !fx.n_drop);
            assert!(w.slot.state == SlotState::RxDisc && n(w.vq.pend) == waited - i);
            fx = done(&mut w, 0, true, 0);
        }
        assert!(!fx.rx_push && fx.rx_free_push && w.slot.state == SlotState::Idle);
        assert_eq!((n(w.dev.inflight), n(w.cnt.drops), fx.n_rx), (0, 0, false));
    }
    // The packets that the mover has go first.
    let mut w = visit(2, 3);
    w.desc(0x5000, 1600, WRITE, 0);
    w.vq.ready = false;
    let fx = w.desc(0x6000, 1600, WRITE, 0);
    assert!(!fx.rx_push && w.slot.state == SlotState::TxEnd && w.slot.fate == SlotFate::Abort);
    let fx = done(&mut w, 60, true, 0);
    assert!(fx.rx_push && fx.rx_op.discard && !fx.n_rx && n(w.vq.pend) == 1);
}
