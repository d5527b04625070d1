//! RISC-V Sv39 and Sv48 page tables in DMA memory (RISC-V privileged architecture, Supervisor chapter).
//!
//! Leaves of 4 KiB, 2 MiB and 1 GiB are chosen by the alignment of the range; a larger leaf is split when part of it goes
//! away. A and D are set in every leaf: the device faults where they are clear and never sets them.

use shoal_abi::mmu::{
    MODE_SV39, MODE_SV48, PTE_A, PTE_D, PTE_PPN_LSB, PTE_PPN_W, PTE_R, PTE_V, PTE_W, PTE_X,
};

use crate::error::{Error, Result};
use crate::platform::{Dma, DmaBuf, Perm, PAGE_BYTES};

const INDEX_BITS: u32 = 9;
const ENTRIES: u64 = 1 << INDEX_BITS;
const PTE_BYTES: u64 = 8;
const PAGE_BITS: u32 = 12;
const PPN_MASK: u64 = ((1 << PTE_PPN_W) - 1) << PTE_PPN_LSB;
/// Level of the largest leaf in use: 1 GiB. The IOTLB has no larger entry.
const TOP_LEAF: u32 = 2;

/// Depth of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Three levels.
    Sv39,
    /// Four levels.
    Sv48,
}

impl Scheme {
    /// Level of the root table; level 0 holds 4 KiB leaves.
    const fn top(self) -> u32 {
        match self {
            Self::Sv39 => 2,
            Self::Sv48 => 3,
        }
    }

    /// IOVAs below this are usable. The upper half would need sign extension, which a vDPA client does not expect.
    #[must_use]
    pub const fn iova_limit(self) -> u64 {
        1 << (PAGE_BITS + INDEX_BITS * (self.top() + 1) - 1)
    }

    /// Mode of the ASID entry.
    #[must_use]
    pub const fn mode(self) -> u8 {
        match self {
            Self::Sv39 => MODE_SV39,
            Self::Sv48 => MODE_SV48,
        }
    }
}

const fn span(level: u32) -> u64 {
    PAGE_BYTES << (INDEX_BITS * level)
}

const fn pte(pa: u64, flags: u64) -> u64 {
    ((pa >> PAGE_BITS) << PTE_PPN_LSB) & PPN_MASK | flags | PTE_V
}

const fn pa_of(pte: u64) -> u64 {
    (pte & PPN_MASK) >> PTE_PPN_LSB << PAGE_BITS
}

const fn is_leaf(pte: u64) -> bool {
    pte & (PTE_R | PTE_X) != 0
}

const fn leaf_flags(perm: Perm) -> u64 {
    // W without R is reserved, so WO becomes RW.
    PTE_R | PTE_A | PTE_D | if perm.writable() { PTE_W } else { 0 }
}

/// A page table.
#[derive(Debug)]
pub struct PageTable<D: Dma> {
    dma: D,
    scheme: Scheme,
    root: DmaBuf,
    /// Tables below the root.
    tables: Vec<DmaBuf>,
}

/// Tables that no PTE points to any more; they may be freed once the IOTLB is invalidated.
#[derive(Debug, Default)]
#[must_use]
pub struct Unlinked(Vec<u64>);

impl Unlinked {
    /// Takes the tables of `other` too.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }
}

impl<D: Dma> PageTable<D> {
    /// An empty table.
    ///
    /// # Errors
    /// `Platform` when memory runs out.
    pub fn new(dma: D, scheme: Scheme) -> Result<Self> {
        let root = dma.alloc(PAGE_BYTES as usize)?;
        Ok(Self {
            dma,
            scheme,
            root,
            tables: Vec::new(),
        })
    }

    /// Platform address of the root table.
    #[must_use]
    pub fn root(&self) -> u64 {
        self.root.addr
    }

    /// Its depth.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Pages that the table itself takes.
    #[must_use]
    pub fn table_pages(&self) -> usize {
        1 + self.tables.len()
    }

    /// Maps `bytes` bytes from `iova` to `pa`. All three are multiples of 4 KiB, the range is unmapped and below the limit;
    /// the caller has checked it.
    ///
    /// # Errors
    /// `Platform` when memory for tables runs out: the range may then be partly mapped, unmap it.
    pub fn map(&mut self, iova: u64, pa: u64, bytes: u64, perm: Perm) -> Result<()> {
        let mut done = 0;
        while done < bytes {
            let (va, to, left) = (iova + done, pa + done, bytes - done);
            let mut level = self.scheme.top();
            let mut table = self.root.addr;
            loop {
                let size = span(level);
                let at = Self::entry(table, va, level);
                let old = self.dma.read_u64(at);
                let fits = level <= TOP_LEAF && (va | to) % size == 0 && left >= size;
                if level == 0 || (fits && old & PTE_V == 0) {
                    self.dma.write(at, &pte(to, leaf_flags(perm)).to_le_bytes());
                    done += size;
                    break;
                }
                table = if old & PTE_V == 0 {
                    let new = self.table()?;
                    self.dma.write(at, &pte(new, 0).to_le_bytes());
                    new
                } else {
                    pa_of(old)
                };
                level -= 1;
            }
        }
        Ok(())
    }

    /// Clears every PTE of the range, splitting larger leaves at its ends; holes are skipped. The caller then invalidates the
    /// IOTLB and gives the result to [`PageTable::release_unlinked`].
    ///
    /// # Errors
    /// `Platform` when memory for a split runs out: the range is then partly unmapped.
    pub fn unmap(&mut self, iova: u64, bytes: u64) -> Result<Unlinked> {
        let mut out = Unlinked::default();
        let root = self.root.addr;
        self.unmap_in(root, self.scheme.top(), iova, iova + (bytes - 1), &mut out)?;
        Ok(out)
    }

    /// Clears `first..=last` below `table`; true when the table is then empty.
    fn unmap_in(
        &mut self,
        table: u64,
        level: u32,
        first: u64,
        last: u64,
        out: &mut Unlinked,
    ) -> Result<bool> {
        let size = span(level);
        let mut va = first - first % size;
        while va <= last {
            let at = Self::entry(table, va, level);
            let mut old = self.dma.read_u64(at);
            let whole = first <= va && va + (size - 1) <= last;
            if old & PTE_V != 0 && is_leaf(old) && !whole {
                // Same translation either way, so that the device may see the leaf or the table.
                old = self.split(at, old, level)?;
            }
            if old & PTE_V != 0 {
                let clear = is_leaf(old) || {
                    let (lo, hi) = (first.max(va), last.min(va + (size - 1)));
                    self.unmap_in(pa_of(old), level - 1, lo, hi, out)?
                };
                if clear {
                    self.dma.write(at, &0u64.to_le_bytes());
                    if !is_leaf(old) {
                        out.0.push(pa_of(old));
                    }
                }
            }
            va += size;
        }
        let mut page = vec![0; PAGE_BYTES as usize];
        self.dma.read(table, &mut page);
        Ok(page.iter().all(|&b| b == 0))
    }

    fn split(&mut self, at: u64, leaf: u64, level: u32) -> Result<u64> {
        let below = span(level - 1);
        let table = self.table()?;
        let flags = leaf & !PPN_MASK;
        let page: Vec<u8> = (0..ENTRIES)
            .flat_map(|n| pte(pa_of(leaf) + n * below, flags).to_le_bytes())
            .collect();
        self.dma.write(table, &page);
        let pointer = pte(table, 0);
        self.dma.write(at, &pointer.to_le_bytes());
        Ok(pointer)
    }

    /// Frees tables that [`PageTable::unmap`] unlinked. No walk may be using them any more.
    pub fn release_unlinked(&mut self, unlinked: Unlinked) {
        for addr in unlinked.0 {
            if let Some(n) = self.tables.iter().position(|t| t.addr == addr) {
                self.dma.free(self.tables.swap_remove(n));
            }
        }
    }

    /// Frees all of it. The ASID must be unbound and invalidated.
    pub fn release(self) {
        for t in self.tables {
            self.dma.free(t);
        }
        self.dma.free(self.root);
    }

    fn table(&mut self) -> Result<u64> {
        let t = self.dma.alloc(PAGE_BYTES as usize)?;
        let addr = t.addr;
        self.tables.push(t);
        Ok(addr)
    }

    const fn entry(table: u64, va: u64, level: u32) -> u64 {
        let index = (va >> (PAGE_BITS + INDEX_BITS * level)) % ENTRIES;
        table + index * PTE_BYTES
    }
}

/// Checks what `dma_map` and `dma_unmap` ask of a range.
///
/// # Errors
/// `Argument`.
pub(crate) fn check_range(iova: u64, bytes: u64, limit: Option<u64>) -> Result<()> {
    let bad = |what, value, rule| Err(Error::Argument { what, value, rule });
    if !iova.is_multiple_of(PAGE_BYTES) {
        return bad("IOVA", iova, "a multiple of 4 KiB");
    }
    if bytes == 0 || !bytes.is_multiple_of(PAGE_BYTES) {
        return bad("size", bytes, "a multiple of 4 KiB, not 0");
    }
    let Some(last) = iova.checked_add(bytes - 1) else {
        return bad("size", bytes, "the range ends below 2^64");
    };
    match limit {
        Some(limit) if last >= limit => bad("IOVA", last, "below the limit of the address space"),
        _ => Ok(()),
    }
}
