//! The records that blocks hand to one another, as packed structs: the first field is the lowest.
//!
//! Field widths are the same in every profile: ASID 17 bits, virtqueue index 16, member id 18 inside (1..=2^17) and 20 on a stream.

use rust_hdl::prelude::*;

/// `CtlOp::kind`: read a word of 8 bytes, or two.
pub const CTL_RD: u64 = 0;
/// `CtlOp::kind`: write 1..=8 bytes, and perhaps 2 elsewhere.
pub const CTL_WR: u64 = 1;
/// `CtlOp::kind`: translate only.
pub const CTL_XL: u64 = 2;
/// `CtlOp::kind`: tell the driver of a visit: used elements, used index, what it waits for.
pub const CTL_TELL: u64 = 3;

/// `InvCmd::kind`: everything.
pub const INV_ALL: u64 = shoal_abi::cmd::IOTLB_ALL as u64;
/// `InvCmd::kind`: one ASID.
pub const INV_ASID: u64 = shoal_abi::cmd::IOTLB_ASID as u64;
/// `InvCmd::kind`: a range of one ASID.
pub const INV_RANGE: u64 = shoal_abi::cmd::IOTLB_RANGE as u64;

/// What a visit of a virtqueue tells its driver (`CTL_TELL`).
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Tell {
    /// Used ring: IOVA.
    pub device: Bits<64>,
    /// Available ring: IOVA.
    pub driver: Bits<64>,
    /// Entries.
    pub size: Bits<16>,
    /// Used index before the visit.
    pub used_idx: Bits<16>,
    /// Available index behind the visit.
    pub last_avail: Bits<16>,
    /// Chains of the visit, 1..=8.
    pub count: Bits<4>,
    /// Their heads, 16 bits each, the first lowest.
    pub heads: Bits<128>,
    /// Bytes delivered into the first chain.
    pub used_len: Bits<32>,
    /// Into those behind it, 17 bits each.
    pub used_more: Bits<119>,
    /// EVENT_IDX is negotiated.
    pub event_idx: Bit,
    /// A receive slot's.
    pub receive: Bit,
    /// A message may be asked for: the MSI slot is valid and not masked.
    pub hint: Bit,
    /// MSI slot: address.
    pub msi_addr: Bits<64>,
    /// MSI slot: data.
    pub msi_data: Bits<32>,
}

/// A message-signalled interrupt.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Message {
    /// Address, physical.
    pub address: Bits<64>,
    /// Data.
    pub data: Bits<32>,
}

/// One operation of the control unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlOp {
    /// `CTL_RD`, `CTL_WR`, `CTL_XL` or `CTL_TELL`.
    pub kind: Bits<2>,
    /// There is an access b.
    pub two: Bit,
    /// The write is an interrupt message (bypass only); XL: translate as for a write.
    pub msi: Bit,
    /// No translation: `va` is a physical address.
    pub bypass: Bit,
    /// Slot that gets the completion.
    pub slot: Bits<8>,
    /// Address space.
    pub asid: Bits<17>,
    /// Access a: address, bytes.
    pub va: Bits<64>,
    /// Access a: bytes to write, 1..=8.
    pub len: Bits<4>,
    /// Access a: data to write, first byte lowest.
    pub data: Bits<64>,
    /// Access b: address, bytes.
    pub va_b: Bits<64>,
    /// Access b: data to write, 2 bytes.
    pub data_b: Bits<16>,
    /// TELL: all else of it.
    pub tell: Tell,
}

/// Completion of a control op.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Comp {
    /// Slot.
    pub slot: Bits<8>,
    /// RD: the word of access a. XL: physical address, 0 with a fault.
    pub a: Bits<64>,
    /// RD: the word of access b. XL: PASID valid and PASID.
    pub b: Bits<64>,
    /// Cause of the first fault, 0 none.
    pub cause: Bits<12>,
    /// Its address.
    pub iova: Bits<64>,
    /// TELL: its message is on its way.
    pub sent: Bit,
}

/// One operation of the transmit mover.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TxOp {
    /// There are bytes: `asid`, `va`, `len`.
    pub data: Bit,
    /// The packet ends behind them.
    pub end: Bit,
    /// With `end`: the packet is void.
    pub abort: Bit,
    /// Member id.
    pub dest: Bits<20>,
    /// Virtqueue index within the device.
    pub tid: Bits<16>,
    /// Chain tag.
    pub tag: Bits<16>,
    /// Virtio device type.
    pub typ: Bits<8>,
    /// With `end`: device-writable bytes of the chain.
    pub writable: Bits<32>,
    /// Address space.
    pub asid: Bits<17>,
    /// First byte.
    pub va: Bits<64>,
    /// Bytes.
    pub len: Bits<32>,
}

/// Result of a packet sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TxDone {
    /// Slot of its chain.
    pub slot: Bits<8>,
    /// Cause, 0 none.
    pub cause: Bits<12>,
    /// Address of the failing access.
    pub iova: Bits<64>,
}

/// One operation of the receive mover.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct RxOp {
    /// The rest of the packet is thrown away; otherwise data.
    pub discard: Bit,
    /// Data: address space.
    pub asid: Bits<17>,
    /// Data: first byte.
    pub va: Bits<64>,
    /// Data: bytes.
    pub len: Bits<32>,
    /// Data: the chain ends with it.
    pub end: Bit,
}

/// Side band of a packet that has begun to enter the receive mover.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct RxHead {
    /// `tdest` of its first beat.
    pub dest: Bits<20>,
    /// `tid`.
    pub tid: Bits<16>,
    /// `tuser`.
    pub tuser: Bits<64>,
}

/// Result of a receive op.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct RxDone {
    /// Of the op.
    pub slot: Bits<8>,
    /// Bytes written.
    pub bytes: Bits<32>,
    /// The packet is used up.
    pub ended: Bit,
    /// Cause, 0 none.
    pub cause: Bits<12>,
    /// Address of the failing access.
    pub iova: Bits<64>,
}

/// Translation request.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct MmuReq {
    /// Address space.
    pub asid: Bits<17>,
    /// Address, bytes.
    pub va: Bits<64>,
    /// The access is a write.
    pub write: Bit,
    /// What the client knows it by.
    pub tag: Bits<10>,
}

/// Translation answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct MmuRsp {
    /// Cause, 0 none.
    pub cause: Bits<12>,
    /// Physical address; 0 with a fault.
    pub addr: Bits<64>,
    /// PASID valid and PASID; 0 with a fault.
    pub user: Bits<21>,
    /// That of the request.
    pub tag: Bits<10>,
}

/// Entry of the ASID table.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct AsidEntry {
    /// `shoal_abi::mmu::MODE_*`.
    pub mode: Bits<2>,
    /// Accesses carry the PASID.
    pub pasid_valid: Bit,
    /// PASID.
    pub pasid: Bits<20>,
    /// Root table, 4 KiB page number.
    pub ppn: Bits<44>,
}

/// Invalidation of translations.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct InvCmd {
    /// `INV_ALL`, `INV_ASID` or `INV_RANGE`.
    pub kind: Bits<2>,
    /// Address space (not for all).
    pub asid: Bits<17>,
}

/// A fault on its way to the fault queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct FaultRec {
    /// Cause.
    pub cause: Bits<12>,
    /// Address space.
    pub asid: Bits<17>,
    /// The access was a write.
    pub write: Bit,
    /// Member id.
    pub dev: Bits<18>,
    /// Virtqueue index within the device.
    pub vq: Bits<16>,
    /// Address of the failing access.
    pub iova: Bits<64>,
}
