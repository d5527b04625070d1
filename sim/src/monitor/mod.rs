//! Monitors: rules about the ports of the device that know neither the RTL nor the model.
//!
//! A monitor is a function of the port trace alone. It sees every cycle once, in order, and says what broke which rule.
//! Everything a rule needs (register writes, admin commands, page tables, rings) passes through the ports, so that the
//! same monitors serve in-process drivers, guests that write their rings behind the harness's back, and recorded runs.

use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::Profile;

pub mod axi4;
pub mod axil;
pub mod axis;
mod bar;
mod bus;
mod chain;
mod commands;
mod cover;
pub mod dma;
mod index;
mod judge;
mod members;
mod msi;
#[cfg(test)]
mod player;
mod ring;
mod space;
mod stalls;
#[cfg(test)]
pub(crate) mod testing;
mod virtqueue;

pub use cover::Cover;

/// Cycles within which something that must happen has to happen, where the standard says "eventually".
pub const BOUND: u64 = 65_536;

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cycle {cycle}: {monitor}: {}{rule}: {detail}", if *.environment { "environment: " } else { "" })]
pub struct Violation {
    /// Cycle at whose clock edge the rule was seen broken.
    pub cycle: u64,
    /// The monitor.
    pub monitor: &'static str,
    /// The rule, a short stable name.
    pub rule: &'static str,
    /// The numbers.
    pub detail: String,
    /// True when not the device but what is connected to it broke the rule.
    pub environment: bool,
}

impl Violation {
    /// The device broke `rule`.
    #[must_use]
    pub fn device(
        cycle: u64,
        monitor: &'static str,
        rule: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            cycle,
            monitor,
            rule,
            detail: detail.into(),
            environment: false,
        }
    }

    /// What is connected to the device broke `rule`.
    #[must_use]
    pub fn environment(
        cycle: u64,
        monitor: &'static str,
        rule: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            cycle,
            monitor,
            rule,
            detail: detail.into(),
            environment: true,
        }
    }
}

/// Watches the ports.
pub trait Monitor: Send {
    /// Name in messages and on the command line.
    fn name(&self) -> &'static str;

    /// Takes one cycle: the inputs sampled and the outputs standing before the clock edge. Cycles come in order, each once.
    ///
    /// # Errors
    /// The first broken rule of this cycle. A monitor that has reported may report nonsense afterwards.
    fn check(&mut self, cycle: u64, i: &Inputs, o: &Outputs) -> Result<(), Violation>;

    /// What it has counted for the functional coverage.
    fn cover(&self) -> Option<&Cover> {
        None
    }
}

/// The coverage that `monitors` have counted.
#[must_use]
pub fn cover(monitors: &[Box<dyn Monitor>]) -> Cover {
    let mut sum = Cover::default();
    monitors
        .iter()
        .filter_map(|m| m.cover())
        .for_each(|c| sum.merge(c));
    sum
}

/// Every monitor, for a device of `profile`.
#[must_use]
pub fn all(profile: &'static Profile) -> Vec<Box<dyn Monitor>> {
    vec![
        Box::new(axi4::Axi4::new(profile)),
        Box::new(axil::AxiLite::new()),
        Box::new(axis::Axis::new(profile)),
        Box::new(dma::Memory::new(profile)),
        Box::new(stalls::Stalls::default()),
    ]
}
