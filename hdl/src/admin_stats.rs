//! The result of MMU_STATS_GET: the MMU's counters as they stood in the pick cycle, written into the answer at the end.
//!
//! Timing: contract §10. They are followed, a cycle behind, until an event's first busy cycle `start`, and held until its last,
//! `commit`. With `take` in that cycle t the words are written in t+1..=t+3. The core is in Scatter from t+1 on, and the
//! queue's first step of that takes three cycles more before it reads the answer (contract §9.1).
//! Reset: at rest.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::mmu_types::MmuCounts;

/// Words of the result.
const WORDS: u64 = 3;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminStats {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// First busy cycle of an event, and its last.
    pub start: Signal<In, Bit>,
    pub commit: Signal<In, Bit>,
    /// In the last: the words are wanted.
    pub take: Signal<In, Bit>,
    /// The counters.
    pub counts: Signal<In, MmuCounts>,
    /// Writes `data` to word `addr` of the answer.
    pub we: Signal<Out, Bit>,
    /// Word.
    pub addr: Signal<Out, Bits<4>>,
    /// Data.
    pub data: Signal<Out, Bits<64>>,
    kept: DFF<Bits<192>>,
    held: DFF<Bit>,
    at: DFF<Bits<4>>,
    none: Constant<Bits<4>>,
    first: Constant<Bits<4>>,
    last: Constant<Bits<4>>,
    word: Constant<Bits<8>>,
}

impl Default for AdminStats {
    fn default() -> Self {
        block_default!(
            clock, reset, start, commit, take, counts, we, addr, data, kept, held, at;
            none = 0u64, first = 1u64, last = WORDS, word = 64u64
        )
    }
}

impl Logic for AdminStats {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, kept, held, at);
        self.we.next = self.at.q.val() != self.none.val();
        self.addr.next = self.at.q.val();
        self.data.next = self.kept.q.val().get_bits::<64>(0);
        if !self.start.val() & !self.held.q.val() {
            self.kept.d.next = self.counts.val().into();
        }
        if self.start.val() {
            self.held.d.next = true;
        }
        if self.commit.val() {
            self.held.d.next = self.take.val();
        }
        if self.at.q.val() != self.none.val() {
            self.kept.d.next = self.kept.q.val() >> self.word.val();
            self.at.d.next = self.at.q.val() + self.first.val();
            if self.at.q.val() == self.last.val() {
                self.at.d.next = self.none.val();
                self.held.d.next = false;
            }
        }
        if self.take.val() {
            self.at.d.next = self.first.val();
        }
        if self.reset.val() {
            self.held.d.next = false;
            self.at.d.next = self.none.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use crate::util::number;

    #[test]
    fn admin_stats_lints_clean() {
        crate::util::assert_lint_clean("admin_stats", AdminStats::default());
    }

    #[test]
    fn the_counters_of_the_pick_cycle_become_three_words() {
        let mut s = AdminStats::default();
        s.connect_all();
        s.reset.next = true;
        edge!(s);
        s.reset.next = false;
        s.counts.next = MmuCounts {
            hits: 0x11u64.into(),
            misses: 0x22u64.into(),
            walks: 0x33u64.into(),
            merged: 0x44u64.into(),
            waits: 0x55u64.into(),
            faults: 0xffff_ff66u64.into(),
        };
        // The pick cycle; from the next one on the counters go on.
        edge!(s);
        s.counts.next = MmuCounts::default();
        s.start.next = true;
        edge!(s);
        s.start.next = false;
        edge!(s);
        (s.take.next, s.commit.next) = (true, true);
        edge!(s);
        (s.take.next, s.commit.next) = (false, false);
        for (addr, data) in [
            (1, 0x22_0000_0011),
            (2, 0x44_0000_0033),
            (3, 0xffff_ff66_0000_0055),
        ] {
            crate::util::settle(&mut s);
            assert!(s.we.val());
            assert_eq!((number(s.addr.val()), number(s.data.val())), (addr, data));
            edge!(s);
        }
        assert!(!s.we.val());
    }
}
