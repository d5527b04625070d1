//! The client's memory: mapped by file descriptor where there is one, reached by messages where there is none.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::wire::{DMA_READABLE, DMA_WRITABLE, MAX_DATA};
use crate::env::{HostMem, Refused, Remote, Transfer};

/// Most mappings; more than the 65,535 that QEMU makes are a client gone wrong.
const MAX_REGIONS: usize = 65_536;

/// errno values of refusals.
pub mod errno {
    #![allow(missing_docs)]
    pub const ENOENT: u32 = 2;
    pub const EIO: u32 = 5;
    pub const EINVAL: u32 = 22;
    pub const ENOSPC: u32 = 28;
    pub const ENOTSUP: u32 = 95;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Region {
    base: u64,
    len: u64,
    flags: u32,
    is_mapped: bool,
}

impl Region {
    fn overlaps(&self, base: u64, len: u64) -> bool {
        self.base < base.saturating_add(len) && base < self.base.saturating_add(self.len)
    }
}

/// A transfer that the client is to carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Read so many bytes.
    Read(Transfer, u64, usize),
    /// Write these.
    Write(Transfer, u64, Vec<u8>),
}

#[derive(Debug, Default)]
struct Inner {
    regions: Vec<Region>,
    requests: VecDeque<Request>,
    done: HashMap<Transfer, Result<Vec<u8>, Refused>>,
    /// Transfers that the bus still waits for.
    open: usize,
    next: u64,
}

/// The client's memory. Clones share it: one is behind the bus, one with the session.
#[derive(Clone, Debug, Default)]
pub struct ClientMemory {
    inner: Rc<RefCell<Inner>>,
}

impl ClientMemory {
    /// Adds a region; through `fd` if there is one.
    ///
    /// # Errors
    /// The errno of the refusal, and why.
    pub fn map(
        &self,
        mem: &HostMem,
        (base, len): (u64, u64),
        flags: u32,
        fd: Option<(OwnedFd, u64)>,
    ) -> Result<(), (u32, String)> {
        let mut inner = self.inner.borrow_mut();
        if len == 0
            || base.checked_add(len - 1).is_none()
            || flags & !(DMA_READABLE | DMA_WRITABLE) != 0
        {
            return Err((
                errno::EINVAL,
                format!("map {base:#x}..+{len:#x} flags {flags:#x}"),
            ));
        }
        if inner.regions.len() == MAX_REGIONS {
            return Err((errno::ENOSPC, format!("more than {MAX_REGIONS} regions")));
        }
        if let Some(r) = inner.regions.iter().find(|r| r.overlaps(base, len)) {
            let there = format!("{:#x}..+{:#x}", r.base, r.len);
            return Err((
                errno::EINVAL,
                format!("map {base:#x}..+{len:#x} overlaps {there}"),
            ));
        }
        let is_mapped = fd.is_some();
        if let Some((fd, offset)) = fd {
            let file = File::from(fd);
            // Beyond the end of a file there is no memory.
            let size = file.metadata().map_or(0, |m| m.len());
            if offset.checked_add(len).is_none_or(|end| end > size) {
                return Err((
                    errno::EINVAL,
                    format!("map {len:#x} bytes from {offset:#x} of a file of {size:#x}"),
                ));
            }
            let writable = flags & DMA_WRITABLE != 0;
            mem.add_file(base, len, file, offset, writable)
                .map_err(|e| (errno::EINVAL, e.to_string()))?;
        }
        inner.regions.push(Region {
            base,
            len,
            flags,
            is_mapped,
        });
        Ok(())
    }

    /// Takes away every region that lies in the range.
    ///
    /// # Errors
    /// The errno and the reason when there is none, or one lies in it with a part only.
    pub fn unmap(&self, mem: &HostMem, base: u64, len: u64) -> Result<(), (u32, String)> {
        let mut inner = self.inner.borrow_mut();
        let end = base.saturating_add(len);
        let inside = |r: &Region| r.base >= base && r.base.saturating_add(r.len) <= end;
        let touched: Vec<Region> = inner
            .regions
            .iter()
            .filter(|r| r.overlaps(base, len))
            .copied()
            .collect();
        if touched.is_empty() {
            return Err((
                errno::ENOENT,
                format!("unmap {base:#x}..+{len:#x}: not mapped"),
            ));
        }
        if !touched.iter().all(inside) {
            return Err((
                errno::EINVAL,
                format!("unmap {base:#x}..+{len:#x} cuts a region"),
            ));
        }
        inner.regions.retain(|r| !r.overlaps(base, len));
        for r in touched.iter().filter(|r| r.is_mapped) {
            mem.remove(r.base, r.len)
                .map_err(|e| (errno::EIO, e.to_string()))?;
        }
        Ok(())
    }

    /// Forgets the client: its regions, and transfers, which fail.
    pub fn clear(&self, mem: &HostMem) {
        let _ = self.unmap(mem, 0, u64::MAX);
        let mut inner = self.inner.borrow_mut();
        while let Some(Request::Read(t, ..) | Request::Write(t, ..)) = inner.requests.pop_front() {
            inner.done.insert(t, Err(Refused));
        }
    }

    /// The next transfer for the client.
    pub fn request(&self) -> Option<Request> {
        self.inner.borrow_mut().requests.pop_front()
    }

    /// What became of a transfer.
    pub fn complete(&self, transfer: Transfer, result: Result<Vec<u8>, Refused>) {
        self.inner.borrow_mut().done.insert(transfer, result);
    }

    /// Forgets what was answered and is asked for by nobody any more: the bus was reset.
    pub fn forget(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.done.clear();
        inner.requests.clear();
        inner.open = 0;
    }

    /// Regions.
    #[cfg(test)]
    fn regions(&self) -> usize {
        self.inner.borrow().regions.len()
    }
}

impl Inner {
    fn start(&mut self) -> Transfer {
        self.next += 1;
        self.open += 1;
        Transfer(self.next)
    }
}

impl Remote for ClientMemory {
    fn covers(&self, addr: u64, len: usize, write: bool) -> bool {
        let need = if write { DMA_WRITABLE } else { DMA_READABLE };
        let end = addr.saturating_add(len as u64);
        let inner = self.inner.borrow();
        len <= MAX_DATA
            && inner.regions.iter().any(|r| {
                !r.is_mapped
                    && r.flags & need != 0
                    && r.base <= addr
                    && end <= r.base.saturating_add(r.len)
            })
    }

    fn read(&mut self, addr: u64, len: usize) -> Transfer {
        let mut inner = self.inner.borrow_mut();
        let transfer = inner.start();
        inner.requests.push_back(Request::Read(transfer, addr, len));
        transfer
    }

    fn write(&mut self, addr: u64, bytes: &[u8]) -> Transfer {
        let mut inner = self.inner.borrow_mut();
        let transfer = inner.start();
        inner
            .requests
            .push_back(Request::Write(transfer, addr, bytes.to_vec()));
        transfer
    }

    fn take(&mut self, transfer: Transfer) -> Option<Result<Vec<u8>, Refused>> {
        let mut inner = self.inner.borrow_mut();
        let answer = inner.done.remove(&transfer)?;
        inner.open = inner.open.saturating_sub(1);
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memfd(len: u64) -> OwnedFd {
        let file = tempfile::tempfile().unwrap();
        file.set_len(len).unwrap();
        file.into()
    }

    #[test]
    fn regions_are_mapped_and_taken_away_and_nothing_else_is_touched() {
        let mem = HostMem::new(0, 0).unwrap();
        let client = ClientMemory::default();
        client
            .map(&mem, (0x1_0000, 0x2000), 3, Some((memfd(0x3000), 0x1000)))
            .unwrap();
        client.map(&mem, (0x2_0000, 0x1000), 1, None).unwrap();
        mem.write(0x1_0ffe, b"four").unwrap();
        assert!(client.covers(0x2_0000, 0x1000, false));
        assert!(!client.covers(0x2_0000, 8, true), "read-only");
        assert!(!client.covers(0x1_0000, 8, false), "mapped, not remote");
        assert!(!client.covers(0x2_0ff9, 8, false));
        for (base, len) in [(0x1_1000, 0x1000), (0, u64::MAX), (5, 0), (u64::MAX, 2)] {
            assert_eq!(
                client.map(&mem, (base, len), 3, None).unwrap_err().0,
                errno::EINVAL
            );
        }
        assert_eq!(
            client.unmap(&mem, 0x1_1000, 0x1000).unwrap_err().0,
            errno::EINVAL
        );
        assert_eq!(
            client.unmap(&mem, 0x5_0000, 1).unwrap_err().0,
            errno::ENOENT
        );
        client.unmap(&mem, 0x1_0000, 0x2000).unwrap();
        assert!(mem.read(0x1_0000, &mut [0; 4]).is_err());
        client.clear(&mem);
        assert_eq!(client.regions(), 0);
    }

    #[test]
    fn a_file_too_short_is_refused_and_read_only_memory_is_not_written() {
        let mem = HostMem::new(0, 0).unwrap();
        let client = ClientMemory::default();
        for (len, offset) in [(0x2000, 0), (0x1000, 0x1000), (0x1000, u64::MAX)] {
            let fd = Some((memfd(0x1000), offset));
            assert_eq!(
                client.map(&mem, (0, len), 3, fd).unwrap_err().0,
                errno::EINVAL
            );
        }
        client
            .map(&mem, (0, 0x1000), DMA_READABLE, Some((memfd(0x1000), 0)))
            .unwrap();
        assert!(mem.write(8, &[1]).is_err() && mem.read(8, &mut [0]).is_ok());
    }

    #[test]
    fn transfers_wait_for_the_client_and_fail_with_it() {
        let mem = HostMem::new(0, 0).unwrap();
        let mut client = ClientMemory::default();
        client.map(&mem, (0, 0x1000), 3, None).unwrap();
        let read = client.read(8, 4);
        let write = client.write(16, &[1, 2]);
        assert_eq!(client.request(), Some(Request::Read(read, 8, 4)));
        assert_eq!(client.take(read), None);
        client.complete(read, Ok(vec![9; 4]));
        assert_eq!(client.take(read), Some(Ok(vec![9; 4])));
        client.clear(&mem);
        assert_eq!(client.take(write), Some(Err(Refused)));
    }
}
