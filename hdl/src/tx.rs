//! The transmit mover: device-readable buffers from host memory to the card's stream, packed, one packet a chain.
//!
//! ```text
//!  op FIFO -> tx_cut -> tx_items (Ask) -> tx_issue -> AR
//!                           |                |
//!         beat FIFO <- R    '-> tx_pack <----'  -> output FIFO -> stream
//!                '---------------^   '-> done FIFO
//! ```
//! Every station works on items of its own: many translations and bursts are under way at a time.
//! Timing: contract §7. Reset: everything empty.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::fifo::Fifo;
use crate::tx_cut::TxCut;
use crate::tx_issue::{TxFate, TxIssue};
use crate::tx_items::TxItems;
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

/// See the file's text. `W`: data width, bits; `WB`: bytes. `OA`, `IA`, `BA`: address bits of the op FIFO, the item ring
/// (`NI` places) and the beat FIFO; `SW`: bits of a slot number.
#[derive(LogicBlock)]
pub struct Tx<
    const W: usize,
    const WB: usize,
    const OA: usize,
    const IA: usize,
    const NI: usize,
    const BA: usize,
    const SW: usize,
> {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Puts `op` into the op FIFO.
    pub op_push: Signal<In, Bit>,
    /// Data, an end, or both.
    pub op: Signal<In, TxOp>,
    /// Ops in the op FIFO, 0..=2^`OA`.
    pub op_count: Signal<Out, Bits<16>>,
    /// Asks the MMU.
    pub mmu_req_valid: Signal<Out, Bit>,
    /// What for.
    pub mmu_req: Signal<Out, MmuReq>,
    /// The MMU has taken the request.
    pub mmu_taken: Signal<In, Bit>,
    /// An answer of the MMU for this mover is up; they come in any order.
    pub mmu_rsp_valid: Signal<In, Bit>,
    /// It.
    pub mmu_rsp: Signal<In, MmuRsp>,
    /// Epoch of this cycle.
    pub epoch: Signal<In, Bit>,
    /// An access starts at this edge.
    pub start: Signal<Out, Bit>,
    /// Asks the AR arbiter.
    pub ar_req: Signal<Out, Bit>,
    /// Address, a multiple of the size.
    pub ar_addr: Signal<Out, Bits<64>>,
    /// PASID valid and PASID.
    pub ar_user: Signal<Out, Bits<22>>,
    /// Beats - 1.
    pub ar_len: Signal<Out, Bits<8>>,
    /// log2(bytes a beat).
    pub ar_size: Signal<Out, Bits<3>>,
    /// The arbiter takes the burst at this edge.
    pub ar_grant: Signal<In, Bit>,
    /// A beat of the mover is accepted at this edge.
    pub r_valid: Signal<In, Bit>,
    /// Its data.
    pub r_data: Signal<In, Bits<W>>,
    /// Its response is not OKAY.
    pub r_bad: Signal<In, Bit>,
    /// It is the last of its burst.
    pub r_last: Signal<In, Bit>,
    /// An access ends with a beat.
    pub end_r: Signal<Out, Bit>,
    /// Its epoch.
    pub end_r_epoch: Signal<Out, Bit>,
    /// An access ends by being skipped.
    pub skip_end: Signal<Out, Bit>,
    /// Its epoch.
    pub skip_epoch: Signal<Out, Bit>,
    /// The done FIFO holds something.
    pub done_valid: Signal<Out, Bit>,
    /// Its head.
    pub done: Signal<Out, TxDone>,
    /// Takes it.
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
    ops: Fifo<TxOp, OA>,
    cut: TxCut,
    items: TxItems<IA, NI>,
    issue: TxIssue<BA>,
    fates: Fifo<TxFate, IA>,
    beats: Fifo<Bits<W>, BA>,
    beats_bad: Fifo<Bit, BA>,
    pack: TxPack<W>,
    results: Fifo<TxDone, SW>,
    out_data: Fifo<Bits<W>, 2>,
    out_side: Fifo<TxSide, 2>,
    side: Signal<Local, TxSide>,
    past_keep: Signal<Local, Bits<WB>>,
    keep: Signal<Local, Bits<WB>>,
    user: Signal<Local, TxUser>,
    put_end: Signal<Local, Bit>,
    take: Signal<Local, Bit>,
    beat_take: Signal<Local, Bit>,
    beat_valid: Signal<Local, Bit>,
    no_user: Constant<TxUser>,
    no_side: Constant<TxSide>,
    no_data: Constant<Bits<W>>,
    all_keep: Constant<Bits<WB>>,
}

impl<
        const W: usize,
        const WB: usize,
        const OA: usize,
        const IA: usize,
        const NI: usize,
        const BA: usize,
        const SW: usize,
    > Default for Tx<W, WB, OA, IA, NI, BA, SW>
{
    fn default() -> Self {
        block_default!(
            clock, reset, op_push, op, op_count, mmu_req_valid, mmu_req, mmu_taken, mmu_rsp_valid, mmu_rsp, epoch, start,
            ar_req, ar_addr, ar_user, ar_len, ar_size, ar_grant, r_valid, r_data, r_bad, r_last, end_r, end_r_epoch, skip_end,
            skip_epoch, done_valid, done, done_pop, m_axis_tdata, m_axis_tkeep, m_axis_tlast, m_axis_tvalid, m_axis_tdest,
            m_axis_tid, m_axis_tuser, m_axis_tready, ops, items, fates, beats, beats_bad, results, out_data, out_side,
            side, past_keep, keep, user, put_end, take, beat_take, beat_valid;
            no_user = TxUser::default(),
            no_side = TxSide::default(),
            no_data = 0u64,
            all_keep = ones::<WB>();
            cut = TxCut::new(WB as u64),
            issue = TxIssue::new(WB as u64, 1 << BA),
            pack = TxPack::new(SW)
        )
    }
}

impl<
        const W: usize,
        const WB: usize,
        const OA: usize,
        const IA: usize,
        const NI: usize,
        const BA: usize,
        const SW: usize,
    > Logic for Tx<W, WB, OA, IA, NI, BA, SW>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, ops, cut, items, issue, fates, beats, beats_bad, pack);
        clock!(self, clock, results, out_data, out_side);
        // Op FIFO.
        self.ops.reset.next = self.reset.val();
        self.ops.push.next = self.op_push.val();
        self.ops.push_data.next = self.op.val();
        self.ops.pop.next = self.cut.op_pop.val();
        self.op_count.next = self.ops.count.val();
        // Cut.
        self.cut.reset.next = self.reset.val();
        self.cut.op_valid.next = self.ops.valid.val();
        self.cut.op.next = self.ops.data.val();
        self.cut.room.next = self.items.room.val();
        self.cut.faulted.next = self.issue.faulted.val();
        self.put_end.next = self.cut.put.val() & self.cut.burst.val().end;
        // The ring, and Ask.
        self.items.reset.next = self.reset.val();
        self.items.put.next = self.cut.put.val();
        self.items.put_ask.next = self.cut.ask.val();
        self.items.put_burst.next = self.cut.burst.val();
        self.items.put_item.next = self.cut.item.val();
        self.items.mmu_taken.next = self.mmu_taken.val();
        self.items.mmu_rsp_valid.next = self.mmu_rsp_valid.val();
        self.items.mmu_rsp.next = self.mmu_rsp.val();
        self.items.epoch.next = self.epoch.val();
        self.items.pass.next = self.issue.pass.val();
        self.items.item_pop.next = self.pack.item_pop.val();
        self.mmu_req_valid.next = self.items.mmu_req_valid.val();
        self.mmu_req.next = self.items.mmu_req.val();
        self.start.next = self.items.start.val();
        // Issue.
        self.beat_take.next = self.pack.beat_pop.val();
        self.issue.reset.next = self.reset.val();
        self.issue.valid.next = self.items.valid.val();
        self.issue.burst.next = self.items.burst.val();
        self.issue.answered.next = self.items.answered.val();
        self.issue.answer.next = self.items.answer.val();
        self.issue.put_end.next = self.put_end.val();
        self.issue.ar_grant.next = self.ar_grant.val();
        self.issue.beat_pop.next = self.beat_take.val();
        self.issue.last.next = self.r_valid.val() & self.r_last.val();
        self.ar_req.next = self.issue.ar_req.val();
        self.ar_addr.next = self.issue.ar_addr.val();
        self.ar_user.next = self.issue.ar_user.val();
        self.ar_len.next = self.issue.ar_len.val();
        self.ar_size.next = self.issue.ar_size.val();
        self.end_r.next = self.issue.end_r.val();
        self.end_r_epoch.next = self.issue.end_r_epoch.val();
        self.skip_end.next = self.issue.skip_end.val();
        self.skip_epoch.next = self.issue.skip_epoch.val();
        self.fates.reset.next = self.reset.val();
        self.fates.push.next = self.issue.pass.val();
        self.fates.push_data.next = self.issue.fate.val();
        self.fates.pop.next = self.pack.item_pop.val();
        // Beat FIFO: data and response in step.
        self.beats.reset.next = self.reset.val();
        self.beats.push.next = self.r_valid.val();
        self.beats.push_data.next = self.r_data.val();
        self.beats.pop.next = self.beat_take.val();
        self.beats_bad.reset.next = self.reset.val();
        self.beats_bad.push.next = self.r_valid.val();
        self.beats_bad.push_data.next = self.r_bad.val();
        self.beats_bad.pop.next = self.beat_take.val();
        self.beat_valid.next = self.beats.valid.val() & self.beats_bad.valid.val();
        // Pack.
        self.pack.reset.next = self.reset.val();
        self.pack.item_valid.next = self.fates.valid.val();
        self.pack.fate.next = self.fates.data.val();
        self.pack.item.next = self.items.item.val();
        self.pack.beat_valid.next = self.beat_valid.val();
        self.pack.beat_data.next = self.beats.data.val();
        self.pack.beat_bad.next = self.beats_bad.data.val();
        self.pack.out_count.next = self.out_side.count.val();
        self.pack.done_count.next = self.results.count.val();
        // Done FIFO.
        self.results.reset.next = self.reset.val();
        self.results.push.next = self.pack.done_push.val();
        self.results.push_data.next = self.pack.done.val();
        self.results.pop.next = self.done_pop.val();
        self.done_valid.next = self.results.valid.val();
        self.done.next = self.results.data.val();
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
