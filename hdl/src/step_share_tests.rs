//! Tests of the steps of an event: the weight of a device and its token bucket.

use super::visits::ring_word;
use super::*;

/// Modulo 2^64.
fn before(n: u64) -> u64 {
    0u64.wrapping_sub(n)
}

/// A running, paced device whose next chain is due at `tat`.
fn paced(mut w: World, interval: u64, burst: u64, tat: u64) -> World {
    w.dev.paced = true;
    w.dev.interval = interval.into();
    w.dev.burst = burst.into();
    w.dev.tat = tat.into();
    w
}

#[test]
fn a_queue_of_an_early_device_is_parked_and_stays_queued() {
    for (time, tat, parks) in [
        (1000, 1500, false),
        (1000, 1501, true),
        (1000, 999, false),
        (before(10), 491, true),
        (before(10), 490, false),
        (5, before(1), false),
    ] {
        let mut w = paced(World::new(&TINY), 100, 500, tat);
        w.time = time;
        w.vq.queued = true;
        let (dev, slot) = (w.dev, w.slot);
        let fx = w.source(SRC_RDY);
        assert_eq!(
            (fx.park_push, w.vq.queued, fx.free_push),
            (parks, parks, parks)
        );
        assert_eq!((w.vq.busy, fx.op_push), (!parks, !parks), "{time} {tat}");
        assert!(!fx.ready_push && !w.vq.again);
        if parks {
            assert_eq!((n(fx.ready_vq), n(fx.free_slot)), (9, SLOT));
            assert!(w.dev == dev && w.slot == slot && !fx.ctx.slot_we);
        }
    }
}

#[test]
fn a_queue_that_cannot_be_served_anyway_is_not_parked() {
    for what in 0..4 {
        let mut w = paced(World::new(&TINY), 100, 0, 5000);
        w.vq.queued = true;
        match what {
            0 => w.vq.ready = false,
            1 => w.vq.busy = true,
            2 => w.dev.stopped = true,
            _ => w.dev.typ = u64::from(ring::TYPE_NET).into(),
        }
        let fx = w.source(SRC_RDY);
        assert!(fx.free_push && !fx.park_push && !w.vq.queued && w.vq.again == (what == 1));
    }
    // A doorbell is not for the bucket: it is enqueued.
    let mut w = paced(World::new(&TINY), 100, 0, 5000);
    let fx = w.source(SRC_DB);
    assert!(fx.ready_push && !fx.park_push && w.vq.queued);
}

#[test]
fn a_visit_has_as_many_chains_as_the_weight_but_not_one_of_a_receive_slot() {
    for weight in 1..=8 {
        // By a ring read, and by a look.
        for (state, a, b, held) in [
            (
                SlotState::Ring,
                ring_word(&[1, 2, 3, 4], 0),
                ring_word(&[5, 6, 7, 0], 0),
                8,
            ),
            (SlotState::Look, 8, ring_word(&[1, 2, 3, 4], 0), 4),
        ] {
            let mut w = World::at(&TINY, state);
            w.dev.weight = weight.into();
            w.vq.avail_cache = 8u64.into();
            w.slot.b_read = true;
            w.comp(a, b);
            assert!(w.slot.state == SlotState::Desc);
            assert_eq!(n(w.slot.visit), weight.min(held));
            let mut w = World::receiving(state, 8);
            w.dev.weight = weight.into();
            w.vq.avail_cache = 8u64.into();
            w.slot.b_read = true;
            w.comp(a, b);
            assert_eq!(n(w.slot.visit), held);
        }
    }
}

#[test]
fn a_visit_moves_the_time_of_the_next_chain() {
    // time, tat, interval, chains: tat then.
    for (time, tat, interval, chains, then) in [
        (1000, 1200, 100, 3, 1500),
        (1000, 1000, 100, 8, 1800),
        (1000, 999, 100, 1, 1100),
        (1000, 0, 0x00ff_ffff, 8, 1000 + 8 * 0x00ff_ffff),
        (1000, 1000 + (1 << 36), 7, 5, 1035),
        (1000, 999 + (1 << 36), 7, 5, 1034 + (1 << 36)),
        (before(50), before(20), 100, 2, 180),
        (before(50), 20, 100, 2, 220),
        (30, before(20), 100, 7, 730),
    ] {
        let tell = |number| {
            let mut w = paced(World::at(&TINY, SlotState::Tell), interval, 0, tat);
            w.time = time;
            w.number = number;
            w.slot.visit = chains.into();
            w
        };
        let mut w = tell(SLOT);
        let fx = w.comp(0, 0);
        assert_eq!(n(w.dev.tat), then, "{time} {tat}");
        assert!(fx.ctx.dev_we && n(w.dev.inflight) == 0 && n(w.cnt.chains) == chains);
        // Only of what was told of, and not by a receive slot or a device that is not paced.
        let mut w = tell(SLOT);
        w.event(CoreEv {
            src: SRC_COMP.into(),
            cause: u64::from(mmu::CAUSE_READ_PAGE).into(),
            ..CoreEv::default()
        });
        assert_eq!((n(w.dev.tat), n(w.dev.inflight)), (tat, 0));
        let mut w = tell(SLOT);
        w.vq.ready = false;
        w.comp(0, 0);
        assert_eq!((n(w.dev.tat), n(w.dev.inflight)), (tat, 0));
        let mut w = tell(RX_SLOT);
        w.comp(0, 0);
        assert_eq!((n(w.dev.tat), n(w.dev.inflight)), (tat, 0));
        let mut w = tell(SLOT);
        w.dev.paced = false;
        w.comp(0, 0);
        assert_eq!((n(w.dev.tat), n(w.dev.inflight)), (tat, 0));
    }
}
