//! What an accepted command changes in one virtqueue: VQ_SETUP, VQ_RESET, MSI_SET. Combinational.
//!
//! Contract §10. Takes the device's part of the plan and completes it.

use rust_hdl::prelude::*;
use shoal_abi::{cmd, ring};

use crate::admin_types::{OpFlags, Plan, NEXT_MSI};
use crate::block_default;
use crate::ctx_types::{DevRec, MsiRec, VqCnt, VqRec};

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminPlanVq {
    /// The command.
    pub flags: Signal<In, OpFlags>,
    /// Phase of a drain.
    pub phase: Signal<In, Bits<2>>,
    /// Data bytes 0..8.
    pub d0: Signal<In, Bits<64>>,
    /// Data bytes 8..16.
    pub d1: Signal<In, Bits<64>>,
    /// Data bytes 16..24.
    pub d2: Signal<In, Bits<64>>,
    /// Data bytes 24..32.
    pub d3: Signal<In, Bits<64>>,
    /// VQ_SETUP: next used index.
    pub used_idx: Signal<In, Bits<16>>,
    /// VQ_SETUP: message masked.
    pub msi_mask: Signal<In, Bit>,
    /// VQ_SETUP: message valid.
    pub msi_valid: Signal<In, Bit>,
    /// VQ_SETUP: message address.
    pub msi_address: Signal<In, Bits<64>>,
    /// VQ_SETUP: message data.
    pub msi_data: Signal<In, Bits<32>>,
    /// The MSI slot is that of the configuration.
    pub config_slot: Signal<In, Bit>,
    /// The device.
    pub dev: Signal<In, DevRec>,
    /// The virtqueue.
    pub vq: Signal<In, VqRec>,
    /// Its counters.
    pub cnt: Signal<In, VqCnt>,
    /// The MSI slot.
    pub msi: Signal<In, MsiRec>,
    /// The device's part: plan.
    pub dev_plan: Signal<In, Plan>,
    /// The device's part: MSI slot.
    pub dev_msi: Signal<In, MsiRec>,
    /// The whole plan.
    pub plan: Signal<Out, Plan>,
    /// The virtqueue, changed.
    pub vq_next: Signal<Out, VqRec>,
    /// The counters, changed.
    pub cnt_next: Signal<Out, VqCnt>,
    /// The MSI slot, changed.
    pub msi_next: Signal<Out, MsiRec>,
    first: Signal<Local, Bit>,
    finish: Signal<Local, Bit>,
    receive: Signal<Local, Bit>,
    makes_ready: Signal<Local, Bit>,
    mask: Signal<Local, Bit>,
    valid: Signal<Local, Bit>,
    waiting: Signal<Local, Bit>,
    unused_flags: Signal<Local, Bits<{ <OpFlags as Synth>::BITS }>>,
    unused_dev: Signal<Local, Bits<{ <DevRec as Synth>::BITS }>>,
    unused_d0: Signal<Local, Bits<64>>,
    unused_d2: Signal<Local, Bits<64>>,
    unused_msi: Signal<Local, Bits<{ <MsiRec as Synth>::BITS }>>,
    no_msi: Constant<MsiRec>,
    phase0: Constant<Bits<2>>,
    phase1: Constant<Bits<2>>,
    none16: Constant<Bits<16>>,
    one32: Constant<Bits<32>>,
    type_net: Constant<Bits<8>>,
    ready_bit: Constant<Bits<6>>,
    mask_bit: Constant<Bits<6>>,
    valid_bit: Constant<Bits<6>>,
    message: Constant<Bits<3>>,
}

impl Default for AdminPlanVq {
    fn default() -> Self {
        block_default!(
            flags, phase, d0, d1, d2, d3, used_idx, msi_mask, msi_valid, msi_address, msi_data, config_slot, dev, vq,
            cnt, msi, dev_plan, dev_msi, plan, vq_next, cnt_next, msi_next, first, finish, receive, makes_ready, mask,
            valid, waiting, unused_flags, unused_dev, unused_d0, unused_d2, unused_msi;
            no_msi = MsiRec::default(),
            phase0 = 0u64,
            phase1 = 1u64,
            none16 = 0u64,
            one32 = 1u64,
            type_net = u64::from(ring::TYPE_NET),
            ready_bit = 40u64,
            mask_bit = 32 + u64::from(cmd::MSI_MASK.trailing_zeros()),
            valid_bit = 32 + u64::from(cmd::MSI_VALID.trailing_zeros()),
            message = NEXT_MSI
        )
    }
}

impl Logic for AdminPlanVq {
    #[hdl_gen]
    fn update(&mut self) {
        self.unused_msi.next = self.msi.val().into();
        self.unused_d2.next = self.d2.val();
        self.unused_d0.next = self.d0.val();
        self.unused_dev.next = self.dev.val().into();
        self.unused_flags.next = self.flags.val().into();
        self.first.next = self.phase.val() == self.phase0.val();
        self.finish.next = self.phase.val() == self.phase1.val();
        self.receive.next =
            (self.dev.val().typ == self.type_net.val()) & (self.d0.val().get_bit(0) == false);
        self.makes_ready.next = self.d0.val().get_bit(self.ready_bit.val().index());
        self.mask.next = self.d0.val().get_bit(self.mask_bit.val().index());
        self.valid.next = self.d0.val().get_bit(self.valid_bit.val().index());
        // A message that is remembered goes out with the new address, or is forgotten with the slot.
        self.waiting.next = self.msi.val().pending & self.msi.val().valid & self.valid.val();
        self.plan.next = self.dev_plan.val();
        self.vq_next.next = self.vq.val();
        self.cnt_next.next = self.cnt.val();
        self.msi_next.next = self.dev_msi.val();
        if self.flags.val().vq_setup {
            self.plan.next.vq_we = true;
            self.plan.next.msi_we = true;
            self.vq_next.next.ready = self.makes_ready.val();
            self.vq_next.next.size = self.d0.val().get_bits::<16>(16);
            self.vq_next.next.group = self.d0.val().get_bit(32);
            self.vq_next.next.last_avail = self.d0.val().get_bits::<16>(48);
            self.vq_next.next.avail_cache = self.d0.val().get_bits::<16>(48);
            self.vq_next.next.desc = self.d1.val();
            self.vq_next.next.driver = self.d2.val();
            self.vq_next.next.device = self.d3.val();
            self.vq_next.next.used_idx = self.used_idx.val();
            self.vq_next.next.again = false;
            if self.makes_ready.val() & !self.receive.val() & self.dev_plan.val().running {
                self.vq_next.next.queued = true;
                self.plan.next.ready_push = !self.vq.val().queued;
            }
            self.msi_next.next = self.no_msi.val();
            self.msi_next.next.address = self.msi_address.val();
            self.msi_next.next.data = self.msi_data.val();
            self.msi_next.next.mask = self.msi_mask.val();
            self.msi_next.next.valid = self.msi_valid.val();
        }
        if self.flags.val().vq_reset & self.first.val() {
            self.plan.next.vq_we = true;
            self.vq_next.next.ready = false;
        }
        if self.flags.val().vq_reset & self.finish.val() {
            self.plan.next.vq_we = true;
            self.vq_next.next.ready = false;
            self.vq_next.next.again = false;
            self.vq_next.next.last_avail = self.none16.val();
            self.vq_next.next.used_idx = self.none16.val();
            self.vq_next.next.avail_cache = self.none16.val();
            self.plan.next.msi_we = true;
            self.msi_next.next = self.msi.val();
            self.msi_next.next.pending = false;
        }
        if self.flags.val().msi_set {
            self.plan.next.msi_we = !self.config_slot.val();
            self.plan.next.cmsi_we = self.config_slot.val();
            self.plan.next.may_clear = !self.config_slot.val() & self.vq.val().busy;
            self.msi_next.next = self.no_msi.val();
            self.msi_next.next.address = self.d1.val();
            self.msi_next.next.data = self.d2.val().get_bits::<32>(0);
            self.msi_next.next.mask = self.mask.val();
            self.msi_next.next.valid = self.valid.val();
            if self.waiting.val() {
                if self.mask.val() {
                    self.msi_next.next.pending = true;
                } else {
                    self.plan.next.interrupt = true;
                    self.plan.next.follow = self.message.val();
                    self.plan.next.cnt_we = !self.config_slot.val();
                    self.cnt_next.next.interrupts = self.cnt.val().interrupts + self.one32.val();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_plan_vq_lints_clean() {
        crate::util::assert_lint_clean("admin_plan_vq", AdminPlanVq::default());
    }
}
