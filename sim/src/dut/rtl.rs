//! The Verilated RTL as a device.

use std::path::Path;

use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::Profile;
use verilated::Rtl;

use super::{Dut, DutError};

/// The Verilated RTL.
pub struct RtlDut {
    rtl: Rtl,
}

impl RtlDut {
    /// The RTL of `profile` with registers and memories random in `seed`.
    ///
    /// # Errors
    /// When this build has no such RTL, or a plusarg is none.
    pub fn new(
        profile: &'static Profile,
        seed: u64,
        plusargs: &[String],
    ) -> Result<Self, DutError> {
        Ok(Self {
            rtl: Rtl::new(profile, seed, plusargs).map_err(device)?,
        })
    }
}

impl Dut for RtlDut {
    fn step(&mut self, inputs: &Inputs) -> Outputs {
        self.rtl.step(inputs)
    }

    fn outputs(&self) -> Outputs {
        self.rtl.outputs()
    }

    fn trace_open(&mut self, path: &Path) -> Result<(), DutError> {
        self.rtl.trace_open(path).map_err(device)
    }

    fn trace_close(&mut self) -> Result<(), DutError> {
        self.rtl.trace_close().map_err(device)
    }
}

fn device(e: verilated::Error) -> DutError {
    DutError::Device(e.to_string())
}
