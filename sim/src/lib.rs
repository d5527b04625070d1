//! The Shoal harness: runs the device in a simulated host.
//!
//! `env` is the world around the device, `dut` the ways to have a device, `lockstep` compares two of them on every port and
//! cycle, `monitor` checks a run against the standards, `record` and `replay` keep a run and repeat it, `host` is what
//! drivers and scenarios hold, `client` are third-party virtio drivers over it, `scenario` are the runs that the `shoal` command offers.
#![deny(unsafe_code)]

pub mod abi_c;
pub mod abi_doc;
#[cfg(feature = "driver")]
pub mod bench;
#[cfg(feature = "driver")]
pub mod client;
pub mod dut;
pub mod env;
#[cfg(feature = "driver")]
pub mod guest;
pub mod host;
pub mod lockstep;
pub mod monitor;
pub mod record;
pub mod replay;
pub mod scenario;
pub mod serve;
pub mod setup;
