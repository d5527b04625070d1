//! The server and the guests of a scenario from start to end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::server::Server;
use super::station::{self, Station};
use super::vm::{Guest, Vm};
use super::{store, Check, Console, GuestError, Image, Scenario};

/// Between two looks at the processes and the clock.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// MiB of each block store: the guest reads all of one that it compares.
pub(super) const STORE_MIB: u32 = 8;

/// What to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The `shoal` program.
    pub shoal: PathBuf,
    /// The guests' parts.
    pub image: Image,
    /// What the guests do.
    pub scenario: &'static Scenario,
    /// The server's arguments: device and seed.
    pub device: Vec<String>,
    /// Devices of a sized scenario.
    pub n: Option<u32>,
    /// MiB of each guest.
    pub memory: u32,
    /// Longest time from the guests' start to the end of all.
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

impl Settings {
    /// The log of `part`.
    pub(super) fn log(&self, part: &str) -> PathBuf {
        let name = format!("guest-{}-{part}.log", self.scenario.name);
        self.out.join(name)
    }

    /// What the kernel's command line says to the `number`th guest.
    pub(super) fn words(&self, number: usize) -> String {
        let mut words = format!(
            "shoal_test={} shoal_guest={number} shoal_blk_mib={STORE_MIB}",
            self.scenario.name
        );
        if let Some(n) = self.n {
            words += &format!(" shoal_n={n}");
        }
        if self.scenario.has_station {
            words += &format!(" shoal_station={}", station::ADDRESS);
        }
        words
    }
}

/// What is known of a scenario that ran.
#[derive(Clone, Debug, Default)]
pub struct GuestRun {
    /// The guests.
    pub guests: Vec<Guest>,
    /// From the start of the first QEMU to the end of all.
    pub wall: Duration,
    /// What failed first, in a guest, or beside it.
    pub why: Option<String>,
    /// Exit code of the server; 3 and 4 as those of `shoal run`.
    pub server_code: Option<i32>,
    /// The server's numbers, as `shoal run` has them; none if it could not write them. Those of a server that was started
    /// again are since then.
    pub numbers: Map<String, Value>,
    /// The server's log.
    pub server_log: PathBuf,
    /// The temporary folder, if it was kept.
    pub kept: Option<PathBuf>,
}

impl GuestRun {
    /// The tests, the checks of what they left behind and those of the server held.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.why.is_none()
    }

    /// The checks of all guests.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.guests.iter().flat_map(|g| &g.console.checks)
    }
}

/// Runs the guests of a scenario. `said` hears the bytes of each one's console, from guest 1 on, and what the console says by
/// then.
///
/// # Errors
/// When it could not be run. A test that fails is no error.
pub fn run(
    settings: &Settings,
    mut said: impl FnMut(usize, &[u8], &Console),
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

    let mut server = Server::start(settings, folder.path())?;
    let station = server
        .uplink()
        .map(|path| Station::connect(path).map_err(io(path)))
        .transpose()?;
    let started = Instant::now();
    let mut vms = (1..)
        .zip(server.sockets())
        .map(|(number, socket)| Vm::start(settings, socket, number))
        .collect::<Result<Vec<_>, _>>()?;
    let why = watch(settings, &mut vms, &mut server, &mut said)?;
    let mut result = GuestRun {
        wall: started.elapsed(),
        server_log: server.log().to_owned(),
        kept: settings.keep.then(|| folder.path().to_owned()),
        ..GuestRun::default()
    };
    for (number, vm) in (1..).zip(vms) {
        let guest = vm.end(|bytes, console| said(number, bytes, console));
        result.guests.push(guest);
    }
    drop(station);
    (result.server_code, result.numbers) = server.stop()?;
    for guest in &mut result.guests {
        store::compare(&mut guest.console, server.stores());
    }
    result.why = why.or_else(|| first_failure(&result));
    Ok(result)
}

/// Follows the guests to their end; says why it did not wait for it.
fn watch(
    settings: &Settings,
    vms: &mut [Vm],
    server: &mut Server<'_>,
    said: &mut impl FnMut(usize, &[u8], &Console),
) -> Result<Option<String>, GuestError> {
    let started = Instant::now();
    let guests = vms.len();
    // One round looks at all of them.
    let look = LOOK / u32::try_from(guests).unwrap_or(u32::MAX);
    loop {
        let mut over = 0;
        for (number, vm) in (1..).zip(vms.iter_mut()) {
            vm.hear(look, |bytes, console| said(number, bytes, console))?;
            outside(vm.console(), server)?;
            if vm.is_over() {
                over += 1;
                if let Some(why) = vm.failure().filter(|_| over < guests) {
                    // The others would wait for it.
                    return Ok(Some(of_guest(guests, number, &why)));
                }
            }
        }
        if settings.stop.load(Ordering::Relaxed) {
            return Err(GuestError::Interrupted);
        }
        if over == guests {
            return Ok(None);
        }
        if server.is_over()? {
            return Ok(Some("the server ended before the guests".to_owned()));
        }
        if started.elapsed() > settings.timeout {
            let last: Vec<_> = vms.iter_mut().map(|vm| vm.console().last.clone()).collect();
            return Ok(Some(format!(
                "no result after {} s; the last line was: {}",
                settings.timeout.as_secs(),
                last.join("; ")
            )));
        }
    }
}

/// Does what a guest wants done outside.
fn outside(console: &mut Console, server: &mut Server<'_>) -> Result<(), GuestError> {
    for what in std::mem::take(&mut console.wanted) {
        match what.as_str() {
            "restart-server" => {
                let is_restarted = server.restart()?;
                console.check(is_restarted, "the server is killed and started again");
            }
            other => console.check(
                false,
                &format!("SHOAL-DO: expected restart-server got {other}"),
            ),
        }
    }
    Ok(())
}

/// What failed first, if anything. A failed check of the device is more than whatever came of it.
fn first_failure(result: &GuestRun) -> Option<String> {
    match result.server_code {
        Some(3) => return Some("device and reference differ".into()),
        Some(4) => return Some("a monitor saw a broken rule".into()),
        _ => {}
    }
    let guests = (1..).zip(&result.guests);
    let mut failures = guests.filter_map(|(number, guest)| {
        let why = guest.why()?;
        Some(of_guest(result.guests.len(), number, &why))
    });
    failures.next().or_else(|| match result.server_code {
        Some(0) => None,
        Some(code) => Some(format!("the server ended with exit code {code}")),
        None => Some("the server did not end when asked".into()),
    })
}

/// Names the guest if there are several.
fn of_guest(guests: usize, number: usize, what: &str) -> String {
    match guests {
        1 => what.to_owned(),
        _ => format!("guest {number}: {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(said: &[&str], server_code: Option<i32>) -> Option<String> {
        let mut result = GuestRun {
            server_code,
            ..GuestRun::default()
        };
        for said in said {
            let mut guest = Guest::default();
            guest.console.feed(said.as_bytes());
            result.guests.push(guest);
        }
        first_failure(&result)
    }

    const GOOD: &str = "ok - a\nSHOAL-RESULT pass\n";
    const BAD: &str = "ok - a\nSHOAL-RESULT fail: b\n";

    #[test]
    fn a_run_passes_only_if_every_guest_and_the_server_did() {
        assert_eq!(after(&[GOOD], Some(0)), None);
        assert_eq!(after(&[GOOD, GOOD], Some(0)), None);
        let said = |said: &[&str], code| after(said, code).expect("a failure");
        assert_eq!(said(&[BAD], Some(0)), "b");
        assert_eq!(said(&[GOOD, BAD], Some(0)), "guest 2: b");
        assert!(said(&[BAD, "ok - a\n"], Some(0)).starts_with("guest 1: b"));
        assert!(said(&[GOOD, "ok - a\n"], Some(0)).contains("without a result"));
        assert!(said(&[GOOD], Some(1)).contains("code 1"));
        assert!(said(&[GOOD], None).contains("did not end"));
        assert!(said(&[GOOD], Some(3)).contains("differ"));
        assert!(said(&[BAD], Some(4)).contains("rule"));
    }
}
