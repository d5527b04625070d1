//! What is under way, and whether each answer is one that the page tables allow.
//!
//! A client may have many translations under way and its answers may overtake one another: the tag says which it is.

use crate::memory::{End, Memory};
use crate::stimulus::SPACES;
use shoal_abi::mmu::*;
use shoal_hdl::block::{Answer, Request, Space};
use std::collections::{BTreeMap, BTreeSet};

/// A request that was taken.
#[derive(Clone, Copy, Debug)]
pub struct UnderWay {
    pub client: usize,
    pub request: Request,
    pub taken: u64,
    /// The entry of its address space, sampled with it.
    pub entry: Space,
    /// What it may remember stands since this cycle.
    pub since: u64,
}

/// What an answer was.
pub struct Said {
    /// The request.
    pub of: UnderWay,
    /// Answered by the look-up, three cycles after it was taken.
    pub at_once: bool,
    /// The level of the page, unless tables of several levels would give the same.
    pub level: Option<u32>,
}

/// The record. At most one request is taken in a cycle: the cycle is its name.
#[derive(Default)]
pub struct Book {
    under_way: BTreeMap<u64, UnderWay>,
    /// Entries of the address spaces and the cycle from which they stand.
    entries: BTreeMap<u32, Vec<(u64, Space)>>,
    /// The cycle after the last invalidation that was done was asked for.
    since: BTreeMap<u32, u64>,
    /// Invalidation under way: the cycle in which it was asked for, and of which address space.
    invalidation: Option<(u64, Option<u32>)>,
}

impl Book {
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    pub fn is_under_way(&self, asid: u32) -> bool {
        self.under_way.values().any(|u| u.request.asid == asid)
    }

    fn entry(&self, asid: u32) -> Space {
        let all = self.entries.get(&asid);
        all.and_then(|e| e.last()).map(|e| e.1).unwrap_or_default()
    }

    /// An ASID_SET in cycle `now`.
    pub fn set_asid(&mut self, asid: u32, entry: Space, now: u64) {
        self.entries.entry(asid).or_default().push((now + 1, entry));
    }

    /// A reset or a sweep that ends with cycle `now`.
    pub fn clear(&mut self, now: u64) {
        self.under_way.clear();
        self.invalidation = None;
        for asid in SPACES {
            self.set_asid(asid, Space::default(), now);
            self.since.insert(asid, now + 1);
        }
    }

    pub fn take(&mut self, client: usize, request: Request, now: u64) {
        let of = UnderWay {
            client,
            request,
            taken: now,
            entry: self.entry(request.asid),
            since: self.since.get(&request.asid).copied().unwrap_or(0),
        };
        self.under_way.insert(now, of);
    }

    /// An answer for `client` in cycle `now`.
    pub fn answer(
        &mut self,
        memory: &Memory,
        client: usize,
        answer: Answer,
        now: u64,
    ) -> Result<Said, String> {
        let (cause, address, user, tag) = answer;
        let mut all = self.under_way.values();
        let Some(&u) = all.find(|u| u.client == client && u.request.tag == tag) else {
            return Err(format!(
                "client {client}: {answer:x?} answers nothing that is under way"
            ));
        };
        self.under_way.remove(&u.taken);
        let at_once = now == u.taken + 3;
        if cause != CAUSE_NONE {
            if address != 0 || user != 0 || !self.may_fault(memory, &u, cause, now) {
                return Err(format!(
                    "client {client}: fault {answer:x?}: no table says so: {u:x?}"
                ));
            }
            return Ok(Said {
                of: u,
                at_once,
                level: None,
            });
        }
        let expected = match u.entry.pasid_valid {
            true => u.entry.pasid | USER_PASID_VALID,
            false => 0,
        };
        let levels = self.levels(memory, &u, address, now);
        if user != expected || levels.is_empty() {
            return Err(format!(
                "{answer:x?}: no table between {} and now says so: {u:x?}",
                u.since
            ));
        }
        Ok(Said {
            of: u,
            at_once,
            level: levels.iter().next().copied().filter(|_| levels.len() == 1),
        })
    }

    /// Levels of pages by which `u` may come to `address`; 3 for an address that is not translated.
    fn levels(&self, memory: &Memory, u: &UnderWay, address: u64, now: u64) -> BTreeSet<u32> {
        if u.entry.mode == MODE_BARE && address == u.request.va {
            return BTreeSet::from([3]);
        }
        if u.entry.mode < MODE_SV39 || !canonical(u) {
            return BTreeSet::new();
        }
        let ends = self.ends(memory, u, now).into_iter();
        ends.filter_map(|e| match e {
            End::Page { level, address: a } if a == address => Some(level),
            _ => None,
        })
        .collect()
    }

    fn may_fault(&self, memory: &Memory, u: &UnderWay, cause: u16, now: u64) -> bool {
        let page = if u.request.write {
            CAUSE_WRITE_PAGE
        } else {
            CAUSE_READ_PAGE
        };
        match u.entry.mode {
            MODE_OFF => cause == CAUSE_ASID_OFF,
            MODE_BARE => false,
            _ if !canonical(u) => cause == page,
            _ if now == u.taken + 3 => false,
            _ => {
                let end = match cause {
                    CAUSE_TABLE_ACCESS => End::TableAccess,
                    c if c == page => End::PageFault,
                    _ => return false,
                };
                self.ends(memory, u, now).contains(&end)
            }
        }
    }

    /// Every root that the address space had counts: what an older one led to may be remembered, or its walk be shared.
    fn ends(&self, memory: &Memory, u: &UnderWay, now: u64) -> BTreeSet<End> {
        let entries = self.entries.get(&u.request.asid).into_iter().flatten();
        let after = entries.clone().skip(1).map(|e| e.0).chain([u64::MAX]);
        let live = entries.zip(after).filter(|((_, _), end)| *end >= u.since);
        let roots = live.filter_map(|((_, e), _)| match e.mode {
            MODE_SV39 => Some((2, e.root)),
            MODE_SV48 => Some((3, e.root)),
            _ => None,
        });
        let when = (u.since, u.taken, now);
        memory.walk(&roots.collect(), u.request.va, u.request.write, when)
    }

    /// An invalidation is asked for in cycle `now`; of all address spaces or of one.
    pub fn invalidate(&mut self, asid: Option<u32>, now: u64) {
        self.invalidation = Some((now, asid));
    }

    /// Its last cycle: whatever was taken before it has its answer.
    pub fn done(&mut self) -> Result<(), String> {
        let Some((asked, asid)) = self.invalidation.take() else {
            return Err("done, but nothing was to be invalidated".into());
        };
        if let Some((_, u)) = self.under_way.range(..=asked).next() {
            return Err(format!(
                "invalidation of {asked} is done, the answer of {u:x?} is still to come"
            ));
        }
        for space in SPACES.into_iter().filter(|s| asid.is_none_or(|a| a == *s)) {
            self.since.insert(space, asked + 1);
        }
        Ok(())
    }

    /// Nothing is under way any more.
    pub fn drained(&self) -> Result<(), String> {
        match self.under_way() {
            0 => Ok(()),
            n => Err(format!("{n} translations have no answer")),
        }
    }
}

fn canonical(u: &UnderWay) -> bool {
    let width = if u.entry.mode == MODE_SV39 { 39 } else { 48 };
    let unused = 64 - width;
    (u.request.va << unused) as i64 >> unused == u.request.va as i64
}
