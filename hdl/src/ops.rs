//! The control op that a slot's next step needs: ring and descriptor accesses, what is told (virtio 1.4 §2.7).
//!
//! Combinational. Stage C; contract §3.5.

use rust_hdl::prelude::*;
use shoal_abi::{profile::Profile, ring};

use crate::block_default;
use crate::ctx_types::{MsiRec, SlotRec, SlotState, VqRec};
use crate::step_types::SlotAct;
use crate::types::{CtlOp, Tell, CTL_RD, CTL_TELL, CTL_WR};

/// See the file's text.
#[derive(LogicBlock)]
pub struct SlotOps {
    /// What to do.
    pub act: Signal<In, SlotAct>,
    /// The slot's number.
    pub number: Signal<In, Bits<8>>,
    /// It is a chain slot.
    pub chain_slot: Signal<In, Bit>,
    /// The slot.
    pub slot: Signal<In, SlotRec>,
    /// Its virtqueue, as changed by the event.
    pub vq: Signal<In, VqRec>,
    /// Its MSI slot.
    pub msi: Signal<In, MsiRec>,
    /// ASID of its buffers.
    pub asid: Signal<In, Bits<17>>,
    /// ASID of its rings.
    pub asid_rings: Signal<In, Bits<17>>,
    /// EVENT_IDX is negotiated.
    pub event_idx: Signal<In, Bit>,
    /// Push `op`.
    pub op_push: Signal<Out, Bit>,
    /// The op.
    pub op: Signal<Out, CtlOp>,
    /// The slot, in its next state.
    pub slot_next: Signal<Out, SlotRec>,
    push: Signal<Local, Bit>,
    kind: Signal<Local, Bits<2>>,
    two: Signal<Local, Bit>,
    space: Signal<Local, Bits<17>>,
    va: Signal<Local, Bits<64>>,
    len: Signal<Local, Bits<4>>,
    data: Signal<Local, Bits<64>>,
    va_b: Signal<Local, Bits<64>>,
    idx_at: Signal<Local, Bits<64>>,
    entry_at: Signal<Local, Bits<64>>,
    idx_beat: Signal<Local, Bits<64>>,
    entry_beat: Signal<Local, Bits<64>>,
    last_next: Signal<Local, Bits<16>>,
    state: Signal<Local, SlotState>,
    ring_mask: Signal<Local, Bits<16>>,
    avail_at: Signal<Local, Bits<64>>,
    used_at: Signal<Local, Bits<64>>,
    size64: Signal<Local, Bits<64>>,
    avail_bytes: Signal<Local, Bits<64>>,
    used_bytes: Signal<Local, Bits<64>>,
    avail_index: Signal<Local, Bits<16>>,
    offered: Signal<Local, Bits<16>>,
    avail_room: Signal<Local, Bits<16>>,
    wanted: Signal<Local, Bits<16>>,
    held: Signal<Local, Bits<16>>,
    visit16: Signal<Local, Bits<16>>,
    entry_place: Signal<Local, Bits<64>>,
    skipped: Signal<Local, Bits<64>>,
    word_at: Signal<Local, Bits<64>>,
    tell: Signal<Local, Tell>,
    tells: Signal<Local, Bit>,
    avail_offset: Signal<Local, Bits<64>>,
    desc_offset: Signal<Local, Bits<64>>,
    desc_at: Signal<Local, Bits<64>>,
    no_op: Constant<CtlOp>,
    kind_rd: Constant<Bits<2>>,
    kind_wr: Constant<Bits<2>>,
    kind_tell: Constant<Bits<2>>,
    one: Constant<Bits<16>>,
    beat_shift: Constant<Bits<64>>,
    shift1: Constant<Bits<64>>,
    shift3: Constant<Bits<64>>,
    shift4: Constant<Bits<64>>,
    word_bytes: Constant<Bits<64>>,
    avail_idx: Constant<Bits<64>>,
    avail_ring: Constant<Bits<64>>,
    used_ring: Constant<Bits<64>>,
    zero64: Constant<Bits<64>>,
    byte_mask: Constant<Bits<64>>,
    four: Constant<Bits<16>>,
    no_tell: Constant<Tell>,
    len2: Constant<Bits<4>>,
    len8: Constant<Bits<4>>,
}

impl SlotOps {
    /// `p`: its data beats say when a look reads the ring entry, too.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            act, number, chain_slot, slot, vq, msi, asid, asid_rings, event_idx, op_push, op, slot_next, push,
            kind, two, space, va, len, data, va_b, idx_at, entry_at, idx_beat, entry_beat, last_next, state, ring_mask, avail_at, used_at,
            size64, avail_bytes, used_bytes, avail_index, offered, avail_room, wanted, held,
            visit16, entry_place, skipped, word_at, tell, tells, avail_offset, desc_offset, desc_at;
            no_op = CtlOp::default(), kind_rd = CTL_RD, kind_wr = CTL_WR, kind_tell = CTL_TELL, one = 1u64,
            beat_shift = u64::from(p.beat_bytes().trailing_zeros()), word_bytes = 8u64, byte_mask = 7u64, four = 4u64,
            no_tell = Tell::default(),
            shift1 = 1u64, shift3 = u64::from(ring::USED_ELEM_BYTES.trailing_zeros()),
            shift4 = u64::from(ring::DESC_BYTES.trailing_zeros()), avail_idx = ring::AVAIL_IDX,
            avail_ring = ring::AVAIL_RING, used_ring = ring::USED_RING, zero64 = 0u64,
            len2 = 2u64, len8 = 8u64
        )
    }
}

impl Logic for SlotOps {
    #[hdl_gen]
    fn update(&mut self) {
        self.push.next = false;
        self.kind.next = self.kind_rd.val();
        self.two.next = false;
        self.space.next = self.asid_rings.val();
        self.va.next = self.zero64.val();
        self.len.next = self.len8.val();
        self.data.next = self.zero64.val();
        self.va_b.next = self.zero64.val();
        self.state.next = self.slot.val().state;
        // Addresses in the rings; the size is a power of two.
        self.ring_mask.next = self.vq.val().size - self.one.val();
        self.size64.next = bit_cast::<64, 16>(self.vq.val().size);
        self.avail_bytes.next = self.size64.val() << self.shift1.val();
        self.used_bytes.next = self.size64.val() << self.shift3.val();
        // Entries are taken behind those that the visit has got.
        self.visit16.next = bit_cast::<16, 4>(self.slot.val().visit);
        self.last_next.next = self.vq.val().last_avail + self.visit16.val();
        self.avail_index.next = self.last_next.val() & self.ring_mask.val();
        self.avail_offset.next = bit_cast::<64, 16>(self.avail_index.val()) << self.shift1.val();
        self.desc_offset.next = bit_cast::<64, 16>(self.slot.val().index) << self.shift4.val();
        self.desc_at.next = self.slot.val().desc_base + self.desc_offset.val();
        self.avail_at.next = self.vq.val().driver + self.avail_ring.val();
        self.used_at.next = self.vq.val().device + self.used_ring.val();
        self.entry_at.next = self.avail_at.val() + self.avail_offset.val();
        // Entries offered and in front of the ring's end, and those in the first one's word.
        self.offered.next = self.vq.val().avail_cache - self.last_next.val();
        self.avail_room.next = self.vq.val().size - self.avail_index.val();
        self.wanted.next = self.offered.val();
        if self.avail_room.val() < self.offered.val() {
            self.wanted.next = self.avail_room.val();
        }
        self.entry_place.next = self.entry_at.val() & self.byte_mask.val();
        self.skipped.next = self.entry_place.val() >> self.shift1.val();
        self.held.next = self.four.val() - self.skipped.val().get_bits::<16>(0);
        self.word_at.next = self.entry_at.val() - self.entry_place.val();
        self.idx_at.next = self.vq.val().driver + self.avail_idx.val();
        self.idx_beat.next = self.idx_at.val() >> self.beat_shift.val();
        self.entry_beat.next = self.entry_at.val() >> self.beat_shift.val();
        match self.act.val() {
            SlotAct::Release => {
                self.state.next = SlotState::Idle;
            }
            SlotAct::Finish => {
                self.state.next = SlotState::Idle;
            }
            SlotAct::Look => {
                // One beat gives the entry with the index, or it is read when it is known to be there.
                self.push.next = true;
                self.va.next = self.idx_at.val();
                if self.idx_beat.val() == self.entry_beat.val() {
                    self.two.next = true;
                    self.va_b.next = self.entry_at.val();
                }
            }
            SlotAct::WriteRearm => {
                self.push.next = true;
                self.kind.next = self.kind_wr.val();
                self.va.next = self.used_at.val() + self.used_bytes.val();
                self.len.next = self.len2.val();
                self.data.next = bit_cast::<64, 16>(self.vq.val().last_avail);
                self.state.next = SlotState::Rearm;
            }
            SlotAct::ReadRing => {
                self.push.next = true;
                self.va.next = self.entry_at.val();
                if self.wanted.val() > self.held.val() {
                    self.two.next = true;
                    self.va_b.next = self.word_at.val() + self.word_bytes.val();
                }
                self.state.next = SlotState::Ring;
            }
            SlotAct::ReadDesc => {
                self.push.next = true;
                self.two.next = true;
                self.va.next = self.desc_at.val();
                self.va_b.next = self.desc_at.val() + self.word_bytes.val();
                if self.slot.val().indirect {
                    self.space.next = self.asid.val();
                }
                self.state.next = SlotState::Desc;
            }
            SlotAct::Tell => {
                // The addresses of what it reads last.
                self.push.next = true;
                self.kind.next = self.kind_tell.val();
                self.va.next = self.vq.val().driver;
                if self.event_idx.val() {
                    self.va.next = self.avail_at.val() + self.avail_bytes.val();
                }
                self.two.next = self.chain_slot.val();
                self.va_b.next = self.idx_at.val();
                self.state.next = SlotState::Tell;
            }
            _ => {
                self.push.next = false;
            }
        }
        self.tells.next = self.act.val() == SlotAct::Tell;
        self.tell.next = self.no_tell.val();
        if self.tells.val() {
            self.tell.next.device = self.vq.val().device;
            self.tell.next.driver = self.vq.val().driver;
            self.tell.next.size = self.vq.val().size;
            self.tell.next.used_idx = self.vq.val().used_idx;
            self.tell.next.last_avail = self.last_next.val();
            self.tell.next.count = self.slot.val().visit;
            self.tell.next.heads = self.slot.val().heads;
            self.tell.next.used_len = self.slot.val().used_len;
            self.tell.next.used_more = self.slot.val().used_more;
            self.tell.next.event_idx = self.event_idx.val();
            self.tell.next.receive = !self.chain_slot.val();
            self.tell.next.hint = self.msi.val().valid & !self.msi.val().mask;
            self.tell.next.msi_addr = self.msi.val().address;
            self.tell.next.msi_data = self.msi.val().data;
        }
        self.op_push.next = self.push.val();
        self.op.next = self.no_op.val();
        self.op.next.kind = self.kind.val();
        self.op.next.two = self.two.val();
        self.op.next.slot = self.number.val();
        self.op.next.asid = self.space.val();
        self.op.next.va = self.va.val();
        self.op.next.len = self.len.val();
        self.op.next.data = self.data.val();
        self.op.next.va_b = self.va_b.val();
        self.op.next.tell = self.tell.val();
        self.slot_next.next = self.slot.val();
        self.slot_next.next.state = self.state.val();
        if self.push.val() {
            self.slot_next.next.byte_a = self.va.val().get_bits::<3>(0);
            self.slot_next.next.byte_b = self.va_b.val().get_bits::<3>(0);
            self.slot_next.next.b_read = self.two.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ops_lints_clean() {
        crate::util::assert_lint_clean("ops", SlotOps::new(&shoal_abi::profile::TINY));
    }
}
