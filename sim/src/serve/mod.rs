//! Serving the device to other programs: a free-running clock, and the protocols they speak.

pub mod listener;
pub mod pump;
pub mod socket;
pub mod stores;
pub mod uplink;
pub mod vfio_user;
#[cfg(feature = "driver")]
pub mod vhost_user;
