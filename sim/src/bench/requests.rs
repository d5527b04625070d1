//! Cycles of network packets and block requests: of one alone, and of each in a stream.

use serde::Serialize;
use shoal_abi::profile::Profile;
use shoal_abi::ring::{
    BLK_HDR_BYTES, BLK_T_OUT, NET_HDR_BYTES, S_ACKNOWLEDGE, S_DRIVER, S_DRIVER_OK, S_FEATURES_OK,
};
use shoal_driver::{SpaceKind, Vdev, VdevConfig};

use super::queue::{Part, Queue, ENTRIES};
use super::{smooth, Bench, BenchError};
use crate::env::{Store, SECTOR_BYTES};
use crate::host::SharedHost;
use crate::lockstep::Mode;

/// Latencies of host memory that are measured, cycles.
pub const REQUEST_LATENCIES: [u32; 3] = [0, 100, 250];

/// Bytes of an Ethernet frame of full size.
const FRAME: u32 = 1514;
/// Bytes of a block device.
const DISK: u64 = 1 << 20;

/// Requests in a stream: the rings hold that many of the longest chains.
const STREAM: u16 = ENTRIES / 4;

/// A measurement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RequestCycles {
    /// What was done.
    pub request: &'static str,
    /// Bytes of frame or of data.
    pub bytes: u32,
    /// Cycles of a host memory access.
    pub latency: u32,
    /// Cycles from doorbell (receive: from the frame's arrival) to the used index, alone.
    pub alone: u64,
    /// Cycles of each of a stream.
    pub each: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    NetTx,
    NetRx,
    BlkRead(u32),
    BlkWrite(u32),
}

const REQUESTS: [Request; 6] = [
    Request::NetTx,
    Request::NetRx,
    Request::BlkRead(512),
    Request::BlkRead(4096),
    Request::BlkWrite(512),
    Request::BlkWrite(4096),
];

impl Request {
    fn name(self) -> &'static str {
        match self {
            Self::NetTx => "net transmit",
            Self::NetRx => "net receive",
            Self::BlkRead(_) => "block read",
            Self::BlkWrite(_) => "block write",
        }
    }

    fn bytes(self) -> u32 {
        match self {
            Self::NetTx | Self::NetRx => FRAME,
            Self::BlkRead(n) | Self::BlkWrite(n) => n,
        }
    }

    fn vq(self) -> u16 {
        u16::from(self == Self::NetTx)
    }

    fn offer(self, queue: &mut Queue) {
        let part = |bytes, is_writable| Part { bytes, is_writable };
        let packet = FRAME + NET_HDR_BYTES as u32;
        let mut header = [0; BLK_HDR_BYTES];
        match self {
            Self::NetTx => {
                let mut bytes = [0; NET_HDR_BYTES + 14];
                // To nobody, from a unicast address.
                bytes[NET_HDR_BYTES..NET_HDR_BYTES + 12]
                    .copy_from_slice(&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1]);
                queue.offer(&[part(packet, false)], &bytes);
            }
            Self::NetRx => queue.offer(&[part(packet, true)], &[]),
            Self::BlkRead(n) => {
                queue.offer(
                    &[
                        part(BLK_HDR_BYTES as u32, false),
                        part(n, true),
                        part(1, true),
                    ],
                    &header,
                );
            }
            Self::BlkWrite(n) => {
                header[0] = BLK_T_OUT as u8;
                queue.offer(
                    &[
                        part(BLK_HDR_BYTES as u32, false),
                        part(n, false),
                        part(1, true),
                    ],
                    &header,
                );
            }
        }
    }
}

/// Measures every request at every latency. `told` hears what comes next.
///
/// # Errors
/// When the device does not do what it is asked, or a check fails.
pub fn requests(
    profile: &'static Profile,
    mode: Mode,
    told: &mut dyn FnMut(String),
) -> Result<Vec<RequestCycles>, BenchError> {
    let mut all = Vec::new();
    for latency in REQUEST_LATENCIES {
        for request in REQUESTS {
            told(format!(
                "{} of {} bytes, latency {latency}",
                request.name(),
                request.bytes()
            ));
            let bench = smooth(profile, mode, latency)?;
            let (alone, stream) = measure(&bench, request)?;
            bench.finish()?;
            let each = stream as f64 / f64::from(STREAM);
            all.push(RequestCycles {
                request: request.name(),
                bytes: request.bytes(),
                latency,
                alone,
                each,
            });
        }
    }
    Ok(all)
}

fn measure(bench: &Bench, request: Request) -> Result<(u64, u64), BenchError> {
    let host = &bench.host;
    let vdev = match request {
        Request::NetTx | Request::NetRx => net(bench)?,
        Request::BlkRead(_) | Request::BlkWrite(_) => blk(bench)?,
    };
    let mut queue = Queue::new(host, &vdev, request.vq())?;
    start(&vdev)?;
    // The first request finds cold translations: it is not counted.
    let mut cycles = [0; 3];
    for (n, count) in [1, 1, STREAM].into_iter().enumerate() {
        (0..count).for_each(|_| request.offer(&mut queue));
        queue.kick();
        if request == Request::NetRx {
            // The device has seen the buffers when the frames come.
            host.run(20_000)?;
            (0..count).for_each(|_| {
                host.borrow_mut()
                    .switch()
                    .host_send(&[0xff; FRAME as usize])
            });
        }
        cycles[n] = queue.wait(0)?;
    }
    Ok((cycles[1], cycles[2]))
}

/// A network device with an address space of its own.
pub(super) fn net(bench: &Bench) -> Result<Vdev<SharedHost>, BenchError> {
    let vdev = bench
        .mgmtdev
        .dev_add(VdevConfig::net([2, 0, 0, 0, 0, 1], SpaceKind::Sv39))?;
    bench.host.borrow_mut().switch().register(vdev.id());
    ready(vdev)
}

/// A block device with an address space of its own.
pub(super) fn blk(bench: &Bench) -> Result<Vdev<SharedHost>, BenchError> {
    let vdev = bench
        .mgmtdev
        .dev_add(VdevConfig::blk(DISK / SECTOR_BYTES, SpaceKind::Sv39))?;
    bench
        .host
        .borrow_mut()
        .blk()
        .attach(vdev.id(), Store::memory(DISK));
    ready(vdev)
}

fn ready(vdev: Vdev<SharedHost>) -> Result<Vdev<SharedHost>, BenchError> {
    vdev.set_status(S_ACKNOWLEDGE | S_DRIVER)?;
    // Without EVENT_IDX the avail flag holds: no interrupts.
    vdev.set_driver_features(shoal_abi::ring::REQUIRED_FEATURES)?;
    vdev.set_status(S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK)?;
    Ok(vdev)
}

/// Lets the device run.
pub(super) fn start(vdev: &Vdev<SharedHost>) -> Result<(), BenchError> {
    vdev.set_status(S_ACKNOWLEDGE | S_DRIVER | S_FEATURES_OK | S_DRIVER_OK)?;
    Ok(())
}

/// Keeps a transmit queue, a receive queue and a block queue full.
pub(super) struct Load {
    queues: Vec<(Request, Queue)>,
}

impl Load {
    /// A network device and a block device, both busy.
    pub(super) fn new(bench: &Bench) -> Result<Self, BenchError> {
        let (net, blk) = (net(bench)?, blk(bench)?);
        let mut queues = Vec::new();
        for (request, vdev) in [
            (Request::NetRx, &net),
            (Request::NetTx, &net),
            (Request::BlkWrite(4096), &blk),
        ] {
            queues.push((request, Queue::new(&bench.host, vdev, request.vq())?));
        }
        start(&net)?;
        start(&blk)?;
        Ok(Self { queues })
    }

    /// Refills what is less than half full.
    pub(super) fn refill(&mut self, host: &SharedHost) {
        for (request, queue) in &mut self.queues {
            let open = queue.open();
            if open > STREAM / 2 {
                continue;
            }
            for _ in open..STREAM {
                request.offer(queue);
                if *request == Request::NetRx {
                    host.borrow_mut()
                        .switch()
                        .host_send(&[0xff; FRAME as usize]);
                }
            }
            queue.kick();
        }
    }
}
