//! The accesses that an op of the control unit comes apart into: one or two *parts*, of a pair one translation, and
//! perhaps a read beside writes, which is part 1 of its own.
//!
//! Timing: TIMING.md §4.

use super::op::{CtlOp, Kind};
use crate::axi_wr::SMALL;
use shoal_abi::profile::Profile;

const PAGE: u64 = 4096;

/// Smallest size of a read, log2 of bytes.
const WORD: u32 = 3;

impl CtlOp {
    /// Accesses a and b of a read lie in one beat and are one access.
    pub(super) fn is_merged(&self, p: &Profile) -> bool {
        let beat = p.beat_bytes().trailing_zeros();
        self.kind == Kind::Read && self.b.is_some_and(|b| self.a.va >> beat == b.va >> beat)
    }

    /// Access a of a write goes over the end of a page.
    fn is_split(&self) -> bool {
        let len = u64::from(self.a.len);
        let writes = matches!(self.kind, Kind::Write | Kind::Tell);
        writes && self.b.is_none() && self.a.va % PAGE + len > PAGE
    }

    /// How many accesses a and b are, 1 or 2.
    fn parts(&self, p: &Profile) -> u8 {
        let two = match self.kind {
            Kind::Read => self.b.is_some() && !self.is_merged(p),
            Kind::Write | Kind::Tell => self.b.is_some() || self.is_split(),
            Kind::Translate { .. } => false,
        };
        1 + u8::from(two)
    }

    /// Accesses a and b share a page: one translation is for both.
    pub(super) fn is_pair(&self, p: &Profile) -> bool {
        self.b.is_some_and(|b| self.a.va / PAGE == b.va / PAGE) && self.parts(p) == 2
    }

    /// How many accesses there are, 1 to 3.
    pub(super) fn accesses(&self, p: &Profile) -> u8 {
        self.parts(p) + u8::from(self.c.is_some())
    }

    /// How many translations there are, 1 or 2.
    pub(super) fn requests(&self, p: &Profile) -> u8 {
        let of_pair = u8::from(self.is_pair(p));
        self.accesses(p) - of_pair
    }

    /// The request of a part is for access c: where there is one, that of b is part 0's.
    pub(super) fn asks_c(&self, part: u8) -> Option<u64> {
        self.c.filter(|_| part == 1)
    }

    /// Address of a part, of which `address` answers the request: that of part 0 of a pair.
    pub(super) fn address(&self, p: &Profile, part: u8, address: u64) -> u64 {
        if part == 1 && self.is_pair(p) {
            let va = match self.kind {
                Kind::Read => self.first(part) & !7,
                _ => self.first(part),
            };
            (address & !(PAGE - 1)) | (va % PAGE)
        } else {
            address
        }
    }

    /// Address that a part of a read goes to; that of access c is answered by a request of its own.
    pub(super) fn read_address(&self, p: &Profile, part: u8, address: u64) -> u64 {
        if self.asks_c(part).is_some() {
            address
        } else {
            self.address(p, part, address)
        }
    }

    /// What the request of a part is answered with is two accesses.
    pub(super) fn goes_in_two(&self, p: &Profile, part: u8) -> bool {
        self.is_pair(p) && self.asks_c(part).is_none()
    }

    /// IOVA of the first byte of a part, or of the word that is asked for.
    fn first(&self, part: u8) -> u64 {
        match self.b {
            Some(b) if part == 1 => b.va,
            None if part == 1 => (self.a.va & !(PAGE - 1)).wrapping_add(PAGE),
            _ => self.a.va,
        }
    }

    /// IOVA of the translation request of a part.
    pub(super) fn request_va(&self, part: u8) -> u64 {
        if let Some(va) = self.asks_c(part) {
            return va & !7;
        }
        match self.kind {
            Kind::Read => self.first(part) & !7,
            _ => self.first(part),
        }
    }

    /// The request of a part is for a write.
    pub(super) fn writes(&self, part: u8) -> bool {
        self.asks_c(part).is_none()
            && matches!(
                self.kind,
                Kind::Write | Kind::Tell | Kind::Translate { write: true }
            )
    }

    /// IOVA that a bad response to a part is told with.
    pub(super) fn response_va(&self, part: u8) -> u64 {
        match self.b {
            Some(b) if part == 1 => b.va,
            _ => self.a.va,
        }
    }

    /// log2 of the bytes that a part of a read asks for.
    pub(super) fn read_size(&self, p: &Profile) -> u32 {
        match self.b {
            Some(b) if self.is_merged(p) => {
                WORD.max(u64::BITS - (self.a.va ^ b.va).leading_zeros())
            }
            _ => WORD,
        }
    }

    /// Bytes of a part of a write, and how many.
    pub(super) fn bytes(&self, part: u8) -> ([u8; SMALL], usize) {
        let mut bytes = match self.kind {
            Kind::Tell => self.tell.bytes(),
            _ => [0; SMALL],
        };
        let word = |bytes: &mut [u8; SMALL], v: u64| bytes[..8].copy_from_slice(&v.to_le_bytes());
        if let (1, Some(b)) = (part, self.b) {
            word(&mut bytes, u64::from(b.data));
            return (bytes, 2);
        }
        if self.kind != Kind::Tell {
            word(&mut bytes, self.a.data);
        }
        let len = usize::from(self.a.len).clamp(1, SMALL);
        let first = if self.is_split() {
            (PAGE - self.a.va % PAGE) as usize
        } else {
            len
        };
        if part == 0 {
            return (bytes, first);
        }
        bytes.copy_within(first..len, 0);
        (bytes, len.saturating_sub(first))
    }
}
