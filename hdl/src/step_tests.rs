//! Tests of the steps of an event: stages A, B and C one behind the other, without the pipeline around them.

use super::*;

use shoal_abi::profile::{Profile, HYPER, TINY};
use shoal_abi::{mmu, ring};

use crate::ctx_types::{
    SlotFate, SlotState, SRC_COMP, SRC_DB, SRC_RDY, SRC_RXD, SRC_RXP, SRC_TXD, SRC_TXW,
};
use crate::share::ShareCost;
use crate::stage_a::StageA;
use crate::types::{CTL_RD, CTL_TELL, CTL_WR};
use crate::util::{number, settle};
use crate::walk::Walk;

const SIZE: u64 = 8;
const SLOT: u64 = 3;
const RX_SLOT: u64 = 7;
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
    a: Box<StageA>,
    walk: Box<Walk>,
    cost: ShareCost,
    c: Box<StageC>,
    slot_w: usize,
    number: u64,
    time: u64,
    dev: DevRec,
    vq: VqRec,
    cnt: VqCnt,
    msi: MsiRec,
    cmsi: MsiRec,
    slot: SlotRec,
    owns_tx: bool,
    other_tx: bool,
    room: bool,
}

impl World {
    /// A running block device with an idle virtqueue of `SIZE` entries.
    fn new(p: &Profile) -> Self {
        let mut w = World {
            a: Box::new(StageA::new(p)),
            walk: Box::default(),
            cost: ShareCost::default(),
            c: Box::new(StageC::new(p)),
            slot_w: p.slot_w,
            number: SLOT,
            time: 0,
            dev: DevRec {
                exists: true,
                typ: u64::from(ring::TYPE_BLK).into(),
                status: u64::from(ring::S_DRIVER_OK).into(),
                vq_count: 2u64.into(),
                weight: 8u64.into(),
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
            room: true,
        };
        w.a.connect_all();
        w.walk.connect_all();
        w.cost.connect_all();
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
        let begins = [
            SlotState::Look,
            SlotState::Rearm,
            SlotState::Look2,
            SlotState::Ring,
        ]
        .contains(&state);
        w.slot.visit = u64::from(!begins).into();
        w
    }

    /// As `at`, a receive slot and queue for which `pend` packets wait.
    fn receiving(state: SlotState, pend: u64) -> Self {
        let mut w = World::at(&TINY, state);
        w.number = RX_SLOT;
        w.dev.typ = u64::from(ring::TYPE_NET).into();
        w.vq.slot = RX_SLOT.into();
        w.vq.pend = pend.into();
        w.slot.delivering = true;
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
        self.a.now.next = self.time.into();
        settle(&mut *self.a);
        let a = self.a.step.val();
        self.walk.act.next = a.act;
        self.walk.slot.next = a.slot;
        self.walk.vq.next = a.vq;
        self.walk.indirect.next = self.a.indirect.val();
        self.walk.tx_can.next = !self.other_tx && self.room;
        settle(&mut *self.walk);
        self.cost.chains.next = a.chains;
        self.cost.interval.next = self.dev.interval;
        settle(&mut self.cost);
        let c = &mut *self.c;
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
        c.due.next = self.a.due.val();
        c.cost.next = self.cost.cost.val();
        c.had_tx.next = self.owns_tx;
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
    for (features, number) in [(false, SLOT), (true, SLOT), (true, RX_SLOT)] {
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
        w.slot.used_more = 98u64.into();
        w.slot.ended = 3u64.into();
        let fx = w.source(if chain { SRC_TXD } else { SRC_RXD });
        assert!(n(fx.op.kind) == CTL_TELL && w.slot.state == SlotState::Tell);
        assert_eq!((fx.n_tx, fx.n_rx), (chain, !chain));
        let t = fx.op.tell;
        assert_eq!(
            (n(t.device), n(t.driver), n(t.size)),
            (DEVICE, DRIVER, SIZE)
        );
        assert_eq!((n(t.used_idx), n(t.last_avail), n(t.count)), (65534, 1, 2));
        assert_eq!(number_of(t.heads), 0x0003_0007);
        assert_eq!((n(t.used_len), t.used_more), (99, 98u64.into()));
        assert_eq!(
            (t.event_idx, t.receive, n(fx.op.asid)),
            (features, !chain, 7)
        );
        assert_eq!(n(w.vq.used_idx), 65534);
        let fx = w.comp(0, field(2, 1));
        assert!(w.slot.state == SlotState::Idle && !fx.ready_push);
        assert_eq!((fx.free_push, fx.rx_free_push), (chain, !chain));
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
    // Not while stopped, and not a receive slot, whose op has no b.
    let mut w = World::at(&TINY, SlotState::Tell);
    w.dev.stopped = true;
    assert!(!w.comp(1, field(0, 2)).ready_push);
    let mut w = World::at(&TINY, SlotState::Tell);
    w.number = RX_SLOT;
    w.vq.avail_cache = 1u64.into();
    let fx = w.comp(1, 0);
    assert!(!fx.ready_push && !fx.free_push && fx.rx_free_push && n(fx.rx_free_slot) == RX_SLOT);
    assert!(n(w.vq.avail_cache) == 1);
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

#[path = "step_visit_tests.rs"]
mod visits;

#[path = "step_chain_tests.rs"]
mod chains;

#[path = "step_receive_tests.rs"]
mod receives;

#[path = "step_append_tests.rs"]
mod appends;

#[path = "step_answer_tests.rs"]
mod answers;

#[path = "step_share_tests.rs"]
mod shares;

#[path = "step_direct_tests.rs"]
mod direct;
