//! The memory of one device: a region in host memory, and an Sv39 table that shows it at `IOVA`, page by page.

use shoal::host::SharedHost;
use shoal_abi::mmu::{MODE_SV39, PTE_A, PTE_D, PTE_PPN_LSB, PTE_R, PTE_V, PTE_W};
use shoal_driver::cmd::Binding;
use shoal_driver::{Dma, DmaBuf, Result};

/// Where a device sees its region.
pub(super) const IOVA: u64 = 0x4000_0000;
/// Pages of a region.
pub(super) const PAGES: u64 = 32;
pub(super) const PAGE: u64 = 4096;
/// A platform address where nothing is.
pub(super) const NO_MEMORY: u64 = 0x50_0000_0000;

/// Region and tables.
pub(super) struct Memory {
    host: SharedHost,
    region: DmaBuf,
    /// Root, the level below, the lowest.
    tables: DmaBuf,
}

impl Memory {
    pub(super) fn new(host: &SharedHost) -> Result<Self> {
        let memory = Self {
            host: host.clone(),
            region: host.alloc((PAGES * PAGE) as usize)?,
            tables: host.alloc(3 * PAGE as usize)?,
        };
        memory.restore();
        Ok(memory)
    }

    /// Makes the tables what they were in the beginning.
    pub(super) fn restore(&self) {
        self.host.write(self.tables.addr, &[0; 3 * PAGE as usize]);
        let next = |pa: u64| (pa / PAGE) << PTE_PPN_LSB | PTE_V;
        self.set_root(next(self.tables.addr + PAGE));
        self.set_middle(next(self.tables.addr + 2 * PAGE));
        for page in 0..PAGES {
            self.set_page(page, self.pte(page));
        }
    }

    pub(super) fn binding(&self) -> Binding {
        Binding {
            mode: MODE_SV39,
            pasid: None,
            root: self.tables.addr,
        }
    }

    /// Platform address of byte `offset` of the region.
    pub(super) fn pa(&self, offset: u64) -> u64 {
        self.region.addr + offset
    }

    /// The good entry of a page.
    pub(super) fn pte(&self, page: u64) -> u64 {
        leaf(self.pa(page * PAGE))
    }

    /// Entry of the root through which the region is seen.
    pub(super) fn set_root(&self, pte: u64) {
        let at = self.tables.addr + 8 * (IOVA >> 30);
        self.host.write(at, &pte.to_le_bytes());
    }

    /// Entry of the level below.
    pub(super) fn set_middle(&self, pte: u64) {
        self.host.write(self.tables.addr + PAGE, &pte.to_le_bytes());
    }

    /// Entry of a page of the region.
    pub(super) fn set_page(&self, page: u64, pte: u64) {
        let at = self.tables.addr + 2 * PAGE + 8 * page;
        self.host.write(at, &pte.to_le_bytes());
    }

    /// Where the entries of the region's pages stand.
    pub(super) fn page_entries(&self) -> u64 {
        self.tables.addr + 2 * PAGE
    }

    pub(super) fn put(&self, offset: u64, bytes: &[u8]) {
        self.host.write(self.pa(offset), bytes);
    }

    pub(super) fn get(&self, offset: u64, bytes: usize) -> Vec<u8> {
        let mut all = vec![0; bytes];
        self.host.read(self.pa(offset), &mut all);
        all
    }
}

/// An entry that shows the page at platform address `pa` for reading and writing.
pub(super) fn leaf(pa: u64) -> u64 {
    (pa / PAGE) << PTE_PPN_LSB | PTE_V | PTE_R | PTE_W | PTE_A | PTE_D
}
