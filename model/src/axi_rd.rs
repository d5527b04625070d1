//! AXI IDs, the read address register and its arbiter.
//!
//! Timing: TIMING.md §1 (IDs) and §6 (AR): a grant in a cycle in which the register is free or being emptied; the
//! register takes the request at the edge.

use shoal_abi::ports::{Data, Inputs};
use shoal_abi::profile::Profile;

/// Kinds of class 1, in the two bits below the class.
const KIND_MOVER: u16 = 0;
const KIND_WALKER: u16 = 1;
const KIND_MESSAGE: u16 = 1;
const KIND_ADMIN: u16 = 2;

/// An AXI ID, taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Id {
    /// Class 0: an access of the control unit, by its slot and its part in the op.
    Control { slot: u16, part: u8 },
    /// A burst of a payload mover.
    Mover,
    /// A read of this table walker.
    Walker(usize),
    /// A message, by its message epoch.
    Message { epoch: u8 },
    /// The admin queue: of a read 0 control, 1 data; 0 of a write.
    Admin { word: u8 },
    /// Nobody's; the device asks for no such thing.
    #[default]
    Unknown,
}

impl Id {
    /// The ID as it stands on the port.
    pub(crate) fn pack(self, p: &Profile) -> u16 {
        let class1 = |kind: u16, low: u16| 1 << (p.id_w - 1) | kind << (p.id_w - 3) | low;
        match self {
            Self::Control { slot, part } => slot | u16::from(part) << p.slot_w,
            Self::Mover => class1(KIND_MOVER, 0),
            Self::Walker(n) => class1(KIND_WALKER, n as u16),
            Self::Message { epoch } => class1(KIND_MESSAGE, u16::from(epoch)),
            Self::Admin { word } => class1(KIND_ADMIN, u16::from(word)),
            Self::Unknown => 0,
        }
    }

    /// The ID that a write response brings.
    pub(crate) fn unpack_write(p: &Profile, id: u16) -> Self {
        match Self::unpack(p, id) {
            Self::Walker(low) => Self::Message {
                epoch: (low & 1) as u8,
            },
            other => other,
        }
    }

    /// The ID that a beat of read data brings; bits that are always 0 are not looked at.
    pub(crate) fn unpack(p: &Profile, id: u16) -> Self {
        let low = |bits: usize| id & crate::ones(bits) as u16;
        if id >> (p.id_w - 1) & 1 == 0 {
            return Self::Control {
                slot: low(p.slot_w),
                part: (id >> p.slot_w & 1) as u8,
            };
        }
        let bit = (id & 1) as u8;
        match id >> (p.id_w - 3) & 3 {
            KIND_MOVER => Self::Mover,
            KIND_WALKER => Self::Walker(usize::from(low(p.id_w - 3))),
            KIND_ADMIN => Self::Admin { word: bit },
            _ => Self::Unknown,
        }
    }

    /// An access of the admin queue.
    pub(crate) fn is_admin(self) -> bool {
        matches!(self, Self::Admin { .. })
    }

    /// An access of a payload mover.
    pub(crate) fn is_mover(self) -> bool {
        self == Self::Mover
    }
}

/// The lane field of an 8-byte read at `addr`.
pub(crate) fn lane(p: &Profile, addr: u64) -> u16 {
    ((addr >> 3 & 7) % p.lanes() as u64) as u16
}

/// A read or write address as it stands on the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) id: Id,
    pub(crate) addr: u64,
    /// Beats - 1.
    pub(crate) len: u8,
    /// log2(bytes a beat).
    pub(crate) size: u8,
    pub(crate) user: u32,
}

/// One accepted beat of read data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RBeat {
    pub(crate) id: Id,
    pub(crate) data: Data,
    pub(crate) resp: u8,
    pub(crate) last: bool,
}

impl RBeat {
    pub(crate) fn new(p: &Profile, i: &Inputs) -> Self {
        Self {
            id: Id::unpack(p, i.m_axi_rid),
            data: i.m_axi_rdata,
            resp: i.m_axi_rresp & 3,
            last: i.m_axi_rlast,
        }
    }

    /// The 64-bit lane `lane` modulo the lanes of the bus.
    pub(crate) fn word(&self, p: &Profile, lane: u16) -> u64 {
        self.data[usize::from(lane) % p.lanes()]
    }
}

/// One accepted write response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BResp {
    pub(crate) id: Id,
    pub(crate) resp: u8,
}

impl BResp {
    pub(crate) fn new(p: &Profile, i: &Inputs) -> Self {
        Self {
            id: Id::unpack_write(p, i.m_axi_bid),
            resp: i.m_axi_bresp & 3,
        }
    }
}

/// Who is granted the read address register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Walkers,
    Admin,
    Control,
    Transmit,
}

/// The read address register.
#[derive(Clone, Debug, Default)]
pub(crate) struct AxiRd {
    ar: Option<Address>,
}

impl AxiRd {
    /// A request can be granted in this cycle.
    pub(crate) fn free(&self, arready: bool) -> bool {
        self.ar.is_none() || arready
    }

    pub(crate) fn ar(&self) -> Option<&Address> {
        self.ar.as_ref()
    }

    pub(crate) fn tick(&mut self, grant: Option<Address>, arready: bool) {
        if grant.is_some() || arready {
            self.ar = grant;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::PROFILES;

    #[test]
    fn an_id_comes_back_as_it_went_out() {
        for p in &PROFILES {
            assert!(p.walkers <= 1 << (p.id_w - 3), "{}", p.name);
            let slots =
                (0..1 << p.slot_w).flat_map(|slot| [0, 1].map(|part| Id::Control { slot, part }));
            let others = [Id::Mover, Id::Admin { word: 0 }, Id::Admin { word: 1 }];
            let ids: Vec<_> = slots
                .chain(others)
                .chain((0..p.walkers).map(Id::Walker))
                .collect();
            let mut packed: Vec<_> = ids.iter().map(|id| id.pack(p)).collect();
            for (id, n) in ids.iter().zip(&packed) {
                assert_eq!((Id::unpack(p, *n), n >> p.id_w), (*id, 0), "{}", p.name);
            }
            packed.sort_unstable();
            packed.dedup();
            assert_eq!(packed.len(), ids.len(), "{}", p.name);
        }
    }

    #[test]
    fn kinds_stand_below_the_class() {
        let p = &PROFILES[0];
        assert_eq!(Id::Control { slot: 5, part: 1 }.pack(p), 0b01_0101);
        assert_eq!(Id::Mover.pack(p), 0b10_0000);
        assert_eq!(Id::Walker(3).pack(p), 0b10_1011);
        assert_eq!(Id::Admin { word: 1 }.pack(p), 0b11_0001);
        assert_eq!(Id::unpack(p, 0b11_1000), Id::Unknown);
        let message = Id::Message { epoch: 1 };
        assert_eq!(message.pack(p), 0b10_1001);
        assert_eq!(Id::unpack_write(p, 0b10_1001), message);
    }
}
