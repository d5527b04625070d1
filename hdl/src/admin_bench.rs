//! A bench for the commands: the real context memories, a command buffer, and completions for what they push.

use std::collections::VecDeque;

use super::*;
use crate::ctx::Ctx;
use crate::ctx_types::{SRC_ADM, SRC_COMP};
use crate::types::CTL_XL;
use crate::util::{number, settle};
use shoal_abi::profile::TINY;
use shoal_abi::{cmd, ring};

/// The bench.
pub(super) struct Bench {
    pub(super) admin: Admin,
    pub(super) ctx: Ctx<5, 3, 4, 4, 4>,
    pub(super) command: [u8; cmd::COMMAND_BYTES],
    pub(super) events: VecDeque<CoreEv>,
    pub(super) ready: Vec<u64>,
    pub(super) freed: Vec<u64>,
    pub(super) messages: Vec<(u64, u64)>,
    pub(super) flips: usize,
    pub(super) invalidated: usize,
    pub(super) cycles: u64,
    /// The cycle of the last commit.
    pub(super) committed: u64,
}

/// Status, qualifier, result, length.
pub(super) type Answer = (u16, u16, Vec<u8>, u32);

impl Bench {
    pub(super) fn new() -> Self {
        let mut admin = Admin::new(&TINY);
        admin.connect_all();
        let mut ctx = Ctx::new(8);
        ctx.connect_all();
        let mut bench = Self {
            admin,
            ctx,
            command: [0; cmd::COMMAND_BYTES],
            events: VecDeque::new(),
            ready: Vec::new(),
            freed: Vec::new(),
            messages: Vec::new(),
            invalidated: 0,
            flips: 0,
            cycles: 0,
            committed: 0,
        };
        bench.admin.live.next = true;
        bench.admin.reset.next = true;
        bench.cycle();
        bench.admin.reset.next = false;
        bench
    }

    /// One clock cycle of the block and the memories.
    pub(super) fn cycle(&mut self) {
        settle(&mut self.admin);
        self.ctx.alone.next = self.admin.busy.val();
        self.ctx.adm.next = self.admin.ctx.val();
        self.ctx.asid_addr.next = self.admin.asid_addr.val();
        self.ctx.asid_data.next = self.admin.asid_data.val();
        self.ctx.asid_we.next = self.admin.asid_we.val() && self.admin.commit.val();
        if self.admin.free_push.val() && self.admin.busy.val() {
            self.freed.push(number(self.admin.free_slot.val()) as u64);
        }
        if self.admin.ready_push.val() {
            self.ready.push(number(self.admin.ready_vq.val()) as u64);
        }
        if self.admin.commit.val() {
            self.effects();
        }
        let at = 8 * number(self.admin.cmd_addr.val()) as usize;
        let word = u64::from_le_bytes(self.command[at..at + 8].try_into().expect("8 bytes"));
        crate::edge!(self.ctx);
        crate::edge!(self.admin);
        // Counters that go on in every cycle: the n-th by n.
        self.cycles += 1;
        let count = |n: u64| (n * self.cycles).into();
        self.admin.mmu_counts.next = MmuCounts {
            hits: count(1),
            misses: count(2),
            walks: count(3),
            merged: count(4),
            waits: count(5),
            faults: count(6),
        };
        self.admin.cmd_data.next = word.into();
        self.admin.dev.next = self.ctx.dev.val();
        self.admin.vq.next = self.ctx.vq.val();
        self.admin.cnt.next = self.ctx.cnt.val();
        self.admin.msi.next = self.ctx.msi.val();
        self.admin.cmsi.next = self.ctx.cmsi.val();
        self.admin.page.next = self.ctx.page.val();
        self.admin.slot.next = self.ctx.slot.val();
        self.admin.cfg.next = self.ctx.cfg.val();
        self.admin.asid.next = self.ctx.asid.val();
        settle(&mut self.admin);
    }

    pub(super) fn effects(&mut self) {
        self.committed = self.cycles;
        self.invalidated += usize::from(self.admin.inv_set.val());
        self.flips += usize::from(self.admin.msg_flip.val());
        if self.admin.msg_push.val() {
            let msg = self.admin.msg.val();
            self.messages
                .push((number(msg.address) as u64, number(msg.data) as u64));
        }
        if !self.admin.op_push.val() {
            return;
        }
        let op = self.admin.op.val();
        let va = number(op.va) as u64;
        let ev = CoreEv {
            src: SRC_COMP.into(),
            slot: op.slot,
            live: true,
            ..CoreEv::default()
        };
        assert_eq!(number(op.kind) as u64, CTL_XL);
        self.events.push_back(CoreEv {
            a: (va + 0x5000_0000).into(),
            b: 0x10_0007u64.into(),
            ..ev
        });
    }

    /// One event of `n` cycles, and the idle cycle behind it.
    pub(super) fn event(&mut self, ev: CoreEv, n: usize) {
        self.admin.ev.next = ev;
        for i in 1..=n {
            self.admin.start.next = i == 1;
            self.admin.busy.next = true;
            self.admin.commit.next = i == n;
            self.cycle();
        }
        self.admin.start.next = false;
        self.admin.busy.next = false;
        self.admin.commit.next = false;
        self.cycle();
    }

    /// Runs until the answer is there; `hook` is called before every poll.
    pub(super) fn run(&mut self, mut hook: impl FnMut(&mut Self, usize)) {
        self.admin.exec_begin.next = true;
        self.cycle();
        self.admin.exec_begin.next = false;
        settle(&mut self.admin);
        assert!(self.admin.exec.val());
        let mut polls = 0;
        for _ in 0..200_000 {
            if let Some(ev) = self.events.pop_front() {
                self.event(ev, 7);
            } else if self.admin.req.val() {
                let exec = self.admin.exec.val();
                if !exec {
                    polls += 1;
                    hook(self, polls);
                }
                let ev = CoreEv {
                    src: SRC_ADM.into(),
                    other_zero: polls > 2,
                    msg_old_zero: true,
                    live: self.admin.live.val(),
                    ..CoreEv::default()
                };
                self.event(ev, if exec { 127 } else { 7 });
            } else if self.admin.scatter.val() || self.admin.idle.val() {
                return;
            } else {
                self.cycle();
            }
        }
        panic!("the command does not come to an end");
    }

    /// Runs a command.
    pub(super) fn command(&mut self, opcode: u16, group: u16, member: u64, data: &[u8]) -> Answer {
        self.command_with(opcode, group, member, data, |_, _| {})
    }

    pub(super) fn put(&mut self, opcode: u16, group: u16, member: u64, data: &[u8]) {
        self.command = [0; cmd::COMMAND_BYTES];
        self.command[0..2].copy_from_slice(&opcode.to_le_bytes());
        self.command[2..4].copy_from_slice(&group.to_le_bytes());
        self.command[16..24].copy_from_slice(&member.to_le_bytes());
        self.command[24..24 + data.len()].copy_from_slice(data);
    }

    pub(super) fn command_with(
        &mut self,
        opcode: u16,
        group: u16,
        member: u64,
        data: &[u8],
        hook: impl FnMut(&mut Self, usize),
    ) -> Answer {
        self.put(opcode, group, member, data);
        self.run(hook);
        assert!(self.admin.scatter.val());
        let len = number(self.admin.answer_len.val()) as usize;
        let mut answer = Vec::new();
        for at in (0..len).step_by(8) {
            self.admin.ans_at.next = (at as u64).into();
            self.cycle();
            let word = number(self.admin.ans_data.val()) as u64;
            answer.extend(word.to_le_bytes());
        }
        self.admin.answer_done.next = true;
        self.cycle();
        self.admin.answer_done.next = false;
        settle(&mut self.admin);
        assert!(self.admin.idle.val());
        let half = |n: usize| u16::from_le_bytes([answer[n], answer[n + 1]]);
        (half(0), half(2), answer[8..len].to_vec(), len as u32)
    }

    pub(super) fn use_all(&mut self) {
        for (group, list) in [
            (cmd::GROUP_SELF, cmd::LIST_SELF),
            (cmd::GROUP_MANAGED, cmd::LIST_MANAGED),
        ] {
            let data: Vec<u8> = list.iter().flat_map(|w| w.to_le_bytes()).collect();
            assert_eq!(self.command(cmd::LIST_USE, group, 0, &data), DONE);
        }
    }

    pub(super) fn member(&mut self, opcode: u16, member: u64, data: &[u8]) -> Answer {
        self.command(opcode, cmd::GROUP_MANAGED, member, data)
    }

    pub(super) fn create(&mut self, member: u64, typ: u16, count: u16, base: u32) -> Answer {
        let mut data = vec![0; 96];
        data[0..2].copy_from_slice(&typ.to_le_bytes());
        data[2..4].copy_from_slice(&count.to_le_bytes());
        data[4..8].copy_from_slice(&base.to_le_bytes());
        data[8..16].copy_from_slice(&ring::COMMON_FEATURES.to_le_bytes());
        data[16] = 1;
        data[20] = 2;
        data[24] = 3;
        data[28] = member as u8;
        for n in 0..64 {
            data[32 + n] = n as u8 ^ 0x40;
        }
        self.member(cmd::DEV_CREATE, member, &data)
    }

    pub(super) fn start(&mut self, member: u64) {
        let features = ring::REQUIRED_FEATURES.to_le_bytes();
        assert_eq!(self.member(cmd::FEATURES_SET, member, &features), DONE);
        for status in [1u8, 3, 11, 15] {
            let answer = self.member(cmd::STATUS_SET, member, &[status]);
            assert_eq!(answer, (0, 0, vec![status, 0, 0, 0, 0, 0, 0, 0], 16));
        }
    }

    pub(super) fn setup(&mut self, member: u64, index: u16) -> Answer {
        let mut data = vec![0; 56];
        data[0..2].copy_from_slice(&index.to_le_bytes());
        data[2] = 64;
        data[5] = 1;
        data[6] = 9;
        data[32] = 7;
        data[36] = 5;
        data[41] = 0x70;
        data[48] = 0x33;
        self.member(cmd::VQ_SETUP, member, &data)
    }
}

pub(super) const DONE: Answer = (0, 0, Vec::new(), 8);
pub(super) const fn refused(status: u16, qualifier: u16) -> Answer {
    (status, qualifier, Vec::new(), 8)
}
