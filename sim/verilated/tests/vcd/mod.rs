//! Reads enough of a VCD file to look up a port of the top at a time.

use shoal_abi::ports::Data;
use std::collections::BTreeMap;
use std::path::Path;

/// A signal's changes: time, ns, to value, low word first.
type Changes = BTreeMap<u64, Data>;

/// A waveform in memory.
pub struct Vcd {
    /// Name to short code; the first declaration, the outermost scope, counts.
    codes: BTreeMap<String, String>,
    changes: BTreeMap<String, Changes>,
    first_time: u64,
}

impl Vcd {
    /// Reads `path`.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("vcd is text");
        let mut vcd = Self {
            codes: BTreeMap::new(),
            changes: BTreeMap::new(),
            first_time: u64::MAX,
        };
        let mut time = 0;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["$var", _, _, code, name, ..] => {
                    vcd.codes
                        .entry(name.to_owned())
                        .or_insert_with(|| code.to_owned());
                }
                [first, code] if first.starts_with('b') => vcd.change(time, code, &first[1..]),
                [only] if only.starts_with('#') => {
                    time = only[1..].parse().expect("a time");
                    vcd.first_time = vcd.first_time.min(time);
                }
                [only] if only.starts_with(['0', '1']) => {
                    vcd.change(time, &only[1..], &only[..1]);
                }
                _ => {}
            }
        }
        vcd
    }

    fn change(&mut self, time: u64, code: &str, bits: &str) {
        // Of a signal inside that is wider than any port, and which nobody asks for, the low bits do.
        let mut words = Data::default();
        for (word, bits) in words.iter_mut().zip(bits.as_bytes().rchunks(64)) {
            let text = std::str::from_utf8(bits).expect("ASCII");
            *word = u64::from_str_radix(text, 2).expect("two-valued bits");
        }
        self.changes
            .entry(code.to_owned())
            .or_default()
            .insert(time, words);
    }

    /// The value of `name` once all changes at `time`, ns, have happened.
    pub fn at(&self, name: &str, time: u64) -> Data {
        let code = self
            .codes
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in the waveform"));
        let changes = &self.changes[code];
        *changes
            .range(..=time)
            .next_back()
            .unwrap_or_else(|| panic!("{name}: no value"))
            .1
    }

    /// The first time in the file, ns.
    pub fn first_time(&self) -> u64 {
        self.first_time
    }
}
