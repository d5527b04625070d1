//! What the core asks of the receive mover, and what it is told.
//!
//! Timing: TIMING.md §8.

/// An op of the core for a packet of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RxOp {
    /// Writes up to `len` bytes of the packet.
    Data {
        asid: u32,
        va: u64,
        len: u32,
        /// The chain ends with it: bytes behind it are thrown away.
        end: bool,
    },
    /// Throws the rest of the packet away.
    #[default]
    Discard,
}

/// The end of an op, or of a packet with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RxDone {
    pub(crate) slot: u16,
    /// Bytes written.
    pub(crate) bytes: u32,
    /// The packet is used up.
    pub(crate) ended: bool,
    /// The first fault, 0 none, and its IOVA.
    pub(crate) cause: u16,
    pub(crate) iova: u64,
}
