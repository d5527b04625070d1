//! The control unit, stage K and the bus: what an answer makes of an access, and the accesses that wait for a grant.
//!
//! Timing: contract §4.1. `start`, `x_push` and what is kept belong to the cycle of stage K; `ar_req` and `w_req` are
//! functions of state, a grant pops at the edge. Reset: no access waits.

use crate::block_default;
use crate::ctl_lanes::CtlLanes;
use crate::ctl_shape::CtlShape;
use crate::ctl_types::{CtlBeat, CtlExpect, CtlGone, CtlInfo, CtlRead, CtlWrite, CtlX};
use crate::fifo::Fifo;
use crate::types::CTL_XL;
use rust_hdl::prelude::*;
use shoal_abi::mmu;
use shoal_abi::profile::Profile;

/// log2 of the accesses that may wait: as large as the largest window.
const WAITING: usize = 6;

/// Stage K and the access FIFOs; slots have `SLOT` bits.
#[derive(LogicBlock)]
pub struct CtlIssue<const SLOT: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// An access is in stage K.
    pub gone_valid: Signal<In, Bit>,
    pub gone: Signal<In, CtlGone>,
    pub info: Signal<In, CtlInfo>,
    /// Current epoch.
    pub epoch: Signal<In, Bit>,
    /// It starts.
    pub start: Signal<Out, Bit>,
    /// Its other part starts with it.
    pub start2: Signal<Out, Bit>,
    /// It ends here.
    pub x_push: Signal<Out, Bit>,
    pub x: Signal<Out, CtlX>,
    /// What is kept of it by its id, and of its op by slot.
    pub keep_id: Signal<Out, Bits<10>>,
    /// The access is a read.
    pub keep_read: Signal<Out, Bit>,
    pub beat: Signal<Out, CtlBeat>,
    pub plan: Signal<Out, CtlExpect>,
    /// The grant of this cycle is the last of its access, or pair.
    pub left_r: Signal<Out, Bit>,
    pub left_w: Signal<Out, Bit>,
    pub ar_req: Signal<Out, Bit>,
    pub ar_grant: Signal<In, Bit>,
    pub ar_addr: Signal<Out, Bits<64>>,
    pub ar_id: Signal<Out, Bits<10>>,
    pub ar_user: Signal<Out, Bits<22>>,
    pub ar_size: Signal<Out, Bits<3>>,
    pub w_req: Signal<Out, Bit>,
    pub w_grant: Signal<In, Bit>,
    pub w_addr: Signal<Out, Bits<64>>,
    pub w_id: Signal<Out, Bits<10>>,
    pub w_user: Signal<Out, Bits<22>>,
    /// Full-width beats, not of 8 bytes.
    pub w_full: Signal<Out, Bit>,
    pub w_beats: Signal<Out, Bits<9>>,
    /// The words, that of the first byte lowest.
    pub w_data: Signal<Out, Bits<576>>,
    pub w_strb: Signal<Out, Bits<72>>,
    reads: Fifo<CtlRead, WAITING>,
    writes: Fifo<CtlWrite, WAITING>,
    shape: CtlShape,
    lanes_of: CtlLanes,
    r_second: DFF<Bit>,
    w_second: DFF<Bit>,
    id: Signal<Local, Bits<10>>,
    slot: Signal<Local, Bits<SLOT>>,
    part: Signal<Local, Bit>,
    over: Signal<Local, Bit>,
    starts: Signal<Local, Bit>,
    is_rd: Signal<Local, Bit>,
    va_a: Signal<Local, Bits<64>>,
    va_b: Signal<Local, Bits<64>>,
    va_c: Signal<Local, Bits<64>>,
    apart: Signal<Local, Bits<64>>,
    phys: Signal<Local, Bits<64>>,
    user: Signal<Local, Bits<22>>,
    ended: Signal<Local, CtlX>,
    read: Signal<Local, CtlRead>,
    write: Signal<Local, CtlWrite>,
    kept_beat: Signal<Local, CtlBeat>,
    kept_op: Signal<Local, CtlExpect>,
    next_step: Signal<Local, Bits<2>>,
    from: Signal<Local, CtlRead>,
    from_addr: Signal<Local, Bits<64>>,
    to: Signal<Local, CtlWrite>,
    to_addr: Signal<Local, Bits<64>>,
    unused: Signal<Local, Bit>,
    no_x: Constant<CtlX>,
    no_read: Constant<CtlRead>,
    no_write: Constant<CtlWrite>,
    no_beat: Constant<CtlBeat>,
    no_expect: Constant<CtlExpect>,
    kind_xl: Constant<Bits<2>>,
    ok: Constant<Bits<12>>,
    interrupt: Constant<Bits<22>>,
    no_user: Constant<Bits<22>>,
    lanes: Constant<Bits<3>>,
    size8: Constant<Bits<3>>,
    size16: Constant<Bits<3>>,
    size32: Constant<Bits<3>>,
    size64: Constant<Bits<3>>,
    align8: Constant<Bits<64>>,
    align16: Constant<Bits<64>>,
    align32: Constant<Bits<64>>,
    align64: Constant<Bits<64>>,
    page_of: Constant<Bits<64>>,
    part_bit: Constant<Bits<10>>,
    one_step: Constant<Bits<2>>,
    last_step: Constant<Bits<2>>,
    two_bytes: Constant<Bits<7>>,
}

impl<const SLOT: usize> CtlIssue<SLOT> {
    /// For the sizes of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        assert!(p.ctl_window <= 1 << WAITING, "{} accesses", p.ctl_window);
        block_default!(
            clock, reset, gone_valid, gone, info, epoch, start, start2, x_push, x, keep_id, keep_read, beat, plan, left_r, left_w, ar_req, ar_grant, ar_addr,
            ar_id, ar_user, ar_size, w_req, w_grant, w_addr, w_id, w_user, w_full, w_beats, w_data, w_strb, reads, writes, r_second, w_second, id,
            slot, part, over, starts, is_rd, va_a, va_b, va_c, apart, phys, user, ended, read, write, kept_beat, kept_op,
            next_step, from, from_addr, to, to_addr, unused;
            no_x = CtlX::default(), no_read = CtlRead::default(), no_write = CtlWrite::default(),
            no_beat = CtlBeat::default(), no_expect = CtlExpect::default(),
            kind_xl = CTL_XL, ok = u64::from(mmu::CAUSE_NONE),
            interrupt = u64::from(mmu::USER_INTERRUPT), no_user = 0, lanes = p.lanes() as u64 - 1,
            size8 = 3, size16 = 4, size32 = 5, size64 = 6, align8 = !7_u64, align16 = !15_u64, align32 = !31_u64,
            align64 = !63_u64, page_of = !4095_u64, part_bit = 1_u64 << SLOT, one_step = 1, last_step = 2, two_bytes = 2;
            lanes_of = CtlLanes::new(p), shape = CtlShape::new(p)
        )
    }
}

impl<const SLOT: usize> Logic for CtlIssue<SLOT> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, r_second, w_second);
        clock!(self, clock, reads, writes);
        self.reads.reset.next = self.reset.val();
        self.writes.reset.next = self.reset.val();
        // Stage K.
        self.id.next = self.gone.val().id;
        self.slot.next = self.id.val().get_bits::<SLOT>(0);
        self.part.next = self.gone.val().part;
        self.va_a.next = self.info.val().va;
        self.va_b.next = self.info.val().va_b;
        self.va_c.next = self.info.val().va_c;
        self.shape.op.next = self.info.val();
        // From the ports alone: what comes of it is used in this block.
        self.shape.part.next = self.gone.val().part;
        self.is_rd.next = self.shape.read.val();
        self.phys.next = self.gone.val().addr;
        self.user.next = bit_cast::<22, 21>(self.gone.val().user);
        if self.gone.val().bypass {
            self.phys.next = self.shape.va.val();
            self.user.next = self.no_user.val();
            if self.info.val().msi {
                self.user.next = self.interrupt.val();
            }
        }
        self.over.next = self.gone_valid.val()
            && ((self.gone.val().cause != self.ok.val())
                || (self.info.val().kind == self.kind_xl.val()));
        self.starts.next = self.gone_valid.val() && !self.over.val();
        self.start.next = self.starts.val();
        self.start2.next = self.starts.val() && self.shape.pair.val();
        self.x_push.next = self.over.val();
        self.ended.next = self.no_x.val();
        self.ended.next.slot = bit_cast::<8, SLOT>(self.slot.val());
        self.ended.next.both = self.shape.pair.val();
        self.ended.next.cause = self.gone.val().cause;
        self.ended.next.iova = self.shape.va.val();
        self.ended.next.addr = self.phys.val();
        self.ended.next.user = self.gone.val().user;
        self.x.next = self.ended.val();
        // One word, or the smallest block that holds both.
        self.apart.next = self.va_a.val() ^ self.va_b.val();
        self.read.next = self.no_read.val();
        self.read.next.id = self.id.val();
        self.read.next.user = self.user.val();
        self.read.next.size = self.size8.val();
        self.read.next.addr = self.phys.val() & self.align8.val();
        if self.shape.merged.val() {
            if self.apart.val().get_bit(5) {
                self.read.next.size = self.size64.val();
                self.read.next.addr = self.phys.val() & self.align64.val();
            } else if self.apart.val().get_bit(4) {
                self.read.next.size = self.size32.val();
                self.read.next.addr = self.phys.val() & self.align32.val();
            } else if self.apart.val().get_bit(3) {
                self.read.next.size = self.size16.val();
                self.read.next.addr = self.phys.val() & self.align16.val();
            }
        }
        self.read.next.pair = self.shape.pair.val();
        self.read.next.offset_b = self.va_b.val().get_bits::<12>(0);
        self.reads.push_data.next = self.read.val();
        self.reads.push.next = self.starts.val() && self.is_rd.val();
        // The bytes of this write.
        self.write.next = self.no_write.val();
        self.write.next.id = self.id.val();
        self.write.next.addr = self.phys.val();
        self.write.next.user = self.user.val();
        self.write.next.len = self.info.val().len;
        self.write.next.data = self.info.val().data;
        self.write.next.spread = self.info.val().spread;
        self.write.next.lens = self.info.val().lens;
        self.write.next.pair = self.shape.pair.val();
        self.write.next.offset_b = self.va_b.val().get_bits::<12>(0);
        self.write.next.data_b = self.info.val().data_b;
        if self.shape.split.val() {
            self.write.next.len = bit_cast::<7, 6>(self.shape.chunk.val());
            if self.part.val() {
                self.write.next.len =
                    self.info.val().len - bit_cast::<7, 6>(self.shape.chunk.val());
                self.write.next.skip = self.shape.chunk.val();
            }
        } else if self.part.val() {
            self.write.next.len = self.two_bytes.val();
            self.write.next.data = bit_cast::<128, 16>(self.info.val().data_b);
        }
        self.writes.push_data.next = self.write.val();
        self.writes.push.next = self.starts.val() && !self.is_rd.val();
        // What is kept until its end.
        self.keep_id.next = self.id.val();
        self.keep_read.next = self.is_rd.val();
        self.kept_beat.next = self.no_beat.val();
        self.kept_beat.next.epoch = self.epoch.val();
        self.kept_beat.next.has_a = !self.part.val();
        self.kept_beat.next.has_b = self.part.val() || self.shape.merged.val();
        self.kept_beat.next.lane_a = self.va_a.val().get_bits::<3>(3) & self.lanes.val();
        self.kept_beat.next.lane_b = self.va_b.val().get_bits::<3>(3) & self.lanes.val();
        if self.shape.third.val() {
            self.kept_beat.next.lane_b = self.va_c.val().get_bits::<3>(3) & self.lanes.val();
        }
        self.beat.next = self.kept_beat.val();
        self.kept_op.next = self.no_expect.val();
        self.kept_op.next.count = self.shape.count.val();
        self.kept_op.next.second_b = self.info.val().two;
        self.kept_op.next.third = self.info.val().third;
        self.next_step.next = self.info.val().step;
        self.kept_op.next.more =
            self.info.val().tell && (self.next_step.val() != self.last_step.val());
        self.kept_op.next.next_step = self.next_step.val() + self.one_step.val();
        self.kept_op.next.va = self.va_a.val();
        self.kept_op.next.va_b = self.va_b.val();
        self.kept_op.next.va_c = self.va_c.val();
        self.kept_op.next.sends = self.info.val().sends;
        self.plan.next = self.kept_op.val();
        // To the bus. A pair asks twice.
        self.from.next = self.reads.data.val();
        self.from_addr.next = self.from.val().addr;
        self.ar_req.next = self.reads.valid.val();
        self.ar_addr.next = self.from_addr.val();
        self.ar_id.next = self.from.val().id;
        if self.r_second.q.val() {
            self.ar_addr.next = (self.from_addr.val() & self.page_of.val())
                | (bit_cast::<64, 12>(self.from.val().offset_b) & self.align8.val());
            self.ar_id.next = self.from.val().id | self.part_bit.val();
        }
        self.ar_user.next = self.from.val().user;
        self.ar_size.next = self.from.val().size;
        self.left_r.next =
            self.ar_grant.val() && (self.r_second.q.val() || !self.reads.data.val().pair);
        self.reads.pop.next =
            self.ar_grant.val() && (self.r_second.q.val() || !self.reads.data.val().pair);
        if self.ar_grant.val() {
            self.r_second.d.next = self.reads.data.val().pair && !self.r_second.q.val();
        }
        self.to.next = self.writes.data.val();
        if self.w_second.q.val() {
            self.to.next.id = self.writes.data.val().id | self.part_bit.val();
            self.to.next.addr = (self.writes.data.val().addr & self.page_of.val())
                | bit_cast::<64, 12>(self.writes.data.val().offset_b);
            self.to.next.len = self.two_bytes.val();
            self.to.next.data = bit_cast::<128, 16>(self.writes.data.val().data_b);
            self.to.next.spread = false;
        }
        self.to_addr.next = self.to.val().addr;
        self.w_req.next = self.writes.valid.val();
        self.w_addr.next = self.to_addr.val();
        self.w_id.next = self.to.val().id;
        self.w_user.next = self.to.val().user;
        self.lanes_of.addr.next = self.to_addr.val();
        self.lanes_of.len.next = self.to.val().len;
        self.lanes_of.bytes.next = self.to.val().data;
        self.lanes_of.spread.next = self.to.val().spread;
        self.lanes_of.lens.next = self.to.val().lens;
        self.lanes_of.skip.next = self.to.val().skip;
        self.w_full.next = self.lanes_of.full.val();
        self.w_beats.next = self.lanes_of.beats.val();
        self.w_data.next = self.lanes_of.data.val();
        self.w_strb.next = self.lanes_of.strb.val();
        self.left_w.next =
            self.w_grant.val() && (self.w_second.q.val() || !self.writes.data.val().pair);
        self.writes.pop.next =
            self.w_grant.val() && (self.w_second.q.val() || !self.writes.data.val().pair);
        if self.w_grant.val() {
            self.w_second.d.next = self.writes.data.val().pair && !self.w_second.q.val();
        }
        self.unused.next = self.reads.count.val().any()
            || self.writes.count.val().any()
            || self.apart.val().any()
            || self.shape.again.val();
        if self.reset.val() {
            self.r_second.d.next = false;
            self.w_second.d.next = false;
        }
    }
}
