//! FIFOs of the core, in which a push is seen by the sources of events only when the effects of its event are out.
//!
//! Timing: TIMING.md §3. What an event pushes is exact at once for the events behind it, and pushes land in order, so one FIFO
//! and the number of its items that are on their way are enough.

use crate::fifo::Fifo;

/// A FIFO some of whose items are on their way.
#[derive(Clone, Debug)]
pub(super) struct Late<T> {
    items: Fifo<T>,
    on_way: usize,
    /// Those that the event being handled has pushed.
    new: usize,
}

impl<T: Copy + Default> Late<T> {
    pub(super) fn new(depth: usize) -> Self {
        Self {
            items: Fifo::new(depth),
            on_way: 0,
            new: 0,
        }
    }

    /// Items, those on their way too.
    pub(super) fn is_full(&self) -> bool {
        self.items.is_full()
    }

    /// Items that are out.
    pub(super) fn seen(&self) -> usize {
        self.items.len() - self.on_way
    }

    /// Takes the oldest item, if it is out.
    pub(super) fn pop(&mut self) -> Option<T> {
        if self.seen() == 0 {
            return None;
        }
        self.items.pop()
    }

    pub(super) fn push(&mut self, item: T) {
        if !self.is_full() {
            self.items.push(item);
            self.on_way += 1;
            self.new += 1;
        }
    }

    /// How many items the event has pushed.
    pub(super) fn take_new(&mut self) -> usize {
        std::mem::take(&mut self.new)
    }

    /// The effect edge of an event that pushed `n` items.
    pub(super) fn land(&mut self, n: usize) {
        self.on_way -= n.min(self.on_way);
    }

    pub(super) fn clear(&mut self) {
        self.items.clear();
        (self.on_way, self.new) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_seen_when_its_event_lands() {
        let mut f = Late::new(4);
        f.push(7);
        f.push(8);
        assert_eq!(f.take_new(), 2);
        assert_eq!((f.pop(), f.seen()), (None, 0));
        f.push(9);
        assert_eq!(f.take_new(), 1);
        f.land(2);
        assert_eq!((f.pop(), f.pop(), f.pop()), (Some(7), Some(8), None));
        f.land(1);
        assert_eq!(f.pop(), Some(9));
    }
}
