//! The host as the platform of `shoal-driver`: each call steps the simulation as far as it needs.

use shoal_driver::platform::{Bar, Dma, DmaBuf, Interrupts, Perm, PlatformIommu, Time};
use shoal_driver::Error;

use super::SharedHost;
use crate::env::PAGE_BYTES;

/// Cycles that pass in one [`Time::wait`].
const WAIT_CYCLES: u64 = 16;

impl Bar for SharedHost {
    fn read32(&self, offset: u32) -> u32 {
        // A device that does not answer reads as all ones, as on PCIe.
        self.borrow_mut().read32(offset).unwrap_or(u32::MAX)
    }

    fn write32(&self, offset: u32, value: u32) {
        // A write that fails is lost; the driver hears of a stopped simulation in `wait`.
        let _ = self.borrow_mut().write32(offset, value);
    }

    fn post_write32(&self, offset: u32, value: u32) {
        self.borrow_mut().post_write32(offset, value);
    }
}

impl Dma for SharedHost {
    fn alloc(&self, bytes: usize) -> shoal_driver::Result<DmaBuf> {
        let addr = self
            .borrow()
            .mem()
            .alloc(pages(bytes))
            .map_err(|e| Error::Platform(e.to_string()))?;
        Ok(DmaBuf { addr, bytes })
    }

    fn free(&self, buf: DmaBuf) {
        // The driver cannot free what it did not get: a `DmaBuf` is not cloned.
        let _ = self.borrow().mem().free(buf.addr, pages(buf.bytes));
    }

    fn read(&self, addr: u64, buf: &mut [u8]) {
        if self.borrow().mem().read(addr, buf).is_err() {
            buf.fill(0xff);
        }
    }

    fn write(&self, addr: u64, bytes: &[u8]) {
        // Outside memory a write is lost, as on a bus.
        let _ = self.borrow().mem().write(addr, bytes);
    }
}

impl Time for SharedHost {
    fn now(&self) -> u64 {
        self.cycle()
    }

    fn wait(&self) -> shoal_driver::Result<()> {
        self.run(WAIT_CYCLES)
            .map_err(|e| Error::Platform(e.to_string()))
    }
}

impl Interrupts for SharedHost {
    fn take(&self, address: u64, data: u32) -> u64 {
        self.borrow_mut().irqs().take(address, data)
    }
}

impl PlatformIommu for SharedHost {
    fn bind(&self, pasid: u32) {
        let mut host = self.borrow_mut();
        host.iommu().remove_pasid(pasid);
        host.iommu().add_pasid(pasid);
    }

    fn unbind(&self, pasid: u32) {
        self.borrow_mut().iommu().remove_pasid(pasid);
    }

    fn map(&self, pasid: u32, iova: u64, pa: u64, bytes: u64, perm: Perm) {
        self.borrow_mut()
            .iommu()
            .map(pasid, iova, pa, bytes, perm.writable());
    }

    fn unmap(&self, pasid: u32, iova: u64, bytes: u64) {
        self.borrow_mut().iommu().unmap(pasid, iova, bytes);
    }
}

fn pages(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(PAGE_BYTES).max(1)
}
