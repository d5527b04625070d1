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
    for seed in 0..60 {
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
        ("doorbells", doorbells, 400),
        ("packets sent", sent, 200),
        ("packets delivered", delivered, 100),
        ("packets dropped", dropped, 100),
        ("interrupts", interrupts, 200),
        ("faults", faults, 60),
        ("commands", commands, 2000),
        ("translation hits", hits, 1000),
        ("translation misses", misses, 500),
        ("faults lost", total.faults_lost, 5),
        ("split writes", total.split_writes, 5),
        ("bad reads", total.bad_reads, 10),
        ("bad writes", total.bad_writes, 5),
        ("packets given up", total.aborts, 10),
        ("answers", total.answers, 60),
        ("halts in flight", total.halts_in_flight, 40),
        ("invalidations in flight", total.invalidations_in_flight, 20),
        ("index wraps", total.index_wraps, 10),
        ("chains", total.chains, 400),
        ("chains of rings of 2", of_log2(&total, 1), 50),
        ("chains of rings of 256", of_log2(&total, 8), 50),
        ("messages sent late", total.unmasked_pending, 3),
        ("commands refused", total.answered(EINVAL), 50),
        ("commands too early", total.answered(EBUSY), 5),
        ("drains given up", total.answered(EAGAIN), 3),
        ("devices stopped", total.answered_to(DEV_MODE_SET, OK), 20),
        ("devices destroyed", total.answered_to(DEV_DESTROY, OK), 40),
        (
            "devices reset or advanced",
            total.answered_to(STATUS_SET, OK),
            200,
        ),
        ("queues reset", total.answered_to(VQ_RESET, OK), 10),
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
