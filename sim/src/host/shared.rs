//! A host that several drivers of one thread hold.

use std::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;

use super::{Host, HostError, RunReport};

/// A handle to a host; clones are the same host. For one thread.
#[derive(Clone)]
pub struct SharedHost {
    host: Rc<RefCell<Host>>,
}

impl SharedHost {
    /// Shares `host`.
    #[must_use]
    pub fn new(host: Host) -> Self {
        Self {
            host: Rc::new(RefCell::new(host)),
        }
    }

    /// The host, for a statement or two: give it back before another driver runs.
    #[must_use]
    pub fn borrow(&self) -> Ref<'_, Host> {
        self.host.borrow()
    }

    /// The host, to change: give it back before another driver runs.
    #[must_use]
    pub fn borrow_mut(&self) -> RefMut<'_, Host> {
        self.host.borrow_mut()
    }

    /// One cycle.
    ///
    /// # Errors
    /// As [`Host::step`].
    pub fn step(&self) -> Result<(), HostError> {
        self.borrow_mut().step()
    }

    /// `cycles` cycles.
    ///
    /// # Errors
    /// As [`Host::step`].
    pub fn run(&self, cycles: u64) -> Result<(), HostError> {
        self.borrow_mut().run(cycles)
    }

    /// Polls `done` and steps `stride` cycles in turn until it says so. Unlike [`Host::run_until`], `done` may use
    /// other handles of this host.
    ///
    /// # Errors
    /// `Timeout` naming `what` after `cycles` cycles; as [`Host::step`].
    pub fn run_until(
        &self,
        what: &'static str,
        cycles: u64,
        stride: u64,
        mut done: impl FnMut() -> bool,
    ) -> Result<(), HostError> {
        let start = self.cycle();
        while !done() {
            if self.cycle() - start >= cycles {
                return Err(HostError::Timeout { what, cycles });
            }
            self.run(stride.max(1))?;
        }
        Ok(())
    }

    /// Cycles so far.
    #[must_use]
    pub fn cycle(&self) -> u64 {
        self.borrow().cycle()
    }

    /// The host, when this is the last handle.
    ///
    /// # Errors
    /// `Setup` when drivers still hold the host.
    pub fn into_host(self) -> Result<Host, HostError> {
        Rc::try_unwrap(self.host)
            .map(RefCell::into_inner)
            .map_err(|_| HostError::Setup("a driver still holds the host".into()))
    }

    /// Ends the run, when this is the last handle.
    ///
    /// # Errors
    /// As [`SharedHost::into_host`] and [`Host::finish`].
    pub fn finish(self) -> Result<RunReport, HostError> {
        self.into_host()?.finish()
    }
}
