//! The table walkers: which walks are under way, who may join them, and which of them asks, waits and answers.
//!
//! Timing: contract §5.2, §5.3. A walker is Idle, or in one of four states, each a vector with a bit a walker. `placed`,
//! `walker` and the AR request are functions of state and, the former, of `place`; everything else acts at the edge.
//! `turn` is the lowest walker in Done, kept in a register so that its waiters can be told apart in the same cycle.
//! Reset: all Idle.

use crate::block_default;
use crate::mmu_pick::{BitNumber, Lowest};
use crate::mmu_types::{Place, PteAt, WalkTag};
use rust_hdl::prelude::*;

/// `NW` <= 64 walkers with numbers of `WW` bits.
#[derive(LogicBlock)]
pub struct MmuWalkers<const NW: usize, const WW: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// A waiter to place.
    pub place_valid: Signal<In, Bit>,
    pub place: Signal<In, Place>,
    /// It is placed: with `walker`, whose walk it shares or which takes its walk.
    pub placed: Signal<Out, Bit>,
    pub walker: Signal<Out, Bits<WW>>,
    pub merged: Signal<Out, Bit>,
    pub start: Signal<Out, Bit>,
    /// Walker `turn` is in Done and answers next.
    pub ready: Signal<Out, Bit>,
    pub turn: Signal<Out, Bits<WW>>,
    /// Its last waiter is answered.
    pub finish: Signal<In, Bit>,
    pub ar_req: Signal<Out, Bit>,
    pub ar_addr: Signal<Out, Bits<64>>,
    pub ar_walker: Signal<Out, Bits<6>>,
    pub ar_grant: Signal<In, Bit>,
    pub r_valid: Signal<In, Bit>,
    pub r_walker: Signal<In, Bits<6>>,
    /// The R beat is that of a walker in Wait.
    pub beat: Signal<Out, Bit>,
    pub beat_walker: Signal<Out, Bits<WW>>,
    pub beat_level: Signal<Out, Bits<2>>,
    /// The walker in Eval goes on at `next_at`, or has ended.
    pub down: Signal<In, Bit>,
    pub over: Signal<In, Bit>,
    pub next_at: Signal<In, PteAt>,
    pub next_level: Signal<In, Bits<2>>,
    asking: DFF<Bits<NW>>,
    waiting: DFF<Bits<NW>>,
    judging: DFF<Bits<NW>>,
    done: DFF<Bits<NW>>,
    next_turn: DFF<Bits<WW>>,
    tags: [DFF<Bits<54>>; NW],
    ats: [DFF<Bits<53>>; NW],
    levels: [DFF<Bits<2>>; NW],
    first_idle: Lowest<NW>,
    first_asking: Lowest<NW>,
    first_done: Lowest<NW>,
    rest_done: Lowest<NW>,
    all_done: Lowest<NW>,
    taker: BitNumber<NW, WW>,
    asker: BitNumber<NW, WW>,
    coming: BitNumber<NW, WW>,
    tag: Signal<Local, WalkTag>,
    key: Signal<Local, Bits<54>>,
    vpn: Signal<Local, Bits<36>>,
    first_at: Signal<Local, PteAt>,
    new_at: Signal<Local, Bits<53>>,
    down_at: Signal<Local, Bits<53>>,
    same: Signal<Local, Bits<NW>>,
    shared: Signal<Local, Bits<NW>>,
    shares: Signal<Local, Bit>,
    begins: Signal<Local, Bit>,
    began: Signal<Local, Bits<NW>>,
    granted: Signal<Local, Bits<NW>>,
    came: Signal<Local, Bits<NW>>,
    arrived: Signal<Local, Bits<NW>>,
    descended: Signal<Local, Bits<NW>>,
    ended: Signal<Local, Bits<NW>>,
    finished: Signal<Local, Bits<NW>>,
    at: Signal<Local, Bits<53>>,
    level: Signal<Local, Bits<2>>,
    ask_number: Signal<Local, Bits<WW>>,
    no_tag: Constant<WalkTag>,
    no_at: Constant<PteAt>,
    nobody: Constant<Bits<NW>>,
    level0: Constant<Bits<2>>,
    level1: Constant<Bits<2>>,
    level2: Constant<Bits<2>>,
    pte_shift: Constant<Bits<2>>,
    bits: [Constant<Bits<NW>>; NW],
    numbers: [Constant<Bits<6>>; NW],
}

impl<const NW: usize, const WW: usize> Default for MmuWalkers<NW, WW> {
    fn default() -> Self {
        block_default!(
            clock, reset, place_valid, place, placed, walker, merged, start, ready, turn, finish, ar_req, ar_addr,
            ar_walker, ar_grant, r_valid, r_walker, beat, beat_walker, beat_level, down, over, next_at, next_level,
            asking, waiting, judging, done, next_turn, first_idle, first_asking, first_done, rest_done, all_done, taker,
            asker, coming, tag, key, vpn, first_at, new_at, down_at, same, shared, shares, begins, began, granted, came,
            arrived, descended, ended, finished, at, level, ask_number;
            no_tag = WalkTag::default(), no_at = PteAt::default(), nobody = 0, level0 = 0, level1 = 1, level2 = 2,
            pte_shift = 3;
            tags = std::array::from_fn(|_| DFF::default()), ats = std::array::from_fn(|_| DFF::default()),
            levels = std::array::from_fn(|_| DFF::default()),
            bits = std::array::from_fn(|i| Constant::new((1_u64 << i).into())),
            numbers = std::array::from_fn(|i| Constant::new((i as u64).into()))
        )
    }
}

impl<const NW: usize, const WW: usize> Logic for MmuWalkers<NW, WW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, asking, waiting, judging, done, next_turn);
        // The walk that the waiter asks for, and where it starts.
        self.vpn.next = self.place.val().vpn;
        self.tag.next = self.no_tag.val();
        self.tag.next.asid = self.place.val().asid;
        self.tag.next.vpn = self.place.val().vpn;
        self.tag.next.mep = self.place.val().mep;
        self.key.next = self.tag.val().into();
        self.first_at.next = self.no_at.val();
        self.first_at.next.base = self.place.val().base;
        self.first_at.next.index = self.vpn.val().get_bits::<9>(27);
        if self.place.val().level == self.level0.val() {
            self.first_at.next.index = self.vpn.val().get_bits::<9>(0);
        } else if self.place.val().level == self.level1.val() {
            self.first_at.next.index = self.vpn.val().get_bits::<9>(9);
        } else if self.place.val().level == self.level2.val() {
            self.first_at.next.index = self.vpn.val().get_bits::<9>(18);
        }
        self.new_at.next = self.first_at.val().into();
        self.down_at.next = self.next_at.val().into();
        // Compared with every walker; those whose R beat this is; the address of the lowest that asks.
        self.first_asking.among.next = self.asking.q.val();
        self.same.next = self.nobody.val();
        self.came.next = self.nobody.val();
        self.at.next = 0.into();
        self.level.next = 0.into();
        for i in 0..NW {
            if self.tags[i].q.val() == self.key.val() {
                self.same.next = self.same.val() | self.bits[i].val();
            }
            if self.r_walker.val() == self.numbers[i].val() {
                self.came.next = self.came.val() | self.bits[i].val();
                self.level.next = self.level.val() | self.levels[i].q.val();
            }
            if self.first_asking.one_hot.val().get_bit(i) {
                self.at.next = self.at.val() | self.ats[i].q.val();
            }
        }
        self.shared.next =
            self.same.val() & (self.asking.q.val() | self.waiting.q.val() | self.judging.q.val());
        self.shares.next = self.shared.val().any();
        self.first_idle.among.next = !(self.asking.q.val()
            | self.waiting.q.val()
            | self.judging.q.val()
            | self.done.q.val());
        self.begins.next =
            self.place_valid.val() && !self.shares.val() && self.first_idle.found.val();
        self.taker.one_hot.next = self.first_idle.one_hot.val();
        if self.shares.val() {
            self.taker.one_hot.next = self.shared.val();
        }
        self.walker.next = self.taker.number.val();
        self.placed.next =
            self.place_valid.val() && (self.shares.val() || self.first_idle.found.val());
        self.merged.next = self.place_valid.val() && self.shares.val();
        self.start.next = self.begins.val();
        // To the bus.
        self.ar_req.next = self.first_asking.found.val();
        self.ar_addr.next = bit_cast::<64, 53>(self.at.val()) << self.pte_shift.val();
        self.asker.one_hot.next = self.first_asking.one_hot.val();
        self.ask_number.next = self.asker.number.val();
        self.ar_walker.next = bit_cast::<6, WW>(self.ask_number.val());
        // From it.
        self.arrived.next = self.nobody.val();
        if self.r_valid.val() {
            self.arrived.next = self.came.val() & self.waiting.q.val();
        }
        self.beat.next = self.arrived.val().any();
        self.beat_walker.next = self.r_walker.val().get_bits::<WW>(0);
        self.beat_level.next = self.level.val();
        // Changes of state.
        self.began.next = self.nobody.val();
        if self.begins.val() {
            self.began.next = self.first_idle.one_hot.val();
        }
        self.granted.next = self.nobody.val();
        if self.ar_grant.val() {
            self.granted.next = self.first_asking.one_hot.val();
        }
        self.descended.next = self.nobody.val();
        if self.down.val() {
            self.descended.next = self.judging.q.val();
        }
        self.ended.next = self.nobody.val();
        if self.over.val() {
            self.ended.next = self.judging.q.val();
        }
        self.first_done.among.next = self.done.q.val();
        self.finished.next = self.nobody.val();
        if self.finish.val() {
            self.finished.next = self.first_done.one_hot.val();
        }
        self.asking.d.next =
            (self.asking.q.val() & !self.granted.val()) | self.began.val() | self.descended.val();
        self.waiting.d.next = (self.waiting.q.val() & !self.arrived.val()) | self.granted.val();
        self.judging.d.next = self.arrived.val();
        self.done.d.next = (self.done.q.val() & !self.finished.val()) | self.ended.val();
        // Both outcomes are picked from before `finish` is known.
        self.rest_done.among.next =
            (self.done.q.val() & !self.first_done.one_hot.val()) | self.ended.val();
        self.all_done.among.next = self.done.q.val() | self.ended.val();
        self.coming.one_hot.next = self.all_done.one_hot.val();
        if self.finish.val() {
            self.coming.one_hot.next = self.rest_done.one_hot.val();
        }
        self.next_turn.d.next = self.coming.number.val();
        self.ready.next = self.first_done.found.val();
        self.turn.next = self.next_turn.q.val();
        for i in 0..NW {
            self.tags[i].clock.next = self.clock.val();
            self.ats[i].clock.next = self.clock.val();
            self.levels[i].clock.next = self.clock.val();
            self.tags[i].d.next = self.tags[i].q.val();
            self.ats[i].d.next = self.ats[i].q.val();
            self.levels[i].d.next = self.levels[i].q.val();
            if self.began.val().get_bit(i) {
                self.tags[i].d.next = self.key.val();
                self.ats[i].d.next = self.new_at.val();
                self.levels[i].d.next = self.place.val().level;
            }
            if self.descended.val().get_bit(i) {
                self.ats[i].d.next = self.down_at.val();
                self.levels[i].d.next = self.next_level.val();
            }
        }
        if self.reset.val() {
            self.asking.d.next = self.nobody.val();
            self.waiting.d.next = self.nobody.val();
            self.judging.d.next = self.nobody.val();
            self.done.d.next = self.nobody.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::assert_lint_clean;

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("mmu-walkers", MmuWalkers::<4, 2>::default());
        assert_lint_clean("mmu-walkers-32", MmuWalkers::<32, 5>::default());
    }
}
