//! Deliberate faults: small wrong edits of the Verilog that show that the checks would notice.
//!
//! They are compiled in only where the feature `breaks` of the Verilator binding asks for it, all in one build, each
//! behind a flag that stays 0 unless the run carries its plusarg.

/// One deliberate fault.
#[derive(Clone, Copy, Debug)]
pub struct Break {
    /// Name: lower case, digits and `_`. The plusarg is `+break_<name>`.
    pub name: &'static str,
    /// What goes wrong, for the user.
    pub doc: &'static str,
    /// Regular expression that the whole name of exactly one module matches.
    pub module: &'static str,
    /// Text that stands exactly once in that module; any run of blanks matches any other.
    pub find: &'static str,
    /// What stands there instead. `BRK` is the flag, 1 when the fault is on.
    pub replace: &'static str,
}

/// Every fault of this version.
pub const BREAKS: &[Break] = &[];
