//! The AXI IDs that are not the control unit's (class 1): contract §1.
//!
//! An ID has `id_w` bits; blocks carry it in 10, the upper ones 0.

use shoal_abi::profile::Profile;

/// Kind: the movers.
pub const MOVER: u64 = 0;
/// Kind: table walkers.
pub const WALKER: u64 = 1;
/// Kind: interrupt messages (writes).
pub const MESSAGE: u64 = 1;
/// Kind: the admin queue.
pub const ADMIN: u64 = 2;

/// The class bit.
#[must_use]
pub const fn class(p: &Profile) -> u64 {
    1 << (p.id_w - 1)
}

/// Class and kind.
#[must_use]
pub const fn class_kind(p: &Profile) -> u64 {
    7 << (p.id_w - 3)
}

/// What is below them.
#[must_use]
pub const fn low(p: &Profile) -> u64 {
    (1 << (p.id_w - 3)) - 1
}

/// An ID of class 1 and this kind, low bits 0.
#[must_use]
pub const fn of_kind(p: &Profile, kind: u64) -> u64 {
    class(p) | kind << (p.id_w - 3)
}
