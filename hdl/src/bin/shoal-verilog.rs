//! `shoal-verilog FOLDER [PROFILE…] [--devices N]`: writes `FOLDER/<profile>/shoal_top.v`, all profiles by default, and
//! lints it. With `--devices` it is the profile with so many devices, in `FOLDER/<profile>-<N>`.

use std::path::Path;
use std::process::ExitCode;

use shoal_abi::profile::{by_name, with_devices, Profile, PROFILES, SIZES};

type Failure = Box<dyn std::error::Error>;

fn write(folder: &Path, profile: &Profile) -> Result<(), Failure> {
    let path = folder.join(profile.name).join("shoal_top.v");
    let text = shoal_hdl::gen::generate(profile)?;
    std::fs::create_dir_all(folder.join(profile.name))?;
    std::fs::write(&path, &text)?;
    shoal_hdl::lint::verilator_lint(&path)?;
    println!(
        "{}: {} lines, 0 lint findings",
        path.display(),
        text.lines().count()
    );
    Ok(())
}

/// The profile `name`, or that with so many devices.
fn profile(name: &str, devices: Option<u32>) -> Result<&'static Profile, Failure> {
    let full = by_name(name).ok_or_else(|| format!("no profile called {name}"))?;
    let Some(devices) = devices else {
        return Ok(full);
    };
    with_devices(name, devices).ok_or_else(|| {
        let there = SIZES.iter().filter(|p| p.is_size_of(full));
        let sizes: Vec<_> = there.map(|p| p.devices.to_string()).collect();
        let sizes = [sizes, vec![full.devices.to_string()]].concat().join(", ");
        format!("no {name} with {devices} devices: there is {sizes}").into()
    })
}

fn run() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let folder = args
        .next()
        .ok_or("usage: shoal-verilog FOLDER [PROFILE…] [--devices N]")?;
    let (mut names, mut devices) = (Vec::new(), None);
    while let Some(arg) = args.next() {
        if arg == "--devices" {
            let count = args.next().ok_or("--devices needs a number")?;
            devices = Some(
                count
                    .parse()
                    .map_err(|_| format!("--devices {count}: not a number"))?,
            );
        } else {
            names.push(arg);
        }
    }
    if names.is_empty() {
        if devices.is_some() {
            return Err("--devices needs a profile".into());
        }
        return PROFILES
            .iter()
            .try_for_each(|p| write(Path::new(&folder), p));
    }
    names
        .iter()
        .try_for_each(|name| write(Path::new(&folder), profile(name, devices)?))
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("shoal-verilog: {e}");
            ExitCode::FAILURE
        }
    }
}
