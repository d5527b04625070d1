//! A tiny device for tests of the harness: registers behind AXI-Lite, and a counter at `m_axis`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shoal_abi::ports::{Inputs, Outputs};

use super::{Dut, DutError, Factory};

/// Register that counts cycles out of reset.
pub(crate) const CYCLES: u32 = 0x10;
/// Reads of this register answer SLVERR.
pub(crate) const MISSING: u32 = 0xf0;

/// The device.
#[derive(Default)]
pub(crate) struct Fake {
    out: Outputs,
    regs: HashMap<u32, u32>,
    aw: Option<u32>,
    w: Option<u32>,
    cycles: u64,
    wrong_at: Option<u64>,
    panic_at: Option<u64>,
    trace: Option<(PathBuf, u64)>,
}

impl Fake {
    /// A device whose outputs before reset are noise.
    pub(crate) fn new(noise: u64) -> Self {
        let out = Outputs {
            m_axis_tdata: [noise; shoal_abi::profile::DATA_WORDS],
            ..Outputs::default()
        };
        Self {
            out,
            ..Self::default()
        }
    }

    /// A device that is wrong in one bit of one cycle after reset.
    pub(crate) fn wrong(at: u64) -> Self {
        Self {
            wrong_at: Some(at),
            ..Self::new(1)
        }
    }

    /// A device that panics in a cycle after reset.
    pub(crate) fn panicking(at: u64) -> Self {
        Self {
            panic_at: Some(at),
            ..Self::new(1)
        }
    }

    /// Makes good devices.
    pub(crate) fn factory(noise: u64) -> Factory {
        Arc::new(move || Ok(Box::new(Self::new(noise))))
    }

    /// Makes devices that go wrong in one cycle.
    pub(crate) fn wrong_factory(at: u64) -> Factory {
        Arc::new(move || Ok(Box::new(Self::wrong(at))))
    }
}

impl Dut for Fake {
    fn step(&mut self, i: &Inputs) -> Outputs {
        if let Some((_, n)) = &mut self.trace {
            *n += 1;
        }
        if i.reset {
            let (wrong_at, panic_at) = (self.wrong_at, self.panic_at);
            *self = Self {
                wrong_at,
                panic_at,
                trace: self.trace.take(),
                ..Self::default()
            };
            return self.out;
        }
        self.cycles += 1;
        assert!(self.panic_at != Some(self.cycles), "told to panic");
        let o = &mut self.out;
        if i.s_axil_awvalid && o.s_axil_awready {
            self.aw = Some(i.s_axil_awaddr);
        }
        if i.s_axil_wvalid && o.s_axil_wready {
            self.w = Some(i.s_axil_wdata);
        }
        o.s_axil_bvalid &= !i.s_axil_bready;
        o.s_axil_rvalid &= !i.s_axil_rready;
        if let (Some(addr), Some(data), false) = (self.aw, self.w, o.s_axil_bvalid) {
            self.regs.insert(addr, data);
            (self.aw, self.w) = (None, None);
            o.s_axil_bvalid = true;
        }
        if i.s_axil_arvalid && o.s_axil_arready {
            o.s_axil_rvalid = true;
            o.s_axil_rdata = match i.s_axil_araddr {
                CYCLES => self.cycles as u32,
                addr => self.regs.get(&addr).copied().unwrap_or(0),
            };
            o.s_axil_rresp = if i.s_axil_araddr == MISSING { 2 } else { 0 };
        }
        o.s_axil_awready = self.aw.is_none();
        o.s_axil_wready = self.w.is_none();
        o.s_axil_arready = !o.s_axil_rvalid;
        o.m_axis_tdata = shoal_abi::ports::data([self.cycles]);
        if self.wrong_at == Some(self.cycles) {
            o.m_axis_tdata[0] ^= 0x100;
        }
        *o
    }

    fn outputs(&self) -> Outputs {
        self.out
    }

    fn trace_open(&mut self, path: &Path) -> Result<(), DutError> {
        self.trace = Some((path.to_owned(), 0));
        Ok(())
    }

    fn trace_close(&mut self) -> Result<(), DutError> {
        let Some((path, cycles)) = self.trace.take() else {
            return Ok(());
        };
        std::fs::write(path, cycles.to_string()).map_err(|e| DutError::Device(e.to_string()))
    }
}
