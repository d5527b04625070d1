//! Slots: what each chain in flight waits for, and what it does next.
//!
//! Timing: TIMING.md §3.4, §3.5. One control op at a time a slot; a completion is one event.

use super::aux::message;
use super::{Completion, Core, Env, RX_SLOT};
use crate::ctl::{CtlOp, Kind};
use crate::descriptor::{Desc, Walk};
use crate::regs::Counter;
use shoal_abi::mmu::*;
use shoal_abi::ring::*;

/// State of a slot: what it waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SlotState {
    #[default]
    Idle,
    Avail,
    Rearm,
    Avail2,
    Ring,
    Desc,
    WaitTx,
    TxEnd,
    Answer,
    RxData,
    RxDisc,
    UsedElem,
    UsedIdx,
    Event,
    Msi,
    CfgMsi,
}

/// How a slot goes on when its mover has come to an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Disposition {
    /// With the used element.
    #[default]
    Complete,
    /// Without a trace.
    Release,
    /// With a fault record.
    Report,
}

/// A fault: what a record says of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fault {
    pub(super) cause: u16,
    pub(super) iova: u64,
    pub(super) write: bool,
    pub(super) asid: u32,
}

/// A control op in flight: its completions so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Access {
    pub(super) va: u64,
    asid: u32,
    write: bool,
    /// Completions still to come.
    pub(super) waiting: u8,
    pub(super) words: [u64; 2],
    pub(super) fault: Option<Fault>,
}

impl Access {
    pub(super) fn new(va: u64, asid: u32, write: bool, completions: u8) -> Self {
        Self {
            va,
            asid,
            write,
            waiting: completions,
            words: [0; 2],
            fault: None,
        }
    }

    /// Takes a completion; true if it was the last one of the op.
    pub(super) fn complete(&mut self, c: Completion) -> bool {
        if self.waiting == 0 {
            return false;
        }
        self.waiting -= 1;
        let fault = match c {
            Completion::Read(r) => {
                self.words[usize::from(r.word & 1)] = r.data;
                r.bad.then_some((CAUSE_READ_ACCESS, self.va))
            }
            Completion::Write(w) => w.bad.then_some((CAUSE_WRITE_ACCESS, self.va)),
            Completion::Xlat(x) => (x.cause != CAUSE_NONE).then_some((x.cause, x.iova)),
        };
        if let Some((cause, iova)) = fault {
            let f = Fault {
                cause,
                iova,
                write: self.write,
                asid: self.asid,
            };
            self.fault.get_or_insert(f);
        }
        self.waiting == 0
    }

    /// The 16 bits at `va` of the word read.
    pub(super) fn half(&self) -> u16 {
        (self.words[0] >> (8 * (self.va & 7))) as u16
    }
}

/// A slot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    pub(super) state: SlotState,
    pub(super) vq: u32,
    pub(super) dev: u32,
    pub(super) access: Access,
    pub(super) head: u16,
    pub(super) walk: Walk,
    pub(super) desc: Desc,
    pub(super) readable: u64,
    pub(super) writable: u64,
    /// The first writable descriptor of the chain.
    pub(super) start: Option<Walk>,
    /// The chain takes received bytes.
    pub(super) delivers: bool,
    pub(super) used_len: u32,
    pub(super) generation: u16,
    /// What ends the packet of a slot that waits for the transmit mover; nothing: it goes on.
    pub(super) ends: bool,
    pub(super) disposition: Disposition,
    pub(super) report: Fault,
}

impl Core {
    /// TIMING.md §3.4.
    pub(super) fn on_ready(&mut self) {
        let (Some(v), Some(s)) = (self.ctx.ready.pop(), self.idle_slot()) else {
            return;
        };
        self.ctx.vq[v as usize].queued = false;
        let vq = self.ctx.vq[v as usize];
        if !vq.ready || self.ctx.is_receive(v) || !self.ctx.running(vq.owner) {
            return;
        }
        if vq.busy {
            self.ctx.vq[v as usize].again = true;
            return;
        }
        self.bind(s, v);
        if vq.avail_cache != vq.last_avail {
            self.read_ring(s);
        } else {
            self.read_avail(s, SlotState::Avail);
        }
    }

    pub(super) fn bind(&mut self, s: usize, v: u32) {
        let vq = &mut self.ctx.vq[v as usize];
        vq.busy = true;
        let d = vq.owner;
        let inflight = &mut self.ctx.dev[d as usize].inflight;
        *inflight = inflight.saturating_add(1);
        let generation = self.slots[s].generation;
        self.slots[s] = Slot {
            vq: v,
            dev: d,
            generation,
            delivers: s == RX_SLOT,
            ..Slot::default()
        };
    }

    pub(super) fn release(&mut self, s: usize) {
        let (v, d) = (self.slots[s].vq, self.slots[s].dev);
        self.slots[s].state = SlotState::Idle;
        self.slots[s].access.waiting = 0;
        let inflight = &mut self.ctx.dev[d as usize].inflight;
        *inflight = inflight.saturating_sub(1);
        let vq = &mut self.ctx.vq[v as usize];
        vq.busy = false;
        if std::mem::take(&mut vq.again) && vq.ready {
            self.ctx.enqueue(v);
        }
    }

    pub(super) fn alive(&self, s: usize) -> bool {
        self.ctx.usable(self.slots[s].dev) && self.ctx.vq[self.slots[s].vq as usize].ready
    }

    pub(super) fn negotiated(&self, s: usize, feature: u32) -> bool {
        self.ctx.dev[self.slots[s].dev as usize].driver >> feature & 1 == 1
    }

    fn ring_asid(&self, s: usize) -> u32 {
        self.ctx.dev[self.slots[s].dev as usize].asid[2]
    }

    pub(super) fn buffer_asid(&self, s: usize) -> u32 {
        let group = usize::from(self.ctx.vq[self.slots[s].vq as usize].group);
        self.ctx.dev[self.slots[s].dev as usize]
            .asid
            .get(group)
            .copied()
            .unwrap_or(0)
    }

    fn read(&mut self, s: usize, state: SlotState, asid: u32, va: u64, words: u8) {
        self.slots[s].state = state;
        self.slots[s].access = Access::new(va, asid, false, words);
        self.op(s, Kind::Read(words), asid, va, 0);
    }

    fn write(&mut self, s: usize, state: SlotState, va: u64, bytes: u8, data: u64) {
        let asid = self.ring_asid(s);
        self.slots[s].state = state;
        self.slots[s].access = Access::new(va, asid, true, 1);
        self.op(s, Kind::Write(bytes), asid, va, data);
    }

    fn op(&mut self, s: usize, kind: Kind, asid: u32, va: u64, data: u64) {
        self.fx.ctl = Some(CtlOp {
            kind,
            client: s as u8,
            asid: Some(asid),
            interrupt: false,
            va,
            data,
        });
    }

    pub(super) fn read_avail(&mut self, s: usize, state: SlotState) {
        let va = self.ctx.vq[self.slots[s].vq as usize]
            .driver
            .wrapping_add(AVAIL_IDX);
        self.read(s, state, self.ring_asid(s), va, 1);
    }

    fn read_ring(&mut self, s: usize) {
        let vq = &self.ctx.vq[self.slots[s].vq as usize];
        let entry = u64::from(vq.last_avail % vq.size.max(1));
        let va = vq.driver.wrapping_add(AVAIL_RING + 2 * entry);
        self.read(s, SlotState::Ring, self.ring_asid(s), va, 1);
    }

    /// Reads the descriptor at which the walk stands.
    pub(super) fn read_desc(&mut self, s: usize) {
        let w = self.slots[s].walk;
        let va = w.table.wrapping_add(DESC_BYTES * u64::from(w.index));
        let asid = if w.indirect {
            self.buffer_asid(s)
        } else {
            self.ring_asid(s)
        };
        self.read(s, SlotState::Desc, asid, va, 2);
    }

    pub(super) fn write_used_elem(&mut self, s: usize) {
        let vq = &self.ctx.vq[self.slots[s].vq as usize];
        let entry = u64::from(vq.used_idx % vq.size.max(1));
        let va = vq.device.wrapping_add(USED_RING + USED_ELEM_BYTES * entry);
        let data = u64::from(self.slots[s].head) | u64::from(self.slots[s].used_len) << 32;
        self.write(s, SlotState::UsedElem, va, USED_ELEM_BYTES as u8, data);
    }

    /// The message of a slot that is neither translated nor tagged.
    pub(super) fn write_message(&mut self, s: usize, state: SlotState, address: u64, data: u32) {
        self.slots[s].state = state;
        self.slots[s].access = Access::new(address, 0, true, 1);
        self.fx.ctl = Some(message(s as u8, address, data));
    }

    /// TIMING.md §3.5.
    pub(super) fn on_slot_completion(&mut self, s: usize, c: Completion, env: &Env) {
        if !self.slots[s].access.complete(c) {
            return;
        }
        let state = self.slots[s].state;
        match state {
            SlotState::Msi if self.alive(s) => return self.finish(s),
            SlotState::Msi | SlotState::CfgMsi => return self.release(s),
            _ => {}
        }
        if !self.alive(s) {
            return self.abort(s, env);
        }
        if let Some(f) = self.slots[s].access.fault {
            return self.fail(s, f, env);
        }
        match state {
            SlotState::Avail | SlotState::Avail2 => self.on_avail(s, state, env),
            SlotState::Rearm => self.read_avail(s, SlotState::Avail2),
            SlotState::Ring => self.on_ring(s, env),
            SlotState::Desc => {
                self.slots[s].desc = Desc::from_words(self.slots[s].access.words);
                self.walk(s, env);
            }
            SlotState::UsedElem => {
                let vq = &self.ctx.vq[self.slots[s].vq as usize];
                let (va, idx) = (
                    vq.device.wrapping_add(USED_IDX),
                    vq.used_idx.wrapping_add(1),
                );
                self.write(s, SlotState::UsedIdx, va, 2, u64::from(idx));
            }
            SlotState::UsedIdx => self.on_used(s),
            SlotState::Event => self.on_event(s),
            _ => {}
        }
    }

    fn on_avail(&mut self, s: usize, state: SlotState, env: &Env) {
        let idx = self.slots[s].access.half();
        let v = self.slots[s].vq as usize;
        let vq = &mut self.ctx.vq[v];
        let n = idx.wrapping_sub(vq.last_avail);
        if n > vq.size {
            return self.fail_ring(s, CAUSE_AVAIL_JUMP, env);
        }
        vq.avail_cache = idx;
        if n > 0 {
            self.read_ring(s);
        } else if s == RX_SLOT {
            self.drop_packet(s);
        } else if state == SlotState::Avail && self.negotiated(s, F_EVENT_IDX) {
            let vq = &self.ctx.vq[v];
            let va = vq
                .device
                .wrapping_add(USED_RING + USED_ELEM_BYTES * u64::from(vq.size));
            let last_avail = u64::from(vq.last_avail);
            self.write(s, SlotState::Rearm, va, 2, last_avail);
        } else {
            self.release(s);
        }
    }

    fn on_ring(&mut self, s: usize, env: &Env) {
        let slot = &mut self.slots[s];
        let vq = &self.ctx.vq[slot.vq as usize];
        let head = slot.access.half();
        if head >= vq.size {
            return self.fail_ring(s, CAUSE_DESC_INDEX, env);
        }
        slot.head = head;
        slot.generation = (slot.generation + 1) & 0x1fff;
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

    fn on_used(&mut self, s: usize) {
        let vq = &mut self.ctx.vq[self.slots[s].vq as usize];
        vq.used_idx = vq.used_idx.wrapping_add(1);
        vq.last_avail = vq.last_avail.wrapping_add(1);
        vq.chains = vq.chains.wrapping_add(1);
        let used_event = AVAIL_RING + 2 * u64::from(vq.size);
        let driver = vq.driver;
        let at = if self.negotiated(s, F_EVENT_IDX) {
            used_event
        } else {
            0
        };
        self.read(
            s,
            SlotState::Event,
            self.ring_asid(s),
            driver.wrapping_add(at),
            1,
        );
    }

    fn on_event(&mut self, s: usize) {
        let half = self.slots[s].access.half();
        let event_idx = self.negotiated(s, F_EVENT_IDX);
        let vq = &mut self.ctx.vq[self.slots[s].vq as usize];
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
