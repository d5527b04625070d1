//! The cycle model as a device.

use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::Profile;
use shoal_model::Device;

use super::Dut;

/// The cycle model.
pub struct ModelDut {
    device: Device,
}

impl ModelDut {
    /// A model of `profile` before its first edge.
    #[must_use]
    pub fn new(profile: &'static Profile) -> Self {
        Self {
            device: Device::new(profile),
        }
    }
}

impl Dut for ModelDut {
    fn step(&mut self, inputs: &Inputs) -> Outputs {
        self.device.tick(inputs);
        self.device.outputs()
    }

    fn outputs(&self) -> Outputs {
        self.device.outputs()
    }
}
