//! Hand-made traces for the tests of the monitors.

use shoal_abi::ports::{Inputs, Outputs};

use super::{Monitor, Violation};

/// A trace under construction: cycles are appended, then a monitor takes them all.
#[derive(Default)]
pub(crate) struct Trace {
    cycles: Vec<(Inputs, Outputs)>,
}

impl Trace {
    /// An empty trace.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Outputs of an idle device out of reset.
    pub(crate) fn idle() -> (Inputs, Outputs) {
        let o = Outputs {
            m_axi_bready: true,
            m_axi_rready: true,
            ..Outputs::default()
        };
        (Inputs::default(), o)
    }

    /// Appends an idle cycle changed by `f`.
    pub(crate) fn cycle(&mut self, f: impl FnOnce(&mut Inputs, &mut Outputs)) -> &mut Self {
        let (mut i, mut o) = Self::idle();
        f(&mut i, &mut o);
        self.cycles.push((i, o));
        self
    }

    /// Appends `n` idle cycles.
    pub(crate) fn wait(&mut self, n: usize) -> &mut Self {
        for _ in 0..n {
            self.cycles.push(Self::idle());
        }
        self
    }

    /// Appends the cycles of `other`.
    pub(crate) fn then(&mut self, other: &Self) -> &mut Self {
        self.cycles.extend_from_slice(&other.cycles);
        self
    }

    /// Runs `m` over the trace.
    pub(crate) fn run(&self, m: &mut dyn Monitor) -> Result<(), Violation> {
        for (n, (i, o)) in self.cycles.iter().enumerate() {
            m.check(n as u64, i, o)?;
        }
        Ok(())
    }

    /// The rule that `m` finds broken.
    pub(crate) fn broken(&self, m: &mut dyn Monitor) -> &'static str {
        self.run(m).expect_err("the trace breaks a rule").rule
    }
}
