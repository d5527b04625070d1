//! The DMA memory of one device: pages for rings, and bounce buffers for everything else, mapped at addresses of its own.
//!
//! A driver's rings are real memory that the device reaches at another address (IOVA). Buffers are copied through bounce
//! pages, as Linux swiotlb does; with [`Layout::Scattered`] pages that are neighbours in IOVA are not neighbours in memory.

use std::cell::RefCell;
use std::ptr::NonNull;

use shoal_driver::platform::PAGE_BYTES;
use shoal_driver::pool::IdPool;
use shoal_driver::{DmaBuf, Perm, Platform, Vdev};
use virtio_drivers::BufferDirection;

use super::ClientError;

/// Pages for rings.
const RING_PAGES: u64 = 8;
/// Bytes of bounce buffers.
const BOUNCE_BYTES: u64 = 512 << 10;
/// Granule of bounce buffers, bytes.
const UNIT: u64 = 64;
/// Distance of the bounce buffers from the rings in IOVA; nothing is mapped between.
const GAP: u64 = 16 << 20;
const LARGE_PAGE: u64 = 2 << 20;

/// Memory of the platform by pointer.
pub trait HostPointers {
    /// A pointer to `bytes` bytes at platform address `addr`; `None` when they are not one piece of this process's memory.
    /// It is good for as long as the memory is allocated.
    fn host_pointer(&self, addr: u64, bytes: usize) -> Option<NonNull<u8>>;
}

/// How the bounce pages are mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Each 4 KiB page somewhere else.
    Scattered,
    /// One piece at a 2 MiB line in IOVA and in memory, so that large leaves are used.
    Large,
}

#[derive(Debug)]
struct State {
    ring_pages: IdPool,
    units: IdPool,
    /// Buffers so far; gives each the offset it starts at.
    shared: u64,
    /// First problem that a call without a result met.
    problem: Option<String>,
    abandoned: bool,
}

/// The DMA memory of one device.
#[derive(Debug)]
pub struct Window<P: Platform> {
    vdev: Vdev<P>,
    asid: usize,
    rings: DmaBuf,
    bounce: DmaBuf,
    iova: u64,
    /// Platform address of each bounce page, in the order of IOVA.
    pages: Vec<u64>,
    state: RefCell<State>,
}

impl<P: Platform + HostPointers> Window<P> {
    /// Allocates and maps memory for `vdev` in its address space `asid`, from `iova` on (a multiple of 2 MiB).
    ///
    /// # Errors
    /// What allocation and mapping say.
    pub fn new(
        vdev: &Vdev<P>,
        asid: usize,
        iova: u64,
        layout: Layout,
    ) -> Result<Self, ClientError> {
        let platform = vdev.mgmtdev().platform();
        let rings = platform.alloc((RING_PAGES * PAGE_BYTES) as usize)?;
        let count = BOUNCE_BYTES / PAGE_BYTES;
        let (bounce, pages) = match layout {
            Layout::Scattered => {
                let buf = platform.alloc(BOUNCE_BYTES as usize)?;
                // An odd stride reaches every page of a power of two once.
                let pages = (0..count)
                    .map(|n| buf.addr + (n * 37 + 11) % count * PAGE_BYTES)
                    .collect();
                (buf, pages)
            }
            Layout::Large => {
                let buf = platform.alloc((2 * LARGE_PAGE) as usize)?;
                let first = buf.addr.next_multiple_of(LARGE_PAGE);
                (buf, (0..count).map(|n| first + n * PAGE_BYTES).collect())
            }
        };
        let window = Self {
            vdev: vdev.clone(),
            asid,
            rings,
            bounce,
            iova,
            pages,
            state: RefCell::new(State {
                ring_pages: IdPool::new("ring pages", 0, RING_PAGES as u32),
                units: IdPool::new("bounce units", 0, (BOUNCE_BYTES / UNIT) as u32),
                shared: 0,
                problem: None,
                abandoned: false,
            }),
        };
        window.map(layout)?;
        Ok(window)
    }

    fn map(&self, layout: Layout) -> Result<(), ClientError> {
        let (v, rings) = (&self.vdev, self.rings.addr);
        v.dma_map(
            self.asid,
            self.iova,
            RING_PAGES * PAGE_BYTES,
            rings,
            Perm::Rw,
        )?;
        if layout == Layout::Large {
            v.dma_map(
                self.asid,
                self.iova + GAP,
                LARGE_PAGE,
                self.pages[0],
                Perm::Rw,
            )?;
            return Ok(());
        }
        for (n, &pa) in self.pages.iter().enumerate() {
            let iova = self.iova + GAP + n as u64 * PAGE_BYTES;
            v.dma_map(self.asid, iova, PAGE_BYTES, pa, Perm::Rw)?;
        }
        Ok(())
    }

    /// Unmaps everything and gives the memory back. The driver that used it must be gone.
    ///
    /// # Errors
    /// What the device answers; the memory stays allocated then.
    pub fn release(self) -> Result<(), ClientError> {
        self.vdev.reset_map(self.asid)?;
        let platform = self.vdev.mgmtdev().platform();
        platform.free(self.rings);
        platform.free(self.bounce);
        Ok(())
    }

    /// The first problem that a call without a result met.
    pub fn take_problem(&self) -> Option<String> {
        self.state.borrow_mut().problem.take()
    }

    /// Gives the device up: its drivers will not talk to it any more when they end. For a run that has failed, where each
    /// command could take as long as a time-out. The memory stays allocated.
    pub fn abandon(&self) {
        self.state.borrow_mut().abandoned = true;
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.state.borrow().abandoned
    }

    pub(super) fn note_problem(&self, problem: impl ToString) {
        self.state
            .borrow_mut()
            .problem
            .get_or_insert_with(|| problem.to_string());
    }

    /// The device.
    #[must_use]
    pub fn vdev(&self) -> &Vdev<P> {
        &self.vdev
    }

    /// Calls `f` with each piece of bounce memory at `iova`: {platform address, start, bytes}.
    fn pieces(&self, iova: u64, len: usize, mut f: impl FnMut(u64, usize, usize)) {
        let start = iova - (self.iova + GAP);
        let mut done = 0;
        while done < len {
            let at = start + done as u64;
            let n = ((PAGE_BYTES - at % PAGE_BYTES) as usize).min(len - done);
            let page = self.pages[(at / PAGE_BYTES) as usize];
            f(page + at % PAGE_BYTES, done, n);
            done += n;
        }
    }
}

/// What `Hal` asks of the current window.
pub(super) trait DmaContext {
    fn alloc_ring(&self, pages: usize) -> Option<(u64, NonNull<u8>)>;
    fn free_ring(&self, iova: u64, pages: usize);
    fn share(&self, bytes: &[u8], direction: BufferDirection) -> u64;
    /// Copies what the device wrote into `bytes` and ends the sharing.
    fn unshare(&self, iova: u64, bytes: &mut [u8]);
    /// Ends the sharing of `len` bytes.
    fn unshare_length(&self, iova: u64, len: usize);
}

impl<P: Platform + HostPointers> DmaContext for Window<P> {
    fn alloc_ring(&self, pages: usize) -> Option<(u64, NonNull<u8>)> {
        let count = u32::try_from(pages).ok()?;
        let first = self.state.borrow_mut().ring_pages.alloc_run(count).ok()?;
        let offset = u64::from(first) * PAGE_BYTES;
        let bytes = pages * PAGE_BYTES as usize;
        let platform = self.vdev.mgmtdev().platform();
        platform.write(self.rings.addr + offset, &vec![0; bytes]);
        let pointer = platform.host_pointer(self.rings.addr + offset, bytes)?;
        Some((self.iova + offset, pointer))
    }

    fn free_ring(&self, iova: u64, pages: usize) {
        let first = (iova - self.iova) / PAGE_BYTES;
        self.state
            .borrow_mut()
            .ring_pages
            .free_run(first as u32, pages as u32);
    }

    fn share(&self, bytes: &[u8], direction: BufferDirection) -> u64 {
        let iova = {
            let mut s = self.state.borrow_mut();
            s.shared += 1;
            // Requests and indirect tables are multiples of 16 bytes and stay 8-byte aligned; other buffers start anywhere.
            let step = if bytes.len().is_multiple_of(16) {
                8
            } else {
                13
            };
            let skew = s.shared * step % UNIT;
            let units = (bytes.len() as u64 + skew).div_ceil(UNIT) as u32;
            match s.units.alloc_run(units) {
                Ok(unit) => self.iova + GAP + u64::from(unit) * UNIT + skew,
                Err(e) => {
                    s.problem.get_or_insert_with(|| e.to_string());
                    // An address that is not mapped: the device faults, which is noticed.
                    return self.iova + GAP - PAGE_BYTES;
                }
            }
        };
        if direction != BufferDirection::DeviceToDriver {
            let platform = self.vdev.mgmtdev().platform();
            self.pieces(iova, bytes.len(), |pa, at, n| {
                platform.write(pa, &bytes[at..at + n])
            });
        }
        iova
    }

    fn unshare(&self, iova: u64, bytes: &mut [u8]) {
        if iova >= self.iova + GAP {
            let platform = self.vdev.mgmtdev().platform();
            self.pieces(iova, bytes.len(), |pa, at, n| {
                platform.read(pa, &mut bytes[at..at + n])
            });
            self.unshare_length(iova, bytes.len());
        }
    }

    fn unshare_length(&self, iova: u64, len: usize) {
        if let Some(at) = iova.checked_sub(self.iova + GAP) {
            let units = (at % UNIT + len as u64).div_ceil(UNIT);
            self.state
                .borrow_mut()
                .units
                .free_run((at / UNIT) as u32, units as u32);
        }
    }
}
