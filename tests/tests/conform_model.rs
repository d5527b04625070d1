//! Every containment case against the cycle model alone.

use shoal::lockstep::Mode;
use shoal_abi::profile::{MID, TINY};
use shoal_conformance::conform::{all, run, Options};

#[test]
fn every_hostile_tenant_is_contained_by_the_model() {
    for profile in [&TINY, &MID] {
        let options = Options {
            profile,
            mode: Mode::Model,
            seed: 1,
            plusargs: Vec::new(),
        };
        let report = run(&options, &all(), |r| {
            if let Some(why) = &r.why {
                println!("{}: {why}", r.name);
            }
        });
        assert!(report.results.len() >= 60);
        assert_eq!(report.passed(), report.results.len(), "{}", profile.name);
    }
}
