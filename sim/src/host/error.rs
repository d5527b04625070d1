//! Why a call of the host failed.

use crate::dut::DutError;
use crate::env::MemError;
use crate::record::RecordError;

/// Why a call of the host failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// A check failed: the run is over, its report says more.
    #[error("a check stopped the run about cycle {cycle}")]
    Stopped {
        /// Cycle that had been reached when the host heard of it.
        cycle: u64,
    },
    /// The run's cycles are used up.
    #[error("the run's {0} cycles are used up")]
    CycleLimit(u64),
    /// What was waited for did not happen.
    #[error("{what} did not happen within {cycles} cycles")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// Cycles waited.
        cycles: u64,
    },
    /// A register access was answered with an error.
    #[error("register {addr:#x} answered with response {resp}")]
    BadResponse {
        /// Byte address.
        addr: u32,
        /// Response code.
        resp: u8,
    },
    /// Device, memory, record or waveform.
    #[error("{0}")]
    Setup(String),
}

impl From<DutError> for HostError {
    fn from(e: DutError) -> Self {
        Self::Setup(e.to_string())
    }
}

impl From<MemError> for HostError {
    fn from(e: MemError) -> Self {
        Self::Setup(e.to_string())
    }
}

impl From<RecordError> for HostError {
    fn from(e: RecordError) -> Self {
        Self::Setup(format!("record of the run: {e}"))
    }
}
