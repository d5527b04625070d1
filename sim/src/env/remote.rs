//! Memory that answers in its own time: that of a client which is reached by messages.

use std::fmt::Debug;

/// Names a transfer under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transfer(pub u64);

/// The client refused the transfer, or is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// Memory behind the bus that is not in this process. The bus waits for it for as long as it takes; the clock goes on meanwhile.
pub trait Remote: Debug {
    /// True when all of `addr..addr+len` is such memory, and may be written if `write`.
    fn covers(&self, addr: u64, len: usize, write: bool) -> bool;

    /// Starts to read `len` bytes.
    fn read(&mut self, addr: u64, len: usize) -> Transfer;

    /// Starts to write `bytes`.
    fn write(&mut self, addr: u64, bytes: &[u8]) -> Transfer;

    /// What became of a transfer, once: the bytes read, none for a write.
    fn take(&mut self, transfer: Transfer) -> Option<Result<Vec<u8>, Refused>>;
}
