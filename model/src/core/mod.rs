//! The core: owns all contexts and handles one event at a time.
//!
//! An event is computed as a whole in its pick cycle, from the state of that cycle. What only the core can see
//! (contexts, slots, its FIFOs) changes at once: nobody looks before the event ends. What others see is held back in
//! [`Effects`] until the edge that ends the event.
//!
//! Timing: TIMING.md §3 and §3.1.

mod admin;
mod aux;
mod ctx;
mod ending;
mod exec;
mod member;
mod receive;
mod slots;
mod sources;
mod walk;

pub(crate) use sources::Source;

use crate::axi_rd::{CLIENT_ADMIN, CLIENT_AUX};
use crate::axil::{Axil, Doorbell};
use crate::ctl::{Ctl, CtlOp, ReadEvent, WriteEvent, XlatEvent};
use crate::epoch::Epochs;
use crate::fifo::Fifo;
use crate::mmu::{AsidEntry, Invalidate, Mmu};
use crate::regs::{vector_bit, Counter, Regs, CHAIN_SLOTS};
use crate::rx::{Rx, RxOp};
use crate::tx::{Tx, TxOp};
use admin::{Admin, AdminState};
use aux::{Aux, FaultRecord};
use ctx::Contexts;
use shoal_abi::profile::Profile;
use slots::{Slot, SlotState};

/// The receive slot.
const RX_SLOT: usize = CHAIN_SLOTS;
const SLOTS: usize = CHAIN_SLOTS + 1;
/// Cycles of an event.
const EVENT: u8 = 7;
/// Cycles of EXEC and WARM.
const LONG_EVENT: u8 = 127;
/// Cycles between two polls, less what the event takes.
const POLL_TIMER: u8 = 31;

/// Who owns the receive mover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum RxOwner {
    #[default]
    None,
    Slot(usize),
    Discard,
}

/// What the core sees of the rest of the device in a pick cycle.
pub(crate) struct Env<'a> {
    pub(crate) p: &'static Profile,
    pub(crate) regs: &'a Regs,
    pub(crate) axil: &'a Axil,
    pub(crate) epoch: &'a Epochs,
    pub(crate) mmu: &'a Mmu,
    pub(crate) ctl: &'a Ctl,
    pub(crate) tx: &'a Tx,
    pub(crate) rx: &'a Rx,
}

/// What an event does to the rest of the device at its effect edge.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effects {
    pub(crate) ctl: Option<CtlOp>,
    pub(crate) tx: [Option<TxOp>; 2],
    pub(crate) rx: Option<RxOp>,
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
    pub(crate) poll_timer: bool,
    /// The admin state from the next cycle on.
    pub(crate) admin: Option<AdminState>,
}

impl Effects {
    fn count(&mut self, c: Counter) {
        self.counters |= 1 << c as u16;
    }

    fn raise(&mut self, vector: u16) {
        self.raise |= vector_bit(vector);
    }

    fn push_tx(&mut self, op: TxOp) {
        if let Some(free) = self.tx.iter_mut().find(|t| t.is_none()) {
            *free = Some(op);
        }
    }
}

/// A completion of the control unit.
#[derive(Clone, Copy, Debug)]
enum Completion {
    Read(ReadEvent),
    Write(WriteEvent),
    Xlat(XlatEvent),
}

/// The core.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    /// Cycles of the present event still to come.
    busy: u8,
    fx: Effects,
    rr: usize,
    ctx: Contexts,
    slots: [Slot; SLOTS],
    tx_owner: Option<usize>,
    rx_owner: RxOwner,
    admin: Admin,
    poll_timer: u8,
    aux: Aux,
    faults: Fifo<FaultRecord>,
    /// FQ_CTRL enable as seen in the pick cycle.
    fault_queue_on: bool,
    warm_started: bool,
    /// Entry that the sweep clears in this cycle.
    sweep: u32,
}

impl Core {
    pub(crate) fn new(p: &Profile) -> Self {
        Self {
            busy: 0,
            fx: Effects::default(),
            rr: 0,
            ctx: Contexts::new(p),
            slots: [Slot::default(); SLOTS],
            tx_owner: None,
            rx_owner: RxOwner::None,
            admin: Admin::new(),
            poll_timer: 0,
            aux: Aux::default(),
            faults: Fifo::new(8),
            fault_queue_on: false,
            warm_started: false,
            sweep: 0,
        }
    }

    /// A reset edge. The contexts are cleared at the end of the sweep; nothing reads them before.
    pub(crate) fn reset(&mut self) {
        self.busy = 0;
        self.fx = Effects::default();
        self.rr = 0;
        self.slots = [Slot::default(); SLOTS];
        self.tx_owner = None;
        self.rx_owner = RxOwner::None;
        self.admin = Admin::new();
        self.poll_timer = 0;
        self.aux = Aux::default();
        self.faults.clear();
        self.ctx.ready.clear();
        self.warm_started = false;
        self.sweep = 0;
    }

    /// One cycle of the core before its edge: picks an event if idle. Gives what it pops, and whether the effects of an event
    /// are due at this edge.
    pub(crate) fn step(&mut self, env: &Env) -> (Option<Source>, bool) {
        if self.busy != 0 {
            self.busy -= 1;
            return (None, self.busy == 0);
        }
        if !env.regs.ready {
            return (None, false);
        }
        let Some(source) = self.choose(self.requests(env)) else {
            return (None, false);
        };
        self.rr = (source as usize + 1) % (Source::Warm as usize + 1);
        self.ctx.warm = env.regs.warm;
        self.fault_queue_on = env.regs.fq_enable;
        self.busy = EVENT;
        (self.handle(source, env), false)
    }

    /// Handles an event; gives the source if it holds something to be popped.
    fn handle(&mut self, source: Source, env: &Env) -> Option<Source> {
        match source {
            Source::Ctlr => {
                let e = *env.ctl.reads.front()?;
                self.on_completion(e.client, Completion::Read(e), env);
            }
            Source::Ctlb => {
                let e = *env.ctl.writes.front()?;
                self.on_completion(e.client, Completion::Write(e), env);
            }
            Source::Ctlx => {
                let e = *env.ctl.xlats.front()?;
                self.on_completion(e.client, Completion::Xlat(e), env);
            }
            Source::Txd => self.on_transmit_done(env.tx.done?, env),
            Source::Rxd => self.on_receive_done(env.rx.done?, env),
            Source::Rxp => {
                self.on_packet(env.rx.head()?, env);
                return None;
            }
            Source::Adm => {
                self.on_admin(env);
                return None;
            }
            Source::Db => self.on_doorbell(*env.axil.doorbells.front()?),
            Source::Rdy => {
                self.on_ready();
                return None;
            }
            Source::Aux => {
                self.on_aux(env);
                return None;
            }
            Source::Txw => {
                self.on_transmit_room(env);
                return None;
            }
            Source::Warm => {
                self.on_warm();
                return None;
            }
        }
        Some(source)
    }

    fn on_completion(&mut self, client: u8, c: Completion, env: &Env) {
        match client {
            CLIENT_ADMIN => self.on_admin_completion(c, env),
            CLIENT_AUX => self.on_aux_completion(env),
            s if usize::from(s) < SLOTS => self.on_slot_completion(usize::from(s), c, env),
            _ => {}
        }
    }

    /// TIMING.md §3.3.
    fn on_doorbell(&mut self, d: Doorbell) {
        if self.ctx.warm {
            return;
        }
        self.fx.count(Counter::Doorbells);
        let owner = self.ctx.pages.get(d.page as usize).copied().unwrap_or(0);
        if owner == 0 {
            return;
        }
        let Some(v) = self.ctx.vq_of(owner, d.index) else {
            return;
        };
        let vq = &mut self.ctx.vq[v as usize];
        if !vq.ready {
            return;
        }
        vq.kicks = vq.kicks.wrapping_add(1);
        if !self.ctx.is_receive(v) && self.ctx.running(owner) {
            self.ctx.enqueue(v);
        }
    }

    fn on_warm(&mut self) {
        self.busy = LONG_EVENT;
        self.warm_started = true;
        for s in 0..CHAIN_SLOTS {
            match self.slots[s].state {
                SlotState::Answer => self.release(s),
                SlotState::WaitTx if self.tx_owner != Some(s) => self.release(s),
                _ => {}
            }
        }
    }

    /// In this cycle nothing at all goes on any more, and a warm reset waits for that (TIMING.md §3.1).
    pub(crate) fn quiet(&self, env: &Env) -> bool {
        env.regs.ready
            && self.warm_started
            && self.busy == 0
            && self.slots.iter().all(|s| s.state == SlotState::Idle)
            && self.admin.state == AdminState::Idle
            && self.aux.idle()
            && self.tx_owner.is_none()
            && self.rx_owner == RxOwner::None
            && env.tx.ops.is_empty()
            && env.ctl.ops.is_empty()
            && env.ctl.idle()
            && env.mmu.idle()
            && env.tx.idle()
            && env.rx.free()
            && env.epoch.none()
            && self.requests(env) == 0
    }

    /// The edge that ends a cycle in which it is `quiet`: the second sweep begins.
    pub(crate) fn start_sweep(&mut self) {
        self.sweep = 0;
        self.faults.clear();
        self.ctx.ready.clear();
    }

    /// One cycle of a sweep; true at the edge that ends it.
    pub(crate) fn sweep(&mut self, p: &Profile) -> bool {
        if self.sweep != (1 << p.vq_aw) - 1 {
            self.sweep += 1;
            return false;
        }
        self.ctx.clear();
        self.admin = Admin::new();
        self.warm_started = false;
        true
    }

    pub(crate) fn count_down(&mut self) {
        self.poll_timer = self.poll_timer.saturating_sub(1);
    }

    /// The effects that are due at this edge; the core's own poll timer is set here.
    pub(crate) fn take_effects(&mut self) -> Effects {
        let fx = std::mem::take(&mut self.fx);
        if fx.poll_timer {
            self.poll_timer = POLL_TIMER;
        }
        if let Some(state) = fx.admin {
            self.admin.state = state;
        }
        fx
    }
}
