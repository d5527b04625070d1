//! Random page tables, random waits, reads answered in any order: every answer is what the tables say.

use super::*;
use shoal_abi::profile::MID;

const TABLES: u64 = 6;
const ASIDS: u32 = 6;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 20
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Entries 0 to 3 and the last of every table: nothing, tables in a circle, leaves of all kinds, noise.
    fn tables(&mut self, b: &mut Bench) {
        b.mem.clear();
        for table in 0..TABLES {
            for index in [0, 1, 2, 3, 511] {
                let target = (1 + self.below(TABLES)) << 12;
                let (target, flags) = match self.below(10) {
                    0 => (self.next() << 12, self.next() & 0xff | PTE_V),
                    1 => (0, 0),
                    2 => (self.next() << 39, LEAF & !(1 << self.below(8))),
                    3 => (self.next() << 30, LEAF),
                    4 => (self.next() << 21, LEAF),
                    _ => (target, PTE_V),
                };
                b.pte(ROOT + (table << 12), index, target & ((1 << 56) - 1), flags);
            }
        }
        b.bad = Some(ROOT + (self.below(TABLES) << 12) + 8 * self.below(4));
    }

    fn request(&mut self) -> Request {
        let index = |r: &mut Self| [0, 1, 2, 3, 511, 0, 1, 0][r.below(8) as usize];
        let mut va = (0..4).fold(0, |va, _| va << 9 | index(self)) << 12 | self.below(4096);
        va = match self.below(8) {
            0 => va,
            1 => self.next() << 20,
            2 => (va << 16) as i64 as u64 >> 16 | 0xffff << 48,
            3 => va & ((1 << 48) - 1) >> 1,
            _ => va & ((1 << 39) - 1) >> 1,
        };
        Request {
            asid: self.below(u64::from(ASIDS)) as u32,
            va,
            write: self.below(3) == 0,
            tag: self.below(1024) as u16,
        }
    }
}

fn space(n: u32) -> AsidEntry {
    AsidEntry {
        mode: [
            MODE_SV39, MODE_SV48, MODE_SV39, MODE_SV48, MODE_BARE, MODE_OFF,
        ][n as usize],
        pasid_valid: n & 1 == 0,
        pasid: n,
        root: ROOT + (u64::from(n % 3) << 12),
    }
}

/// The answer by the page tables alone, entry after entry as the privileged architecture says.
fn expected(b: &Bench, q: Request) -> Answer {
    let e = space(q.asid);
    let user = if e.pasid_valid {
        USER_PASID_VALID | e.pasid
    } else {
        0
    };
    let fault = |cause| Answer {
        cause,
        tag: q.tag,
        ..Answer::default()
    };
    let page_fault = fault([CAUSE_READ_PAGE, CAUSE_WRITE_PAGE][usize::from(q.write)]);
    let (mut level, bits) = match e.mode {
        MODE_OFF => return fault(CAUSE_ASID_OFF),
        MODE_BARE => {
            return Answer {
                cause: 0,
                address: q.va,
                user,
                tag: q.tag,
            }
        }
        MODE_SV39 => (2, 39),
        _ => (3, 48),
    };
    if (q.va << (64 - bits)) as i64 >> (64 - bits) != q.va as i64 {
        return page_fault;
    }
    let mut table = e.root;
    loop {
        let at = table + (q.va >> (12 + 9 * level) & 511) * 8;
        if b.bad == Some(at) {
            return fault(CAUSE_TABLE_ACCESS);
        }
        let pte = b.mem.get(&at).copied().unwrap_or(0);
        let flag = |f| pte & f == f;
        if !flag(PTE_V) || flag(PTE_W) && !flag(PTE_R) || pte & PTE_RESERVED != 0 {
            return page_fault;
        }
        let target = pte >> PTE_PPN_LSB << 12 & ((1 << 56) - 1);
        if flag(PTE_R) || flag(PTE_X) {
            let page = 1_u64 << (12 + 9 * level);
            let right = if q.write { PTE_W | PTE_D } else { PTE_R };
            if target & (page - 1) != 0 || !flag(PTE_A | right) {
                return page_fault;
            }
            return Answer {
                cause: 0,
                address: target + q.va % page,
                user,
                tag: q.tag,
            };
        }
        if level == 0 {
            return page_fault;
        }
        (level, table) = (level - 1, target);
    }
}

/// Translations of a client that are under way in a session.
const AT_A_TIME: usize = 5;

/// Requests of three clients, some at a time each, through many changes of the tables.
fn session(p: &'static Profile, seed: u64) {
    let mut x = Random(seed);
    let mut b = Bench::new(p, MODE_OFF);
    for n in 0..ASIDS {
        b.bind(n, space(n));
    }
    let (mut checked, mut ok) = (0, 0);
    for round in 0..60 {
        // New tables: what is under way, and what is asked for before the invalidations are through, may see either.
        x.tables(&mut b);
        b.i.partition = x.below(3) == 0;
        let kinds = match round % 3 {
            0 => vec![Invalidate::All],
            _ => (0..ASIDS).map(Invalidate::Asid).collect(),
        };
        let mut kinds = kinds.into_iter();
        let mut fresh_from = None;
        let mut asked: [Vec<(Request, bool)>; CLIENTS] = Default::default();
        let mut last = x.request();
        let mut left = 600;
        while left > 0 || asked.iter().any(|a| !a.is_empty()) {
            left -= 1;
            assert!(left > -4000, "a request without answer");
            if !b.m.outputs().pending && fresh_from.is_none() && b.i.invalidate.is_none() {
                b.i.invalidate = kinds.next();
                if b.i.invalidate.is_none() {
                    fresh_from = Some(b.cycle);
                }
            }
            for (c, under_way) in asked.iter_mut().enumerate() {
                if under_way.len() < AT_A_TIME && left > 0 && x.below(4) != 0 {
                    // Often the page of the request before, so that walks are joined.
                    let mut q = x.request();
                    if x.below(3) == 0 {
                        q.va = last.va ^ x.below(4096);
                        (q.asid, q.write) = (last.asid, last.write);
                    }
                    if under_way.iter().any(|(other, _)| other.tag == q.tag) {
                        continue;
                    }
                    last = q;
                    under_way.push((q, fresh_from.is_some()));
                    b.ask(c, q);
                }
            }
            b.grants = x.below(3) != 0;
            b.latency = 1 + x.below(20);
            let o = b.step();
            for (c, answer) in o.answers.into_iter().enumerate() {
                let Some(a) = answer else { continue };
                let of = asked[c].iter().position(|(q, _)| q.tag == a.tag);
                let (q, fresh) = asked[c].swap_remove(of.expect("an answer to a request"));
                if fresh {
                    assert_eq!(a, expected(&b, q), "seed {seed} round {round} {q:?}");
                    checked += 1;
                    ok += u32::from(a.cause == 0);
                }
            }
        }
        b.settle();
    }
    assert!(checked > 3000 && ok > 300, "{checked} checked, {ok} good");
    let [hits, misses, walks, merged, waits, faults] = b.m.outputs().counters;
    assert_eq!(walks + merged, misses);
    for (what, n) in [
        ("hits", hits),
        ("merged", merged),
        ("waits", waits),
        ("faults", faults),
    ] {
        assert!(n > 20, "{what}: {n}");
    }
}

#[test]
fn answers_are_what_the_tables_say() {
    for seed in 0..6 {
        session(&TINY, seed);
        session(&MID, 100 + seed);
    }
}

#[test]
fn every_request_of_many_at_once_is_answered() {
    let mut x = Random(7);
    let mut b = Bench::new(&TINY, MODE_OFF);
    for n in 0..ASIDS {
        b.bind(n, space(n));
    }
    x.tables(&mut b);
    for n in 0..20_000 {
        if n < 10_000 {
            for c in 0..CLIENTS {
                if b.asks[c].is_empty() {
                    b.ask(c, x.request());
                }
            }
        }
        if n % 500 == 3 && !b.m.outputs().pending {
            b.i.invalidate = Some(Invalidate::Asid(n % ASIDS));
        }
        b.grants = x.below(4) == 0;
        b.latency = 1 + x.below(60);
        b.step();
    }
    b.settle();
    assert_eq!(b.answers.len(), b.taken.len());
    assert!(b.taken.len() > 1000);
    let [_, misses, walks, merged, ..] = b.m.outputs().counters;
    assert_eq!(walks + merged, misses);
}
