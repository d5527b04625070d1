//! The store that a guest wrote, seen from outside.

use std::fs::File;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Console;

/// Compares the only store in `folder` with what the guest has read of device `blk0`; adds the checks to the console's.
pub(super) fn compare(console: &mut Console, folder: &Path) {
    let Some(theirs) = console.store("blk0", "sha256").map(str::to_owned) else {
        return;
    };
    let what = "the store of blk0 is what the guest read";
    match only_file(folder).and_then(|mut file| sha256(&mut file)) {
        Ok(ours) if ours == theirs => console.check(true, what),
        Ok(ours) => console.check(false, &format!("{what}: expected {ours} got {theirs}")),
        Err(e) => console.check(false, &format!("{what}: expected one store got {e}")),
    }
}

fn only_file(folder: &Path) -> io::Result<File> {
    let mut paths = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<io::Result<Vec<_>>>()?;
    match (paths.len(), paths.pop()) {
        (1, Some(path)) => File::open(path),
        (n, _) => Err(io::Error::other(format!("{n} stores"))),
    }
}

fn sha256(file: &mut File) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(file, &mut hash)?;
    Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(said: &str, files: &[(&str, &str)]) -> Console {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        let mut console = Console::default();
        console.feed(said.as_bytes());
        compare(&mut console, dir.path());
        console
    }

    #[test]
    fn the_store_is_compared_with_what_the_guest_said() {
        // FIPS 180-2, the hash of "abc".
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let said = format!("SHOAL-STORE blk0 sha256 {sum}\n");
        assert_eq!(compared(&said, &[("blk-1.img", "abc")]).ok(), 1);
        let other = compared(&said, &[("blk-1.img", "abd")]);
        assert_eq!(other.not_ok(), 1);
        assert!(other.checks[0].what.contains(sum));
        assert_eq!(compared(&said, &[]).not_ok(), 1);
        assert_eq!(compared(&said, &[("a", "abc"), ("b", "abc")]).not_ok(), 1);
        assert!(compared("", &[("a", "abc")]).checks.is_empty());
    }
}
