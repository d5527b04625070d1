//! Builds one Verilated model for every profile and links them in.
//!
//! Verilog from `shoal-hdl` → Verilator → C++ compiler → static library. A library is rebuilt only when what goes
//! into it changed: it is kept under the hash of all of that.

mod cxx;
mod shim;

use std::path::Path;

use cxx::{Failure, Toolchain};
use shoal_abi::profile::PROFILES;
use shoal_hdl::breaks::BREAKS;
use shoal_hdl::gen::{apply_breaks, generate};

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
    let breaks = match std::env::var_os("CARGO_FEATURE_BREAKS") {
        Some(_) => BREAKS,
        None => &[],
    };
    let out = std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?;
    let out = Path::new(&out);
    let (mut models, mut sources) = (String::new(), String::new());
    for profile in &PROFILES {
        let verilog = generate(profile)?;
        std::fs::write(out.join(format!("{}.v", profile.name)), &verilog)?;
        let simulated = apply_breaks(&verilog, breaks)?;
        tools.model(profile.name, &simulated, &shim::cpp(profile))?;
        models += &shim::rust(profile);
        sources += &shim::source(profile, fnv1a(simulated.as_bytes()));
    }
    tools.runtime()?;
    tools.link();
    std::fs::write(out.join("models.rs"), shim::rust_table(&models))?;
    std::fs::write(out.join("sources.rs"), shim::source_table(&sources))?;
    let names: Vec<_> = breaks.iter().map(|b| (b.name, b.doc)).collect();
    std::fs::write(out.join("breaks.rs"), format!("&{names:?}"))?;
    Ok(())
}

/// FNV-1a: tells one Verilog text from another. The standard library's hash may change with the compiler.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| {
        (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)
    })
}
