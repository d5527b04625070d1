//! Containment: hostile tenants, one named case each, beside a neighbour who must not notice.
//!
//! Every case plays in a card of its own ([`scene`]): two devices of a hostile tenant and two of a neighbour. The case does its
//! mischief; then only the guilty device may be hurt, as its `Outcome` says, the neighbour's trace must be that of a run without the
//! attack, and the guilty device must work again after a reset. Everything happens within a bounded number of cycles, and under the
//! monitors; with two devices in lockstep.

mod case;
mod cases;
mod function;
mod memory;
mod report;
mod rig;
mod scene;

pub use case::{all, Case, Outcome, Target};
pub use report::{CaseResult, Report};
pub use scene::Scene;

use shoal::lockstep::Mode;
use shoal_abi::profile::Profile;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Profile of the device.
    pub profile: &'static Profile,
    /// Which devices there are.
    pub mode: Mode,
    /// Seed of the world.
    pub seed: u64,
    /// Plusargs of the RTL: deliberate faults.
    pub plusargs: Vec<String>,
}

/// Runs `cases`; `told` hears of each as it ends.
pub fn run(options: &Options, cases: &[Case], mut told: impl FnMut(&CaseResult)) -> Report {
    let mut report = Report::new(options);
    let quiet = scene::play(options, None);
    for case in cases {
        let outcome = match &quiet {
            Ok(quiet) => scene::play(options, Some((case, quiet))).map(|t| t.cycles),
            Err(e) => Err(format!("without an attack: {e}")),
        };
        let result = CaseResult::new(case, outcome);
        told(&result);
        report.results.push(result);
    }
    report
}
