//! Every number that crosses a boundary of the Shoal device, once. No behaviour.
//!
//! `ports` and `profile` describe the top module, `regs` the BAR, `cmd` the admin queue, `ring` the virtqueues, `stream` the side band,
//! `mmu` address spaces, page tables and fault records. `virtio 1.4` is the one version cited everywhere.
#![no_std]
#![forbid(unsafe_code)]

pub mod cmd;
pub mod mmu;
pub mod pci;
pub mod ports;
pub mod profile;
pub mod regs;
pub mod ring;
pub mod stream;

/// Version of everything in this crate; register `ABI`. A change of a layout or of the timing contract counts it up.
pub const ABI_VERSION: u32 = 1;
