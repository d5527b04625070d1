//! Builds one Verilated model for every profile and links them in.
//!
//! Verilog from `shoal-hdl` → Verilator → C++ compiler → static library. A library is rebuilt only when what goes
//! into it changed: it is kept under the hash of all of that.

mod cxx;
mod shim;

use std::path::Path;

use cxx::{Failure, Toolchain};
use shoal_abi::profile::PROFILES;

fn main() {
    if let Err(e) = run() {
        eprintln!("shoal-verilated: {e}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Failure> {
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=cpp");
    println!("cargo:rerun-if-env-changed=PATH");
    let tools = Toolchain::find()?;
    let breaks = std::env::var_os("CARGO_FEATURE_BREAKS").is_some();
    let mut rust = String::new();
    for profile in &PROFILES {
        let mut verilog = shoal_hdl::gen::generate(profile)?;
        if breaks {
            verilog = shoal_hdl::gen::apply_breaks(&verilog, shoal_hdl::breaks::BREAKS)?;
        }
        tools.model(profile.name, &verilog, &shim::cpp(profile))?;
        rust += &shim::rust(profile);
    }
    tools.runtime()?;
    tools.link();
    let out = std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?;
    std::fs::write(Path::new(&out).join("models.rs"), shim::rust_table(&rust))?;
    Ok(())
}
