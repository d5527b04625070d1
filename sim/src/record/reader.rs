//! Reading a record. Nothing in a file can do more than give an error.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use shoal_abi::ports::Inputs;
use shoal_abi::profile::{by_name, Profile};
use shoal_abi::ABI_VERSION;

use super::codec::Decoder;
use super::{Header, RecordError, FORMAT, MAGIC, MAX_CHUNK, MAX_HEADER, NO_RTL};

/// Gives the cycles of a record, in order.
#[derive(Debug)]
pub struct Reader {
    file: BufReader<File>,
    header: Header,
    profile: &'static Profile,
    seed: u64,
    decoder: Decoder,
    chunk: Vec<u8>,
    /// Bytes of the chunk already decoded.
    at: usize,
    /// Cycles left in the chunk.
    left: u32,
    cycles: u64,
    digest: u64,
    is_ended: bool,
}

impl Reader {
    /// Opens a record and reads what it says about its run.
    ///
    /// # Errors
    /// A file that is no record, or of another version, ABI or profile.
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let mut file = BufReader::new(File::open(path)?);
        let mut magic = [0; 8];
        fill(&mut file, &mut magic, RecordError::NotARecord)?;
        if magic != MAGIC {
            return Err(RecordError::NotARecord);
        }
        let found = number(&mut file, 0)?;
        if found != FORMAT {
            return Err(RecordError::Format { found });
        }
        let header = header(&mut file)?;
        if header.abi != ABI_VERSION.to_string() {
            return Err(RecordError::Abi {
                found: header.abi,
                expected: ABI_VERSION,
            });
        }
        let profile =
            by_name(&header.profile).ok_or_else(|| RecordError::Profile(header.profile.clone()))?;
        let seed = header.seed.parse().map_err(|_| RecordError::Header {
            name: "seed",
            value: header.seed.clone(),
        })?;
        Ok(Self {
            file,
            header,
            profile,
            seed,
            decoder: Decoder::new(profile),
            chunk: Vec::new(),
            at: 0,
            left: 0,
            cycles: 0,
            digest: 0,
            is_ended: false,
        })
    }

    /// What the record says about its run.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Refuses a record of another RTL than that with hash `rtl`. A run of the model alone has no RTL and fits any.
    ///
    /// # Errors
    /// `Rtl`.
    pub fn check_rtl(&self, rtl: &str) -> Result<(), RecordError> {
        let found = &self.header.rtl;
        if found == NO_RTL || found == rtl {
            return Ok(());
        }
        Err(RecordError::Rtl {
            found: found.clone(),
            expected: rtl.to_owned(),
        })
    }

    /// Profile of the run.
    #[must_use]
    pub fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// Seed of the run.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The digest of the recorded run, once its last cycle has been read and if the record holds all of them.
    #[must_use]
    pub fn digest(&self) -> Option<u64> {
        (self.digest != 0).then_some(self.digest)
    }

    /// The inputs of the next cycle; `None` after the last.
    ///
    /// # Errors
    /// A record that is cut off or damaged.
    pub fn next_cycle(&mut self) -> Result<Option<Inputs>, RecordError> {
        let damaged = |cycles, what| RecordError::Damaged { cycles, what };
        if self.left == 0 && (self.is_ended || !self.next_chunk()?) {
            return Ok(None);
        }
        let mut bytes = &self.chunk[self.at..];
        let inputs = self
            .decoder
            .next(&mut bytes)
            .ok_or(damaged(self.cycles, "a cycle makes no sense"))?;
        self.at = self.chunk.len() - bytes.len();
        self.left -= 1;
        self.cycles += 1;
        let is_whole = self.at == self.chunk.len() && self.decoder.is_between();
        if self.left == 0 && !is_whole {
            return Err(damaged(self.cycles, "a chunk has more cycles than it says"));
        }
        Ok(Some(inputs))
    }

    /// Reads the next chunk; false at the end mark.
    fn next_chunk(&mut self) -> Result<bool, RecordError> {
        let cycles = self.cycles;
        let len = number(&mut self.file, cycles)? as usize;
        let count = number(&mut self.file, cycles)?;
        let crc = number(&mut self.file, cycles)?;
        if len == 0 {
            let mut end = [0; 16];
            fill(&mut self.file, &mut end, RecordError::Truncated { cycles })?;
            if count != 0 || crc != crc32fast::hash(&end) {
                return Err(RecordError::Damaged {
                    cycles,
                    what: "the end mark makes no sense",
                });
            }
            let [total, digest] = [0, 8].map(|at| {
                let bytes = end[at..at + 8].try_into().expect("8 bytes");
                u64::from_le_bytes(bytes)
            });
            if total != cycles {
                return Err(RecordError::Damaged {
                    cycles,
                    what: "chunks are missing",
                });
            }
            self.digest = digest;
            if self.file.read(&mut [0])? != 0 {
                return Err(RecordError::Damaged {
                    cycles,
                    what: "bytes follow the end mark",
                });
            }
            self.is_ended = true;
            return Ok(false);
        }
        if len > MAX_CHUNK || count == 0 {
            return Err(RecordError::Damaged {
                cycles,
                what: "a chunk's length makes no sense",
            });
        }
        self.chunk.resize(len, 0);
        fill(
            &mut self.file,
            &mut self.chunk,
            RecordError::Truncated { cycles },
        )?;
        if crc32fast::hash(&self.chunk) != crc {
            return Err(RecordError::Damaged {
                cycles,
                what: "a chunk's checksum is wrong",
            });
        }
        self.at = 0;
        self.left = count;
        Ok(true)
    }
}

/// Fills `buf`; a file that ends first is the error `cut`.
fn fill(file: &mut impl Read, buf: &mut [u8], cut: RecordError) -> Result<(), RecordError> {
    file.read_exact(buf).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => cut,
        _ => RecordError::Io(e),
    })
}

fn number(file: &mut impl Read, cycles: u64) -> Result<u32, RecordError> {
    let mut bytes = [0; 4];
    fill(file, &mut bytes, RecordError::Truncated { cycles })?;
    Ok(u32::from_le_bytes(bytes))
}

fn header(file: &mut impl Read) -> Result<Header, RecordError> {
    const DAMAGED: RecordError = RecordError::Damaged {
        cycles: 0,
        what: "the header makes no sense",
    };
    let len = number(file, 0)? as usize;
    let crc = number(file, 0)?;
    if len > MAX_HEADER {
        return Err(DAMAGED);
    }
    let mut bytes = vec![0; len];
    fill(file, &mut bytes, RecordError::Truncated { cycles: 0 })?;
    if crc32fast::hash(&bytes) != crc {
        return Err(DAMAGED);
    }
    let mut header = Header::default();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let name = text(&mut rest).ok_or(DAMAGED)?;
        let value = text(&mut rest).ok_or(DAMAGED)?;
        header.set(&name, value);
    }
    Ok(header)
}

/// The text at the front of `bytes`, which are cut there.
fn text(bytes: &mut &[u8]) -> Option<String> {
    let len = u32::from_le_bytes(bytes.split_off(..4)?.try_into().ok()?);
    let text = bytes.split_off(..usize::try_from(len).ok()?)?;
    Some(String::from_utf8_lossy(text).into_owned())
}
