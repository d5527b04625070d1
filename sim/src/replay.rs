//! Driving the device from a record instead of an environment.

use std::path::{Path, PathBuf};

use crate::dut::{rtl_hash, DutError};
use crate::lockstep::{CheckReport, Lockstep};
use crate::record::{Reader, RecordError};
use crate::setup::Setup;

/// Cycles of waveform before a failure.
pub const WAVE_BEFORE: u64 = 2000;
/// Cycles of waveform after it.
pub const WAVE_AFTER: u64 = 16;

/// Why a replay could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The record.
    #[error("{path}: {cause}")]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: RecordError,
    },
    /// Device or waveform.
    #[error("{0}")]
    Dut(#[from] DutError),
}

/// What a replay found.
#[derive(Debug)]
pub struct Replayed {
    /// What the checks found.
    pub check: CheckReport,
    /// Digest of the recorded run, where the record has it.
    pub recorded: Option<u64>,
}

impl Replayed {
    /// False when the replay was another run than the recorded one.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.recorded.is_none_or(|d| d == self.check.digest)
    }
}

/// Runs the whole record, with reference and monitors.
///
/// # Errors
/// When the record or the devices cannot be used. A failed check is part of the report.
pub fn replay(path: &Path, setup: &Setup) -> Result<Replayed, ReplayError> {
    let mut reader = open(path)?;
    let mut device = setup.new_device()?;
    let for_checker = setup.clone();
    let mut lockstep = Lockstep::start(move || for_checker.new_checker(None))?;
    let mut outputs = device.outputs();
    while let Some(inputs) = next(&mut reader, path)? {
        let before = std::mem::replace(&mut outputs, device.step(&inputs));
        if !lockstep.push(inputs, before) {
            break;
        }
    }
    Ok(Replayed {
        check: lockstep.finish(),
        recorded: reader.digest(),
    })
}

/// Runs the device alone up to cycle `to` and writes a waveform from cycle `from` on. Returns the cycles in it.
///
/// # Errors
/// When record, device or waveform cannot be used.
pub fn wave(
    path: &Path,
    setup: &Setup,
    wave: &Path,
    from: u64,
    to: u64,
) -> Result<u64, ReplayError> {
    let mut reader = open(path)?;
    let mut device = setup.new_device()?;
    let mut cycle = 0;
    while cycle < to {
        let Some(inputs) = next(&mut reader, path)? else {
            break;
        };
        if cycle == from {
            device.trace_open(wave)?;
        }
        device.step(&inputs);
        cycle += 1;
    }
    device.trace_close()?;
    Ok(cycle.saturating_sub(from))
}

/// The waveform around a failure in cycle `cycle`: see [`wave`].
///
/// # Errors
/// As [`wave`].
pub fn wave_around(
    record: &Path,
    setup: &Setup,
    path: &Path,
    cycle: u64,
) -> Result<u64, ReplayError> {
    wave(
        record,
        setup,
        path,
        cycle.saturating_sub(WAVE_BEFORE),
        cycle + WAVE_AFTER,
    )
}

/// Opens a record of this build's RTL.
///
/// # Errors
/// When it cannot be read, or the RTL is another one.
pub fn open(path: &Path) -> Result<Reader, ReplayError> {
    let reader = Reader::open(path);
    let checked = reader.and_then(|r| r.check_rtl(&rtl_hash(r.profile())).map(|()| r));
    checked.map_err(|cause| ReplayError::Record {
        path: path.to_owned(),
        cause,
    })
}

fn next(reader: &mut Reader, path: &Path) -> Result<Option<shoal_abi::ports::Inputs>, ReplayError> {
    reader.next_cycle().map_err(|cause| ReplayError::Record {
        path: path.to_owned(),
        cause,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dut::fake::Fake;
    use crate::host::{Host, HostSettings};
    use crate::lockstep::Failure;
    use crate::record::{Header, Recorder, NO_RTL};

    #[test]
    fn a_replay_finds_the_same_divergence_in_the_same_cycle_and_shows_it() {
        let dir = tempfile::tempdir().unwrap();
        let setup = Setup::fake(Fake::wrong_factory(30_000));
        let settings = HostSettings {
            record_dir: Some(dir.path().into()),
            ..HostSettings::new(setup.seed)
        };
        let mut host = Host::new(&setup, settings).unwrap();
        while host.write32(0x44, host.cycle() as u32).is_ok() {
            let _ = host.read32(0x44);
        }
        let report = host.finish().unwrap().check;
        let Some(Failure::Divergence(first)) = report.failure else {
            panic!("a divergence")
        };
        assert!(!first.transfers.is_empty() || first.ports[0].port.starts_with("m_axis"));
        let record = report
            .recording
            .unwrap()
            .unwrap()
            .keep(&dir.path().join("x.rec"))
            .unwrap();
        let again = replay(&record, &setup).unwrap();
        let Some(Failure::Divergence(second)) = again.check.failure else {
            panic!("a divergence")
        };
        assert_eq!(first, second);
        assert_eq!(report.compared_cycles, again.check.compared_cycles);
        assert_eq!(again.recorded, Some(again.check.digest));

        let path = dir.path().join("x.wave");
        // The record ends with the failing cycle: the device has stepped over it, and no further.
        assert_eq!(
            wave_around(&record, &setup, &path, second.cycle).unwrap(),
            WAVE_BEFORE + 1
        );
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            (WAVE_BEFORE + 1).to_string()
        );
    }

    #[test]
    fn a_record_of_another_rtl_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let setup = Setup::fake(Fake::factory(3));
        let header = |rtl: &str| Header {
            rtl: rtl.into(),
            ..setup.header()
        };
        let keep = |rtl: &str| {
            let r = Recorder::new(dir.path(), setup.profile, &header(rtl), u64::MAX).unwrap();
            r.finish(7)
                .unwrap()
                .keep(&dir.path().join("x.rec"))
                .unwrap()
        };
        let e = open(&keep("0123456789abcdef")).unwrap_err().to_string();
        let here = rtl_hash(setup.profile);
        assert!(
            e.ends_with(&format!(
                "x.rec: recorded with RTL 0123456789abcdef, this build has {here}"
            )),
            "{e}"
        );
        assert!(open(&keep(&here)).is_ok() && open(&keep(NO_RTL)).is_ok());
    }

    #[test]
    fn a_record_of_a_good_run_replays_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let setup = Setup::fake(Fake::factory(3));
        let settings = HostSettings {
            record_dir: Some(dir.path().into()),
            ..HostSettings::new(setup.seed)
        };
        let mut host = Host::new(&setup, settings).unwrap();
        host.run(5000).unwrap();
        let recording = host.finish().unwrap().check.recording.unwrap().unwrap();
        let again = replay(recording.path(), &setup).unwrap();
        assert!(again.check.failure.is_none() && again.is_same());
        assert_eq!(again.recorded, Some(again.check.digest));
        assert_eq!(
            (again.check.cycles, again.check.compared_cycles),
            (5004, 5003)
        );
        assert!(replay(Path::new("/nonexistent"), &setup).is_err());
    }
}
