//! Block devices of `shoal serve vhost-user-blk` under QEMU's tools, which reach them through libblkio: what they write they read
//! back, and the file of the store holds it.
//!
//! Needs `qemu-io` and `qemu-img` with `virtio-blk-vhost-user`, which `make guest-setup` brings; without them there is nothing to
//! test here, and that is said. `SHOAL_MIB` is the size of the long pattern, `make vhost-user-test SIZE=…`.
#![cfg(feature = "rtl")]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const MIB: u64 = 1 << 20;
/// Bytes of a request of the long pattern, and how many are under way at most.
const PIECE: u64 = 64 << 10;
const DEPTH: u64 = 32;
/// Longest that a tool may take, and what it may take more for each MiB of the store.
const PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE_MIB: Duration = Duration::from_secs(10);

/// Killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A tool of `make guest-setup`.
fn tool(name: &str) -> Option<PathBuf> {
    let bin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/guest/bin");
    let path = std::path::absolute(bin.join(name)).unwrap();
    if !path.exists() {
        eprintln!(
            "not run: {} is missing, `make guest-setup` brings it",
            path.display()
        );
        return None;
    }
    Some(path)
}

/// A server with a block device of `mib` MiB, in a folder of its own.
struct Server {
    server: Killed,
    dir: tempfile::TempDir,
    mib: u64,
}

impl Server {
    fn start(mib: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Command::new(env!("CARGO_BIN_EXE_shoal"))
            .args(["serve", "vhost-user-blk", "--socket", "s"])
            .args(["--store", "store", "--store-mib", &mib.to_string()])
            .args(["--json", "n.json"])
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "listening on s\n");
        Self {
            server: Killed(server),
            dir,
            mib,
        }
    }

    /// Runs `command` on the device with `input`; gives what it wrote and how long it took, and says whether it succeeded.
    fn run(&self, command: &mut Command, input: &str) -> (bool, String, Duration) {
        let path = |name: &str| self.dir.path().join(name);
        std::fs::write(path("in"), input).unwrap();
        let out = File::create(path("out")).unwrap();
        let started = Instant::now();
        let child = command
            .arg("driver=virtio-blk-vhost-user,path=s,cache.direct=on")
            .current_dir(self.dir.path())
            .stdin(File::open(path("in")).unwrap())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn();
        let mut child = Killed(child.unwrap());
        let said = || std::fs::read_to_string(path("out")).unwrap();
        loop {
            if let Some(status) = child.0.try_wait().unwrap() {
                return (status.success(), said(), started.elapsed());
            }
            let most = PATIENCE + PATIENCE_MIB * u32::try_from(self.mib).unwrap();
            assert!(started.elapsed() < most, "it does not end: {}", said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// `qemu-io` with these commands, a line each; false when one fails or reads something else than it expects.
    fn qemu_io(&self, qemu_io: &Path, commands: &str) -> (bool, String, Duration) {
        let (is_ok, said, took) = self.run(Command::new(qemu_io).arg("--image-opts"), commands);
        let has_failed = said.contains("failed");
        (is_ok && !has_failed, said, took)
    }

    /// `qemu-img bench`: `count` requests of 4 KiB, 16 of them under way; how many a second.
    fn bench(&self, qemu_img: &Path, count: u32, more: &[&str]) -> f64 {
        let mut command = Command::new(qemu_img);
        command.args(["bench", "--image-opts", "-t", "none", "-d", "16"]);
        command.args(["-s", "4096", "-c", &count.to_string()]);
        let (is_ok, said, took) = self.run(command.args(more), "");
        assert!(is_ok && said.contains("Run completed"), "{said}");
        f64::from(count) / took.as_secs_f64()
    }

    /// Ends it as a user would; its numbers, of which those that say whether it was right are looked at, and its store.
    fn end(mut self) -> (Value, Vec<u8>) {
        let pid = self.server.0.id().to_string();
        let kill = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(kill.unwrap().success());
        assert!(self.server.0.wait().unwrap().success());
        let read = |name| std::fs::read(self.dir.path().join(name)).unwrap();
        let numbers: Value = serde_json::from_slice(&read("n.json")).unwrap();
        for (name, expected) in [
            ("divergences", 0),
            ("monitor_violations", 0),
            ("vdevs_created", 1),
            ("vdevs_destroyed", 1),
        ] {
            assert_eq!(numbers[name], expected, "{name}: {numbers}");
        }
        (numbers, read("store"))
    }
}

/// The byte that fills a piece; a prime number of them, so that a piece in the wrong place is seen.
fn pattern(piece: u64) -> u8 {
    (piece % 251) as u8 + 1
}

/// `what` for each piece of `mib` MiB, `DEPTH` at a time.
fn pieces(what: &str, mib: u64) -> String {
    let mut commands = String::new();
    for piece in 0..mib * MIB / PIECE {
        let (byte, at) = (pattern(piece), piece * PIECE);
        writeln!(commands, "{what} -P {byte} {at} {PIECE}").unwrap();
        if piece % DEPTH == DEPTH - 1 {
            commands += "aio_flush\n";
        }
    }
    commands + "aio_flush\n"
}

#[test]
fn patterns_of_qemu_io_are_read_back_and_are_in_the_store() {
    let (Some(qemu_io), Some(qemu_img)) = (tool("qemu-io"), tool("qemu-img")) else {
        return;
    };
    let mib = std::env::var("SHOAL_MIB").map_or(3, |mib| mib.parse().expect("SHOAL_MIB"));
    let server = Server::start(mib);
    let (is_ok, said, write) = server.qemu_io(&qemu_io, &pieces("aio_write", mib));
    assert!(is_ok, "{said}");
    let (is_ok, said, read) = server.qemu_io(&qemu_io, &pieces("aio_read", mib));
    assert!(is_ok, "{said}");
    // Were it not compared, this would pass too.
    let other = format!("aio_read -P 99 0 {PIECE}\naio_flush\n");
    let (is_ok, said, _) = server.qemu_io(&qemu_io, &other);
    assert!(!is_ok && said.contains("erification failed"), "{said}");

    let count = u32::try_from(mib * 64).unwrap().min(2000);
    let reads = server.bench(&qemu_img, count, &[]);
    let writes = server.bench(&qemu_img, count, &["-w", "--pattern=170"]);

    let (numbers, store) = server.end();
    assert_eq!(store.len() as u64, mib * MIB);
    let benched = count as usize * 4096;
    assert!(store[..benched].iter().all(|b| *b == 170));
    for (piece, bytes) in (0..).zip(store.chunks(PIECE as usize)) {
        let from = benched.saturating_sub(piece as usize * PIECE as usize);
        let rest = bytes.get(from..).unwrap_or_default();
        assert!(rest.iter().all(|b| *b == pattern(piece)), "piece {piece}");
    }
    let number = |name: &str| numbers[name].as_u64().unwrap();
    let speed = |took: Duration| mib as f64 / took.as_secs_f64();
    let iops = |took: Duration| (mib * MIB / PIECE) as f64 / took.as_secs_f64();
    println!(
        "{mib} MiB in pieces of 64 KiB, {DEPTH} under way: written in {:.1} s ({:.2} MiB/s, {:.0} IOPS), \
         read and verified in {:.1} s ({:.2} MiB/s, {:.0} IOPS)",
        write.as_secs_f64(),
        speed(write),
        iops(write),
        read.as_secs_f64(),
        speed(read),
        iops(read),
    );
    println!(
        "{count} requests of 4 KiB, 16 under way: {reads:.0} reads a second, {writes:.0} writes"
    );
    println!(
        "{} cycles at {:.0} kHz, {} reads, {} writes, 0 divergences, 0 violations",
        number("cycles"),
        numbers["sim_hz"].as_f64().unwrap() / 1e3,
        number("blk_reads"),
        number("blk_writes")
    );
}

#[test]
fn writes_at_any_offset_leave_their_neighbours_and_the_end_is_kept() {
    let Some(qemu_io) = tool("qemu-io") else {
        return;
    };
    let server = Server::start(1);
    let mut expected = vec![0_u8; MIB as usize];
    let mut commands = String::new();
    // Later writes lie over earlier ones: sectors, parts of sectors, all over, and the last byte.
    let writes = [
        (0x11, 0, 512),
        (0x22, 512, 4096),
        (0x33, 5, 1),
        (0x44, 511, 2),
        (0x55, 100_000, 300_000),
        (0x66, 123_456, 7777),
        (0x77, MIB - 4096, 4096),
        (0x88, MIB - 1, 1),
    ];
    for (byte, at, len) in writes {
        writeln!(commands, "write -P {byte} {at} {len}").unwrap();
        expected[at as usize..(at + len) as usize].fill(byte);
    }
    commands += "flush\n";
    let mut at = 0;
    for run in expected.chunk_by(|a, b| a == b) {
        writeln!(commands, "read -P {} {at} {}", run[0], run.len()).unwrap();
        at += run.len();
    }
    let (is_ok, said, _) = server.qemu_io(&qemu_io, &commands);
    assert!(is_ok, "{said}");
    for outside in [format!("write -P 1 {MIB} 512"), format!("read {MIB} 512")] {
        let (is_ok, said, _) = server.qemu_io(&qemu_io, &(outside + "\n"));
        assert!(!is_ok, "{said}");
    }
    let (_, store) = server.end();
    let differs = (0..).zip(&store).find(|(n, b)| expected[*n] != **b);
    assert_eq!((store.len(), differs), (expected.len(), None));
}
