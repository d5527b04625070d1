//! *heads*: the chains that a slot serves in a visit, out of the words read from the available ring, behind those that it has.
//!
//! Combinational. Stage A; contract §3.5. As many as are offered, stand in the words, and need no wrap of either ring.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{SlotRec, VqRec};
use crate::util::ones;

/// See the file's text.
#[derive(LogicBlock)]
pub struct Heads {
    /// The slot.
    pub slot: Signal<In, SlotRec>,
    /// The words are those of a look, whose b begins at the entry; otherwise of a ring read, whose a does.
    pub looked: Signal<In, Bit>,
    /// Word a.
    pub word_a: Signal<In, Bits<64>>,
    /// Word b.
    pub word_b: Signal<In, Bits<64>>,
    /// Available index.
    pub avail: Signal<In, Bits<16>>,
    /// The virtqueue.
    pub vq: Signal<In, VqRec>,
    /// `cap`: chains that a visit may have, 1..=8.
    pub cap: Signal<In, Bits<4>>,
    /// Heads of the visit, 16 bits each.
    pub heads: Signal<Out, Bits<128>>,
    /// The first of those read.
    pub first: Signal<Out, Bits<16>>,
    /// It is not of the descriptor table.
    pub bad: Signal<Out, Bit>,
    /// Chains of the visit, 1..=8.
    pub count: Signal<Out, Bits<4>>,
    place: Signal<Local, Bits<3>>,
    shift: Signal<Local, Bits<64>>,
    words: Signal<Local, Bits<128>>,
    entries: Signal<Local, Bits<128>>,
    entry: Signal<Local, Bits<16>>,
    later: [Signal<Local, Bits<16>>; 7],
    skipped: Signal<Local, Bits<16>>,
    room: Signal<Local, Bits<16>>,
    whole: Signal<Local, Bits<16>>,
    there: Signal<Local, Bits<16>>,
    limit: Signal<Local, Bits<16>>,
    held: Signal<Local, Bits<16>>,
    mask: Signal<Local, Bits<16>>,
    offered: Signal<Local, Bits<16>>,
    avail_room: Signal<Local, Bits<16>>,
    used_room: Signal<Local, Bits<16>>,
    most: Signal<Local, Bits<16>>,
    least: Signal<Local, Bits<16>>,
    had: Signal<Local, Bits<16>>,
    first_at: Signal<Local, Bits<16>>,
    fresh: Signal<Local, Bits<16>>,
    fewest: Signal<Local, Bits<16>>,
    total: Signal<Local, Bits<16>>,
    visit64: Signal<Local, Bits<64>>,
    head_shift: Signal<Local, Bits<64>>,
    old_heads: Signal<Local, Bits<128>>,
    new_mask: Signal<Local, Bits<128>>,
    one: Constant<Bits<16>>,
    four: Constant<Bits<16>>,
    eight: Constant<Bits<16>>,
    entry_shift: Constant<Bits<16>>,
    bits_shift: Constant<Bits<64>>,
    word_shift: Constant<Bits<64>>,
    head_bits: Constant<Bits<64>>,
    all_heads: Constant<Bits<128>>,
    numbers: [Constant<Bits<16>>; 7],
}

impl Default for Heads {
    fn default() -> Self {
        block_default!(
            slot, looked, word_a, word_b, avail, vq, cap, heads, first, bad, count, place, shift, words, entries,
            entry, later, skipped, room, whole, there, limit, held, mask, offered, avail_room, used_room, most, least,
            had, first_at, fresh, fewest, total, visit64, head_shift, old_heads, new_mask;
            one = 1u64, four = 4u64, eight = 8u64, entry_shift = 1u64, bits_shift = 3u64, word_shift = 64u64, head_bits = 4u64, all_heads = ones::<128>();
            numbers = [7u64, 6, 5, 4, 3, 2, 1].map(|n| Constant::new(n.into()))
        )
    }
}

impl Logic for Heads {
    #[hdl_gen]
    fn update(&mut self) {
        // The entries, the first lowest, and how many the words hold.
        self.place.next = self.slot.val().byte_a;
        self.words.next = (bit_cast::<128, 64>(self.word_b.val()) << self.word_shift.val())
            | bit_cast::<128, 64>(self.word_a.val());
        self.held.next = self.four.val();
        if self.slot.val().b_read {
            self.held.next = self.eight.val();
        }
        if self.looked.val() {
            self.place.next = self.slot.val().byte_b;
            self.words.next = bit_cast::<128, 64>(self.word_b.val());
            self.held.next = self.four.val();
        }
        self.shift.next = bit_cast::<64, 3>(self.place.val()) << self.bits_shift.val();
        self.entries.next = self.words.val() >> self.shift.val();
        self.visit64.next = bit_cast::<64, 4>(self.slot.val().visit);
        self.head_shift.next = self.visit64.val() << self.head_bits.val();
        self.old_heads.next = self.slot.val().heads;
        self.new_mask.next = self.all_heads.val() << self.head_shift.val();
        self.heads.next = (self.entries.val() << self.head_shift.val())
            | (self.old_heads.val() & !self.new_mask.val());
        self.later[0].next = self.entries.val().get_bits::<16>(112);
        self.later[1].next = self.entries.val().get_bits::<16>(96);
        self.later[2].next = self.entries.val().get_bits::<16>(80);
        self.later[3].next = self.entries.val().get_bits::<16>(64);
        self.later[4].next = self.entries.val().get_bits::<16>(48);
        self.later[5].next = self.entries.val().get_bits::<16>(32);
        self.later[6].next = self.entries.val().get_bits::<16>(16);
        self.entry.next = self.entries.val().get_bits::<16>(0);
        self.first.next = self.entry.val();
        self.bad.next = self.entry.val() >= self.vq.val().size;
        // As many as are offered, up to the end of either ring.
        self.mask.next = self.vq.val().size - self.one.val();
        self.had.next = bit_cast::<16, 4>(self.slot.val().visit);
        self.first_at.next = self.vq.val().last_avail + self.had.val();
        self.offered.next = self.avail.val() - self.first_at.val();
        self.avail_room.next = self.vq.val().size - (self.first_at.val() & self.mask.val());
        self.used_room.next =
            self.vq.val().size - (self.vq.val().used_idx & self.mask.val()) - self.had.val();
        self.skipped.next = bit_cast::<16, 3>(self.place.val()) >> self.entry_shift.val();
        self.room.next = self.avail_room.val();
        if self.used_room.val() < self.avail_room.val() {
            self.room.next = self.used_room.val();
        }
        self.whole.next = self.held.val() - self.skipped.val();
        self.there.next = self.whole.val();
        if self.offered.val() < self.whole.val() {
            self.there.next = self.offered.val();
        }
        // One that is not of the table is left to the next reading.
        self.limit.next = self.eight.val();
        for i in 0..7 {
            if self.later[i].val() >= self.vq.val().size {
                self.limit.next = self.numbers[i].val();
            }
        }
        self.most.next = self.there.val();
        if self.room.val() < self.there.val() {
            self.most.next = self.room.val();
        }
        self.least.next = self.most.val();
        if self.limit.val() < self.most.val() {
            self.least.next = self.limit.val();
        }
        // A visit has so many at most.
        self.fresh.next = bit_cast::<16, 4>(self.cap.val()) - self.had.val();
        self.fewest.next = self.least.val();
        if self.fresh.val() < self.least.val() {
            self.fewest.next = self.fresh.val();
        }
        self.total.next = self.had.val() + self.fewest.val();
        self.count.next = self.total.val().get_bits::<4>(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_lints_clean() {
        crate::util::assert_lint_clean("heads", Heads::default());
    }
}
