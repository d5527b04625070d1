//! The transmit mover: reads the readable bytes of chains and sends them as packets on `m_axis`.
//!
//! Timing: TIMING.md §7. The issue side turns ops into read bursts, the return side packs read data into full beats.

use crate::axi_rd::{Address, Id, RBeat, CLIENT_MOVER};
use crate::fifo::Fifo;
use crate::mmu::{Request, Xlat};
use crate::{bytes_of, data_of, ones, MAX_B};
use shoal_abi::mmu::{CAUSE_NONE, CAUSE_READ_ACCESS};
use shoal_abi::ports::Data;
use shoal_abi::profile::Profile;
use shoal_abi::stream::{TUSER_ABORT, TUSER_WRITABLE};

const OUT_DEPTH: u32 = 64;
const IN_FLIGHT: usize = 16;
/// Bursts end at multiples of this many bytes.
pub(crate) const BURST: u64 = 256;

/// The side band of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) dest: u32,
    pub(crate) tid: u16,
    pub(crate) user: u64,
}

/// An op of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TxOp {
    /// Bytes of the packet.
    Data {
        asid: u32,
        va: u64,
        len: u32,
        side: Side,
    },
    /// The end of the packet.
    End {
        side: Side,
        writable: u32,
        abort: bool,
    },
}

impl Default for TxOp {
    fn default() -> Self {
        Self::Data {
            asid: 0,
            va: 0,
            len: 0,
            side: Side::default(),
        }
    }
}

/// The fault that a packet met first: cause (0 none) and IOVA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TxDone {
    pub(crate) cause: u16,
    pub(crate) iova: u64,
}

#[derive(Clone, Copy, Debug)]
enum InFlight {
    Burst {
        va: u64,
        n: u32,
        side: Side,
    },
    End {
        side: Side,
        writable: u32,
        abort: bool,
        fault: Option<TxDone>,
    },
}

impl Default for InFlight {
    fn default() -> Self {
        Self::Burst {
            va: 0,
            n: 0,
            side: Side::default(),
        }
    }
}

/// A beat of `m_axis`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamBeat {
    pub(crate) data: Data,
    pub(crate) keep: u64,
    pub(crate) last: bool,
    pub(crate) side: Side,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Room,
    /// The request is up.
    Xlat,
    /// It has been taken, the answer is to come.
    Taken,
    Issue,
}

/// The mover.
#[derive(Clone, Debug)]
pub(crate) struct Tx {
    pub(crate) ops: Fifo<TxOp>,
    in_flight: Fifo<InFlight>,
    pub(crate) out: Fifo<StreamBeat>,
    /// The end of a packet that the core has not picked.
    pub(crate) done: Option<TxDone>,
    state: State,
    asid: u32,
    va: u64,
    rem: u32,
    side: Side,
    fault: Option<TxDone>,
    address: u64,
    user: u32,
    epoch: u8,
    /// Epoch of the last burst granted.
    granted_epoch: u8,
    /// Beats of read data to come.
    reserved: u32,
    /// Bytes taken of the burst at the head.
    taken: u32,
    acc: [u8; 2 * MAX_B],
    acc_len: usize,
    read_error: Option<u64>,
}

/// Bytes from `va` up to the next multiple of [`BURST`], at most `rem`.
pub(crate) fn burst_bytes(va: u64, rem: u32) -> u32 {
    rem.min((BURST - va % BURST) as u32)
}

/// Full-width beats that cover `n` bytes from `va`.
pub(crate) fn burst_beats(p: &Profile, va: u64, n: u32) -> u32 {
    let b = p.beat_bytes() as u64;
    ((va % b + u64::from(n)).div_ceil(b)) as u32
}

impl Tx {
    pub(crate) fn new() -> Self {
        Self {
            ops: Fifo::new(8),
            in_flight: Fifo::new(IN_FLIGHT),
            out: Fifo::new(OUT_DEPTH as usize),
            done: None,
            state: State::Idle,
            asid: 0,
            va: 0,
            rem: 0,
            side: Side::default(),
            fault: None,
            address: 0,
            user: 0,
            epoch: 0,
            granted_epoch: 0,
            reserved: 0,
            taken: 0,
            acc: [0; 2 * MAX_B],
            acc_len: 0,
            read_error: None,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.ops.clear();
        self.in_flight.clear();
        self.out.clear();
        (self.done, self.fault, self.read_error) = (None, None, None);
        self.state = State::Idle;
        (self.reserved, self.taken, self.acc_len) = (0, 0, 0);
        self.granted_epoch = 0;
    }

    /// The issue side does nothing.
    pub(crate) fn idle(&self) -> bool {
        self.state == State::Idle
    }

    /// The translation request that is up in this cycle.
    pub(crate) fn request(&self) -> Option<Request> {
        (self.state == State::Xlat).then_some(Request {
            asid: self.asid,
            va: self.va,
            write: false,
        })
    }

    /// The read address asked for in this cycle. Reads of the two epochs have different ids, so they may come in any order:
    /// one waits until those of the other are all there.
    pub(crate) fn read_request(&self, p: &Profile) -> Option<Address> {
        let in_order = self.reserved == 0 || self.epoch == self.granted_epoch;
        (self.state == State::Issue && in_order).then(|| {
            let (_, beats) = self.burst(p);
            Address {
                id: Id {
                    client: CLIENT_MOVER,
                    word: 0,
                    epoch: self.epoch,
                    lane: 0,
                }
                .pack(),
                addr: self.address & !(p.beat_bytes() as u64 - 1),
                len: beats.saturating_sub(1) as u8,
                size: p.beat_bytes().trailing_zeros() as u8,
                user: self.user,
            }
        })
    }

    /// Bytes and beats of the next burst.
    fn burst(&self, p: &Profile) -> (u32, u32) {
        let n = burst_bytes(self.va, self.rem);
        (n, burst_beats(p, self.va, n))
    }

    /// The edge. Gives the number of accesses started (0 or 1).
    pub(crate) fn tick(
        &mut self,
        p: &Profile,
        xlat: Xlat,
        granted: bool,
        r: Option<&RBeat>,
        tready: bool,
        cur: u8,
    ) -> u32 {
        // What both sides see of each other is the state before the edge.
        let (out, flying, reserved) = (self.out.len() as u32, self.in_flight.len(), self.reserved);
        let head = self.in_flight.front().copied();
        let mut started = 0;
        match self.state {
            State::Idle => self.take_op(flying),
            State::Room => {
                let (_, beats) = self.burst(p);
                if out + reserved + beats < OUT_DEPTH && flying < IN_FLIGHT {
                    self.state = State::Xlat;
                }
            }
            State::Xlat if xlat.taken => self.state = State::Taken,
            State::Taken => match xlat.answer {
                Some(a) if a.cause != CAUSE_NONE => {
                    self.fault = Some(TxDone {
                        cause: a.cause,
                        iova: self.va,
                    });
                    self.state = State::Idle;
                }
                Some(a) => {
                    (self.address, self.user, self.epoch) = (a.address, a.user, cur);
                    self.state = State::Issue;
                    started = 1;
                }
                None => {}
            },
            State::Issue if granted => {
                let (n, beats) = self.burst(p);
                self.in_flight.push(InFlight::Burst {
                    va: self.va,
                    n,
                    side: self.side,
                });
                self.reserved += beats;
                self.granted_epoch = self.epoch;
                self.va = self.va.wrapping_add(u64::from(n));
                self.rem -= n;
                self.state = if self.rem == 0 {
                    State::Idle
                } else {
                    State::Room
                };
            }
            State::Xlat | State::Issue => {}
        }
        match head {
            Some(InFlight::Burst { va, n, side }) => {
                let mine = |r: &&RBeat| r.id.client == CLIENT_MOVER && r.id.word == 0;
                if let Some(r) = r.filter(mine) {
                    self.take_beat(p, r, va, n, side);
                }
            }
            Some(InFlight::End {
                side,
                writable,
                abort,
                fault,
            }) if self.done.is_none() && out + reserved < OUT_DEPTH => {
                self.end(side, writable, abort, fault);
            }
            _ => {}
        }
        if tready && out != 0 {
            self.out.pop();
        }
        started
    }

    fn take_op(&mut self, flying: usize) {
        match self.ops.front().copied() {
            Some(TxOp::Data {
                asid,
                va,
                len,
                side,
            }) => {
                self.ops.pop();
                if len != 0 && self.fault.is_none() {
                    (self.asid, self.va, self.rem, self.side) = (asid, va, len, side);
                    self.state = State::Room;
                }
            }
            Some(TxOp::End {
                side,
                writable,
                abort,
            }) if flying < IN_FLIGHT => {
                self.ops.pop();
                let fault = self.fault.take();
                self.in_flight.push(InFlight::End {
                    side,
                    writable,
                    abort,
                    fault,
                });
            }
            _ => {}
        }
    }

    fn take_beat(&mut self, p: &Profile, r: &RBeat, va: u64, n: u32, side: Side) {
        let b = p.beat_bytes();
        let from = if self.taken == 0 {
            (va % b as u64) as usize
        } else {
            0
        };
        let m = (b - from).min((n - self.taken) as usize);
        let bytes = bytes_of(&r.data);
        self.acc[self.acc_len..self.acc_len + m].copy_from_slice(&bytes[from..from + m]);
        self.acc_len += m;
        self.taken += m as u32;
        self.reserved = self.reserved.saturating_sub(1);
        if crate::is_bad(r.resp) {
            self.read_error.get_or_insert(va);
        }
        if self.acc_len > b {
            self.emit(b, false, side);
            self.acc.copy_within(b..2 * b, 0);
            self.acc_len -= b;
        }
        if self.taken == n {
            self.taken = 0;
            self.in_flight.pop();
        }
    }

    fn end(&mut self, mut side: Side, writable: u32, abort: bool, fault: Option<TxDone>) {
        let abort = abort || fault.is_some() || self.read_error.is_some();
        if abort {
            side.user |= TUSER_ABORT.put(1);
        } else {
            side.user |= TUSER_WRITABLE.put(u64::from(writable));
        }
        self.emit(self.acc_len, true, side);
        self.done = Some(match (fault, self.read_error) {
            (Some(f), _) => f,
            (None, Some(iova)) => TxDone {
                cause: CAUSE_READ_ACCESS,
                iova,
            },
            (None, None) => TxDone::default(),
        });
        self.acc_len = 0;
        self.read_error = None;
        self.in_flight.pop();
    }

    /// The first `n` bytes of the accumulator to the out FIFO.
    fn emit(&mut self, n: usize, last: bool, side: Side) {
        let mut bytes = [0; MAX_B];
        bytes[..n].copy_from_slice(&self.acc[..n]);
        self.out.push(StreamBeat {
            data: data_of(&bytes),
            keep: ones(n),
            last,
            side,
        });
    }
}

#[cfg(test)]
mod tests;
