//! Recording a run's inputs and reading them back: a run is a function of (RTL, profile, seed, recorded inputs).
//!
//! File: magic, format version, a list of name/value strings with its length and CRC-32, then chunks of encoded cycles, each
//! with its length, number of cycles and CRC-32, then an end mark with the number of cycles in all, and nothing behind it.
//! Numbers are little-endian.

mod codec;
mod reader;
mod writer;

pub use reader::Reader;
pub use writer::{Recorder, Recording};

use std::io;

/// First bytes of a record.
const MAGIC: [u8; 8] = *b"SHOALREC";
/// Format of the chunks; a change of `codec` or of the port list counts it up.
const FORMAT: u32 = 2;
/// Stands for the hash of the RTL where there is none.
pub const NO_RTL: &str = "-";
/// Longest header, bytes; a longer one in a file is damage.
const MAX_HEADER: usize = 64 << 10;
/// Longest chunk, bytes; a longer one in a file is damage.
const MAX_CHUNK: usize = 1 << 20;

/// What a record says about its run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Profile name.
    pub profile: String,
    /// ABI version.
    pub abi: String,
    /// Hash of the RTL, or [`NO_RTL`].
    pub rtl: String,
    /// Seed, decimal.
    pub seed: String,
    /// Plusargs of the RTL, separated by blanks.
    pub plusargs: String,
    /// Scenario or whatever else drove the run; for people.
    pub scenario: String,
}

impl Header {
    fn fields(&self) -> [(&'static str, &String); 6] {
        [
            ("profile", &self.profile),
            ("abi", &self.abi),
            ("rtl", &self.rtl),
            ("seed", &self.seed),
            ("plusargs", &self.plusargs),
            ("scenario", &self.scenario),
        ]
    }

    fn set(&mut self, name: &str, value: String) {
        let field = match name {
            "profile" => &mut self.profile,
            "abi" => &mut self.abi,
            "rtl" => &mut self.rtl,
            "seed" => &mut self.seed,
            "plusargs" => &mut self.plusargs,
            "scenario" => &mut self.scenario,
            // A later version may say more.
            _ => return,
        };
        *field = value;
    }
}

/// Why a record cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file's own error.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Not a record.
    #[error("not a record of a run")]
    NotARecord,
    /// Written by another version.
    #[error("record format {found}, this version reads {FORMAT}")]
    Format {
        /// Format found.
        found: u32,
    },
    /// Of a device with another ABI.
    #[error("recorded with ABI version {found}, this version has {expected}")]
    Abi {
        /// ABI version found.
        found: String,
        /// ABI version of this build.
        expected: u32,
    },
    /// Of another RTL: the same inputs would not give the same run.
    #[error("recorded with RTL {found}, this build has {expected}")]
    Rtl {
        /// Hash found.
        found: String,
        /// Hash of this build.
        expected: String,
    },
    /// Of a profile that this build does not have.
    #[error("recorded with profile `{0}`, which this build does not have")]
    Profile(String),
    /// A header value that makes no sense.
    #[error("{name} `{value}` in the record makes no sense")]
    Header {
        /// Name of the value.
        name: &'static str,
        /// The value.
        value: String,
    },
    /// The file ends early.
    #[error("the record is cut off after {cycles} cycles")]
    Truncated {
        /// Whole cycles before the cut.
        cycles: u64,
    },
    /// Bytes changed.
    #[error("the record is damaged after {cycles} cycles: {what}")]
    Damaged {
        /// Whole cycles before the damage.
        cycles: u64,
        /// What does not fit.
        what: &'static str,
    },
}

#[cfg(test)]
mod tests;
