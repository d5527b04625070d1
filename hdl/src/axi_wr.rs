//! The write side of the AXI master: one write at a time is handed to AW and W, and where each B goes.
//!
//! Timing: contract §6. A grant is given in a cycle without owner; `awvalid` rises at its edge, beats are loaded from the
//! next cycle on; the owner is free at the edge at which the last beat is loaded and the address accepted.

use crate::axi_id;
use crate::block_default;
use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;
use shoal_abi::regs;

/// An address beat.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct AwBeat {
    /// Bytes.
    pub addr: Bits<64>,
    /// ID.
    pub id: Bits<10>,
    /// Beats - 1.
    pub len: Bits<8>,
    /// log2(bytes a beat).
    pub size: Bits<3>,
    /// Side band.
    pub user: Bits<22>,
}

/// The write side; `W` data bits, `WB` bytes of them.
#[derive(LogicBlock)]
pub struct AxiWr<const W: usize, const WB: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub ctl_req: Signal<In, Bit>,
    pub ctl_grant: Signal<Out, Bit>,
    pub ctl_addr: Signal<In, Bits<64>>,
    pub ctl_id: Signal<In, Bits<10>>,
    pub ctl_user: Signal<In, Bits<22>>,
    pub ctl_beats2: Signal<In, Bit>,
    pub ctl_data: Signal<In, Bits<128>>,
    pub ctl_strb: Signal<In, Bits<16>>,
    pub adm_req: Signal<In, Bit>,
    pub adm_grant: Signal<Out, Bit>,
    pub adm_addr: Signal<In, Bits<64>>,
    pub adm_data: Signal<In, Bits<64>>,
    pub adm_strb: Signal<In, Bits<8>>,
    pub rx_req: Signal<In, Bit>,
    pub rx_grant: Signal<Out, Bit>,
    pub rx_addr: Signal<In, Bits<64>>,
    /// Epoch in which the access started.
    pub rx_epoch: Signal<In, Bit>,
    pub rx_user: Signal<In, Bits<22>>,
    /// Beats - 1.
    pub rx_len: Signal<In, Bits<8>>,
    /// The beat shown by the receive mover is loaded at this edge.
    pub rx_beat_take: Signal<Out, Bit>,
    pub rx_beat_data: Signal<In, Bits<W>>,
    pub rx_beat_strb: Signal<In, Bits<WB>>,
    pub m_axi_awready: Signal<In, Bit>,
    pub m_axi_awvalid: Signal<Out, Bit>,
    pub m_axi_awid: Signal<Out, Bits<10>>,
    pub m_axi_awaddr: Signal<Out, Bits<64>>,
    pub m_axi_awlen: Signal<Out, Bits<8>>,
    pub m_axi_awsize: Signal<Out, Bits<3>>,
    pub m_axi_awburst: Signal<Out, Bits<2>>,
    pub m_axi_awcache: Signal<Out, Bits<4>>,
    pub m_axi_awprot: Signal<Out, Bits<3>>,
    pub m_axi_awuser: Signal<Out, Bits<22>>,
    pub m_axi_wready: Signal<In, Bit>,
    pub m_axi_wvalid: Signal<Out, Bit>,
    pub m_axi_wdata: Signal<Out, Bits<W>>,
    pub m_axi_wstrb: Signal<Out, Bits<WB>>,
    pub m_axi_wlast: Signal<Out, Bit>,
    /// Zero-extended.
    pub m_axi_bid: Signal<In, Bits<10>>,
    pub m_axi_bresp: Signal<In, Bits<2>>,
    pub m_axi_bvalid: Signal<In, Bit>,
    pub m_axi_bready: Signal<Out, Bit>,
    /// A write of the control unit is done.
    pub ctl_b_valid: Signal<Out, Bit>,
    pub ctl_b_id: Signal<Out, Bits<10>>,
    pub ctl_b_bad: Signal<Out, Bit>,
    /// A write of the admin queue is done; its response is `rx_b_bad`.
    pub adm_b_valid: Signal<Out, Bit>,
    /// A write of the receive mover is done: it ends, in the epoch `rx_b_epoch`.
    pub rx_b_valid: Signal<Out, Bit>,
    pub rx_b_bad: Signal<Out, Bit>,
    pub rx_b_epoch: Signal<Out, Bit>,
    up: DFF<Bit>,
    owned: DFF<Bit>,
    owner_rx: DFF<Bit>,
    beats: DFF<Bits<9>>,
    window: DFF<Bits<128>>,
    window_strb: DFF<Bits<16>>,
    lane: DFF<Bits<3>>,
    aw_valid: DFF<Bit>,
    aw: DFF<AwBeat>,
    w_valid: DFF<Bit>,
    w_data: DFF<Bits<W>>,
    w_strb: DFF<Bits<WB>>,
    w_last: DFF<Bit>,
    beats_next: Signal<Local, Bits<9>>,
    aw_next: Signal<Local, Bit>,
    kind: Signal<Local, Bits<10>>,
    beat: Signal<Local, Bit>,
    bad: Signal<Local, Bit>,
    class_kind: Constant<Bits<10>>,
    class_bit: Constant<Bits<10>>,
    id_rx: Constant<Bits<10>>,
    id_rx1: Constant<Bits<10>>,
    id_admin: Constant<Bits<10>>,
    okay: Constant<Bits<2>>,
    word_size: Constant<Bits<3>>,
    beat_size: Constant<Bits<3>>,
    beat_align: Constant<Bits<64>>,
    lanes: Constant<Bits<3>>,
    one_lane: Constant<Bits<3>>,
    lane_bits: Constant<Bits<3>>,
    lane_bytes: Constant<Bits<2>>,
    half: Constant<Bits<7>>,
    half_strb: Constant<Bits<4>>,
    zero9: Constant<Bits<9>>,
    one9: Constant<Bits<9>>,
    two9: Constant<Bits<9>>,
    one8: Constant<Bits<8>>,
    incr: Constant<Bits<2>>,
    cache: Constant<Bits<4>>,
    prot: Constant<Bits<3>>,
}

impl<const W: usize, const WB: usize> AxiWr<W, WB> {
    /// For the IDs of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, ctl_req, ctl_grant, ctl_addr, ctl_id, ctl_user, ctl_beats2, ctl_data, ctl_strb, adm_req, adm_grant,
            adm_addr, adm_data, adm_strb, rx_req, rx_grant, rx_addr, rx_epoch, rx_user, rx_len, rx_beat_take, rx_beat_data,
            rx_beat_strb, m_axi_awready, m_axi_awvalid, m_axi_awid, m_axi_awaddr, m_axi_awlen, m_axi_awsize, m_axi_awburst,
            m_axi_awcache, m_axi_awprot, m_axi_awuser, m_axi_wready, m_axi_wvalid, m_axi_wdata, m_axi_wstrb, m_axi_wlast,
            m_axi_bid, m_axi_bresp, m_axi_bvalid, m_axi_bready, ctl_b_valid, ctl_b_id, ctl_b_bad, adm_b_valid, rx_b_valid,
            rx_b_bad, rx_b_epoch, up, owned, owner_rx, beats, window, window_strb, lane, aw_valid, aw, w_valid, w_data,
            w_strb, w_last, beats_next, aw_next, kind, beat, bad;
            class_kind = axi_id::class_kind(p), class_bit = axi_id::class(p), id_rx = axi_id::of_kind(p, axi_id::MOVER),
            id_rx1 = axi_id::of_kind(p, axi_id::MOVER) | 1, id_admin = axi_id::of_kind(p, axi_id::ADMIN),
            okay = u64::from(regs::RESP_OKAY), word_size = 3,
            beat_size = u64::from(WB.ilog2()), beat_align = !(WB as u64 - 1), lanes = WB as u64 / 8 - 1, one_lane = 1,
            lane_bits = 6, lane_bytes = 3, half = 64, half_strb = 8, zero9 = 0, one9 = 1, two9 = 2, one8 = 1, incr = 1,
            cache = 3, prot = 2
        )
    }
}

impl<const W: usize, const WB: usize> Logic for AxiWr<W, WB> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            up,
            owned,
            owner_rx,
            beats,
            window,
            window_strb,
            lane,
            aw_valid,
            aw,
            w_valid,
            w_data,
            w_strb,
            w_last
        );
        self.up.d.next = true;
        self.adm_grant.next = self.adm_req.val() && !self.owned.q.val();
        self.ctl_grant.next = self.ctl_req.val() && !self.adm_req.val() && !self.owned.q.val();
        self.rx_grant.next =
            self.rx_req.val() && !self.ctl_req.val() && !self.adm_req.val() && !self.owned.q.val();
        self.rx_beat_take.next = self.owned.q.val()
            && self.owner_rx.q.val()
            && (self.beats.q.val() != self.zero9.val())
            && (!self.w_valid.q.val() || self.m_axi_wready.val());
        self.aw_next.next = self.aw_valid.q.val() && !self.m_axi_awready.val();
        self.beats_next.next = self.beats.q.val();
        if self.w_valid.q.val() && self.m_axi_wready.val() {
            self.w_valid.d.next = false;
        }
        if self.owned.q.val() {
            if (self.beats.q.val() != self.zero9.val())
                && (!self.w_valid.q.val() || self.m_axi_wready.val())
            {
                self.beats_next.next = self.beats.q.val() - self.one9.val();
                self.w_valid.d.next = true;
                self.w_last.d.next = self.beats.q.val() == self.one9.val();
                if self.owner_rx.q.val() {
                    self.w_data.d.next = self.rx_beat_data.val();
                    self.w_strb.d.next = self.rx_beat_strb.val();
                } else {
                    self.w_data.d.next = bit_cast::<W, 64>(self.window.q.val().get_bits::<64>(0))
                        << (bit_cast::<9, 3>(self.lane.q.val()) << self.lane_bits.val());
                    self.w_strb.d.next =
                        bit_cast::<WB, 8>(self.window_strb.q.val().get_bits::<8>(0))
                            << (bit_cast::<6, 3>(self.lane.q.val()) << self.lane_bytes.val());
                    self.window.d.next = self.window.q.val() >> self.half.val();
                    self.window_strb.d.next = self.window_strb.q.val() >> self.half_strb.val();
                    self.lane.d.next = (self.lane.q.val() + self.one_lane.val()) & self.lanes.val();
                }
            }
            if (self.beats_next.val() == self.zero9.val()) && !self.aw_next.val() {
                self.owned.d.next = false;
            }
        } else if self.adm_req.val() {
            self.owned.d.next = true;
            self.owner_rx.d.next = false;
            self.aw_next.next = true;
            self.aw.d.next.addr = self.adm_addr.val();
            self.aw.d.next.id = self.id_admin.val();
            self.aw.d.next.size = self.word_size.val();
            self.aw.d.next.user = 0.into();
            self.aw.d.next.len = 0.into();
            self.beats_next.next = self.one9.val();
            self.window.d.next = bit_cast::<128, 64>(self.adm_data.val());
            self.window_strb.d.next = bit_cast::<16, 8>(self.adm_strb.val());
            self.lane.d.next = self.adm_addr.val().get_bits::<3>(3) & self.lanes.val();
        } else if self.ctl_req.val() {
            self.owned.d.next = true;
            self.owner_rx.d.next = false;
            self.aw_next.next = true;
            self.aw.d.next.addr = self.ctl_addr.val();
            self.aw.d.next.id = self.ctl_id.val();
            self.aw.d.next.size = self.word_size.val();
            self.aw.d.next.user = self.ctl_user.val();
            self.aw.d.next.len = 0.into();
            self.beats_next.next = self.one9.val();
            if self.ctl_beats2.val() {
                self.aw.d.next.len = self.one8.val();
                self.beats_next.next = self.two9.val();
            }
            self.window.d.next = self.ctl_data.val();
            self.window_strb.d.next = self.ctl_strb.val();
            self.lane.d.next = self.ctl_addr.val().get_bits::<3>(3) & self.lanes.val();
        } else if self.rx_req.val() {
            self.owned.d.next = true;
            self.owner_rx.d.next = true;
            self.aw_next.next = true;
            self.aw.d.next.addr = self.rx_addr.val() & self.beat_align.val();
            self.aw.d.next.id = self.id_rx.val();
            if self.rx_epoch.val() {
                self.aw.d.next.id = self.id_rx1.val();
            }
            self.aw.d.next.size = self.beat_size.val();
            self.aw.d.next.user = self.rx_user.val();
            self.aw.d.next.len = self.rx_len.val();
            self.beats_next.next = bit_cast::<9, 8>(self.rx_len.val()) + self.one9.val();
        }
        self.aw_valid.d.next = self.aw_next.val();
        self.beats.d.next = self.beats_next.val();
        // Payloads are 0 without their valid.
        self.m_axi_awvalid.next = self.aw_valid.q.val();
        self.m_axi_awid.next = 0.into();
        self.m_axi_awaddr.next = 0.into();
        self.m_axi_awlen.next = 0.into();
        self.m_axi_awsize.next = 0.into();
        self.m_axi_awburst.next = 0.into();
        self.m_axi_awcache.next = 0.into();
        self.m_axi_awprot.next = 0.into();
        self.m_axi_awuser.next = 0.into();
        if self.aw_valid.q.val() {
            self.m_axi_awid.next = self.aw.q.val().id;
            self.m_axi_awaddr.next = self.aw.q.val().addr;
            self.m_axi_awlen.next = self.aw.q.val().len;
            self.m_axi_awsize.next = self.aw.q.val().size;
            self.m_axi_awburst.next = self.incr.val();
            self.m_axi_awcache.next = self.cache.val();
            self.m_axi_awprot.next = self.prot.val();
            self.m_axi_awuser.next = self.aw.q.val().user;
        }
        self.m_axi_wvalid.next = self.w_valid.q.val();
        self.m_axi_wdata.next = 0.into();
        self.m_axi_wstrb.next = 0.into();
        self.m_axi_wlast.next = false;
        if self.w_valid.q.val() {
            self.m_axi_wdata.next = self.w_data.q.val();
            self.m_axi_wstrb.next = self.w_strb.q.val();
            self.m_axi_wlast.next = self.w_last.q.val();
        }
        // B.
        self.m_axi_bready.next = self.up.q.val();
        self.beat.next = self.m_axi_bvalid.val() && self.up.q.val();
        self.kind.next = self.m_axi_bid.val() & self.class_kind.val();
        self.bad.next = self.m_axi_bresp.val() != self.okay.val();
        self.ctl_b_valid.next =
            self.beat.val() && !(self.m_axi_bid.val() & self.class_bit.val()).any();
        self.ctl_b_id.next = self.m_axi_bid.val();
        self.ctl_b_bad.next = self.bad.val();
        self.adm_b_valid.next = self.beat.val() && (self.kind.val() == self.id_admin.val());
        self.rx_b_valid.next = self.beat.val() && (self.kind.val() == self.id_rx.val());
        self.rx_b_bad.next = self.bad.val();
        self.rx_b_epoch.next = self.m_axi_bid.val().get_bit(0);
        if self.reset.val() {
            self.up.d.next = false;
            self.owned.d.next = false;
            self.aw_valid.d.next = false;
            self.w_valid.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge;
    use crate::util::{assert_lint_clean, number, settle, wide};
    use shoal_abi::profile::{HYPER, MID, TINY};

    #[test]
    fn it_is_lint_clean() {
        assert_lint_clean("axi-wr-64", AxiWr::<64, 8>::new(&TINY));
        assert_lint_clean("axi-wr-128", AxiWr::<128, 16>::new(&MID));
        assert_lint_clean("axi-wr-512", AxiWr::<512, 64>::new(&HYPER));
    }

    #[test]
    fn a_control_write_of_two_beats_uses_one_lane_a_beat() {
        let mut a = AxiWr::<128, 16>::new(&MID);
        a.connect_all();
        a.reset.next = true;
        edge!(a);
        a.reset.next = false;
        a.ctl_req.next = true;
        a.ctl_addr.next = 0x1008.into();
        a.ctl_beats2.next = true;
        a.ctl_data.next = wide(0xbbbb_aaaa << 48);
        a.ctl_strb.next = 0x03c0.into();
        settle(&mut a);
        assert!(a.ctl_grant.val() && !a.m_axi_awvalid.val());
        edge!(a);
        a.ctl_req.next = false;
        settle(&mut a);
        assert!(a.m_axi_awvalid.val() && a.m_axi_awlen.val() == 1 && !a.m_axi_wvalid.val());
        edge!(a);
        assert!(a.m_axi_wvalid.val() && !a.m_axi_wlast.val());
        assert_eq!(
            (
                number(a.m_axi_wstrb.val()),
                number(a.m_axi_wdata.val()) >> 64
            ),
            (0xc000, 0xaaaa << 48)
        );
        a.m_axi_wready.next = true;
        edge!(a);
        assert!(a.m_axi_wvalid.val() && a.m_axi_wlast.val());
        assert_eq!(
            (number(a.m_axi_wstrb.val()), number(a.m_axi_wdata.val())),
            (0x3, 0xbbbb)
        );
        // The address is still waiting: the next write must wait too.
        a.rx_req.next = true;
        edge!(a);
        assert!(!a.m_axi_wvalid.val() && !a.rx_grant.val() && a.m_axi_awvalid.val());
        a.m_axi_awready.next = true;
        edge!(a);
        assert!(a.rx_grant.val() && !a.m_axi_awvalid.val());
    }

    #[test]
    fn a_response_goes_to_the_unit_of_its_id() {
        let mut a = AxiWr::<128, 16>::new(&MID);
        a.connect_all();
        a.reset.next = true;
        edge!(a);
        a.reset.next = false;
        a.rx_req.next = true;
        a.rx_epoch.next = true;
        edge!(a);
        a.rx_req.next = false;
        assert_eq!(number(a.m_axi_awid.val()), 0x81);
        a.m_axi_bvalid.next = true;
        for (id, to) in [(0x7f, 0), (0x80, 1), (0x81, 1), (0xc0, 2), (0xa0, 3)] {
            a.m_axi_bid.next = (id as u64).into();
            settle(&mut a);
            let got = [a.ctl_b_valid.val(), a.rx_b_valid.val(), a.adm_b_valid.val()];
            assert_eq!(got, std::array::from_fn(|i| i == to), "{id:x}");
            assert_eq!(a.rx_b_epoch.val(), id & 1 == 1);
        }
    }
}
