//! Words of one AXI ID: asked for, arrived, not yet taken. They come in the order in which they were asked for.
//!
//! Contract §9. Timing: `lane`, `valid`, `word`, `count` and `none` are functions of state; the rest acts at the edge.
//! In every cycle that is not live what has arrived is dropped; only the number of words still to come stays right.

use rust_hdl::prelude::*;

use crate::adminq_types::ReadWord;
use crate::block_default;
use crate::fifo::Fifo;

/// Up to 2^`AW` words.
#[derive(LogicBlock)]
pub struct AdminqWords<const AW: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// The queue is live.
    pub live: Signal<In, Bit>,
    /// A word has been asked for.
    pub asked: Signal<In, Bit>,
    /// Its 64-bit lane, were the bus 512 bits wide.
    pub asked_lane: Signal<In, Bits<3>>,
    /// That of the word that comes next.
    pub lane: Signal<Out, Bits<3>>,
    /// A word arrives.
    pub r_valid: Signal<In, Bit>,
    /// It.
    pub r: Signal<In, ReadWord>,
    /// Take the word at the head.
    pub pop: Signal<In, Bit>,
    /// There is one.
    pub valid: Signal<Out, Bit>,
    /// It.
    pub word: Signal<Out, ReadWord>,
    /// Words that have arrived.
    pub count: Signal<Out, Bits<16>>,
    /// No word is still to come.
    pub none: Signal<Out, Bit>,
    lanes: Fifo<Bits<3>, AW>,
    words: Fifo<ReadWord, AW>,
    out: DFF<Bits<8>>,
    unused: Signal<Local, Bit>,
    zero: Constant<Bits<8>>,
    one: Constant<Bits<8>>,
}

impl<const AW: usize> Default for AdminqWords<AW> {
    fn default() -> Self {
        block_default!(
            clock, reset, live, asked, asked_lane, lane, r_valid, r, pop, valid, word, count, none, lanes, words, out,
            unused;
            zero = 0u64, one = 1u64
        )
    }
}

impl<const AW: usize> Logic for AdminqWords<AW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, out);
        clock!(self, clock, lanes, words);
        self.lanes.reset.next = self.reset.val() | !self.live.val();
        self.lanes.push.next = self.asked.val();
        self.lanes.push_data.next = self.asked_lane.val();
        self.lanes.pop.next = self.r_valid.val();
        self.lane.next = self.lanes.data.val();
        self.unused.next = self.lanes.count.val().any() | self.lanes.valid.val();
        self.words.reset.next = self.reset.val() | !self.live.val();
        self.words.push.next = self.r_valid.val();
        self.words.push_data.next = self.r.val();
        self.words.pop.next = self.pop.val();
        self.valid.next = self.words.valid.val();
        self.word.next = self.words.data.val();
        self.count.next = self.words.count.val();
        self.none.next = self.out.q.val() == self.zero.val();
        if self.asked.val() & !self.r_valid.val() {
            self.out.d.next = self.out.q.val() + self.one.val();
        }
        if self.r_valid.val() & !self.asked.val() & (self.out.q.val() != self.zero.val()) {
            self.out.d.next = self.out.q.val() - self.one.val();
        }
        if self.reset.val() {
            self.out.d.next = self.zero.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use crate::util::number;

    #[test]
    fn adminq_words_lint_clean() {
        crate::util::assert_lint_clean("adminq_words", AdminqWords::<6>::default());
    }

    #[test]
    fn words_of_before_are_dropped_but_still_counted() {
        let mut w = AdminqWords::<5>::default();
        w.connect_all();
        w.reset.next = true;
        edge!(w);
        w.reset.next = false;
        w.live.next = true;
        w.asked.next = true;
        for lane in [5u64, 2, 7] {
            w.asked_lane.next = lane.into();
            edge!(w);
        }
        w.asked.next = false;
        assert_eq!(number(w.lane.val()), 5);
        w.r_valid.next = true;
        edge!(w);
        assert!(w.valid.val() && !w.none.val());
        assert_eq!(number(w.lane.val()), 2);
        w.live.next = false;
        edge!(w);
        assert!(!w.valid.val() && !w.none.val());
        edge!(w);
        assert!(!w.valid.val() && w.none.val());
        edge!(w);
        assert!(w.none.val());
    }
}
