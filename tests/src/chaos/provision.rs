//! Setting up the management device, and managed devices on it.

use shoal_abi::cmd::{self, GROUP_MANAGED, GROUP_SELF};
use shoal_abi::regs;
use shoal_abi::ring::{
    self, BLK_FEATURES, COMMON_FEATURES, F_EVENT_IDX, F_INDIRECT_DESC, NET_FEATURES,
};

use super::action::{Action, Command, Provision};
use super::admin::{bind, managed, message};
use super::layout::{self, ADMIN_AVAIL, ADMIN_DESC, ADMIN_USED};
use super::pair::Fault;
use super::rings::Queue;
use super::world::World;

/// FQ_CTRL: enabled, 2^`log2` records, vector 2.
pub(super) fn fault_control(enable: bool, log2: u8) -> u32 {
    u32::from(enable) | (u32::from(log2 & 7) << 4) | (2 << 16)
}

impl World {
    /// Brings the management device up after a reset, and what was provisioned before it.
    pub(super) fn setup(&mut self) -> Result<(), Fault> {
        self.admin_avail = 0;
        self.admin_seen = 0;
        self.asked.clear();
        let zero = [0u8; 0x1000];
        self.put(ADMIN_AVAIL, &zero);
        self.put(ADMIN_USED, &zero);
        for tries in 0.. {
            let status = self.read(regs::STATUS_QUEUE_SELECT.offset)? & 0xff;
            if status == 0 && self.read(regs::READY.offset)? == 1 {
                break;
            }
            // The longest chain that the device takes has this long to leave the transmit mover.
            if tries > 60_000 {
                return Err(Fault::Hang {
                    cycle: self.cycle(),
                    what: "the reset",
                });
            }
            self.run(64)?;
        }
        self.registers();
        self.wait_bus()?;
        for (group, list) in [
            (GROUP_SELF, cmd::LIST_SELF),
            (GROUP_MANAGED, cmd::LIST_MANAGED),
        ] {
            let data = [list[0].to_le_bytes(), list[1].to_le_bytes()].concat();
            self.exec(&Command {
                opcode: cmd::LIST_USE,
                group,
                member: 0,
                data,
                framing: 0,
            })?;
        }
        for asid in 0..self.profile.asids.min(8) {
            self.exec(&bind(asid))?;
        }
        for p in std::mem::take(&mut self.provisioned).into_values() {
            self.act(&Action::Provision(p))?;
        }
        Ok(())
    }

    fn registers(&mut self) {
        let low = |v: u64| (v & 0xffff_ffff) as u32;
        self.write(regs::STATUS_QUEUE_SELECT.offset, 1);
        self.write(regs::STATUS_QUEUE_SELECT.offset, 3);
        for dword in 0..2 {
            self.write(regs::DRIVER_FEATURE_SELECT.offset, dword);
            self.write(
                regs::DRIVER_FEATURE.offset,
                low(regs::MGMT_FEATURES >> (32 * dword)),
            );
        }
        self.write(regs::STATUS_QUEUE_SELECT.offset, 0xb);
        self.write(regs::CONFIG_VECTOR_NUM_QUEUES.offset, 0);
        self.write(
            regs::QUEUE_SIZE_VECTOR.offset,
            (1 << 16) | u32::from(regs::ADMIN_QUEUE_SIZE),
        );
        self.write(regs::QUEUE_DESC_LO.offset, low(ADMIN_DESC));
        self.write(regs::QUEUE_DRIVER_LO.offset, low(ADMIN_AVAIL));
        self.write(regs::QUEUE_DEVICE_LO.offset, low(ADMIN_USED));
        self.write(regs::QUEUE_ENABLE_NOTIFY_OFF.offset, 1);
        for v in 0..regs::MSIX_VECTORS {
            let entry = regs::MSIX_TABLE + v * regs::MSIX_ENTRY_BYTES;
            self.write(entry, low(layout::MSI_BASE) + 0x1000 * v);
            self.write(entry + 8, v);
            self.write(entry + 12, 0);
        }
        self.write(regs::FQ_BASE_LO.offset, low(layout::FAULTS));
        self.write(regs::FQ_CTRL.offset, fault_control(true, self.fault_log2));
        self.write(regs::STATUS_QUEUE_SELECT.offset, 0xf);
    }

    /// Creates and starts a device.
    pub(super) fn provision(&mut self, p: &Provision) -> Result<(), Fault> {
        let m = u32::from(p.member);
        let mut features = COMMON_FEATURES | if p.blk { BLK_FEATURES } else { NET_FEATURES };
        if !p.event {
            features &= !(1 << F_EVENT_IDX);
        }
        if !p.indirect {
            features &= !(1 << F_INDIRECT_DESC);
        }
        let queues: u16 = if p.blk { 1 } else { 2 };
        let mut create = vec![0; 96];
        create[0..2].copy_from_slice(
            &(if p.blk {
                ring::TYPE_BLK
            } else {
                ring::TYPE_NET
            })
            .to_le_bytes(),
        );
        create[2..4].copy_from_slice(&queues.to_le_bytes());
        create[4..8].copy_from_slice(&(m.saturating_sub(1) * 3).to_le_bytes());
        create[8..16].copy_from_slice(&features.to_le_bytes());
        create[16..20].copy_from_slice(&u32::from(p.data).to_le_bytes());
        create[24..28].copy_from_slice(&u32::from(p.rings).to_le_bytes());
        create[28..32].copy_from_slice(&m.to_le_bytes());
        self.exec(&managed(cmd::DEV_DESTROY, p.member, Vec::new()))?;
        self.exec(&managed(cmd::DEV_CREATE, p.member, create))?;
        self.exec(&managed(
            cmd::FEATURES_SET,
            p.member,
            features.to_le_bytes().to_vec(),
        ))?;
        self.exec(&managed(cmd::STATUS_SET, p.member, vec![0xb]))?;
        self.exec(&message(p.member, 0xff, false))?;
        for q in 0..queues {
            self.ring(p, q as u8)?;
        }
        self.exec(&managed(cmd::STATUS_SET, p.member, vec![0xf]))?;
        Ok(())
    }

    /// VQ_SETUP with fresh rings.
    pub(super) fn ring(&mut self, p: &Provision, q: u8) -> Result<(), Fault> {
        let queue = Queue::new(p, q);
        let place = queue.place;
        let mut setup = vec![0; 56];
        setup[0..2].copy_from_slice(&u16::from(q).to_le_bytes());
        setup[2..4].copy_from_slice(&queue.size.to_le_bytes());
        setup[5] = 1;
        setup[6..8].copy_from_slice(&p.start.to_le_bytes());
        setup[8..16].copy_from_slice(&place.desc.to_le_bytes());
        setup[16..24].copy_from_slice(&place.avail.to_le_bytes());
        setup[24..32].copy_from_slice(&place.used.to_le_bytes());
        setup[32..34].copy_from_slice(&p.start.to_le_bytes());
        let msi = message(p.member, q, false).data;
        setup[36..40].copy_from_slice(&msi[4..8]);
        setup[40..52].copy_from_slice(&msi[8..20]);
        queue.clear(self);
        if self.done(&managed(cmd::VQ_SETUP, p.member, setup))? {
            self.queues.insert((p.member, q), queue);
        }
        Ok(())
    }
}
