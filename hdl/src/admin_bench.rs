//! A bench for the admin queue: the real context memories, a plain host memory, and a driver that knows good manners.

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::ctx::Ctx;
use crate::ctx_types::{SRC_ADM, SRC_CTLB, SRC_CTLR, SRC_CTLX};
use crate::types::{CTL_RD, CTL_WR};
use crate::util::{number, settle};
use shoal_abi::profile::TINY;
use shoal_abi::{cmd, ring};

pub(super) const DESC: u64 = 0x1000;
pub(super) const AVAIL: u64 = 0x2000;
pub(super) const USED: u64 = 0x3000;
pub(super) const BUFFERS: u64 = 0x1_0003;
pub(super) const SIZE: u16 = 8;

/// The bench.
pub(super) struct Bench {
    pub(super) admin: Admin,
    pub(super) ctx: Ctx<5, 4, 4, 4>,
    pub(super) memory: BTreeMap<u64, u8>,
    pub(super) events: VecDeque<CoreEv>,
    pub(super) index: u16,
    pub(super) ready: Vec<u64>,
    pub(super) messages: Vec<(u64, u64)>,
    pub(super) failed: bool,
    pub(super) raised: usize,
    pub(super) invalidated: usize,
}

/// Status, qualifier, result, used length.
pub(super) type Answer = (u16, u16, Vec<u8>, u32);

impl Bench {
    pub(super) fn new() -> Self {
        let mut admin = Admin::new(&TINY);
        admin.connect_all();
        let mut ctx = Ctx::default();
        ctx.connect_all();
        let mut bench = Self {
            admin,
            ctx,
            memory: BTreeMap::new(),
            events: VecDeque::new(),
            index: 0,
            ready: Vec::new(),
            messages: Vec::new(),
            failed: false,
            raised: 0,
            invalidated: 0,
        };
        bench.admin.adm_desc.next = DESC.into();
        bench.admin.adm_driver.next = AVAIL.into();
        bench.admin.adm_device.next = USED.into();
        bench.admin.adm_size.next = u64::from(SIZE).into();
        bench.admin.live.next = true;
        bench.admin.reset.next = true;
        bench.cycle();
        bench.admin.reset.next = false;
        bench
    }

    pub(super) fn write(&mut self, at: u64, bytes: &[u8]) {
        self.memory
            .extend(bytes.iter().enumerate().map(|(n, b)| (at + n as u64, *b)));
    }

    pub(super) fn read(&self, at: u64, n: usize) -> Vec<u8> {
        (at..at + n as u64)
            .map(|a| self.memory.get(&a).copied().unwrap_or(0))
            .collect()
    }

    pub(super) fn word(&self, at: u64) -> u64 {
        u64::from_le_bytes(self.read(at, 8).try_into().expect("8 bytes"))
    }

    /// One clock cycle of the block and the memories.
    pub(super) fn cycle(&mut self) {
        settle(&mut self.admin);
        self.ctx.adm_busy.next = self.admin.busy.val();
        self.ctx.adm.next = self.admin.ctx.val();
        self.ctx.asid_addr.next = self.admin.asid_addr.val();
        self.ctx.asid_data.next = self.admin.asid_data.val();
        self.ctx.asid_we.next = self.admin.asid_we.val() && self.admin.commit.val();
        if self.admin.ready_push.val() {
            self.ready.push(number(self.admin.ready_vq.val()) as u64);
        }
        if self.admin.commit.val() {
            self.effects();
        }
        crate::edge!(self.ctx);
        crate::edge!(self.admin);
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
        self.failed |= self.admin.needs_reset_set.val();
        self.raised += usize::from(self.admin.raise_queue.val());
        self.invalidated += usize::from(self.admin.inv_set.val());
        if !self.admin.op_push.val() {
            return;
        }
        let op = self.admin.op.val();
        let va = number(op.va) as u64;
        let ev = CoreEv {
            client: op.client,
            ..CoreEv::default()
        };
        match number(op.kind) as u64 {
            CTL_RD => {
                // The words of one op come in any order.
                for word in (0..=u64::from(op.words2)).rev() {
                    let data = self.word((va & !7) + 8 * word);
                    let ev = CoreEv {
                        src: SRC_CTLR.into(),
                        word: word == 1,
                        data: data.into(),
                        ..ev
                    };
                    self.events.push_back(ev);
                }
            }
            CTL_WR => {
                let data = number(op.data) as u64;
                let len = number(op.len) as usize;
                assert!(
                    len == 8 || data >> (8 * len) == 0,
                    "bytes beyond the length"
                );
                if op.msi {
                    self.messages.push((va, data));
                } else {
                    self.write(va, &data.to_le_bytes()[..len]);
                }
                self.events.push_back(CoreEv {
                    src: SRC_CTLB.into(),
                    ..ev
                });
            }
            _ => {
                let addr = va + 0x5000_0000;
                let ev = CoreEv {
                    src: SRC_CTLX.into(),
                    addr: addr.into(),
                    user: 0x10_0007u64.into(),
                    ..ev
                };
                self.events.push_back(ev);
            }
        }
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

    /// Runs until the queue is idle; `hook` is called before every poll.
    pub(super) fn run(&mut self, mut hook: impl FnMut(&mut Self, usize)) {
        self.admin.kick.next = true;
        settle(&mut self.admin);
        let mut polls = 0;
        for _ in 0..200_000 {
            if let Some(ev) = self.events.pop_front() {
                self.event(ev, 7);
            } else if self.admin.req.val() {
                let exec = self.admin.exec.val();
                self.admin.kick.next = false;
                if !exec && !self.admin.idle.val() {
                    polls += 1;
                    hook(self, polls);
                }
                let ev = CoreEv {
                    src: SRC_ADM.into(),
                    other_zero: polls > 2,
                    ..CoreEv::default()
                };
                self.event(ev, if exec { 127 } else { 7 });
            } else if self.admin.idle.val() {
                return;
            } else {
                self.cycle();
            }
        }
        panic!("the queue does not come to rest");
    }

    pub(super) fn put(&mut self, n: u64, va: u64, len: usize, flags: u16) {
        self.write(DESC + 16 * n, &va.to_le_bytes());
        self.write(DESC + 16 * n + 8, &(len as u32).to_le_bytes());
        self.write(DESC + 16 * n + 12, &flags.to_le_bytes());
        self.write(DESC + 16 * n + 14, &(n as u16 + 1).to_le_bytes());
    }

    /// Puts a command, cut into odd pieces, and runs it.
    pub(super) fn command(&mut self, opcode: u16, group: u16, member: u64, data: &[u8]) -> Answer {
        self.command_with(opcode, group, member, data, |_, _| {})
    }

    pub(super) fn command_with(
        &mut self,
        opcode: u16,
        group: u16,
        member: u64,
        data: &[u8],
        hook: impl FnMut(&mut Self, usize),
    ) -> Answer {
        let mut command = vec![0; 24];
        command[0..2].copy_from_slice(&opcode.to_le_bytes());
        command[2..4].copy_from_slice(&group.to_le_bytes());
        command[16..24].copy_from_slice(&member.to_le_bytes());
        command.extend_from_slice(data);
        let answer_at = BUFFERS + 0x1000;
        self.write(answer_at, &[0xaa; 128]);
        self.write(BUFFERS, &command);
        self.put(0, BUFFERS, 13, ring::DESC_F_NEXT);
        self.put(1, BUFFERS + 13, command.len() - 13, ring::DESC_F_NEXT);
        self.put(2, answer_at, 0, ring::DESC_F_NEXT | ring::DESC_F_WRITE);
        self.put(3, answer_at, 5, ring::DESC_F_NEXT | ring::DESC_F_WRITE);
        self.put(4, answer_at + 5, 95, ring::DESC_F_WRITE);
        let slot = u64::from(self.index % SIZE);
        self.write(AVAIL + 4 + 2 * slot, &0u16.to_le_bytes());
        self.index += 1;
        self.write(AVAIL + 2, &self.index.to_le_bytes());
        let raised = self.raised;
        self.run(hook);
        assert!(!self.failed);
        assert_eq!(self.raised, raised + 1);
        assert_eq!(self.read(USED + 2, 2), self.index.to_le_bytes());
        let elem = self.word(USED + 4 + 8 * slot);
        assert_eq!(elem as u32, 0);
        let len = (elem >> 32) as u32;
        let answer = self.read(answer_at, 128);
        assert!(
            answer[len as usize..].iter().all(|b| *b == 0xaa),
            "written beyond the used length"
        );
        let half = |n: usize| u16::from_le_bytes([answer[n], answer[n + 1]]);
        (half(0), half(2), answer[8..len as usize].to_vec(), len)
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
