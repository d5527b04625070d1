//! Interrupts of the function: MSI-X vectors by eventfd, and the messages of MSI slots as writes to the client's memory.

use std::os::fd::OwnedFd;

use shoal_abi::pci::FIRST_SLOT_VECTOR;
use shoal_abi::regs::{MSIX_ENTRY_BYTES, MSIX_TABLE};

use super::wire::{
    SetIrqs, IRQS, IRQ_MSIX, SET_DATA, SET_DATA_EVENTFD, SET_DATA_NONE, SET_TRIGGER,
};
use crate::env::Irq;
use crate::serve::socket::signal;

/// Where the shell lets the device's own vectors write: an address that no client has.
const SHELL_ADDRESS: u64 = 0x5348_0000_0000_0000;

/// The vectors of the function.
#[derive(Debug)]
pub struct Vectors {
    eventfds: Vec<Option<OwnedFd>>,
    /// Raised while there was no eventfd.
    pending: Vec<bool>,
}

impl Vectors {
    /// `count` vectors without eventfds.
    #[must_use]
    pub fn new(count: u16) -> Self {
        Self {
            eventfds: (0..count).map(|_| None).collect(),
            pending: vec![false; count.into()],
        }
    }

    /// Forgets eventfds and what is pending.
    pub fn clear(&mut self) {
        self.eventfds.iter_mut().for_each(|e| *e = None);
        self.pending.fill(false);
    }

    /// Vectors.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.eventfds.len() as u32
    }

    /// DEVICE_SET_IRQS. Interrupts other than MSI-X do not exist; that they are switched off is heard with patience.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn set(&mut self, s: &SetIrqs, fds: Vec<OwnedFd>) -> Result<(), String> {
        let range = s.start as usize..(s.start as usize).saturating_add(s.count as usize);
        if s.index != IRQ_MSIX {
            let is_off = s.flags & SET_DATA == SET_DATA_NONE || fds.is_empty();
            return if s.index < IRQS && is_off {
                Ok(())
            } else {
                Err(format!("interrupt index {} does not exist", s.index))
            };
        }
        if range.end > self.eventfds.len() {
            return Err(format!("vectors {range:?} of {}", self.eventfds.len()));
        }
        if s.flags & SET_TRIGGER == 0 {
            return Err(format!(
                "flags {:#x}: MSI-X vectors are masked in their table",
                s.flags
            ));
        }
        match s.flags & SET_DATA {
            // No vectors and no data: all are switched off.
            SET_DATA_NONE if s.count == 0 => self.clear(),
            SET_DATA_NONE => range.for_each(|v| self.raise(v)),
            SET_DATA_EVENTFD => {
                if !fds.is_empty() && fds.len() != range.len() {
                    return Err(format!(
                        "{} eventfds for {} vectors",
                        fds.len(),
                        range.len()
                    ));
                }
                let mut fds = fds.into_iter();
                for v in range {
                    self.eventfds[v] = fds.next();
                    if self.eventfds[v].is_some() && std::mem::take(&mut self.pending[v]) {
                        self.raise(v);
                    }
                }
            }
            other => return Err(format!("data {other:#x} of vectors")),
        }
        Ok(())
    }

    fn raise(&mut self, vector: usize) {
        match self.eventfds.get(vector) {
            Some(Some(fd)) => signal(fd),
            Some(None) => self.pending[vector] = true,
            None => {}
        }
    }

    /// Takes a message of the device's own vectors; false if it is that of an MSI slot.
    pub fn take(&mut self, irq: &Irq) -> bool {
        let vector = irq.data as usize;
        let own = irq.addr == SHELL_ADDRESS && vector < usize::from(FIRST_SLOT_VECTOR);
        if own {
            self.raise(vector);
        }
        own
    }
}

/// The register writes that put the shell's messages into the device's own table and unmask it.
pub fn table() -> impl Iterator<Item = (u32, u32)> {
    (0..u32::from(FIRST_SLOT_VECTOR)).flat_map(|v| {
        let entry = MSIX_TABLE + v * MSIX_ENTRY_BYTES;
        let high = (SHELL_ADDRESS >> 32) as u32;
        [(0, SHELL_ADDRESS as u32), (4, high), (8, v), (12, 0)].map(|(at, data)| (entry + at, data))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{eventfd, EventfdFlags};

    fn set(start: u32, count: u32, flags: u32) -> SetIrqs {
        SetIrqs {
            argsz: 20,
            flags,
            index: IRQ_MSIX,
            start,
            count,
        }
    }

    fn count(fd: &OwnedFd) -> u64 {
        let mut n = [0; 8];
        match rustix::io::read(fd, &mut n) {
            Ok(_) => u64::from_ne_bytes(n),
            Err(_) => 0,
        }
    }

    fn message(addr: u64, data: u32) -> Irq {
        Irq {
            addr,
            data,
            cycle: 1,
        }
    }

    #[test]
    fn a_vector_signals_its_eventfd_or_waits_for_it() {
        let mut v = Vectors::new(8);
        let fd = eventfd(0, EventfdFlags::NONBLOCK).unwrap();
        assert!(v.take(&message(SHELL_ADDRESS, 2)), "pending");
        let give = vec![fd.try_clone().unwrap()];
        v.set(&set(2, 1, SET_TRIGGER | SET_DATA_EVENTFD), give)
            .unwrap();
        assert_eq!(count(&fd), 1);
        assert!(v.take(&message(SHELL_ADDRESS, 2)));
        assert_eq!(count(&fd), 1);
        assert!(!v.take(&message(0xfee0_0000, 2)) && !v.take(&message(SHELL_ADDRESS, 4)));
        v.set(&set(0, 0, SET_TRIGGER | SET_DATA_NONE), Vec::new())
            .unwrap();
        assert!(v.take(&message(SHELL_ADDRESS, 2)));
        assert_eq!(count(&fd), 0);
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_a_full_pipe_does_not_block() {
        let mut v = Vectors::new(4);
        let event = SET_TRIGGER | SET_DATA_EVENTFD;
        assert!(v.set(&set(3, 2, event), Vec::new()).is_err());
        assert!(v.set(&set(u32::MAX, u32::MAX, event), Vec::new()).is_err());
        assert!(v.set(&set(0, 1, SET_DATA_EVENTFD), Vec::new()).is_err());
        let two = || {
            (0..2)
                .map(|_| eventfd(0, EventfdFlags::empty()).unwrap())
                .collect()
        };
        assert!(v.set(&set(0, 1, event), two()).is_err());
        let (_reader, writer) = rustix::pipe::pipe().unwrap();
        v.set(&set(1, 1, event), vec![writer]).unwrap();
        for _ in 0..20_000 {
            v.take(&message(SHELL_ADDRESS, 1));
        }
    }
}
