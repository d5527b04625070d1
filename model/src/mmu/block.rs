//! The MMU alone, one cycle at a time, to run it beside another implementation of TIMING.md §5.
//!
//! [`Mmu::outputs`] is what stands at its ports in a cycle whatever comes in; [`Mmu::tick`] gives what is taken of what
//! comes in and goes over the edge. Not part of the interface of the crate.

pub use super::{Answer, AsidEntry, Invalidate, Request};
use super::{Edge, Take, CLIENTS};
use crate::axi_rd::{Id, RBeat};
use crate::regs::{Counter, Regs};
use shoal_abi::ports::Data;
use shoal_abi::profile::Profile;

/// A beat of read data for a walker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// `rid`, all bits.
    pub id: u16,
    /// `rdata`.
    pub data: Data,
    /// `rresp`.
    pub resp: u8,
}

/// What comes in in a cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct In {
    /// Synchronous reset; nothing else counts with it.
    pub reset: bool,
    /// Requests: control, transmit, receive.
    pub requests: [Option<Request>; CLIENTS],
    /// The arbiter grants the read address that is asked for.
    pub granted: bool,
    /// An accepted beat of read data.
    pub r: Option<Beat>,
    /// MMU_CTRL partition.
    pub partition: bool,
    /// MMU_CTRL blocking.
    pub blocking: bool,
    /// The effect edge of an ASID_SET ends this cycle.
    pub set_asid: Option<(u32, AsidEntry)>,
    /// The effect edge of an IOTLB_INVALIDATE ends this cycle; only while none is pending.
    pub invalidate: Option<Invalidate>,
    /// A sweep ends with this cycle.
    pub swept: bool,
}

/// What goes out in a cycle: functions of state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Out {
    /// Answers: control, transmit, receive; at most one.
    pub answers: [Option<Answer>; CLIENTS],
    /// The read address that is asked for: `arid`, `araddr`.
    pub read: Option<(u16, u64)>,
    /// An invalidation is asked for or going on.
    pub pending: bool,
    /// InvDone: the epoch of accesses changes at the edge that ends this cycle.
    pub flips: bool,
    /// Nothing is under way.
    pub idle: bool,
    /// As the registers hold them in this cycle: CNT_TLB_HITS, TLB_MISSES, WALKS, WALKS_MERGED, MMU_WAITS, MMU_FAULTS.
    pub counters: [u32; 6],
}

/// The MMU with counters of its own.
#[derive(Clone, Debug)]
pub struct Mmu {
    p: &'static Profile,
    mmu: super::Mmu,
    regs: Regs,
}

impl Mmu {
    /// An MMU of size `p` as after a reset and a sweep.
    #[must_use]
    pub fn new(p: &'static Profile) -> Self {
        Self {
            p,
            mmu: super::Mmu::new(p),
            regs: Regs::new(),
        }
    }

    /// The outputs in this cycle.
    #[must_use]
    pub fn outputs(&self) -> Out {
        let counters = [
            Counter::TlbHits,
            Counter::TlbMisses,
            Counter::Walks,
            Counter::WalksMerged,
            Counter::MmuWaits,
            Counter::MmuFaults,
        ];
        Out {
            answers: std::array::from_fn(|c| self.mmu.answer(c)),
            read: self.mmu.walk().map(|a| (a.id.pack(self.p), a.addr)),
            pending: self.mmu.invalidating(),
            flips: self.mmu.flips(),
            idle: self.mmu.idle(),
            counters: counters.map(|c| self.regs.counter(c)),
        }
    }

    /// The edge that ends a cycle with `i`. Gives the client whose request was taken in it.
    pub fn tick(&mut self, i: &In) -> Option<usize> {
        if i.reset {
            self.mmu.reset();
            self.regs = Regs::new();
            return None;
        }
        let take = self.mmu.take(&i.requests, i.blocking);
        let r = i.r.map(|b| RBeat {
            id: Id::unpack(self.p, b.id),
            data: b.data,
            resp: b.resp & 3,
            last: true,
        });
        let edge = Edge {
            requests: &i.requests,
            take,
            granted: i.granted && self.mmu.walk().is_some(),
            r: r.as_ref(),
            partition: i.partition,
        };
        self.mmu.tick(self.p, &edge, &mut self.regs);
        if let Some((asid, entry)) = i.set_asid {
            self.mmu.set_asid(asid, entry);
        }
        if let Some(what) = i.invalidate {
            self.mmu.invalidate(what);
        }
        if i.swept {
            self.mmu.clear();
        }
        match take {
            Some(Take::LookUp(client, _)) => Some(client),
            _ => None,
        }
    }
}
