//! RTL and model agree on every port in every cycle of random sessions, and the monitors stay silent.
//!
//! Cases from `SHOAL_CASES` (default 48), base seed printed on failure by proptest; failures are kept in `proptest-regressions/`.

use proptest::prelude::{any, proptest, ProptestConfig};
use proptest::test_runner::TestCaseError;
use shoal::dut;
use shoal_abi::profile::{Profile, MID, TINY};
use shoal_conformance::chaos::{session, Action, Pair, World};

fn cases(default: u32) -> u32 {
    std::env::var("SHOAL_CASES")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(default)
}

fn play(profile: &'static Profile, seed: u64, actions: &[Action]) -> Result<(), TestCaseError> {
    let fail = |e: &dyn std::fmt::Display| TestCaseError::fail(format!("seed {seed}: {e}"));
    let rtl = dut::rtl_factory(profile, seed, Vec::new())().map_err(|e| fail(&e))?;
    let model = dut::model_factory(profile)().map_err(|e| fail(&e))?;
    let mut world =
        World::new(profile, Pair::new(profile, rtl, Some(model)), seed).map_err(|e| fail(&e))?;
    world.play(actions).map_err(|e| fail(&e))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn prop_random_sessions_run_in_lockstep_on_tiny(seed: u64, actions in session(40)) {
        play(&TINY, seed, &actions)?;
    }

    #[test]
    fn prop_random_sessions_run_in_lockstep_on_mid(seed in any::<u64>(), actions in session(24)) {
        play(&MID, seed, &actions)?;
    }
}
