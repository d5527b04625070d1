//! Lockstep: every cycle of a run goes to a second thread, which records it, compares every output port with a reference,
//! and shows it to the monitors.
//!
//! The thread that steps the device hands over (inputs, outputs) in batches on a bounded channel; buffers come back. The
//! device's outputs are compared from the cycle after the first edge in reset: before that its state is random by design.

mod checker;
mod commands;
mod digest;
mod divergence;
mod history;

pub use checker::{CheckReport, Checker};
pub use commands::MemberEvent;
pub use divergence::{Difference, Divergence};

use std::thread::JoinHandle;

use crossbeam::channel::{bounded, Receiver, Sender};
use shoal_abi::ports::{Inputs, Outputs};

use crate::dut::DutError;
use crate::monitor::Violation;

/// Cycles of a batch.
const BATCH: usize = 1024;
/// Batches under way.
const QUEUE: usize = 16;

/// Which devices a run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// RTL, compared with the model.
    Lockstep,
    /// RTL alone.
    Rtl,
    /// The model alone.
    Model,
}

impl Mode {
    /// Name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lockstep => "lockstep",
            Self::Rtl => "rtl",
            Self::Model => "model",
        }
    }
}

/// Why a check ended a run.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// Device and reference differ.
    #[error("{0}")]
    Divergence(Box<Divergence>),
    /// A monitor saw a broken rule.
    #[error("{0}")]
    Violation(Violation),
    /// The reference or a monitor panicked: its own error, whatever the device did.
    #[error("cycle {cycle}: the checker panicked: {message}")]
    Panic {
        /// Cycle under check.
        cycle: u64,
        /// What it said.
        message: String,
    },
}

impl Failure {
    /// The cycle in which it was seen.
    #[must_use]
    pub fn cycle(&self) -> u64 {
        match self {
            Self::Divergence(d) => d.cycle,
            Self::Violation(v) => v.cycle,
            Self::Panic { cycle, .. } => *cycle,
        }
    }
}

type Batch = Vec<(Inputs, Outputs)>;

/// The sending end: belongs to the thread that steps the device.
pub struct Lockstep {
    batch: Batch,
    to_checker: Option<Sender<Batch>>,
    spare: Receiver<Batch>,
    thread: Option<JoinHandle<CheckReport>>,
}

impl Lockstep {
    /// Starts the checking thread; `build` makes the checker in it.
    ///
    /// # Errors
    /// When the reference cannot be made.
    pub fn start(
        build: impl FnOnce() -> Result<Checker, DutError> + Send + 'static,
    ) -> Result<Self, DutError> {
        let (to_checker, batches) = bounded::<Batch>(QUEUE);
        let (give_back, spare) = bounded::<Batch>(QUEUE);
        let (made, is_made) = bounded(1);
        let thread = std::thread::Builder::new()
            .name("checker".into())
            .spawn(move || {
                let mut checker = match build() {
                    Ok(checker) => checker,
                    Err(e) => {
                        let _ = made.send(Err(e));
                        return CheckReport::default();
                    }
                };
                let _ = made.send(Ok(()));
                for mut batch in batches {
                    if !checker.batch(&batch) {
                        break;
                    }
                    batch.clear();
                    // A full channel has spares enough.
                    let _ = give_back.try_send(batch);
                }
                checker.finish()
            })
            .map_err(|e| DutError::Device(format!("cannot start the checking thread: {e}")))?;
        match is_made.recv() {
            Ok(Err(e)) => return Err(e),
            Ok(Ok(())) => {}
            Err(_) => return Err(DutError::Device("the checking thread ended at once".into())),
        }
        Ok(Self {
            batch: Vec::with_capacity(BATCH),
            to_checker: Some(to_checker),
            spare,
            thread: Some(thread),
        })
    }

    /// Hands a cycle over. False when the checker has stopped: the run is over.
    pub fn push(&mut self, inputs: Inputs, outputs: Outputs) -> bool {
        self.batch.push((inputs, outputs));
        self.batch.len() < BATCH || self.flush()
    }

    /// Hands over what is left of a batch. False as [`Lockstep::push`].
    pub fn flush(&mut self) -> bool {
        let next = self
            .spare
            .try_recv()
            .unwrap_or_else(|_| Vec::with_capacity(BATCH));
        let batch = std::mem::replace(&mut self.batch, next);
        self.to_checker
            .as_ref()
            .is_some_and(|c| c.send(batch).is_ok())
    }

    /// Hands over what is left of a batch and waits until everything up to here is checked.
    pub fn settle(&mut self) {
        // More batches than fit on the way, empty but for the first: the checker took one after that, so it is done with it.
        let _ = (0..=QUEUE + 1).all(|_| self.flush());
    }

    /// Lets the checker finish everything handed over and returns what it found.
    #[must_use]
    pub fn finish(mut self) -> CheckReport {
        self.join()
    }

    fn join(&mut self) -> CheckReport {
        if !self.batch.is_empty() {
            self.flush();
        }
        self.to_checker = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(report)) => report,
            // The checker catches panics of what it runs; one of its own is reported too.
            Some(Err(_)) => CheckReport {
                failure: Some(Failure::Panic {
                    cycle: 0,
                    message: "checker".into(),
                }),
                ..CheckReport::default()
            },
            None => CheckReport::default(),
        }
    }
}

impl Drop for Lockstep {
    fn drop(&mut self) {
        let _ = self.join();
    }
}
