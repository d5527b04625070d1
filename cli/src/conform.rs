//! `shoal conform`: the standard's clauses, and hostile tenants beside a neighbour, one by one.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use regex::Regex;
use shoal_abi::profile::{Profile, TINY};
use shoal_conformance::conform::{self, Case, Clause, Options, Report};

use super::output::{check_writable, table, write_whole};
use super::{plusargs, profile, CliError, DutArg, FAILED, OK};

#[derive(Debug, Args)]
pub(super) struct ConformArgs {
    /// Profile of the device
    #[arg(long, default_value = TINY.name, value_parser = profile)]
    profile: &'static Profile,
    /// What to run
    #[arg(long, value_enum, default_value_t = DutArg::Lockstep)]
    dut: DutArg,
    /// Run the clauses and cases whose names this regular expression matches
    #[arg(long, value_name = "RE")]
    filter: Option<Regex>,
    /// Show clauses and cases, run none
    #[arg(long)]
    list: bool,
    /// Seed of the device's world
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Results as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Results as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Results as a Markdown table
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Put a fault into the RTL; a wrong name lists them
    #[cfg(feature = "breaks")]
    #[arg(long = "break", value_name = "NAME")]
    break_name: Option<String>,
}

pub(super) fn main(args: ConformArgs) -> Result<u8, CliError> {
    let (mut clauses, mut cases) = (conform::clauses(), conform::all());
    if let Some(filter) = &args.filter {
        clauses.retain(|c| filter.is_match(c.id));
        cases.retain(|c| filter.is_match(&c.name));
        if cases.is_empty() && clauses.is_empty() {
            return Err(CliError::bad_input(format!(
                "--filter {filter}: no clause and no case has such a name; `shoal conform --list` shows them"
            )));
        }
    }
    if args.list {
        let row = |c: Case| (c.name, c.text);
        let clauses = clauses.iter().map(|c| (c.id.to_owned(), c.text.to_owned()));
        table(
            &clauses
                .chain(cases.into_iter().map(row))
                .collect::<Vec<_>>(),
        );
        return Ok(OK);
    }
    for path in [&args.json, &args.junit, &args.markdown]
        .into_iter()
        .flatten()
    {
        check_writable(path)?;
    }
    #[cfg(feature = "breaks")]
    let break_name = args.break_name.as_deref();
    #[cfg(not(feature = "breaks"))]
    let break_name = None;
    let options = Options {
        profile: args.profile,
        mode: args.dut.into(),
        seed: args.seed,
        plusargs: plusargs(break_name)?,
    };
    let report = show(&options, &clauses, &cases);
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report.json()).map_err(CliError::failed)?;
        write_whole(path, (text + "\n").as_bytes())?;
    }
    if let Some(path) = &args.junit {
        write_whole(path, report.junit().as_bytes())?;
    }
    if let Some(path) = &args.markdown {
        write_whole(path, report.markdown().as_bytes())?;
    }
    Ok(if report.holds() { OK } else { FAILED })
}

/// Runs clauses and cases, names those that do not hold, and sums up.
fn show(options: &Options, clauses: &[Clause], cases: &[Case]) -> Report {
    let bar = ProgressBar::new((clauses.len() + cases.len()) as u64);
    if let Ok(style) =
        ProgressStyle::with_template("{msg} [{bar:24}] {pos}/{len}, {elapsed}, {eta} left")
    {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    let start = Instant::now();
    let mut report = conform::run(options, cases, |r| {
        if let Some(why) = &r.why {
            bar.suspend(|| eprintln!("{}: {why}", r.name));
        }
        bar.set_message(r.name.clone());
        bar.inc(1);
    });
    conform::run_clauses(options, clauses, &mut report, |c| {
        if let Some(why) = &c.why {
            bar.suspend(|| eprintln!("{}: {why}", c.id));
        }
        bar.set_message(c.id);
        bar.inc(1);
    });
    bar.finish_and_clear();
    let (tested, passed) = report.clauses_tested();
    let outside = report.clauses.iter().filter(|c| c.shown == "outside");
    eprintln!(
        "clauses: {passed} of {tested} tests passed; {} clauses in all, {} of them outside",
        report.clauses.len(),
        outside.count()
    );
    eprintln!(
        "containment: {} of {} cases passed, profile {}, {}, {:.0} s",
        report.passed(),
        report.results.len(),
        report.profile,
        report.dut,
        start.elapsed().as_secs_f64()
    );
    let cover = &report.cover;
    eprintln!("coverage: {} of {} points", cover.hits(), cover.points());
    report
}
