//! The fake device's MMU: a walker written from the RISC-V manual alone, and a cache that never forgets by itself.

use shoal_abi::mmu::{
    CAUSE_ASID_OFF, CAUSE_READ_ACCESS, CAUSE_READ_PAGE, CAUSE_TABLE_ACCESS, CAUSE_WRITE_ACCESS,
    CAUSE_WRITE_PAGE, MODE_BARE, MODE_OFF, MODE_SV48, PTE_A, PTE_D, PTE_R, PTE_RESERVED, PTE_V,
    PTE_W, PTE_X,
};

use super::{Machine, Memory};

const PAGE: u64 = crate::platform::PAGE_BYTES;

/// Translates `iova` with the table at `root` (RISC-V privileged architecture, "Virtual Address Translation Process"): the
/// leaf PTE and the address, or the fault cause. `level` is 2 for Sv39, 3 for Sv48.
///
/// # Errors
/// The cause.
pub fn walk(
    read: impl Fn(u64) -> Option<u64>,
    root: u64,
    level: u32,
    iova: u64,
    write: bool,
) -> Result<(u64, u64), u16> {
    let page_fault = if write {
        CAUSE_WRITE_PAGE
    } else {
        CAUSE_READ_PAGE
    };
    let sign = 64 - (12 + 9 * (level + 1));
    if ((iova as i64) << sign >> sign) as u64 != iova {
        return Err(page_fault);
    }
    let mut table = root;
    for l in (0..=level).rev() {
        let index = (iova >> (12 + 9 * l)) & 0x1ff;
        let pte = read(table + 8 * index).ok_or(CAUSE_TABLE_ACCESS)?;
        let ppn = (pte >> 10) & ((1 << 44) - 1);
        if pte & PTE_V == 0 || pte & (PTE_R | PTE_W) == PTE_W || pte & PTE_RESERVED != 0 {
            return Err(page_fault);
        }
        if pte & (PTE_R | PTE_X) == 0 {
            table = ppn << 12;
            continue;
        }
        let low = (1u64 << (9 * l)) - 1;
        let denied = if write {
            pte & PTE_W == 0 || pte & PTE_D == 0
        } else {
            pte & PTE_R == 0
        };
        if ppn & low != 0 || pte & PTE_A == 0 || denied {
            return Err(page_fault);
        }
        return Ok((pte, ((ppn | ((iova >> 12) & low)) << 12) | (iova & 0xfff)));
    }
    Err(page_fault)
}

impl<M: Memory> Machine<M> {
    /// The bus address and PASID for an access by ASID.
    pub(super) fn translate(
        &mut self,
        asid: u32,
        iova: u64,
        write: bool,
    ) -> Result<(u64, Option<u32>), u16> {
        let entry = self.asids[asid as usize];
        match entry.mode {
            MODE_OFF => return Err(CAUSE_ASID_OFF),
            MODE_BARE => return Ok((iova, entry.pasid)),
            _ => {}
        }
        let level = if entry.mode == MODE_SV48 { 3 } else { 2 };
        let key = (asid, iova / PAGE);
        let page_fault = if write {
            CAUSE_WRITE_PAGE
        } else {
            CAUSE_READ_PAGE
        };
        if let Some(&(pte, page)) = self.iotlb.get(&key) {
            return if write && pte & PTE_W == 0 {
                Err(page_fault)
            } else {
                Ok((page + iova % PAGE, entry.pasid))
            };
        }
        let memory = self.memory.clone();
        let read = |pa| {
            let mut b = [0; 8];
            memory.read(pa, &mut b).then(|| u64::from_le_bytes(b))
        };
        let (pte, pa) = walk(read, entry.root, level, iova, write)?;
        self.iotlb.insert(key, (pte, pa - iova % PAGE));
        Ok((pa, entry.pasid))
    }

    fn bus(&mut self, pasid: Option<u32>, addr: u64, write: bool) -> Option<u64> {
        let Some(p) = pasid else { return Some(addr) };
        let &(page, writable) = self.iommu.get(&p)?.get(&(addr - addr % PAGE))?;
        (writable || !write).then_some(page + addr % PAGE)
    }

    /// Reads by ASID, page by page.
    pub(super) fn dma_read(
        &mut self,
        asid: u32,
        iova: u64,
        buf: &mut [u8],
    ) -> Result<(), (u16, u64)> {
        let mut done = 0;
        while done < buf.len() {
            let at = iova.wrapping_add(done as u64);
            let n = ((PAGE - at % PAGE) as usize).min(buf.len() - done);
            let (pa, pasid) = self.translate(asid, at, false).map_err(|c| (c, at))?;
            let ok = self
                .bus(pasid, pa, false)
                .is_some_and(|a| self.memory.read(a, &mut buf[done..done + n]));
            if !ok {
                self.wild_accesses += 1;
                return Err((CAUSE_READ_ACCESS, at));
            }
            done += n;
        }
        Ok(())
    }

    /// Writes by ASID, page by page.
    pub(super) fn dma_write(
        &mut self,
        asid: u32,
        iova: u64,
        bytes: &[u8],
    ) -> Result<(), (u16, u64)> {
        let mut done = 0;
        while done < bytes.len() {
            let at = iova.wrapping_add(done as u64);
            let n = ((PAGE - at % PAGE) as usize).min(bytes.len() - done);
            let (pa, pasid) = self.translate(asid, at, true).map_err(|c| (c, at))?;
            let ok = self
                .bus(pasid, pa, true)
                .is_some_and(|a| self.memory.write(a, &bytes[done..done + n]));
            if !ok {
                self.wild_accesses += 1;
                return Err((CAUSE_WRITE_ACCESS, at));
            }
            done += n;
        }
        Ok(())
    }
}
