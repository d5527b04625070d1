//! What the picked source holds, as an event, and what is popped for it.
//!
//! Combinational, in the pick cycle. The slot of a ready event and of a direct doorbell is that of the free list, of a packet that of the receive
//! free list or of its tag, of a TXW the owner that waits or the
//! head of the waiting FIFO. What a normal event reads of other units is put in later (`pipe.rs`). Contract §3.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;
use shoal_abi::stream;

use crate::block_default;
use crate::ctx_types::{
    CoreEv, SRC_AUX, SRC_COMP, SRC_DB, SRC_RDY, SRC_RXD, SRC_RXP, SRC_TXD, SRC_TXW,
};
use crate::types::{Comp, RxDone, RxHead, TxDone};

/// See the file's text.
#[derive(LogicBlock)]
pub struct EventIn {
    /// An event is picked in this cycle.
    pub pick: Signal<In, Bit>,
    /// Its source.
    pub src: Signal<In, Bits<4>>,
    /// A doorbell takes the head of the free list with it.
    pub direct: Signal<In, Bit>,
    /// Head of the completion FIFO.
    pub comp: Signal<In, Comp>,
    /// Head of the transmit done FIFO.
    pub tx_done: Signal<In, TxDone>,
    /// Head of the receive done FIFO.
    pub rx_done: Signal<In, RxDone>,
    /// Head of the header FIFO.
    pub rx_head: Signal<In, RxHead>,
    /// Head of the doorbell FIFO: page.
    pub db_page: Signal<In, Bits<18>>,
    /// Head of the doorbell FIFO: index.
    pub db_index: Signal<In, Bits<16>>,
    /// Head of the parked FIFO if that is due, else of the ready FIFO.
    pub ready_vq: Signal<In, Bits<18>>,
    /// Head of the free list.
    pub free_slot: Signal<In, Bits<8>>,
    /// The slot that goes on when the transmit mover can take ops.
    pub wait_slot: Signal<In, Bits<8>>,
    /// Head of the receive free list.
    pub rx_free_slot: Signal<In, Bits<8>>,
    /// A warm reset is going on.
    pub warm: Signal<In, Bit>,
    /// The MMU's invalidation is pending.
    pub inv_pending: Signal<In, Bit>,
    /// The count of the other epoch is 0.
    pub other_zero: Signal<In, Bit>,
    /// The count of the other message epoch is 0.
    pub msg_old_zero: Signal<In, Bit>,
    /// The admin queue is live.
    pub live: Signal<In, Bit>,
    /// The event.
    pub ev: Signal<Out, CoreEv>,
    /// Pops the completion FIFO.
    pub comp_pop: Signal<Out, Bit>,
    /// Pops the transmit done FIFO.
    pub tx_done_pop: Signal<Out, Bit>,
    /// Pops the receive done FIFO.
    pub rx_done_pop: Signal<Out, Bit>,
    /// Pops the header FIFO and the receive free list.
    pub rx_head_pop: Signal<Out, Bit>,
    /// Pops the doorbell FIFO.
    pub db_pop: Signal<Out, Bit>,
    /// Pops the FIFO that `ready_vq` is of.
    pub ready_pop: Signal<Out, Bit>,
    /// Pops the free list: with the ready FIFO, or for a direct doorbell.
    pub free_pop: Signal<Out, Bit>,
    /// Takes the slot that waits.
    pub wait_pop: Signal<Out, Bit>,
    /// Pops the fault FIFO, which ignores it when empty.
    pub fault_pop: Signal<Out, Bit>,
    tuser: Signal<Local, Bits<64>>,
    shifted: Signal<Local, Bits<64>>,
    tag_part: Signal<Local, Bits<64>>,
    tag: Signal<Local, Bits<16>>,
    tag_slot: Signal<Local, Bits<16>>,
    no_ev: Constant<CoreEv>,
    src_comp: Constant<Bits<4>>,
    src_txd: Constant<Bits<4>>,
    src_rxd: Constant<Bits<4>>,
    src_rxp: Constant<Bits<4>>,
    src_db: Constant<Bits<4>>,
    src_rdy: Constant<Bits<4>>,
    src_aux: Constant<Bits<4>>,
    src_txw: Constant<Bits<4>>,
    slot_mask: Constant<Bits<16>>,
    answer_lsb: Constant<Bits<64>>,
    tag_lsb: Constant<Bits<64>>,
}

impl EventIn {
    /// The block for a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            pick, src, direct, comp, tx_done, rx_done, rx_head, db_page, db_index, ready_vq, free_slot, wait_slot,
            rx_free_slot, warm, inv_pending, other_zero, msg_old_zero, live, ev, comp_pop, tx_done_pop, rx_done_pop, rx_head_pop, db_pop, ready_pop,
            free_pop, wait_pop, fault_pop, tuser, shifted, tag_part, tag, tag_slot;
            no_ev = CoreEv::default(), src_comp = SRC_COMP, src_txd = SRC_TXD, src_rxd = SRC_RXD, src_rxp = SRC_RXP,
            src_db = SRC_DB, src_rdy = SRC_RDY, src_aux = SRC_AUX, src_txw = SRC_TXW,
            slot_mask = (1u64 << p.slot_w) - 1, answer_lsb = u64::from(stream::TUSER_ANSWER.lsb),
            tag_lsb = u64::from(stream::TUSER_TAG.lsb)
        )
    }
}

impl Logic for EventIn {
    #[hdl_gen]
    fn update(&mut self) {
        self.tuser.next = self.rx_head.val().tuser;
        self.shifted.next = self.tuser.val() >> self.answer_lsb.val();
        self.tag_part.next = self.tuser.val() >> self.tag_lsb.val();
        self.tag.next = self.tag_part.val().get_bits::<16>(0);
        self.tag_slot.next = self.tag.val() & self.slot_mask.val();
        self.ev.next = self.no_ev.val();
        self.ev.next.src = self.src.val();
        self.ev.next.warm = self.warm.val();
        self.ev.next.inv_pending = self.inv_pending.val();
        self.ev.next.other_zero = self.other_zero.val();
        self.ev.next.msg_old_zero = self.msg_old_zero.val();
        self.ev.next.live = self.live.val();
        if self.src.val() == self.src_comp.val() {
            self.ev.next.slot = self.comp.val().slot;
            self.ev.next.a = self.comp.val().a;
            self.ev.next.b = self.comp.val().b;
            self.ev.next.cause = self.comp.val().cause;
            self.ev.next.iova = self.comp.val().iova;
            self.ev.next.sent = self.comp.val().sent;
        } else if self.src.val() == self.src_txd.val() {
            self.ev.next.slot = self.tx_done.val().slot;
            self.ev.next.cause = self.tx_done.val().cause;
            self.ev.next.iova = self.tx_done.val().iova;
        } else if self.src.val() == self.src_rxd.val() {
            self.ev.next.slot = self.rx_done.val().slot;
            self.ev.next.bytes = self.rx_done.val().bytes;
            self.ev.next.ended = self.rx_done.val().ended;
            self.ev.next.cause = self.rx_done.val().cause;
            self.ev.next.iova = self.rx_done.val().iova;
        } else if self.src.val() == self.src_rxp.val() {
            self.ev.next.slot = self.rx_free_slot.val();
            self.ev.next.spare = self.rx_free_slot.val();
            self.ev.next.dest = self.rx_head.val().dest;
            self.ev.next.index = self.rx_head.val().tid;
            self.ev.next.tag = self.tag.val();
            if self.shifted.val().get_bit(0) {
                self.ev.next.answer = true;
                self.ev.next.slot = self.tag_slot.val().get_bits::<8>(0);
            }
        } else if self.src.val() == self.src_db.val() {
            self.ev.next.id = self.db_page.val();
            self.ev.next.index = self.db_index.val();
            if self.direct.val() {
                self.ev.next.direct = true;
                self.ev.next.slot = self.free_slot.val();
            }
        } else if self.src.val() == self.src_rdy.val() {
            self.ev.next.slot = self.free_slot.val();
            self.ev.next.id = self.ready_vq.val();
        } else if self.src.val() == self.src_txw.val() {
            self.ev.next.slot = self.wait_slot.val();
        }
        self.comp_pop.next = self.pick.val() & (self.src.val() == self.src_comp.val());
        self.tx_done_pop.next = self.pick.val() & (self.src.val() == self.src_txd.val());
        self.rx_done_pop.next = self.pick.val() & (self.src.val() == self.src_rxd.val());
        self.rx_head_pop.next = self.pick.val() & (self.src.val() == self.src_rxp.val());
        self.db_pop.next = self.pick.val() & (self.src.val() == self.src_db.val());
        self.ready_pop.next = self.pick.val() & (self.src.val() == self.src_rdy.val());
        self.free_pop.next = self.pick.val()
            & ((self.src.val() == self.src_rdy.val())
                | ((self.src.val() == self.src_db.val()) & self.direct.val()));
        self.wait_pop.next = self.pick.val() & (self.src.val() == self.src_txw.val());
        self.fault_pop.next = self.pick.val() & (self.src.val() == self.src_aux.val());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_in_lints_clean() {
        let p = &shoal_abi::profile::TINY;
        crate::util::assert_lint_clean("event_in", EventIn::new(p));
    }
}
