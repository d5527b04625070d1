//! The fault queue, driver side: 32-byte records in host memory, filled by the device, drained by the driver.

use std::fmt;

use shoal_abi::mmu::{
    CAUSE_ASID_OFF, CAUSE_AVAIL_JUMP, CAUSE_CHAIN_BYTES, CAUSE_CHAIN_LONG, CAUSE_DESC_INDEX,
    CAUSE_DESC_ORDER, CAUSE_INDIRECT, CAUSE_INDIRECT_TABLE, CAUSE_NONE, CAUSE_READ_ACCESS,
    CAUSE_READ_PAGE, CAUSE_TABLE_ACCESS, CAUSE_WRITE_ACCESS, CAUSE_WRITE_PAGE, FAULT_ACCESS_MASK,
    FAULT_ASID_MASK, FAULT_BYTES, FAULT_CAUSE_MASK, FAULT_MEMBER_MASK, FAULT_VQ_MASK, FAULT_WRITE,
};
use shoal_abi::regs;

use crate::error::Result;
use crate::platform::{DmaBuf, Platform};

/// log2 of the records in the queue: the most that FQ_CTRL takes.
const LOG_RECORDS: u32 = regs::FQ_LOG2_MAX;
const RECORDS: u32 = 1 << LOG_RECORDS;

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRecord {
    /// Cause, one of `shoal_abi::mmu::CAUSE_*`.
    pub cause: u16,
    /// ASID.
    pub asid: u32,
    /// True for a write.
    pub write: bool,
    /// Member id of the device.
    pub member: u32,
    /// Virtqueue index within the device.
    pub vq_index: u16,
    /// Address that faulted; 0 for faults of the ring's contents.
    pub iova: u64,
}

impl FaultRecord {
    /// The record in its memory layout.
    #[must_use]
    pub fn from_bytes(b: &[u8; FAULT_BYTES as usize]) -> Self {
        let word = |n: usize| {
            b[n * 8..n * 8 + 8]
                .iter()
                .rev()
                .fold(0u64, |w, &x| (w << 8) | u64::from(x))
        };
        let w = word(0);
        let field = |w: u64, mask: u64| (w & mask) >> mask.trailing_zeros();
        Self {
            cause: field(w, FAULT_CAUSE_MASK) as u16,
            asid: field(w, FAULT_ASID_MASK) as u32,
            write: field(w, FAULT_ACCESS_MASK) as u8 == FAULT_WRITE,
            member: field(w, FAULT_MEMBER_MASK) as u32,
            vq_index: field(word(1), FAULT_VQ_MASK) as u16,
            iova: word(2),
        }
    }
}

/// Name of a fault cause.
#[must_use]
pub const fn cause_name(cause: u16) -> &'static str {
    match cause {
        CAUSE_NONE => "none",
        CAUSE_READ_ACCESS => "read access",
        CAUSE_WRITE_ACCESS => "write access",
        CAUSE_READ_PAGE => "read page fault",
        CAUSE_WRITE_PAGE => "write page fault",
        CAUSE_ASID_OFF => "ASID off",
        CAUSE_TABLE_ACCESS => "page table access",
        CAUSE_AVAIL_JUMP => "avail.idx too far ahead",
        CAUSE_DESC_INDEX => "descriptor index out of range",
        CAUSE_CHAIN_LONG => "chain longer than the queue",
        CAUSE_DESC_ORDER => "readable descriptor after a writable one",
        CAUSE_INDIRECT => "misplaced INDIRECT",
        CAUSE_INDIRECT_TABLE => "bad indirect table",
        CAUSE_CHAIN_BYTES => "chain of more than 8 MiB",
        _ => "unknown cause",
    }
}

impl fmt::Display for FaultRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.write { "write" } else { "read" };
        write!(
            f,
            "member {} queue {}: {} ({}) on a {verb} at IOVA {:#x}, ASID {}",
            self.member,
            self.vq_index,
            cause_name(self.cause),
            self.cause,
            self.iova,
            self.asid
        )
    }
}

/// The fault queue.
#[derive(Debug)]
pub struct FaultQueue<P: Platform> {
    platform: P,
    buf: DmaBuf,
    head: u32,
}

impl<P: Platform> FaultQueue<P> {
    /// Sets the queue up and enables it with MSI-X vector `vector`.
    ///
    /// # Errors
    /// `Platform` when memory runs out.
    pub fn new(platform: P, vector: u16) -> Result<Self> {
        let buf = platform.alloc((u64::from(RECORDS) * FAULT_BYTES) as usize)?;
        platform.write32(regs::FQ_CTRL.offset, 0);
        platform.write32(regs::FQ_BASE_LO.offset, buf.addr as u32);
        platform.write32(regs::FQ_BASE_HI.offset, (buf.addr >> 32) as u32);
        // The device keeps its tail over a change of FQ_CTRL, so the driver starts where it stands.
        let head = platform.read32(regs::FQ_TAIL.offset) % RECORDS;
        platform.write32(regs::FQ_HEAD.offset, head);
        platform.write32(
            regs::FQ_CTRL.offset,
            regs::FQ_ENABLE
                | LOG_RECORDS << regs::FQ_LOG2_LSB
                | u32::from(vector) << regs::FQ_VECTOR_LSB,
        );
        Ok(Self {
            platform,
            buf,
            head,
        })
    }

    /// Every record since the last call.
    pub fn drain(&mut self) -> Vec<FaultRecord> {
        let tail = self.platform.read32(regs::FQ_TAIL.offset) % RECORDS;
        let mut out = Vec::new();
        while self.head != tail {
            let mut b = [0; FAULT_BYTES as usize];
            self.platform
                .read(self.buf.addr + u64::from(self.head) * FAULT_BYTES, &mut b);
            out.push(FaultRecord::from_bytes(&b));
            self.head = (self.head + 1) % RECORDS;
        }
        if !out.is_empty() {
            self.platform.write32(regs::FQ_HEAD.offset, self.head);
        }
        out
    }

    /// Records that the device dropped.
    #[must_use]
    pub fn lost(&self) -> u32 {
        self.platform.read32(regs::FQ_LOST.offset)
    }
}
