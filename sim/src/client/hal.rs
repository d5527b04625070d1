//! `virtio_drivers::Hal`: DMA memory from the window of the device whose driver is running.
//!
//! The trait has no `self`, and different devices may use the same addresses, so the window in use is kept in the thread
//! while one of the device's driver functions runs.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::rc::Rc;

use virtio_drivers::{BufferDirection, PhysAddr};

use super::window::DmaContext;

thread_local! {
    static CURRENT: RefCell<Vec<Rc<dyn DmaContext>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f`, a call into a driver, with `window` as its DMA memory. Calls may be nested.
pub(super) fn within<T>(window: Rc<dyn DmaContext>, f: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            CURRENT.with(|c| c.borrow_mut().pop());
        }
    }
    CURRENT.with(|c| c.borrow_mut().push(window));
    let _leave = Leave;
    f()
}

fn current() -> Rc<dyn DmaContext> {
    CURRENT
        .with(|c| c.borrow().last().cloned())
        .expect("drivers are called inside `within`")
}

/// The HAL of every driver here.
#[derive(Debug)]
pub struct Hal;

// SAFETY: `dma_alloc` returns zeroed pages of the window's ring memory, page aligned as the platform's allocator gives them,
// inside this process's mapping of host memory; a page is in use by one allocation at a time, and the window gives its memory
// back only after the driver is gone. `share` and `unshare` copy, and keep no pointer.
unsafe impl virtio_drivers::Hal for Hal {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (PhysAddr, NonNull<u8>) {
        // Address 0 makes the driver report an error.
        current()
            .alloc_ring(pages)
            .unwrap_or((0, NonNull::dangling()))
    }

    unsafe fn dma_dealloc(paddr: PhysAddr, _vaddr: NonNull<u8>, pages: usize) -> i32 {
        current().free_ring(paddr, pages);
        0
    }

    unsafe fn mmio_phys_to_virt(_paddr: PhysAddr, _size: usize) -> NonNull<u8> {
        // Only the PCI transport of `virtio-drivers` asks for this.
        NonNull::dangling()
    }

    unsafe fn share(buffer: NonNull<[u8]>, direction: BufferDirection) -> PhysAddr {
        // SAFETY: the caller vouches for a valid range that nobody else accesses during this call.
        current().share(unsafe { buffer.as_ref() }, direction)
    }

    unsafe fn unshare(paddr: PhysAddr, mut buffer: NonNull<[u8]>, direction: BufferDirection) {
        if direction == BufferDirection::DriverToDevice {
            // The buffer may be behind a shared reference: only its length is needed.
            return current().unshare_length(paddr, buffer.len());
        }
        // SAFETY: as above; a buffer for the device to write came from `&mut [u8]`.
        current().unshare(paddr, unsafe { buffer.as_mut() });
    }
}
