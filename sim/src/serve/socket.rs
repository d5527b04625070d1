//! What the protocols of this module share on a socket: bytes with file descriptors, and eventfds.

use std::io::{self, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::net::{recvmsg, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

/// Most file descriptors of a message.
pub const MAX_FDS: usize = 16;

/// A message that can be read off a socket.
pub trait Receive: Sized + Send + 'static {
    /// Waits for a message.
    ///
    /// # Errors
    /// See [`SocketError`]; none of them can be recovered from.
    fn receive(socket: &UnixStream) -> Result<Self, SocketError>;
}

/// Why no message could be read.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The client closed the connection between two messages.
    #[error("closed by the client")]
    Closed,
    /// It was closed within a message.
    #[error("closed within a message")]
    Cut,
    /// The size in a header cannot be.
    #[error("a size of {0} bytes in a header: no message is like that")]
    Size(u32),
    /// More file descriptors than a message may have.
    #[error("more than {MAX_FDS} file descriptors in a message")]
    Fds,
    /// What the system said.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Fills `buf` and adds the file descriptors that come with it to `fds`; `at_end` if the connection ends before its first byte.
///
/// # Errors
/// See [`SocketError`].
pub fn fill(
    socket: &UnixStream,
    buf: &mut [u8],
    fds: &mut Vec<OwnedFd>,
    at_end: SocketError,
) -> Result<(), SocketError> {
    let mut got = 0;
    while got < buf.len() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut iov = [IoSliceMut::new(&mut buf[got..])];
        let n = match recvmsg(socket, &mut iov, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(message) => message.bytes,
            Err(rustix::io::Errno::INTR) => continue,
            Err(e) => return Err(io::Error::from(e).into()),
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(new) = message {
                fds.extend(new);
            }
        }
        if fds.len() > MAX_FDS {
            return Err(SocketError::Fds);
        }
        if n == 0 {
            return Err(if got == 0 { at_end } else { SocketError::Cut });
        }
        got += n;
    }
    Ok(())
}

/// Sends `bytes`.
///
/// # Errors
/// What the system says, a time-out of the socket among them.
pub fn send_all(mut socket: &UnixStream, bytes: &[u8]) -> io::Result<()> {
    socket.write_all(bytes)
}

/// Adds one to an eventfd. A descriptor that would block is left alone: whatever the client gave, it does not hold the device.
pub fn signal(fd: &OwnedFd) {
    let mut fds = [PollFd::new(fd, PollFlags::OUT)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    if poll(&mut fds, Some(&now)) == Ok(1) && fds[0].revents().contains(PollFlags::OUT) {
        // A descriptor that is no eventfd gets these bytes; that is what its owner asked for.
        let _ = rustix::io::write(fd.as_fd(), &1_u64.to_ne_bytes());
    }
}

/// Reads an eventfd or the like empty; false if nothing will ever come from it again.
pub fn drain(fd: BorrowedFd<'_>) -> bool {
    let mut count = [0; 8];
    match rustix::io::read(fd, &mut count) {
        Ok(n) => n > 0,
        Err(e) => matches!(e, rustix::io::Errno::AGAIN | rustix::io::Errno::INTR),
    }
}
