//! The receive mover against a memory, an arbiter and an MMU with random waits, and by itself cycle by cycle.

mod faults;
mod order;

use super::*;
use crate::axi_wr::AxiWr;
use crate::epoch::Epochs;
use crate::mmu::Answer;
use crate::{bytes_of, data_of, ones, MAX_B};
use shoal_abi::mmu::{CAUSE_WRITE_ACCESS, CAUSE_WRITE_PAGE};
use shoal_abi::profile::{HYPER, MID, TINY};
use shoal_abi::regs::RESP_SLVERR;
use shoal_abi::stream::TUSER_ANSWER;
use std::collections::{HashMap, VecDeque};

struct Bench {
    p: &'static Profile,
    rx: Rx,
    w: AxiWr,
    epochs: Epochs,
    /// The most accesses that ended in a cycle.
    most_ends: u32,
    seed: u32,
    /// Nobody waits but for the memory.
    fast: bool,
    mem: HashMap<u64, u8>,
    /// Bursts whose data are not yet complete, and their next beat.
    bursts: VecDeque<(Address, u64)>,
    responses: VecDeque<u8>,
    /// No response comes.
    mute: bool,
    feed: VecDeque<Inputs>,
    /// This page faults; the writes of this one are answered by an error.
    fault: Option<u64>,
    bad: Option<u64>,
    /// Requests that the MMU has taken.
    taken: Vec<Request>,
    done: Vec<RxDone>,
    /// The core takes no end of a packet.
    busy: bool,
}

impl Bench {
    fn new(p: &'static Profile, seed: u32) -> Self {
        Self {
            p,
            rx: Rx::new(p),
            w: AxiWr::default(),
            epochs: Epochs::default(),
            most_ends: 0,
            seed,
            fast: false,
            mem: HashMap::new(),
            bursts: VecDeque::new(),
            responses: VecDeque::new(),
            mute: false,
            feed: VecDeque::new(),
            fault: None,
            bad: None,
            taken: Vec::new(),
            done: Vec::new(),
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

    /// A packet for `s_axis`, with its last beat empty if `trailing`.
    fn feed(&mut self, bytes: &[u8], answer: bool, trailing: bool) {
        let b = self.p.beat_bytes();
        let beats = bytes.len().div_ceil(b).max(1);
        let n = beats + usize::from(trailing && bytes.len().is_multiple_of(b) && !bytes.is_empty());
        for k in 0..n {
            let part = &bytes[(k * b).min(bytes.len())..((k + 1) * b).min(bytes.len())];
            let mut data = [0xcc; MAX_B];
            data[..part.len()].copy_from_slice(part);
            self.feed.push_back(Inputs {
                s_axis_tvalid: true,
                s_axis_tdata: data_of(&data),
                s_axis_tkeep: ones(part.len()),
                s_axis_tlast: k + 1 == n,
                s_axis_tuser: TUSER_ANSWER.put(u64::from(answer)),
                ..Inputs::default()
            });
        }
    }

    fn tick(&mut self) {
        let x = if self.fast { 0x1_9f7f } else { self.rand() };
        let ready = self.rx.tready();
        let i = self
            .feed
            .front()
            .copied()
            .filter(|_| x & 3 != 0)
            .unwrap_or_default();
        if i.s_axis_tvalid && ready {
            self.feed.pop_front();
        }
        let request = self.rx.request().filter(|_| x & 4 != 0);
        // Any of those taken is answered.
        let answer = if self.taken.is_empty() || x & 8 == 0 {
            None
        } else {
            let at = if self.fast {
                0
            } else {
                (x >> 16) as usize % self.taken.len()
            };
            Some(self.taken.remove(at))
        };
        let faults = |q: &Request| self.fault.is_some_and(|f| f >> 12 == q.va >> 12);
        let answer = answer.map(|q| Answer {
            cause: if faults(&q) { CAUSE_WRITE_PAGE } else { 0 },
            address: if faults(&q) { 0 } else { q.va },
            user: 0,
            tag: q.tag,
        });
        let (awready, wready) = (x & 0x10 != 0, x & 0x60 != 0);
        let write = if self.w.free(awready, wready) {
            self.rx.write_request(self.p)
        } else {
            None
        };
        self.store(wready);
        let b = if x & 0x180 != 0 && !self.mute {
            self.responses.pop_front()
        } else {
            None
        };
        let b = b.map(|resp| BResp {
            id: Id::Mover,
            resp,
        });
        let edge = Edge {
            i: &i,
            up: true,
            xlat: Xlat {
                taken: request.is_some(),
                answer,
            },
            granted: write.is_some(),
            loading: self.w.loads_receive(wready),
            b: b.as_ref(),
            cur: self.epochs.cur(),
        };
        self.taken.extend(request);
        let mut ends = Ends::default();
        let (starts, payload) = self.rx.tick(self.p, &edge, &mut ends);
        self.most_ends = self.most_ends.max(ends.of(0) + ends.of(1));
        self.epochs.tick(starts, ends, x & 0xf000 == 0);
        if let Some(g) = write {
            self.bursts.push_back((g.aw, 0));
        }
        self.w.tick(self.p, write, payload, awready, wready);
        if !self.busy {
            self.done.extend(self.rx.done().front().copied());
            self.rx.pop_done();
        }
    }

    fn store(&mut self, wready: bool) {
        let (Some(w), true, Some((aw, k))) = (self.w.w().copied(), wready, self.bursts.front_mut())
        else {
            return;
        };
        let b = self.p.beat_bytes() as u64;
        assert_eq!(aw.addr >> 8, (aw.addr + u64::from(aw.len) * b) >> 8);
        let (at, data) = (aw.addr + b * *k, bytes_of(&w.data));
        for lane in 0..b {
            if w.strb >> lane & 1 == 1 {
                self.mem.insert(at + lane, data[lane as usize]);
            } else {
                assert_eq!(data[lane as usize], 0, "bytes without strobe are 0");
            }
        }
        *k += 1;
        assert_eq!(w.last, *k == u64::from(aw.len) + 1);
        if w.last {
            let bad = self.bad.is_some_and(|bad| bad >> 12 == at >> 12);
            self.bursts.pop_front();
            self.responses.push_back(if bad { RESP_SLVERR } else { 0 });
        }
    }

    fn run(&mut self, cycles: usize) {
        for _ in 0..cycles {
            self.tick();
        }
    }

    /// Ticks until `n` ends have been told of.
    fn until_done(&mut self, n: usize) {
        for _ in 0..100_000 {
            if self.done.len() >= n {
                return;
            }
            self.tick();
        }
        panic!("{} ends of {n}", self.done.len());
    }

    /// Nothing is left anywhere.
    fn assert_idle(&mut self) {
        self.run(300);
        assert!(self.rx.idle() && self.epochs.none() && self.feed.is_empty());
        assert!(self.rx.cutter.order.is_empty() && self.rx.entrance.lengths.is_empty());
    }

    fn pop_headers(&mut self) -> usize {
        let n = self.rx.headers().len();
        (0..n).for_each(|_| self.rx.pop_header());
        n
    }

    /// The next packet belongs to `slot`.
    fn order(&mut self, slot: u16) {
        self.rx.order(Some(slot));
    }

    fn data(&mut self, slot: u16, va: u64, len: u32, end: bool) {
        let asid = 1;
        self.rx.push(slot, RxOp::Data { asid, va, len, end });
    }
}

fn done(slot: u16, bytes: u32, ended: bool) -> RxDone {
    RxDone {
        slot,
        bytes,
        ended,
        ..RxDone::default()
    }
}

fn failed(slot: u16, bytes: u32, ended: bool, cause: u16, iova: u64) -> RxDone {
    RxDone {
        cause,
        iova,
        ..done(slot, bytes, ended)
    }
}

#[test]
fn random_packets_are_scattered_over_random_segments() {
    for p in [&TINY, &MID, &HYPER] {
        let mut b = Bench::new(p, 11);
        for n in 0..400 {
            let len = (b.rand() % 900 * (b.rand() % 3)) as usize;
            let answer = n % 2 == 0;
            let mut packet: Vec<u8> = (0..len).map(|_| b.rand() as u8).collect();
            b.feed(&packet, answer, n % 3 == 0);
            // The next packet may stand in the FIFO meanwhile.
            b.feed(&[1, 2, 3], true, false);
            b.order(0);
            b.rx.order(None);
            for (at, value) in [(10, 1), (11, 0)] {
                if let Some(x) = packet.get_mut(at).filter(|_| !answer) {
                    *x = value;
                }
            }
            b.mem.clear();
            b.done.clear();
            let (mut at, mut ended) = (0, false);
            for k in 0..6_u64 {
                let va = 0x10_0000 * k + u64::from(b.rand() % 600);
                let size = b.rand() % 400;
                let end = k == 5;
                b.data(0, va, size, end);
                b.until_done(k as usize + 1);
                let d = b.done[k as usize];
                let want = (len - at).min(size as usize);
                assert_eq!(
                    (d.bytes as usize, d.cause),
                    (want, 0),
                    "packet {n} segment {k}"
                );
                assert!(b.responses.is_empty() && b.bursts.is_empty());
                for (j, x) in packet[at..at + want].iter().enumerate() {
                    assert_eq!(b.mem.remove(&(va + j as u64)), Some(*x));
                }
                at += want;
                ended = d.ended;
                assert!(!ended || at == len || end);
                if ended {
                    break;
                }
            }
            assert!(ended && b.mem.is_empty(), "a byte outside");
            b.assert_idle();
            assert_eq!(b.pop_headers(), 2);
        }
    }
}
