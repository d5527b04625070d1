//! The way out: ops come apart into accesses, which are translated and handed to the arbiters.
//!
//! Timing: TIMING.md §4.1. An access that went in cycle k-n and has its answer in k stands in stage K in k+1.

use super::{Ctl, CtlOp, Edge, Kind, XlatEvent};
use crate::axi_rd::{Address, Id};
use crate::axi_wr::Small;
use crate::axi_wr::{WriteRequest, Writer};
use crate::mmu::{Answer, Request, Xlat};
use shoal_abi::mmu::{CAUSE_NONE, USER_INTERRUPT};
use shoal_abi::profile::Profile;

/// An op, or a step of a TELL, and its next access.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    op: CtlOp,
    part: u8,
}

/// An access that has an address, or a pair of them.
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
            write: op.writes(part),
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

    /// The part of the access at the head of a FIFO that asks: of a pair first 0, then 1.
    fn part_of(access: &Access, second: bool) -> u8 {
        if second {
            1
        } else {
            access.part
        }
    }

    /// The read address asked for in this cycle.
    pub(crate) fn read_request(&self, p: &Profile) -> Option<Address> {
        let access = self.reads.front()?;
        let (slot, answer) = (access.slot, access.answer);
        let part = Self::part_of(access, self.second[0]);
        let op = &self.slots[usize::from(slot)].op;
        let size = op.read_size(p);
        Some(Address {
            id: Id::Control { slot, part },
            addr: op.read_address(p, part, answer.address) & !((1 << size) - 1),
            len: 0,
            size: size as u8,
            user: answer.user,
        })
    }

    /// The write asked for in this cycle.
    pub(crate) fn write_request(&self, p: &Profile) -> Option<WriteRequest> {
        let access = self.writes.front()?;
        let (slot, answer) = (access.slot, access.answer);
        let part = Self::part_of(access, self.second[1]);
        let op = &self.slots[usize::from(slot)].op;
        let (bytes, n) = op.bytes(part);
        let at = op.address(p, part, answer.address);
        let id = Id::Control { slot, part };
        let small = Small { at, n, bytes };
        let request = WriteRequest::small(p, Writer::Control, id, answer.user, small);
        Some(request)
    }

    /// A grant: the access leaves its FIFO, or of a pair the second one is next. True if it leaves.
    fn granted(&mut self, p: &Profile, fifo: usize) -> bool {
        let list = [&mut self.reads, &mut self.writes];
        let Some(list) = list.into_iter().nth(fifo) else {
            return false;
        };
        let pair = list
            .front()
            .is_some_and(|a| self.slots[usize::from(a.slot)].op.goes_in_two(p, a.part));
        self.second[fifo] = !self.second[fifo] && pair;
        if self.second[fifo] {
            return false;
        }
        list.pop();
        true
    }

    /// The edge of the way out. Gives the number of accesses started.
    pub(super) fn go(&mut self, p: &Profile, e: &Edge, step_waits: bool) -> u32 {
        let (xlat, cur) = (e.xlat, e.cur);
        let granted = [e.read_granted, e.write_granted];
        let pass = self.pass(p, &xlat);
        let goes = pass.is_some() || xlat.taken;
        let answered = xlat.answer.map(|answer| Access {
            slot: answer.tag & crate::ones(p.slot_w) as u16,
            part: (answer.tag >> p.slot_w & 1) as u8,
            answer,
        });
        let mut under = self.under + usize::from(goes);
        for (fifo, granted) in granted.into_iter().enumerate() {
            if granted && self.granted(p, fifo) {
                under = under.saturating_sub(1);
            }
        }
        let mut starts = 0;
        if let Some(access) = std::mem::replace(&mut self.k, answered.or(pass)) {
            starts = self.judge(p, access, cur);
            if starts == 0 {
                under = under.saturating_sub(1);
            }
        }
        self.under = under;
        self.take_up(p, goes, step_waits);
        starts
    }

    /// The edge that ends stage K. Gives how many accesses start.
    fn judge(&mut self, p: &Profile, access: Access, cur: u8) -> u32 {
        let Access { slot, part, answer } = access;
        let of = &mut self.slots[usize::from(slot)];
        let only = matches!(of.op.kind, Kind::Translate { .. });
        if only || answer.cause != CAUSE_NONE {
            let iova = of.op.request_va(part);
            self.xlats.push(XlatEvent {
                slot,
                part,
                iova,
                answer,
            });
            return 0;
        }
        let pair = of.op.goes_in_two(p, part);
        let beside = of.op.asks_c(part).is_some();
        if pair {
            of.epoch = [cur; 2];
        } else if beside {
            of.epoch_c = cur;
        } else {
            of.epoch[usize::from(part)] = cur;
        }
        if of.op.kind == Kind::Read || beside {
            self.reads.push(access);
        } else {
            self.writes.push(access);
        }
        1 + u32::from(pair)
    }

    /// A core effect: an op. Work takes it at once if it had nothing else to take at this edge.
    pub(crate) fn push(&mut self, p: &Profile, op: CtlOp) {
        let slot = op.slot & crate::ones(p.slot_w) as u16;
        if op.kind == Kind::Tell {
            self.may[usize::from(slot)] = op.tell.hint;
        }
        if self.open && self.work.is_none() {
            let op = self.slots[usize::from(slot)].begin(p, CtlOp { slot, ..op });
            self.work = Some(Work { op, part: 0 });
        } else {
            self.ops.push(op);
        }
    }

    /// Work: its next access, or the next op.
    fn take_up(&mut self, p: &Profile, goes: bool, step_waits: bool) {
        self.open = false;
        if let Some(work) = &mut self.work {
            if !goes {
                return;
            }
            if work.part + 1 < work.op.requests(p) {
                work.part += 1;
                return;
            }
        }
        let op = if step_waits {
            let slot = self.next.pop();
            slot.map(|slot| self.slots[usize::from(slot)].next_step(p))
        } else {
            self.ops.pop().map(|op| {
                let slot = op.slot & crate::ones(p.slot_w) as u16;
                self.slots[usize::from(slot)].begin(p, CtlOp { slot, ..op })
            })
        };
        self.work = op.map(|op| Work { op, part: 0 });
        self.open = self.work.is_none();
    }
}
