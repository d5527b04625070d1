//! The reader: ring entries, descriptors and command bytes, many reads under way at a time.
//!
//! Timing: TIMING.md §9.2. What was asked for is expected in order: the words of control reads wait for the sequencer, command
//! bytes go into the slots.

use super::slots::Slots;
use crate::axi_rd::{Address, Id, RBeat};
use crate::fifo::Fifo;
use shoal_abi::ports::Data;
use shoal_abi::profile::Profile;

/// Jobs that wait.
pub(super) const JOBS: usize = 4;
/// Jobs that may wait when the sequencer takes a step: a step pushes up to two.
pub(super) const JOBS_AT_STEP: usize = 2;
/// Records expected, of a kind of reads or of writes.
pub(super) const EXPECTED: usize = 32;

/// ID field `word`: reads for the sequencer.
const CONTROL: usize = 0;
/// ID field `word`: command bytes.
const DATA: usize = 1;

/// What a control read is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Control {
    /// avail.idx.
    #[default]
    Avail,
    /// An entry of the available ring.
    Ring,
    Desc,
    /// avail.flags.
    Flags,
}

/// A read for the sequencer: a word at `va`, two of a descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ControlRead {
    pub(super) what: Control,
    pub(super) slot: usize,
    pub(super) va: u64,
}

impl ControlRead {
    fn words(&self) -> usize {
        match self.what {
            Control::Desc => 2,
            _ => 1,
        }
    }
}

/// `n` bytes at `va`, the command bytes of the slot from `pos` on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) slot: usize,
    pub(super) va: u64,
    pub(super) n: usize,
    pub(super) pos: usize,
}

/// What the reader is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadJob {
    Control(ControlRead),
    Data(Piece),
    /// All bytes of the command of the slot have been asked for.
    Mark(usize),
}

impl Default for ReadJob {
    fn default() -> Self {
        Self::Mark(0)
    }
}

/// What the data side waits for.
#[derive(Clone, Copy, Debug)]
enum Expected {
    Piece(Piece),
    Mark(usize),
}

impl Default for Expected {
    fn default() -> Self {
        Self::Mark(0)
    }
}

/// A word as it came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Word {
    data: Data,
    pub(super) bad: bool,
}

impl Word {
    /// The word at `va`, on the lane of its address.
    pub(super) fn at(&self, p: &Profile, va: u64) -> u64 {
        self.data[(va >> 3) as usize % p.lanes()]
    }
}

/// The reader.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) jobs: Fifo<ReadJob>,
    /// The job that is being done, and the word of a descriptor.
    run: Option<ReadJob>,
    second: bool,
    control: Fifo<ControlRead>,
    data: Fifo<Expected>,
    control_words: Fifo<Word>,
    data_words: Fifo<Word>,
    /// What the data side does to a slot at the next edge.
    delivery: Option<(Expected, Word)>,
    /// Words still to come, control and data.
    out: [u32; 2],
}

/// Which of the two kinds of words a beat brings.
fn word_of(r: &RBeat) -> Option<usize> {
    match r.id {
        Id::Admin { word } => Some(usize::from(word & 1)),
        _ => None,
    }
}

impl Reader {
    pub(super) fn new() -> Self {
        Self {
            jobs: Fifo::new(JOBS),
            run: None,
            second: false,
            control: Fifo::new(EXPECTED),
            data: Fifo::new(EXPECTED),
            control_words: Fifo::new(2 * EXPECTED),
            data_words: Fifo::new(EXPECTED),
            delivery: None,
            out: [0; 2],
        }
    }

    /// All but the numbers of words still to come.
    pub(super) fn clear(&mut self) {
        let out = self.out;
        self.jobs.clear();
        self.control.clear();
        self.data.clear();
        self.control_words.clear();
        self.data_words.clear();
        (self.run, self.second, self.delivery) = (None, false, None);
        self.out = out;
    }

    pub(super) fn none_out(&self) -> bool {
        self.out == [0; 2]
    }

    /// The address asked for in this cycle.
    pub(super) fn request(&self) -> Option<Address> {
        let (word, va) = match self.run? {
            ReadJob::Control(c) if self.second => (CONTROL, c.va.wrapping_add(8)),
            ReadJob::Control(c) if !self.control.is_full() => (CONTROL, c.va),
            ReadJob::Data(piece) if !self.data.is_full() => (DATA, piece.va),
            _ => return None,
        };
        Some(Address {
            id: Id::Admin { word: word as u8 },
            addr: va & !7,
            len: 0,
            size: 3,
            user: 0,
        })
    }

    /// Counts the words still to come: one more is asked for, one less has come.
    pub(super) fn count(&mut self, granted: bool, r: Option<&RBeat>) {
        if granted {
            self.out[usize::from(matches!(self.run, Some(ReadJob::Data(_))))] += 1;
        }
        if let Some(word) = r.and_then(word_of) {
            let out = &mut self.out[word];
            *out = out.saturating_sub(1);
        }
    }

    /// The oldest control read, if its words have all come.
    pub(super) fn control(&self) -> Option<(ControlRead, [Word; 2])> {
        let read = *self.control.front()?;
        let first = *self.control_words.front()?;
        let last = *self.control_words.get(read.words() - 1)?;
        Some((read, [first, last]))
    }

    pub(super) fn pop_control(&mut self) {
        let words = self.control.pop().map_or(0, |read| read.words());
        for _ in 0..words {
            self.control_words.pop();
        }
    }

    /// The edge of a live cycle; `r` is a beat of the admin queue.
    pub(super) fn tick(
        &mut self,
        p: &Profile,
        slots: &mut Slots,
        granted: bool,
        r: Option<&RBeat>,
    ) {
        // Room is judged before the data side makes some.
        let room = !self.data.is_full();
        self.deliver(p, slots);
        match self.run {
            None => self.run = self.jobs.pop(),
            Some(ReadJob::Mark(slot)) if room => {
                self.data.push(Expected::Mark(slot));
                self.run = None;
            }
            Some(ReadJob::Control(read)) if granted => {
                if !self.second {
                    self.control.push(read);
                }
                self.second = !self.second && read.words() == 2;
                if !self.second {
                    self.run = None;
                }
            }
            Some(ReadJob::Data(rest)) if granted => self.run = self.piece(rest),
            Some(_) => {}
        }
        if let Some((r, kind)) = r.and_then(|r| Some((r, word_of(r)?))) {
            let word = Word {
                data: r.data,
                bad: crate::is_bad(r.resp),
            };
            if kind == DATA {
                self.data_words.push(word);
            } else {
                self.control_words.push(word);
            }
        }
    }

    /// A word of command bytes has been asked for; gives what is left.
    fn piece(&mut self, rest: Piece) -> Option<ReadJob> {
        let Piece { slot, va, n, pos } = rest;
        let now = n.min(8 - (va % 8) as usize).min(8 - pos % 8);
        self.data.push(Expected::Piece(Piece { n: now, ..rest }));
        let left = Piece {
            slot,
            va: va.wrapping_add(now as u64),
            n: n - now,
            pos: pos + now,
        };
        (left.n > 0).then_some(ReadJob::Data(left))
    }

    /// The data side: takes a record in one cycle, and has its effect at the edge of the next.
    fn deliver(&mut self, p: &Profile, slots: &mut Slots) {
        match self.delivery.take() {
            Some((Expected::Mark(slot), _)) => slots.at(slot).gathered = true,
            Some((Expected::Piece(piece), word)) => {
                let Piece { slot, va, n, pos } = piece;
                let (from, bytes) = ((va % 8) as usize, word.at(p, va).to_le_bytes());
                let slot = slots.at(slot);
                slot.bytes[pos..pos + n].copy_from_slice(&bytes[from..from + n]);
                slot.bad |= word.bad;
            }
            None => {
                let word = match self.data.front() {
                    Some(Expected::Mark(_)) => Word::default(),
                    Some(Expected::Piece(_)) if !self.data_words.is_empty() => {
                        self.data_words.pop().unwrap_or_default()
                    }
                    _ => return,
                };
                self.delivery = self.data.pop().map(|what| (what, word));
            }
        }
    }
}
