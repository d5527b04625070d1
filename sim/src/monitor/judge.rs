//! Judges each access: is it in a live mapping, does a ring give it to the device, is a message due?

use shoal_abi::mmu::{FAULT_BYTES, USER_INTERRUPT};
use shoal_abi::ring::S_DRIVER_OK;

use super::bus::{Read, Write};
use super::dma::{Flight, Memory, Stop, ADMIN, DMA, MSI, VIRTQUEUE};
use super::index::Owner;
use super::members::Member;
use super::msi::{member, Key};
use super::ring::{Did, Kind, Refusal, Ring};
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
        if let (Some((slot, since)), false) =
            (self.msi.alive(cycle, id), m.is_some_and(|m| m.faulted))
        {
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
        self.places = places;
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
            let buffers = self
                .index
                .rings
                .get_mut(&k)
                .map(Ring::finish)
                .unwrap_or_default();
            let spaces = self.buffer_spaces(k);
            self.index.drop_buffers(k, &spaces, &buffers);
            if k == ADMIN {
                return self.completed(cycle).map_err(Stop::Broken);
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
    ) -> Result<(Option<Key>, Option<Did>), Stop> {
        let len = bytes.len() as u64;
        let (base, size) = self.bar.fault_queue();
        if w.user == 0 && addr >= base && addr - base + len <= size {
            if (addr - base).is_multiple_of(FAULT_BYTES) && len == 8 {
                let word = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
                self.fault_seen(word >> 40);
            }
            return Ok((None, None));
        }
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        self.spaces.places(w.user, addr, &mut places);
        let mut refusal: Option<(Key, Refusal)> = None;
        let mut taken = None;
        let mut owners = Vec::new();
        for p in &places {
            owners.clear();
            self.index.owners(p, len, 1, &mut owners);
            for o in &owners {
                let (Owner::Ring(k, ..) | Owner::Buffer(k, ..)) = *o else {
                    continue;
                };
                let answer = if p.write {
                    self.works(cycle, k)
                } else {
                    Err(("permission", "the mapping is read-only".into()))
                };
                let answer = answer.and_then(|()| {
                    let Some(ring) = self.index.rings.get_mut(&k) else {
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
                    Err(e) => {
                        refusal.get_or_insert((k, e));
                    }
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

    fn message(&mut self, cycle: u64, w: &Write) -> Result<Option<Key>, Stop> {
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
        // While a command is executed the reason may be its, so that the device is not taken for faulted yet.
        let settled = self.judging || !self.busy();
        let members = &self.members;
        let fault = |id: u64| {
            settled
                && members
                    .get(&id)
                    .is_some_and(|m| !m.faulted && m.status & S_DRIVER_OK != 0)
        };
        match self.msi.message(w.issued, (*addr, data), fault) {
            Ok((k, by_fault)) => {
                if by_fault {
                    self.fault_seen(member(k));
                }
                Ok(Some(k))
            }
            Err((rule, detail)) => {
                let mut own = self.bar.vectors.iter().flatten();
                if own.any(|v| !v.mask && v.addr == *addr && v.data == data) {
                    return Ok(None);
                }
                Err(Stop::Unexplained(Violation::device(
                    cycle, MSI, rule, detail,
                )))
            }
        }
    }
}
