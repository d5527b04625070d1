//! The records of the MMU: what its tables hold and what goes between its blocks. The first field is the lowest.
//!
//! Widths are those of the largest profile; bits that a profile does not have stay 0.

use rust_hdl::prelude::*;

/// Counters of the MMU: the registers CNT_TLB_HITS to CNT_MMU_FAULTS.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct MmuCounts {
    /// CNT_TLB_HITS.
    pub hits: Bits<32>,
    /// CNT_TLB_MISSES.
    pub misses: Bits<32>,
    /// CNT_WALKS.
    pub walks: Bits<32>,
    /// CNT_WALKS_MERGED.
    pub merged: Bits<32>,
    /// CNT_MMU_WAITS.
    pub waits: Bits<32>,
    /// CNT_MMU_FAULTS.
    pub faults: Bits<32>,
}

/// Entry of an IOTLB array: one page of 4 KiB, 2 MiB or 1 GiB, whichever the array is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TlbEntry {
    /// The entry holds a translation.
    pub valid: Bit,
    /// Readable.
    pub readable: Bit,
    /// Writable and dirty.
    pub writable: Bit,
    /// Address space.
    pub asid: Bits<17>,
    /// Its generation when the walk was asked for.
    pub generation: Bits<16>,
    /// Number of the virtual page, in units of the array's page size.
    pub page: Bits<36>,
    /// Physical page number, 4 KiB units.
    pub ppn: Bits<44>,
}

/// Entry of a walk cache: where the table for a 2 MiB or 1 GiB region stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct PwcEntry {
    /// The entry holds a table.
    pub valid: Bit,
    /// Address space.
    pub asid: Bits<17>,
    /// Its generation when the walk was asked for.
    pub generation: Bits<16>,
    /// Number of the region.
    pub page: Bits<27>,
    /// Page number of the table.
    pub base: Bits<44>,
}

/// What the entries of one array are compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct TlbKey {
    /// Address space.
    pub asid: Bits<17>,
    /// Its generation.
    pub generation: Bits<16>,
    /// Page or region number, in the array's unit.
    pub page: Bits<36>,
    /// The access is a write.
    pub write: Bit,
    /// Nothing matches: the arrays are being cleared.
    pub flushing: Bit,
}

/// A waiter on its way to a walker.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Place {
    /// Which waiter.
    pub waiter: Bits<8>,
    /// Address space.
    pub asid: Bits<17>,
    /// Virtual page number, address bits 47:12.
    pub vpn: Bits<36>,
    /// MMU epoch of its look-up.
    pub mep: Bit,
    /// Generation that its look-up saw.
    pub generation: Bits<16>,
    /// Level at which its walk starts.
    pub level: Bits<2>,
    /// Page number of the table there.
    pub base: Bits<44>,
}

/// What makes two walks the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct WalkTag {
    /// Address space.
    pub asid: Bits<17>,
    /// Virtual page number.
    pub vpn: Bits<36>,
    /// MMU epoch.
    pub mep: Bit,
}

/// Address of a PTE, 8-byte units.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct PteAt {
    /// Index in the table.
    pub index: Bits<9>,
    /// Page number of the table.
    pub base: Bits<44>,
}

/// What a walk needs when a PTE has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Walk {
    /// Address space.
    pub asid: Bits<17>,
    /// Virtual page number.
    pub vpn: Bits<36>,
    /// MMU epoch.
    pub mep: Bit,
    /// Generation.
    pub generation: Bits<16>,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct WalkResult {
    /// A page was found; otherwise a fault.
    pub leaf: Bit,
    /// The fault: a table could not be read. Otherwise it is a page fault.
    pub table_access: Bit,
    /// Readable.
    pub readable: Bit,
    /// Writable and dirty.
    pub writable: Bit,
    /// Level of the leaf.
    pub level: Bits<2>,
    /// Its page number.
    pub ppn: Bits<44>,
}

/// What a waiter keeps until its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Waiter {
    /// Client to answer.
    pub client: Bits<2>,
    /// What it knows the request by.
    pub tag: Bits<10>,
    /// The access is a write.
    pub write: Bit,
    /// MMU epoch of its look-up.
    pub mep: Bit,
    /// PASID valid and PASID.
    pub user: Bits<21>,
    /// Address bits 47:0.
    pub va: Bits<48>,
}

/// A physical address in the parts that the MMU puts together.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct PageAddr {
    /// Offset in the page.
    pub low: Bits<12>,
    /// Page number.
    pub ppn: Bits<44>,
    /// 0.
    pub high: Bits<8>,
}

/// The PASID side band.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Pasid {
    /// PASID, 0 if not valid.
    pub pasid: Bits<20>,
    /// Valid.
    pub valid: Bit,
}
