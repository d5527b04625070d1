//! The server against clients: a driver that makes devices and moves data, the client of another project, and clients that misbehave.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::net::{sendmsg, SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use shoal_abi::pci;
use shoal_abi::profile::TINY;
use shoal_abi::regs::{ABI, MAGIC, MAGIC_VALUE, READY};
use shoal_abi::ring::TYPE_BLK;
use shoal_driver::{Mgmtdev, Options, SpaceKind, Time, VdevConfig};
use vm_memory::{FileOffset, MmapRegion};
use zerocopy::IntoBytes;

use super::socket::{receive, send};
use super::wire::{self, command, Header};
use super::*;
use crate::client::{BlkClient, HostPointers, Layout, Window};
use crate::host::HostSettings;
use crate::lockstep::Mode;
use crate::serve::pump::{self, Clock, PumpCounts};
use crate::serve::stores;
use crate::setup::Setup;

/// A server of the model in a thread.
struct Server {
    dir: tempfile::TempDir,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<PumpCounts>>,
}

impl Server {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (path, flag) = (dir.path().join("s"), Arc::clone(&stop));
        let listener = Listener::new(&path).unwrap();
        let thread = std::thread::spawn(move || {
            let setup = Setup::new(&TINY, 3, Mode::Model, Vec::new());
            let mut settings = HostSettings::new(3);
            (settings.env.low_mem, settings.env.high_mem) = (0, 0);
            let mut host = Host::new(&setup, settings).unwrap();
            host.blk().set_source(stores::source(None, 1 << 20, false));
            let mut front = VfioUser::new(&mut host, listener, 8);
            let counts = pump::run(&mut host, &mut [&mut front], Clock::default(), &flag).unwrap();
            drop(front);
            let report = host.finish().unwrap();
            assert!(report.check.failure.is_none(), "{:?}", report.check.failure);
            counts
        });
        Self {
            dir,
            stop,
            thread: Some(thread),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    fn connect(&self) -> UnixStream {
        let socket = UnixStream::connect(self.path()).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        socket
    }

    fn end(mut self) -> PumpCounts {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

/// Where the client's memory is on the bus, and its size.
const MEMORY: (u64, u64) = (0x10_0000, 16 << 20);

/// A client with memory, that serves transfers while it waits for replies.
#[derive(Clone, Debug)]
struct Client(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: UnixStream,
    memory: File,
    mapped: MmapRegion<()>,
    next_id: Cell<u16>,
    pages: RefCell<BTreeMap<u64, bool>>,
    messages: RefCell<HashMap<(u64, u32), u64>>,
    transfers: Cell<u64>,
    started: Instant,
}

fn send_with(socket: &UnixStream, mut header: Header, body: &[u8], file: &File) {
    header.size = (16 + body.len()) as u32;
    let bytes = [header.as_bytes(), body].concat();
    let fds = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    let sent = sendmsg(
        socket,
        &[IoSlice::new(&bytes)],
        &mut control,
        SendFlags::empty(),
    );
    assert_eq!(sent.unwrap(), bytes.len());
}

impl Client {
    /// A client whose memory the server reaches by file or by message.
    fn new(socket: UnixStream, by_file: bool) -> Self {
        let memory = tempfile::tempfile().unwrap();
        memory.set_len(MEMORY.1).unwrap();
        let file = FileOffset::new(memory.try_clone().unwrap(), 0);
        let client = Self(Rc::new(Inner {
            socket,
            mapped: MmapRegion::from_file(file, MEMORY.1 as usize).unwrap(),
            memory,
            next_id: Cell::new(1),
            pages: RefCell::new((0..MEMORY.1 / 4096).map(|p| (p, true)).collect()),
            messages: RefCell::default(),
            transfers: Cell::new(0),
            started: Instant::now(),
        }));
        client.call(command::VERSION, b"\0\0\0\0{}\0").unwrap();
        let map = wire::DmaMap {
            argsz: 32,
            flags: wire::DMA_READABLE | wire::DMA_WRITABLE,
            offset: 0,
            address: MEMORY.0,
            size: MEMORY.1,
        };
        if by_file {
            let header = client.header(command::DMA_MAP);
            send_with(&client.0.socket, header, map.as_bytes(), &client.0.memory);
            client.reply(header.id).unwrap();
        } else {
            client.call(command::DMA_MAP, map.as_bytes()).unwrap();
        }
        // Memory space and bus mastering.
        client.write(wire::REGION_CONFIG, 4, &[6, 0]).unwrap();
        client
    }

    fn header(&self, command: u16) -> Header {
        let id = self.0.next_id.get();
        self.0.next_id.set(id.wrapping_add(1));
        Header {
            id,
            command,
            ..Header::default()
        }
    }

    /// A command and its reply's body, or the errno.
    fn call(&self, command: u16, body: &[u8]) -> Result<Vec<u8>, u32> {
        let header = self.header(command);
        send(&self.0.socket, header, &[body]).unwrap();
        self.reply(header.id)
    }

    fn reply(&self, id: u16) -> Result<Vec<u8>, u32> {
        loop {
            let m = receive(&self.0.socket).unwrap();
            if m.header.flags & wire::F_TYPE == wire::F_REPLY {
                assert_eq!(m.header.id, id);
                let failed = m.header.flags & wire::F_ERROR != 0;
                return if failed {
                    Err(m.header.error)
                } else {
                    Ok(m.body)
                };
            }
            self.transfer(&m.header, &m.body);
        }
    }

    fn transfer(&self, header: &Header, body: &[u8]) {
        let (access, data) = wire::split::<wire::DmaAccess>(body).unwrap();
        let mut reply = access.as_bytes().to_vec();
        if header.command == command::DMA_WRITE && access.address >= 0xfee0_0000 {
            let data = u32::from_le_bytes(data.try_into().unwrap());
            let key = (access.address, data);
            *self.0.messages.borrow_mut().entry(key).or_default() += 1;
        } else {
            self.0.transfers.set(self.0.transfers.get() + 1);
            let at = access.address - MEMORY.0;
            if header.command == command::DMA_WRITE {
                self.0.memory.write_all_at(data, at).unwrap();
            } else {
                let mut data = vec![0; access.count as usize];
                self.0.memory.read_exact_at(&mut data, at).unwrap();
                reply.extend_from_slice(&data);
            }
        }
        send(&self.0.socket, socket::reply_to(header), &[&reply]).unwrap();
    }

    fn read(&self, region: u32, offset: u64, count: u32) -> Result<Vec<u8>, u32> {
        let access = wire::RegionAccess {
            offset,
            region,
            count,
        };
        let body = self.call(command::REGION_READ, access.as_bytes())?;
        Ok(body[16..].to_vec())
    }

    fn write(&self, region: u32, offset: u64, data: &[u8]) -> Result<(), u32> {
        let access = wire::RegionAccess {
            offset,
            region,
            count: data.len() as u32,
        };
        let body = [access.as_bytes(), data].concat();
        self.call(command::REGION_WRITE, &body).map(drop)
    }
}

mod driver {
    //! The client as the platform of the driver library.

    use std::ptr::NonNull;

    use shoal_driver::platform::{Bar, Dma, DmaBuf, Interrupts, Perm, PlatformIommu, Time};

    use super::*;

    impl Bar for Client {
        fn read32(&self, offset: u32) -> u32 {
            let word = self.read(pci::BAR_REGS.into(), offset.into(), 4).unwrap();
            u32::from_le_bytes(word.try_into().unwrap())
        }
        fn write32(&self, offset: u32, value: u32) {
            let doorbell = offset.checked_sub(shoal_abi::regs::DOORBELLS);
            let (bar, at) = match doorbell {
                Some(at) => (pci::BAR_DOORBELLS, at),
                None => (pci::BAR_REGS, offset),
            };
            // The table behind BAR 0 is the shell's.
            if doorbell.is_some() || u64::from(offset) < pci::BAR_REGS_BYTES {
                Client::write(self, bar.into(), at.into(), &value.to_le_bytes()).unwrap();
            }
        }
    }

    impl Dma for Client {
        fn alloc(&self, bytes: usize) -> shoal_driver::Result<DmaBuf> {
            let n = (bytes as u64).div_ceil(4096).max(1);
            let mut pages = self.0.pages.borrow_mut();
            let first = (0..)
                .find(|f| (*f..f + n).all(|p| *pages.get(&p).expect("memory is used up")))
                .unwrap();
            (first..first + n).for_each(|p| {
                pages.insert(p, false);
            });
            let zero = vec![0; (n * 4096) as usize];
            self.0.memory.write_all_at(&zero, first * 4096).unwrap();
            let addr = MEMORY.0 + first * 4096;
            Ok(DmaBuf { addr, bytes })
        }
        fn free(&self, buf: DmaBuf) {
            let first = (buf.addr - MEMORY.0) / 4096;
            let n = (buf.bytes as u64).div_ceil(4096).max(1);
            let mut pages = self.0.pages.borrow_mut();
            (first..first + n).for_each(|p| {
                pages.insert(p, true);
            });
        }
        fn read(&self, addr: u64, buf: &mut [u8]) {
            self.0.memory.read_exact_at(buf, addr - MEMORY.0).unwrap();
        }
        fn write(&self, addr: u64, bytes: &[u8]) {
            self.0.memory.write_all_at(bytes, addr - MEMORY.0).unwrap();
        }
    }

    impl HostPointers for Client {
        fn host_pointer(&self, addr: u64, bytes: usize) -> Option<NonNull<u8>> {
            let at = usize::try_from(addr.checked_sub(MEMORY.0)?).ok()?;
            let fits = at + bytes <= self.0.mapped.size();
            fits.then(|| NonNull::new(self.0.mapped.as_ptr().wrapping_add(at)))?
        }
    }

    impl Time for Client {
        fn now(&self) -> u64 {
            self.0.started.elapsed().as_micros() as u64
        }
        fn wait(&self) -> shoal_driver::Result<()> {
            // Transfers are served meanwhile.
            self.call(command::DEVICE_GET_INFO, &[]).unwrap();
            std::thread::sleep(Duration::from_micros(50));
            Ok(())
        }
    }

    impl Interrupts for Client {
        fn take(&self, address: u64, data: u32) -> u64 {
            let mut messages = self.0.messages.borrow_mut();
            messages.remove(&(address, data)).unwrap_or(0)
        }
    }

    impl PlatformIommu for Client {
        fn bind(&self, _: u32) {}
        fn unbind(&self, _: u32) {}
        fn map(&self, _: u32, _: u64, _: u64, _: u64, _: Perm) {}
        fn unmap(&self, _: u32, _: u64, _: u64) {}
    }
}

/// Makes a block device through the driver library, writes and reads some of it, and takes it away again.
fn use_a_block_device(client: &Client) {
    let m = Mgmtdev::probe(client.clone(), Options::default()).unwrap();
    let v = m.dev_add(VdevConfig::blk(1000, SpaceKind::Sv39)).unwrap();
    let window = Rc::new(Window::new(&v, 0, 0x10_0020_0000, Layout::Scattered).unwrap());
    drop(v);
    let mut blk = BlkClient::new(Rc::clone(&window), 40 * 512, 5).unwrap();
    for _ in 0..20_000 {
        blk.poll().unwrap();
        client.wait().unwrap();
        if blk.is_done() {
            break;
        }
    }
    assert!(blk.is_done(), "{blk:?}");
    let (wrote, read) = blk.digests();
    assert_eq!(wrote, read);
    blk.close().unwrap();
    let v = window.vdev().clone();
    Rc::try_unwrap(window).unwrap().release().unwrap();
    m.dev_del(v).unwrap();
}

#[test]
fn a_driver_moves_data_through_mapped_memory_and_through_messages() {
    for by_file in [true, false] {
        let server = Server::start();
        let client = Client::new(server.connect(), by_file);
        use_a_block_device(&client);
        assert_eq!(client.0.transfers.get() == 0, by_file);
        drop(client);
        let counts = server.end();
        assert_eq!((counts.created, counts.destroyed), (1, 1));
    }
}

#[test]
fn the_next_client_finds_a_fresh_function_whatever_the_last_one_did() {
    let server = Server::start();
    let garbage: [&[u8]; 4] = [
        &[0xff; 64],
        &[0; 16],
        // A reply that nobody asked for, before VERSION.
        &[1, 0, 9, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        // A region read before VERSION.
        &[1, 0, 9, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    for bytes in garbage {
        let mut socket = server.connect();
        socket.write_all(bytes).unwrap();
        let mut rest = Vec::new();
        // Sent away: the connection ends.
        let end = socket.read_to_end(&mut rest);
        let reset = std::io::ErrorKind::ConnectionReset;
        assert!(
            end.is_ok() || end.is_err_and(|e| e.kind() == reset),
            "{bytes:?}"
        );
    }
    // One that goes in the middle of its work, and of a message.
    let client = Client::new(server.connect(), true);
    let m = Mgmtdev::probe(client.clone(), Options::default()).unwrap();
    std::mem::forget(m.dev_add(VdevConfig::blk(8, SpaceKind::Sv39)).unwrap());
    (&client.0.socket).write_all(&[1, 2, 3]).unwrap();
    client.0.socket.shutdown(std::net::Shutdown::Both).unwrap();
    std::mem::forget(m);
    let client = Client::new(server.connect(), false);
    use_a_block_device(&client);
    drop(client);
    assert_eq!(server.end().created, 2);
}

#[test]
fn a_second_client_is_refused_and_the_first_goes_on() {
    let server = Server::start();
    let client = Client::new(server.connect(), true);
    let mut second = server.connect();
    assert_eq!(second.read(&mut [0; 16]).unwrap(), 0, "closed");
    use_a_block_device(&client);
}

#[test]
fn a_client_that_reads_nothing_is_sent_away() {
    let server = Server::start();
    let client = Client::new(server.connect(), true);
    let access = wire::RegionAccess {
        offset: 0,
        region: wire::REGION_CONFIG,
        count: 4096,
    };
    // Replies fill the socket; then nothing more is read from it either, and at last it is closed.
    let began = Instant::now();
    let socket = &client.0.socket;
    socket
        .set_write_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    while send(
        socket,
        client.header(command::REGION_READ),
        &[access.as_bytes()],
    )
    .is_ok()
    {
        assert!(began.elapsed() < Duration::from_secs(60));
    }
    drop(client);
    use_a_block_device(&Client::new(server.connect(), true));
}

#[test]
fn accesses_that_cannot_be_are_refused_and_cost_nothing() {
    let server = Server::start();
    let c = Client::new(server.connect(), true);
    let regs = u32::from(pci::BAR_REGS);
    assert_eq!(
        c.read(regs, MAGIC.offset.into(), 4).unwrap(),
        MAGIC_VALUE.to_le_bytes()
    );
    let both = c.read(regs, MAGIC.offset.into(), 8).unwrap();
    assert_eq!(both[4..], shoal_abi::ABI_VERSION.to_le_bytes());
    assert_eq!(ABI.offset, MAGIC.offset + 4);
    assert_eq!(
        c.read(regs, u64::from(MAGIC.offset) + 1, 1).unwrap(),
        [MAGIC_VALUE.to_le_bytes()[1]]
    );
    // What the device does not have reads as ones.
    assert_eq!(c.read(regs, 0x8000, 4).unwrap(), [0xff; 4]);
    for (region, offset, count) in [
        (regs, 2, 4),
        (regs, 0, 3),
        (regs, 0, 0),
        (regs, 0, u32::MAX),
        (regs, pci::BAR_REGS_BYTES, 4),
        (regs, u64::MAX, 1),
        (1, 0, 4),
        (9, 0, 4),
        (u32::MAX, 0, 4),
        (pci::BAR_MSIX.into(), pci::BAR_MSIX_BYTES - 2, 4),
        (wire::REGION_CONFIG, 4094, 4),
    ] {
        assert_eq!(
            c.read(region, offset, count),
            Err(dma::errno::EINVAL),
            "{region} {offset:#x} {count}"
        );
    }
    for (command, body) in [
        (command::REGION_READ, &[0; 3][..]),
        (command::DMA_MAP, &[0; 31]),
        (command::DMA_UNMAP, &[0; 24]),
        (command::DEVICE_SET_IRQS, &[0xff; 20]),
        (command::DEVICE_GET_REGION_INFO, &[0xff; 32]),
        (command::DEVICE_GET_IRQ_INFO, &[0xff; 16]),
        (command::REGION_WRITE_MULTI, &[0xff; 40]),
        (77, &[]),
    ] {
        assert!(c.call(command, body).is_err(), "{command}");
    }
    // Memory space off: nothing answers.
    c.write(wire::REGION_CONFIG, 4, &[0, 0]).unwrap();
    assert_eq!(c.read(regs, MAGIC.offset.into(), 4), Err(dma::errno::EIO));
}

#[test]
fn without_bus_mastering_the_device_reaches_nothing() {
    let server = Server::start();
    let c = Client::new(server.connect(), true);
    c.write(wire::REGION_CONFIG, 4, &[2, 0]).unwrap();
    let options = Options {
        command_cycles: 300_000,
        ..Options::default()
    };
    assert!(Mgmtdev::probe(c.clone(), options)
        .and_then(|m| m.dev_add(VdevConfig::blk(8, SpaceKind::Sv39)))
        .is_err());
    // A function-level reset makes it good.
    let device_control = 0x48;
    c.write(wire::REGION_CONFIG, device_control, &[0, 0x80])
        .unwrap();
    c.write(wire::REGION_CONFIG, 4, &[6, 0]).unwrap();
    use_a_block_device(&c);
}

#[test]
fn the_client_of_another_project_finds_the_function() {
    let server = Server::start();
    let mut c = vfio_user::Client::new(&server.path()).unwrap();
    let mut id = [0; 4];
    c.region_read(wire::REGION_CONFIG, 0, &mut id).unwrap();
    let ids = u32::from(pci::DEVICE) << 16 | u32::from(pci::VENDOR);
    assert_eq!(u32::from_le_bytes(id), ids);
    c.region_write(wire::REGION_CONFIG, 4, &[6, 0]).unwrap();
    let memory = tempfile::tempfile().unwrap();
    memory.set_len(1 << 20).unwrap();
    c.dma_map(0, 0, 1 << 20, memory.as_raw_fd()).unwrap();
    let began = Instant::now();
    let mut ready = [0; 4];
    while u32::from_le_bytes(ready) != 1 {
        c.region_read(pci::BAR_REGS.into(), READY.offset.into(), &mut ready)
            .unwrap();
        assert!(began.elapsed() < Duration::from_secs(20));
    }
    assert_eq!(c.get_irq_info(wire::IRQ_MSIX).unwrap().count, 8);
    c.dma_unmap(0, 1 << 20).unwrap();
    c.reset().unwrap();
}

#[test]
fn a_socket_is_taken_over_only_from_a_server_that_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let refused = |path: &Path| Listener::new(path).unwrap_err().kind();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let living = Listener::new(&path).unwrap();
    assert_eq!(refused(&path), std::io::ErrorKind::AddrInUse);
    drop(living);
    assert!(!path.exists());
    std::fs::write(&path, "a file").unwrap();
    assert_eq!(refused(&path), std::io::ErrorKind::AddrInUse);
    assert_eq!(std::fs::read(&path).unwrap(), b"a file");
}

#[test]
fn a_network_device_is_a_port_of_the_switch_while_its_driver_is_ready() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup::new(&TINY, 3, Mode::Model, Vec::new());
    let mut host = Host::new(&setup, HostSettings::new(3)).unwrap();
    let listener = Listener::new(&dir.path().join("s")).unwrap();
    let mut front = VfioUser::new(&mut host, listener, 8);
    let broadcast = [0xff; 64];
    for (kind, floods) in [(TYPE_NET, 1), (TYPE_BLK, 0)] {
        front.driver(&mut host, 3, Some(kind as u8));
        host.switch().host_send(&broadcast);
        assert_eq!(host.switch().queued(), floods);
        front.driver(&mut host, 3, None);
        assert_eq!(host.switch().queued(), 0);
    }
}
