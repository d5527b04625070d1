//! The receive mover: packets of the card's stream into device-writable buffers in host memory.
//!
//! `rx_in` takes the stream into the input FIFO, `rx_issue` runs the ops, `rx_pack` cuts the bytes into write beats.
//! Timing: contract §8. Reset: everything empty, state Free.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::fifo::Fifo;
use crate::rx_in::{RxIn, RxSide};
use crate::rx_issue::RxIssue;
use crate::rx_pack::RxPack;
use crate::types::{MmuReq, MmuRsp, RxDone, RxHead, RxOp};

/// See the file's text. `W`: data width, bits; `WB`: bytes.
#[derive(LogicBlock)]
pub struct Rx<const W: usize, const WB: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Stream data.
    pub s_axis_tdata: Signal<In, Bits<W>>,
    /// Byte enables.
    pub s_axis_tkeep: Signal<In, Bits<WB>>,
    /// Last beat of a packet.
    pub s_axis_tlast: Signal<In, Bit>,
    /// A beat is offered.
    pub s_axis_tvalid: Signal<In, Bit>,
    /// Member id.
    pub s_axis_tdest: Signal<In, Bits<20>>,
    /// Virtqueue index within the device.
    pub s_axis_tid: Signal<In, Bits<16>>,
    /// Side band.
    pub s_axis_tuser: Signal<In, Bits<64>>,
    /// The beat is taken.
    pub s_axis_tready: Signal<Out, Bit>,
    /// In state Free with a beat waiting: `head` holds.
    pub head_valid: Signal<Out, Bit>,
    /// Side band of the packet's first beat.
    pub head: Signal<Out, RxHead>,
    /// State Free.
    pub free: Signal<Out, Bit>,
    /// An op arrives at this edge (only in Free and Hold).
    pub op_set: Signal<In, Bit>,
    /// It.
    pub op: Signal<In, RxOp>,
    /// Asks the MMU.
    pub mmu_req_valid: Signal<Out, Bit>,
    /// What for.
    pub mmu_req: Signal<Out, MmuReq>,
    /// The MMU has taken the request.
    pub mmu_taken: Signal<In, Bit>,
    /// The MMU's answer for this mover is up.
    pub mmu_rsp_valid: Signal<In, Bit>,
    /// It.
    pub mmu_rsp: Signal<In, MmuRsp>,
    /// Epoch of this cycle.
    pub epoch: Signal<In, Bit>,
    /// An access starts at this edge.
    pub start: Signal<Out, Bit>,
    /// Asks the W arbiter.
    pub w_req: Signal<Out, Bit>,
    /// Address, a multiple of the beat.
    pub w_addr: Signal<Out, Bits<64>>,
    /// The access belongs to this epoch.
    pub w_epoch: Signal<Out, Bit>,
    /// PASID valid and PASID.
    pub w_user: Signal<Out, Bits<22>>,
    /// Beats - 1.
    pub w_len: Signal<Out, Bits<8>>,
    /// The arbiter takes the burst at this edge.
    pub w_grant: Signal<In, Bit>,
    /// The write channel takes the beat at this edge.
    pub w_beat_take: Signal<In, Bit>,
    /// The beat.
    pub w_beat_data: Signal<Out, Bits<W>>,
    /// Its byte enables.
    pub w_beat_strb: Signal<Out, Bits<WB>>,
    /// A response for the mover is accepted at this edge.
    pub b_valid: Signal<In, Bit>,
    /// It is not OKAY.
    pub b_bad: Signal<In, Bit>,
    /// The done register is full.
    pub done_valid: Signal<Out, Bit>,
    /// It.
    pub done: Signal<Out, RxDone>,
    /// Empties it.
    pub done_pop: Signal<In, Bit>,
    entry: RxIn<W, WB>,
    in_data: Fifo<Bits<W>, 6>,
    in_side: Fifo<RxSide, 6>,
    pack: RxPack<W, WB>,
    issue: RxIssue,
    no_head: Constant<RxHead>,
}

impl<const W: usize, const WB: usize> Default for Rx<W, WB> {
    fn default() -> Self {
        block_default!(
            clock, reset, s_axis_tdata, s_axis_tkeep, s_axis_tlast, s_axis_tvalid, s_axis_tdest, s_axis_tid,
            s_axis_tuser, s_axis_tready, head_valid, head, free, op_set, op, mmu_req_valid, mmu_req, mmu_taken, mmu_rsp_valid,
            mmu_rsp, epoch, start, w_req, w_addr, w_epoch, w_user, w_len, w_grant, w_beat_take, w_beat_data, w_beat_strb,
            b_valid, b_bad, done_valid, done, done_pop, entry, in_data, in_side, pack;
            no_head = RxHead::default();
            issue = RxIssue::new(WB as u64)
        )
    }
}

impl<const W: usize, const WB: usize> Logic for Rx<W, WB> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, entry, in_data, in_side, pack, issue);
        // Entry.
        self.entry.reset.next = self.reset.val();
        self.entry.s_axis_tdata.next = self.s_axis_tdata.val();
        self.entry.s_axis_tkeep.next = self.s_axis_tkeep.val();
        self.entry.s_axis_tlast.next = self.s_axis_tlast.val();
        self.entry.s_axis_tvalid.next = self.s_axis_tvalid.val();
        self.entry.s_axis_tdest.next = self.s_axis_tdest.val();
        self.entry.s_axis_tid.next = self.s_axis_tid.val();
        self.entry.s_axis_tuser.next = self.s_axis_tuser.val();
        self.entry.count.next = self.in_side.count.val();
        self.s_axis_tready.next = self.entry.s_axis_tready.val();
        // Input FIFO: data and side band in step.
        self.in_data.reset.next = self.reset.val();
        self.in_data.push.next = self.entry.push.val();
        self.in_data.push_data.next = self.entry.data.val();
        self.in_data.pop.next = self.pack.pop.val();
        self.in_side.reset.next = self.reset.val();
        self.in_side.push.next = self.entry.push.val();
        self.in_side.push_data.next = self.entry.side.val();
        self.in_side.pop.next = self.pack.pop.val();
        // Data path.
        self.pack.reset.next = self.reset.val();
        self.pack.head_valid.next = self.in_data.valid.val();
        self.pack.head_data.next = self.in_data.data.val();
        self.pack.head_bytes.next = self.in_side.data.val().bytes;
        self.pack.head_last.next = self.in_side.data.val().last;
        self.pack.last_push.next = self.entry.push.val() & self.s_axis_tlast.val();
        self.pack.discard.next = self.issue.discard.val();
        self.pack.clear_acc.next = self.issue.clear_acc.val();
        self.pack.clear_ended.next = self.issue.clear_ended.val();
        self.pack.beat_take.next = self.w_beat_take.val();
        self.pack.lane.next = self.issue.lane.val();
        self.pack.chunk.next = self.issue.chunk.val();
        self.w_beat_data.next = self.pack.beat_data.val();
        self.w_beat_strb.next = self.pack.beat_strb.val();
        // Control.
        self.issue.reset.next = self.reset.val();
        self.issue.op_set.next = self.op_set.val();
        self.issue.op.next = self.op.val();
        self.issue.count.next = self.in_data.count.val();
        self.issue.lasts.next = self.pack.lasts.val();
        self.issue.acc_count.next = self.pack.acc_count.val();
        self.issue.ended.next = self.pack.ended.val();
        self.issue.mmu_taken.next = self.mmu_taken.val();
        self.issue.mmu_rsp_valid.next = self.mmu_rsp_valid.val();
        self.issue.mmu_rsp.next = self.mmu_rsp.val();
        self.issue.epoch.next = self.epoch.val();
        self.issue.w_grant.next = self.w_grant.val();
        self.issue.beat_take.next = self.w_beat_take.val();
        self.issue.beat_bytes.next = self.pack.beat_bytes.val();
        self.issue.b_valid.next = self.b_valid.val();
        self.issue.b_bad.next = self.b_bad.val();
        self.issue.done_pop.next = self.done_pop.val();
        self.free.next = self.issue.free.val();
        self.mmu_req_valid.next = self.issue.mmu_req_valid.val();
        self.mmu_req.next = self.issue.mmu_req.val();
        self.start.next = self.issue.start.val();
        self.w_req.next = self.issue.w_req.val();
        self.w_addr.next = self.issue.w_addr.val();
        self.w_epoch.next = self.issue.w_epoch.val();
        self.w_user.next = self.issue.w_user.val();
        self.w_len.next = self.issue.w_len.val();
        self.done_valid.next = self.issue.done_valid.val();
        self.done.next = self.issue.done.val();
        // The packet that waits.
        self.head_valid.next = self.issue.free.val() & self.in_side.valid.val();
        self.head.next = self.no_head.val();
        self.head.next.dest = self.in_side.data.val().dest;
        self.head.next.tid = self.in_side.data.val().tid;
        self.head.next.tuser = self.in_side.data.val().tuser;
    }
}

#[cfg(test)]
#[path = "rx_tests.rs"]
mod tests;
