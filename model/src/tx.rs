//! The transmit mover: reads the readable bytes of chains and sends them as packets on `m_axis`.
//!
//! Ops are cut into bursts, which stand in a ring ([`ring`]) while they are translated, read, and packed ([`pack`]).
//!
//! Timing: TIMING.md §7.

mod op;
mod pack;
mod ring;

use crate::axi_rd::{Address, Id, RBeat};
use crate::epoch::Ends;
use crate::fifo::Fifo;
use crate::mmu::{Request, Xlat};
pub(crate) use op::{Side, TxData, TxDone, TxEnd, TxOp};
use pack::{Packer, ReadBeat};
use ring::{Burst, Item, Ring};
use shoal_abi::mmu::CAUSE_NONE;
use shoal_abi::ports::Data;
use shoal_abi::profile::Profile;

/// Bursts end at multiples of this many bytes.
pub(crate) const BURST: u64 = 256;
/// Bytes of a last beat that are worth a read of the bytes before them alone.
const SPARED: u64 = 48;
/// Beats of the out FIFO, and how many may stand in it when the packer moves.
const OUT_DEPTH: usize = 4;
const OUT_ROOM: usize = 2;

/// A beat of `m_axis`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamBeat {
    pub(crate) data: Data,
    pub(crate) keep: u64,
    pub(crate) last: bool,
    pub(crate) side: Side,
}

/// What the mover sees at an edge.
pub(crate) struct Edge<'a> {
    pub(crate) xlat: Xlat,
    pub(crate) granted: bool,
    pub(crate) r: Option<&'a RBeat>,
    pub(crate) tready: bool,
    pub(crate) cur: u8,
}

/// The mover.
#[derive(Clone, Debug)]
pub(crate) struct Tx {
    pub(crate) ops: Fifo<TxOp>,
    pub(crate) done: Fifo<TxDone>,
    pub(crate) out: Fifo<StreamBeat>,
    /// The op that is being cut; `va` and `len` of its data are what is left.
    work: Option<TxOp>,
    ring: Ring,
    /// A burst of the packet has faulted: those behind it are not read.
    skip: bool,
    /// Beats asked for and not yet packed.
    held: u32,
    /// The burst to be issued lacks its tail alone.
    tails: bool,
    beats: Fifo<ReadBeat>,
    /// Of the reads granted whose last beat has not come: the epoch of the burst that ends with it.
    reading: Fifo<Option<u8>>,
    packer: Packer,
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

/// The tail of a burst: the little that would be alone in a last beat, and is a read of its own.
fn tail_bytes(p: &Profile, burst: &Burst) -> u32 {
    let b = p.beat_bytes() as u64;
    let tail = (burst.va.wrapping_add(u64::from(burst.n)) % b) as u32;
    if u64::from(tail) + SPARED <= b && burst.n > tail {
        tail
    } else {
        0
    }
}

/// log2 of the bytes of a beat of a read of `n` bytes from `va`: if one beat holds them, no more than that takes.
fn beat_size(p: &Profile, va: u64, n: u32) -> u8 {
    let full = p.beat_bytes().trailing_zeros() as u8;
    let last = va.wrapping_add(u64::from(n.max(1)) - 1);
    (0..full).find(|k| va >> k == last >> k).unwrap_or(full)
}

impl Tx {
    pub(crate) fn new(p: &Profile) -> Self {
        Self {
            ops: Fifo::new(p.tx_ops),
            done: Fifo::new(1 << p.slot_w),
            out: Fifo::new(OUT_DEPTH),
            work: None,
            ring: Ring::new(p),
            skip: false,
            held: 0,
            tails: false,
            beats: Fifo::new(p.tx_beats),
            reading: Fifo::new(2 * p.tx_items),
            packer: Packer::new(),
        }
    }

    pub(crate) fn reset(&mut self) {
        self.ops.clear();
        self.done.clear();
        self.out.clear();
        (self.work, self.skip, self.held) = (None, false, 0);
        self.tails = false;
        self.ring.clear();
        self.beats.clear();
        self.reading.clear();
        self.packer.reset();
    }

    /// The translation request that is up in this cycle.
    pub(crate) fn request(&self) -> Option<Request> {
        let (place, item) = self.ring.asked()?;
        item.burst.map(|burst| Request {
            asid: burst.asid,
            va: burst.va,
            write: false,
            tag: place as u16,
        })
    }

    /// The read address asked for in this cycle.
    pub(crate) fn read_request(&self, p: &Profile) -> Option<Address> {
        let item = self.ring.gone()?;
        let (burst, answer) = (item.burst?, item.answer?);
        let tail = tail_bytes(p, &burst);
        let room = self.held + burst_beats(p, burst.va, burst.n);
        let readable = answer.cause == CAUSE_NONE && !self.skip;
        let can = self.tails || readable && room as usize <= p.tx_beats;
        if !can {
            return None;
        }
        let (from, n) = if self.tails {
            (u64::from(burst.n - tail), tail)
        } else {
            (0, burst.n - tail)
        };
        let va = burst.va.wrapping_add(from);
        let size = beat_size(p, va, n);
        Some(Address {
            id: Id::Mover,
            addr: answer.address.wrapping_add(from) & !((1 << size) - 1),
            len: burst_beats(p, va, n).saturating_sub(1) as u8,
            size,
            user: answer.user,
        })
    }

    /// The edge. Gives the number of accesses started (0 or 1) and tells of those that end.
    pub(crate) fn tick(&mut self, p: &Profile, e: &Edge, ends: &mut Ends) -> u32 {
        // What the steps see of each other is the state before the edge, so the last one goes first.
        let full = self.ring.is_full();
        let faulted = self.skip && self.ring.is_endless();
        let out = self.out.len();
        if out <= OUT_ROOM && !self.done.is_full() {
            self.pack(p);
        }
        if e.tready && out != 0 {
            self.out.pop();
        }
        self.issue(p, e.granted, ends);
        self.ask(e.xlat.taken);
        self.cut(full, faulted);
        if let Some(r) = e.r.filter(|r| r.id.is_mover()) {
            self.beats.push(ReadBeat {
                data: r.data,
                bad: crate::is_bad(r.resp),
            });
            if r.last {
                if let Some(epoch) = self.reading.pop().flatten() {
                    ends.add(epoch);
                }
            }
        }
        match e.xlat.answer {
            Some(answer) => {
                self.ring.answer(answer.tag, answer, e.cur);
                u32::from(answer.cause == CAUSE_NONE)
            }
            None => 0,
        }
    }

    fn pack(&mut self, p: &Profile) {
        let Some(item) = self.ring.head().copied() else {
            return;
        };
        if !self.packer.wants(&item) {
            self.ring.pop();
            if let Some(done) = self.packer.end(p, &item, &mut self.out) {
                self.done.push(done);
            }
        } else if let Some(beat) = self.beats.pop() {
            self.held = self.held.saturating_sub(1);
            if self.packer.take(p, &item, &beat, &mut self.out) {
                self.ring.pop();
            }
        }
    }

    fn issue(&mut self, p: &Profile, granted: bool, ends: &mut Ends) {
        let Some(item) = self.ring.gone().copied() else {
            return;
        };
        match (item.burst, item.answer) {
            (Some(_), None) => return,
            (None, _) => {}
            (Some(_), Some(a)) if a.cause != CAUSE_NONE => self.skip = true,
            (Some(_), Some(_)) if self.skip => ends.add(item.epoch),
            (Some(burst), Some(_)) if granted => {
                if !self.tails {
                    self.held += burst_beats(p, burst.va, burst.n);
                }
                self.tails = !self.tails && tail_bytes(p, &burst) > 0;
                self.reading.push((!self.tails).then_some(item.epoch));
                if self.tails {
                    return;
                }
            }
            (Some(_), Some(_)) => return,
        }
        self.ring.go(granted);
        if item.end.is_some() {
            self.skip = false;
        }
    }

    fn ask(&mut self, taken: bool) {
        let passes = self.ring.asked().is_some_and(|(_, i)| i.burst.is_none());
        if taken || passes {
            self.ring.ask();
        }
    }

    /// `faulted`: the op at work is behind a fault of its own packet, so what is left of its data is of no use.
    fn cut(&mut self, full: bool, faulted: bool) {
        let done = match &mut self.work {
            None => true,
            Some(op) => {
                let (burst, rest) = match op.data.filter(|d| d.len > 0 && !faulted) {
                    Some(TxData { asid, va, len }) => {
                        let n = burst_bytes(va, len);
                        let rest = TxData {
                            asid,
                            va: va.wrapping_add(u64::from(n)),
                            len: len - n,
                        };
                        (Some(Burst { asid, va, n }), Some(rest))
                    }
                    None => (None, None),
                };
                let end = op.end.filter(|_| rest.is_none_or(|r| r.len == 0));
                if burst.is_none() && end.is_none() {
                    true
                } else if full {
                    false
                } else {
                    self.ring.push(Item {
                        burst,
                        end,
                        side: op.side,
                        ..Item::default()
                    });
                    op.data = rest;
                    rest.is_none_or(|r| r.len == 0)
                }
            }
        };
        if done {
            self.work = self.ops.pop();
        }
    }
}

#[cfg(test)]
mod tests;
