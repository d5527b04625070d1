//! The tests a command has to pass before it may change anything: group, opcode, member, fields, states, in this order.
//!
//! Spec: virtio 1.4 §2.13.1 (validation order). Combinational. Contract §10; fields as in `shoal_abi::cmd::COMMANDS`.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;
use shoal_abi::{cmd, ring};

use crate::admin_types::OpFlags;
use crate::block_default;
use crate::ctx_types::DevRec;

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminCheck {
    /// The command.
    pub flags: Signal<In, OpFlags>,
    /// Its opcode.
    pub opcode: Signal<In, Bits<16>>,
    /// Group type.
    pub group: Signal<In, Bits<16>>,
    /// Member id.
    pub member: Signal<In, Bits<64>>,
    /// Data bytes 0..8.
    pub d0: Signal<In, Bits<64>>,
    /// Data bytes 8..16.
    pub d1: Signal<In, Bits<64>>,
    /// Data bytes 16..24.
    pub d2: Signal<In, Bits<64>>,
    /// Data bytes 24..32.
    pub d3: Signal<In, Bits<64>>,
    /// VQ_SETUP: message address.
    pub msi_address: Signal<In, Bits<64>>,
    /// Opcodes in use in group SELF.
    pub use_own: Signal<In, Bits<128>>,
    /// Opcodes in use in group MANAGED.
    pub use_managed: Signal<In, Bits<128>>,
    /// The device.
    pub dev: Signal<In, DevRec>,
    /// The virtqueue is ready, or a chain of it is in flight.
    pub vq_taken: Signal<In, Bit>,
    /// Group, opcode and member are right.
    pub pre_ok: Signal<Out, Bit>,
    /// Else: status.
    pub pre_status: Signal<Out, Bits<16>>,
    /// Else: qualifier.
    pub pre_qualifier: Signal<Out, Bits<16>>,
    /// Fields and states are right.
    pub ok: Signal<Out, Bit>,
    /// Else: status.
    pub status: Signal<Out, Bits<16>>,
    /// Else: qualifier.
    pub qualifier: Signal<Out, Bits<16>>,
    is_own: Signal<Local, Bit>,
    is_managed: Signal<Local, Bit>,
    set: Signal<Local, Bits<128>>,
    op_low: Signal<Local, Bits<7>>,
    in_use: Signal<Local, Bit>,
    in_range: Signal<Local, Bit>,
    lists: Signal<Local, Bit>,
    wants_member: Signal<Local, Bit>,
    legal0: Signal<Local, Bits<64>>,
    legal1: Signal<Local, Bits<64>>,
    word_a: Signal<Local, Bits<32>>,
    word_b: Signal<Local, Bits<32>>,
    index: Signal<Local, Bits<16>>,
    index_ok: Signal<Local, Bit>,
    config_index: Signal<Local, Bit>,
    asid_a_ok: Signal<Local, Bit>,
    asid_b_ok: Signal<Local, Bit>,
    list_bad: Signal<Local, Bit>,
    mode_bad: Signal<Local, Bit>,
    asid_set_bad: Signal<Local, Bit>,
    range_end: Signal<Local, Bits<64>>,
    range_bad: Signal<Local, Bit>,
    invalidate_bad: Signal<Local, Bit>,
    count: Signal<Local, Bits<16>>,
    count32: Signal<Local, Bits<32>>,
    supported: Signal<Local, Bits<64>>,
    is_net: Signal<Local, Bit>,
    shape_bad: Signal<Local, Bit>,
    create_bad: Signal<Local, Bit>,
    wanted: Signal<Local, Bits<8>>,
    lost: Signal<Local, Bits<8>>,
    features_good: Signal<Local, Bit>,
    features_kept: Signal<Local, Bit>,
    status_bad: Signal<Local, Bit>,
    size: Signal<Local, Bits<16>>,
    size_less: Signal<Local, Bits<16>>,
    size_bad: Signal<Local, Bit>,
    setup_bad: Signal<Local, Bit>,
    weight: Signal<Local, Bits<8>>,
    burst: Signal<Local, Bits<32>>,
    pace_bad: Signal<Local, Bit>,
    sched_bad: Signal<Local, Bit>,
    field_bad: Signal<Local, Bit>,
    running: Signal<Local, Bit>,
    unused_flags: Signal<Local, Bits<{ <OpFlags as Synth>::BITS }>>,
    unused_dev: Signal<Local, Bits<{ <DevRec as Synth>::BITS }>>,
    own_group: Constant<Bits<16>>,
    managed_group: Constant<Bits<16>>,
    set_limit: Constant<Bits<16>>,
    devices: Constant<Bits<64>>,
    asids: Constant<Bits<32>>,
    queues: Constant<Bits<32>>,
    pages: Constant<Bits<32>>,
    max_size: Constant<Bits<16>>,
    own0: Constant<Bits<64>>,
    own1: Constant<Bits<64>>,
    managed0: Constant<Bits<64>>,
    managed1: Constant<Bits<64>>,
    none64: Constant<Bits<64>>,
    none32: Constant<Bits<32>>,
    none16: Constant<Bits<16>>,
    none8: Constant<Bits<8>>,
    one16: Constant<Bits<16>>,
    one8: Constant<Bits<8>>,
    two32: Constant<Bits<32>>,
    two16: Constant<Bits<16>>,
    config_msi: Constant<Bits<16>>,
    mode_known: Constant<Bits<8>>,
    pasid_known: Constant<Bits<32>>,
    root_known: Constant<Bits<64>>,
    page_bytes: Constant<Bits<64>>,
    align16: Constant<Bits<64>>,
    align2: Constant<Bits<64>>,
    align4: Constant<Bits<64>>,
    type_net: Constant<Bits<16>>,
    type_blk: Constant<Bits<16>>,
    max_vqs: Constant<Bits<16>>,
    net_features: Constant<Bits<64>>,
    blk_features: Constant<Bits<64>>,
    required: Constant<Bits<64>>,
    writable: Constant<Bits<8>>,
    driver_ok: Constant<Bits<8>>,
    features_ok: Constant<Bits<8>>,
    groups: Constant<Bits<32>>,
    max_weight: Constant<Bits<8>>,
    paced_bit: Constant<Bits<6>>,
    max_interval: Constant<Bits<32>>,
    einval: Constant<Bits<16>>,
    eexist: Constant<Bits<16>>,
    ebusy: Constant<Bits<16>>,
    q_group: Constant<Bits<16>>,
    q_opcode: Constant<Bits<16>>,
    q_member: Constant<Bits<16>>,
    q_field: Constant<Bits<16>>,
    q_command: Constant<Bits<16>>,
}

impl AdminCheck {
    /// The tests against the limits of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            flags, opcode, group, member, d0, d1, d2, d3, msi_address, use_own, use_managed, dev, vq_taken, pre_ok,
            pre_status, pre_qualifier, ok, status, qualifier, is_own, is_managed, set, op_low, in_use, in_range, lists,
            wants_member, legal0, legal1, word_a, word_b, index, index_ok, config_index, asid_a_ok, asid_b_ok, list_bad,
            mode_bad, asid_set_bad, range_end, range_bad, invalidate_bad, count, count32, supported, is_net, shape_bad,
            create_bad, wanted, lost, features_good, features_kept, status_bad, size, size_less, size_bad, setup_bad, weight, burst, pace_bad, sched_bad, field_bad, running, unused_flags, unused_dev;
            own_group = u64::from(cmd::GROUP_SELF),
            managed_group = u64::from(cmd::GROUP_MANAGED),
            set_limit = 128u64,
            devices = u64::from(p.devices),
            asids = u64::from(p.asids),
            queues = u64::from(p.queues),
            pages = u64::from(p.doorbell_pages),
            max_size = u64::from(p.max_vq_size),
            own0 = cmd::LIST_SELF[0],
            own1 = cmd::LIST_SELF[1],
            managed0 = cmd::LIST_MANAGED[0],
            managed1 = cmd::LIST_MANAGED[1],
            none64 = 0u64,
            none32 = 0u64,
            none16 = 0u64,
            none8 = 0u64,
            one16 = 1u64,
            one8 = 1u64,
            two32 = 2u64,
            two16 = 2u64,
            config_msi = u64::from(cmd::CONFIG_MSI),
            mode_known = u64::from(cmd::MODE_STOPPED),
            pasid_known = (1u64 << 20) - 1,
            root_known = ((1u64 << 56) - 1) & !4095,
            page_bytes = 4095u64,
            align16 = 15u64,
            align2 = 1u64,
            align4 = 3u64,
            type_net = u64::from(ring::TYPE_NET),
            type_blk = u64::from(ring::TYPE_BLK),
            max_vqs = u64::from(cmd::MAX_DEV_VQS),
            net_features = ring::COMMON_FEATURES | ring::NET_FEATURES,
            blk_features = ring::COMMON_FEATURES | ring::BLK_FEATURES,
            required = ring::REQUIRED_FEATURES,
            writable = u64::from(ring::S_WRITABLE),
            driver_ok = u64::from(ring::S_DRIVER_OK),
            features_ok = u64::from(ring::S_FEATURES_OK),
            groups = u64::from(cmd::GROUPS),
            max_weight = u64::from(cmd::MAX_WEIGHT),
            paced_bit = 8 + u64::from(cmd::SCHED_PACED.trailing_zeros()),
            max_interval = u64::from(cmd::MAX_INTERVAL),
            einval = u64::from(cmd::EINVAL),
            eexist = u64::from(cmd::EEXIST),
            ebusy = u64::from(cmd::EBUSY),
            q_group = u64::from(cmd::Q_INVALID_GROUP),
            q_opcode = u64::from(cmd::Q_INVALID_OPCODE),
            q_member = u64::from(cmd::Q_INVALID_MEMBER),
            q_field = u64::from(cmd::Q_INVALID_FIELD),
            q_command = u64::from(cmd::Q_INVALID_COMMAND)
        )
    }
}

impl Logic for AdminCheck {
    #[hdl_gen]
    fn update(&mut self) {
        self.unused_dev.next = self.dev.val().into();
        self.unused_flags.next = self.flags.val().into();
        // Group and opcode.
        self.is_own.next = self.group.val() == self.own_group.val();
        self.is_managed.next = self.group.val() == self.managed_group.val();
        self.set.next = self.use_own.val();
        self.legal0.next = self.own0.val();
        self.legal1.next = self.own1.val();
        if self.is_managed.val() {
            self.set.next = self.use_managed.val();
            self.legal0.next = self.managed0.val();
            self.legal1.next = self.managed1.val();
        }
        self.op_low.next = self.opcode.val().get_bits::<7>(0);
        self.in_use.next = (self.opcode.val() < self.set_limit.val())
            & self.set.val().get_bit(self.op_low.val().index());
        // Member. The LIST commands have none.
        self.lists.next = self.flags.val().list_query | self.flags.val().list_use;
        self.wants_member.next = self.is_managed.val() & !self.lists.val();
        self.in_range.next =
            (self.member.val() != self.none64.val()) & (self.member.val() <= self.devices.val());
        self.pre_ok.next = true;
        self.pre_status.next = self.einval.val();
        self.pre_qualifier.next = self.q_member.val();
        if !self.is_own.val() & !self.is_managed.val() {
            self.pre_ok.next = false;
            self.pre_qualifier.next = self.q_group.val();
        } else if !self.in_use.val() {
            self.pre_ok.next = false;
            self.pre_qualifier.next = self.q_opcode.val();
        } else if self.wants_member.val() {
            if !self.in_range.val() {
                self.pre_ok.next = false;
            } else if self.flags.val().create {
                if self.dev.val().exists {
                    self.pre_ok.next = false;
                    self.pre_status.next = self.eexist.val();
                }
            } else if !self.dev.val().exists {
                self.pre_ok.next = false;
            }
        }
        // Fields that more than one command has.
        self.word_a.next = self.d0.val().get_bits::<32>(0);
        self.word_b.next = self.d0.val().get_bits::<32>(32);
        self.index.next = self.d0.val().get_bits::<16>(0);
        self.index_ok.next = self.index.val() < bit_cast::<16, 4>(self.dev.val().vq_count);
        self.config_index.next = self.index.val() == self.config_msi.val();
        self.asid_a_ok.next = self.word_a.val() < self.asids.val();
        self.asid_b_ok.next = self.word_b.val() < self.asids.val();
        // Fields, command by command.
        self.list_bad.next = ((self.d0.val() & !self.legal0.val()) != self.none64.val())
            | ((self.d1.val() & !self.legal1.val()) != self.none64.val());
        self.mode_bad.next =
            (self.d0.val().get_bits::<8>(0) & !self.mode_known.val()) != self.none8.val();
        self.asid_set_bad.next = !self.asid_a_ok.val()
            | ((self.d1.val().get_bits::<32>(0) & !self.pasid_known.val()) != self.none32.val())
            | ((self.d2.val() & !self.root_known.val()) != self.none64.val());
        self.range_end.next = self.d1.val() + self.d2.val();
        self.range_bad.next = (((self.d1.val() | self.d2.val()) & self.page_bytes.val())
            != self.none64.val())
            | (self.d2.val() == self.none64.val())
            | ((self.range_end.val() < self.d1.val())
                & (self.range_end.val() != self.none64.val()));
        self.invalidate_bad.next = (self.word_a.val() > self.two32.val())
            | ((self.word_a.val() != self.none32.val()) & !self.asid_b_ok.val())
            | ((self.word_a.val() == self.two32.val()) & self.range_bad.val());
        // DEV_CREATE.
        self.is_net.next = self.index.val() == self.type_net.val();
        self.count.next = self.d0.val().get_bits::<16>(16);
        self.count32.next = bit_cast::<32, 16>(self.count.val());
        self.supported.next = self.blk_features.val();
        if self.is_net.val() {
            self.supported.next = self.net_features.val();
        }
        self.shape_bad.next = (self.count.val() == self.none16.val())
            | (self.count.val() > self.max_vqs.val())
            | (self.is_net.val() & self.count.val().get_bit(0))
            | (!self.is_net.val() & (self.index.val() != self.type_blk.val()));
        self.create_bad.next = self.shape_bad.val()
            | (self.word_b.val() > (self.queues.val() - self.count32.val()))
            | ((self.d1.val() & self.required.val()) != self.required.val())
            | ((self.d1.val() & !self.supported.val()) != self.none64.val())
            | (self.d2.val().get_bits::<32>(0) >= self.asids.val())
            | (self.d2.val().get_bits::<32>(32) >= self.asids.val())
            | (self.d3.val().get_bits::<32>(0) >= self.asids.val())
            | (self.d3.val().get_bits::<32>(32) >= self.pages.val());
        // STATUS_SET: a bit goes only with all others; 0 resets.
        self.wanted.next = self.d0.val().get_bits::<8>(0) & self.writable.val();
        self.lost.next = self.dev.val().status & self.writable.val() & !self.wanted.val();
        // DRIVER_OK wants the FEATURES_OK that will be kept: one that is refused does not count.
        self.features_good.next = ((self.dev.val().features & !self.dev.val().offered)
            == self.none64.val())
            & ((self.dev.val().features & self.required.val()) == self.required.val());
        self.features_kept.next = ((self.wanted.val() & self.features_ok.val())
            != self.none8.val())
            & (self.features_good.val()
                | ((self.dev.val().status & self.features_ok.val()) != self.none8.val()));
        self.status_bad.next = (self.wanted.val() != self.none8.val())
            & ((self.lost.val() != self.none8.val())
                | (((self.wanted.val() & self.driver_ok.val()) != self.none8.val())
                    & !self.features_kept.val()));
        // VQ_SETUP.
        self.size.next = self.d0.val().get_bits::<16>(16);
        self.size_less.next = self.size.val() - self.one16.val();
        self.size_bad.next = (self.size.val() < self.two16.val())
            | (self.size.val() > self.max_size.val())
            | ((self.size.val() & self.size_less.val()) != self.none16.val());
        self.setup_bad.next = !self.index_ok.val()
            | self.size_bad.val()
            | (self.d0.val().get_bits::<8>(32) > self.one8.val())
            | ((self.d1.val() & self.align16.val()) != self.none64.val())
            | ((self.d2.val() & self.align2.val()) != self.none64.val())
            | ((self.d3.val() & self.align4.val()) != self.none64.val())
            | ((self.msi_address.val() & self.align4.val()) != self.none64.val());
        // SCHED_SET.
        self.weight.next = self.d0.val().get_bits::<8>(0);
        self.burst.next = self.d1.val().get_bits::<32>(0);
        self.pace_bad.next = (self.word_b.val() == self.none32.val())
            | (self.word_b.val() > self.max_interval.val())
            | (self.burst.val() > self.max_interval.val());
        self.sched_bad.next = (self.weight.val() == self.none8.val())
            | (self.weight.val() > self.max_weight.val())
            | (self.d0.val().get_bit(self.paced_bit.val().index()) & self.pace_bad.val());
        self.field_bad.next = (self.flags.val().list_use & self.list_bad.val())
            | (self.flags.val().mode_set & self.mode_bad.val())
            | (self.flags.val().asid_set & self.asid_set_bad.val())
            | (self.flags.val().asid_get & !self.asid_a_ok.val())
            | (self.flags.val().invalidate & self.invalidate_bad.val())
            | (self.flags.val().translate & !self.asid_a_ok.val())
            | (self.flags.val().create & self.create_bad.val())
            | (self.flags.val().status_set & self.status_bad.val())
            | (self.flags.val().vq_setup & self.setup_bad.val())
            | (self.flags.val().sched_set & self.sched_bad.val())
            | ((self.flags.val().vq_state_get
                | self.flags.val().vq_reset
                | self.flags.val().stats_get)
                & !self.index_ok.val())
            | (self.flags.val().group_asid_set
                & ((self.word_a.val() >= self.groups.val()) | !self.asid_b_ok.val()))
            | ((self.flags.val().msi_set | self.flags.val().msi_get)
                & !self.index_ok.val()
                & !self.config_index.val())
            | (self.flags.val().msi_set
                & ((self.d1.val() & self.align4.val()) != self.none64.val()));
        // States.
        self.running.next = ((self.dev.val().status & self.driver_ok.val()) != self.none8.val())
            & !self.dev.val().stopped;
        self.ok.next = true;
        self.status.next = self.einval.val();
        self.qualifier.next = self.q_command.val();
        if self.field_bad.val() {
            self.ok.next = false;
            self.qualifier.next = self.q_field.val();
        } else if self.flags.val().features_set
            & ((self.dev.val().status & self.features_ok.val()) != self.none8.val())
        {
            self.ok.next = false;
        } else if (self.flags.val().vq_setup & self.vq_taken.val())
            | (self.flags.val().group_asid_set & self.running.val())
        {
            self.ok.next = false;
            self.status.next = self.ebusy.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_check_lints_clean() {
        crate::util::assert_lint_clean("admin_check", AdminCheck::new(&shoal_abi::profile::TINY));
        crate::util::assert_lint_clean(
            "admin_check_mid",
            AdminCheck::new(&shoal_abi::profile::MID),
        );
    }
}
