//! One instance of the RTL.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::Profile;

use crate::error::Error;
use crate::ffi::{fst_to_vcd, Model};

/// The Verilated top of one profile. Instances are independent; one may be moved to another thread.
pub struct Rtl {
    model: Model,
    profile: &'static Profile,
    outputs: Outputs,
    cycle: u64,
    trace: Option<Trace>,
}

/// An open waveform.
struct Trace {
    /// Where Verilator writes.
    fst: PathBuf,
    /// Where the user wants a VCD, made from the FST on close.
    vcd: Option<PathBuf>,
}

impl Rtl {
    /// The RTL of `profile`, before its first edge. `seed` decides the contents of every register and memory.
    ///
    /// Each of `plusargs` is `+name` or `+name=value`, for `$test$plusargs` in this instance.
    ///
    /// # Errors
    /// [`Error::NoProfile`], [`Error::Plusarg`], [`Error::Create`].
    pub fn new(profile: &'static Profile, seed: u64, plusargs: &[String]) -> Result<Self, Error> {
        if !Model::exists(profile.name) {
            return Err(Error::NoProfile(profile.name));
        }
        let mut args = vec![c"shoal".to_owned()];
        for plusarg in plusargs {
            // Verilator ends the process on one of its own options that it does not know.
            let bad = !plusarg.starts_with('+') || plusarg.starts_with("+verilator+");
            let text = CString::new(plusarg.as_str()).ok().filter(|_| !bad);
            args.push(text.ok_or_else(|| Error::Plusarg(plusarg.clone()))?);
        }
        let model =
            Model::new(profile.name, fold(seed), &args).ok_or(Error::Create(profile.name))?;
        let mut outputs = Outputs::default();
        model.outputs(&mut outputs);
        Ok(Self {
            model,
            profile,
            outputs,
            cycle: 0,
            trace: None,
        })
    }

    /// The profile of this instance.
    #[must_use]
    pub fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// One clock cycle: the rising edge samples `inputs`; returned are the outputs after it.
    ///
    /// Bits of `inputs` above a port's width are ignored.
    pub fn step(&mut self, inputs: &Inputs) -> Outputs {
        self.model.step(inputs, &mut self.outputs);
        self.cycle += 1;
        self.outputs
    }

    /// The outputs after the last edge, before the first edge those of the random state.
    #[must_use]
    pub fn outputs(&self) -> Outputs {
        self.outputs
    }

    /// Clock edges so far.
    #[must_use]
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// Holds `reset` for `cycles` edges, every other input 0; returns the outputs after the last.
    pub fn reset(&mut self, cycles: u64) -> Outputs {
        let inputs = Inputs {
            reset: true,
            ..Inputs::default()
        };
        for _ in 0..cycles {
            self.step(&inputs);
        }
        self.outputs
    }

    /// Writes every signal of every cycle from now on to `path`, `.fst` or `.vcd`; 1 cycle is 4 ns.
    ///
    /// A `.vcd` is written when the waveform is closed; until then its signals are in `<path>.fst`.
    ///
    /// # Errors
    /// [`Error::TraceName`], [`Error::TraceWrite`], [`Error::TraceOpen`].
    pub fn trace_open(&mut self, path: &Path) -> Result<(), Error> {
        if let Some(trace) = &self.trace {
            return Err(Error::TraceOpen(
                trace.vcd.as_ref().unwrap_or(&trace.fst).clone(),
            ));
        }
        let trace = match path.extension().and_then(|e| e.to_str()) {
            Some("fst") => Trace {
                fst: path.to_owned(),
                vcd: None,
            },
            Some("vcd") => Trace {
                fst: path.with_extension("vcd.fst"),
                vcd: Some(path.to_owned()),
            },
            _ => return Err(Error::TraceName(path.to_owned())),
        };
        if !self.model.trace_open(&c_path(&trace.fst)?) {
            return Err(Error::TraceWrite(trace.fst));
        }
        self.trace = Some(trace);
        Ok(())
    }

    /// Ends the waveform, if one is open. A drop does so too.
    ///
    /// # Errors
    /// [`Error::TraceWrite`] when the VCD cannot be written; its signals stay in the FST.
    pub fn trace_close(&mut self) -> Result<(), Error> {
        let Some(trace) = self.trace.take() else {
            return Ok(());
        };
        self.model.trace_close();
        let Some(vcd) = trace.vcd else {
            return Ok(());
        };
        if !fst_to_vcd(&c_path(&trace.fst)?, &c_path(&vcd)?) {
            return Err(Error::TraceWrite(vcd));
        }
        // A left-over FST harms nobody.
        let _ = std::fs::remove_file(&trace.fst);
        Ok(())
    }
}

impl Drop for Rtl {
    fn drop(&mut self) {
        // There is nobody to tell; the FST is complete in any case.
        let _ = self.trace_close();
    }
}

fn c_path(path: &Path) -> Result<CString, Error> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::TraceName(path.to_owned()))
}

/// Verilator's seed is 31 bits and not 0: spreads all 64 bits of `seed` over it (the finaliser of splitmix64).
fn fold(seed: u64) -> i32 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    i32::try_from((z >> 33).max(1)).expect("31 bits")
}
