//! Many managed devices with bare rings: created through the admin queue by commands that overlap, then given traffic.

use std::cell::RefCell;
use std::rc::Rc;

use shoal_abi::cmd as abi;
use shoal_abi::mmu::MODE_SV39;
use shoal_abi::profile::Profile;
use shoal_abi::regs::{DOORBELLS, DOORBELL_PAGE_BYTES};
use shoal_abi::ring::{
    F_EVENT_IDX, REQUIRED_FEATURES, S_ACKNOWLEDGE, S_DRIVER, S_DRIVER_OK, S_FEATURES_OK, TYPE_NET,
};
use shoal_driver::cmd::{self, Binding, Cmd, DevCreate, VqSetup};
use shoal_driver::{Msi, Pipeline};

use super::layout::{buffer_pages, Layout, QUEUES};
use super::matrix::Case;
use super::rings::Rings;
use super::sink::{SharedSink, Sink};
use super::watch::{Seen, Watch};
use super::{Bench, BenchError, SEED};
use crate::env::{AxiSettings, EnvSettings, LinkSettings, RegOp};
use crate::host::{Host, HostSettings};
use crate::lockstep::Mode;
use crate::setup::Setup;

/// Cycles without a packet after which a row has failed.
pub(super) const PATIENCE: u64 = 2_000_000;
/// Address of the first queue's message; each queue has its own, 8 bytes on.
const MESSAGES: u64 = 0xfd00_0000;

/// How a farm is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct World {
    /// Cycles of a host memory access.
    pub latency: u32,
    /// Most random cycles beside them.
    pub jitter: u32,
    /// Link between device and memory.
    pub link: Option<LinkSettings>,
}

impl World {
    fn axi(&self) -> AxiSettings {
        AxiSettings {
            jitter: self.jitter,
            reorder: self.jitter > 0,
            link: self.link,
            ..AxiSettings::smooth(self.latency)
        }
    }
}

/// Devices that are created, and what is seen of them.
pub struct Farm {
    pub(super) bench: Bench,
    pub(super) watch: Rc<RefCell<Watch>>,
    pub(super) sink: Rc<RefCell<Sink>>,
    world: World,
    layout: Layout,
    /// Queues that are set up.
    set_up: Vec<(u32, u16)>,
    rows: u8,
}

impl Farm {
    /// Creates `active` devices with memory for all of `cases`.
    ///
    /// # Errors
    /// When the device does not do what it is asked, or memory runs out.
    pub fn new(
        profile: &'static Profile,
        mode: Mode,
        world: World,
        active: u32,
        cases: &[Case],
    ) -> Result<Self, BenchError> {
        let setup = Setup::new(profile, SEED, mode, Vec::new());
        // Creation is not what is measured: memory is as fast as can be.
        let settings = HostSettings {
            env: EnvSettings::smooth(SEED, 0),
            ..HostSettings::new(SEED)
        };
        let bench = Bench::new(Host::new(&setup, settings)?)?;
        let pages = cases.iter().map(|c| buffer_pages(profile, c)).max();
        let mem = bench.host.borrow().mem().clone();
        let layout = Layout::new(&mem, active, pages.unwrap_or(1))
            .map_err(|e| BenchError::Failed(e.to_string()))?;
        let (watch, sink) = <(Rc<RefCell<Watch>>, Rc<RefCell<Sink>>)>::default();
        watch.borrow_mut().set_layout(layout.clone());
        {
            let mut host = bench.host.borrow_mut();
            let tap = watch.clone();
            host.add_tap(Box::new(move |cycle, i, o| {
                tap.borrow_mut().cycle(cycle, i, o);
            }));
            host.env().card = Some(Box::new(SharedSink(sink.clone())));
        }
        let farm = Self {
            bench,
            watch,
            sink,
            world,
            layout,
            set_up: Vec::new(),
            rows: 0,
        };
        farm.all((0..active).flat_map(|device| farm.create(device)))?;
        Ok(farm)
    }

    fn create(&self, device: u32) -> [Cmd; 4] {
        let id = device + 1;
        let features = REQUIRED_FEATURES | 1 << F_EVENT_IDX;
        let of = |opcode| Cmd::new(opcode, id.into());
        let binding = Binding {
            mode: MODE_SV39,
            pasid: None,
            root: self.layout.root(device),
        };
        let dev = DevCreate {
            device_type: TYPE_NET,
            vq_count: QUEUES as u16,
            vq_base: device * QUEUES as u32,
            features,
            asids: [device; abi::GROUPS as usize],
            doorbell_page: device,
            config: vec![0; abi::CONFIG_BYTES],
        };
        let status = S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK;
        [
            cmd::asid_set(device, binding),
            cmd::dev_create(id, &dev),
            of(abi::FEATURES_SET).put("driver_features", features),
            of(abi::STATUS_SET).put("status", status.into()),
        ]
    }

    fn queue(&self, device: u32, vq: u16, size: u16) -> Cmd {
        let (desc, driver, used) = self.layout.areas_iova(vq.into());
        let key = u64::from(device) * QUEUES + u64::from(vq);
        let setup = VqSetup {
            vq_index: vq,
            size,
            ready: true,
            desc,
            driver,
            device: used,
            msi: Some(Msi {
                address: MESSAGES + 8 * key,
                data: key as u32,
            }),
            ..VqSetup::default()
        };
        cmd::vq_setup(device + 1, &setup)
    }

    /// Executes commands, many at a time.
    fn all(&self, commands: impl IntoIterator<Item = Cmd>) -> Result<(), BenchError> {
        let mut pipeline = Pipeline::new(&self.bench.mgmtdev);
        for command in commands {
            pipeline.push(command)?;
        }
        Ok(pipeline.drain()?)
    }

    /// Lets memory be as fast as can be, or as the world has it.
    pub(super) fn set_fast(&self, is_fast: bool) {
        let mut host = self.bench.host.borrow_mut();
        *host.env().axi.settings_mut() = if is_fast {
            AxiSettings::smooth(0)
        } else {
            self.world.axi()
        };
    }

    /// Ends the traffic of the row before, and begins that of `case` with fast memory.
    ///
    /// # Errors
    /// When the device does not do what it is asked.
    pub(super) fn begin(&mut self, case: Case) -> Result<Rings, BenchError> {
        self.set_fast(true);
        let old = std::mem::take(&mut self.set_up);
        let reset = |&(device, vq): &(u32, u16)| cmd::of_vq(abi::VQ_RESET, device + 1, vq);
        // Nothing more for queues that go away.
        self.sink.borrow_mut().stop();
        self.all(old.iter().map(reset))?;
        self.settle()?;
        self.rows = self.rows % u8::MAX + 1;
        let mem = self.bench.host.borrow().mem().clone();
        let mut rings = Rings::new(&mem, &self.layout, case, self.rows, &self.sink);
        rings.start()?;
        let queues = case.direction.queues();
        self.set_up = (0..case.active)
            .flat_map(|device| queues.iter().map(move |&vq| (device, vq)))
            .collect();
        let size = rings.entries();
        let setups = self.set_up.iter().map(|&(d, vq)| self.queue(d, vq, size));
        let invalidate = cmd::iotlb_invalidate(None, None);
        self.all([invalidate].into_iter().chain(setups))?;
        Ok(rings)
    }

    /// Waits until no packet of the row before is on a stream.
    fn settle(&self) -> Result<(), BenchError> {
        let mut host = self.bench.host.borrow_mut();
        host.run_until("the end of a packet", PATIENCE, |h| {
            h.env().streams.can_send() && !h.outputs().m_axis_tvalid
        })?;
        host.run(64)?;
        self.watch.borrow_mut().seen.clear();
        Ok(())
    }

    /// Runs until `packets` packets more have passed the streams.
    ///
    /// # Errors
    /// A packet that is wrong, or none for a long time.
    pub(super) fn run(&self, rings: &mut Rings, packets: u64) -> Result<(), BenchError> {
        let start = self.watch.borrow().counts.packets();
        let (mut passed, mut since) = (start, self.bench.host.cycle());
        while passed < start + packets {
            self.step(rings)?;
            let now = self.watch.borrow().counts.packets();
            if now != passed {
                (passed, since) = (now, self.bench.host.cycle());
                if let Some(e) = self.sink.borrow_mut().error.take() {
                    return Err(BenchError::Failed(e));
                }
            } else if self.bench.host.cycle() - since > PATIENCE {
                return Err(BenchError::Failed(format!(
                    "no packet passed within {PATIENCE} cycles, {} are open",
                    rings.open()
                )));
            }
        }
        Ok(())
    }

    /// One cycle, and what follows from it.
    pub(super) fn step(&self, rings: &mut Rings) -> Result<(), BenchError> {
        let mut host = self.bench.host.borrow_mut();
        host.step()?;
        loop {
            let seen = self.watch.borrow_mut().seen.pop_front();
            let Some((cycle, seen)) = seen else { break };
            match seen {
                Seen::Doorbell { page, vq } => rings.rung(page, vq, cycle),
                Seen::Arrival { member, .. } => rings.arrived(member.wrapping_sub(1), cycle),
                Seen::Message { addr } => {
                    // The management device's own messages are no queue's.
                    let key = addr.wrapping_sub(MESSAGES) / 8;
                    if key < u64::from(host.profile().devices) * QUEUES {
                        let device = (key / QUEUES) as u32;
                        rings.message(device, (key % QUEUES) as u16, cycle)?;
                    }
                }
            }
        }
        // Few doorbells at a time, so that admin commands find room between them.
        if host.env().axil.queued() == 0 {
            if let Some((device, vq)) = rings.next()? {
                host.env().axil.post(RegOp::Write {
                    addr: DOORBELLS + device * DOORBELL_PAGE_BYTES,
                    data: vq.into(),
                    strb: 0xf,
                });
            }
        }
        Ok(())
    }

    /// Ends the run; a check that failed is an error.
    ///
    /// # Errors
    /// A check that failed.
    pub fn finish(self) -> Result<(), BenchError> {
        let Self { bench, .. } = self;
        bench.host.borrow_mut().env().card = None;
        bench.finish().map(drop)
    }
}
