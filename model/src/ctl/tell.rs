//! The steps of a TELL, each an op of its own.
//!
//! Timing: TIMING.md §4.4.

use super::op::{AccessA, AccessB, CtlOp, Kind, Tell};
use crate::axi_wr::SMALL;
use shoal_abi::ring::*;

const PAGE: u64 = 4096;

impl CtlOp {
    /// Step `n`; of an op that is no TELL the op itself.
    pub(super) fn step(&self, n: u8, armed: bool) -> Self {
        if self.kind != Kind::Tell {
            return *self;
        }
        match n {
            0 => self.elements(),
            1 => self.index(armed),
            _ => self.event(),
        }
    }

    /// The used elements, and what goes beside them. It stays a TELL: the bytes are made when they are written.
    fn elements(&self) -> Self {
        let t = &self.tell;
        let va = t.element_va();
        let a = AccessA {
            va,
            len: t.len(),
            data: 0,
        };
        Self {
            a,
            b: t.early_event(),
            c: (t.hint && !t.is_cut()).then(|| t.wish_va()),
            ..*self
        }
    }

    fn index(&self, armed: bool) -> Self {
        let t = &self.tell;
        let a = AccessA {
            va: t.device.wrapping_add(USED_IDX),
            len: 2,
            data: u64::from(t.used_idx.wrapping_add(u16::from(t.m))),
        };
        let b = t.avail_event().filter(|_| t.early_event().is_none());
        let looks = armed && b.is_none() && !t.receive;
        let kind = Kind::Write;
        Self {
            kind,
            a,
            b,
            c: looks.then(|| t.avail_idx_va()),
            ..*self
        }
    }

    fn event(&self) -> Self {
        let t = &self.tell;
        let a = AccessA {
            va: t.wish_va(),
            ..AccessA::default()
        };
        let b = (!t.receive).then(|| AccessB {
            va: t.avail_idx_va(),
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
    fn len(&self) -> u8 {
        self.m * USED_ELEM_BYTES as u8
    }

    fn element_va(&self) -> u64 {
        let at = u64::from(self.used_idx % self.size.max(1)) * USED_ELEM_BYTES;
        self.device.wrapping_add(USED_RING + at)
    }

    /// The used elements go over the end of a page.
    fn is_cut(&self) -> bool {
        self.element_va() % PAGE + u64::from(self.len()) > PAGE
    }

    /// *event*.
    fn avail_event(&self) -> Option<AccessB> {
        let behind = USED_RING + USED_ELEM_BYTES * u64::from(self.size);
        (self.event_idx && !self.receive).then(|| AccessB {
            va: self.device.wrapping_add(behind),
            data: self.last_avail,
        })
    }

    /// *event*, if it goes with the used elements.
    fn early_event(&self) -> Option<AccessB> {
        let together = |b: &AccessB| b.va / PAGE == self.element_va() / PAGE;
        self.avail_event().filter(|b| !self.is_cut() && together(b))
    }

    /// *wish*: where the driver says whether it waits for a message.
    fn wish_va(&self) -> u64 {
        let behind = AVAIL_RING + 2 * u64::from(self.size);
        let at = if self.event_idx { behind } else { 0 };
        self.driver.wrapping_add(at)
    }

    fn avail_idx_va(&self) -> u64 {
        self.driver.wrapping_add(AVAIL_IDX)
    }

    /// The driver waits for the message, by what stands at *wish*.
    pub(super) fn waits(&self, wish: u16) -> bool {
        let m = u16::from(self.m);
        if self.event_idx {
            let last = self.used_idx.wrapping_add(m).wrapping_sub(1);
            last.wrapping_sub(wish) < m
        } else {
            wish & AVAIL_F_NO_INTERRUPT == 0
        }
    }

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
