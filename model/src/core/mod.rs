//! The core: owns all contexts and handles events in a pipeline.
//!
//! An event is computed as a whole in one cycle (its leaving cycle, or its pick cycle if it is exclusive), from the state that the
//! ones before it left behind. What only events see (contexts, slots, owners) changes at once; what others see is held back in
//! [`Effects`] until its effect edge.
//!
//! Timing: TIMING.md §3 and §3.1.

mod admin;
mod aux;
mod ctx;
mod effects;
mod ending;
mod exec;
mod late;
mod member;
mod pipeline;
mod receive;
mod share;
mod slots;
mod sources;
mod steps;
mod visit;
mod walk;

pub(crate) use effects::Effects;
pub(crate) use sources::Source;

use crate::axil::{Axil, Doorbell};
use crate::ctl::Ctl;
use crate::epoch::Epochs;
use crate::messages::Messages;
use crate::mmu::Mmu;
use crate::regs::{Counter, Regs};
use crate::rx::Rx;
use crate::tx::Tx;
use admin::{Admin, AdminState};
use aux::{Aux, FaultRecord};
use ctx::Contexts;
use late::Late;
use pipeline::Pipeline;
use share::Clock;
use shoal_abi::profile::Profile;
use slots::{Slot, SlotState};

/// Records that the core keeps for the fault queue.
const FAULTS: usize = 8;

/// What the core sees of the rest of the device in a cycle.
pub(crate) struct Env<'a> {
    pub(crate) p: &'static Profile,
    pub(crate) regs: &'a Regs,
    pub(crate) axil: &'a Axil,
    pub(crate) epoch: &'a Epochs,
    pub(crate) mmu: &'a Mmu,
    pub(crate) ctl: &'a Ctl,
    pub(crate) messages: &'a Messages,
    pub(crate) tx: &'a Tx,
    pub(crate) rx: &'a Rx,
}

/// The core.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    p: &'static Profile,
    pipe: Pipeline,
    /// Effects of the event that is being handled.
    fx: Effects,
    /// The source that is looked at first.
    rr: usize,
    ctx: Contexts,
    /// Chain slots and receive slots.
    slots: Vec<Slot>,
    tx_owner: Option<usize>,
    /// Chain slots that are free.
    free: Late<usize>,
    /// Receive slots that are free.
    rx_free: Late<usize>,
    /// Chain slots that wait for the transmit mover and do not own it.
    waiting: Late<usize>,
    faults: Late<FaultRecord>,
    // As effects have made them: the transmit mover's owner and that it waits for room, the device that each slot was last
    // bound to.
    tx_held: Option<usize>,
    owner_waits: bool,
    last_dev: Vec<u32>,
    admin: Admin,
    /// What becomes of the admin at this edge.
    admin_next: Option<AdminState>,
    poll_next: bool,
    poll_timer: u8,
    clock: Clock,
    aux: Aux,
    /// FQ_CTRL enable as the event being handled sees it.
    fault_queue_on: bool,
    warm_started: bool,
    /// Entry that the sweep clears in this cycle.
    sweep: u32,
}

impl Core {
    pub(crate) fn new(p: &'static Profile) -> Self {
        let (slots, numbers) = (p.chain_slots + p.rx_slots, 1 << p.slot_w);
        Self {
            p,
            pipe: Pipeline::default(),
            fx: Effects::default(),
            rr: 0,
            ctx: Contexts::new(p),
            slots: vec![Slot::default(); slots],
            tx_owner: None,
            free: Late::new(numbers),
            rx_free: Late::new(numbers),
            waiting: Late::new(numbers),
            faults: Late::new(FAULTS),
            tx_held: None,
            owner_waits: false,
            last_dev: vec![0; slots],
            admin: Admin::new(),
            admin_next: None,
            poll_next: false,
            poll_timer: 0,
            clock: Clock::default(),
            aux: Aux::default(),
            fault_queue_on: false,
            warm_started: false,
            sweep: 0,
        }
    }

    /// A reset edge. The contexts are cleared at the end of the sweep; nothing reads them before.
    pub(crate) fn reset(&mut self) {
        self.pipe = Pipeline::default();
        self.fx = Effects::default();
        self.rr = 0;
        self.slots.fill(Slot::default());
        (self.tx_owner, self.tx_held) = (None, None);
        self.last_dev.fill(0);
        self.admin = Admin::new();
        (self.admin_next, self.poll_next, self.poll_timer) = (None, false, 0);
        self.clock = Clock::default();
        self.aux = Aux::default();
        self.warm_started = false;
        self.start_sweep();
    }

    /// TIMING.md §3.3, with the slot of a direct event.
    fn on_doorbell(&mut self, bell: Doorbell, slot: Option<usize>) {
        let queue = self.rung(bell);
        let idle = |v: &u32| {
            let vq = &self.ctx.vq[*v as usize];
            !vq.queued && !vq.busy && !self.early(vq.owner)
        };
        match (queue, slot) {
            (Some(v), Some(s)) if idle(&v) => {
                self.bind(s, v);
                return self.begin(s);
            }
            (Some(v), _) => self.ctx.enqueue(v),
            _ => {}
        }
        if let Some(s) = slot {
            self.free.push(s);
        }
    }

    /// Counts a doorbell; the queue that is to be looked at.
    fn rung(&mut self, bell: Doorbell) -> Option<u32> {
        if self.ctx.warm {
            return None;
        }
        self.fx.count(Counter::Doorbells);
        let owner = self.ctx.pages.get(bell.page as usize).copied()?;
        if owner == 0 {
            return None;
        }
        let v = self.ctx.vq_of(owner, bell.index)?;
        let vq = &mut self.ctx.vq[v as usize];
        if !vq.ready {
            return None;
        }
        vq.kicks = vq.kicks.wrapping_add(1);
        (!self.ctx.is_receive(v) && self.ctx.running(owner)).then_some(v)
    }

    fn on_warm(&mut self) {
        self.warm_started = true;
        for s in 0..self.p.chain_slots {
            if self.slots[s].state == SlotState::Answer {
                self.release(s);
            }
        }
    }

    /// In this cycle nothing at all goes on any more, and a warm reset waits for that (TIMING.md §3.1).
    pub(crate) fn quiet(&self, env: &Env) -> bool {
        env.regs.ready
            && self.warm_started
            && self.pipe.quiet()
            && self.free.seen() == self.p.chain_slots
            && self.rx_free.seen() == self.p.rx_slots
            && self.admin.state == AdminState::Idle
            && self.aux.idle()
            && self.tx_held.is_none()
            && env.tx.ops.is_empty()
            && env.ctl.ops.is_empty()
            && env.mmu.idle()
            && env.rx.idle()
            && env.epoch.none()
            && env.messages.none()
            && self.requests(env) == 0
    }

    /// The edge before the first cycle of a sweep.
    pub(crate) fn start_sweep(&mut self) {
        self.sweep = 0;
        self.faults.clear();
        self.ctx.ready.clear();
        self.ctx.parked.clear();
        self.waiting.clear();
        self.free.clear();
        self.rx_free.clear();
        self.owner_waits = false;
    }

    /// One cycle of a sweep; true at the edge that ends it.
    pub(crate) fn sweep(&mut self, p: &Profile) -> bool {
        let slot = self.sweep as usize;
        if slot < p.chain_slots {
            self.free.push(slot);
            let n = self.free.take_new();
            self.free.land(n);
        } else if p.is_rx_slot(slot) {
            self.rx_free.push(slot);
            let n = self.rx_free.take_new();
            self.rx_free.land(n);
        }
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
        self.clock.tick();
    }
}

#[cfg(test)]
mod tests;
