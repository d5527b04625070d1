//! The transmit mover: reads the readable bytes of chains and sends them as packets on `m_axis`.
//!
//! Timing: TIMING.md §7.

mod op;

use crate::fifo::Fifo;
pub(crate) use op::{Side, TxData, TxDone, TxEnd, TxOp};
use shoal_abi::profile::Profile;

/// The mover.
#[derive(Clone, Debug)]
pub(crate) struct Tx {
    pub(crate) ops: Fifo<TxOp>,
    pub(crate) done: Fifo<TxDone>,
}

impl Tx {
    pub(crate) fn new(p: &Profile) -> Self {
        Self {
            ops: Fifo::new(p.tx_ops),
            done: Fifo::new(1 << p.slot_w),
        }
    }
}
