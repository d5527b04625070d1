//! What a completed admin command changes for the rules about memory, and what must be over when it completes.

use shoal_abi::cmd;
use shoal_abi::mmu::{USER_INTERRUPT, USER_PASID_VALID, USER_PASID_W};
use shoal_abi::ring::{F_EVENT_IDX, S_DRIVER_OK, S_NEEDS_RESET, S_WRITABLE, TYPE_BLK};

use super::chain::Capture;
use super::cover::MODES;
use super::dma::{Memory, DMA, MSI, VIRTQUEUE};
use super::members::{Command, Member};
use super::msi::{key, member, Key};
use super::ring::Ring;
use super::Violation;

impl Memory {
    /// The answer of a command was written: it has been executed, and the next one has not had an effect yet.
    pub(super) fn completed(&mut self, cycle: u64, capture: &Capture) -> Result<(), Violation> {
        let c = Command::of(capture);
        self.cover.answer(c.opcode, c.status, c.qualifier);
        if c.status == cmd::OK {
            if c.group == cmd::GROUP_SELF {
                self.own_command(cycle, &c)?;
            } else if c.group == cmd::GROUP_MANAGED {
                self.member_command(cycle, &c)?;
            }
        } else if c.status == cmd::EAGAIN && matches!(c.opcode, cmd::DEV_DESTROY | cmd::STATUS_SET)
        {
            if let Some(m) = self.members.get_mut(&c.member) {
                m.draining = true;
            }
            self.fault_seen(c.member);
        }
        self.judge_put_off(cycle, c.sure)
    }

    fn own_command(&mut self, cycle: u64, c: &Command<'_>) -> Result<(), Violation> {
        match c.opcode {
            cmd::ASID_SET => {
                let (asid, flags) = (c.data.u32(0), c.data.u32(4));
                let pasid = c.data.u32(8) & ((1 << USER_PASID_W) - 1);
                let tagged = flags & cmd::ASID_PASID_VALID != 0;
                let mode = MODES[usize::from(flags as u8 & 3)];
                let tag = if tagged { "pasid" } else { "plain" };
                self.cover.hit(&format!("space.{mode}.{tag}"));
                let user = if tagged { USER_PASID_VALID | pasid } else { 0 };
                self.spaces
                    .bind(cycle, asid, flags as u8 & 3, user, c.data.u64(16));
                let mut users = self.users.remove(&asid).unwrap_or_default();
                let uses = |m: &Member| m.asid.contains(&asid);
                users.retain(|id| self.members.get(id).is_some_and(uses));
                for id in &users {
                    self.replace_rings(*id);
                }
                if !users.is_empty() {
                    self.users.insert(asid, users);
                }
            }
            cmd::IOTLB_INVALIDATE => {
                let kind = c.data.u32(0);
                self.cover.hit(match kind {
                    cmd::IOTLB_ALL => "invalidate.all",
                    cmd::IOTLB_ASID => "invalidate.asid",
                    _ => "invalidate.range",
                });
                let asid = (kind != cmd::IOTLB_ALL).then(|| c.data.u32(4));
                let range = (kind == cmd::IOTLB_RANGE).then(|| (c.data.u64(8), c.data.u64(16)));
                self.spaces.invalidate(c.taken, asid, range);
                for f in self.flights.values() {
                    if f.keys.is_empty() || f.user & USER_INTERRUPT != 0 || f.issued > c.sure {
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

    /// Enters the rings of a member, and what is under way there, anew, after its ASIDs changed.
    fn replace_rings(&mut self, id: u64) {
        let Some(m) = self.members.get(&id) else {
            return;
        };
        for index in m.queues.keys().copied().collect::<Vec<_>>() {
            self.place_ring(key(id, index));
            self.place_chain(key(id, index));
        }
    }

    /// Nothing that serves only queues of `dead` may be under way, unless it was asked for after cycle `sure`.
    fn drained(
        &self,
        (cycle, sure): (u64, u64),
        what: &str,
        dead: impl Fn(Key) -> bool,
    ) -> Result<(), Violation> {
        for f in self.flights.values().filter(|f| f.issued <= sure) {
            if !f.keys.is_empty() && f.keys.iter().all(|k| dead(*k)) {
                return Err(Violation::device(
                    cycle,
                    DMA,
                    "drain",
                    format!(
                        "{what} completed with an access at {:#x} (user {:#x}) under way",
                        f.addr, f.user
                    ),
                ));
            }
        }
        Ok(())
    }

    fn member_command(&mut self, cycle: u64, c: &Command<'_>) -> Result<(), Violation> {
        let id = c.member;
        let d = &c.data;
        if c.opcode == cmd::DEV_CREATE {
            let m = Member {
                is_blk: d.u16(0) == TYPE_BLK,
                vq_count: d.u16(2),
                asid: [d.u32(16), d.u32(20), d.u32(24)],
                ..Member::default()
            };
            for asid in m.asid {
                self.users.entry(asid).or_default().insert(id);
            }
            self.members.insert(id, m);
            return Ok(());
        }
        let Some(m) = self.members.get_mut(&id) else {
            return Ok(());
        };
        let index = d.u16(0);
        let k = key(id, index);
        let all = |k: Key| member(k) == id;
        let is_cut = match c.opcode {
            cmd::DEV_DESTROY => Some("cut.DEV_DESTROY"),
            cmd::STATUS_SET if d.u8(0) == 0 => Some("cut.STATUS_SET"),
            cmd::VQ_RESET => Some("cut.VQ_RESET"),
            cmd::DEV_MODE_SET if d.u8(0) & cmd::MODE_STOPPED != 0 => Some("cut.DEV_MODE_SET"),
            _ => None,
        };
        let mut rings = m
            .queues
            .keys()
            .filter_map(|q| self.index.rings.get(&key(id, *q)));
        if let Some(point) = is_cut.filter(|_| rings.any(|r| !r.chains.is_empty())) {
            self.cover.hit(point);
        }
        match c.opcode {
            cmd::FEATURES_SET => {
                m.features = d.u64(0);
                let event_idx = m.features >> F_EVENT_IDX & 1 == 1;
                for index in m.queues.keys() {
                    if let Some(r) = self.index.rings.get_mut(&key(id, *index)) {
                        r.event_idx = event_idx;
                    }
                }
            }
            cmd::DEV_DESTROY => {
                self.drained((cycle, c.sure), "DEV_DESTROY", all)?;
                self.drop_member(id);
                for asid in self.members.remove(&id).map_or([0; 3], |m| m.asid) {
                    if let Some(users) = self.users.get_mut(&asid) {
                        users.remove(&id);
                    }
                }
            }
            cmd::STATUS_SET if d.u8(0) == 0 => {
                self.drained((cycle, c.sure), "STATUS_SET 0", all)?;
                self.drop_member(id);
                if let Some(m) = self.members.get_mut(&id) {
                    *m = Member {
                        is_blk: m.is_blk,
                        vq_count: m.vq_count,
                        asid: m.asid,
                        ..Member::default()
                    };
                }
            }
            // A driver that gives the answer no room does not hear which bits were kept; the most that can be is taken.
            cmd::STATUS_SET if c.result_bytes == 0 => m.status |= d.u8(0) & S_WRITABLE,
            cmd::STATUS_SET => m.status = c.result.u8(0),
            cmd::STATUS_GET if c.result_bytes > 0 => {
                let status = c.result.u8(0);
                m.status = status;
                if status & S_NEEDS_RESET != 0 {
                    self.fault_seen(id);
                } else if let Some((slot, since)) = self.msi.alive(cycle, id) {
                    let detail = format!(
                        "member {id} queue {}: no message since cycle {since}",
                        slot & 0xffff
                    );
                    return Err(Violation::device(cycle, MSI, "missing", detail));
                }
            }
            cmd::DEV_MODE_SET => {
                let stop = d.u8(0) & cmd::MODE_STOPPED != 0;
                m.stopped = stop;
                if stop {
                    self.drained((cycle, c.sure), "stop", all)?;
                }
            }
            cmd::GROUP_ASID_SET => {
                if let Some(a) = m.asid.get_mut(d.u32(0) as usize) {
                    *a = d.u32(4);
                    self.users.entry(*a).or_default().insert(id);
                }
                self.replace_rings(id);
            }
            cmd::VQ_SETUP => self.setup(cycle, id, c),
            cmd::VQ_RESET => {
                m.queues.remove(&index);
                self.drained((cycle, c.sure), "VQ_RESET", |x| x == k)?;
                self.drop_ring(k);
                self.msi.quiet(k);
            }
            cmd::VQ_STATE_GET if c.result_bytes >= 8 => {
                if let Some(r) = self.index.rings.get(&k).filter(|r| m.stopped && !r.blurred) {
                    let (told, seen) = (
                        (ring_state(c), c.result.u8(6)),
                        ((r.last_avail, r.used_idx), 1),
                    );
                    if told != seen {
                        let detail = format!(
                            "member {id} queue {index}: {told:?}, the ring stands at {seen:?}"
                        );
                        return Err(Violation::device(cycle, VIRTQUEUE, "state", detail));
                    }
                }
            }
            cmd::MSI_SET => self
                .msi
                .set(cycle, k, (d.u64(8), d.u32(16)), d.u32(4), false),
            // Its message, if it is out already, was taken for that of a fault.
            cmd::CONFIG_SET
                if m.status & S_DRIVER_OK != 0 && m.told.take_if(|t| *t > c.taken).is_none() =>
            {
                self.msi.config(c.taken, id);
            }
            _ => {}
        }
        Ok(())
    }

    fn setup(&mut self, cycle: u64, id: u64, c: &Command<'_>) {
        let d = &c.data;
        let (index, k) = (d.u16(0), key(id, d.u16(0)));
        let Some(m) = self.members.get_mut(&id) else {
            return;
        };
        self.msi
            .set(cycle, k, (d.u64(40), d.u32(48)), d.u32(36), true);
        if d.u8(5) & 1 == 0 {
            return;
        }
        m.queues.insert(index, d.u8(4));
        let features = m.features;
        self.drop_ring(k);
        let event_idx = features >> F_EVENT_IDX & 1 == 1;
        let base = [d.u64(8), d.u64(16), d.u64(24)];
        let state = (d.u16(6), d.u16(32));
        self.index
            .rings
            .insert(k, Ring::new(d.u16(2).max(1), base, state, event_idx, false));
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
}

/// last_avail and used_idx in the answer of VQ_STATE_GET.
fn ring_state(c: &Command<'_>) -> (u16, u16) {
    (c.result.u16(0), c.result.u16(2))
}
