//! Issue and load: bursts go to the bus with the bytes of the packet, packets end.
//!
//! Timing: TIMING.md §8, "Issue" and "Load".

use super::enter::{Beat, Entrance};
use super::expect::{Expectations, Expected};
use super::ring::{Burst, Ring, Work};
use crate::epoch::Ends;
use crate::fifo::Fifo;
use crate::mmu::Answer;
use crate::{data_of, ones, MAX_B};
use shoal_abi::mmu::CAUSE_NONE;
use shoal_abi::ports::Data;
use shoal_abi::profile::Profile;

/// A burst whose beats are being loaded.
#[derive(Clone, Copy, Debug)]
struct Load {
    va: u64,
    n: u32,
    /// Bytes of it that have been loaded.
    covered: u32,
}

/// The issuer.
#[derive(Clone, Debug)]
pub(super) struct Issuer {
    load: Option<Load>,
    /// The last beat of the packet has been taken.
    ended: bool,
    /// A burst of the packet has faulted: those behind it are not written.
    skip: bool,
    acc: [u8; 2 * MAX_B],
    acc_len: usize,
}

/// What the issuer works on, and what it saw of it before the edge.
pub(super) struct Around<'a> {
    pub(super) ring: &'a mut Ring,
    pub(super) entrance: &'a mut Entrance,
    pub(super) expectations: &'a mut Expectations,
    /// The expectations were not full.
    pub(super) room: bool,
    pub(super) granted: bool,
    pub(super) loading: bool,
}

impl Issuer {
    pub(super) fn new() -> Self {
        Self {
            load: None,
            ended: false,
            skip: false,
            acc: [0; 2 * MAX_B],
            acc_len: 0,
        }
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }

    /// Bursts of the packet are skipped.
    #[cfg(test)]
    pub(super) fn skips(&self) -> bool {
        self.skip
    }

    /// The burst for which the W arbiter is asked in this cycle.
    pub(super) fn wanted(&self, ring: &Ring) -> Option<(Burst, Answer)> {
        let item = ring.gone()?;
        match (item.work, item.answer) {
            (Work::Burst(burst), Some(a)) if a.cause == CAUSE_NONE && !self.skip => {
                Some((burst, a))
            }
            _ => None,
        }
    }

    /// The edge. Gives the write data loaded, and whether a packet is through.
    pub(super) fn tick(
        &mut self,
        p: &Profile,
        around: &mut Around,
        ends: &mut Ends,
    ) -> (Option<(Data, u64)>, bool) {
        let free = self.load.is_none();
        let payload = around
            .loading
            .then(|| self.load(p, &mut around.entrance.beats));
        let ended = self.ended;
        let gone = around.ring.gone().map(|item| item.work);
        if free && !ended && (self.skip || matches!(gone, Some(Work::Fin(_)))) {
            // Nobody takes the rest of the packet, which may be longer than the FIFO.
            self.ended = around.entrance.beats.pop().is_some_and(|b| b.last);
        }
        (payload, self.issue(around, free, ended, ends))
    }

    /// Before the edge, `free`: no burst was being loaded; `ended`: as the field. True if a packet is through.
    fn issue(&mut self, around: &mut Around, free: bool, ended: bool, ends: &mut Ends) -> bool {
        let Some(item) = around.ring.gone().copied() else {
            return false;
        };
        let mut through = false;
        match item.work {
            Work::Burst(burst) => {
                let Some(a) = item.answer else {
                    return false;
                };
                if a.cause != CAUSE_NONE {
                    if !around.room {
                        return false;
                    }
                    around.expectations.push(Expected::Fault {
                        cause: a.cause,
                        iova: burst.va,
                    });
                    self.skip = true;
                } else if self.skip {
                    ends.add(item.epoch);
                } else if around.granted {
                    around.expectations.push(Expected::Burst {
                        epoch: item.epoch,
                        va: burst.va,
                    });
                    self.load = Some(Load {
                        va: burst.va,
                        n: burst.n,
                        covered: 0,
                    });
                } else {
                    return false;
                }
            }
            Work::Fin(mark) => {
                if !free || !ended || mark.is_some() && !around.room {
                    return false;
                }
                if let Some(mark) = mark {
                    around.expectations.push(Expected::Mark(mark));
                }
                (self.acc_len, self.ended, self.skip) = (0, false, false);
                through = true;
            }
            Work::Mark(mark) => {
                if !free || !around.room {
                    return false;
                }
                around.expectations.push(Expected::Mark(mark));
            }
        }
        around.ring.go();
        through
    }

    /// The next beat of the burst: data and strobes.
    fn load(&mut self, p: &Profile, beats: &mut Fifo<Beat>) -> (Data, u64) {
        let Some(load) = &mut self.load else {
            return Default::default();
        };
        let b = p.beat_bytes();
        let lo = if load.covered == 0 {
            (load.va % b as u64) as usize
        } else {
            0
        };
        let c = (b - lo).min((load.n - load.covered) as usize);
        load.covered += c as u32;
        if load.covered >= load.n {
            self.load = None;
        }
        if self.acc_len < c && !self.ended {
            if let Some(beat) = beats.pop() {
                let to = self.acc_len;
                self.acc[to..to + beat.bytes].copy_from_slice(&beat.data[..beat.bytes]);
                self.acc_len += beat.bytes;
                self.ended = beat.last;
            }
        }
        let m = c.min(self.acc_len);
        let mut bytes = [0; MAX_B];
        bytes[lo..lo + m].copy_from_slice(&self.acc[..m]);
        self.acc.copy_within(m.., 0);
        self.acc_len -= m;
        (data_of(&bytes), ones(m) << lo)
    }
}
