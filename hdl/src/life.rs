//! What a device and one of its virtqueues may do: usable, running, alive (contract §3.2), and the features that count.
//!
//! Combinational.

use rust_hdl::prelude::*;
use shoal_abi::ring;

use crate::block_default;
use crate::ctx_types::{DevRec, VqRec};

/// See the file's text.
#[derive(LogicBlock)]
pub struct Life {
    /// Device.
    pub dev: Signal<In, DevRec>,
    /// Virtqueue.
    pub vq: Signal<In, VqRec>,
    /// A warm reset is going on.
    pub warm: Signal<In, Bit>,
    /// The device is usable and not stopped.
    pub running: Signal<Out, Bit>,
    /// The device is usable and the virtqueue ready.
    pub alive: Signal<Out, Bit>,
    /// The virtqueue is of the kind Receive.
    pub receive: Signal<Out, Bit>,
    /// EVENT_IDX is negotiated.
    pub event_idx: Signal<Out, Bit>,
    /// INDIRECT_DESC is negotiated.
    pub indirect: Signal<Out, Bit>,
    /// ASID of the virtqueue's buffers.
    pub asid: Signal<Out, Bits<17>>,
    status: Signal<Local, Bits<8>>,
    features: Signal<Local, Bits<64>>,
    usable: Signal<Local, Bit>,
    odd: Signal<Local, Bits<4>>,
    s_driver_ok: Constant<Bits<8>>,
    s_needs_reset: Constant<Bits<8>>,
    f_event_idx: Constant<Bits<64>>,
    f_indirect: Constant<Bits<64>>,
    type_net: Constant<Bits<8>>,
    low_bit: Constant<Bits<4>>,
}

impl Default for Life {
    fn default() -> Self {
        block_default!(
            dev, vq, warm, running, alive, receive, event_idx, indirect, asid, status, features, usable, odd;
            s_driver_ok = u64::from(ring::S_DRIVER_OK), s_needs_reset = u64::from(ring::S_NEEDS_RESET),
            f_event_idx = 1u64 << ring::F_EVENT_IDX, f_indirect = 1u64 << ring::F_INDIRECT_DESC,
            type_net = u64::from(ring::TYPE_NET), low_bit = 1u64
        )
    }
}

impl Logic for Life {
    #[hdl_gen]
    fn update(&mut self) {
        self.status.next =
            self.dev.val().status & (self.s_driver_ok.val() | self.s_needs_reset.val());
        self.usable.next = self.dev.val().exists
            & (self.status.val() == self.s_driver_ok.val())
            & !self.warm.val();
        self.running.next = self.usable.val() & !self.dev.val().stopped;
        self.alive.next = self.usable.val() & self.vq.val().ready;
        self.odd.next = self.vq.val().index & self.low_bit.val();
        self.receive.next =
            (self.dev.val().typ == self.type_net.val()) & (self.odd.val() != self.low_bit.val());
        self.features.next = self.dev.val().features;
        self.event_idx.next = (self.features.val() & self.f_event_idx.val()).any();
        self.indirect.next = (self.features.val() & self.f_indirect.val()).any();
        self.asid.next = self.dev.val().asid0;
        if self.vq.val().group {
            self.asid.next = self.dev.val().asid1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn life_lints_clean() {
        crate::util::assert_lint_clean("life", Life::default());
    }
}
