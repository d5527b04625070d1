//! The configuration space of the function: type 0 header, PCI Express, MSI-X and PASID capabilities (PCI 6.2 §7.5 to §7.9).

use shoal_abi::pci;
use shoal_abi::profile::Profile;
use shoal_abi::regs::DOORBELL_PAGE_BYTES;

/// Bytes of the configuration space of a PCI Express function.
pub const CONFIG_BYTES: usize = 4096;

const COMMAND: usize = 0x04;
const BAR0: usize = 0x10;
const PCIE: usize = 0x40;
const DEVICE_CONTROL: usize = PCIE + 8;
const MSIX: usize = 0x80;
const PASID: usize = 0x100;

const COMMAND_MEMORY: u16 = 1 << 1;
const COMMAND_MASTER: u16 = 1 << 2;
const COMMAND_INTX_OFF: u16 = 1 << 10;
/// Device Control: Initiate Function Level Reset.
const FLR: u16 = 1 << 15;

/// What a write to the configuration space asks for, beyond being kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// A function-level reset.
    Reset,
}

/// The configuration space.
#[derive(Clone, Debug)]
pub struct Config {
    bytes: Vec<u8>,
    /// Bits that a write changes.
    writable: Vec<u8>,
}

/// Bytes of BAR `bar`; 0 for one that the function has not.
#[must_use]
pub fn bar_bytes(profile: &Profile, bar: u32) -> u64 {
    match u8::try_from(bar) {
        Ok(pci::BAR_REGS) => pci::BAR_REGS_BYTES,
        Ok(pci::BAR_DOORBELLS) => {
            let pages = u64::from(profile.doorbell_pages) * u64::from(DOORBELL_PAGE_BYTES);
            pages.next_power_of_two()
        }
        Ok(pci::BAR_MSIX) => pci::BAR_MSIX_BYTES,
        _ => 0,
    }
}

impl Config {
    /// The configuration space after a reset, with `vectors` MSI-X vectors.
    #[must_use]
    pub fn new(profile: &Profile, vectors: u16) -> Self {
        let mut c = Self {
            bytes: vec![0; CONFIG_BYTES],
            writable: vec![0; CONFIG_BYTES],
        };
        c.put(0x00, &pci::VENDOR.to_le_bytes());
        c.put(0x02, &pci::DEVICE.to_le_bytes());
        c.allow(COMMAND, COMMAND_MEMORY | COMMAND_MASTER | COMMAND_INTX_OFF);
        // Status: there is a list of capabilities.
        c.put(0x06, &0x10_u16.to_le_bytes());
        c.put(
            0x08,
            &(pci::CLASS << 8 | u32::from(pci::REVISION)).to_le_bytes(),
        );
        c.writable[0x0c] = 0xff;
        for bar in 0..6 {
            let bytes = bar_bytes(profile, bar);
            if bytes > 0 {
                // 64 bit. Doorbells are prefetchable: only such a BAR may lie above 4 GiB behind a bridge, and it may be large.
                let at = BAR0 + 4 * bar as usize;
                let prefetchable = bar == u32::from(pci::BAR_DOORBELLS);
                c.put(at, &[0b100 | u8::from(prefetchable) << 3]);
                let mask = !(bytes - 1) & !0xf;
                c.writable[at..at + 8].copy_from_slice(&mask.to_le_bytes());
            }
        }
        c.put(0x2c, &pci::VENDOR.to_le_bytes());
        c.put(0x2e, &pci::DEVICE.to_le_bytes());
        c.put(0x34, &[PCIE as u8]);
        c.writable[0x3c] = 0xff;

        // PCI Express: version 2, endpoint; extended tags, function-level reset; no further link of interest (Gen 1 x1).
        c.put(PCIE, &[0x10, MSIX as u8, 0x02, 0x00]);
        c.put(PCIE + 4, &(1_u32 << 28 | 1 << 15 | 1 << 5).to_le_bytes());
        c.allow(DEVICE_CONTROL, 0x7fff);
        c.put(PCIE + 0x0c, &0x11_u32.to_le_bytes());
        c.put(PCIE + 0x12, &0x11_u16.to_le_bytes());

        c.put(MSIX, &[0x11, 0]);
        let last = vectors.clamp(1, pci::MAX_VECTORS) - 1;
        c.put(MSIX + 2, &last.to_le_bytes());
        // Enable and Function Mask.
        c.allow(MSIX + 2, 0xc000);
        let table = pci::MSIX_TABLE_OFFSET | u32::from(pci::BAR_MSIX);
        let pba = pci::MSIX_PBA_OFFSET | u32::from(pci::BAR_MSIX);
        c.put(MSIX + 4, &table.to_le_bytes());
        c.put(MSIX + 8, &pba.to_le_bytes());

        // PASID, version 1, the only extended capability; 20 bits, no execute or privileged mode.
        c.put(PASID, &(0x001b_u32 | 1 << 16).to_le_bytes());
        c.put(PASID + 4, &(20_u16 << 8).to_le_bytes());
        c.allow(PASID + 6, 1);
        c
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn allow(&mut self, at: usize, bits: u16) {
        self.writable[at..at + 2].copy_from_slice(&bits.to_le_bytes());
    }

    fn word(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    /// The function may use the bus.
    #[must_use]
    pub fn is_master(&self) -> bool {
        self.word(COMMAND) & COMMAND_MASTER != 0
    }

    /// The BARs answer.
    #[must_use]
    pub fn is_memory_on(&self) -> bool {
        self.word(COMMAND) & COMMAND_MEMORY != 0
    }

    /// `len` bytes from `at`; `None` past the end.
    #[must_use]
    pub fn read(&self, at: u64, len: usize) -> Option<&[u8]> {
        let at = usize::try_from(at).ok()?;
        self.bytes.get(at..at.checked_add(len)?)
    }

    /// Writes `bytes` at `at`; `None` past the end.
    pub fn write(&mut self, at: u64, bytes: &[u8]) -> Option<Effect> {
        let at = usize::try_from(at).ok()?;
        let end = at.checked_add(bytes.len())?;
        let mut effect = Effect::None;
        if end > CONFIG_BYTES {
            return None;
        }
        for (k, new) in (at..end).zip(bytes) {
            let mask = self.writable[k];
            self.bytes[k] = self.bytes[k] & !mask | new & mask;
            if k == DEVICE_CONTROL + 1 && new & (FLR >> 8) as u8 != 0 {
                effect = Effect::Reset;
            }
        }
        Some(effect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::{HYPER, MID, TINY};

    fn dword(c: &Config, at: u64) -> u32 {
        u32::from_le_bytes(c.read(at, 4).unwrap().try_into().unwrap())
    }

    #[test]
    fn bars_tell_their_sizes_as_pci_says() {
        for p in [&TINY, &MID, &HYPER] {
            let mut c = Config::new(p, 64);
            for bar in [pci::BAR_REGS, pci::BAR_DOORBELLS, pci::BAR_MSIX] {
                let at = 0x10 + 4 * u64::from(bar);
                c.write(at, &[0xff; 8]).unwrap();
                let low = u64::from(dword(&c, at));
                let high = u64::from(dword(&c, at + 4));
                let prefetchable = bar == pci::BAR_DOORBELLS;
                assert_eq!(low & 0xf, if prefetchable { 0b1100 } else { 0b100 });
                let size = (!(high << 32 | low & !0xf)).wrapping_add(1);
                assert_eq!(size, bar_bytes(p, bar.into()));
            }
        }
    }

    #[test]
    fn the_capabilities_are_a_list_and_the_header_is_read_only() {
        let mut c = Config::new(&MID, 64);
        let mut at = u64::from(c.read(0x34, 1).unwrap()[0]);
        let mut found = Vec::new();
        while at != 0 {
            found.push(c.read(at, 1).unwrap()[0]);
            at = u64::from(c.read(at + 1, 1).unwrap()[0]);
        }
        assert_eq!(found, [0x10, 0x11]);
        assert_eq!(dword(&c, 0x100), 0x0001_001b);
        assert_eq!(c.read(MSIX as u64 + 2, 2).unwrap(), [63, 0]);
        let before = dword(&c, 0);
        c.write(0, &[0; 4]).unwrap();
        assert_eq!(dword(&c, 0), before);
        assert_eq!(c.write(4094, &[0; 4]), None);
        assert!(c.read(u64::MAX, 4).is_none() && c.read(4095, 2).is_none());
    }

    #[test]
    fn bus_mastering_and_function_level_reset_are_seen() {
        let mut c = Config::new(&TINY, 4);
        assert!(!c.is_master() && !c.is_memory_on());
        assert_eq!(c.write(4, &[6, 0]), Some(Effect::None));
        assert!(c.is_master() && c.is_memory_on());
        assert_eq!(
            c.write(DEVICE_CONTROL as u64, &[0, 0x80]),
            Some(Effect::Reset)
        );
        // The bit reads 0.
        assert_eq!(c.read(DEVICE_CONTROL as u64 + 1, 1).unwrap(), [0]);
    }
}
