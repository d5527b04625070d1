//! One translation: what was sampled with its request, and what that comes to.
//!
//! Timing: TIMING.md §5.1. Everything is judged on the sample, so the verdict is there when the look-up enters L1.

use super::tables::{Leaf, Space, Start, Tables};
use super::walks::Found;
use super::AsidEntry;
use shoal_abi::mmu::*;

const VA_W: u32 = 48;
pub(super) const LEVEL_BITS: u32 = 9;

/// The vpn without what a page of `level` leaves to the offset.
pub(super) fn vpn_part(vpn: u64, level: u32) -> u64 {
    vpn >> (LEVEL_BITS * level)
}

/// Index into a table of `level`.
pub(super) fn vpn_index(vpn: u64, level: u32) -> u64 {
    vpn_part(vpn, level) & ((1 << LEVEL_BITS) - 1)
}

/// A request of a client: one access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Address space.
    pub asid: u32,
    /// IOVA of the access.
    pub va: u64,
    /// The access is a write.
    pub write: bool,
    /// What the answer is known by, 10 bits.
    pub tag: u16,
}

/// The answer; `address` and `user` are 0 with a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// `CAUSE_*`, 0 none.
    pub cause: u16,
    /// Address on the bus.
    pub address: u64,
    /// `aruser`/`awuser` of the access.
    pub user: u32,
    /// That of the request.
    pub tag: u16,
}

/// A request and what was sampled with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Translation {
    pub(super) client: usize,
    pub(super) request: Request,
    pub(super) entry: AsidEntry,
    pub(super) space: Space,
    /// `mep` when it was taken.
    pub(super) epoch: usize,
}

impl Translation {
    /// IOVA bits 47:12.
    pub(super) fn vpn(&self) -> u64 {
        self.request.va >> 12 & ((1 << (VA_W - 12)) - 1)
    }

    fn ok(&self, address: u64) -> Answer {
        Answer {
            cause: CAUSE_NONE,
            address,
            user: self.entry.user(),
            tag: self.request.tag,
        }
    }

    fn fault(&self, cause: u16) -> Answer {
        Answer {
            cause,
            tag: self.request.tag,
            ..Answer::default()
        }
    }

    fn page_fault(&self) -> Answer {
        self.fault(if self.request.write {
            CAUSE_WRITE_PAGE
        } else {
            CAUSE_READ_PAGE
        })
    }

    /// The answer of a walk.
    pub(super) fn walked(&self, found: Found) -> Answer {
        match found {
            Found::Leaf(leaf) if leaf.permits(self.request.write) => self.page(&leaf),
            Found::Leaf(_) | Found::PageFault => self.page_fault(),
            Found::TableAccess => self.fault(CAUSE_TABLE_ACCESS),
        }
    }

    fn page(&self, leaf: &Leaf) -> Answer {
        self.ok(leaf.address(self.request.va))
    }

    /// What a look-up finds; while a flush goes on in the tables, nothing.
    pub(super) fn judge(&self, tables: &Tables, flushing: bool) -> Verdict {
        let (va, vpn) = (self.request.va, self.vpn());
        let (sign, root_level) = match self.entry.mode {
            MODE_OFF => return Verdict::Direct(self.fault(CAUSE_ASID_OFF)),
            MODE_BARE => return Verdict::Direct(self.ok(va)),
            MODE_SV39 => (38, 2),
            _ => (47, 3),
        };
        let above = (va as i64) >> sign;
        if above != 0 && above != -1 {
            return Verdict::Direct(self.page_fault());
        }
        let root = Start {
            level: root_level,
            table: self.entry.root,
        };
        if flushing {
            return Verdict::Miss(root);
        }
        match tables.page(self.space, vpn, self.request.write) {
            Some(leaf) => Verdict::Hit(self.page(&leaf)),
            None => Verdict::Miss(tables.table(self.space, vpn).unwrap_or(root)),
        }
    }
}

/// What became of a translation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    /// Off, bare, or outside the address space.
    Direct(Answer),
    Hit(Answer),
    Miss(Start),
    Walked(Answer),
}

/// What is in L1 or L2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    pub(super) of: Translation,
    pub(super) verdict: Verdict,
}

impl Stage {
    pub(super) fn is_look_up(&self) -> bool {
        !matches!(self.verdict, Verdict::Walked(_))
    }
}
