//! AXI4 bursts: which bytes of which beat stand at which address.

use super::super::host_mem::PAGE_BYTES;

/// Burst type INCR (AXI4 §A3.4.1), the only one the device may use.
pub const BURST_INCR: u8 = 1;

/// One address-channel transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Transaction ID.
    pub id: u16,
    /// First byte.
    pub addr: u64,
    /// Beats, 1..=256.
    pub beats: u16,
    /// log2(bytes a beat).
    pub size: u8,
    /// Burst type.
    pub kind: u8,
    /// `aruser` or `awuser`.
    pub user: u32,
}

/// The bytes of one beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// Address of the first byte.
    pub addr: u64,
    /// Byte lane of the first byte.
    pub lane: usize,
    /// Bytes.
    pub len: usize,
}

impl Burst {
    /// True for what AXI4 and the contract allow on a bus of `beat_bytes`: INCR, no wider than the bus, no 4 KiB crossing.
    #[must_use]
    pub fn is_legal(&self, beat_bytes: usize) -> bool {
        self.kind == BURST_INCR
            && 1_usize << self.size <= beat_bytes
            && self.addr % PAGE_BYTES + self.span() as u64 <= PAGE_BYTES
    }

    /// Bytes from the first to the last, an unaligned start taken into account.
    #[must_use]
    pub fn span(&self) -> usize {
        let size = 1_u64 << self.size;
        let whole = u64::from(self.beats) * size - self.addr % size;
        usize::try_from(whole).expect("256 beats of 128 bytes fit")
    }

    /// The bytes of beat `n` on a bus of `beat_bytes` (AXI4 §A3.4.1: the first may be unaligned, the others are aligned).
    #[must_use]
    pub fn lanes(&self, n: u16, beat_bytes: usize) -> Lanes {
        let size = 1_u64 << self.size;
        let addr = match n {
            0 => self.addr,
            n => (self.addr - self.addr % size).wrapping_add(u64::from(n) * size),
        };
        Lanes {
            addr,
            lane: (addr % beat_bytes as u64) as usize,
            len: (size - addr % size) as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burst(addr: u64, beats: u16, size: u8) -> Burst {
        Burst {
            id: 0,
            addr,
            beats,
            size,
            kind: BURST_INCR,
            user: 0,
        }
    }

    #[test]
    fn an_unaligned_start_shortens_the_first_beat_only() {
        let b = burst(0x1005, 3, 3);
        assert_eq!(
            b.lanes(0, 8),
            Lanes {
                addr: 0x1005,
                lane: 5,
                len: 3
            }
        );
        assert_eq!(
            b.lanes(1, 8),
            Lanes {
                addr: 0x1008,
                lane: 0,
                len: 8
            }
        );
        assert_eq!(b.span(), 19);
    }

    #[test]
    fn narrow_beats_walk_through_the_lanes() {
        let b = burst(0x100c, 4, 2);
        let lanes: Vec<_> = (0..4).map(|n| b.lanes(n, 16).lane).collect();
        assert_eq!(lanes, [12, 0, 4, 8]);
    }

    #[test]
    fn a_burst_over_a_page_end_is_illegal() {
        assert!(burst(0x1ff8, 1, 3).is_legal(8));
        assert!(!burst(0x1ff8, 2, 3).is_legal(8));
        assert!(!burst(0x1000, 1, 4).is_legal(8));
        assert!(!Burst {
            kind: 2,
            ..burst(0x1000, 1, 3)
        }
        .is_legal(8));
    }
}
