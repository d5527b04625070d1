//! The admin queue: takes commands from its ring, gathers them, scatters the answers.
//!
//! Timing: TIMING.md §9. One control op at a time, a command at a time.

use super::slots::{Access, Desc, Walk};
use super::{Completion, Core, Env};
use crate::axi_rd::CLIENT_ADMIN;
use crate::ctl::{CtlOp, Kind, XlatEvent};
use crate::regs::Counter;
use shoal_abi::cmd::{COMMAND_BYTES, RESULT_HEADER_BYTES};
use shoal_abi::ring::*;

/// State of the admin queue: what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdminState {
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

/// The admin queue.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    pub(super) state: AdminState,
    last_avail: u16,
    used_idx: u16,
    head: u16,
    walk: Walk,
    desc: Desc,
    access: Access,
    /// Address and bytes of the descriptor not yet used.
    va: u64,
    len: u32,
    /// The command and how much of it has been gathered.
    pub(super) command: [u8; COMMAND_BYTES],
    pos: usize,
    /// Bytes of the command that the read in flight brings.
    piece: usize,
    /// The command has run: the walk is among the writable descriptors.
    ran: bool,
    pub(super) answer: [u8; ANSWER_BYTES],
    pub(super) answer_len: usize,
    written: usize,
    used_len: u32,
    pub(super) phase: Phase,
    pub(super) polls: u16,
    /// LIST_USE of group SELF and of group MANAGED.
    pub(super) uses: [[u64; 2]; 2],
    pub(super) was_stopped: bool,
}

impl Admin {
    pub(super) fn new() -> Self {
        Self {
            state: AdminState::Idle,
            last_avail: 0,
            used_idx: 0,
            head: 0,
            walk: Walk::default(),
            desc: Desc::default(),
            access: Access::default(),
            va: 0,
            len: 0,
            command: [0; COMMAND_BYTES],
            pos: 0,
            piece: 0,
            ran: false,
            answer: [0; ANSWER_BYTES],
            answer_len: 0,
            written: 0,
            used_len: 0,
            phase: Phase::Start,
            polls: 0,
            uses: [super::exec::LISTS; 2],
            was_stopped: false,
        }
    }
}

impl Core {
    /// ADM: a kick, an execution or a poll.
    pub(super) fn on_admin(&mut self, env: &Env) {
        match self.admin.state {
            AdminState::Idle => self.admin_read_avail(env),
            _ if self.ctx.warm => {
                if self.admin.state == AdminState::Exec {
                    self.busy = super::LONG_EVENT;
                }
                self.admin.state = AdminState::Idle;
            }
            AdminState::Exec => {
                self.busy = super::LONG_EVENT;
                self.execute(env);
            }
            AdminState::Poll => self.poll(env),
            _ => {}
        }
    }

    pub(super) fn on_admin_completion(&mut self, c: Completion, env: &Env) {
        if !self.admin.access.complete(c) {
            return;
        }
        if self.ctx.warm {
            self.admin.state = AdminState::Idle;
            return;
        }
        let state = self.admin.state;
        match (state, c) {
            (AdminState::Xl, Completion::Xlat(x)) => return self.translated(&x, env),
            // A bad response to a message is ignored (§9).
            (AdminState::Msi, _) => return self.scatter(env),
            _ => {}
        }
        if self.admin.access.fault.is_some() {
            return self.admin_fault(env);
        }
        match state {
            AdminState::Avail => self.admin_avail(env),
            AdminState::Ring => self.admin_ring(env),
            AdminState::Desc => {
                self.admin.desc = Desc::from_words(self.admin.access.words);
                self.admin_walk(env);
            }
            AdminState::Gather => self.gathered(env),
            AdminState::Scatter => self.scatter(env),
            AdminState::UsedElem => {
                let idx = self.admin.used_idx.wrapping_add(1);
                let va = env.regs.device.wrapping_add(USED_IDX);
                self.admin_write(AdminState::UsedIdx, va, 2, u64::from(idx));
            }
            AdminState::UsedIdx => {
                self.admin.last_avail = self.admin.last_avail.wrapping_add(1);
                self.admin.used_idx = self.admin.used_idx.wrapping_add(1);
                self.fx.count(Counter::Admin);
                self.admin_read(AdminState::Flags, env.regs.driver, 1);
            }
            AdminState::Flags => {
                if self.admin.access.half() & AVAIL_F_NO_INTERRUPT == 0 {
                    self.fx.raise(env.regs.queue_vector);
                }
                self.admin_read_avail(env);
            }
            _ => {}
        }
    }

    fn admin_fault(&mut self, env: &Env) {
        self.fx.needs_reset = true;
        self.fx.raise(env.regs.config_vector);
        self.admin.state = AdminState::Idle;
    }

    fn admin_read(&mut self, state: AdminState, va: u64, words: u8) {
        self.admin.state = state;
        self.admin.access = Access::new(va, 0, false, words);
        self.admin_op(Kind::Read(words), va, 0);
    }

    fn admin_write(&mut self, state: AdminState, va: u64, bytes: u8, data: u64) {
        self.admin.state = state;
        self.admin.access = Access::new(va, 0, true, 1);
        self.admin_op(Kind::Write(bytes), va, data);
    }

    fn admin_op(&mut self, kind: Kind, va: u64, data: u64) {
        self.fx.ctl = Some(CtlOp {
            kind,
            client: CLIENT_ADMIN,
            asid: None,
            interrupt: false,
            va,
            data,
        });
    }

    /// Sends a message of a managed device on behalf of a command.
    pub(super) fn admin_message(&mut self, address: u64, data: u32) {
        self.fx.count(Counter::Interrupts);
        self.admin.state = AdminState::Msi;
        self.admin.access = Access::new(address, 0, true, 1);
        self.fx.ctl = Some(super::aux::message(CLIENT_ADMIN, address, data));
    }

    /// Has the control unit translate; the answer comes as an event.
    pub(super) fn admin_translate(&mut self, asid: u32, va: u64, write: bool) {
        self.admin.state = AdminState::Xl;
        self.admin.access = Access::new(va, asid, write, 1);
        let kind = if write {
            Kind::TranslateWrite
        } else {
            Kind::TranslateRead
        };
        self.admin_op(kind, va, 0);
        if let Some(op) = &mut self.fx.ctl {
            op.asid = Some(asid);
        }
    }

    fn translated(&mut self, x: &XlatEvent, env: &Env) {
        self.put("address", x.address);
        self.put("cause", u64::from(x.cause));
        self.put("pasid", u64::from(x.user));
        self.scatter(env);
    }

    fn admin_read_avail(&mut self, env: &Env) {
        self.admin_read(
            AdminState::Avail,
            env.regs.driver.wrapping_add(AVAIL_IDX),
            1,
        );
    }

    fn admin_avail(&mut self, env: &Env) {
        let a = &self.admin;
        let n = a.access.half().wrapping_sub(a.last_avail);
        if n > env.regs.queue_size {
            return self.admin_fault(env);
        }
        if n == 0 {
            self.admin.state = AdminState::Idle;
            return;
        }
        let entry = u64::from(a.last_avail % env.regs.queue_size.max(1));
        let va = env.regs.driver.wrapping_add(AVAIL_RING + 2 * entry);
        self.admin_read(AdminState::Ring, va, 1);
    }

    fn admin_ring(&mut self, env: &Env) {
        let a = &mut self.admin;
        a.head = a.access.half();
        if a.head >= env.regs.queue_size {
            return self.admin_fault(env);
        }
        a.walk = Walk {
            table: env.regs.desc,
            n: u32::from(env.regs.queue_size),
            index: u32::from(a.head),
            indirect: false,
            count: 0,
        };
        a.command = [0; COMMAND_BYTES];
        (a.pos, a.ran, a.written, a.used_len) = (0, false, 0, 0);
        self.admin_read_desc();
    }

    fn admin_read_desc(&mut self) {
        let w = &self.admin.walk;
        let va = w.table.wrapping_add(DESC_BYTES * u64::from(w.index));
        self.admin_read(AdminState::Desc, va, 2);
    }

    fn admin_walk(&mut self, env: &Env) {
        let a = &mut self.admin;
        let desc = a.desc;
        if desc.has(DESC_F_INDIRECT) {
            let len = u64::from(desc.len);
            let bad = len == 0 || len % DESC_BYTES != 0 || !desc.addr.is_multiple_of(8);
            if a.walk.indirect || desc.has(DESC_F_NEXT) || bad {
                return self.admin_fault(env);
            }
            a.walk = Walk {
                table: desc.addr,
                n: (len / DESC_BYTES) as u32,
                index: 0,
                indirect: true,
                count: a.walk.count,
            };
            return self.admin_read_desc();
        }
        a.walk.count += 1;
        let write = desc.has(DESC_F_WRITE);
        if a.walk.count > u32::from(env.regs.queue_size) || a.ran && !write {
            return self.admin_fault(env);
        }
        (a.va, a.len) = (desc.addr, desc.len);
        if !write {
            self.gather(env);
        } else if a.ran {
            self.scatter(env);
        } else {
            (a.ran, a.phase) = (true, Phase::Start);
            a.state = AdminState::Exec;
        }
    }

    /// The next descriptor; `last` if there is none.
    fn admin_next(&mut self, env: &Env) {
        let a = &mut self.admin;
        if !a.desc.has(DESC_F_NEXT) {
            return self.admin_used(env);
        }
        let next = u32::from(a.desc.next);
        if next >= a.walk.n {
            return self.admin_fault(env);
        }
        a.walk.index = next;
        self.admin_read_desc();
    }

    fn gather(&mut self, env: &Env) {
        let a = &mut self.admin;
        if a.len == 0 || a.pos >= COMMAND_BYTES {
            return self.admin_next(env);
        }
        let two = 16;
        let (va, len) = (a.va, a.len as usize);
        let words =
            if va % 8 == 0 && a.pos.is_multiple_of(8) && len >= two && a.pos + two <= COMMAND_BYTES
            {
                a.piece = two;
                2
            } else {
                a.piece = (8 - (va % 8) as usize).min(len).min(8 - a.pos % 8);
                1
            };
        self.admin_read(AdminState::Gather, va, words);
    }

    fn gathered(&mut self, env: &Env) {
        let a = &mut self.admin;
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&a.access.words[0].to_le_bytes());
        bytes[8..].copy_from_slice(&a.access.words[1].to_le_bytes());
        let (from, n, pos) = ((a.va % 8) as usize, a.piece, a.pos);
        a.command[pos..pos + n].copy_from_slice(&bytes[from..from + n]);
        a.pos += n;
        a.va = a.va.wrapping_add(n as u64);
        a.len -= n as u32;
        self.gather(env);
    }

    /// Writes the next piece of the answer, or goes on behind it.
    pub(super) fn scatter(&mut self, env: &Env) {
        let a = &mut self.admin;
        if a.written >= a.answer_len {
            return self.admin_used(env);
        }
        if a.len == 0 {
            return self.admin_next(env);
        }
        let (va, at) = (a.va, a.written);
        let n = (8 - (va % 8) as usize)
            .min(a.len as usize)
            .min(a.answer_len - at);
        let mut word = [0; 8];
        word[..n].copy_from_slice(&a.answer[at..at + n]);
        a.written += n;
        a.va = va.wrapping_add(n as u64);
        a.len -= n as u32;
        self.admin_write(AdminState::Scatter, va, n as u8, u64::from_le_bytes(word));
    }

    /// The chain is used: {head, bytes written}.
    fn admin_used(&mut self, env: &Env) {
        let a = &mut self.admin;
        a.used_len = a.written as u32;
        let entry = u64::from(a.used_idx % env.regs.queue_size.max(1));
        let va = env
            .regs
            .device
            .wrapping_add(USED_RING + USED_ELEM_BYTES * entry);
        let data = u64::from(a.head) | u64::from(a.used_len) << 32;
        self.admin_write(AdminState::UsedElem, va, USED_ELEM_BYTES as u8, data);
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
