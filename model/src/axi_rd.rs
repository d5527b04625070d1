//! AXI IDs, the read address register and its arbiter.
//!
//! Timing: TIMING.md §1 (IDs) and §6 (AR): a grant in a cycle in which the register is free or being emptied; the
//! register takes the request at the edge.

use shoal_abi::ports::{Data, Inputs};
use shoal_abi::profile::Profile;

/// ID field `client`: the payload movers, the table walkers, and writes of the admin queue.
pub(crate) const CLIENT_MOVER: u8 = 7;
/// ID field `client`: reads of the admin queue, and what its commands have the control unit do.
pub(crate) const CLIENT_ADMIN: u8 = 5;
/// ID field `client`: fault records and the management device's MSI-X.
pub(crate) const CLIENT_AUX: u8 = 6;

/// ID field `word` of writes of client 7: the admin queue.
pub(crate) const WORD_ADMIN: u8 = 1;

/// An AXI ID, taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) client: u8,
    pub(crate) word: u8,
    pub(crate) epoch: u8,
    pub(crate) lane: u16,
}

impl Id {
    pub(crate) fn pack(self) -> u16 {
        u16::from(self.client)
            | u16::from(self.word) << 3
            | u16::from(self.epoch) << 4
            | self.lane << 5
    }

    pub(crate) fn unpack(id: u16) -> Self {
        Self {
            client: (id & 7) as u8,
            word: (id >> 3 & 1) as u8,
            epoch: (id >> 4 & 1) as u8,
            lane: id >> 5,
        }
    }
}

/// The ID of the reads of table walker `walker`: the bits of epoch and lane hold its number.
pub(crate) fn walker_id(walker: usize) -> u16 {
    u16::from(CLIENT_MOVER) | 1 << 3 | (walker as u16) << 4
}

/// The lane field of an 8-byte read at `addr`.
pub(crate) fn lane(p: &Profile, addr: u64) -> u16 {
    ((addr >> 3 & 7) % p.lanes() as u64) as u16
}

/// A read or write address as it stands on the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) id: u16,
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
            id: Id::unpack(i.m_axi_rid & crate::ones(p.id_w) as u16),
            data: i.m_axi_rdata,
            resp: i.m_axi_rresp & 3,
            last: i.m_axi_rlast,
        }
    }

    /// The 64-bit lane `lane` modulo the lanes of the bus.
    pub(crate) fn word(&self, p: &Profile, lane: u16) -> u64 {
        self.data[usize::from(lane) % p.lanes()]
    }

    /// The beat belongs to a table walker.
    pub(crate) fn is_walker(&self) -> bool {
        self.id.client == CLIENT_MOVER && self.id.word == 1
    }

    /// The beat belongs to the admin queue.
    pub(crate) fn is_admin(&self) -> bool {
        self.id.client == CLIENT_ADMIN
    }

    /// The table walker that the beat belongs to.
    pub(crate) fn walker(&self) -> Option<usize> {
        self.is_walker()
            .then(|| usize::from(self.id.lane << 1 | u16::from(self.id.epoch)))
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
            id: Id::unpack(i.m_axi_bid & crate::ones(p.id_w) as u16),
            resp: i.m_axi_bresp & 3,
        }
    }

    /// The response belongs to the admin queue.
    pub(crate) fn is_admin(&self) -> bool {
        self.id.client == CLIENT_MOVER && self.id.word == WORD_ADMIN
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
    fn an_id_names_its_walker() {
        for p in &PROFILES {
            assert!(p.walkers <= 1 << (p.id_w - 4), "{}", p.name);
            for n in 0..p.walkers {
                let i = Inputs {
                    m_axi_rid: walker_id(n),
                    ..Inputs::default()
                };
                let r = RBeat::new(p, &i);
                assert_eq!((r.walker(), r.is_walker()), (Some(n), true));
            }
        }
        let mover = Id {
            client: CLIENT_MOVER,
            epoch: 1,
            ..Id::default()
        };
        let i = Inputs {
            m_axi_rid: mover.pack(),
            ..Inputs::default()
        };
        assert_eq!(RBeat::new(&PROFILES[0], &i).walker(), None);
    }
}
