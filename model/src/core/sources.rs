//! Which source of events is next.
//!
//! Timing: the table of TIMING.md §3; round robin over the sources, state of the pick cycle.

use super::admin::AdminState;
use super::{Core, Env};

/// Transmit ops that must be free in the FIFO for an event to push one: events on their way push as well.
const TX_ROOM: usize = 8;
/// Messages that may stand in their FIFO in a cycle of a pick.
const MESSAGES: usize = 56;

/// A source of events, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Comp,
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

const ALL: [Source; 10] = [
    Source::Comp,
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

impl Source {
    /// The number of the source behind it.
    pub(super) fn next(self) -> usize {
        (self as usize + 1) % ALL.len()
    }
}

impl Core {
    /// The sources that request, one bit each.
    pub(super) fn requests(&self, env: &Env) -> u16 {
        let bit = |s: Source, on: bool| u16::from(on) << s as u16;
        bit(Source::Comp, !env.ctl.completions.is_empty())
            | bit(Source::Txd, !env.tx.done.is_empty())
            | bit(Source::Rxd, !env.rx.done().is_empty())
            | bit(Source::Rxp, self.packet_waits(env))
            | bit(Source::Adm, self.admin_waits(env))
            | bit(Source::Db, !env.axil.doorbells.is_empty())
            | bit(Source::Rdy, self.queue_waits(env))
            | bit(Source::Aux, self.aux_waits(env))
            | bit(Source::Txw, self.slot_waits(env))
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

    /// The FIFO of messages takes what events may send.
    pub(super) fn message_room(&self, env: &Env) -> bool {
        env.messages.len() <= MESSAGES
    }

    fn packet_waits(&self, env: &Env) -> bool {
        !env.rx.headers().is_empty() && self.rx_free.seen() > 0
    }

    fn admin_waits(&self, env: &Env) -> bool {
        match self.admin.state {
            AdminState::Exec => true,
            AdminState::Poll => self.poll_timer == 0 || !env.regs.live(),
            _ => false,
        }
    }

    fn queue_waits(&self, env: &Env) -> bool {
        let slot = if env.regs.single {
            self.free.seen() == self.p.chain_slots && !self.pipe.holds(Source::Rdy)
        } else {
            self.free.seen() > 0
        };
        (self.ctx.ready.seen() > 0 || self.park_due()) && !env.regs.warm && slot
    }

    /// The slot of a doorbell event that is *direct*.
    pub(super) fn direct_slot(&mut self, env: &Env) -> Option<usize> {
        let waits = self.ctx.ready.seen() > 0 || self.park_due();
        let direct = !waits && !env.regs.warm && !env.regs.single;
        direct.then(|| self.free.pop()).flatten()
    }

    fn aux_waits(&self, env: &Env) -> bool {
        let asked = self.faults.seen() > 0 || env.regs.msix_ready() != 0;
        self.aux.idle() && !env.regs.warm && asked
    }

    /// The transmit op FIFO takes what an event pushes.
    pub(super) fn tx_room(&self, env: &Env) -> bool {
        env.tx.ops.len() + TX_ROOM <= self.p.tx_ops
    }

    fn slot_waits(&self, env: &Env) -> bool {
        let other = self.tx_held.is_none() && self.waiting.seen() > 0;
        self.tx_room(env) && (self.owner_waits || other)
    }

    /// The slot that waits for the transmit mover and can have it; it does not wait any more.
    pub(super) fn next_waiting(&mut self) -> Option<usize> {
        if std::mem::take(&mut self.owner_waits) {
            self.tx_held
        } else {
            self.waiting.pop()
        }
    }
}
