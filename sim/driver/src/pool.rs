//! Pools of the ids that the driver assigns: member ids, virtqueue contexts, doorbell pages, ASIDs, PASIDs.
//!
//! The lowest free run is taken, so that a freed id comes back at once and the device's clean-up is put to the test.

use bitvec::vec::BitVec;

use crate::error::{Error, Result};

/// A pool of the ids `first..first + total`.
#[derive(Clone, Debug)]
pub struct IdPool {
    what: &'static str,
    first: u32,
    /// A set bit is a taken id.
    taken: BitVec,
    /// No id below this index is free.
    hint: usize,
}

impl IdPool {
    /// A pool of `total` ids from `first`; `what` names them in errors.
    #[must_use]
    pub fn new(what: &'static str, first: u32, total: u32) -> Self {
        Self {
            what,
            first,
            taken: BitVec::repeat(false, total as usize),
            hint: 0,
        }
    }

    /// `count` ids in a row: the lowest.
    ///
    /// # Errors
    /// `Exhausted` when no free run is long enough.
    pub fn alloc_run(&mut self, count: u32) -> Result<u32> {
        let len = count.max(1) as usize;
        let mut start = self.hint;
        let mut first_free = None;
        while start + len <= self.taken.len() {
            let Some(free) = self.taken[start..].first_zero() else {
                break;
            };
            start += free;
            let first = *first_free.get_or_insert(start);
            if start + len > self.taken.len() {
                break;
            }
            match self.taken[start..start + len].last_one() {
                Some(busy) => start += busy + 1,
                None => {
                    self.taken[start..start + len].fill(true);
                    self.hint = if start == first { start + len } else { first };
                    // Both stay below 2^32: the pool's size is a u32.
                    return Ok(self.first + start as u32);
                }
            }
        }
        Err(Error::Exhausted {
            what: self.what,
            wanted: count.max(1),
            total: self.total(),
        })
    }

    /// One id.
    ///
    /// # Errors
    /// `Exhausted`.
    pub fn alloc(&mut self) -> Result<u32> {
        self.alloc_run(1)
    }

    /// Takes exactly `id`.
    ///
    /// # Errors
    /// `Exhausted` when it is taken or no id of the pool.
    pub fn reserve(&mut self, id: u32) -> Result<()> {
        let index = id.wrapping_sub(self.first) as usize;
        if self.taken.get(index).as_deref() != Some(&false) {
            return Err(Error::Exhausted {
                what: self.what,
                wanted: 1,
                total: self.total(),
            });
        }
        self.taken.set(index, true);
        Ok(())
    }

    /// Gives back `count` ids from `id`; ids that were not taken are left alone.
    pub fn free_run(&mut self, id: u32, count: u32) {
        let start = id.wrapping_sub(self.first) as usize;
        let end = (start.saturating_add(count as usize)).min(self.taken.len());
        if start < end {
            self.taken[start..end].fill(false);
            self.hint = self.hint.min(start);
        }
    }

    /// Gives back one id.
    pub fn free(&mut self, id: u32) {
        self.free_run(id, 1);
    }

    /// Ids in use.
    #[must_use]
    pub fn in_use(&self) -> u32 {
        self.taken.count_ones() as u32
    }

    /// Ids of the pool, used or not.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.taken.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_lowest_free_id_comes_back_at_once() {
        let mut p = IdPool::new("ids", 1, 4);
        assert_eq!([p.alloc(), p.alloc(), p.alloc()], [Ok(1), Ok(2), Ok(3)]);
        p.free(2);
        assert_eq!(p.alloc(), Ok(2));
        assert_eq!(p.alloc(), Ok(4));
        assert_eq!(
            p.alloc(),
            Err(Error::Exhausted {
                what: "ids",
                wanted: 1,
                total: 4
            })
        );
        assert!(p.reserve(2).is_err() && p.reserve(0).is_err() && p.reserve(5).is_err());
        p.free(3);
        assert!(p.reserve(3).is_ok() && p.alloc().is_err());
    }

    proptest! {
        #[test]
        fn runs_are_disjoint_and_every_fitting_run_is_found(ops in prop::collection::vec((1u32..5, any::<bool>()), 1..80)) {
            let mut pool = IdPool::new("ids", 10, 24);
            let mut live: Vec<(u32, u32)> = Vec::new();
            let mut taken = BTreeSet::new();
            for (n, free) in ops {
                if free && !live.is_empty() {
                    let (first, count) = live.swap_remove(n as usize % live.len());
                    pool.free_run(first, count);
                    (first..first + count).for_each(|id| { taken.remove(&id); });
                } else {
                    let want = (10..=34 - n).find(|&s| (s..s + n).all(|id| !taken.contains(&id)));
                    let got = pool.alloc_run(n).ok();
                    prop_assert_eq!(got, want);
                    if let Some(first) = got {
                        live.push((first, n));
                        taken.extend(first..first + n);
                    }
                }
                prop_assert_eq!(pool.in_use() as usize, taken.len());
            }
        }
    }
}
