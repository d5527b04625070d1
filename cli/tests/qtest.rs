//! The function behind QEMU's own PCI bus: QEMU without a guest (`-accel qtest`), driven by its text protocol over `vfio-user-pci`.
//!
//! Needs QEMU 10.1 or later, which `make guest-setup` brings; without it there is nothing to test here, and that is said.
#![cfg(feature = "rtl")]

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Instant;

use shoal_abi::pci;
use shoal_abi::regs::{DOORBELLS, MAGIC, MAGIC_VALUE, READY, STATUS_QUEUE_SELECT};
use shoal_driver::platform::{Bar, Dma, DmaBuf, Interrupts, Perm, PlatformIommu, Time};
use shoal_driver::{Mgmtdev, Options, SpaceKind, VdevConfig};

/// Where the test puts the BARs.
const BARS: [(u8, u64); 3] = [
    (pci::BAR_REGS, 0xc000_0000),
    (pci::BAR_DOORBELLS, 0xc100_0000),
    (pci::BAR_MSIX, 0xc800_0000),
];
/// Guest memory that the driver may use: from 1 MiB to 60 MiB.
const MEMORY: (u64, u64) = (1 << 20, 60 << 20);

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Inner {
    input: RefCell<ChildStdin>,
    output: RefCell<BufReader<ChildStdout>>,
    next: Cell<u64>,
    started: Instant,
    /// Device number on bus 0.
    slot: Cell<u32>,
    server: RefCell<Killed>,
    _dir: tempfile::TempDir,
}

/// QEMU with the function on its bus.
#[derive(Clone)]
struct Qtest(Rc<Inner>);

fn qemu() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/guest/bin/qemu-system-x86_64");
    if !path.exists() {
        eprintln!(
            "not run: {} is missing, `make guest-setup` brings it",
            path.display()
        );
        return None;
    }
    Some(path)
}

impl Qtest {
    /// The guard ends QEMU, whoever still holds the other.
    fn start(qemu: &Path) -> (Self, Killed) {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Command::new(env!("CARGO_BIN_EXE_shoal"))
            .args([
                "serve",
                "vfio-user",
                "--profile",
                "tiny",
                "--json",
                "n.json",
                "--socket",
                "s",
            ])
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "listening on s\n");
        let device = r#"{"driver":"vfio-user-pci","x-msg-timeout":60000,"socket":{"type":"unix","path":"s"}}"#;
        let mut child = Command::new(qemu)
            .args([
                "-M",
                "q35",
                "-accel",
                "qtest",
                "-display",
                "none",
                "-nodefaults",
                "-m",
                "64",
            ])
            .args(["-object", "memory-backend-memfd,id=mem,size=64M,share=on"])
            .args([
                "-machine",
                "memory-backend=mem",
                "-qtest",
                "stdio",
                "-device",
                device,
            ])
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let guard = Killed(child);
        let q = Self(Rc::new(Inner {
            input: RefCell::new(input),
            output: RefCell::new(BufReader::new(output)),
            next: Cell::new(MEMORY.0),
            started: Instant::now(),
            slot: Cell::new(0),
            server: RefCell::new(Killed(server)),
            _dir: dir,
        }));
        let id = u32::from(pci::DEVICE) << 16 | u32::from(pci::VENDOR);
        let slot = (0..32).find(|s| {
            q.0.slot.set(*s);
            q.config(0) == id
        });
        assert!(slot.is_some(), "the function is on the bus");
        (q, guard)
    }

    /// A command of the protocol and its answer without `OK`.
    fn ask(&self, command: &str) -> String {
        writeln!(self.0.input.borrow_mut(), "{command}").unwrap();
        loop {
            let mut line = String::new();
            let n = self.0.output.borrow_mut().read_line(&mut line).unwrap();
            assert!(n > 0, "QEMU ended at: {command}");
            if let Some(answer) = line.strip_prefix("OK") {
                return answer.trim().to_owned();
            }
            assert!(line.starts_with("IRQ"), "{command}: {line}");
        }
    }

    fn number(&self, command: &str) -> u64 {
        let answer = self.ask(command);
        u64::from_str_radix(answer.trim_start_matches("0x"), 16).unwrap()
    }

    fn select(&self, at: u32) {
        let address = 1 << 31 | self.0.slot.get() << 11 | at & !3;
        self.ask(&format!("outl 0xcf8 {address:#x}"));
    }

    fn config(&self, at: u32) -> u32 {
        self.select(at);
        self.number("inl 0xcfc") as u32
    }

    fn set_config(&self, at: u32, value: u32) {
        self.select(at);
        self.ask(&format!("outl 0xcfc {value:#x}"));
    }

    /// Gives the BARs their addresses and switches memory space and bus mastering on.
    fn switch_on(&self) {
        for (bar, base) in BARS {
            let at = 0x10 + 4 * u32::from(bar);
            self.set_config(at, base as u32);
            self.set_config(at + 4, (base >> 32) as u32);
        }
        self.set_config(4, 6);
    }

    fn capability(&self, id: u32) -> u32 {
        let mut at = self.config(0x34) & 0xff;
        while at != 0 && self.config(at) & 0xff != id {
            at = self.config(at) >> 8 & 0xff;
        }
        at
    }

    /// Ends the server as a user would and gives its numbers.
    fn end(self) -> String {
        self.ask("clock_step 1");
        let dir = self.0._dir.path().to_owned();
        let mut server = self.0.server.borrow_mut();
        let pid = server.0.id().to_string();
        assert!(Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success());
        assert!(server.0.wait().unwrap().success());
        let mut text = String::new();
        std::fs::File::open(dir.join("n.json"))
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }
}

impl Bar for Qtest {
    fn read32(&self, offset: u32) -> u32 {
        let at = BARS[0].1 + u64::from(offset);
        self.number(&format!("readl {at:#x}")) as u32
    }
    fn write32(&self, offset: u32, value: u32) {
        let at = match offset.checked_sub(DOORBELLS) {
            Some(at) => BARS[1].1 + u64::from(at),
            // The MSI-X table of the device belongs to the shell.
            None if u64::from(offset) >= pci::BAR_REGS_BYTES => return,
            None => BARS[0].1 + u64::from(offset),
        };
        self.ask(&format!("writel {at:#x} {value:#x}"));
    }
}

impl Dma for Qtest {
    fn alloc(&self, bytes: usize) -> shoal_driver::Result<DmaBuf> {
        let addr = self.0.next.get();
        self.0
            .next
            .set(addr + (bytes as u64).next_multiple_of(4096));
        assert!(self.0.next.get() <= MEMORY.1);
        self.ask(&format!("memset {addr:#x} {bytes:#x} 0x0"));
        Ok(DmaBuf { addr, bytes })
    }
    fn free(&self, _: DmaBuf) {}
    fn read(&self, addr: u64, buf: &mut [u8]) {
        let hex = self.ask(&format!("read {addr:#x} {:#x}", buf.len()));
        let digits = hex.trim_start_matches("0x");
        for (k, byte) in buf.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * k..2 * k + 2], 16).unwrap();
        }
    }
    fn write(&self, addr: u64, bytes: &[u8]) {
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        self.ask(&format!("write {addr:#x} {:#x} 0x{hex}", bytes.len()));
    }
}

impl Time for Qtest {
    fn now(&self) -> u64 {
        self.0.started.elapsed().as_micros() as u64
    }
    fn wait(&self) -> shoal_driver::Result<()> {
        std::thread::sleep(std::time::Duration::from_micros(200));
        Ok(())
    }
}

impl Interrupts for Qtest {
    fn take(&self, _: u64, _: u32) -> u64 {
        0
    }
}

impl PlatformIommu for Qtest {
    fn bind(&self, _: u32) {}
    fn unbind(&self, _: u32) {}
    fn map(&self, _: u32, _: u64, _: u64, _: u64, _: Perm) {}
    fn unmap(&self, _: u32, _: u64, _: u64) {}
}

#[test]
fn configuration_space_bars_dma_and_function_level_reset_through_qemu() {
    let Some(qemu) = qemu() else { return };
    let (q, _qemu) = Qtest::start(&qemu);

    // Before memory space is on nothing answers; then the registers do, in every width.
    assert_eq!(q.config(8), pci::CLASS << 8 | u32::from(pci::REVISION));
    assert!(q.capability(0x10) != 0 && q.capability(0x11) != 0);
    assert_ne!(q.read32(MAGIC.offset), MAGIC_VALUE);
    q.switch_on();
    assert_eq!(q.read32(MAGIC.offset), MAGIC_VALUE);
    let magic = BARS[0].1 + u64::from(MAGIC.offset);
    assert_eq!(
        q.number(&format!("readb {:#x}", magic + 3)) as u32,
        MAGIC_VALUE >> 24
    );
    assert_eq!(
        q.number(&format!("readw {magic:#x}")) as u32,
        MAGIC_VALUE & 0xffff
    );
    assert_eq!(
        q.number(&format!("readq {magic:#x}")),
        u64::from(shoal_abi::ABI_VERSION) << 32 | u64::from(MAGIC_VALUE)
    );

    // DMA both ways, through guest memory: the admin queue, and a device with its queues.
    let m = Mgmtdev::probe(q.clone(), Options::default()).unwrap();
    let v = m.dev_add(VdevConfig::blk(8, SpaceKind::Sv39)).unwrap();
    assert_eq!(
        m.dev_add(VdevConfig::blk(8, SpaceKind::Sv39)).unwrap().id(),
        v.id() + 1
    );
    m.dev_del(v).unwrap();

    // A function-level reset takes everything back.
    assert_ne!(q.read32(STATUS_QUEUE_SELECT.offset) & 0xff, 0);
    let device_control = q.capability(0x10) + 8;
    let value = q.config(device_control);
    q.set_config(device_control, value | 1 << 15);
    q.switch_on();
    assert_eq!(q.read32(STATUS_QUEUE_SELECT.offset) & 0xff, 0);
    let is_ready = (0..100_000).any(|_| q.read32(READY.offset) == 1);
    assert!(is_ready);
    std::mem::forget(m);
    let m = Mgmtdev::probe(q.clone(), Options::default()).unwrap();
    let v = m.dev_add(VdevConfig::blk(8, SpaceKind::Sv39)).unwrap();
    assert_eq!(v.id(), 1, "no device is left from before");
    m.dev_del(v).unwrap();
    drop(m);

    let numbers = q.end();
    for expected in [
        "\"divergences\": 0",
        "\"monitor_violations\": 0",
        "\"vdevs_created\": 3",
        "\"vdevs_destroyed\": 3",
    ] {
        assert!(numbers.contains(expected), "{expected}: {numbers}");
    }
}
