//! Records of the core's context memories, the access that a user of them makes in a cycle, and the event at work.
//!
//! Packed structs, the first field is the lowest. Widths are the same in every profile (contract §3.2). A record of zeros is
//! what the sweep writes: it means idle, none, not ready, not valid.

use rust_hdl::prelude::*;

/// Slot of the receive side. Slots 0..=3 hold chains.
pub const RX_SLOT: u64 = 4;

/// Sources of events, contract §3: read event FIFO.
pub const SRC_CTLR: u64 = 0;
/// Write event FIFO.
pub const SRC_CTLB: u64 = 1;
/// Translation event FIFO.
pub const SRC_CTLX: u64 = 2;
/// Transmit done register.
pub const SRC_TXD: u64 = 3;
/// Receive done register.
pub const SRC_RXD: u64 = 4;
/// A packet waits at the receive mover.
pub const SRC_RXP: u64 = 5;
/// Admin queue.
pub const SRC_ADM: u64 = 6;
/// Doorbell FIFO.
pub const SRC_DB: u64 = 7;
/// Ready FIFO.
pub const SRC_RDY: u64 = 8;
/// Fault records and messages of the management device.
pub const SRC_AUX: u64 = 9;
/// A chain slot that waits for the transmit mover.
pub const SRC_TXW: u64 = 10;
/// Begin of a warm reset.
pub const SRC_WARM: u64 = 11;
/// Number of sources.
pub const SOURCES: u64 = 12;
/// Busy cycles of an event.
pub const EVENT_CYCLES: u64 = 7;
/// Busy cycles of an admin command's execution and of the begin of a warm reset.
pub const LONG_EVENT_CYCLES: u64 = 127;

/// What a slot waits for (contract §3.5).
#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
pub enum SlotState {
    Idle,
    Avail,
    Rearm,
    Avail2,
    Ring,
    Desc,
    WaitTx,
    TxEnd,
    Answer,
    RxData,
    RxDisc,
    UsedElem,
    UsedIdx,
    Event,
    Msi,
    CfgMsi,
}

/// What happens to a slot when the mover it waits for is done with it.
#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
pub enum SlotFate {
    /// Goes on (TxEnd, WaitTx), is complete (RxDisc).
    Normal,
    /// Is released.
    Abort,
    /// Its fault is reported.
    Fail,
}

/// A chain slot, or the receive slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct SlotRec {
    /// What it waits for.
    pub state: SlotState,
    /// What happens after WaitTx, TxEnd or RxDisc.
    pub fate: SlotFate,
    /// It delivers received bytes into writable descriptors.
    pub delivering: Bit,
    /// Member id.
    pub dev: Bits<18>,
    /// Virtqueue context.
    pub vq: Bits<18>,
    /// Generation of the chain tag; survives release and warm reset.
    pub gen: Bits<13>,
    /// First descriptor of the chain.
    pub head: Bits<16>,
    /// Bytes delivered.
    pub used_len: Bits<32>,
    /// Descriptor table being walked: IOVA.
    pub desc_base: Bits<64>,
    /// Its entries.
    pub entries: Bits<32>,
    /// Index of the descriptor at hand.
    pub index: Bits<16>,
    /// The table is an indirect one.
    pub indirect: Bit,
    /// Descriptors walked, the one at hand included.
    pub count: Bits<16>,
    /// A writable descriptor was seen.
    pub seen_write: Bit,
    /// Readable bytes.
    pub rsum: Bits<32>,
    /// Writable bytes.
    pub wsum: Bits<32>,
    /// Writable start: table.
    pub w_base: Bits<64>,
    /// Writable start: its entries.
    pub w_entries: Bits<32>,
    /// Writable start: index.
    pub w_index: Bits<16>,
    /// Writable start: the table is an indirect one.
    pub w_indirect: Bit,
    /// Writable start: descriptors walked before it.
    pub w_count: Bits<16>,
    /// Word 0 of the descriptor is in.
    pub got0: Bit,
    /// Word 1 of the descriptor is in.
    pub got1: Bit,
    /// Descriptor: IOVA.
    pub addr: Bits<64>,
    /// Descriptor: bytes.
    pub len: Bits<32>,
    /// Descriptor: flags.
    pub flags: Bits<16>,
    /// Descriptor: next.
    pub next_index: Bits<16>,
    /// IOVA of the op in flight; with `fault` that of the failing access.
    pub iova: Bits<64>,
    /// The op, or the chain, has failed.
    pub fault: Bit,
    /// Cause.
    pub cause: Bits<12>,
    /// The failing access was a write.
    pub f_write: Bit,
    /// The failing access was one to the rings.
    pub f_ring: Bit,
}

/// A managed device.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct DevRec {
    /// It exists.
    pub exists: Bit,
    /// Virtio device type.
    pub typ: Bits<8>,
    /// Device status (virtio 1.4 §2.1).
    pub status: Bits<8>,
    /// Features offered.
    pub offered: Bits<64>,
    /// Features the driver accepted.
    pub features: Bits<64>,
    /// First virtqueue context.
    pub vq_base: Bits<18>,
    /// Virtqueues, 1..=8.
    pub vq_count: Bits<4>,
    /// ASID of group 0, data buffers.
    pub asid0: Bits<17>,
    /// ASID of group 1, control buffers.
    pub asid1: Bits<17>,
    /// ASID of group 2, rings.
    pub asid2: Bits<17>,
    /// Doorbell page.
    pub page: Bits<18>,
    /// Starts no new chain.
    pub stopped: Bit,
    /// Generation of the configuration.
    pub generation: Bits<8>,
    /// Slots bound, 0..=5.
    pub inflight: Bits<3>,
}

/// A virtqueue.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct VqRec {
    /// Member id, 0 none.
    pub owner: Bits<18>,
    /// Index in the device, 0..=7.
    pub index: Bits<4>,
    /// Ready.
    pub ready: Bit,
    /// Entries.
    pub size: Bits<16>,
    /// Descriptor table: IOVA.
    pub desc: Bits<64>,
    /// Available ring: IOVA.
    pub driver: Bits<64>,
    /// Used ring: IOVA.
    pub device: Bits<64>,
    /// Next available index.
    pub last_avail: Bits<16>,
    /// Next used index.
    pub used_idx: Bits<16>,
    /// `avail.idx` as last read.
    pub avail_cache: Bits<16>,
    /// Buffers: 0 data group, 1 control group.
    pub group: Bit,
    /// Its entry is in the ready FIFO.
    pub queued: Bit,
    /// A slot is bound to it.
    pub busy: Bit,
    /// Looked at while busy: to be looked at again.
    pub again: Bit,
}

/// Counters of a virtqueue, modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct VqCnt {
    /// Doorbells.
    pub kicks: Bits<32>,
    /// Chains completed.
    pub chains: Bits<32>,
    /// Messages sent.
    pub interrupts: Bits<32>,
    /// Receive packets dropped.
    pub drops: Bits<32>,
    /// Faults.
    pub faults: Bits<32>,
}

/// An MSI slot, of a virtqueue or of a device's configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct MsiRec {
    /// Address, physical.
    pub address: Bits<64>,
    /// Data.
    pub data: Bits<32>,
    /// Masked.
    pub mask: Bit,
    /// Holds a message.
    pub valid: Bit,
    /// Pending.
    pub pending: Bit,
}

/// What a user of the context memories does in a cycle. Every memory has one address for reading and writing; what is read
/// stands in the next cycle (a write at the same edge is not yet seen). Ids beyond a memory address it modulo its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtxCmd {
    /// Address of `dev`, `cmsi` and `cfg`: member id.
    pub dev_addr: Bits<18>,
    /// Address of `vq`, `cnt` and `msi`: virtqueue context.
    pub vq_addr: Bits<18>,
    /// Address of `page`: doorbell page.
    pub page_addr: Bits<18>,
    /// Address of `slot`.
    pub slot_addr: Bits<3>,
    /// 8-byte word of the configuration space, 0..=7.
    pub cfg_word: Bits<3>,
    /// Write `dev`.
    pub dev_we: Bit,
    /// Write `vq`.
    pub vq_we: Bit,
    /// Write `cnt`.
    pub cnt_we: Bit,
    /// Write `msi`.
    pub msi_we: Bit,
    /// Write `cmsi`.
    pub cmsi_we: Bit,
    /// Write `page`.
    pub page_we: Bit,
    /// Write `slot`.
    pub slot_we: Bit,
    /// Write word `cfg_word` of the configuration space.
    pub cfg_we: Bit,
    /// Device.
    pub dev: DevRec,
    /// Virtqueue.
    pub vq: VqRec,
    /// Its counters.
    pub cnt: VqCnt,
    /// MSI slot of the virtqueue.
    pub msi: MsiRec,
    /// MSI slot of the device's configuration.
    pub cmsi: MsiRec,
    /// Owner of the doorbell page: member id, 0 none.
    pub page: Bits<18>,
    /// Slot.
    pub slot: SlotRec,
    /// Configuration word, first byte lowest.
    pub cfg: Bits<64>,
}

/// The event at work, as it stood in the pick cycle; unchanged until the event's last busy cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CoreEv {
    /// Source, `SRC_*`.
    pub src: Bits<4>,
    /// CTLR, CTLB, CTLX: client. RDY, TXW: slot. TXD, RXD: owner of the mover.
    pub client: Bits<3>,
    /// CTLR, CTLX: word.
    pub word: Bit,
    /// CTLR, CTLB: bad response.
    pub bad: Bit,
    /// CTLX, TXD, RXD: cause.
    pub cause: Bits<12>,
    /// CTLX, TXD, RXD: IOVA of the fault.
    pub iova: Bits<64>,
    /// CTLR: the word read.
    pub data: Bits<64>,
    /// CTLX of XL: address.
    pub addr: Bits<64>,
    /// CTLX of XL: PASID valid and PASID.
    pub user: Bits<21>,
    /// RXD: bytes written.
    pub bytes: Bits<32>,
    /// RXD: the packet has ended.
    pub ended: Bit,
    /// RXD: the mover had no owner (DISCARD of a packet without slot).
    pub unowned: Bit,
    /// DB: page. RDY: virtqueue context.
    pub id: Bits<18>,
    /// DB: index. RXP: tid.
    pub index: Bits<16>,
    /// RXP: tdest.
    pub dest: Bits<20>,
    /// RXP: tag.
    pub tag: Bits<16>,
    /// RXP: the packet is an answer.
    pub answer: Bit,
    /// A warm reset is going on.
    pub warm: Bit,
    /// The transmit op FIFO has room (contract §3.1: count <= 5).
    pub tx_room: Bit,
    /// The fault queue is on.
    pub fq_enable: Bit,
    /// The MMU's invalidation is pending.
    pub inv_pending: Bit,
    /// The count of the epoch that is not current is 0.
    pub other_zero: Bit,
    /// The admin queue is live.
    pub live: Bit,
}
