//! Translations that wait for a walk, and those of them that no walker has taken yet.
//!
//! Timing: TIMING.md §5.2.

use super::look_up::Translation;
use super::set::Set;
use super::tables::Start;
use shoal_abi::profile::Profile;
use std::collections::VecDeque;

/// A translation that missed, and where its walk starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    pub(super) of: Translation,
    pub(super) start: Start,
}

/// The waiters.
#[derive(Clone, Debug)]
pub(super) struct Waiters {
    slots: Vec<Option<Waiter>>,
    free: Set,
    in_use: usize,
    /// Those without a walk, oldest first.
    orphans: VecDeque<usize>,
}

impl Waiters {
    pub(super) fn new(p: &Profile) -> Self {
        assert!(
            p.waiters <= Set::LIMIT,
            "profile {} has {} waiters, the model holds {}: widen mmu::set::Set",
            p.name,
            p.waiters,
            Set::LIMIT
        );
        Self {
            slots: vec![None; p.waiters],
            free: Set::first(p.waiters),
            in_use: 0,
            orphans: VecDeque::with_capacity(p.waiters),
        }
    }

    pub(super) fn reset(&mut self) {
        self.slots.fill(None);
        self.free = Set::first(self.slots.len());
        self.in_use = 0;
        self.orphans.clear();
    }

    pub(super) fn limit(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    pub(super) fn get(&self, n: usize) -> Option<&Waiter> {
        self.slots.get(n)?.as_ref()
    }

    /// The lowest free waiter takes a miss. There is one: no look-up is taken beyond the limit.
    pub(super) fn add(&mut self, waiter: Waiter) -> Option<usize> {
        let n = self.free.lowest()?;
        self.free.remove(n);
        self.slots[n] = Some(waiter);
        self.in_use += 1;
        Some(n)
    }

    pub(super) fn remove(&mut self, n: usize) {
        if self.slots[n].take().is_some() {
            self.free.insert(n);
            self.in_use -= 1;
        }
    }

    /// The oldest orphan.
    pub(super) fn orphan(&self) -> Option<usize> {
        self.orphans.front().copied()
    }

    pub(super) fn push_orphan(&mut self, n: usize) {
        self.orphans.push_back(n);
    }

    pub(super) fn pop_orphan(&mut self) {
        self.orphans.pop_front();
    }
}
