//! What a run and its replay have in common: profile, seed, and how to make the device, the reference and the monitors.

use std::sync::Arc;

use shoal_abi::profile::Profile;
use shoal_abi::ABI_VERSION;

use crate::dut::{model_factory, rtl_factory, rtl_hash, Dut, DutError, Factory};
use crate::lockstep::{Checker, Mode};
use crate::monitor::{self, Monitor};
use crate::record::{Header, Reader, Recorder, NO_RTL};

/// Makes fresh monitors, as often as it is asked.
pub type Monitors = Arc<dyn Fn() -> Vec<Box<dyn Monitor>> + Send + Sync>;

/// The parts of a run that do not depend on what drives it.
#[derive(Clone)]
pub struct Setup {
    /// Profile.
    pub profile: &'static Profile,
    /// Seed of the RTL's random state and of the environment.
    pub seed: u64,
    /// Which devices there are.
    pub mode: Mode,
    /// Plusargs of the RTL.
    pub plusargs: Vec<String>,
    /// What drives the run; for people.
    pub scenario: String,
    /// Makes the device.
    pub device: Factory,
    /// Makes the reference, in the checking thread.
    pub reference: Option<Factory>,
    /// Makes the monitors.
    pub monitors: Monitors,
}

impl Setup {
    /// The devices of `mode`, and every monitor.
    #[must_use]
    pub fn new(profile: &'static Profile, seed: u64, mode: Mode, plusargs: Vec<String>) -> Self {
        let model = model_factory(profile);
        let rtl = rtl_factory(profile, seed, plusargs.clone());
        let (device, reference) = match mode {
            Mode::Lockstep => (rtl, Some(model)),
            Mode::Rtl => (rtl, None),
            Mode::Model => (model, None),
        };
        Self {
            profile,
            seed,
            mode,
            plusargs,
            scenario: String::new(),
            device,
            reference,
            monitors: Arc::new(move || monitor::all(profile)),
        }
    }

    /// The setup of a recorded run, with the devices of `mode`.
    #[must_use]
    pub fn of_record(record: &Reader, mode: Mode) -> Self {
        let plusargs = record
            .header()
            .plusargs
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let setup = Self::new(record.profile(), record.seed(), mode, plusargs);
        Self {
            scenario: record.header().scenario.clone(),
            ..setup
        }
    }

    /// What a record of this run says about it.
    #[must_use]
    pub fn header(&self) -> Header {
        Header {
            profile: self.profile.name.to_owned(),
            abi: ABI_VERSION.to_string(),
            rtl: if self.mode == Mode::Model {
                NO_RTL.to_owned()
            } else {
                rtl_hash(self.profile)
            },
            seed: self.seed.to_string(),
            plusargs: self.plusargs.join(" "),
            scenario: self.scenario.clone(),
        }
    }

    /// A fresh device.
    ///
    /// # Errors
    /// When this build has none, or it cannot be made.
    pub fn new_device(&self) -> Result<Box<dyn Dut>, DutError> {
        (self.device)()
    }

    /// A fresh checker; to be called in the thread that runs it.
    ///
    /// # Errors
    /// When the reference cannot be made.
    pub fn new_checker(&self, recorder: Option<Recorder>) -> Result<Checker, DutError> {
        let reference = self.reference.as_ref().map(|make| make()).transpose()?;
        Ok(Checker::new(self.profile, self.seed)
            .with_reference(reference)
            .with_monitors((self.monitors)())
            .with_recorder(recorder))
    }
}

#[cfg(test)]
impl Setup {
    /// Fake devices: `device` against a good reference.
    pub(crate) fn fake(device: Factory) -> Self {
        let profile = &shoal_abi::profile::TINY;
        Self {
            device,
            reference: Some(crate::dut::fake::Fake::factory(0)),
            monitors: Arc::new(Vec::new),
            ..Self::new(profile, 5, Mode::Lockstep, Vec::new())
        }
    }
}
