//! What commands that run the device leave behind: numbers, a summary, the record and the waveform of a failure.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::output::{print_failure, table, write_whole};
use super::{CliError, DIVERGED, OK, VIOLATED};
use shoal::host::RunReport;
use shoal::record::Recording;
use shoal::replay;
use shoal::scenario::Outcome;
use shoal::setup::Setup;

/// The numbers of a run.
#[derive(Debug, Serialize)]
struct Numbers {
    scenario: String,
    profile: &'static str,
    seed: u64,
    dut: &'static str,
    result: &'static str,
    cycles: u64,
    compared_cycles: u64,
    compared_ports: usize,
    cover_points: usize,
    cover_hit: usize,
    divergences: u64,
    monitor_violations: u64,
    digest: String,
    vdevs_created: u64,
    vdevs_destroyed: u64,
    packets_tx: u64,
    packets_rx: u64,
    bytes_tx: u64,
    bytes_rx: u64,
    blk_reads: u64,
    blk_writes: u64,
    interrupts: u64,
    faults: u64,
    sim_hz: f64,
    wall_s: f64,
    #[serde(flatten)]
    figures: BTreeMap<&'static str, serde_json::Value>,
}

/// Where the results go.
pub(super) struct Results<'a> {
    /// Numbers.
    pub(super) json: Option<&'a Path>,
    /// The replay file, also of a good run.
    pub(super) record: Option<&'a Path>,
    /// Folder for what a failed run leaves.
    pub(super) out: &'a Path,
}

impl Results<'_> {
    /// Writes and prints the results of a run; `why` says what failed beside the checks.
    pub(super) fn write(
        &self,
        setup: &Setup,
        outcome: &Outcome,
        mut report: RunReport,
        code: u8,
        why: Option<String>,
    ) -> Result<(), CliError> {
        let recording = report.check.recording.take();
        let numbers = numbers(setup, outcome, &report, code);
        print_summary(&numbers, outcome);
        if let Some(path) = self.json {
            let mut text = serde_json::to_string_pretty(&numbers).map_err(CliError::failed)?;
            text.push('\n');
            write_whole(path, text.as_bytes())?;
        }
        print_failure(&report.check);
        if let Some(why) = why {
            eprintln!("{why}");
        }
        match recording {
            Some(Err(e)) => eprintln!("the run was not recorded: {e}"),
            Some(Ok(recording)) => self.keep(setup, recording, &report, code),
            None => {}
        }
        Ok(())
    }

    /// Keeps the record of a failed run, makes the waveform of the failure, and says where they are.
    fn keep(&self, setup: &Setup, recording: Recording, report: &RunReport, code: u8) {
        if !recording.is_complete {
            eprintln!(
                "the record ends after {} cycles: its limit is reached",
                recording.cycles
            );
        }
        let stem = format!(
            "shoal-{}-{}-{}",
            setup.scenario, setup.profile.name, setup.seed
        );
        let path = match self.record {
            Some(path) => path.to_owned(),
            None if code != OK => self.out.join(format!("{stem}.rec")),
            None => return,
        };
        match recording.keep(&path) {
            Ok(path) => eprintln!("replay file: {}", path.display()),
            Err(e) => return eprintln!("replay file {}: {e}", path.display()),
        }
        if let Some(failure) = &report.check.failure {
            wave(
                setup,
                &path,
                &self.out.join(format!("{stem}.fst")),
                failure.cycle(),
            );
        }
    }
}

/// Makes the waveform around a failure and says where it is.
pub(super) fn wave(setup: &Setup, record: &Path, path: &Path, cycle: u64) {
    match replay::wave_around(record, setup, path, cycle) {
        Ok(cycles) => eprintln!("waveform: {} ({cycles} cycles)", path.display()),
        Err(e) => eprintln!("no waveform: {e}"),
    }
}

fn numbers(setup: &Setup, outcome: &Outcome, report: &RunReport, code: u8) -> Numbers {
    let (check, c) = (&report.check, &report.counters);
    Numbers {
        scenario: setup.scenario.clone(),
        profile: setup.profile.name,
        seed: setup.seed,
        dut: setup.mode.name(),
        result: match code {
            OK => "ok",
            DIVERGED => "divergence",
            VIOLATED => "violation",
            _ => "failed",
        },
        cycles: check.cycles,
        compared_cycles: check.compared_cycles,
        compared_ports: check.compared_ports,
        cover_points: check.cover.points(),
        cover_hit: check.cover.hits(),
        divergences: u64::from(code == DIVERGED),
        monitor_violations: u64::from(code == VIOLATED),
        digest: format!("{:016x}", check.digest),
        vdevs_created: outcome.vdevs_created,
        vdevs_destroyed: outcome.vdevs_destroyed,
        packets_tx: c.packets_tx,
        packets_rx: c.packets_rx,
        bytes_tx: c.bytes_tx,
        bytes_rx: c.bytes_rx,
        blk_reads: c.blk_reads,
        blk_writes: c.blk_writes,
        interrupts: c.interrupts,
        faults: outcome.faults,
        sim_hz: report.sim_hz(),
        wall_s: report.wall.as_secs_f64(),
        figures: outcome.figures.clone(),
    }
}

fn print_summary(n: &Numbers, outcome: &Outcome) {
    let row = |name: &str, value: String| (name.to_owned(), value);
    let mut rows = vec![
        row("scenario", format!("{} ({})", n.scenario, n.result)),
        row(
            "device",
            format!("profile {}, {}, seed {}", n.profile, n.dut, n.seed),
        ),
        row(
            "cycles",
            format!(
                "{} in {:.2} s, {:.0} kHz",
                n.cycles,
                n.wall_s,
                n.sim_hz / 1e3
            ),
        ),
        row(
            "compared",
            format!("{} ports in {} cycles", n.compared_ports, n.compared_cycles),
        ),
        row(
            "vdevs",
            format!(
                "{} created, {} destroyed",
                n.vdevs_created, n.vdevs_destroyed
            ),
        ),
        row(
            "packets",
            format!(
                "{} out ({} bytes), {} in ({} bytes)",
                n.packets_tx, n.bytes_tx, n.packets_rx, n.bytes_rx
            ),
        ),
        row(
            "block",
            format!("{} reads, {} writes", n.blk_reads, n.blk_writes),
        ),
        row("interrupts", n.interrupts.to_string()),
        row("faults", n.faults.to_string()),
    ];
    rows.extend(outcome.notes.iter().cloned());
    table(&rows);
}
