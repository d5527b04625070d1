//! The block stores of a served device: a file a member in a folder, or memory.

use std::fs::OpenOptions;
use std::path::PathBuf;

use tracing::warn;

use crate::env::{Source, Store};

/// Stores of `bytes` bytes, made when they are first asked for: `blk-MEMBER.img` in `folder`, which keep what is there, or memory.
#[must_use]
pub fn source(folder: Option<PathBuf>, bytes: u64) -> Source {
    Box::new(move |member| {
        let Some(folder) = &folder else {
            return Some(Store::memory(bytes));
        };
        let path = folder.join(format!("blk-{member}.img"));
        let store = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .and_then(|file| {
                if file.metadata()?.len() < bytes {
                    file.set_len(bytes)?;
                }
                Store::file(file)
            });
        // The member's requests are answered with IOERR.
        store
            .inspect_err(|e| warn!("block store {}: {e}", path.display()))
            .ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_made_once_and_keeps_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let mut stores = source(Some(dir.path().to_owned()), 4096);
        stores(3).unwrap().write_at(100, b"kept").unwrap();
        let mut back = [0; 4];
        stores(3).unwrap().read_at(100, &mut back).unwrap();
        assert_eq!(&back, b"kept");
        assert!(dir.path().join("blk-3.img").exists());
        assert!(source(Some(dir.path().join("no")), 4096)(1).is_none());
        assert_eq!(source(None, 8192)(1).unwrap().len(), 8192);
    }
}
