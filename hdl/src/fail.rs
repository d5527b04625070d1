//! *abort*, *fail*, *report* and *leave*: what a slot that cannot go on still owes the movers, its device and the fault queue.
//!
//! Combinational. Stage C; contract §3.7, §3.8. What is left over is a release, the message of the configuration with it, or nothing.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{DevRec, MsiRec, SlotFate, SlotRec, SlotState, VqRec};
use crate::step_types::SlotAct;
use crate::types::FaultRec;

/// See the file's text.
#[derive(LogicBlock)]
pub struct FailStep {
    /// What to do.
    pub act: Signal<In, SlotAct>,
    /// The slot, with the fault.
    pub slot: Signal<In, SlotRec>,
    /// Its device.
    pub dev: Signal<In, DevRec>,
    /// Its virtqueue.
    pub vq: Signal<In, VqRec>,
    /// MSI slot of the device's configuration.
    pub cmsi: Signal<In, MsiRec>,
    /// ASID of its buffers.
    pub asid: Signal<In, Bits<17>>,
    /// It is alive.
    pub alive: Signal<In, Bit>,
    /// It owns the transmit mover.
    pub owns_tx: Signal<In, Bit>,
    /// Packets that wait for it.
    pub pend: Signal<In, Bits<9>>,
    /// The transmit op FIFO has room.
    pub tx_room: Signal<In, Bit>,
    /// The fault FIFO has room and the fault queue is on.
    pub fault_room: Signal<In, Bit>,
    /// What is left to do.
    pub act_next: Signal<Out, SlotAct>,
    /// The slot, changed.
    pub slot_next: Signal<Out, SlotRec>,
    /// The packet begun ends with abort.
    pub tx_abort: Signal<Out, Bit>,
    /// There is no room for that yet.
    pub tx_wait: Signal<Out, Bit>,
    /// *discard*: push a receive op that throws a packet away.
    pub discard: Signal<Out, Bit>,
    /// The device gets NEEDS_RESET.
    pub reported: Signal<Out, Bit>,
    /// Push `record` into the fault FIFO.
    pub fault_push: Signal<Out, Bit>,
    /// It.
    pub record: Signal<Out, FaultRec>,
    /// The record is lost.
    pub fault_lost: Signal<Out, Bit>,
    /// The configuration's MSI slot: pending = 1.
    pub cfg_pending: Signal<Out, Bit>,
    /// Its message goes out.
    pub cfg_message: Signal<Out, Bit>,
    report: Signal<Local, Bit>,
    leave: Signal<Local, Bit>,
    fate: Signal<Local, SlotFate>,
    state: Signal<Local, SlotState>,
    failing: Signal<Local, Bit>,
    left: Signal<Local, Bits<4>>,
    left_next: Signal<Local, Bits<4>>,
    one4: Constant<Bits<4>>,
    zero4: Constant<Bits<4>>,
    zero9: Constant<Bits<9>>,
    no_record: Constant<FaultRec>,
}

impl Default for FailStep {
    fn default() -> Self {
        block_default!(
            act, slot, dev, vq, cmsi, asid, alive, owns_tx, pend, tx_room, fault_room, act_next, slot_next, tx_abort, tx_wait,
            discard, reported, fault_push, record, fault_lost, cfg_pending, cfg_message, report, leave, fate, state, failing, left, left_next;
            no_record = FaultRec::default(), one4 = 1u64, zero4 = 0u64, zero9 = 0u64
        )
    }
}

impl Logic for FailStep {
    #[hdl_gen]
    fn update(&mut self) {
        self.act_next.next = self.act.val();
        self.tx_abort.next = false;
        self.tx_wait.next = false;
        self.discard.next = false;
        self.cfg_pending.next = false;
        self.cfg_message.next = false;
        self.left.next = self.slot.val().left;
        self.left_next.next = self.slot.val().left;
        self.report.next = self.act.val() == SlotAct::Report;
        self.leave.next = (self.act.val() == SlotAct::Leave) | (self.act.val() == SlotAct::Report);
        self.state.next = self.slot.val().state;
        self.fate.next = self.slot.val().fate;
        self.failing.next = self.act.val() == SlotAct::Fail;
        if (self.act.val() == SlotAct::Abort) | self.failing.val() {
            self.fate.next = SlotFate::Abort;
            if self.failing.val() {
                self.fate.next = SlotFate::Fail;
            }
            if self.owns_tx.val() {
                self.act_next.next = SlotAct::Keep;
                self.tx_abort.next = self.tx_room.val();
                self.tx_wait.next = !self.tx_room.val();
                self.state.next = SlotState::TxEnd;
                self.left_next.next = self.left.val();
                if self.tx_room.val() {
                    self.left_next.next = self.left.val() + self.one4.val();
                }
                if !self.tx_room.val() {
                    self.state.next = SlotState::WaitTx;
                }
            } else if self.left.val() != self.zero4.val() {
                // The packets that a mover has go first.
                self.act_next.next = SlotAct::Keep;
                self.state.next = SlotState::TxEnd;
            } else {
                self.leave.next = true;
                self.report.next = self.failing.val();
            }
        }
        // Alive: the device has not got NEEDS_RESET yet.
        self.reported.next = self.report.val() & self.alive.val();
        self.fault_push.next = self.report.val() & self.alive.val() & self.fault_room.val();
        self.fault_lost.next = self.report.val() & self.alive.val() & !self.fault_room.val();
        if self.report.val() & self.alive.val() & self.cmsi.val().valid {
            self.cfg_pending.next = self.cmsi.val().mask;
            self.cfg_message.next = !self.cmsi.val().mask;
        }
        if self.leave.val() {
            // What waits for the slot is thrown away, one packet after the other.
            self.act_next.next = SlotAct::Release;
            if self.pend.val() != self.zero9.val() {
                self.act_next.next = SlotAct::Keep;
                self.discard.next = true;
                self.state.next = SlotState::RxDisc;
                self.fate.next = SlotFate::Abort;
            }
        }
        if self.act.val() == SlotAct::Dry {
            self.discard.next = true;
            self.state.next = SlotState::RxDisc;
            self.fate.next = SlotFate::Normal;
        }
        self.slot_next.next = self.slot.val();
        self.slot_next.next.state = self.state.val();
        self.slot_next.next.fate = self.fate.val();
        self.slot_next.next.left = self.left_next.val();
        self.record.next = self.no_record.val();
        self.record.next.cause = self.slot.val().cause;
        self.record.next.asid = self.asid.val();
        if self.slot.val().f_ring {
            self.record.next.asid = self.dev.val().asid2;
        }
        self.record.next.write = self.slot.val().f_write;
        self.record.next.dev = self.slot.val().dev;
        self.record.next.vq = bit_cast::<16, 4>(self.vq.val().index);
        self.record.next.iova = self.slot.val().iova;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fail_lints_clean() {
        crate::util::assert_lint_clean("fail", FailStep::default());
    }
}
