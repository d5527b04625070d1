//! The admin queue against a memory, and a core that answers a command after some cycles with the bytes of it.

mod chains;
mod faults;
mod pipeline;

use super::*;
use crate::axi_rd::Id;
use shoal_abi::profile::{DATA_WORDS, MID, TINY};
use shoal_abi::regs as abi;
use shoal_abi::regs::RESP_SLVERR;
use shoal_abi::ring::*;
use std::collections::{HashMap, VecDeque};

const SIZE: u16 = 8;
const DESC: u64 = 0x1000;
const DRIVER: u64 = 0x2000;
const DEVICE: u64 = 0x3004;
const COMMANDS: u64 = 0x1_0000;
const ANSWERS: u64 = 0x2_0000;
const ANSWER: usize = 24;

/// What the core does in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Core {
    Idle,
    Exec(u32),
    Scatter,
}

struct Bench {
    q: AdminQueue,
    regs: Regs,
    cycle: u64,
    latency: u64,
    mem: HashMap<u64, u8>,
    /// Reads and writes of these words answer SLVERR.
    bad: Vec<u64>,
    reads: VecDeque<(u64, u64, u8)>,
    writes: VecDeque<(u64, bool)>,
    /// No write is granted.
    stalled: bool,
    core: Core,
    /// Cycles of an execution.
    exec: u32,
    answer: Vec<u8>,
    /// Commands executed, and the cycle of each.
    executed: Vec<([u8; COMMAND_BYTES], u64)>,
    /// Word addresses read, and the cycle of each grant.
    read_at: Vec<(u64, u64)>,
    counted: u32,
    raised: Vec<u8>,
    faulted: bool,
    /// Chains made available.
    avail: u16,
}

impl Bench {
    fn new(p: &'static Profile) -> Self {
        let mut regs = Regs::new();
        let mut set = |reg: abi::Reg, value: u32| regs.write(p, reg.offset, value, 15);
        set(abi::QUEUE_SIZE_VECTOR, u32::from(SIZE) | 1 << 16);
        set(abi::CONFIG_VECTOR_NUM_QUEUES, 2);
        set(abi::QUEUE_DESC_LO, DESC as u32);
        set(abi::QUEUE_DRIVER_LO, DRIVER as u32);
        set(abi::QUEUE_DEVICE_LO, DEVICE as u32);
        set(abi::QUEUE_ENABLE_NOTIFY_OFF, 1);
        (regs.status, regs.ready) = (S_DRIVER_OK, true);
        Self {
            q: AdminQueue::new(p),
            regs,
            cycle: 0,
            latency: 20,
            mem: HashMap::new(),
            bad: vec![],
            reads: VecDeque::new(),
            writes: VecDeque::new(),
            stalled: false,
            core: Core::Idle,
            exec: 30,
            answer: vec![],
            executed: vec![],
            read_at: vec![],
            counted: 0,
            raised: vec![],
            faulted: false,
            avail: 0,
        }
    }

    fn put(&mut self, at: u64, bytes: &[u8]) {
        for (a, b) in (at..).zip(bytes) {
            self.mem.insert(a, *b);
        }
    }

    fn get(&self, at: u64, n: usize) -> Vec<u8> {
        let byte = |a| self.mem.get(&a).copied().unwrap_or(0);
        (at..at + n as u64).map(byte).collect()
    }

    fn desc(&mut self, at: u64, addr: u64, len: usize, flags: u16, next: u16) {
        self.put(at, &addr.to_le_bytes());
        self.put(at + 8, &(len as u32).to_le_bytes());
        self.put(at + 12, &flags.to_le_bytes());
        self.put(at + 14, &next.to_le_bytes());
    }

    /// Makes the chain at `head` available, without a kick.
    fn available(&mut self, head: u16) {
        let at = u64::from(self.avail % SIZE);
        self.put(DRIVER + AVAIL_RING + 2 * at, &head.to_le_bytes());
        self.avail += 1;
        let idx = self.avail;
        self.put(DRIVER + AVAIL_IDX, &idx.to_le_bytes());
    }

    /// A command whose bytes are `n`, with room for an answer, in descriptors 2 n and 2 n + 1 (modulo the size).
    fn command(&mut self, n: u16) {
        let (head, at) = (2 * n % SIZE, u64::from(n));
        self.put(COMMANDS + 256 * at, &[n as u8 + 1; COMMAND_BYTES]);
        let desc = DESC + DESC_BYTES * u64::from(head);
        self.desc(
            desc,
            COMMANDS + 256 * at,
            COMMAND_BYTES,
            DESC_F_NEXT,
            head + 1,
        );
        self.desc(
            desc + DESC_BYTES,
            ANSWERS + 256 * at,
            ANSWER,
            DESC_F_WRITE,
            0,
        );
        self.available(head);
    }

    fn used_idx(&self) -> u16 {
        let b = self.get(DEVICE + USED_IDX, 2);
        u16::from_le_bytes([b[0], b[1]])
    }

    /// Head and length of used element `n`.
    fn used(&self, n: u16) -> (u32, u32) {
        let at = DEVICE + USED_RING + USED_ELEM_BYTES * u64::from(n % SIZE);
        let b = self.get(at, 8);
        let half = |k: usize| u32::from_le_bytes([b[k], b[k + 1], b[k + 2], b[k + 3]]);
        (half(0), half(4))
    }

    fn r(&mut self) -> Option<RBeat> {
        let due = self.reads.front().is_some_and(|r| r.1 <= self.cycle);
        let (addr, _, word) = due.then(|| self.reads.pop_front()).flatten()?;
        let mut data = [0; DATA_WORDS];
        let lane = (addr / 8) as usize % self.q.p.lanes();
        let bytes = self.get(addr, 8);
        data[lane] = bytes.iter().rev().fold(0, |v, b| v << 8 | u64::from(*b));
        let id = Id::Admin { word };
        let resp = if self.bad.contains(&addr) {
            RESP_SLVERR
        } else {
            0
        };
        Some(RBeat {
            id,
            data,
            resp,
            last: true,
        })
    }

    fn b(&mut self) -> Option<BResp> {
        let due = self.writes.front().is_some_and(|w| w.0 <= self.cycle);
        let (_, bad) = due.then(|| self.writes.pop_front()).flatten()?;
        let id = Id::Admin { word: 0 };
        let resp = if bad { RESP_SLVERR } else { 0 };
        Some(BResp { id, resp })
    }

    fn tick(&mut self) {
        let (r, b) = (self.r(), self.b());
        let core = Port {
            idle: self.core == Core::Idle,
            scatter: self.core == Core::Scatter,
            answer: &self.answer,
        };
        let read = self.q.read_request(&self.regs);
        let write = self.q.write_request(&self.regs, &core);
        let write = write.filter(|_| !self.stalled);
        let said = self.q.tick(&Edge {
            regs: &self.regs,
            core,
            read_granted: read.is_some(),
            write_granted: write.is_some(),
            r: r.as_ref(),
            b: b.as_ref(),
        });
        if let Some(a) = read {
            let Id::Admin { word } = a.id else {
                panic!("a read of another kind: {a:?}");
            };
            assert_eq!((a.size, a.len), (3, 0));
            self.reads
                .push_back((a.addr, self.cycle + self.latency, word));
            self.read_at.push((a.addr, self.cycle));
        }
        if let Some(w) = write {
            let admin = Id::Admin { word: 0 };
            assert_eq!((w.aw.id, w.aw.len, w.aw.addr % 8), (admin, 0, 0));
            for (k, byte) in w.small.bytes[..w.small.n].iter().enumerate() {
                self.mem.insert(w.small.at + k as u64, *byte);
            }
            let bad = self.bad.contains(&w.aw.addr);
            self.writes.push_back((self.cycle + self.latency, bad));
        }
        self.core = match self.core {
            Core::Scatter if said.answered || !self.regs.live() => Core::Idle,
            Core::Exec(0) => Core::Scatter,
            Core::Exec(n) => Core::Exec(n - 1),
            c => c,
        };
        if let Some(command) = said.exec {
            self.executed.push((command, self.cycle));
            self.answer = command[..ANSWER].to_vec();
            self.core = Core::Exec(self.exec);
        }
        if said.kick {
            self.regs.admin_kick = false;
        }
        if said.fault {
            self.regs.status |= S_NEEDS_RESET;
            self.faulted = true;
        }
        self.counted += u32::from(said.count);
        self.raised.extend((said.raise != 0).then_some(said.raise));
        self.cycle += 1;
    }

    /// A kick, and some cycles.
    fn run(&mut self, cycles: u64) {
        self.regs.admin_kick = true;
        for _ in 0..cycles {
            self.tick();
        }
    }
}
