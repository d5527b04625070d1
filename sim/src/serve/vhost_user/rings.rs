//! The rings of a device: what the front-end said of each, and when the device works on them.
//!
//! A ring is live when it has a size, addresses and a kick descriptor and is enabled. The device is brought up, with the
//! features negotiated, for the first live ring, and reset when the last one stops; the front-end sees none of that.
//!
//! A network device's transmit ring that the front-end has disabled but not stopped should be worked on and its frames dropped
//! (vhost-user, "Ring states"). Here it stands still until it is enabled or stopped, and no frame is lost. QEMU disables only the pairs that a
//! guest does not use, of devices with several; these have one, which it enables before it starts it and stops with GET_VRING_BASE.

use std::os::fd::OwnedFd;

use shoal_abi::ring::{
    AVAIL_RING, F_ACCESS_PLATFORM, F_VERSION_1, S_ACKNOWLEDGE, S_DRIVER, S_DRIVER_OK,
    S_FEATURES_OK, USED_ELEM_BYTES, USED_IDX, USED_RING,
};
use shoal_driver::Vdev;
use tracing::{debug, info, warn};

use super::inflight::{Ring as SharedRing, Track};
use super::memory::Memory;
use super::own_features;
use super::region::{Part, Region, Tracks};
use super::wire::{VringAddr, F_PROTOCOL_FEATURES};
use crate::env::HostMem;
use crate::host::SharedHost;
use crate::serve::socket::signal;

/// A ring as the front-end described it.
#[derive(Debug, Default)]
pub struct Ring {
    /// Entries.
    pub size: u16,
    /// Where it is.
    pub addr: Option<VringAddr>,
    /// Next available index while it is not live.
    pub base: u16,
    /// Read to hear of new chains.
    pub kick: Option<OwnedFd>,
    /// Signalled after used chains.
    pub call: Option<OwnedFd>,
    /// Signalled when the device fails.
    pub err: Option<OwnedFd>,
    /// What the front-end said; until then it depends on the features.
    pub enabled: Option<bool>,
    is_live: bool,
}

/// The rings of a device.
pub struct Rings {
    vdev: Vdev<SharedHost>,
    rings: Vec<Ring>,
    /// Features the front-end has accepted.
    features: Option<u64>,
    /// The device is up.
    is_up: bool,
    /// Where the front-end keeps what is in flight, if it does.
    region: Option<Region>,
    tracks: Tracks,
}

impl Rings {
    /// The rings of `vdev`, of which nothing is known; `tracks` follows those that have an in-flight region.
    #[must_use]
    pub fn new(vdev: Vdev<SharedHost>, tracks: Tracks) -> Self {
        let count = vdev.vq_count();
        Self {
            vdev,
            rings: (0..count).map(|_| Ring::default()).collect(),
            features: None,
            is_up: false,
            region: None,
            tracks,
        }
    }

    /// Keeps what is in flight in `region` from now on.
    ///
    /// # Errors
    /// As [`Rings::stop`] and [`Rings::start`].
    pub fn set_region(&mut self, region: Region, memory: &Memory) -> Result<(), String> {
        self.stop_all()?;
        self.region = Some(region);
        self.start(memory)
    }

    /// Looks whether the in-flight region is still there.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self) -> Result<(), String> {
        self.region.as_ref().map_or(Ok(()), Region::check)
    }

    /// Ring `index`.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&mut self, index: u32) -> Result<&mut Ring, String> {
        let count = self.rings.len();
        let ring = usize::try_from(index)
            .ok()
            .and_then(|n| self.rings.get_mut(n));
        ring.ok_or_else(|| format!("ring {index} of {count}"))
    }

    /// Kick descriptors of the live rings.
    pub fn kicks(&self) -> impl Iterator<Item = (u16, &OwnedFd)> {
        (0..)
            .zip(&self.rings)
            .filter(|(_, r)| r.is_live)
            .filter_map(|(n, r)| Some((n, r.kick.as_ref()?)))
    }

    /// Rings the doorbell of a live ring.
    pub fn kick(&self, index: u16) {
        self.vdev.kick_vq(index);
    }

    /// Signals the rings that have interrupted.
    pub fn deliver_calls(&self) {
        for (n, ring) in (0..).zip(&self.rings) {
            if self.vdev.take_vq_interrupts(n) > 0 {
                ring.call.iter().for_each(signal);
            }
        }
    }

    /// Tells the front-end that the device has failed.
    pub fn deliver_error(&self) {
        self.rings
            .iter()
            .filter_map(|r| r.err.as_ref())
            .for_each(signal);
    }

    /// Takes the features of the front-end; rings that live go on with them.
    ///
    /// # Errors
    /// As `start`.
    pub fn set_features(&mut self, features: u64, memory: &Memory) -> Result<(), String> {
        if self.features != Some(features) {
            self.stop_all()?;
            self.features = Some(features);
        }
        self.start(memory)
    }

    fn wants_to_live(&self, ring: &Ring) -> bool {
        let bit30 = self.features.is_some_and(|f| f & F_PROTOCOL_FEATURES != 0);
        ring.kick.is_some()
            && ring.size != 0
            && ring.addr.is_some()
            && ring.enabled.unwrap_or(!bit30)
    }

    /// Lets every ring live that can.
    ///
    /// # Errors
    /// What is wrong with a ring, and what the device says.
    pub fn start(&mut self, memory: &Memory) -> Result<(), String> {
        // Without memory or features nothing can start; both are on their way.
        let (Some(features), true) = (self.features, !memory.is_empty()) else {
            return Ok(());
        };
        for n in 0..self.rings.len() {
            let ring = &self.rings[n];
            let Some(addr) = ring
                .addr
                .filter(|_| !ring.is_live && self.wants_to_live(ring))
            else {
                continue;
            };
            if features & 1 << F_VERSION_1 == 0 {
                return Err(format!("features {features:#x} lack VERSION_1"));
            }
            self.start_one(n, &addr, features, memory)
                .map_err(|e| format!("ring {n}: {e}"))?;
        }
        Ok(())
    }

    fn start_one(
        &mut self,
        n: usize,
        addr: &VringAddr,
        features: u64,
        memory: &Memory,
    ) -> Result<(), String> {
        let guest = |what: &str, user: u64| {
            let lost = || format!("{what} at user address {user:#x} is in no region");
            memory.guest(user).ok_or_else(lost)
        };
        let desc = guest("descriptor table", addr.desc)?;
        let avail = guest("available ring", addr.avail)?;
        let used = guest("used ring", addr.used)?;
        let size = self.rings[n].size;
        let track = self.track(n, size, (avail, used), memory)?;
        let base = track.as_ref().map_or(self.rings[n].base, Track::start);
        let index = u16::try_from(n).map_err(|e| e.to_string())?;
        if let Some(done) = memory.read_u16(used + USED_IDX).filter(|&d| d != base) {
            warn!("ring {n} starts at {base} with a used index of {done}: chains between were lost before");
        }
        let v = self.vdev.clone();
        (|| {
            v.set_vq_num(index, size)?;
            v.set_vq_address(index, desc, avail, used)?;
            v.set_vq_state(index, base)?;
            v.set_vq_cb(index, true)?;
            self.bring_up(features)?;
            // Followed before the device can take anything.
            if let Some(track) = track {
                self.tracks.add(v.id(), n, track);
            }
            v.set_vq_ready(index, true)
        })()
        .map_err(|e| {
            self.tracks.remove(v.id(), n);
            e.to_string()
        })?;
        self.rings[n].is_live = true;
        debug!("ring {n} of {size} entries lives from {base} on: table {desc:#x}, {avail:#x}, {used:#x}");
        Ok(())
    }

    /// What was in flight on ring `n` when it was last worked on, ready to be done again; nothing without an in-flight region.
    fn track(
        &self,
        n: usize,
        size: u16,
        (avail, used): (u64, u64),
        memory: &Memory,
    ) -> Result<Option<Track<Part, HostMem>>, String> {
        let Some(region) = &self.region else {
            return Ok(None);
        };
        let (part, desc_num) = region.part(n)?;
        let entries = u64::from(size);
        let place = |what, guest: u64, bytes, align| {
            let at = memory
                .platform(guest, bytes)
                .filter(|_| guest.is_multiple_of(align));
            at.ok_or_else(|| format!("{what} at {guest:#x} is not aligned or not in one region"))
        };
        let ring = SharedRing {
            mem: memory.mem().clone(),
            avail: place("available ring", avail, AVAIL_RING + entries * 2, 2)?,
            used: place("used ring", used, USED_RING + entries * USED_ELEM_BYTES, 4)?,
            size,
        };
        let track = Track::open(part, desc_num, ring, self.rings[n].base)?;
        if track.count() > 0 {
            info!(
                member = self.vdev.id(),
                "ring {n} goes on at {} with {} chains in flight",
                track.start(),
                track.count()
            );
        }
        Ok(Some(track))
    }

    /// Takes the device from reset to DRIVER_OK. ACCESS_PLATFORM is the driver's business: here it translates.
    fn bring_up(&mut self, features: u64) -> shoal_driver::Result<()> {
        if self.is_up {
            return Ok(());
        }
        let mut status = S_ACKNOWLEDGE | S_DRIVER;
        let v = &self.vdev;
        v.set_status(status)?;
        let own = own_features(&v.config().kind);
        v.set_driver_features(features & !own | 1 << F_ACCESS_PLATFORM)?;
        status |= S_FEATURES_OK;
        if v.set_status(status)? & S_FEATURES_OK == 0 {
            let _ = v.reset();
            return Err(shoal_driver::Error::State(
                "the device refuses the features",
            ));
        }
        v.set_config_cb(true)?;
        v.set_status(status | S_DRIVER_OK)?;
        self.is_up = true;
        Ok(())
    }

    /// Stops ring `n`: the device has done with it, what it used is signalled, `base` is where it goes on.
    ///
    /// # Errors
    /// What the device says.
    pub fn stop(&mut self, n: usize) -> Result<(), String> {
        let Some(index) = u16::try_from(n).ok().filter(|_| self.rings[n].is_live) else {
            return Ok(());
        };
        let v = &self.vdev;
        let state = v
            .set_vq_ready(index, false)
            .and_then(|()| v.get_vq_state(index));
        self.deliver_calls();
        let ring = &mut self.rings[n];
        ring.base = state.map_err(|e| format!("ring {n}: {e}"))?;
        self.tracks.remove(self.vdev.id(), n);
        ring.is_live = false;
        if self.rings.iter().all(|r| !r.is_live) {
            self.reset()?;
        }
        Ok(())
    }

    /// Stops every ring; each goes on where it was with the next `start`.
    ///
    /// # Errors
    /// As `stop`.
    pub fn stop_all(&mut self) -> Result<(), String> {
        (0..self.rings.len()).try_for_each(|n| self.stop(n))
    }

    fn reset(&mut self) -> Result<(), String> {
        self.is_up = false;
        self.vdev.reset().map_err(|e| format!("reset: {e}"))
    }

    /// Back to the beginning: the device has done with every ring, and nothing is known of them.
    ///
    /// # Errors
    /// What the device says.
    pub fn clear(&mut self) -> Result<(), String> {
        let result = if self.is_up { self.reset() } else { Ok(()) };
        (0..self.rings.len()).for_each(|n| self.tracks.remove(self.vdev.id(), n));
        self.region = None;
        self.deliver_calls();
        self.features = None;
        self.rings.iter_mut().for_each(|r| *r = Ring::default());
        result
    }
}
