//! What a case is.

use super::cases;
use super::scene::Scene;

/// The queue that a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Transmit queue of the network device.
    Transmit,
    /// Its receive queue.
    Receive,
    /// Request queue of the block device.
    Block,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Transmit, Self::Receive, Self::Block];

    pub(super) fn is_blk(self) -> bool {
        self == Self::Block
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Transmit => "tx",
            Self::Receive => "rx",
            Self::Block => "blk",
        }
    }
}

/// What becomes of the device of the hostile tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// DEVICE_NEEDS_RESET with its interrupt and a fault record of one of these causes.
    Fault(Vec<u16>),
    /// Nothing: it works on.
    Survives,
    /// One or the other, as it happens: the attack races with the device.
    Either,
}

/// An attack.
pub struct Case {
    /// Name, parts of it separated by dots.
    pub name: String,
    /// What is done.
    pub text: String,
    /// Where the standard, or ABI.md, says what is right.
    pub clause: &'static str,
    /// Whose device it is.
    pub target: Target,
    /// What becomes of it.
    pub outcome: Outcome,
    /// Does it; an error fails the case.
    pub attack: Attack,
}

/// Does the mischief of a case.
pub type Attack = Box<dyn Fn(&mut Scene) -> Result<(), String>>;

/// Every case.
#[must_use]
pub fn all() -> Vec<Case> {
    let mut all = cases::rings::cases();
    all.extend(cases::buffers::cases());
    all.extend(cases::tables::cases());
    all.extend(cases::races::cases());
    all.extend(cases::doorbells::cases());
    all.extend(cases::streams::cases());
    all.extend(cases::admin::cases());
    all
}
