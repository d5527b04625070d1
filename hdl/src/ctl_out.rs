//! The control unit, going out: op FIFO, Work register, translation requests and passes, up to stage K.
//!
//! Timing: contract §4.1. `mmu_req_valid` and `mmu_req` are functions of state; an op is in Work in the cycle after it is
//! popped, or if it finds nothing before it, pushed; what is answered, or passes, in k is `gone` in k+1. A TELL comes back through the Next FIFO, before ops; what it
//! tells is kept by slot. Reset: nothing held, nothing under way.

use crate::block_default;
use crate::ctl_shape::CtlShape;
use crate::ctl_tell::CtlTell;
use crate::ctl_types::{CtlGone, CtlInfo, CtlNext, CtlTold};
use crate::fifo::Fifo;
use crate::types::{CtlOp, MmuReq, MmuRsp, Tell, CTL_TELL, CTL_XL};
use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

/// The way out, with the op FIFO(2^`SLOT`).
#[derive(LogicBlock)]
pub struct CtlOut<const SLOT: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub op_push: Signal<In, Bit>,
    pub op: Signal<In, CtlOp>,
    pub op_empty: Signal<Out, Bit>,
    /// The next step of a TELL.
    pub next_push: Signal<In, Bit>,
    pub next_step: Signal<In, CtlNext>,
    pub mmu_req_valid: Signal<Out, Bit>,
    pub mmu_req: Signal<Out, MmuReq>,
    pub mmu_taken: Signal<In, Bit>,
    pub mmu_rsp_valid: Signal<In, Bit>,
    pub mmu_rsp: Signal<In, MmuRsp>,
    /// An access is no longer under way: it ended in stage K, its read was granted, its write was granted.
    pub left_x: Signal<In, Bit>,
    pub left_r: Signal<In, Bit>,
    pub left_w: Signal<In, Bit>,
    /// An access is in stage K.
    pub gone_valid: Signal<Out, Bit>,
    pub gone: Signal<Out, CtlGone>,
    /// Its op.
    pub info: Signal<Out, CtlInfo>,
    ops: Fifo<CtlOp, SLOT>,
    steps: Fifo<CtlNext, SLOT>,
    tells: RAM<CtlTold, SLOT>,
    infos: RAM<CtlInfo, SLOT>,
    plan: CtlTell,
    shape: CtlShape,
    busy: DFF<Bit>,
    work: DFF<CtlOp>,
    step: DFF<Bits<2>>,
    wish: DFF<Bits<16>>,
    kept: DFF<Bit>,
    passed: DFF<CtlInfo>,
    second: DFF<Bit>,
    under: DFF<Bits<8>>,
    gone_up: DFF<Bit>,
    gone_reg: DFF<CtlGone>,
    room: Signal<Local, Bit>,
    asks: Signal<Local, Bit>,
    passes: Signal<Local, Bit>,
    goes: Signal<Local, Bit>,
    pops: Signal<Local, Bit>,
    straight: Signal<Local, Bit>,
    id: Signal<Local, Bits<10>>,
    slot: Signal<Local, Bits<8>>,
    kept_slot: Signal<Local, Bits<8>>,
    told: Signal<Local, Tell>,
    space: Signal<Local, Bits<17>>,
    saved: Signal<Local, CtlTold>,
    cur: Signal<Local, CtlInfo>,
    request: Signal<Local, MmuReq>,
    answer_id: Signal<Local, Bits<10>>,
    load: Signal<Local, Bits<8>>,
    unused: Signal<Local, Bit>,
    no_info: Constant<CtlInfo>,
    no_request: Constant<MmuReq>,
    no_op: Constant<CtlOp>,
    no_told: Constant<CtlTold>,
    window: Constant<Bits<8>>,
    one: Constant<Bits<8>>,
    part_bit: Constant<Bits<10>>,
    kind_xl: Constant<Bits<2>>,
    kind_tell: Constant<Bits<2>>,
    no_cause: Constant<Bits<12>>,
    no_user: Constant<Bits<21>>,
    no_step: Constant<Bits<2>>,
}

impl<const SLOT: usize> CtlOut<SLOT> {
    /// For the sizes of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, op_push, op, op_empty, next_push, next_step, mmu_req_valid, mmu_req, mmu_taken, mmu_rsp_valid, mmu_rsp, left_x, left_r,
            left_w, gone_valid, gone, info, ops, steps, tells, infos, plan, busy, work, step, wish, kept, passed, second, under, gone_up, gone_reg, room, asks, passes,
            goes, pops, straight, id, slot, kept_slot, told, space, saved, cur, request, answer_id, load, unused;
            no_info = CtlInfo::default(), no_request = MmuReq::default(), no_op = CtlOp::default(),
            no_told = CtlTold::default(), window = p.ctl_window as u64, one = 1,
            part_bit = 1_u64 << SLOT, kind_xl = CTL_XL, kind_tell = CTL_TELL, no_cause = 0, no_user = 0, no_step = 0;
            shape = CtlShape::new(p)
        )
    }
}

impl<const SLOT: usize> Logic for CtlOut<SLOT> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, busy, work, step, wish, kept, passed, second, under, gone_up, gone_reg
        );
        clock!(self, clock, ops, steps);
        self.tells.read_clock.next = self.clock.val();
        self.tells.write_clock.next = self.clock.val();
        self.infos.read_clock.next = self.clock.val();
        self.infos.write_clock.next = self.clock.val();
        self.ops.reset.next = self.reset.val();
        self.ops.push_data.next = self.op.val();
        self.op_empty.next = !self.ops.valid.val();
        self.steps.reset.next = self.reset.val();
        self.steps.push.next = self.next_push.val();
        self.steps.push_data.next = self.next_step.val();
        // The access in hand.
        self.told.next = self.work.q.val().tell;
        self.space.next = self.work.q.val().asid;
        if self.kept.q.val() {
            self.told.next = self.tells.read_data.val().tell;
            self.space.next = self.tells.read_data.val().asid;
        }
        self.cur.next = self.no_info.val();
        self.cur.next.kind = self.work.q.val().kind;
        self.cur.next.two = self.work.q.val().two;
        self.cur.next.va = self.work.q.val().va;
        self.cur.next.msi = self.work.q.val().msi;
        self.cur.next.len = bit_cast::<7, 4>(self.work.q.val().len);
        self.cur.next.data = bit_cast::<128, 64>(self.work.q.val().data);
        self.cur.next.va_b = self.work.q.val().va_b;
        self.cur.next.data_b = self.work.q.val().data_b;
        self.plan.op.next = self.cur.val();
        self.plan.tell.next = self.told.val();
        self.plan.step.next = self.step.q.val();
        self.plan.wish.next = self.wish.q.val();
        self.shape.op.next = self.plan.info.val();
        self.shape.part.next = self.second.q.val();
        self.id.next = bit_cast::<10, 8>(self.work.q.val().slot);
        if self.second.q.val() {
            self.id.next = bit_cast::<10, 8>(self.work.q.val().slot) | self.part_bit.val();
        }
        self.request.next = self.no_request.val();
        self.request.next.asid = self.space.val();
        self.request.next.va = self.shape.va.val();
        self.request.next.tag = self.id.val();
        self.request.next.write = !self.shape.read.val();
        if self.work.q.val().kind == self.kind_xl.val() {
            self.request.next.write = self.work.q.val().msi;
        }
        self.mmu_req.next = self.request.val();
        // Whether it goes.
        self.room.next = self.under.q.val() < self.window.val();
        self.asks.next = self.busy.q.val() && !self.work.q.val().bypass && self.room.val();
        // Of registers alone: what `mmu_taken` does hangs together with `asks`.
        self.mmu_req_valid.next = self.busy.q.val()
            && !self.work.q.val().bypass
            && (self.under.q.val() < self.window.val());
        self.passes.next = self.busy.q.val()
            && self.work.q.val().bypass
            && self.room.val()
            && !self.mmu_rsp_valid.val();
        self.goes.next = self.passes.val() || (self.asks.val() && self.mmu_taken.val());
        self.pops.next = !self.busy.q.val()
            || (self.goes.val() && (self.second.q.val() || !self.shape.again.val()));
        self.steps.pop.next = self.pops.val();
        self.ops.pop.next = self.pops.val() && !self.steps.valid.val();
        // Nothing before it: the op that comes is the next one.
        self.straight.next = self.pops.val() && !self.steps.valid.val() && !self.ops.valid.val();
        self.ops.push.next = self.op_push.val() && !self.straight.val();
        if self.goes.val() {
            self.second.d.next = true;
        }
        if self.pops.val() {
            self.busy.d.next = self.ops.valid.val() || self.steps.valid.val() || self.op_push.val();
            self.work.d.next = self.ops.data.val();
            if self.straight.val() {
                self.work.d.next = self.op.val();
            }
            self.step.d.next = self.no_step.val();
            self.kept.d.next = false;
            self.second.d.next = false;
            if self.steps.valid.val() {
                self.work.d.next = self.no_op.val();
                self.work.d.next.kind = self.kind_tell.val();
                self.work.d.next.slot = self.steps.data.val().slot;
                self.step.d.next = self.steps.data.val().step;
                self.wish.d.next = self.steps.data.val().wish;
                self.kept.d.next = true;
            }
        }
        // What a TELL tells: saved while its first step is in Work, read for the others.
        self.slot.next = self.work.q.val().slot;
        self.kept_slot.next = self.work.q.val().slot;
        if self.pops.val() {
            self.kept_slot.next = self.steps.data.val().slot;
        }
        self.tells.read_address.next = self.kept_slot.val().get_bits::<SLOT>(0);
        self.saved.next = self.no_told.val();
        self.saved.next.asid = self.work.q.val().asid;
        self.saved.next.tell = self.work.q.val().tell;
        self.tells.write_address.next = self.slot.val().get_bits::<SLOT>(0);
        self.tells.write_data.next = self.saved.val();
        self.tells.write_enable.next = self.busy.q.val()
            && !self.kept.q.val()
            && (self.work.q.val().kind == self.kind_tell.val());
        self.load.next = self.under.q.val();
        if self.goes.val() {
            self.load.next = self.load.val() + self.one.val();
        }
        if self.left_x.val() {
            self.load.next = self.load.val() - self.one.val();
        }
        if self.left_r.val() {
            self.load.next = self.load.val() - self.one.val();
        }
        if self.left_w.val() {
            self.load.next = self.load.val() - self.one.val();
        }
        self.under.d.next = self.load.val();
        // What is kept by slot, for stage K.
        self.infos.write_address.next = self.slot.val().get_bits::<SLOT>(0);
        self.infos.write_data.next = self.plan.info.val();
        self.infos.write_enable.next = self.busy.q.val();
        self.passed.d.next = self.plan.info.val();
        self.answer_id.next = self.id.val();
        if self.mmu_rsp_valid.val() {
            self.answer_id.next = self.mmu_rsp.val().tag;
        }
        self.infos.read_address.next = self.answer_id.val().get_bits::<SLOT>(0);
        self.info.next = self.infos.read_data.val();
        // What passes may have been written at the very edge.
        if self.gone_reg.q.val().bypass {
            self.info.next = self.passed.q.val();
        }
        self.gone_up.d.next = self.mmu_rsp_valid.val() || self.passes.val();
        self.gone_reg.d.next.id = self.answer_id.val();
        self.gone_reg.d.next.part = (self.answer_id.val() & self.part_bit.val()).any();
        self.gone_reg.d.next.bypass = !self.mmu_rsp_valid.val();
        self.gone_reg.d.next.addr = self.mmu_rsp.val().addr;
        self.gone_reg.d.next.cause = self.no_cause.val();
        self.gone_reg.d.next.user = self.no_user.val();
        if self.mmu_rsp_valid.val() {
            self.gone_reg.d.next.cause = self.mmu_rsp.val().cause;
            self.gone_reg.d.next.user = self.mmu_rsp.val().user;
        }
        self.gone_valid.next = self.gone_up.q.val();
        self.gone.next = self.gone_reg.q.val();
        self.unused.next = self.ops.count.val().any()
            || self.steps.count.val().any()
            || self.slot.val().any()
            || self.kept_slot.val().any()
            || self.shape.merged.val()
            || self.shape.split.val()
            || self.shape.count.val().any()
            || self.shape.pair.val()
            || self.shape.third.val()
            || self.shape.chunk.val().any();
        if self.reset.val() {
            self.busy.d.next = false;
            self.second.d.next = false;
            self.under.d.next = 0.into();
            self.gone_up.d.next = false;
        }
    }
}
