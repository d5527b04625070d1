//! The slot table of contract §3.5: what a slot does when the op it waited for is complete.
//!
//! Combinational. Stage A of the event COMP of chain slots and receive slots.

use rust_hdl::prelude::*;
use shoal_abi::mmu;
use shoal_abi::profile::VISIT_CHAINS;

use crate::block_default;
use crate::ctx_types::{MsiRec, SlotRec, SlotState, VqRec};
use crate::step_types::{SlotAct, StepA};

/// See the file's text.
#[derive(LogicBlock)]
pub struct SlotStep {
    /// It is a receive slot, otherwise a chain slot.
    pub receive_slot: Signal<In, Bit>,
    /// The slot, with what arrived.
    pub slot: Signal<In, SlotRec>,
    /// TELL: its message has gone out already.
    pub sent: Signal<In, Bit>,
    /// The op has failed; the slot says how.
    pub fault: Signal<In, Bit>,
    /// The 16-bit field that access a has read.
    pub field_a: Signal<In, Bits<16>>,
    /// The 16-bit field that access b has read.
    pub field_b: Signal<In, Bits<16>>,
    /// Its virtqueue.
    pub vq: Signal<In, VqRec>,
    /// The virtqueue's MSI slot.
    pub msi: Signal<In, MsiRec>,
    /// The slot is alive.
    pub alive: Signal<In, Bit>,
    /// EVENT_IDX is negotiated.
    pub event_idx: Signal<In, Bit>,
    /// *heads*: all of the visit, the first read, whether that is bad, and how many the visit has.
    pub heads: Signal<In, Bits<128>>,
    pub head_first: Signal<In, Bits<16>>,
    pub heads_bad: Signal<In, Bit>,
    pub visit: Signal<In, Bits<4>>,
    /// What follows.
    pub step: Signal<Out, StepA>,
    state: Signal<Local, SlotState>,
    no_op: Signal<Local, Bit>,
    act: Signal<Local, SlotAct>,
    slot_next: Signal<Local, SlotRec>,
    vq_next: Signal<Local, VqRec>,
    looked: Signal<Local, Bit>,
    begins: Signal<Local, Bit>,
    head: Signal<Local, Bit>,
    pend: Signal<Local, Bits<9>>,
    dry: Signal<Local, Bits<9>>,
    dry_left: Signal<Local, Bits<9>>,
    ahead: Signal<Local, Bits<16>>,
    ahead_after: Signal<Local, Bits<16>>,
    visit16: Signal<Local, Bits<16>>,
    avail_after: Signal<Local, Bits<16>>,
    used_after: Signal<Local, Bits<16>>,
    event_ahead: Signal<Local, Bits<16>>,
    event_at: Signal<Local, Bits<16>>,
    flag: Signal<Local, Bits<16>>,
    notify: Signal<Local, Bit>,
    fails: Signal<Local, Bit>,
    cause: Signal<Local, Bits<12>>,
    pending: Signal<Local, Bit>,
    chains: Signal<Local, Bits<4>>,
    message: Signal<Local, Bit>,
    counts: Signal<Local, Bit>,
    no_step: Constant<StepA>,
    one: Constant<Bits<16>>,
    zero4: Constant<Bits<4>>,
    zero16: Constant<Bits<16>>,
    zero32: Constant<Bits<32>>,
    zero64: Constant<Bits<64>>,
    zero119: Constant<Bits<119>>,
    zero9: Constant<Bits<9>>,
    most_dry: Constant<Bits<9>>,
    one9: Constant<Bits<9>>,
    gen_one: Constant<Bits<13>>,
    no_interrupt: Constant<Bits<16>>,
    no_cause: Constant<Bits<12>>,
    avail_jump: Constant<Bits<12>>,
    desc_index: Constant<Bits<12>>,
}

impl Default for SlotStep {
    fn default() -> Self {
        block_default!(
            receive_slot, slot, sent, fault, field_a, field_b, heads, head_first, heads_bad, visit, vq, msi, alive, event_idx, step, state, no_op, act, slot_next, vq_next, looked, begins, head,
            pend, dry, dry_left, ahead, ahead_after, visit16, avail_after, used_after, event_ahead, event_at, flag, notify, fails, cause, pending, chains, message, counts;
            no_step = StepA::default(), one = 1u64, zero4 = 0u64, zero16 = 0u64, zero32 = 0u64, zero64 = 0u64,
            zero119 = 0u64, zero9 = 0u64, most_dry = VISIT_CHAINS as u64, one9 = 1u64, gen_one = 1u64, no_interrupt = u64::from(shoal_abi::ring::AVAIL_F_NO_INTERRUPT), no_cause = 0u64,
            avail_jump = u64::from(mmu::CAUSE_AVAIL_JUMP), desc_index = u64::from(mmu::CAUSE_DESC_INDEX)
        )
    }
}

impl Logic for SlotStep {
    #[hdl_gen]
    fn update(&mut self) {
        self.state.next = self.slot.val().state;
        self.act.next = SlotAct::Keep;
        self.slot_next.next = self.slot.val();
        self.vq_next.next = self.vq.val();
        self.fails.next = false;
        self.cause.next = self.no_cause.val();
        self.pending.next = false;
        self.chains.next = self.zero4.val();
        self.message.next = false;
        self.counts.next = false;
        self.looked.next =
            (self.state.val() == SlotState::Look) | (self.state.val() == SlotState::Look2);
        self.head.next = false;
        self.ahead.next = self.field_a.val() - self.vq.val().last_avail;
        self.visit16.next = bit_cast::<16, 4>(self.slot.val().visit);
        self.begins.next = self.visit16.val() == self.zero16.val();
        self.avail_after.next = self.vq.val().last_avail + self.visit16.val();
        self.used_after.next = self.vq.val().used_idx + self.visit16.val();
        self.ahead_after.next = self.field_b.val() - self.avail_after.val();
        self.event_ahead.next = self.used_after.val() - self.field_a.val();
        self.event_at.next = self.event_ahead.val() - self.one.val();
        self.flag.next = self.field_a.val() & self.no_interrupt.val();
        self.notify.next = self.flag.val() == self.zero16.val();
        if self.event_idx.val() {
            self.notify.next = self.event_at.val() < self.visit16.val();
        }
        // A packet of those that wait is thrown away at once.
        self.pend.next = self.vq.val().pend;
        self.dry.next = self.pend.val();
        if self.pend.val() > self.most_dry.val() {
            self.dry.next = self.most_dry.val();
        }
        self.dry_left.next = self.dry.val() - self.one9.val();
        self.no_op.next = (self.state.val() == SlotState::Idle)
            | (self.state.val() == SlotState::WaitTx)
            | (self.state.val() == SlotState::TxEnd)
            | (self.state.val() == SlotState::Answer)
            | (self.state.val() == SlotState::RxData)
            | (self.state.val() == SlotState::RxDisc);
        if self.no_op.val() {
            // An answer to nothing.
            self.act.next = SlotAct::Nothing;
        } else if !self.alive.val() {
            self.act.next = SlotAct::Abort;
        } else if self.fault.val() {
            self.act.next = SlotAct::Fail;
        } else {
            match self.state.val() {
                SlotState::Look => {
                    self.act.next = SlotAct::Release;
                    if self.receive_slot.val() {
                        self.act.next = SlotAct::Dry;
                    } else if self.event_idx.val() {
                        self.act.next = SlotAct::WriteRearm;
                    }
                }
                SlotState::Rearm => {
                    self.act.next = SlotAct::Look;
                    self.slot_next.next.state = SlotState::Look2;
                }
                SlotState::Look2 => {
                    self.act.next = SlotAct::Release;
                }
                SlotState::Ring => {
                    self.head.next = true;
                }
                SlotState::Desc => {
                    self.act.next = SlotAct::Walk;
                }
                SlotState::Tell => {
                    self.act.next = SlotAct::Finish;
                    self.vq_next.next.used_idx = self.used_after.val();
                    self.vq_next.next.last_avail = self.avail_after.val();
                    self.chains.next = self.slot.val().visit;
                    if self.receive_slot.val() & (self.pend.val() != self.zero9.val()) {
                        // The next visit.
                        self.slot_next.next.visit = self.zero4.val();
                        self.slot_next.next.state = SlotState::Look;
                        self.act.next = SlotAct::Look;
                        if self.vq.val().avail_cache != self.avail_after.val() {
                            self.act.next = SlotAct::ReadRing;
                        }
                    }
                    if !self.receive_slot.val() & (self.ahead_after.val() <= self.vq.val().size) {
                        self.vq_next.next.avail_cache = self.field_b.val();
                    }
                    if self.sent.val() {
                        self.counts.next = true;
                    } else if self.msi.val().valid & self.notify.val() {
                        self.pending.next = self.msi.val().mask;
                        self.message.next = !self.msi.val().mask;
                    }
                }
                _ => {
                    self.act.next = SlotAct::Nothing;
                }
            }
            // What a look has found, behind what the visit has got.
            if self.looked.val() {
                if (self.ahead.val() > self.vq.val().size) | (self.ahead.val() < self.visit16.val())
                {
                    self.fails.next = true;
                    self.cause.next = self.avail_jump.val();
                } else {
                    self.vq_next.next.avail_cache = self.field_a.val();
                    if self.ahead.val() != self.visit16.val() {
                        self.act.next = SlotAct::ReadRing;
                        self.head.next = self.slot.val().b_read;
                    } else if !self.begins.val() {
                        self.act.next = SlotAct::Sent;
                    } else if self.receive_slot.val() {
                        self.slot_next.next.left = self.dry_left.val().get_bits::<4>(0);
                    }
                }
            }
        }
        if self.head.val() {
            // *heads*, and the *chain* of the first that is new.
            if self.heads_bad.val() {
                self.fails.next = true;
                self.cause.next = self.desc_index.val();
            } else {
                self.act.next = SlotAct::ReadDesc;
                self.slot_next.next.heads = self.heads.val();
                self.slot_next.next.visit = self.visit.val();
                self.slot_next.next.chain = self.slot.val().visit;
                if self.begins.val() {
                    self.slot_next.next.left = self.zero4.val();
                    self.slot_next.next.kept = false;
                    self.slot_next.next.used_len = self.zero32.val();
                    self.slot_next.next.used_more = self.zero119.val();
                    self.slot_next.next.ended = self.zero4.val();
                }
                self.slot_next.next.gen = self.slot.val().gen + self.gen_one.val();
                self.slot_next.next.desc_base = self.vq.val().desc;
                self.slot_next.next.entries = bit_cast::<32, 16>(self.vq.val().size);
                self.slot_next.next.index = self.head_first.val();
                self.slot_next.next.indirect = false;
                self.slot_next.next.count = self.zero16.val();
                self.slot_next.next.seen_write = false;
                self.slot_next.next.rsum = self.zero32.val();
                self.slot_next.next.wsum = self.zero32.val();
            }
        }
        if self.fails.val() {
            self.act.next = SlotAct::Fail;
        }
        if self.fails.val() & !self.slot.val().kept {
            self.slot_next.next.kept = true;
            self.slot_next.next.cause = self.cause.val();
            self.slot_next.next.iova = self.zero64.val();
            self.slot_next.next.f_write = false;
            self.slot_next.next.f_ring = false;
        }
        self.step.next = self.no_step.val();
        self.step.next.act = self.act.val();
        self.step.next.slot = self.slot_next.val();
        self.step.next.vq = self.vq_next.val();
        self.step.next.vq_we = !self.no_op.val();
        self.step.next.pending = self.pending.val();
        self.step.next.chains = self.chains.val();
        self.step.next.message = self.message.val();
        self.step.next.sent = self.counts.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_step_lints_clean() {
        crate::util::assert_lint_clean("slot_step", SlotStep::default());
    }
}
