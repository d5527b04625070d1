//! Records of the core's context memories, the access that a user of them makes in a cycle, and the event at work.
//!
//! Packed structs, the first field is the lowest. Widths are the same in every profile (contract §3.2). A record of zeros is
//! what the sweep writes: it means idle, none, not ready, not valid.

use rust_hdl::prelude::*;

/// Sources of events, contract §3: completion of a control op.
pub const SRC_COMP: u64 = 0;
/// A packet has left.
pub const SRC_TXD: u64 = 1;
/// The receive mover is done with an op.
pub const SRC_RXD: u64 = 2;
/// A packet has begun to enter.
pub const SRC_RXP: u64 = 3;
/// Admin queue.
pub const SRC_ADM: u64 = 4;
/// Doorbell FIFO.
pub const SRC_DB: u64 = 5;
/// Ready FIFO.
pub const SRC_RDY: u64 = 6;
/// Fault records and messages of the management device.
pub const SRC_AUX: u64 = 7;
/// A chain slot that waits for the transmit mover.
pub const SRC_TXW: u64 = 8;
/// Begin of a warm reset.
pub const SRC_WARM: u64 = 9;
/// Number of sources.
pub const SOURCES: u64 = 10;
/// Cycles of an exclusive event.
pub const EVENT_CYCLES: u64 = 7;
/// Cycles of an admin command's execution, and of the begin of a warm reset before it goes through the slots.
pub const LONG_EVENT_CYCLES: u64 = 127;

/// What a slot waits for (contract §3.5).
#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
pub enum SlotState {
    Idle,
    Look,
    Rearm,
    Look2,
    Ring,
    Desc,
    WaitTx,
    TxEnd,
    Answer,
    RxData,
    RxDisc,
    Tell,
}

/// What happens to a slot when the mover it waits for is done with it.
#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
pub enum SlotFate {
    /// Goes on, is complete.
    Normal,
    /// Is released.
    Abort,
    /// Its fault is reported.
    Fail,
}

/// A chain slot or a receive slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct SlotRec {
    /// What it waits for.
    pub state: SlotState,
    /// What happens after WaitTx, TxEnd or RxDisc, which goes on (after *dry*) or ends in *leave*.
    pub fate: SlotFate,
    /// It delivers received bytes into writable descriptors: a receive slot, or an answer.
    pub delivering: Bit,
    /// Member id.
    pub dev: Bits<18>,
    /// Virtqueue context.
    pub vq: Bits<18>,
    /// Generation of the chain tag: as many low bits as the slot's number leaves of 16. Survives release and warm reset.
    pub gen: Bits<13>,
    /// First descriptors of the visit's chains, 16 bits each, the first lowest.
    pub heads: Bits<128>,
    /// Chains of the visit, 0..=8; 0 when it begins.
    pub visit: Bits<4>,
    /// The chain at hand.
    pub chain: Bits<4>,
    /// Packets of the visit that a mover has; of *dry*: that are to be thrown away.
    pub left: Bits<4>,
    /// Bytes delivered into the first chain.
    pub used_len: Bits<32>,
    /// Into those behind it, 17 bits each.
    pub used_more: Bits<119>,
    /// Received packets of the visit that have ended.
    pub ended: Bits<4>,
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
    /// Descriptor: IOVA.
    pub addr: Bits<64>,
    /// Descriptor: bytes.
    pub len: Bits<32>,
    /// Descriptor: flags.
    pub flags: Bits<16>,
    /// Descriptor: next.
    pub next_index: Bits<16>,
    /// The look or ring read in flight has an access b.
    pub b_read: Bit,
    /// Address of access a of the op in flight, modulo 8.
    pub byte_a: Bits<3>,
    /// Address of access b of the op in flight, modulo 8.
    pub byte_b: Bits<3>,
    /// The visit has a fault: the next fields say which.
    pub kept: Bit,
    /// IOVA of the failing access.
    pub iova: Bits<64>,
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
    /// Slots bound, 0..=8: one a virtqueue at most.
    pub inflight: Bits<4>,
    /// Chains of a chain slot's visit, 1..=8 at most.
    pub weight: Bits<4>,
    /// Its rate is limited: the next three count.
    pub paced: Bit,
    /// Cycles a chain.
    pub interval: Bits<24>,
    /// Cycles that may be saved up.
    pub burst: Bits<24>,
    /// When the next chain is due, modulo 2^64.
    pub tat: Bits<64>,
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
    /// Its entry is in the ready FIFO, or in the parked FIFO.
    pub queued: Bit,
    /// A slot is bound to it.
    pub busy: Bit,
    /// With `busy`: its number.
    pub slot: Bits<8>,
    /// Looked at while busy: to be looked at again.
    pub again: Bit,
    /// Packets in the order FIFO for the slot that is bound, for which no op that ends a packet has been pushed.
    pub pend: Bits<9>,
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
    pub slot_addr: Bits<8>,
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

/// An event: what its source held, and what of other units it reads in its leaving cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CoreEv {
    /// Source, `SRC_*`.
    pub src: Bits<4>,
    /// Its slot. RXP: that of the tag, or `spare`. DB: with `direct`, that of the free list.
    pub slot: Bits<8>,
    /// COMP, TXD, RXD: cause.
    pub cause: Bits<12>,
    /// COMP, TXD, RXD: IOVA of the fault.
    pub iova: Bits<64>,
    /// COMP: word a; XL: address.
    pub a: Bits<64>,
    /// COMP: word b; XL: PASID valid and PASID.
    pub b: Bits<64>,
    /// RXD: bytes written.
    pub bytes: Bits<32>,
    /// RXD: the packet has ended.
    pub ended: Bit,
    /// RXP: receive slot taken from the free list.
    pub spare: Bits<8>,
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
    /// The transmit op FIFO has room (count <= TX_OPS - 8).
    pub tx_room: Bit,
    /// The fault queue is on.
    pub fq_enable: Bit,
    /// The MMU's invalidation is pending.
    pub inv_pending: Bit,
    /// The count of the epoch that is not current is 0.
    pub other_zero: Bit,
    /// The count of the message epoch that is not current is 0.
    pub msg_old_zero: Bit,
    /// The admin queue is live.
    pub live: Bit,
    /// COMP of a TELL: its message has gone out already.
    pub sent: Bit,
    /// DB: it has a slot, to which its virtqueue may be bound at once.
    pub direct: Bit,
}
