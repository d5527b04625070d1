//! The admin state of the core: whose turn it is, execution, what has to come in first, the answer.
//!
//! Contract §3, §9, §10. An event is worked through in steps of a cycle from `start` on; what it comes to is held and takes effect
//! at `commit`. Reset, and `clear`: Idle.

use rust_hdl::prelude::*;

use crate::admin_reply::Halves;
use crate::admin_types::{NEXT_EXEC, NEXT_MSI, NEXT_POLL, NEXT_XL};
use crate::block_default;
use crate::ctx_types::{CoreEv, SRC_ADM};
use crate::types::{CtlOp, Message};

/// Cycles between two polls, less one.
const POLL_CYCLES: u64 = 31;

/// What the execution of a command waits for (contract §9).
#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
pub enum AdminCoreState {
    Idle,
    Exec,
    Poll,
    Xl,
    Scatter,
}

/// The step of the event at hand.
#[derive(Clone, Copy, Debug, PartialEq, LogicState)]
enum AdminWork {
    Rest,
    Run,
    Result1,
    Result2,
    Ready,
}

/// See the file's text.
#[derive(LogicBlock)]
pub struct AdminState {
    /// Rising edge active.
    pub clock: Signal<In, Clock>,
    /// Synchronous.
    pub reset: Signal<In, Bit>,
    /// Sweep.
    pub clear: Signal<In, Bit>,
    /// The queue is live.
    pub live: Signal<In, Bit>,
    /// A command is there: Idle to Exec.
    pub exec_begin: Signal<In, Bit>,
    /// The answer is on its way: Scatter to Idle.
    pub answer_done: Signal<In, Bit>,
    /// Source ADM requests.
    pub req: Signal<Out, Bit>,
    /// State Exec.
    pub exec: Signal<Out, Bit>,
    /// State Idle.
    pub idle: Signal<Out, Bit>,
    /// State Scatter.
    pub scatter: Signal<Out, Bit>,
    /// First cycle of an event.
    pub start: Signal<In, Bit>,
    /// Last cycle.
    pub commit: Signal<In, Bit>,
    /// The event.
    pub ev: Signal<In, CoreEv>,
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
    /// Message that goes out.
    pub run_msg: Signal<In, Message>,
    /// Words of the answer to TRANSLATE.
    pub ans_we: Signal<Out, Bit>,
    pub ans_addr: Signal<Out, Bits<4>>,
    pub ans_data: Signal<Out, Bits<64>>,
    // Effects.
    pub op_push: Signal<Out, Bit>,
    pub op: Signal<Out, CtlOp>,
    pub msg_push: Signal<Out, Bit>,
    pub msg: Signal<Out, Message>,
    state: DFF<AdminCoreState>,
    work: DFF<AdminWork>,
    timer: DFF<Bits<5>>,
    to: DFF<AdminCoreState>,
    to_op: DFF<CtlOp>,
    to_push: DFF<Bit>,
    to_msg: DFF<Message>,
    to_msg_push: DFF<Bit>,
    result_word: Signal<Local, Halves>,
    user: Signal<Local, Bits<64>>,
    timer_over: Signal<Local, Bit>,
    turn: Signal<Local, Bit>,
    unused_ev: Signal<Local, Bits<{ <CoreEv as Synth>::BITS }>>,
    no_op: Constant<CtlOp>,
    no_msg: Constant<Message>,
    no_halves: Constant<Halves>,
    src_adm: Constant<Bits<4>>,
    answer1: Constant<Bits<4>>,
    answer2: Constant<Bits<4>>,
    next_poll: Constant<Bits<3>>,
    next_xl: Constant<Bits<3>>,
    next_msi: Constant<Bits<3>>,
    next_exec: Constant<Bits<3>>,
    none5: Constant<Bits<5>>,
    one5: Constant<Bits<5>>,
    poll_cycles: Constant<Bits<5>>,
}

impl Default for AdminState {
    fn default() -> Self {
        block_default!(
            clock, reset, clear, live, exec_begin, answer_done, req, exec, idle, scatter, start, commit, ev, run_go,
            run_poll, run_done, run_follow, run_op, run_msg, ans_we, ans_addr, ans_data, op_push, op, msg_push, msg, state, work, timer, to, to_op,
            to_push, to_msg, to_msg_push, result_word, user, timer_over, turn, unused_ev;
            no_op = CtlOp::default(),
            no_msg = Message::default(),
            no_halves = Halves::default(),
            src_adm = SRC_ADM,
            answer1 = 1u64,
            answer2 = 2u64,
            next_poll = NEXT_POLL,
            next_xl = NEXT_XL,
            next_msi = NEXT_MSI,
            next_exec = NEXT_EXEC,
            none5 = 0u64,
            one5 = 1u64,
            poll_cycles = POLL_CYCLES
        )
    }
}

impl Logic for AdminState {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(
            self,
            clock,
            state,
            work,
            timer,
            to,
            to_op,
            to_push,
            to_msg,
            to_msg_push
        );
        self.unused_ev.next = self.ev.val().into();
        // Functions of state and event, kept apart from the steps below.
        self.timer_over.next = self.timer.q.val() == self.none5.val();
        self.exec.next = self.state.q.val() == AdminCoreState::Exec;
        self.idle.next = self.state.q.val() == AdminCoreState::Idle;
        self.scatter.next = self.state.q.val() == AdminCoreState::Scatter;
        self.req.next = (self.state.q.val() == AdminCoreState::Exec)
            | ((self.state.q.val() == AdminCoreState::Poll)
                & (self.timer_over.val() | !self.live.val()));
        self.turn.next = (self.ev.val().src == self.src_adm.val())
            & ((self.state.q.val() == AdminCoreState::Exec)
                | (self.state.q.val() == AdminCoreState::Poll));
        self.run_go.next = self.start.val() & self.ev.val().live & self.turn.val();
        self.run_poll.next = self.state.q.val() == AdminCoreState::Poll;
        self.op_push.next = self.to_push.q.val();
        self.op.next = self.to_op.q.val();
        self.msg_push.next = self.to_msg_push.q.val();
        self.msg.next = self.to_msg.q.val();
        // The result of TRANSLATE.
        self.user.next = self.ev.val().b;
        self.result_word.next = self.no_halves.val();
        self.result_word.next.lo = bit_cast::<32, 12>(self.ev.val().cause);
        self.result_word.next.hi = self.user.val().get_bits::<32>(0);
        self.ans_we.next =
            (self.work.q.val() == AdminWork::Result1) | (self.work.q.val() == AdminWork::Result2);
        self.ans_addr.next = self.answer1.val();
        self.ans_data.next = self.ev.val().a;
        if self.work.q.val() == AdminWork::Result2 {
            self.ans_addr.next = self.answer2.val();
            self.ans_data.next = self.result_word.val().into();
        }
        // From outside events.
        if self.timer.q.val() != self.none5.val() {
            self.timer.d.next = self.timer.q.val() - self.one5.val();
        }
        if (self.state.q.val() == AdminCoreState::Idle) & self.exec_begin.val() {
            self.state.d.next = AdminCoreState::Exec;
        }
        if (self.state.q.val() == AdminCoreState::Scatter)
            & (self.answer_done.val() | !self.live.val())
        {
            self.state.d.next = AdminCoreState::Idle;
        }
        // The event at hand.
        match self.work.q.val() {
            AdminWork::Rest => {
                if self.start.val() {
                    self.to.d.next = self.state.q.val();
                    self.to_push.d.next = false;
                    self.to_msg_push.d.next = false;
                    self.work.d.next = AdminWork::Ready;
                    if !self.ev.val().live {
                        self.to.d.next = AdminCoreState::Idle;
                    } else if self.turn.val() {
                        self.work.d.next = AdminWork::Run;
                    } else if self.state.q.val() == AdminCoreState::Xl {
                        self.work.d.next = AdminWork::Result1;
                    }
                }
            }
            AdminWork::Run => {
                if self.run_done.val() {
                    self.to.d.next = AdminCoreState::Scatter;
                    self.to_op.d.next = self.run_op.val();
                    self.to_msg.d.next = self.run_msg.val();
                    self.work.d.next = AdminWork::Ready;
                    if self.run_follow.val() == self.next_poll.val() {
                        self.to.d.next = AdminCoreState::Poll;
                    }
                    if self.run_follow.val() == self.next_exec.val() {
                        self.to.d.next = AdminCoreState::Exec;
                    }
                    if self.run_follow.val() == self.next_xl.val() {
                        self.to_push.d.next = true;
                        self.to.d.next = AdminCoreState::Xl;
                    }
                    if self.run_follow.val() == self.next_msi.val() {
                        // What becomes of the message is not the queue's concern.
                        self.to_msg_push.d.next = true;
                    }
                }
            }
            AdminWork::Result1 => {
                self.work.d.next = AdminWork::Result2;
            }
            AdminWork::Result2 => {
                self.to.d.next = AdminCoreState::Scatter;
                self.work.d.next = AdminWork::Ready;
            }
            AdminWork::Ready => {
                if self.commit.val() {
                    self.state.d.next = self.to.q.val();
                    self.to_push.d.next = false;
                    self.to_msg_push.d.next = false;
                    self.work.d.next = AdminWork::Rest;
                    if self.to.q.val() == AdminCoreState::Poll {
                        self.timer.d.next = self.poll_cycles.val();
                    }
                }
            }
            _ => {
                self.work.d.next = AdminWork::Rest;
            }
        }
        if self.reset.val() | self.clear.val() {
            self.state.d.next = AdminCoreState::Idle;
            self.work.d.next = AdminWork::Rest;
            self.timer.d.next = self.none5.val();
            self.to_push.d.next = false;
            self.to_op.d.next = self.no_op.val();
            self.to_msg_push.d.next = false;
            self.to_msg.d.next = self.no_msg.val();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_state_lints_clean() {
        crate::util::assert_lint_clean("admin_state", AdminState::default());
    }
}
