//! Random sessions reach what they are meant to reach: a generator that only makes noise would prove nothing.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shoal::dut;
use shoal_abi::cmd::{
    DEV_DESTROY, DEV_MODE_SET, EAGAIN, EBUSY, EINVAL, OK, STATUS_SET, VQ_RESET, VQ_SETUP,
};
use shoal_abi::profile::TINY;
use shoal_conformance::chaos::{session, Pair, Reach, World};

#[test]
fn sessions_reach_every_counter_often() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut total = Reach::default();
    for seed in 0..100 {
        let actions = session(40)
            .new_tree(&mut runner)
            .expect("a session")
            .current();
        let model = dut::model_factory(&TINY)().expect("the model");
        let mut world = World::new(&TINY, Pair::new(&TINY, model, None), seed)
            .unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        world
            .play(&actions)
            .unwrap_or_else(|e| panic!("seed {seed}: {e}\n{actions:?}"));
        total += &world.reach().unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
    println!("{total}");
    let [doorbells, sent, delivered, dropped, interrupts, faults, commands, hits, misses] =
        total.counters;
    // Floors well below what is seen.
    for (what, n, floor) in [
        ("doorbells", doorbells, 700),
        ("packets sent", sent, 200),
        ("packets delivered", delivered, 200),
        ("packets dropped", dropped, 350),
        ("interrupts", interrupts, 400),
        ("faults", faults, 110),
        ("commands", commands, 3500),
        ("translation hits", hits, 3000),
        ("translation misses", misses, 1000),
        ("faults lost", total.faults_lost, 50),
        ("split writes", total.split_writes, 80),
        ("bad reads", total.bad_reads, 80),
        ("bad writes", total.bad_writes, 170),
        ("packets given up", total.aborts, 15),
        ("answers", total.answers, 120),
        ("halts in flight", total.halts_in_flight, 80),
        ("invalidations in flight", total.invalidations_in_flight, 35),
        ("index wraps", total.index_wraps, 25),
        ("chains", total.chains, 400),
        ("chains of rings of 2", of_log2(&total, 1), 40),
        ("chains of rings of 256", of_log2(&total, 8), 150),
        ("messages at an unmasking", total.unmasked_pending, 15),
        ("commands refused", total.answered(EINVAL), 50),
        ("commands too early", total.answered(EBUSY), 2),
        ("drains given up", total.answered(EAGAIN), 7),
        ("devices stopped", total.answered_to(DEV_MODE_SET, OK), 10),
        ("devices destroyed", total.answered_to(DEV_DESTROY, OK), 40),
        (
            "devices reset or advanced",
            total.answered_to(STATUS_SET, OK),
            200,
        ),
        ("queues reset", total.answered_to(VQ_RESET, OK), 8),
        ("queues set up", total.answered_to(VQ_SETUP, OK), 200),
    ] {
        assert!(n >= floor, "{what}: only {n} of {floor}");
    }
    assert!(
        total.never_done().len() <= 3,
        "commands that never succeed: {:?}",
        total.never_done()
    );
}

fn of_log2(total: &Reach, log2: u8) -> u64 {
    total.chains_of_log2.get(&log2).copied().unwrap_or(0)
}
