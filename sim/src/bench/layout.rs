//! Where the rings, buffers and page tables of many devices lie: every device has the same IOVAs, and its memory stands at a
//! stride from that of the one before, so that each address is a sum.
//!
//! A device has its own three levels of Sv39 tables with leaves of 4 KiB. Memory costs nothing until it is touched.

use shoal_abi::mmu::{PTE_A, PTE_D, PTE_PPN_LSB, PTE_R, PTE_V, PTE_W};
use shoal_abi::profile::Profile;
use shoal_abi::ring::{AVAIL_RING, DESC_BYTES, USED_ELEM_BYTES, USED_RING};

use super::matrix::{Case, Translations, MOST_VISIBLE};
use super::wall::packet_bytes;
use crate::env::{HostMem, MemError, PAGE_BYTES};

/// Queues of a device: receive, transmit.
pub const QUEUES: u64 = 2;
/// First IOVA of every device.
const IOVA: u64 = 1 << 30;
/// Pages of a level-0 table.
const TABLE_PAGES: u64 = 512;
const PTE_BYTES: u64 = 8;
/// First pages of the rings.
const RING_PAGES: [u64; 2] = [0, 192];
/// First pages of buffers that are few, and of those that are many.
const BUFFER_PAGE: u64 = 64;
const MANY_BUFFERS_PAGE: u64 = 512;
/// Offsets of the rings in their page.
const AVAIL: u64 = MOST_VISIBLE as u64 * DESC_BYTES;
const USED: u64 = (AVAIL + AVAIL_RING + MOST_VISIBLE as u64 * 2 + 2).next_multiple_of(16);
const _: () = assert!(USED + USED_RING + MOST_VISIBLE as u64 * USED_ELEM_BYTES + 2 <= PAGE_BYTES);

/// Times that the IOTLB's entries fit into the pages of a cold row.
const COLD: u64 = 4;
/// Bytes of host memory that a row may touch.
const MEMORY: u64 = 6 << 30;

/// The memory of `devices` devices.
#[derive(Clone, Debug)]
pub struct Layout {
    devices: u64,
    /// Pages of the buffers of a queue, a power of two.
    buffer_pages: u64,
    /// Level-0 tables of a device.
    leaf_tables: u64,
    /// Level-0 tables, then level-1 tables, then roots.
    tables: u64,
    /// Rings and buffers.
    memory: u64,
}

/// What an access of the device to memory means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A leaf of the page tables: the last step of a walk.
    Leaf,
    /// Another table.
    Table,
    /// Something with `used.idx` in it.
    UsedIndex,
    /// Anything else.
    Other,
}

impl Layout {
    /// Takes memory for `devices` devices, each queue with `buffer_pages` pages of buffers, and writes the tables.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn new(mem: &HostMem, devices: u32, buffer_pages: u64) -> Result<Self, MemError> {
        let devices = u64::from(devices);
        let buffer_pages = buffer_pages.next_power_of_two();
        let mut layout = Self {
            devices,
            buffer_pages,
            leaf_tables: 0,
            tables: 0,
            memory: 0,
        };
        let end = layout.buffer_page(1) + buffer_pages;
        layout.leaf_tables = end.div_ceil(TABLE_PAGES);
        layout.tables = mem.carve(devices * (layout.leaf_tables + 2))?;
        layout.memory = mem.carve(devices * layout.device_pages())?;
        for device in 0..devices {
            layout.write_tables(mem, device)?;
        }
        Ok(layout)
    }

    /// Gives the memory back.
    ///
    /// # Errors
    /// When it is not there any more.
    pub fn release(&self, mem: &HostMem) -> Result<(), MemError> {
        mem.free(self.tables, self.devices * (self.leaf_tables + 2))?;
        mem.free(self.memory, self.devices * self.device_pages())
    }

    fn device_pages(&self) -> u64 {
        QUEUES * (1 + self.buffer_pages)
    }

    /// First page of the buffers of `queue` among the device's IOVAs.
    fn buffer_page(&self, queue: u64) -> u64 {
        if self.buffer_pages <= BUFFER_PAGE {
            BUFFER_PAGE * (1 + queue)
        } else {
            MANY_BUFFERS_PAGE + queue * self.buffer_pages
        }
    }

    fn leaf_table(&self, device: u64, n: u64) -> u64 {
        self.tables + (device * self.leaf_tables + n) * PAGE_BYTES
    }

    fn middle_table(&self, device: u64) -> u64 {
        self.leaf_table(self.devices, 0) + device * PAGE_BYTES
    }

    /// Root table of `device`.
    #[must_use]
    pub fn root(&self, device: u32) -> u64 {
        self.middle_table(self.devices + u64::from(device))
    }

    fn write_tables(&self, mem: &HostMem, device: u64) -> Result<(), MemError> {
        let pointer = |pa: u64| (pa / PAGE_BYTES) << PTE_PPN_LSB | PTE_V;
        let leaf = |pa: u64| pointer(pa) | PTE_R | PTE_W | PTE_A | PTE_D;
        let put = |at: u64, ptes: &mut dyn Iterator<Item = u64>| {
            let bytes: Vec<u8> = ptes.flat_map(u64::to_le_bytes).collect();
            mem.write(at, &bytes)
        };
        let root = self.middle_table(self.devices + device);
        let middle = self.middle_table(device);
        put(
            root + (IOVA >> 30) * PTE_BYTES,
            &mut [pointer(middle)].into_iter(),
        )?;
        let tables = (0..self.leaf_tables).map(|n| pointer(self.leaf_table(device, n)));
        put(middle, &mut { tables })?;
        let (number, queues) = (device as u32, 0..QUEUES);
        for queue in queues {
            let ring = RING_PAGES[queue as usize];
            let at = self.leaf_table(device, 0) + ring * PTE_BYTES;
            put(at, &mut [leaf(self.ring(number, queue))].into_iter())?;
            // Tables of a device lie side by side: a run of leaves may go on in the next.
            let first = self.leaf_table(device, 0) + self.buffer_page(queue) * PTE_BYTES;
            let buffers = self.buffers(number, queue);
            let leaves = (0..self.buffer_pages).map(|n| leaf(buffers + n * PAGE_BYTES));
            put(first, &mut { leaves })?;
        }
        Ok(())
    }

    /// Address of the ring page of a queue.
    fn ring(&self, device: u32, queue: u64) -> u64 {
        self.memory + (u64::from(device) * self.device_pages() + queue) * PAGE_BYTES
    }

    /// Address of the first buffer of a queue.
    #[must_use]
    pub fn buffers(&self, device: u32, queue: u64) -> u64 {
        self.ring(device, QUEUES + queue * self.buffer_pages)
    }

    /// IOVA of the first buffer of a queue.
    #[must_use]
    pub fn buffers_iova(&self, queue: u64) -> u64 {
        IOVA + self.buffer_page(queue) * PAGE_BYTES
    }

    /// Pages of the buffers of a queue.
    #[must_use]
    pub fn buffer_pages(&self) -> u64 {
        self.buffer_pages
    }

    /// Addresses of descriptor table, available ring and used ring of a queue.
    #[must_use]
    pub fn areas(&self, device: u32, queue: u64) -> (u64, u64, u64) {
        let page = self.ring(device, queue);
        (page, page + AVAIL, page + USED)
    }

    /// The same as IOVAs.
    #[must_use]
    pub fn areas_iova(&self, queue: u64) -> (u64, u64, u64) {
        let page = IOVA + RING_PAGES[queue as usize] * PAGE_BYTES;
        (page, page + AVAIL, page + USED)
    }

    /// What `len` bytes from `addr` are.
    #[must_use]
    pub fn meaning(&self, addr: u64, len: u64) -> Meaning {
        if (self.tables..self.middle_table(0)).contains(&addr) {
            return Meaning::Leaf;
        }
        if (self.middle_table(0)..self.root(0) + self.devices * PAGE_BYTES).contains(&addr) {
            return Meaning::Table;
        }
        let Some(at) = addr.checked_sub(self.memory) else {
            return Meaning::Other;
        };
        let (page, offset) = (at / PAGE_BYTES, at % PAGE_BYTES);
        let is_ring =
            page < self.devices * self.device_pages() && page % self.device_pages() < QUEUES;
        if is_ring && offset <= USED + 2 && offset + len > USED + 2 {
            Meaning::UsedIndex
        } else {
            Meaning::Other
        }
    }
}

/// Pages of buffers that a queue needs for `case`.
pub(super) fn buffer_pages(profile: &Profile, case: &Case) -> u64 {
    let stride = packet_bytes(case.frame).next_power_of_two();
    let visible = u64::from(case.load().visible);
    let warm = (visible * stride).div_ceil(PAGE_BYTES);
    match case.translations {
        Translations::Warm => warm,
        // A packet and its successors are not in one another's way even if they come back in another order.
        Translations::Cold => {
            (2 * warm).max(COLD * profile.iotlb_pages() as u64 / u64::from(case.active))
        }
    }
}

/// Why a row cannot be measured here, if it cannot.
#[must_use]
pub fn refusal(profile: &Profile, case: &Case) -> Option<String> {
    let stride = packet_bytes(case.frame).next_power_of_two();
    let bytes = case.open() * stride + u64::from(case.active) * 6 * PAGE_BYTES;
    // One ASID and one doorbell page a device, and both of its queues.
    let most = (profile.devices.min(profile.asids))
        .min(profile.doorbell_pages)
        .min(profile.queues / QUEUES as u32);
    if case.active > most {
        Some(format!(
            "profile {} has room for {most} devices",
            profile.name
        ))
    } else if bytes > MEMORY {
        Some(format!(
            "its packets need {} MiB of memory; at most {} are used",
            bytes >> 20,
            MEMORY >> 20
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks the tables as a device does.
    fn walk(mem: &HostMem, root: u64, iova: u64) -> Option<u64> {
        let mut table = root;
        for level in (0..3).rev() {
            let mut pte = [0; 8];
            let index = iova >> (12 + 9 * level) & 511;
            mem.read(table + index * 8, &mut pte).unwrap();
            let pte = u64::from_le_bytes(pte);
            if pte & PTE_V == 0 {
                return None;
            }
            table = (pte >> PTE_PPN_LSB) << 12;
        }
        Some(table + iova % PAGE_BYTES)
    }

    #[test]
    fn every_iova_of_every_device_leads_to_its_own_memory() {
        for pages in [1, 16, 64, 1024] {
            let mem = HostMem::new(0, 1 << 30).unwrap();
            let layout = Layout::new(&mem, 5, pages).unwrap();
            let mut seen = std::collections::HashSet::new();
            for device in 0..5 {
                let root = layout.root(device);
                for queue in 0..QUEUES {
                    let (desc, _, used) = layout.areas(device, queue);
                    assert_eq!(walk(&mem, root, layout.areas_iova(queue).2), Some(used));
                    assert!(seen.insert(desc));
                    for n in 0..pages {
                        let at = n * PAGE_BYTES + 8;
                        let pa = layout.buffers(device, queue) + at;
                        assert_eq!(walk(&mem, root, layout.buffers_iova(queue) + at), Some(pa));
                        assert!(seen.insert(pa - 8));
                    }
                }
                assert_eq!(walk(&mem, root, IOVA + 7 * PAGE_BYTES), None);
                assert_eq!(walk(&mem, root, 0), None);
            }
        }
    }

    #[test]
    fn accesses_are_told_apart() {
        let mem = HostMem::new(0, 1 << 30).unwrap();
        let layout = Layout::new(&mem, 3, 4).unwrap();
        let used = layout.areas(2, 1).2;
        assert_eq!(layout.meaning(used, 4), Meaning::UsedIndex);
        assert_eq!(layout.meaning(used + 2, 2), Meaning::UsedIndex);
        assert_eq!(layout.meaning(used + 4, 8), Meaning::Other);
        assert_eq!(layout.meaning(used - 2, 4), Meaning::Other);
        assert_eq!(
            layout.meaning(layout.buffers(0, 0) + USED, 8),
            Meaning::Other
        );
        assert_eq!(layout.meaning(layout.root(2), 8), Meaning::Table);
        assert_eq!(layout.meaning(layout.leaf_table(2, 0), 8), Meaning::Leaf);
        assert_eq!(layout.meaning(layout.middle_table(0), 8), Meaning::Table);
    }
}
