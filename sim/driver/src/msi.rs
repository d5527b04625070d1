//! Interrupt messages: one {address, data} for each virtqueue and each configuration interrupt.
//!
//! Messages are laid out as on a PC: a page of addresses names the target (bits 19:12, the extended destination id of a
//! large machine in bits 8:5), the data its vector (0x30 up, below that stand exceptions and legacy interrupts), so that
//! tests see both halves vary.

use crate::error::Result;
use crate::pool::IdPool;

const BASE: u64 = 0xfee0_0000;
const TARGET_BYTES: u64 = 4096;
const TARGETS: u32 = 256;
const EXTENDED_BYTES: u64 = 32;
/// Enough for three messages of each of 2^17 devices and the management device's own.
const EXTENDED: u32 = 16;
const FIRST_VECTOR: u32 = 0x30;
const VECTORS: u32 = 192;

/// One interrupt message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Msi {
    /// Platform address written, 4-byte aligned.
    pub address: u64,
    /// Data written.
    pub data: u32,
}

/// The messages that a driver may use.
#[derive(Clone, Debug)]
pub struct MsiPool {
    ids: IdPool,
}

impl Default for MsiPool {
    fn default() -> Self {
        Self {
            ids: IdPool::new("interrupt messages", 0, EXTENDED * TARGETS * VECTORS),
        }
    }
}

impl MsiPool {
    /// A message that nobody else has.
    ///
    /// # Errors
    /// `Exhausted`.
    pub fn alloc(&mut self) -> Result<Msi> {
        let id = self.ids.alloc()?;
        let target = id / VECTORS;
        Ok(Msi {
            address: BASE
                + u64::from(target % TARGETS) * TARGET_BYTES
                + u64::from(target / TARGETS) * EXTENDED_BYTES,
            data: FIRST_VECTOR + id % VECTORS,
        })
    }

    /// Gives a message back; one that is not of this pool is ignored.
    pub fn free(&mut self, msi: Msi) {
        let offset = msi.address.wrapping_sub(BASE);
        let (target, extended) = (
            offset / TARGET_BYTES,
            offset % TARGET_BYTES / EXTENDED_BYTES,
        );
        let vector = msi.data.wrapping_sub(FIRST_VECTOR);
        if vector < VECTORS && target < u64::from(TARGETS) && extended < u64::from(EXTENDED) {
            let target = extended as u32 * TARGETS + target as u32;
            self.ids.free(target * VECTORS + vector);
        }
    }

    /// Messages in use.
    #[must_use]
    pub fn in_use(&self) -> u32 {
        self.ids.in_use()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn messages_are_distinct_aligned_and_reusable() {
        let mut pool = MsiPool::default();
        let all: Vec<Msi> = (0..EXTENDED * TARGETS * VECTORS)
            .map(|_| pool.alloc().unwrap())
            .collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(all.iter().all(|m| m.address % 4 == 0 && m.data < 0x100));
        assert!(pool.alloc().is_err());
        pool.free(Msi {
            address: BASE + 1,
            data: 0,
        });
        for n in [777, 200_000] {
            pool.free(all[n]);
            assert_eq!(pool.alloc(), Ok(all[n]));
        }
    }
}
