//! The item ring: bursts and ends of packets between the op and the stream, oldest first.
//!
//! Timing: TIMING.md §7. `head`, `gone`, `asked`, `tail` of the text are counts that only go up; a place in the ring is a
//! count modulo its size.

use super::op::{Side, TxEnd};
use crate::mmu::Answer;
use shoal_abi::profile::Profile;

/// Bytes to be read, at most up to the next multiple of [`super::BURST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Burst {
    pub(super) asid: u32,
    pub(super) va: u64,
    pub(super) n: u32,
}

/// An item of the ring.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Item {
    /// Nothing: an end only.
    pub(super) burst: Option<Burst>,
    pub(super) end: Option<TxEnd>,
    pub(super) side: Side,
    pub(super) answer: Option<Answer>,
    /// Epoch of the access.
    pub(super) epoch: u8,
    /// A read has been issued, so beats come.
    pub(super) issued: bool,
}

/// The ring.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    items: Vec<Item>,
    head: usize,
    gone: usize,
    asked: usize,
    tail: usize,
}

impl Ring {
    pub(super) fn new(p: &Profile) -> Self {
        Self {
            items: vec![Item::default(); p.tx_items],
            head: 0,
            gone: 0,
            asked: 0,
            tail: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        (self.head, self.gone, self.asked, self.tail) = (0, 0, 0, 0);
    }

    pub(super) fn is_full(&self) -> bool {
        self.tail - self.head >= self.items.len()
    }

    /// No packet ends among the items still to be issued.
    pub(super) fn is_endless(&self) -> bool {
        (self.gone..self.tail).all(|count| self.items[self.place(count)].end.is_none())
    }

    fn place(&self, count: usize) -> usize {
        count % self.items.len()
    }

    /// The next item to be translated, and its place.
    pub(super) fn asked(&self) -> Option<(usize, &Item)> {
        let place = self.place(self.asked);
        (self.asked != self.tail).then(|| (place, &self.items[place]))
    }

    /// The next item to be issued.
    pub(super) fn gone(&self) -> Option<&Item> {
        (self.gone != self.asked).then(|| &self.items[self.place(self.gone)])
    }

    /// The item to be packed.
    pub(super) fn head(&self) -> Option<&Item> {
        (self.head != self.gone).then(|| &self.items[self.place(self.head)])
    }

    pub(super) fn push(&mut self, item: Item) {
        let place = self.place(self.tail);
        self.items[place] = item;
        self.tail += 1;
    }

    /// `asked` goes on.
    pub(super) fn ask(&mut self) {
        self.asked += 1;
    }

    /// `gone` goes on; `issued`: with a read.
    pub(super) fn go(&mut self, issued: bool) {
        let place = self.place(self.gone);
        self.items[place].issued = issued;
        self.gone += 1;
    }

    /// `head` goes on.
    pub(super) fn pop(&mut self) {
        self.head += 1;
    }

    /// The answer for the item at `place`, in epoch `cur`.
    pub(super) fn answer(&mut self, place: u16, answer: Answer, cur: u8) {
        if let Some(item) = self.items.get_mut(usize::from(place)) {
            (item.answer, item.epoch) = (Some(answer), cur);
        }
    }
}
