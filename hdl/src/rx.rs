//! The receive mover: packets of the card's stream into device-writable buffers in host memory, in the order of the stream.
//!
//! ```text
//!  stream -> rx_in -> input FIFO -------------------------.
//!              |-> header FIFO -> core                     v
//!              '-> length FIFO --.         .-> rx_issue -> rx_pack -> W
//!  core -> order FIFO -----------+-> rx_cut -> rx_items (Ask)  |
//!       -> rx_ops (one a slot) --'                             '-> rx_expect <- B
//!                                                                    '-> done FIFO -> core
//! ```
//! Every station works on items of its own: many translations and bursts are under way at a time.
//! Timing: contract §8. Reset: everything empty.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::fifo::Fifo;
use crate::rx_cut::{RxCut, RxOrder};
use crate::rx_expect::RxExpect;
use crate::rx_in::{RxIn, RxSide};
use crate::rx_issue::RxIssue;
use crate::rx_items::RxItems;
use crate::rx_ops::RxOps;
use crate::rx_pack::RxPack;
use crate::types::{MmuReq, MmuRsp, RxDone, RxHead, RxOp};

/// See the file's text. `W`: data width, bits; `WB`: bytes. `BA`, `PA`, `IA`, `EA`: address bits of the input FIFO, of what holds an
/// entry a packet, of the item ring (`NI` places) and of the expectations; `SW`: bits of a slot number, `NS` slots, `OA` = `SW` + 3.
#[derive(LogicBlock)]
pub struct Rx<
    const W: usize,
    const WB: usize,
    const BA: usize,
    const PA: usize,
    const IA: usize,
    const NI: usize,
    const EA: usize,
    const SW: usize,
    const NS: usize,
    const OA: usize,
> {
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
    /// The header FIFO holds something.
    pub head_valid: Signal<Out, Bit>,
    /// Its head: side band of a packet's first beat.
    pub head: Signal<Out, RxHead>,
    /// Takes it.
    pub head_pop: Signal<In, Bit>,
    /// Puts an entry into the order FIFO: what becomes of the next packet.
    pub order_push: Signal<In, Bit>,
    /// It is thrown away, and nobody is told.
    pub order_none: Signal<In, Bit>,
    /// Otherwise: it goes by the ops of this slot.
    pub order_slot: Signal<In, Bits<8>>,
    /// Puts an op into the FIFO of a slot.
    pub op_push: Signal<In, Bit>,
    /// Which.
    pub op_slot: Signal<In, Bits<8>>,
    /// The op.
    pub op: Signal<In, RxOp>,
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
    /// An access ends with its response.
    pub end_b: Signal<Out, Bit>,
    /// Its epoch.
    pub end_b_epoch: Signal<Out, Bit>,
    /// An access ends by being skipped.
    pub skip: Signal<Out, Bit>,
    /// Its epoch.
    pub skip_epoch: Signal<Out, Bit>,
    /// Asks the W arbiter.
    pub w_req: Signal<Out, Bit>,
    /// Address, a multiple of the beat.
    pub w_addr: Signal<Out, Bits<64>>,
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
    /// A response for the mover is accepted at this edge; they come in the order of the bursts.
    pub b_valid: Signal<In, Bit>,
    /// It is not OKAY.
    pub b_bad: Signal<In, Bit>,
    /// The done FIFO holds something.
    pub done_valid: Signal<Out, Bit>,
    /// Its head.
    pub done: Signal<Out, RxDone>,
    /// Takes it.
    pub done_pop: Signal<In, Bit>,
    /// The mover is idle.
    pub idle: Signal<Out, Bit>,
    entry: RxIn<W, WB>,
    in_data: Fifo<Bits<W>, BA>,
    in_side: Fifo<RxSide, BA>,
    heads: Fifo<RxHead, PA>,
    lens: Fifo<Bits<32>, PA>,
    orders: Fifo<RxOrder, PA>,
    ops: RxOps<SW, NS, OA>,
    cut: RxCut,
    items: RxItems<IA, NI>,
    issue: RxIssue,
    pack: RxPack<W, WB>,
    expected: RxExpect<EA, SW>,
    order: Signal<Local, RxOrder>,
    no_order: Constant<RxOrder>,
}

impl<
        const W: usize,
        const WB: usize,
        const BA: usize,
        const PA: usize,
        const IA: usize,
        const NI: usize,
        const EA: usize,
        const SW: usize,
        const NS: usize,
        const OA: usize,
    > Default for Rx<W, WB, BA, PA, IA, NI, EA, SW, NS, OA>
{
    fn default() -> Self {
        block_default!(
            clock, reset, s_axis_tdata, s_axis_tkeep, s_axis_tlast, s_axis_tvalid, s_axis_tdest, s_axis_tid, s_axis_tuser,
            s_axis_tready, head_valid, head, head_pop, order_push, order_none, order_slot, op_push, op_slot, op, mmu_req_valid,
            mmu_req, mmu_taken, mmu_rsp_valid, mmu_rsp, epoch, start, end_b, end_b_epoch, skip, skip_epoch, w_req, w_addr, w_user,
            w_len, w_grant, w_beat_take, w_beat_data, w_beat_strb, b_valid, b_bad, done_valid, done, done_pop, idle, in_data,
            in_side, heads, lens, orders, ops, cut, items, pack, expected, order;
            no_order = RxOrder::default();
            entry = RxIn::new(1 << BA, 1 << PA),
            issue = RxIssue::new(WB as u64)
        )
    }
}

impl<
        const W: usize,
        const WB: usize,
        const BA: usize,
        const PA: usize,
        const IA: usize,
        const NI: usize,
        const EA: usize,
        const SW: usize,
        const NS: usize,
        const OA: usize,
    > Logic for Rx<W, WB, BA, PA, IA, NI, EA, SW, NS, OA>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, entry, in_data, in_side, heads, lens, orders);
        clock!(self, clock, ops, cut, items, issue, pack, expected);
        // Entry.
        self.entry.reset.next = self.reset.val();
        self.entry.s_axis_tdata.next = self.s_axis_tdata.val();
        self.entry.s_axis_tkeep.next = self.s_axis_tkeep.val();
        self.entry.s_axis_tlast.next = self.s_axis_tlast.val();
        self.entry.s_axis_tvalid.next = self.s_axis_tvalid.val();
        self.entry.s_axis_tdest.next = self.s_axis_tdest.val();
        self.entry.s_axis_tid.next = self.s_axis_tid.val();
        self.entry.s_axis_tuser.next = self.s_axis_tuser.val();
        self.entry.count.next = self.in_data.count.val();
        self.entry.through.next = self.issue.through.val();
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
        // Header, length and order FIFO.
        self.heads.reset.next = self.reset.val();
        self.heads.push.next = self.entry.head_push.val();
        self.heads.push_data.next = self.entry.head.val();
        self.heads.pop.next = self.head_pop.val();
        self.head_valid.next = self.heads.valid.val();
        self.head.next = self.heads.data.val();
        self.lens.reset.next = self.reset.val();
        self.lens.push.next = self.entry.len_push.val();
        self.lens.push_data.next = self.entry.len.val();
        self.lens.pop.next = self.cut.len_pop.val();
        self.order.next = self.no_order.val();
        self.order.next.nobody = self.order_none.val();
        self.order.next.slot = self.order_slot.val();
        self.orders.reset.next = self.reset.val();
        self.orders.push.next = self.order_push.val();
        self.orders.push_data.next = self.order.val();
        self.orders.pop.next = self.cut.order_pop.val();
        // Op FIFOs.
        self.ops.reset.next = self.reset.val();
        self.ops.push.next = self.op_push.val();
        self.ops.push_slot.next = self.op_slot.val();
        self.ops.push_op.next = self.op.val();
        self.ops.slot_next.next = self.cut.slot_next.val();
        self.ops.pop.next = self.cut.op_pop.val();
        // Cut.
        self.cut.reset.next = self.reset.val();
        self.cut.order_valid.next = self.orders.valid.val();
        self.cut.order.next = self.orders.data.val();
        self.cut.op_valid.next = self.ops.valid.val();
        self.cut.op.next = self.ops.op.val();
        self.cut.len_valid.next = self.lens.valid.val();
        self.cut.len.next = self.lens.data.val();
        self.cut.entered.next = self.entry.entered.val();
        self.cut.room.next = self.items.room.val();
        // The ring, and Ask.
        self.items.reset.next = self.reset.val();
        self.items.put.next = self.cut.put.val();
        self.items.put_ask.next = self.cut.ask.val();
        self.items.put_item.next = self.cut.item.val();
        self.items.mmu_taken.next = self.mmu_taken.val();
        self.items.mmu_rsp_valid.next = self.mmu_rsp_valid.val();
        self.items.mmu_rsp.next = self.mmu_rsp.val();
        self.items.epoch.next = self.epoch.val();
        self.items.pass.next = self.issue.pass.val();
        self.mmu_req_valid.next = self.items.mmu_req_valid.val();
        self.mmu_req.next = self.items.mmu_req.val();
        self.start.next = self.items.start.val();
        // Issue.
        self.issue.reset.next = self.reset.val();
        self.issue.valid.next = self.items.valid.val();
        self.issue.item.next = self.items.item.val();
        self.issue.answered.next = self.items.answered.val();
        self.issue.answer.next = self.items.answer.val();
        self.issue.ended.next = self.pack.ended.val();
        self.issue.full.next = self.expected.full.val();
        self.issue.w_grant.next = self.w_grant.val();
        self.issue.beat_take.next = self.w_beat_take.val();
        self.skip.next = self.issue.skip.val();
        self.skip_epoch.next = self.issue.skip_epoch.val();
        self.w_req.next = self.issue.w_req.val();
        self.w_addr.next = self.issue.w_addr.val();
        self.w_user.next = self.issue.w_user.val();
        self.w_len.next = self.issue.w_len.val();
        // Load.
        self.pack.reset.next = self.reset.val();
        self.pack.head_valid.next = self.in_data.valid.val();
        self.pack.head_data.next = self.in_data.data.val();
        self.pack.head_bytes.next = self.in_side.data.val().bytes;
        self.pack.head_last.next = self.in_side.data.val().last;
        self.pack.discard.next = self.issue.discard.val();
        self.pack.clear.next = self.issue.through.val();
        self.pack.beat_take.next = self.w_beat_take.val();
        self.pack.lane.next = self.issue.lane.val();
        self.pack.chunk.next = self.issue.chunk.val();
        self.w_beat_data.next = self.pack.beat_data.val();
        self.w_beat_strb.next = self.pack.beat_strb.val();
        // Expectations and done FIFO.
        self.expected.reset.next = self.reset.val();
        self.expected.push.next = self.issue.push.val();
        self.expected.record.next = self.issue.record.val();
        self.expected.b_valid.next = self.b_valid.val();
        self.expected.b_bad.next = self.b_bad.val();
        self.expected.done_pop.next = self.done_pop.val();
        self.end_b.next = self.expected.end_b.val();
        self.end_b_epoch.next = self.expected.end_b_epoch.val();
        self.done_valid.next = self.expected.done_valid.val();
        self.done.next = self.expected.done.val();
        self.idle.next = self.entry.empty.val() & self.expected.quiet.val();
    }
}

#[cfg(test)]
#[path = "rx_tests.rs"]
mod tests;
