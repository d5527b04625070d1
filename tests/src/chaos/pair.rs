//! A device and its reference, stepped together.

use shoal::dut::Dut;
use shoal::lockstep::{Difference, Divergence};
use shoal::monitor::{Cover, Monitor, Violation};
use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::Profile;

/// Why a session failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Ports differ.
    #[error("cycle {cycle}: {}", list(.ports))]
    Divergence {
        /// Cycle.
        cycle: u64,
        /// What differs, in port order.
        ports: Vec<Difference>,
    },
    /// A monitor fired.
    #[error(transparent)]
    Violation(#[from] Violation),
    /// The session's own set-up did not finish: the device hangs.
    #[error("cycle {cycle}: {what} did not finish")]
    Hang {
        /// Cycle.
        cycle: u64,
        /// What was waited for.
        what: &'static str,
    },
}

fn list(ports: &[Difference]) -> String {
    let lines: Vec<_> = ports.iter().map(Difference::to_string).collect();
    lines.join("; ")
}

impl Fault {
    /// The cycle of the session in which it was seen.
    #[must_use]
    pub fn cycle(&self) -> u64 {
        match self {
            Self::Divergence { cycle, .. } | Self::Hang { cycle, .. } => *cycle,
            Self::Violation(v) => v.cycle,
        }
    }

    /// What noticed it: the first port that differs, or the monitor.
    #[must_use]
    pub fn site(&self) -> &'static str {
        match self {
            Self::Divergence { ports, .. } => ports.first().map_or("no port", |p| p.port),
            Self::Violation(v) => v.monitor,
            Self::Hang { what, .. } => what,
        }
    }
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

    /// What the monitors have seen happen.
    #[must_use]
    pub fn cover(&self) -> Cover {
        shoal::monitor::cover(&self.monitors)
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
                    let ports = Divergence::compare(self.profile, &out, &expected);
                    return Err(Fault::Divergence { cycle, ports });
                }
            }
            for m in &mut self.monitors {
                m.check(cycle, inputs, &out)?;
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
