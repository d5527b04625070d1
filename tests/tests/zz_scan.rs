//! Temporary.
use std::collections::BTreeMap;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shoal::dut;
use shoal_abi::profile::TINY;
use shoal_conformance::chaos::{session, Pair, World};
#[test]
fn scan() {
    let mut seen: BTreeMap<String, (u64, Vec<u64>)> = BTreeMap::new();
    for seed in 0..400u64 {
        let mut s=[9u8;32]; s[..8].copy_from_slice(&seed.to_le_bytes());
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &s));
        let actions = session(40).new_tree(&mut runner).unwrap().current();
        let model = dut::model_factory(&TINY)().unwrap();
        let r = World::new(&TINY, Pair::new(&TINY, model, None), seed).and_then(|mut w| w.play(&actions));
        if let Err(e) = r {
            let t = e.to_string();
            let key: String = t.split(": ").skip(1).take(2).collect::<Vec<_>>().join(": ");
            let x = seen.entry(key).or_default(); x.0 += 1; x.1.push(seed);
            if x.0 <= 3 { println!("seed {seed}: {t}"); }
        }
    }
    for (k,(n,s)) in seen { println!("{n} {k}: {:?}", &s[..s.len().min(6)]); }
}
