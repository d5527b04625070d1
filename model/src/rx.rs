//! The receive mover: takes packets whole from `s_axis`, in the order of the stream, and writes them where the core says.
//!
//! Packets enter ([`enter`]), are cut into bursts as the ops of their slots say ([`cut`]), stand in a ring ([`ring`]) while they
//! are translated, go to the bus ([`issue`]), and end when the responses are in ([`expect`]).
//!
//! Timing: TIMING.md §8.

mod cut;
mod enter;
mod expect;
mod issue;
mod op;
mod ring;

use crate::axi_rd::{Address, BResp, Id};
use crate::axi_wr::{Small, WriteRequest, Writer};
use crate::epoch::Ends;
use crate::fifo::Fifo;
use crate::mmu::{Request, Xlat};
use crate::tx::{burst_beats, Side};
use cut::Cutter;
use enter::Entrance;
use expect::Expectations;
use issue::{Around, Issuer};
pub(crate) use op::{RxDone, RxOp};
use ring::{Ring, Work};
use shoal_abi::mmu::CAUSE_NONE;
use shoal_abi::ports::{Data, Inputs};
use shoal_abi::profile::Profile;

/// What the mover sees at an edge.
pub(crate) struct Edge<'a> {
    pub(crate) i: &'a Inputs,
    pub(crate) up: bool,
    pub(crate) xlat: Xlat,
    pub(crate) granted: bool,
    /// The write data register takes the next beat.
    pub(crate) loading: bool,
    pub(crate) b: Option<&'a BResp>,
    pub(crate) cur: u8,
}

/// The mover.
#[derive(Clone, Debug)]
pub(crate) struct Rx {
    entrance: Entrance,
    cutter: Cutter,
    ring: Ring,
    issuer: Issuer,
    expectations: Expectations,
    /// Packets whose first beat has entered and that are not through.
    packets: usize,
    /// That the device holds at most.
    most: usize,
}

impl Rx {
    pub(crate) fn new(p: &Profile) -> Self {
        Self {
            entrance: Entrance::new(p),
            cutter: Cutter::new(p),
            ring: Ring::new(p),
            issuer: Issuer::new(),
            expectations: Expectations::new(p),
            packets: 0,
            most: p.rx_packets,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.entrance.reset();
        self.cutter.reset();
        self.ring.clear();
        self.issuer.reset();
        self.expectations.reset();
        self.packets = 0;
    }

    pub(crate) fn tready(&self) -> bool {
        !self.entrance.beats.is_full() && self.packets < self.most
    }

    /// Nothing is under way in it.
    pub(crate) fn idle(&self) -> bool {
        self.packets == 0 && self.expectations.idle()
    }

    /// Side bands of packets that the core has not seen.
    pub(crate) fn headers(&self) -> &Fifo<Side> {
        &self.entrance.headers
    }

    pub(crate) fn pop_header(&mut self) {
        self.entrance.headers.pop();
    }

    /// Ends that the core has not seen.
    pub(crate) fn done(&self) -> &Fifo<RxDone> {
        &self.expectations.done
    }

    pub(crate) fn pop_done(&mut self) {
        self.expectations.done.pop();
    }

    /// An end out of nowhere.
    #[cfg(test)]
    pub(crate) fn push_done(&mut self, done: RxDone) {
        self.expectations.done.push(done);
    }

    /// A core effect: the next packet belongs to a slot, or is thrown away.
    pub(crate) fn order(&mut self, slot: Option<u16>) {
        self.cutter.order.push(slot);
    }

    /// A core effect: the next op of a slot.
    pub(crate) fn push(&mut self, slot: u16, op: RxOp) {
        if let Some(ops) = self.cutter.ops.get_mut(usize::from(slot)) {
            ops.push(op);
        }
    }

    /// The translation request that is up in this cycle.
    pub(crate) fn request(&self) -> Option<Request> {
        let (place, item) = self.ring.asked()?;
        let Work::Burst(burst) = item.work else {
            return None;
        };
        Some(Request {
            asid: burst.asid,
            va: burst.va,
            write: true,
            tag: place as u16,
        })
    }

    /// The write asked for in this cycle.
    pub(crate) fn write_request(&self, p: &Profile) -> Option<WriteRequest> {
        let (burst, answer) = self.issuer.wanted(&self.ring)?;
        (!self.expectations.is_full()).then(|| WriteRequest {
            writer: Writer::Receive,
            aw: Address {
                id: Id::Mover,
                addr: answer.address & !(p.beat_bytes() as u64 - 1),
                len: burst_beats(p, burst.va, burst.n).saturating_sub(1) as u8,
                size: p.beat_bytes().trailing_zeros() as u8,
                user: answer.user,
            },
            small: Small::default(),
        })
    }

    /// The edge. Gives the number of accesses started (0 or 1) and the write data loaded, and tells of accesses that end.
    pub(crate) fn tick(
        &mut self,
        p: &Profile,
        e: &Edge,
        ends: &mut Ends,
    ) -> (u32, Option<(Data, u64)>) {
        // What the steps see of each other is the state before the edge, so the last one goes first.
        let enters = e.up && self.tready() && e.i.s_axis_tvalid;
        let full = self.ring.is_full();
        let room = !self.expectations.is_full();
        self.expectations.tick(ends);
        if let Some(b) = e.b.filter(|b| b.id.is_mover()) {
            self.expectations.respond(crate::is_bad(b.resp));
        }
        // The issuer goes on to an item that was asked for before the edge, the asker to one that had been cut.
        let mut around = Around {
            ring: &mut self.ring,
            entrance: &mut self.entrance,
            expectations: &mut self.expectations,
            room,
            granted: e.granted,
            loading: e.loading,
        };
        let (payload, through) = self.issuer.tick(p, &mut around, ends);
        self.ask(e.xlat.taken);
        self.cutter.tick(&mut self.entrance, &mut self.ring, !full);
        let first = enters && self.entrance.enter(p, e.i);
        self.packets = (self.packets + usize::from(first)).saturating_sub(usize::from(through));
        let started = e.xlat.answer.map_or(0, |answer| {
            self.ring.answer(answer.tag, answer, e.cur);
            u32::from(answer.cause == CAUSE_NONE)
        });
        (started, payload)
    }

    fn ask(&mut self, taken: bool) {
        let passes = self
            .ring
            .asked()
            .is_some_and(|(_, i)| !matches!(i.work, Work::Burst(_)));
        if taken || passes {
            self.ring.ask();
        }
    }
}

#[cfg(test)]
mod tests;
