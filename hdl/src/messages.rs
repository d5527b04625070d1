//! The message FIFOs: interrupt messages on their way to the bus, and how many of two epochs are still out.
//!
//! Timing: contract §1 and §4.3. The early FIFO is asked for before the message FIFO. A push counts in the current message epoch and keeps it; the B with it takes it off again.
//! `w_*`, `room`, `old_zero` and `none` are functions of state. Reset: empty, epoch 0, nothing out.

use crate::block_default;
use crate::fifo::Fifo;
use crate::types::Message;
use rust_hdl::prelude::*;

/// A message and its epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Waiting {
    /// Address, physical.
    pub address: Bits<64>,
    /// Data.
    pub data: Bits<32>,
    /// Epoch in which it was pushed.
    pub epoch: Bit,
}

/// The FIFO(64), the early FIFO(2^`SLOT`) and the counts.
#[derive(LogicBlock)]
pub struct Messages<const SLOT: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub push: Signal<In, Bit>,
    pub msg: Signal<In, Message>,
    pub early_push: Signal<In, Bit>,
    pub early: Signal<In, Message>,
    /// The other epoch becomes the current one.
    pub flip: Signal<In, Bit>,
    /// At most 56 wait, but for early ones.
    pub room: Signal<Out, Bit>,
    /// None of the other epoch is out.
    pub old_zero: Signal<Out, Bit>,
    /// None is out.
    pub none: Signal<Out, Bit>,
    pub w_req: Signal<Out, Bit>,
    pub w_grant: Signal<In, Bit>,
    /// Of the word of its first byte.
    pub w_addr: Signal<Out, Bits<64>>,
    pub w_epoch: Signal<Out, Bit>,
    /// Two beats of 8 bytes.
    pub w_beats2: Signal<Out, Bit>,
    /// Both beats, the first one low.
    pub w_data: Signal<Out, Bits<128>>,
    pub w_strb: Signal<Out, Bits<16>>,
    /// The B of a message is accepted, and the epoch of that.
    pub b_valid: Signal<In, Bit>,
    pub b_epoch: Signal<In, Bit>,
    waiting: Fifo<Waiting, 6>,
    first: Fifo<Waiting, SLOT>,
    current: DFF<Bit>,
    count0: DFF<Bits<16>>,
    count1: DFF<Bits<16>>,
    came: Signal<Local, Waiting>,
    came_early: Signal<Local, Waiting>,
    head: Signal<Local, Waiting>,
    addr: Signal<Local, Bits<64>>,
    offset: Signal<Local, Bits<3>>,
    to_end: Signal<Local, Bits<12>>,
    len: Signal<Local, Bits<3>>,
    last_byte: Signal<Local, Bits<4>>,
    spare: Signal<Local, Bits<3>>,
    spare_bits: Signal<Local, Bits<5>>,
    kept: Signal<Local, Bits<32>>,
    offset_bits: Signal<Local, Bits<6>>,
    more: Signal<Local, Bits<16>>,
    sum0: Signal<Local, Bits<16>>,
    sum1: Signal<Local, Bits<16>>,
    zero0: Signal<Local, Bit>,
    zero1: Signal<Local, Bit>,
    nothing: Constant<Waiting>,
    most: Constant<Bits<16>>,
    zero: Constant<Bits<16>>,
    one: Constant<Bits<16>>,
    two: Constant<Bits<16>>,
    align: Constant<Bits<64>>,
    page_end: Constant<Bits<12>>,
    last_three: Constant<Bits<12>>,
    four: Constant<Bits<3>>,
    word: Constant<Bits<4>>,
    byte_shift: Constant<Bits<2>>,
    all: Constant<Bits<32>>,
    one16: Constant<Bits<16>>,
}

impl<const SLOT: usize> Default for Messages<SLOT> {
    fn default() -> Self {
        block_default!(
            clock, reset, push, msg, early_push, early, flip, room, old_zero, none, w_req, w_grant, w_addr, w_epoch, w_beats2, w_data, w_strb,
            b_valid, b_epoch, waiting, first, current, count0, count1, came, came_early, head, addr, offset, to_end, len, last_byte, spare,
            spare_bits, kept, offset_bits, more, sum0, sum1, zero0, zero1;
            nothing = Waiting::default(), most = 56, zero = 0, one = 1, two = 2, align = !7_u64, page_end = 0, last_three = 4093,
            four = 4, word = 8, byte_shift = 3, all = 0xffff_ffff_u64, one16 = 1
        )
    }
}

impl<const SLOT: usize> Logic for Messages<SLOT> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, current, count0, count1);
        clock!(self, clock, waiting, first);
        self.waiting.reset.next = self.reset.val();
        self.first.reset.next = self.reset.val();
        self.came.next = self.nothing.val();
        self.came.next.address = self.msg.val().address;
        self.came.next.data = self.msg.val().data;
        self.came.next.epoch = self.current.q.val();
        self.waiting.push.next = self.push.val();
        self.waiting.push_data.next = self.came.val();
        self.came_early.next = self.nothing.val();
        self.came_early.next.address = self.early.val().address;
        self.came_early.next.data = self.early.val().data;
        self.came_early.next.epoch = self.current.q.val();
        self.first.push.next = self.early_push.val();
        self.first.push_data.next = self.came_early.val();
        // The one that asks.
        self.head.next = self.waiting.data.val();
        if self.first.valid.val() {
            self.head.next = self.first.data.val();
        }
        self.waiting.pop.next = self.w_grant.val() && !self.first.valid.val();
        self.first.pop.next = self.w_grant.val();
        self.room.next = self.waiting.count.val() <= self.most.val();
        // The write: what is behind the end of the page is not written.
        self.addr.next = self.head.val().address;
        self.offset.next = self.addr.val().get_bits::<3>(0);
        self.to_end.next = self.page_end.val() - self.addr.val().get_bits::<12>(0);
        self.len.next = self.four.val();
        if self.addr.val().get_bits::<12>(0) >= self.last_three.val() {
            self.len.next = self.to_end.val().get_bits::<3>(0);
        }
        self.last_byte.next =
            bit_cast::<4, 3>(self.offset.val()) + bit_cast::<4, 3>(self.len.val());
        self.spare.next = self.four.val() - self.len.val();
        self.spare_bits.next = bit_cast::<5, 3>(self.spare.val()) << self.byte_shift.val();
        self.kept.next = self.head.val().data & (self.all.val() >> self.spare_bits.val());
        self.offset_bits.next = bit_cast::<6, 3>(self.offset.val()) << self.byte_shift.val();
        self.w_req.next = self.first.valid.val() || self.waiting.valid.val();
        self.w_addr.next = self.addr.val() & self.align.val();
        self.w_epoch.next = self.head.val().epoch;
        self.w_beats2.next = self.last_byte.val() > self.word.val();
        self.w_data.next = bit_cast::<128, 32>(self.kept.val()) << self.offset_bits.val();
        self.w_strb.next =
            ((self.one16.val() << self.len.val()) - self.one16.val()) << self.offset.val();
        // How many are out.
        self.sum0.next = self.count0.q.val();
        self.sum1.next = self.count1.q.val();
        self.more.next = self.zero.val();
        if self.push.val() || self.early_push.val() {
            self.more.next = self.one.val();
        }
        if self.push.val() && self.early_push.val() {
            self.more.next = self.two.val();
        }
        if self.current.q.val() {
            self.sum1.next = self.count1.q.val() + self.more.val();
        } else {
            self.sum0.next = self.count0.q.val() + self.more.val();
        }
        if self.b_valid.val() && !self.b_epoch.val() && (self.sum0.val() != self.zero.val()) {
            self.sum0.next = self.sum0.val() - self.one.val();
        }
        if self.b_valid.val() && self.b_epoch.val() && (self.sum1.val() != self.zero.val()) {
            self.sum1.next = self.sum1.val() - self.one.val();
        }
        self.count0.d.next = self.sum0.val();
        self.count1.d.next = self.sum1.val();
        if self.flip.val() {
            self.current.d.next = !self.current.q.val();
        }
        self.zero0.next = self.count0.q.val() == self.zero.val();
        self.zero1.next = self.count1.q.val() == self.zero.val();
        self.none.next = self.zero0.val() && self.zero1.val();
        self.old_zero.next = self.zero1.val();
        if self.current.q.val() {
            self.old_zero.next = self.zero0.val();
        }
        if self.reset.val() {
            self.current.d.next = false;
            self.count0.d.next = 0.into();
            self.count1.d.next = 0.into();
        }
    }
}

#[cfg(test)]
#[path = "messages_tests.rs"]
mod tests;
