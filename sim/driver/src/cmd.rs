//! Admin commands: encoding and decoding by the field tables of `shoal_abi::cmd`, and one typed builder for each command.
//!
//! No offset stands here: a field is named, its place comes from the table.

use shoal_abi::cmd::{self as abi, Command, Field, COMMANDS};

use crate::error::{CommandStatus, Error, Result};
use crate::msi::Msi;

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

/// Limits and features, the result of CAPS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Managed devices; member ids are 1..=this.
    pub devices: u32,
    /// Virtqueue contexts.
    pub queues: u32,
    /// Address spaces.
    pub asids: u32,
    /// Doorbell pages.
    pub doorbell_pages: u32,
    /// Largest virtqueue, entries.
    pub max_vq_size: u16,
    /// Most virtqueues of a device.
    pub max_dev_vqs: u16,
    /// Bit 0: split rings.
    pub ring_formats: u32,
    /// Bit n: virtio device type n.
    pub device_types: u64,
    /// Features of every device.
    pub common_features: u64,
    /// Further features of net devices.
    pub net_features: u64,
    /// Further features of block devices.
    pub blk_features: u64,
    /// Bit n: ASID mode n.
    pub modes: u32,
    /// Configuration bytes kept for a device.
    pub config_bytes: u32,
}

impl From<&Reply> for Caps {
    fn from(r: &Reply) -> Self {
        Self {
            devices: r.of("devices"),
            queues: r.of("queues"),
            asids: r.of("asids"),
            doorbell_pages: r.of("doorbell_pages"),
            max_vq_size: r.of("max_vq_size"),
            max_dev_vqs: r.of("max_dev_vqs"),
            ring_formats: r.of("ring_formats"),
            device_types: r.of("device_types"),
            common_features: r.of("common_features"),
            net_features: r.of("net_features"),
            blk_features: r.of("blk_features"),
            modes: r.of("modes"),
            config_bytes: r.of("config_bytes"),
        }
    }
}

/// What an ASID is bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// Mode, one of `shoal_abi::mmu::MODE_*`.
    pub mode: u8,
    /// PASID that tags the accesses.
    pub pasid: Option<u32>,
    /// Platform address of the root table (Sv39, Sv48).
    pub root: u64,
}

impl From<&Reply> for Binding {
    fn from(r: &Reply) -> Self {
        let flags: u32 = r.of("flags");
        Self {
            mode: (flags & 3) as u8,
            pasid: (flags & abi::ASID_PASID_VALID != 0).then(|| r.of("pasid")),
            root: r.get("root"),
        }
    }
}

/// The arguments of VQ_SETUP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VqSetup {
    /// Index within the device.
    pub vq_index: u16,
    /// Entries.
    pub size: u16,
    /// Group of the buffers: 0 data, 1 control.
    pub group: u8,
    /// Start it.
    pub ready: bool,
    /// Next available index.
    pub last_avail: u16,
    /// Next used index.
    pub used_idx: u16,
    /// IOVA of the descriptor table.
    pub desc: u64,
    /// IOVA of the available ring.
    pub driver: u64,
    /// IOVA of the used ring.
    pub device: u64,
    /// Interrupt message; `None`: no interrupts.
    pub msi: Option<Msi>,
}

/// Ring state, the result of VQ_STATE_GET.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VqState {
    /// Next available index.
    pub last_avail: u16,
    /// Next used index.
    pub used_idx: u16,
    /// Entries.
    pub size: u16,
    /// The queue is ready.
    pub ready: bool,
}

impl From<&Reply> for VqState {
    fn from(r: &Reply) -> Self {
        Self {
            last_avail: r.of("last_avail"),
            used_idx: r.of("used_idx"),
            size: r.of("size"),
            ready: r.get("ready") & 1 == 1,
        }
    }
}

/// Counters of a queue, the result of STATS_GET.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VqStats {
    /// Doorbells.
    pub kicks: u32,
    /// Chains completed.
    pub chains: u32,
    /// Messages sent.
    pub interrupts: u32,
    /// Receive packets dropped.
    pub drops: u32,
    /// Faults.
    pub faults: u32,
}

impl From<&Reply> for VqStats {
    fn from(r: &Reply) -> Self {
        Self {
            kicks: r.of("kicks"),
            chains: r.of("chains"),
            interrupts: r.of("interrupts"),
            drops: r.of("drops"),
            faults: r.of("faults"),
        }
    }
}

/// The arguments of DEV_CREATE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DevCreate {
    /// Virtio device type.
    pub device_type: u16,
    /// Virtqueues.
    pub vq_count: u16,
    /// First virtqueue context.
    pub vq_base: u32,
    /// Features offered.
    pub features: u64,
    /// ASID of the groups data, control, rings.
    pub asids: [u32; abi::GROUPS as usize],
    /// Doorbell page.
    pub doorbell_page: u32,
    /// Initial configuration space, `CONFIG_BYTES` or less.
    pub config: Vec<u8>,
}

fn msi_words(msi: Option<Msi>, masked: bool) -> (u32, u64, u32) {
    let mask = if masked { abi::MSI_MASK } else { 0 };
    msi.map_or((mask, 0, 0), |m| (abi::MSI_VALID | mask, m.address, m.data))
}

/// LIST_QUERY in `group`.
#[must_use]
pub fn list_query(group: u16) -> Cmd {
    Cmd::new(abi::LIST_QUERY, 0).in_group(group)
}

/// LIST_USE of `opcodes`, bits 63:0 and 127:64, in `group`.
#[must_use]
pub fn list_use(group: u16, opcodes: [u64; 2]) -> Cmd {
    let bytes: Vec<u8> = opcodes.iter().flat_map(|w| w.to_le_bytes()).collect();
    Cmd::new(abi::LIST_USE, 0)
        .in_group(group)
        .put_bytes("opcodes", &bytes)
}

/// The bitmap in the reply to LIST_QUERY.
#[must_use]
pub fn opcodes(reply: &Reply) -> [u64; 2] {
    let mut words = [0; 2];
    for (w, b) in words.iter_mut().zip(reply.bytes("opcodes").chunks_exact(8)) {
        *w = b.iter().rev().fold(0, |n, &x| (n << 8) | u64::from(x));
    }
    words
}

/// ASID_SET.
#[must_use]
pub fn asid_set(asid: u32, to: Binding) -> Cmd {
    let pasid_valid = if to.pasid.is_some() {
        abi::ASID_PASID_VALID
    } else {
        0
    };
    Cmd::new(abi::ASID_SET, 0)
        .put("asid", asid.into())
        .put("flags", (u32::from(to.mode) | pasid_valid).into())
        .put("pasid", to.pasid.unwrap_or(0).into())
        .put("root", to.root)
}

/// IOTLB_INVALIDATE of everything (`None`), of an ASID, or of {first byte, bytes} in it.
#[must_use]
pub fn iotlb_invalidate(asid: Option<u32>, range: Option<(u64, u64)>) -> Cmd {
    let c = Cmd::new(abi::IOTLB_INVALIDATE, 0);
    match (asid, range) {
        (None, _) => c,
        (Some(a), None) => c.put("kind", 1).put("asid", a.into()),
        (Some(a), Some((iova, len))) => c
            .put("kind", 2)
            .put("asid", a.into())
            .put("iova", iova)
            .put("len", len),
    }
}

/// TRANSLATE.
#[must_use]
pub fn translate(asid: u32, iova: u64, write: bool) -> Cmd {
    Cmd::new(abi::TRANSLATE, 0)
        .put("asid", asid.into())
        .put("flags", write.into())
        .put("iova", iova)
}

/// DEV_CREATE of member `id`.
#[must_use]
pub fn dev_create(id: u32, d: &DevCreate) -> Cmd {
    Cmd::new(abi::DEV_CREATE, id.into())
        .put("type", d.device_type.into())
        .put("vq_count", d.vq_count.into())
        .put("vq_base", d.vq_base.into())
        .put("features", d.features)
        .put("asid_data", d.asids[0].into())
        .put("asid_control", d.asids[1].into())
        .put("asid_rings", d.asids[2].into())
        .put("doorbell_page", d.doorbell_page.into())
        .put_bytes("config", &d.config)
}

/// CONFIG_SET of `bytes` from `offset`; the range lies inside `CONFIG_BYTES`.
#[must_use]
pub fn config_set(id: u32, offset: usize, bytes: &[u8]) -> Cmd {
    let mut config = [0; abi::CONFIG_BYTES];
    let mut mask = 0u64;
    for (n, &b) in bytes
        .iter()
        .enumerate()
        .take(abi::CONFIG_BYTES.saturating_sub(offset))
    {
        config[offset + n] = b;
        mask |= 1 << (offset + n);
    }
    Cmd::new(abi::CONFIG_SET, id.into())
        .put("bytes", mask)
        .put_bytes("config", &config)
}

/// VQ_SETUP.
#[must_use]
pub fn vq_setup(id: u32, q: &VqSetup) -> Cmd {
    let (ctrl, address, data) = msi_words(q.msi, false);
    Cmd::new(abi::VQ_SETUP, id.into())
        .put("vq_index", q.vq_index.into())
        .put("size", q.size.into())
        .put("group", q.group.into())
        .put("flags", q.ready.into())
        .put("last_avail", q.last_avail.into())
        .put("used_idx", q.used_idx.into())
        .put("desc", q.desc)
        .put("driver", q.driver)
        .put("device", q.device)
        .put("msi_ctrl", ctrl.into())
        .put("msi_address", address)
        .put("msi_data", data.into())
}

/// A command whose only argument is a queue index: VQ_STATE_GET, VQ_RESET, MSI_GET, STATS_GET.
#[must_use]
pub fn of_vq(opcode: u16, id: u32, vq_index: u16) -> Cmd {
    Cmd::new(opcode, id.into()).put("vq_index", vq_index.into())
}

/// GROUP_ASID_SET.
#[must_use]
pub fn group_asid_set(id: u32, group: u32, asid: u32) -> Cmd {
    Cmd::new(abi::GROUP_ASID_SET, id.into())
        .put("group", group.into())
        .put("asid", asid.into())
}

/// MSI_SET of a queue or of `CONFIG_MSI`; `None` takes the message away.
#[must_use]
pub fn msi_set(id: u32, vq_index: u16, msi: Option<Msi>, masked: bool) -> Cmd {
    let (ctrl, address, data) = msi_words(msi, masked);
    Cmd::new(abi::MSI_SET, id.into())
        .put("vq_index", vq_index.into())
        .put("ctrl", ctrl.into())
        .put("address", address)
        .put("data", data.into())
}

#[cfg(test)]
mod tests {
    use super::*;

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
