//! Control of the receive mover: takes ops, cuts them into bursts, translates, asks for writes and gathers the result.
//!
//! Spec: AXI4 (bursts stay within 4 KiB); virtio 1.4 §2.7.13.2 (data before the used ring: the op ends after all responses).
//! Timing: contract §8. One burst is being written at a time; any number of responses may be outstanding.
//! Reset: to Free.

use rust_hdl::prelude::*;
use shoal_abi::mmu;

use crate::block_default;
use crate::tx_cut::BURST_WINDOW;
use crate::types::{MmuReq, MmuRsp, RxDone, RxOp};

#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
enum RxIssueState {
    Free,
    Op,
    Xlat,
    Issue,
    Burst,
    Drain,
    Done,
    Hold,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct RxIssue {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// State Free.
    pub free: Signal<Out, Bit>,
    /// An op arrives at this edge (only in Free and Hold).
    pub op_set: Signal<In, Bit>,
    /// It.
    pub op: Signal<In, RxOp>,
    /// Beats in the input FIFO.
    pub count: Signal<In, Bits<16>>,
    /// Last beats in it.
    pub lasts: Signal<In, Bits<16>>,
    /// Bytes in the accumulator.
    pub acc_count: Signal<In, Bits<16>>,
    /// The packet's last beat has been taken.
    pub ended: Signal<In, Bit>,
    /// Throw beats away.
    pub discard: Signal<Out, Bit>,
    /// Empties the accumulator.
    pub clear_acc: Signal<Out, Bit>,
    /// The next beat starts a packet.
    pub clear_ended: Signal<Out, Bit>,
    /// Asks the MMU.
    pub mmu_req_valid: Signal<Out, Bit>,
    /// What for.
    pub mmu_req: Signal<Out, MmuReq>,
    /// The MMU has taken the request: it goes down, the answer comes later.
    pub mmu_taken: Signal<In, Bit>,
    /// The MMU's answer is up.
    pub mmu_rsp_valid: Signal<In, Bit>,
    /// It.
    pub mmu_rsp: Signal<In, MmuRsp>,
    /// Epoch of this cycle.
    pub epoch: Signal<In, Bit>,
    /// An access starts at this edge.
    pub start: Signal<Out, Bit>,
    /// Asks the W arbiter.
    pub w_req: Signal<Out, Bit>,
    /// First byte of the first beat.
    pub w_addr: Signal<Out, Bits<64>>,
    /// The access belongs to this epoch.
    pub w_epoch: Signal<Out, Bit>,
    /// PASID valid and PASID.
    pub w_user: Signal<Out, Bits<22>>,
    /// Beats - 1.
    pub w_len: Signal<Out, Bits<8>>,
    /// The arbiter takes the burst at this edge.
    pub w_grant: Signal<In, Bit>,
    /// The write channel takes a beat at this edge.
    pub beat_take: Signal<In, Bit>,
    /// Bytes enabled in it.
    pub beat_bytes: Signal<In, Bits<16>>,
    /// First byte lane of the burst in the beat.
    pub lane: Signal<Out, Bits<16>>,
    /// Bytes of the burst in the beat.
    pub chunk: Signal<Out, Bits<16>>,
    /// A response for the mover has arrived.
    pub b_valid: Signal<In, Bit>,
    /// It was not OKAY.
    pub b_bad: Signal<In, Bit>,
    /// The done register is full.
    pub done_valid: Signal<Out, Bit>,
    /// It.
    pub done: Signal<Out, RxDone>,
    /// Empties it.
    pub done_pop: Signal<In, Bit>,
    state: DFF<RxIssueState>,
    asked: DFF<Bit>,
    discarding: DFF<Bit>,
    asid: DFF<Bits<17>>,
    op_va: DFF<Bits<64>>,
    va: DFF<Bits<64>>,
    rem: DFF<Bits<32>>,
    burst: DFF<Bits<16>>,
    left: DFF<Bits<16>>,
    addr: DFF<Bits<64>>,
    user: DFF<Bits<21>>,
    access_epoch: DFF<Bit>,
    outstanding: DFF<Bits<32>>,
    got: DFF<Bits<32>>,
    fault: DFF<Bit>,
    cause: DFF<Bits<12>>,
    iova: DFF<Bits<64>>,
    done_full: DFF<Bit>,
    done_reg: DFF<RxDone>,
    low: Signal<Local, Bits<8>>,
    window: Signal<Local, Bits<16>>,
    window32: Signal<Local, Bits<32>>,
    most: Signal<Local, Bits<16>>,
    have: Signal<Local, Bits<16>>,
    limit: Signal<Local, Bits<16>>,
    bytes: Signal<Local, Bits<16>>,
    ready: Signal<Local, Bit>,
    empty: Signal<Local, Bit>,
    offset: Signal<Local, Bits<16>>,
    avail: Signal<Local, Bits<16>>,
    first: Signal<Local, Bit>,
    part: Signal<Local, Bits<16>>,
    last_byte: Signal<Local, Bits<8>>,
    burst32: Signal<Local, Bits<32>>,
    burst64: Signal<Local, Bits<64>>,
    granted: Signal<Local, Bit>,
    answered: Signal<Local, Bit>,
    no_req: Constant<MmuReq>,
    no_done: Constant<RxDone>,
    burst_window: Constant<Bits<16>>,
    beat_size: Constant<Bits<16>>,
    beat_mask: Constant<Bits<16>>,
    beat_shift: Constant<Bits<16>>,
    beat_align: Constant<Bits<64>>,
    one8: Constant<Bits<8>>,
    beat_mask8: Constant<Bits<8>>,
    one32: Constant<Bits<32>>,
    none16: Constant<Bits<16>>,
    none32: Constant<Bits<32>>,
    no_iova: Constant<Bits<64>>,
    no_cause: Constant<Bits<12>>,
    write_access: Constant<Bits<12>>,
}

impl RxIssue {
    /// The block for beats of `beat_bytes` bytes, a power of two.
    #[must_use]
    pub fn new(beat_bytes: u64) -> Self {
        block_default!(
            clock, reset, free, op_set, op, count, lasts, acc_count, ended, discard, clear_acc, clear_ended,
            mmu_req_valid, mmu_req, mmu_taken, mmu_rsp_valid, mmu_rsp, epoch, start, w_req, w_addr, w_epoch, w_user, w_len, w_grant,
            beat_take, beat_bytes, lane, chunk, b_valid, b_bad, done_valid, done, done_pop, state, asked, discarding, asid,
            op_va, va, rem, burst, left, addr, user, access_epoch, outstanding, got, fault, cause, iova, done_full,
            done_reg, low, window, window32, most, have, limit, bytes, ready, empty, offset, avail, first,
            part, last_byte, burst32, burst64, granted, answered;
            no_req = MmuReq { write: true, ..MmuReq::default() },
            no_done = RxDone::default(),
            burst_window = BURST_WINDOW,
            beat_size = beat_bytes,
            beat_mask = beat_bytes - 1,
            beat_shift = u64::from(beat_bytes.trailing_zeros()),
            beat_align = !(beat_bytes - 1),
            one8 = 1u64,
            beat_mask8 = beat_bytes - 1,
            one32 = 1u64,
            none16 = 0u64,
            none32 = 0u64,
            no_iova = 0u64,
            no_cause = u64::from(mmu::CAUSE_NONE),
            write_access = u64::from(mmu::CAUSE_WRITE_ACCESS)
        )
    }
}

impl Logic for RxIssue {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            asked,
            discarding,
            asid,
            op_va,
            va,
            rem,
            burst,
            left,
            addr,
            user,
            access_epoch,
            outstanding,
            got,
            fault,
            cause,
            iova,
            done_full,
            done_reg
        );
        // Op: the next burst, up to the end of its window, and no more than is known to come.
        self.low.next = self.va.q.val().get_bits::<8>(0);
        self.window.next = self.burst_window.val() - bit_cast::<16, 8>(self.low.val());
        self.window32.next = bit_cast::<32, 16>(self.window.val());
        self.most.next = self.window.val();
        if self.rem.q.val() < self.window32.val() {
            self.most.next = self.rem.q.val().get_bits::<16>(0);
        }
        self.have.next = (self.count.val() << self.beat_shift.val()) + self.acc_count.val();
        self.limit.next = self.most.val();
        if self.ended.val() {
            self.limit.next = self.acc_count.val();
        } else if self.lasts.val() != self.none16.val() {
            self.limit.next = self.have.val();
        }
        self.bytes.next = self.most.val();
        if self.limit.val() < self.most.val() {
            self.bytes.next = self.limit.val();
        }
        self.ready.next = self.ended.val()
            | (self.lasts.val() != self.none16.val())
            | (self.have.val() >= self.most.val());
        self.empty.next = self.ended.val() & (self.acc_count.val() == self.none16.val());
        // Burst: the beat at hand.
        self.offset.next = bit_cast::<16, 8>(self.low.val()) & self.beat_mask.val();
        self.first.next = self.left.q.val() == self.burst.q.val();
        self.lane.next = self.none16.val();
        self.avail.next = self.beat_size.val();
        if self.first.val() {
            self.lane.next = self.offset.val();
            self.avail.next = self.beat_size.val() - self.offset.val();
        }
        self.part.next = self.avail.val();
        if self.left.q.val() < self.avail.val() {
            self.part.next = self.left.q.val();
        }
        self.chunk.next = self.part.val();
        self.last_byte.next = (self.low.val() & self.beat_mask8.val())
            + self.burst.q.val().get_bits::<8>(0)
            - self.one8.val();
        self.burst32.next = bit_cast::<32, 16>(self.burst.q.val());
        self.burst64.next = bit_cast::<64, 16>(self.burst.q.val());
        // Outputs.
        self.free.next = false;
        self.discard.next = false;
        self.clear_acc.next = false;
        self.clear_ended.next = false;
        self.mmu_req_valid.next = false;
        self.mmu_req.next = self.no_req.val();
        self.mmu_req.next.asid = self.asid.q.val();
        self.mmu_req.next.va = self.va.q.val();
        self.start.next = false;
        self.w_req.next = false;
        self.w_addr.next = self.addr.q.val() & self.beat_align.val();
        self.w_epoch.next = self.access_epoch.q.val();
        self.w_user.next = bit_cast::<22, 21>(self.user.q.val());
        self.w_len.next = self.last_byte.val() >> self.beat_shift.val();
        self.done_valid.next = self.done_full.q.val();
        self.done.next = self.done_reg.q.val();
        if self.done_pop.val() {
            self.done_full.d.next = false;
        }
        // Responses come in any state.
        self.granted.next = false;
        self.answered.next = self.b_valid.val() & (self.outstanding.q.val() != self.none32.val());
        if self.b_valid.val() & self.b_bad.val() & !self.fault.q.val() {
            self.fault.d.next = true;
            self.cause.d.next = self.write_access.val();
            self.iova.d.next = self.op_va.q.val();
        }
        match self.state.q.val() {
            RxIssueState::Free => {
                self.free.next = true;
            }
            RxIssueState::Op => {
                if self.discarding.q.val() {
                    self.discard.next = true;
                    if self.ended.val() {
                        self.clear_acc.next = true;
                        self.state.d.next = RxIssueState::Done;
                    }
                } else if (self.rem.q.val() == self.none32.val())
                    | self.empty.val()
                    | self.fault.q.val()
                {
                    self.state.d.next = RxIssueState::Drain;
                } else if self.ready.val() {
                    self.burst.d.next = self.bytes.val();
                    self.left.d.next = self.bytes.val();
                    self.state.d.next = RxIssueState::Xlat;
                }
            }
            RxIssueState::Xlat => {
                self.mmu_req_valid.next = !self.asked.q.val();
                if self.mmu_taken.val() {
                    self.asked.d.next = true;
                }
                if self.mmu_rsp_valid.val() {
                    self.asked.d.next = false;
                    if self.mmu_rsp.val().cause != self.no_cause.val() {
                        // It comes after a fault of an earlier burst, but before one of this edge.
                        if !self.fault.q.val() {
                            self.fault.d.next = true;
                            self.cause.d.next = self.mmu_rsp.val().cause;
                            self.iova.d.next = self.va.q.val();
                        }
                        self.state.d.next = RxIssueState::Drain;
                    } else {
                        self.start.next = true;
                        self.addr.d.next = self.mmu_rsp.val().addr;
                        self.user.d.next = self.mmu_rsp.val().user;
                        self.access_epoch.d.next = self.epoch.val();
                        self.state.d.next = RxIssueState::Issue;
                    }
                }
            }
            RxIssueState::Issue => {
                self.w_req.next = true;
                if self.w_grant.val() {
                    self.granted.next = true;
                    self.state.d.next = RxIssueState::Burst;
                }
            }
            RxIssueState::Burst => {
                if self.beat_take.val() {
                    self.got.d.next = self.got.q.val() + bit_cast::<32, 16>(self.beat_bytes.val());
                    self.left.d.next = self.left.q.val() - self.part.val();
                    if self.left.q.val() == self.part.val() {
                        self.va.d.next = self.va.q.val() + self.burst64.val();
                        self.rem.d.next = self.rem.q.val() - self.burst32.val();
                        self.state.d.next = RxIssueState::Op;
                    }
                }
            }
            RxIssueState::Drain => {
                if self.outstanding.q.val() == self.none32.val() {
                    self.state.d.next = RxIssueState::Done;
                }
            }
            RxIssueState::Done => {
                if !self.done_full.q.val() {
                    self.done_full.d.next = true;
                    self.done_reg.d.next = self.no_done.val();
                    self.done_reg.d.next.bytes = self.got.q.val();
                    self.done_reg.d.next.ended = self.empty.val();
                    self.done_reg.d.next.cause = self.cause.q.val();
                    self.done_reg.d.next.iova = self.iova.q.val();
                    self.got.d.next = self.none32.val();
                    self.fault.d.next = false;
                    self.cause.d.next = self.no_cause.val();
                    self.iova.d.next = self.no_iova.val();
                    self.state.d.next = RxIssueState::Hold;
                }
            }
            RxIssueState::Hold => {
                if self.empty.val() {
                    self.clear_ended.next = true;
                    self.state.d.next = RxIssueState::Free;
                }
            }
            _ => {
                self.state.d.next = RxIssueState::Free;
            }
        }
        if self.granted.val() & !self.answered.val() {
            self.outstanding.d.next = self.outstanding.q.val() + self.one32.val();
        }
        if self.answered.val() & !self.granted.val() {
            self.outstanding.d.next = self.outstanding.q.val() - self.one32.val();
        }
        if self.op_set.val() {
            self.discarding.d.next = self.op.val().discard;
            self.asid.d.next = self.op.val().asid;
            self.op_va.d.next = self.op.val().va;
            self.va.d.next = self.op.val().va;
            self.rem.d.next = self.op.val().len;
            self.state.d.next = RxIssueState::Op;
        }
        if self.reset.val() {
            self.state.d.next = RxIssueState::Free;
            self.asked.d.next = false;
            self.discarding.d.next = false;
            self.outstanding.d.next = self.none32.val();
            self.got.d.next = self.none32.val();
            self.fault.d.next = false;
            self.cause.d.next = self.no_cause.val();
            self.iova.d.next = self.no_iova.val();
            self.done_full.d.next = false;
            self.done_reg.d.next = self.no_done.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rx_issue_lints_clean() {
        crate::util::assert_lint_clean("rx_issue", RxIssue::new(16));
    }
}
