//! The device MMU: ASID table, IOTLB, one walker, invalidation.
//!
//! Timing: contract §5. A request is taken in Idle at t; off, bare and a hit are answered in t+3. The tables are RAMs read
//! in L1 (and in the first of the two cycles of each entry in Inv); the walker asks for one PTE at a time.

use crate::block_default;
use crate::mmu_eval::MmuEval;
use crate::mmu_look::{MmuLook, TlbEntry};
use crate::types::{AsidEntry, InvCmd, MmuReq, MmuRsp, INV_ALL, INV_RANGE};
use rust_hdl::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
enum MmuState {
    Idle,
    L1,
    L2,
    Resp,
    WalkReq,
    WalkWait,
    WalkEval,
    InvRead,
    InvDrop,
    InvDone,
}

/// Address of a PTE in its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct PteAddr {
    /// 0.
    pub byte: Bits<3>,
    /// Index in the table.
    pub index: Bits<9>,
    /// Page number of the table.
    pub ppn: Bits<44>,
    /// 0.
    pub high: Bits<8>,
}

/// The MMU: `AA` address bits of the ASID table, `TA` of the IOTLB.
#[derive(LogicBlock)]
pub struct Mmu<const AA: usize, const TA: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    /// Clients: 0 control, 1 transmit, 2 receive.
    pub req0_valid: Signal<In, Bit>,
    pub req0: Signal<In, MmuReq>,
    pub req1_valid: Signal<In, Bit>,
    pub req1: Signal<In, MmuReq>,
    pub req2_valid: Signal<In, Bit>,
    pub req2: Signal<In, MmuReq>,
    pub rsp0_valid: Signal<Out, Bit>,
    pub rsp1_valid: Signal<Out, Bit>,
    pub rsp2_valid: Signal<Out, Bit>,
    pub rsp: Signal<Out, MmuRsp>,
    pub ar_req: Signal<Out, Bit>,
    pub ar_addr: Signal<Out, Bits<64>>,
    pub ar_grant: Signal<In, Bit>,
    pub r_valid: Signal<In, Bit>,
    pub r_data: Signal<In, Bits<64>>,
    pub r_bad: Signal<In, Bit>,
    /// Starts an invalidation.
    pub inv_set: Signal<In, Bit>,
    pub inv: Signal<In, InvCmd>,
    pub inv_pending: Signal<Out, Bit>,
    /// Last cycle of an invalidation: the epoch flips.
    pub inv_done: Signal<Out, Bit>,
    pub asid_we: Signal<In, Bit>,
    pub asid_addr: Signal<In, Bits<17>>,
    pub asid_data: Signal<In, AsidEntry>,
    /// Clears both tables at `sweep_index` (modulo their size).
    pub sweep: Signal<In, Bit>,
    pub sweep_index: Signal<In, Bits<18>>,
    pub idle: Signal<Out, Bit>,
    pub hit_strobe: Signal<Out, Bit>,
    pub miss_strobe: Signal<Out, Bit>,
    spaces: RAM<AsidEntry, AA>,
    tlb: RAM<TlbEntry, TA>,
    look: MmuLook,
    eval: MmuEval,
    state: DFF<MmuState>,
    next_client: DFF<Bits<2>>,
    client: DFF<Bits<2>>,
    req: DFF<MmuReq>,
    answer: DFF<MmuRsp>,
    user: DFF<Bits<21>>,
    level: DFF<Bits<2>>,
    root: DFF<Bits<44>>,
    pte: DFF<Bits<64>>,
    pte_bad: DFF<Bit>,
    pending: DFF<Bit>,
    order: DFF<InvCmd>,
    entry: DFF<Bits<TA>>,
    pick: Signal<Local, Bits<2>>,
    any: Signal<Local, Bit>,
    asid: Signal<Local, Bits<17>>,
    va: Signal<Local, Bits<64>>,
    index: Signal<Local, Bits<TA>>,
    where_pte: Signal<Local, PteAddr>,
    held_vpn: Signal<Local, Bits<64>>,
    page_va: Signal<Local, Bits<64>>,
    order_iova: Signal<Local, Bits<64>>,
    stop: Signal<Local, Bits<64>>,
    falls: Signal<Local, Bit>,
    unused: Signal<Local, Bit>,
    no_entry: Constant<TlbEntry>,
    no_space: Constant<AsidEntry>,
    no_pte_addr: Constant<PteAddr>,
    client0: Constant<Bits<2>>,
    client1: Constant<Bits<2>>,
    client2: Constant<Bits<2>>,
    level_one: Constant<Bits<2>>,
    level_39: Constant<Bits<2>>,
    level_48: Constant<Bits<2>>,
    entry_one: Constant<Bits<TA>>,
    inv_all: Constant<Bits<2>>,
    inv_range: Constant<Bits<2>>,
    page_shift: Constant<Bits<4>>,
    low48: Constant<Bits<64>>,
    whole: Constant<Bits<64>>,
}

impl<const AA: usize, const TA: usize> Default for Mmu<AA, TA> {
    fn default() -> Self {
        block_default!(
            clock, reset, req0_valid, req0, req1_valid, req1, req2_valid, req2, rsp0_valid, rsp1_valid, rsp2_valid, rsp,
            ar_req, ar_addr, ar_grant, r_valid, r_data, r_bad, inv_set, inv, inv_pending, inv_done, asid_we, asid_addr,
            asid_data, sweep, sweep_index, idle, hit_strobe, miss_strobe, spaces, tlb, look, eval, state, next_client,
            client, req, answer, user, level, root, pte, pte_bad, pending, order, entry, pick, any, asid, va, index,
            where_pte, held_vpn, page_va, order_iova, stop, falls, unused;
            no_entry = TlbEntry::default(), no_space = AsidEntry::default(), no_pte_addr = PteAddr::default(),
            client0 = 0, client1 = 1, client2 = 2, level_one = 1, level_39 = 2, level_48 = 3,
            entry_one = 1, inv_all = INV_ALL, inv_range = INV_RANGE, page_shift = 12, low48 = (1 << 48) - 1,
            whole = 1 << 48
        )
    }
}

impl<const AA: usize, const TA: usize> Logic for Mmu<AA, TA> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            next_client,
            client,
            req,
            answer,
            user,
            level,
            root,
            pte,
            pte_bad,
            pending,
            order,
            entry
        );
        self.spaces.read_clock.next = self.clock.val();
        self.spaces.write_clock.next = self.clock.val();
        self.tlb.read_clock.next = self.clock.val();
        self.tlb.write_clock.next = self.clock.val();
        self.idle.next = self.state.q.val() == MmuState::Idle;
        self.ar_req.next = self.state.q.val() == MmuState::WalkReq;
        self.inv_done.next = self.state.q.val() == MmuState::InvDone;
        self.inv_pending.next = self.pending.q.val();
        self.rsp0_valid.next =
            (self.state.q.val() == MmuState::Resp) && (self.client.q.val() == self.client0.val());
        self.rsp1_valid.next =
            (self.state.q.val() == MmuState::Resp) && (self.client.q.val() == self.client1.val());
        self.rsp2_valid.next =
            (self.state.q.val() == MmuState::Resp) && (self.client.q.val() == self.client2.val());
        self.rsp.next = self.answer.q.val();
        // Round robin: the first request at or after `next_client`.
        self.any.next = self.req0_valid.val() || self.req1_valid.val() || self.req2_valid.val();
        self.pick.next = self.client0.val();
        if self.next_client.q.val() == self.client1.val() {
            if self.req1_valid.val() {
                self.pick.next = self.client1.val();
            } else if self.req2_valid.val() {
                self.pick.next = self.client2.val();
            }
        } else if self.next_client.q.val() == self.client2.val() {
            if self.req2_valid.val() {
                self.pick.next = self.client2.val();
            } else if !self.req0_valid.val() {
                self.pick.next = self.client1.val();
            }
        } else if !self.req0_valid.val() {
            self.pick.next = self.client2.val();
            if self.req1_valid.val() {
                self.pick.next = self.client1.val();
            }
        }
        // Tables.
        self.asid.next = self.req.q.val().asid;
        self.va.next = self.req.q.val().va;
        self.index.next = self.va.val().get_bits::<TA>(12) ^ self.asid.val().get_bits::<TA>(0);
        self.spaces.read_address.next = self.asid.val().get_bits::<AA>(0);
        self.spaces.write_address.next = self.asid_addr.val().get_bits::<AA>(0);
        self.spaces.write_data.next = self.asid_data.val();
        self.spaces.write_enable.next = self.asid_we.val() || self.sweep.val();
        self.unused.next = self.asid_addr.val().any()
            || self.sweep_index.val().any()
            || self.asid.val().any()
            || self.va.val().any();
        self.tlb.read_address.next = self.index.val();
        self.tlb.write_address.next = self.index.val();
        self.tlb.write_data.next = self.eval.entry.val();
        self.tlb.write_enable.next = self.sweep.val();
        self.look.req.next = self.req.q.val();
        self.look.space.next = self.spaces.read_data.val();
        self.look.tlb.next = self.tlb.read_data.val();
        self.eval.req.next = self.req.q.val();
        self.eval.level.next = self.level.q.val();
        self.eval.pte.next = self.pte.q.val();
        self.eval.bad.next = self.pte_bad.q.val();
        self.eval.user.next = self.user.q.val();
        // Address of the PTE: table + 8 * vpn[level].
        self.where_pte.next = self.no_pte_addr.val();
        self.where_pte.next.ppn = self.root.q.val();
        self.where_pte.next.index = self.va.val().get_bits::<9>(12);
        if self.level.q.val() == self.level_one.val() {
            self.where_pte.next.index = self.va.val().get_bits::<9>(21);
        }
        if self.level.q.val() == self.level_39.val() {
            self.where_pte.next.index = self.va.val().get_bits::<9>(30);
        }
        if self.level.q.val() == self.level_48.val() {
            self.where_pte.next.index = self.va.val().get_bits::<9>(39);
        }
        self.ar_addr.next = self.where_pte.val().into();
        // Does the entry read fall to the invalidation?
        self.held_vpn.next = bit_cast::<64, 36>(self.tlb.read_data.val().vpn);
        self.page_va.next = self.held_vpn.val() << self.page_shift.val();
        self.order_iova.next = self.order.q.val().iova;
        self.order_iova.next = self.order_iova.val() & self.low48.val();
        self.stop.next = self.order_iova.val() + self.order.q.val().len;
        self.falls.next = true;
        if self.order.q.val().kind != self.inv_all.val() {
            self.falls.next = self.tlb.read_data.val().asid == self.order.q.val().asid;
        }
        if (self.order.q.val().kind == self.inv_range.val())
            && (self.order.q.val().len <= self.whole.val())
        {
            if (self.page_va.val() < self.order_iova.val())
                || (self.page_va.val() >= self.stop.val())
            {
                self.falls.next = false;
            }
        }
        self.hit_strobe.next = false;
        self.miss_strobe.next = false;
        match self.state.q.val() {
            MmuState::Idle => {
                if self.pending.q.val() {
                    self.entry.d.next = 0.into();
                    self.state.d.next = MmuState::InvRead;
                } else if self.any.val() {
                    self.client.d.next = self.pick.val();
                    self.req.d.next = self.req0.val();
                    self.next_client.d.next = self.client1.val();
                    if self.pick.val() == self.client1.val() {
                        self.req.d.next = self.req1.val();
                        self.next_client.d.next = self.client2.val();
                    }
                    if self.pick.val() == self.client2.val() {
                        self.req.d.next = self.req2.val();
                        self.next_client.d.next = self.client0.val();
                    }
                    self.state.d.next = MmuState::L1;
                }
            }
            MmuState::L1 => {
                self.state.d.next = MmuState::L2;
            }
            MmuState::L2 => {
                self.hit_strobe.next = self.look.hit.val();
                self.miss_strobe.next = self.look.miss.val();
                self.answer.d.next = self.look.rsp.val();
                self.user.d.next = self.look.rsp.val().user;
                self.root.d.next = self.look.root.val();
                self.level.d.next = self.level_39.val();
                if self.look.sv48.val() {
                    self.level.d.next = self.level_48.val();
                }
                self.state.d.next = MmuState::Resp;
                if self.look.miss.val() {
                    self.state.d.next = MmuState::WalkReq;
                }
            }
            MmuState::Resp => {
                self.state.d.next = MmuState::Idle;
            }
            MmuState::WalkReq => {
                if self.ar_grant.val() {
                    self.state.d.next = MmuState::WalkWait;
                }
            }
            MmuState::WalkWait => {
                if self.r_valid.val() {
                    self.pte.d.next = self.r_data.val();
                    self.pte_bad.d.next = self.r_bad.val();
                    self.state.d.next = MmuState::WalkEval;
                }
            }
            MmuState::WalkEval => {
                self.answer.d.next = self.eval.rsp.val();
                self.tlb.write_enable.next = self.eval.fill.val();
                self.state.d.next = MmuState::Resp;
                if self.eval.down.val() {
                    self.root.d.next = self.pte.q.val().get_bits::<44>(10);
                    self.level.d.next = self.level.q.val() - self.level_one.val();
                    self.state.d.next = MmuState::WalkReq;
                }
            }
            MmuState::InvRead => {
                self.tlb.read_address.next = self.entry.q.val();
                self.state.d.next = MmuState::InvDrop;
            }
            MmuState::InvDrop => {
                self.tlb.write_address.next = self.entry.q.val();
                self.tlb.write_data.next = self.no_entry.val();
                self.tlb.write_enable.next = self.falls.val();
                self.entry.d.next = self.entry.q.val() + self.entry_one.val();
                self.state.d.next = MmuState::InvRead;
                if self.entry.q.val().all() {
                    self.state.d.next = MmuState::InvDone;
                }
            }
            MmuState::InvDone => {
                self.pending.d.next = false;
                self.state.d.next = MmuState::Idle;
            }
            _ => {
                self.state.d.next = MmuState::Idle;
            }
        }
        if self.inv_set.val() {
            self.pending.d.next = true;
            self.order.d.next = self.inv.val();
        }
        if self.sweep.val() {
            self.spaces.write_address.next = self.sweep_index.val().get_bits::<AA>(0);
            self.spaces.write_data.next = self.no_space.val();
            self.tlb.write_address.next = self.sweep_index.val().get_bits::<TA>(0);
            self.tlb.write_data.next = self.no_entry.val();
            self.tlb.write_enable.next = true;
        }
        if self.reset.val() {
            self.state.d.next = MmuState::Idle;
            self.next_client.d.next = 0.into();
            self.pending.d.next = false;
        }
    }
}

#[cfg(test)]
#[path = "mmu_tests.rs"]
mod tests;
