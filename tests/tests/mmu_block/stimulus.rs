//! What is done to the MMU: random, in phases that differ in what there is much of.

use crate::memory::{table, INDICES};
use shoal_abi::mmu::*;
use shoal_hdl::block::{Request, Space};

/// Address spaces in use; the first two share a way with partition set.
pub const SPACES: [u32; 5] = [3, 7, 5, 0, 14];

/// A small generator: splitmix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// `n` times in 1000.
    pub fn mille(&mut self, n: u64) -> bool {
        self.below(1000) < n
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// How likely things are in a phase, per mille and cycle.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    pub cycles: u64,
    pub request: u64,
    pub grant: u64,
    pub beat: u64,
    pub bad: u64,
    pub invalidate: u64,
    pub change: u64,
    pub set_asid: u64,
    pub partition: bool,
    /// One translation at a time.
    pub blocking: bool,
    /// Address spaces and entries of a table that requests use.
    spaces: usize,
    indices: usize,
}

impl Phase {
    pub fn new(random: &mut Random) -> Self {
        Self {
            cycles: 60 + random.below(240),
            request: random.pick(&[1000, 1000, 600, 200, 30]),
            grant: random.pick(&[1000, 700, 200]),
            beat: random.pick(&[1000, 500, 150, 40]),
            bad: random.pick(&[0, 20, 150]),
            invalidate: random.pick(&[0, 0, 10, 50, 1000]),
            change: random.pick(&[0, 10, 60]),
            set_asid: random.pick(&[0, 5, 40]),
            partition: random.below(3) == 0,
            blocking: random.below(8) == 0,
            spaces: 1 + random.below(SPACES.len() as u64) as usize,
            indices: 1 + random.below(INDICES.len() as u64) as usize,
        }
    }

    /// Nothing new: what is under way comes to its end.
    pub fn drain() -> Self {
        Self {
            cycles: 0,
            request: 0,
            grant: 1000,
            beat: 1000,
            bad: 0,
            invalidate: 0,
            change: 0,
            set_asid: 0,
            partition: false,
            blocking: false,
            spaces: 1,
            indices: 1,
        }
    }

    pub fn space(&self, random: &mut Random) -> u32 {
        random.pick(&SPACES[..self.spaces])
    }

    /// What an invalidation names: often the same one, so that its generation wraps.
    pub fn invalidated(&self, random: &mut Random) -> u32 {
        if random.below(2) == 0 {
            SPACES[0]
        } else {
            self.space(random)
        }
    }

    /// A request with `tag`.
    pub fn request(&self, random: &mut Random, tag: u16) -> Request {
        let mut va = random.below(4096);
        for level in 0..4 {
            // The last entry leads out of what Sv39 sees as positive: seldom at the top.
            let among = if level < 2 || random.below(8) == 0 {
                self.indices
            } else {
                self.indices.min(2)
            };
            va |= random.pick(&INDICES[..among]) << (12 + 9 * level);
        }
        va = match random.below(16) {
            0 => va | random.below(1 << 16) << 48,
            // As Sv48 wants it.
            1..=5 => ((va << 16) as i64 >> 16) as u64,
            // As Sv39 does.
            _ => ((va << 25) as i64 >> 25) as u64,
        };
        Request {
            asid: self.space(random),
            va,
            write: random.below(3) == 0,
            tag,
        }
    }
}

/// An entry of the ASID table.
pub fn entry(random: &mut Random) -> Space {
    let mode = random.pick(&[
        MODE_OFF, MODE_BARE, MODE_SV39, MODE_SV39, MODE_SV39, MODE_SV48, MODE_SV48, MODE_SV48,
    ]);
    Space {
        mode,
        pasid_valid: random.below(3) != 0,
        pasid: random.below(1 << 20) as u32,
        root: table(if mode == MODE_SV48 { 3 } else { 2 }, random.below(2)),
    }
}
