//! The records that blocks hand to one another, as packed structs: the first field is the lowest.
//!
//! Field widths are the same in every profile: ASID 17 bits, virtqueue index 16, member id 18 inside (1..=2^17) and 20 on a stream.

use rust_hdl::prelude::*;

/// `CtlOp::kind`: read 1 or 2 words of 8 bytes.
pub const CTL_RD: u64 = 0;
/// `CtlOp::kind`: write 1..=8 bytes.
pub const CTL_WR: u64 = 1;
/// `CtlOp::kind`: translate only.
pub const CTL_XL: u64 = 2;

/// `InvCmd::kind`: everything.
pub const INV_ALL: u64 = shoal_abi::cmd::IOTLB_ALL as u64;
/// `InvCmd::kind`: one ASID.
pub const INV_ASID: u64 = shoal_abi::cmd::IOTLB_ASID as u64;
/// `InvCmd::kind`: a range of one ASID.
pub const INV_RANGE: u64 = shoal_abi::cmd::IOTLB_RANGE as u64;

/// Client of a control op: first of the chain slots 0..=3.
pub const CLIENT_SLOTS: u64 = shoal_abi::profile::CHAIN_SLOTS as u64;
/// Client of a control op: the receive slot.
pub const CLIENT_RX: u64 = 4;
/// Client of a control op: the admin queue.
pub const CLIENT_ADMIN: u64 = 5;
/// Client of a control op: fault records and the management device's messages.
pub const CLIENT_AUX: u64 = 6;
/// AXI client: payload movers and the table walkers.
pub const CLIENT_MOVER: u64 = 7;

/// One operation of the control unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlOp {
    /// `CTL_RD`, `CTL_WR` or `CTL_XL`.
    pub kind: Bits<2>,
    /// RD of two words.
    pub words2: Bit,
    /// The write is an interrupt message (bypass only); XL: translate as for a write.
    pub msi: Bit,
    /// No translation: `va` is a physical address.
    pub bypass: Bit,
    /// Client 0..=6 that gets the events.
    pub client: Bits<3>,
    /// Address space.
    pub asid: Bits<17>,
    /// Address, bytes.
    pub va: Bits<64>,
    /// Bytes to write, 1..=8.
    pub len: Bits<4>,
    /// Data to write, first byte lowest.
    pub data: Bits<64>,
}

/// Read event: a word has arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct EvR {
    /// Client.
    pub client: Bits<3>,
    /// Which word of the op.
    pub word: Bit,
    /// `rresp` was not OKAY.
    pub bad: Bit,
    /// The word.
    pub data: Bits<64>,
}

/// Write event: a write is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct EvB {
    /// Client.
    pub client: Bits<3>,
    /// `bresp` was not OKAY.
    pub bad: Bit,
}

/// Translation event: a fault, or the answer of XL.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct EvX {
    /// Client.
    pub client: Bits<3>,
    /// Word whose translation failed.
    pub word: Bit,
    /// Cause, 0 none.
    pub cause: Bits<12>,
    /// Address of the access, bytes.
    pub iova: Bits<64>,
    /// XL: physical address, 0 with a fault.
    pub addr: Bits<64>,
    /// XL: PASID valid and PASID.
    pub user: Bits<21>,
}

/// One operation of the transmit mover.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TxOp {
    /// END; otherwise DATA.
    pub end: Bit,
    /// END: the packet is void.
    pub abort: Bit,
    /// Member id.
    pub dest: Bits<20>,
    /// Virtqueue index within the device.
    pub tid: Bits<16>,
    /// Chain tag.
    pub tag: Bits<16>,
    /// Virtio device type.
    pub typ: Bits<8>,
    /// END: device-writable bytes of the chain.
    pub writable: Bits<32>,
    /// DATA: address space.
    pub asid: Bits<17>,
    /// DATA: first byte.
    pub va: Bits<64>,
    /// DATA: bytes.
    pub len: Bits<32>,
}

/// Result of a packet sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TxDone {
    /// Cause, 0 none.
    pub cause: Bits<12>,
    /// Address of the failing access.
    pub iova: Bits<64>,
}

/// One operation of the receive mover.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct RxOp {
    /// DISCARD; otherwise DATA.
    pub discard: Bit,
    /// DATA: address space.
    pub asid: Bits<17>,
    /// DATA: first byte.
    pub va: Bits<64>,
    /// DATA: bytes.
    pub len: Bits<32>,
}

/// Side band of the packet at the head of the receive mover.
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
    /// Bytes written.
    pub bytes: Bits<32>,
    /// The packet has ended and all its bytes are written.
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

/// An AXI ID, 10 bits inside; the port takes the low ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct AxiId {
    /// Client.
    pub client: Bits<3>,
    /// Word of the op; client 7 reads: a table walker, see [`WalkId`].
    pub word: Bit,
    /// Epoch of the access.
    pub epoch: Bit,
    /// 64-bit lane of an 8-byte control read.
    pub lane: Bits<3>,
    /// 0.
    pub rest: Bits<2>,
}

/// The AXI ID of a PTE read.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct WalkId {
    /// `CLIENT_MOVER`.
    pub client: Bits<3>,
    /// 1.
    pub word: Bit,
    /// Walker.
    pub walker: Bits<6>,
}
