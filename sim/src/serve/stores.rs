//! The block stores of a served device: a file a member in a folder, or memory.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use tracing::warn;

use crate::env::{Source, Store};

/// Stores of `bytes` bytes, made when they are first asked for: `blk-MEMBER.img` in the folder `path`, which keep what is there;
/// the file `path` if it is no folder; or memory. Read only ones must be there.
#[must_use]
pub fn source(path: Option<&Path>, bytes: u64, read_only: bool) -> Source {
    let path = path.map(Path::to_owned);
    Box::new(move |member| {
        let Some(path) = &path else {
            let store = Store::memory(bytes);
            return Some(if read_only { store.read_only() } else { store });
        };
        let path = if path.is_dir() {
            path.join(format!("blk-{member}.img"))
        } else {
            path.clone()
        };
        // The member's requests are answered with IOERR.
        let open = if read_only { open_read_only } else { open };
        open(&path, bytes)
            .inspect_err(|e| warn!("block store {}: {e}", path.display()))
            .ok()
    })
}

/// The file at `path`, which keeps what is there and has `bytes` bytes at least.
fn open(path: &Path, bytes: u64) -> io::Result<Store> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    if file.metadata()?.len() < bytes {
        file.set_len(bytes)?;
    }
    Store::file(file)
}

/// The file at `path`, not to be written, which has `bytes` bytes at least.
///
/// # Errors
/// What the file system says, or that the file is too short.
pub fn open_read_only(path: &Path, bytes: u64) -> io::Result<Store> {
    let store = Store::file(OpenOptions::new().read(true).open(path)?)?;
    if store.len() < bytes {
        let short = format!("{} bytes, {bytes} are needed", store.len());
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, short));
    }
    Ok(store.read_only())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_made_once_and_keeps_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let mut stores = source(Some(dir.path()), 4096, false);
        stores(3).unwrap().write_at(100, b"kept").unwrap();
        let mut back = [0; 4];
        stores(3).unwrap().read_at(100, &mut back).unwrap();
        assert_eq!(&back, b"kept");
        assert!(dir.path().join("blk-3.img").exists());
        assert!(source(Some(&dir.path().join("no/no")), 4096, false)(1).is_none());
        assert_eq!(source(None, 8192, false)(1).unwrap().len(), 8192);
        // Read only: what is there, unchanged, and nothing is made.
        let mut stores = source(Some(dir.path()), 4096, true);
        let mut store = stores(3).unwrap();
        assert!(store.write_at(100, b"lost").is_err());
        store.read_at(100, &mut back).unwrap();
        assert_eq!(&back, b"kept");
        assert!(stores(4).is_none() && !dir.path().join("blk-4.img").exists());
        assert!(source(Some(dir.path()), 8192, true)(3).is_none());
        let mut memory = source(None, 4096, true)(1).unwrap();
        assert!(memory.write_at(0, b"lost").is_err());
    }
}
