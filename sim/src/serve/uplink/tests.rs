//! The uplink against clients that read and write as they should, and those that do not.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{poll, Timespec};
use shoal_abi::profile::TINY;
use shoal_abi::ring::NET_HDR_BYTES;

use super::*;
use crate::env::TxPacket;
use crate::host::{Host, HostSettings};
use crate::lockstep::Mode;
use crate::setup::Setup;

/// Longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);
/// The member that is a port of the switch.
const MEMBER: u32 = 3;

struct Rig {
    dir: tempfile::TempDir,
    host: Host,
    uplink: Uplink,
}

fn frame(to: u8, from: u8, number: u32, len: usize) -> Vec<u8> {
    let mut frame = vec![0x5a; len];
    frame[..6].copy_from_slice(&[2, 0, 0, 0, 0, to]);
    frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, from]);
    frame[14..18].copy_from_slice(&number.to_le_bytes());
    frame
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let setup = Setup::new(&TINY, 3, Mode::Model, Vec::new());
        let mut host = Host::new(&setup, HostSettings::new(3)).unwrap();
        host.switch().register(MEMBER);
        let uplink = Uplink::new(Listener::new(&dir.path().join("up")).unwrap());
        Self { dir, host, uplink }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("up")
    }

    /// Sleeps as a pump does and serves, until it is enough. A sleep that nothing ends fails.
    fn until(&mut self, mut enough: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !enough(self) {
            assert!(start.elapsed() < PATIENCE);
            if self.host.switch().queued() > 0 {
                // The clock would run.
                self.uplink.serve(&mut self.host);
                continue;
            }
            let time = Timespec {
                tv_sec: 20,
                tv_nsec: 0,
            };
            let mut fds = Vec::new();
            Front::<Host>::wakers(&self.uplink, &mut fds);
            if !Front::<Host>::is_waiting(&self.uplink) {
                assert!(poll(&mut fds, Some(&time)).unwrap() > 0, "nothing wakes it");
            }
            Front::<Host>::woken(&mut self.uplink);
            self.uplink.serve(&mut self.host);
        }
    }

    fn connect(&mut self) -> UnixStream {
        let socket = UnixStream::connect(self.path()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let before = self.uplink.counts.clients;
        self.until(|r| r.uplink.counts.clients > before);
        socket
    }

    /// The member sends.
    fn send(&mut self, frame: &[u8]) {
        self.host.switch().take(&TxPacket {
            member: MEMBER,
            vq: 1,
            bytes: [&[0xee; NET_HDR_BYTES], frame].concat(),
            ..TxPacket::default()
        });
        self.uplink.serve(&mut self.host);
    }

    /// A client at work gets and sends a frame.
    fn exercise(&mut self, client: &mut UnixStream) {
        let (out, back) = (frame(9, 1, 77, 60), frame(1, 9, 78, 1514));
        self.send(&out);
        assert_eq!(Frame::receive(client).unwrap().0, out);
        client.write_all(&framed(&back)).unwrap();
        self.until(|r| r.host.switch().queued() > 0);
        let packet = self.host.switch().next_packet().unwrap();
        assert_eq!(packet.member, MEMBER);
        assert_eq!(packet.head[..NET_HDR_BYTES], [0; NET_HDR_BYTES]);
        assert_eq!(packet.head[NET_HDR_BYTES..], back);
    }
}

#[test]
fn lengths_that_cannot_be_are_refused_and_frames_in_pieces_arrive_whole() {
    for length in [0, MAX_HOST_FRAME as u32 + 1, u32::MAX] {
        let (mut a, b) = UnixStream::pair().unwrap();
        a.write_all(&length.to_be_bytes()).unwrap();
        assert!(matches!(Frame::receive(&b), Err(SocketError::Size(s)) if s == length));
    }
    let (mut a, b) = UnixStream::pair().unwrap();
    let writer = std::thread::spawn(move || {
        for byte in framed(b"frame") {
            a.write_all(&[byte]).unwrap();
        }
        a.write_all(&framed(&vec![1; MAX_HOST_FRAME])).unwrap();
        a.write_all(&framed(b"cut")[..5]).unwrap();
    });
    assert_eq!(Frame::receive(&b).unwrap().0, b"frame");
    assert_eq!(Frame::receive(&b).unwrap().0.len(), MAX_HOST_FRAME);
    writer.join().unwrap();
    assert!(matches!(Frame::receive(&b), Err(SocketError::Cut)));
}

#[test]
fn frames_go_both_ways_and_the_next_client_is_served_but_not_with_old_frames() {
    let mut rig = Rig::new();
    rig.send(&frame(9, 1, 1, 60));
    for n in 1..3 {
        let mut client = rig.connect();
        rig.exercise(&mut client);
        drop(client);
        rig.until(|r| r.uplink.client.is_none());
        rig.send(&frame(9, 1, 2, 60));
        let c = rig.uplink.counts();
        assert_eq!((c.clients, c.frames_in, c.frames_out), (n, n, n));
    }
    assert_eq!(rig.host.switch().counts().drops, 0);
}

#[test]
fn one_client_at_a_time_and_none_that_sends_garbage() {
    let mut rig = Rig::new();
    for garbage in [
        &[0; 4][..],
        &[0xff; 4],
        &[0, 1, 0, 14, 0],
        b"GET / HTTP/1.1\r\n",
    ] {
        let mut client = rig.connect();
        client.write_all(garbage).unwrap();
        rig.until(|r| r.uplink.client.is_none());
        // It is told, with an end or, when it was not heard to the end, with an error.
        assert!(!matches!(client.read(&mut [0; 8]), Ok(1..)), "{garbage:?}");
    }
    // A frame without an Ethernet header is the switch's to drop.
    let mut client = rig.connect();
    client.write_all(&framed(&[1; 13])).unwrap();
    rig.until(|r| r.uplink.counts.frames_in > 0);
    assert_eq!(rig.host.switch().counts().malformed, 1);
    let mut second = UnixStream::connect(rig.path()).unwrap();
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(second.read(&mut [0; 8]).unwrap(), 0);
    rig.exercise(&mut client);
}

#[test]
fn what_a_client_does_not_read_is_dropped_and_it_gets_whole_frames_when_it_reads() {
    const FRAMES: u32 = 4000;
    let mut rig = Rig::new();
    let client = rig.connect();
    let start = Instant::now();
    for n in 0..FRAMES {
        rig.send(&frame(9, 1, n, 1514));
    }
    assert!(start.elapsed() < PATIENCE);
    let dropped = rig.host.switch().counts().host_drops;
    assert!(dropped > 0 && rig.uplink.counts.frames_out > 0);
    // A frame that is half gone is finished when there is room again, without a frame that follows.
    let kept = u64::from(FRAMES) - dropped;
    let reader = std::thread::spawn(move || {
        let numbers = (0..kept).map(|_| {
            let bytes = Frame::receive(&client).unwrap().0;
            assert_eq!(bytes.len(), 1514);
            u32::from_le_bytes(bytes[14..18].try_into().unwrap())
        });
        (numbers.collect::<Vec<_>>(), client)
    });
    rig.until(|r| r.uplink.counts.frames_out == kept);
    let (numbers, mut client) = reader.join().unwrap();
    assert!(numbers.iter().copied().eq(0..kept as u32), "the first ones");
    rig.exercise(&mut client);
    // One that goes with half a frame leaves nothing to the next.
    for n in 0..FRAMES {
        rig.send(&frame(9, 1, n, 1514));
    }
    drop(client);
    rig.until(|r| r.uplink.client.is_none());
    let mut client = rig.connect();
    rig.exercise(&mut client);
}

#[test]
fn a_client_that_sends_faster_than_the_device_takes_loses_nothing() {
    const FRAMES: u32 = 2000;
    let mut rig = Rig::new();
    let mut client = rig.connect();
    let writer = std::thread::spawn(move || {
        for n in 0..FRAMES {
            client.write_all(&framed(&frame(1, 9, n, 1514))).unwrap();
        }
        client
    });
    let mut next = 0_u32;
    rig.until(|r| {
        assert!(r.host.switch().queued() <= BACKLOG);
        if let Some(packet) = r.host.switch().next_packet() {
            let number = &packet.head[NET_HDR_BYTES + 14..][..4];
            assert_eq!(number, next.to_le_bytes());
            next += 1;
        }
        next == FRAMES
    });
    assert_eq!(rig.host.switch().counts().drops, 0);
    let mut client = writer.join().unwrap();
    // While the device takes nothing, the client is held and others are not.
    for n in 0..2 * BACKLOG as u32 {
        client.write_all(&framed(&frame(1, 9, n, 60))).unwrap();
    }
    rig.until(|r| r.host.switch().queued() == BACKLOG);
    rig.send(&frame(9, 1, 7, 60));
    assert_eq!(Frame::receive(&client).unwrap().0, frame(9, 1, 7, 60));
}
