//! DMA address spaces: an ASID with its mappings, in one of the modes that the device knows.
//!
//! Sv39 and Sv48 are translated on the card from tables the driver builds. PASID passes IOVAs through and tags them; the
//! platform IOMMU translates. Mappings outlive a reset of the device, as Linux `vdpa_config_ops` asks.

use std::collections::BTreeMap;
use std::sync::Mutex;

use shoal_abi::mmu::{MODE_BARE, PTE_PPN_W};

use crate::cmd::{self, Binding};
use crate::error::{Error, Result};
use crate::lock;
use crate::mgmtdev::Mgmtdev;
use crate::page_table::{check_range, PageTable, Scheme, Unlinked};
use crate::platform::{Perm, Platform, PAGE_BYTES};

/// The last platform address that a page table can name.
const LAST_ADDRESS: u64 = (PAGE_BYTES << PTE_PPN_W) - 1;

/// What translates an address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpaceKind {
    /// The device MMU, three levels.
    Sv39,
    /// The device MMU, four levels.
    Sv48,
    /// The platform IOMMU, by PASID.
    Pasid,
    /// Nothing: IOVA = platform address, and all of memory is within reach. For trusted devices only.
    Bare,
}

#[derive(Debug)]
enum Backend<P: Platform> {
    Table(PageTable<P>),
    Pasid(u32),
    Bare,
}

#[derive(Clone, Copy, Debug)]
struct Mapping {
    bytes: u64,
    pa: u64,
    perm: Perm,
}

#[derive(Debug)]
struct State<P: Platform> {
    backend: Backend<P>,
    /// First IOVA -> mapping. Mappings do not overlap.
    maps: BTreeMap<u64, Mapping>,
}

/// One address space. Use [`AddressSpace::release`] to give it back.
#[derive(Debug)]
pub struct AddressSpace<P: Platform> {
    mgmtdev: Mgmtdev<P>,
    kind: SpaceKind,
    asid: u32,
    state: Mutex<State<P>>,
}

impl<P: Platform> AddressSpace<P> {
    /// A new, empty address space.
    ///
    /// # Errors
    /// `Exhausted` when no ASID or PASID is left, and what the device answers.
    pub fn new(mgmtdev: &Mgmtdev<P>, kind: SpaceKind) -> Result<Self> {
        let platform = mgmtdev.platform();
        let asid = mgmtdev.pools().asids.alloc()?;
        let made = match kind {
            SpaceKind::Sv39 => PageTable::new(platform.clone(), Scheme::Sv39).map(Backend::Table),
            SpaceKind::Sv48 => PageTable::new(platform.clone(), Scheme::Sv48).map(Backend::Table),
            SpaceKind::Pasid => mgmtdev.pools().pasids.alloc().map(Backend::Pasid),
            SpaceKind::Bare => Ok(Backend::Bare),
        };
        let backend = made.inspect_err(|_| mgmtdev.pools().asids.free(asid))?;
        let binding = match &backend {
            Backend::Table(t) => Binding {
                mode: t.scheme().mode(),
                pasid: None,
                root: t.root(),
            },
            Backend::Pasid(p) => {
                platform.bind(*p);
                Binding {
                    mode: MODE_BARE,
                    pasid: Some(*p),
                    root: 0,
                }
            }
            Backend::Bare => Binding {
                mode: MODE_BARE,
                pasid: None,
                root: 0,
            },
        };
        let state = Mutex::new(State {
            backend,
            maps: BTreeMap::new(),
        });
        let space = Self {
            mgmtdev: mgmtdev.clone(),
            kind,
            asid,
            state,
        };
        // A former user of the ASID has invalidated it, so no old translation is left.
        if let Err(e) = mgmtdev.exec(&cmd::asid_set(asid, binding)) {
            space.free_host_side();
            return Err(e);
        }
        Ok(space)
    }

    /// ASID.
    #[must_use]
    pub fn asid(&self) -> u32 {
        self.asid
    }

    /// What translates it.
    #[must_use]
    pub fn kind(&self) -> SpaceKind {
        self.kind
    }

    /// PASID, if it has one.
    #[must_use]
    pub fn pasid(&self) -> Option<u32> {
        match lock(&self.state).backend {
            Backend::Pasid(p) => Some(p),
            _ => None,
        }
    }

    /// First and last usable IOVA; Linux `get_iova_range`.
    #[must_use]
    pub fn iova_range(&self) -> (u64, u64) {
        let last = match self.kind {
            SpaceKind::Sv39 => Scheme::Sv39.iova_limit() - 1,
            SpaceKind::Sv48 => Scheme::Sv48.iova_limit() - 1,
            SpaceKind::Pasid | SpaceKind::Bare => u64::MAX,
        };
        (0, last)
    }

    /// Maps `bytes` bytes from `iova` to platform address `pa`; all three are multiples of 4 KiB.
    ///
    /// # Errors
    /// `Argument`, `Overlap`, and `Platform` when memory for tables runs out; nothing is mapped then.
    pub fn dma_map(&self, iova: u64, bytes: u64, pa: u64, perm: Perm) -> Result<()> {
        let limit = self.iova_range().1;
        check_range(iova, bytes, limit.checked_add(1))?;
        if !pa.is_multiple_of(PAGE_BYTES) {
            return Err(Error::Argument {
                what: "address",
                value: pa,
                rule: "a multiple of 4 KiB",
            });
        }
        if pa.checked_add(bytes - 1).is_none() {
            return Err(Error::Argument {
                what: "address",
                value: pa,
                rule: "the range ends below 2^64",
            });
        }
        let mut state = lock(&self.state);
        if matches!(state.backend, Backend::Table(_)) && pa + (bytes - 1) > LAST_ADDRESS {
            return Err(Error::Argument {
                what: "address",
                value: pa,
                rule: "the range fits into the 56 bits of a page table",
            });
        }
        let before = state.maps.range(..=iova + (bytes - 1)).next_back();
        if before.is_some_and(|(&at, m)| at + (m.bytes - 1) >= iova) {
            return Err(Error::Overlap { iova, bytes });
        }
        match &mut state.backend {
            Backend::Table(t) => {
                if let Err(e) = t.map(iova, pa, bytes, perm) {
                    // Pages mapped so far may already be cached; take them back properly.
                    let unlinked = t.unmap(iova, bytes)?;
                    self.invalidate(iova, bytes)?;
                    t.release_unlinked(unlinked);
                    return Err(e);
                }
            }
            Backend::Pasid(p) => self.mgmtdev.platform().map(*p, iova, pa, bytes, perm),
            Backend::Bare if iova == pa => {}
            Backend::Bare => {
                return Err(Error::Argument {
                    what: "IOVA",
                    value: iova,
                    rule: "equal to the address in a bare space",
                })
            }
        }
        state.maps.insert(iova, Mapping { bytes, pa, perm });
        Ok(())
    }

    /// Takes a range away, which may be part of a mapping or span several. When it returns, no access of the device can
    /// reach the memory any more.
    ///
    /// # Errors
    /// `Argument`, `NotMapped`, and what the device answers.
    pub fn dma_unmap(&self, iova: u64, bytes: u64) -> Result<()> {
        check_range(iova, bytes, None)?;
        let mut state = lock(&self.state);
        let mut at = iova;
        let last = iova + (bytes - 1);
        loop {
            let hit = state
                .maps
                .range(..=at)
                .next_back()
                .map(|(&first, m)| first + (m.bytes - 1));
            match hit {
                Some(end) if end >= last => break,
                Some(end) if end >= at => at = end + 1,
                _ => return Err(Error::NotMapped { iova, bytes }),
            }
        }
        self.clear(&mut state, iova, bytes)?;
        let touched: Vec<u64> = state
            .maps
            .range(..=last)
            .rev()
            .take_while(|(&first, m)| first + (m.bytes - 1) >= iova)
            .map(|(&first, _)| first)
            .collect();
        for first in touched {
            let Some(m) = state.maps.remove(&first) else {
                continue;
            };
            let end = first + (m.bytes - 1);
            if first < iova {
                state.maps.insert(
                    first,
                    Mapping {
                        bytes: iova - first,
                        ..m
                    },
                );
            }
            if end > last {
                let skip = last + 1 - first;
                let rest = Mapping {
                    bytes: m.bytes - skip,
                    pa: m.pa + skip,
                    perm: m.perm,
                };
                state.maps.insert(last + 1, rest);
            }
        }
        Ok(())
    }

    fn clear(&self, state: &mut State<P>, iova: u64, bytes: u64) -> Result<()> {
        match &mut state.backend {
            Backend::Table(t) => {
                let unlinked = t.unmap(iova, bytes)?;
                self.invalidate(iova, bytes)?;
                t.release_unlinked(unlinked);
            }
            Backend::Pasid(p) => {
                self.mgmtdev.platform().unmap(*p, iova, bytes);
                // No translation is cached, but accesses that already passed the platform IOMMU must land first.
                self.invalidate(iova, bytes)?;
            }
            Backend::Bare => self.invalidate(iova, bytes)?,
        }
        Ok(())
    }

    fn invalidate(&self, iova: u64, bytes: u64) -> Result<()> {
        let c = cmd::iotlb_invalidate(Some(self.asid), Some((iova, bytes)));
        self.mgmtdev.exec_retry(&c).map(|_| ())
    }

    /// Takes every mapping away, with one invalidation for all. The space is then empty: isolation comes before the 1:1
    /// default that Linux `reset_map` mentions.
    ///
    /// # Errors
    /// As `dma_unmap`.
    pub fn reset_map(&self) -> Result<()> {
        let mut state = lock(&self.state);
        let State { backend, maps } = &mut *state;
        let mut unlinked = Unlinked::default();
        for (&iova, m) in maps.iter() {
            match backend {
                Backend::Table(t) => unlinked.append(t.unmap(iova, m.bytes)?),
                Backend::Pasid(p) => self.mgmtdev.platform().unmap(*p, iova, m.bytes),
                Backend::Bare => {}
            }
        }
        maps.clear();
        self.mgmtdev
            .exec_retry(&cmd::iotlb_invalidate(Some(self.asid), None))?;
        if let Backend::Table(t) = backend {
            t.release_unlinked(unlinked);
        }
        Ok(())
    }

    /// The platform address behind `iova`, as the driver's own record has it.
    #[must_use]
    pub fn lookup(&self, iova: u64) -> Option<(u64, Perm)> {
        let state = lock(&self.state);
        let (&first, m) = state.maps.range(..=iova).next_back()?;
        (iova - first < m.bytes).then(|| (m.pa + (iova - first), m.perm))
    }

    /// Bytes mapped.
    #[must_use]
    pub fn mapped_bytes(&self) -> u64 {
        lock(&self.state).maps.values().map(|m| m.bytes).sum()
    }

    /// Unbinds the ASID, drops its translations and frees everything. No device may use it any more.
    ///
    /// # Errors
    /// What the device answers; the ASID and its tables then stay taken, since the device may still walk them.
    pub fn release(self) -> Result<()> {
        self.mgmtdev.exec(&cmd::asid_set(self.asid, Binding::OFF))?;
        self.mgmtdev
            .exec_retry(&cmd::iotlb_invalidate(Some(self.asid), None))?;
        self.free_host_side();
        Ok(())
    }

    fn free_host_side(self) {
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match state.backend {
            Backend::Table(t) => t.release(),
            Backend::Pasid(p) => {
                self.mgmtdev.platform().unbind(p);
                self.mgmtdev.pools().pasids.free(p);
            }
            Backend::Bare => {}
        }
        self.mgmtdev.pools().asids.free(self.asid);
    }
}
