//! Hostile tenants beside a neighbour: every case in lockstep on `tiny`, some on `mid`, and the suite against faults of the RTL.

use shoal::lockstep::Mode;
use shoal_abi::profile::{Profile, MID, TINY};
use shoal_conformance::conform::{all, clauses, run, run_clauses, Case, Options, Report};

#[test]
fn every_clause_holds_in_lockstep() {
    let mut report = play(&TINY, Mode::Lockstep, Vec::new(), &[]);
    let options = Options {
        profile: &TINY,
        mode: Mode::Lockstep,
        seed: 1,
        plusargs: Vec::new(),
    };
    run_clauses(&options, &clauses(), &mut report, |c| {
        if let Some(why) = &c.why {
            println!("{}: {why}", c.id);
        }
    });
    assert!(report.holds() && report.clauses_tested().0 > 30);
}

fn play(profile: &'static Profile, mode: Mode, plusargs: Vec<String>, cases: &[Case]) -> Report {
    let options = Options {
        profile,
        mode,
        seed: 1,
        plusargs,
    };
    run(&options, cases, |r| {
        if let Some(why) = &r.why {
            println!("{}: {why}", r.name);
        }
    })
}

#[test]
fn every_hostile_tenant_is_contained_in_lockstep() {
    let cases = all();
    let report = play(&TINY, Mode::Lockstep, Vec::new(), &cases);
    assert_eq!(report.passed(), cases.len());
}

#[test]
fn a_sixth_of_them_is_contained_in_lockstep_on_mid() {
    let cases: Vec<Case> = all().into_iter().step_by(6).collect();
    let report = play(&MID, Mode::Lockstep, Vec::new(), &cases);
    assert_eq!(report.passed(), cases.len());
}

/// Without a reference beside it: what the suite itself requires, and the monitors, notice these.
#[test]
fn faults_of_the_rtl_are_noticed() {
    for (fault, filter) in [
        ("pte_writable", "buffer.read_only"),
        ("pte_accessed", "pte.not_accessed"),
        ("next_range", "ring.next"),
        ("chain_limit", "ring.loop"),
        ("needs_reset", "ring.head.outside"),
        ("fault_access", "buffer.no_memory"),
        ("tlb_generation", "race.invalidate"),
        ("qualifier", "admin.vq"),
        ("vq_index", "admin.vq"),
        ("mmu_space", "buffer.overlap"),
    ] {
        let mut cases = all();
        cases.retain(|c| c.name.contains(filter));
        assert!(!cases.is_empty(), "{filter}");
        let report = play(&TINY, Mode::Rtl, vec![format!("+break_{fault}")], &cases);
        assert!(report.passed() < cases.len(), "{fault} is not noticed");
    }
}
