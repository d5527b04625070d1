//! What a tenant does changes nothing for another: random plans in lockstep, compared with a run in which nobody does anything.
//!
//! Fixed seeds, or with `SHOAL_CASES=n` (`make soak SEEDS=n`) n plans of a fresh one.

use shoal::lockstep::Mode;
use shoal::monitor::Cover;
use shoal_abi::profile::{Profile, MID, TINY};
use shoal_conformance::config;
use shoal_conformance::conform::{tenant, Options};

fn play(
    profile: &'static Profile,
    cases: u32,
    mode: Mode,
    plusargs: &[&str],
) -> Result<Cover, String> {
    let options = Options {
        profile,
        mode,
        seed: 1,
        plusargs: plusargs.iter().map(|&p| p.into()).collect(),
    };
    tenant::play(&options, config(cases), file!())
}

#[test]
fn prop_a_tenant_changes_nothing_for_another_on_tiny() {
    let cover = play(&TINY, 60, Mode::Lockstep, &[]).unwrap_or_else(|e| panic!("{e}"));
    let faults = cover
        .counts()
        .filter(|(point, n)| point.starts_with("fault.") && *n > 0);
    assert!(
        faults.count() >= 12,
        "the plans are too tame: {:?}",
        cover.missed()
    );
}

#[test]
fn prop_a_tenant_changes_nothing_for_another_on_mid() {
    play(&MID, 12, Mode::Lockstep, &[]).unwrap_or_else(|e| panic!("{e}"));
}

/// The neighbour's trace, or the monitors, show what is wrong.
#[test]
fn prop_faults_of_the_rtl_are_noticed() {
    for fault in ["walk_asid", "chain_limit", "doorbell_index"] {
        let why = play(&TINY, 100, Mode::Rtl, &[&format!("+break_{fault}")]).err();
        let why = why.unwrap_or_else(|| panic!("{fault} is not noticed"));
        println!("{fault}: {}", why.lines().next().unwrap_or_default());
    }
}
