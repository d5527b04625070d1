//! The model alone never panics, never hangs and never breaks a bus rule, whatever a session does.

use proptest::prelude::{any, proptest};
use proptest::test_runner::TestCaseError;
use shoal::dut;
use shoal_abi::profile::TINY;
use shoal_conformance::chaos::{session, Pair, World};
use shoal_conformance::config;

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn prop_the_model_survives_random_sessions(seed in any::<u64>(), actions in session(40)) {
        let fail = |e: &dyn std::fmt::Display| TestCaseError::fail(format!("seed {seed}: {e}"));
        let model = dut::model_factory(&TINY)().map_err(|e| fail(&e))?;
        let mut world = World::new(&TINY, Pair::new(&TINY, model, None), seed).map_err(|e| fail(&e))?;
        world.play(&actions).map_err(|e| fail(&e))?;
    }
}
