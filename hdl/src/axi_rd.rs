//! The read side of the AXI master: AR arbiter and register, and where each R beat goes.
//!
//! Timing: contract §1, §6. Grants are given in the cycle before the register takes the request; an R beat is accepted in
//! every cycle out of reset and acts at that edge.

use crate::axi_id;
use crate::block_default;
use rust_hdl::prelude::*;
use shoal_abi::profile::Profile;
use shoal_abi::regs;

/// An address beat.
#[derive(Clone, Copy, Debug, Default, PartialEq, LogicStruct)]
pub struct ArBeat {
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

/// The read side; `W` data bits, `NW` table walkers.
#[derive(LogicBlock)]
pub struct AxiRd<const W: usize, const NW: usize> {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub walk_req: Signal<In, Bit>,
    pub walk_grant: Signal<Out, Bit>,
    pub walk_addr: Signal<In, Bits<64>>,
    /// Which walker.
    pub walk_walker: Signal<In, Bits<6>>,
    pub adm_req: Signal<In, Bit>,
    pub adm_grant: Signal<Out, Bit>,
    pub adm_addr: Signal<In, Bits<64>>,
    /// A word of command bytes, else a control word.
    pub adm_word: Signal<In, Bit>,
    /// 64-bit lane of the admin queue's next control word.
    pub adm_lane0: Signal<In, Bits<3>>,
    /// That of its next word of command bytes.
    pub adm_lane1: Signal<In, Bits<3>>,
    pub ctl_req: Signal<In, Bit>,
    pub ctl_grant: Signal<Out, Bit>,
    pub ctl_addr: Signal<In, Bits<64>>,
    pub ctl_id: Signal<In, Bits<10>>,
    pub ctl_user: Signal<In, Bits<22>>,
    /// log2(bytes).
    pub ctl_size: Signal<In, Bits<3>>,
    pub tx_req: Signal<In, Bit>,
    pub tx_grant: Signal<Out, Bit>,
    pub tx_addr: Signal<In, Bits<64>>,
    pub tx_user: Signal<In, Bits<22>>,
    /// Beats - 1.
    pub tx_len: Signal<In, Bits<8>>,
    /// log2(bytes a beat).
    pub tx_size: Signal<In, Bits<3>>,
    pub m_axi_arready: Signal<In, Bit>,
    pub m_axi_arvalid: Signal<Out, Bit>,
    pub m_axi_arid: Signal<Out, Bits<10>>,
    pub m_axi_araddr: Signal<Out, Bits<64>>,
    pub m_axi_arlen: Signal<Out, Bits<8>>,
    pub m_axi_arsize: Signal<Out, Bits<3>>,
    pub m_axi_arburst: Signal<Out, Bits<2>>,
    pub m_axi_arcache: Signal<Out, Bits<4>>,
    pub m_axi_arprot: Signal<Out, Bits<3>>,
    pub m_axi_aruser: Signal<Out, Bits<22>>,
    /// Zero-extended.
    pub m_axi_rid: Signal<In, Bits<10>>,
    pub m_axi_rdata: Signal<In, Bits<W>>,
    pub m_axi_rresp: Signal<In, Bits<2>>,
    pub m_axi_rlast: Signal<In, Bit>,
    pub m_axi_rvalid: Signal<In, Bit>,
    pub m_axi_rready: Signal<Out, Bit>,
    /// A beat of the control unit.
    pub ctl_r_valid: Signal<Out, Bit>,
    pub ctl_r_id: Signal<Out, Bits<10>>,
    pub ctl_r_data: Signal<Out, Bits<W>>,
    pub ctl_r_bad: Signal<Out, Bit>,
    /// A PTE.
    pub walk_r_valid: Signal<Out, Bit>,
    pub walk_r_walker: Signal<Out, Bits<6>>,
    pub walk_r_data: Signal<Out, Bits<64>>,
    pub walk_r_bad: Signal<Out, Bit>,
    /// A control word of the admin queue; data and response are those of `walk_r_data` and `walk_r_bad`.
    pub adm_r0_valid: Signal<Out, Bit>,
    /// A word of command bytes.
    pub adm_r1_valid: Signal<Out, Bit>,
    pub tx_r_valid: Signal<Out, Bit>,
    pub tx_r_data: Signal<Out, Bits<W>>,
    pub tx_r_bad: Signal<Out, Bit>,
    pub tx_r_last: Signal<Out, Bit>,
    up: DFF<Bit>,
    valid: DFF<Bit>,
    ar: DFF<ArBeat>,
    walk_lanes: [DFF<Bits<3>>; NW],
    kind: Signal<Local, Bits<10>>,
    word: Signal<Local, Bit>,
    of_ctl: Signal<Local, Bit>,
    of_tx: Signal<Local, Bit>,
    of_walk: Signal<Local, Bit>,
    of_admin: Signal<Local, Bit>,
    bad: Signal<Local, Bit>,
    beat: Signal<Local, Bit>,
    lane: Signal<Local, Bits<3>>,
    shifted: Signal<Local, Bits<W>>,
    low: Signal<Local, Bits<64>>,
    walk_taken: Signal<Local, Bit>,
    r_low: Signal<Local, Bits<10>>,
    r_walker: Signal<Local, Bits<6>>,
    unused: Signal<Local, Bit>,
    class_kind: Constant<Bits<10>>,
    class_bit: Constant<Bits<10>>,
    low_bits: Constant<Bits<10>>,
    id_tx: Constant<Bits<10>>,
    id_walk: Constant<Bits<10>>,
    id_control: Constant<Bits<10>>,
    id_data: Constant<Bits<10>>,
    okay: Constant<Bits<2>>,
    word_size: Constant<Bits<3>>,
    lanes: Constant<Bits<3>>,
    lane_shift: Constant<Bits<3>>,
    incr: Constant<Bits<2>>,
    cache: Constant<Bits<4>>,
    prot: Constant<Bits<3>>,
    numbers: [Constant<Bits<6>>; NW],
}

impl<const W: usize, const NW: usize> AxiRd<W, NW> {
    /// For the IDs of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, walk_req, walk_grant, walk_addr, walk_walker, adm_req, adm_grant, adm_addr, adm_word, adm_lane0,
            adm_lane1, ctl_req, ctl_grant, ctl_addr, ctl_id, ctl_user, ctl_size, tx_req, tx_grant, tx_addr, tx_user, tx_len, tx_size,
            m_axi_arready, m_axi_arvalid, m_axi_arid, m_axi_araddr, m_axi_arlen, m_axi_arsize, m_axi_arburst,
            m_axi_arcache, m_axi_arprot, m_axi_aruser, m_axi_rid, m_axi_rdata, m_axi_rresp, m_axi_rlast, m_axi_rvalid,
            m_axi_rready, ctl_r_valid, ctl_r_id, ctl_r_data, ctl_r_bad, walk_r_valid, walk_r_walker, walk_r_data,
            walk_r_bad, adm_r0_valid, adm_r1_valid, tx_r_valid, tx_r_data, tx_r_bad, tx_r_last, up, valid, ar, kind, word,
            of_ctl, of_tx, of_walk, of_admin, bad, beat, lane, shifted, low, walk_taken, r_low, r_walker, unused;
            class_kind = axi_id::class_kind(p), class_bit = axi_id::class(p), low_bits = axi_id::low(p),
            id_tx = axi_id::of_kind(p, axi_id::MOVER), id_walk = axi_id::of_kind(p, axi_id::WALKER),
            id_control = axi_id::of_kind(p, axi_id::ADMIN), id_data = axi_id::of_kind(p, axi_id::ADMIN) | 1,
            okay = u64::from(regs::RESP_OKAY), word_size = 3, lanes = W as u64 / 64 - 1, lane_shift = 6, incr = 1, cache = 3, prot = 2;
            walk_lanes = std::array::from_fn(|_| DFF::default()),
            numbers = std::array::from_fn(|i| Constant::new((i as u64).into()))
        )
    }
}

impl<const W: usize, const NW: usize> Logic for AxiRd<W, NW> {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, up, valid, ar);
        self.up.d.next = true;
        // Walker over admin over control over transmit, whenever the register is free at the edge.
        self.walk_grant.next =
            self.walk_req.val() && (!self.valid.q.val() || self.m_axi_arready.val());
        self.adm_grant.next = self.adm_req.val()
            && !self.walk_req.val()
            && (!self.valid.q.val() || self.m_axi_arready.val());
        self.ctl_grant.next = self.ctl_req.val()
            && !self.walk_req.val()
            && !self.adm_req.val()
            && (!self.valid.q.val() || self.m_axi_arready.val());
        self.tx_grant.next = self.tx_req.val()
            && !self.walk_req.val()
            && !self.adm_req.val()
            && !self.ctl_req.val()
            && (!self.valid.q.val() || self.m_axi_arready.val());
        if !self.valid.q.val() || self.m_axi_arready.val() {
            self.valid.d.next = self.walk_req.val()
                || self.adm_req.val()
                || self.ctl_req.val()
                || self.tx_req.val();
            self.ar.d.next.len = 0.into();
            self.ar.d.next.size = self.word_size.val();
            if self.walk_req.val() {
                self.ar.d.next.addr = self.walk_addr.val();
                self.ar.d.next.id = self.id_walk.val() | bit_cast::<10, 6>(self.walk_walker.val());
                self.ar.d.next.user = 0.into();
            } else if self.adm_req.val() {
                self.ar.d.next.addr = self.adm_addr.val();
                self.ar.d.next.id = self.id_control.val();
                if self.adm_word.val() {
                    self.ar.d.next.id = self.id_data.val();
                }
                self.ar.d.next.user = 0.into();
            } else if self.ctl_req.val() {
                self.ar.d.next.addr = self.ctl_addr.val();
                self.ar.d.next.id = self.ctl_id.val();
                self.ar.d.next.user = self.ctl_user.val();
                self.ar.d.next.size = self.ctl_size.val();
            } else {
                self.ar.d.next.addr = self.tx_addr.val();
                self.ar.d.next.id = self.id_tx.val();
                self.ar.d.next.user = self.tx_user.val();
                self.ar.d.next.len = self.tx_len.val();
                self.ar.d.next.size = self.tx_size.val();
            }
        }
        self.m_axi_arvalid.next = self.valid.q.val();
        self.m_axi_arid.next = 0.into();
        self.m_axi_araddr.next = 0.into();
        self.m_axi_arlen.next = 0.into();
        self.m_axi_arsize.next = 0.into();
        self.m_axi_arburst.next = 0.into();
        self.m_axi_arcache.next = 0.into();
        self.m_axi_arprot.next = 0.into();
        self.m_axi_aruser.next = 0.into();
        if self.valid.q.val() {
            self.m_axi_arid.next = self.ar.q.val().id;
            self.m_axi_araddr.next = self.ar.q.val().addr;
            self.m_axi_arlen.next = self.ar.q.val().len;
            self.m_axi_arsize.next = self.ar.q.val().size;
            self.m_axi_arburst.next = self.incr.val();
            self.m_axi_arcache.next = self.cache.val();
            self.m_axi_arprot.next = self.prot.val();
            self.m_axi_aruser.next = self.ar.q.val().user;
        }
        // R beats.
        self.m_axi_rready.next = self.up.q.val();
        self.beat.next = self.m_axi_rvalid.val() && self.up.q.val();
        self.kind.next = self.m_axi_rid.val() & self.class_kind.val();
        self.word.next = self.m_axi_rid.val().get_bit(0);
        self.of_ctl.next = !(self.m_axi_rid.val() & self.class_bit.val()).any();
        self.of_tx.next = self.kind.val() == self.id_tx.val();
        self.of_walk.next = self.kind.val() == self.id_walk.val();
        self.of_admin.next = self.kind.val() == self.id_control.val();
        self.bad.next = self.m_axi_rresp.val() != self.okay.val();
        // The lane of a walker's PTE is kept here.
        self.r_low.next = self.m_axi_rid.val() & self.low_bits.val();
        self.r_walker.next = self.r_low.val().get_bits::<6>(0);
        self.walk_taken.next =
            self.walk_req.val() && (!self.valid.q.val() || self.m_axi_arready.val());
        self.lane.next = 0.into();
        for i in 0..NW {
            self.walk_lanes[i].clock.next = self.clock.val();
            self.walk_lanes[i].d.next = self.walk_lanes[i].q.val();
            if self.walk_taken.val() && (self.walk_walker.val() == self.numbers[i].val()) {
                self.walk_lanes[i].d.next =
                    self.walk_addr.val().get_bits::<3>(3) & self.lanes.val();
            }
            if self.of_walk.val() && (self.r_walker.val() == self.numbers[i].val()) {
                self.lane.next = self.walk_lanes[i].q.val();
            }
        }
        // The words of the admin queue come in order: it knows their lanes.
        if self.of_admin.val() {
            self.lane.next = self.adm_lane0.val() & self.lanes.val();
            if self.word.val() {
                self.lane.next = self.adm_lane1.val() & self.lanes.val();
            }
        }
        self.shifted.next =
            self.m_axi_rdata.val() >> (bit_cast::<9, 3>(self.lane.val()) << self.lane_shift.val());
        self.low.next = self.shifted.val().get_bits::<64>(0);
        self.unused.next = self.shifted.val().any() || self.r_low.val().any();
        self.ctl_r_valid.next = self.beat.val() && self.of_ctl.val();
        self.ctl_r_id.next = self.m_axi_rid.val();
        self.ctl_r_data.next = self.m_axi_rdata.val();
        self.ctl_r_bad.next = self.bad.val();
        self.walk_r_valid.next = self.beat.val() && self.of_walk.val();
        self.walk_r_walker.next = self.r_walker.val();
        self.walk_r_data.next = self.low.val();
        self.walk_r_bad.next = self.bad.val();
        self.adm_r0_valid.next = self.beat.val() && self.of_admin.val() && !self.word.val();
        self.adm_r1_valid.next = self.beat.val() && self.of_admin.val() && self.word.val();
        self.tx_r_valid.next = self.beat.val() && self.of_tx.val();
        self.tx_r_data.next = self.m_axi_rdata.val();
        self.tx_r_bad.next = self.bad.val();
        self.tx_r_last.next = self.m_axi_rlast.val();
        if self.reset.val() {
            self.up.d.next = false;
            self.valid.d.next = false;
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
        assert_lint_clean("axi-rd-64", AxiRd::<64, 4>::new(&TINY));
        assert_lint_clean("axi-rd-128", AxiRd::<128, 16>::new(&MID));
        assert_lint_clean("axi-rd-512", AxiRd::<512, 32>::new(&HYPER));
    }

    fn fresh() -> AxiRd<128, 16> {
        let mut rd = AxiRd::new(&MID);
        rd.connect_all();
        rd.reset.next = true;
        edge!(rd);
        rd.reset.next = false;
        rd.m_axi_arready.next = true;
        rd
    }

    #[test]
    fn the_beat_of_a_walker_is_cut_at_the_lane_of_its_own_pte() {
        let mut rd = fresh();
        for (walker, addr) in [(2_u64, 0x1008_u64), (13, 0x2010)] {
            rd.walk_req.next = true;
            rd.walk_walker.next = walker.into();
            rd.walk_addr.next = addr.into();
            settle(&mut rd);
            assert!(rd.walk_grant.val());
            edge!(rd);
            assert_eq!(number(rd.m_axi_arid.val()) as u64, 0xa0 | walker);
        }
        rd.walk_req.next = false;
        rd.m_axi_rvalid.next = true;
        rd.m_axi_rdata.next = wide((0xaaaa << 64) | 0x5555);
        for (walker, data) in [(13_u64, 0x5555), (2, 0xaaaa)] {
            rd.m_axi_rid.next = (0xa0 | walker).into();
            settle(&mut rd);
            assert!(rd.walk_r_valid.val() && !rd.tx_r_valid.val() && !rd.ctl_r_valid.val());
            assert_eq!(number(rd.walk_r_walker.val()) as u64, walker);
            assert_eq!(number(rd.walk_r_data.val()), data);
        }
    }

    #[test]
    fn a_beat_goes_to_the_unit_of_its_id() {
        let mut rd = fresh();
        edge!(rd);
        rd.m_axi_rvalid.next = true;
        for (id, to) in [
            (0x7f, 0),
            (0x80, 1),
            (0xa3, 2),
            (0xc0, 3),
            (0xc1, 4),
            (0xe0, 5),
        ] {
            rd.m_axi_rid.next = (id as u64).into();
            settle(&mut rd);
            let got = [
                rd.ctl_r_valid.val(),
                rd.tx_r_valid.val(),
                rd.walk_r_valid.val(),
                rd.adm_r0_valid.val(),
                rd.adm_r1_valid.val(),
            ];
            assert_eq!(got, std::array::from_fn(|i| i == to), "{id:x}");
        }
    }

    #[test]
    fn each_requester_has_its_id_and_its_size() {
        let mut rd = fresh();
        rd.ctl_req.next = true;
        rd.ctl_id.next = 0x55.into();
        rd.ctl_size.next = 4.into();
        rd.tx_req.next = true;
        rd.tx_addr.next = 0x1230.into();
        rd.tx_len.next = 3.into();
        rd.tx_size.next = 4.into();
        edge!(rd);
        rd.ctl_req.next = false;
        let seen = |rd: &AxiRd<128, 16>| {
            let (id, size) = (rd.m_axi_arid.val(), rd.m_axi_arsize.val());
            (number(id), number(size), number(rd.m_axi_arlen.val()))
        };
        assert_eq!(seen(&rd), (0x55, 4, 0));
        edge!(rd);
        assert_eq!(seen(&rd), (0x80, 4, 3));
        assert_eq!(number(rd.m_axi_araddr.val()), 0x1230);
        rd.tx_addr.next = 0x1236.into();
        rd.tx_len.next = 0.into();
        rd.tx_size.next = 1.into();
        edge!(rd);
        assert_eq!(seen(&rd), (0x80, 1, 0));
        assert_eq!(number(rd.m_axi_araddr.val()), 0x1236);
        rd.adm_req.next = true;
        rd.adm_word.next = true;
        edge!(rd);
        assert_eq!(seen(&rd), (0xc1, 3, 0));
    }
}
