//! The device as a PCI function over the vfio-user protocol: what QEMU's `vfio-user-pci` connects to.

mod config;
mod dma;
mod irqs;
mod session;
mod socket;
mod wire;

#[cfg(all(test, feature = "model", feature = "driver"))]
mod tests;

use rustix::event::PollFd;
use shoal_abi::ring::TYPE_NET;
use tracing::{info, warn};

use self::dma::ClientMemory;
use self::session::Session;
use self::socket::Message;
use super::listener;
use super::pump::Front;
use crate::host::Host;

/// The listening socket.
pub type Listener = listener::Listener<Message>;
type Event = listener::Event<Message>;

/// The server: one client at a time.
pub struct VfioUser {
    listener: Listener,
    vectors: u16,
    memory: ClientMemory,
    session: Option<Session>,
    /// Number of the last client; what earlier ones still said is nobody's.
    number: u64,
}

impl VfioUser {
    /// A server for the clients of `listener`; the function has `vectors` MSI-X vectors.
    #[must_use]
    pub fn new(host: &mut Host, listener: Listener, vectors: u16) -> Self {
        let memory = ClientMemory::default();
        host.env().remote = Some(Box::new(memory.clone()));
        Self {
            listener,
            vectors,
            memory,
            session: None,
            number: 0,
        }
    }

    fn event(&mut self, host: &mut Host, event: Event) {
        match event {
            Event::Connected(number, socket) => {
                self.number = number;
                info!("a client is connected");
                let memory = self.memory.clone();
                self.session = Some(Session::new(host, socket, memory, self.vectors));
            }
            Event::Message(number, message) if number == self.number => {
                if let Some(session) = &mut self.session {
                    if let Err(e) = session.take(host, message) {
                        self.drop_client(host, &e);
                    }
                }
            }
            Event::Gone(number, why) if number == self.number => self.drop_client(host, &why),
            Event::Message(..) | Event::Gone(..) => {}
        }
    }

    fn drop_client(&mut self, host: &mut Host, why: &dyn std::fmt::Display) {
        if let Some(session) = self.session.take() {
            warn!("the client is gone: {why}");
            session.close(host);
            self.listener.release();
        }
    }
}

impl Front for VfioUser {
    fn serve(&mut self, host: &mut Host) {
        while !self.session.as_ref().is_some_and(|s| s.is_full(host)) {
            let Some(event) = self.listener.poll() else {
                break;
            };
            self.event(host, event);
        }
        if let Some(session) = &mut self.session {
            if let Err(e) = session.serve(host) {
                self.drop_client(host, &e);
            }
        }
    }

    fn driver(&mut self, host: &mut Host, id: u32, ready: Option<u8>) {
        match ready {
            // Floods reach it before it has sent anything, and nothing is sent where nobody listens.
            Some(kind) if u16::from(kind) == TYPE_NET => host.switch().register(id),
            Some(_) => {}
            None => host.switch().unregister(id),
        }
    }

    fn is_waiting(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_waiting)
    }

    fn wakers<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        fds.push(self.listener.waker());
    }

    fn woken(&mut self) {
        self.listener.woken();
    }
}
