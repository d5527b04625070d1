//! The registers of BAR0.
//!
//! Timing: TIMING.md §2. A read takes the value of its cycle; a write takes effect at its edge. What the core writes at
//! the same edge is applied after it and wins.

use shoal_abi::profile::Profile;
use shoal_abi::regs::{self as abi, MGMT_FEATURES, NO_VECTOR};
use shoal_abi::ring::{F_VERSION_1, S_DRIVER_OK, S_FEATURES_OK, S_NEEDS_RESET, S_WRITABLE};
use shoal_abi::{cmd, ABI_VERSION};

const VECTORS: usize = abi::MSIX_VECTORS as usize;

/// Counters, in the order of their registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    Doorbells,
    TxPackets,
    RxPackets,
    RxDrops,
    Interrupts,
    Faults,
    Admin,
    TlbHits,
    TlbMisses,
    Walks,
    WalksMerged,
    MmuWaits,
    MmuFaults,
}
const COUNTERS: usize = 13;

/// An entry of the management device's MSI-X table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MsixEntry {
    pub(crate) address: u64,
    pub(crate) data: u32,
    pub(crate) mask: bool,
}

/// Every register.
#[derive(Clone, Debug)]
pub(crate) struct Regs {
    device_feature_select: u32,
    driver_feature_select: u32,
    driver_feature: u64,
    pub(crate) config_vector: u16,
    pub(crate) status: u8,
    queue_select: u16,
    pub(crate) queue_size: u16,
    pub(crate) queue_vector: u16,
    queue_enable: bool,
    pub(crate) desc: u64,
    pub(crate) driver: u64,
    pub(crate) device: u64,
    pub(crate) fq_base: u64,
    pub(crate) fq_enable: bool,
    /// log2(records), 0..=7.
    pub(crate) fq_log: u8,
    pub(crate) fq_vector: u16,
    pub(crate) fq_head: u16,
    pub(crate) fq_tail: u16,
    pub(crate) fq_lost: u32,
    /// MMU_CTRL: an address space fills one way of the IOTLB only.
    pub(crate) partition: bool,
    /// MMU_CTRL: one translation at a time.
    pub(crate) blocking: bool,
    /// ENGINE_CTRL: one chain slot in use.
    pub(crate) single: bool,
    counters: [u32; COUNTERS],
    pub(crate) msix: [MsixEntry; VECTORS],
    pub(crate) msix_req: u8,
    /// A NOTIFY that the admin queue has not taken.
    pub(crate) admin_kick: bool,
    /// READY.
    pub(crate) ready: bool,
    /// A warm reset is going on.
    pub(crate) warm: bool,
}

macro_rules! offsets { ($($n:ident)*) => { $(const $n: u32 = abi::$n.offset;)* } }
offsets! {
    DEVICE_FEATURE_SELECT DEVICE_FEATURE DRIVER_FEATURE_SELECT DRIVER_FEATURE CONFIG_VECTOR_NUM_QUEUES STATUS_QUEUE_SELECT
    QUEUE_SIZE_VECTOR QUEUE_ENABLE_NOTIFY_OFF QUEUE_DESC_LO QUEUE_DESC_HI QUEUE_DRIVER_LO QUEUE_DRIVER_HI QUEUE_DEVICE_LO
    QUEUE_DEVICE_HI QUEUE_NOTIF_RESET ADMIN_QUEUE MAGIC ABI READY CAP_DEVICES CAP_QUEUES CAP_ASIDS CAP_DOORBELL_PAGES CAP_VQ
    CAP_DATA CAP_CHAIN FQ_BASE_LO FQ_BASE_HI FQ_CTRL FQ_HEAD FQ_TAIL FQ_LOST MMU_CTRL ENGINE_CTRL CNT_DOORBELLS CNT_MMU_FAULTS NOTIFY
    MSIX_PBA
}
const MSIX_END: u32 = abi::MSIX_TABLE + abi::MSIX_VECTORS * abi::MSIX_ENTRY_BYTES;

fn merge(old: u32, data: u32, strb: u8) -> u32 {
    let mask = (0..4)
        .filter(|b| strb >> b & 1 == 1)
        .fold(0, |m, b| m | 0xff << (8 * b));
    old & !mask | data & mask
}

fn vector(v: u32) -> u16 {
    if v & 0xffff < abi::MSIX_VECTORS {
        v as u16
    } else {
        NO_VECTOR
    }
}

fn lo(v: u64) -> u32 {
    v as u32
}

fn hi(v: u64) -> u32 {
    (v >> 32) as u32
}

fn set_lo(v: &mut u64, data: u32, strb: u8, zero: u32) {
    *v = *v & !0xffff_ffff | u64::from(merge(*v as u32, data, strb) & !zero);
}

fn set_hi(v: &mut u64, data: u32, strb: u8) {
    *v = *v & 0xffff_ffff | u64::from(merge(hi(*v), data, strb)) << 32;
}

/// The bit of a vector in `msix_req`; none of NO_VECTOR.
pub(crate) fn vector_bit(vector: u16) -> u8 {
    if u32::from(vector) < abi::MSIX_VECTORS {
        1 << vector
    } else {
        0
    }
}

impl Regs {
    fn mmu_ctrl(&self) -> u32 {
        let partition = u32::from(self.partition) * abi::MMU_PARTITION;
        partition | (u32::from(self.blocking) * abi::MMU_BLOCKING)
    }

    pub(crate) fn new() -> Self {
        Self {
            device_feature_select: 0,
            driver_feature_select: 0,
            driver_feature: 0,
            config_vector: NO_VECTOR,
            status: 0,
            queue_select: 0,
            queue_size: abi::ADMIN_QUEUE_SIZE,
            queue_vector: NO_VECTOR,
            queue_enable: false,
            desc: 0,
            driver: 0,
            device: 0,
            fq_base: 0,
            fq_enable: false,
            fq_log: 0,
            fq_vector: NO_VECTOR,
            fq_head: 0,
            fq_tail: 0,
            fq_lost: 0,
            partition: false,
            blocking: false,
            single: false,
            counters: [0; COUNTERS],
            msix: [MsixEntry {
                address: 0,
                data: 0,
                mask: true,
            }; VECTORS],
            msix_req: 0,
            admin_kick: false,
            ready: false,
            warm: false,
        }
    }

    /// The end of a warm reset's sweep: everything but the MSI-X table, the counters and a NOTIFY written meanwhile.
    pub(crate) fn restore(&mut self) {
        let (counters, msix, admin_kick, ready) =
            (self.counters, self.msix, self.admin_kick, self.ready);
        *self = Self {
            counters,
            msix,
            admin_kick,
            ready,
            ..Self::new()
        };
    }

    pub(crate) fn count(&mut self, c: Counter) {
        let c = &mut self.counters[c as usize];
        *c = c.wrapping_add(1);
    }

    pub(crate) fn counter(&self, c: Counter) -> u32 {
        self.counters[c as usize]
    }

    /// Counts every counter whose bit is set.
    pub(crate) fn count_all(&mut self, bits: u16) {
        for (n, c) in self.counters.iter_mut().enumerate() {
            *c = c.wrapping_add(u32::from(bits >> n & 1));
        }
    }

    /// Requested vectors that are not masked.
    pub(crate) fn msix_ready(&self) -> u8 {
        self.msix_req & !self.masks()
    }

    fn masks(&self) -> u8 {
        (0..VECTORS).fold(0, |m, v| m | u8::from(self.msix[v].mask) << v)
    }

    /// The admin queue takes kicks.
    pub(crate) fn live(&self) -> bool {
        self.status & (S_DRIVER_OK | S_NEEDS_RESET) == S_DRIVER_OK
            && self.queue_enable
            && !self.warm
    }

    /// The register at `offset`, or nothing if there is none.
    pub(crate) fn read(&self, p: &Profile, offset: u32) -> Option<u32> {
        let queue = |v: u32| if self.queue_select == 0 { v } else { 0 };
        Some(match offset {
            DEVICE_FEATURE_SELECT => self.device_feature_select,
            DEVICE_FEATURE => dword(MGMT_FEATURES, self.device_feature_select),
            DRIVER_FEATURE_SELECT => self.driver_feature_select,
            DRIVER_FEATURE => dword(self.driver_feature, self.driver_feature_select),
            CONFIG_VECTOR_NUM_QUEUES => u32::from(self.config_vector),
            STATUS_QUEUE_SELECT => u32::from(self.status) | u32::from(self.queue_select) << 16,
            QUEUE_SIZE_VECTOR => {
                queue(u32::from(self.queue_size) | u32::from(self.queue_vector) << 16)
            }
            QUEUE_ENABLE_NOTIFY_OFF => queue(u32::from(self.queue_enable)),
            QUEUE_DESC_LO => queue(lo(self.desc)),
            QUEUE_DESC_HI => queue(hi(self.desc)),
            QUEUE_DRIVER_LO => queue(lo(self.driver)),
            QUEUE_DRIVER_HI => queue(hi(self.driver)),
            QUEUE_DEVICE_LO => queue(lo(self.device)),
            QUEUE_DEVICE_HI => queue(hi(self.device)),
            QUEUE_NOTIF_RESET | NOTIFY => 0,
            ADMIN_QUEUE => 1 << 16,
            MAGIC => abi::MAGIC_VALUE,
            ABI => ABI_VERSION,
            READY => u32::from(self.ready && !self.warm),
            CAP_DEVICES => p.devices,
            CAP_QUEUES => p.queues,
            CAP_ASIDS => p.asids,
            CAP_DOORBELL_PAGES => p.doorbell_pages,
            CAP_VQ => u32::from(p.max_vq_size) | u32::from(cmd::MAX_DEV_VQS) << 16,
            CAP_CHAIN => shoal_abi::ring::MAX_CHAIN_BYTES,
            CAP_DATA => p.data_w as u32 | (p.chain_slots as u32) << 16,
            FQ_BASE_LO => lo(self.fq_base),
            FQ_BASE_HI => hi(self.fq_base),
            FQ_CTRL => {
                u32::from(self.fq_enable)
                    | u32::from(self.fq_log) << 4
                    | u32::from(self.fq_vector) << 16
            }
            FQ_HEAD => u32::from(self.fq_head),
            FQ_TAIL => u32::from(self.fq_tail),
            FQ_LOST => self.fq_lost,
            MMU_CTRL => self.mmu_ctrl(),
            ENGINE_CTRL => u32::from(self.single) * abi::ENGINE_SINGLE,
            CNT_DOORBELLS..=CNT_MMU_FAULTS => {
                self.counters[((offset - CNT_DOORBELLS) / 4) as usize]
            }
            MSIX_PBA => u32::from(self.msix_req & self.masks()),
            abi::MSIX_TABLE..MSIX_END => {
                let at = offset - abi::MSIX_TABLE;
                let e = &self.msix[(at / abi::MSIX_ENTRY_BYTES) as usize];
                match at % abi::MSIX_ENTRY_BYTES / 4 {
                    0 => lo(e.address),
                    1 => hi(e.address),
                    2 => e.data,
                    _ => u32::from(e.mask),
                }
            }
            _ => return None,
        })
    }

    /// Writes the register at `offset`; false if there is none.
    pub(crate) fn write(&mut self, p: &Profile, offset: u32, data: u32, strb: u8) -> bool {
        let setup = self.queue_select == 0 && !self.queue_enable;
        match offset {
            DEVICE_FEATURE_SELECT => {
                self.device_feature_select = merge(self.device_feature_select, data, strb);
            }
            DRIVER_FEATURE_SELECT => {
                self.driver_feature_select = merge(self.driver_feature_select, data, strb);
            }
            DRIVER_FEATURE if self.status & S_FEATURES_OK == 0 => {
                match self.driver_feature_select {
                    0 => set_lo(&mut self.driver_feature, data, strb, 0),
                    1 => set_hi(&mut self.driver_feature, data, strb),
                    _ => {}
                }
            }
            CONFIG_VECTOR_NUM_QUEUES => {
                self.config_vector = vector(merge(u32::from(self.config_vector), data, strb));
            }
            STATUS_QUEUE_SELECT => {
                let old = u32::from(self.queue_select) << 16;
                self.queue_select = (merge(old, data, strb) >> 16) as u16;
                if strb & 1 == 1 {
                    self.write_status(data as u8);
                }
            }
            QUEUE_SIZE_VECTOR if self.queue_select == 0 => {
                let old = u32::from(self.queue_size) | u32::from(self.queue_vector) << 16;
                let new = merge(old, data, strb);
                let size = new as u16;
                if setup && size.is_power_of_two() && (2..=abi::ADMIN_QUEUE_SIZE).contains(&size) {
                    self.queue_size = size;
                }
                self.queue_vector = vector(new >> 16);
            }
            QUEUE_ENABLE_NOTIFY_OFF if self.queue_select == 0 => {
                self.queue_enable |= merge(0, data, strb) & 1 == 1;
            }
            QUEUE_DESC_LO if setup => set_lo(&mut self.desc, data, strb, 15),
            QUEUE_DESC_HI if setup => set_hi(&mut self.desc, data, strb),
            QUEUE_DRIVER_LO if setup => set_lo(&mut self.driver, data, strb, 1),
            QUEUE_DRIVER_HI if setup => set_hi(&mut self.driver, data, strb),
            QUEUE_DEVICE_LO if setup => set_lo(&mut self.device, data, strb, 3),
            QUEUE_DEVICE_HI if setup => set_hi(&mut self.device, data, strb),
            FQ_BASE_LO => set_lo(&mut self.fq_base, data, strb, 0xfff),
            FQ_BASE_HI => set_hi(&mut self.fq_base, data, strb),
            FQ_CTRL => {
                let old = self.read(p, FQ_CTRL).unwrap_or(0);
                let new = merge(old, data, strb);
                self.fq_enable = new & 1 == 1;
                self.fq_log = (new >> 4 & 7) as u8;
                self.fq_vector = vector(new >> 16);
            }
            FQ_HEAD => self.fq_head = merge(u32::from(self.fq_head), data, strb) as u16,
            MMU_CTRL => {
                let v = merge(self.mmu_ctrl(), data, strb);
                self.partition = v & abi::MMU_PARTITION != 0;
                self.blocking = v & abi::MMU_BLOCKING != 0;
            }
            ENGINE_CTRL => {
                let old = u32::from(self.single) * abi::ENGINE_SINGLE;
                self.single = merge(old, data, strb) & abi::ENGINE_SINGLE != 0;
            }
            NOTIFY => self.admin_kick = true,
            abi::MSIX_TABLE..MSIX_END => {
                let at = offset - abi::MSIX_TABLE;
                let e = &mut self.msix[(at / abi::MSIX_ENTRY_BYTES) as usize];
                match at % abi::MSIX_ENTRY_BYTES / 4 {
                    0 => set_lo(&mut e.address, data, strb, 0),
                    1 => set_hi(&mut e.address, data, strb),
                    2 => e.data = merge(e.data, data, strb),
                    _ => e.mask = merge(u32::from(e.mask), data, strb) & 1 == 1,
                }
            }
            // Read-only registers, and writable ones that are not writable now.
            _ => return self.read(p, offset).is_some(),
        }
        true
    }

    fn write_status(&mut self, value: u8) {
        if !self.ready || self.warm {
            return;
        }
        if value == 0 {
            self.warm = true;
            return;
        }
        let f = self.driver_feature;
        let good = f & !MGMT_FEATURES == 0 && f >> F_VERSION_1 & 1 == 1;
        let mut add = value & S_WRITABLE;
        if !good {
            add &= !S_FEATURES_OK;
        }
        self.status |= add;
    }
}

fn dword(v: u64, select: u32) -> u32 {
    match select {
        0 => lo(v),
        1 => hi(v),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::TINY;

    #[test]
    fn every_register_of_the_abi_is_mapped_and_nothing_else() {
        let mut r = Regs::new();
        for offset in (0..0x1_1000).step_by(4) {
            let table = (abi::MSIX_TABLE..MSIX_END).contains(&offset);
            let known = table || abi::REGS.iter().any(|r| r.offset == offset);
            assert_eq!(r.read(&TINY, offset).is_some(), known, "read {offset:#x}");
            assert_eq!(r.write(&TINY, offset, 0, 0), known, "write {offset:#x}");
        }
        assert!(abi::CNT_DOORBELLS.offset + 4 * (COUNTERS as u32 - 1) == CNT_MMU_FAULTS);
    }

    #[test]
    fn the_switches_keep_their_bits_until_the_end_of_a_warm_reset() {
        let mut r = Regs::new();
        r.write(&TINY, MMU_CTRL, u32::MAX, 0b1110);
        assert_eq!(r.read(&TINY, MMU_CTRL), Some(0), "byte 0 is not enabled");
        r.write(&TINY, MMU_CTRL, u32::MAX, 15);
        assert_eq!(r.read(&TINY, MMU_CTRL), Some(3));
        assert!(r.partition && r.blocking);
        r.write(&TINY, MMU_CTRL, 0, 0b1110);
        assert_eq!(r.read(&TINY, MMU_CTRL), Some(3));
        r.write(&TINY, ENGINE_CTRL, u32::MAX, 15);
        assert_eq!((r.read(&TINY, ENGINE_CTRL), r.single), (Some(1), true));
        r.count(Counter::MmuFaults);
        r.restore();
        assert_eq!(r.read(&TINY, MMU_CTRL), Some(0));
        assert_eq!(r.read(&TINY, ENGINE_CTRL), Some(0));
        assert_eq!(r.read(&TINY, CNT_MMU_FAULTS), Some(1), "counters stay");
    }

    #[test]
    fn features_ok_is_kept_only_with_a_good_subset() {
        let mut r = Regs::new();
        r.ready = true;
        r.write(&TINY, STATUS_QUEUE_SELECT, u32::from(S_FEATURES_OK) | 3, 1);
        assert_eq!(r.status, 3);
        r.write(&TINY, DRIVER_FEATURE_SELECT, 1, 15);
        r.write(&TINY, DRIVER_FEATURE, 1, 15);
        r.write(&TINY, STATUS_QUEUE_SELECT, u32::from(S_FEATURES_OK), 1);
        assert_eq!(r.status, 3 | S_FEATURES_OK);
        r.write(&TINY, DRIVER_FEATURE, 2, 15);
        assert_eq!(
            r.read(&TINY, DRIVER_FEATURE),
            Some(1),
            "not writable any more"
        );
        r.write(&TINY, STATUS_QUEUE_SELECT, 0, 1);
        assert!(r.warm);
        r.write(&TINY, STATUS_QUEUE_SELECT, 0x80, 1);
        assert_eq!(
            r.status,
            3 | S_FEATURES_OK,
            "ignored while a warm reset goes on"
        );
    }

    #[test]
    fn vectors_and_sizes_take_only_legal_values() {
        let mut r = Regs::new();
        r.write(&TINY, QUEUE_SIZE_VECTOR, 3 << 16 | 32, 15);
        assert_eq!(r.read(&TINY, QUEUE_SIZE_VECTOR), Some(3 << 16 | 32));
        r.write(&TINY, QUEUE_SIZE_VECTOR, 4 << 16 | 33, 15);
        assert_eq!(r.read(&TINY, QUEUE_SIZE_VECTOR), Some(0xffff << 16 | 32));
        r.write(&TINY, STATUS_QUEUE_SELECT, 1 << 16, 0b1100);
        assert_eq!(r.read(&TINY, QUEUE_SIZE_VECTOR), Some(0));
    }
}
