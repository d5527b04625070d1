//! The management device: probing, its admin queue, limits, pools, fault queue; the counterpart of Linux `vdpa_mgmt_dev`.

mod start;

use std::sync::{Arc, Mutex, MutexGuard};

use shoal_abi::{cmd as abi, regs, ring};

use self::start::{expect, negotiate, reset, set_status, start_admin_queue};
use crate::admin::{AdminQueue, Completion, Framing, Ticket};
use crate::cmd::{self, Caps, Cmd, MmuStats, Reply};
use crate::error::{Error, Result};
use crate::faults::{FaultQueue, FaultRecord};
use crate::lock;
use crate::msi::{Msi, MsiPool};
use crate::platform::Platform;
use crate::pool::IdPool;

/// Vectors of the mgmtdev's MSI-X table.
const CONFIG_VECTOR: u16 = 0;
const ADMIN_VECTOR: u16 = 1;
const FAULT_VECTOR: u16 = 2;
/// PASIDs are the platform's; 0 is left alone because many platforms give it a meaning.
const FIRST_PASID: u32 = 1;

/// What can be chosen at probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Entries of the admin queue, a power of two, 2..=64.
    pub admin_queue_size: u16,
    /// Cycles that an admin command may take.
    pub command_cycles: u64,
    /// Cycles that a reset of the mgmtdev may take.
    pub reset_cycles: u64,
    /// Tries of a command that the device answers with EAGAIN.
    pub tries: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            admin_queue_size: regs::ADMIN_QUEUE_SIZE,
            command_cycles: 1_000_000,
            reset_cycles: 1_000_000,
            tries: 8,
        }
    }
}

/// The ids that the driver assigns.
#[derive(Debug)]
pub struct Pools {
    /// Member ids.
    pub members: IdPool,
    /// Virtqueue contexts.
    pub vqs: IdPool,
    /// Doorbell pages.
    pub doorbell_pages: IdPool,
    /// ASIDs.
    pub asids: IdPool,
    /// PASIDs.
    pub pasids: IdPool,
    /// Interrupt messages.
    pub msis: MsiPool,
}

#[derive(Debug)]
struct Shared<P: Platform> {
    platform: P,
    options: Options,
    caps: Caps,
    admin: AdminQueue<P>,
    pools: Mutex<Pools>,
    faults: Mutex<FaultQueue<P>>,
    vectors: [Msi; regs::MSIX_VECTORS as usize],
}

/// A probed management device. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Mgmtdev<P: Platform> {
    shared: Arc<Shared<P>>,
}

impl<P: Platform> Mgmtdev<P> {
    /// Resets and initialises the device: features, admin queue, MSI-X vectors, legal opcodes, fault queue.
    ///
    /// # Errors
    /// `Identity` for a device that this driver does not know, `Timeout`, and what commands answer.
    pub fn probe(platform: P, options: Options) -> Result<Self> {
        expect(&platform, regs::MAGIC, regs::MAGIC_VALUE)?;
        expect(&platform, regs::ABI, shoal_abi::ABI_VERSION)?;
        reset(&platform, options.reset_cycles)?;
        set_status(&platform, ring::S_ACKNOWLEDGE);
        set_status(&platform, ring::S_ACKNOWLEDGE | ring::S_DRIVER);
        negotiate(&platform)?;

        let mut msis = MsiPool::default();
        let mut vectors = [Msi {
            address: 0,
            data: 0,
        }; regs::MSIX_VECTORS as usize];
        for (n, v) in vectors.iter_mut().enumerate() {
            *v = msis.alloc()?;
            let at = regs::MSIX_TABLE + n as u32 * regs::MSIX_ENTRY_BYTES;
            for (word, value) in [v.address as u32, (v.address >> 32) as u32, v.data, 0]
                .into_iter()
                .enumerate()
            {
                platform.write32(at + 4 * word as u32, value);
            }
        }
        let admin = start_admin_queue(&platform, options)?;
        set_status(
            &platform,
            ring::S_ACKNOWLEDGE | ring::S_DRIVER | ring::S_FEATURES_OK | ring::S_DRIVER_OK,
        );
        let faults = Mutex::new(FaultQueue::new(platform.clone(), FAULT_VECTOR)?);
        let none = |what| IdPool::new(what, 0, 0);
        let pools = Pools {
            members: none("member ids"),
            vqs: none("virtqueue contexts"),
            doorbell_pages: none("doorbell pages"),
            asids: none("ASIDs"),
            pasids: IdPool::new(
                "PASIDs",
                FIRST_PASID,
                (1 << shoal_abi::mmu::USER_PASID_W) - FIRST_PASID,
            ),
            msis,
        };
        let mut shared = Shared {
            platform,
            options,
            caps: Caps::default(),
            admin,
            pools: Mutex::new(pools),
            faults,
            vectors,
        };
        for group in [abi::GROUP_SELF, abi::GROUP_MANAGED] {
            let offered = cmd::opcodes(&shared.exec(&cmd::list_query(group))?);
            shared.exec(&cmd::list_use(group, offered))?;
        }
        let caps = Caps::from(&shared.exec(&Cmd::new(abi::CAPS, 0))?);
        {
            let mut p = lock(&shared.pools);
            p.members = IdPool::new("member ids", 1, caps.devices);
            p.vqs = IdPool::new("virtqueue contexts", 0, caps.queues);
            p.doorbell_pages = IdPool::new("doorbell pages", 0, caps.doorbell_pages);
            p.asids = IdPool::new("ASIDs", 0, caps.asids);
        }
        shared.caps = caps;
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The platform it sits on.
    #[must_use]
    pub fn platform(&self) -> &P {
        &self.shared.platform
    }

    /// What the driver was told to do.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Limits and features.
    #[must_use]
    pub fn caps(&self) -> &Caps {
        &self.shared.caps
    }

    /// The admin queue, for raw commands.
    #[must_use]
    pub fn admin(&self) -> &AdminQueue<P> {
        &self.shared.admin
    }

    /// The pools. Do not hold the guard over another call of the driver.
    pub fn pools(&self) -> MutexGuard<'_, Pools> {
        lock(&self.shared.pools)
    }

    /// Messages of the vectors config, admin queue, fault queue, and one that is spare.
    #[must_use]
    pub fn vectors(&self) -> &[Msi] {
        &self.shared.vectors
    }

    /// Faults since the last call.
    #[must_use]
    pub fn take_faults(&self) -> Vec<FaultRecord> {
        lock(&self.shared.faults).drain()
    }

    /// Faults that found no room in the fault queue.
    #[must_use]
    pub fn lost_faults(&self) -> u32 {
        lock(&self.shared.faults).lost()
    }

    /// Sends a command without waiting for it.
    ///
    /// # Errors
    /// `QueueFull`.
    pub fn submit(&self, c: &Cmd) -> Result<Ticket> {
        self.shared
            .submit(&c.readable(), c.writable_bytes(), &Framing::default())
    }

    /// Sends any bytes as a command, in any framing.
    ///
    /// # Errors
    /// `QueueFull`, `Framing`.
    pub fn submit_raw(
        &self,
        readable: &[u8],
        writable: usize,
        framing: &Framing,
    ) -> Result<Ticket> {
        self.shared.submit(readable, writable, framing)
    }

    /// The result of command `c`, or its ticket again while it is in flight.
    ///
    /// # Errors
    /// `Command` when the device refused it, `ShortResult`, `BadUsed`.
    pub fn poll(&self, c: &Cmd, ticket: Ticket) -> Result<std::result::Result<Reply, Ticket>> {
        match self.shared.admin.poll(ticket)? {
            Ok(done) => c.reply(&done.writable, done.used).map(Ok),
            Err(ticket) => Ok(Err(ticket)),
        }
    }

    /// Sends command `c` and waits for its result.
    ///
    /// # Errors
    /// `Command` when the device refused it, `Timeout`, `Platform`.
    pub fn exec(&self, c: &Cmd) -> Result<Reply> {
        self.shared.exec(c)
    }

    /// As `exec`, with further tries while the device answers EAGAIN.
    ///
    /// # Errors
    /// As `exec`; the last EAGAIN when all tries are used up.
    pub fn exec_retry(&self, c: &Cmd) -> Result<Reply> {
        let mut left = self.shared.options.tries;
        loop {
            match self.exec(c) {
                Err(e) if e.is_try_again() && left > 1 => left -= 1,
                other => return other,
            }
        }
    }

    /// Sends any bytes as a command and waits.
    ///
    /// # Errors
    /// `Timeout`, `Platform`, `Framing`.
    pub fn exec_raw(
        &self,
        readable: &[u8],
        writable: usize,
        framing: &Framing,
    ) -> Result<Completion> {
        self.shared
            .exec_raw("a raw command", readable, writable, framing)
    }

    /// Resolves an IOVA by the path that devices use: address and PASID, or the fault cause.
    ///
    /// # Errors
    /// As `exec`.
    pub fn translate(
        &self,
        asid: u32,
        iova: u64,
        write: bool,
    ) -> Result<std::result::Result<(u64, Option<u32>), u16>> {
        let r = self.exec(&cmd::translate(asid, iova, write))?;
        let (cause, pasid) = (r.get("cause") as u16, r.get("pasid") as u32);
        if cause != 0 {
            return Ok(Err(cause));
        }
        let valid = pasid & shoal_abi::mmu::USER_PASID_VALID != 0;
        Ok(Ok((
            r.get("address"),
            valid.then_some(pasid & !shoal_abi::mmu::USER_PASID_VALID),
        )))
    }

    /// Counters of the device MMU.
    ///
    /// # Errors
    /// As `exec`.
    pub fn mmu_stats(&self) -> Result<MmuStats> {
        let r = self.exec(&Cmd::new(abi::MMU_STATS_GET, 0))?;
        Ok(MmuStats::from(&r))
    }

    /// Device status of the mgmtdev.
    #[must_use]
    pub fn status(&self) -> u8 {
        self.shared
            .platform
            .read32(regs::STATUS_QUEUE_SELECT.offset) as u8
    }
}

impl<P: Platform> Shared<P> {
    fn submit(&self, readable: &[u8], writable: usize, framing: &Framing) -> Result<Ticket> {
        let ticket = self.admin.submit(readable, writable, framing)?;
        self.platform.post_write32(regs::NOTIFY.offset, 0);
        Ok(ticket)
    }

    fn exec(&self, c: &Cmd) -> Result<Reply> {
        let done = self.exec_raw(
            c.name(),
            &c.readable(),
            c.writable_bytes(),
            &Framing::default(),
        )?;
        c.reply(&done.writable, done.used)
    }

    fn exec_raw(
        &self,
        what: &str,
        readable: &[u8],
        writable: usize,
        framing: &Framing,
    ) -> Result<Completion> {
        let cycles = self.options.command_cycles;
        let end = self.platform.now().saturating_add(cycles);
        let mut ticket = loop {
            match self.submit(readable, writable, framing) {
                Err(Error::QueueFull) if self.platform.now() < end => self.platform.wait()?,
                other => break other?,
            }
        };
        loop {
            ticket = match self.admin.poll(ticket)? {
                Ok(done) => return Ok(done),
                Err(ticket) => ticket,
            };
            if self.platform.now() >= end {
                self.admin.forget(ticket);
                return Err(Error::Timeout {
                    what: what.to_string(),
                    cycles,
                });
            }
            if let Err(e) = self.platform.wait() {
                self.admin.forget(ticket);
                return Err(e);
            }
        }
    }
}
