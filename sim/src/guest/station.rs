//! A station behind the uplink: a TCP/IP stack of the host's, for guests to talk to. It answers ping, sends back what comes to
//! the echo service (RFC 862) and drops what comes to the discard service (RFC 863).

#[cfg(test)]
mod tests;

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::{Duration as StackDuration, Instant};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address};

use crate::serve::socket::{send_all, Receive};
use crate::serve::uplink::{framed, Frame};

/// Its address, in the network of the guest's tests.
pub(super) const ADDRESS: Ipv4Address = Ipv4Address::new(192, 0, 2, 254);
const PREFIX: u8 = 24;
const MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 0xfe]);
/// Bytes of a full frame.
const FRAME: usize = 1514;
/// Connections of each service at a time.
const CONNECTIONS: usize = 4;
/// Bytes of each socket buffer. A client that sends this much before it reads is not stuck.
const BUFFER: usize = 256 << 10;
/// A connection whose peer has gone silent ends after this.
const SILENCE: StackDuration = StackDuration::from_secs(60);
/// Longest that a frame waits for the server to read.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest sleep; what comes from the uplink ends it early.
const NAP: StackDuration = StackDuration::from_secs(1);

/// A running station; it ends when dropped.
#[derive(Debug)]
pub(super) struct Station {
    socket: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Station {
    /// A station on the uplink at `path`.
    pub(super) fn connect(path: &Path) -> io::Result<Self> {
        Self::start(UnixStream::connect(path)?)
    }

    fn start(socket: UnixStream) -> io::Result<Self> {
        socket.set_write_timeout(Some(SEND_TIMEOUT))?;
        let link = Link::new(socket.try_clone()?);
        let thread = std::thread::Builder::new().name("station".into());
        Ok(Self {
            socket,
            thread: Some(thread.spawn(move || run(link))?),
        })
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        // The thread sees the end of the connection, if the server did not end it already.
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Echo,
    Discard,
}

impl Service {
    fn port(self) -> u16 {
        match self {
            Self::Echo => 7,
            Self::Discard => 9,
        }
    }

    /// Moves what can be moved, and ends the connection with the peer; true if the stack has something to send for it.
    fn work(self, socket: &mut Socket<'_>) -> bool {
        if !socket.is_open() {
            // Cannot fail on a closed socket with a port that is not 0.
            let _ = socket.listen(self.port());
            return false;
        }
        let mut has_worked = false;
        while socket.can_recv() {
            let room = match self {
                Self::Echo => socket.send_capacity() - socket.send_queue(),
                Self::Discard => BUFFER,
            };
            let take = |bytes: &mut [u8]| {
                let n = bytes.len().min(room);
                (n, bytes[..n].to_vec())
            };
            let Ok(bytes) = socket.recv(take) else { break };
            if bytes.is_empty() {
                break;
            }
            if self == Self::Echo {
                // There is room; a connection that was reset meanwhile needs nothing.
                let _ = socket.send_slice(&bytes);
            }
            has_worked = true;
        }
        if socket.state() == State::CloseWait && !socket.can_recv() {
            socket.close();
            has_worked = true;
        }
        has_worked
    }
}

fn run(mut link: Link) {
    let mut config = Config::new(MAC.into());
    config.random_seed = 1;
    let mut iface = Interface::new(config, &mut link, Instant::now());
    iface.update_ip_addrs(|a| {
        // The list of a fresh interface is empty.
        let _ = a.push(IpCidr::new(IpAddress::Ipv4(ADDRESS), PREFIX));
    });
    let mut sockets = SocketSet::new(Vec::new());
    let services = [Service::Echo, Service::Discard];
    let connections: Vec<(Service, SocketHandle)> = services
        .into_iter()
        .flat_map(|s| [s; CONNECTIONS])
        .map(|s| {
            let buffer = || SocketBuffer::new(vec![0; BUFFER]);
            let mut socket = Socket::new(buffer(), buffer());
            socket.set_timeout(Some(SILENCE));
            (s, sockets.add(socket))
        })
        .collect();
    while !link.is_closed {
        iface.poll(Instant::now(), &mut link, &mut sockets);
        let mut has_worked = false;
        for &(service, handle) in &connections {
            has_worked |= service.work(sockets.get_mut(handle));
        }
        if !has_worked {
            let delay = iface.poll_delay(Instant::now(), &sockets);
            link.is_ready(delay.unwrap_or(NAP).min(NAP));
        }
    }
}

/// The uplink as the stack sees it.
#[derive(Debug)]
struct Link {
    socket: UnixStream,
    is_closed: bool,
}

impl Link {
    fn new(socket: UnixStream) -> Self {
        Self {
            socket,
            is_closed: false,
        }
    }

    /// Waits until a frame or the end of the connection is there, for at most so long.
    fn is_ready(&self, at_most: StackDuration) -> bool {
        let time = Timespec {
            tv_sec: at_most.secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: (at_most.micros() * 1000).try_into().unwrap_or(0),
        };
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        poll(&mut fds, Some(&time)) == Ok(1)
    }
}

impl Device for Link {
    type RxToken<'a> = RxToken;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken, TxToken<'_>)> {
        if self.is_closed || !self.is_ready(StackDuration::ZERO) {
            return None;
        }
        let Ok(Frame(frame)) = Frame::receive(&self.socket) else {
            self.is_closed = true;
            return None;
        };
        Some((RxToken(frame), TxToken(&self.socket)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken(&self.socket))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut c = DeviceCapabilities::default();
        c.medium = Medium::Ethernet;
        c.max_transmission_unit = FRAME;
        c
    }
}

struct RxToken(Vec<u8>);

impl phy::RxToken for RxToken {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct TxToken<'a>(&'a UnixStream);

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        if send_all(self.0, &framed(&frame)).is_err() {
            // Half a frame may have gone: nothing that comes after it makes sense.
            let _ = self.0.shutdown(Shutdown::Both);
        }
        result
    }
}
