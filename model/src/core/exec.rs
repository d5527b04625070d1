//! The commands.
//!
//! Timing: TIMING.md §10: a command is one EXEC event, a drain one before and one after its polls.

use super::admin::{AdminState, Phase};
use super::ctx::{DevCtx, Msi, VqCtx};
use super::slots::SlotState;
use super::{Core, Env};
use crate::mmu::{AsidEntry, Invalidate};
use crate::regs::Counter;
use shoal_abi::cmd::*;
use shoal_abi::mmu::{MODE_BARE, MODE_OFF, MODE_SV39, MODE_SV48, USER_PASID_W};
use shoal_abi::profile::Profile;
use shoal_abi::ring::*;

/// Opcodes that are legal after a reset.
pub(super) const LISTS: [u64; 2] = [1 << LIST_QUERY | 1 << LIST_USE, 0];
const DATA: usize = HEADER_BYTES;
const PAGE: u64 = 4096;
/// The result of MMU_STATS_GET.
const MMU_COUNTERS: [(&str, Counter); 6] = [
    ("hits", Counter::TlbHits),
    ("misses", Counter::TlbMisses),
    ("walks", Counter::Walks),
    ("merged", Counter::WalksMerged),
    ("waits", Counter::MmuWaits),
    ("faults", Counter::MmuFaults),
];

/// Status and qualifier of a refusal.
pub(super) type Refusal = (u16, u16);
pub(super) const FIELD: Refusal = (EINVAL, Q_INVALID_FIELD);

/// How an execution ends.
pub(super) enum Outcome {
    /// The answer is ready.
    Done,
    /// Wait until it has drained.
    Poll,
    /// An op of the control unit is on its way.
    Wait,
}

pub(super) fn check(good: bool, refusal: Refusal) -> Result<(), Refusal> {
    if good {
        Ok(())
    } else {
        Err(refusal)
    }
}

fn command(opcode: u16) -> Option<&'static Command> {
    COMMANDS.iter().find(|c| c.opcode == opcode)
}

fn result_bytes(opcode: u16) -> usize {
    command(opcode)
        .and_then(|c| c.result.last())
        .map_or(0, |f| f.offset + f.bytes)
}

impl Core {
    fn opcode(&self) -> u16 {
        u16::from_le_bytes([self.admin.command[0], self.admin.command[1]])
    }

    fn member(&self) -> u64 {
        let mut le = [0; 8];
        le.copy_from_slice(&self.admin.command[HEADER_BYTES - 8..HEADER_BYTES]);
        u64::from_le_bytes(le)
    }

    /// The field of the command called `name`; of a longer field the first 8 bytes.
    pub(super) fn arg(&self, name: &str) -> u64 {
        let Some(f) = command(self.opcode()).and_then(|c| c.data.iter().find(|f| f.name == name))
        else {
            debug_assert!(false, "no field {name} in opcode {:#x}", self.opcode());
            return 0;
        };
        let mut le = [0; 8];
        let n = f.bytes.min(8);
        le[..n].copy_from_slice(&self.admin.command[DATA + f.offset..DATA + f.offset + n]);
        u64::from_le_bytes(le)
    }

    /// The bytes of the field of the command called `name`.
    pub(super) fn arg_bytes<const N: usize>(&self, name: &str) -> [u8; N] {
        let mut out = [0; N];
        if let Some(f) = command(self.opcode()).and_then(|c| c.data.iter().find(|f| f.name == name))
        {
            let n = f.bytes.min(N);
            out[..n].copy_from_slice(&self.admin.command[DATA + f.offset..DATA + f.offset + n]);
        }
        out
    }

    /// Sets the field of the result called `name`, or its first 8 bytes.
    pub(super) fn put(&mut self, name: &str, value: u64) {
        self.put_bytes(name, &value.to_le_bytes());
    }

    pub(super) fn put_bytes(&mut self, name: &str, value: &[u8]) {
        let Some(f) = command(self.opcode()).and_then(|c| c.result.iter().find(|f| f.name == name))
        else {
            debug_assert!(false, "no result {name} in opcode {:#x}", self.opcode());
            return;
        };
        let at = RESULT_HEADER_BYTES + f.offset;
        let n = f.bytes.min(value.len());
        self.admin.answer[at..at + n].copy_from_slice(&value[..n]);
    }

    /// EXEC.
    pub(super) fn execute(&mut self, env: &Env) {
        self.answer(OK, Q_OK, result_bytes(self.opcode()));
        let outcome = match self.admin.phase {
            Phase::Start => self.start(env),
            Phase::Finish => {
                self.finish_drain();
                Ok(Outcome::Done)
            }
            Phase::GiveUp => Err(self.give_up()),
        };
        match outcome {
            Ok(Outcome::Done) => self.admin_becomes(AdminState::Scatter),
            Ok(Outcome::Poll) => {
                (self.admin.polls, self.admin.flipped) = (0, false);
                self.admin_becomes(AdminState::Poll);
                self.fx.own.poll_timer = true;
            }
            Ok(Outcome::Wait) => {}
            Err((status, qualifier)) => {
                self.answer(status, qualifier, 0);
                self.admin_becomes(AdminState::Scatter);
            }
        }
    }

    /// The checks that every command has, then the command.
    fn start(&mut self, env: &Env) -> Result<Outcome, Refusal> {
        let group = u16::from_le_bytes([self.admin.command[2], self.admin.command[3]]);
        let managed = group == GROUP_MANAGED;
        check(managed || group == GROUP_SELF, (EINVAL, Q_INVALID_GROUP))?;
        let opcode = self.opcode();
        let uses = self.admin.uses[usize::from(managed)];
        let used = opcode < 128 && uses[usize::from(opcode / 64)] >> (opcode % 64) & 1 == 1;
        check(used, (EINVAL, Q_INVALID_OPCODE))?;
        let supported = if managed { LIST_MANAGED } else { LIST_SELF };
        match opcode {
            LIST_QUERY => {
                let [lo, hi] = supported.map(u64::to_le_bytes);
                self.put_bytes("opcodes", &[lo, hi].concat());
                return Ok(Outcome::Done);
            }
            LIST_USE => {
                let b: [u8; 16] = self.arg_bytes("opcodes");
                let b = u128::from_le_bytes(b);
                let new = [b as u64, (b >> 64) as u64];
                check((0..2).all(|k| new[k] & !supported[k] == 0), FIELD)?;
                self.admin.uses[usize::from(managed)] = new;
                return Ok(Outcome::Done);
            }
            _ if !managed => return self.own_command(opcode, env),
            _ => {}
        }
        let member = self.member();
        let in_range = (1..=u64::from(env.p.devices)).contains(&member);
        check(in_range, (EINVAL, Q_INVALID_MEMBER))?;
        let d = member as u32;
        let exists = self.ctx.dev[d as usize].exists;
        if opcode == DEV_CREATE {
            check(!exists, (EEXIST, Q_INVALID_MEMBER))?;
            return self.create(d, env.p);
        }
        check(exists, (EINVAL, Q_INVALID_MEMBER))?;
        self.device_command(opcode, d, env)
    }

    fn own_command(&mut self, opcode: u16, env: &Env) -> Result<Outcome, Refusal> {
        let asids = u64::from(env.p.asids);
        match opcode {
            CAPS => self.caps(env.p),
            ASID_SET => {
                let (asid, flags) = (self.arg("asid"), self.arg("flags"));
                let (pasid, root) = (self.arg("pasid"), self.arg("root"));
                check(asid < asids && pasid >> USER_PASID_W == 0, FIELD)?;
                check(root % PAGE == 0 && root >> 56 == 0, FIELD)?;
                let entry = AsidEntry {
                    mode: (flags & 3) as u8,
                    pasid_valid: flags & u64::from(ASID_PASID_VALID) != 0,
                    pasid: pasid as u32,
                    root,
                };
                self.fx.asid = Some((asid as u32, entry));
            }
            ASID_GET => {
                let asid = self.arg("asid");
                check(asid < asids, FIELD)?;
                let e = env.mmu.asid(asid as u32);
                let valid = if e.pasid_valid { ASID_PASID_VALID } else { 0 };
                self.put("asid", asid);
                self.put("flags", u64::from(u32::from(e.mode) | valid));
                self.put("pasid", u64::from(e.pasid));
                self.put("root", e.root);
            }
            IOTLB_INVALIDATE => {
                let (kind, asid) = (self.arg("kind"), self.arg("asid"));
                let [all, some] = [IOTLB_ALL, IOTLB_RANGE].map(u64::from);
                let (iova, len) = (self.arg("iova"), self.arg("len"));
                check(kind <= some && (kind == all || asid < asids), FIELD)?;
                let end = u128::from(iova) + u128::from(len);
                let range = iova % PAGE == 0 && len != 0 && len % PAGE == 0 && end <= 1 << 64;
                check(kind != some || range, FIELD)?;
                // §5.4: a range drops all of its ASID.
                self.fx.invalidate = Some(if kind == all {
                    Invalidate::All
                } else {
                    Invalidate::Asid(asid as u32)
                });
                return Ok(Outcome::Poll);
            }
            MMU_STATS_GET => {
                for (name, counter) in MMU_COUNTERS {
                    self.put(name, env.regs.counter(counter).into());
                }
            }
            TRANSLATE => {
                let asid = self.arg("asid");
                check(asid < asids, FIELD)?;
                let write = self.arg("flags") & 1 == 1;
                self.admin_translate(asid as u32, self.arg("iova"), write);
                return Ok(Outcome::Wait);
            }
            _ => return Err((EINVAL, Q_INVALID_OPCODE)),
        }
        Ok(Outcome::Done)
    }

    fn caps(&mut self, p: &Profile) {
        let modes: u64 = [MODE_OFF, MODE_BARE, MODE_SV39, MODE_SV48]
            .iter()
            .map(|m| 1 << m)
            .sum();
        self.put("devices", u64::from(p.devices));
        self.put("queues", u64::from(p.queues));
        self.put("asids", u64::from(p.asids));
        self.put("doorbell_pages", u64::from(p.doorbell_pages));
        self.put("max_vq_size", u64::from(p.max_vq_size));
        self.put("max_dev_vqs", u64::from(MAX_DEV_VQS));
        self.put("ring_formats", 1);
        self.put("device_types", 1 << TYPE_NET | 1 << TYPE_BLK);
        self.put("common_features", COMMON_FEATURES);
        self.put("net_features", NET_FEATURES);
        self.put("blk_features", BLK_FEATURES);
        self.put("modes", modes);
        self.put("config_bytes", CONFIG_BYTES as u64);
    }

    /// Releases the chain slots of a device that wait for an answer, in the order of its virtqueues.
    pub(super) fn release_answers(&mut self, d: u32) {
        let dev = &self.ctx.dev[d as usize];
        for v in dev.vq_base..dev.vq_base + u32::from(dev.vq_count) {
            self.release_answer(v);
        }
    }

    /// Releases the chain slot of virtqueue `v`, if it waits for an answer.
    pub(super) fn release_answer(&mut self, v: u32) {
        let vq = &self.ctx.vq[v as usize];
        let s = vq.slot;
        if vq.busy && self.is_chain(s) && self.slots[s].state == SlotState::Answer {
            self.release(s);
        }
    }

    /// A poll.
    pub(super) fn poll(&mut self, env: &Env) {
        let d = self.member() as usize;
        let drained = match self.opcode() {
            IOTLB_INVALIDATE => {
                if !env.mmu.invalidating() && env.epoch.old() == 0 {
                    self.admin_becomes(AdminState::Scatter);
                } else {
                    self.fx.own.poll_timer = true;
                }
                return;
            }
            VQ_RESET => self
                .vq_arg(d as u32)
                .is_ok_and(|v| !self.ctx.vq[v as usize].busy),
            _ => self.ctx.dev.get(d).is_none_or(|dev| dev.inflight == 0),
        };
        let told = env.messages.old_none();
        if drained && !self.admin.flipped {
            // The messages sent until now must have come to their end too.
            self.fx.flip_messages = told;
            self.admin.flipped = told;
            self.fx.own.poll_timer = true;
            return;
        }
        if drained && told {
            self.admin.phase = Phase::Finish;
        } else {
            self.admin.polls += 1;
            if self.admin.polls < DRAIN_POLLS {
                self.fx.own.poll_timer = true;
                return;
            }
            self.admin.phase = Phase::GiveUp;
        }
        self.admin_becomes(AdminState::Exec);
    }

    /// Phase 1 of a drain.
    fn finish_drain(&mut self) {
        let d = self.member() as u32;
        let reset_ring = |vq: &mut VqCtx| {
            (vq.last_avail, vq.used_idx, vq.avail_cache, vq.again) = (0, 0, 0, false);
        };
        let dev = self.ctx.dev[d as usize];
        let vqs = dev.vq_base as usize..dev.vq_base as usize + usize::from(dev.vq_count);
        match self.opcode() {
            DEV_DESTROY => {
                for vq in &mut self.ctx.vq[vqs] {
                    (vq.owner, vq.ready, vq.again, vq.msi) = (0, false, false, Msi::default());
                }
                self.ctx.pages[dev.page as usize] = 0;
                self.ctx.dev[d as usize] = DevCtx::default();
            }
            STATUS_SET => {
                for vq in &mut self.ctx.vq[vqs] {
                    reset_ring(vq);
                    (vq.ready, vq.msi) = (false, Msi::default());
                }
                let dev = &mut self.ctx.dev[d as usize];
                (dev.status, dev.driver, dev.stopped) = (0, 0, false);
                dev.msi = Msi::default();
            }
            VQ_RESET => {
                if let Ok(v) = self.vq_arg(d) {
                    let vq = &mut self.ctx.vq[v as usize];
                    reset_ring(vq);
                    vq.msi.pending = false;
                }
            }
            _ => {}
        }
    }

    /// Phase 2 of a drain.
    fn give_up(&mut self) -> Refusal {
        let d = self.member() as u32;
        if self.opcode() == DEV_MODE_SET && !self.admin.was_stopped {
            self.ctx.dev[d as usize].stopped = false;
            self.ctx.enqueue_all(d);
        }
        (EAGAIN, Q_TRYAGAIN)
    }
}
