//! The host that drivers and scenarios hold: the device, the world around it, and the checks, one cycle at a time.
//!
//! Drivers are ordinary blocking code: a call that has to wait steps the simulation until it is done. Nothing else runs
//! meanwhile, so that several drivers are interleaved by polling each in turn.

mod error;
#[cfg(feature = "driver")]
mod platform;
mod report;
mod shared;

pub use error::HostError;
pub use report::{Counters, RunReport};
pub use shared::SharedHost;

use std::path::PathBuf;
use std::time::Instant;

use crossbeam::channel::{unbounded, Receiver};
use shoal_abi::ports::Outputs;
use shoal_abi::profile::Profile;
use shoal_abi::regs::RESP_OKAY;

use crate::dut::Dut;
use crate::env::{
    Blk, Env, EnvSettings, HostMem, Iommu, IrqController, RegDone, RegOp, Switch, Tap, Ticket,
};
use crate::lockstep::{Lockstep, MemberEvent};
use crate::record::Recorder;
use crate::setup::Setup;

/// Cycles that a register access may take.
const REGISTER_CYCLES: u64 = 100_000;
/// Cycles of reset at the start.
const RESET_CYCLES: u32 = 4;
/// Cycles between two calls of the progress function.
const PROGRESS_CYCLES: u64 = 16_384;

/// What a host needs to know beyond the [`Setup`].
#[derive(Clone, Debug)]
pub struct HostSettings {
    /// The world.
    pub env: EnvSettings,
    /// Cycles after which the run ends with [`HostError::CycleLimit`].
    pub max_cycles: u64,
    /// Folder for the record of the run; `None` records nothing.
    pub record_dir: Option<PathBuf>,
    /// Bytes after which the record takes no more cycles.
    pub record_limit: u64,
    /// Waveform of the whole run.
    pub wave: Option<PathBuf>,
}

impl HostSettings {
    /// The ordinary world of `seed`, no record.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            env: EnvSettings::new(seed),
            max_cycles: u64::MAX,
            record_dir: None,
            record_limit: 4 << 30,
            wave: None,
        }
    }
}

/// What a run is doing, and how far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stage {
    /// What.
    pub what: String,
    /// Work done in the whole run.
    pub done: u64,
    /// All of it; 0 when nobody knows.
    pub of: u64,
}

/// Told the cycle from time to time, and what the run is doing.
pub type Progress = Box<dyn FnMut(u64, &Stage)>;

/// A running simulation.
pub struct Host {
    profile: &'static Profile,
    device: Box<dyn Dut>,
    outputs: Outputs,
    env: Env,
    lockstep: Lockstep,
    members: Receiver<MemberEvent>,
    max_cycles: u64,
    progress: Option<Progress>,
    stage: Stage,
    started: Instant,
    /// Why nothing goes on any more.
    stopped: Option<HostError>,
}

impl Host {
    /// Starts a simulation and takes the device through reset.
    ///
    /// # Errors
    /// When device, reference, memory, record or waveform cannot be had.
    pub fn new(setup: &Setup, settings: HostSettings) -> Result<Self, HostError> {
        let HostSettings {
            env,
            max_cycles,
            record_dir,
            record_limit,
            wave,
        } = settings;
        let recorder = match record_dir {
            Some(dir) => Some(Recorder::new(
                &dir,
                setup.profile,
                &setup.header(),
                record_limit,
            )?),
            None => None,
        };
        let mut device = setup.new_device()?;
        if let Some(path) = wave {
            device.trace_open(&path)?;
        }
        let for_checker = setup.clone();
        let (tell, members) = unbounded();
        let lockstep =
            Lockstep::start(move || Ok(for_checker.new_checker(recorder)?.with_events(tell)))?;
        let mut host = Self {
            profile: setup.profile,
            outputs: device.outputs(),
            device,
            env: Env::new(setup.profile, env)?,
            lockstep,
            members,
            max_cycles,
            progress: None,
            stage: Stage::default(),
            started: Instant::now(),
            stopped: None,
        };
        host.env.reset(RESET_CYCLES);
        host.run(u64::from(RESET_CYCLES))?;
        Ok(host)
    }

    /// Calls `progress` with the cycle from time to time.
    pub fn set_progress(&mut self, progress: Progress) {
        self.progress = Some(progress);
    }

    /// Says what the run is doing, for the progress function.
    pub fn set_stage(&mut self, what: impl Into<String>) {
        self.set_step(what, 0, 0);
    }

    /// The same, and how much of the run's work is done.
    pub fn set_step(&mut self, what: impl Into<String>, done: u64, of: u64) {
        let what = what.into();
        self.stage = Stage { what, done, of };
    }

    /// Shows every cycle from now on to `tap`, in this thread.
    pub fn add_tap(&mut self, tap: Tap) {
        self.env.add_tap(tap);
    }

    /// One cycle.
    ///
    /// # Errors
    /// `Stopped` when a check has failed, `CycleLimit` at the end of the run's cycles. It stays so.
    pub fn step(&mut self) -> Result<(), HostError> {
        if let Some(why) = &self.stopped {
            return Err(why.clone());
        }
        let cycle = self.env.cycle();
        if cycle >= self.max_cycles {
            return self.stop(HostError::CycleLimit(self.max_cycles));
        }
        let inputs = self.env.inputs(&self.outputs);
        let before = std::mem::replace(&mut self.outputs, self.device.step(&inputs));
        if !self.lockstep.push(inputs, before) {
            return self.stop(HostError::Stopped { cycle });
        }
        if cycle.is_multiple_of(PROGRESS_CYCLES) {
            if let Some(progress) = &mut self.progress {
                progress(cycle, &self.stage);
            }
        }
        Ok(())
    }

    /// Lets the checks catch up with what has been stepped so far, without waiting for them.
    pub fn flush(&mut self) {
        // A check that has failed shows at the next step.
        let _ = self.lockstep.flush();
    }

    /// Waits until the checks have caught up with what has been stepped so far.
    pub fn settle(&mut self) {
        self.lockstep.settle();
    }

    /// The next thing that happened to a managed device, some thousand cycles late.
    pub fn member_event(&mut self) -> Option<MemberEvent> {
        self.members.try_recv().ok()
    }

    fn stop(&mut self, why: HostError) -> Result<(), HostError> {
        self.stopped = Some(why.clone());
        Err(why)
    }

    /// Why the simulation does not go on any more, if it does not.
    #[must_use]
    pub fn stopped(&self) -> Option<&HostError> {
        self.stopped.as_ref()
    }

    /// `cycles` cycles.
    ///
    /// # Errors
    /// As [`Host::step`].
    pub fn run(&mut self, cycles: u64) -> Result<(), HostError> {
        (0..cycles).try_for_each(|_| self.step())
    }

    /// Cycles until `done` says so; it is asked before each.
    ///
    /// # Errors
    /// `Timeout` naming `what` after `cycles` cycles; as [`Host::step`].
    pub fn run_until(
        &mut self,
        what: &'static str,
        cycles: u64,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), HostError> {
        for _ in 0..cycles {
            if done(self) {
                return Ok(());
            }
            self.step()?;
        }
        if done(self) {
            return Ok(());
        }
        Err(HostError::Timeout { what, cycles })
    }

    /// Holds the device in reset for `cycles` cycles, which pass.
    ///
    /// # Errors
    /// As [`Host::step`].
    pub fn reset(&mut self, cycles: u32) -> Result<(), HostError> {
        self.env.reset(cycles);
        self.run(u64::from(cycles))
    }

    /// The register at `addr`; waits for it.
    ///
    /// # Errors
    /// `BadResponse`; `Timeout`; as [`Host::step`].
    pub fn read32(&mut self, addr: u32) -> Result<u32, HostError> {
        let ticket = self.env.axil.submit(RegOp::Read { addr });
        Ok(self.wait_for(ticket, addr)?.data)
    }

    /// Writes the register at `addr` and waits for the response.
    ///
    /// # Errors
    /// As [`Host::read32`].
    pub fn write32(&mut self, addr: u32, data: u32) -> Result<(), HostError> {
        let ticket = self.env.axil.submit(RegOp::Write {
            addr,
            data,
            strb: 0xf,
        });
        self.wait_for(ticket, addr).map(drop)
    }

    /// Writes some bytes of the register at `addr` and waits for the response.
    ///
    /// # Errors
    /// As [`Host::read32`].
    pub fn write_bytes(&mut self, addr: u32, data: u32, strb: u8) -> Result<(), HostError> {
        let ticket = self.env.axil.submit(RegOp::Write {
            addr,
            data,
            strb: strb & 0xf,
        });
        self.wait_for(ticket, addr).map(drop)
    }

    /// Queues a write and does not wait: no cycle passes. Posted writes stay in order.
    pub fn post_write32(&mut self, addr: u32, data: u32) {
        self.env.axil.post(RegOp::Write {
            addr,
            data,
            strb: 0xf,
        });
    }

    fn wait_for(&mut self, ticket: Ticket, addr: u32) -> Result<RegDone, HostError> {
        for _ in 0..REGISTER_CYCLES {
            if let Some(done) = self.env.axil.take(ticket) {
                return match done.resp {
                    RESP_OKAY => Ok(done),
                    resp => Err(HostError::BadResponse { addr, resp }),
                };
            }
            self.step()?;
        }
        Err(HostError::Timeout {
            what: "a register access",
            cycles: REGISTER_CYCLES,
        })
    }

    /// Profile of the device.
    #[must_use]
    pub fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// True when nothing is under way at any port and nothing waits to be sent to the device.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.env.is_quiet(&self.outputs)
    }

    /// Cycles so far.
    #[must_use]
    pub fn cycle(&self) -> u64 {
        self.env.cycle()
    }

    /// Outputs of the device as they stand.
    #[must_use]
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// Host memory; the handle can be cloned.
    #[must_use]
    pub fn mem(&self) -> &HostMem {
        self.env.mem()
    }

    /// Interrupt controller.
    pub fn irqs(&mut self) -> &mut IrqController {
        &mut self.env.irqs
    }

    /// Platform IOMMU.
    pub fn iommu(&mut self) -> &mut Iommu {
        &mut self.env.iommu
    }

    /// Network switch.
    pub fn switch(&mut self) -> &mut Switch {
        &mut self.env.switch
    }

    /// Block function.
    pub fn blk(&mut self) -> &mut Blk {
        &mut self.env.blk
    }

    /// The world.
    pub fn env(&mut self) -> &mut Env {
        &mut self.env
    }

    /// What the world has counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters::of(&self.env)
    }

    /// Ends the run: completes checks, record and waveform.
    ///
    /// # Errors
    /// When the waveform cannot be completed. A failed check is no error here but part of the report.
    pub fn finish(mut self) -> Result<RunReport, HostError> {
        let sim_wall = self.started.elapsed();
        let check = self.lockstep.finish();
        self.device.trace_close()?;
        Ok(RunReport {
            check,
            counters: Counters::of(&self.env),
            sim_wall,
            wall: self.started.elapsed(),
        })
    }
}

#[cfg(test)]
mod tests;
