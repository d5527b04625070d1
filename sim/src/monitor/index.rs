//! Where the rings are, and the buffers of the chains under way: what an address may belong to.

use std::collections::{BTreeMap, HashMap};

use super::msi::Key;
use super::ring::{Buffer, Part, Ring};
use super::space::{Place, Space};

const PAGE_W: u32 = 12;
const PARTS: [Part; 3] = [Part::Desc, Part::Avail, Part::Used];

/// What an access may be part of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    /// A page table.
    Table,
    /// A ring area; the access starts at this offset.
    Ring(Key, Part, i64),
    /// A buffer of a chain under way; the access starts at this offset.
    Buffer(Key, Buffer, i64),
}

impl Owner {
    /// The queue.
    pub(super) fn queue(&self) -> Option<Key> {
        match self {
            Self::Table => None,
            Self::Ring(k, ..) | Self::Buffer(k, ..) => Some(*k),
        }
    }
}

/// The buffers of a space.
#[derive(Debug, Default)]
struct Buffers {
    by_iova: BTreeMap<u64, Vec<(Key, Buffer)>>,
    /// Bytes of the longest that was ever entered: how far back to look.
    longest: u64,
}

/// Rings and buffers by address.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) rings: HashMap<Key, Ring>,
    /// Ring areas by space and page of IOVA. A ring that is gone may linger here; it is looked up in `rings`.
    pages: HashMap<(Space, u64), Vec<(Key, Part)>>,
    buffers: HashMap<Space, Buffers>,
}

/// Pages that `len` bytes from `first` on touch.
fn pages((first, len): (u64, u64)) -> std::ops::RangeInclusive<u64> {
    first >> PAGE_W..=first.saturating_add(len - 1) >> PAGE_W
}

/// A buffer that goes beyond the last address goes on at 0: its two parts.
fn unwrapped(b: &Buffer) -> impl Iterator<Item = Buffer> {
    let room = u64::MAX - b.iova; // one less than fits
    let (first, rest) = if b.len <= room {
        (b.len, 0)
    } else {
        (room + 1, b.len - room - 1)
    };
    let head = Buffer { len: first, ..*b };
    let tail = Buffer {
        iova: 0,
        len: rest,
        offset: b.offset + first,
        ..*b
    };
    std::iter::once(head).chain((rest > 0).then_some(tail))
}

impl Index {
    /// Enters the areas of ring `k` in `spaces`, beside where it is already.
    pub(super) fn place_ring(&mut self, k: Key, spaces: &[Space]) {
        let Some(ring) = self.rings.get(&k) else {
            return;
        };
        for part in PARTS {
            for page in pages(ring.area(part)) {
                for s in spaces {
                    let list = self.pages.entry((*s, page)).or_default();
                    if !list.contains(&(k, part)) {
                        list.push((k, part));
                    }
                }
            }
        }
    }

    /// Removes ring `k`, which was entered in `spaces`, and the buffers of its chains.
    pub(super) fn drop_ring(&mut self, k: Key, spaces: &[Space]) {
        let Some(ring) = self.rings.remove(&k) else {
            return;
        };
        for part in PARTS {
            for page in pages(ring.area(part)) {
                for s in spaces {
                    if let Some(list) = self.pages.get_mut(&(*s, page)) {
                        list.retain(|(owner, _)| *owner != k);
                        if list.is_empty() {
                            self.pages.remove(&(*s, page));
                        }
                    }
                }
            }
        }
        let left = ring.buffers();
        if !left.is_empty() {
            // They may be in spaces that its ASID no longer stands for.
            let all: Vec<Space> = self.buffers.keys().copied().collect();
            self.drop_buffers(k, &all, &left);
        }
    }

    /// Enters `buffers` of ring `k`.
    pub(super) fn place_buffers(&mut self, k: Key, spaces: &[Space], buffers: &[Buffer]) {
        for s in spaces {
            let of = self.buffers.entry(*s).or_default();
            for b in buffers.iter().flat_map(unwrapped) {
                of.longest = of.longest.max(b.len);
                let list = of.by_iova.entry(b.iova).or_default();
                if !list.contains(&(k, b)) {
                    list.push((k, b));
                }
            }
        }
    }

    /// Removes `buffers` of ring `k`.
    pub(super) fn drop_buffers(&mut self, k: Key, spaces: &[Space], buffers: &[Buffer]) {
        for s in spaces {
            let Some(of) = self.buffers.get_mut(s) else {
                continue;
            };
            for b in buffers.iter().flat_map(unwrapped) {
                if let Some(list) = of.by_iova.get_mut(&b.iova) {
                    list.retain(|(owner, of)| *owner != k || of.entry != b.entry);
                    if list.is_empty() {
                        of.by_iova.remove(&b.iova);
                    }
                }
            }
        }
    }

    /// What the `len` bytes from `place` on may be part of. With `round` > 1, a bus word of that many bytes counts as a whole.
    pub(super) fn owners(&self, place: &Place, len: u64, round: u64, out: &mut Vec<Owner>) {
        let (first, last) = (place.iova, place.iova.saturating_add(len - 1));
        let inside = |start: u64, bytes: u64| {
            let (lo, end) = (start & !(round - 1), u128::from(start) + u128::from(bytes));
            let touches = last >= start && u128::from(first) < end;
            touches && first >= lo && u128::from(last) < end.next_multiple_of(u128::from(round))
        };
        let mut seen = None;
        for page in [first >> PAGE_W, last >> PAGE_W] {
            if seen.replace(page) == Some(page) {
                continue;
            }
            for (k, part) in self.pages.get(&(place.space, page)).into_iter().flatten() {
                let Some(ring) = self.rings.get(k) else {
                    continue;
                };
                let (start, bytes) = ring.area(*part);
                if inside(start, bytes) {
                    out.push(Owner::Ring(*k, *part, first.wrapping_sub(start) as i64));
                }
            }
        }
        let Some(of) = self.buffers.get(&place.space) else {
            return;
        };
        let from = first.saturating_sub(of.longest.saturating_add(round));
        for (start, list) in of.by_iova.range(from..=last).rev() {
            for (k, b) in list.iter().filter(|(_, b)| inside(*start, b.len)) {
                out.push(Owner::Buffer(*k, *b, first.wrapping_sub(*start) as i64));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ring::Kind;
    use super::*;

    fn found(i: &Index, iova: u64, len: u64, round: u64) -> Vec<i64> {
        let place = Place {
            space: Space::Physical,
            iova,
            read: true,
            write: true,
        };
        let mut out = Vec::new();
        i.owners(&place, len, round, &mut out);
        let offset = |o: &Owner| match o {
            Owner::Buffer(_, b, off) => b.offset as i64 + off,
            _ => -1,
        };
        out.iter().map(offset).collect()
    }

    #[test]
    fn a_buffer_is_found_within_its_bounds_also_beyond_the_last_address() {
        let mut i = Index::default();
        let b = Buffer {
            kind: Kind::Write,
            iova: u64::MAX - 15,
            len: 24,
            offset: 100,
            entry: 0,
        };
        i.place_buffers(7, &[Space::Physical], &[b]);
        assert_eq!(found(&i, u64::MAX - 15, 16, 1), [100]);
        assert_eq!(found(&i, 0, 8, 1), [116]);
        assert_eq!(found(&i, 4, 8, 1).len(), 0);
        assert_eq!(found(&i, 4, 8, 16), [120], "the whole bus word counts");
        i.drop_buffers(7, &[Space::Physical], &[b]);
        assert_eq!(found(&i, 0, 8, 1).len(), 0);
    }
}
