//! Speed of the simulation: the RTL alone, and the same cycles with environment, recording, model and monitors.

use std::time::{Duration, Instant};

use serde::Serialize;
use shoal_abi::ports::Inputs;
use shoal_abi::profile::Profile;

use super::requests::Load;
use super::{Bench, BenchError, SEED};
use crate::host::{Host, HostSettings};
use crate::lockstep::Mode;
use crate::record::{Reader, Recording};
use crate::setup::Setup;

/// Times that each is measured; the fastest counts.
const ROUNDS: usize = 3;
/// Cycles between two looks at the queues.
const REFILL_CYCLES: u64 = 256;

/// Cycles a second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Speed {
    /// Cycles of each run: provisioning, then two busy devices.
    pub cycles: u64,
    /// The RTL alone, its inputs from memory.
    pub bare_hz: f64,
    /// With environment, recording, model and monitors.
    pub lockstep_hz: f64,
    /// `lockstep_hz` of `bare_hz`.
    pub ratio: f64,
    /// The model alone, its inputs from memory.
    pub model_hz: f64,
    /// Output ports compared in each cycle.
    pub compared_ports: usize,
}

/// Runs about `cycles` cycles in lockstep, then the same inputs on the bare RTL, some times in turn.
///
/// # Errors
/// When a device cannot be had, or a check fails.
pub fn speed(profile: &'static Profile, cycles: u64) -> Result<Speed, BenchError> {
    let failed = |e: &dyn std::fmt::Display| BenchError::Failed(e.to_string());
    let dir = tempfile::tempdir().map_err(|e| failed(&e))?;
    let setup = Setup::new(profile, SEED, Mode::Lockstep, Vec::new());
    let model = Setup::new(profile, SEED, Mode::Model, Vec::new());
    let mut best = [Duration::MAX; 3];
    let mut inputs = Vec::new();
    let mut compared_ports = 0;
    for _ in 0..ROUNDS {
        let host = Host::new(
            &setup,
            HostSettings {
                record_dir: Some(dir.path().into()),
                ..HostSettings::new(SEED)
            },
        )?;
        let bench = Bench::new(host)?;
        drive(&bench, cycles)?;
        let mut report = bench.finish()?;
        best[0] = best[0].min(report.wall);
        compared_ports = report.check.compared_ports;
        if inputs.is_empty() {
            let recording = report.check.recording.take();
            let recording = recording
                .ok_or_else(|| failed(&"no record"))?
                .map_err(|e| failed(&e))?;
            inputs = read(&recording).map_err(|e| failed(&e))?;
        }
        best[1] = best[1].min(bare(&setup, &inputs).map_err(|e| failed(&e))?);
        best[2] = best[2].min(bare(&model, &inputs).map_err(|e| failed(&e))?);
    }
    let [lockstep_hz, bare_hz, model_hz] = best.map(|t| inputs.len() as f64 / t.as_secs_f64());
    Ok(Speed {
        cycles: inputs.len() as u64,
        bare_hz,
        lockstep_hz,
        ratio: lockstep_hz / bare_hz,
        model_hz,
        compared_ports,
    })
}

fn drive(bench: &Bench, cycles: u64) -> Result<(), BenchError> {
    let mut load = Load::new(bench)?;
    while bench.host.cycle() < cycles {
        load.refill(&bench.host);
        bench.host.run(REFILL_CYCLES)?;
    }
    Ok(())
}

fn read(recording: &Recording) -> Result<Vec<Inputs>, crate::record::RecordError> {
    let mut reader = Reader::open(recording.path())?;
    let mut all = Vec::new();
    while let Some(inputs) = reader.next_cycle()? {
        all.push(inputs);
    }
    Ok(all)
}

/// Time that a device alone takes for `inputs`.
fn bare(setup: &Setup, inputs: &[Inputs]) -> Result<Duration, crate::dut::DutError> {
    let mut device = setup.new_device()?;
    let start = Instant::now();
    let mut valid = 0_u64;
    for i in inputs {
        valid += u64::from(device.step(i).m_axi_arvalid);
    }
    std::hint::black_box(valid);
    Ok(start.elapsed())
}
