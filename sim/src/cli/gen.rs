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

#[cfg(feature = "hdl")]
pub(super) fn main(args: GenArgs) -> Result<u8, CliError> {
    let verilog = shoal_hdl::gen::generate(args.profile).map_err(CliError::failed)?;
    std::fs::create_dir_all(&args.out)
        .map_err(|e| CliError::bad_input(format!("{}: {e}", args.out.display())))?;
    let path = args.out.join(format!("{}.v", shoal_hdl::gen::TOP));
    super::output::write_whole(&path, verilog.as_bytes())?;
    println!("{}", path.display());
    Ok(super::OK)
}

#[cfg(not(feature = "hdl"))]
pub(super) fn main(args: GenArgs) -> Result<u8, CliError> {
    let GenArgs { profile, out } = args;
    let what = format!("{} for {}", profile.name, out.display());
    Err(CliError::bad_input(format!("{what}: this build has no RTL sources: build with `--features hdl`")))
}
