//! Records that the parts of the admin queue hand to one another. Packed structs, the first field is the lowest.
//!
//! Contract §9.

use rust_hdl::prelude::*;

/// Read job: `avail.idx`.
pub const JOB_AVAIL: u64 = 0;
/// Read job: an entry of the available ring.
pub const JOB_RING: u64 = 1;
/// Read job: a descriptor, two words.
pub const JOB_DESC: u64 = 2;
/// Read job: `avail.flags`.
pub const JOB_FLAGS: u64 = 3;
/// Read job: bytes of a command.
pub const JOB_DATA: u64 = 4;
/// Read job: nothing to read; the command is complete when it comes through.
pub const JOB_MARK: u64 = 5;

/// Mark of a write job: none. As a record of what is expected of B: a write.
pub const MARK_NONE: u64 = 0;
/// An answer is written.
pub const MARK_ANS: u64 = 1;
/// A used element is written.
pub const MARK_ELEM: u64 = 2;
/// `used.idx` is written.
pub const MARK_IDX: u64 = 3;

/// Step of the sequencer.
#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
pub enum AdminqStep {
    Rest,
    Broken,
    Avail,
    Ring,
    Desc,
    Flags,
    Answer,
    Bad,
    Mute,
    Elem,
    Index,
    Told,
    Kick,
    Entry,
}

/// How far the driver has been told (contract §9, `tell`).
#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
pub enum AdminqTell {
    Idle,
    Wait,
    Marked,
    Flags,
}

/// A command under way: where the walk over its chain stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct AdminqSlot {
    /// First descriptor of the chain.
    pub head: Bits<16>,
    /// Descriptor table being walked.
    pub desc_table: Bits<64>,
    /// Its entries.
    pub entries: Bits<32>,
    /// The table is an indirect one.
    pub indirect: Bit,
    /// Descriptors walked.
    pub count: Bits<16>,
    /// Present writable descriptor: address.
    pub va: Bits<64>,
    /// Its bytes.
    pub len: Bits<32>,
    /// Another one follows it.
    pub has_next: Bit,
    /// Index of that.
    pub next_index: Bits<16>,
    /// Command bytes asked for, 0..=128.
    pub pos: Bits<8>,
    /// A writable descriptor was seen.
    pub wseen: Bit,
    /// Bytes of the answer that are written.
    pub used_len: Bits<8>,
}

/// A job of the reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct ReadJob {
    /// `JOB_*`.
    pub kind: Bits<3>,
    /// Slot.
    pub slot: Bits<4>,
    /// Address, bytes.
    pub va: Bits<64>,
    /// DATA: bytes, 1..=128.
    pub len: Bits<8>,
    /// DATA: where they go in the command.
    pub pos: Bits<7>,
}

/// A job of the writer.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct WriteJob {
    /// Address, bytes.
    pub va: Bits<64>,
    /// Bytes, 0..=128; more than 8 only of the answer.
    pub len: Bits<8>,
    /// The bytes are those of the answer from `at` on; otherwise `data`.
    pub answer: Bit,
    /// First byte in the answer.
    pub at: Bits<7>,
    /// Data, first byte lowest.
    pub data: Bits<64>,
    /// `MARK_*`.
    pub mark: Bits<2>,
}

/// A control word that is to come (DESC: two).
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlRecord {
    /// `JOB_*` below `JOB_DATA`.
    pub kind: Bits<3>,
    /// Slot.
    pub slot: Bits<4>,
    /// First byte that counts in the word.
    pub low: Bits<3>,
}

/// Bytes of a command that are to come, or a mark behind them.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct DataRecord {
    /// A mark.
    pub mark: Bit,
    /// Slot.
    pub slot: Bits<4>,
    /// First byte in the word.
    pub low: Bits<3>,
    /// Bytes, 1..=8.
    pub len: Bits<4>,
    /// Where they go in the command.
    pub pos: Bits<7>,
}

/// A word that has arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct ReadWord {
    /// It.
    pub data: Bits<64>,
    /// `rresp` was not OKAY.
    pub bad: Bit,
}

/// What a step of the sequencer comes to; all of it at one edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct AdminqAct {
    /// Push a read job DATA.
    pub data_push: Bit,
    /// Its address.
    pub data_va: Bits<64>,
    /// Its bytes.
    pub data_len: Bits<8>,
    /// Its place in the command.
    pub data_pos: Bits<7>,
    /// Push a read job (behind DATA).
    pub job_push: Bit,
    /// `JOB_*`.
    pub job_kind: Bits<3>,
    /// Its address.
    pub job_va: Bits<64>,
    /// Push a write job.
    pub write_push: Bit,
    /// It.
    pub job: WriteJob,
    /// Write the slot.
    pub slot_we: Bit,
    /// It.
    pub slot: AdminqSlot,
    /// The slot is bad.
    pub spoil: Bit,
    /// The chain has no room for an answer.
    pub mute: Bit,
    /// The slot begins anew: entry `fetch` has been asked for.
    pub fetched: Bit,
    /// device_status |= NEEDS_RESET.
    pub fault: Bit,
    /// Raise the queue's vector.
    pub raise: Bit,
    /// `avail` = `number`, and no read of it is under way.
    pub avail_set: Bit,
    /// Entry `exec` is done with.
    pub executed: Bit,
    /// The used element of entry `elem` has been pushed.
    pub elem_done: Bit,
    /// `idx` = `number`, `tell` = Wait.
    pub idx_set: Bit,
    /// `told` = `idx`, `tell` = Flags.
    pub told_set: Bit,
    /// `tell` = Idle.
    pub tell_over: Bit,
    /// A read of `avail.idx` is under way.
    pub idx_read: Bit,
    /// Begin to scatter the answer.
    pub scatter_begin: Bit,
    /// `written` = `written`.
    pub written_set: Bit,
    /// Bytes of the answer written.
    pub written: Bits<8>,
    /// See `avail_set`, `idx_set`.
    pub number: Bits<16>,
}

/// `adminq_walk`: what a descriptor, or a place for the answer, leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct WalkAct {
    /// The chain is not a legal one.
    pub illegal: Bit,
    /// No place for the rest of the answer: `next` is out of range.
    pub fault: Bit,
    /// The chain has no room for an answer.
    pub mute: Bit,
    /// Take bytes of the command.
    pub gather: Bit,
    /// Bytes.
    pub gather_len: Bits<8>,
    /// Read the descriptor at `desc_va`.
    pub follow: Bit,
    /// Address.
    pub desc_va: Bits<64>,
    /// The command is complete.
    pub complete: Bit,
    /// Write bytes of the answer.
    pub scatter: Bit,
    /// The first of them in the answer.
    pub scatter_at: Bits<7>,
    /// Bytes.
    pub scatter_len: Bits<8>,
    /// They are the last.
    pub ends: Bit,
    /// Bytes of the answer written with them.
    pub written: Bits<8>,
}
