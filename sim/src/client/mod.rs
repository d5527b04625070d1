//! Third-party virtio drivers over managed devices: the drivers of crate `virtio-drivers`, the TCP/IP stack `smoltcp`.
//!
//! `transport` and `hal` are what `virtio-drivers` asks of a bus and of a kernel; `window` is the DMA memory of one device,
//! at addresses that differ from the platform's; `net`, `tcp` and `blk` are the users. Clients never wait: each is polled,
//! and only an interrupt makes it look at its rings, so that a lost interrupt is seen as a stall.
//!
//! This is the only part of the crate with `unsafe` code: the drivers write rings through pointers.
#![allow(unsafe_code)]

mod blk;
mod hal;
mod hooked;
mod net;
mod tcp;
#[cfg(test)]
mod tests;
mod transport;
mod window;

pub use blk::BlkClient;
pub use hal::Hal;
pub use hooked::Hooked;
pub use net::NetPort;
pub use tcp::{Clock, Role, TcpPeer};
pub use transport::VdevTransport;
pub use window::{HostPointers, Layout, Window};

impl HostPointers for crate::host::SharedHost {
    fn host_pointer(&self, addr: u64, bytes: usize) -> Option<std::ptr::NonNull<u8>> {
        self.borrow().mem().pointer(addr, bytes)
    }
}

/// Why a client cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The mgmtdev driver.
    #[error("driver: {0}")]
    Driver(#[from] shoal_driver::Error),
    /// The virtio driver.
    #[error("virtio driver: {0}")]
    Virtio(#[from] virtio_drivers::Error),
    /// Something that must hold does not.
    #[error("{0}")]
    Check(String),
}

impl ClientError {
    /// Why a driver did not start: what its transport met, if it met something, says more than the driver can.
    fn of_start(e: virtio_drivers::Error, problem: Option<String>) -> Self {
        match problem {
            Some(p) => Self::Check(p),
            None => Self::Virtio(e),
        }
    }
}
