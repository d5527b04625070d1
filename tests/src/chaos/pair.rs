//! A device and its reference, stepped together.

use shoal::dut::Dut;
use shoal::lockstep::Divergence;
use shoal::monitor::Monitor;
use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::Profile;

/// Why a session failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Ports differ.
    #[error("cycle {cycle}: {}", .ports.join("; "))]
    Divergence {
        /// Cycle.
        cycle: u64,
        /// Port, device value, reference value.
        ports: Vec<String>,
    },
    /// A monitor fired.
    #[error("{0}")]
    Violation(String),
    /// The session's own set-up did not finish: the device hangs.
    #[error("cycle {cycle}: {what} did not finish")]
    Hang {
        /// Cycle.
        cycle: u64,
        /// What was waited for.
        what: &'static str,
    },
}

/// A device, perhaps a reference, and the monitors.
pub struct Pair {
    profile: &'static Profile,
    device: Box<dyn Dut>,
    reference: Option<Box<dyn Dut>>,
    monitors: Vec<Box<dyn Monitor>>,
    /// True after the first edge in reset.
    was_reset: bool,
    /// Cycles compared.
    pub compared: u64,
}

impl Pair {
    /// `device` checked against `reference`, if there is one, and by all monitors.
    #[must_use]
    pub fn new(
        profile: &'static Profile,
        device: Box<dyn Dut>,
        reference: Option<Box<dyn Dut>>,
    ) -> Self {
        let monitors = shoal::monitor::all(profile);
        Self {
            profile,
            device,
            reference,
            monitors,
            was_reset: false,
            compared: 0,
        }
    }

    /// Output ports of the device.
    #[must_use]
    pub fn outputs(&self) -> Outputs {
        self.device.outputs()
    }

    /// One edge; compares the outputs that stood before it.
    ///
    /// # Errors
    /// The first difference or broken rule.
    pub fn step(&mut self, cycle: u64, inputs: &Inputs) -> Result<(), Fault> {
        let out = self.device.outputs();
        if self.was_reset {
            if let Some(reference) = &self.reference {
                let expected = reference.outputs();
                if out != expected {
                    let ports = Divergence::compare(self.profile, &out, &expected)
                        .iter()
                        .map(|d| {
                            format!(
                                "{} is {:x?}, the model says {:x?}",
                                d.port, d.device, d.reference
                            )
                        })
                        .collect();
                    return Err(Fault::Divergence { cycle, ports });
                }
            }
            for m in &mut self.monitors {
                m.check(cycle, inputs, &out)
                    .map_err(|v| Fault::Violation(format!("{v:?}")))?;
            }
            self.compared += 1;
        }
        self.was_reset |= inputs.reset;
        self.device.step(inputs);
        if let Some(reference) = &mut self.reference {
            reference.step(inputs);
        }
        Ok(())
    }
}
