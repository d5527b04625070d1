//! Visits to receive queues and answers, event by event.
//!
//! Timing: TIMING.md §3.5 to §3.8.

use super::*;
use crate::ctl::{CtlOp, Kind, Tell};
use crate::rx::{Edge, RxDone, RxOp};
use crate::tx::TxDone;
use shoal_abi::mmu::{CAUSE_READ_PAGE, CAUSE_WRITE_PAGE};
use shoal_abi::ports::Inputs;
use shoal_abi::ring::{DESC_F_NEXT, DESC_F_WRITE, S_NEEDS_RESET, TYPE_NET};
use shoal_abi::stream::{TUSER_ANSWER, TUSER_TAG};

/// The first receive slot.
const S: usize = TINY.chain_slots;

/// A rig whose device 1 is a net device, with a receive queue whose entries 0..`offered` are known to be available.
fn rig(offered: u16) -> Rig {
    let mut rig = Rig::new();
    rig.core.ctx.dev[1].kind = TYPE_NET;
    rig.core.ctx.vq[1].avail_cache = offered;
    rig
}

/// The word of a descriptor behind its address.
fn desc(len: u64, flags: u16, next: u64) -> u64 {
    len | u64::from(flags) << 32 | next << 48
}

impl Rig {
    /// A packet of one beat; what the mover does with it is said by the test.
    fn packet(&mut self, dest: u32, user: u64) {
        self.rx = Rx::new(&TINY);
        let i = Inputs {
            s_axis_tvalid: true,
            s_axis_tlast: true,
            s_axis_tdest: dest,
            s_axis_tuser: user,
            ..Inputs::default()
        };
        let edge = Edge {
            i: &i,
            up: true,
            xlat: crate::mmu::Xlat {
                taken: false,
                answer: None,
            },
            granted: false,
            loading: false,
            b: None,
            cur: 0,
        };
        self.rx
            .tick(&TINY, &edge, &mut crate::epoch::Ends::default());
        self.run(20);
    }

    fn complete(&mut self, slot: usize, a: u64, b: u64, cause: u16) {
        self.ctl.completions.push(Completion {
            slot: slot as u16,
            a,
            b,
            cause,
            ..Completion::default()
        });
        self.run(20);
    }

    fn end(&mut self, bytes: u32, ended: bool, cause: u16) {
        self.rx.push_done(RxDone {
            slot: S as u16,
            bytes,
            ended,
            cause,
            iova: 0x77,
        });
        self.run(20);
    }

    /// A plain buffer for the descriptor that has been asked for.
    fn buffer(&mut self) {
        self.complete(S, 0x5000, desc(2000, DESC_F_WRITE, 0), 0);
    }

    /// The ring entries 0, 1, 2, ...
    fn entries(&mut self) {
        self.complete(S, 0x0001_0000 << 32, 0x0005_0004_0003_0002, 0);
    }

    fn orders(&self) -> Vec<Option<u16>> {
        self.effects.iter().filter_map(|(_, fx)| fx.order).collect()
    }

    fn rx_ops(&self) -> Vec<RxOp> {
        let ops = self.effects.iter().filter_map(|(_, fx)| fx.rx);
        ops.map(|(_, op)| op).collect()
    }

    /// Ops that throw packets away.
    fn discards(&self) -> usize {
        let ops = self.rx_ops();
        ops.iter().filter(|op| **op == RxOp::Discard).count()
    }

    fn ctl_ops(&self) -> Vec<CtlOp> {
        self.effects.iter().filter_map(|(_, fx)| fx.ctl).collect()
    }

    fn tells(&self) -> Vec<Tell> {
        let ops = self.ctl_ops().into_iter();
        ops.filter(|op| op.kind == Kind::Tell)
            .map(|op| op.tell)
            .collect()
    }

    fn count(&self, c: Counter) -> usize {
        let bit = 1 << c as u16;
        self.effects
            .iter()
            .filter(|(_, fx)| fx.counters & bit != 0)
            .count()
    }

    fn state(&self, s: usize) -> SlotState {
        self.core.slots[s].state
    }

    fn pend(&self) -> u16 {
        self.core.slots[S].pend
    }

    /// All receive slots are free.
    fn assert_released(&self) {
        assert_eq!(self.core.rx_free.seen(), TINY.rx_slots);
        assert!(!self.core.ctx.vq[1].busy);
        assert_eq!(self.core.ctx.dev[1].inflight, 0);
    }
}

#[test]
fn packets_join_the_visit_and_are_told_of_together() {
    let mut rig = rig(6);
    (0..3).for_each(|_| rig.packet(1, 0));
    assert_eq!(rig.orders(), [Some(S as u16); 3]);
    assert_eq!((rig.state(S), rig.pend()), (SlotState::Ring, 3));
    rig.entries();
    (0..3).for_each(|_| rig.buffer());
    // Three packets take three of six chains.
    assert_eq!((rig.state(S), rig.pend()), (SlotState::TxEnd, 0));
    let op = RxOp::Data {
        asid: 0,
        va: 0x5000,
        len: 2000,
        end: true,
    };
    assert_eq!(rig.rx_ops(), [op; 3]);
    // A fourth joins too late for this visit.
    rig.packet(1, 0);
    (1..4).for_each(|n| rig.end(100 * n, true, 0));
    let tell = rig.tells()[0];
    assert_eq!((tell.m, tell.receive), (3, true));
    assert_eq!(tell.heads[..3], [0, 1, 2]);
    assert_eq!(tell.used_len[..4], [100, 200, 300, 0]);
    assert_eq!(rig.count(Counter::RxPackets), 3);
    rig.complete(S, 0, 0, 0);
    // It has the next visit, with entries that are known.
    assert_eq!((rig.state(S), rig.pend()), (SlotState::Ring, 1));
    rig.complete(S, 0x0005_0004_0003 << 16, 0, 0);
    assert_eq!(rig.core.slots[S].heads[0], 3);
    rig.buffer();
    rig.end(9, true, 0);
    rig.complete(S, 0, 0, 0);
    assert_eq!(rig.core.ctx.vq[1].used_idx, 4);
    rig.assert_released();
}

#[test]
fn queues_have_slots_of_their_own_and_packets_without_queue_give_theirs_back() {
    let mut rig = rig(1);
    rig.core.ctx.dev[2].kind = TYPE_NET;
    rig.packet(1, 0);
    rig.packet(3, 0);
    rig.packet(2, 0);
    rig.packet(0, 0);
    rig.packet(1, 0);
    // The slot of the packet that was dropped went to the end of the list.
    let s = S as u16;
    assert_eq!(rig.orders(), [Some(s), None, Some(s + 2), None, Some(s)]);
    assert_eq!(rig.core.rx_free.seen(), 1);
    assert_eq!(rig.count(Counter::RxDrops), 2);
    assert_eq!(rig.core.ctx.vq[3].drops, 1);
}

#[test]
fn a_dry_queue_is_looked_at_again_behind_eight_packets() {
    let mut rig = rig(0);
    (0..10).for_each(|_| rig.packet(1, 0));
    assert_eq!((rig.state(S), rig.pend()), (SlotState::Look, 10));
    rig.complete(S, 0, 0, 0);
    for n in 1..=8 {
        assert_eq!((rig.state(S), rig.discards()), (SlotState::RxDisc, n));
        rig.end(0, true, 0);
    }
    assert_eq!((rig.state(S), rig.pend()), (SlotState::Look, 2));
    // Meanwhile there are buffers: idx 2, entries 0 and 1.
    rig.complete(S, 2 << 16, 0x0001_0000 << 32, 0);
    (0..2).for_each(|_| rig.buffer());
    (0..2).for_each(|_| rig.end(50, true, 0));
    rig.complete(S, 0, 0, 0);
    assert_eq!(rig.core.ctx.vq[1].drops, 8);
    assert_eq!(rig.count(Counter::RxDrops), 8);
    assert_eq!(rig.count(Counter::RxPackets), 2);
    rig.assert_released();
}

#[test]
fn a_chain_that_is_not_plain_is_left_to_the_next_visit_and_walked_alone() {
    let mut rig = rig(6);
    (0..3).for_each(|_| rig.packet(1, 0));
    rig.entries();
    rig.buffer();
    rig.complete(S, 0x6000, desc(64, DESC_F_WRITE | DESC_F_NEXT, 3), 0);
    // The first packet ends the visit.
    assert_eq!((rig.state(S), rig.pend()), (SlotState::TxEnd, 2));
    rig.end(100, true, 0);
    assert_eq!(rig.tells()[0].m, 1);
    rig.complete(S, 0, 0, 0);
    assert_eq!(rig.state(S), SlotState::Ring);
    // Entries 1 and 2; the first chain has three descriptors, the second of them empty.
    rig.complete(S, 0x0002_0001 << 48, 0x0005_0004_0003_0002, 0);
    rig.complete(S, 0x6000, desc(64, DESC_F_WRITE | DESC_F_NEXT, 3), 0);
    assert_eq!((rig.state(S), rig.pend()), (SlotState::RxData, 2));
    assert!(matches!(
        rig.rx_ops()[1],
        RxOp::Data {
            len: 64,
            end: false,
            ..
        }
    ));
    rig.end(64, false, 0);
    rig.complete(S, 0x7000, desc(0, DESC_F_WRITE | DESC_F_NEXT, 4), 0);
    assert_eq!(rig.state(S), SlotState::Desc);
    rig.complete(S, 0x8000, desc(0, DESC_F_WRITE, 0), 0);
    // The visit asks for more entries; the next chain is not plain either.
    assert_eq!((rig.state(S), rig.pend()), (SlotState::Ring, 1));
    rig.complete(S, 0x0005_0004_0003_0002, 0, 0);
    rig.complete(S, 0x6000, desc(64, DESC_F_WRITE | DESC_F_NEXT, 3), 0);
    assert_eq!((rig.state(S), rig.pend()), (SlotState::TxEnd, 1));
    assert!(matches!(
        rig.rx_ops()[2],
        RxOp::Data {
            len: 0,
            end: true,
            ..
        }
    ));
    rig.end(0, true, 0);
    let tell = rig.tells()[1];
    assert_eq!((tell.m, tell.used_len[0]), (1, 64));
    rig.complete(S, 0, 0, 0);
    // The third packet ends in the first descriptor of its chain.
    rig.complete(S, 2, 0, 0);
    rig.complete(S, 0x6000, desc(64, DESC_F_WRITE | DESC_F_NEXT, 3), 0);
    rig.end(33, true, 0);
    assert_eq!(rig.tells()[2].used_len[0], 33);
    rig.complete(S, 0, 0, 0);
    assert_eq!(rig.count(Counter::RxPackets), 3);
    rig.assert_released();
}

#[test]
fn a_fault_of_the_second_packet_is_reported_and_what_is_pending_thrown_away() {
    let mut rig = rig(2);
    (0..4).for_each(|_| rig.packet(1, 0));
    rig.entries();
    (0..2).for_each(|_| rig.buffer());
    // There are no more.
    assert_eq!((rig.state(S), rig.pend()), (SlotState::Look, 2));
    rig.complete(S, 2 << 16, 0, 0);
    assert_eq!((rig.state(S), rig.pend()), (SlotState::TxEnd, 2));
    rig.end(100, true, 0);
    rig.end(100, true, CAUSE_WRITE_PAGE);
    assert_eq!(rig.core.ctx.dev[1].status & S_NEEDS_RESET, S_NEEDS_RESET);
    assert_eq!(rig.core.ctx.vq[1].faults, 1);
    assert_eq!((rig.state(S), rig.pend()), (SlotState::RxDisc, 1));
    // What comes behind finds the device not running.
    rig.packet(1, 0);
    assert_eq!(rig.orders()[4], None);
    rig.end(0, true, 0);
    assert_eq!((rig.state(S), rig.pend()), (SlotState::RxDisc, 0));
    rig.end(0, true, 0);
    assert_eq!((rig.discards(), rig.tells().len()), (2, 0));
    assert_eq!(rig.count(Counter::RxPackets), 1);
    rig.assert_released();
}

#[test]
fn a_fault_of_a_descriptor_waits_for_the_packets_before() {
    let mut rig = rig(6);
    (0..3).for_each(|_| rig.packet(1, 0));
    rig.entries();
    rig.buffer();
    rig.complete(S, 0, 0, CAUSE_READ_PAGE);
    assert_eq!((rig.state(S), rig.pend()), (SlotState::TxEnd, 2));
    assert_eq!(rig.core.ctx.vq[1].faults, 0);
    rig.end(100, true, 0);
    assert_eq!(rig.core.ctx.vq[1].faults, 1);
    (0..2).for_each(|_| rig.end(0, true, 0));
    assert_eq!((rig.discards(), rig.count(Counter::RxPackets)), (2, 0));
    rig.assert_released();
}

#[test]
fn a_queue_that_is_not_ready_any_more_throws_its_packets_away() {
    let mut rig = rig(6);
    (0..3).for_each(|_| rig.packet(1, 0));
    rig.entries();
    rig.core.ctx.vq[1].ready = false;
    rig.buffer();
    (0..3).for_each(|_| rig.end(0, true, 0));
    assert_eq!(rig.discards(), 3);
    assert_eq!(
        (rig.count(Counter::RxDrops), rig.core.ctx.vq[1].drops),
        (0, 0)
    );
    rig.assert_released();
}

#[test]
fn a_dry_queue_that_dies_throws_all_of_its_packets_away() {
    let mut rig = rig(0);
    (0..10).for_each(|_| rig.packet(1, 0));
    rig.complete(S, 0, 0, 0);
    rig.core.ctx.vq[1].ready = false;
    (0..10).for_each(|_| rig.end(0, true, 0));
    assert_eq!((rig.discards(), rig.count(Counter::RxDrops)), (10, 1));
    rig.assert_released();
}

/// A rig whose slot 0 has sent a request of device 2 with a writable part; its tag.
fn request() -> (Rig, u64) {
    let mut rig = Rig::new();
    rig.core.ctx.vq[2].avail_cache = 1;
    rig.ring(2);
    rig.run(40);
    rig.complete(0, 0, 0, 0);
    rig.complete(0, 0x5000, desc(16, DESC_F_NEXT, 3), 0);
    rig.complete(0, 0x6000, desc(512, DESC_F_WRITE, 0), 0);
    assert_eq!(rig.state(0), SlotState::TxEnd);
    let tag = rig.core.tag(0);
    (rig, TUSER_ANSWER.put(1) | TUSER_TAG.put(tag))
}

#[test]
fn an_answer_may_come_before_the_end_of_its_packet_has_been_seen() {
    let (mut rig, user) = request();
    rig.packet(2, user);
    assert_eq!(rig.orders(), [Some(0)]);
    // Another one with that tag is too much.
    rig.packet(2, user);
    assert_eq!(rig.orders()[1], None);
    assert_eq!(rig.state(0), SlotState::TxEnd);
    rig.tx.done.push(TxDone::default());
    rig.run(20);
    assert_eq!(rig.state(0), SlotState::Desc);
    rig.complete(0, 0x6000, desc(512, DESC_F_WRITE, 0), 0);
    rig.rx.push_done(RxDone {
        bytes: 512,
        ended: true,
        ..RxDone::default()
    });
    rig.run(20);
    let tell = rig.tells()[0];
    assert_eq!((tell.m, tell.used_len[0], tell.receive), (1, 512, false));
    rig.complete(0, 0, 0, 0);
    assert_eq!(rig.core.free.seen(), TINY.chain_slots);
}

#[test]
fn an_early_answer_to_a_packet_that_failed_is_thrown_away() {
    let (mut rig, user) = request();
    rig.packet(2, user);
    rig.tx.done.push(TxDone {
        cause: CAUSE_READ_PAGE,
        ..TxDone::default()
    });
    rig.run(20);
    assert_eq!((rig.state(0), rig.discards()), (SlotState::RxDisc, 1));
    assert_eq!(rig.core.ctx.vq[2].faults, 1);
    rig.rx.push_done(RxDone {
        ended: true,
        ..RxDone::default()
    });
    rig.run(20);
    assert_eq!(rig.core.free.seen(), TINY.chain_slots);
}

#[test]
fn an_answer_that_fits_nothing_is_thrown_away() {
    let (mut rig, user) = request();
    rig.packet(1, user);
    rig.packet(2, user ^ TUSER_TAG.put(1 << TINY.slot_w));
    rig.packet(2, user ^ TUSER_TAG.put(1));
    assert_eq!(rig.orders(), [None; 3]);
    assert_eq!(rig.core.rx_free.seen(), TINY.rx_slots);
}

#[test]
fn a_visit_goes_on_with_entries_read_later_and_ends_at_eight() {
    let mut rig = rig(3);
    (0..9).for_each(|_| rig.packet(1, 0));
    rig.entries();
    (0..3).for_each(|_| rig.buffer());
    // Three were known; the index says eight by now.
    assert_eq!((rig.state(S), rig.pend()), (SlotState::Look, 6));
    rig.complete(S, 8 << 16, 0, 0);
    assert_eq!(rig.state(S), SlotState::Ring);
    rig.complete(S, 0x0005_0004_0003_0000, 0x0009_0008_0007_0006, 0);
    (0..5).for_each(|_| rig.buffer());
    assert_eq!((rig.state(S), rig.pend()), (SlotState::TxEnd, 1));
    (1..=8).for_each(|n| rig.end(n, true, 0));
    let tell = rig.tells()[0];
    assert_eq!((tell.m, tell.heads), (8, [0, 1, 2, 3, 4, 5, 6, 7]));
    assert_eq!(tell.used_len, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn an_index_that_goes_back_in_a_visit_is_a_fault() {
    let mut rig = rig(2);
    (0..3).for_each(|_| rig.packet(1, 0));
    rig.entries();
    (0..2).for_each(|_| rig.buffer());
    rig.complete(S, 1 << 16, 0, 0);
    assert_eq!(rig.state(S), SlotState::TxEnd);
    (0..2).for_each(|_| rig.end(60, true, 0));
    assert_eq!(rig.core.ctx.vq[1].faults, 1);
}
