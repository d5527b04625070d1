//! Every access of the device to memory: is it allowed, and what does it mean?
//!
//! Follows registers, admin commands, page tables and rings, all of them as they pass the ports, and asks of each access: is it in a mapping that is
//! live in an ASID of the device it serves, tagged as that ASID says (rules of `dma`); is it something the ring gave to the device (rules of `virtqueue`);
//! if it is a message, is it due (rules of `msi`)? When an IOTLB_INVALIDATE, reset, stop or destroy completes, nothing from before it may be under way.
//!
//! A command takes effect inside the device before its completion is seen. An access that nothing explains is therefore put off
//! while a command is being executed, and judged when it has completed.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::Profile;
use shoal_abi::ring::AVAIL_F_NO_INTERRUPT;

use super::bar::{Bar, Meaning};
use super::bus::{Beat, Bus, Event, Serial};
use super::cover::Cover;
use super::index::{Index, Owner};
use super::members::Member;
use super::msi::{member, Key, Msi, Wish};
use super::ring::{Buffer, Did, Kind, Ring};
use super::space::{Place, Space, Spaces};
use super::{Monitor, Violation, BOUND};

pub(super) const DMA: &str = "dma";
pub(super) const VIRTQUEUE: &str = "virtqueue";
pub(super) const MSI: &str = "msi";
/// The admin queue among the rings: no member has id 0.
pub(super) const ADMIN: Key = 0;
/// Virtqueue group of the rings.
pub(super) const RINGS: usize = 2;

/// An access under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) write: bool,
    pub(super) addr: u64,
    pub(super) user: u32,
    /// The queues that it may serve; empty for the management device's own accesses.
    pub(super) keys: Vec<Key>,
    pub(super) owners: Vec<Owner>,
    pub(super) did: Vec<(Key, Did)>,
    /// Cycle in which its address stood on the port for the first time.
    pub(super) issued: u64,
}

/// Why an access was not accepted.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nothing explains it; a command that is being executed may.
    Unexplained(Violation),
    /// Nothing explains it but a blurred queue as things stand; a command that is being executed may explain it better.
    Excused(Violation),
    /// It breaks a rule, whatever comes.
    Broken(Violation),
}

impl Stop {
    /// The same for an access that a blurred queue explains if nothing better does.
    pub(super) fn excused(self, is: bool) -> Self {
        match self {
            Self::Unexplained(v) if is => Self::Excused(v),
            other => other,
        }
    }
}

/// The monitor of memory accesses.
pub struct Memory {
    pub(super) profile: &'static Profile,
    bus: Bus,
    pub(super) bar: Bar,
    pub(super) spaces: Spaces,
    pub(super) members: HashMap<u64, Member>,
    /// Members that use an ASID, or did.
    pub(super) users: HashMap<u32, BTreeSet<u64>>,
    pub(super) index: Index,
    pub(super) msi: Msi,
    /// Queues whose driver breaks its own rules: see [`Memory::blurred_queues`].
    pub(super) blurred_rings: Vec<Key>,
    pub(super) flights: HashMap<Serial, Flight>,
    /// Accesses that nothing explained, and what followed on them, with their cycles.
    put_off: VecDeque<(u64, Event)>,
    /// Those of them that need no better explanation.
    excused: HashSet<Serial>,
    put_off_serials: HashSet<Serial>,
    pub(super) cover: Cover,
    /// What the oldest of them broke.
    put_off_why: Option<Violation>,
    /// True while what was put off is judged.
    pub(super) judging: bool,
    events: Vec<Event>,
    fresh: Vec<Buffer>,
    pub(super) places: Vec<Place>,
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
            users: HashMap::new(),
            index: Index::default(),
            msi: Msi::default(),
            blurred_rings: Vec::new(),
            flights: HashMap::new(),
            put_off: VecDeque::new(),
            excused: HashSet::new(),
            put_off_serials: HashSet::new(),
            cover: Cover::default(),
            put_off_why: None,
            judging: false,
            events: Vec::new(),
            fresh: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Queues of which nothing can be checked but their mappings, because a driver let rings or buffers of different queues overlap
    /// or changed descriptors that it had made available.
    #[must_use]
    pub fn blurred_queues(&self) -> usize {
        self.blurred_rings.len()
    }

    // --- where rings and buffers are ---

    /// The spaces in which queue `k` uses group `group` (0, 1 buffers, 2 rings).
    pub(super) fn spaces_of(&self, k: Key, group: usize) -> Vec<Space> {
        if k == ADMIN {
            return vec![Space::Physical];
        }
        let asid = self.members.get(&member(k)).and_then(|m| m.asid.get(group));
        asid.map_or_else(Vec::new, |a| self.spaces.of(*a))
    }

    /// The spaces of the buffers of queue `k`.
    pub(super) fn buffer_spaces(&self, k: Key) -> Vec<Space> {
        let queues = self.members.get(&member(k)).map(|m| &m.queues);
        let group = queues
            .and_then(|q| q.get(&(k as u16)))
            .copied()
            .unwrap_or(0);
        self.spaces_of(k, usize::from(group))
    }

    /// Enters ring `k` where its ASID stands now.
    pub(super) fn place_ring(&mut self, k: Key) {
        let spaces = self.spaces_of(k, RINGS);
        self.index.place_ring(k, &spaces);
    }

    pub(super) fn drop_ring(&mut self, k: Key) {
        let mut spaces = self.spaces_of(k, RINGS);
        spaces.extend(
            self.members
                .get(&member(k))
                .map(|m| Space::Tables(m.asid[RINGS])),
        );
        self.index.drop_ring(k, &spaces);
        self.blurred_rings.retain(|b| *b != k);
    }

    /// Enters the buffers of the chain under way in queue `k` where their ASID stands now.
    pub(super) fn place_chain(&mut self, k: Key) {
        let spaces = self.buffer_spaces(k);
        let buffers = self
            .index
            .rings
            .get(&k)
            .map_or_else(Vec::new, Ring::buffers);
        self.index.place_buffers(k, &spaces, &buffers);
    }

    /// Enters the buffers that were just found in the chain of queue `k`.
    fn place_fresh(&mut self, k: Key) {
        if !self.fresh.is_empty() {
            let spaces = self.buffer_spaces(k);
            self.index.place_buffers(k, &spaces, &self.fresh);
            self.fresh.clear();
        }
    }

    // --- what an access means ---

    fn data(&mut self, cycle: u64, b: &Beat) {
        if !b.ok {
            self.cover.hit("axi.read_error");
        }
        let Some(flight) = self.flights.get_mut(&b.serial) else {
            return;
        };
        let done = b.last;
        let owners = std::mem::take(&mut flight.owners);
        let delta = b.addr.wrapping_sub(flight.addr) as i64;
        let bytes = &b.bytes[..b.len];
        for o in &owners {
            match *o {
                Owner::Table if b.ok && b.len == 8 && b.addr.is_multiple_of(8) => {
                    let pte = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
                    if let Some(point) = self.spaces.entry(cycle, b.addr, pte) {
                        self.cover.hit(point);
                    }
                }
                Owner::Table => {}
                Owner::Ring(k, part, off) => {
                    let Some(ring) = self.index.rings.get_mut(&k) else {
                        continue;
                    };
                    if !b.ok {
                        ring.read_error(part, off + delta);
                        continue;
                    }
                    let wish =
                        ring.read(part, off + delta, bytes, b.issued, cycle, &mut self.fresh);
                    if let (Some(w), true) = (wish, k != ADMIN) {
                        self.cover.hit(match w {
                            Wish::Flags(f) if f & AVAIL_F_NO_INTERRUPT != 0 => "wish.flags.no",
                            Wish::Flags(_) => "wish.flags.yes",
                            Wish::UsedEvent(_) => "wish.event_idx",
                        });
                        self.msi.wish(cycle, k, w, b.issued);
                    }
                    self.look_again(k);
                }
                Owner::Buffer(k, buffer, off) => {
                    let Some(ring) = self.index.rings.get_mut(&k) else {
                        continue;
                    };
                    if !b.ok {
                        ring.buffer_error(&buffer);
                        continue;
                    }
                    if buffer.kind == Kind::Table || k == ADMIN {
                        let at = off + delta;
                        ring.read_buffer(&buffer, at, bytes, b.issued, cycle, &mut self.fresh);
                        self.look_again(k);
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

    /// Enters what a read has shown of queue `k`.
    fn look_again(&mut self, k: Key) {
        self.place_fresh(k);
        if self.index.rings.get(&k).is_some_and(|r| r.changed) {
            self.blur_queue(k);
        }
    }

    /// A sign was seen that the device has faulted.
    pub(super) fn fault_seen(&mut self, id: u64) {
        if let Some(m) = self.members.get_mut(&id) {
            m.faulted = true;
            self.msi.faulted(id, m.vq_count);
        }
    }

    fn done(&mut self, cycle: u64, serial: Serial, ok: bool) {
        if !ok {
            self.cover.hit("axi.write_error");
        }
        let Some(f) = self.flights.remove(&serial) else {
            return;
        };
        for (k, did) in f.did {
            if let Some(ring) = self.index.rings.get_mut(&k) {
                ring.done(did, cycle, ok);
            }
            if matches!(did, Did::Index(_)) && k != ADMIN {
                self.msi.used_done(cycle, k);
            }
        }
    }

    // --- events ---

    pub(super) fn busy(&self) -> bool {
        self.index.rings.get(&ADMIN).is_some_and(Ring::has_work)
    }

    fn event(&mut self, cycle: u64, e: Event) -> Result<(), Violation> {
        if self.put_off_serials.contains(&e.serial()) {
            self.put_off.push_back((cycle, e));
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
        let (v, excused) = match answer {
            Ok(()) => return Ok(()),
            Err(Stop::Broken(v)) => return Err(v),
            Err(Stop::Unexplained(v)) => (v, false),
            Err(Stop::Excused(v)) => (v, true),
        };
        let serial = e.serial();
        if self.busy() && !self.judging {
            self.put_off_serials.insert(serial);
            self.put_off.push_back((cycle, e));
            if excused || self.excused.contains(&serial) {
                self.excused.insert(serial);
            } else {
                self.put_off_why.get_or_insert(v);
            }
            return Ok(());
        }
        if excused || self.excused.contains(&serial) {
            return Ok(()); // what follows on it is skipped, as it has no flight
        }
        Err(v)
    }

    /// Judges what was put off, for good what was asked for up to cycle `sure`: commands are executed one at a time, and one had just
    /// been then.
    pub(super) fn judge_put_off(&mut self, now: u64, sure: u64) -> Result<(), Violation> {
        if self.put_off.is_empty() {
            return Ok(());
        }
        debug_assert!(self.put_off.iter().all(|(cycle, _)| *cycle <= now));
        let all = std::mem::take(&mut self.put_off);
        self.put_off_serials.clear();
        self.put_off_why = None;
        let answer = all.into_iter().try_for_each(|(cycle, e)| {
            self.judging = cycle <= sure;
            self.event(cycle, e)
        });
        self.judging = false;
        let waits = &self.put_off_serials;
        self.excused.retain(|serial| waits.contains(serial));
        answer
    }

    fn meaning(&mut self, cycle: u64, m: Meaning) -> Result<(), Violation> {
        match m {
            Meaning::AdminEnabled => {
                self.drop_ring(ADMIN);
                let ring = Ring::new(self.bar.queue_size, self.bar.rings, (0, 0), false, true);
                self.index.rings.insert(ADMIN, ring);
                self.place_ring(ADMIN);
            }
            Meaning::ResetDone => {
                if let Some(f) = self.flights.values().next() {
                    return Err(Violation::device(
                        cycle,
                        DMA,
                        "drain",
                        format!(
                            "device_status reads 0 with an access at {:#x} under way",
                            f.addr
                        ),
                    ));
                }
                let bus = std::mem::replace(&mut self.bus, Bus::new(self.profile));
                let mut bar = std::mem::take(&mut self.bar);
                bar.reset();
                if !self.members.is_empty() {
                    self.cover.hit("reset.registers");
                }
                let cover = std::mem::take(&mut self.cover);
                *self = Self {
                    bus,
                    bar,
                    cover,
                    ..Self::new(self.profile)
                };
            }
        }
        Ok(())
    }
}

impl Monitor for Memory {
    fn name(&self) -> &'static str {
        DMA
    }

    fn check(&mut self, cycle: u64, i: &Inputs, o: &Outputs) -> Result<(), Violation> {
        if i.reset {
            if !self.flights.is_empty() {
                self.cover.hit("reset.wire");
            }
            let cover = std::mem::take(&mut self.cover);
            *self = Self {
                cover,
                ..Self::new(self.profile)
            };
            return Ok(());
        }
        if i.s_axil_awvalid || i.s_axil_wvalid || i.s_axil_arvalid || o.s_axil_rvalid {
            if let Some(m) = self.bar.step(i, o) {
                self.meaning(cycle, m)?;
            }
        }
        if !(i.m_axi_bvalid
            || i.m_axi_rvalid
            || o.m_axi_arvalid
            || o.m_axi_awvalid
            || o.m_axi_wvalid)
        {
            return Ok(());
        }
        if let Some(v) = self.put_off_why.take_if(|v| cycle - v.cycle > BOUND) {
            return Err(v); // the command that could have explained it does not complete
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

    fn cover(&self) -> Option<&Cover> {
        Some(&self.cover)
    }
}

#[cfg(test)]
#[path = "dma_tests.rs"]
mod tests;
