//! Writing a record while a run goes on.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use shoal_abi::ports::Inputs;
use shoal_abi::profile::Profile;
use tempfile::{Builder, NamedTempFile, TempPath};

use super::codec::Encoder;
use super::{Header, RecordError, FORMAT, MAGIC};

/// Bytes after which a chunk is written.
const CHUNK: usize = 256 << 10;
/// Cycles after which a chunk is written, so that a crash loses little.
const CHUNK_CYCLES: u32 = 1 << 24;

/// Writes the inputs of a run to a temporary file; a finished record can be kept under a name.
#[derive(Debug)]
pub struct Recorder {
    file: BufWriter<File>,
    path: TempPath,
    encoder: Encoder,
    chunk: Vec<u8>,
    chunk_cycles: u32,
    cycles: u64,
    bytes: u64,
    limit: u64,
    error: Option<std::io::Error>,
}

/// A finished record. Unless it is kept, the file goes when this goes.
#[derive(Debug)]
pub struct Recording {
    path: TempPath,
    /// Cycles in it.
    pub cycles: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// False when the limit was reached: the record ends before the run.
    pub is_complete: bool,
}

impl Recording {
    /// Where the record is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the record its name; a file of that name is replaced.
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep(self, path: &Path) -> Result<PathBuf, RecordError> {
        // A temporary file is private; a result is an ordinary file.
        std::fs::set_permissions(&self.path, std::fs::Permissions::from_mode(0o644))?;
        self.path.persist(path).map_err(|e| e.error)?;
        Ok(path.to_owned())
    }
}

impl Recorder {
    /// Starts a record in folder `dir`. After `limit` bytes it takes no more cycles.
    ///
    /// # Errors
    /// What the file system says.
    pub fn new(
        dir: &Path,
        profile: &Profile,
        header: &Header,
        limit: u64,
    ) -> Result<Self, RecordError> {
        let file = Builder::new()
            .prefix(".run-")
            .suffix(".rec")
            .tempfile_in(dir)?;
        let (file, path) = NamedTempFile::into_parts(file);
        let mut recorder = Self {
            file: BufWriter::new(file),
            path,
            encoder: Encoder::new(profile),
            chunk: Vec::with_capacity(CHUNK + 512),
            chunk_cycles: 0,
            cycles: 0,
            bytes: 0,
            limit,
            error: None,
        };
        let mut texts = Vec::new();
        for (name, value) in header.fields() {
            for text in [name, value.as_str()] {
                texts.extend_from_slice(&(text.len() as u32).to_le_bytes());
                texts.extend_from_slice(text.as_bytes());
            }
        }
        recorder.put(&MAGIC);
        recorder.put(&FORMAT.to_le_bytes());
        recorder.put(&(texts.len() as u32).to_le_bytes());
        recorder.put(&crc32fast::hash(&texts).to_le_bytes());
        recorder.put(&texts);
        match recorder.error.take() {
            Some(e) => Err(e.into()),
            None => Ok(recorder),
        }
    }

    /// Takes a cycle. An error of the file is reported at the end, not here.
    pub fn push(&mut self, inputs: &Inputs) {
        if self.error.is_some() || self.bytes >= self.limit {
            self.limit = 0;
            return;
        }
        self.encoder.push(inputs, &mut self.chunk);
        self.cycles += 1;
        self.chunk_cycles += 1;
        if self.chunk.len() >= CHUNK || self.chunk_cycles == CHUNK_CYCLES {
            self.write_chunk();
        }
    }

    fn write_chunk(&mut self) {
        self.encoder.flush(&mut self.chunk);
        if self.chunk_cycles == 0 {
            return;
        }
        let chunk = std::mem::take(&mut self.chunk);
        self.put(&(chunk.len() as u32).to_le_bytes());
        self.put(&self.chunk_cycles.to_le_bytes());
        self.put(&crc32fast::hash(&chunk).to_le_bytes());
        self.put(&chunk);
        self.chunk = chunk;
        self.chunk.clear();
        self.chunk_cycles = 0;
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if self.error.is_none() {
            self.error = self.file.write_all(bytes).err();
        }
    }

    /// Completes the record of a run with that digest.
    ///
    /// # Errors
    /// The first error of the file.
    pub fn finish(mut self, digest: u64) -> Result<Recording, RecordError> {
        let is_complete = self.limit > 0;
        self.write_chunk();
        // The end mark: a chunk without bytes, then the number of cycles and the digest; 0 is none.
        let digest = if is_complete { digest } else { 0 };
        let end = [self.cycles.to_le_bytes(), digest.to_le_bytes()].concat();
        self.put(&[0; 8]);
        self.put(&crc32fast::hash(&end).to_le_bytes());
        self.put(&end);
        if self.error.is_none() {
            self.error = self.file.flush().err();
        }
        match self.error {
            Some(e) => Err(e.into()),
            None => Ok(Recording {
                path: self.path,
                cycles: self.cycles,
                bytes: self.bytes,
                is_complete,
            }),
        }
    }
}
