//! The clock of a served device: it runs freely while something can happen and stands still while nothing can.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::host::{Host, HostError};
use crate::lockstep::MemberEvent;

/// Cycles between two looks at the clients.
const STRIDE: u32 = 32;
/// Cycles without anything at the ports after which nothing happens any more. The longest that the device works in silence is a drain:
/// `DRAIN_POLLS` polls of at most 64 cycles; sweeps of its memories are shorter.
const QUIET_CYCLES: u64 = 64 * shoal_abi::cmd::DRAIN_POLLS as u64 + 16_384;
/// Longest sleep without a look at the stop flag.
const NAP: Duration = Duration::from_millis(100);

/// What stands between clients and the device.
pub trait Front {
    /// Takes what clients want and gives them what the device has done.
    fn serve(&mut self, host: &mut Host);
    /// True while a client waits for the device.
    fn is_waiting(&self) -> bool;
    /// Sleeps until a client wants something, at most so long.
    fn wait(&mut self, at_most: Duration);
    /// A managed device came or went.
    fn member(&mut self, _host: &mut Host, _event: MemberEvent) {}
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

/// Runs the device for the clients of `front` until `stop`, or until a check fails.
///
/// # Errors
/// As [`Host::step`].
pub fn run(
    host: &mut Host,
    front: &mut dyn Front,
    clock: Clock,
    stop: &Arc<AtomicBool>,
) -> Result<PumpCounts, (PumpCounts, HostError)> {
    let mut counts = PumpCounts::default();
    let mut members = std::collections::BTreeSet::new();
    let mut quiet_since = host.cycle();
    let (mut started, mut first) = (Instant::now(), host.cycle());
    while !stop.load(Ordering::Relaxed) {
        front.serve(host);
        while let Some(event) = host.member_event() {
            match event {
                MemberEvent::Created(id, _) => counts.created += u64::from(members.insert(id)),
                MemberEvent::Destroyed(id) => counts.destroyed += u64::from(members.remove(&id)),
                MemberEvent::AllGone => {
                    counts.destroyed += members.len() as u64;
                    members.clear();
                }
            }
            front.member(host, event);
        }
        if front.is_waiting() || !host.is_quiet() {
            quiet_since = host.cycle();
        } else if host.cycle() - quiet_since >= QUIET_CYCLES {
            host.flush();
            let asleep = Instant::now();
            front.wait(NAP);
            counts.naps += 1;
            counts.asleep += asleep.elapsed();
            (started, first) = (Instant::now(), host.cycle());
            if !front.is_waiting() {
                // Nobody came: the clock stands.
                continue;
            }
        }
        for _ in 0..STRIDE {
            if let Err(e) = host.step() {
                return Err((counts, e));
            }
        }
        if let Some(hz) = clock.hz {
            pace(host, front, hz, started, first);
        }
    }
    Ok(counts)
}

/// Sleeps while the device is ahead of its clock.
fn pace(host: &Host, front: &mut dyn Front, hz: u64, started: Instant, first: u64) {
    #[allow(clippy::cast_precision_loss)]
    let due = Duration::from_secs_f64((host.cycle() - first) as f64 / hz.max(1) as f64);
    if let Some(ahead) = due.checked_sub(started.elapsed()) {
        if ahead > Duration::from_millis(1) {
            front.wait(ahead.min(NAP));
        }
    }
}
