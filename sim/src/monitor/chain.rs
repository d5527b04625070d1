//! A chain under way, and the bytes of the admin command that it is.

use std::collections::HashSet;

use shoal_abi::cmd::{self, COMMANDS, COMMAND_BYTES, RESULT_HEADER_BYTES};
use shoal_abi::ring::USED_ELEM_BYTES;

use super::ring::{le16, Buffer};

/// Eight bytes of a descriptor and when their read was issued; 0 is never.
pub(super) type Half = (u64, u64);

/// A chain under way.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Its number among the entries of the available ring.
    pub(super) entry: u16,
    pub(super) head: u16,
    /// Cycle in which the device saw it available.
    pub(super) available: u64,
    /// Descriptors looked at: in the indirect table or not, and which.
    pub(super) walked: HashSet<(bool, u16)>,
    /// Indirect table: first IOVA and its halves.
    pub(super) table: Option<(u64, Vec<Half>)>,
    /// Descriptor to look at next; None at the end of the chain.
    pub(super) next: Option<u16>,
    pub(super) count: u16,
    pub(super) readable: u64,
    pub(super) writable: u64,
    /// A writable descriptor was seen, of whatever length.
    pub(super) has_room: bool,
    /// Bytes of the writable part that were written: disjoint, ascending, as first..end.
    pub(super) written: Vec<(u64, u64)>,
    pub(super) payload_pending: u32,
    pub(super) payload_done: u64,
    pub(super) error: bool,
    pub(super) element: [Option<u8>; USED_ELEM_BYTES as usize],
    pub(super) element_pending: u32,
    pub(super) element_done: u64,
    pub(super) buffers: Vec<Buffer>,
    /// The command, of the admin queue; None once it was executed.
    pub(super) capture: Option<Box<Capture>>,
}

impl Chain {
    /// True of a command that is still to be executed; one without a writable descriptor never is.
    pub(super) fn waits(&self) -> bool {
        self.capture.is_some() && (self.has_room || self.next.is_some())
    }

    pub(super) fn cover(&mut self, first: u64, end: u64) {
        let (mut a, mut b) = (first, end);
        self.written.retain(|&(x, y)| {
            let touches = x <= b && a <= y;
            if touches {
                (a, b) = (a.min(x), b.max(y));
            }
            !touches
        });
        let at = self.written.partition_point(|w| w.0 < a);
        self.written.insert(at, (a, b));
    }

    /// Bytes written from the first writable byte on without a gap.
    pub(super) fn prefix(&self) -> u64 {
        self.written
            .first()
            .map_or(0, |w| if w.0 == 0 { w.1 } else { 0 })
    }
}

/// Bytes of an admin command.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    pub(super) command: [u8; COMMAND_BYTES],
    pub(super) answer: [u8; COMMAND_BYTES],
    /// Bytes of the answer that were written.
    pub(super) answered: usize,
    /// A cycle in which the device had not begun with it.
    pub(super) taken: u64,
    /// Cycle in which the last address of the answer stood on the port: it was executed.
    pub(super) done: u64,
}

impl Capture {
    pub(super) fn new(taken: u64) -> Self {
        Self {
            command: [0; COMMAND_BYTES],
            answer: [0; COMMAND_BYTES],
            answered: 0,
            taken,
            done: 0,
        }
    }

    /// Bytes of the answer as its status and the opcode have it.
    pub(super) fn answer_bytes(&self) -> u64 {
        let opcode = le16(&self.command);
        let last = |c: &cmd::Command| c.result.last().map_or(0, |f| f.offset + f.bytes);
        let known = COMMANDS.iter().find(|c| c.opcode == opcode);
        let result = known
            .filter(|_| le16(&self.answer) == cmd::OK)
            .map_or(0, last);
        (RESULT_HEADER_BYTES + result) as u64
    }
}
