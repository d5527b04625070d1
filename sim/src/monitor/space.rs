//! Address spaces as the device was told them: ASID bindings from the admin queue, translations from the page table entries
//! that it read.
//!
//! A translation is live from the arrival of the entry on the bus until an IOTLB_INVALIDATE completes that the device took up
//! after that. Whatever the tables in memory hold meanwhile, the device may use what it has read (ABI.md §7).

use std::collections::{HashMap, HashSet};

use shoal_abi::mmu::{
    MODE_BARE, MODE_OFF, MODE_SV39, PTE_A, PTE_D, PTE_PPN_LSB, PTE_PPN_W, PTE_R, PTE_RESERVED,
    PTE_V, PTE_W, PTE_X,
};

const PAGE_W: u32 = 12;
const LEVEL_W: u32 = 9;
const LEVELS: usize = 4;
/// Coverage points of leaves, Sv39 and Sv48, by level.
const LEAVES: [[&str; 3]; 2] = [
    ["leaf.sv39.4k", "leaf.sv39.2m", "leaf.sv39.1g"],
    ["leaf.sv48.4k", "leaf.sv48.2m", "leaf.sv48.1g"],
];

/// Where an IOVA has its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Space {
    /// The management device's own accesses.
    Physical,
    /// All ASIDs in mode bare that tag accesses so.
    Bare(u32),
    /// The page tables of an ASID.
    Tables(u32),
}

/// What an address on the bus may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) space: Space,
    pub(super) iova: u64,
    pub(super) read: bool,
    pub(super) write: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Binding {
    mode: u8,
    user: u32,
    root: u64,
    /// Cycle in which the binding was seen to be replaced; `u64::MAX` for the one in force.
    until: u64,
}

#[derive(Clone, Copy, Debug)]
struct Leaf {
    asid: u32,
    iova: u64,
    read: bool,
    write: bool,
    /// Cycle of the entry's arrival.
    seen: u64,
}

#[derive(Clone, Copy, Debug)]
struct Table {
    asid: u32,
    level: u32,
    iova: u64,
    /// Cycle of the arrival of the entry that points here; `u64::MAX` for a root in force.
    seen: u64,
}

/// Where the entries of an ASID are, so that a command about one ASID looks at nothing else. May name what is gone.
#[derive(Debug, Default)]
struct Held {
    /// Keys of `tables`.
    tables: Vec<u64>,
    /// Levels and keys of `leaves`.
    leaves: Vec<(usize, u64)>,
}

/// All address spaces.
#[derive(Debug, Default)]
pub(super) struct Spaces {
    bindings: HashMap<u32, Vec<Binding>>,
    /// Bindings in mode bare by user bits.
    bare: HashMap<u32, usize>,
    tables: HashMap<u64, Vec<Table>>,
    /// By level and physical page number of that level's size.
    leaves: [HashMap<u64, Vec<Leaf>>; LEVELS],
    held: HashMap<u32, Held>,
}

fn shift(level: u32) -> u32 {
    PAGE_W + LEVEL_W * level
}

/// `iova` as the 64-bit address that the walk of a table with that many levels comes from.
fn canonical(iova: u64, mode: u8) -> u64 {
    let unused = if mode == MODE_SV39 { 25 } else { 16 };
    ((iova << unused) as i64 >> unused) as u64
}

impl Spaces {
    /// ASID_SET took effect.
    pub(super) fn bind(&mut self, cycle: u64, asid: u32, mode: u8, user: u32, root: u64) {
        let list = self.bindings.entry(asid).or_default();
        for b in list.iter_mut().filter(|b| b.until == u64::MAX) {
            b.until = cycle;
        }
        for page in self.held.get(&asid).into_iter().flat_map(|h| &h.tables) {
            let list = self.tables.get_mut(page).into_iter().flatten();
            for t in list.filter(|t| t.asid == asid) {
                t.seen = t.seen.min(cycle);
            }
        }
        if mode == MODE_OFF {
            return;
        }
        list.push(Binding {
            mode,
            user,
            root,
            until: u64::MAX,
        });
        if mode == MODE_BARE {
            *self.bare.entry(user).or_default() += 1;
        } else {
            let level = if mode == MODE_SV39 { 2 } else { 3 };
            let table = Table {
                asid,
                level,
                iova: 0,
                seen: u64::MAX,
            };
            self.tables.entry(root >> PAGE_W).or_default().push(table);
            let held = self.held.entry(asid).or_default();
            held.tables.push(root >> PAGE_W);
        }
    }

    /// The spaces in which ASID `asid` is looked up.
    pub(super) fn of(&self, asid: u32) -> Vec<Space> {
        let mut all = Vec::new();
        for b in self.bindings.get(&asid).into_iter().flatten() {
            let s = if b.mode == MODE_BARE {
                Space::Bare(b.user)
            } else {
                Space::Tables(asid)
            };
            if !all.contains(&s) {
                all.push(s);
            }
        }
        all
    }

    /// True if a page table that the device was led to is there.
    pub(super) fn is_table(&self, addr: u64) -> bool {
        self.tables.contains_key(&(addr >> PAGE_W))
    }

    /// The device read the page table entry at `addr`. The coverage point of a leaf.
    pub(super) fn entry(&mut self, cycle: u64, addr: u64, pte: u64) -> Option<&'static str> {
        let tables = self.tables.get(&(addr >> PAGE_W))?;
        if pte & PTE_V == 0 || pte & PTE_RESERVED != 0 || pte & (PTE_R | PTE_W) == PTE_W {
            return None;
        }
        let mut point = None;
        let ppn = pte >> PTE_PPN_LSB & ((1 << PTE_PPN_W) - 1);
        for t in tables.clone() {
            let iova = t.iova | (addr >> 3 & 0x1ff) << shift(t.level);
            if pte & (PTE_R | PTE_X) == 0 {
                let (asid, level) = (t.asid, t.level.wrapping_sub(1));
                if t.level == 0 {
                    continue;
                }
                let below = self.tables.entry(ppn).or_default();
                match below
                    .iter_mut()
                    .find(|b| (b.asid, b.level, b.iova) == (asid, level, iova))
                {
                    Some(b) => b.seen = b.seen.max(cycle),
                    None => {
                        below.push(Table {
                            asid,
                            level,
                            iova,
                            seen: cycle,
                        });
                        self.held.entry(asid).or_default().tables.push(ppn);
                    }
                }
            } else if pte & PTE_A != 0 && ppn & ((1 << (LEVEL_W * t.level)) - 1) == 0 {
                let mode = self
                    .bindings
                    .get(&t.asid)
                    .and_then(|b| b.last())
                    .map_or(0, |b| b.mode);
                point = LEAVES[usize::from(mode != MODE_SV39)]
                    .get(t.level as usize)
                    .copied();
                let leaf = Leaf {
                    asid: t.asid,
                    iova: canonical(iova, mode),
                    read: pte & PTE_R != 0,
                    write: pte & PTE_W != 0 && pte & PTE_D != 0,
                    seen: cycle,
                };
                let key = ppn >> (LEVEL_W * t.level);
                let list = self.leaves[t.level as usize].entry(key).or_default();
                let same = |l: &&mut Leaf| {
                    (l.asid, l.iova, l.read, l.write)
                        == (leaf.asid, leaf.iova, leaf.read, leaf.write)
                };
                match list.iter_mut().find(same) {
                    Some(l) => l.seen = cycle,
                    None => {
                        list.push(leaf);
                        let held = self.held.entry(t.asid).or_default();
                        held.leaves.push((t.level as usize, key));
                    }
                }
            }
        }
        point
    }

    /// Everything that the address `addr` with side band `user` may be, appended to `out`.
    pub(super) fn places(&self, user: u32, addr: u64, out: &mut Vec<Place>) {
        if user == 0 {
            out.push(Place {
                space: Space::Physical,
                iova: addr,
                read: true,
                write: true,
            });
        }
        if self.bare.contains_key(&user) {
            out.push(Place {
                space: Space::Bare(user),
                iova: addr,
                read: true,
                write: true,
            });
        }
        for (level, leaves) in self.leaves.iter().enumerate() {
            if leaves.is_empty() {
                continue;
            }
            let size = shift(level as u32);
            for l in leaves.get(&(addr >> size)).into_iter().flatten() {
                let bound = self.bindings.get(&l.asid).into_iter().flatten();
                if bound
                    .filter(|b| b.mode != MODE_BARE)
                    .any(|b| b.user == user)
                {
                    let iova = l.iova | addr & ((1 << size) - 1);
                    let space = Space::Tables(l.asid);
                    out.push(Place {
                        space,
                        iova,
                        read: l.read,
                        write: l.write,
                    });
                }
            }
        }
    }

    /// True if a device's access could be there, whatever it is for.
    pub(super) fn mapped(&self, user: u32, addr: u64, write: bool) -> bool {
        let mut all = Vec::new();
        self.places(user, addr, &mut all);
        all.iter()
            .any(|p| p.space != Space::Physical && if write { p.write } else { p.read })
    }

    /// An IOTLB_INVALIDATE completed that the device took up in cycle `taken`: `asid` None for all, `range` {first byte, bytes}.
    pub(super) fn invalidate(&mut self, taken: u64, asid: Option<u32>, range: Option<(u64, u64)>) {
        let asids: Vec<u32> = match asid {
            Some(a) => vec![a],
            None => {
                let all: HashSet<u32> = self
                    .bindings
                    .keys()
                    .chain(self.held.keys())
                    .copied()
                    .collect();
                all.into_iter().collect()
            }
        };
        for a in asids {
            self.invalidate_asid(taken, a, range);
        }
    }

    fn invalidate_asid(&mut self, taken: u64, asid: u32, range: Option<(u64, u64)>) {
        if let Some(mut held) = self.held.remove(&asid) {
            held.leaves.sort_unstable();
            held.leaves.dedup();
            held.leaves.retain(|&(level, key)| {
                let bytes = 1u128 << shift(level as u32);
                keep(&mut self.leaves[level], key, |l| {
                    let overlap = range.is_none_or(|(first, len)| {
                        let (first, at) = (u128::from(first), u128::from(l.iova));
                        at < first + u128::from(len) && first < at + bytes
                    });
                    (l.asid == asid, overlap && l.seen < taken)
                })
            });
            if range.is_none() {
                held.tables.sort_unstable();
                held.tables.dedup();
                held.tables.retain(|&page| {
                    keep(&mut self.tables, page, |t| (t.asid == asid, t.seen < taken))
                });
            }
            if !(held.tables.is_empty() && held.leaves.is_empty()) {
                self.held.insert(asid, held);
            }
        }
        let Some(list) = self.bindings.get_mut(&asid).filter(|_| range.is_none()) else {
            return;
        };
        list.retain(|b| {
            let drop = b.until < taken;
            if drop && b.mode == MODE_BARE {
                if let Some(n) = self.bare.get_mut(&b.user) {
                    *n -= 1;
                    if *n == 0 {
                        self.bare.remove(&b.user);
                    }
                }
            }
            !drop
        });
        if list.is_empty() {
            self.bindings.remove(&asid);
        }
    }
}

/// Drops what is {of an ASID, dropped} from the list at `key`; true if something of the ASID stays.
fn keep<T>(map: &mut HashMap<u64, Vec<T>>, key: u64, is: impl Fn(&T) -> (bool, bool)) -> bool {
    let Some(list) = map.get_mut(&key) else {
        return false;
    };
    list.retain(|t| is(t) != (true, true));
    let stays = list.iter().any(|t| is(t).0);
    if list.is_empty() {
        map.remove(&key);
    }
    stays
}

#[cfg(test)]
mod tests {
    use shoal_abi::mmu::MODE_SV48;

    use super::*;

    const LEAF: u64 = PTE_V | PTE_R | PTE_W | PTE_A | PTE_D;

    fn places(s: &Spaces, user: u32, addr: u64) -> Vec<Place> {
        let mut all = Vec::new();
        s.places(user, addr, &mut all);
        all.retain(|p| p.space != Space::Physical);
        all
    }

    /// ASID 3, Sv39, root 0x1000; 0x4020_3000 -> 0x9000 by tables at 0x2000 and 0x3000.
    fn walked() -> Spaces {
        let mut s = Spaces::default();
        s.bind(1, 3, MODE_SV39, 0, 0x1000);
        s.entry(10, 0x1008, PTE_V | 2 << 10);
        s.entry(11, 0x2008, PTE_V | 3 << 10);
        s.entry(12, 0x3018, LEAF | 9 << 10);
        s
    }

    #[test]
    fn a_walk_read_from_the_bus_makes_a_translation() {
        let s = walked();
        let place = Place {
            space: Space::Tables(3),
            iova: 0x4020_3123,
            read: true,
            write: true,
        };
        assert_eq!(places(&s, 0, 0x9123), [place]);
        assert_eq!(places(&s, 1 << 20, 0x9123), []);
        assert_eq!(places(&s, 0, 0xa123), []);
        assert!(s.is_table(0x3ff8) && !s.is_table(0x9000));
    }

    #[test]
    fn an_invalidation_drops_only_what_was_read_before_it_was_taken_up() {
        let mut s = walked();
        s.invalidate(12, Some(3), None);
        assert_eq!(places(&s, 0, 0x9000).len(), 1);
        s.invalidate(13, Some(2), None);
        assert_eq!(places(&s, 0, 0x9000).len(), 1);
        s.invalidate(13, Some(3), Some((0x4020_4000, 0x1000)));
        assert_eq!(places(&s, 0, 0x9000).len(), 1);
        let mut t = walked();
        t.invalidate(13, Some(3), Some((0x4020_3000, 0x1000)));
        assert_eq!(places(&t, 0, 0x9000), []);
        s.invalidate(13, None, None);
        assert_eq!(places(&s, 0, 0x9000), []);
        assert!(
            s.is_table(0x1000) && !s.is_table(0x2000),
            "the root in force stays"
        );
    }

    #[test]
    fn bad_entries_make_no_translation_and_rights_are_kept() {
        for pte in [LEAF & !PTE_V, LEAF & !PTE_A, LEAF & !PTE_R, LEAF | 1 << 54] {
            let mut s = walked();
            s.invalidate(20, Some(3), Some((0, u64::MAX)));
            s.entry(21, 0x3018, pte | 9 << 10);
            assert_eq!(places(&s, 0, 0x9000), [], "{pte:#x}");
        }
        let mut s = walked();
        s.invalidate(20, Some(3), Some((0, u64::MAX)));
        s.entry(21, 0x3018, LEAF & !PTE_D | 9 << 10);
        assert!(s.mapped(0, 0x9000, false) && !s.mapped(0, 0x9000, true));
        // A leaf of 2 MiB, aligned and not.
        s.entry(22, 0x2010, LEAF | 0x200 << 10);
        s.entry(22, 0x2018, LEAF | 0x401 << 10);
        assert_eq!(places(&s, 0, 0x21_2345)[0].iova, 0x4041_2345);
        assert_eq!(places(&s, 0, 0x40_1000), []);
    }

    #[test]
    fn high_halves_are_sign_extended() {
        let mut s = Spaces::default();
        s.bind(1, 1, MODE_SV48, 0, 0x1000);
        s.entry(2, 0x1ff8, LEAF);
        assert_eq!(places(&s, 0, 0x5000)[0].iova, 0xffff_ff80_0000_5000);
    }

    #[test]
    fn a_bare_binding_ends_when_it_is_replaced_and_invalidated() {
        let user = 1 << 20 | 77;
        let mut s = Spaces::default();
        s.bind(1, 3, MODE_BARE, user, 0);
        assert_eq!(s.of(3), [Space::Bare(user)]);
        s.bind(5, 3, MODE_OFF, 0, 0);
        assert_eq!(places(&s, user, 0x10).len(), 1);
        s.invalidate(6, Some(3), None);
        assert_eq!(places(&s, user, 0x10), []);
        assert_eq!(s.of(3), []);
    }
}
