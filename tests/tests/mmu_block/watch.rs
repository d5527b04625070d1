//! Coverage: what happens, as far as it can be told from the ports.

use crate::book::Said;
use crate::coverage::Coverage;
use crate::memory::teaches;
use shoal_abi::mmu::*;
use shoal_abi::profile::TINY;
use shoal_hdl::block::Out;
use shoal_hdl::types::{INV_ALL, INV_ASID};
use std::collections::BTreeMap;

/// What is known of the walk of a walker.
#[derive(Clone, Copy, Default)]
struct Walk {
    /// Its first PTE was asked for in this cycle; none: the next read is the first.
    began: Option<u64>,
}

/// Cycles of the present invalidation.
#[derive(Clone, Copy)]
struct Invalidation {
    asked: u64,
    flush: u64,
    flip: u64,
}

/// The watcher.
#[derive(Default)]
pub struct Watch {
    pub seen: Coverage,
    pub now: u64,
    walks: [Walk; TINY.walkers],
    invalidation: Option<Invalidation>,
    generations: BTreeMap<u32, u32>,
    last_done: u64,
    last_beat: u64,
    newest_answered: [u64; 3],
    /// Pages that were walked to, and when.
    pages: BTreeMap<(u32, u64, u32, bool), u64>,
}

impl Watch {
    /// A reset, or a sweep.
    pub fn clear(&mut self) {
        self.pages.clear();
        self.generations.clear();
        self.walks.fill(Walk::default());
        self.invalidation = None;
    }

    /// Walker `walker` asks for the PTE at `at`.
    pub fn granted(&mut self, walker: u8, at: u64) {
        if let Some(walk) = self.walks.get_mut(usize::from(walker)) {
            let level = at >> 16 & 3;
            self.seen
                .saw_if("short walk", walk.began.is_none() && level < 2);
            walk.began = walk.began.or(Some(self.now));
        }
    }

    /// The PTE that walker `walker` read of a table of `level` comes, or a bad response.
    pub fn beat(&mut self, walker: u8, level: u32, pte: u64, bad: bool) {
        self.last_beat = self.now;
        let Some(walk) = self.walks.get_mut(usize::from(walker)) else {
            return;
        };
        let began = walk.began.unwrap_or(self.now);
        let eval = self.now + 1;
        let late = self.invalidation.is_some_and(|v| {
            (v.flush..=v.flip).contains(&eval) || (eval > v.flip && began <= v.asked)
        });
        self.seen
            .saw_if("fill suppressed", late && !bad && teaches(pte, level));
        if bad || level == 0 || pte & (PTE_R | PTE_X) != 0 || !teaches(pte, 2) {
            walk.began = None;
        }
    }

    /// The last cycle of an invalidation.
    pub fn done(&mut self) {
        self.last_done = self.now;
        let of = self.invalidation.take();
        let waits = of.is_some_and(|v| self.now > v.flip + 2);
        self.seen.saw_if("drain waits", waits);
    }

    /// An invalidation is asked for.
    pub fn invalidated(&mut self, kind: u64, asid: u32) {
        let now = self.now;
        self.seen.saw_if(
            "invalidations back to back",
            self.last_done > 0 && now == self.last_done + 1,
        );
        let flush_cycles = 1 << TINY.tlb_aw[0].max(TINY.pwc_aw[0]);
        // TIMING.md §5.4: Idle, then Flush; or Gen, Bump, and Flush only if the generation wraps.
        let (begin, flush) = if kind == INV_ALL {
            self.seen.saw("invalidate all");
            (now + 2, true)
        } else {
            self.seen.saw(if kind == INV_ASID {
                "invalidate asid"
            } else {
                "invalidate range"
            });
            let generation = self.generations.entry(asid).or_default();
            *generation = (*generation + 1) % (1 << TINY.gen_w);
            self.seen.saw_if("generation wraps", *generation == 0);
            (now + 4, *generation == 0)
        };
        let flip = begin + if flush { flush_cycles } else { 0 };
        self.invalidation = Some(Invalidation {
            asked: now,
            flush: begin,
            flip,
        });
    }

    /// `client` is answered with `cause`.
    pub fn answered(&mut self, client: usize, cause: u16, said: &Said) {
        self.seen.saw("answers");
        self.seen.saw_if("off", cause == CAUSE_ASID_OFF);
        self.seen
            .saw_if("table access fault", cause == CAUSE_TABLE_ACCESS);
        let page_fault = cause == CAUSE_READ_PAGE || cause == CAUSE_WRITE_PAGE;
        self.seen
            .saw_if("not canonical", page_fault && said.at_once);
        self.seen
            .saw_if("page fault after a walk", page_fault && !said.at_once);
        let u = said.of;
        self.seen.saw_if(
            "answers out of order",
            u.taken < self.newest_answered[client],
        );
        self.newest_answered[client] = u.taken.max(self.newest_answered[client]);
        let level = said.level.filter(|_| u.entry.mode >= MODE_SV39);
        match (level, said.at_once) {
            (Some(0), true) => self.seen.saw("hit 4K"),
            (Some(1), true) => self.seen.saw("hit 2M"),
            (Some(2), true) => self.seen.saw("hit 1G"),
            (Some(3), false) => self.seen.saw("walked to 512G"),
            (Some(level), false) => {
                let key = (
                    u.request.asid,
                    u.request.va >> (12 + 9 * level),
                    level,
                    u.request.write,
                );
                let earlier = self.pages.insert(key, self.now);
                let again = earlier.is_some_and(|e| e < u.taken && e > u.since);
                self.seen.saw_if("walk again after eviction", again);
            }
            (None, true) => self
                .seen
                .saw_if("bare", cause == 0 && u.entry.mode == MODE_BARE),
            _ => {}
        }
    }

    /// Coverage that needs no answer.
    pub fn cycle(&mut self, out: &Out, reads: usize, under_way: usize) {
        let [hit, miss, walk, merge, waits, _] = out.strobes;
        let busy = reads == TINY.walkers;
        self.seen.saw_if("walk", walk);
        self.seen.saw_if("merge", merge);
        self.seen.saw_if("orphan", miss && !walk && !merge);
        self.seen.saw_if("orphan merged", merge && !miss);
        self.seen.saw_if("orphan walked", walk && !miss);
        self.seen.saw_if("all walkers wait", busy);
        self.seen.saw_if("hit overtakes a walk", hit && reads > 0);
        // No walk can have ended for a while, so no walk answer is in the way.
        let still = self.now > self.last_beat + 20;
        let full = under_way >= TINY.waiters;
        self.seen
            .saw_if("waiter limit", waits && full && still && !out.pending);
        let flushing = self
            .invalidation
            .is_some_and(|v| (v.flush..v.flip).contains(&self.now));
        let looks = out.taken != [false; 3];
        self.seen.saw_if("look-up in flush", flushing && looks);
    }
}
