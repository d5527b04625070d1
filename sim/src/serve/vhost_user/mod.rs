//! Managed devices over the vhost-user protocol, with the management driver inside: what QEMU, libblkio and others connect to.
//!
//! Each socket is a device of its own. The front-end's memory is mapped into the device's address space, so that the device works
//! on the front-end's rings where they are; kicks become doorbells, interrupt messages become calls.

mod inflight;
mod memory;
mod region;
mod rings;
mod session;
mod wire;

#[cfg(all(test, feature = "model"))]
mod tests;

use std::os::fd::AsFd;

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use shoal_abi::ring::{BLK_CFG_SIZE_MAX, BLK_HDR_BYTES, F_BLK_SIZE_MAX, MAX_CHAIN_BYTES};
use shoal_driver::{DeviceKind, Interrupts, Mgmtdev, Options, SpaceKind, Vdev, VdevConfig};
use tracing::{info, warn};

use self::region::Tracks;
use self::session::Session;
use self::wire::Message;
use super::listener;
use super::pump::Front;
use super::socket::drain;
use crate::host::SharedHost;

/// The listening socket of a device.
pub type Listener = listener::Listener<Message>;
type Event = listener::Event<Message>;

/// Most data segments of a block request: with header and status it fits a ring of 128 entries.
const SEG_MAX: u32 = 126;
/// Most bytes of a data segment, so that a request with as many as it may have is below the longest chain. SIZE_MAX is a word to the
/// driver that the device itself has no part in: the front-end hears it from here, the device not at all. libblkio heeds it; QEMU 11.1
/// keeps it from its guests, where Linux stays at requests of `max_sectors_kb`, 1280 KiB unless somebody raises it.
const SIZE_MAX: u32 = 64 << 10;
// With the header, or the status byte.
const _: () =
    assert!(SEG_MAX as u64 * SIZE_MAX as u64 + BLK_HDR_BYTES as u64 <= MAX_CHAIN_BYTES as u64);
/// Block size reported.
const BLK_SIZE: u32 = 512;

/// Place of the fault queue's message among the mgmtdev's.
const FAULT_VECTOR: usize = 2;

/// Features between front-end and server, of which the device does not know.
fn own_features(kind: &DeviceKind) -> u64 {
    let of_type = match kind {
        DeviceKind::Blk { .. } => 1 << F_BLK_SIZE_MAX,
        DeviceKind::Net { .. } => 0,
    };
    of_type | wire::F_PROTOCOL_FEATURES
}

/// A block device of `capacity` sectors.
#[must_use]
pub fn blk(capacity: u64, queues: u16, read_only: bool) -> VdevConfig {
    VdevConfig {
        kind: DeviceKind::Blk {
            capacity,
            blk_size: BLK_SIZE,
            seg_max: SEG_MAX,
            num_queues: queues,
            read_only,
        },
        ..VdevConfig::blk(capacity, SpaceKind::Sv48)
    }
}

/// The `number`th network device.
#[must_use]
pub fn net(number: usize) -> VdevConfig {
    let mac = [0x52, 0x54, 0, 0x73, (number >> 8) as u8, number as u8];
    VdevConfig::net(mac, SpaceKind::Sv48)
}

/// Messages of a client that are taken at a time, so that none holds up the others.
const MESSAGES: usize = 32;

/// A device and who uses it.
struct Port {
    listener: Listener,
    vdev: Vdev<SharedHost>,
    session: Option<Session>,
    /// Number of the last client; what earlier ones still said is nobody's.
    client: u64,
}

/// The server: a device a socket, each for one client at a time.
pub struct VhostUser {
    mgmtdev: Mgmtdev<SharedHost>,
    ports: Vec<Port>,
    /// Interrupt messages seen.
    seen: u64,
    /// Messages of clients may wait.
    has_more: bool,
    tracks: Tracks,
}

impl VhostUser {
    /// Probes the device of `host` and creates a managed device for each listener.
    ///
    /// # Errors
    /// What the driver says.
    pub fn new(
        host: &SharedHost,
        devices: impl IntoIterator<Item = (Listener, VdevConfig)>,
    ) -> shoal_driver::Result<Self> {
        let mgmtdev = Mgmtdev::probe(host.clone(), Options::default())?;
        let mut ports = Vec::new();
        for (listener, config) in devices {
            let vdev = mgmtdev.dev_add(config)?;
            if let DeviceKind::Net { .. } = vdev.config().kind {
                // Floods reach it before it has sent anything.
                host.borrow_mut().switch().register(vdev.id());
            }
            ports.push(Port {
                listener,
                vdev,
                session: None,
                client: 0,
            });
        }
        let tracks = Tracks::default();
        let looked = tracks.clone();
        // Not only between two looks at the clients: commands of the driver step the device too.
        host.borrow_mut().add_tap(Box::new(move |cycle, _, _| {
            if cycle.is_multiple_of(Tracks::CYCLES) {
                looked.look();
            }
        }));
        Ok(Self {
            mgmtdev,
            ports,
            seen: 0,
            has_more: false,
            tracks,
        })
    }

    /// Tells of faults, each once: the devices they name need a reset, which comes with the next front-end or its restart.
    fn faults(&mut self) {
        for port in &self.ports {
            if port.vdev.take_config_interrupts() > 0 {
                warn!(member = port.vdev.id(), "the device needs a reset");
                port.session.iter().for_each(|s| s.rings().deliver_error());
            }
        }
        // The record of a fault comes with a message of its own.
        let Some(m) = self.mgmtdev.vectors().get(FAULT_VECTOR) else {
            return;
        };
        if self.mgmtdev.platform().take(m.address, m.data) > 0 {
            for fault in self.mgmtdev.take_faults() {
                warn!("fault: {fault}");
            }
        }
    }
}

impl Port {
    fn event(&mut self, host: &SharedHost, number: usize, tracks: &Tracks, event: Event) {
        match event {
            Event::Connected(client, socket) => {
                self.client = client;
                info!(member = self.vdev.id(), "a client is connected");
                let mem = host.borrow().mem().clone();
                let vdev = self.vdev.clone();
                self.session = Some(Session::new(socket, mem, vdev, number, tracks.clone()));
            }
            Event::Message(client, message) if client == self.client => {
                if let Some(session) = &mut self.session {
                    if let Err(e) = session.take(message) {
                        self.drop_client(&e);
                    }
                }
            }
            Event::Gone(client, why) if client == self.client => self.drop_client(&why),
            Event::Message(..) | Event::Gone(..) => {}
        }
    }

    fn drop_client(&mut self, why: &dyn std::fmt::Display) {
        if let Some(session) = self.session.take() {
            warn!(member = self.vdev.id(), "the client is gone: {why}");
            session.close();
            self.listener.release();
        }
    }

    /// Takes kicks.
    fn kicks(&mut self) {
        let Some(session) = &mut self.session else {
            return;
        };
        let rings = session.rings();
        let kicked: Vec<(u16, bool)> = {
            let (index, mut fds): (Vec<u16>, Vec<PollFd<'_>>) = rings
                .kicks()
                .map(|(n, fd)| (n, PollFd::new(fd, PollFlags::IN)))
                .unzip();
            let now = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            if fds.is_empty() || !matches!(poll(&mut fds, Some(&now)), Ok(1..)) {
                return;
            }
            let taken = index
                .into_iter()
                .zip(&fds)
                .filter(|(_, f)| !f.revents().is_empty());
            taken.map(|(n, f)| (n, drain(f.as_fd()))).collect()
        };
        if let Err(e) = session.check() {
            return self.drop_client(&e);
        }
        let rings = session.rings_mut();
        for (n, is_alive) in kicked {
            rings.kick(n);
            if !is_alive {
                warn!(
                    member = self.vdev.id(),
                    "the kick descriptor of ring {n} is closed"
                );
                if let Ok(ring) = rings.get(n.into()) {
                    ring.kick = None;
                }
            }
        }
    }
}

impl Front<SharedHost> for VhostUser {
    fn serve(&mut self, host: &mut SharedHost) {
        self.has_more = false;
        for (n, port) in self.ports.iter_mut().enumerate() {
            let events = std::iter::from_fn(|| port.listener.poll()).take(MESSAGES);
            let events: Vec<Event> = events.collect();
            self.has_more |= events.len() == MESSAGES;
            for event in events {
                port.event(host, n, &self.tracks, event);
            }
            port.kicks();
        }
        let total = host.borrow_mut().irqs().total();
        if total != self.seen {
            self.seen = total;
            for session in self.ports.iter().filter_map(|p| p.session.as_ref()) {
                session.rings().deliver_calls();
            }
            self.faults();
        }
    }

    /// Whatever else a client waits for shows at the ports of the device.
    fn is_waiting(&self) -> bool {
        self.has_more
    }

    fn wakers<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        for port in &self.ports {
            fds.push(port.listener.waker());
            let kicks = port.session.iter().flat_map(|s| s.rings().kicks());
            fds.extend(kicks.map(|(_, fd)| PollFd::new(fd, PollFlags::IN)));
        }
    }

    fn woken(&mut self) {
        self.ports.iter().for_each(|p| p.listener.woken());
    }

    /// Ends every session and deletes the devices.
    fn close(&mut self, _host: &mut SharedHost) {
        for (n, mut port) in self.ports.drain(..).enumerate() {
            if let Some(session) = port.session.take() {
                session.close();
            }
            if let Err(e) = self.mgmtdev.dev_del(port.vdev) {
                warn!("device {n}: {e}");
            }
        }
    }
}
