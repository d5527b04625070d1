//! What is under way, and whether each answer is one that the page tables allow.
//!
//! A client may have many translations under way and its answers may overtake one another. An address names its request in
//! the offset; a fault does not. So faults are kept, and a matching of faults and requests must exist.

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

/// A fault, and the cycles in which the requests were taken that it may belong to.
struct Fault {
    client: usize,
    cause: u16,
    cycle: u64,
    of: Vec<u64>,
}

/// What an answer was.
pub struct Said {
    /// The request, if it is certain.
    pub of: Option<UnderWay>,
    /// Answered by the look-up, three cycles after it was taken.
    pub at_once: bool,
    /// The level of the page, unless tables of several levels would give the same.
    pub level: Option<u32>,
}

/// The record. At most one request is taken in a cycle: the cycle is its name.
#[derive(Default)]
pub struct Book {
    under_way: BTreeMap<u64, UnderWay>,
    faults: Vec<Fault>,
    /// Entries of the address spaces and the cycle from which they stand.
    entries: BTreeMap<u32, Vec<(u64, Space)>>,
    /// The cycle after the last invalidation that was done was asked for.
    since: BTreeMap<u32, u64>,
    /// Invalidation under way: the cycle in which it was asked for, and of which address space.
    invalidation: Option<(u64, Option<u32>)>,
}

impl Book {
    pub fn under_way(&self) -> usize {
        self.under_way.len() - self.faults.len()
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
        self.faults.clear();
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
        let (cause, address, user) = answer;
        let direct = now
            .checked_sub(3)
            .and_then(|t| self.under_way.get(&t))
            .copied();
        let at_once = direct.is_some();
        let candidates: Vec<UnderWay> = match direct {
            Some(u) => vec![u],
            None => self.under_way.values().copied().collect(),
        };
        let candidates = candidates.into_iter().filter(|u| u.client == client);
        if cause == CAUSE_NONE {
            let mut named = candidates.filter(|u| u.request.va & 0xfff == address & 0xfff);
            let Some(u) = named.next() else {
                return Err(format!(
                    "client {client}: {answer:x?} answers nothing that is under way"
                ));
            };
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
            self.under_way.remove(&u.taken);
            return Ok(Said {
                of: Some(u),
                at_once,
                level: levels.iter().next().copied().filter(|_| levels.len() == 1),
            });
        }
        let of: Vec<UnderWay> = candidates
            .filter(|u| self.may_fault(memory, u, cause, now))
            .collect();
        if of.is_empty() || address != 0 || user != 0 {
            return Err(format!(
                "client {client}: fault {answer:x?}: no table says so"
            ));
        }
        let certain = (at_once || of.len() == 1).then(|| of[0]);
        if let Some(u) = certain {
            self.under_way.remove(&u.taken);
        } else {
            let of = of.iter().map(|u| u.taken).collect();
            self.faults.push(Fault {
                client,
                cause,
                cycle: now,
                of,
            });
        }
        Ok(Said {
            of: certain,
            at_once,
            level: None,
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
        let old: Vec<u64> = self.under_way.range(..=asked).map(|u| *u.0).collect();
        if let Err(taken) = self.matching(&old) {
            return Err(format!(
                "invalidation of {asked} is done, the answer of {:x?} is still to come",
                self.under_way[&taken]
            ));
        }
        for space in SPACES.into_iter().filter(|s| asid.is_none_or(|a| a == *s)) {
            self.since.insert(space, asked + 1);
        }
        Ok(())
    }

    /// Nothing is under way any more: each fault was that of a request.
    pub fn drained(&mut self) -> Result<(), String> {
        if self.under_way.len() != self.faults.len() {
            return Err(format!("{} translations have no answer", self.under_way()));
        }
        let all: Vec<u64> = self.under_way.keys().copied().collect();
        if let Err(taken) = self.matching(&all) {
            let f: Vec<_> = self
                .faults
                .iter()
                .map(|f| (f.client, f.cause, f.cycle))
                .collect();
            return Err(format!(
                "faults {f:?} are not those of {:x?}",
                self.under_way[&taken]
            ));
        }
        self.under_way.clear();
        self.faults.clear();
        Ok(())
    }

    /// Gives each of `requests` a fault of its own; else one that goes without.
    fn matching(&self, requests: &[u64]) -> Result<(), u64> {
        let mut given = vec![None; self.faults.len()];
        for &r in requests {
            if !self.find(r, &mut given, &mut vec![false; self.faults.len()]) {
                return Err(r);
            }
        }
        Ok(())
    }

    fn find(&self, r: u64, given: &mut [Option<u64>], tried: &mut [bool]) -> bool {
        for (k, fault) in self.faults.iter().enumerate() {
            if !fault.of.contains(&r) || std::mem::replace(&mut tried[k], true) {
                continue;
            }
            if given[k].is_none_or(|other| self.find(other, given, tried)) {
                given[k] = Some(r);
                return true;
            }
        }
        false
    }
}

fn canonical(u: &UnderWay) -> bool {
    let width = if u.entry.mode == MODE_SV39 { 39 } else { 48 };
    let unused = 64 - width;
    (u.request.va << unused) as i64 >> unused == u.request.va as i64
}
