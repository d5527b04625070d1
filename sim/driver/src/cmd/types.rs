//! Arguments and results of commands that have a structure of their own.

use shoal_abi::cmd as abi;

use super::Reply;
use crate::msi::Msi;

/// Limits and features, the result of CAPS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Managed devices; member ids are 1..=this.
    pub devices: u32,
    /// Virtqueue contexts.
    pub queues: u32,
    /// Address spaces.
    pub asids: u32,
    /// Doorbell pages.
    pub doorbell_pages: u32,
    /// Largest virtqueue, entries.
    pub max_vq_size: u16,
    /// Most virtqueues of a device.
    pub max_dev_vqs: u16,
    /// Bit 0: split rings.
    pub ring_formats: u32,
    /// Bit n: virtio device type n.
    pub device_types: u64,
    /// Features of every device.
    pub common_features: u64,
    /// Further features of net devices.
    pub net_features: u64,
    /// Further features of block devices.
    pub blk_features: u64,
    /// Bit n: ASID mode n.
    pub modes: u32,
    /// Configuration bytes kept for a device.
    pub config_bytes: u32,
}

impl From<&Reply> for Caps {
    fn from(r: &Reply) -> Self {
        Self {
            devices: r.of("devices"),
            queues: r.of("queues"),
            asids: r.of("asids"),
            doorbell_pages: r.of("doorbell_pages"),
            max_vq_size: r.of("max_vq_size"),
            max_dev_vqs: r.of("max_dev_vqs"),
            ring_formats: r.of("ring_formats"),
            device_types: r.of("device_types"),
            common_features: r.of("common_features"),
            net_features: r.of("net_features"),
            blk_features: r.of("blk_features"),
            modes: r.of("modes"),
            config_bytes: r.of("config_bytes"),
        }
    }
}

/// What an ASID is bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// Mode, one of `shoal_abi::mmu::MODE_*`.
    pub mode: u8,
    /// PASID that tags the accesses.
    pub pasid: Option<u32>,
    /// Platform address of the root table (Sv39, Sv48).
    pub root: u64,
}

impl Binding {
    /// No access by this ASID.
    pub const OFF: Self = Self {
        mode: shoal_abi::mmu::MODE_OFF,
        pasid: None,
        root: 0,
    };
}

impl From<&Reply> for Binding {
    fn from(r: &Reply) -> Self {
        let flags: u32 = r.of("flags");
        Self {
            mode: (flags & 3) as u8,
            pasid: (flags & abi::ASID_PASID_VALID != 0).then(|| r.of("pasid")),
            root: r.get("root"),
        }
    }
}

/// The arguments of VQ_SETUP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VqSetup {
    /// Index within the device.
    pub vq_index: u16,
    /// Entries.
    pub size: u16,
    /// Group of the buffers: 0 data, 1 control.
    pub group: u8,
    /// Start it.
    pub ready: bool,
    /// Next available index.
    pub last_avail: u16,
    /// Next used index.
    pub used_idx: u16,
    /// IOVA of the descriptor table.
    pub desc: u64,
    /// IOVA of the available ring.
    pub driver: u64,
    /// IOVA of the used ring.
    pub device: u64,
    /// Interrupt message; `None`: no interrupts.
    pub msi: Option<Msi>,
}

/// Ring state, the result of VQ_STATE_GET.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VqState {
    /// Next available index.
    pub last_avail: u16,
    /// Next used index.
    pub used_idx: u16,
    /// Entries.
    pub size: u16,
    /// The queue is ready.
    pub ready: bool,
}

impl From<&Reply> for VqState {
    fn from(r: &Reply) -> Self {
        Self {
            last_avail: r.of("last_avail"),
            used_idx: r.of("used_idx"),
            size: r.of("size"),
            ready: r.get("ready") & 1 == 1,
        }
    }
}

/// Counters of a queue, the result of STATS_GET.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VqStats {
    /// Doorbells.
    pub kicks: u32,
    /// Chains completed.
    pub chains: u32,
    /// Messages sent.
    pub interrupts: u32,
    /// Receive packets dropped.
    pub drops: u32,
    /// Faults.
    pub faults: u32,
}

impl From<&Reply> for VqStats {
    fn from(r: &Reply) -> Self {
        Self {
            kicks: r.of("kicks"),
            chains: r.of("chains"),
            interrupts: r.of("interrupts"),
            drops: r.of("drops"),
            faults: r.of("faults"),
        }
    }
}

/// Counters of the device MMU, the result of MMU_STATS_GET.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MmuStats {
    /// Translations answered by the IOTLB.
    pub hits: u32,
    /// Translations that needed a walk.
    pub misses: u32,
    /// Walks started.
    pub walks: u32,
    /// Translations that joined a walk for the same page.
    pub merged: u32,
    /// Cycles in which a translation was asked for and none was taken up.
    pub waits: u32,
    /// Translations that ended in a fault.
    pub faults: u32,
}

impl From<&Reply> for MmuStats {
    fn from(r: &Reply) -> Self {
        Self {
            hits: r.of("hits"),
            misses: r.of("misses"),
            walks: r.of("walks"),
            merged: r.of("merged"),
            waits: r.of("waits"),
            faults: r.of("faults"),
        }
    }
}

/// A device's share: the argument of SCHED_SET and the result of SCHED_GET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sched {
    /// Chains that a queue is served at a time, 1..=`MAX_WEIGHT`.
    pub weight: u8,
    /// Limit of the rate.
    pub pace: Option<Pace>,
}

/// A token bucket, in cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// What a chain costs, 1..=`MAX_INTERVAL`.
    pub interval: u32,
    /// What may be saved up, 0..=`MAX_INTERVAL`.
    pub burst: u32,
}

impl From<&Reply> for Sched {
    fn from(r: &Reply) -> Self {
        let paced = r.get("flags") & u64::from(abi::SCHED_PACED) != 0;
        Self {
            weight: r.of("weight"),
            pace: paced.then(|| Pace {
                interval: r.of("interval"),
                burst: r.of("burst"),
            }),
        }
    }
}

/// The arguments of DEV_CREATE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DevCreate {
    /// Virtio device type.
    pub device_type: u16,
    /// Virtqueues.
    pub vq_count: u16,
    /// First virtqueue context.
    pub vq_base: u32,
    /// Features offered.
    pub features: u64,
    /// ASID of the groups data, control, rings.
    pub asids: [u32; abi::GROUPS as usize],
    /// Doorbell page.
    pub doorbell_page: u32,
    /// Initial configuration space, `CONFIG_BYTES` or less.
    pub config: Vec<u8>,
}
