//! The in-flight region: a file that the front-end keeps and every server of its device maps.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use rustix::fs::{fcntl_add_seals, ftruncate, memfd_create, MemfdFlags, SealFlags};
use shoal_abi::ring::MAX_QUEUE_SIZE;
use vm_memory::{AtomicAccess, Bytes, FileOffset, MmapRegion, VolatileMemory};

use super::inflight::{part_bytes, Cells, Track};
use super::wire::Inflight;
use crate::env::{survive_cut_files, HostMem, PAGE_BYTES};

/// A mapped region.
#[derive(Debug)]
pub struct Region {
    mapping: Arc<MmapRegion>,
    file: File,
    /// Bytes that the file must have.
    end: u64,
    wire: Inflight,
}

/// The part of a ring.
#[derive(Clone, Debug)]
pub struct Part {
    mapping: Arc<MmapRegion>,
    at: u64,
}

impl Cells for Part {
    fn load<T: AtomicAccess + Default>(&self, at: u64) -> T {
        let at = usize::try_from(self.at + at).unwrap_or(usize::MAX);
        let slice = self.mapping.as_volatile_slice();
        slice.load(at, Ordering::Acquire).unwrap_or_default()
    }

    fn store<T: AtomicAccess>(&self, at: u64, value: T) {
        let at = usize::try_from(self.at + at).unwrap_or(usize::MAX);
        let slice = self.mapping.as_volatile_slice();
        // The mapping holds every part; see `Region::map`.
        let _ = slice.store(value, at, Ordering::Release);
    }
}

/// Bytes of a region for as many and as large rings as `wire` says, of a device with `rings`.
fn bytes(wire: &Inflight, rings: u16) -> Result<u64, String> {
    let Inflight {
        num_queues,
        queue_size,
        ..
    } = *wire;
    if !(1..=rings).contains(&num_queues) || !(1..=MAX_QUEUE_SIZE).contains(&queue_size) {
        return Err(format!(
            "an in-flight region for {num_queues} rings of {queue_size} entries; 1 to {rings} rings of 1 to {MAX_QUEUE_SIZE} are possible"
        ));
    }
    Ok(part_bytes(queue_size) * u64::from(num_queues))
}

/// A new region for a device with `rings`: what to say of it, and its file, which cannot be cut.
///
/// # Errors
/// What is wrong with the sizes, and what the system says.
pub fn create(wire: &Inflight, rings: u16) -> Result<(Inflight, OwnedFd), String> {
    let mmap_size = bytes(wire, rings)?;
    let new = || -> rustix::io::Result<OwnedFd> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = memfd_create("shoal-inflight", flags)?;
        ftruncate(&fd, mmap_size)?;
        fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        Ok(fd)
    };
    let fd = new().map_err(|e| format!("in-flight region of {mmap_size} bytes: {e}"))?;
    let made = Inflight {
        mmap_size,
        mmap_offset: 0,
        ..*wire
    };
    Ok((made, fd))
}

impl Region {
    /// Maps the region that `wire` describes, for a device with `rings`.
    ///
    /// # Errors
    /// What is wrong with it, and what the system says.
    pub fn map(wire: Inflight, fd: OwnedFd, rings: u16) -> Result<Self, String> {
        let bytes = bytes(&wire, rings)?;
        let Inflight {
            mmap_size,
            mmap_offset,
            ..
        } = wire;
        let end = mmap_offset.checked_add(mmap_size);
        let Some(end) =
            end.filter(|_| mmap_size >= bytes && mmap_offset.is_multiple_of(PAGE_BYTES))
        else {
            return Err(format!(
                "an in-flight region of {mmap_size} bytes at offset {mmap_offset}; {bytes} on a page are needed"
            ));
        };
        let file = File::from(fd);
        Self::check_file(&file, end)?;
        survive_cut_files();
        let mapped = file.try_clone().map_err(|e| e.to_string())?;
        let mapping = MmapRegion::build(
            Some(FileOffset::new(mapped, mmap_offset)),
            usize::try_from(bytes).map_err(|e| e.to_string())?,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_NORESERVE | libc::MAP_SHARED,
        )
        .map_err(|e| format!("the in-flight region cannot be mapped: {e}"))?;
        Ok(Self {
            mapping: Arc::new(mapping),
            file,
            end,
            wire,
        })
    }

    fn check_file(file: &File, end: u64) -> Result<(), String> {
        match file.metadata().map_or(0, |m| m.len()) {
            n if n >= end => Ok(()),
            n => Err(format!(
                "the file of the in-flight region has {n} bytes of {end}"
            )),
        }
    }

    /// Looks whether the file still reaches to the end of the region.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&self) -> Result<(), String> {
        Self::check_file(&self.file, self.end)
    }

    /// The part of ring `n`, and the descriptors that it is for.
    ///
    /// # Errors
    /// When there is none.
    pub fn part(&self, n: usize) -> Result<(Part, u16), String> {
        let Inflight {
            num_queues,
            queue_size,
            ..
        } = self.wire;
        if n >= num_queues.into() {
            return Err(format!("the in-flight region is for {num_queues} rings"));
        }
        let part = Part {
            mapping: Arc::clone(&self.mapping),
            at: n as u64 * part_bytes(queue_size),
        };
        Ok((part, queue_size))
    }
}

/// By managed device and ring.
type ByRing = BTreeMap<(u32, usize), Track<Part, HostMem>>;

/// The live rings of all devices that have a region. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Tracks(Rc<RefCell<ByRing>>);

impl Tracks {
    /// Cycles between two looks: the device takes more from the fetch of a chain to its end.
    pub const CYCLES: u64 = 32;

    /// Looks at every ring.
    pub fn look(&self) {
        self.0.borrow_mut().values_mut().for_each(Track::look);
    }

    /// Follows ring `n` of `member` from now on.
    pub fn add(&self, member: u32, n: usize, track: Track<Part, HostMem>) {
        self.0.borrow_mut().insert((member, n), track);
    }

    /// Looks at ring `n` of `member` a last time: the device does not work on it any more.
    pub fn remove(&self, member: u32, n: usize) {
        if let Some(mut track) = self.0.borrow_mut().remove(&(member, n)) {
            track.look();
        }
    }
}
