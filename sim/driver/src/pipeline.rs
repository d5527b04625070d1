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
        let mut left = Some(c);
        while let Some(c) = left {
            left = self.offer(c)?;
            if left.is_some() {
                self.take()?;
            }
        }
        Ok(())
    }

    /// Sends `c` if there is room, else gives it back.
    ///
    /// # Errors
    /// `QueueFull` when the room is taken by commands of others.
    pub fn offer(&mut self, c: Cmd) -> Result<Option<Cmd>> {
        match self.mgmtdev.submit(&c) {
            Ok(ticket) => {
                self.flight.push_back((c, ticket));
                Ok(None)
            }
            Err(Error::QueueFull) if !self.flight.is_empty() => Ok(Some(c)),
            Err(e) => Err(e),
        }
    }

    /// Takes the oldest command back if it is done; true when it was. Never waits.
    ///
    /// # Errors
    /// `Command` when the device refused it, and what `poll` of the mgmtdev says.
    pub fn poll(&mut self) -> Result<bool> {
        let Some((c, ticket)) = self.flight.pop_front() else {
            return Ok(false);
        };
        match self.mgmtdev.poll(&c, ticket)? {
            Ok(_) => {
                self.done += 1;
                Ok(true)
            }
            Err(ticket) => {
                self.flight.push_front((c, ticket));
                Ok(false)
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
        let platform = self.mgmtdev.platform().clone();
        let cycles = self.mgmtdev.options().command_cycles;
        let end = platform.now().saturating_add(cycles);
        while !self.poll()? {
            let Some((c, _)) = self.flight.front() else {
                return Ok(());
            };
            if platform.now() >= end {
                let what = c.name().to_owned();
                return Err(Error::Timeout { what, cycles });
            }
            platform.wait()?;
        }
        Ok(())
    }
}

impl<P: Platform> Drop for Pipeline<P> {
    fn drop(&mut self) {
        for (_, ticket) in self.flight.drain(..) {
            self.mgmtdev.admin().forget(ticket);
        }
    }
}
