//! The collector of the control unit: puts the accesses of an op together and gives its completion.
//!
//! Timing: contract §4.2. What is taken in c is added, or completes, at the edge that ends c+1; a slot is not taken in two
//! cycles running. The record of a slot counts only between its first access and its last, as `half` says: so nothing
//! of it has to be cleared. `sent` (§4.4) belongs to the edge of the completion. Reset: nothing in hand, no op half done.

use crate::block_default;
use crate::ctl_types::{CtlExpect, CtlHalf, CtlItem, CtlNext, CtlWords, CtlWritten, CtlX};
use crate::fifo::Fifo;
use crate::types::Comp;
use rust_hdl::prelude::*;
use shoal_abi::mmu;

/// The collector: slots of `SLOT` bits, `RET` = `SLOT` + 1, `SLOTS` = 2^`SLOT`.
#[derive(LogicBlock)]
pub struct Collector<const SLOT: usize, const RET: usize, const SLOTS: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// An op has an access in stage K: what is kept of the op.
    pub keep: Signal<In, Bit>,
    pub keep_id: Signal<In, Bits<10>>,
    pub plan: Signal<In, CtlExpect>,
    pub x_push: Signal<In, Bit>,
    pub x: Signal<In, CtlX>,
    pub words_valid: Signal<In, Bit>,
    pub words: Signal<In, CtlWords>,
    pub words_pop: Signal<Out, Bit>,
    pub written_valid: Signal<In, Bit>,
    pub written: Signal<In, CtlWritten>,
    pub written_pop: Signal<Out, Bit>,
    /// The slot of what is taken in this cycle, and in the next one, whether its message may be sent.
    pub look: Signal<Out, Bits<8>>,
    pub may: Signal<In, Bit>,
    /// It is.
    pub sent: Signal<Out, Bit>,
    /// A step of a TELL is done and another one follows: that one.
    pub next_push: Signal<Out, Bit>,
    pub next_step: Signal<Out, CtlNext>,
    pub comp_valid: Signal<Out, Bit>,
    pub comp: Signal<Out, Comp>,
    pub comp_pop: Signal<In, Bit>,
    xs: Fifo<CtlX, RET>,
    comps: Fifo<Comp, SLOT>,
    expects: RAM<CtlExpect, SLOT>,
    records: RAM<CtlHalf, SLOT>,
    half: DFF<Bits<SLOTS>>,
    turn: DFF<Bits<2>>,
    up: DFF<Bit>,
    item: DFF<CtlItem>,
    r_can: Signal<Local, Bit>,
    b_can: Signal<Local, Bit>,
    x_can: Signal<Local, Bit>,
    takes: Signal<Local, Bit>,
    pick: Signal<Local, Bits<2>>,
    next: Signal<Local, CtlItem>,
    next_slot: Signal<Local, Bits<8>>,
    slot: Signal<Local, Bits<8>>,
    wanted: Signal<Local, CtlExpect>,
    mask: Signal<Local, Bits<SLOTS>>,
    seen: Signal<Local, Bit>,
    done: Signal<Local, Bit>,
    good: Signal<Local, Bit>,
    sends: Signal<Local, Bit>,
    goes_on: Signal<Local, Bit>,
    wish_byte: Signal<Local, Bits<6>>,
    wish: Signal<Local, Bits<64>>,
    va_c: Signal<Local, Bits<64>>,
    so_far: Signal<Local, Bits<2>>,
    weight: Signal<Local, Bits<2>>,
    iova: Signal<Local, Bits<64>>,
    sum: Signal<Local, CtlHalf>,
    out: Signal<Local, Comp>,
    step: Signal<Local, CtlNext>,
    unused: Signal<Local, Bit>,
    no_item: Constant<CtlItem>,
    no_half: Constant<CtlHalf>,
    no_comp: Constant<Comp>,
    no_next: Constant<CtlNext>,
    one: Constant<Bits<SLOTS>>,
    one_in: Constant<Bits<2>>,
    two_in: Constant<Bits<2>>,
    bits_shift: Constant<Bits<6>>,
    source_r: Constant<Bits<2>>,
    source_b: Constant<Bits<2>>,
    source_x: Constant<Bits<2>>,
    ok: Constant<Bits<12>>,
    read_access: Constant<Bits<12>>,
    write_access: Constant<Bits<12>>,
}

impl<const SLOT: usize, const RET: usize, const SLOTS: usize> Default
    for Collector<SLOT, RET, SLOTS>
{
    fn default() -> Self {
        assert!(
            RET == SLOT + 1 && SLOTS == 1 << SLOT && SLOT <= 8,
            "{SLOTS} slots of {SLOT} bits, ids of {RET} bits"
        );
        block_default!(
            clock, reset, keep, keep_id, plan, x_push, x, words_valid, words, words_pop, written_valid, written,
            written_pop, look, may, sent, next_push, next_step, comp_valid, comp, comp_pop, xs, comps, expects, records, half, turn, up, item, r_can, b_can,
            x_can, takes, pick, next, next_slot, slot, wanted, mask, seen, done, good, sends, goes_on, wish_byte, wish, va_c, so_far, weight, iova, sum, out, step, unused;
            no_item = CtlItem::default(), no_half = CtlHalf::default(), no_comp = Comp::default(), no_next = CtlNext::default(), one = 1,
            one_in = 1, two_in = 2, bits_shift = 3,
            source_r = 0, source_b = 1, source_x = 2, ok = u64::from(mmu::CAUSE_NONE),
            read_access = u64::from(mmu::CAUSE_READ_ACCESS), write_access = u64::from(mmu::CAUSE_WRITE_ACCESS)
        )
    }
}

impl<const SLOT: usize, const RET: usize, const SLOTS: usize> Logic
    for Collector<SLOT, RET, SLOTS>
{
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, half, turn, up, item);
        clock!(self, clock, xs, comps);
        self.expects.read_clock.next = self.clock.val();
        self.expects.write_clock.next = self.clock.val();
        self.records.read_clock.next = self.clock.val();
        self.records.write_clock.next = self.clock.val();
        self.expects.write_address.next = self.keep_id.val().get_bits::<SLOT>(0);
        self.expects.write_data.next = self.plan.val();
        self.expects.write_enable.next = self.keep.val();
        self.xs.reset.next = self.reset.val();
        self.xs.push.next = self.x_push.val();
        self.xs.push_data.next = self.x.val();
        // Round robin over the heads; not the slot of the cycle before.
        self.slot.next = self.item.q.val().slot;
        self.r_can.next = self.words_valid.val()
            && !(self.up.q.val() && (self.words.val().slot == self.slot.val()));
        self.b_can.next = self.written_valid.val()
            && !(self.up.q.val() && (self.written.val().slot == self.slot.val()));
        self.x_can.next = self.xs.valid.val()
            && !(self.up.q.val() && (self.xs.data.val().slot == self.slot.val()));
        self.takes.next = self.r_can.val() || self.b_can.val() || self.x_can.val();
        self.pick.next = self.source_r.val();
        if self.turn.q.val() == self.source_b.val() {
            if self.b_can.val() {
                self.pick.next = self.source_b.val();
            } else if self.x_can.val() {
                self.pick.next = self.source_x.val();
            }
        } else if self.turn.q.val() == self.source_x.val() {
            if self.x_can.val() {
                self.pick.next = self.source_x.val();
            } else if !self.r_can.val() {
                self.pick.next = self.source_b.val();
            }
        } else if !self.r_can.val() {
            self.pick.next = self.source_x.val();
            if self.b_can.val() {
                self.pick.next = self.source_b.val();
            }
        }
        self.words_pop.next = self.takes.val() && (self.pick.val() == self.source_r.val());
        self.written_pop.next = self.takes.val() && (self.pick.val() == self.source_b.val());
        self.xs.pop.next = self.takes.val() && (self.pick.val() == self.source_x.val());
        self.next.next = self.no_item.val();
        if self.pick.val() == self.source_r.val() {
            self.next.next.slot = self.words.val().slot;
            self.next.next.part = self.words.val().part;
            self.next.next.read = true;
            self.next.next.a = self.words.val().a;
            self.next.next.b = self.words.val().b;
            if self.words.val().bad {
                self.next.next.cause = self.read_access.val();
            }
        } else if self.pick.val() == self.source_b.val() {
            self.next.next.slot = self.written.val().slot;
            self.next.next.part = self.written.val().part;
            if self.written.val().bad {
                self.next.next.cause = self.write_access.val();
            }
        } else {
            self.next.next.slot = self.xs.data.val().slot;
            self.next.next.both = self.xs.data.val().both;
            self.next.next.named = true;
            self.next.next.a = self.xs.data.val().addr;
            self.next.next.b = bit_cast::<64, 21>(self.xs.data.val().user);
            self.next.next.cause = self.xs.data.val().cause;
            self.next.next.iova = self.xs.data.val().iova;
        }
        self.item.d.next = self.next.val();
        self.up.d.next = self.takes.val();
        if self.takes.val() {
            self.turn.d.next = self.source_b.val();
            if self.pick.val() == self.source_b.val() {
                self.turn.d.next = self.source_x.val();
            }
            if self.pick.val() == self.source_x.val() {
                self.turn.d.next = self.source_r.val();
            }
        }
        self.next_slot.next = self.next.val().slot;
        self.look.next = self.next.val().slot;
        self.expects.read_address.next = self.next_slot.val().get_bits::<SLOT>(0);
        self.records.read_address.next = self.next_slot.val().get_bits::<SLOT>(0);
        // The cycle after.
        self.wanted.next = self.expects.read_data.val();
        self.mask.next = self.one.val() << self.slot.val();
        self.seen.next = (self.half.q.val() & self.mask.val()).any();
        self.va_c.next = self.wanted.val().va_c;
        self.iova.next = self.wanted.val().va;
        if self.item.q.val().part && self.wanted.val().second_b {
            self.iova.next = self.wanted.val().va_b;
        }
        if self.item.q.val().part && self.item.q.val().read && self.wanted.val().third {
            self.iova.next = self.va_c.val();
        }
        if self.item.q.val().named {
            self.iova.next = self.item.q.val().iova;
        }
        self.sum.next = self.no_half.val();
        if self.seen.val() {
            self.sum.next = self.records.read_data.val();
        }
        // What comes from stage K of a pair is the fault of both.
        self.so_far.next = self.sum.val().count;
        self.weight.next = self.one_in.val();
        if self.item.q.val().both {
            self.weight.next = self.two_in.val();
        }
        self.sum.next.count = self.so_far.val() + self.weight.val();
        self.done.next = self.up.q.val() && (self.sum.val().count == self.wanted.val().count);
        if (self.sum.val().cause == self.ok.val()) && (self.item.q.val().cause != self.ok.val()) {
            self.sum.next.cause = self.item.q.val().cause;
            self.sum.next.iova = self.iova.val();
        }
        self.sum.next.a = self.sum.val().a | self.item.q.val().a;
        self.sum.next.b = self.sum.val().b | self.item.q.val().b;
        self.records.write_address.next = self.slot.val().get_bits::<SLOT>(0);
        self.records.write_data.next = self.sum.val();
        self.records.write_enable.next = self.up.q.val();
        if self.up.q.val() {
            self.half.d.next = self.half.q.val() | self.mask.val();
        }
        if self.done.val() {
            self.half.d.next = self.half.q.val() & !self.mask.val();
        }
        self.out.next = self.no_comp.val();
        self.out.next.slot = self.slot.val();
        self.out.next.a = self.sum.val().a;
        self.out.next.b = self.sum.val().b;
        self.out.next.cause = self.sum.val().cause;
        self.out.next.iova = self.sum.val().iova;
        self.comps.reset.next = self.reset.val();
        self.good.next = self.sum.val().cause == self.ok.val();
        self.sends.next = self.wanted.val().sends && self.may.val() && self.good.val();
        self.out.next.sent = self.sends.val();
        self.sent.next = self.done.val() && self.sends.val();
        self.goes_on.next = self.wanted.val().more && self.good.val() && !self.sends.val();
        self.step.next = self.no_next.val();
        self.step.next.slot = self.slot.val();
        self.step.next.step = self.wanted.val().next_step;
        self.wish_byte.next = bit_cast::<6, 3>(self.va_c.val().get_bits::<3>(0));
        self.wish.next = self.sum.val().b >> (self.wish_byte.val() << self.bits_shift.val());
        self.step.next.wish = self.wish.val().get_bits::<16>(0);
        self.next_step.next = self.step.val();
        self.next_push.next = self.done.val() && self.goes_on.val();
        self.comps.push.next = self.done.val() && !self.goes_on.val();
        self.comps.push_data.next = self.out.val();
        self.comps.pop.next = self.comp_pop.val();
        self.comp_valid.next = self.comps.valid.val();
        self.comp.next = self.comps.data.val();
        self.unused.next = self.xs.count.val().any()
            || self.comps.count.val().any()
            || self.keep_id.val().any()
            || self.next_slot.val().any()
            || self.va_c.val().any()
            || self.wish.val().any();
        if self.reset.val() {
            self.half.d.next = 0.into();
            self.turn.d.next = 0.into();
            self.up.d.next = false;
        }
    }
}
