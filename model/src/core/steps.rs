//! Steps of a slot: what it does when its op of the control unit is done.
//!
//! Timing: the table of TIMING.md §3.5.

use super::slots::{Fault, SlotState};
use super::{Core, Env};
use crate::ctl::{AccessA, AccessB, Completion};
use crate::descriptor::{Desc, Walk};
use crate::regs::Counter;
use shoal_abi::mmu::*;
use shoal_abi::ring::*;
use shoal_abi::stream::TUSER_TAG;

impl Core {
    pub(super) fn on_slot_completion(&mut self, s: usize, c: &Completion, env: &Env) {
        let Some(slot) = self.slots.get(s) else {
            return;
        };
        let (state, access) = (slot.state, slot.access);
        match state {
            SlotState::Msi if self.alive(s) => return self.finish(s),
            SlotState::Msi | SlotState::CfgMsi => return self.release(s),
            _ => {}
        }
        if !self.alive(s) {
            return self.abort(s, env);
        }
        if c.cause != CAUSE_NONE {
            let f = Fault {
                cause: c.cause,
                iova: c.iova,
                write: access.write,
                asid: access.asid,
            };
            return self.fail(s, f, env);
        }
        match state {
            SlotState::Look | SlotState::Look2 => self.on_look(s, state, c, env),
            SlotState::Rearm => self.look_at(s, SlotState::Look2),
            SlotState::Ring => self.start_chain(s, access.half_a(c), env),
            SlotState::Desc => {
                self.slots[s].desc = Desc::from_words([c.a, c.b]);
                self.walk(s, env);
            }
            SlotState::UsedElem => self.write_used_idx(s),
            SlotState::UsedIdx => self.on_used(s),
            SlotState::Event => self.on_event(s, c),
            _ => {}
        }
    }

    fn on_look(&mut self, s: usize, state: SlotState, c: &Completion, env: &Env) {
        let access = self.slots[s].access;
        let idx = access.half_a(c);
        let vq = &mut self.ctx.vq[self.slots[s].vq as usize];
        let n = idx.wrapping_sub(vq.last_avail);
        if n > vq.size {
            return self.fail_ring(s, CAUSE_AVAIL_JUMP, env);
        }
        vq.avail_cache = idx;
        if n > 0 {
            match access.half_b(c) {
                Some(head) => self.start_chain(s, head, env),
                None => self.read_ring(s),
            }
        } else if !self.is_chain(s) {
            self.drop_packet(s);
        } else if state == SlotState::Look && self.negotiated(s, F_EVENT_IDX) {
            let event = self.avail_event(s, 0);
            let a = AccessA {
                va: event.va,
                len: 2,
                data: u64::from(event.data),
            };
            self.write(s, SlotState::Rearm, a, None);
        } else {
            self.release(s);
        }
    }

    /// avail_event: a doorbell is wanted when an entry is added behind `ahead` more.
    fn avail_event(&self, s: usize, ahead: u16) -> AccessB {
        let vq = &self.ctx.vq[self.slots[s].vq as usize];
        let behind = USED_RING + USED_ELEM_BYTES * u64::from(vq.size);
        AccessB {
            va: vq.device.wrapping_add(behind),
            data: vq.last_avail.wrapping_add(ahead),
        }
    }

    /// *head*: the walk along a chain starts.
    fn start_chain(&mut self, s: usize, head: u16, env: &Env) {
        let vq = &self.ctx.vq[self.slots[s].vq as usize];
        if head >= vq.size {
            return self.fail_ring(s, CAUSE_DESC_INDEX, env);
        }
        let generations = crate::ones(TUSER_TAG.width as usize - self.p.slot_w) as u16;
        let slot = &mut self.slots[s];
        slot.head = head;
        slot.generation = slot.generation.wrapping_add(1) & generations;
        slot.walk = Walk {
            table: vq.desc,
            n: u32::from(vq.size),
            index: u32::from(head),
            indirect: false,
            count: 0,
        };
        (slot.readable, slot.writable, slot.start) = (0, 0, None);
        self.read_desc(s);
    }

    /// used.idx, and with EVENT_IDX avail_event.
    fn write_used_idx(&mut self, s: usize) {
        let vq = &self.ctx.vq[self.slots[s].vq as usize];
        let a = AccessA {
            va: vq.device.wrapping_add(USED_IDX),
            len: 2,
            data: u64::from(vq.used_idx.wrapping_add(1)),
        };
        let rearms = self.is_chain(s) && self.negotiated(s, F_EVENT_IDX);
        let b = rearms.then(|| self.avail_event(s, 1));
        self.write(s, SlotState::UsedIdx, a, b);
    }

    fn on_used(&mut self, s: usize) {
        let vq = &mut self.ctx.vq[self.slots[s].vq as usize];
        vq.used_idx = vq.used_idx.wrapping_add(1);
        vq.last_avail = vq.last_avail.wrapping_add(1);
        vq.chains = vq.chains.wrapping_add(1);
        let (driver, size) = (vq.driver, u64::from(vq.size));
        let at = if self.negotiated(s, F_EVENT_IDX) {
            AVAIL_RING + 2 * size
        } else {
            0
        };
        let idx = self.is_chain(s).then(|| driver.wrapping_add(AVAIL_IDX));
        self.read_rings(s, SlotState::Event, driver.wrapping_add(at), idx);
    }

    fn on_event(&mut self, s: usize, c: &Completion) {
        let access = self.slots[s].access;
        let event_idx = self.negotiated(s, F_EVENT_IDX);
        let vq = &mut self.ctx.vq[self.slots[s].vq as usize];
        if let Some(idx) = access.half_b(c) {
            if idx.wrapping_sub(vq.last_avail) <= vq.size {
                vq.avail_cache = idx;
            }
        }
        let half = access.half_a(c);
        let notify = if event_idx {
            half == vq.used_idx.wrapping_sub(1)
        } else {
            half & AVAIL_F_NO_INTERRUPT == 0
        };
        if vq.msi.valid && notify && !vq.msi.mask {
            vq.interrupts = vq.interrupts.wrapping_add(1);
            let msi = vq.msi;
            self.fx.count(Counter::Interrupts);
            return self.write_message(s, SlotState::Msi, msi.address, msi.data);
        }
        vq.msi.pending |= vq.msi.valid && notify;
        self.finish(s);
    }
}
