//! The packer: makes full beats of the bytes read, and ends packets.
//!
//! Timing: TIMING.md §7, "Pack".

use super::op::{Side, TxDone, TxEnd};
use super::ring::{Burst, Item};
use super::StreamBeat;
use crate::fifo::Fifo;
use crate::{bytes_of, data_of, ones, MAX_B};
use shoal_abi::mmu::{CAUSE_NONE, CAUSE_READ_ACCESS};
use shoal_abi::ports::Data;
use shoal_abi::profile::Profile;
use shoal_abi::stream::{TUSER_ABORT, TUSER_WRITABLE};

/// A beat of read data.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReadBeat {
    pub(super) data: Data,
    pub(super) bad: bool,
}

/// The packer.
#[derive(Clone, Debug)]
pub(super) struct Packer {
    /// Phase End of an issued item; else phase Data.
    ending: bool,
    /// Bytes taken of the burst at the head.
    taken: u32,
    acc: [u8; 2 * MAX_B],
    acc_len: usize,
    /// First translation fault of the packet: cause and IOVA.
    fault: Option<(u16, u64)>,
    /// First burst of the packet with a bad response.
    read_error: Option<u64>,
}

impl Packer {
    pub(super) fn new() -> Self {
        Self {
            ending: false,
            taken: 0,
            acc: [0; 2 * MAX_B],
            acc_len: 0,
            fault: None,
            read_error: None,
        }
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }

    /// The item at the head wants a beat of read data.
    pub(super) fn wants(&self, item: &Item) -> bool {
        item.issued && !self.ending
    }

    /// Takes a beat of the burst of `item`; true if the item is done with.
    pub(super) fn take(
        &mut self,
        p: &Profile,
        item: &Item,
        beat: &ReadBeat,
        out: &mut Fifo<StreamBeat>,
    ) -> bool {
        let Burst { va, n, .. } = item.burst.unwrap_or_default();
        let b = p.beat_bytes();
        let from = if self.taken == 0 {
            (va % b as u64) as usize
        } else {
            0
        };
        let m = (b - from).min((n - self.taken) as usize);
        let bytes = bytes_of(&beat.data);
        self.acc[self.acc_len..self.acc_len + m].copy_from_slice(&bytes[from..from + m]);
        self.acc_len += m;
        self.taken += m as u32;
        if beat.bad {
            self.read_error.get_or_insert(va);
        }
        if self.acc_len > b {
            out.push(self.beat(b, false, item.side));
            self.acc.copy_within(b..2 * b, 0);
            self.acc_len -= b;
        }
        if self.taken < n {
            return false;
        }
        self.taken = 0;
        self.ending = item.end.is_some();
        !self.ending
    }

    /// Phase End: the item is done with; gives what the packet came to, if it ends here.
    pub(super) fn end(
        &mut self,
        p: &Profile,
        item: &Item,
        out: &mut Fifo<StreamBeat>,
    ) -> Option<TxDone> {
        if let (Some(burst), Some(answer)) = (item.burst, item.answer) {
            if answer.cause != CAUSE_NONE {
                self.fault.get_or_insert((answer.cause, burst.va));
            }
        }
        self.ending = false;
        let TxEnd { writable, abort } = item.end?;
        let abort = abort || self.fault.is_some() || self.read_error.is_some();
        let mut side = item.side;
        side.user |= if abort {
            TUSER_ABORT.put(1)
        } else {
            TUSER_WRITABLE.put(u64::from(writable))
        };
        out.push(self.beat(self.acc_len, true, side));
        self.acc_len = 0;
        let read_error = self.read_error.take().map(|iova| (CAUSE_READ_ACCESS, iova));
        let (cause, iova) = self.fault.take().or(read_error).unwrap_or((CAUSE_NONE, 0));
        Some(TxDone {
            slot: side.slot(p),
            cause,
            iova,
        })
    }

    /// The first `n` bytes of the accumulator.
    fn beat(&self, n: usize, last: bool, side: Side) -> StreamBeat {
        let mut bytes = [0; MAX_B];
        bytes[..n].copy_from_slice(&self.acc[..n]);
        StreamBeat {
            data: data_of(&bytes),
            keep: ones(n),
            last,
            side,
        }
    }
}
