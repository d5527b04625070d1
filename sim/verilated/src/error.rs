//! What can go wrong around a Verilated model.

use std::path::PathBuf;

/// Why a call of this crate failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This build has no model of that profile.
    #[error("no verilated model of profile {0}")]
    NoProfile(&'static str),
    /// Neither `+name` nor `+name=value`, or one of Verilator's own options.
    #[error("not a plusarg: {0:?}")]
    Plusarg(String),
    /// The model could not be allocated.
    #[error("cannot create the model of profile {0}")]
    Create(&'static str),
    /// A waveform's path does not end in `.fst` or `.vcd`.
    #[error("waveform {0}: name must end in .fst or .vcd")]
    TraceName(PathBuf),
    /// A waveform file could not be written.
    #[error("cannot write waveform {0}")]
    TraceWrite(PathBuf),
    /// A waveform is open already.
    #[error("waveform {0} is still open")]
    TraceOpen(PathBuf),
}
