//! Tests of the steps of an event: doorbells that bind at once, and messages sent ahead of the core.

use super::*;

/// A doorbell with the head of the free list.
fn direct(w: &mut World) -> Effects {
    w.event(CoreEv {
        src: SRC_DB.into(),
        direct: true,
        ..CoreEv::default()
    })
}

#[test]
fn a_doorbell_with_a_slot_binds_an_idle_queue() {
    for (last_avail, state) in [(4u64, SlotState::Look), (3, SlotState::Ring)] {
        let mut w = World::new(&TINY);
        w.vq.avail_cache = 4u64.into();
        w.vq.last_avail = last_avail.into();
        let fx = direct(&mut w);
        assert!(fx.op_push && w.slot.state == state && n(fx.op.kind) == CTL_RD);
        assert!(w.vq.busy && !w.vq.queued && !fx.ready_push && !fx.free_push);
        assert_eq!((n(w.vq.slot), n(w.dev.inflight)), (SLOT, 1));
        assert!(n(w.cnt.kicks) == 1 && fx.n_doorbell);
    }
}

#[test]
fn one_that_cannot_bind_gives_its_slot_back() {
    for what in 0..7 {
        let mut w = World::new(&TINY);
        match what {
            0 => w.vq.queued = true,
            1 => w.vq.busy = true,
            2 => w.dev.stopped = true,
            3 => w.dev.typ = u64::from(ring::TYPE_NET).into(),
            4 => w.vq.ready = false,
            5 => w.dev.vq_count = 0u64.into(),
            // Early.
            _ => {
                (w.dev.paced, w.dev.tat) = (true, 1000u64.into());
            }
        }
        let (slot, inflight) = (w.slot, n(w.dev.inflight));
        let fx = direct(&mut w);
        assert!(fx.free_push && n(fx.free_slot) == SLOT, "{what}");
        assert!(!fx.op_push && w.slot == slot && n(w.dev.inflight) == inflight);
        assert_eq!(fx.ready_push, what == 1 || what == 6, "{what}");
        assert_eq!(n(w.cnt.kicks), u64::from(what < 4 || what == 6), "{what}");
    }
    let mut w = World::new(&TINY);
    let fx = w.event(CoreEv {
        src: SRC_DB.into(),
        direct: true,
        warm: true,
        ..CoreEv::default()
    });
    assert!(fx.free_push && !fx.op_push && !fx.n_doorbell && !w.vq.busy);
}

/// One chain without bytes to write has left: the event that pushes its TELL.
fn told(valid: bool, mask: bool) -> (World, Effects) {
    let mut w = World::at(&TINY, SlotState::TxEnd).with_features();
    w.slot.left = 1u64.into();
    w.msi = MsiRec {
        valid,
        mask,
        address: 0xfee0_0000u64.into(),
        data: 0x41u64.into(),
        ..MsiRec::default()
    };
    let fx = w.source(SRC_TXD);
    (w, fx)
}

#[test]
fn a_tell_says_whether_there_is_a_message_and_which() {
    for (valid, mask) in [(true, false), (true, true), (false, false)] {
        let (w, fx) = told(valid, mask);
        assert!(w.slot.state == SlotState::Tell && n(fx.op.kind) == CTL_TELL);
        assert_eq!(fx.op.tell.hint, valid && !mask);
        assert_eq!(n(fx.op.tell.msi_addr), 0xfee0_0000);
        assert_eq!(n(fx.op.tell.msi_data), 0x41);
    }
}

#[test]
fn a_message_that_has_gone_counts_and_is_not_sent_again() {
    for sent in [true, false] {
        let (mut w, _) = told(true, false);
        let fx = w.event(CoreEv {
            src: SRC_COMP.into(),
            // used_event 0: the driver waits for used index 1.
            sent,
            ..CoreEv::default()
        });
        assert_eq!((n(w.vq.used_idx), n(w.vq.last_avail)), (1, 1));
        assert_eq!(fx.msg_push, !sent);
        assert!(fx.n_irq && n(w.cnt.interrupts) == 1 && fx.free_push);
        // Masked meanwhile: what has gone is not pending, what has not is.
        let (mut w, _) = told(true, false);
        w.msi.mask = true;
        let fx = w.event(CoreEv {
            src: SRC_COMP.into(),
            sent,
            ..CoreEv::default()
        });
        assert!(!fx.msg_push && fx.n_irq == sent);
        assert_eq!(fx.ctx.msi_we && fx.ctx.msi.pending, !sent);
        // Not alive: it is not counted.
        let (mut w, _) = told(true, false);
        w.vq.ready = false;
        let fx = w.event(CoreEv {
            src: SRC_COMP.into(),
            sent,
            ..CoreEv::default()
        });
        assert!(!fx.n_irq && !fx.msg_push && n(w.vq.used_idx) == 0);
    }
}
