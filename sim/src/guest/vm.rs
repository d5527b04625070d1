//! One QEMU with its guest, and what is known of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::child::Process;
use super::console::Verdict;
use super::run::Settings;
use super::server::last_line;
use super::{Console, GuestError, ServerKind};

/// Longest that a guest takes to power off after its result.
const POWER_OFF: Duration = Duration::from_secs(30);

/// What is known of a guest that ran.
#[derive(Clone, Debug, Default)]
pub struct Guest {
    /// What it said.
    pub console: Console,
    /// From the start of QEMU to the start of the test.
    pub boot: Option<Duration>,
    /// The console's log.
    pub log: PathBuf,
}

impl Guest {
    /// What failed first, if anything.
    pub(super) fn why(&self) -> Option<String> {
        let console = &self.console;
        let first = || console.checks.iter().find(|c| !c.is_ok);
        match (&console.verdict, &console.panic) {
            (Some(Verdict::Fail(what)), _) => Some(what.clone()),
            (None, Some(panic)) => Some(format!("the guest's kernel panicked: {panic}")),
            (None, None) => Some(format!(
                "the guest ended without a result; the last line was: {}",
                console.last
            )),
            (Some(Verdict::Pass), _) if console.checks.is_empty() => {
                Some("nothing was checked".into())
            }
            (Some(Verdict::Pass), _) => first().map(|c| c.what.clone()),
        }
    }
}

/// A guest that runs.
pub(super) struct Vm {
    process: Process,
    started: Instant,
    verdict_at: Option<Instant>,
    /// QEMU has ended, and all that it wrote is heard.
    has_ended: bool,
    guest: Guest,
}

impl Vm {
    /// Starts the `number`th guest, from 1 on, of a scenario.
    pub(super) fn start(
        settings: &Settings,
        server: (ServerKind, &Path),
        number: usize,
    ) -> Result<Self, GuestError> {
        let log = match settings.scenario.guests {
            1 => settings.log("console"),
            _ => settings.log(&format!("console-{number}")),
        };
        let words = settings.words(number);
        let mut command = settings.image.qemu(server, number, settings.memory, &words);
        Ok(Self {
            process: Process::start("QEMU", &mut command, &log)?,
            started: Instant::now(),
            verdict_at: None,
            has_ended: false,
            guest: Guest {
                log,
                ..Guest::default()
            },
        })
    }

    /// What it has said so far.
    pub(super) fn console(&mut self) -> &mut Console {
        &mut self.guest.console
    }

    /// What failed, of a guest that is over.
    pub(super) fn failure(&self) -> Option<String> {
        match self.guest.console.verdict {
            Some(Verdict::Pass) => None,
            _ => self.guest.why(),
        }
    }

    /// Hears what it says, for at most so long; tells `said`.
    ///
    /// # Errors
    /// When nobody can say whether QEMU runs.
    pub(super) fn hear(
        &mut self,
        at_most: Duration,
        said: impl FnOnce(&[u8], &Console),
    ) -> Result<(), GuestError> {
        let mut heard = self.process.output(at_most).unwrap_or_default();
        if self.process.ended()?.is_some() {
            heard.extend(self.process.kill());
            self.has_ended = true;
        }
        self.guest.console.feed(&heard);
        said(&heard, &self.guest.console);
        if self.guest.console.is_started && self.guest.boot.is_none() {
            self.guest.boot = Some(self.started.elapsed());
        }
        if self.guest.console.verdict.is_some() && self.verdict_at.is_none() {
            self.verdict_at = Some(Instant::now());
        }
        Ok(())
    }

    /// It has powered off, or has said how its test ended and does not power off.
    pub(super) fn is_over(&self) -> bool {
        self.has_ended || self.verdict_at.is_some_and(|t| t.elapsed() > POWER_OFF)
    }

    /// Ends it if need be, hears the rest and gives what is known of it.
    pub(super) fn end(mut self, said: impl FnOnce(&[u8], &Console)) -> Guest {
        let rest = self.process.kill();
        let mut guest = self.guest;
        guest.console.feed(&rest);
        said(&rest, &guest.console);
        if guest.boot.is_none() && guest.console.last.is_empty() {
            // QEMU's own words, which are no console's.
            guest.console.last = last_line(&guest.log);
        }
        guest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(said: &str) -> Option<String> {
        let mut guest = Guest::default();
        guest.console.feed(said.as_bytes());
        guest.why()
    }

    #[test]
    fn a_guest_passes_only_if_everything_did() {
        assert_eq!(after("ok - a\nSHOAL-RESULT pass\n"), None);
        let said = |said| after(said).expect("a failure");
        assert!(said("SHOAL-RESULT pass\n").contains("nothing"));
        assert!(said("not ok - a\nSHOAL-RESULT pass\n").contains('a'));
        assert!(said("ok - a\nSHOAL-RESULT fail: b\n").contains('b'));
        assert!(said("ok - a\n").contains("without a result"));
        assert!(said("x Kernel panic - not syncing: why\n").contains("why"));
    }
}
