//! One client: what it asks, and what the device asks of it.
//!
//! Register accesses go to the device in the order they came and are answered when it answers. While the client waits for such a
//! read it may serve nothing itself (QEMU does not), so that transfers by message and interrupt messages wait until it has its answer.
//!
//! `regions` has the accesses of the client, `transfers` those of the device.

mod regions;
mod transfers;

use std::collections::{HashMap, VecDeque};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use serde_json::{json, Value};
use shoal_abi::pci::BAR_MSIX_BYTES;
use tracing::{debug, warn};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::config::Config;
use super::dma::{errno, ClientMemory};
use super::irqs::{self, Vectors};
use super::socket::{refusal_of, reply_to, send, Message};
use super::wire::{self, command, Header};
use crate::env::{Irq, RegOp, Ticket, Transfer};
use crate::host::Host;
use crate::serve::socket::MAX_FDS;

/// Cycles for which a reset of the function lasts.
const RESET_CYCLES: u32 = 4;
/// Register accesses that may wait for the device; the client is not read while there are more.
const MAX_WAITING: usize = 4096;

/// Why a client is sent away.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It does not keep to the protocol.
    #[error("{0}")]
    Protocol(String),
    /// Nothing can be sent to it.
    #[error("it does not read what is sent to it: {0}")]
    Send(#[from] std::io::Error),
}

/// An access to a BAR under way.
#[derive(Debug)]
struct Access {
    header: Header,
    wire: wire::RegionAccess,
    is_read: bool,
    tickets: VecDeque<Ticket>,
    /// What has been read.
    data: Vec<u8>,
    failed: bool,
}

/// A refusal: errno and reason.
type Refusal = (u32, String);

/// A client and the function as it sees it.
pub struct Session {
    socket: UnixStream,
    is_open: bool,
    vectors: u16,
    config: Config,
    /// BAR 4.
    table: Vec<u8>,
    irqs: Vectors,
    memory: ClientMemory,
    accesses: VecDeque<Access>,
    /// Messages of MSI slots for the client.
    messages: VecDeque<Irq>,
    /// Our commands without a reply: what they carry.
    asked: HashMap<u16, Option<Transfer>>,
    next_id: u16,
    /// Interrupt messages of the device seen so far.
    seen: u64,
}

impl Session {
    /// A client that has said nothing yet. `memory` must be behind the bus of `host`.
    #[must_use]
    pub fn new(host: &mut Host, socket: UnixStream, memory: ClientMemory, vectors: u16) -> Self {
        let mut session = Self {
            socket,
            is_open: false,
            vectors,
            config: Config::new(host.profile(), vectors),
            table: vec![0; BAR_MSIX_BYTES as usize],
            irqs: Vectors::new(vectors),
            memory,
            accesses: VecDeque::new(),
            messages: VecDeque::new(),
            asked: HashMap::new(),
            next_id: 0,
            seen: 0,
        };
        session.reset(host);
        session
    }

    /// A reset of the function: everything but the client's mappings and eventfds. Accesses under way are answered as failed.
    fn reset(&mut self, host: &mut Host) {
        for access in &mut self.accesses {
            access.tickets.clear();
            access.failed = true;
        }
        self.messages.clear();
        self.memory.forget();
        self.asked.values_mut().for_each(|t| *t = None);
        self.config = Config::new(host.profile(), self.vectors);
        host.env().axi.set_master(false);
        // A run that a check has stopped stays so; whoever steps next hears of it.
        let _ = host.reset(RESET_CYCLES);
        let env = host.env();
        self.seen = env.irqs.total();
        for (addr, data) in irqs::table() {
            env.axil.post(RegOp::Write {
                addr,
                data,
                strb: 0xf,
            });
        }
    }

    /// Ends the session: nothing of the client's is used any more.
    pub fn close(mut self, host: &mut Host) {
        // Its reader hears of it.
        let _ = self.socket.shutdown(Shutdown::Both);
        self.reset(host);
        self.memory.clear(host.mem());
    }

    /// True when no more can be taken from the client for now.
    #[must_use]
    pub fn is_full(&self, host: &mut Host) -> bool {
        self.accesses.len().max(host.env().axil.queued()) >= MAX_WAITING
    }

    /// True while the device has to run for the client's sake.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.accesses.is_empty()
    }

    /// Takes a message.
    ///
    /// # Errors
    /// When the client is to be sent away.
    pub fn take(&mut self, host: &mut Host, m: Message) -> Result<(), Broken> {
        if m.header.flags & wire::F_TYPE == wire::F_REPLY {
            return self.reply(&m);
        }
        if m.header.flags & wire::F_TYPE != 0 {
            return Err(Broken::Protocol(format!("flags {:#x}", m.header.flags)));
        }
        if !self.is_open && m.header.command != command::VERSION {
            return Err(Broken::Protocol(format!(
                "command {} before VERSION",
                m.header.command
            )));
        }
        let header = m.header;
        match self.command(host, m) {
            Ok(Some(parts)) => self.answer(&header, &parts),
            Ok(None) => Ok(()),
            Err((errno, why)) => {
                warn!(command = header.command, "refused: {why}");
                self.refuse(&header, errno)?;
                if self.is_open {
                    Ok(())
                } else {
                    Err(Broken::Protocol(why))
                }
            }
        }
    }

    fn answer(&self, to: &Header, body: &[u8]) -> Result<(), Broken> {
        if to.flags & wire::F_NO_REPLY == 0 {
            send(&self.socket, reply_to(to), &[body])?;
        }
        Ok(())
    }

    fn refuse(&self, to: &Header, errno: u32) -> Result<(), Broken> {
        if to.flags & wire::F_NO_REPLY == 0 {
            send(&self.socket, refusal_of(to, errno), &[])?;
        }
        Ok(())
    }

    /// Carries a command out: the body of the reply, or none if it comes later.
    fn command(&mut self, host: &mut Host, m: Message) -> Result<Option<Vec<u8>>, Refusal> {
        let Message { header, body, fds } = m;
        match header.command {
            command::VERSION => self.version(&body).map(Some),
            command::DMA_MAP => self.map(host, &body, fds).map(|()| Some(Vec::new())),
            command::DMA_UNMAP => self.unmap(host, &body).map(Some),
            command::DEVICE_GET_INFO => Ok(Some(bytes(&wire::Info {
                argsz: size_of::<wire::Info>() as u32,
                flags: wire::DEVICE_RESET_PCI,
                first: wire::REGIONS,
                second: wire::IRQS,
            }))),
            command::DEVICE_GET_REGION_INFO => regions::region_info(host, &body).map(Some),
            command::DEVICE_GET_IRQ_INFO => {
                let (mut info, _) = fixed::<wire::Info>(&body)?;
                if info.first >= wire::IRQS {
                    return Err((errno::EINVAL, format!("interrupt index {}", info.first)));
                }
                info.argsz = size_of::<wire::Info>() as u32;
                info.flags = wire::IRQ_EVENTFD;
                info.second = if info.first == wire::IRQ_MSIX {
                    self.irqs.count()
                } else {
                    0
                };
                Ok(Some(bytes(&info)))
            }
            command::DEVICE_SET_IRQS => {
                let (set, _) = fixed::<wire::SetIrqs>(&body)?;
                self.irqs.set(&set, fds).map_err(|e| (errno::EINVAL, e))?;
                Ok(Some(Vec::new()))
            }
            command::REGION_READ => {
                let (access, _) = fixed::<wire::RegionAccess>(&body)?;
                self.read(host, header, access)
            }
            command::REGION_WRITE => {
                let (access, data) = fixed::<wire::RegionAccess>(&body)?;
                self.write(host, header, access, data)
            }
            command::REGION_WRITE_MULTI => self.write_multi(host, header, &body),
            command::DEVICE_RESET => {
                debug!("reset of the function");
                self.reset(host);
                Ok(Some(Vec::new()))
            }
            other => Err((errno::ENOTSUP, format!("command {other}"))),
        }
    }

    fn version(&mut self, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        let (version, text) = fixed::<[u16; 2]>(body)?;
        // A client of a later minor version takes the one in the reply.
        if version[0] != wire::VERSION.0 {
            let why = format!("protocol {}.{}, 0.0 is spoken here", version[0], version[1]);
            return Err((errno::EINVAL, why));
        }
        let text = text.strip_suffix(&[0]).unwrap_or(text);
        if !text.is_empty() && serde_json::from_slice::<Value>(text).is_err() {
            return Err((errno::EINVAL, "capabilities are no JSON".into()));
        }
        self.is_open = true;
        let capabilities = json!({"capabilities": {
            "max_msg_fds": MAX_FDS, "max_data_xfer_size": wire::MAX_DATA, "write_multiple": true,
        }});
        let mut reply = bytes(&[wire::VERSION.0, wire::VERSION.1]);
        reply.extend_from_slice(capabilities.to_string().as_bytes());
        reply.push(0);
        Ok(reply)
    }

    fn map(&mut self, host: &mut Host, body: &[u8], fds: Vec<OwnedFd>) -> Result<(), Refusal> {
        let (map, _) = fixed::<wire::DmaMap>(body)?;
        if fds.len() > 1 {
            return Err((errno::EINVAL, "more than one file of a region".into()));
        }
        let file = fds.into_iter().next().map(|fd| (fd, map.offset));
        self.memory
            .map(host.mem(), (map.address, map.size), map.flags, file)
    }

    fn unmap(&mut self, host: &mut Host, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        let (unmap, _) = fixed::<wire::DmaUnmap>(body)?;
        match unmap.flags {
            0 => self.memory.unmap(host.mem(), unmap.address, unmap.size)?,
            wire::DMA_UNMAP_ALL => self.memory.clear(host.mem()),
            other => return Err((errno::ENOTSUP, format!("unmap flags {other:#x}"))),
        }
        Ok(bytes(&unmap))
    }

    /// Passes on what the device has done since the last time.
    ///
    /// # Errors
    /// When the client is to be sent away.
    pub fn serve(&mut self, host: &mut Host) -> Result<(), Broken> {
        self.finish_accesses(host)?;
        let total = host.irqs().total();
        if total != self.seen {
            let new: Vec<Irq> = host.irqs().since(self.seen).copied().collect();
            self.seen = total;
            self.messages
                .extend(new.into_iter().filter(|irq| !self.irqs.take(irq)));
        }
        if self.accesses.iter().any(|a| a.is_read) {
            return Ok(());
        }
        while let Some(request) = self.memory.request() {
            self.ask(request)?;
        }
        while let Some(irq) = self.messages.pop_front() {
            let (address, count) = (irq.addr, 4);
            let access = wire::DmaAccess { address, count };
            let data = irq.data.to_le_bytes();
            self.send_command(command::DMA_WRITE, None, &[access.as_bytes(), &data])?;
        }
        Ok(())
    }
}

fn bytes<T: IntoBytes + Immutable>(value: &T) -> Vec<u8> {
    value.as_bytes().to_vec()
}

/// The fixed part of a body; refused if it is too short.
fn fixed<T: FromBytes + Immutable + KnownLayout>(body: &[u8]) -> Result<(T, &[u8]), Refusal> {
    wire::split(body).ok_or_else(|| (errno::EINVAL, format!("a body of {} bytes", body.len())))
}
