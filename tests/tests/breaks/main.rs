//! Every deliberate fault of the RTL is found soon, and what reports it is the right port or monitor.
//!
//! First random sessions are tried, those of the lockstep test with a fixed seed; a fault that they do not reach within
//! the limit must be found by a session that leads straight to it. Without a fault all these sessions pass.

mod sessions;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sessions::Session;
use shoal::dut;
use shoal_abi::profile::TINY;
use shoal_conformance::chaos::{session, Fault, Pair, World};
use verilated::BREAKS;

/// Compared cycles within which a fault must be found.
const LIMIT: u64 = 200_000;
/// Faults that random sessions must find within the limit.
const FOUND_BY_CHANCE: usize = 12;

/// Read addresses: a walk, a ring, a payload read.
const AR: &str = "m_axi_ar";
/// Write addresses: a used ring, a payload write, a message.
const AW: &str = "m_axi_aw";
/// A packet that is taken, or left where it is.
const RX: &str = "s_axis_tready";
/// A packet that goes out otherwise.
const TX: &str = "m_axis_t";

/// A fault, and the beginnings of the names of the ports and monitors that may be the first to report it.
const EXPECTED: &[(&str, &[&str])] = &[
    ("write_slverr", &["s_axil_bresp"]),
    ("msix_masked", &[AW]),
    ("doorbell_page", &[AR]),
    ("doorbell_index", &[AR]),
    ("pte_accessed", &[AR, AW]),
    ("pte_writable", &[AW]),
    ("mmu_space", &[AR, AW]),
    ("tlb_asid", &[AR]),
    ("tlb_page", &[AR, AW]),
    ("tlb_generation", &[AR, AW]),
    ("walk_cache_page", &[AR, AW]),
    // On the bus, or in an answer to TRANSLATE.
    ("pasid", &["m_axi_aruser", "m_axi_awuser", "m_axi_wdata"]),
    ("walk_asid", &[AR, AW]),
    ("waiter_lost", &[AR, AW]),
    ("waiter_again", &[AR, AW]),
    ("walk_old", &[AR, AW]),
    ("mmu_partition", &[AR, AW]),
    ("invalidate_drop", &[AR, AW]),
    ("invalidate_generation", &[AR, AW]),
    // The command is answered too soon.
    ("invalidate_translations", &[AR, AW]),
    ("invalidate_wait", &[AW]),
    ("read_response", &["m_axis_tuser", AR, AW]),
    ("write_last", &["m_axi_wlast"]),
    ("control_strobes", &["m_axi_wstrb"]),
    ("transmit_lanes", &["m_axis_tdata"]),
    ("num_buffers", &["m_axi_wdata"]),
    ("receive_strobes", &["m_axi_wstrb"]),
    ("receive_drain", &[AR, AW]),
    ("round_robin", &[AR, AW]),
    // A device that should have failed goes on to take packets.
    ("chain_limit", &["m_axis_t", AR, AW, RX]),
    ("next_range", &[AR, AW]),
    ("receive_stopped", &[RX, AR]),
    // The step is lost behind a visit: no message is due, and the next element goes where the last one is.
    ("used_index", &[AW]),
    ("used_length", &["m_axi_wdata"]),
    // Index and first element begin in one word: then only the data tell.
    ("used_first", &[AW, "m_axi_wdata"]),
    ("event_index", &[AR, AW]),
    ("vq_masked", &[AW]),
    ("needs_reset", &[RX, AR, AW]),
    ("chain_leak", &[AR, AW]),
    ("fault_access", &["m_axi_wdata"]),
    ("qualifier", &["m_axi_wdata"]),
    ("vq_index", &["m_axi_w", AR, AW]),
    // A chain that is freed too early may have owned a mover.
    ("drain_wait", &[RX, TX, AR, AW]),
    ("drain_member", &[RX, TX, AR, AW]),
    ("sweep_pages", &["m_axi_wdata"]),
];

/// The same random sessions whenever they are asked for.
fn random_sessions() -> Vec<Session> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let one = |_| {
        let tree = session(40).new_tree(&mut runner).expect("a session");
        (&TINY, tree.current())
    };
    (0..16).map(one).collect()
}

/// Plays sessions on the RTL with `plusargs`, until a fault or the limit. Cycles until then.
fn play(all: &[Session], plusargs: &[String], lockstep: bool) -> (u64, Option<Fault>) {
    let mut cycles = 0;
    for (seed, (profile, actions)) in (1..).zip(all) {
        let rtl = dut::rtl_factory(profile, seed, plusargs.to_vec())().expect("the RTL");
        let model = lockstep.then(|| dut::model_factory(profile)().expect("the model"));
        let session = || {
            let mut world = World::new(profile, Pair::new(profile, rtl, model), seed)?;
            world.play(actions)?;
            world.reach()
        };
        match session() {
            Ok(reach) => cycles += reach.cycles,
            Err(fault) => return (cycles + fault.cycle(), Some(fault)),
        }
        if cycles >= LIMIT {
            break;
        }
    }
    (cycles, None)
}

/// How a fault was found.
struct Found {
    cycles: u64,
    fault: Option<Fault>,
    by_chance: bool,
}

impl Found {
    fn cell(&self) -> String {
        let how = ["straight", "random"][usize::from(self.by_chance)];
        let site = match &self.fault {
            Some(Fault::Violation(v)) => format!("{}: {}", v.monitor, v.rule),
            Some(fault) => fault.site().to_owned(),
            None => return format!("{:>7}", "-"),
        };
        format!("{:>7} {how:8} {site}", self.cycles)
    }
}

fn find(name: &str, random: &[Session], lockstep: bool) -> Found {
    let plusargs = [format!("+break_{name}")];
    let straight = sessions::of(name);
    // The random sessions are for the smallest profile.
    if straight.0.name == TINY.name {
        let (cycles, fault) = play(random, &plusargs, lockstep);
        if fault.is_some() && cycles <= LIMIT {
            return Found {
                cycles,
                fault,
                by_chance: true,
            };
        }
    }
    let (cycles, fault) = play(&[straight], &plusargs, lockstep);
    Found {
        cycles,
        fault,
        by_chance: false,
    }
}

/// Finds every fault twice: with the model beside the RTL, and by the monitors alone.
fn find_all(random: &[Session]) -> Vec<[Found; 2]> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let work = || loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let Some((name, _)) = EXPECTED.get(n) else {
            break;
        };
        let both = [find(name, random, true), find(name, random, false)];
        found.lock().expect("no panic").push((n, both));
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut found = found.into_inner().expect("no panic");
    found.sort_by_key(|f| f.0);
    found.into_iter().map(|f| f.1).collect()
}

#[test]
fn every_break_is_found_within_the_limit_and_named_rightly() {
    let names: Vec<_> = BREAKS.iter().map(|b| b.0).collect();
    let expected: Vec<_> = EXPECTED.iter().map(|e| e.0).collect();
    assert_eq!(
        names, expected,
        "the breaks of the RTL and this table differ"
    );
    let header = [" cycles session  first port", "monitors alone"];
    println!("{:16} {:32} {}", "break", header[0], header[1]);
    let (mut bad, mut by_chance) = (Vec::new(), 0);
    for ((name, sites), [found, alone]) in EXPECTED.iter().zip(find_all(&random_sessions())) {
        let line = format!("{name:16} {:32} {}", found.cell(), alone.cell());
        println!("{line}");
        let site = found.fault.as_ref().map_or("", Fault::site);
        if found.cycles > LIMIT || !sites.iter().any(|s| site.starts_with(s)) {
            bad.push(line);
        }
        by_chance += usize::from(found.by_chance);
    }
    assert!(
        bad.is_empty(),
        "not found, or reported by the wrong port:\n{}",
        bad.join("\n")
    );
    assert!(
        by_chance >= FOUND_BY_CHANCE,
        "random sessions found only {by_chance}"
    );
}

#[test]
fn without_a_break_the_same_sessions_pass() {
    let straight = EXPECTED.iter().map(|(name, _)| sessions::of(name));
    for session in straight.chain(random_sessions()) {
        let (_, fault) = play(std::slice::from_ref(&session), &[], true);
        assert!(
            fault.is_none(),
            "{}\n{:?}",
            fault.expect("a fault"),
            session.1
        );
    }
    let (cycles, fault) = play(&random_sessions(), &[], true);
    assert!(
        fault.is_none() && cycles >= LIMIT,
        "only {cycles} cycles of sessions"
    );
}
