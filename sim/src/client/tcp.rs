//! One end of a TCP transfer: a smoltcp stack over a network port, with a SHA-256 of the byte stream.

use sha2::{Digest, Sha256};
use shoal_driver::Platform;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address};

use super::net::NetPort;
use super::window::HostPointers;
use super::ClientError;

/// Port of the receiver.
const PORT: u16 = 7;
/// Port of the sender.
const LOCAL_PORT: u16 = 49_152;
/// Bytes of each socket buffer; the receiver's is its window. Below the receive buffers posted, so that nothing is dropped
/// for want of one.
const BUFFER: usize = 8 << 10;
/// Longest wait of an acknowledgement for a second segment: below the shortest retransmission timer.
const ACK_DELAY: Duration = Duration::from_millis(2);
const PREFIX: u8 = 16;

/// Time of the stacks. Simulated microseconds are too short for the timers of TCP, so time runs faster for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Cycles of a millisecond.
    pub cycles_per_ms: u64,
}

impl Default for Clock {
    fn default() -> Self {
        // A 250 MHz clock, 62.5 times faster: the shortest retransmission timer is 40,000 cycles, above most round trips
        // through a loaded device, the first one 2.8 million. Much shorter ones resend what is only queued.
        Self {
            cycles_per_ms: 4000,
        }
    }
}

impl Clock {
    fn instant(self, cycle: u64) -> Instant {
        let per = self.cycles_per_ms.max(1);
        Instant::from_micros(i64::try_from(cycle.saturating_mul(1000) / per).unwrap_or(i64::MAX))
    }

    fn cycles(self, micros: u64) -> u64 {
        micros.saturating_mul(self.cycles_per_ms) / 1000
    }
}

/// What an end does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Connects to the peer and sends bytes made from `seed`.
    Send {
        /// Bytes.
        bytes: u64,
        /// Where the bytes come from.
        seed: u64,
        /// Number of the peer, which gives its address.
        to: u16,
    },
    /// Listens and takes what comes.
    Receive,
}

/// Bytes that anyone can make again: xorshift64* (Vigna 2016).
#[derive(Debug)]
struct Source {
    state: u64,
}

impl Source {
    fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(2) | 1,
        }
    }

    fn fill(&mut self, buf: &mut [u8]) {
        for chunk in buf.chunks_mut(8) {
            self.state ^= self.state >> 12;
            self.state ^= self.state << 25;
            self.state ^= self.state >> 27;
            let word = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

/// One end of a transfer.
pub struct TcpPeer<P: Platform + HostPointers> {
    port: NetPort<P>,
    iface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    clock: Clock,
    role: Role,
    source: Source,
    /// Bytes made or taken but not yet accepted by the socket.
    ready: Vec<u8>,
    moved: u64,
    hash: Sha256,
    /// Cycle from which the stack wants to run without an interrupt.
    due: u64,
    done: bool,
}

impl<P: Platform + HostPointers> std::fmt::Debug for TcpPeer<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.state())
    }
}

fn address(number: u16) -> Ipv4Address {
    let [high, low] = number.to_be_bytes();
    Ipv4Address::new(10, 1, high, low)
}

impl<P: Platform + HostPointers> TcpPeer<P> {
    /// An end on `port` with the address of `number`, 1..=0xfffe.
    #[must_use]
    pub fn new(mut port: NetPort<P>, number: u16, role: Role, clock: Clock, cycle: u64) -> Self {
        let mut config = Config::new(EthernetAddress(port.mac()).into());
        config.random_seed = u64::from(number);
        let mut iface = Interface::new(config, &mut port, clock.instant(cycle));
        iface.update_ip_addrs(|a| {
            // The list of a fresh interface is empty.
            let _ = a.push(IpCidr::new(IpAddress::Ipv4(address(number)), PREFIX));
        });
        let buffer = || SocketBuffer::new(vec![0; BUFFER]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.set_ack_delay(Some(ACK_DELAY));
        let seed = match role {
            Role::Send { to, seed, .. } => {
                // Cannot fail on a fresh socket with ports that are not 0.
                let _ = socket.connect(iface.context(), (address(to), PORT), LOCAL_PORT);
                seed
            }
            Role::Receive => {
                let _ = socket.listen(PORT);
                0
            }
        };
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(socket);
        Self {
            port,
            iface,
            sockets,
            handle,
            clock,
            role,
            source: Source::new(seed),
            ready: Vec::new(),
            moved: 0,
            hash: Sha256::new(),
            due: 0,
            done: false,
        }
    }

    /// Runs the stack if an interrupt came or a timer is due.
    ///
    /// # Errors
    /// What went wrong in the port; a connection that was reset.
    pub fn poll(&mut self, cycle: u64) -> Result<(), ClientError> {
        let interrupted = self.port.poll();
        if !interrupted && cycle < self.due {
            return Ok(());
        }
        let now = self.clock.instant(cycle);
        self.iface.poll(now, &mut self.port, &mut self.sockets);
        if self.work()? {
            // What was put into the socket or taken from it makes frames.
            self.iface.poll(now, &mut self.port, &mut self.sockets);
        }
        let delay = self.iface.poll_delay(now, &self.sockets);
        self.due = delay.map_or(u64::MAX, |d| {
            cycle + self.clock.cycles(d.total_micros()).max(1)
        });
        self.port.check()
    }

    fn work(&mut self) -> Result<bool, ClientError> {
        let socket = self.sockets.get_mut::<Socket<'_>>(self.handle);
        let fail = |what: &str| {
            Err(ClientError::Check(format!(
                "TCP of member {}: {what}",
                self.port.member()
            )))
        };
        let before = (self.moved, self.done);
        match self.role {
            Role::Send { bytes, .. } => {
                while self.moved < bytes && socket.can_send() {
                    if self.ready.is_empty() {
                        let n = (bytes - self.moved).min(1 << 12) as usize;
                        self.ready.resize(n, 0);
                        self.source.fill(&mut self.ready);
                    }
                    let Ok(n) = socket.send_slice(&self.ready) else {
                        return fail("cannot send");
                    };
                    self.hash.update(&self.ready[..n]);
                    self.ready.drain(..n);
                    self.moved += n as u64;
                    if n == 0 {
                        break;
                    }
                }
                if self.moved == bytes && socket.may_send() {
                    socket.close();
                }
                // In TIME-WAIT both directions are closed and acknowledged.
                self.done = self.moved == bytes
                    && matches!(socket.state(), State::TimeWait | State::Closed);
                if socket.state() == State::Closed && self.moved < bytes {
                    return fail("the connection was refused or reset");
                }
            }
            Role::Receive => {
                while socket.can_recv() {
                    let hash = &mut self.hash;
                    let Ok(n) = socket.recv(|b| {
                        hash.update(&*b);
                        (b.len(), b.len())
                    }) else {
                        return fail("cannot receive");
                    };
                    self.moved += n as u64;
                }
                if socket.state() == State::CloseWait {
                    socket.close();
                }
                self.done =
                    self.moved > 0 && matches!(socket.state(), State::LastAck | State::Closed);
            }
        }
        Ok(before != (self.moved, self.done) || self.done)
    }

    /// True when the end has sent or received everything and the connection is closed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Bytes sent or received.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// SHA-256 of the bytes sent or received.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    /// The port below.
    #[must_use]
    pub fn port(&self) -> &NetPort<P> {
        &self.port
    }

    /// Where it stands, for an error message.
    #[must_use]
    pub fn state(&self) -> String {
        let socket = self.sockets.get::<Socket<'_>>(self.handle);
        let (frames_in, frames_out) = self.port.frames();
        format!(
            "member {} {:?} {}: {} bytes, {frames_in} frames in, {frames_out} out",
            self.port.member(),
            self.role,
            socket.state(),
            self.moved
        )
    }

    /// Ends the stack and leaves its port.
    #[must_use]
    pub fn into_port(self) -> NetPort<P> {
        self.port
    }

    /// Ends the stack and its port.
    ///
    /// # Errors
    /// As [`NetPort::close`].
    pub fn close(self) -> Result<(), ClientError> {
        self.port.close()
    }
}
