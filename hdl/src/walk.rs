//! The walk along a descriptor chain: one descriptor's tests, and what is done with its bytes (virtio 1.4 §2.7.5).
//!
//! Combinational. Stage B: acts Walk, SendTx, NextDesc, Sent and Deliver are carried on (contract §3.6), all others pass unchanged.

use rust_hdl::prelude::*;
use shoal_abi::mmu;

use crate::block_default;
use crate::ctx_types::{SlotFate, SlotRec, SlotState, VqRec};
use crate::desc::{DescLook, DescTests};
use crate::reach::Reach;
use crate::step_types::{SlotAct, StepB};

/// See the file's text.
#[derive(LogicBlock)]
pub struct Walk {
    /// What to do.
    pub act: Signal<In, SlotAct>,
    /// The slot, with the descriptor at hand.
    pub slot: Signal<In, SlotRec>,
    /// Its virtqueue, as changed by the event.
    pub vq: Signal<In, VqRec>,
    /// INDIRECT_DESC is negotiated.
    pub indirect: Signal<In, Bit>,
    /// The transmit mover is not another slot's, and its FIFO has room.
    pub tx_can: Signal<In, Bit>,
    /// What is left to do.
    pub step: Signal<Out, StepB>,
    look: DescLook,
    reach: Reach,
    act_next: Signal<Local, SlotAct>,
    slot_next: Signal<Local, SlotRec>,
    d: Signal<Local, DescTests>,
    size: Signal<Local, Bits<16>>,
    count: Signal<Local, Bits<16>>,
    wants_tx: Signal<Local, Bit>,
    step6: Signal<Local, Bit>,
    step7: Signal<Local, Bit>,
    later: Signal<Local, Bit>,
    leaves: Signal<Local, Bit>,
    packet: Signal<Local, Bit>,
    waits: Signal<Local, Bit>,
    more: Signal<Local, Bit>,
    reads: Signal<Local, Bit>,
    visit16: Signal<Local, Bits<16>>,
    visit: Signal<Local, Bits<4>>,
    one_left: Signal<Local, Bits<4>>,
    chain_next: Signal<Local, Bits<4>>,
    head_shift: Signal<Local, Bits<64>>,
    heads: Signal<Local, Bits<128>>,
    heads_left: Signal<Local, Bits<128>>,
    head: Signal<Local, Bits<16>>,
    pushes: Signal<Local, Bit>,
    rx_push: Signal<Local, Bit>,
    has_data: Signal<Local, Bit>,
    tx_wait: Signal<Local, Bit>,
    fails: Signal<Local, Bit>,
    cause: Signal<Local, Bits<12>>,
    no_step: Constant<StepB>,
    one_packet: Constant<Bits<9>>,
    one_chain: Constant<Bits<4>>,
    zero_chain: Constant<Bits<4>>,
    gen_one: Constant<Bits<13>>,
    head_bits: Constant<Bits<64>>,
    zero16: Constant<Bits<16>>,
    zero32: Constant<Bits<32>>,
    zero64: Constant<Bits<64>>,
    no_cause: Constant<Bits<12>>,
    c_indirect: Constant<Bits<12>>,
    c_table: Constant<Bits<12>>,
    c_long: Constant<Bits<12>>,
    c_order: Constant<Bits<12>>,
    c_bytes: Constant<Bits<12>>,
    c_index: Constant<Bits<12>>,
}

impl Default for Walk {
    fn default() -> Self {
        block_default!(
            act, slot, vq, indirect, tx_can, step, look, reach, act_next, slot_next, d, size, count, wants_tx, step6, step7,
            later, leaves, packet, waits, more, reads, visit16, visit, one_left, chain_next, head_shift, heads, heads_left, head, pushes, rx_push,
            has_data, tx_wait, fails, cause;
            no_step = StepB::default(), one_packet = 1u64, one_chain = 1u64, zero_chain = 0u64, gen_one = 1u64,
            head_bits = 4u64, zero16 = 0u64, zero32 = 0u64, zero64 = 0u64, no_cause = 0u64,
            c_indirect = u64::from(mmu::CAUSE_INDIRECT), c_table = u64::from(mmu::CAUSE_INDIRECT_TABLE),
            c_long = u64::from(mmu::CAUSE_CHAIN_LONG), c_order = u64::from(mmu::CAUSE_DESC_ORDER),
            c_bytes = u64::from(mmu::CAUSE_CHAIN_BYTES), c_index = u64::from(mmu::CAUSE_DESC_INDEX)
        )
    }
}

impl Logic for Walk {
    #[hdl_gen]
    fn update(&mut self) {
        self.look.slot.next = self.slot.val();
        self.look.indirect.next = self.indirect.val();
        self.d.next = self.look.tests.val();
        self.act_next.next = self.act.val();
        self.slot_next.next = self.slot.val();
        self.step6.next = self.act.val() == SlotAct::SendTx;
        self.step7.next = self.act.val() == SlotAct::NextDesc;
        self.pushes.next = false;
        self.rx_push.next = false;
        self.packet.next = false;
        self.tx_wait.next = false;
        self.fails.next = false;
        self.cause.next = self.no_cause.val();
        self.size.next = self.vq.val().size;
        self.count.next = self.d.val().count;
        self.later.next = self.slot.val().chain != self.zero_chain.val();
        self.one_left.next = self.slot.val().left + self.one_chain.val();
        self.chain_next.next = self.slot.val().chain + self.one_chain.val();
        self.head_shift.next = bit_cast::<64, 4>(self.chain_next.val()) << self.head_bits.val();
        self.heads.next = self.slot.val().heads;
        self.heads_left.next = self.heads.val() >> self.head_shift.val();
        self.head.next = self.heads_left.val().get_bits::<16>(0);
        // A chain of more than one plain descriptor has a visit of its own.
        self.visit.next = self.slot.val().visit;
        if (self.act.val() == SlotAct::Walk) & !self.d.val().plain & !self.later.val() {
            self.visit.next = self.one_chain.val();
        }
        // Received packets take chains only as they come.
        self.waits.next = self.slot.val().delivering & (self.vq.val().pend > self.one_packet.val());
        self.more.next = (self.chain_next.val() < self.visit.val())
            & (!self.slot.val().delivering | self.waits.val());
        self.reach.vq.next = self.vq.val();
        self.visit16.next = bit_cast::<16, 4>(self.visit.val());
        self.reads.next = self.waits.val() & (self.visit16.val() < self.reach.most.val());
        self.leaves.next = self.act.val() == SlotAct::Sent;
        self.has_data.next = !self.d.val().writes & !self.d.val().empty;
        self.wants_tx.next = self.has_data.val() | !self.d.val().more;
        if self.act.val() == SlotAct::Deliver {
            // The answer goes to the chain's first writable descriptor and on: the one chain of its visit.
            self.act_next.next = SlotAct::ReadDesc;
            self.slot_next.next.delivering = true;
            self.slot_next.next.desc_base = self.slot.val().w_base;
            self.slot_next.next.entries = self.slot.val().w_entries;
            self.slot_next.next.index = self.slot.val().w_index;
            self.slot_next.next.indirect = self.slot.val().w_indirect;
            self.slot_next.next.count = self.slot.val().w_count;
        }
        if self.act.val() == SlotAct::Walk {
            self.slot_next.next.visit = self.visit.val();
            if !self.d.val().plain & self.later.val() {
                self.slot_next.next.visit = self.slot.val().chain;
                self.leaves.next = true;
            } else if self.d.val().indirect {
                // Step 1.
                self.act_next.next = SlotAct::ReadDesc;
                self.slot_next.next.desc_base = self.slot.val().addr;
                self.slot_next.next.entries = self.d.val().entries;
                self.slot_next.next.index = self.zero16.val();
                self.slot_next.next.indirect = true;
                if self.d.val().bad_nest {
                    self.fails.next = true;
                    self.cause.next = self.c_indirect.val();
                } else if self.d.val().bad_table {
                    self.fails.next = true;
                    self.cause.next = self.c_table.val();
                }
            } else if self.count.val() > self.size.val() {
                // Step 2.
                self.fails.next = true;
                self.cause.next = self.c_long.val();
            } else if self.d.val().bad_order {
                // Step 3.
                self.fails.next = true;
                self.cause.next = self.c_order.val();
            } else if self.slot.val().delivering {
                // Step 4: the last descriptor takes what is left of the packet.
                self.slot_next.next.count = self.count.val();
                self.act_next.next = SlotAct::Keep;
                self.packet.next = !self.d.val().more;
                self.rx_push.next = !self.d.val().more | !self.d.val().empty;
                self.step7.next = self.d.val().more & self.d.val().empty;
                if self.d.val().more & !self.d.val().empty {
                    self.slot_next.next.state = SlotState::RxData;
                }
            } else if self.d.val().bad_bytes {
                // Step 5.
                self.fails.next = true;
                self.cause.next = self.c_bytes.val();
            } else {
                self.step6.next = true;
                self.slot_next.next.count = self.count.val();
                self.slot_next.next.rsum = self.d.val().rsum;
                self.slot_next.next.wsum = self.d.val().wsum;
                if self.d.val().writes & !self.slot.val().seen_write {
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
            self.step7.next = self.d.val().more & (!self.wants_tx.val() | self.tx_can.val());
            self.packet.next = !self.d.val().more & self.tx_can.val();
            if self.tx_wait.val() {
                self.slot_next.next.state = SlotState::WaitTx;
                self.slot_next.next.fate = SlotFate::Normal;
            }
        }
        if self.packet.val() {
            // A mover has the packet: the next chain, of the visit or of the ring.
            self.slot_next.next.left = self.one_left.val();
            if self.more.val() {
                self.act_next.next = SlotAct::ReadDesc;
                self.slot_next.next.chain = self.chain_next.val();
                self.slot_next.next.gen = self.slot.val().gen + self.gen_one.val();
                self.slot_next.next.desc_base = self.vq.val().desc;
                self.slot_next.next.entries = bit_cast::<32, 16>(self.size.val());
                self.slot_next.next.index = self.head.val();
                self.slot_next.next.indirect = false;
                self.slot_next.next.count = self.zero16.val();
                self.slot_next.next.seen_write = false;
                self.slot_next.next.rsum = self.zero32.val();
                self.slot_next.next.wsum = self.zero32.val();
            } else if self.reads.val() {
                self.slot_next.next.state = SlotState::Look;
                self.act_next.next = SlotAct::Look;
                if self.reach.known.val() != self.visit16.val() {
                    self.act_next.next = SlotAct::ReadRing;
                }
            } else {
                self.slot_next.next.visit = self.chain_next.val();
                self.slot_next.next.state = SlotState::TxEnd;
                self.slot_next.next.fate = SlotFate::Normal;
            }
        }
        if self.step7.val() {
            // Step 7.
            if self.d.val().bad_next {
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
        self.step.next.tx_end = self.pushes.val() & !self.d.val().more;
        self.step.next.tx_gen = self.slot.val().gen;
        self.step.next.tx_take = self.pushes.val() & self.d.val().more;
        self.step.next.rx_push = self.rx_push.val();
        self.step.next.rx_end = self.rx_push.val() & !self.d.val().more;
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
