//! Child processes that do not outlive their owner.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{unbounded, Receiver};

use super::GuestError;

/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(20);

/// A process whose standard output is read, and copied to a file; killed and reaped when dropped.
#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    child: Child,
    output: Receiver<Vec<u8>>,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts `command`; its standard output goes to `log` and is received, its standard error goes to `log` too.
    pub(super) fn start(
        name: &'static str,
        command: &mut Command,
        log: &Path,
    ) -> Result<Self, GuestError> {
        let error = |e| GuestError::Io(format!("cannot start {name}"), e);
        let log_error = |e| GuestError::Io(log.display().to_string(), e);
        let file = File::create(log).map_err(log_error)?;
        let for_errors = file.try_clone().map_err(log_error)?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(for_errors)
            .spawn()
            .map_err(error)?;
        let (tell, output) = unbounded();
        let stdout = child.stdout.take();
        let reader = std::thread::spawn(move || {
            if let Some(stdout) = stdout {
                copy(stdout, file, |bytes| drop(tell.send(bytes)));
            }
        });
        Ok(Self {
            name,
            child,
            output,
            reader: Some(reader),
        })
    }

    /// What it wrote, if something comes within `at_most`.
    pub(super) fn output(&self, at_most: Duration) -> Option<Vec<u8>> {
        match self.output.recv_timeout(at_most) {
            Ok(bytes) => Some(bytes),
            Err(crossbeam::channel::RecvTimeoutError::Timeout) => None,
            Err(crossbeam::channel::RecvTimeoutError::Disconnected) => {
                // It has closed its output: as good as ended, but not to be asked again at once.
                std::thread::sleep(at_most.min(LOOK));
                None
            }
        }
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>, GuestError> {
        self.child
            .try_wait()
            .map_err(|e| GuestError::Io(self.name.to_owned(), e))
    }

    /// Waits for its end, for at most so long.
    pub(super) fn wait(&mut self, at_most: Duration) -> Result<Option<ExitStatus>, GuestError> {
        let end = Instant::now() + at_most;
        loop {
            match self.ended()? {
                None if Instant::now() < end => std::thread::sleep(LOOK),
                result => return Ok(result),
            }
        }
    }

    /// Asks it to end with SIGTERM and waits, for at most so long; then it is killed, and `None`.
    pub(super) fn stop(&mut self, at_most: Duration) -> Result<Option<ExitStatus>, GuestError> {
        if let Some(pid) = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            if self.ended()?.is_none() {
                // It may have ended just now.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
        }
        let status = self.wait(at_most)?;
        if status.is_none() {
            self.kill();
        }
        Ok(status)
    }

    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it now with SIGKILL, and gives all that it wrote and nobody has received.
    pub(super) fn kill(&mut self) -> Vec<u8> {
        // Both fail only for a process that has been reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.output.try_iter().flatten().collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn copy(mut from: impl Read, mut to: impl Write, mut tell: impl FnMut(Vec<u8>)) {
    let mut buffer = [0; 4096];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => {
                // A full disk must not stop the run: what was said is received all the same.
                let _ = to.write_all(&buffer[..n]);
                tell(buffer[..n].to_vec());
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, log: &Path) -> Process {
        Process::start("sh", Command::new("sh").args(["-c", script]), log).unwrap()
    }

    #[test]
    fn output_is_received_and_logged_and_the_end_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut p = shell("echo out; echo err >&2; exit 3", &log);
        let status = p.wait(Duration::from_secs(10)).unwrap().unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(p.kill(), b"out\n");
        let logged = std::fs::read_to_string(&log).unwrap();
        assert!(logged.contains("out\n") && logged.contains("err\n"));
    }

    #[test]
    fn a_process_ends_when_asked_and_when_it_does_not_want_to() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut polite = shell(
            "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done",
            &log,
        );
        while polite.output(Duration::from_secs(10)).is_none() {}
        let status = polite.stop(Duration::from_secs(10)).unwrap().unwrap();
        assert_eq!(status.code(), Some(7));
        let mut deaf = shell("trap '' TERM; echo up; while :; do :; done", &log);
        while deaf.output(Duration::from_secs(10)).is_none() {}
        assert_eq!(deaf.stop(Duration::from_millis(100)).unwrap(), None);
        assert!(deaf.ended().unwrap().is_some());
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let e = Process::start("QEMU", &mut Command::new("/no/such/program"), &log).unwrap_err();
        assert!(e.to_string().starts_with("cannot start QEMU: "), "{e}");
    }
}
