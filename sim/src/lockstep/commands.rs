//! The last admin commands, read off the ports, kept for the report of a failure.
//!
//! The admin queue's descriptor table is where the driver's register writes say. What the device reads there are
//! descriptors; what it reads and writes at the buffers they name are commands and answers, of many commands beside each other.
//! Nothing else is known of the device, and a trace that makes no sense gives lines that make none.

use std::collections::VecDeque;

use shoal_abi::cmd::{self, COMMANDS, COMMAND_BYTES, HEADER_BYTES, RESULT_HEADER_BYTES};
use shoal_abi::ports::{Data, Inputs, Outputs};
use shoal_abi::profile::Profile;
use shoal_abi::regs::{ADMIN_QUEUE_SIZE, QUEUE_DESC_HI, QUEUE_DESC_LO, STATUS_QUEUE_SELECT};
use shoal_abi::ring::{DESC_BYTES, DESC_F_INDIRECT, DESC_F_NEXT, DESC_F_WRITE, S_DRIVER_OK};

/// Commands kept; more than the device has under way.
const KEEP: usize = 32;
/// Commands shown.
const SHOWN: usize = 12;
/// Addresses and data beats kept waiting for each other; more than the device has under way.
const WAITING: usize = 1024;
/// Bytes of the answer's status.
const STATUS_BYTES: usize = 2;

/// A burst whose address was accepted.
#[derive(Clone, Copy, Debug)]
struct Burst {
    id: u16,
    addr: u64,
    len: u8,
    size: u8,
}

/// What became of the managed devices, as the answers on the ports say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberEvent {
    /// DEV_CREATE succeeded: member id and device type.
    Created(u32, u8),
    /// STATUS_SET succeeded: member id, and whether its driver is ready (DRIVER_OK).
    Driver(u32, bool),
    /// DEV_DESTROY succeeded.
    Destroyed(u32),
    /// The device or the management device was reset: no member exists any more.
    AllGone,
}

/// Buffers of a chain one behind the other: first address and bytes of each.
#[derive(Clone, Debug, Default)]
struct Buffers(Vec<(u64, u64)>);

impl Buffers {
    fn push(&mut self, at: u64, len: u64) {
        self.0.push((at, len));
    }

    fn bytes(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, (_, len)| sum.saturating_add(*len))
    }

    /// The places in the buffers that byte `addr` stands for.
    fn places(&self, addr: u64) -> impl Iterator<Item = u64> + '_ {
        let mut before = 0_u64;
        self.0.iter().filter_map(move |(start, len)| {
            let first = before;
            before = before.saturating_add(*len);
            let at = addr.wrapping_sub(*start);
            (at < *len).then(|| first.saturating_add(at))
        })
    }
}

/// A command and what is known of its answer.
#[derive(Clone, Debug)]
struct Command {
    cycle: u64,
    bytes: [u8; COMMAND_BYTES],
    status: [Option<u8>; STATUS_BYTES],
    /// The descriptor table, and the descriptor in it that is to be read next.
    table: u64,
    next: Option<u64>,
    readable: Buffers,
    writable: Buffers,
}

impl Command {
    /// Status, once it is whole.
    fn status(&self) -> Option<u16> {
        Some(u16::from_le_bytes([self.status[0]?, self.status[1]?]))
    }

    /// Nothing more of its chain is read once there is room for the whole answer.
    fn settle(&mut self) {
        let Some(status) = self.status() else { return };
        let opcode = field(self, 0, 2) as u16;
        let known = COMMANDS.iter().find(|c| c.opcode == opcode);
        let result = known
            .filter(|_| status == cmd::OK)
            .and_then(|c| c.result.last());
        let answer = RESULT_HEADER_BYTES + result.map_or(0, |f| f.offset + f.bytes);
        self.next = self.next.filter(|_| self.writable.bytes() < answer as u64);
    }

    /// The device has forgotten it.
    fn drop_chain(&mut self) {
        self.next = None;
        (self.readable, self.writable) = Default::default();
    }
}

/// Follows the admin queue.
#[derive(Debug)]
pub struct Commands {
    beat: u64,
    /// Address of an accepted register write whose data has not come, and the other way round.
    aw: Option<u32>,
    w: Option<(u32, u8)>,
    table: u64,
    reads: VecDeque<(Burst, u64)>,
    writes: VecDeque<Burst>,
    beats: VecDeque<(Data, u64, bool)>,
    /// First word of the descriptor being read, and its address.
    desc: Option<(u64, u64)>,
    ring: VecDeque<Command>,
    events: VecDeque<MemberEvent>,
}

impl Commands {
    /// Knows of no queue yet.
    #[must_use]
    pub fn new(profile: &Profile) -> Self {
        Self {
            beat: profile.beat_bytes() as u64,
            aw: None,
            w: None,
            table: 0,
            reads: VecDeque::new(),
            writes: VecDeque::new(),
            beats: VecDeque::new(),
            desc: None,
            ring: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Takes a cycle.
    pub fn observe(&mut self, cycle: u64, i: &Inputs, o: &Outputs) {
        if i.reset {
            // Transactions under way are lost, the commands so far are not.
            (self.aw, self.w) = (None, None);
            self.reads.clear();
            self.writes.clear();
            self.beats.clear();
            self.all_gone();
            return;
        }
        self.registers(i, o);
        if i.m_axi_rvalid && o.m_axi_rready {
            self.read(cycle, i);
        }
        if i.m_axi_arready && o.m_axi_arvalid {
            let (id, addr) = (o.m_axi_arid, o.m_axi_araddr);
            let burst = Burst {
                id,
                addr,
                len: o.m_axi_arlen,
                size: o.m_axi_arsize,
            };
            push(&mut self.reads, (burst, 0));
        }
        if i.m_axi_awready && o.m_axi_awvalid {
            let (id, addr) = (o.m_axi_awid, o.m_axi_awaddr);
            let burst = Burst {
                id,
                addr,
                len: o.m_axi_awlen,
                size: o.m_axi_awsize,
            };
            push(&mut self.writes, burst);
        }
        if i.m_axi_wready && o.m_axi_wvalid {
            push(
                &mut self.beats,
                (o.m_axi_wdata, o.m_axi_wstrb, o.m_axi_wlast),
            );
        }
        self.join();
    }

    fn all_gone(&mut self) {
        self.desc = None;
        self.ring.iter_mut().for_each(Command::drop_chain);
        if self.events.back() != Some(&MemberEvent::AllGone) {
            push(&mut self.events, MemberEvent::AllGone);
        }
    }

    /// The register writes that say where the descriptor table is, and that reset the management device.
    fn registers(&mut self, i: &Inputs, o: &Outputs) {
        if i.s_axil_awvalid && o.s_axil_awready {
            self.aw = Some(i.s_axil_awaddr);
        }
        if i.s_axil_wvalid && o.s_axil_wready {
            self.w = Some((i.s_axil_wdata, i.s_axil_wstrb));
        }
        let (Some(addr), Some((data, strb))) = (self.aw, self.w) else {
            return;
        };
        (self.aw, self.w) = (None, None);
        if addr & !3 == STATUS_QUEUE_SELECT.offset && strb & 1 == 1 && data & 0xff == 0 {
            return self.all_gone();
        }
        let shift = match addr {
            a if a == QUEUE_DESC_LO.offset => 0,
            a if a == QUEUE_DESC_HI.offset => 32,
            _ => return,
        };
        for n in (0..4).filter(|n| strb >> n & 1 == 1) {
            let at = shift + 8 * n;
            self.table = self.table & !(0xff << at) | u64::from(data >> (8 * n) & 0xff) << at;
        }
    }

    fn read(&mut self, cycle: u64, i: &Inputs) {
        let Some(n) = self.reads.iter().position(|(b, _)| b.id == i.m_axi_rid) else {
            return;
        };
        let (burst, at) = &mut self.reads[n];
        let (addr, size) = (
            burst.addr + (*at << (burst.size & 7)),
            1 << (burst.size & 7),
        );
        *at += 1;
        if i.m_axi_rlast {
            self.reads.remove(n);
        }
        // Descriptors and commands are read by words of 8 bytes.
        if size != 8 || addr % 8 != 0 {
            return;
        }
        let word = i.m_axi_rdata[(addr % self.beat / 8) as usize];
        match self.desc {
            Some((at, first)) if addr == at.wrapping_add(8) => {
                self.desc = None;
                return self.descriptor(cycle, at, [first, word]);
            }
            _ if self.in_table(addr) || self.ring.iter().any(|c| c.next == Some(addr)) => {
                self.desc = Some((addr, word));
                return;
            }
            _ => {}
        }
        for command in self.ring.iter_mut().filter(|c| c.status().is_none()) {
            for (k, byte) in (0..).zip(word.to_le_bytes()) {
                for at in command.readable.places(addr + k) {
                    if let Some(b) = command.bytes.get_mut(at as usize) {
                        *b = byte;
                    }
                }
            }
        }
    }

    fn in_table(&self, addr: u64) -> bool {
        addr.wrapping_sub(self.table) < u64::from(ADMIN_QUEUE_SIZE) * DESC_BYTES
    }

    /// The device has read the descriptor at `at`.
    fn descriptor(&mut self, cycle: u64, at: u64, [addr, rest]: [u64; 2]) {
        let goes_on = self.ring.iter().rposition(|c| c.next == Some(at));
        if goes_on.is_none() {
            if self.ring.len() == KEEP {
                self.ring.pop_front();
            }
            self.ring.push_back(Command {
                cycle,
                bytes: [0; COMMAND_BYTES],
                status: [None; STATUS_BYTES],
                table: self.table,
                next: None,
                readable: Buffers::default(),
                writable: Buffers::default(),
            });
        }
        let n = goes_on.unwrap_or(self.ring.len() - 1);
        let Some(command) = self.ring.get_mut(n) else {
            return;
        };
        let (len, flags, next) = (rest & 0xffff_ffff, (rest >> 32) as u16, rest >> 48);
        if flags & DESC_F_INDIRECT != 0 {
            (command.table, command.next) = (addr, Some(addr));
            return;
        }
        let follows = command.table.wrapping_add(next * DESC_BYTES);
        command.next = (flags & DESC_F_NEXT != 0).then_some(follows);
        if flags & DESC_F_WRITE == 0 {
            command.readable.push(addr, len);
        } else {
            command.writable.push(addr, len);
            command.settle();
        }
    }

    /// Puts addresses and data of writes together and takes the status out of them.
    fn join(&mut self) {
        while let Some(burst) = self.writes.front().copied() {
            let Some(end) = self.beats.iter().position(|b| b.2) else {
                return;
            };
            self.writes.pop_front();
            for n in 0..=end {
                let Some((data, strb, _)) = self.beats.pop_front() else {
                    return;
                };
                if n > usize::from(burst.len) {
                    continue;
                }
                let base = (burst.addr + ((n as u64) << (burst.size & 7))) & !(self.beat - 1);
                self.written(base, &data, strb);
            }
        }
    }

    /// Takes the status out of a beat that goes to `base`.
    fn written(&mut self, base: u64, data: &Data, strb: u64) {
        for command in self.ring.iter_mut().filter(|c| c.status().is_none()) {
            for lane in (0..self.beat).filter(|lane| strb >> lane & 1 == 1) {
                for at in command.writable.places(base + lane) {
                    if let Some(status) = command.status.get_mut(at as usize) {
                        *status = Some((data[(lane / 8) as usize] >> (lane % 8 * 8)) as u8);
                    }
                }
            }
            if command.status().is_some() {
                command.settle();
                if let Some(event) = event(command) {
                    push(&mut self.events, event);
                }
            }
        }
    }

    /// The next thing that happened to a managed device.
    pub fn event(&mut self) -> Option<MemberEvent> {
        self.events.pop_front()
    }

    /// The last commands as text, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let before = self.ring.len().saturating_sub(SHOWN);
        self.ring.iter().skip(before).map(line).collect()
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == WAITING {
        queue.pop_front();
    }
    queue.push_back(item);
}

fn field(c: &Command, at: usize, n: usize) -> u64 {
    let bytes = c.bytes.iter().skip(at).take(n.min(8));
    bytes
        .enumerate()
        .fold(0_u64, |v, (k, b)| v | u64::from(*b) << (8 * k))
}

/// What a command did to its member, once it is answered.
fn event(c: &Command) -> Option<MemberEvent> {
    let status = c.status()?;
    let member = field(c, 16, 8) as u32;
    if status != cmd::OK || field(c, 2, 2) as u16 != cmd::GROUP_MANAGED {
        return None;
    }
    let opcode = field(c, 0, 2) as u16;
    let byte = |name| {
        let data = COMMANDS.iter().find(|k| k.opcode == opcode)?.data;
        let f = data.iter().find(|f| f.name == name)?;
        Some(field(c, HEADER_BYTES + f.offset, 1) as u8)
    };
    match opcode {
        cmd::DEV_CREATE => Some(MemberEvent::Created(member, byte("type")?)),
        cmd::STATUS_SET => {
            let is_ready = byte("status")? & S_DRIVER_OK != 0;
            Some(MemberEvent::Driver(member, is_ready))
        }
        cmd::DEV_DESTROY => Some(MemberEvent::Destroyed(member)),
        _ => None,
    }
}

fn line(c: &Command) -> String {
    let get = |at, n| field(c, at, n);
    let (opcode, group, member) = (get(0, 2) as u16, get(2, 2) as u16, get(16, 8));
    let mut text = format!("{:>10} ", c.cycle);
    let known = COMMANDS.iter().find(|k| k.opcode == opcode);
    match known {
        Some(k) => text += k.name,
        None => text += &format!("opcode {opcode:#x}"),
    }
    match group {
        cmd::GROUP_SELF => {}
        cmd::GROUP_MANAGED => text += &format!(" member {member}"),
        _ => text += &format!(" group {group:#x} member {member}"),
    }
    for f in known
        .map_or(&[][..], |k| k.data)
        .iter()
        .filter(|f| f.bytes <= 8)
    {
        let value = get(HEADER_BYTES + f.offset, f.bytes);
        if value != 0 {
            text += &format!(" {}={value:#x}", f.name);
        }
    }
    let Some(status) = c.status() else {
        return text + " -> not answered";
    };
    let names = [
        (cmd::OK, "OK"),
        (cmd::EAGAIN, "EAGAIN"),
        (cmd::EBUSY, "EBUSY"),
        (cmd::EEXIST, "EEXIST"),
        (cmd::EINVAL, "EINVAL"),
    ];
    match names.iter().find(|n| n.0 == status) {
        Some(n) => text + " -> " + n.1,
        None => text + &format!(" -> status {status}"),
    }
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
