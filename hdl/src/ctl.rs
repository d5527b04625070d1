//! The control unit: ring and descriptor accesses, many ops at a time, one completion for each.
//!
//! Timing: contract §4. Wiring only:
//!
//! ```text
//!  op -> CtlOut (FIFO, Work, MMU) -> CtlIssue (stage K) -> AR, W
//!                                        | X
//!  comp <- Collector <-------------------+   (Collector -> next steps of a TELL -> CtlOut)
//!              ^------------- CtlBack <------------------- R, B
//!              ^--- CtlMay: early = its message
//! ```

use crate::block_default;
use crate::collector::Collector;
use crate::ctl_back::CtlBack;
use crate::ctl_issue::CtlIssue;
use crate::ctl_may::CtlMay;
use crate::ctl_out::CtlOut;
use crate::types::{Comp, CtlOp, Message, MmuReq, MmuRsp};
use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

/// The control unit: `W` data bits, slots of `SLOT` bits, `RET` = `SLOT` + 1, `SLOTS` = 2^`SLOT`.
#[derive(LogicBlock)]
pub struct Ctl<const W: usize, const SLOT: usize, const RET: usize, const SLOTS: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub op_push: Signal<In, Bit>,
    pub op: Signal<In, CtlOp>,
    /// No op in the op FIFO.
    pub op_empty: Signal<Out, Bit>,
    pub mmu_req_valid: Signal<Out, Bit>,
    pub mmu_req: Signal<Out, MmuReq>,
    /// The request is taken: the answer comes later.
    pub mmu_taken: Signal<In, Bit>,
    pub mmu_rsp_valid: Signal<In, Bit>,
    pub mmu_rsp: Signal<In, MmuRsp>,
    /// Current epoch.
    pub epoch: Signal<In, Bit>,
    /// An access of the current epoch starts.
    pub start: Signal<Out, Bit>,
    /// Two of them, a pair.
    pub start2: Signal<Out, Bit>,
    /// A read has ended, and the epoch in which it started.
    pub end_r: Signal<Out, Bit>,
    pub end_r_epoch: Signal<Out, Bit>,
    /// A write has ended, and the epoch in which it started.
    pub end_b: Signal<Out, Bit>,
    pub end_b_epoch: Signal<Out, Bit>,
    pub ar_req: Signal<Out, Bit>,
    pub ar_grant: Signal<In, Bit>,
    pub ar_addr: Signal<Out, Bits<64>>,
    pub ar_id: Signal<Out, Bits<10>>,
    pub ar_user: Signal<Out, Bits<22>>,
    /// log2(bytes).
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
    /// An R beat of class 0 is accepted.
    pub r_valid: Signal<In, Bit>,
    pub r_id: Signal<In, Bits<10>>,
    pub r_data: Signal<In, Bits<W>>,
    pub r_bad: Signal<In, Bit>,
    /// A B of class 0 is accepted.
    pub b_valid: Signal<In, Bit>,
    pub b_id: Signal<In, Bits<10>>,
    pub b_bad: Signal<In, Bit>,
    pub comp_valid: Signal<Out, Bit>,
    pub comp: Signal<Out, Comp>,
    pub comp_pop: Signal<In, Bit>,
    /// The MSI slot of a TELL under way is set anew: its message is not sent from here on.
    pub may_clear: Signal<In, Bit>,
    pub may_slot: Signal<In, Bits<8>>,
    /// The message of the completion that is pushed at this edge.
    pub early_push: Signal<Out, Bit>,
    pub early: Signal<Out, Message>,
    out: CtlOut<SLOT>,
    issue: CtlIssue<SLOT>,
    back: CtlBack<W, SLOT, RET>,
    collector: Collector<SLOT, RET, SLOTS>,
    allowed: CtlMay<SLOT, SLOTS>,
}

impl<const W: usize, const SLOT: usize, const RET: usize, const SLOTS: usize>
    Ctl<W, SLOT, RET, SLOTS>
{
    /// The unit for the sizes of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, op_push, op, op_empty, mmu_req_valid, mmu_req, mmu_taken, mmu_rsp_valid, mmu_rsp, epoch, start, start2,
            end_r, end_r_epoch, end_b, end_b_epoch, ar_req, ar_grant, ar_addr, ar_id, ar_user, ar_size, w_req, w_grant,
            w_addr, w_id, w_user, w_full, w_beats, w_data, w_strb, r_valid, r_id, r_data, r_bad, b_valid, b_id, b_bad, comp_valid,
            comp, comp_pop, may_clear, may_slot, early_push, early, collector, allowed;;
            out = CtlOut::new(p), issue = CtlIssue::new(p), back = CtlBack::new(p)
        )
    }
}

impl<const W: usize, const SLOT: usize, const RET: usize, const SLOTS: usize> Logic
    for Ctl<W, SLOT, RET, SLOTS>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, out, issue, back, collector, allowed);
        self.out.reset.next = self.reset.val();
        self.issue.reset.next = self.reset.val();
        self.back.reset.next = self.reset.val();
        self.collector.reset.next = self.reset.val();
        self.allowed.reset.next = self.reset.val();
        // Going out.
        self.out.op_push.next = self.op_push.val();
        self.out.op.next = self.op.val();
        self.op_empty.next = self.out.op_empty.val();
        self.mmu_req_valid.next = self.out.mmu_req_valid.val();
        self.mmu_req.next = self.out.mmu_req.val();
        self.out.mmu_taken.next = self.mmu_taken.val();
        self.out.mmu_rsp_valid.next = self.mmu_rsp_valid.val();
        self.out.mmu_rsp.next = self.mmu_rsp.val();
        self.out.left_x.next = self.issue.x_push.val();
        self.out.left_r.next = self.issue.left_r.val();
        self.out.left_w.next = self.issue.left_w.val();
        self.out.next_push.next = self.collector.next_push.val();
        self.out.next_step.next = self.collector.next_step.val();
        // Stage K and the bus.
        self.issue.gone_valid.next = self.out.gone_valid.val();
        self.issue.gone.next = self.out.gone.val();
        self.issue.info.next = self.out.info.val();
        self.issue.epoch.next = self.epoch.val();
        self.start.next = self.issue.start.val();
        self.start2.next = self.issue.start2.val();
        self.ar_req.next = self.issue.ar_req.val();
        self.issue.ar_grant.next = self.ar_grant.val();
        self.ar_addr.next = self.issue.ar_addr.val();
        self.ar_id.next = self.issue.ar_id.val();
        self.ar_user.next = self.issue.ar_user.val();
        self.ar_size.next = self.issue.ar_size.val();
        self.w_req.next = self.issue.w_req.val();
        self.issue.w_grant.next = self.w_grant.val();
        self.w_addr.next = self.issue.w_addr.val();
        self.w_id.next = self.issue.w_id.val();
        self.w_user.next = self.issue.w_user.val();
        self.w_full.next = self.issue.w_full.val();
        self.w_beats.next = self.issue.w_beats.val();
        self.w_data.next = self.issue.w_data.val();
        self.w_strb.next = self.issue.w_strb.val();
        // Coming back.
        self.back.keep.next = self.issue.start.val();
        self.back.keep2.next = self.issue.start2.val();
        self.back.keep_id.next = self.issue.keep_id.val();
        self.back.keep_read.next = self.issue.keep_read.val();
        self.back.beat.next = self.issue.beat.val();
        self.back.r_valid.next = self.r_valid.val();
        self.back.r_id.next = self.r_id.val();
        self.back.r_data.next = self.r_data.val();
        self.back.r_bad.next = self.r_bad.val();
        self.back.b_valid.next = self.b_valid.val();
        self.back.b_id.next = self.b_id.val();
        self.back.b_bad.next = self.b_bad.val();
        self.end_r.next = self.back.end_r.val();
        self.end_r_epoch.next = self.back.end_r_epoch.val();
        self.end_b.next = self.back.end_b.val();
        self.end_b_epoch.next = self.back.end_b_epoch.val();
        // Completions.
        self.collector.keep.next = self.out.gone_valid.val();
        self.collector.keep_id.next = self.issue.keep_id.val();
        self.collector.plan.next = self.issue.plan.val();
        self.collector.x_push.next = self.issue.x_push.val();
        self.collector.x.next = self.issue.x.val();
        self.collector.words_valid.next = self.back.words_valid.val();
        self.collector.words.next = self.back.words.val();
        self.back.words_pop.next = self.collector.words_pop.val();
        self.collector.written_valid.next = self.back.written_valid.val();
        self.collector.written.next = self.back.written.val();
        self.back.written_pop.next = self.collector.written_pop.val();
        self.comp_valid.next = self.collector.comp_valid.val();
        self.comp.next = self.collector.comp.val();
        self.collector.comp_pop.next = self.comp_pop.val();
        // Messages before their time.
        self.allowed.op_push.next = self.op_push.val();
        self.allowed.op.next = self.op.val();
        self.allowed.clear.next = self.may_clear.val();
        self.allowed.clear_slot.next = self.may_slot.val();
        self.allowed.look.next = self.collector.look.val();
        self.collector.may.next = self.allowed.may.val();
        self.early_push.next = self.collector.sent.val();
        self.early.next = self.allowed.msg.val();
    }
}

#[cfg(test)]
#[path = "ctl_tests.rs"]
mod tests;
