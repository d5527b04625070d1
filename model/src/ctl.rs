//! The control unit: the small reads and writes of rings, descriptors, messages, and TRANSLATE.
//!
//! [`going`] is the way of an access to the bus, [`coming`] that of what comes back; [`parts`] says which accesses an
//! op consists of, [`tell`] what the steps of a TELL are. A slot has one op at a time, so what is known of an op is kept by slot.
//!
//! Timing: TIMING.md §4.

mod coming;
mod going;
mod op;
mod parts;
mod tell;

use crate::axi_rd::{BResp, RBeat};
use crate::epoch::Ends;
use crate::fifo::Fifo;
use crate::messages::Message;
use crate::mmu::Xlat;
use coming::{Event, ReadEvent, Slot, WriteEvent, XlatEvent};
use going::{Access, Work};
pub(crate) use op::{AccessA, AccessB, Completion, CtlOp, Kind, Tell};
use shoal_abi::profile::Profile;

/// What the control unit sees at an edge.
pub(crate) struct Edge<'a> {
    pub(crate) xlat: Xlat,
    pub(crate) read_granted: bool,
    pub(crate) write_granted: bool,
    pub(crate) r: Option<&'a RBeat>,
    pub(crate) b: Option<&'a BResp>,
    pub(crate) cur: u8,
}

/// The control unit.
#[derive(Clone, Debug)]
pub(crate) struct Ctl {
    pub(crate) ops: Fifo<CtlOp>,
    pub(crate) completions: Fifo<Completion>,
    slots: Vec<Slot>,
    /// Slots whose TELL goes on.
    next: Fifo<u16>,
    work: Option<Work>,
    /// Work takes what is pushed at this edge.
    open: bool,
    /// Of each slot: a TELL may send its message itself. And the message that goes at this edge.
    may: Vec<bool>,
    early: Option<Message>,
    /// Accesses between Work and the arbiters.
    under: usize,
    /// Stage K.
    k: Option<Access>,
    reads: Fifo<Access>,
    writes: Fifo<Access>,
    /// Of the pair at the head of reads, of writes: part 0 has been granted.
    second: [bool; 2],
    /// Accepted in the cycle before.
    read: Option<ReadEvent>,
    written: Option<WriteEvent>,
    read_events: Fifo<ReadEvent>,
    write_events: Fifo<WriteEvent>,
    xlats: Fifo<XlatEvent>,
    /// The source that the collector looks at first.
    crr: usize,
    /// What the collector took in the cycle before.
    taken: Option<Event>,
}

impl Ctl {
    pub(crate) fn new(p: &Profile) -> Self {
        let slots = 1 << p.slot_w;
        Self {
            ops: Fifo::new(slots),
            completions: Fifo::new(slots),
            slots: vec![Slot::default(); slots],
            next: Fifo::new(slots),
            work: None,
            open: false,
            may: vec![false; slots],
            early: None,
            under: 0,
            k: None,
            reads: Fifo::new(p.ctl_window),
            writes: Fifo::new(p.ctl_window),
            second: [false; 2],
            read: None,
            written: None,
            read_events: Fifo::new(2 * slots),
            write_events: Fifo::new(2 * slots),
            xlats: Fifo::new(2 * slots),
            crr: 0,
            taken: None,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.ops.clear();
        self.completions.clear();
        self.slots.fill(Slot::default());
        (self.work, self.under, self.k) = (None, 0, None);
        (self.open, self.early) = (false, None);
        self.may.fill(false);
        self.next.clear();
        self.reads.clear();
        self.writes.clear();
        self.second = [false; 2];
        (self.read, self.written, self.taken) = (None, None, None);
        self.read_events.clear();
        self.write_events.clear();
        self.xlats.clear();
        self.crr = 0;
    }

    /// A core effect: the message of the slot's queue is another one from now on.
    pub(crate) fn may_not(&mut self, slot: u16) {
        if let Some(may) = self.may.get_mut(usize::from(slot)) {
            *may = false;
        }
    }

    /// The message that is pushed at this edge.
    pub(crate) fn early(&mut self) -> Option<Message> {
        self.early.take()
    }

    /// The edge. Gives the number of accesses started and tells of those that end.
    pub(crate) fn tick(&mut self, p: &Profile, e: &Edge, ends: &mut Ends) -> u32 {
        // What the collector sees is the state before this edge's faults, and what Work takes that before its steps.
        let step_waits = !self.next.is_empty();
        self.come(p, e.r, e.b, ends);
        self.go(p, e, step_waits)
    }
}

#[cfg(test)]
mod tests;
