//! Many admin commands in flight: as many as the admin queue has room for, results taken in order.

use std::collections::VecDeque;

use shoal_driver::admin::Ticket;
use shoal_driver::cmd::Cmd;
use shoal_driver::{Error, Mgmtdev, Time};

use super::ScenarioError;
use crate::host::SharedHost;

/// Cycles that a command may take once all before it are done.
const LIMIT: u64 = 1_000_000;

/// The commands in flight.
pub(super) struct Pipeline {
    mgmtdev: Mgmtdev<SharedHost>,
    flight: VecDeque<(Cmd, Ticket)>,
    /// Commands done.
    pub(super) done: u64,
}

impl Pipeline {
    pub(super) fn new(mgmtdev: &Mgmtdev<SharedHost>) -> Self {
        Self {
            mgmtdev: mgmtdev.clone(),
            flight: VecDeque::new(),
            done: 0,
        }
    }

    /// Sends `c`, after waiting for room.
    pub(super) fn push(&mut self, c: Cmd) -> Result<(), ScenarioError> {
        loop {
            match self.mgmtdev.submit(&c) {
                Ok(ticket) => {
                    self.flight.push_back((c, ticket));
                    return Ok(());
                }
                Err(Error::QueueFull) if !self.flight.is_empty() => self.take()?,
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Waits for all that are in flight.
    pub(super) fn drain(&mut self) -> Result<(), ScenarioError> {
        while !self.flight.is_empty() {
            self.take()?;
        }
        Ok(())
    }

    /// Waits for the oldest command; one that was refused is an error.
    fn take(&mut self) -> Result<(), ScenarioError> {
        let Some((c, mut ticket)) = self.flight.pop_front() else {
            return Ok(());
        };
        let end = self.mgmtdev.platform().now() + LIMIT;
        loop {
            match self.mgmtdev.poll(&c, ticket)? {
                Ok(_) => {
                    self.done += 1;
                    return Ok(());
                }
                Err(again) => ticket = again,
            }
            if self.mgmtdev.platform().now() >= end {
                return Err(ScenarioError::check(format!(
                    "{} did not complete within {LIMIT} cycles",
                    c.name()
                )));
            }
            self.mgmtdev.platform().wait()?;
        }
    }
}
