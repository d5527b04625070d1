//! FIFO of a fixed depth.
//!
//! Timing: `FIFO(D)` of TIMING.md §0. The owner calls `push` and `pop` at the edge, in any order, after everything
//! that reads `len` or `front` in this cycle has done so.

/// A FIFO that holds up to its capacity and ignores a push when full.
#[derive(Clone, Debug)]
pub(crate) struct Fifo<T> {
    items: Box<[T]>,
    head: usize,
    len: usize,
}

impl<T: Copy + Default> Fifo<T> {
    pub(crate) fn new(depth: usize) -> Self {
        Self {
            items: vec![T::default(); depth.max(1)].into_boxed_slice(),
            head: 0,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len == self.items.len()
    }

    /// The oldest item.
    pub(crate) fn front(&self) -> Option<&T> {
        (self.len != 0).then(|| &self.items[self.head])
    }

    /// The item behind `n` others.
    pub(crate) fn get(&self, n: usize) -> Option<&T> {
        let at = self.head + n;
        let wrapped = at.checked_sub(self.items.len()).unwrap_or(at);
        (n < self.len).then(|| &self.items[wrapped])
    }

    pub(crate) fn push(&mut self, item: T) {
        if self.is_full() {
            return;
        }
        let mut at = self.head + self.len;
        if at >= self.items.len() {
            at -= self.items.len();
        }
        self.items[at] = item;
        self.len += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.len == 0 {
            return None;
        }
        let item = self.items[self.head];
        self.head += 1;
        if self.head == self.items.len() {
            self.head = 0;
        }
        self.len -= 1;
        Some(item)
    }

    pub(crate) fn clear(&mut self) {
        self.head = 0;
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn fifo_behaves_as_a_bounded_queue_under_random_use() {
        let mut fifo = Fifo::new(5);
        let mut queue = VecDeque::new();
        let mut x = 0x1234_5678_u32;
        for n in 0..10_000_u32 {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match x >> 30 {
                0 | 1 => {
                    fifo.push(n);
                    if queue.len() < 5 {
                        queue.push_back(n);
                    }
                }
                2 => assert_eq!(fifo.pop(), queue.pop_front()),
                _ if x & 0xff0_0000 == 0 => {
                    fifo.clear();
                    queue.clear();
                }
                _ => {}
            }
            assert_eq!(fifo.len(), queue.len());
            assert_eq!(fifo.front(), queue.front());
            for k in 0..6 {
                assert_eq!(fifo.get(k), queue.get(k));
            }
            assert_eq!(fifo.is_full(), queue.len() == 5);
            assert_eq!(fifo.is_empty(), queue.is_empty());
        }
    }
}
