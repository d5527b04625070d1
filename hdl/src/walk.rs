//! The walk along a descriptor chain: one descriptor's tests, and what is done with its bytes (virtio 1.4 §2.7.5).
//!
//! Combinational. Stage B: acts Walk, SendTx and NextDesc are carried on (contract §3.6), all others pass unchanged.

use rust_hdl::prelude::*;
use shoal_abi::{mmu, ring};

use crate::block_default;
use crate::ctx_types::{SlotFate, SlotRec, SlotState};
use crate::step_types::{SlotAct, StepB};

/// See the file's text.
#[derive(LogicBlock)]
pub struct Walk {
    /// What to do.
    pub act: Signal<In, SlotAct>,
    /// The slot, with the descriptor at hand.
    pub slot: Signal<In, SlotRec>,
    /// Descriptor table of the virtqueue.
    pub desc: Signal<In, Bits<64>>,
    /// Its entries.
    pub size: Signal<In, Bits<16>>,
    /// INDIRECT_DESC is negotiated.
    pub indirect: Signal<In, Bit>,
    /// The transmit mover is not another slot's, and its FIFO has room.
    pub tx_can: Signal<In, Bit>,
    /// What is left to do.
    pub step: Signal<Out, StepB>,
    act_next: Signal<Local, SlotAct>,
    slot_next: Signal<Local, SlotRec>,
    addr: Signal<Local, Bits<64>>,
    addr_low: Signal<Local, Bits<3>>,
    len: Signal<Local, Bits<32>>,
    len_low: Signal<Local, Bits<4>>,
    entries: Signal<Local, Bits<32>>,
    flags: Signal<Local, Bits<16>>,
    f_next: Signal<Local, Bit>,
    f_write: Signal<Local, Bit>,
    f_indirect: Signal<Local, Bit>,
    empty: Signal<Local, Bit>,
    next_index: Signal<Local, Bits<32>>,
    count: Signal<Local, Bits<16>>,
    rsum: Signal<Local, Bits<32>>,
    wsum: Signal<Local, Bits<32>>,
    too_many_bytes: Signal<Local, Bit>,
    bad_nest: Signal<Local, Bit>,
    bad_table: Signal<Local, Bit>,
    bad_order: Signal<Local, Bit>,
    wants_tx: Signal<Local, Bit>,
    step6: Signal<Local, Bit>,
    step7: Signal<Local, Bit>,
    plain: Signal<Local, Bit>,
    later: Signal<Local, Bit>,
    leaves: Signal<Local, Bit>,
    more: Signal<Local, Bit>,
    visit: Signal<Local, Bits<4>>,
    one_left: Signal<Local, Bits<4>>,
    chain_next: Signal<Local, Bits<4>>,
    head_shift: Signal<Local, Bits<64>>,
    heads: Signal<Local, Bits<128>>,
    heads_left: Signal<Local, Bits<128>>,
    head: Signal<Local, Bits<16>>,
    pushes: Signal<Local, Bit>,
    has_data: Signal<Local, Bit>,
    tx_wait: Signal<Local, Bit>,
    fails: Signal<Local, Bit>,
    cause: Signal<Local, Bits<12>>,
    no_step: Constant<StepB>,
    d_next: Constant<Bits<16>>,
    d_write: Constant<Bits<16>>,
    d_indirect: Constant<Bits<16>>,
    one_chain: Constant<Bits<4>>,
    zero_chain: Constant<Bits<4>>,
    gen_one: Constant<Bits<13>>,
    head_bits: Constant<Bits<64>>,
    one: Constant<Bits<16>>,
    zero3: Constant<Bits<3>>,
    zero4: Constant<Bits<4>>,
    zero16: Constant<Bits<16>>,
    zero32: Constant<Bits<32>>,
    zero64: Constant<Bits<64>>,
    entry_shift: Constant<Bits<32>>,
    no_cause: Constant<Bits<12>>,
    c_indirect: Constant<Bits<12>>,
    c_table: Constant<Bits<12>>,
    c_long: Constant<Bits<12>>,
    c_order: Constant<Bits<12>>,
    c_bytes: Constant<Bits<12>>,
    c_index: Constant<Bits<12>>,
    max_bytes: Constant<Bits<32>>,
}

impl Default for Walk {
    fn default() -> Self {
        block_default!(
            act, slot, desc, size, indirect, tx_can, step, act_next, slot_next, addr, addr_low, len, len_low, entries, flags,
            f_next, f_write, f_indirect, empty, next_index, count, rsum, wsum, too_many_bytes, bad_nest, bad_table,
            bad_order, wants_tx, step6, step7, plain, later, leaves, more, visit, one_left, chain_next, head_shift, heads,
            heads_left, head, pushes, has_data, tx_wait, fails, cause;
            no_step = StepB::default(), d_next = u64::from(ring::DESC_F_NEXT), d_write = u64::from(ring::DESC_F_WRITE),
            one_chain = 1u64, zero_chain = 0u64, gen_one = 1u64,
            head_bits = 4u64, d_indirect = u64::from(ring::DESC_F_INDIRECT), one = 1u64, zero3 = 0u64, zero4 = 0u64, zero16 = 0u64,
            zero32 = 0u64, zero64 = 0u64, entry_shift = u64::from(ring::DESC_BYTES.trailing_zeros()), no_cause = 0u64,
            c_indirect = u64::from(mmu::CAUSE_INDIRECT), c_table = u64::from(mmu::CAUSE_INDIRECT_TABLE),
            c_long = u64::from(mmu::CAUSE_CHAIN_LONG), c_order = u64::from(mmu::CAUSE_DESC_ORDER),
            c_bytes = u64::from(mmu::CAUSE_CHAIN_BYTES), c_index = u64::from(mmu::CAUSE_DESC_INDEX),
            max_bytes = u64::from(ring::MAX_CHAIN_BYTES)
        )
    }
}

impl Logic for Walk {
    #[hdl_gen]
    fn update(&mut self) {
        self.act_next.next = self.act.val();
        self.slot_next.next = self.slot.val();
        self.step6.next = self.act.val() == SlotAct::SendTx;
        self.step7.next = self.act.val() == SlotAct::NextDesc;
        self.pushes.next = false;
        self.tx_wait.next = false;
        self.fails.next = false;
        self.cause.next = self.no_cause.val();
        // The descriptor, and what it would change.
        self.addr.next = self.slot.val().addr;
        self.addr_low.next = self.addr.val().get_bits::<3>(0);
        self.len.next = self.slot.val().len;
        self.len_low.next = self.len.val().get_bits::<4>(0);
        self.entries.next = self.len.val() >> self.entry_shift.val();
        self.flags.next = self.slot.val().flags;
        self.f_next.next = (self.flags.val() & self.d_next.val()).any();
        self.f_write.next = (self.flags.val() & self.d_write.val()).any();
        self.f_indirect.next = (self.flags.val() & self.d_indirect.val()).any();
        self.empty.next = self.len.val() == self.zero32.val();
        self.next_index.next = bit_cast::<32, 16>(self.slot.val().next_index);
        self.count.next = self.slot.val().count + self.one.val();
        self.rsum.next = self.slot.val().rsum;
        self.wsum.next = self.slot.val().wsum;
        if self.f_write.val() {
            self.wsum.next = self.slot.val().wsum + self.len.val();
        } else {
            self.rsum.next = self.slot.val().rsum + self.len.val();
        }
        self.too_many_bytes.next = (self.wsum.val() < self.slot.val().wsum)
            | (self.rsum.val() < self.slot.val().rsum)
            | (self.wsum.val() > self.max_bytes.val())
            | (self.rsum.val() > self.max_bytes.val());
        self.bad_nest.next = !self.indirect.val() | self.slot.val().indirect | self.f_next.val();
        self.bad_table.next = self.empty.val()
            | (self.len_low.val() != self.zero4.val())
            | (self.addr_low.val() != self.zero3.val());
        self.plain.next = !self.f_indirect.val()
            & !self.f_next.val()
            & !self.f_write.val()
            & !self.empty.val()
            & (self.len.val() <= self.max_bytes.val());
        self.later.next = self.slot.val().chain != self.zero_chain.val();
        self.one_left.next = self.slot.val().left + self.one_chain.val();
        self.chain_next.next = self.slot.val().chain + self.one_chain.val();
        self.head_shift.next = bit_cast::<64, 4>(self.chain_next.val()) << self.head_bits.val();
        self.heads.next = self.slot.val().heads;
        self.heads_left.next = self.heads.val() >> self.head_shift.val();
        self.head.next = self.heads_left.val().get_bits::<16>(0);
        // A chain of more than a readable descriptor has a visit of its own.
        self.visit.next = self.slot.val().visit;
        if (self.act.val() == SlotAct::Walk) & !self.plain.val() & !self.later.val() {
            self.visit.next = self.one_chain.val();
        }
        self.more.next = self.chain_next.val() < self.visit.val();
        self.leaves.next = false;
        self.bad_order.next =
            !self.f_write.val() & (self.slot.val().seen_write | self.slot.val().delivering);
        self.has_data.next = !self.f_write.val() & !self.empty.val();
        self.wants_tx.next = self.has_data.val() | !self.f_next.val();
        if self.act.val() == SlotAct::Walk {
            self.slot_next.next.visit = self.visit.val();
            if !self.plain.val() & self.later.val() {
                self.slot_next.next.visit = self.slot.val().chain;
                self.leaves.next = true;
            } else if self.f_indirect.val() {
                // Step 1.
                self.act_next.next = SlotAct::ReadDesc;
                self.slot_next.next.desc_base = self.addr.val();
                self.slot_next.next.entries = self.entries.val();
                self.slot_next.next.index = self.zero16.val();
                self.slot_next.next.indirect = true;
                if self.bad_nest.val() {
                    self.fails.next = true;
                    self.cause.next = self.c_indirect.val();
                } else if self.bad_table.val() {
                    self.fails.next = true;
                    self.cause.next = self.c_table.val();
                }
            } else if self.count.val() > self.size.val() {
                // Step 2.
                self.fails.next = true;
                self.cause.next = self.c_long.val();
            } else if self.bad_order.val() {
                // Step 3.
                self.fails.next = true;
                self.cause.next = self.c_order.val();
            } else if self.slot.val().delivering {
                // Step 4.
                self.slot_next.next.count = self.count.val();
                self.act_next.next = SlotAct::RxData;
                self.step7.next = self.empty.val();
            } else if self.too_many_bytes.val() {
                // Step 5.
                self.fails.next = true;
                self.cause.next = self.c_bytes.val();
            } else {
                self.step6.next = true;
                self.slot_next.next.count = self.count.val();
                self.slot_next.next.rsum = self.rsum.val();
                self.slot_next.next.wsum = self.wsum.val();
                if self.f_write.val() & !self.slot.val().seen_write {
                    self.slot_next.next.seen_write = true;
                    self.slot_next.next.w_base = self.slot.val().desc_base;
                    self.slot_next.next.w_entries = self.slot.val().entries;
                    self.slot_next.next.w_index = self.slot.val().index;
                    self.slot_next.next.w_indirect = self.slot.val().indirect;
                    self.slot_next.next.w_count = self.slot.val().count;
                }
            }
        }
        if self.step6.val() {
            // Step 6: the last descriptor ends the packet.
            self.act_next.next = SlotAct::Keep;
            self.pushes.next = self.wants_tx.val() & self.tx_can.val();
            self.tx_wait.next = self.wants_tx.val() & !self.tx_can.val();
            self.step7.next = self.f_next.val();
            if self.tx_wait.val() {
                self.slot_next.next.state = SlotState::WaitTx;
                self.slot_next.next.fate = SlotFate::Normal;
                self.step7.next = false;
            } else if !self.f_next.val() {
                // The packet ends: the next chain, if the visit has one.
                self.slot_next.next.left = self.one_left.val();
                if self.more.val() {
                    self.act_next.next = SlotAct::ReadDesc;
                    self.slot_next.next.chain = self.chain_next.val();
                    self.slot_next.next.gen = self.slot.val().gen + self.gen_one.val();
                    self.slot_next.next.desc_base = self.desc.val();
                    self.slot_next.next.entries = bit_cast::<32, 16>(self.size.val());
                    self.slot_next.next.index = self.head.val();
                    self.slot_next.next.indirect = false;
                    self.slot_next.next.count = self.zero16.val();
                    self.slot_next.next.seen_write = false;
                    self.slot_next.next.rsum = self.zero32.val();
                    self.slot_next.next.wsum = self.zero32.val();
                } else {
                    self.slot_next.next.state = SlotState::TxEnd;
                    self.slot_next.next.fate = SlotFate::Normal;
                }
            }
        }
        if self.step7.val() {
            // Step 7.
            if !self.f_next.val() {
                self.act_next.next = SlotAct::Full;
            } else if self.next_index.val() >= self.slot.val().entries {
                self.fails.next = true;
                self.cause.next = self.c_index.val();
            } else {
                self.act_next.next = SlotAct::ReadDesc;
                self.slot_next.next.index = self.slot.val().next_index;
            }
        }
        if self.leaves.val() {
            // *sent*: what has begun goes first, the chain at hand is left to the next visit.
            if self.slot.val().left != self.zero_chain.val() {
                self.act_next.next = SlotAct::Keep;
                self.slot_next.next.state = SlotState::TxEnd;
                self.slot_next.next.fate = SlotFate::Normal;
            } else if self.slot.val().kept {
                self.act_next.next = SlotAct::Fail;
            } else {
                self.act_next.next = SlotAct::Tell;
                self.slot_next.next.used_len = self.zero32.val();
            }
        }
        if self.fails.val() {
            self.act_next.next = SlotAct::Fail;
        }
        if self.fails.val() & !self.slot.val().kept {
            self.slot_next.next.kept = true;
            self.slot_next.next.cause = self.cause.val();
            self.slot_next.next.iova = self.zero64.val();
            self.slot_next.next.f_write = false;
            self.slot_next.next.f_ring = false;
        }
        self.step.next = self.no_step.val();
        self.step.next.act = self.act_next.val();
        self.step.next.slot = self.slot_next.val();
        self.step.next.tx_wait = self.tx_wait.val();
        self.step.next.tx_data = self.pushes.val() & self.has_data.val();
        self.step.next.tx_end = self.pushes.val() & !self.f_next.val();
        self.step.next.tx_gen = self.slot.val().gen;
        self.step.next.tx_take = self.pushes.val() & self.f_next.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walk_lints_clean() {
        crate::util::assert_lint_clean("walk", Walk::default());
    }
}
