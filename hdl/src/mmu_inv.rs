//! Invalidation: generations of address spaces, flush of the arrays, and the count of translations under way.
//!
//! Timing: contract §5.4. `closed`, `flushing`, `frozen`, `mep`, `done` and `clear` are functions of state; the generation
//! of `asid` is there a cycle after `asid`. Reset: Idle, nothing pending, `mep` and both counts 0; generations stay.

use crate::block_default;
use crate::types::{InvCmd, INV_ALL};
use rust_hdl::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
enum InvState {
    Idle,
    Gen,
    Bump,
    Flush,
    Flip,
    Drain,
    Done,
}

/// The unit; `AA` address bits of the ASID table, `GW` bits of a generation.
#[derive(LogicBlock)]
pub struct MmuInv<const AA: usize, const GW: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// Starts an invalidation.
    pub inv_set: Signal<In, Bit>,
    pub inv: Signal<In, InvCmd>,
    pub pending: Signal<Out, Bit>,
    /// State Done: the epoch of the accesses flips.
    pub done: Signal<Out, Bit>,
    pub idle: Signal<Out, Bit>,
    /// State Gen: the generations are read for the invalidation.
    pub closed: Signal<Out, Bit>,
    /// State Flush: what is read of the arrays does not count.
    pub flushing: Signal<Out, Bit>,
    /// State Flush or Flip: walks write nothing.
    pub frozen: Signal<Out, Bit>,
    /// Epoch of translations taken now.
    pub mep: Signal<Out, Bit>,
    /// A look-up is taken.
    pub begin_look: Signal<In, Bit>,
    /// An answer is up, of a translation of epoch `answer_mep`.
    pub answer: Signal<In, Bit>,
    pub answer_mep: Signal<In, Bit>,
    /// Whose generation to read.
    pub asid: Signal<In, Bits<17>>,
    pub generation: Signal<Out, Bits<16>>,
    pub sweep: Signal<In, Bit>,
    pub sweep_index: Signal<In, Bits<18>>,
    /// Clear `clear_index` of every array.
    pub clear: Signal<Out, Bit>,
    pub clear_index: Signal<Out, Bits<18>>,
    generations: RAM<Bits<GW>, AA>,
    state: DFF<InvState>,
    waiting: DFF<Bit>,
    all_spaces: DFF<Bit>,
    space: DFF<Bits<17>>,
    epoch: DFF<Bit>,
    count0: DFF<Bits<8>>,
    count1: DFF<Bits<8>>,
    entry: DFF<Bits<18>>,
    up0: Signal<Local, Bit>,
    up1: Signal<Local, Bit>,
    down0: Signal<Local, Bit>,
    down1: Signal<Local, Bit>,
    drained: Signal<Local, Bit>,
    gen_one: Constant<Bits<GW>>,
    no_gen: Constant<Bits<GW>>,
    kind_all: Constant<Bits<2>>,
    last: Constant<Bits<18>>,
    one18: Constant<Bits<18>>,
    one: Constant<Bits<8>>,
    none: Constant<Bits<8>>,
}

impl<const AA: usize, const GW: usize> MmuInv<AA, GW> {
    /// The unit in front of arrays of at most 2^`largest` sets.
    #[must_use]
    pub fn new(largest: usize) -> Self {
        block_default!(
            clock, reset, inv_set, inv, pending, done, idle, closed, flushing, frozen, mep, begin_look, answer,
            answer_mep, asid, generation, sweep, sweep_index, clear, clear_index, generations, state, waiting,
            all_spaces, space, epoch, count0, count1, entry, up0, up1, down0, down1, drained;
            gen_one = 1, no_gen = 0, kind_all = INV_ALL, last = (1_u64 << largest) - 1, one18 = 1, one = 1, none = 0
        )
    }
}

impl<const AA: usize, const GW: usize> Logic for MmuInv<AA, GW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, waiting, all_spaces, space, epoch, count0, count1, entry);
        self.generations.read_clock.next = self.clock.val();
        self.generations.write_clock.next = self.clock.val();
        self.pending.next = self.waiting.q.val();
        self.done.next = self.state.q.val() == InvState::Done;
        self.idle.next = self.state.q.val() == InvState::Idle;
        self.closed.next = self.state.q.val() == InvState::Gen;
        self.flushing.next = self.state.q.val() == InvState::Flush;
        self.frozen.next =
            (self.state.q.val() == InvState::Flush) || (self.state.q.val() == InvState::Flip);
        self.mep.next = self.epoch.q.val();
        // Generations: read for look-ups, but in Gen for the invalidation.
        self.generation.next = bit_cast::<16, GW>(self.generations.read_data.val());
        self.generations.read_address.next = self.asid.val().get_bits::<AA>(0);
        if self.state.q.val() == InvState::Gen {
            self.generations.read_address.next = self.space.q.val().get_bits::<AA>(0);
        }
        self.generations.write_address.next = self.space.q.val().get_bits::<AA>(0);
        self.generations.write_data.next = self.generations.read_data.val() + self.gen_one.val();
        self.generations.write_enable.next =
            (self.state.q.val() == InvState::Bump) || self.sweep.val();
        if self.sweep.val() {
            self.generations.write_address.next = self.sweep_index.val().get_bits::<AA>(0);
            self.generations.write_data.next = self.no_gen.val();
        }
        self.clear.next = (self.state.q.val() == InvState::Flush) || self.sweep.val();
        self.clear_index.next = self.entry.q.val();
        if self.sweep.val() {
            self.clear_index.next = self.sweep_index.val();
        }
        // Translations under way, by the epoch in which they were taken.
        self.up0.next = self.begin_look.val() && !self.epoch.q.val();
        self.up1.next = self.begin_look.val() && self.epoch.q.val();
        self.down0.next = self.answer.val() && !self.answer_mep.val();
        self.down1.next = self.answer.val() && self.answer_mep.val();
        if self.up0.val() && !self.down0.val() {
            self.count0.d.next = self.count0.q.val() + self.one.val();
        }
        if self.down0.val() && !self.up0.val() {
            self.count0.d.next = self.count0.q.val() - self.one.val();
        }
        if self.up1.val() && !self.down1.val() {
            self.count1.d.next = self.count1.q.val() + self.one.val();
        }
        if self.down1.val() && !self.up1.val() {
            self.count1.d.next = self.count1.q.val() - self.one.val();
        }
        self.drained.next = self.count1.q.val() == self.none.val();
        if self.epoch.q.val() {
            self.drained.next = self.count0.q.val() == self.none.val();
        }
        match self.state.q.val() {
            InvState::Idle => {
                self.entry.d.next = 0.into();
                if self.waiting.q.val() {
                    self.state.d.next = InvState::Gen;
                    if self.all_spaces.q.val() {
                        self.state.d.next = InvState::Flush;
                    }
                }
            }
            InvState::Gen => {
                self.state.d.next = InvState::Bump;
            }
            InvState::Bump => {
                // A generation that comes round would bring old entries back.
                self.state.d.next = InvState::Flip;
                if self.generations.read_data.val().all() {
                    self.state.d.next = InvState::Flush;
                }
            }
            InvState::Flush => {
                self.entry.d.next = self.entry.q.val() + self.one18.val();
                if self.entry.q.val() == self.last.val() {
                    self.state.d.next = InvState::Flip;
                }
            }
            InvState::Flip => {
                self.epoch.d.next = !self.epoch.q.val();
                self.state.d.next = InvState::Drain;
            }
            InvState::Drain => {
                if self.drained.val() {
                    self.state.d.next = InvState::Done;
                }
            }
            InvState::Done => {
                self.waiting.d.next = false;
                self.state.d.next = InvState::Idle;
            }
            _ => {
                self.state.d.next = InvState::Idle;
            }
        }
        if self.inv_set.val() {
            self.waiting.d.next = true;
            self.all_spaces.d.next = self.inv.val().kind == self.kind_all.val();
            self.space.d.next = self.inv.val().asid;
        }
        if self.reset.val() {
            self.state.d.next = InvState::Idle;
            self.waiting.d.next = false;
            self.epoch.d.next = false;
            self.count0.d.next = 0.into();
            self.count1.d.next = 0.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use crate::types::INV_ASID;
    use crate::util::{assert_lint_clean, number};

    type Small = MmuInv<4, 2>;

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("mmu-inv", Small::new(2));
        assert_lint_clean("mmu-inv-17", MmuInv::<17, 16>::new(10));
    }

    fn fresh() -> Small {
        let mut m = Small::new(2);
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
        m
    }

    /// Runs one invalidation; a letter for each cycle while it is pending.
    fn run(m: &mut Small, kind: u64, asid: u64) -> String {
        m.inv_set.next = true;
        m.inv.next = InvCmd {
            kind: kind.into(),
            asid: asid.into(),
        };
        edge!(*m);
        m.inv_set.next = false;
        let mut trace = String::new();
        while m.pending.val() {
            trace.push(match (m.idle.val(), m.closed.val(), m.flushing.val()) {
                (true, ..) => 'i',
                (_, true, _) => 'g',
                (.., true) => 'F',
                _ if m.frozen.val() => 'f',
                _ if m.done.val() => 'd',
                _ => '.',
            });
            assert!(trace.len() < 50);
            edge!(*m);
        }
        trace
    }

    fn generation(m: &mut Small, asid: u64) -> u128 {
        m.asid.next = asid.into();
        edge!(*m);
        number(m.generation.val())
    }

    #[test]
    fn a_generation_is_bumped_and_flushes_when_it_comes_round() {
        let mut m = fresh();
        // Idle, Gen, Bump, Flip, Drain, Done.
        for n in 1..4 {
            assert_eq!(run(&mut m, INV_ASID, 5), "ig.f.d");
            assert_eq!(generation(&mut m, 5), n);
        }
        assert_eq!(run(&mut m, INV_ASID, 5), "ig.FFFFf.d");
        assert_eq!((generation(&mut m, 5), generation(&mut m, 4)), (0, 0));
        assert_eq!(run(&mut m, INV_ALL, 5), "iFFFFf.d");
        assert_eq!(generation(&mut m, 5), 0);
    }

    #[test]
    fn drain_waits_for_translations_of_the_old_epoch_alone() {
        let mut m = fresh();
        m.begin_look.next = true;
        edge!(m);
        m.begin_look.next = false;
        m.inv_set.next = true;
        edge!(m);
        m.inv_set.next = false;
        for _ in 0..20 {
            edge!(m);
        }
        assert!(m.pending.val() && m.mep.val() && !m.done.val());
        // One of the new epoch comes and goes.
        m.begin_look.next = true;
        edge!(m);
        m.begin_look.next = false;
        (m.answer.next, m.answer_mep.next) = (true, true);
        edge!(m);
        m.answer.next = false;
        edge!(m);
        assert!(!m.done.val());
        (m.answer.next, m.answer_mep.next) = (true, false);
        edge!(m);
        m.answer.next = false;
        edge!(m);
        assert!(m.done.val());
    }
}
