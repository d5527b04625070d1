//! What the admin queue shows of its state, and what it sees of an event: its requests, the ring access at hand, command
//! bytes and results on their way to the buffers.
//!
//! Contract §9. Combinational: functions of state and event, apart from the steps that `admin_queue` takes.

use rust_hdl::prelude::*;

use crate::admin_reply::Halves;
use crate::admin_ring::{
    RING_AVAIL, RING_DESC, RING_ELEM, RING_ENTRY, RING_FLAGS, RING_GATHER, RING_SCATTER, RING_USED,
};
use crate::admin_types::{NEXT_EXEC, NEXT_MSI, NEXT_POLL, NEXT_XL};
use crate::block_default;
use crate::ctx_types::{CoreEv, SRC_ADM, SRC_CTLR, SRC_CTLX};

/// What the admin queue waits for (contract §9).
#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
pub enum AdminQueueState {
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

/// The step of the event at hand.
#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
pub enum AdminWork {
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
pub struct AdminView {
    /// State of the queue.
    pub state: Signal<In, AdminQueueState>,
    /// Step of the event.
    pub work: Signal<In, AdminWork>,
    /// `admin_kick`.
    pub kick: Signal<In, Bit>,
    /// The queue is live.
    pub live: Signal<In, Bit>,
    /// A warm reset is going on.
    pub warm: Signal<In, Bit>,
    /// The poll timer stands at 0.
    pub timer_over: Signal<In, Bit>,
    /// First cycle of an event.
    pub start: Signal<In, Bit>,
    /// The event.
    pub ev: Signal<In, CoreEv>,
    /// Command bytes gathered.
    pub pos: Signal<In, Bits<8>>,
    /// Low bits of the buffer address.
    pub va_low: Signal<In, Bits<3>>,
    /// Bytes of the piece in flight, if it is not two words.
    pub piece_len: Signal<In, Bits<4>>,
    /// The read in flight is of two words.
    pub two: Signal<In, Bit>,
    /// Low bits of the address of a ring access.
    pub op_low: Signal<In, Bits<3>>,
    /// What `admin_exec` says: `NEXT_*`.
    pub run_follow: Signal<In, Bits<3>>,
    /// State after a run; Scatter: there is nothing to wait for.
    pub after: Signal<Out, AdminQueueState>,
    /// The run left an op that comes first.
    pub op_first: Signal<Out, Bit>,
    /// The step is a ring access, whatever else it does.
    pub access: Signal<Out, Bit>,
    /// State after it.
    pub leads: Signal<Out, AdminQueueState>,
    /// State Exec.
    pub exec: Signal<Out, Bit>,
    /// State Idle.
    pub idle: Signal<Out, Bit>,
    /// Source ADM requests.
    pub req: Signal<Out, Bit>,
    /// `admin_exec`: begin.
    pub run_go: Signal<Out, Bit>,
    /// `admin_exec`: a poll event.
    pub run_poll: Signal<Out, Bit>,
    /// `RING_*`: the access of the step.
    pub kind: Signal<Out, Bits<3>>,
    /// Bytes for the command buffer.
    pub put: Signal<Out, Bit>,
    pub put_pos: Signal<Out, Bits<7>>,
    pub put_low: Signal<Out, Bits<3>>,
    pub put_len: Signal<Out, Bits<4>>,
    pub put_data: Signal<Out, Bits<64>>,
    /// Words of the answer to TRANSLATE.
    pub ans_we: Signal<Out, Bit>,
    pub ans_addr: Signal<Out, Bits<4>>,
    pub ans_data: Signal<Out, Bits<64>>,
    /// The event brings a fault.
    pub bad: Signal<Out, Bit>,
    /// The 16 bits that a ring access asked for.
    pub half: Signal<Out, Bits<16>>,
    /// Bytes of the piece in flight.
    pub bytes: Signal<Out, Bits<8>>,
    pos7: Signal<Local, Bits<7>>,
    result_word: Signal<Local, Halves>,
    low_bits: Signal<Local, Bits<6>>,
    shifted: Signal<Local, Bits<64>>,
    unused_ev: Signal<Local, Bits<{ <CoreEv as Synth>::BITS }>>,
    src_r: Constant<Bits<4>>,
    src_x: Constant<Bits<4>>,
    src_adm: Constant<Bits<4>>,
    to_bits: Constant<Bits<6>>,
    two8: Constant<Bits<8>>,
    word7: Constant<Bits<7>>,
    word4: Constant<Bits<4>>,
    ring_avail: Constant<Bits<3>>,
    ring_entry: Constant<Bits<3>>,
    ring_desc: Constant<Bits<3>>,
    ring_elem: Constant<Bits<3>>,
    ring_used: Constant<Bits<3>>,
    ring_flags: Constant<Bits<3>>,
    ring_gather: Constant<Bits<3>>,
    ring_scatter: Constant<Bits<3>>,
    answer1: Constant<Bits<4>>,
    answer2: Constant<Bits<4>>,
    no_halves: Constant<Halves>,
    next_poll: Constant<Bits<3>>,
    next_xl: Constant<Bits<3>>,
    next_msi: Constant<Bits<3>>,
    next_exec: Constant<Bits<3>>,
}

impl Default for AdminView {
    fn default() -> Self {
        block_default!(
            state, work, kick, live, warm, timer_over, start, ev, pos, va_low, piece_len, two, op_low, run_follow, after,
            op_first, access, leads, exec, idle, req,
            run_go, run_poll, kind, put, put_pos, put_low, put_len, put_data, ans_we, ans_addr, ans_data, bad, half,
            bytes, pos7, result_word, low_bits, shifted, unused_ev;
            src_r = SRC_CTLR,
            src_x = SRC_CTLX,
            src_adm = SRC_ADM,
            to_bits = 3u64,
            two8 = 16u64,
            word7 = 8u64,
            word4 = 8u64,
            ring_avail = RING_AVAIL,
            ring_entry = RING_ENTRY,
            ring_desc = RING_DESC,
            ring_elem = RING_ELEM,
            ring_used = RING_USED,
            ring_flags = RING_FLAGS,
            ring_gather = RING_GATHER,
            ring_scatter = RING_SCATTER,
            answer1 = 1u64,
            answer2 = 2u64,
            no_halves = Halves::default(),
            next_poll = NEXT_POLL,
            next_xl = NEXT_XL,
            next_msi = NEXT_MSI,
            next_exec = NEXT_EXEC
        )
    }
}

impl Logic for AdminView {
    #[hdl_gen]
    fn update(&mut self) {
        self.unused_ev.next = self.ev.val().into();
        // Requests and neighbours: functions of state, kept apart from the steps below.
        self.exec.next = self.state.val() == AdminQueueState::Exec;
        self.idle.next = self.state.val() == AdminQueueState::Idle;
        self.req.next = (self.state.val() == AdminQueueState::Exec)
            | ((self.state.val() == AdminQueueState::Idle) & self.kick.val() & self.live.val())
            | ((self.state.val() == AdminQueueState::Poll)
                & (self.warm.val() | self.timer_over.val()));
        self.run_go.next = self.start.val()
            & !self.ev.val().warm
            & (self.ev.val().src == self.src_adm.val())
            & ((self.state.val() == AdminQueueState::Exec)
                | (self.state.val() == AdminQueueState::Poll));
        self.run_poll.next = self.state.val() == AdminQueueState::Poll;
        self.kind.next = self.ring_flags.val();
        self.access.next = self.work.val() == AdminWork::ReadFlags;
        self.leads.next = AdminQueueState::Flags;
        if self.work.val() == AdminWork::ReadAvail {
            self.kind.next = self.ring_avail.val();
            self.access.next = true;
            self.leads.next = AdminQueueState::Avail;
        }
        if self.work.val() == AdminWork::ReadRing {
            self.kind.next = self.ring_entry.val();
            self.access.next = true;
            self.leads.next = AdminQueueState::Ring;
        }
        if self.work.val() == AdminWork::ReadDesc {
            self.kind.next = self.ring_desc.val();
            self.access.next = true;
            self.leads.next = AdminQueueState::Desc;
        }
        if self.work.val() == AdminWork::WriteElem {
            self.kind.next = self.ring_elem.val();
            self.access.next = true;
            self.leads.next = AdminQueueState::UsedElem;
        }
        if self.work.val() == AdminWork::WriteUsed {
            self.kind.next = self.ring_used.val();
            self.access.next = true;
            self.leads.next = AdminQueueState::UsedIdx;
        }
        if self.work.val() == AdminWork::Gather {
            self.kind.next = self.ring_gather.val();
        }
        if self.work.val() == AdminWork::Scatter {
            self.kind.next = self.ring_scatter.val();
        }
        // After a run.
        self.op_first.next = false;
        self.after.next = AdminQueueState::Scatter;
        if self.run_follow.val() == self.next_poll.val() {
            self.after.next = AdminQueueState::Poll;
        }
        if self.run_follow.val() == self.next_exec.val() {
            self.after.next = AdminQueueState::Exec;
        }
        if self.run_follow.val() == self.next_xl.val() {
            self.op_first.next = true;
            self.after.next = AdminQueueState::Xl;
        }
        if self.run_follow.val() == self.next_msi.val() {
            self.op_first.next = true;
            self.after.next = AdminQueueState::Msi;
        }
        // Command bytes as they arrive.
        self.pos7.next = self.pos.val().get_bits::<7>(0);
        self.put.next = self.start.val()
            & (self.ev.val().src == self.src_r.val())
            & (self.state.val() == AdminQueueState::Gather);
        self.put_pos.next = self.pos7.val();
        self.put_low.next = self.va_low.val();
        self.put_len.next = self.piece_len.val();
        self.put_data.next = self.ev.val().data;
        if self.two.val() {
            self.put_len.next = self.word4.val();
            if self.ev.val().word {
                self.put_pos.next = self.pos7.val() + self.word7.val();
            }
        }
        // The result of TRANSLATE.
        self.result_word.next = self.no_halves.val();
        self.result_word.next.lo = bit_cast::<32, 12>(self.ev.val().cause);
        self.result_word.next.hi = bit_cast::<32, 21>(self.ev.val().user);
        self.ans_we.next =
            (self.work.val() == AdminWork::Result1) | (self.work.val() == AdminWork::Result2);
        self.ans_addr.next = self.answer1.val();
        self.ans_data.next = self.ev.val().addr;
        if self.work.val() == AdminWork::Result2 {
            self.ans_addr.next = self.answer2.val();
            self.ans_data.next = self.result_word.val().into();
        }
        // The event at hand.
        self.bad.next = self.ev.val().bad | (self.ev.val().src == self.src_x.val());
        self.low_bits.next = bit_cast::<6, 3>(self.op_low.val()) << self.to_bits.val();
        self.shifted.next = self.ev.val().data >> self.low_bits.val();
        self.half.next = self.shifted.val().get_bits::<16>(0);
        self.bytes.next = bit_cast::<8, 4>(self.piece_len.val());
        if self.two.val() {
            self.bytes.next = self.two8.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_view_lints_clean() {
        crate::util::assert_lint_clean("admin_view", AdminView::default());
    }
}
