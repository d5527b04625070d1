//! Every clause and every containment case against the cycle model alone.

use shoal::lockstep::Mode;
use shoal_abi::profile::{MID, TINY};
use shoal_conformance::config;
use shoal_conformance::conform::{all, clauses, run, run_clauses, tenant, Options};

#[test]
fn every_clause_holds_and_every_hostile_tenant_is_contained_by_the_model() {
    for profile in [&TINY, &MID] {
        let options = Options {
            profile,
            mode: Mode::Model,
            seed: 1,
            plusargs: Vec::new(),
        };
        let mut report = run(&options, &all(), |r| {
            if let Some(why) = &r.why {
                println!("{}: {why}", r.name);
            }
        });
        run_clauses(&options, &clauses(), &mut report, |c| {
            if let Some(why) = &c.why {
                println!("{}: {why}", c.id);
            }
        });
        assert!(report.results.len() >= 60);
        assert!(report.holds(), "{}", profile.name);
    }
}

#[test]
fn prop_a_tenant_changes_nothing_for_another() {
    for profile in [&TINY, &MID] {
        let options = Options {
            profile,
            mode: Mode::Model,
            seed: 1,
            plusargs: Vec::new(),
        };
        tenant::play(&options, config(60), file!()).unwrap_or_else(|e| panic!("{e}"));
    }
}
