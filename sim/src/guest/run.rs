//! One guest from start to end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::child::Process;
use super::console::Verdict;
use super::station::{self, Station};
use super::{store, Console, GuestError, Image, Scenario};

/// Between two looks at the processes and the clock.
const LOOK: Duration = Duration::from_millis(100);
/// Longest that the server may take to listen: a large profile's model is built first.
const LISTEN: Duration = Duration::from_secs(60);
/// Longest that a guest takes to power off after its result.
const POWER_OFF: Duration = Duration::from_secs(30);
/// Longest that the server takes to end: the checks catch up and the record is closed.
const FINISH: Duration = Duration::from_secs(120);

/// MiB of each block store: the guest reads all of one that it compares.
const STORE_MIB: u32 = 8;

/// What to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The `shoal` program.
    pub shoal: PathBuf,
    /// The guest's parts.
    pub image: Image,
    /// What the guest does.
    pub scenario: &'static Scenario,
    /// The server's arguments: device and seed.
    pub device: Vec<String>,
    /// Devices of a sized scenario.
    pub n: Option<u32>,
    /// MiB of the guest.
    pub memory: u32,
    /// Longest time from the guest's start to its end.
    pub timeout: Duration,
    /// Folder for the logs, and for what the server leaves of a failed run.
    pub out: PathBuf,
    /// Where the replay file goes, of a good run too.
    pub record: Option<PathBuf>,
    /// Leave the temporary folder where it is.
    pub keep: bool,
    /// Set when the user wants it to end.
    pub stop: Arc<AtomicBool>,
}

/// What is known of a guest that ran.
#[derive(Clone, Debug, Default)]
pub struct GuestRun {
    /// What it said.
    pub console: Console,
    /// From the start of QEMU to the start of the test.
    pub boot: Option<Duration>,
    /// From the start of QEMU to the end of the guest.
    pub wall: Duration,
    /// What failed first, in the guest, or beside it.
    pub why: Option<String>,
    /// Exit code of the server; 3 and 4 as those of `shoal run`.
    pub server_code: Option<i32>,
    /// The server's numbers, as `shoal run` has them; none if it could not write them.
    pub numbers: Map<String, Value>,
    /// The console's log.
    pub console_log: PathBuf,
    /// The server's log.
    pub server_log: PathBuf,
    /// The temporary folder, if it was kept.
    pub kept: Option<PathBuf>,
}

impl GuestRun {
    /// The test, the checks of what it left behind and those of the server held.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.why.is_none()
    }
}

/// Runs a guest. `said` hears the bytes of its console, and what the console says by then.
///
/// # Errors
/// When it could not be run. A test that fails is no error.
pub fn run(
    settings: &Settings,
    mut said: impl FnMut(&[u8], &Console),
) -> Result<GuestRun, GuestError> {
    let io = |what: &Path| {
        let what = what.display().to_string();
        move |e| GuestError::Io(what, e)
    };
    std::fs::create_dir_all(&settings.out).map_err(io(&settings.out))?;
    let mut folder = tempfile::Builder::new()
        .prefix("shoal-guest-")
        .tempdir()
        .map_err(io(Path::new("temporary folder")))?;
    folder.disable_cleanup(settings.keep);
    let stores = folder.path().join("stores");
    std::fs::create_dir(&stores).map_err(io(&stores))?;
    let (socket, numbers) = (folder.path().join("pci"), folder.path().join("numbers"));
    let uplink = settings.scenario.has_station();
    let uplink = uplink.then(|| folder.path().join("uplink"));
    let log = |part: &str| {
        let name = format!("guest-{}-{part}.log", settings.scenario.name);
        settings.out.join(name)
    };
    let mut result = GuestRun {
        console_log: log("console"),
        server_log: log("server"),
        kept: settings.keep.then(|| folder.path().to_owned()),
        ..GuestRun::default()
    };

    let places = [&socket, &numbers, &stores, &result.server_log];
    let mut server = serve(settings, places, uplink.as_deref())?;
    let station = uplink.map(|path| Station::connect(&path).map_err(io(&path)));
    let station = station.transpose()?;
    let mut command = settings
        .image
        .qemu(&socket, settings.memory, &words(settings));
    let guest = Process::start("QEMU", &mut command, &result.console_log)?;
    watch(settings, guest, &mut server, &mut result, &mut said)?;
    drop(station);
    let status = server.stop(FINISH)?;
    result.server_code = status.and_then(|s| s.code());
    result.numbers = read_numbers(&numbers);
    store::compare(&mut result.console, &stores);
    result.why = result.why.take().or_else(|| why(&result));
    Ok(result)
}

/// The kernel's command line says what the guest does.
fn words(settings: &Settings) -> String {
    let mut words = format!(
        "shoal_test={} shoal_blk_mib={STORE_MIB}",
        settings.scenario.name
    );
    if let Some(n) = settings.n {
        words += &format!(" shoal_n={n}");
    }
    if settings.scenario.has_station() {
        words += &format!(" shoal_station={}", station::ADDRESS);
    }
    words
}

/// Starts the server and waits until it listens.
fn serve(
    settings: &Settings,
    [socket, numbers, stores, log]: [&PathBuf; 4],
    uplink: Option<&Path>,
) -> Result<Process, GuestError> {
    let mut command = Command::new(&settings.shoal);
    command.args(["serve", "vfio-user", "--socket"]).arg(socket);
    command.args(&settings.device).arg("--json").arg(numbers);
    command.arg("--store").arg(stores);
    command.args(["--store-mib", &STORE_MIB.to_string()]);
    command.arg("--out").arg(&settings.out);
    if let Some(path) = uplink {
        command.arg("--uplink").arg(path);
    }
    if let Some(record) = &settings.record {
        command.arg("--record").arg(record);
    }
    let mut server = Process::start("the server", &mut command, log)?;
    let end = Instant::now() + LISTEN;
    let mut heard = Vec::new();
    loop {
        heard.extend(server.output(LOOK).unwrap_or_default());
        if String::from_utf8_lossy(&heard)
            .lines()
            .any(|l| l.starts_with("listening on "))
        {
            return Ok(server);
        }
        if settings.stop.load(Ordering::Relaxed) {
            return Err(GuestError::Interrupted);
        }
        let ended = server.ended()?;
        if ended.is_some() || Instant::now() > end {
            server.kill();
            return Err(GuestError::Server(format!(
                "the server does not listen: {}",
                last_line(log)
            )));
        }
    }
}

/// Follows the guest to its end, and ends it if need be.
fn watch(
    settings: &Settings,
    mut guest: Process,
    server: &mut Process,
    result: &mut GuestRun,
    said: &mut impl FnMut(&[u8], &Console),
) -> Result<(), GuestError> {
    let started = Instant::now();
    let mut verdict_at = None;
    let why = loop {
        let heard = guest.output(LOOK).unwrap_or_default();
        let console = &mut result.console;
        console.feed(&heard);
        said(&heard, console);
        if console.is_started && result.boot.is_none() {
            result.boot = Some(started.elapsed());
        }
        if console.verdict.is_some() && verdict_at.is_none() {
            verdict_at = Some(Instant::now());
        }
        if settings.stop.load(Ordering::Relaxed) {
            return Err(GuestError::Interrupted);
        }
        if guest.ended()?.is_some() || verdict_at.is_some_and(|t| t.elapsed() > POWER_OFF) {
            break None;
        }
        if server.ended()?.is_some() {
            break Some("the server ended before the guest".to_owned());
        }
        if started.elapsed() > settings.timeout {
            break Some(format!(
                "no result after {} s; the last line was: {}",
                settings.timeout.as_secs(),
                console.last
            ));
        }
    };
    result.wall = started.elapsed();
    let rest = guest.kill();
    result.console.feed(&rest);
    said(&rest, &result.console);
    result.why = why;
    if result.boot.is_none() && result.console.last.is_empty() {
        // QEMU's own words, which are no console's.
        result.console.last = last_line(&result.console_log);
    }
    Ok(())
}

fn last_line(log: &Path) -> String {
    let said = std::fs::read(log).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    said.lines().next_back().unwrap_or("nothing").to_owned()
}

fn read_numbers(path: &Path) -> Map<String, Value> {
    std::fs::read(path)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// What failed first, if anything.
fn why(result: &GuestRun) -> Option<String> {
    let console = &result.console;
    match (&console.verdict, &console.panic, result.server_code) {
        (_, _, Some(3)) => Some("device and reference differ".into()),
        (_, _, Some(4)) => Some("a monitor saw a broken rule".into()),
        (Some(Verdict::Fail(what)), ..) => Some(what.clone()),
        (None, Some(panic), _) => Some(format!("the guest's kernel panicked: {panic}")),
        (None, None, _) => Some(format!(
            "the guest ended without a result; the last line was: {}",
            console.last
        )),
        (Some(Verdict::Pass), _, _) if console.not_ok() > 0 => console
            .checks
            .iter()
            .find(|c| !c.is_ok)
            .map(|c| c.what.clone()),
        (Some(Verdict::Pass), _, _) if console.ok() == 0 => Some("nothing was checked".into()),
        (Some(Verdict::Pass), _, Some(0)) => None,
        (Some(Verdict::Pass), _, Some(code)) => {
            Some(format!("the server ended with exit code {code}"))
        }
        (Some(Verdict::Pass), _, None) => Some("the server did not end when asked".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(said: &str, server_code: Option<i32>) -> Option<String> {
        let mut result = GuestRun {
            server_code,
            ..GuestRun::default()
        };
        result.console.feed(said.as_bytes());
        why(&result)
    }

    #[test]
    fn a_guest_passes_only_if_everything_did() {
        assert_eq!(after("ok - a\nSHOAL-RESULT pass\n", Some(0)), None);
        let said = |said, code| after(said, code).expect("a failure");
        assert!(said("SHOAL-RESULT pass\n", Some(0)).contains("nothing"));
        assert!(said("not ok - a\nSHOAL-RESULT pass\n", Some(0)).contains('a'));
        assert!(said("ok - a\nSHOAL-RESULT fail: b\n", Some(0)).contains('b'));
        assert!(said("ok - a\n", Some(0)).contains("without a result"));
        assert!(said("x Kernel panic - not syncing: why\n", Some(0)).contains("why"));
        assert!(said("ok - a\nSHOAL-RESULT pass\n", Some(1)).contains("code 1"));
        assert!(said("ok - a\nSHOAL-RESULT pass\n", None).contains("did not end"));
        assert!(said("ok - a\nSHOAL-RESULT pass\n", Some(3)).contains("differ"));
        assert!(said("SHOAL-RESULT fail: b\n", Some(4)).contains("rule"));
    }
}
