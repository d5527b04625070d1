//! The op that a slot's next step needs: ring and descriptor accesses, messages, receive ops (virtio 1.4 §2.7).
//!
//! Combinational. Stage C; contract §3.5 and §3.7.

use rust_hdl::prelude::*;
use shoal_abi::{profile::Profile, ring};

use crate::block_default;
use crate::ctx_types::{MsiRec, SlotFate, SlotRec, SlotState, VqRec};
use crate::step_types::SlotAct;
use crate::types::{CtlOp, RxOp, CTL_RD, CTL_WR};

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
    /// ASID of its buffers.
    pub asid: Signal<In, Bits<17>>,
    /// ASID of its rings.
    pub asid_rings: Signal<In, Bits<17>>,
    /// EVENT_IDX is negotiated.
    pub event_idx: Signal<In, Bit>,
    /// The virtqueue's MSI slot.
    pub msi: Signal<In, MsiRec>,
    /// MSI slot of the device's configuration.
    pub cmsi: Signal<In, MsiRec>,
    /// Push `op`.
    pub op_push: Signal<Out, Bit>,
    /// The op.
    pub op: Signal<Out, CtlOp>,
    /// Give `rx_op` to the receive mover.
    pub rx_set: Signal<Out, Bit>,
    /// The op.
    pub rx_op: Signal<Out, RxOp>,
    /// The slot, in its next state.
    pub slot_next: Signal<Out, SlotRec>,
    push: Signal<Local, Bit>,
    kind: Signal<Local, Bits<2>>,
    two: Signal<Local, Bit>,
    message: Signal<Local, Bit>,
    space: Signal<Local, Bits<17>>,
    va: Signal<Local, Bits<64>>,
    len: Signal<Local, Bits<4>>,
    data: Signal<Local, Bits<64>>,
    va_b: Signal<Local, Bits<64>>,
    data_b: Signal<Local, Bits<16>>,
    idx_at: Signal<Local, Bits<64>>,
    entry_at: Signal<Local, Bits<64>>,
    idx_beat: Signal<Local, Bits<64>>,
    entry_beat: Signal<Local, Bits<64>>,
    last_next: Signal<Local, Bits<16>>,
    state: Signal<Local, SlotState>,
    fate: Signal<Local, SlotFate>,
    data_op: Signal<Local, Bit>,
    discard_op: Signal<Local, Bit>,
    ring_mask: Signal<Local, Bits<16>>,
    avail_at: Signal<Local, Bits<64>>,
    used_at: Signal<Local, Bits<64>>,
    size64: Signal<Local, Bits<64>>,
    avail_bytes: Signal<Local, Bits<64>>,
    used_bytes: Signal<Local, Bits<64>>,
    avail_index: Signal<Local, Bits<16>>,
    used_index: Signal<Local, Bits<16>>,
    used_next: Signal<Local, Bits<16>>,
    avail_offset: Signal<Local, Bits<64>>,
    used_offset: Signal<Local, Bits<64>>,
    desc_offset: Signal<Local, Bits<64>>,
    desc_at: Signal<Local, Bits<64>>,
    no_op: Constant<CtlOp>,
    no_rx: Constant<RxOp>,
    kind_rd: Constant<Bits<2>>,
    kind_wr: Constant<Bits<2>>,
    one: Constant<Bits<16>>,
    beat_shift: Constant<Bits<64>>,
    shift1: Constant<Bits<64>>,
    shift3: Constant<Bits<64>>,
    shift4: Constant<Bits<64>>,
    shift32: Constant<Bits<64>>,
    word_bytes: Constant<Bits<64>>,
    avail_idx: Constant<Bits<64>>,
    avail_ring: Constant<Bits<64>>,
    used_idx: Constant<Bits<64>>,
    used_ring: Constant<Bits<64>>,
    zero64: Constant<Bits<64>>,
    zero16: Constant<Bits<16>>,
    len2: Constant<Bits<4>>,
    len4: Constant<Bits<4>>,
    len8: Constant<Bits<4>>,
}

impl SlotOps {
    /// `p`: its data beats say when a look reads the ring entry, too.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            act, number, chain_slot, slot, vq, asid, asid_rings, event_idx, msi, cmsi, op_push, op, rx_set, rx_op, slot_next, push,
            kind, two, message, space, va, len, data, va_b, data_b, idx_at, entry_at, idx_beat, entry_beat, last_next, state, fate, data_op, discard_op, ring_mask, avail_at, used_at,
            size64, avail_bytes, used_bytes, avail_index, used_index, used_next, avail_offset, used_offset, desc_offset, desc_at;
            no_op = CtlOp::default(), no_rx = RxOp::default(), kind_rd = CTL_RD, kind_wr = CTL_WR, one = 1u64,
            beat_shift = u64::from(p.beat_bytes().trailing_zeros()), word_bytes = 8u64, zero16 = 0u64,
            shift1 = 1u64, shift3 = u64::from(ring::USED_ELEM_BYTES.trailing_zeros()),
            shift4 = u64::from(ring::DESC_BYTES.trailing_zeros()), shift32 = 32u64, avail_idx = ring::AVAIL_IDX,
            avail_ring = ring::AVAIL_RING, used_idx = ring::USED_IDX, used_ring = ring::USED_RING, zero64 = 0u64,
            len2 = 2u64, len4 = 4u64, len8 = 8u64
        )
    }
}

impl Logic for SlotOps {
    #[hdl_gen]
    fn update(&mut self) {
        self.push.next = false;
        self.kind.next = self.kind_rd.val();
        self.two.next = false;
        self.message.next = false;
        self.space.next = self.asid_rings.val();
        self.va.next = self.zero64.val();
        self.len.next = self.len8.val();
        self.data.next = self.zero64.val();
        self.va_b.next = self.zero64.val();
        self.data_b.next = self.zero16.val();
        self.state.next = self.slot.val().state;
        self.fate.next = self.slot.val().fate;
        self.data_op.next = false;
        self.discard_op.next = false;
        // Addresses in the rings; the size is a power of two.
        self.ring_mask.next = self.vq.val().size - self.one.val();
        self.size64.next = bit_cast::<64, 16>(self.vq.val().size);
        self.avail_bytes.next = self.size64.val() << self.shift1.val();
        self.used_bytes.next = self.size64.val() << self.shift3.val();
        self.avail_index.next = self.vq.val().last_avail & self.ring_mask.val();
        self.used_index.next = self.vq.val().used_idx & self.ring_mask.val();
        self.used_next.next = self.vq.val().used_idx + self.one.val();
        self.avail_offset.next = bit_cast::<64, 16>(self.avail_index.val()) << self.shift1.val();
        self.used_offset.next = bit_cast::<64, 16>(self.used_index.val()) << self.shift3.val();
        self.desc_offset.next = bit_cast::<64, 16>(self.slot.val().index) << self.shift4.val();
        self.desc_at.next = self.slot.val().desc_base + self.desc_offset.val();
        self.avail_at.next = self.vq.val().driver + self.avail_ring.val();
        self.used_at.next = self.vq.val().device + self.used_ring.val();
        self.last_next.next = self.vq.val().last_avail + self.one.val();
        self.idx_at.next = self.vq.val().driver + self.avail_idx.val();
        self.entry_at.next = self.avail_at.val() + self.avail_offset.val();
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
            SlotAct::RxData => {
                self.data_op.next = true;
                self.state.next = SlotState::RxData;
            }
            SlotAct::Full => {
                self.discard_op.next = true;
                self.state.next = SlotState::RxDisc;
                self.fate.next = SlotFate::Normal;
            }
            SlotAct::Drop => {
                self.discard_op.next = true;
                self.state.next = SlotState::RxDisc;
                self.fate.next = SlotFate::Abort;
            }
            SlotAct::WriteElem => {
                self.push.next = true;
                self.kind.next = self.kind_wr.val();
                self.va.next = self.used_at.val() + self.used_offset.val();
                self.data.next = (bit_cast::<64, 32>(self.slot.val().used_len)
                    << self.shift32.val())
                    | bit_cast::<64, 16>(self.slot.val().head);
                self.state.next = SlotState::UsedElem;
            }
            SlotAct::WriteIdx => {
                self.push.next = true;
                self.kind.next = self.kind_wr.val();
                self.va.next = self.vq.val().device + self.used_idx.val();
                self.len.next = self.len2.val();
                self.data.next = bit_cast::<64, 16>(self.used_next.val());
                if self.chain_slot.val() & self.event_idx.val() {
                    self.two.next = true;
                    self.va_b.next = self.used_at.val() + self.used_bytes.val();
                    self.data_b.next = self.last_next.val();
                }
                self.state.next = SlotState::UsedIdx;
            }
            SlotAct::ReadEvent => {
                self.push.next = true;
                self.va.next = self.vq.val().driver;
                if self.event_idx.val() {
                    self.va.next = self.avail_at.val() + self.avail_bytes.val();
                }
                if self.chain_slot.val() {
                    self.two.next = true;
                    self.va_b.next = self.idx_at.val();
                }
                self.state.next = SlotState::Event;
            }
            SlotAct::SendMsi => {
                self.push.next = true;
                self.kind.next = self.kind_wr.val();
                self.message.next = true;
                self.va.next = self.msi.val().address;
                self.len.next = self.len4.val();
                self.data.next = bit_cast::<64, 32>(self.msi.val().data);
                self.state.next = SlotState::Msi;
            }
            SlotAct::SendCfgMsi => {
                self.push.next = true;
                self.kind.next = self.kind_wr.val();
                self.message.next = true;
                self.va.next = self.cmsi.val().address;
                self.len.next = self.len4.val();
                self.data.next = bit_cast::<64, 32>(self.cmsi.val().data);
                self.state.next = SlotState::CfgMsi;
            }
            _ => {
                self.push.next = false;
            }
        }
        self.op_push.next = self.push.val();
        self.op.next = self.no_op.val();
        self.op.next.kind = self.kind.val();
        self.op.next.two = self.two.val();
        self.op.next.msi = self.message.val();
        self.op.next.bypass = self.message.val();
        self.op.next.slot = self.number.val();
        self.op.next.asid = self.space.val();
        self.op.next.va = self.va.val();
        self.op.next.len = self.len.val();
        self.op.next.data = self.data.val();
        self.op.next.va_b = self.va_b.val();
        self.op.next.data_b = self.data_b.val();
        self.rx_set.next = self.data_op.val() | self.discard_op.val();
        self.rx_op.next = self.no_rx.val();
        self.rx_op.next.discard = self.discard_op.val();
        self.rx_op.next.asid = self.asid.val();
        self.rx_op.next.va = self.slot.val().addr;
        self.rx_op.next.len = self.slot.val().len;
        self.slot_next.next = self.slot.val();
        self.slot_next.next.state = self.state.val();
        self.slot_next.next.fate = self.fate.val();
        if self.push.val() {
            self.slot_next.next.iova = self.va.val();
            self.slot_next.next.byte_b = self.va_b.val().get_bits::<3>(0);
            self.slot_next.next.entry_read = self.two.val();
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
