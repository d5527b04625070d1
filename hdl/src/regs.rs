//! BAR0: the AXI4-Lite slave, every register block behind it, and the doorbell pages.
//!
//! Timing: see `axil`. A write to a doorbell waits while the doorbell FIFO holds 16. Everything the core reads here is a
//! function of state; everything it writes acts at the edge and wins over AXI4-Lite.

use crate::axil::Axil;
use crate::block_default;
use crate::fifo::Fifo;
use crate::mmu_types::MmuCounts;
use crate::regs_common::RegsCommon;
use crate::regs_dev::RegsDev;
use crate::regs_msix::RegsMsix;
use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;
use shoal_abi::regs;

/// One doorbell.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct Doorbell {
    /// Page.
    pub page: Bits<18>,
    /// Virtqueue index, as written.
    pub index: Bits<16>,
}

/// Tells the doorbells: bits 31:30 = 01, a page that exists, offset 0 in it.
#[derive(LogicBlock)]
pub struct DoorbellDecode {
    /// Byte address.
    pub addr: Signal<In, Bits<32>>,
    /// It is that of a doorbell.
    pub hit: Signal<Out, Bit>,
    pub page: Signal<Out, Bits<18>>,
    last_page: Constant<Bits<18>>,
    region: Constant<Bits<2>>,
    page_offset: Constant<Bits<12>>,
}

impl DoorbellDecode {
    fn new(p: &Profile) -> Self {
        block_default!(
            addr, hit, page; last_page = u64::from(p.doorbell_pages - 1), region = u64::from(regs::DOORBELLS >> 30),
            page_offset = 0
        )
    }
}

impl Logic for DoorbellDecode {
    #[hdl_gen]
    fn update(&mut self) {
        self.page.next = self.addr.val().get_bits::<18>(12);
        self.hit.next = (self.addr.val().get_bits::<2>(30) == self.region.val())
            && (self.addr.val().get_bits::<18>(12) <= self.last_page.val())
            && (self.addr.val().get_bits::<12>(0) == self.page_offset.val());
    }
}

/// BAR0. Wiring only: its statements are independent of one another, so no combinational path closes in them.
#[derive(LogicBlock)]
pub struct Regs {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub s_axil_awaddr: Signal<In, Bits<32>>,
    pub s_axil_awvalid: Signal<In, Bit>,
    pub s_axil_wdata: Signal<In, Bits<32>>,
    pub s_axil_wstrb: Signal<In, Bits<4>>,
    pub s_axil_wvalid: Signal<In, Bit>,
    pub s_axil_bready: Signal<In, Bit>,
    pub s_axil_araddr: Signal<In, Bits<32>>,
    pub s_axil_arvalid: Signal<In, Bit>,
    pub s_axil_rready: Signal<In, Bit>,
    pub s_axil_awready: Signal<Out, Bit>,
    pub s_axil_wready: Signal<Out, Bit>,
    pub s_axil_bresp: Signal<Out, Bits<2>>,
    pub s_axil_bvalid: Signal<Out, Bit>,
    pub s_axil_arready: Signal<Out, Bit>,
    pub s_axil_rdata: Signal<Out, Bits<32>>,
    pub s_axil_rresp: Signal<Out, Bits<2>>,
    pub s_axil_rvalid: Signal<Out, Bit>,
    pub ready: Signal<In, Bit>,
    /// End of the sweep of a warm reset.
    pub restore: Signal<In, Bit>,
    pub warm_clear: Signal<In, Bit>,
    pub db_pop: Signal<In, Bit>,
    pub kick_clear: Signal<In, Bit>,
    pub needs_reset_set: Signal<In, Bit>,
    /// The core picks an event.
    pub pick: Signal<In, Bit>,
    /// The admin queue picks a step.
    pub admin_pick: Signal<In, Bit>,
    pub raise_config: Signal<In, Bit>,
    pub raise_queue: Signal<In, Bit>,
    pub raise_fq: Signal<In, Bit>,
    pub msix_clear: Signal<In, Bit>,
    pub msix_clear_v: Signal<In, Bits<2>>,
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
    pub db_valid: Signal<Out, Bit>,
    pub db_page: Signal<Out, Bits<18>>,
    pub db_index: Signal<Out, Bits<16>>,
    pub live: Signal<Out, Bit>,
    pub kick: Signal<Out, Bit>,
    pub warm: Signal<Out, Bit>,
    pub adm_desc: Signal<Out, Bits<64>>,
    pub adm_driver: Signal<Out, Bits<64>>,
    pub adm_device: Signal<Out, Bits<64>>,
    pub adm_size: Signal<Out, Bits<16>>,
    pub fq_enable: Signal<Out, Bit>,
    pub fq_base: Signal<Out, Bits<64>>,
    pub fq_log2: Signal<Out, Bits<3>>,
    pub fq_head: Signal<Out, Bits<16>>,
    pub fq_tail: Signal<Out, Bits<16>>,
    /// MMU_CTRL partition.
    pub partition: Signal<Out, Bit>,
    /// MMU_CTRL blocking.
    pub blocking: Signal<Out, Bit>,
    /// ENGINE_CTRL single.
    pub single: Signal<Out, Bit>,
    /// Counters of the MMU.
    pub mmu_counts: Signal<Out, MmuCounts>,
    pub msix_any: Signal<Out, Bit>,
    pub msix_v: Signal<Out, Bits<2>>,
    pub msix_addr: Signal<Out, Bits<64>>,
    pub msix_data: Signal<Out, Bits<32>>,
    axil: Axil,
    common: RegsCommon,
    msix: RegsMsix,
    dev: RegsDev,
    doorbells: Fifo<Doorbell, 4>,
    doorbell: Signal<Local, Doorbell>,
    wr_db: DoorbellDecode,
    rd_db: DoorbellDecode,
    unused: Signal<Local, Bit>,
    no_doorbell: Constant<Doorbell>,
    full: Constant<Bits<16>>,
}

impl Regs {
    /// The block with the limits of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, s_axil_awaddr, s_axil_awvalid, s_axil_wdata, s_axil_wstrb, s_axil_wvalid, s_axil_bready,
            s_axil_araddr, s_axil_arvalid, s_axil_rready, s_axil_awready, s_axil_wready, s_axil_bresp, s_axil_bvalid,
            s_axil_arready, s_axil_rdata, s_axil_rresp, s_axil_rvalid, ready, restore, warm_clear, db_pop, kick_clear,
            needs_reset_set, pick, admin_pick, raise_config, raise_queue, raise_fq, msix_clear, msix_clear_v, fq_tail_inc, fq_lost_inc,
            cnt_doorbells_inc, cnt_tx_packets_inc, cnt_rx_packets_inc, cnt_rx_drops_inc, cnt_interrupts_inc,
            cnt_faults_inc, cnt_admin_inc, hit_strobe, miss_strobe, walk_strobe, merge_strobe, wait_strobe,
            mmu_fault_strobe, db_valid, db_page, db_index, live, kick, warm,
            adm_desc, adm_driver, adm_device, adm_size, fq_enable, fq_base, fq_log2, fq_head, fq_tail, partition, blocking, single, mmu_counts, msix_any, msix_v,
            msix_addr, msix_data, axil, common, msix, doorbells, doorbell, unused;
            no_doorbell = Doorbell::default(), full = 16;
            wr_db = DoorbellDecode::new(p), rd_db = DoorbellDecode::new(p),
            dev = RegsDev::new(p)
        )
    }
}

impl Logic for Regs {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, axil, common, msix, dev, doorbells);
        self.axil.reset.next = self.reset.val();
        self.common.reset.next = self.reset.val();
        self.msix.reset.next = self.reset.val();
        self.dev.reset.next = self.reset.val();
        self.doorbells.reset.next = self.reset.val();
        // The slave.
        self.axil.s_axil_awaddr.next = self.s_axil_awaddr.val();
        self.axil.s_axil_awvalid.next = self.s_axil_awvalid.val();
        self.axil.s_axil_wdata.next = self.s_axil_wdata.val();
        self.axil.s_axil_wstrb.next = self.s_axil_wstrb.val();
        self.axil.s_axil_wvalid.next = self.s_axil_wvalid.val();
        self.axil.s_axil_bready.next = self.s_axil_bready.val();
        self.axil.s_axil_araddr.next = self.s_axil_araddr.val();
        self.axil.s_axil_arvalid.next = self.s_axil_arvalid.val();
        self.axil.s_axil_rready.next = self.s_axil_rready.val();
        self.s_axil_awready.next = self.axil.s_axil_awready.val();
        self.s_axil_wready.next = self.axil.s_axil_wready.val();
        self.s_axil_bresp.next = self.axil.s_axil_bresp.val();
        self.s_axil_bvalid.next = self.axil.s_axil_bvalid.val();
        self.s_axil_arready.next = self.axil.s_axil_arready.val();
        self.s_axil_rdata.next = self.axil.s_axil_rdata.val();
        self.s_axil_rresp.next = self.axil.s_axil_rresp.val();
        self.s_axil_rvalid.next = self.axil.s_axil_rvalid.val();
        // Doorbell pages.
        self.wr_db.addr.next = self.axil.wr_addr.val();
        self.rd_db.addr.next = self.axil.rd_addr.val();
        self.unused.next = self.rd_db.page.val().any();
        self.axil.wr_stall.next =
            self.wr_db.hit.val() && (self.doorbells.count.val() == self.full.val());
        self.doorbell.next = self.no_doorbell.val();
        self.doorbell.next.page = self.wr_db.page.val();
        self.doorbell.next.index = self.axil.wr_data.val().get_bits::<16>(0);
        self.doorbells.push_data.next = self.doorbell.val();
        self.doorbells.push.next = self.axil.wr.val()
            && self.wr_db.hit.val()
            && self.axil.wr_mask.val().get_bit(0)
            && self.axil.wr_mask.val().get_bit(8);
        self.doorbells.pop.next = self.db_pop.val();
        self.db_valid.next = self.doorbells.valid.val();
        self.db_page.next = self.doorbells.data.val().page;
        self.db_index.next = self.doorbells.data.val().index;
        // Registers.
        self.common.wr.next = self.axil.wr.val();
        self.common.wr_addr.next = self.axil.wr_addr.val();
        self.common.wr_data.next = self.axil.wr_data.val();
        self.common.wr_mask.next = self.axil.wr_mask.val();
        self.common.rd_addr.next = self.axil.rd_addr.val();
        self.msix.wr.next = self.axil.wr.val();
        self.msix.wr_addr.next = self.axil.wr_addr.val();
        self.msix.wr_data.next = self.axil.wr_data.val();
        self.msix.wr_mask.next = self.axil.wr_mask.val();
        self.msix.rd_addr.next = self.axil.rd_addr.val();
        self.dev.wr.next = self.axil.wr.val();
        self.dev.wr_addr.next = self.axil.wr_addr.val();
        self.dev.wr_data.next = self.axil.wr_data.val();
        self.dev.wr_mask.next = self.axil.wr_mask.val();
        self.dev.rd_addr.next = self.axil.rd_addr.val();
        self.axil.wr_ok.next = self.wr_db.hit.val()
            || self.common.wr_ok.val()
            || self.msix.wr_ok.val()
            || self.dev.wr_ok.val();
        self.axil.rd_ok.next = self.rd_db.hit.val()
            || self.common.rd_ok.val()
            || self.msix.rd_ok.val()
            || self.dev.rd_ok.val();
        self.axil.rd_data.next =
            self.common.rd_data.val() | self.msix.rd_data.val() | self.dev.rd_data.val();
        // The core's side.
        self.common.ready.next = self.ready.val();
        self.common.restore.next = self.restore.val();
        self.common.warm_clear.next = self.warm_clear.val();
        self.common.kick_clear.next = self.kick_clear.val();
        self.common.needs_reset_set.next = self.needs_reset_set.val();
        self.live.next = self.common.live.val();
        self.kick.next = self.common.kick.val();
        self.warm.next = self.common.warm.val();
        self.adm_desc.next = self.common.adm_desc.val();
        self.adm_driver.next = self.common.adm_driver.val();
        self.adm_device.next = self.common.adm_device.val();
        self.adm_size.next = self.common.adm_size.val();
        self.msix.restore.next = self.restore.val();
        self.msix.pick.next = self.pick.val();
        self.msix.admin_pick.next = self.admin_pick.val();
        self.msix.raise_config.next = self.raise_config.val();
        self.msix.raise_queue.next = self.raise_queue.val();
        self.msix.raise_fq.next = self.raise_fq.val();
        self.msix.config_vector.next = self.common.config_vector.val();
        self.msix.queue_vector.next = self.common.queue_vector.val();
        self.msix.fq_vector.next = self.dev.fq_vector.val();
        self.msix.msix_clear.next = self.msix_clear.val();
        self.msix.msix_clear_v.next = self.msix_clear_v.val();
        self.msix_any.next = self.msix.msix_any.val();
        self.msix_v.next = self.msix.msix_v.val();
        self.msix_addr.next = self.msix.msix_addr.val();
        self.msix_data.next = self.msix.msix_data.val();
        // READY reads 0 from the write that starts a warm reset on.
        self.dev.ready.next = self.ready.val() & !self.common.warm.val();
        self.dev.restore.next = self.restore.val();
        self.dev.pick.next = self.pick.val();
        self.dev.fq_tail_inc.next = self.fq_tail_inc.val();
        self.dev.fq_lost_inc.next = self.fq_lost_inc.val();
        self.dev.cnt_doorbells_inc.next = self.cnt_doorbells_inc.val();
        self.dev.cnt_tx_packets_inc.next = self.cnt_tx_packets_inc.val();
        self.dev.cnt_rx_packets_inc.next = self.cnt_rx_packets_inc.val();
        self.dev.cnt_rx_drops_inc.next = self.cnt_rx_drops_inc.val();
        self.dev.cnt_interrupts_inc.next = self.cnt_interrupts_inc.val();
        self.dev.cnt_faults_inc.next = self.cnt_faults_inc.val();
        self.dev.cnt_admin_inc.next = self.cnt_admin_inc.val();
        self.dev.hit_strobe.next = self.hit_strobe.val();
        self.dev.miss_strobe.next = self.miss_strobe.val();
        self.dev.walk_strobe.next = self.walk_strobe.val();
        self.dev.merge_strobe.next = self.merge_strobe.val();
        self.dev.wait_strobe.next = self.wait_strobe.val();
        self.dev.mmu_fault_strobe.next = self.mmu_fault_strobe.val();
        self.partition.next = self.dev.partition.val();
        self.blocking.next = self.dev.blocking.val();
        self.single.next = self.dev.single.val();
        self.mmu_counts.next = self.dev.mmu_counts.val();
        self.fq_enable.next = self.dev.fq_enable.val();
        self.fq_base.next = self.dev.fq_base.val();
        self.fq_log2.next = self.dev.fq_log2.val();
        self.fq_head.next = self.dev.fq_head.val();
        self.fq_tail.next = self.dev.fq_tail.val();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use crate::util::{assert_lint_clean, settle};
    use shoal_abi::profile::{MID, TINY};

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("regs-tiny", Regs::new(&TINY));
        assert_lint_clean("regs-mid", Regs::new(&MID));
    }

    fn write(r: &mut Regs, addr: u32, data: u32, strb: u32) -> u64 {
        r.s_axil_awaddr.next = u64::from(addr).into();
        r.s_axil_wdata.next = u64::from(data).into();
        r.s_axil_wstrb.next = u64::from(strb).into();
        (
            r.s_axil_awvalid.next,
            r.s_axil_wvalid.next,
            r.s_axil_bready.next,
        ) = (true, true, true);
        edge!(*r);
        (r.s_axil_awvalid.next, r.s_axil_wvalid.next) = (false, false);
        edge!(*r);
        assert!(r.s_axil_bvalid.val());
        let resp = r.s_axil_bresp.val().to_u64();
        edge!(*r);
        assert!(!r.s_axil_bvalid.val());
        resp
    }

    fn read(r: &mut Regs, addr: u32) -> (u64, u64) {
        r.s_axil_araddr.next = u64::from(addr).into();
        (r.s_axil_arvalid.next, r.s_axil_rready.next) = (true, true);
        edge!(*r);
        r.s_axil_arvalid.next = false;
        edge!(*r);
        assert!(r.s_axil_rvalid.val());
        let got = (r.s_axil_rdata.val().to_u64(), r.s_axil_rresp.val().to_u64());
        edge!(*r);
        got
    }

    #[test]
    fn registers_follow_their_rules() {
        let mut r = Regs::new(&TINY);
        r.connect_all();
        r.reset.next = true;
        edge!(r);
        assert!(!r.s_axil_awready.val());
        r.reset.next = false;
        edge!(r);
        assert!(r.s_axil_awready.val() && r.s_axil_arready.val());
        assert_eq!(
            read(&mut r, regs::MAGIC.offset),
            (u64::from(regs::MAGIC_VALUE), 0)
        );
        assert_eq!(read(&mut r, 0x128), (0, 2));
        assert_eq!(
            read(&mut r, regs::QUEUE_SIZE_VECTOR.offset),
            (0xffff_0040, 0)
        );
        assert_eq!(
            write(&mut r, regs::QUEUE_SIZE_VECTOR.offset, 0x0002_0010, 0xf),
            0
        );
        assert_eq!(
            read(&mut r, regs::QUEUE_SIZE_VECTOR.offset),
            (0x0002_0010, 0)
        );
        assert_eq!(
            write(&mut r, regs::QUEUE_SIZE_VECTOR.offset, 0x0007_0011, 0xf),
            0
        );
        assert_eq!(
            read(&mut r, regs::QUEUE_SIZE_VECTOR.offset),
            (0xffff_0010, 0)
        );
        assert_eq!(
            write(&mut r, regs::QUEUE_DESC_LO.offset, 0x1234_567f, 0x3),
            0
        );
        assert_eq!(read(&mut r, regs::QUEUE_DESC_LO.offset), (0x5670, 0));
        // The status is writable with READY; FEATURES_OK needs VERSION_1.
        assert_eq!(write(&mut r, regs::STATUS_QUEUE_SELECT.offset, 0xf, 0x1), 0);
        assert_eq!(read(&mut r, regs::STATUS_QUEUE_SELECT.offset), (0, 0));
        r.ready.next = true;
        write(&mut r, regs::STATUS_QUEUE_SELECT.offset, 0xb, 0x1);
        assert_eq!(read(&mut r, regs::STATUS_QUEUE_SELECT.offset), (3, 0));
        write(&mut r, regs::DRIVER_FEATURE_SELECT.offset, 1, 0xf);
        write(&mut r, regs::DRIVER_FEATURE.offset, 1, 0xf);
        write(&mut r, regs::STATUS_QUEUE_SELECT.offset, 0xff, 0x1);
        assert_eq!(read(&mut r, regs::STATUS_QUEUE_SELECT.offset), (0x8f, 0));
        assert!(!r.live.val());
        write(&mut r, regs::QUEUE_ENABLE_NOTIFY_OFF.offset, 1, 0xf);
        assert!(r.live.val() && !r.kick.val());
        assert_eq!(write(&mut r, regs::NOTIFY.offset, 0, 0), 0);
        assert!(r.kick.val());
        // MSI-X.
        write(&mut r, regs::CONFIG_VECTOR_NUM_QUEUES.offset, 2, 0xf);
        r.admin_pick.next = true;
        edge!(r);
        r.admin_pick.next = false;
        // A vector set after the step was picked does not count.
        write(&mut r, regs::CONFIG_VECTOR_NUM_QUEUES.offset, 1, 0xf);
        r.raise_config.next = true;
        edge!(r);
        r.raise_config.next = false;
        settle(&mut r);
        assert!(!r.msix_any.val());
        assert_eq!(read(&mut r, regs::MSIX_PBA.offset), (4, 0));
        write(&mut r, regs::MSIX_TABLE + 0x28, 0x77, 0xf);
        write(&mut r, regs::MSIX_TABLE + 0x2c, 0, 0xf);
        assert!(r.msix_any.val() && r.msix_v.val() == 2 && r.msix_data.val() == 0x77);
    }

    #[test]
    fn the_switches_read_back_and_a_restore_clears_them() {
        let mut r = Regs::new(&TINY);
        r.connect_all();
        r.reset.next = true;
        edge!(r);
        r.reset.next = false;
        edge!(r);
        let (mmu, engine) = (regs::MMU_CTRL.offset, regs::ENGINE_CTRL.offset);
        assert_eq!(write(&mut r, mmu, 0xffff_ffff, 15), 0);
        assert_eq!(write(&mut r, engine, 0xffff_ffff, 15), 0);
        assert!(r.partition.val() && r.blocking.val() && r.single.val());
        assert_eq!(read(&mut r, mmu), (3, 0));
        assert_eq!(read(&mut r, engine), (1, 0));
        assert_eq!(write(&mut r, mmu, 2, 14), 0);
        assert_eq!(write(&mut r, mmu, 2, 1), 0);
        assert!(!r.partition.val() && r.blocking.val());
        assert_eq!(read(&mut r, mmu), (2, 0));
        r.restore.next = true;
        edge!(r);
        r.restore.next = false;
        assert!(!r.blocking.val() && !r.single.val());
        assert_eq!(read(&mut r, engine), (0, 0));
    }

    #[test]
    fn the_fault_queue_goes_on_by_the_size_it_had_when_the_event_was_picked() {
        let mut r = Regs::new(&TINY);
        r.connect_all();
        r.reset.next = true;
        edge!(r);
        r.reset.next = false;
        edge!(r);
        let mut record = |size_before: u32, size_after: u32| {
            write(&mut r, regs::FQ_CTRL.offset, size_before << 4, 0xf);
            r.pick.next = true;
            edge!(r);
            r.pick.next = false;
            write(&mut r, regs::FQ_CTRL.offset, size_after << 4, 0xf);
            r.fq_tail_inc.next = true;
            edge!(r);
            r.fq_tail_inc.next = false;
            settle(&mut r);
            read(&mut r, regs::FQ_TAIL.offset).0
        };
        assert_eq!(record(3, 3), 1);
        assert_eq!(record(3, 1), 2);
        assert_eq!(record(1, 3), 1);
    }

    #[test]
    fn doorbells_queue_up_and_then_stall() {
        let mut r = Regs::new(&TINY);
        r.connect_all();
        r.reset.next = true;
        edge!(r);
        r.reset.next = false;
        edge!(r);
        assert_eq!(write(&mut r, regs::DOORBELLS + 16 * 4096, 1, 0xf), 2);
        assert_eq!(write(&mut r, regs::DOORBELLS + 4, 1, 0xf), 2);
        assert_eq!(write(&mut r, regs::DOORBELLS, 1, 0x2), 0);
        assert!(!r.db_valid.val());
        for n in 0..16 {
            assert_eq!(write(&mut r, regs::DOORBELLS + n * 4096, n + 100, 0x3), 0);
        }
        assert!(r.db_valid.val() && r.db_page.val() == 0 && r.db_index.val() == 100);
        (r.s_axil_awvalid.next, r.s_axil_wvalid.next) = (true, true);
        for _ in 0..4 {
            edge!(r);
            assert!(!r.s_axil_bvalid.val());
        }
        r.db_pop.next = true;
        edge!(r);
        r.db_pop.next = false;
        edge!(r);
        assert!(r.s_axil_bvalid.val() && r.db_index.val() == 101);
    }
}
