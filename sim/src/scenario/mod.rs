//! The runs that the `shoal` command offers: each drives a device through a [`SharedHost`] and says what must hold.
//!
//! A scenario is ordinary blocking code over `shoal-driver`, or over the host alone. It checks what its drivers can see;
//! lockstep and monitors check the ports beside it.

#[cfg(feature = "driver")]
mod churn;
#[cfg(feature = "driver")]
mod crowd;
#[cfg(feature = "driver")]
mod demo;
#[cfg(feature = "driver")]
mod fleet;
#[cfg(feature = "driver")]
mod hyperscale;
#[cfg(feature = "driver")]
mod leftover;
#[cfg(feature = "driver")]
mod life;
#[cfg(feature = "driver")]
mod noisy;
#[cfg(feature = "driver")]
mod patience;
mod probe;
#[cfg(feature = "driver")]
mod shares;
#[cfg(feature = "driver")]
mod sink;
#[cfg(feature = "driver")]
mod traffic;
#[cfg(feature = "driver")]
mod unit;

use std::collections::BTreeMap;
use std::time::Duration;

use shoal_abi::profile::Profile;

use crate::env::EnvSettings;
use crate::host::{HostError, SharedHost};

/// What the user chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Profile of the device.
    pub profile: &'static Profile,
    /// Seed of the run; a scenario's own choices come from it too.
    pub seed: u64,
    /// Managed devices to use, 1..=profile.devices; `None`: as the scenario likes.
    pub devices: Option<u32>,
    /// How long to run; `None`: as the scenario likes.
    pub time: Option<Duration>,
}

/// What a scenario did. It counts as it goes, so that the numbers stand when it fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Managed devices created.
    pub vdevs_created: u64,
    /// Managed devices destroyed.
    pub vdevs_destroyed: u64,
    /// Faults reported by the device.
    pub faults: u64,
    /// Other numbers for the summary: name, value with unit.
    pub notes: Vec<(String, String)>,
    /// Other numbers for programs, by name.
    pub figures: BTreeMap<&'static str, serde_json::Value>,
}

impl Outcome {
    /// Adds a line to the summary.
    pub fn note(&mut self, name: &str, value: impl ToString) {
        self.notes.push((name.to_owned(), value.to_string()));
    }

    /// Adds a number for programs.
    pub fn figure(&mut self, name: &'static str, value: impl Into<serde_json::Value>) {
        self.figures.insert(name, value.into());
    }
}

/// Why a scenario failed.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The simulation.
    #[error("{0}")]
    Host(#[from] HostError),
    /// The driver.
    #[cfg(feature = "driver")]
    #[error("driver: {0}")]
    Driver(#[from] shoal_driver::Error),
    /// A virtio driver or its user.
    #[cfg(feature = "driver")]
    #[error("client: {0}")]
    Client(#[from] crate::client::ClientError),
    /// Something that must hold does not.
    #[error("{0}")]
    Check(String),
    /// The scenario cannot run with these parameters: bad input, not a failure of the device.
    #[error("{0}")]
    Params(String),
}

#[cfg(feature = "driver")]
impl From<crate::bench::BenchError> for ScenarioError {
    fn from(e: crate::bench::BenchError) -> Self {
        use crate::bench::BenchError;
        match e {
            BenchError::Host(e) => Self::Host(e),
            BenchError::Driver(e) => Self::Driver(e),
            BenchError::Failed(what) => Self::Check(what),
        }
    }
}

impl ScenarioError {
    /// `Check`, from whatever can be said.
    pub fn check(what: impl Into<String>) -> Self {
        Self::Check(what.into())
    }
}

/// One run.
pub trait Scenario: Sync {
    /// Name on the command line: lower case, words joined by `_`.
    fn name(&self) -> &'static str;

    /// One line for the list of scenarios.
    fn about(&self) -> &'static str;

    /// Most devices that the user can ask for. More than the profile has where they come one after the other.
    fn most_devices(&self, profile: &Profile) -> u32 {
        profile.devices
    }

    /// True when [`Params::time`] means something.
    fn is_timed(&self) -> bool {
        false
    }

    /// Changes the world to what this run is about.
    fn world(&self, _params: &Params, _world: &mut EnvSettings) {}

    /// Drives the device. The host has been through reset.
    ///
    /// # Errors
    /// What did not hold.
    fn run(
        &self,
        host: &SharedHost,
        params: &Params,
        outcome: &mut Outcome,
    ) -> Result<(), ScenarioError>;
}

/// Every scenario, the default first.
#[must_use]
pub fn all() -> &'static [&'static dyn Scenario] {
    #[cfg(feature = "driver")]
    return &[
        &demo::Demo,
        &demo::Smoke,
        &hyperscale::Hyperscale,
        &noisy::Noisy,
        &shares::Shares,
        &churn::Churn,
        &probe::Probe,
    ];
    #[cfg(not(feature = "driver"))]
    return &[&probe::Probe];
}

/// The scenario called `name`.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Scenario> {
    all().iter().copied().find(|s| s.name() == name)
}
