//! The PCI function as software sees it: identity, BARs, interrupt vectors. The shell around `shoal_top` (a PCIe block on a board, the
//! vfio-user server in simulation) holds the configuration space and the function's MSI-X table.

/// Vendor id. Not assigned by the PCI-SIG: for simulation and private use.
pub const VENDOR: u16 = 0x5348;
/// Device id of the management device.
pub const DEVICE: u16 = 0x0a10;
/// Revision id.
pub const REVISION: u8 = 1;
/// Class code: processing accelerator (PCI code and ID assignment 1.15, 12h).
pub const CLASS: u32 = 0x12_0000;

/// BAR of the registers (64 bit, not prefetchable).
pub const BAR_REGS: u8 = 0;
/// Bytes of it: `s_axil` from address 0 up to the MSI-X table of `shoal_top`, which belongs to the shell.
pub const BAR_REGS_BYTES: u64 = crate::regs::MSIX_TABLE as u64;
/// BAR of the doorbell pages (64 bit, prefetchable, since it may be larger than what lies below 4 GiB): page p at p * 4096. As many bytes as there are pages, a power of two.
pub const BAR_DOORBELLS: u8 = 2;
/// BAR of the function's MSI-X table and pending bits (64 bit, not prefetchable), held by the shell.
pub const BAR_MSIX: u8 = 4;
/// Bytes of it.
pub const BAR_MSIX_BYTES: u64 = 0x1_0000;
/// Offset of the table in it.
pub const MSIX_TABLE_OFFSET: u32 = 0;
/// Offset of the pending bits in it.
pub const MSIX_PBA_OFFSET: u32 = 0x8000;

/// First vector that the management device never raises itself: it and those above exist so that the system hands out their
/// messages, which the driver stores in MSI slots (MSI_SET, VQ_SETUP). Vectors below are the registers' 0..3.
pub const FIRST_SLOT_VECTOR: u16 = crate::regs::MSIX_VECTORS as u16;
/// Most vectors of the function (PCI 6.2 §6.1.4: 2048).
pub const MAX_VECTORS: u16 = 2048;
/// Vectors of the function unless the shell is told otherwise.
pub const DEFAULT_VECTORS: u16 = 64;
