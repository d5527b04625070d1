//! Fault records on their way to the fault queue, and the management device's own messages (the AUX slot).
//!
//! Timing: contract §3.9. Effects count in the event's last busy cycle; registers of the queue are read in the pick cycle.
//! Reset: idle, no fault held.

use rust_hdl::prelude::*;
use shoal_abi::mmu;
use shoal_abi::profile::Profile;

use crate::block_default;
use crate::ctx_types::SRC_AUX;
use crate::fifo::Fifo;
use crate::types::{CtlOp, FaultRec, CTL_WR};

/// What AUX waits for.
#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
pub enum AuxState {
    Idle,
    Record,
    Message,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct Aux {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Drops the faults held.
    pub flush: Signal<In, Bit>,
    /// A fault arrives.
    pub fault_push: Signal<In, Bit>,
    /// It.
    pub fault: Signal<In, FaultRec>,
    /// An exclusive event is picked in this cycle.
    pub pick: Signal<In, Bit>,
    /// Takes the oldest fault.
    pub fault_pop: Signal<In, Bit>,
    /// The event is AUX's and ends in this cycle.
    pub commit: Signal<In, Bit>,
    /// Its source.
    pub src: Signal<In, Bits<4>>,
    /// A warm reset went on when it was picked.
    pub ev_warm: Signal<In, Bit>,
    /// FQ_CTRL enable.
    pub fq_enable: Signal<In, Bit>,
    /// FQ_BASE.
    pub fq_base: Signal<In, Bits<64>>,
    /// log2(records).
    pub fq_log2: Signal<In, Bits<3>>,
    /// FQ_HEAD.
    pub fq_head: Signal<In, Bits<16>>,
    /// FQ_TAIL.
    pub fq_tail: Signal<In, Bits<16>>,
    /// Lowest vector requested and unmasked.
    pub msix_v: Signal<In, Bits<2>>,
    /// Its address.
    pub msix_addr: Signal<In, Bits<64>>,
    /// Its data.
    pub msix_data: Signal<In, Bits<32>>,
    /// AUX is idle.
    pub idle: Signal<Out, Bit>,
    /// A fault is held.
    pub fault_valid: Signal<Out, Bit>,
    /// No more can be held behind the one that arrives in this cycle.
    pub fault_full: Signal<Out, Bit>,
    /// Push `op`.
    pub op_push: Signal<Out, Bit>,
    /// The op.
    pub op: Signal<Out, CtlOp>,
    /// FQ_LOST += 1.
    pub fq_lost_inc: Signal<Out, Bit>,
    /// FQ_TAIL goes on.
    pub fq_tail_inc: Signal<Out, Bit>,
    /// Raise the fault queue's vector.
    pub raise_fq: Signal<Out, Bit>,
    /// Clear the request of vector `msix_clear_v`.
    pub msix_clear: Signal<Out, Bit>,
    /// Vector.
    pub msix_clear_v: Signal<Out, Bits<2>>,
    faults: Fifo<FaultRec, 3>,
    state: DFF<AuxState>,
    word: DFF<Bits<2>>,
    record: DFF<FaultRec>,
    has_record: DFF<Bit>,
    on: DFF<Bit>,
    room: DFF<Bit>,
    base: DFF<Bits<64>>,
    tail: DFF<Bits<16>>,
    vector: DFF<Bits<2>>,
    address: DFF<Bits<64>>,
    message: DFF<Bits<32>>,
    records: Signal<Local, Bits<16>>,
    last_record: Signal<Local, Bits<16>>,
    tail_next: Signal<Local, Bits<16>>,
    head_at: Signal<Local, Bits<16>>,
    word_next: Signal<Local, Bits<2>>,
    word_data: Signal<Local, Bits<64>>,
    access: Signal<Local, Bits<64>>,
    filled: Signal<Local, Bits<16>>,
    send_word: Signal<Local, Bit>,
    send_message: Signal<Local, Bit>,
    no_op: Constant<CtlOp>,
    no_fault: Constant<FaultRec>,
    src_aux: Constant<Bits<4>>,
    aux_slot: Constant<Bits<8>>,
    kind_wr: Constant<Bits<2>>,
    word0: Constant<Bits<2>>,
    word1: Constant<Bits<2>>,
    word2: Constant<Bits<2>>,
    word3: Constant<Bits<2>>,
    one16: Constant<Bits<16>>,
    depth: Constant<Bits<16>>,
    access_read: Constant<Bits<64>>,
    access_write: Constant<Bits<64>>,
    asid_shift: Constant<Bits<64>>,
    access_shift: Constant<Bits<64>>,
    dev_shift: Constant<Bits<64>>,
    record_shift: Constant<Bits<64>>,
    word_shift: Constant<Bits<64>>,
    len4: Constant<Bits<4>>,
    len8: Constant<Bits<4>>,
    zero64: Constant<Bits<64>>,
}

impl Aux {
    /// The block for a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, flush, fault_push, fault, pick, fault_pop, commit, src, ev_warm, fq_enable, fq_base, fq_log2,
            fq_head, fq_tail, msix_v, msix_addr, msix_data, idle, fault_valid, fault_full, op_push, op, fq_lost_inc,
            fq_tail_inc, raise_fq, msix_clear, msix_clear_v, faults, state, word, record, has_record, on, room, base,
            tail, vector, address, message, records, last_record, tail_next, head_at, word_next, word_data, access, filled, send_word, send_message;
            no_op = CtlOp::default(), no_fault = FaultRec::default(), src_aux = SRC_AUX, aux_slot = p.aux_slot() as u64,
            kind_wr = CTL_WR, word0 = 0u64, word1 = 1u64, word2 = 2u64, word3 = 3u64, one16 = 1u64, depth = 8u64,
            access_read = u64::from(mmu::FAULT_READ), access_write = u64::from(mmu::FAULT_WRITE), asid_shift = 12u64,
            access_shift = 34u64, dev_shift = 40u64, record_shift = u64::from(mmu::FAULT_BYTES.trailing_zeros()),
            word_shift = 3u64, len4 = 4u64, len8 = 8u64, zero64 = 0u64
        )
    }
}

impl Logic for Aux {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, state, word, record, has_record, on, room, base, tail, vector, address,
            message
        );
        clock!(self, clock, faults);
        self.faults.reset.next = self.reset.val() | self.flush.val();
        self.faults.push.next = self.fault_push.val();
        self.faults.push_data.next = self.fault.val();
        self.faults.pop.next = self.fault_pop.val();
        // The pick cycle: the registers as they stand, and the fault that is popped.
        self.records.next = self.one16.val() << self.fq_log2.val();
        self.last_record.next = self.records.val() - self.one16.val();
        self.tail_next.next = (self.fq_tail.val() + self.one16.val()) & self.last_record.val();
        self.head_at.next = self.fq_head.val() & self.last_record.val();
        if self.pick.val() {
            self.on.d.next = self.fq_enable.val();
            self.room.d.next = self.tail_next.val() != self.head_at.val();
            self.base.d.next = self.fq_base.val();
            self.tail.d.next = self.fq_tail.val() & self.last_record.val();
            self.vector.d.next = self.msix_v.val();
            self.address.d.next = self.msix_addr.val();
            self.message.d.next = self.msix_data.val();
            self.has_record.d.next = self.faults.valid.val();
        }
        if self.fault_pop.val() {
            self.record.d.next = self.faults.data.val();
        }
        // The last busy cycle.
        self.send_word.next = false;
        self.send_message.next = false;
        self.fq_lost_inc.next = false;
        self.fq_tail_inc.next = false;
        self.raise_fq.next = false;
        self.word_next.next = self.word.q.val() + self.word1.val();
        if self.src.val() == self.src_aux.val() {
            self.word_next.next = self.word0.val();
        }
        if self.commit.val() {
            if self.src.val() == self.src_aux.val() {
                if !self.has_record.q.val() {
                    self.send_message.next = true;
                    self.state.d.next = AuxState::Message;
                } else if self.on.q.val() & self.room.q.val() {
                    self.send_word.next = true;
                    self.state.d.next = AuxState::Record;
                } else {
                    self.fq_lost_inc.next = true;
                }
            } else if self.state.q.val() == AuxState::Message {
                self.state.d.next = AuxState::Idle;
            } else if self.state.q.val() == AuxState::Record {
                if self.ev_warm.val() {
                    self.state.d.next = AuxState::Idle;
                } else if self.word.q.val() == self.word3.val() {
                    self.state.d.next = AuxState::Idle;
                    self.fq_tail_inc.next = true;
                    self.raise_fq.next = true;
                } else {
                    self.send_word.next = true;
                }
            }
        }
        if self.send_word.val() {
            self.word.d.next = self.word_next.val();
        }
        self.msix_clear.next = self.send_message.val();
        self.msix_clear_v.next = self.vector.q.val();
        // The record's words (`shoal_abi::mmu::FAULT_BYTES`).
        self.access.next = self.access_read.val();
        if self.record.q.val().write {
            self.access.next = self.access_write.val();
        }
        self.word_data.next = self.zero64.val();
        if self.word_next.val() == self.word0.val() {
            self.word_data.next = bit_cast::<64, 12>(self.record.q.val().cause)
                | (bit_cast::<64, 17>(self.record.q.val().asid) << self.asid_shift.val())
                | (self.access.val() << self.access_shift.val())
                | (bit_cast::<64, 18>(self.record.q.val().dev) << self.dev_shift.val());
        } else if self.word_next.val() == self.word1.val() {
            self.word_data.next = bit_cast::<64, 16>(self.record.q.val().vq);
        } else if self.word_next.val() == self.word2.val() {
            self.word_data.next = self.record.q.val().iova;
        }
        self.op_push.next = self.send_word.val() | self.send_message.val();
        self.op.next = self.no_op.val();
        self.op.next.kind = self.kind_wr.val();
        self.op.next.bypass = true;
        self.op.next.slot = self.aux_slot.val();
        if self.send_message.val() {
            self.op.next.msi = true;
            self.op.next.va = self.address.q.val();
            self.op.next.len = self.len4.val();
            self.op.next.data = bit_cast::<64, 32>(self.message.q.val());
        } else {
            self.op.next.va = self.base.q.val()
                + (bit_cast::<64, 16>(self.tail.q.val()) << self.record_shift.val())
                + (bit_cast::<64, 2>(self.word_next.val()) << self.word_shift.val());
            self.op.next.len = self.len8.val();
            self.op.next.data = self.word_data.val();
        }
        self.idle.next = self.state.q.val() == AuxState::Idle;
        self.fault_valid.next = self.faults.valid.val();
        self.filled.next = self.faults.count.val();
        if self.fault_push.val() {
            self.filled.next = self.faults.count.val() + self.one16.val();
        }
        self.fault_full.next = self.filled.val() >= self.depth.val();
        if self.reset.val() {
            self.state.d.next = AuxState::Idle;
            self.word.d.next = self.word0.val();
            self.record.d.next = self.no_fault.val();
            self.has_record.d.next = false;
            self.on.d.next = false;
            self.room.d.next = false;
            self.base.d.next = self.zero64.val();
            self.tail.d.next = 0.into();
            self.vector.d.next = self.word0.val();
            self.address.d.next = self.zero64.val();
            self.message.d.next = 0.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aux_lints_clean() {
        crate::util::assert_lint_clean("aux", Aux::new(&shoal_abi::profile::TINY));
    }
}
