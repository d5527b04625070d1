//! The writer: answers, used elements and the used index, many writes under way at a time.
//!
//! Timing: TIMING.md §9.3. Marks between the writes say what is done once all responses before them have come.

use super::reader::{EXPECTED, JOBS};
use crate::axi_rd::{BResp, Id};
use crate::axi_wr::{Small, WriteRequest, Writer as Owner};
use crate::fifo::Fifo;
use shoal_abi::profile::Profile;

/// What is done with the writes before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mark {
    /// An answer of the core.
    #[default]
    Answer,
    /// The answer of a command that has no room for one.
    Mute,
    /// A used element.
    Element,
    /// The used index.
    Index,
}

/// Where the bytes of a job come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The answer of the core, from a byte on.
    Answer(usize),
    Value(u64),
}

/// What the writer is told to do: `n` bytes at `va`, then a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WriteJob {
    pub(super) va: u64,
    pub(super) n: usize,
    pub(super) from: Source,
    pub(super) mark: Option<Mark>,
}

impl Default for WriteJob {
    fn default() -> Self {
        Self {
            va: 0,
            n: 0,
            from: Source::Value(0),
            mark: None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
enum Expected {
    #[default]
    Piece,
    Mark(Mark),
}

/// What the oldest record expected has come to in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    Mark(Mark),
    /// A write succeeded.
    Done,
    /// A write failed.
    Bad,
}

/// The writer.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pub(super) jobs: Fifo<WriteJob>,
    run: Option<WriteJob>,
    expected: Fifo<Expected>,
    /// Responses as they came: bad or not.
    responses: Fifo<bool>,
    /// Responses still to come.
    out: u32,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self {
            jobs: Fifo::new(JOBS),
            run: None,
            expected: Fifo::new(EXPECTED),
            responses: Fifo::new(EXPECTED),
            out: 0,
        }
    }

    /// All but the number of responses still to come.
    pub(super) fn clear(&mut self) {
        self.jobs.clear();
        self.run = None;
        self.expected.clear();
        self.responses.clear();
    }

    pub(super) fn none_out(&self) -> bool {
        self.out == 0
    }

    /// The write asked for in this cycle.
    pub(super) fn request(&self, p: &Profile, answer: &[u8]) -> Option<WriteRequest> {
        let job = self.run.filter(|j| j.n > 0 && !self.expected.is_full())?;
        let n = piece(&job);
        let data = match job.from {
            Source::Value(v) => v & crate::ones(8 * n),
            Source::Answer(at) => {
                let mut word = [0; 8];
                for (to, from) in word[..n].iter_mut().zip(answer.iter().skip(at)) {
                    *to = *from;
                }
                u64::from_le_bytes(word)
            }
        };
        let small = Small::word(job.va, data, n);
        let id = Id::Admin { word: 0 };
        Some(WriteRequest::small(p, Owner::Admin, id, 0, small))
    }

    /// Counts the responses still to come: one more write is granted, one less has come.
    pub(super) fn count(&mut self, granted: bool, b: Option<&BResp>) {
        self.out += u32::from(granted);
        self.out = self.out.saturating_sub(u32::from(b.is_some()));
    }

    /// The edge of a live cycle; `b` is a response of the admin queue, `stuck` holds the responses up. Gives what a record expected
    /// has come to, and the mark that is pushed behind the writes at this edge.
    pub(super) fn tick(
        &mut self,
        granted: bool,
        b: Option<&BResp>,
        stuck: bool,
    ) -> (Option<Passed>, Option<Mark>) {
        // Room is judged before a response makes some.
        let room = !self.expected.is_full();
        let passed = if stuck { None } else { self.pass() };
        let mut pushed = None;
        match self.run {
            None => self.run = self.jobs.pop(),
            Some(job) if job.n > 0 => {
                if granted {
                    self.expected.push(Expected::Piece);
                    self.run = Some(behind(&job));
                }
            }
            Some(job) => match job.mark {
                None => self.run = None,
                Some(mark) if room => {
                    self.expected.push(Expected::Mark(mark));
                    (self.run, pushed) = (None, Some(mark));
                }
                Some(_) => {}
            },
        }
        if let Some(b) = b {
            self.responses.push(crate::is_bad(b.resp));
        }
        (passed, pushed)
    }

    fn pass(&mut self) -> Option<Passed> {
        match *self.expected.front()? {
            Expected::Mark(mark) => {
                self.expected.pop();
                Some(Passed::Mark(mark))
            }
            Expected::Piece => {
                let bad = self.responses.pop()?;
                self.expected.pop();
                Some(if bad { Passed::Bad } else { Passed::Done })
            }
        }
    }
}

/// Bytes of the next write of a job: up to the end of a word.
fn piece(job: &WriteJob) -> usize {
    job.n.min(8 - (job.va % 8) as usize)
}

/// What is left of a job behind its next write.
fn behind(job: &WriteJob) -> WriteJob {
    let n = piece(job);
    WriteJob {
        va: job.va.wrapping_add(n as u64),
        n: job.n - n,
        from: match job.from {
            Source::Answer(at) => Source::Answer(at + n),
            // A shift by a whole word leaves nothing.
            Source::Value(v) => Source::Value(v.checked_shr(8 * n as u32).unwrap_or(0)),
        },
        mark: job.mark,
    }
}
