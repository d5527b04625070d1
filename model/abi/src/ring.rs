//! Virtqueues: split ring layout, feature bits, status bits, device types (virtio 1.4 §2.7, §6, §2.1, §5).

/// Descriptor flag NEXT.
pub const DESC_F_NEXT: u16 = 1;
/// Descriptor flag WRITE (device-writable).
pub const DESC_F_WRITE: u16 = 2;
/// Descriptor flag INDIRECT.
pub const DESC_F_INDIRECT: u16 = 4;
/// Bytes of a descriptor: le64 addr, le32 len, le16 flags, le16 next.
pub const DESC_BYTES: u64 = 16;
/// Offset of `avail.idx`.
pub const AVAIL_IDX: u64 = 2;
/// Offset of `avail.ring`. `used_event` follows the ring.
pub const AVAIL_RING: u64 = 4;
/// `avail.flags` bit NO_INTERRUPT.
pub const AVAIL_F_NO_INTERRUPT: u16 = 1;
/// Offset of `used.idx`.
pub const USED_IDX: u64 = 2;
/// Offset of `used.ring`. `avail_event` follows the ring.
pub const USED_RING: u64 = 4;
/// Bytes of a used element: le32 id, le32 len.
pub const USED_ELEM_BYTES: u64 = 8;

/// Most bytes of the readable, and of the writable, descriptors of one chain. A longer chain is a fault: the movers are shared, and
/// no chain may hold them for longer than this takes.
pub const MAX_CHAIN_BYTES: u32 = 8 << 20;

/// Feature INDIRECT_DESC.
pub const F_INDIRECT_DESC: u32 = 28;
/// Feature EVENT_IDX.
pub const F_EVENT_IDX: u32 = 29;
/// Feature VERSION_1.
pub const F_VERSION_1: u32 = 32;
/// Feature ACCESS_PLATFORM.
pub const F_ACCESS_PLATFORM: u32 = 33;
/// Feature IN_ORDER: every queue is served in the order of its available ring, whether it is negotiated or not.
pub const F_IN_ORDER: u32 = 35;
/// Feature ORDER_PLATFORM.
pub const F_ORDER_PLATFORM: u32 = 36;
/// Feature NOTIFICATION_DATA: the upper half of a notification is ignored.
pub const F_NOTIFICATION_DATA: u32 = 38;
/// Feature RING_RESET: VQ_RESET, and VQ_SETUP while the device runs.
pub const F_RING_RESET: u32 = 40;

/// Features of every managed device.
pub const COMMON_FEATURES: u64 = (1 << F_INDIRECT_DESC)
    | (1 << F_EVENT_IDX)
    | (1 << F_VERSION_1)
    | (1 << F_ACCESS_PLATFORM)
    | (1 << F_IN_ORDER)
    | (1 << F_ORDER_PLATFORM)
    | (1 << F_NOTIFICATION_DATA)
    | (1 << F_RING_RESET);
/// Features a driver must accept, and a provisioner must not leave out.
pub const REQUIRED_FEATURES: u64 = (1 << F_VERSION_1) | (1 << F_ACCESS_PLATFORM);
/// Network features: MTU, MAC, STATUS.
pub const NET_FEATURES: u64 = (1 << 3) | (1 << 5) | (1 << 16);
/// Block features: SEG_MAX, RO, BLK_SIZE, FLUSH, MQ, DISCARD, WRITE_ZEROES.
pub const BLK_FEATURES: u64 = (1 << F_BLK_SEG_MAX)
    | (1 << F_BLK_RO)
    | (1 << F_BLK_BLK_SIZE)
    | (1 << F_BLK_FLUSH)
    | (1 << F_BLK_MQ)
    | (1 << F_BLK_DISCARD)
    | (1 << F_BLK_WRITE_ZEROES);

/// Device type: network.
pub const TYPE_NET: u16 = 1;
/// Device type: block.
pub const TYPE_BLK: u16 = 2;

/// Status ACKNOWLEDGE.
pub const S_ACKNOWLEDGE: u8 = 1;
/// Status DRIVER.
pub const S_DRIVER: u8 = 2;
/// Status DRIVER_OK.
pub const S_DRIVER_OK: u8 = 4;
/// Status FEATURES_OK.
pub const S_FEATURES_OK: u8 = 8;
/// Status DEVICE_NEEDS_RESET.
pub const S_NEEDS_RESET: u8 = 64;
/// Status FAILED.
pub const S_FAILED: u8 = 128;
/// Status bits a driver may write; other bits of a written value are ignored.
pub const S_WRITABLE: u8 = S_ACKNOWLEDGE | S_DRIVER | S_DRIVER_OK | S_FEATURES_OK | S_FAILED;

/// Bytes of `struct virtio_net_hdr` with VERSION_1 (virtio 1.4 §5.1.6).
pub const NET_HDR_BYTES: usize = 12;
/// Offset of `num_buffers` in it; the device writes 1 there in every receive packet.
pub const NET_HDR_NUM_BUFFERS: usize = 10;

/// Network feature MTU: `mtu` of the configuration space is valid (virtio 1.4 §5.1.3).
pub const F_NET_MTU: u32 = 3;
/// Network feature MAC: `mac` of the configuration space is valid.
pub const F_NET_MAC: u32 = 5;
/// Network feature STATUS: `status` of the configuration space is valid.
pub const F_NET_STATUS: u32 = 16;
/// Block feature SEG_MAX: `seg_max` of the configuration space is valid (virtio 1.4 §5.2.3).
pub const F_BLK_SEG_MAX: u32 = 2;
/// Block feature: `size_max` is valid (virtio 1.4 §5.2.3). The device does not offer it; a server between device and driver may.
pub const F_BLK_SIZE_MAX: u32 = 1;
/// Block feature RO: the function's store is read only. A provisioner offers it where that is so.
pub const F_BLK_RO: u32 = 5;
/// Block feature BLK_SIZE: `blk_size` of the configuration space is valid.
pub const F_BLK_BLK_SIZE: u32 = 6;
/// Block feature FLUSH.
pub const F_BLK_FLUSH: u32 = 9;
/// Block feature MQ: `num_queues` of the configuration space is valid.
pub const F_BLK_MQ: u32 = 12;
/// Block feature DISCARD: the configuration space says how much at a time.
pub const F_BLK_DISCARD: u32 = 13;
/// Block feature WRITE_ZEROES: likewise.
pub const F_BLK_WRITE_ZEROES: u32 = 14;

/// Offset of `mac`, 6 bytes, in `struct virtio_net_config` (virtio 1.4 §5.1.4).
pub const NET_CFG_MAC: usize = 0;
/// Offset of `status`, le16.
pub const NET_CFG_STATUS: usize = 6;
/// Offset of `max_virtqueue_pairs`, le16.
pub const NET_CFG_MAX_VQ_PAIRS: usize = 8;
/// Offset of `mtu`, le16.
pub const NET_CFG_MTU: usize = 10;
/// Bytes of the network configuration that Shoal's features reach.
pub const NET_CFG_BYTES: usize = 12;
/// `status` bit LINK_UP.
pub const NET_S_LINK_UP: u16 = 1;
/// Smallest `mtu` (virtio 1.4 §5.1.4.1).
pub const NET_MTU_MIN: u16 = 68;
/// Offset of `capacity`, le64, in units of `BLK_SECTOR_BYTES`, in `struct virtio_blk_config` (virtio 1.4 §5.2.4).
pub const BLK_CFG_CAPACITY: usize = 0;
/// Offset of `seg_max`, le32.
pub const BLK_CFG_SEG_MAX: usize = 12;
/// Offset of `size_max`, le32, in `struct virtio_blk_config` (virtio 1.4 §5.2.4).
pub const BLK_CFG_SIZE_MAX: usize = 8;
/// Entries of the largest split virtqueue of the standard (virtio 1.4 §2.7).
pub const MAX_QUEUE_SIZE: u16 = 1 << 15;
/// Bytes of a block request's header (virtio 1.4 §5.2.6).
pub const BLK_HDR_BYTES: usize = 16;
/// Block request type OUT, a write (virtio 1.4 §5.2.6).
pub const BLK_T_OUT: u32 = 1;
/// Offset of `blk_size`, le32.
pub const BLK_CFG_BLK_SIZE: usize = 20;
/// Offset of `num_queues`, le16.
pub const BLK_CFG_NUM_QUEUES: usize = 34;
/// Offset of `max_discard_sectors`, le32.
pub const BLK_CFG_MAX_DISCARD_SECTORS: usize = 36;
/// Offset of `max_discard_seg`, le32.
pub const BLK_CFG_MAX_DISCARD_SEG: usize = 40;
/// Offset of `discard_sector_alignment`, le32.
pub const BLK_CFG_DISCARD_SECTOR_ALIGNMENT: usize = 44;
/// Offset of `max_write_zeroes_sectors`, le32.
pub const BLK_CFG_MAX_WRITE_ZEROES_SECTORS: usize = 48;
/// Offset of `max_write_zeroes_seg`, le32.
pub const BLK_CFG_MAX_WRITE_ZEROES_SEG: usize = 52;
/// Offset of `write_zeroes_may_unmap`, one byte.
pub const BLK_CFG_WRITE_ZEROES_MAY_UNMAP: usize = 56;
/// Bytes of the block configuration that Shoal's features reach.
pub const BLK_CFG_BYTES: usize = 60;
/// Most sectors of a segment of DISCARD and WRITE_ZEROES that the block functions here take, 16 MiB.
pub const BLK_RANGE_SECTORS: u32 = 1 << 15;
/// Most segments of such a request.
pub const BLK_RANGE_SEGMENTS: u32 = 16;
/// Bytes of a sector.
pub const BLK_SECTOR_BYTES: u64 = 512;
