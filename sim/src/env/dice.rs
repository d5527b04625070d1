//! Seeded random choices. Each part of the environment has its own stream, so that a change in one part leaves the others alone.

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One stream of random choices.
#[derive(Clone, Debug)]
pub struct Dice {
    rng: ChaCha8Rng,
}

impl Dice {
    /// Stream `stream` of the run's `seed`.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self { rng }
    }

    /// True in `percent` of 100 calls; 0 never, 100 and above always, and neither draws a number.
    pub fn percent(&mut self, percent: u8) -> bool {
        match percent {
            0 => false,
            100.. => true,
            p => self.rng.random_range(0..100) < p,
        }
    }

    /// A number in `0..=most`.
    pub fn up_to(&mut self, most: u32) -> u32 {
        if most == 0 {
            0
        } else {
            self.rng.random_range(0..=most)
        }
    }

    /// An index in `0..len`; 0 when `len` is 0.
    pub fn index(&mut self, len: usize) -> usize {
        if len < 2 {
            0
        } else {
            self.rng.random_range(0..len)
        }
    }

    /// 64 random bits.
    pub fn word(&mut self) -> u64 {
        self.rng.next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_streams_of_a_seed_differ_and_each_repeats() {
        let words = |stream| {
            let mut d = Dice::new(7, stream);
            [d.word(), d.word()]
        };
        assert_eq!(words(1), words(1));
        assert_ne!(words(1), words(2));
    }

    #[test]
    fn percent_meets_its_ends_and_its_middle() {
        let mut d = Dice::new(1, 1);
        assert!((0..1000).all(|_| !d.percent(0)));
        assert!((0..1000).all(|_| d.percent(100)));
        let hits = (0..10_000).filter(|_| d.percent(25)).count();
        assert!((2200..2800).contains(&hits), "{hits}");
    }
}
