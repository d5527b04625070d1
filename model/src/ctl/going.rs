//! The way out: ops come apart into accesses, which are translated and handed to the arbiters.
//!
//! Timing: TIMING.md §4.1. An access that went in cycle k-n and has its answer in k stands in stage K in k+1.

use super::{Ctl, CtlOp, Kind, XlatEvent};
use crate::axi_rd::{Address, Id};
use crate::axi_wr::{WriteRequest, Writer};
use crate::mmu::{Answer, Request, Xlat};
use shoal_abi::mmu::{CAUSE_NONE, USER_INTERRUPT};
use shoal_abi::profile::Profile;

/// An op and its next access.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    op: CtlOp,
    part: u8,
}

/// An access that has an address.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Access {
    slot: u16,
    part: u8,
    answer: Answer,
}

/// Tag of a translation: slot and, above it, the part.
fn tag(p: &Profile, slot: u16, part: u8) -> u16 {
    slot | u16::from(part) << p.slot_w
}

impl Ctl {
    /// The access of Work, if the window has room for it.
    fn next_access(&self, p: &Profile) -> Option<&Work> {
        self.work.as_ref().filter(|_| self.under < p.ctl_window)
    }

    /// The translation request that is up in this cycle.
    pub(crate) fn request(&self, p: &Profile) -> Option<Request> {
        let Work { op, part } = *self.next_access(p)?;
        (!op.bypass).then(|| Request {
            asid: op.asid,
            va: op.request_va(part),
            write: op.writes(),
            tag: tag(p, op.slot, part),
        })
    }

    /// The access that goes past the MMU in this cycle.
    fn pass(&self, p: &Profile, xlat: &Xlat) -> Option<Access> {
        let Work { op, part } = *self.next_access(p)?;
        (op.bypass && xlat.answer.is_none()).then(|| Access {
            slot: op.slot,
            part,
            answer: Answer {
                cause: CAUSE_NONE,
                address: op.request_va(part),
                user: if op.interrupt { USER_INTERRUPT } else { 0 },
                tag: 0,
            },
        })
    }

    /// The read address asked for in this cycle.
    pub(crate) fn read_request(&self, p: &Profile) -> Option<Address> {
        let Access { slot, part, answer } = *self.reads.front()?;
        let size = self.slots[usize::from(slot)].op.read_size(p);
        Some(Address {
            id: Id::Control { slot, part },
            addr: answer.address & !((1 << size) - 1),
            len: 0,
            size: size as u8,
            user: answer.user,
        })
    }

    /// The write asked for in this cycle.
    pub(crate) fn write_request(&self) -> Option<WriteRequest> {
        let Access { slot, part, answer } = *self.writes.front()?;
        let (data, n) = self.slots[usize::from(slot)].op.bytes(part);
        let shift = answer.address % 8;
        Some(WriteRequest {
            writer: Writer::Control,
            aw: Address {
                id: Id::Control { slot, part },
                addr: answer.address & !7,
                len: u8::from(shift + n > 8),
                size: 3,
                user: answer.user,
            },
            window: u128::from(data) << (8 * shift),
            strobes: (crate::ones(n as usize) as u16) << shift,
        })
    }

    /// The edge of the way out. Gives the number of accesses started.
    pub(super) fn go(&mut self, p: &Profile, xlat: Xlat, granted: [bool; 2], cur: u8) -> u32 {
        let pass = self.pass(p, &xlat);
        let goes = pass.is_some() || xlat.taken;
        let answered = xlat.answer.map(|answer| Access {
            slot: answer.tag & crate::ones(p.slot_w) as u16,
            part: (answer.tag >> p.slot_w & 1) as u8,
            answer,
        });
        let mut under = self.under + usize::from(goes);
        for (fifo, granted) in [&mut self.reads, &mut self.writes].into_iter().zip(granted) {
            if granted {
                fifo.pop();
                under = under.saturating_sub(1);
            }
        }
        let mut starts = 0;
        if let Some(access) = std::mem::replace(&mut self.k, answered.or(pass)) {
            if self.judge(access, cur) {
                starts = 1;
            } else {
                under = under.saturating_sub(1);
            }
        }
        self.under = under;
        self.take_up(p, goes);
        starts
    }

    /// The edge that ends stage K; true if the access starts.
    fn judge(&mut self, access: Access, cur: u8) -> bool {
        let Access { slot, part, answer } = access;
        let of = &mut self.slots[usize::from(slot)];
        let only = matches!(of.op.kind, Kind::Translate { .. });
        if only || answer.cause != CAUSE_NONE {
            let iova = of.op.request_va(part);
            self.xlats.push(XlatEvent { slot, iova, answer });
            return false;
        }
        of.epoch[usize::from(part)] = cur;
        if of.op.kind == Kind::Read {
            self.reads.push(access);
        } else {
            self.writes.push(access);
        }
        true
    }

    /// Work: its next access, or the next op.
    fn take_up(&mut self, p: &Profile, goes: bool) {
        if let Some(work) = &mut self.work {
            if !goes {
                return;
            }
            if work.part + 1 < work.op.parts(p) {
                work.part += 1;
                return;
            }
        }
        self.work = self.ops.pop().map(|op| {
            let slot = op.slot & crate::ones(p.slot_w) as u16;
            let op = CtlOp { slot, ..op };
            self.slots[usize::from(slot)].begin(op, op.parts(p));
            Work { op, part: 0 }
        });
    }
}
