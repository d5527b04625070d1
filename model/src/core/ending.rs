//! How a chain ends: finished, aborted, failed, reported.
//!
//! Timing: TIMING.md §3.5 (*finish*) and §3.8.

use super::aux::FaultRecord;
use super::slots::{Disposition, Fault, SlotState};
use super::{Core, Env};
use crate::regs::Counter;
use crate::tx::{TxEnd, TxOp};
use shoal_abi::ring::S_NEEDS_RESET;

impl Core {
    pub(super) fn finish(&mut self, s: usize) {
        if !self.is_chain(s) {
            return if self.slots[s].pend > 0 {
                self.begin(s);
            } else {
                self.release(s);
            };
        }
        let v = self.slots[s].vq;
        let vq = &self.ctx.vq[v as usize];
        let more = vq.avail_cache != vq.last_avail;
        if self.alive(s) && self.ctx.running(self.slots[s].dev) && more {
            self.ctx.enqueue(v);
            self.ctx.vq[v as usize].again = false;
        }
        self.release(s);
    }

    pub(super) fn abort(&mut self, s: usize, env: &Env) {
        self.end(s, Disposition::Leave, env);
    }

    pub(super) fn fail(&mut self, s: usize, fault: Fault, env: &Env) {
        self.slots[s].kept.get_or_insert(fault);
        self.end(s, Disposition::Report, env);
    }

    /// Fails with a ring cause: access read, IOVA 0.
    pub(super) fn fail_ring(&mut self, s: usize, cause: u16, env: &Env) {
        let asid = self.buffer_asid(s);
        self.fail(
            s,
            Fault {
                cause,
                iova: 0,
                write: false,
                asid,
            },
            env,
        );
    }

    /// TIMING.md §3.8: gives back the transmit mover, if the slot owns it, waits for the ends of its packets, then disposes.
    pub(super) fn end(&mut self, s: usize, how: Disposition, env: &Env) {
        self.slots[s].disposition = how;
        if self.tx_owner == Some(s) {
            let pushed = self.fx.tx;
            if pushed.is_none() && !self.tx_room(env) {
                self.slots[s].ends = true;
                return self.wait_for_mover(s);
            }
            // Behind data that this event has pushed the end goes with them.
            self.fx.tx = Some(TxOp {
                data: pushed.and_then(|op| op.data),
                end: Some(TxEnd {
                    writable: 0,
                    abort: true,
                }),
                side: self.side(s),
            });
            self.tx_owner = None;
            self.slots[s].left += 1;
            self.slots[s].state = SlotState::TxEnd;
        } else if self.slots[s].left > 0 {
            self.slots[s].state = SlotState::TxEnd;
        } else {
            self.dispose(s);
        }
    }

    /// The slot goes on with a TXW event.
    pub(super) fn wait_for_mover(&mut self, s: usize) {
        self.slots[s].state = SlotState::WaitTx;
        if self.tx_owner == Some(s) {
            self.fx.own.owner_waits = true;
        } else {
            self.waiting.push(s);
        }
    }

    /// No mover has anything of the slot any more, and it ends as its disposition says.
    pub(super) fn dispose(&mut self, s: usize) {
        if self.slots[s].disposition == Disposition::Report {
            self.report(s);
        } else {
            self.leave(s);
        }
    }

    /// *leave*: what is still to come for the slot is thrown away.
    pub(super) fn leave(&mut self, s: usize) {
        if self.slots[s].pend > 0 {
            self.discard(s, Disposition::Leave);
        } else {
            self.release(s);
        }
    }

    fn report(&mut self, s: usize) {
        if !self.alive(s) {
            return self.leave(s);
        }
        let (v, d) = (self.slots[s].vq as usize, self.slots[s].dev);
        let f = self.slots[s].kept.unwrap_or_default();
        self.ctx.dev[d as usize].status |= S_NEEDS_RESET;
        self.fx.count(Counter::Faults);
        let vq = &mut self.ctx.vq[v];
        vq.faults = vq.faults.wrapping_add(1);
        let record = FaultRecord {
            cause: f.cause,
            asid: f.asid,
            write: f.write,
            member: d,
            index: vq.index,
            iova: f.iova,
        };
        if self.fault_queue_on && !self.faults.is_full() {
            self.faults.push(record);
        } else {
            self.fx.lost = true;
        }
        let msi = &mut self.ctx.dev[d as usize].msi;
        if msi.valid && !msi.mask {
            self.fx.send(msi);
        }
        msi.pending |= msi.valid && msi.mask;
        self.leave(s);
    }
}
