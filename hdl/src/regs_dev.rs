//! Identity, limits, fault queue and counters.
//!
//! Timing: writes and increments act at the edge; reads are functions of state. What the core writes at the same edge wins.

use crate::block_default;
use crate::mmu_types::MmuCounts;
use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;
use shoal_abi::{cmd, regs, ring};

/// Registers 0x100..0x1b4.
#[derive(LogicBlock)]
pub struct RegsDev {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub wr: Signal<In, Bit>,
    pub wr_addr: Signal<In, Bits<32>>,
    pub wr_data: Signal<In, Bits<32>>,
    pub wr_mask: Signal<In, Bits<32>>,
    pub wr_ok: Signal<Out, Bit>,
    pub rd_addr: Signal<In, Bits<32>>,
    pub rd_ok: Signal<Out, Bit>,
    pub rd_data: Signal<Out, Bits<32>>,
    pub ready: Signal<In, Bit>,
    /// End of a warm reset: the fault queue and MMU registers as after reset. The counters stay.
    pub restore: Signal<In, Bit>,
    /// The core picks an event: it sees FQ_CTRL as it stands then.
    pub pick: Signal<In, Bit>,
    pub fq_tail_inc: Signal<In, Bit>,
    pub fq_lost_inc: Signal<In, Bit>,
    pub cnt_doorbells_inc: Signal<In, Bit>,
    pub cnt_tx_packets_inc: Signal<In, Bit>,
    pub cnt_rx_packets_inc: Signal<In, Bit>,
    pub cnt_rx_drops_inc: Signal<In, Bit>,
    pub cnt_interrupts_inc: Signal<In, Bit>,
    pub cnt_faults_inc: Signal<In, Bit>,
    pub cnt_admin_inc: Signal<In, Bit>,
    pub hit_strobe: Signal<In, Bit>,
    pub miss_strobe: Signal<In, Bit>,
    pub walk_strobe: Signal<In, Bit>,
    pub merge_strobe: Signal<In, Bit>,
    pub wait_strobe: Signal<In, Bit>,
    pub mmu_fault_strobe: Signal<In, Bit>,
    pub fq_enable: Signal<Out, Bit>,
    pub fq_base: Signal<Out, Bits<64>>,
    pub fq_log2: Signal<Out, Bits<3>>,
    pub fq_head: Signal<Out, Bits<16>>,
    pub fq_tail: Signal<Out, Bits<16>>,
    pub fq_vector: Signal<Out, Bits<16>>,
    /// MMU_CTRL partition.
    pub partition: Signal<Out, Bit>,
    /// MMU_CTRL blocking.
    pub blocking: Signal<Out, Bit>,
    /// ENGINE_CTRL single.
    pub single: Signal<Out, Bit>,
    /// Counters of the MMU.
    pub mmu_counts: Signal<Out, MmuCounts>,
    base_lo: DFF<Bits<32>>,
    base_hi: DFF<Bits<32>>,
    enable: DFF<Bit>,
    log2: DFF<Bits<3>>,
    vector: DFF<Bits<16>>,
    at_log2: DFF<Bits<3>>,
    head: DFF<Bits<16>>,
    tail: DFF<Bits<16>>,
    lost: DFF<Bits<32>>,
    doorbells: DFF<Bits<32>>,
    tx_packets: DFF<Bits<32>>,
    rx_packets: DFF<Bits<32>>,
    rx_drops: DFF<Bits<32>>,
    interrupts: DFF<Bits<32>>,
    faults: DFF<Bits<32>>,
    admin: DFF<Bits<32>>,
    tlb_hits: DFF<Bits<32>>,
    tlb_misses: DFF<Bits<32>>,
    walks: DFF<Bits<32>>,
    merged: DFF<Bits<32>>,
    mmu_waits: DFF<Bits<32>>,
    mmu_faults: DFF<Bits<32>>,
    parted: DFF<Bit>,
    blocked: DFF<Bit>,
    alone: DFF<Bit>,
    counts: Signal<Local, MmuCounts>,
    no_counts: Constant<MmuCounts>,
    mmu_ctrl: Signal<Local, Bits<2>>,
    none2: Constant<Bits<2>>,
    partition2: Constant<Bits<2>>,
    blocking2: Constant<Bits<2>>,
    ctrl: Signal<Local, Bits<32>>,
    ctrl_in: Signal<Local, Bits<32>>,
    vector_in: Signal<Local, Bits<16>>,
    next_tail: Signal<Local, Bits<16>>,
    records: Signal<Local, Bits<16>>,
    unused: Signal<Local, Bit>,
    one: Constant<Bits<32>>,
    one16: Constant<Bits<16>>,
    half: Constant<Bits<5>>,
    word: Constant<Bits<6>>,
    nibble: Constant<Bits<3>>,
    base_align: Constant<Bits<32>>,
    vectors: Constant<Bits<16>>,
    no_vector: Constant<Bits<16>>,
    a_ready: Constant<Bits<32>>,
    a_base_lo: Constant<Bits<32>>,
    a_base_hi: Constant<Bits<32>>,
    a_ctrl: Constant<Bits<32>>,
    a_head: Constant<Bits<32>>,
    a_tail: Constant<Bits<32>>,
    a_lost: Constant<Bits<32>>,
    a_doorbells: Constant<Bits<32>>,
    a_tx_packets: Constant<Bits<32>>,
    a_rx_packets: Constant<Bits<32>>,
    a_rx_drops: Constant<Bits<32>>,
    a_interrupts: Constant<Bits<32>>,
    a_faults: Constant<Bits<32>>,
    a_admin: Constant<Bits<32>>,
    a_hits: Constant<Bits<32>>,
    a_misses: Constant<Bits<32>>,
    a_walks: Constant<Bits<32>>,
    a_merged: Constant<Bits<32>>,
    a_mmu_waits: Constant<Bits<32>>,
    a_mmu_faults: Constant<Bits<32>>,
    a_mmu_ctrl: Constant<Bits<32>>,
    a_engine_ctrl: Constant<Bits<32>>,
    a_magic: Constant<Bits<32>>,
    a_last_cap: Constant<Bits<32>>,
    cap_addr: [Constant<Bits<32>>; 9],
    cap_value: [Constant<Bits<32>>; 9],
}

impl RegsDev {
    /// The block with the limits of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        let at = |r: regs::Reg| u64::from(r.offset);
        let caps: [(regs::Reg, u64); 9] = [
            (regs::MAGIC, u64::from(regs::MAGIC_VALUE)),
            (regs::ABI, u64::from(shoal_abi::ABI_VERSION)),
            (regs::CAP_DEVICES, u64::from(p.devices)),
            (regs::CAP_QUEUES, u64::from(p.queues)),
            (regs::CAP_ASIDS, u64::from(p.asids)),
            (regs::CAP_DOORBELL_PAGES, u64::from(p.doorbell_pages)),
            (
                regs::CAP_VQ,
                u64::from(p.max_vq_size) | u64::from(cmd::MAX_DEV_VQS) << 16,
            ),
            (
                regs::CAP_DATA,
                p.data_w as u64 | (p.chain_slots as u64) << 16,
            ),
            (regs::CAP_CHAIN, u64::from(ring::MAX_CHAIN_BYTES)),
        ];
        block_default!(
            clock, reset, wr, wr_addr, wr_data, wr_mask, wr_ok, rd_addr, rd_ok, rd_data, ready, restore, pick, fq_tail_inc,
            fq_lost_inc, cnt_doorbells_inc, cnt_tx_packets_inc, cnt_rx_packets_inc, cnt_rx_drops_inc,
            cnt_interrupts_inc, cnt_faults_inc, cnt_admin_inc, hit_strobe, miss_strobe, walk_strobe, merge_strobe,
            wait_strobe, mmu_fault_strobe, fq_enable, fq_base, fq_log2,
            fq_head, fq_tail, fq_vector, partition, blocking, single, mmu_counts, base_lo, base_hi, enable, log2, vector, at_log2, head, tail, lost, doorbells,
            tx_packets, rx_packets, rx_drops, interrupts, faults, admin, tlb_hits, tlb_misses, walks, merged, mmu_waits, mmu_faults, parted, blocked, alone, counts, mmu_ctrl, ctrl, ctrl_in, vector_in,
            next_tail, records, unused;
            no_counts = MmuCounts::default(), one = 1, one16 = 1, half = 16, word = 32, nibble = 4, base_align = 0xffff_f000,
            vectors = u64::from(regs::MSIX_VECTORS), no_vector = u64::from(regs::NO_VECTOR),
            a_ready = at(regs::READY), a_base_lo = at(regs::FQ_BASE_LO), a_base_hi = at(regs::FQ_BASE_HI),
            a_ctrl = at(regs::FQ_CTRL), a_head = at(regs::FQ_HEAD), a_tail = at(regs::FQ_TAIL),
            a_lost = at(regs::FQ_LOST), a_doorbells = at(regs::CNT_DOORBELLS), a_tx_packets = at(regs::CNT_TX_PACKETS),
            a_rx_packets = at(regs::CNT_RX_PACKETS), a_rx_drops = at(regs::CNT_RX_DROPS),
            a_interrupts = at(regs::CNT_INTERRUPTS), a_faults = at(regs::CNT_FAULTS), a_admin = at(regs::CNT_ADMIN),
            a_hits = at(regs::CNT_TLB_HITS), a_misses = at(regs::CNT_TLB_MISSES),
            a_walks = at(regs::CNT_WALKS), a_merged = at(regs::CNT_WALKS_MERGED), a_mmu_waits = at(regs::CNT_MMU_WAITS),
            a_mmu_faults = at(regs::CNT_MMU_FAULTS), none2 = 0u64, partition2 = u64::from(regs::MMU_PARTITION), blocking2 = u64::from(regs::MMU_BLOCKING),
            a_mmu_ctrl = at(regs::MMU_CTRL), a_engine_ctrl = at(regs::ENGINE_CTRL), a_magic = at(regs::MAGIC),
            a_last_cap = at(regs::CAP_CHAIN);
            cap_addr = caps.map(|(r, _)| Constant::new(at(r).into())),
            cap_value = caps.map(|(_, v)| Constant::new(v.into()))
        )
    }
}

impl Logic for RegsDev {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, base_lo, base_hi, enable, log2, vector, at_log2, head, tail, lost,
            doorbells, tx_packets, rx_packets, rx_drops, interrupts, faults, admin, tlb_hits,
            tlb_misses, walks, merged, mmu_waits, mmu_faults, parted, blocked, alone
        );
        // Registers 0x100..=0x120, 0x140..=0x15c, 0x180..=0x1b0.
        self.wr_ok.next = ((self.wr_addr.val() >= self.a_magic.val())
            && (self.wr_addr.val() <= self.a_last_cap.val()))
            || ((self.wr_addr.val() >= self.a_base_lo.val())
                && (self.wr_addr.val() <= self.a_engine_ctrl.val()))
            || ((self.wr_addr.val() >= self.a_doorbells.val())
                && (self.wr_addr.val() <= self.a_mmu_faults.val()));
        self.rd_ok.next = ((self.rd_addr.val() >= self.a_magic.val())
            && (self.rd_addr.val() <= self.a_last_cap.val()))
            || ((self.rd_addr.val() >= self.a_base_lo.val())
                && (self.rd_addr.val() <= self.a_engine_ctrl.val()))
            || ((self.rd_addr.val() >= self.a_doorbells.val())
                && (self.rd_addr.val() <= self.a_mmu_faults.val()));
        self.ctrl.next = (bit_cast::<32, 3>(self.log2.q.val()) << self.nibble.val())
            | (bit_cast::<32, 16>(self.vector.q.val()) << self.half.val());
        if self.enable.q.val() {
            self.ctrl.next = self.ctrl.val() | self.one.val();
        }
        // Writes.
        self.ctrl_in.next =
            (self.ctrl.val() & !self.wr_mask.val()) | (self.wr_data.val() & self.wr_mask.val());
        self.vector_in.next = self.ctrl_in.val().get_bits::<16>(16);
        self.unused.next = self.ctrl_in.val().any();
        if self.wr.val() {
            if self.wr_addr.val() == self.a_base_lo.val() {
                self.base_lo.d.next = (self.base_lo.q.val() & !self.wr_mask.val())
                    | (self.wr_data.val() & self.wr_mask.val() & self.base_align.val());
            }
            if self.wr_addr.val() == self.a_base_hi.val() {
                self.base_hi.d.next = (self.base_hi.q.val() & !self.wr_mask.val())
                    | (self.wr_data.val() & self.wr_mask.val());
            }
            if self.wr_addr.val() == self.a_ctrl.val() {
                self.enable.d.next = self.ctrl_in.val().get_bit(0);
                self.log2.d.next = self.ctrl_in.val().get_bits::<3>(4);
                self.vector.d.next = self.no_vector.val();
                if self.vector_in.val() < self.vectors.val() {
                    self.vector.d.next = self.vector_in.val();
                }
            }
            if self.wr_addr.val() == self.a_head.val() {
                self.head.d.next = (self.head.q.val() & !self.wr_mask.val().get_bits::<16>(0))
                    | (self.wr_data.val().get_bits::<16>(0) & self.wr_mask.val().get_bits::<16>(0));
            }
            if (self.wr_addr.val() == self.a_mmu_ctrl.val()) && self.wr_mask.val().get_bit(0) {
                self.parted.d.next = self.wr_data.val().get_bit(0);
                self.blocked.d.next = self.wr_data.val().get_bit(1);
            }
            if (self.wr_addr.val() == self.a_engine_ctrl.val()) && self.wr_mask.val().get_bit(0) {
                self.alone.d.next = self.wr_data.val().get_bit(0);
            }
        }
        // Reads.
        self.mmu_ctrl.next = self.none2.val();
        if self.parted.q.val() {
            self.mmu_ctrl.next = self.mmu_ctrl.val() | self.partition2.val();
        }
        if self.blocked.q.val() {
            self.mmu_ctrl.next = self.mmu_ctrl.val() | self.blocking2.val();
        }
        self.rd_data.next = 0.into();
        for i in 0..9 {
            if self.rd_addr.val() == self.cap_addr[i].val() {
                self.rd_data.next = self.cap_value[i].val();
            }
        }
        if (self.rd_addr.val() == self.a_ready.val()) && self.ready.val() {
            self.rd_data.next = self.one.val();
        }
        if self.rd_addr.val() == self.a_base_lo.val() {
            self.rd_data.next = self.base_lo.q.val();
        }
        if self.rd_addr.val() == self.a_base_hi.val() {
            self.rd_data.next = self.base_hi.q.val();
        }
        if self.rd_addr.val() == self.a_ctrl.val() {
            self.rd_data.next = self.ctrl.val();
        }
        if self.rd_addr.val() == self.a_head.val() {
            self.rd_data.next = bit_cast::<32, 16>(self.head.q.val());
        }
        if self.rd_addr.val() == self.a_tail.val() {
            self.rd_data.next = bit_cast::<32, 16>(self.tail.q.val());
        }
        if self.rd_addr.val() == self.a_lost.val() {
            self.rd_data.next = self.lost.q.val();
        }
        if self.rd_addr.val() == self.a_doorbells.val() {
            self.rd_data.next = self.doorbells.q.val();
        }
        if self.rd_addr.val() == self.a_tx_packets.val() {
            self.rd_data.next = self.tx_packets.q.val();
        }
        if self.rd_addr.val() == self.a_rx_packets.val() {
            self.rd_data.next = self.rx_packets.q.val();
        }
        if self.rd_addr.val() == self.a_rx_drops.val() {
            self.rd_data.next = self.rx_drops.q.val();
        }
        if self.rd_addr.val() == self.a_interrupts.val() {
            self.rd_data.next = self.interrupts.q.val();
        }
        if self.rd_addr.val() == self.a_faults.val() {
            self.rd_data.next = self.faults.q.val();
        }
        if self.rd_addr.val() == self.a_admin.val() {
            self.rd_data.next = self.admin.q.val();
        }
        if self.rd_addr.val() == self.a_hits.val() {
            self.rd_data.next = self.tlb_hits.q.val();
        }
        if self.rd_addr.val() == self.a_misses.val() {
            self.rd_data.next = self.tlb_misses.q.val();
        }
        if self.rd_addr.val() == self.a_walks.val() {
            self.rd_data.next = self.walks.q.val();
        }
        if self.rd_addr.val() == self.a_merged.val() {
            self.rd_data.next = self.merged.q.val();
        }
        if self.rd_addr.val() == self.a_mmu_waits.val() {
            self.rd_data.next = self.mmu_waits.q.val();
        }
        if self.rd_addr.val() == self.a_mmu_faults.val() {
            self.rd_data.next = self.mmu_faults.q.val();
        }
        if self.rd_addr.val() == self.a_mmu_ctrl.val() {
            self.rd_data.next = bit_cast::<32, 2>(self.mmu_ctrl.val());
        }
        if (self.rd_addr.val() == self.a_engine_ctrl.val()) && self.alone.q.val() {
            self.rd_data.next = self.one.val();
        }
        // The core.
        self.next_tail.next = self.tail.q.val() + self.one16.val();
        if self.pick.val() {
            self.at_log2.d.next = self.log2.q.val();
        }
        self.records.next = self.one16.val() << self.at_log2.q.val();
        if self.fq_tail_inc.val() {
            self.tail.d.next = self.next_tail.val() & (self.records.val() - self.one16.val());
        }
        if self.fq_lost_inc.val() {
            self.lost.d.next = self.lost.q.val() + self.one.val();
        }
        if self.cnt_doorbells_inc.val() {
            self.doorbells.d.next = self.doorbells.q.val() + self.one.val();
        }
        if self.cnt_tx_packets_inc.val() {
            self.tx_packets.d.next = self.tx_packets.q.val() + self.one.val();
        }
        if self.cnt_rx_packets_inc.val() {
            self.rx_packets.d.next = self.rx_packets.q.val() + self.one.val();
        }
        if self.cnt_rx_drops_inc.val() {
            self.rx_drops.d.next = self.rx_drops.q.val() + self.one.val();
        }
        if self.cnt_interrupts_inc.val() {
            self.interrupts.d.next = self.interrupts.q.val() + self.one.val();
        }
        if self.cnt_faults_inc.val() {
            self.faults.d.next = self.faults.q.val() + self.one.val();
        }
        if self.cnt_admin_inc.val() {
            self.admin.d.next = self.admin.q.val() + self.one.val();
        }
        if self.hit_strobe.val() {
            self.tlb_hits.d.next = self.tlb_hits.q.val() + self.one.val();
        }
        if self.miss_strobe.val() {
            self.tlb_misses.d.next = self.tlb_misses.q.val() + self.one.val();
        }
        if self.walk_strobe.val() {
            self.walks.d.next = self.walks.q.val() + self.one.val();
        }
        if self.merge_strobe.val() {
            self.merged.d.next = self.merged.q.val() + self.one.val();
        }
        if self.wait_strobe.val() {
            self.mmu_waits.d.next = self.mmu_waits.q.val() + self.one.val();
        }
        if self.mmu_fault_strobe.val() {
            self.mmu_faults.d.next = self.mmu_faults.q.val() + self.one.val();
        }
        self.counts.next = self.no_counts.val();
        self.counts.next.hits = self.tlb_hits.q.val();
        self.counts.next.misses = self.tlb_misses.q.val();
        self.counts.next.walks = self.walks.q.val();
        self.counts.next.merged = self.merged.q.val();
        self.counts.next.waits = self.mmu_waits.q.val();
        self.counts.next.faults = self.mmu_faults.q.val();
        self.mmu_counts.next = self.counts.val();
        self.partition.next = self.parted.q.val();
        self.blocking.next = self.blocked.q.val();
        self.single.next = self.alone.q.val();
        self.fq_enable.next = self.enable.q.val();
        self.fq_base.next = bit_cast::<64, 32>(self.base_lo.q.val())
            | (bit_cast::<64, 32>(self.base_hi.q.val()) << self.word.val());
        self.fq_log2.next = self.log2.q.val();
        self.fq_head.next = self.head.q.val();
        self.fq_tail.next = self.tail.q.val();
        self.fq_vector.next = self.vector.q.val();
        if self.reset.val() || self.restore.val() {
            self.base_lo.d.next = 0.into();
            self.base_hi.d.next = 0.into();
            self.enable.d.next = false;
            self.log2.d.next = 0.into();
            self.vector.d.next = self.no_vector.val();
            self.head.d.next = 0.into();
            self.tail.d.next = 0.into();
            self.lost.d.next = 0.into();
            self.parted.d.next = false;
            self.blocked.d.next = false;
            self.alone.d.next = false;
        }
        if self.reset.val() {
            self.doorbells.d.next = 0.into();
            self.tx_packets.d.next = 0.into();
            self.rx_packets.d.next = 0.into();
            self.rx_drops.d.next = 0.into();
            self.interrupts.d.next = 0.into();
            self.faults.d.next = 0.into();
            self.admin.d.next = 0.into();
            self.tlb_hits.d.next = 0.into();
            self.tlb_misses.d.next = 0.into();
            self.walks.d.next = 0.into();
            self.merged.d.next = 0.into();
            self.mmu_waits.d.next = 0.into();
            self.mmu_faults.d.next = 0.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::assert_lint_clean;
    use shoal_abi::profile::PROFILES;

    #[test]
    fn it_is_lint_clean() {
        for p in &PROFILES {
            assert_lint_clean(&format!("regs-dev-{}", p.name), RegsDev::new(p));
        }
    }
}
