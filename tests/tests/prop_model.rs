//! The model alone never panics, never hangs and never breaks a bus rule, whatever a session does.

use shoal::dut;
use shoal_abi::profile::TINY;
use shoal_conformance::chaos::{sessions, Pair};
use shoal_conformance::config;

#[test]
fn prop_the_model_survives_random_sessions() {
    let cover = sessions(&TINY, config(64), 40, file!(), |_| {
        let model = dut::model_factory(&TINY)()?;
        Ok(Pair::new(&TINY, model, None))
    });
    println!("not covered: {:?}", cover.missed());
    assert!(cover.hits() * 100 >= cover.points() * 80);
}
