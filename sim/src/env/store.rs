//! Where the bytes of a block device are: sparse memory or a file.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{fallocate, FallocateFlags};
use rustix::io::Errno;

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
    read_only: bool,
}

impl Store {
    /// `len` zero bytes in memory that cost nothing until they are written.
    #[must_use]
    pub fn memory(len: u64) -> Self {
        Self {
            backend: Backend::Memory(HashMap::new()),
            len,
            read_only: false,
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
            read_only: false,
        })
    }

    /// The same, and nothing changes it.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
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

    fn check(&self, offset: u64, len: u64) -> io::Result<()> {
        match offset.checked_add(len) {
            Some(end) if end <= self.len => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// May `len` bytes at `offset` be changed?
    fn check_change(&self, offset: u64, len: u64) -> io::Result<()> {
        if self.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.check(offset, len)
    }

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// Past the end, or what the file says.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.check(offset, buf.len() as u64)?;
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
        self.check_change(offset, bytes.len() as u64)?;
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

    /// Zeroes `len` bytes at `offset`; with `unmap` the place they take is given back, where that can be done.
    ///
    /// # Errors
    /// Past the end, read only, or what the file says.
    pub fn zero(&mut self, offset: u64, len: u64, unmap: bool) -> io::Result<()> {
        self.check_change(offset, len)?;
        if len == 0 {
            return Ok(());
        }
        if let Backend::File(file) = &self.backend {
            let how = if unmap {
                FallocateFlags::PUNCH_HOLE
            } else {
                FallocateFlags::ZERO_RANGE
            };
            return match fallocate(file, how | FallocateFlags::KEEP_SIZE, offset, len) {
                Err(Errno::OPNOTSUPP) => self.write_zeroes(offset, len),
                done => Ok(done?),
            };
        }
        self.write_zeroes(offset, len)
    }

    /// Zeroes bytes one chunk after another; one of memory that is zeroed whole is given back.
    fn write_zeroes(&mut self, mut offset: u64, mut len: u64) -> io::Result<()> {
        while len > 0 {
            let n = len.min(CHUNK - offset % CHUNK);
            match &mut self.backend {
                Backend::Memory(chunks) if n == CHUNK => {
                    chunks.remove(&(offset / CHUNK));
                }
                Backend::Memory(chunks) => {
                    if let Some(bytes) = chunks.get_mut(&(offset / CHUNK)) {
                        bytes[(offset % CHUNK) as usize..][..n as usize].fill(0);
                    }
                }
                Backend::File(file) => {
                    file.write_all_at(&[0; CHUNK as usize][..n as usize], offset)?;
                }
            }
            (offset, len) = (offset + n, len - n);
        }
        Ok(())
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
    fn what_is_zeroed_is_zero_and_its_neighbours_stay() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(8 * CHUNK).unwrap();
        for mut s in [Store::memory(8 * CHUNK), Store::file(file).unwrap()] {
            for unmap in [false, true] {
                for (from, len) in [(CHUNK, CHUNK), (100, 50), (CHUNK - 1, 3 * CHUNK), (9, 0)] {
                    s.write_at(0, &[7; 8 * CHUNK as usize]).unwrap();
                    s.zero(from, len, unmap).unwrap();
                    let mut back = vec![1; 8 * CHUNK as usize];
                    s.read_at(0, &mut back).unwrap();
                    let zero = |at: usize| (from..from + len).contains(&(at as u64));
                    let want = |at| if zero(at) { 0 } else { 7 };
                    assert!(
                        (0..back.len()).all(|at| back[at] == want(at)),
                        "{from} {len}"
                    );
                }
                s.write_zeroes(CHUNK - 3, 10).unwrap();
                let mut back = [1; 12];
                s.read_at(CHUNK - 4, &mut back).unwrap();
                assert_eq!(back[1..11], [0; 10]);
            }
            assert!(s.zero(8 * CHUNK - 1, 2, true).is_err());
            assert!(s.zero(u64::MAX, 2, true).is_err());
            let mut s = s.read_only();
            assert!(s.zero(0, 1, true).is_err() && s.write_at(0, &[1]).is_err());
            assert!(s.read_at(0, &mut [0; 8]).is_ok());
        }
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
