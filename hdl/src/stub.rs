//! A stand-in for the top: every port of `shoal_top`, and just enough behind them to test the tools.
//!
//! Timing: the stream outputs repeat the stream inputs one edge later; `s_axil_rdata` counts edges since reset;
//! `m_axi_wdata` reads a memory, address `s_axil_araddr`, that `s_axis_tdata` writes, address `s_axis_tid`.
//! Reset: clears `s_axil_rvalid` and the counter; `m_axi_awaddr` and the memory keep what they hold.

use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;

/// The stand-in for `profile`, connected. `None` for a profile of no known widths.
#[must_use]
pub fn build(profile: &Profile) -> Option<Box<dyn Block>> {
    match (profile.data_w, profile.id_w) {
        (64, 6) => Some(connected(StubTop::<64, 8, 6>::default())),
        (128, 8) => Some(connected(StubTop::<128, 16, 8>::default())),
        (512, 10) => Some(connected(StubTop::<512, 64, 10>::default())),
        _ => None,
    }
}

fn connected(mut top: impl Block + 'static) -> Box<dyn Block> {
    top.connect_all();
    Box::new(top)
}

/// Counts edges since reset.
#[derive(LogicBlock)]
pub struct StubCounter {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Clears the count.
    pub reset: Signal<In, Bit>,
    /// Edges since reset.
    pub count: Signal<Out, Bits<32>>,
    value: DFF<Bits<32>>,
    one: Constant<Bits<32>>,
    zero: Constant<Bits<32>>,
}

impl Default for StubCounter {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            count: Signal::default(),
            value: DFF::default(),
            one: Constant::new(1.into()),
            zero: Constant::new(0.into()),
        }
    }
}

impl Logic for StubCounter {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, value);
        self.count.next = self.value.q.val();
        self.value.d.next = self.value.q.val() + self.one.val();
        if self.reset.val() {
            self.value.d.next = self.zero.val();
        }
    }
}

/// The stand-in. `DW` data width, `SW` bytes of it, `IW` AXI ID width, bits.
#[derive(LogicBlock, Default)]
pub struct StubTop<const DW: usize, const SW: usize, const IW: usize> {
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
    pub m_axi_rdata: Signal<In, Bits<DW>>,
    pub m_axi_rresp: Signal<In, Bits<2>>,
    pub m_axi_rlast: Signal<In, Bit>,
    pub m_axi_rvalid: Signal<In, Bit>,
    pub m_axis_tready: Signal<In, Bit>,
    pub s_axis_tdata: Signal<In, Bits<DW>>,
    pub s_axis_tkeep: Signal<In, Bits<SW>>,
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
    pub m_axi_wdata: Signal<Out, Bits<DW>>,
    pub m_axi_wstrb: Signal<Out, Bits<SW>>,
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
    pub m_axis_tdata: Signal<Out, Bits<DW>>,
    pub m_axis_tkeep: Signal<Out, Bits<SW>>,
    pub m_axis_tlast: Signal<Out, Bit>,
    pub m_axis_tvalid: Signal<Out, Bit>,
    pub m_axis_tdest: Signal<Out, Bits<20>>,
    pub m_axis_tid: Signal<Out, Bits<16>>,
    pub m_axis_tuser: Signal<Out, Bits<64>>,
    pub s_axis_tready: Signal<Out, Bit>,
    counter: StubCounter,
    rvalid: DFF<Bit>,
    parity: DFF<Bit>,
    scratch: DFF<Bits<64>>,
    id: DFF<Bits<IW>>,
    data: DFF<Bits<DW>>,
    keep: DFF<Bits<SW>>,
    last: DFF<Bit>,
    valid: DFF<Bit>,
    dest: DFF<Bits<20>>,
    tid: DFF<Bits<16>>,
    ram: RAM<Bits<DW>, 4>,
}

impl<const DW: usize, const SW: usize, const IW: usize> Logic for StubTop<DW, SW, IW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, rvalid, parity, scratch, id, data, keep, last, valid, dest, tid);
        clock!(self, clock, counter);
        self.counter.reset.next = self.reset.val();
        // Memory.
        self.ram.read_clock.next = self.clock.val();
        self.ram.write_clock.next = self.clock.val();
        self.ram.read_address.next = self.s_axil_araddr.val().get_bits::<4>(0);
        self.ram.write_address.next = self.s_axis_tid.val().get_bits::<4>(0);
        self.ram.write_data.next = self.s_axis_tdata.val();
        self.ram.write_enable.next = self.s_axis_tvalid.val();
        // Registers.
        self.rvalid.d.next = self.s_axil_arvalid.val();
        self.id.d.next = self.m_axi_bid.val();
        self.data.d.next = self.s_axis_tdata.val();
        self.keep.d.next = self.s_axis_tkeep.val();
        self.last.d.next = self.s_axis_tlast.val();
        self.valid.d.next = self.s_axis_tvalid.val();
        self.dest.d.next = self.s_axis_tdest.val();
        self.tid.d.next = self.s_axis_tid.val();
        if self.s_axil_awvalid.val() {
            self.scratch.d.next = self.s_axis_tuser.val();
        }
        self.parity.d.next = self.s_axil_awaddr.val().xor()
            ^ self.s_axil_awprot.val().xor()
            ^ self.s_axil_wdata.val().xor()
            ^ self.s_axil_wstrb.val().xor()
            ^ self.s_axil_wvalid.val()
            ^ self.s_axil_bready.val()
            ^ self.s_axil_araddr.val().xor()
            ^ self.s_axil_arprot.val().xor()
            ^ self.s_axil_rready.val()
            ^ self.m_axi_awready.val()
            ^ self.m_axi_wready.val()
            ^ self.m_axi_bresp.val().xor()
            ^ self.m_axi_bvalid.val()
            ^ self.m_axi_arready.val()
            ^ self.m_axi_rid.val().xor()
            ^ self.m_axi_rdata.val().xor()
            ^ self.m_axi_rresp.val().xor()
            ^ self.m_axi_rlast.val()
            ^ self.m_axi_rvalid.val()
            ^ self.m_axis_tready.val();
        // Outputs.
        self.s_axil_awready.next = true;
        self.s_axil_wready.next = true;
        self.s_axil_bresp.next = 0.into();
        self.s_axil_bvalid.next = self.parity.q.val();
        self.s_axil_arready.next = true;
        self.s_axil_rdata.next = self.counter.count.val();
        self.s_axil_rresp.next = 0.into();
        self.s_axil_rvalid.next = self.rvalid.q.val();
        self.m_axi_awid.next = self.id.q.val();
        self.m_axi_awaddr.next = self.scratch.q.val();
        self.m_axi_awlen.next = 0.into();
        self.m_axi_awsize.next = 0.into();
        self.m_axi_awburst.next = 0.into();
        self.m_axi_awlock.next = false;
        self.m_axi_awcache.next = 0.into();
        self.m_axi_awprot.next = 0.into();
        self.m_axi_awqos.next = 0.into();
        self.m_axi_awregion.next = 0.into();
        self.m_axi_awuser.next = 0.into();
        self.m_axi_awvalid.next = false;
        self.m_axi_wdata.next = self.ram.read_data.val();
        self.m_axi_wstrb.next = self.keep.q.val();
        self.m_axi_wlast.next = false;
        self.m_axi_wvalid.next = false;
        self.m_axi_bready.next = true;
        self.m_axi_arid.next = self.id.q.val();
        self.m_axi_araddr.next = self.scratch.q.val();
        self.m_axi_arlen.next = 0.into();
        self.m_axi_arsize.next = 0.into();
        self.m_axi_arburst.next = 0.into();
        self.m_axi_arlock.next = false;
        self.m_axi_arcache.next = 0.into();
        self.m_axi_arprot.next = 0.into();
        self.m_axi_arqos.next = 0.into();
        self.m_axi_arregion.next = 0.into();
        self.m_axi_aruser.next = 0.into();
        self.m_axi_arvalid.next = false;
        self.m_axi_rready.next = true;
        self.m_axis_tdata.next = self.data.q.val();
        self.m_axis_tkeep.next = self.keep.q.val();
        self.m_axis_tlast.next = self.last.q.val();
        self.m_axis_tvalid.next = self.valid.q.val();
        self.m_axis_tdest.next = self.dest.q.val();
        self.m_axis_tid.next = self.tid.q.val();
        self.m_axis_tuser.next = self.scratch.q.val();
        self.s_axis_tready.next = true;
        if self.reset.val() {
            self.rvalid.d.next = false;
        }
    }
}
