//! What the driver asks of the machine it runs on: register access, DMA memory, time, interrupts, the platform IOMMU.
//!
//! Handles are cheap to clone; methods take `&self`. A simulator steps the device inside them, a kernel would not.

use crate::error::Result;

/// Bytes of a DMA page, and the alignment of [`Dma::alloc`].
pub const PAGE_BYTES: u64 = 4096;

/// Registers of the device, BAR0.
pub trait Bar {
    /// The 32-bit register at `offset`; all ones when the device does not answer.
    fn read32(&self, offset: u32) -> u32;
    /// Writes a register and waits until the device has taken the write.
    fn write32(&self, offset: u32, value: u32);
    /// Writes a register without waiting (doorbells). Writes of one handle stay in order.
    fn post_write32(&self, offset: u32, value: u32) {
        self.write32(offset, value);
    }
}

/// Memory from [`Dma::alloc`].
#[derive(Debug, PartialEq, Eq)]
pub struct DmaBuf {
    /// Platform address of the first byte, page aligned.
    pub addr: u64,
    /// Bytes asked for.
    pub bytes: usize,
}

/// Memory that the device can reach.
pub trait Dma {
    /// At least `bytes` bytes of contiguous, zeroed, page-aligned memory.
    ///
    /// # Errors
    /// `Platform` when there is none left.
    fn alloc(&self, bytes: usize) -> Result<DmaBuf>;
    /// Gives memory back. The device must not reach it any more.
    fn free(&self, buf: DmaBuf);
    /// Fills `buf` from platform address `addr`, which is inside memory from [`Dma::alloc`].
    fn read(&self, addr: u64, buf: &mut [u8]);
    /// Stores `bytes` at platform address `addr`; calls take effect in order.
    fn write(&self, addr: u64, bytes: &[u8]);

    /// The little-endian u16 at `addr`.
    fn read_u16(&self, addr: u64) -> u16 {
        let mut b = [0; 2];
        self.read(addr, &mut b);
        u16::from_le_bytes(b)
    }
    /// The little-endian u64 at `addr`.
    fn read_u64(&self, addr: u64) -> u64 {
        let mut b = [0; 8];
        self.read(addr, &mut b);
        u64::from_le_bytes(b)
    }
}

/// Time, in device clock cycles or a unit near them.
pub trait Time {
    /// Cycles since some start; never goes back.
    fn now(&self) -> u64;
    /// Lets some time pass: a simulator steps some cycles, a kernel driver sleeps or yields.
    ///
    /// # Errors
    /// `Platform` when the device cannot go on (a simulation that was stopped).
    fn wait(&self) -> Result<()>;
}

/// Interrupt messages.
pub trait Interrupts {
    /// Messages with this address and data since the last call with them.
    fn take(&self, address: u64, data: u32) -> u64;
}

/// What a mapping lets the device do; the perm argument of Linux `dma_map` (VHOST_MAP_RO, WO, RW).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Perm {
    /// The device may read.
    Ro,
    /// The device may write. RISC-V tables have no such leaf, they let it read too.
    Wo,
    /// The device may do both.
    Rw,
}

impl Perm {
    /// True when the device may write.
    #[must_use]
    pub const fn writable(self) -> bool {
        !matches!(self, Self::Ro)
    }
}

/// The platform IOMMU, which translates requests that carry a PASID.
pub trait PlatformIommu {
    /// Starts an empty map for `pasid` (20 bits).
    fn bind(&self, pasid: u32);
    /// Ends it: requests with that PASID are refused from now on.
    fn unbind(&self, pasid: u32);
    /// Maps `bytes` bytes, a multiple of 4 KiB, from `iova` to platform address `pa`.
    fn map(&self, pasid: u32, iova: u64, pa: u64, bytes: u64, perm: Perm);
    /// Takes a mapped range away; on return no new request is translated by it.
    fn unmap(&self, pasid: u32, iova: u64, bytes: u64);
}

/// All of them in one handle.
pub trait Platform: Bar + Dma + Time + Interrupts + PlatformIommu + Clone + 'static {}
impl<T: Bar + Dma + Time + Interrupts + PlatformIommu + Clone + 'static> Platform for T {}
