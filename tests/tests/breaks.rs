//! Every deliberate fault of the RTL is found soon, and what reports it is the right port or monitor.
//!
//! The sessions are those of the lockstep test with a fixed seed, so that the numbers are the same in every run; faults
//! that they reach too seldom have a session of their own. Without a fault the same sessions pass.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shoal::dut;
use shoal_abi::profile::{Profile, MID, TINY};
use shoal_abi::{cmd, regs};
use shoal_conformance::chaos::{session, Action, Command, Fault, Pair, World};
use verilated::BREAKS;

/// Compared cycles within which a fault must be found.
const LIMIT: u64 = 200_000;

/// Read addresses: a walk, a ring, a payload read.
const AR: &str = "m_axi_ar";
/// Write addresses: a used ring, a payload write, a message.
const AW: &str = "m_axi_aw";
/// Write data and strobes.
const W: &str = "m_axi_w";

/// A session of its own: the profile and what happens.
type Directed = (&'static Profile, fn() -> Vec<Action>);

/// A fault, the beginnings of the names of ports and monitors that may report it, and its session if it has one.
type Expected = (&'static str, &'static [&'static str], Option<Directed>);

const EXPECTED: &[Expected] = &[
    ("write_slverr", &["s_axil_bresp"], None),
    ("msix_masked", &[AW], Some((&TINY, masked_vector))),
    ("doorbell_page", &[AR], None),
    ("doorbell_index", &[AR], None),
    ("pte_accessed", &[AR, AW], None),
    ("pte_writable", &[AW], None),
    ("mmu_space", &[AR, AW], None),
    ("tlb_asid", &[AR], Some((&MID, same_page_of_two_asids))),
    ("tlb_page", &[AR, AW], None),
    ("pasid", &["m_axi_aruser", "m_axi_awuser"], None),
    ("invalidate_drop", &[AR, AW], None),
    ("invalidate_wait", &[AW], None),
    ("read_response", &[AR, AW, "m_axis_tuser"], None),
    ("write_last", &["m_axi_wlast"], None),
    ("control_strobes", &["m_axi_wstrb"], None),
    ("transmit_lanes", &["m_axis_tdata"], None),
    ("num_buffers", &["m_axi_wdata"], None),
    ("receive_strobes", &["m_axi_wstrb"], None),
    ("receive_drain", &[AR, AW], None),
    ("round_robin", &[AR, AW], None),
    ("chain_limit", &[AR, AW], None),
    ("next_range", &[AR, AW], None),
    ("receive_stopped", &[AR], None),
    ("used_index", &["m_axi_wdata"], None),
    ("used_length", &["m_axi_wdata"], None),
    ("used_first", &["m_axi_awaddr"], None),
    ("event_index", &[AR, AW], None),
    ("vq_masked", &[AW], None),
    ("needs_reset", &[AR, AW, W], None),
    ("chain_leak", &[AR, AW], None),
    ("fault_access", &["m_axi_wdata"], None),
    ("qualifier", &["m_axi_wdata"], None),
    ("vq_index", &[AR, AW, W], None),
    ("drain_wait", &[AR, AW], None),
    ("drain_member", &[AR, AW], None),
    ("sweep_pages", &["m_axi_wdata"], None),
];

fn own(opcode: u16, data: &[u64]) -> Action {
    Action::Admin(Command {
        opcode,
        group: cmd::GROUP_SELF,
        member: 0,
        data: data.iter().flat_map(|d| d.to_le_bytes()).collect(),
        framing: 0,
    })
}

/// Masks the admin queue's vector, then has commands answered.
fn masked_vector() -> Vec<Action> {
    let mask = regs::MSIX_TABLE + regs::MSIX_ENTRY_BYTES + 12;
    vec![
        Action::Write(mask, 1, 15),
        Action::Wait(500),
        own(cmd::CAPS, &[]),
        Action::Wait(3000),
    ]
}

/// Translates the same page in ASID 1 and in one whose entries fall on the same places, with another root.
fn same_page_of_two_asids() -> Vec<Action> {
    let other = 1 + (1u64 << MID.tlb_aw);
    let page = 0x8000_0000;
    let translate = |asid| own(cmd::TRANSLATE, &[asid, page]);
    vec![
        // Sv39 with an empty root table.
        own(cmd::ASID_SET, &[other | 2 << 32, 0, 0x40_0000]),
        translate(1),
        translate(other),
        Action::Wait(5000),
    ]
}

/// The same random sessions whenever they are asked for.
fn random_sessions() -> Vec<Vec<Action>> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let one = |_| {
        session(40)
            .new_tree(&mut runner)
            .expect("a session")
            .current()
    };
    (0..24).map(one).collect()
}

/// Plays `actions` on the RTL with `plusargs`. Cycles compared, and the fault that ended it if one did.
fn play(
    profile: &'static Profile,
    seed: u64,
    plusargs: &[String],
    actions: &[Action],
    lockstep: bool,
) -> (u64, Option<Fault>) {
    let rtl = dut::rtl_factory(profile, seed, plusargs.to_vec())().expect("the RTL");
    let model = lockstep.then(|| dut::model_factory(profile)().expect("the model"));
    let mut world = match World::new(profile, Pair::new(profile, rtl, model), seed) {
        Ok(world) => world,
        Err(fault) => return (fault.cycle(), Some(fault)),
    };
    let fault = world.play(actions).err();
    (world.compared(), fault)
}

/// The first fault of any session, and the cycles compared until then.
fn search(
    (name, _, directed): &Expected,
    random: &[Vec<Action>],
    lockstep: bool,
) -> (u64, Option<Fault>) {
    let plusargs = [format!("+break_{name}")];
    if let Some((profile, actions)) = directed {
        return play(profile, 1, &plusargs, &actions(), lockstep);
    }
    let mut cycles = 0;
    for (seed, actions) in (0..).zip(random) {
        let (more, fault) = play(&TINY, seed, &plusargs, actions, lockstep);
        cycles += more;
        if fault.is_some() || cycles > LIMIT {
            return (cycles, fault);
        }
    }
    (cycles, None)
}

/// What was found of a fault: with the model beside the RTL, and by the monitors alone.
struct Found {
    lockstep: (u64, Option<Fault>),
    monitors: (u64, Option<Fault>),
}

fn search_all(random: &[Vec<Action>]) -> Vec<Found> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let work = || {
        while let Some(expected) = EXPECTED.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = Found {
                lockstep: search(expected, random, true),
                monitors: search(expected, random, false),
            };
            found.lock().expect("no panic").push((expected.0, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut found = found.into_inner().expect("no panic");
    found.sort_by_key(|(name, _)| EXPECTED.iter().position(|e| e.0 == *name));
    found.into_iter().map(|(_, f)| f).collect()
}

#[test]
fn every_break_is_found_within_the_limit_and_named_rightly() {
    let names: Vec<_> = BREAKS.iter().map(|b| b.0).collect();
    let expected: Vec<_> = EXPECTED.iter().map(|e| e.0).collect();
    assert_eq!(names, expected, "the breaks of the RTL and this table differ");
    let mut bad = Vec::new();
    println!("{:16} {:>7} {:14} monitors alone", "break", "cycles", "first port");
    for ((name, sites, _), found) in EXPECTED.iter().zip(search_all(&random_sessions())) {
        let (cycles, fault) = &found.lockstep;
        let site = fault.as_ref().map_or("not found", Fault::site);
        let alone = match &found.monitors {
            (cycles, Some(Fault::Violation(v))) => {
                format!("{cycles} {} {}", v.monitor, v.rule)
            }
            (cycles, Some(fault)) => format!("{cycles} {}", fault.site()),
            (_, None) => "-".to_owned(),
        };
        println!("{name:16} {cycles:>7} {site:14} {alone}");
        if *cycles > LIMIT || !sites.iter().any(|s| site.starts_with(s)) {
            bad.push(format!("{name}: {site} after {cycles} cycles"));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn without_a_break_the_same_sessions_pass() {
    let directed = EXPECTED.iter().filter_map(|e| e.2);
    for (profile, actions) in directed {
        let (_, fault) = play(profile, 1, &[], &actions(), true);
        assert!(fault.is_none(), "{fault:?}");
    }
    let mut cycles = 0;
    for (seed, actions) in (0..).zip(random_sessions()) {
        let (more, fault) = play(&TINY, seed, &[], &actions, true);
        assert!(fault.is_none(), "session {seed}: {fault:?}\n{actions:?}");
        cycles += more;
    }
    assert!(cycles >= LIMIT, "only {cycles} cycles of sessions");
}
