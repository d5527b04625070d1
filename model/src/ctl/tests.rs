//! The control unit against an MMU that adds 0x1_0000_0000 and an arbiter that grants while it is told to.

use super::*;
use crate::axi_rd::{Address, Id};
use crate::axi_wr::WriteRequest;
use crate::mmu::{Answer, Request};
use shoal_abi::mmu::*;
use shoal_abi::profile::{HYPER, MID, TINY};
use shoal_abi::regs::RESP_SLVERR;
use std::collections::VecDeque;

const OFFSET: u64 = 0x1_0000_0000;

struct Bench {
    p: &'static Profile,
    ctl: Ctl,
    cycle: u64,
    reads: Vec<(u64, Address)>,
    writes: Vec<(u64, WriteRequest)>,
    done: Vec<(u64, Completion)>,
    starts: u32,
    requests: u32,
    ends: u32,
    /// Accesses under way, by the epoch they began in; epochs change every four cycles.
    under: [u32; 2],
    messages: Vec<Message>,
    grants: bool,
    fault_at: Option<u64>,
    /// Requests that the MMU has taken, and in which cycle.
    taken: VecDeque<(u64, Request)>,
    latency: u64,
}

impl Bench {
    fn new(p: &'static Profile) -> Self {
        Self {
            p,
            ctl: Ctl::new(p),
            cycle: 0,
            reads: vec![],
            writes: vec![],
            done: vec![],
            starts: 0,
            requests: 0,
            ends: 0,
            under: [0; 2],
            messages: vec![],
            grants: true,
            fault_at: None,
            taken: VecDeque::new(),
            latency: 3,
        }
    }

    fn cur(&self) -> u8 {
        (self.cycle / 4 % 2) as u8
    }

    fn answer(&mut self) -> Option<Answer> {
        let due = |(at, _): &(u64, Request)| at + self.latency <= self.cycle;
        let q = self
            .taken
            .front()
            .is_some_and(due)
            .then(|| self.taken.pop_front());
        let (_, q) = q.flatten()?;
        Some(if self.fault_at == Some(q.va) {
            Answer {
                cause: CAUSE_READ_PAGE,
                tag: q.tag,
                ..Answer::default()
            }
        } else {
            Answer {
                cause: 0,
                address: q.va.wrapping_add(OFFSET),
                user: 9,
                tag: q.tag,
            }
        })
    }

    fn tick(&mut self, r: Option<RBeat>, b: Option<BResp>) {
        let answer = self.answer();
        let request = self.ctl.request(self.p);
        let ar = self.ctl.read_request(self.p).filter(|_| self.grants);
        let w = self.ctl.write_request(self.p).filter(|_| self.grants);
        self.reads.extend(ar.map(|a| (self.cycle, a)));
        self.writes.extend(w.map(|w| (self.cycle, w)));
        if let Some(c) = self.ctl.completions.pop() {
            self.done.push((self.cycle, c));
        }
        self.requests += u32::from(request.is_some());
        self.taken.extend(request.map(|q| (self.cycle, q)));
        let edge = Edge {
            xlat: Xlat {
                taken: request.is_some(),
                answer,
            },
            read_granted: ar.is_some(),
            write_granted: w.is_some(),
            r: r.as_ref(),
            b: b.as_ref(),
            cur: self.cur(),
        };
        let mut ends = Ends::default();
        let starts = self.ctl.tick(self.p, &edge, &mut ends);
        self.starts += starts;
        self.ends += ends.of(0) + ends.of(1);
        self.under[usize::from(self.cur())] += starts;
        for cur in 0..2 {
            let under = &mut self.under[usize::from(cur)];
            *under = under
                .checked_sub(ends.of(cur))
                .expect("it began in that epoch");
        }
        self.messages.extend(self.ctl.early());
        self.cycle += 1;
    }

    fn idle(&mut self, cycles: usize) {
        for _ in 0..cycles {
            self.tick(None, None);
        }
    }

    fn run(&mut self, op: CtlOp) {
        self.ctl.ops.push(op);
        self.idle(20);
    }

    /// The read or write of slot and part is answered; then some cycles.
    fn read(&mut self, slot: u16, part: u8, lanes: [u64; 2], resp: u8) {
        let mut data = [0; 8];
        data[..2].copy_from_slice(&lanes);
        let id = Id::Control { slot, part };
        let beat = RBeat {
            id,
            data,
            resp,
            last: true,
        };
        self.tick(Some(beat), None);
        self.idle(5);
    }

    fn written(&mut self, slot: u16, part: u8, resp: u8) {
        let id = Id::Control { slot, part };
        self.tick(None, Some(BResp { id, resp }));
        self.idle(5);
    }

    /// First bytes of write `n`.
    fn word(&self, n: usize) -> u64 {
        let bytes = &self.writes[n].1.small.bytes;
        (0..8).rev().fold(0, |v, k| v << 8 | u64::from(bytes[k]))
    }

    fn completion(&mut self) -> Completion {
        assert_eq!(self.done.len(), 1);
        self.done.remove(0).1
    }
}

fn op(kind: Kind, va: u64, len: u8, b: Option<u64>) -> CtlOp {
    CtlOp {
        kind,
        slot: 2,
        asid: 1,
        a: AccessA {
            va,
            len,
            data: 0x8877_6655_4433_2211 & crate::ones(8 * usize::from(len)),
        },
        b: b.map(|va| AccessB { va, data: 0xbbaa }),
        ..CtlOp::default()
    }
}

#[test]
fn words_in_one_beat_are_one_read() {
    let mut b = Bench::new(&MID);
    b.run(op(Kind::Read, 0x1008, 0, Some(0x1002)));
    let (_, a) = b.reads[0];
    assert_eq!((b.reads.len(), b.starts), (1, 1));
    assert_eq!(
        (a.id, a.addr),
        (Id::Control { slot: 2, part: 0 }, OFFSET + 0x1000)
    );
    assert_eq!((a.size, a.len, a.user), (4, 0, 9));
    b.read(2, 0, [5, 6], 0);
    let want = Completion {
        slot: 2,
        a: 6,
        b: 5,
        ..Completion::default()
    };
    assert_eq!((b.completion(), b.ends), (want, 1));
}

#[test]
fn a_merged_read_is_no_wider_than_it_must_be() {
    for (a, b, size, addr) in [
        (0x1004, 0x1006, 3, 0x1000),
        (0x1008, 0x1010, 5, 0x1000),
        (0x1010, 0x1018, 4, 0x1010),
        (0x1000, 0x103e, 6, 0x1000),
    ] {
        let mut bench = Bench::new(&HYPER);
        bench.run(op(Kind::Read, a, 0, Some(b)));
        let (_, ar) = bench.reads[0];
        assert_eq!((ar.size, ar.addr), (size, OFFSET + addr), "{a:x} {b:x}");
    }
}

#[test]
fn words_in_two_beats_are_two_reads() {
    let mut b = Bench::new(&MID);
    b.run(op(Kind::Read, 0x1008, 0, Some(0x1010)));
    let addresses: Vec<_> = b.reads.iter().map(|(_, a)| (a.id, a.addr)).collect();
    let id = |part| Id::Control { slot: 2, part };
    assert_eq!(
        addresses,
        [(id(0), OFFSET + 0x1008), (id(1), OFFSET + 0x1010)]
    );
    b.read(2, 1, [7, 8], RESP_SLVERR);
    assert!(b.done.is_empty());
    b.read(2, 0, [5, 6], RESP_SLVERR);
    let c = b.completion();
    assert_eq!((c.a, c.cause, c.iova), (6, CAUSE_READ_ACCESS, 0x1010));
    assert_eq!((b.starts, b.ends), (2, 2));
}

#[test]
fn a_faulting_word_is_told_when_the_other_is_in() {
    let mut b = Bench::new(&TINY);
    b.fault_at = Some(0x1000);
    b.run(op(Kind::Read, 0x1004, 0, Some(0x2008)));
    assert_eq!((b.reads.len(), b.starts, b.done.len()), (1, 1, 0));
    b.read(2, 1, [4, 0], 0);
    let c = b.completion();
    assert_eq!((c.a, c.b, c.cause, c.iova), (0, 4, CAUSE_READ_PAGE, 0x1000));
    b.run(op(Kind::Read, 0x1004, 0, Some(0x1008)));
    let c = b.completion();
    assert_eq!(
        (b.reads.len(), b.starts),
        (1, 1),
        "of a pair nothing is read"
    );
    assert_eq!((c.cause, c.iova), (CAUSE_READ_PAGE, 0x1000));
}

#[test]
fn a_write_has_as_many_beats_as_it_touches_words() {
    let mut b = Bench::new(&TINY);
    b.run(op(Kind::Write, 0x1004, 8, None));
    let (_, w) = b.writes[0];
    assert_eq!((w.aw.addr, w.aw.len), (OFFSET + 0x1000, 1));
    assert_eq!((w.small.at, w.small.n), (OFFSET + 0x1004, 8));
    assert_eq!(b.word(0), 0x8877_6655_4433_2211);
    b.written(2, 0, 0);
    b.done.clear();
    b.run(op(Kind::Write, 0x1006, 2, Some(0x2002)));
    let [(_, w), (_, x)] = b.writes[1..] else {
        panic!("two writes: {:?}", b.writes);
    };
    assert_eq!((w.aw.len, w.small.n, b.word(1)), (0, 2, 0x2211));
    assert_eq!(
        (x.small.at, x.small.n, b.word(2)),
        (OFFSET + 0x2002, 2, 0xbbaa)
    );
    b.written(2, 1, RESP_SLVERR);
    b.written(2, 0, 0);
    let c = b.completion();
    assert_eq!((c.cause, c.iova), (CAUSE_WRITE_ACCESS, 0x2002));
}

#[test]
fn a_write_over_a_page_end_is_two() {
    let mut b = Bench::new(&TINY);
    b.run(op(Kind::Write, 0x1ffd, 8, None));
    let [(_, w), (_, x)] = b.writes[..] else {
        panic!("two writes: {:?}", b.writes);
    };
    assert_eq!((w.small.at, w.aw.len, w.small.n), (OFFSET + 0x1ffd, 0, 3));
    assert_eq!(b.word(0) & 0xff_ffff, 0x33_2211);
    assert_eq!((x.small.at, x.aw.len, x.small.n), (OFFSET + 0x2000, 0, 5));
    assert_eq!((b.word(1) & 0xff_ffff_ffff, b.starts), (0x88_7766_5544, 2));
    b.written(2, 0, 0);
    b.written(2, 1, RESP_SLVERR);
    let c = b.completion();
    assert_eq!((c.cause, c.iova), (CAUSE_WRITE_ACCESS, 0x1ffd));
}

#[test]
fn bypass_goes_untranslated_and_a_translation_touches_nothing() {
    let mut b = Bench::new(&TINY);
    b.run(CtlOp {
        bypass: true,
        interrupt: true,
        ..op(Kind::Write, 0xfee0_0000, 4, None)
    });
    // Work in 1, stage K in 2, at the arbiter in 3.
    let (at, w) = b.writes[0];
    assert_eq!((at, w.aw.addr, w.aw.user), (3, 0xfee0_0000, USER_INTERRUPT));
    b.written(2, 0, 0);
    assert_eq!(b.completion().cause, CAUSE_NONE);
    b.run(op(Kind::Translate { write: true }, 0x1237, 0, None));
    let c = b.completion();
    assert_eq!((c.a, c.b, c.cause), (OFFSET + 0x1237, 9, CAUSE_NONE));
    b.fault_at = Some(0x1238);
    b.run(op(Kind::Translate { write: false }, 0x1238, 0, None));
    let c = b.completion();
    assert_eq!((c.a, c.cause, c.iova), (0, CAUSE_READ_PAGE, 0x1238));
    assert_eq!((b.starts, b.reads.len(), b.writes.len()), (1, 0, 1));
}

#[test]
fn an_access_a_cycle_goes_until_the_window_is_full() {
    let mut b = Bench::new(&MID);
    b.grants = false;
    for slot in 0..40 {
        b.ctl.ops.push(CtlOp {
            slot,
            ..op(Kind::Read, 0x1000 + 8 * u64::from(slot), 0, None)
        });
    }
    b.idle(60);
    assert_eq!(
        (b.starts as usize, b.ctl.ops.len()),
        (MID.ctl_window, 40 - 17)
    );
    b.grants = true;
    b.idle(60);
    let cycles: Vec<_> = b.reads.iter().map(|(at, _)| *at).collect();
    assert_eq!((cycles.len(), b.starts), (40, 40));
    assert!(cycles[..16].windows(2).all(|w| w[1] == w[0] + 1));
    for slot in (0..40).rev() {
        b.read(slot, 0, [u64::from(slot), u64::from(slot)], 0);
    }
    let slots: Vec<_> = b.done.iter().map(|(_, c)| (c.slot, c.a)).collect();
    let want: Vec<_> = (0..40).rev().map(|s| (s, u64::from(s))).collect();
    assert_eq!(slots, want);
}

#[test]
fn a_completion_stands_three_cycles_behind_its_last_response() {
    let mut b = Bench::new(&TINY);
    b.run(op(Kind::Read, 0x1000, 0, None));
    let accepted = b.cycle;
    b.read(2, 0, [1, 0], 0);
    // Pushed into the R FIFO at the end of t+1, taken in t+2, added at the end of t+3.
    assert_eq!(b.done[0].0, accepted + 4);
}

#[test]
fn a_pair_has_one_translation_and_two_accesses() {
    let mut b = Bench::new(&MID);
    b.run(op(Kind::Read, 0x1ff0, 0, Some(0x1004)));
    let id = |part| Id::Control { slot: 2, part };
    let [(t, r), (u, s)] = b.reads[..] else {
        panic!("two reads: {:?}", b.reads);
    };
    assert_eq!((r.id, r.addr), (id(0), OFFSET + 0x1ff0));
    assert_eq!((s.id, s.addr, u), (id(1), OFFSET + 0x1000, t + 1));
    assert_eq!((b.starts, b.requests), (2, 1));
    b.read(2, 0, [1, 0], 0);
    b.read(2, 1, [2, 0], 0);
    let c = b.completion();
    assert_eq!((c.a, c.b, b.ends), (1, 2, 2));
}

fn tell(m: u8, event_idx: bool) -> CtlOp {
    CtlOp {
        kind: Kind::Tell,
        slot: 2,
        asid: 1,
        tell: Tell {
            device: 0x2004,
            driver: 0x3000,
            size: 256,
            used_idx: 0xffff,
            last_avail: 0x1234,
            m,
            heads: [1, 2, 3, 4, 5, 6, 7, 8],
            used_len: [0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e],
            event_idx,
            receive: false,
            hint: false,
            message: Message {
                address: 0xfee0_0000,
                data: 5,
            },
        },
        ..CtlOp::default()
    }
}

#[test]
fn a_tell_is_elements_then_index_then_event() {
    let mut b = Bench::new(&MID);
    b.run(tell(1, true));
    // Element 255, one of 8 bytes; avail_event of the same page is the other one of a pair.
    assert_eq!((b.writes.len(), b.reads.len()), (2, 0));
    let w = b.writes[0].1;
    assert_eq!((w.small.at, w.aw.size), (OFFSET + 0x2008 + 8 * 255, 3));
    assert_eq!(b.word(0), 0x77_0000_0001);
    assert_eq!(
        (b.writes[1].1.small.at, b.word(1)),
        (OFFSET + 0x2808, 0x1234)
    );
    b.written(2, 0, 0);
    b.written(2, 1, 0);
    b.idle(20);
    // used.idx goes on to 0.
    assert_eq!((b.writes.len(), b.done.len()), (3, 0));
    assert_eq!((b.writes[2].1.small.at, b.word(2)), (OFFSET + 0x2006, 0));
    b.written(2, 0, 0);
    b.idle(20);
    assert_eq!((b.reads.len(), b.done.len()), (2, 0));
    assert_eq!(b.reads[0].1.addr, OFFSET + 0x3200);
    assert_eq!(b.reads[1].1.addr, OFFSET + 0x3000);
    b.read(2, 0, [5, 6], 0);
    b.read(2, 1, [7, 8], 0);
    let c = b.completion();
    assert_eq!((c.slot, c.a, c.b, c.cause), (2, 5, 7, CAUSE_NONE));
    assert_eq!((b.starts, b.ends), (5, 5));
}

#[test]
fn elements_of_many_chains_are_one_write_each_with_its_length() {
    let mut b = Bench::new(&MID);
    let mut op = tell(8, false);
    op.tell.used_idx = 8;
    b.run(op);
    let w = b.writes[0].1;
    assert_eq!((w.aw.addr, w.aw.size, w.aw.len), (OFFSET + 0x2040, 4, 4));
    assert_eq!((w.small.at, w.small.n), (OFFSET + 0x2048, 64));
    let heads: Vec<_> = w.small.bytes.chunks(8).map(|e| e[0]).collect();
    let lengths: Vec<_> = w.small.bytes.chunks(8).map(|e| e[4]).collect();
    assert_eq!(heads, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(lengths, [0x77, 0x78, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e]);
    b.written(2, 0, RESP_SLVERR);
    b.idle(20);
    let c = b.completion();
    assert_eq!((c.cause, c.iova), (CAUSE_WRITE_ACCESS, 0x2048));
    assert_eq!(b.writes.len(), 1, "no step follows a fault");
}

#[test]
fn elements_over_a_page_end_are_two_writes() {
    let mut b = Bench::new(&HYPER);
    let mut op = tell(8, false);
    (op.tell.device, op.tell.used_idx) = (0x1fc4, 3);
    b.run(op);
    let [(_, w), (_, x)] = b.writes[..] else {
        panic!("two writes: {:?}", b.writes);
    };
    assert_eq!((w.small.at, w.small.n, w.aw.size), (OFFSET + 0x1fe0, 32, 6));
    assert_eq!((x.small.at, x.small.n, x.aw.size), (OFFSET + 0x2000, 32, 6));
    assert_eq!((w.small.bytes[0], x.small.bytes[0]), (1, 5));
    b.written(2, 1, 0);
    b.written(2, 0, 0);
    b.idle(20);
    assert_eq!(b.writes.len(), 3, "the index");
}

/// A TELL of one chain that may send its message, behind its elements; the driver waits for used index `wish`.
fn hinted(receive: bool, event_idx: bool, wish: u64) -> Bench {
    let mut b = Bench::new(&MID);
    let mut op = tell(1, event_idx);
    (op.tell.hint, op.tell.receive) = (true, receive);
    b.ctl.push(&MID, op);
    b.idle(20);
    let beside = usize::from(event_idx && !receive);
    assert_eq!((b.writes.len(), b.reads.len()), (1 + beside, 1));
    let at = if event_idx { 0x3204 } else { 0x3000 };
    let id = Id::Control { slot: 2, part: 1 };
    assert_eq!(
        (b.reads[0].1.addr, b.reads[0].1.id),
        (OFFSET + (at & !7), id)
    );
    let word = wish << (8 * (at % 8));
    b.read(2, 1, [word, 0], 0);
    if beside == 1 {
        b.written(2, 1, 0);
    }
    assert_eq!(b.ctl.next.len(), 0, "an access is still to come");
    b.written(2, 0, 0);
    b.idle(20);
    assert_eq!(b.writes.len(), 2 + beside, "the index");
    b
}

#[test]
fn a_message_that_is_waited_for_follows_the_index() {
    for event_idx in [true, false] {
        let mut b = hinted(false, event_idx, if event_idx { 0xffff } else { 0 });
        assert_eq!(b.reads[1].1.addr, OFFSET + 0x3000, "avail.idx");
        b.read(2, 1, [0x4321_0000, 0], 0);
        assert_eq!((b.done.len(), b.messages.len()), (0, 0));
        b.written(2, 0, 0);
        let c = b.completion();
        assert_eq!((c.sent, c.a, c.b, c.cause), (true, 0, 0x4321_0000, 0));
        assert_eq!(b.messages[0].address, 0xfee0_0000);
        assert_eq!((b.ends, b.under), (b.starts, [0; 2]));
    }
}

#[test]
fn of_a_receive_slot_too() {
    let mut b = hinted(true, true, 0xffff);
    assert_eq!(b.reads.len(), 1);
    b.written(2, 0, 0);
    let c = b.completion();
    assert_eq!((c.sent, b.messages.len()), (true, 1));
}

#[test]
fn one_that_is_not_waited_for_or_has_changed_is_looked_at_again() {
    for (wish, changes) in [(0xfffe, false), (0, false), (0xffff, true)] {
        let mut b = hinted(false, true, wish);
        let armed = wish == 0xffff;
        assert_eq!(b.reads.len(), 1 + usize::from(armed));
        if changes {
            b.ctl.may_not(2);
            b.read(2, 1, [0; 2], 0);
        }
        b.written(2, 0, 0);
        b.idle(20);
        let seen = 1 + usize::from(armed);
        assert_eq!((b.done.len(), b.reads.len()), (0, seen + 2));
        b.read(2, 0, [5, 6], 0);
        b.read(2, 1, [7, 8], 0);
        let c = b.completion();
        assert_eq!((c.sent, c.a, c.b, b.messages.len()), (false, 5, 7, 0));
    }
}

#[test]
fn a_fault_of_one_of_three_waits_for_the_others() {
    // Of the pair's translation, of that of the wish, of the response to each.
    for case in 0..5 {
        let mut b = Bench::new(&MID);
        let mut op = tell(1, true);
        op.tell.hint = true;
        b.fault_at = [Some(0x2008 + 8 * 255), Some(0x3200)]
            .get(case)
            .copied()
            .flatten();
        b.run(op);
        let bad = |n| if case == n { RESP_SLVERR } else { 0 };
        if case != 1 {
            b.read(2, 1, [0; 2], bad(4));
        }
        if case != 0 {
            assert_eq!(b.done.len(), 0);
            b.written(2, 1, bad(3));
            assert_eq!(b.done.len(), 0);
            b.written(2, 0, bad(2));
        }
        let c = b.completion();
        let va = [0x2800, 0x3200, 0x2800, 0x2808, 0x3204][case];
        let cause = [
            CAUSE_READ_PAGE,
            CAUSE_READ_PAGE,
            CAUSE_WRITE_ACCESS,
            CAUSE_WRITE_ACCESS,
            CAUSE_READ_ACCESS,
        ][case];
        assert_eq!((c.cause, c.iova, c.sent), (cause, va, false), "{case}");
        assert_eq!((b.under, b.ctl.under), ([0; 2], 0));
    }
}

#[test]
fn an_op_goes_straight_into_work_if_that_has_nothing_else() {
    let mut b = Bench::new(&MID);
    b.idle(1);
    b.ctl.push(&MID, op(Kind::Read, 0x1008, 0, None));
    assert!(b.ctl.ops.is_empty() && b.ctl.work.is_some());
    let second = CtlOp {
        slot: 3,
        ..op(Kind::Read, 0x1010, 0, None)
    };
    b.ctl.push(&MID, second);
    assert_eq!(b.ctl.ops.len(), 1, "one an edge");
    b.idle(20);
    assert_eq!(b.reads.len(), 2);
}
