//! The control unit, coming back: the beats and responses of its accesses, and where each word of a beat is.
//!
//! Timing: contract §4.2. What is accepted in t ends in t+1 and is pushed at the edge that ends t+1. What is kept of reads and of writes is
//! apart: a read and a write of one id may be under way at once (§4.4). Reset: nothing came.

use crate::block_default;
use crate::ctl_types::{CtlBeat, CtlWords, CtlWritten};
use crate::fifo::Fifo;
use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

/// The way back: `W` data bits, slots of `SLOT` bits, ids of `RET` = `SLOT` + 1 bits.
#[derive(LogicBlock)]
pub struct CtlBack<const W: usize, const SLOT: usize, const RET: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// An access starts: what is kept of it.
    pub keep: Signal<In, Bit>,
    /// It is a pair: part 1 starts too.
    pub keep2: Signal<In, Bit>,
    pub keep_id: Signal<In, Bits<10>>,
    /// It is a read: what is kept of a write with the same id stays.
    pub keep_read: Signal<In, Bit>,
    pub beat: Signal<In, CtlBeat>,
    /// An R beat is accepted.
    pub r_valid: Signal<In, Bit>,
    pub r_id: Signal<In, Bits<10>>,
    pub r_data: Signal<In, Bits<W>>,
    pub r_bad: Signal<In, Bit>,
    /// A B is accepted.
    pub b_valid: Signal<In, Bit>,
    pub b_id: Signal<In, Bits<10>>,
    pub b_bad: Signal<In, Bit>,
    /// An access has ended, and the epoch in which it started.
    pub end_r: Signal<Out, Bit>,
    pub end_r_epoch: Signal<Out, Bit>,
    pub end_b: Signal<Out, Bit>,
    pub end_b_epoch: Signal<Out, Bit>,
    pub words_valid: Signal<Out, Bit>,
    pub words: Signal<Out, CtlWords>,
    pub words_pop: Signal<In, Bit>,
    pub written_valid: Signal<Out, Bit>,
    pub written: Signal<Out, CtlWritten>,
    pub written_pop: Signal<In, Bit>,
    beats0: RAM<CtlBeat, SLOT>,
    beats1: RAM<CtlBeat, SLOT>,
    epochs0: RAM<Bit, SLOT>,
    epochs1: RAM<Bit, SLOT>,
    reads: Fifo<CtlWords, RET>,
    writes: Fifo<CtlWritten, RET>,
    r_up: DFF<Bit>,
    r_id_reg: DFF<Bits<10>>,
    r_data_reg: DFF<Bits<W>>,
    r_bad_reg: DFF<Bit>,
    b_up: DFF<Bit>,
    b_id_reg: DFF<Bits<10>>,
    b_bad_reg: DFF<Bit>,
    second: Signal<Local, Bit>,
    keep0: Signal<Local, Bit>,
    keep1: Signal<Local, Bit>,
    beat_b: Signal<Local, CtlBeat>,
    r_part: Signal<Local, Bit>,
    b_part: Signal<Local, Bit>,
    at: Signal<Local, CtlBeat>,
    r_slot: Signal<Local, Bits<SLOT>>,
    b_slot: Signal<Local, Bits<SLOT>>,
    data_a: Signal<Local, Bits<W>>,
    data_b: Signal<Local, Bits<W>>,
    came: Signal<Local, CtlWords>,
    wrote: Signal<Local, CtlWritten>,
    unused: Signal<Local, Bit>,
    no_words: Constant<CtlWords>,
    no_written: Constant<CtlWritten>,
    part_bit: Constant<Bits<10>>,
    lane_shift: Constant<Bits<3>>,
}

impl<const W: usize, const SLOT: usize, const RET: usize> CtlBack<W, SLOT, RET> {
    /// For the sizes of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        assert!(
            W == p.data_w && SLOT == p.slot_w && RET == SLOT + 1,
            "{W} bits, slots of {SLOT} bits, ids of {RET} bits"
        );
        block_default!(
            clock, reset, keep, keep2, keep_id, keep_read, beat, r_valid, r_id, r_data, r_bad, b_valid, b_id, b_bad, end_r, end_r_epoch,
            end_b, end_b_epoch, words_valid, words, words_pop, written_valid, written, written_pop, beats0, beats1, epochs0, epochs1, reads,
            writes, r_up, r_id_reg, r_data_reg, r_bad_reg, b_up, b_id_reg, b_bad_reg, second, keep0, keep1, beat_b, r_part, b_part, at, r_slot, b_slot, data_a, data_b,
            came, wrote, unused;
            no_words = CtlWords::default(), no_written = CtlWritten::default(), part_bit = 1_u64 << SLOT, lane_shift = 6
        )
    }
}

impl<const W: usize, const SLOT: usize, const RET: usize> Logic for CtlBack<W, SLOT, RET> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, r_up, r_id_reg, r_data_reg, r_bad_reg, b_up, b_id_reg, b_bad_reg);
        clock!(self, clock, reads, writes);
        self.second.next = (self.keep_id.val() & self.part_bit.val()).any();
        self.keep0.next = self.keep.val() && !self.second.val();
        self.keep1.next = self.keep.val() && (self.second.val() || self.keep2.val());
        self.beat_b.next = self.beat.val();
        if self.keep2.val() {
            self.beat_b.next.has_a = false;
            self.beat_b.next.has_b = true;
        }
        self.beats0.read_clock.next = self.clock.val();
        self.beats0.write_clock.next = self.clock.val();
        self.beats0.write_address.next = self.keep_id.val().get_bits::<SLOT>(0);
        self.beats0.write_data.next = self.beat.val();
        self.beats0.write_enable.next = self.keep0.val() && self.keep_read.val();
        self.beats0.read_address.next = self.r_id.val().get_bits::<SLOT>(0);
        self.epochs0.read_clock.next = self.clock.val();
        self.epochs0.write_clock.next = self.clock.val();
        self.epochs0.write_address.next = self.keep_id.val().get_bits::<SLOT>(0);
        self.epochs0.write_data.next = self.beat.val().epoch;
        self.epochs0.write_enable.next = self.keep0.val() && !self.keep_read.val();
        self.epochs0.read_address.next = self.b_id.val().get_bits::<SLOT>(0);
        self.beats1.read_clock.next = self.clock.val();
        self.beats1.write_clock.next = self.clock.val();
        self.beats1.write_address.next = self.keep_id.val().get_bits::<SLOT>(0);
        self.beats1.write_data.next = self.beat_b.val();
        self.beats1.write_enable.next = self.keep1.val() && self.keep_read.val();
        self.beats1.read_address.next = self.r_id.val().get_bits::<SLOT>(0);
        self.epochs1.read_clock.next = self.clock.val();
        self.epochs1.write_clock.next = self.clock.val();
        self.epochs1.write_address.next = self.keep_id.val().get_bits::<SLOT>(0);
        self.epochs1.write_data.next = self.beat.val().epoch;
        self.epochs1.write_enable.next = self.keep1.val() && !self.keep_read.val();
        self.epochs1.read_address.next = self.b_id.val().get_bits::<SLOT>(0);
        self.r_up.d.next = self.r_valid.val();
        self.r_id_reg.d.next = self.r_id.val();
        self.r_data_reg.d.next = self.r_data.val();
        self.r_bad_reg.d.next = self.r_bad.val();
        self.b_up.d.next = self.b_valid.val();
        self.b_id_reg.d.next = self.b_id.val();
        self.b_bad_reg.d.next = self.b_bad.val();
        // The cycle after: ends, and words.
        self.r_part.next = (self.r_id_reg.q.val() & self.part_bit.val()).any();
        self.b_part.next = (self.b_id_reg.q.val() & self.part_bit.val()).any();
        self.at.next = self.beats0.read_data.val();
        if self.r_part.val() {
            self.at.next = self.beats1.read_data.val();
        }
        self.end_r.next = self.r_up.q.val();
        self.end_r_epoch.next = self.at.val().epoch;
        self.end_b.next = self.b_up.q.val();
        self.end_b_epoch.next = self.epochs0.read_data.val();
        if self.b_part.val() {
            self.end_b_epoch.next = self.epochs1.read_data.val();
        }
        self.r_slot.next = self.r_id_reg.q.val().get_bits::<SLOT>(0);
        self.data_a.next = self.r_data_reg.q.val()
            >> (bit_cast::<9, 3>(self.at.val().lane_a) << self.lane_shift.val());
        self.data_b.next = self.r_data_reg.q.val()
            >> (bit_cast::<9, 3>(self.at.val().lane_b) << self.lane_shift.val());
        self.came.next = self.no_words.val();
        self.came.next.slot = bit_cast::<8, SLOT>(self.r_slot.val());
        self.came.next.part = self.r_part.val();
        self.came.next.bad = self.r_bad_reg.q.val();
        if self.at.val().has_a {
            self.came.next.a = self.data_a.val().get_bits::<64>(0);
        }
        if self.at.val().has_b {
            self.came.next.b = self.data_b.val().get_bits::<64>(0);
        }
        self.reads.reset.next = self.reset.val();
        self.reads.push.next = self.r_up.q.val();
        self.reads.push_data.next = self.came.val();
        self.reads.pop.next = self.words_pop.val();
        self.words_valid.next = self.reads.valid.val();
        self.words.next = self.reads.data.val();
        self.b_slot.next = self.b_id_reg.q.val().get_bits::<SLOT>(0);
        self.wrote.next = self.no_written.val();
        self.wrote.next.slot = bit_cast::<8, SLOT>(self.b_slot.val());
        self.wrote.next.part = self.b_part.val();
        self.wrote.next.bad = self.b_bad_reg.q.val();
        self.writes.reset.next = self.reset.val();
        self.writes.push.next = self.b_up.q.val();
        self.writes.push_data.next = self.wrote.val();
        self.writes.pop.next = self.written_pop.val();
        self.written_valid.next = self.writes.valid.val();
        self.written.next = self.writes.data.val();
        self.unused.next = self.reads.count.val().any()
            || self.writes.count.val().any()
            || self.keep_id.val().any()
            || self.r_id.val().any()
            || self.b_id.val().any()
            || self.data_a.val().any()
            || self.data_b.val().any();
        if self.reset.val() {
            self.r_up.d.next = false;
            self.b_up.d.next = false;
        }
    }
}
