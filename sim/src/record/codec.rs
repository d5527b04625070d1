//! The encoding of cycles: what changed since the cycle before, byte by byte; equal cycles are counted.
//!
//! Ports of up to 8 bits are packed into control words, other ports have words of their own. A cycle is a varint with one
//! bit a changed word, then for each of these one byte with a bit a changed byte, then these bytes. A varint 0 is followed
//! by the number of cycles that equal the one before.

use shoal_abi::ports::{Data, Inputs, INPUTS};
use shoal_abi::profile::{Profile, DATA_WORDS};

/// Widest port that is packed with others.
const SMALL_BITS: usize = 8;

/// Ports of the data width.
const WIDE: usize = {
    let (mut n, mut wide) = (0, 0);
    while n < INPUTS.len() {
        wide += (INPUTS[n].bytes > 8) as usize;
        n += 1;
    }
    wide
};

/// Where a port is in the words.
#[derive(Clone, Copy, Debug)]
struct Place {
    word: usize,
    /// Lowest bit; ports with words of their own have 0.
    lsb: usize,
    /// Words; 0 for a packed port.
    words: usize,
    bits: usize,
}

/// The words of one cycle's inputs in a profile.
#[derive(Clone, Debug)]
struct Layout {
    places: Vec<Place>,
    words: usize,
}

impl Layout {
    fn new(profile: &Profile) -> Self {
        let bits: Vec<usize> = INPUTS.iter().map(|p| p.bits(profile)).collect();
        let (mut word, mut lsb) = (0, 0);
        let mut places = Vec::with_capacity(bits.len());
        for &bits in &bits {
            if bits > SMALL_BITS {
                // Its place is chosen when the control words are known.
                places.push(Place {
                    word: 0,
                    lsb: 0,
                    words: bits.div_ceil(64),
                    bits,
                });
                continue;
            }
            if lsb + bits > 64 {
                (word, lsb) = (word + 1, 0);
            }
            places.push(Place {
                word,
                lsb,
                words: 0,
                bits,
            });
            lsb += bits;
        }
        let mut words = word + 1;
        for place in places.iter_mut().filter(|p| p.words > 0) {
            place.word = words;
            words += place.words;
        }
        assert!(words <= 64, "one bit of the change mask a word");
        Self { places, words }
    }

    fn pack(&self, inputs: &Inputs, words: &mut [u64]) {
        // First only values, by a closure small enough to be inlined at each port: this runs in every cycle.
        let mut low = [0; INPUTS.len()];
        let mut wide = [[0; DATA_WORDS]; WIDE];
        let (mut n, mut w) = (0, 0);
        inputs.each(|port, value| {
            low[n] = value[0];
            n += 1;
            if port.bytes > 8 {
                wide[w] = value;
                w += 1;
            }
        });
        words.fill(0);
        let mut wide = wide.iter();
        for ((p, low), port) in self.places.iter().zip(low).zip(INPUTS) {
            if port.bytes > 8 {
                let value = wide.next().into_iter().flatten();
                let to = words[p.word..].iter_mut().take(p.words);
                to.zip(value).for_each(|(to, from)| *to = *from);
            } else if p.words == 0 {
                words[p.word] |= (low & mask(p.bits)) << p.lsb;
            } else {
                words[p.word] = low;
            }
        }
    }

    fn unpack(&self, words: &[u64]) -> Inputs {
        let mut places = self.places.iter();
        Inputs::from_fn(|_| {
            let mut value: Data = [0; DATA_WORDS];
            if let Some(p) = places.next() {
                if p.words == 0 {
                    value[0] = words[p.word] >> p.lsb & mask(p.bits);
                } else {
                    value[..p.words].copy_from_slice(&words[p.word..p.word + p.words]);
                }
            }
            value
        })
    }
}

fn mask(bits: usize) -> u64 {
    u64::MAX >> (64 - bits)
}

/// Turns cycles into bytes.
#[derive(Debug)]
pub(super) struct Encoder {
    layout: Layout,
    last: Vec<u64>,
    now: Vec<u64>,
    repeats: u64,
}

impl Encoder {
    pub(super) fn new(profile: &Profile) -> Self {
        let layout = Layout::new(profile);
        let words = layout.words;
        Self {
            layout,
            last: vec![0; words],
            now: vec![0; words],
            repeats: 0,
        }
    }

    /// Appends a cycle to `to`; equal cycles are held back until [`Encoder::flush`].
    pub(super) fn push(&mut self, inputs: &Inputs, to: &mut Vec<u8>) {
        self.layout.pack(inputs, &mut self.now);
        if self.now == self.last {
            self.repeats += 1;
            return;
        }
        self.flush(to);
        let mut changed = 0;
        for (n, (a, b)) in self.now.iter().zip(&self.last).enumerate() {
            changed |= u64::from(a != b) << n;
        }
        put_varint(changed, to);
        for (a, b) in self.now.iter().zip(&self.last) {
            let diff = a ^ b;
            if diff != 0 {
                put_bytes(diff, to);
            }
        }
        std::mem::swap(&mut self.now, &mut self.last);
    }

    /// Appends what was held back.
    pub(super) fn flush(&mut self, to: &mut Vec<u8>) {
        if self.repeats > 0 {
            put_varint(0, to);
            put_varint(self.repeats, to);
            self.repeats = 0;
        }
    }
}

/// Turns bytes into cycles.
#[derive(Debug)]
pub(super) struct Decoder {
    layout: Layout,
    last: Vec<u64>,
    inputs: Inputs,
    repeats: u64,
}

impl Decoder {
    pub(super) fn new(profile: &Profile) -> Self {
        let layout = Layout::new(profile);
        let last = vec![0; layout.words];
        let inputs = layout.unpack(&last);
        Self {
            layout,
            last,
            inputs,
            repeats: 0,
        }
    }

    /// The next cycle of `bytes`, which are cut at their front. `None` when they make no sense.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<Inputs> {
        if self.repeats > 0 {
            self.repeats -= 1;
            return Some(self.inputs);
        }
        let changed = get_varint(bytes)?;
        if changed == 0 {
            self.repeats = get_varint(bytes)?.checked_sub(1)?;
            return Some(self.inputs);
        }
        if changed >> (self.last.len() - 1) > 1 {
            return None;
        }
        for (n, word) in self.last.iter_mut().enumerate() {
            if changed >> n & 1 == 1 {
                *word ^= get_bytes(bytes)?;
            }
        }
        self.inputs = self.layout.unpack(&self.last);
        Some(self.inputs)
    }

    /// True when no counted cycle is left over.
    pub(super) fn is_between(&self) -> bool {
        self.repeats == 0
    }
}

fn put_varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn get_varint(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for n in 0..10 {
        let byte = u64::from(*from.split_off_first()?);
        value |= (byte & 0x7f) << (7 * n);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// One byte with a bit a byte of `diff` that is not 0, then these bytes.
fn put_bytes(diff: u64, to: &mut Vec<u8>) {
    let at = to.len();
    to.push(0);
    for (n, byte) in diff.to_le_bytes().into_iter().enumerate() {
        if byte != 0 {
            to[at] |= 1 << n;
            to.push(byte);
        }
    }
}

fn get_bytes(from: &mut &[u8]) -> Option<u64> {
    let present = *from.split_off_first()?;
    let mut bytes = [0; 8];
    for (n, byte) in bytes.iter_mut().enumerate() {
        if present >> n & 1 == 1 {
            *byte = *from.split_off_first()?;
        }
    }
    Some(u64::from_le_bytes(bytes))
}
