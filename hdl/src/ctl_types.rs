//! The records that go between the blocks of the control unit. The first field is the lowest.
//!
//! An *id* is {part, slot} as in the AXI ID of class 0: the slot in the low bits, the part above them.

use crate::types::Tell;
use rust_hdl::prelude::*;

/// What is kept of an op while its accesses are under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlInfo {
    /// `CTL_RD`, `CTL_WR` or `CTL_XL`; of a TELL that of its step.
    pub kind: Bits<2>,
    /// A step of a TELL.
    pub tell: Bit,
    /// Which one, 0..=2.
    pub step: Bits<2>,
    /// The bytes of access a are used elements, 8 for each 16 bits of `data` and entry of `lens`.
    pub spread: Bit,
    /// Bytes delivered: 32 bits of the first, 17 of each of the others.
    pub lens: Bits<151>,
    /// There is an access b.
    pub two: Bit,
    /// The write is an interrupt message.
    pub msi: Bit,
    /// Access a: address, bytes.
    pub va: Bits<64>,
    /// Access a: bytes to write.
    pub len: Bits<7>,
    /// Access a: data to write.
    pub data: Bits<128>,
    /// Access b: address, bytes.
    pub va_b: Bits<64>,
    /// Access b: data to write, 2 bytes.
    pub data_b: Bits<16>,
    /// A step of a TELL: there is an access c, a word that is read behind the others.
    pub third: Bit,
    /// Access c: address.
    pub va_c: Bits<64>,
    /// A step of a TELL: without fault, its message may be sent behind it.
    pub sends: Bit,
}

/// What is kept of a TELL until its last step.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlTold {
    /// Address space.
    pub asid: Bits<17>,
    /// What is told.
    pub tell: Tell,
}

/// The next step of a TELL.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlNext {
    /// Slot.
    pub slot: Bits<8>,
    /// 1 or 2.
    pub step: Bits<2>,
    /// What step 0 read of what the driver waits for; anything if it read nothing.
    pub wish: Bits<16>,
}

/// An access in stage K: its answer, or that it passed without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlGone {
    /// Part and slot.
    pub id: Bits<10>,
    /// The part of it.
    pub part: Bit,
    /// Its address is physical: no answer.
    pub bypass: Bit,
    /// Cause, 0 none.
    pub cause: Bits<12>,
    /// Physical address.
    pub addr: Bits<64>,
    /// PASID valid and PASID.
    pub user: Bits<21>,
}

/// An access for the read arbiter.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlRead {
    /// Part and slot.
    pub id: Bits<10>,
    /// Aligned to its size.
    pub addr: Bits<64>,
    /// log2(bytes).
    pub size: Bits<3>,
    /// Side band.
    pub user: Bits<22>,
    /// A pair: part 1 follows.
    pub pair: Bit,
    /// Where that is in the page.
    pub offset_b: Bits<12>,
}

/// An access for the write arbiter.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlWrite {
    /// Part and slot.
    pub id: Bits<10>,
    /// First byte.
    pub addr: Bits<64>,
    /// Bytes, 1..=64.
    pub len: Bits<7>,
    /// The bytes, first one lowest; what is above them does not count.
    pub data: Bits<128>,
    /// They are used elements, 8 bytes for each 16 bits of `data` and entry of `lens`.
    pub spread: Bit,
    /// Bytes delivered: 32 bits of the first, 17 of each of the others.
    pub lens: Bits<151>,
    /// So many bytes of them are left out in front.
    pub skip: Bits<6>,
    /// Side band.
    pub user: Bits<22>,
    /// A pair: part 1 follows.
    pub pair: Bit,
    /// Where that is in the page.
    pub offset_b: Bits<12>,
    /// Its 2 bytes.
    pub data_b: Bits<16>,
}

/// What is needed when the beat of a read comes, by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlBeat {
    /// Epoch in which the access started.
    pub epoch: Bit,
    /// Word a is in it.
    pub has_a: Bit,
    /// Word b is in it.
    pub has_b: Bit,
    /// 64-bit lane of word a.
    pub lane_a: Bits<3>,
    /// 64-bit lane of word b.
    pub lane_b: Bits<3>,
}

/// What a read brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlWords {
    /// Slot.
    pub slot: Bits<8>,
    /// Part.
    pub part: Bit,
    /// Bad response.
    pub bad: Bit,
    /// Word a, 0 if it is not of this access.
    pub a: Bits<64>,
    /// Word b, 0 if it is not of this access.
    pub b: Bits<64>,
}

/// The end of a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlWritten {
    /// Slot.
    pub slot: Bits<8>,
    /// Part.
    pub part: Bit,
    /// Bad response.
    pub bad: Bit,
}

/// The end of an access that did not go to the bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlX {
    /// Slot.
    pub slot: Bits<8>,
    /// It stands for both of a pair.
    pub both: Bit,
    /// Cause, 0 none.
    pub cause: Bits<12>,
    /// Address of the request.
    pub iova: Bits<64>,
    /// Physical address; 0 with a fault.
    pub addr: Bits<64>,
    /// PASID valid and PASID; 0 with a fault.
    pub user: Bits<21>,
}

/// What the collector must know of an op.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlExpect {
    /// Accesses, 1..=3.
    pub count: Bits<2>,
    /// There is an access b, part 1.
    pub second_b: Bit,
    /// There is an access c, the read of part 1.
    pub third: Bit,
    /// A step of a TELL that another one follows.
    pub more: Bit,
    /// That one.
    pub next_step: Bits<2>,
    /// Access a: address, bytes.
    pub va: Bits<64>,
    /// Access b: address, bytes.
    pub va_b: Bits<64>,
    /// Access c: address.
    pub va_c: Bits<64>,
    /// A step of a TELL: without fault, its message may be sent behind it.
    pub sends: Bit,
}

/// What the collector takes in one cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlItem {
    /// Slot.
    pub slot: Bits<8>,
    /// Part.
    pub part: Bit,
    /// It is a word.
    pub read: Bit,
    /// It stands for both of a pair.
    pub both: Bit,
    /// `iova` is given; else it is that of the access.
    pub named: Bit,
    /// Word a.
    pub a: Bits<64>,
    /// Word b.
    pub b: Bits<64>,
    /// Cause, 0 none.
    pub cause: Bits<12>,
    /// Address of the failing access.
    pub iova: Bits<64>,
}

/// What the collector keeps of an op of which not all accesses are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct CtlHalf {
    /// Accesses that are in.
    pub count: Bits<2>,
    /// Word a.
    pub a: Bits<64>,
    /// Word b.
    pub b: Bits<64>,
    /// Cause, 0 none.
    pub cause: Bits<12>,
    /// Address of the failing access.
    pub iova: Bits<64>,
}
