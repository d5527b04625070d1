//! The transmit mover: device-readable buffers from host memory to the card's stream, packed, one packet a chain.
//!
//! `tx_issue` asks for the bursts, `tx_pack` joins what comes back; between them the in-flight FIFO, behind them the
//! output FIFO, whose head is the stream.
//! Timing: contract §7. Reset: everything empty.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::fifo::Fifo;
use crate::tx_issue::{TxIssue, TxItem};
use crate::tx_pack::{TxPack, TxSide};
use crate::types::{MmuReq, MmuRsp, TxDone, TxOp};
use crate::util::ones;

/// `tuser` of `m_axis`, see `shoal_abi::stream`.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TxUser {
    /// `TUSER_TAG`.
    pub tag: Bits<16>,
    /// `TUSER_WRITABLE`.
    pub writable: Bits<32>,
    /// `TUSER_TYPE`.
    pub typ: Bits<8>,
    /// `TUSER_ANSWER`: 0 on this stream.
    pub answer: Bit,
    /// `TUSER_ABORT`.
    pub abort: Bit,
    /// 0.
    pub zero: Bits<6>,
}

/// See the file's text. `W`: data width, bits; `WB`: bytes.
#[derive(LogicBlock)]
pub struct Tx<const W: usize, const WB: usize> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Puts `op` into the op FIFO.
    pub op_push: Signal<In, Bit>,
    /// DATA or END.
    pub op: Signal<In, TxOp>,
    /// Ops in the op FIFO, 0..=8.
    pub op_count: Signal<Out, Bits<16>>,
    /// The issue side is in state Idle.
    pub issue_idle: Signal<Out, Bit>,
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
    /// Asks the AR arbiter.
    pub ar_req: Signal<Out, Bit>,
    /// Address, a multiple of the beat.
    pub ar_addr: Signal<Out, Bits<64>>,
    /// AXI id.
    pub ar_id: Signal<Out, Bits<10>>,
    /// PASID valid and PASID.
    pub ar_user: Signal<Out, Bits<22>>,
    /// Beats - 1.
    pub ar_len: Signal<Out, Bits<8>>,
    /// The arbiter takes the burst at this edge.
    pub ar_grant: Signal<In, Bit>,
    /// A beat of the mover is accepted at this edge.
    pub r_valid: Signal<In, Bit>,
    /// Its data.
    pub r_data: Signal<In, Bits<W>>,
    /// Its response is not OKAY.
    pub r_bad: Signal<In, Bit>,
    /// The done register is full.
    pub done_valid: Signal<Out, Bit>,
    /// It.
    pub done: Signal<Out, TxDone>,
    /// Empties it.
    pub done_pop: Signal<In, Bit>,
    /// Stream data.
    pub m_axis_tdata: Signal<Out, Bits<W>>,
    /// Byte enables.
    pub m_axis_tkeep: Signal<Out, Bits<WB>>,
    /// Last beat of a packet.
    pub m_axis_tlast: Signal<Out, Bit>,
    /// A beat is offered.
    pub m_axis_tvalid: Signal<Out, Bit>,
    /// Member id.
    pub m_axis_tdest: Signal<Out, Bits<20>>,
    /// Virtqueue index within the device.
    pub m_axis_tid: Signal<Out, Bits<16>>,
    /// Side band.
    pub m_axis_tuser: Signal<Out, Bits<64>>,
    /// The beat is taken.
    pub m_axis_tready: Signal<In, Bit>,
    ops: Fifo<TxOp, 3>,
    flight: Fifo<TxItem, 4>,
    out_data: Fifo<Bits<W>, 6>,
    out_side: Fifo<TxSide, 6>,
    issue: TxIssue,
    pack: TxPack<W>,
    side: Signal<Local, TxSide>,
    past_keep: Signal<Local, Bits<WB>>,
    keep: Signal<Local, Bits<WB>>,
    user: Signal<Local, TxUser>,
    take: Signal<Local, Bit>,
    no_user: Constant<TxUser>,
    no_side: Constant<TxSide>,
    no_data: Constant<Bits<W>>,
    all_keep: Constant<Bits<WB>>,
}

impl<const W: usize, const WB: usize> Default for Tx<W, WB> {
    fn default() -> Self {
        block_default!(
            clock, reset, op_push, op, op_count, issue_idle, mmu_req_valid, mmu_req, mmu_taken, mmu_rsp_valid, mmu_rsp, epoch,
            start, ar_req, ar_addr, ar_id, ar_user, ar_len, ar_grant, r_valid, r_data, r_bad, done_valid, done,
            done_pop, m_axis_tdata, m_axis_tkeep, m_axis_tlast, m_axis_tvalid, m_axis_tdest, m_axis_tid, m_axis_tuser,
            m_axis_tready, ops, flight, out_data, out_side, pack, side, past_keep, keep, user, take;
            no_user = TxUser::default(),
            no_side = TxSide::default(),
            no_data = 0u64,
            all_keep = ones::<WB>();
            issue = TxIssue::new(WB as u64)
        )
    }
}

impl<const W: usize, const WB: usize> Logic for Tx<W, WB> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, ops, flight, out_data, out_side, issue, pack);
        // Op FIFO.
        self.ops.reset.next = self.reset.val();
        self.ops.push.next = self.op_push.val();
        self.ops.push_data.next = self.op.val();
        self.ops.pop.next = self.issue.op_pop.val();
        self.op_count.next = self.ops.count.val();
        // Issue side.
        self.issue.reset.next = self.reset.val();
        self.issue.op_valid.next = self.ops.valid.val();
        self.issue.op.next = self.ops.data.val();
        self.issue.out_count.next = self.out_data.count.val();
        self.issue.reserved.next = self.pack.reserved.val();
        self.issue.flight_count.next = self.flight.count.val();
        self.issue.mmu_taken.next = self.mmu_taken.val();
        self.issue.mmu_rsp_valid.next = self.mmu_rsp_valid.val();
        self.issue.mmu_rsp.next = self.mmu_rsp.val();
        self.issue.epoch.next = self.epoch.val();
        self.issue.ar_grant.next = self.ar_grant.val();
        self.issue_idle.next = self.issue.idle.val();
        self.mmu_req_valid.next = self.issue.mmu_req_valid.val();
        self.mmu_req.next = self.issue.mmu_req.val();
        self.start.next = self.issue.start.val();
        self.ar_req.next = self.issue.ar_req.val();
        self.ar_addr.next = self.issue.ar_addr.val();
        self.ar_id.next = self.issue.ar_id.val();
        self.ar_user.next = self.issue.ar_user.val();
        self.ar_len.next = self.issue.ar_len.val();
        // In-flight FIFO.
        self.flight.reset.next = self.reset.val();
        self.flight.push.next = self.issue.item_push.val();
        self.flight.push_data.next = self.issue.item.val();
        self.flight.pop.next = self.pack.item_pop.val();
        // Return side.
        self.pack.reset.next = self.reset.val();
        self.pack.item_valid.next = self.flight.valid.val();
        self.pack.item.next = self.flight.data.val();
        self.pack.reserve.next = self.issue.reserve.val();
        self.pack.out_count.next = self.out_side.count.val();
        self.pack.r_valid.next = self.r_valid.val();
        self.pack.r_data.next = self.r_data.val();
        self.pack.r_bad.next = self.r_bad.val();
        self.pack.done_pop.next = self.done_pop.val();
        self.done_valid.next = self.pack.done_valid.val();
        self.done.next = self.pack.done.val();
        // Output FIFO: data and side band in step.
        self.take.next = self.out_side.valid.val() & self.m_axis_tready.val();
        self.out_data.reset.next = self.reset.val();
        self.out_data.push.next = self.pack.out_push.val();
        self.out_data.push_data.next = self.pack.out_data.val();
        self.out_data.pop.next = self.take.val();
        self.out_side.reset.next = self.reset.val();
        self.out_side.push.next = self.pack.out_push.val();
        self.out_side.push_data.next = self.pack.out_side.val();
        self.out_side.pop.next = self.take.val();
        // Stream: 0 while nothing is offered.
        self.side.next = self.no_side.val();
        self.m_axis_tdata.next = self.no_data.val();
        if self.out_side.valid.val() {
            self.side.next = self.out_side.data.val();
        }
        if self.out_data.valid.val() {
            self.m_axis_tdata.next = self.out_data.data.val();
        }
        self.past_keep.next = self.all_keep.val() << self.side.val().bytes;
        self.keep.next = !self.past_keep.val();
        self.user.next = self.no_user.val();
        self.user.next.tag = self.side.val().tag;
        self.user.next.writable = self.side.val().writable;
        self.user.next.typ = self.side.val().typ;
        self.user.next.abort = self.side.val().abort;
        self.m_axis_tvalid.next = self.out_side.valid.val();
        self.m_axis_tkeep.next = self.keep.val();
        self.m_axis_tlast.next = self.side.val().last;
        self.m_axis_tdest.next = self.side.val().dest;
        self.m_axis_tid.next = self.side.val().tid;
        self.m_axis_tuser.next = self.user.val().into();
    }
}

#[cfg(test)]
#[path = "tx_tests.rs"]
mod tests;
