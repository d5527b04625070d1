//! The bench: both MMUs, a memory that answers when it likes, the clients, and the book that is kept of it all.

use crate::book::Book;
use crate::memory::Memory;
use crate::stimulus::{entry, Phase, Random, SPACES};
use crate::twins::Twins;
use crate::watch::Watch;
use shoal_abi::mmu::*;
use shoal_abi::profile::TINY;
use shoal_hdl::block::{In, Out, Request};
use shoal_hdl::types::{INV_ALL, INV_ASID, INV_RANGE};
use std::collections::VecDeque;

/// Cycles in which what is under way must have come to its end, with a memory that answers at once.
const DRAIN_LIMIT: u64 = 1000;

/// Tags of translations.
const TAGS: u16 = 1024;

/// A way to be wrong, to see that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    None,
    /// The model sees the other value of MMU_CTRL partition.
    OtherPartition,
    /// The memory gives both another page than the tables say.
    OtherPage,
    /// An invalidation is called done when it has begun.
    DoneTooEarly,
    /// What is called an invalidation is none.
    NoInvalidation,
}

/// A read of a walker that the memory has yet to answer.
#[derive(Clone, Copy)]
struct Read {
    walker: u8,
    at: u64,
}

pub struct Bench {
    twins: Twins,
    random: Random,
    lie: Lie,
    memory: Memory,
    book: Book,
    pub watch: Watch,
    now: u64,
    phase: Phase,
    up: [Option<Request>; 3],
    tag: u16,
    reads: VecDeque<Read>,
}

impl Bench {
    pub fn new(seed: u64, lie: Lie) -> Self {
        let mut random = Random::new(seed);
        let memory = Memory::new(&mut random);
        Self {
            twins: Twins::new(lie == Lie::OtherPartition),
            phase: Phase::drain(),
            random,
            lie,
            memory,
            book: Book::default(),
            watch: Watch::default(),
            now: 0,
            up: [None; 3],
            tag: 0,
            reads: VecDeque::new(),
        }
    }

    /// At least `cycles` cycles, in phases.
    pub fn run(&mut self, cycles: u64) -> Result<(), String> {
        self.reset()?;
        while self.now < cycles {
            let before = self.phase.partition;
            self.phase = Phase::new(&mut self.random);
            self.watch
                .seen
                .saw_if("partition switched", before != self.phase.partition);
            for _ in 0..self.phase.cycles {
                let i = self.stimulus();
                self.step(i)?;
            }
            match self.random.below(12) {
                0 => self.reset()?,
                1 | 2 => {
                    self.drain()?;
                    self.watch.seen.saw("warm sweep");
                    self.sweep()?;
                }
                3..=5 => self.drain()?,
                _ => {}
            }
        }
        self.drain()
    }

    fn reset(&mut self) -> Result<(), String> {
        self.watch
            .seen
            .saw_if("reset in mid-flight", self.book.under_way() > 0);
        self.up = [None; 3];
        self.step(In {
            reset: true,
            ..In::default()
        })?;
        self.reads.clear();
        self.sweep()
    }

    /// Everything is idle. Address spaces are off after it, so some are set.
    fn sweep(&mut self) -> Result<(), String> {
        for k in 0..1 << TINY.asid_aw {
            self.step(In {
                sweep: Some(k),
                ..In::default()
            })?;
        }
        for asid in SPACES {
            let entry = entry(&mut self.random);
            self.step(In {
                set_asid: Some((asid, entry)),
                ..In::default()
            })?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), String> {
        self.phase = Phase::drain();
        let end = self.now + DRAIN_LIMIT;
        while self.up != [None; 3] || !self.twins.outputs().idle || self.twins.outputs().pending {
            if self.now > end {
                return Err(format!(
                    "not idle {DRAIN_LIMIT} cycles after the last request"
                ));
            }
            let i = self.stimulus();
            self.step(i)?;
        }
        self.book.drained()
    }

    fn stimulus(&mut self) -> In {
        let (p, now) = (self.phase, self.now);
        let out = self.twins.outputs();
        let random = &mut self.random;
        for up in &mut self.up {
            if up.is_none() && random.mille(p.request) {
                // Far more than can be under way, so none is there twice.
                self.tag = (self.tag + 1) % TAGS;
                *up = Some(p.request(random, self.tag));
            }
        }
        if random.mille(p.change) {
            self.memory.change(random, now);
        }
        let mut i = In {
            requests: self.up,
            partition: p.partition,
            blocking: p.blocking,
            ar_grant: out.read.is_some() && random.mille(p.grant),
            ..In::default()
        };
        if random.mille(p.set_asid) {
            i.set_asid = Some((p.space(random), entry(random)));
        }
        if !out.pending && random.mille(p.invalidate) {
            let kind = random.pick(&[INV_ALL, INV_ASID, INV_ASID, INV_RANGE]);
            i.invalidate = Some((kind, p.invalidated(random)));
        }
        if self.lie == Lie::NoInvalidation
            && i.invalidate.take().is_some()
            && self.book.under_way() == 0
        {
            self.book.invalidate(None, now);
            let _ = self.book.done();
        }
        i.r = self.beat();
        i
    }

    fn beat(&mut self) -> Option<(u8, u64, bool)> {
        let random = &mut self.random;
        if self.reads.is_empty() || !random.mille(self.phase.beat) {
            // One that nobody waits for does nothing.
            let stray = random.below(TINY.walkers as u64) as u8;
            let nobody = random.mille(5) && self.reads.iter().all(|r| r.walker != stray);
            return nobody.then_some((stray, u64::MAX >> 10, false));
        }
        let k = random.below(self.reads.len() as u64) as usize;
        self.watch.seen.saw_if("read out of order", k > 0);
        let read = self.reads.remove(k)?;
        let mut pte = self.memory.read(read.at);
        let bad = random.mille(self.phase.bad);
        if bad {
            self.memory.was_bad(read.at, self.now);
        }
        let level = (read.at >> 16) as u32 & 3;
        self.watch.beat(read.walker, level, pte, bad);
        if self.lie == Lie::OtherPage && pte & PTE_R != 0 {
            pte ^= 1 << (PTE_PPN_LSB + 43);
        }
        Some((read.walker, pte, bad))
    }

    /// One cycle with `i`.
    fn step(&mut self, i: In) -> Result<(), String> {
        let out = self.twins.cycle(&i, self.now)?;
        self.keep_book(&i, &out)
            .map_err(|e| format!("cycle {}: {e}", self.now))?;
        self.now += 1;
        self.watch.now = self.now;
        self.watch.seen.cycles += 1;
        Ok(())
    }

    fn keep_book(&mut self, i: &In, out: &Out) -> Result<(), String> {
        let now = self.now;
        if i.reset || i.sweep.is_some() {
            self.book.clear(now);
            self.watch.clear();
            return Ok(());
        }
        for client in (0..3).filter(|&c| out.answered[c]) {
            let said = self.book.answer(&self.memory, client, out.answer, now)?;
            self.watch.answered(client, out.answer.0, &said);
        }
        self.watch
            .cycle(out, self.reads.len(), self.book.under_way());
        for client in (0..3).filter(|&c| out.taken[c]) {
            let Some(request) = self.up[client].take() else {
                return Err(format!("client {client} is taken, it asks for nothing"));
            };
            self.book.take(client, request, now);
        }
        if let Some((kind, asid)) = i.invalidate {
            self.watch.invalidated(kind, asid);
            self.book.invalidate((kind != INV_ALL).then_some(asid), now);
        }
        if out.done {
            self.watch.done();
            if self.lie != Lie::DoneTooEarly {
                self.book.done()?;
            }
        } else if self.lie == Lie::DoneTooEarly && i.invalidate.is_some() {
            self.book.done()?;
        }
        if let Some((asid, entry)) = i.set_asid {
            self.watch
                .seen
                .saw_if("asid set in mid-flight", self.book.is_under_way(asid));
            self.book.set_asid(asid, entry, now);
        }
        if let Some((walker, at)) = out.read.filter(|_| i.ar_grant) {
            self.watch.granted(walker, at);
            self.reads.push_back(Read { walker, at });
        }
        Ok(())
    }
}
