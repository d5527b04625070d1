//! Serving the device to other programs: a free-running clock, and the protocols they speak.

pub mod pump;
pub mod stores;
pub mod vfio_user;
