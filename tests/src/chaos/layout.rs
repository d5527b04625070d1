//! Where a chaos session keeps things in host memory, and the address spaces it has.
//!
//! ASID a is bare if a mod 4 = 0, Sv39 if 1, Sv48 if 2, bare if 3; with PASID a if a mod 8 is 3, 5, 6 or 7. The translated ones see the arena at
//! `ARENA_IOVA`, with neighbouring pages exchanged: what runs over the end of a page there must be translated twice.
//! In the others IOVA = address.

use shoal::env::{Env, MemError};
use shoal_abi::cmd::ASID_PASID_VALID;
use shoal_abi::mmu::{
    MODE_BARE, MODE_SV39, MODE_SV48, PTE_A, PTE_D, PTE_PPN_LSB, PTE_R, PTE_V, PTE_W,
};
use shoal_abi::ring;

/// Bytes of host memory.
pub const MEM_BYTES: u64 = 16 << 20;
/// Admin queue: descriptor table, available ring, used ring.
pub const ADMIN_DESC: u64 = 0x1000;
/// See [`ADMIN_DESC`].
pub const ADMIN_AVAIL: u64 = 0x2000;
/// See [`ADMIN_DESC`].
pub const ADMIN_USED: u64 = 0x3000;
/// Command and answer buffers: 512 bytes an entry of the admin queue.
pub const ADMIN_BUF: u64 = 0x4000;
/// Bytes of one such buffer; the answer starts in its middle.
pub const ADMIN_BUF_BYTES: u64 = 0x200;
/// Indirect tables of the admin queue, a page each.
pub const ADMIN_TABLES: u64 = 0x8_0000;
/// Fault queue.
pub const FAULTS: u64 = 0x1_0000;
/// Rings and buffers of the devices.
pub const ARENA: u64 = 0x10_0000;
/// Bytes of the arena that the page tables map with 4 KiB leaves.
pub const ARENA_BYTES: u64 = 0x10_0000;
/// The arena in translated address spaces.
pub const ARENA_IOVA: u64 = 0x4000_0000;
/// Bytes for the rings of one queue.
pub const RING_BYTES: u64 = 0x8000;
/// Members that have rings of their own.
pub const MEMBERS: u64 = 4;
/// Offset of the data buffers, from here to the end of the arena.
pub const BUFFERS: u64 = 0x6_0000;
/// Offset in the arena of a page that is read-only in translated spaces.
const READ_ONLY: u64 = 0xf_8000;
/// Where nothing is, neither memory nor a translation.
const NOWHERE: u64 = 0x5000_0000;
/// Page tables: Sv39 root; the level below, and the lowest.
pub const SV39_ROOT: u64 = 0x30_0000;
/// Sv48 root.
pub const SV48_ROOT: u64 = 0x30_3000;
/// Where messages go.
pub const MSI_BASE: u64 = 0xfee0_0000;
/// Behind it: messages of configurations, 4 bytes a member.
pub const MSI_CONFIGS: u64 = 0x1_0000;
/// Behind it: messages of queues, 4 bytes a queue, 16 a member.
pub const MSI_QUEUES: u64 = 0x2_0000;
const PAGE: u64 = 4096;

/// True when `asid` has a page table.
#[must_use]
pub fn is_translated(asid: u32) -> bool {
    matches!(asid % 4, 1 | 2)
}

/// The IOVA of byte `offset` of the arena in `asid`.
#[must_use]
pub fn iova(asid: u32, offset: u64) -> u64 {
    offset
        + if is_translated(asid) {
            ARENA_IOVA
        } else {
            ARENA
        }
}

/// Where the host finds the byte at `iova` of `asid`: arena bytes only.
#[must_use]
pub fn pa(asid: u32, iova: u64) -> u64 {
    if !is_translated(asid) {
        return iova;
    }
    match iova.checked_sub(ARENA_IOVA) {
        Some(at) if at < ARENA_BYTES => ARENA + (at ^ PAGE),
        _ => u64::MAX,
    }
}

/// An address where there is no memory, though it is mapped: the bus answers with an error.
#[must_use]
pub fn no_memory(asid: u32) -> u64 {
    if is_translated(asid) {
        0xa000_0000
    } else {
        0x2000_0000
    }
}

/// IOVAs of the parts of a queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Descriptor table.
    pub desc: u64,
    /// Available ring.
    pub avail: u64,
    /// Used ring.
    pub used: u64,
    /// First byte of the area.
    pub base: u64,
    /// Everything crosses page ends.
    crosses: bool,
}

impl Place {
    /// The indirect table for chain number `k`.
    #[must_use]
    pub fn table(&self, k: u64) -> u64 {
        match (self.crosses, k % 16) {
            (false, k) => self.base + 0x4000 + k * 0x88,
            // The second descriptor begins 8 bytes before the end of its page.
            (true, k @ 0..2) => self.base + 0x5fe8 + k * PAGE,
            (true, k) => self.base + 0x6100 + k * 0x78,
        }
    }
}

/// The rings of queue `q` of a member. `how`: 1 tables and rings across page ends, used elements across words and pages
/// (`first` is the entry that is used first); 2 used ring where no memory is; 3 available ring unmapped; 4 descriptors unmapped; 5 used ring read-only; else ordinary.
#[must_use]
pub fn place(asid: u32, member: u32, q: u16, how: u8, first: u16) -> Place {
    let slot = u64::from(member).saturating_sub(1) % MEMBERS * 3 + u64::from(q % 3);
    let base = iova(asid, slot * RING_BYTES);
    let ordinary = Place {
        desc: base,
        avail: base + 0x1400,
        // Not a multiple of 8: elements then stand 8-byte aligned.
        used: base + 0x2004,
        base,
        crosses: false,
    };
    match how {
        1 => Place {
            desc: base + 0xf80,
            avail: base + 0x2ff2,
            // The element of the first chain lies across the end of a page.
            used: base + 0x4ff8 - ring::USED_ELEM_BYTES * u64::from(first),
            base,
            crosses: true,
        },
        2 => Place {
            used: no_memory(asid),
            ..ordinary
        },
        3 => Place {
            avail: NOWHERE,
            ..ordinary
        },
        4 => Place {
            desc: NOWHERE,
            ..ordinary
        },
        5 => Place {
            used: iova(asid, READ_ONLY),
            ..ordinary
        },
        _ => ordinary,
    }
}

/// Address of `used_event` behind an available ring of `size` entries.
#[must_use]
pub fn used_event(avail: u64, size: u16) -> u64 {
    avail + ring::AVAIL_RING + 2 * u64::from(size)
}

/// True when the accesses of `asid` are tagged with PASID `asid`.
fn has_pasid(asid: u32) -> bool {
    matches!(asid % 8, 3 | 5..)
}

/// `flags` of ASID_SET for `asid`.
#[must_use]
pub fn asid_flags(asid: u32) -> u32 {
    let mode = match asid % 4 {
        1 => MODE_SV39,
        2 => MODE_SV48,
        _ => MODE_BARE,
    };
    let tag = if has_pasid(asid) { ASID_PASID_VALID } else { 0 };
    u32::from(mode) | tag
}

/// `root` of ASID_SET for `asid`.
#[must_use]
pub fn asid_root(asid: u32) -> u64 {
    match asid % 4 {
        1 => SV39_ROOT,
        2 => SV48_ROOT,
        _ => 0,
    }
}

/// Writes the page tables and the PASID maps.
///
/// # Errors
/// Never, in memory of `MEM_BYTES`.
pub fn build(env: &mut Env) -> Result<(), MemError> {
    let mem = env.mem().clone();
    let next = |pa: u64| (pa >> 12 << PTE_PPN_LSB) | PTE_V;
    let leaf = |pa: u64, flags: u64| (pa >> 12 << PTE_PPN_LSB) | PTE_V | PTE_A | flags;
    let rw = PTE_R | PTE_W | PTE_D;
    let put = |at: u64, pte: u64| mem.write(at, &pte.to_le_bytes());
    put(SV39_ROOT + 8, next(SV39_ROOT + 0x1000))?;
    put(SV39_ROOT + 16, leaf(0, rw))?; // 1 GiB from 0 at 0x8000_0000
    put(SV39_ROOT + 0x1000, next(SV39_ROOT + 0x2000))?;
    put(SV39_ROOT + 0x1008, leaf(0x20_0000, rw))?; // 2 MiB
    put(SV39_ROOT + 0x1010, leaf(0x20_1000, rw))?; // misaligned 2 MiB
    put(SV39_ROOT + 0x1018, next(0x2000_0000))?; // a table where no memory is
    for page in 0..ARENA_BYTES / PAGE {
        // A few pages are special: read-only, not dirty, not accessed, absent.
        let flags = match page {
            0xf8 => PTE_R,
            0xf9 => PTE_R | PTE_W,
            _ => rw,
        };
        let mut pte = leaf(ARENA + ((page ^ 1) * PAGE), flags);
        if page == 0xfa {
            pte &= !PTE_A;
        }
        if page != 0xfb {
            put(SV39_ROOT + 0x2000 + page * 8, pte)?;
        }
    }
    put(SV48_ROOT, next(SV39_ROOT))?;
    // Buffers differ in every byte's neighbourhood; the first page stays zero: block headers there are valid.
    let pattern: Vec<u8> = (BUFFERS + PAGE..ARENA_BYTES)
        .map(|k| (k.wrapping_mul(167) ^ k >> 8) as u8)
        .collect();
    mem.write(ARENA + BUFFERS + PAGE, &pattern)?;
    for pasid in (0..16).filter(|a| has_pasid(*a)) {
        env.iommu.add_pasid(pasid);
        env.iommu
            .map(pasid, ARENA, ARENA, ARENA_BYTES - 0x1000, true);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_pages_are_exchanged_in_translated_spaces_only() {
        assert_eq!(pa(0, iova(0, 0x1234)), ARENA + 0x1234);
        assert_eq!(pa(1, iova(1, 0x0234)), ARENA + 0x1234);
        assert_eq!(pa(2, iova(2, 0x1234)), ARENA + 0x0234);
        assert_eq!(pa(1, 0x1000), u64::MAX);
    }

    #[test]
    fn a_crossing_place_puts_a_used_element_and_a_descriptor_across_a_page_end() {
        let p = place(1, 1, 0, 1, 5);
        let crosses = |at: u64, bytes: u64| at / PAGE != (at + bytes - 1) / PAGE;
        assert!((0..16).any(|k| crosses(p.used + 4 + 8 * k, 8)));
        assert!((0..4).any(|k| crosses(p.table(0) + 16 * k, 16)));
        assert_eq!(
            (p.desc % 16, p.avail % 2, p.used % 4, p.table(1) % 8),
            (0, 0, 0, 0)
        );
    }
}
