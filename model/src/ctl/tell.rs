//! The steps of a TELL, each an op of its own.
//!
//! Timing: TIMING.md §4.4.

use super::op::{AccessA, AccessB, CtlOp, Kind, Tell};
use crate::axi_wr::SMALL;
use shoal_abi::ring::*;

/// The last step.
pub(super) const LAST: u8 = 2;

impl CtlOp {
    /// Step `n`; of an op that is no TELL the op itself.
    pub(super) fn step(&self, n: u8) -> Self {
        if self.kind != Kind::Tell {
            return *self;
        }
        match n {
            0 => self.elements(),
            1 => self.index(),
            _ => self.event(),
        }
    }

    /// The used elements. It stays a TELL: their bytes are made when they are written.
    fn elements(&self) -> Self {
        let t = &self.tell;
        let at = u64::from(t.used_idx % t.size.max(1)) * USED_ELEM_BYTES;
        let a = AccessA {
            va: t.device.wrapping_add(USED_RING + at),
            len: t.m * USED_ELEM_BYTES as u8,
            data: 0,
        };
        Self { a, ..*self }
    }

    fn index(&self) -> Self {
        let t = &self.tell;
        let a = AccessA {
            va: t.device.wrapping_add(USED_IDX),
            len: 2,
            data: u64::from(t.used_idx.wrapping_add(u16::from(t.m))),
        };
        let behind = USED_RING + USED_ELEM_BYTES * u64::from(t.size);
        let b = (t.event_idx && !t.receive).then(|| AccessB {
            va: t.device.wrapping_add(behind),
            data: t.last_avail,
        });
        let kind = Kind::Write;
        Self {
            kind,
            a,
            b,
            ..*self
        }
    }

    fn event(&self) -> Self {
        let t = &self.tell;
        let behind = AVAIL_RING + 2 * u64::from(t.size);
        let at = if t.event_idx { behind } else { 0 };
        let a = AccessA {
            va: t.driver.wrapping_add(at),
            ..AccessA::default()
        };
        let b = (!t.receive).then(|| AccessB {
            va: t.driver.wrapping_add(AVAIL_IDX),
            data: 0,
        });
        let kind = Kind::Read;
        Self {
            kind,
            a,
            b,
            ..*self
        }
    }
}

impl Tell {
    /// The used elements.
    pub(super) fn bytes(&self) -> [u8; SMALL] {
        let mut bytes = [0; SMALL];
        let elements = bytes.chunks_exact_mut(USED_ELEM_BYTES as usize);
        let chains = self.heads.iter().zip(&self.used_len);
        for (to, (head, len)) in elements.zip(chains.take(usize::from(self.m))) {
            to[..4].copy_from_slice(&u32::from(*head).to_le_bytes());
            to[4..].copy_from_slice(&len.to_le_bytes());
        }
        bytes
    }
}
