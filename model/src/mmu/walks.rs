//! The table walkers: what each is at, and what it makes of a page table entry.
//!
//! Timing: TIMING.md §5.2 (placing) and §5.3.

use super::look_up::LEVEL_BITS;
use super::set::Set;
use super::tables::{pte_address, Leaf, Space, Start};
use super::waiters::Waiter;
use crate::axi_rd::{lane, Address, Id, RBeat};
use shoal_abi::mmu::*;
use shoal_abi::profile::Profile;

/// What a walk looks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Walk {
    pub(super) space: Space,
    pub(super) vpn: u64,
    pub(super) epoch: usize,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Leaf(Leaf),
    PageFault,
    TableAccess,
}

/// What a walk teaches the IOTLB or the walk caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    Page(Leaf),
    Table(Start),
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Idle,
    Req(Start),
    Wait(Start),
    Eval {
        at: Start,
        pte: u64,
        bad: bool,
    },
    Done(Found),
}

#[derive(Clone, Debug, Default)]
struct Walker {
    state: State,
    walk: Walk,
    /// The waiters that joined.
    waiters: Set,
}

/// The walkers.
#[derive(Clone, Debug)]
pub(super) struct Walks {
    walkers: Vec<Walker>,
    // Which walkers are in a state, so that nothing has to be searched for.
    idle: Set,
    requesting: Set,
    done: Set,
    /// In Req, Wait or Eval.
    active: Set,
    evaluating: Option<usize>,
}

impl Walks {
    pub(super) fn new(p: &Profile) -> Self {
        assert!(
            p.walkers <= Set::LIMIT,
            "profile {} has {} walkers, the model holds {}: widen mmu::set::Set",
            p.name,
            p.walkers,
            Set::LIMIT
        );
        Self {
            walkers: vec![Walker::default(); p.walkers],
            idle: Set::first(p.walkers),
            requesting: Set::default(),
            done: Set::default(),
            active: Set::default(),
            evaluating: None,
        }
    }

    pub(super) fn reset(&mut self) {
        self.walkers.fill(Walker::default());
        self.idle = Set::first(self.walkers.len());
        (self.requesting, self.done, self.active) = Default::default();
        self.evaluating = None;
    }

    /// Walker, waiter and result of the walk answer that is due: lowest walker in Done, lowest waiter that joined it.
    pub(super) fn answer(&self) -> Option<(usize, usize, Found)> {
        let n = self.done.lowest()?;
        let walker = &self.walkers[n];
        match walker.state {
            State::Done(found) => Some((n, walker.waiters.lowest()?, found)),
            _ => None,
        }
    }

    /// The edge of its answer: the waiter is free, and with its last one the walker.
    pub(super) fn release(&mut self, n: usize, waiter: usize) {
        let walker = &mut self.walkers[n];
        walker.waiters.remove(waiter);
        if walker.waiters.is_empty() {
            walker.state = State::Idle;
            self.done.remove(n);
            self.idle.insert(n);
        }
    }

    /// The read address that is asked for in this cycle: that of the lowest walker in Req.
    pub(super) fn request(&self) -> Option<Address> {
        let n = self.requesting.lowest()?;
        let walker = &self.walkers[n];
        let State::Req(at) = walker.state else {
            return None;
        };
        Some(Address {
            id: Id::Walker(n),
            addr: pte_address(at, walker.walk.vpn),
            len: 0,
            size: 3,
            user: 0,
        })
    }

    /// The arbiter's grant of what `request` asks for.
    pub(super) fn grant(&mut self) {
        let Some(n) = self.requesting.lowest() else {
            return;
        };
        if let State::Req(at) = self.walkers[n].state {
            self.walkers[n].state = State::Wait(at);
            self.requesting.remove(n);
        }
    }

    /// A beat of read data; one that no walker waits for is ignored.
    pub(super) fn receive(&mut self, p: &Profile, r: &RBeat) {
        let Id::Walker(n) = r.id else {
            return;
        };
        let Some(walker) = self.walkers.get_mut(n) else {
            return;
        };
        if let State::Wait(at) = walker.state {
            walker.state = State::Eval {
                at,
                pte: r.word(p, lane(p, pte_address(at, walker.walk.vpn))),
                bad: crate::is_bad(r.resp),
            };
            self.evaluating = Some(n);
        }
    }

    /// The walker in Eval; the caller evaluates it at this edge.
    pub(super) fn take_evaluating(&mut self) -> Option<usize> {
        self.evaluating.take()
    }

    /// Joins a walk for the same page that is not done; false if there is none.
    pub(super) fn join(&mut self, n: usize, waiter: &Waiter) -> bool {
        let (t, vpn) = (&waiter.of, waiter.of.vpn());
        let same = |w: &Walk| w.epoch == t.epoch && w.vpn == vpn && w.space.asid == t.space.asid;
        let walk = self.active.iter().find(|w| same(&self.walkers[*w].walk));
        if let Some(w) = walk {
            self.walkers[w].waiters.insert(n);
        }
        walk.is_some()
    }

    /// Starts a walk on the lowest idle walker; false if there is none.
    pub(super) fn begin(&mut self, n: usize, waiter: &Waiter) -> bool {
        let Some(w) = self.idle.lowest() else {
            return false;
        };
        self.idle.remove(w);
        self.requesting.insert(w);
        self.active.insert(w);
        let walker = &mut self.walkers[w];
        walker.state = State::Req(waiter.start);
        walker.walk = Walk {
            space: waiter.of.space,
            vpn: waiter.of.vpn(),
            epoch: waiter.of.epoch,
        };
        walker.waiters.insert(n);
        true
    }

    /// The edge that ends Eval of walker `n`. Gives what there is to learn from the entry.
    pub(super) fn evaluate(&mut self, n: usize) -> Option<(Walk, Lesson)> {
        let walker = &mut self.walkers[n];
        let State::Eval { at, pte, bad } = walker.state else {
            return None;
        };
        let walk = walker.walk;
        let found = match judge(at.level, pte, bad) {
            Judgement::Table(next) => {
                walker.state = State::Req(next);
                self.requesting.insert(n);
                return Some((walk, Lesson::Table(next)));
            }
            Judgement::End(found) => found,
        };
        walker.state = State::Done(found);
        self.active.remove(n);
        self.done.insert(n);
        match found {
            Found::Leaf(leaf) => Some((walk, Lesson::Page(leaf))),
            _ => None,
        }
    }
}

enum Judgement {
    End(Found),
    Table(Start),
}

/// What a page table entry read at `level` means.
fn judge(level: u32, pte: u64, bad: bool) -> Judgement {
    let has = |bit: u64| pte & bit != 0;
    if bad {
        return Judgement::End(Found::TableAccess);
    }
    if !has(PTE_V) || has(PTE_W) && !has(PTE_R) || has(PTE_RESERVED) {
        return Judgement::End(Found::PageFault);
    }
    let ppn = pte >> PTE_PPN_LSB & ((1 << PTE_PPN_W) - 1);
    if !has(PTE_R) && !has(PTE_X) {
        return match level {
            0 => Judgement::End(Found::PageFault),
            _ => Judgement::Table(Start {
                level: level - 1,
                table: ppn << 12,
            }),
        };
    }
    let low = (1 << (LEVEL_BITS * level)) - 1;
    if ppn & low != 0 || !has(PTE_A) {
        return Judgement::End(Found::PageFault);
    }
    Judgement::End(Found::Leaf(Leaf {
        level,
        ppn,
        read: has(PTE_R),
        write: has(PTE_W) && has(PTE_D),
    }))
}
