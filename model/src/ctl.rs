//! The control unit: the small reads and writes of rings, descriptors, messages, and TRANSLATE.
//!
//! Timing: TIMING.md §4.

mod op;

use crate::fifo::Fifo;
pub(crate) use op::{AccessA, AccessB, Completion, CtlOp, Kind};
use shoal_abi::profile::Profile;

/// The control unit.
#[derive(Clone, Debug)]
pub(crate) struct Ctl {
    pub(crate) ops: Fifo<CtlOp>,
    pub(crate) completions: Fifo<Completion>,
}

impl Ctl {
    pub(crate) fn new(p: &Profile) -> Self {
        Self {
            ops: Fifo::new(1 << p.slot_w),
            completions: Fifo::new(1 << p.slot_w),
        }
    }
}
