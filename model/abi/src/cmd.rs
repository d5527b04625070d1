//! Admin queue: framing, opcodes, statuses, the layout of every command and result (virtio 1.4 §2.13).
//!
//! Readable part: 24-byte header {le16 opcode, le16 group_type, 12 reserved, le64 group_member_id}, then the data below.
//! Writable part: 8-byte header {le16 status, le16 status_qualifier, le32 0}, then the result below (only if status is OK).
//! Offsets below count from the end of the header. Reserved bytes are ignored in commands and 0 in results.

/// One field of a command or result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name.
    pub name: &'static str,
    /// Byte offset behind the header.
    pub offset: usize,
    /// Bytes.
    pub bytes: usize,
    /// Meaning, range.
    pub doc: &'static str,
}

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Name.
    pub name: &'static str,
    /// Opcode.
    pub opcode: u16,
    /// True: group MANAGED; false: group SELF. The LIST commands exist in both.
    pub member: bool,
    /// Command data.
    pub data: &'static [Field],
    /// Result.
    pub result: &'static [Field],
    /// What it does; errors beyond those of every command.
    pub doc: &'static str,
}

/// Group type: the management device itself.
pub const GROUP_SELF: u16 = 0;
/// Group type: managed devices. Private: virtio 1.4 has no group for devices without a PCI identity.
pub const GROUP_MANAGED: u16 = 0x5348;

/// Bytes of the readable header.
pub const HEADER_BYTES: usize = 24;
/// Bytes of the writable header.
pub const RESULT_HEADER_BYTES: usize = 8;
/// Bytes of a command that the device looks at, header included; longer readable parts have an ignored tail.
pub const COMMAND_BYTES: usize = 128;
/// Bytes of device configuration kept for each managed device.
pub const CONFIG_BYTES: usize = 64;
/// Most virtqueues of one managed device.
pub const MAX_DEV_VQS: u16 = 8;
/// `vq_index` that means the configuration change interrupt in MSI_SET and MSI_GET.
pub const CONFIG_MSI: u16 = 0xffff;
/// Virtqueue groups of a device: 0 data buffers, 1 control buffers, 2 rings (descriptor tables, available and used rings).
pub const GROUPS: u32 = 3;

macro_rules! statuses { ($($name:ident = $v:literal, $doc:literal;)*) => { $(#[doc = $doc] pub const $name: u16 = $v;)* } }
statuses! {
    OK = 0, "Done.";
    EAGAIN = 11, "Not finished in time; nothing changed; try again.";
    EBUSY = 16, "The device is in a state that does not allow it, or a resource belongs to another device.";
    EEXIST = 17, "DEV_CREATE of an id that exists.";
    EINVAL = 22, "Refused; nothing changed; the qualifier says why.";
    Q_OK = 0, "Qualifier of OK.";
    Q_INVALID_COMMAND = 1, "The command is not allowed now.";
    Q_INVALID_OPCODE = 2, "Unknown opcode, or not in the set chosen by LIST_USE.";
    Q_INVALID_FIELD = 3, "A field is out of range.";
    Q_INVALID_GROUP = 4, "Unknown group type.";
    Q_INVALID_MEMBER = 5, "group_member_id names no device (or, in DEV_CREATE, is out of range).";
    Q_NORESOURCE = 6, "A virtqueue context or doorbell page is taken.";
    Q_TRYAGAIN = 7, "Qualifier of EAGAIN.";
}

const fn f(name: &'static str, offset: usize, bytes: usize, doc: &'static str) -> Field {
    Field {
        name,
        offset,
        bytes,
        doc,
    }
}

macro_rules! commands { ($($name:ident $op:literal $member:literal [$($d:expr),*] [$($r:expr),*] $doc:literal;)*) => {
    $(#[doc = $doc] pub const $name: u16 = $op;)*
    /// Every command, ascending by opcode.
    pub const COMMANDS: &[Command] = &[$(Command { name: stringify!($name), opcode: $op, member: $member, data: &[$($d),*], result: &[$($r),*], doc: $doc }),*];
} }

commands! {
    LIST_QUERY 0x00 false [] [f("opcodes", 0, 16, "bit n: opcode n is supported in this group")]
        "Supported opcodes of the group.";
    LIST_USE 0x01 false [f("opcodes", 0, 16, "bit n: the driver will use opcode n")] []
        "Chooses the legal opcodes of the group. A bit that LIST_QUERY does not show: EINVAL/INVALID_FIELD.";
    DEV_MODE_SET 0x11 true [f("flags", 0, 1, "bit 0 STOPPED; 0 resumes; other bits: EINVAL/INVALID_FIELD")] []
        "Stop: no new chain is started, those in flight are completed, then the command completes; ring state is then stable. If they take over DRAIN_POLLS polls: the device runs on, EAGAIN/TRYAGAIN. Resume: every ready queue is looked at again. Both succeed when there is nothing to do.";
    CAPS 0x40 false [] [
        f("devices", 0, 4, "managed devices; ids 1..=devices"), f("queues", 4, 4, "virtqueue contexts"),
        f("asids", 8, 4, "address spaces"), f("doorbell_pages", 12, 4, "doorbell pages"),
        f("max_vq_size", 16, 2, "entries"), f("max_dev_vqs", 18, 2, "virtqueues a device"),
        f("ring_formats", 20, 4, "bit 0 split"), f("device_types", 24, 8, "bit n: virtio device type n"),
        f("common_features", 32, 8, "of every device"), f("net_features", 40, 8, "further ones of net devices"),
        f("blk_features", 48, 8, "further ones of block devices"), f("modes", 56, 4, "bit n: ASID mode n"),
        f("config_bytes", 60, 4, "configuration bytes a device")]
        "Limits and features.";
    ASID_SET 0x41 false [
        f("asid", 0, 4, "0..asids"), f("flags", 4, 4, "[1:0] mode, [4] PASID valid"), f("pasid", 8, 4, "20 bits"),
        f("reserved", 12, 4, ""), f("root", 16, 8, "root table, 4 KiB aligned, below 2^56")] []
        "Binds an address space. Translations made before stay in the IOTLB until IOTLB_INVALIDATE.";
    ASID_GET 0x42 false [f("asid", 0, 4, "0..asids")] [
        f("asid", 0, 4, ""), f("flags", 4, 4, "as in ASID_SET"), f("pasid", 8, 4, ""), f("reserved", 12, 4, ""), f("root", 16, 8, "")]
        "Reads a binding.";
    IOTLB_INVALIDATE 0x43 false [
        f("kind", 0, 4, "0 all, 1 one ASID, 2 a range of one ASID"), f("asid", 4, 4, "0..asids (kinds 1 and 2)"),
        f("iova", 8, 8, "first byte, 4 KiB aligned (kind 2)"), f("len", 16, 8, "bytes, not 0, 4 KiB multiple, iova + len <= 2^64 (kind 2)")] []
        "Drops translations; may drop more than asked for: this device drops all of the ASID for a range. Completes when no access that used one of them can still reach memory.";
    TRANSLATE 0x44 false [f("asid", 0, 4, "0..asids"), f("flags", 4, 4, "bit 0: as for a write"), f("iova", 8, 8, "")] [
        f("address", 0, 8, "physical address, or 0"), f("cause", 8, 4, "0, or the fault cause"), f("pasid", 12, 4, "[19:0] PASID, [20] valid")]
        "Debug look-up by the path that devices use.";
    MMU_STATS_GET 0x45 false [] [
        f("hits", 0, 4, "CNT_TLB_HITS"), f("misses", 4, 4, "CNT_TLB_MISSES"), f("walks", 8, 4, "CNT_WALKS"),
        f("merged", 12, 4, "CNT_WALKS_MERGED"), f("waits", 16, 4, "CNT_MMU_WAITS"), f("faults", 20, 4, "CNT_MMU_FAULTS")]
        "Counters of the device MMU, all of one moment: the registers of these names.";
    DEV_CREATE 0x48 true [
        f("type", 0, 2, "1 net, 2 block"), f("vq_count", 2, 2, "1..=8; net: even"), f("vq_base", 4, 4, "first virtqueue context; vq_base + vq_count <= queues"),
        f("features", 8, 8, "offered; must hold VERSION_1 and ACCESS_PLATFORM and no unsupported bit"),
        f("asid_data", 16, 4, "ASID of group 0"), f("asid_control", 20, 4, "of group 1"), f("asid_rings", 24, 4, "of group 2"),
        f("doorbell_page", 28, 4, "0..doorbell_pages"), f("config", 32, 64, "initial configuration space")] []
        "Creates the device group_member_id. Contexts or page owned by another device: EBUSY/NORESOURCE. Exists: EEXIST/INVALID_MEMBER.";
    DEV_DESTROY 0x49 true [] []
        "Drains and frees the device. EAGAIN/TRYAGAIN if that takes over DRAIN_POLLS polls (the device then stays, with DEVICE_NEEDS_RESET).";
    FEATURES_GET 0x4a true [] [f("device_features", 0, 8, "offered"), f("driver_features", 8, 8, "as last set")]
        "Feature bits.";
    FEATURES_SET 0x4b true [f("driver_features", 0, 8, "")] []
        "Driver features. With FEATURES_OK set: EINVAL/INVALID_COMMAND.";
    STATUS_GET 0x4c true [] [f("status", 0, 1, "device status"), f("reserved", 1, 3, ""), f("generation", 4, 4, "config generation, low 8 bits")]
        "Device status (virtio 1.4 §2.1).";
    STATUS_SET 0x4d true [f("status", 0, 1, "0 resets")] [f("status", 0, 1, "as it stands afterwards"), f("reserved", 1, 7, "")]
        "Bits outside S_WRITABLE are ignored. Clearing a bit otherwise than by 0, or DRIVER_OK without FEATURES_OK: EINVAL/INVALID_FIELD. FEATURES_OK is not kept if the driver features are no subset or lack a required one. 0: drains, then features 0, queues not ready, MSI slots of the device cleared, not stopped; configuration, ASIDs and doorbell page stay.";
    CONFIG_GET 0x4e true [] [f("generation", 0, 4, "low 8 bits"), f("reserved", 4, 4, ""), f("config", 8, 64, "")]
        "Configuration space.";
    CONFIG_SET 0x4f true [f("bytes", 0, 8, "bit n: write byte n"), f("config", 8, 64, "")] []
        "Changes configuration bytes, counts the generation up and, with DRIVER_OK, sends the config interrupt.";
    VQ_SETUP 0x50 true [
        f("vq_index", 0, 2, "0..vq_count"), f("size", 2, 2, "entries, power of two, 2..=max_vq_size"), f("group", 4, 1, "buffers: 0 data, 1 control"),
        f("flags", 5, 1, "bit 0: ready"), f("last_avail", 6, 2, "next available index"),
        f("desc", 8, 8, "descriptor table IOVA, 16-byte aligned"), f("driver", 16, 8, "available ring IOVA, 2-byte aligned"),
        f("device", 24, 8, "used ring IOVA, 4-byte aligned"), f("used_idx", 32, 2, "next used index"), f("reserved", 34, 2, ""),
        f("msi_ctrl", 36, 4, "as in MSI_SET"), f("msi_address", 40, 8, ""), f("msi_data", 48, 4, ""), f("reserved", 52, 4, "")] []
        "Sets up a queue at once. Queue in use (ready, or a chain still in flight): EBUSY/INVALID_COMMAND. With DRIVER_OK a queue that becomes ready is looked at.";
    VQ_STATE_GET 0x51 true [f("vq_index", 0, 2, "0..vq_count")] [
        f("last_avail", 0, 2, "next available index"), f("used_idx", 2, 2, "next used index"), f("size", 4, 2, ""), f("ready", 6, 1, ""), f("reserved", 7, 1, "")]
        "Ring state. Stable only while stopped or not ready.";
    VQ_RESET 0x52 true [f("vq_index", 0, 2, "0..vq_count")] []
        "Drains the queue and makes it not ready; ring state 0. EAGAIN/TRYAGAIN as DEV_MODE_SET.";
    GROUP_ASID_SET 0x53 true [f("group", 0, 4, "0..GROUPS"), f("asid", 4, 4, "0..asids")] []
        "Rebinds a group. With DRIVER_OK and not stopped: EBUSY/INVALID_COMMAND.";
    MSI_SET 0x54 true [
        f("vq_index", 0, 2, "0..vq_count, or CONFIG_MSI"), f("reserved", 2, 2, ""), f("ctrl", 4, 4, "bit 0 mask, bit 2 valid"),
        f("address", 8, 8, "4-byte aligned"), f("data", 16, 4, ""), f("reserved", 20, 4, "")] []
        "Sets a message. Unmasking a slot with the pending bit sends the message and clears the bit; pending survives otherwise while valid.";
    MSI_GET 0x55 true [f("vq_index", 0, 2, "0..vq_count, or CONFIG_MSI")] [
        f("address", 0, 8, ""), f("data", 8, 4, ""), f("ctrl", 12, 4, "bit 0 mask, bit 1 pending, bit 2 valid")]
        "Reads a message.";
    STATS_GET 0x56 true [f("vq_index", 0, 2, "0..vq_count")] [
        f("kicks", 0, 4, "doorbells"), f("chains", 4, 4, "chains completed"), f("interrupts", 8, 4, "messages sent"),
        f("drops", 12, 4, "receive packets dropped"), f("faults", 16, 4, ""), f("reserved", 20, 4, "")]
        "Counters of a queue since DEV_CREATE, modulo 2^32.";
    SCHED_SET 0x57 true [
        f("weight", 0, 1, "chains that a transmit or request queue of the device is served at a time, 1..=8"), f("flags", 1, 1, "bit 0: paced"),
        f("reserved", 2, 2, ""), f("interval", 4, 4, "paced: cycles a chain, 1..=MAX_INTERVAL"),
        f("burst", 8, 4, "paced: cycles that may be saved up, 0..=MAX_INTERVAL"), f("reserved", 12, 4, "")] []
        "The device's share of turns, and a limit of its rate, from full credit on. Not paced: interval and burst are ignored and read 0. DEV_CREATE sets weight 8, not paced.";
    SCHED_GET 0x58 true [] [
        f("weight", 0, 1, ""), f("flags", 1, 1, ""), f("reserved", 2, 2, ""), f("interval", 4, 4, ""), f("burst", 8, 4, ""), f("reserved", 12, 4, "")]
        "What SCHED_SET has set.";
}

/// MSI control: masked.
pub const MSI_MASK: u32 = 1;
/// MSI control: pending (read only).
pub const MSI_PENDING: u32 = 2;
/// MSI control: the slot holds a message.
pub const MSI_VALID: u32 = 4;
/// ASID_SET flags: PASID valid.
pub const ASID_PASID_VALID: u32 = 1 << 4;
/// IOTLB_INVALIDATE kind: everything.
pub const IOTLB_ALL: u32 = 0;
/// IOTLB_INVALIDATE kind: an ASID.
pub const IOTLB_ASID: u32 = 1;
/// IOTLB_INVALIDATE kind: a range of an ASID.
pub const IOTLB_RANGE: u32 = 2;
/// VQ_SETUP flag: the queue is ready.
pub const VQ_READY: u32 = 1;
/// DEV_MODE_SET flag.
pub const MODE_STOPPED: u8 = 1;
/// SCHED_SET flag: the device is paced.
pub const SCHED_PACED: u8 = 1;
/// Largest `interval` and `burst` of SCHED_SET, cycles.
pub const MAX_INTERVAL: u32 = (1 << 24) - 1;
/// Largest `weight` of SCHED_SET, and that of a new device: the most chains of a visit.
pub const MAX_WEIGHT: u8 = 8;
/// Polls after which a drain gives up. See the timing contract for the poll interval.
pub const DRAIN_POLLS: u16 = 1024;

/// Opcodes of group SELF, bits 63:0 and 127:64.
pub const LIST_SELF: [u64; 2] = list(false);
/// Opcodes of group MANAGED, bits 63:0 and 127:64.
pub const LIST_MANAGED: [u64; 2] = list(true);

const fn list(member: bool) -> [u64; 2] {
    let mut w = [(1 << LIST_QUERY) | (1 << LIST_USE), 0];
    let mut i = 0;
    while i < COMMANDS.len() {
        let c = &COMMANDS[i];
        if c.member == member {
            w[(c.opcode / 64) as usize] |= 1 << (c.opcode % 64);
        }
        i += 1;
    }
    w
}
