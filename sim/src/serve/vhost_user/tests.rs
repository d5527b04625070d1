//! The server against front-ends: one that does what it should with a split ring of its own, and those that do not.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{eventfd, EventfdFlags};
use shoal_abi::profile::TINY;
use zerocopy::{FromBytes, IntoBytes};

use super::wire::{self, request, send_request, Header, MemRegion, VringAddr, VringState};
use super::*;
use crate::host::{Host, HostSettings};
use crate::lockstep::Mode;
use crate::serve::pump::{self, Clock};
use crate::serve::socket::Receive;
use crate::serve::stores;
use crate::setup::Setup;

/// Longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server in a thread.
struct Server {
    dir: tempfile::TempDir,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(mode: Mode, devices: Vec<VdevConfig>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (folder, flag) = (dir.path().to_owned(), Arc::clone(&stop));
        let socket = |n| Listener::new(&folder.join(format!("s{n}"))).unwrap();
        let devices: Vec<_> = (0..).map(socket).zip(devices).collect();
        let thread = std::thread::spawn(move || {
            let setup = Setup::new(&TINY, 3, mode, Vec::new());
            let mut settings = HostSettings::new(3);
            (settings.env.low_mem, settings.env.high_mem) = (0, 64 << 20);
            let mut host = SharedHost::new(Host::new(&setup, settings).unwrap());
            let store = stores::source(Some(&folder), 1 << 20);
            host.borrow_mut().blk().set_source(store);
            let mut front = VhostUser::new(&host, devices).unwrap();
            pump::run(&mut host, &mut front, Clock::default(), &flag).unwrap();
            front.close();
            let report = host.finish().unwrap();
            assert!(report.check.failure.is_none(), "{:?}", report.check.failure);
        });
        Self {
            dir,
            stop,
            thread: Some(thread),
        }
    }

    fn blk() -> Self {
        Self::start(Mode::Model, vec![blk(2048, 1)])
    }

    fn path(&self, n: usize) -> PathBuf {
        self.dir.path().join(format!("s{n}"))
    }

    fn connect(&self, n: usize) -> UnixStream {
        let socket = UnixStream::connect(self.path(n)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Bytes of a front-end's memory, and where it is for the guest and for the front-end.
const BYTES: u64 = 4 << 20;
const GUEST: u64 = 0x4000_0000;
const USER: u64 = 0x7f12_3450_0000;
/// Entries of a ring.
const SIZE: u16 = 16;
/// Where things are in the memory: rings each 64 KiB, then data.
const AVAIL: u64 = 0x1000;
const USED: u64 = 0x2000;
const DATA: u64 = 0x10_0000;

/// A front-end with memory.
struct Client {
    socket: UnixStream,
    memory: File,
    kicks: Vec<OwnedFd>,
    calls: Vec<OwnedFd>,
    /// Next available index of each ring.
    next: Vec<u16>,
}

fn eventfds(n: usize) -> Vec<OwnedFd> {
    let new = |_| eventfd(0, EventfdFlags::NONBLOCK).unwrap();
    (0..n).map(new).collect()
}

impl Client {
    fn new(socket: UnixStream, rings: usize) -> Self {
        let memory = tempfile::tempfile().unwrap();
        memory.set_len(BYTES).unwrap();
        Self {
            socket,
            memory,
            kicks: eventfds(rings),
            calls: eventfds(rings),
            next: vec![0; rings],
        }
    }

    /// A front-end with features, memory and running rings.
    fn running(socket: UnixStream, rings: usize) -> Self {
        let client = Self::new(socket, rings);
        client.negotiate(1 << 32 | wire::F_PROTOCOL_FEATURES);
        client.table(BYTES).unwrap();
        (0..rings as u32).for_each(|n| client.ring(n, 0));
        client
    }

    fn negotiate(&self, features: u64) {
        assert_ne!(
            self.get(request::GET_FEATURES) & wire::F_PROTOCOL_FEATURES,
            0
        );
        let protocol = self.get(request::GET_PROTOCOL_FEATURES);
        self.send(request::SET_PROTOCOL_FEATURES, protocol.as_bytes(), &[]);
        self.call(request::SET_OWNER, &[], &[]).unwrap();
        self.call(request::SET_FEATURES, features.as_bytes(), &[])
            .unwrap();
    }

    fn send(&self, what: u32, body: &[u8], fds: &[BorrowedFd<'_>]) {
        self.send_flags(what, 1, body, fds);
    }

    fn send_flags(&self, what: u32, flags: u32, body: &[u8], fds: &[BorrowedFd<'_>]) {
        let header = Header {
            request: what,
            flags,
            size: body.len() as u32,
        };
        // A server that has sent it away may be gone before the last byte.
        let _ = send_request(&self.socket, header, body, fds);
    }

    fn reply(&self, what: u32) -> Vec<u8> {
        let m = Message::receive(&self.socket).unwrap();
        assert_eq!((m.header.request, m.header.flags), (what, 5));
        m.body
    }

    fn get(&self, what: u32) -> u64 {
        self.send(what, &[], &[]);
        u64::read_from_bytes(&self.reply(what)).unwrap()
    }

    /// Sends a request and asks what became of it.
    fn call(&self, what: u32, body: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), u64> {
        self.send_flags(what, 1 | 8, body, fds);
        match u64::read_from_bytes(&self.reply(what)).unwrap() {
            0 => Ok(()),
            n => Err(n),
        }
    }

    fn region(size: u64) -> MemRegion {
        MemRegion {
            guest: GUEST,
            size,
            user: USER,
            offset: 0,
        }
    }

    fn table(&self, size: u64) -> Result<(), u64> {
        let body = [[1_u32, 0].as_bytes(), Self::region(size).as_bytes()].concat();
        self.call(request::SET_MEM_TABLE, &body, &[self.memory.as_fd()])
    }

    fn state(&self, what: u32, index: u32, num: u32) -> Result<(), u64> {
        self.call(what, VringState { index, num }.as_bytes(), &[])
    }

    fn descriptor(&self, what: u32, index: u64, fd: &OwnedFd) -> Result<(), u64> {
        self.call(what, index.as_bytes(), &[fd.as_fd()])
    }

    fn addr(index: u32) -> VringAddr {
        let at = USER + u64::from(index) * 0x1_0000;
        VringAddr {
            index,
            flags: 0,
            desc: at,
            used: at + USED,
            avail: at + AVAIL,
            log: 0,
        }
    }

    fn ring(&self, n: u32, base: u32) {
        let at = n as usize;
        self.state(request::SET_VRING_NUM, n, SIZE.into()).unwrap();
        self.state(request::SET_VRING_BASE, n, base).unwrap();
        self.call(request::SET_VRING_ADDR, Self::addr(n).as_bytes(), &[])
            .unwrap();
        self.descriptor(request::SET_VRING_CALL, n.into(), &self.calls[at])
            .unwrap();
        self.descriptor(request::SET_VRING_KICK, n.into(), &self.kicks[at])
            .unwrap();
        self.state(request::SET_VRING_ENABLE, n, 1).unwrap();
    }

    fn base(&self, index: u32) -> u32 {
        self.send(
            request::GET_VRING_BASE,
            VringState { index, num: 0 }.as_bytes(),
            &[],
        );
        VringState::read_from_bytes(&self.reply(request::GET_VRING_BASE))
            .unwrap()
            .num
    }

    fn write(&self, at: u64, bytes: &[u8]) {
        self.memory.write_all_at(bytes, at).unwrap();
    }

    fn read<const N: usize>(&self, at: u64) -> [u8; N] {
        let mut b = [0; N];
        self.memory.read_exact_at(&mut b, at).unwrap();
        b
    }

    fn used(&self, ring: usize) -> u16 {
        u16::from_le_bytes(self.read(ring as u64 * 0x1_0000 + USED + 2))
    }

    /// Makes a chain of `parts` {guest address, bytes, device writes} available on `ring`, without a kick.
    fn chain(&mut self, ring: usize, parts: &[(u64, u32, bool)]) {
        let at = ring as u64 * 0x1_0000;
        let index = self.next[ring];
        let first = index % 4 * 4;
        for (n, (addr, len, write)) in (0..).zip(parts) {
            let more = n + 1 < parts.len() as u16;
            let flags = u16::from(more) | u16::from(*write) << 1;
            let entry = at + u64::from(first + n) * 16;
            self.write(entry, &addr.to_le_bytes());
            self.write(entry + 8, &len.to_le_bytes());
            self.write(entry + 12, &flags.to_le_bytes());
            self.write(entry + 14, &(first + n + 1).to_le_bytes());
        }
        let slot = at + AVAIL + 4 + u64::from(index % SIZE) * 2;
        self.write(slot, &first.to_le_bytes());
        self.next[ring] = index.wrapping_add(1);
        self.write(at + AVAIL + 2, &self.next[ring].to_le_bytes());
    }

    fn kick(&self, ring: usize) {
        rustix::io::write(&self.kicks[ring], &1_u64.to_ne_bytes()).unwrap();
    }

    /// Waits until all that is available on `ring` is used, by its call alone.
    fn wait(&self, ring: usize) {
        let start = Instant::now();
        while self.used(ring) != self.next[ring] {
            assert!(
                start.elapsed() < PATIENCE,
                "no call: {} used",
                self.used(ring)
            );
            let mut fds = [PollFd::new(&self.calls[ring], PollFlags::IN)];
            let time = Timespec {
                tv_sec: 0,
                tv_nsec: 100_000_000,
            };
            if poll(&mut fds, Some(&time)).unwrap() > 0 {
                drain(self.calls[ring].as_fd());
            }
        }
    }

    /// Makes a block request available: data goes to or comes from `DATA`.
    fn prepare(&mut self, ring: usize, kind: u32, sector: u64, bytes: u32) {
        let head = DATA + 0x8_0000 + u64::from(self.next[ring] % 4) * 64;
        self.write(head, &kind.to_le_bytes());
        self.write(head + 8, &sector.to_le_bytes());
        self.write(head + 16, &[0xee]);
        let parts = [
            (GUEST + head, 16, false),
            (GUEST + DATA, bytes, kind == 0),
            (GUEST + head + 16, 1, true),
        ];
        if bytes == 0 {
            self.chain(ring, &[parts[0], parts[2]]);
        } else {
            self.chain(ring, &parts);
        }
    }

    /// Carries a block request out and returns its status.
    fn request(&mut self, ring: usize, kind: u32, sector: u64, bytes: u32) -> u8 {
        let head = DATA + 0x8_0000 + u64::from(self.next[ring] % 4) * 64;
        self.prepare(ring, kind, sector, bytes);
        self.kick(ring);
        self.wait(ring);
        self.read::<1>(head + 16)[0]
    }

    fn is_sent_away(&self) -> bool {
        loop {
            match Message::receive(&self.socket) {
                Ok(_) => {}
                Err(crate::serve::socket::SocketError::Io(e)) => {
                    return e.kind() == std::io::ErrorKind::ConnectionReset;
                }
                Err(_) => return true,
            }
        }
    }
}

fn pattern(seed: u8) -> [u8; 4096] {
    std::array::from_fn(|n| (n as u8).wrapping_mul(31).wrapping_add((n >> 8) as u8) ^ seed)
}

/// Write, flush and read back on every ring.
fn exercise(client: &mut Client, rings: usize) {
    for ring in 0..rings {
        let sector = 8 * (ring as u64 + 1);
        let data = pattern(0x11 * ring as u8);
        client.write(DATA, &data);
        assert_eq!(client.request(ring, 1, sector, 4096), 0);
        assert_eq!(client.request(ring, 4, 0, 0), 0);
        client.write(DATA, &[0; 4096]);
        assert_eq!(client.request(ring, 0, sector, 4096), 0);
        assert!(client.read::<4096>(DATA) == data);
    }
    assert_eq!(client.request(0, 0, 1 << 40, 512), 1, "past the end");
}

#[test]
fn what_is_written_is_read_back_by_every_queue_and_by_the_next_client() {
    let server = Server::start(Mode::Model, vec![blk(2048, 3)]);
    let mut client = Client::running(server.connect(0), 3);
    assert_eq!(client.get(request::GET_QUEUE_NUM), 3);
    exercise(&mut client, 3);
    drop(client);
    let mut client = Client::running(server.connect(0), 3);
    assert_eq!(client.request(2, 0, 16, 4096), 0);
    assert!(client.read::<4096>(DATA) == pattern(0x11));
    drop(client);
    let store = std::fs::read(server.dir.path().join("blk-1.img")).unwrap();
    assert!(store[16 * 512..][..4096] == pattern(0x11));
    server.end();
}

#[test]
fn the_rtl_in_lockstep_works_on_a_clients_ring() {
    let server = Server::start(Mode::Lockstep, vec![blk(2048, 1)]);
    let mut client = Client::running(server.connect(0), 1);
    exercise(&mut client, 1);
    drop(client);
    server.end();
}

#[test]
fn the_configuration_and_the_features_are_those_of_the_device_without_platform_bits() {
    let server = Server::start(Mode::Model, vec![blk(2048, 2), net(1)]);
    let client = Client::new(server.connect(0), 1);
    let features = client.get(request::GET_FEATURES);
    assert_eq!(
        features,
        1 << 32 | 7 << 28 | 1 << 12 | 1 << 9 | 1 << 6 | 1 << 2
    );
    client.negotiate(features);
    let range = wire::ConfigRange {
        offset: 0,
        size: 96,
        flags: 0,
    };
    let body = [range.as_bytes(), &[0; 96]].concat();
    client.send(request::GET_CONFIG, &body, &[]);
    let config = client.reply(request::GET_CONFIG);
    assert_eq!(config.len(), 12 + 96);
    assert_eq!(config[12..20], 2048_u64.to_le_bytes());
    assert_eq!(config[12 + 12..12 + 16], 126_u32.to_le_bytes());
    assert_eq!(config[12 + 34..12 + 36], 2_u16.to_le_bytes());
    client.send(
        request::GET_CONFIG,
        &[range.as_bytes(), &[0; 9]].concat(),
        &[],
    );
    assert!(client.reply(request::GET_CONFIG).is_empty());
    assert!(client.call(request::SET_CONFIG, &body, &[]).is_err());
    let net = Client::new(server.connect(1), 2);
    assert_eq!(net.get(request::GET_PROTOCOL_FEATURES) & wire::P_CONFIG, 0);
    assert_eq!(net.get(request::GET_FEATURES) >> 32, 1);
    server.end();
}

#[test]
fn a_ring_that_stops_goes_on_where_it_was_with_another_server() {
    let (first, second) = (Server::blk(), Server::blk());
    let mut client = Client::running(first.connect(0), 1);
    for n in 0..7 {
        client.write(DATA, &pattern(n));
        assert_eq!(client.request(0, 1, u64::from(n) * 8, 4096), 0);
    }
    // Two requests that the first server may have seen or not: each is carried out once, by one of them.
    client.prepare(0, 4, 0, 0);
    client.prepare(0, 1, 64, 512);
    client.kick(0);
    let base = client.base(0);
    assert_eq!(client.used(0), base as u16);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(client.used(0), base as u16, "a stopped ring stands still");
    client.socket = second.connect(0);
    client.negotiate(1 << 32 | wire::F_PROTOCOL_FEATURES);
    client.table(BYTES).unwrap();
    client.ring(0, base);
    client.wait(0);
    assert_eq!(client.request(0, 0, 8, 4096), 0);
    first.end();
    second.end();
}

#[test]
fn rings_go_on_over_changes_of_memory_and_enabling() {
    let server = Server::blk();
    let mut client = Client::running(server.connect(0), 1);
    exercise(&mut client, 1);
    // Memory changes under a running ring, as firmware does it.
    client.table(BYTES).unwrap();
    exercise(&mut client, 1);
    let slot = |guest, user, size| {
        let region = MemRegion {
            guest,
            size,
            user,
            offset: 0,
        };
        wire::MemSlot { padding: 0, region }
    };
    let extra = slot(1 << 32, USER + (1 << 32), 0x2000);
    let fd = [client.memory.as_fd()];
    client
        .call(request::ADD_MEM_REG, extra.as_bytes(), &fd)
        .unwrap();
    assert!(client
        .call(request::ADD_MEM_REG, extra.as_bytes(), &fd)
        .is_err());
    client
        .call(request::REM_MEM_REG, extra.as_bytes(), &[])
        .unwrap();
    assert!(client
        .call(request::REM_MEM_REG, extra.as_bytes(), &[])
        .is_err());
    assert!(client.get(request::GET_MAX_MEM_SLOTS) > 64);
    exercise(&mut client, 1);
    client.state(request::SET_VRING_ENABLE, 0, 0).unwrap();
    client.prepare(0, 4, 0, 0);
    client.kick(0);
    std::thread::sleep(Duration::from_millis(20));
    assert_ne!(client.used(0), client.next[0], "disabled");
    client.state(request::SET_VRING_ENABLE, 0, 1).unwrap();
    client.wait(0);
    // After a reset it begins again.
    client.call(request::RESET_DEVICE, &[], &[]).unwrap();
    client.write(0, &[0; 0x3000]);
    client.next[0] = 0;
    client
        .call(request::SET_FEATURES, (1_u64 << 32).as_bytes(), &[])
        .unwrap();
    client.ring(0, 0);
    exercise(&mut client, 1);
    server.end();
}

#[test]
fn enabling_before_bit_30_is_accepted_and_without_it_rings_start_enabled() {
    let server = Server::start(Mode::Model, vec![net(0), net(1)]);
    let mut ports: Vec<Client> = Vec::new();
    for n in 0..2 {
        let client = Client::new(server.connect(n), 2);
        client.negotiate(1 << 32);
        // As QEMU's netdev vhost-user does it.
        (0..2).for_each(|r| client.state(request::SET_VRING_ENABLE, r, 1).unwrap());
        let bit30 = if n == 0 { 0 } else { wire::F_PROTOCOL_FEATURES };
        let features = (1_u64 << 32) | bit30;
        client
            .call(request::SET_FEATURES, features.as_bytes(), &[])
            .unwrap();
        client.table(BYTES).unwrap();
        (0..2).for_each(|r| client.ring(r, 0));
        ports.push(client);
    }
    // A frame from each to the other: the first is flooded, the second goes where its address was learned.
    for (from, to) in [(0, 1), (1, 0)] {
        ports[to].chain(0, &[(GUEST + DATA, 1526, true)]);
        ports[to].kick(0);
        let mut frame = vec![0; 12 + 60];
        frame[12..18].copy_from_slice(&[2, 0, 0, 0, 0, to as u8]);
        frame[18..24].copy_from_slice(&[2, 0, 0, 0, 0, from as u8]);
        frame[24..].fill(0x5a + from as u8);
        ports[from].write(DATA + 4096, &frame);
        // The buffer must be there first: a packet never waits for it.
        std::thread::sleep(Duration::from_millis(50));
        ports[from].chain(1, &[(GUEST + DATA + 4096, 72, false)]);
        ports[from].kick(1);
        ports[from].wait(1);
        ports[to].wait(0);
        assert_eq!(ports[to].read::<60>(DATA + 12), frame[12..]);
    }
    drop(ports);
    server.end();
}

#[test]
fn what_makes_no_sense_is_refused_and_the_client_may_go_on() {
    let server = Server::blk();
    let mut client = Client::running(server.connect(0), 1);
    let state = |c: &Client, what, index, num| c.state(what, index, num).is_err();
    for num in [0, 1, 3, 512, 1 << 16, u32::MAX] {
        assert!(state(&client, request::SET_VRING_NUM, 0, num), "{num}");
    }
    assert!(
        state(&client, request::SET_VRING_NUM, 1, 16),
        "no such ring"
    );
    assert!(state(&client, request::SET_VRING_BASE, 0, 1 << 16));
    assert!(state(&client, request::SET_VRING_ENABLE, 0, 2));
    assert!(client
        .call(request::SET_FEATURES, u64::MAX.as_bytes(), &[])
        .is_err());
    assert!(client.call(request::SET_FEATURES, &[1; 7], &[]).is_err());
    assert!(client.call(77, &[], &[]).is_err());
    let logged = VringAddr {
        flags: 1,
        ..Client::addr(0)
    };
    assert!(client
        .call(request::SET_VRING_ADDR, logged.as_bytes(), &[])
        .is_err());
    let no_fd = wire::VRING_NO_FD;
    assert!(client
        .call(request::SET_VRING_KICK, no_fd.as_bytes(), &[])
        .is_err());
    assert!(client
        .call(request::SET_VRING_KICK, 0_u64.as_bytes(), &[])
        .is_err());
    exercise(&mut client, 1);
    // Regions: beyond the file, empty, wrapping, odd, and more than there are files.
    for (guest, size, user, offset) in [
        (0, BYTES + 4096, 0, 0),
        (0, BYTES, 0, 4096),
        (0, 0, 0, 0),
        (u64::MAX - 4095, 4096, 0, 0),
        (1 << 60, 4096, 0, 0),
        (0, 4096, u64::MAX, 0),
        (0, 4096, 0, u64::MAX),
        (12, 4096, 0, 0),
        (GUEST + 4096, 4096, 0, 0),
    ] {
        let region = MemRegion {
            guest,
            size,
            user,
            offset,
        };
        let slot = wire::MemSlot { padding: 0, region };
        let fd = [client.memory.as_fd()];
        assert!(
            client
                .call(request::ADD_MEM_REG, slot.as_bytes(), &fd)
                .is_err(),
            "{region:?}"
        );
    }
    let body = [[2_u32, 0].as_bytes(), Client::region(BYTES).as_bytes()].concat();
    assert!(client
        .call(request::SET_MEM_TABLE, &body, &[client.memory.as_fd()])
        .is_err());
    exercise(&mut client, 1);
    // A ring outside the memory, and one that is not aligned.
    for desc in [0x1000, USER + 8] {
        let lost = VringAddr {
            desc,
            ..Client::addr(0)
        };
        assert!(client
            .call(request::SET_VRING_ADDR, lost.as_bytes(), &[])
            .is_err());
    }
    client
        .call(request::SET_VRING_ADDR, Client::addr(0).as_bytes(), &[])
        .unwrap();
    client.kick(0);
    exercise(&mut client, 1);
    server.end();
}

#[test]
fn a_client_that_breaks_the_protocol_is_sent_away_and_the_next_works() {
    let server = Server::blk();
    let header = |request: u32, flags: u32, size: u32| Header {
        request,
        flags,
        size,
    };
    let broken: Vec<Vec<u8>> = vec![
        header(1, 0, 0).as_bytes().to_vec(),
        header(1, 5, 0).as_bytes().to_vec(),
        header(1, 1, u32::MAX).as_bytes().to_vec(),
        header(u32::MAX, 1, 0).as_bytes().to_vec(),
        header(request::SET_MEM_TABLE, 1, 3)
            .as_bytes()
            .iter()
            .copied()
            .chain([0; 3])
            .collect(),
        header(request::SET_FEATURES, 1, 8)
            .as_bytes()
            .iter()
            .copied()
            .chain([255; 8])
            .collect(),
        (0..200).map(|n| (n * 89) as u8).collect(),
    ];
    for bytes in broken {
        let client = Client::new(server.connect(0), 1);
        (&client.socket).write_all(&bytes).unwrap();
        assert!(client.is_sent_away(), "{bytes:?}");
    }
    // One that goes in the middle of a message, one that goes with requests under way, and one too many.
    let client = Client::new(server.connect(0), 1);
    (&client.socket).write_all(&[1, 0, 0]).unwrap();
    drop(client);
    let mut client = Client::running(server.connect(0), 1);
    assert!(Client::new(server.connect(0), 1).is_sent_away());
    for _ in 0..4 {
        client.prepare(0, 1, 0, 4096);
    }
    client.kick(0);
    drop(client);
    let mut client = Client::running(server.connect(0), 1);
    exercise(&mut client, 1);
    server.end();
}

#[test]
fn a_ring_that_points_nowhere_is_a_fault_that_ends_with_the_client() {
    let server = Server::blk();
    let mut client = Client::running(server.connect(0), 1);
    let err = eventfds(1).remove(0);
    client.descriptor(request::SET_VRING_ERR, 0, &err).unwrap();
    exercise(&mut client, 1);
    client.chain(0, &[(GUEST + (1 << 33), 16, false)]);
    client.kick(0);
    let mut fds = [PollFd::new(&err, PollFlags::IN)];
    let time = Timespec {
        tv_sec: 60,
        tv_nsec: 0,
    };
    assert_eq!(poll(&mut fds, Some(&time)), Ok(1), "the error is told");
    // Started anew, the ring works; the chain that failed is passed over by its base.
    client.base(0);
    let next = client.next[0];
    client.write(USED + 2, &next.to_le_bytes());
    client.ring(0, next.into());
    exercise(&mut client, 1);
    // And so it does when the client goes with the fault.
    client.chain(0, &[(1, u32::MAX, false)]);
    client.kick(0);
    assert_eq!(
        poll(&mut [PollFd::new(&err, PollFlags::IN)], Some(&time)),
        Ok(1)
    );
    drop(client);
    let mut client = Client::running(server.connect(0), 1);
    exercise(&mut client, 1);
    server.end();
}

#[test]
fn a_client_whose_memory_file_was_cut_is_sent_away() {
    let server = Server::blk();
    let mut client = Client::running(server.connect(0), 1);
    exercise(&mut client, 1);
    // A stopped ring: the device does not look at the memory any more.
    client.base(0);
    client.memory.set_len(0x1000).unwrap();
    client.send(request::GET_FEATURES, &[], &[]);
    assert!(client.is_sent_away());
    let mut client = Client::running(server.connect(0), 1);
    exercise(&mut client, 1);
    server.end();
}

#[test]
fn descriptors_that_are_no_eventfds_do_not_hold_the_device() {
    let server = Server::blk();
    let mut client = Client::running(server.connect(0), 1);
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    client
        .descriptor(request::SET_VRING_CALL, 0, &writer)
        .unwrap();
    client
        .descriptor(request::SET_VRING_KICK, 0, &reader)
        .unwrap();
    // A pipe that is full, then one that is closed at the other end.
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while rustix::io::write(&writer, &[0; 4096]).is_ok() {}
    client.prepare(0, 4, 0, 0);
    let start = Instant::now();
    while client.used(0) != client.next[0] {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(writer);
    let (kick, call) = (eventfds(1).remove(0), eventfds(1).remove(0));
    client
        .descriptor(request::SET_VRING_CALL, 0, &call)
        .unwrap();
    client
        .descriptor(request::SET_VRING_KICK, 0, &kick)
        .unwrap();
    (client.kicks[0], client.calls[0]) = (kick, call);
    exercise(&mut client, 1);
    server.end();
}
