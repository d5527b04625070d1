//! A split ring as the device has read and written it.
//!
//! Spec: virtio 1.4 §2.7. Nothing is known but what passed the port: a descriptor counts only if it was read after the device
//! had seen it made available. Some chains are under way at a time. The admin queue is such a ring too, its chains are executed and
//! used in order; of it the bytes of commands and answers are kept.

use std::collections::{HashMap, VecDeque};

use shoal_abi::profile::VISIT_CHAINS;
use shoal_abi::ring::{
    AVAIL_IDX, AVAIL_RING, DESC_BYTES, DESC_F_INDIRECT, DESC_F_NEXT, DESC_F_WRITE, USED_ELEM_BYTES,
    USED_RING,
};

use super::chain::{Capture, Chain, Half};
use super::msi::Wish;

/// A rule broken and the numbers.
pub(super) type Refusal = (&'static str, String);

/// The areas of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Descriptor table.
    Desc,
    /// Available ring with `used_event`.
    Avail,
    /// Used ring with `avail_event`.
    Used,
}

/// What a buffer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Device-readable.
    Read,
    /// Device-writable.
    Write,
    /// Indirect table.
    Table,
}

/// A range of IOVAs that a chain under way gives to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Buffer {
    pub(super) kind: Kind,
    pub(super) iova: u64,
    pub(super) len: u64,
    /// Bytes of this kind before it in the chain.
    pub(super) offset: u64,
    /// The chain: its number among the entries of the available ring.
    pub(super) entry: u16,
}

/// What an accepted write was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Did {
    /// Of this chain.
    Payload(u16),
    /// The used elements of this chain and of the ones behind it, so many in all.
    Elements(u16, u16),
    /// `used.idx` has this value now; the chains up to it are over.
    Index(u16),
    AvailEvent,
    /// Something of a queue whose rings or buffers overlap with others.
    Unknown,
}

/// One ring.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) size: u16,
    /// IOVAs of the descriptor table, the available and the used ring.
    pub(super) base: [u64; 3],
    pub(super) event_idx: bool,
    /// Its rings or buffers overlap with those of others.
    pub(super) blurred: bool,
    /// A descriptor of a chain under way was read again and was another: the driver changes what it made available.
    pub(super) changed: bool,
    pub(super) last_avail: u16,
    pub(super) used_idx: u16,
    /// Values of `avail.idx` that the device has read and that are ahead of `last_avail`, with the cycle.
    avail: VecDeque<(u16, u64)>,
    /// Entries of the available ring: value and when the read was issued.
    entries: HashMap<u16, (u16, u64)>,
    descs: HashMap<u16, [Half; 2]>,
    /// Chains under way, from entry `last_avail` on.
    pub(super) chains: VecDeque<Chain>,
    /// Chains that were used and not taken yet.
    pub(super) over: Vec<Chain>,
    /// It is the admin queue: as many chains as there are entries may be under way.
    admin: bool,
    /// Cycle in which the device had not begun with the next command.
    free: u64,
}

/// Entries kept of what the device read before old ones are dropped.
const KEEP: usize = 1024;

pub(super) fn le16(b: &[u8]) -> u16 {
    u16::from_le_bytes([b[0], b[1]])
}

impl Ring {
    /// A ring that goes on at `state` = {last_avail, used_idx}. `admin` keeps the bytes of commands.
    pub(super) fn new(
        size: u16,
        base: [u64; 3],
        state: (u16, u16),
        event_idx: bool,
        admin: bool,
    ) -> Self {
        Self {
            size,
            base,
            event_idx,
            blurred: false,
            changed: false,
            last_avail: state.0,
            used_idx: state.1,
            avail: VecDeque::new(),
            entries: HashMap::new(),
            descs: HashMap::new(),
            chains: VecDeque::new(),
            over: Vec::new(),
            admin,
            free: 0,
        }
    }

    /// First IOVA and bytes of a part.
    pub(super) fn area(&self, part: Part) -> (u64, u64) {
        let n = u64::from(self.size);
        match part {
            Part::Desc => (self.base[0], n * DESC_BYTES),
            Part::Avail => (self.base[1], AVAIL_RING + 2 * n + 2),
            Part::Used => (self.base[2], USED_RING + USED_ELEM_BYTES * n + 2),
        }
    }

    /// True if the device knows of a command that it has not executed.
    pub(super) fn has_work(&self) -> bool {
        let executed = self.chains.iter().filter(|c| !c.waits()).count();
        let next = self.last_avail.wrapping_add(executed as u16);
        self.avail.back().is_some_and(|(idx, _)| *idx != next)
    }

    /// The oldest command, if its whole answer was written.
    pub(super) fn executed(&mut self) -> Option<Capture> {
        let chain = self.chains.iter_mut().find(|c| c.waits())?;
        let room = chain.next.is_none().then_some(chain.writable);
        let capture = chain.capture.take_if(|c| {
            let whole = c.answer_bytes().min(room.unwrap_or(u64::MAX));
            c.answered > 0 && c.answered as u64 >= whole
        })?;
        let taken = capture.taken.max(self.free);
        self.free = capture.done;
        Some(Capture { taken, ..*capture })
    }

    /// The chain of entry `entry`.
    pub(super) fn chain(&mut self, entry: u16) -> Option<&mut Chain> {
        let n = entry.wrapping_sub(self.last_avail);
        self.chains.get_mut(usize::from(n))
    }

    /// The device got `bytes` of a ring area from offset `off` on (which may lie ahead of the area), by a read issued in `issued`.
    /// New buffers are appended to `out`; what the driver says about interrupts is returned.
    pub(super) fn read(
        &mut self,
        part: Part,
        off: i64,
        bytes: &[u8],
        issued: u64,
        cycle: u64,
        out: &mut Vec<Buffer>,
    ) -> Option<Wish> {
        let at = |want: u64, len: usize| {
            let from = usize::try_from(i64::try_from(want).ok()? - off).ok()?;
            bytes.get(from..from + len)
        };
        let mut wish = None;
        match part {
            Part::Avail => {
                let end = u64::from(self.size) * 2 + AVAIL_RING;
                if self.event_idx {
                    wish = at(end, 2).map(|b| Wish::UsedEvent(le16(b)));
                } else {
                    wish = at(0, 2).map(|b| Wish::Flags(le16(b)));
                }
                let first = (off.max(AVAIL_RING as i64) as u64 + 1) & !1;
                // What comes in one beat with avail.idx was read after it as much as before it.
                let with_idx = at(AVAIL_IDX, 2).is_some();
                let issued = if with_idx { cycle + 1 } else { issued };
                for want in (first..end).step_by(2) {
                    let Some(b) = at(want, 2) else { break };
                    let slot = ((want - AVAIL_RING) / 2) as u16;
                    let other = |c: &Chain| c.entry % self.size == slot && c.head != le16(b);
                    self.changed |= self.chains.iter().any(other);
                    self.entries.insert(slot, (le16(b), issued));
                }
                if let Some(b) = at(AVAIL_IDX, 2) {
                    let idx = le16(b);
                    if self.avail.back().map_or(self.last_avail, |a| a.0) != idx {
                        self.avail.push_back((idx, cycle));
                    }
                }
            }
            Part::Desc => {
                let end = u64::from(self.size) * DESC_BYTES;
                let first = (off.max(0) as u64 + 7) & !7;
                for want in (first..end).step_by(8) {
                    let Some(b) = at(want, 8) else { break };
                    let half = (u64::from_le_bytes(b.try_into().unwrap_or_default()), issued);
                    let index = (want / DESC_BYTES) as u16;
                    let old = &mut self.descs.entry(index).or_default()[(want / 8 % 2) as usize];
                    let walked = |c: &Chain| c.walked.contains(&(false, index));
                    self.changed |= old.0 != half.0 && self.chains.iter().any(walked);
                    *old = half;
                }
            }
            Part::Used => return None,
        }
        self.advance(cycle, out);
        wish
    }

    /// The device got `bytes` of a buffer, the first of them `off` bytes behind its start.
    pub(super) fn read_buffer(
        &mut self,
        buffer: &Buffer,
        off: i64,
        bytes: &[u8],
        issued: u64,
        cycle: u64,
        out: &mut Vec<Buffer>,
    ) {
        for (n, byte) in bytes.iter().enumerate() {
            let at = off + n as i64;
            if at < 0 || at as u64 >= buffer.len {
                continue;
            }
            let capture = self.chain(buffer.entry).and_then(|c| c.capture.as_mut());
            if let (Kind::Read, Some(c)) = (buffer.kind, capture) {
                if let Some(b) = c.command.get_mut(buffer.offset as usize + at as usize) {
                    *b = *byte;
                }
            }
        }
        if buffer.kind != Kind::Table {
            return;
        }
        let mut changed = false;
        let Some(Chain {
            table: Some((iova, halves)),
            walked,
            ..
        }) = self.chain(buffer.entry)
        else {
            return;
        };
        if *iova == buffer.iova {
            for n in ((off.max(0) as u64 + 7) & !7..buffer.len).step_by(8) {
                let from = (n as i64 - off) as usize;
                let Some(b) = bytes.get(from..from + 8) else {
                    break;
                };
                // Hostile tables can be 4 GiB long; only as much as a legal chain needs is looked at.
                if let Some(half) = halves.get_mut((n / 8) as usize) {
                    let value = u64::from_le_bytes(b.try_into().unwrap_or_default());
                    changed |= half.0 != value && walked.contains(&(true, (n / 16) as u16));
                    *half = (value, issued);
                }
            }
        }
        self.changed |= changed;
        self.advance(cycle, out);
    }

    /// Cycle in which the device saw chain `entry` available.
    fn available(&mut self, entry: u16) -> Option<u64> {
        let (first, size) = (self.last_avail, self.size);
        let covers = |n: u16, idx: u16| (1..=size).contains(&idx.wrapping_sub(n));
        while self.avail.len() > 1 && self.avail.front().is_some_and(|a| !covers(first, a.0)) {
            self.avail.pop_front();
        }
        let ahead = |a: &&(u16, u64)| covers(first, a.0) && covers(entry, a.0);
        self.avail.iter().find(ahead).map(|a| a.1)
    }

    /// Follows the chains as far as they were read.
    fn advance(&mut self, cycle: u64, out: &mut Vec<Buffer>) {
        let most = if self.admin {
            usize::from(self.size)
        } else {
            VISIT_CHAINS
        };
        while self.chains.len() < most && self.open(cycle) {}
        for n in 0..self.chains.len() {
            self.walk(n, out);
        }
    }

    /// The next chain, if its entry was read.
    fn open(&mut self, cycle: u64) -> bool {
        let entry = self.last_avail.wrapping_add(self.chains.len() as u16);
        let Some(available) = self.available(entry) else {
            return false;
        };
        let Some(&(head, issued)) = self.entries.get(&(entry % self.size)) else {
            return false;
        };
        if issued <= available || head >= self.size {
            return false;
        }
        let capture = self.admin.then(|| Box::new(Capture::new(cycle)));
        self.chains.push_back(Chain {
            entry,
            head,
            available,
            next: Some(head),
            capture,
            ..Chain::default()
        });
        true
    }

    /// Follows chain `n` of those under way.
    fn walk(&mut self, n: usize, out: &mut Vec<Buffer>) {
        let Some(c) = self.chains.get_mut(n) else {
            return;
        };
        let entry = c.entry;
        while let Some(index) = c.next {
            let halves = match &c.table {
                None => self.descs.get(&index).copied(),
                Some((_, t)) => {
                    let at = usize::from(index) * 2;
                    t.get(at..at + 2).map(|h| [h[0], h[1]])
                }
            };
            let Some([(addr, t0), (rest, t1)]) = halves else {
                return;
            };
            if t0 <= c.available || t1 <= c.available {
                return;
            }
            c.walked.insert((c.table.is_some(), index));
            let len = rest & 0xffff_ffff;
            let flags = (rest >> 32) as u16;
            let next = (rest >> 48) as u16;
            if flags & DESC_F_INDIRECT != 0 {
                if c.table.is_some()
                    || flags & DESC_F_NEXT != 0
                    || len == 0
                    || len % DESC_BYTES != 0
                {
                    return; // a fault: the device goes no further
                }
                let halves = (len / 8).min(2 * 65_536) as usize;
                c.table = Some((addr, vec![(0, 0); halves]));
                c.next = Some(0);
                let table = Buffer {
                    kind: Kind::Table,
                    iova: addr,
                    len,
                    offset: 0,
                    entry,
                };
                c.buffers.push(table);
                out.push(table);
                continue;
            }
            c.count += 1;
            if c.count > self.size {
                return;
            }
            let write = flags & DESC_F_WRITE != 0;
            c.has_room |= write;
            let sum = if write {
                &mut c.writable
            } else {
                &mut c.readable
            };
            let kind = if write { Kind::Write } else { Kind::Read };
            let buffer = Buffer {
                kind,
                iova: addr,
                len,
                offset: *sum,
                entry,
            };
            *sum += len;
            if len > 0 {
                c.buffers.push(buffer);
                out.push(buffer);
            }
            c.next = (flags & DESC_F_NEXT != 0).then_some(next);
        }
    }

    /// The buffers found in the chains under way.
    pub(super) fn buffers(&self) -> Vec<Buffer> {
        let all = self.chains.iter().flat_map(|c| &c.buffers);
        all.copied().collect()
    }

    /// The chains that were used.
    pub(super) fn finish(&mut self) -> Vec<Chain> {
        // What was read of chains under way must stay.
        if self.chains.is_empty() && (self.descs.len() > KEEP || self.entries.len() > KEEP) {
            self.descs.clear();
            self.entries.clear();
        }
        std::mem::take(&mut self.over)
    }

    /// A write has its response.
    pub(super) fn done(&mut self, did: Did, cycle: u64, ok: bool) {
        match did {
            Did::Payload(entry) => {
                let Some(c) = self.chain(entry) else { return };
                c.payload_pending = c.payload_pending.saturating_sub(1);
                c.payload_done = cycle;
                c.error |= !ok;
            }
            Did::Elements(first, n) => {
                for entry in (0..n).map(|k| first.wrapping_add(k)) {
                    let Some(c) = self.chain(entry) else { return };
                    c.element_pending = c.element_pending.saturating_sub(1);
                    c.element_done = cycle;
                }
            }
            _ => {}
        }
    }

    /// A read of the ring area got an error response: of a descriptor, for the chains that go on there, else but of the admin
    /// queue for all.
    pub(super) fn read_error(&mut self, part: Part, off: i64) {
        let index = (off / DESC_BYTES as i64) as u16;
        let admin = self.admin;
        for c in &mut self.chains {
            c.error |= match part {
                Part::Desc => c.table.is_none() && c.next == Some(index),
                _ => !admin,
            };
        }
    }

    /// A read of a buffer got an error response.
    pub(super) fn buffer_error(&mut self, buffer: &Buffer) {
        if let Some(c) = self.chain(buffer.entry) {
            c.error = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The available ring's first bytes: flags 0, `idx`, entries 3 and 4.
    fn avail(idx: u8) -> [u8; 8] {
        [0, 0, idx, 0, 3, 0, 4, 0]
    }

    #[test]
    fn an_entry_counts_if_it_was_read_after_the_index_or_in_one_beat_with_it() {
        let ring = || Ring::new(8, [0x1000, 0x2000, 0x3000], (0, 0), false, false);
        let mut out = Vec::new();
        let mut r = ring();
        r.read(Part::Avail, 0, &avail(1), 5, 9, &mut out);
        assert_eq!(
            r.chains.front().map(|c| (c.head, c.available)),
            Some((3, 9))
        );

        let mut r = ring();
        r.read(Part::Avail, 4, &avail(1)[4..], 5, 8, &mut out);
        r.read(Part::Avail, 0, &avail(1)[..4], 5, 9, &mut out);
        assert!(r.chains.is_empty(), "asked for before the index was there");
        r.read(Part::Avail, 4, &avail(1)[4..], 10, 12, &mut out);
        assert_eq!(r.chains.len(), 1);

        let mut r = ring();
        r.read(Part::Avail, 0, &avail(0), 5, 9, &mut out);
        r.read(Part::Avail, 0, &avail(1)[..4], 10, 12, &mut out);
        assert!(r.chains.is_empty(), "that index did not cover the entry");
    }

    #[test]
    fn elements_of_chains_of_a_visit_may_be_written_at_once() {
        let mut r = Ring::new(8, [0x1000, 0x2000, 0x3000], (0, 0), false, false);
        let mut out = Vec::new();
        r.read(Part::Avail, 0, &avail(2), 5, 9, &mut out);
        for head in [3_u64, 4] {
            let mut desc = [0; DESC_BYTES as usize];
            desc[8] = 60;
            let off = (head * DESC_BYTES) as i64;
            r.read(Part::Desc, off, &desc, 11, 12, &mut out);
        }
        assert_eq!((r.chains.len(), out.len()), (2, 2));
        let elements = [3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0];
        assert!(r.write(Part::Used, 4, &elements[..12], 20).is_ok());
        assert!(r.write(Part::Used, 2, &[2, 0], 30).is_err());
        assert_eq!(
            r.write(Part::Used, 16, &elements[12..], 21),
            Ok(Did::Elements(1, 1))
        );
        r.done(Did::Elements(0, 2), 25, true);
        assert!(r.write(Part::Used, 2, &[2, 0], 30).is_err());
        r.done(Did::Elements(1, 1), 26, true);
        assert_eq!(r.write(Part::Used, 2, &[2, 0], 30), Ok(Did::Index(2)));
        assert_eq!((r.last_avail, r.chains.len(), r.over.len()), (2, 0, 2));
    }
}
