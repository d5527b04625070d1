//! A fleet of managed devices with their clients: creation, traffic, checks, destruction.
//!
//! Devices are numbered by the scenario; the number gives address, address space, features and memory layout, so that a
//! fleet has some of everything. Member ids are the driver's.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use shoal_abi::regs;
use shoal_abi::ring::{F_EVENT_IDX, F_INDIRECT_DESC};
use shoal_driver::{Bar, Mgmtdev, Options, SpaceKind, Time, Vdev, VdevConfig};

use super::leftover;
use super::traffic::{Client, Traffic};
use super::{Outcome, ScenarioError};
use crate::client::{BlkClient, Clock, Hooked, Layout, NetPort, Role, TcpPeer, Window};
use crate::env::{Store, SECTOR_BYTES};
use crate::host::SharedHost;

/// The platform of a fleet's drivers.
pub(super) type Site = Hooked<SharedHost>;

/// Cycles between two polls of the clients.
const POLL_CYCLES: u64 = 64;
/// Cycles without any step ahead after which the traffic counts as stuck: twice the time between two ARP requests and three
/// times the first retransmission timer of a TCP stack.
const STALL_CYCLES: u64 = 10_000_000;
/// Cycles between two looks at the fault queue.
const FAULT_CYCLES: u64 = 200_000;
/// Bytes of a block device.
const BLK_BYTES: u64 = 4 << 20;

/// Type of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Net,
    Blk,
}

struct Node {
    kind: Kind,
    vdev: Vdev<Site>,
    window: Rc<Window<Site>>,
}

/// A fleet.
pub(super) struct Fleet {
    host: SharedHost,
    mgmtdev: Mgmtdev<Site>,
    traffic: Rc<RefCell<Traffic>>,
    nodes: BTreeMap<u32, Node>,
    clock: Clock,
    faults_at: u64,
    pages_at_start: u64,
    /// Bytes that were checked: by TCP, by block devices.
    pub(super) checked: (u64, u64),
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // After a failure there are devices left, and they may not answer.
        self.nodes.values().for_each(|n| n.window.abandon());
        // The hook keeps the clients, and the clients the host.
        self.mgmtdev.platform().set_hook(None);
    }
}

impl Fleet {
    /// Probes the mgmtdev of `host`.
    pub(super) fn new(host: &SharedHost) -> Result<Self, ScenarioError> {
        let site = Hooked::new(host.clone(), POLL_CYCLES);
        let mgmtdev = Mgmtdev::probe(site.clone(), Options::default())?;
        let traffic = Rc::new(RefCell::new(Traffic::default()));
        let polled = traffic.clone();
        site.set_hook(Some(Box::new(move |cycle| polled.borrow_mut().poll(cycle))));
        let pages_at_start = host.borrow().mem().pages_in_use();
        Ok(Self {
            host: host.clone(),
            mgmtdev,
            traffic,
            nodes: BTreeMap::new(),
            clock: Clock::default(),
            faults_at: 0,
            pages_at_start,
            checked: (0, 0),
        })
    }

    /// Half of the devices by the device MMU, half by PASID, in every device type.
    fn space(number: u32) -> SpaceKind {
        match (number + number / 4) % 4 {
            0 => SpaceKind::Sv39,
            2 => SpaceKind::Sv48,
            _ => SpaceKind::Pasid,
        }
    }

    fn config(&self, number: u32, kind: Kind) -> VdevConfig {
        let [_, _, high, low] = number.to_be_bytes();
        let space = Self::space(number);
        let mut config = match kind {
            Kind::Net => VdevConfig::net([2, 0x53, 0x48, 0, high, low], space),
            Kind::Blk => VdevConfig::blk(BLK_BYTES / SECTOR_BYTES, space),
        };
        let without = match number % 3 {
            1 => 1 << F_EVENT_IDX,
            2 => 1 << F_INDIRECT_DESC,
            _ => 0,
        };
        config.device_features = Some(config.features(self.mgmtdev.caps()) & !without);
        config
    }

    /// Creates device `number` and maps its memory. Its client follows.
    pub(super) fn create(
        &mut self,
        number: u32,
        kind: Kind,
        outcome: &mut Outcome,
    ) -> Result<(), ScenarioError> {
        let config = self.config(number, kind);
        let vdev = self.mgmtdev.dev_add(config)?;
        outcome.vdevs_created += 1;
        match kind {
            Kind::Net => self.host.borrow_mut().switch().register(vdev.id()),
            Kind::Blk => self
                .host
                .borrow_mut()
                .blk()
                .attach(vdev.id(), Store::memory(BLK_BYTES)),
        }
        let layout = if number.is_multiple_of(5) {
            Layout::Large
        } else {
            Layout::Scattered
        };
        // 1 GiB apart, and not at the same place in every space.
        let iova = (u64::from(number % 200) + 1) << 30 | u64::from(number % 7) << 21;
        let window = Rc::new(Window::new(&vdev, 0, iova, layout)?);
        self.nodes.insert(number, Node { kind, vdev, window });
        self.checks(outcome)
    }

    fn window(&self, number: u32) -> Result<Rc<Window<Site>>, ScenarioError> {
        let node = self.nodes.get(&number);
        node.map(|n| n.window.clone())
            .ok_or_else(|| ScenarioError::check(format!("device {number} is not there")))
    }

    /// Starts the net driver of device `number`.
    fn port(&self, number: u32) -> Result<NetPort<Site>, ScenarioError> {
        let running = self.traffic.borrow_mut().remove(number);
        match running {
            Some(Client::Tcp(peer)) => Ok(peer.into_port()),
            Some(Client::Blk(_)) => Err(ScenarioError::check(format!(
                "device {number} is a block device"
            ))),
            None => Ok(NetPort::new(self.window(number)?)?),
        }
    }

    /// Lets `from` send `bytes` bytes to `to`.
    pub(super) fn transfer(
        &mut self,
        from: u32,
        to: u32,
        bytes: u64,
        seed: u64,
    ) -> Result<(), ScenarioError> {
        // The receiver listens before the sender knocks.
        for (number, role) in [
            (to, Role::Receive),
            (
                from,
                Role::Send {
                    bytes,
                    seed,
                    to: address(to),
                },
            ),
        ] {
            let port = self.port(number)?;
            let peer = TcpPeer::new(port, address(number), role, self.clock, self.host.cycle());
            self.traffic
                .borrow_mut()
                .insert(number, Client::Tcp(Box::new(peer)));
        }
        Ok(())
    }

    /// Lets block device `number` write `bytes` bytes and read them back.
    pub(super) fn write_and_read(
        &mut self,
        number: u32,
        bytes: u64,
        seed: u64,
    ) -> Result<(), ScenarioError> {
        let running = self.traffic.borrow_mut().remove(number);
        let client = match running {
            Some(Client::Blk(mut c)) => {
                c.restart(bytes, seed);
                c
            }
            Some(Client::Tcp(_)) => {
                return Err(ScenarioError::check(format!(
                    "device {number} is a network device"
                )))
            }
            None => Box::new(BlkClient::new(self.window(number)?, bytes, seed)?),
        };
        self.traffic
            .borrow_mut()
            .insert(number, Client::Blk(client));
        Ok(())
    }

    /// Waits until all traffic is done.
    pub(super) fn finish_traffic(&mut self, outcome: &mut Outcome) -> Result<(), ScenarioError> {
        self.traffic.borrow_mut().moved_at = self.host.cycle();
        while !self.traffic.borrow().all_done() {
            self.mgmtdev.platform().wait()?;
            self.checks(outcome)?;
            let still = self
                .host
                .cycle()
                .saturating_sub(self.traffic.borrow().moved_at);
            if still > STALL_CYCLES {
                self.look_for_faults(outcome)?;
                let stuck = self.traffic.borrow().unfinished();
                let first: Vec<&String> = stuck.iter().take(4).collect();
                return Err(ScenarioError::check(format!(
                    "no traffic moved for {still} cycles; {} clients are not done: {first:#?}",
                    stuck.len()
                )));
            }
        }
        Ok(())
    }

    fn checks(&mut self, outcome: &mut Outcome) -> Result<(), ScenarioError> {
        let error = self.traffic.borrow_mut().take_error();
        if let Some(e) = error {
            self.look_for_faults(outcome)?;
            return Err(e.into());
        }
        if self.host.cycle() - self.faults_at > FAULT_CYCLES {
            self.look_for_faults(outcome)?;
        }
        Ok(())
    }

    /// No device of a fleet does anything that may fault.
    fn look_for_faults(&mut self, outcome: &mut Outcome) -> Result<(), ScenarioError> {
        self.faults_at = self.host.cycle();
        leftover::no_fault(&self.mgmtdev, outcome)
    }

    /// Compares what arrived at `to` with what `from` sent.
    pub(super) fn check_transfer(&mut self, from: u32, to: u32) -> Result<(), ScenarioError> {
        let traffic = self.traffic.borrow();
        let (Some(Client::Tcp(a)), Some(Client::Tcp(b))) = (traffic.get(from), traffic.get(to))
        else {
            return Err(ScenarioError::check(format!(
                "devices {from} and {to} have no transfer"
            )));
        };
        if (a.moved(), a.digest()) != (b.moved(), b.digest()) {
            return Err(ScenarioError::check(format!(
                "device {from} sent {} bytes, SHA-256 {}; device {to} received {}, {}",
                a.moved(),
                hex(&a.digest()),
                b.moved(),
                hex(&b.digest())
            )));
        }
        self.checked.0 += a.moved();
        Ok(())
    }

    /// Compares what block device `number` read with what it wrote.
    pub(super) fn check_blk(&mut self, number: u32, bytes: u64) -> Result<(), ScenarioError> {
        let traffic = self.traffic.borrow();
        let Some(Client::Blk(c)) = traffic.get(number) else {
            return Err(ScenarioError::check(format!(
                "device {number} has no block client"
            )));
        };
        let (wrote, read) = c.digests();
        if wrote != read {
            return Err(ScenarioError::check(format!(
                "device {number} wrote SHA-256 {} and read {}",
                hex(&wrote),
                hex(&read)
            )));
        }
        self.checked.1 += bytes;
        Ok(())
    }

    /// Stops the client of device `number` and destroys the device.
    pub(super) fn destroy(
        &mut self,
        number: u32,
        outcome: &mut Outcome,
    ) -> Result<(), ScenarioError> {
        let client = self.traffic.borrow_mut().remove(number);
        if let Some(c) = client {
            c.close()?;
        }
        let Some(Node { kind, vdev, window }) = self.nodes.remove(&number) else {
            return Ok(());
        };
        let id = vdev.id();
        let window = Rc::try_unwrap(window).map_err(|_| {
            ScenarioError::check(format!("the memory of device {number} is still in use"))
        })?;
        window.release()?;
        self.mgmtdev.dev_del(vdev)?;
        outcome.vdevs_destroyed += 1;
        match kind {
            Kind::Net => self.host.borrow_mut().switch().unregister(id),
            Kind::Blk => drop(self.host.borrow_mut().blk().detach(id)),
        }
        self.checks(outcome)
    }

    /// Numbers of the devices there are.
    pub(super) fn numbers(&self) -> Vec<u32> {
        self.nodes.keys().copied().collect()
    }

    /// Destroys what is left, and checks that nothing is there then: no id, no page, no fault, no refused access.
    pub(super) fn end(mut self, outcome: &mut Outcome) -> Result<(), ScenarioError> {
        for number in self.numbers() {
            self.destroy(number, outcome)?;
        }
        self.look_for_faults(outcome)?;
        let platform = self.mgmtdev.platform();
        outcome.note(
            "receive packets dropped",
            platform.read32(regs::CNT_RX_DROPS.offset),
        );
        let (hits, misses) = (
            platform.read32(regs::CNT_TLB_HITS.offset),
            platform.read32(regs::CNT_TLB_MISSES.offset),
        );
        outcome.note(
            "translations",
            format!("{hits} from the IOTLB, {misses} walks"),
        );
        leftover::nothing(&self.host, &self.mgmtdev, self.pages_at_start)
    }
}

/// Address number of a device: 0 is no host.
fn address(number: u32) -> u16 {
    (number % 0xfffe) as u16 + 1
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
