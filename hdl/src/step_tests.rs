//! Tests of the steps of an event: stages A, B and C one behind the other, without the pipeline around them.

use super::*;

use shoal_abi::profile::{Profile, HYPER, TINY};
use shoal_abi::{mmu, ring};

use crate::ctx_types::{
    SlotFate, SlotState, SRC_COMP, SRC_DB, SRC_RDY, SRC_RXD, SRC_RXP, SRC_TXD, SRC_TXW,
};
use crate::stage_a::StageA;
use crate::types::{CTL_RD, CTL_TELL, CTL_WR};
use crate::util::{number, settle};
use crate::walk::Walk;

const SIZE: u64 = 8;
const SLOT: u64 = 3;
const DESC: u64 = 0x1_0000;
const DRIVER: u64 = 0x2_0000;
const DEVICE: u64 = 0x3_0000;
const NEXT: u64 = ring::DESC_F_NEXT as u64;
const WRITE: u64 = ring::DESC_F_WRITE as u64;
const INDIRECT: u64 = ring::DESC_F_INDIRECT as u64;

fn n<const W: usize>(value: Bits<W>) -> u64 {
    number(value) as u64
}

fn number_of(value: Bits<128>) -> u128 {
    number(value)
}

/// The blocks, the contexts of one virtqueue and its slot, and what else an event looks at.
struct World {
    a: StageA,
    walk: Walk,
    c: StageC,
    slot_w: usize,
    number: u64,
    dev: DevRec,
    vq: VqRec,
    cnt: VqCnt,
    msi: MsiRec,
    cmsi: MsiRec,
    slot: SlotRec,
    owns_tx: bool,
    other_tx: bool,
    owns_rx: bool,
    room: bool,
}

impl World {
    /// A running block device with an idle virtqueue of `SIZE` entries.
    fn new(p: &Profile) -> Self {
        let mut w = World {
            a: StageA::new(p),
            walk: Walk::default(),
            c: StageC::new(p),
            slot_w: p.slot_w,
            number: SLOT,
            dev: DevRec {
                exists: true,
                typ: u64::from(ring::TYPE_BLK).into(),
                status: u64::from(ring::S_DRIVER_OK).into(),
                vq_count: 2u64.into(),
                asid0: 5u64.into(),
                asid2: 7u64.into(),
                ..DevRec::default()
            },
            vq: VqRec {
                owner: 2u64.into(),
                ready: true,
                size: SIZE.into(),
                desc: DESC.into(),
                driver: DRIVER.into(),
                device: DEVICE.into(),
                ..VqRec::default()
            },
            cnt: VqCnt::default(),
            msi: MsiRec::default(),
            cmsi: MsiRec::default(),
            slot: SlotRec::default(),
            owns_tx: false,
            other_tx: false,
            owns_rx: false,
            room: true,
        };
        w.a.connect_all();
        w.walk.connect_all();
        w.c.connect_all();
        w
    }

    /// As `new`, the slot bound to the virtqueue and in `state`.
    fn at(p: &Profile, state: SlotState) -> Self {
        let mut w = World::new(p);
        w.vq.busy = true;
        w.vq.slot = SLOT.into();
        w.dev.inflight = 1u64.into();
        w.slot.state = state;
        w.slot.dev = 2u64.into();
        w.slot.desc_base = DESC.into();
        w.slot.entries = SIZE.into();
        w.slot.visit = 1u64.into();
        w
    }

    /// As `at`, EVENT_IDX and INDIRECT_DESC negotiated.
    fn with_features(mut self) -> Self {
        self.dev.features = (1u64 << ring::F_EVENT_IDX | 1u64 << ring::F_INDIRECT_DESC).into();
        self
    }

    /// An event; contexts and owners are then as it leaves them.
    fn event(&mut self, ev: CoreEv) -> Effects {
        let ev = CoreEv {
            slot: self.number.into(),
            tx_room: self.room,
            fq_enable: true,
            ..ev
        };
        self.a.ev.next = ev;
        self.a.dev_id.next = 2u64.into();
        self.a.vq_id.next = 9u64.into();
        self.a.dev.next = self.dev;
        self.a.vq.next = self.vq;
        self.a.msi.next = self.msi;
        self.a.slot.next = self.slot;
        settle(&mut self.a);
        let a = self.a.step.val();
        self.walk.act.next = a.act;
        self.walk.slot.next = a.slot;
        self.walk.desc.next = self.vq.desc;
        self.walk.size.next = self.vq.size;
        self.walk.indirect.next = self.a.indirect.val();
        self.walk.tx_can.next = !self.other_tx && self.room;
        settle(&mut self.walk);
        let c = &mut self.c;
        c.ev.next = ev;
        c.a.next = a;
        c.b.next = self.walk.step.val();
        c.dev.next = self.dev;
        c.vq.next = self.vq;
        c.vq_id.next = 9u64.into();
        c.cnt.next = self.cnt;
        c.msi.next = self.msi;
        c.cmsi.next = self.cmsi;
        c.running.next = self.a.running.val();
        c.alive.next = self.a.alive.val();
        c.event_idx.next = self.a.event_idx.val();
        c.asid.next = self.a.asid.val();
        c.had_tx.next = self.owns_tx;
        c.had_rx.next = self.owns_rx;
        c.fault_full.next = false;
        settle(c);
        let fx = c.fx.val();
        assert!(
            !c.tx_abort.val() || fx.tx_op.abort && fx.tx_free,
            "an abort frees the mover"
        );
        assert!(!(fx.tx_take && fx.tx_free), "one owner");
        if fx.ctx.dev_we {
            self.dev = fx.ctx.dev;
        }
        if fx.ctx.vq_we {
            self.vq = fx.ctx.vq;
        }
        if fx.ctx.cnt_we {
            self.cnt = fx.ctx.cnt;
        }
        if fx.ctx.slot_we {
            self.slot = fx.ctx.slot;
        }
        self.owns_tx = (self.owns_tx || fx.tx_take) && !fx.tx_free;
        self.owns_rx = (self.owns_rx && !fx.rx_free) || fx.rx_take;
        fx
    }

    /// A completion without fault.
    fn comp(&mut self, a: u64, b: u64) -> Effects {
        self.event(CoreEv {
            src: SRC_COMP.into(),
            a: a.into(),
            b: b.into(),
            ..CoreEv::default()
        })
    }

    /// The completion of a descriptor's read.
    fn desc(&mut self, addr: u64, len: u64, flags: u64, next: u64) -> Effects {
        self.slot.state = SlotState::Desc;
        self.comp(addr, len | flags << 32 | next << 48)
    }

    fn source(&mut self, src: u64) -> Effects {
        self.event(CoreEv {
            src: src.into(),
            ..CoreEv::default()
        })
    }
}

/// `value`, 2 bytes, as it stands in the word of `va`.
fn field(va: u64, value: u64) -> u64 {
    value << (8 * (va % 8))
}

#[test]
fn a_look_reads_the_entry_if_one_beat_has_both() {
    for (p, beat) in [(&TINY, 8), (&HYPER, 64)] {
        for offset in [0, 2, 4, 6, 34, 58, 60, 62] {
            for last in [0, 1, 2, 3, 7, 8, 65535] {
                let mut w = World::new(p);
                w.vq.driver = (DRIVER + offset).into();
                w.vq.last_avail = last.into();
                w.vq.avail_cache = last.into();
                let fx = w.source(SRC_RDY);
                let (idx, entry) = (DRIVER + offset + 2, DRIVER + offset + 4 + 2 * (last % SIZE));
                let merged = idx / beat == entry / beat;
                assert!(fx.op_push && n(fx.op.kind) == CTL_RD);
                assert_eq!(n(fx.op.va), idx);
                assert_eq!(fx.op.two, merged, "beat {beat} offset {offset} last {last}");
                assert_eq!(n(fx.op.va_b), if merged { entry } else { 0 });
                assert_eq!((n(fx.op.asid), n(fx.op.slot)), (7, SLOT));
                assert!(w.slot.state == SlotState::Look && w.vq.busy);
                assert_eq!((n(w.vq.slot), n(w.dev.inflight)), (SLOT, 1));
                // The entry counts as it stands in its word; without it the ring is read.
                let fx = w.comp(field(idx, (last + 1) % 65536), field(entry, 5));
                assert_eq!(n(w.vq.avail_cache), (last + 1) % 65536);
                if merged {
                    assert!(w.slot.state == SlotState::Desc && fx.op.two);
                } else {
                    assert!(w.slot.state == SlotState::Ring && !fx.op.two);
                    assert_eq!(n(fx.op.va), entry);
                    w.comp(field(entry, 5), 0);
                    assert!(w.slot.state == SlotState::Desc);
                }
                assert_eq!((number(w.slot.heads) & 0xffff, n(w.slot.gen)), (5, 1));
                assert_eq!((n(w.slot.visit), n(w.slot.index)), (1, 5));
            }
        }
    }
}

#[test]
fn a_queue_taken_in_vain_gives_the_slot_back() {
    for what in 0..3 {
        let mut w = World::new(&TINY);
        w.vq.queued = true;
        match what {
            0 => w.vq.ready = false,
            1 => w.vq.busy = true,
            _ => w.dev.stopped = true,
        }
        let before = w.slot;
        let fx = w.source(SRC_RDY);
        assert!(fx.free_push && n(fx.free_slot) == SLOT && !fx.op_push && !fx.ctx.slot_we);
        assert!(!w.vq.queued && w.vq.again == (what == 1) && w.slot == before);
    }
}

#[test]
fn known_entries_are_read_without_a_look() {
    let mut w = World::new(&TINY);
    w.vq.avail_cache = 1u64.into();
    let fx = w.source(SRC_RDY);
    assert!(w.slot.state == SlotState::Ring && n(fx.op.va) == DRIVER + 4 && !fx.op.two);
}

#[test]
fn a_look_that_finds_nothing_ends_or_asks_for_a_doorbell() {
    let mut w = World::at(&TINY, SlotState::Look);
    let fx = w.comp(0, 0);
    assert!(fx.free_push && !fx.op_push && w.slot.state == SlotState::Idle && !w.vq.busy);
    // EVENT_IDX: avail_event, and another look.
    let mut w = World::at(&TINY, SlotState::Look).with_features();
    w.vq.last_avail = 6u64.into();
    w.slot.byte_a = 2u64.into();
    let fx = w.comp(field(2, 6), 0);
    assert!(n(fx.op.kind) == CTL_WR && !fx.op.two && w.slot.state == SlotState::Rearm);
    assert_eq!(
        (n(fx.op.va), n(fx.op.len), n(fx.op.data)),
        (DEVICE + 4 + 8 * SIZE, 2, 6)
    );
    let fx = w.comp(0, 0);
    assert!(n(fx.op.va) == DRIVER + 2 && w.slot.state == SlotState::Look2);
    let fx = w.comp(field(2, 6), 0);
    assert!(fx.free_push && w.slot.state == SlotState::Idle);
    // The receive slot drops the packet.
    let mut w = World::at(&TINY, SlotState::Look).with_features();
    w.number = TINY.rx_slot() as u64;
    w.owns_rx = true;
    let fx = w.comp(0, 0);
    assert!(fx.rx_set && fx.rx_op.discard && fx.n_drop && n(w.cnt.drops) == 1);
    assert!(w.slot.state == SlotState::RxDisc);
    let fx = w.source(SRC_RXD);
    assert!(fx.rx_free && !fx.free_push && w.slot.state == SlotState::Idle);
}

#[test]
fn bad_indices_fail() {
    for merged in [false, true] {
        let mut w = World::at(&TINY, SlotState::Look);
        w.slot.b_read = merged;
        let fx = w.comp(SIZE + 1, 0);
        assert!(fx.fault_push && fx.free_push && n(w.vq.avail_cache) == 0);
        assert_eq!(n(fx.fault.cause), u64::from(mmu::CAUSE_AVAIL_JUMP));
        assert_eq!((n(fx.fault.asid), n(fx.fault.iova)), (5, 0));
        assert_eq!(n(w.dev.status) & u64::from(ring::S_NEEDS_RESET), 64);
    }
    for (state, a, b) in [(SlotState::Ring, SIZE, 0), (SlotState::Look, 1, SIZE)] {
        let mut w = World::at(&TINY, state);
        w.slot.b_read = true;
        let fx = w.comp(a, b);
        assert_eq!(n(fx.fault.cause), u64::from(mmu::CAUSE_DESC_INDEX));
        assert_eq!(n(w.slot.gen), 0);
    }
}

#[test]
fn a_fault_of_the_rings_or_buffers_is_reported_with_its_access() {
    for (state, indirect, write, asid) in [
        (SlotState::Ring, false, false, 7),
        (SlotState::Desc, false, false, 7),
        (SlotState::Desc, true, false, 5),
        (SlotState::Rearm, false, true, 7),
        (SlotState::Tell, true, false, 7),
    ] {
        let mut w = World::at(&TINY, state);
        w.slot.indirect = indirect;
        let fx = w.event(CoreEv {
            src: SRC_COMP.into(),
            cause: u64::from(mmu::CAUSE_READ_PAGE).into(),
            iova: 0x1234u64.into(),
            ..CoreEv::default()
        });
        assert!(fx.fault_push && fx.n_fault && fx.free_push && n(w.vq.used_idx) == 0);
        assert_eq!((n(fx.fault.cause), n(fx.fault.iova)), (13, 0x1234));
        assert!(fx.fault.write == write && n(fx.fault.asid) == asid);
    }
}

#[test]
fn a_visit_is_told_in_one_op_and_counts_when_it_is_done() {
    for (features, number) in [(false, SLOT), (true, SLOT), (true, TINY.rx_slot() as u64)] {
        let chain = number == SLOT;
        let mut w = World::at(&TINY, SlotState::TxEnd);
        if features {
            w = w.with_features();
        }
        w.number = number;
        w.vq.used_idx = 65534u64.into();
        w.vq.last_avail = 65535u64.into();
        w.slot.heads = 0x0003_0007u64.into();
        w.slot.visit = 2u64.into();
        w.slot.left = 1u64.into();
        w.slot.used_len = 99u64.into();
        let fx = w.source(SRC_TXD);
        assert!(n(fx.op.kind) == CTL_TELL && w.slot.state == SlotState::Tell && fx.n_tx);
        let t = fx.op.tell;
        assert_eq!(
            (n(t.device), n(t.driver), n(t.size)),
            (DEVICE, DRIVER, SIZE)
        );
        assert_eq!((n(t.used_idx), n(t.last_avail), n(t.count)), (65534, 1, 2));
        assert_eq!((number_of(t.heads), n(t.used_len)), (0x0003_0007, 0));
        assert_eq!(
            (t.event_idx, t.receive, n(fx.op.asid)),
            (features, !chain, 7)
        );
        assert_eq!(n(w.vq.used_idx), 65534);
        let fx = w.comp(0, field(2, 1));
        assert!(w.slot.state == SlotState::Idle && fx.free_push == chain && !fx.ready_push);
        assert_eq!(
            (n(w.vq.used_idx), n(w.vq.last_avail), n(w.cnt.chains)),
            (0, 1, 2)
        );
    }
}

#[test]
fn a_visit_done_is_followed_by_the_next_only_if_there_is_more() {
    // avail.idx, again, then: enqueued, the index kept. The visit was of three chains.
    for (idx, again, enqueued, cache) in [
        (4, false, false, 4),
        (5, false, true, 5),
        (5, true, true, 5),
        (4, true, true, 4),
        (4 + SIZE, false, true, 4 + SIZE),
        (5 + SIZE, false, false, 4),
    ] {
        let mut w = World::at(&TINY, SlotState::Tell);
        w.vq.last_avail = 1u64.into();
        w.vq.avail_cache = 4u64.into();
        w.vq.again = again;
        w.slot.visit = 3u64.into();
        w.slot.byte_b = 2u64.into();
        let fx = w.comp(1, field(2, idx));
        assert_eq!(
            (fx.ready_push, n(w.vq.avail_cache)),
            (enqueued, cache),
            "{idx}"
        );
        assert!(fx.free_push && w.slot.state == SlotState::Idle && !w.vq.again && !w.vq.busy);
        assert_eq!((w.vq.queued, n(w.dev.inflight)), (enqueued, 0));
    }
    // Not while stopped, and not the receive slot, whose op has no b.
    let mut w = World::at(&TINY, SlotState::Tell);
    w.dev.stopped = true;
    assert!(!w.comp(1, field(0, 2)).ready_push);
    let mut w = World::at(&TINY, SlotState::Tell);
    w.number = TINY.rx_slot() as u64;
    w.vq.avail_cache = 1u64.into();
    let fx = w.comp(1, 0);
    assert!(!fx.ready_push && !fx.free_push && n(w.vq.avail_cache) == 1);
}

#[test]
fn a_message_goes_out_if_it_is_wanted() {
    // EVENT_IDX: used_event is the index of one of the elements just told of.
    for (features, word, notify) in [
        (false, 0, true),
        (false, 1, false),
        (true, 8, false),
        (true, 9, true),
        (true, 11, true),
        (true, 12, false),
    ] {
        for masked in [false, true] {
            let mut w = World::at(&TINY, SlotState::Tell);
            if features {
                w = w.with_features();
            }
            w.vq.used_idx = 9u64.into();
            w.slot.visit = 3u64.into();
            w.msi = MsiRec {
                address: 0xfee0_0000u64.into(),
                data: 0x77u64.into(),
                valid: true,
                mask: masked,
                ..MsiRec::default()
            };
            let fx = w.comp(word, 0);
            assert_eq!(fx.msg_push, notify && !masked, "{word}");
            assert_eq!(
                (fx.ctx.msi_we, fx.n_irq),
                (notify && masked, notify && !masked)
            );
            assert!(!fx.op_push && fx.free_push && w.slot.state == SlotState::Idle);
            if fx.msg_push {
                assert_eq!((n(fx.msg.address), n(fx.msg.data)), (0xfee0_0000, 0x77));
            }
            assert_eq!(n(w.cnt.interrupts), u64::from(notify && !masked));
        }
    }
    // A fault: the message of the configuration.
    let mut w = World::at(&TINY, SlotState::Look);
    w.cmsi = MsiRec {
        address: 0xfee0_1000u64.into(),
        data: 0x78u64.into(),
        valid: true,
        ..MsiRec::default()
    };
    let fx = w.comp(SIZE + 1, 0);
    assert!(fx.msg_push && fx.n_irq && fx.free_push && w.slot.state == SlotState::Idle);
    assert_eq!((n(fx.msg.address), n(fx.msg.data)), (0xfee0_1000, 0x78));
}

/// Words of a ring whose entry i is `entries[i]`.
fn ring_word(entries: &[u64], word: usize) -> u64 {
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
    // The receive slot takes one, and asks for no more.
    let mut w = World::at(&TINY, SlotState::Look);
    w.number = TINY.rx_slot() as u64;
    let fx = w.comp(8, 0);
    assert!(w.slot.state == SlotState::Ring && !fx.op.two);
    w.comp(ring_word(&[1, 2, 3, 4], 0), 0);
    assert_eq!(n(w.slot.visit), 1);
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
    assert!(!fx.tx_push && !fx.op_push && !fx.rx_set && fx.free_push && n(w.dev.inflight) == 0);
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
    // A packet half received.
    let mut w = World::at(&TINY, SlotState::Desc);
    w.slot.delivering = true;
    w.owns_rx = true;
    w.vq.ready = false;
    let fx = w.desc(0x5000, 100, WRITE, 0);
    assert!(fx.rx_set && fx.rx_op.discard && !fx.rx_nobody && w.slot.state == SlotState::RxDisc);
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
            let answer = |tag: u64, dest: u64| CoreEv {
                src: SRC_RXP.into(),
                answer: true,
                tag: tag.into(),
                dest: dest.into(),
                ..CoreEv::default()
            };
            for (tag, dest) in [(tag ^ 0x8000, 2), (tag ^ 1 << w.slot_w, 2), (tag, 3)] {
                let fx = w.event(answer(tag, dest));
                assert!(fx.rx_nobody && fx.rx_op.discard && !fx.rx_take && !fx.free_push);
            }
            let fx = w.event(answer(tag, 2));
            assert!(fx.rx_take && !fx.rx_set && fx.op_push && n(fx.op.va) == DESC + 32);
            assert!(w.slot.delivering && w.slot.state == SlotState::Desc);
        }
    }
}

#[test]
fn an_answer_to_a_dead_chain_frees_it_and_is_discarded() {
    let mut w = World::at(&TINY, SlotState::Answer);
    w.vq.ready = false;
    let fx = w.event(CoreEv {
        src: SRC_RXP.into(),
        answer: true,
        tag: SLOT.into(),
        dest: 2u64.into(),
        ..CoreEv::default()
    });
    assert!(fx.rx_nobody && fx.rx_op.discard && fx.free_push && !fx.op_push);
}

#[test]
fn a_doorbell_enqueues_once() {
    let mut w = World::new(&TINY);
    let fx = w.source(SRC_DB);
    assert!(fx.ready_push && n(fx.ready_vq) == 9 && fx.n_doorbell && !fx.ctx.slot_we);
    let fx = w.source(SRC_DB);
    assert!(!fx.ready_push && n(w.cnt.kicks) == 2 && !fx.free_push);
}
