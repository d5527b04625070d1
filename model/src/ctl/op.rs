//! What the core asks of the control unit, and what it is told.
//!
//! Timing: TIMING.md §4.

use crate::messages::Message;
use shoal_abi::profile::VISIT_CHAINS;

/// What an op does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// RD: reads a word, with access b two.
    #[default]
    Read,
    /// WR: writes 1..=8 bytes, with access b two more.
    Write,
    /// XL: translates for a read or a write and touches no memory.
    Translate { write: bool },
    /// TELL: used elements, used index and avail_event, and what the driver says then.
    Tell,
}

/// What a TELL is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tell {
    /// IOVAs of the used and the available ring.
    pub(crate) device: u64,
    pub(crate) driver: u64,
    pub(crate) size: u16,
    /// Before it.
    pub(crate) used_idx: u16,
    /// Behind it: what avail_event is to be.
    pub(crate) last_avail: u16,
    /// Chains, 1..=8, and their heads.
    pub(crate) m: u8,
    pub(crate) heads: [u16; VISIT_CHAINS],
    /// Bytes written, by chain.
    pub(crate) used_len: [u32; VISIT_CHAINS],
    pub(crate) event_idx: bool,
    /// Of a receive slot.
    pub(crate) receive: bool,
    /// There is a message to be sent if the driver waits for it.
    pub(crate) hint: bool,
    pub(crate) message: Message,
}

/// Access a.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AccessA {
    pub(crate) va: u64,
    /// Bytes of a write, 1..=8; 0 of others.
    pub(crate) len: u8,
    /// Bytes to write, those above the length 0.
    pub(crate) data: u64,
}

/// Access b: another word to be read or 2 bytes to be written, in the address space of access a.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AccessB {
    pub(crate) va: u64,
    /// The 2 bytes of a write; 0 of others.
    pub(crate) data: u16,
}

/// An op of the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CtlOp {
    pub(crate) kind: Kind,
    pub(crate) slot: u16,
    /// The addresses are physical.
    pub(crate) bypass: bool,
    pub(crate) interrupt: bool,
    pub(crate) asid: u32,
    pub(crate) a: AccessA,
    pub(crate) b: Option<AccessB>,
    /// Access c: the IOVA of a word that a step of a TELL reads beside its writes.
    pub(crate) c: Option<u64>,
    /// Of a TELL, which has no accesses of its own.
    pub(crate) tell: Tell,
}

/// What an op came to: cause 0 done well, else the first fault and its IOVA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Completion {
    pub(crate) slot: u16,
    /// The word of access a; of a translation the address.
    pub(crate) a: u64,
    /// The word of access b; of a translation the user bits.
    pub(crate) b: u64,
    pub(crate) cause: u16,
    pub(crate) iova: u64,
    /// Of a TELL: its message has been sent.
    pub(crate) sent: bool,
}
