//! Judges each access: is it in a live mapping, does a ring give it to the device, is a message due?

use shoal_abi::cmd::CONFIG_MSI;
use shoal_abi::mmu::{FAULT_BYTES, FAULT_CAUSE_MASK, FAULT_MEMBER_MASK, USER_INTERRUPT};
use shoal_abi::profile::VISIT_CHAINS;
use shoal_abi::ring::S_DRIVER_OK;

use super::bus::{Read, Write};
use super::chain::{Capture, Chain};
use super::dma::{Flight, Memory, Stop, ADMIN, DMA, MSI, RINGS, VIRTQUEUE};
use super::index::Owner;
use super::members::Member;
use super::msi::{member, Key};
use super::ring::{Did, Kind, Part, Refusal, Ring};
use super::space::Place;
use super::Violation;

impl Memory {
    /// Refuses what a device may not do in its present state, and looks for messages that it owes.
    fn works(&mut self, cycle: u64, k: Key) -> Result<(), Refusal> {
        if k == ADMIN {
            return Ok(());
        }
        let id = member(k);
        let m = self.members.get(&id);
        if !m.is_some_and(Member::runs) {
            return Err((
                "not-running",
                format!("member {id} queue {} is not running", k & 0xffff),
            ));
        }
        if let (Some((slot, since)), false) = (
            self.msi.alive(cycle, id),
            m.is_some_and(|m| m.faulted || m.told.is_some()),
        ) {
            return Err((
                "missing",
                format!(
                    "member {id} queue {}: no message since cycle {since}",
                    slot & 0xffff
                ),
            ));
        }
        Ok(())
    }

    pub(super) fn read(&mut self, cycle: u64, r: &Read) -> Result<(), Stop> {
        let mut owners = Vec::new();
        if r.user == 0 && self.spaces.is_table(r.addr) {
            owners.push(Owner::Table);
        }
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        self.spaces.places(r.user, r.addr, &mut places);
        let round = self.profile.beat_bytes() as u64;
        for p in places.iter().filter(|p| p.read) {
            self.index.owners(p, r.bytes, round, &mut owners);
        }
        let mut refusal: Option<(Key, Refusal)> = None;
        let mut keep = Vec::new();
        for o in owners {
            let ok = match o {
                Owner::Table => Ok(()),
                Owner::Buffer(k, b, _) if b.kind == Kind::Write => {
                    let detail = format!("read of a writable buffer, IOVA {:#x}", b.iova);
                    Err((k, ("write-only", detail)))
                }
                Owner::Ring(k, ..) | Owner::Buffer(k, ..) => {
                    self.works(cycle, k).map_err(|e| (k, e))
                }
            };
            match ok {
                Ok(()) => keep.push(o),
                Err(e) => refusal = Some(e),
            }
        }
        let blurred = self.blurred(&places, false);
        self.places = places;
        if keep.is_empty() && (blurred.is_empty() || self.waits()) {
            let why = self.unexplained(cycle, false, r.user, r.addr, r.bytes, refusal);
            return Err(why.excused(!blurred.is_empty()));
        }
        let rings = |o: &&Owner| !matches!(o, Owner::Buffer(_, b, _) if b.kind == Kind::Read);
        if keep.iter().any(|o| rings(&o)) {
            self.blur(&keep, false);
        }
        let keys = keep.iter().filter_map(Owner::queue).chain(blurred);
        let mut keys: Vec<Key> = keys.collect();
        if keys.contains(&ADMIN) || keep.iter().any(|o| matches!(o, Owner::Table)) {
            keys.clear(); // it need not be the member's
        }
        let flight = Flight {
            write: false,
            addr: r.addr,
            user: r.user,
            keys,
            owners: keep,
            did: Vec::new(),
            issued: r.issued,
        };
        self.flights.insert(r.serial, flight);
        Ok(())
    }

    /// The violation of an access that nothing explains.
    fn unexplained(
        &self,
        cycle: u64,
        write: bool,
        user: u32,
        addr: u64,
        len: u64,
        refusal: Option<(Key, Refusal)>,
    ) -> Stop {
        let what = if write { "write" } else { "read" };
        if let Some((k, (rule, detail))) = refusal {
            let monitor = match rule {
                "missing" => MSI,
                "permission" => DMA,
                _ => VIRTQUEUE,
            };
            let v = Violation::device(
                cycle,
                monitor,
                rule,
                format!("{detail}; {what} at {addr:#x}"),
            );
            // No command that is under way can make the admin queue's own accesses right.
            let broken = rule == "missing" || k == ADMIN;
            return if broken {
                Stop::Broken(v)
            } else {
                Stop::Unexplained(v)
            };
        }
        if self.spaces.mapped(user, addr, write) {
            return Stop::Unexplained(Violation::device(
                cycle,
                VIRTQUEUE,
                "outside",
                format!("{what} of {len} bytes at {addr:#x} (user {user:#x}): in no ring and no buffer of a chain under way"),
            ));
        }
        let rule = if self.spaces.mapped(user, addr, !write) {
            "permission"
        } else {
            "unmapped"
        };
        Stop::Unexplained(Violation::device(
            cycle,
            DMA,
            rule,
            format!("{what} of {len} bytes at {addr:#x} (user {user:#x}): no ASID maps it so"),
        ))
    }

    pub(super) fn write(&mut self, cycle: u64, w: &Write) -> Result<(), Stop> {
        let mut flight = Flight {
            write: true,
            addr: w.addr,
            user: w.user,
            keys: Vec::new(),
            owners: Vec::new(),
            did: Vec::new(),
            issued: w.addressed,
        };
        if w.user & USER_INTERRUPT != 0 {
            flight.keys = self.message(cycle, w)?;
            self.flights.insert(w.serial, flight);
            return Ok(());
        }
        let mut ended = None;
        for (addr, bytes) in &w.runs {
            for (k, did) in self.run(cycle, w, *addr, bytes)? {
                flight.keys.extend((k != ADMIN).then_some(k));
                flight.did.push((k, did));
                if let Did::Index(idx) = did {
                    ended = Some((k, idx));
                }
            }
        }
        if flight.did.iter().any(|(k, _)| *k == ADMIN) {
            flight.keys.clear(); // it need not be the member's
        }
        self.flights.insert(w.serial, flight);
        if let Some((k, idx)) = ended {
            let ring = self.index.rings.get_mut(&k);
            let over = ring.map(Ring::finish).unwrap_or_default();
            let spaces = self.buffer_spaces(k);
            if k != ADMIN {
                self.cover_used(k, idx, &over);
            }
            for mut chain in over {
                self.index.drop_buffers(k, &spaces, &chain.buffers);
                // The answer was shorter than the command has it.
                let waited = chain.waits();
                if let Some(c) = chain.capture.take_if(|_| waited) {
                    let late = Capture { done: cycle, ..*c };
                    self.completed(cycle, &late).map_err(Stop::Broken)?;
                }
            }
            if k != ADMIN {
                self.msi.used(k, idx);
            }
        }
        while let Some(c) = self.index.rings.get_mut(&ADMIN).and_then(Ring::executed) {
            self.completed(cycle, &c).map_err(Stop::Broken)?;
        }
        Ok(())
    }

    /// Counts what `used.idx` of queue `k` went over to `idx` for.
    fn cover_used(&mut self, k: Key, idx: u16, over: &[Chain]) {
        let Some((r, m)) = self.index.rings.get(&k).zip(self.members.get(&member(k))) else {
            return;
        };
        let n = over.len();
        self.cover.hit(match n {
            1 => "used.one",
            n if n < VISIT_CHAINS => "used.several",
            _ => "used.visit",
        });
        if usize::from(idx % r.size) < n {
            self.cover.hit("used.ring_wraps");
        }
        if usize::from(idx) < n {
            self.cover.hit("used.index_wraps");
        }
        let function = match (m.is_blk, k & 1) {
            (true, _) => "blk",
            (_, 0) => "net_rx",
            _ => "net_tx",
        };
        let wish = if r.event_idx { "event_idx" } else { "flags" };
        for chain in over {
            let direct = chain.walked.iter().filter(|w| !w.0).count();
            let shape = match (chain.table.is_some(), direct) {
                (true, 1) => "indirect",
                (true, _) => "mixed",
                (_, 0 | 1) => "one",
                (_, 2 | 3) => "few",
                _ => "many",
            };
            self.cover.hit(&format!("chain.{function}.{shape}.{wish}"));
        }
    }

    /// Judges a run of written bytes and says what it was, for each queue; empty: a fault record.
    fn run(
        &mut self,
        cycle: u64,
        w: &Write,
        addr: u64,
        bytes: &[u8],
    ) -> Result<Vec<(Key, Did)>, Stop> {
        let len = bytes.len() as u64;
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        self.spaces.places(w.user, addr, &mut places);
        let mut owners = Vec::new();
        for p in places.iter().filter(|p| p.write) {
            self.index.owners(p, len, 1, &mut owners);
        }
        let could = |o: &&Owner| match o {
            Owner::Ring(_, part, _) => *part == Part::Used,
            Owner::Buffer(_, b, _) => b.kind == Kind::Write,
            Owner::Table => false,
        };
        let candidates: Vec<Owner> = owners.iter().filter(could).copied().collect();
        self.blur(&candidates, true);
        let mut refusal: Option<(Key, Refusal)> = None;
        let mut taken: Vec<(Key, Did)> = Vec::new();
        for o in &owners {
            let Some(k) = o.queue() else { continue };
            match self.works(cycle, k).and_then(|()| self.accept(o, bytes, w)) {
                Ok(did) => {
                    taken.push((k, did));
                    if !matches!(did, Did::Payload(_)) {
                        break;
                    }
                }
                // A refusal by a ring area says more than one by a buffer that happens to be there.
                Err(e) => {
                    refusal.get_or_insert((k, e));
                }
            }
        }
        if taken.is_empty() && self.fault_record(w.user, addr, bytes) {
            self.places = places;
            return Ok(taken);
        }
        let own = taken.iter().any(|t| t.0 == ADMIN);
        let blurred = if own {
            Vec::new()
        } else {
            self.blurred(&places, true)
        };
        let excused = !blurred.is_empty();
        if !(taken.is_empty() && self.waits()) {
            taken.extend(blurred.into_iter().map(|k| (k, Did::Unknown)));
        }
        if taken.is_empty() && refusal.is_none() {
            owners.clear();
            for p in places.iter().filter(|p| !p.write) {
                self.index.owners(p, len, 1, &mut owners);
            }
            let detail = "the mapping is read-only".to_string();
            refusal = owners
                .iter()
                .find_map(Owner::queue)
                .map(|k| (k, ("permission", detail)));
        }
        self.places = places;
        if taken.is_empty() {
            let why = self.unexplained(cycle, true, w.user, addr, len, refusal);
            return Err(why.excused(excused));
        }
        Ok(taken)
    }

    /// True if the write is part of a fault record.
    fn fault_record(&mut self, user: u32, addr: u64, bytes: &[u8]) -> bool {
        let len = bytes.len() as u64;
        let inside = |(base, size): &&(u64, u64)| addr >= *base && addr - base + len <= *size;
        let Some((base, _)) = self
            .bar
            .fault_queues
            .iter()
            .find(inside)
            .filter(|_| user == 0)
        else {
            return false;
        };
        if (addr - base).is_multiple_of(FAULT_BYTES) && len == 8 {
            let word = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
            let id = (word & FAULT_MEMBER_MASK) >> FAULT_MEMBER_MASK.trailing_zeros();
            if let Some(m) = self.members.get(&id) {
                self.cover.fault((word & FAULT_CAUSE_MASK) as u16, m.is_blk);
            }
            self.fault_seen(id);
        }
        true
    }

    /// Lets the ring of `o` take a write.
    fn accept(&mut self, o: &Owner, bytes: &[u8], w: &Write) -> Result<Did, Refusal> {
        let ring = o.queue().and_then(|k| self.index.rings.get_mut(&k));
        match (ring, *o) {
            (Some(r), Owner::Ring(_, part, off)) => r.write(part, off as u64, bytes, w.issued),
            (Some(r), Owner::Buffer(_, b, off)) => {
                r.write_buffer(&b, off as u64, bytes, w.addressed)
            }
            _ => Err(("outside", "no ring is there".into())),
        }
    }

    /// If it cannot be said which of several queues an access belongs to, because a driver let their rings or buffers overlap,
    /// nothing can be said about these queues any more but where they may go.
    fn blur(&mut self, owners: &[Owner], write: bool) {
        let clear = owners.windows(2).all(|w| match (&w[0], &w[1]) {
            (Owner::Ring(a, p, _), Owner::Ring(b, q, _)) => {
                a == b && (p == q || !write && (*p == Part::Used || *q == Part::Used))
            }
            (Owner::Buffer(a, ..), Owner::Buffer(b, ..)) => a == b,
            _ => false,
        });
        if clear {
            return;
        }
        for k in owners.iter().filter_map(Owner::queue) {
            self.blur_queue(k);
        }
    }

    /// Nothing can be said about queue `k` any more but where it may go.
    pub(super) fn blur_queue(&mut self, k: Key) {
        let ring = self.index.rings.get_mut(&k);
        if let Some(r) = ring.filter(|r| k != ADMIN && !r.blurred) {
            r.blurred = true;
            self.blurred_rings.push(k);
            self.msi.blur(k);
        }
    }

    /// True while a command that is being executed may yet explain an access; only then comes what a blurred queue explains.
    fn waits(&self) -> bool {
        self.busy() && !self.judging
    }

    /// The running queues of which nothing is known but that they may go to one of `places`.
    fn blurred(&self, places: &[Place], write: bool) -> Vec<Key> {
        let may_go = |k: &Key| {
            let m = self.members.get(&member(*k));
            let spaces = [self.spaces_of(*k, RINGS), self.buffer_spaces(*k)].concat();
            let fits =
                |p: &Place| spaces.contains(&p.space) && if write { p.write } else { p.read };
            m.is_some_and(Member::runs) && places.iter().any(fits)
        };
        self.blurred_rings.iter().copied().filter(may_go).collect()
    }

    fn message(&mut self, cycle: u64, w: &Write) -> Result<Vec<Key>, Stop> {
        let fail = |rule, detail| Err(Stop::Broken(Violation::device(cycle, MSI, rule, detail)));
        let [(addr, bytes)] = &w.runs[..] else {
            return fail(
                "shape",
                format!("message at {:#x} is not one run of bytes", w.addr),
            );
        };
        let Ok(bytes) = <[u8; 4]>::try_from(&bytes[..]) else {
            return fail(
                "shape",
                format!("message of {} bytes at {addr:#x}", bytes.len()),
            );
        };
        if w.user & !USER_INTERRUPT != 0 {
            return fail(
                "pasid",
                format!("message at {addr:#x} with user {:#x}", w.user),
            );
        }
        let data = u32::from_le_bytes(bytes);
        let members = &self.members;
        let fault = |id: u64| {
            let m = members.get(&id);
            m.is_some_and(|m| m.told.is_none() && m.status & S_DRIVER_OK != 0)
        };
        match self.msi.message(w.issued, (*addr, data), fault) {
            Ok((keys, by_fault)) => {
                let is_config = |k: &Key| k & 0xffff == u64::from(CONFIG_MSI);
                self.cover.hit(match keys.first() {
                    _ if by_fault => "message.fault",
                    Some(k) if is_config(k) => "message.config",
                    _ => "message.queue",
                });
                if by_fault {
                    let id = member(keys[0]);
                    if let Some(m) = self.members.get_mut(&id) {
                        m.told = Some(w.issued);
                        self.msi.faulted(id, m.vq_count);
                    }
                }
                Ok(keys)
            }
            Err((rule, detail)) => {
                let mut own = self.bar.vectors.iter().flatten();
                if own.any(|v| !v.mask && v.addr == *addr && v.data == data) {
                    self.cover.hit("message.own");
                    return Ok(Vec::new());
                }
                Err(Stop::Unexplained(Violation::device(
                    cycle, MSI, rule, detail,
                )))
            }
        }
    }
}
