//! The commands.
//!
//! Timing: TIMING.md §10: a command is one EXEC event, a drain one before and one after its polls.

use super::admin::{AdminState, Phase};
use super::ctx::{DevCtx, Msi, VqCtx};
use super::slots::SlotState;
use super::{Core, Env};
use crate::mmu::{AsidEntry, Invalidate};
use crate::regs::CHAIN_SLOTS;
use shoal_abi::cmd::*;
use shoal_abi::mmu::{MODE_BARE, MODE_OFF, MODE_SV39, MODE_SV48, USER_PASID_W};
use shoal_abi::profile::Profile;
use shoal_abi::ring::*;

/// Opcodes that are legal after a reset.
pub(super) const LISTS: [u64; 2] = [1 << LIST_QUERY | 1 << LIST_USE, 0];
const DATA: usize = HEADER_BYTES;
const PAGE: u64 = 4096;

/// Status and qualifier of a refusal.
type Refusal = (u16, u16);
const FIELD: Refusal = (EINVAL, Q_INVALID_FIELD);

/// How an execution ends.
enum Outcome {
    /// The answer is ready.
    Done,
    /// Wait until it has drained.
    Poll,
    /// An op of the control unit is on its way.
    Wait,
}

fn check(good: bool, refusal: Refusal) -> Result<(), Refusal> {
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
    command(opcode).and_then(|c| c.result.last()).map_or(0, |f| f.offset + f.bytes)
}

fn msi_of(ctrl: u64, address: u64, data: u64) -> Msi {
    Msi {
        address,
        data: data as u32,
        mask: ctrl & u64::from(MSI_MASK) != 0,
        valid: ctrl & u64::from(MSI_VALID) != 0,
        pending: false,
    }
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
    fn arg(&self, name: &str) -> u64 {
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
    fn arg_bytes<const N: usize>(&self, name: &str) -> [u8; N] {
        let mut out = [0; N];
        if let Some(f) = command(self.opcode()).and_then(|c| c.data.iter().find(|f| f.name == name)) {
            let n = f.bytes.min(N);
            out[..n].copy_from_slice(&self.admin.command[DATA + f.offset..DATA + f.offset + n]);
        }
        out
    }

    /// Sets the field of the result called `name`, or its first 8 bytes.
    pub(super) fn put(&mut self, name: &str, value: u64) {
        self.put_bytes(name, &value.to_le_bytes());
    }

    fn put_bytes(&mut self, name: &str, value: &[u8]) {
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
            Ok(Outcome::Done) => self.scatter(env),
            Ok(Outcome::Poll) => {
                self.admin.polls = 0;
                self.admin.state = AdminState::Poll;
                self.fx.poll_timer = true;
            }
            Ok(Outcome::Wait) => {}
            Err((status, qualifier)) => {
                self.answer(status, qualifier, 0);
                self.scatter(env);
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
                let (iova, len) = (self.arg("iova"), self.arg("len"));
                check(kind <= 2 && (kind == 0 || asid < asids), FIELD)?;
                let end = u128::from(iova) + u128::from(len);
                let range = iova % PAGE == 0 && len != 0 && len % PAGE == 0 && end <= 1 << 64;
                check(kind != 2 || range, FIELD)?;
                let asid = asid as u32;
                self.fx.invalidate = Some(match kind {
                    0 => Invalidate::All,
                    1 => Invalidate::Asid(asid),
                    _ => Invalidate::Range { asid, iova, len },
                });
                return Ok(Outcome::Poll);
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
        let modes: u64 = [MODE_OFF, MODE_BARE, MODE_SV39, MODE_SV48].iter().map(|m| 1 << m).sum();
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

    fn create(&mut self, d: u32, p: &Profile) -> Result<Outcome, Refusal> {
        let (kind, count) = (self.arg("type") as u16, self.arg("vq_count") as u16);
        let (base, offered) = (self.arg("vq_base"), self.arg("features"));
        let further = match kind {
            TYPE_NET => NET_FEATURES,
            TYPE_BLK => BLK_FEATURES,
            _ => return Err(FIELD),
        };
        check((1..=MAX_DEV_VQS).contains(&count), FIELD)?;
        check(kind != TYPE_NET || count % 2 == 0, FIELD)?;
        check(base + u64::from(count) <= u64::from(p.queues), FIELD)?;
        check(offered & REQUIRED_FEATURES == REQUIRED_FEATURES, FIELD)?;
        check(offered & !(COMMON_FEATURES | further) == 0, FIELD)?;
        let asid = ["asid_data", "asid_control", "asid_rings"].map(|n| self.arg(n) as u32);
        check(asid.iter().all(|&a| a < p.asids), FIELD)?;
        let page = self.arg("doorbell_page") as u32;
        check(page < p.doorbell_pages, FIELD)?;
        let vq_base = base as u32;
        let vqs = vq_base as usize..vq_base as usize + usize::from(count);
        let free = self.ctx.vq[vqs.clone()].iter().all(|v| v.owner == 0);
        check(free && self.ctx.pages[page as usize] == 0, (EBUSY, Q_NORESOURCE))?;
        self.ctx.dev[d as usize] = DevCtx {
            exists: true,
            kind,
            offered,
            vq_base,
            vq_count: count,
            asid,
            page,
            config: self.arg_bytes("config"),
            ..DevCtx::default()
        };
        for (index, vq) in (0..).zip(&mut self.ctx.vq[vqs]) {
            // Contract question: §10 "clears vq state" is taken as everything but `queued`, size and addresses included.
            *vq = VqCtx { owner: d, index, queued: vq.queued, ..VqCtx::default() };
        }
        self.ctx.pages[page as usize] = d;
        Ok(Outcome::Done)
    }

    fn device_command(&mut self, opcode: u16, d: u32, env: &Env) -> Result<Outcome, Refusal> {
        let dev = self.ctx.dev[d as usize];
        match opcode {
            DEV_MODE_SET => return self.set_mode(d),
            DEV_DESTROY => {
                self.ctx.dev[d as usize].status |= S_NEEDS_RESET;
                self.release_waiting(d, None);
                return Ok(Outcome::Poll);
            }
            FEATURES_GET => {
                self.put("device_features", dev.offered);
                self.put("driver_features", dev.driver);
            }
            FEATURES_SET => {
                check(dev.status & S_FEATURES_OK == 0, (EINVAL, Q_INVALID_COMMAND))?;
                self.ctx.dev[d as usize].driver = self.arg("driver_features");
            }
            STATUS_GET => {
                self.put("status", u64::from(dev.status));
                self.put("generation", u64::from(dev.generation));
            }
            STATUS_SET => return self.set_status(d),
            CONFIG_GET => {
                self.put("generation", u64::from(dev.generation));
                self.put_bytes("config", &dev.config);
            }
            CONFIG_SET => return Ok(self.set_config(d)),
            VQ_SETUP => return self.set_up(d, env.p),
            VQ_STATE_GET => {
                let vq = self.ctx.vq[self.vq_arg(d)? as usize];
                self.put("last_avail", u64::from(vq.last_avail));
                self.put("used_idx", u64::from(vq.used_idx));
                self.put("size", u64::from(vq.size));
                self.put("ready", u64::from(vq.ready));
            }
            VQ_RESET => {
                let v = self.vq_arg(d)?;
                self.ctx.vq[v as usize].ready = false;
                self.release_waiting(d, Some(v));
                return Ok(Outcome::Poll);
            }
            GROUP_ASID_SET => {
                let (group, asid) = (self.arg("group"), self.arg("asid"));
                check(group < u64::from(GROUPS) && asid < u64::from(env.p.asids), FIELD)?;
                let free = dev.status & S_DRIVER_OK == 0 || dev.stopped;
                check(free, (EBUSY, Q_INVALID_COMMAND))?;
                self.ctx.dev[d as usize].asid[group as usize] = asid as u32;
            }
            MSI_SET => return self.set_msi(d),
            MSI_GET => {
                let m = *self.msi_arg(d)?;
                let bit = |on, bit| if on { bit } else { 0 };
                let ctrl = bit(m.mask, MSI_MASK) | bit(m.pending, MSI_PENDING) | bit(m.valid, MSI_VALID);
                self.put("address", m.address);
                self.put("data", u64::from(m.data));
                self.put("ctrl", u64::from(ctrl));
            }
            STATS_GET => {
                let vq = self.ctx.vq[self.vq_arg(d)? as usize];
                self.put("kicks", u64::from(vq.kicks));
                self.put("chains", u64::from(vq.chains));
                self.put("interrupts", u64::from(vq.interrupts));
                self.put("drops", u64::from(vq.drops));
                self.put("faults", u64::from(vq.faults));
            }
            _ => return Err((EINVAL, Q_INVALID_OPCODE)),
        }
        Ok(Outcome::Done)
    }

    /// The virtqueue named by `vq_index`.
    fn vq_arg(&self, d: u32) -> Result<u32, Refusal> {
        self.ctx.vq_of(d, self.arg("vq_index") as u16).ok_or(FIELD)
    }

    /// The message slot named by `vq_index`.
    fn msi_arg(&mut self, d: u32) -> Result<&mut Msi, Refusal> {
        if self.arg("vq_index") == u64::from(CONFIG_MSI) {
            return Ok(&mut self.ctx.dev[d as usize].msi);
        }
        let v = self.vq_arg(d)?;
        Ok(&mut self.ctx.vq[v as usize].msi)
    }

    fn set_mode(&mut self, d: u32) -> Result<Outcome, Refusal> {
        let flags = self.arg("flags");
        check(flags & !u64::from(MODE_STOPPED) == 0, FIELD)?;
        let was = self.ctx.dev[d as usize].stopped;
        if flags != 0 {
            self.admin.was_stopped = was;
            self.ctx.dev[d as usize].stopped = true;
            return Ok(Outcome::Poll);
        }
        self.ctx.dev[d as usize].stopped = false;
        if was {
            self.ctx.enqueue_all(d);
        }
        Ok(Outcome::Done)
    }

    fn set_status(&mut self, d: u32) -> Result<Outcome, Refusal> {
        let dev = &mut self.ctx.dev[d as usize];
        let old = dev.status;
        let accepted = dev.driver & !dev.offered == 0
            && dev.driver & REQUIRED_FEATURES == REQUIRED_FEATURES;
        // Contract question: bits outside S_WRITABLE are ignored before the value is compared with 0.
        let mut new = self.arg("status") as u8 & S_WRITABLE;
        if new == 0 {
            self.ctx.dev[d as usize].status = S_NEEDS_RESET;
            self.release_waiting(d, None);
            return Ok(Outcome::Poll);
        }
        check(old & S_WRITABLE & !new == 0, FIELD)?;
        if old & S_FEATURES_OK == 0 && !accepted {
            new &= !S_FEATURES_OK;
        }
        // Contract question: "DRIVER_OK without FEATURES_OK" is judged by the FEATURES_OK that is kept.
        check(new & S_DRIVER_OK == 0 || new & S_FEATURES_OK != 0, FIELD)?;
        self.ctx.dev[d as usize].status = old | new;
        if new & !old & S_DRIVER_OK != 0 {
            self.ctx.enqueue_all(d);
        }
        self.put("status", u64::from(old | new));
        Ok(Outcome::Done)
    }

    fn set_config(&mut self, d: u32) -> Outcome {
        let (mask, config) = (self.arg("bytes"), self.arg_bytes::<CONFIG_BYTES>("config"));
        let dev = &mut self.ctx.dev[d as usize];
        for (n, (byte, new)) in dev.config.iter_mut().zip(config).enumerate() {
            if mask >> n & 1 == 1 {
                *byte = new;
            }
        }
        dev.generation = dev.generation.wrapping_add(1);
        if dev.status & S_DRIVER_OK == 0 || !dev.msi.valid {
            return Outcome::Done;
        }
        if dev.msi.mask {
            dev.msi.pending = true;
            return Outcome::Done;
        }
        let msi = dev.msi;
        self.admin_message(msi.address, msi.data);
        Outcome::Wait
    }

    fn set_up(&mut self, d: u32, p: &Profile) -> Result<Outcome, Refusal> {
        let v = self.vq_arg(d)?;
        let (size, group) = (self.arg("size") as u16, self.arg("group") as u8);
        check(size.is_power_of_two() && (2..=p.max_vq_size).contains(&size), FIELD)?;
        check(group <= 1, FIELD)?;
        let (desc, driver, device) = (self.arg("desc"), self.arg("driver"), self.arg("device"));
        check(desc % 16 == 0 && driver % 2 == 0 && device % 4 == 0, FIELD)?;
        // Contract question: msi_address has no range of its own; "as in MSI_SET" is taken for all three fields.
        let address = self.arg("msi_address");
        check(address % 4 == 0, FIELD)?;
        check(!self.ctx.vq[v as usize].ready, (EBUSY, Q_INVALID_COMMAND))?;
        let last_avail = self.arg("last_avail") as u16;
        let vq = VqCtx {
            ready: self.arg("flags") & 1 == 1,
            size,
            desc,
            driver,
            device,
            last_avail,
            used_idx: self.arg("used_idx") as u16,
            avail_cache: last_avail,
            group,
            again: false,
            msi: msi_of(self.arg("msi_ctrl"), address, self.arg("msi_data")),
            ..self.ctx.vq[v as usize]
        };
        self.ctx.vq[v as usize] = vq;
        if vq.ready && !self.ctx.is_receive(v) && self.ctx.running(d) {
            self.ctx.enqueue(v);
        }
        Ok(Outcome::Done)
    }

    fn set_msi(&mut self, d: u32) -> Result<Outcome, Refusal> {
        let (ctrl, address, data) = (self.arg("ctrl"), self.arg("address"), self.arg("data"));
        let new = msi_of(ctrl, address, data);
        let slot = self.msi_arg(d)?;
        check(address % 4 == 0, FIELD)?;
        let pending = slot.pending && slot.valid && new.valid;
        let send = pending && !new.mask;
        *slot = Msi { pending: pending && !send, ..new };
        if !send {
            return Ok(Outcome::Done);
        }
        if let Ok(v) = self.vq_arg(d) {
            let interrupts = &mut self.ctx.vq[v as usize].interrupts;
            *interrupts = interrupts.wrapping_add(1);
        }
        self.admin_message(new.address, new.data);
        Ok(Outcome::Wait)
    }

    /// Releases the chain slots of a device, or of one virtqueue, that wait without a mover.
    fn release_waiting(&mut self, d: u32, vq: Option<u32>) {
        for s in 0..CHAIN_SLOTS {
            let slot = &self.slots[s];
            let mine = slot.dev == d && vq.is_none_or(|v| slot.vq == v);
            let waits = match slot.state {
                SlotState::Answer => true,
                SlotState::WaitTx => self.tx_owner != Some(s),
                _ => false,
            };
            if mine && waits {
                self.release(s);
            }
        }
    }

    /// A poll.
    pub(super) fn poll(&mut self, env: &Env) {
        let d = self.member() as usize;
        let drained = match self.opcode() {
            IOTLB_INVALIDATE => {
                if !env.mmu.invalidating() && env.epoch.old() == 0 {
                    self.scatter(env);
                } else {
                    self.fx.poll_timer = true;
                }
                return;
            }
            VQ_RESET => self.vq_arg(d as u32).is_ok_and(|v| !self.ctx.vq[v as usize].busy),
            _ => self.ctx.dev.get(d).is_none_or(|dev| dev.inflight == 0),
        };
        if drained {
            self.admin.phase = Phase::Finish;
        } else {
            self.admin.polls += 1;
            if self.admin.polls < DRAIN_POLLS {
                self.fx.poll_timer = true;
                return;
            }
            self.admin.phase = Phase::GiveUp;
        }
        self.admin.state = AdminState::Exec;
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
                    reset_ring(&mut self.ctx.vq[v as usize]);
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
