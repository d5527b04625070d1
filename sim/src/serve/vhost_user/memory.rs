//! The front-end's memory: regions mapped by file descriptor at platform addresses of their own, and into the device's address space.

use std::fs::File;
use std::os::fd::OwnedFd;

use shoal_driver::platform::PAGE_BYTES;
use shoal_driver::{Perm, Vdev};

use super::wire::MemRegion;
use crate::env::HostMem;
use crate::host::SharedHost;

/// Most regions: what QEMU has at most.
pub const MAX_REGIONS: usize = 509;
/// Platform addresses of the regions start here; the drivers' memory lies far below. Each server has one such window a device.
const BASE: u64 = 1 << 40;
/// Platform addresses of a device: those of 4,095 devices fit into the 56 bits of a page table.
const WINDOW: u64 = 1 << 44;
/// A region has its guest physical address modulo this, so that the largest leaves fit.
const LEAF: u64 = 1 << 30;

#[derive(Debug)]
struct Region {
    wire: MemRegion,
    platform: u64,
    file: File,
}

impl Region {
    /// Beyond the end of the file there is no memory.
    fn check(&self) -> Result<(), String> {
        let MemRegion {
            guest,
            size,
            offset,
            ..
        } = self.wire;
        let bytes = self.file.metadata().map_or(0, |m| m.len());
        if offset.checked_add(size).is_none_or(|end| end > bytes) {
            return Err(format!(
                "region {guest:#x}..+{size:#x} from offset {offset:#x} of a file of {bytes:#x} bytes"
            ));
        }
        Ok(())
    }
}

/// The regions of one front-end.
pub struct Memory {
    mem: HostMem,
    vdev: Vdev<SharedHost>,
    regions: Vec<Region>,
    window: u64,
    /// First platform address not used yet.
    next: u64,
}

fn overlap(a: (u64, u64), b: (u64, u64)) -> bool {
    a.0 < b.0.saturating_add(b.1) && b.0 < a.0.saturating_add(a.1)
}

impl Memory {
    /// No regions; those to come are for `vdev`, the `number`th device.
    #[must_use]
    pub fn new(mem: HostMem, vdev: Vdev<SharedHost>, number: usize) -> Self {
        let window = BASE + number as u64 * WINDOW;
        Self {
            mem,
            vdev,
            regions: Vec::new(),
            window,
            next: window,
        }
    }

    /// Adds a region.
    ///
    /// # Errors
    /// Why not.
    pub fn add(&mut self, wire: MemRegion, fd: OwnedFd) -> Result<(), String> {
        let MemRegion {
            guest,
            size,
            user,
            offset,
        } = wire;
        let name = format!("region {guest:#x}..+{size:#x}");
        let limit = self.vdev.get_iova_range(0).map_or(0, |(_, last)| last);
        if size == 0
            || !(guest | offset).is_multiple_of(PAGE_BYTES)
            || guest.checked_add(size).is_none_or(|end| end > limit)
            || user.checked_add(size).is_none()
        {
            return Err(format!(
                "{name} at offset {offset:#x}, user address {user:#x}"
            ));
        }
        if self.regions.len() == MAX_REGIONS {
            return Err(format!("{name}: more than {MAX_REGIONS} regions"));
        }
        let clash = self.regions.iter().find(|r| {
            overlap((r.wire.guest, r.wire.size), (guest, size))
                || overlap((r.wire.user, r.wire.size), (user, size))
        });
        if let Some(r) = clash {
            let there = format!("{:#x}..+{:#x}", r.wire.guest, r.wire.size);
            return Err(format!("{name} overlaps {there}"));
        }
        let platform = self.next.next_multiple_of(LEAF) + guest % LEAF;
        let end = platform.checked_add(size);
        let Some(end) = end.filter(|&e| e <= self.window + WINDOW) else {
            return Err(format!("{name}: no platform addresses are left"));
        };
        let file = File::from(fd);
        let mapped = file.try_clone().map_err(|e| format!("{name}: {e}"))?;
        let region = Region {
            wire,
            platform,
            file,
        };
        region.check()?;
        self.mem
            .add_file(platform, size, mapped, offset, true)
            .map_err(|e| e.to_string())?;
        // A region may end within a page (libblkio); the rest of the page is no memory on the platform.
        let pages = size.next_multiple_of(PAGE_BYTES);
        if let Err(e) = self.vdev.dma_map(0, guest, pages, platform, Perm::Rw) {
            let _ = self.mem.remove(platform, size);
            return Err(format!("{name}: {e}"));
        }
        self.next = end;
        self.regions.push(region);
        Ok(())
    }

    /// The place of a region among all.
    ///
    /// # Errors
    /// When there is none like that.
    pub fn find(&self, wire: &MemRegion) -> Result<usize, String> {
        let key = |r: &MemRegion| (r.guest, r.size, r.user);
        let same = |r: &Region| key(&r.wire) == key(wire);
        let found = self.regions.iter().position(same);
        found.ok_or_else(|| format!("no region {:#x}..+{:#x}", wire.guest, wire.size))
    }

    /// Takes the region at a place from `find` away. The device must not use it any more.
    ///
    /// # Errors
    /// What the device says.
    pub fn remove(&mut self, n: usize) -> Result<(), String> {
        let r = self.regions.remove(n);
        if self.regions.is_empty() {
            self.next = self.window;
        }
        let unmapped =
            self.vdev
                .dma_unmap(0, r.wire.guest, r.wire.size.next_multiple_of(PAGE_BYTES));
        let removed = self.mem.remove(r.platform, r.wire.size);
        unmapped.map_err(|e| e.to_string())?;
        removed.map_err(|e| e.to_string())
    }

    /// Takes every region away. The device must not use them any more.
    ///
    /// # Errors
    /// What the device says; the regions are gone anyway.
    pub fn clear(&mut self) -> Result<(), String> {
        let unmapped = self.vdev.reset_map(0);
        for r in self.regions.drain(..) {
            // Added as it is taken away.
            let _ = self.mem.remove(r.platform, r.wire.size);
        }
        self.next = self.window;
        unmapped.map_err(|e| e.to_string())
    }

    /// Looks whether every file still reaches to the end of its region. What is cut while the device works on it reads as zeroes.
    ///
    /// # Errors
    /// Which does not.
    pub fn check(&self) -> Result<(), String> {
        self.regions.iter().try_for_each(Region::check)
    }

    /// The guest physical address behind an address of the front-end.
    #[must_use]
    pub fn guest(&self, user: u64) -> Option<u64> {
        let r = self
            .regions
            .iter()
            .find(|r| user.wrapping_sub(r.wire.user) < r.wire.size)?;
        Some(r.wire.guest + (user - r.wire.user))
    }

    /// The platform address of `bytes` at a guest physical address, if they are in one region.
    #[must_use]
    pub fn platform(&self, guest: u64, bytes: u64) -> Option<u64> {
        let mut regions = self.regions.iter();
        let r = regions.find(|r| guest.wrapping_sub(r.wire.guest) < r.wire.size)?;
        let offset = guest - r.wire.guest;
        (bytes <= r.wire.size - offset).then_some(r.platform + offset)
    }

    /// The u16 at a guest physical address.
    #[must_use]
    pub fn read_u16(&self, guest: u64) -> Option<u16> {
        let mut b = [0; 2];
        self.mem.read(self.platform(guest, 2)?, &mut b).ok()?;
        Some(u16::from_le_bytes(b))
    }

    /// The memory that the platform addresses are of.
    #[must_use]
    pub fn mem(&self) -> &HostMem {
        &self.mem
    }

    /// True without regions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }
}
