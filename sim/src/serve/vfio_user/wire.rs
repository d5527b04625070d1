//! Messages of the vfio-user protocol, version 0.0 (QEMU `docs/interop/vfio-user.rst`), in the byte order of the machine.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Version that both sides must speak: major, minor.
pub const VERSION: (u16, u16) = (0, 0);
/// Most data bytes of one message, either way.
pub const MAX_DATA: usize = 1 << 20;
/// Most bytes of a message: data, and room for the largest fixed part.
pub const MAX_MESSAGE: usize = MAX_DATA + 4096;

/// Commands.
pub mod command {
    #![allow(missing_docs)]
    pub const VERSION: u16 = 1;
    pub const DMA_MAP: u16 = 2;
    pub const DMA_UNMAP: u16 = 3;
    pub const DEVICE_GET_INFO: u16 = 4;
    pub const DEVICE_GET_REGION_INFO: u16 = 5;
    pub const DEVICE_GET_IRQ_INFO: u16 = 7;
    pub const DEVICE_SET_IRQS: u16 = 8;
    pub const REGION_READ: u16 = 9;
    pub const REGION_WRITE: u16 = 10;
    pub const DMA_READ: u16 = 11;
    pub const DMA_WRITE: u16 = 12;
    pub const DEVICE_RESET: u16 = 13;
    pub const REGION_WRITE_MULTI: u16 = 15;
}

/// Header flags: the message is a reply.
pub const F_REPLY: u32 = 1;
/// Header flags: bits of the type.
pub const F_TYPE: u32 = 0xf;
/// Header flags: no reply is wanted.
pub const F_NO_REPLY: u32 = 1 << 4;
/// Header flags: the reply says why the command failed.
pub const F_ERROR: u32 = 1 << 5;

/// Regions: BARs 0..=5, then the expansion ROM, then this: configuration space.
pub const REGION_CONFIG: u32 = 7;
/// Regions that a PCI device has.
pub const REGIONS: u32 = 9;
/// Interrupt indices that a PCI device has.
pub const IRQS: u32 = 5;
/// The interrupt index of MSI-X.
pub const IRQ_MSIX: u32 = 2;

/// Region flags: can be read, can be written.
pub const REGION_RW: u32 = 0b11;
/// Device flags: can be reset, is PCI.
pub const DEVICE_RESET_PCI: u32 = 0b11;
/// Interrupt flags: by eventfd.
pub const IRQ_EVENTFD: u32 = 1;

/// DMA_MAP flags: the device may read.
pub const DMA_READABLE: u32 = 1;
/// DMA_MAP flags: the device may write.
pub const DMA_WRITABLE: u32 = 2;
/// DMA_UNMAP flags: everything.
pub const DMA_UNMAP_ALL: u32 = 2;

/// SET_IRQS flags: data is absent, bytes, or file descriptors.
pub const SET_DATA: u32 = 0b111;
/// See [`SET_DATA`].
pub const SET_DATA_NONE: u32 = 1;
/// See [`SET_DATA`].
pub const SET_DATA_EVENTFD: u32 = 4;
/// SET_IRQS flags: what to do is set the trigger.
pub const SET_TRIGGER: u32 = 1 << 5;

/// Head of every message.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// Chosen by the sender; a reply has that of its command.
    pub id: u16,
    /// Command.
    pub command: u16,
    /// Bytes, this header included.
    pub size: u32,
    /// Flags.
    pub flags: u32,
    /// errno of a failed command.
    pub error: u32,
}

/// DMA_MAP.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DmaMap {
    /// Bytes of this structure.
    pub argsz: u32,
    /// Flags.
    pub flags: u32,
    /// Offset in the file.
    pub offset: u64,
    /// Address on the bus.
    pub address: u64,
    /// Bytes.
    pub size: u64,
}

/// DMA_UNMAP.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DmaUnmap {
    /// Bytes of this structure.
    pub argsz: u32,
    /// Flags.
    pub flags: u32,
    /// Address on the bus.
    pub address: u64,
    /// Bytes.
    pub size: u64,
}

/// DEVICE_GET_INFO; IRQ_INFO has the same shape with other meanings.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Info {
    /// Bytes of this structure.
    pub argsz: u32,
    /// Flags.
    pub flags: u32,
    /// Regions of a device; the index of an interrupt.
    pub first: u32,
    /// Interrupt indices of a device; vectors of an interrupt.
    pub second: u32,
}

/// DEVICE_GET_REGION_INFO.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RegionInfo {
    /// Bytes of this structure.
    pub argsz: u32,
    /// Flags.
    pub flags: u32,
    /// Region.
    pub index: u32,
    /// Offset of capabilities.
    pub cap_offset: u32,
    /// Bytes.
    pub size: u64,
    /// Offset in a file.
    pub offset: u64,
}

/// DEVICE_SET_IRQS.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SetIrqs {
    /// Bytes of this structure and its data.
    pub argsz: u32,
    /// Flags.
    pub flags: u32,
    /// Interrupt index.
    pub index: u32,
    /// First vector.
    pub start: u32,
    /// Vectors.
    pub count: u32,
}

/// REGION_READ and REGION_WRITE.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RegionAccess {
    /// First byte in the region.
    pub offset: u64,
    /// Region.
    pub region: u32,
    /// Bytes.
    pub count: u32,
}

/// An entry of REGION_WRITE_MULTI.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct WriteOne {
    /// Where.
    pub access: RegionAccess,
    /// The bytes, from the first.
    pub data: [u8; 8],
}

/// DMA_READ and DMA_WRITE.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DmaAccess {
    /// Address on the bus.
    pub address: u64,
    /// Bytes.
    pub count: u64,
}

/// The fixed part at the head of `body` and what follows it.
pub fn split<T: FromBytes + Immutable + KnownLayout>(body: &[u8]) -> Option<(T, &[u8])> {
    T::read_from_prefix(body).ok()
}
