//! `shoal bench`: cycles of requests and commands, the matrix of packets against its walls, and speed of the simulation.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde::Serialize;
use shoal_abi::profile::{Profile, TINY};

use super::bench_table::{csv, print_matrix, print_numbers};
use super::output::{check_writable, write_whole};
use super::{profile, CliError, DutArg, LinkArg, OK};
use shoal::bench::{
    self, BenchError, Case, Choice, CommandCycles, Direction, Figures, RequestCycles, Row, Skipped,
    Speed, Translations, World,
};

/// Most random cycles beside the latency of a host memory access.
const JITTER: u32 = 50;
/// Packets of a row, and of a quick one.
const PACKETS: u64 = 512;
const QUICK_PACKETS: u64 = 64;

/// How much of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Matrix {
    /// A few rows that take seconds
    Quick,
    /// Every row that the profile can have
    Full,
    /// No row
    None,
}

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Profile of the device
    #[arg(long, default_value = TINY.name, value_parser = profile)]
    profile: &'static Profile,
    /// Device of the cycle counts
    #[arg(long, value_enum, default_value_t = DutArg::Lockstep)]
    dut: DutArg,
    /// Cycles of each run for speed; 0 leaves speed out
    #[arg(long, default_value_t = 400_000)]
    cycles: u64,
    /// Devices that are created in a row; 0 leaves that out, more than the profile has are as many as it has
    #[arg(long, value_name = "N", default_value_t = 64)]
    provision: u32,
    /// Rows of packets against their walls; the five options below choose from the full matrix
    #[arg(long, value_enum, default_value_t = Matrix::Quick)]
    matrix: Matrix,
    /// Bytes of a frame, several with commas
    #[arg(long, value_name = "BYTES", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(64..=4088))]
    frame: Vec<u32>,
    /// Where packets go, several with commas
    #[arg(long, value_enum, value_delimiter = ',')]
    direction: Vec<Direction>,
    /// Packets of a doorbell, several with commas
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=i64::from(bench::MOST_VISIBLE)))]
    batch: Vec<u32>,
    /// Devices with traffic, several with commas
    #[arg(long, value_name = "N", value_delimiter = ',')]
    active: Vec<u32>,
    /// State of the translations, several with commas
    #[arg(long, value_enum, value_delimiter = ',')]
    translations: Vec<Translations>,
    /// Packets measured in each row; 512, quick 64
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    packets: Option<u64>,
    /// Packets that are open over all queues, where the queues are few
    #[arg(long, value_name = "N", default_value_t = bench::IN_FLIGHT)]
    in_flight: u32,
    /// Measure each row also with one translation at a time and with one chain slot
    #[arg(long)]
    beside: bool,
    /// PCIe link between device and host memory
    #[arg(long, value_enum, default_value_t = LinkArg::Gen3x16)]
    link: LinkArg,
    /// Bytes of a completion on the link, 64 or 256
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = completion)]
    completion: u64,
    /// All numbers as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The rows as comma-separated values; `-` is standard output
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// The rows as a picture, .svg
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
pub(super) struct Numbers {
    pub(super) profile: &'static str,
    pub(super) link: &'static str,
    pub(super) rows: Vec<Row>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) figures: Figures,
    pub(super) requests: Vec<RequestCycles>,
    pub(super) commands: Vec<CommandCycles>,
    pub(super) speed: Option<Speed>,
}

fn completion(text: &str) -> Result<u64, String> {
    match text {
        "64" => Ok(64),
        "256" => Ok(256),
        _ => Err("64 or 256 bytes".into()),
    }
}

pub(super) fn main(args: BenchArgs) -> Result<u8, CliError> {
    let cases = cases(&args)?;
    for path in args.json.iter().chain(&args.csv).chain(&args.plot) {
        check_writable(path)?;
    }
    if let Some(path) = &args.plot {
        if path.extension().and_then(|e| e.to_str()) != Some("svg") {
            return Err(CliError::bad_input(format!(
                "{}: a picture's name ends in .svg",
                path.display()
            )));
        }
    }
    let bar = ProgressBar::new_spinner();
    let numbers = measure(&args, &cases, &mut |what| {
        bar.set_message(what);
        bar.tick();
    });
    bar.finish_and_clear();
    let numbers = numbers.map_err(CliError::failed)?;
    if let Some(path) = &args.plot {
        let title = format!("profile {}, link {}", numbers.profile, numbers.link);
        write_whole(path, bench::plot(&title, &numbers.rows).as_bytes())?;
    }
    if let Some(path) = &args.csv {
        write_whole(
            path,
            csv(&numbers.rows).map_err(CliError::failed)?.as_bytes(),
        )?;
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&numbers).map_err(CliError::failed)?;
        write_whole(path, (text + "\n").as_bytes())?;
    }
    // Standard output that is a file's place has room for nothing else.
    let is_taken = |path: &Option<PathBuf>| path.as_ref().is_some_and(|p| p.as_os_str() == "-");
    if !is_taken(&args.json) && !is_taken(&args.csv) {
        print_numbers(&numbers);
        print_matrix(&numbers);
    }
    Ok(OK)
}

/// The rows that are asked for.
fn cases(args: &BenchArgs) -> Result<Vec<Case>, CliError> {
    let choice = Choice {
        frames: args.frame.clone(),
        directions: args.direction.clone(),
        batches: args.batch.clone(),
        active: args.active.clone(),
        translations: args.translations.clone(),
    };
    let devices = args.profile.devices;
    if let Some(n) = args.active.iter().find(|n| !(1..=devices).contains(n)) {
        return Err(CliError::bad_input(format!(
            "--active {n}: profile {} has 1..={devices}",
            args.profile.name
        )));
    }
    Ok(match (args.matrix, choice.is_some()) {
        (Matrix::None, _) => Vec::new(),
        (Matrix::Quick, false) => bench::quick(args.profile),
        _ => choice.cases(args.profile, args.in_flight),
    })
}

fn measure(
    args: &BenchArgs,
    cases: &[Case],
    told: &mut dyn FnMut(String),
) -> Result<Numbers, BenchError> {
    let (profile, mode) = (args.profile, args.dut.into());
    let world = World {
        latency: bench::LATENCY,
        jitter: JITTER,
        link: args.link.settings(args.completion),
    };
    let is_quick = cases == bench::quick(profile);
    let packets = args
        .packets
        .unwrap_or(if is_quick { QUICK_PACKETS } else { PACKETS });
    let requests = bench::requests(profile, mode, told)?;
    told("admin commands".into());
    let commands = bench::admin(profile, mode)?;
    told("devices in a row".into());
    let provision = match args.provision {
        0 => None,
        n => Some(bench::provision(profile, mode, n)?),
    };
    let (rows, skipped) = bench::rows(profile, mode, world, cases, packets, args.beside, told)?;
    told("steps of a packet, and one translation at a time".into());
    let (steps, gain) = match args.matrix {
        Matrix::None => (None, None),
        _ => (
            Some(bench::steps(profile, mode, world)?),
            Some(bench::nonblocking_over_blocking(profile, mode, world)?),
        ),
    };
    told("speed".into());
    let speed = match args.cycles {
        0 => None,
        cycles => Some(bench::speed(profile, cycles)?),
    };
    Ok(Numbers {
        profile: profile.name,
        link: args.link.name(),
        figures: Figures::of(provision, steps.as_ref(), gain, speed.as_ref()),
        rows,
        skipped,
        requests,
        commands,
        speed,
    })
}
