//! Plays a session: keeps the host side's view of the rings and turns actions into memory contents and bus traffic.

use shoal::env::{Env, EnvSettings, RegOp, RxPacket, Store};
use shoal_abi::cmd::{self, COMMAND_BYTES, GROUP_MANAGED, GROUP_SELF, HEADER_BYTES};
use shoal_abi::profile::Profile;
use shoal_abi::ring::{
    BLK_FEATURES, COMMON_FEATURES, DESC_F_INDIRECT, DESC_F_NEXT, DESC_F_WRITE, F_EVENT_IDX,
    F_INDIRECT_DESC, NET_FEATURES,
};
use shoal_abi::stream::{TUSER_ANSWER, TUSER_TAG};
use shoal_abi::{regs, ring};

use super::action::{Action, Chain, Command};
use super::layout::{self, ADMIN_AVAIL, ADMIN_BUF, ADMIN_BUF_BYTES, ADMIN_DESC, ADMIN_USED};
use super::pair::{Fault, Pair};

/// Entries of every device queue in a session.
const VQ_SIZE: u16 = 16;

/// One running session.
pub struct World {
    env: Env,
    pair: Pair,
    profile: &'static Profile,
    admin_avail: u16,
    avail: [[u16; 3]; 16],
    next_desc: [[u16; 3]; 16],
    data_asid: [u32; 16],
    /// What was provisioned, to be set up again after a reset.
    provisioned: [Option<Action>; 16],
    last_tag: (u32, u64),
}

impl World {
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
            avail: [[0; 3]; 16],
            next_desc: [[0; 3]; 16],
            data_asid: [0; 16],
            provisioned: [const { None }; 16],
            last_tag: (0, 0),
        };
        world.hard(4)?;
        Ok(world)
    }

    /// Cycles in which all ports were compared.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.pair.compared
    }

    /// Reads the counters of the device: doorbells, packets sent, delivered, dropped, interrupts, faults, commands, hits, misses.
    ///
    /// # Errors
    /// As [`World::play`].
    pub fn counters(&mut self) -> Result<[u32; 9], Fault> {
        let mut counters = [0; 9];
        for (n, counter) in (0..).zip(&mut counters) {
            *counter = self.read(regs::CNT_DOORBELLS.offset + 4 * n)?;
        }
        Ok(counters)
    }

    /// Plays `actions`, then lets things settle.
    ///
    /// # Errors
    /// The first divergence, broken rule or hang.
    pub fn play(&mut self, actions: &[Action]) -> Result<(), Fault> {
        for action in actions {
            self.act(action)?;
            self.run(16)?;
        }
        self.run(3000)
    }

    fn run(&mut self, cycles: u32) -> Result<(), Fault> {
        for _ in 0..cycles {
            let out = self.pair.outputs();
            if out.m_axis_tvalid {
                self.last_tag = (out.m_axis_tdest, out.m_axis_tuser);
            }
            let cycle = self.env.cycle();
            let inputs = self.env.inputs(&out);
            self.pair.step(cycle, &inputs)?;
        }
        Ok(())
    }

    fn put(&self, at: u64, bytes: &[u8]) {
        // Addresses outside memory are part of the game.
        let _ = self.env.mem().write(at, bytes);
    }

    fn write(&mut self, addr: u32, data: u32) {
        self.env.axil.post(RegOp::Write {
            addr,
            data,
            strb: 15,
        });
    }

    fn wait_bus(&mut self) -> Result<(), Fault> {
        for _ in 0..2000 {
            if self.env.axil.is_idle() {
                return Ok(());
            }
            self.run(8)?;
        }
        Err(Fault::Hang {
            cycle: self.env.cycle(),
            what: "a register access",
        })
    }

    fn read(&mut self, addr: u32) -> Result<u32, Fault> {
        let ticket = self.env.axil.submit(RegOp::Read { addr });
        self.wait_bus()?;
        Ok(self.env.axil.take(ticket).map_or(0, |d| d.data))
    }

    fn hard(&mut self, cycles: u8) -> Result<(), Fault> {
        self.env.reset(u32::from(cycles.max(1)));
        self.run(u32::from(cycles.max(1)))?;
        self.setup()
    }

    fn setup(&mut self) -> Result<(), Fault> {
        self.admin_avail = 0;
        let zero = [0u8; 0x1000];
        self.put(ADMIN_AVAIL, &zero);
        self.put(ADMIN_USED, &zero);
        for tries in 0.. {
            let status = self.read(regs::STATUS_QUEUE_SELECT.offset)? & 0xff;
            if status == 0 && self.read(regs::READY.offset)? == 1 {
                break;
            }
            if tries > 500 {
                return Err(Fault::Hang {
                    cycle: self.env.cycle(),
                    what: "the reset",
                });
            }
            self.run(64)?;
        }
        let low = |v: u64| (v & 0xffff_ffff) as u32;
        self.write(regs::STATUS_QUEUE_SELECT.offset, 1);
        self.write(regs::STATUS_QUEUE_SELECT.offset, 3);
        for dword in 0..2 {
            self.write(regs::DRIVER_FEATURE_SELECT.offset, dword);
            self.write(
                regs::DRIVER_FEATURE.offset,
                low(regs::MGMT_FEATURES >> (32 * dword)),
            );
        }
        self.write(regs::STATUS_QUEUE_SELECT.offset, 0xb);
        self.write(regs::CONFIG_VECTOR_NUM_QUEUES.offset, 0);
        self.write(
            regs::QUEUE_SIZE_VECTOR.offset,
            (1 << 16) | u32::from(regs::ADMIN_QUEUE_SIZE),
        );
        self.write(regs::QUEUE_DESC_LO.offset, low(ADMIN_DESC));
        self.write(regs::QUEUE_DRIVER_LO.offset, low(ADMIN_AVAIL));
        self.write(regs::QUEUE_DEVICE_LO.offset, low(ADMIN_USED));
        self.write(regs::QUEUE_ENABLE_NOTIFY_OFF.offset, 1);
        for v in 0..regs::MSIX_VECTORS {
            let entry = regs::MSIX_TABLE + v * regs::MSIX_ENTRY_BYTES;
            self.write(entry, low(layout::MSI_BASE) + 0x1000 * v);
            self.write(entry + 8, v);
            self.write(entry + 12, 0);
        }
        self.write(regs::FQ_BASE_LO.offset, low(layout::FAULTS));
        self.write(regs::FQ_CTRL.offset, 1 | (3 << 4) | (2 << 16));
        self.write(regs::STATUS_QUEUE_SELECT.offset, 0xf);
        self.wait_bus()?;
        for (group, list) in [
            (GROUP_SELF, cmd::LIST_SELF),
            (GROUP_MANAGED, cmd::LIST_MANAGED),
        ] {
            let data = [list[0].to_le_bytes(), list[1].to_le_bytes()].concat();
            self.exec(&Command {
                opcode: cmd::LIST_USE,
                group,
                member: 0,
                data,
                framing: 0,
            })?;
        }
        for asid in 0..self.profile.asids.min(8) {
            let mut data = vec![0; 24];
            data[0..4].copy_from_slice(&asid.to_le_bytes());
            data[4..8].copy_from_slice(&layout::asid_flags(asid).to_le_bytes());
            data[8..12].copy_from_slice(&asid.to_le_bytes());
            data[16..24].copy_from_slice(&layout::asid_root(asid).to_le_bytes());
            self.exec(&self_command(cmd::ASID_SET, data))?;
        }
        for action in std::mem::take(&mut self.provisioned).into_iter().flatten() {
            self.act(&action)?;
        }
        Ok(())
    }

    fn act(&mut self, action: &Action) -> Result<(), Fault> {
        match action {
            Action::Wait(n) => self.run(u32::from(*n)),
            Action::Admin(c) => {
                self.submit(c);
                Ok(())
            }
            Action::Provision(member, blk, rings, data, event, indirect) => {
                self.provisioned[usize::from(member % 16)] = Some(action.clone());
                self.provision(*member, *blk, *rings, *data, *event, *indirect)
            }
            Action::Fill(member, q, chains) => {
                self.fill(*member, *q, chains);
                Ok(())
            }
            Action::Kick(page, index) => {
                self.kick(*page, *index);
                Ok(())
            }
            Action::Packet(member, vq, bytes) => {
                let data = (0..*bytes).map(|n| n as u8 ^ 0x5a).collect();
                self.send(RxPacket::receive(u32::from(*member), u16::from(*vq), data));
                Ok(())
            }
            Action::Answer(member, xor, bytes) => {
                let (seen, tuser) = self.last_tag;
                let member = if *member == 0 {
                    seen
                } else {
                    u32::from(*member)
                };
                let head = (0..*bytes).map(|n| n as u8).collect();
                let tag = TUSER_TAG.get(tuser) ^ u64::from(*xor);
                let tuser = TUSER_ANSWER.put(1) | TUSER_TAG.put(tag);
                self.send(RxPacket {
                    member,
                    vq: 0,
                    tuser,
                    head,
                    zeroes: 0,
                    tail: None,
                });
                Ok(())
            }
            Action::Write(addr, data, strb) => {
                self.env.axil.post(RegOp::Write {
                    addr: *addr,
                    data: *data,
                    strb: *strb,
                });
                Ok(())
            }
            Action::Read(addr) => {
                self.env.axil.post(RegOp::Read { addr: *addr });
                Ok(())
            }
            Action::Poke(at, value) => {
                self.put(u64::from(*at), &value.to_le_bytes());
                Ok(())
            }
            Action::Memory(latency, jitter, stall) => {
                let s = self.env.axi.settings_mut();
                s.latency = u32::from(*latency);
                s.jitter = u32::from(*jitter);
                s.stall_percent = *stall;
                Ok(())
            }
            Action::Warm => {
                self.wait_bus()?;
                self.write(regs::STATUS_QUEUE_SELECT.offset, 0);
                self.wait_bus()?;
                self.setup()
            }
            Action::Hard(cycles) => self.hard(*cycles),
        }
    }

    fn send(&mut self, packet: RxPacket) {
        if self.env.streams.can_send() {
            self.env.streams.send(packet);
        }
    }

    fn kick(&mut self, page: u8, index: u16) {
        let addr = regs::DOORBELLS + u32::from(page) * regs::DOORBELL_PAGE_BYTES;
        self.write(addr, u32::from(index));
    }

    /// Puts a command on the queue and notifies; the ring has room for all that a session sends between waits.
    fn submit(&mut self, c: &Command) {
        let slot = u64::from(self.admin_avail % regs::ADMIN_QUEUE_SIZE);
        let buf = ADMIN_BUF + slot * ADMIN_BUF_BYTES;
        let answer = buf + ADMIN_BUF_BYTES / 2;
        let mut bytes = vec![0u8; HEADER_BYTES];
        bytes[0..2].copy_from_slice(&c.opcode.to_le_bytes());
        bytes[2..4].copy_from_slice(&c.group.to_le_bytes());
        bytes[16..24].copy_from_slice(&c.member.to_le_bytes());
        bytes.extend_from_slice(&c.data);
        bytes.truncate(COMMAND_BYTES + 16);
        self.put(buf, &bytes);
        let len = bytes.len() as u32;
        let parts: Vec<(u64, u32, bool)> = match c.framing {
            2 => pieces(buf, len, 5, false)
                .chain([(answer, 128, true)])
                .collect(),
            3 => [(buf, len, false)]
                .into_iter()
                .chain(pieces(answer, 96, 6, true))
                .collect(),
            4 => vec![(buf, len, false), (answer, 4, true)],
            5 => vec![(buf, len / 2, false), (answer, 128, true)],
            _ => vec![(buf, len, false), (answer, 128, true)],
        };
        // Every command owns the whole descriptor table but its head: sessions with odd framings wait for each.
        let indirect = c.framing == 1;
        let head = slot as u16;
        if indirect || parts.len() > 2 {
            let table = 0x8_0000 + slot * 0x1000;
            self.table(table, &parts, 0);
            self.desc(
                ADMIN_DESC,
                head,
                (table, parts.len() as u32 * 16),
                DESC_F_INDIRECT,
                0,
            );
        } else {
            let second = regs::ADMIN_QUEUE_SIZE / 2 + head % (regs::ADMIN_QUEUE_SIZE / 2);
            let head = head % (regs::ADMIN_QUEUE_SIZE / 2);
            self.desc(
                ADMIN_DESC,
                head,
                (parts[0].0, parts[0].1),
                DESC_F_NEXT,
                second,
            );
            self.desc(
                ADMIN_DESC,
                second,
                (parts[1].0, parts[1].1),
                DESC_F_WRITE,
                0,
            );
            self.publish_admin(head);
            return;
        }
        self.publish_admin(head);
    }

    fn publish_admin(&mut self, head: u16) {
        let at = ADMIN_AVAIL
            + ring::AVAIL_RING
            + 2 * u64::from(self.admin_avail % regs::ADMIN_QUEUE_SIZE);
        self.put(at, &head.to_le_bytes());
        self.admin_avail = self.admin_avail.wrapping_add(1);
        self.put(
            ADMIN_AVAIL + ring::AVAIL_IDX,
            &self.admin_avail.to_le_bytes(),
        );
        self.write(regs::NOTIFY.offset, 0);
    }

    /// Runs a command to its end. A device that needs a reset by earlier mischief answers nothing; that is no hang.
    fn exec(&mut self, c: &Command) -> Result<(), Fault> {
        self.submit(c);
        for _ in 0..4000 {
            self.run(32)?;
            let mut idx = [0; 2];
            let _ = self.env.mem().read(ADMIN_USED + ring::USED_IDX, &mut idx);
            if u16::from_le_bytes(idx) == self.admin_avail {
                return Ok(());
            }
        }
        let status = self.read(regs::STATUS_QUEUE_SELECT.offset)? & 0xff;
        if status & u32::from(ring::S_NEEDS_RESET) != 0
            || status & u32::from(ring::S_DRIVER_OK) == 0
        {
            return Ok(());
        }
        Err(Fault::Hang {
            cycle: self.env.cycle(),
            what: "an admin command",
        })
    }

    fn provision(
        &mut self,
        member: u8,
        blk: bool,
        rings_asid: u8,
        data_asid: u8,
        event: bool,
        indirect: bool,
    ) -> Result<(), Fault> {
        let m = u32::from(member);
        let id = u64::from(m);
        let mut features = COMMON_FEATURES | if blk { BLK_FEATURES } else { NET_FEATURES };
        if !event {
            features &= !(1 << F_EVENT_IDX);
        }
        if !indirect {
            features &= !(1 << F_INDIRECT_DESC);
        }
        let queues: u16 = if blk { 1 } else { 2 };
        let mut create = vec![0; 96];
        create[0..2]
            .copy_from_slice(&(if blk { ring::TYPE_BLK } else { ring::TYPE_NET }).to_le_bytes());
        create[2..4].copy_from_slice(&queues.to_le_bytes());
        create[4..8].copy_from_slice(&((m - 1) * 3).to_le_bytes());
        create[8..16].copy_from_slice(&features.to_le_bytes());
        create[16..20].copy_from_slice(&u32::from(data_asid).to_le_bytes());
        create[24..28].copy_from_slice(&u32::from(rings_asid).to_le_bytes());
        create[28..32].copy_from_slice(&m.to_le_bytes());
        let member_command = |opcode, data| Command {
            opcode,
            group: GROUP_MANAGED,
            member: id,
            data,
            framing: 0,
        };
        self.exec(&member_command(cmd::DEV_DESTROY, Vec::new()))?;
        self.exec(&member_command(cmd::DEV_CREATE, create))?;
        self.exec(&member_command(
            cmd::FEATURES_SET,
            features.to_le_bytes().to_vec(),
        ))?;
        for status in [1u8, 3, 11] {
            self.exec(&member_command(cmd::STATUS_SET, vec![status]))?;
        }
        let mut msi = vec![0; 24];
        msi[0..2].copy_from_slice(&cmd::CONFIG_MSI.to_le_bytes());
        msi[4..8].copy_from_slice(&cmd::MSI_VALID.to_le_bytes());
        msi[8..16].copy_from_slice(&(layout::MSI_BASE + 0x10_000).to_le_bytes());
        self.exec(&member_command(cmd::MSI_SET, msi))?;
        let m16 = usize::from(member % 16);
        self.avail[m16] = [0; 3];
        self.next_desc[m16] = [0; 3];
        self.data_asid[m16] = u32::from(data_asid);
        for q in 0..queues {
            let base = layout::rings(m, q);
            self.put(base, &[0; 0x1000]);
            let at = |pa: u64| layout::iova(u32::from(rings_asid), pa).to_le_bytes();
            let mut setup = vec![0; 56];
            setup[0..2].copy_from_slice(&q.to_le_bytes());
            setup[2..4].copy_from_slice(&VQ_SIZE.to_le_bytes());
            setup[5] = 1;
            setup[8..16].copy_from_slice(&at(base));
            setup[16..24].copy_from_slice(&at(base + layout::AVAIL_OFF));
            setup[24..32].copy_from_slice(&at(base + layout::USED_OFF));
            setup[36..40].copy_from_slice(&cmd::MSI_VALID.to_le_bytes());
            setup[40..48]
                .copy_from_slice(&(layout::MSI_BASE + 0x20_000 + 4 * u64::from(q)).to_le_bytes());
            setup[48..52].copy_from_slice(&m.to_le_bytes());
            self.exec(&member_command(cmd::VQ_SETUP, setup))?;
        }
        self.exec(&member_command(cmd::STATUS_SET, vec![15]))
    }

    /// Writes `chains` into the queue's rings and rings the doorbell. Flaws: 9 next out of range, 10 loop, 11 nested
    /// indirect, 12 odd table length, 13 head out of range, 14 available index far ahead, 15 a foreign address.
    fn fill(&mut self, member: u8, q: u8, chains: &[Chain]) {
        let m = usize::from(member % 16);
        let qi = usize::from(q % 3);
        let asid = self.data_asid[m];
        let base = layout::rings(u32::from(member), u16::from(q));
        let is_net = matches!(self.provisioned[m], Some(Action::Provision(_, false, ..)));
        for (n, chain) in chains.iter().enumerate() {
            let mut parts: Vec<(u64, u32, bool)> = chain
                .descs
                .iter()
                .map(|d| {
                    (
                        layout::iova(asid, layout::BUFFERS + u64::from(d.offset)),
                        d.len,
                        d.write,
                    )
                })
                .collect();
            if chain.flaw == 0 && is_net {
                parts.iter_mut().for_each(|p| p.2 = qi == 0);
            }
            if chain.flaw == 15 {
                parts[0].0 = 0xffff_ffff_ffff_f000;
            }
            let split = chain
                .indirect_from
                .map_or(parts.len(), |f| f.min(parts.len()));
            let first = self.next_desc[m][qi];
            for (k, part) in parts[..split].iter().enumerate() {
                let at = (first + k as u16) % VQ_SIZE;
                let last = k + 1 == parts.len();
                let mut next = (at + 1) % VQ_SIZE;
                if chain.flaw == 9 {
                    next = VQ_SIZE + 3;
                }
                if chain.flaw == 10 {
                    next = first % VQ_SIZE;
                }
                let mut flags = if part.2 { DESC_F_WRITE } else { 0 };
                if !last || chain.flaw == 10 {
                    flags |= DESC_F_NEXT;
                }
                self.desc(base, at, (part.0, part.1), flags, next);
            }
            if split < parts.len() {
                let table =
                    base + layout::INDIRECT_OFF + ((n as u64 * 16 + u64::from(first)) % 64) * 0x38;
                self.table(table, &parts[split..], chain.flaw);
                let mut len = (parts.len() - split) as u32 * 16;
                if chain.flaw == 12 {
                    len += 4;
                }
                let at = (first + split as u16) % VQ_SIZE;
                self.desc(
                    base,
                    at,
                    (layout::iova(asid, table), len),
                    DESC_F_INDIRECT,
                    0,
                );
            }
            let used = (split + usize::from(split < parts.len())) as u16;
            self.next_desc[m][qi] = (first + used) % VQ_SIZE;
            let head = if chain.flaw == 13 {
                VQ_SIZE + first
            } else {
                first % VQ_SIZE
            };
            let idx = self.avail[m][qi];
            let avail = base + layout::AVAIL_OFF;
            self.put(
                avail + ring::AVAIL_RING + 2 * u64::from(idx % VQ_SIZE),
                &head.to_le_bytes(),
            );
            self.avail[m][qi] = idx.wrapping_add(if chain.flaw == 14 { 100 } else { 1 });
            self.put(avail + ring::AVAIL_IDX, &self.avail[m][qi].to_le_bytes());
        }
        self.kick(member, u16::from(q));
    }

    fn table(&self, table: u64, parts: &[(u64, u32, bool)], flaw: u8) {
        for (k, part) in parts.iter().enumerate() {
            let mut flags = if part.2 { DESC_F_WRITE } else { 0 };
            if k + 1 < parts.len() {
                flags |= DESC_F_NEXT;
            }
            if flaw == 11 {
                flags |= DESC_F_INDIRECT;
            }
            self.desc(table, k as u16, (part.0, part.1), flags, k as u16 + 1);
        }
    }

    fn desc(&self, table: u64, index: u16, (addr, len): (u64, u32), flags: u16, next: u16) {
        let mut d = [0u8; 16];
        d[0..8].copy_from_slice(&addr.to_le_bytes());
        d[8..12].copy_from_slice(&len.to_le_bytes());
        d[12..14].copy_from_slice(&flags.to_le_bytes());
        d[14..16].copy_from_slice(&next.to_le_bytes());
        self.put(table + 16 * u64::from(index), &d);
    }
}

fn self_command(opcode: u16, data: Vec<u8>) -> Command {
    Command {
        opcode,
        group: GROUP_SELF,
        member: 0,
        data,
        framing: 0,
    }
}

fn pieces(at: u64, len: u32, step: u32, write: bool) -> impl Iterator<Item = (u64, u32, bool)> {
    (0..len.div_ceil(step))
        .map(move |k| (at + u64::from(k * step), step.min(len - k * step), write))
}
