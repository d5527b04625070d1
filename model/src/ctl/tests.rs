//! The control unit against an arbiter that always grants and an MMU that adds 0x1_0000_0000.

use super::*;
use crate::axi_wr::WriteRequest;
use shoal_abi::mmu::CAUSE_READ_PAGE;
use shoal_abi::profile::{MID, TINY};
use shoal_abi::regs::RESP_SLVERR;

const OFFSET: u64 = 0x1_0000_0000;

struct Bench {
    p: &'static Profile,
    ctl: Ctl,
    reads: Vec<Address>,
    writes: Vec<WriteRequest>,
    starts: u32,
    fault_at: Option<u64>,
    /// The request that the MMU has taken.
    taken: Option<Request>,
}

impl Bench {
    fn new(p: &'static Profile) -> Self {
        Self {
            p,
            ctl: Ctl::new(),
            reads: vec![],
            writes: vec![],
            starts: 0,
            fault_at: None,
            taken: None,
        }
    }

    fn tick(&mut self, r: Option<RBeat>, b: Option<BResp>) {
        let taken = self.ctl.request();
        let answer = self.taken.take().map(|q| {
            if self.fault_at == Some(q.va) {
                Answer {
                    cause: CAUSE_READ_PAGE,
                    address: 0,
                    user: 0,
                }
            } else {
                Answer {
                    cause: 0,
                    address: q.va.wrapping_add(OFFSET),
                    user: 9,
                }
            }
        });
        let (ar, w) = (self.ctl.read_request(self.p), self.ctl.write_request());
        let granted = ar.is_some() || w.is_some();
        self.reads.extend(ar);
        self.writes.extend(w);
        let xlat = Xlat {
            taken: taken.is_some(),
            answer,
        };
        self.taken = taken;
        self.starts += self
            .ctl
            .tick(self.p, xlat, granted, r.as_ref(), b.as_ref(), 1);
    }

    fn run(&mut self, op: CtlOp) {
        self.ctl.ops.push(op);
        for _ in 0..20 {
            self.tick(None, None);
        }
    }
}

fn op(kind: Kind, va: u64) -> CtlOp {
    CtlOp {
        kind,
        client: 2,
        asid: Some(1),
        interrupt: false,
        va,
        data: 0x8877_6655_4433_2211,
    }
}

#[test]
fn two_words_are_two_reads_whose_lanes_come_back() {
    let mut b = Bench::new(&MID);
    b.run(op(Kind::Read(2), 0x1008));
    let ids: Vec<Id> = b.reads.iter().map(|a| Id::unpack(a.id)).collect();
    assert_eq!(
        b.reads.iter().map(|a| a.addr).collect::<Vec<_>>(),
        [OFFSET + 0x1008, OFFSET + 0x1010]
    );
    assert_eq!(
        ids[0],
        Id {
            client: 2,
            word: 0,
            epoch: 1,
            lane: 1
        }
    );
    assert_eq!(
        ids[1],
        Id {
            client: 2,
            word: 1,
            epoch: 1,
            lane: 0
        }
    );
    assert_eq!(
        (b.reads[0].size, b.reads[0].len, b.reads[0].user, b.starts),
        (3, 0, 9, 2)
    );
    b.tick(
        Some(RBeat {
            id: ids[0],
            data: [1, 2, 0, 0, 0, 0, 0, 0],
            resp: 0,
            last: true,
        }),
        None,
    );
    b.tick(
        Some(RBeat {
            id: ids[1],
            data: [3, 4, 0, 0, 0, 0, 0, 0],
            resp: RESP_SLVERR,
            last: true,
        }),
        None,
    );
    let first = b.ctl.reads.pop().expect("event");
    let second = b.ctl.reads.pop().expect("event");
    assert_eq!(
        (first.client, first.word, first.data, first.bad),
        (2, 0, 2, false)
    );
    assert_eq!((second.word, second.data, second.bad), (1, 3, true));
}

#[test]
fn a_faulting_word_is_an_event_and_the_other_word_goes_on() {
    let mut b = Bench::new(&TINY);
    b.fault_at = Some(0x1000);
    b.run(op(Kind::Read(2), 0x1000));
    let x = b.ctl.xlats.pop().expect("event");
    assert_eq!((x.client, x.cause, x.iova), (2, CAUSE_READ_PAGE, 0x1000));
    assert_eq!((b.reads.len(), b.starts), (1, 1));
    assert!(b.ctl.idle());
}

#[test]
fn a_write_has_as_many_beats_as_it_touches_words() {
    let mut b = Bench::new(&TINY);
    b.run(op(Kind::Write(8), 0x1004));
    let w = b.writes[0];
    assert_eq!(
        (w.aw.addr, w.aw.len, w.strobes),
        (OFFSET + 0x1000, 1, 0x0ff0)
    );
    assert_eq!(w.window, 0x8877_6655_4433_2211_u128 << 32);
    b.run(CtlOp {
        data: 0x2211,
        ..op(Kind::Write(2), 0x1006)
    });
    assert_eq!((b.writes[1].aw.len, b.writes[1].strobes), (0, 0xc0));
    b.tick(
        None,
        Some(BResp {
            id: Id::unpack(b.writes[1].aw.id),
            resp: 0,
        }),
    );
    assert_eq!(
        b.ctl.writes.pop().map(|e| (e.client, e.bad)),
        Some((2, false))
    );
}

#[test]
fn a_write_over_a_page_end_waits_for_its_first_part() {
    for bad in [false, true] {
        let mut b = Bench::new(&TINY);
        b.run(op(Kind::Write(8), 0x1ffd));
        assert_eq!(b.writes.len(), 1);
        let first = Id::unpack(b.writes[0].aw.id);
        assert_eq!((first.word, b.writes[0].strobes), (1, 0xe0));
        // Bytes without strobe are 0.
        assert_eq!(b.writes[0].window, 0x3322_1100_0000_0000);
        assert!(!b.ctl.idle());
        let resp = if bad { RESP_SLVERR } else { 0 };
        b.tick(None, Some(BResp { id: first, resp }));
        for _ in 0..5 {
            b.tick(None, None);
        }
        assert!(b.ctl.idle() && b.ctl.writes.is_empty());
        if bad {
            let x = b.ctl.xlats.pop().expect("event");
            assert_eq!(
                (x.cause, x.iova, b.writes.len()),
                (CAUSE_WRITE_ACCESS, 0x1ffd, 1)
            );
        } else {
            let w = b.writes[1];
            assert_eq!((w.aw.addr, w.aw.len, w.strobes), (OFFSET + 0x2000, 0, 0x1f));
            assert_eq!(w.window, 0x88_7766_5544);
            assert_eq!((Id::unpack(w.aw.id).word, b.starts), (0, 2));
        }
    }
}

#[test]
fn bypass_goes_untranslated_and_a_translation_touches_nothing() {
    let mut b = Bench::new(&TINY);
    b.run(CtlOp {
        asid: None,
        interrupt: true,
        ..op(Kind::Write(4), 0xfee0_0000)
    });
    assert_eq!(
        (b.writes[0].aw.addr, b.writes[0].aw.user),
        (0xfee0_0000, USER_INTERRUPT)
    );
    b.run(op(Kind::TranslateWrite, 0x1237));
    let x = b.ctl.xlats.pop().expect("event");
    assert_eq!(
        (x.cause, x.iova, x.address, x.user),
        (0, 0x1237, OFFSET + 0x1237, 9)
    );
    assert_eq!((b.starts, b.reads.len(), b.writes.len()), (1, 0, 1));
}
