//! Clients over the functional device: TCP between two ports, a block device, in every kind of address space.

use std::ptr::NonNull;
use std::rc::Rc;

use shoal_abi::profile::TINY;
use shoal_driver::fake::{Fake, Memory};
use shoal_driver::{Mgmtdev, Options, SpaceKind, Time, VdevConfig};

use super::*;
use crate::env::HostMem;

#[derive(Clone, Debug)]
struct Mem(HostMem);

impl Memory for Mem {
    fn alloc(&self, pages: u64) -> Option<u64> {
        self.0.alloc(pages).ok()
    }
    fn free(&self, addr: u64, pages: u64) {
        self.0.free(addr, pages).unwrap();
    }
    fn read(&self, addr: u64, buf: &mut [u8]) -> bool {
        self.0.read(addr, buf).is_ok()
    }
    fn write(&self, addr: u64, bytes: &[u8]) -> bool {
        self.0.write(addr, bytes).is_ok()
    }
}

#[derive(Clone, Debug)]
struct Site(Fake<Mem>, HostMem);

impl HostPointers for Site {
    fn host_pointer(&self, addr: u64, bytes: usize) -> Option<NonNull<u8>> {
        self.1.pointer(addr, bytes)
    }
}

macro_rules! delegate { ($($t:ident { $($f:ident($($a:ident: $ty:ty),*) $(-> $r:ty)?;)* })*) => { $(
    impl shoal_driver::platform::$t for Site {
        $(fn $f(&self, $($a: $ty),*) $(-> $r)? { self.0.$f($($a),*) })*
    }
)* } }

delegate! {
    Bar { read32(offset: u32) -> u32; write32(offset: u32, value: u32); }
    Dma {
        alloc(bytes: usize) -> shoal_driver::Result<shoal_driver::DmaBuf>;
        free(buf: shoal_driver::DmaBuf);
        read(addr: u64, buf: &mut [u8]);
        write(addr: u64, bytes: &[u8]);
    }
    Time { now() -> u64; wait() -> shoal_driver::Result<()>; }
    Interrupts { take(address: u64, data: u32) -> u64; }
    PlatformIommu {
        bind(pasid: u32);
        unbind(pasid: u32);
        map(pasid: u32, iova: u64, pa: u64, bytes: u64, perm: shoal_driver::Perm);
        unmap(pasid: u32, iova: u64, bytes: u64);
    }
}

fn probe() -> (Site, Mgmtdev<Hooked<Site>>) {
    let mem = HostMem::new(0, 1 << 30).unwrap();
    let site = Site(Fake::with_memory(&TINY, Mem(mem.clone())), mem);
    let m = Mgmtdev::probe(Hooked::new(site.clone(), 256), Options::default()).unwrap();
    (site, m)
}

type W = Rc<Window<Hooked<Site>>>;

fn window(m: &Mgmtdev<Hooked<Site>>, config: VdevConfig, layout: Layout) -> W {
    let v = m.dev_add(config).unwrap();
    let iova = 0x10_0020_0000 + (u64::from(v.id()) << 30);
    Rc::new(Window::new(&v, 0, iova, layout).unwrap())
}

fn give_back(m: &Mgmtdev<Hooked<Site>>, w: W) {
    let vdev = w.vdev().clone();
    Rc::try_unwrap(w).unwrap().release().unwrap();
    m.dev_del(vdev).unwrap();
}

fn mac(n: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, n]
}

#[test]
fn a_stretch_written_to_a_block_device_reads_back_in_every_space() {
    let kinds = [SpaceKind::Sv39, SpaceKind::Sv48, SpaceKind::Pasid];
    for (kind, layout) in
        kinds
            .into_iter()
            .zip([Layout::Large, Layout::Scattered, Layout::Scattered])
    {
        let (site, m) = probe();
        let held = site.1.pages_in_use();
        let w = window(&m, VdevConfig::blk(1000, kind), layout);
        let mut c = BlkClient::new(w.clone(), 300 * 512, 5).unwrap();
        for _ in 0..1000 {
            c.poll().unwrap();
            site.wait().unwrap();
        }
        assert!(c.is_done(), "{kind:?}: {c:?}");
        let (wrote, read) = c.digests();
        assert_eq!(wrote, read);
        assert_eq!(c.moved(), 2 * 300 * 512);
        assert_eq!(site.0.machine().wild_accesses, 0);
        c.close().unwrap();
        give_back(&m, w);
        assert_eq!(site.1.pages_in_use(), held);
    }
}

#[test]
fn a_store_that_changes_is_noticed() {
    let (site, m) = probe();
    let w = window(&m, VdevConfig::blk(64, SpaceKind::Sv39), Layout::Large);
    let id = w.vdev().id();
    let mut c = BlkClient::new(w, 64 * 512, 5).unwrap();
    let mut spoiled = false;
    for _ in 0..500 {
        c.poll().unwrap();
        site.wait().unwrap();
        let mut machine = site.0.machine_mut();
        let sector = machine.stores.get_mut(&id).and_then(|s| s.get_mut(&63));
        if let (Some(sector), false) = (sector, spoiled) {
            sector[511] ^= 1;
            spoiled = true;
        }
        drop(machine);
        if c.is_done() {
            break;
        }
    }
    assert!(spoiled && c.is_done());
    let (wrote, read) = c.digests();
    assert_ne!(wrote, read);
}

#[test]
fn tcp_carries_every_byte_between_two_ports() {
    for (a, b) in [
        (SpaceKind::Sv39, SpaceKind::Pasid),
        (SpaceKind::Sv48, SpaceKind::Sv39),
    ] {
        let (site, m) = probe();
        let held = site.1.pages_in_use();
        let wa = window(&m, VdevConfig::net(mac(1), a), Layout::Scattered);
        let wb = window(&m, VdevConfig::net(mac(2), b), Layout::Large);
        let (pa, pb) = (
            NetPort::new(wa.clone()).unwrap(),
            NetPort::new(wb.clone()).unwrap(),
        );
        let (clock, now) = (Clock::default(), site.now());
        let send = Role::Send {
            bytes: 100_000,
            seed: 9,
            to: 2,
        };
        let mut sender = TcpPeer::new(pa, 1, send, clock, now);
        let mut receiver = TcpPeer::new(pb, 2, Role::Receive, clock, now);
        for _ in 0..20_000 {
            sender.poll(site.now()).unwrap();
            receiver.poll(site.now()).unwrap();
            site.wait().unwrap();
            if sender.is_done() && receiver.is_done() {
                break;
            }
        }
        assert!(
            sender.is_done() && receiver.is_done(),
            "{sender:?} {receiver:?}"
        );
        assert_eq!((sender.moved(), receiver.moved()), (100_000, 100_000));
        assert_eq!(sender.digest(), receiver.digest());
        assert_eq!(site.0.machine().wild_accesses, 0);
        sender.close().unwrap();
        receiver.close().unwrap();
        give_back(&m, wa);
        give_back(&m, wb);
        assert_eq!(site.1.pages_in_use(), held);
    }
}

#[test]
fn the_hook_runs_while_a_driver_waits_and_not_inside_itself() {
    use std::cell::Cell;
    let (_, m) = probe();
    let platform = m.platform().clone();
    let runs = Rc::new(Cell::new(0));
    let (seen, inside) = (runs.clone(), platform.clone());
    platform.set_hook(Some(Box::new(move |_| {
        seen.set(seen.get() + 1);
        inside.wait().unwrap();
    })));
    let v = m.dev_add(VdevConfig::blk(8, SpaceKind::Sv39)).unwrap();
    assert!(runs.get() > 0);
    platform.set_hook(None);
    m.dev_del(v).unwrap();
}
