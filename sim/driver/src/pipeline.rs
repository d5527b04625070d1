//! Many admin commands in flight: as many as the admin queue has room for, results taken in order.

use std::collections::VecDeque;

use crate::admin::Ticket;
use crate::cmd::Cmd;
use crate::{Error, Mgmtdev, Platform, Result};

/// The commands in flight. Dropping it forgets them.
pub struct Pipeline<P: Platform> {
    mgmtdev: Mgmtdev<P>,
    flight: VecDeque<(Cmd, Ticket)>,
    done: u64,
}

impl<P: Platform> Pipeline<P> {
    /// None yet, for the admin queue of `mgmtdev`.
    #[must_use]
    pub fn new(mgmtdev: &Mgmtdev<P>) -> Self {
        Self {
            mgmtdev: mgmtdev.clone(),
            flight: VecDeque::new(),
            done: 0,
        }
    }

    /// Commands that the device has done.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Sends `c`, after waiting for room.
    ///
    /// # Errors
    /// As [`Pipeline::drain`], for a command before it.
    pub fn push(&mut self, c: Cmd) -> Result<()> {
        loop {
            match self.mgmtdev.submit(&c) {
                Ok(ticket) => {
                    self.flight.push_back((c, ticket));
                    return Ok(());
                }
                Err(Error::QueueFull) if !self.flight.is_empty() => self.take()?,
                Err(e) => return Err(e),
            }
        }
    }

    /// Waits for all that are in flight.
    ///
    /// # Errors
    /// `Command` for one that the device refused, `Timeout` when one takes longer than [`crate::Options::command_cycles`] after
    /// all before it, `Platform`.
    pub fn drain(&mut self) -> Result<()> {
        while !self.flight.is_empty() {
            self.take()?;
        }
        Ok(())
    }

    /// Waits for the oldest command.
    fn take(&mut self) -> Result<()> {
        let Some((c, mut ticket)) = self.flight.pop_front() else {
            return Ok(());
        };
        let platform = self.mgmtdev.platform();
        let cycles = self.mgmtdev.options().command_cycles;
        let end = platform.now().saturating_add(cycles);
        loop {
            match self.mgmtdev.poll(&c, ticket)? {
                Ok(_) => {
                    self.done += 1;
                    return Ok(());
                }
                Err(again) => ticket = again,
            }
            let result = if platform.now() >= end {
                let what = c.name().to_owned();
                Err(Error::Timeout { what, cycles })
            } else {
                platform.wait()
            };
            if let Err(e) = result {
                self.mgmtdev.admin().forget(ticket);
                return Err(e);
            }
        }
    }
}

impl<P: Platform> Drop for Pipeline<P> {
    fn drop(&mut self) {
        for (_, ticket) in self.flight.drain(..) {
            self.mgmtdev.admin().forget(ticket);
        }
    }
}
