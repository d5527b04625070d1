//! A small host for the tests of the model: memory behind the AXI master, BAR accesses, an admin queue.
#![allow(dead_code)]

use shoal_abi::cmd::{self, HEADER_BYTES, RESULT_HEADER_BYTES};
use shoal_abi::ports::{Data, Inputs, Outputs};
use shoal_abi::profile::{Profile, DATA_WORDS};
use shoal_abi::regs;
use shoal_abi::ring::*;
use shoal_model::Device;
use std::collections::{HashMap, VecDeque};

/// Where the admin queue's rings and buffers stand.
pub const ADMIN: u64 = 0x10_0000;
const COMMAND: u64 = ADMIN + 0x4000;
const ANSWER: u64 = ADMIN + 0x5004;
const QSIZE: u16 = 8;
/// Bytes of the widest data bus.
const BEAT: usize = DATA_WORDS * 8;

/// The port value of `bytes`.
fn words(bytes: &[u8; BEAT]) -> Data {
    std::array::from_fn(|w| (0..8).fold(0, |n, k| n | u64::from(bytes[8 * w + k]) << (8 * k)))
}

/// A packet on `m_axis`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    pub bytes: Vec<u8>,
    pub dest: u32,
    pub tid: u16,
    pub user: u64,
}

struct Read {
    id: u16,
    addr: u64,
    beats: u32,
    size: u32,
    due: u64,
}

struct Write {
    id: u16,
    addr: u64,
    beats: u32,
    size: u32,
    user: u32,
}

pub struct Host {
    pub dev: Device,
    pub p: &'static Profile,
    pub cycle: u64,
    pub mem: HashMap<u64, Box<[u8; 4096]>>,
    /// Reads of these pages answer SLVERR.
    pub bad: Vec<u64>,
    reads: Vec<Read>,
    addresses: VecDeque<Write>,
    data: VecDeque<(Data, u64, bool)>,
    responses: Vec<(u64, u16, u8)>,
    /// Interrupt messages: address, data.
    pub messages: Vec<(u64, u32)>,
    pub packets: Vec<Packet>,
    packet: Packet,
    /// Beats for `s_axis`.
    pub feed: VecDeque<Inputs>,
    pub inputs: Inputs,
    pub last: Outputs,
    /// The inputs of every step, if wanted.
    pub trace: Option<Vec<Inputs>>,
    seed: u32,
    last_avail: u16,
}

impl Host {
    pub fn new(p: &'static Profile, seed: u32) -> Self {
        Self {
            dev: Device::new(p),
            p,
            cycle: 0,
            mem: HashMap::new(),
            bad: Vec::new(),
            reads: Vec::new(),
            addresses: VecDeque::new(),
            data: VecDeque::new(),
            responses: Vec::new(),
            messages: Vec::new(),
            packets: Vec::new(),
            packet: Packet::default(),
            feed: VecDeque::new(),
            inputs: Inputs::default(),
            last: Outputs::default(),
            trace: None,
            seed,
            last_avail: 0,
        }
    }

    pub fn rand(&mut self) -> u32 {
        self.seed = self
            .seed
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        self.seed >> 8
    }

    pub fn byte(&self, a: u64) -> u8 {
        self.mem
            .get(&(a >> 12))
            .map_or(0, |p| p[(a & 4095) as usize])
    }

    pub fn poke(&mut self, a: u64, bytes: &[u8]) {
        for (k, b) in bytes.iter().enumerate() {
            let a = a + k as u64;
            self.mem
                .entry(a >> 12)
                .or_insert_with(|| Box::new([0; 4096]))[(a & 4095) as usize] = *b;
        }
    }

    pub fn peek(&self, a: u64, n: usize) -> Vec<u8> {
        (0..n).map(|k| self.byte(a + k as u64)).collect()
    }

    pub fn peek16(&self, a: u64) -> u16 {
        u16::from_le_bytes([self.byte(a), self.byte(a + 1)])
    }

    pub fn peek64(&self, a: u64) -> u64 {
        self.peek(a, 8)
            .iter()
            .rev()
            .fold(0, |v, b| v << 8 | u64::from(*b))
    }

    /// One clock cycle with the bus answered.
    pub fn step(&mut self) {
        let o = self.dev.outputs();
        let mut i = self.inputs;
        let b = self.p.beat_bytes() as u64;
        let r = self.rand();
        (i.m_axi_arready, i.m_axi_awready, i.m_axi_wready) = (r & 3 != 0, r & 12 != 0, r & 48 != 0);
        i.m_axis_tready = r & 192 != 0;
        self.read_data(&mut i, b);
        self.responses.sort_by_key(|x| x.0);
        if self.responses.first().is_some_and(|x| x.0 <= self.cycle) && o.m_axi_bready {
            let (_, id, resp) = self.responses.remove(0);
            (i.m_axi_bvalid, i.m_axi_bid, i.m_axi_bresp) = (true, id, resp);
        }
        if let Some(f) = self.feed.front() {
            i.s_axis_tvalid = true;
            (i.s_axis_tdata, i.s_axis_tkeep, i.s_axis_tlast) =
                (f.s_axis_tdata, f.s_axis_tkeep, f.s_axis_tlast);
            (i.s_axis_tdest, i.s_axis_tid, i.s_axis_tuser) =
                (f.s_axis_tdest, f.s_axis_tid, f.s_axis_tuser);
            if o.s_axis_tready {
                self.feed.pop_front();
            }
        }
        self.take(&o, &i);
        self.dev.tick(&i);
        if let Some(t) = &mut self.trace {
            t.push(i);
        }
        self.cycle += 1;
        self.last = o;
    }

    fn read_data(&mut self, i: &mut Inputs, b: u64) {
        // The oldest read of some ID that is due.
        let now = self.cycle;
        let due = |r: &Read| r.due <= now;
        let Some(k) = self.reads.iter().position(due) else {
            return;
        };
        let id = self.reads[k].id;
        let k = self.reads.iter().position(|r| r.id == id).unwrap_or(k);
        let r = &mut self.reads[k];
        let mut data = [0u8; BEAT];
        let base = r.addr / b * b;
        for n in 0..b {
            data[n as usize] = self
                .mem
                .get(&((base + n) >> 12))
                .map_or(0, |p| p[((base + n) & 4095) as usize]);
        }
        i.m_axi_rvalid = true;
        i.m_axi_rid = r.id;
        i.m_axi_rdata = words(&data);
        i.m_axi_rresp = if self.bad.contains(&(base >> 12)) {
            regs::RESP_SLVERR
        } else {
            regs::RESP_OKAY
        };
        r.beats -= 1;
        i.m_axi_rlast = r.beats == 0;
        r.addr = (r.addr >> r.size << r.size) + (1 << r.size);
        if r.beats == 0 {
            self.reads.remove(k);
        }
    }

    fn take(&mut self, o: &Outputs, i: &Inputs) {
        if o.m_axi_arvalid && i.m_axi_arready {
            let due = self.cycle + 3 + u64::from(self.rand() % 40);
            self.reads.push(Read {
                id: o.m_axi_arid,
                addr: o.m_axi_araddr,
                beats: u32::from(o.m_axi_arlen) + 1,
                size: u32::from(o.m_axi_arsize),
                due,
            });
        }
        if o.m_axi_awvalid && i.m_axi_awready {
            self.addresses.push_back(Write {
                id: o.m_axi_awid,
                addr: o.m_axi_awaddr,
                beats: u32::from(o.m_axi_awlen) + 1,
                size: u32::from(o.m_axi_awsize),
                user: o.m_axi_awuser,
            });
        }
        if o.m_axi_wvalid && i.m_axi_wready {
            self.data
                .push_back((o.m_axi_wdata, o.m_axi_wstrb, o.m_axi_wlast));
        }
        while !self.data.is_empty() && !self.addresses.is_empty() {
            self.store();
        }
        if o.m_axis_tvalid && i.m_axis_tready {
            for k in 0..self.p.beat_bytes() {
                if o.m_axis_tkeep >> k & 1 == 1 {
                    self.packet
                        .bytes
                        .push((o.m_axis_tdata[k / 8] >> (8 * (k % 8))) as u8);
                }
            }
            if o.m_axis_tlast {
                (self.packet.dest, self.packet.tid, self.packet.user) =
                    (o.m_axis_tdest, o.m_axis_tid, o.m_axis_tuser);
                self.packets.push(std::mem::take(&mut self.packet));
            }
        }
    }

    fn store(&mut self) {
        let b = self.p.beat_bytes() as u64;
        let (data, strb, last) = self.data.pop_front().expect("checked");
        let w = self.addresses.front_mut().expect("checked");
        let base = w.addr / b * b;
        w.addr = (w.addr >> w.size << w.size) + (1 << w.size);
        w.beats -= 1;
        assert_eq!(last, w.beats == 0, "wlast");
        let message = w.user >> 21 & 1 == 1;
        for k in 0..b {
            if strb >> k & 1 == 1 {
                let byte = (data[(k / 8) as usize] >> (8 * (k % 8))) as u8;
                self.poke(base + k, &[byte]);
            }
        }
        if last {
            let w = self.addresses.pop_front().expect("checked");
            if message {
                let at = base + u64::from(strb.trailing_zeros());
                let d: [u8; 4] = self.peek(at, 4).try_into().expect("4 bytes");
                self.messages.push((at, u32::from_le_bytes(d)));
            }
            let due = self.cycle + 2 + u64::from(self.rand() % 30);
            let due = self
                .responses
                .iter()
                .filter(|x| x.1 == w.id)
                .map(|x| x.0)
                .fold(due, u64::max);
            let resp = if self.bad.contains(&(base >> 12)) {
                regs::RESP_DECERR
            } else {
                regs::RESP_OKAY
            };
            self.responses.push((due, w.id, resp));
        }
    }

    pub fn run(&mut self, cycles: u64) {
        for _ in 0..cycles {
            self.step();
        }
    }

    /// Steps until `done`; panics after `limit` cycles.
    pub fn until(&mut self, what: &str, limit: u64, mut done: impl FnMut(&mut Self) -> bool) {
        for _ in 0..limit {
            if done(self) {
                return;
            }
            self.step();
        }
        panic!("no {what} after {limit} cycles");
    }

    pub fn bar_write(&mut self, addr: u32, value: u32) {
        let i = &mut self.inputs;
        (i.s_axil_awaddr, i.s_axil_awvalid) = (addr, true);
        (i.s_axil_wdata, i.s_axil_wstrb, i.s_axil_wvalid) = (value, 15, true);
        i.s_axil_bready = true;
        self.until("write accepted", 1000, |h| {
            let o = h.dev.outputs();
            o.s_axil_awready && o.s_axil_wready
        });
        self.step();
        (self.inputs.s_axil_awvalid, self.inputs.s_axil_wvalid) = (false, false);
        self.until("write response", 1000, |h| h.dev.outputs().s_axil_bvalid);
        assert_eq!(
            self.dev.outputs().s_axil_bresp,
            regs::RESP_OKAY,
            "write {addr:#x}"
        );
        self.step();
        self.inputs.s_axil_bready = false;
    }

    pub fn bar_read(&mut self, addr: u32) -> u32 {
        (self.inputs.s_axil_araddr, self.inputs.s_axil_arvalid) = (addr, true);
        self.until("read accepted", 1000, |h| h.dev.outputs().s_axil_arready);
        self.step();
        self.inputs.s_axil_arvalid = false;
        self.until("read data", 1000, |h| h.dev.outputs().s_axil_rvalid);
        let v = self.dev.outputs().s_axil_rdata;
        self.inputs.s_axil_rready = true;
        self.step();
        self.inputs.s_axil_rready = false;
        v
    }

    /// Reset, READY, admin queue live, all opcodes in use.
    pub fn start(&mut self) {
        self.inputs.reset = true;
        self.step();
        self.inputs.reset = false;
        while self.bar_read(regs::READY.offset) == 0 {}
        self.bring_up();
    }

    pub fn bring_up(&mut self) {
        self.last_avail = 0;
        self.poke(ADMIN, &[0; 0x3000]);
        self.bar_write(regs::DRIVER_FEATURE_SELECT.offset, 1);
        self.bar_write(
            regs::DRIVER_FEATURE.offset,
            (regs::MGMT_FEATURES >> 32) as u32,
        );
        self.bar_write(regs::DRIVER_FEATURE_SELECT.offset, 0);
        self.bar_write(regs::DRIVER_FEATURE.offset, regs::MGMT_FEATURES as u32);
        self.bar_write(
            regs::STATUS_QUEUE_SELECT.offset,
            u32::from(S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK),
        );
        assert_eq!(self.bar_read(regs::STATUS_QUEUE_SELECT.offset), 11);
        self.bar_write(regs::QUEUE_SIZE_VECTOR.offset, u32::from(QSIZE) | 1 << 16);
        self.bar_write(regs::QUEUE_DESC_LO.offset, ADMIN as u32);
        self.bar_write(regs::QUEUE_DRIVER_LO.offset, ADMIN as u32 + 0x1000);
        self.bar_write(regs::QUEUE_DEVICE_LO.offset, ADMIN as u32 + 0x2000);
        self.bar_write(regs::QUEUE_ENABLE_NOTIFY_OFF.offset, 1);
        self.bar_write(
            regs::STATUS_QUEUE_SELECT.offset,
            u32::from(S_DRIVER_OK | 11),
        );
        for (group, list) in [
            (cmd::GROUP_SELF, cmd::LIST_SELF),
            (cmd::GROUP_MANAGED, cmd::LIST_MANAGED),
        ] {
            let data = list.map(u64::to_le_bytes).concat();
            assert_eq!(self.raw(cmd::LIST_USE, group, 0, &data).0, cmd::OK);
        }
    }

    /// A command; status, qualifier, result.
    pub fn raw(
        &mut self,
        opcode: u16,
        group: u16,
        member: u64,
        data: &[u8],
    ) -> (u16, u16, Vec<u8>) {
        let mut c = vec![0; HEADER_BYTES];
        c[..2].copy_from_slice(&opcode.to_le_bytes());
        c[2..4].copy_from_slice(&group.to_le_bytes());
        c[16..24].copy_from_slice(&member.to_le_bytes());
        c.extend_from_slice(data);
        // Cut at a random place, to an odd address.
        let cut = self.rand() as usize % c.len();
        self.poke(COMMAND + 3, &c[..cut]);
        self.poke(COMMAND + 0x805, &c[cut..]);
        self.poke(ANSWER, &[0xee; 256]);
        let k = 1 + self.rand() % 40;
        let parts = [
            (COMMAND + 3, cut as u32, DESC_F_NEXT),
            (COMMAND + 0x805, (c.len() - cut) as u32, DESC_F_NEXT),
            (ANSWER, k, DESC_F_NEXT | DESC_F_WRITE),
            (ANSWER + u64::from(k), 200 - k, DESC_F_WRITE),
        ];
        for (n, (addr, len, flags)) in parts.iter().enumerate() {
            let at = ADMIN + 16 * n as u64;
            self.poke(at, &addr.to_le_bytes());
            self.poke(at + 8, &len.to_le_bytes());
            self.poke(at + 12, &flags.to_le_bytes());
            self.poke(at + 14, &(n as u16 + 1).to_le_bytes());
        }
        let slot = u64::from(self.last_avail % QSIZE);
        self.poke(ADMIN + 0x1004 + 2 * slot, &[0, 0]);
        self.last_avail = self.last_avail.wrapping_add(1);
        self.poke(ADMIN + 0x1002, &self.last_avail.to_le_bytes());
        self.bar_write(regs::NOTIFY.offset, 0);
        let want = self.last_avail;
        self.until("used command", 400_000, |h| {
            h.peek16(ADMIN + 0x2002) == want
        });
        let used = self.peek64(ADMIN + 0x2004 + 8 * slot);
        let len = (used >> 32) as usize;
        let a = self.peek(ANSWER, 256);
        assert!(len >= RESULT_HEADER_BYTES);
        assert!(
            a[len..].iter().all(|b| *b == 0xee),
            "bytes behind the answer of {opcode:#x}: {len} {a:x?}"
        );
        let status = u16::from_le_bytes([a[0], a[1]]);
        (
            status,
            u16::from_le_bytes([a[2], a[3]]),
            a[RESULT_HEADER_BYTES..len].to_vec(),
        )
    }

    /// A command with fields by name; asserts that it is done. Gives the result.
    pub fn cmd(&mut self, opcode: u16, member: u64, args: &[(&str, u64)]) -> Vec<u8> {
        let (status, qualifier, result) = self.try_cmd(opcode, member, args);
        assert_eq!(
            (status, qualifier),
            (cmd::OK, cmd::Q_OK),
            "opcode {opcode:#x}"
        );
        result
    }

    pub fn try_cmd(
        &mut self,
        opcode: u16,
        member: u64,
        args: &[(&str, u64)],
    ) -> (u16, u16, Vec<u8>) {
        let c = cmd::COMMANDS
            .iter()
            .find(|c| c.opcode == opcode)
            .expect("a command");
        let mut data = vec![0; c.data.last().map_or(0, |f| f.offset + f.bytes)];
        for (name, value) in args {
            let f = c.data.iter().find(|f| f.name == *name).expect("a field");
            let n = f.bytes.min(8);
            data[f.offset..f.offset + n].copy_from_slice(&value.to_le_bytes()[..n]);
        }
        let group = if c.member {
            cmd::GROUP_MANAGED
        } else {
            cmd::GROUP_SELF
        };
        self.raw(opcode, group, member, &data)
    }

    /// Feeds a packet to `s_axis`.
    pub fn send(&mut self, bytes: &[u8], dest: u32, tid: u16, user: u64) {
        let b = self.p.beat_bytes();
        let beats = bytes.len().div_ceil(b).max(1);
        for k in 0..beats {
            let part = &bytes[(k * b).min(bytes.len())..((k + 1) * b).min(bytes.len())];
            let mut data = [0u8; BEAT];
            data[..part.len()].copy_from_slice(part);
            self.feed.push_back(Inputs {
                s_axis_tdata: words(&data),
                s_axis_tkeep: u64::MAX.checked_shr(64 - part.len() as u32).unwrap_or(0),
                s_axis_tlast: k + 1 == beats,
                s_axis_tdest: dest,
                s_axis_tid: tid,
                s_axis_tuser: user,
                ..Inputs::default()
            });
        }
    }
}

/// A split ring of a managed device, at identity-mapped addresses.
pub struct Ring {
    pub at: u64,
    pub size: u16,
    pub avail: u16,
}

impl Ring {
    pub fn desc(&self) -> u64 {
        self.at
    }
    pub fn driver(&self) -> u64 {
        self.at + 0x4000 + 2
    }
    pub fn device(&self) -> u64 {
        self.at + 0x6000 + 4
    }

    /// Makes a chain from descriptor `head` on available: {address, length, writable}.
    pub fn offer(&mut self, h: &mut Host, head: u16, parts: &[(u64, u32, bool)]) {
        for (k, (addr, len, write)) in parts.iter().enumerate() {
            let at = self.desc() + 16 * u64::from(head + k as u16);
            let next = if k + 1 < parts.len() { DESC_F_NEXT } else { 0 };
            let flags = next | if *write { DESC_F_WRITE } else { 0 };
            h.poke(at, &addr.to_le_bytes());
            h.poke(at + 8, &len.to_le_bytes());
            h.poke(at + 12, &flags.to_le_bytes());
            h.poke(at + 14, &(head + k as u16 + 1).to_le_bytes());
        }
        self.publish(h, head);
    }

    pub fn publish(&mut self, h: &mut Host, head: u16) {
        h.poke(
            self.driver() + 4 + 2 * u64::from(self.avail % self.size),
            &head.to_le_bytes(),
        );
        self.avail = self.avail.wrapping_add(1);
        h.poke(self.driver() + 2, &self.avail.to_le_bytes());
    }

    pub fn used_idx(&self, h: &Host) -> u16 {
        h.peek16(self.device() + 2)
    }

    /// Used element n: head, length.
    pub fn used(&self, h: &Host, n: u16) -> (u32, u32) {
        let e = h.peek64(self.device() + 4 + 8 * u64::from(n % self.size));
        (e as u32, (e >> 32) as u32)
    }
}
