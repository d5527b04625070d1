//! Records that the parts of the admin block hand to one another, and the decoder of opcodes.

use rust_hdl::prelude::*;
use shoal_abi::cmd;

use crate::block_default;

/// What follows an execute or poll event: the answer is complete.
pub const NEXT_SCATTER: u64 = 0;
/// Wait and look again.
pub const NEXT_POLL: u64 = 1;
/// A translation has to come in first.
pub const NEXT_XL: u64 = 2;
/// A message has to be sent first.
pub const NEXT_MSI: u64 = 3;
/// Execute (again).
pub const NEXT_EXEC: u64 = 4;

/// `AdminVqs`: looks whether a context has an owner.
pub const VQS_CHECK: u64 = 0;
/// Gives the contexts to a new device.
pub const VQS_CREATE: u64 = 1;
/// Frees them.
pub const VQS_DESTROY: u64 = 2;
/// Makes them not ready and forgets ring state and messages.
pub const VQS_RESET: u64 = 3;
/// Enqueues every ready Out queue.
pub const VQS_ENQUEUE: u64 = 4;

/// `AdminCfg`: the whole configuration from the command.
pub const CFG_WRITE: u64 = 0;
/// Chosen bytes from the command.
pub const CFG_MERGE: u64 = 1;
/// Into the answer.
pub const CFG_READ: u64 = 2;

/// 8-byte words of the command's header; its data starts behind.
pub const DATA_WORD: u64 = cmd::HEADER_BYTES as u64 / 8;

/// Which command it is: at most one bit is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct OpFlags {
    pub list_query: Bit,
    pub list_use: Bit,
    pub mode_set: Bit,
    pub caps: Bit,
    pub asid_set: Bit,
    pub asid_get: Bit,
    pub invalidate: Bit,
    pub translate: Bit,
    pub create: Bit,
    pub destroy: Bit,
    pub features_get: Bit,
    pub features_set: Bit,
    pub status_get: Bit,
    pub status_set: Bit,
    pub config_get: Bit,
    pub config_set: Bit,
    pub vq_setup: Bit,
    pub vq_state_get: Bit,
    pub vq_reset: Bit,
    pub group_asid_set: Bit,
    pub msi_set: Bit,
    pub msi_get: Bit,
    pub stats_get: Bit,
    pub mmu_stats: Bit,
    pub sched_set: Bit,
    pub sched_get: Bit,
}

/// What an execute event does, in this order, and what comes after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Plan {
    /// Look whether the wanted contexts are free.
    pub vqs_check: Bit,
    /// Write the virtqueue.
    pub vq_we: Bit,
    /// Write its MSI slot.
    pub msi_we: Bit,
    /// Write its counters.
    pub cnt_we: Bit,
    /// Put it into the ready FIFO.
    pub ready_push: Bit,
    /// Release slots that wait for the card.
    pub slots: Bit,
    /// Only those of the virtqueue.
    pub by_vq: Bit,
    /// Go through the configuration.
    pub cfg: Bit,
    /// `CFG_*`.
    pub cfg_mode: Bits<2>,
    /// Write the device.
    pub dev_we: Bit,
    /// Write the MSI slot of its configuration.
    pub cmsi_we: Bit,
    /// Write the owner of its doorbell page.
    pub page_we: Bit,
    /// The owner is the device; otherwise none.
    pub page_own: Bit,
    /// Go through its virtqueues.
    pub vqs: Bit,
    /// `VQS_*`.
    pub vqs_mode: Bits<3>,
    /// The device runs.
    pub running: Bit,
    /// `NEXT_*`.
    pub follow: Bits<3>,
    /// Set the LIST_USE set of group SELF.
    pub use_own: Bit,
    /// Set that of group MANAGED.
    pub use_managed: Bit,
    /// Effect: invalidate.
    pub inv: Bit,
    /// Effect: write the ASID table.
    pub asid: Bit,
    /// Effect: CNT_INTERRUPTS += 1.
    pub interrupt: Bit,
    /// Effect: the control unit clears `may` of the virtqueue's slot (contract §4.4).
    pub may_clear: Bit,
    /// The command gives up: EAGAIN.
    pub again: Bit,
    /// Effect: the MMU's counters go into the answer.
    pub mmu_stats: Bit,
}

/// Decodes an opcode. Combinational.
#[derive(LogicBlock)]
pub struct AdminOps {
    /// Opcode.
    pub opcode: Signal<In, Bits<16>>,
    /// What it is; all 0 for an unknown one.
    pub flags: Signal<Out, OpFlags>,
    none: Constant<OpFlags>,
    list_query: Constant<Bits<16>>,
    list_use: Constant<Bits<16>>,
    mode_set: Constant<Bits<16>>,
    caps: Constant<Bits<16>>,
    asid_set: Constant<Bits<16>>,
    asid_get: Constant<Bits<16>>,
    invalidate: Constant<Bits<16>>,
    translate: Constant<Bits<16>>,
    create: Constant<Bits<16>>,
    destroy: Constant<Bits<16>>,
    features_get: Constant<Bits<16>>,
    features_set: Constant<Bits<16>>,
    status_get: Constant<Bits<16>>,
    status_set: Constant<Bits<16>>,
    config_get: Constant<Bits<16>>,
    config_set: Constant<Bits<16>>,
    vq_setup: Constant<Bits<16>>,
    vq_state_get: Constant<Bits<16>>,
    vq_reset: Constant<Bits<16>>,
    group_asid_set: Constant<Bits<16>>,
    msi_set: Constant<Bits<16>>,
    msi_get: Constant<Bits<16>>,
    stats_get: Constant<Bits<16>>,
    mmu_stats: Constant<Bits<16>>,
    sched_set: Constant<Bits<16>>,
    sched_get: Constant<Bits<16>>,
}

impl Default for AdminOps {
    fn default() -> Self {
        block_default!(
            opcode, flags;
            none = OpFlags::default(),
            list_query = u64::from(cmd::LIST_QUERY),
            list_use = u64::from(cmd::LIST_USE),
            mode_set = u64::from(cmd::DEV_MODE_SET),
            caps = u64::from(cmd::CAPS),
            asid_set = u64::from(cmd::ASID_SET),
            asid_get = u64::from(cmd::ASID_GET),
            invalidate = u64::from(cmd::IOTLB_INVALIDATE),
            translate = u64::from(cmd::TRANSLATE),
            create = u64::from(cmd::DEV_CREATE),
            destroy = u64::from(cmd::DEV_DESTROY),
            features_get = u64::from(cmd::FEATURES_GET),
            features_set = u64::from(cmd::FEATURES_SET),
            status_get = u64::from(cmd::STATUS_GET),
            status_set = u64::from(cmd::STATUS_SET),
            config_get = u64::from(cmd::CONFIG_GET),
            config_set = u64::from(cmd::CONFIG_SET),
            vq_setup = u64::from(cmd::VQ_SETUP),
            vq_state_get = u64::from(cmd::VQ_STATE_GET),
            vq_reset = u64::from(cmd::VQ_RESET),
            group_asid_set = u64::from(cmd::GROUP_ASID_SET),
            msi_set = u64::from(cmd::MSI_SET),
            msi_get = u64::from(cmd::MSI_GET),
            stats_get = u64::from(cmd::STATS_GET),
            mmu_stats = u64::from(cmd::MMU_STATS_GET),
            sched_set = u64::from(cmd::SCHED_SET),
            sched_get = u64::from(cmd::SCHED_GET)
        )
    }
}

impl Logic for AdminOps {
    #[hdl_gen]
    fn update(&mut self) {
        self.flags.next = self.none.val();
        self.flags.next.list_query = self.opcode.val() == self.list_query.val();
        self.flags.next.list_use = self.opcode.val() == self.list_use.val();
        self.flags.next.mode_set = self.opcode.val() == self.mode_set.val();
        self.flags.next.caps = self.opcode.val() == self.caps.val();
        self.flags.next.asid_set = self.opcode.val() == self.asid_set.val();
        self.flags.next.asid_get = self.opcode.val() == self.asid_get.val();
        self.flags.next.invalidate = self.opcode.val() == self.invalidate.val();
        self.flags.next.translate = self.opcode.val() == self.translate.val();
        self.flags.next.create = self.opcode.val() == self.create.val();
        self.flags.next.destroy = self.opcode.val() == self.destroy.val();
        self.flags.next.features_get = self.opcode.val() == self.features_get.val();
        self.flags.next.features_set = self.opcode.val() == self.features_set.val();
        self.flags.next.status_get = self.opcode.val() == self.status_get.val();
        self.flags.next.status_set = self.opcode.val() == self.status_set.val();
        self.flags.next.config_get = self.opcode.val() == self.config_get.val();
        self.flags.next.config_set = self.opcode.val() == self.config_set.val();
        self.flags.next.vq_setup = self.opcode.val() == self.vq_setup.val();
        self.flags.next.vq_state_get = self.opcode.val() == self.vq_state_get.val();
        self.flags.next.vq_reset = self.opcode.val() == self.vq_reset.val();
        self.flags.next.group_asid_set = self.opcode.val() == self.group_asid_set.val();
        self.flags.next.msi_set = self.opcode.val() == self.msi_set.val();
        self.flags.next.msi_get = self.opcode.val() == self.msi_get.val();
        self.flags.next.stats_get = self.opcode.val() == self.stats_get.val();
        self.flags.next.mmu_stats = self.opcode.val() == self.mmu_stats.val();
        self.flags.next.sched_set = self.opcode.val() == self.sched_set.val();
        self.flags.next.sched_get = self.opcode.val() == self.sched_get.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_ops_lints_clean() {
        crate::util::assert_lint_clean("admin_ops", AdminOps::default());
    }

    #[test]
    fn every_command_of_the_abi_has_one_flag_of_its_own() {
        let mut ops = AdminOps::default();
        ops.connect_all();
        let mut seen = Vec::new();
        for command in cmd::COMMANDS {
            ops.opcode.next = u64::from(command.opcode).into();
            crate::util::settle(&mut ops);
            let flags: Bits<{ <OpFlags as Synth>::BITS }> = ops.flags.val().into();
            let number = crate::util::number(flags);
            assert_eq!(number.count_ones(), 1, "{}", command.name);
            assert!(!seen.contains(&number), "{}", command.name);
            seen.push(number);
        }
        assert_eq!(seen.len(), <OpFlags as Synth>::BITS);
    }
}
