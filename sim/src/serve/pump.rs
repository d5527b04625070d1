//! The clock of a served device: it runs freely while something can happen and stands still while nothing can.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{poll, PollFd, Timespec};

use crate::host::{Host, HostError, SharedHost};
use crate::lockstep::MemberEvent;

/// Cycles between two looks at the clients.
const STRIDE: u32 = 32;
/// Cycles without anything at the ports after which nothing happens any more. The longest that the device works in silence is a drain:
/// `DRAIN_POLLS` polls of at most 64 cycles; sweeps of its memories are shorter.
const QUIET_CYCLES: u64 = 64 * shoal_abi::cmd::DRAIN_POLLS as u64 + 16_384;
/// Longest sleep without a look at the stop flag.
const NAP: Duration = Duration::from_millis(100);

/// A host as a front holds it: alone, or together with drivers that step it themselves.
pub trait Hosted {
    /// Lends the host.
    fn with<T>(&mut self, f: impl FnOnce(&mut Host) -> T) -> T;
}

impl Hosted for Host {
    fn with<T>(&mut self, f: impl FnOnce(&mut Host) -> T) -> T {
        f(self)
    }
}

impl Hosted for SharedHost {
    fn with<T>(&mut self, f: impl FnOnce(&mut Host) -> T) -> T {
        f(&mut self.borrow_mut())
    }
}

/// What stands between clients and the device.
pub trait Front<H = Host> {
    /// Takes what clients want and gives them what the device has done.
    fn serve(&mut self, host: &mut H);
    /// True while a client waits for the device.
    fn is_waiting(&self) -> bool;
    /// Adds the descriptors that are ready when a client wants something.
    fn wakers<'a>(&'a self, fds: &mut Vec<PollFd<'a>>);
    /// The clock has slept: what woke it is taken back, so that it can sleep again.
    fn woken(&mut self);
    /// The driver of a managed device is ready (DRIVER_OK), with the device's type; or it is no longer.
    fn driver(&mut self, _host: &mut H, _id: u32, _ready: Option<u8>) {}
    /// Sends the clients away and takes back what it made in the device; nothing is asked of it any more.
    fn close(&mut self, _host: &mut H) {}
}

/// How wall time becomes cycles.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Clock {
    /// Most cycles a second; `None` is as many as the simulation makes.
    pub hz: Option<u64>,
}

/// What a pump counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PumpCounts {
    /// Times that the clock stood still.
    pub naps: u64,
    /// How long.
    pub asleep: Duration,
    /// Managed devices created and destroyed.
    pub created: u64,
    /// See `created`; those that went with a reset included.
    pub destroyed: u64,
}

/// Runs the device for the clients of all `fronts` until `stop`, or until a check fails; then closes them.
///
/// # Errors
/// As [`Host::step`].
pub fn run<H: Hosted>(
    host: &mut H,
    fronts: &mut [&mut dyn Front<H>],
    clock: Clock,
    stop: &Arc<AtomicBool>,
) -> Result<PumpCounts, (PumpCounts, HostError)> {
    let mut counts = PumpCounts::default();
    let mut living = BTreeMap::new();
    let result = turn(host, fronts, clock, stop, &mut living, &mut counts);
    fronts.iter_mut().for_each(|f| f.close(host));
    // What has happened by now is counted, however late the checks are.
    host.with(Host::settle);
    members(host, fronts, &mut living, &mut counts);
    match result {
        Ok(()) => Ok(counts),
        Err(e) => Err((counts, e)),
    }
}

/// Runs the device until `stop`.
fn turn<H: Hosted>(
    host: &mut H,
    fronts: &mut [&mut dyn Front<H>],
    clock: Clock,
    stop: &Arc<AtomicBool>,
    living: &mut BTreeMap<u32, u8>,
    counts: &mut PumpCounts,
) -> Result<(), HostError> {
    let mut quiet_since = host.with(|h| h.cycle());
    let (mut started, mut first) = (Instant::now(), quiet_since);
    while !stop.load(Ordering::Relaxed) {
        fronts.iter_mut().for_each(|f| f.serve(host));
        members(host, fronts, living, counts);
        let (cycle, is_quiet) = host.with(|h| (h.cycle(), h.is_quiet()));
        if is_waiting(fronts) || !is_quiet {
            quiet_since = cycle;
        } else if cycle - quiet_since >= QUIET_CYCLES {
            host.with(Host::flush);
            let asleep = Instant::now();
            wait(fronts, NAP);
            counts.naps += 1;
            counts.asleep += asleep.elapsed();
            (started, first) = (Instant::now(), cycle);
            if !is_waiting(fronts) {
                // Nobody came: the clock stands.
                continue;
            }
        }
        host.with(|h| (0..STRIDE).try_for_each(|_| h.step()))?;
        if let Some(hz) = clock.hz {
            let cycles = host.with(|h| h.cycle()) - first;
            pace(cycles, fronts, hz, started);
        }
    }
    Ok(())
}

fn is_waiting<H>(fronts: &[&mut dyn Front<H>]) -> bool {
    fronts.iter().any(|f| f.is_waiting())
}

/// Sleeps until a client of any front wants something, at most so long.
fn wait<H>(fronts: &mut [&mut dyn Front<H>], at_most: Duration) {
    let mut fds = Vec::new();
    fronts.iter().for_each(|f| f.wakers(&mut fds));
    let time = Timespec {
        tv_sec: at_most.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: at_most.subsec_nanos().into(),
    };
    // Ended early by a signal, it is time for a look at the stop flag.
    let _ = poll(&mut fds, Some(&time));
    fronts.iter_mut().for_each(|f| f.woken());
}

/// Counts the managed devices that came and went, and tells whose drivers are ready.
fn members<H: Hosted>(
    host: &mut H,
    fronts: &mut [&mut dyn Front<H>],
    living: &mut BTreeMap<u32, u8>,
    counts: &mut PumpCounts,
) {
    while let Some(event) = host.with(Host::member_event) {
        let mut tell = |id, ready| fronts.iter_mut().for_each(|f| f.driver(host, id, ready));
        let gone = match event {
            MemberEvent::Created(id, kind) => {
                counts.created += u64::from(living.insert(id, kind).is_none());
                continue;
            }
            MemberEvent::Driver(id, is_ready) => {
                tell(id, living.get(&id).copied().filter(|_| is_ready));
                continue;
            }
            MemberEvent::Destroyed(id) => living.remove_entry(&id).into_iter().collect(),
            MemberEvent::AllGone => std::mem::take(living),
        };
        counts.destroyed += gone.len() as u64;
        gone.into_keys().for_each(|id| tell(id, None));
    }
}

/// Sleeps while the device is ahead of its clock.
fn pace<H>(cycles: u64, fronts: &mut [&mut dyn Front<H>], hz: u64, started: Instant) {
    #[allow(clippy::cast_precision_loss)]
    let due = Duration::from_secs_f64(cycles as f64 / hz.max(1) as f64);
    if let Some(ahead) = due.checked_sub(started.elapsed()) {
        if ahead > Duration::from_millis(1) {
            wait(fronts, ahead.min(NAP));
        }
    }
}
