//! `shoal_top`: the ports of `shoal_abi::ports` and the wires between the blocks. No logic but zero-extension.
//!
//! ```text
//!  s_axil -> regs <-> core <-> ctl --.
//!              |       |  \-> tx, rx -+-> mmu
//!              |       |             \-> axi_rd, axi_wr -> m_axi
//!              |       admin, contexts     ^ epoch counts what is in flight
//!              \-> adminq -----------------'
//! ```
//! Every statement stands for itself: no combinational path closes in here.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

use crate::adminq::Adminq;
use crate::axi_rd::AxiRd;
use crate::axi_wr::AxiWr;
use crate::core::Core;
use crate::ctl::Ctl;
use crate::epoch::Epochs;
use crate::messages::Messages;
use crate::mmu::Mmu;
use crate::regs::Regs;
use crate::rx::Rx;
use crate::tx::Tx;

/// Profile `tiny`.
type Tiny = ShoalTop<
    64,
    8,
    6,
    5,
    3,
    4,
    4,
    2,
    1,
    1,
    2,
    1,
    3,
    4,
    2,
    8,
    3,
    4,
    5,
    16,
    5,
    4,
    16,
    6,
    6,
    3,
    3,
    8,
    3,
    7,
>;

/// Profile `mid`.
type Mid = ShoalTop<
    128,
    16,
    8,
    14,
    12,
    13,
    13,
    7,
    5,
    3,
    7,
    4,
    8,
    16,
    4,
    32,
    5,
    6,
    7,
    64,
    7,
    6,
    64,
    7,
    8,
    5,
    5,
    32,
    5,
    9,
>;

/// Profile `hyper` and its sizes: they differ in the address bits of what a device has.
type Hyper<const VQ: usize, const DEV: usize, const PAGE: usize, const AA: usize> = ShoalTop<
    512,
    64,
    10,
    VQ,
    DEV,
    PAGE,
    AA,
    12,
    8,
    6,
    17,
    12,
    16,
    64,
    6,
    64,
    6,
    8,
    9,
    256,
    9,
    8,
    256,
    9,
    12,
    8,
    7,
    128,
    7,
    11,
>;

/// The top of `profile`, connected.
///
/// # Panics
/// On a profile that is not one of `shoal_abi::profile::PROFILES` or `SIZES`.
#[must_use]
pub fn build(profile: &Profile) -> Box<dyn Block> {
    match profile.name {
        "tiny" => connected(Tiny::new(profile)),
        "mid" => connected(Mid::new(profile)),
        "hyper" => connected(Hyper::<18, 17, 17, 17>::new(profile)),
        "hyper-16384" => connected(Hyper::<15, 14, 14, 14>::new(profile)),
        "hyper-1024" => connected(Hyper::<11, 10, 10, 10>::new(profile)),
        name => panic!("no top for profile {name}"),
    }
}

fn connected(mut top: impl Block + 'static) -> Box<dyn Block> {
    top.connect_all();
    Box::new(top)
}

/// The device. Bits: `W` data (`WB` bytes), `IW` AXI ID; address bits of the memories: `VQ` virtqueues, `DEV` devices,
/// `PAGE` doorbell pages, `AA` ASIDs, `T0`, `T1`, `T2` IOTLB, `P0`, `P1` walk caches; `GW` bits of a generation; `NW` walkers
/// with numbers of `WW` bits, `NQ` waiters with numbers of `QW` bits; `SW` bits of a slot number, `RW` one more, `NS` = 2^`SW` slots;
/// transmit mover: `OA` address bits of the ops, `IA` of the items, which are `NI`, `BA` of the beats;
/// receive mover: `XB` address bits of the beats, `XP` of the packets, `XI` of the items, which are `XN`, `XE` of the writes, `XO` of the ops.
#[derive(LogicBlock)]
pub struct ShoalTop<
    const W: usize,
    const WB: usize,
    const IW: usize,
    const VQ: usize,
    const DEV: usize,
    const PAGE: usize,
    const AA: usize,
    const T0: usize,
    const T1: usize,
    const T2: usize,
    const P0: usize,
    const P1: usize,
    const GW: usize,
    const NW: usize,
    const WW: usize,
    const NQ: usize,
    const QW: usize,
    const SW: usize,
    const RW: usize,
    const NS: usize,
    const OA: usize,
    const IA: usize,
    const NI: usize,
    const BA: usize,
    const XB: usize,
    const XP: usize,
    const XI: usize,
    const XN: usize,
    const XE: usize,
    const XO: usize,
> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub s_axil_awaddr: Signal<In, Bits<32>>,
    pub s_axil_awprot: Signal<In, Bits<3>>,
    pub s_axil_awvalid: Signal<In, Bit>,
    pub s_axil_wdata: Signal<In, Bits<32>>,
    pub s_axil_wstrb: Signal<In, Bits<4>>,
    pub s_axil_wvalid: Signal<In, Bit>,
    pub s_axil_bready: Signal<In, Bit>,
    pub s_axil_araddr: Signal<In, Bits<32>>,
    pub s_axil_arprot: Signal<In, Bits<3>>,
    pub s_axil_arvalid: Signal<In, Bit>,
    pub s_axil_rready: Signal<In, Bit>,
    pub m_axi_awready: Signal<In, Bit>,
    pub m_axi_wready: Signal<In, Bit>,
    pub m_axi_bid: Signal<In, Bits<IW>>,
    pub m_axi_bresp: Signal<In, Bits<2>>,
    pub m_axi_bvalid: Signal<In, Bit>,
    pub m_axi_arready: Signal<In, Bit>,
    pub m_axi_rid: Signal<In, Bits<IW>>,
    pub m_axi_rdata: Signal<In, Bits<W>>,
    pub m_axi_rresp: Signal<In, Bits<2>>,
    pub m_axi_rlast: Signal<In, Bit>,
    pub m_axi_rvalid: Signal<In, Bit>,
    pub m_axis_tready: Signal<In, Bit>,
    pub s_axis_tdata: Signal<In, Bits<W>>,
    pub s_axis_tkeep: Signal<In, Bits<WB>>,
    pub s_axis_tlast: Signal<In, Bit>,
    pub s_axis_tvalid: Signal<In, Bit>,
    pub s_axis_tdest: Signal<In, Bits<20>>,
    pub s_axis_tid: Signal<In, Bits<16>>,
    pub s_axis_tuser: Signal<In, Bits<64>>,
    pub s_axil_awready: Signal<Out, Bit>,
    pub s_axil_wready: Signal<Out, Bit>,
    pub s_axil_bresp: Signal<Out, Bits<2>>,
    pub s_axil_bvalid: Signal<Out, Bit>,
    pub s_axil_arready: Signal<Out, Bit>,
    pub s_axil_rdata: Signal<Out, Bits<32>>,
    pub s_axil_rresp: Signal<Out, Bits<2>>,
    pub s_axil_rvalid: Signal<Out, Bit>,
    pub m_axi_awid: Signal<Out, Bits<IW>>,
    pub m_axi_awaddr: Signal<Out, Bits<64>>,
    pub m_axi_awlen: Signal<Out, Bits<8>>,
    pub m_axi_awsize: Signal<Out, Bits<3>>,
    pub m_axi_awburst: Signal<Out, Bits<2>>,
    pub m_axi_awlock: Signal<Out, Bit>,
    pub m_axi_awcache: Signal<Out, Bits<4>>,
    pub m_axi_awprot: Signal<Out, Bits<3>>,
    pub m_axi_awqos: Signal<Out, Bits<4>>,
    pub m_axi_awregion: Signal<Out, Bits<4>>,
    pub m_axi_awuser: Signal<Out, Bits<22>>,
    pub m_axi_awvalid: Signal<Out, Bit>,
    pub m_axi_wdata: Signal<Out, Bits<W>>,
    pub m_axi_wstrb: Signal<Out, Bits<WB>>,
    pub m_axi_wlast: Signal<Out, Bit>,
    pub m_axi_wvalid: Signal<Out, Bit>,
    pub m_axi_bready: Signal<Out, Bit>,
    pub m_axi_arid: Signal<Out, Bits<IW>>,
    pub m_axi_araddr: Signal<Out, Bits<64>>,
    pub m_axi_arlen: Signal<Out, Bits<8>>,
    pub m_axi_arsize: Signal<Out, Bits<3>>,
    pub m_axi_arburst: Signal<Out, Bits<2>>,
    pub m_axi_arlock: Signal<Out, Bit>,
    pub m_axi_arcache: Signal<Out, Bits<4>>,
    pub m_axi_arprot: Signal<Out, Bits<3>>,
    pub m_axi_arqos: Signal<Out, Bits<4>>,
    pub m_axi_arregion: Signal<Out, Bits<4>>,
    pub m_axi_aruser: Signal<Out, Bits<22>>,
    pub m_axi_arvalid: Signal<Out, Bit>,
    pub m_axi_rready: Signal<Out, Bit>,
    pub m_axis_tdata: Signal<Out, Bits<W>>,
    pub m_axis_tkeep: Signal<Out, Bits<WB>>,
    pub m_axis_tlast: Signal<Out, Bit>,
    pub m_axis_tvalid: Signal<Out, Bit>,
    pub m_axis_tdest: Signal<Out, Bits<20>>,
    pub m_axis_tid: Signal<Out, Bits<16>>,
    pub m_axis_tuser: Signal<Out, Bits<64>>,
    pub s_axis_tready: Signal<Out, Bit>,
    regs: Regs,
    core: Core<VQ, DEV, PAGE, AA, SW>,
    adminq: Adminq,
    ctl: Ctl<W, SW, RW, NS>,
    tx: Tx<W, WB, OA, IA, NI, BA, SW>,
    rx: Rx<W, WB, XB, XP, XI, XN, XE, SW, NS, XO>,
    mmu: Mmu<AA, T0, T1, T2, P0, P1, GW, NW, WW, NQ, QW>,
    epochs: Epochs,
    messages: Messages<SW>,
    rd: AxiRd<W, NW>,
    wr: AxiWr<W, WB>,
    unused: Signal<Local, Bit>,
}

impl<
        const W: usize,
        const WB: usize,
        const IW: usize,
        const VQ: usize,
        const DEV: usize,
        const PAGE: usize,
        const AA: usize,
        const T0: usize,
        const T1: usize,
        const T2: usize,
        const P0: usize,
        const P1: usize,
        const GW: usize,
        const NW: usize,
        const WW: usize,
        const NQ: usize,
        const QW: usize,
        const SW: usize,
        const RW: usize,
        const NS: usize,
        const OA: usize,
        const IA: usize,
        const NI: usize,
        const BA: usize,
        const XB: usize,
        const XP: usize,
        const XI: usize,
        const XN: usize,
        const XE: usize,
        const XO: usize,
    >
    ShoalTop<
        W,
        WB,
        IW,
        VQ,
        DEV,
        PAGE,
        AA,
        T0,
        T1,
        T2,
        P0,
        P1,
        GW,
        NW,
        WW,
        NQ,
        QW,
        SW,
        RW,
        NS,
        OA,
        IA,
        NI,
        BA,
        XB,
        XP,
        XI,
        XN,
        XE,
        XO,
    >
{
    /// The device of `p`, whose sizes are those of the type.
    ///
    /// # Panics
    /// If they are not.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        assert_eq!(
            (
                p.data_w,
                p.beat_bytes(),
                p.id_w,
                p.vq_aw,
                p.dev_aw,
                p.asid_aw
            ),
            (W, WB, IW, VQ, DEV, AA),
            "sizes of profile {}",
            p.name
        );
        assert_eq!(
            (p.tlb_aw, p.pwc_aw, p.gen_w, p.walkers, p.waiters),
            ([T0, T1, T2], [P0, P1], GW, NW, NQ),
            "MMU sizes of profile {}",
            p.name
        );
        assert_eq!(
            (p.slot_w, p.slot_w + 1, 1 << p.slot_w),
            (SW, RW, NS),
            "slots of profile {}",
            p.name
        );
        assert_eq!(
            (p.tx_ops, p.tx_items, p.tx_items, p.tx_beats),
            (1 << OA, 1 << IA, NI, 1 << BA),
            "transmit sizes of profile {}",
            p.name
        );
        assert_eq!(
            (p.rx_beats, p.rx_packets, p.rx_items, p.rx_items),
            (1 << XB, 1 << XP, 1 << XI, XN),
            "receive sizes of profile {}",
            p.name
        );
        assert_eq!(
            (p.rx_writes, p.slot_w + 3),
            (1 << XE, XO),
            "receive sizes of profile {}",
            p.name
        );
        assert!(1 << PAGE >= p.doorbell_pages, "doorbell pages");
        crate::block_default!(
            clock, reset, s_axil_awaddr, s_axil_awprot, s_axil_awvalid, s_axil_wdata, s_axil_wstrb, s_axil_wvalid, s_axil_bready, s_axil_araddr, s_axil_arprot, s_axil_arvalid, s_axil_rready, m_axi_awready, m_axi_wready, m_axi_bid, m_axi_bresp, m_axi_bvalid, m_axi_arready, m_axi_rid, m_axi_rdata, m_axi_rresp, m_axi_rlast, m_axi_rvalid, m_axis_tready, s_axis_tdata, s_axis_tkeep, s_axis_tlast, s_axis_tvalid, s_axis_tdest, s_axis_tid, s_axis_tuser, s_axil_awready, s_axil_wready, s_axil_bresp, s_axil_bvalid, s_axil_arready, s_axil_rdata, s_axil_rresp, s_axil_rvalid, m_axi_awid, m_axi_awaddr, m_axi_awlen, m_axi_awsize, m_axi_awburst, m_axi_awlock, m_axi_awcache, m_axi_awprot, m_axi_awqos, m_axi_awregion, m_axi_awuser, m_axi_awvalid, m_axi_wdata, m_axi_wstrb, m_axi_wlast, m_axi_wvalid, m_axi_bready, m_axi_arid, m_axi_araddr, m_axi_arlen, m_axi_arsize, m_axi_arburst, m_axi_arlock, m_axi_arcache, m_axi_arprot, m_axi_arqos, m_axi_arregion, m_axi_aruser, m_axi_arvalid, m_axi_rready, m_axis_tdata, m_axis_tkeep, m_axis_tlast, m_axis_tvalid, m_axis_tdest, m_axis_tid, m_axis_tuser, s_axis_tready, tx, rx, mmu, epochs, messages, unused;;
            regs = Regs::new(p), core = Core::new(p), adminq = Adminq::new(p), ctl = Ctl::new(p), rd = AxiRd::new(p),
            wr = AxiWr::new(p)
        )
    }
}

impl<
        const W: usize,
        const WB: usize,
        const IW: usize,
        const VQ: usize,
        const DEV: usize,
        const PAGE: usize,
        const AA: usize,
        const T0: usize,
        const T1: usize,
        const T2: usize,
        const P0: usize,
        const P1: usize,
        const GW: usize,
        const NW: usize,
        const WW: usize,
        const NQ: usize,
        const QW: usize,
        const SW: usize,
        const RW: usize,
        const NS: usize,
        const OA: usize,
        const IA: usize,
        const NI: usize,
        const BA: usize,
        const XB: usize,
        const XP: usize,
        const XI: usize,
        const XN: usize,
        const XE: usize,
        const XO: usize,
    > Logic
    for ShoalTop<
        W,
        WB,
        IW,
        VQ,
        DEV,
        PAGE,
        AA,
        T0,
        T1,
        T2,
        P0,
        P1,
        GW,
        NW,
        WW,
        NQ,
        QW,
        SW,
        RW,
        NS,
        OA,
        IA,
        NI,
        BA,
        XB,
        XP,
        XI,
        XN,
        XE,
        XO,
    >
{
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, regs, core, adminq, ctl, tx, rx, mmu, epochs, messages, rd, wr);
        self.regs.reset.next = self.reset.val();
        self.core.reset.next = self.reset.val();
        self.adminq.reset.next = self.reset.val();
        self.ctl.reset.next = self.reset.val();
        self.tx.reset.next = self.reset.val();
        self.rx.reset.next = self.reset.val();
        self.mmu.reset.next = self.reset.val();
        self.epochs.reset.next = self.reset.val();
        self.messages.reset.next = self.reset.val();
        self.rd.reset.next = self.reset.val();
        self.wr.reset.next = self.reset.val();
        // Registers.
        self.regs.s_axil_awaddr.next = self.s_axil_awaddr.val();
        self.regs.s_axil_awvalid.next = self.s_axil_awvalid.val();
        self.regs.s_axil_wdata.next = self.s_axil_wdata.val();
        self.regs.s_axil_wstrb.next = self.s_axil_wstrb.val();
        self.regs.s_axil_wvalid.next = self.s_axil_wvalid.val();
        self.regs.s_axil_bready.next = self.s_axil_bready.val();
        self.regs.s_axil_araddr.next = self.s_axil_araddr.val();
        self.regs.s_axil_arvalid.next = self.s_axil_arvalid.val();
        self.regs.s_axil_rready.next = self.s_axil_rready.val();
        self.s_axil_awready.next = self.regs.s_axil_awready.val();
        self.s_axil_wready.next = self.regs.s_axil_wready.val();
        self.s_axil_bresp.next = self.regs.s_axil_bresp.val();
        self.s_axil_bvalid.next = self.regs.s_axil_bvalid.val();
        self.s_axil_arready.next = self.regs.s_axil_arready.val();
        self.s_axil_rdata.next = self.regs.s_axil_rdata.val();
        self.s_axil_rresp.next = self.regs.s_axil_rresp.val();
        self.s_axil_rvalid.next = self.regs.s_axil_rvalid.val();
        self.regs.ready.next = self.core.ready.val();
        self.regs.restore.next = self.core.restore.val();
        self.regs.warm_clear.next = self.core.warm_clear.val();
        self.regs.db_pop.next = self.core.db_pop.val();
        self.regs.kick_clear.next = self.core.kick_clear.val() | self.adminq.kick_clear.val();
        self.regs.needs_reset_set.next = self.adminq.needs_reset_set.val();
        self.regs.pick.next = self.core.pick.val();
        self.regs.admin_pick.next = self.adminq.pick.val();
        self.regs.raise_config.next = self.adminq.raise_config.val();
        self.regs.raise_queue.next = self.adminq.raise_queue.val();
        self.regs.raise_fq.next = self.core.raise_fq.val();
        self.regs.msix_clear.next = self.core.msix_clear.val();
        self.regs.msix_clear_v.next = self.core.msix_clear_v.val();
        self.regs.fq_tail_inc.next = self.core.fq_tail_inc.val();
        self.regs.fq_lost_inc.next = self.core.fq_lost_inc.val();
        self.regs.cnt_doorbells_inc.next = self.core.cnt_doorbells_inc.val();
        self.regs.cnt_tx_packets_inc.next = self.core.cnt_tx_packets_inc.val();
        self.regs.cnt_rx_packets_inc.next = self.core.cnt_rx_packets_inc.val();
        self.regs.cnt_rx_drops_inc.next = self.core.cnt_rx_drops_inc.val();
        self.regs.cnt_interrupts_inc.next = self.core.cnt_interrupts_inc.val();
        self.regs.cnt_faults_inc.next = self.core.cnt_faults_inc.val();
        self.regs.cnt_admin_inc.next = self.adminq.cnt_admin_inc.val();
        self.regs.hit_strobe.next = self.mmu.hit_strobe.val();
        self.regs.miss_strobe.next = self.mmu.miss_strobe.val();
        self.regs.walk_strobe.next = self.mmu.walk_strobe.val();
        self.regs.merge_strobe.next = self.mmu.merge_strobe.val();
        self.regs.wait_strobe.next = self.mmu.wait_strobe.val();
        self.regs.mmu_fault_strobe.next = self.mmu.fault_strobe.val();
        self.core.db_valid.next = self.regs.db_valid.val();
        self.core.db_page.next = self.regs.db_page.val();
        self.core.db_index.next = self.regs.db_index.val();
        self.core.live.next = self.regs.live.val();
        self.core.warm.next = self.regs.warm.val();
        self.core.fq_enable.next = self.regs.fq_enable.val();
        self.core.fq_base.next = self.regs.fq_base.val();
        self.core.fq_log2.next = self.regs.fq_log2.val();
        self.core.fq_head.next = self.regs.fq_head.val();
        self.core.fq_tail.next = self.regs.fq_tail.val();
        self.core.msix_any.next = self.regs.msix_any.val();
        self.core.msix_v.next = self.regs.msix_v.val();
        self.core.msix_addr.next = self.regs.msix_addr.val();
        self.core.msix_data.next = self.regs.msix_data.val();
        // Admin queue.
        self.adminq.live.next = self.regs.live.val();
        self.adminq.ready.next = self.core.ready.val();
        self.adminq.kick.next = self.regs.kick.val();
        self.adminq.adm_desc.next = self.regs.adm_desc.val();
        self.adminq.adm_driver.next = self.regs.adm_driver.val();
        self.adminq.adm_device.next = self.regs.adm_device.val();
        self.adminq.adm_size.next = self.regs.adm_size.val();
        self.adminq.adm_idle.next = self.core.adm_idle.val();
        self.adminq.adm_scatter.next = self.core.adm_scatter.val();
        self.adminq.cmd_addr.next = self.core.cmd_addr.val();
        self.adminq.answer_len.next = self.core.answer_len.val();
        self.adminq.ans_data.next = self.core.ans_data.val();
        self.core.exec_begin.next = self.adminq.exec_begin.val();
        self.core.answer_done.next = self.adminq.answer_done.val();
        self.core.cmd_data.next = self.adminq.cmd_data.val();
        self.core.ans_at.next = self.adminq.ans_at.val();
        self.core.adminq_quiet.next = self.adminq.quiet.val();
        // Core and control unit.
        self.ctl.op_push.next = self.core.ctl_op_push.val();
        self.ctl.op.next = self.core.ctl_op.val();
        self.core.ctl_op_empty.next = self.ctl.op_empty.val();
        self.core.comp_valid.next = self.ctl.comp_valid.val();
        self.core.comp.next = self.ctl.comp.val();
        self.ctl.comp_pop.next = self.core.comp_pop.val();
        self.ctl.may_clear.next = self.core.may_clear.val();
        self.ctl.may_slot.next = self.core.may_slot.val();
        // Core and movers.
        self.tx.op_push.next = self.core.tx_op_push.val();
        self.tx.op.next = self.core.tx_op.val();
        self.core.tx_op_count.next = self.tx.op_count.val();
        self.core.tx_done_valid.next = self.tx.done_valid.val();
        self.core.tx_done.next = self.tx.done.val();
        self.tx.done_pop.next = self.core.tx_done_pop.val();
        self.core.rx_head_valid.next = self.rx.head_valid.val();
        self.core.rx_head.next = self.rx.head.val();
        self.rx.head_pop.next = self.core.rx_head_pop.val();
        self.rx.order_push.next = self.core.rx_order_push.val();
        self.rx.order_none.next = self.core.rx_order_none.val();
        self.rx.order_slot.next = self.core.rx_order_slot.val();
        self.rx.op_push.next = self.core.rx_op_push.val();
        self.rx.op_slot.next = self.core.rx_op_slot.val();
        self.rx.op.next = self.core.rx_op.val();
        self.core.rx_idle.next = self.rx.idle.val();
        self.core.rx_done_valid.next = self.rx.done_valid.val();
        self.core.rx_done.next = self.rx.done.val();
        self.rx.done_pop.next = self.core.rx_done_pop.val();
        // Core and MMU.
        self.mmu.inv_set.next = self.core.inv_set.val();
        self.mmu.inv.next = self.core.inv.val();
        self.mmu.asid_we.next = self.core.asid_we.val();
        self.mmu.asid_addr.next = self.core.asid_addr.val();
        self.mmu.asid_data.next = self.core.asid_data.val();
        self.mmu.partition.next = self.regs.partition.val();
        self.mmu.blocking.next = self.regs.blocking.val();
        self.core.single.next = self.regs.single.val();
        self.core.mmu_counts.next = self.regs.mmu_counts.val();
        self.mmu.sweep.next = self.core.sweep.val();
        self.mmu.sweep_index.next = self.core.sweep_index.val();
        self.core.inv_pending.next = self.mmu.inv_pending.val();
        self.core.mmu_idle.next = self.mmu.idle.val();
        self.core.other_zero.next = self.epochs.other_zero.val();
        self.core.all_zero.next = self.epochs.all_zero.val();
        // Translations: 0 control, 1 transmit, 2 receive.
        self.mmu.req0_valid.next = self.ctl.mmu_req_valid.val();
        self.mmu.req0.next = self.ctl.mmu_req.val();
        self.ctl.mmu_taken.next = self.mmu.req0_taken.val();
        self.ctl.mmu_rsp_valid.next = self.mmu.rsp0_valid.val();
        self.ctl.mmu_rsp.next = self.mmu.rsp.val();
        self.mmu.req1_valid.next = self.tx.mmu_req_valid.val();
        self.mmu.req1.next = self.tx.mmu_req.val();
        self.tx.mmu_taken.next = self.mmu.req1_taken.val();
        self.tx.mmu_rsp_valid.next = self.mmu.rsp1_valid.val();
        self.tx.mmu_rsp.next = self.mmu.rsp.val();
        self.mmu.req2_valid.next = self.rx.mmu_req_valid.val();
        self.mmu.req2.next = self.rx.mmu_req.val();
        self.rx.mmu_taken.next = self.mmu.req2_taken.val();
        self.rx.mmu_rsp_valid.next = self.mmu.rsp2_valid.val();
        self.rx.mmu_rsp.next = self.mmu.rsp.val();
        // Epochs.
        self.epochs.start_ctl.next = self.ctl.start.val();
        self.epochs.start_ctl2.next = self.ctl.start2.val();
        self.ctl.epoch.next = self.epochs.cur.val();
        self.epochs.start_tx.next = self.tx.start.val();
        self.tx.epoch.next = self.epochs.cur.val();
        self.epochs.start_rx.next = self.rx.start.val();
        self.rx.epoch.next = self.epochs.cur.val();
        self.epochs.end_ctl_r.next = self.ctl.end_r.val();
        self.epochs.end_ctl_r_epoch.next = self.ctl.end_r_epoch.val();
        self.epochs.end_ctl_b.next = self.ctl.end_b.val();
        self.epochs.end_ctl_b_epoch.next = self.ctl.end_b_epoch.val();
        self.epochs.end_tx_r.next = self.tx.end_r.val();
        self.epochs.end_tx_r_epoch.next = self.tx.end_r_epoch.val();
        self.epochs.end_tx_skip.next = self.tx.skip_end.val();
        self.epochs.end_tx_skip_epoch.next = self.tx.skip_epoch.val();
        self.epochs.end_rx_b.next = self.rx.end_b.val();
        self.epochs.end_rx_b_epoch.next = self.rx.end_b_epoch.val();
        self.epochs.end_rx_skip.next = self.rx.skip.val();
        self.epochs.end_rx_skip_epoch.next = self.rx.skip_epoch.val();
        self.epochs.flip.next = self.mmu.inv_done.val();
        // Reads.
        self.rd.walk_req.next = self.mmu.ar_req.val();
        self.rd.walk_addr.next = self.mmu.ar_addr.val();
        self.rd.walk_walker.next = self.mmu.ar_walker.val();
        self.mmu.ar_grant.next = self.rd.walk_grant.val();
        self.mmu.r_valid.next = self.rd.walk_r_valid.val();
        self.mmu.r_walker.next = self.rd.walk_r_walker.val();
        self.mmu.r_data.next = self.rd.walk_r_data.val();
        self.mmu.r_bad.next = self.rd.walk_r_bad.val();
        self.rd.adm_req.next = self.adminq.ar_req.val();
        self.rd.adm_addr.next = self.adminq.ar_addr.val();
        self.rd.adm_word.next = self.adminq.ar_word.val();
        self.rd.adm_lane0.next = self.adminq.ctl_lane.val();
        self.rd.adm_lane1.next = self.adminq.data_lane.val();
        self.adminq.ar_grant.next = self.rd.adm_grant.val();
        self.adminq.ctl_r_valid.next = self.rd.adm_r0_valid.val();
        self.adminq.data_r_valid.next = self.rd.adm_r1_valid.val();
        self.adminq.r_data.next = self.rd.walk_r_data.val();
        self.adminq.r_bad.next = self.rd.walk_r_bad.val();
        self.rd.ctl_req.next = self.ctl.ar_req.val();
        self.rd.ctl_addr.next = self.ctl.ar_addr.val();
        self.rd.ctl_id.next = self.ctl.ar_id.val();
        self.rd.ctl_size.next = self.ctl.ar_size.val();
        self.rd.ctl_user.next = self.ctl.ar_user.val();
        self.ctl.ar_grant.next = self.rd.ctl_grant.val();
        self.ctl.r_valid.next = self.rd.ctl_r_valid.val();
        self.ctl.r_id.next = self.rd.ctl_r_id.val();
        self.ctl.r_data.next = self.rd.ctl_r_data.val();
        self.ctl.r_bad.next = self.rd.ctl_r_bad.val();
        self.rd.tx_req.next = self.tx.ar_req.val();
        self.rd.tx_addr.next = self.tx.ar_addr.val();
        self.rd.tx_user.next = self.tx.ar_user.val();
        self.rd.tx_len.next = self.tx.ar_len.val();
        self.rd.tx_size.next = self.tx.ar_size.val();
        self.tx.ar_grant.next = self.rd.tx_grant.val();
        self.tx.r_valid.next = self.rd.tx_r_valid.val();
        self.tx.r_data.next = self.rd.tx_r_data.val();
        self.tx.r_bad.next = self.rd.tx_r_bad.val();
        self.tx.r_last.next = self.rd.tx_r_last.val();
        self.rd.m_axi_rdata.next = self.m_axi_rdata.val();
        self.rd.m_axi_rresp.next = self.m_axi_rresp.val();
        self.rd.m_axi_rlast.next = self.m_axi_rlast.val();
        self.rd.m_axi_rvalid.next = self.m_axi_rvalid.val();
        self.rd.m_axi_arready.next = self.m_axi_arready.val();
        self.rd.m_axi_rid.next = bit_cast::<10, IW>(self.m_axi_rid.val());
        self.m_axi_araddr.next = self.rd.m_axi_araddr.val();
        self.m_axi_arlen.next = self.rd.m_axi_arlen.val();
        self.m_axi_arsize.next = self.rd.m_axi_arsize.val();
        self.m_axi_arburst.next = self.rd.m_axi_arburst.val();
        self.m_axi_arcache.next = self.rd.m_axi_arcache.val();
        self.m_axi_arprot.next = self.rd.m_axi_arprot.val();
        self.m_axi_aruser.next = self.rd.m_axi_aruser.val();
        self.m_axi_arvalid.next = self.rd.m_axi_arvalid.val();
        self.m_axi_rready.next = self.rd.m_axi_rready.val();
        self.m_axi_arid.next = self.rd.m_axi_arid.val().get_bits::<IW>(0);
        // Writes.
        self.wr.ctl_req.next = self.ctl.w_req.val();
        self.wr.ctl_addr.next = self.ctl.w_addr.val();
        self.wr.ctl_id.next = self.ctl.w_id.val();
        self.wr.ctl_user.next = self.ctl.w_user.val();
        self.wr.ctl_full.next = self.ctl.w_full.val();
        self.wr.ctl_beats.next = self.ctl.w_beats.val();
        self.wr.ctl_data.next = self.ctl.w_data.val();
        self.wr.ctl_strb.next = self.ctl.w_strb.val();
        self.ctl.w_grant.next = self.wr.ctl_grant.val();
        self.messages.push.next = self.core.msg_push.val();
        self.messages.msg.next = self.core.msg.val();
        self.messages.early_push.next = self.ctl.early_push.val();
        self.messages.early.next = self.ctl.early.val();
        self.messages.flip.next = self.core.msg_flip.val();
        self.core.msg_room.next = self.messages.room.val();
        self.core.msg_old_zero.next = self.messages.old_zero.val();
        self.core.msg_none.next = self.messages.none.val();
        self.wr.msg_req.next = self.messages.w_req.val();
        self.messages.w_grant.next = self.wr.msg_grant.val();
        self.wr.msg_addr.next = self.messages.w_addr.val();
        self.wr.msg_epoch.next = self.messages.w_epoch.val();
        self.wr.msg_beats2.next = self.messages.w_beats2.val();
        self.wr.msg_data.next = self.messages.w_data.val();
        self.wr.msg_strb.next = self.messages.w_strb.val();
        self.messages.b_valid.next = self.wr.msg_b_valid.val();
        self.messages.b_epoch.next = self.wr.msg_b_epoch.val();
        self.wr.adm_req.next = self.adminq.w_req.val();
        self.wr.adm_addr.next = self.adminq.w_addr.val();
        self.wr.adm_data.next = self.adminq.w_data.val();
        self.wr.adm_strb.next = self.adminq.w_strb.val();
        self.adminq.w_grant.next = self.wr.adm_grant.val();
        self.adminq.b_valid.next = self.wr.adm_b_valid.val();
        self.adminq.b_bad.next = self.wr.rx_b_bad.val();
        self.wr.rx_req.next = self.rx.w_req.val();
        self.wr.rx_addr.next = self.rx.w_addr.val();
        self.wr.rx_user.next = self.rx.w_user.val();
        self.wr.rx_len.next = self.rx.w_len.val();
        self.wr.rx_beat_data.next = self.rx.w_beat_data.val();
        self.wr.rx_beat_strb.next = self.rx.w_beat_strb.val();
        self.rx.w_grant.next = self.wr.rx_grant.val();
        self.rx.w_beat_take.next = self.wr.rx_beat_take.val();
        self.ctl.b_valid.next = self.wr.ctl_b_valid.val();
        self.ctl.b_id.next = self.wr.ctl_b_id.val();
        self.ctl.b_bad.next = self.wr.ctl_b_bad.val();
        self.rx.b_valid.next = self.wr.rx_b_valid.val();
        self.rx.b_bad.next = self.wr.rx_b_bad.val();
        self.wr.m_axi_awready.next = self.m_axi_awready.val();
        self.wr.m_axi_wready.next = self.m_axi_wready.val();
        self.wr.m_axi_bresp.next = self.m_axi_bresp.val();
        self.wr.m_axi_bvalid.next = self.m_axi_bvalid.val();
        self.wr.m_axi_bid.next = bit_cast::<10, IW>(self.m_axi_bid.val());
        self.m_axi_awaddr.next = self.wr.m_axi_awaddr.val();
        self.m_axi_awlen.next = self.wr.m_axi_awlen.val();
        self.m_axi_awsize.next = self.wr.m_axi_awsize.val();
        self.m_axi_awburst.next = self.wr.m_axi_awburst.val();
        self.m_axi_awcache.next = self.wr.m_axi_awcache.val();
        self.m_axi_awprot.next = self.wr.m_axi_awprot.val();
        self.m_axi_awuser.next = self.wr.m_axi_awuser.val();
        self.m_axi_awvalid.next = self.wr.m_axi_awvalid.val();
        self.m_axi_wdata.next = self.wr.m_axi_wdata.val();
        self.m_axi_wstrb.next = self.wr.m_axi_wstrb.val();
        self.m_axi_wlast.next = self.wr.m_axi_wlast.val();
        self.m_axi_wvalid.next = self.wr.m_axi_wvalid.val();
        self.m_axi_bready.next = self.wr.m_axi_bready.val();
        self.m_axi_awid.next = self.wr.m_axi_awid.val().get_bits::<IW>(0);
        // Never set.
        self.m_axi_arlock.next = false;
        self.m_axi_arqos.next = 0.into();
        self.m_axi_arregion.next = 0.into();
        self.m_axi_awlock.next = false;
        self.m_axi_awqos.next = 0.into();
        self.m_axi_awregion.next = 0.into();
        // Streams.
        self.tx.m_axis_tready.next = self.m_axis_tready.val();
        self.rx.s_axis_tdata.next = self.s_axis_tdata.val();
        self.rx.s_axis_tkeep.next = self.s_axis_tkeep.val();
        self.rx.s_axis_tlast.next = self.s_axis_tlast.val();
        self.rx.s_axis_tvalid.next = self.s_axis_tvalid.val();
        self.rx.s_axis_tdest.next = self.s_axis_tdest.val();
        self.rx.s_axis_tid.next = self.s_axis_tid.val();
        self.rx.s_axis_tuser.next = self.s_axis_tuser.val();
        self.m_axis_tdata.next = self.tx.m_axis_tdata.val();
        self.m_axis_tkeep.next = self.tx.m_axis_tkeep.val();
        self.m_axis_tlast.next = self.tx.m_axis_tlast.val();
        self.m_axis_tvalid.next = self.tx.m_axis_tvalid.val();
        self.m_axis_tdest.next = self.tx.m_axis_tdest.val();
        self.m_axis_tid.next = self.tx.m_axis_tid.val();
        self.m_axis_tuser.next = self.tx.m_axis_tuser.val();
        self.s_axis_tready.next = self.rx.s_axis_tready.val();
        // Protection types are ignored; IDs are narrower outside.
        self.unused.next = self.s_axil_awprot.val().any()
            || self.s_axil_arprot.val().any()
            || self.rd.m_axi_arid.val().any()
            || self.wr.m_axi_awid.val().any();
    }
}

#[cfg(test)]
mod tests {
    use crate::gen::generate;
    use crate::lint::verilator_lint;
    use shoal_abi::profile::{PROFILES, SIZES};

    #[test]
    fn every_profile_generates_and_is_lint_clean() {
        for p in PROFILES.iter().chain(&SIZES) {
            let text = generate(p).expect("generates");
            let dir =
                std::env::temp_dir().join(format!("shoal-top-{}-{}", std::process::id(), p.name));
            std::fs::create_dir_all(&dir).expect("temporary folder");
            let path = dir.join("shoal_top.v");
            std::fs::write(&path, text).expect("write verilog");
            let result = verilator_lint(&path);
            assert!(result.is_ok(), "{}: {}", p.name, result.unwrap_err());
            std::fs::remove_dir_all(&dir).expect("remove temporary folder");
        }
    }
}
