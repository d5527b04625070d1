//! A step along a descriptor chain of the admin queue: command bytes, a table, or a place for the answer.
//!
//! Spec: virtio 1.4 §2.7.5 (descriptors), §2.7.5.3 (indirect tables). Contract §9.1, *walk* and *scatter*. Combinational.

use rust_hdl::prelude::*;
use shoal_abi::{cmd, ring};

use crate::adminq_types::{AdminqSlot, WalkAct};
use crate::block_default;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminqWalk {
    /// No descriptor has arrived: begin to scatter, into the one that the slot keeps.
    pub kept: Signal<In, Bit>,
    /// The slot as it stands.
    pub slot: Signal<In, AdminqSlot>,
    /// First word of the descriptor.
    pub word0: Signal<In, Bits<64>>,
    /// Second word.
    pub word1: Signal<In, Bits<64>>,
    /// Entries of the queue.
    pub size: Signal<In, Bits<16>>,
    /// Bytes of the answer.
    pub answer_len: Signal<In, Bits<8>>,
    /// Those written before.
    pub written: Signal<In, Bits<8>>,
    /// What it leads to.
    pub act: Signal<Out, WalkAct>,
    /// The slot afterwards.
    pub slot_next: Signal<Out, AdminqSlot>,
    addr: Signal<Local, Bits<64>>,
    len: Signal<Local, Bits<32>>,
    flags: Signal<Local, Bits<16>>,
    next_index: Signal<Local, Bits<16>>,
    has_next: Signal<Local, Bit>,
    table_bad: Signal<Local, Bit>,
    order_bad: Signal<Local, Bit>,
    next_bad: Signal<Local, Bit>,
    counted: Signal<Local, Bits<16>>,
    room: Signal<Local, Bits<8>>,
    room32: Signal<Local, Bits<32>>,
    take: Signal<Local, Bits<8>>,
    so_far: Signal<Local, Bits<8>>,
    left: Signal<Local, Bits<8>>,
    left32: Signal<Local, Bits<32>>,
    give: Signal<Local, Bits<8>>,
    given: Signal<Local, Bits<8>>,
    next_place: Signal<Local, Bits<64>>,
    delivers: Signal<Local, Bit>,
    no_act: Constant<WalkAct>,
    none3: Constant<Bits<3>>,
    none8: Constant<Bits<8>>,
    none16: Constant<Bits<16>>,
    none32: Constant<Bits<32>>,
    one16: Constant<Bits<16>>,
    all_command: Constant<Bits<8>>,
    f_next: Constant<Bits<16>>,
    f_write: Constant<Bits<16>>,
    f_indirect: Constant<Bits<16>>,
    desc_mask: Constant<Bits<32>>,
    desc_shift: Constant<Bits<32>>,
    desc_shift64: Constant<Bits<64>>,
}

impl Default for AdminqWalk {
    fn default() -> Self {
        let shift = u64::from(ring::DESC_BYTES.trailing_zeros());
        block_default!(
            kept, slot, word0, word1, size, answer_len, written, act, slot_next, addr, len, flags, next_index, has_next,
            table_bad, order_bad, next_bad, counted, room, room32, take, so_far, left, left32, give, given, next_place, delivers;
            no_act = WalkAct::default(),
            none3 = 0u64,
            none8 = 0u64,
            none16 = 0u64,
            none32 = 0u64,
            one16 = 1u64,
            all_command = cmd::COMMAND_BYTES as u64,
            f_next = u64::from(ring::DESC_F_NEXT),
            f_write = u64::from(ring::DESC_F_WRITE),
            f_indirect = u64::from(ring::DESC_F_INDIRECT),
            desc_mask = ring::DESC_BYTES - 1,
            desc_shift = shift,
            desc_shift64 = shift
        )
    }
}

impl Logic for AdminqWalk {
    #[hdl_gen]
    fn update(&mut self) {
        // The descriptor: the one that has arrived, or the one that the slot keeps.
        self.flags.next = self.word1.val().get_bits::<16>(32);
        self.addr.next = self.word0.val();
        self.len.next = self.word1.val().get_bits::<32>(0);
        self.next_index.next = self.word1.val().get_bits::<16>(48);
        self.has_next.next = (self.flags.val() & self.f_next.val()) != self.none16.val();
        if self.kept.val() {
            self.addr.next = self.slot.val().va;
            self.len.next = self.slot.val().len;
            self.next_index.next = self.slot.val().next_index;
            self.has_next.next = self.slot.val().has_next;
        }
        // Whether it is a legal one here.
        self.counted.next = self.slot.val().count + self.one16.val();
        self.table_bad.next = self.slot.val().indirect
            | self.has_next.val()
            | (self.len.val() == self.none32.val())
            | ((self.len.val() & self.desc_mask.val()) != self.none32.val())
            | (self.addr.val().get_bits::<3>(0) != self.none3.val());
        self.order_bad.next = (self.counted.val() > self.size.val())
            | (self.slot.val().wseen
                & ((self.flags.val() & self.f_write.val()) == self.none16.val()));
        self.next_bad.next = bit_cast::<32, 16>(self.next_index.val()) >= self.slot.val().entries;
        self.next_place.next = self.slot.val().desc_table
            + (bit_cast::<64, 16>(self.next_index.val()) << self.desc_shift64.val());
        // Bytes that it takes of a command, and of an answer.
        self.room.next = self.all_command.val() - self.slot.val().pos;
        self.room32.next = bit_cast::<32, 8>(self.room.val());
        self.take.next = self.room.val();
        if self.len.val() < self.room32.val() {
            self.take.next = self.len.val().get_bits::<8>(0);
        }
        self.so_far.next = self.written.val();
        if self.kept.val() {
            self.so_far.next = self.none8.val();
        }
        self.left.next = self.answer_len.val() - self.so_far.val();
        self.left32.next = bit_cast::<32, 8>(self.left.val());
        self.give.next = self.left.val();
        if self.len.val() < self.left32.val() {
            self.give.next = self.len.val().get_bits::<8>(0);
        }
        self.given.next = self.so_far.val() + self.give.val();
        // What happens.
        self.act.next = self.no_act.val();
        self.act.next.gather_len = self.take.val();
        self.act.next.scatter_at = self.so_far.val().get_bits::<7>(0);
        self.act.next.scatter_len = self.give.val();
        self.act.next.written = self.given.val();
        self.act.next.desc_va = self.next_place.val();
        self.slot_next.next = self.slot.val();
        self.delivers.next = self.kept.val();
        if !self.kept.val() {
            if (self.flags.val() & self.f_indirect.val()) != self.none16.val() {
                // A table replaces its descriptor and does not count as one.
                if self.table_bad.val() {
                    self.act.next.illegal = true;
                } else {
                    self.slot_next.next.desc_table = self.addr.val();
                    self.slot_next.next.entries = self.len.val() >> self.desc_shift.val();
                    self.slot_next.next.indirect = true;
                    self.act.next.follow = true;
                    self.act.next.desc_va = self.addr.val();
                }
            } else if self.order_bad.val() {
                self.act.next.illegal = true;
            } else {
                self.slot_next.next.count = self.counted.val();
                if (self.flags.val() & self.f_write.val()) == self.none16.val() {
                    self.act.next.gather = self.take.val() != self.none8.val();
                    self.slot_next.next.pos = self.slot.val().pos + self.take.val();
                    if !self.has_next.val() {
                        self.act.next.mute = true;
                        self.act.next.complete = true;
                    } else if self.next_bad.val() {
                        self.act.next.illegal = true;
                    } else {
                        self.act.next.follow = true;
                    }
                } else {
                    self.slot_next.next.va = self.addr.val();
                    self.slot_next.next.len = self.len.val();
                    self.slot_next.next.has_next = self.has_next.val();
                    self.slot_next.next.next_index = self.next_index.val();
                    self.slot_next.next.wseen = true;
                    self.act.next.complete = !self.slot.val().wseen;
                    self.delivers.next = self.slot.val().wseen;
                }
            }
        }
        if self.delivers.val() {
            self.act.next.scatter = true;
            if !self.has_next.val() | (self.given.val() == self.answer_len.val()) {
                self.act.next.ends = true;
                self.slot_next.next.used_len = self.given.val();
            } else if self.next_bad.val() {
                self.act.next.fault = true;
            } else {
                self.act.next.follow = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adminq_walk_lints_clean() {
        crate::util::assert_lint_clean("adminq_walk", AdminqWalk::default());
    }
}
