//! The pipeline: from the pick of an event to its effect edge.
//!
//! Timing: TIMING.md §3. A normal event is computed as a whole in the cycle in which it leaves stage 3, from the state of that
//! cycle; its effects stand in a delay line while it is in stages 4 to 7. An exclusive one is computed when it is picked.

use super::{Core, Effects, Env, Source};
use crate::axil::Doorbell;
use crate::ctl::Completion;
use crate::rx::RxDone;
use crate::tx::{Side, TxDone};
use shoal_abi::stream::{TUSER_ANSWER, TUSER_TAG};

/// Stages in which an event has not left yet.
const EARLY: usize = 3;
/// Stages in which its effects are on their way.
const LATE: usize = 4;
/// Cycles of an exclusive event.
const EXCLUSIVE: u32 = 7;
/// Cycles of EXEC, and of WARM besides those for the slots.
const LONG: u32 = 127;
/// Cycles of WARM a slot number.
const WARM_SLOT: u32 = 4;

/// A normal event with what it took from its source.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Completion(Completion),
    TxDone(TxDone),
    RxDone(RxDone),
    Packet {
        head: Side,
        slot: usize,
    },
    /// With the slot that it may be bound to at once.
    Doorbell {
        bell: Doorbell,
        slot: Option<usize>,
    },
    Ready {
        vq: u32,
        slot: usize,
    },
    Room {
        slot: usize,
    },
}

/// An event in stages 4 to 7.
#[derive(Clone, Copy, Debug)]
struct Left {
    source: Source,
    key: u32,
    fx: Effects,
}

/// The stages.
#[derive(Clone, Debug, Default)]
pub(super) struct Pipeline {
    /// Stages 1, 2, 3.
    early: [Option<Event>; EARLY],
    /// Stages 4 to 7, around; the event in stage 7 stands at `last`.
    late: [Option<Left>; LATE],
    last: usize,
    /// Cycles of an exclusive event still to come, and its effects.
    exclusive: u32,
    fx: Effects,
}

impl Event {
    fn source(&self) -> Source {
        match self {
            Self::Completion(_) => Source::Comp,
            Self::TxDone(_) => Source::Txd,
            Self::RxDone(_) => Source::Rxd,
            Self::Packet { .. } => Source::Rxp,
            Self::Doorbell { .. } => Source::Db,
            Self::Ready { .. } => Source::Rdy,
            Self::Room { .. } => Source::Txw,
        }
    }
}

impl Pipeline {
    /// No event in stages 1 to 7.
    pub(super) fn is_empty(&self) -> bool {
        self.early.iter().all(Option::is_none) && self.late.iter().all(Option::is_none)
    }

    /// No event at all is under way.
    pub(super) fn quiet(&self) -> bool {
        self.exclusive == 0 && self.is_empty()
    }

    /// An event of this source is in stages 1 to 7.
    pub(super) fn holds(&self, source: Source) -> bool {
        let early = self.early.iter().flatten().map(Event::source);
        let late = self.late.iter().flatten().map(|l| l.source);
        early.chain(late).any(|s| s == source)
    }

    /// An event of the same device is in stages 4 to 7; device 0 is none.
    fn same(&self, key: u32) -> bool {
        key != 0 && self.late.iter().flatten().any(|l| l.key == key)
    }
}

impl Core {
    /// One cycle of the core before its edge. Gives the source whose unit is popped, and the effects that are due at this edge.
    pub(crate) fn step(&mut self, env: &Env) -> (Option<Source>, Option<Effects>) {
        if self.pipe.exclusive != 0 {
            self.pipe.exclusive -= 1;
            if self.pipe.exclusive != 0 {
                return (None, None);
            }
            let fx = std::mem::take(&mut self.pipe.fx);
            self.land(&fx.own);
            return (None, Some(fx));
        }
        let last = self.pipe.early[EARLY - 1];
        let key = last.map_or(0, |e| self.key(&e, env));
        if self.pipe.same(key) {
            return (None, self.shift(None));
        }
        let picked = self.pick(env);
        if let Some(source) = picked.filter(|&s| self.excludes(s, env)) {
            self.look(env);
            self.pipe.exclusive = self.exclusive(source, env);
            self.pipe.fx = self.take_effects();
            return ((source == Source::Comp).then_some(source), None);
        }
        let event = picked.and_then(|s| self.take(s, env));
        let left = last.map(|e| {
            self.look(env);
            self.handle(&e, env);
            Left {
                source: e.source(),
                key,
                fx: self.take_effects(),
            }
        });
        self.pipe.early.rotate_right(1);
        self.pipe.early[0] = event;
        (event.map(|e| e.source()), self.shift(left))
    }

    /// Stages 4 to 7 go on; gives the effects that are due.
    fn shift(&mut self, left: Option<Left>) -> Option<Effects> {
        let stage = self.pipe.last;
        self.pipe.last = (stage + 1) % LATE;
        let due = std::mem::replace(&mut self.pipe.late[stage], left)?;
        self.land(&due.fx.own);
        Some(due.fx)
    }

    /// What an event reads of other units in the cycle in which it is computed.
    fn look(&mut self, env: &Env) {
        self.ctx.warm = env.regs.warm;
        self.fault_queue_on = env.regs.fq_enable;
    }

    /// The source that is picked in this cycle. An exclusive one waits until no other event is under way.
    fn pick(&mut self, env: &Env) -> Option<Source> {
        if !env.regs.ready || !self.message_room(env) {
            return None;
        }
        let source = self.choose(self.requests(env))?;
        if self.excludes(source, env) && !self.pipe.is_empty() {
            return None;
        }
        self.rr = source.next();
        Some(source)
    }

    /// Is the event that the source holds an exclusive one?
    fn excludes(&self, source: Source, env: &Env) -> bool {
        match source {
            Source::Adm | Source::Aux | Source::Warm => true,
            Source::Comp => {
                let slot = env.ctl.completions.front().map_or(0, |c| c.slot);
                usize::from(slot) >= self.p.admin_slot()
            }
            _ => false,
        }
    }

    /// The event of a normal source; what the core itself holds is popped.
    fn take(&mut self, source: Source, env: &Env) -> Option<Event> {
        Some(match source {
            Source::Comp => Event::Completion(*env.ctl.completions.front()?),
            Source::Txd => Event::TxDone(*env.tx.done.front()?),
            Source::Rxd => Event::RxDone(*env.rx.done().front()?),
            Source::Rxp => Event::Packet {
                head: *env.rx.headers().front()?,
                slot: self.rx_free.pop()?,
            },
            Source::Db => Event::Doorbell {
                bell: *env.axil.doorbells.front()?,
                slot: self.direct_slot(env),
            },
            Source::Rdy => Event::Ready {
                vq: self.next_queue()?,
                slot: self.free.pop()?,
            },
            Source::Txw => Event::Room {
                slot: self.next_waiting()?,
            },
            Source::Adm | Source::Aux | Source::Warm => return None,
        })
    }

    /// The device of the event, 0 none.
    fn key(&self, e: &Event, env: &Env) -> u32 {
        let of_slot = |s: usize| self.slots.get(s).map_or(0, |slot| slot.dev);
        match e {
            Event::Completion(c) => of_slot(usize::from(c.slot)),
            Event::TxDone(done) => of_slot(usize::from(done.slot)),
            Event::Room { slot } => of_slot(*slot),
            Event::RxDone(done) => of_slot(usize::from(done.slot)),
            Event::Packet { head, .. } if TUSER_ANSWER.get(head.user) == 1 => {
                let s = self.slot_of_tag(TUSER_TAG.get(head.user));
                self.last_dev[..self.p.chain_slots]
                    .get(s)
                    .copied()
                    .unwrap_or(0)
            }
            Event::Packet { head, .. } => {
                let member = (1..=env.p.devices).contains(&head.dest);
                if member {
                    head.dest
                } else {
                    0
                }
            }
            Event::Doorbell { bell, .. } => {
                self.ctx.pages.get(bell.page as usize).copied().unwrap_or(0)
            }
            Event::Ready { vq, .. } => self.ctx.vq.get(*vq as usize).map_or(0, |v| v.owner),
        }
    }

    /// A normal event.
    fn handle(&mut self, e: &Event, env: &Env) {
        match e {
            Event::Completion(c) => self.on_slot_completion(usize::from(c.slot), c, env),
            Event::TxDone(done) => self.on_transmit_done(done, env),
            Event::RxDone(done) => self.on_receive_done(done, env),
            Event::Packet { head, slot } => self.on_packet(head, *slot, env),
            Event::Doorbell { bell, slot } => self.on_doorbell(*bell, *slot),
            Event::Ready { vq, slot } => self.on_ready(*vq, *slot),
            Event::Room { slot } => self.on_transmit_room(*slot, env),
        }
    }

    /// An exclusive event; gives its cycles.
    fn exclusive(&mut self, source: Source, env: &Env) -> u32 {
        match source {
            Source::Adm => return if self.on_admin(env) { LONG } else { EXCLUSIVE },
            Source::Aux => self.on_aux(env),
            Source::Warm => {
                self.on_warm();
                return LONG + (WARM_SLOT << self.p.slot_w);
            }
            _ => {
                if let Some(c) = env.ctl.completions.front() {
                    if usize::from(c.slot) == self.p.admin_slot() {
                        self.on_admin_completion(c, env);
                    } else {
                        self.on_aux_completion(env);
                    }
                }
            }
        }
        EXCLUSIVE
    }
}
