//! RTL and model agree on every port in every cycle of random sessions, and the monitors stay silent.
//!
//! Together they hit the coverage points of the monitors. One fixed seed, or with `SHOAL_CASES=n` (`make soak SEEDS=n`) n sessions of a fresh one. Failures are kept beside this file.

use shoal::dut;
use shoal::monitor::Cover;
use shoal_abi::profile::{Profile, HYPER, MID, TINY};
use shoal_conformance::chaos::{sessions, Pair};
use shoal_conformance::config;

/// So many sessions of each profile hit nearly every coverage point; fewer hit fewer.
const MANY: u32 = 100;
/// Share of the points that are to be hit, percent: by that many, by fewer.
const FLOORS: [usize; 2] = [95, 80];

fn play(profile: &'static Profile, cases: u32, actions: usize) -> Cover {
    sessions(profile, config(cases), actions, file!(), |seed| {
        let rtl = dut::rtl_factory(profile, seed, Vec::new())()?;
        let model = dut::model_factory(profile)()?;
        Ok(Pair::new(profile, rtl, Some(model)))
    })
}

#[test]
fn prop_random_sessions_run_in_lockstep() {
    // A sweep of hyper takes 2^18 cycles, and a session has some.
    let runs = [(&TINY, 40, 40), (&MID, 40, 24), (&HYPER, 3, 24)];
    let covers = std::thread::scope(|scope| {
        let threads = runs.map(|(profile, cases, actions)| {
            let builder = std::thread::Builder::new().name(profile.name.into());
            builder.spawn_scoped(scope, move || play(profile, cases, actions))
        });
        threads.map(|t| t.expect("a thread").join())
    });
    let mut all = Cover::default();
    for (cover, (profile, ..)) in covers.iter().zip(runs) {
        let cover = cover
            .as_ref()
            .unwrap_or_else(|_| panic!("{} failed, see above", profile.name));
        println!(
            "{}: coverage {} of {} points",
            profile.name,
            cover.hits(),
            cover.points()
        );
        all.merge(cover);
    }
    let (hits, points) = (all.hits(), all.points());
    println!(
        "coverage {hits} of {points} points; not hit: {:?}",
        all.missed()
    );
    let floor = FLOORS[usize::from(config(0).cases < MANY)];
    assert!(hits * 100 >= points * floor, "less than {floor} %");
}
