//! The host's end of the admin queue in a session: framings of a command, and what became of each.

use shoal_abi::cmd::{self, COMMAND_BYTES, GROUP_MANAGED, GROUP_SELF, HEADER_BYTES, OK};
use shoal_abi::regs::ADMIN_QUEUE_SIZE;
use shoal_abi::ring::{self, DESC_F_INDIRECT, DESC_F_NEXT, DESC_F_WRITE};
use shoal_abi::{mmu, regs};

use super::action::{Command, Halt};
use super::layout::{self, ADMIN_AVAIL, ADMIN_BUF, ADMIN_BUF_BYTES, ADMIN_DESC, ADMIN_USED};
use super::pair::Fault;
use super::world::World;

/// Cycles between two completions, a drain included, beside those of a flush of the MMU's arrays.
const PATIENCE: u32 = 128_000;

/// A command of group SELF.
pub(super) fn own(opcode: u16, data: Vec<u8>) -> Command {
    Command {
        opcode,
        group: GROUP_SELF,
        member: 0,
        data,
        framing: 0,
    }
}

/// A command of group MANAGED.
pub(super) fn managed(opcode: u16, member: u8, data: Vec<u8>) -> Command {
    Command {
        opcode,
        group: GROUP_MANAGED,
        member: member.into(),
        data,
        framing: 0,
    }
}

/// The command of `halt`.
pub(super) fn halt(member: u8, halt: Halt) -> Command {
    match halt {
        Halt::Stop => managed(cmd::DEV_MODE_SET, member, vec![cmd::MODE_STOPPED]),
        Halt::Resume => managed(cmd::DEV_MODE_SET, member, vec![0]),
        Halt::Reset => managed(cmd::STATUS_SET, member, vec![0]),
        Halt::Destroy => managed(cmd::DEV_DESTROY, member, Vec::new()),
        Halt::Queue(q) => managed(cmd::VQ_RESET, member, vec![q, 0]),
    }
}

/// MSI_SET of queue `q`, 0xff for the configuration.
pub(super) fn message(member: u8, q: u8, mask: bool) -> Command {
    let (index, at) = if q == 0xff {
        (cmd::CONFIG_MSI, layout::MSI_CONFIGS + 4 * u64::from(member))
    } else {
        let at = layout::MSI_QUEUES + 16 * u64::from(member) + 4 * u64::from(q & 3);
        (q.into(), at)
    };
    let ctrl = cmd::MSI_VALID | if mask { cmd::MSI_MASK } else { 0 };
    let mut data = vec![0; 24];
    data[0..2].copy_from_slice(&index.to_le_bytes());
    data[4..8].copy_from_slice(&ctrl.to_le_bytes());
    data[8..16].copy_from_slice(&(layout::MSI_BASE + at).to_le_bytes());
    data[16..20].copy_from_slice(&u32::from(member).to_le_bytes());
    managed(cmd::MSI_SET, member, data)
}

/// IOTLB_INVALIDATE of pages of the arena, of an ASID, or of everything.
pub(super) fn invalidate(kind: u8, asid: u8, page: u8, pages: u8) -> Command {
    let asid = u32::from(asid);
    let mut data = vec![0; 24];
    data[0] = kind;
    data[4..8].copy_from_slice(&asid.to_le_bytes());
    let first = layout::iova(asid, u64::from(page) << 12);
    data[8..16].copy_from_slice(&first.to_le_bytes());
    data[16..24].copy_from_slice(&(u64::from(pages.max(1)) << 12).to_le_bytes());
    own(cmd::IOTLB_INVALIDATE, data)
}

/// ASID_SET as `layout` has it.
pub(super) fn bind(asid: u32) -> Command {
    let mut data = vec![0; 24];
    data[0..4].copy_from_slice(&asid.to_le_bytes());
    data[4..8].copy_from_slice(&layout::asid_flags(asid).to_le_bytes());
    data[8..12].copy_from_slice(&(asid & ((1 << mmu::USER_PASID_W) - 1)).to_le_bytes());
    data[16..24].copy_from_slice(&layout::asid_root(asid).to_le_bytes());
    own(cmd::ASID_SET, data)
}

impl World {
    /// Puts a command on the queue and notifies; the ring has room for all that a session sends between waits.
    pub(super) fn submit(&mut self, c: &Command) {
        let slot = u64::from(self.admin_avail % ADMIN_QUEUE_SIZE);
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
        let half = ADMIN_QUEUE_SIZE / 2;
        let head = if c.framing == 1 || parts.len() > 2 {
            let table = layout::ADMIN_TABLES + slot * 0x1000;
            self.table(|at| at, table, &parts, 0);
            self.put_desc(
                ADMIN_DESC,
                slot as u16,
                (table, parts.len() as u32 * 16),
                DESC_F_INDIRECT,
                0,
            );
            slot as u16
        } else {
            let head = slot as u16 % half;
            self.put_desc(
                ADMIN_DESC,
                head,
                (parts[0].0, parts[0].1),
                DESC_F_NEXT,
                half + head,
            );
            self.put_desc(
                ADMIN_DESC,
                half + head,
                (parts[1].0, parts[1].1),
                DESC_F_WRITE,
                0,
            );
            head
        };
        self.asked.insert(head, (c.opcode, answer));
        let entry = 2 * u64::from(self.admin_avail % ADMIN_QUEUE_SIZE);
        self.put(ADMIN_AVAIL + ring::AVAIL_RING + entry, &head.to_le_bytes());
        self.admin_avail = self.admin_avail.wrapping_add(1);
        self.put(
            ADMIN_AVAIL + ring::AVAIL_IDX,
            &self.admin_avail.to_le_bytes(),
        );
        self.write(regs::NOTIFY.offset, 0);
    }

    fn put_desc(&self, table: u64, index: u16, (addr, len): (u64, u32), flags: u16, next: u16) {
        let mut d = [0u8; 16];
        d[0..8].copy_from_slice(&addr.to_le_bytes());
        d[8..12].copy_from_slice(&len.to_le_bytes());
        d[12..14].copy_from_slice(&flags.to_le_bytes());
        d[14..16].copy_from_slice(&next.to_le_bytes());
        self.put(table + 16 * u64::from(index), &d);
    }

    /// Looks at what the device has answered since the last look; the status of the last answer.
    pub(super) fn look_at_answers(&mut self) -> Option<u16> {
        let used = self.get16(ADMIN_USED + ring::USED_IDX);
        let mut last = None;
        while self.admin_seen != used {
            let entry = u64::from(self.admin_seen % ADMIN_QUEUE_SIZE);
            let head = self.get16(ADMIN_USED + ring::USED_RING + ring::USED_ELEM_BYTES * entry);
            if let Some((opcode, answer)) = self.asked.remove(&head) {
                let status = self.get16(answer);
                *self.reach.commands.entry((opcode, status)).or_default() += 1;
                last = Some(status);
            }
            self.admin_seen = self.admin_seen.wrapping_add(1);
        }
        last
    }

    /// Runs a command, behind those before it, to its end and gives its status. A device that needs a reset by earlier mischief
    /// answers nothing; that is no hang.
    pub(super) fn exec(&mut self, c: &Command) -> Result<Option<u16>, Fault> {
        self.submit(c);
        let (mut seen, mut waited) = (self.get16(ADMIN_USED + ring::USED_IDX), 0);
        let (pages, caches) = (self.profile.tlb_aw, self.profile.pwc_aw);
        let sets = 1 << pages.into_iter().chain(caches).fold(0, usize::max);
        let patience = PATIENCE + sets;
        while waited < patience {
            self.run(32)?;
            waited += 32;
            let used = self.get16(ADMIN_USED + ring::USED_IDX);
            if used == self.admin_avail {
                return Ok(self.look_at_answers());
            }
            if used != seen {
                (seen, waited) = (used, 0);
            }
        }
        let status = self.read(regs::STATUS_QUEUE_SELECT.offset)? & 0xff;
        if status & u32::from(ring::S_NEEDS_RESET) != 0
            || status & u32::from(ring::S_DRIVER_OK) == 0
        {
            return Ok(None);
        }
        Err(Fault::Hang {
            cycle: self.cycle(),
            what: "an admin command",
        })
    }

    /// Like [`World::exec`]: true when the command succeeded.
    pub(super) fn done(&mut self, c: &Command) -> Result<bool, Fault> {
        Ok(self.exec(c)? == Some(OK))
    }
}

fn pieces(at: u64, len: u32, step: u32, write: bool) -> impl Iterator<Item = (u64, u32, bool)> {
    (0..len.div_ceil(step))
        .map(move |k| (at + u64::from(k * step), step.min(len - k * step), write))
}
