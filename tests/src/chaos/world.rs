//! Plays a session: keeps the host side's view of the rings and turns actions into memory contents and bus traffic.

use std::collections::{BTreeMap, HashMap, VecDeque};

use shoal::env::{Env, EnvSettings, RegOp, RxPacket, Store};
use shoal_abi::mmu::USER_INTERRUPT;
use shoal_abi::ports::Outputs;
use shoal_abi::profile::Profile;
use shoal_abi::ring::S_NEEDS_RESET;
use shoal_abi::stream::{TUSER_ANSWER, TUSER_TAG};
use shoal_abi::{cmd, regs};

use super::action::{Action, Chain, Desc, Halt, Provision};
use super::admin::{halt, invalidate, managed, message};
use super::layout::{self, ADMIN_BUF, ADMIN_BUF_BYTES};
use super::pair::{Fault, Pair};
use super::provision::fault_control;
use super::reach::{Reach, COUNTERS};
use super::rings::Queue;
use shoal::monitor::Cover;

/// Packets that wait for the stream.
const OUTBOX: usize = 8;

/// One running session.
pub struct World {
    env: Env,
    pair: Pair,
    pub(super) profile: &'static Profile,
    pub(super) admin_avail: u16,
    pub(super) admin_seen: u16,
    /// Commands on the queue: head -> opcode and where its answer will stand.
    pub(super) asked: HashMap<u16, (u16, u64)>,
    /// Queues that were set up, by member and index.
    pub(super) queues: BTreeMap<(u8, u8), Queue>,
    /// What was provisioned, to be set up again after a reset.
    pub(super) provisioned: BTreeMap<u8, Provision>,
    pub(super) reach: Reach,
    /// log2 of the records of the fault queue: small, and the same all along, as a driver keeps it.
    pub(super) fault_log2: u8,
    last_tag: (u32, u64),
    outbox: VecDeque<RxPacket>,
}

impl World {
    /// What the monitors have seen happen.
    #[must_use]
    pub fn cover(&self) -> Cover {
        self.pair.cover()
    }

    /// A world around `pair`, after reset and set-up.
    ///
    /// # Errors
    /// As [`World::play`].
    ///
    /// # Panics
    /// When the host has no memory for the simulation.
    pub fn new(profile: &'static Profile, pair: Pair, seed: u64) -> Result<Self, Fault> {
        let settings = EnvSettings {
            low_mem: layout::MEM_BYTES,
            high_mem: 0,
            ..EnvSettings::new(seed)
        };
        let mut env = Env::new(profile, settings).expect("16 MiB of host memory");
        layout::build(&mut env).expect("tables lie in memory");
        for member in 1..=profile.devices.min(8) {
            env.blk.attach(member, Store::memory(1 << 16));
        }
        let mut world = Self {
            env,
            pair,
            profile,
            admin_avail: 0,
            admin_seen: 0,
            asked: HashMap::new(),
            queues: BTreeMap::new(),
            provisioned: BTreeMap::new(),
            reach: Reach::default(),
            fault_log2: (seed % 4) as u8,
            last_tag: (0, 0),
            outbox: VecDeque::new(),
        };
        world.reset(4)?;
        Ok(world)
    }

    /// What the session has reached. Reads the device's counters.
    ///
    /// # Errors
    /// As [`World::play`].
    pub fn reach(&mut self) -> Result<Reach, Fault> {
        self.sum_counters()?;
        self.look_at_rings();
        self.look_at_answers();
        self.reach.cycles = self.pair.compared;
        Ok(std::mem::take(&mut self.reach))
    }

    /// Plays `actions`, then lets things settle.
    ///
    /// # Errors
    /// The first divergence, broken rule or hang.
    pub fn play(&mut self, actions: &[Action]) -> Result<(), Fault> {
        for action in actions {
            self.act(action)?;
            self.run(16)?;
            self.look_at_rings();
            self.look_at_answers();
        }
        self.run(3000)
    }

    pub(super) fn cycle(&self) -> u64 {
        self.env.cycle()
    }

    pub(super) fn run(&mut self, cycles: u32) -> Result<(), Fault> {
        for _ in 0..cycles {
            let out = self.pair.outputs();
            if out.m_axis_tvalid {
                self.last_tag = (out.m_axis_tdest, out.m_axis_tuser);
            }
            if self.env.streams.can_send() {
                if let Some(packet) = self.outbox.pop_front() {
                    self.env.streams.send(packet);
                }
            }
            let cycle = self.env.cycle();
            let inputs = self.env.inputs(&out);
            self.reach.cycle(self.profile, &inputs, &out);
            if out.m_axi_awvalid && inputs.m_axi_awready && self.is_unmasked(&out) {
                self.reach.unmasked_pending += 1;
            }
            self.pair.step(cycle, &inputs)?;
        }
        Ok(())
    }

    /// The write is a message to a queue's address that an MSI_SET on the admin queue names and does not mask.
    fn is_unmasked(&self, out: &Outputs) -> bool {
        let queues = layout::MSI_BASE + layout::MSI_QUEUES;
        if out.m_axi_awuser & USER_INTERRUPT == 0 || out.m_axi_awaddr < queues {
            return false;
        }
        let sets = self.asked.values().filter(|c| c.0 == cmd::MSI_SET);
        sets.into_iter().any(|(_, answer)| {
            let data = answer - layout::ADMIN_BUF_BYTES / 2 + cmd::HEADER_BYTES as u64;
            let address = u64::from(self.get16(data + 8)) | u64::from(self.get16(data + 10)) << 16;
            let masked = u32::from(self.get16(data + 4)) & cmd::MSI_MASK != 0;
            !masked && address & !7 == out.m_axi_awaddr
        })
    }

    pub(super) fn put(&self, at: u64, bytes: &[u8]) {
        // Addresses outside memory are part of the game.
        let _ = self.env.mem().write(at, bytes);
    }

    /// 16 bits of host memory; 0 where there is none.
    pub(super) fn get16(&self, at: u64) -> u16 {
        self.memory16(at).unwrap_or(0)
    }

    /// 16 bits of host memory, if there is any at `at`.
    pub(super) fn memory16(&self, at: u64) -> Option<u16> {
        let mut le = [0; 2];
        self.env.mem().read(at, &mut le).ok()?;
        Some(u16::from_le_bytes(le))
    }

    pub(super) fn write(&mut self, addr: u32, data: u32) {
        self.env.axil.post(RegOp::Write {
            addr,
            data,
            strb: 15,
        });
    }

    pub(super) fn wait_bus(&mut self) -> Result<(), Fault> {
        for _ in 0..2000 {
            if self.env.axil.is_idle() {
                return Ok(());
            }
            self.run(8)?;
        }
        Err(Fault::Hang {
            cycle: self.cycle(),
            what: "a register access",
        })
    }

    pub(super) fn read(&mut self, addr: u32) -> Result<u32, Fault> {
        let ticket = self.env.axil.submit(RegOp::Read { addr });
        self.wait_bus()?;
        Ok(self.env.axil.take(ticket).map_or(0, |d| d.data))
    }

    fn sum_counters(&mut self) -> Result<(), Fault> {
        for n in 0..COUNTERS {
            let at = regs::CNT_DOORBELLS.offset + 4 * n as u32;
            self.reach.counters[n] += u64::from(self.read(at)?);
        }
        self.reach.faults_lost += u64::from(self.read(regs::FQ_LOST.offset)?);
        Ok(())
    }

    fn reset(&mut self, cycles: u8) -> Result<(), Fault> {
        self.env.reset(u32::from(cycles.max(1)));
        self.run(u32::from(cycles.max(1)))?;
        self.setup()
    }

    pub(super) fn act(&mut self, action: &Action) -> Result<(), Fault> {
        match action {
            Action::Wait(n) => return self.run(u32::from(*n)),
            Action::Admin(c) => self.submit(c),
            Action::Provision(p) => {
                self.provisioned.insert(p.member, p.clone());
                return self.provision(p);
            }
            Action::Heal => return self.heal(),
            Action::Revive(member) => {
                if let Some(p) = self.provisioned.get(member).cloned() {
                    return self.provision(&p);
                }
            }
            Action::Ring(member, q) => {
                if let Some(p) = self.provisioned.get(member).cloned() {
                    return self.ring(&p, *q);
                }
            }
            Action::Halt(member, how) => {
                self.reach.halts_in_flight += u64::from(self.in_flight(*member));
                self.submit(&halt(*member, *how));
            }
            Action::Stuck(member, how) => return self.stuck(*member, *how),
            Action::Mask(member, q, mask) => self.submit(&message(*member, *q, *mask)),
            Action::Invalidate(kind, asid, page, pages) => {
                self.reach.invalidations_in_flight += u64::from(self.in_flight(0));
                self.submit(&invalidate(*kind, *asid, *page, *pages));
            }
            Action::Config(member, bytes) => {
                let data = [vec![*bytes; 8], vec![!*bytes; cmd::CONFIG_BYTES]].concat();
                self.submit(&managed(cmd::CONFIG_SET, *member, data));
            }
            Action::Faults(enable, in_memory, head) => {
                let base = if *in_memory {
                    layout::FAULTS
                } else {
                    layout::no_memory(0)
                };
                self.write(regs::FQ_BASE_LO.offset, (base & 0xffff_ffff) as u32);
                self.write(
                    regs::FQ_CTRL.offset,
                    fault_control(*enable, self.fault_log2),
                );
                self.write(regs::FQ_HEAD.offset, u32::from(*head));
            }
            Action::Fill(member, q, chains) => self.fill(*member, *q, chains),
            Action::Quiet(member, q, no_interrupt, back) => {
                self.quiet(*member, *q, *no_interrupt, *back);
            }
            Action::Kick(page, index) => self.kick(*page, *index),
            Action::Receive(n, chains, packets) => {
                let nets: Vec<u8> = self.nets().collect();
                if let Some(&member) = nets.get(usize::from(*n) % nets.len().max(1)) {
                    self.fill(member, 0, chains);
                    for bytes in packets {
                        self.packet(member, 0, *bytes);
                    }
                }
            }
            Action::Packet(member, vq, bytes) => self.packet(*member, *vq, *bytes),
            Action::Answer(member, xor, bytes) => self.answer(*member, *xor, *bytes),
            Action::Write(addr, data, strb) => {
                self.env.axil.post(RegOp::Write {
                    addr: *addr,
                    data: *data,
                    strb: *strb,
                });
            }
            Action::Read(addr) => self.env.axil.post(RegOp::Read { addr: *addr }),
            Action::Poke(at, value) => self.put(u64::from(*at), &value.to_le_bytes()),
            Action::Memory(latency, jitter, stall) => {
                let s = self.env.axi.settings_mut();
                s.latency = u32::from(*latency);
                s.jitter = u32::from(*jitter);
                s.stall_percent = *stall;
            }
            Action::Streams(stall, gap) => {
                let s = self.env.streams.settings_mut();
                s.stall_percent = *stall;
                s.gap_percent = *gap;
            }
            Action::Warm => {
                self.wait_bus()?;
                // The fault queue's count of losses does not survive, the counters do.
                self.reach.faults_lost += u64::from(self.read(regs::FQ_LOST.offset)?);
                self.write(regs::STATUS_QUEUE_SELECT.offset, 0);
                self.wait_bus()?;
                return self.setup();
            }
            Action::Hard(cycles) => {
                self.sum_counters()?;
                return self.reset(*cycles);
            }
        }
        Ok(())
    }

    fn nets(&self) -> impl Iterator<Item = u8> + '_ {
        self.provisioned
            .values()
            .filter(|p| !p.blk)
            .map(|p| p.member)
    }

    fn heal(&mut self) -> Result<(), Fault> {
        for p in self.provisioned.clone().into_values() {
            if self.done(&managed(cmd::STATUS_GET, p.member, Vec::new()))? {
                let answer = ADMIN_BUF
                    + ADMIN_BUF_BYTES
                        * u64::from(self.admin_avail.wrapping_sub(1) % regs::ADMIN_QUEUE_SIZE)
                    + ADMIN_BUF_BYTES / 2;
                let status = self.get16(answer + cmd::RESULT_HEADER_BYTES as u64);
                if status & u16::from(S_NEEDS_RESET) != 0 {
                    self.provision(&p)?;
                }
            }
        }
        Ok(())
    }

    /// A command that drains, while `m_axis` stands still and holds a chain longer than the FIFO before it.
    fn stuck(&mut self, member: u8, how: Halt) -> Result<(), Fault> {
        self.heal()?;
        let q = self
            .queues
            .iter()
            .find(|((m, _), q)| *m == member && q.transmits());
        let Some(q) = q.map(|((_, q), _)| *q) else {
            return Ok(());
        };
        self.env.streams.settings_mut().stall_percent = 100;
        let descs = vec![Desc {
            offset: 0x200,
            len: 3000,
            write: false,
        }];
        self.fill(
            member,
            q,
            &[Chain {
                descs,
                indirect_from: None,
                flaw: 0,
            }],
        );
        // Time for a chain to reach the stream.
        self.run(600)?;
        self.reach.halts_in_flight += u64::from(self.in_flight(member));
        let result = self.exec(&halt(member, how));
        self.env.streams.settings_mut().stall_percent = 10;
        result.map(|_| ())
    }

    fn answer(&mut self, member: u8, xor: u16, bytes: u16) {
        let (seen, tuser) = self.last_tag;
        let member = if member == 0 { seen } else { u32::from(member) };
        let head = (0..bytes).map(|n| n as u8).collect();
        let tag = TUSER_TAG.get(tuser) ^ u64::from(xor);
        let tuser = TUSER_ANSWER.put(1) | TUSER_TAG.put(tag);
        self.send(RxPacket {
            member,
            vq: 0,
            tuser,
            head,
            zeroes: 0,
            tail: None,
        });
    }

    fn packet(&mut self, member: u8, vq: u8, bytes: u16) {
        let data = (0..bytes).map(|n| n as u8 ^ 0x5a).collect();
        self.send(RxPacket::receive(u32::from(member), u16::from(vq), data));
    }

    fn send(&mut self, packet: RxPacket) {
        if self.outbox.len() < OUTBOX {
            self.outbox.push_back(packet);
        }
    }

    pub(super) fn kick(&mut self, page: u8, index: u16) {
        let addr = regs::DOORBELLS + u32::from(page) * regs::DOORBELL_PAGE_BYTES;
        self.write(addr, u32::from(index));
    }
}
