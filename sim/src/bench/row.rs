//! What is reported of a row.

use serde::Serialize;

use super::matrix::{Direction, Translations};

/// A measured row. A packet of either way is a packet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Bytes of a frame with FCS.
    pub frame: u32,
    /// Where packets went.
    pub direction: Direction,
    /// Packets of a doorbell.
    pub batch: u32,
    /// Batches that each queue had open.
    pub queued: u32,
    /// Devices with traffic.
    pub active: u32,
    /// State of the translations.
    pub translations: Translations,
    /// Ring format.
    pub ring: &'static str,
    /// Packets measured.
    pub packets: u64,
    /// Cycles a packet.
    pub cycles_per_packet: f64,
    /// The same with one translation at a time; `None` if not asked for.
    pub blocking_cycles_per_packet: Option<f64>,
    /// The same with one chain slot; `None` if not asked for.
    pub single_cycles_per_packet: Option<f64>,
    /// Read bursts a packet.
    pub reads_per_packet: f64,
    /// Read beats a packet.
    pub read_beats_per_packet: f64,
    /// Write bursts a packet.
    pub writes_per_packet: f64,
    /// Write beats a packet.
    pub write_beats_per_packet: f64,
    /// Cycles in which the busier of the two data channels moves, of all.
    pub bus_use: f64,
    /// The same of the link's packet bytes; `None` without a link.
    pub link_use: Option<f64>,
    /// Cycles a packet that the data port allows.
    pub port_wall: f64,
    /// Cycles a packet that the link allows; `None` without a link.
    pub pcie_wall: Option<f64>,
    /// The tighter wall, of the cycles a packet: 1 is at the wall.
    pub wall_share: f64,
    /// Median cycles from a doorbell's acceptance (receive: a packet's first beat) to the interrupt message's AW; `None` when
    /// fewer packets were measured than are open at once.
    pub p50_cycles: Option<u64>,
    /// The same that 99 of 100 packets do not exceed.
    pub p99_cycles: Option<u64>,
    /// Page walks a packet.
    pub walks_per_packet: f64,
    /// Jain's index of the packets of each device, of both ways, received ones as they are offered; `None` with fewer than 4 packets a queue.
    pub jain: Option<f64>,
    /// Simulated cycles, warm-up included.
    pub cycles: u64,
    /// Simulated cycles a second, checks included as far as they kept up.
    pub sim_hz: f64,
}

/// Jain's index of fairness: 1 when all have the same, 1 / n when one has all.
#[must_use]
pub fn jain(served: &[u32]) -> f64 {
    let sum: f64 = served.iter().map(|&n| f64::from(n)).sum();
    let squares: f64 = served.iter().map(|&n| f64::from(n) * f64::from(n)).sum();
    if squares == 0.0 {
        return 0.0;
    }
    sum * sum / (served.len() as f64 * squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jain_is_1_for_equals_and_1_over_n_for_one_who_has_all() {
        assert_eq!(jain(&[3, 3, 3]), 1.0);
        assert!((jain(&[9, 0, 0]) - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(jain(&[0, 0]), 0.0);
    }
}
