//! The next access of the admin queue: rings, descriptors, command and answer bytes. Combinational.
//!
//! Spec: virtio 1.4 §2.7.5 to §2.7.8. Contract §9. All accesses are physical (bypass).

use rust_hdl::prelude::*;
use shoal_abi::ring;

use crate::block_default;
use crate::types::{CtlOp, CLIENT_ADMIN, CTL_RD, CTL_WR};

/// `kind`: read `avail.idx`.
pub const RING_AVAIL: u64 = 0;
/// Read the entry of the available ring.
pub const RING_ENTRY: u64 = 1;
/// Read the descriptor.
pub const RING_DESC: u64 = 2;
/// Write the used element.
pub const RING_ELEM: u64 = 3;
/// Write `used.idx`.
pub const RING_USED: u64 = 4;
/// Read `avail.flags`.
pub const RING_FLAGS: u64 = 5;
/// Read bytes of the command.
pub const RING_GATHER: u64 = 6;
/// Write bytes of the answer; the data comes later.
pub const RING_SCATTER: u64 = 7;

/// A used element (virtio 1.4 §2.7.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct UsedElemWord {
    pub id: Bits<32>,
    pub len: Bits<32>,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminRing {
    /// `RING_*`.
    pub kind: Signal<In, Bits<3>>,
    /// Available ring.
    pub adm_driver: Signal<In, Bits<64>>,
    /// Used ring.
    pub adm_device: Signal<In, Bits<64>>,
    /// Entries, a power of two.
    pub adm_size: Signal<In, Bits<16>>,
    /// Next available index.
    pub last_avail: Signal<In, Bits<16>>,
    /// Next used index.
    pub used_idx: Signal<In, Bits<16>>,
    /// First descriptor of the chain.
    pub head: Signal<In, Bits<16>>,
    /// Descriptor table.
    pub desc_table: Signal<In, Bits<64>>,
    /// Descriptor in it.
    pub index: Signal<In, Bits<16>>,
    /// Buffer: next byte.
    pub va: Signal<In, Bits<64>>,
    /// Buffer: bytes left.
    pub left: Signal<In, Bits<32>>,
    /// Command bytes gathered.
    pub pos: Signal<In, Bits<8>>,
    /// Answer bytes written.
    pub written: Signal<In, Bits<8>>,
    /// Answer bytes in all.
    pub len: Signal<In, Bits<8>>,
    /// The access.
    pub op: Signal<Out, CtlOp>,
    /// Lowest bits of its address.
    pub low: Signal<Out, Bits<3>>,
    /// Gather, scatter: its bytes, of one word.
    pub piece: Signal<Out, Bits<4>>,
    /// Gather: it reads two words.
    pub two: Signal<Out, Bit>,
    place: Signal<Local, Bits<64>>,
    mask: Signal<Local, Bits<16>>,
    avail_slot: Signal<Local, Bits<16>>,
    used_slot: Signal<Local, Bits<16>>,
    entry: Signal<Local, Bits<64>>,
    elem: Signal<Local, Bits<64>>,
    desc: Signal<Local, Bits<64>>,
    used_next: Signal<Local, Bits<16>>,
    elem_word: Signal<Local, UsedElemWord>,
    rest: Signal<Local, Bits<8>>,
    rest4: Signal<Local, Bits<4>>,
    left4: Signal<Local, Bits<4>>,
    to_va: Signal<Local, Bits<4>>,
    to_pos: Signal<Local, Bits<4>>,
    piece_a: Signal<Local, Bits<4>>,
    piece_b: Signal<Local, Bits<4>>,
    no_op: Constant<CtlOp>,
    no_elem: Constant<UsedElemWord>,
    client: Constant<Bits<3>>,
    kind_read: Constant<Bits<2>>,
    kind_write: Constant<Bits<2>>,
    avail: Constant<Bits<3>>,
    avail_entry: Constant<Bits<3>>,
    descriptor: Constant<Bits<3>>,
    used_elem: Constant<Bits<3>>,
    used: Constant<Bits<3>>,
    gather: Constant<Bits<3>>,
    scatter: Constant<Bits<3>>,
    avail_idx: Constant<Bits<64>>,
    avail_ring: Constant<Bits<64>>,
    used_offset: Constant<Bits<64>>,
    used_ring: Constant<Bits<64>>,
    entry_shift: Constant<Bits<64>>,
    elem_shift: Constant<Bits<64>>,
    desc_shift: Constant<Bits<64>>,
    one16: Constant<Bits<16>>,
    word4: Constant<Bits<4>>,
    word8: Constant<Bits<8>>,
    word32: Constant<Bits<32>>,
    two_words: Constant<Bits<32>>,
    last_two: Constant<Bits<8>>,
    none3: Constant<Bits<3>>,
    idx_bytes: Constant<Bits<4>>,
}

impl Default for AdminRing {
    fn default() -> Self {
        block_default!(
            kind, adm_driver, adm_device, adm_size, last_avail, used_idx, head, desc_table, index, va, left, pos, written,
            len, op, low, piece, two, place, mask, avail_slot, used_slot, entry, elem, desc, used_next, elem_word, rest, rest4, left4,
            to_va, to_pos, piece_a, piece_b;
            no_op = CtlOp::default(),
            no_elem = UsedElemWord::default(),
            client = CLIENT_ADMIN,
            kind_read = CTL_RD,
            kind_write = CTL_WR,
            avail = RING_AVAIL,
            avail_entry = RING_ENTRY,
            descriptor = RING_DESC,
            used_elem = RING_ELEM,
            used = RING_USED,
            gather = RING_GATHER,
            scatter = RING_SCATTER,
            avail_idx = ring::AVAIL_IDX,
            avail_ring = ring::AVAIL_RING,
            used_offset = ring::USED_IDX,
            used_ring = ring::USED_RING,
            entry_shift = 1u64,
            elem_shift = u64::from(ring::USED_ELEM_BYTES.trailing_zeros()),
            desc_shift = u64::from(ring::DESC_BYTES.trailing_zeros()),
            one16 = 1u64,
            word4 = 8u64,
            word8 = 8u64,
            word32 = 8u64,
            two_words = 16u64,
            last_two = 112u64,
            none3 = 0u64,
            idx_bytes = 2u64
        )
    }
}

impl Logic for AdminRing {
    #[hdl_gen]
    fn update(&mut self) {
        // Places in the rings.
        self.mask.next = self.adm_size.val() - self.one16.val();
        self.avail_slot.next = self.last_avail.val() & self.mask.val();
        self.used_slot.next = self.used_idx.val() & self.mask.val();
        self.entry.next = bit_cast::<64, 16>(self.avail_slot.val()) << self.entry_shift.val();
        self.elem.next = bit_cast::<64, 16>(self.used_slot.val()) << self.elem_shift.val();
        self.desc.next = bit_cast::<64, 16>(self.index.val()) << self.desc_shift.val();
        self.used_next.next = self.used_idx.val() + self.one16.val();
        self.elem_word.next = self.no_elem.val();
        self.elem_word.next.id = bit_cast::<32, 16>(self.head.val());
        self.elem_word.next.len = bit_cast::<32, 8>(self.written.val());
        // A piece stays within a word of memory, its descriptor, and the answer or a word of the command buffer.
        self.rest.next = self.len.val() - self.written.val();
        self.rest4.next = self.word4.val();
        if self.rest.val() < self.word8.val() {
            self.rest4.next = self.rest.val().get_bits::<4>(0);
        }
        self.left4.next = self.word4.val();
        if self.left.val() < self.word32.val() {
            self.left4.next = self.left.val().get_bits::<4>(0);
        }
        self.to_va.next = self.word4.val() - bit_cast::<4, 3>(self.va.val().get_bits::<3>(0));
        self.to_pos.next = self.word4.val() - bit_cast::<4, 3>(self.pos.val().get_bits::<3>(0));
        self.piece_a.next = self.to_va.val();
        if self.left4.val() < self.to_va.val() {
            self.piece_a.next = self.left4.val();
        }
        self.piece_b.next = self.rest4.val();
        if self.kind.val() == self.gather.val() {
            self.piece_b.next = self.to_pos.val();
        }
        self.piece.next = self.piece_a.val();
        if self.piece_b.val() < self.piece_a.val() {
            self.piece.next = self.piece_b.val();
        }
        self.two.next = (self.va.val().get_bits::<3>(0) == self.none3.val())
            & (self.pos.val().get_bits::<3>(0) == self.none3.val())
            & (self.left.val() >= self.two_words.val())
            & (self.pos.val() <= self.last_two.val());
        // The access; reading `avail.flags` if nothing else is said.
        self.op.next = self.no_op.val();
        self.op.next.client = self.client.val();
        self.op.next.bypass = true;
        self.op.next.kind = self.kind_read.val();
        self.place.next = self.adm_driver.val();
        if self.kind.val() == self.avail.val() {
            self.place.next = self.adm_driver.val() + self.avail_idx.val();
        }
        if self.kind.val() == self.avail_entry.val() {
            self.place.next = self.adm_driver.val() + self.avail_ring.val() + self.entry.val();
        }
        if self.kind.val() == self.descriptor.val() {
            self.op.next.words2 = true;
            self.place.next = self.desc_table.val() + self.desc.val();
        }
        if self.kind.val() == self.used_elem.val() {
            self.op.next.kind = self.kind_write.val();
            self.place.next = self.adm_device.val() + self.used_ring.val() + self.elem.val();
            self.op.next.len = self.word4.val();
            self.op.next.data = self.elem_word.val().into();
        }
        if self.kind.val() == self.used.val() {
            self.op.next.kind = self.kind_write.val();
            self.place.next = self.adm_device.val() + self.used_offset.val();
            self.op.next.len = self.idx_bytes.val();
            self.op.next.data = bit_cast::<64, 16>(self.used_next.val());
        }
        if self.kind.val() == self.gather.val() {
            self.place.next = self.va.val();
            self.op.next.words2 = self.two.val();
        }
        if self.kind.val() == self.scatter.val() {
            self.op.next.kind = self.kind_write.val();
            self.place.next = self.va.val();
            self.op.next.len = self.piece.val();
        }
        self.op.next.va = self.place.val();
        self.low.next = self.place.val().get_bits::<3>(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_ring_lints_clean() {
        crate::util::assert_lint_clean("admin_ring", AdminRing::default());
    }
}
