//! The admin queue: one command after another from the available ring to the used ring.
//!
//! Spec: virtio 1.4 §2.13, §2.7.13. Contract §9. An event is worked through in steps of a cycle from `start` on; what it comes to is
//! held and takes effect at `commit`. The longest way takes six cycles, an execute event apart.
//! Reset, and `clear`: Idle, indices 0.

use rust_hdl::prelude::*;
use shoal_abi::ring;

use crate::admin_view::{AdminQueueState, AdminView, AdminWork};
use crate::block_default;
use crate::ctx_types::{CoreEv, SRC_ADM};
use crate::types::CtlOp;

const COMMAND_BYTES: u64 = shoal_abi::cmd::COMMAND_BYTES as u64;
/// Cycles between two polls, less one.
const POLL_CYCLES: u64 = 31;

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
    view: AdminView,
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
    jump: Signal<Local, Bits<16>>,
    step32: Signal<Local, Bits<32>>,
    step64: Signal<Local, Bits<64>>,
    no_op: Constant<CtlOp>,
    src_adm: Constant<Bits<4>>,
    none5: Constant<Bits<5>>,
    one5: Constant<Bits<5>>,
    poll_cycles: Constant<Bits<5>>,
    none16: Constant<Bits<16>>,
    one16: Constant<Bits<16>>,
    none32: Constant<Bits<32>>,
    none8: Constant<Bits<8>>,
    word8: Constant<Bits<8>>,
    all_command: Constant<Bits<8>>,
    no_interrupt: Constant<Bits<16>>,
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
            raise_queue, cnt_admin_inc, view, state, work, timer, r_last, r_used, r_head, ran, half_in,
            bad_in, r_va, r_left, r_pos, r_written, op_low, r_piece, r_two, to, to_op, to_push,
            to_piece, to_fail, to_raise, to_count, jump, step32, step64;
            no_op = CtlOp::default(),
            src_adm = SRC_ADM,
            none5 = 0u64,
            one5 = 1u64,
            poll_cycles = POLL_CYCLES,
            none16 = 0u64,
            one16 = 1u64,
            none32 = 0u64,
            none8 = 0u64,
            word8 = 8u64,
            all_command = COMMAND_BYTES,
            no_interrupt = u64::from(ring::AVAIL_F_NO_INTERRUPT)
        )
    }
}

impl Logic for AdminQueue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self, clock, state, work, timer, r_last, r_used, r_head, ran, half_in, bad_in, r_va,
            r_left, r_pos, r_written, op_low, r_piece, r_two, to, to_op, to_push, to_piece,
            to_fail, to_raise, to_count
        );
        // What it shows and sees: functions of state and event, kept apart from the steps below.
        self.view.state.next = self.state.q.val();
        self.view.work.next = self.work.q.val();
        self.view.kick.next = self.kick.val();
        self.view.live.next = self.live.val();
        self.view.warm.next = self.warm.val();
        self.view.timer_over.next = self.timer.q.val() == self.none5.val();
        self.view.start.next = self.start.val();
        self.view.ev.next = self.ev.val();
        self.view.pos.next = self.r_pos.q.val();
        self.view.va_low.next = self.r_va.q.val().get_bits::<3>(0);
        self.view.piece_len.next = self.r_piece.q.val();
        self.view.two.next = self.r_two.q.val();
        self.view.op_low.next = self.op_low.q.val();
        self.view.run_follow.next = self.run_follow.val();
        self.exec.next = self.view.exec.val();
        self.idle.next = self.view.idle.val();
        self.req.next = self.view.req.val();
        self.run_go.next = self.view.run_go.val();
        self.run_poll.next = self.view.run_poll.val();
        self.kind.next = self.view.kind.val();
        self.put.next = self.view.put.val();
        self.put_pos.next = self.view.put_pos.val();
        self.put_low.next = self.view.put_low.val();
        self.put_len.next = self.view.put_len.val();
        self.put_data.next = self.view.put_data.val();
        self.ans_we.next = self.view.ans_we.val();
        self.ans_addr.next = self.view.ans_addr.val();
        self.ans_data.next = self.view.ans_data.val();
        self.last_avail.next = self.r_last.q.val();
        self.used_idx.next = self.r_used.q.val();
        self.head.next = self.r_head.q.val();
        self.va.next = self.r_va.q.val();
        self.left.next = self.r_left.q.val();
        self.pos.next = self.r_pos.q.val();
        self.written.next = self.r_written.q.val();
        self.piece_len.next = self.r_piece.q.val();
        // The chain.
        self.desc_begin.next = self.start.val() & (self.state.q.val() == AdminQueueState::Ring);
        self.desc_take.next = self.start.val() & (self.state.q.val() == AdminQueueState::Desc);
        self.desc_walk.next = self.work.q.val() == AdminWork::Walk;
        self.desc_follow.next = self.work.q.val() == AdminWork::NextDesc;
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
        self.jump.next = self.view.half.val() - self.r_last.q.val();
        self.desc_head.next = self.view.half.val();
        self.step32.next = bit_cast::<32, 8>(self.view.bytes.val());
        self.step64.next = bit_cast::<64, 8>(self.view.bytes.val());
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
                            if self.view.bad.val() | (self.jump.val() > self.adm_size.val()) {
                                self.work.d.next = AdminWork::Fail;
                            } else if self.jump.val() == self.none16.val() {
                                self.to.d.next = AdminQueueState::Idle;
                            } else {
                                self.work.d.next = AdminWork::ReadRing;
                            }
                        }
                        AdminQueueState::Ring => {
                            self.r_head.d.next = self.view.half.val();
                            self.ran.d.next = false;
                            self.r_pos.d.next = self.none8.val();
                            self.r_written.d.next = self.none8.val();
                            self.work.d.next = AdminWork::ReadDesc;
                            if self.view.bad.val() | (self.view.half.val() >= self.adm_size.val()) {
                                self.work.d.next = AdminWork::Fail;
                            }
                        }
                        AdminQueueState::Desc => {
                            self.half_in.d.next = true;
                            self.bad_in.d.next = self.bad_in.q.val() | self.view.bad.val();
                            if self.half_in.q.val() {
                                self.work.d.next = AdminWork::Walk;
                                if self.bad_in.q.val() | self.view.bad.val() {
                                    self.work.d.next = AdminWork::Fail;
                                }
                            }
                        }
                        AdminQueueState::Gather => {
                            self.half_in.d.next = true;
                            self.bad_in.d.next = self.bad_in.q.val() | self.view.bad.val();
                            if self.half_in.q.val() | !self.r_two.q.val() {
                                self.r_va.d.next = self.r_va.q.val() + self.step64.val();
                                self.r_left.d.next = self.r_left.q.val() - self.step32.val();
                                self.r_pos.d.next = self.r_pos.q.val() + self.view.bytes.val();
                                self.work.d.next = AdminWork::Gather;
                                if self.bad_in.q.val() | self.view.bad.val() {
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
                            self.r_written.d.next = self.r_written.q.val() + self.view.bytes.val();
                            self.work.d.next = AdminWork::Scatter;
                            if self.view.bad.val() {
                                self.work.d.next = AdminWork::Fail;
                            }
                        }
                        AdminQueueState::UsedElem => {
                            self.work.d.next = AdminWork::WriteUsed;
                            if self.view.bad.val() {
                                self.work.d.next = AdminWork::Fail;
                            }
                        }
                        AdminQueueState::UsedIdx => {
                            self.work.d.next = AdminWork::ReadFlags;
                            if self.view.bad.val() {
                                self.work.d.next = AdminWork::Fail;
                            } else {
                                self.r_last.d.next = self.r_last.q.val() + self.one16.val();
                                self.r_used.d.next = self.r_used.q.val() + self.one16.val();
                                self.to_count.d.next = true;
                            }
                        }
                        AdminQueueState::Flags => {
                            self.work.d.next = AdminWork::ReadAvail;
                            if self.view.bad.val() {
                                self.work.d.next = AdminWork::Fail;
                            } else {
                                self.to_raise.d.next = (self.view.half.val()
                                    & self.no_interrupt.val())
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
            AdminWork::ReadDesc => {
                self.half_in.d.next = false;
                self.bad_in.d.next = false;
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
            AdminWork::Fail => {
                self.to_fail.d.next = true;
                self.to.d.next = AdminQueueState::Idle;
                self.work.d.next = AdminWork::Ready;
            }
            AdminWork::Run => {
                if self.run_done.val() {
                    self.to.d.next = self.view.after.val();
                    self.to_op.d.next = self.run_op.val();
                    self.to_push.d.next = self.view.op_first.val();
                    self.work.d.next = AdminWork::Ready;
                    if self.view.after.val() == AdminQueueState::Scatter {
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
        if self.view.access.val() {
            self.to.d.next = self.view.leads.val();
            self.to_op.d.next = self.ring_op.val();
            self.op_low.d.next = self.ring_low.val();
            self.to_push.d.next = true;
            self.work.d.next = AdminWork::Ready;
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
