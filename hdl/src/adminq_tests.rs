//! The queue from the available ring to the used ring, with a host memory that answers when it likes and a core that
//! executes slowly.

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::util::{number, settle};
use shoal_abi::profile::TINY;
use shoal_abi::ring::{DESC_F_INDIRECT as INDIRECT, DESC_F_NEXT as NEXT, DESC_F_WRITE as WRITE};

const DESC: u64 = 0x1000;
const AVAIL: u64 = 0x2006;
const USED: u64 = 0x3004;
const SIZE: u16 = 16;
/// Cycles of an execution.
const EXECUTION: usize = 40;

#[derive(Clone, Copy, PartialEq)]
enum CoreStage {
    Idle,
    Exec(usize),
    Scatter,
}

struct Bench {
    q: Adminq,
    memory: BTreeMap<u64, u8>,
    reads: [VecDeque<u64>; 2],
    writes: usize,
    granted: bool,
    core: CoreStage,
    command: Vec<u8>,
    answer: Vec<u8>,
    executed: Vec<Vec<u8>>,
    index: u16,
    failed: usize,
    raised: usize,
    counted: usize,
    /// Most commands asked for before the first of them was executed.
    ahead: usize,
    bad_read: Option<u64>,
    bad_write: bool,
    hold_writes: bool,
    hold_reads: bool,
    n: u64,
}

impl Bench {
    fn new() -> Self {
        let mut q = Adminq::new(&TINY);
        q.connect_all();
        let mut b = Self {
            q,
            memory: BTreeMap::new(),
            reads: [VecDeque::new(), VecDeque::new()],
            writes: 0,
            granted: false,
            core: CoreStage::Idle,
            command: Vec::new(),
            answer: vec![0; 136],
            executed: Vec::new(),
            index: 0,
            failed: 0,
            raised: 0,
            counted: 0,
            ahead: 0,
            bad_read: None,
            bad_write: false,
            hold_writes: false,
            hold_reads: false,
            n: 0,
        };
        b.q.reset.next = true;
        b.q.adm_desc.next = DESC.into();
        b.q.adm_driver.next = AVAIL.into();
        b.q.adm_device.next = USED.into();
        b.q.adm_size.next = u64::from(SIZE).into();
        b.cycle();
        b.q.reset.next = false;
        b.q.live.next = true;
        b.q.ready.next = true;
        b
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        self.memory
            .extend(bytes.iter().enumerate().map(|(n, b)| (at + n as u64, *b)));
    }

    fn read(&self, at: u64, n: usize) -> Vec<u8> {
        (at..at + n as u64)
            .map(|a| self.memory.get(&a).copied().unwrap_or(0xaa))
            .collect()
    }

    /// One clock cycle.
    fn cycle(&mut self) {
        self.n += 1;
        self.q.adm_idle.next = self.core == CoreStage::Idle;
        self.q.adm_scatter.next = self.core == CoreStage::Scatter;
        self.q.ar_grant.next = false;
        self.q.w_grant.next = false;
        // Words come late, those of one kind in order.
        let kind = usize::from(self.n % 5 < 2);
        let word = if self.n.is_multiple_of(3) || self.hold_reads {
            None
        } else {
            self.reads[kind].pop_front()
        };
        self.q.ctl_r_valid.next = word.is_some() && kind == 0;
        self.q.data_r_valid.next = word.is_some() && kind == 1;
        if let Some(at) = word {
            let lane = [self.q.ctl_lane.val(), self.q.data_lane.val()][kind];
            assert_eq!(number(lane) as u64, (at >> 3) & 7, "lane of {at:#x}");
            let bytes = self.read(at, 8).try_into().expect("8 bytes");
            self.q.r_data.next = u64::from_le_bytes(bytes).into();
            self.q.r_bad.next = self.bad_read == Some(at);
        }
        let done = self.writes > 0 && self.n.is_multiple_of(7);
        self.writes -= usize::from(done);
        self.q.b_valid.next = done;
        self.q.b_bad.next = self.bad_write;
        if let CoreStage::Exec(cycle) = self.core {
            self.q.cmd_addr.next = (cycle as u64 & 15).into();
        }
        settle(&mut self.q);
        if self.q.ar_req.val() && self.n % 4 != 1 {
            self.q.ar_grant.next = true;
            let at = number(self.q.ar_addr.val());
            assert!(at % 8 == 0, "{at:#x}");
            self.reads[usize::from(self.q.ar_word.val())].push_back(at as u64);
        }
        // The arbiter has an owner in the cycle after a grant.
        self.granted = self.q.w_req.val() && !self.granted && !self.hold_writes && self.n % 4 != 2;
        if self.granted {
            self.q.w_grant.next = true;
            let at = number(self.q.w_addr.val()) as u64;
            let strb = number(self.q.w_strb.val());
            for (i, byte) in (number(self.q.w_data.val()) as u64)
                .to_le_bytes()
                .into_iter()
                .enumerate()
            {
                if strb >> i & 1 == 1 {
                    self.write(at + i as u64, &[byte]);
                } else {
                    assert_eq!(byte, 0, "a byte without strobe");
                }
            }
            self.writes += 1;
        }
        settle(&mut self.q);
        let from = number(self.q.ans_at.val()) as usize;
        let (begin, end) = (self.q.exec_begin.val(), self.q.answer_done.val());
        let seen = self.q.kick_clear.val();
        self.failed += usize::from(self.q.needs_reset_set.val());
        assert_eq!(self.q.needs_reset_set.val(), self.q.raise_config.val());
        self.raised += usize::from(self.q.raise_queue.val());
        self.counted += usize::from(self.q.cnt_admin_inc.val());
        let fails = self.q.needs_reset_set.val();
        crate::edge!(self.q);
        if seen {
            self.q.kick.next = false;
        }
        if fails {
            self.q.live.next = false;
            self.core = CoreStage::Idle;
        }
        let bytes = self.answer[from..from + 8].try_into().expect("8 bytes");
        self.q.ans_data.next = u64::from_le_bytes(bytes).into();
        match self.core {
            CoreStage::Idle if begin && !fails => {
                self.ahead = self.ahead.max(number(self.q.count.fetch.val()) as usize);
                self.command.clear();
                self.core = CoreStage::Exec(0);
            }
            CoreStage::Exec(cycle) => {
                if cycle < 16 {
                    let word = number(self.q.cmd_data.val()) as u64;
                    self.command.extend(word.to_le_bytes());
                }
                self.core = CoreStage::Exec(cycle + 1);
                if cycle == EXECUTION {
                    self.execute();
                    self.core = CoreStage::Scatter;
                }
            }
            CoreStage::Scatter if end => self.core = CoreStage::Idle,
            _ => {}
        }
    }

    /// The answer: as many bytes as byte 0 of the command says, from byte 1 on counting up.
    fn execute(&mut self) {
        self.q.answer_len.next = u64::from(self.command[0].max(8)).into();
        for n in 0..128 {
            self.answer[n] = self.command[1].wrapping_add(n as u8);
        }
        self.executed.push(self.command.clone());
    }

    fn desc(&mut self, at: u64, va: u64, len: u32, flags: u16, next: u16) {
        self.write(at, &va.to_le_bytes());
        self.write(at + 8, &len.to_le_bytes());
        self.write(at + 12, &flags.to_le_bytes());
        self.write(at + 14, &next.to_le_bytes());
    }

    /// Makes the chain at `head` available.
    fn offer(&mut self, head: u16) {
        let at = AVAIL + 4 + 2 * u64::from(self.index % SIZE);
        self.write(at, &head.to_le_bytes());
        self.index = self.index.wrapping_add(1);
        let index = self.index.to_le_bytes();
        self.write(AVAIL, &[0, 0]);
        self.write(AVAIL + 2, &index);
        self.q.kick.next = true;
    }

    /// A command of `bytes`, in two pieces, whose answer goes into two; descriptors `head`..`head` + 4.
    fn put(&mut self, head: u16, bytes: &[u8], first: usize, answer_at: u64) {
        let at = 0x1_0000 + 0x1003 * u64::from(head);
        let table = DESC + 16 * u64::from(head);
        self.write(at, bytes);
        self.desc(table, at, first as u32, NEXT, head + 1);
        self.desc(
            table + 16,
            at + first as u64,
            (bytes.len() - first) as u32,
            NEXT,
            head + 2,
        );
        self.desc(table + 32, answer_at, 5, NEXT | WRITE, head + 3);
        self.desc(table + 48, answer_at + 5, 200, WRITE, 0);
        self.offer(head);
    }

    fn run(&mut self, cycles: usize) {
        for _ in 0..cycles {
            self.cycle();
        }
    }

    /// Head and length of used element `n`.
    fn used(&self, n: u64) -> (u8, u8) {
        let e = self.read(USED + 4 + 8 * n, 8);
        assert_eq!([e[1], e[2], e[3], e[5], e[6], e[7]], [0; 6]);
        (e[0], e[4])
    }

    fn used_index(&self) -> Vec<u8> {
        self.read(USED + 2, 2)
    }
}

fn command(seed: u8, bytes: usize, answer: u8) -> Vec<u8> {
    let mut c: Vec<u8> = (0..bytes)
        .map(|n| (n as u8).wrapping_mul(seed | 1) ^ seed)
        .collect();
    c[0] = answer;
    c[1] = seed;
    c
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(128, 0);
    bytes
}

#[test]
fn commands_are_gathered_ahead_and_answered_in_ring_order() {
    let mut b = Bench::new();
    let answer_at = |n: u64| 0x4_0000 + 0x107 * n;
    let all: Vec<_> = (0..3u8)
        .map(|n| {
            command(
                17 * n + 3,
                [24, 128, 61][usize::from(n)],
                [8, 128, 77][usize::from(n)],
            )
        })
        .collect();
    for round in 0..3u64 {
        let seen = b.executed.len();
        for (n, c) in all.iter().enumerate() {
            b.put(
                4 * n as u16,
                c,
                [5, 77, 8][n],
                answer_at(3 * round + n as u64),
            );
        }
        b.run(1800);
        assert_eq!(b.failed, 0);
        let want: Vec<_> = all.iter().cloned().map(padded).collect();
        assert_eq!(b.executed[seen..], want);
        for (n, c) in all.iter().enumerate() {
            let at = 3 * round + n as u64;
            assert_eq!(b.used(at), (4 * n as u8, c[0]), "element {at}");
            let got = b.read(answer_at(at), usize::from(c[0]) + 1);
            let last = got.len() - 1;
            assert!(
                (0..last).all(|i| got[i] == c[1].wrapping_add(i as u8)),
                "{got:x?}"
            );
            assert_eq!(got[last], 0xaa, "written beyond the answer");
        }
        assert_eq!(b.used_index(), b.index.to_le_bytes());
        assert_eq!(b.counted, usize::from(b.index));
        assert!(b.q.quiet.val());
    }
    assert!(b.ahead >= 2, "nothing was asked for ahead");
    assert!((1..=9).contains(&b.raised));
}

#[test]
fn no_more_commands_are_asked_for_than_there_are_slots() {
    let mut b = Bench::new();
    for n in 0..4 {
        b.put(4 * n, &command(9, 24, 16), 11, 0x4_0000);
        b.offer(4 * n);
    }
    b.hold_writes = true;
    b.run(900);
    assert_eq!(b.executed.len(), 1);
    assert_eq!(number(b.q.count.fetch.val()), TINY.admin_slots as u128);
    b.hold_writes = false;
    b.run(3000);
    assert_eq!(b.executed.len(), 8);
    assert_eq!(b.used_index(), [8, 0]);
}

#[test]
fn a_chain_without_room_for_an_answer_runs_nothing_and_has_length_0() {
    let mut b = Bench::new();
    b.put(0, &command(3, 24, 16), 7, 0x4_0000);
    b.write(0x5_0000, &[1; 24]);
    b.desc(DESC + 16 * 4, 0x5_0000, 24, 0, 0);
    b.offer(4);
    b.put(8, &command(5, 24, 12), 7, 0x4_1000);
    // The one behind it is executed while nothing can be written.
    while b.core != CoreStage::Idle || b.executed.is_empty() {
        b.cycle();
    }
    b.hold_writes = true;
    b.run(300);
    assert!(b.core == CoreStage::Scatter);
    b.hold_writes = false;
    b.run(900);
    assert_eq!(
        b.executed,
        [command(3, 24, 16), command(5, 24, 12)].map(padded)
    );
    assert_eq!(
        [b.used(0), b.used(1), b.used(2)],
        [(0, 16), (4, 0), (8, 12)]
    );
    assert_eq!(b.read(0x4_1000, 13)[11..], [16, 0xaa]);
    assert_eq!(b.used_index(), [3, 0]);
}

#[test]
fn an_indirect_table_may_hold_the_chain() {
    let mut b = Bench::new();
    let c = command(7, 40, 20);
    b.write(0x6_0003, &c);
    b.desc(DESC + 16 * 2, 0x7_0008, 48, INDIRECT, 0);
    b.desc(0x7_0008, 0x6_0003, 40, NEXT, 2);
    b.desc(0x7_0018, 0x4_0100, 64, WRITE, 0);
    b.desc(0x7_0028, 0x4_0001, 9, WRITE | NEXT, 1);
    b.offer(2);
    b.run(700);
    assert_eq!(b.executed, [padded(c)]);
    assert_eq!(b.used(0), (2, 20));
    assert_eq!(
        b.read(0x4_0001, 10),
        [7, 8, 9, 10, 11, 12, 13, 14, 15, 0xaa]
    );
    assert_eq!(
        b.read(0x4_0100, 12),
        [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 0xaa]
    );
}

#[test]
fn a_bad_chain_stops_the_queue_after_those_before_it() {
    type Spoil = fn(&mut Bench);
    let ways: [(&str, Spoil); 9] = [
        ("head out of range", |b| b.offer(SIZE)),
        ("next out of range", |b| {
            b.desc(DESC + 64, 0x9000, 8, NEXT, SIZE)
        }),
        ("readable after writable", |b| {
            b.run(600);
            b.desc(DESC + 64, 0x9000, 5, WRITE | NEXT, 5);
            b.desc(DESC + 80, 0x9000, 24, 0, 0);
        }),
        ("loop", |b| b.desc(DESC + 64, 0x9000, 0, NEXT, 4)),
        ("table in a table", |b| {
            b.desc(DESC + 64, 0x9000, 16, INDIRECT, 0);
            b.desc(0x9000, 0x9000, 16, INDIRECT, 0);
        }),
        ("table and next", |b| {
            b.desc(DESC + 64, 0x9000, 16, INDIRECT | NEXT, 5)
        }),
        ("table of 24 bytes", |b| {
            b.desc(DESC + 64, 0x9000, 24, INDIRECT, 0)
        }),
        ("table at an odd address", |b| {
            b.desc(DESC + 64, 0x9004, 16, INDIRECT, 0)
        }),
        ("descriptor unreadable", |b| {
            b.bad_read = Some(DESC + 64 + 8)
        }),
    ];
    for (name, spoil) in ways {
        let mut b = Bench::new();
        b.put(0, &command(3, 24, 16), 7, 0x4_0000);
        spoil(&mut b);
        if b.index == 1 {
            b.offer(4);
        }
        b.run(1500);
        assert_eq!(b.failed, 1, "{name}");
        let ran = b.executed.len();
        // Only a chain that is found to be bad in its writable part has run.
        assert_eq!(
            ran,
            if name == "readable after writable" {
                2
            } else {
                1
            },
            "{name}"
        );
        assert_eq!(b.used_index(), [1, 0], "{name}");
        assert!(b.q.quiet.val(), "{name}");
    }
}

#[test]
fn bad_responses_stop_the_queue() {
    // A word of the command; `avail.idx` and the entry; `avail.flags`.
    for (at, ran) in [(0x1_0008, 0), (AVAIL + 2, 0), (AVAIL & !7, 1)] {
        let mut b = Bench::new();
        b.put(0, &command(3, 24, 16), 7, 0x4_0000);
        b.bad_read = Some(at);
        b.run(900);
        assert_eq!((b.failed, b.executed.len()), (1, ran), "{at:#x}");
    }
    let mut b = Bench::new();
    b.put(0, &command(3, 24, 16), 7, 0x4_0000);
    b.bad_write = true;
    b.run(900);
    assert_eq!((b.failed, b.executed.len()), (1, 1));
}

#[test]
fn a_queue_that_is_not_live_forgets_all_but_what_is_still_to_come() {
    let mut b = Bench::new();
    b.hold_reads = true;
    b.put(0, &command(3, 24, 16), 7, 0x4_0000);
    b.run(40);
    assert!(!b.q.quiet.val() && b.q.count.idx_read.val());
    b.q.live.next = false;
    b.run(5);
    assert!(!b.q.quiet.val() && !b.q.count.idx_read.val());
    b.hold_reads = false;
    b.run(30);
    assert!(b.q.quiet.val());
    // Another life begins at entry 0.
    b.index = 0;
    b.q.live.next = true;
    b.put(0, &command(5, 24, 16), 7, 0x4_0000);
    b.run(900);
    assert_eq!(b.executed, [padded(command(5, 24, 16))]);
    assert_eq!(b.used_index(), [1, 0]);
}
