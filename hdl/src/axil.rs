//! The AXI4-Lite slave: takes addresses and data, holds them, and offers them to the register blocks.
//!
//! Timing: a write acts at the edge of a cycle with `wr`; a read takes `rd_data` at the edge of a cycle with an address
//! held and no answer waiting. Answers rise at the same edges.

use crate::block_default;
use rust_hdl::prelude::*;
use shoal_abi::regs;

/// The slave.
#[derive(LogicBlock)]
pub struct Axil {
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
    /// The write cannot act yet.
    pub wr_stall: Signal<In, Bit>,
    /// There is something at `wr_addr`.
    pub wr_ok: Signal<In, Bit>,
    /// The write acts at this edge.
    pub wr: Signal<Out, Bit>,
    /// Byte address, bits 1:0 are 0.
    pub wr_addr: Signal<Out, Bits<32>>,
    pub wr_data: Signal<Out, Bits<32>>,
    /// All ones in every byte to write.
    pub wr_mask: Signal<Out, Bits<32>>,
    /// Byte address, bits 1:0 are 0.
    pub rd_addr: Signal<Out, Bits<32>>,
    /// There is something at `rd_addr`.
    pub rd_ok: Signal<In, Bit>,
    /// Its value; 0 if there is nothing.
    pub rd_data: Signal<In, Bits<32>>,
    up: DFF<Bit>,
    aw_held: DFF<Bit>,
    aw_addr: DFF<Bits<32>>,
    w_held: DFF<Bit>,
    w_data: DFF<Bits<32>>,
    w_strb: DFF<Bits<4>>,
    ar_held: DFF<Bit>,
    ar_addr: DFF<Bits<32>>,
    bvalid: DFF<Bit>,
    bresp: DFF<Bits<2>>,
    rvalid: DFF<Bit>,
    rresp: DFF<Bits<2>>,
    rdata: DFF<Bits<32>>,
    fire: Signal<Local, Bit>,
    mask: Signal<Local, Bits<32>>,
    byte0: Constant<Bits<32>>,
    byte1: Constant<Bits<32>>,
    byte2: Constant<Bits<32>>,
    byte3: Constant<Bits<32>>,
    word: Constant<Bits<32>>,
    okay: Constant<Bits<2>>,
    slverr: Constant<Bits<2>>,
}

impl Default for Axil {
    fn default() -> Self {
        block_default!(
            clock, reset, s_axil_awaddr, s_axil_awvalid, s_axil_wdata, s_axil_wstrb, s_axil_wvalid, s_axil_bready,
            s_axil_araddr, s_axil_arvalid, s_axil_rready, s_axil_awready, s_axil_wready, s_axil_bresp, s_axil_bvalid,
            s_axil_arready, s_axil_rdata, s_axil_rresp, s_axil_rvalid, wr_stall, wr_ok, wr, wr_addr, wr_data, wr_mask,
            rd_addr, rd_ok, rd_data, up, aw_held, aw_addr, w_held, w_data, w_strb, ar_held, ar_addr, bvalid, bresp,
            rvalid, rresp, rdata, fire, mask;
            byte0 = 0xff, byte1 = 0xff00, byte2 = 0xff_0000, byte3 = 0xff00_0000, word = 0xffff_fffc,
            okay = u64::from(regs::RESP_OKAY), slverr = u64::from(regs::RESP_SLVERR)
        )
    }
}

impl Logic for Axil {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, up, aw_held, aw_addr, w_held, w_data, w_strb, ar_held, ar_addr, bvalid,
            bresp, rvalid, rresp, rdata
        );
        self.up.d.next = true;
        self.s_axil_awready.next = self.up.q.val() && !self.aw_held.q.val();
        self.s_axil_wready.next = self.up.q.val() && !self.w_held.q.val();
        self.s_axil_arready.next = self.up.q.val() && !self.ar_held.q.val();
        self.s_axil_bvalid.next = self.bvalid.q.val();
        self.s_axil_bresp.next = self.bresp.q.val();
        self.s_axil_rvalid.next = self.rvalid.q.val();
        self.s_axil_rresp.next = self.rresp.q.val();
        self.s_axil_rdata.next = self.rdata.q.val();
        // Writes.
        if self.s_axil_awvalid.val() && self.up.q.val() && !self.aw_held.q.val() {
            self.aw_held.d.next = true;
            self.aw_addr.d.next = self.s_axil_awaddr.val() & self.word.val();
        }
        if self.s_axil_wvalid.val() && self.up.q.val() && !self.w_held.q.val() {
            self.w_held.d.next = true;
            self.w_data.d.next = self.s_axil_wdata.val();
            self.w_strb.d.next = self.s_axil_wstrb.val();
        }
        self.mask.next = 0.into();
        if self.w_strb.q.val().get_bit(0) {
            self.mask.next = self.mask.val() | self.byte0.val();
        }
        if self.w_strb.q.val().get_bit(1) {
            self.mask.next = self.mask.val() | self.byte1.val();
        }
        if self.w_strb.q.val().get_bit(2) {
            self.mask.next = self.mask.val() | self.byte2.val();
        }
        if self.w_strb.q.val().get_bit(3) {
            self.mask.next = self.mask.val() | self.byte3.val();
        }
        self.wr_addr.next = self.aw_addr.q.val();
        self.wr_data.next = self.w_data.q.val();
        self.wr_mask.next = self.mask.val();
        self.fire.next = self.aw_held.q.val()
            && self.w_held.q.val()
            && !self.bvalid.q.val()
            && !self.wr_stall.val();
        self.wr.next = self.fire.val();
        if self.bvalid.q.val() && self.s_axil_bready.val() {
            self.bvalid.d.next = false;
            self.bresp.d.next = self.okay.val();
        }
        if self.fire.val() {
            self.aw_held.d.next = false;
            self.w_held.d.next = false;
            self.bvalid.d.next = true;
            self.bresp.d.next = self.slverr.val();
            if self.wr_ok.val() {
                self.bresp.d.next = self.okay.val();
            }
        }
        // Reads.
        if self.s_axil_arvalid.val() && self.up.q.val() && !self.ar_held.q.val() {
            self.ar_held.d.next = true;
            self.ar_addr.d.next = self.s_axil_araddr.val() & self.word.val();
        }
        self.rd_addr.next = self.ar_addr.q.val();
        if self.rvalid.q.val() && self.s_axil_rready.val() {
            self.rvalid.d.next = false;
            self.rresp.d.next = self.okay.val();
            self.rdata.d.next = 0.into();
        }
        if self.ar_held.q.val() && !self.rvalid.q.val() {
            self.ar_held.d.next = false;
            self.rvalid.d.next = true;
            self.rdata.d.next = self.rd_data.val();
            self.rresp.d.next = self.slverr.val();
            if self.rd_ok.val() {
                self.rresp.d.next = self.okay.val();
            }
        }
        if self.reset.val() {
            self.up.d.next = false;
            self.aw_held.d.next = false;
            self.w_held.d.next = false;
            self.ar_held.d.next = false;
            self.bvalid.d.next = false;
            self.bresp.d.next = self.okay.val();
            self.rvalid.d.next = false;
            self.rresp.d.next = self.okay.val();
            self.rdata.d.next = 0.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::assert_lint_clean;

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("axil", Axil::default());
    }
}
