//! Descriptors, and where a walk along a chain of them stands.
//!
//! Timing: TIMING.md §3.6 and §9.1.

/// Where a walk stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Walk {
    pub(crate) table: u64,
    /// Entries of the table.
    pub(crate) n: u32,
    pub(crate) index: u32,
    pub(crate) indirect: bool,
    pub(crate) count: u32,
}

/// A descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Desc {
    pub(crate) addr: u64,
    pub(crate) len: u32,
    pub(crate) flags: u16,
    pub(crate) next: u16,
}

impl Desc {
    pub(crate) fn from_words(w: [u64; 2]) -> Self {
        Self {
            addr: w[0],
            len: w[1] as u32,
            flags: (w[1] >> 32) as u16,
            next: (w[1] >> 48) as u16,
        }
    }

    pub(crate) fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}
