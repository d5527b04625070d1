//! Managed devices as completed admin commands made them.

use std::collections::HashMap;

use shoal_abi::cmd::{COMMAND_BYTES, HEADER_BYTES, RESULT_HEADER_BYTES};
use shoal_abi::ring::S_DRIVER_OK;

use super::chain::Capture;

/// Fewest cycles between the last address of an answer and the effects of the next command: those of its execution (TIMING.md
/// §3). Fewer there, and a legal access could be blamed on the command before it.
const EXEC: u64 = 127;

/// A managed device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) is_blk: bool,
    pub(super) vq_count: u16,
    pub(super) features: u64,
    pub(super) asid: [u32; 3],
    pub(super) status: u8,
    pub(super) stopped: bool,
    /// A reset or destruction of it gave up: what was under way goes on, whatever the status says.
    pub(super) draining: bool,
    /// A sign was seen that the device faulted.
    pub(super) faulted: bool,
    /// Cycle in which a configuration message was sent that only a fault explains.
    pub(super) told: Option<u64>,
    /// Size, ring addresses and buffer group of each queue that is ready.
    pub(super) queues: HashMap<u16, u8>,
}

impl Member {
    /// True if the device may have chains under way.
    pub(super) fn runs(&self) -> bool {
        self.draining || self.status & S_DRIVER_OK != 0 && !self.stopped
    }
}

/// Bytes of an admin command or answer, read by offset behind the header.
pub(super) struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// `n` (up to 8) bytes at `at`; bytes that are not there are 0.
    pub(super) fn get(&self, at: usize, n: usize) -> u64 {
        (0..n).fold(0, |v, k| {
            v | u64::from(self.0.get(at + k).copied().unwrap_or(0)) << (8 * k)
        })
    }
    /// Byte at `at`.
    pub(super) fn u8(&self, at: usize) -> u8 {
        self.get(at, 1) as u8
    }
    /// le16 at `at`.
    pub(super) fn u16(&self, at: usize) -> u16 {
        self.get(at, 2) as u16
    }
    /// le32 at `at`.
    pub(super) fn u32(&self, at: usize) -> u32 {
        self.get(at, 4) as u32
    }
    /// le64 at `at`.
    pub(super) fn u64(&self, at: usize) -> u64 {
        self.get(at, 8)
    }
}

/// A completed admin command.
pub(super) struct Command<'a> {
    pub(super) opcode: u16,
    pub(super) group: u16,
    pub(super) member: u64,
    pub(super) data: Fields<'a>,
    pub(super) status: u16,
    pub(super) qualifier: u16,
    pub(super) result: Fields<'a>,
    /// Bytes of the result that the driver had room for.
    pub(super) result_bytes: usize,
    /// A cycle in which the device had not begun with it.
    pub(super) taken: u64,
    /// Cycle up to which no command behind it can have had an effect.
    pub(super) sure: u64,
}

impl<'a> Command<'a> {
    /// The command in the bytes that passed the port.
    pub(super) fn of(c: &'a Capture) -> Self {
        const _: () = assert!(COMMAND_BYTES > HEADER_BYTES && COMMAND_BYTES > RESULT_HEADER_BYTES);
        let head = Fields(&c.command);
        Self {
            opcode: head.u16(0),
            group: head.u16(2),
            member: head.u64(16),
            data: Fields(&c.command[HEADER_BYTES..]),
            status: Fields(&c.answer).u16(0),
            qualifier: Fields(&c.answer).u16(2),
            result: Fields(&c.answer[RESULT_HEADER_BYTES..]),
            result_bytes: c.answered.saturating_sub(RESULT_HEADER_BYTES),
            taken: c.taken,
            sure: c.done + EXEC,
        }
    }
}
