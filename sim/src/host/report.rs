//! What a run leaves behind.

use std::time::Duration;

use crate::env::Env;
use crate::lockstep::CheckReport;

/// What the world counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets from the device.
    pub packets_tx: u64,
    /// Packets to the device, answers of the block function included.
    pub packets_rx: u64,
    /// Bytes of the packets from the device.
    pub bytes_tx: u64,
    /// Bytes of the packets to the device.
    pub bytes_rx: u64,
    /// Block reads done.
    pub blk_reads: u64,
    /// Block writes done.
    pub blk_writes: u64,
    /// Interrupt messages.
    pub interrupts: u64,
    /// Memory reads.
    pub dma_reads: u64,
    /// Memory writes, interrupt messages included.
    pub dma_writes: u64,
    /// Memory accesses refused.
    pub dma_errors: u64,
    /// Transactions and packets that break the contract.
    pub malformed: u64,
}

impl Counters {
    /// The counters of `env`.
    #[must_use]
    pub fn of(env: &Env) -> Self {
        let (axi, streams, blk) = (env.axi.counts(), env.streams.counts(), env.blk.counts());
        Self {
            packets_tx: streams.tx_packets,
            packets_rx: streams.rx_packets,
            bytes_tx: streams.tx_bytes,
            bytes_rx: streams.rx_bytes,
            blk_reads: blk.reads,
            blk_writes: blk.writes,
            interrupts: env.irqs.total(),
            dma_reads: axi.reads,
            dma_writes: axi.writes,
            dma_errors: axi.errors,
            malformed: axi.illegal + streams.malformed,
        }
    }
}

/// What a run leaves behind.
#[derive(Debug)]
pub struct RunReport {
    /// What the checks found, and the record.
    pub check: CheckReport,
    /// What the world counted.
    pub counters: Counters,
    /// Time until the last cycle was stepped.
    pub sim_wall: Duration,
    /// Time until the last cycle was checked.
    pub wall: Duration,
}

impl RunReport {
    /// Cycles a second, checks included.
    #[must_use]
    pub fn sim_hz(&self) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let cycles = self.check.cycles as f64;
        cycles / self.wall.as_secs_f64().max(1e-9)
    }
}
