//! The host with a small fake device.

use super::*;
use crate::dut::fake::{Fake, CYCLES, MISSING};
use crate::lockstep::Failure;

fn host(setup: &Setup) -> Host {
    Host::new(setup, HostSettings::new(setup.seed)).unwrap()
}

#[test]
fn registers_are_written_read_and_refused_over_the_bus() {
    let mut h = host(&Setup::fake(Fake::factory(1)));
    for n in 0..20 {
        h.write32(n * 4 + 0x100, n ^ 0x55).unwrap();
    }
    h.post_write32(0x200, 7);
    assert_eq!(h.read32(0x200), Ok(7), "a read pushes posted writes");
    assert_eq!(h.read32(0x108), Ok(2 ^ 0x55));
    assert_eq!(
        h.read32(MISSING),
        Err(HostError::BadResponse {
            addr: MISSING,
            resp: 2
        })
    );
    let before = h.read32(CYCLES).unwrap();
    h.run(100).unwrap();
    assert!(h.read32(CYCLES).unwrap() >= before + 100);
    let report = h.finish().unwrap();
    assert!(report.check.failure.is_none());
    assert_eq!(report.check.compared_cycles, report.check.cycles - 1);
}

#[test]
fn a_divergence_stops_the_host_and_is_in_the_report() {
    let mut h = host(&Setup::fake(Fake::wrong_factory(10_000)));
    let e = h.run(10_000_000).unwrap_err();
    assert!(matches!(e, HostError::Stopped { .. }), "{e}");
    assert_eq!(h.read32(0), Err(e.clone()));
    assert_eq!(h.stopped(), Some(&e));
    let Some(Failure::Divergence(d)) = h.finish().unwrap().check.failure else {
        panic!("a divergence")
    };
    assert_eq!((d.cycle, d.ports[0].port), (10_004, "m_axis_tdata"));
}

#[test]
fn the_cycle_limit_and_timeouts_are_errors_with_numbers() {
    let setup = Setup::fake(Fake::factory(1));
    let settings = HostSettings {
        max_cycles: 1000,
        ..HostSettings::new(1)
    };
    let mut h = Host::new(&setup, settings).unwrap();
    let e = h.run_until("rain", 50, |_| false).unwrap_err();
    assert_eq!(e.to_string(), "rain did not happen within 50 cycles");
    assert_eq!(h.run(2000), Err(HostError::CycleLimit(1000)));
    assert_eq!(h.cycle(), 1000);
    assert_eq!(h.finish().unwrap().check.cycles, 1000);
}

#[test]
fn a_shared_host_serves_several_holders() {
    let shared = SharedHost::new(host(&Setup::fake(Fake::factory(1))));
    let other = shared.clone();
    shared.borrow_mut().write32(0x40, 3).unwrap();
    shared
        .run_until("the register", 10_000, 10, || {
            other.borrow_mut().read32(0x40) == Ok(3)
        })
        .unwrap();
    let mem = shared.borrow().mem().clone();
    let at = mem.alloc(1).unwrap();
    mem.write(at, b"abc").unwrap();
    assert!(matches!(other.finish(), Err(HostError::Setup(_))));
    assert!(shared.finish().is_ok());
}

#[test]
fn progress_is_told_and_taps_see_every_cycle() {
    use std::cell::Cell;
    use std::rc::Rc;
    let mut h = host(&Setup::fake(Fake::factory(1)));
    let (told, seen) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (t, s) = (told.clone(), seen.clone());
    h.set_progress(Box::new(move |cycle, _| t.set(cycle)));
    h.add_tap(Box::new(move |_, _, _| s.set(s.get() + 1)));
    h.run(40_000).unwrap();
    assert_eq!(told.get(), 2 * PROGRESS_CYCLES);
    assert_eq!(seen.get(), 40_000);
}
