//! The admin queue: one command after another from the available ring to the used ring.
//!
//! Spec: virtio 1.4 §2.13, §2.7.13. Contract §9. An event is worked through in steps of a cycle from `start` on; what it comes to is
//! held and takes effect at `commit`. The longest way takes six cycles, an execute event apart.
//! Reset, and `clear`: Idle, indices 0.

use rust_hdl::prelude::*;
use shoal_abi::ring;

use crate::admin_reply::Halves;
use crate::admin_ring::{
    RING_AVAIL, RING_DESC, RING_ELEM, RING_ENTRY, RING_FLAGS, RING_GATHER, RING_SCATTER, RING_USED,
};
use crate::admin_types::{NEXT_EXEC, NEXT_MSI, NEXT_POLL, NEXT_XL};
use crate::block_default;
use crate::ctx_types::{CoreEv, SRC_ADM, SRC_CTLR, SRC_CTLX};
use crate::types::CtlOp;

/// Command bytes that are kept.
const COMMAND_BYTES: u64 = shoal_abi::cmd::COMMAND_BYTES as u64;
/// Cycles between two polls, less one.
const POLL_CYCLES: u64 = 31;

#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
enum AdminQueueState {
    Idle,
    Avail,
    Ring,
    Desc,
    Gather,
    Exec,
    Poll,
    Xl,
    Msi,
    Scatter,
    UsedElem,
    UsedIdx,
    Flags,
}

#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
enum AdminWork {
    Rest,
    ReadAvail,
    ReadRing,
    ReadDesc,
    Walk,
    Gather,
    Scatter,
    NextDesc,
    WriteElem,
    WriteUsed,
    ReadFlags,
    Fail,
    Run,
    Result1,
    Result2,
    Ready,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminQueue {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Sweep.
    pub clear: Signal<In, Bit>,
    /// `admin_kick`.
    pub kick: Signal<In, Bit>,
    /// The queue is live.
    pub live: Signal<In, Bit>,
    /// A warm reset is going on.
    pub warm: Signal<In, Bit>,
    /// Source ADM requests.
    pub req: Signal<Out, Bit>,
    /// State Exec.
    pub exec: Signal<Out, Bit>,
    /// State Idle.
    pub idle: Signal<Out, Bit>,
    /// First cycle of an event.
    pub start: Signal<In, Bit>,
    /// Last cycle.
    pub commit: Signal<In, Bit>,
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// Entries.
    pub adm_size: Signal<In, Bits<16>>,
    // To `admin_exec`.
    /// Begin.
    pub run_go: Signal<Out, Bit>,
    /// A poll event.
    pub run_poll: Signal<Out, Bit>,
    /// Done.
    pub run_done: Signal<In, Bit>,
    /// `NEXT_*`.
    pub run_follow: Signal<In, Bits<3>>,
    /// Op that comes first.
    pub run_op: Signal<In, CtlOp>,
    /// Bytes of the answer.
    pub len: Signal<In, Bits<8>>,
    // To `admin_ring`.
    /// `RING_*`.
    pub kind: Signal<Out, Bits<3>>,
    pub last_avail: Signal<Out, Bits<16>>,
    pub used_idx: Signal<Out, Bits<16>>,
    pub head: Signal<Out, Bits<16>>,
    pub va: Signal<Out, Bits<64>>,
    pub left: Signal<Out, Bits<32>>,
    /// Command bytes gathered.
    pub pos: Signal<Out, Bits<8>>,
    /// Answer bytes written.
    pub written: Signal<Out, Bits<8>>,
    pub ring_op: Signal<In, CtlOp>,
    pub ring_low: Signal<In, Bits<3>>,
    pub ring_piece: Signal<In, Bits<4>>,
    pub ring_two: Signal<In, Bit>,
    // To `admin_desc`.
    pub desc_begin: Signal<Out, Bit>,
    pub desc_head: Signal<Out, Bits<16>>,
    pub desc_take: Signal<Out, Bit>,
    pub desc_walk: Signal<Out, Bit>,
    pub desc_follow: Signal<Out, Bit>,
    pub desc_addr: Signal<In, Bits<64>>,
    pub desc_len: Signal<In, Bits<32>>,
    pub is_table: Signal<In, Bit>,
    pub writable: Signal<In, Bit>,
    pub has_next: Signal<In, Bit>,
    pub illegal: Signal<In, Bit>,
    pub next_illegal: Signal<In, Bit>,
    // To the buffers.
    /// Bytes for the command buffer.
    pub put: Signal<Out, Bit>,
    pub put_pos: Signal<Out, Bits<7>>,
    pub put_low: Signal<Out, Bits<3>>,
    pub put_len: Signal<Out, Bits<4>>,
    pub put_data: Signal<Out, Bits<64>>,
    /// Bytes of the piece of the answer at hand.
    pub piece_len: Signal<Out, Bits<4>>,
    /// It.
    pub piece: Signal<In, Bits<64>>,
    /// Words of the answer to TRANSLATE.
    pub ans_we: Signal<Out, Bit>,
    pub ans_addr: Signal<Out, Bits<4>>,
    pub ans_data: Signal<Out, Bits<64>>,
    // Effects.
    pub op_push: Signal<Out, Bit>,
    pub op: Signal<Out, CtlOp>,
    pub needs_reset_set: Signal<Out, Bit>,
    pub raise_config: Signal<Out, Bit>,
    pub raise_queue: Signal<Out, Bit>,
    pub cnt_admin_inc: Signal<Out, Bit>,
    state: DFF<AdminQueueState>,
    work: DFF<AdminWork>,
    timer: DFF<Bits<5>>,
    r_last: DFF<Bits<16>>,
    r_used: DFF<Bits<16>>,
    r_head: DFF<Bits<16>>,
    ran: DFF<Bit>,
    half_in: DFF<Bit>,
    bad_in: DFF<Bit>,
    r_va: DFF<Bits<64>>,
    r_left: DFF<Bits<32>>,
    r_pos: DFF<Bits<8>>,
    r_written: DFF<Bits<8>>,
    op_low: DFF<Bits<3>>,
    r_piece: DFF<Bits<4>>,
    r_two: DFF<Bit>,
    // What the event comes to.
    to: DFF<AdminQueueState>,
    to_op: DFF<CtlOp>,
    to_push: DFF<Bit>,
    to_piece: DFF<Bit>,
    to_fail: DFF<Bit>,
    to_raise: DFF<Bit>,
    to_count: DFF<Bit>,
    result_word: Signal<Local, Halves>,
    bad: Signal<Local, Bit>,
    low_bits: Signal<Local, Bits<6>>,
    shifted: Signal<Local, Bits<64>>,
    half: Signal<Local, Bits<16>>,
    jump: Signal<Local, Bits<16>>,
    step_bytes: Signal<Local, Bits<8>>,
    step32: Signal<Local, Bits<32>>,
    step64: Signal<Local, Bits<64>>,
    unused_ev: Signal<Local, Bits<{ <CoreEv as Synth>::BITS }>>,
    no_op: Constant<CtlOp>,
    src_r: Constant<Bits<4>>,
    src_x: Constant<Bits<4>>,
    src_adm: Constant<Bits<4>>,
    none5: Constant<Bits<5>>,
    one5: Constant<Bits<5>>,
    poll_cycles: Constant<Bits<5>>,
    none16: Constant<Bits<16>>,
    one16: Constant<Bits<16>>,
    none32: Constant<Bits<32>>,
    none8: Constant<Bits<8>>,
    to_bits: Constant<Bits<6>>,
    word8: Constant<Bits<8>>,
    two8: Constant<Bits<8>>,
    word7: Constant<Bits<7>>,
    word4: Constant<Bits<4>>,
    all_command: Constant<Bits<8>>,
    no_interrupt: Constant<Bits<16>>,
    ring_avail: Constant<Bits<3>>,
    ring_entry: Constant<Bits<3>>,
    ring_desc: Constant<Bits<3>>,
    ring_elem: Constant<Bits<3>>,
    ring_used: Constant<Bits<3>>,
    ring_flags: Constant<Bits<3>>,
    ring_gather: Constant<Bits<3>>,
    ring_scatter: Constant<Bits<3>>,
    next_poll: Constant<Bits<3>>,
    next_xl: Constant<Bits<3>>,
    next_msi: Constant<Bits<3>>,
    next_exec: Constant<Bits<3>>,
    answer1: Constant<Bits<4>>,
    answer2: Constant<Bits<4>>,
    no_halves: Constant<Halves>,
}

impl Default for AdminQueue {
    fn default() -> Self {
        block_default!(
            clock, reset, clear, kick, live, warm, req, exec, idle, start, commit, ev, adm_size,
            run_go, run_poll, run_done, run_follow, run_op, len, kind, last_avail, used_idx, head,
            va, left, pos, written, ring_op, ring_low, ring_piece, ring_two, desc_begin,
            desc_head, desc_take, desc_walk, desc_follow, desc_addr, desc_len, is_table, writable,
            has_next, illegal, next_illegal, put, put_pos, put_low, put_len, put_data, piece_len,
            piece, ans_we, ans_addr, ans_data, op_push, op, needs_reset_set, raise_config,
            raise_queue, cnt_admin_inc, state, work, timer, r_last, r_used, r_head, ran, half_in,
            bad_in, r_va, r_left, r_pos, r_written, op_low, r_piece, r_two, to, to_op, to_push,
            to_piece, to_fail, to_raise, to_count, result_word, bad, low_bits, shifted, half,
            jump, step_bytes, step32, step64, unused_ev;
            no_op = CtlOp::default(),
            src_r = SRC_CTLR,
            src_x = SRC_CTLX,
            src_adm = SRC_ADM,
            none5 = 0u64,
            one5 = 1u64,
            poll_cycles = POLL_CYCLES,
            none16 = 0u64,
            one16 = 1u64,
            none32 = 0u64,
            none8 = 0u64,
            to_bits = 3u64,
            word8 = 8u64,
            two8 = 16u64,
            word7 = 8u64,
            word4 = 8u64,
            all_command = COMMAND_BYTES,
            no_interrupt = u64::from(ring::AVAIL_F_NO_INTERRUPT),
            ring_avail = RING_AVAIL,
            ring_entry = RING_ENTRY,
            ring_desc = RING_DESC,
            ring_elem = RING_ELEM,
            ring_used = RING_USED,
            ring_flags = RING_FLAGS,
            ring_gather = RING_GATHER,
            ring_scatter = RING_SCATTER,
            next_poll = NEXT_POLL,
            next_xl = NEXT_XL,
            next_msi = NEXT_MSI,
            next_exec = NEXT_EXEC,
            answer1 = 1u64,
            answer2 = 2u64,
            no_halves = Halves::default()
        )
    }
}

impl Logic for AdminQueue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, state, work, timer, r_last, r_used, r_head, ran, half_in, bad_in, r_va, r_left, r_pos, r_written, op_low, r_piece, r_two, to, to_op, to_push,
            to_piece, to_fail, to_raise, to_count
        );
        self.unused_ev.next = self.ev.val().into();
        // Requests and neighbours: functions of state, kept apart from the steps below.
        self.exec.next = self.state.q.val() == AdminQueueState::Exec;
        self.idle.next = self.state.q.val() == AdminQueueState::Idle;
        self.req.next = (self.state.q.val() == AdminQueueState::Exec)
            | ((self.state.q.val() == AdminQueueState::Idle) & self.kick.val() & self.live.val())
            | ((self.state.q.val() == AdminQueueState::Poll)
                & (self.warm.val() | (self.timer.q.val() == self.none5.val())));
        self.run_go.next = self.start.val()
            & !self.ev.val().warm
            & (self.ev.val().src == self.src_adm.val())
            & ((self.state.q.val() == AdminQueueState::Exec)
                | (self.state.q.val() == AdminQueueState::Poll));
        self.run_poll.next = self.state.q.val() == AdminQueueState::Poll;
        self.kind.next = self.ring_flags.val();
        if self.work.q.val() == AdminWork::ReadAvail {
            self.kind.next = self.ring_avail.val();
        }
        if self.work.q.val() == AdminWork::ReadRing {
            self.kind.next = self.ring_entry.val();
        }
        if self.work.q.val() == AdminWork::ReadDesc {
            self.kind.next = self.ring_desc.val();
        }
        if self.work.q.val() == AdminWork::WriteElem {
            self.kind.next = self.ring_elem.val();
        }
        if self.work.q.val() == AdminWork::WriteUsed {
            self.kind.next = self.ring_used.val();
        }
        if self.work.q.val() == AdminWork::Gather {
            self.kind.next = self.ring_gather.val();
        }
        if self.work.q.val() == AdminWork::Scatter {
            self.kind.next = self.ring_scatter.val();
        }
        self.last_avail.next = self.r_last.q.val();
        self.used_idx.next = self.r_used.q.val();
        self.head.next = self.r_head.q.val();
        self.va.next = self.r_va.q.val();
        self.left.next = self.r_left.q.val();
        self.pos.next = self.r_pos.q.val();
        self.written.next = self.r_written.q.val();
        self.piece_len.next = self.r_piece.q.val();
        // The chain.
        self.desc_begin.next =
            self.start.val() & (self.state.q.val() == AdminQueueState::Ring);
        self.desc_take.next = self.start.val() & (self.state.q.val() == AdminQueueState::Desc);
        self.desc_walk.next = self.work.q.val() == AdminWork::Walk;
        self.desc_follow.next = self.work.q.val() == AdminWork::NextDesc;
        // Command bytes as they arrive.
        self.put.next = self.start.val()
            & (self.ev.val().src == self.src_r.val())
            & (self.state.q.val() == AdminQueueState::Gather);
        self.put_pos.next = self.r_pos.q.val().get_bits::<7>(0);
        self.put_low.next = self.r_va.q.val().get_bits::<3>(0);
        self.put_len.next = self.r_piece.q.val();
        self.put_data.next = self.ev.val().data;
        if self.r_two.q.val() {
            self.put_len.next = self.word4.val();
            if self.ev.val().word {
                self.put_pos.next = self.r_pos.q.val().get_bits::<7>(0) + self.word7.val();
            }
        }
        // The result of TRANSLATE.
        self.result_word.next = self.no_halves.val();
        self.result_word.next.lo = bit_cast::<32, 12>(self.ev.val().cause);
        self.result_word.next.hi = bit_cast::<32, 21>(self.ev.val().user);
        self.ans_we.next =
            (self.work.q.val() == AdminWork::Result1) | (self.work.q.val() == AdminWork::Result2);
        self.ans_addr.next = self.answer1.val();
        self.ans_data.next = self.ev.val().addr;
        if self.work.q.val() == AdminWork::Result2 {
            self.ans_addr.next = self.answer2.val();
            self.ans_data.next = self.result_word.val().into();
        }
        // Effects.
        self.op_push.next = self.to_push.q.val();
        self.op.next = self.to_op.q.val();
        if self.to_piece.q.val() {
            self.op.next.data = self.piece.val();
        }
        self.needs_reset_set.next = self.to_fail.q.val();
        self.raise_config.next = self.to_fail.q.val();
        self.raise_queue.next = self.to_raise.q.val();
        self.cnt_admin_inc.next = self.to_count.q.val();
        // The event at hand.
        self.bad.next = self.ev.val().bad | (self.ev.val().src == self.src_x.val());
        self.low_bits.next = bit_cast::<6, 3>(self.op_low.q.val()) << self.to_bits.val();
        self.shifted.next = self.ev.val().data >> self.low_bits.val();
        self.half.next = self.shifted.val().get_bits::<16>(0);
        self.jump.next = self.half.val() - self.r_last.q.val();
        self.desc_head.next = self.half.val();
        self.step_bytes.next = bit_cast::<8, 4>(self.r_piece.q.val());
        if self.r_two.q.val() {
            self.step_bytes.next = self.two8.val();
        }
        self.step32.next = bit_cast::<32, 8>(self.step_bytes.val());
        self.step64.next = bit_cast::<64, 8>(self.step_bytes.val());
        if self.timer.q.val() != self.none5.val() {
            self.timer.d.next = self.timer.q.val() - self.one5.val();
        }
        match self.work.q.val() {
            AdminWork::Rest => {
                if self.start.val() {
                    self.to.d.next = self.state.q.val();
                    self.to_push.d.next = false;
                    self.to_piece.d.next = false;
                    self.to_fail.d.next = false;
                    self.to_raise.d.next = false;
                    self.to_count.d.next = false;
                    self.work.d.next = AdminWork::Ready;
                    match self.state.q.val() {
                        AdminQueueState::Idle => {
                            if self.ev.val().src == self.src_adm.val() {
                                self.work.d.next = AdminWork::ReadAvail;
                            }
                        }
                        AdminQueueState::Avail => {
                            if self.bad.val() | (self.jump.val() > self.adm_size.val()) {
                                self.work.d.next = AdminWork::Fail;
                            } else if self.jump.val() == self.none16.val() {
                                self.to.d.next = AdminQueueState::Idle;
                            } else {
                                self.work.d.next = AdminWork::ReadRing;
                            }
                        }
                        AdminQueueState::Ring => {
                            self.r_head.d.next = self.half.val();
                            self.ran.d.next = false;
                            self.r_pos.d.next = self.none8.val();
                            self.r_written.d.next = self.none8.val();
                            self.work.d.next = AdminWork::ReadDesc;
                            if self.bad.val() | (self.half.val() >= self.adm_size.val()) {
                                self.work.d.next = AdminWork::Fail;
                            }
                        }
                        AdminQueueState::Desc => {
                            self.half_in.d.next = true;
                            self.bad_in.d.next = self.bad_in.q.val() | self.bad.val();
                            if self.half_in.q.val() {
                                self.work.d.next = AdminWork::Walk;
                                if self.bad_in.q.val() | self.bad.val() {
                                    self.work.d.next = AdminWork::Fail;
                                }
                            }
                        }
                        AdminQueueState::Gather => {
                            self.half_in.d.next = true;
                            self.bad_in.d.next = self.bad_in.q.val() | self.bad.val();
                            if self.half_in.q.val() | !self.r_two.q.val() {
                                self.r_va.d.next = self.r_va.q.val() + self.step64.val();
                                self.r_left.d.next = self.r_left.q.val() - self.step32.val();
                                self.r_pos.d.next = self.r_pos.q.val() + self.step_bytes.val();
                                self.work.d.next = AdminWork::Gather;
                                if self.bad_in.q.val() | self.bad.val() {
                                    self.work.d.next = AdminWork::Fail;
                                }
                            }
                        }
                        AdminQueueState::Exec => {
                            if self.ev.val().src == self.src_adm.val() {
                                self.ran.d.next = true;
                                self.work.d.next = AdminWork::Run;
                            }
                        }
                        AdminQueueState::Poll => {
                            if self.ev.val().src == self.src_adm.val() {
                                self.work.d.next = AdminWork::Run;
                            }
                        }
                        AdminQueueState::Xl => {
                            self.work.d.next = AdminWork::Result1;
                        }
                        AdminQueueState::Msi => {
                            // What becomes of the message is not the queue's concern.
                            self.work.d.next = AdminWork::Scatter;
                        }
                        AdminQueueState::Scatter => {
                            self.r_va.d.next = self.r_va.q.val() + self.step64.val();
                            self.r_left.d.next = self.r_left.q.val() - self.step32.val();
                            self.r_written.d.next = self.r_written.q.val() + self.step_bytes.val();
                            self.work.d.next = AdminWork::Scatter;
                            if self.bad.val() {
                                self.work.d.next = AdminWork::Fail;
                            }
                        }
                        AdminQueueState::UsedElem => {
                            self.work.d.next = AdminWork::WriteUsed;
                            if self.bad.val() {
                                self.work.d.next = AdminWork::Fail;
                            }
                        }
                        AdminQueueState::UsedIdx => {
                            self.work.d.next = AdminWork::ReadFlags;
                            if self.bad.val() {
                                self.work.d.next = AdminWork::Fail;
                            } else {
                                self.r_last.d.next = self.r_last.q.val() + self.one16.val();
                                self.r_used.d.next = self.r_used.q.val() + self.one16.val();
                                self.to_count.d.next = true;
                            }
                        }
                        AdminQueueState::Flags => {
                            self.work.d.next = AdminWork::ReadAvail;
                            if self.bad.val() {
                                self.work.d.next = AdminWork::Fail;
                            } else {
                                self.to_raise.d.next = (self.half.val() & self.no_interrupt.val())
                                    == self.none16.val();
                            }
                        }
                        _ => {
                            self.to.d.next = AdminQueueState::Idle;
                        }
                    }
                    if self.ev.val().warm {
                        self.to.d.next = AdminQueueState::Idle;
                        self.to_raise.d.next = false;
                        self.to_count.d.next = false;
                        self.work.d.next = AdminWork::Ready;
                    }
                }
            }
            AdminWork::ReadAvail => {
                self.to.d.next = AdminQueueState::Avail;
                self.to_op.d.next = self.ring_op.val();
                self.op_low.d.next = self.ring_low.val();
                self.to_push.d.next = true;
                self.work.d.next = AdminWork::Ready;
            }
            AdminWork::ReadRing => {
                self.to.d.next = AdminQueueState::Ring;
                self.to_op.d.next = self.ring_op.val();
                self.op_low.d.next = self.ring_low.val();
                self.to_push.d.next = true;
                self.work.d.next = AdminWork::Ready;
            }
            AdminWork::ReadDesc => {
                self.half_in.d.next = false;
                self.bad_in.d.next = false;
                self.to.d.next = AdminQueueState::Desc;
                self.to_op.d.next = self.ring_op.val();
                self.op_low.d.next = self.ring_low.val();
                self.to_push.d.next = true;
                self.work.d.next = AdminWork::Ready;
            }
            AdminWork::Walk => {
                self.r_va.d.next = self.desc_addr.val();
                self.r_left.d.next = self.desc_len.val();
                if self.illegal.val() {
                    self.work.d.next = AdminWork::Fail;
                } else if self.is_table.val() {
                    self.work.d.next = AdminWork::ReadDesc;
                } else if !self.writable.val() {
                    self.work.d.next = AdminWork::Gather;
                } else if self.ran.q.val() {
                    self.work.d.next = AdminWork::Scatter;
                } else {
                    self.to.d.next = AdminQueueState::Exec;
                    self.work.d.next = AdminWork::Ready;
                }
            }
            AdminWork::Gather => {
                self.half_in.d.next = false;
                self.bad_in.d.next = false;
                self.work.d.next = AdminWork::NextDesc;
                if (self.r_left.q.val() != self.none32.val())
                    & (self.r_pos.q.val() < self.all_command.val())
                {
                    self.to.d.next = AdminQueueState::Gather;
                    self.to_op.d.next = self.ring_op.val();
                    self.to_push.d.next = true;
                    self.r_piece.d.next = self.ring_piece.val();
                    self.r_two.d.next = self.ring_two.val();
                    self.work.d.next = AdminWork::Ready;
                }
            }
            AdminWork::Scatter => {
                self.work.d.next = AdminWork::NextDesc;
                if self.r_written.q.val() == self.len.val() {
                    self.work.d.next = AdminWork::WriteElem;
                } else if self.r_left.q.val() != self.none32.val() {
                    self.to.d.next = AdminQueueState::Scatter;
                    self.to_op.d.next = self.ring_op.val();
                    self.to_push.d.next = true;
                    self.to_piece.d.next = true;
                    self.r_piece.d.next = self.ring_piece.val();
                    self.r_two.d.next = false;
                    self.work.d.next = AdminWork::Ready;
                }
            }
            AdminWork::NextDesc => {
                self.work.d.next = AdminWork::WriteElem;
                if self.has_next.val() {
                    self.work.d.next = AdminWork::ReadDesc;
                    if self.next_illegal.val() {
                        self.work.d.next = AdminWork::Fail;
                    }
                }
            }
            AdminWork::WriteElem => {
                self.to.d.next = AdminQueueState::UsedElem;
                self.to_op.d.next = self.ring_op.val();
                self.to_push.d.next = true;
                self.work.d.next = AdminWork::Ready;
            }
            AdminWork::WriteUsed => {
                self.to.d.next = AdminQueueState::UsedIdx;
                self.to_op.d.next = self.ring_op.val();
                self.to_push.d.next = true;
                self.work.d.next = AdminWork::Ready;
            }
            AdminWork::ReadFlags => {
                self.to.d.next = AdminQueueState::Flags;
                self.to_op.d.next = self.ring_op.val();
                self.op_low.d.next = self.ring_low.val();
                self.to_push.d.next = true;
                self.work.d.next = AdminWork::Ready;
            }
            AdminWork::Fail => {
                self.to_fail.d.next = true;
                self.to.d.next = AdminQueueState::Idle;
                self.work.d.next = AdminWork::Ready;
            }
            AdminWork::Run => {
                if self.run_done.val() {
                    self.work.d.next = AdminWork::Ready;
                    if self.run_follow.val() == self.next_poll.val() {
                        self.to.d.next = AdminQueueState::Poll;
                    } else if self.run_follow.val() == self.next_exec.val() {
                        self.to.d.next = AdminQueueState::Exec;
                    } else if self.run_follow.val() == self.next_xl.val() {
                        self.to.d.next = AdminQueueState::Xl;
                        self.to_op.d.next = self.run_op.val();
                        self.to_push.d.next = true;
                    } else if self.run_follow.val() == self.next_msi.val() {
                        self.to.d.next = AdminQueueState::Msi;
                        self.to_op.d.next = self.run_op.val();
                        self.to_push.d.next = true;
                    } else {
                        self.work.d.next = AdminWork::Scatter;
                    }
                }
            }
            AdminWork::Result1 => {
                self.work.d.next = AdminWork::Result2;
            }
            AdminWork::Result2 => {
                self.work.d.next = AdminWork::Scatter;
            }
            AdminWork::Ready => {
                if self.commit.val() {
                    self.state.d.next = self.to.q.val();
                    self.to_push.d.next = false;
                    self.to_fail.d.next = false;
                    self.to_raise.d.next = false;
                    self.to_count.d.next = false;
                    self.work.d.next = AdminWork::Rest;
                    if self.to.q.val() == AdminQueueState::Poll {
                        self.timer.d.next = self.poll_cycles.val();
                    }
                }
            }
            _ => {
                self.work.d.next = AdminWork::Rest;
            }
        }
        if self.reset.val() | self.clear.val() {
            self.state.d.next = AdminQueueState::Idle;
            self.work.d.next = AdminWork::Rest;
            self.timer.d.next = self.none5.val();
            self.r_last.d.next = self.none16.val();
            self.r_used.d.next = self.none16.val();
            self.to_push.d.next = false;
            self.to_fail.d.next = false;
            self.to_raise.d.next = false;
            self.to_count.d.next = false;
            self.to_op.d.next = self.no_op.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_queue_lints_clean() {
        crate::util::assert_lint_clean("admin_queue", AdminQueue::default());
    }
}
