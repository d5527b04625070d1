//! Servers that end with requests under way, and those after them: every request is carried out, and told of once.

use std::collections::BTreeMap;

use vm_memory::AtomicAccess;

use super::*;
use crate::serve::socket::SocketError;
use crate::serve::vhost_user::inflight::{part_bytes, Cells, Ring, Track};
use crate::serve::vhost_user::wire::Inflight;

/// Chains of three descriptors that a ring has room for.
const HEADS: u16 = SIZE / 3;
/// Bytes of a request.
const BYTES_EACH: u64 = 512;

/// A driver that gives heads again as they come back.
struct Driver {
    client: Client,
    region: File,
    wire: Inflight,
    /// Request of each head in flight.
    flying: BTreeMap<u16, u64>,
    /// Requests made.
    made: u64,
    /// Requests in the order of their ends.
    done: Vec<u64>,
    used: u16,
}

fn asked(queues: u16) -> Inflight {
    Inflight {
        num_queues: queues,
        queue_size: SIZE,
        ..Inflight::default()
    }
}

fn get_region(client: &Client, queues: u16) -> (Inflight, File) {
    client.send(request::GET_INFLIGHT_FD, asked(queues).as_bytes(), &[]);
    let mut m = Message::receive(&client.socket).unwrap();
    let region = File::from(m.fds.remove(0));
    (Inflight::read_from_bytes(&m.body).unwrap(), region)
}

impl Driver {
    /// A client whose ring is not started yet, with a new region.
    fn new(socket: UnixStream) -> Self {
        let client = Client::new(socket, 1);
        client.negotiate(1 << 32 | wire::F_PROTOCOL_FEATURES);
        client.table(BYTES).unwrap();
        let (wire, region) = get_region(&client, 1);
        Self {
            client,
            region,
            wire,
            flying: BTreeMap::new(),
            made: 0,
            done: Vec::new(),
            used: 0,
        }
    }

    fn set_region(&self) -> Result<(), u64> {
        let fds = [self.region.as_fd()];
        self.client
            .call(request::SET_INFLIGHT_FD, self.wire.as_bytes(), &fds)
    }

    /// Starts the ring where the used ring stands, as QEMU does after it lost the server.
    fn start(&self) {
        self.set_region().unwrap();
        self.client.ring(0, self.client.used(0).into());
    }

    fn reconnect(&mut self, socket: UnixStream) {
        self.client.socket = socket;
        self.client.negotiate(1 << 32 | wire::F_PROTOCOL_FEATURES);
        self.client.table(BYTES).unwrap();
        self.start();
    }

    /// Writes a sector of its own with each head that is free.
    fn submit(&mut self) {
        for n in 0..HEADS {
            let head = n * 3;
            if self.flying.contains_key(&head) {
                continue;
            }
            let at = DATA + u64::from(n) * 0x1000;
            let sector = self.made;
            let c = &mut self.client;
            c.write(at, &1_u32.to_le_bytes());
            c.write(at + 8, &sector.to_le_bytes());
            c.write(at + 16, &[0xee]);
            c.write(at + 512, &[sector as u8 ^ 0x5a; BYTES_EACH as usize]);
            let parts = [
                (GUEST + at, 16, 0),
                (GUEST + at + 512, BYTES_EACH as u32, 0),
                (GUEST + at + 16, 1, 2),
            ];
            for (k, (addr, len, write)) in (0..).zip(parts) {
                let entry = u64::from(head + k) * 16;
                c.write(entry, &addr.to_le_bytes());
                c.write(entry + 8, &len.to_le_bytes());
                c.write(entry + 12, &(write | u16::from(k < 2)).to_le_bytes());
                c.write(entry + 14, &(head + k + 1).to_le_bytes());
            }
            let index = c.next[0];
            c.write(AVAIL + 4 + u64::from(index % SIZE) * 2, &head.to_le_bytes());
            c.next[0] = index.wrapping_add(1);
            c.write(AVAIL + 2, &c.next[0].to_le_bytes());
            self.flying.insert(head, sector);
            self.made += 1;
        }
        self.client.kick(0);
    }

    /// Takes what came back.
    fn reap(&mut self) {
        while self.used != self.client.used(0) {
            let at = USED + 4 + u64::from(self.used % SIZE) * 8;
            let head = u32::from_le_bytes(self.client.read(at)) as u16;
            let sector = self.flying.remove(&head).expect("done once");
            let status = DATA + u64::from(head / 3) * 0x1000 + 16;
            assert_eq!(self.client.read::<1>(status), [0], "request {sector}");
            self.done.push(sector);
            self.used = self.used.wrapping_add(1);
        }
    }

    /// Keeps the ring full until `count` requests are done.
    fn run_to(&mut self, count: usize) {
        let start = Instant::now();
        while self.done.len() < count {
            assert!(start.elapsed() < PATIENCE, "{} done", self.done.len());
            self.reap();
            self.submit();
            std::thread::yield_now();
        }
    }

    fn finish(&mut self) {
        let start = Instant::now();
        while !self.flying.is_empty() {
            assert!(start.elapsed() < PATIENCE, "{:?} lost", self.flying);
            self.reap();
            std::thread::yield_now();
        }
    }

    /// Every request was done once, and its data are in the store.
    fn check(&self, stores: &Path) {
        let mut done = self.done.clone();
        done.sort_unstable();
        assert!(done.iter().copied().eq(0..self.made));
        let store = std::fs::read(stores.join("blk-1.img")).unwrap();
        for sector in 0..self.made {
            let bytes = &store[(sector * BYTES_EACH) as usize..][..BYTES_EACH as usize];
            assert!(bytes.iter().all(|b| *b == sector as u8 ^ 0x5a), "{sector}");
        }
    }
}

/// Servers killed again and again, each with a full ring.
fn kills(mode: Mode, every: usize, times: usize) {
    let stores = tempfile::tempdir().unwrap();
    let start = || Server::with_stores(mode, vec![blk(2048, 1, false)], Some(stores.path()));
    let mut server = start();
    let mut driver = Driver::new(server.connect(0));
    driver.start();
    let mut left = 0;
    for n in 1..=times {
        driver.run_to(n * every);
        server.kill();
        driver.reap();
        left += driver.flying.len();
        server = start();
        driver.reconnect(server.connect(0));
    }
    assert!(left >= times, "{left} were in flight at {times} ends");
    driver.finish();
    driver.check(stores.path());
    drop(driver);
    server.end();
}

#[test]
fn a_killed_server_loses_no_request_and_ends_none_twice() {
    kills(Mode::Model, 23, 12);
}

#[test]
fn the_rtl_in_lockstep_goes_on_where_a_killed_one_was() {
    kills(Mode::Lockstep, 7, 2);
}

/// A file as a server before the one under test sees it.
struct Seen(File, u64);

impl Cells for Seen {
    fn load<T: AtomicAccess + Default>(&self, at: u64) -> T {
        let mut value = T::default();
        let bytes = value.as_mut_slice();
        self.0.read_exact_at(bytes, self.1 + at).unwrap();
        value
    }

    fn store<T: AtomicAccess>(&self, at: u64, value: T) {
        self.0.write_all_at(value.as_slice(), self.1 + at).unwrap();
    }
}

/// The device takes chains in order; others do not. Here a server has ended all but the first two again and again, so that the
/// available ring does not hold those any more, and one that it just took.
#[test]
fn chains_that_others_have_overtaken_are_done_by_the_next_server() {
    let server = Server::blk();
    let mut driver = Driver::new(server.connect(0));
    let ring = Ring {
        mem: Seen(driver.client.memory.try_clone().unwrap(), 0),
        avail: AVAIL,
        used: USED,
        size: SIZE,
    };
    let part = Seen(driver.region.try_clone().unwrap(), 0);
    let mut former = Track::open(part, SIZE, ring, 0).unwrap();
    let store = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(server.dir.path().join("blk-1.img"))
        .unwrap();
    store.set_len(1 << 20).unwrap();
    driver.submit();
    former.look();
    for n in 0..20_u16 {
        let head = [9, 6, 12][usize::from(n % 3)];
        let sector = driver.flying[&head];
        let bytes = [sector as u8 ^ 0x5a; BYTES_EACH as usize];
        store.write_all_at(&bytes, sector * BYTES_EACH).unwrap();
        let c = &driver.client;
        c.write(DATA + u64::from(head / 3) * 0x1000 + 16, &[0]);
        let at = USED + 4 + u64::from(n % SIZE) * 8;
        c.write(at, &u64::from(head).to_le_bytes());
        c.write(USED + 2, &(n + 1).to_le_bytes());
        former.look();
        driver.reap();
        driver.submit();
        if n < 19 {
            former.look();
        }
    }
    drop(former);
    assert_eq!(driver.flying[&0], 0);
    let slots: [u8; 32] = driver.client.read(AVAIL + 4);
    assert!(!slots.chunks(2).any(|s| s == [0, 0]), "overwritten");
    driver.start();
    driver.finish();
    assert_eq!(driver.done[20..22], [0, 1], "the oldest first");
    driver.run_to(60);
    driver.finish();
    driver.check(server.dir.path());
    drop(driver);
    server.end();
}

#[test]
fn a_front_end_that_comes_back_has_its_requests_done() {
    let server = Server::blk();
    let mut driver = Driver::new(server.connect(0));
    driver.start();
    for n in 1..=8 {
        driver.run_to(n * 11);
        driver.submit();
        driver
            .client
            .socket
            .shutdown(std::net::Shutdown::Both)
            .unwrap();
        // The next may only come when the server has taken note.
        let start = Instant::now();
        let socket = loop {
            let client = Client::new(server.connect(0), 1);
            client.send(request::GET_FEATURES, &[], &[]);
            match Message::receive(&client.socket) {
                Ok(_) => break client.socket,
                Err(_) => assert!(start.elapsed() < PATIENCE),
            }
        };
        driver.reconnect(socket);
    }
    driver.finish();
    driver.check(server.dir.path());
    drop(driver);
    server.end();
}

#[test]
fn what_ended_unheard_is_called_for_when_the_call_comes() {
    let server = Server::blk();
    let driver = Driver::new(server.connect(0));
    driver.start();
    drain(driver.client.calls[0].as_fd());
    let call = &driver.client.calls[0];
    driver
        .client
        .descriptor(request::SET_VRING_CALL, 0, call)
        .unwrap();
    let mut count = [0; 8];
    assert_eq!(rustix::io::read(call, &mut count), Ok(8));
    drop(driver);
    server.end();
}

#[test]
fn a_region_has_a_part_a_ring_and_cannot_be_cut() {
    let server = Server::start(Mode::Model, vec![blk(2048, 3, false), net(1)]);
    let client = Client::new(server.connect(0), 3);
    assert_ne!(
        client.get(request::GET_PROTOCOL_FEATURES) & wire::P_INFLIGHT_SHMFD,
        0
    );
    let (wire, region) = get_region(&client, 3);
    assert_eq!(wire.mmap_size, 3 * part_bytes(SIZE));
    assert_eq!(part_bytes(SIZE) % 64, 0);
    assert_eq!(region.metadata().unwrap().len(), wire.mmap_size);
    assert!(region.set_len(0).is_err());
    // Without the padding at the end of the structure in C.
    let short = &asked(1).as_bytes()[..20].to_vec();
    client.send(request::GET_INFLIGHT_FD, short, &[]);
    assert_eq!(Message::receive(&client.socket).unwrap().body.len(), 20);
    let net = Client::new(server.connect(1), 2);
    let features = net.get(request::GET_PROTOCOL_FEATURES);
    assert_eq!(features & wire::P_INFLIGHT_SHMFD, 0);
    drop((client, net));
    server.end();
}

#[test]
fn a_region_that_cannot_be_is_refused() {
    let server = Server::blk();
    let mut driver = Driver::new(server.connect(0));
    let good = driver.wire;
    let refused = |wire: Inflight, fd: BorrowedFd<'_>| {
        let result = driver
            .client
            .call(request::SET_INFLIGHT_FD, wire.as_bytes(), &[fd]);
        assert!(result.is_err(), "{wire:?}");
    };
    let fd = driver.region.as_fd();
    let with = |change: fn(&mut Inflight)| {
        let mut wire = good;
        change(&mut wire);
        wire
    };
    for wire in [
        with(|w| w.num_queues = 0),
        with(|w| w.num_queues = 2),
        with(|w| w.queue_size = 0),
        with(|w| w.queue_size = u16::MAX),
        with(|w| w.queue_size = 256),
        with(|w| w.mmap_size -= 1),
        with(|w| w.mmap_size = u64::MAX),
        with(|w| w.mmap_offset = 8),
        with(|w| w.mmap_offset = 4096),
        with(|w| w.mmap_offset = u64::MAX - 4095),
    ] {
        refused(wire, fd);
    }
    let (reader, _writer) = rustix::pipe::pipe().unwrap();
    refused(good, reader.as_fd());
    let read_only = std::fs::File::open("/proc/self/exe").unwrap();
    refused(good, read_only.as_fd());
    let call = |body: &[u8], fds: &[BorrowedFd<'_>]| {
        let result = driver.client.call(request::SET_INFLIGHT_FD, body, fds);
        assert!(result.is_err(), "{} bytes", body.len());
    };
    call(good.as_bytes(), &[]);
    call(good.as_bytes(), &[fd, fd]);
    call(&[0; 19], &[fd]);
    // After all that the right one is good.
    driver.start();
    driver.run_to(9);
    driver.finish();
    drop(driver);
    server.end();
}

#[test]
fn a_region_that_does_not_fit_the_ring_is_refused_when_the_ring_starts() {
    let server = Server::blk();
    let mut driver = Driver::new(server.connect(0));
    driver.start();
    driver.run_to(9);
    driver.finish();
    driver.client.base(0);
    let mut part = [0; 16];
    driver.region.read_exact_at(&mut part, 0).unwrap();
    assert_eq!(part[8..12], [1, 0, SIZE as u8, 0]);
    for (at, bytes) in [
        (8, [2]),
        (10, [SIZE as u8 * 2]),
        (0, [1]),
        (16 + 16, [3]),
        (16 + 32, [1]),
    ] {
        let mut old = [0];
        driver.region.read_exact_at(&mut old, at).unwrap();
        driver.region.write_all_at(&bytes, at).unwrap();
        let ring = |what, num| driver.client.state(what, 0, num);
        ring(request::SET_VRING_ENABLE, 0).unwrap();
        driver.set_region().unwrap();
        ring(request::SET_VRING_NUM, SIZE.into()).unwrap();
        let kick = &driver.client.kicks[0];
        let _ = driver.client.descriptor(request::SET_VRING_KICK, 0, kick);
        assert!(ring(request::SET_VRING_ENABLE, 1).is_err(), "{at}");
        driver.region.write_all_at(&old, at).unwrap();
    }
    driver.start();
    driver.run_to(27);
    driver.finish();
    drop(driver);
    server.end();
}

#[test]
fn a_front_end_whose_region_was_cut_is_sent_away() {
    let server = Server::blk();
    let mut driver = Driver::new(server.connect(0));
    driver.region = tempfile::tempfile().unwrap();
    driver.region.set_len(driver.wire.mmap_size).unwrap();
    driver.start();
    driver.run_to(9);
    driver.region.set_len(0).unwrap();
    driver.submit();
    driver.submit();
    loop {
        match Message::receive(&driver.client.socket) {
            Ok(_) => {}
            Err(SocketError::Io(e)) => {
                assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset);
                break;
            }
            Err(_) => break,
        }
    }
    let mut client = Client::running(server.connect(0), 1);
    exercise(&mut client, 1);
    server.end();
}
