//! The accesses of a control op. Combinational.
//!
//! Contract §4: how many there are, which one is both words of a read, and where each begins. Part 1 of an op with an
//! access c is c, for b is then of a pair with a, and of part 0 until the bus is asked.

use crate::block_default;
use crate::ctl_types::CtlInfo;
use crate::types::{CTL_RD, CTL_WR};
use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

/// The shape of an op.
#[derive(LogicBlock)]
pub struct CtlShape {
    pub op: Signal<In, CtlInfo>,
    /// Which access is asked about.
    pub part: Signal<In, Bit>,
    /// How many accesses the op has.
    pub count: Signal<Out, Bits<2>>,
    /// It needs two translations: another access goes behind the first, or behind the first pair.
    pub again: Signal<Out, Bit>,
    /// The access asked about is both a and b, of one page: one translation.
    pub pair: Signal<Out, Bit>,
    /// The access asked about is c.
    pub third: Signal<Out, Bit>,
    /// The access asked about is a read.
    pub read: Signal<Out, Bit>,
    /// Its one access reads both words.
    pub merged: Signal<Out, Bit>,
    /// Its one write is cut at the end of a page.
    pub split: Signal<Out, Bit>,
    /// Then these bytes are before the end.
    pub chunk: Signal<Out, Bits<6>>,
    /// Address of the access as it is translated.
    pub va: Signal<Out, Bits<64>>,
    reads: Signal<Local, Bit>,
    writes: Signal<Local, Bit>,
    va_a: Signal<Local, Bits<64>>,
    va_b: Signal<Local, Bits<64>>,
    va_c: Signal<Local, Bits<64>>,
    is_third: Signal<Local, Bit>,
    same: Signal<Local, Bit>,
    same_page: Signal<Local, Bit>,
    both: Signal<Local, Bit>,
    cut: Signal<Local, Bit>,
    head_bytes: Signal<Local, Bits<6>>,
    end_in_page: Signal<Local, Bits<13>>,
    kind_rd: Constant<Bits<2>>,
    kind_wr: Constant<Bits<2>>,
    beat: Constant<Bits<64>>,
    align: Constant<Bits<64>>,
    zero: Constant<Bits<64>>,
    page_of: Constant<Bits<64>>,
    zero6: Constant<Bits<6>>,
    one_access: Constant<Bits<2>>,
    two_accesses: Constant<Bits<2>>,
    three_accesses: Constant<Bits<2>>,
    page: Constant<Bits<13>>,
}

impl CtlShape {
    /// For the data width of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            op, part, count, again, pair, third, read, merged, split, chunk, va, reads, writes, va_a, va_b, va_c, is_third, same, same_page, both, cut, head_bytes, end_in_page;
            kind_rd = CTL_RD, kind_wr = CTL_WR, beat = !(p.beat_bytes() as u64 - 1), align = !7_u64, zero = 0,
            page_of = !4095_u64, zero6 = 0, one_access = 1, two_accesses = 2, three_accesses = 3, page = 4096
        )
    }
}

impl Logic for CtlShape {
    #[hdl_gen]
    fn update(&mut self) {
        self.reads.next = self.op.val().kind == self.kind_rd.val();
        self.writes.next = self.op.val().kind == self.kind_wr.val();
        self.va_a.next = self.op.val().va;
        self.va_b.next = self.op.val().va_b;
        self.va_c.next = self.op.val().va_c;
        self.is_third.next = self.part.val() && self.op.val().third;
        self.same.next = ((self.va_a.val() ^ self.va_b.val()) & self.beat.val()) == self.zero.val();
        self.end_in_page.next = bit_cast::<13, 12>(self.va_a.val().get_bits::<12>(0))
            + bit_cast::<13, 7>(self.op.val().len);
        self.cut.next = self.writes.val()
            && !self.op.val().two
            && !self.op.val().third
            && (self.end_in_page.val() > self.page.val());
        self.head_bytes.next = self.zero6.val() - self.va_a.val().get_bits::<6>(0);
        self.merged.next = self.reads.val() && self.op.val().two && self.same.val();
        self.split.next = self.cut.val();
        self.chunk.next = self.head_bytes.val();
        self.both.next =
            self.op.val().two && (self.writes.val() || (self.reads.val() && !self.same.val()));
        self.same_page.next =
            ((self.va_a.val() ^ self.va_b.val()) & self.page_of.val()) == self.zero.val();
        self.count.next = self.one_access.val();
        if self.cut.val() || self.both.val() || self.op.val().third {
            self.count.next = self.two_accesses.val();
        }
        if self.both.val() && self.op.val().third {
            self.count.next = self.three_accesses.val();
        }
        self.again.next =
            self.cut.val() || self.op.val().third || (self.both.val() && !self.same_page.val());
        self.pair.next = self.both.val() && self.same_page.val() && !self.is_third.val();
        self.third.next = self.is_third.val();
        self.read.next = self.reads.val() || self.is_third.val();
        self.va.next = self.va_a.val();
        if self.part.val() {
            self.va.next = self.va_b.val();
            if self.cut.val() {
                self.va.next = self.va_a.val() + bit_cast::<64, 6>(self.head_bytes.val());
            }
        }
        if self.reads.val() {
            self.va.next = self.va_a.val() & self.align.val();
            if self.part.val() {
                self.va.next = self.va_b.val() & self.align.val();
            }
        }
        if self.is_third.val() {
            self.va.next = self.va_c.val() & self.align.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::{assert_lint_clean, number, settle};
    use shoal_abi::profile::{HYPER, MID, TINY};

    #[test]
    fn it_is_lint_clean() {
        for p in [TINY, MID, HYPER] {
            assert_lint_clean("ctl-shape", CtlShape::new(&p));
        }
    }

    #[test]
    fn two_words_are_one_access_only_within_a_beat() {
        for (p, merged) in [(TINY, [1, 0, 0]), (MID, [1, 1, 0]), (HYPER, [1, 1, 1])] {
            let mut s = CtlShape::new(&p);
            s.connect_all();
            for (va_b, merged) in [0x1002_u64, 0x1008, 0x1038].into_iter().zip(merged) {
                s.op.next = CtlInfo {
                    kind: CTL_RD.into(),
                    two: true,
                    va: 0x1004.into(),
                    va_b: va_b.into(),
                    ..CtlInfo::default()
                };
                settle(&mut s);
                assert_eq!(s.merged.val(), merged == 1);
                assert_eq!(number(s.count.val()), 2 - merged);
                assert!(!s.again.val() && s.read.val());
                assert_eq!(s.pair.val(), merged == 0, "one page");
            }
        }
    }

    #[test]
    fn a_write_is_cut_at_the_end_of_its_page() {
        let mut s = CtlShape::new(&TINY);
        s.connect_all();
        for (va, len, cut) in [
            (0x1ff8, 8, false),
            (0x1fc0, 64, false),
            (0x1ffd, 3, false),
            (0x1ffd, 64, true),
        ] {
            s.op.next = CtlInfo {
                kind: CTL_WR.into(),
                va: (va as u64).into(),
                len: (len as u64).into(),
                ..CtlInfo::default()
            };
            s.part.next = cut;
            settle(&mut s);
            assert_eq!((s.split.val(), s.again.val()), (cut, cut));
            assert_eq!(number(s.count.val()), 1 + u128::from(cut));
            if cut {
                assert_eq!((number(s.chunk.val()), number(s.va.val())), (3, 0x2000));
            }
        }
    }

    #[test]
    fn an_access_c_is_behind_the_others() {
        for (two, count) in [(false, 2), (true, 3)] {
            let mut s = CtlShape::new(&TINY);
            s.connect_all();
            s.op.next = CtlInfo {
                kind: CTL_WR.into(),
                two,
                va: 0x1f00.into(),
                len: 16.into(),
                va_b: 0x1ffe.into(),
                third: true,
                va_c: 0x5fffe.into(),
                ..CtlInfo::default()
            };
            settle(&mut s);
            assert!((number(s.count.val()), s.again.val()) == (count, true));
            assert!(s.pair.val() == two && !s.third.val() && !s.read.val());
            assert_eq!(number(s.va.val()), 0x1f00);
            s.part.next = true;
            settle(&mut s);
            assert!((number(s.count.val()), s.again.val()) == (count, true));
            assert!(!s.pair.val() && s.third.val() && s.read.val());
            assert_eq!(number(s.va.val()), 0x5fff8);
        }
    }
}
