//! The walk along a descriptor chain, and the transmit mover's part in it.
//!
//! Timing: TIMING.md §3.6. All steps that one descriptor allows are one event.

use super::slots::SlotState;
use super::visit::most_chains;
use super::{Core, Env};
use crate::descriptor::{Desc, Walk};
use crate::rx::RxOp;
use crate::tx::{Side, TxData, TxEnd, TxOp};
use shoal_abi::mmu::*;
use shoal_abi::ring::*;
use shoal_abi::stream::{TUSER_TAG, TUSER_TYPE};

/// Bytes of the longest buffer of a plain receive chain.
const MAX_PLAIN_BUFFER: u32 = (1 << 17) - 1;

/// A chain of this descriptor alone needs no answer and no table, or takes a packet whole.
fn is_plain(desc: &Desc, receive: bool) -> bool {
    let most = if receive {
        MAX_PLAIN_BUFFER
    } else {
        MAX_CHAIN_BYTES
    };
    !desc.has(DESC_F_INDIRECT | DESC_F_NEXT)
        && desc.has(DESC_F_WRITE) == receive
        && (1..=most).contains(&desc.len)
}

impl Core {
    /// The tag of the slot's chain.
    pub(super) fn tag(&self, s: usize) -> u64 {
        u64::from(self.slots[s].generation) << self.p.slot_w | s as u64
    }

    /// The slot whose chain may have the tag.
    pub(super) fn slot_of_tag(&self, tag: u64) -> usize {
        (tag & crate::ones(self.p.slot_w)) as usize
    }

    /// The side band of the slot's packet.
    pub(super) fn side(&self, s: usize) -> Side {
        let d = self.slots[s].dev;
        Side {
            dest: d,
            tid: self.ctx.vq[self.slots[s].vq as usize].index,
            user: TUSER_TAG.put(self.tag(s))
                | TUSER_TYPE.put(u64::from(self.ctx.dev[d as usize].kind)),
        }
    }

    /// Steps 1 to 5; the descriptor is in the slot.
    pub(super) fn walk(&mut self, s: usize, env: &Env) {
        let desc = self.slots[s].desc;
        let receive = !self.is_chain(s);
        let answers = !receive && self.slots[s].delivers;
        if !answers && !is_plain(&desc, receive) {
            let slot = &mut self.slots[s];
            if slot.j > 0 {
                // The chain is left to the next visit.
                slot.m = slot.j;
                return self.sent(s, env);
            }
            if slot.walk.count == 0 && !slot.walk.indirect {
                slot.m = 1;
            }
        }
        if desc.has(DESC_F_INDIRECT) {
            return self.enter_table(s, env);
        }
        let size = u32::from(self.ctx.vq[self.slots[s].vq as usize].size);
        let slot = &mut self.slots[s];
        slot.walk.count += 1;
        if slot.walk.count > size {
            return self.fail_ring(s, CAUSE_CHAIN_LONG, env);
        }
        let write = desc.has(DESC_F_WRITE);
        if !write && (slot.start.is_some() || slot.delivers) {
            return self.fail_ring(s, CAUSE_DESC_ORDER, env);
        }
        if slot.delivers {
            return self.receive(s, env);
        }
        let sum = if write {
            &mut slot.writable
        } else {
            &mut slot.readable
        };
        *sum += u64::from(desc.len);
        if *sum > u64::from(MAX_CHAIN_BYTES) {
            return self.fail_ring(s, CAUSE_CHAIN_BYTES, env);
        }
        if write && slot.start.is_none() {
            slot.start = Some(Walk {
                count: slot.walk.count - 1,
                ..slot.walk
            });
        }
        self.transmit(s, env);
    }

    /// Step 1.
    fn enter_table(&mut self, s: usize, env: &Env) {
        let desc = self.slots[s].desc;
        let nested = self.slots[s].walk.indirect;
        if !self.negotiated(s, F_INDIRECT_DESC) || nested || desc.has(DESC_F_NEXT) {
            return self.fail_ring(s, CAUSE_INDIRECT, env);
        }
        let len = u64::from(desc.len);
        if len == 0 || len % DESC_BYTES != 0 || !desc.addr.is_multiple_of(8) {
            return self.fail_ring(s, CAUSE_INDIRECT_TABLE, env);
        }
        self.slots[s].walk = Walk {
            table: desc.addr,
            n: (len / DESC_BYTES) as u32,
            index: 0,
            indirect: true,
            count: self.slots[s].walk.count,
        };
        self.read_desc(s);
    }

    /// Step 4.
    fn receive(&mut self, s: usize, env: &Env) {
        let desc = self.slots[s].desc;
        let end = !desc.has(DESC_F_NEXT);
        if !end && desc.len == 0 {
            return self.next_desc(s, env);
        }
        let op = RxOp::Data {
            asid: self.buffer_asid(s),
            va: desc.addr,
            len: desc.len,
            end,
        };
        self.fx.rx = Some((s as u16, op));
        let another = !self.is_chain(s);
        let slot = &mut self.slots[s];
        if !end {
            slot.state = SlotState::RxData;
            return;
        }
        slot.pend = slot.pend.saturating_sub(1);
        slot.left += 1;
        if another && slot.j + 1 < slot.m && slot.pend > 0 {
            slot.j += 1;
            self.start_chain(s);
        } else if another && slot.pend > 0 && slot.m < most_chains(&self.ctx.vq[slot.vq as usize]) {
            self.more(s);
        } else {
            slot.m = slot.j + 1;
            self.sent(s, env);
        }
    }

    /// Step 6.
    fn transmit(&mut self, s: usize, env: &Env) {
        let desc = self.slots[s].desc;
        let bytes = !desc.has(DESC_F_WRITE) && desc.len > 0;
        let last = !desc.has(DESC_F_NEXT);
        if !bytes && !last {
            return self.next_desc(s, env);
        }
        if self.tx_owner.is_some_and(|owner| owner != s) || !self.tx_room(env) {
            self.slots[s].ends = false;
            return self.wait_for_mover(s);
        }
        self.fx.tx = Some(TxOp {
            data: bytes.then(|| TxData {
                asid: self.buffer_asid(s),
                va: desc.addr,
                len: desc.len,
            }),
            end: last.then(|| TxEnd {
                writable: self.slots[s].writable as u32,
                abort: false,
            }),
            side: self.side(s),
        });
        if last {
            self.tx_owner = None;
            self.end_chain(s, env);
        } else {
            self.tx_owner = Some(s);
            self.next_desc(s, env);
        }
    }

    /// Step 7.
    pub(super) fn next_desc(&mut self, s: usize, env: &Env) {
        let desc = self.slots[s].desc;
        let next = u32::from(desc.next);
        if next >= self.slots[s].walk.n {
            return self.fail_ring(s, CAUSE_DESC_INDEX, env);
        }
        self.slots[s].walk.index = next;
        self.read_desc(s);
    }

    /// TXW: a slot that waited for the transmit mover can have it.
    pub(super) fn on_transmit_room(&mut self, s: usize, env: &Env) {
        if self.slots[s].state != SlotState::WaitTx {
            return;
        }
        if !self.alive(s) {
            self.abort(s, env);
        } else if self.slots[s].ends {
            self.end(s, self.slots[s].disposition, env);
        } else {
            self.transmit(s, env);
        }
    }
}
