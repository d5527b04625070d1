//! The way back: responses and faults are collected into one completion an op.
//!
//! Timing: TIMING.md §4.2 and, of the steps of a TELL, §4.4.

use super::{Completion, Ctl, CtlOp, Kind};
use crate::axi_rd::{lane, BResp, Id, RBeat};
use crate::epoch::Ends;
use crate::mmu::Answer;
use shoal_abi::mmu::{CAUSE_NONE, CAUSE_READ_ACCESS, CAUSE_WRITE_ACCESS};
use shoal_abi::profile::Profile;

/// What is known of the op of a slot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    /// The op, or the present step of a TELL.
    pub(super) op: CtlOp,
    /// The op as it came, and the number of the present step.
    whole: CtlOp,
    step: u8,
    /// Epoch of each part's access, and of access c.
    pub(super) epoch: [u8; 2],
    pub(super) epoch_c: u8,
    /// Accesses that are not in.
    left: u8,
    /// Of a TELL: the driver waits for the message.
    armed: bool,
    done: Completion,
}

impl Slot {
    /// An op comes into Work; gives it or its first step.
    pub(super) fn begin(&mut self, p: &Profile, op: CtlOp) -> CtlOp {
        (self.whole, self.step, self.armed) = (op, 0, false);
        self.load(p)
    }

    /// The next step of a TELL comes into Work.
    pub(super) fn next_step(&mut self, p: &Profile) -> CtlOp {
        self.step += 1;
        self.load(p)
    }

    fn load(&mut self, p: &Profile) -> CtlOp {
        self.op = self.whole.step(self.step, self.armed);
        self.left = self.op.accesses(p);
        self.done = Completion {
            slot: self.op.slot,
            ..Completion::default()
        };
        self.op
    }

    /// All accesses are in: what becomes of the op.
    fn ends(&mut self, may: bool) -> End {
        let tells = self.whole.kind == Kind::Tell && self.done.cause == CAUSE_NONE;
        match self.step {
            0 if tells => {
                let word = self.op.c.map(|va| self.done.b >> (8 * (va % 8)));
                self.armed = word.is_some_and(|w| self.whole.tell.waits(w as u16));
                End::Next
            }
            1 if tells => {
                let seen = self.op.c.is_some() || self.whole.tell.receive;
                self.done.sent = self.armed && seen && may;
                if self.done.sent {
                    End::Sent
                } else {
                    End::Next
                }
            }
            _ => End::Done,
        }
    }
}

/// What becomes of an op whose accesses are in.
enum End {
    /// The next step of a TELL.
    Next,
    /// The completion, and with it the message.
    Sent,
    Done,
}

/// A word, or two of a merged access, has been read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReadEvent {
    slot: u16,
    part: u8,
    a: u64,
    b: u64,
    bad: bool,
}

/// A write has been answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WriteEvent {
    slot: u16,
    part: u8,
    bad: bool,
}

/// A fault, or the answer of a translation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct XlatEvent {
    pub(super) slot: u16,
    pub(super) part: u8,
    pub(super) iova: u64,
    pub(super) answer: Answer,
}

/// What the collector has taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Read(ReadEvent),
    Write(WriteEvent),
    Xlat(XlatEvent),
}

impl Event {
    fn slot(&self) -> u16 {
        match self {
            Self::Read(e) => e.slot,
            Self::Write(e) => e.slot,
            Self::Xlat(e) => e.slot,
        }
    }
}

/// Sources of the collector.
const SOURCES: usize = 3;

impl Ctl {
    /// The edge of the way back. Tells of the accesses that end.
    pub(super) fn come(
        &mut self,
        p: &Profile,
        r: Option<&RBeat>,
        b: Option<&BResp>,
        ends: &mut Ends,
    ) {
        self.collect(p);
        // What was accepted in the cycle before ends in this one.
        if let Some(e) = self.read.take() {
            let of = &self.slots[usize::from(e.slot)];
            ends.add(match of.op.asks_c(e.part) {
                Some(_) => of.epoch_c,
                None => of.epoch[usize::from(e.part)],
            });
            self.read_events.push(e);
        }
        if let Some(e) = self.written.take() {
            ends.add(self.slots[usize::from(e.slot)].epoch[usize::from(e.part)]);
            self.write_events.push(e);
        }
        self.read = r.and_then(|r| self.read_event(p, r));
        self.written = b.and_then(|b| match b.id {
            Id::Control { slot, part } => Some(WriteEvent {
                slot,
                part,
                bad: crate::is_bad(b.resp),
            }),
            _ => None,
        });
    }

    fn read_event(&self, p: &Profile, r: &RBeat) -> Option<ReadEvent> {
        let Id::Control { slot, part } = r.id else {
            return None;
        };
        let op = &self.slots[usize::from(slot)].op;
        Some(ReadEvent {
            slot,
            part,
            a: r.word(p, lane(p, op.a.va)),
            b: op
                .asks_c(part)
                .or(op.b.map(|b| b.va))
                .map_or(0, |va| r.word(p, lane(p, va))),
            bad: crate::is_bad(r.resp),
        })
    }

    /// The collector: takes an event, and adds the one of the cycle before.
    fn collect(&mut self, p: &Profile) {
        let before = self.taken.as_ref().map(Event::slot);
        let heads = [
            self.read_events.front().map(|e| Event::Read(*e)),
            self.write_events.front().map(|e| Event::Write(*e)),
            self.xlats.front().map(|e| Event::Xlat(*e)),
        ];
        let chosen = (0..SOURCES)
            .map(|k| (self.crr + k) % SOURCES)
            .find_map(|s| {
                heads[s]
                    .filter(|e| Some(e.slot()) != before)
                    .map(|e| (s, e))
            });
        match chosen {
            Some((_, Event::Read(_))) => drop(self.read_events.pop()),
            Some((_, Event::Write(_))) => drop(self.write_events.pop()),
            Some((_, Event::Xlat(_))) => drop(self.xlats.pop()),
            None => {}
        }
        if let Some((s, _)) = chosen {
            self.crr = (s + 1) % SOURCES;
        }
        if let Some(event) = std::mem::replace(&mut self.taken, chosen.map(|(_, e)| e)) {
            self.add(p, &event);
        }
    }

    /// One access of an op is in.
    fn add(&mut self, p: &Profile, event: &Event) {
        let slot = &mut self.slots[usize::from(event.slot())];
        let (op, done) = (&slot.op, &mut slot.done);
        let mut came = 1;
        let (cause, iova) = match event {
            Event::Read(e) => {
                if e.part == 0 {
                    done.a = e.a;
                }
                if e.part == 1 || op.is_merged(p) {
                    done.b = e.b;
                }
                let cause = if e.bad { CAUSE_READ_ACCESS } else { CAUSE_NONE };
                let va = op.asks_c(e.part).unwrap_or(op.response_va(e.part));
                (cause, va)
            }
            Event::Write(e) => {
                let cause = if e.bad {
                    CAUSE_WRITE_ACCESS
                } else {
                    CAUSE_NONE
                };
                (cause, op.response_va(e.part))
            }
            Event::Xlat(e) => {
                if op.goes_in_two(p, e.part) {
                    came = 2;
                }
                if e.answer.cause == CAUSE_NONE {
                    (done.a, done.b) = (e.answer.address, u64::from(e.answer.user));
                }
                (e.answer.cause, e.iova)
            }
        };
        if cause != CAUSE_NONE && done.cause == CAUSE_NONE {
            (done.cause, done.iova) = (cause, iova);
        }
        slot.left = slot.left.saturating_sub(came);
        if slot.left > 0 {
            return;
        }
        match slot.ends(self.may[usize::from(event.slot())]) {
            End::Next => self.next.push(event.slot()),
            End::Sent => {
                self.early = Some(slot.whole.tell.message);
                self.completions.push(slot.done);
            }
            End::Done => self.completions.push(slot.done),
        }
    }
}
