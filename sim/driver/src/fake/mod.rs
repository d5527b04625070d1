//! A functional Shoal device in ordinary memory, for tests of drivers and clients.
//!
//! It follows ABI.md and has no clock: work is done inside `Time::wait`. It is no reference for the RTL, which the cycle
//! model is; but a driver that runs on it has met every rule of the ABI that a driver can break.

mod admin;
mod bar;
mod data;
mod exec;
mod exec_vq;
mod memory;
mod mmu;

use std::cell::{Ref, RefCell, RefMut};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use shoal_abi::cmd::{self as abi, CONFIG_BYTES, GROUPS};
use shoal_abi::profile::Profile;
use shoal_abi::regs;

pub use self::memory::{Memory, PageMemory};
pub use self::mmu::walk;
use crate::error::{Error, Result};
use crate::platform::{Bar, Dma, DmaBuf, Interrupts, Perm, PlatformIommu, Time, PAGE_BYTES};

/// Cycles that one `wait` is worth.
const WAIT_CYCLES: u64 = 256;

/// A message slot.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slot {
    /// Control bits.
    pub ctrl: u32,
    /// Address.
    pub address: u64,
    /// Data.
    pub data: u32,
}

/// A managed device.
#[derive(Clone, Debug)]
pub struct Device {
    /// Virtio type.
    pub kind: u16,
    /// First context.
    pub vq_base: u32,
    /// Queues.
    pub vq_count: u16,
    /// Features offered.
    pub features: u64,
    /// Features accepted.
    pub driver_features: u64,
    /// ASID of each group.
    pub asids: [u32; GROUPS as usize],
    /// Doorbell page.
    pub page: u32,
    /// Configuration space.
    pub config: [u8; CONFIG_BYTES],
    /// Status.
    pub status: u8,
    /// Configuration generation.
    pub generation: u8,
    /// Stopped by DEV_MODE_SET.
    pub stopped: bool,
    /// Configuration message.
    pub msi: Slot,
    /// Weight, interval and burst of SCHED_SET; interval 0: not paced.
    pub sched: (u8, u32, u32),
}

/// A virtqueue context.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    owner: u32,
    ready: bool,
    size: u16,
    group: u8,
    last_avail: u16,
    used_idx: u16,
    desc: u64,
    driver: u64,
    device: u64,
    msi: Slot,
    stats: [u32; 5],
}

/// An ASID table entry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asid {
    mode: u8,
    pasid: Option<u32>,
    root: u64,
}

/// What a test can make the device do wrong, or slowly.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moods {
    /// The admin queue is not looked at.
    pub admin_asleep: bool,
    /// This many commands that drain answer EAGAIN.
    pub try_again: u32,
    /// Completions of the admin queue come in reverse order.
    pub reversed: bool,
    /// `read32` gives all ones, as a device that fell off the bus.
    pub gone: bool,
}

/// The state of the device and of the machine around it.
#[derive(Debug)]
pub struct Machine<M> {
    /// Memory.
    pub memory: M,
    /// Moods.
    pub moods: Moods,
    /// Managed devices by member id.
    pub devices: BTreeMap<u32, Device>,
    /// Block stores by member id: sector -> contents.
    pub stores: HashMap<u32, HashMap<u64, Vec<u8>>>,
    /// Accesses of the device to memory that does not exist.
    pub wild_accesses: u64,
    profile: &'static Profile,
    now: u64,
    registers: BTreeMap<u32, u32>,
    legal: [[u64; 2]; 2],
    contexts: Vec<Context>,
    asids: Vec<Asid>,
    pages: Vec<u32>,
    pending: Vec<(u32, u16)>,
    macs: HashMap<[u8; 6], u32>,
    admin_avail: u16,
    admin_used: u16,
    iommu: HashMap<u32, HashMap<u64, (u64, bool)>>,
    /// Translations that IOTLB_INVALIDATE has not dropped: the device may use them as long as it likes, so this one does.
    iotlb: HashMap<(u32, u64), (u64, u64)>,
    messages: HashMap<(u64, u32), u64>,
    dma_pages: HashSet<u64>,
}

/// A handle to the machine: the platform of a driver.
#[derive(Debug)]
pub struct Fake<M = PageMemory> {
    shared: Rc<RefCell<Machine<M>>>,
}

impl<M> Clone for Fake<M> {
    fn clone(&self) -> Self {
        Self {
            shared: Rc::clone(&self.shared),
        }
    }
}

impl Fake<PageMemory> {
    /// A machine of `profile` with memory of its own.
    #[must_use]
    pub fn new(profile: &'static Profile) -> Self {
        Self::with_memory(profile, PageMemory::default())
    }
}

impl<M: Memory> Fake<M> {
    /// A machine of `profile` over `memory`.
    #[must_use]
    pub fn with_memory(profile: &'static Profile, memory: M) -> Self {
        let lists = [1 << abi::LIST_QUERY | 1 << abi::LIST_USE, 0];
        let machine = Machine {
            memory,
            moods: Moods::default(),
            devices: BTreeMap::new(),
            stores: HashMap::new(),
            wild_accesses: 0,
            profile,
            now: 0,
            registers: bar::reset_values(),
            legal: [lists; 2],
            contexts: vec![Context::default(); profile.queues as usize],
            asids: vec![Asid::default(); profile.asids as usize],
            pages: vec![0; profile.doorbell_pages as usize],
            pending: Vec::new(),
            macs: HashMap::new(),
            admin_avail: 0,
            admin_used: 0,
            iommu: HashMap::new(),
            iotlb: HashMap::new(),
            messages: HashMap::new(),
            dma_pages: HashSet::new(),
        };
        Self {
            shared: Rc::new(RefCell::new(machine)),
        }
    }

    /// The machine, to look at.
    #[must_use]
    pub fn machine(&self) -> Ref<'_, Machine<M>> {
        self.shared.borrow()
    }

    /// The machine, to change.
    #[must_use]
    pub fn machine_mut(&self) -> RefMut<'_, Machine<M>> {
        self.shared.borrow_mut()
    }

    /// Pages that drivers hold.
    #[must_use]
    pub fn pages_held(&self) -> usize {
        self.shared.borrow().dma_pages.len()
    }
}

impl<M: Memory> Bar for Fake<M> {
    fn read32(&self, offset: u32) -> u32 {
        self.shared.borrow().register(offset)
    }
    fn write32(&self, offset: u32, value: u32) {
        self.shared.borrow_mut().set_register(offset, value);
    }
}

impl<M: Memory> Dma for Fake<M> {
    fn alloc(&self, bytes: usize) -> Result<DmaBuf> {
        let mut m = self.shared.borrow_mut();
        let pages = bytes.max(1).div_ceil(PAGE_BYTES as usize) as u64;
        let addr = m
            .memory
            .alloc(pages)
            .ok_or_else(|| Error::Platform("no pages left".into()))?;
        m.dma_pages
            .extend((0..pages).map(|n| addr + n * PAGE_BYTES));
        Ok(DmaBuf { addr, bytes })
    }
    fn free(&self, buf: DmaBuf) {
        let mut m = self.shared.borrow_mut();
        let pages = buf.bytes.max(1).div_ceil(PAGE_BYTES as usize) as u64;
        for n in 0..pages {
            assert!(
                m.dma_pages.remove(&(buf.addr + n * PAGE_BYTES)),
                "page freed twice"
            );
        }
        m.memory.free(buf.addr, pages);
    }
    fn read(&self, addr: u64, buf: &mut [u8]) {
        assert!(
            self.shared.borrow().memory.read(addr, buf),
            "driver reads {addr:#x}"
        );
    }
    fn write(&self, addr: u64, bytes: &[u8]) {
        assert!(
            self.shared.borrow().memory.write(addr, bytes),
            "driver writes {addr:#x}"
        );
    }
}

impl<M: Memory> Time for Fake<M> {
    fn now(&self) -> u64 {
        self.shared.borrow().now
    }
    fn wait(&self) -> Result<()> {
        let mut m = self.shared.borrow_mut();
        m.now += WAIT_CYCLES;
        m.run_admin();
        m.run_queues();
        Ok(())
    }
}

impl<M: Memory> Interrupts for Fake<M> {
    fn take(&self, address: u64, data: u32) -> u64 {
        self.shared
            .borrow_mut()
            .messages
            .remove(&(address, data))
            .unwrap_or(0)
    }
}

impl<M: Memory> PlatformIommu for Fake<M> {
    fn bind(&self, pasid: u32) {
        self.shared.borrow_mut().iommu.insert(pasid, HashMap::new());
    }
    fn unbind(&self, pasid: u32) {
        self.shared.borrow_mut().iommu.remove(&pasid);
    }
    fn map(&self, pasid: u32, iova: u64, pa: u64, bytes: u64, perm: Perm) {
        let mut m = self.shared.borrow_mut();
        let table = m.iommu.entry(pasid).or_default();
        for at in (0..bytes).step_by(PAGE_BYTES as usize) {
            table.insert(iova + at, (pa + at, perm.writable()));
        }
    }
    fn unmap(&self, pasid: u32, iova: u64, bytes: u64) {
        let mut m = self.shared.borrow_mut();
        let table = m.iommu.entry(pasid).or_default();
        for at in (0..bytes).step_by(PAGE_BYTES as usize) {
            table.remove(&(iova + at));
        }
    }
}

impl<M: Memory> Machine<M> {
    fn send(&mut self, slot: &mut Slot) {
        if slot.ctrl & abi::MSI_VALID == 0 {
            return;
        }
        if slot.ctrl & abi::MSI_MASK != 0 {
            slot.ctrl |= abi::MSI_PENDING;
        } else {
            *self.messages.entry((slot.address, slot.data)).or_default() += 1;
        }
    }

    fn raise(&mut self, vector: u16) {
        if u32::from(vector) < regs::MSIX_VECTORS {
            let at = regs::MSIX_TABLE + u32::from(vector) * regs::MSIX_ENTRY_BYTES;
            let word = |n: u32| self.registers.get(&(at + 4 * n)).copied().unwrap_or(0);
            if word(3) & 1 == 0 {
                let key = (u64::from(word(0)) | u64::from(word(1)) << 32, word(2));
                *self.messages.entry(key).or_default() += 1;
            }
        }
    }
}
