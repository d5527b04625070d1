//! The Shoal mgmtdev driver: what a kernel driver does, over traits that any platform can provide.
//!
//! `platform` is what the driver asks of its machine; `mgmtdev` probes the device and runs its admin queue (`admin`, `cmd`, `pipeline`);
//! `vdev` holds one managed device with the operations of Linux `vdpa_config_ops` under their Linux names; `space` and
//! `page_table` are its DMA address spaces; `pool` and `msi` hand out what a driver assigns; `faults` reads the fault queue.
#![forbid(unsafe_code)]

pub mod admin;
pub mod cmd;
pub mod error;
#[cfg(feature = "fake")]
pub mod fake;
pub mod faults;
pub mod mgmtdev;
pub mod msi;
pub mod page_table;
pub mod pipeline;
pub mod platform;
pub mod pool;
pub mod space;
pub mod vdev;

pub use error::{Error, Result};
pub use mgmtdev::{Mgmtdev, Options};
pub use msi::Msi;
pub use pipeline::Pipeline;
pub use platform::{Bar, Dma, DmaBuf, Interrupts, Perm, Platform, PlatformIommu, Time};
pub use space::{AddressSpace, SpaceKind};
pub use vdev::{DeviceKind, Vdev, VdevConfig};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `m`; a panic elsewhere does not make the state unusable here.
fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}
