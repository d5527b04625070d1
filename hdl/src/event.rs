//! One event at a time: holds what was picked, counts its busy cycles, and pops what its source held.
//!
//! Timing: contract §3. Picked in cycle t: busy in t+1..=t+N, `last` in t+N; N = 127 for the admin block's
//! execution and WARM, else 7. Pops are in the pick cycle. Reset: idle.

use rust_hdl::prelude::*;
use shoal_abi::stream;

use crate::block_default;
use crate::ctx_types::{
    CoreEv, EVENT_CYCLES, LONG_EVENT_CYCLES, RX_SLOT, SRC_ADM, SRC_AUX, SRC_CTLB, SRC_CTLR,
    SRC_CTLX, SRC_DB, SRC_RDY, SRC_RXD, SRC_RXP, SRC_TXD, SRC_TXW, SRC_WARM,
};
use crate::types::{EvB, EvR, EvX, RxDone, RxHead, TxDone, CLIENT_ADMIN, CLIENT_AUX};

/// See the file's text.
#[derive(LogicBlock)]
pub struct EventHold {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// An event is picked in this cycle.
    pub pick: Signal<In, Bit>,
    /// Its source.
    pub src: Signal<In, Bits<4>>,
    /// Head of the read event FIFO.
    pub evr: Signal<In, EvR>,
    /// Head of the write event FIFO.
    pub evb: Signal<In, EvB>,
    /// Head of the translation event FIFO.
    pub x: Signal<In, EvX>,
    /// Transmit done register.
    pub tx_done: Signal<In, TxDone>,
    /// Receive done register.
    pub rx_done: Signal<In, RxDone>,
    /// First beat at the receive mover.
    pub rx_head: Signal<In, RxHead>,
    /// Head of the doorbell FIFO: page.
    pub db_page: Signal<In, Bits<18>>,
    /// Head of the doorbell FIFO: index.
    pub db_index: Signal<In, Bits<16>>,
    /// Head of the ready FIFO.
    pub ready_vq: Signal<In, Bits<18>>,
    /// Lowest idle chain slot.
    pub idle_slot: Signal<In, Bits<3>>,
    /// Lowest slot that waits and may go on.
    pub wait_slot: Signal<In, Bits<3>>,
    /// Owner of the transmit mover.
    pub tx_owner: Signal<In, Bits<3>>,
    /// Owner of the receive mover.
    pub rx_owner: Signal<In, Bits<3>>,
    /// The receive mover works for nobody.
    pub rx_nobody: Signal<In, Bit>,
    /// A warm reset is going on.
    pub warm: Signal<In, Bit>,
    /// The transmit op FIFO has room.
    pub tx_room: Signal<In, Bit>,
    /// The fault queue is on.
    pub fq_enable: Signal<In, Bit>,
    /// The MMU's invalidation is pending.
    pub inv_pending: Signal<In, Bit>,
    /// The count of the other epoch is 0.
    pub other_zero: Signal<In, Bit>,
    /// The admin block is in state Exec.
    pub adm_exec: Signal<In, Bit>,
    /// The admin queue is live.
    pub live: Signal<In, Bit>,
    /// No event is at work.
    pub idle: Signal<Out, Bit>,
    /// Last busy cycle.
    pub last: Signal<Out, Bit>,
    /// Busy cycle, 1..=N, 0 when idle.
    pub step: Signal<Out, Bits<7>>,
    /// The event.
    pub ev: Signal<Out, CoreEv>,
    /// It is one of the engine's.
    pub eng_busy: Signal<Out, Bit>,
    /// It is one of the admin block's.
    pub adm_busy: Signal<Out, Bit>,
    /// So it is, and this is its first busy cycle.
    pub adm_start: Signal<Out, Bit>,
    /// So it is, and this is its last busy cycle.
    pub adm_commit: Signal<Out, Bit>,
    /// It is one of AUX's, and this is its last busy cycle.
    pub aux_commit: Signal<Out, Bit>,
    /// Pops the read event FIFO.
    pub evr_pop: Signal<Out, Bit>,
    /// Pops the write event FIFO.
    pub evb_pop: Signal<Out, Bit>,
    /// Pops the translation event FIFO.
    pub x_pop: Signal<Out, Bit>,
    /// Empties the transmit done register.
    pub tx_done_pop: Signal<Out, Bit>,
    /// Empties the receive done register.
    pub rx_done_pop: Signal<Out, Bit>,
    /// Pops the doorbell FIFO.
    pub db_pop: Signal<Out, Bit>,
    /// Pops the ready FIFO.
    pub ready_pop: Signal<Out, Bit>,
    /// Pops the fault FIFO.
    pub fault_pop: Signal<Out, Bit>,
    count: DFF<Bits<7>>,
    length: DFF<Bits<7>>,
    held: DFF<CoreEv>,
    next_ev: Signal<Local, CoreEv>,
    ends: Signal<Local, Bit>,
    first: Signal<Local, Bit>,
    busy: Signal<Local, Bit>,
    finishes: Signal<Local, Bit>,
    for_admin: Signal<Local, Bit>,
    for_aux: Signal<Local, Bit>,
    tuser: Signal<Local, Bits<64>>,
    completion: Signal<Local, Bit>,
    no_ev: Constant<CoreEv>,
    src_ctlr: Constant<Bits<4>>,
    src_ctlb: Constant<Bits<4>>,
    src_ctlx: Constant<Bits<4>>,
    src_txd: Constant<Bits<4>>,
    src_rxd: Constant<Bits<4>>,
    src_rxp: Constant<Bits<4>>,
    src_adm: Constant<Bits<4>>,
    src_db: Constant<Bits<4>>,
    src_rdy: Constant<Bits<4>>,
    src_aux: Constant<Bits<4>>,
    src_txw: Constant<Bits<4>>,
    src_warm: Constant<Bits<4>>,
    client_admin: Constant<Bits<3>>,
    client_aux: Constant<Bits<3>>,
    rx_slot: Constant<Bits<3>>,
    cycles: Constant<Bits<7>>,
    long_cycles: Constant<Bits<7>>,
    one7: Constant<Bits<7>>,
    zero7: Constant<Bits<7>>,
    answer_lsb: Constant<Bits<64>>,
    tag_lsb: Constant<Bits<64>>,
    shifted: Signal<Local, Bits<64>>,
    tag_part: Signal<Local, Bits<64>>,
    tag: Signal<Local, Bits<16>>,
}

impl Default for EventHold {
    fn default() -> Self {
        block_default!(
            clock, reset, pick, src, evr, evb, x, tx_done, rx_done, rx_head, db_page, db_index, ready_vq, idle_slot,
            wait_slot, tx_owner, rx_owner, rx_nobody, warm, tx_room, fq_enable, inv_pending, other_zero, adm_exec,
            live, idle, last, step, ev, eng_busy, adm_busy, adm_start, adm_commit, aux_commit, evr_pop, evb_pop, x_pop, tx_done_pop,
            rx_done_pop, db_pop, ready_pop, fault_pop, count, length, held, next_ev, ends, first, busy, finishes,
            for_admin, for_aux, tuser,
            completion, shifted, tag_part, tag;
            no_ev = CoreEv::default(), src_ctlr = SRC_CTLR, src_ctlb = SRC_CTLB, src_ctlx = SRC_CTLX, src_txd = SRC_TXD,
            src_rxd = SRC_RXD, src_rxp = SRC_RXP, src_adm = SRC_ADM, src_db = SRC_DB, src_rdy = SRC_RDY,
            src_aux = SRC_AUX, src_txw = SRC_TXW, src_warm = SRC_WARM, client_admin = CLIENT_ADMIN,
            client_aux = CLIENT_AUX, rx_slot = RX_SLOT, cycles = EVENT_CYCLES, long_cycles = LONG_EVENT_CYCLES,
            one7 = 1u64, zero7 = 0u64, answer_lsb = u64::from(stream::TUSER_ANSWER.lsb),
            tag_lsb = u64::from(stream::TUSER_TAG.lsb)
        )
    }
}

impl Logic for EventHold {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, count, length, held);
        // What a source holds, as an event.
        self.tuser.next = self.rx_head.val().tuser;
        self.shifted.next = self.tuser.val() >> self.answer_lsb.val();
        self.tag_part.next = self.tuser.val() >> self.tag_lsb.val();
        self.tag.next = self.tag_part.val().get_bits::<16>(0);
        self.next_ev.next = self.no_ev.val();
        self.next_ev.next.src = self.src.val();
        self.next_ev.next.warm = self.warm.val();
        self.next_ev.next.tx_room = self.tx_room.val();
        self.next_ev.next.fq_enable = self.fq_enable.val();
        self.next_ev.next.inv_pending = self.inv_pending.val();
        self.next_ev.next.other_zero = self.other_zero.val();
        self.next_ev.next.live = self.live.val();
        if self.src.val() == self.src_ctlr.val() {
            self.next_ev.next.client = self.evr.val().client;
            self.next_ev.next.word = self.evr.val().word;
            self.next_ev.next.bad = self.evr.val().bad;
            self.next_ev.next.data = self.evr.val().data;
        } else if self.src.val() == self.src_ctlb.val() {
            self.next_ev.next.client = self.evb.val().client;
            self.next_ev.next.bad = self.evb.val().bad;
        } else if self.src.val() == self.src_ctlx.val() {
            self.next_ev.next.client = self.x.val().client;
            self.next_ev.next.word = self.x.val().word;
            self.next_ev.next.cause = self.x.val().cause;
            self.next_ev.next.iova = self.x.val().iova;
            self.next_ev.next.addr = self.x.val().addr;
            self.next_ev.next.user = self.x.val().user;
        } else if self.src.val() == self.src_txd.val() {
            self.next_ev.next.client = self.tx_owner.val();
            self.next_ev.next.cause = self.tx_done.val().cause;
            self.next_ev.next.iova = self.tx_done.val().iova;
        } else if self.src.val() == self.src_rxd.val() {
            self.next_ev.next.client = self.rx_owner.val();
            self.next_ev.next.unowned = self.rx_nobody.val();
            self.next_ev.next.bytes = self.rx_done.val().bytes;
            self.next_ev.next.ended = self.rx_done.val().ended;
            self.next_ev.next.cause = self.rx_done.val().cause;
            self.next_ev.next.iova = self.rx_done.val().iova;
        } else if self.src.val() == self.src_rxp.val() {
            self.next_ev.next.client = self.rx_slot.val();
            self.next_ev.next.dest = self.rx_head.val().dest;
            self.next_ev.next.index = self.rx_head.val().tid;
            self.next_ev.next.tag = self.tag.val();
            if self.shifted.val().get_bit(0) {
                self.next_ev.next.answer = true;
                self.next_ev.next.client = self.tag.val().get_bits::<3>(0);
            }
        } else if self.src.val() == self.src_db.val() {
            self.next_ev.next.id = self.db_page.val();
            self.next_ev.next.index = self.db_index.val();
        } else if self.src.val() == self.src_rdy.val() {
            self.next_ev.next.client = self.idle_slot.val();
            self.next_ev.next.id = self.ready_vq.val();
        } else if self.src.val() == self.src_txw.val() {
            self.next_ev.next.client = self.wait_slot.val();
        }
        // What is popped. The fault FIFO ignores it when empty.
        self.evr_pop.next = self.pick.val() & (self.src.val() == self.src_ctlr.val());
        self.evb_pop.next = self.pick.val() & (self.src.val() == self.src_ctlb.val());
        self.x_pop.next = self.pick.val() & (self.src.val() == self.src_ctlx.val());
        self.tx_done_pop.next = self.pick.val() & (self.src.val() == self.src_txd.val());
        self.rx_done_pop.next = self.pick.val() & (self.src.val() == self.src_rxd.val());
        self.db_pop.next = self.pick.val() & (self.src.val() == self.src_db.val());
        self.ready_pop.next = self.pick.val() & (self.src.val() == self.src_rdy.val());
        self.fault_pop.next = self.pick.val() & (self.src.val() == self.src_aux.val());
        // The event at work. What it says of itself is kept apart from the pick, which depends on it.
        self.ends.next =
            (self.count.q.val() != self.zero7.val()) & (self.count.q.val() == self.length.q.val());
        if self.pick.val() {
            self.held.d.next = self.next_ev.val();
            self.count.d.next = self.one7.val();
            self.length.d.next = self.cycles.val();
            if (self.src.val() == self.src_warm.val())
                | ((self.src.val() == self.src_adm.val()) & self.adm_exec.val())
            {
                self.length.d.next = self.long_cycles.val();
            }
        } else if self.ends.val() {
            self.count.d.next = self.zero7.val();
        } else if self.count.q.val() != self.zero7.val() {
            self.count.d.next = self.count.q.val() + self.one7.val();
        }
        self.ev.next = self.held.q.val();
        self.step.next = self.count.q.val();
        self.idle.next = self.count.q.val() == self.zero7.val();
        self.first.next = self.count.q.val() == self.one7.val();
        self.busy.next = self.count.q.val() != self.zero7.val();
        self.finishes.next =
            (self.count.q.val() != self.zero7.val()) & (self.count.q.val() == self.length.q.val());
        self.last.next = self.finishes.val();
        self.completion.next = (self.held.q.val().src == self.src_ctlr.val())
            | (self.held.q.val().src == self.src_ctlb.val())
            | (self.held.q.val().src == self.src_ctlx.val());
        self.for_admin.next = (self.held.q.val().src == self.src_adm.val())
            | (self.completion.val() & (self.held.q.val().client == self.client_admin.val()));
        self.for_aux.next = (self.held.q.val().src == self.src_aux.val())
            | (self.completion.val() & (self.held.q.val().client == self.client_aux.val()));
        self.eng_busy.next = self.busy.val() & !self.for_admin.val() & !self.for_aux.val();
        self.adm_busy.next = self.busy.val() & self.for_admin.val();
        self.adm_start.next = self.first.val() & self.for_admin.val();
        self.adm_commit.next = self.finishes.val() & self.for_admin.val();
        self.aux_commit.next = self.finishes.val() & self.for_aux.val();
        if self.reset.val() {
            self.count.d.next = self.zero7.val();
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
        crate::util::assert_lint_clean("event", EventHold::default());
    }
}
