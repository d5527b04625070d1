//! Ways to have a device: the cycle model, the Verilated RTL, or whatever a test makes up.

#[cfg(test)]
pub(crate) mod fake;
#[cfg(feature = "model")]
pub mod model;
#[cfg(feature = "rtl")]
pub mod rtl;

use std::path::Path;
use std::sync::Arc;

use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::Profile;

/// A device under test, one clock edge at a time.
pub trait Dut {
    /// One clock edge with these inputs; returns the outputs after it.
    fn step(&mut self, inputs: &Inputs) -> Outputs;

    /// The outputs as they stand now.
    fn outputs(&self) -> Outputs;

    /// Starts a waveform of every signal in `path`.
    ///
    /// # Errors
    /// `NoTrace` where there are no signals; else what the file says.
    fn trace_open(&mut self, _path: &Path) -> Result<(), DutError> {
        Err(DutError::NoTrace)
    }

    /// Completes the waveform, if one is open.
    ///
    /// # Errors
    /// What the file says.
    fn trace_close(&mut self) -> Result<(), DutError> {
        Ok(())
    }
}

/// Why there is no device, or no waveform of it.
#[derive(Debug, thiserror::Error)]
pub enum DutError {
    /// This kind was left out of the build.
    #[error("this build has no {0}: build with `--features {0}`")]
    NotBuilt(&'static str),
    /// This kind of device has no signals to trace.
    #[error("waveforms need the RTL")]
    NoTrace,
    /// The device's own words.
    #[error("{0}")]
    Device(String),
}

/// Makes a fresh device, as often as it is asked: a replay needs a second one.
pub type Factory = Arc<dyn Fn() -> Result<Box<dyn Dut>, DutError> + Send + Sync>;

/// Makes devices that are the cycle model.
#[must_use]
pub fn model_factory(profile: &'static Profile) -> Factory {
    #[cfg(feature = "model")]
    return Arc::new(move || Ok(Box::new(model::ModelDut::new(profile))));
    #[cfg(not(feature = "model"))]
    {
        let _ = profile;
        Arc::new(|| Err(DutError::NotBuilt("model")))
    }
}

/// Makes devices that are the Verilated RTL, with state that is random in `seed`.
#[must_use]
pub fn rtl_factory(profile: &'static Profile, seed: u64, plusargs: Vec<String>) -> Factory {
    #[cfg(feature = "rtl")]
    return Arc::new(move || Ok(Box::new(rtl::RtlDut::new(profile, seed, &plusargs)?)));
    #[cfg(not(feature = "rtl"))]
    {
        let _ = (profile, seed, plusargs);
        Arc::new(|| Err(DutError::NotBuilt("rtl")))
    }
}

/// Hash of the RTL of `profile` in this build; [`NO_RTL`](crate::record::NO_RTL) without RTL.
#[must_use]
pub fn rtl_hash(profile: &Profile) -> String {
    #[cfg(feature = "rtl")]
    if let Some(hash) = verilated::hash(profile) {
        return hash.to_owned();
    }
    let _ = profile;
    crate::record::NO_RTL.to_owned()
}
