//! What the standard requires, clause by clause ([`clauses`]), and containment: hostile tenants, one named case each, beside a
//! neighbour who must not notice.
//!
//! Every case plays in a card of its own ([`scene`]): two devices of a hostile tenant and two of a neighbour. The case does its
//! mischief; then only the guilty device may be hurt, as its `Outcome` says, the neighbour's trace must be that of a run without the
//! attack, and the guilty device must work again after a reset. Everything happens within a bounded number of cycles, and under the
//! monitors; with two devices in lockstep.

mod case;
mod cases;
mod clauses;
mod function;
mod memory;
mod report;
mod rig;
mod scene;
pub mod tenant;

pub use case::{all, Case, Outcome, Target};
pub use clauses::{Clause, Shown};
pub use report::{CaseResult, ClauseResult, Report};
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
    let quiet = scene::play(options, None, &mut report.cover);
    for case in cases {
        let outcome = match &quiet {
            Ok(quiet) => {
                let played = scene::play(options, Some((case, quiet)), &mut report.cover);
                played.map(|t| t.cycles)
            }
            Err(e) => Err(format!("without an attack: {e}")),
        };
        let result = CaseResult::new(case, outcome);
        told(&result);
        report.results.push(result);
    }
    report
}

/// Every clause.
#[must_use]
pub fn clauses() -> Vec<Clause> {
    clauses::all()
}

/// Runs the tests of `clauses`, adds what came of them to `report`; `told` hears of each.
pub fn run_clauses(
    options: &Options,
    clauses: &[Clause],
    report: &mut Report,
    mut told: impl FnMut(&ClauseResult),
) {
    for clause in clauses {
        let outcome = match clause.shown {
            Shown::Test(test) => Some(scene::with(options, clause.id, test, &mut report.cover)),
            Shown::Elsewhere(_) | Shown::Outside(_) => None,
        };
        let result = ClauseResult::new(clause, outcome);
        told(&result);
        report.clauses.push(result);
    }
}
