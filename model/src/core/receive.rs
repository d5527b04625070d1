//! Packets from the streams: receive queues and answers.
//!
//! Timing: TIMING.md §3.7.

use super::slots::{Disposition, Fault, SlotState};
use super::{Core, Env, RxOwner};
use crate::regs::Counter;
use crate::rx::{RxDone, RxOp};
use crate::tx::Side;
use shoal_abi::mmu::CAUSE_NONE;
use shoal_abi::stream::{TUSER_ANSWER, TUSER_TAG};

impl Core {
    /// RXP: a packet stands at the head of the receive mover's FIFO.
    pub(super) fn on_packet(&mut self, head: &Side, env: &Env) {
        if self.ctx.warm {
            self.throw_away();
        } else if TUSER_ANSWER.get(head.user) == 1 {
            self.on_answer(head);
        } else {
            self.on_receive_packet(head, env);
        }
    }

    /// A DISCARD that no slot owns.
    fn throw_away(&mut self) {
        self.fx.rx = Some(RxOp::Discard);
        self.rx_owner = RxOwner::Discard;
    }

    fn on_answer(&mut self, head: &Side) {
        let tag = TUSER_TAG.get(head.user);
        let found = Some(self.slot_of_tag(tag)).filter(|&s| {
            self.is_chain(s)
                && self.slots[s].state == SlotState::Answer
                && self.tag(s) == tag
                && self.slots[s].dev == head.dest
        });
        match found {
            Some(s) if self.alive(s) => {
                self.rx_owner = RxOwner::Slot(s);
                let slot = &mut self.slots[s];
                slot.delivers = true;
                slot.used_len = 0;
                slot.walk = slot.start.unwrap_or(slot.walk);
                self.read_desc(s);
            }
            Some(s) => {
                self.release(s);
                self.throw_away();
            }
            None => self.throw_away(),
        }
    }

    fn on_receive_packet(&mut self, head: &Side, env: &Env) {
        let member = (1..=env.p.devices).contains(&head.dest);
        let vq = if member {
            self.ctx.vq_of(head.dest, head.tid)
        } else {
            None
        };
        match vq {
            Some(v)
                if self.ctx.running(head.dest)
                    && self.ctx.vq[v as usize].ready
                    && self.ctx.is_receive(v) =>
            {
                let s = self.p.rx_slot();
                self.bind(s, v);
                self.rx_owner = RxOwner::Slot(s);
                self.look_at(s, SlotState::Look);
            }
            _ => {
                self.fx.count(Counter::RxDrops);
                if let Some(v) = vq {
                    self.count_drop(v);
                }
                self.throw_away();
            }
        }
    }

    fn count_drop(&mut self, v: u32) {
        let drops = &mut self.ctx.vq[v as usize].drops;
        *drops = drops.wrapping_add(1);
    }

    /// The receive slot found no buffer.
    pub(super) fn drop_packet(&mut self, s: usize) {
        self.fx.count(Counter::RxDrops);
        self.count_drop(self.slots[s].vq);
        self.discard(s, Disposition::Release);
    }

    /// All bytes are written.
    pub(super) fn complete(&mut self, s: usize) {
        if s == self.p.rx_slot() {
            self.fx.count(Counter::RxPackets);
        }
        self.tell(s);
    }

    /// RXD: an op of the receive mover is done.
    pub(super) fn on_receive_done(&mut self, done: &RxDone, env: &Env) {
        let s = match self.rx_owner {
            RxOwner::None => return,
            RxOwner::Discard => {
                self.rx_owner = RxOwner::None;
                return;
            }
            RxOwner::Slot(s) => s,
        };
        if self.slots[s].state == SlotState::RxDisc {
            self.rx_owner = RxOwner::None;
            return self.dispose(s);
        }
        self.slots[s].used_len = self.slots[s].used_len.wrapping_add(done.bytes);
        if done.ended {
            self.rx_owner = RxOwner::None;
        }
        if !self.alive(s) {
            self.abort(s, env);
        } else if done.cause != CAUSE_NONE {
            let asid = self.buffer_asid(s);
            self.fail(
                s,
                Fault {
                    cause: done.cause,
                    iova: done.iova,
                    write: true,
                    asid,
                },
                env,
            );
        } else if done.ended {
            self.complete(s);
        } else {
            self.next_desc(s, env);
        }
    }
}
