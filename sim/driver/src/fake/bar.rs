//! Registers of the fake device.

use std::collections::BTreeMap;

use shoal_abi::{regs, ring};

use super::{Machine, Memory};

pub(super) fn reset_values() -> BTreeMap<u32, u32> {
    let mut r = BTreeMap::new();
    for n in 0..regs::MSIX_VECTORS {
        r.insert(regs::MSIX_TABLE + n * regs::MSIX_ENTRY_BYTES + 12, 1);
    }
    r.insert(
        regs::QUEUE_SIZE_VECTOR.offset,
        u32::from(regs::ADMIN_QUEUE_SIZE) | 0xffff_0000,
    );
    r.insert(regs::CONFIG_VECTOR_NUM_QUEUES.offset, 0xffff);
    r
}

impl<M: Memory> Machine<M> {
    pub(super) fn raw(&self, offset: u32) -> u32 {
        self.registers.get(&offset).copied().unwrap_or(0)
    }

    pub(super) fn raw64(&self, lo: u32) -> u64 {
        u64::from(self.raw(lo)) | u64::from(self.raw(lo + 4)) << 32
    }

    pub(super) fn register(&self, offset: u32) -> u32 {
        if self.moods.gone {
            return u32::MAX;
        }
        let p = self.profile;
        let select = |r: regs::Reg, features: u64| match self.raw(r.offset) {
            0 => features as u32,
            1 => (features >> 32) as u32,
            _ => 0,
        };
        match offset {
            o if o == regs::MAGIC.offset => regs::MAGIC_VALUE,
            o if o == regs::ABI.offset => shoal_abi::ABI_VERSION,
            // The sweep after power-on takes some time.
            o if o == regs::READY.offset => u32::from(self.now > 1000),
            o if o == regs::DEVICE_FEATURE.offset => {
                select(regs::DEVICE_FEATURE_SELECT, regs::MGMT_FEATURES)
            }
            o if o == regs::CAP_DEVICES.offset => p.devices,
            o if o == regs::ADMIN_QUEUE.offset => 1 << 16,
            o => self.raw(o),
        }
    }

    pub(super) fn set_register(&mut self, offset: u32, value: u32) {
        if offset >= regs::DOORBELLS {
            let page = (offset - regs::DOORBELLS) / regs::DOORBELL_PAGE_BYTES;
            if let Some(&owner) = self.pages.get(page as usize) {
                self.notify(owner, value as u16);
            }
        } else if offset == regs::STATUS_QUEUE_SELECT.offset {
            let (old, new) = (self.raw(offset) as u8, value as u8);
            let mut status = old | (new & ring::S_WRITABLE);
            if self.now <= 1000 {
                status = old;
            } else if new == 0 {
                let msix: Vec<(u32, u32)> = self
                    .registers
                    .range(regs::MSIX_TABLE..)
                    .map(|(&o, &v)| (o, v))
                    .collect();
                self.registers = reset_values();
                self.registers.extend(msix);
                self.devices.clear();
                self.contexts.fill(super::Context::default());
                self.asids.fill(super::Asid::default());
                self.pages.fill(0);
                self.iotlb.clear();
                self.legal = [[3, 0]; 2];
                (self.admin_avail, self.admin_used, status) = (0, 0, 0);
            }
            self.registers
                .insert(offset, value & 0xffff_0000 | u32::from(status));
        } else if offset != regs::NOTIFY.offset {
            self.registers.insert(offset, value);
        }
    }
}
