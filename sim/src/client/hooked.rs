//! A platform with a hook that runs while a driver waits: that is how traffic goes on while devices are provisioned.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::rc::Rc;

use shoal_driver::platform::{Bar, Dma, DmaBuf, Interrupts, Perm, PlatformIommu, Time};

use super::window::HostPointers;

/// Called with the cycle; it must not wait itself.
type Hook = Box<dyn FnMut(u64)>;

#[derive(Default)]
struct Inner {
    hook: Option<Hook>,
    /// Cycle from which the hook runs again.
    next: u64,
}

/// `P` with a hook. Clones share it.
#[derive(Clone)]
pub struct Hooked<P> {
    platform: P,
    stride: u64,
    inner: Rc<RefCell<Inner>>,
}

impl<P> std::fmt::Debug for Hooked<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooked")
            .field("stride", &self.stride)
            .finish_non_exhaustive()
    }
}

impl<P> Hooked<P> {
    /// `platform` with no hook yet; the hook will run every `stride` cycles at most.
    #[must_use]
    pub fn new(platform: P, stride: u64) -> Self {
        Self {
            platform,
            stride,
            inner: Rc::default(),
        }
    }

    /// The platform below.
    #[must_use]
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Sets the hook, or takes it away. The hook keeps alive what it captures until then.
    pub fn set_hook(&self, hook: Option<Hook>) {
        self.inner.borrow_mut().hook = hook;
    }
}

impl<P: Time> Time for Hooked<P> {
    fn now(&self) -> u64 {
        self.platform.now()
    }

    fn wait(&self) -> shoal_driver::Result<()> {
        self.platform.wait()?;
        let now = self.platform.now();
        let taken = {
            let mut inner = self.inner.borrow_mut();
            if now < inner.next {
                return Ok(());
            }
            inner.next = now + self.stride;
            inner.hook.take()
        };
        // While the hook is out, a wait inside it runs no hook.
        if let Some(mut hook) = taken {
            hook(now);
            let mut inner = self.inner.borrow_mut();
            inner.hook.get_or_insert(hook);
        }
        Ok(())
    }
}

impl<P: Bar> Bar for Hooked<P> {
    fn read32(&self, offset: u32) -> u32 {
        self.platform.read32(offset)
    }
    fn write32(&self, offset: u32, value: u32) {
        self.platform.write32(offset, value);
    }
    fn post_write32(&self, offset: u32, value: u32) {
        self.platform.post_write32(offset, value);
    }
}

impl<P: Dma> Dma for Hooked<P> {
    fn alloc(&self, bytes: usize) -> shoal_driver::Result<DmaBuf> {
        self.platform.alloc(bytes)
    }
    fn free(&self, buf: DmaBuf) {
        self.platform.free(buf);
    }
    fn read(&self, addr: u64, buf: &mut [u8]) {
        self.platform.read(addr, buf);
    }
    fn write(&self, addr: u64, bytes: &[u8]) {
        self.platform.write(addr, bytes);
    }
}

impl<P: Interrupts> Interrupts for Hooked<P> {
    fn take(&self, address: u64, data: u32) -> u64 {
        self.platform.take(address, data)
    }
}

impl<P: PlatformIommu> PlatformIommu for Hooked<P> {
    fn bind(&self, pasid: u32) {
        self.platform.bind(pasid);
    }
    fn unbind(&self, pasid: u32) {
        self.platform.unbind(pasid);
    }
    fn map(&self, pasid: u32, iova: u64, pa: u64, bytes: u64, perm: Perm) {
        self.platform.map(pasid, iova, pa, bytes, perm);
    }
    fn unmap(&self, pasid: u32, iova: u64, bytes: u64) {
        self.platform.unmap(pasid, iova, bytes);
    }
}

impl<P: HostPointers> HostPointers for Hooked<P> {
    fn host_pointer(&self, addr: u64, bytes: usize) -> Option<NonNull<u8>> {
        self.platform.host_pointer(addr, bytes)
    }
}
