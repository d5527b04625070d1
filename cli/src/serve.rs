//! `shoal serve`: the device for other programs.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;

use clap::{Args, Subcommand};
use shoal_abi::pci::{DEFAULT_VECTORS, FIRST_SLOT_VECTOR, MAX_VECTORS};
use shoal_abi::profile::{Profile, MID};

use super::output::{check_wave, check_writable};
use super::results::Results;
use super::{failure_code, profile, CliError, DutArg, FAILED, OK};
use shoal::env::{EnvSettings, SECTOR_BYTES};
use shoal::host::SharedHost;
use shoal::host::{Host, HostError, HostSettings};
use shoal::scenario::Outcome;
use shoal::serve::pump::{self, Clock, Front, PumpCounts};
use shoal::serve::stores;
use shoal::serve::uplink::{self, Uplink, UplinkCounts};
use shoal::serve::vfio_user::{Listener, VfioUser};
use shoal::serve::vhost_user::{self, VhostUser};
use shoal::setup::Setup;

#[derive(Debug, Subcommand)]
pub(super) enum ServeArgs {
    /// A PCI function over vfio-user, for QEMU's vfio-user-pci
    VfioUser(VfioUserArgs),
    /// Block devices over vhost-user, for QEMU's vhost-user-blk and for libblkio
    VhostUserBlk(VhostUserArgs),
    /// Network devices over vhost-user, for QEMU's netdev vhost-user; all are ports of one switch
    VhostUserNet(VhostUserNetArgs),
}

#[derive(Debug, Args)]
pub(super) struct VhostUserArgs {
    /// Where to listen; given again, a further device
    #[arg(long, value_name = "PATH", required = true)]
    socket: Vec<PathBuf>,
    /// Request queues of each block device; network devices have one pair
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    queues: u16,
    /// The block stores are not to be written; files must be there
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(super) struct VhostUserNetArgs {
    #[command(flatten)]
    common: VhostUserArgs,
    #[command(flatten)]
    uplink: UplinkArg,
}

#[derive(Debug, Args)]
pub(super) struct VfioUserArgs {
    /// Where to listen
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// MSI-X vectors of the function
    #[arg(long, default_value_t = DEFAULT_VECTORS, value_parser = clap::value_parser!(u16).range(i64::from(FIRST_SLOT_VECTOR)..=i64::from(MAX_VECTORS)))]
    vectors: u16,
    #[command(flatten)]
    uplink: UplinkArg,
    #[command(flatten)]
    device: DeviceArgs,
}

/// The way out of the switch.
#[derive(Debug, Default, Args)]
struct UplinkArg {
    /// Listen here for a network behind the switch: QEMU's `-netdev stream`, passt, or whatever else sends and takes Ethernet
    /// frames, each with its length before it in 4 bytes, big endian
    #[arg(long, value_name = "PATH")]
    uplink: Option<PathBuf>,
}

impl UplinkArg {
    fn listen(&self) -> Result<Option<Uplink>, CliError> {
        let Some(path) = &self.uplink else {
            return Ok(None);
        };
        let listener = uplink::Listener::new(path)
            .map_err(|e| CliError::bad_input(format!("--uplink {}: {e}", path.display())))?;
        println!("uplink on {}", path.display());
        Ok(Some(Uplink::new(listener)))
    }
}

/// What every server needs.
#[derive(Debug, Args)]
struct DeviceArgs {
    /// Profile of the device
    #[arg(long, default_value = MID.name, value_parser = profile)]
    profile: &'static Profile,
    /// What to run
    #[arg(long, value_enum, default_value_t = DutArg::Lockstep)]
    dut: DutArg,
    /// Seed of every random choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Cycles of a host memory access
    #[arg(long, value_name = "CYCLES")]
    latency: Option<u32>,
    /// Most cycles a second; as many as the simulation makes if not given
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u64).range(1000..))]
    clock: Option<u64>,
    /// Folder of the block stores, a file a device; the file itself for a single block device; in memory if not given
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
    /// MiB of each block store
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    store_mib: u64,
    /// Numbers of the run as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keep the replay file of a good run too
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Do not record the run: no replay file, no waveform of a failure
    #[arg(long, conflicts_with = "record")]
    no_record: bool,
    /// Folder for the replay file and the waveform of a failed run
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Waveform of the whole run, .fst or .vcd
    #[arg(long, value_name = "FILE")]
    wave: Option<PathBuf>,
}

pub(super) fn main(args: ServeArgs) -> Result<u8, CliError> {
    match args {
        ServeArgs::VfioUser(args) => vfio_user(&args),
        ServeArgs::VhostUserBlk(args) => vhost_user(&args, None),
        ServeArgs::VhostUserNet(args) => vhost_user(&args.common, Some(&args.uplink)),
    }
}

fn vfio_user(args: &VfioUserArgs) -> Result<u8, CliError> {
    let device = &args.device;
    device.check(false, false)?;
    let listener = Listener::new(&args.socket)
        .map_err(|e| CliError::bad_input(format!("--socket {}: {e}", args.socket.display())))?;
    let mut uplink = args.uplink.listen()?;
    log();
    let setup = device.setup("vfio-user");
    // The memory is that of the client.
    let mut host = device.host(&setup, 0, false)?;
    let mut front = VfioUser::new(&mut host, listener, args.vectors);
    println!("listening on {}", args.socket.display());
    let stop = stop_flag()?;
    let clock = Clock { hz: device.clock };
    let mut fronts: Vec<&mut dyn Front<Host>> = vec![&mut front];
    fronts.extend(uplink.as_mut().map(|u| u as &mut dyn Front<Host>));
    let result = pump::run(&mut host, &mut fronts, clock, &stop);
    drop(front);
    device.finish(&setup, host, result, uplink.as_ref())
}

fn vhost_user(args: &VhostUserArgs, net: Option<&UplinkArg>) -> Result<u8, CliError> {
    /// Bytes of memory for the driver's queues and page tables.
    const DRIVER_BYTES: u64 = 256 << 20;
    let device = &args.device;
    let is_blk = net.is_none();
    if !is_blk && args.queues != 1 {
        return Err(CliError::bad_input("--queues: a network device has 1"));
    }
    let one = is_blk && args.socket.len() == 1;
    if !is_blk && args.read_only {
        return Err(CliError::bad_input(
            "--read-only: a network device has no store",
        ));
    }
    device.check(one, args.read_only)?;
    let setup = device.setup(if is_blk {
        "vhost-user-blk"
    } else {
        "vhost-user-net"
    });
    let mut devices = Vec::new();
    for (n, path) in args.socket.iter().enumerate() {
        let listener = vhost_user::Listener::new(path)
            .map_err(|e| CliError::bad_input(format!("--socket {}: {e}", path.display())))?;
        let config = if is_blk {
            let sectors = (device.store_mib << 20) / SECTOR_BYTES;
            vhost_user::blk(sectors, args.queues, args.read_only)
        } else {
            vhost_user::net(n)
        };
        devices.push((listener, config));
    }
    let mut uplink = net.map_or(Ok(None), UplinkArg::listen)?;
    log();
    let mut host = SharedHost::new(device.host(&setup, DRIVER_BYTES, args.read_only)?);
    let mut front = VhostUser::new(&host, devices).map_err(CliError::bad_input)?;
    for path in &args.socket {
        println!("listening on {}", path.display());
    }
    let stop = stop_flag()?;
    let clock = Clock { hz: device.clock };
    let mut fronts: Vec<&mut dyn Front<SharedHost>> = vec![&mut front];
    fronts.extend(uplink.as_mut().map(|u| u as &mut dyn Front<SharedHost>));
    let result = pump::run(&mut host, &mut fronts, clock, &stop);
    drop(front);
    let host = host.into_host().map_err(CliError::failed)?;
    device.finish(&setup, host, result, uplink.as_ref())
}

impl DeviceArgs {
    /// Refuses what could only fail later.
    fn check(&self, one_store: bool, read_only: bool) -> Result<(), CliError> {
        if let Some(path) = &self.wave {
            check_wave(path)?;
        }
        for path in self.json.iter().chain(&self.record) {
            check_writable(path)?;
        }
        if !self.no_record {
            check_writable(&self.out.join("x"))?;
        }
        match &self.store {
            Some(file) if one_store && !file.is_dir() && read_only => {
                stores::open_read_only(file, self.store_mib << 20)
                    .map_err(|e| CliError::bad_input(format!("--store {}: {e}", file.display())))?;
            }
            Some(folder) if read_only => {
                std::fs::read_dir(folder).map_err(|e| {
                    CliError::bad_input(format!("--store {}: {e}", folder.display()))
                })?;
            }
            Some(file) if one_store && !file.is_dir() => check_writable(file)?,
            Some(folder) => check_writable(&folder.join("x"))?,
            None => {}
        }
        Ok(())
    }

    fn setup(&self, name: &str) -> Setup {
        let mut setup = Setup::new(self.profile, self.seed, self.dut.into(), Vec::new());
        name.clone_into(&mut setup.scenario);
        setup
    }

    fn host(&self, setup: &Setup, high_mem: u64, read_only: bool) -> Result<Host, CliError> {
        let mut env = EnvSettings::new(self.seed);
        (env.low_mem, env.high_mem) = (0, high_mem);
        if let Some(latency) = self.latency {
            env.axi.latency = latency;
        }
        let settings = HostSettings {
            env,
            record_dir: (!self.no_record).then(|| self.out.clone()),
            wave: self.wave.clone(),
            ..HostSettings::new(self.seed)
        };
        let mut host = Host::new(setup, settings).map_err(CliError::bad_input)?;
        let bytes = self.store_mib << 20;
        debug_assert!(bytes.is_multiple_of(SECTOR_BYTES));
        host.blk()
            .set_source(stores::source(self.store.as_deref(), bytes, read_only));
        Ok(host)
    }

    fn finish(
        &self,
        setup: &Setup,
        mut host: Host,
        result: Result<PumpCounts, (PumpCounts, HostError)>,
        uplink: Option<&Uplink>,
    ) -> Result<u8, CliError> {
        let (counts, error) = match result {
            Ok(counts) => (counts, None),
            Err((counts, e)) => (counts, Some(e)),
        };
        let dropped = host.switch().counts().host_drops;
        let report = host.finish().map_err(CliError::failed)?;
        let code = match (failure_code(report.check.failure.as_ref()), &error) {
            (OK, Some(_)) => FAILED,
            (code, _) => code,
        };
        let mut outcome = Outcome {
            vdevs_created: counts.created,
            vdevs_destroyed: counts.destroyed,
            notes: vec![(
                "clock stood still".into(),
                format!(
                    "{} times, {:.1} s",
                    counts.naps,
                    counts.asleep.as_secs_f64()
                ),
            )],
            ..Outcome::default()
        };
        if let Some(UplinkCounts {
            clients,
            frames_in,
            frames_out,
        }) = uplink.map(Uplink::counts)
        {
            let what = format!(
                "{clients} clients, {frames_in} frames in, {frames_out} out, {dropped} dropped"
            );
            outcome.notes.push(("uplink".into(), what));
        }
        let why = match (&report.check.failure, error) {
            (None, Some(e)) => Some(e.to_string()),
            _ => None,
        };
        let results = Results {
            json: self.json.as_deref(),
            record: self.record.as_deref(),
            out: &self.out,
        };
        results.write(setup, &outcome, report, code, why)?;
        Ok(code)
    }
}

/// Set by SIGINT and SIGTERM.
pub(super) fn stop_flag() -> Result<Arc<AtomicBool>, CliError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(CliError::failed)?;
    }
    Ok(stop)
}

/// Log lines on standard error.
fn log() {
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}
