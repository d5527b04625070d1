//! The uplink: the host port of the switch as a UNIX stream socket, so that a network outside is behind the device.
//!
//! Each Ethernet frame has its length before it, 4 bytes, big endian: the framing of QEMU's `-netdev stream` and of passt,
//! either of which is a client. There is no `struct virtio_net_hdr`. The port is up while a client is connected; what the
//! client does not read in time is dropped, as a switch does it; what it sends faster than the device takes it stays in the
//! socket.

#[cfg(all(test, feature = "model"))]
mod tests;

use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{send, SendFlags};
use tracing::{info, warn};

use super::listener;
use super::pump::{Front, Hosted};
use super::socket::{fill, Receive, SocketError};
use crate::env::{Switch, MAX_HOST_FRAME};

/// Frames of a client that are taken at a time, so that it does not hold up the device.
const FRAMES: usize = 32;
/// Frames of a client that may wait for the device; well below what the switch holds for a member, which has to have room for
/// those of others.
const BACKLOG: usize = 64;
/// Bytes of the length before a frame.
const LENGTH_BYTES: usize = 4;

/// A frame as it comes from the socket.
#[derive(Debug)]
pub struct Frame(pub Vec<u8>);

/// The listening socket.
pub type Listener = listener::Listener<Frame>;
type Event = listener::Event<Frame>;

impl Receive for Frame {
    fn receive(socket: &UnixStream) -> Result<Self, SocketError> {
        // Files that come with a frame are closed.
        let mut fds = Vec::new();
        let mut length = [0; LENGTH_BYTES];
        fill(socket, &mut length, &mut fds, SocketError::Closed)?;
        let length = u32::from_be_bytes(length);
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        if !(1..=MAX_HOST_FRAME).contains(&size) {
            return Err(SocketError::Size(length));
        }
        let mut frame = vec![0; size];
        fill(socket, &mut frame, &mut fds, SocketError::Cut)?;
        Ok(Self(frame))
    }
}

/// `frame` as it goes over the socket; one of more than [`MAX_HOST_FRAME`] bytes is refused at the other end.
#[must_use]
pub fn framed(frame: &[u8]) -> Vec<u8> {
    let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), frame].concat()
}

/// What an uplink counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UplinkCounts {
    /// Clients that connected.
    pub clients: u64,
    /// Frames from them.
    pub frames_in: u64,
    /// Frames sent to them.
    pub frames_out: u64,
}

/// The uplink: one client at a time.
pub struct Uplink {
    listener: Listener,
    client: Option<Client>,
    /// Number of the last client; what earlier ones still said is nobody's.
    number: u64,
    /// Frames may wait.
    has_more: bool,
    counts: UplinkCounts,
}

/// Who is at the other end.
struct Client {
    socket: UnixStream,
    /// The frame that leaves, with its length, and how much of it has left.
    leaving: Vec<u8>,
    sent: usize,
    /// Frames dropped before it came, and whether it has been told of that there are more.
    drops: u64,
    is_slow: bool,
}

impl Drop for Client {
    fn drop(&mut self) {
        // Its reader hears of it.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Uplink {
    /// An uplink for the clients of `listener`.
    #[must_use]
    pub fn new(listener: Listener) -> Self {
        Self {
            listener,
            client: None,
            number: 0,
            has_more: false,
            counts: UplinkCounts::default(),
        }
    }

    /// Counters.
    #[must_use]
    pub fn counts(&self) -> UplinkCounts {
        self.counts
    }

    fn event(&mut self, switch: &mut Switch, event: Event) {
        match event {
            Event::Connected(number, socket) => {
                info!("uplink: a client is connected");
                self.number = number;
                self.counts.clients += 1;
                switch.open_host_port();
                self.client = Some(Client {
                    socket,
                    leaving: Vec::new(),
                    sent: 0,
                    drops: switch.counts().host_drops,
                    is_slow: false,
                });
            }
            Event::Message(number, Frame(frame)) if number == self.number => {
                if self.client.is_some() {
                    self.counts.frames_in += 1;
                    switch.host_send(&frame);
                }
            }
            Event::Gone(number, why) if number == self.number => self.drop_client(switch, &why),
            Event::Message(..) | Event::Gone(..) => {}
        }
    }

    fn drop_client(&mut self, switch: &mut Switch, why: &dyn std::fmt::Display) {
        if let Some(client) = self.client.take() {
            let dropped = switch.counts().host_drops - client.drops;
            warn!("uplink: the client is gone: {why}; {dropped} frames for it were dropped");
            switch.close_host_port();
            self.listener.release();
        }
    }

    /// Sends what waits at the host port, as much as the client takes now.
    fn send(&mut self, switch: &mut Switch) -> Result<(), Errno> {
        let Some(client) = &mut self.client else {
            return Ok(());
        };
        if !client.is_slow && switch.counts().host_drops != client.drops {
            client.is_slow = true;
            warn!("uplink: the client does not read fast enough, or frames are too long: some are dropped");
        }
        loop {
            if !client.is_sending() {
                let Some(frame) = switch.host_receive() else {
                    return Ok(());
                };
                (client.leaving, client.sent) = (framed(&frame), 0);
            }
            // The socket is shared with the reader, which blocks.
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match send(&client.socket, &client.leaving[client.sent..], flags) {
                Ok(n) => client.sent += n,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(e) => return Err(e),
            }
            self.counts.frames_out += u64::from(!client.is_sending());
        }
    }
}

impl Client {
    fn is_sending(&self) -> bool {
        self.sent < self.leaving.len()
    }
}

impl<H: Hosted> Front<H> for Uplink {
    fn serve(&mut self, host: &mut H) {
        host.with(|host| {
            let switch = host.switch();
            self.has_more = true;
            for _ in 0..FRAMES {
                // The clock runs while packets wait.
                let event = (switch.queued_from_host() < BACKLOG).then(|| self.listener.poll());
                let Some(event) = event.flatten() else {
                    self.has_more = false;
                    break;
                };
                self.event(switch, event);
            }
            if let Err(e) = self.send(switch) {
                self.drop_client(switch, &e);
            }
        });
    }

    /// Nobody at the other end waits for the device: what it does shows at its ports.
    fn is_waiting(&self) -> bool {
        self.has_more
    }

    fn wakers<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        fds.push(self.listener.waker());
        let slow = self.client.iter().filter(|c| c.is_sending());
        fds.extend(slow.map(|c| PollFd::new(&c.socket, PollFlags::OUT)));
    }

    fn woken(&mut self) {
        self.listener.woken();
    }
}
