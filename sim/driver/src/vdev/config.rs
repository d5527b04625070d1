//! What a managed device is to be: type, features, queues, configuration space; the counterpart of `vdpa_dev_set_config`.

use shoal_abi::{cmd as abi, ring};

use crate::cmd::Caps;
use crate::error::{Error, Result};
use crate::space::SpaceKind;

/// Group of data buffers.
pub const GROUP_DATA: usize = 0;
/// Group of control buffers.
pub const GROUP_CONTROL: usize = 1;
/// Group of descriptor tables and rings.
pub const GROUP_RINGS: usize = 2;

/// The device type with its own settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// A network device.
    Net {
        /// Hardware address.
        mac: [u8; 6],
        /// Largest packet without Ethernet header, 68..=65535 bytes.
        mtu: u16,
    },
    /// A block device.
    Blk {
        /// Sectors of 512 bytes.
        capacity: u64,
        /// Block size reported, bytes.
        blk_size: u32,
        /// Most data segments of a request.
        seg_max: u32,
        /// Request queues, 1..=8.
        num_queues: u16,
        /// The store behind it is not to be written.
        read_only: bool,
    },
}

/// A device to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VdevConfig {
    /// Type.
    pub kind: DeviceKind,
    /// Features to offer; `None`: all that the device type has here, RO only if read only.
    pub device_features: Option<u64>,
    /// The address spaces of the device, 1..=3 (Linux `nas`); their indices are the `asid` arguments of the vDPA operations.
    pub spaces: Vec<SpaceKind>,
    /// For each of the groups data, control, rings: index of its first address space.
    pub group_space: [usize; abi::GROUPS as usize],
}

impl VdevConfig {
    /// A network device with one address space.
    #[must_use]
    pub fn net(mac: [u8; 6], space: SpaceKind) -> Self {
        Self::one_space(DeviceKind::Net { mac, mtu: 1500 }, space)
    }

    /// A block device of `capacity` sectors with one queue and one address space.
    #[must_use]
    pub fn blk(capacity: u64, space: SpaceKind) -> Self {
        let kind = DeviceKind::Blk {
            capacity,
            blk_size: 512,
            seg_max: 16,
            num_queues: 1,
            read_only: false,
        };
        Self::one_space(kind, space)
    }

    fn one_space(kind: DeviceKind, space: SpaceKind) -> Self {
        Self {
            kind,
            device_features: None,
            spaces: vec![space],
            group_space: [0; abi::GROUPS as usize],
        }
    }

    /// Virtio device type.
    #[must_use]
    pub fn device_type(&self) -> u16 {
        match self.kind {
            DeviceKind::Net { .. } => ring::TYPE_NET,
            DeviceKind::Blk { .. } => ring::TYPE_BLK,
        }
    }

    /// Virtqueues.
    #[must_use]
    pub fn vq_count(&self) -> u16 {
        match self.kind {
            DeviceKind::Net { .. } => 2,
            DeviceKind::Blk { num_queues, .. } => num_queues,
        }
    }

    /// The features that will be offered.
    #[must_use]
    pub fn features(&self, caps: &Caps) -> u64 {
        let of_type = match self.kind {
            DeviceKind::Net { .. } => caps.net_features,
            DeviceKind::Blk {
                read_only: true, ..
            } => caps.blk_features,
            DeviceKind::Blk { .. } => caps.blk_features & !(1 << ring::F_BLK_RO),
        };
        self.device_features
            .unwrap_or(caps.common_features | of_type)
    }

    /// Bytes of the configuration space that have a meaning (Linux `get_config_size`).
    #[must_use]
    pub fn config_size(&self) -> usize {
        match self.kind {
            DeviceKind::Net { .. } => ring::NET_CFG_BYTES,
            DeviceKind::Blk { .. } => ring::BLK_CFG_BYTES,
        }
    }

    /// The first configuration space.
    #[must_use]
    pub fn config_space(&self) -> Vec<u8> {
        let mut c = vec![0; abi::CONFIG_BYTES];
        let mut put = |at: usize, bytes: &[u8]| c[at..at + bytes.len()].copy_from_slice(bytes);
        match self.kind {
            DeviceKind::Net { mac, mtu } => {
                put(ring::NET_CFG_MAC, &mac);
                put(ring::NET_CFG_STATUS, &ring::NET_S_LINK_UP.to_le_bytes());
                put(ring::NET_CFG_MAX_VQ_PAIRS, &1u16.to_le_bytes());
                put(ring::NET_CFG_MTU, &mtu.to_le_bytes());
            }
            DeviceKind::Blk {
                capacity,
                blk_size,
                seg_max,
                num_queues,
                ..
            } => {
                put(ring::BLK_CFG_CAPACITY, &capacity.to_le_bytes());
                put(ring::BLK_CFG_SEG_MAX, &seg_max.to_le_bytes());
                put(ring::BLK_CFG_BLK_SIZE, &blk_size.to_le_bytes());
                put(ring::BLK_CFG_NUM_QUEUES, &num_queues.to_le_bytes());
                for (at, value) in [
                    (ring::BLK_CFG_MAX_DISCARD_SECTORS, ring::BLK_RANGE_SECTORS),
                    (ring::BLK_CFG_MAX_DISCARD_SEG, ring::BLK_RANGE_SEGMENTS),
                    (ring::BLK_CFG_DISCARD_SECTOR_ALIGNMENT, 1),
                    (
                        ring::BLK_CFG_MAX_WRITE_ZEROES_SECTORS,
                        ring::BLK_RANGE_SECTORS,
                    ),
                    (ring::BLK_CFG_MAX_WRITE_ZEROES_SEG, ring::BLK_RANGE_SEGMENTS),
                ] {
                    put(at, &value.to_le_bytes());
                }
                put(ring::BLK_CFG_WRITE_ZEROES_MAY_UNMAP, &[1]);
            }
        }
        c
    }

    /// Checks what the device would refuse, to say it in the driver's words.
    pub(super) fn check(&self, caps: &Caps) -> Result<()> {
        let bad = |what, value, rule| Err(Error::Argument { what, value, rule });
        match self.kind {
            DeviceKind::Net { mtu, .. } if mtu < ring::NET_MTU_MIN => {
                return bad("mtu", mtu.into(), "68 at least");
            }
            DeviceKind::Blk { num_queues, .. }
                if num_queues == 0 || num_queues > caps.max_dev_vqs =>
            {
                return bad(
                    "num_queues",
                    num_queues.into(),
                    "1 up to the queues of a device",
                );
            }
            _ => {}
        }
        if caps.device_types >> self.device_type() & 1 == 0 {
            return bad(
                "device type",
                self.device_type().into(),
                "a type of this mgmtdev",
            );
        }
        if self.spaces.is_empty() || self.spaces.len() > abi::GROUPS as usize {
            return bad(
                "number of address spaces",
                self.spaces.len() as u64,
                "1..=3",
            );
        }
        match self.group_space.iter().find(|&&g| g >= self.spaces.len()) {
            Some(&g) => bad("address space of a group", g as u64, "an index into spaces"),
            None => Ok(()),
        }
    }
}
