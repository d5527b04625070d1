//! The MMU three times: the rust-hdl block and the model's block on the same stimulus, every output compared in every cycle
//! (TIMING.md §5), and each answer held against a walk of the page tables that knows neither.
//!
//! A client has its next request up as soon as the last was taken, so that waiters, orphans, merges and all walkers are
//! exercised; a tag tells which request an answer is for. `SHOAL_SEED` and `SHOAL_CASES` choose others.
#![forbid(unsafe_code)]

mod bench;
mod book;
mod coverage;
mod memory;
mod stimulus;
mod twins;
mod watch;

use bench::{Bench, Lie};
use coverage::Coverage;
use proptest::test_runner::RngSeed;
use shoal_conformance::config;
use shoal_hdl::block::{In, Mmu, Request};

/// Cycles of a case, without those in which it drains.
const CYCLES: u64 = 4000;
/// Cases of a plain run.
const CASES: u32 = 24;

fn case(seed: u64, lie: Lie, cycles: u64, all: &mut Coverage) -> Result<(), String> {
    let mut bench = Bench::new(seed, lie);
    let ran = bench.run(cycles);
    all.add(&bench.watch.seen);
    ran.map_err(|e| format!("SHOAL_SEED={seed} SHOAL_CASES=1: {e}"))
}

#[test]
fn rtl_and_model_agree_in_every_cycle_and_every_answer_is_right() {
    let config = config(CASES);
    let first = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => 1,
    };
    let mut seen = Coverage::default();
    for k in 0..u64::from(config.cases) {
        if let Err(e) = case(first.wrapping_add(k), Lie::None, CYCLES, &mut seen) {
            panic!("{e}");
        }
    }
    println!("{} cases: {seen}", config.cases);
    if config.cases >= CASES {
        let missing = seen.missing();
        assert!(missing.is_empty(), "never or seldom seen: {missing:?}");
    }
}

/// What the test would say of an MMU that is wrong.
#[test]
fn each_kind_of_wrong_is_noticed() {
    for (lie, what) in [
        (Lie::OtherPartition, "model"),
        (Lie::OtherPage, "no table"),
        (Lie::DoneTooEarly, "still to come"),
        (Lie::NoInvalidation, "no table"),
    ] {
        let found = (1..4).find_map(|seed| case(seed, lie, CYCLES, &mut Coverage::default()).err());
        let found = found.unwrap_or_else(|| panic!("{lie:?} passes"));
        assert!(found.contains(what), "{lie:?}: {found}");
    }
}

/// Seed 8 once found it: the payload of the answer that a reset overtook stood at the port without one.
#[test]
fn a_reset_leaves_nothing_of_the_answer_that_was_coming() {
    let mut rtl = Mmu::default();
    let request = In {
        requests: [Some(Request::default()), None, None],
        ..In::default()
    };
    let reset = In {
        reset: true,
        ..In::default()
    };
    // Taken, L1, L2: all address spaces are off, so a fault would be up next.
    for i in [reset, request, In::default(), reset] {
        rtl.settle(&i);
        rtl.edge();
    }
    let out = rtl.settle(&In::default());
    assert_eq!((out.answered, out.answer), ([false; 3], (0, 0, 0, 0)));
}
