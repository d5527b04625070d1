//! The walk along a chain, and the answer into its writable descriptors.
//!
//! Timing: TIMING.md §9.1, *walk* and *scatter*.

use super::reader::{Control, Piece, ReadJob};
use super::sequencer::{control, Step};
use super::slots::{Chain, Room};
use super::writer::{Mark, Source, WriteJob};
use super::{AdminQueue, Port};
use crate::descriptor::{Desc, Walk};
use crate::regs::Regs;
use shoal_abi::cmd::COMMAND_BYTES;
use shoal_abi::ring::*;

impl AdminQueue {
    /// The chain of the slot cannot be gone on with. Behind its execution nothing comes that could wait for its turn.
    pub(super) fn spoil(&self, step: &mut Step, slot: usize, regs: &Regs) {
        if self.slots.get(slot).chain.wseen {
            return step.fault(regs);
        }
        step.spoil(slot);
    }

    /// A ring entry: the walk starts at the head that it names.
    pub(super) fn start_walk(&self, step: &mut Step, slot: usize, head: u16, regs: &Regs) {
        if head >= regs.queue_size {
            return self.spoil(step, slot, regs);
        }
        let chain = Chain {
            head,
            walk: Walk {
                table: regs.desc,
                n: u32::from(regs.queue_size),
                index: u32::from(head),
                indirect: false,
                count: 0,
            },
            ..self.slots.get(slot).chain
        };
        step.chain = Some((slot, chain));
        step.read(read_desc(slot, &chain));
    }

    pub(super) fn walk(&self, step: &mut Step, slot: usize, desc: Desc, regs: &Regs, core: &Port) {
        let mut chain = self.slots.get(slot).chain;
        if desc.has(DESC_F_INDIRECT) {
            let len = u64::from(desc.len);
            let bad = len == 0 || len % DESC_BYTES != 0 || !desc.addr.is_multiple_of(8);
            if chain.walk.indirect || desc.has(DESC_F_NEXT) || bad {
                return self.spoil(step, slot, regs);
            }
            chain.walk = Walk {
                table: desc.addr,
                n: (len / DESC_BYTES) as u32,
                index: 0,
                indirect: true,
                count: chain.walk.count,
            };
            step.chain = Some((slot, chain));
            return step.read(read_desc(slot, &chain));
        }
        chain.walk.count += 1;
        let write = desc.has(DESC_F_WRITE);
        if chain.walk.count > u32::from(regs.queue_size) || !write && chain.wseen {
            return self.spoil(step, slot, regs);
        }
        let next = desc.has(DESC_F_NEXT).then_some(desc.next);
        if !write {
            let n = (desc.len as usize).min(COMMAND_BYTES - chain.pos);
            if n > 0 {
                step.read(ReadJob::Data(Piece {
                    slot,
                    va: desc.addr,
                    n,
                    pos: chain.pos,
                }));
                chain.pos += n;
            }
            return self.go_on(step, slot, chain, next);
        }
        chain.room = Room {
            va: desc.addr,
            len: desc.len,
            next,
        };
        if chain.wseen {
            return self.scatter(step, slot, chain, regs, core);
        }
        chain.wseen = true;
        step.chain = Some((slot, chain));
        step.read(ReadJob::Mark(slot));
    }

    /// Behind a readable descriptor.
    fn go_on(&self, step: &mut Step, slot: usize, mut chain: Chain, next: Option<u16>) {
        match next.map(u32::from) {
            Some(next) if next < chain.walk.n => {
                chain.walk.index = next;
                step.read(read_desc(slot, &chain));
            }
            Some(_) => step.spoil(slot),
            None => {
                chain.mute = true;
                step.read(ReadJob::Mark(slot));
            }
        }
        step.chain = Some((slot, chain));
    }

    /// The next part of the answer goes into the writable descriptor at which the walk stands.
    pub(super) fn scatter(
        &self,
        step: &mut Step,
        slot: usize,
        mut chain: Chain,
        regs: &Regs,
        core: &Port,
    ) {
        let (room, from) = (chain.room, step.own.written);
        let n = (room.len as usize).min(core.answer.len().saturating_sub(from));
        step.own.written = from + n;
        let mut job = WriteJob {
            va: room.va,
            n,
            from: Source::Answer(from),
            mark: None,
        };
        match room.next.map(u32::from) {
            Some(next) if step.own.written < core.answer.len() => {
                if next >= chain.walk.n {
                    step.fault(regs);
                } else {
                    chain.walk.index = next;
                    step.read(read_desc(slot, &chain));
                }
            }
            _ => {
                job.mark = Some(Mark::Answer);
                chain.used_len = step.own.written as u32;
                step.own.exec = step.own.exec.wrapping_add(1);
            }
        }
        step.write = Some(job);
        step.chain = Some((slot, chain));
    }
}

/// The read of the descriptor at which the walk stands.
fn read_desc(slot: usize, chain: &Chain) -> ReadJob {
    let w = &chain.walk;
    let va = w.table.wrapping_add(DESC_BYTES * u64::from(w.index));
    control(Control::Desc, slot, va)
}
