//! One front-end: what it asks.

use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use shoal_abi::ring::{
    F_ACCESS_PLATFORM, F_IN_ORDER, F_NOTIFICATION_DATA, F_ORDER_PLATFORM, F_RING_RESET,
};
use shoal_driver::{DeviceKind, Vdev};
use tracing::{info, warn};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::memory::{Memory, MAX_REGIONS};
use super::region::{self, Region, Tracks};
use super::rings::Rings;
use super::wire::{self, reply, reply_with, request, Inflight, MemRegion, Message};
use super::{own_features, BLK_CFG_SIZE_MAX, SIZE_MAX};
use crate::env::HostMem;
use crate::host::SharedHost;
use crate::serve::socket::signal;

/// Why a front-end is sent away.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It does not keep to the protocol, or was refused something and does not ask whether.
    #[error("{0}")]
    Protocol(String),
    /// Nothing can be sent to it.
    #[error("it does not read what is sent to it: {0}")]
    Send(#[from] std::io::Error),
}

/// What becomes of a request.
enum Done {
    /// It has a reply of its own.
    Reply(Vec<u8>),
    /// And a file with it.
    File(Vec<u8>, OwnedFd),
    /// It has none; the front-end may ask for an acknowledgement.
    Quiet,
}

/// A front-end and the device as it sees it.
pub struct Session {
    socket: UnixStream,
    vdev: Vdev<SharedHost>,
    memory: Memory,
    rings: Rings,
    protocol_features: u64,
}

/// The fixed part that is all of `body`.
fn fixed<T: FromBytes + Immutable + KnownLayout>(body: &[u8]) -> Result<T, String> {
    T::read_from_bytes(body).map_err(|_| format!("{} bytes of {}", body.len(), size_of::<T>()))
}

/// Sets the descriptor not to block: whatever it is, reading it must not hold the device.
fn unblocked(fd: OwnedFd) -> Result<OwnedFd, String> {
    rustix::io::ioctl_fionbio(&fd, true).map_err(|e| format!("descriptor: {e}"))?;
    Ok(fd)
}

impl Session {
    /// A front-end that has said nothing yet, for `vdev`, the `number`th device.
    #[must_use]
    pub fn new(
        socket: UnixStream,
        mem: HostMem,
        vdev: Vdev<SharedHost>,
        number: usize,
        tracks: Tracks,
    ) -> Self {
        Self {
            socket,
            memory: Memory::new(mem, vdev.clone(), number),
            rings: Rings::new(vdev.clone(), tracks),
            vdev,
            protocol_features: 0,
        }
    }

    /// The rings.
    #[must_use]
    pub fn rings(&self) -> &Rings {
        &self.rings
    }

    /// The rings, to change.
    pub fn rings_mut(&mut self) -> &mut Rings {
        &mut self.rings
    }

    /// Ends the session: nothing of the front-end's is used any more.
    pub fn close(mut self) {
        // The device first: what it still writes goes to memory that is there.
        for result in [self.rings.clear(), self.memory.clear()] {
            if let Err(e) = result {
                warn!("{e}");
            }
        }
        // Its reader hears of it.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Features offered to the front-end: not those that say how the device reaches memory, which is arranged here (in vhost-user
    /// ACCESS_PLATFORM would mean that the front-end translates), and not those for which this protocol has no message or whose
    /// promise a server that takes over another one's requests could not keep.
    fn features(&self) -> u64 {
        let hidden = 1 << F_ACCESS_PLATFORM
            | 1 << F_ORDER_PLATFORM
            | 1 << F_IN_ORDER
            | 1 << F_NOTIFICATION_DATA
            | 1 << F_RING_RESET;
        self.vdev.get_device_features() & !hidden | own_features(&self.vdev.config().kind)
    }

    fn protocol_features(&self) -> u64 {
        let of_type = match self.vdev.config().kind {
            DeviceKind::Blk { .. } => wire::P_MQ | wire::P_CONFIG | wire::P_INFLIGHT_SHMFD,
            DeviceKind::Net { .. } => 0,
        };
        of_type | wire::P_REPLY_ACK | wire::P_RESET_DEVICE | wire::P_CONFIGURE_MEM_SLOTS
    }

    /// Looks whether the memory and the in-flight region are still there.
    ///
    /// # Errors
    /// When the front-end is to be sent away.
    pub fn check(&self) -> Result<(), Broken> {
        let result = self.memory.check().and_then(|()| self.rings.check());
        result.map_err(Broken::Protocol)
    }

    /// Takes a message.
    ///
    /// # Errors
    /// When the front-end is to be sent away.
    pub fn take(&mut self, m: Message) -> Result<(), Broken> {
        let header = m.header;
        if !header.is_request() {
            let why = format!("request {} with flags {:#x}", header.request, header.flags);
            return Err(Broken::Protocol(why));
        }
        self.check()?;
        let ack = header.needs_reply()
            && self.protocol_features & wire::P_REPLY_ACK != 0
            && !request::HAVE_REPLY.contains(&header.request);
        let result = self.request(m);
        self.rings.deliver_calls();
        match result {
            Ok(Done::Reply(body)) => reply(&self.socket, header.request, &body)?,
            Ok(Done::File(body, fd)) => {
                reply_with(&self.socket, header.request, &body, fd.as_fd())?;
            }
            Ok(Done::Quiet) if ack => reply(&self.socket, header.request, 0_u64.as_bytes())?,
            Ok(Done::Quiet) => {}
            Err(why) if ack => {
                warn!(request = header.request, "refused: {why}");
                reply(&self.socket, header.request, 1_u64.as_bytes())?;
            }
            Err(why) => {
                // It would go on as if all were well.
                let why = format!("request {} refused: {why}", header.request);
                return Err(Broken::Protocol(why));
            }
        }
        Ok(())
    }

    fn request(&mut self, m: Message) -> Result<Done, String> {
        let Message { header, body, fds } = m;
        let number = |n: u64| Ok(Done::Reply(n.as_bytes().to_vec()));
        match header.request {
            request::GET_FEATURES => return number(self.features()),
            request::GET_PROTOCOL_FEATURES => return number(self.protocol_features()),
            request::GET_QUEUE_NUM => return number(self.vdev.vq_count().into()),
            request::GET_MAX_MEM_SLOTS => return number(MAX_REGIONS as u64),
            request::GET_CONFIG => return self.get_config(&body).map(Done::Reply),
            request::GET_VRING_BASE => return self.get_base(&body).map(Done::Reply),
            request::SET_FEATURES => {
                let features = subset(fixed(&body)?, self.features())?;
                self.rings.set_features(features, &self.memory)?;
                info!("features {features:#x}");
            }
            request::SET_PROTOCOL_FEATURES => {
                self.protocol_features = subset(fixed(&body)?, self.protocol_features())?;
            }
            request::SET_OWNER => {}
            request::RESET_OWNER | request::RESET_DEVICE => self.rings.clear()?,
            request::SET_MEM_TABLE => self.set_table(&body, fds)?,
            request::ADD_MEM_REG => {
                let wire::MemSlot { region, .. } = fixed(&body)?;
                self.memory.add(region, one(fds)?)?;
                self.rings.start(&self.memory)?;
            }
            request::REM_MEM_REG => {
                let wire::MemSlot { region, .. } = fixed(&body)?;
                let place = self.memory.find(&region)?;
                self.rings.stop_all()?;
                self.memory.remove(place)?;
                self.rings.start(&self.memory)?;
            }
            request::GET_INFLIGHT_FD => {
                let (wire, len) = inflight(&body)?;
                let (made, fd) = region::create(&wire, self.vdev.vq_count())?;
                return Ok(Done::File(made.as_bytes()[..len].to_vec(), fd));
            }
            request::SET_INFLIGHT_FD => {
                let (wire, _) = inflight(&body)?;
                let region = Region::map(wire, one(fds)?, self.vdev.vq_count())?;
                self.rings.set_region(region, &self.memory)?;
            }
            request::SET_CONFIG => {
                return Err("no field of the configuration can be written".into())
            }
            _ => self.ring_request(header.request, &body, fds)?,
        }
        Ok(Done::Quiet)
    }

    /// Requests about one ring. A live one is stopped for what changes it, and goes on where it was.
    fn ring_request(&mut self, what: u32, body: &[u8], fds: Vec<OwnedFd>) -> Result<(), String> {
        match what {
            request::SET_VRING_NUM => {
                let wire::VringState { index, num } = fixed(body)?;
                let most = self.vdev.get_vq_num_max();
                let size = u16::try_from(num)
                    .ok()
                    .filter(|n| n.is_power_of_two() && (2..=most).contains(n))
                    .ok_or_else(|| {
                        format!("{num} entries; 2 to {most}, a power of two, are possible")
                    })?;
                self.stopped(index)?.size = size;
            }
            request::SET_VRING_BASE => {
                let wire::VringState { index, num } = fixed(body)?;
                let base = u16::try_from(num).map_err(|_| format!("base {num}"))?;
                self.stopped(index)?.base = base;
            }
            request::SET_VRING_ADDR => {
                let addr: wire::VringAddr = fixed(body)?;
                if addr.flags != 0 {
                    return Err(format!("ring flags {:#x}: no log is kept", addr.flags));
                }
                if self.rings.get(addr.index)?.addr != Some(addr) {
                    self.stopped(addr.index)?.addr = Some(addr);
                }
            }
            request::SET_VRING_ENABLE => {
                // QEMU's network back-end sends this before it has accepted bit 30 of the features.
                let wire::VringState { index, num } = fixed(body)?;
                if num > 1 {
                    return Err(format!("enable {num}"));
                }
                let ring = if num == 0 {
                    self.stopped(index)?
                } else {
                    self.rings.get(index)?
                };
                ring.enabled = Some(num == 1);
            }
            request::SET_VRING_KICK | request::SET_VRING_CALL | request::SET_VRING_ERR => {
                return self.descriptor(what, fixed(body)?, fds);
            }
            other => return Err(format!("request {other} is not known here")),
        }
        self.rings.start(&self.memory)
    }

    /// Ring `index`, not live.
    fn stopped(&mut self, index: u32) -> Result<&mut super::rings::Ring, String> {
        self.rings.get(index)?;
        self.rings.stop(index as usize)?;
        self.rings.get(index)
    }

    fn descriptor(&mut self, what: u32, value: u64, fds: Vec<OwnedFd>) -> Result<(), String> {
        let index = u32::try_from(value & wire::VRING_INDEX).unwrap_or(u32::MAX);
        let fd = if value & wire::VRING_NO_FD != 0 {
            None
        } else {
            Some(one(fds)?)
        };
        let ring = self.rings.get(index)?;
        match what {
            request::SET_VRING_CALL => {
                // What was used before its call came, by a server before this one maybe, is not waited for in vain.
                fd.iter().for_each(signal);
                ring.call = fd;
            }
            request::SET_VRING_ERR => ring.err = fd,
            _ => {
                let fd = fd.ok_or("a ring without a kick descriptor: polling is not done here")?;
                ring.kick = Some(unblocked(fd)?);
                self.rings.start(&self.memory)?;
                // What was kicked on a former descriptor is not lost.
                if let Ok(index) = u16::try_from(index) {
                    self.rings.kick(index);
                }
            }
        }
        Ok(())
    }

    fn get_base(&mut self, body: &[u8]) -> Result<Vec<u8>, String> {
        let wire::VringState { index, .. } = fixed(body)?;
        let ring = self.stopped(index)?;
        ring.kick = None;
        let state = wire::VringState {
            index,
            num: ring.base.into(),
        };
        Ok(state.as_bytes().to_vec())
    }

    fn get_config(&self, body: &[u8]) -> Result<Vec<u8>, String> {
        let (range, rest) =
            wire::ConfigRange::read_from_prefix(body).map_err(|_| "a cut head".to_string())?;
        // Beyond the features of the device the configuration is zero.
        let mut config = self.vdev.config().config_space();
        config.resize(wire::MAX_CONFIG, 0);
        if let DeviceKind::Blk { .. } = self.vdev.config().kind {
            config[BLK_CFG_SIZE_MAX..][..4].copy_from_slice(&SIZE_MAX.to_le_bytes());
        }
        let (from, len) = (range.offset as usize, range.size as usize);
        let bytes = from.checked_add(len).and_then(|end| config.get(from..end));
        match bytes.filter(|_| rest.len() == len) {
            Some(bytes) => Ok([range.as_bytes(), bytes].concat()),
            None => {
                warn!("configuration {from}..+{len} of {}", wire::MAX_CONFIG);
                // An error is a reply without bytes (vhost-user, GET_CONFIG).
                Ok(Vec::new())
            }
        }
    }

    fn set_table(&mut self, body: &[u8], fds: Vec<OwnedFd>) -> Result<(), String> {
        let ([count, _], mut rest) =
            <[u32; 2]>::read_from_prefix(body).map_err(|_| "a cut head".to_string())?;
        if count > wire::MAX_TABLE || fds.len() != count as usize {
            return Err(format!("{count} regions with {} files", fds.len()));
        }
        let mut regions = Vec::new();
        for _ in 0..count {
            let (region, tail) =
                MemRegion::read_from_prefix(rest).map_err(|_| "a cut region".to_string())?;
            regions.push(region);
            rest = tail;
        }
        self.rings.stop_all()?;
        self.memory.clear()?;
        for (region, fd) in regions.into_iter().zip(fds) {
            if let Err(e) = self.memory.add(region, fd) {
                // All of the table or nothing.
                self.memory.clear()?;
                return Err(e);
            }
        }
        self.rings.start(&self.memory)
    }
}

fn subset(features: u64, offered: u64) -> Result<u64, String> {
    if features & !offered == 0 {
        Ok(features)
    } else {
        Err(format!("features {features:#x} of {offered:#x}"))
    }
}

/// The description of an in-flight region and its bytes: the structure of C ends with padding, that of the protocol does not.
fn inflight(body: &[u8]) -> Result<(Inflight, usize), String> {
    let mut whole = [0; size_of::<Inflight>()];
    match body.len() {
        len @ (20 | 24) => {
            whole[..len].copy_from_slice(body);
            Ok((fixed(&whole)?, len))
        }
        len => Err(format!("{len} bytes of 20 or 24")),
    }
}

fn one(fds: Vec<OwnedFd>) -> Result<OwnedFd, String> {
    let count = fds.len();
    let mut fds = fds.into_iter();
    match (fds.next(), count) {
        (Some(fd), 1) => Ok(fd),
        _ => Err(format!("{count} file descriptors, 1 is needed")),
    }
}
