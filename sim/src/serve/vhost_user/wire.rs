//! Messages of the vhost-user protocol, version 1 (QEMU `docs/interop/vhost-user.rst`), in the byte order of the machine.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{sendmsg, SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::serve::socket::{fill, send_all, Receive, SocketError, MAX_FDS};

/// Most bytes of a message without its header; the largest that is understood, a configuration, has 268.
const MAX_BODY: u32 = 4096;

/// Requests of the front-end.
pub mod request {
    #![allow(missing_docs)]
    pub const GET_FEATURES: u32 = 1;
    pub const SET_FEATURES: u32 = 2;
    pub const SET_OWNER: u32 = 3;
    pub const RESET_OWNER: u32 = 4;
    pub const SET_MEM_TABLE: u32 = 5;
    pub const SET_VRING_NUM: u32 = 8;
    pub const SET_VRING_ADDR: u32 = 9;
    pub const SET_VRING_BASE: u32 = 10;
    pub const GET_VRING_BASE: u32 = 11;
    pub const SET_VRING_KICK: u32 = 12;
    pub const SET_VRING_CALL: u32 = 13;
    pub const SET_VRING_ERR: u32 = 14;
    pub const GET_PROTOCOL_FEATURES: u32 = 15;
    pub const SET_PROTOCOL_FEATURES: u32 = 16;
    pub const GET_QUEUE_NUM: u32 = 17;
    pub const SET_VRING_ENABLE: u32 = 18;
    pub const GET_CONFIG: u32 = 24;
    pub const SET_CONFIG: u32 = 25;
    pub const GET_INFLIGHT_FD: u32 = 31;
    pub const SET_INFLIGHT_FD: u32 = 32;
    pub const RESET_DEVICE: u32 = 34;
    pub const GET_MAX_MEM_SLOTS: u32 = 36;
    pub const ADD_MEM_REG: u32 = 37;
    pub const REM_MEM_REG: u32 = 38;
    /// Requests with a reply of their own, which are not acknowledged beside that.
    pub const HAVE_REPLY: [u32; 7] = [
        GET_FEATURES,
        GET_VRING_BASE,
        GET_PROTOCOL_FEATURES,
        GET_QUEUE_NUM,
        GET_CONFIG,
        GET_INFLIGHT_FD,
        GET_MAX_MEM_SLOTS,
    ];
}

/// Header flags: the version, in its bits.
const VERSION: u32 = 1;
const F_VERSION: u32 = 0b11;
/// Header flags: the message is a reply.
const F_REPLY: u32 = 1 << 2;
/// Header flags: the front-end wants to know what became of it (with [`P_REPLY_ACK`]).
const F_NEED_REPLY: u32 = 1 << 3;

/// Feature bit: protocol features can be negotiated, rings start disabled.
pub const F_PROTOCOL_FEATURES: u64 = 1 << 30;

/// Protocol feature: several queues, GET_QUEUE_NUM.
pub const P_MQ: u64 = 1 << 0;
/// Protocol feature: requests without a reply of their own are acknowledged on demand.
pub const P_REPLY_ACK: u64 = 1 << 3;
/// Protocol feature: GET_CONFIG and SET_CONFIG.
pub const P_CONFIG: u64 = 1 << 9;
/// Protocol feature: GET_INFLIGHT_FD and SET_INFLIGHT_FD.
pub const P_INFLIGHT_SHMFD: u64 = 1 << 12;
/// Protocol feature: RESET_DEVICE.
pub const P_RESET_DEVICE: u64 = 1 << 13;
/// Protocol feature: memory regions come and go one by one.
pub const P_CONFIGURE_MEM_SLOTS: u64 = 1 << 15;

/// SET_VRING_KICK, CALL and ERR: bits of the ring's index.
pub const VRING_INDEX: u64 = 0xff;
/// SET_VRING_KICK, CALL and ERR: there is no descriptor.
pub const VRING_NO_FD: u64 = 1 << 8;
/// Most bytes of a configuration space.
pub const MAX_CONFIG: usize = 256;
/// Most regions of SET_MEM_TABLE.
pub const MAX_TABLE: u32 = 8;

/// Head of every message.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// Request.
    pub request: u32,
    /// Version and flags.
    pub flags: u32,
    /// Bytes that follow.
    pub size: u32,
}

/// A region of the front-end's memory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MemRegion {
    /// Guest physical address.
    pub guest: u64,
    /// Bytes.
    pub size: u64,
    /// Address in the front-end.
    pub user: u64,
    /// Offset in the file.
    pub offset: u64,
}

/// ADD_MEM_REG and REM_MEM_REG.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MemSlot {
    /// Nothing.
    pub padding: u64,
    /// The region.
    pub region: MemRegion,
}

/// Number or index of a ring and what is said of it.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct VringState {
    /// Ring.
    pub index: u32,
    /// Value.
    pub num: u32,
}

/// Where a ring is: addresses in the front-end.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct VringAddr {
    /// Ring.
    pub index: u32,
    /// Bit 0: log what is written.
    pub flags: u32,
    /// Descriptor table.
    pub desc: u64,
    /// Used ring.
    pub used: u64,
    /// Available ring.
    pub avail: u64,
    /// Log.
    pub log: u64,
}

/// Head of GET_CONFIG and SET_CONFIG.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ConfigRange {
    /// First byte.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
    /// Flags.
    pub flags: u32,
}

/// GET_INFLIGHT_FD and SET_INFLIGHT_FD: a region in a file.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Inflight {
    /// Bytes.
    pub mmap_size: u64,
    /// Offset in the file.
    pub mmap_offset: u64,
    /// Rings.
    pub num_queues: u16,
    /// Most entries of a ring.
    pub queue_size: u16,
    /// Nothing; the end of the structure in C.
    pub padding: [u8; 4],
}

/// A message from the front-end.
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
        let mut fds = Vec::new();
        let mut head = [0; size_of::<Header>()];
        fill(socket, &mut head, &mut fds, SocketError::Closed)?;
        let header = Header::read_from_bytes(&head).unwrap_or_default();
        if header.size > MAX_BODY {
            return Err(SocketError::Size(header.size));
        }
        let mut body = vec![0; header.size as usize];
        fill(socket, &mut body, &mut fds, SocketError::Cut)?;
        Ok(Self { header, body, fds })
    }
}

impl Header {
    /// True for a request of the version that is spoken here.
    #[must_use]
    pub fn is_request(&self) -> bool {
        self.flags & (F_VERSION | F_REPLY) == VERSION
    }

    /// True when the front-end wants to know what became of it.
    #[must_use]
    pub fn needs_reply(&self) -> bool {
        self.flags & F_NEED_REPLY != 0
    }
}

/// Sends the reply to `request`.
///
/// # Errors
/// What the system says, a time-out of the socket among them.
pub fn reply(socket: &UnixStream, request: u32, body: &[u8]) -> io::Result<()> {
    let header = Header {
        request,
        flags: VERSION | F_REPLY,
        size: u32::try_from(body.len()).unwrap_or(u32::MAX),
    };
    send_all(socket, &[header.as_bytes(), body].concat())
}

/// Sends the reply to `request` with a file.
///
/// # Errors
/// As [`reply`].
pub fn reply_with(
    socket: &UnixStream,
    request: u32,
    body: &[u8],
    fd: BorrowedFd<'_>,
) -> io::Result<()> {
    let header = Header {
        request,
        flags: VERSION | F_REPLY,
        size: u32::try_from(body.len()).unwrap_or(u32::MAX),
    };
    send_message(socket, header, body, &[fd])
}

/// Sends a message with file descriptors.
///
/// # Errors
/// What the system says.
pub fn send_message(
    socket: &UnixStream,
    header: Header,
    body: &[u8],
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = [header.as_bytes(), body].concat();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS + 1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let iov = [io::IoSlice::new(&bytes)];
    let sent = sendmsg(socket, &iov, &mut control, SendFlags::NOSIGNAL)?;
    // The descriptors are with the first bytes.
    send_all(socket, &bytes[sent..])
}
