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

    /// The edge: `starts` accesses started, one ended in the epochs `read` and `written`, the epoch changes with `flip`.
    pub(crate) fn tick(&mut self, starts: u32, read: Option<u8>, written: Option<u8>, flip: bool) {
        let cur = &mut self.cnt[usize::from(self.cur)];
        *cur = cur.saturating_add(starts);
        for e in [read, written].into_iter().flatten() {
            let c = &mut self.cnt[usize::from(e & 1)];
            *c = c.saturating_sub(1);
        }
        self.cur ^= u8::from(flip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_in_the_flip_cycle_count_in_the_old_epoch() {
        let mut e = Epochs::default();
        e.tick(2, None, None, true);
        assert_eq!((e.cur(), e.old(), e.none()), (1, 2, false));
        e.tick(1, Some(0), Some(0), false);
        assert_eq!(e.old(), 0);
        assert!(!e.none());
        e.tick(0, Some(1), Some(1), false);
        assert!(e.none(), "a count below 0 stays 0");
    }
}
