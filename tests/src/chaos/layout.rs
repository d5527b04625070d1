//! Where a chaos session keeps things in host memory, and the address spaces it has.
//!
//! ASID a is bare if a mod 4 = 0, Sv39 if 1, Sv48 if 2, bare with PASID a if 3. The translated ones see the arena at
//! `ARENA_IOVA`; in the others IOVA = address.

use shoal::env::{Env, MemError};
use shoal_abi::mmu::{PTE_A, PTE_D, PTE_PPN_LSB, PTE_R, PTE_V, PTE_W};

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
/// Fault queue.
pub const FAULTS: u64 = 0x1_0000;
/// Rings and buffers of the devices.
pub const ARENA: u64 = 0x10_0000;
/// Bytes of the arena that the page tables map with 4 KiB leaves.
pub const ARENA_BYTES: u64 = 0x10_0000;
/// The arena in translated address spaces.
pub const ARENA_IOVA: u64 = 0x4000_0000;
/// Bytes for the rings of one queue.
pub const RING_BYTES: u64 = 0x2000;
/// Offset of the available ring in them.
pub const AVAIL_OFF: u64 = 0x400;
/// Offset of the used ring in them. On purpose not a multiple of 8: elements then stand 8-byte aligned.
pub const USED_OFF: u64 = 0x804;
/// Indirect tables of a queue.
pub const INDIRECT_OFF: u64 = 0x1000;
/// Data buffers, from here to the end of the arena.
pub const BUFFERS: u64 = ARENA + 0x6_0000;
/// Page tables: Sv39 root; the level below, and the lowest.
pub const SV39_ROOT: u64 = 0x30_0000;
/// Sv48 root.
pub const SV48_ROOT: u64 = 0x30_3000;
/// Where messages go.
pub const MSI_BASE: u64 = 0xfee0_0000;

/// Ring memory of queue `q` of member `m`.
#[must_use]
pub fn rings(member: u32, q: u16) -> u64 {
    ARENA + (u64::from(member) * 3 + u64::from(q % 3)) * RING_BYTES
}

/// The IOVA of arena address `pa` in `asid`.
#[must_use]
pub fn iova(asid: u32, pa: u64) -> u64 {
    match asid % 4 {
        1 | 2 => pa - ARENA + ARENA_IOVA,
        _ => pa,
    }
}

/// `flags` of ASID_SET for `asid`.
#[must_use]
pub fn asid_flags(asid: u32) -> u32 {
    match asid % 4 {
        1 => 2,
        2 => 3,
        3 => 1 | shoal_abi::cmd::ASID_PASID_VALID,
        _ => 1,
    }
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
    for page in 0..ARENA_BYTES >> 12 {
        // A few pages are special: read-only, not accessed, not dirty, absent.
        let flags = match page {
            0xf8 => PTE_R,
            0xf9 => PTE_R | PTE_W,
            _ => rw,
        };
        let mut pte = leaf(ARENA + (page << 12), flags);
        if page == 0xfa {
            pte &= !PTE_A;
        }
        if page != 0xfb {
            put(SV39_ROOT + 0x2000 + page * 8, pte)?;
        }
    }
    put(SV48_ROOT, next(SV39_ROOT))?;
    for pasid in (3..16).step_by(4) {
        env.iommu.add_pasid(pasid);
        env.iommu
            .map(pasid, ARENA, ARENA, ARENA_BYTES - 0x1000, true);
    }
    Ok(())
}
