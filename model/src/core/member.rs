//! The commands of group MANAGED: managed devices, their virtqueues and messages.
//!
//! Timing: TIMING.md §10. Contexts change in the event, messages and answers go out at its effect edge.

use super::ctx::{DevCtx, Msi, VqCtx};
use super::exec::{check, Outcome, Refusal, FIELD};
use super::{Core, Env};
use shoal_abi::cmd::*;
use shoal_abi::profile::Profile;
use shoal_abi::ring::*;

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
    pub(super) fn create(&mut self, d: u32, p: &Profile) -> Result<Outcome, Refusal> {
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
        check(
            free && self.ctx.pages[page as usize] == 0,
            (EBUSY, Q_NORESOURCE),
        )?;
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
            // Everything but `queued` (§10).
            *vq = VqCtx {
                owner: d,
                index,
                queued: vq.queued,
                ..VqCtx::default()
            };
        }
        self.ctx.pages[page as usize] = d;
        Ok(Outcome::Done)
    }

    pub(super) fn device_command(
        &mut self,
        opcode: u16,
        d: u32,
        env: &Env,
    ) -> Result<Outcome, Refusal> {
        let dev = self.ctx.dev[d as usize];
        match opcode {
            DEV_MODE_SET => return self.set_mode(d),
            DEV_DESTROY => {
                self.ctx.dev[d as usize].status |= S_NEEDS_RESET;
                self.release_answers(d);
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
                self.release_answer(v);
                return Ok(Outcome::Poll);
            }
            GROUP_ASID_SET => {
                let (group, asid) = (self.arg("group"), self.arg("asid"));
                check(
                    group < u64::from(GROUPS) && asid < u64::from(env.p.asids),
                    FIELD,
                )?;
                let free = dev.status & S_DRIVER_OK == 0 || dev.stopped;
                check(free, (EBUSY, Q_INVALID_COMMAND))?;
                self.ctx.dev[d as usize].asid[group as usize] = asid as u32;
            }
            MSI_SET => return self.set_msi(d),
            MSI_GET => {
                let m = *self.msi_arg(d)?;
                let bit = |on, bit| if on { bit } else { 0 };
                let ctrl =
                    bit(m.mask, MSI_MASK) | bit(m.pending, MSI_PENDING) | bit(m.valid, MSI_VALID);
                self.put("address", m.address);
                self.put("data", u64::from(m.data));
                self.put("ctrl", u64::from(ctrl));
            }
            SCHED_SET => return self.set_share(d),
            SCHED_GET => self.put_share(d),
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
    pub(super) fn vq_arg(&self, d: u32) -> Result<u32, Refusal> {
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
        let accepted =
            dev.driver & !dev.offered == 0 && dev.driver & REQUIRED_FEATURES == REQUIRED_FEATURES;
        let mut new = self.arg("status") as u8 & S_WRITABLE;
        if new == 0 {
            self.ctx.dev[d as usize].status = S_NEEDS_RESET;
            self.release_answers(d);
            return Ok(Outcome::Poll);
        }
        check(old & S_WRITABLE & !new == 0, FIELD)?;
        if old & S_FEATURES_OK == 0 && !accepted {
            new &= !S_FEATURES_OK;
        }
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
        self.fx.send(&msi);
        Outcome::Done
    }

    fn set_up(&mut self, d: u32, p: &Profile) -> Result<Outcome, Refusal> {
        let v = self.vq_arg(d)?;
        let (size, group) = (self.arg("size") as u16, self.arg("group") as u8);
        check(
            size.is_power_of_two() && (2..=p.max_vq_size).contains(&size),
            FIELD,
        )?;
        check(group <= 1, FIELD)?;
        let (desc, driver, device) = (self.arg("desc"), self.arg("driver"), self.arg("device"));
        check(desc % 16 == 0 && driver % 2 == 0 && device % 4 == 0, FIELD)?;
        let address = self.arg("msi_address");
        check(address.is_multiple_of(4), FIELD)?;
        let vq = &self.ctx.vq[v as usize];
        check(!vq.ready && !vq.busy, (EBUSY, Q_INVALID_COMMAND))?;
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
        *slot = Msi {
            pending: pending && !send,
            ..new
        };
        let vq = self.vq_arg(d);
        if let Ok(vq) = vq.map(|v| &self.ctx.vq[v as usize]) {
            self.fx.may_not = vq.busy.then_some(vq.slot as u16);
        }
        if !send {
            return Ok(Outcome::Done);
        }
        if let Ok(v) = vq {
            let interrupts = &mut self.ctx.vq[v as usize].interrupts;
            *interrupts = interrupts.wrapping_add(1);
        }
        self.fx.send(&new);
        Ok(Outcome::Done)
    }
}
