//! Admin commands: encoding and decoding by the field tables of `shoal_abi::cmd`, and one typed builder for each command.
//!
//! No offset stands here: a field is named, its place comes from the table. `types` are the arguments and results that have
//! a structure, `build` makes each command.

mod build;
mod types;

pub use build::{
    asid_set, config_set, dev_create, group_asid_set, iotlb_invalidate, list_query, list_use,
    msi_set, of_vq, opcodes, sched_set, translate, vq_setup,
};
pub use types::{Binding, Caps, DevCreate, MmuStats, Pace, Sched, VqSetup, VqState, VqStats};

use shoal_abi::cmd::{self as abi, Command, Field, COMMANDS};

use crate::error::{CommandStatus, Error, Result};

/// A command ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cmd {
    spec: &'static Command,
    group: u16,
    member: u64,
    data: Vec<u8>,
}

fn area(fields: &[Field]) -> usize {
    // Both parts are multiples of 8 bytes (virtio 1.4 §2.13.1).
    fields
        .iter()
        .map(|f| f.offset + f.bytes)
        .max()
        .unwrap_or(0)
        .next_multiple_of(8)
}

fn field(fields: &'static [Field], name: &str) -> &'static Field {
    fields
        .iter()
        .find(|f| f.name == name)
        .expect("the name is in the command's field table")
}

impl Cmd {
    /// Command `opcode` with all fields 0.
    ///
    /// # Panics
    /// When no command has this opcode: send such ones raw, through the admin queue.
    #[must_use]
    pub fn new(opcode: u16, member: u64) -> Self {
        let spec = COMMANDS
            .iter()
            .find(|c| c.opcode == opcode)
            .expect("a command of the ABI");
        let group = if spec.member {
            abi::GROUP_MANAGED
        } else {
            abi::GROUP_SELF
        };
        Self {
            spec,
            group,
            member,
            data: vec![0; area(spec.data)],
        }
    }

    /// The same command in another group (LIST_QUERY and LIST_USE exist in both).
    #[must_use]
    pub fn in_group(mut self, group: u16) -> Self {
        self.group = group;
        self
    }

    /// With `value` in field `name`; bytes above the field are lost.
    #[must_use]
    pub fn put(mut self, name: &str, value: u64) -> Self {
        let f = field(self.spec.data, name);
        let n = f.bytes.min(8);
        self.data[f.offset..f.offset + n].copy_from_slice(&value.to_le_bytes()[..n]);
        self
    }

    /// With `bytes` from the start of field `name`; bytes above the field are lost.
    #[must_use]
    pub fn put_bytes(mut self, name: &str, bytes: &[u8]) -> Self {
        let f = field(self.spec.data, name);
        let n = f.bytes.min(bytes.len());
        self.data[f.offset..f.offset + n].copy_from_slice(&bytes[..n]);
        self
    }

    /// Name in the ABI.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.spec.name
    }

    /// Member id, 0 for the mgmtdev.
    #[must_use]
    pub fn member(&self) -> u64 {
        self.member
    }

    /// The readable part: header and data.
    #[must_use]
    pub fn readable(&self) -> Vec<u8> {
        let mut b = vec![0; abi::HEADER_BYTES];
        b[0..2].copy_from_slice(&self.spec.opcode.to_le_bytes());
        b[2..4].copy_from_slice(&self.group.to_le_bytes());
        b[16..24].copy_from_slice(&self.member.to_le_bytes());
        b.extend_from_slice(&self.data);
        b
    }

    /// Bytes of the writable part: header and result.
    #[must_use]
    pub fn writable_bytes(&self) -> usize {
        abi::RESULT_HEADER_BYTES + area(self.spec.result)
    }

    /// The result in `writable`, the first `used` bytes of which the device wrote.
    ///
    /// # Errors
    /// `Command` when the device refused, `ShortResult` when it wrote less than it should.
    pub fn reply(&self, writable: &[u8], used: usize) -> Result<Reply> {
        let written = &writable[..used.min(writable.len())];
        let short = |wanted| Error::ShortResult {
            command: self.name(),
            got: written.len(),
            wanted,
        };
        let (header, result) = written
            .split_at_checked(abi::RESULT_HEADER_BYTES)
            .ok_or_else(|| short(abi::RESULT_HEADER_BYTES))?;
        let status = CommandStatus {
            status: u16::from_le_bytes([header[0], header[1]]),
            qualifier: u16::from_le_bytes([header[2], header[3]]),
        };
        if status.status != abi::OK {
            return Err(Error::Command {
                command: self.name(),
                member: self.member,
                status,
            });
        }
        let wanted = self
            .spec
            .result
            .iter()
            .map(|f| f.offset + f.bytes)
            .max()
            .unwrap_or(0);
        if result.len() < wanted {
            return Err(short(abi::RESULT_HEADER_BYTES + wanted));
        }
        Ok(Reply {
            spec: self.spec,
            bytes: result.to_vec(),
        })
    }
}

/// The result of a command that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    spec: &'static Command,
    bytes: Vec<u8>,
}

impl Reply {
    /// Field `name`, its first 8 bytes if it is longer.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        let mut b = [0; 8];
        let bytes = self.bytes(name);
        let n = bytes.len().min(8);
        b[..n].copy_from_slice(&bytes[..n]);
        u64::from_le_bytes(b)
    }

    /// Field `name` as a `T` of the field's size or wider; 0 when it does not fit, which the field tables exclude.
    fn of<T: TryFrom<u64> + Default>(&self, name: &str) -> T {
        T::try_from(self.get(name)).unwrap_or_default()
    }

    /// The bytes of field `name`.
    #[must_use]
    pub fn bytes(&self, name: &str) -> &[u8] {
        let f = field(self.spec.result, name);
        &self.bytes[f.offset..f.offset + f.bytes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msi::Msi;

    #[test]
    fn a_command_stands_at_the_places_of_its_table() {
        let q = VqSetup {
            vq_index: 3,
            size: 64,
            ready: true,
            used_idx: 0xabcd,
            msi: Some(Msi {
                address: 0xfee0_1000,
                data: 0x31,
            }),
            ..VqSetup::default()
        };
        let b = vq_setup(7, &q).readable();
        assert_eq!(b.len(), 24 + 56);
        assert_eq!(b[0..4], [0x50, 0, 0x48, 0x53]);
        assert_eq!(b[16..24], 7u64.to_le_bytes());
        assert_eq!(b[24..30], [3, 0, 64, 0, 0, 1]);
        assert_eq!(b[24 + 32..24 + 34], [0xcd, 0xab]);
        assert_eq!(b[24 + 36], 4);
        assert_eq!(b[24 + 40..24 + 44], [0, 0x10, 0xe0, 0xfe]);
    }

    #[test]
    fn refused_and_short_results_are_told_apart() {
        let c = of_vq(abi::VQ_STATE_GET, 5, 0);
        assert_eq!(c.writable_bytes(), 16);
        let refused = [22, 0, 5, 0, 0, 0, 0, 0];
        let e = c.reply(&refused, 8).unwrap_err();
        assert_eq!(
            e.to_string(),
            "VQ_STATE_GET for member 5: EINVAL (22)/INVALID_MEMBER (5)"
        );
        let ok = [0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 8, 0, 64, 0, 1, 0];
        assert!(matches!(
            c.reply(&ok, 12),
            Err(Error::ShortResult {
                got: 12,
                wanted: 16,
                ..
            })
        ));
        assert!(matches!(c.reply(&ok, 3), Err(Error::ShortResult { .. })));
        let s = VqState::from(&c.reply(&ok, 16).unwrap());
        assert_eq!(
            s,
            VqState {
                last_avail: 9,
                used_idx: 8,
                size: 64,
                ready: true
            }
        );
    }

    #[test]
    fn config_bytes_outside_the_space_are_left_out() {
        let b = config_set(1, 62, &[1, 2, 3]).readable();
        assert_eq!(b[24..32], (3u64 << 62).to_le_bytes());
    }
}
