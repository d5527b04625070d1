//! The transmit mover against a memory that answers in order after random waits, and an MMU that answers in any order.

use super::*;
use crate::epoch::Epochs;
use crate::mmu::Answer;
use crate::{bytes_of, data_of, ones, MAX_B};
use shoal_abi::mmu::{CAUSE_NONE, CAUSE_READ_ACCESS, CAUSE_READ_PAGE};
use shoal_abi::profile::{HYPER, MID, TINY};
use shoal_abi::regs::RESP_SLVERR;
use shoal_abi::stream::{TUSER_ABORT, TUSER_WRITABLE};
use std::collections::VecDeque;

struct Bench {
    p: &'static Profile,
    tx: Tx,
    seed: u32,
    epochs: Epochs,
    reads: VecDeque<(Address, u64)>,
    bad: Option<u64>,
    fault: Option<u64>,
    /// Requests that the MMU has taken.
    taken: Vec<Request>,
    beats: Vec<StreamBeat>,
    done: Vec<TxDone>,
    /// The core takes no end of a packet.
    busy: bool,
}

/// The byte at `a`.
fn byte(a: u64) -> u8 {
    (a.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

impl Bench {
    fn new(p: &'static Profile, seed: u32) -> Self {
        let reads = VecDeque::new();
        Self {
            p,
            tx: Tx::new(p),
            seed,
            epochs: Epochs::default(),
            reads,
            bad: None,
            fault: None,
            taken: vec![],
            beats: vec![],
            done: vec![],
            busy: false,
        }
    }

    fn rand(&mut self) -> u32 {
        self.seed = self
            .seed
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        self.seed >> 8
    }

    fn beat(&mut self) -> Option<RBeat> {
        let b = self.p.beat_bytes() as u64;
        let (a, next) = self.reads.front_mut()?;
        let size = 1 << a.size;
        let at = a.addr + size * *next;
        assert!(at % size == 0 && (size == b || a.len == 0));
        // Each byte on its lane.
        let mut data = [0; MAX_B];
        for k in at..at + size {
            data[(k % b) as usize] = byte(k);
        }
        let last = *next == u64::from(a.len);
        let resp = if self.bad.is_some_and(|x| (at..at + size).contains(&x)) {
            RESP_SLVERR
        } else {
            0
        };
        let r = RBeat {
            id: a.id,
            data: data_of(&data),
            resp,
            last,
        };
        *next += 1;
        if last {
            self.reads.pop_front();
        }
        Some(r)
    }

    fn tick(&mut self) {
        let x = self.rand();
        let r = if x & 3 != 0 { self.beat() } else { None };
        let fault = self.fault;
        let taken = self.tx.request().filter(|_| x & 4 != 0);
        let due = !self.taken.is_empty() && x & 8 != 0;
        let answer = due.then(|| {
            let n = x as usize % self.taken.len();
            let q = self.taken.swap_remove(n);
            if fault.is_some_and(|f| f >> 12 == q.va >> 12) {
                Answer {
                    cause: CAUSE_READ_PAGE,
                    tag: q.tag,
                    ..Answer::default()
                }
            } else {
                Answer {
                    cause: 0,
                    address: q.va,
                    user: 0,
                    tag: q.tag,
                }
            }
        });
        let ar = self.tx.read_request(self.p).filter(|_| x & 8 != 0);
        if let Some(a) = ar {
            let size = 1 << a.size;
            assert_eq!(a.addr % size, 0);
            assert_eq!(
                a.addr >> 8,
                (a.addr + size * u64::from(a.len)) >> 8,
                "256-byte blocks"
            );
            self.reads.push_back((a, 0));
        }
        let tready = x & 0x30 != 0;
        if tready {
            self.beats.extend(self.tx.out.front());
        }
        let xlat = Xlat {
            taken: taken.is_some(),
            answer,
        };
        self.taken.extend(taken);
        let edge = Edge {
            xlat,
            granted: ar.is_some(),
            r: r.as_ref(),
            tready,
            cur: self.epochs.cur(),
        };
        if x & 0x1c0 == 0 && !self.busy {
            self.done.extend(self.tx.done.pop());
        }
        let mut ends = Ends::default();
        let starts = self.tx.tick(self.p, &edge, &mut ends);
        self.epochs.tick(starts, ends, x & 0xf00 == 0);
    }

    /// Sends one packet of the segments; the beats and the end.
    fn packet(&mut self, segments: &[(u64, u32)], abort: bool) -> (Vec<StreamBeat>, TxDone) {
        let side = Side {
            dest: 5,
            tid: 1,
            user: 0x42,
        };
        let mut ops: VecDeque<TxOp> = segments
            .iter()
            .map(|&(va, len)| TxOp {
                data: Some(TxData { asid: 1, va, len }),
                end: None,
                side,
            })
            .collect();
        let end = Some(TxEnd {
            writable: 77,
            abort,
        });
        // The end comes with the last data or alone.
        let with_data = self.rand() & 1 == 0;
        match ops.back_mut().filter(|_| with_data) {
            Some(op) => op.end = end,
            None => ops.push_back(TxOp {
                data: None,
                end,
                side,
            }),
        }
        for _ in 0..200_000 {
            if self.tx.ops.len() < self.p.tx_ops {
                if let Some(op) = ops.pop_front() {
                    self.tx.ops.push(op);
                }
            }
            self.tick();
            if self.beats.last().is_some_and(|b| b.last) && !self.done.is_empty() {
                assert!(self.epochs.none(), "every access that started has ended");
                return (std::mem::take(&mut self.beats), self.done.remove(0));
            }
        }
        panic!("packet does not end");
    }
}

fn bytes(p: &Profile, beats: &[StreamBeat]) -> Vec<u8> {
    let b = p.beat_bytes();
    let mut out = Vec::new();
    for (k, beat) in beats.iter().enumerate() {
        let n = beat.keep.count_ones() as usize;
        assert_eq!(beat.keep, ones(n));
        assert_eq!(beat.last, k + 1 == beats.len());
        assert!(beat.last || n == b, "only the last beat is short");
        let data = bytes_of(&beat.data);
        assert!(data[n..].iter().all(|x| *x == 0), "unused bytes are 0");
        out.extend_from_slice(&data[..n]);
    }
    out
}

#[test]
fn random_segments_come_out_as_one_contiguous_packet() {
    for p in [&TINY, &MID, &HYPER] {
        let mut b = Bench::new(p, 3);
        for n in 0..300 {
            let count = b.rand() % 6;
            let segments: Vec<(u64, u32)> = (0..count)
                .map(|_| {
                    (
                        u64::from(b.rand() % 0x8000),
                        b.rand() % 600 * (b.rand() % 3),
                    )
                })
                .collect();
            let (beats, done) = b.packet(&segments, false);
            let want: Vec<u8> = segments
                .iter()
                .flat_map(|&(va, len)| (va..va + u64::from(len)).map(byte))
                .collect();
            assert_eq!(bytes(p, &beats), want, "packet {n}");
            assert_eq!(
                done,
                TxDone {
                    slot: 0x42 & ((1 << p.slot_w) - 1),
                    ..TxDone::default()
                }
            );
            let last = beats.last().expect("at least one");
            assert_eq!(
                (
                    TUSER_WRITABLE.get(last.side.user),
                    TUSER_ABORT.get(last.side.user)
                ),
                (77, 0)
            );
            assert!(beats[..beats.len() - 1].iter().all(|b| b.side.user == 0x42));
        }
    }
}

#[test]
fn faults_end_the_packet_with_abort_and_the_first_cause() {
    let mut b = Bench::new(&MID, 8);
    b.bad = Some(0x1100);
    let (beats, done) = b.packet(&[(0x10f3, 40), (0x2000, 5)], false);
    assert_eq!(
        done,
        TxDone {
            slot: 2,
            cause: CAUSE_READ_ACCESS,
            iova: 0x1100
        }
    );
    assert_eq!(bytes(&MID, &beats).len(), 45);
    assert_eq!(
        beats.last().map(|b| b.side.user),
        Some(0x42 | TUSER_ABORT.put(1))
    );
    b.fault = Some(0x2000);
    let (beats, done) = b.packet(&[(0x1ff0, 40), (0x3000, 5)], false);
    assert_eq!(
        done,
        TxDone {
            slot: 2,
            cause: CAUSE_READ_PAGE,
            iova: 0x2000
        }
    );
    assert_eq!(
        bytes(&MID, &beats).len(),
        16,
        "what follows the fault is left out"
    );
    let (beats, done) = b.packet(&[], true);
    assert_eq!((beats.len(), beats[0].keep, done.cause), (1, 0, CAUSE_NONE));
    assert_eq!(TUSER_ABORT.get(beats[0].side.user), 1);
}

#[test]
fn a_fault_ends_a_long_chain_at_once() {
    let side = Side::default();
    let end = Some(TxEnd::default());
    for with_data in [true, false] {
        let mut b = Bench::new(&TINY, 5);
        b.fault = Some(0x1000);
        let data = Some(TxData {
            asid: 1,
            va: 0x1f00,
            len: 8 << 20,
        });
        let long = TxOp {
            data,
            end: end.filter(|_| with_data),
            side,
        };
        b.tx.ops.push(long);
        if !with_data {
            let data = None;
            b.tx.ops.push(TxOp { data, end, side });
        }
        // The packet behind it is whole.
        let data = Some(TxData {
            asid: 1,
            va: 0x3000,
            len: 900,
        });
        b.tx.ops.push(TxOp { data, end, side });
        let cycles = (0..100_000)
            .take_while(|_| {
                b.tick();
                b.done.len() < 2
            })
            .count();
        assert!(cycles < 1000, "{cycles} cycles");
        let causes: Vec<_> = b.done.iter().map(|d| (d.cause, d.iova)).collect();
        assert_eq!(causes, [(CAUSE_READ_PAGE, 0x1f00), (CAUSE_NONE, 0)]);
        let first = b.beats.iter().position(|b| b.last).expect("an end");
        assert_eq!(b.beats[first].keep, 0);
        let want: Vec<u8> = (0x3000..0x3000 + 900).map(byte).collect();
        assert_eq!(bytes(&TINY, &b.beats[first + 1..]), want);
    }
}

#[test]
fn a_burst_a_cycle_is_asked_for_and_read_while_there_is_room() {
    let mut b = Bench::new(&MID, 1);
    let side = Side::default();
    let data = |va, len| TxOp {
        data: Some(TxData { asid: 1, va, len }),
        end: None,
        side,
    };
    let p = b.p;
    b.tx.ops.push(data(0x1000, 0x10000));
    let (mut asked, mut granted) = (vec![], vec![]);
    for cycle in 0..200_u64 {
        let request = b.tx.request();
        asked.extend(request.map(|_| cycle));
        let answer = b.taken.pop().map(|q| Answer {
            address: q.va,
            tag: q.tag,
            ..Answer::default()
        });
        b.taken.extend(request);
        let ar = b.tx.read_request(p);
        granted.extend(ar.map(|_| cycle));
        let edge = Edge {
            xlat: Xlat {
                taken: request.is_some(),
                answer,
            },
            granted: ar.is_some(),
            r: None,
            tready: false,
            cur: 0,
        };
        b.tx.tick(p, &edge, &mut Ends::default());
    }
    // FIFO, Work, ring: the first item is up in 2, its answer in 3, its read in 4.
    assert_eq!((asked[0], asked.len()), (2, p.tx_items));
    assert!(asked.windows(2).all(|w| w[1] == w[0] + 1));
    let reads = p.tx_beats / (BURST as usize / p.beat_bytes());
    assert_eq!((granted[0], granted.len()), (4, reads));
    assert!(granted.windows(2).all(|w| w[1] == w[0] + 1));
}

#[test]
fn no_end_is_lost_while_the_core_is_busy() {
    let mut b = Bench::new(&TINY, 3);
    let packets = 4 << TINY.slot_w;
    let mut left = packets;
    for cycle in 0..10_000 {
        if left > 0 && b.tx.ops.len() < TINY.tx_ops {
            left -= 1;
            b.tx.ops.push(TxOp {
                end: Some(TxEnd::default()),
                ..TxOp::default()
            });
        }
        b.busy = cycle < 2000;
        b.tick();
    }
    assert_eq!(b.done.len(), packets);
}

#[test]
fn a_read_asks_for_no_more_of_a_beat_than_it_needs() {
    // Bytes from address, and the reads {address, beats, bytes of a beat} on a bus of 64 bytes.
    type Reads = &'static [(u64, u32, u32)];
    let cases: [(u64, u32, Reads); 8] = [
        (0x1000, 72, &[(0x1000, 1, 64), (0x1040, 1, 8)]),
        (0x1000, 80, &[(0x1000, 1, 64), (0x1040, 1, 16)]),
        (0x1000, 81, &[(0x1000, 2, 64)]),
        (0x1000, 64, &[(0x1000, 1, 64)]),
        (0x1008, 8, &[(0x1008, 1, 8)]),
        (0x1001, 1, &[(0x1001, 1, 1)]),
        (0x103c, 8, &[(0x103c, 1, 4), (0x1040, 1, 4)]),
        (0x101f, 2, &[(0x1000, 1, 64)]),
    ];
    for (va, len, want) in cases {
        let n = burst_bytes(va, len);
        let tail = tail_bytes(&HYPER, &Burst { asid: 0, va, n });
        let parts = [(va, n - tail), (va + u64::from(n - tail), tail)];
        let read = |&(at, n): &(u64, u32)| {
            let size = beat_size(&HYPER, at, n);
            (at >> size << size, burst_beats(&HYPER, at, n), 1 << size)
        };
        let reads: Vec<_> = parts.iter().filter(|part| part.1 > 0).map(read).collect();
        assert_eq!(reads, want, "{len} bytes from {va:#x}");
    }
    for p in [&TINY, &MID] {
        let burst = Burst {
            asid: 0,
            va: 0x1000,
            n: 0x81,
        };
        assert_eq!(tail_bytes(p, &burst), 0);
    }
}
