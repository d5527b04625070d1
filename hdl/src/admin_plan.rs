//! What an accepted command changes: the new records, and which of them are written. Combinational.
//!
//! Spec: virtio 1.4 §2.1 (device status), §2.7.21 (queue reset). Contract §10. `phase`: 0 first, 1 the drain is over, 2 it took too long.
//! The device's part is here, the virtqueue's in `admin_plan_vq`.

use rust_hdl::prelude::*;
use shoal_abi::{cmd, ring};

use crate::admin_types::{
    OpFlags, Plan, CFG_MERGE, CFG_READ, CFG_WRITE, NEXT_MSI, NEXT_POLL, NEXT_XL, VQS_CREATE,
    VQS_DESTROY, VQS_ENQUEUE, VQS_RESET,
};
use crate::block_default;
use crate::ctx_types::{DevRec, MsiRec};
use crate::types::{AsidEntry, InvCmd};

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminPlan {
    /// The command.
    pub flags: Signal<In, OpFlags>,
    /// It is one of group MANAGED.
    pub managed: Signal<In, Bit>,
    /// Phase of a drain.
    pub phase: Signal<In, Bits<2>>,
    /// The device was stopped before the drain.
    pub was_stopped: Signal<In, Bit>,
    /// Data bytes 0..8.
    pub d0: Signal<In, Bits<64>>,
    /// Data bytes 8..16.
    pub d1: Signal<In, Bits<64>>,
    /// Data bytes 16..24.
    pub d2: Signal<In, Bits<64>>,
    /// Data bytes 24..32.
    pub d3: Signal<In, Bits<64>>,
    /// The device.
    pub dev: Signal<In, DevRec>,
    /// MSI slot of its configuration (CONFIG_SET).
    pub msi: Signal<In, MsiRec>,
    /// What is done with the device.
    pub plan: Signal<Out, Plan>,
    /// The device, changed.
    pub dev_next: Signal<Out, DevRec>,
    /// The MSI slot, changed; 0 where slots are cleared.
    pub msi_next: Signal<Out, MsiRec>,
    /// First virtqueue context.
    pub base: Signal<Out, Bits<18>>,
    /// Virtqueue contexts.
    pub count: Signal<Out, Bits<4>>,
    /// Doorbell page.
    pub page: Signal<Out, Bits<18>>,
    /// IOTLB_INVALIDATE: what.
    pub inv: Signal<Out, InvCmd>,
    /// ASID_SET: the entry.
    pub asid: Signal<Out, AsidEntry>,
    first: Signal<Local, Bit>,
    finish: Signal<Local, Bit>,
    gives_up: Signal<Local, Bit>,
    wanted: Signal<Local, Bits<8>>,
    resets: Signal<Local, Bit>,
    stops: Signal<Local, Bit>,
    drains: Signal<Local, Bit>,
    joined: Signal<Local, Bits<8>>,
    features_good: Signal<Local, Bit>,
    new_status: Signal<Local, Bits<8>>,
    was_ok: Signal<Local, Bit>,
    dev_local: Signal<Local, DevRec>,
    draft: Signal<Local, Plan>,
    unused_flags: Signal<Local, Bits<{ <OpFlags as Synth>::BITS }>>,
    unused_d3: Signal<Local, Bits<64>>,
    no_plan: Constant<Plan>,
    no_dev: Constant<DevRec>,
    no_msi: Constant<MsiRec>,
    no_inv: Constant<InvCmd>,
    no_asid: Constant<AsidEntry>,
    phase0: Constant<Bits<2>>,
    phase1: Constant<Bits<2>>,
    phase2: Constant<Bits<2>>,
    none8: Constant<Bits<8>>,
    none32: Constant<Bits<32>>,
    none64: Constant<Bits<64>>,
    one8: Constant<Bits<8>>,
    one32: Constant<Bits<32>>,
    two32: Constant<Bits<32>>,
    writable: Constant<Bits<8>>,
    driver_ok: Constant<Bits<8>>,
    features_ok: Constant<Bits<8>>,
    needs_reset: Constant<Bits<8>>,
    required: Constant<Bits<64>>,
    pasid_valid_bit: Constant<Bits<6>>,
    paced_bit: Constant<Bits<6>>,
    max_weight: Constant<Bits<4>>,
    none24: Constant<Bits<24>>,
    no_tat: Constant<Bits<64>>,
    poll: Constant<Bits<3>>,
    xl: Constant<Bits<3>>,
    message: Constant<Bits<3>>,
    vqs_create: Constant<Bits<3>>,
    vqs_destroy: Constant<Bits<3>>,
    vqs_reset: Constant<Bits<3>>,
    vqs_enqueue: Constant<Bits<3>>,
    cfg_write: Constant<Bits<2>>,
    cfg_merge: Constant<Bits<2>>,
    cfg_read: Constant<Bits<2>>,
}

impl Default for AdminPlan {
    fn default() -> Self {
        block_default!(
            flags, managed, phase, was_stopped, d0, d1, d2, d3, dev, msi, plan, dev_next, msi_next, base, count, page,
            inv, asid, first, finish, gives_up, wanted, resets, stops, drains, joined, features_good, new_status,
            was_ok, dev_local, draft, unused_flags, unused_d3;
            no_plan = Plan::default(),
            no_dev = DevRec::default(),
            no_msi = MsiRec::default(),
            no_inv = InvCmd::default(),
            no_asid = AsidEntry::default(),
            phase0 = 0u64,
            phase1 = 1u64,
            phase2 = 2u64,
            none8 = 0u64,
            none32 = 0u64,
            none64 = 0u64,
            one8 = 1u64,
            one32 = 1u64,
            two32 = 2u64,
            writable = u64::from(ring::S_WRITABLE),
            driver_ok = u64::from(ring::S_DRIVER_OK),
            features_ok = u64::from(ring::S_FEATURES_OK),
            needs_reset = u64::from(ring::S_NEEDS_RESET),
            required = ring::REQUIRED_FEATURES,
            pasid_valid_bit = 32 + u64::from(cmd::ASID_PASID_VALID.trailing_zeros()),
            paced_bit = 8 + u64::from(cmd::SCHED_PACED.trailing_zeros()),
            max_weight = u64::from(cmd::MAX_WEIGHT),
            none24 = 0u64,
            no_tat = 0u64,
            poll = NEXT_POLL,
            xl = NEXT_XL,
            message = NEXT_MSI,
            vqs_create = VQS_CREATE,
            vqs_destroy = VQS_DESTROY,
            vqs_reset = VQS_RESET,
            vqs_enqueue = VQS_ENQUEUE,
            cfg_write = CFG_WRITE,
            cfg_merge = CFG_MERGE,
            cfg_read = CFG_READ
        )
    }
}

impl Logic for AdminPlan {
    #[hdl_gen]
    fn update(&mut self) {
        self.unused_d3.next = self.d3.val();
        self.unused_flags.next = self.flags.val().into();
        self.first.next = self.phase.val() == self.phase0.val();
        self.finish.next = self.phase.val() == self.phase1.val();
        self.gives_up.next = self.phase.val() == self.phase2.val();
        // STATUS_SET: 0 is a reset, else bits are added.
        self.wanted.next = self.d0.val().get_bits::<8>(0) & self.writable.val();
        self.resets.next = self.flags.val().status_set & (self.wanted.val() == self.none8.val());
        self.stops.next = self.flags.val().mode_set & self.d0.val().get_bit(0);
        self.drains.next = self.resets.val()
            | self.stops.val()
            | self.flags.val().destroy
            | self.flags.val().vq_reset;
        self.joined.next = self.dev.val().status | self.wanted.val();
        self.features_good.next = ((self.dev.val().features & !self.dev.val().offered)
            == self.none64.val())
            & ((self.dev.val().features & self.required.val()) == self.required.val());
        self.new_status.next = self.joined.val();
        if !self.features_good.val() {
            self.new_status.next = self.joined.val() & !self.features_ok.val();
        }
        self.was_ok.next = (self.dev.val().status & self.driver_ok.val()) != self.none8.val();
        // Nothing, unless a command below says so.
        self.draft.next = self.no_plan.val();
        self.dev_local.next = self.dev.val();
        self.msi_next.next = self.msi.val();
        self.base.next = self.dev.val().vq_base;
        self.count.next = self.dev.val().vq_count;
        self.page.next = self.dev.val().page;
        self.draft.next.again = self.gives_up.val();
        if self.drains.val() & self.first.val() {
            self.draft.next.follow = self.poll.val();
            self.draft.next.dev_we = true;
            self.draft.next.slots = !self.stops.val();
            self.draft.next.by_vq = self.flags.val().vq_reset;
        }
        if self.flags.val().list_use {
            self.draft.next.use_own = !self.managed.val();
            self.draft.next.use_managed = self.managed.val();
        }
        if self.flags.val().asid_set {
            self.draft.next.asid = true;
        }
        if self.flags.val().invalidate {
            self.draft.next.inv = true;
            self.draft.next.follow = self.poll.val();
        }
        if self.flags.val().translate {
            self.draft.next.follow = self.xl.val();
        }
        if self.flags.val().create {
            self.draft.next.vqs_check = true;
            self.draft.next.cfg = true;
            self.draft.next.cfg_mode = self.cfg_write.val();
            self.draft.next.dev_we = true;
            self.draft.next.cmsi_we = true;
            self.draft.next.page_we = true;
            self.draft.next.page_own = true;
            self.draft.next.vqs = true;
            self.draft.next.vqs_mode = self.vqs_create.val();
            self.msi_next.next = self.no_msi.val();
            self.base.next = self.d0.val().get_bits::<18>(32);
            self.count.next = self.d0.val().get_bits::<4>(16);
            self.page.next = self.d3.val().get_bits::<18>(32);
            self.dev_local.next = self.no_dev.val();
            self.dev_local.next.exists = true;
            self.dev_local.next.weight = self.max_weight.val();
            self.dev_local.next.typ = self.d0.val().get_bits::<8>(0);
            self.dev_local.next.offered = self.d1.val();
            self.dev_local.next.vq_base = self.d0.val().get_bits::<18>(32);
            self.dev_local.next.vq_count = self.d0.val().get_bits::<4>(16);
            self.dev_local.next.asid0 = self.d2.val().get_bits::<17>(0);
            self.dev_local.next.asid1 = self.d2.val().get_bits::<17>(32);
            self.dev_local.next.asid2 = self.d3.val().get_bits::<17>(0);
            self.dev_local.next.page = self.d3.val().get_bits::<18>(32);
        }
        if self.flags.val().destroy {
            if self.first.val() {
                self.dev_local.next.status = self.dev.val().status | self.needs_reset.val();
            }
            if self.finish.val() {
                self.dev_local.next = self.no_dev.val();
                self.msi_next.next = self.no_msi.val();
                self.draft.next.dev_we = true;
                self.draft.next.cmsi_we = true;
                self.draft.next.page_we = true;
                self.draft.next.vqs = true;
                self.draft.next.vqs_mode = self.vqs_destroy.val();
            }
        }
        if self.resets.val() {
            if self.first.val() {
                self.dev_local.next.status = self.needs_reset.val();
            }
            if self.finish.val() {
                self.dev_local.next.status = self.none8.val();
                self.dev_local.next.features = self.none64.val();
                self.dev_local.next.stopped = false;
                self.msi_next.next = self.no_msi.val();
                self.draft.next.dev_we = true;
                self.draft.next.cmsi_we = true;
                self.draft.next.vqs = true;
                self.draft.next.vqs_mode = self.vqs_reset.val();
            }
        } else if self.flags.val().status_set {
            self.dev_local.next.status = self.new_status.val();
            self.draft.next.dev_we = true;
            self.draft.next.vqs = !self.was_ok.val()
                & ((self.new_status.val() & self.driver_ok.val()) != self.none8.val());
            self.draft.next.vqs_mode = self.vqs_enqueue.val();
        }
        if self.stops.val() {
            if self.first.val() {
                self.dev_local.next.stopped = true;
            }
            if self.gives_up.val() & !self.was_stopped.val() {
                self.dev_local.next.stopped = false;
                self.draft.next.dev_we = true;
                self.draft.next.vqs = true;
                self.draft.next.vqs_mode = self.vqs_enqueue.val();
            }
        } else if self.flags.val().mode_set & self.dev.val().stopped {
            self.dev_local.next.stopped = false;
            self.draft.next.dev_we = true;
            self.draft.next.vqs = true;
            self.draft.next.vqs_mode = self.vqs_enqueue.val();
        }
        if self.flags.val().features_set {
            self.dev_local.next.features = self.d0.val();
            self.draft.next.dev_we = true;
        }
        if self.flags.val().config_get {
            self.draft.next.cfg = true;
            self.draft.next.cfg_mode = self.cfg_read.val();
        }
        if self.flags.val().config_set {
            self.draft.next.cfg = true;
            self.draft.next.cfg_mode = self.cfg_merge.val();
            self.dev_local.next.generation = self.dev.val().generation + self.one8.val();
            self.draft.next.dev_we = true;
            if self.was_ok.val() & self.msi.val().valid {
                if self.msi.val().mask {
                    self.msi_next.next.pending = true;
                    self.draft.next.cmsi_we = true;
                } else {
                    self.draft.next.interrupt = true;
                    self.draft.next.follow = self.message.val();
                }
            }
        }
        if self.flags.val().mmu_stats {
            self.draft.next.mmu_stats = true;
        }
        if self.flags.val().sched_set {
            self.draft.next.dev_we = true;
            self.dev_local.next.weight = self.d0.val().get_bits::<4>(0);
            self.dev_local.next.paced = self.d0.val().get_bit(self.paced_bit.val().index());
            self.dev_local.next.tat = self.no_tat.val();
            self.dev_local.next.interval = self.none24.val();
            self.dev_local.next.burst = self.none24.val();
            if self.d0.val().get_bit(self.paced_bit.val().index()) {
                self.dev_local.next.interval = self.d0.val().get_bits::<24>(32);
                self.dev_local.next.burst = self.d1.val().get_bits::<24>(0);
            }
        }
        if self.flags.val().group_asid_set {
            self.draft.next.dev_we = true;
            if self.d0.val().get_bits::<32>(0) == self.none32.val() {
                self.dev_local.next.asid0 = self.d0.val().get_bits::<17>(32);
            }
            if self.d0.val().get_bits::<32>(0) == self.one32.val() {
                self.dev_local.next.asid1 = self.d0.val().get_bits::<17>(32);
            }
            if self.d0.val().get_bits::<32>(0) == self.two32.val() {
                self.dev_local.next.asid2 = self.d0.val().get_bits::<17>(32);
            }
        }
        self.draft.next.running = self.dev_local.val().exists
            & ((self.dev_local.val().status & self.driver_ok.val()) != self.none8.val())
            & ((self.dev_local.val().status & self.needs_reset.val()) == self.none8.val())
            & !self.dev_local.val().stopped;
        self.plan.next = self.draft.val();
        self.dev_next.next = self.dev_local.val();
        // Effects on the MMU.
        self.inv.next = self.no_inv.val();
        self.inv.next.kind = self.d0.val().get_bits::<2>(0);
        self.inv.next.asid = self.d0.val().get_bits::<17>(32);
        self.asid.next = self.no_asid.val();
        self.asid.next.mode = self.d0.val().get_bits::<2>(32);
        self.asid.next.pasid_valid = self.d0.val().get_bit(self.pasid_valid_bit.val().index());
        self.asid.next.pasid = self.d1.val().get_bits::<20>(0);
        self.asid.next.ppn = self.d2.val().get_bits::<44>(12);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_plan_lints_clean() {
        crate::util::assert_lint_clean("admin_plan", AdminPlan::default());
    }
}
