//! The receive mover: takes packets from `s_axis` and writes them where the core says.
//!
//! Timing: TIMING.md §8. One packet at a time; one op of the core at a time.

use crate::axi_rd::{Address, BResp, Id};
use crate::axi_wr::{Small, WriteRequest, Writer};
use crate::fifo::Fifo;
use crate::mmu::{Request, Xlat};
use crate::tx::{burst_beats, burst_bytes, Side};
use crate::{bytes_of, data_of, MAX_B};
use shoal_abi::mmu::{CAUSE_NONE, CAUSE_WRITE_ACCESS};
use shoal_abi::ports::{Data, Inputs};
use shoal_abi::profile::Profile;
use shoal_abi::ring::NET_HDR_NUM_BUFFERS;
use shoal_abi::stream::TUSER_ANSWER;

const DEPTH: usize = 64;

/// An op of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RxOp {
    /// Writes up to `len` bytes of the packet.
    Data { asid: u32, va: u64, len: u32 },
    /// Takes the rest of the packet.
    Discard,
}

/// What an op came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RxDone {
    pub(crate) bytes: u32,
    /// The packet is used up.
    pub(crate) ended: bool,
    pub(crate) cause: u16,
    pub(crate) iova: u64,
}

/// A beat of `s_axis` as stored.
#[derive(Clone, Copy, Debug)]
struct Beat {
    data: [u8; MAX_B],
    bytes: usize,
    last: bool,
    side: Side,
}

impl Default for Beat {
    fn default() -> Self {
        Self {
            data: [0; MAX_B],
            bytes: 0,
            last: false,
            side: Side::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Op,
    /// The request is up.
    Xlat,
    /// It has been taken, the answer is to come.
    Taken,
    Issue,
    Burst,
    Drain,
    Done,
    Hold,
}

/// What the mover sees at an edge.
pub(crate) struct Edge<'a> {
    pub(crate) i: &'a Inputs,
    pub(crate) up: bool,
    pub(crate) xlat: Xlat,
    pub(crate) granted: bool,
    /// The write data register takes the next beat.
    pub(crate) loading: bool,
    pub(crate) b: Option<&'a BResp>,
    pub(crate) cur: u8,
}

/// The mover.
#[derive(Clone, Debug)]
pub(crate) struct Rx {
    fifo: Fifo<Beat>,
    /// Beats with `tlast` in the FIFO.
    lasts: usize,
    /// Beats of the packet that have entered, and whether its first one had the answer bit.
    entered: usize,
    answer: bool,
    /// The end of an op that the core has not picked.
    pub(crate) done: Option<RxDone>,
    state: State,
    discard: bool,
    asid: u32,
    /// Where the op began.
    start: u64,
    va: u64,
    rem: u32,
    /// Bytes of the burst, and how many of them have been loaded.
    n: u32,
    covered: u32,
    address: u64,
    user: u32,
    epoch: u8,
    acc: [u8; 2 * MAX_B],
    acc_len: usize,
    ended: bool,
    got: u32,
    fault: Option<(u16, u64)>,
    outstanding: u32,
}

impl Rx {
    pub(crate) fn new() -> Self {
        Self {
            fifo: Fifo::new(DEPTH),
            lasts: 0,
            entered: 0,
            answer: false,
            done: None,
            state: State::Free,
            discard: false,
            asid: 0,
            start: 0,
            va: 0,
            rem: 0,
            n: 0,
            covered: 0,
            address: 0,
            user: 0,
            epoch: 0,
            acc: [0; 2 * MAX_B],
            acc_len: 0,
            ended: false,
            got: 0,
            fault: None,
            outstanding: 0,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.fifo.clear();
        (self.lasts, self.entered, self.acc_len) = (0, 0, 0);
        (self.done, self.fault) = (None, None);
        self.state = State::Free;
        (self.answer, self.ended) = (false, false);
        (self.got, self.outstanding) = (0, 0);
    }

    pub(crate) fn tready(&self) -> bool {
        !self.fifo.is_full()
    }

    /// No packet is being taken.
    pub(crate) fn free(&self) -> bool {
        self.state == State::Free
    }

    /// The side band at the head of the FIFO.
    pub(crate) fn head(&self) -> Option<Side> {
        self.fifo.front().map(|b| b.side)
    }

    /// A core effect: the next op.
    pub(crate) fn start(&mut self, op: RxOp) {
        if !matches!(self.state, State::Free | State::Hold) {
            return;
        }
        self.state = State::Op;
        match op {
            RxOp::Discard => self.discard = true,
            RxOp::Data { asid, va, len } => {
                self.discard = false;
                (self.asid, self.start, self.va, self.rem) = (asid, va, va, len);
            }
        }
    }

    /// The translation request that is up in this cycle.
    pub(crate) fn request(&self) -> Option<Request> {
        (self.state == State::Xlat).then_some(Request {
            asid: self.asid,
            va: self.va,
            write: true,
            tag: 0,
        })
    }

    /// The write asked for in this cycle.
    pub(crate) fn write_request(&self, p: &Profile) -> Option<WriteRequest> {
        (self.state == State::Issue).then(|| WriteRequest {
            writer: Writer::Receive,
            aw: Address {
                id: Id::Mover { epoch: self.epoch },
                addr: self.address & !(p.beat_bytes() as u64 - 1),
                len: burst_beats(p, self.va, self.n).saturating_sub(1) as u8,
                size: p.beat_bytes().trailing_zeros() as u8,
                user: self.user,
            },
            small: Small::default(),
        })
    }

    fn pop(&mut self) -> Option<Beat> {
        let beat = self.fifo.pop()?;
        if beat.last {
            self.lasts -= 1;
            self.ended = true;
        }
        Some(beat)
    }

    /// The next beat of the burst: data and strobes.
    fn load(&mut self, p: &Profile) -> (Data, u64) {
        let b = p.beat_bytes();
        let lo = if self.covered == 0 {
            (self.va % b as u64) as usize
        } else {
            0
        };
        let c = (b - lo).min(self.n.saturating_sub(self.covered) as usize);
        if self.acc_len < c && !self.ended {
            if let Some(beat) = self.pop() {
                let to = self.acc_len;
                self.acc[to..to + beat.bytes].copy_from_slice(&beat.data[..beat.bytes]);
                self.acc_len += beat.bytes;
            }
        }
        let m = c.min(self.acc_len);
        let mut bytes = [0; MAX_B];
        bytes[lo..lo + m].copy_from_slice(&self.acc[..m]);
        self.acc.copy_within(m.., 0);
        self.acc_len -= m;
        self.got = self.got.wrapping_add(m as u32);
        self.covered += c as u32;
        if self.covered >= self.n {
            self.va = self.va.wrapping_add(u64::from(self.n));
            self.rem = self.rem.saturating_sub(self.n);
            self.state = State::Op;
        }
        (data_of(&bytes), crate::ones(m) << lo)
    }

    /// The edge. Gives the number of accesses started (0 or 1) and the write data loaded.
    pub(crate) fn tick(&mut self, p: &Profile, e: &Edge) -> (u32, Option<(Data, u64)>) {
        let room = self.tready();
        let payload = e.loading.then(|| self.load(p));
        let drained = self.outstanding == 0;
        let mut started = 0;
        match self.state {
            // The load of this edge has moved the state on already.
            _ if e.loading => {}
            State::Op if self.discard => {
                if self.ended {
                    self.acc_len = 0;
                    self.state = State::Done;
                } else {
                    self.pop();
                }
            }
            State::Op => self.plan(p),
            State::Xlat if e.xlat.taken => self.state = State::Taken,
            State::Taken => match e.xlat.answer {
                Some(a) if a.cause != CAUSE_NONE => {
                    // The first fault counts: a response may have brought one since the plan.
                    self.fault.get_or_insert((a.cause, self.va));
                    self.state = State::Drain;
                }
                Some(a) => {
                    (self.address, self.user, self.epoch) = (a.address, a.user, e.cur);
                    self.state = State::Issue;
                    started = 1;
                }
                None => {}
            },
            State::Issue if e.granted => {
                self.outstanding += 1;
                self.covered = 0;
                self.state = State::Burst;
            }
            State::Drain if drained => self.state = State::Done,
            State::Done if self.done.is_none() => {
                let (cause, iova) = self.fault.take().unwrap_or((CAUSE_NONE, 0));
                self.done = Some(RxDone {
                    bytes: self.got,
                    ended: self.used_up(),
                    cause,
                    iova,
                });
                self.got = 0;
                self.state = State::Hold;
            }
            State::Hold if self.used_up() => {
                self.ended = false;
                self.state = State::Free;
            }
            _ => {}
        }
        if let Some(b) = e.b.filter(|b| b.id.is_mover()) {
            self.outstanding = self.outstanding.saturating_sub(1);
            if crate::is_bad(b.resp) && self.fault.is_none() {
                self.fault = Some((CAUSE_WRITE_ACCESS, self.start));
            }
        }
        if e.up && room && e.i.s_axis_tvalid {
            self.enter(p, e.i);
        }
        (started, payload)
    }

    fn used_up(&self) -> bool {
        self.ended && self.acc_len == 0
    }

    /// State Op of a DATA: the next burst, if there is enough for it.
    fn plan(&mut self, p: &Profile) {
        if self.rem == 0 || self.used_up() || self.fault.is_some() {
            self.state = State::Drain;
            return;
        }
        let n0 = burst_bytes(self.va, self.rem);
        let held = self.acc_len as u32;
        let all = (self.fifo.len() * p.beat_bytes()) as u32 + held;
        let n = if self.ended {
            n0.min(held)
        } else if self.lasts > 0 {
            n0.min(all)
        } else if all >= n0 {
            n0
        } else {
            return;
        };
        self.n = n;
        self.state = State::Xlat;
    }

    fn enter(&mut self, p: &Profile, i: &Inputs) {
        let b = p.beat_bytes();
        if self.entered == 0 {
            self.answer = TUSER_ANSWER.get(i.s_axis_tuser) == 1;
        }
        let mut data = bytes_of(&i.s_axis_tdata);
        if !self.answer {
            for (at, value) in [(NET_HDR_NUM_BUFFERS, 1), (NET_HDR_NUM_BUFFERS + 1, 0)] {
                if at / b == self.entered {
                    data[at % b] = value;
                }
            }
        }
        let last = i.s_axis_tlast;
        let bytes = if last {
            (i.s_axis_tkeep.trailing_ones() as usize).min(b)
        } else {
            b
        };
        self.fifo.push(Beat {
            data,
            bytes,
            last,
            side: Side {
                dest: i.s_axis_tdest & 0xf_ffff,
                tid: i.s_axis_tid,
                user: i.s_axis_tuser,
            },
        });
        self.lasts += usize::from(last);
        self.entered = if last {
            0
        } else {
            self.entered.saturating_add(1)
        };
    }
}

#[cfg(test)]
mod tests;
