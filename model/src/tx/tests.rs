//! The transmit mover against a memory that answers in the order of each id, after random waits, while epochs change.

use super::*;
use crate::mmu::Answer;
use shoal_abi::mmu::CAUSE_READ_PAGE;
use shoal_abi::profile::{HYPER, MID, TINY};
use shoal_abi::regs::RESP_SLVERR;
use std::collections::VecDeque;

struct Bench {
    p: &'static Profile,
    tx: Tx,
    seed: u32,
    epoch: u8,
    reads: VecDeque<(Address, u64)>,
    bad: Option<u64>,
    fault: Option<u64>,
    /// The request that the MMU has taken.
    taken: Option<Request>,
    beats: Vec<StreamBeat>,
    done: Vec<TxDone>,
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
            tx: Tx::new(),
            seed,
            epoch: 0,
            reads,
            bad: None,
            fault: None,
            taken: None,
            beats: vec![],
            done: vec![],
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
        // The oldest read of an id; of two ids either.
        let x = self.rand();
        let oldest = self.reads.front()?.0.id;
        let other = self.reads.iter().position(|(a, _)| a.id != oldest);
        let n = other.filter(|_| x & 1 == 0).unwrap_or(0);
        let (a, next) = self.reads.get_mut(n)?;
        let at = a.addr + b * *next;
        let mut data = [0; MAX_B];
        for (k, d) in data.iter_mut().take(b as usize).enumerate() {
            *d = byte(at + k as u64);
        }
        let last = *next == u64::from(a.len);
        let resp = if self.bad.is_some_and(|x| (at..at + b).contains(&x)) {
            RESP_SLVERR
        } else {
            0
        };
        let r = RBeat {
            id: Id::unpack(a.id),
            data: data_of(&data),
            resp,
            last,
        };
        *next += 1;
        if last {
            self.reads.remove(n);
        }
        Some(r)
    }

    fn tick(&mut self) {
        let x = self.rand();
        let r = if x & 3 != 0 { self.beat() } else { None };
        let fault = self.fault;
        let taken = self.tx.request().filter(|_| x & 4 != 0);
        let answer = self.taken.take_if(|_| x & 8 != 0).map(|q| {
            if fault.is_some_and(|f| f >> 12 == q.va >> 12) {
                Answer {
                    cause: CAUSE_READ_PAGE,
                    ..Answer::default()
                }
            } else {
                Answer {
                    cause: 0,
                    address: q.va,
                    user: 0,
                }
            }
        });
        let ar = self.tx.read_request(self.p).filter(|_| x & 8 != 0);
        if let Some(a) = ar {
            let b = self.p.beat_bytes() as u64;
            assert_eq!(a.addr % b, 0);
            assert_eq!(
                a.addr >> 8,
                (a.addr + b * u64::from(a.len)) >> 8,
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
        self.taken = self.taken.or(taken);
        let epoch = self.epoch;
        self.tx
            .tick(self.p, xlat, ar.is_some(), r.as_ref(), tready, epoch);
        self.epoch ^= u8::from(x & 0xf00 == 0);
        if x & 0x1c0 == 0 {
            self.done.extend(self.tx.done.take());
        }
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
            .map(|&(va, len)| TxOp::Data {
                asid: 1,
                va,
                len,
                side,
            })
            .collect();
        ops.push_back(TxOp::End {
            side,
            writable: 77,
            abort,
        });
        for _ in 0..200_000 {
            if self.tx.ops.len() < 8 {
                if let Some(op) = ops.pop_front() {
                    self.tx.ops.push(op);
                }
            }
            self.tick();
            if self.beats.last().is_some_and(|b| b.last) && !self.done.is_empty() {
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
            assert_eq!(done, TxDone::default());
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
