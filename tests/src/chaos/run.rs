//! Many random sessions, and what they covered.

use std::cell::RefCell;

use proptest::prelude::any;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};
use shoal::dut::DutError;
use shoal::monitor::Cover;
use shoal_abi::profile::Profile;

use super::{session, Pair, World};

/// Plays sessions of up to `actions` actions, each in a world of a seed of its own around what `pair` makes of that seed. Returns
/// what the monitors have seen happen.
///
/// # Panics
/// With the shortest session found that fails. It is kept beside `source` and played first the next time.
#[must_use]
pub fn sessions(
    profile: &'static Profile,
    config: Config,
    actions: usize,
    source: &'static str,
    pair: impl Fn(u64) -> Result<Pair, DutError>,
) -> Cover {
    let cover = RefCell::new(Cover::default());
    let config = Config {
        source_file: Some(source),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource(
            "proptest-regressions",
        ))),
        ..config
    };
    let play = |(seed, actions): (u64, Vec<super::Action>)| {
        let fail = |e: &dyn std::fmt::Display| TestCaseError::fail(format!("seed {seed}: {e}"));
        let pair = pair(seed).map_err(|e| fail(&e))?;
        let mut world = World::new(profile, pair, seed).map_err(|e| fail(&e))?;
        let result = world.play(&actions);
        cover.borrow_mut().merge(&world.cover());
        result.map_err(|e| fail(&e))
    };
    if let Err(e) = TestRunner::new(config).run(&(any::<u64>(), session(actions)), play) {
        panic!("{e}");
    }
    cover.into_inner()
}
