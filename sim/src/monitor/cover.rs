//! Functional coverage: named situations that a run can bring a device into, and how often it did.
//!
//! The monitors count them from the ports, so that any device is measured with the same rule. A point that cannot be reached at
//! this interface is not in the list.

use std::collections::HashMap;
use std::sync::OnceLock;

use shoal_abi::cmd::{self, COMMANDS};
use shoal_abi::mmu;

/// Statuses and qualifiers with their names in points.
const STATUSES: [(u16, u16, &str); 9] = [
    (cmd::OK, cmd::Q_OK, "ok"),
    (cmd::EINVAL, cmd::Q_INVALID_MEMBER, "invalid_member"),
    (cmd::EINVAL, cmd::Q_INVALID_FIELD, "invalid_field"),
    (cmd::EINVAL, cmd::Q_INVALID_COMMAND, "invalid_command"),
    (cmd::EINVAL, cmd::Q_INVALID_OPCODE, "invalid_opcode"),
    (cmd::EINVAL, cmd::Q_INVALID_GROUP, "invalid_group"),
    (cmd::EBUSY, cmd::Q_INVALID_COMMAND, "busy"),
    (cmd::EBUSY, cmd::Q_NORESOURCE, "no_resource"),
    (cmd::EEXIST, cmd::Q_INVALID_MEMBER, "exists"),
];
/// The drains give up; whether that can be reached depends on how long the memory takes, so that these are no points.
const GAVE_UP: &str = "try_again";

/// Commands with a field that can be out of range.
const RANGED: [u16; 16] = [
    cmd::LIST_USE,
    cmd::DEV_MODE_SET,
    cmd::ASID_SET,
    cmd::ASID_GET,
    cmd::IOTLB_INVALIDATE,
    cmd::TRANSLATE,
    cmd::DEV_CREATE,
    cmd::STATUS_SET,
    cmd::VQ_SETUP,
    cmd::VQ_STATE_GET,
    cmd::VQ_RESET,
    cmd::GROUP_ASID_SET,
    cmd::MSI_SET,
    cmd::MSI_GET,
    cmd::STATS_GET,
    cmd::SCHED_SET,
];
/// What else a command can answer.
const FURTHER: [(u16, &str); 6] = [
    (cmd::DEV_CREATE, "invalid_member"),
    (cmd::DEV_CREATE, "exists"),
    (cmd::DEV_CREATE, "no_resource"),
    (cmd::FEATURES_SET, "invalid_command"),
    (cmd::VQ_SETUP, "busy"),
    (cmd::GROUP_ASID_SET, "busy"),
];
/// Fault causes.
const CAUSES: [(u16, &str); 13] = [
    (mmu::CAUSE_READ_ACCESS, "read_access"),
    (mmu::CAUSE_WRITE_ACCESS, "write_access"),
    (mmu::CAUSE_READ_PAGE, "read_page"),
    (mmu::CAUSE_WRITE_PAGE, "write_page"),
    (mmu::CAUSE_ASID_OFF, "asid_off"),
    (mmu::CAUSE_TABLE_ACCESS, "table_access"),
    (mmu::CAUSE_AVAIL_JUMP, "avail_jump"),
    (mmu::CAUSE_DESC_INDEX, "desc_index"),
    (mmu::CAUSE_CHAIN_LONG, "chain_long"),
    (mmu::CAUSE_DESC_ORDER, "desc_order"),
    (mmu::CAUSE_INDIRECT, "indirect"),
    (mmu::CAUSE_INDIRECT_TABLE, "indirect_table"),
    (mmu::CAUSE_CHAIN_BYTES, "chain_bytes"),
];
/// Functions with queues, chain shapes, ways of suppression.
const FUNCTIONS: [&str; 3] = ["net_rx", "net_tx", "blk"];
const SHAPES: [&str; 5] = ["one", "few", "many", "indirect", "mixed"];
const WISHES: [&str; 2] = ["flags", "event_idx"];
/// ASID modes.
pub(super) const MODES: [&str; 4] = ["off", "bare", "sv39", "sv48"];
/// Everything that is one point.
const SINGLE: &[&str] = &[
    "leaf.sv39.4k",
    "leaf.sv39.2m",
    "leaf.sv39.1g",
    "leaf.sv48.4k",
    "leaf.sv48.2m",
    "leaf.sv48.1g",
    "invalidate.all",
    "invalidate.asid",
    "invalidate.range",
    "used.one",
    "used.several",
    "used.visit",
    "used.ring_wraps",
    "used.index_wraps",
    "message.queue",
    "message.config",
    "message.fault",
    "message.own",
    "wish.flags.yes",
    "wish.flags.no",
    "wish.event_idx",
    "cut.DEV_DESTROY",
    "cut.STATUS_SET",
    "cut.VQ_RESET",
    "cut.DEV_MODE_SET",
    "reset.registers",
    "reset.wire",
    "axi.read_error",
    "axi.write_error",
    "stall.m_axi_ar",
    "stall.m_axi_aw",
    "stall.m_axi_w",
    "stall.m_axis",
    "stall.s_axil_b",
    "stall.s_axil_r",
    "hold.s_axis",
    "hold.s_axil_aw",
    "hold.s_axil_w",
    "hold.s_axil_ar",
];

struct Points {
    names: Vec<String>,
    index: HashMap<String, usize>,
}

fn list() -> &'static Points {
    static POINTS: OnceLock<Points> = OnceLock::new();
    POINTS.get_or_init(|| {
        let mut names = vec![
            command(None, "invalid_group"),
            command(None, "invalid_opcode"),
        ];
        for c in COMMANDS {
            names.push(command(Some(c), "ok"));
            if c.member && c.opcode != cmd::DEV_CREATE {
                names.push(command(Some(c), "invalid_member"));
            }
            if RANGED.contains(&c.opcode) {
                names.push(command(Some(c), "invalid_field"));
            }
            let further = FURTHER.iter().filter(|(opcode, _)| *opcode == c.opcode);
            names.extend(further.map(|(_, status)| command(Some(c), status)));
        }
        for function in FUNCTIONS {
            for shape in SHAPES {
                names.extend(WISHES.map(|wish| format!("chain.{function}.{shape}.{wish}")));
            }
        }
        for (_, cause) in CAUSES {
            names.extend(["net", "blk"].map(|kind| format!("fault.{cause}.{kind}")));
        }
        for mode in MODES {
            names.extend(["plain", "pasid"].map(|tag| format!("space.{mode}.{tag}")));
        }
        names.extend(SINGLE.iter().map(|&name| name.to_owned()));
        let index = names.iter().cloned().zip(0..).collect();
        Points { names, index }
    })
}

fn command(c: Option<&cmd::Command>, status: &str) -> String {
    format!("command.{}.{status}", c.map_or("any", |c| c.name))
}

/// How often each point was hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover(Vec<u64>);

impl Default for Cover {
    fn default() -> Self {
        Self(vec![0; list().names.len()])
    }
}

impl Cover {
    /// Counts a point; a name that is no point is ignored.
    pub(super) fn hit(&mut self, name: &str) {
        if let Some(n) = list().index.get(name) {
            self.0[*n] += 1;
        }
    }

    /// Counts an answer to an admin command.
    pub(super) fn answer(&mut self, opcode: u16, status: u16, qualifier: u16) {
        let same = |s: &&(u16, u16, &str)| (s.0, s.1) == (status, qualifier);
        let status = STATUSES.iter().find(same).map_or(GAVE_UP, |s| s.2);
        let of = match status {
            "invalid_opcode" | "invalid_group" => None,
            _ => COMMANDS.iter().find(|c| c.opcode == opcode),
        };
        self.hit(&command(of, status));
    }

    /// Counts a fault record.
    pub(super) fn fault(&mut self, cause: u16, is_blk: bool) {
        if let Some((_, cause)) = CAUSES.iter().find(|c| c.0 == cause) {
            self.hit(&format!(
                "fault.{cause}.{}",
                if is_blk { "blk" } else { "net" }
            ));
        }
    }

    /// Adds what another run has hit.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a += b);
    }

    /// Number of points.
    #[must_use]
    pub fn points(&self) -> usize {
        self.0.len()
    }

    /// Number of points that were hit.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.0.iter().filter(|n| **n > 0).count()
    }

    /// Each point and how often it was hit.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let names = list().names.iter().map(String::as_str);
        names.zip(self.0.iter().copied())
    }

    /// Points that were not hit.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        let missed = self.counts().filter(|c| c.1 == 0);
        missed.map(|c| c.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_has_a_name_of_its_own() {
        let points = list();
        assert_eq!(points.index.len(), points.names.len());
    }

    #[test]
    fn hits_are_counted_and_merged() {
        let (mut a, mut b) = (Cover::default(), Cover::default());
        a.answer(cmd::VQ_SETUP, cmd::EBUSY, cmd::Q_INVALID_COMMAND);
        a.answer(0x7fff, cmd::EINVAL, cmd::Q_INVALID_OPCODE);
        a.answer(cmd::CAPS, cmd::EAGAIN, cmd::Q_TRYAGAIN);
        b.fault(mmu::CAUSE_DESC_INDEX, true);
        b.hit("reset.wire");
        b.hit("no point");
        a.merge(&b);
        a.merge(&b);
        let hit: Vec<_> = a.counts().filter(|c| c.1 > 0).collect();
        let expected = [
            ("command.any.invalid_opcode", 1),
            ("command.VQ_SETUP.busy", 1),
            ("fault.desc_index.blk", 2),
            ("reset.wire", 2),
        ];
        assert_eq!(hit, expected);
        assert_eq!(a.hits() + a.missed().len(), a.points());
    }
}
