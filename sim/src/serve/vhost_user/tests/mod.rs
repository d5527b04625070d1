//! The server against front-ends: one that does what it should with a split ring of its own, and those that do not.

mod client;
mod hostile;
mod inflight;
mod memory;
mod recovery;
mod session;

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{eventfd, EventfdFlags};
use shoal_abi::profile::TINY;
use shoal_abi::ring::F_BLK_RO;
use zerocopy::{FromBytes, IntoBytes};

use self::client::*;
use super::wire::{self, request, send_message, Header, MemRegion, VringAddr, VringState};
use super::*;
use crate::host::{Host, HostSettings};
use crate::lockstep::Mode;
use crate::serve::pump::{self, Clock};
use crate::serve::socket::Receive;
use crate::serve::stores;
use crate::serve::uplink::{self, framed, Frame, Uplink};
use crate::setup::Setup;

/// Longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A front that, when it is killed, closes nothing.
struct Mortal {
    front: VhostUser,
    is_killed: Arc<AtomicBool>,
}

impl Front<SharedHost> for Mortal {
    fn serve(&mut self, host: &mut SharedHost) {
        self.front.serve(host);
    }

    fn is_waiting(&self) -> bool {
        self.front.is_waiting()
    }

    fn wakers<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        self.front.wakers(fds);
    }

    fn woken(&mut self) {
        self.front.woken();
    }

    fn close(&mut self, host: &mut SharedHost) {
        if !self.is_killed.load(Ordering::Relaxed) {
            self.front.close(host);
        }
    }
}

/// A server in a thread.
struct Server {
    dir: tempfile::TempDir,
    stop: Arc<AtomicBool>,
    is_killed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(mode: Mode, devices: Vec<VdevConfig>) -> Self {
        Self::with_stores(mode, devices, None)
    }

    /// A server with its stores in `stores`, or in a folder of its own.
    fn with_stores(mode: Mode, devices: Vec<VdevConfig>, stores: Option<&Path>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let is_killed = Arc::new(AtomicBool::new(false));
        let (folder, flag, killed) = (
            dir.path().to_owned(),
            Arc::clone(&stop),
            Arc::clone(&is_killed),
        );
        let store = stores.map_or_else(|| folder.clone(), Path::to_owned);
        let socket = |n| Listener::new(&folder.join(format!("s{n}"))).unwrap();
        let devices: Vec<_> = (0..).map(socket).zip(devices).collect();
        let number = devices.len() as u64;
        let mut uplink = Uplink::new(uplink::Listener::new(&folder.join("uplink")).unwrap());
        let thread = std::thread::spawn(move || {
            let setup = Setup::new(&TINY, 3, mode, Vec::new());
            let mut settings = HostSettings::new(3);
            (settings.env.low_mem, settings.env.high_mem) = (0, 64 << 20);
            let mut host = SharedHost::new(Host::new(&setup, settings).unwrap());
            let store = stores::source(Some(&store), 1 << 20, false);
            host.borrow_mut().blk().set_source(store);
            let mut front = Mortal {
                front: VhostUser::new(&host, devices).unwrap(),
                is_killed: Arc::clone(&killed),
            };
            let counts = pump::run(
                &mut host,
                &mut [&mut front, &mut uplink],
                Clock::default(),
                &flag,
            )
            .unwrap();
            if killed.load(Ordering::Relaxed) {
                std::mem::forget((front, host));
                return;
            }
            drop(front);
            // Every device was deleted in the end, and that is counted.
            assert_eq!((counts.created, counts.destroyed), (number, number));
            let report = host.finish().unwrap();
            assert!(report.check.failure.is_none(), "{:?}", report.check.failure);
        });
        Self {
            dir,
            stop,
            is_killed,
            thread: Some(thread),
        }
    }

    fn blk() -> Self {
        Self::start(Mode::Model, vec![blk(2048, 1, false)])
    }

    fn path(&self, n: usize) -> PathBuf {
        self.dir.path().join(format!("s{n}"))
    }

    fn connect(&self, n: usize) -> UnixStream {
        let socket = UnixStream::connect(self.path(n)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    /// Ends the server between two cycles: nothing is stopped, reset or told.
    fn kill(self) {
        self.is_killed.store(true, Ordering::Relaxed);
        self.end();
    }

    fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
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
