//! The Verilog of the device, as the command-line tool writes it.

use std::path::PathBuf;
use std::process::{Command, Output};

use shoal_abi::profile::PROFILES;

fn run(args: &[&str]) -> Output {
    let tool = env!("CARGO_BIN_EXE_shoal-verilog");
    Command::new(tool)
        .args(args)
        .output()
        .expect("the tool starts")
}

#[test]
fn every_profile_is_written_and_lints_clean() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("verilog");
    let _ = std::fs::remove_dir_all(&folder);
    let out = run(&[folder.to_str().expect("utf-8 path")]);
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    for profile in &PROFILES {
        let path = folder.join(profile.name).join("shoal_top.v");
        let text = std::fs::read_to_string(path).expect("the file is there");
        assert_eq!(text, shoal_hdl::gen::generate(profile).expect("generates"));
        assert!(text.starts_with(&format!("// shoal_top, profile {}.", profile.name)));
    }
}

#[test]
fn an_unknown_profile_is_an_error() {
    let out = run(&[env!("CARGO_TARGET_TMPDIR"), "none"]);
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("no profile called none"));
}
