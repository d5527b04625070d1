//! RTL and model agree on every port in every cycle of random sessions, and the monitors stay silent.
//!
//! One fixed seed, or with `SHOAL_CASES=n` (`make soak SEEDS=n`) n sessions of a fresh one. Failures are kept beside this file.

use shoal::dut;
use shoal::monitor::Cover;
use shoal_abi::profile::{Profile, HYPER, MID, TINY};
use shoal_conformance::chaos::{sessions, Pair};
use shoal_conformance::config;

/// So many sessions of `make soak` are enough for nearly every coverage point.
const MANY: u32 = 100;
/// Share of the points that they hit, percent.
const FLOOR: usize = 95;

fn play(profile: &'static Profile, cases: u32, actions: usize) {
    let config = config(cases);
    let is_soak = config.cases >= MANY;
    let cover: Cover = sessions(profile, config, actions, file!(), |seed| {
        let rtl = dut::rtl_factory(profile, seed, Vec::new())()?;
        let model = dut::model_factory(profile)()?;
        Ok(Pair::new(profile, rtl, Some(model)))
    });
    let (hits, points) = (cover.hits(), cover.points());
    println!(
        "{}: coverage {hits} of {points} points; not hit: {:?}",
        profile.name,
        cover.missed()
    );
    assert!(
        !is_soak || hits * 100 >= points * FLOOR,
        "less than {FLOOR} %"
    );
}

#[test]
fn prop_random_sessions_run_in_lockstep_on_tiny() {
    play(&TINY, 40, 40);
}

#[test]
fn prop_random_sessions_run_in_lockstep_on_mid() {
    play(&MID, 40, 24);
}

/// A sweep takes 2^18 cycles, and a session has some.
#[test]
fn prop_random_sessions_run_in_lockstep_on_hyper() {
    play(&HYPER, 3, 24);
}
