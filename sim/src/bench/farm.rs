//! Many managed devices with bare rings: created through the admin queue by commands that overlap, then given traffic.

use std::cell::RefCell;
use std::rc::Rc;

use shoal_abi::cmd as abi;
use shoal_abi::mmu::MODE_SV39;
use shoal_abi::profile::Profile;
use shoal_abi::ring::{
    F_EVENT_IDX, REQUIRED_FEATURES, S_ACKNOWLEDGE, S_DRIVER, S_DRIVER_OK, S_FEATURES_OK, TYPE_NET,
};
use shoal_driver::cmd::{self, Binding, Cmd, DevCreate};
use shoal_driver::Pipeline;

use super::layout::{buffer_pages, Layout, QUEUES};
use super::matrix::Case;
use super::sink::{SharedSink, Sink};
use super::watch::Watch;
use super::{Bench, BenchError, SEED};
use crate::env::{AxiSettings, EnvSettings, LinkSettings};
use crate::host::{Host, HostSettings};
use crate::lockstep::Mode;
use crate::setup::Setup;

/// Cycles without a packet after which a row has failed.
pub(super) const PATIENCE: u64 = 2_000_000;

/// Commands between two words about the progress.
const STAGE: usize = 64;

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
    pub(crate) bench: Bench,
    pub(super) watch: Rc<RefCell<Watch>>,
    pub(crate) sink: Rc<RefCell<Sink>>,
    /// Memory as it is when something is measured.
    axi: AxiSettings,
    pub(super) layout: Layout,
    active: u32,
    /// Queues that are set up.
    pub(super) set_up: Vec<(u32, u16)>,
    pub(super) rows: u8,
}

impl Farm {
    /// Creates `active` devices with memory for all of `cases`, in a simulation of their own.
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
        Self::over(bench, world.axi(), active, cases)
    }

    /// The same in a simulation that is there; memory is `axi` when something is measured. The first devices' ids of each
    /// pool must be free.
    ///
    /// # Errors
    /// As [`Farm::new`].
    pub fn over(
        bench: Bench,
        axi: AxiSettings,
        active: u32,
        cases: &[Case],
    ) -> Result<Self, BenchError> {
        let profile = bench.host.borrow().profile();
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
        {
            let mut p = bench.mgmtdev.pools();
            for device in 0..active {
                p.members.reserve(device + 1)?;
                p.asids.reserve(device)?;
                p.doorbell_pages.reserve(device)?;
            }
            for vq in 0..active * QUEUES as u32 {
                p.vqs.reserve(vq)?;
            }
        }
        let farm = Self {
            bench,
            watch,
            sink,
            axi,
            layout,
            active,
            set_up: Vec::new(),
            rows: 0,
        };
        farm.set_fast(true);
        let commands = (0..active).flat_map(|device| farm.create(device));
        farm.all("create devices", 4 * active as usize, commands)?;
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

    /// Executes commands, many at a time; there are about `of` of them.
    pub(super) fn all(
        &self,
        what: &str,
        of: usize,
        commands: impl IntoIterator<Item = Cmd>,
    ) -> Result<(), BenchError> {
        let mut pipeline = Pipeline::new(&self.bench.mgmtdev);
        for (n, command) in commands.into_iter().enumerate() {
            if n.is_multiple_of(STAGE) {
                let mut host = self.bench.host.borrow_mut();
                host.set_step(what, n as u64, of as u64);
            }
            pipeline.push(command)?;
        }
        Ok(pipeline.drain()?)
    }

    /// Lets memory be as fast as can be, or as the world has it.
    pub(crate) fn set_fast(&self, is_fast: bool) {
        let mut host = self.bench.host.borrow_mut();
        *host.env().axi.settings_mut() = if is_fast {
            AxiSettings::smooth(0)
        } else {
            self.axi.clone()
        };
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

    /// Destroys the devices and gives back all that they had; the simulation goes on.
    ///
    /// # Errors
    /// When the device does not do what it is asked.
    pub fn destroy(self) -> Result<Bench, BenchError> {
        self.set_fast(true);
        self.sink.borrow_mut().stop();
        let end = |device: u32| {
            let destroy = Cmd::new(abi::DEV_DESTROY, (device + 1).into());
            [destroy, cmd::asid_set(device, Binding::OFF)]
        };
        let invalidate = cmd::iotlb_invalidate(None, None);
        let commands = (0..self.active).flat_map(end).chain([invalidate]);
        self.all("destroy devices", 2 * self.active as usize, commands)?;
        self.set_fast(false);
        let Self { bench, .. } = self;
        bench.host.borrow_mut().env().card = None;
        {
            let mut p = bench.mgmtdev.pools();
            p.members.free_run(1, self.active);
            p.asids.free_run(0, self.active);
            p.doorbell_pages.free_run(0, self.active);
            p.vqs.free_run(0, self.active * QUEUES as u32);
        }
        let mem = bench.host.borrow().mem().clone();
        (self.layout.release(&mem)).map_err(|e| BenchError::Failed(e.to_string()))?;
        Ok(bench)
    }
}
