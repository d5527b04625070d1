//! The control unit: the small reads and writes of rings, descriptors, messages, and TRANSLATE.
//!
//! Timing: TIMING.md §4. One op at a time on the issue side; completions of any number of ops come back as events.

use crate::axi_rd::{lane, Address, BResp, Id, RBeat, CLIENT_MOVER};
use crate::axi_wr::{WriteRequest, Writer};
use crate::fifo::Fifo;
use crate::mmu::{Answer, Request, Xlat};
use shoal_abi::mmu::{CAUSE_NONE, CAUSE_WRITE_ACCESS, USER_INTERRUPT};
use shoal_abi::profile::Profile;

const PAGE: u64 = 4096;

/// What an op does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads 1 or 2 words.
    Read(u8),
    /// Writes 1..=8 bytes.
    Write(u8),
    /// Translates for a read or a write and touches no memory.
    #[default]
    TranslateRead,
    TranslateWrite,
}

/// An op of the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CtlOp {
    pub(crate) kind: Kind,
    pub(crate) client: u8,
    /// Nothing: bypass, `va` is the address.
    pub(crate) asid: Option<u32>,
    pub(crate) interrupt: bool,
    pub(crate) va: u64,
    /// Bytes to write, those above the length 0.
    pub(crate) data: u64,
}

/// A word read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReadEvent {
    pub(crate) client: u8,
    pub(crate) word: u8,
    pub(crate) data: u64,
    pub(crate) bad: bool,
}

/// A write done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WriteEvent {
    pub(crate) client: u8,
    pub(crate) bad: bool,
}

/// A translation fault, a bad first part of a write, or the answer of a translation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct XlatEvent {
    pub(crate) client: u8,
    pub(crate) cause: u16,
    pub(crate) iova: u64,
    pub(crate) address: u64,
    pub(crate) user: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// The request is up.
    Xlat,
    /// It has been taken, the answer is to come.
    Taken,
    IssueR,
    IssueW,
    WaitFirst,
}

/// The control unit.
#[derive(Clone, Debug)]
pub(crate) struct Ctl {
    pub(crate) ops: Fifo<CtlOp>,
    pub(crate) reads: Fifo<ReadEvent>,
    pub(crate) writes: Fifo<WriteEvent>,
    pub(crate) xlats: Fifo<XlatEvent>,
    state: State,
    op: CtlOp,
    /// Word of a read that is being issued.
    word: u8,
    /// IOVA, bytes and data of the part of a write that is left.
    va: u64,
    len: u64,
    data: u64,
    address: u64,
    user: u32,
    epoch: u8,
}

impl Ctl {
    pub(crate) fn new() -> Self {
        Self {
            ops: Fifo::new(16),
            reads: Fifo::new(16),
            writes: Fifo::new(16),
            xlats: Fifo::new(16),
            state: State::Idle,
            op: CtlOp::default(),
            word: 0,
            va: 0,
            len: 0,
            data: 0,
            address: 0,
            user: 0,
            epoch: 0,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.ops.clear();
        self.reads.clear();
        self.writes.clear();
        self.xlats.clear();
        self.state = State::Idle;
    }

    pub(crate) fn idle(&self) -> bool {
        self.state == State::Idle
    }

    /// IOVA of the access that is being translated or issued.
    fn access_va(&self) -> u64 {
        match self.op.kind {
            // §4: the IOVA of word w is (va & ~7) + 8 w, also where it faults.
            Kind::Read(_) => (self.op.va & !7).wrapping_add(8 * u64::from(self.word)),
            _ => self.va,
        }
    }

    /// The translation request that is up in this cycle.
    pub(crate) fn request(&self) -> Option<Request> {
        (self.state == State::Xlat).then(|| Request {
            asid: self.op.asid.unwrap_or(0),
            va: self.access_va(),
            write: matches!(self.op.kind, Kind::Write(_) | Kind::TranslateWrite),
        })
    }

    /// The read address asked for in this cycle.
    pub(crate) fn read_request(&self, p: &Profile) -> Option<Address> {
        (self.state == State::IssueR).then(|| {
            let addr = self.address & !7;
            Address {
                id: Id {
                    client: self.op.client,
                    word: self.word,
                    epoch: self.epoch,
                    lane: lane(p, addr),
                }
                .pack(),
                addr,
                len: 0,
                size: 3,
                user: self.user,
            }
        })
    }

    /// Bytes of the write up to the end of the page.
    fn chunk(&self) -> u64 {
        self.len.min(PAGE - self.va % PAGE)
    }

    /// The write asked for in this cycle.
    pub(crate) fn write_request(&self) -> Option<WriteRequest> {
        (self.state == State::IssueW).then(|| {
            let (chunk, shift) = (self.chunk(), self.address % 8);
            let first_part = chunk < self.len;
            let id = Id {
                client: self.op.client,
                word: u8::from(first_part),
                epoch: self.epoch,
                lane: 0,
            };
            WriteRequest {
                writer: Writer::Control,
                aw: Address {
                    id: id.pack(),
                    addr: self.address & !7,
                    len: u8::from(shift + chunk > 8),
                    size: 3,
                    user: self.user,
                },
                // Bytes without strobe are 0: what belongs behind a page boundary stays back (§4).
                window: u128::from(self.data & crate::ones(8 * chunk as usize)) << (8 * shift),
                strobes: (crate::ones(chunk as usize) as u16) << shift,
            }
        })
    }

    /// The edge. Gives the number of accesses started (0 or 1).
    pub(crate) fn tick(
        &mut self,
        p: &Profile,
        xlat: Xlat,
        granted: bool,
        r: Option<&RBeat>,
        b: Option<&BResp>,
        cur: u8,
    ) -> u32 {
        let mut started = false;
        match self.state {
            State::Idle => {
                if let Some(op) = self.ops.pop() {
                    started = self.begin(op, cur);
                }
            }
            State::Xlat if xlat.taken => self.state = State::Taken,
            State::Taken => {
                if let Some(a) = xlat.answer {
                    started = self.translated(a, cur);
                }
            }
            State::IssueR if granted => started = self.next_word(cur),
            State::IssueW if granted => {
                self.state = if self.chunk() == self.len {
                    State::Idle
                } else {
                    State::WaitFirst
                };
            }
            State::Xlat | State::IssueR | State::IssueW => {}
            State::WaitFirst => {
                if let Some(b) = b.filter(|b| b.id.client == self.op.client && b.id.word == 1) {
                    started = self.first_part_done(crate::is_bad(b.resp), cur);
                }
            }
        }
        if let Some(r) = r.filter(|r| r.id.client != CLIENT_MOVER && !r.is_admin()) {
            self.reads.push(ReadEvent {
                client: r.id.client,
                word: r.id.word,
                data: r.word(p, r.id.lane),
                bad: crate::is_bad(r.resp),
            });
        }
        if let Some(b) = b.filter(|b| b.id.client != CLIENT_MOVER && b.id.word == 0) {
            self.writes.push(WriteEvent {
                client: b.id.client,
                bad: crate::is_bad(b.resp),
            });
        }
        u32::from(started)
    }

    fn begin(&mut self, op: CtlOp, cur: u8) -> bool {
        self.op = op;
        self.word = 0;
        self.va = op.va;
        self.data = op.data;
        self.len = match op.kind {
            Kind::Write(n) => u64::from(n.clamp(1, 8)),
            _ => 0,
        };
        self.take_up(cur)
    }

    /// The next access: to the MMU, or with bypass straight to the arbiter, which starts it.
    fn take_up(&mut self, cur: u8) -> bool {
        if self.op.asid.is_some() {
            self.state = State::Xlat;
            return false;
        }
        self.address = self.access_va();
        self.user = if self.op.interrupt { USER_INTERRUPT } else { 0 };
        self.issue(cur)
    }

    fn issue(&mut self, cur: u8) -> bool {
        self.epoch = cur;
        self.state = match self.op.kind {
            Kind::Read(_) => State::IssueR,
            _ => State::IssueW,
        };
        true
    }

    fn translated(&mut self, a: Answer, cur: u8) -> bool {
        let only = matches!(self.op.kind, Kind::TranslateRead | Kind::TranslateWrite);
        if only || a.cause != CAUSE_NONE {
            self.xlats.push(XlatEvent {
                client: self.op.client,
                cause: a.cause,
                iova: self.access_va(),
                address: a.address,
                user: a.user,
            });
            return self.next_word(cur);
        }
        (self.address, self.user) = (a.address, a.user);
        self.issue(cur)
    }

    /// The next word of a read, else the op is done.
    fn next_word(&mut self, cur: u8) -> bool {
        match self.op.kind {
            Kind::Read(words) if self.word + 1 < words => {
                self.word += 1;
                self.take_up(cur)
            }
            _ => {
                self.state = State::Idle;
                false
            }
        }
    }

    fn first_part_done(&mut self, bad: bool, cur: u8) -> bool {
        if bad {
            self.xlats.push(XlatEvent {
                client: self.op.client,
                cause: CAUSE_WRITE_ACCESS,
                iova: self.op.va,
                ..XlatEvent::default()
            });
            self.state = State::Idle;
            return false;
        }
        let chunk = self.chunk();
        self.va = self.va.wrapping_add(chunk);
        self.len -= chunk;
        self.data >>= 8 * chunk;
        // The rest of a bypass write goes to Issue at once and starts an access (§4).
        self.take_up(cur)
    }
}

#[cfg(test)]
mod tests;
