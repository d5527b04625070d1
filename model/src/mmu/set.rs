//! A set of small numbers: which walkers, or which waiters.

/// Numbers 0..[`Set::LIMIT`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(u128);

impl Set {
    pub(super) const LIMIT: usize = 128;

    /// 0..`n`.
    pub(super) fn first(n: usize) -> Self {
        Self((0..n).fold(0, |s, k| s | 1 << k))
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn insert(&mut self, n: usize) {
        self.0 |= 1 << n;
    }

    pub(super) fn remove(&mut self, n: usize) {
        self.0 &= !(1 << n);
    }

    pub(super) fn lowest(self) -> Option<usize> {
        (self.0 != 0).then(|| self.0.trailing_zeros() as usize)
    }

    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self;
        std::iter::from_fn(move || {
            let n = left.lowest()?;
            left.remove(n);
            Some(n)
        })
    }
}
