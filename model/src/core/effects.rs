//! What an event does to the rest of the device, and to what the sources of events look at, at its effect edge.
//!
//! Timing: TIMING.md §3.

use super::admin::AdminState;
use super::ctx::Msi;
use super::Core;
use crate::ctl::CtlOp;
use crate::messages::Message;
use crate::mmu::{AsidEntry, Invalidate};
use crate::regs::{vector_bit, Counter};
use crate::rx::RxOp;
use crate::tx::TxOp;

/// Cycles between two polls, less what the event takes.
const POLL_TIMER: u8 = 31;

/// What an event does to the rest of the device.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effects {
    pub(crate) ctl: Option<CtlOp>,
    /// The message of the slot's queue has changed.
    pub(crate) may_not: Option<u16>,
    pub(crate) message: Option<Message>,
    /// The epoch of messages changes.
    pub(crate) flip_messages: bool,
    pub(crate) tx: Option<TxOp>,
    /// What is to become of the packet at hand: its slot, or nothing.
    pub(crate) order: Option<Option<u16>>,
    /// An op for a packet of a slot.
    pub(crate) rx: Option<(u16, RxOp)>,
    /// One bit a [`Counter`].
    pub(crate) counters: u16,
    /// FQ_LOST += 1.
    pub(crate) lost: bool,
    pub(crate) fq_tail: Option<u16>,
    /// Vectors to raise, one bit each.
    pub(crate) raise: u8,
    /// Vectors being sent.
    pub(crate) msix_sent: u8,
    pub(crate) asid: Option<(u32, AsidEntry)>,
    pub(crate) invalidate: Option<Invalidate>,
    /// What the core itself sees late.
    pub(super) own: Own,
}

/// The part of the effects that the core's sources and the admin queue see.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own {
    /// Items pushed: ready FIFO, parked FIFO, free lists, waiting FIFO, fault FIFO.
    ready: usize,
    parked: usize,
    free: usize,
    rx_free: usize,
    waiting: usize,
    faults: usize,
    /// The owner of the transmit mover waits for room.
    pub(super) owner_waits: bool,
    /// Who owns the transmit mover behind the event.
    tx_owner: Option<usize>,
    /// A slot is bound to a device.
    pub(super) bound: Option<(usize, u32)>,
    pub(super) poll_timer: bool,
    /// The admin state from the next cycle on.
    pub(super) admin: Option<AdminState>,
}

impl Effects {
    pub(super) fn count(&mut self, c: Counter) {
        self.counters |= 1 << c as u16;
    }

    /// *message*.
    pub(super) fn send(&mut self, msi: &Msi) {
        self.count(Counter::Interrupts);
        self.message = Some(Message {
            address: msi.address,
            data: msi.data,
        });
    }

    pub(super) fn raise(&mut self, vector: u16) {
        self.raise |= vector_bit(vector);
    }
}

impl Core {
    /// The effects of the event that has just been handled.
    pub(super) fn take_effects(&mut self) -> Effects {
        let mut fx = std::mem::take(&mut self.fx);
        let own = &mut fx.own;
        own.ready = self.ctx.ready.take_new();
        own.parked = self.ctx.parked.take_new();
        own.free = self.free.take_new();
        own.rx_free = self.rx_free.take_new();
        own.waiting = self.waiting.take_new();
        own.faults = self.faults.take_new();
        own.tx_owner = self.tx_owner;
        fx
    }

    /// The effect edge: what the sources see. What the admin queue sees follows in `admin_edge`.
    pub(super) fn land(&mut self, own: &Own) {
        self.ctx.ready.land(own.ready);
        self.ctx.parked.land(own.parked);
        self.free.land(own.free);
        self.rx_free.land(own.rx_free);
        self.waiting.land(own.waiting);
        self.faults.land(own.faults);
        self.owner_waits |= own.owner_waits;
        self.tx_held = own.tx_owner;
        if let Some((s, dev)) = own.bound {
            self.last_dev[s] = dev;
        }
        self.admin_next = own.admin;
        self.poll_next = own.poll_timer;
    }

    /// The effect edge, behind what the admin queue says at it.
    pub(super) fn land_admin(&mut self) {
        if std::mem::take(&mut self.poll_next) {
            self.poll_timer = POLL_TIMER;
        }
        if let Some(state) = self.admin_next.take() {
            self.admin.state = state;
        }
    }
}
