//! The item ring of the receive mover: bursts and marks between the cutter and the bus, oldest first.
//!
//! Timing: TIMING.md §8. `gone`, `asked`, `tail` of the text are counts that only go up; a place in the ring is a count
//! modulo its size.

use crate::mmu::Answer;
use shoal_abi::profile::Profile;

/// What an op came to as far as the cutter knows; the core is told of it behind the responses of the bursts before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) slot: u16,
    /// Bytes of the op.
    pub(super) bytes: u32,
    /// The packet is used up.
    pub(super) ended: bool,
}

/// Bytes to be written, at most up to the next multiple of [`crate::tx::BURST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Burst {
    pub(super) asid: u32,
    pub(super) va: u64,
    pub(super) n: u32,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Burst(Burst),
    /// The packet goes on behind it.
    Mark(Mark),
    /// The packet ends; without mark nobody wants to know.
    Fin(Option<Mark>),
}

/// An item of the ring.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) work: Work,
    pub(super) answer: Option<Answer>,
    /// Epoch of the access.
    pub(super) epoch: u8,
}

/// The ring.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    items: Vec<Item>,
    gone: usize,
    asked: usize,
    tail: usize,
}

impl Ring {
    pub(super) fn new(p: &Profile) -> Self {
        let empty = Item {
            work: Work::Fin(None),
            answer: None,
            epoch: 0,
        };
        Self {
            items: vec![empty; p.rx_items],
            gone: 0,
            asked: 0,
            tail: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        (self.gone, self.asked, self.tail) = (0, 0, 0);
    }

    pub(super) fn is_full(&self) -> bool {
        self.tail - self.gone >= self.items.len()
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

    pub(super) fn push(&mut self, work: Work) {
        let place = self.place(self.tail);
        self.items[place] = Item {
            work,
            answer: None,
            epoch: 0,
        };
        self.tail += 1;
    }

    /// `asked` goes on.
    pub(super) fn ask(&mut self) {
        self.asked += 1;
    }

    /// `gone` goes on.
    pub(super) fn go(&mut self) {
        self.gone += 1;
    }

    /// The answer for the item at `place`, in epoch `cur`.
    pub(super) fn answer(&mut self, place: u16, answer: Answer, cur: u8) {
        if let Some(item) = self.items.get_mut(usize::from(place)) {
            (item.answer, item.epoch) = (Some(answer), cur);
        }
    }
}
