//! The exclusive event: ADM, AUX, WARM, and completions of the admin and the AUX slot. It is alone in the core.
//!
//! Timing: contract §3. Picked in cycle t: busy in t+1..=t+N, `last` in t+N; N = 127 for the admin block's execution,
//! 127 + 4 * 2^slot_w for WARM, else 7. Reset: none.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::block_default;
use crate::ctx_types::{
    CoreEv, EVENT_CYCLES, LONG_EVENT_CYCLES, SRC_ADM, SRC_AUX, SRC_COMP, SRC_WARM,
};

/// See the file's text.
#[derive(LogicBlock)]
pub struct EventHold {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// An exclusive event is picked in this cycle.
    pub pick: Signal<In, Bit>,
    /// It.
    pub next_ev: Signal<In, CoreEv>,
    /// The admin block is in state Exec.
    pub adm_exec: Signal<In, Bit>,
    /// None is at work.
    pub idle: Signal<Out, Bit>,
    /// Last busy cycle.
    pub last: Signal<Out, Bit>,
    /// Busy cycle, 1..=N, 0 when idle.
    pub step: Signal<Out, Bits<11>>,
    /// The event.
    pub ev: Signal<Out, CoreEv>,
    /// It is WARM.
    pub warm_busy: Signal<Out, Bit>,
    /// It is one of the admin block's.
    pub adm_busy: Signal<Out, Bit>,
    /// So it is, and this is its first busy cycle.
    pub adm_start: Signal<Out, Bit>,
    /// So it is, and this is its last busy cycle.
    pub adm_commit: Signal<Out, Bit>,
    /// It is one of AUX's, and this is its last busy cycle.
    pub aux_commit: Signal<Out, Bit>,
    count: DFF<Bits<11>>,
    length: DFF<Bits<11>>,
    held: DFF<CoreEv>,
    first: Signal<Local, Bit>,
    busy: Signal<Local, Bit>,
    finishes: Signal<Local, Bit>,
    completion: Signal<Local, Bit>,
    for_admin: Signal<Local, Bit>,
    for_aux: Signal<Local, Bit>,
    no_ev: Constant<CoreEv>,
    src_comp: Constant<Bits<4>>,
    src_adm: Constant<Bits<4>>,
    src_aux: Constant<Bits<4>>,
    src_warm: Constant<Bits<4>>,
    admin_slot: Constant<Bits<8>>,
    aux_slot: Constant<Bits<8>>,
    cycles: Constant<Bits<11>>,
    long_cycles: Constant<Bits<11>>,
    warm_cycles: Constant<Bits<11>>,
    one: Constant<Bits<11>>,
    none: Constant<Bits<11>>,
}

impl EventHold {
    /// The block for a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, pick, next_ev, adm_exec, idle, last, step, ev, warm_busy, adm_busy, adm_start, adm_commit,
            aux_commit, count, length, held, first, busy, finishes, completion, for_admin, for_aux;
            no_ev = CoreEv::default(), src_comp = SRC_COMP, src_adm = SRC_ADM, src_aux = SRC_AUX, src_warm = SRC_WARM,
            admin_slot = p.admin_slot() as u64, aux_slot = p.aux_slot() as u64, cycles = EVENT_CYCLES,
            long_cycles = LONG_EVENT_CYCLES, warm_cycles = LONG_EVENT_CYCLES + (4 << p.slot_w), one = 1u64, none = 0u64
        )
    }
}

impl Logic for EventHold {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, count, length, held);
        // What it says of itself is kept apart from the pick, which depends on it.
        self.busy.next = self.count.q.val() != self.none.val();
        self.first.next = self.count.q.val() == self.one.val();
        self.finishes.next =
            (self.count.q.val() != self.none.val()) & (self.count.q.val() == self.length.q.val());
        self.ev.next = self.held.q.val();
        self.step.next = self.count.q.val();
        self.idle.next = self.count.q.val() == self.none.val();
        self.last.next = self.finishes.val();
        self.completion.next = self.held.q.val().src == self.src_comp.val();
        self.for_admin.next = (self.held.q.val().src == self.src_adm.val())
            | (self.completion.val() & (self.held.q.val().slot == self.admin_slot.val()));
        self.for_aux.next = (self.held.q.val().src == self.src_aux.val())
            | (self.completion.val() & (self.held.q.val().slot == self.aux_slot.val()));
        self.warm_busy.next = self.busy.val() & (self.held.q.val().src == self.src_warm.val());
        self.adm_busy.next = self.busy.val() & self.for_admin.val();
        self.adm_start.next = self.first.val() & self.for_admin.val();
        self.adm_commit.next = self.finishes.val() & self.for_admin.val();
        self.aux_commit.next = self.finishes.val() & self.for_aux.val();
        if self.pick.val() {
            self.held.d.next = self.next_ev.val();
            self.count.d.next = self.one.val();
            self.length.d.next = self.cycles.val();
            if (self.next_ev.val().src == self.src_adm.val()) & self.adm_exec.val() {
                self.length.d.next = self.long_cycles.val();
            }
            if self.next_ev.val().src == self.src_warm.val() {
                self.length.d.next = self.warm_cycles.val();
            }
        } else if self.finishes.val() {
            self.count.d.next = self.none.val();
        } else if self.busy.val() {
            self.count.d.next = self.count.q.val() + self.one.val();
        }
        if self.reset.val() {
            self.count.d.next = self.none.val();
            self.length.d.next = self.cycles.val();
            self.held.d.next = self.no_ev.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_lints_clean() {
        crate::util::assert_lint_clean("event", EventHold::new(&shoal_abi::profile::TINY));
    }
}
