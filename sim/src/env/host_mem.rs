//! Host memory: lazily committed regions in a 64-bit space, and an allocator of DMA pages for drivers.
//!
//! A handle is cheap to clone and can cross threads. Platform addresses outside every region are unmapped: the bus
//! answers them with DECERR. Memory of a guest process can be added by file descriptor.

use std::collections::BTreeMap;
use std::fs::File;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use vm_memory::{
    Address, AtomicAccess, Bytes, FileOffset, GuestAddress, GuestMemoryBackend, GuestMemoryMmap,
    GuestMemoryRegion, GuestRegionMmap, MmapRegion,
};

/// Bytes of a DMA page.
pub const PAGE_BYTES: u64 = 4096;

/// Why host memory could not be set up or reached.
#[derive(Debug, thiserror::Error)]
pub enum MemError {
    /// Part of the range is in no region.
    #[error("host address {addr:#x}..+{len:#x} is not memory")]
    Unmapped {
        /// First byte.
        addr: u64,
        /// Bytes.
        len: usize,
    },
    /// No free run of pages is long enough.
    #[error("no {0} contiguous DMA pages are left")]
    NoPages(u64),
    /// The pages were not handed out by this allocator.
    #[error("{pages} pages at {addr:#x} were not allocated")]
    NotAllocated {
        /// First byte.
        addr: u64,
        /// Length.
        pages: u64,
    },
    /// The host could not map a region.
    #[error("cannot map {len:#x} bytes of host memory at {base:#x}: {cause}")]
    Map {
        /// Platform address.
        base: u64,
        /// Bytes.
        len: u64,
        /// What the system said.
        cause: String,
    },
}

#[derive(Debug, Default)]
struct Pages {
    /// First page -> pages, for every free run; runs never touch.
    free: BTreeMap<u64, u64>,
    /// First page -> pages, for what was handed out.
    used: BTreeMap<u64, u64>,
}

#[derive(Debug)]
struct Shared {
    map: RwLock<GuestMemoryMmap<()>>,
    pages: Mutex<Pages>,
}

/// A handle to host memory.
#[derive(Clone, Debug)]
pub struct HostMem {
    shared: Arc<Shared>,
}

impl HostMem {
    /// A machine with `low` bytes from address 0 and `high` bytes from 4 GiB; DMA pages come from the high region.
    /// Pages cost nothing until they are written.
    ///
    /// # Errors
    /// `Map` when the address space of this process does not suffice.
    pub fn new(low: u64, high: u64) -> Result<Self, MemError> {
        const HIGH_BASE: u64 = 1 << 32;
        let mem = Self {
            shared: Arc::new(Shared {
                map: RwLock::new(GuestMemoryMmap::new()),
                pages: Mutex::new(Pages::default()),
            }),
        };
        if low > 0 {
            mem.add(
                0,
                MmapRegion::new(usize_of(low)).map_err(|e| map_error(0, low, &e))?,
            )?;
        }
        if high > 0 {
            let region =
                MmapRegion::new(usize_of(high)).map_err(|e| map_error(HIGH_BASE, high, &e))?;
            mem.add(HIGH_BASE, region)?;
            mem.pages()
                .free
                .insert(HIGH_BASE / PAGE_BYTES, high / PAGE_BYTES);
        }
        Ok(mem)
    }

    /// Adds memory backed by `file` from `offset`, as a guest process shares it; [`HostMem::write`] fails if it is not `writable`.
    ///
    /// # Errors
    /// `Map` when the file cannot be mapped or the range overlaps a region.
    pub fn add_file(
        &self,
        base: u64,
        len: u64,
        file: File,
        offset: u64,
        writable: bool,
    ) -> Result<(), MemError> {
        // The file may be cut later.
        super::bus_error::survive();
        let prot = libc::PROT_READ | if writable { libc::PROT_WRITE } else { 0 };
        let flags = libc::MAP_NORESERVE | libc::MAP_SHARED;
        let file = Some(FileOffset::new(file, offset));
        let region = MmapRegion::build(file, usize_of(len), prot, flags)
            .map_err(|e| map_error(base, len, &e))?;
        self.add(base, region)
    }

    /// Takes away the region that starts at `base` and is `len` bytes long.
    ///
    /// # Errors
    /// `Unmapped` when there is no such region.
    pub fn remove(&self, base: u64, len: u64) -> Result<(), MemError> {
        let mut map = self
            .shared
            .map
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let (without, _) =
            map.remove_region(GuestAddress(base), len)
                .map_err(|_| MemError::Unmapped {
                    addr: base,
                    len: usize_of(len),
                })?;
        *map = without;
        Ok(())
    }

    fn add(&self, base: u64, region: MmapRegion<()>) -> Result<(), MemError> {
        let len = region.size() as u64;
        let region = GuestRegionMmap::new(region, GuestAddress(base))
            .ok_or_else(|| map_error(base, len, &"the range wraps"))?;
        let mut map = self
            .shared
            .map
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *map = map
            .insert_region(Arc::new(region))
            .map_err(|e| map_error(base, len, &e))?;
        Ok(())
    }

    fn pages(&self) -> std::sync::MutexGuard<'_, Pages> {
        self.shared
            .pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// True when all of `addr..addr+len` is memory.
    #[must_use]
    pub fn is_mapped(&self, addr: u64, len: usize) -> bool {
        let map = self
            .shared
            .map
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mut at = GuestAddress(addr);
        let mut left = len as u64;
        while left > 0 {
            let Some(region) = map.find_region(at) else {
                return false;
            };
            let here = region.len() - (at.raw_value() - region.start_addr().raw_value());
            if here >= left {
                return true;
            }
            left -= here;
            let Some(next) = at.checked_add(here) else {
                return false;
            };
            at = next;
        }
        true
    }

    /// Fills `buf` from `addr`.
    ///
    /// # Errors
    /// `Unmapped`; `buf` may then be partly filled.
    pub fn read(&self, addr: u64, buf: &mut [u8]) -> Result<(), MemError> {
        let map = self
            .shared
            .map
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let len = buf.len();
        map.read_slice(buf, GuestAddress(addr))
            .map_err(|_| MemError::Unmapped { addr, len })
    }

    /// Stores `bytes` at `addr`.
    ///
    /// # Errors
    /// `Unmapped`; nothing is written then.
    pub fn write(&self, addr: u64, bytes: &[u8]) -> Result<(), MemError> {
        let len = bytes.len();
        if !self.is_mapped(addr, len) {
            return Err(MemError::Unmapped { addr, len });
        }
        let map = self
            .shared
            .map
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        // What is mapped for reading only is no memory to write to.
        let mut at = addr;
        while at < addr.saturating_add(len as u64) {
            match map.find_region(GuestAddress(at)) {
                Some(r) if r.prot() & libc::PROT_WRITE != 0 => {
                    at = r.start_addr().raw_value().saturating_add(r.len());
                }
                _ => return Err(MemError::Unmapped { addr, len }),
            }
        }
        map.write_slice(bytes, GuestAddress(addr))
            .map_err(|_| MemError::Unmapped { addr, len })
    }

    /// The integer at `addr`, which is aligned, in one access.
    ///
    /// # Errors
    /// `Unmapped`, and so is what is not aligned.
    pub fn load_atomic<T: AtomicAccess>(&self, addr: u64, order: Ordering) -> Result<T, MemError> {
        let map = self
            .shared
            .map
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let len = size_of::<T>();
        map.load(GuestAddress(addr), order)
            .map_err(|_| MemError::Unmapped { addr, len })
    }

    /// Stores an integer at `addr`, which is aligned, in one access.
    ///
    /// # Errors
    /// As [`HostMem::load_atomic`].
    pub fn store_atomic<T: AtomicAccess>(
        &self,
        addr: u64,
        value: T,
        order: Ordering,
    ) -> Result<(), MemError> {
        let map = self
            .shared
            .map
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let len = size_of::<T>();
        map.store(value, GuestAddress(addr), order)
            .map_err(|_| MemError::Unmapped { addr, len })
    }

    /// A pointer to `len` bytes at `addr`; `None` when they are not all in one region. It is good until the region is removed.
    #[must_use]
    pub fn pointer(&self, addr: u64, len: usize) -> Option<NonNull<u8>> {
        let map = self
            .shared
            .map
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let slice = map.get_slice(GuestAddress(addr), len).ok()?;
        NonNull::new(slice.ptr_guard_mut().as_ptr())
    }

    /// `pages` contiguous DMA pages, zeroed: the platform address of the first.
    ///
    /// # Errors
    /// `NoPages`.
    pub fn alloc(&self, pages: u64) -> Result<u64, MemError> {
        let pages = pages.max(1);
        let first = {
            let mut p = self.pages();
            let (&first, &run) = p
                .free
                .iter()
                .find(|(_, &n)| n >= pages)
                .ok_or(MemError::NoPages(pages))?;
            p.free.remove(&first);
            if run > pages {
                p.free.insert(first + pages, run - pages);
            }
            p.used.insert(first, pages);
            first
        };
        let addr = first * PAGE_BYTES;
        const ZERO: [u8; PAGE_BYTES as usize] = [0; PAGE_BYTES as usize];
        let mut old = [0; PAGE_BYTES as usize];
        for page in 0..pages {
            // Reading an untouched page commits no memory, writing it would.
            self.read(addr + page * PAGE_BYTES, &mut old)?;
            if old != ZERO {
                self.write(addr + page * PAGE_BYTES, &ZERO)?;
            }
        }
        Ok(addr)
    }

    /// The last `pages` DMA pages, for good: the platform address of the first. They are as the last user left them, and
    /// unlike those of [`HostMem::alloc`] are not looked at, so that they cost nothing.
    ///
    /// # Errors
    /// `NoPages`.
    pub fn carve(&self, pages: u64) -> Result<u64, MemError> {
        let mut p = self.pages();
        let last = p.free.iter().next_back().map(|(&first, &run)| (first, run));
        let (first, run) = last
            .filter(|(_, run)| *run >= pages.max(1))
            .ok_or(MemError::NoPages(pages))?;
        p.free.insert(first, run - pages);
        if run == pages {
            p.free.remove(&first);
        }
        let at = first + run - pages;
        p.used.insert(at, pages);
        Ok(at * PAGE_BYTES)
    }

    /// Gives back what [`HostMem::alloc`] returned.
    ///
    /// # Errors
    /// `NotAllocated` when `addr` and `pages` are not those of one allocation.
    pub fn free(&self, addr: u64, pages: u64) -> Result<(), MemError> {
        let mut p = self.pages();
        let mut first = addr / PAGE_BYTES;
        let mut run = pages.max(1);
        if !addr.is_multiple_of(PAGE_BYTES) || p.used.get(&first) != Some(&run) {
            return Err(MemError::NotAllocated { addr, pages });
        }
        p.used.remove(&first);
        if let Some((&before, &n)) = p.free.range(..first).next_back() {
            if before + n == first {
                p.free.remove(&before);
                first = before;
                run += n;
            }
        }
        if let Some(n) = p.free.remove(&(first + run)) {
            run += n;
        }
        p.free.insert(first, run);
        Ok(())
    }

    /// Pages handed out and not given back.
    #[must_use]
    pub fn pages_in_use(&self) -> u64 {
        self.pages().used.values().sum()
    }
}

fn usize_of(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn map_error(base: u64, len: u64, cause: &dyn std::fmt::Display) -> MemError {
    MemError::Map {
        base,
        len,
        cause: cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_across_pages_and_holes_are_refused() {
        let mem = HostMem::new(1 << 20, 64 << 30).unwrap();
        let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        let at = (1 << 32) + (40 << 30) + 4090;
        mem.write(at, &bytes).unwrap();
        let mut back = vec![0; bytes.len()];
        mem.clone().read(at, &mut back).unwrap();
        assert_eq!(back, bytes);
        assert!(matches!(
            mem.write((1 << 20) - 1, &[1, 2]),
            Err(MemError::Unmapped { .. })
        ));
        assert!(mem.read(0xfee0_0000, &mut [0; 4]).is_err());
        assert!(!mem.is_mapped(u64::MAX - 3, 8) && mem.is_mapped((1 << 20) - 1, 1));
    }

    #[test]
    fn a_file_cut_under_a_mapping_reads_as_zeroes_where_it_ended() {
        let mem = HostMem::new(0, 0).unwrap();
        let file = tempfile::tempfile().unwrap();
        file.set_len(3 * PAGE_BYTES).unwrap();
        let theirs = file.try_clone().unwrap();
        mem.add_file(0, 3 * PAGE_BYTES, file, 0, true).unwrap();
        mem.write(0, &[7; 3 * PAGE_BYTES as usize]).unwrap();
        theirs.set_len(PAGE_BYTES).unwrap();
        let mut back = [1; 3 * PAGE_BYTES as usize];
        mem.read(0, &mut back).unwrap();
        assert!(back[..4096].iter().all(|b| *b == 7) && back[4096..].iter().all(|b| *b == 0));
        mem.write(2 * PAGE_BYTES, &[5; 16]).unwrap();
    }

    #[test]
    fn freed_pages_join_again_and_come_back_zeroed() {
        let mem = HostMem::new(0, 16 * PAGE_BYTES).unwrap();
        let a = mem.alloc(8).unwrap();
        let b = mem.alloc(8).unwrap();
        assert!(matches!(mem.alloc(1), Err(MemError::NoPages(1))));
        mem.write(a + 5000, &[0xff; 16]).unwrap();
        assert!(mem.free(a, 7).is_err() && mem.free(a + 1, 8).is_err());
        mem.free(b, 8).unwrap();
        mem.free(a, 8).unwrap();
        assert_eq!(mem.pages_in_use(), 0);
        let end = mem.carve(4).unwrap();
        assert_eq!(end, (1 << 32) + 12 * PAGE_BYTES);
        assert!(mem.carve(13).is_err() && mem.alloc(13).is_err());
        mem.free(end, 4).unwrap();
        let whole = mem.alloc(16).unwrap();
        let mut back = [1; 16];
        mem.read(whole + 5000, &mut back).unwrap();
        assert_eq!(back, [0; 16]);
        assert!(mem.free(whole, 16).is_ok() && mem.free(whole, 16).is_err());
    }
}
