//! Interrupt messages: one {address, data} for each virtqueue and each configuration interrupt.
//!
//! Messages are laid out as on a PC: a page of addresses names the target, the data its vector (0x30 up, below that
//! stand exceptions and legacy interrupts), so that tests see both halves vary.

use crate::error::Result;
use crate::pool::IdPool;

const BASE: u64 = 0xfee0_0000;
const TARGET_BYTES: u64 = 4096;
const TARGETS: u32 = 256;
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
            ids: IdPool::new("interrupt messages", 0, TARGETS * VECTORS),
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
        Ok(Msi {
            address: BASE + u64::from(id / VECTORS) * TARGET_BYTES,
            data: FIRST_VECTOR + id % VECTORS,
        })
    }

    /// Gives a message back; one that is not of this pool is ignored.
    pub fn free(&mut self, msi: Msi) {
        let target = msi.address.wrapping_sub(BASE) / TARGET_BYTES;
        let vector = msi.data.wrapping_sub(FIRST_VECTOR);
        if let (true, Ok(target)) = (vector < VECTORS, u32::try_from(target)) {
            if target < TARGETS {
                self.ids.free(target * VECTORS + vector);
            }
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
        let all: Vec<Msi> = (0..TARGETS * VECTORS)
            .map(|_| pool.alloc().unwrap())
            .collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(all.iter().all(|m| m.address % 4 == 0 && m.data < 0x100));
        assert!(pool.alloc().is_err());
        pool.free(Msi {
            address: BASE + 1,
            data: 0,
        });
        pool.free(all[777]);
        assert_eq!(pool.alloc(), Ok(all[777]));
    }
}
