//! The listening socket: takes one client at a time, reads its messages in a thread of its own.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{bounded, Receiver, SendError, Sender};
use rustix::event::{eventfd, EventfdFlags, PollFd, PollFlags};
use tracing::warn;

use super::socket::{drain, signal, Receive, SocketError};

/// Messages read ahead of the device.
const AHEAD: usize = 256;
/// Time after which a client that does not read is sent away.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// What clients do.
#[derive(Debug)]
pub enum Event<M> {
    /// A client came, with the number that its events carry; what is sent to it goes here.
    Connected(u64, UnixStream),
    /// It said something.
    Message(u64, M),
    /// It can say nothing more.
    Gone(u64, SocketError),
}

/// The listening socket.
#[derive(Debug)]
pub struct Listener<M> {
    path: PathBuf,
    events: Receiver<Event<M>>,
    wake: Arc<OwnedFd>,
    is_busy: Arc<AtomicBool>,
}

impl<M: Receive> Listener<M> {
    /// Listens at `path`. A socket left behind by a server that is gone is replaced.
    ///
    /// # Errors
    /// When there is something else, or a living server, or no socket can be made there.
    pub fn new(path: &Path) -> io::Result<Self> {
        let socket = match UnixListener::bind(path) {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            other => other?,
        };
        let (tell, events) = bounded(AHEAD);
        let is_busy = Arc::new(AtomicBool::new(false));
        let busy = Arc::clone(&is_busy);
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let wake = Arc::new(eventfd(0, flags)?);
        let tell = Tell {
            events: tell,
            wake: Arc::clone(&wake),
        };
        std::thread::Builder::new()
            .name("listener".into())
            .spawn(move || accept(&socket, &tell, &busy))?;
        Ok(Self {
            path: path.to_owned(),
            events,
            wake,
            is_busy,
        })
    }

    /// What comes next, if it is there.
    #[must_use]
    pub fn poll(&self) -> Option<Event<M>> {
        self.events.try_recv().ok()
    }

    /// Readable when something came since the last [`Listener::woken`].
    #[must_use]
    pub fn waker(&self) -> PollFd<'_> {
        PollFd::new(&*self.wake, PollFlags::IN)
    }

    /// Makes the waker wait for what comes from now on. What came before is still to be polled.
    pub fn woken(&self) {
        drain(self.wake.as_fd());
    }

    /// The client's session is over: the next may come.
    pub fn release(&self) {
        self.is_busy.store(false, Ordering::Release);
    }
}

impl<M> Drop for Listener<M> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The way from the threads of the listener to its user.
struct Tell<M> {
    events: Sender<Event<M>>,
    wake: Arc<OwnedFd>,
}

impl<M> Clone for Tell<M> {
    fn clone(&self) -> Self {
        Self {
            events: self.events.clone(),
            wake: Arc::clone(&self.wake),
        }
    }
}

impl<M> Tell<M> {
    fn send(&self, event: Event<M>) -> Result<(), SendError<Event<M>>> {
        self.events.send(event)?;
        signal(&self.wake);
        Ok(())
    }
}

/// True for a socket that nobody listens at.
fn is_abandoned(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|m| m.file_type().is_socket())
        && matches!(UnixStream::connect(path), Err(e) if e.kind() == io::ErrorKind::ConnectionRefused)
}

/// Takes the place of the client; waits a little for one that is just leaving.
fn take_place(is_busy: &AtomicBool) -> bool {
    (0..25).any(|n| {
        if n > 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        !is_busy.swap(true, Ordering::AcqRel)
    })
}

fn accept<M: Receive>(socket: &UnixListener, tell: &Tell<M>, is_busy: &AtomicBool) {
    for (number, client) in (1..).zip(socket.incoming()) {
        let Ok(client) = client else { continue };
        if !take_place(is_busy) {
            warn!("a second client is refused: one is connected");
            continue;
        }
        let ours = client
            .set_write_timeout(Some(SEND_TIMEOUT))
            .and_then(|()| client.try_clone());
        let Ok(ours) = ours else {
            is_busy.store(false, Ordering::Release);
            continue;
        };
        if tell.send(Event::Connected(number, ours)).is_err() {
            return;
        }
        let tell = tell.clone();
        // A reader that cannot be started leaves the client unheard until it goes.
        let _ = std::thread::Builder::new()
            .name("reader".into())
            .spawn(move || loop {
                let event = match M::receive(&client) {
                    Ok(message) => Event::Message(number, message),
                    Err(e) => Event::Gone(number, e),
                };
                let is_over = matches!(event, Event::Gone(..));
                if tell.send(event).is_err() || is_over {
                    return;
                }
            });
    }
}
