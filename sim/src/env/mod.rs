//! The world around the device, a function of its seed: host memory, platform IOMMU, interrupt controller, register bus,
//! network switch and block store.
//!
//! In each cycle the environment sees the outputs, which are functions of the device's state alone, and decides the inputs
//! for the edge that ends the cycle; the handshakes of the cycle are known to it then.

mod axi_slave;
mod axil;
mod blk;
mod blk_ranges;
#[allow(unsafe_code)]
mod bus_error;
mod dice;
mod host_mem;
mod iommu;
mod irq;
mod packet;
mod remote;
mod store;
mod streams;
mod switch;

#[cfg(feature = "driver")]
pub(crate) use bus_error::survive as survive_cut_files;

pub use axi_slave::{
    AxiCounts, AxiSettings, AxiSlave, Burst, Lanes, LinkSettings, LinkSpeed, Platform, BURST_INCR,
    COMPLETION_BYTES, REQUEST_BYTES,
};
pub use axil::{AxilMaster, AxilSettings, RegDone, RegOp, Ticket};
pub use blk::{Blk, BlkCounts, BlkSettings, Source, SECTOR_BYTES};
pub use dice::Dice;
pub use host_mem::{HostMem, MemError, PAGE_BYTES};
pub use iommu::{Iommu, Refusal};
pub use irq::{Irq, IrqController};
pub use packet::{RxPacket, TxPacket};
pub use remote::{Refused, Remote, Transfer};
pub use store::Store;
pub use streams::{StreamCounts, StreamSettings, Streams};
pub use switch::{Mac, Switch, SwitchCounts, SwitchSettings, MAX_HOST_FRAME};

use std::collections::VecDeque;

use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::Profile;

/// Everything that can be set about the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvSettings {
    /// Seed of every random choice.
    pub seed: u64,
    /// Memory system.
    pub axi: AxiSettings,
    /// Register bus.
    pub axil: AxilSettings,
    /// Streams.
    pub streams: StreamSettings,
    /// Switch.
    pub switch: SwitchSettings,
    /// Block function.
    pub blk: BlkSettings,
    /// Bytes of host memory from address 0; below the interrupt window at 0xfee0_0000.
    pub low_mem: u64,
    /// Bytes of host memory from 4 GiB, where DMA pages come from.
    pub high_mem: u64,
}

impl EnvSettings {
    /// The ordinary world: some of every trouble.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            axi: AxiSettings::default(),
            axil: AxilSettings::default(),
            streams: StreamSettings::default(),
            switch: SwitchSettings::default(),
            blk: BlkSettings::default(),
            low_mem: 1 << 30,
            high_mem: 64 << 30,
        }
    }

    /// A world without stalls or jitter, for measurements: `latency` cycles for each memory access.
    #[must_use]
    pub fn smooth(seed: u64, latency: u32) -> Self {
        Self {
            axi: AxiSettings::smooth(latency),
            axil: AxilSettings {
                stall_percent: 0,
                ..AxilSettings::default()
            },
            streams: StreamSettings {
                stall_percent: 0,
                gap_percent: 0,
            },
            ..Self::new(seed)
        }
    }
}

/// What stands behind the streams instead of switch and block stores.
pub trait Card {
    /// A packet that `m_axis` completed in this cycle.
    fn take(&mut self, cycle: u64, packet: TxPacket);

    /// The next packet for `s_axis`, if there is one in this cycle.
    fn next_packet(&mut self, cycle: u64) -> Option<RxPacket>;
}

/// Sees every cycle as it happens: cycle, inputs, outputs.
pub type Tap = Box<dyn FnMut(u64, &Inputs, &Outputs)>;

/// The world.
pub struct Env {
    cycle: u64,
    reset_left: u32,
    mem: HostMem,
    /// Memory beside host memory, of a client.
    pub remote: Option<Box<dyn Remote>>,
    /// Platform IOMMU.
    pub iommu: Iommu,
    /// Interrupt controller.
    pub irqs: IrqController,
    /// Memory bus.
    pub axi: AxiSlave,
    /// Register bus.
    pub axil: AxilMaster,
    /// Streams.
    pub streams: Streams,
    /// Network.
    pub switch: Switch,
    /// Block stores.
    pub blk: Blk,
    /// Takes the place of both.
    pub card: Option<Box<dyn Card>>,
    /// Whether `s_axis` carries a frame or a block answer next, when both wait.
    blk_first: bool,
    /// Empty answers to chains that no function serves.
    refusals: VecDeque<RxPacket>,
    taps: Vec<Tap>,
}

impl Env {
    /// A world at cycle 0 around a device of `profile`.
    ///
    /// # Errors
    /// When host memory cannot be mapped.
    pub fn new(profile: &Profile, settings: EnvSettings) -> Result<Self, MemError> {
        let EnvSettings {
            seed,
            axi,
            axil,
            streams,
            switch,
            blk,
            low_mem,
            high_mem,
        } = settings;
        let beat = profile.beat_bytes();
        Ok(Self {
            cycle: 0,
            reset_left: 0,
            mem: HostMem::new(low_mem, high_mem)?,
            remote: None,
            iommu: Iommu::default(),
            irqs: IrqController::default(),
            axi: AxiSlave::new(axi, beat, profile.id_w, Dice::new(seed, 1)),
            axil: AxilMaster::new(axil, Dice::new(seed, 2)),
            streams: Streams::new(streams, beat, Dice::new(seed, 3)),
            switch: Switch::new(switch),
            blk: Blk::new(blk, Dice::new(seed, 4)),
            card: None,
            blk_first: false,
            refusals: VecDeque::new(),
            taps: Vec::new(),
        })
    }

    /// Cycles so far: the number of the cycle that comes next.
    #[must_use]
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// A handle to host memory.
    #[must_use]
    pub fn mem(&self) -> &HostMem {
        &self.mem
    }

    /// Holds the device in reset for the next `cycles` cycles. What is in flight on the buses is lost.
    pub fn reset(&mut self, cycles: u32) {
        self.reset_left = cycles;
    }

    /// Shows every cycle to `tap` from now on.
    pub fn add_tap(&mut self, tap: Tap) {
        self.taps.push(tap);
    }

    /// One cycle: the inputs for the edge that ends it. `out` are the outputs before that edge.
    pub fn inputs(&mut self, out: &Outputs) -> Inputs {
        let mut inputs = Inputs::default();
        if self.reset_left > 0 {
            self.reset_left -= 1;
            inputs.reset = true;
            // Valid is low in reset (AXI4 §A3.1.2), and outputs mean nothing.
            self.axi.clear();
            self.axil.clear();
            self.streams.clear();
        } else {
            self.run(out, &mut inputs);
        }
        for tap in &mut self.taps {
            tap(self.cycle, &inputs, out);
        }
        self.cycle += 1;
        inputs
    }

    /// True when nothing is under way at any port and nothing waits to be sent to the device.
    #[must_use]
    pub fn is_quiet(&self, out: &Outputs) -> bool {
        let valid = out.m_axi_arvalid
            || out.m_axi_awvalid
            || out.m_axi_wvalid
            || out.m_axis_tvalid
            || out.s_axil_bvalid
            || out.s_axil_rvalid;
        !valid
            && self.reset_left == 0
            && self.axi.in_flight() == (0, 0)
            && self.axil.is_idle()
            && self.streams.can_send()
            && self.switch.queued() == 0
            && self.blk.pending() == 0
            && self.refusals.is_empty()
    }

    fn run(&mut self, out: &Outputs, inputs: &mut Inputs) {
        let mut platform = Platform {
            mem: &self.mem,
            remote: self.remote.as_deref_mut(),
            iommu: &mut self.iommu,
            irqs: &mut self.irqs,
        };
        self.axi.tick(self.cycle, out, inputs, &mut platform);
        self.axil.tick(out, inputs);
        if inputs.s_axil_wvalid && out.s_axil_wready {
            self.axi.register_write();
        }
        if self.streams.can_send() {
            self.choose_packet();
        }
        if let Some(packet) = self.streams.tick(out, inputs) {
            if let Some(card) = &mut self.card {
                card.take(self.cycle, packet);
                return;
            }
            if packet.is_blk() {
                self.blk.take(self.cycle, &packet);
                return;
            }
            // Every chain with writable bytes must be answered: it holds one of the device's few slots until then.
            self.refusals.extend(RxPacket::refusal(&packet));
            if packet.is_net() {
                self.switch.take(&packet);
            }
        }
    }

    fn choose_packet(&mut self) {
        if let Some(card) = &mut self.card {
            if let Some(packet) = card.next_packet(self.cycle) {
                self.streams.send(packet);
            }
            return;
        }
        if let Some(refusal) = self.refusals.pop_front() {
            return self.streams.send(refusal);
        }
        let packet = if self.blk_first {
            self.blk
                .next_packet(self.cycle)
                .or_else(|| self.switch.next_packet())
        } else {
            self.switch
                .next_packet()
                .or_else(|| self.blk.next_packet(self.cycle))
        };
        if let Some(packet) = packet {
            self.blk_first = !packet.is_answer();
            self.streams.send(packet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shoal_abi::profile::TINY;

    #[test]
    fn nothing_is_valid_in_reset_and_the_cycle_counts_on() {
        let mut env = Env::new(&TINY, EnvSettings::new(1)).unwrap();
        env.axil.post(RegOp::Write {
            addr: 0,
            data: 1,
            strb: 15,
        });
        env.reset(4);
        for _ in 0..4 {
            let i = env.inputs(&Outputs::default());
            assert_eq!(
                i,
                Inputs {
                    reset: true,
                    ..Inputs::default()
                }
            );
        }
        assert!((0..100).any(|_| env.inputs(&Outputs::default()).s_axil_awvalid));
    }

    #[test]
    fn the_same_seed_gives_the_same_inputs() {
        let run = |seed| {
            let mut env = Env::new(&TINY, EnvSettings::new(seed)).unwrap();
            (0..200)
                .map(|_| env.inputs(&Outputs::default()))
                .collect::<Vec<_>>()
        };
        assert!(run(1) == run(1));
        assert!(run(1) != run(2));
    }

    #[test]
    fn a_block_request_on_the_stream_is_answered_on_the_stream() {
        use shoal_abi::stream::{TUSER_ANSWER, TUSER_TAG, TUSER_TYPE, TUSER_WRITABLE};
        let mut env = Env::new(&TINY, EnvSettings::smooth(1, 10)).unwrap();
        env.blk.attach(3, Store::memory(4096));
        // IN of sector 0, two 8-byte beats.
        let mut out = Outputs {
            m_axis_tvalid: true,
            m_axis_tdest: 3,
            ..Outputs::default()
        };
        out.m_axis_tkeep = 0xff;
        out.s_axis_tready = true;
        out.m_axis_tuser = TUSER_TYPE.put(2) | TUSER_TAG.put(77);
        env.inputs(&out);
        out.m_axis_tlast = true;
        out.m_axis_tuser |= TUSER_WRITABLE.put(513);
        env.inputs(&out);
        out.m_axis_tvalid = false;
        let answer: Vec<Inputs> = (0..2000)
            .map(|_| env.inputs(&out))
            .filter(|i| i.s_axis_tvalid)
            .collect();
        assert_eq!(answer.len(), 65);
        assert_eq!(answer[64].s_axis_tkeep, 1);
        assert!(answer[64].s_axis_tlast && !answer[63].s_axis_tlast);
        assert_eq!(TUSER_ANSWER.get(answer[0].s_axis_tuser), 1);
        assert_eq!(TUSER_TAG.get(answer[0].s_axis_tuser), 77);
    }

    #[test]
    fn a_transmit_chain_with_writable_bytes_gets_an_answer_without_bytes() {
        use shoal_abi::stream::{TUSER_ANSWER, TUSER_TAG, TUSER_TYPE, TUSER_WRITABLE};
        let mut env = Env::new(&TINY, EnvSettings::smooth(1, 10)).unwrap();
        let mut out = Outputs {
            m_axis_tvalid: true,
            m_axis_tdest: 3,
            ..Outputs::default()
        };
        (out.m_axis_tid, out.m_axis_tkeep, out.m_axis_tlast) = (1, 0xff, true);
        out.s_axis_tready = true;
        out.m_axis_tuser = TUSER_TYPE.put(1) | TUSER_TAG.put(9) | TUSER_WRITABLE.put(64);
        env.inputs(&out);
        out.m_axis_tvalid = false;
        let beats: Vec<Inputs> = (0..100)
            .map(|_| env.inputs(&out))
            .filter(|i| i.s_axis_tvalid)
            .collect();
        assert_eq!(beats.len(), 1);
        let b = &beats[0];
        assert_eq!(
            (b.s_axis_tkeep, b.s_axis_tlast, b.s_axis_tdest),
            (0, true, 3)
        );
        assert_eq!(
            (
                TUSER_ANSWER.get(b.s_axis_tuser),
                TUSER_TAG.get(b.s_axis_tuser)
            ),
            (1, 9)
        );
    }
}
