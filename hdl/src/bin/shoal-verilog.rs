//! `shoal-verilog FOLDER [PROFILE…]`: writes `FOLDER/<profile>/shoal_top.v`, all profiles by default, and lints it.

use std::path::Path;
use std::process::ExitCode;

use shoal_abi::profile::{by_name, Profile, PROFILES};

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

fn run() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let folder = args
        .next()
        .ok_or("usage: shoal-verilog FOLDER [PROFILE…]")?;
    let names: Vec<String> = args.collect();
    if names.is_empty() {
        return PROFILES
            .iter()
            .try_for_each(|p| write(Path::new(&folder), p));
    }
    names.iter().try_for_each(|name| {
        let profile = by_name(name).ok_or_else(|| format!("no profile called {name}"))?;
        write(Path::new(&folder), profile)
    })
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
