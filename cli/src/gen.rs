//! `shoal gen`: the Verilog of a profile.

use std::path::PathBuf;

use clap::Args;
use shoal_abi::profile::Profile;

use super::{profile, CliError};

#[derive(Debug, Args)]
pub(super) struct GenArgs {
    /// Profile of the device
    #[arg(long, value_parser = profile)]
    profile: &'static Profile,
    /// Folder for `shoal_top.v`; it is created
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[cfg(feature = "rtl")]
pub(super) fn main(args: GenArgs) -> Result<u8, CliError> {
    let verilog = verilated::verilog(args.profile)
        .ok_or_else(|| CliError::failed(format!("no Verilog of profile {}", args.profile.name)))?;
    std::fs::create_dir_all(&args.out)
        .map_err(|e| CliError::bad_input(format!("{}: {e}", args.out.display())))?;
    let path = args.out.join("shoal_top.v");
    super::output::write_whole(&path, verilog.as_bytes())?;
    println!("{}", path.display());
    Ok(super::OK)
}

#[cfg(not(feature = "rtl"))]
pub(super) fn main(args: GenArgs) -> Result<u8, CliError> {
    let GenArgs { profile, out } = args;
    let what = format!("{} for {}", profile.name, out.display());
    Err(CliError::bad_input(format!(
        "{what}: this build has no RTL sources: build with `--features rtl`"
    )))
}
