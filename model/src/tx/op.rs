//! What the core asks of the transmit mover, and what it is told.
//!
//! Timing: TIMING.md §7.

use shoal_abi::profile::Profile;
use shoal_abi::stream::TUSER_TAG;

/// The side band of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) dest: u32,
    pub(crate) tid: u16,
    pub(crate) user: u64,
}

impl Side {
    /// The slot of the chain: the low bits of its tag.
    pub(crate) fn slot(&self, p: &Profile) -> u16 {
        (TUSER_TAG.get(self.user) & ((1 << p.slot_w) - 1)) as u16
    }
}

/// Bytes of a packet; `len` > 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TxData {
    pub(crate) asid: u32,
    pub(crate) va: u64,
    pub(crate) len: u32,
}

/// The end of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TxEnd {
    pub(crate) writable: u32,
    pub(crate) abort: bool,
}

/// An op of the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TxOp {
    pub(crate) data: Option<TxData>,
    pub(crate) end: Option<TxEnd>,
    pub(crate) side: Side,
}

/// The end of a packet: its slot and the fault that it met first, cause (0 none) and IOVA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TxDone {
    pub(crate) slot: u16,
    pub(crate) cause: u16,
    pub(crate) iova: u64,
}
