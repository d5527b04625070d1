//! A front-end with a split ring of its own.

use super::*;

/// Bytes of a front-end's memory, and where it is for the guest and for the front-end.
pub const BYTES: u64 = 4 << 20;
pub const GUEST: u64 = 0x4000_0000;
pub const USER: u64 = 0x7f12_3450_0000;
/// Entries of a ring.
pub const SIZE: u16 = 16;
/// Where things are in the memory: rings each 64 KiB, then data.
pub const AVAIL: u64 = 0x1000;
pub const USED: u64 = 0x2000;
pub const DATA: u64 = 0x10_0000;

/// A front-end with memory.
pub struct Client {
    pub socket: UnixStream,
    pub memory: File,
    pub kicks: Vec<OwnedFd>,
    pub calls: Vec<OwnedFd>,
    /// Next available index of each ring.
    pub next: Vec<u16>,
}

pub fn eventfds(n: usize) -> Vec<OwnedFd> {
    let new = |_| eventfd(0, EventfdFlags::NONBLOCK).unwrap();
    (0..n).map(new).collect()
}

impl Client {
    pub fn new(socket: UnixStream, rings: usize) -> Self {
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
    pub fn running(socket: UnixStream, rings: usize) -> Self {
        let client = Self::new(socket, rings);
        client.negotiate(1 << 32 | wire::F_PROTOCOL_FEATURES);
        client.table(BYTES).unwrap();
        (0..rings as u32).for_each(|n| client.ring(n, 0));
        client
    }

    pub fn negotiate(&self, features: u64) {
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

    pub fn send(&self, what: u32, body: &[u8], fds: &[BorrowedFd<'_>]) {
        self.send_flags(what, 1, body, fds);
    }

    pub fn send_flags(&self, what: u32, flags: u32, body: &[u8], fds: &[BorrowedFd<'_>]) {
        let header = Header {
            request: what,
            flags,
            size: body.len() as u32,
        };
        // A server that has sent it away may be gone before the last byte.
        let _ = send_message(&self.socket, header, body, fds);
    }

    pub fn reply(&self, what: u32) -> Vec<u8> {
        let m = Message::receive(&self.socket).unwrap();
        assert_eq!((m.header.request, m.header.flags), (what, 5));
        m.body
    }

    pub fn get(&self, what: u32) -> u64 {
        self.send(what, &[], &[]);
        u64::read_from_bytes(&self.reply(what)).unwrap()
    }

    /// Sends a request and asks what became of it.
    pub fn call(&self, what: u32, body: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), u64> {
        self.send_flags(what, 1 | 8, body, fds);
        match u64::read_from_bytes(&self.reply(what)).unwrap() {
            0 => Ok(()),
            n => Err(n),
        }
    }

    pub fn region(size: u64) -> MemRegion {
        MemRegion {
            guest: GUEST,
            size,
            user: USER,
            offset: 0,
        }
    }

    pub fn table(&self, size: u64) -> Result<(), u64> {
        let body = [[1_u32, 0].as_bytes(), Self::region(size).as_bytes()].concat();
        self.call(request::SET_MEM_TABLE, &body, &[self.memory.as_fd()])
    }

    pub fn state(&self, what: u32, index: u32, num: u32) -> Result<(), u64> {
        self.call(what, VringState { index, num }.as_bytes(), &[])
    }

    pub fn descriptor(&self, what: u32, index: u64, fd: &OwnedFd) -> Result<(), u64> {
        self.call(what, index.as_bytes(), &[fd.as_fd()])
    }

    pub fn addr(index: u32) -> VringAddr {
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

    pub fn ring(&self, n: u32, base: u32) {
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

    pub fn base(&self, index: u32) -> u32 {
        self.send(
            request::GET_VRING_BASE,
            VringState { index, num: 0 }.as_bytes(),
            &[],
        );
        VringState::read_from_bytes(&self.reply(request::GET_VRING_BASE))
            .unwrap()
            .num
    }

    pub fn write(&self, at: u64, bytes: &[u8]) {
        self.memory.write_all_at(bytes, at).unwrap();
    }

    pub fn read<const N: usize>(&self, at: u64) -> [u8; N] {
        let mut b = [0; N];
        self.memory.read_exact_at(&mut b, at).unwrap();
        b
    }

    pub fn used(&self, ring: usize) -> u16 {
        u16::from_le_bytes(self.read(ring as u64 * 0x1_0000 + USED + 2))
    }

    /// Makes a chain of `parts` {guest address, bytes, device writes} available on `ring`, without a kick.
    pub fn chain(&mut self, ring: usize, parts: &[(u64, u32, bool)]) {
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

    pub fn kick(&self, ring: usize) {
        rustix::io::write(&self.kicks[ring], &1_u64.to_ne_bytes()).unwrap();
    }

    /// Waits until all that is available on `ring` is used, by its call alone.
    pub fn wait(&self, ring: usize) {
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
    pub fn prepare(&mut self, ring: usize, kind: u32, sector: u64, bytes: u32) {
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
    pub fn request(&mut self, ring: usize, kind: u32, sector: u64, bytes: u32) -> u8 {
        let head = DATA + 0x8_0000 + u64::from(self.next[ring] % 4) * 64;
        self.prepare(ring, kind, sector, bytes);
        self.kick(ring);
        self.wait(ring);
        self.read::<1>(head + 16)[0]
    }

    pub fn is_sent_away(&self) -> bool {
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
