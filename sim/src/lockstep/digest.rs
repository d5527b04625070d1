//! The digest of a run: one number for every output in every cycle.

use std::hash::{Hash, Hasher};

use shoal_abi::ports::Outputs;
use xxhash_rust::xxh3::Xxh3Default;

/// Bytes that are hashed at once.
const CHUNK: usize = 16 << 10;
/// Room for a cycle: each port, the number of words of a wide one, and the number of the cycle.
const CYCLE: usize = size_of::<Outputs>() + 256;

/// Takes the outputs of a run.
pub(super) struct Digest {
    hash: Xxh3Default,
    bytes: Bytes,
    /// Outputs last taken.
    last: Outputs,
}

impl Digest {
    /// Of no cycle.
    pub(super) fn new() -> Self {
        Self {
            hash: Xxh3Default::new(),
            bytes: Bytes(Vec::with_capacity(CHUNK + CYCLE)),
            last: Outputs::default(),
        }
    }

    /// Takes a cycle. Outputs that stand add nothing.
    pub(super) fn observe(&mut self, cycle: u64, o: &Outputs) {
        if *o == self.last {
            return;
        }
        self.last = *o;
        (cycle, o).hash(&mut self.bytes);
        if self.bytes.0.len() >= CHUNK {
            self.hash.update(&self.bytes.0);
            self.bytes.0.clear();
        }
    }

    /// The digest of all that was taken.
    pub(super) fn value(mut self) -> u64 {
        self.hash.update(&self.bytes.0);
        self.hash.digest()
    }
}

/// Collects what is to be hashed: a hash of a few bytes at a time costs more than the bytes.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digest of so many cycles in which one output counts, changed by `change`.
    fn digest(cycles: u64, change: impl Fn(u64, &mut Outputs)) -> u64 {
        let mut d = Digest::new();
        for cycle in 0..cycles {
            let mut o = Outputs {
                m_axi_araddr: cycle / 3,
                ..Outputs::default()
            };
            change(cycle, &mut o);
            d.observe(cycle, &o);
        }
        d.value()
    }

    #[test]
    fn equal_runs_have_the_same_digest_and_one_bit_in_one_cycle_another() {
        let same = digest(5000, |_, _| ());
        assert_eq!(digest(5000, |_, _| ()), same);
        let wide = |_, o: &mut Outputs| o.m_axi_wdata[7] = 0;
        assert_eq!(digest(5000, wide), same);
        for at in [1, 2, 2500, 4999] {
            let bit = move |cycle, o: &mut Outputs| o.m_axi_arvalid = cycle == at;
            assert_ne!(digest(5000, bit), same, "{at}");
            let bit = move |cycle, o: &mut Outputs| {
                o.m_axi_wdata[7] = u64::from(cycle == at) << 63;
            };
            assert_ne!(digest(5000, bit), same, "{at}");
        }
        // The same outputs a cycle later are another run.
        let later = |cycle: u64, o: &mut Outputs| o.m_axi_araddr = cycle.saturating_sub(1) / 3;
        assert_ne!(digest(5000, later), same);
    }

    #[test]
    fn a_cycle_has_room() {
        let mut bytes = Bytes(Vec::new());
        (0_u64, &Outputs::default()).hash(&mut bytes);
        assert!(bytes.0.len() <= CYCLE, "{}", bytes.0.len());
    }
}
