//! Runs Verilator and the C++ compiler, and keeps their results under a hash of what went in.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::shim::class;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

const VERILATOR: &[&str] = &[
    "--cc",
    "-O3",
    "--x-initial",
    "unique",
    "--x-assign",
    "unique",
    "--trace-fst",
    // Findings are the lint's matter.
    "-Wno-lint",
    "-Wno-fatal",
];

/// No `-march=native`: the binary must run where it was not built.
const CXX: &[&str] = &[
    "-std=gnu++17",
    "-fPIC",
    "-w",
    "-DVERILATOR=1",
    "-DVM_COVERAGE=0",
    "-DVM_SC=0",
    "-DVM_TRACE=1",
    "-DVM_TRACE_FST=1",
    "-DVM_TRACE_VCD=0",
    "-DVM_TRACE_SAIF=0",
];

/// Results kept for each library, newest first.
const KEPT: usize = 4;

/// What is installed here.
pub struct Toolchain {
    verilator_version: String,
    include: PathBuf,
    cxx: &'static str,
    cxx_version: String,
    cpp: PathBuf,
    cache: PathBuf,
    folders: std::cell::RefCell<Vec<(String, PathBuf)>>,
    globals: std::cell::RefCell<BTreeSet<String>>,
}

impl Toolchain {
    /// Looks for Verilator and a C++ compiler.
    pub fn find() -> Result<Self, Failure> {
        let no_verilator =
            "verilator is not installed: run `make setup` (Debian: apt-get install verilator)";
        let verilator_version = output("verilator", &["--version"]).ok_or(no_verilator)?;
        let root = output("verilator", &["--getenv", "VERILATOR_ROOT"]).ok_or(no_verilator)?;
        let (cxx, cxx_version) = ["clang++", "g++"]
            .into_iter()
            .find_map(|cxx| Some((cxx, output(cxx, &["--version"])?)))
            .ok_or("no C++ compiler: run `make setup` (Debian: apt-get install clang)")?;
        let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
        // Beside the OUT_DIRs of all packages: checks, tests and features of one target folder share it.
        let cache = out
            .ancestors()
            .nth(2)
            .ok_or("OUT_DIR has no parent")?
            .join("shoal-verilated-cache");
        std::fs::create_dir_all(&cache)?;
        Ok(Self {
            verilator_version,
            include: Path::new(root.trim()).join("include"),
            cxx,
            cxx_version,
            cpp: PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").ok_or("no manifest folder")?)
                .join("cpp"),
            cache,
            folders: Vec::new().into(),
            globals: BTreeSet::new().into(),
        })
    }

    /// The library of one profile.
    pub fn model(&self, profile: &str, verilog: &str, shim: &str) -> Result<(), Failure> {
        let class = class(profile);
        let model_h = std::fs::read_to_string(self.cpp.join("model.h"))?;
        let folder = self.cached(&class, &[verilog, shim, &model_h], |dir| {
            let source = dir.join("shoal_top.v");
            std::fs::write(&source, verilog)?;
            std::fs::write(dir.join("shim.cpp"), shim)?;
            let out = Command::new("verilator")
                .args(VERILATOR)
                .args([
                    "--prefix",
                    &class,
                    "--top-module",
                    shoal_hdl::gen::TOP,
                    "--Mdir",
                ])
                .args([dir, &source])
                .output()?;
            std::fs::write(dir.join("verilator.log"), &out.stderr)?;
            if !out.status.success() {
                return Err(format!("verilator: {}", String::from_utf8_lossy(&out.stderr)).into());
            }
            let mut sources: Vec<PathBuf> = std::fs::read_dir(dir)?
                .filter_map(|e| Some(e.ok()?.path()))
                .filter(|p| p.extension().is_some_and(|e| e == "cpp"))
                .collect();
            sources.sort();
            let root = std::fs::read_to_string(dir.join(format!("{class}___024root.h")))?;
            let define = clock_before(&root).map(|name| format!("-DCLOCK_BEFORE={name}"));
            self.library(dir, &class, &sources, define.as_deref())
        })?;
        self.globals
            .borrow_mut()
            .extend(globals(&folder.join(format!("{class}_classes.mk")))?);
        Ok(())
    }

    /// The library of what all models need, Verilator's own files and the waveform converter.
    pub fn runtime(&self) -> Result<(), Failure> {
        let converter = self.cpp.join("fst2vcd.cpp");
        let names = self.globals.borrow().iter().cloned().collect::<Vec<_>>();
        let text = std::fs::read_to_string(&converter)?;
        self.cached("verilated_runtime", &[&names.join(" "), &text], |dir| {
            let mut sources = vec![converter.clone()];
            sources.extend(names.iter().map(|n| self.include.join(format!("{n}.cpp"))));
            self.library(dir, "verilated_runtime", &sources, None)
        })?;
        Ok(())
    }

    /// Tells cargo what to link; models first, they need the runtime.
    pub fn link(&self) {
        for (name, folder) in self.folders.borrow().iter() {
            println!("cargo:rustc-link-search=native={}", folder.display());
            println!("cargo:rustc-link-lib=static={name}");
        }
        for system in ["stdc++", "z", "pthread", "atomic"] {
            println!("cargo:rustc-link-lib={system}");
        }
    }

    /// The folder with the library `name` made from `parts`, built by `make` if it is not there.
    fn cached(
        &self,
        name: &str,
        parts: &[&str],
        make: impl FnOnce(&Path) -> Result<(), Failure>,
    ) -> Result<PathBuf, Failure> {
        let mut hash = DefaultHasher::new();
        (
            parts,
            &self.verilator_version,
            &self.cxx_version,
            VERILATOR,
            CXX,
            include_str!("cxx.rs"),
        )
            .hash(&mut hash);
        let folder = self.cache.join(format!("{name}-{:016x}", hash.finish()));
        if !folder.is_dir() {
            // Made aside and renamed: a build that was cut short leaves nothing that looks finished.
            let aside = self
                .cache
                .join(format!("tmp-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&aside);
            std::fs::create_dir_all(&aside)?;
            make(&aside)?;
            if std::fs::rename(&aside, &folder).is_err() && !folder.is_dir() {
                return Err(
                    format!("cannot rename {} to {}", aside.display(), folder.display()).into(),
                );
            }
            let _ = std::fs::remove_dir_all(&aside);
            self.forget_old(name)?;
        }
        self.folders
            .borrow_mut()
            .push((name.to_owned(), folder.clone()));
        Ok(folder)
    }

    fn forget_old(&self, name: &str) -> Result<(), Failure> {
        let mut all: Vec<_> = std::fs::read_dir(&self.cache)?
            .filter_map(Result::ok)
            .filter(|e| {
                e.file_name()
                    .to_string_lossy()
                    .starts_with(&format!("{name}-"))
            })
            .filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path())))
            .collect();
        all.sort();
        for (_, path) in all.iter().rev().skip(KEPT) {
            let _ = std::fs::remove_dir_all(path);
        }
        Ok(())
    }

    /// Compiles `sources` side by side and puts the objects into `lib<name>.a`.
    fn library(
        &self,
        dir: &Path,
        name: &str,
        sources: &[PathBuf],
        define: Option<&str>,
    ) -> Result<(), Failure> {
        let jobs = std::env::var("NUM_JOBS")
            .ok()
            .and_then(|n| n.parse().ok())
            .unwrap_or(1_usize);
        let object = |source: &Path| {
            dir.join(source.file_name().unwrap_or_default())
                .with_extension("o")
        };
        let next = AtomicUsize::new(0);
        let (include, cpp, cxx) = (&self.include, &self.cpp, self.cxx);
        let worker = || -> Result<(), Failure> {
            while let Some(source) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
                // What Verilator marks slow runs once: constructors, trace declarations.
                let slow = source.to_string_lossy().contains("__Slow");
                let mut command = Command::new(cxx);
                // -O3 is no faster and takes half as long again to compile.
                command
                    .args(CXX)
                    .args(define)
                    .arg(if slow { "-O1" } else { "-O2" });
                for folder in [dir, cpp, include, &include.join("vltstd")] {
                    command.arg("-I").arg(folder);
                }
                run(command.arg("-c").arg(source).arg("-o").arg(object(source)))?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(worker)).collect();
            workers
                .into_iter()
                .try_for_each(|w| w.join().map_err(|_| "compile thread panicked")?)
        })?;
        let mut ar = Command::new("ar");
        ar.arg("crs").arg(dir.join(format!("lib{name}.a")));
        run(ar.args(sources.iter().map(|s| object(s))))?;
        sources
            .iter()
            .try_for_each(|s| std::fs::remove_file(object(s)))?;
        Ok(())
    }
}

/// The member in the root class `header` that holds the clock of the last evaluation. Its name depends on the version of
/// Verilator; without it a model evaluates the falling edge too, which takes a fifth longer and changes nothing.
fn clock_before(header: &str) -> Option<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names = header.split(|c| !is_name(c));
    let mut found = names.filter(|n| {
        let end = n.strip_suffix("__0").unwrap_or(n);
        n.starts_with("__Vtrig") && n.contains("prev") && end.ends_with("_TOP__clock")
    });
    let first = found.next()?;
    found.all(|n| n == first).then_some(first)
}

/// Verilator's own source files that a model asks for: `VM_GLOBAL_FAST` and `VM_GLOBAL_SLOW`.
fn globals(classes: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(classes)?.replace("\\\n", " ");
    Ok(text
        .lines()
        .filter(|l| l.starts_with("VM_GLOBAL_FAST") || l.starts_with("VM_GLOBAL_SLOW"))
        .flat_map(|l| {
            l.split_whitespace()
                .skip(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect())
}

/// Standard output of a command that works.
fn output(program: &str, args: &[&str]) -> Option<String> {
    let out = Command::new(program).args(args).output().ok()?;
    out.status
        .success()
        .then(|| String::from_utf8_lossy(&out.stdout).into_owned())
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let out = command.output()?;
    if out.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&out.stderr);
    Err(format!("{}: {text}", command.get_program().to_string_lossy()).into())
}
