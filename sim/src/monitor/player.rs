//! A driver and a device played by hand, beat by beat, for the tests of the memory monitor.
//!
//! Member 1 has one queue with its rings and buffers in ASID 1: Sv39, IOVA 0x0..0x10000 at physical 0x80000, page 0xf read-only.

use std::collections::HashMap;

use shoal_abi::cmd;
use shoal_abi::mmu::{
    MODE_SV39, PTE_A, PTE_D, PTE_R, PTE_V, PTE_W, USER_INTERRUPT, USER_PASID_VALID,
};
use shoal_abi::profile::TINY;
use shoal_abi::regs::{
    Reg, QUEUE_DESC_LO, QUEUE_DEVICE_LO, QUEUE_DRIVER_LO, QUEUE_ENABLE_NOTIFY_OFF,
};
use shoal_abi::ring::{DESC_F_NEXT, DESC_F_WRITE, F_EVENT_IDX, S_ACKNOWLEDGE};

use crate::monitor::dma::Memory;
use crate::monitor::testing::Trace;
use crate::monitor::{Monitor, Violation};

const ADMIN_DESC: u64 = 0x1_0000;
const ADMIN_AVAIL: u64 = 0x1_1000;
const ADMIN_USED: u64 = 0x1_2000;
const ADMIN_COMMAND: u64 = 0x1_3000;
const ADMIN_ANSWER: u64 = 0x1_3100;
const ROOT: u64 = 0x2_0000;
const PTE: u64 = PTE_V | PTE_R | PTE_W | PTE_A | PTE_D;

/// Physical address of IOVA 0 of ASID 1.
pub(super) const RAM: u64 = 0x8_0000;
pub(super) const DESC: u64 = 0x1000;
pub(super) const AVAIL: u64 = 0x2000;
pub(super) const USED: u64 = 0x3000;
pub(super) const BUFFER: u64 = 0x4000;
/// The queue's message.
pub(super) const MESSAGE: (u64, u32) = (0xfee0_0000, 0x41);
/// A status with DRIVER_OK.
pub(super) const LIVE: u8 = 0xf;

pub(super) struct Player {
    monitor: Memory,
    cycle: u64,
    pub(super) result: Result<(), Violation>,
    mem: HashMap<u64, u8>,
    id: u16,
    admin_idx: u16,
    /// User bits of the member's accesses.
    pub(super) user: u32,
    /// Next index of the queue.
    pub(super) idx: u16,
}

impl Player {
    /// A device out of reset with the admin queue enabled and ASID 1 bound.
    pub(super) fn new() -> Self {
        let mut p = Self {
            monitor: Memory::new(&TINY),
            cycle: 0,
            result: Ok(()),
            mem: HashMap::new(),
            id: 0,
            admin_idx: 0,
            user: 0,
            idx: 0,
        };
        p.tick(|i, _| i.reset = true);
        p.reg(QUEUE_DESC_LO, ADMIN_DESC as u32);
        p.reg(QUEUE_DRIVER_LO, ADMIN_AVAIL as u32);
        p.reg(QUEUE_DEVICE_LO, ADMIN_USED as u32);
        p.reg(QUEUE_ENABLE_NOTIFY_OFF, 1);
        p.put(ROOT, &(PTE_V | 0x21 << 10).to_le_bytes());
        p.put(0x2_1000, &(PTE_V | 0x22 << 10).to_le_bytes());
        for page in 0..16u64 {
            let rights = if page == 15 { PTE & !PTE_W } else { PTE };
            p.put(
                0x2_2000 + 8 * page,
                &(rights | (RAM / 4096 + page) << 10).to_le_bytes(),
            );
        }
        p
    }

    /// A cycle.
    pub(super) fn tick(
        &mut self,
        f: impl FnOnce(&mut shoal_abi::ports::Inputs, &mut shoal_abi::ports::Outputs),
    ) {
        let (mut i, mut o) = Trace::idle();
        f(&mut i, &mut o);
        let answer = self.monitor.check(self.cycle, &i, &o);
        self.cycle += 1;
        if self.result.is_ok() {
            self.result = answer;
        }
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, cycles: u64) {
        self.cycle += cycles;
    }

    /// The rule broken so far.
    pub(super) fn rule(&self) -> (&'static str, &'static str) {
        self.result
            .as_ref()
            .err()
            .map_or(("none", "none"), |v| (v.monitor, v.rule))
    }

    /// The driver writes a register.
    pub(super) fn reg(&mut self, reg: Reg, data: u32) {
        self.tick(|i, o| {
            (i.s_axil_awvalid, o.s_axil_awready, i.s_axil_awaddr) = (true, true, reg.offset);
            (
                i.s_axil_wvalid,
                o.s_axil_wready,
                i.s_axil_wdata,
                i.s_axil_wstrb,
            ) = (true, true, data, 0xf);
        });
    }

    /// The driver reads a register and gets `data`.
    pub(super) fn reg_read(&mut self, reg: Reg, data: u32) {
        self.tick(|i, o| {
            (i.s_axil_arvalid, o.s_axil_arready, i.s_axil_araddr) = (true, true, reg.offset)
        });
        self.tick(|i, o| (o.s_axil_rvalid, i.s_axil_rready, o.s_axil_rdata) = (true, true, data));
    }

    /// The driver writes memory.
    pub(super) fn put(&mut self, addr: u64, bytes: &[u8]) {
        for (n, b) in bytes.iter().enumerate() {
            self.mem.insert(addr + n as u64, *b);
        }
    }

    /// The device asks for the word at `addr`; gives the ID.
    pub(super) fn ask(&mut self, user: u32, addr: u64) -> u16 {
        self.id = (self.id + 1) % 64;
        let id = self.id;
        self.tick(|i, o| {
            (i.m_axi_arready, o.m_axi_arvalid) = (true, true);
            (o.m_axi_arid, o.m_axi_araddr, o.m_axi_aruser, o.m_axi_arsize) =
                (id, addr & !7, user, 3);
        });
        id
    }

    /// The host answers the read `id` of the word at `addr`.
    pub(super) fn answer(&mut self, id: u16, addr: u64, resp: u8) {
        let at = addr & !7;
        let byte = |n| u64::from(self.mem.get(&(at + n)).copied().unwrap_or(0)) << (8 * n);
        let word = (0..8).map(byte).fold(0, |a, b| a | b);
        self.tick(|i, _| {
            (i.m_axi_rvalid, i.m_axi_rlast, i.m_axi_rid, i.m_axi_rresp) = (true, true, id, resp);
            i.m_axi_rdata[0] = word;
        });
    }

    /// The device reads the word at `addr`.
    pub(super) fn read(&mut self, user: u32, addr: u64) {
        let id = self.ask(user, addr);
        self.answer(id, addr, 0);
    }

    /// The device writes `bytes`, at most to the end of the next word, and has no response yet; gives the ID.
    pub(super) fn send(&mut self, user: u32, addr: u64, bytes: &[u8]) -> u16 {
        self.put(addr, bytes);
        self.id = (self.id + 1) % 64;
        let id = self.id;
        let lane = (addr % 8) as usize;
        let beats = (lane + bytes.len()).div_ceil(8);
        for beat in 0..beats {
            self.tick(|i, o| {
                (i.m_axi_awready, o.m_axi_awvalid) = (true, beat == 0);
                (o.m_axi_awid, o.m_axi_awaddr, o.m_axi_awuser) = (id, addr & !7, user);
                (o.m_axi_awsize, o.m_axi_awlen) = (3, beats as u8 - 1);
                (i.m_axi_wready, o.m_axi_wvalid, o.m_axi_wlast) = (true, true, beat + 1 == beats);
                for (n, b) in bytes
                    .iter()
                    .enumerate()
                    .filter(|(n, _)| (lane + n) / 8 == beat)
                {
                    o.m_axi_wstrb |= 1 << ((lane + n) % 8);
                    o.m_axi_wdata[0] |= u64::from(*b) << (8 * ((lane + n) % 8));
                }
            });
        }
        id
    }

    /// The host answers the write `id`.
    pub(super) fn done(&mut self, id: u16, resp: u8) {
        self.tick(|i, _| (i.m_axi_bvalid, i.m_axi_bid, i.m_axi_bresp) = (true, id, resp));
    }

    /// The device writes `bytes` and waits for the response.
    pub(super) fn write(&mut self, user: u32, addr: u64, bytes: &[u8]) {
        let id = self.send(user, addr, bytes);
        self.done(id, 0);
    }

    /// A whole admin command; `during` happens while the device executes it.
    pub(super) fn command(
        &mut self,
        opcode: u16,
        member: u64,
        data: &[u8],
        status: u16,
        result: &[u8],
        during: impl FnOnce(&mut Self),
    ) {
        let c = cmd::COMMANDS
            .iter()
            .find(|c| c.opcode == opcode)
            .expect("a known opcode");
        let group = if c.member {
            cmd::GROUP_MANAGED
        } else {
            cmd::GROUP_SELF
        };
        let mut bytes = [0; cmd::COMMAND_BYTES];
        bytes[0..2].copy_from_slice(&opcode.to_le_bytes());
        bytes[2..4].copy_from_slice(&group.to_le_bytes());
        bytes[16..24].copy_from_slice(&member.to_le_bytes());
        bytes[24..24 + data.len()].copy_from_slice(data);
        self.put(ADMIN_COMMAND, &bytes);
        self.put(ADMIN_DESC, &desc(ADMIN_COMMAND, 128, DESC_F_NEXT, 1));
        self.put(ADMIN_DESC + 16, &desc(ADMIN_ANSWER, 80, DESC_F_WRITE, 0));
        let slot = u64::from(self.admin_idx % cmd_queue());
        self.put(ADMIN_AVAIL + 4 + 2 * slot, &0u16.to_le_bytes());
        self.admin_idx += 1;
        let idx = self.admin_idx;
        self.put(ADMIN_AVAIL + 2, &idx.to_le_bytes());
        // The device.
        self.read(0, ADMIN_AVAIL);
        self.read(0, ADMIN_AVAIL + 4 + 2 * slot);
        for word in 0..2 {
            self.read(0, ADMIN_DESC + 8 * word);
        }
        for word in 0..16 {
            self.read(0, ADMIN_COMMAND + 8 * word);
        }
        for word in 2..4 {
            self.read(0, ADMIN_DESC + 8 * word);
        }
        during(self);
        let mut answer = [0; 8].to_vec();
        answer[0..2].copy_from_slice(&status.to_le_bytes());
        answer.extend_from_slice(result);
        for (n, piece) in answer.chunks(8).enumerate() {
            self.write(0, ADMIN_ANSWER + 8 * n as u64, piece);
        }
        let used = element(0, answer.len() as u32);
        self.write(0, ADMIN_USED + 4 + 8 * slot, &used);
        self.write(0, ADMIN_USED + 2, &idx.to_le_bytes());
    }

    /// A command with status OK and nothing special.
    pub(super) fn ok(&mut self, opcode: u16, member: u64, data: &[u8]) {
        self.command(opcode, member, data, cmd::OK, &[], |_| ());
    }

    /// Binds ASID 1 to the tables, with a PASID if not 0.
    pub(super) fn bind(&mut self, pasid: u32) {
        self.user = if pasid == 0 {
            0
        } else {
            USER_PASID_VALID | pasid
        };
        let flags = u32::from(MODE_SV39) | if pasid == 0 { 0 } else { cmd::ASID_PASID_VALID };
        let mut d = [1, flags, pasid, 0].map(u32::to_le_bytes).concat();
        d.extend(ROOT.to_le_bytes());
        self.ok(cmd::ASID_SET, 0, &d);
    }

    /// Creates member 1 and sets its queue 0 up; EVENT_IDX if asked for.
    pub(super) fn create(&mut self, event_idx: bool) {
        let mut d = [0; 96];
        (d[0], d[2]) = (1, 2);
        (d[16], d[20], d[24]) = (1, 1, 1);
        self.ok(cmd::DEV_CREATE, 1, &d);
        let features = u64::from(event_idx) << F_EVENT_IDX;
        self.ok(cmd::FEATURES_SET, 1, &features.to_le_bytes());
        self.setup();
    }

    /// VQ_SETUP of queue 0.
    pub(super) fn setup(&mut self) {
        self.ok(cmd::VQ_SETUP, 1, &setup_data());
    }

    /// Queues that the monitor has let go.
    pub(super) fn blurred(&self) -> usize {
        self.monitor.blurred_queues()
    }

    /// STATUS_SET.
    pub(super) fn status(&mut self, status: u8) {
        self.command(
            cmd::STATUS_SET,
            1,
            &[status],
            cmd::OK,
            &[status, 0, 0, 0, 0, 0, 0, 0],
            |_| (),
        );
    }

    /// MSI_SET of queue 0.
    pub(super) fn msi_set(&mut self, index: u16, ctrl: u32, during: impl FnOnce(&mut Self)) {
        let mut d = [0; 24];
        d[0..2].copy_from_slice(&index.to_le_bytes());
        d[4..8].copy_from_slice(&ctrl.to_le_bytes());
        d[8..16].copy_from_slice(&MESSAGE.0.to_le_bytes());
        d[16..20].copy_from_slice(&MESSAGE.1.to_le_bytes());
        self.command(cmd::MSI_SET, 1, &d, cmd::OK, &[], during);
    }

    /// The device walks the page tables for the page of `iova`.
    pub(super) fn walk(&mut self, iova: u64) {
        self.read(0, ROOT);
        self.read(0, 0x2_1000);
        self.read(0, 0x2_2000 + 8 * (iova >> 12));
    }

    /// Bound, created and running, every page walked but 0xe.
    pub(super) fn running(event_idx: bool) -> Self {
        let mut p = Self::new();
        p.bind(0);
        p.create(event_idx);
        p.status(S_ACKNOWLEDGE);
        p.status(LIVE);
        for page in (0..14).chain([15]) {
            p.walk(page << 12);
        }
        p
    }

    /// The driver makes one chain available: a writable buffer of 64 bytes at `iova`, or a readable one.
    pub(super) fn post(&mut self, iova: u64, flags: u16) {
        let slot = u64::from(self.idx % 4);
        self.put(RAM + DESC + 16 * slot, &desc(iova, 64, flags, 0));
        self.put(RAM + AVAIL + 4 + 2 * slot, &(slot as u16).to_le_bytes());
        self.put(RAM + AVAIL + 2, &(self.idx + 1).to_le_bytes());
    }

    /// The device reads all of the chain.
    pub(super) fn fetch(&mut self) {
        let (user, slot) = (self.user, u64::from(self.idx % 4));
        self.read(user, RAM + AVAIL);
        self.read(user, RAM + AVAIL + 4 + 2 * slot);
        self.read(user, RAM + DESC + 16 * slot);
        self.read(user, RAM + DESC + 16 * slot + 8);
    }

    /// The device writes the used element and then the used index.
    pub(super) fn used(&mut self, len: u32) {
        self.write(self.user, self.element_at(), &element(self.idx % 4, len));
        self.index();
    }

    /// Where the next used element goes.
    pub(super) fn element_at(&self) -> u64 {
        RAM + USED + 4 + 8 * u64::from(self.idx % 4)
    }

    /// The device writes the used index.
    pub(super) fn index(&mut self) {
        self.idx += 1;
        self.write(self.user, RAM + USED + 2, &self.idx.to_le_bytes());
    }

    /// A message.
    pub(super) fn message(&mut self) {
        self.write(USER_INTERRUPT, MESSAGE.0, &MESSAGE.1.to_le_bytes());
    }

    /// A chain from posting to the message.
    pub(super) fn chain(&mut self) {
        self.post(BUFFER, DESC_F_WRITE);
        self.fetch();
        self.write(self.user, RAM + BUFFER, &[1; 8]);
        self.write(self.user, RAM + BUFFER + 8, &[1; 4]);
        self.used(12);
        self.read(self.user, RAM + AVAIL);
        self.message();
    }
}

fn cmd_queue() -> u16 {
    shoal_abi::regs::ADMIN_QUEUE_SIZE
}

/// The data of VQ_SETUP of queue 0.
pub(super) fn setup_data() -> [u8; 56] {
    let mut d = [0; 56];
    (d[2], d[5]) = (4, 1);
    for (at, v) in [(8, DESC), (16, AVAIL), (24, USED), (40, MESSAGE.0)] {
        d[at..at + 8].copy_from_slice(&v.to_le_bytes());
    }
    d[36] = cmd::MSI_VALID as u8;
    d[48..52].copy_from_slice(&MESSAGE.1.to_le_bytes());
    d
}

/// A descriptor.
pub(super) fn desc(addr: u64, len: u32, flags: u16, next: u16) -> Vec<u8> {
    let mut d = addr.to_le_bytes().to_vec();
    d.extend(len.to_le_bytes());
    d.extend(flags.to_le_bytes());
    d.extend(next.to_le_bytes());
    d
}

/// A used element.
pub(super) fn element(id: u16, len: u32) -> [u8; 8] {
    (u64::from(id) | u64::from(len) << 32).to_le_bytes()
}

/// What [`Player::rule`] gives while nothing is broken.
pub(super) const NONE: (&str, &str) = ("none", "none");

/// A running device that does `f`; the rule it breaks, as (monitor, rule).
pub(super) fn after(f: impl FnOnce(&mut Player)) -> (&'static str, &'static str) {
    let mut p = Player::running(false);
    assert_eq!(p.result, Ok(()), "the running device is legal");
    f(&mut p);
    p.rule()
}

/// A chain with 8 bytes written, about to be used.
pub(super) fn delivered(p: &mut Player) {
    p.post(BUFFER, DESC_F_WRITE);
    p.fetch();
    p.write(0, RAM + BUFFER, &[1; 8]);
}
