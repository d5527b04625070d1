//! Commands of the fake device, in the order and with the refusals of ABI.md.

use shoal_abi::cmd::{self as abi, Command, COMMANDS, HEADER_BYTES};
use shoal_abi::mmu::USER_PASID_VALID;
use shoal_abi::ring::{self, S_DRIVER_OK, S_FEATURES_OK, S_NEEDS_RESET, S_WRITABLE};

use super::{Asid, Context, Device, Machine, Memory, Slot};

pub(super) type Answer = (u16, u16, Vec<u8>);

pub(super) struct Args<'a> {
    pub(super) spec: &'static Command,
    data: &'a [u8],
}

impl Args<'_> {
    pub(super) fn bytes(&self, name: &str) -> &[u8] {
        let f = self
            .spec
            .data
            .iter()
            .find(|f| f.name == name)
            .expect("a field of the command");
        &self.data[f.offset..f.offset + f.bytes]
    }
    pub(super) fn get(&self, name: &str) -> u64 {
        self.bytes(name)
            .iter()
            .take(8)
            .rev()
            .fold(0, |n, &b| n << 8 | u64::from(b))
    }
    pub(super) fn u32(&self, name: &str) -> u32 {
        self.get(name) as u32
    }
    pub(super) fn u16(&self, name: &str) -> u16 {
        self.get(name) as u16
    }
}

pub(super) struct Results {
    spec: &'static Command,
    bytes: Vec<u8>,
}

impl Results {
    pub(super) fn put(mut self, name: &str, value: u64) -> Self {
        let f = self
            .spec
            .result
            .iter()
            .find(|f| f.name == name)
            .expect("a field of the result");
        self.bytes[f.offset..f.offset + f.bytes].copy_from_slice(&value.to_le_bytes()[..f.bytes]);
        self
    }
    pub(super) fn put_bytes(mut self, name: &str, value: &[u8]) -> Self {
        let f = self
            .spec
            .result
            .iter()
            .find(|f| f.name == name)
            .expect("a field of the result");
        self.bytes[f.offset..f.offset + value.len()].copy_from_slice(value);
        self
    }
    pub(super) fn ok(self) -> Answer {
        (abi::OK, abi::Q_OK, self.bytes)
    }
}

pub(super) const FIELD: (u16, u16) = (abi::EINVAL, abi::Q_INVALID_FIELD);
pub(super) const BUSY: (u16, u16) = (abi::EBUSY, abi::Q_INVALID_COMMAND);

impl<M: Memory> Machine<M> {
    pub(super) fn exec(&mut self, c: &[u8]) -> Answer {
        self.try_exec(c)
            .unwrap_or_else(|(status, qualifier)| (status, qualifier, Vec::new()))
    }

    fn try_exec(&mut self, c: &[u8]) -> Result<Answer, (u16, u16)> {
        let opcode = u16::from_le_bytes([c[0], c[1]]);
        let group = u16::from_le_bytes([c[2], c[3]]);
        let member = u64::from_le_bytes(c[16..24].try_into().expect("8 bytes"));
        let managed = match group {
            abi::GROUP_SELF => false,
            abi::GROUP_MANAGED => true,
            _ => return Err((abi::EINVAL, abi::Q_INVALID_GROUP)),
        };
        let legal = self.legal[usize::from(managed)];
        if opcode >= 128 || legal[usize::from(opcode / 64)] >> (opcode % 64) & 1 == 0 {
            return Err((abi::EINVAL, abi::Q_INVALID_OPCODE));
        }
        let spec = COMMANDS
            .iter()
            .find(|s| s.opcode == opcode)
            .expect("a legal opcode is in the table");
        let a = Args {
            spec,
            data: &c[HEADER_BYTES..],
        };
        let area = spec
            .result
            .iter()
            .map(|f| f.offset + f.bytes)
            .max()
            .unwrap_or(0)
            .next_multiple_of(8);
        let r = Results {
            spec,
            bytes: vec![0; area],
        };
        if spec.member {
            let no_member = (abi::EINVAL, abi::Q_INVALID_MEMBER);
            let id = u32::try_from(member).map_err(|_| no_member)?;
            let exists = self.devices.contains_key(&id);
            if opcode == abi::DEV_CREATE {
                if id == 0 || id > self.profile.devices {
                    return Err(no_member);
                }
                if exists {
                    return Err((abi::EEXIST, abi::Q_INVALID_MEMBER));
                }
                return self.create(id, &a, r);
            }
            if !exists {
                return Err(no_member);
            }
            let drains = matches!(opcode, abi::DEV_DESTROY | abi::VQ_RESET)
                || opcode == abi::STATUS_SET && a.get("status") == 0
                || opcode == abi::DEV_MODE_SET && a.get("flags") == 1;
            if drains && self.moods.try_again > 0 {
                self.moods.try_again -= 1;
                return Err((abi::EAGAIN, abi::Q_TRYAGAIN));
            }
            return if spec.data.first().is_some_and(|f| f.name == "vq_index") {
                self.of_vq(id, &a, r)
            } else {
                self.of_member(id, &a, r)
            };
        }
        self.of_self(managed, &a, r)
    }

    fn of_self(&mut self, managed: bool, a: &Args<'_>, r: Results) -> Result<Answer, (u16, u16)> {
        let p = self.profile;
        let supported = if managed {
            abi::LIST_MANAGED
        } else {
            abi::LIST_SELF
        };
        let asid = |name: &str| Some(a.u32(name)).filter(|&n| n < p.asids).ok_or(FIELD);
        Ok(match a.spec.opcode {
            abi::LIST_QUERY => {
                let bytes: Vec<u8> = supported.iter().flat_map(|w| w.to_le_bytes()).collect();
                r.put_bytes("opcodes", &bytes).ok()
            }
            abi::LIST_USE => {
                let w = [0, 8]
                    .map(|n| u64::from_le_bytes(a.data[n..n + 8].try_into().expect("8 bytes")));
                if w[0] & !supported[0] != 0 || w[1] & !supported[1] != 0 {
                    return Err(FIELD);
                }
                self.legal[usize::from(managed)] = w;
                r.ok()
            }
            abi::CAPS => r
                .put("devices", p.devices.into())
                .put("queues", p.queues.into())
                .put("asids", p.asids.into())
                .put("doorbell_pages", p.doorbell_pages.into())
                .put("max_vq_size", p.max_vq_size.into())
                .put("max_dev_vqs", abi::MAX_DEV_VQS.into())
                .put("ring_formats", 1)
                .put("device_types", 1 << ring::TYPE_NET | 1 << ring::TYPE_BLK)
                .put("common_features", ring::COMMON_FEATURES)
                .put("net_features", ring::NET_FEATURES)
                .put("blk_features", ring::BLK_FEATURES)
                .put("modes", 0xf)
                .put("config_bytes", abi::CONFIG_BYTES as u64)
                .ok(),
            abi::ASID_SET => {
                let (n, flags, root) = (asid("asid")?, a.u32("flags"), a.get("root"));
                if root % 4096 != 0 || root >> 56 != 0 {
                    return Err(FIELD);
                }
                let pasid = (flags & abi::ASID_PASID_VALID != 0).then(|| a.u32("pasid"));
                self.asids[n as usize] = Asid {
                    mode: (flags & 3) as u8,
                    pasid,
                    root,
                };
                r.ok()
            }
            abi::ASID_GET => {
                let n = asid("asid")?;
                let e = self.asids[n as usize];
                let valid = if e.pasid.is_some() {
                    abi::ASID_PASID_VALID
                } else {
                    0
                };
                r.put("asid", n.into())
                    .put("flags", (u32::from(e.mode) | valid).into())
                    .put("pasid", e.pasid.unwrap_or(0).into())
                    .put("root", e.root)
                    .ok()
            }
            abi::IOTLB_INVALIDATE => {
                let (iova, len) = (a.get("iova"), a.get("len"));
                match a.u32("kind") {
                    0 => self.iotlb.clear(),
                    1 => {
                        let n = asid("asid")?;
                        self.iotlb.retain(|&(at, _), _| at != n);
                    }
                    2 => {
                        let n = asid("asid")?;
                        if iova % 4096 != 0
                            || len % 4096 != 0
                            || len == 0
                            || iova.checked_add(len - 1).is_none()
                        {
                            return Err(FIELD);
                        }
                        let last = iova + (len - 1);
                        self.iotlb.retain(|&(at, page), _| {
                            at != n || page * 4096 < iova || page * 4096 > last
                        });
                    }
                    _ => return Err(FIELD),
                }
                r.ok()
            }
            abi::TRANSLATE => {
                let n = asid("asid")?;
                match self.translate(n, a.get("iova"), a.u32("flags") & 1 == 1) {
                    Ok((address, pasid)) => {
                        let pasid = pasid.map_or(0, |p| p | USER_PASID_VALID);
                        r.put("address", address).put("pasid", pasid.into()).ok()
                    }
                    Err(cause) => r.put("cause", cause.into()).ok(),
                }
            }
            abi::MMU_STATS_GET => r.ok(),
            _ => unreachable!("opcodes of the group SELF"),
        })
    }

    fn create(&mut self, id: u32, a: &Args<'_>, r: Results) -> Result<Answer, (u16, u16)> {
        let p = self.profile;
        let (kind, count, base) = (a.u16("type"), a.u16("vq_count"), a.u32("vq_base"));
        let features = a.get("features");
        let of_type = match kind {
            ring::TYPE_NET => ring::NET_FEATURES,
            ring::TYPE_BLK => ring::BLK_FEATURES,
            _ => return Err(FIELD),
        };
        let asids = ["asid_data", "asid_control", "asid_rings"].map(|n| a.u32(n));
        let page = a.u32("doorbell_page");
        let bad = !(1..=abi::MAX_DEV_VQS).contains(&count)
            || kind == ring::TYPE_NET && count % 2 == 1
            || u64::from(base) + u64::from(count) > u64::from(p.queues)
            || features & ring::REQUIRED_FEATURES != ring::REQUIRED_FEATURES
            || features & !(ring::COMMON_FEATURES | of_type) != 0
            || asids.iter().any(|&n| n >= p.asids)
            || page >= p.doorbell_pages;
        if bad {
            return Err(FIELD);
        }
        let range = base as usize..base as usize + usize::from(count);
        if self.pages[page as usize] != 0
            || self.contexts[range.clone()].iter().any(|c| c.owner != 0)
        {
            return Err((abi::EBUSY, abi::Q_NORESOURCE));
        }
        self.contexts[range].fill(Context {
            owner: id,
            ..Context::default()
        });
        self.pages[page as usize] = id;
        let config = a
            .bytes("config")
            .try_into()
            .expect("the field has that size");
        let device = Device {
            kind,
            vq_base: base,
            vq_count: count,
            features,
            driver_features: 0,
            asids,
            page,
            config,
            status: 0,
            generation: 0,
            stopped: false,
            msi: Slot::default(),
            sched: (abi::MAX_WEIGHT, 0, 0),
        };
        self.devices.insert(id, device);
        Ok(r.ok())
    }

    fn of_member(&mut self, id: u32, a: &Args<'_>, r: Results) -> Result<Answer, (u16, u16)> {
        let asids = self.profile.asids;
        let d = self.devices.get_mut(&id).expect("checked by the caller");
        let range = d.vq_base as usize..(d.vq_base + u32::from(d.vq_count)) as usize;
        Ok(match a.spec.opcode {
            abi::DEV_MODE_SET => {
                let flags = a.get("flags");
                if flags > 1 {
                    return Err(FIELD);
                }
                d.stopped = flags == 1;
                if !d.stopped {
                    self.look_at_all(id);
                }
                r.ok()
            }
            abi::DEV_DESTROY => {
                self.pages[d.page as usize] = 0;
                self.devices.remove(&id);
                self.contexts[range].fill(Context::default());
                self.stores.remove(&id);
                r.ok()
            }
            abi::FEATURES_GET => r
                .put("device_features", d.features)
                .put("driver_features", d.driver_features)
                .ok(),
            abi::FEATURES_SET if d.status & S_FEATURES_OK != 0 => {
                return Err((abi::EINVAL, abi::Q_INVALID_COMMAND))
            }
            abi::FEATURES_SET => {
                d.driver_features = a.get("driver_features");
                r.ok()
            }
            abi::STATUS_GET => r
                .put("status", d.status.into())
                .put("generation", d.generation.into())
                .ok(),
            abi::STATUS_SET => {
                let value = a.get("status") as u8;
                if value == 0 {
                    (d.status, d.driver_features, d.stopped, d.msi) =
                        (0, 0, false, Slot::default());
                    for c in &mut self.contexts[range] {
                        *c = Context {
                            owner: id,
                            stats: c.stats,
                            ..Context::default()
                        };
                    }
                    return Ok(r.ok());
                }
                let mut new = value & S_WRITABLE;
                let ok = d.driver_features & !d.features == 0
                    && d.driver_features & ring::REQUIRED_FEATURES == ring::REQUIRED_FEATURES;
                if !ok && d.status & S_FEATURES_OK == 0 {
                    new &= !S_FEATURES_OK;
                }
                let cleared = d.status & S_WRITABLE & !new != 0;
                if cleared || new & S_DRIVER_OK != 0 && new & S_FEATURES_OK == 0 {
                    return Err(FIELD);
                }
                let starts = new & !d.status & S_DRIVER_OK != 0;
                d.status = d.status & S_NEEDS_RESET | new;
                let now = d.status;
                if starts {
                    self.look_at_all(id);
                }
                r.put("status", now.into()).ok()
            }
            abi::CONFIG_GET => r
                .put("generation", d.generation.into())
                .put_bytes("config", &d.config)
                .ok(),
            abi::CONFIG_SET => {
                let mask = a.get("bytes");
                for (n, &b) in a.bytes("config").iter().enumerate() {
                    if mask >> n & 1 == 1 {
                        d.config[n] = b;
                    }
                }
                d.generation = d.generation.wrapping_add(1);
                if d.status & S_DRIVER_OK != 0 {
                    let mut slot = d.msi;
                    self.send(&mut slot);
                    self.devices.get_mut(&id).expect("it exists").msi = slot;
                }
                r.ok()
            }
            abi::GROUP_ASID_SET => {
                let (group, asid) = (a.u32("group"), a.u32("asid"));
                if group >= abi::GROUPS || asid >= asids {
                    return Err(FIELD);
                }
                if d.status & S_DRIVER_OK != 0 && !d.stopped {
                    return Err(BUSY);
                }
                d.asids[group as usize] = asid;
                r.ok()
            }
            abi::SCHED_SET => {
                let weight = a.get("weight") as u8;
                let paced = a.get("flags") as u8 & abi::SCHED_PACED != 0;
                let (interval, burst) = (a.u32("interval"), a.u32("burst"));
                let bad_pace =
                    !(1..=abi::MAX_INTERVAL).contains(&interval) || burst > abi::MAX_INTERVAL;
                if !(1..=abi::MAX_WEIGHT).contains(&weight) || paced && bad_pace {
                    return Err(FIELD);
                }
                d.sched = if paced {
                    (weight, interval, burst)
                } else {
                    (weight, 0, 0)
                };
                r.ok()
            }
            abi::SCHED_GET => r
                .put("weight", d.sched.0.into())
                .put("flags", (d.sched.1 != 0).into())
                .put("interval", d.sched.1.into())
                .put("burst", d.sched.2.into())
                .ok(),
            _ => unreachable!("opcodes of the group MANAGED"),
        })
    }

    fn look_at_all(&mut self, id: u32) {
        let count = self.devices.get(&id).map_or(0, |d| d.vq_count);
        self.pending.extend((0..count).map(|q| (id, q)));
    }
}
