//! The words of a command's answer, and their number. Combinational.
//!
//! Word 0 is the header {status, qualifier}; results as in `shoal_abi::cmd::COMMANDS`. The configuration of CONFIG_GET is put
//! in by `admin_cfg`, the result of TRANSLATE by `admin_state`, that of MMU_STATS_GET by `admin_stats`.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;
use shoal_abi::{cmd, mmu, ring};

use crate::admin_types::OpFlags;
use crate::block_default;
use crate::ctx_types::{DevRec, MsiRec, VqCnt, VqRec};
use crate::types::AsidEntry;

/// Low half and high half of a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Halves {
    pub lo: Bits<32>,
    pub hi: Bits<32>,
}

/// Result of VQ_STATE_GET.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct VqStateWord {
    pub last_avail: Bits<16>,
    pub used_idx: Bits<16>,
    pub size: Bits<16>,
    pub ready: Bit,
    pub zero: Bits<15>,
}

/// Second word of the result of MSI_GET.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct MsiWord {
    pub data: Bits<32>,
    pub mask: Bit,
    pub pending: Bit,
    pub valid: Bit,
    pub zero: Bits<29>,
}

/// First word of the result of ASID_GET.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct AsidWord {
    pub asid: Bits<32>,
    pub mode: Bits<2>,
    pub zero: Bits<2>,
    pub pasid_valid: Bit,
    pub zero_too: Bits<27>,
}

/// First word of the result of SCHED_GET.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct SchedWord {
    pub weight: Bits<8>,
    pub paced: Bit,
    pub zero: Bits<23>,
    pub interval: Bits<32>,
}

/// Header of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct HeaderWord {
    pub status: Bits<16>,
    pub qualifier: Bits<16>,
    pub zero: Bits<32>,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminReply {
    /// The command.
    pub flags: Signal<In, OpFlags>,
    /// It is one of group MANAGED.
    pub managed: Signal<In, Bit>,
    /// Status.
    pub status: Signal<In, Bits<16>>,
    /// Qualifier.
    pub qualifier: Signal<In, Bits<16>>,
    /// ASID_GET: the ASID.
    pub asid_id: Signal<In, Bits<32>>,
    /// ASID_GET: its entry.
    pub asid: Signal<In, AsidEntry>,
    /// The device, as it stands afterwards.
    pub dev: Signal<In, DevRec>,
    /// The virtqueue.
    pub vq: Signal<In, VqRec>,
    /// Its counters.
    pub cnt: Signal<In, VqCnt>,
    /// The MSI slot.
    pub msi: Signal<In, MsiRec>,
    /// Word wanted, 0..=8.
    pub at: Signal<In, Bits<4>>,
    /// It.
    pub word: Signal<Out, Bits<64>>,
    /// Last word.
    pub last: Signal<Out, Bits<4>>,
    /// Bytes of the answer, header included.
    pub len: Signal<Out, Bits<8>>,
    header: Signal<Local, HeaderWord>,
    r1: Signal<Local, Bits<64>>,
    r2: Signal<Local, Bits<64>>,
    r3: Signal<Local, Bits<64>>,
    r4: Signal<Local, Bits<64>>,
    r5: Signal<Local, Bits<64>>,
    r6: Signal<Local, Bits<64>>,
    r7: Signal<Local, Bits<64>>,
    r8: Signal<Local, Bits<64>>,
    asid_word: Signal<Local, AsidWord>,
    root: Signal<Local, Bits<64>>,
    status_word: Signal<Local, Halves>,
    state_word: Signal<Local, VqStateWord>,
    msi_word: Signal<Local, MsiWord>,
    sched_word: Signal<Local, SchedWord>,
    cnt1: Signal<Local, Halves>,
    cnt2: Signal<Local, Halves>,
    result: Signal<Local, Bits<8>>,
    unused_flags: Signal<Local, Bits<{ <OpFlags as Synth>::BITS }>>,
    unused_dev: Signal<Local, Bits<{ <DevRec as Synth>::BITS }>>,
    unused_vq: Signal<Local, Bits<{ <VqRec as Synth>::BITS }>>,
    no_header: Constant<HeaderWord>,
    no_asid: Constant<AsidWord>,
    no_halves: Constant<Halves>,
    no_state: Constant<VqStateWord>,
    no_msi: Constant<MsiWord>,
    no_sched: Constant<SchedWord>,
    none64: Constant<Bits<64>>,
    own_list0: Constant<Bits<64>>,
    own_list1: Constant<Bits<64>>,
    managed_list0: Constant<Bits<64>>,
    managed_list1: Constant<Bits<64>>,
    caps1: Constant<Bits<64>>,
    caps2: Constant<Bits<64>>,
    caps3: Constant<Bits<64>>,
    caps4: Constant<Bits<64>>,
    caps5: Constant<Bits<64>>,
    caps6: Constant<Bits<64>>,
    caps7: Constant<Bits<64>>,
    caps8: Constant<Bits<64>>,
    page_shift: Constant<Bits<64>>,
    at0: Constant<Bits<4>>,
    at1: Constant<Bits<4>>,
    at2: Constant<Bits<4>>,
    at3: Constant<Bits<4>>,
    at4: Constant<Bits<4>>,
    at5: Constant<Bits<4>>,
    at6: Constant<Bits<4>>,
    at7: Constant<Bits<4>>,
    at8: Constant<Bits<4>>,
    okay: Constant<Bits<16>>,
    bytes0: Constant<Bits<8>>,
    bytes8: Constant<Bits<8>>,
    bytes16: Constant<Bits<8>>,
    bytes24: Constant<Bits<8>>,
    bytes64: Constant<Bits<8>>,
    bytes72: Constant<Bits<8>>,
    header_bytes: Constant<Bits<8>>,
}

impl AdminReply {
    /// The answers of a device of the size `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        let pair = |lo: u32, hi: u32| u64::from(lo) | (u64::from(hi) << 32);
        let modes = (1 << mmu::MODE_OFF)
            | (1 << mmu::MODE_BARE)
            | (1 << mmu::MODE_SV39)
            | (1 << mmu::MODE_SV48);
        let vq_limits = u32::from(p.max_vq_size) | (u32::from(cmd::MAX_DEV_VQS) << 16);
        block_default!(
            flags, managed, status, qualifier, asid_id, asid, dev, vq, cnt, msi, at, word, last, len, header, r1, r2, r3,
            r4, r5, r6, r7, r8, asid_word, root, status_word, state_word, msi_word, sched_word, cnt1, cnt2, result, unused_flags, unused_dev, unused_vq;
            no_header = HeaderWord::default(),
            no_asid = AsidWord::default(),
            no_halves = Halves::default(),
            no_state = VqStateWord::default(),
            no_msi = MsiWord::default(),
            no_sched = SchedWord::default(),
            none64 = 0u64,
            own_list0 = cmd::LIST_SELF[0],
            own_list1 = cmd::LIST_SELF[1],
            managed_list0 = cmd::LIST_MANAGED[0],
            managed_list1 = cmd::LIST_MANAGED[1],
            caps1 = pair(p.devices, p.queues),
            caps2 = pair(p.asids, p.doorbell_pages),
            caps3 = pair(vq_limits, 1),
            caps4 = (1u64 << ring::TYPE_NET) | (1 << ring::TYPE_BLK),
            caps5 = ring::COMMON_FEATURES,
            caps6 = ring::NET_FEATURES,
            caps7 = ring::BLK_FEATURES,
            caps8 = pair(modes, cmd::CONFIG_BYTES as u32),
            page_shift = 12u64,
            at0 = 0u64,
            at1 = 1u64,
            at2 = 2u64,
            at3 = 3u64,
            at4 = 4u64,
            at5 = 5u64,
            at6 = 6u64,
            at7 = 7u64,
            at8 = 8u64,
            okay = u64::from(cmd::OK),
            bytes0 = 0u64,
            bytes8 = 8u64,
            bytes16 = 16u64,
            bytes24 = 24u64,
            bytes64 = 64u64,
            bytes72 = 72u64,
            header_bytes = cmd::RESULT_HEADER_BYTES as u64
        )
    }
}

impl Logic for AdminReply {
    #[hdl_gen]
    fn update(&mut self) {
        self.unused_vq.next = self.vq.val().into();
        self.unused_dev.next = self.dev.val().into();
        self.unused_flags.next = self.flags.val().into();
        // Words that are put together.
        self.header.next = self.no_header.val();
        self.header.next.status = self.status.val();
        self.header.next.qualifier = self.qualifier.val();
        self.asid_word.next = self.no_asid.val();
        self.asid_word.next.asid = self.asid_id.val();
        self.asid_word.next.mode = self.asid.val().mode;
        self.asid_word.next.pasid_valid = self.asid.val().pasid_valid;
        self.root.next = bit_cast::<64, 44>(self.asid.val().ppn) << self.page_shift.val();
        self.status_word.next = self.no_halves.val();
        self.status_word.next.lo = bit_cast::<32, 8>(self.dev.val().status);
        self.status_word.next.hi = bit_cast::<32, 8>(self.dev.val().generation);
        self.state_word.next = self.no_state.val();
        self.state_word.next.last_avail = self.vq.val().last_avail;
        self.state_word.next.used_idx = self.vq.val().used_idx;
        self.state_word.next.size = self.vq.val().size;
        self.state_word.next.ready = self.vq.val().ready;
        self.msi_word.next = self.no_msi.val();
        self.msi_word.next.data = self.msi.val().data;
        self.msi_word.next.mask = self.msi.val().mask;
        self.msi_word.next.pending = self.msi.val().pending;
        self.msi_word.next.valid = self.msi.val().valid;
        self.sched_word.next = self.no_sched.val();
        self.sched_word.next.weight = bit_cast::<8, 4>(self.dev.val().weight);
        self.sched_word.next.paced = self.dev.val().paced;
        self.sched_word.next.interval = bit_cast::<32, 24>(self.dev.val().interval);
        self.cnt1.next = self.no_halves.val();
        self.cnt1.next.lo = self.cnt.val().kicks;
        self.cnt1.next.hi = self.cnt.val().chains;
        self.cnt2.next = self.no_halves.val();
        self.cnt2.next.lo = self.cnt.val().interrupts;
        self.cnt2.next.hi = self.cnt.val().drops;
        // The result.
        self.r1.next = self.none64.val();
        self.r2.next = self.none64.val();
        self.r3.next = self.none64.val();
        self.r4.next = self.none64.val();
        self.r5.next = self.none64.val();
        self.r6.next = self.none64.val();
        self.r7.next = self.none64.val();
        self.r8.next = self.none64.val();
        self.result.next = self.bytes0.val();
        self.last.next = self.at3.val();
        if self.flags.val().list_query {
            self.result.next = self.bytes16.val();
            self.r1.next = self.own_list0.val();
            self.r2.next = self.own_list1.val();
            if self.managed.val() {
                self.r1.next = self.managed_list0.val();
                self.r2.next = self.managed_list1.val();
            }
        }
        if self.flags.val().caps {
            self.result.next = self.bytes64.val();
            self.last.next = self.at8.val();
            self.r1.next = self.caps1.val();
            self.r2.next = self.caps2.val();
            self.r3.next = self.caps3.val();
            self.r4.next = self.caps4.val();
            self.r5.next = self.caps5.val();
            self.r6.next = self.caps6.val();
            self.r7.next = self.caps7.val();
            self.r8.next = self.caps8.val();
        }
        if self.flags.val().asid_get {
            self.result.next = self.bytes24.val();
            self.r1.next = self.asid_word.val().into();
            self.r2.next = bit_cast::<64, 20>(self.asid.val().pasid);
            self.r3.next = self.root.val();
        }
        if self.flags.val().translate {
            self.result.next = self.bytes16.val();
        }
        if self.flags.val().features_get {
            self.result.next = self.bytes16.val();
            self.r1.next = self.dev.val().offered;
            self.r2.next = self.dev.val().features;
        }
        if self.flags.val().status_get {
            self.result.next = self.bytes8.val();
            self.r1.next = self.status_word.val().into();
        }
        if self.flags.val().status_set {
            self.result.next = self.bytes8.val();
            self.r1.next = bit_cast::<64, 8>(self.dev.val().status);
        }
        if self.flags.val().config_get {
            self.result.next = self.bytes72.val();
            self.last.next = self.at1.val();
            self.r1.next = bit_cast::<64, 8>(self.dev.val().generation);
        }
        if self.flags.val().vq_state_get {
            self.result.next = self.bytes8.val();
            self.r1.next = self.state_word.val().into();
        }
        if self.flags.val().msi_get {
            self.result.next = self.bytes16.val();
            self.r1.next = self.msi.val().address;
            self.r2.next = self.msi_word.val().into();
        }
        if self.flags.val().stats_get {
            self.result.next = self.bytes24.val();
            self.r1.next = self.cnt1.val().into();
            self.r2.next = self.cnt2.val().into();
            self.r3.next = bit_cast::<64, 32>(self.cnt.val().faults);
        }
        if self.flags.val().mmu_stats {
            self.result.next = self.bytes24.val();
        }
        if self.flags.val().sched_get {
            self.result.next = self.bytes16.val();
            self.r1.next = self.sched_word.val().into();
            self.r2.next = bit_cast::<64, 24>(self.dev.val().burst);
        }
        self.len.next = self.header_bytes.val();
        if self.status.val() == self.okay.val() {
            self.len.next = self.header_bytes.val() + self.result.val();
        }
        // The word wanted.
        self.word.next = self.r8.val();
        if self.at.val() == self.at0.val() {
            self.word.next = self.header.val().into();
        }
        if self.at.val() == self.at1.val() {
            self.word.next = self.r1.val();
        }
        if self.at.val() == self.at2.val() {
            self.word.next = self.r2.val();
        }
        if self.at.val() == self.at3.val() {
            self.word.next = self.r3.val();
        }
        if self.at.val() == self.at4.val() {
            self.word.next = self.r4.val();
        }
        if self.at.val() == self.at5.val() {
            self.word.next = self.r5.val();
        }
        if self.at.val() == self.at6.val() {
            self.word.next = self.r6.val();
        }
        if self.at.val() == self.at7.val() {
            self.word.next = self.r7.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_reply_lints_clean() {
        crate::util::assert_lint_clean("admin_reply", AdminReply::new(&shoal_abi::profile::TINY));
    }
}
