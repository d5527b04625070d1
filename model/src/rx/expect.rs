//! What the mover awaits from the bus, in order: responses, and the marks behind them.
//!
//! Timing: TIMING.md §8, "Expectations".

use super::op::RxDone;
use super::ring::Mark;
use crate::epoch::Ends;
use crate::fifo::Fifo;
use shoal_abi::mmu::{CAUSE_NONE, CAUSE_WRITE_ACCESS};
use shoal_abi::profile::Profile;

/// A record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// The response to a burst.
    Burst {
        epoch: u8,
        va: u64,
    },
    /// A burst that was not written.
    Fault {
        cause: u16,
        iova: u64,
    },
    Mark(Mark),
}

impl Default for Expected {
    fn default() -> Self {
        Self::Mark(Mark::default())
    }
}

/// The expectations.
#[derive(Clone, Debug)]
pub(super) struct Expectations {
    records: Fifo<Expected>,
    /// Responses: are they bad?
    responses: Fifo<bool>,
    pub(super) done: Fifo<RxDone>,
    /// The first fault since the last mark: cause and IOVA.
    fault: Option<(u16, u64)>,
}

impl Expectations {
    pub(super) fn new(p: &Profile) -> Self {
        Self {
            records: Fifo::new(p.rx_writes),
            responses: Fifo::new(p.rx_writes),
            done: Fifo::new(1 << p.slot_w),
            fault: None,
        }
    }

    pub(super) fn reset(&mut self) {
        self.records.clear();
        self.responses.clear();
        self.done.clear();
        self.fault = None;
    }

    pub(super) fn is_full(&self) -> bool {
        self.records.is_full()
    }

    /// Nothing is awaited, and the core has seen all.
    pub(super) fn idle(&self) -> bool {
        self.records.is_empty() && self.done.is_empty()
    }

    pub(super) fn push(&mut self, record: Expected) {
        self.records.push(record);
    }

    pub(super) fn respond(&mut self, bad: bool) {
        self.responses.push(bad);
    }

    /// The record at the head.
    pub(super) fn tick(&mut self, ends: &mut Ends) {
        match self.records.front().copied() {
            Some(Expected::Burst { epoch, va }) => {
                let Some(bad) = self.responses.pop() else {
                    return;
                };
                ends.add(epoch);
                if bad {
                    self.fault.get_or_insert((CAUSE_WRITE_ACCESS, va));
                }
            }
            Some(Expected::Fault { cause, iova }) => {
                self.fault.get_or_insert((cause, iova));
            }
            Some(Expected::Mark(mark)) if !self.done.is_full() => {
                let (cause, iova) = self.fault.take().unwrap_or((CAUSE_NONE, 0));
                self.done.push(RxDone {
                    slot: mark.slot,
                    bytes: mark.bytes,
                    ended: mark.ended,
                    cause,
                    iova,
                });
            }
            _ => return,
        }
        self.records.pop();
    }
}
