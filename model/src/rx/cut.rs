//! The cutter: what is to become of each packet, in the order of the stream.
//!
//! Timing: TIMING.md §8, "Cut".

use super::enter::Entrance;
use super::op::RxOp;
use super::ring::{Burst, Mark, Ring, Work};
use crate::fifo::Fifo;
use crate::tx::burst_bytes;
use shoal_abi::profile::Profile;

/// Ops that a slot can have in its FIFO.
const OPS: usize = 8;

/// State of the cutter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Free,
    /// For an op of the packet's slot.
    Wait,
    Fetch(RxOp),
    Cut(Data),
    /// The rest of the packet is thrown away.
    Drop(Option<Mark>),
    /// For the last beat to enter.
    Rest,
}

/// What is left of a data op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Data {
    asid: u32,
    va: u64,
    rem: u32,
    end: bool,
}

/// The cutter.
#[derive(Clone, Debug)]
pub(super) struct Cutter {
    /// The slot of each packet, nothing: it is thrown away.
    pub(super) order: Fifo<Option<u16>>,
    /// By slot.
    pub(super) ops: Vec<Fifo<RxOp>>,
    state: State,
    slot: u16,
    /// Bytes cut of the op and of the packet.
    sum: u32,
    done: u32,
}

impl Cutter {
    pub(super) fn new(p: &Profile) -> Self {
        let slots = p.chain_slots + p.rx_slots;
        Self {
            order: Fifo::new(p.rx_packets),
            ops: vec![Fifo::new(OPS); slots],
            state: State::Free,
            slot: 0,
            sum: 0,
            done: 0,
        }
    }

    pub(super) fn reset(&mut self) {
        self.order.clear();
        self.ops.iter_mut().for_each(Fifo::clear);
        self.state = State::Free;
        (self.sum, self.done) = (0, 0);
    }

    fn mark(&self, ended: bool) -> Mark {
        Mark {
            slot: self.slot,
            bytes: self.sum,
            ended,
        }
    }

    /// The edge; `room`: the ring was not full before it.
    pub(super) fn tick(&mut self, entrance: &mut Entrance, ring: &mut Ring, room: bool) {
        match self.state {
            State::Free => match self.order.pop() {
                Some(Some(slot)) => {
                    self.slot = slot;
                    self.state = State::Wait;
                }
                Some(None) => self.state = State::Drop(None),
                None => {}
            },
            State::Wait => {
                let op = self.ops.get_mut(usize::from(self.slot));
                if let Some(op) = op.and_then(Fifo::pop) {
                    self.state = State::Fetch(op);
                }
            }
            State::Fetch(op) => {
                self.sum = 0;
                self.state = match op {
                    RxOp::Discard => State::Drop(Some(self.mark(true))),
                    RxOp::Data { asid, va, len, end } => State::Cut(Data {
                        asid,
                        va,
                        rem: len,
                        end,
                    }),
                };
            }
            State::Cut(data) if room => self.cut(data, entrance, ring),
            State::Drop(mark) if room => {
                ring.push(Work::Fin(mark));
                self.state = State::Rest;
            }
            State::Rest => {
                if entrance.lengths.pop().is_some() {
                    self.done = 0;
                    self.state = State::Free;
                }
            }
            State::Cut(_) | State::Drop(_) => {}
        }
    }

    fn cut(&mut self, data: Data, entrance: &mut Entrance, ring: &mut Ring) {
        let whole = entrance.lengths.front().copied();
        let there = whole.unwrap_or(entrance.entered).wrapping_sub(self.done);
        let Data { asid, va, rem, end } = data;
        let n0 = burst_bytes(va, rem);
        if whole.is_some() && there == 0 {
            ring.push(Work::Fin(Some(self.mark(true))));
            entrance.lengths.pop();
            self.done = 0;
            self.state = State::Free;
        } else if rem == 0 && end {
            self.state = State::Drop(Some(self.mark(true)));
        } else if rem == 0 {
            ring.push(Work::Mark(self.mark(false)));
            self.state = State::Wait;
        } else if whole.is_some() || there >= n0 {
            let n = n0.min(there);
            ring.push(Work::Burst(Burst { asid, va, n }));
            self.sum = self.sum.wrapping_add(n);
            self.done = self.done.wrapping_add(n);
            self.state = State::Cut(Data {
                va: va.wrapping_add(u64::from(n)),
                rem: rem - n,
                ..data
            });
        }
    }
}
