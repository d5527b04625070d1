//! `shoal guest`: Linux in QEMU as the device's host, in one guest or several.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::{Map, Value};
use shoal_abi::profile::{Profile, MID};

use super::output::{check_writable, table, write_whole};
use super::serve::stop_flag;
use super::shown::{progress, Shown};
use super::{profile, CliError, DutArg, DIVERGED, FAILED, OK, VIOLATED};
use shoal::guest::{self, GuestError, GuestRun, Image, Settings};
use shoal::lockstep::Mode;

#[derive(Debug, Args)]
pub(super) struct GuestArgs {
    /// Scenario; `list` shows them
    scenario: String,
    /// Profile of the device
    #[arg(long, default_value = MID.name, value_parser = profile)]
    profile: &'static Profile,
    /// What to run
    #[arg(long, value_enum, default_value_t = DutArg::Lockstep)]
    dut: DutArg,
    /// Seed of every random choice of the device's world
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Devices of scenario scale
    #[arg(long)]
    n: Option<u32>,
    /// MiB of each guest
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = clap::value_parser!(u32).range(384..=16384))]
    memory: u32,
    /// Longest time for the guests, seconds
    #[arg(long, value_name = "S", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86400))]
    timeout: u64,
    /// Numbers of the run as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keep the replay file of a good run too
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Folder for the logs, and for the replay file and the waveform of a failed run
    #[arg(long, value_name = "DIR", default_value = "build/guest/out")]
    out: PathBuf,
    /// Folder that `make guest-setup` has filled
    #[arg(long, value_name = "DIR", default_value = "build/guest")]
    guest: PathBuf,
    /// Keep the temporary folder, with the block stores
    #[arg(long)]
    keep: bool,
    /// Show the guests' consoles
    #[arg(long)]
    verbose: bool,
}

/// The numbers of a run.
#[derive(Debug, Serialize)]
struct Numbers {
    scenario: &'static str,
    passed: bool,
    why: Option<String>,
    profile: &'static str,
    dut: &'static str,
    seed: u64,
    guests: usize,
    ok: usize,
    not_ok: usize,
    /// Of the slowest.
    boot_s: Option<f64>,
    wall_s: f64,
    /// What the guests timed.
    times: Map<String, Value>,
    /// What the guests measured, in wall time: IOPS, packets a second.
    rates: Map<String, Value>,
    /// The server's: cycles, divergences, monitor_violations and the others of `shoal run`.
    #[serde(flatten)]
    device: Map<String, Value>,
}

pub(super) fn main(args: GuestArgs) -> Result<u8, CliError> {
    if args.scenario == "list" {
        let rows = guest::all().iter();
        table(
            &rows
                .map(|s| (s.name.into(), s.about.into()))
                .collect::<Vec<_>>(),
        );
        return Ok(OK);
    }
    let settings = settings(&args)?;
    let bar = if args.verbose {
        ProgressBar::hidden()
    } else {
        ProgressBar::new_spinner()
    };
    let mut shown = Shown::new(settings.scenario.guests);
    let result = guest::run(&settings, |number, bytes, console| {
        if args.verbose {
            // Nobody may be listening.
            let _ = std::io::stdout().write_all(&shown.of(number, bytes));
        } else if !bytes.is_empty() {
            bar.set_message(progress(number, console));
        }
        bar.tick();
    });
    bar.finish_and_clear();
    let result = result?;
    let numbers = numbers(&args, &settings, &result);
    print_summary(&numbers, &result);
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&numbers).map_err(CliError::failed)?;
        write_whole(path, (text + "\n").as_bytes())?;
    }
    Ok(code(&result))
}

fn settings(args: &GuestArgs) -> Result<Settings, CliError> {
    let scenario = guest::by_name(&args.scenario).ok_or_else(|| {
        CliError::bad_input(format!(
            "no scenario `{}`; `shoal guest list` shows them",
            args.scenario
        ))
    })?;
    let n = scenario.size(args.n, args.profile)?;
    for path in args.json.iter().chain(&args.record) {
        check_writable(path)?;
    }
    let image = Image::find(&args.guest, scenario)?;
    std::fs::create_dir_all(&args.out)
        .map_err(|e| CliError::bad_input(format!("--out {}: {e}", args.out.display())))?;
    check_writable(&args.out.join("x"))?;
    let mode = Mode::from(args.dut);
    let device = [
        ("--profile", args.profile.name.to_owned()),
        ("--dut", mode.name().to_owned()),
        ("--seed", args.seed.to_string()),
    ];
    Ok(Settings {
        shoal: std::env::current_exe().map_err(CliError::failed)?,
        image,
        scenario,
        device: device
            .into_iter()
            .flat_map(|(k, v)| [k.to_owned(), v])
            .collect(),
        n,
        memory: args.memory,
        timeout: Duration::from_secs(args.timeout),
        out: args.out.clone(),
        record: args.record.clone(),
        keep: args.keep,
        stop: stop_flag()?,
    })
}

fn numbers(args: &GuestArgs, settings: &Settings, result: &GuestRun) -> Numbers {
    let mut device = result.numbers.clone();
    // Said of the guest instead.
    for name in ["scenario", "profile", "seed", "dut", "result", "wall_s"] {
        device.remove(name);
    }
    // Of the slowest; none if one has not booted.
    let boots: Option<Vec<_>> = result.guests.iter().map(|g| g.boot).collect();
    let boot = boots.and_then(|all| all.into_iter().max());
    Numbers {
        scenario: settings.scenario.name,
        passed: result.is_passed(),
        why: result.why.clone(),
        profile: args.profile.name,
        dut: Mode::from(args.dut).name(),
        seed: args.seed,
        guests: result.guests.len(),
        ok: result.checks().filter(|c| c.is_ok).count(),
        not_ok: result.checks().filter(|c| !c.is_ok).count(),
        boot_s: boot.map(|t| t.as_secs_f64()),
        wall_s: result.wall.as_secs_f64(),
        times: times(result)
            .map(|(what, time)| (what.clone(), time.clone().into()))
            .collect(),
        rates: rates(result)
            .map(|(name, rate, _)| (name.clone(), (*rate).into()))
            .collect(),
        device,
    }
}

/// What the guests timed.
fn times(result: &GuestRun) -> impl Iterator<Item = &(String, String)> {
    result.guests.iter().flat_map(|g| &g.console.times)
}

/// What the guests measured.
fn rates(result: &GuestRun) -> impl Iterator<Item = &(String, f64, String)> {
    result.guests.iter().flat_map(|g| &g.console.rates)
}

/// 3 and 4 are the server's to say; the guest's own result otherwise.
fn code(result: &GuestRun) -> u8 {
    match result.server_code {
        Some(3) => DIVERGED,
        Some(4) => VIOLATED,
        _ if result.is_passed() => OK,
        _ => FAILED,
    }
}

fn print_summary(n: &Numbers, result: &GuestRun) {
    let verdict = if n.passed { "passed" } else { "failed" };
    let number = |name: &str| n.device.get(name).map_or("-".into(), Value::to_string);
    let boot = n.boot_s.map_or("no".into(), |s| format!("{s:.1} s"));
    let mut rows = vec![
        ("scenario", format!("{} ({verdict})", n.scenario)),
        (
            "device",
            format!("profile {}, {}, seed {}", n.profile, n.dut, n.seed),
        ),
        ("checks", format!("{} ok, {} not ok", n.ok, n.not_ok)),
        (
            if n.guests == 1 { "guest" } else { "guests" },
            format!("boot {boot}, all {:.1} s", n.wall_s),
        ),
        ("cycles", number("cycles")),
        ("digest", number("digest")),
        (
            "vdevs",
            format!(
                "{} created, {} destroyed",
                number("vdevs_created"),
                number("vdevs_destroyed")
            ),
        ),
        (
            "packets",
            format!("{} out, {} in", number("packets_tx"), number("packets_rx")),
        ),
        (
            "block",
            format!(
                "{} reads, {} writes",
                number("blk_reads"),
                number("blk_writes")
            ),
        ),
        ("interrupts", number("interrupts")),
    ];
    let logs = result.guests.iter().map(|g| g.log.display().to_string());
    rows.extend(logs.map(|log| ("console", log)));
    rows.push(("server", result.server_log.display().to_string()));
    rows.extend(times(result).map(|(what, time)| (what.as_str(), time.clone())));
    rows.extend(rates(result).map(|(name, rate, unit)| (name.as_str(), format!("{rate} {unit}"))));
    if let Some(kept) = &result.kept {
        rows.push(("kept", kept.display().to_string()));
    }
    table(
        &rows
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Vec<_>>(),
    );
    for check in result.checks().filter(|c| !c.is_ok) {
        eprintln!("not ok - {}", check.what);
    }
    if let Some(why) = &n.why {
        eprintln!("guest {}: {why}", n.scenario);
    }
}

/// What cannot be run because of what the user asked for or has not set up is bad input.
impl From<GuestError> for CliError {
    fn from(e: GuestError) -> Self {
        match e {
            GuestError::NotSetUp(_) | GuestError::Params(_) => Self::bad_input(e),
            _ => Self::failed(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Args, Command, BAD_INPUT};
    use super::*;
    use clap::Parser;

    /// What `shoal guest` says to `words`, which it does not accept.
    fn refusal(words: &str) -> CliError {
        let line = ["shoal", "guest"].into_iter().chain(words.split(' '));
        let Command::Guest(args) = Args::try_parse_from(line).unwrap().command else {
            panic!("a guest")
        };
        let e = main(args).unwrap_err();
        assert!(!e.message.contains('\n'), "{e:?}");
        e
    }

    #[test]
    fn bad_input_is_named_before_anything_is_started() {
        for (words, named) in [
            ("dance", "dance"),
            ("net --n 3", "--n"),
            ("scale --n 0", "--n 0"),
            ("scale --profile tiny --n 9", "1..=8"),
            ("net --json /no/such/folder/x.json", "/no/such/folder"),
            ("net --guest /no/such/guest", "make guest-setup"),
        ] {
            let e = refusal(words);
            assert_eq!(e.code, BAD_INPUT, "{words}: {e:?}");
            assert!(e.message.contains(named), "{words}: {e:?}");
        }
    }

    #[test]
    fn the_server_decides_about_divergence_and_violation() {
        let with = |server_code, why: Option<&str>| {
            code(&GuestRun {
                server_code,
                why: why.map(str::to_owned),
                ..GuestRun::default()
            })
        };
        assert_eq!(with(Some(0), None), OK);
        assert_eq!(with(Some(0), Some("x")), FAILED);
        assert_eq!(with(None, Some("x")), FAILED);
        assert_eq!(with(Some(3), Some("x")), DIVERGED);
        assert_eq!(with(Some(4), Some("x")), VIOLATED);
    }
}
