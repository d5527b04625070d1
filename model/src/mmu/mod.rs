//! The device MMU: any number of translations at once, hits pass under misses.
//!
//! A look-up is judged in full at the edge that samples the tables ([`look_up`]); what the cycles L1 and L2 then do is
//! to hold the verdict back. A miss becomes a waiter ([`waiters`]), which joins or starts a walk ([`walks`]); the walk's
//! answer goes through the same stages. [`tables`] is what is remembered, [`invalidate`] how it is forgotten.
//!
//! Timing: TIMING.md §5.

pub mod block;
mod invalidate;
mod look_up;
mod set;
mod tables;
mod waiters;
mod walks;

use crate::axi_rd::{Address, RBeat};
use crate::regs::{Counter, Regs};
pub use invalidate::Invalidate;
use invalidate::Invalidation;
pub use look_up::{Answer, Request};
use look_up::{Stage, Translation, Verdict};
use shoal_abi::mmu::CAUSE_NONE;
use shoal_abi::profile::Profile;
pub use tables::AsidEntry;
use tables::{Filling, Tables};
use waiters::{Waiter, Waiters};
use walks::{Found, Lesson, Walks};

/// Clients: control unit, transmit mover, receive mover.
pub const CLIENTS: usize = 3;
/// What the MMU says to one client in a cycle.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Xlat {
    /// Its request is taken and must be down in the next cycle.
    pub(crate) taken: bool,
    pub(crate) answer: Option<Answer>,
}

/// What is taken up in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// A look-up for this client.
    LookUp(usize, Request),
    /// The answer of `walker` for `waiter`.
    Walked {
        walker: usize,
        waiter: usize,
        found: Found,
    },
}

/// The answer that is up.
#[derive(Clone, Copy, Debug)]
struct Up {
    client: usize,
    epoch: usize,
    answer: Answer,
}

/// What the MMU sees at an edge.
pub(crate) struct Edge<'a> {
    /// The requests that are up, and what `take` makes of them.
    pub(crate) requests: &'a [Option<Request>; CLIENTS],
    pub(crate) take: Option<Take>,
    /// The arbiter grants the read address of `walk`.
    pub(crate) granted: bool,
    pub(crate) r: Option<&'a RBeat>,
    /// MMU_CTRL partition.
    pub(crate) partition: bool,
}

/// The MMU.
#[derive(Clone, Debug)]
pub(crate) struct Mmu {
    tables: Tables,
    invalidation: Invalidation,
    waiters: Waiters,
    walks: Walks,
    /// `mrr`: the client that is asked first.
    next: usize,
    l1: Option<Stage>,
    l2: Option<Stage>,
    up: Option<Up>,
    /// What the walker evaluated a cycle ago has found.
    filling: Option<Filling>,
}

impl Mmu {
    pub(crate) fn new(p: &Profile) -> Self {
        Self {
            tables: Tables::new(p),
            invalidation: Invalidation::default(),
            waiters: Waiters::new(p),
            walks: Walks::new(p),
            next: 0,
            l1: None,
            l2: None,
            up: None,
            filling: None,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.invalidation = Invalidation::default();
        self.waiters.reset();
        self.walks.reset();
        self.next = 0;
        (self.l1, self.l2, self.up, self.filling) = (None, None, None, None);
    }

    /// The end of a sweep: ASIDs off, generations 0, arrays empty.
    pub(crate) fn clear(&mut self) {
        self.tables.clear();
    }

    pub(crate) fn idle(&self) -> bool {
        self.invalidation.idle() && !self.translates()
    }

    /// A translation is under way.
    fn translates(&self) -> bool {
        self.l1.is_some() || self.l2.is_some() || self.up.is_some() || self.waiters.in_use() != 0
    }

    /// An invalidation is asked for or going on.
    pub(crate) fn invalidating(&self) -> bool {
        self.invalidation.pending()
    }

    /// The epoch of accesses changes at this edge.
    pub(crate) fn flips(&self) -> bool {
        self.invalidation.done()
    }

    /// A core effect: starts an invalidation.
    pub(crate) fn invalidate(&mut self, what: Invalidate) {
        self.invalidation.start(what);
    }

    pub(crate) fn asid(&self, asid: u32) -> AsidEntry {
        self.tables.asid(asid)
    }

    /// A core effect: writes the ASID table.
    pub(crate) fn set_asid(&mut self, asid: u32, entry: AsidEntry) {
        self.tables.set_asid(asid, entry);
    }

    /// The answer that is up in this cycle, for client `client`.
    pub(crate) fn answer(&self, client: usize) -> Option<Answer> {
        let up = self.up.as_ref().filter(|up| up.client == client)?;
        Some(up.answer)
    }

    /// The read address of the walkers, if one asks in this cycle.
    pub(crate) fn walk(&self) -> Option<Address> {
        self.walks.request()
    }

    /// What is taken in this cycle; `blocking`: one translation at a time.
    pub(crate) fn take(
        &self,
        requests: &[Option<Request>; CLIENTS],
        blocking: bool,
    ) -> Option<Take> {
        if self.invalidation.stops_takes() {
            return None;
        }
        if let Some((walker, waiter, found)) = self.walks.answer() {
            return Some(Take::Walked {
                walker,
                waiter,
                found,
            });
        }
        if requests.iter().all(Option::is_none) || blocking && self.translates() {
            return None;
        }
        let stages = [&self.l1, &self.l2].into_iter().flatten();
        let may_miss = stages.filter(|s| s.is_look_up()).count();
        if self.waiters.in_use() + may_miss >= self.waiters.limit() {
            return None;
        }
        (0..CLIENTS)
            .map(|k| (self.next + k) % CLIENTS)
            .find_map(|c| requests[c].map(|request| Take::LookUp(c, request)))
    }

    /// The edge.
    pub(crate) fn tick(&mut self, p: &Profile, e: &Edge, regs: &mut Regs) {
        if e.take.is_none() && self.idle() && !self.invalidating() {
            return;
        }
        let looks_up = matches!(e.take, Some(Take::LookUp(..)));
        if !looks_up && e.requests.iter().any(Option::is_some) {
            regs.count(Counter::MmuWaits);
        }
        // What a take samples, and which walker is in which state, is the state before the edge.
        let entering = e.take.and_then(|take| self.sample(take));
        let evaluating = self.walks.take_evaluating();
        if let Some(r) = e.r {
            self.walks.receive(p, r);
        }
        if e.granted {
            self.walks.grant();
        }
        let leaving = self.up.take();
        let missed = match self.l2.take() {
            Some(stage) => self.publish(stage, regs),
            None => None,
        };
        self.place(missed, regs);
        // Whose turn it is in a set is sampled before what came a cycle earlier is written.
        let learned = evaluating.and_then(|walker| self.learn(walker));
        if let Some(filling) = std::mem::replace(&mut self.filling, learned) {
            if !self.invalidation.flushing() {
                self.tables.fill(filling, e.partition);
            }
        }
        match e.take {
            Some(Take::LookUp(client, _)) => self.next = (client + 1) % CLIENTS,
            Some(Take::Walked { walker, waiter, .. }) => {
                self.waiters.remove(waiter);
                self.walks.release(walker, waiter);
            }
            None => {}
        }
        self.l2 = std::mem::replace(&mut self.l1, entering);
        let answered = leaving.map(|up| up.epoch);
        self.invalidation.tick(&mut self.tables, looks_up, answered);
    }

    /// The edge that ends the cycle of a take: what stands in the tables decides.
    fn sample(&self, take: Take) -> Option<Stage> {
        let (client, request) = match take {
            Take::LookUp(client, request) => (client, request),
            Take::Walked { waiter, found, .. } => {
                let of = self.waiters.get(waiter)?.of;
                let verdict = Verdict::Walked(of.walked(found));
                return Some(Stage { of, verdict });
            }
        };
        let of = Translation {
            client,
            request,
            entry: self.tables.asid(request.asid),
            space: self.tables.space(request.asid),
            epoch: self.invalidation.epoch(),
        };
        let flushing = self.invalidation.flushing();
        let verdict = of.judge(&self.tables, flushing);
        Some(Stage { of, verdict })
    }

    /// The edge that ends L2: the answer is up from now on, or the miss takes a waiter, whose number is given.
    fn publish(&mut self, stage: Stage, regs: &mut Regs) -> Option<usize> {
        let answer = match stage.verdict {
            Verdict::Direct(answer) | Verdict::Walked(answer) => answer,
            Verdict::Hit(answer) => {
                regs.count(Counter::TlbHits);
                answer
            }
            Verdict::Miss(start) => {
                regs.count(Counter::TlbMisses);
                return self.waiters.add(Waiter {
                    of: stage.of,
                    start,
                });
            }
        };
        if answer.cause != CAUSE_NONE {
            regs.count(Counter::MmuFaults);
        }
        self.up = Some(Up {
            client: stage.of.client,
            epoch: stage.of.epoch,
            answer,
        });
        None
    }

    /// One waiter a cycle is placed: the miss that leaves L2, else the oldest orphan.
    fn place(&mut self, missed: Option<usize>, regs: &mut Regs) {
        let Some(n) = missed.or_else(|| self.waiters.orphan()) else {
            return;
        };
        let Some(waiter) = self.waiters.get(n) else {
            return;
        };
        let placed = if self.walks.join(n, waiter) {
            regs.count(Counter::WalksMerged);
            true
        } else if self.walks.begin(n, waiter) {
            regs.count(Counter::Walks);
            true
        } else {
            false
        };
        match (missed, placed) {
            (Some(_), false) => self.waiters.push_orphan(n),
            (None, true) => self.waiters.pop_orphan(),
            _ => {}
        }
    }

    /// The edge that ends Eval of `walker`: the leaf to be written a cycle later, if there is one to keep.
    fn learn(&mut self, walker: usize) -> Option<Filling> {
        let (walk, lesson) = self.walks.evaluate(walker)?;
        if !self.invalidation.keeps(walk.epoch) {
            return None;
        }
        match lesson {
            Lesson::Page(leaf) => self.tables.filling(walk.space, walk.vpn, leaf),
            Lesson::Table(start) => {
                self.tables.keep_table(walk.space, walk.vpn, start);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
