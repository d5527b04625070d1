//! The admin queue: takes chains from the available ring, gathers commands for the core, scatters its answers, tells of them.
//!
//! Several commands are under way at a time, one a slot; the core executes them one at a time, in the order of the ring. The
//! [`Sequencer`] takes one step at a time; what is read and written goes through a [`Reader`] and a [`Writer`], whose accesses
//! overlap.
//!
//! Timing: TIMING.md §9.

mod reader;
mod sequencer;
mod slots;
mod walk;
mod writer;

use crate::axi_rd::{Address, BResp, RBeat};
use crate::axi_wr::WriteRequest;
use crate::regs::Regs;
use reader::Reader;
use sequencer::{Sequencer, Step};
use shoal_abi::cmd::COMMAND_BYTES;
use shoal_abi::profile::Profile;
use slots::Slots;
use writer::{Mark, Passed, Writer};

/// What the admin queue sees of the core.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Port<'a> {
    /// The admin state is Idle.
    pub(crate) idle: bool,
    /// The admin state is Scatter: there is an answer.
    pub(crate) scatter: bool,
    pub(crate) answer: &'a [u8],
}

/// What the admin queue sees of the rest of the device at an edge.
pub(crate) struct Edge<'a> {
    pub(crate) regs: &'a Regs,
    pub(crate) core: Port<'a>,
    /// Its read, its write is granted in this cycle.
    pub(crate) read_granted: bool,
    pub(crate) write_granted: bool,
    pub(crate) r: Option<&'a RBeat>,
    pub(crate) b: Option<&'a BResp>,
}

/// What the admin queue does to the rest of the device at an edge.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effects {
    /// `admin_kick` is taken.
    pub(crate) kick: bool,
    /// device_status |= NEEDS_RESET.
    pub(crate) fault: bool,
    /// Vectors to raise, one bit each.
    pub(crate) raise: u8,
    /// CNT_ADMIN += 1.
    pub(crate) count: bool,
    /// The core executes this command from the next cycle on.
    pub(crate) exec: Option<[u8; COMMAND_BYTES]>,
    /// The answer has been taken from the core.
    pub(crate) answered: bool,
}

/// The admin queue.
#[derive(Clone, Debug)]
pub(crate) struct AdminQueue {
    p: &'static Profile,
    slots: Slots,
    sequencer: Sequencer,
    reader: Reader,
    writer: Writer,
}

impl AdminQueue {
    pub(crate) fn new(p: &'static Profile) -> Self {
        Self {
            p,
            slots: Slots::new(p.admin_slots),
            sequencer: Sequencer::default(),
            reader: Reader::new(),
            writer: Writer::new(),
        }
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.p);
    }

    /// No access is under way.
    pub(crate) fn quiet(&self) -> bool {
        self.reader.none_out() && self.writer.none_out()
    }

    /// The read address asked for in this cycle.
    pub(crate) fn read_request(&self, regs: &Regs) -> Option<Address> {
        self.reader.request().filter(|_| regs.live())
    }

    /// The write asked for in this cycle.
    pub(crate) fn write_request(&self, regs: &Regs, core: &Port) -> Option<WriteRequest> {
        self.writer
            .request(self.p, core.answer)
            .filter(|_| regs.live())
    }

    /// The edge.
    pub(crate) fn tick(&mut self, e: &Edge) -> Effects {
        let mut said = Effects::default();
        let r = e.r.filter(|r| r.id.is_admin());
        let b = e.b.filter(|b| b.id.is_admin());
        self.reader.count(e.read_granted, r);
        self.writer.count(e.write_granted, b);
        if !e.regs.live() {
            self.clear();
            return said;
        }
        // What state alone says of this cycle.
        let step = self.choose(e.regs, &e.core);
        said.exec = self.next_command(e);

        // The edge: what takes from a FIFO comes before what fills it.
        if let Some(step) = &step {
            said.kick = step.kick;
            if step.pops {
                self.reader.pop_control();
            }
        }
        self.reader.tick(self.p, &mut self.slots, e.read_granted, r);
        let stuck = self.sequencer.broken;
        let (passed, pushed) = self.writer.tick(e.write_granted, b, stuck);
        match passed {
            Some(Passed::Mark(mark)) => self.sequencer.mark_passed(mark),
            Some(Passed::Bad) => self.sequencer.broken = true,
            Some(Passed::Done) | None => {}
        }
        if pushed == Some(Mark::Answer) && e.core.scatter {
            said.answered = true;
            self.sequencer.scattering = false;
        }
        if let Some(step) = self.sequencer.tick(step) {
            self.apply(step, &mut said);
        }
        said
    }

    /// Not live: all but the numbers of accesses under way is as at first.
    fn clear(&mut self) {
        self.sequencer = Sequencer::default();
        self.slots.clear();
        self.reader.clear();
        self.writer.clear();
    }

    /// The command that the core begins with at this edge.
    fn next_command(&self, e: &Edge) -> Option<[u8; COMMAND_BYTES]> {
        let own = &self.sequencer.own;
        let slot = self.slots.of(own.exec);
        let there = own.exec != own.fetch && slot.gathered && !slot.chain.mute && !slot.bad;
        (e.regs.ready && e.core.idle && there).then(|| slot.command())
    }

    /// The edge at which a step has its effects.
    fn apply(&mut self, fx: Step, said: &mut Effects) {
        self.sequencer.own = fx.own;
        if let Some(tell) = fx.tell {
            self.sequencer.tell = tell;
        }
        self.sequencer.scattering |= fx.scatters;
        if let Some((slot, chain)) = fx.chain {
            self.slots.at(slot).chain = chain;
        }
        if let Some(slot) = fx.opens {
            self.slots.open(slot);
        }
        if let Some(slot) = fx.spoils {
            self.slots.at(slot).bad = true;
        }
        for job in fx.reads.into_iter().flatten() {
            self.reader.jobs.push(job);
        }
        if let Some(job) = fx.write {
            self.writer.jobs.push(job);
        }
        (said.fault, said.raise, said.count) = (fx.fault, fx.raise, fx.count);
    }
}

#[cfg(test)]
mod tests;
