//! The control unit, stage K and the bus: what an answer makes of an access, and the accesses that wait for a grant.
//!
//! Timing: contract §4.1. `start`, `x_push` and what is kept belong to the cycle of stage K; `ar_req` and `w_req` are
//! functions of state, a grant pops at the edge. Reset: no access waits.

use crate::block_default;
use crate::ctl_shape::CtlShape;
use crate::ctl_types::{CtlBeat, CtlExpect, CtlGone, CtlInfo, CtlRead, CtlWrite, CtlX};
use crate::fifo::Fifo;
use crate::types::{CTL_RD, CTL_XL};
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
    /// It ends here.
    pub x_push: Signal<Out, Bit>,
    pub x: Signal<Out, CtlX>,
    /// What is kept of it by its id, and of its op by slot.
    pub keep_id: Signal<Out, Bits<10>>,
    pub beat: Signal<Out, CtlBeat>,
    pub plan: Signal<Out, CtlExpect>,
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
    /// Two beats of 8 bytes.
    pub w_beats2: Signal<Out, Bit>,
    /// Both beats, the first one low.
    pub w_data: Signal<Out, Bits<128>>,
    pub w_strb: Signal<Out, Bits<16>>,
    reads: Fifo<CtlRead, WAITING>,
    writes: Fifo<CtlWrite, WAITING>,
    shape: CtlShape,
    id: Signal<Local, Bits<10>>,
    slot: Signal<Local, Bits<SLOT>>,
    part: Signal<Local, Bit>,
    over: Signal<Local, Bit>,
    starts: Signal<Local, Bit>,
    is_rd: Signal<Local, Bit>,
    va_a: Signal<Local, Bits<64>>,
    va_b: Signal<Local, Bits<64>>,
    apart: Signal<Local, Bits<64>>,
    phys: Signal<Local, Bits<64>>,
    user: Signal<Local, Bits<22>>,
    shift: Signal<Local, Bits<6>>,
    ended: Signal<Local, CtlX>,
    read: Signal<Local, CtlRead>,
    write: Signal<Local, CtlWrite>,
    kept_beat: Signal<Local, CtlBeat>,
    kept_op: Signal<Local, CtlExpect>,
    to_addr: Signal<Local, Bits<64>>,
    to_len: Signal<Local, Bits<4>>,
    offset: Signal<Local, Bits<3>>,
    last_byte: Signal<Local, Bits<5>>,
    spare: Signal<Local, Bits<4>>,
    spare_bits: Signal<Local, Bits<6>>,
    kept: Signal<Local, Bits<64>>,
    unused: Signal<Local, Bit>,
    no_x: Constant<CtlX>,
    no_read: Constant<CtlRead>,
    no_write: Constant<CtlWrite>,
    no_beat: Constant<CtlBeat>,
    no_expect: Constant<CtlExpect>,
    kind_rd: Constant<Bits<2>>,
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
    two_bytes: Constant<Bits<4>>,
    byte_shift: Constant<Bits<2>>,
    word_bytes: Constant<Bits<5>>,
    word4: Constant<Bits<4>>,
    one16: Constant<Bits<16>>,
    all64: Constant<Bits<64>>,
}

impl<const SLOT: usize> CtlIssue<SLOT> {
    /// For the sizes of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        assert!(p.ctl_window <= 1 << WAITING, "{} accesses", p.ctl_window);
        block_default!(
            clock, reset, gone_valid, gone, info, epoch, start, x_push, x, keep_id, beat, plan, ar_req, ar_grant, ar_addr,
            ar_id, ar_user, ar_size, w_req, w_grant, w_addr, w_id, w_user, w_beats2, w_data, w_strb, reads, writes, id,
            slot, part, over, starts, is_rd, va_a, va_b, apart, phys, user, shift, ended, read, write, kept_beat, kept_op,
            to_addr, to_len, offset, last_byte, spare, spare_bits, kept, unused;
            no_x = CtlX::default(), no_read = CtlRead::default(), no_write = CtlWrite::default(),
            no_beat = CtlBeat::default(), no_expect = CtlExpect::default(),
            kind_rd = CTL_RD, kind_xl = CTL_XL, ok = u64::from(mmu::CAUSE_NONE),
            interrupt = u64::from(mmu::USER_INTERRUPT), no_user = 0, lanes = p.lanes() as u64 - 1,
            size8 = 3, size16 = 4, size32 = 5, size64 = 6, align8 = !7_u64, align16 = !15_u64, align32 = !31_u64,
            align64 = !63_u64, two_bytes = 2, byte_shift = 3, word_bytes = 8, word4 = 8, one16 = 1, all64 = u64::MAX;
            shape = CtlShape::new(p)
        )
    }
}

impl<const SLOT: usize> Logic for CtlIssue<SLOT> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, reads, writes);
        self.reads.reset.next = self.reset.val();
        self.writes.reset.next = self.reset.val();
        // Stage K.
        self.id.next = self.gone.val().id;
        self.slot.next = self.id.val().get_bits::<SLOT>(0);
        self.part.next = self.gone.val().part;
        self.va_a.next = self.info.val().va;
        self.va_b.next = self.info.val().va_b;
        self.shape.op.next = self.info.val();
        // From the ports alone: what comes of it is used in this block.
        self.shape.part.next = self.gone.val().part;
        self.is_rd.next = self.info.val().kind == self.kind_rd.val();
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
        self.x_push.next = self.over.val();
        self.ended.next = self.no_x.val();
        self.ended.next.slot = bit_cast::<8, SLOT>(self.slot.val());
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
        self.reads.push_data.next = self.read.val();
        self.reads.push.next = self.starts.val() && self.is_rd.val();
        // The bytes of this write.
        self.shift.next = bit_cast::<6, 4>(self.shape.chunk.val()) << self.byte_shift.val();
        self.write.next = self.no_write.val();
        self.write.next.id = self.id.val();
        self.write.next.addr = self.phys.val();
        self.write.next.user = self.user.val();
        self.write.next.len = self.info.val().len;
        self.write.next.data = self.info.val().data;
        if self.shape.split.val() {
            self.write.next.len = self.shape.chunk.val();
            if self.part.val() {
                self.write.next.len = self.info.val().len - self.shape.chunk.val();
                self.write.next.data = self.info.val().data >> self.shift.val();
            }
        } else if self.part.val() {
            self.write.next.len = self.two_bytes.val();
            self.write.next.data = bit_cast::<64, 16>(self.info.val().data_b);
        }
        self.writes.push_data.next = self.write.val();
        self.writes.push.next = self.starts.val() && !self.is_rd.val();
        // What is kept until its end.
        self.keep_id.next = self.id.val();
        self.kept_beat.next = self.no_beat.val();
        self.kept_beat.next.epoch = self.epoch.val();
        self.kept_beat.next.has_a = !self.part.val();
        self.kept_beat.next.has_b = self.part.val() || self.shape.merged.val();
        self.kept_beat.next.lane_a = self.va_a.val().get_bits::<3>(3) & self.lanes.val();
        self.kept_beat.next.lane_b = self.va_b.val().get_bits::<3>(3) & self.lanes.val();
        self.beat.next = self.kept_beat.val();
        self.kept_op.next = self.no_expect.val();
        self.kept_op.next.two = self.shape.two.val();
        self.kept_op.next.second_b = self.info.val().two;
        self.kept_op.next.va = self.va_a.val();
        self.kept_op.next.va_b = self.va_b.val();
        self.plan.next = self.kept_op.val();
        // To the bus.
        self.ar_req.next = self.reads.valid.val();
        self.reads.pop.next = self.ar_grant.val();
        self.ar_addr.next = self.reads.data.val().addr;
        self.ar_id.next = self.reads.data.val().id;
        self.ar_user.next = self.reads.data.val().user;
        self.ar_size.next = self.reads.data.val().size;
        self.w_req.next = self.writes.valid.val();
        self.writes.pop.next = self.w_grant.val();
        self.to_addr.next = self.writes.data.val().addr;
        self.to_len.next = self.writes.data.val().len;
        self.w_addr.next = self.to_addr.val() & self.align8.val();
        self.w_id.next = self.writes.data.val().id;
        self.w_user.next = self.writes.data.val().user;
        self.offset.next = self.to_addr.val().get_bits::<3>(0);
        self.last_byte.next =
            bit_cast::<5, 3>(self.offset.val()) + bit_cast::<5, 4>(self.to_len.val());
        self.w_beats2.next = self.last_byte.val() > self.word_bytes.val();
        self.w_strb.next =
            ((self.one16.val() << self.to_len.val()) - self.one16.val()) << self.offset.val();
        // Bytes that are not written are 0 on the bus.
        self.spare.next = self.word4.val() - self.to_len.val();
        self.spare_bits.next = bit_cast::<6, 4>(self.spare.val()) << self.byte_shift.val();
        self.kept.next = self.writes.data.val().data & (self.all64.val() >> self.spare_bits.val());
        self.w_data.next = bit_cast::<128, 64>(self.kept.val())
            << (bit_cast::<6, 3>(self.offset.val()) << self.byte_shift.val());
        self.unused.next =
            self.reads.count.val().any() || self.writes.count.val().any() || self.apart.val().any();
    }
}
