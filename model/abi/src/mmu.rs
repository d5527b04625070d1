//! Address spaces: ASID entries, page tables (RISC-V Sv39/Sv48), PASID tags, fault records.

/// Mode of an ASID: every access faults.
pub const MODE_OFF: u8 = 0;
/// Mode of an ASID: physical address = IOVA.
pub const MODE_BARE: u8 = 1;
/// Mode of an ASID: Sv39.
pub const MODE_SV39: u8 = 2;
/// Mode of an ASID: Sv48.
pub const MODE_SV48: u8 = 3;

/// PTE bit: valid.
pub const PTE_V: u64 = 1;
/// PTE bit: readable.
pub const PTE_R: u64 = 1 << 1;
/// PTE bit: writable.
pub const PTE_W: u64 = 1 << 2;
/// PTE bit: executable. A PTE with R or X is a leaf.
pub const PTE_X: u64 = 1 << 3;
/// PTE bit: user; ignored.
pub const PTE_U: u64 = 1 << 4;
/// PTE bit: accessed. A leaf with A clear faults.
pub const PTE_A: u64 = 1 << 6;
/// PTE bit: dirty. A write through a leaf with D clear faults.
pub const PTE_D: u64 = 1 << 7;
/// Lowest bit of the physical page number in a PTE.
pub const PTE_PPN_LSB: u32 = 10;
/// Bits of the physical page number.
pub const PTE_PPN_W: u32 = 44;
/// Bits 63:54 must be 0 (no Svnapot, no Svpbmt); a PTE with one set faults.
pub const PTE_RESERVED: u64 = 0x3ff << 54;

/// `aruser`/`awuser`: PASID, 20 bits from bit 0.
pub const USER_PASID_W: u32 = 20;
/// `aruser`/`awuser`: PASID valid.
pub const USER_PASID_VALID: u32 = 1 << 20;
/// `awuser`: the write is an interrupt message.
pub const USER_INTERRUPT: u32 = 1 << 21;

/// Cause: none.
pub const CAUSE_NONE: u16 = 0;
/// Cause: the host answered a read with an error.
pub const CAUSE_READ_ACCESS: u16 = 5;
/// Cause: the host answered a write with an error.
pub const CAUSE_WRITE_ACCESS: u16 = 7;
/// Cause: page fault on a read.
pub const CAUSE_READ_PAGE: u16 = 13;
/// Cause: page fault on a write.
pub const CAUSE_WRITE_PAGE: u16 = 15;
/// Cause: the ASID is off.
pub const CAUSE_ASID_OFF: u16 = 256;
/// Cause: the host answered a page table read with an error.
pub const CAUSE_TABLE_ACCESS: u16 = 265;
/// Cause: `avail.idx` is more than the queue size ahead.
pub const CAUSE_AVAIL_JUMP: u16 = 2048;
/// Cause: a descriptor index is not below the table's size.
pub const CAUSE_DESC_INDEX: u16 = 2049;
/// Cause: more descriptors than the queue size in one table.
pub const CAUSE_CHAIN_LONG: u16 = 2050;
/// Cause: a device-readable descriptor after a device-writable one.
pub const CAUSE_DESC_ORDER: u16 = 2051;
/// Cause: INDIRECT without the feature, inside an indirect table, or together with NEXT.
pub const CAUSE_INDIRECT: u16 = 2052;
/// Cause: an indirect table whose length is 0 or not a multiple of 16, or whose address is not 8-byte aligned.
pub const CAUSE_INDIRECT_TABLE: u16 = 2053;
/// Cause: the readable or the writable bytes of a chain exceed `MAX_CHAIN_BYTES`.
pub const CAUSE_CHAIN_BYTES: u16 = 2054;

/// Bytes of a fault record:
/// dword 0 \[11:0\] cause, \[31:12\] ASID, \[39:34\] access (2 read, 3 write), \[63:40\] member id;
/// dword 1 \[15:0\] virtqueue index; dword 2 IOVA; dword 3 zero. For ring causes (2048 up) access is 2 and IOVA is 0.
pub const FAULT_BYTES: u64 = 32;
/// Cause in dword 0 of a fault record.
pub const FAULT_CAUSE_MASK: u64 = 0xfff;
/// ASID in dword 0 of a fault record.
pub const FAULT_ASID_MASK: u64 = 0xf_ffff << 12;
/// Access in dword 0 of a fault record.
pub const FAULT_ACCESS_MASK: u64 = 0x3f << 34;
/// Member id in dword 0 of a fault record.
pub const FAULT_MEMBER_MASK: u64 = 0xff_ffff << 40;
/// Virtqueue index in dword 1 of a fault record.
pub const FAULT_VQ_MASK: u64 = 0xffff;
/// Access field of a record: read.
pub const FAULT_READ: u8 = 2;
/// Access field of a record: write.
pub const FAULT_WRITE: u8 = 3;
