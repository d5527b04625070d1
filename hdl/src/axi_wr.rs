//! The write side of the AXI master: one write at a time is handed to AW and W, and where each B goes.
//!
//! Timing: contract §6. A grant is given in a cycle without owner; `awvalid` rises at its edge, beats are loaded from the
//! next cycle on; there is no owner already in the cycle in which the last beat is loaded and the address accepted. So the
//! grants depend on `awready` and `wready` of the same cycle.

use crate::axi_id;
use crate::axi_wr_turn::AxiWrTurn;
use crate::block_default;
use rust_hdl::prelude::*;
use shoal_abi::mmu;
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
    /// First byte.
    pub ctl_addr: Signal<In, Bits<64>>,
    pub ctl_id: Signal<In, Bits<10>>,
    pub ctl_user: Signal<In, Bits<22>>,
    /// Full-width beats, not of 8 bytes.
    pub ctl_full: Signal<In, Bit>,
    pub ctl_beats: Signal<In, Bits<9>>,
    /// The words, that of the first byte lowest.
    pub ctl_data: Signal<In, Bits<576>>,
    pub ctl_strb: Signal<In, Bits<72>>,
    pub msg_req: Signal<In, Bit>,
    pub msg_grant: Signal<Out, Bit>,
    /// Of the word of its first byte.
    pub msg_addr: Signal<In, Bits<64>>,
    /// Message epoch.
    pub msg_epoch: Signal<In, Bit>,
    pub msg_beats2: Signal<In, Bit>,
    pub msg_data: Signal<In, Bits<128>>,
    pub msg_strb: Signal<In, Bits<16>>,
    pub adm_req: Signal<In, Bit>,
    pub adm_grant: Signal<Out, Bit>,
    pub adm_addr: Signal<In, Bits<64>>,
    pub adm_data: Signal<In, Bits<64>>,
    pub adm_strb: Signal<In, Bits<8>>,
    pub rx_req: Signal<In, Bit>,
    pub rx_grant: Signal<Out, Bit>,
    pub rx_addr: Signal<In, Bits<64>>,
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
    /// A message is done, and its epoch.
    pub msg_b_valid: Signal<Out, Bit>,
    pub msg_b_epoch: Signal<Out, Bit>,
    /// A write of the admin queue is done; its response is `rx_b_bad`.
    pub adm_b_valid: Signal<Out, Bit>,
    /// A write of the receive mover is done; they are done in order.
    pub rx_b_valid: Signal<Out, Bit>,
    pub rx_b_bad: Signal<Out, Bit>,
    turn: AxiWrTurn,
    up: DFF<Bit>,
    owned: DFF<Bit>,
    owner_rx: DFF<Bit>,
    beats: DFF<Bits<9>>,
    full: DFF<Bit>,
    window: DFF<Bits<576>>,
    window_strb: DFF<Bits<72>>,
    lane: DFF<Bits<3>>,
    aw_valid: DFF<Bit>,
    aw: DFF<AwBeat>,
    w_valid: DFF<Bit>,
    w_data: DFF<Bits<W>>,
    w_strb: DFF<Bits<WB>>,
    w_last: DFF<Bit>,
    word: Signal<Local, Bits<W>>,
    word_strb: Signal<Local, Bits<WB>>,
    words: Signal<Local, Bits<4>>,
    kind: Signal<Local, Bits<10>>,
    beat: Signal<Local, Bit>,
    bad: Signal<Local, Bit>,
    class_kind: Constant<Bits<10>>,
    class_bit: Constant<Bits<10>>,
    id_rx: Constant<Bits<10>>,
    id_msg: Constant<Bits<10>>,
    id_msg1: Constant<Bits<10>>,
    id_admin: Constant<Bits<10>>,
    okay: Constant<Bits<2>>,
    word_size: Constant<Bits<3>>,
    beat_size: Constant<Bits<3>>,
    beat_align: Constant<Bits<64>>,
    word_align: Constant<Bits<64>>,
    interrupt: Constant<Bits<22>>,
    lanes: Constant<Bits<3>>,
    one_lane: Constant<Bits<3>>,
    lane_bits: Constant<Bits<3>>,
    lane_bytes: Constant<Bits<2>>,
    all_lanes: Constant<Bits<4>>,
    one_word: Constant<Bits<4>>,
    first_lane: Constant<Bits<3>>,
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
            clock, reset, ctl_req, ctl_grant, ctl_addr, ctl_id, ctl_user, ctl_full, ctl_beats, ctl_data, ctl_strb,
            msg_req, msg_grant, msg_addr, msg_epoch, msg_beats2, msg_data, msg_strb, adm_req, adm_grant,
            adm_addr, adm_data, adm_strb, rx_req, rx_grant, rx_addr, rx_user, rx_len, rx_beat_take, rx_beat_data,
            rx_beat_strb, m_axi_awready, m_axi_awvalid, m_axi_awid, m_axi_awaddr, m_axi_awlen, m_axi_awsize, m_axi_awburst,
            m_axi_awcache, m_axi_awprot, m_axi_awuser, m_axi_wready, m_axi_wvalid, m_axi_wdata, m_axi_wstrb, m_axi_wlast,
            m_axi_bid, m_axi_bresp, m_axi_bvalid, m_axi_bready, ctl_b_valid, ctl_b_id, ctl_b_bad, msg_b_valid, msg_b_epoch, adm_b_valid, rx_b_valid,
            rx_b_bad, up, owned, owner_rx, beats, full, window, window_strb, lane, aw_valid, aw, w_valid, w_data,
            w_strb, w_last, turn, word, word_strb, words, kind, beat, bad;
            class_kind = axi_id::class_kind(p), class_bit = axi_id::class(p), id_rx = axi_id::of_kind(p, axi_id::MOVER),
            id_msg = axi_id::of_kind(p, axi_id::MESSAGE),
            id_msg1 = axi_id::of_kind(p, axi_id::MESSAGE) | 1, id_admin = axi_id::of_kind(p, axi_id::ADMIN),
            okay = u64::from(regs::RESP_OKAY), word_size = 3,
            beat_size = u64::from(WB.ilog2()), beat_align = !(WB as u64 - 1), word_align = !7_u64, interrupt = u64::from(mmu::USER_INTERRUPT), lanes = WB as u64 / 8 - 1, one_lane = 1,
            lane_bits = 6, lane_bytes = 3, all_lanes = WB as u64 / 8, one_word = 1, first_lane = 0, one9 = 1, two9 = 2, one8 = 1, incr = 1,
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
            full,
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
        // Whose turn it is.
        self.turn.owned.next = self.owned.q.val();
        self.turn.owner_rx.next = self.owner_rx.q.val();
        self.turn.beats.next = self.beats.q.val();
        self.turn.aw_valid.next = self.aw_valid.q.val();
        self.turn.aw_ready.next = self.m_axi_awready.val();
        self.turn.w_valid.next = self.w_valid.q.val();
        self.turn.w_ready.next = self.m_axi_wready.val();
        self.turn.adm_req.next = self.adm_req.val();
        self.turn.msg_req.next = self.msg_req.val();
        self.turn.ctl_req.next = self.ctl_req.val();
        self.turn.rx_req.next = self.rx_req.val();
        self.adm_grant.next = self.turn.adm_grant.val();
        self.msg_grant.next = self.turn.msg_grant.val();
        self.ctl_grant.next = self.turn.ctl_grant.val();
        self.rx_grant.next = self.turn.rx_grant.val();
        self.rx_beat_take.next = self.turn.rx_take.val();
        self.aw_valid.d.next = self.turn.address_left.val();
        self.beats.d.next = self.turn.beats_left.val();
        // The W register. Words go to their lanes; of a full-width beat all of them at once.
        if self.w_valid.q.val() && self.m_axi_wready.val() {
            self.w_valid.d.next = false;
        }
        self.word.next = bit_cast::<W, 64>(self.window.q.val().get_bits::<64>(0));
        self.word_strb.next = bit_cast::<WB, 8>(self.window_strb.q.val().get_bits::<8>(0));
        self.words.next = self.one_word.val();
        if self.full.q.val() {
            self.word.next = self.window.q.val().get_bits::<W>(0);
            self.word_strb.next = self.window_strb.q.val().get_bits::<WB>(0);
            self.words.next = self.all_lanes.val() - bit_cast::<4, 3>(self.lane.q.val());
        }
        if self.turn.loads.val() {
            self.w_valid.d.next = true;
            self.w_last.d.next = self.beats.q.val() == self.one9.val();
            if self.owner_rx.q.val() {
                self.w_data.d.next = self.rx_beat_data.val();
                self.w_strb.d.next = self.rx_beat_strb.val();
            } else {
                self.w_data.d.next = self.word.val()
                    << (bit_cast::<9, 3>(self.lane.q.val()) << self.lane_bits.val());
                self.w_strb.d.next = self.word_strb.val()
                    << (bit_cast::<6, 3>(self.lane.q.val()) << self.lane_bytes.val());
            }
            self.window.d.next = self.window.q.val()
                >> (bit_cast::<10, 4>(self.words.val()) << self.lane_bits.val());
            self.window_strb.d.next = self.window_strb.q.val()
                >> (bit_cast::<7, 4>(self.words.val()) << self.lane_bytes.val());
            self.lane.d.next = (self.lane.q.val() + self.one_lane.val()) & self.lanes.val();
            if self.full.q.val() {
                self.lane.d.next = self.first_lane.val();
            }
        }
        // The next one.
        if self.turn.idle.val() {
            self.owned.d.next =
                self.adm_req.val() || self.msg_req.val() || self.ctl_req.val() || self.rx_req.val();
            self.aw_valid.d.next =
                self.adm_req.val() || self.msg_req.val() || self.ctl_req.val() || self.rx_req.val();
            self.owner_rx.d.next = false;
            self.full.d.next = false;
            self.aw.d.next.size = self.word_size.val();
            self.aw.d.next.len = 0.into();
            if self.adm_req.val() {
                self.aw.d.next.addr = self.adm_addr.val();
                self.aw.d.next.id = self.id_admin.val();
                self.aw.d.next.user = 0.into();
                self.beats.d.next = self.one9.val();
                self.window.d.next = bit_cast::<576, 64>(self.adm_data.val());
                self.window_strb.d.next = bit_cast::<72, 8>(self.adm_strb.val());
                self.lane.d.next = self.adm_addr.val().get_bits::<3>(3) & self.lanes.val();
            } else if self.msg_req.val() {
                self.aw.d.next.addr = self.msg_addr.val();
                self.aw.d.next.id = self.id_msg.val();
                if self.msg_epoch.val() {
                    self.aw.d.next.id = self.id_msg1.val();
                }
                self.aw.d.next.user = self.interrupt.val();
                self.beats.d.next = self.one9.val();
                if self.msg_beats2.val() {
                    self.aw.d.next.len = self.one8.val();
                    self.beats.d.next = self.two9.val();
                }
                self.window.d.next = bit_cast::<576, 128>(self.msg_data.val());
                self.window_strb.d.next = bit_cast::<72, 16>(self.msg_strb.val());
                self.lane.d.next = self.msg_addr.val().get_bits::<3>(3) & self.lanes.val();
            } else if self.ctl_req.val() {
                self.aw.d.next.addr = self.ctl_addr.val() & self.word_align.val();
                self.aw.d.next.id = self.ctl_id.val();
                self.aw.d.next.user = self.ctl_user.val();
                self.aw.d.next.len = self.ctl_beats.val().get_bits::<8>(0) - self.one8.val();
                self.beats.d.next = self.ctl_beats.val();
                self.full.d.next = self.ctl_full.val();
                if self.ctl_full.val() {
                    self.aw.d.next.addr = self.ctl_addr.val() & self.beat_align.val();
                    self.aw.d.next.size = self.beat_size.val();
                }
                self.window.d.next = self.ctl_data.val();
                self.window_strb.d.next = self.ctl_strb.val();
                self.lane.d.next = self.ctl_addr.val().get_bits::<3>(3) & self.lanes.val();
            } else if self.rx_req.val() {
                self.owner_rx.d.next = true;
                self.aw.d.next.addr = self.rx_addr.val() & self.beat_align.val();
                self.aw.d.next.id = self.id_rx.val();
                self.aw.d.next.size = self.beat_size.val();
                self.aw.d.next.user = self.rx_user.val();
                self.aw.d.next.len = self.rx_len.val();
                self.beats.d.next = bit_cast::<9, 8>(self.rx_len.val()) + self.one9.val();
            }
        }
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
        self.msg_b_valid.next = self.beat.val() && (self.kind.val() == self.id_msg.val());
        self.msg_b_epoch.next = self.m_axi_bid.val().get_bit(0);
        self.adm_b_valid.next = self.beat.val() && (self.kind.val() == self.id_admin.val());
        self.rx_b_valid.next = self.beat.val() && (self.kind.val() == self.id_rx.val());
        self.rx_b_bad.next = self.bad.val();
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
        a.ctl_beats.next = 2.into();
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
        // In the cycle in which it is accepted the next one is granted.
        a.m_axi_awready.next = true;
        settle(&mut a);
        assert!(a.rx_grant.val());
        a.m_axi_wready.next = false;
        edge!(a);
        a.m_axi_awready.next = false;
        settle(&mut a);
        assert!(!a.rx_grant.val() && a.m_axi_awvalid.val());
    }

    #[test]
    fn writes_of_one_beat_go_one_a_cycle_messages_before_control() {
        let mut a = AxiWr::<64, 8>::new(&TINY);
        a.connect_all();
        a.reset.next = true;
        edge!(a);
        a.reset.next = false;
        (a.m_axi_awready.next, a.m_axi_wready.next) = (true, true);
        (a.ctl_req.next, a.msg_req.next, a.adm_req.next) = (true, true, true);
        a.rx_req.next = true;
        a.ctl_addr.next = 0x104.into();
        a.ctl_beats.next = 1.into();
        a.ctl_data.next = wide(0xcc);
        a.msg_addr.next = 0x208.into();
        a.msg_data.next = wide(0xbb);
        a.adm_data.next = 0xaa.into();
        settle(&mut a);
        assert!(a.adm_grant.val() && !a.msg_grant.val());
        edge!(a);
        a.adm_req.next = false;
        settle(&mut a);
        assert!(a.m_axi_awvalid.val() && a.msg_grant.val() && !a.ctl_grant.val());
        edge!(a);
        a.msg_req.next = false;
        settle(&mut a);
        assert_eq!(number(a.m_axi_wdata.val()), 0xaa);
        assert!(a.ctl_grant.val() && !a.rx_grant.val() && a.m_axi_awvalid.val());
        assert_eq!(number(a.m_axi_awaddr.val()), 0x208);
        assert_eq!(number(a.m_axi_awuser.val()) as u32, mmu::USER_INTERRUPT);
        edge!(a);
        a.ctl_req.next = false;
        settle(&mut a);
        assert_eq!(number(a.m_axi_wdata.val()), 0xbb);
        assert_eq!(number(a.m_axi_awaddr.val()), 0x100);
        assert!(a.rx_grant.val());
        edge!(a);
        assert_eq!(number(a.m_axi_wdata.val()), 0xcc);
    }

    /// Beats of a write of 64 bytes from `addr` on, word i of it i + 1.
    fn elements<const W: usize, const WB: usize>(
        p: &Profile,
        addr: u64,
    ) -> Vec<(Bits<W>, Bits<WB>)> {
        let mut a = AxiWr::<W, WB>::new(p);
        a.connect_all();
        a.reset.next = true;
        edge!(a);
        a.reset.next = false;
        (a.m_axi_awready.next, a.m_axi_wready.next) = (true, true);
        a.ctl_req.next = true;
        a.ctl_addr.next = addr.into();
        a.ctl_full.next = true;
        let beats = (addr as usize % WB + 64).div_ceil(WB);
        a.ctl_beats.next = (beats as u64).into();
        let mut data: Bits<576> = 0.into();
        for i in 0..8 {
            data = data | (Bits::<576>::from(i + 1) << Bits::<10>::from(64 * i));
        }
        a.ctl_data.next = data;
        a.ctl_strb.next = wide(u128::from(u64::MAX));
        edge!(a);
        a.ctl_req.next = false;
        settle(&mut a);
        assert_eq!(number(a.m_axi_awaddr.val()) as u64, addr & !(WB as u64 - 1));
        assert_eq!(number(a.m_axi_awlen.val()) as usize, beats - 1);
        assert_eq!(1 << number(a.m_axi_awsize.val()), WB);
        (0..beats)
            .map(|i| {
                edge!(a);
                assert_eq!(a.m_axi_wlast.val(), i + 1 == beats);
                (a.m_axi_wdata.val(), a.m_axi_wstrb.val())
            })
            .collect()
    }

    #[test]
    fn eight_elements_fill_the_lanes_at_every_width() {
        let got = elements::<64, 8>(&TINY, 0x1008);
        for (i, (data, strb)) in got.into_iter().enumerate() {
            assert_eq!((number(data), number(strb)), (i as u128 + 1, 0xff));
        }
        let got = elements::<128, 16>(&MID, 0x1008);
        let data: Vec<u128> = got.iter().map(|b| number(b.0)).collect();
        let two = |a: u128, b: u128| b << 64 | a;
        assert_eq!(
            data,
            [two(0, 1), two(2, 3), two(4, 5), two(6, 7), two(8, 0)]
        );
        assert_eq!((number(got[0].1), number(got[4].1)), (0xff00, 0x00ff));
        let got = elements::<512, 64>(&HYPER, 0x1030);
        assert_eq!(number(got[0].0 >> Bits::<10>::from(384)), two(1, 2));
        assert_eq!(number(got[0].1), 0xffff << 48);
        assert_eq!(number(got[1].0), two(3, 4));
        assert_eq!(number(got[1].1), (1 << 48) - 1);
    }

    #[test]
    fn a_response_goes_to_the_unit_of_its_id() {
        let mut a = AxiWr::<128, 16>::new(&MID);
        a.connect_all();
        a.reset.next = true;
        edge!(a);
        a.reset.next = false;
        a.rx_req.next = true;
        edge!(a);
        a.rx_req.next = false;
        assert_eq!(number(a.m_axi_awid.val()), 0x80);
        a.m_axi_bvalid.next = true;
        for (id, to) in [(0x7f, 0), (0x80, 1), (0xc0, 2), (0xa0, 3), (0xa1, 3)] {
            a.m_axi_bid.next = (id as u64).into();
            settle(&mut a);
            let got = [
                a.ctl_b_valid.val(),
                a.rx_b_valid.val(),
                a.adm_b_valid.val(),
                a.msg_b_valid.val(),
            ];
            assert_eq!(got, std::array::from_fn(|i| i == to), "{id:x}");
        }
    }
}
