//! What happens to each cycle in the checking thread, and in a replay: record, compare, monitor.

use std::panic::{catch_unwind, AssertUnwindSafe};

use crossbeam::channel::Sender;
use shoal_abi::ports::{Inputs, Outputs, OUTPUTS};
use shoal_abi::profile::Profile;

use super::commands::{Commands, MemberEvent};
use super::digest::Digest;
use super::history::{History, Interface};
use super::{Divergence, Failure};
use crate::dut::Dut;
use crate::monitor::{self, Cover, Monitor};
use crate::record::{RecordError, Recorder, Recording};

/// What a checker found.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// Cycles seen.
    pub cycles: u64,
    /// Cycles whose outputs were compared.
    pub compared_cycles: u64,
    /// Output ports compared in each of them; 0 without a reference.
    pub compared_ports: usize,
    /// Digest of every output in every cycle after the first edge in reset. Equal for equal runs of one build of this program.
    pub digest: u64,
    /// What ended the run, if something did.
    pub failure: Option<Failure>,
    /// The last admin commands before the failure, oldest first; empty without one.
    pub commands: Vec<String>,
    /// What the monitors have seen happen.
    pub cover: Cover,
    /// The record of the run, if one was made.
    pub recording: Option<Result<Recording, RecordError>>,
}

/// Checks cycles in order.
pub struct Checker {
    profile: &'static Profile,
    seed: u64,
    /// The reference, and what it says the outputs are.
    reference: Option<(Box<dyn Dut>, Outputs)>,
    monitors: Vec<Box<dyn Monitor>>,
    recorder: Option<Recorder>,
    history: History,
    commands: Commands,
    events: Option<Sender<MemberEvent>>,
    /// A clock edge in reset has been seen: state is defined.
    is_reset: bool,
    cycle: u64,
    compared: u64,
    digest: Digest,
    failure: Option<Failure>,
}

impl Checker {
    /// A checker that does nothing yet.
    #[must_use]
    pub fn new(profile: &'static Profile, seed: u64) -> Self {
        Self {
            profile,
            seed,
            reference: None,
            monitors: Vec::new(),
            recorder: None,
            history: History::default(),
            commands: Commands::new(profile),
            events: None,
            is_reset: false,
            cycle: 0,
            compared: 0,
            digest: Digest::new(),
            failure: None,
        }
    }

    /// Compares with `reference`.
    #[must_use]
    pub fn with_reference(mut self, reference: Option<Box<dyn Dut>>) -> Self {
        self.reference = reference.map(|r| {
            let expected = r.outputs();
            (r, expected)
        });
        self
    }

    /// Shows cycles to `monitors`.
    #[must_use]
    pub fn with_monitors(mut self, monitors: Vec<Box<dyn Monitor>>) -> Self {
        self.monitors = monitors;
        self
    }

    /// Records inputs.
    #[must_use]
    pub fn with_recorder(mut self, recorder: Option<Recorder>) -> Self {
        self.recorder = recorder;
        self
    }

    /// Tells what becomes of managed devices.
    #[must_use]
    pub fn with_events(mut self, events: Sender<MemberEvent>) -> Self {
        self.events = Some(events);
        self
    }

    /// Takes cycles; false when one failed.
    pub fn batch(&mut self, cycles: &[(Inputs, Outputs)]) -> bool {
        // A panic of the model or of a monitor is a finding like others: it has a cycle and a replay.
        let result = catch_unwind(AssertUnwindSafe(|| {
            cycles.iter().try_for_each(|(i, o)| self.cycle(i, o))
        }));
        self.failure = match result {
            Ok(Ok(())) => return true,
            Ok(Err(failure)) => Some(failure),
            Err(panic) => Some(Failure::Panic {
                cycle: self.cycle,
                message: message(&*panic),
            }),
        };
        false
    }

    fn cycle(&mut self, i: &Inputs, o: &Outputs) -> Result<(), Failure> {
        if let Some(recorder) = &mut self.recorder {
            recorder.push(i);
        }
        self.history.observe(self.cycle, i, o);
        self.commands.observe(self.cycle, i, o);
        while let Some(event) = self.commands.event() {
            if let Some(events) = &self.events {
                // Nobody may be listening.
                let _ = events.send(event);
            }
        }
        if let Some((reference, expected)) = &mut self.reference {
            if self.is_reset {
                if *o != *expected {
                    let expected = *expected;
                    return Err(self.diverged(o, &expected));
                }
                self.compared += 1;
            }
            *expected = reference.step(i);
        }
        if self.is_reset {
            self.digest.observe(self.cycle, o);
        }
        for monitor in &mut self.monitors {
            monitor
                .check(self.cycle, i, o)
                .map_err(Failure::Violation)?;
        }
        self.is_reset |= i.reset;
        self.cycle += 1;
        Ok(())
    }

    fn diverged(&self, device: &Outputs, reference: &Outputs) -> Failure {
        let ports = Divergence::compare(self.profile, device, reference);
        let first = ports.first().map_or("", |p| p.port);
        Failure::Divergence(Box::new(Divergence {
            cycle: self.cycle,
            seed: self.seed,
            transfers: self.history.lines(Interface::of(first)),
            ports,
        }))
    }

    /// Completes the record and gives the result.
    #[must_use]
    pub fn finish(self) -> CheckReport {
        let digest = self.digest.value();
        CheckReport {
            cover: monitor::cover(&self.monitors),
            digest,
            cycles: self.cycle + u64::from(self.failure.is_some()),
            compared_cycles: self.compared,
            compared_ports: if self.reference.is_some() {
                OUTPUTS.len()
            } else {
                0
            },
            commands: if self.failure.is_some() {
                self.commands.lines()
            } else {
                Vec::new()
            },
            failure: self.failure,
            recording: self.recorder.map(|r| r.finish(digest)),
        }
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dut::fake::Fake;
    use crate::monitor::Violation;
    use shoal_abi::profile::TINY;

    /// Runs `device` for some cycles, the first two in reset.
    fn run(mut device: Fake, checker: Checker) -> CheckReport {
        let mut checker = checker;
        for n in 0..5000 {
            let i = Inputs {
                reset: n < 2,
                ..Inputs::default()
            };
            let o = device.outputs();
            if !checker.batch(&[(i, o)]) {
                break;
            }
            device.step(&i);
        }
        checker.finish()
    }

    fn reference() -> Option<Box<dyn Dut>> {
        Some(Box::new(Fake::new(0)))
    }

    #[test]
    fn random_outputs_before_reset_are_not_compared_and_all_later_ones_are() {
        let r = run(
            Fake::new(0xbad),
            Checker::new(&TINY, 1).with_reference(reference()),
        );
        assert!(r.failure.is_none());
        assert_eq!((r.cycles, r.compared_cycles), (5000, 4999));
        assert_eq!(r.compared_ports, OUTPUTS.len());
    }

    #[test]
    fn one_wrong_bit_in_one_cycle_is_found_in_that_cycle() {
        let device = Fake::wrong(1000);
        let r = run(device, Checker::new(&TINY, 9).with_reference(reference()));
        let Some(Failure::Divergence(d)) = r.failure else {
            panic!("a divergence")
        };
        // Two cycles of reset, and the outputs of cycle n show what edge n - 1 did.
        assert_eq!((d.cycle, d.seed), (1002, 9));
        assert_eq!(d.ports.len(), 1);
        assert_eq!(d.ports[0].port, "m_axis_tdata");
        assert_eq!(d.ports[0].device[0] ^ d.ports[0].reference[0], 0x100);
    }

    #[test]
    fn a_panic_in_the_reference_is_a_failure_with_its_cycle() {
        let bad = Fake::panicking(50);
        let r = run(
            Fake::new(1),
            Checker::new(&TINY, 1).with_reference(Some(Box::new(bad))),
        );
        let Some(Failure::Panic { cycle, message }) = r.failure else {
            panic!("a panic")
        };
        assert_eq!((cycle, message.as_str()), (51, "told to panic"));
    }

    #[test]
    fn a_monitor_ends_the_run() {
        struct AtCycle(u64);
        impl Monitor for AtCycle {
            fn name(&self) -> &'static str {
                "at_cycle"
            }
            fn check(&mut self, cycle: u64, _: &Inputs, _: &Outputs) -> Result<(), Violation> {
                if cycle == self.0 {
                    return Err(Violation::device(cycle, self.name(), "rule", "numbers"));
                }
                Ok(())
            }
        }
        let checker = Checker::new(&TINY, 1).with_monitors(vec![Box::new(AtCycle(77))]);
        let r = run(Fake::new(1), checker);
        assert_eq!(r.failure.map(|f| f.cycle()), Some(77));
        assert_eq!((r.cycles, r.compared_ports), (78, 0));
    }
}
