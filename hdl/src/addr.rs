//! Which contexts an event looks at: its slot, page, virtqueue and device.
//!
//! Combinational over records read before, so an address is good once its source is read: slot, page and a ready FIFO entry
//! in busy cycle 2, the device of those in cycle 3, a virtqueue found through its device in cycle 4, all in cycle 4.

use rust_hdl::prelude::*;

use crate::block_default;
use crate::ctx_types::{CoreEv, DevRec, SlotRec, VqRec, SRC_DB, SRC_RDY, SRC_RXP};

/// See the file's text.
#[derive(LogicBlock)]
pub struct CtxAddr {
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// Slot read.
    pub slot: Signal<In, SlotRec>,
    /// Device read.
    pub dev: Signal<In, DevRec>,
    /// Virtqueue read.
    pub vq: Signal<In, VqRec>,
    /// Owner of the page read.
    pub page: Signal<In, Bits<18>>,
    /// Member id.
    pub dev_addr: Signal<Out, Bits<18>>,
    /// Virtqueue context.
    pub vq_addr: Signal<Out, Bits<18>>,
    index: Signal<Local, Bits<16>>,
    dest: Signal<Local, Bits<20>>,
    indexed: Signal<Local, Bits<18>>,
    src_rxp: Constant<Bits<4>>,
    src_db: Constant<Bits<4>>,
    src_rdy: Constant<Bits<4>>,
}

impl Default for CtxAddr {
    fn default() -> Self {
        block_default!(
            ev, slot, dev, vq, page, dev_addr, vq_addr, index, dest, indexed;
            src_rxp = SRC_RXP, src_db = SRC_DB, src_rdy = SRC_RDY
        )
    }
}

impl Logic for CtxAddr {
    #[hdl_gen]
    fn update(&mut self) {
        self.index.next = self.ev.val().index;
        self.dest.next = self.ev.val().dest;
        self.indexed.next = self.dev.val().vq_base + bit_cast::<18, 16>(self.index.val());
        self.dev_addr.next = self.slot.val().dev;
        self.vq_addr.next = self.slot.val().vq;
        if (self.ev.val().src == self.src_rxp.val()) & !self.ev.val().answer {
            self.dev_addr.next = self.dest.val().get_bits::<18>(0);
            self.vq_addr.next = self.indexed.val();
        } else if self.ev.val().src == self.src_db.val() {
            self.dev_addr.next = self.page.val();
            self.vq_addr.next = self.indexed.val();
        } else if self.ev.val().src == self.src_rdy.val() {
            self.dev_addr.next = self.vq.val().owner;
            self.vq_addr.next = self.ev.val().id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addr_lints_clean() {
        crate::util::assert_lint_clean("addr", CtxAddr::default());
    }
}
