//! Everything that crosses crates: whole-device property tests in lockstep.
//!
//! `chaos` turns a list of random actions (admin commands valid and not, rings, kicks, packets, mappings, stalls, resets) into
//! stimulus, runs RTL and model on it and compares every output port in every cycle, with the monitors watching.
#![forbid(unsafe_code)]

pub mod chaos;
pub mod conform;

use proptest::test_runner::{Config, RngSeed};

/// Settings of the property tests: `cases` sessions of one fixed seed, the same in every run; or, where `SHOAL_CASES` names
/// a number, that many sessions of a fresh seed (`SHOAL_SEED` chooses it). The seed is printed when `SHOAL_CASES` is set.
#[must_use]
pub fn config(cases: u32) -> Config {
    let number = |name| {
        std::env::var(name)
            .ok()
            .and_then(|v: String| v.parse::<u64>().ok())
    };
    let (cases, seed) = match number("SHOAL_CASES") {
        None => (cases, number("SHOAL_SEED").unwrap_or(1)),
        Some(n) => {
            let clock = std::time::SystemTime::UNIX_EPOCH.elapsed();
            let fresh = clock.map_or(1, |t| t.as_nanos() as u64);
            let seed = number("SHOAL_SEED").unwrap_or(fresh);
            println!("SHOAL_SEED={seed}");
            (u32::try_from(n).unwrap_or(u32::MAX), seed)
        }
    };
    Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_iters: 400,
        ..Config::default()
    }
}
