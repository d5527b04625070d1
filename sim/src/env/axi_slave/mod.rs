//! The host end of the device's AXI4 master: memory behind a platform IOMMU, with latency, reordering and stalls.
//!
//! Any number of transactions in flight, in order within an ID, in any order across IDs. A read samples memory when it is
//! answered; a write reaches memory at some cycle between its last data beat and its response.

mod burst;
mod link;
mod reads;
mod writes;

pub use burst::{Burst, Lanes, BURST_INCR};
pub use link::{LinkSettings, LinkSpeed, COMPLETION_BYTES, REQUEST_BYTES};

use shoal_abi::mmu::{USER_PASID_VALID, USER_PASID_W};
use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::regs::{RESP_DECERR, RESP_SLVERR};

use super::{Dice, HostMem, Iommu, IrqController, Remote};
use link::Link;
use reads::Reads;
use writes::Writes;

/// How the host's memory system behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxiSettings {
    /// Cycles from an accepted read to its first beat, and from a write's last beat to its response.
    pub latency: u32,
    /// Most random cycles added to that.
    pub jitter: u32,
    /// Chance that a ready output is low in a cycle, percent.
    pub stall_percent: u8,
    /// Chance that a due read beat or write response is held back in a cycle, percent.
    pub gap_percent: u8,
    /// Completions of different IDs may overtake one another.
    pub reorder: bool,
    /// Beats of different read bursts may alternate.
    pub interleave: bool,
    /// Bandwidth of each direction, beats per 256 cycles; 256 is one each cycle.
    pub beats_per_256: u32,
    /// Most reads, and most writes, in flight.
    pub max_in_flight: usize,
    /// PCIe link between bus and memory; `None` is as wide as one likes.
    pub link: Option<LinkSettings>,
}

impl Default for AxiSettings {
    fn default() -> Self {
        Self {
            latency: 40,
            jitter: 20,
            stall_percent: 10,
            gap_percent: 5,
            reorder: true,
            interleave: true,
            beats_per_256: 256,
            max_in_flight: 1024,
            link: None,
        }
    }
}

impl AxiSettings {
    /// A memory system that never stalls and answers in order after `latency` cycles.
    #[must_use]
    pub fn smooth(latency: u32) -> Self {
        Self {
            latency,
            jitter: 0,
            stall_percent: 0,
            gap_percent: 0,
            reorder: false,
            interleave: false,
            ..Self::default()
        }
    }
}

/// What stands behind the bus.
pub struct Platform<'a> {
    /// Host memory.
    pub mem: &'a HostMem,
    /// Memory beside it that answers in its own time.
    pub remote: Option<&'a mut (dyn Remote + 'static)>,
    /// Platform IOMMU.
    pub iommu: &'a mut Iommu,
    /// Interrupt controller.
    pub irqs: &'a mut IrqController,
}

/// Where a burst goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Host memory at a platform address; for an interrupt message the address as it is.
    Memory(u64),
    /// Memory that answers in its own time.
    Remote(u64),
}

/// What the slave counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AxiCounts {
    /// Read bursts accepted.
    pub reads: u64,
    /// Write bursts accepted, interrupt messages included.
    pub writes: u64,
    /// Bursts answered with SLVERR or DECERR.
    pub errors: u64,
    /// Bursts that break AXI4 or the contract (type, size, 4 KiB, `wlast`, form of an interrupt message).
    pub illegal: u64,
}

/// The slave.
#[derive(Debug)]
pub struct AxiSlave {
    settings: AxiSettings,
    dice: Dice,
    beat_bytes: usize,
    reads: Reads,
    writes: Writes,
    counts: AxiCounts,
    link: Link,
    /// The function may use the bus (PCI 6.2 §7.5.1.1.3, Bus Master Enable).
    is_master: bool,
}

impl AxiSlave {
    /// A slave on a bus of `beat_bytes` and `id_w` ID bits.
    #[must_use]
    pub fn new(settings: AxiSettings, beat_bytes: usize, id_w: usize, dice: Dice) -> Self {
        Self {
            settings,
            dice,
            beat_bytes,
            reads: Reads::new(1 << id_w),
            writes: Writes::new(1 << id_w),
            counts: AxiCounts::default(),
            link: Link::default(),
            is_master: true,
        }
    }

    /// Lets the device use the bus or not: if not, every burst is answered with an error and no interrupt message is delivered.
    pub fn set_master(&mut self, is_master: bool) {
        self.is_master = is_master;
    }

    /// Forgets everything in flight, as a reset does.
    pub fn clear(&mut self) {
        self.reads.clear();
        self.writes.clear();
        self.link.clear();
    }

    /// One cycle: decides this cycle's inputs and takes its handshakes.
    pub fn tick(&mut self, cycle: u64, out: &Outputs, inputs: &mut Inputs, on: &mut Platform<'_>) {
        let Self {
            settings,
            dice,
            beat_bytes,
            reads,
            writes,
            counts,
            link,
            is_master,
        } = self;
        link.tick(settings.link);
        let mut bus = Bus {
            settings,
            dice,
            beat_bytes: *beat_bytes,
            counts,
            link,
            is_master: *is_master,
            cycle,
        };
        reads.tick(&mut bus, out, inputs, on);
        writes.tick(&mut bus, out, inputs, on);
    }

    /// Counters.
    #[must_use]
    pub fn counts(&self) -> AxiCounts {
        self.counts
    }

    /// A register of the device was written over the same link.
    pub fn register_write(&mut self) {
        self.link.register_write();
    }

    /// Packet bytes that went up and down the link, while there was one.
    #[must_use]
    pub fn link_bytes(&self) -> (u64, u64) {
        self.link.bytes()
    }

    /// Reads and writes in flight.
    #[must_use]
    pub fn in_flight(&self) -> (usize, usize) {
        (self.reads.in_flight(), self.writes.in_flight())
    }

    /// The settings; a change takes effect for transactions accepted from now on.
    pub fn settings_mut(&mut self) -> &mut AxiSettings {
        &mut self.settings
    }
}

/// What both directions share within one cycle.
struct Bus<'a> {
    settings: &'a AxiSettings,
    dice: &'a mut Dice,
    beat_bytes: usize,
    counts: &'a mut AxiCounts,
    link: &'a mut Link,
    is_master: bool,
    cycle: u64,
}

impl Bus<'_> {
    /// Cycle at which something accepted now is due.
    fn due(&mut self) -> u64 {
        let jitter = self.dice.up_to(self.settings.jitter);
        self.cycle + 1 + u64::from(self.settings.latency) + u64::from(jitter)
    }

    fn ready(&mut self, in_flight: usize) -> bool {
        in_flight < self.settings.max_in_flight && !self.dice.percent(self.settings.stall_percent)
    }

    /// Translates a burst and finds its memory, or the response that refuses it.
    fn route(&mut self, b: &Burst, write: bool, on: &mut Platform<'_>) -> Result<Place, u8> {
        if !b.is_legal(self.beat_bytes) {
            self.counts.illegal += 1;
            return Err(RESP_SLVERR);
        }
        if !self.is_master {
            return Err(RESP_DECERR);
        }
        let pasid = (b.user & USER_PASID_VALID != 0).then_some(b.user & ((1 << USER_PASID_W) - 1));
        let addr = on
            .iommu
            .translate(pasid, b.addr, write)
            .map_err(|_| RESP_SLVERR)?;
        if on.mem.is_mapped(addr, b.span()) {
            Ok(Place::Memory(addr))
        } else if on
            .remote
            .as_deref()
            .is_some_and(|r| r.covers(addr, b.span(), write))
        {
            Ok(Place::Remote(addr))
        } else {
            Err(RESP_DECERR)
        }
    }
}

/// A bandwidth limit: beats per 256 cycles, with bursts of up to 16 beats saved up.
#[derive(Clone, Debug, Default)]
struct Credit {
    level: u32,
}

impl Credit {
    const BEAT: u32 = 256;

    fn refill(&mut self, per_256: u32) {
        self.level = (self.level + per_256).min(16 * Self::BEAT);
    }

    fn has_beat(&self) -> bool {
        self.level >= Self::BEAT
    }

    fn take(&mut self) {
        self.level = self.level.saturating_sub(Self::BEAT);
    }
}

#[cfg(test)]
mod tests;
