//! The write address and write data registers and their arbiter.
//!
//! Timing: TIMING.md §6 (W): a grant while there is no owner, the address valid from the next cycle, from then on a
//! beat loaded in every cycle in which the data register is free or being emptied.

use crate::axi_rd::Address;
use shoal_abi::ports::Data;
use shoal_abi::profile::{Profile, DATA_WORDS};

/// Who owns the write channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    Admin,
    Control,
    Receive,
}

/// A beat of write data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WBeat {
    pub(crate) data: Data,
    pub(crate) strb: u64,
    pub(crate) last: bool,
}

/// What a unit asks for: its address, and for small writes the data and strobes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriteRequest {
    pub(crate) writer: Writer,
    pub(crate) aw: Address,
    /// 16 bytes from `aw.addr` (admin queue and control unit).
    pub(crate) window: u128,
    /// Strobes of `window`, bit 0 first.
    pub(crate) strobes: u16,
}

/// The write address and data registers.
#[derive(Clone, Debug, Default)]
pub(crate) struct AxiWr {
    owner: Option<Writer>,
    aw: Option<Address>,
    w: Option<WBeat>,
    beats_left: u32,
    /// Data of a small write not yet loaded, and its next lane.
    window: u128,
    strobes: u16,
    lane: u64,
}

impl AxiWr {
    /// A request can be granted in this cycle.
    pub(crate) fn free(&self) -> bool {
        self.owner.is_none()
    }

    pub(crate) fn aw(&self) -> Option<&Address> {
        self.aw.as_ref()
    }

    pub(crate) fn w(&self) -> Option<&WBeat> {
        self.w.as_ref()
    }

    /// The receive mover's next beat is loaded in this cycle.
    pub(crate) fn loads_receive(&self, wready: bool) -> bool {
        self.owner == Some(Writer::Receive) && self.loads(wready)
    }

    fn loads(&self, wready: bool) -> bool {
        self.beats_left != 0 && (self.w.is_none() || wready)
    }

    /// The edge. `payload` is the receive mover's beat if `loads_receive`.
    pub(crate) fn tick(
        &mut self,
        p: &Profile,
        grant: Option<WriteRequest>,
        payload: Option<(Data, u64)>,
        awready: bool,
        wready: bool,
    ) {
        let load = self.owner.is_some() && self.loads(wready);
        if awready {
            self.aw = None;
        }
        if wready {
            self.w = None;
        }
        if load {
            self.beats_left -= 1;
            let (data, strb) = match self.owner {
                Some(Writer::Receive) => payload.unwrap_or_default(),
                _ => self.small_beat(p),
            };
            self.w = Some(WBeat {
                data,
                strb,
                last: self.beats_left == 0,
            });
        }
        if let Some(g) = grant {
            self.owner = Some(g.writer);
            self.aw = Some(g.aw);
            self.beats_left = u32::from(g.aw.len) + 1;
            self.window = g.window;
            self.strobes = g.strobes;
            self.lane = g.aw.addr >> 3;
        } else if self.beats_left == 0 && self.aw.is_none() {
            self.owner = None;
        }
    }

    /// The next half of the window, on the lane of its address.
    fn small_beat(&mut self, p: &Profile) -> (Data, u64) {
        let lane = (self.lane % p.lanes() as u64) as usize;
        let mut data = [0; DATA_WORDS];
        data[lane] = self.window as u64;
        let strb = u64::from(self.strobes & 0xff) << (8 * lane);
        self.window >>= 64;
        self.strobes >>= 8;
        self.lane = self.lane.wrapping_add(1);
        (data, strb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::ports::data;
    use shoal_abi::profile::MID;

    fn request(addr: u64, len: u8) -> WriteRequest {
        WriteRequest {
            writer: Writer::Control,
            aw: Address {
                addr,
                len,
                size: 3,
                ..Address::default()
            },
            window: 0x2222_2222_2222_2222_1111_1111_1111_1111,
            strobes: 0x0ff0,
        }
    }

    #[test]
    fn two_halves_go_out_on_the_lanes_of_their_addresses() {
        let mut w = AxiWr::default();
        w.tick(&MID, Some(request(0x1008, 1)), None, false, false);
        assert!(w.aw().is_some() && w.w().is_none() && !w.free());
        w.tick(&MID, None, None, true, false);
        let first = *w.w().expect("loaded");
        assert_eq!(
            (first.data, first.strb, first.last),
            (data([0, 0x1111_1111_1111_1111]), 0xf000, false)
        );
        w.tick(&MID, None, None, false, false);
        assert_eq!(*w.w().expect("held"), first);
        w.tick(&MID, None, None, false, true);
        let second = *w.w().expect("loaded");
        assert_eq!(
            (second.data, second.strb, second.last),
            (data([0x2222_2222_2222_2222]), 0x0f, true)
        );
        assert!(w.free(), "the last beat is loaded and the address accepted");
    }

    #[test]
    fn owner_stays_until_the_address_is_accepted() {
        let mut w = AxiWr::default();
        w.tick(&MID, Some(request(0x1000, 0)), None, false, true);
        w.tick(&MID, None, None, false, true);
        assert!(!w.free());
        w.tick(&MID, None, None, false, true);
        assert!(!w.free() && w.w().is_none());
        w.tick(&MID, None, None, true, true);
        assert!(w.free());
    }
}
