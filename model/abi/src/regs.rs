//! BAR0: the register map of the management device.
//!
//! 32-bit little-endian registers; byte enables select bytes of a register. An address outside every register answers SLVERR
//! on reads and writes and changes nothing. The first 64 bytes are `struct virtio_pci_common_cfg` (virtio 1.4 §4.1.4.3).

/// Who may write a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Writes are ignored (OKAY).
    Ro,
    /// Read and write.
    Rw,
    /// Write only; reads 0.
    Wo,
}

/// One 32-bit register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reg {
    /// Name in the documents.
    pub name: &'static str,
    /// Byte offset in BAR0.
    pub offset: u32,
    /// Access.
    pub access: Access,
    /// What it holds: fields as \[msb:lsb\].
    pub doc: &'static str,
}

macro_rules! regs { ($($name:ident $off:literal $acc:ident $doc:literal;)*) => {
    $(#[doc = $doc] pub const $name: Reg = Reg { name: stringify!($name), offset: $off, access: Access::$acc, doc: $doc };)*
    /// Every register, ascending.
    pub const REGS: &[Reg] = &[$($name),*];
} }

regs! {
    DEVICE_FEATURE_SELECT 0x000 Rw "Selects the dword of DEVICE_FEATURE.";
    DEVICE_FEATURE 0x004 Ro "Features of the management device, dword DEVICE_FEATURE_SELECT; 0 for selects above 1.";
    DRIVER_FEATURE_SELECT 0x008 Rw "Selects the dword of DRIVER_FEATURE.";
    DRIVER_FEATURE 0x00c Rw "Features accepted by the driver, dword DRIVER_FEATURE_SELECT (0 or 1; else reads 0, writes ignored).";
    CONFIG_VECTOR_NUM_QUEUES 0x010 Rw "[15:0] config_msix_vector (0..3 or 0xffff; other values read back 0xffff), [31:16] num_queues, RO 0.";
    STATUS_QUEUE_SELECT 0x014 Rw "[7:0] device_status, [15:8] config_generation RO 0, [31:16] queue_select.";
    QUEUE_SIZE_VECTOR 0x018 Rw "[15:0] queue_size (power of two, 2..=64; other values ignored), [31:16] queue_msix_vector (as config_msix_vector). Reads 0 if queue_select is not the admin queue.";
    QUEUE_ENABLE_NOTIFY_OFF 0x01c Rw "[15:0] queue_enable (writing 1 enables; 0 is ignored), [31:16] queue_notify_off RO 0.";
    QUEUE_DESC_LO 0x020 Rw "Descriptor table address, low half; bits 3:0 read 0.";
    QUEUE_DESC_HI 0x024 Rw "Descriptor table address, high half.";
    QUEUE_DRIVER_LO 0x028 Rw "Available ring address, low half; bit 0 reads 0.";
    QUEUE_DRIVER_HI 0x02c Rw "Available ring address, high half.";
    QUEUE_DEVICE_LO 0x030 Rw "Used ring address, low half; bits 1:0 read 0.";
    QUEUE_DEVICE_HI 0x034 Rw "Used ring address, high half.";
    QUEUE_NOTIF_RESET 0x038 Ro "[15:0] queue_notif_config_data 0, [31:16] queue_reset 0 (not offered).";
    ADMIN_QUEUE 0x03c Ro "[15:0] admin_queue_index 0, [31:16] admin_queue_num 1.";
    MAGIC 0x100 Ro "0x4c4f4853, \"SHOL\".";
    ABI 0x104 Ro "ABI version, see ABI_VERSION.";
    READY 0x108 Ro "[0] 1 once the contexts are cleared after a reset, 0 again from the write that starts a warm reset. device_status is writable only while it is 1.";
    CAP_DEVICES 0x10c Ro "Managed devices; member ids are 1..=this.";
    CAP_QUEUES 0x110 Ro "Virtqueue contexts.";
    CAP_ASIDS 0x114 Ro "Address spaces.";
    CAP_DOORBELL_PAGES 0x118 Ro "Doorbell pages.";
    CAP_VQ 0x11c Ro "[15:0] largest virtqueue, entries, [31:16] most virtqueues a device.";
    CAP_DATA 0x120 Ro "[15:0] data width, bits, [31:16] chains in flight (slots).";
    CAP_CHAIN 0x124 Ro "Most bytes of the readable, and of the writable, descriptors of a chain.";
    FQ_BASE_LO 0x140 Rw "Fault queue address, low half; bits 11:0 read 0.";
    FQ_BASE_HI 0x144 Rw "Fault queue address, high half.";
    FQ_CTRL 0x148 Rw "[0] enable, [6:4] log2(records), [31:16] MSI-X vector (as config_msix_vector).";
    FQ_HEAD 0x14c Rw "[15:0] next record the driver will read, 0..records-1.";
    FQ_TAIL 0x150 Ro "[15:0] next record the device will write. Full when tail + 1 == head (mod records).";
    FQ_LOST 0x154 Ro "Records dropped because the queue was off, full or busy.";
    MMU_CTRL 0x158 Rw "[0] partition: an address space fills only way asid mod 4 of the IOTLB. [1] blocking: one translation at a time, to measure what more at a time are worth.";
    ENGINE_CTRL 0x15c Rw "[0] single: one chain slot in use, so one virtqueue served at a time, to measure what more are worth.";
    CNT_DOORBELLS 0x180 Ro "Doorbells taken from doorbell pages.";
    CNT_TX_PACKETS 0x184 Ro "Packets sent on m_axis without abort.";
    CNT_RX_PACKETS 0x188 Ro "Receive packets delivered to a receive queue.";
    CNT_RX_DROPS 0x18c Ro "Packets taken from s_axis and dropped.";
    CNT_INTERRUPTS 0x190 Ro "Interrupt messages of managed devices sent.";
    CNT_FAULTS 0x194 Ro "Devices put into DEVICE_NEEDS_RESET.";
    CNT_ADMIN 0x198 Ro "Admin commands completed.";
    CNT_TLB_HITS 0x19c Ro "Translations answered by the IOTLB.";
    CNT_TLB_MISSES 0x1a0 Ro "Translations that needed a walk.";
    CNT_WALKS 0x1a4 Ro "Table walks started.";
    CNT_WALKS_MERGED 0x1a8 Ro "Translations that joined a walk for the same page.";
    CNT_MMU_WAITS 0x1ac Ro "Cycles in which a translation was asked for and none was taken up.";
    CNT_MMU_FAULTS 0x1b0 Ro "Translations that ended in a fault.";
    NOTIFY 0x200 Wo "Any write: the admin queue has new buffers.";
    MSIX_PBA 0x10800 Ro "[3:0] MSI-X pending bits of the management device.";
}

/// Offset of the MSI-X table of the management device: 4 entries of {addr_lo, addr_hi, data, \[0\] mask}, reset {0, 0, 0, 1}.
pub const MSIX_TABLE: u32 = 0x1_0000;
/// MSI-X vectors of the management device.
pub const MSIX_VECTORS: u32 = 4;
/// Bytes of an MSI-X table entry.
pub const MSIX_ENTRY_BYTES: u32 = 16;
/// MMU_CTRL: an address space fills only its way of the IOTLB.
pub const MMU_PARTITION: u32 = 1;
/// MMU_CTRL: one translation at a time.
pub const MMU_BLOCKING: u32 = 2;
/// ENGINE_CTRL: one chain slot in use.
pub const ENGINE_SINGLE: u32 = 1;
/// FQ_CTRL: the fault queue is on.
pub const FQ_ENABLE: u32 = 1;
/// FQ_CTRL: first bit of log2(records).
pub const FQ_LOG2_LSB: u32 = 4;
/// FQ_CTRL: largest log2(records).
pub const FQ_LOG2_MAX: u32 = 7;
/// FQ_CTRL: first bit of the vector.
pub const FQ_VECTOR_LSB: u32 = 16;
/// QUEUE_SIZE_VECTOR: first bit of queue_msix_vector.
pub const QUEUE_VECTOR_LSB: u32 = 16;
/// STATUS_QUEUE_SELECT: first bit of queue_select.
pub const QUEUE_SELECT_LSB: u32 = 16;
/// Vector number that means "no interrupt" (virtio 1.4 §4.1.5.1.2).
pub const NO_VECTOR: u16 = 0xffff;
/// Offset of doorbell page 0. Page p stands at `DOORBELLS + p * DOORBELL_PAGE_BYTES`.
pub const DOORBELLS: u32 = 0x4000_0000;
/// Bytes of a doorbell page. Only the first 4 answer OKAY; a write with byte enables 1:0 both set is a doorbell, any other
/// write is ignored; reads give 0.
pub const DOORBELL_PAGE_BYTES: u32 = 4096;
/// Value of `MAGIC`.
pub const MAGIC_VALUE: u32 = 0x4c4f_4853;
/// Entries of the admin queue after reset, and at most.
pub const ADMIN_QUEUE_SIZE: u16 = 64;
/// Features that the management device offers: INDIRECT_DESC, VERSION_1, ACCESS_PLATFORM, ADMIN_VQ.
pub const MGMT_FEATURES: u64 = (1 << 28) | (1 << 32) | (1 << 33) | (1 << 41);
/// AXI-Lite and AXI response: success.
pub const RESP_OKAY: u8 = 0;
/// AXI-Lite and AXI response: error.
pub const RESP_SLVERR: u8 = 2;
/// AXI response: nothing at that address.
pub const RESP_DECERR: u8 = 3;
