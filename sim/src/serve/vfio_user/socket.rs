//! Messages on the socket: whole ones, with the file descriptors that came with them.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use zerocopy::{FromBytes, IntoBytes};

use super::wire::{Header, F_ERROR, F_REPLY, MAX_MESSAGE};
use crate::serve::socket::{fill, send_all, Receive, SocketError};

const HEADER_BYTES: usize = size_of::<Header>();

/// A message from the client.
#[derive(Debug)]
pub struct Message {
    /// Head.
    pub header: Header,
    /// What follows it.
    pub body: Vec<u8>,
    /// File descriptors in the order sent.
    pub fds: Vec<OwnedFd>,
}

impl Receive for Message {
    fn receive(socket: &UnixStream) -> Result<Self, SocketError> {
        receive(socket)
    }
}

/// Waits for a message.
///
/// # Errors
/// See [`SocketError`]; none of them can be recovered from.
pub fn receive(socket: &UnixStream) -> Result<Message, SocketError> {
    let mut fds = Vec::new();
    let mut head = [0; HEADER_BYTES];
    fill(socket, &mut head, &mut fds, SocketError::Closed)?;
    let header = Header::read_from_bytes(&head).unwrap_or_default();
    let size = usize::try_from(header.size).unwrap_or(usize::MAX);
    if !(HEADER_BYTES..=MAX_MESSAGE).contains(&size) {
        return Err(SocketError::Size(header.size));
    }
    let mut body = vec![0; size - HEADER_BYTES];
    fill(socket, &mut body, &mut fds, SocketError::Cut)?;
    Ok(Message { header, body, fds })
}

/// Sends a message made of `parts`.
///
/// # Errors
/// What the system says, a time-out of the socket among them.
pub fn send(socket: &UnixStream, mut header: Header, parts: &[&[u8]]) -> io::Result<()> {
    let bytes: usize = HEADER_BYTES + parts.iter().map(|p| p.len()).sum::<usize>();
    header.size = u32::try_from(bytes).unwrap_or(u32::MAX);
    let mut whole = Vec::with_capacity(bytes);
    whole.extend_from_slice(header.as_bytes());
    parts.iter().for_each(|p| whole.extend_from_slice(p));
    send_all(socket, &whole)
}

/// The header of the reply to `command`.
#[must_use]
pub fn reply_to(command: &Header) -> Header {
    Header {
        id: command.id,
        command: command.command,
        flags: F_REPLY,
        ..Header::default()
    }
}

/// The header of a reply that says that `command` failed.
#[must_use]
pub fn refusal_of(command: &Header, errno: u32) -> Header {
    Header {
        flags: F_REPLY | F_ERROR,
        error: errno,
        ..reply_to(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn header(size: u32) -> Header {
        Header {
            id: 7,
            command: 9,
            size,
            ..Header::default()
        }
    }

    #[test]
    fn a_message_sent_in_pieces_arrives_whole() {
        let (a, b) = UnixStream::pair().unwrap();
        let writer = std::thread::spawn(move || {
            let mut bytes = header(20).as_bytes().to_vec();
            bytes.extend_from_slice(b"four");
            for byte in bytes {
                (&a).write_all(&[byte]).unwrap();
            }
            send(&a, header(0), &[b"ab", b"c"]).unwrap();
        });
        let first = receive(&b).unwrap();
        assert_eq!((first.header.id, &first.body[..]), (7, &b"four"[..]));
        assert_eq!(receive(&b).unwrap().body, b"abc");
        writer.join().unwrap();
        assert!(matches!(receive(&b), Err(SocketError::Closed)));
    }

    #[test]
    fn sizes_that_cannot_be_and_broken_messages_are_refused() {
        for size in [0, 15, MAX_MESSAGE as u32 + 1, u32::MAX] {
            let (a, b) = UnixStream::pair().unwrap();
            (&a).write_all(header(size).as_bytes()).unwrap();
            assert!(matches!(receive(&b), Err(SocketError::Size(s)) if s == size));
        }
        for (size, sent) in [(20, 10), (20, 18)] {
            let (a, b) = UnixStream::pair().unwrap();
            let mut bytes = header(size).as_bytes().to_vec();
            bytes.extend_from_slice(&[1; 4]);
            (&a).write_all(&bytes[..sent]).unwrap();
            drop(a);
            assert!(matches!(receive(&b), Err(SocketError::Cut)), "{sent}");
        }
    }
}
