//! The device MMU: ASID table, set-associative IOTLB, walk caches, walkers, waiters, invalidation.
//!
//! Timing: contract §5. Any number of translations are under way: a request is *taken* in one cycle, its answer comes later,
//! for its client alone. Wiring only:
//!
//! ```text
//!  requests -> take -> pipe (L1, L2) ---------------> answers
//!               ^  arrays, walk caches |  miss    ^
//!               |        ^            waiters     |
//!     walk done |        | fills       | place    | read at the take of a walk answer
//!               '------ eval <- R <- walkers -----'        inv: generations, flush, epochs
//! ```

use crate::block_default;
use crate::mmu_array::MmuArray;
use crate::mmu_eval::MmuEval;
use crate::mmu_inv::MmuInv;
use crate::mmu_pipe::MmuPipe;
use crate::mmu_pwc::MmuPwc;
use crate::mmu_spaces::MmuSpaces;
use crate::mmu_take::MmuTake;
use crate::mmu_waiters::MmuWaiters;
use crate::mmu_walkers::MmuWalkers;
use crate::types::{AsidEntry, InvCmd, MmuReq, MmuRsp};
use rust_hdl::prelude::*;

/// The MMU. Address bits: `AA` ASID table, `T0`, `T1`, `T2` sets of the IOTLB arrays, `P0`, `P1` walk caches; `GW` bits of a
/// generation; `NW` walkers with numbers of `WW` bits, `NQ` waiters with numbers of `QW` bits.
#[derive(LogicBlock)]
pub struct Mmu<
    const AA: usize,
    const T0: usize,
    const T1: usize,
    const T2: usize,
    const P0: usize,
    const P1: usize,
    const GW: usize,
    const NW: usize,
    const WW: usize,
    const NQ: usize,
    const QW: usize,
> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// Clients: 0 control, 1 transmit, 2 receive. A request is up until the cycle in which it is taken.
    pub req0_valid: Signal<In, Bit>,
    pub req0: Signal<In, MmuReq>,
    pub req0_taken: Signal<Out, Bit>,
    pub req1_valid: Signal<In, Bit>,
    pub req1: Signal<In, MmuReq>,
    pub req1_taken: Signal<Out, Bit>,
    pub req2_valid: Signal<In, Bit>,
    pub req2: Signal<In, MmuReq>,
    pub req2_taken: Signal<Out, Bit>,
    /// The answer `rsp` is up for that client; `rsp` is 0 otherwise.
    pub rsp0_valid: Signal<Out, Bit>,
    pub rsp1_valid: Signal<Out, Bit>,
    pub rsp2_valid: Signal<Out, Bit>,
    pub rsp: Signal<Out, MmuRsp>,
    /// A walker asks for a PTE.
    pub ar_req: Signal<Out, Bit>,
    pub ar_addr: Signal<Out, Bits<64>>,
    pub ar_walker: Signal<Out, Bits<6>>,
    pub ar_grant: Signal<In, Bit>,
    pub r_valid: Signal<In, Bit>,
    pub r_walker: Signal<In, Bits<6>>,
    pub r_data: Signal<In, Bits<64>>,
    pub r_bad: Signal<In, Bit>,
    /// Starts an invalidation.
    pub inv_set: Signal<In, Bit>,
    pub inv: Signal<In, InvCmd>,
    pub inv_pending: Signal<Out, Bit>,
    /// Last cycle of an invalidation: the epoch of the accesses flips.
    pub inv_done: Signal<Out, Bit>,
    pub asid_we: Signal<In, Bit>,
    pub asid_addr: Signal<In, Bits<17>>,
    pub asid_data: Signal<In, AsidEntry>,
    /// MMU_CTRL blocking.
    pub blocking: Signal<In, Bit>,
    /// MMU_CTRL partition.
    pub partition: Signal<In, Bit>,
    /// Clears every table at `sweep_index` (modulo its size).
    pub sweep: Signal<In, Bit>,
    pub sweep_index: Signal<In, Bits<18>>,
    pub idle: Signal<Out, Bit>,
    pub hit_strobe: Signal<Out, Bit>,
    pub miss_strobe: Signal<Out, Bit>,
    pub walk_strobe: Signal<Out, Bit>,
    pub merge_strobe: Signal<Out, Bit>,
    pub wait_strobe: Signal<Out, Bit>,
    pub fault_strobe: Signal<Out, Bit>,
    take: MmuTake,
    spaces: MmuSpaces<AA>,
    inval: MmuInv<AA, GW>,
    t0: MmuArray<T0>,
    t1: MmuArray<T1>,
    t2: MmuArray<T2>,
    p0: MmuPwc<P0>,
    p1: MmuPwc<P1>,
    pipe: MmuPipe,
    waiters: MmuWaiters<NQ, QW, WW>,
    walkers: MmuWalkers<NW, WW>,
    eval: MmuEval<WW>,
}

impl<
        const AA: usize,
        const T0: usize,
        const T1: usize,
        const T2: usize,
        const P0: usize,
        const P1: usize,
        const GW: usize,
        const NW: usize,
        const WW: usize,
        const NQ: usize,
        const QW: usize,
    > Default for Mmu<AA, T0, T1, T2, P0, P1, GW, NW, WW, NQ, QW>
{
    fn default() -> Self {
        assert!(
            NW <= 1 << WW && NQ <= 1 << QW && WW <= 6 && QW <= 6,
            "{NW} walkers of {WW} bits, {NQ} waiters of {QW} bits"
        );
        let largest = T0.max(T1).max(T2).max(P0).max(P1);
        block_default!(
            clock, reset, req0_valid, req0, req0_taken, req1_valid, req1, req1_taken, req2_valid, req2, req2_taken,
            rsp0_valid, rsp1_valid, rsp2_valid, rsp, ar_req, ar_addr, ar_walker, ar_grant, r_valid, r_walker, r_data, r_bad, inv_set,
            inv, inv_pending, inv_done, asid_we, asid_addr, asid_data, blocking, partition, sweep, sweep_index, idle, hit_strobe,
            miss_strobe, walk_strobe, merge_strobe, wait_strobe, fault_strobe, spaces, t0, t1, t2, p0, p1, pipe, waiters,
            walkers, eval;;
            take = MmuTake::new(NQ), inval = MmuInv::new(largest)
        )
    }
}

impl<
        const AA: usize,
        const T0: usize,
        const T1: usize,
        const T2: usize,
        const P0: usize,
        const P1: usize,
        const GW: usize,
        const NW: usize,
        const WW: usize,
        const NQ: usize,
        const QW: usize,
    > Logic for Mmu<AA, T0, T1, T2, P0, P1, GW, NW, WW, NQ, QW>
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, take, spaces, inval, t0, t1, t2, p0, p1, pipe, waiters, walkers, eval);
        self.take.reset.next = self.reset.val();
        self.inval.reset.next = self.reset.val();
        self.t0.reset.next = self.reset.val();
        self.t1.reset.next = self.reset.val();
        self.t2.reset.next = self.reset.val();
        self.pipe.reset.next = self.reset.val();
        self.waiters.reset.next = self.reset.val();
        self.walkers.reset.next = self.reset.val();
        self.eval.reset.next = self.reset.val();
        // Take.
        self.take.req0_valid.next = self.req0_valid.val();
        self.take.req0.next = self.req0.val();
        self.take.req1_valid.next = self.req1_valid.val();
        self.take.req1.next = self.req1.val();
        self.take.req2_valid.next = self.req2_valid.val();
        self.take.req2.next = self.req2.val();
        self.take.closed.next = self.inval.closed.val();
        self.take.blocking.next = self.blocking.val();
        self.take.alone.next = self.pipe.empty.val() && self.waiters.empty.val();
        self.take.walk_ready.next = self.walkers.ready.val();
        self.take.settled.next = self.pipe.settled.val();
        self.req0_taken.next = self.take.taken0.val();
        self.req1_taken.next = self.take.taken1.val();
        self.req2_taken.next = self.take.taken2.val();
        // ASID table.
        self.spaces.asid.next = self.take.asid.val();
        self.spaces.we.next = self.asid_we.val();
        self.spaces.write_asid.next = self.asid_addr.val();
        self.spaces.entry.next = self.asid_data.val();
        self.spaces.sweep.next = self.sweep.val();
        self.spaces.sweep_index.next = self.sweep_index.val();
        // Invalidation.
        self.inval.inv_set.next = self.inv_set.val();
        self.inval.inv.next = self.inv.val();
        self.inval.begin_look.next = self.take.look.val();
        self.inval.answer.next = self.pipe.rsp_valid.val();
        self.inval.answer_mep.next = self.pipe.rsp_mep.val();
        self.inval.asid.next = self.take.asid.val();
        self.inval.sweep.next = self.sweep.val();
        self.inval.sweep_index.next = self.sweep_index.val();
        self.inv_pending.next = self.inval.pending.val();
        self.inv_done.next = self.inval.done.val();
        // Arrays.
        self.t0.index.next = self.take.index0.val();
        self.t0.key.next = self.pipe.key0.val();
        self.t0.fill.next = self.eval.fill0.val();
        self.t0.fill_index.next = self.eval.index0.val();
        self.t0.entry.next = self.eval.entry.val();
        self.t0.partition.next = self.partition.val();
        self.t0.clear.next = self.inval.clear.val();
        self.t0.clear_index.next = self.inval.clear_index.val();
        self.t1.index.next = self.take.index1.val();
        self.t1.key.next = self.pipe.key1.val();
        self.t1.fill.next = self.eval.fill1.val();
        self.t1.fill_index.next = self.eval.index1.val();
        self.t1.entry.next = self.eval.entry.val();
        self.t1.partition.next = self.partition.val();
        self.t1.clear.next = self.inval.clear.val();
        self.t1.clear_index.next = self.inval.clear_index.val();
        self.t2.index.next = self.take.index2.val();
        self.t2.key.next = self.pipe.key2.val();
        self.t2.fill.next = self.eval.fill2.val();
        self.t2.fill_index.next = self.eval.index2.val();
        self.t2.entry.next = self.eval.entry.val();
        self.t2.partition.next = self.partition.val();
        self.t2.clear.next = self.inval.clear.val();
        self.t2.clear_index.next = self.inval.clear_index.val();
        // Walk caches: the units of 2 MiB and 1 GiB.
        self.p0.index.next = self.take.index1.val();
        self.p0.key.next = self.pipe.key1.val();
        self.p0.fill.next = self.eval.table_fill0.val();
        self.p0.fill_index.next = self.eval.index1.val();
        self.p0.entry.next = self.eval.table_entry.val();
        self.p0.clear.next = self.inval.clear.val();
        self.p0.clear_index.next = self.inval.clear_index.val();
        self.p1.index.next = self.take.index2.val();
        self.p1.key.next = self.pipe.key2.val();
        self.p1.fill.next = self.eval.table_fill1.val();
        self.p1.fill_index.next = self.eval.index2.val();
        self.p1.entry.next = self.eval.table_entry.val();
        self.p1.clear.next = self.inval.clear.val();
        self.p1.clear_index.next = self.inval.clear_index.val();
        // Pipe.
        self.pipe.look.next = self.take.look.val();
        self.pipe.walk.next = self.take.walk.val();
        self.pipe.client.next = self.take.client.val();
        self.pipe.req.next = self.take.req.val();
        self.pipe.mep.next = self.inval.mep.val();
        self.pipe.flushing.next = self.inval.flushing.val();
        self.pipe.space.next = self.spaces.space.val();
        self.pipe.generation.next = self.inval.generation.val();
        self.pipe.waiter.next = self.waiters.waiter.val();
        self.pipe.result.next = self.eval.result.val();
        self.pipe.hit0.next = self.t0.hit.val();
        self.pipe.ppn0.next = self.t0.ppn.val();
        self.pipe.hit1.next = self.t1.hit.val();
        self.pipe.ppn1.next = self.t1.ppn.val();
        self.pipe.hit2.next = self.t2.hit.val();
        self.pipe.ppn2.next = self.t2.ppn.val();
        self.pipe.table_hit0.next = self.p0.hit.val();
        self.pipe.base0.next = self.p0.base.val();
        self.pipe.table_hit1.next = self.p1.hit.val();
        self.pipe.base1.next = self.p1.base.val();
        self.rsp0_valid.next = self.pipe.rsp0_valid.val();
        self.rsp1_valid.next = self.pipe.rsp1_valid.val();
        self.rsp2_valid.next = self.pipe.rsp2_valid.val();
        self.rsp.next = self.pipe.rsp.val();
        // Waiters.
        self.waiters.miss.next = self.pipe.miss.val();
        self.waiters.miss_waiter.next = self.pipe.miss_waiter.val();
        self.waiters.miss_place.next = self.pipe.miss_place.val();
        self.waiters.placed.next = self.walkers.placed.val();
        self.waiters.walker.next = self.walkers.walker.val();
        self.waiters.turn.next = self.walkers.turn.val();
        self.waiters.answer.next = self.take.walk.val();
        // Walkers.
        self.walkers.place_valid.next = self.waiters.place_valid.val();
        self.walkers.place.next = self.waiters.place.val();
        self.walkers.finish.next = self.take.walk.val() && self.waiters.last.val();
        self.walkers.ar_grant.next = self.ar_grant.val();
        self.walkers.r_valid.next = self.r_valid.val();
        self.walkers.r_walker.next = self.r_walker.val();
        self.walkers.down.next = self.eval.down.val();
        self.walkers.over.next = self.eval.over.val();
        self.walkers.next_at.next = self.eval.next_at.val();
        self.walkers.next_level.next = self.eval.next_level.val();
        self.ar_req.next = self.walkers.ar_req.val();
        self.ar_addr.next = self.walkers.ar_addr.val();
        self.ar_walker.next = self.walkers.ar_walker.val();
        // Eval.
        self.eval.start.next = self.walkers.start.val();
        self.eval.start_walker.next = self.walkers.walker.val();
        self.eval.place.next = self.waiters.place.val();
        self.eval.beat.next = self.walkers.beat.val();
        self.eval.beat_walker.next = self.walkers.beat_walker.val();
        self.eval.beat_level.next = self.walkers.beat_level.val();
        self.eval.r_data.next = self.r_data.val();
        self.eval.r_bad.next = self.r_bad.val();
        self.eval.mep.next = self.inval.mep.val();
        self.eval.frozen.next = self.inval.frozen.val();
        self.eval.turn.next = self.walkers.turn.val();
        // State and counters.
        self.idle.next = self.inval.idle.val() && self.pipe.empty.val() && self.waiters.empty.val();
        self.hit_strobe.next = self.pipe.hit_strobe.val();
        self.miss_strobe.next = self.pipe.miss.val();
        self.walk_strobe.next = self.walkers.start.val();
        self.merge_strobe.next = self.walkers.merged.val();
        self.wait_strobe.next = self.take.waits.val();
        self.fault_strobe.next = self.pipe.fault_strobe.val();
    }
}

#[cfg(test)]
#[path = "mmu_tests.rs"]
mod tests;
