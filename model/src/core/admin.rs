//! The core's part of the admin queue: executes the command that the queue has gathered, until its answer is there.
//!
//! Timing: TIMING.md §3 (admin states) and §10. A command at a time; the queue itself is `adminq`.

use super::{Core, Env};
use crate::adminq::{Effects, Port};
use crate::ctl::{AccessA, Completion, CtlOp, Kind};
use shoal_abi::cmd::{COMMAND_BYTES, RESULT_HEADER_BYTES};

/// State of the admin command: what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdminState {
    /// The next command.
    Idle,
    Exec,
    Poll,
    /// A translation.
    Xl,
    /// The admin queue takes the answer.
    Scatter,
}

/// Where the execution of a drain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Check and mark.
    Start,
    /// Drained.
    Finish,
    /// Not drained in time.
    GiveUp,
}

/// Bytes of the longest answer.
const ANSWER_BYTES: usize = 128;

/// The command being executed.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    /// The admin queue sees it: an event changes it at its effect edge only.
    pub(super) state: AdminState,
    pub(super) command: [u8; COMMAND_BYTES],
    pub(super) answer: [u8; ANSWER_BYTES],
    pub(super) answer_len: usize,
    pub(super) phase: Phase,
    pub(super) polls: u16,
    /// The epoch of messages has changed behind the last one of the drain.
    pub(super) flipped: bool,
    /// LIST_USE of group SELF and of group MANAGED.
    pub(super) uses: [[u64; 2]; 2],
    pub(super) was_stopped: bool,
}

impl Admin {
    pub(super) fn new() -> Self {
        Self {
            state: AdminState::Idle,
            command: [0; COMMAND_BYTES],
            answer: [0; ANSWER_BYTES],
            answer_len: 0,
            phase: Phase::Start,
            polls: 0,
            flipped: false,
            uses: [super::exec::LISTS; 2],
            was_stopped: false,
        }
    }
}

impl Core {
    /// What the admin queue sees.
    pub(crate) fn admin_port(&self) -> Port<'_> {
        let a = &self.admin;
        Port {
            idle: a.state == AdminState::Idle,
            scatter: a.state == AdminState::Scatter,
            answer: &a.answer[..a.answer_len],
        }
    }

    /// The edge of a cycle: what the admin queue says, that it is not `live`, and then what an event does to the admin.
    pub(crate) fn admin_edge(&mut self, live: bool, said: &Effects) {
        let a = &mut self.admin;
        if said.answered || a.state == AdminState::Scatter && !live {
            a.state = AdminState::Idle;
        }
        if let Some(command) = said.exec {
            (a.command, a.phase, a.state) = (command, Phase::Start, AdminState::Exec);
        }
        self.land_admin();
    }

    /// The admin state behind the event that is being handled.
    pub(super) fn admin_becomes(&mut self, state: AdminState) {
        self.fx.own.admin = Some(state);
    }

    /// ADM: an execution or a poll; true if it was an execution.
    pub(super) fn on_admin(&mut self, env: &Env) -> bool {
        let executes = self.admin.state == AdminState::Exec;
        if !env.regs.live() {
            self.admin_becomes(AdminState::Idle);
        } else if executes {
            self.execute(env);
        } else {
            self.poll(env);
        }
        executes
    }

    pub(super) fn on_admin_completion(&mut self, c: &Completion, env: &Env) {
        if !env.regs.live() {
            return self.admin_becomes(AdminState::Idle);
        }
        if self.admin.state == AdminState::Xl {
            self.put("address", c.a);
            self.put("cause", u64::from(c.cause));
            self.put("pasid", c.b);
        }
        self.admin_becomes(AdminState::Scatter);
    }

    /// Has the control unit translate; the answer comes as an event.
    pub(super) fn admin_translate(&mut self, asid: u32, va: u64, write: bool) {
        self.admin_becomes(AdminState::Xl);
        self.fx.ctl = Some(CtlOp {
            kind: Kind::Translate { write },
            slot: self.p.admin_slot() as u16,
            asid,
            a: AccessA {
                va,
                ..AccessA::default()
            },
            ..CtlOp::default()
        });
    }

    /// Begins the answer of a command.
    pub(super) fn answer(&mut self, status: u16, qualifier: u16, result_bytes: usize) {
        let a = &mut self.admin;
        a.answer = [0; ANSWER_BYTES];
        a.answer[..2].copy_from_slice(&status.to_le_bytes());
        a.answer[2..4].copy_from_slice(&qualifier.to_le_bytes());
        a.answer_len = (RESULT_HEADER_BYTES + result_bytes).min(ANSWER_BYTES);
    }
}
