//! Page tables that change while they are in use, and a walk over everything that they said in a stretch of time.
//!
//! The walk is written from the privileged specification's translation process and `shoal_abi::mmu`, not from either MMU.

use crate::stimulus::Random;
use shoal_abi::mmu::*;
use std::collections::{BTreeMap, BTreeSet};

/// Tables of each level.
const TABLES: u64 = 2;
/// Entries of a table that are ever used.
pub const INDICES: [u64; 5] = [0, 1, 2, 3, 511];

/// The table `k` of `level`, bytes.
pub fn table(level: u32, k: u64) -> u64 {
    (0x10_0000 + u64::from(level) * 0x10 + k % TABLES) << 12
}

/// What a translation may come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Page { level: u32, address: u64 },
    PageFault,
    TableAccess,
}

/// The memory: of each PTE all values with the cycle from which they stand, and the cycles of bad responses.
#[derive(Default)]
pub struct Memory {
    ptes: BTreeMap<u64, Vec<(u64, u64)>>,
    bad: BTreeMap<u64, Vec<u64>>,
}

impl Memory {
    /// Random tables.
    pub fn new(random: &mut Random) -> Self {
        let mut m = Self::default();
        for level in 0..4 {
            for k in 0..TABLES {
                for index in INDICES {
                    m.set(table(level, k) + 8 * index, 0, random_pte(random, level));
                }
            }
        }
        m
    }

    /// Changes a PTE from cycle `now` on.
    pub fn change(&mut self, random: &mut Random, now: u64) {
        // Leaves and last tables more often: those above decide over too much.
        let level = random.pick(&[0, 0, 0, 1, 1, 2, 3]);
        let at = table(level, random.below(TABLES)) + 8 * random.pick(&INDICES);
        self.set(at, now, random_pte(random, level));
    }

    fn set(&mut self, at: u64, now: u64, pte: u64) {
        self.ptes.entry(at).or_default().push((now, pte));
    }

    /// The PTE as it stands now.
    pub fn read(&self, at: u64) -> u64 {
        let values = self.ptes.get(&at);
        values.and_then(|v| v.last()).map_or(0, |v| v.1)
    }

    /// A read of it was answered with an error.
    pub fn was_bad(&mut self, at: u64, now: u64) {
        self.bad.entry(at).or_default().push(now);
    }

    /// What stood at `at` in some cycle of `from..=to`.
    fn stood(&self, at: u64, from: u64, to: u64) -> BTreeSet<u64> {
        let Some(values) = self.ptes.get(&at) else {
            return BTreeSet::from([0]);
        };
        let ends = values.iter().skip(1).map(|v| v.0).chain([u64::MAX]);
        let stood = values.iter().zip(ends);
        stood
            .filter(|((begin, _), end)| *begin <= to && *end > from)
            .map(|((_, pte), _)| *pte)
            .collect()
    }

    /// All that a walk of `va` from `roots` (level and table) may come to that may remember what stood since `from` and is
    /// answered in `to`. Faults are not remembered: what makes one was read in `taken` or later.
    pub fn walk(
        &self,
        roots: &BTreeSet<(u32, u64)>,
        va: u64,
        write: bool,
        (from, taken, to): (u64, u64, u64),
    ) -> BTreeSet<End> {
        let mut ends = BTreeSet::new();
        let mut tables = roots.clone();
        while let Some((level, base)) = tables.pop_last() {
            let at = base + 8 * (va >> (12 + 9 * level) & 511);
            let bad = self.bad.get(&at).into_iter().flatten();
            if bad.into_iter().any(|c| (taken..=to).contains(c)) {
                ends.insert(End::TableAccess);
            }
            let fresh = self.stood(at, taken, to);
            for pte in self.stood(at, from, to) {
                match meaning(pte, level, va, write) {
                    Meaning::Table(next) => {
                        tables.insert((level - 1, next));
                    }
                    Meaning::Page(address) => {
                        ends.insert(End::Page { level, address });
                    }
                    Meaning::Fault if fresh.contains(&pte) => {
                        ends.insert(End::PageFault);
                    }
                    Meaning::Fault => {}
                }
            }
        }
        ends
    }
}

enum Meaning {
    Table(u64),
    Page(u64),
    Fault,
}

/// The step of the translation process for one PTE.
fn meaning(pte: u64, level: u32, va: u64, write: bool) -> Meaning {
    let set = |bits: u64| pte & bits == bits;
    let ppn = pte << 10 >> 20;
    let inside = (1_u64 << (12 + 9 * level)) - 1;
    if !set(PTE_V) || (set(PTE_W) && !set(PTE_R)) || pte & PTE_RESERVED != 0 {
        return Meaning::Fault;
    }
    if pte & (PTE_R | PTE_X) == 0 {
        return if level == 0 {
            Meaning::Fault
        } else {
            Meaning::Table(ppn << 12)
        };
    }
    let needs = if write { PTE_W | PTE_D } else { PTE_R };
    if (ppn << 12) & inside & !0xfff != 0 || !set(PTE_A) || !set(needs) {
        return Meaning::Fault;
    }
    Meaning::Page(ppn << 12 | va & inside)
}

/// True if the walker that reads `pte` at `level` has something to remember.
pub fn teaches(pte: u64, level: u32) -> bool {
    match meaning(pte, level, 0, false) {
        Meaning::Table(_) => level < 3,
        Meaning::Page(_) => level < 3,
        Meaning::Fault => false,
    }
}

/// An entry for a table of `level`: mostly one that leads on, but of each kind of fault, too.
fn random_pte(random: &mut Random, level: u32) -> u64 {
    let pointer = level > 0 && random.below(100) < 62;
    if pointer {
        let next = table(level - 1, random.below(TABLES)) >> 12;
        return next << PTE_PPN_LSB | PTE_V | random.below(4) << 8;
    }
    let ppn = random.below(1 << 40) >> (9 * level) << (9 * level);
    let leaf = ppn << PTE_PPN_LSB | PTE_V | PTE_R | PTE_W | PTE_A | PTE_D;
    match random.below(20) {
        0 => leaf & !PTE_V,
        1 => leaf & !PTE_R,
        2 => leaf & !PTE_A,
        3 => leaf & !PTE_D,
        4 => leaf & !PTE_W,
        5 => leaf & !(PTE_R | PTE_W) | PTE_X,
        6 => leaf | 1 << (54 + random.below(10)),
        // Misaligned, but for 4 KiB.
        7 => leaf | 1 << (u64::from(PTE_PPN_LSB) + random.below(9)),
        // No leaf: at level 0 a fault.
        8 => leaf & !(PTE_R | PTE_W | PTE_D | PTE_A),
        _ => leaf | PTE_U | random.below(4) << 8,
    }
}
