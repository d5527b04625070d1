//! The pipe of the MMU: L1, where the entries that were read are compared, L2, where the answer is made, and the answer.
//!
//! Timing: contract §5.1. What is taken in t is in L1 in t+1, in L2 in t+2, and its answer is up in t+3. A miss leaves L2 as
//! `miss`. A walk answer goes the same way: its waiter and its walk's result are read at the edge that ends t.
//! Reset: empty.

use crate::block_default;
use crate::mmu_answer::MmuAnswer;
use crate::mmu_look::{MmuLook, Verdict};
use crate::mmu_types::{Place, TlbKey, Waiter, WalkResult};
use crate::types::{AsidEntry, MmuReq, MmuRsp};
use rust_hdl::prelude::*;

/// The pipe.
#[derive(LogicBlock)]
pub struct MmuPipe {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// Taken in this cycle: a look-up, or a walk answer.
    pub look: Signal<In, Bit>,
    pub walk: Signal<In, Bit>,
    pub client: Signal<In, Bits<2>>,
    pub req: Signal<In, MmuReq>,
    pub mep: Signal<In, Bit>,
    pub flushing: Signal<In, Bit>,
    // In L1: what was read.
    pub space: Signal<In, AsidEntry>,
    pub generation: Signal<In, Bits<16>>,
    pub waiter: Signal<In, Waiter>,
    pub result: Signal<In, WalkResult>,
    /// What the arrays compare: for 4 KiB, 2 MiB and 1 GiB units.
    pub key0: Signal<Out, TlbKey>,
    pub key1: Signal<Out, TlbKey>,
    pub key2: Signal<Out, TlbKey>,
    pub hit0: Signal<In, Bit>,
    pub ppn0: Signal<In, Bits<44>>,
    pub hit1: Signal<In, Bit>,
    pub ppn1: Signal<In, Bits<44>>,
    pub hit2: Signal<In, Bit>,
    pub ppn2: Signal<In, Bits<44>>,
    pub table_hit0: Signal<In, Bit>,
    pub base0: Signal<In, Bits<44>>,
    pub table_hit1: Signal<In, Bit>,
    pub base1: Signal<In, Bits<44>>,
    /// In L2: a miss, what its waiter keeps, and where its walk starts.
    pub miss: Signal<Out, Bit>,
    pub miss_waiter: Signal<Out, Waiter>,
    pub miss_place: Signal<Out, Place>,
    /// In L2: a look-up that is no miss.
    pub settled: Signal<Out, Bit>,
    pub hit_strobe: Signal<Out, Bit>,
    pub fault_strobe: Signal<Out, Bit>,
    /// An answer is up.
    pub rsp_valid: Signal<Out, Bit>,
    /// It is that of client 0, 1, 2.
    pub rsp0_valid: Signal<Out, Bit>,
    pub rsp1_valid: Signal<Out, Bit>,
    pub rsp2_valid: Signal<Out, Bit>,
    pub rsp_mep: Signal<Out, Bit>,
    pub rsp: Signal<Out, MmuRsp>,
    /// Nothing in L1, L2 or up.
    pub empty: Signal<Out, Bit>,
    l1_look: DFF<Bit>,
    l1_walk: DFF<Bit>,
    l1_client: DFF<Bits<2>>,
    l1_req: DFF<MmuReq>,
    l1_mep: DFF<Bit>,
    l1_flushing: DFF<Bit>,
    judge: MmuLook,
    l2_look: DFF<Bit>,
    l2_walk: DFF<Bit>,
    l2_client: DFF<Bits<2>>,
    l2_req: DFF<MmuReq>,
    l2_mep: DFF<Bit>,
    l2_generation: DFF<Bits<16>>,
    l2_verdict: DFF<Verdict>,
    l2_user: DFF<Bits<21>>,
    l2_hit0: DFF<Bit>,
    l2_hit1: DFF<Bit>,
    l2_ppn0: DFF<Bits<44>>,
    l2_ppn1: DFF<Bits<44>>,
    l2_ppn2: DFF<Bits<44>>,
    l2_level: DFF<Bits<2>>,
    l2_base: DFF<Bits<44>>,
    l2_result: DFF<WalkResult>,
    answer: MmuAnswer,
    up: DFF<Bit>,
    up_client: DFF<Bits<2>>,
    up_mep: DFF<Bit>,
    up_rsp: DFF<MmuRsp>,
    l1_va: Signal<Local, Bits<64>>,
    l2_va: Signal<Local, Bits<64>>,
    waiter_va: Signal<Local, Bits<48>>,
    key: Signal<Local, TlbKey>,
    place: Signal<Local, Place>,
    kept: Signal<Local, Waiter>,
    no_key: Constant<TlbKey>,
    no_place: Constant<Place>,
    no_waiter: Constant<Waiter>,
    no_answer: Constant<MmuRsp>,
    client0: Constant<Bits<2>>,
    client1: Constant<Bits<2>>,
    client2: Constant<Bits<2>>,
    level0: Constant<Bits<2>>,
    level1: Constant<Bits<2>>,
    level2: Constant<Bits<2>>,
    level3: Constant<Bits<2>>,
}

impl Default for MmuPipe {
    fn default() -> Self {
        block_default!(
            clock, reset, look, walk, client, req, mep, flushing, space, generation, waiter, result, key0, key1, key2,
            hit0, ppn0, hit1, ppn1, hit2, ppn2, table_hit0, base0, table_hit1, base1, miss, miss_waiter, miss_place,
            settled, hit_strobe, fault_strobe, rsp_valid, rsp0_valid, rsp1_valid, rsp2_valid, rsp_mep, rsp, empty, l1_look, l1_walk, l1_client,
            l1_req, l1_mep, l1_flushing, judge, l2_look, l2_walk, l2_client, l2_req, l2_mep, l2_generation, l2_verdict,
            l2_user, l2_hit0, l2_hit1, l2_ppn0, l2_ppn1, l2_ppn2, l2_level, l2_base, l2_result, answer, up, up_client,
            up_mep, up_rsp, l1_va, l2_va, waiter_va, key, place, kept;
            no_key = TlbKey::default(), no_place = Place::default(), no_waiter = Waiter::default(),
            no_answer = MmuRsp::default(), client0 = 0, client1 = 1, client2 = 2, level0 = 0, level1 = 1, level2 = 2, level3 = 3
        )
    }
}

impl Logic for MmuPipe {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            l1_look,
            l1_walk,
            l1_client,
            l1_req,
            l1_mep,
            l1_flushing,
            l2_look,
            l2_walk,
            l2_client,
            l2_req,
            l2_mep,
            l2_generation,
            l2_verdict,
            l2_user,
            l2_hit0,
            l2_hit1,
            l2_ppn0,
            l2_ppn1,
            l2_ppn2,
            l2_level,
            l2_base,
            l2_result,
            up,
            up_client,
            up_mep,
            up_rsp
        );
        self.l1_look.d.next = self.look.val();
        self.l1_walk.d.next = self.walk.val();
        self.l1_client.d.next = self.client.val();
        self.l1_req.d.next = self.req.val();
        self.l1_mep.d.next = self.mep.val();
        self.l1_flushing.d.next = self.flushing.val();
        // L1: compare.
        self.l1_va.next = self.l1_req.q.val().va;
        self.key.next = self.no_key.val();
        self.key.next.asid = self.l1_req.q.val().asid;
        self.key.next.generation = self.generation.val();
        self.key.next.page = self.l1_va.val().get_bits::<36>(12);
        self.key.next.write = self.l1_req.q.val().write;
        self.key.next.flushing = self.l1_flushing.q.val();
        self.key0.next = self.key.val();
        self.key.next.page = bit_cast::<36, 27>(self.l1_va.val().get_bits::<27>(21));
        self.key1.next = self.key.val();
        self.key.next.page = bit_cast::<36, 18>(self.l1_va.val().get_bits::<18>(30));
        self.key2.next = self.key.val();
        self.judge.va.next = self.l1_va.val();
        self.judge.space.next = self.space.val();
        self.judge.hit.next = self.hit0.val() || self.hit1.val() || self.hit2.val();
        self.l2_look.d.next = self.l1_look.q.val();
        self.l2_walk.d.next = self.l1_walk.q.val();
        self.l2_client.d.next = self.l1_client.q.val();
        self.l2_req.d.next = self.l1_req.q.val();
        self.l2_mep.d.next = self.l1_mep.q.val();
        self.l2_generation.d.next = self.generation.val();
        self.l2_verdict.d.next = self.judge.verdict.val();
        self.l2_user.d.next = self.judge.user.val();
        self.l2_hit0.d.next = self.hit0.val();
        self.l2_hit1.d.next = self.hit1.val();
        self.l2_ppn0.d.next = self.ppn0.val();
        self.l2_ppn1.d.next = self.ppn1.val();
        self.l2_ppn2.d.next = self.ppn2.val();
        self.l2_result.d.next = self.result.val();
        // Where a walk would start: the last table if it is known, else the one above, else the root.
        self.l2_level.d.next = self.level2.val();
        self.l2_base.d.next = self.space.val().ppn;
        if self.judge.verdict.val().sv48 {
            self.l2_level.d.next = self.level3.val();
        }
        if self.table_hit1.val() {
            self.l2_level.d.next = self.level1.val();
            self.l2_base.d.next = self.base1.val();
        }
        if self.table_hit0.val() {
            self.l2_level.d.next = self.level0.val();
            self.l2_base.d.next = self.base0.val();
        }
        self.waiter_va.next = self.waiter.val().va;
        if self.l1_walk.q.val() {
            self.l2_client.d.next = self.waiter.val().client;
            self.l2_req.d.next.tag = self.waiter.val().tag;
            self.l2_mep.d.next = self.waiter.val().mep;
            self.l2_user.d.next = self.waiter.val().user;
            self.l2_req.d.next.va = bit_cast::<64, 48>(self.waiter_va.val());
            self.l2_req.d.next.write = self.waiter.val().write;
        }
        // L2: answer, or miss.
        self.l2_va.next = self.l2_req.q.val().va;
        self.answer.look.next = self.l2_look.q.val();
        self.answer.walk.next = self.l2_walk.q.val();
        self.answer.req.next = self.l2_req.q.val();
        self.answer.user.next = self.l2_user.q.val();
        self.answer.verdict.next = self.l2_verdict.q.val();
        self.answer.hit0.next = self.l2_hit0.q.val();
        self.answer.hit1.next = self.l2_hit1.q.val();
        self.answer.ppn0.next = self.l2_ppn0.q.val();
        self.answer.ppn1.next = self.l2_ppn1.q.val();
        self.answer.ppn2.next = self.l2_ppn2.q.val();
        self.answer.result.next = self.l2_result.q.val();
        self.miss.next = self.l2_look.q.val() && self.l2_verdict.q.val().miss;
        self.settled.next = self.l2_look.q.val() && !self.l2_verdict.q.val().miss;
        self.hit_strobe.next = self.l2_look.q.val() && self.l2_verdict.q.val().hit;
        self.fault_strobe.next = self.answer.fault.val();
        self.kept.next = self.no_waiter.val();
        self.kept.next.client = self.l2_client.q.val();
        self.kept.next.tag = self.l2_req.q.val().tag;
        self.kept.next.write = self.l2_req.q.val().write;
        self.kept.next.mep = self.l2_mep.q.val();
        self.kept.next.user = self.l2_user.q.val();
        self.kept.next.va = self.l2_va.val().get_bits::<48>(0);
        self.miss_waiter.next = self.kept.val();
        self.place.next = self.no_place.val();
        self.place.next.asid = self.l2_req.q.val().asid;
        self.place.next.vpn = self.l2_va.val().get_bits::<36>(12);
        self.place.next.mep = self.l2_mep.q.val();
        self.place.next.generation = self.l2_generation.q.val();
        self.place.next.level = self.l2_level.q.val();
        self.place.next.base = self.l2_base.q.val();
        self.miss_place.next = self.place.val();
        // The answer.
        self.up.d.next = self.answer.valid.val();
        self.up_client.d.next = self.l2_client.q.val();
        self.up_mep.d.next = self.l2_mep.q.val();
        self.up_rsp.d.next = self.answer.rsp.val();
        self.rsp_valid.next = self.up.q.val();
        self.rsp0_valid.next = self.up.q.val() && (self.up_client.q.val() == self.client0.val());
        self.rsp1_valid.next = self.up.q.val() && (self.up_client.q.val() == self.client1.val());
        self.rsp2_valid.next = self.up.q.val() && (self.up_client.q.val() == self.client2.val());
        self.rsp_mep.next = self.up_mep.q.val();
        self.rsp.next = self.up_rsp.q.val();
        self.empty.next = !self.l1_look.q.val()
            && !self.l1_walk.q.val()
            && !self.l2_look.q.val()
            && !self.l2_walk.q.val()
            && !self.up.q.val();
        if self.reset.val() {
            self.l1_look.d.next = false;
            self.l1_walk.d.next = false;
            self.l2_look.d.next = false;
            self.l2_walk.d.next = false;
            self.up.d.next = false;
            // 0 while no answer is up, also where one was on its way.
            self.up_rsp.d.next = self.no_answer.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::assert_lint_clean;

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("mmu-pipe", MmuPipe::default());
    }
}
