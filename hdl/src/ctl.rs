//! The control unit: ring, descriptor and message accesses of up to 16 bytes, one op at a time.
//!
//! Timing: contract §4. `ar_req`, `w_req` and `mmu_req_valid` are functions of state; a grant or an answer acts at the edge.
//! Every word of a read gives one event (R FIFO, or the X FIFO here), every write one (B FIFO, or the X FIFO here).

use crate::block_default;
use crate::fifo::Fifo;
use crate::types::{AxiId, CtlOp, EvX, MmuReq, MmuRsp, CTL_RD, CTL_XL};
use rust_hdl::prelude::*;
use shoal_abi::mmu;
use shoal_abi::profile::Profile;

#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
enum CtlState {
    Idle,
    Xlat,
    IssueR,
    IssueW,
    WaitFirst,
}

/// The control unit with its op FIFO(16) and X FIFO(16).
#[derive(LogicBlock)]
pub struct Ctl {
    pub clock: Signal<In, Clock>,
    pub reset: Signal<In, Bit>,
    pub op_push: Signal<In, Bit>,
    pub op: Signal<In, CtlOp>,
    pub op_empty: Signal<Out, Bit>,
    /// No op in hand.
    pub idle: Signal<Out, Bit>,
    pub mmu_req_valid: Signal<Out, Bit>,
    pub mmu_req: Signal<Out, MmuReq>,
    /// The request is taken: the answer comes later.
    pub mmu_taken: Signal<In, Bit>,
    pub mmu_rsp_valid: Signal<In, Bit>,
    pub mmu_rsp: Signal<In, MmuRsp>,
    /// Current epoch.
    pub epoch: Signal<In, Bit>,
    /// An access of the current epoch starts.
    pub start: Signal<Out, Bit>,
    pub ar_req: Signal<Out, Bit>,
    pub ar_grant: Signal<In, Bit>,
    pub ar_addr: Signal<Out, Bits<64>>,
    pub ar_id: Signal<Out, Bits<10>>,
    pub ar_user: Signal<Out, Bits<22>>,
    pub w_req: Signal<Out, Bit>,
    pub w_grant: Signal<In, Bit>,
    pub w_addr: Signal<Out, Bits<64>>,
    pub w_id: Signal<Out, Bits<10>>,
    pub w_user: Signal<Out, Bits<22>>,
    /// Two beats of 8 bytes.
    pub w_beats2: Signal<Out, Bit>,
    /// Both beats, the first one low.
    pub w_data: Signal<Out, Bits<128>>,
    pub w_strb: Signal<Out, Bits<16>>,
    /// The first write of an op that crosses a page is done.
    pub b1_valid: Signal<In, Bit>,
    pub b1_bad: Signal<In, Bit>,
    pub x_pop: Signal<In, Bit>,
    pub x_valid: Signal<Out, Bit>,
    pub x: Signal<Out, EvX>,
    ops: Fifo<CtlOp, 4>,
    events: Fifo<EvX, 4>,
    state: DFF<CtlState>,
    asked: DFF<Bit>,
    cur: DFF<CtlOp>,
    word: DFF<Bit>,
    phys: DFF<Bits<64>>,
    user: DFF<Bits<22>>,
    tag: DFF<Bit>,
    cur_va: Signal<Local, Bits<64>>,
    head_va: Signal<Local, Bits<64>>,
    access: Signal<Local, Bits<64>>,
    second: Signal<Local, Bits<64>>,
    end_in_page: Signal<Local, Bits<13>>,
    crosses: Signal<Local, Bit>,
    chunk: Signal<Local, Bits<4>>,
    offset: Signal<Local, Bits<3>>,
    last_byte: Signal<Local, Bits<5>>,
    rest_va: Signal<Local, Bits<64>>,
    spare: Signal<Local, Bits<4>>,
    spare_bits: Signal<Local, Bits<6>>,
    kept: Signal<Local, Bits<64>>,
    ev: Signal<Local, EvX>,
    request: Signal<Local, MmuReq>,
    rd_id: Signal<Local, AxiId>,
    wr_id: Signal<Local, AxiId>,
    lane: Signal<Local, Bits<3>>,
    unused: Signal<Local, Bit>,
    no_event: Constant<EvX>,
    no_request: Constant<MmuReq>,
    no_id: Constant<AxiId>,
    kind_rd: Constant<Bits<2>>,
    kind_xl: Constant<Bits<2>>,
    ok: Constant<Bits<12>>,
    write_access: Constant<Bits<12>>,
    interrupt: Constant<Bits<22>>,
    align: Constant<Bits<64>>,
    eight: Constant<Bits<64>>,
    page: Constant<Bits<13>>,
    zero4: Constant<Bits<4>>,
    word_bytes: Constant<Bits<5>>,
    one16: Constant<Bits<16>>,
    byte_shift: Constant<Bits<2>>,
    word4: Constant<Bits<4>>,
    all64: Constant<Bits<64>>,
    lanes: Constant<Bits<3>>,
    empty: Constant<Bits<16>>,
}

impl Ctl {
    /// The unit for the data width of `p`.
    #[must_use]
    pub fn new(p: &Profile) -> Self {
        block_default!(
            clock, reset, op_push, op, op_empty, idle, mmu_req_valid, mmu_req, mmu_taken, mmu_rsp_valid, mmu_rsp, epoch, start,
            ar_req, ar_grant, ar_addr, ar_id, ar_user, w_req, w_grant, w_addr, w_id, w_user, w_beats2, w_data, w_strb,
            b1_valid, b1_bad, x_pop, x_valid, x, ops, events, state, asked, cur, word, phys, user, tag, cur_va, head_va,
            access, second, end_in_page, crosses, chunk, offset, last_byte, rest_va, spare,
            spare_bits, kept, ev, request, rd_id, wr_id, lane,
            unused;
            no_event = EvX::default(), no_request = MmuReq::default(), no_id = AxiId::default(),
            kind_rd = CTL_RD, kind_xl = CTL_XL, ok = u64::from(mmu::CAUSE_NONE),
            write_access = u64::from(mmu::CAUSE_WRITE_ACCESS), interrupt = u64::from(mmu::USER_INTERRUPT),
            align = !7_u64, eight = 8, page = 4096, zero4 = 0, word_bytes = 8, one16 = 1, byte_shift = 3,
            word4 = 8, all64 = u64::MAX,
            lanes = p.lanes() as u64 - 1, empty = 0
        )
    }
}

impl Logic for Ctl {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state, asked, cur, word, phys, user, tag);
        clock!(self, clock, ops, events);
        self.ops.reset.next = self.reset.val();
        self.ops.push.next = self.op_push.val();
        self.ops.push_data.next = self.op.val();
        self.op_empty.next = self.ops.count.val() == self.empty.val();
        self.events.reset.next = self.reset.val();
        self.events.pop.next = self.x_pop.val();
        self.unused.next = self.events.count.val().any();
        self.x_valid.next = self.events.valid.val();
        self.x.next = self.events.data.val();
        self.idle.next = self.state.q.val() == CtlState::Idle;
        self.mmu_req_valid.next = (self.state.q.val() == CtlState::Xlat) && !self.asked.q.val();
        self.ar_req.next = self.state.q.val() == CtlState::IssueR;
        self.w_req.next = self.state.q.val() == CtlState::IssueW;
        // The access in hand: a word of a read, or what is left of a write.
        self.cur_va.next = self.cur.q.val().va;
        self.head_va.next = self.ops.data.val().va;
        self.second.next = (self.cur_va.val() & self.align.val()) + self.eight.val();
        self.access.next = self.cur_va.val();
        if self.cur.q.val().kind == self.kind_rd.val() {
            self.access.next = self.cur_va.val() & self.align.val();
            if self.word.q.val() {
                self.access.next = self.second.val();
            }
        }
        self.request.next = self.no_request.val();
        self.request.next.asid = self.cur.q.val().asid;
        self.request.next.va = self.access.val();
        if self.cur.q.val().kind == self.kind_xl.val() {
            self.request.next.write = self.cur.q.val().msi;
        } else {
            self.request.next.write = self.cur.q.val().kind != self.kind_rd.val();
        }
        self.mmu_req.next = self.request.val();
        // A write stops at the end of its 4 KiB page.
        self.end_in_page.next = bit_cast::<13, 12>(self.cur_va.val().get_bits::<12>(0))
            + bit_cast::<13, 4>(self.cur.q.val().len);
        self.crosses.next = self.end_in_page.val() > self.page.val();
        self.chunk.next = self.cur.q.val().len;
        if self.crosses.val() {
            self.chunk.next = self.zero4.val() - self.cur_va.val().get_bits::<4>(0);
        }
        self.offset.next = self.cur_va.val().get_bits::<3>(0);
        self.last_byte.next =
            bit_cast::<5, 3>(self.offset.val()) + bit_cast::<5, 4>(self.chunk.val());
        self.rest_va.next = self.cur_va.val() + bit_cast::<64, 4>(self.chunk.val());
        self.w_beats2.next = self.last_byte.val() > self.word_bytes.val();
        self.w_strb.next =
            ((self.one16.val() << self.chunk.val()) - self.one16.val()) << self.offset.val();
        // Bytes that are not written are 0 on the bus.
        self.spare.next = self.word4.val() - self.chunk.val();
        self.spare_bits.next = bit_cast::<6, 4>(self.spare.val()) << self.byte_shift.val();
        self.kept.next = self.cur.q.val().data & (self.all64.val() >> self.spare_bits.val());
        self.w_data.next = bit_cast::<128, 64>(self.kept.val())
            << (bit_cast::<6, 3>(self.offset.val()) << self.byte_shift.val());
        // To the bus.
        self.lane.next = self.phys.q.val().get_bits::<3>(3) & self.lanes.val();
        self.rd_id.next = self.no_id.val();
        self.rd_id.next.client = self.cur.q.val().client;
        self.rd_id.next.word = self.word.q.val();
        self.rd_id.next.epoch = self.tag.q.val();
        self.rd_id.next.lane = self.lane.val();
        self.ar_id.next = self.rd_id.val().into();
        self.ar_addr.next = self.phys.q.val() & self.align.val();
        self.ar_user.next = self.user.q.val();
        self.wr_id.next = self.no_id.val();
        self.wr_id.next.client = self.cur.q.val().client;
        self.wr_id.next.word = self.crosses.val();
        self.wr_id.next.epoch = self.tag.q.val();
        self.w_id.next = self.wr_id.val().into();
        self.w_addr.next = self.phys.q.val() & self.align.val();
        self.w_user.next = self.user.q.val();
        // What happens.
        self.ev.next = self.no_event.val();
        self.ev.next.client = self.cur.q.val().client;
        self.ev.next.word = self.word.q.val();
        self.ev.next.iova = self.access.val();
        self.events.push.next = false;
        self.ops.pop.next = false;
        self.start.next = false;
        match self.state.q.val() {
            CtlState::Idle => {
                if self.ops.valid.val() {
                    self.ops.pop.next = true;
                    self.cur.d.next = self.ops.data.val();
                    self.word.d.next = false;
                    self.phys.d.next = self.head_va.val();
                    self.user.d.next = 0.into();
                    self.state.d.next = CtlState::Xlat;
                    if self.ops.data.val().bypass {
                        self.start.next = true;
                        if self.ops.data.val().msi {
                            self.user.d.next = self.interrupt.val();
                        }
                        self.state.d.next = CtlState::IssueW;
                        if self.ops.data.val().kind == self.kind_rd.val() {
                            self.state.d.next = CtlState::IssueR;
                        }
                    }
                }
            }
            CtlState::Xlat => {
                self.ev.next.cause = self.mmu_rsp.val().cause;
                self.ev.next.addr = self.mmu_rsp.val().addr;
                self.ev.next.user = self.mmu_rsp.val().user;
                if self.mmu_taken.val() {
                    self.asked.d.next = true;
                }
                if self.mmu_rsp_valid.val() {
                    self.asked.d.next = false;
                    self.phys.d.next = self.mmu_rsp.val().addr;
                    self.user.d.next = bit_cast::<22, 21>(self.mmu_rsp.val().user);
                    if self.cur.q.val().kind == self.kind_xl.val() {
                        self.events.push.next = true;
                        self.state.d.next = CtlState::Idle;
                    } else if self.mmu_rsp.val().cause != self.ok.val() {
                        self.events.push.next = true;
                        self.state.d.next = CtlState::Idle;
                        // The other word of a read gives its own event.
                        if (self.cur.q.val().kind == self.kind_rd.val())
                            && self.cur.q.val().words2
                            && !self.word.q.val()
                        {
                            self.word.d.next = true;
                            self.state.d.next = CtlState::Xlat;
                        }
                    } else {
                        self.start.next = true;
                        self.state.d.next = CtlState::IssueW;
                        if self.cur.q.val().kind == self.kind_rd.val() {
                            self.state.d.next = CtlState::IssueR;
                        }
                    }
                }
            }
            CtlState::IssueR => {
                if self.ar_grant.val() {
                    self.state.d.next = CtlState::Idle;
                    if self.cur.q.val().words2 && !self.word.q.val() {
                        self.word.d.next = true;
                        self.state.d.next = CtlState::Xlat;
                        if self.cur.q.val().bypass {
                            self.phys.d.next = self.second.val();
                            self.start.next = true;
                            self.state.d.next = CtlState::IssueR;
                        }
                    }
                }
            }
            CtlState::IssueW => {
                if self.w_grant.val() {
                    self.state.d.next = CtlState::Idle;
                    if self.crosses.val() {
                        self.state.d.next = CtlState::WaitFirst;
                    }
                }
            }
            CtlState::WaitFirst => {
                self.ev.next.cause = self.write_access.val();
                if self.b1_valid.val() {
                    if self.b1_bad.val() {
                        self.events.push.next = true;
                        self.state.d.next = CtlState::Idle;
                    } else {
                        self.cur.d.next.va = self.rest_va.val();
                        self.cur.d.next.len = self.cur.q.val().len - self.chunk.val();
                        self.cur.d.next.data = self.cur.q.val().data
                            >> (bit_cast::<7, 4>(self.chunk.val()) << self.byte_shift.val());
                        self.state.d.next = CtlState::Xlat;
                        if self.cur.q.val().bypass {
                            self.phys.d.next = self.rest_va.val();
                            self.start.next = true;
                            self.state.d.next = CtlState::IssueW;
                        }
                    }
                }
            }
            _ => {
                self.state.d.next = CtlState::Idle;
            }
        }
        self.events.push_data.next = self.ev.val();
        // An access carries the epoch in which it started.
        if self.start.val() {
            self.tag.d.next = self.epoch.val();
        }
        if self.reset.val() {
            self.state.d.next = CtlState::Idle;
            self.asked.d.next = false;
        }
    }
}

#[cfg(test)]
#[path = "ctl_tests.rs"]
mod tests;
