//! Invalidation, and the MMU's own epochs: which translations under way began before it.
//!
//! Timing: TIMING.md §5.4.

use super::tables::Tables;

/// What an invalidation drops. A range drops all of its ASID, so there is no kind for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalidate {
    /// Everything.
    All,
    /// What belongs to an ASID.
    Asid(u32),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    /// Reads the generation of the ASID.
    Gen,
    /// Writes the next one.
    Bump,
    /// Clears this set of every array.
    Flush(usize),
    /// The last cycle in which look-ups belong to the old epoch.
    Flip,
    /// Waits for the last answer of the old epoch.
    Drain,
    Done,
}

/// The state of the invalidation and the counts of its epochs.
#[derive(Clone, Debug, Default)]
pub(super) struct Invalidation {
    state: State,
    pending: Option<Invalidate>,
    /// `mep`: the epoch, 0 or 1, of a look-up taken now.
    epoch: usize,
    /// `mcnt`: translations of an epoch that have no answer yet.
    under_way: [u32; 2],
}

impl Invalidation {
    /// A core effect.
    pub(super) fn start(&mut self, what: Invalidate) {
        self.pending = Some(what);
    }

    pub(super) fn pending(&self) -> bool {
        self.pending.is_some()
    }

    pub(super) fn idle(&self) -> bool {
        self.state == State::Idle
    }

    /// The cycle in which the epoch of accesses changes (InvDone of §1).
    pub(super) fn done(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn epoch(&self) -> usize {
        self.epoch
    }

    /// Nothing is taken: the table of generations is being read.
    pub(super) fn stops_takes(&self) -> bool {
        self.state == State::Gen
    }

    /// What a look-up taken now finds in the arrays does not count.
    pub(super) fn flushing(&self) -> bool {
        matches!(self.state, State::Flush(_))
    }

    /// What a walk of `epoch` finds in this cycle may be kept.
    pub(super) fn keeps(&self, epoch: usize) -> bool {
        epoch == self.epoch && !self.flushing() && self.state != State::Flip
    }

    /// The edge: whether a look-up was taken, and the epoch of the answer that was up.
    pub(super) fn tick(&mut self, tables: &mut Tables, taken: bool, answered: Option<usize>) {
        let before = (self.epoch, self.under_way);
        if taken {
            self.under_way[self.epoch] += 1;
        }
        if let Some(e) = answered {
            self.under_way[e] = self.under_way[e].saturating_sub(1);
        }
        if self.state != State::Idle || self.pending.is_some() {
            let (epoch, under_way) = before;
            self.advance(tables, under_way[epoch ^ 1] == 0);
        }
    }

    /// `drained`: the other epoch had no translation under way in the cycle that ends.
    fn advance(&mut self, tables: &mut Tables, drained: bool) {
        self.state = match (self.state, self.pending) {
            (State::Idle, Some(Invalidate::Asid(_))) => State::Gen,
            // No generation counts up: the flush leaves nothing that could match.
            (State::Idle, Some(Invalidate::All)) => State::Flush(0),
            (State::Gen, _) => State::Bump,
            (State::Bump, Some(Invalidate::Asid(asid))) => {
                // Back at 0: entries of long ago would match again.
                let wrapped = tables.next_generation(asid);
                if wrapped {
                    State::Flush(0)
                } else {
                    State::Flip
                }
            }
            (State::Bump, _) => State::Flip,
            (State::Flush(i), _) => {
                tables.flush(i);
                if i + 1 < tables.flush_cycles() {
                    State::Flush(i + 1)
                } else {
                    State::Flip
                }
            }
            (State::Flip, _) => {
                self.epoch ^= 1;
                State::Drain
            }
            (State::Drain, _) if drained => State::Done,
            (State::Drain, _) => State::Drain,
            (State::Done, _) => {
                self.pending = None;
                State::Idle
            }
            (State::Idle, None) => State::Idle,
        };
    }
}
