//! The two walls of a row: the fewest beats on the data port, and the fewest bytes on the PCIe link, that split rings need.
//!
//! Spec: virtio 1.4 §2.7. A visit to a queue finds `visible` packets: one read of `avail.idx`, of the ring entries and of the
//! descriptors, one write of the used elements (they lie side by side), one of `used.idx`, one read of the event, one
//! message. A packet is its virtio_net_hdr and a frame without FCS, in one descriptor. Translations cost nothing here.

use shoal_abi::ring::NET_HDR_BYTES;

use super::matrix::Direction;
use crate::env::{LinkSettings, REQUEST_BYTES};

/// Bytes of the frame check sequence, which never reaches host memory.
pub const FCS_BYTES: u32 = 4;

/// What one packet of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Bytes of a frame, FCS included.
    pub frame: u32,
    /// Where the packets go.
    pub direction: Direction,
    /// Packets of a doorbell.
    pub batch: u32,
    /// Packets that a visit can find.
    pub visible: u32,
}

/// Cycles a packet that cannot be had below.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Walls {
    /// Of the data port, its read and its write channel side by side.
    pub port: f64,
    /// Of the link, each direction by itself; 0 without a link.
    pub pcie: f64,
}

impl Walls {
    /// Both, on a port of `beat` bytes.
    #[must_use]
    pub fn of(load: &Load, beat: u64, link: Option<&LinkSettings>) -> Self {
        let (reads, writes) = load.beats(beat);
        let pcie = link.map_or(0.0, |link| {
            let (up, down) = load.bytes(link, true);
            up.max(down) / link.speed.bytes_a_cycle()
        });
        Self {
            port: reads.max(writes),
            pcie,
        }
    }

    /// The one that is met first.
    #[must_use]
    pub fn tighter(&self) -> f64 {
        self.port.max(self.pcie)
    }
}

/// Bytes of a packet in host memory.
#[must_use]
pub fn packet_bytes(frame: u32) -> u64 {
    u64::from(frame - FCS_BYTES) + NET_HDR_BYTES as u64
}

impl Load {
    /// The mean of `f` over the ways of the row.
    fn each(&self, f: impl Fn(bool) -> (f64, f64)) -> (f64, f64) {
        let ((a, b), (c, d)) = match self.direction {
            Direction::Tx => (f(true), f(true)),
            Direction::Rx => (f(false), f(false)),
            Direction::Both => (f(true), f(false)),
        };
        ((a + c) / 2.0, (b + d) / 2.0)
    }

    /// Fewest read and write beats a packet.
    #[must_use]
    pub fn beats(&self, beat: u64) -> (f64, f64) {
        let n = u64::from(self.visible);
        let payload = packet_bytes(self.frame).div_ceil(beat);
        // Index, entries, descriptors, event; used elements, index, message.
        let reads = 2 + (2 * n).div_ceil(beat) + (16 * n).div_ceil(beat);
        let writes = 2 + (8 * n).div_ceil(beat);
        self.each(|is_tx| {
            let (r, w) = if is_tx { (payload, 0) } else { (0, payload) };
            let share = |total: u64| total as f64 / n as f64;
            (r as f64 + share(reads), w as f64 + share(writes))
        })
    }

    /// Fewest bytes up and down the link a packet. Not `exact`: without the event, and payload counted in bytes instead of
    /// dwords, as rough budgets do.
    #[must_use]
    pub fn bytes(&self, link: &LinkSettings, exact: bool) -> (f64, f64) {
        let n = u64::from(self.visible);
        let whole = |len: u64| if exact { len.next_multiple_of(4) } else { len };
        let payload = whole(packet_bytes(self.frame));
        // Rings and buffers start at boundaries: the fewest packets.
        let read = |len: u64| (link.requests(len), link.completions(0, whole(len)));
        let mut visit = (
            link.writes(8 * n) + link.writes(whole(2)) + link.writes(4),
            0,
        );
        let event = if exact { 2 } else { 0 };
        for len in [2, 2 * n, 16 * n, event] {
            let (up, down) = read(len);
            visit = (visit.0 + up, visit.1 + down);
        }
        let doorbell = (REQUEST_BYTES + 4) as f64 / f64::from(self.batch);
        self.each(|is_tx| {
            let (up, down) = if is_tx {
                read(payload)
            } else {
                (link.writes(payload), 0)
            };
            (
                up as f64 + visit.0 as f64 / n as f64,
                down as f64 + visit.1 as f64 / n as f64 + doorbell,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::LinkSpeed;

    fn load(frame: u32, direction: Direction, batch: u32) -> Load {
        Load {
            frame,
            direction,
            batch,
            visible: batch,
        }
    }

    fn mpps(load: &Load, completion: u64, exact: bool) -> f64 {
        let link = LinkSettings {
            completion,
            ..LinkSettings::new(LinkSpeed::Gen3x16)
        };
        let (up, down) = load.bytes(&link, exact);
        250.0 * link.speed.bytes_a_cycle() / up.max(down)
    }

    /// Limits of Gen3 x16 in millions of packets a second: batch, then TX, RX, both ways each for 64, 256 and 1518 bytes.
    /// The event is left out of them, and both ways have completions of 256 bytes.
    const GEN3: [(u32, [f64; 9]); 3] = [
        (1, [64.6, 56.0, 32.6, 30.1, 30.2, 21.8, 6.7, 7.8, 6.9]),
        (8, [98.9, 115.8, 81.9, 35.9, 42.0, 36.5, 7.0, 8.4, 7.9]),
        (32, [103.6, 130.8, 97.8, 36.5, 43.8, 39.3, 7.0, 8.4, 8.0]),
    ];

    #[test]
    fn the_known_limits_of_gen3_come_out() {
        for (batch, row) in GEN3 {
            for (n, wanted) in row.into_iter().enumerate() {
                let frame = [64, 256, 1518][n / 3];
                let got = match n % 3 {
                    0 => mpps(&load(frame, Direction::Tx, batch), 64, false),
                    1 => mpps(&load(frame, Direction::Rx, batch), 64, false),
                    // Packets of either way are counted: each way has half of them.
                    _ => mpps(&load(frame, Direction::Both, batch), 256, false) / 2.0,
                };
                assert!(
                    (got / wanted - 1.0).abs() < 0.02,
                    "batch {batch} frame {frame} column {n}: {got} {wanted}"
                );
            }
        }
    }

    #[test]
    fn the_event_and_dwords_cost_little_in_a_batch_and_most_alone() {
        for (batch, most) in [(1, 0.20), (8, 0.05), (32, 0.02)] {
            for direction in [Direction::Tx, Direction::Rx] {
                let l = load(64, direction, batch);
                let (rough, exact) = (mpps(&l, 64, false), mpps(&l, 64, true));
                assert!(exact <= rough && exact > rough * (1.0 - most), "{l:?}");
            }
        }
    }

    #[test]
    fn the_port_is_the_wall_of_a_narrow_bus_and_the_link_of_a_wide_one() {
        let link = LinkSettings::new(LinkSpeed::Gen3x16);
        let l = load(1518, Direction::Tx, 32);
        let narrow = Walls::of(&l, 16, Some(&link));
        assert!(narrow.port > 96.0 && narrow.tighter() == narrow.port);
        let wide = Walls::of(&l, 64, Some(&link));
        assert!(wide.port < 25.0 && wide.tighter() == wide.pcie && wide.pcie > 30.0);
        assert_eq!(Walls::of(&l, 64, None).pcie, 0.0);
        // 64 bytes of frame and 8 descriptors: two beats, and 2 + 1 + 2 for the visit.
        let small = Walls::of(&load(64, Direction::Tx, 8), 64, None);
        assert!((small.port - (2.0 + 5.0 / 8.0)).abs() < 1e-9, "{small:?}");
    }
}
