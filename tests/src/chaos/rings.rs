//! The host's end of device queues in a session: chains, good and bad, and what was used.

use shoal_abi::ring::{self, DESC_F_INDIRECT, DESC_F_NEXT, DESC_F_WRITE};

use super::action::{Chain, Provision};
use super::layout::{self, Place};
use super::world::World;

/// Indirect tables of a queue.
const TABLES: u16 = 16;

/// A queue as the host sees it.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    /// Entries.
    pub(super) size: u16,
    /// Where its parts are.
    pub(super) place: Place,
    log2: u8,
    rings: u32,
    data: u32,
    /// All its buffers are of the kind that it wants: of a net device.
    receives: Option<bool>,
    indirect: bool,
    event: bool,
    /// `used_event` stays as it is.
    quiet: bool,
    /// Next available index, and the used index at the last look.
    avail: u16,
    used: u16,
    next_desc: u16,
    tables: u64,
}

impl Queue {
    /// Queue `q` of a device that is provisioned so.
    pub(super) fn new(p: &Provision, q: u8) -> Self {
        let rings = u32::from(p.rings);
        Self {
            size: 1 << p.log2,
            place: layout::place(
                rings,
                p.member.into(),
                q.into(),
                p.place,
                p.start % (1 << p.log2),
            ),
            log2: p.log2,
            rings,
            data: p.data.into(),
            receives: (!p.blk).then_some(q == 0),
            indirect: p.indirect,
            event: p.event,
            quiet: false,
            avail: p.start,
            used: p.start,
            next_desc: 0,
            tables: 0,
        }
    }

    fn pa(&self, iova: u64) -> u64 {
        layout::pa(self.rings, iova)
    }

    /// Empties the rings.
    pub(super) fn clear(&self, world: &World) {
        let entries = u64::from(self.size);
        for k in 0..entries + 3 {
            world.put(self.pa(self.place.avail + 2 * k), &[0; 2]);
        }
        for k in 0..2 * entries + 2 {
            world.put(self.pa(self.place.used + 4 * k), &[0; 4]);
        }
        let start = self.avail.to_le_bytes();
        world.put(self.pa(self.place.avail + ring::AVAIL_IDX), &start);
        world.put(self.pa(self.place.used + ring::USED_IDX), &start);
    }

    /// The queue that a device transmits from.
    pub(super) fn transmits(&self) -> bool {
        self.receives != Some(true)
    }

    /// Chains that the device has not used, as the host sees it.
    pub(super) fn outstanding(&self, world: &World) -> u16 {
        match world.memory16(self.pa(self.place.used + ring::USED_IDX)) {
            Some(used) => self.avail.wrapping_sub(used),
            None => 0,
        }
    }

    /// Chains that may be outstanding: no descriptor and no indirect table is written while the device may read it.
    fn limit(&self) -> u16 {
        match (self.size, self.indirect) {
            (2 | 4, true) => self.size,
            (2 | 4, false) => 1,
            (size, _) => (size / 4).min(TABLES),
        }
    }
}

impl World {
    /// Any chain of `member`, or of all with 0, is in flight.
    pub(super) fn in_flight(&self, member: u8) -> bool {
        self.queues
            .iter()
            .filter(|((m, _), _)| member == 0 || *m == member)
            .any(|(_, q)| (1..=q.size).contains(&q.outstanding(self)))
    }

    /// Counts what was used since the last look.
    pub(super) fn look_at_rings(&mut self) {
        let mut queues = std::mem::take(&mut self.queues);
        for q in queues.values_mut() {
            let used = self.get16(q.pa(q.place.used + ring::USED_IDX));
            let n = used.wrapping_sub(q.used);
            if n > 0 && n <= q.size {
                self.reach.chains += u64::from(n);
                *self.reach.chains_of_log2.entry(q.log2).or_default() += u64::from(n);
                self.reach.index_wraps += u64::from(used < q.used);
            }
            q.used = used;
        }
        self.queues = queues;
    }

    /// Writes `avail.flags` and `used_event`, the latter `back` before the available index.
    pub(super) fn quiet(&mut self, member: u8, q: u8, no_interrupt: bool, back: u8) {
        if let Some(mut queue) = self.queues.remove(&(member, q)) {
            queue.quiet = true;
            let flags = if no_interrupt {
                ring::AVAIL_F_NO_INTERRUPT
            } else {
                0
            };
            self.put(queue.pa(queue.place.avail), &flags.to_le_bytes());
            let event = queue.avail.wrapping_sub(back.into());
            let at = layout::used_event(queue.place.avail, queue.size);
            self.put(queue.pa(at), &event.to_le_bytes());
            self.queues.insert((member, q), queue);
        }
    }

    /// Writes `chains` into the queue's rings and rings the doorbell. Flaws: 9 next out of range, 10 loop, 11 nested
    /// indirect, 12 odd table length, 13 head out of range, 14 available index far ahead, 15 a foreign address, 16 mapped
    /// but no memory, 17 in a 2 MiB page (translated spaces), 18 in a misaligned one.
    pub(super) fn fill(&mut self, member: u8, q: u8, chains: &[Chain]) {
        let Some(mut queue) = self.queues.remove(&(member, q)) else {
            return self.kick(member, q.into());
        };
        if queue.event && !queue.quiet {
            // A message for the first of them.
            let at = layout::used_event(queue.place.avail, queue.size);
            self.put(queue.pa(at), &queue.avail.to_le_bytes());
        }
        for chain in chains {
            if queue.outstanding(self) < queue.limit() || chain.flaw == 14 {
                self.put_chain(&mut queue, chain);
            }
        }
        self.queues.insert((member, q), queue);
        self.kick(member, q.into());
    }

    fn put_chain(&self, queue: &mut Queue, chain: &Chain) {
        let size = queue.size;
        let mut parts: Vec<(u64, u32, bool)> = chain
            .descs
            .iter()
            .map(|d| {
                let at = layout::BUFFERS + u64::from(d.offset);
                (layout::iova(queue.data, at), d.len, d.write)
            })
            .collect();
        if let (0, Some(write)) = (chain.flaw, queue.receives) {
            parts.iter_mut().for_each(|p| p.2 = write);
        }
        let translated = layout::is_translated(queue.data);
        match chain.flaw {
            15 => parts[0].0 = 0xffff_ffff_ffff_f000,
            16 => parts[0].0 = layout::no_memory(queue.data) + (parts[0].0 & 0xfff),
            17 if translated => parts[0].0 = layout::ARENA_IOVA + 0x20_0000 + (parts[0].0 & 0xfff),
            18 if translated => parts[0].0 = layout::ARENA_IOVA + 0x40_0000,
            19 if translated => parts[0].0 = layout::ARENA_IOVA + 0x60_0000,
            _ => {}
        }
        let mut split = chain
            .indirect_from
            .map_or(parts.len(), |f| f.min(parts.len()));
        if chain.flaw == 0 {
            // What a small or crowded table does not hold goes into an indirect one, or is left out.
            if !queue.indirect {
                parts.truncate(size.into());
                split = parts.len();
            } else if parts.len() > usize::from(size / 4) {
                split = 0;
            }
        }
        let first = queue.next_desc;
        let table_of = queue.place.desc;
        for (k, part) in parts[..split].iter().enumerate() {
            let last = k + 1 == parts.len();
            let next = match chain.flaw {
                9 => size + 3,
                10 => first,
                _ => first.wrapping_add(k as u16 + 1) % size,
            };
            let mut flags = if part.2 { DESC_F_WRITE } else { 0 };
            if !last || chain.flaw == 10 {
                flags |= DESC_F_NEXT;
            }
            let at = table_of + 16 * u64::from(first.wrapping_add(k as u16) % size);
            self.desc(|a| queue.pa(a), at, (part.0, part.1), flags, next);
        }
        if split < parts.len() {
            let table = queue.place.table(queue.tables);
            queue.tables += 1;
            // Buffers and indirect tables are of the data group: the table is where that group sees it.
            let delta = layout::iova(queue.data, 0).wrapping_sub(layout::iova(queue.rings, 0));
            let table = table.wrapping_add(delta);
            let data = queue.data;
            self.table(|a| layout::pa(data, a), table, &parts[split..], chain.flaw);
            let mut len = (parts.len() - split) as u32 * 16;
            if chain.flaw == 12 {
                len += 4;
            }
            let at = table_of + 16 * u64::from(first.wrapping_add(split as u16) % size);
            self.desc(|a| queue.pa(a), at, (table, len), DESC_F_INDIRECT, 0);
        }
        let used = (split + usize::from(split < parts.len())) as u16;
        queue.next_desc = first.wrapping_add(used) % size;
        let head = if chain.flaw == 13 {
            size + first
        } else {
            first
        };
        let entry = 2 * u64::from(queue.avail % size);
        self.put(
            queue.pa(queue.place.avail + ring::AVAIL_RING + entry),
            &head.to_le_bytes(),
        );
        let ahead = if chain.flaw == 14 { size + 1 } else { 1 };
        queue.avail = queue.avail.wrapping_add(ahead);
        self.put(
            queue.pa(queue.place.avail + ring::AVAIL_IDX),
            &queue.avail.to_le_bytes(),
        );
    }

    /// Writes an indirect table at address `table`, which the host finds by `pa`.
    pub(super) fn table(
        &self,
        pa: impl Fn(u64) -> u64,
        table: u64,
        parts: &[(u64, u32, bool)],
        flaw: u8,
    ) {
        for (k, part) in parts.iter().enumerate() {
            let mut flags = if part.2 { DESC_F_WRITE } else { 0 };
            if k + 1 < parts.len() {
                flags |= DESC_F_NEXT;
            }
            if flaw == 11 {
                flags |= DESC_F_INDIRECT;
            }
            let at = table.wrapping_add(16 * k as u64);
            self.desc(&pa, at, (part.0, part.1), flags, k as u16 + 1);
        }
    }

    /// Writes a descriptor, in halves: one may cross a page.
    fn desc(
        &self,
        pa: impl Fn(u64) -> u64,
        at: u64,
        (addr, len): (u64, u32),
        flags: u16,
        next: u16,
    ) {
        self.put(pa(at), &addr.to_le_bytes());
        let rest = u64::from(len) | u64::from(flags) << 32 | u64::from(next) << 48;
        self.put(pa(at.wrapping_add(8)), &rest.to_le_bytes());
    }
}
