//! Which source of events is next.
//!
//! Timing: the table of TIMING.md §3; round robin over the sources, state of the pick cycle.

use super::admin::AdminState;
use super::slots::SlotState;
use super::{Core, Env, RxOwner, RX_SLOT};
use crate::regs::CHAIN_SLOTS;
use shoal_abi::stream::TUSER_ANSWER;

/// Transmit ops that may stand in the FIFO when a slot wants to push its two.
pub(super) const TX_ROOM: usize = 5;

/// A source of events, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Ctlr,
    Ctlb,
    Ctlx,
    Txd,
    Rxd,
    Rxp,
    Adm,
    Db,
    Rdy,
    Aux,
    Txw,
    Warm,
}

const ALL: [Source; 12] = [
    Source::Ctlr,
    Source::Ctlb,
    Source::Ctlx,
    Source::Txd,
    Source::Rxd,
    Source::Rxp,
    Source::Adm,
    Source::Db,
    Source::Rdy,
    Source::Aux,
    Source::Txw,
    Source::Warm,
];

impl Core {
    /// The sources that request, one bit each.
    pub(super) fn requests(&self, env: &Env) -> u16 {
        let bit = |s: Source, on: bool| u16::from(on) << s as u16;
        bit(Source::Ctlr, !env.ctl.reads.is_empty())
            | bit(Source::Ctlb, !env.ctl.writes.is_empty())
            | bit(Source::Ctlx, !env.ctl.xlats.is_empty())
            | bit(Source::Txd, env.tx.done.is_some())
            | bit(Source::Rxd, env.rx.done.is_some())
            | bit(Source::Rxp, self.packet_waits(env))
            | bit(Source::Adm, self.admin_waits(env))
            | bit(Source::Db, !env.axil.doorbells.is_empty())
            | bit(Source::Rdy, self.queue_waits(env))
            | bit(Source::Aux, self.aux_waits(env))
            | bit(Source::Txw, self.waiting_slot(env).is_some())
            | bit(Source::Warm, env.regs.warm && !self.warm_started)
    }

    /// The first requesting source at or after `rr`.
    pub(super) fn choose(&self, requests: u16) -> Option<Source> {
        let n = ALL.len();
        (0..n)
            .map(|k| (self.rr + k) % n)
            .find(|&s| requests >> s & 1 == 1)
            .map(|s| ALL[s])
    }

    fn packet_waits(&self, env: &Env) -> bool {
        self.rx_owner == RxOwner::None
            && env.rx.free()
            && env.tx.done.is_none()
            && env.rx.head().is_some_and(|h| {
                TUSER_ANSWER.get(h.user) == 1
                    || self.slots[RX_SLOT].state == SlotState::Idle
                    || env.regs.warm
            })
    }

    fn admin_waits(&self, env: &Env) -> bool {
        match self.admin.state {
            AdminState::Exec => true,
            AdminState::Poll => self.poll_timer == 0 || !env.regs.live(),
            _ => false,
        }
    }

    fn queue_waits(&self, env: &Env) -> bool {
        !self.ctx.ready.is_empty() && !env.regs.warm && self.idle_slot().is_some()
    }

    /// The lowest idle chain slot.
    pub(super) fn idle_slot(&self) -> Option<usize> {
        (0..CHAIN_SLOTS).find(|&s| self.slots[s].state == SlotState::Idle)
    }

    fn aux_waits(&self, env: &Env) -> bool {
        self.aux.idle() && !env.regs.warm && (!self.faults.is_empty() || env.regs.msix_ready() != 0)
    }

    /// The lowest chain slot that waits for the transmit mover and can have it.
    pub(super) fn waiting_slot(&self, env: &Env) -> Option<usize> {
        if env.tx.ops.len() > TX_ROOM {
            return None;
        }
        (0..CHAIN_SLOTS).find(|&s| {
            self.slots[s].state == SlotState::WaitTx && self.tx_owner.is_none_or(|owner| owner == s)
        })
    }
}
