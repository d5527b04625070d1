//! Tests of the MMU against a small page table worked by hand, and of what it does with many translations at once.

use super::*;
use crate::edge;
use crate::util::{assert_lint_clean, number, settle};
use shoal_abi::mmu;

/// The sizes of profile tiny.
type Small = Mmu<4, 2, 1, 1, 2, 1, 3, 4, 2, 8, 3>;

#[test]
fn it_is_lint_clean() {
    assert_lint_clean("mmu", Small::default());
    // The largest that the widths inside allow.
    assert_lint_clean(
        "mmu-large",
        Mmu::<17, 12, 8, 6, 10, 7, 16, 32, 5, 64, 6>::default(),
    );
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    hits: u32,
    misses: u32,
    walks: u32,
    merged: u32,
    waits: u32,
    faults: u32,
}

/// An answer: client, cycle in which it was up, cause, address.
type Answer = (usize, u32, u128, u128);

/// The MMU with requests to make, a memory that answers, and a record of what came of it.
struct Rig {
    m: Small,
    cycle: u32,
    counts: Counts,
    answers: Vec<Answer>,
    /// Client and tag of each request without answer.
    asked: Vec<(usize, u128)>,
    /// Cycles in which a client was taken.
    taken: Vec<(usize, u32)>,
    /// PTEs read, and by which walker.
    reads: Vec<(u64, u64)>,
    /// Reads that the memory has not answered.
    open: Vec<(u64, u64)>,
    /// The memory answers nothing.
    hold: bool,
}

const LEAF: u64 = mmu::PTE_V | mmu::PTE_R | mmu::PTE_W | mmu::PTE_A | mmu::PTE_D;

/// Root 0x80 -> 0x81 -> 0x82 -> pages 0x1234.. for 0x4020_1000..; 0x4040_0000 is a 2 MiB page, 0xc000_0000 a 1 GiB page.
fn tables(at: u64) -> u64 {
    match at {
        0x80008 => 0x81 << 10 | mmu::PTE_V,
        0x80010 => 0x0001 << 10 | LEAF,
        0x80018 => 0x8_0000 << 10 | LEAF,
        0x81008 => 0x82 << 10 | mmu::PTE_V,
        0x81010 => 0x200 << 10 | LEAF,
        0x82008 => 0x1234 << 10 | LEAF,
        0x82010 => 0x1235 << 10 | (LEAF & !mmu::PTE_D),
        0x82018 => 0x1236 << 10 | (LEAF & !mmu::PTE_A),
        0x82028..=0x82fff => (0x1000 + at / 8 % 512) << 10 | LEAF,
        _ => 0,
    }
}

/// Pages 0x4020_5000 and up are mapped to 0x1005 and up.
const fn page(n: u64) -> u64 {
    0x4020_5000 + (n << 12)
}

/// The tag of a request: other bits of every page.
const fn tag(va: u64) -> u64 {
    (va >> 12 ^ va >> 21 ^ va) & 0x3ff
}

impl Rig {
    /// Out of reset and swept, with spaces 3 and 5 in `mode` and their root table at page 0x80.
    fn new(mode: u8) -> Self {
        let mut m = Small::default();
        m.connect_all();
        m.reset.next = true;
        edge!(m);
        m.reset.next = false;
        m.sweep.next = true;
        for i in 0..16_u64 {
            m.sweep_index.next = i.into();
            edge!(m);
        }
        m.sweep.next = false;
        m.asid_we.next = true;
        for asid in [3_u64, 5] {
            m.asid_addr.next = asid.into();
            m.asid_data.next = AsidEntry {
                mode: u64::from(mode).into(),
                pasid_valid: true,
                pasid: 0x54321.into(),
                ppn: 0x80.into(),
            };
            edge!(m);
        }
        m.asid_we.next = false;
        settle(&mut m);
        Self {
            m,
            cycle: 0,
            counts: Counts::default(),
            answers: vec![],
            asked: vec![],
            taken: vec![],
            reads: vec![],
            open: vec![],
            hold: false,
        }
    }

    fn request(&mut self, client: usize, asid: u64, va: u64, write: bool) {
        let req = MmuReq {
            asid: asid.into(),
            va: va.into(),
            write,
            tag: tag(va).into(),
        };
        self.asked.push((client, u128::from(tag(va))));
        match client {
            0 => (self.m.req0_valid.next, self.m.req0.next) = (true, req),
            1 => (self.m.req1_valid.next, self.m.req1.next) = (true, req),
            _ => (self.m.req2_valid.next, self.m.req2.next) = (true, req),
        }
    }

    /// One cycle: the requests taken go down at its end, the memory answers a read two cycles after its grant.
    fn step(&mut self) {
        self.m.r_valid.next = false;
        if !self.hold && !self.open.is_empty() {
            let (at, walker) = self.open.remove(0);
            self.m.r_valid.next = true;
            self.m.r_walker.next = walker.into();
            self.m.r_data.next = tables(at).into();
        }
        settle(&mut self.m);
        self.m.ar_grant.next = self.m.ar_req.val();
        settle(&mut self.m);
        let m = &self.m;
        if m.ar_req.val() {
            let read = (
                number(m.ar_addr.val()) as u64,
                number(m.ar_walker.val()) as u64,
            );
            self.reads.push(read);
            self.open.push(read);
        }
        let up = [m.rsp0_valid.val(), m.rsp1_valid.val(), m.rsp2_valid.val()];
        for client in (0..3).filter(|&c| up[c]) {
            let rsp = m.rsp.val();
            let asked = self
                .asked
                .iter()
                .position(|&(c, t)| (c, t) == (client, number(rsp.tag)));
            self.asked
                .remove(asked.expect("the tag is that of a request"));
            self.answers
                .push((client, self.cycle, number(rsp.cause), number(rsp.addr)));
        }
        if up == [false; 3] {
            assert_eq!(m.rsp.val(), MmuRsp::default());
        }
        self.counts.hits += u32::from(m.hit_strobe.val());
        self.counts.misses += u32::from(m.miss_strobe.val());
        self.counts.walks += u32::from(m.walk_strobe.val());
        self.counts.merged += u32::from(m.merge_strobe.val());
        self.counts.waits += u32::from(m.wait_strobe.val());
        self.counts.faults += u32::from(m.fault_strobe.val());
        let taken = [m.req0_taken.val(), m.req1_taken.val(), m.req2_taken.val()];
        for client in (0..3).filter(|&c| taken[c]) {
            self.taken.push((client, self.cycle));
        }
        edge!(self.m);
        if taken[0] {
            self.m.req0_valid.next = false;
        }
        if taken[1] {
            self.m.req1_valid.next = false;
        }
        if taken[2] {
            self.m.req2_valid.next = false;
        }
        settle(&mut self.m);
        self.cycle += 1;
        assert!(self.cycle < 2000);
    }

    fn steps(&mut self, n: u32) {
        for _ in 0..n {
            self.step();
        }
    }

    /// Asks for client 1 alone; cause, address, cycles from the take, PTEs read.
    fn ask(&mut self, asid: u64, va: u64, write: bool) -> (u128, u128, u32, usize) {
        let (before, reads) = (self.answers.len(), self.reads.len());
        self.request(1, asid, va, write);
        while self.answers.len() == before {
            self.step();
        }
        let (client, cycle, cause, addr) = self.answers[before];
        let taken = self.taken.last().expect("taken");
        assert_eq!((client, taken.0), (1, 1));
        (cause, addr, cycle - taken.1, self.reads.len() - reads)
    }

    fn invalidate(&mut self, kind: u64, asid: u64) {
        self.m.inv_set.next = true;
        self.m.inv.next = InvCmd {
            kind: kind.into(),
            asid: asid.into(),
        };
        self.step();
        self.m.inv_set.next = false;
    }

    fn settle_invalidation(&mut self) {
        while self.m.inv_pending.val() {
            self.step();
        }
    }
}

#[test]
fn off_bare_and_hits_are_answered_three_cycles_after_the_take() {
    let mut r = Rig::new(mmu::MODE_BARE);
    assert_eq!(
        r.ask(3, 0xffff_1234_5678_9abc, true),
        (0, 0xffff_1234_5678_9abc, 3, 0)
    );
    assert_eq!(r.ask(4, 0x1000, false), (256, 0, 3, 0));
    assert_eq!((r.counts.hits, r.counts.misses, r.counts.faults), (0, 0, 1));
    let mut r = Rig::new(mmu::MODE_SV39);
    r.ask(3, page(0), false);
    assert_eq!(r.ask(3, page(0) + 0x123, true), (0, 0x100_5123, 3, 0));
    assert_eq!((r.counts.hits, r.counts.misses), (1, 1));
}

#[test]
fn pages_of_all_sizes_and_their_tables_are_kept() {
    let mut r = Rig::new(mmu::MODE_SV39);
    assert_eq!(r.ask(3, 0x4020_1abc, true).1, 0x123_4abc);
    assert_eq!(r.reads.len(), 3);
    // Its neighbour finds the last table, a 2 MiB page the one above.
    assert_eq!(r.ask(3, page(0), true).3, 1);
    let (cause, addr, _, reads) = r.ask(3, 0x4040_5678, false);
    assert_eq!((cause, addr, reads), (0, 0x20_5678, 1));
    assert_eq!(r.ask(3, 0x405f_f000, true), (0, 0x3f_f000, 3, 0));
    let (_, addr, _, reads) = r.ask(3, 0xc123_4567, false);
    assert_eq!((addr, reads), (0x8123_4567, 1));
    assert_eq!(r.ask(3, 0xffff_f000, false), (0, 0xbfff_f000, 3, 0));
    // Another space finds nothing of it.
    assert_eq!(r.ask(5, 0x4020_1abc, true).3, 3);
}

#[test]
fn faults_are_answered_and_not_kept() {
    let mut r = Rig::new(mmu::MODE_SV39);
    // D clear: read yes, write no, also after the read filled the entry.
    assert_eq!(r.ask(3, 0x4020_2000, false).0, 0);
    assert_eq!(r.ask(3, 0x4020_2000, true).0, 15);
    assert_eq!(r.ask(3, 0x4020_2000, false).3, 0);
    for (va, what) in [
        (0x4020_3000, "A clear"),
        (0x4020_4000, "not valid"),
        (0x8000_0000, "misaligned 1 GiB page"),
        (0x40_0000_0000, "not canonical"),
    ] {
        let walks = r.counts.walks;
        for n in 1..3 {
            assert_eq!(r.ask(3, va, false).0, 13, "{what}");
            let walked = if va >> 38 == 0 { n } else { 0 };
            assert_eq!(r.counts.walks - walks, walked, "{what}");
        }
    }
    assert_eq!(r.counts.faults, 9);
}

#[test]
fn a_hit_overtakes_a_walk_and_walks_of_one_page_merge() {
    let mut r = Rig::new(mmu::MODE_SV39);
    r.ask(3, page(0), false);
    r.hold = true;
    r.request(0, 3, page(1), false);
    r.request(2, 3, page(1), true);
    r.steps(6);
    r.request(1, 3, page(0), false);
    r.steps(6);
    assert_eq!(r.answers.last().expect("the hit").0, 1);
    assert_eq!((r.counts.walks, r.counts.merged), (2, 1));
    // The same page of another space is another walk.
    r.request(1, 5, page(1), false);
    r.steps(6);
    assert_eq!((r.counts.walks, r.counts.merged), (3, 1));
    r.hold = false;
    r.answers.clear();
    while r.answers.len() < 3 {
        r.step();
    }
    // Those that share a walk are answered in the order of their waiters, in cycles that follow.
    let got: Vec<_> = r.answers.iter().map(|a| (a.0, a.2, a.3)).collect();
    assert_eq!(got[0], (2, 0, 0x100_6000));
    assert_eq!(got[1], (0, 0, 0x100_6000));
    assert_eq!(r.answers[0].1 + 1, r.answers[1].1);
    assert_eq!(got[2].0, 1);
    r.steps(3);
    assert!(r.m.idle.val());
}

#[test]
fn walks_beyond_the_walkers_wait_and_every_one_is_answered_once() {
    let mut r = Rig::new(mmu::MODE_SV39);
    r.ask(3, page(0), false);
    r.hold = true;
    let mut next = 1;
    // Clients of the block may have any number of translations under way; here all 8 waiters fill.
    for _ in 0..60 {
        if !r.m.req1_valid.val() && next < 12 {
            r.request(1, 3, page(next), false);
            next += 1;
        }
        r.step();
    }
    assert_eq!(r.taken.len(), 1 + 8);
    assert_eq!((r.counts.walks, r.counts.merged), (1 + 4, 0));
    assert!(r.counts.waits > 20 && !r.m.idle.val());
    r.hold = false;
    r.answers.clear();
    while r.answers.len() < 9 {
        r.step();
    }
    r.steps(10);
    assert_eq!(r.answers.len(), 9);
    let mut pages: Vec<_> = r.answers.iter().map(|a| a.3 >> 12).collect();
    pages.sort_unstable();
    assert_eq!(pages, (0x1006..0x100f).collect::<Vec<_>>());
    assert!(r.m.idle.val());
}

#[test]
fn an_invalidation_drops_the_space_that_it_names() {
    let mut r = Rig::new(mmu::MODE_SV39);
    let both = |r: &mut Rig| [3, 5].map(|asid| r.ask(asid, page(0), false).3);
    assert_eq!(both(&mut r), [3, 3]);
    assert_eq!(both(&mut r), [0, 0]);
    r.invalidate(1, 3);
    r.settle_invalidation();
    assert_eq!(both(&mut r), [3, 0]);
    // A range drops all of the space. After 8 generations the arrays are flushed.
    for n in 2..9 {
        r.invalidate(2, 3);
        r.settle_invalidation();
        assert_eq!(both(&mut r), [3, if n == 8 { 3 } else { 0 }]);
    }
    r.invalidate(0, 0);
    r.settle_invalidation();
    assert_eq!(both(&mut r), [3, 3]);
}

#[test]
fn an_invalidation_waits_for_walks_of_before_it_and_these_keep_nothing() {
    let mut r = Rig::new(mmu::MODE_SV39);
    r.hold = true;
    r.request(0, 3, page(0), false);
    r.steps(6);
    r.invalidate(1, 3);
    r.steps(20);
    assert!(r.m.inv_pending.val());
    // A request of after the flip does not share the old walk, and is answered while the other waits.
    let answers = r.answers.len();
    r.request(1, 3, page(0), false);
    r.steps(6);
    assert_eq!((r.counts.walks, r.counts.merged), (2, 0));
    assert_eq!(r.answers.len(), answers);
    r.hold = false;
    r.settle_invalidation();
    assert!(r.answers.iter().any(|a| a.0 == 0));
    r.steps(20);
    // One entry is there: that of the second walk. A third read would show two.
    assert_eq!(r.ask(3, page(0), false).3, 0);
    r.invalidate(0, 0);
    r.settle_invalidation();
    assert!(!r.m.inv_done.val() && r.m.idle.val());
}

#[test]
fn clients_are_taken_one_a_cycle_in_turn() {
    let mut r = Rig::new(mmu::MODE_BARE);
    for client in [2, 0, 1] {
        r.request(client, 3, 0x1000 * client as u64, false);
    }
    r.steps(8);
    assert_eq!(r.taken, [(0, 0), (1, 1), (2, 2)]);
    let up: Vec<_> = r.answers.iter().map(|a| (a.0, a.1, a.3)).collect();
    assert_eq!(up, [(0, 3, 0), (1, 4, 0x1000), (2, 5, 0x2000)]);
    assert_eq!(r.counts.waits, 0);
}

/// What a translation in space 3 or 5 must answer: cause and address.
fn expected(va: u64, write: bool) -> (u128, u128) {
    let fault = (if write { 15 } else { 13 }, 0);
    match va >> 12 {
        0x4_0201 => (0, u128::from(0x123_4000 | va & 0xfff)),
        0x4_0202 if !write => (0, u128::from(0x123_5000 | va & 0xfff)),
        n @ 0x4_0205..=0x4_03ff => (0, u128::from((0x1000 + n % 512) << 12 | va & 0xfff)),
        0x4_0400..=0x4_05ff => (0, u128::from(0x20_0000 | va & 0x1f_ffff)),
        0xc_0000..=0xf_ffff => (0, u128::from(0x8000_0000 | va & 0x3fff_ffff)),
        _ => fault,
    }
}

#[test]
fn every_request_is_answered_once_and_right_whatever_the_timing() {
    let mut r = Rig::new(mmu::MODE_SV39);
    let mut seed = 2024_u64;
    let mut random = |n: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n
    };
    let mut up: [Option<(u64, bool)>; 3] = [None; 3];
    let mut open: [Vec<(u128, u128)>; 3] = Default::default();
    let mut reads: Vec<(u64, u64)> = vec![];
    let (mut answers, mut merged, mut waits, mut flips) = (0, 0, 0, 0);
    for cycle in 0..4000 {
        // Requests for few pages, so that walks meet; none at the end.
        for (client, slot) in up.iter_mut().enumerate() {
            if slot.is_none() && cycle < 3600 && random(2) == 0 {
                let va = match random(4) {
                    0 => 0x4020_1000 + (random(4) << 12),
                    1 => 0x4040_0000 + (random(3) << 19),
                    2 => 0xc000_0000 + (random(3) << 28),
                    _ => page(random(24)),
                } + random(4096);
                let write = random(2) == 0;
                *slot = Some((va, write));
                r.request(client, 3 + 2 * random(2), va, write);
            }
        }
        r.m.inv_set.next = !r.m.inv_pending.val() && cycle < 3600 && random(100) == 0;
        r.m.inv.next = InvCmd {
            kind: random(3).into(),
            asid: (3 + 2 * random(2)).into(),
        };
        // The memory answers in any order, slower in some stretches.
        r.m.r_valid.next = false;
        if !reads.is_empty() && random(if cycle / 500 % 2 == 0 { 2 } else { 12 }) == 0 {
            let (at, walker) = reads.swap_remove(random(reads.len() as u64) as usize);
            r.m.r_valid.next = true;
            r.m.r_walker.next = walker.into();
            r.m.r_data.next = tables(at).into();
        }
        settle(&mut r.m);
        r.m.ar_grant.next = r.m.ar_req.val() && random(3) != 0;
        settle(&mut r.m);
        if r.m.ar_grant.val() {
            let walker = number(r.m.ar_walker.val()) as u64;
            assert!(reads.iter().all(|read| read.1 != walker));
            reads.push((number(r.m.ar_addr.val()) as u64, walker));
        }
        let answered = [
            r.m.rsp0_valid.val(),
            r.m.rsp1_valid.val(),
            r.m.rsp2_valid.val(),
        ];
        assert!(answered.iter().filter(|&&a| a).count() <= 1);
        for client in (0..3).filter(|&c| answered[c]) {
            let rsp = r.m.rsp.val();
            let got = (number(rsp.cause), number(rsp.addr));
            let at = open[client].iter().position(|want| *want == got);
            open[client].swap_remove(at.unwrap_or_else(|| panic!("cycle {cycle}: {got:x?}")));
            answers += 1;
        }
        let taken = [
            r.m.req0_taken.val(),
            r.m.req1_taken.val(),
            r.m.req2_taken.val(),
        ];
        merged += u32::from(r.m.merge_strobe.val());
        waits += u32::from(r.m.wait_strobe.val());
        flips += u32::from(r.m.inv_done.val());
        edge!(r.m);
        for client in (0..3).filter(|&c| taken[c]) {
            let (va, write) = up[client].take().expect("only what is up is taken");
            open[client].push(expected(va, write));
            match client {
                0 => r.m.req0_valid.next = false,
                1 => r.m.req1_valid.next = false,
                _ => r.m.req2_valid.next = false,
            }
        }
    }
    assert!(open.iter().all(Vec::is_empty) && r.m.idle.val());
    assert!(
        answers > 800 && merged > 50 && waits > 200 && flips > 10,
        "{answers} answers, {merged} merged, {waits} waits, {flips} invalidations"
    );
}
