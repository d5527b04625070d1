//! Steps of a slot: what it does when its op of the control unit is done.
//!
//! Timing: the table of TIMING.md §3.5.

use super::slots::{Fault, SlotState};
use super::{Core, Env};
use crate::ctl::Completion;
use crate::descriptor::Desc;
use shoal_abi::mmu::*;
use shoal_abi::ring::F_EVENT_IDX;

/// The cause is one of reads alone; a TELL, which counts as a write, ends with reads.
fn reads(cause: u16) -> bool {
    matches!(cause, CAUSE_READ_ACCESS | CAUSE_READ_PAGE)
}

impl Core {
    pub(super) fn on_slot_completion(&mut self, s: usize, c: &Completion, env: &Env) {
        let Some(slot) = self.slots.get(s) else {
            return;
        };
        let (state, access) = (slot.state, slot.access);
        if !self.alive(s) {
            return self.abort(s, env);
        }
        if c.cause != CAUSE_NONE {
            let f = Fault {
                cause: c.cause,
                iova: c.iova,
                write: access.write && !reads(c.cause),
                asid: access.asid,
            };
            return self.fail(s, f, env);
        }
        match state {
            SlotState::Look | SlotState::Look2 => self.on_look(s, state, c, env),
            SlotState::Rearm => self.look_at(s, SlotState::Look2),
            SlotState::Ring => {
                let entries = access.halves_a(c).chain(access.halves_b(c));
                self.take_heads(s, entries, env);
            }
            SlotState::Desc => {
                self.slots[s].desc = Desc::from_words([c.a, c.b]);
                self.walk(s, env);
            }
            SlotState::Tell => self.on_told(s, c),
            _ => {}
        }
    }

    fn on_look(&mut self, s: usize, state: SlotState, c: &Completion, env: &Env) {
        let access = self.slots[s].access;
        let idx = access.half_a(c);
        let vq = &mut self.ctx.vq[self.slots[s].vq as usize];
        let n = idx.wrapping_sub(vq.last_avail);
        let m = self.slots[s].m as u16;
        if n > vq.size || n < m {
            return self.fail_ring(s, CAUSE_AVAIL_JUMP, env);
        }
        vq.avail_cache = idx;
        if n > m {
            match access.half_b(c) {
                Some(_) => self.take_heads(s, access.halves_b(c), env),
                None => self.read_ring(s),
            }
        } else if m > 0 {
            self.sent(s, env);
        } else if !self.is_chain(s) {
            self.dry(s);
        } else if state == SlotState::Look && self.negotiated(s, F_EVENT_IDX) {
            self.rearm(s);
        } else {
            self.release(s);
        }
    }
}
