//! `shoal serve vfio-user` against clients that say anything: it neither ends nor hangs, and the next client is served.

use std::io::{BufRead, BufReader, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rustix::net::{sendmsg, SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use shoal_abi::pci;

/// One message: what stands in its header and behind it, and the files that come with it.
#[derive(Clone, Debug)]
struct Message {
    command: u16,
    flags: u32,
    /// Added to the true size.
    lie: i8,
    body: Vec<u8>,
    fds: usize,
}

/// Words as they stand in bodies: small numbers, regions, addresses near edges, noise.
fn word() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0..16_u32,
        2 => Just(32),
        2 => prop::sample::select(vec![0xfff, 0x1000, 0x1_0000, 0x10_0000, 0x4000_0000, 0x8000_0000, u32::MAX]),
        1 => any::<u32>(),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let command = prop_oneof![8 => 1..16_u16, 1 => any::<u16>()];
    let flags = prop_oneof![8 => Just(0_u32), 3 => Just(16), 2 => Just(1), 1 => any::<u32>()];
    let lie = prop_oneof![12 => Just(0_i8), 1 => any::<i8>()];
    let body = prop::collection::vec(word(), 0..16)
        .prop_map(|words| words.iter().flat_map(|w| w.to_le_bytes()).collect());
    let fds = prop_oneof![3 => Just(0_usize), 2 => Just(1), 1 => 2..4_usize];
    (command, flags, lie, body, fds).prop_map(|(command, flags, lie, body, fds)| Message {
        command,
        flags,
        lie,
        body,
        fds,
    })
}

fn bytes(id: u16, m: &Message) -> Vec<u8> {
    let size = (16 + m.body.len() as i64 + i64::from(m.lie)) as u32;
    let mut all = [id.to_le_bytes(), m.command.to_le_bytes()].concat();
    for word in [size, m.flags, 0] {
        all.extend_from_slice(&word.to_le_bytes());
    }
    all.extend_from_slice(&m.body);
    all
}

/// Sends a message; false when the server does not take it any more.
fn send(socket: &UnixStream, id: u16, m: &Message) -> bool {
    let file = tempfile::tempfile().unwrap();
    file.set_len(0x2000).unwrap();
    let fds: Vec<_> = (0..m.fds).map(|_| file.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(fds.is_empty() || control.push(SendAncillaryMessage::ScmRights(&fds)));
    let all = bytes(id, m);
    sendmsg(
        socket,
        &[IoSlice::new(&all)],
        &mut control,
        SendFlags::NOSIGNAL,
    )
    .is_ok()
}

const VERSION: &[u8] =
    b"\x00\x00\x01\x00\x17\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\0\0\0\0{}\0";

fn connect(path: &std::path::Path) -> UnixStream {
    let socket = UnixStream::connect(path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    socket
        .set_write_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    socket
}

/// A client that keeps to the protocol is told the function's ids.
fn is_served(path: &std::path::Path) {
    let mut socket = connect(path);
    socket.write_all(VERSION).unwrap();
    let mut header = [0; 16];
    socket.read_exact(&mut header).unwrap();
    let size = u32::from_le_bytes(header[4..8].try_into().unwrap()) as usize;
    socket.read_exact(&mut vec![0; size - 16]).unwrap();
    // REGION_READ of 4 bytes of configuration space.
    let read = Message {
        command: 9,
        flags: 0,
        lie: 0,
        body: [[0; 8], [7, 0, 0, 0, 4, 0, 0, 0]].concat(),
        fds: 0,
    };
    assert!(send(&socket, 1, &read));
    let mut reply = [0; 36];
    socket.read_exact(&mut reply).unwrap();
    assert_eq!(reply[32..34], pci::VENDOR.to_le_bytes());
}

fn serve(dir: &std::path::Path) -> Child {
    let mut server = Command::new(env!("CARGO_BIN_EXE_shoal"))
        .args([
            "serve",
            "vfio-user",
            "--dut",
            "model",
            "--profile",
            "tiny",
            "--no-record",
            "--socket",
            "s",
        ])
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(dir.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "listening on s\n");
    server
}

#[test]
fn prop_a_client_may_say_anything() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = serve(dir.path());
    let path = dir.path().join("s");
    let sessions = (any::<bool>(), prop::collection::vec(message(), 1..24));
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(&sessions, |(is_polite, messages)| {
        let mut socket = connect(&path);
        if is_polite {
            socket.write_all(VERSION).unwrap();
        }
        for (id, m) in (2..).zip(&messages) {
            if !send(&socket, id, m) {
                break;
            }
        }
        drop(socket);
        is_served(&path);
        Ok(())
    });
    let log = || std::fs::read_to_string(dir.path().join("log")).unwrap();
    let _ = Command::new("kill")
        .args(["-TERM", &server.id().to_string()])
        .status();
    let status = server.wait().unwrap();
    let log = log();
    assert!(result.is_ok(), "{result:?}: {log}");
    assert!(
        status.success() && !log.contains("panicked"),
        "{status}: {log}"
    );
}
