//! The platform IOMMU: one page map a PASID, and a pass-through or an allow list for requests without one.
//!
//! A refused request is answered with SLVERR and counted. PASID is PCIe's; the device's own address spaces are elsewhere.

use std::collections::HashMap;
use std::ops::Range;

use super::host_mem::PAGE_BYTES;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No PASID, and the address is not on the allow list.
    #[error("{addr:#x} without a PASID is not allowed")]
    NotAllowed {
        /// Address asked for.
        addr: u64,
    },
    /// No such PASID.
    #[error("PASID {pasid} is unknown")]
    UnknownPasid {
        /// PASID asked for.
        pasid: u32,
    },
    /// The page is not mapped in that PASID.
    #[error("{addr:#x} is not mapped in PASID {pasid}")]
    Unmapped {
        /// PASID asked for.
        pasid: u32,
        /// Address asked for.
        addr: u64,
    },
    /// A write to a page that may only be read.
    #[error("{addr:#x} is read-only in PASID {pasid}")]
    ReadOnly {
        /// PASID asked for.
        pasid: u32,
        /// Address asked for.
        addr: u64,
    },
}

#[derive(Clone, Copy, Debug)]
struct Page {
    pa: u64,
    writable: bool,
}

/// The platform IOMMU of one requester.
#[derive(Clone, Debug, Default)]
pub struct Iommu {
    /// `None`: requests without a PASID pass through.
    allowed: Option<Vec<Range<u64>>>,
    pasids: HashMap<u32, HashMap<u64, Page>>,
    refusals: u64,
    last_refusal: Option<Refusal>,
}

impl Iommu {
    /// Lets requests without a PASID reach only `ranges`; `None` lets them reach everything.
    pub fn allow(&mut self, ranges: Option<Vec<Range<u64>>>) {
        self.allowed = ranges;
    }

    /// Creates `pasid` with an empty map, if it is not there.
    pub fn add_pasid(&mut self, pasid: u32) {
        self.pasids.entry(pasid).or_default();
    }

    /// Forgets `pasid` and its map.
    pub fn remove_pasid(&mut self, pasid: u32) {
        self.pasids.remove(&pasid);
    }

    /// Maps `len` bytes from `iova` to `pa` in `pasid`, which is created; whole pages are mapped.
    pub fn map(&mut self, pasid: u32, iova: u64, pa: u64, len: u64, writable: bool) {
        let pages = self.pasids.entry(pasid).or_default();
        let first = iova / PAGE_BYTES;
        let skew = iova % PAGE_BYTES;
        for n in 0..(skew + len).div_ceil(PAGE_BYTES) {
            let pa = (pa - pa % PAGE_BYTES).wrapping_add(n * PAGE_BYTES);
            pages.insert(first.wrapping_add(n), Page { pa, writable });
        }
    }

    /// Unmaps every page that `len` bytes from `iova` touch.
    pub fn unmap(&mut self, pasid: u32, iova: u64, len: u64) {
        if let Some(pages) = self.pasids.get_mut(&pasid) {
            let first = iova / PAGE_BYTES;
            for n in 0..(iova % PAGE_BYTES + len).div_ceil(PAGE_BYTES) {
                pages.remove(&first.wrapping_add(n));
            }
        }
    }

    /// The platform address of `addr`.
    ///
    /// # Errors
    /// The reason of refusal; it is counted and kept.
    pub fn translate(
        &mut self,
        pasid: Option<u32>,
        addr: u64,
        write: bool,
    ) -> Result<u64, Refusal> {
        let answer = self.look_up(pasid, addr, write);
        if let Err(refusal) = answer {
            self.refusals += 1;
            self.last_refusal = Some(refusal);
        }
        answer
    }

    fn look_up(&self, pasid: Option<u32>, addr: u64, write: bool) -> Result<u64, Refusal> {
        let Some(pasid) = pasid else {
            return match &self.allowed {
                Some(ranges) if !ranges.iter().any(|r| r.contains(&addr)) => {
                    Err(Refusal::NotAllowed { addr })
                }
                _ => Ok(addr),
            };
        };
        let pages = self
            .pasids
            .get(&pasid)
            .ok_or(Refusal::UnknownPasid { pasid })?;
        let page = pages
            .get(&(addr / PAGE_BYTES))
            .ok_or(Refusal::Unmapped { pasid, addr })?;
        if write && !page.writable {
            return Err(Refusal::ReadOnly { pasid, addr });
        }
        Ok(page.pa + addr % PAGE_BYTES)
    }

    /// Requests refused so far.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refusals
    }

    /// The last refusal.
    #[must_use]
    pub fn last_refusal(&self) -> Option<Refusal> {
        self.last_refusal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pasid_sees_its_own_pages_only() {
        let mut io = Iommu::default();
        io.map(7, 0x1000, 0x8000, 0x2000, true);
        io.map(8, 0x1000, 0x9000, 0x800, false);
        assert_eq!(io.translate(Some(7), 0x2345, true), Ok(0x9345));
        assert_eq!(io.translate(Some(8), 0x1004, false), Ok(0x9004));
        assert_eq!(
            io.translate(Some(8), 0x1004, true),
            Err(Refusal::ReadOnly {
                pasid: 8,
                addr: 0x1004
            })
        );
        assert_eq!(
            io.translate(Some(8), 0x2000, false),
            Err(Refusal::Unmapped {
                pasid: 8,
                addr: 0x2000
            })
        );
        assert_eq!(
            io.translate(Some(9), 0x1000, false),
            Err(Refusal::UnknownPasid { pasid: 9 })
        );
        assert_eq!(io.refusals(), 3);
    }

    #[test]
    fn unmap_takes_every_touched_page() {
        let mut io = Iommu::default();
        io.map(1, 0, 0, 0x4000, true);
        io.unmap(1, 0xfff, 2);
        assert!(io.translate(Some(1), 0, false).is_err());
        assert!(io.translate(Some(1), 0x1000, false).is_err());
        assert!(io.translate(Some(1), 0x2000, false).is_ok());
    }

    #[test]
    fn the_allow_list_rules_requests_without_pasid() {
        let mut io = Iommu::default();
        assert_eq!(io.translate(None, 0xdead_0000, true), Ok(0xdead_0000));
        io.allow(Some(vec![0x1000..0x2000, 0x8000..0x9000]));
        assert!(io.translate(None, 0x1fff, true).is_ok());
        assert!(io.translate(None, 0x2000, true).is_err());
    }
}
