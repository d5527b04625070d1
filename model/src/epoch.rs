//! Epochs: which accesses were started before the last invalidation, and how many of them are still out.
//!
//! Timing: TIMING.md §1, "Epochs".

/// Two counters of accesses in flight, one an epoch, and the epoch in which accesses start now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Epochs {
    cur: u8,
    cnt: [u32; 2],
}

impl Epochs {
    /// The epoch, 0 or 1, that an access started in this cycle carries.
    pub(crate) fn cur(&self) -> u8 {
        self.cur
    }

    /// Accesses in flight of the epoch before the present one.
    pub(crate) fn old(&self) -> u32 {
        self.cnt[usize::from(self.cur ^ 1)]
    }

    /// No access in flight at all.
    pub(crate) fn none(&self) -> bool {
        self.cnt == [0; 2]
    }

    /// The edge: `starts` accesses started, `ends` of each epoch ended, the epoch changes with `flip`.
    pub(crate) fn tick(&mut self, starts: u32, ends: Ends, flip: bool) {
        let mut started = [0; 2];
        started[usize::from(self.cur)] = starts;
        for ((c, started), ended) in self.cnt.iter_mut().zip(started).zip(ends.0) {
            *c = c.saturating_add(started).saturating_sub(ended);
        }
        self.cur ^= u8::from(flip);
    }
}

/// How many accesses of each epoch end in a cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends([u32; 2]);

impl Ends {
    /// An access of `epoch` ends.
    pub(crate) fn add(&mut self, epoch: u8) {
        self.0[usize::from(epoch & 1)] += 1;
    }

    /// How many of `epoch` end.
    #[cfg(test)]
    pub(crate) fn of(&self, epoch: u8) -> u32 {
        self.0[usize::from(epoch & 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(epochs: &[u8]) -> Ends {
        let mut e = Ends::default();
        epochs.iter().for_each(|&n| e.add(n));
        e
    }

    #[test]
    fn starts_in_the_flip_cycle_count_in_the_old_epoch() {
        let mut e = Epochs::default();
        e.tick(2, ends(&[]), true);
        assert_eq!((e.cur(), e.old(), e.none()), (1, 2, false));
        e.tick(1, ends(&[0, 0]), false);
        assert_eq!(e.old(), 0);
        assert!(!e.none());
        e.tick(0, ends(&[1, 1]), false);
        assert!(e.none(), "a count below 0 stays 0");
    }

    #[test]
    fn a_count_changes_by_the_sum_of_starts_and_ends() {
        let mut e = Epochs::default();
        e.tick(1, ends(&[0]), false);
        assert!(e.none());
        e.tick(3, ends(&[0]), true);
        assert_eq!((e.cur(), e.old()), (1, 2));
    }
}
