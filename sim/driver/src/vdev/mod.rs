//! One managed device: its life, and (in `ops` and `vq`) every operation of Linux `vdpa_config_ops` under its Linux name.
//!
//! Where Linux passes a callback, the driver here allots an interrupt message and counts its arrivals, since what an
//! interrupt means is the client's business.

mod config;
mod ops;
mod vq;

use std::sync::{Arc, Mutex, MutexGuard};

use shoal_abi::{cmd as abi, regs};

pub use self::config::{DeviceKind, VdevConfig, GROUP_CONTROL, GROUP_DATA, GROUP_RINGS};
use crate::cmd::{self, Cmd, DevCreate, Reply};
use crate::error::{Error, Result};
use crate::lock;
use crate::mgmtdev::Mgmtdev;
use crate::msi::Msi;
use crate::platform::Platform;
use crate::space::AddressSpace;

/// The driver's side of a queue.
#[derive(Clone, Copy, Debug, Default)]
struct Vq {
    size: u16,
    desc: u64,
    driver: u64,
    device: u64,
    avail_index: u16,
    msi: Option<Msi>,
    ready: bool,
}

#[derive(Debug)]
struct State {
    vqs: Vec<Vq>,
    config_msi: Option<Msi>,
    /// The device has `config_msi`.
    config_msi_set: bool,
    status: u8,
    suspended: bool,
    /// Index of the address space of each group.
    group_space: [usize; abi::GROUPS as usize],
}

#[derive(Debug)]
struct Inner<P: Platform> {
    mgmtdev: Mgmtdev<P>,
    config: VdevConfig,
    id: u32,
    vq_base: u32,
    doorbell_page: u32,
    features: u64,
    spaces: Vec<AddressSpace<P>>,
    state: Mutex<State>,
}

/// A managed device. Clones are handles to the same one; [`Mgmtdev::dev_del`] ends it.
#[derive(Clone, Debug)]
pub struct Vdev<P: Platform> {
    inner: Arc<Inner<P>>,
}

/// What a device takes from the pools, so that a failure on the way gives all of it back.
struct Taken {
    id: u32,
    vq_base: u32,
    vqs: u32,
    doorbell_page: u32,
}

impl<P: Platform> Mgmtdev<P> {
    /// Adds a device: address spaces, ids, and one DEV_CREATE.
    ///
    /// # Errors
    /// `Argument`, `Exhausted`, and what the device answers; nothing is left taken.
    pub fn dev_add(&self, config: VdevConfig) -> Result<Vdev<P>> {
        config.check(self.caps())?;
        let taken = self.take(config.vq_count().into())?;
        let mut spaces = Vec::new();
        let built = config
            .spaces
            .iter()
            .try_for_each(|&kind| AddressSpace::new(self, kind).map(|s| spaces.push(s)))
            .and_then(|()| {
                let d = DevCreate {
                    device_type: config.device_type(),
                    vq_count: config.vq_count(),
                    vq_base: taken.vq_base,
                    features: config.features(self.caps()),
                    asids: config.group_space.map(|n| spaces[n].asid()),
                    doorbell_page: taken.doorbell_page,
                    config: config.config_space(),
                };
                self.exec(&cmd::dev_create(taken.id, &d))
            });
        if let Err(e) = built {
            self.give_back(&taken);
            // The first error is the one to report.
            spaces.into_iter().for_each(|s| drop(s.release()));
            return Err(e);
        }
        let state = State {
            vqs: vec![Vq::default(); config.vq_count().into()],
            config_msi: None,
            config_msi_set: false,
            status: 0,
            suspended: false,
            group_space: config.group_space,
        };
        Ok(Vdev {
            inner: Arc::new(Inner {
                mgmtdev: self.clone(),
                id: taken.id,
                vq_base: taken.vq_base,
                doorbell_page: taken.doorbell_page,
                features: config.features(self.caps()),
                spaces,
                state: Mutex::new(state),
                config,
            }),
        })
    }

    /// Deletes a device and gives back everything it had, mappings included.
    ///
    /// # Errors
    /// `State` when other handles are alive (nothing happens then), and what the device answers: then the ids stay taken.
    pub fn dev_del(&self, vdev: Vdev<P>) -> Result<()> {
        let inner = Arc::try_unwrap(vdev.inner)
            .map_err(|_| Error::State("the device is still in use: other handles to it exist"))?;
        self.exec_retry(&Cmd::new(abi::DEV_DESTROY, inner.id.into()))?;
        let state = inner
            .state
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        {
            let mut pools = self.pools();
            let messages = state
                .vqs
                .iter()
                .filter_map(|q| q.msi)
                .chain(state.config_msi);
            messages.for_each(|m| pools.msis.free(m));
        }
        self.give_back(&Taken {
            id: inner.id,
            vq_base: inner.vq_base,
            vqs: inner.config.vq_count().into(),
            doorbell_page: inner.doorbell_page,
        });
        inner.spaces.into_iter().try_for_each(AddressSpace::release)
    }

    fn take(&self, vqs: u32) -> Result<Taken> {
        let mut p = self.pools();
        let id = p.members.alloc()?;
        let vq_base = p.vqs.alloc_run(vqs).inspect_err(|_| p.members.free(id))?;
        let doorbell_page = p.doorbell_pages.alloc().inspect_err(|_| {
            p.members.free(id);
            p.vqs.free_run(vq_base, vqs);
        })?;
        Ok(Taken {
            id,
            vq_base,
            vqs,
            doorbell_page,
        })
    }

    fn give_back(&self, t: &Taken) {
        let mut p = self.pools();
        p.members.free(t.id);
        p.vqs.free_run(t.vq_base, t.vqs);
        p.doorbell_pages.free(t.doorbell_page);
    }
}

impl<P: Platform> Vdev<P> {
    /// Member id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.inner.id
    }

    /// How it was configured.
    #[must_use]
    pub fn config(&self) -> &VdevConfig {
        &self.inner.config
    }

    /// The mgmtdev it belongs to.
    #[must_use]
    pub fn mgmtdev(&self) -> &Mgmtdev<P> {
        &self.inner.mgmtdev
    }

    /// Its address spaces.
    #[must_use]
    pub fn spaces(&self) -> &[AddressSpace<P>] {
        &self.inner.spaces
    }

    /// Offset of its doorbell page in BAR0.
    #[must_use]
    pub fn doorbell(&self) -> u32 {
        regs::DOORBELLS + self.inner.doorbell_page * regs::DOORBELL_PAGE_BYTES
    }

    fn platform(&self) -> &P {
        self.inner.mgmtdev.platform()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.inner.state)
    }

    fn exec(&self, c: &Cmd) -> Result<Reply> {
        self.inner.mgmtdev.exec(c)
    }

    fn exec_retry(&self, c: &Cmd) -> Result<Reply> {
        self.inner.mgmtdev.exec_retry(c)
    }

    fn simple(&self, opcode: u16) -> Cmd {
        Cmd::new(opcode, self.inner.id.into())
    }
}
