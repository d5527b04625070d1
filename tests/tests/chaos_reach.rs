//! Random sessions reach what they are meant to reach: a generator that only makes noise would prove nothing.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shoal::dut;
use shoal_abi::profile::TINY;
use shoal_conformance::chaos::{session, Pair, World};

#[test]
fn sessions_reach_every_counter_often() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut total = [0u64; 9];
    let mut cycles = 0;
    for seed in 0..40 {
        let actions = session(40)
            .new_tree(&mut runner)
            .expect("a session")
            .current();
        let model = dut::model_factory(&TINY)().expect("the model");
        let mut world = World::new(&TINY, Pair::new(&TINY, model, None), seed)
            .unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        world.play(&actions).unwrap_or_else(|e| panic!("seed {seed}: {e}
{actions:?}"));
        for (sum, counter) in total.iter_mut().zip(world.counters().expect("counters")) {
            *sum += u64::from(counter);
        }
        cycles += world.compared();
    }
    println!("{cycles} cycles; doorbells, sent, delivered, dropped, interrupts, faults, commands, hits, misses: {total:?}");
    // Hard resets clear counters in many sessions; these are floors well below what is seen.
    let floors = [100, 40, 10, 20, 20, 20, 500, 200, 100];
    for (n, (sum, floor)) in total.iter().zip(floors).enumerate() {
        assert!(*sum >= floor, "counter {n} reached only {sum}");
    }
}
