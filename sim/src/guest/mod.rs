//! Linux in QEMU as the device's host: `shoal serve` and the guests of a scenario are started, each guest runs a test of
//! `sim/linux/guest/tests` with the tools that it would run on hardware, and what all say is put together.
//!
//! What the guest is made of stands in `build/guest`, brought by `make guest-setup`. Nothing here needs root or KVM.

mod child;
mod console;
mod image;
mod run;
mod server;
mod station;
mod store;
mod vm;

pub use console::{Check, Console};
pub use image::Image;
pub use run::{run, GuestRun, Settings};
pub use vm::Guest;

use std::io;
use std::path::PathBuf;

use shoal_abi::profile::Profile;

/// Why no guest ran, or why nothing can be said of one that did.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// A part of the guest is not there.
    #[error("{0} is missing: run `make guest-setup`")]
    NotSetUp(PathBuf),
    /// The user asked for what does not exist.
    #[error("{0}")]
    Params(String),
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
    /// The system, while doing something.
    #[error("{0}: {1}")]
    Io(String, io::Error),
    /// The server ended before its time.
    #[error("{0}")]
    Server(String),
}

/// What the guests are connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    /// The PCI function, for the driver of `sim/linux`.
    VfioUser,
    /// A block device, for a stock virtio driver.
    VhostUserBlk,
    /// A network device each guest, all ports of one switch.
    VhostUserNet,
}

impl ServerKind {
    /// As `shoal serve` calls it.
    fn name(self) -> &'static str {
        match self {
            Self::VfioUser => "vfio-user",
            Self::VhostUserBlk => "vhost-user-blk",
            Self::VhostUserNet => "vhost-user-net",
        }
    }
}

/// What guests can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Name on the command line, and of the test in the guests.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// What the guests are connected to.
    server: ServerKind,
    /// How many run at the same time, all the same test.
    pub guests: usize,
    /// Has a station behind the uplink.
    has_station: bool,
    /// Needs the larger image.
    needs_fio: bool,
    /// Has a number of devices.
    pub is_sized: bool,
}

/// One guest with the PCI function.
const PCI: Scenario = Scenario {
    name: "",
    about: "",
    server: ServerKind::VfioUser,
    guests: 1,
    has_station: false,
    needs_fio: false,
    is_sized: false,
};

/// Those that there are.
const SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "probe",
        about: "the PCI function as lspci sees it, the driver loaded and unloaded",
        ..PCI
    },
    Scenario {
        name: "vdpa-tool",
        about:
            "everything that the vdpa tool offers, on both management devices, and what they refuse",
        ..PCI
    },
    Scenario {
        name: "net",
        about: "two network devices in two namespaces, and a station behind the uplink: ping, TCP, pktgen",
        has_station: true,
        ..PCI
    },
    Scenario {
        name: "blk",
        about: "a block device with ext4 and fio; its store compared with what the guest read",
        needs_fio: true,
        ..PCI
    },
    Scenario {
        name: "vhost",
        about: "a device handed to a user process: page tables of its own, rings, doorbell page, two address spaces",
        ..PCI
    },
    Scenario {
        name: "scale",
        about: "--n devices created, a sample of them used, all deleted",
        is_sized: true,
        ..PCI
    },
    Scenario {
        name: "vhost-user-blk",
        about: "QEMU's vhost-user-blk and a stock driver: ext4 and fio, the server killed and started again under load",
        server: ServerKind::VhostUserBlk,
        needs_fio: true,
        ..PCI
    },
    Scenario {
        name: "vhost-user-net",
        about: "two guests with QEMU's vhost-user network and stock drivers: ping and iperf3 between them",
        server: ServerKind::VhostUserNet,
        guests: 2,
        ..PCI
    },
];

/// All scenarios.
#[must_use]
pub fn all() -> &'static [Scenario] {
    &SCENARIOS
}

/// The scenario called `name`.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|s| s.name == name)
}

impl Scenario {
    /// Devices of a scenario that has a number of them: `n`, or as many as is usual.
    ///
    /// # Errors
    /// A number for a scenario without one, or one that the profile does not have.
    pub fn size(&self, n: Option<u32>, profile: &Profile) -> Result<Option<u32>, GuestError> {
        /// Devices unless the user chooses, if the profile has that many.
        const DEVICES: u32 = 64;
        match n {
            Some(_) if !self.is_sized => Err(GuestError::Params(format!(
                "--n: scenario {} has no number of devices",
                self.name
            ))),
            Some(n) if n == 0 || n > profile.devices => Err(GuestError::Params(format!(
                "--n {n}: profile {} has 1..={}",
                profile.name, profile.devices
            ))),
            None if self.is_sized => Ok(Some(DEVICES.min(profile.devices))),
            n => Ok(n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::TINY;

    #[test]
    fn scenarios_have_names_of_their_own_and_a_test_in_the_guest() {
        let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/linux/guest/tests");
        for s in all() {
            assert_eq!(by_name(s.name), Some(s));
            let test = PathBuf::from(tests).join(format!("{}.sh", s.name));
            assert!(test.exists(), "{}", test.display());
        }
        assert_eq!(by_name("lib"), None);
    }

    #[test]
    fn only_a_sized_scenario_takes_a_number_and_only_one_that_the_profile_has() {
        let (scale, net) = (by_name("scale").unwrap(), by_name("net").unwrap());
        assert_eq!(scale.size(None, &TINY).unwrap(), Some(8));
        assert_eq!(scale.size(Some(3), &TINY).unwrap(), Some(3));
        assert_eq!(net.size(None, &TINY).unwrap(), None);
        let e = net.size(Some(3), &TINY).unwrap_err().to_string();
        assert!(e.contains("net"), "{e}");
        for n in [0, 9] {
            let e = scale.size(Some(n), &TINY).unwrap_err().to_string();
            assert!(e.contains("1..=8"), "{e}");
        }
    }
}
