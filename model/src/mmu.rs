//! The device MMU: ASID table, IOTLB, table walker, invalidation.
//!
//! Timing: TIMING.md §5. One translation at a time; taken in Idle at t, a hit is answered in t+3.

use crate::axi_rd::{Address, Id, RBeat, CLIENT_MOVER};
use crate::regs::{Counter, Regs};
use shoal_abi::mmu::*;
use shoal_abi::profile::Profile;

const PAGE: u64 = 4096;
const VA_W: u32 = 48;
const LEVEL_BITS: u32 = 9;

/// An entry of the ASID table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AsidEntry {
    pub(crate) mode: u8,
    pub(crate) pasid_valid: bool,
    pub(crate) pasid: u32,
    /// Root table, bytes.
    pub(crate) root: u64,
}

impl AsidEntry {
    fn user(&self) -> u32 {
        if self.pasid_valid {
            self.pasid | USER_PASID_VALID
        } else {
            0
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct TlbEntry {
    valid: bool,
    asid: u32,
    /// IOVA bits 47:12.
    vpn: u64,
    ppn: u64,
    read: bool,
    write: bool,
}

/// A request of a client: one access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) asid: u32,
    pub(crate) va: u64,
    pub(crate) write: bool,
}

/// The answer; `address` and `user` are 0 with a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) cause: u16,
    pub(crate) address: u64,
    pub(crate) user: u32,
}

/// What an invalidation drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalidate {
    All,
    Asid(u32),
    Range { asid: u32, iova: u64, len: u64 },
}

impl Invalidate {
    fn hits(self, e: &TlbEntry) -> bool {
        match self {
            Self::All => true,
            Self::Asid(asid) => e.asid == asid,
            Self::Range { asid, iova, len } => {
                let (first, at) = (iova & ((1 << VA_W) - 1), e.vpn << 12);
                e.asid == asid && (len > 1 << VA_W || first <= at && at < first.wrapping_add(len))
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    L1,
    L2,
    Resp,
    WalkReq,
    WalkWait,
    WalkEval,
    /// Cycles of the invalidation still to come.
    Inv(u32),
    InvDone,
}

/// The MMU.
#[derive(Clone, Debug)]
pub(crate) struct Mmu {
    asids: Vec<AsidEntry>,
    tlb: Vec<TlbEntry>,
    state: State,
    next: usize,
    client: usize,
    request: Request,
    entry: AsidEntry,
    answer: Answer,
    level: u32,
    /// Table of the walk, bytes.
    table: u64,
    pte: u64,
    pte_bad: bool,
    pending: Option<Invalidate>,
}

impl Mmu {
    pub(crate) fn new(p: &Profile) -> Self {
        Self {
            asids: vec![AsidEntry::default(); 1 << p.asid_aw],
            tlb: vec![TlbEntry::default(); 1 << p.tlb_aw],
            state: State::Idle,
            next: 0,
            client: 0,
            request: Request::default(),
            entry: AsidEntry::default(),
            answer: Answer::default(),
            level: 0,
            table: 0,
            pte: 0,
            pte_bad: false,
            pending: None,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.state = State::Idle;
        self.next = 0;
        self.pending = None;
    }

    /// The end of a sweep: ASIDs off, IOTLB empty.
    pub(crate) fn clear(&mut self) {
        self.asids.fill(AsidEntry::default());
        self.tlb.fill(TlbEntry::default());
    }

    pub(crate) fn idle(&self) -> bool {
        self.state == State::Idle
    }

    /// An invalidation is asked for or going on.
    pub(crate) fn invalidating(&self) -> bool {
        self.pending.is_some()
    }

    /// The epoch changes at this edge.
    pub(crate) fn flips(&self) -> bool {
        self.state == State::InvDone
    }

    /// A core effect: starts an invalidation.
    pub(crate) fn invalidate(&mut self, what: Invalidate) {
        self.pending = Some(what);
    }

    pub(crate) fn asid(&self, asid: u32) -> AsidEntry {
        self.asids.get(asid as usize).copied().unwrap_or_default()
    }

    /// A core effect: writes the ASID table.
    pub(crate) fn set_asid(&mut self, asid: u32, entry: AsidEntry) {
        if let Some(e) = self.asids.get_mut(asid as usize) {
            *e = entry;
        }
    }

    /// The answer that is up in this cycle, for client `client`.
    pub(crate) fn answer(&self, client: usize) -> Option<Answer> {
        (self.state == State::Resp && self.client == client).then_some(self.answer)
    }

    /// The read address of the walker, if it asks for one in this cycle.
    pub(crate) fn walk(&self) -> Option<Address> {
        (self.state == State::WalkReq).then(|| Address {
            id: Id {
                client: CLIENT_MOVER,
                word: 1,
                epoch: 0,
                lane: 0,
            }
            .pack(),
            addr: self.pte_address(),
            len: 0,
            size: 3,
            user: 0,
        })
    }

    fn pte_address(&self) -> u64 {
        let vpn = self.request.va >> (12 + LEVEL_BITS * self.level) & 0x1ff;
        self.table + 8 * vpn
    }

    fn vpn(&self) -> u64 {
        self.request.va >> 12 & ((1 << (VA_W - 12)) - 1)
    }

    fn tlb_index(&self) -> usize {
        (self.vpn() ^ u64::from(self.request.asid)) as usize & (self.tlb.len() - 1)
    }

    /// The edge.
    pub(crate) fn tick(
        &mut self,
        p: &Profile,
        requests: impl FnOnce() -> [Option<Request>; 3],
        granted: bool,
        r: Option<&RBeat>,
        regs: &mut Regs,
    ) {
        match self.state {
            State::Idle if self.pending.is_some() => {
                self.state = State::Inv(2 << p.tlb_aw);
            }
            State::Idle => {
                let requests = requests();
                for k in 0..3 {
                    let client = (self.next + k) % 3;
                    if let Some(request) = requests[client] {
                        (self.client, self.request) = (client, request);
                        self.next = (client + 1) % 3;
                        self.state = State::L1;
                        break;
                    }
                }
            }
            // §5: the tables are sampled at the edge that ends L1, so a
            // binding that ASID_SET writes at that very edge is not seen.
            State::L1 => {
                self.entry = self.asid(self.request.asid);
                self.state = State::L2;
            }
            State::L2 => self.look_up(regs),
            State::WalkReq if granted => self.state = State::WalkWait,
            State::WalkWait => {
                if let Some(r) = r.filter(|r| r.is_walker()) {
                    self.pte = r.word(p, crate::axi_rd::lane(p, self.pte_address()));
                    self.pte_bad = crate::is_bad(r.resp);
                    self.state = State::WalkEval;
                }
            }
            State::WalkReq => {}
            State::WalkEval => self.evaluate(),
            State::Resp => self.state = State::Idle,
            State::Inv(left) if left > 1 => self.state = State::Inv(left - 1),
            State::Inv(_) => {
                if let Some(what) = self.pending {
                    // Nothing looks at the IOTLB while the entries are dropped one by one.
                    self.tlb
                        .iter_mut()
                        .filter(|e| what.hits(e))
                        .for_each(|e| e.valid = false);
                }
                self.state = State::InvDone;
            }
            State::InvDone => {
                self.pending = None;
                self.state = State::Idle;
            }
        }
    }

    fn look_up(&mut self, regs: &mut Regs) {
        let (va, write) = (self.request.va, self.request.write);
        let sign = match self.entry.mode {
            MODE_OFF => return self.fault(CAUSE_ASID_OFF),
            MODE_BARE => return self.ok(va),
            MODE_SV39 => 38,
            _ => 47,
        };
        let above = (va as i64) >> sign;
        if above != 0 && above != -1 {
            return self.page_fault();
        }
        let e = self.tlb[self.tlb_index()];
        let right = if write { e.write } else { e.read };
        if e.valid && e.asid == self.request.asid && e.vpn == self.vpn() && right {
            regs.count(Counter::TlbHits);
            return self.ok((e.ppn << 12) | (va % PAGE));
        }
        regs.count(Counter::TlbMisses);
        self.level = if self.entry.mode == MODE_SV39 { 2 } else { 3 };
        self.table = self.entry.root;
        self.state = State::WalkReq;
    }

    fn evaluate(&mut self) {
        let pte = self.pte;
        let has = |bit: u64| pte & bit != 0;
        if self.pte_bad {
            return self.fault(CAUSE_TABLE_ACCESS);
        }
        if !has(PTE_V) || has(PTE_W) && !has(PTE_R) || has(PTE_RESERVED) {
            return self.page_fault();
        }
        let mut ppn = pte >> PTE_PPN_LSB & ((1 << PTE_PPN_W) - 1);
        if !has(PTE_R) && !has(PTE_X) {
            if self.level == 0 {
                return self.page_fault();
            }
            self.level -= 1;
            self.table = ppn << 12;
            self.state = State::WalkReq;
            return;
        }
        let low = (1 << (LEVEL_BITS * self.level)) - 1;
        let denied = if self.request.write {
            !has(PTE_W) || !has(PTE_D)
        } else {
            !has(PTE_R)
        };
        if ppn & low != 0 || !has(PTE_A) || denied {
            return self.page_fault();
        }
        ppn |= self.vpn() & low;
        let index = self.tlb_index();
        self.tlb[index] = TlbEntry {
            valid: true,
            asid: self.request.asid,
            vpn: self.vpn(),
            ppn,
            read: has(PTE_R),
            write: has(PTE_W) && has(PTE_D),
        };
        self.ok((ppn << 12) | (self.request.va % PAGE));
    }

    fn ok(&mut self, address: u64) {
        self.answer = Answer {
            cause: CAUSE_NONE,
            address,
            user: self.entry.user(),
        };
        self.state = State::Resp;
    }

    fn page_fault(&mut self) {
        self.fault(if self.request.write {
            CAUSE_WRITE_PAGE
        } else {
            CAUSE_READ_PAGE
        });
    }

    fn fault(&mut self, cause: u16) {
        self.answer = Answer {
            cause,
            address: 0,
            user: 0,
        };
        self.state = State::Resp;
    }
}

#[cfg(test)]
mod tests;
