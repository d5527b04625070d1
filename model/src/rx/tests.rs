//! The receive mover against a memory and an arbiter with random waits.

use super::*;
use crate::axi_wr::AxiWr;
use crate::mmu::Answer;
use shoal_abi::mmu::CAUSE_WRITE_PAGE;
use shoal_abi::profile::{HYPER, MID, TINY};
use shoal_abi::regs::RESP_SLVERR;
use std::collections::{HashMap, VecDeque};

struct Bench {
    p: &'static Profile,
    rx: Rx,
    w: AxiWr,
    seed: u32,
    mem: HashMap<u64, u8>,
    /// Bursts whose data are not yet complete, and their next beat.
    bursts: VecDeque<(Address, u64)>,
    responses: VecDeque<u8>,
    feed: VecDeque<Inputs>,
    fault: Option<u64>,
    /// The request that the MMU has taken.
    taken: Option<Request>,
    bad: bool,
}

impl Bench {
    fn new(p: &'static Profile, seed: u32) -> Self {
        Self {
            p,
            rx: Rx::new(),
            w: AxiWr::default(),
            seed,
            mem: HashMap::new(),
            bursts: VecDeque::new(),
            responses: VecDeque::new(),
            feed: VecDeque::new(),
            fault: None,
            taken: None,
            bad: false,
        }
    }

    fn rand(&mut self) -> u32 {
        self.seed = self
            .seed
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        self.seed >> 8
    }

    fn feed(&mut self, bytes: &[u8], answer: bool) {
        let b = self.p.beat_bytes();
        let n = bytes.len().div_ceil(b).max(1);
        for k in 0..n {
            let part = &bytes[(k * b).min(bytes.len())..((k + 1) * b).min(bytes.len())];
            let mut data = [0xcc; MAX_B];
            data[..part.len()].copy_from_slice(part);
            self.feed.push_back(Inputs {
                s_axis_tvalid: true,
                s_axis_tdata: data_of(&data),
                s_axis_tkeep: crate::ones(part.len()),
                s_axis_tlast: k + 1 == n,
                s_axis_tuser: TUSER_ANSWER.put(u64::from(answer)),
                ..Inputs::default()
            });
        }
    }

    fn tick(&mut self) {
        let x = self.rand();
        let i = self
            .feed
            .front()
            .copied()
            .filter(|_| x & 3 != 0)
            .unwrap_or_default();
        if i.s_axis_tvalid && self.rx.tready() {
            self.feed.pop_front();
        }
        let fault = self.fault;
        let taken = self.rx.request().filter(|_| x & 4 != 0);
        let answer = self.taken.take_if(|_| x & 8 != 0).map(|q| {
            if fault.is_some_and(|f| f >> 12 == q.va >> 12) {
                Answer {
                    cause: CAUSE_WRITE_PAGE,
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
        let (awready, wready) = (x & 0x10 != 0, x & 0x60 != 0);
        let write = if self.w.free(awready, wready) {
            self.rx.write_request(self.p)
        } else {
            None
        };
        if let (Some(a), true) = (self.w.aw(), awready) {
            assert_eq!(
                a.addr >> 8,
                (a.addr + u64::from(a.len) * self.p.beat_bytes() as u64) >> 8
            );
        }
        self.store(wready);
        let b = if x & 0x380 == 0 {
            self.responses.pop_front()
        } else {
            None
        };
        let b = b.map(|resp| BResp {
            id: Id::Mover { epoch: 0 },
            resp,
        });
        let edge = Edge {
            i: &i,
            up: true,
            xlat: Xlat {
                taken: taken.is_some(),
                answer,
            },
            granted: write.is_some(),
            loading: self.w.loads_receive(wready),
            b: b.as_ref(),
            cur: 0,
        };
        self.taken = self.taken.or(taken);
        let (_, payload) = self.rx.tick(self.p, &edge);
        if let Some(g) = write {
            self.bursts.push_back((g.aw, 0));
        }
        self.w.tick(self.p, write, payload, awready, wready);
    }

    fn store(&mut self, wready: bool) {
        let (Some(w), true, Some((aw, k))) = (self.w.w().copied(), wready, self.bursts.front_mut())
        else {
            return;
        };
        let b = self.p.beat_bytes() as u64;
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
            self.bursts.pop_front();
            self.responses
                .push_back(if self.bad { RESP_SLVERR } else { 0 });
        }
    }

    fn op(&mut self, op: RxOp) -> RxDone {
        self.rx.start(op);
        for _ in 0..100_000 {
            if let Some(d) = self.rx.done.take() {
                assert!(self.responses.is_empty(), "done before the last response");
                self.tick();
                self.tick();
                return d;
            }
            self.tick();
        }
        panic!("op does not end");
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
            b.feed(&packet, answer);
            // The next packet may stand in the FIFO meanwhile.
            b.feed(&[1, 2, 3], true);
            for (at, value) in [(10, 1), (11, 0)] {
                if let Some(x) = packet.get_mut(at).filter(|_| !answer) {
                    *x = value;
                }
            }
            b.mem.clear();
            let (mut at, mut ended) = (0, false);
            for k in 0..6_u64 {
                if ended {
                    break;
                }
                let va = 0x10_0000 * k + u64::from(b.rand() % 600);
                let size = b.rand() % 400;
                let d = b.op(RxOp::Data {
                    asid: 1,
                    va,
                    len: size,
                });
                let want = (len - at).min(size as usize);
                assert_eq!(
                    (d.bytes as usize, d.cause),
                    (want, 0),
                    "packet {n} segment {k}"
                );
                for (j, x) in packet[at..at + want].iter().enumerate() {
                    assert_eq!(b.mem.remove(&(va + j as u64)), Some(*x));
                }
                at += want;
                ended = d.ended;
                assert!(!ended || at == len);
            }
            assert!(b.mem.is_empty(), "a byte outside");
            if !ended {
                assert!(b.op(RxOp::Discard).ended);
            }
            assert!(b.rx.free());
            assert!(b.op(RxOp::Discard).ended, "the packet behind");
            assert!(b.rx.free() && b.rx.head().is_none() && b.feed.is_empty());
        }
    }
}

#[test]
fn faults_end_the_op_and_the_rest_can_be_discarded() {
    let mut b = Bench::new(&MID, 5);
    b.fault = Some(0x2000);
    b.feed(&[7; 300], true);
    let d = b.op(RxOp::Data {
        asid: 1,
        va: 0x1fc0,
        len: 300,
    });
    assert_eq!(
        d,
        RxDone {
            bytes: 64,
            ended: false,
            cause: CAUSE_WRITE_PAGE,
            iova: 0x2000
        }
    );
    assert!(b.op(RxOp::Discard).ended);
    b.bad = true;
    b.feed(&[7; 30], true);
    let d = b.op(RxOp::Data {
        asid: 1,
        va: 0x1008,
        len: 300,
    });
    assert_eq!(
        d,
        RxDone {
            bytes: 30,
            ended: true,
            cause: CAUSE_WRITE_ACCESS,
            iova: 0x1008
        }
    );
    assert!(b.rx.free());
}
