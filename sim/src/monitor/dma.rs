//! Every access of the device to memory: is it allowed, and what does it mean?
//!
//! Follows registers, admin commands, page tables and rings, all of them as they pass the ports, and asks of each access: is it in a mapping that is
//! live in an ASID of the device it serves, tagged as that ASID says (rules of `dma`); is it something the ring gave to the device (rules of `virtqueue`);
//! if it is a message, is it due (rules of `msi`)? When an IOTLB_INVALIDATE, reset, stop or destroy completes, nothing from before it may be under way.
//!
//! A command takes effect inside the device before its completion is seen. An access that nothing explains is therefore put off
//! while a command is being executed, and judged when it has completed.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use shoal_abi::cmd;
use shoal_abi::mmu::{USER_INTERRUPT, USER_PASID_VALID, USER_PASID_W};
use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::Profile;
use shoal_abi::ring::{F_EVENT_IDX, S_NEEDS_RESET};

use super::bar::{Bar, Meaning};
use super::bus::{Beat, Bus, Event, Read, Serial, Write};
use super::members::{Command, Member};
use super::msi::{key, member, Key, Msi};
use super::space::{Place, Space, Spaces};
use super::virtqueue::{Buffer, Did, Kind, Part, Refusal, Ring};
use super::{Monitor, Violation};

const DMA: &str = "dma";
const VIRTQUEUE: &str = "virtqueue";
const MSI: &str = "msi";
const PAGE_W: u32 = 12;
/// The admin queue among the rings: no member has id 0.
const ADMIN: Key = 0;

/// What an access may be part of.
#[derive(Clone, Copy, Debug)]
enum Owner {
    /// A page table.
    Table,
    /// A ring area; the access starts at this offset.
    Ring(Key, Part, i64),
    /// A buffer of the chain under way; the access starts at this offset.
    Buffer(Key, Buffer, i64),
}

/// An access under way.
#[derive(Debug)]
struct Flight {
    write: bool,
    addr: u64,
    user: u32,
    /// The queues that it may serve; empty for the management device's own accesses.
    keys: Vec<Key>,
    owners: Vec<Owner>,
    did: Option<(Key, Did)>,
}

/// A queue that has its part of a page there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tenant {
    key: Key,
    part: Part,
}

/// The monitor of memory accesses.
pub struct Memory {
    profile: &'static Profile,
    bus: Bus,
    bar: Bar,
    spaces: Spaces,
    members: HashMap<u64, Member>,
    rings: HashMap<Key, Ring>,
    /// Ring areas by space and page of IOVA.
    pages: HashMap<(Space, u64), Vec<Tenant>>,
    /// Buffers by space and first IOVA, and the longest of each space.
    buffers: HashMap<Space, (BTreeMap<u64, Vec<(Key, Buffer)>>, u64)>,
    msi: Msi,
    flights: HashMap<Serial, Flight>,
    put_off: VecDeque<Event>,
    put_off_serials: HashSet<Serial>,
    events: Vec<Event>,
    fresh: Vec<Buffer>,
    places: Vec<Place>,
}

impl Memory {
    /// A monitor for a device of `profile`.
    #[must_use]
    pub fn new(profile: &'static Profile) -> Self {
        Self {
            profile,
            bus: Bus::new(profile),
            bar: Bar::default(),
            spaces: Spaces::default(),
            members: HashMap::new(),
            rings: HashMap::new(),
            pages: HashMap::new(),
            buffers: HashMap::new(),
            msi: Msi::default(),
            flights: HashMap::new(),
            put_off: VecDeque::new(),
            put_off_serials: HashSet::new(),
            events: Vec::new(),
            fresh: Vec::new(),
            places: Vec::new(),
        }
    }

    // --- where rings and buffers are ---

    /// The spaces in which queue `k` uses group `group` (0, 1 buffers, 2 rings).
    fn spaces_of(&self, k: Key, group: usize) -> Vec<Space> {
        if k == ADMIN {
            return vec![Space::Physical];
        }
        let asid = self.members.get(&member(k)).and_then(|m| m.asid.get(group));
        asid.map_or_else(Vec::new, |a| self.spaces.of(*a))
    }

    /// The spaces of the buffers of queue `k`.
    fn buffer_spaces(&self, k: Key) -> Vec<Space> {
        let queues = self.members.get(&member(k)).map(|m| &m.queues);
        let group = queues.and_then(|q| q.get(&(k as u16))).copied().unwrap_or(0);
        self.spaces_of(k, usize::from(group))
    }

    /// Enters the areas of ring `k` into the page index.
    fn place_ring(&mut self, k: Key) {
        let spaces = self.spaces_of(k, 2);
        let Some(ring) = self.rings.get(&k) else { return };
        for part in [Part::Desc, Part::Avail, Part::Used] {
            let (first, len) = ring.area(part);
            let last = first.wrapping_add(len - 1);
            for page in first >> PAGE_W..=last >> PAGE_W {
                for s in &spaces {
                    let list = self.pages.entry((*s, page)).or_default();
                    let tenant = Tenant { key: k, part };
                    if !list.contains(&tenant) {
                        list.push(tenant);
                    }
                }
            }
        }
    }

    fn drop_ring(&mut self, k: Key) {
        let Some(mut ring) = self.rings.remove(&k) else { return };
        let buffers = ring.finish();
        for part in [Part::Desc, Part::Avail, Part::Used] {
            let (first, len) = ring.area(part);
            let last = first.wrapping_add(len - 1);
            let pages = first >> PAGE_W..=last >> PAGE_W;
            // Whatever spaces it was entered in: bindings may have changed since.
            let asid = self.members.get(&member(k)).map_or(0, |m| m.asid[2]);
            let mut spaces = self.spaces.of(asid);
            spaces.extend([Space::Tables(asid), Space::Physical]);
            for page in pages {
                for s in &spaces {
                    if let Some(list) = self.pages.get_mut(&(*s, page)) {
                        list.retain(|t| t.key != k);
                        if list.is_empty() {
                            self.pages.remove(&(*s, page));
                        }
                    }
                }
            }
        }
        self.drop_buffers(k, &buffers);
    }

    fn place_buffers(&mut self, k: Key) {
        if self.fresh.is_empty() {
            return;
        }
        let spaces = self.buffer_spaces(k);
        for b in std::mem::take(&mut self.fresh) {
            for s in &spaces {
                let (map, longest) = self.buffers.entry(*s).or_default();
                *longest = (*longest).max(b.len);
                map.entry(b.iova).or_default().push((k, b));
            }
        }
    }

    fn drop_buffers(&mut self, k: Key, buffers: &[Buffer]) {
        if buffers.is_empty() {
            return;
        }
        for (map, _) in self.buffers.values_mut().filter(|(m, _)| !m.is_empty()) {
            for b in buffers {
                if let Some(list) = map.get_mut(&b.iova) {
                    list.retain(|(owner, _)| *owner != k);
                    if list.is_empty() {
                        map.remove(&b.iova);
                    }
                }
            }
        }
    }

    /// What the bytes `place.iova`..+`len` may be part of. `round` allows that many bytes of a bus word around it.
    fn owners(&self, place: &Place, len: u64, round: u64, out: &mut Vec<Owner>) {
        let (first, last) = (place.iova, place.iova.wrapping_add(len - 1));
        let inside = |start: u64, bytes: u64| {
            let (lo, end) = (start & !(round - 1), u128::from(start) + u128::from(bytes));
            let touches = last >= start && u128::from(first) < end;
            touches && first >= lo && u128::from(last) < end.next_multiple_of(u128::from(round))
        };
        let mut seen: Option<u64> = None;
        for page in [first >> PAGE_W, last >> PAGE_W] {
            if seen == Some(page) {
                continue;
            }
            seen = Some(page);
            for t in self.pages.get(&(place.space, page)).into_iter().flatten() {
                let Some(ring) = self.rings.get(&t.key) else { continue };
                let (start, bytes) = ring.area(t.part);
                if inside(start, bytes) {
                    out.push(Owner::Ring(t.key, t.part, first.wrapping_sub(start) as i64));
                }
            }
        }
        if let Some((map, longest)) = self.buffers.get(&place.space) {
            for (start, list) in map.range(first.saturating_sub(*longest + round)..=last).rev() {
                for (k, b) in list {
                    if inside(*start, b.len) {
                        out.push(Owner::Buffer(*k, *b, first.wrapping_sub(*start) as i64));
                    }
                }
            }
        }
    }

    // --- judging accesses ---

    /// Refuses what a device may not do in its present state, and looks for messages that it owes.
    fn works(&mut self, cycle: u64, k: Key) -> Result<(), Refusal> {
        if k == ADMIN {
            return Ok(());
        }
        let id = member(k);
        let m = self.members.get(&id);
        if !m.is_some_and(Member::runs) {
            return Err(("not-running", format!("member {id} queue {} is not running", k & 0xffff)));
        }
        if let (Some((slot, since)), false) = (self.msi.alive(cycle, id), m.is_some_and(|m| m.faulted)) {
            return Err((
                "missing",
                format!("member {id} queue {}: no message since cycle {since}", slot & 0xffff),
            ));
        }
        Ok(())
    }

    fn read(&mut self, cycle: u64, r: &Read) -> Result<(), Violation> {
        let mut owners = Vec::new();
        if r.user == 0 && self.spaces.is_table(r.addr) {
            owners.push(Owner::Table);
        }
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        self.spaces.places(r.user, r.addr, &mut places);
        let round = self.profile.beat_bytes() as u64;
        for p in places.iter().filter(|p| p.read) {
            self.owners(p, r.bytes, round, &mut owners);
        }
        self.places = places;
        let mut refusal: Option<Refusal> = None;
        let mut keep = Vec::new();
        for o in owners {
            let ok = match o {
                Owner::Table => Ok(()),
                Owner::Buffer(_, b, _) if b.kind == Kind::Write => {
                    Err(("write-only", format!("read of a writable buffer, IOVA {:#x}", b.iova)))
                }
                Owner::Ring(k, ..) | Owner::Buffer(k, ..) => self.works(cycle, k),
            };
            match ok {
                Ok(()) => keep.push(o),
                Err(e) => refusal = Some(e),
            }
        }
        if keep.is_empty() {
            return Err(self.unexplained(cycle, false, r.user, r.addr, r.bytes, refusal));
        }
        let keys = keep
            .iter()
            .filter_map(|o| match o {
                Owner::Ring(k, ..) | Owner::Buffer(k, ..) if *k != ADMIN => Some(*k),
                _ => None,
            })
            .collect();
        let flight = Flight {
            write: false,
            addr: r.addr,
            user: r.user,
            keys,
            owners: keep,
            did: None,
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
        refusal: Option<Refusal>,
    ) -> Violation {
        let what = if write { "write" } else { "read" };
        if let Some((rule, detail)) = refusal {
            let monitor = match rule {
                "missing" => MSI,
                "permission" => DMA,
                _ => VIRTQUEUE,
            };
            return Violation::device(cycle, monitor, rule, format!("{detail}; {what} at {addr:#x}"));
        }
        if self.spaces.mapped(user, addr, write) {
            return Violation::device(
                cycle,
                VIRTQUEUE,
                "outside",
                format!("{what} of {len} bytes at {addr:#x} (user {user:#x}): in no ring and no buffer of a chain under way"),
            );
        }
        let rule = if self.spaces.mapped(user, addr, !write) { "permission" } else { "unmapped" };
        Violation::device(
            cycle,
            DMA,
            rule,
            format!("{what} of {len} bytes at {addr:#x} (user {user:#x}): no ASID maps it so"),
        )
    }

    fn data(&mut self, cycle: u64, b: &Beat) {
        let Some(flight) = self.flights.get_mut(&b.serial) else { return };
        let done = b.last;
        let owners = std::mem::take(&mut flight.owners);
        let delta = b.addr.wrapping_sub(flight.addr) as i64;
        let bytes = &b.bytes[..b.len];
        for o in &owners {
            match *o {
                Owner::Table if b.ok && b.len == 8 && b.addr % 8 == 0 => {
                    let pte = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
                    self.spaces.entry(cycle, b.addr, pte);
                }
                Owner::Table => {}
                Owner::Ring(k, part, off) => {
                    let Some(ring) = self.rings.get_mut(&k) else { continue };
                    if !b.ok {
                        ring.read_error();
                        continue;
                    }
                    let wish = ring.read(part, off + delta, bytes, b.issued, cycle, &mut self.fresh);
                    if let (Some(w), true) = (wish, k != ADMIN) {
                        self.msi.wish(cycle, k, w, b.issued);
                    }
                    self.place_buffers(k);
                }
                Owner::Buffer(k, buffer, off) => {
                    let Some(ring) = self.rings.get_mut(&k) else { continue };
                    if !b.ok {
                        ring.read_error();
                        continue;
                    }
                    if buffer.kind == Kind::Table || k == ADMIN {
                        let at = off + delta;
                        ring.read_buffer(&buffer, at, bytes, b.issued, cycle, &mut self.fresh);
                        self.place_buffers(k);
                    }
                }
            }
        }
        if done {
            self.flights.remove(&b.serial);
        } else if let Some(f) = self.flights.get_mut(&b.serial) {
            f.owners = owners;
        }
    }

    fn write(&mut self, cycle: u64, w: &Write) -> Result<(), Violation> {
        let mut flight = Flight {
            write: true,
            addr: w.addr,
            user: w.user,
            keys: Vec::new(),
            owners: Vec::new(),
            did: None,
        };
        if w.user & USER_INTERRUPT != 0 {
            if let Some(k) = self.message(cycle, w)? {
                flight.keys.push(k);
            }
            self.flights.insert(w.serial, flight);
            return Ok(());
        }
        let mut ended = None;
        for (addr, bytes) in &w.runs {
            let (k, did) = self.run(cycle, w, *addr, bytes)?;
            if let Some(k) = k {
                flight.keys.extend((k != ADMIN).then_some(k));
                flight.did = did.map(|d| (k, d));
                if let Some(Did::Index(idx)) = did {
                    ended = Some((k, idx));
                }
            }
        }
        self.flights.insert(w.serial, flight);
        if let Some((k, idx)) = ended {
            let buffers = self.rings.get_mut(&k).map(Ring::finish).unwrap_or_default();
            self.drop_buffers(k, &buffers);
            if k == ADMIN {
                return self.completed(cycle, w.serial);
            }
            self.msi.used(k, idx);
        }
        Ok(())
    }

    /// Judges a run of written bytes. None as queue: the management device's own.
    fn run(
        &mut self,
        cycle: u64,
        w: &Write,
        addr: u64,
        bytes: &[u8],
    ) -> Result<(Option<Key>, Option<Did>), Violation> {
        let len = bytes.len() as u64;
        let (base, size) = self.bar.fault_queue();
        if w.user == 0 && addr >= base && addr - base + len <= size {
            if (addr - base) % 32 == 0 && len == 8 {
                let word = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
                let id = word >> 40;
                if let Some(m) = self.members.get_mut(&id) {
                    m.faulted = true;
                    self.msi.faulted(id, m.vq_count);
                }
            }
            return Ok((None, None));
        }
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        self.spaces.places(w.user, addr, &mut places);
        let mut refusal: Option<Refusal> = None;
        let mut taken = None;
        let mut owners = Vec::new();
        for p in &places {
            owners.clear();
            self.owners(p, len, 1, &mut owners);
            for o in &owners {
                let (Owner::Ring(k, ..) | Owner::Buffer(k, ..)) = *o else { continue };
                let answer = if p.write { self.works(cycle, k) } else {
                    Err(("permission", "the mapping is read-only".into()))
                };
                let answer = answer.and_then(|()| {
                    let Some(ring) = self.rings.get_mut(&k) else {
                        return Err(("outside", "no such ring".into()));
                    };
                    match *o {
                        Owner::Ring(_, part, off) => ring.write(part, off as u64, bytes, w.issued),
                        Owner::Buffer(_, b, off) => ring.write_buffer(&b, off as u64, bytes),
                        Owner::Table => Err(("outside", "a page table".into())),
                    }
                });
                match answer {
                    Ok(did) => {
                        taken = Some((k, did));
                        break;
                    }
                    // A refusal by a ring area says more than one by a buffer that happens to be there.
                    Err(e) => drop(refusal.get_or_insert(e)),
                }
            }
            if taken.is_some() {
                break;
            }
        }
        self.places = places;
        match taken {
            Some((k, did)) => Ok((Some(k), Some(did))),
            None => Err(self.unexplained(cycle, true, w.user, addr, len, refusal)),
        }
    }

    fn message(&mut self, cycle: u64, w: &Write) -> Result<Option<Key>, Violation> {
        let fail = |rule, detail| Err(Violation::device(cycle, MSI, rule, detail));
        let [(addr, bytes)] = &w.runs[..] else {
            return fail("shape", format!("message at {:#x} is not one run of bytes", w.addr));
        };
        let Ok(bytes) = <[u8; 4]>::try_from(&bytes[..]) else {
            return fail("shape", format!("message of {} bytes at {addr:#x}", bytes.len()));
        };
        if w.user & !USER_INTERRUPT != 0 {
            return fail("pasid", format!("message at {addr:#x} with user {:#x}", w.user));
        }
        let data = u32::from_le_bytes(bytes);
        let members = &self.members;
        let fault = |id: u64| {
            members.get(&id).is_some_and(|m| !m.faulted && m.status & shoal_abi::ring::S_DRIVER_OK != 0)
        };
        match self.msi.message(w.issued, (*addr, data), fault) {
            Ok(k) => {
                // A message without a change of configuration says that the device faulted.
                Ok(Some(k))
            }
            Err((rule, detail)) => {
                let own = self.bar.vectors.iter().flatten();
                if own.into_iter().any(|v| !v.mask && v.addr == *addr && v.data == data) {
                    return Ok(None);
                }
                fail(rule, detail)
            }
        }
    }

    fn done(&mut self, cycle: u64, serial: Serial, ok: bool) {
        let Some(f) = self.flights.remove(&serial) else { return };
        let Some((k, did)) = f.did else { return };
        if let Some(ring) = self.rings.get_mut(&k) {
            ring.done(did, cycle, ok);
        }
        if matches!(did, Did::Index(_)) && k != ADMIN {
            self.msi.used_done(cycle, k);
        }
    }

    // --- admin commands ---

    /// The admin queue's used index was written: a command is complete.
    fn completed(&mut self, cycle: u64, serial: Serial) -> Result<(), Violation> {
        let capture = self.rings.get_mut(&ADMIN).and_then(Ring::capture);
        let Some(capture) = capture else { return Ok(()) };
        let c = Command::of(&capture);
        if c.status == cmd::OK {
            if c.group == cmd::GROUP_SELF {
                self.own_command(cycle, &c)?;
            } else if c.group == cmd::GROUP_MANAGED {
                self.member_command(cycle, &c, serial)?;
            }
        } else if c.status == cmd::EAGAIN && matches!(c.opcode, cmd::DEV_DESTROY | cmd::STATUS_SET) {
            if let Some(m) = self.members.get_mut(&c.member) {
                m.faulted = true;
                self.msi.faulted(c.member, m.vq_count);
            }
        }
        self.judge_put_off(cycle)
    }

    fn own_command(&mut self, cycle: u64, c: &Command<'_>) -> Result<(), Violation> {
        match c.opcode {
            cmd::ASID_SET => {
                let (asid, flags) = (c.data.u32(0), c.data.u32(4));
                let pasid = c.data.u32(8) & ((1 << USER_PASID_W) - 1);
                let tagged = flags & cmd::ASID_PASID_VALID != 0;
                let user = if tagged { USER_PASID_VALID | pasid } else { 0 };
                self.spaces.bind(cycle, asid, flags as u8 & 3, user, c.data.u64(16));
                let uses = |m: &Member| m.asid.contains(&asid);
                let ids = self.members.iter().filter(|(_, m)| uses(m)).map(|(id, _)| *id);
                for id in ids.collect::<Vec<_>>() {
                    self.replace_rings(id);
                }
            }
            cmd::IOTLB_INVALIDATE => {
                let kind = c.data.u32(0);
                let asid = (kind != 0).then(|| c.data.u32(4));
                let range = (kind == 2).then(|| (c.data.u64(8), c.data.u64(16)));
                self.spaces.invalidate(c.taken, asid, range);
                for f in self.flights.values() {
                    if f.keys.is_empty() || f.user & USER_INTERRUPT != 0 {
                        continue;
                    }
                    if !self.spaces.mapped(f.user, f.addr, f.write) {
                        return Err(Violation::device(
                            cycle,
                            DMA,
                            "invalidate-drain",
                            format!("access at {:#x} (user {:#x}) is under way with a dropped translation", f.addr, f.user),
                        ));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Enters the rings of a member anew, after its ASIDs changed.
    fn replace_rings(&mut self, id: u64) {
        let Some(m) = self.members.get(&id) else { return };
        for index in m.queues.keys().copied().collect::<Vec<_>>() {
            self.place_ring(key(id, index));
        }
    }

    /// Nothing that serves only queues of `dead` may be under way.
    fn drained(&self, cycle: u64, what: &str, dead: impl Fn(Key) -> bool) -> Result<(), Violation> {
        for f in self.flights.values() {
            if !f.keys.is_empty() && f.keys.iter().all(|k| dead(*k)) {
                return Err(Violation::device(
                    cycle,
                    DMA,
                    "drain",
                    format!("{what} completed with an access at {:#x} (user {:#x}) under way", f.addr, f.user),
                ));
            }
        }
        Ok(())
    }

    fn member_command(&mut self, cycle: u64, c: &Command<'_>, serial: Serial) -> Result<(), Violation> {
        let id = c.member;
        let d = &c.data;
        if c.opcode == cmd::DEV_CREATE {
            let m = Member {
                vq_count: d.u16(2),
                asid: [d.u32(16), d.u32(20), d.u32(24)],
                ..Member::default()
            };
            self.members.insert(id, m);
            return Ok(());
        }
        let Some(m) = self.members.get_mut(&id) else { return Ok(()) };
        let index = d.u16(0);
        let k = key(id, index);
        let all = |k: Key| member(k) == id;
        match c.opcode {
            cmd::FEATURES_SET => m.features = d.u64(0),
            cmd::DEV_DESTROY => {
                self.drained(cycle, "DEV_DESTROY", all)?;
                self.drop_member(id);
                self.members.remove(&id);
            }
            cmd::STATUS_SET if d.u8(0) == 0 => {
                self.drained(cycle, "STATUS_SET 0", all)?;
                self.drop_member(id);
                if let Some(m) = self.members.get_mut(&id) {
                    *m = Member { vq_count: m.vq_count, asid: m.asid, ..Member::default() };
                }
            }
            cmd::STATUS_SET => m.status = c.result.u8(0),
            cmd::STATUS_GET => {
                let status = c.result.u8(0);
                m.status = status;
                if status & S_NEEDS_RESET != 0 {
                    m.faulted = true;
                    self.msi.faulted(id, m.vq_count);
                } else if let Some((slot, since)) = self.msi.alive(cycle, id) {
                    let detail = format!("member {id} queue {}: no message since cycle {since}", slot & 0xffff);
                    return Err(Violation::device(cycle, MSI, "missing", detail));
                }
            }
            cmd::DEV_MODE_SET => {
                let stop = d.u8(0) & cmd::MODE_STOPPED != 0;
                m.stopped = stop;
                if stop {
                    self.drained(cycle, "stop", all)?;
                }
            }
            cmd::GROUP_ASID_SET => {
                if let Some(a) = m.asid.get_mut(d.u32(0) as usize) {
                    *a = d.u32(4);
                }
                self.replace_rings(id);
            }
            cmd::VQ_SETUP => self.setup(cycle, id, c),
            cmd::VQ_RESET => {
                m.queues.remove(&index);
                self.drained(cycle, "VQ_RESET", |x| x == k)?;
                self.drop_ring(k);
                self.msi.quiet(k);
            }
            cmd::VQ_STATE_GET => {
                if let Some(r) = self.rings.get(&k).filter(|_| m.stopped) {
                    let (told, seen) = ((d_state(c), c.result.u8(6)), ((r.last_avail, r.used_idx), 1));
                    if told != seen {
                        let detail = format!("member {id} queue {index}: {told:?}, the ring stands at {seen:?}");
                        return Err(Violation::device(cycle, VIRTQUEUE, "state", detail));
                    }
                }
            }
            cmd::MSI_SET => self.msi.set(cycle, k, (d.u64(8), d.u32(16)), d.u32(4), false),
            cmd::CONFIG_SET if m.status & shoal_abi::ring::S_DRIVER_OK != 0 => {
                self.msi.config(c.taken, id);
            }
            _ => {}
        }
        let _ = serial;
        Ok(())
    }

    fn setup(&mut self, cycle: u64, id: u64, c: &Command<'_>) {
        let d = &c.data;
        let (index, k) = (d.u16(0), key(id, d.u16(0)));
        let Some(m) = self.members.get_mut(&id) else { return };
        self.msi.set(cycle, k, (d.u64(40), d.u32(48)), d.u32(36), true);
        if d.u8(5) & 1 == 0 {
            return;
        }
        m.queues.insert(index, d.u8(4));
        let event_idx = m.features >> F_EVENT_IDX & 1 == 1;
        let base = [d.u64(8), d.u64(16), d.u64(24)];
        let state = (d.u16(6), d.u16(32));
        self.rings.insert(k, Ring::new(d.u16(2), base, state, event_idx, false));
        self.msi.start(k, state.1);
        self.place_ring(k);
    }

    fn drop_member(&mut self, id: u64) {
        let count = self.members.get(&id).map_or(0, |m| m.vq_count);
        for index in 0..count {
            self.drop_ring(key(id, index));
        }
        self.msi.drop_member(id, count);
    }

    // --- events ---

    fn busy(&self) -> bool {
        self.rings.get(&ADMIN).is_some_and(Ring::has_work)
    }

    fn event(&mut self, cycle: u64, e: Event) -> Result<(), Violation> {
        if self.put_off_serials.contains(&e.serial()) {
            self.put_off.push_back(e);
            return Ok(());
        }
        let answer = match &e {
            Event::Read(r) => self.read(cycle, r),
            Event::Write(w) => self.write(cycle, w),
            Event::Data(b) => {
                self.data(cycle, b);
                Ok(())
            }
            Event::Done { serial, ok } => {
                self.done(cycle, *serial, *ok);
                Ok(())
            }
        };
        match answer {
            Err(v) if self.busy() && v.rule != "missing" && v.rule != "shape" && v.rule != "drain" => {
                self.put_off_serials.insert(e.serial());
                self.put_off.push_back(e);
                Ok(())
            }
            other => other,
        }
    }

    /// Judges again what was put off, now that a command has completed.
    fn judge_put_off(&mut self, cycle: u64) -> Result<(), Violation> {
        let all = std::mem::take(&mut self.put_off);
        self.put_off_serials.clear();
        for e in all {
            self.event(cycle, e)?;
        }
        Ok(())
    }

    fn meaning(&mut self, cycle: u64, m: Meaning) -> Result<(), Violation> {
        match m {
            Meaning::AdminEnabled => {
                self.drop_ring(ADMIN);
                let ring = Ring::new(self.bar.queue_size, self.bar.rings, (0, 0), false, true);
                self.rings.insert(ADMIN, ring);
                self.place_ring(ADMIN);
            }
            Meaning::ResetDone => {
                if let Some(f) = self.flights.values().next() {
                    return Err(Violation::device(
                        cycle,
                        DMA,
                        "drain",
                        format!("device_status reads 0 with an access at {:#x} under way", f.addr),
                    ));
                }
                let bus = std::mem::replace(&mut self.bus, Bus::new(self.profile));
                let mut bar = std::mem::take(&mut self.bar);
                bar.reset();
                *self = Self { bus, bar, ..Self::new(self.profile) };
            }
        }
        Ok(())
    }
}

/// last_avail and used_idx in the answer of VQ_STATE_GET.
fn d_state(c: &Command<'_>) -> (u16, u16) {
    (c.result.u16(0), c.result.u16(2))
}

impl Monitor for Memory {
    fn name(&self) -> &'static str {
        DMA
    }

    fn check(&mut self, cycle: u64, i: &Inputs, o: &Outputs) -> Result<(), Violation> {
        if i.reset {
            *self = Self::new(self.profile);
            return Ok(());
        }
        if i.s_axil_awvalid || i.s_axil_wvalid || i.s_axil_arvalid || o.s_axil_rvalid {
            if let Some(m) = self.bar.step(i, o) {
                self.meaning(cycle, m)?;
            }
        }
        if !(i.m_axi_bvalid || i.m_axi_rvalid || o.m_axi_arvalid || o.m_axi_awvalid || o.m_axi_wvalid) {
            return Ok(());
        }
        let mut events = std::mem::take(&mut self.events);
        self.bus.step(cycle, i, o, &mut events);
        let mut answer = Ok(());
        for e in events.drain(..) {
            answer = answer.and_then(|()| self.event(cycle, e));
        }
        self.events = events;
        answer
    }
}

#[cfg(test)]
#[path = "dma_tests.rs"]
mod tests;
