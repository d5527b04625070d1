//! Commands of the fake device that name a queue.

use shoal_abi::cmd as abi;

use super::exec::{Answer, Args, Results, BUSY, FIELD};
use super::{Context, Machine, Memory, Slot};

impl<M: Memory> Machine<M> {
    pub(super) fn of_vq(
        &mut self,
        id: u32,
        a: &Args<'_>,
        r: Results,
    ) -> Result<Answer, (u16, u16)> {
        let index = a.u16("vq_index");
        let d = self.devices[&id].clone();
        let is_msi = matches!(a.spec.opcode, abi::MSI_SET | abi::MSI_GET);
        if index >= d.vq_count && !(is_msi && index == abi::CONFIG_MSI) {
            return Err(FIELD);
        }
        let at = d.vq_base as usize
            + if index == abi::CONFIG_MSI {
                0
            } else {
                usize::from(index)
            };
        let mut c = self.contexts[at];
        let slot = if index == abi::CONFIG_MSI {
            d.msi
        } else {
            c.msi
        };
        let answer = match a.spec.opcode {
            abi::VQ_SETUP => {
                let size = a.u16("size");
                let bad = !size.is_power_of_two()
                    || !(2..=self.profile.max_vq_size).contains(&size)
                    || a.get("group") > 1
                    || a.get("flags") > 1
                    || !a.get("desc").is_multiple_of(16)
                    || !a.get("driver").is_multiple_of(2)
                    || !a.get("device").is_multiple_of(4);
                if bad {
                    return Err(FIELD);
                }
                if c.ready {
                    return Err(BUSY);
                }
                c = Context {
                    ready: a.get("flags") == 1,
                    size,
                    group: a.get("group") as u8,
                    last_avail: a.u16("last_avail"),
                    used_idx: a.u16("used_idx"),
                    desc: a.get("desc"),
                    driver: a.get("driver"),
                    device: a.get("device"),
                    msi: Slot {
                        ctrl: a.u32("msi_ctrl"),
                        address: a.get("msi_address"),
                        data: a.u32("msi_data"),
                    },
                    ..c
                };
                r.ok()
            }
            abi::VQ_STATE_GET => r
                .put("last_avail", c.last_avail.into())
                .put("used_idx", c.used_idx.into())
                .put("size", c.size.into())
                .put("ready", c.ready.into())
                .ok(),
            abi::VQ_RESET => {
                c = Context {
                    ready: false,
                    last_avail: 0,
                    used_idx: 0,
                    ..c
                };
                r.ok()
            }
            abi::MSI_SET => {
                let pending = slot.ctrl & abi::MSI_PENDING;
                let ctrl = a.u32("ctrl") & (abi::MSI_MASK | abi::MSI_VALID);
                let mut new = Slot {
                    ctrl,
                    address: a.get("address"),
                    data: a.u32("data"),
                };
                if !new.address.is_multiple_of(4) {
                    return Err(FIELD);
                }
                if ctrl & abi::MSI_VALID != 0 && pending != 0 {
                    self.send(&mut new);
                }
                if index == abi::CONFIG_MSI {
                    self.devices.get_mut(&id).expect("it exists").msi = new;
                } else {
                    c.msi = new;
                }
                r.ok()
            }
            abi::MSI_GET => r
                .put("address", slot.address)
                .put("data", slot.data.into())
                .put("ctrl", slot.ctrl.into())
                .ok(),
            abi::STATS_GET => {
                let names = ["kicks", "chains", "interrupts", "drops", "faults"];
                names
                    .iter()
                    .zip(c.stats)
                    .fold(r, |r, (n, v)| r.put(n, v.into()))
                    .ok()
            }
            _ => unreachable!("opcodes with a queue index"),
        };
        self.contexts[at] = c;
        if a.spec.opcode == abi::VQ_SETUP && c.ready {
            self.pending.push((id, index));
        }
        Ok(answer)
    }
}
