//! The write address and write data registers and their arbiter.
//!
//! Timing: TIMING.md §6 (W): a grant while there is no owner or the owner is done, the address valid from the next cycle, from then on a
//! beat loaded in every cycle in which the data register is free or being emptied.

use crate::axi_rd::{Address, Id};
use crate::{data_of, MAX_B};
use shoal_abi::ports::Data;
use shoal_abi::profile::Profile;

/// Who owns the write channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    Admin,
    Message,
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

/// Bytes of the longest write but those of the receive mover.
pub(crate) const SMALL: usize = 64;

/// Bytes to be written from an address on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Small {
    pub(crate) at: u64,
    pub(crate) n: usize,
    pub(crate) bytes: [u8; SMALL],
}

impl Default for Small {
    fn default() -> Self {
        Self {
            at: 0,
            n: 0,
            bytes: [0; SMALL],
        }
    }
}

impl Small {
    /// The low `n` bytes of `value`, at most 8.
    pub(crate) fn word(at: u64, value: u64, n: usize) -> Self {
        let mut bytes = [0; SMALL];
        bytes[..8].copy_from_slice(&value.to_le_bytes());
        Self {
            at,
            n: n.min(8),
            bytes,
        }
    }
}

/// What a unit asks for: its address, and but for the receive mover the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriteRequest {
    pub(crate) writer: Writer,
    pub(crate) aw: Address,
    pub(crate) small: Small,
}

impl WriteRequest {
    /// A write of `small`: up to 8 bytes in beats of 8 bytes, more in full-width beats.
    pub(crate) fn small(p: &Profile, writer: Writer, id: Id, user: u32, small: Small) -> Self {
        let size = if small.n > 8 {
            p.beat_bytes().trailing_zeros()
        } else {
            3
        };
        let beat = 1 << size;
        let beats = (small.at % beat + small.n as u64).div_ceil(beat);
        Self {
            writer,
            aw: Address {
                id,
                addr: small.at & !(beat - 1),
                len: beats.saturating_sub(1) as u8,
                size: size as u8,
                user,
            },
            small,
        }
    }
}

/// The write address and data registers.
#[derive(Clone, Debug, Default)]
pub(crate) struct AxiWr {
    owner: Option<Writer>,
    aw: Option<Address>,
    w: Option<WBeat>,
    beats_left: u32,
    /// A small write, and the next beat of it: address and log2 of the bytes.
    small: Small,
    next: u64,
    size: u8,
}

impl AxiWr {
    /// A request can be granted in this cycle: there is no owner, or nothing is left of its write at the edge.
    pub(crate) fn free(&self, awready: bool, wready: bool) -> bool {
        let loaded = self.beats_left == 0 || self.beats_left == 1 && self.loads(wready);
        self.owner.is_none() || loaded && (self.aw.is_none() || awready)
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
            self.small = g.small;
            (self.next, self.size) = (g.aw.addr, g.aw.size);
        } else if self.beats_left == 0 && self.aw.is_none() {
            self.owner = None;
        }
    }

    /// The next beat of a small write, each byte on the lane of its address.
    fn small_beat(&mut self, p: &Profile) -> (Data, u64) {
        let (mut bytes, mut strb) = ([0; MAX_B], 0);
        let beat = 1 << self.size;
        for at in (0..beat).map(|k| self.next.wrapping_add(k)) {
            let k = at.wrapping_sub(self.small.at);
            if k < self.small.n as u64 {
                let lane = (at % p.beat_bytes() as u64) as usize;
                bytes[lane] = self.small.bytes[k as usize];
                strb |= 1 << lane;
            }
        }
        self.next = self.next.wrapping_add(beat);
        (data_of(&bytes), strb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::ports::data;
    use shoal_abi::profile::MID;

    fn request(at: u64, n: usize) -> WriteRequest {
        let mut bytes = [0; SMALL];
        for (k, b) in bytes.iter_mut().enumerate() {
            *b = k as u8 + 1;
        }
        let id = Id::Control { slot: 0, part: 0 };
        WriteRequest::small(&MID, Writer::Control, id, 0, Small { at, n, bytes })
    }

    #[test]
    fn up_to_eight_bytes_go_out_in_words_on_the_lanes_of_their_addresses() {
        let mut w = AxiWr::default();
        let r = request(0x100c, 8);
        assert_eq!((r.aw.addr, r.aw.len, r.aw.size), (0x1008, 1, 3));
        w.tick(&MID, Some(r), None, false, false);
        assert!(w.aw().is_some() && w.w().is_none() && !w.free(true, true));
        w.tick(&MID, None, None, true, false);
        let first = *w.w().expect("loaded");
        assert_eq!(
            (first.data, first.strb, first.last),
            (data([0, 0x0403_0201_0000_0000]), 0xf000, false)
        );
        w.tick(&MID, None, None, false, false);
        assert_eq!(*w.w().expect("held"), first);
        w.tick(&MID, None, None, false, true);
        let second = *w.w().expect("loaded");
        assert_eq!(
            (second.data, second.strb, second.last),
            (data([0x0807_0605]), 0x0f, true)
        );
        assert!(
            w.free(false, false),
            "the last beat is loaded and the address accepted"
        );
    }

    #[test]
    fn more_bytes_go_out_in_full_beats() {
        let mut w = AxiWr::default();
        let r = request(0x1004, 24);
        assert_eq!((r.aw.addr, r.aw.len, r.aw.size), (0x1000, 1, 4));
        w.tick(&MID, Some(r), None, false, true);
        w.tick(&MID, None, None, true, true);
        let first = *w.w().expect("loaded");
        assert_eq!((first.strb, first.data[0] >> 32), (0xfff0, 0x0403_0201));
        w.tick(&MID, None, None, false, true);
        let second = *w.w().expect("loaded");
        assert_eq!((second.strb, second.last), (0x0fff, true));
        assert_eq!(second.data[1], 0x1817_1615);
    }

    #[test]
    fn owner_stays_until_the_address_is_accepted() {
        let mut w = AxiWr::default();
        w.tick(&MID, Some(request(0x1000, 8)), None, false, true);
        w.tick(&MID, None, None, false, true);
        assert!(!w.free(false, true));
        w.tick(&MID, None, None, false, true);
        assert!(!w.free(false, true) && w.w().is_none());
        assert!(w.free(true, false), "it is being accepted");
        w.tick(&MID, None, None, true, true);
        assert!(w.free(false, false));
    }

    #[test]
    fn writes_of_one_beat_go_out_one_a_cycle() {
        let mut w = AxiWr::default();
        for n in 0..10 {
            assert!(w.free(true, true), "{n}");
            w.tick(&MID, Some(request(8 * n, 8)), None, true, true);
            assert_eq!(w.aw().map(|a| a.addr), Some(8 * n));
            assert_eq!(w.w().is_some(), n > 0);
        }
    }
}
