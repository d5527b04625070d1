//! The sequencer: one step at a time, chosen from the state of its pick cycle.
//!
//! Timing: TIMING.md §9.1. A step is computed as a whole when it is picked, and has its effects at the edge that ends the third
//! cycle after.

use super::reader::{Control, ControlRead, ReadJob, JOBS_AT_STEP};
use super::slots::Chain;
use super::writer::{Mark, Source, WriteJob};
use super::{AdminQueue, Port};
use crate::descriptor::Desc;
use crate::regs::{vector_bit, Regs};
use shoal_abi::ring::*;

/// Cycles of a step behind its pick.
const STEP: u8 = 3;

/// Where the driver is being told of commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tell {
    #[default]
    Idle,
    /// The used index is being written.
    Wait,
    /// It has been written.
    Marked,
    /// avail.flags is being read.
    Flags,
}

/// What only steps change: numbers of ring entries, and what goes with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Own {
    /// avail.idx as last read, and whether it is being read.
    pub(super) avail: u16,
    pub(super) idx_read: bool,
    /// Entries whose ring read has been pushed.
    pub(super) fetch: u16,
    /// Entries done with execution and scatter.
    pub(super) exec: u16,
    /// Used elements pushed.
    pub(super) elem: u16,
    /// used.idx as last pushed.
    pub(super) idx: u16,
    /// Entries that the driver has been told of.
    pub(super) told: u16,
    /// Bytes of the answer pushed.
    pub(super) written: usize,
}

/// A step: what it pops and what it does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    /// Pops the control read that it judges.
    pub(super) pops: bool,
    /// Takes `admin_kick`.
    pub(super) kick: bool,
    pub(super) own: Own,
    pub(super) tell: Option<Tell>,
    pub(super) scatters: bool,
    pub(super) chain: Option<(usize, Chain)>,
    /// A slot that takes a new chain, one that is bad.
    pub(super) opens: Option<usize>,
    pub(super) spoils: Option<usize>,
    pub(super) reads: [Option<ReadJob>; 2],
    pub(super) write: Option<WriteJob>,
    pub(super) fault: bool,
    pub(super) raise: u8,
    pub(super) count: bool,
}

impl Step {
    pub(super) fn read(&mut self, job: ReadJob) {
        if let Some(free) = self.reads.iter_mut().find(|r| r.is_none()) {
            *free = Some(job);
        }
    }

    fn raise(&mut self, vector: u16) {
        self.raise |= vector_bit(vector);
    }

    pub(super) fn fault(&mut self, regs: &Regs) {
        self.fault = true;
        self.raise(regs.config_vector);
    }

    pub(super) fn spoil(&mut self, slot: usize) {
        self.spoils = Some(slot);
        self.read(ReadJob::Mark(slot));
    }
}

/// The sequencer.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequencer {
    pub(super) own: Own,
    /// Entries whose answer, whose used element has been written.
    pub(super) answered: u16,
    pub(super) elem_done: u16,
    pub(super) tell: Tell,
    /// A write failed.
    pub(super) broken: bool,
    /// The answer of the core is being pushed.
    pub(super) scattering: bool,
    /// The step that is going on, and its cycles still to come.
    step: Option<(u8, Step)>,
}

impl Sequencer {
    pub(super) fn idle(&self) -> bool {
        self.step.is_none()
    }

    /// The edge: `picked` begins. Gives the step whose effects are due.
    pub(super) fn tick(&mut self, picked: Option<Step>) -> Option<Step> {
        match &mut self.step {
            None => {
                self.step = picked.map(|step| (STEP, step));
                None
            }
            Some((left @ 2.., _)) => {
                *left -= 1;
                None
            }
            Some(_) => self.step.take().map(|(_, step)| step),
        }
    }

    /// All writes before this mark have succeeded.
    pub(super) fn mark_passed(&mut self, mark: Mark) {
        match mark {
            Mark::Answer | Mark::Mute => self.answered = self.answered.wrapping_add(1),
            Mark::Element => self.elem_done = self.elem_done.wrapping_add(1),
            Mark::Index => self.tell = Tell::Marked,
        }
    }
}

/// The 16 bits at `va` of its word.
fn half(word: u64, va: u64) -> u16 {
    (word >> (8 * (va & 7))) as u16
}

impl AdminQueue {
    /// The first step that is possible in this cycle.
    pub(super) fn choose(&self, regs: &Regs, core: &Port) -> Option<Step> {
        let s = &self.sequencer;
        let room = self.reader.jobs.len().max(self.writer.jobs.len()) <= JOBS_AT_STEP;
        if !s.idle() || !room {
            return None;
        }
        let own = s.own;
        let mut step = Step {
            own,
            ..Step::default()
        };
        let slot = self.slots.of(own.exec);
        let gathered = core.idle && own.exec != own.fetch && slot.gathered;
        if s.broken {
            step.fault(regs);
        } else if self.reader.control().is_some() {
            self.control_word(&mut step, regs, core);
        } else if core.scatter && !s.scattering {
            (step.scatters, step.own.written) = (true, 0);
            self.scatter(
                &mut step,
                self.slots.number(own.exec),
                slot.chain,
                regs,
                core,
            );
        } else if gathered && slot.bad && own.told == own.exec {
            step.fault(regs);
        } else if gathered && slot.chain.mute && !slot.bad {
            self.pass_over(&mut step);
        } else if own.elem != s.answered {
            self.element(&mut step, regs);
        } else if s.tell == Tell::Idle && s.elem_done != own.told {
            step.write = Some(WriteJob {
                va: regs.device.wrapping_add(USED_IDX),
                n: 2,
                from: Source::Value(u64::from(s.elem_done)),
                mark: Some(Mark::Index),
            });
            step.own.idx = s.elem_done;
            step.tell = Some(Tell::Wait);
        } else if s.tell == Tell::Marked {
            step.own.told = own.idx;
            step.tell = Some(Tell::Flags);
            step.read(control(Control::Flags, 0, regs.driver));
        } else if regs.admin_kick && !own.idx_read {
            (step.kick, step.own.idx_read) = (true, true);
            let va = regs.driver.wrapping_add(AVAIL_IDX);
            step.read(control(Control::Avail, 0, va));
        } else if own.fetch != own.avail && own.fetch.wrapping_sub(own.told) < self.slots.len() {
            self.entry(&mut step, regs);
        } else {
            return None;
        }
        Some(step)
    }

    /// Step 1: the words of the oldest control read.
    fn control_word(&self, step: &mut Step, regs: &Regs, core: &Port) {
        let Some((read, words)) = self.reader.control() else {
            return;
        };
        step.pops = true;
        let ControlRead { what, slot, va } = read;
        let first = words[0].at(self.p, va);
        if words.iter().any(|w| w.bad) {
            return match what {
                Control::Avail | Control::Flags => step.fault(regs),
                Control::Ring | Control::Desc => self.spoil(step, slot, regs),
            };
        }
        match what {
            Control::Avail => {
                let idx = half(first, va);
                if idx.wrapping_sub(step.own.fetch) > regs.queue_size {
                    return step.fault(regs);
                }
                (step.own.avail, step.own.idx_read) = (idx, false);
            }
            Control::Ring => self.start_walk(step, slot, half(first, va), regs),
            Control::Desc => {
                let second = words[1].at(self.p, va.wrapping_add(8));
                self.walk(step, slot, Desc::from_words([first, second]), regs, core);
            }
            Control::Flags => {
                if half(first, va) & AVAIL_F_NO_INTERRUPT == 0 {
                    step.raise(regs.queue_vector);
                }
                step.tell = Some(Tell::Idle);
            }
        }
    }

    /// Step 4: a command that has no room for an answer is not executed.
    fn pass_over(&self, step: &mut Step) {
        let (exec, slot) = (step.own.exec, self.slots.number(step.own.exec));
        let mut chain = self.slots.of(exec).chain;
        chain.used_len = 0;
        step.chain = Some((slot, chain));
        step.write = Some(WriteJob {
            mark: Some(Mark::Mute),
            ..WriteJob::default()
        });
        step.own.exec = exec.wrapping_add(1);
    }

    /// Step 5: a used element.
    fn element(&self, step: &mut Step, regs: &Regs) {
        let elem = step.own.elem;
        let chain = &self.slots.of(elem).chain;
        let at = USED_RING + USED_ELEM_BYTES * ring_entry(elem, regs);
        step.write = Some(WriteJob {
            va: regs.device.wrapping_add(at),
            n: USED_ELEM_BYTES as usize,
            from: Source::Value(u64::from(chain.head) | u64::from(chain.used_len) << 32),
            mark: Some(Mark::Element),
        });
        step.own.elem = elem.wrapping_add(1);
        step.count = true;
    }

    /// Step 9: the next entry of the available ring.
    fn entry(&self, step: &mut Step, regs: &Regs) {
        let fetch = step.own.fetch;
        let slot = self.slots.number(fetch);
        let va = regs
            .driver
            .wrapping_add(AVAIL_RING + 2 * ring_entry(fetch, regs));
        step.opens = Some(slot);
        step.read(control(Control::Ring, slot, va));
        step.own.fetch = fetch.wrapping_add(1);
    }
}

/// The place of an entry in the rings.
fn ring_entry(entry: u16, regs: &Regs) -> u64 {
    u64::from(entry % regs.queue_size.max(1))
}

/// The job of a control read.
pub(super) fn control(what: Control, slot: usize, va: u64) -> ReadJob {
    ReadJob::Control(ControlRead { what, slot, va })
}
