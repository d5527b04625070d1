//! The Verilog lint: Verilator with every warning on, and not one finding allowed.
//!
//! Waivers stand in `lint/hdl.vlt`, each with its reason.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The waiver file.
pub const WAIVERS: &str = include_str!("../lint/hdl.vlt");

/// Why the lint did not pass.
#[derive(Debug, thiserror::Error)]
pub enum LintError {
    /// Verilator could not be started.
    #[error("cannot run verilator (is it installed? `make setup`): {0}")]
    NoVerilator(std::io::Error),
    /// The waiver file could not be written.
    #[error("cannot write {path}: {source}")]
    Waivers {
        /// Where to.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Verilator has something to say.
    #[error("{count} findings in {path}:\n{text}")]
    Findings {
        /// Warnings and errors.
        count: usize,
        /// The Verilog file.
        path: PathBuf,
        /// Verilator's output.
        text: String,
    },
}

/// Lints the Verilog file `path`; the waiver file is put beside it.
///
/// # Errors
/// [`LintError::Findings`] when Verilator reports anything at all.
pub fn verilator_lint(path: &Path) -> Result<(), LintError> {
    let waivers = path.with_extension("vlt");
    std::fs::write(&waivers, WAIVERS).map_err(|source| LintError::Waivers {
        path: waivers.clone(),
        source,
    })?;
    let out = Command::new("verilator")
        .args(["--lint-only", "-Wall", "--top-module", crate::gen::TOP])
        .args([&waivers, path])
        .output()
        .map_err(LintError::NoVerilator)?;
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    let count = text
        .lines()
        .filter(|l| l.starts_with("%Warning") || l.starts_with("%Error"))
        .count();
    if count == 0 && out.status.success() {
        return Ok(());
    }
    Err(LintError::Findings {
        count,
        path: path.to_owned(),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gen::from_block;
    use shoal_abi::profile::PROFILES;

    fn lint(name: &str, text: &str) -> Result<(), LintError> {
        let dir = std::env::temp_dir().join(format!("shoal-lint-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("temporary folder");
        let path = dir.join("shoal_top.v");
        std::fs::write(&path, text).expect("write verilog");
        let result = verilator_lint(&path);
        std::fs::remove_dir_all(&dir).expect("remove temporary folder");
        result
    }

    #[test]
    fn the_stub_has_no_finding() {
        for profile in &PROFILES {
            let top = crate::stub::build(profile).expect("stub has the widths");
            let text = from_block(profile, top.as_ref()).expect("stub generates");
            lint(&format!("stub-{}", profile.name), &text).expect("clean");
        }
    }

    #[test]
    fn a_latch_an_undeclared_name_and_a_width_are_findings() {
        let module = |body: &str| {
            format!(
                "module shoal_top(a, c, q);\n input wire a;\n input wire [7:0] c;\n output reg q;\n\
                 always @(*) begin {body} end\nendmodule\n"
            )
        };
        lint("good", &module("q = a & (|c);")).expect("clean");
        for (name, body) in [
            ("latch", "if (a) begin q = |c; end"),
            ("undeclared", "q = a & (c == abi$X);"),
            ("width", "q = a & ((c + 32'h1) == 32'h0);"),
        ] {
            let result = lint(name, &module(body));
            assert!(
                matches!(result, Err(LintError::Findings { count: 1.., .. })),
                "{name}: {result:?}"
            );
        }
    }
}
