//! Goes through the virtqueue contexts of a device: are they free, take, free, reset, enqueue.
//!
//! Timing: `go`; two cycles a virtqueue; `done` in the last. Reset: idle.

use rust_hdl::prelude::*;

use crate::admin_types::{VQS_CHECK, VQS_CREATE, VQS_DESTROY, VQS_ENQUEUE, VQS_RESET};
use crate::block_default;
use crate::ctx_types::VqRec;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminVqs {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Begin.
    pub go: Signal<In, Bit>,
    /// The last cycle.
    pub done: Signal<Out, Bit>,
    /// `VQS_*`.
    pub mode: Signal<In, Bits<3>>,
    /// First context.
    pub base: Signal<In, Bits<18>>,
    /// Contexts, 1..=8.
    pub count: Signal<In, Bits<4>>,
    /// Device.
    pub member: Signal<In, Bits<18>>,
    /// It is a network device: even queues receive.
    pub is_net: Signal<In, Bit>,
    /// It runs.
    pub running: Signal<In, Bit>,
    /// `VQS_CHECK` found an owner; stands from the cycle after `done` on.
    pub taken: Signal<Out, Bit>,
    /// Virtqueue of the cycle before.
    pub vq: Signal<In, VqRec>,
    /// Virtqueue accessed.
    pub vq_addr: Signal<Out, Bits<18>>,
    /// Write it.
    pub vq_we: Signal<Out, Bit>,
    /// New record.
    pub vq_data: Signal<Out, VqRec>,
    /// Clear its counters.
    pub cnt_clear: Signal<Out, Bit>,
    /// Clear its MSI slot.
    pub msi_clear: Signal<Out, Bit>,
    /// Put it into the ready FIFO.
    pub ready_push: Signal<Out, Bit>,
    active: DFF<Bit>,
    look: DFF<Bit>,
    at: DFF<Bits<4>>,
    found: DFF<Bit>,
    following: Signal<Local, Bits<4>>,
    even: Signal<Local, Bit>,
    ends: Signal<Local, Bit>,
    wakes: Signal<Local, Bit>,
    creates: Signal<Local, Bit>,
    destroys: Signal<Local, Bit>,
    resets: Signal<Local, Bit>,
    enqueues: Signal<Local, Bit>,
    clears: Signal<Local, Bit>,
    no_vq: Constant<VqRec>,
    none: Constant<Bits<4>>,
    one: Constant<Bits<4>>,
    none16: Constant<Bits<16>>,
    nobody: Constant<Bits<18>>,
    check: Constant<Bits<3>>,
    create: Constant<Bits<3>>,
    destroy: Constant<Bits<3>>,
    to_reset: Constant<Bits<3>>,
    enqueue: Constant<Bits<3>>,
}

impl Default for AdminVqs {
    fn default() -> Self {
        block_default!(
            clock, reset, go, done, mode, base, count, member, is_net, running, taken, vq, vq_addr, vq_we, vq_data,
            cnt_clear, msi_clear, ready_push, active, look, at, found, following, ends, even, wakes, creates, destroys,
            resets, enqueues, clears;
            no_vq = VqRec::default(),
            none = 0u64,
            one = 1u64,
            none16 = 0u64,
            nobody = 0u64,
            check = VQS_CHECK,
            create = VQS_CREATE,
            destroy = VQS_DESTROY,
            to_reset = VQS_RESET,
            enqueue = VQS_ENQUEUE
        )
    }
}

impl Logic for AdminVqs {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, active, look, at, found);
        self.following.next = self.at.q.val() + self.one.val();
        self.ends.next =
            self.active.q.val() & self.look.q.val() & (self.following.val() == self.count.val());
        self.done.next = self.ends.val();
        self.taken.next = self.found.q.val();
        self.vq_addr.next = self.base.val() + bit_cast::<18, 4>(self.at.q.val());
        self.even.next = !self.at.q.val().get_bit(0);
        self.wakes.next =
            self.vq.val().ready & self.running.val() & !(self.is_net.val() & self.even.val());
        // The second cycle of a virtqueue: its record is there.
        self.creates.next = self.mode.val() == self.create.val();
        self.destroys.next = self.mode.val() == self.destroy.val();
        self.resets.next = self.mode.val() == self.to_reset.val();
        self.enqueues.next = (self.mode.val() == self.enqueue.val()) & self.wakes.val();
        self.clears.next = self.creates.val() | self.destroys.val() | self.resets.val();
        self.vq_we.next =
            self.active.q.val() & self.look.q.val() & (self.clears.val() | self.enqueues.val());
        self.cnt_clear.next = self.active.q.val() & self.look.q.val() & self.creates.val();
        self.msi_clear.next = self.active.q.val() & self.look.q.val() & self.clears.val();
        self.ready_push.next =
            self.active.q.val() & self.look.q.val() & self.enqueues.val() & !self.vq.val().queued;
        self.vq_data.next = self.vq.val();
        if self.clears.val() {
            self.vq_data.next.ready = false;
            self.vq_data.next.again = false;
        }
        if self.creates.val() {
            // Its entry in the ready FIFO outlives the owner before.
            self.vq_data.next = self.no_vq.val();
            self.vq_data.next.owner = self.member.val();
            self.vq_data.next.index = self.at.q.val();
            self.vq_data.next.queued = self.vq.val().queued;
        }
        if self.destroys.val() {
            self.vq_data.next.owner = self.nobody.val();
        }
        if self.resets.val() {
            self.vq_data.next.last_avail = self.none16.val();
            self.vq_data.next.used_idx = self.none16.val();
            self.vq_data.next.avail_cache = self.none16.val();
        }
        if self.enqueues.val() {
            self.vq_data.next.queued = true;
        }
        if self.active.q.val() {
            self.look.d.next = !self.look.q.val();
            if self.look.q.val() {
                self.at.d.next = self.at.q.val() + self.one.val();
                if (self.mode.val() == self.check.val())
                    & (self.vq.val().owner != self.nobody.val())
                {
                    self.found.d.next = true;
                }
            }
        }
        if self.ends.val() {
            self.active.d.next = false;
        }
        if self.go.val() {
            self.active.d.next = true;
            self.look.d.next = false;
            self.at.d.next = self.none.val();
            self.found.d.next = false;
        }
        if self.reset.val() {
            self.active.d.next = false;
            self.look.d.next = false;
            self.found.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_vqs_lints_clean() {
        crate::util::assert_lint_clean("admin_vqs", AdminVqs::default());
    }
}
