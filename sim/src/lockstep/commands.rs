//! The last admin commands, read off the ports, kept for the report of a failure.
//!
//! The admin queue's descriptor table is where the driver's register writes say. What the device reads there are
//! descriptors; what it reads and writes at the buffers they name are commands and answers. Nothing else is known of the
//! device, and a trace that makes no sense gives lines that make none.

use std::collections::VecDeque;

use shoal_abi::cmd::{self, COMMANDS, COMMAND_BYTES, HEADER_BYTES};
use shoal_abi::ports::{Data, Inputs, Outputs};
use shoal_abi::profile::Profile;
use shoal_abi::regs::{ADMIN_QUEUE_SIZE, QUEUE_DESC_HI, QUEUE_DESC_LO, STATUS_QUEUE_SELECT};
use shoal_abi::ring::{DESC_BYTES, DESC_F_INDIRECT, DESC_F_NEXT, DESC_F_WRITE};

/// Commands kept.
const KEEP: usize = 12;
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
    /// DEV_DESTROY succeeded.
    Destroyed(u32),
    /// The device or the management device was reset: no member exists any more.
    AllGone,
}

/// A command and what is known of its answer.
#[derive(Clone, Debug)]
struct Command {
    cycle: u64,
    bytes: [u8; COMMAND_BYTES],
    status: [Option<u8>; STATUS_BYTES],
}

/// Follows the admin queue.
#[derive(Debug)]
pub struct Commands {
    beat: u64,
    /// Address of an accepted register write whose data has not come, and the other way round.
    aw: Option<u32>,
    w: Option<(u32, u8)>,
    table: u64,
    indirect: Option<(u64, u64)>,
    reads: VecDeque<(Burst, u64)>,
    writes: VecDeque<Burst>,
    beats: VecDeque<(Data, u64, bool)>,
    /// The descriptor being read: its address and its two words.
    desc: (u64, [Option<u64>; 2]),
    /// The chain goes on with the next descriptor.
    chained: bool,
    /// Bytes of the command before the buffer being read, and that buffer.
    gathered: u64,
    buffer: Option<(u64, u64)>,
    answer: Option<u64>,
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
            indirect: None,
            reads: VecDeque::new(),
            writes: VecDeque::new(),
            beats: VecDeque::new(),
            desc: (0, [None; 2]),
            chained: false,
            gathered: 0,
            buffer: None,
            answer: None,
            ring: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Takes a cycle.
    pub fn observe(&mut self, cycle: u64, i: &Inputs, o: &Outputs) {
        if i.reset {
            // Transactions under way are lost, the commands so far are not.
            (self.aw, self.w, self.desc, self.answer) = (None, None, (0, [None; 2]), None);
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
        let inside = |(start, len): (u64, u64)| addr.wrapping_sub(start) < len;
        let table = (self.table, u64::from(ADMIN_QUEUE_SIZE) * DESC_BYTES);
        if inside(table) || self.indirect.is_some_and(inside) {
            self.descriptor_word(cycle, addr, word);
        } else if let Some((start, len)) = self.buffer {
            let command = self
                .ring
                .back_mut()
                .filter(|_| addr.wrapping_add(7).wrapping_sub(start) < len + 7);
            let Some(command) = command else { return };
            for (k, byte) in word.to_le_bytes().into_iter().enumerate() {
                let Some(at) = (addr + k as u64).checked_sub(start).filter(|at| *at < len) else {
                    continue;
                };
                if let Some(b) = command.bytes.get_mut((self.gathered + at) as usize) {
                    *b = byte;
                }
            }
        }
    }

    fn descriptor_word(&mut self, cycle: u64, addr: u64, word: u64) {
        let start = addr & !(DESC_BYTES - 1);
        if self.desc.0 != start {
            self.desc = (start, [None; 2]);
        }
        self.desc.1[usize::from(addr != start)] = Some(word);
        let [Some(at), Some(rest)] = self.desc.1 else {
            return;
        };
        self.desc.1 = [None; 2];
        let (len, flags) = (rest & 0xffff_ffff, (rest >> 32) as u16);
        if !self.chained {
            if self.ring.len() == KEEP {
                self.ring.pop_front();
            }
            self.ring.push_back(Command {
                cycle,
                bytes: [0; COMMAND_BYTES],
                status: [None; STATUS_BYTES],
            });
            (self.gathered, self.buffer, self.answer, self.indirect) = (0, None, None, None);
        }
        if flags & DESC_F_INDIRECT != 0 {
            self.indirect = Some((at, len));
            self.chained = true;
            return;
        }
        self.chained = flags & DESC_F_NEXT != 0;
        let read = self.buffer.take().map_or(0, |(_, len)| len);
        self.gathered = self.gathered.saturating_add(read).min(COMMAND_BYTES as u64);
        if flags & DESC_F_WRITE == 0 {
            self.buffer = Some((at, len));
        } else if self.answer.is_none() && len > 0 {
            self.answer = Some(at);
        }
    }

    /// Puts addresses and data of writes together and takes the status out of them.
    fn join(&mut self) {
        while let Some(burst) = self.writes.front().copied() {
            let Some(end) = self.beats.iter().position(|b| b.2) else {
                return;
            };
            self.writes.pop_front();
            for (n, (data, strb, _)) in self.beats.drain(..=end).enumerate() {
                let (Some(answer), Some(command)) = (self.answer, self.ring.back_mut()) else {
                    continue;
                };
                if n > usize::from(burst.len) {
                    continue;
                }
                let base = (burst.addr + ((n as u64) << (burst.size & 7))) & !(self.beat - 1);
                let before = command.status;
                for (k, status) in (0..).zip(&mut command.status) {
                    let lane = (answer + k).wrapping_sub(base);
                    if lane < self.beat && strb >> lane & 1 == 1 {
                        *status = Some((data[(lane / 8) as usize] >> (lane % 8 * 8)) as u8);
                    }
                }
                if command.status != before {
                    if let Some(event) = event(command) {
                        push(&mut self.events, event);
                    }
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
        self.ring.iter().map(line).collect()
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
    let status = u16::from_le_bytes([c.status[0]?, c.status[1]?]);
    let member = field(c, 16, 8) as u32;
    if status != cmd::OK || field(c, 2, 2) as u16 != cmd::GROUP_MANAGED {
        return None;
    }
    match field(c, 0, 2) as u16 {
        cmd::DEV_CREATE => {
            let data = COMMANDS.iter().find(|k| k.opcode == cmd::DEV_CREATE)?.data;
            let kind = data.iter().find(|f| f.name == "type")?;
            let kind = field(c, HEADER_BYTES + kind.offset, 1) as u8;
            Some(MemberEvent::Created(member, kind))
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
    let status = match c.status {
        [Some(low), Some(high)] => u16::from_le_bytes([low, high]),
        _ => return text + " -> not answered",
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
mod tests {
    use super::*;
    use shoal_abi::profile::{HYPER, MID, TINY};

    /// One register write, address and data together.
    fn register(c: &mut Commands, addr: u32, data: u32) {
        let i = Inputs {
            s_axil_awvalid: true,
            s_axil_awaddr: addr,
            s_axil_wvalid: true,
            s_axil_wdata: data,
            s_axil_wstrb: 15,
            ..Inputs::default()
        };
        c.observe(
            0,
            &i,
            &Outputs {
                s_axil_awready: true,
                s_axil_wready: true,
                ..Outputs::default()
            },
        );
    }

    /// Reads some words, answers in the order of `ids`.
    fn reads(c: &mut Commands, cycle: u64, words: &[(u16, u64, u64)], order: &[usize]) {
        let beat = c.beat;
        for &(id, addr, _) in words {
            let o = Outputs {
                m_axi_arvalid: true,
                m_axi_arid: id,
                m_axi_araddr: addr,
                m_axi_arsize: 3,
                ..Outputs::default()
            };
            c.observe(
                cycle,
                &Inputs {
                    m_axi_arready: true,
                    ..Inputs::default()
                },
                &o,
            );
        }
        for &n in order {
            let (id, addr, word) = words[n];
            let mut i = Inputs {
                m_axi_rvalid: true,
                m_axi_rid: id,
                m_axi_rlast: true,
                ..Inputs::default()
            };
            i.m_axi_rdata[(addr % beat / 8) as usize] = word;
            c.observe(
                cycle + 1,
                &i,
                &Outputs {
                    m_axi_rready: true,
                    ..Outputs::default()
                },
            );
        }
    }

    #[test]
    fn a_reset_of_the_management_device_takes_all_members() {
        let mut c = Commands::new(&TINY);
        register(&mut c, STATUS_QUEUE_SELECT.offset, 0x0001_0001);
        assert_eq!(c.event(), None);
        register(&mut c, STATUS_QUEUE_SELECT.offset, 0x0001_0000);
        assert_eq!((c.event(), c.event()), (Some(MemberEvent::AllGone), None));
    }

    #[test]
    fn a_command_is_read_with_its_fields_and_its_status() {
        for profile in [&TINY, &MID, &HYPER] {
            let mut c = Commands::new(profile);
            register(&mut c, QUEUE_DESC_LO.offset, 0x2_0000);
            register(&mut c, QUEUE_DESC_HI.offset, 1);
            let table = 0x1_0002_0000;
            // Words of a descriptor come in any order; other reads do not matter.
            let next = u64::from(DESC_F_NEXT) << 32;
            reads(
                &mut c,
                10,
                &[
                    (5, table, 0x5008),
                    (13, table + 8, 128 | next | 1 << 48),
                    (1, 0x99_0000, 7),
                ],
                &[2, 1, 0],
            );
            let head = u64::from(cmd::VQ_RESET) | u64::from(cmd::GROUP_MANAGED) << 16;
            reads(
                &mut c,
                20,
                &[
                    (5, 0x5008, head),
                    (13, 0x5010, 0),
                    (5, 0x5018, 3),
                    (13, 0x5020, 6),
                ],
                &[0, 2, 1, 3],
            );
            assert!(
                c.lines()[0].ends_with("VQ_RESET member 3 vq_index=0x6 -> not answered"),
                "{:?}",
                c.lines()
            );
            let write = u64::from(DESC_F_WRITE) << 32;
            reads(
                &mut c,
                30,
                &[(5, table + 16, 0x7010), (13, table + 24, 8 | write)],
                &[0, 1],
            );
            let lane = 0x7010 % c.beat / 8;
            let mut o = Outputs {
                m_axi_awvalid: true,
                m_axi_awaddr: 0x7010,
                m_axi_awsize: 3,
                m_axi_wvalid: true,
                m_axi_wlast: true,
                m_axi_wstrb: 0xff << (8 * lane),
                ..Outputs::default()
            };
            o.m_axi_wdata[lane as usize] = u64::from(cmd::EINVAL);
            c.observe(
                40,
                &Inputs {
                    m_axi_awready: true,
                    m_axi_wready: true,
                    ..Inputs::default()
                },
                &o,
            );
            assert_eq!(
                c.lines(),
                ["        11 VQ_RESET member 3 vq_index=0x6 -> EINVAL"]
            );
        }
    }
}
