//! RTL and model agree on every port in every cycle of random sessions, and the monitors stay silent.
//!
//! One fixed seed, or with `SHOAL_CASES=n` (`make soak SEEDS=n`) n sessions of a fresh one. Failures are kept beside this file.

use proptest::prelude::{any, proptest};
use proptest::test_runner::TestCaseError;
use shoal::dut;
use shoal_abi::profile::{Profile, HYPER, MID, TINY};
use shoal_conformance::chaos::{session, Action, Pair, World};
use shoal_conformance::config;

fn play(profile: &'static Profile, seed: u64, actions: &[Action]) -> Result<(), TestCaseError> {
    let fail = |e: &dyn std::fmt::Display| TestCaseError::fail(format!("seed {seed}: {e}"));
    let rtl = dut::rtl_factory(profile, seed, Vec::new())().map_err(|e| fail(&e))?;
    let model = dut::model_factory(profile)().map_err(|e| fail(&e))?;
    let mut world =
        World::new(profile, Pair::new(profile, rtl, Some(model)), seed).map_err(|e| fail(&e))?;
    world.play(actions).map_err(|e| fail(&e))
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn prop_random_sessions_run_in_lockstep_on_tiny(seed: u64, actions in session(40)) {
        play(&TINY, seed, &actions)?;
    }

    #[test]
    fn prop_random_sessions_run_in_lockstep_on_mid(seed in any::<u64>(), actions in session(24)) {
        play(&MID, seed, &actions)?;
    }
}

proptest! {
    // A sweep takes 2^18 cycles, and a session has some.
    #![proptest_config(config(3))]

    #[test]
    fn prop_random_sessions_run_in_lockstep_on_hyper(seed in any::<u64>(), actions in session(24)) {
        play(&HYPER, seed, &actions)?;
    }
}
