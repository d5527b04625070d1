//! The MMU alone against page tables in a small memory, cycle by cycle.

mod hostile;
mod invalidation;
mod look_up;
mod partition;
mod walk;

use super::block::{Answer, AsidEntry, Beat, In, Invalidate, Mmu, Out, Request};
use super::CLIENTS;
use crate::axi_rd::{lane, Id};
use shoal_abi::mmu::*;
use shoal_abi::ports::Data;
use shoal_abi::profile::{Profile, DATA_WORDS, TINY};
use shoal_abi::regs::RESP_SLVERR;
use std::collections::{HashMap, VecDeque};

const ROOT: u64 = 0x1000;
const LEAF: u64 = PTE_V | PTE_R | PTE_W | PTE_A | PTE_D;
const ASID: u32 = 3;
const USER: u32 = USER_PASID_VALID | 0x45;
const MIB2: u64 = 1 << 21;
const GIB: u64 = 1 << 30;

// Order of `Out::counters`.
const HITS: usize = 0;
const MISSES: usize = 1;
const WALKS: usize = 2;
const MERGED: usize = 3;
const WAITS: usize = 4;
const FAULTS: usize = 5;

/// A read of a walker: the cycle of its grant, the walker, the address.
type Read = (u64, usize, u64);

struct Bench {
    p: &'static Profile,
    m: Mmu,
    mem: HashMap<u64, u64>,
    bad: Option<u64>,
    /// Cycles from a grant to its beat.
    latency: u64,
    grants: bool,
    /// Inputs of the next cycle; `partition` stays. Requests, grants and beats are put in by `step`.
    i: In,
    /// What the clients ask for, one request after the other.
    asks: [VecDeque<Request>; CLIENTS],
    due: VecDeque<(u64, u16, u64)>,
    cycle: u64,
    /// Cycles in which requests were taken, and whose.
    taken: Vec<(u64, usize)>,
    answers: Vec<(u64, usize, Answer)>,
    reads: Vec<Read>,
    next_table: u64,
}

fn entry(mode: u8) -> AsidEntry {
    AsidEntry {
        mode,
        pasid_valid: true,
        pasid: 0x45,
        root: ROOT,
    }
}

fn read(va: u64) -> Request {
    Request {
        asid: ASID,
        va,
        write: false,
        tag: 0x2a5,
    }
}

fn write(va: u64) -> Request {
    Request {
        write: true,
        ..read(va)
    }
}

impl Bench {
    /// ASID 3 has the mode and tables from `ROOT` on; the memory answers two cycles after a grant.
    fn new(p: &'static Profile, mode: u8) -> Self {
        let mut b = Self {
            p,
            m: Mmu::new(p),
            mem: HashMap::new(),
            bad: None,
            latency: 2,
            grants: true,
            i: In::default(),
            asks: Default::default(),
            due: VecDeque::new(),
            cycle: 0,
            taken: Vec::new(),
            answers: Vec::new(),
            reads: Vec::new(),
            next_table: ROOT + 0x1000,
        };
        b.bind(ASID, entry(mode));
        b
    }

    /// ASID_SET in a cycle of its own; the clock of the test starts anew.
    fn bind(&mut self, asid: u32, entry: AsidEntry) {
        self.i.set_asid = Some((asid, entry));
        self.step();
        self.restart();
    }

    fn restart(&mut self) {
        self.cycle = 0;
        assert!(self.due.is_empty(), "a read is out");
        self.taken.clear();
        self.answers.clear();
        self.reads.clear();
    }

    fn ask(&mut self, client: usize, request: Request) {
        self.asks[client].push_back(request);
    }

    fn beat(&mut self) -> Option<Beat> {
        let at = self.due.iter().position(|d| d.0 <= self.cycle)?;
        let (_, id, addr) = self.due.remove(at)?;
        let mut data: Data = [0xdead_dead_dead_dead; DATA_WORDS];
        data[usize::from(lane(self.p, addr))] = self.mem.get(&addr).copied().unwrap_or(0);
        let resp = if self.bad == Some(addr) {
            RESP_SLVERR
        } else {
            0
        };
        Some(Beat { id, data, resp })
    }

    /// One cycle; what stood at the outputs in it.
    fn step(&mut self) -> Out {
        let o = self.m.outputs();
        let mut i = self.i;
        (self.i.set_asid, self.i.invalidate, self.i.reset) = (None, None, false);
        i.requests = std::array::from_fn(|c| self.asks[c].front().copied());
        i.r = self.beat();
        if let Some((id, addr)) = o.read.filter(|_| self.grants) {
            i.granted = true;
            let Id::Walker(walker) = Id::unpack(self.p, id) else {
                panic!("{id:#x} is no walker");
            };
            self.reads.push((self.cycle, walker, addr));
            self.due.push_back((self.cycle + self.latency, id, addr));
        }
        for (c, answer) in o.answers.into_iter().enumerate() {
            self.answers.extend(answer.map(|a| (self.cycle, c, a)));
        }
        if let Some(c) = self.m.tick(&i) {
            self.asks[c].pop_front();
            self.taken.push((self.cycle, c));
        }
        self.cycle += 1;
        o
    }

    fn run(&mut self, cycles: u64) {
        for _ in 0..cycles {
            self.step();
        }
    }

    /// Steps until nothing is asked for or under way.
    fn settle(&mut self) {
        for _ in 0..2000 {
            let o = self.m.outputs();
            if o.idle && !o.pending && self.asks.iter().all(VecDeque::is_empty) {
                return;
            }
            self.step();
        }
        panic!("not idle after 2000 cycles");
    }

    /// One translation by client 1: the answer, and cycles from its take to it.
    fn translate(&mut self, request: Request) -> (Answer, u64) {
        self.settle();
        self.restart();
        self.ask(1, request);
        self.settle();
        match (self.taken[..].split_last(), self.answers[..].split_last()) {
            (Some((taken, [])), Some((answer, []))) => {
                assert_eq!((taken.1, answer.1, answer.2.tag), (1, 1, request.tag));
                if answer.2.cause != CAUSE_NONE {
                    assert_eq!((answer.2.address, answer.2.user), (0, 0));
                }
                (answer.2, answer.0 - taken.0)
            }
            other => panic!("one request, one answer: {other:?}"),
        }
    }

    fn cause(&mut self, request: Request) -> u16 {
        self.translate(request).0.cause
    }

    /// Runs an invalidation; cycles from the one that ends with its effect edge up to InvDone.
    fn invalidate(&mut self, what: Invalidate) -> u64 {
        self.i.invalidate = Some(what);
        let start = self.cycle;
        assert!(!self.step().pending);
        for _ in 0..500 {
            let o = self.step();
            assert!(o.pending);
            if o.flips {
                let cycles = self.cycle - 1 - start;
                assert!(!self.m.outputs().pending);
                return cycles;
            }
        }
        panic!("{what:?} does not end");
    }

    /// Table entry: `index` in the table at `table`.
    fn pte(&mut self, table: u64, index: u64, target: u64, flags: u64) {
        self.mem
            .insert(table + 8 * index, target >> 12 << PTE_PPN_LSB | flags);
    }

    /// Maps a page whose leaf is on `level`, under tables of which the root is on `top`; where the leaf stands.
    fn map_at(&mut self, top: u32, level: u32, va: u64, pa: u64, flags: u64) -> u64 {
        let mut table = ROOT;
        for l in (level + 1..=top).rev() {
            let at = table + 8 * (va >> (12 + 9 * l) & 0x1ff);
            table = match self.mem.get(&at) {
                Some(pte) => pte >> PTE_PPN_LSB << 12,
                None => {
                    let new = self.next_table;
                    self.next_table += 0x1000;
                    self.mem.insert(at, new >> 12 << PTE_PPN_LSB | PTE_V);
                    new
                }
            };
        }
        let index = va >> (12 + 9 * level) & 0x1ff;
        self.pte(table, index, pa, flags);
        table + 8 * index
    }

    /// Maps a 4 KiB page of an Sv39 space, readable and writable.
    fn map(&mut self, va: u64, pa: u64) {
        self.map_at(2, 0, va, pa, LEAF);
    }

    fn count(&self, counter: usize) -> u32 {
        self.m.outputs().counters[counter]
    }

    fn addresses(&self) -> Vec<u64> {
        self.reads.iter().map(|r| r.2).collect()
    }

    fn answered(&self) -> Vec<(u64, usize)> {
        self.answers.iter().map(|a| (a.0, a.1)).collect()
    }
}
