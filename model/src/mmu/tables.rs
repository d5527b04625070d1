//! What the MMU remembers: the ASID table, the generations, the IOTLB and the walk caches.
//!
//! Timing: TIMING.md §5. A look-up sees the tables as they stand before the edge that samples them.

use super::look_up::{vpn_index, vpn_part, LEVEL_BITS};
use shoal_abi::mmu::{USER_PASID_VALID, USER_PASID_W};
use shoal_abi::profile::{Profile, TLB_WAYS};

/// Levels whose leaves the IOTLB holds: 4 KiB, 2 MiB, 1 GiB.
const PAGE_LEVELS: usize = 3;
/// Levels whose tables the walk caches hold: 0 and 1.
const TABLE_LEVELS: usize = 2;

/// An entry of the ASID table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsidEntry {
    /// `MODE_*`.
    pub mode: u8,
    /// The PASID tags every access.
    pub pasid_valid: bool,
    /// 20 bits.
    pub pasid: u32,
    /// Root table, bytes, 4 KiB aligned.
    pub root: u64,
}

impl AsidEntry {
    pub(super) fn user(&self) -> u32 {
        if self.pasid_valid {
            self.pasid & crate::ones(USER_PASID_W as usize) as u32 | USER_PASID_VALID
        } else {
            0
        }
    }
}

/// An ASID in one of its generations: entries of an older one match nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Space {
    pub(super) asid: u32,
    pub(super) generation: u32,
}

/// A leaf of a page table, as a walk found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(super) level: u32,
    pub(super) ppn: u64,
    pub(super) read: bool,
    pub(super) write: bool,
}

impl Leaf {
    pub(super) fn permits(&self, write: bool) -> bool {
        if write {
            self.write
        } else {
            self.read
        }
    }

    /// The address of `va`: of a super-page the low bits come from `va`.
    pub(super) fn address(&self, va: u64) -> u64 {
        let offset = (1 << (12 + LEVEL_BITS * self.level)) - 1;
        (self.ppn << 12) & !offset | va & offset
    }
}

/// A table that a walk found, and so can start at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) level: u32,
    /// Bytes.
    pub(super) table: u64,
}

/// An entry: whose it is, for which part of the vpn, and what it holds.
#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    space: Space,
    part: u64,
    holds: T,
}

impl<T> Entry<T> {
    fn is_for(&self, space: Space, part: u64) -> bool {
        self.space == space && self.part == part
    }
}

type Way = Option<Entry<Leaf>>;

/// The IOTLB array of one page size.
#[derive(Clone, Debug)]
struct Pages {
    sets: Vec<[Way; TLB_WAYS]>,
    /// The way of each set that is written next.
    turns: Vec<usize>,
}

/// A leaf on its way into its set.
#[derive(Clone, Debug)]
pub(super) struct Filling {
    set: usize,
    turn: usize,
    entry: Entry<Leaf>,
}

/// Everything remembered.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    asids: Vec<AsidEntry>,
    generations: Vec<u32>,
    generation_mask: u32,
    /// By level of the leaf.
    pages: [Pages; PAGE_LEVELS],
    /// By level of the table.
    tables: [Vec<Option<Entry<u64>>>; TABLE_LEVELS],
}

/// Entry or set of an array of `len` for pages, or tables of pages, of `level`.
fn index(len: usize, level: u32, asid: u32, vpn: u64) -> usize {
    (vpn_part(vpn, level) ^ u64::from(asid)) as usize & (len - 1)
}

impl Tables {
    pub(super) fn new(p: &Profile) -> Self {
        Self {
            asids: vec![AsidEntry::default(); 1 << p.asid_aw],
            generations: vec![0; 1 << p.asid_aw],
            generation_mask: crate::ones(p.gen_w) as u32,
            pages: p.tlb_aw.map(|aw| Pages {
                sets: vec![[None; TLB_WAYS]; 1 << aw],
                turns: vec![0; 1 << aw],
            }),
            tables: p.pwc_aw.map(|aw| vec![None; 1 << aw]),
        }
    }

    /// The end of a sweep.
    pub(super) fn clear(&mut self) {
        self.asids.fill(AsidEntry::default());
        self.generations.fill(0);
        for i in 0..self.flush_cycles() {
            self.flush(i);
        }
    }

    pub(super) fn asid(&self, asid: u32) -> AsidEntry {
        self.asids.get(asid as usize).copied().unwrap_or_default()
    }

    pub(super) fn set_asid(&mut self, asid: u32, entry: AsidEntry) {
        if let Some(e) = self.asids.get_mut(asid as usize) {
            *e = entry;
        }
    }

    pub(super) fn space(&self, asid: u32) -> Space {
        let generation = self.generations.get(asid as usize).copied().unwrap_or(0);
        Space { asid, generation }
    }

    /// The next generation of `asid`; true if it is 0 again.
    pub(super) fn next_generation(&mut self, asid: u32) -> bool {
        let Some(g) = self.generations.get_mut(asid as usize) else {
            return false;
        };
        *g = g.wrapping_add(1) & self.generation_mask;
        *g == 0
    }

    /// The first entry of the IOTLB that matches and permits the access.
    pub(super) fn page(&self, space: Space, vpn: u64, write: bool) -> Option<Leaf> {
        (0..).zip(&self.pages).find_map(|(level, array)| {
            let set = &array.sets[index(array.sets.len(), level, space.asid, vpn)];
            let part = vpn_part(vpn, level);
            set.iter()
                .flatten()
                .find(|e| e.is_for(space, part) && e.holds.permits(write))
                .map(|e| e.holds)
        })
    }

    /// The lowest table that the walk caches know of: a table of level `n` covers what a leaf of level `n + 1` does.
    pub(super) fn table(&self, space: Space, vpn: u64) -> Option<Start> {
        (0..).zip(&self.tables).find_map(|(level, array)| {
            let covers = level + 1;
            let entry = array[index(array.len(), covers, space.asid, vpn)]?;
            entry.is_for(space, vpn_part(vpn, covers)).then_some(Start {
                level,
                table: entry.holds,
            })
        })
    }

    /// A leaf to remember; one of level 3 is not kept. Samples whose turn it is in the set.
    pub(super) fn filling(&self, space: Space, vpn: u64, leaf: Leaf) -> Option<Filling> {
        let array = self.pages.get(leaf.level as usize)?;
        let set = index(array.sets.len(), leaf.level, space.asid, vpn);
        Some(Filling {
            set,
            turn: array.turns[set],
            entry: Entry {
                space,
                part: vpn_part(vpn, leaf.level),
                holds: leaf,
            },
        })
    }

    /// Remembers a leaf. `partition`: an address space has one way only.
    pub(super) fn fill(&mut self, f: Filling, partition: bool) {
        let array = &mut self.pages[f.entry.holds.level as usize];
        let way = if partition {
            f.entry.space.asid as usize % TLB_WAYS
        } else {
            f.turn
        };
        array.turns[f.set] = (f.turn + 1) % TLB_WAYS;
        array.sets[f.set][way] = Some(f.entry);
    }

    /// Remembers a table; one of level 2 is not kept.
    pub(super) fn keep_table(&mut self, space: Space, vpn: u64, found: Start) {
        let Some(array) = self.tables.get_mut(found.level as usize) else {
            return;
        };
        let covers = found.level + 1;
        let at = index(array.len(), covers, space.asid, vpn);
        array[at] = Some(Entry {
            space,
            part: vpn_part(vpn, covers),
            holds: found.table,
        });
    }

    /// Cycles of a flush: the sets of the largest array.
    pub(super) fn flush_cycles(&self) -> usize {
        let pages = self.pages.iter().map(|a| a.sets.len());
        let tables = self.tables.iter().map(Vec::len);
        pages.chain(tables).max().unwrap_or(0)
    }

    /// Cycle `i` of a flush.
    pub(super) fn flush(&mut self, i: usize) {
        for array in &mut self.pages {
            if let (Some(set), Some(turn)) = (array.sets.get_mut(i), array.turns.get_mut(i)) {
                (*set, *turn) = ([None; TLB_WAYS], 0);
            }
        }
        for entry in self.tables.iter_mut().filter_map(|a| a.get_mut(i)) {
            *entry = None;
        }
    }
}

/// Where the walker reads next.
pub(super) fn pte_address(at: Start, vpn: u64) -> u64 {
    at.table.wrapping_add(8 * vpn_index(vpn, at.level))
}
