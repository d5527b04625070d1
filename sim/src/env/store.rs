//! Where the bytes of a block device are: sparse memory or a file.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of a chunk of a memory store.
const CHUNK: u64 = 4096;

#[derive(Debug)]
enum Backend {
    Memory(HashMap<u64, Box<[u8; CHUNK as usize]>>),
    File(File),
}

/// The bytes of one block device.
#[derive(Debug)]
pub struct Store {
    backend: Backend,
    len: u64,
}

impl Store {
    /// `len` zero bytes in memory that cost nothing until they are written.
    #[must_use]
    pub fn memory(len: u64) -> Self {
        Self {
            backend: Backend::Memory(HashMap::new()),
            len,
        }
    }

    /// The bytes of `file`, at the length it has now.
    ///
    /// # Errors
    /// When the length cannot be read.
    pub fn file(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self {
            backend: Backend::File(file),
            len,
        })
    }

    /// Bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True for a store without bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn check(&self, offset: u64, len: usize) -> io::Result<()> {
        match offset.checked_add(len as u64) {
            Some(end) if end <= self.len => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// Past the end, or what the file says.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.check(offset, buf.len())?;
        match &self.backend {
            Backend::File(file) => file.read_exact_at(buf, offset),
            Backend::Memory(chunks) => {
                each_chunk(offset, buf.len(), |chunk, from, at, n| {
                    match chunks.get(&chunk) {
                        Some(bytes) => buf[at..at + n].copy_from_slice(&bytes[from..from + n]),
                        None => buf[at..at + n].fill(0),
                    }
                });
                Ok(())
            }
        }
    }

    /// Stores `bytes` at `offset`.
    ///
    /// # Errors
    /// Past the end, or what the file says.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.check(offset, bytes.len())?;
        match &mut self.backend {
            Backend::File(file) => file.write_all_at(bytes, offset),
            Backend::Memory(chunks) => {
                each_chunk(offset, bytes.len(), |chunk, from, at, n| {
                    let to = chunks
                        .entry(chunk)
                        .or_insert_with(|| Box::new([0; CHUNK as usize]));
                    to[from..from + n].copy_from_slice(&bytes[at..at + n]);
                });
                Ok(())
            }
        }
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// What the file says.
    pub fn flush(&mut self) -> io::Result<()> {
        match &self.backend {
            Backend::File(file) => file.sync_data(),
            Backend::Memory(_) => Ok(()),
        }
    }
}

/// Calls `f` with chunk, offset in the chunk, offset in the buffer and length of every piece of a range.
fn each_chunk(offset: u64, len: usize, mut f: impl FnMut(u64, usize, usize, usize)) {
    let mut at = 0;
    while at < len {
        let pos = offset + at as u64;
        let from = (pos % CHUNK) as usize;
        let n = (CHUNK as usize - from).min(len - at);
        f(pos / CHUNK, from, at, n);
        at += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_store_keeps_bytes_across_chunks_and_refuses_its_end() {
        let mut s = Store::memory(3 * CHUNK);
        let bytes: Vec<u8> = (0..CHUNK as usize + 20).map(|n| n as u8).collect();
        s.write_at(CHUNK - 10, &bytes).unwrap();
        let mut back = vec![9; bytes.len() + 2];
        s.read_at(CHUNK - 11, &mut back).unwrap();
        assert_eq!(
            (back[0], &back[1..=bytes.len()], back[bytes.len() + 1]),
            (0, &bytes[..], 0)
        );
        assert!(s.write_at(3 * CHUNK - 1, &[0; 2]).is_err());
        assert!(s.read_at(u64::MAX, &mut [0; 2]).is_err());
    }

    #[test]
    fn a_read_only_file_reports_its_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(512).unwrap();
        let mut s = Store::file(File::open(file.path()).unwrap()).unwrap();
        assert!(s.write_at(0, &[1]).is_err());
        assert!(s.read_at(0, &mut [0; 512]).is_ok());
    }
}
