//! *enqueue*, *finish*, *release* and the price of a visit: what a slot's end and a doorbell change in the virtqueue, the device and the counters.
//!
//! Combinational. Stage C; contract §3.2, §3.5.

use rust_hdl::prelude::*;
use shoal_abi::ring;

use crate::block_default;
use crate::ctx_types::{DevRec, VqCnt, VqRec};
use crate::step_types::{SlotAct, StepA};

/// See the file's text.
#[derive(LogicBlock)]
pub struct Release {
    /// Stage A of the event.
    pub step: Signal<In, StepA>,
    /// What to do now.
    pub act: Signal<In, SlotAct>,
    /// The slot is a chain slot.
    pub chain_slot: Signal<In, Bit>,
    /// The slot is alive.
    pub alive: Signal<In, Bit>,
    /// Its device is running.
    pub running: Signal<In, Bit>,
    /// One packet that waited for the slot is spoken for.
    pub spends: Signal<In, Bit>,
    /// The device gets NEEDS_RESET.
    pub reported: Signal<In, Bit>,
    /// The device.
    pub dev: Signal<In, DevRec>,
    /// The virtqueue's counters.
    pub cnt: Signal<In, VqCnt>,
    /// What the cost of the visit is added to (`share.rs`).
    pub due: Signal<In, Bits<64>>,
    /// The cost.
    pub cost: Signal<In, Bits<64>>,
    /// The virtqueue, changed.
    pub vq_next: Signal<Out, VqRec>,
    /// It is to be written.
    pub vq_we: Signal<Out, Bit>,
    /// The device, changed.
    pub dev_next: Signal<Out, DevRec>,
    /// It is to be written.
    pub dev_we: Signal<Out, Bit>,
    /// The counters, changed.
    pub cnt_next: Signal<Out, VqCnt>,
    /// They are to be written.
    pub cnt_we: Signal<Out, Bit>,
    /// The virtqueue enters the ready FIFO.
    pub ready_push: Signal<Out, Bit>,
    /// The slot enters the free list.
    pub free_push: Signal<Out, Bit>,
    /// A slot enters the receive free list.
    pub rx_free_push: Signal<Out, Bit>,
    vq_local: Signal<Local, VqRec>,
    releases: Signal<Local, Bit>,
    pays: Signal<Local, Bit>,
    go_on: Signal<Local, Bit>,
    wanted: Signal<Local, Bit>,
    dropped: Signal<Local, Bit>,
    message: Signal<Local, Bit>,
    inflight: Signal<Local, Bits<4>>,
    one4: Constant<Bits<4>>,
    zero4: Constant<Bits<4>>,
    one9: Constant<Bits<9>>,
    one32: Constant<Bits<32>>,
    s_needs_reset: Constant<Bits<8>>,
}

impl Default for Release {
    fn default() -> Self {
        block_default!(
            step, act, chain_slot, alive, running, spends, reported, dev, cnt, due, cost, vq_next, vq_we, dev_next, dev_we, cnt_next,
            cnt_we, ready_push, free_push, rx_free_push, vq_local, releases, pays, go_on, wanted, dropped, message, inflight;
            one4 = 1u64, zero4 = 0u64, one9 = 1u64, one32 = 1u64, s_needs_reset = u64::from(ring::S_NEEDS_RESET)
        )
    }
}

impl Logic for Release {
    #[hdl_gen]
    fn update(&mut self) {
        self.vq_local.next = self.step.val().vq;
        self.releases.next =
            (self.act.val() == SlotAct::Release) | (self.act.val() == SlotAct::Finish);
        // A chain done well is followed by the next one, if it is there.
        self.go_on.next = (self.act.val() == SlotAct::Finish)
            & self.chain_slot.val()
            & self.alive.val()
            & self.running.val()
            & (self.vq_local.val().avail_cache != self.vq_local.val().last_avail);
        self.free_push.next =
            (self.releases.val() & self.chain_slot.val()) | self.step.val().give_back;
        self.rx_free_push.next =
            (self.releases.val() & !self.chain_slot.val()) | self.step.val().rx_back;
        self.wanted.next = self.step.val().enqueue
            | self.go_on.val()
            | (self.releases.val() & self.vq_local.val().again & self.vq_local.val().ready);
        self.ready_push.next = self.wanted.val() & !self.vq_local.val().queued;
        self.vq_next.next = self.step.val().vq;
        self.vq_next.next.queued = self.vq_local.val().queued | self.wanted.val();
        if self.releases.val() {
            self.vq_next.next.busy = false;
            self.vq_next.next.again = false;
        }
        if self.spends.val() {
            self.vq_next.next.pend = self.vq_local.val().pend - self.one9.val();
        }
        self.vq_we.next = self.step.val().vq_we | self.releases.val() | self.spends.val();
        // The device.
        self.inflight.next = self.dev.val().inflight;
        if self.step.val().bind {
            self.inflight.next = self.dev.val().inflight + self.one4.val();
        } else if self.releases.val() {
            self.inflight.next = self.dev.val().inflight - self.one4.val();
        }
        self.dev_next.next = self.dev.val();
        self.dev_next.next.inflight = self.inflight.val();
        if self.reported.val() {
            self.dev_next.next.status = self.dev.val().status | self.s_needs_reset.val();
        }
        // The chains that a visit has told of have their price.
        self.pays.next = (self.step.val().chains != self.zero4.val())
            & self.chain_slot.val()
            & self.dev.val().paced;
        if self.pays.val() {
            self.dev_next.next.tat = self.due.val() + self.cost.val();
        }
        self.dev_we.next =
            self.step.val().bind | self.releases.val() | self.reported.val() | self.pays.val();
        // The counters.
        self.dropped.next = self.step.val().drop | (self.act.val() == SlotAct::Dry);
        self.message.next = self.step.val().message | self.step.val().sent;
        self.cnt_next.next = self.cnt.val();
        if self.step.val().kick {
            self.cnt_next.next.kicks = self.cnt.val().kicks + self.one32.val();
        }
        self.cnt_next.next.chains =
            self.cnt.val().chains + bit_cast::<32, 4>(self.step.val().chains);
        if self.message.val() {
            self.cnt_next.next.interrupts = self.cnt.val().interrupts + self.one32.val();
        }
        if self.dropped.val() {
            self.cnt_next.next.drops = self.cnt.val().drops + self.one32.val();
        }
        if self.reported.val() {
            self.cnt_next.next.faults = self.cnt.val().faults + self.one32.val();
        }
        self.cnt_we.next = self.step.val().kick
            | (self.step.val().chains != self.zero4.val())
            | self.message.val()
            | self.dropped.val()
            | self.reported.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_lints_clean() {
        crate::util::assert_lint_clean("release", Release::default());
    }
}
