//! Files and tables that commands write.

use std::io::Write;
use std::path::Path;

use super::CliError;
use shoal::lockstep::CheckReport;

/// Writes `bytes` to `path` whole or not at all; `-` is standard output.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let named = |e: &dyn std::fmt::Display| CliError::bad_input(format!("{}: {e}", path.display()));
    if path == Path::new("-") {
        return std::io::stdout().write_all(bytes).map_err(|e| named(&e));
    }
    let mut file = tempfile::NamedTempFile::new_in(folder(path)).map_err(|e| named(&e))?;
    file.write_all(bytes).map_err(|e| named(&e))?;
    // A temporary file is private; a result is an ordinary file.
    file.as_file()
        .set_permissions(ordinary())
        .map_err(|e| named(&e))?;
    file.persist(path).map(drop).map_err(|e| named(&e.error))
}

fn ordinary() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o644)
}

/// The folder that `path` is in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Refuses a result that could not be written at the end of a long run.
pub(super) fn check_writable(path: &Path) -> Result<(), CliError> {
    if path == Path::new("-") {
        return Ok(());
    }
    let dir = folder(path);
    if path.is_dir() {
        return Err(CliError::bad_input(format!(
            "{}: is a folder",
            path.display()
        )));
    }
    tempfile::tempfile_in(dir)
        .map(drop)
        .map_err(|e| CliError::bad_input(format!("{}: {e}", path.display())))
}

/// Refuses the name of a waveform that nothing can be written to.
pub(super) fn check_wave(path: &Path) -> Result<(), CliError> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("fst" | "vcd") => check_writable(path),
        _ => Err(CliError::bad_input(format!(
            "{}: a waveform's name ends in .fst or .vcd",
            path.display()
        ))),
    }
}

/// Prints what ended a run, with the admin commands before it.
pub(super) fn print_failure(report: &CheckReport) {
    let Some(failure) = &report.failure else {
        return;
    };
    eprintln!("{failure}");
    if !report.commands.is_empty() {
        eprintln!("last admin commands:");
        report
            .commands
            .iter()
            .for_each(|line| eprintln!("  {line}"));
    }
}

/// Prints names and values in two columns.
pub(super) fn table(rows: &[(String, String)]) {
    let width = rows.iter().map(|r| r.0.chars().count()).max().unwrap_or(0);
    let mut out = std::io::stdout().lock();
    for (name, value) in rows {
        // Nobody may be listening.
        let _ = writeln!(out, "{name:<width$}  {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_a_bad_place_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let bad = dir.path().join("no/x.json");
        assert!(write_whole(&bad, b"")
            .unwrap_err()
            .message
            .contains("no/x.json"));
        assert!(check_writable(&bad).is_err() && check_writable(dir.path()).is_err());
        assert!(check_wave(&path).is_err() && check_wave(&dir.path().join("a.fst")).is_ok());
    }
}
