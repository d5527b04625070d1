//! The server of a scenario: started with the scenario, killed and started again when a guest wants that.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::child::Process;
use super::run::{Settings, LOOK, STORE_MIB};
use super::{GuestError, ServerKind};

/// Longest that the server may take to listen: a large profile's model is built first.
const LISTEN: Duration = Duration::from_secs(60);
/// Longest that the server takes to end: the checks catch up and the record is closed.
const FINISH: Duration = Duration::from_secs(120);

/// A `shoal serve`.
pub(super) struct Server<'a> {
    settings: &'a Settings,
    process: Process,
    /// Of each guest.
    sockets: Vec<PathBuf>,
    /// Of the station.
    uplink: Option<PathBuf>,
    numbers: PathBuf,
    stores: PathBuf,
    log: PathBuf,
    /// Times it was started again.
    restarts: usize,
}

impl<'a> Server<'a> {
    /// Starts the server, with its files in `folder`, and waits until it listens.
    pub(super) fn start(settings: &'a Settings, folder: &Path) -> Result<Self, GuestError> {
        let scenario = settings.scenario;
        let stores = folder.join("stores");
        std::fs::create_dir(&stores)
            .map_err(|e| GuestError::Io(stores.display().to_string(), e))?;
        let sockets = (1..=scenario.guests).map(|n| folder.join(format!("{n}")));
        let sockets: Vec<_> = sockets.collect();
        let uplink = scenario.has_station.then(|| folder.join("uplink"));
        let numbers = folder.join("numbers");
        let log = settings.log("server");
        let places = (&sockets[..], uplink.as_deref());
        let mut command = command(settings, places, &numbers, &stores);
        let process = listening(settings, &mut command, &log)?;
        Ok(Self {
            settings,
            process,
            sockets,
            uplink,
            numbers,
            stores,
            log,
            restarts: 0,
        })
    }

    /// Where the station connects to.
    pub(super) fn uplink(&self) -> Option<&Path> {
        self.uplink.as_deref()
    }

    /// What the guests connect to, and where.
    pub(super) fn sockets(&self) -> impl Iterator<Item = (ServerKind, &Path)> {
        let kind = self.settings.scenario.server;
        self.sockets.iter().map(move |path| (kind, path.as_path()))
    }

    /// The folder of the block stores.
    pub(super) fn stores(&self) -> &Path {
        &self.stores
    }

    /// The log; of a server that was started again, that since.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// It has ended, which it does only when asked or when a check failed.
    pub(super) fn is_over(&mut self) -> Result<bool, GuestError> {
        Ok(self.process.ended()?.is_some())
    }

    /// Kills it with SIGKILL and starts it again, with the same sockets and stores. Of the one that was killed only its log is
    /// left: the checks of its last moments, its numbers and its record went with it. False for one that has ended by itself.
    pub(super) fn restart(&mut self) -> Result<bool, GuestError> {
        if self.is_over()? {
            return Ok(false);
        }
        let record = open_records(self.process.id());
        self.process.kill();
        for path in record {
            // Half a record is nobody's.
            let _ = std::fs::remove_file(path);
        }
        self.restarts += 1;
        self.log = self.settings.log(&format!("server-{}", self.restarts + 1));
        let mut command = command(
            self.settings,
            (&self.sockets, self.uplink.as_deref()),
            &self.numbers,
            &self.stores,
        );
        self.process = listening(self.settings, &mut command, &self.log)?;
        Ok(true)
    }

    /// Ends it and gives its exit code, if it ended when asked, and its numbers, if it wrote them.
    pub(super) fn stop(&mut self) -> Result<(Option<i32>, Map<String, Value>), GuestError> {
        let status = self.process.stop(FINISH)?;
        let numbers = std::fs::read(&self.numbers)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok((status.and_then(|s| s.code()), numbers.unwrap_or_default()))
    }
}

fn command(
    settings: &Settings,
    (sockets, uplink): (&[PathBuf], Option<&Path>),
    numbers: &Path,
    stores: &Path,
) -> Command {
    let mut command = Command::new(&settings.shoal);
    command.args(["serve", settings.scenario.server.name()]);
    for socket in sockets {
        command.arg("--socket").arg(socket);
    }
    if let Some(path) = uplink {
        command.arg("--uplink").arg(path);
    }
    command.args(&settings.device).arg("--json").arg(numbers);
    command.arg("--store").arg(stores);
    command.args(["--store-mib", &STORE_MIB.to_string()]);
    command.arg("--out").arg(&settings.out);
    if let Some(record) = &settings.record {
        command.arg("--record").arg(record);
    }
    command
}

/// Starts a server and waits until it listens at all its sockets.
fn listening(
    settings: &Settings,
    command: &mut Command,
    log: &Path,
) -> Result<Process, GuestError> {
    let mut server = Process::start("the server", command, log)?;
    let end = Instant::now() + LISTEN;
    let mut heard = Vec::new();
    loop {
        heard.extend(server.output(LOOK).unwrap_or_default());
        let heard = String::from_utf8_lossy(&heard);
        let lines = heard.lines().filter(|l| l.starts_with("listening on "));
        if lines.count() >= settings.scenario.guests {
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

/// Unfinished records that process `id` holds open.
fn open_records(id: u32) -> Vec<PathBuf> {
    let fds = std::fs::read_dir(format!("/proc/{id}/fd"));
    fds.into_iter()
        .flatten()
        .filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok())
        .filter(|path| path.extension().is_some_and(|e| e == "rec"))
        .collect()
}

pub(super) fn last_line(log: &Path) -> String {
    let said = std::fs::read(log).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    said.lines().next_back().unwrap_or("nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_records_that_a_process_holds_open_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let open = std::fs::File::create(path(".run-1.rec")).unwrap();
        let other = std::fs::File::create(path("blk-1.img")).unwrap();
        std::fs::write(path(".run-2.rec"), "").unwrap();
        let found = open_records(std::process::id());
        assert!(found.contains(&path(".run-1.rec")));
        assert!(!found.contains(&path(".run-2.rec")) && !found.contains(&path("blk-1.img")));
        drop((open, other));
        assert!(!open_records(std::process::id()).contains(&path(".run-1.rec")));
        assert!(open_records(u32::MAX).is_empty());
    }
}
