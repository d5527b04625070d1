//! Requests in flight, kept where a server that is killed cannot lose them (vhost-user, "Inflight I/O tracking", split ring).
//!
//! The region has a part a ring: a head of {features, version, desc_num, last_batch_head, used_idx} and for each descriptor
//! {inflight, next, counter}. Back-ends in software mark a chain before they work on it. Here the device fetches the chains itself, so the
//! marks follow what is seen in the rings: chains newly in the available ring are marked, those newly in the used ring are cleared. A look
//! is due every few cycles, far less than the device needs from a chain's fetch to its end; so no chain ends before it is marked, and the
//! entries that a look has missed are still in the rings.
//!
//! `counter` is the place of the chain in the available ring, counted in 64 bits. So three numbers say the same, used_idx + marks =
//! newest counter + 1, and a server that was killed between two stores leaves them one apart: a chain is marked before its counter is
//! stored (+1) and cleared before used_idx is (-1). Whoever opens the region finishes that step, catches up with the rings, and puts
//! the chains in flight, oldest first, into the entries of the available ring from the used index on: the driver has written those and
//! never looks at them again, the device takes them from there. Nothing here relies on chains ending in order. `last_batch_head` and `next` are for those who write the used ring
//! themselves and stay 0.

use std::sync::atomic::Ordering;

use shoal_abi::ring::{AVAIL_IDX, AVAIL_RING, USED_ELEM_BYTES, USED_IDX, USED_RING};
use vm_memory::AtomicAccess;

use crate::env::HostMem;

/// Version of a part; 0 is one that was never used.
const VERSION: u16 = 1;
/// Bytes of the head of a part, and of what is known of a descriptor.
const HEAD_BYTES: u64 = 16;
const STATE_BYTES: u64 = 16;
/// Offsets in the head.
const FEATURES_AT: u64 = 0;
const VERSION_AT: u64 = 8;
const DESC_NUM_AT: u64 = 10;
const USED_IDX_AT: u64 = 14;
/// Offset of `counter` behind `inflight`.
const COUNTER_AT: u64 = 8;
/// Smallest counter of a chain: 0 is a descriptor that never was a head.
const FIRST: u64 = 1 << 16;

/// Bytes of the part of a ring of `desc_num` entries; parts begin on cache lines.
#[must_use]
pub fn part_bytes(desc_num: u16) -> u64 {
    (HEAD_BYTES + u64::from(desc_num) * STATE_BYTES).next_multiple_of(64)
}

/// Memory that others see. Stores happen at once and in order.
pub trait Cells {
    /// What is at `at`, which is aligned.
    fn load<T: AtomicAccess + Default>(&self, at: u64) -> T;
    /// Stores `value` at `at`, which is aligned.
    fn store<T: AtomicAccess>(&self, at: u64, value: T);
}

impl Cells for HostMem {
    fn load<T: AtomicAccess + Default>(&self, at: u64) -> T {
        self.load_atomic(at, Ordering::Acquire).unwrap_or_default()
    }

    fn store<T: AtomicAccess>(&self, at: u64, value: T) {
        // A ring that lies in a region is there as long as the region.
        let _ = self.store_atomic(at, value, Ordering::Release);
    }
}

/// The rings of a virtqueue, in memory.
#[derive(Clone, Debug)]
pub struct Ring<M> {
    /// Where they are.
    pub mem: M,
    /// Address of the available ring.
    pub avail: u64,
    /// Address of the used ring.
    pub used: u64,
    /// Entries, a power of two.
    pub size: u16,
}

impl<M: Cells> Ring<M> {
    fn slot(&self, place: u16) -> u64 {
        u64::from(place & (self.size - 1))
    }

    fn avail_idx(&self) -> u16 {
        u16::from_le(self.mem.load(self.avail + AVAIL_IDX))
    }

    fn used_idx(&self) -> u16 {
        u16::from_le(self.mem.load(self.used + USED_IDX))
    }

    fn set_used_idx(&self, to: u16) {
        self.mem.store(self.used + USED_IDX, to.to_le());
    }

    fn avail_at(&self, place: u16) -> u64 {
        self.avail + AVAIL_RING + self.slot(place) * 2
    }

    /// The head at `place` of the available ring.
    fn given(&self, place: u16) -> usize {
        u16::from_le(self.mem.load(self.avail_at(place))).into()
    }

    /// The head at `place` of the used ring.
    fn done(&self, place: u16) -> usize {
        let at = self.used + USED_RING + self.slot(place) * USED_ELEM_BYTES;
        let id = u32::from_le(self.mem.load(at));
        usize::try_from(id).unwrap_or(usize::MAX)
    }
}

/// What is in flight on one ring.
#[derive(Debug)]
pub struct Track<R, M> {
    part: R,
    ring: Ring<M>,
    /// How far the available ring was taken.
    taken: u64,
    /// How far the used ring was taken.
    used: u16,
    /// By head; a copy of the marks, for the part can be written by others.
    marks: Vec<bool>,
}

fn state_at(head: usize) -> u64 {
    HEAD_BYTES + head as u64 * STATE_BYTES
}

impl<R: Cells, M: Cells> Track<R, M> {
    /// Opens the part `part` for `desc_num` descriptors and makes `ring` ready for the device, which is to start at [`Track::start`].
    /// A part that was never used begins at `base`.
    ///
    /// # Errors
    /// Why the part cannot be what a server left of this ring.
    pub fn open(part: R, desc_num: u16, ring: Ring<M>, base: u16) -> Result<Self, String> {
        if ring.size > desc_num {
            return Err(format!(
                "the ring has {} entries, its part of the in-flight region {desc_num}",
                ring.size
            ));
        }
        let mut track = Self {
            part,
            ring,
            taken: FIRST,
            used: base,
            marks: vec![false; desc_num.into()],
        };
        match track.part.load::<u16>(VERSION_AT) {
            0 => track.begin(base),
            VERSION => {
                track.read()?;
                if let Err(why) = track.recover() {
                    let is_idle = !track.marks.contains(&true) && track.ring.used_idx() == base;
                    if !is_idle {
                        return Err(format!("the in-flight region does not fit the ring: {why}"));
                    }
                    // Nothing is in flight, and the front-end goes on from a place of its own.
                    track.begin(base);
                }
            }
            other => {
                return Err(format!(
                    "version {other} of the in-flight region; {VERSION} is known here"
                ))
            }
        }
        Ok(track)
    }

    /// Where the device starts, in both rings.
    #[must_use]
    pub fn start(&self) -> u16 {
        self.used
    }

    /// Chains in flight.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.place().wrapping_sub(self.used)
    }

    /// Next place of the available ring.
    fn place(&self) -> u16 {
        self.taken as u16
    }

    /// Follows what happened in the rings.
    pub fn look(&mut self) {
        // The used ring first: what is used by now is among what is available then.
        let (done, given) = (self.ring.used_idx(), self.ring.avail_idx());
        let size = self.ring.size;
        if done.wrapping_sub(self.used) > size || given.wrapping_sub(self.place()) > size {
            // No ring goes so far; the device says so.
            return;
        }
        loop {
            // A head comes again only after it was used: a mark that is there is that of the used entry.
            if done != self.used {
                let head = self.ring.done(self.used);
                if self.marks.get(head) == Some(&true) {
                    self.clear(head);
                    continue;
                }
            }
            if given == self.place() {
                return;
            }
            let head = self.ring.given(self.place());
            if head >= size.into() || self.marks[head] {
                // Used behind `done`, and taken with the next look; or the driver is wrong.
                return;
            }
            self.mark(head);
        }
    }

    fn mark(&mut self, head: usize) {
        self.part.store(state_at(head), 1_u8);
        self.part.store(state_at(head) + COUNTER_AT, self.taken);
        self.taken += 1;
        self.marks[head] = true;
    }

    fn clear(&mut self, head: usize) {
        self.part.store(state_at(head), 0_u8);
        self.used = self.used.wrapping_add(1);
        self.part.store(USED_IDX_AT, self.used);
        self.marks[head] = false;
    }

    /// Begins with nothing in flight at `base`.
    fn begin(&mut self, base: u16) {
        self.part.store(VERSION_AT, 0_u16);
        self.part.store(FEATURES_AT, 0_u64);
        for head in 0..self.marks.len() {
            self.part.store(state_at(head), 0_u8);
            self.part.store(state_at(head) + COUNTER_AT, 0_u64);
        }
        let count = u16::try_from(self.marks.len()).unwrap_or(u16::MAX);
        self.part.store(DESC_NUM_AT, count);
        self.part.store(USED_IDX_AT, base);
        // The device will say so with the first chain; until then an old index would stand for chains that are used.
        if self.ring.used_idx() != base {
            self.ring.set_used_idx(base);
        }
        self.part.store(VERSION_AT, VERSION);
        self.marks.fill(false);
        (self.used, self.taken) = (base, FIRST + u64::from(base));
    }

    fn recover(&mut self) -> Result<(), String> {
        self.finish_step()?;
        let (done, given) = (self.ring.used_idx(), self.ring.avail_idx());
        self.look();
        let size = self.ring.size;
        if self.used != done {
            let head = self.ring.done(self.used);
            return Err(format!(
                "used entry {} of {done} is head {head}, which is not in flight",
                self.used
            ));
        }
        if given.wrapping_sub(done) > size || given.wrapping_sub(self.place()) > size {
            return Err(format!(
                "the available index {given} is more than {size} before the used index {done}"
            ));
        }
        self.give_again()
    }

    /// Reads marks and indices.
    fn read(&mut self) -> Result<(), String> {
        let (features, count): (u64, u16) =
            (self.part.load(FEATURES_AT), self.part.load(DESC_NUM_AT));
        if features != 0 || usize::from(count) != self.marks.len() {
            return Err(format!(
                "features {features:#x} and {count} descriptors in the in-flight region; 0 and {} are expected",
                self.marks.len()
            ));
        }
        let mut newest = 0;
        for head in 0..self.marks.len() {
            let at = state_at(head);
            newest = newest.max(self.part.load::<u64>(at + COUNTER_AT));
            self.marks[head] = match self.part.load::<u8>(at) {
                0 => false,
                1 if head < self.ring.size.into() => true,
                n => {
                    let size = self.ring.size;
                    return Err(format!(
                        "the in-flight mark of head {head} is {n} in a ring of {size}"
                    ));
                }
            };
        }
        self.used = self.part.load(USED_IDX_AT);
        self.taken = match newest {
            0 => FIRST + u64::from(self.used),
            // No server lives long enough to count that far.
            n if n < 1 << 63 => n + 1,
            _ => return Err("a counter of the in-flight region is at its end".into()),
        };
        Ok(())
    }

    /// Finishes the step between whose stores the last server ended, if it did.
    fn finish_step(&mut self) -> Result<(), String> {
        let marks = self.marks.iter().filter(|m| **m).count();
        let ahead = self
            .used
            .wrapping_add(marks as u16)
            .wrapping_sub(self.place());
        let (given, done) = (self.ring.given(self.place()), self.ring.done(self.used));
        match ahead {
            0 => Ok(()),
            1 if self.marks.get(given) == Some(&true) => {
                self.mark(given);
                Ok(())
            }
            u16::MAX if self.marks.get(done) == Some(&false) => {
                self.clear(done);
                Ok(())
            }
            _ => Err(format!(
                "{marks} heads in flight from {} on, but taken up to {}",
                self.used,
                self.place()
            )),
        }
    }

    /// Puts what is in flight into the available ring again, the oldest first.
    fn give_again(&mut self) -> Result<(), String> {
        let counter = |head: usize| self.part.load::<u64>(state_at(head) + COUNTER_AT);
        let mut heads: Vec<(u64, u16)> = (0..)
            .zip(&self.marks)
            .filter(|(_, is_marked)| **is_marked)
            .map(|(head, _)| (counter(usize::from(head)), head))
            .collect();
        heads.sort_unstable();
        if let Some(pair) = heads.windows(2).find(|p| p[0].0 == p[1].0) {
            return Err(format!(
                "heads {} and {} have the same counter {}",
                pair[0].1, pair[1].1, pair[0].0
            ));
        }
        for (n, (_, head)) in (0..).zip(heads) {
            let place = self.used.wrapping_add(n);
            if self.ring.given(place) != usize::from(head) {
                self.ring.mem.store(self.ring.avail_at(place), head.to_le());
            }
        }
        Ok(())
    }
}
